/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that sleep, and can not be woken by a signal, for long. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>

enum { GROUPS_MAX = 64 };

/* Tasks that wait in the same function. */
struct group {
	const char *where; /* NULL: not known */
	const struct task_row *worst;
	double worst_s;
	size_t nr;
};

/* vfork() sleeps so until the child has become another program, which may be never. */
static bool waits_for_child(const char *where)
{
	return where && (!strcmp(where, "kernel_clone") || !strcmp(where, "wait_for_vfork_done"));
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void add(struct group *groups, size_t *nr, const char *where, const struct task_row *task,
		double seconds)
{
	struct group *g = groups;

	while (g < groups + *nr && !same(g->where, where))
		g++;
	if (g == groups + GROUPS_MAX)
		g--; /* who is the worst of the rest is not lost */
	else if (g == groups + *nr)
		++*nr;
	g->where = where;
	g->nr++;
	if (seconds > g->worst_s) {
		g->worst_s = seconds;
		g->worst = task;
	}
}

static void tell(struct triage *t, const struct group *g)
{
	const struct opt_u64 *limit = &t->r->cpus.detectors.hung_task_timeout;
	bool over = limit->has && limit->v && g->worst_s >= (double)limit->v;
	size_t i = triage_task_index(t, g->worst);
	struct finding *f = triage_add(t, over ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "%s[%" PRId32 "]%s%s in state D for %.1f s%s%s", g->worst->comm,
				       g->worst->pid, g->nr > 1 ? " and others" : "",
				       g->nr > 1 ? " have been" : " has been", g->worst_s,
				       g->where ? ", in " : "", g->where ? g->where : "");

	triage_about_pid(f, g->worst->pid);
	triage_seconds(t, f, g->worst_s, "fdgdb.tasks[%zu].last_ran_s", i);
	triage_text(t, f, "D", "fdgdb.tasks[%zu].state", i);
	triage_text(t, f, g->worst->comm, "task_enrichments[%zu].comm", i);
	triage_sleep_evidence(t, f, g->worst);
	triage_next(t, f, "the stack of that task: what it waits for, and who should wake it");
}

static void judge(struct triage *t)
{
	struct group groups[GROUPS_MAX] = { 0 };
	size_t nr = 0;

	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		const struct task_row *task = &t->r->tasks.data[i];
		double seconds;

		if (task->x.state_letter != 'D' || !triage_sleeps_long(t->r, task, &seconds) ||
		    triage_waits_for_lock(t->r, task))
			continue;

		const char *where = triage_wchan(t->r, task);
		if (!waits_for_child(where))
			add(groups, &nr, where, task, seconds);
	}
	for (size_t i = 0; i < nr; i++)
		tell(t, &groups[i]);
}

const struct triage_rule rule_hung_task = {
	.id = "hung-task",
	.sections = { "tasks" },
	.causes = { { "panic", LINK_ANY }, { "workqueue-stuck", LINK_PID }, { "userfault", LINK_PID },
		    { "fuse", LINK_PID } },
	.judge = judge,
};
