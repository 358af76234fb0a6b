/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a blocked task to its lock (kernel/locking/).
 *
 * Newer kernels record the lock in the task.  Otherwise the waiter on the task's stack leads to it: by the
 * list that goes through the lock, or (7.1+, where the lock only points to its first waiter) by the lock's
 * address, which lies on the stack as well.  Whatever is found must look like such a lock from all sides.
 */
#include "config.h"

#include "walk/waits.h"

#include "base/cleanup.h"
#include "walk/wait-bits.h"

/* ---- locks with a list of waiters */

/*
 * A task that holds the lock.  `gone`: also one that has died with it, of which only the address is left: where a
 * task_struct can be.
 */
static bool may_be_owner(const struct wait_job *j, uint64_t task, bool gone)
{
	enum { ALIGNED = 64 }; /* at least: ARCH_MIN_TASKALIGN */
	const uint64_t DIRECT_MAP = 1ull << 46; /* with four levels of page tables */

	if (wait_is_task(j, task))
		return true;
	return gone && wait_is_pointer(task) && !(task % ALIGNED) &&
	       (!j->k->page_offset || task - j->k->page_offset < DIRECT_MAP);
}

struct lock_type {
	const struct member *waiter_task, *waiter_list, *list, *first;
	const char *waiter; /* what lies on the stack */
};

static struct lock_type lock_type(const struct wait_job *j)
{
	const struct waits_layout *l = j->l;

	switch (j->row->kind) {
	case WAIT_MUTEX:
		return (struct lock_type){ &l->mutex_waiter_task, &l->mutex_waiter_list, &l->mutex_list,
					   &l->mutex_first, "mutex_waiter on its stack" };
	case WAIT_SEMAPHORE:
		return (struct lock_type){ &l->sem_waiter_task, &l->sem_waiter_list, &l->sem_list,
					   &l->sem_first, "semaphore_waiter on its stack" };
	default:
		return (struct lock_type){ &l->rwsem_waiter_task, &l->rwsem_waiter_list, &l->rwsem_list,
					   &l->rwsem_first, "rwsem_waiter on its stack" };
	}
}

/* The last reader may be gone for long; a writer is not. */
static bool rwsem_is_sane(const struct wait_job *j, uint64_t owner, uint64_t count, bool gone)
{
	uint64_t task = owner & ~(uint64_t)RWSEM_OWNER_FLAGS;
	uint64_t readers = (count & ~(1ULL << 63)) >> RWSEM_READER_SHIFT;

	if (!(count & RWSEM_WAITERS) || readers >> 22) /* no more tasks than there are pids */
		return false;
	if (count & RWSEM_WRITE_LOCKED)
		return may_be_owner(j, task, gone);
	return readers ? (owner & RWSEM_READER_OWNED) && (!task || wait_is_pointer(task)) : true;
}

/* Whether what lies there can be the lock: one that is held, and waited for. */
static struct err *looks_like_lock(struct wait_job *j, uint64_t lock, bool gone, bool *ret)
{
	const struct waits_layout *l = j->l;
	uint64_t owner = 0, count = 0;
	bool ok;

	*ret = false;
	switch (j->row->kind) {
	case WAIT_MUTEX:
		TRY(wait_try_member(j, lock, &l->mutex_owner, &owner, &ok));
		*ret = ok && (owner & MUTEX_WAITERS) &&
		       (!(owner & ~(uint64_t)MUTEX_FLAGS) ||
			may_be_owner(j, owner & ~(uint64_t)MUTEX_FLAGS, gone));
		return NULL;
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
		TRY(wait_try_member(j, lock, &l->rwsem_owner, &owner, &ok));
		if (ok)
			TRY(wait_try_member(j, lock, &l->rwsem_count, &count, &ok));
		*ret = ok && rwsem_is_sane(j, owner, count, gone);
		return NULL;
	default:
		TRY(wait_try_member(j, lock, &l->sem_count, &count, &ok));
		if (ok && l->sem_holder.present)
			TRY(wait_try_member(j, lock, &l->sem_holder, &owner, &ok));
		*ret = ok && !count;
		return NULL;
	}
}

/*
 * One of the list's nodes is the lock's own: the one that is no waiter, or, if what lies behind the lock
 * makes it look like one, the only one that can be in a lock.
 */
static struct err *head_of_ring(struct wait_job *j, const struct lock_type *t, const struct wait_ring *ring,
				bool gone, uint64_t *ret)
{
	uint64_t found[2] = { 0 }; /* that are waiters, too; that are none */
	size_t nr[2] = { 0 };

	*ret = 0;
	for (size_t i = 1; i < ring->nodes.nr; i++) {
		uint64_t node = ring->nodes.data[i], task = 0;
		bool is_lock, ok;

		TRY(looks_like_lock(j, node - t->list->off, gone, &is_lock));
		if (!is_lock)
			continue;
		TRY(wait_try_word(j, node + t->waiter_task->off - t->waiter_list->off, &task, &ok));
		bool alone = !ok || !wait_is_task(j, task);
		found[alone] = node - t->list->off;
		nr[alone]++;
	}
	if (nr[true] == 1)
		*ret = found[true];
	else if (!nr[true] && nr[false] == 1)
		*ret = found[false];
	return NULL;
}

/* A word of the stack that is the address of a lock whose first waiter is on the list. */
static struct err *pointer_to_lock(struct wait_job *j, const struct lock_type *t, const struct wait_ring *ring,
				   bool gone, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < j->nr_words && !*ret; i++) {
		uint64_t first;
		bool ok, is_lock = false;

		TRY(wait_try_member(j, j->words[i], t->first, &first, &ok));
		if (!ok)
			continue;
		for (size_t n = 0; n < ring->nodes.nr && !is_lock; n++) {
			if (first == ring->nodes.data[n] - t->waiter_list->off)
				TRY(looks_like_lock(j, j->words[i], gone, &is_lock));
		}
		if (is_lock)
			*ret = j->words[i];
	}
	return NULL;
}

