/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What BPF keeps its objects in: idrs of programs, maps, links and types by id. */
#ifndef FDGDB_WALK_IDRS_H
#define FDGDB_WALK_IDRS_H

#include "base/vec.h"
#include "walk/walk.h"

struct idr_row {
	uint32_t id;
	struct kva kva;
};

struct idr_rows {
	struct idr_row *data;
	size_t nr, room;
};

static inline void idr_rows_deinit(struct idr_rows *rows)
{
	free(rows->data);
	rows->data = NULL;
}

/*
 * What an idr symbol holds, by id; also notes in `section` how the walk ended if not well: the rows up to
 * there are there.  ERR_MISSING if this kernel has no such symbol.
 */
struct err *idr_rows(struct walk *w, const char *symbol, const char *section, size_t max,
		     struct idr_rows *ret) MUST_CHECK;

#endif
