/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU that should have switched to another task long ago. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/rules.h"

#include <inttypes.h>

static const double NS = 1e9, WARNING_S = 5, ERROR_S = 10;

/* Who has been waiting for this CPU for longest; that sched_ext leaves a task waiting is for other rules. */
static const struct task_row *longest_waiting(const struct report *r, uint32_t cpu)
{
	const struct task_row *worst = NULL;

	for (size_t i = 0; i < r->tasks.nr; i++) {
		const struct task_row *task = &r->tasks.data[i];

		if (task->cpu == cpu && !task->running && task->x.waiting.has &&
		    !(task->sched_class && !strcmp(task->sched_class, "ext")) &&
		    (!worst || task->x.waiting.v > worst->x.waiting.v))
			worst = task;
	}
	return worst;
}

/*
 * Since when it should: few kernels note that (a feature of the scheduler's for tests).  Otherwise it has been so for
 * less than what runs has had the CPU for, and one that waits has waited for.
 */
static void judge_cpu(struct triage *t, const struct cpu_row *c)
{
	const struct task_row *waits = longest_waiting(t->r, c->cpu);
	double noted = (double)c->resched_for.v / NS, ran = (double)c->curr_for.v / NS;
	double waited = waits ? (double)waits->x.waiting.v / NS : 0, seconds = noted;
	bool known = c->resched_for.has && noted >= WARNING_S;
	size_t i = triage_cpu_index(t, c);

	if (!c->has_need_resched || !c->need_resched || c->place == CPU_IN_USER)
		return;
	if (!known)
		seconds = MIN(ran, waited);
	if (seconds < WARNING_S)
		return;

	struct finding *f = triage_add(t, seconds >= ERROR_S ? SEVERITY_ERROR : SEVERITY_WARNING,
				       known ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "CPU %" PRIu32 " should have switched to another task %s%.1f s ago: %s[%" PRId32
				       "] does not let go of it%s",
				       c->cpu, known ? "" : "up to ", seconds, c->curr_comm, c->curr_pid,
				       triage_spin_text(t, c));
	triage_lasts(t, f, seconds, WARNING_S);
	triage_bool(t, f, true, "fdgdb.cpus[%zu].need_resched", i);
	if (known)
		triage_num(t, f, c->resched_for.v, "fdgdb.cpus[%zu].need_resched_ns", i);
	if (waits)
		triage_seconds(t, f, waited, "fdgdb.tasks[%zu].waiting_s", triage_task_index(t, waits));
	if (c->preempt_count.has)
		triage_num(t, f, c->preempt_count.v, "fdgdb.cpus[%zu].preempt_count", i);
	triage_about_stuck_cpu(t, f, c);
	triage_cpu_evidence(t, f, c);
	triage_next(t, f, "%s: what keeps it from scheduling", triage_where_text(t, c));
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		judge_cpu(t, &t->r->cpus.rows.data[i]);
}

const struct triage_rule rule_need_resched = {
	.id = "need-resched",
	.sections = { "cpus", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
