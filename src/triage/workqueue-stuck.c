/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A worker pool with works to do that does none of them. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	DEFAULT_THRESH = 30, /* s: that of the kernel's own watchdog, where it has one */
	HELD_S = 30,	     /* works held back for so long behind one that does not sleep */
};

/* Those that are at work, and those that have been woken for it and may not get a CPU. */
static void needs_workers(struct triage *t, struct finding *f, const struct pool_row *p)
{
	char name[32]; /* as the kernel names them, without their number */

	snprintf(name, sizeof(name), p->cpu >= 0 ? "kworker/%" PRIu64 ":" : "kworker/u%" PRIu64 ":",
		 p->cpu >= 0 ? (uint64_t)p->cpu : p->id);
	for (size_t i = 0; i < p->nr_rows; i++) {
		const struct task_row *task = p->workers[i].task.v ? report_task(t->r, p->workers[i].task) : NULL;

		if (task)
			triage_needs_task(t, f, task);
	}
	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		const struct task_row *task = &t->r->tasks.data[i];

		if (!strncmp(task->comm, name, strlen(name)) && triage_is_explained(t, task))
			triage_needs(t, f, THING_TASK, task->kva.v);
	}
}

/* A pool of no CPU can do with any: it waits for CPUs only if none of them has scheduled for about as long. */
static void needs_any_cpu(struct triage *t, struct finding *f, double age)
{
	const struct cpu_state *s = &t->r->cpus;

	for (size_t i = 0; i < s->rows.nr; i++) {
		if (!s->rows.data[i].softlockup_age.has || 2 * (double)s->rows.data[i].softlockup_age.v < age)
			return;
	}
	for (size_t i = 0; i < s->rows.nr; i++)
		triage_needs(t, f, THING_CPU, s->rows.data[i].cpu);
}

/* Nothing of its list has been begun for long. */
static void judge_pool(struct triage *t, size_t i, double thresh)
{
	const struct pool_row *p = &t->r->cpus.pools.data[i];
	double age = (double)p->idle_for.v / t->r->kernel.hz;

	if (!p->idle_for.has || !p->nr_pending || age < thresh / 3)
		return;

	const struct worker_row *k = p->nr_rows ? &p->workers[0] : NULL;
	const char *busy = k ? pool_printf(&t->out->pool, "; %s[%" PRId32 "] runs %s", k->comm, k->pid,
					   k->func ? k->func : "?") :
			       "";
	if (!busy) {
		t->nomem = true;
		return;
	}

	struct finding *f = triage_add(t, age >= thresh ? SEVERITY_ERROR : SEVERITY_WARNING,
				       CONFIDENCE_CERTAIN,
				       "worker pool %" PRIu64 "%s has %" PRIu64
				       " works pending and has begun none for %.1f s%s",
				       p->id, p->cpu >= 0 ? " of a CPU" : "", p->nr_pending, age, busy);
	triage_lasts(t, f, age, thresh / 3);
	triage_stuck(t, f, THING_WORK, 0);
	if (p->cpu >= 0) {
		triage_name_cpu(f, (uint64_t)p->cpu);
		triage_needs(t, f, THING_CPU, (uint64_t)p->cpu);
	} else {
		needs_any_cpu(t, f, age);
	}
	needs_workers(t, f, p);
	triage_num(t, f, p->idle_for.v, "fdgdb.worker_pools[%zu].no_progress_jiffies", i);
	triage_num(t, f, p->nr_pending, "fdgdb.worker_pools[%zu].nr_pending", i);
	triage_num(t, f, p->nr_running, "fdgdb.worker_pools[%zu].nr_running", i);
	triage_num(t, f, p->nr_idle, "fdgdb.worker_pools[%zu].nr_idle", i);
	if (k && k->func)
		triage_text(t, f, k->func, "fdgdb.worker_pools[%zu].busy_workers[0].func", i);
	if (p->next_func)
		triage_text(t, f, p->next_func, "fdgdb.worker_pools[%zu].next_func", i);
	triage_next(t, f, "what the busy workers do: one that neither sleeps nor ends keeps the others waiting");
}

/* A worker that sleeps in its work, with others of the same queue behind it that may not overtake. */
static void judge_worker(struct triage *t, size_t i, size_t nr)
{
	const struct pool_row *p = &t->r->cpus.pools.data[i];
	const struct worker_row *k = &p->workers[nr];
	const struct task_row *task = k->task.v ? report_task(t->r, k->task) : NULL;
	double age = (double)k->busy.v / t->r->kernel.hz, slept;
	bool sleeps = task && triage_sleeps_long(t->r, task, &slept);

	/* Before 7.0 nothing notes when the work was begun: it is as old as its sleep, at least. */
	if (!k->busy.has && sleeps)
		age = slept;
	if (!k->waiting.v || age < (sleeps ? TRIAGE_LONG_S : HELD_S))
		return;

	struct finding *f = triage_add(t, SEVERITY_WARNING, sleeps ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "%s[%" PRId32 "] has been in %s for %.1f s, and %" PRIu64
				       " works of \"%s\" wait behind it",
				       k->comm, k->pid, k->func ? k->func : "?", age, k->waiting.v,
				       k->wq ? k->wq : "?");
	triage_lasts(t, f, age, sleeps ? TRIAGE_LONG_S : HELD_S);
	triage_name_pid(f, k->pid);
	triage_stuck(t, f, THING_WORK, 0);
	if (task) {
		triage_needs_task(t, f, task);
		triage_stuck(t, f, THING_TASK, task->kva.v);
	}
	if (k->busy.has)
		triage_num(t, f, k->busy.v, "fdgdb.worker_pools[%zu].busy_workers[%zu].busy_jiffies", i, nr);
	if (sleeps) {
		triage_seconds(t, f, slept, "fdgdb.tasks[%zu].last_ran_s", triage_task_index(t, task));
		triage_sleep_evidence(t, f, task);
	}
	triage_num(t, f, k->waiting.v, "fdgdb.worker_pools[%zu].busy_workers[%zu].waiting", i, nr);
	triage_next(t, f, "the stack of that worker: what it waits for");
}

static void judge(struct triage *t)
{
	const struct cpu_state *s = &t->r->cpus;
	double thresh = s->detectors.wq_watchdog_thresh.v ? (double)s->detectors.wq_watchdog_thresh.v :
							    DEFAULT_THRESH;

	if (!s->collected)
		return;
	if (!t->r->kernel.hz) {
		triage_unexamined(t, "how long a jiffy is is not known");
		return;
	}
	for (size_t i = 0; i < s->pools.nr; i++) {
		judge_pool(t, i, thresh);
		for (size_t k = 0; k < s->pools.data[i].nr_rows; k++)
			judge_worker(t, i, k);
	}
}

const struct triage_rule rule_workqueue_stuck = {
	.id = "workqueue-stuck",
	.sections = { "cpus", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
