/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The types of one blob by kind and name. */
#ifndef FDGDB_BTF_NAMES_H
#define FDGDB_BTF_NAMES_H

#include "btf/types.h"

struct name_slot {
	uint32_t id; /* 0: free */
	uint32_t hash;
	bool ambiguous; /* another type of this kind and name has another size */
};

struct names {
	struct name_slot *slots;
	uint32_t mask;
	uint64_t seed; /* names are the guest's choice, so where they fall must not be */
};

/* Indexes the types' own types, not the base's. */
struct err *names_init(struct names *names, const struct types *types) MUST_CHECK;
void names_deinit(struct names *names);

/* NULL if there is none. */
const struct name_slot *names_find(const struct names *names, const struct types *types,
				   unsigned int kind, const char *name);

#endif
