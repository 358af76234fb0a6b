/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Page faults that user space should answer, and does not. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>

static const char *const waits[] = { "handle_userfault", NULL };

/* A task in such a fault. */
struct fault {
	uint64_t mm;
	const struct task_row *task;
	double seconds;
	size_t frame;
};

/* Those of one address space together, the one that has been waiting for longest first. */
static int by_mm(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;

	if (x->mm != y->mm)
		return x->mm < y->mm ? -1 : 1;
	if (x->seconds != y->seconds)
		return x->seconds > y->seconds ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

static void tell(struct triage *t, const struct fault *faults, size_t nr)
{
	const struct task_row *task = faults->task;
	bool hung = faults->seconds >= triage_hung_limit(t->r);
	const char *others = nr < 2 ? "" : triage_printf(t, " and %zu other%s of its address space", nr - 1,
							  nr > 2 ? "s" : "");
	struct finding *f = triage_add(t, hung ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "%s[%" PRId32 "]%s ha%s been in a page fault for %s%.1f s that a userfaultfd "
				       "should answer",
				       task->comm, task->pid, others, nr > 1 ? "ve" : "s", nr > 1 ? "up to " : "",
				       faults->seconds);

	triage_lasts(t, f, faults->seconds, TRIAGE_LONG_S);
	triage_name_pid(f, task->pid);
	for (size_t i = 0; i < nr; i++)
		triage_stuck(t, f, THING_TASK, faults[i].task->kva.v);
	triage_stuck(t, f, THING_HUNG, 0);
	triage_text(t, f, triage_stack(t->r, task)->frames[faults->frame].symbol,
		    "fdgdb.stacks[%zu].frames[%zu].symbol", task->stack - 1, faults->frame);
	triage_seconds(t, f, faults->seconds, "fdgdb.tasks[%zu].last_ran_s", triage_task_index(t, task));
	triage_next(t, f, "the process that holds the userfaultfd: whether it lives, and reads");
}

static void judge(struct triage *t)
{
	VEC(struct fault) faults = { 0 };

	triage_wants_sleep(t);
	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		const struct task_row *task = &t->r->tasks.data[i];
		double seconds;
		size_t frame;

		if (!triage_sleeps_long(t->r, task, &seconds) ||
		    !triage_has_frame(triage_stack(t->r, task), waits, &frame))
			continue;
		struct fault *to = vec_push(&faults);
		t->nomem |= !to;
		/* Of an unknown one each is alone. */
		if (to)
			*to = (struct fault){ task->x.mm.v ? task->x.mm.v : task->kva.v, task, seconds, frame };
	}
	if (faults.nr)
		qsort(faults.data, faults.nr, sizeof(*faults.data), by_mm);
	for (size_t i = 0, nr; i < faults.nr; i += nr) {
		for (nr = 1; i + nr < faults.nr && faults.data[i + nr].mm == faults.data[i].mm; nr++)
			;
		tell(t, &faults.data[i], nr);
	}
	free(faults.data);
}

const struct triage_rule rule_userfault = {
	.id = "userfault",
	.sections = { "stacks", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
