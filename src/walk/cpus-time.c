/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of one CPU: timers of jiffies, ticks, softirqs; stamps of the lockup detectors. */
#include "config.h"

#include "walk/cpus.h"

static const char *const bases_var = "timer_bases";

/*
 * The deferrable timers, which an idle CPU may leave alone, are those of the last base; before it there are one or two
 * (6.9: those that only their CPU may run have one of their own).
 */
static struct err *nr_bases(struct cpus_walk *c, uint64_t *ret)
{
	uint64_t size;

	*ret = 0;
	if (!c->l.tb.present || !c->l.tb.size || !c->l.tb_next.present || !c->l.tb_pending.present ||
	    !khas_sym(c->k, bases_var))
		return NULL;
	TRY(cpus_var_size(c, bases_var, 2 * c->l.tb.size, &size));
	*ret = size / c->l.tb.size;
	return NULL;
}

static struct err *read_base(struct cpus_walk *c, struct kva base, struct cpu_row *row)
{
	const struct opt_u64 *now = &c->w->r->cpus.detectors.jiffies;
	const struct cpus_layout *l = &c->l;
	struct opt_u64 recalc = { 0 };
	uint64_t next, pending;

	TRY(kget(c->k, base, &l->tb_next, &next));
	TRY(kget(c->k, base, &l->tb_pending, &pending));
	TRY(cpus_get(c, base, &l->tb_recalc, &recalc));
	/* The next one has been taken back, and which is next now will be looked up when that is due. */
	if (!now->has || recalc.v)
		return NULL;
	uint64_t late = pending && now->v - next < INT64_MAX ? now->v - next : 0;
	row->wheel_late = (struct opt_u64){ true, MAX(row->wheel_late.v, late) };
	return NULL;
}

static struct err *running_timer(struct cpus_walk *c, struct kva base, struct cpu_row *row)
{
	struct opt_u64 timer = { 0 };
	uint64_t func;

	TRY(cpus_get(c, base, &c->l.tb_running, &timer));
	if (!timer.v || !c->l.timer_func.present || row->running_timer)
		return NULL;
	TRY(kget(c->k, (struct kva){ timer.v }, &c->l.timer_func, &func));
	return cpus_func_name(c, func, &row->running_timer);
}

static struct err *read_wheel(struct cpus_walk *c, struct cpu_row *row)
{
	uint64_t nr;
	struct kva base;

	TRY(nr_bases(c, &nr));
	if (!nr)
		return NULL;
	TRY(kpercpu_sym(c->k, bases_var, row->cpu, &base));
	for (uint64_t i = 0; i < MIN(nr, (uint64_t)4); i++, base.v += c->l.tb.size) {
		if (i + 1 < nr || nr == 1)
			TRY(read_base(c, base, row));
		TRY(running_timer(c, base, row));
	}
	return NULL;
}

static struct err *read_softirqs(struct cpus_walk *c, struct cpu_row *row)
{
	const struct cpus_layout *l = &c->l;
	struct kva at;

	TRY(cpus_percpu_var(c, "__softirq_pending", row->cpu, 2, &row->softirqs)); /* 6.15 */
	if (!row->softirqs.has && l->hot_softirq.present && khas_sym(c->k, "pcpu_hot")) {
		TRY(kpercpu_sym(c->k, "pcpu_hot", row->cpu, &at));
		TRY(cpus_get(c, at, &l->hot_softirq, &row->softirqs));
	}
	if (!row->softirqs.has && l->stat_softirq.present && khas_sym(c->k, "irq_stat")) { /* to 6.1 */
		TRY(kpercpu_sym(c->k, "irq_stat", row->cpu, &at));
		TRY(cpus_get(c, at, &l->stat_softirq, &row->softirqs));
	}
	return NULL;
}

struct err *cpus_read_timers(struct cpus_walk *c, struct cpu_row *row)
{
	struct kva sched;

	TRY(read_wheel(c, row));
	TRY(read_softirqs(c, row));
	if (c->l.ts_stalled.present && khas_sym(c->k, "tick_cpu_sched")) {
		TRY(kpercpu_sym(c->k, "tick_cpu_sched", row->cpu, &sched));
		TRY(cpus_get(c, sched, &c->l.ts_stalled, &row->stalled_ticks));
	}
	return NULL;
}

/* ---- lockup detectors */

static struct err *read_watched(struct cpus_walk *c, struct cpu_row *row)
{
	struct kva mask;
	uint8_t byte;

	if (!khas_sym(c->k, "watchdog_cpumask"))
		return NULL;
	TRY(ksym(c->k, "watchdog_cpumask", &mask));
	TRY(kread_u8(c->k, (struct kva){ mask.v + row->cpu / 8 }, &byte));
	row->has_watched = true;
	row->watched = byte >> row->cpu % 8 & 1;
	return NULL;
}

struct err *cpus_read_watchdogs(struct cpus_walk *c, struct cpu_row *row)
{
	struct opt_u64 touched = { 0 }, warned = { 0 };

	TRY(cpus_percpu_var(c, "watchdog_touch_ts", row->cpu, 8, &row->softlockup_touch));
	TRY(read_watched(c, row));
	/* 6.5 made them an atomic_t and an int, and gave the others their names. */
	TRY(cpus_percpu_var(c, "hrtimer_interrupts", row->cpu, 8, &row->hard_interrupts));
	TRY(cpus_percpu_var(c, "hrtimer_interrupts_saved", row->cpu, 8, &row->hard_saved));
	TRY(cpus_percpu_var(c, "hrtimer_interrupts_missed", row->cpu, 4, &row->hard_missed)); /* 7.0 */
	TRY(cpus_percpu_var(c, "watchdog_hardlockup_touched", row->cpu, 1, &touched));
	TRY(cpus_percpu_var(c, "watchdog_hardlockup_warned", row->cpu, 1, &warned));
	if (!touched.has)
		TRY(cpus_percpu_var(c, "watchdog_nmi_touch", row->cpu, 1, &touched));
	if (!warned.has)
		TRY(cpus_percpu_var(c, "hard_watchdog_warn", row->cpu, 1, &warned));
	row->hard_touched = touched.v;
	row->hard_warned = warned.v;
	return NULL;
}
