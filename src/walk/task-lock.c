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
	{ "__mutex_lock_slowpath", "mutex_lock_slowpath" },
	{ "__mutex_lock_killable_slowpath", "mutex_lock_slowpath" },
	{ "__mutex_lock_interruptible_slowpath", "mutex_lock_slowpath" },
	{ "__mutex_lock", "mutex_lock_slowpath" },
	{ "rwsem_down_read_slowpath", "rwsem_down_read_slowpath" },
	{ "rwsem_down_write_slowpath", "rwsem_down_write_slowpath" },
};

const char *task_lock_slowpath(const struct kernel *k, uint64_t ip)
{
	uint64_t offset, size;
	const struct symbol *sym = symbols_at(k->symbols, ip, &offset, &size);

	if (!sym)
		return NULL;
	/* "__mutex_lock.constprop.0" is one as well. */
	size_t len = strcspn(sym->name, ".");
	for (size_t i = 0; i < ARRAY_SIZE(slowpaths); i++) {
		if (!strncmp(sym->name, slowpaths[i].symbol, len) && !slowpaths[i].symbol[len])
			return slowpaths[i].match;
	}
	return NULL;
}
