/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files that find out what a blocked task waits for. */
#ifndef FDGDB_WAITS_H
#define FDGDB_WAITS_H

#include <stdlib.h>

#include "base/vec.h"
#include "kernel/containers.h"
#include "walk/walk.h"

struct waits_layout {
	struct member mm, blocker, blocked_on, pi_blocked_on, vfork_done, worker_private, last_wakee, mmap_lock;
	struct member mutex_owner, mutex_list, mutex_first, mutex_rt;
	struct member mutex_waiter_task, mutex_waiter_list;
	struct member rwsem_count, rwsem_owner, rwsem_list, rwsem_first;
	struct member rwsem_waiter_task, rwsem_waiter_list;
	struct member sem_count, sem_holder, sem_list, sem_first;
	struct member sem_waiter_task, sem_waiter_list;
	struct member rt_waiter_lock, rt_owner;
	struct member percpu_readers, percpu_writer, percpu_head, percpu_block;
	struct member wq_private, wq_func, wq_entry, wq_head;
	struct member swait_task, swait_list, done, completion_list;
	struct member futex_task, futex_lock_ptr, futex_mm, futex_address, futex_offset, futex_inode, futex_pgoff;
	struct member mm_pgd, thread_pid, pid_level, pid_numbers, upid, upid_nr;
	/* works, threads, stoppers */
	struct member barrier_work, barrier_done, barrier_task, work_entry, work_func, worker_scheduled;
	struct member flusher_done, wq_first_flusher, wq_name, kthread_exited;
	struct member stop_done, stop_list, stop_work_done, stopper_thread, stopper_works;
	/* grace periods */
	struct member ssp_sup, ssp_sda, sup_ssp, sd_ssp, tasks_holdout, trc_nesting;
	/* files */
	struct member page_wait, page_folio, page_bit, folio_mapping, folio_index, mapping_host, inode_no, inode_sb,
		sb, sb_id, sb_list, sb_frozen, sb_kernel, sb_user, file_inode;
	struct member lock_wait, lock_blocker, lock_pid, lock_flags, lock_file;
	/* calls between CPUs */
	struct member csd_flags, csd_func, cfd_csd, cfd_mask, ipi_mask;
};

struct err *waits_layout(struct kernel *k, struct waits_layout *l) MUST_CHECK;

/* Whether this symbol is the function, or a clone of it: compilers add suffixes behind a dot. */
bool wait_is_function(const char *symbol, const char *name);

/*
 * The next frame, from *i on, that tells what a CPU does now: one of the first few from where it was stopped, or from
 * an interrupt that came in between, before any guess.  *exact is the frame these are counted from; both begin as 0.
 */
const struct kstack_frame *wait_top_frame(const struct kstack_row *s, size_t *i, size_t *exact);

/* ---- who waits, by the functions on the stack */

struct wait_site {
	enum wait_kind kind;
	const char *function; /* on the stack */
	size_t frame;	      /* of the function that sleeps: what it waits with lies below it */
	const char *rcu;      /* WAIT_RCU */
};

/* What a sleeping task with this __state waits for.  False: for nothing that anybody should wonder about. */
bool wait_find_site(const struct kstack_row *stack, uint64_t state, struct wait_site *ret);

/* ---- one task */

/* A completion that a task will complete by ending. */
struct wait_ending {
	uint64_t completion;
	struct kva task;
};

/* Tasks that a grace period of tasks waits for: how many, and the last one. */
struct wait_marked {
	bool known;
	size_t nr;
	uint64_t task;
};

/* What all jobs look things up in. */
struct wait_shared {
	VEC(struct wait_ending) endings; /* by completion */
	struct wait_marked tasks, tasks_trace;
};

/* Words of a blocked task's stack, from where it sleeps. */
enum { WAIT_WORDS = 512 };

struct wait_job {
	struct walk *w;
	struct kernel *k;
	const struct waits_layout *l;
	struct wait_shared *shared;
	struct wait_row *row;
	const struct kstack_row *stack;
	uint64_t from;	 /* address of words[0] */
	size_t nr_words;
	uint64_t words[WAIT_WORDS];
};

