/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each CPU spent its time on: kernel_cpustat, kstat, and what an idle CPU has not yet added to them. */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/clock.h"

enum {
	IDLE_ACTIVE = 1 << 2, /* tick_sched.flags: TS_FLAG_IDLE_ACTIVE */
	RANGES = 3,
};

struct cputime_layout {
	/* struct kernel_cpustat and kernel_stat */
	struct member cpustat, elapse, entrytime, softirqs, irqs;
	/* struct tick_sched */
	struct member ts, ts_idle, ts_iowait, ts_entrytime, ts_flags, ts_active;
};

static const struct layout_member cputime_members[] = {
	LAYOUT(struct cputime_layout, cpustat, "kernel_cpustat", "cpustat"),
	LAYOUT_OPT(struct cputime_layout, elapse, "kernel_cpustat", "idle_elapse"),	  /* 7.2 */
	LAYOUT_OPT(struct cputime_layout, entrytime, "kernel_cpustat", "idle_entrytime"), /* 7.2 */
	LAYOUT(struct cputime_layout, softirqs, "kernel_stat", "softirqs"),
	LAYOUT(struct cputime_layout, irqs, "kernel_stat", "irqs_sum"),
	LAYOUT_OPT(struct cputime_layout, ts, "tick_sched", ""),
	LAYOUT_OPT(struct cputime_layout, ts_idle, "tick_sched", "idle_sleeptime"),    /* up to 7.1 */
	LAYOUT_OPT(struct cputime_layout, ts_iowait, "tick_sched", "iowait_sleeptime"), /* up to 7.1 */
	LAYOUT_OPT(struct cputime_layout, ts_entrytime, "tick_sched", "idle_entrytime"),
	LAYOUT_OPT(struct cputime_layout, ts_flags, "tick_sched", "flags"),
	LAYOUT_OPT(struct cputime_layout, ts_active, "tick_sched", "idle_active"), /* before flags */
};

struct cputime {
	struct walk *w;
	struct kernel *k;
	struct cputime_layout l;
	uint64_t index[NR_CPU_TIMES];
	struct kva cpustat, kstat, ts;
	bool nohz; /* the tick stops on idle CPUs: tick_cpu_sched says for how long */
	struct opt_u64 now;
};

static struct err *missing(struct cputime *c, const char *what)
{
	return report_section(c->w->r, "per_cpu_time", SECTION_NOT_IMPLEMENTED,
			      "not in this kernel's types: %s", what);
}

/* Where each time is in cpustat[]; *ret is false if one of them is nowhere. */
static struct err *find_times(struct cputime *c, bool *ret)
{
	static const char *const names[NR_CPU_TIMES] = {
		"CPUTIME_USER", "CPUTIME_NICE", "CPUTIME_SYSTEM", "CPUTIME_SOFTIRQ", "CPUTIME_IRQ",
		"CPUTIME_IDLE", "CPUTIME_IOWAIT", "CPUTIME_STEAL", "CPUTIME_GUEST", "CPUTIME_GUEST_NICE",
	};

	for (size_t i = 0; i < NR_CPU_TIMES; i++) {
		int64_t v;
		struct err *e = kenum(c->k, "cpu_usage_stat", names[i], &v);

		if (e && e->code != ERR_MISSING)
			return e;
		if (e || v < 0 || v >= c->l.cpustat.nr) {
			err_free(e);
			*ret = false;
			TRY(missing(c, names[i]));
			continue;
		}
		c->index[i] = (uint64_t)v;
	}
	return NULL;
}

static struct err *resolve(struct cputime *c, bool *ret)
{
	struct missing lacks = { 0 };
	struct err *e = klayout(c->k, cputime_members, ARRAY_SIZE(cputime_members), &c->l, &lacks);

	*ret = !lacks.nr;
	for (size_t i = 0; !e && i < lacks.nr; i++)
		e = missing(c, lacks.names[i]);
	missing_deinit(&lacks);
	TRY(e);
	if (!*ret)
		return NULL;
	TRY(find_times(c, ret));
	if (c->l.softirqs.nr < NR_SOFTIRQS || c->l.softirqs.size != 4 * c->l.softirqs.nr ||
	    c->l.cpustat.size != 8 * c->l.cpustat.nr) {
		*ret = false;
		return missing(c, "kernel_stat.softirqs or kernel_cpustat.cpustat as arrays of numbers");
	}
	return NULL;
}

/* Without high resolution timers, or with nohz=off, the tick goes on and counts idle time too. */
static struct err *find_nohz(struct cputime *c)
{
	struct kva active;
	uint8_t v = 0; /* an unsigned long, an int or a bool */

	if (!khas_sym(c->k, "tick_cpu_sched") || !c->l.ts.present)
		return NULL;
	TRY(ksym(c->k, "tick_cpu_sched", &c->ts));
	/* From 7.2 on cpustat has these times, whether the tick stops or not. */
	if (c->l.elapse.present)
		return NULL;
	if (khas_sym(c->k, "tick_nohz_active")) {
		TRY(ksym(c->k, "tick_nohz_active", &active));
		TRY(err_prefix(kread_u8(c->k, active, &v), "tick_nohz_active"));
	}
	c->nohz = v != 0;
	return NULL;
}

