/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/sleep.h"
#include "triage/wait-chain.h"

static const double NS = 1e9;

bool triage_sleeps_long(const struct report *r, const struct task_row *task, double *ret)
{
	double seconds = (double)task->x.last_ran.v / NS;

	(void)r;
	if (!task->x.last_ran.has || task->running || seconds < TRIAGE_LONG_S)
		return false;
	*ret = seconds;
	return true;
}

const struct kstack_row *triage_stack(const struct report *r, const struct task_row *task)
{
	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *s = &r->stacks.data[i];

		if (!s->has_vcpu && s->task.v == task->kva.v)
			return s;
	}
	return NULL;
}

const char *triage_wchan(const struct report *r, const struct task_row *task)
{
	const struct kstack_row *s = triage_stack(r, task);

	return s && s->wchan && s->wchan <= s->nr_frames ? s->frames[s->wchan - 1].symbol : NULL;
}

bool triage_has_frame(const struct kstack_row *stack, const char *symbol, size_t *ret_frame)
{
	for (size_t i = 0; stack && i < stack->nr_frames; i++) {
		const struct kstack_frame *f = &stack->frames[i];

		if (f->kind == FRAME_GUESS || !f->symbol || strcmp(f->symbol, symbol))
			continue;
		*ret_frame = i;
		return true;
	}
	return false;
}

bool triage_waits_for_lock(const struct report *r, const struct task_row *task)
{
	for (size_t i = 0; i < r->waits.nr; i++) {
		const struct wait_row *w = &r->waits.data[i];

		if (w->task.v == task->kva.v && wait_is_lock(w))
			return true;
	}
	return false;
}

void triage_sleep_evidence(struct triage *t, struct finding *f, const struct task_row *task)
{
	const struct kstack_row *s = triage_stack(t->r, task);

	if (s && s->wchan && s->wchan <= s->nr_frames && s->frames[s->wchan - 1].symbol)
		triage_text(t, f, s->frames[s->wchan - 1].symbol, "fdgdb.stacks[%zu].wchan",
			    (size_t)(s - t->r->stacks.data));
}
