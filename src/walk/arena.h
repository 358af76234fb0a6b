/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What walkers know of arenas whose pages have been collected.  An address in an arena is a user address,
 * a kernel address or, in the scx library's trees, either: the low half is the same in all of them.
 */
#ifndef FDGDB_WALK_ARENA_H
#define FDGDB_WALK_ARENA_H

#include "btf/value-scan.h"
#include "walk/walk.h"

enum {
	ARENA_SCAN_PARTS = 1 << 21, /* parts of variables and values looked at for one purpose */
	ARENA_OBJECTS_DEFAULT = 4096,
	ARENA_OBJECTS_MAX = 1 << 20,
	ARENA_OBJECTS_BYTES = 64 << 20, /* kept in copies; what lies in one page is not copied */
};

static const uint64_t ARENA_WINDOW = 1ULL << 32;

/* A pointer into the arena as user space has it, or as the kernel has. */
bool arena_has(const struct arena_body *a, uint64_t addr);

/* The user address with this low half. */
uint64_t arena_user_addr(const struct arena_body *a, uint64_t addr);

/* The page of an address for which arena_has(); NULL: not mapped, or not collected. */
const struct arena_page *arena_page(const struct arena_body *a, uint64_t addr);

/* Whether part of [addr, addr + len) is on a page whose contents were left out, as there were too many to keep. */
bool arena_not_kept(const struct arena_body *a, uint64_t addr, size_t len);

/*
 * Up to len bytes at the address's low half, not copied if they lie in one page, in the pool else.  *ret_len says
 * how many could be had from the start; *ret is NULL if none.
 */
struct err *arena_bytes(const struct arena_body *a, uint64_t addr, size_t len, struct pool *pool,
			const uint8_t **ret, size_t *ret_len) MUST_CHECK;

/* Bytes in an arena: an address and their number. */
struct arena_range {
	uint64_t addr;
	size_t len;
};

/* Reads what pages of these ranges have not been read yet, all together; only arenas that are looked into have such. */
struct err *arena_fetch(struct walk *w, const struct map_row *arena, const struct arena_range *ranges,
			size_t nr) MUST_CHECK;

/* Sets map_row.own_arena by what maps the programs of the other report (or the same) use. */
void arena_assign(struct report *r, const struct report *progs);

/* The same where nobody asked for programs: they are looked at, but for this alone. */
struct err *arena_assign_quietly(struct walk *w) MUST_CHECK;

/* Sets own_arena by own_arena_id: once rows have moved. */
void arena_link(struct report *r);

/* ---- arena-walk.c */

/* Allocators of arenas that values lead to, where nobody asked for the allocators themselves. */
struct err *arena_aside(struct walk *w) MUST_CHECK;

/* ---- sdt-alloc.c */

/* Variables of the scx library's allocator types, and all that they gave out: report.sdt_allocs, .scx_statics. */
struct err *sdt_walk(struct walk *w) MUST_CHECK;

/* ---- sdt-index.c */

/* Makes sdt_find() work: after sdt_walk(). */
struct err *sdt_index(struct report *r) MUST_CHECK;

/* The slot of which this is the start or the payload's start; NULL.  *off: how far from the slot's start. */
const struct sdt_slot *sdt_find(const struct report *r, const struct map_row *arena, uint64_t addr,
				const struct sdt_alloc_row **alloc, uint32_t *off);

/*
 * The allocator that has taken back the element at this address; NULL: it is in none, or that is live.  *off: how
 * far from the element's start.
 */
const struct sdt_alloc_row *sdt_find_freed(const struct report *r, const struct map_row *arena, uint64_t addr,
					   uint32_t *off);

/* ---- sdt-types.c: what type payloads have */
struct err *sdt_types(struct walk *w) MUST_CHECK;

/* A struct of the scx library's allocators themselves. */
bool sdt_is_library(const char *type_name);

/* ---- arena-objects.c: what typed pointers lead to: report.arena_objects */
struct err *arena_objects(struct walk *w) MUST_CHECK;

/* ---- arena-tasks.c: values of task storage maps and their objects: report.task_objects, map_entry.payload */
struct err *arena_tasks(struct walk *w) MUST_CHECK;

#endif
