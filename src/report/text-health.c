/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How CPUs, RCU and workqueues fare. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-fit.h"

static const double NS = 1e9;

enum { SHOWN_POOLS = 16, SHOWN_CPUS = 32 };

static void opt(struct strbuf *sb, const struct opt_u64 *v)
{
	if (v->has)
		strbuf_printf(sb, "%" PRIu64, v->v);
	else
		strbuf_putc(sb, '?');
}

static void seconds(struct strbuf *sb, const struct opt_u64 *ns)
{
	if (ns->has)
		strbuf_printf(sb, "%.3f s", (double)ns->v / NS);
	else
		strbuf_putc(sb, '-');
}

static void softirq_note(struct strbuf *sb, uint64_t bits)
{
	const char *name;

	strbuf_puts(sb, "softirqs due:");
	for (unsigned int i = 0; (name = cpu_softirq_name(i)); i++) {
		if (bits >> i & 1)
			strbuf_printf(sb, " %s", name);
	}
	strbuf_puts(sb, ", ");
}

static void notes(struct strbuf *notes, const struct cpu_row *c)
{
	size_t start = notes->len;

	if (c->place == CPU_HALTED && c->has_irqs && !c->irqs_on && !c->idle)
		strbuf_puts(notes, "halted for good, ");
	if (c->has_irqs && !c->irqs_on)
		strbuf_puts(notes, "interrupts off, ");
	if (c->hard_warned)
		strbuf_puts(notes, "hard lockup found, ");
	if (c->preempt_count.v)
		strbuf_printf(notes, "preempt_count 0x%" PRIx64 ", ", c->preempt_count.v);
	if (c->need_resched)
		strbuf_puts(notes, "need_resched, ");
	if (c->calls_pending)
		strbuf_puts(notes, "calls pending, ");
	if (c->softirqs.v)
		softirq_note(notes, c->softirqs.v);
	if (c->rcu_holdout)
		strbuf_puts(notes, "RCU waits for it, ");
	if (c->rcu_exp_holdout)
		strbuf_puts(notes, "expedited RCU waits for it, ");
	if (c->rt_throttled)
		strbuf_puts(notes, "real-time tasks throttled, ");
	for (size_t i = 0; i < c->nr_servers; i++) {
		if (!c->servers[i].runtime)
			strbuf_printf(notes, "%s off, ", c->servers[i].name);
	}
	if (c->timer_hung)
		strbuf_puts(notes, "timer interrupt hangs, ");
	if (c->why)
		strbuf_puts(notes, "partly unreadable, ");
	if (notes->len > start)
		strbuf_cut(notes, notes->len - 2);
}

enum column { COL_CPU, COL_TASK, COL_PID, COL_FOR, COL_RUNNABLE, COL_RT, COL_CLOCK, COL_TIMER, COL_WATCHDOG, COL_NOTES,
	      NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_CPU] = { .title = "CPU" },
	[COL_TASK] = { .title = "running", .left = true, .cut = 16 },
	[COL_PID] = { .title = "pid" },
	[COL_FOR] = { .title = "for" },
	[COL_RUNNABLE] = { .title = "runnable" },
	[COL_RT] = { .title = "rt", .drop = 1 },
	[COL_CLOCK] = { .title = "clock age", .drop = 3 },
	[COL_TIMER] = { .title = "timer late", .drop = 2 },
	[COL_WATCHDOG] = { .title = "watchdog", .drop = 4 },
	[COL_NOTES] = { .title = "", .left = true, .cut = 28 },
};

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct cpu_row *c = &((struct text *)ctx)->r->cpus.rows.data[row];

	switch ((enum column)col) {
	case COL_CPU:
		strbuf_printf(sb, "%" PRIu32, c->cpu);
		return;
	case COL_TASK:
		if (c->has_curr)
			escape_append(sb, c->curr_comm, strlen(c->curr_comm));
		else
			strbuf_putc(sb, '?');
		return;
	case COL_PID:
		if (c->has_curr)
			strbuf_printf(sb, "%" PRId32, c->curr_pid);
		else
			strbuf_putc(sb, '?');
		return;
	case COL_FOR:
		seconds(sb, &c->curr_for);
		return;
	case COL_RUNNABLE:
		opt(sb, &c->nr_running);
		return;
	case COL_RT:
		opt(sb, &c->nr_rt);
		return;
	case COL_CLOCK:
		seconds(sb, &c->clock_age);
		return;
	case COL_TIMER:
		seconds(sb, &c->timer_late);
		return;
	case COL_WATCHDOG:
		if (c->softlockup_age.has)
			strbuf_printf(sb, "%" PRIu64 " s", c->softlockup_age.v);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_NOTES:
		notes(sb, c);
		return;
	case NR_COLUMNS:
		break;
	}
}

