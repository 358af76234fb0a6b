/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The types of maps: what they are called, who reads their contents. */
#ifndef FDGDB_WALK_MAP_TYPES_H
#define FDGDB_WALK_MAP_TYPES_H

#include "walk/maps.h"

struct map_type {
	uint32_t type; /* enum bpf_map_type; part of the kernel's ABI */
	const char *name;
	struct err *(*read)(struct map_job *job);
};

/* NULL for a type that fdgdb has never heard of. */
const struct map_type *map_type_find(uint32_t type);

/* Whether maps of the type are a struct bpf_htab. */
bool map_is_hash(uint32_t type);

/*
 * Name of a type by the kernel's own enum ("lru_hash"), so that types younger than fdgdb have one too;
 * else by our table; *ret is NULL if neither knows it.
 */
struct err *map_type_name(const struct types *types, uint32_t type, struct pool *pool,
			  const char **ret) MUST_CHECK;

#endif
