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

void triage_wants_sleep(struct triage *t)
{
	for (size_t i = 0; i < t->r->tasks.nr; i++) {
		if (t->r->tasks.data[i].x.last_ran.has)
			return;
	}
	if (t->r->tasks.nr)
		triage_unexamined(t, "for how long tasks have not run is not known");
}

const struct kstack_row *triage_stack(const struct report *r, const struct task_row *task)
{
	const struct kstack_row *s = task->stack && task->stack <= r->stacks.nr ? &r->stacks.data[task->stack - 1] :
										   NULL;

	return s && !s->has_vcpu ? s : NULL;
}

static const struct kstack_frame *wchan(const struct kstack_row *s)
{
	return s && s->wchan && s->wchan <= s->nr_frames ? &s->frames[s->wchan - 1] : NULL;
}

const char *triage_wchan(const struct report *r, const struct task_row *task)
{
	const struct kstack_frame *f = wchan(triage_stack(r, task));

	return f ? f->symbol : NULL;
}

bool triage_is_function(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	if (!symbol)
		return false;
	/* A star at the end: whatever begins so. */
	if (len && name[len - 1] == '*')
		return !strncmp(symbol, name, len - 1);
	return strcspn(symbol, ".") == len && !strncmp(symbol, name, len);
}

bool triage_has_frame(const struct kstack_row *stack, const char *const *names, size_t *ret_frame)
{
	for (size_t i = 0; stack && i < stack->nr_frames; i++) {
		const struct kstack_frame *f = &stack->frames[i];

		if (f->kind == FRAME_GUESS || f->kind == FRAME_USER)
			continue;
		for (const char *const *name = names; *name; name++) {
			if (!triage_is_function(f->symbol, *name))
				continue;
			if (ret_frame)
				*ret_frame = i;
			return true;
		}
	}
	return false;
}

bool triage_waits_for_lock(struct triage *t, const struct task_row *task)
{
	size_t row = wait_row_of(t, task->kva);

	return row != WAIT_NONE && wait_is_lock(&t->r->waits.data[row]);
}

/* What may not be among the waits, but is plain from where the task sleeps. */
static const struct {
	const char *names[6];
	enum thing what;
	enum triage_rcu rcu;
} sleeps[] = {
	/* Not those of RCU's that wait for all tasks. */
	{ { "synchronize_rcu", "synchronize_rcu_normal", "rcu_barrier" }, THING_RCU, RCU_NORMAL },
	{ { "synchronize_rcu_expedited", "synchronize_rcu_expedited_*" }, THING_RCU, RCU_EXPEDITED },
	{ { "__flush_work", "__flush_workqueue", "flush_workqueue", "drain_workqueue" }, THING_WORK, 0 },
	/* Another CPU has to take part. */
	{ { "stop_one_cpu", "stop_two_cpus", "__stop_cpus", "cpuhp_kick_ap", "affine_move_task" }, THING_CULPRIT, 0 },
};

static const struct {
	const char *name;
	enum triage_rcu rcu;
} rcus[] = {
	{ "rcu", RCU_NORMAL }, { "barrier", RCU_NORMAL }, { "expedited", RCU_EXPEDITED }, { "srcu", RCU_SRCU },
	{ "tasks", RCU_TASKS }, { "tasks_rude", RCU_TASKS }, { "tasks_trace", RCU_TASKS },
};

static void needs_row(struct triage *t, struct finding *f, const struct wait_row *w)
{
	if (w->has_holder)
		triage_needs(t, f, THING_TASK, w->holder.task.v);
	for (size_t i = 0; i < w->nr_cpus; i++)
		triage_needs(t, f, THING_CPU, w->cpus[i]);
	if (w->kind == WAIT_WORK)
		triage_needs(t, f, THING_WORK, 0);
	for (size_t i = 0; w->kind == WAIT_RCU && w->rcu && i < ARRAY_SIZE(rcus); i++) {
		if (!strcmp(w->rcu, rcus[i].name))
			triage_needs(t, f, THING_RCU,
				     rcus[i].rcu == RCU_SRCU && w->lock.v ? w->lock.v : (uint64_t)rcus[i].rcu);
	}
}

void triage_needs_sleeper(struct triage *t, struct finding *f, const struct task_row *task)
{
	const struct kstack_row *s = triage_stack(t->r, task);
	size_t row = wait_row_of(t, task->kva);

	if (row != WAIT_NONE)
		needs_row(t, f, &t->r->waits.data[row]);
	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++) {
		if (triage_has_frame(s, sleeps[i].names, NULL))
			triage_needs(t, f, sleeps[i].what, sleeps[i].rcu);
	}
}

bool triage_is_runnable(const struct task_row *task)
{
	return !task->running && (task->state.has ? !task->state.v : task->x.state_letter == 'R');
}

void triage_needs_task(struct triage *t, struct finding *f, const struct task_row *task)
{
	triage_needs(t, f, THING_TASK, task->kva.v);
	if (task->running || triage_is_runnable(task))
		triage_needs(t, f, THING_CPU, task->cpu);
	else
		triage_needs_sleeper(t, f, task);
}

double triage_hung_limit(const struct report *r)
{
	enum { DEFAULT_S = 120 }; /* of the kernel's detector; where it is off, or not built */
	const struct opt_u64 *limit = &r->cpus.detectors.hung_task_timeout;

	return limit->has && limit->v ? (double)limit->v : DEFAULT_S;
}

void triage_sleep_evidence(struct triage *t, struct finding *f, const struct task_row *task)
{
	const struct kstack_row *s = triage_stack(t->r, task);
	const struct kstack_frame *frame = wchan(s);

	if (frame && frame->symbol)
		triage_text(t, f, frame->symbol, "fdgdb.stacks[%zu].wchan", (size_t)(s - t->r->stacks.data));
}
