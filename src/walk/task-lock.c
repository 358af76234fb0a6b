/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/tasks.h"

/*
 * The kernel has a lock's slow path under several names: queued_spin_lock_slowpath becomes native_... and
 * __pv_... with paravirtual spin locks, and compilers clone the body of the mutex's into __mutex_lock.
 */
static const struct {
	const char *symbol;
	const char *match; /* the format's word */
} slowpaths[] = {
	{ "queued_spin_lock_slowpath", "queued_spin_lock_slowpath" },
	{ "native_queued_spin_lock_slowpath", "queued_spin_lock_slowpath" },
	{ "__pv_queued_spin_lock_slowpath", "queued_spin_lock_slowpath" },
	{ "resilient_queued_spin_lock_slowpath", "queued_spin_lock_slowpath" }, /* 6.15: BPF's */
	{ "resilient_tas_spin_lock", "queued_spin_lock_slowpath" }, /* the same without queues */
	{ "__mutex_lock_slowpath", "mutex_lock_slowpath" },
	{ "__mutex_lock_killable_slowpath", "mutex_lock_slowpath" },
	{ "__mutex_lock_interruptible_slowpath", "mutex_lock_slowpath" },
	{ "__mutex_lock", "mutex_lock_slowpath" },
	{ "rwsem_down_read_slowpath", "rwsem_down_read_slowpath" },
	{ "rwsem_down_write_slowpath", "rwsem_down_write_slowpath" },
	/* The format knows no read-write spin locks. */
	{ "queued_read_lock_slowpath", NULL },
	{ "queued_write_lock_slowpath", NULL },
	{ "__rt_mutex_slowlock", NULL }, /* PREEMPT_RT: what mutexes and spin locks are there */
	{ "rt_mutex_slowlock", NULL },
	{ "rtlock_slowlock", NULL },
	{ "rtlock_slowlock_locked", NULL },
};

struct lock_slowpath task_lock_slowpath(const struct kernel *k, uint64_t ip)
{
	uint64_t offset, size;
	const struct symbol *sym = symbols_at(k->symbols, ip, &offset, &size);

	if (!sym)
		return (struct lock_slowpath){ 0 };
	/* "__mutex_lock.constprop.0" is one as well. */
	size_t len = strcspn(sym->name, ".");
	for (size_t i = 0; i < ARRAY_SIZE(slowpaths); i++) {
		if (!strncmp(sym->name, slowpaths[i].symbol, len) && !slowpaths[i].symbol[len])
			return (struct lock_slowpath){ slowpaths[i].match, slowpaths[i].symbol };
	}
	return (struct lock_slowpath){ 0 };
}
