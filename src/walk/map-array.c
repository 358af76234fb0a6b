/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct bpf_array (kernel/bpf/arraymap.c): BPF_MAP_TYPE_ARRAY and PERCPU_ARRAY. */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"

static struct kva array_at(const struct map_job *job, const struct member *m)
{
	const struct map_layout *l = &job->mw->l;

	return (struct kva){ job->row->kva.v - l->array_map.off + m->off };
}

/*
 * One value: a variable, or a global section of an object.  What can be read from its start on is
 * kept, so that the variables before a hole are still there.
 */
static struct err *array_single(struct map_job *job, struct kva addr)
{
	struct map_row *row = job->row;
	struct kernel *k = job->mw->k;
	uint64_t want = MIN((uint64_t)row->value_size, job->bytes);

	if (want < row->value_size) {
		job->out_of_bytes = true;
		TRY(map_note(job, "only the first %" PRIu64 " bytes of the value were kept", want));
	}

	uint8_t *buf = pool_alloc(job->mw->pool, want);
	if (!buf)
		return &err_nomem;
	job->bytes -= want;
	kprefetch(k, &(struct krange){ addr, want }, 1);

	_cleanup_err_ struct err *e = kread(k, addr, buf, want);
	uint64_t got = want;
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e) {
		got = kread_some(k, addr, buf, want);
		TRY(map_unreadable(job, "%" PRIu64 " of %" PRIu32 " bytes of the value: %s",
				   row->value_size - got, row->value_size, e->msg));
		if (!got)
			return NULL;
	}
	row->body = MAP_BODY_VALUE;
	row->value = buf;
	row->value_len = got;
	/*
	 * String literals that clang puts into sections of their own (.rodata.str1.1): libbpf makes a
	 * map of them, without types and, having two dots, without the object's name in front.
	 */
	row->value_text = !row->value_type && strstr(row->name, ".rodata.str");
	return NULL;
}

/* Which of the entries to collect, at `cost` bytes each; notes what that leaves out. */
static struct err *array_range(struct map_job *job, const char *what, uint64_t by_default,
			       uint64_t cost, uint32_t *first, size_t *ret)
{
	uint64_t n = job->row->max_entries, cap = map_cap(job, by_default);

	*first = 0;
	if (job->key) { /* one that there is */
		*first = get_le32(job->key);
		*ret = map_take(job, cost);
		return *ret ? NULL : map_note(job, "one entry is bigger than the %" PRIu64 " bytes kept of a map", job->bytes);
	}
	if (n > cap) {
		n = cap;
		job->capped = true;
	}
	if (cost && n > job->bytes / cost) {
		n = job->bytes / cost;
		job->out_of_bytes = true;
	}
	job->bytes -= n * cost;
	*ret = n;
	if (n < job->row->max_entries)
		return map_note(job, "%s truncated at %" PRIu64 " keys (max_entries=%" PRIu32 ")", what,
				n, job->row->max_entries);
	return NULL;
}

/* nr * stride bytes at addr; ok[i] tells whether bytes [i * stride, + len) could be read. */
static struct err *read_slots(struct map_job *job, struct kva addr, uint8_t *buf, size_t nr,
			      uint64_t stride, uint64_t len, bool *ok, size_t *lost)
{
	struct kernel *k = job->mw->k;
	_cleanup_err_ struct err *e = NULL;

	kprefetch(k, &(struct krange){ addr, nr * stride }, 1);
	e = kread(k, addr, buf, nr * stride);
	if (walk_is_fatal(e))
		return take_ptr(e);
	*lost = 0;
	for (size_t i = 0; i < nr; i++) {
		ok[i] = !e;
		if (ok[i])
			continue;

		struct err *one = kread(k, (struct kva){ addr.v + i * stride }, buf + i * stride, len);
		if (walk_is_fatal(one))
			return one;
		ok[i] = !one;
		*lost += !!one;
		err_free(one);
	}
	return NULL;
}

struct err *map_array(struct map_job *job)
{
	const struct map_layout *l = &job->mw->l;
	struct pool *pool = job->mw->pool;
	struct map_row *row = job->row;

	if (!l->array_map.present || !l->array_value.present)
		return map_no_layout(job, "struct bpf_array");

	struct kva addr = array_at(job, &l->array_value);
	if (row->max_entries <= 1)
		return array_single(job, addr);

	/* array_map_alloc(): elements are padded to eight bytes. */
	uint64_t stride = align_up(row->value_size, 8);
	size_t nr, lost;
	uint32_t first;
	TRY(array_range(job, "ARRAY", WALK_ENTRIES_DEFAULT, stride + sizeof(*row->entries) + 1, &first, &nr));

	uint8_t *buf = pool_calloc(pool, nr, stride);
	struct map_entry *entries = pool_calloc(pool, nr, sizeof(*entries));
	bool *ok = pool_calloc(pool, nr, sizeof(*ok));
	if (!buf || !entries || !ok)
		return &err_nomem;
	addr.v += first * stride;
	TRY(read_slots(job, addr, buf, nr, stride, row->value_size, ok, &lost));
	for (size_t i = 0; i < nr; i++) {
		entries[i].index = first + (uint32_t)i;
		entries[i].value = ok[i] ? buf + i * stride : NULL;
	}
	row->body = MAP_BODY_ARRAY;
	row->entries = entries;
	row->nr_entries = nr;
	return lost ? map_unreadable(job, "%zu keys unreadable", lost) : NULL;
}

struct err *map_percpu_array(struct map_job *job)
{
	const struct map_layout *l = &job->mw->l;
	struct pool *pool = job->mw->pool;
	struct map_row *row = job->row;

	if (!l->array_map.present || !l->array_pptrs.present)
		return map_no_layout(job, "struct bpf_array");

	size_t nr, lost, cpus_lost = 0;
	uint32_t first;
	TRY(array_range(job, "PERCPU_ARRAY", WALK_PERCPU_KEYS_DEFAULT,
			map_percpu_cost(job) + sizeof(uint64_t) + 1, &first, &nr));

	uint8_t *raw = pool_calloc(pool, nr, sizeof(uint64_t));
	uint64_t *pptrs = pool_calloc(pool, nr, sizeof(*pptrs));
	struct map_entry *entries = pool_calloc(pool, nr, sizeof(*entries));
	bool *ok = pool_calloc(pool, nr, sizeof(*ok));
	if (!raw || !pptrs || !entries || !ok)
		return &err_nomem;
	struct kva addr = array_at(job, &l->array_pptrs);
	addr.v += first * sizeof(uint64_t);
	TRY(read_slots(job, addr, raw, nr, sizeof(uint64_t), sizeof(uint64_t), ok, &lost));
	for (size_t i = 0; i < nr; i++) {
		entries[i].index = first + (uint32_t)i;
		pptrs[i] = ok[i] ? get_le64(raw + i * sizeof(uint64_t)) : 0;
	}
	TRY(map_percpu_fill(job, entries, pptrs, nr, &cpus_lost));
	row->body = MAP_BODY_PERCPU_ARRAY;
	row->entries = entries;
	row->nr_entries = nr;
	if (lost)
		TRY(map_unreadable(job, "%zu keys unreadable", lost));
	if (cpus_lost)
		TRY(map_unreadable(job, "%zu per-CPU values unreadable", cpus_lost));
	return NULL;
}