/* Seconds for which the soft lockup detector has waited, where that is longer than it would take to act. */
static uint64_t locked_up(const struct cpu_state *s, const struct cpu_row *c)
{
	return c->softlockup_age.v > s->detectors.watchdog_thresh.v ? c->softlockup_age.v : 0;
}

static unsigned int rank(const struct cpu_row *c)
{
	return c->hard_warned * 8U + c->timer_hung * 4U + (c->has_irqs && !c->irqs_on && !c->idle) * 2U +
	       (c->rcu_holdout || c->rcu_exp_holdout);
}

static int by_trouble(const void *ctx, size_t a, size_t b)
{
	const struct cpu_state *s = &((const struct text *)ctx)->r->cpus;
	const struct cpu_row *x = &s->rows.data[a], *y = &s->rows.data[b];

	if (locked_up(s, x) != locked_up(s, y))
		return locked_up(s, x) > locked_up(s, y) ? -1 : 1;
	return (int)rank(y) - (int)rank(x);
}

static void write_cpus(struct text *t, const struct cpu_state *s)
{
	if (!s->rows.nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS, .nr_rows = s->rows.nr,
					    .cap = SHOWN_CPUS, .cell = cell, .order = by_trouble, .ctx = t,
					    .more = " CPUs, less troubled" },
		       "  ");
}

static void write_call(struct text *t, const struct cpu_call *c)
{
	text_guest(t, c->func ? c->func : "a wake-up");
	if (c->from.has)
		strbuf_printf(&t->sb, " for CPU %" PRIu64, c->from.v);
	if (c->waited_for)
		strbuf_puts(&t->sb, ", which waits");
}

/* What does not fit into the table. */
static void write_cpu_details(struct text *t, const struct cpu_row *c)
{
	enum { SHOWN_CALLS = 4 };
	size_t shown = text_shown(t, c->nr_calls, SHOWN_CALLS);
	uint32_t hz = t->r->kernel.hz;

	if (c->nr_calls) {
		strbuf_printf(&t->sb, "  CPU %" PRIu32 " has yet to run ", c->cpu);
		for (size_t i = 0; i < shown; i++) {
			if (i)
				strbuf_puts(&t->sb, "; ");
			write_call(t, &c->calls[i]);
		}
		if (shown < c->nr_calls || c->calls_cut)
			strbuf_printf(&t->sb, "; \u2026 (%zu%s more)", c->nr_calls - shown, c->calls_cut ? "+" : "");
		strbuf_putc(&t->sb, '\n');
	}
	/* Less is due now and then. */
	if (c->wheel_late.v && hz && c->wheel_late.v >= hz)
		strbuf_printf(&t->sb, "  CPU %" PRIu32 ": timers of jiffies have been due for %.3f s\n", c->cpu,
			      (double)c->wheel_late.v / hz);
	if (c->running_timer) {
		strbuf_printf(&t->sb, "  CPU %" PRIu32 " runs the timer ", c->cpu);
		text_guest(t, c->running_timer);
		strbuf_putc(&t->sb, '\n');
	}
	if (c->resched_for.v)
		strbuf_printf(&t->sb, "  CPU %" PRIu32 ": need_resched for %.3f s, %" PRIu64 " ticks\n", c->cpu,
			      (double)c->resched_for.v / NS, c->resched_ticks.v);
	if (c->rt_time.v && c->rt_runtime.has)
		strbuf_printf(&t->sb, "  CPU %" PRIu32 ": real-time tasks have had %.3f of %.3f s\n", c->cpu,
			      (double)c->rt_time.v / NS, (double)c->rt_runtime.v / NS);
}

