/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks of maps that were held at the stop.  All of them are, on kernels with queued spinlocks and without
 * PREEMPT_RT's sleeping ones, a word as struct qspinlock has it: zero when free.
 */
#ifndef FDGDB_WALK_MAP_LOCKS_H
#define FDGDB_WALK_MAP_LOCKS_H

#include "btf/types.h"
#include "model/maps.h"

struct kernel;
struct map_job;

/*
 * The word of a lock (raw_spinlock_t, rqspinlock_t, spinlock_t or arch_spinlock_t) that is a member of this struct;
 * absent if the kernel has no such member or another kind of lock.  Fails only for lack of memory.
 */
struct err *lock_member(const struct types *types, uint32_t struct_id, const char *lock,
			struct member *ret) MUST_CHECK;

/*
 * Adds a lock to the map's row if its word says that it is held or waited for.  `where` has what, index and kva;
 * the CPUs are added if the kernel keeps a table of them.
 */
struct err *map_lock_add(struct map_job *job, const struct held_lock *where, uint32_t word) MUST_CHECK;

/* The same for a lock that is a member of the object at obj, a struct of this name; reads it. */
struct err *map_lock_check(struct map_job *job, const struct held_lock *where, const char *type,
			   const char *lock) MUST_CHECK;

/* The locks of an LRU hash: of the lists that all CPUs share, or of each CPU's own; lru is the struct bpf_lru. */
struct err *map_lru_locks(struct map_job *job, struct kva lru) MUST_CHECK;

/* bpf_spin_lock and bpf_res_spin_lock in the values of a row that has its types. */
struct err *map_value_locks(struct map_job *job) MUST_CHECK;

#endif
