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
	WAIT_COMPLETION,   /* nobody holds one: whoever should complete it is not recorded */
	WAIT_FUTEX,	   /* plain ones: only user space knows the holder */
	WAIT_SPINLOCK,	   /* a task that spins on a CPU */
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
};

/* One task that waits. */
struct wait_row {
	struct kva task;
	int32_t pid, tgid;
	const char *comm; /* guest bytes */
	bool uninterruptible; /* state D */
	enum wait_kind kind;
	size_t stack; /* 1 + its row in report.stacks; 0: none */
	const char *function; /* of its stack that says what it waits for: "rwsem_down_read_slowpath" */

	/* The lock; two rows with the same one wait for each other's turn. */
	struct kva lock;	/* 0: not found; see why */
	const char *lock_name;	/* "event_mutex", "mmap_lock of cat[12]"; guest bytes; NULL: nothing known */
	const char *found_by;	/* "task_struct.blocker", "mutex_waiter on its stack" ...; NULL: not found */
	struct opt_u64 owner, count; /* its words as they are */
	struct opt_u64 readers;	/* rwsems: how many hold it for reading */
	struct opt_u64 uaddr;	/* futexes: in the task's address space */

	struct wait_holder holder;
	bool has_holder; /* holder is set: one at most is known of any lock */
	const char *why; /* why lock or holder are not known; NULL: they are, or nothing records a holder */
};

/* "mutex", "rwsem_read" ...: as in the JSON. */
const char *wait_kind_text(enum wait_kind kind);
/* "recorded", "hinted", "inferred". */
const char *wait_basis_text(enum wait_basis basis);

#endif
