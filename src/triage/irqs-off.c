/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU that takes no timer interrupt: with its interrupts off, or whatever else keeps it from that. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

static const double NS = 1e9, WARNING_S = 5, ERROR_S = 10;

static void judge_cpu(struct triage *t, const struct cpu_row *c)
{
	double late = (double)c->timer_late.v / NS;
	size_t i = triage_cpu_index(t, c);

	if (!c->timer_late.has || late < WARNING_S)
		return;

	bool off = c->has_irqs && !c->irqs_on;
	struct finding *f = triage_add(t, late >= ERROR_S ? SEVERITY_ERROR : SEVERITY_WARNING,
				       off ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "CPU %" PRIu32 " has taken no timer interrupt for %.1f s%s; it runs "
				       "%s[%" PRId32 "]%s",
				       c->cpu, late, off ? ": its interrupts are off" : "", c->curr_comm,
				       c->curr_pid, triage_spin_text(t, c));

	triage_lasts(t, f, late, WARNING_S);
	triage_num(t, f, c->timer_late.v, "fdgdb.cpus[%zu].timer_late_ns", i);
	if (c->has_irqs)
		triage_bool(t, f, c->irqs_on, "fdgdb.cpus[%zu].irqs_on", i);
	triage_about_stuck_cpu(t, f, c);
	triage_cpu_evidence(t, f, c);
	triage_log_confirm(t, f, SAID_HARD_LOCKUP, c->cpu, late);
	triage_next(t, f, "%s, and who turned the interrupts off", triage_where_text(t, c));
}

static void judge(struct triage *t)
{
	const struct cpu_state *s = &t->r->cpus;
	bool known = false;

	for (size_t i = 0; i < s->rows.nr; i++)
		judge_cpu(t, &s->rows.data[i]);
	/* The clock itself is kept by timer interrupts. */
	if (s->rows.nr == 1)
		triage_unexamined(t, "with a single CPU, a timer that is lost cannot be told from time standing still");
	/* An idle CPU may have none to wait for; all of them never. */
	for (size_t i = 0; i < s->rows.nr; i++)
		known |= s->rows.data[i].timer_late.has;
	if (s->rows.nr && !known)
		triage_unexamined(t, "when the CPUs' next timer interrupts are due is not known (no timers of high "
				     "resolution?)");
}

const struct triage_rule rule_irqs_off = {
	.id = "irqs-off",
	.sections = { "cpus" },
	.by_clocks = true,
	.judge = judge,
};
