/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How each CPU fares: run queue, timer interrupt, stamps of the lockup detectors, what its registers say.
 * "Now" is the latest of the CPUs' clocks: a CPU that stands still does not bring its own up to date.
 */
#include "config.h"

#include "walk/cpus.h"

#include <bpf/btf.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/clock.h"

static const uint64_t EFLAGS_IF = 1 << 9, NEED_RESCHED = 1u << 31 /* PREEMPT_NEED_RESCHED, inverted */;
static const uint64_t NEVER = INT64_MAX; /* KTIME_MAX */

bool cpus_failed(struct cpus_walk *c, struct err *e, const char **why)
{
	if (!e)
		return false;
	if (walk_is_fatal(e)) {
		if (!c->fatal)
			c->fatal = e;
		else
			err_free(e);
		return true;
	}
	if (!*why)
		*why = pool_printf(&c->w->r->pool, "%s", e->msg);
	err_free(e);
	return true;
}

struct err *cpus_get(struct cpus_walk *c, struct kva obj, const struct member *m, struct opt_u64 *ret)
{
	uint64_t v;

	if (!m->present)
		return NULL;
	TRY(kget(c->k, obj, m, &v));
	*ret = (struct opt_u64){ true, v };
	return NULL;
}

struct err *cpus_var(struct cpus_walk *c, const char *name, size_t size, struct opt_u64 *ret)
{
	uint8_t raw[8];
	struct kva sym;

	if (!khas_sym(c->k, name))
		return NULL;
	TRY(ksym(c->k, name, &sym));
	TRY(err_prefix(kread(c->k, sym, raw, size), "%s", name));
	*ret = (struct opt_u64){ true, get_le(raw, size) };
	return NULL;
}

/* Per-CPU variables are the only ones with types in BTF. */
struct err *cpus_var_size(struct cpus_walk *c, const char *name, uint64_t otherwise, uint64_t *ret)
{
	uint32_t id;
	struct err *e = types_find(c->k->types, BTF_KIND_VAR, name, &id);

	if (!e)
		e = types_size(c->k->types, types_get(c->k->types, id)->type, ret);
	if (e && err_is_fatal(e))
		return e;
	if (e)
		*ret = otherwise;
	err_free(e);
	return NULL;
}

struct err *cpus_percpu_var(struct cpus_walk *c, const char *name, uint32_t cpu, size_t otherwise,
			    struct opt_u64 *ret)
{
	uint8_t raw[8];
	uint64_t size;
	struct kva at;

	if (!khas_sym(c->k, name))
		return NULL;
	TRY(cpus_var_size(c, name, otherwise, &size));
	if (!size || size > sizeof(raw))
		return NULL;
	TRY(kpercpu_sym(c->k, name, cpu, &at));
	TRY(err_prefix(kread(c->k, at, raw, size), "%s", name));
	*ret = (struct opt_u64){ true, get_le(raw, size) };
	return NULL;
}

/* ---- clocks and limits */

static struct err *opt_int(struct cpus_walk *c, const char *name, struct opt_i32 *ret)
{
	struct opt_u64 v = { 0 };

	TRY(cpus_var(c, name, 4, &v));
	*ret = (struct opt_i32){ v.has, (int32_t)v.v };
	return NULL;
}

static struct err *read_clocksource(struct cpus_walk *c, const char **ret)
{
	struct opt_u64 source = { 0 };
	struct kva name;
	char text[24];

	TRY(cpus_var(c, "curr_clocksource", 8, &source));
	if (!source.v || !c->l.cs_name.present)
		return NULL;
	TRY(kget_kva(c->k, (struct kva){ source.v }, &c->l.cs_name, &name));
	TRY(err_prefix(kread_str(c->k, name, text, sizeof(text)), "clocksource"));
	*ret = pool_printf(&c->w->r->pool, "%s", text);
	return *ret ? NULL : &err_nomem;
}

struct err *cpus_read_detectors(struct cpus_walk *c)
{
	struct detectors *d = &c->w->r->cpus.detectors;

