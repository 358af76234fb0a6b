/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A page fault that user space should answer, and does not. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->stacks.nr; i++) {
		const struct kstack_row *s = &t->r->stacks.data[i];
		const struct task_row *task = s->has_vcpu ? NULL : report_task(t->r, s->task);
		double seconds;
		size_t frame;

		if (!task || !triage_sleeps_long(t->r, task, &seconds) ||
		    !triage_has_frame(s, "handle_userfault", &frame))
			continue;

		struct finding *f = triage_add(t, SEVERITY_WARNING, CONFIDENCE_CERTAIN,
					       "%s[%" PRId32 "] has been in a page fault for %.1f s that "
					       "a userfaultfd should answer",
					       task->comm, task->pid, seconds);
		triage_about_pid(f, task->pid);
		triage_text(t, f, "handle_userfault", "fdgdb.stacks[%zu].frames[%zu].symbol", i, frame);
		triage_seconds(t, f, seconds, "fdgdb.tasks[%zu].last_ran_s", triage_task_index(t, task));
		triage_next(t, f, "the process that holds the userfaultfd: whether it lives, and reads");
	}
}

const struct triage_rule rule_userfault = {
	.id = "userfault",
	.sections = { "stacks", "tasks" },
	.causes = { { "panic", LINK_ANY } },
	.judge = judge,
};
