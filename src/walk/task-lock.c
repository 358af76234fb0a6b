/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running tasks that try to get a lock.  Where a vCPU is does not always tell: with paravirtual spin locks it has
 * halted meanwhile (kvm_wait), who waits for a mutex or an rwsem whose holder runs spins in a function of their own, and
 * an interrupt may have come on top.  So their stacks are asked too, once they are known.
 */
#include "config.h"

#include "walk/tasks.h"

/*
 * The kernel has a lock's slow path under several names: queued_spin_lock_slowpath becomes native_... and
 * __pv_... with paravirtual spin locks, and compilers clone the body of the mutex's into __mutex_lock.
 */
static const struct {
	const char *symbol;
	const char *match; /* the format's word */
	bool inner;
} slowpaths[] = {
	{ "queued_spin_lock_slowpath", "queued_spin_lock_slowpath", false },
	{ "native_queued_spin_lock_slowpath", "queued_spin_lock_slowpath", false },
	{ "__pv_queued_spin_lock_slowpath", "queued_spin_lock_slowpath", false },
	{ "resilient_queued_spin_lock_slowpath", "queued_spin_lock_slowpath", false }, /* 6.15: BPF's */
	{ "resilient_tas_spin_lock", "queued_spin_lock_slowpath", false }, /* the same without queues */
	{ "__mutex_lock_slowpath", "mutex_lock_slowpath", false },
	{ "__mutex_lock_killable_slowpath", "mutex_lock_slowpath", false },
	{ "__mutex_lock_interruptible_slowpath", "mutex_lock_slowpath", false },
	{ "__mutex_lock", "mutex_lock_slowpath", false },
	{ "mutex_spin_on_owner", "mutex_lock_slowpath", false },
	{ "rwsem_down_read_slowpath", "rwsem_down_read_slowpath", false },
	{ "rwsem_down_write_slowpath", "rwsem_down_write_slowpath", false },
	{ "rwsem_optimistic_spin", "rwsem_down_write_slowpath", false },
	{ "rwsem_spin_on_owner", "rwsem_down_write_slowpath", false },
	/* The queue of those that spin for a mutex or an rwsem. */
	{ "osq_lock", NULL, true },
	/* The format knows no read-write spin locks. */
	{ "queued_read_lock_slowpath", NULL, false },
	{ "queued_write_lock_slowpath", NULL, false },
	{ "__rt_mutex_slowlock", NULL, false }, /* PREEMPT_RT: what mutexes and spin locks are there */
	{ "rt_mutex_slowlock", NULL, false },
	{ "rtlock_slowlock", NULL, false },
	{ "rtlock_slowlock_locked", NULL, false },
};

static struct lock_slowpath by_name(const char *name)
{
	/* "__mutex_lock.constprop.0" is one as well. */
	size_t len = strcspn(name, ".");

	for (size_t i = 0; i < ARRAY_SIZE(slowpaths); i++) {
		if (!strncmp(name, slowpaths[i].symbol, len) && !slowpaths[i].symbol[len])
			return (struct lock_slowpath){ slowpaths[i].match, slowpaths[i].symbol, slowpaths[i].inner };
	}
	return (struct lock_slowpath){ 0 };
}

struct lock_slowpath task_lock_slowpath(const struct kernel *k, uint64_t ip)
{
	uint64_t offset, size;
	const struct symbol *sym = symbols_at(k->symbols, ip, &offset, &size);

	return sym ? by_name(sym->name) : (struct lock_slowpath){ 0 };
}

/* The innermost of a stack; a part of several gets its word from the next one. */
static struct lock_slowpath of_stack(const struct kstack_row *s)
{
	struct lock_slowpath ret = { 0 };

	for (size_t i = 0; i < s->nr_frames; i++) {
		const struct kstack_frame *f = &s->frames[i];

		if (f->kind == FRAME_GUESS || f->kind == FRAME_USER)
			break;
		if (!f->symbol || f->module)
			continue;
		struct lock_slowpath here = by_name(f->symbol);
		if (!here.symbol)
			continue;
		if (!ret.symbol)
			ret = here;
		else
			ret.match = here.match;
		if (!here.inner)
			break;
	}
	return ret;
}

void walk_task_locks(struct walk *w)
{
	struct report *r = w->r;

	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *s = &r->stacks.data[i];
		struct task_row *task = s->task.v ? (struct task_row *)report_task(r, s->task) : NULL;

		if (!s->has_vcpu || !task || !task->running)
			continue;
		struct lock_slowpath lock = of_stack(s);
		if (!lock.symbol)
			continue;
		task->lock_slowpath = lock.match;
		task->x.lock_symbol = lock.symbol;
	}
}
