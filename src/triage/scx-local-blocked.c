/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks on a CPU's own queue behind what runs there and does not yield. */
#include "config.h"

#include "triage/rules.h"
#include "triage/scx-stall.h"

#include <inttypes.h>

static const uint64_t SLICE_INF = UINT64_MAX; /* SCX_SLICE_INF */

static void tell_curr(struct triage *t, struct finding *f, uint32_t cpu)
{
	for (size_t i = 0; i < t->r->scx.rqs.nr; i++) {
		const struct scx_rq_row *rq = &t->r->scx.rqs.data[i];

		if (rq->cpu != cpu || !rq->has_curr)
			continue;
		triage_int(t, f, rq->curr_pid, "rq_scx_states[%zu].curr_pid", i);
		triage_text(t, f, rq->curr_comm, "rq_scx_states[%zu].curr_comm", i);
		const struct task_row *curr = report_task(t->r, rq->curr);
		if (curr && curr->sched_class)
			triage_text(t, f, curr->sched_class, "task_enrichments[%zu].sched_class",
				    triage_task_index(t, curr));
		if (curr && curr->slice.has && curr->slice.v == SLICE_INF)
			triage_num(t, f, curr->slice.v, "task_enrichments[%zu].slice",
				   triage_task_index(t, curr));
	}
}

static void judge_dsq(struct triage *t, const struct dsq_row *d)
{
	const struct task_row *worst = NULL;
	double worst_s = 0, seconds;
	size_t nr = 0;

	if (d->origin != DSQ_LOCAL && d->origin != DSQ_BYPASS)
		return;
	for (size_t i = 0; i < d->nr_tasks; i++) {
		const struct task_row *task = report_task(t->r, d->tasks[i]);

		if (!task || !scx_is_stalled(t->r, task, &seconds))
			continue;
		nr++;
		if (seconds > worst_s) {
			worst = task;
			worst_s = seconds;
		}
	}
	if (!worst)
		return;

	struct finding *f = triage_add(t, scx_stall_severity(t->r, worst, worst_s), CONFIDENCE_CERTAIN,
				       "%s been waiting for up to %.1f s on CPU %" PRIu32
				       "'s own queue: what runs there does not give way",
				       scx_stall_who(t, worst, nr), worst_s, d->index);
	triage_name_cpu(f, d->index);
	scx_stall_lasts(t, f, worst, worst_s);
	scx_about_stalled(t, f, d);
	triage_needs(t, f, THING_CPU, d->index);
	scx_stall_evidence(t, f, worst, worst_s);
	tell_curr(t, f, d->index);
	triage_next(t, f, "what CPU %" PRIu32 " runs, of which class, and whether its tick comes", d->index);
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->scx.dsqs.nr; i++)
		judge_dsq(t, &t->r->scx.dsqs.data[i]);
}

const struct triage_rule rule_scx_local_blocked = {
	.id = "scx-local-blocked",
	.sections = { "scx", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
