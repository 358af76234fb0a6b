/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request to a FUSE server that does not answer. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>

static void judge(struct triage *t)
{
	/* Waiting for an answer; for room among the requests, or for the server's first word. */
	static const char *const waits[] = { "request_wait_answer", "fuse_get_req" };
	const struct task_row *worst = NULL;
	double worst_s = 0, seconds;
	size_t nr = 0, row = 0, in = 0, frame;

	for (size_t i = 0; i < t->r->stacks.nr; i++) {
		const struct kstack_row *s = &t->r->stacks.data[i];
		const struct task_row *task = s->has_vcpu ? NULL : report_task(t->r, s->task);

		if (!task || !triage_sleeps_long(t->r, task, &seconds))
			continue;
		if (!triage_has_frame(s, waits[0], &frame) && !triage_has_frame(s, waits[1], &frame))
			continue;
		nr++;
		if (seconds > worst_s) {
			worst = task;
			worst_s = seconds;
			row = i;
			in = frame;
		}
	}
	if (!worst)
		return;

	struct finding *f = triage_add(t, SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "%s[%" PRId32 "]%s waiting for a FUSE server for up to %.1f s",
				       worst->comm, worst->pid, nr > 1 ? " and others have been" : " has been",
				       worst_s);
	triage_about_pid(f, worst->pid);
	triage_text(t, f, t->r->stacks.data[row].frames[in].symbol, "fdgdb.stacks[%zu].frames[%zu].symbol", row,
		    in);
	triage_seconds(t, f, worst_s, "fdgdb.tasks[%zu].last_ran_s", triage_task_index(t, worst));
	triage_next(t, f, "the process that serves /dev/fuse: whether it lives, and what it waits for");
}

const struct triage_rule rule_fuse = {
	.id = "fuse",
	.sections = { "stacks", "tasks" },
	.causes = { { "panic", LINK_ANY } },
	.judge = judge,
};
