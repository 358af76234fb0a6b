/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory, for walk_system(). */
#ifndef FDGDB_WALK_MEMINFO_H
#define FDGDB_WALK_MEMINFO_H

#include "walk/walk.h"

/*
 * Both report on the section "system" and return an error only if nothing further can work.
 * meminfo: the lines of /proc/meminfo that the kernel's counters make up.  As there, what CPUs have counted and
 * not yet handed over is not in them.  zones: each populated zone against its watermarks, where it is.
 */
struct err *meminfo_read(struct walk *w) MUST_CHECK;

#endif
