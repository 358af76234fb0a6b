/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --vmlinux: lines, inlined functions and arguments for the frames of stacks. */
#ifndef FDGDB_LINES_H
#define FDGDB_LINES_H

#include "dwarf/dwarf-file.h"
#include "kernel/kernel.h"
#include "model/report.h"

/*
 * After the walk; memory that it did not read may be gone.  A file of another kernel is refused: the
 * report's section "lines" says so then, with both build IDs, and *ret_refused is true.
 */
struct err *lines_add(struct report *r, struct kernel *k, struct dwarf_file *f, const char *path,
		      bool *ret_refused) MUST_CHECK;

#endif
