/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's clocks, as of the last time that it looked at them itself: struct timekeeper.  It is brought
 * forward by a tick on some CPU (every 1/HZ s; seconds apart if all are idle), so that these lag behind the
 * moment of the stop by as much.
 */
#ifndef FDGDB_KERNEL_CLOCK_H
#define FDGDB_KERNEL_CLOCK_H

#include "kernel/kernel.h"

/* All in ns. */
struct kclocks {
	uint64_t mono; /* CLOCK_MONOTONIC */
	uint64_t boot; /* CLOCK_BOOTTIME, which is the uptime */
	uint64_t real; /* CLOCK_REALTIME */
};

/* Both: ERR_MISSING, ERR_FAULT; ERR_CORRUPT if it makes no sense. */
struct err *kclocks_read(struct kernel *k, struct kclocks *ret) MUST_CHECK;
/* CLOCK_MONOTONIC alone, which wants less of a kernel's types. */
struct err *kclock_mono(struct kernel *k, uint64_t *ret) MUST_CHECK;

#endif
