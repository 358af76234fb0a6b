/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of the walk over all maps, for views that take fewer of them: headers, the choice of maps, types
 * and contents, the section.
 */
#ifndef FDGDB_WALK_MAPS_WALK_H
#define FDGDB_WALK_MAPS_WALK_H

#include "base/vec.h"
#include "walk/btfs.h"
#include "walk/maps.h"

/* A map as map_idr has it, and what is known about it between the steps. */
struct found_map {
	uint32_t id;
	struct kva kva, btf;
	uint32_t wrapper; /* btf_vmlinux_value_type_id */
	size_t btf_index; /* in btfs; SIZE_MAX: none */
};

struct maps_walk {
	struct map_walk mw;
	VEC(struct found_map) found;
	struct map_job *jobs; /* [found.nr] */
	struct btfs btfs;
	uint64_t limit; /* bytes kept of a map */
};

void maps_walk_deinit(struct maps_walk *m);

/* Headers: a row of the report and a job for each map.  A fatal error that ended the reading is in mw.fatal. */
struct err *maps_open(struct maps_walk *m, struct walk *w) MUST_CHECK;

/*
 * --map: leaves out the jobs that were not asked for and notes that in the section.  ERR_NOT_FOUND, with names
 * that are near, if there is no such map.
 */
struct err *maps_select(struct maps_walk *m) MUST_CHECK;

/* Reads and parses the BTF objects of the maps that are not left out. */
struct err *maps_read_types(struct maps_walk *m) MUST_CHECK;

/* Contents and types of the maps that are not left out. */
struct err *maps_read(struct maps_walk *m) MUST_CHECK;

/* Contents of one map, without types: ->row and its notes. */
struct err *maps_read_one(struct maps_walk *m, size_t i) MUST_CHECK;

/* Puts the types of the map's BTF object to its row; after maps_read_types(). */
struct err *maps_put_types(struct maps_walk *m, size_t i) MUST_CHECK;

/*
 * Takes in what the values of these jobs, which have been read, lead to: their arenas, to be looked into, and the
 * sections with the allocators' variables.  Rows then have their own_arena_id.
 */
struct err *maps_context(struct maps_walk *m, const size_t *wanted, size_t nr) MUST_CHECK;
/* Whether keys or values have pointers at all. */
bool maps_lead_on(const struct map_row *row);
/* The same for all that --map or --task selected; nothing in a report of all maps. */
struct err *maps_context_selected(struct maps_walk *m) MUST_CHECK;

/* Says how the maps fared, and drops the rows of those left out or not looked at; those ->aside come last. */
struct err *maps_close(struct maps_walk *m) MUST_CHECK;

/* Keeps the first fatal error; the rest of the maps are then skipped. */
void map_job_end(struct map_job *job, struct err *e);

#endif
