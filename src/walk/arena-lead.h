/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a map's value has in its arena: an allocator's element, or something else that a pointer leads to. */
#ifndef FDGDB_WALK_ARENA_LEAD_H
#define FDGDB_WALK_ARENA_LEAD_H

#include "walk/arena.h"

struct arena_lead {
	const struct report *r;
	const struct map_row *map;

	struct sdt_slot *slot; /* NULL: none */
	const struct sdt_alloc_row *alloc;
	bool as_data;	    /* the pointer to it is one to struct sdt_data, or to anything */
	bool by_id;	    /* no pointer, but its index and generation */
	bool has_id;
	int32_t idx, genn;
	uint64_t object;    /* a typed pointer to something else in the arena: its user address; 0: none */
	const char *type_name;
};

/* Whether the map's values can lead anywhere. */
bool arena_leads_from(const struct map_row *m);

/* Where a value of the map (value_size bytes; NULL: nowhere) leads. */
struct err *arena_lead(struct walk *w, const struct map_row *m, const uint8_t *value,
		       struct arena_lead *ret) MUST_CHECK;

/* Reads the elements that these lead to, as far as they have not been. */
struct err *arena_read_leads(struct walk *w, const struct arena_lead *leads, size_t nr) MUST_CHECK;

/* What a task's value in a task storage map leads to: a row of report.task_objects, if anything. */
struct err *arena_add_task(struct report *r, const struct map_owner *owner, const struct arena_lead *l) MUST_CHECK;

/* The element's payload, once it has been read; *ret is NULL if there is none. */
struct err *arena_lead_payload(struct report *r, const struct arena_lead *l,
			       const struct map_payload **ret) MUST_CHECK;

#endif
