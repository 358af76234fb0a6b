/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layouts: groups of struct members, resolved by name once, each of them optional.
 *
 *	struct dsq_layout {
 *		struct member id, nr, seq;
 *	};
 *	static const struct layout_member dsq_members[] = {
 *		LAYOUT(struct dsq_layout, id, "scx_dispatch_q", "id"),
 *		...
 *	};
 *	struct dsq_layout l;
 *	TRY(layout_resolve(types, dsq_members, ARRAY_SIZE(dsq_members), &l, &missing));
 *
 * A member that this kernel lacks is left with .present false and its name goes on the list of
 * missing ones; the walkers do without what depends on it and say so.
 */
#ifndef FDGDB_LAYOUT_H
#define FDGDB_LAYOUT_H

#include "btf/types.h"

struct layout_member {
	const char *type; /* struct or union */
	const char *path; /* see types_member() */
	size_t where;	  /* of the struct member in the layout */
	bool optional;	  /* known to be absent in some kernels: do not list it as missing */
};

#define LAYOUT(layout, field, type, path) { type, path, offsetof(layout, field), false }
#define LAYOUT_OPT(layout, field, type, path) { type, path, offsetof(layout, field), true }

/* Names of what was looked for and not found, "scx_rq.local_dsq", in order, each once. */
struct missing {
	char **names;
	size_t nr, room;
};

void missing_deinit(struct missing *missing);
struct err *missing_add(struct missing *missing, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/*
 * Fills `layout` (every listed member is written, absent ones with .present false).  A whole struct
 * that is absent is listed once under its own name.  Fails only for lack of memory.  `missing` may
 * be NULL.
 */
struct err *layout_resolve(const struct types *types, const struct layout_member *members,
			   size_t nr, void *layout, struct missing *missing) MUST_CHECK;

#endif