	TRY(cpus_var(c, "jiffies_64", 8, &d->jiffies));
	TRY(cpus_var(c, "watchdog_thresh", 4, &d->watchdog_thresh));
	TRY(cpus_var(c, "watchdog_enabled", 8, &d->watchdog_enabled));
	TRY(cpus_var(c, "sysctl_hung_task_timeout_secs", 8, &d->hung_task_timeout));
	TRY(cpus_var(c, "wq_watchdog_thresh", 8, &d->wq_watchdog_thresh));
	TRY(opt_int(c, "sysctl_sched_rt_runtime", &d->rt_runtime));
	TRY(opt_int(c, "sysctl_sched_rt_period", &d->rt_period));
	TRY(opt_int(c, "tick_do_timer_cpu", &d->jiffies_cpu));
	TRY(read_clocksource(c, &d->clocksource));
	/* When it was last brought up to date, by one CPU for all. */
	TRY(kclock_mono(c->k, &d->monotonic.v));
	d->monotonic.has = true;
	return NULL;
}

/* ---- one CPU */

struct cpu_rows {
	struct cpus_walk *c;
	struct cpu_row *rows; /* [nr_cpu_ids] */
	uint64_t *resched;    /* since when need_resched, ns; [nr_cpu_ids] */
};

static struct err *read_rq(struct cpus_walk *c, struct cpu_row *row, uint64_t *resched)
{
	const struct cpus_layout *l = &c->l;
	struct opt_u64 arrival = { 0 }, since = { 0 };
	struct kva rq, idle = { 0 };
	uint64_t pid;

	TRY(kpercpu_sym(c->k, "runqueues", row->cpu, &rq));
	TRY(cpus_get(c, rq, &l->rq_clock, &row->clock));
	TRY(cpus_get(c, rq, &l->rq_nr_running, &row->nr_running));
	TRY(cpus_get(c, rq, &l->rq_nr_switches, &row->nr_switches));
	TRY(cpus_get(c, rq, &l->rq_rt, &row->nr_rt));
	TRY(cpus_get(c, rq, &l->rq_dl, &row->nr_dl));
	TRY(cpus_get(c, rq, &l->rq_ext, &row->nr_ext));
	TRY(cpus_read_limits(c, rq, row));
	TRY(cpus_get(c, rq, &l->rq_resched, &since));
	*resched = since.v;
	if (since.v)
		TRY(cpus_get(c, rq, &l->rq_resched_ticks, &row->resched_ticks));
	if (!l->rq_curr.present || !l->pid.present || !l->comm.present)
		return NULL;
	TRY(kget_kva(c->k, rq, &l->rq_curr, &row->curr));
	if (l->rq_idle.present)
		TRY(kget_kva(c->k, rq, &l->rq_idle, &idle));
	if (!row->curr.v)
		return NULL;
	row->idle = row->curr.v == idle.v;
	TRY(err_prefix(kget(c->k, row->curr, &l->pid, &pid), "running task"));
	TRY(err_prefix(kget_str(c->k, row->curr, &l->comm, row->curr_comm, sizeof(row->curr_comm)),
		       "running task"));
	row->curr_pid = (int32_t)pid;
	row->has_curr = true;
	TRY(cpus_get(c, row->curr, &l->last_arrival, &arrival));
	/* A task that has just been made current may have the stamp of a clock that is ahead. */
	if (arrival.has && arrival.v && row->clock.has && row->clock.v >= arrival.v && !row->idle)
		row->curr_for = (struct opt_u64){ true, row->clock.v - arrival.v };
	return NULL;
}

static struct err *read_timer(struct cpus_walk *c, struct cpu_row *row)
{
	const struct opt_u64 *now = &c->w->r->cpus.detectors.monotonic;
	const struct cpus_layout *l = &c->l;
	struct opt_u64 hres = { 0 }, due = { 0 }, hang = { 0 };
	struct kva base;

	if (!khas_sym(c->k, "hrtimer_bases"))
		return NULL;
	TRY(kpercpu_sym(c->k, "hrtimer_bases", row->cpu, &base));
	TRY(cpus_get(c, base, &l->hrt_hres, &hres));
	TRY(cpus_get(c, base, &l->hrt_expires, &due));
	TRY(cpus_get(c, base, &l->hrt_hang, &hang));
	row->timer_hung = hang.v;
	if (!hres.v || !due.has || due.v >= NEVER)
		return NULL; /* nothing is due, or not in this way */
	row->timer_due = due;
	if (now->has)
		row->timer_late = (struct opt_u64){ true, now->v > due.v ? now->v - due.v : 0 };
	return NULL;
}

