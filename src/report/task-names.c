/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/task-names.h"

#include <inttypes.h>

enum { MAX_RT_PRIO = 100, KTHREAD = 0x200000 };

const char *task_state_name(char letter)
{
	switch (letter) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	case 't':
		return "tracing stop";
	case 'X':
		return "dead";
	case 'Z':
		return "zombie";
	case 'P':
		return "parked";
	case 'I':
		return "idle";
	}
	return NULL;
}

const char *task_policy_name(int32_t policy)
{
	/* Macros of the user's API, which cannot change. */
	static const char *const names[] = { "SCHED_NORMAL", "SCHED_FIFO", "SCHED_RR",	     "SCHED_BATCH",
					     NULL,	     "SCHED_IDLE", "SCHED_DEADLINE", "SCHED_EXT" };

	return policy >= 0 && (size_t)policy < ARRAY_SIZE(names) ? names[policy] : NULL;
}

void task_flag_names(struct strbuf *sb, uint64_t flags)
{
	/* Macros: no types tell of them. */
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ 0x1, "VCPU" },	       { 0x2, "IDLE" },
		{ 0x4, "EXITING" },	       { 0x8, "POSTCOREDUMP" },
		{ 0x10, "IO_WORKER" },	       { 0x20, "WQ_WORKER" },
		{ 0x40, "FORKNOEXEC" },	       { 0x80, "MCE_PROCESS" },
		{ 0x100, "SUPERPRIV" },	       { 0x200, "DUMPCORE" },
		{ 0x400, "SIGNALED" },	       { 0x800, "MEMALLOC" },
		{ 0x1000, "NPROC_EXCEEDED" },  { 0x2000, "USED_MATH" },
		{ 0x8000, "NOFREEZE" },	       { 0x20000, "KSWAPD" },
		{ 0x40000, "MEMALLOC_NOFS" },  { 0x80000, "MEMALLOC_NOIO" },
		{ 0x100000, "LOCAL_THROTTLE" }, { KTHREAD, "KTHREAD" },
		{ 0x400000, "RANDOMIZE" },     { 0x4000000, "NO_SETAFFINITY" },
		{ 0x8000000, "MCE_EARLY" },    { 0x10000000, "MEMALLOC_PIN" },
	};
	const char *bar = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & names[i].bit))
			continue;
		strbuf_printf(sb, "%s%s", bar, names[i].name);
		flags &= ~(uint64_t)names[i].bit;
		bar = "|";
	}
	if (flags)
		strbuf_printf(sb, "%s0x%" PRIx64, bar, flags);
}

bool task_nice(const struct task_row *t, int *ret)
{
	if (!task_knows(t, TASK_STATIC_PRIO) || t->static_prio < MAX_RT_PRIO || t->static_prio >= MAX_RT_PRIO + 40)
		return false;
	*ret = t->static_prio - MAX_RT_PRIO - 20;
	return true;
}

static bool waiting_for(const struct report *r, const struct task_row *t, double *ret)
{
	/* sched_ext's own clock is what its watchdog goes by. */
	if (report_runnable_for(r, t, ret))
		return true;
	if (!t->x.waiting.has)
		return false;
	*ret = (double)t->x.waiting.v / 1e9;
	return true;
}

enum task_rank task_rank(const struct report *r, const struct task_row *t, double *seconds)
{
	const struct task_extra *x = &t->x;

	*seconds = -1;
	if (x->idle)
		return TASK_RANK_IDLE;
	if (t->running)
		return TASK_RANK_RUNNING;
	if (x->state_letter == 'D') {
		if (x->last_ran.has)
			*seconds = (double)x->last_ran.v / 1e9;
		return *seconds >= 1 ? TASK_RANK_BLOCKED : TASK_RANK_BLOCKED_BRIEFLY;
	}
	if (waiting_for(r, t, seconds))
		return *seconds >= 1 ? TASK_RANK_STARVED : TASK_RANK_WAITING;
	if (x->state_letter == 'R')
		return TASK_RANK_WAITING;
	return x->flags.has && x->flags.v & KTHREAD ? TASK_RANK_KERNEL : TASK_RANK_REST;
}

bool task_watchdog_share(const struct report *r, const struct task_row *t, double *ret)
{
	const struct scx_sched_row *s = report_sched_of(r, t);
	double seconds, timeout;

	if (!s || !report_watchdog_timeout(r, s, &timeout) || t->running || !t->sched_class ||
	    strcmp(t->sched_class, "ext") || !report_runnable_for(r, t, &seconds))
		return false;
	*ret = seconds / timeout;
	return true;
}

const char *task_wchan(const struct report *r, const struct task_row *t)
{
	const struct kstack_row *s = t->stack ? &r->stacks.data[t->stack - 1] : NULL;

	return s && s->wchan ? s->frames[s->wchan - 1].symbol : NULL;
}
