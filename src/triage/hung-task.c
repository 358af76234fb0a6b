/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that sleep, and can not be woken by a signal, for long. */
#include "config.h"

#include "triage/log.h"
#include "triage/rules.h"
#include "triage/sleep.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

enum { TASK_WAKEKILL = 0x100, TASK_NOLOAD = 0x400, TASK_FROZEN = 0x8000 }; /* of __state, as in 6.1 to 7.3 */

/* A task that hangs, and where; those of the same place that wait for the same one belong together. */
struct hung {
	const char *where; /* NULL: not known */
	bool killable;
	uint64_t holder; /* the task that it waits for; 0: none that is known */
	const struct task_row *task;
	double seconds;
};

static int by_place(const void *a, const void *b)
{
	const struct hung *x = a, *y = b;
	int order = strcmp(x->where ? x->where : "", y->where ? y->where : "");

	if (order)
		return order;
	if (x->killable != y->killable)
		return x->killable ? 1 : -1;
	if (x->holder != y->holder)
		return x->holder < y->holder ? -1 : 1;
	if (x->seconds != y->seconds)
		return x->seconds > y->seconds ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

static bool same_place(const struct hung *x, const struct hung *y)
{
	return x->killable == y->killable && x->holder == y->holder &&
	       !strcmp(x->where ? x->where : "", y->where ? y->where : "");
}

/* vfork() sleeps so until the child has become another program, which may be never. */
static bool waits_for_child(const char *where)
{
	return triage_is_function(where, "kernel_clone") || triage_is_function(where, "wait_for_vfork_done");
}

/* "; it waits for a work of foo, which bar[12] should end": as far as it is known. */
static const char *say_for_what(struct triage *t, const struct hung *h)
{
	size_t row = wait_row_of(t, h->task->kva);
	const struct wait_row *w = row == WAIT_NONE ? NULL : &t->r->waits.data[row];
	const struct task_row *holder = h->holder ? report_task(t->r, (struct kva){ h->holder }) : NULL;

	if (w && w->object && holder)
		return triage_printf(t, "; it waits for %s, which is %s[%" PRId32 "]'s to end", w->object, holder->comm,
				     holder->pid);
	if (holder)
		return triage_printf(t, "; it waits for %s[%" PRId32 "]", holder->comm, holder->pid);
	return w && w->object ? triage_printf(t, "; it waits for %s", w->object) : "";
}

static void tell(struct triage *t, const struct hung *group, size_t nr)
{
	const struct task_row *task = group->task;
	size_t i = triage_task_index(t, task);
	/* The kernel's own detector passes over those that can be killed: many may sleep so for as long as they like. */
	bool over = !group->killable && group->seconds >= triage_hung_limit(t->r);
	const char *others = nr > 1 ? triage_printf(t, " and %zu other%s have", nr - 1, nr > 2 ? "s" : "") : " has";
	struct finding *f = triage_add(t, over ? SEVERITY_ERROR : group->killable ? SEVERITY_INFO : SEVERITY_WARNING,
				       CONFIDENCE_CERTAIN,
				       "%s[%" PRId32 "]%s been in state D for %s%.1f s%s%s%s%s", task->comm,
				       task->pid, others, nr > 1 ? "up to " : "", group->seconds,
				       group->where ? ", in " : "", group->where ? group->where : "",
				       say_for_what(t, group), group->killable ? "; a signal can end that" : "");
	size_t row = wait_row_of(t, task->kva);

	triage_lasts(t, f, group->seconds, TRIAGE_LONG_S);
	triage_name_pid(f, task->pid);
	for (size_t k = 0; k < nr; k++)
		triage_stuck(t, f, THING_TASK, group[k].task->kva.v);
	if (!group->killable)
		triage_stuck(t, f, THING_HUNG, 0);
	triage_needs_sleeper(t, f, task);
	triage_seconds(t, f, group->seconds, "fdgdb.tasks[%zu].last_ran_s", i);
	triage_text(t, f, "D", "fdgdb.tasks[%zu].state", i);
	if (task->state.has)
		triage_hex(t, f, task->state.v, "task_enrichments[%zu].state", i);
	triage_text(t, f, task->comm, "task_enrichments[%zu].comm", i);
	triage_sleep_evidence(t, f, task);
	if (row != WAIT_NONE)
		wait_evidence(t, f, row);
	triage_log_confirm(t, f, SAID_HUNG_TASK, task->pid, group->seconds);
	triage_next(t, f, "the stack of that task: what it waits for, and who should wake it");
}

static bool hangs(struct triage *t, const struct task_row *task, struct hung *ret)
{
	uint64_t state = task->state.has ? task->state.v : 0;
	double seconds;
	size_t row;

	if (task->x.state_letter != 'D' || !triage_sleeps_long(t->r, task, &seconds))
		return false;
	if (state & (TASK_NOLOAD | TASK_FROZEN))
		return false;
	/* Whoever tells about the lock, or the answer, that it waits for tells about it. */
	if (triage_waits_for_lock(t, task) || triage_is_explained(t, task))
		return false;
	row = wait_row_of(t, task->kva);
	*ret = (struct hung){
		.where = triage_wchan(t->r, task),
		.killable = state & TASK_WAKEKILL,
		.holder = row != WAIT_NONE && t->r->waits.data[row].has_holder ? t->r->waits.data[row].holder.task.v : 0,
		.task = task,
		.seconds = seconds,
	};
	return !waits_for_child(ret->where);
}

static void judge(struct triage *t)
{
	VEC(struct hung) all = { 0 };

	triage_wants_sleep(t);
	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		struct hung one;

		if (!hangs(t, &t->r->tasks.data[i], &one))
			continue;
		struct hung *to = vec_push(&all);
		t->nomem |= !to;
		if (to)
			*to = one;
	}
	if (all.nr)
		qsort(all.data, all.nr, sizeof(*all.data), by_place);
	for (size_t i = 0, nr; i < all.nr; i += nr) {
		for (nr = 1; i + nr < all.nr && same_place(&all.data[i], &all.data[i + nr]); nr++)
			;
		tell(t, &all.data[i], nr);
	}
	free(all.data);
}

const struct triage_rule rule_hung_task = {
	.id = "hung-task",
	.sections = { "tasks", "stacks", "waits" },
	.by_clocks = true,
	.judge = judge,
};
