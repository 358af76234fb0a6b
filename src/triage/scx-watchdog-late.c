/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sched_ext's own watchdog, a work, has not looked for too long: nobody sees what a scheduler leaves waiting. */
#include "config.h"

#include "triage/rules.h"
#include "triage/scx-stall.h"

#include <inttypes.h>

enum { EXIT_NONE = 0 }; /* SCX_EXIT_NONE */

/* Of the workers that may run it, those of no CPU, who does not get on. */
static void needs_workers(struct triage *t, struct finding *f)
{
	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		const struct task_row *task = &t->r->tasks.data[i];

		if (!strncmp(task->comm, "kworker/u", strlen("kworker/u")) && triage_is_explained(t, task))
			triage_needs(t, f, THING_TASK, task->kva.v);
	}
	triage_needs(t, f, THING_WORK, 0);
}

static void judge(struct triage *t)
{
	const struct scx_state *scx = &t->r->scx;
	double limit, age;

	if (!scx->has_sched || scx->sched.exit_kind != EXIT_NONE || !scx->enable_state ||
	    strcmp(scx->enable_state, "enabled"))
		return;
	if (!scx->watchdog_timestamp.has || !scx->jiffies || !report_watchdog_timeout(t->r, &scx->sched, &limit)) {
		triage_unexamined(t, "when the watchdog has looked last is not known");
		return;
	}
	/* It looks twice within the limit; when it has not for all of that, the tick ejects the scheduler. */
	age = (double)(scx->jiffies - scx->watchdog_timestamp.v) / t->r->kernel.hz;
	if (scx->jiffies < scx->watchdog_timestamp.v || age < limit * 3 / 4)
		return;

	struct finding *f = triage_add(t, age >= limit ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "the watchdog of sched_ext has not looked for %.1f s; after %.1f s the kernel ejects "
				       "\"%s\"",
				       age, limit, scx->sched.ops_name);
	triage_lasts(t, f, age, limit / 2);
	needs_workers(t, f);
	triage_needs(t, f, THING_PROGRAM, 0);
	triage_needs(t, f, THING_CULPRIT, 0);
	triage_num(t, f, scx->watchdog_timestamp.v, "fdgdb.scx.watchdog_timestamp");
	if (t->r->cpus.detectors.jiffies.has)
		triage_num(t, f, t->r->cpus.detectors.jiffies.v, "fdgdb.detectors.jiffies");
	triage_next(t, f, "what keeps workers of unbound workqueues from running scx_watchdog_workfn()");
}

const struct triage_rule rule_scx_watchdog_late = {
	.id = "scx-watchdog-late",
	.sections = { "scx" },
	.by_clocks = true,
	.judge = judge,
};