static struct err *read_percpu(struct cpus_walk *c, struct cpu_row *row)
{
	struct opt_u64 preempt = { 0 };
	struct kva hot, rcu;

	if (c->l.rd_cblist_len.present && khas_sym(c->k, "rcu_data")) {
		TRY(kpercpu_sym(c->k, "rcu_data", row->cpu, &rcu));
		TRY(cpus_get(c, rcu, &c->l.rd_cblist_len, &row->rcu_callbacks));
	}
	TRY(cpus_percpu_var(c, "__preempt_count", row->cpu, 4, &preempt));
	if (!preempt.has && c->l.hot_preempt.present && khas_sym(c->k, "pcpu_hot")) {
		TRY(kpercpu_sym(c->k, "pcpu_hot", row->cpu, &hot));
		TRY(cpus_get(c, hot, &c->l.hot_preempt, &preempt));
	}
	if (preempt.has) {
		row->preempt_count = (struct opt_u64){ true, preempt.v & (NEED_RESCHED - 1) };
		row->has_need_resched = true;
		row->need_resched = !(preempt.v & NEED_RESCHED);
	}
	return NULL;
}

static void read_cpu(void *ctx, size_t cpu)
{
	struct cpu_rows *rows = ctx;
	struct cpus_walk *c = rows->c;
	struct cpu_row *row = &rows->rows[cpu];

	row->cpu = (uint32_t)cpu;
	if (!c->k->possible[cpu] || !c->k->online[cpu] || c->fatal)
		return;
	cpus_failed(c, read_rq(c, row, &rows->resched[cpu]), &row->why);
	cpus_failed(c, read_timer(c, row), &row->why);
	cpus_failed(c, cpus_read_timers(c, row), &row->why);
	cpus_failed(c, cpus_read_watchdogs(c, row), &row->why);
	cpus_failed(c, cpus_read_calls(c, row), &row->why);
	cpus_failed(c, read_percpu(c, row), &row->why);
}

static enum cpu_place place_of(struct cpus_walk *c, size_t vcpu)
{
	const struct arch *arch = c->k->arch;
	uint8_t before[ARCH_WAIT_LEN];
	uint64_t ip;
	bool kernel;
	struct err *e = arch->in_kernel(c->k->target, vcpu, &kernel);

	if (!e && !kernel)
		return CPU_IN_USER;
	if (!e)
		e = target_reg(c->k->target, vcpu, arch->ip, &ip);
	if (!e)
		e = kread(c->k, (struct kva){ ip - sizeof(before) }, before, sizeof(before));
	if (e) {
		err_free(e); /* registers: told by walk_vcpus(); code that cannot be read is told by the stack */
		return CPU_PLACE_UNKNOWN;
	}
	return arch->waits && arch->waits(before) ? CPU_HALTED : CPU_IN_KERNEL;
}

/* What the vCPUs' registers add. */
static void read_regs(struct cpus_walk *c, struct cpu_row *rows)
{
	for (size_t i = 0; i < c->k->target->nr_vcpus; i++) {
		uint64_t flags;
		uint32_t cpu;
		struct err *e = kvcpu_cpu(c->k, i, &cpu);

		if (!e && cpu < c->k->nr_cpu_ids) {
			rows[cpu].vcpu = (struct opt_u64){ true, i };
			rows[cpu].place = place_of(c, i);
			e = target_reg(c->k->target, i, "eflags", &flags);
			if (!e) {
				rows[cpu].has_irqs = true;
				rows[cpu].irqs_on = flags & EFLAGS_IF;
			}
		}
		err_ignore(e); /* told by walk_vcpus() */
	}
}

