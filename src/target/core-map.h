/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where in a file which piece of guest-physical memory lies. */
#ifndef FDGDB_CORE_MAP_H
#define FDGDB_CORE_MAP_H

#include "base/vec.h"
#include "target/target.h"

/* Guest-physical [start, end), whole pages, lies at `offset` in the file. */
struct core_extent {
	uint64_t start, end, offset;
};

/* Zeroed is empty.  After core_map_finish() ascending and disjoint. */
struct core_map {
	VEC(struct core_extent) extents;
};

void core_map_deinit(struct core_map *map);

/*
 * Adds the whole pages of [gpa, gpa + len), which lie at `offset` in a file of `size` bytes.  Pieces
 * may come in any order and overlap: a dump made with -p has one for each mapping of a page.
 * ERR_FORMAT if the piece runs past the end of the file or of all addresses.
 */
struct err *core_map_add(struct core_map *map, uint64_t gpa, uint64_t len, uint64_t offset,
			 uint64_t size) MUST_CHECK;

/* Sorts, and cuts overlaps: of two pieces with the same page the one that starts lower stays. */
void core_map_finish(struct core_map *map);

/* The extents without their place in the file, merged; the caller frees *ret. */
struct err *core_map_ram(const struct core_map *map, struct ram_range **ret,
			 size_t *nr) MUST_CHECK;

/* The extent that holds gpa, or NULL. */
const struct core_extent *core_map_find(const struct core_map *map, uint64_t gpa);

#endif