static struct err *by_waiter(struct wait_job *j, bool gone)
{
	struct lock_type t = lock_type(j);
	size_t at = 0;

	while (!j->row->lock.v) {
		_cleanup_(wait_ring_deinit) struct wait_ring ring = { 0 };
		uint64_t node, lock = 0;

		TRY(wait_own_waiter(j, t.waiter_task, t.waiter_list, &at, &node));
		if (!node)
			return NULL;
		TRY(wait_read_ring(j, node, &ring));
		if (t.list->present)
			TRY(head_of_ring(j, &t, &ring, gone, &lock));
		else if (t.first->present)
			TRY(pointer_to_lock(j, &t, &ring, gone, &lock));
		j->row->lock.v = lock;
		j->row->found_by = lock ? t.waiter : NULL;
	}
	return NULL;
}

/* BLOCKER_TYPE_*: 2 and 3 are rwsems. */
static bool is_blocker_of(uint64_t v, enum wait_kind kind)
{
	uint64_t type = v & BLOCKER_TYPE;

	return kind == WAIT_MUTEX ? type == 0 : kind == WAIT_SEMAPHORE ? type == 1 : type >= 2;
}

/* What the kernel records in the task; its low bits say of what type. */
static struct err *by_record(struct wait_job *j)
{
	struct wait_row *row = j->row;
	uint64_t v;
	bool ok;

	if (row->kind == WAIT_MUTEX) {
		TRY(wait_try_member(j, row->task.v, &j->l->blocked_on, &v, &ok));
		if (ok && wait_is_pointer(v)) {
			row->lock.v = v;
			row->found_by = "task_struct.blocked_on";
			return NULL;
		}
	}
	TRY(wait_try_member(j, row->task.v, &j->l->blocker, &v, &ok));
	if (ok && v && is_blocker_of(v, row->kind) &&
	    wait_is_pointer(v & ~(uint64_t)BLOCKER_TYPE)) {
		row->lock.v = v & ~(uint64_t)BLOCKER_TYPE;
		row->found_by = "task_struct.blocker";
	}
	return NULL;
}

/* ---- the others */

static struct err *find_rt_mutex(struct wait_job *j)
{
	uint64_t waiter, lock;
	bool ok;

	TRY(wait_try_member(j, j->row->task.v, &j->l->pi_blocked_on, &waiter, &ok));
	if (ok)
		TRY(wait_try_member(j, waiter, &j->l->rt_waiter_lock, &lock, &ok));
	if (ok && wait_is_pointer(lock)) {
		j->row->lock.v = lock;
		j->row->found_by = "task_struct.pi_blocked_on";
	}
	return wait_find_futex(j, true);
}

/* Behind a writer in the queue of the semaphore. */
static struct err *percpu_by_queue(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	_cleanup_(wait_ring_deinit) struct wait_ring ring = { 0 };
	uint64_t node, func = 0, here;
	size_t at = 0;
	bool ok;

	TRY(wait_own_waiter(j, &l->wq_private, &l->wq_entry, &at, &node));
	if (!node || !l->percpu_head.present || !l->wq_func.present)
		return NULL;
	TRY(wait_try_word(j, node - l->wq_entry.off + l->wq_func.off, &func, &ok));
	if (!ok)
		return NULL;
	TRY(wait_read_ring(j, node, &ring));
	for (size_t i = 1; i < ring.nodes.nr; i++) {
		TRY(wait_try_word(j, ring.nodes.data[i] - l->wq_entry.off + l->wq_func.off, &here, &ok));
		if (ok && here == func)
			continue;
		j->row->lock.v = ring.nodes.data[i] - l->percpu_head.off;
		j->row->found_by = "wait_queue_entry on its stack";
		return NULL;
	}
	return NULL;
}

/* A writer that waits for readers is recorded in the semaphore. */
static struct err *percpu_by_writer(struct wait_job *j)
{
	for (size_t i = 0; i < j->nr_words; i++) {
		uint64_t writer;
		bool ok;

		TRY(wait_try_member(j, j->words[i], &j->l->percpu_writer, &writer, &ok));
		if (!ok || writer != j->row->task.v)
			continue;
		j->row->lock.v = j->words[i];
		j->row->found_by = "percpu_rw_semaphore.writer";
		return NULL;
	}
	return NULL;
}

struct err *wait_find_lock(struct wait_job *j)
{
	switch (j->row->kind) {
	case WAIT_MUTEX:
	case WAIT_SEMAPHORE:
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
		TRY(by_record(j));
		for (int gone = 0; gone < 2 && !j->row->lock.v; gone++)
			TRY(by_waiter(j, gone));
		break;
	case WAIT_RT_MUTEX:
		TRY(find_rt_mutex(j));
		break;
	case WAIT_PERCPU_READ:
	case WAIT_PERCPU_WRITE:
		TRY(percpu_by_queue(j));
		if (!j->row->lock.v && j->row->kind == WAIT_PERCPU_WRITE)
			TRY(percpu_by_writer(j));
		break;
	default:
		return NULL;
	}
	if (j->row->lock.v)
		return NULL;
	/* PREEMPT_RT: an rtmutex below, but readers of it are a number. */
	j->row->why = j->row->kind == WAIT_RT_MUTEX && j->l->mutex_rt.present ?
			      "readers hold it, and none of them is recorded" : "the lock was not found";
	return NULL;
}
