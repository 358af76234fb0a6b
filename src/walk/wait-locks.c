/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a blocked task to its lock, and from the lock to its holder (kernel/locking/, kernel/futex/).
 *
 * Newer kernels record the lock in the task.  Otherwise the waiter on the task's stack leads to it: by the
 * list that goes through the lock, or (7.1+, where the lock only points to its first waiter) by the lock's
 * address, which lies on the stack as well.  Whatever is found must look like such a lock from all sides.
 */
#include "config.h"

#include "walk/waits.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/vec.h"

enum { WAITERS_MAX = 1024 };

/* Bits of the locks' words: macros, of which the guest knows nothing. */
enum {
	MUTEX_WAITERS = 1, MUTEX_FLAGS = 7,
	RWSEM_WRITE_LOCKED = 1, RWSEM_WAITERS = 2, RWSEM_READER_SHIFT = 8,
	RWSEM_READER_OWNED = 1, RWSEM_OWNER_FLAGS = 3,
	RT_MUTEX_FLAGS = 1,
	BLOCKER_TYPE = 3,
	FUTEX_INODE = 1,
};

static bool is_task(const struct wait_job *j, uint64_t addr)
{
	return addr && report_task(j->w->r, (struct kva){ addr });
}

static bool is_kernel_pointer(uint64_t v)
{
	return v >> 56 == 0xff && !(v & 7); /* with five levels of page tables, too */
}

static struct err *try_word(struct wait_job *j, uint64_t addr, uint64_t *ret, bool *ok)
{
	struct err *e = is_kernel_pointer(addr & ~7ULL) ? kread_u64(j->k, (struct kva){ addr }, ret) : NULL;

