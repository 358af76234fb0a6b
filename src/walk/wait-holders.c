/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a lock to its holder: what its words say (kernel/locking/). */
#include "config.h"

#include "walk/wait-bits.h"
#include "walk/waits.h"

static const char released[] = "nobody holds it: it has just been released";

static struct err *read_mutex(struct wait_job *j)
{
	struct wait_row *row = j->row;

	TRY(kget(j->k, row->lock, &j->l->mutex_owner, &row->owner.v));
	row->owner.has = true;
	/* Its owner is a waiter that will find that out when it runs. */
	row->handed_over = row->owner.v & MUTEX_PICKUP;
	if (row->handed_over)
		return NULL;
	TRY(wait_set_holder(j, row->owner.v & ~(uint64_t)MUTEX_FLAGS, WAIT_RECORDED));
	if (!row->has_holder)
		row->why = released;
	return NULL;
}

/* Who is let in as a reader is noted as the last one before it runs. */
static struct err *read_readers(struct wait_job *j, uint64_t owner)
{
	struct wait_row *row = j->row;

	if (owner == row->task.v) {
		row->handed_over = true;
		return NULL;
	}
	TRY(wait_set_holder(j, row->owner.v & RWSEM_READER_OWNED ? owner : 0, WAIT_HINTED));
	if (row->has_holder && !row->holder.comm) {
		row->holder.gone = false; /* it may just have ended, long after it let go */
		row->why = "of the readers only the last one is recorded, and it is gone";
	} else if (!row->has_holder) {
		row->why = "readers hold it, and none of them is recorded";
	}
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
		TRY(wait_set_holder(j, owner, WAIT_RECORDED));
	} else if (row->readers.v) {
		TRY(read_readers(j, owner));
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
	TRY(wait_try_member(j, row->lock.v, &j->l->sem_holder, &holder, &ok));
	if (ok && holder != row->task.v)
		TRY(wait_set_holder(j, holder, WAIT_HINTED));
	if (row->has_holder && !row->holder.comm) {
		row->holder.gone = false;
		row->why = "of those that took it only the last one is recorded, and it is gone";
	}
	return NULL;
}

static struct err *read_rt_mutex(struct wait_job *j)
{
	struct wait_row *row = j->row;

	TRY(kget(j->k, row->lock, &j->l->rt_owner, &row->owner.v));
	row->owner.has = true;
	TRY(wait_set_holder(j, row->owner.v & ~(uint64_t)RT_MUTEX_FLAGS, WAIT_RECORDED));
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

	TRY(wait_try_member(j, row->lock.v, &l->percpu_writer, &writer, &ok));
	/* A writer waits for the readers that are in, and keeps all others out. */
	if (ok && writer != row->task.v)
		TRY(wait_set_holder(j, writer, WAIT_RECORDED));
	TRY(wait_try_member(j, row->lock.v, &l->percpu_block, &row->count.v, &row->count.has));
	if (!row->has_holder && row->kind == WAIT_PERCPU_READ)
		row->why = row->count.has && !row->count.v ? released :
							     "a writer is recorded only while it waits for readers";
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
