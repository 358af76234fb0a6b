/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel is about to eject the scheduler. */
#include "config.h"

#include "triage/rules.h"
#include "triage/scx-stall.h"

#include <inttypes.h>

enum { EXIT_NONE = 0 }; /* SCX_EXIT_NONE */

static void judge(struct triage *t)
{
	const struct report *r = t->r;
	const struct task_row *worst = NULL;
	const struct scx_sched_row *s;
	double worst_s = 0, seconds, limit = 0;

	if (!r->scx.has_sched)
		return;
	for (size_t i = 0; i < r->tasks.nr; i++) {
		const struct task_row *task = &r->tasks.data[i];
		double mine;

		if (!scx_is_stalled(r, task, &seconds))
			continue;
		s = report_sched_of(r, task);
		mine = scx_watchdog_limit(r, task);
		if ((s ? s->exit_kind : r->scx.sched.exit_kind) != EXIT_NONE)
			continue;
		if (!worst || seconds / mine > worst_s / limit) {
			worst = task;
			worst_s = seconds;
			limit = mine;
		}
	}
	if (!worst || worst_s < limit * 3 / 4)
		return;

	struct finding *f = triage_add(t, SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "the watchdog of sched_ext ejects \"%s\" %s: %s[%" PRId32
				       "] has waited for %.1f s of %.1f s",
				       scx_sched_name(r, worst), worst_s >= limit ? "any moment" : "soon",
				       worst->comm, worst->pid, worst_s, limit);
	triage_name_pid(f, worst->pid);
	triage_lasts(t, f, worst_s, limit * 3 / 4);
	triage_needs(t, f, THING_TASK, worst->kva.v);
	triage_needs(t, f, THING_PROGRAM, 0);
	scx_stall_evidence(t, f, worst, worst_s);
	s = report_sched_of(r, worst);
	if (s == &r->scx.sched && s->watchdog_timeout.has)
		triage_num(t, f, s->watchdog_timeout.v, "scx_sched_state.watchdog_timeout");
	else if (s && s->watchdog_timeout.has)
		triage_num(t, f, s->watchdog_timeout.v, "fdgdb.scx.schedulers[%zu].watchdog_timeout",
			   1 + (size_t)(s - r->scx.others.data));
}

const struct triage_rule rule_scx_watchdog_near = {
	.id = "scx-watchdog-near",
	.sections = { "scx", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
