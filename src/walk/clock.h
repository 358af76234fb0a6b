/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest's clocks, as of the last time that it looked at them itself. */
#ifndef FDGDB_WALK_CLOCK_H
#define FDGDB_WALK_CLOCK_H

#include "kernel/kernel.h"

/*
 * All in ns.  The timekeeper is brought forward by a tick on some CPU (every 1/HZ s; seconds apart if all are
 * idle), so these lag behind the moment of the stop by as much.
 */
struct clocks {
	uint64_t mono; /* CLOCK_MONOTONIC */
	uint64_t boot; /* CLOCK_BOOTTIME, which is the uptime */
	uint64_t real; /* CLOCK_REALTIME */
};

/* struct timekeeper.  ERR_MISSING, ERR_FAULT; ERR_CORRUPT if it makes no sense. */
struct err *clocks_read(struct kernel *k, struct clocks *ret) MUST_CHECK;

#endif
