/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of a task beyond the format: its state, where it may run, since when it has not, its stack. */
#include "config.h"

#include "walk/tasks.h"

#include <inttypes.h>
#include <stdio.h>

/* As __task_state_index() in the kernel's sched.h, and the letters that /proc/PID/stat has for it. */
static char state_letter(uint64_t state, uint64_t exit_state)
{
	enum {
		UNINTERRUPTIBLE = 2,
		REPORT = 0x7f,	    /* the bits that have a letter of their own */
		IDLE = 0x402,	    /* uninterruptible, but no part of the load */
		REPORT_IDLE = 0x80,
		RTLOCK_WAIT = 0x1000,
		FROZEN = 0x8000,
	};
	static const char letters[] = "RSDTtXZPI";
	uint64_t report = (state | exit_state) & REPORT;
	size_t i = 0;

	if ((state & IDLE) == IDLE)
		report = REPORT_IDLE;
	if (state & (RTLOCK_WAIT | FROZEN))
		report = UNINTERRUPTIBLE;
	for (; report; report >>= 1)
		i++;
	return letters[i];
}

static void read_cpus_allowed(struct task_reading *r, struct task_extra *x)
{
	const struct member *m = &r->t->l.cpus_mask;
	uint8_t mask[TASK_MASK_MAX];
	uint32_t nr = r->t->k->nr_cpu_ids;
	size_t len = (nr + 7) / 8;

	if (!m->present || !nr || r->t->fatal || len > m->size || len > sizeof(mask))
		return;
	if (r->data) {
		memcpy(mask, r->data + (m->off - r->t->lo), len);
	} else {
		struct err *e = kread(r->t->k, kmember(r->kva, m), mask, len);

		if (e) {
			task_lost(r, e);
			return;
		}
	}
	/* Most tasks may run everywhere. */
	struct task_walk *t = r->t;
	if (!t->mask_list || memcmp(t->mask, mask, len)) {
		bool cpus[sizeof(mask) * 8];

		for (uint32_t cpu = 0; cpu < nr; cpu++)
			cpus[cpu] = mask[cpu / 8] >> cpu % 8 & 1;
		t->mask_list = walk_cpu_list(&t->w->r->pool, cpus, nr);
		memcpy(t->mask, mask, len);
	}
	x->cpus_allowed = t->mask_list;
	if (!x->cpus_allowed)
		task_lost(r, &err_nomem);
}

void task_read_extra(struct task_reading *r, struct task_row *row)
{
	const struct task_layout *l = &r->t->l;
	struct task_extra *x = &row->x;
	struct opt_u64 css_set = { 0 };

	task_get_opt(r, &l->exit_state, &x->exit_state);
	task_get_opt(r, &l->exit_code, &x->exit_code);
	task_get_opt(r, &l->flags, &x->flags);
	task_get_opt(r, &l->on_cpu, &x->on_cpu);
	task_get_opt(r, &l->on_rq, &x->on_rq);
	task_get_opt(r, &l->in_iowait, &x->in_iowait);
	task_get_opt(r, &l->mm, &x->mm);
	task_get_opt_i32(r, &l->policy, &x->policy);
	task_get_opt(r, &l->start_time, &x->start_time);
	task_get_opt(r, &l->start_boottime, &x->start_boottime);
	task_get_opt(r, &l->sum_exec, &x->sum_exec_runtime);
	task_get_opt(r, &l->pcount, &x->pcount);
	task_get_opt(r, &l->run_delay, &x->run_delay);
	task_get_opt(r, &l->last_arrival, &x->last_arrival);
	task_get_opt(r, &l->last_queued, &x->last_queued);
	task_get_opt(r, &l->ops_state, &x->ops_state);
	task_get_opt(r, &l->ddsp_dsq_id, &x->ddsp_dsq_id);
	task_get_opt_i32(r, &l->sticky_cpu, &x->sticky_cpu);
	task_get_opt_i32(r, &l->holding_cpu, &x->holding_cpu);
	task_get_opt(r, &l->cgroups, &css_set);
	x->css_set.v = css_set.v;
	if (row->state.has && x->exit_state.has)
		x->state_letter = state_letter((uint32_t)row->state.v, (uint32_t)x->exit_state.v);

	/* NULL: a dead task has given it back. */
	task_get_opt(r, &l->stack, &x->stack);
	if (x->stack.has && x->stack.v && r->t->stack_size)
		x->stack_end = (struct opt_u64){ true, x->stack.v + r->t->stack_size };

	/* For now the clock's reading; task_ages() makes it an age. */
	task_get_opt(r, &l->exec_start, &x->last_ran);
	read_cpus_allowed(r, x);
	task_name_flags(r->t, row);
}

static uint64_t since(uint64_t now, uint64_t stamp)
{
	return now > stamp ? now - stamp : 0;
}

/*
 * exec_start was taken when the task was last seen running, from rq->clock_task, which leaves out what
 * interrupts and the hypervisor took; all other stamps are of rq->clock.  Both belong to the CPU that the task
 * is on.  A CPU that sleeps does not advance its clocks, so "now" is what the latest of them shows.
 */
void task_ages(const struct task_walk *t, struct task_row *row)
{
	struct task_extra *x = &row->x;
	const struct task_cpu *c = task_knows(row, TASK_CPU) && row->cpu < t->k->nr_cpu_ids ? &t->cpus[row->cpu] : NULL;
	struct opt_u64 stamp = x->last_ran;

	x->last_ran = (struct opt_u64){ 0 };
	if (!t->now || !c || !c->clock)
		return;
	if (row->running) {
		x->last_ran.has = true;
		return;
	}
	/* Moving a sleeper to another CPU clears exec_start in the fair class.  When it last began to run is
	 * known all the same, and it cannot have stopped before. */
	if (x->last_arrival.has && x->last_arrival.v)
		x->last_ran = (struct opt_u64){ true, since(t->now, x->last_arrival.v) };
	if (stamp.has && stamp.v && c->clock_task) {
		uint64_t age = since(c->clock_task + (t->now - c->clock), stamp.v);

		if (!x->last_ran.has || age < x->last_ran.v)
			x->last_ran = (struct opt_u64){ true, age };
	}
	if (x->last_queued.has && x->last_queued.v && !x->idle)
		x->waiting = (struct opt_u64){ true, since(t->now, x->last_queued.v) };
}
