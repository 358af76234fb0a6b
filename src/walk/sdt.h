/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the parts that read what the scx library's allocators gave out; see sdt-alloc.c. */
#ifndef FDGDB_WALK_SDT_H
#define FDGDB_WALK_SDT_H

#include "walk/arena.h"

enum {
	SDT_FANOUT = 512,
	SDT_BITS_SIZE = SDT_FANOUT / 8,
	SDT_TAG_MAX = 64, /* of struct sdt_data, without its payload */
};

/* Where an element has its tag, struct sdt_data, and what that holds. */
struct sdt_elem {
	uint32_t size; /* of the tag */
	bool tail;     /* it follows the payload, at the element's end; before 2026 it came first */
	uint32_t idx, genn;
};

/* The library's types as a program has them. */
struct sdt_layout {
	uint32_t allocator, region; /* type ids; 0: the program does not have it */
	struct member elem_size, root;
	struct member bits, nr_free, chunk;
	uint32_t desc_size; /* the part of it that matters; all members above lie in it */
	uint32_t children;  /* in struct sdt_chunk */
	struct sdt_elem elem;
	bool elem_known; /* by the types; else it is the form that is the commonest */
	struct member max_bytes, memory, off;
	bool regions_linked; /* a region begins with the address of the one before it */
	const char *missing; /* why trees cannot be followed; NULL */
};

void sdt_layout_resolve(const struct types *types, struct sdt_layout *l);

/* One allocator's tree: finds the elements, row->slots and ->freed, without reading them.  `root` is its first node. */
struct err *sdt_tree(struct walk *w, const struct map_row *arena, const struct sdt_layout *l, uint64_t root,
		     struct sdt_alloc_row *row) MUST_CHECK;

/*
 * After all trees: where elements have what, and all that is in them, unless their arena is looked into only.  Counts
 * those that could not be read, and those on pages whose contents were left out.
 */
struct err *sdt_elements(struct walk *w, size_t *unreadable, size_t *not_kept) MUST_CHECK;

/* Reads those of an allocator's slots that have not been. */
struct err *sdt_read_slots(struct walk *w, const struct map_row *arena, struct sdt_alloc_row *row,
			   struct sdt_slot **slots, size_t nr) MUST_CHECK;

/* ---- sdt-other.c: allocators whose elements cannot be told, or are not yet */

/* Whether a program has the types of any. */
bool sdt_has_others(const struct types *types);

/* "buddy" and the like if the type is one's, and the variable has been initialized; NULL. */
const char *sdt_other(const struct value_site *site);

/* Whether a program's types declare such a variable in the arena itself, where no map has it: its type's name; NULL. */
const char *sdt_other_in_arena(const struct types *types);

#endif
