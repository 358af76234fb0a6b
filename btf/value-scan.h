/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Goes over a value without rendering it: to every struct, union and pointer in it, for who looks for a
 * kind of object in a program's variables.
 */
#ifndef FDGDB_VALUE_SCAN_H
#define FDGDB_VALUE_SCAN_H

#include "base/pool.h"
#include "btf/types.h"

/* How one gets from the whole value to a part of it; lives while the part is being looked at. */
struct value_path {
	const struct value_path *up;
	const char *name; /* of a member or variable; NULL: an element */
	uint64_t index;
};

struct value_site {
	const struct types *types;
	uint32_t type; /* peeled: a struct, a union or a pointer */
	const uint8_t *data;
	size_t len; /* bytes there are; fewer than the type needs at the end of a value cut short */
	const struct value_path *path;
};

struct value_scan {
	/* Called before the parts of a struct; they are left out if it sets *into to false. */
	struct err *(*site)(void *ctx, const struct value_site *site, bool *into);
	void *ctx;
	size_t budget; /* parts that may be looked at; 0 afterwards: some were not */
};

/* Errors are those of ->site, and lack of memory. */
struct err *value_scan(struct value_scan *scan, const struct types *types, uint32_t type_id,
		       const void *data, size_t len) MUST_CHECK;

/* "queues[3].head"; NULL for lack of memory. */
const char *value_path_text(const struct value_path *path, struct pool *pool);

/*
 * The struct or union that a pointer type leads to, in full if only a forward declaration of it is there and
 * the types have another of that name; the forward declaration if not; 0 for pointers to other things.
 * *tagged (may be NULL): the types say that it lies in an arena.
 */
uint32_t value_pointee(const struct types *types, uint32_t ptr_type, bool *tagged);

#endif
