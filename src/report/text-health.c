/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How CPUs, RCU and workqueues fare. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-parts.h"

static const double NS = 1e9;

enum { SHOWN_POOLS = 16, SHOWN_CPUS = 32 };

static void cell_opt(struct table *tab, const struct opt_u64 *v)
{
	if (v->has)
		table_cell(tab, "%" PRIu64, v->v);
	else
		table_cell(tab, "?");
}

static void cell_seconds(struct table *tab, const struct opt_u64 *ns)
{
	if (ns->has)
		table_cell(tab, "%.3f s", (double)ns->v / NS);
	else
		table_cell(tab, "-");
}

static void cpu_cells(struct table *tab, const struct cpu_row *c)
{
	table_cell(tab, "%" PRIu32, c->cpu);
	if (c->has_curr)
		escape_append(table_open(tab), c->curr_comm, strlen(c->curr_comm));
	else
		table_cell(tab, "?");
	if (c->has_curr)
		table_cell(tab, "%" PRId32, c->curr_pid);
	else
		table_cell(tab, "?");
	cell_seconds(tab, &c->curr_for);
	cell_opt(tab, &c->nr_running);
	cell_opt(tab, &c->nr_rt);
	cell_seconds(tab, &c->clock_age);
	cell_seconds(tab, &c->timer_late);
	if (c->softlockup_age.has)
		table_cell(tab, "%" PRIu64 " s", c->softlockup_age.v);
	else
		table_cell(tab, "-");

	struct strbuf *notes = table_open(tab);
	if (c->has_irqs && !c->irqs_on)
		strbuf_puts(notes, "interrupts off, ");
	if (c->preempt_count.v)
		strbuf_printf(notes, "preempt_count 0x%" PRIx64 ", ", c->preempt_count.v);
	if (c->need_resched)
		strbuf_puts(notes, "need_resched, ");
	if (c->calls_pending)
		strbuf_puts(notes, "calls pending, ");
	if (c->rcu_holdout)
		strbuf_puts(notes, "RCU waits for it, ");
	if (c->timer_hung)
		strbuf_puts(notes, "timer interrupt hangs, ");
	if (c->why)
		strbuf_puts(notes, "partly unreadable, ");
	if (notes->len && strbuf_str(notes)[notes->len - 1] == ' ' &&
	    strbuf_str(notes)[notes->len - 2] == ',')
		strbuf_cut(notes, notes->len - 2);
}

static void write_cpus(struct text *t, const struct cpu_state *s)
{
	static const char *const titles[] = { "CPU",  "running",   "pid",	 "for",	      "runnable",
					      "rt",   "clock age", "timer late", "watchdog", "" };
	struct table tab = { .columns = ARRAY_SIZE(titles), .left = 1 << 1 | 1 << 9 };
	size_t shown = text_shown(t, s->rows.nr, SHOWN_CPUS);

	if (!s->rows.nr)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_cell(&tab, "%s", titles[i]);
	for (size_t i = 0; i < shown; i++)
		cpu_cells(&tab, &s->rows.data[i]);
	table_write(&tab, &t->sb, "  ");
	table_deinit(&tab);
	text_more(t, 1, s->rows.nr - shown);
	strbuf_putc(&t->sb, '\n');
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
		if (rcu->gp_state_name)
			strbuf_printf(&t->sb, " (%s)", rcu->gp_state_name);
	}
	if (rcu->nr_blocked)
		strbuf_printf(&t->sb, ", it waits for %zu%s preempted task%s", rcu->nr_blocked,
			      rcu->blocked_cut ? "+" : "", rcu->nr_blocked > 1 ? "s" : "");
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
	write_rcu(t, &s->rcu);
	write_pools(t, s);
	text_flush(t);
}