static void write_clocks(struct text *t, const struct cpu_state *s)
{
	if (cpu_state_clocks_stand(s)) {
		strbuf_puts(&t->sb, "  ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, "no CPU takes interrupts, so the guest's clocks stand: ages told by them are too small");
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
}

static void cpu_list(struct text *t, const struct cpu_state *s)
{
	bool first = true;

	for (size_t i = 0; i < s->rows.nr; i++) {
		if (!s->rows.data[i].rcu_exp_holdout)
			continue;
		strbuf_printf(&t->sb, "%s%" PRIu32, first ? ", it waits for CPU " : ", ", s->rows.data[i].cpu);
		first = false;
	}
}

static void tasks_count(struct text *t, size_t nr, bool cut)
{
	if (nr)
		strbuf_printf(&t->sb, ", it waits for %zu%s preempted task%s", nr, cut ? "+" : "",
			      nr > 1 ? "s" : "");
}

static void write_expedited(struct text *t, const struct cpu_state *s)
{
	if (!s->rcu.exp_running)
		return;
	strbuf_puts(&t->sb, "    an expedited grace period is running");
	cpu_list(t, s);
	tasks_count(t, s->rcu.nr_exp_blocked, s->rcu.exp_blocked_cut);
	strbuf_putc(&t->sb, '\n');
}

static void jiffies_for(struct text *t, const char *what, const struct opt_u64 *jiffies)
{
	if (jiffies->has && t->r->kernel.hz)
		strbuf_printf(&t->sb, "%s%.3f s", what, (double)jiffies->v / t->r->kernel.hz);
}

static void write_other_rcus(struct text *t, const struct cpu_state *s)
{
	for (size_t i = 0; i < s->srcus.nr; i++) {
		const struct srcu_row *r = &s->srcus.data[i];

		strbuf_puts(&t->sb, "  SRCU ");
		if (r->name)
			text_guest(t, r->name);
		else
			strbuf_printf(&t->sb, "0x%" PRIx64, r->kva.v);
		strbuf_printf(&t->sb, ": gp_seq %" PRIu64, r->gp_seq);
		jiffies_for(t, ", a grace period is running for ", &r->gp_age);
		if (r->readers[0].has && r->readers[1].has)
			strbuf_printf(&t->sb, ", readers %" PRId32 " and %" PRId32, r->readers[0].v,
				      r->readers[1].v);
		strbuf_putc(&t->sb, '\n');
	}
	for (size_t i = 0; i < s->rcu_tasks.nr; i++) {
		const struct rcu_tasks_row *r = &s->rcu_tasks.data[i];

		if (!r->running && !t->opts->verbose)
			continue;
		strbuf_puts(&t->sb, "  ");
		text_guest(t, r->name);
		strbuf_printf(&t->sb, ": gp_seq %" PRIu64 ", %s grace period is running", r->gp_seq,
			      r->running ? "a" : "no");
		jiffies_for(t, " for ", &r->gp_age);
		if (r->running && r->gp_state_name) {
			strbuf_puts(&t->sb, " (");
			text_guest(t, r->gp_state_name);
			jiffies_for(t, " for ", &r->state_age);
			strbuf_putc(&t->sb, ')');
		}
		strbuf_putc(&t->sb, '\n');
	}
}

static void write_throttled(struct text *t, const struct cpu_state *s)
{
	size_t shown = text_shown(t, s->throttled.nr, SHOWN_POOLS);

	for (size_t i = 0; i < shown; i++) {
		const struct throttled_row *r = &s->throttled.data[i];

		strbuf_printf(&t->sb, "  CPU %" PRIu32 ": cgroup ", r->cpu);
		text_guest(t, r->cgroup ? r->cgroup : "?");
		strbuf_puts(&t->sb, " has used up its share");
		if (r->quota.has && r->period.has)
			strbuf_printf(&t->sb, " (%.3f of %.3f s)", (double)r->quota.v / NS, (double)r->period.v / NS);
		if (r->age.has)
			strbuf_printf(&t->sb, ", for %.3f s", (double)r->age.v / NS);
		if (r->nr_tasks.has)
			strbuf_printf(&t->sb, ", %" PRIu64 " task%s kept from running", r->nr_tasks.v,
				      r->nr_tasks.v == 1 ? "" : "s");
		strbuf_putc(&t->sb, '\n');
	}
	if (shown < s->throttled.nr) {
		text_more(t, 1, s->throttled.nr - shown);
		strbuf_putc(&t->sb, '\n');
	}
}

static void write_rcu(struct text *t, const struct rcu_state_row *rcu)
{
	uint32_t hz = t->r->kernel.hz;

	if (!rcu->collected)
		return;
	strbuf_puts(&t->sb, "  RCU ");
	text_guest(t, rcu->name ? rcu->name : "?");
	strbuf_printf(&t->sb, ": gp_seq %" PRId64, rcu->gp_seq);
	if (!rcu->running) {
		strbuf_puts(&t->sb, ", no grace period is running");
	} else {
		strbuf_puts(&t->sb, ", a grace period is running");
		if (rcu->gp_age.has && hz)
			strbuf_printf(&t->sb, " for %.3f s", (double)rcu->gp_age.v / hz);
		if (rcu->gp_state_name) {
			strbuf_puts(&t->sb, " (");
			text_guest(t, rcu->gp_state_name);
			strbuf_putc(&t->sb, ')');
		}
	}
	tasks_count(t, rcu->nr_blocked, rcu->blocked_cut);
	if (rcu->requested) {
		strbuf_puts(&t->sb, ", one is wanted");
		jiffies_for(t, " since ", &rcu->requested_for);
	}
	strbuf_putc(&t->sb, '\n');
}

static void write_worker(struct text *t, const struct worker_row *k)
{
	strbuf_puts(&t->sb, "    ");
	if (k->task.v) {
		text_guest(t, k->comm);
		strbuf_printf(&t->sb, "[%" PRId32 "]", k->pid);
	} else {
		strbuf_puts(&t->sb, "softirq");
	}
	strbuf_puts(&t->sb, ": ");
	text_guest(t, k->func ? k->func : "?");
	if (k->wq) {
		strbuf_puts(&t->sb, " of ");
		text_guest(t, k->wq);
	}
	if (k->busy.has && t->r->kernel.hz)
		strbuf_printf(&t->sb, ", for %.3f s", (double)k->busy.v / t->r->kernel.hz);
	if (k->waiting.v)
		strbuf_printf(&t->sb, ", %" PRIu64 "%s works held back behind it", k->waiting.v,
			      k->waiting_cut ? "+" : "");
	strbuf_putc(&t->sb, '\n');
}

static void write_pools(struct text *t, const struct cpu_state *s)
{
	size_t shown = text_shown(t, s->pools.nr, SHOWN_POOLS);

	for (size_t i = 0; i < shown; i++) {
		const struct pool_row *p = &s->pools.data[i];

		strbuf_printf(&t->sb, "  worker pool %" PRIu64, p->id);
		if (p->cpu >= 0)
			strbuf_printf(&t->sb, " (CPU %" PRId32 ")", p->cpu);
		strbuf_printf(&t->sb,
			      ": %" PRIu64 "%s pending, %" PRIu64 " workers, %" PRIu64 " idle, %" PRIu64
			      " running",
			      p->nr_pending, p->pending_cut ? "+" : "", p->nr_workers, p->nr_idle,
			      p->nr_running);
		if (p->next_func) {
			strbuf_puts(&t->sb, ", next ");
			text_guest(t, p->next_func);
		}
		if (p->idle_for.has && t->r->kernel.hz)
			strbuf_printf(&t->sb, ", last progress %.3f s ago",
				      (double)p->idle_for.v / t->r->kernel.hz);
		strbuf_putc(&t->sb, '\n');
		for (size_t k = 0; k < p->nr_rows; k++)
			write_worker(t, &p->workers[k]);
	}
	if (shown < s->pools.nr) {
		text_more(t, 1, s->pools.nr - shown);
		strbuf_putc(&t->sb, '\n');
	}
}

void text_health(struct text *t)
{
	const struct cpu_state *s = &t->r->cpus;

	text_counted_title(t, "CPUs", s->rows.nr, "cpus");
	write_cpus(t, s);
	write_clocks(t, s);
	for (size_t i = 0; i < s->rows.nr; i++)
		write_cpu_details(t, &s->rows.data[i]);
	write_rcu(t, &s->rcu);
	write_expedited(t, s);
	write_other_rcus(t, s);
	write_throttled(t, s);
	write_pools(t, s);
	text_flush(t);
}
