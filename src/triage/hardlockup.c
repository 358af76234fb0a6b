/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU that the kernel's hard lockup detector has found to take no timer interrupts. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

enum { HARD_ENABLED = 1 << 0 /* WATCHDOG_HARDLOCKUP_ENABLED */ };

static void judge_cpu(struct triage *t, const struct cpu_row *c)
{
	size_t i = triage_cpu_index(t, c);

	/* The mark is taken away only when the detector looks again. */
	if (!c->hard_warned || cpu_takes_interrupts(c))
		return;

	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel's detector has found CPU %" PRIu32
				       " locked up: it takes no timer interrupts; it runs %s[%" PRId32 "]%s",
				       c->cpu, c->curr_comm, c->curr_pid, triage_spin_text(t, c));

	triage_bool(t, f, true, "fdgdb.cpus[%zu].hard_warned", i);
	if (c->hard_interrupts.has && c->hard_saved.has) {
		triage_num(t, f, c->hard_interrupts.v, "fdgdb.cpus[%zu].hard_interrupts", i);
		triage_num(t, f, c->hard_saved.v, "fdgdb.cpus[%zu].hard_saved", i);
	}
	triage_about_stuck_cpu(t, f, c);
	triage_cpu_evidence(t, f, c);
	triage_log_confirm(t, f, SAID_HARD_LOCKUP, c->cpu, -1);
	triage_next(t, f, "%s, and who turned the interrupts off", triage_where_text(t, c));
}

static void judge(struct triage *t)
{
	const struct detectors *d = &t->r->cpus.detectors;

	if (!t->r->cpus.collected)
		return;
	/* Most guests have none; irqs-off tells the same by the clocks. */
	if (cpu_state_clocks_stand(&t->r->cpus) && !(d->watchdog_enabled.v & HARD_ENABLED))
		triage_unexamined(t, "the guest's hard lockup detector is off, or there is none");
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		judge_cpu(t, &t->r->cpus.rows.data[i]);
}

const struct triage_rule rule_hardlockup = {
	.id = "hardlockup",
	.sections = { "cpus" },
	.judge = judge,
};
