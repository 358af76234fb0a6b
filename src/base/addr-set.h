/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a walk has been to: guests' lists loop. */
#ifndef FDGDB_ADDR_SET_H
#define FDGDB_ADDR_SET_H

#include "base/err.h"

/* A set of addresses, numbered from 0 in the order they came; a zeroed one is empty. */
struct addr_set {
	uint64_t *slots;   /* 0: free; the address 0 is never a member */
	uint32_t *numbers; /* of each slot; one allocation with slots */
	size_t nr, size;
};

/* Adds an address other than 0; *is_new is false if it was there.  Fails only for memory. */
struct err *addr_set_add(struct addr_set *set, uint64_t addr, bool *is_new) MUST_CHECK;
/* The number of a member; SIZE_MAX if it is none. */
size_t addr_set_number(const struct addr_set *set, uint64_t addr);
void addr_set_deinit(struct addr_set *set);

#endif
