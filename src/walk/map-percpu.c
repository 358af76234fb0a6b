/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of which each CPU has its own: arrays and hashes hold a __percpu pointer per key. */
#include "config.h"

#include "walk/maps.h"

#include "base/cleanup.h"

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

static struct err *prefetch(struct map_job *job, const uint64_t *pptrs, size_t n)
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
			r[rs.nr++] = (struct krange){ addr, job->row->value_size };
			if (rs.nr == MAP_RANGES)
				ranges_flush(&rs);
		}
	}
	ranges_flush(&rs);
	return NULL;
}

/* NULL in *ret: no such CPU, or unreadable (counted). */
static struct err *read_one(struct map_job *job, uint64_t pptr, uint32_t cpu, const uint8_t **ret,
			    size_t *unreadable)
{
	struct kernel *k = job->mw->k;
	struct kva addr;

	*ret = NULL;
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
	*unreadable += !!e;
	return NULL;
}

struct err *map_percpu_fill(struct map_job *job, struct map_entry *entries, const uint64_t *pptrs,
			    size_t n, size_t *unreadable)
{
	uint32_t cpus = job->mw->k->nr_cpu_ids;

	if (!cpus && n)
		return map_unreadable(job, "per-CPU values: %s",
				      job->mw->k->cpus_why ? job->mw->k->cpus_why : "no CPUs known");
	TRY(prefetch(job, pptrs, n));
	for (size_t i = 0; i < n; i++) {
		if (!pptrs[i])
			continue;

		const uint8_t **per_cpu = pool_calloc(job->mw->pool, cpus, sizeof(*per_cpu));
		if (!per_cpu)
			return &err_nomem;
		for (uint32_t cpu = 0; cpu < cpus; cpu++)
			TRY(read_one(job, pptrs[i], cpu, &per_cpu[cpu], unreadable));
		entries[i].per_cpu = per_cpu;
	}
	return NULL;
}
