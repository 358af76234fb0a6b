/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which guest-physical addresses are memory, from QEMU's "info mtree -f". */
#ifndef FDGDB_TARGET_MTREE_H
#define FDGDB_TARGET_MTREE_H

#include "target/target.h"

/*
 * RAM and ROM of the address space of the first CPU, ascending, merged, whole pages; everything
 * else (device registers, flash in command mode) may react to being read.  free(*ret).
 * ERR_MISSING if the text has no such view or no RAM in it.
 */
struct err *mtree_ram(const char *text, struct ram_range **ret, size_t *ret_nr) MUST_CHECK;

#endif
