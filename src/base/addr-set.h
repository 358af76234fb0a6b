/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a walk has been to: guests' lists loop. */
#ifndef FDGDB_ADDR_SET_H
#define FDGDB_ADDR_SET_H

#include "base/err.h"

/* A set of addresses; a zeroed one is empty. */
struct addr_set {
	uint64_t *slots; /* 0: free; the address 0 is never a member */
	size_t nr, size;
};

/* Adds an address other than 0; *is_new is false if it was there.  Fails only for memory. */
struct err *addr_set_add(struct addr_set *set, uint64_t addr, bool *is_new) MUST_CHECK;
void addr_set_deinit(struct addr_set *set);

#endif
