/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files that find out what a blocked task waits for. */
#ifndef FDGDB_WAITS_H
#define FDGDB_WAITS_H

#include "walk/walk.h"

struct waits_layout {
	struct member mm, blocker, blocked_on, pi_blocked_on, mmap_lock;
	struct member mutex_owner, mutex_list, mutex_first;
	struct member mutex_waiter_task, mutex_waiter_list;
	struct member rwsem_count, rwsem_owner, rwsem_list, rwsem_first;
	struct member rwsem_waiter_task, rwsem_waiter_list;
	struct member sem_count, sem_holder, sem_list, sem_first;
	struct member sem_waiter_task, sem_waiter_list;
	struct member rt_waiter_lock, rt_owner;
	struct member percpu_readers, percpu_writer, percpu_head;
	struct member wq_private, wq_func, wq_entry;
	struct member swait_task, swait_list, done, completion_list;
	struct member futex_task, futex_lock_ptr, futex_mm, futex_address, futex_offset;
};

/* Whether this symbol is the function, or a clone of it: compilers add suffixes behind a dot. */
bool wait_is_function(const char *symbol, const char *name);

struct err *waits_layout(struct kernel *k, struct waits_layout *l) MUST_CHECK;

/* Words of a blocked task's stack, from where it sleeps. */
enum { WAIT_WORDS = 512 };

struct wait_job {
	struct walk *w;
	struct kernel *k;
	const struct waits_layout *l;
	struct wait_row *row;
	const struct kstack_row *stack;
	size_t frame;	 /* of row->function */
	uint64_t from;	 /* address of words[0] */
	size_t nr_words;
	uint64_t words[WAIT_WORDS];
};

/* Fills row->lock, found_by, uaddr.  Errors other than fatal ones are told in row->why. */
struct err *wait_find_lock(struct wait_job *j) MUST_CHECK;

/* Fills owner, count, readers and the holder from row->lock. */
struct err *wait_read_lock(struct wait_job *j) MUST_CHECK;

/* Adds rows for CPUs that spin. */
struct err *waits_spin(struct walk *w) MUST_CHECK;

#endif