static void fetch(struct cputime *c)
{
	size_t room = (size_t)c->k->nr_cpu_ids * RANGES, nr = 0;
	_cleanup_free_ struct krange *ranges = calloc(room + 1, sizeof(*ranges));

	for (uint32_t cpu = 0; ranges && cpu < c->k->nr_cpu_ids; cpu++) {
		const struct krange want[RANGES] = {
			{ c->cpustat, c->l.cpustat.off + c->l.cpustat.size },
			{ c->kstat, c->l.softirqs.off + c->l.softirqs.size },
			{ c->ts, c->nohz ? c->l.ts.size : 0 },
		};

		for (size_t i = 0; c->k->possible[cpu] && i < RANGES; i++) {
			struct err *e = kpercpu(c->k, want[i].addr, cpu, &ranges[nr].addr);

			ranges[nr].len = want[i].len;
			nr += !e;
			err_ignore(e);
		}
	}
	if (ranges)
		kprefetch(c->k, ranges, nr);
}

static struct err *get_opt(struct cputime *c, struct kva obj, const struct member *m, struct opt_u64 *ret)
{
	if (!m->present)
		return NULL;
	TRY(kget(c->k, obj, m, &ret->v));
	ret->has = true;
	return NULL;
}

/* What an idle CPU's counters lack. */
static struct err *read_idle(struct cputime *c, struct kva cpustat, struct cpu_time_row *row)
{
	const struct cputime_layout *l = &c->l;
	const struct member *since = &l->entrytime;
	struct kva obj = cpustat, ts;
	bool active = false;
	uint64_t v = 0;

	if (l->elapse.present) {
		TRY(kget(c->k, cpustat, &l->elapse, &v));
		active = v;
	} else if (c->nohz) {
		TRY(kpercpu(c->k, c->ts, row->cpu, &ts));
		TRY(get_opt(c, ts, &l->ts_idle, &row->idle_sleeptime));
		TRY(get_opt(c, ts, &l->ts_iowait, &row->iowait_sleeptime));
		if (l->ts_active.present || l->ts_flags.present)
			TRY(kget(c->k, ts, l->ts_active.present ? &l->ts_active : &l->ts_flags, &v));
		active = l->ts_active.present ? v : v & IDLE_ACTIVE;
		since = &l->ts_entrytime;
		obj = ts;
	}
	if (!active || row->offline)
		return NULL;
	TRY(get_opt(c, obj, since, &row->idle_since));
	if (row->idle_since.has && c->now.has)
		row->idle_for = (struct opt_u64){
			true, c->now.v > row->idle_since.v ? c->now.v - row->idle_since.v : 0
		};
	return NULL;
}

static struct err *read_cpu(struct cputime *c, struct cpu_time_row *row)
{
	const struct cputime_layout *l = &c->l;
	struct kva cpustat, kstat;

	TRY(kpercpu(c->k, c->cpustat, row->cpu, &cpustat));
	TRY(kpercpu(c->k, c->kstat, row->cpu, &kstat));
	for (size_t i = 0; i < NR_CPU_TIMES; i++)
		TRY(kread_u64(c->k, (struct kva){ kmember(cpustat, &l->cpustat).v + 8 * c->index[i] },
			      &row->ns[i]));
	for (size_t i = 0; i < NR_SOFTIRQS; i++) {
		uint32_t v;

		TRY(kread_u32(c->k, (struct kva){ kmember(kstat, &l->softirqs).v + 4 * i }, &v));
		row->softirqs[i] = v;
	}
	TRY(kget(c->k, kstat, &l->irqs, &row->irqs));
	return read_idle(c, cpustat, row);
}

static struct err *read_cpus(struct cputime *c)
{
	struct report *r = c->w->r;

	for (uint32_t cpu = 0; cpu < c->k->nr_cpu_ids; cpu++) {
		struct cpu_time_row row = { .cpu = cpu, .offline = !c->k->online[cpu] };

		if (!c->k->possible[cpu])
			continue;
		struct err *e = read_cpu(c, &row);
		if (walk_is_fatal(e))
			return e;
		if (e) {
			struct err *failed = report_section(r, "per_cpu_time", SECTION_NOT_READABLE,
							    "CPU %" PRIu32 ": %s", cpu, e->msg);
			err_free(e);
			TRY(failed);
			continue;
		}
		struct cpu_time_row *copy = vec_push(&r->system.cpu_times);
		if (!copy)
			return &err_nomem;
		*copy = row;
	}
	return NULL;
}

struct err *walk_cpu_time(struct walk *w)
{
	struct cputime c = { .w = w, .k = w->k };
	struct kclocks clocks;
	bool resolved;

	TRY(report_section(w->r, "per_cpu_time", SECTION_COMPLETE, NULL));
	if (w->k->cpus_why)
		return report_section(w->r, "per_cpu_time", SECTION_NOT_READABLE, "no CPUs: %s", w->k->cpus_why);
	TRY(resolve(&c, &resolved));
	if (!resolved)
		return NULL;
	TRY(ksym(w->k, "kernel_cpustat", &c.cpustat));
	TRY(ksym(w->k, "kstat", &c.kstat));
	TRY(find_nohz(&c));
	fetch(&c);
	/* Without a clock, for how long a CPU has been idle remains open; since when does not. */
	struct err *e = kclocks_read(w->k, &clocks);
	if (walk_is_fatal(e))
		return e;
	if (!e)
		c.now = (struct opt_u64){ true, clocks.mono };
	err_free(e);
	return read_cpus(&c);
}
