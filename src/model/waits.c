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
	};

	return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const char *wait_basis_text(enum wait_basis basis)
{
	return basis == WAIT_RECORDED ? "recorded" : basis == WAIT_HINTED ? "hinted" : "inferred";
}
