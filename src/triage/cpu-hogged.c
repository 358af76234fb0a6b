/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real-time task that leaves a CPU to nobody else. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

static const double NS = 1e9, WARNING_S = 5, ERROR_S = 10;

static void judge_cpu(struct triage *t, size_t i)
{
	const struct cpu_row *c = &t->r->cpus.rows.data[i];
	const struct task_row *curr = c->has_curr ? report_task(t->r, c->curr) : NULL;
	double seconds = (double)c->curr_for.v / NS;

	if (!curr || !curr->sched_class || !c->curr_for.has || seconds < WARNING_S)
		return;
	if (strcmp(curr->sched_class, "rt") && strcmp(curr->sched_class, "dl"))
		return;
	/* Alone, or among its like, it takes nothing from anybody. */
	if (!c->nr_running.has || c->nr_running.v <= c->nr_rt.v + c->nr_dl.v)
		return;

	uint64_t waiting = c->nr_running.v - c->nr_rt.v - c->nr_dl.v;
	struct finding *f = triage_add(t, seconds >= ERROR_S ? SEVERITY_ERROR : SEVERITY_WARNING,
				       CONFIDENCE_CERTAIN,
				       "the %s task %s[%" PRId32 "] has had CPU %" PRIu32
				       " to itself for %.1f s, while %" PRIu64
				       " task%s of lower classes wait%s for it",
				       !strcmp(curr->sched_class, "rt") ? "real-time" : "deadline",
				       c->curr_comm, c->curr_pid, c->cpu, seconds, waiting,
				       waiting > 1 ? "s" : "", waiting > 1 ? "" : "s");
	size_t task = triage_task_index(t, curr);

	triage_about_cpu(f, c->cpu);
	triage_num(t, f, c->curr_for.v, "fdgdb.cpus[%zu].curr_for_ns", i);
	triage_num(t, f, c->nr_running.v, "fdgdb.cpus[%zu].nr_running", i);
	triage_num(t, f, c->nr_rt.v, "fdgdb.cpus[%zu].nr_rt", i);
	triage_text(t, f, curr->sched_class, "task_enrichments[%zu].sched_class", task);
	triage_num(t, f, curr->rt_priority, "task_enrichments[%zu].rt_priority", task);
	triage_next(t, f,
		    "what the task does, and why nothing limits it: kernel.sched_rt_runtime_us, and the "
		    "fair and ext servers in debugfs");
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		judge_cpu(t, i);
}

const struct triage_rule rule_cpu_hogged = {
	.id = "cpu-hogged",
	.sections = { "cpus", "tasks" },
	.causes = { { "irqs-off", LINK_CPU }, { "softlockup", LINK_CPU } },
	.judge = judge,
};
