/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine as QEMU's monitor command dump-guest-memory wrote it: ELF64, with or without -p,
 * with or without VMCOREINFO.
 */
#ifndef FDGDB_CORE_H
#define FDGDB_CORE_H

#include "target/target.h"

/*
 * ERR_FORMAT: not a dump, or damaged.  ERR_UNSUPPORTED: a dump of a kind that is known but not read
 * yet; the message names it.  ERR_SYS: the file cannot be opened or read.
 */
struct err *core_open(const char *path, struct target **ret) MUST_CHECK;

/* The same for an open file; fd is taken over, on failure too. */
struct err *core_open_fd(int fd, const char *name, struct target **ret) MUST_CHECK;

#endif
