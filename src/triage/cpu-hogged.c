/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real-time task that leaves a CPU to nobody else. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

static const double NS = 1e9, WARNING_S = 5, ERROR_S = 10;

enum { JUST_COME_NS = 10000000 };

static bool is_high(const struct task_row *task)
{
	return task->sched_class && (!strcmp(task->sched_class, "rt") || !strcmp(task->sched_class, "dl"));
}

/* Who of the lower classes has been waiting for this CPU for longest. */
static const struct task_row *longest_waiting(const struct report *r, uint32_t cpu)
{
	const struct task_row *worst = NULL;

	for (size_t i = 0; i < r->tasks.nr; i++) {
		const struct task_row *task = &r->tasks.data[i];

		if (!task_knows(task, TASK_CPU) || task->cpu != cpu || task->running || is_high(task) || !task->x.waiting.has)
			continue;
		if (!worst || task->x.waiting.v > worst->x.waiting.v)
			worst = task;
	}
	return worst;
}

static void judge_cpu(struct triage *t, size_t i)
{
	const struct cpu_row *c = &t->r->cpus.rows.data[i];
	const struct task_row *curr = c->has_curr ? report_task(t->r, c->curr) : NULL, *starved;

	if (!curr || !is_high(curr))
		return;
	/* Most real-time threads come and go. */
	if (!c->curr_for.has || c->curr_for.v < JUST_COME_NS)
		return;
	/* Alone, or among its like, it takes nothing from anybody. */
	if (!c->nr_running.has || c->nr_running.v <= c->nr_rt.v + c->nr_dl.v)
		return;
	/* The kernel's own threads of the highest class come between: how long it has run tells little. */
	starved = longest_waiting(t->r, c->cpu);
	if (!starved || (double)starved->x.waiting.v / NS < WARNING_S)
		return;

	double seconds = (double)starved->x.waiting.v / NS;
	uint64_t waiting = c->nr_running.v - c->nr_rt.v - c->nr_dl.v;
	struct finding *f = triage_add(t, seconds >= ERROR_S ? SEVERITY_ERROR : SEVERITY_WARNING,
				       CONFIDENCE_CERTAIN,
				       "the %s task %s[%" PRId32 "] keeps CPU %" PRIu32
				       " from %" PRIu64 " task%s of lower classes; %s[%" PRId32
				       "] has waited for %.1f s",
				       !strcmp(curr->sched_class, "rt") ? "real-time" : "deadline",
				       c->curr_comm, c->curr_pid, c->cpu, waiting, waiting > 1 ? "s" : "",
				       starved->comm, starved->pid, seconds);
	size_t task = triage_task_index(t, curr);

	triage_lasts(t, f, seconds, WARNING_S);
	triage_about_cpu(t, f, c->cpu);
	triage_needs(t, f, THING_CPU, c->cpu);
	triage_seconds(t, f, seconds, "fdgdb.tasks[%zu].waiting_s", triage_task_index(t, starved));
	triage_num(t, f, c->nr_running.v, "fdgdb.cpus[%zu].nr_running", i);
	triage_num(t, f, c->nr_rt.v, "fdgdb.cpus[%zu].nr_rt", i);
	triage_text(t, f, curr->sched_class, "task_enrichments[%zu].sched_class", task);
	triage_num(t, f, curr->rt_priority, "task_enrichments[%zu].rt_priority", task);
	triage_next(t, f,
		    "what the task does, and why nothing limits it: kernel.sched_rt_runtime_us, and the "
		    "fair and ext servers in debugfs");
}

/* Since when a task waits, and for how long another one has run, not every kernel notes. */
static void check_facts(struct triage *t)
{
	bool known = !t->r->tasks.nr;

	for (size_t i = 0; i < t->r->tasks.nr && !known; i++)
		known = t->r->tasks.data[i].x.last_queued.has;
	if (!known)
		triage_unexamined(t, "since when tasks wait for a CPU is not known (no sched_info in this kernel?)");
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++) {
		const struct cpu_row *c = &t->r->cpus.rows.data[i];

		if (c->has_curr && !c->idle && !c->curr_for.has)
			triage_unexamined(t, "for how long CPU %" PRIu32 " has run what it runs is not known", c->cpu);
	}
}

static void judge(struct triage *t)
{
	check_facts(t);
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		judge_cpu(t, i);
}

const struct triage_rule rule_cpu_hogged = {
	.id = "cpu-hogged",
	.sections = { "cpus", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
