/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of a report, rendered while they are written: a tree lives until the next render_reset(), so memory
 * stays bounded by one entry however large the maps are.
 */
#ifndef FDGDB_RENDER_H
#define FDGDB_RENDER_H

#include "model/report.h"

struct render {
	const struct report *r;
	struct pool pool;
};

static inline void render_deinit(struct render *rd)
{
	pool_deinit(&rd->pool);
}

static inline void render_reset(struct render *rd)
{
	pool_reset(&rd->pool);
}

/* Whether values of the map have types to render them by; their bytes are shown otherwise. */
static inline bool render_has_key_type(const struct map_row *m)
{
	return m->types && m->key_type;
}

static inline bool render_has_value_type(const struct map_row *m)
{
	return m->types && m->value_type;
}

/* A key; without a type its bytes. */
struct err *render_key(struct render *rd, const struct map_row *m, const uint8_t *data,
		       struct value **ret) MUST_CHECK;

/* value_size bytes; without a type as bytes. */
struct err *render_value(struct render *rd, const struct map_row *m, const uint8_t *data,
			 struct value **ret) MUST_CHECK;

/* The one value of MAP_BODY_VALUE (value_len bytes); m->value is not NULL. */
struct err *render_single(struct render *rd, const struct map_row *m, struct value **ret) MUST_CHECK;

/* What an allocator gave out for a value; its bytes if it has no type. */
struct err *render_payload(struct render *rd, const struct map_row *m, const struct map_payload *p,
			   struct value **ret) MUST_CHECK;

/* An allocator's element, which has ->data. */
struct err *render_slot(struct render *rd, const struct sdt_alloc_row *row, const struct sdt_slot *slot,
			struct value **ret) MUST_CHECK;

/* An object in an arena, which has ->data: its pointers lead to others of the list and are not followed. */
struct err *render_object(struct render *rd, const struct arena_object *obj,
			  struct value **ret) MUST_CHECK;

#endif
