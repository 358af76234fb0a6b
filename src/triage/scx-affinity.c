/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue that is consumed, but not on the CPUs that a task on it may run on. */
#include "config.h"

#include "triage/rules.h"
#include "triage/scx-stall.h"

#include <inttypes.h>

static void judge_dsq(struct triage *t, const struct dsq_row *d)
{
	struct scx_stalled q = scx_stalled_on(t->r, d);

	if (!q.worst || !q.all_restricted)
		return;

	size_t i = triage_task_index(t, q.worst);
	struct finding *f = triage_add(t, scx_stall_severity(t->r, q.worst, q.worst_s), CONFIDENCE_LIKELY,
				       "%s been waiting for up to %.1f s in DSQ 0x%" PRIx64
				       "; %s may run on CPU %s alone, where that DSQ is not consumed",
				       scx_stall_who(t, q.worst, q.nr), q.worst_s, d->id,
				       q.nr > 1 ? "the first" : "it", q.worst->x.cpus_allowed);
	uint32_t cpu;

	scx_stall_lasts(t, f, q.worst, q.worst_s);
	scx_about_stalled(t, f, d);
	triage_needs(t, f, THING_PROGRAM, 0);
	if (scx_single_cpu(q.worst, &cpu)) {
		triage_name_cpu(f, cpu);
		triage_needs(t, f, THING_CPU, cpu);
	} else {
		triage_name_dsq(f, d->id);
	}
	scx_stall_evidence(t, f, q.worst, q.worst_s);
	triage_text(t, f, q.worst->x.cpus_allowed, "fdgdb.tasks[%zu].cpus_allowed", i);
	triage_hex(t, f, d->id, "%s.id", triage_dsq_path(t, d));
	triage_next(t, f, "on which CPUs dispatch() of \"%s\" moves tasks of this DSQ",
		    scx_sched_name(t->r, q.worst));
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->scx.dsqs.nr; i++) {
		if (scx_is_shared(&t->r->scx.dsqs.data[i]))
			judge_dsq(t, &t->r->scx.dsqs.data[i]);
	}
}

const struct triage_rule rule_scx_affinity = {
	.id = "scx-affinity",
	.sections = { "scx", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
