/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that wait for the server of a FUSE file system. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>

/* Waiting for an answer; for room among the requests, or for the server's first word. */
static const char *const asks[] = { "request_wait_answer", "fuse_get_req", NULL };

/* Its own code, when it sleeps for a page or for another request that is under way. */
static const char *const inside[] = { "fuse_*", NULL };
static const char *const server[] = { "fuse_dev_*", NULL };

static bool waits(struct triage *t, const struct task_row *task, size_t *frame)
{
	const struct kstack_row *s = triage_stack(t->r, task);

	if (triage_has_frame(s, asks, frame))
		return true;
	return task->x.state_letter == 'D' && !triage_waits_for_lock(t, task) &&
	       !triage_has_frame(s, server, frame) && triage_has_frame(s, inside, frame);
}

static void judge(struct triage *t)
{
	const struct task_row *worst = NULL;
	double worst_s = 0, seconds;
	size_t nr = 0, in = 0, frame;
	struct finding *f;

	triage_wants_sleep(t);
	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		const struct task_row *task = &t->r->tasks.data[i];

		if (!triage_sleeps_long(t->r, task, &seconds) || !waits(t, task, &frame))
			continue;
		nr++;
		if (seconds > worst_s) {
			worst = task;
			worst_s = seconds;
			in = frame;
		}
	}
	if (!worst)
		return;

	f = triage_add(t, worst_s >= triage_hung_limit(t->r) ? SEVERITY_ERROR : SEVERITY_WARNING,
		       CONFIDENCE_CERTAIN, "%s[%" PRId32 "]%s been waiting for a FUSE server for up to %.1f s",
		       worst->comm, worst->pid,
		       nr > 1 ? triage_printf(t, " and %zu other%s have", nr - 1, nr > 2 ? "s" : "") : " has", worst_s);
	triage_lasts(t, f, worst_s, TRIAGE_LONG_S);
	triage_name_pid(f, worst->pid);
	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		const struct task_row *task = &t->r->tasks.data[i];

		if (triage_sleeps_long(t->r, task, &seconds) && waits(t, task, &frame))
			triage_stuck(t, f, THING_TASK, task->kva.v);
	}
	triage_stuck(t, f, THING_HUNG, 0);
	triage_text(t, f, triage_stack(t->r, worst)->frames[in].symbol, "fdgdb.stacks[%zu].frames[%zu].symbol",
		    worst->stack - 1, in);
	triage_seconds(t, f, worst_s, "fdgdb.tasks[%zu].last_ran_s", triage_task_index(t, worst));
	triage_next(t, f, "the process that serves /dev/fuse: whether it lives, and what it waits for");
}

const struct triage_rule rule_fuse = {
	.id = "fuse",
	.sections = { "stacks", "tasks", "waits" },
	.by_clocks = true,
	.judge = judge,
};
