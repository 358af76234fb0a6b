/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of which each CPU has its own: arrays and hashes hold a __percpu pointer per key. */
#include "config.h"

#include "walk/maps.h"

#include "base/cleanup.h"

enum { JUDGED_MAX = 256 }; /* elements looked at to tell where the pointer is */

uint64_t map_percpu_cost(const struct map_job *job)
{
	uint64_t per_cpu = align_up(job->row->value_size, 16) + sizeof(uint8_t *);

	return sizeof(struct map_entry) + job->mw->k->nr_cpu_ids * per_cpu;
}

/* Calls of kprefetch() for more and more ranges. */
struct ranges {
	struct kernel *k;
	struct krange *r;
	size_t nr;
};

static void ranges_flush(struct ranges *rs)
{
	if (rs->nr)
		kprefetch(rs->k, rs->r, rs->nr);
	rs->nr = 0;
}

static struct err *prefetch(struct map_job *job, const uint64_t *pptrs, size_t n, size_t len)
{
	struct kernel *k = job->mw->k;
	_cleanup_free_ struct krange *r = calloc(MAP_RANGES, sizeof(*r));
	struct ranges rs = { .k = k, .r = r };

	if (!r)
		return &err_nomem;
	for (size_t i = 0; i < n; i++) {
		for (uint32_t cpu = 0; cpu < k->nr_cpu_ids && pptrs[i]; cpu++) {
			struct kva addr;
			struct err *e = kpercpu(k, (struct kva){ pptrs[i] }, cpu, &addr);

			if (e) { /* not a possible CPU */
				err_free(e);
				continue;
			}
			r[rs.nr++] = (struct krange){ addr, len };
			if (rs.nr == MAP_RANGES)
				ranges_flush(&rs);
		}
	}
	ranges_flush(&rs);
	return NULL;
}

/* ---- where a hash has the pointer */

/* The static per-CPU variables; empty if they are not known. */
static void static_area(const struct kernel *k, uint64_t *start, uint64_t *len)
{
	struct kva first, end;
	struct err *e = ksym(k, "__per_cpu_start", &first);

	if (!e)
		e = ksym(k, "__per_cpu_end", &end);
	*start = *len = 0;
	if (!e && end.v >= first.v) {
		*start = first.v;
		*len = end.v - first.v;
	}
	err_ignore(e);
}

/* What alloc_percpu() cannot have given out is 0. */
static uint64_t dynamic_or_0(uint64_t word, uint64_t start, uint64_t len)
{
	return word % 8 || word - start < len ? 0 : word;
}

/* Whether all CPUs have something there. */
static struct err *is_everywhere(struct kernel *k, uint64_t word, bool *ret)
{
	*ret = false;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids && word; cpu++) {
		struct kva addr;
		uint64_t v;

		if (!k->possible[cpu])
			continue;
		_cleanup_err_ struct err *e = kpercpu(k, (struct kva){ word }, cpu, &addr);
		if (!e)
			e = kread_u64(k, addr, &v);
		if (e)
			return walk_is_fatal(e) ? take_ptr(e) : NULL;
		*ret = true;
	}
	return NULL;
}

/*
 * A word of half a pointer and half of what lies beside it seldom is a pointer: a packed one read as padded may
 * be, where what is left of it is small, but hardly ever the other way round, because then the upper half
 * of an address would have to come out of its lower one. So in doubt it is packed.
 */
struct err *map_percpu_place(struct map_job *job, const struct percpu_words *words, size_t n,
			     enum percpu_place *ret)
{
	struct kernel *k = job->mw->k;
	uint64_t cand[2 * JUDGED_MAX], start, len;
	size_t packed = 0, padded = 0;

	*ret = PERCPU_PADDED;
	if (job->row->key_size % 8 == 0 || !n || !k->nr_cpu_ids)
		return NULL;
	n = MIN(n, (size_t)JUDGED_MAX);
	static_area(k, &start, &len);
	for (size_t i = 0; i < n; i++) {
		cand[2 * i] = dynamic_or_0(words[i].packed, start, len);
		cand[2 * i + 1] = dynamic_or_0(words[i].padded, start, len);
	}
	TRY(prefetch(job, cand, 2 * n, sizeof(uint64_t)));
	for (size_t i = 0; i < n; i++) {
		bool there;

		TRY(is_everywhere(k, cand[2 * i], &there));
		packed += there;
		TRY(is_everywhere(k, cand[2 * i + 1], &there));
		padded += there;
	}
	if (!packed && !padded)
		*ret = PERCPU_NOWHERE;
	else if (packed >= padded)
		*ret = PERCPU_PACKED;
	return NULL;
}

/* ---- values */

/* NULL in *ret: no such CPU, or unreadable (*lost). */
static struct err *read_one(struct map_job *job, uint64_t pptr, uint32_t cpu, const uint8_t **ret, bool *lost)
{
	struct kernel *k = job->mw->k;
	struct kva addr;

	*ret = NULL;
	*lost = false;
	if (!k->possible[cpu])
		return NULL;

	_cleanup_err_ struct err *e = kpercpu(k, (struct kva){ pptr }, cpu, &addr);
	if (!e) {
		uint8_t *value = pool_alloc(job->mw->pool, job->row->value_size);

		if (!value)
			return &err_nomem;
		e = kread(k, addr, value, job->row->value_size);
		if (!e)
			*ret = value;
	}
	if (walk_is_fatal(e))
		return take_ptr(e);
	*lost = e;
	return NULL;
}

/* The values of all CPUs. */
static struct err *read_all(struct map_job *job, struct map_entry *entry, uint64_t pptr, size_t *unreadable)
{
	uint32_t cpus = job->mw->k->nr_cpu_ids;
	const uint8_t **per_cpu = pool_calloc(job->mw->pool, cpus, sizeof(*per_cpu));
	bool *losses = NULL;

	if (!per_cpu)
		return &err_nomem;
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		bool lost;

		TRY(read_one(job, pptr, cpu, &per_cpu[cpu], &lost));
		if (!lost)
			continue;
		if (!losses)
			losses = pool_calloc(job->mw->pool, cpus, sizeof(*losses));
		if (!losses)
			return &err_nomem;
		losses[cpu] = true;
		++*unreadable;
	}
	entry->per_cpu = per_cpu;
	entry->cpu_lost = losses;
	return NULL;
}

struct err *map_percpu_fill(struct map_job *job, struct map_entry *entries, const uint64_t *pptrs,
			    size_t n, size_t *unreadable)
{
	if (!job->mw->k->nr_cpu_ids && n)
		return map_unreadable(job, "per-CPU values: %s",
				      job->mw->k->cpus_why ? job->mw->k->cpus_why : "no CPUs known");
	TRY(prefetch(job, pptrs, n, job->row->value_size));
	for (size_t i = 0; i < n; i++) {
		if (pptrs[i])
			TRY(read_all(job, &entries[i], pptrs[i], unreadable));
	}
	return NULL;
}
