/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that wait for each other in a circle. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/rules.h"
#include "triage/sleep.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

enum { NAMED = 4 };

static const struct task_row *waiter(const struct triage *t, size_t row)
{
	return report_task(t->r, t->r->waits.data[row].task);
}

/* The CPU that a task spins on; NULL. */
static const struct cpu_row *spinner(const struct triage *t, size_t row)
{
	const struct wait_row *w = &t->r->waits.data[row];
	const struct task_row *task = waiter(t, row);

	if (w->cpu.has)
		return cpu_state_find(&t->r->cpus, (uint32_t)w->cpu.v);
	return task && task->running ? cpu_state_find(&t->r->cpus, task->cpu) : NULL;
}

/* Of who sleeps: since when; of who spins: since when its CPU does nothing else. */
static double waits_for(const struct triage *t, size_t row)
{
	const struct task_row *task = waiter(t, row);
	double seconds;

	if (wait_kind_spins(t->r->waits.data[row].kind)) {
		const struct cpu_row *c = spinner(t, row);

		return c ? triage_cpu_stuck_for(t->r, c) : 0;
	}
	return task && triage_sleeps_long(t->r, task, &seconds) ? seconds : 0;
}

/* The shortest of all: a hint of long ago and a wait of just now make no circle. */
static double all_wait_for(struct triage *t, const struct wait_chain *c)
{
	double least = 0;
	size_t row = c->end;

	for (size_t i = 0; i < c->nr; i++, row = wait_next(t, row)) {
		double seconds = waits_for(t, row);

		least = i ? MIN(least, seconds) : seconds;
	}
	return least;
}

/* "a[1] waits for mutex x, b[2] waits for mutex y" */
static const char *say_who(struct triage *t, const struct wait_chain *c)
{
	const char *who = "";
	size_t row = c->end;

	for (size_t i = 0; i < c->nr && i < NAMED; i++, row = wait_next(t, row)) {
		const struct wait_row *w = &t->r->waits.data[row];

		who = triage_printf(t, "%s%s%s[%" PRId32 "] waits for %s", who, i ? ", " : "",
				    w->comm ? w->comm : "?", w->pid, wait_lock_text(t, w));
	}
	return c->nr > NAMED ? triage_printf(t, "%s ...", who) : who;
}

static const char *say(struct triage *t, const struct wait_chain *c, size_t behind)
{
	const struct wait_row *w = &t->r->waits.data[c->end];
	bool certain = c->basis == WAIT_RECORDED;
	const char *others = behind ? triage_printf(t, ", and %zu other%s wait%s behind", behind,
						    behind > 1 ? "s" : "", behind > 1 ? "" : "s") :
				      "";

	if (c->nr == 1)
		return triage_printf(t, "%s: %s[%" PRId32 "] waits for %s, which it %s%s itself%s",
				     certain ? "deadlock" : "maybe a deadlock", w->comm ? w->comm : "?", w->pid,
				     wait_lock_text(t, w), certain ? "" : "probably ",
				     wait_is_lock(w) ? "holds" : "should bring about", others);
	return triage_printf(t, "%s: %zu tasks wait for each other%s: %s%s",
			     certain ? "deadlock" : "maybe a deadlock", c->nr, others, say_who(t, c),
			     certain ? "" : "; not every holder is recorded by its lock");
}

/* None of those in the circle or behind it gets on, and no CPU on which one of them spins. */
static size_t stop_all(struct triage *t, struct finding *f, size_t circle)
{
	size_t nr = 0;

	for (size_t i = 0; i < t->r->waits.nr; i++) {
		struct wait_chain c = wait_follow(t, i);
		const struct task_row *task = waiter(t, i);

		if (!c.cycle || c.end != circle)
			continue;
		nr++;
		if (!f)
			continue;
		if (task)
			triage_stuck(t, f, THING_TASK, task->kva.v);
		if (wait_kind_spins(t->r->waits.data[i].kind) && spinner(t, i)) {
			triage_stuck(t, f, THING_CPU, spinner(t, i)->cpu);
			triage_stuck(t, f, THING_CULPRIT, 0);
		}
	}
	return nr;
}

static void judge_cycle(struct triage *t, const struct wait_chain *c)
{
	bool certain = c->basis == WAIT_RECORDED, spins = true;
	size_t row = c->end;
	struct finding *f;

	for (size_t i = 0; i < c->nr; i++, row = wait_next(t, row))
		spins &= wait_kind_spins(t->r->waits.data[row].kind);
	/* Of spinning locks no holder is recorded, but its CPU shows what it is at. */
	f = triage_add(t, certain || spins ? SEVERITY_ERROR : SEVERITY_WARNING,
		       certain ? CONFIDENCE_CERTAIN : spins ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, "%s",
		       say(t, c, stop_all(t, NULL, c->end) - c->nr));
	triage_name_pid(f, t->r->waits.data[c->end].pid);
	stop_all(t, f, c->end);
	triage_stuck(t, f, THING_HUNG, 0);
	row = c->end;
	for (size_t i = 0; i < c->nr && i < NAMED; i++, row = wait_next(t, row))
		wait_evidence(t, f, row);
	triage_next(t, f, "%s", c->nr == 1 ? "the stack of that task: where it took the lock for the first time" :
				spins	   ? "the stacks of these CPUs: in which order each took its locks" :
					     "the stacks of these tasks: in which order each took its locks");
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->waits.nr; i++) {
		struct wait_chain c = wait_follow(t, i);

		if (!c.cycle || c.end != i)
			continue;
		/* Clocks that nobody keeps do not tell how long. */
		if (c.basis == WAIT_RECORDED || all_wait_for(t, &c) > 0 ||
		    (wait_kind_spins(t->r->waits.data[i].kind) && cpu_state_clocks_stand(&t->r->cpus)))
			judge_cycle(t, &c);
	}
}

const struct triage_rule rule_deadlock = {
	.id = "deadlock",
	.sections = { "waits", "tasks" },
	.judge = judge,
};
