/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A running guest, stopped through QEMU's gdbstub; see gdbstub/broker.h for what keeps it safe. */
#ifndef FDGDB_TARGET_GDB_H
#define FDGDB_TARGET_GDB_H

#include "target/target.h"

struct gdb_opts {
	uint64_t deadline_ms; /* since the stop; 0: none.  Then the guest is let go, reads fail */
	/*
	 * Leaves the guest halted when the deadline passes.  (release() says for itself what it
	 * wants; if the analyser dies, the guest runs in any case.)
	 */
	bool keep_halted;
};

/*
 * Stops the guest and gets its registers and RAM ranges.  name: [HOST]:PORT, unix:PATH.  opts may be
 * NULL.  Errors as of broker_start(); the guest runs on after each but ERR_NOT_RESTORED.
 */
struct err *gdb_open(const char *name, const struct gdb_opts *opts, struct target **ret) MUST_CHECK;

#endif