static void compare_clocks(const struct cpu_rows *ctx, uint32_t nr)
{
	struct cpu_row *rows = ctx->rows;
	uint64_t now = 0;

	for (uint32_t cpu = 0; cpu < nr; cpu++)
		now = MAX(now, rows[cpu].clock.v);
	for (uint32_t cpu = 0; cpu < nr; cpu++) {
		struct cpu_row *row = &rows[cpu];

		if (row->clock.has)
			row->clock_age = (struct opt_u64){ true, now - row->clock.v };
		if (ctx->resched[cpu] && ctx->resched[cpu] <= now)
			row->resched_for = (struct opt_u64){ true, now - ctx->resched[cpu] };
		/* Nobody has touched it yet, or it was reset: neither is an age. */
		if (row->softlockup_touch.has && row->softlockup_touch.v &&
		    row->softlockup_touch.v <= now >> 30)
			row->softlockup_age = (struct opt_u64){
				true, (now >> 30) - row->softlockup_touch.v
			};
	}
}

static struct err *read_cpus(struct cpus_walk *c)
{
	struct report *r = c->w->r;
	_cleanup_free_ struct cpu_row *rows = calloc(c->k->nr_cpu_ids + 1, sizeof(*rows));
	_cleanup_free_ uint64_t *resched = calloc(c->k->nr_cpu_ids + 1, sizeof(*resched));
	struct cpu_rows ctx = { c, rows, resched };
	size_t lost = 0;
	const char *why = NULL;

	if (!rows || !resched)
		return &err_nomem;
	mem_each(c->k->mem, c->k->nr_cpu_ids, read_cpu, &ctx);
	if (c->fatal)
		return take_ptr(c->fatal);
	read_regs(c, rows);
	compare_clocks(&ctx, c->k->nr_cpu_ids);
	for (uint32_t cpu = 0; cpu < c->k->nr_cpu_ids; cpu++) {
		if (!c->k->possible[cpu] || !c->k->online[cpu])
			continue;

		struct cpu_row *row = vec_push(&r->cpus.rows);
		if (!row)
			return &err_nomem;
		*row = rows[cpu];
		lost += row->why != NULL;
		if (row->why && !why)
			why = row->why;
	}
	if (lost)
		return report_section(r, "cpus", SECTION_NOT_READABLE, "%zu of %zu CPUs; first: %s", lost,
				      r->cpus.rows.nr, why);
	return NULL;
}

/* ---- all of it */

/* The error of one part, if it is not fatal, goes to its section, and the other parts go on. */
static struct err *sort_out(struct cpus_walk *c, const char *section, struct err *e)
{
	if (!e || walk_is_fatal(e))
		return e;

	struct err *failed = report_section(c->w->r, section,
					    e->code == ERR_MISSING ? SECTION_NOT_IMPLEMENTED :
					    e->code == ERR_CORRUPT ? SECTION_IMPLAUSIBLE :
								     SECTION_NOT_READABLE,
					    "%s", e->msg);
	err_free(e);
	return failed;
}

static struct err *run(struct cpus_walk *c)
{
	struct report *r = c->w->r;

	TRY(report_section(r, "cpus", SECTION_COMPLETE, NULL));
	TRY(cpus_members(c));
	for (size_t i = 0; i < c->missing.nr; i++)
		TRY(report_section(r, "cpus", SECTION_NOT_IMPLEMENTED, "not in this kernel's types: %s",
				   c->missing.names[i]));
	TRY(sort_out(c, "cpus", cpus_read_detectors(c)));
	if (c->k->cpus_why)
		TRY(report_section(r, "cpus", SECTION_NOT_READABLE, "%s", c->k->cpus_why));
	else
		TRY(read_cpus(c));
	TRY(sort_out(c, "cpus", cpus_read_throttled(c)));
	TRY(sort_out(c, "cpus", cpus_read_rcu(c)));
	TRY(sort_out(c, "cpus", cpus_read_other_rcus(c)));
	TRY(sort_out(c, "cpus", cpus_read_pools(c)));
	if (c->fatal)
		return take_ptr(c->fatal);
	r->cpus.collected = true;
	return NULL;
}

struct err *walk_cpus(struct walk *w)
{
	struct cpus_walk c = { .w = w, .k = w->k };
	struct err *e = run(&c);

	missing_deinit(&c.missing);
	err_free(c.fatal);
	return e;
}
