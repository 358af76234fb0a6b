/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Event counters: struct scx_event_stats per CPU, a variable in 6.15, then the scheduler's.  Which
 * there are changes from release to release, so they are what this kernel's types name.
 */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	COUNTERS_MAX = 256,
	STATS_MAX = 4096, /* bytes of the struct */
};

static int64_t add_saturating(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static bool is_known(const struct scx_events *ev, const char *name)
{
	for (size_t i = 0; i < ev->nr; i++) {
		if (!strcmp(ev->names[i], name))
			return true;
	}
	return false;
}

/* Every member that is a number and lies within the struct, in the struct's order. */
static struct err *find_counters(struct scx_walk *s, uint32_t id, uint64_t size, struct scx_events *ev,
				 struct member *where)
{
	static const char prefix[] = "SCX_EV_";
	const struct types *types = s->k->types;
	const struct btf_type *t = types_get(types, id);
	const struct btf_member *m = (const void *)(t + 1);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info) && ev->nr < COUNTERS_MAX; i++) {
		const char *name = types_str(types, m[i].name_off);
		struct err *e = *name ? types_member(types, id, name, &where[ev->nr]) :
					err_new(ERR_MISSING, "a member without a name");

		if (e || where[ev->nr].size > 8 || where[ev->nr].nr || !member_fits(&where[ev->nr], size)) {
			err_free(e);
			continue;
		}
		if (!strncmp(name, prefix, sizeof(prefix) - 1))
			name += sizeof(prefix) - 1;
		if (*name && !is_known(ev, name))
			ev->names[ev->nr++] = name;
	}
	return NULL;
}

/* The per-CPU object that they are in, and how far; *ret stays 0 if there is none. */
static struct err *find_stats(struct scx_walk *s, struct kva sched, struct kva *ret, uint64_t *off)
{
	const struct scx_layout *l = &s->l;

	*off = 0;
	if (sched.v && l->pcpu.present && l->pcpu_events.present) {
		*off = l->pcpu_events.off;
		return kget_kva(s->k, sched, &l->pcpu, ret);
	}
	if (sched.v && l->event_stats_cpu.present)
		return kget_kva(s->k, sched, &l->event_stats_cpu, ret);
	if (!sched.v && khas_sym(s->k, "event_stats_cpu"))
		return ksym(s->k, "event_stats_cpu", ret);
	return NULL;
}

static struct err *read_cpu(struct scx_walk *s, struct kva at, size_t size, const struct member *where,
			    struct scx_events *ev)
{
	uint8_t raw[STATS_MAX];
	int64_t *row = ev->counts + ev->nr_cpus * ev->nr;

	TRY(kread(s->k, at, raw, size));
	for (size_t i = 0; i < ev->nr; i++) {
		row[i] = (int64_t)member_get(&where[i], raw);
		ev->sums[i] = add_saturating(ev->sums[i], row[i]);
	}
	return NULL;
}

static struct err *read_cpus(struct scx_walk *s, struct kva stats, uint64_t off, size_t size,
			     const struct member *where, struct scx_events *ev, const char **failed)
{
	struct kernel *k = s->k;
	_cleanup_free_ struct krange *at = calloc(k->nr_cpu_ids + 1, sizeof(*at));
	_cleanup_free_ uint32_t *cpus = calloc(k->nr_cpu_ids + 1, sizeof(*cpus));
	size_t nr = 0;

	if (!at || !cpus)
		return &err_nomem;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++) {
		if (!k->possible[cpu])
			continue;
		TRY(kpercpu(k, stats, cpu, &at[nr].addr));
		at[nr].addr.v += off;
		at[nr].len = size;
		cpus[nr++] = cpu;
	}
	ev->cpus = pool_calloc(s->pool, nr, sizeof(*ev->cpus));
	ev->counts = pool_calloc(s->pool, nr * ev->nr, sizeof(*ev->counts));
	if (!ev->cpus || !ev->counts)
		return &err_nomem;
	kprefetch(k, at, nr);
	for (size_t i = 0; i < nr; i++) {
		if (scx_failed(s, err_prefix(read_cpu(s, at[i].addr, size, where, ev), "event counters of CPU %" PRIu32,
					     cpus[i]), failed))
			continue;
		ev->cpus[ev->nr_cpus++] = cpus[i];
	}
	return NULL;
}

struct err *scx_read_events(struct scx_walk *s, struct kva sched, struct scx_events *ev, const char **failed)
{
	_cleanup_free_ struct member *where = calloc(COUNTERS_MAX, sizeof(*where));
	struct kva stats = { 0 };
	uint64_t off, size;
	uint32_t id;

	struct err *e = types_find(s->k->types, BTF_KIND_STRUCT, "scx_event_stats", &id);
	if (e) {
		err_free(e);
		return NULL;
	}
	ev->names = pool_calloc(s->pool, COUNTERS_MAX, sizeof(*ev->names));
	ev->sums = pool_calloc(s->pool, COUNTERS_MAX, sizeof(*ev->sums));
	if (!where || !ev->names || !ev->sums)
		return &err_nomem;
	TRY(types_size(s->k->types, id, &size));
	if (size > STATS_MAX)
		return err_new(ERR_CORRUPT, "event counters of %" PRIu64 " bytes", size);
	TRY(find_counters(s, id, size, ev, where));
	TRY(err_prefix(find_stats(s, sched, &stats, &off), "event counters"));
	if (!stats.v || !ev->nr)
		return NULL;
	return read_cpus(s, stats, off, size, where, ev, failed);
}