static inline bool wait_is_pointer(uint64_t v)
{
	return v >> 56 == 0xff && !(v & 7); /* with five levels of page tables, too */
}

/* Whether that is a task in the report. */
static inline bool wait_is_task(const struct wait_job *j, uint64_t addr)
{
	return addr && report_task(j->w->r, (struct kva){ addr });
}

/* A word, or a member of what may be an object; *ok false: it cannot be read, or there is no such member. */
struct err *wait_try_word(struct wait_job *j, uint64_t addr, uint64_t *ret, bool *ok) MUST_CHECK;
struct err *wait_try_member(struct wait_job *j, uint64_t obj, const struct member *m, uint64_t *ret,
			    bool *ok) MUST_CHECK;

/*
 * The next struct on the stack with a pointer to this task (at `task`) that is on a list that is whole (its list_head
 * at `list`); the address of that list_head, or 0.  There may be others than the one looked for: *at is where to go on.
 */
struct err *wait_own_waiter(struct wait_job *j, const struct member *task, const struct member *list, size_t *at,
			    uint64_t *ret) MUST_CHECK;

/* All nodes of a list: from one of them on, itself first. */
struct wait_ring {
	VEC(uint64_t) nodes;
};

static inline void wait_ring_deinit(struct wait_ring *r)
{
	free(r->nodes.data);
}

struct err *wait_read_ring(struct wait_job *j, uint64_t node, struct wait_ring *ring) MUST_CHECK;

/* Who holds it; nothing for a task of 0.  One that is not among the tasks is gone, if all tasks are there. */
struct err *wait_set_holder(struct wait_job *j, uint64_t task, enum wait_basis basis) MUST_CHECK;

/* Text on the report's pool. */
struct err *wait_set_object(struct wait_job *j, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* By kind: fills row->lock, found_by, object ...  Errors other than fatal ones are told in row->why. */
struct err *wait_find_lock(struct wait_job *j) MUST_CHECK;	 /* kernel locks */
struct err *wait_find_completion(struct wait_job *j) MUST_CHECK;
struct err *wait_find_futex(struct wait_job *j, bool pi) MUST_CHECK;
struct err *wait_find_work(struct wait_job *j) MUST_CHECK;
struct err *wait_find_srcu(struct wait_job *j) MUST_CHECK;
struct err *wait_find_folio(struct wait_job *j) MUST_CHECK;
struct err *wait_find_file_lock(struct wait_job *j) MUST_CHECK;
struct err *wait_find_queue(struct wait_job *j) MUST_CHECK;

/* From row->lock: owner, count, readers and the holder. */
struct err *wait_read_lock(struct wait_job *j) MUST_CHECK;
/* Fills shared->endings. */
struct err *waits_endings(struct walk *w, const struct waits_layout *l, struct wait_shared *shared) MUST_CHECK;
/* Who will complete it: a child, a thread that should end, a CPU's stopper. */
struct err *wait_read_completion(struct wait_job *j) MUST_CHECK;
/* Whom the grace period waits for, if that is one. */
struct err *wait_read_grace_period(struct wait_job *j) MUST_CHECK;

/* ---- all */

/* Adds rows for CPUs that spin; the second for those that wait for other CPUs. */
struct err *waits_spin(struct walk *w) MUST_CHECK;
struct err *waits_calls(struct walk *w, const struct waits_layout *l) MUST_CHECK;

/* Locks whose holder nobody records: is there one task with the address on its stack? */
struct err *waits_infer(struct walk *w) MUST_CHECK;

/* Who is noted to have woken those last that wait for an event. */
struct err *waits_wakers(struct walk *w, const struct waits_layout *l) MUST_CHECK;

/* Frozen file systems, of which the lock is a part. */
struct err *waits_frozen(struct walk *w, const struct waits_layout *l) MUST_CHECK;

#endif