	*ok = is_kernel_pointer(addr & ~7ULL) && !e;
	if (walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

static struct err *try_member(struct wait_job *j, uint64_t obj, const struct member *m, uint64_t *ret,
			      bool *ok)
{
	struct err *e = m->present && is_kernel_pointer(obj) ? kget(j->k, (struct kva){ obj }, m, ret) : NULL;

	*ok = m->present && is_kernel_pointer(obj) && !e;
	if (walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

/* ---- locks with a list of waiters */

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
static bool rwsem_is_sane(const struct wait_job *j, uint64_t owner, uint64_t count)
{
	uint64_t task = owner & ~(uint64_t)RWSEM_OWNER_FLAGS;
	uint64_t readers = (count & ~(1ULL << 63)) >> RWSEM_READER_SHIFT;

	if (!(count & RWSEM_WAITERS) || readers >> 22) /* no more tasks than there are pids */
		return false;
	if (count & RWSEM_WRITE_LOCKED)
		return is_task(j, task);
	return readers ? (owner & RWSEM_READER_OWNED) && (!task || is_kernel_pointer(task)) : true;
}

/* Whether what lies there can be the lock: one that is held, and waited for. */
static struct err *looks_like_lock(struct wait_job *j, uint64_t lock, bool *ret)
{
	const struct waits_layout *l = j->l;
	uint64_t owner = 0, count = 0;
	bool ok;

	*ret = false;
	switch (j->row->kind) {
	case WAIT_MUTEX:
		TRY(try_member(j, lock, &l->mutex_owner, &owner, &ok));
		*ret = ok && (owner & MUTEX_WAITERS) &&
		       (!(owner & ~(uint64_t)MUTEX_FLAGS) || is_task(j, owner & ~(uint64_t)MUTEX_FLAGS));
		return NULL;
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
		TRY(try_member(j, lock, &l->rwsem_owner, &owner, &ok));
		if (ok)
			TRY(try_member(j, lock, &l->rwsem_count, &count, &ok));
		*ret = ok && rwsem_is_sane(j, owner, count);
		return NULL;
	default:
		TRY(try_member(j, lock, &l->sem_count, &count, &ok));
		if (ok && l->sem_holder.present)
			TRY(try_member(j, lock, &l->sem_holder, &owner, &ok));
		*ret = ok && !count;
		return NULL;
	}
}

/*
 * The next struct on the stack with a pointer to this task that is on a list that is whole; its list_head, or 0.
 * There may be others than the one looked for: *at is where to go on.
 */
static struct err *own_waiter(struct wait_job *j, const struct member *task, const struct member *list,
			      size_t *at, uint64_t *ret)
{
	*ret = 0;
	if (!task->present || !list->present)
		return NULL;
	while (*at < j->nr_words) {
		size_t i = (*at)++;
		uint64_t node = j->from + 8 * i - task->off + list->off, next, prev, back = 0, forth = 0;
		bool ok;

		if (j->words[i] != j->row->task.v)
			continue;
		TRY(try_word(j, node, &next, &ok));
		if (ok)
			TRY(try_word(j, node + 8, &prev, &ok));
		if (ok)
			TRY(try_word(j, next + 8, &back, &ok));
		if (ok)
			TRY(try_word(j, prev, &forth, &ok));
		if (!ok || back != node || forth != node)
			continue;
		*ret = node;
		return NULL;
	}
	return NULL;
}

struct ring {
	VEC(uint64_t) nodes;
};

static void ring_deinit(struct ring *r)
{
	free(r->nodes.data);
}

/* All nodes of the list that `node` is on, itself first. */
static struct err *read_ring(struct wait_job *j, uint64_t node, struct ring *ring)
{
	for (uint64_t at = node; ring->nodes.nr < WAITERS_MAX;) {
		uint64_t *to = vec_push(&ring->nodes);
		bool ok;

		if (!to)
			return &err_nomem;
		*to = at;
		TRY(try_word(j, at, &at, &ok));
		if (!ok || at == node)
			return NULL;
	}
	return NULL;
}

/*
 * One of the list's nodes is the lock's own: the one that is no waiter, or, if what lies behind the lock
 * makes it look like one, the only one that can be in a lock.
 */
static struct err *head_of_ring(struct wait_job *j, const struct lock_type *t, const struct ring *ring,
				uint64_t *ret)
{
	uint64_t found[2] = { 0 }; /* that are waiters, too; that are none */
	size_t nr[2] = { 0 };

	*ret = 0;
	for (size_t i = 1; i < ring->nodes.nr; i++) {
		uint64_t node = ring->nodes.data[i], task = 0;
		bool is_lock, ok;

		TRY(looks_like_lock(j, node - t->list->off, &is_lock));
		if (!is_lock)
			continue;
		TRY(try_word(j, node + t->waiter_task->off - t->waiter_list->off, &task, &ok));
		bool alone = !ok || !is_task(j, task);
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
static struct err *pointer_to_lock(struct wait_job *j, const struct lock_type *t, const struct ring *ring,
				   uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < j->nr_words && !*ret; i++) {
		uint64_t first;
		bool ok, is_lock = false;

		TRY(try_member(j, j->words[i], t->first, &first, &ok));
		if (!ok)
			continue;
		for (size_t n = 0; n < ring->nodes.nr && !is_lock; n++) {
			if (first == ring->nodes.data[n] - t->waiter_list->off)
				TRY(looks_like_lock(j, j->words[i], &is_lock));
		}
		if (is_lock)
			*ret = j->words[i];
	}
	return NULL;
}

static struct err *by_waiter(struct wait_job *j)
{
	struct lock_type t = lock_type(j);
	size_t at = 0;

	while (!j->row->lock.v) {
		_cleanup_(ring_deinit) struct ring ring = { 0 };
		uint64_t node, lock = 0;

		TRY(own_waiter(j, t.waiter_task, t.waiter_list, &at, &node));
		if (!node)
			return NULL;
		TRY(read_ring(j, node, &ring));
		if (t.list->present)
			TRY(head_of_ring(j, &t, &ring, &lock));
		else if (t.first->present)
			TRY(pointer_to_lock(j, &t, &ring, &lock));
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
		TRY(try_member(j, row->task.v, &j->l->blocked_on, &v, &ok));
		if (ok && is_kernel_pointer(v)) {
			row->lock.v = v;
			row->found_by = "task_struct.blocked_on";
			return NULL;
		}
	}
	TRY(try_member(j, row->task.v, &j->l->blocker, &v, &ok));
	if (ok && v && is_blocker_of(v, row->kind) &&
	    is_kernel_pointer(v & ~(uint64_t)BLOCKER_TYPE)) {
		row->lock.v = v & ~(uint64_t)BLOCKER_TYPE;
		row->found_by = "task_struct.blocker";
	}
	return NULL;
}

/* ---- the others */

/* A futex is known by its address, which the waiter on the stack has. */
static struct err *find_futex(struct wait_job *j)
{
	const struct waits_layout *l = j->l;

	if (!l->futex_task.present || !l->futex_address.present || !l->futex_offset.present)
		return NULL;
	for (size_t i = 0; i < j->nr_words; i++) {
		uint64_t q = j->from + 8 * i - l->futex_task.off, address = 0, offset = 0, mm = 0, ptr = 0,
			 own = 0;
		bool ok;

		if (j->words[i] != j->row->task.v)
			continue;
		TRY(try_member(j, q, &l->futex_address, &address, &ok));
		if (ok)
			TRY(try_member(j, q, &l->futex_offset, &offset, &ok));
		if (ok)
			TRY(try_member(j, q, &l->futex_mm, &mm, &ok));
		if (ok)
			TRY(try_member(j, q, &l->futex_lock_ptr, &ptr, &ok));
		if (ok)
			TRY(try_member(j, j->row->task.v, &l->mm, &own, &ok));
		/* FUT_OFF_INODE: the key of a futex in a file is no address. */
		if (!ok || !is_kernel_pointer(ptr & ~7ULL) || offset >= PAGE_SIZE ||
		    (offset & FUTEX_INODE) || address % PAGE_SIZE || address >> 56 || mm != own)
			continue;
		j->row->uaddr = (struct opt_u64){ true, address + (offset & ~3ULL) };
		return NULL;
	}
	return NULL;
}

static struct err *find_rt_mutex(struct wait_job *j)
{
	uint64_t waiter, lock;
	bool ok;

	TRY(try_member(j, j->row->task.v, &j->l->pi_blocked_on, &waiter, &ok));
	if (ok)
		TRY(try_member(j, waiter, &j->l->rt_waiter_lock, &lock, &ok));
	if (ok && is_kernel_pointer(lock)) {
		j->row->lock.v = lock;
		j->row->found_by = "task_struct.pi_blocked_on";
	}
	return find_futex(j);
}

static struct err *completion_of(struct wait_job *j, const struct ring *ring)
{
	const struct waits_layout *l = j->l;
	size_t found = 0;

	for (size_t i = 1; i < ring->nodes.nr; i++) {
		uint64_t at = ring->nodes.data[i], task, done;
		bool ok;

		TRY(try_word(j, at + l->swait_task.off - l->swait_list.off, &task, &ok));
		if (ok && is_task(j, task))
			continue;
		TRY(try_member(j, at - l->completion_list.off, &l->done, &done, &ok));
		if (!ok || done)
			continue;
		j->row->lock.v = at - l->completion_list.off;
		found++;
	}
	if (found != 1)
		j->row->lock.v = 0;
	j->row->found_by = found == 1 ? "swait_queue on its stack" : NULL;
	return NULL;
}

static struct err *find_completion(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	size_t at = 0;

	while (!j->row->lock.v && l->completion_list.present && l->done.present) {
		_cleanup_(ring_deinit) struct ring ring = { 0 };
		uint64_t node;

		TRY(own_waiter(j, &l->swait_task, &l->swait_list, &at, &node));
		if (!node)
			return NULL;
		TRY(read_ring(j, node, &ring));
		TRY(completion_of(j, &ring));
	}
	return NULL;
}

/* Behind a writer in the queue of the semaphore. */
static struct err *percpu_by_queue(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	_cleanup_(ring_deinit) struct ring ring = { 0 };
	uint64_t node, func = 0, here;
	size_t at = 0;
	bool ok;

	TRY(own_waiter(j, &l->wq_private, &l->wq_entry, &at, &node));
	if (!node || !l->percpu_head.present || !l->wq_func.present)
		return NULL;
	TRY(try_word(j, node - l->wq_entry.off + l->wq_func.off, &func, &ok));
	if (!ok)
		return NULL;
	TRY(read_ring(j, node, &ring));
	for (size_t i = 1; i < ring.nodes.nr; i++) {
		TRY(try_word(j, ring.nodes.data[i] - l->wq_entry.off + l->wq_func.off, &here, &ok));
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

		TRY(try_member(j, j->words[i], &j->l->percpu_writer, &writer, &ok));
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
		if (!j->row->lock.v)
			TRY(by_waiter(j));
		break;
	case WAIT_RT_MUTEX:
		TRY(find_rt_mutex(j));
		break;
	case WAIT_COMPLETION:
		TRY(find_completion(j));
		break;
	case WAIT_PERCPU_READ:
	case WAIT_PERCPU_WRITE:
		TRY(percpu_by_queue(j));
		if (!j->row->lock.v && j->row->kind == WAIT_PERCPU_WRITE)
			TRY(percpu_by_writer(j));
		break;
	case WAIT_FUTEX:
		TRY(find_futex(j));
		j->row->why = j->row->uaddr.has ? NULL : "the futex was not found on its stack";
		return NULL;
	default:
		break;
	}
	if (!j->row->lock.v)
		j->row->why = "the lock was not found";
	return NULL;
}

/* ---- holders */

static struct err *set_holder(struct wait_job *j, uint64_t task, enum wait_basis basis)
{
	const struct task_row *t = report_task(j->w->r, (struct kva){ task });
	struct wait_row *row = j->row;

	if (!task)
		return NULL;
	row->has_holder = true;
	row->holder = (struct wait_holder){ .task = { task }, .basis = basis };
	if (!t) {
		row->why = "the holder is not among the tasks";
		return NULL;
	}
	row->holder.pid = t->pid;
	row->holder.comm = pool_strndup(&j->w->r->pool, t->comm, sizeof(t->comm));
	return row->holder.comm ? NULL : &err_nomem;
}

static const char released[] = "nobody holds it: it has just been released";

static struct err *read_mutex(struct wait_job *j)
{
	struct wait_row *row = j->row;

	TRY(kget(j->k, row->lock, &j->l->mutex_owner, &row->owner.v));
	row->owner.has = true;
	TRY(set_holder(j, row->owner.v & ~(uint64_t)MUTEX_FLAGS, WAIT_RECORDED));
	if (!row->has_holder)
		row->why = released;
	return NULL;
}

static struct err *read_rwsem(struct wait_job *j)
{
	struct wait_row *row = j->row;
	uint64_t owner;

	TRY(kget(j->k, row->lock, &j->l->rwsem_count, &row->count.v));
	TRY(kget(j->k, row->lock, &j->l->rwsem_owner, &row->owner.v));
	row->count.has = row->owner.has = true;
	owner = row->owner.v & ~(uint64_t)RWSEM_OWNER_FLAGS;
	/* Bit 63 only keeps readers from overflowing it. */
	row->readers = (struct opt_u64){ true, (row->count.v & ~(1ULL << 63)) >> RWSEM_READER_SHIFT };
	if (row->count.v & RWSEM_WRITE_LOCKED) {
		TRY(set_holder(j, owner, WAIT_RECORDED));
	} else if (row->readers.v) {
		TRY(set_holder(j, row->owner.v & RWSEM_READER_OWNED ? owner : 0, WAIT_HINTED));
		if (row->has_holder && !row->holder.comm)
			row->why = "of the readers only the last one is recorded, and it is gone";
		else if (!row->has_holder)
			row->why = "readers hold it, and none of them is recorded";
	} else {
		row->why = released;
	}
	return NULL;
}

static struct err *read_semaphore(struct wait_job *j)
{
	struct wait_row *row = j->row;
	uint64_t holder;
	bool ok;

	TRY(kget(j->k, row->lock, &j->l->sem_count, &row->count.v));
	row->count.has = true;
	TRY(try_member(j, row->lock.v, &j->l->sem_holder, &holder, &ok));
	if (ok)
		TRY(set_holder(j, holder, WAIT_HINTED));
	return NULL;
}

static struct err *read_rt_mutex(struct wait_job *j)
{
	struct wait_row *row = j->row;

	TRY(kget(j->k, row->lock, &j->l->rt_owner, &row->owner.v));
	row->owner.has = true;
	TRY(set_holder(j, row->owner.v & ~(uint64_t)RT_MUTEX_FLAGS, WAIT_RECORDED));
	if (!row->has_holder)
		row->why = released;
	return NULL;
}

static struct err *read_percpu(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	struct wait_row *row = j->row;
	uint64_t writer = 0, readers, sum = 0;
	bool ok;

	TRY(try_member(j, row->lock.v, &l->percpu_writer, &writer, &ok));
	/* A writer waits for the readers that are in, and keeps all others out. */
	if (ok && writer != row->task.v)
		TRY(set_holder(j, writer, WAIT_RECORDED));
	if (!l->percpu_readers.present || !j->k->nr_cpu_ids)
		return NULL;
	TRY(kget(j->k, row->lock, &l->percpu_readers, &readers));
	for (uint32_t cpu = 0; cpu < j->k->nr_cpu_ids; cpu++) {
		struct kva at;
		uint32_t n;

		if (!j->k->possible[cpu])
			continue;
		TRY(kpercpu(j->k, (struct kva){ readers }, cpu, &at));
		TRY(kread_u32(j->k, at, &n));
		sum += (uint64_t)(int32_t)n;
	}
	row->readers = (struct opt_u64){ true, (uint32_t)sum };
	return NULL;
}

struct err *wait_read_lock(struct wait_job *j)
{
	switch (j->row->kind) {
	case WAIT_MUTEX:
		return read_mutex(j);
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
		return read_rwsem(j);
	case WAIT_SEMAPHORE:
		return read_semaphore(j);
	case WAIT_RT_MUTEX:
		return read_rt_mutex(j);
	case WAIT_PERCPU_READ:
	case WAIT_PERCPU_WRITE:
		return read_percpu(j);
	default:
		return NULL;
	}
}
