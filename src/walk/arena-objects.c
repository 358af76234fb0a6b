/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists, trees and whatever else a program builds in its arena from structs with pointers: followed from its
 * variables, from the values of its maps and from the elements of its allocators, one step at a time.  Each
 * object is taken once per type, so loops end; what a cap leaves out is said.
 */
#include "config.h"

#include "walk/arena.h"

#include <inttypes.h>

#include "base/addr-set.h"
#include "btf/size.h"

enum { OBJECT_MAX = 64 << 10 }; /* bytes kept of one */

/* Objects of one arena by the types of one program. */
struct object_space {
	uint32_t arena_id;
	const struct types *types;
	struct addr_set seen; /* low half of the address, and type above it */
};

struct objects_walk {
	struct walk *w;
	struct report *r;
	VEC(struct object_space) spaces;
	uint64_t cap, bytes;
	bool cut, scan_cut;
	size_t not_kept; /* objects, in full or in part */

	/* Where the pointers at hand are. */
	const struct map_row *arena;
	uint32_t from_map;
	uint64_t from_addr;
};

static struct err *see(struct objects_walk *o, const struct types *types, uint64_t addr, uint32_t type,
		       bool *is_new)
{
	struct object_space *s = NULL;

	for (size_t i = 0; i < o->spaces.nr && !s; i++) {
		if (o->spaces.data[i].arena_id == o->arena->id && o->spaces.data[i].types == types)
			s = &o->spaces.data[i];
	}
	if (!s) {
		s = vec_push(&o->spaces);
		if (!s)
			return &err_nomem;
		s->arena_id = o->arena->id;
		s->types = types;
	}
	return addr_set_add(&s->seen, (uint64_t)type << 32 | (uint32_t)addr, is_new);
}

/* What the allocators' part of the report shows already. */
static bool is_shown(const struct objects_walk *o, uint64_t addr)
{
	const struct sdt_alloc_row *alloc;
	uint32_t off;

	return sdt_find(o->r, o->arena, addr, &alloc, &off) && off == alloc->header && alloc->type;
}

static struct err *add_object(struct objects_walk *o, const struct value_site *site, uint32_t type,
			      uint64_t addr)
{
	const struct arena_body *a = o->arena->arena;
	uint64_t size = 0;
	bool is_new;

	if (!type_size(site->types, type, &size) || !size)
		return NULL;
	addr = arena_user_addr(a, addr);
	if (is_shown(o, addr))
		return NULL;
	TRY(see(o, site->types, addr, type, &is_new));
	if (!is_new)
		return NULL;
	size_t want = (size_t)MIN(size, (uint64_t)OBJECT_MAX);
	if (o->r->arena_objects.nr == o->cap || o->bytes < want) {
		o->cut = true;
		return NULL;
	}
	o->bytes -= want;

	struct arena_object *obj = vec_push(&o->r->arena_objects);
	if (!obj)
		return &err_nomem;
	*obj = (struct arena_object){
		.arena_id = o->arena->id, .sched = o->arena->sched, .user_addr = addr, .types = site->types, .type = type,
		.type_name = types_name(site->types, type), .size = size, .from_map = o->from_map,
		.from_addr = o->from_addr, .from = value_path_text(site->path, &o->r->pool),
	};
	if (!obj->from)
		return &err_nomem;
	uint32_t off;
	const struct sdt_alloc_row *freed = sdt_find_freed(o->r, o->arena, addr, &off);
	obj->freed = freed ? freed->name : NULL;
	TRY(arena_bytes(a, addr, want, &o->r->pool, &obj->data, &obj->len));
	obj->not_kept = obj->len < want && arena_not_kept(a, addr, want);
	o->not_kept += obj->not_kept;
	return NULL;
}

static struct err *on_pointer(void *ctx, const struct value_site *site, bool *into)
{
	struct objects_walk *o = ctx;

	/* The allocators' trees are followed elsewhere, and better. */
	if (sdt_is_library(types_name(site->types, site->type))) {
		*into = false;
		return NULL;
	}
	if (site->len < POINTER_SIZE)
		return NULL;
	uint64_t addr = get_le64(site->data);
	if (!addr || !arena_has(o->arena->arena, addr))
		return NULL;
	uint32_t type = value_pointee(site->types, site->type, NULL);
	if (!type || sdt_is_library(types_name(site->types, type)))
		return NULL;
	return add_object(o, site, type, addr);
}

