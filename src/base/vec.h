/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Growing arrays of anything.
 *
 *	VEC(struct row) rows = { 0 };
 *	struct row *r = vec_push(&rows);
 *	if (!r) return &err_nomem;
 *	...
 *	free(rows.data);
 */
#ifndef FDGDB_VEC_H
#define FDGDB_VEC_H

#include <stdlib.h>

#include "base/util.h"

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *data;                                                                        \
		size_t nr, room;                                                                   \
	}

/* Room for one more element of this size; the data pointer, maybe moved, or NULL. */
static inline void *vec_grow(void *data, size_t nr, size_t *room, size_t size)
{
	if (nr < *room)
		return data;

	size_t more = *room ? *room * 2 : 16, bytes;
	if (mul_overflows(more, size, &bytes))
		return NULL;
	void *p = realloc(data, bytes);
	if (p)
		*room = more;
	return p;
}

/* A zeroed new last element, or NULL. Pointers to older elements may become stale. */
#define vec_push(v)                                                                                \
	({                                                                                         \
		void *vec_p_ = vec_grow((v)->data, (v)->nr, &(v)->room, sizeof(*(v)->data));       \
		if (vec_p_) {                                                                      \
			(v)->data = vec_p_;                                                        \
			memset(&(v)->data[(v)->nr++], 0, sizeof(*(v)->data));                      \
		}                                                                                  \
		vec_p_ ? &(v)->data[(v)->nr - 1] : NULL;                                           \
	})

#endif
