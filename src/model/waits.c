/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model/waits.h"

const char *wait_kind_text(enum wait_kind kind)
{
	static const char *const names[] = {
		[WAIT_MUTEX] = "mutex",
		[WAIT_RWSEM_READ] = "rwsem_read",
		[WAIT_RWSEM_WRITE] = "rwsem_write",
		[WAIT_SEMAPHORE] = "semaphore",
		[WAIT_RT_MUTEX] = "rt_mutex",
		[WAIT_PERCPU_READ] = "percpu_rwsem_read",
		[WAIT_PERCPU_WRITE] = "percpu_rwsem_write",
		[WAIT_COMPLETION] = "completion",
		[WAIT_FUTEX] = "futex",
		[WAIT_SPINLOCK] = "spinlock",
		[WAIT_RWLOCK_READ] = "rwlock_read",
		[WAIT_RWLOCK_WRITE] = "rwlock_write",
		[WAIT_CALL] = "call",
		[WAIT_STOP] = "stop_machine",
		[WAIT_WORK] = "work",
		[WAIT_FILE_LOCK] = "file_lock",
		[WAIT_FOLIO] = "folio",
		[WAIT_RCU] = "rcu",
		[WAIT_QUEUE] = "queue",
	};

	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const char *wait_basis_text(enum wait_basis basis)
{
	return basis == WAIT_RECORDED ? "recorded" : basis == WAIT_HINTED ? "hinted" : "inferred";
}

bool wait_kind_is_lock(enum wait_kind kind)
{
	switch (kind) {
	case WAIT_MUTEX:
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
	case WAIT_SEMAPHORE:
	case WAIT_RT_MUTEX:
	case WAIT_PERCPU_READ:
	case WAIT_PERCPU_WRITE:
	case WAIT_SPINLOCK:
	case WAIT_RWLOCK_READ:
	case WAIT_RWLOCK_WRITE:
	case WAIT_FILE_LOCK:
		return true;
	case WAIT_COMPLETION:
	case WAIT_FUTEX:
	case WAIT_CALL:
	case WAIT_STOP:
	case WAIT_WORK:
	case WAIT_FOLIO:
	case WAIT_RCU:
	case WAIT_QUEUE:
		break;
	}
	return false;
}

bool wait_kind_spins(enum wait_kind kind)
{
	return kind == WAIT_SPINLOCK || kind == WAIT_RWLOCK_READ || kind == WAIT_RWLOCK_WRITE ||
	       kind == WAIT_CALL || kind == WAIT_STOP;
}