static struct err *follow(struct objects_walk *o, const struct types *types, uint32_t type, const uint8_t *data,
			  size_t len)
{
	struct value_scan scan = { .site = on_pointer, .ctx = o, .budget = ARENA_SCAN_PARTS };

	if (!data || o->cut)
		return NULL;
	TRY(value_scan(&scan, types, type, data, len));
	o->scan_cut |= !scan.budget;
	return NULL;
}

static struct err *from_map(struct objects_walk *o, const struct map_row *m)
{
	if (!m->own_arena || !m->own_arena->arena || m->own_arena == m || !m->types || !m->value_type ||
	    !value_has_pointers(m->types, m->value_type))
		return NULL;
	o->arena = m->own_arena;
	o->from_map = m->id;
	o->from_addr = 0;
	if (m->body == MAP_BODY_VALUE)
		return follow(o, m->types, m->value_type, m->value, m->value_len);
	for (size_t i = 0; i < m->nr_entries; i++) {
		TRY(follow(o, m->types, m->value_type, m->entries[i].value, m->value_size));
		for (uint32_t cpu = 0; m->entries[i].per_cpu && cpu < o->w->k->nr_cpu_ids; cpu++)
			TRY(follow(o, m->types, m->value_type, m->entries[i].per_cpu[cpu], m->value_size));
	}
	return NULL;
}

static const struct map_row *arena_by_id(const struct report *r, uint32_t id)
{
	for (size_t i = 0; i < r->maps.nr; i++) {
		if (r->maps.data[i].id == id && r->maps.data[i].arena)
			return &r->maps.data[i];
	}
	return NULL;
}

static struct err *from_slots(struct objects_walk *o, const struct sdt_alloc_row *row)
{
	o->arena = arena_by_id(o->r, row->arena_id);
	o->from_map = 0;
	if (!o->arena || !row->type || !value_has_pointers(row->types, row->type))
		return NULL;
	for (size_t i = 0; i < row->nr; i++) {
		o->from_addr = row->slots[i].user_addr;
		TRY(follow(o, row->types, row->type, row->slots[i].data, row->slots[i].len));
	}
	return NULL;
}

static struct err *walk_all_objects(struct objects_walk *o)
{
	for (size_t i = 0; i < o->r->maps.nr; i++)
		TRY(from_map(o, &o->r->maps.data[i]));
	for (size_t i = 0; i < o->r->sdt_allocs.nr; i++)
		TRY(from_slots(o, &o->r->sdt_allocs.data[i]));
	o->from_map = 0;
	for (size_t i = 0; i < o->r->arena_objects.nr; i++) {
		const struct arena_object obj = o->r->arena_objects.data[i]; /* the list grows */

		o->arena = arena_by_id(o->r, obj.arena_id);
		o->from_addr = obj.user_addr;
		TRY(follow(o, obj.types, obj.type, obj.data, obj.len));
	}
	return NULL;
}

static struct err *long_arrays(struct walk *w)
{
	struct walk_arrays arrays = { 0 };

	for (size_t i = 0; i < w->r->arena_objects.nr; i++) {
		const struct arena_object *obj = &w->r->arena_objects.data[i];

		TRY(walk_add_array(w, obj->types, obj->type, &arrays));
	}
	return walk_tell_arrays(w, "arena_objects", "objects", &arrays);
}

struct err *arena_objects(struct walk *w)
{
	uint64_t asked = w->opts->max_entries;
	struct objects_walk o = {
		.w = w, .r = w->r, .bytes = ARENA_OBJECTS_BYTES,
		.cap = MIN(asked ? asked : (uint64_t)ARENA_OBJECTS_DEFAULT, (uint64_t)ARENA_OBJECTS_MAX),
	};
	struct err *e = walk_all_objects(&o);

	for (size_t i = 0; i < o.spaces.nr; i++)
		addr_set_deinit(&o.spaces.data[i].seen);
	free(o.spaces.data);
	if (!e)
		e = report_section(w->r, "arena_objects", SECTION_COMPLETE, NULL);
	if (!e && o.cut)
		e = report_cut(w->r, "arena_objects", asked, "all after the first %zu objects",
			       w->r->arena_objects.nr);
	if (!e && o.not_kept)
		e = report_cut(w->r, "arena_objects", asked || w->opts->arena_bytes,
			       "%zu objects on arena pages that were not kept (--arena-bytes)", o.not_kept);
	if (!e && o.scan_cut)
		e = report_cut(w->r, "arena_objects", false, "pointers in a large value");
	return e ? e : long_arrays(w);
}
