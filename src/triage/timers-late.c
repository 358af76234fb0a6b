/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timers of jiffies that nobody runs, though their time has come: they are a softirq's to run. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>
#include <stdio.h>

static const double WARNING_S = 5, ERROR_S = 10;

/* The thread that runs softirqs when there are too many: it may not get the CPU. */
static const struct task_row *ksoftirqd(const struct report *r, uint32_t cpu)
{
	char name[32];

	snprintf(name, sizeof(name), "ksoftirqd/%" PRIu32, cpu);
	for (size_t i = 0; i < r->tasks.nr; i++) {
		if (!strcmp(r->tasks.data[i].comm, name) && !r->tasks.data[i].x.mm.v)
			return &r->tasks.data[i];
	}
	return NULL;
}

static void judge_cpu(struct triage *t, const struct cpu_row *c)
{
	double late = (double)c->wheel_late.v / t->r->kernel.hz;
	const struct task_row *task;
	size_t i = triage_cpu_index(t, c);

	if (!c->wheel_late.has || late < WARNING_S)
		return;

	struct finding *f = triage_add(t, late >= ERROR_S ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "timers of jiffies on CPU %" PRIu32 " have been due for %.1f s%s%s", c->cpu, late,
				       c->running_timer ? "; it is in the timer " : "",
				       c->running_timer ? c->running_timer : "");
	triage_lasts(t, f, late, WARNING_S);
	triage_name_cpu(f, c->cpu);
	triage_needs(t, f, THING_CPU, c->cpu);
	task = ksoftirqd(t->r, c->cpu);
	if (task)
		triage_needs_task(t, f, task);
	triage_num(t, f, c->wheel_late.v, "fdgdb.cpus[%zu].wheel_late_jiffies", i);
	if (c->running_timer)
		triage_text(t, f, c->running_timer, "fdgdb.cpus[%zu].running_timer", i);
	if (c->softirqs.has)
		triage_hex(t, f, c->softirqs.v, "fdgdb.cpus[%zu].softirqs_pending", i);
	triage_cpu_evidence(t, f, c);
	triage_next(t, f, "what CPU %" PRIu32 " runs instead, and whether ksoftirqd/%" PRIu32 " gets to run", c->cpu,
		    c->cpu);
}

static void judge(struct triage *t)
{
	if (!t->r->cpus.collected)
		return;
	if (!t->r->kernel.hz) {
		triage_unexamined(t, "how long a jiffy is is not known");
		return;
	}
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		judge_cpu(t, &t->r->cpus.rows.data[i]);
}

const struct triage_rule rule_timers_late = {
	.id = "timers-late",
	.sections = { "cpus", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
