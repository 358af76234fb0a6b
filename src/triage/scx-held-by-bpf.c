/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that enqueue() took and put on no queue: only the BPF scheduler knows of them. */
#include "config.h"

#include "triage/rules.h"
#include "triage/scx-stall.h"

/* SCX_OPSS_*: in the low bits, below the number of the enqueue. */
enum { OPSS_STATE_MASK = 3, OPSS_QUEUED = 2 };

static bool is_held(const struct report *r, const struct task_row *task, double *seconds)
{
	if (!task->dsq_kva.has || task->dsq_kva.v || task->x.transit || !scx_is_stalled(r, task, seconds))
		return false;
	/* Otherwise it is on its way from or to a queue. */
	return !task->x.ops_state.has || (task->x.ops_state.v & OPSS_STATE_MASK) == OPSS_QUEUED;
}

static void judge(struct triage *t)
{
	const struct report *r = t->r;
	const struct task_row *worst = NULL;
	double worst_s = 0, seconds;
	bool known;
	size_t nr = 0;

	for (size_t i = 0; i < r->tasks.nr; i++) {
		const struct task_row *task = &r->tasks.data[i];

		if (!is_held(r, task, &seconds))
			continue;
		nr++;
		if (seconds > worst_s) {
			worst = task;
			worst_s = seconds;
		}
	}
	if (!worst)
		return;

	/* The kernel notes whom a task belongs to: then it is no guess. */
	known = worst->x.ops_state.has;
	struct finding *f = triage_add(t, scx_stall_severity(r, worst, worst_s),
				       known ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "%s been runnable for up to %.1f s and %s on no queue: the scheduler "
				       "\"%s\" took %s in and never inserted %s anywhere",
				       scx_stall_who(t, worst, nr), worst_s, nr > 1 ? "are" : "is",
				       scx_sched_name(r, worst), nr > 1 ? "them" : "it",
				       nr > 1 ? "them" : "it");
	triage_name_pid(f, worst->pid);
	scx_stall_lasts(t, f, worst, worst_s);
	for (size_t i = 0; i < r->tasks.nr; i++) {
		if (is_held(r, &r->tasks.data[i], &seconds))
			triage_stuck(t, f, THING_TASK, r->tasks.data[i].kva.v);
	}
	triage_stuck(t, f, THING_SCX, 0);
	triage_needs(t, f, THING_PROGRAM, 0);
	scx_stall_evidence(t, f, worst, worst_s);
	triage_num(t, f, 0, "task_enrichments[%zu].dsq_kva", triage_task_index(t, worst));
	if (known)
		triage_num(t, f, worst->x.ops_state.v, "fdgdb.tasks[%zu].scx.ops_state",
			   triage_task_index(t, worst));
	triage_next(t, f, "the scheduler's own queues among its maps, and what takes tasks out of them");
}

const struct triage_rule rule_scx_held_by_bpf = {
	.id = "scx-held-by-bpf",
	.sections = { "scx", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
