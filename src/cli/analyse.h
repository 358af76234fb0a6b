/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a stopped machine to a written report: what attach and core share. */
#ifndef FDGDB_ANALYSE_H
#define FDGDB_ANALYSE_H

#include "cli/options.h"

/*
 * Looks for the output first (a report that cannot be written is not worth a stop), collects, lets the
 * guest go, writes.  `open` makes the target.  Returns the exit status; errors are told on stderr.
 */
int analyse(const struct options *o, struct err *(*open)(const struct options *o, struct target **ret));

/* "fdgdb: ..." on stderr, guest bytes in it escaped. */
void complain(const struct err *e);

#endif
