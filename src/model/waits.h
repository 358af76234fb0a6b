/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who waits for whom: edges from blocked tasks to the locks they wait for, and on to who holds these.
 * A cycle whose edges are all WAIT_RECORDED is a deadlock; with any other edge in it, it is a suspicion.
 */
#ifndef FDGDB_MODEL_WAITS_H
#define FDGDB_MODEL_WAITS_H

#include "model/scx.h"

enum wait_kind {
	WAIT_MUTEX,
	WAIT_RWSEM_READ,
	WAIT_RWSEM_WRITE,
	WAIT_SEMAPHORE,
	WAIT_RT_MUTEX,	   /* and a futex of priority inheritance: then uaddr is set, too */
	WAIT_PERCPU_READ,  /* struct percpu_rw_semaphore: for a writer */
	WAIT_PERCPU_WRITE, /* for its readers, or another writer */
	WAIT_COMPLETION,   /* nobody holds one; who will complete it is known of a thread's or a child's end */
	WAIT_FUTEX,	   /* plain ones: only user space knows the holder */
	WAIT_SPINLOCK,	   /* a task that spins on a CPU */
	WAIT_RWLOCK_READ,  /* the same, for an rwlock_t */
	WAIT_RWLOCK_WRITE,
	WAIT_CALL,	   /* the same, until other CPUs have run a function that it has sent them (csd_lock) */
	WAIT_STOP,	   /* the same, until all CPUs have come to stop_machine() */
	WAIT_WORK,	   /* until a work, or all works of a workqueue, are done: held by the worker */
	WAIT_FILE_LOCK,	   /* flock(), fcntl() or a lease */
	WAIT_FOLIO,	   /* until a folio of the page cache is unlocked, or written back */
	WAIT_RCU,	   /* a grace period; see rcu */
	WAIT_QUEUE,	   /* anything else that a task in state D waits for: see function */
};

/* How sure it is that a holder is one. */
enum wait_basis {
	WAIT_RECORDED, /* the lock says so: it is held by this task now */
	WAIT_HINTED,   /* the lock remembers a task that may have let go since: the last reader or holder */
	WAIT_INFERRED, /* from what the task does */
};

struct wait_holder {
	struct kva task;
	int32_t pid; /* 0 and comm NULL: not among report.tasks */
	const char *comm; /* guest bytes */
	enum wait_basis basis;
	const char *by; /* INFERRED: from what; NULL: from what is recorded or hinted */
	bool gone; /* the lock is held by a task that no longer exists: killed by an oops, or exited with it */
};

/*
 * One task that waits.  It goes on when its holder does something: lets go of the lock, ends the work, takes the
 * interrupt.  So a row with a holder is an edge, whatever it waits for, and a cycle of edges that are all recorded is
 * a deadlock.
 */
struct wait_row {
	struct kva task;
	int32_t pid, tgid;
	const char *comm; /* guest bytes */
	bool uninterruptible; /* state D */
	enum wait_kind kind;
	size_t stack; /* 1 + its row in report.stacks; 0: none */
	const char *function; /* of its stack that says what it waits for: "rwsem_down_read_slowpath" */
	struct opt_u64 cpu; /* that it spins on */

	/* The lock; two rows with the same one wait for each other's turn. */
	struct kva lock;	/* 0: not found; see why */
	const char *lock_name;	/* "event_mutex", "mmap_lock of cat[12]"; guest bytes; NULL: nothing known */
	const char *found_by;	/* "task_struct.blocker", "mutex_waiter on its stack" ...; NULL: not found */
	struct opt_u64 owner, count; /* its words as they are */
	struct opt_u64 readers;	/* rwsems: how many hold it for reading */

	/* What it is beyond a lock, in words: "work slow_fn [hang] of hang_ordered", "page 3 of inode 12 on vda1,
	 * to be written back"; guest bytes; NULL: nothing known. */
	const char *object;
	/* Futexes: the address in the task's address space; of those in files the inode's number in the key, the
	 * page in the file and the offset in that (the low two bits are not part of it); what the word holds. */
	struct opt_u64 uaddr, futex_inode, futex_pgoff, futex_offset, futex_word;
	struct opt_u64 futex_owner; /* TID, as user space noted it beside the word */
	struct kva work; /* struct work_struct; 0: unknown, or all of a workqueue */
	const char *rcu; /* "rcu", "expedited", "barrier", "srcu", "tasks", "tasks_rude", "tasks_trace" */
	const char *frozen; /* id of the file system whose freeze it waits for the end of; guest bytes */
	const uint32_t *cpus; /* WAIT_CALL, WAIT_STOP: that have not answered */
	size_t nr_cpus;

	struct wait_holder holder;
	bool has_holder; /* holder is set: one at most is known of any lock */
	bool handed_over; /* it is free, and a waiter that has not run since will find itself its owner */
	const char *why; /* why lock or holder are not known; NULL: they are, or nothing records a holder */

	/* Without a holder: the one task that is noted to have woken it last (task_struct.last_wakee). */
	struct wait_holder waker;
	bool has_waker;
};

/* Something that is held until it is let go of; not an event that may never come. */
bool wait_kind_is_lock(enum wait_kind kind);
/* The task does not sleep, it keeps a CPU busy. */
bool wait_kind_spins(enum wait_kind kind);

/* "mutex", "rwsem_read" ...: as in the JSON. */
const char *wait_kind_text(enum wait_kind kind);
/* "recorded", "hinted", "inferred". */
const char *wait_basis_text(enum wait_basis basis);

#endif
