/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many entries a map has by the kernel's own count, where it keeps one: of hashes in bpf_map.elem_count (6.6)
 * or, if they allocate as they go, in bpf_htab; of others in their own structure.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "walk/map-types.h"

/* enum bpf_map_type */
enum { LPM_TRIE = 11, SOCKHASH = 18, DEVMAP_HASH = 25, RHASH = 35 };
enum { NO_PREALLOC = 1 }; /* BPF_F_NO_PREALLOC */

struct count_layout {
	struct member elem_count;
	struct member htab, htab_count, htab_uses_percpu, htab_percpu, htab_counters;
	struct member lpm, lpm_count, shtab, shtab_count, dtab, dtab_count, rhtab, rhtab_count;
};

static const struct layout_member count_members[] = {
	LAYOUT_OPT(struct count_layout, elem_count, "bpf_map", "elem_count"), /* 6.6, and 6.1 of later */
	LAYOUT(struct count_layout, htab, "bpf_htab", "map"),
	LAYOUT_OPT(struct count_layout, htab_count, "bpf_htab", "count.counter"),
	LAYOUT_OPT(struct count_layout, htab_uses_percpu, "bpf_htab", "use_percpu_counter"), /* 6.0 */
	LAYOUT_OPT(struct count_layout, htab_percpu, "bpf_htab", "pcount.count"),
	LAYOUT_OPT(struct count_layout, htab_counters, "bpf_htab", "pcount.counters"),
	LAYOUT(struct count_layout, lpm, "lpm_trie", "map"),
	LAYOUT_OPT(struct count_layout, lpm_count, "lpm_trie", "n_entries"),
	LAYOUT_OPT(struct count_layout, shtab, "bpf_shtab", "map"),
	LAYOUT_OPT(struct count_layout, shtab_count, "bpf_shtab", "count.counter"),
	LAYOUT_OPT(struct count_layout, dtab, "bpf_dtab", "map"),
	LAYOUT_OPT(struct count_layout, dtab_count, "bpf_dtab", "items"),
	LAYOUT_OPT(struct count_layout, rhtab, "bpf_rhtab", "map"), /* 7.2 */
	LAYOUT_OPT(struct count_layout, rhtab_count, "bpf_rhtab", "ht.nelems.counter"),
};

/* Adds what each CPU has counted, in `size` bytes. */
static struct err *add_cpus(struct kernel *k, struct kva ptr, size_t size, int64_t *sum)
{
	_cleanup_free_ struct krange *at = calloc(k->nr_cpu_ids + 1, sizeof(*at));
	size_t nr = 0;

	if (!at)
		return &err_nomem;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++) {
		if (!k->possible[cpu])
			continue;
		TRY(kpercpu(k, ptr, cpu, &at[nr].addr));
		at[nr++].len = size;
	}
	kprefetch(k, at, nr);
	for (size_t i = 0; i < nr; i++) {
		uint8_t raw[8] = { 0 };

		TRY(kread(k, at[i].addr, raw, size));
		*sum += size == 4 ? (int32_t)get_le32(raw) : (int64_t)get_le64(raw);
	}
	return NULL;
}

/* Hashes that allocate as they go count their elements themselves, in one of two ways. */
static struct err *htab_count(struct map_job *job, const struct count_layout *l, int64_t *sum, bool *known)
{
	struct kva htab = { job->row->kva.v - l->htab.off }, counters;
	struct kernel *k = job->mw->k;
	uint64_t percpu = 0, v;

	if (!l->htab.present || !(job->row->flags & NO_PREALLOC))
		return NULL;
	if (l->htab_uses_percpu.present)
		TRY(kget(k, htab, &l->htab_uses_percpu, &percpu));
	if (percpu ? !l->htab_percpu.present || !l->htab_counters.present : !l->htab_count.present)
		return NULL;
	TRY(kget(k, htab, percpu ? &l->htab_percpu : &l->htab_count, &v));
	*sum = (int64_t)v;
	*known = true;
	if (!percpu)
		return NULL;
	TRY(kget_kva(k, htab, &l->htab_counters, &counters));
	return add_cpus(k, counters, sizeof(int32_t), sum);
}

static struct err *own_count(struct map_job *job, const struct member *map, const struct member *count, int64_t *sum,
			     bool *known)
{
	uint64_t v;

	if (!map->present || !count->present)
		return NULL;
	TRY(kget(job->mw->k, (struct kva){ job->row->kva.v - map->off }, count, &v));
	*sum = (int64_t)v;
	*known = true;
	return NULL;
}

static struct err *read_count(struct map_job *job, const struct count_layout *l, int64_t *sum, bool *known)
{
	struct kva percpu = { 0 };

	if (l->elem_count.present)
		TRY(kget_kva(job->mw->k, job->row->kva, &l->elem_count, &percpu));
	if (percpu.v) {
		*known = true;
		return add_cpus(job->mw->k, percpu, sizeof(int64_t), sum);
	}
	switch (job->row->type) {
	case LPM_TRIE:
		return own_count(job, &l->lpm, &l->lpm_count, sum, known);
	case SOCKHASH:
		return own_count(job, &l->shtab, &l->shtab_count, sum, known);
	case DEVMAP_HASH:
		return own_count(job, &l->dtab, &l->dtab_count, sum, known);
	case RHASH:
		return own_count(job, &l->rhtab, &l->rhtab_count, sum, known);
	}
	return map_is_hash(job->row->type) ? htab_count(job, l, sum, known) : NULL;
}

/* How many were found; false if that says nothing, because some are left out or are on their way. */
static bool found(const struct map_job *job, uint64_t *ret)
{
	const struct map_row *row = job->row;

	if (job->key || job->capped || job->out_of_bytes || job->implausible || row->unreadable || row->nr_locks)
		return false;
	*ret = row->body == MAP_BODY_SLOTS ? row->slots->nr : row->nr_entries;
	return row->body == MAP_BODY_SLOTS || row->body == MAP_BODY_ENTRIES || row->body == MAP_BODY_PERCPU_HASH;
}

struct err *map_count(struct map_job *job)
{
	struct map_row *row = job->row;
	struct count_layout l;
	bool known = false;
	int64_t sum = 0;
	uint64_t nr;

	TRY(klayout(job->mw->k, count_members, ARRAY_SIZE(count_members), &l, NULL));
	_cleanup_err_ struct err *e = read_count(job, &l, &sum, &known);
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e)
		return map_unreadable(job, "number of entries: %s", e->msg);
	if (!known)
		return NULL;
	if (sum < 0)
		return map_note(job, "the kernel counts %" PRId64 " entries", sum);
	row->has_count = true;
	row->count = (uint64_t)sum;
	if (!found(job, &nr))
		return NULL;
	/* Who adds or removes an entry does not count it at the same moment: each CPU may be about to. */
	if (MAX(nr, row->count) - MIN(nr, row->count) <= job->mw->k->nr_cpu_ids)
		return NULL;
	return map_note(job, "%" PRIu64 " entries are in it, the kernel counts %" PRIu64, nr, row->count);
}
