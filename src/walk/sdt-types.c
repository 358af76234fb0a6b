/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What type an allocator's payloads have.  An allocator knows no more than their size, so evidence is weighed,
 * the best first:
 *
 *  1. pointers to a struct, in the program's variables and maps, that lead to its elements, live or given back;
 *  2. the struct's name is the allocator's;
 *  3. there is but one struct of that size;
 *  4. the program declares pointers to it into the arena: tags, then members of variables and map values;
 *  5. usual names: task_ctx, then *_arena_ctx, *_task_ctx, *_ctx.
 *
 * A step that leaves several is no evidence, and the next is asked.  Structs that are the kernel's or the
 * library's own are no candidates.  From 3 on the program must have pointers to the struct at all, and it must not
 * be another allocator's by 1 or 2: the right type may well be missing from the program's BTF.
 */
#include "config.h"

#include "walk/arena.h"

#include <bpf/btf.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "btf/size.h"

struct candidate {
	uint32_t type;
	const char *name;
	bool padded;   /* it is smaller than the payload's place, but might have been aligned to that */
	uint32_t hits; /* pointers that lead to payloads */
	bool tagged;   /* pointers to it are tagged */
	bool held;     /* variables or map values have pointers to it */
	bool pointed;  /* there are pointers to it at all */
	bool claimed;  /* it is another allocator's by better evidence */
};

/* One allocator at a time. */
struct typing {
	struct walk *w;
	struct report *r;
	const struct sdt_alloc_row *row;
	VEC(struct candidate) cands;
	bool exact; /* there are some that are not padded */
	const struct map_row *map; /* whose values are looked at */
};

bool sdt_is_library(const char *name)
{
	static const char *const own[] = { "sdt_", "scx_alloc", "scx_static", "scx_stk", "scx_buddy",
					   "scx_urcu", "scx_task_map_val", "scx_cgrp_map_val" };
	static const char *const short_names[] = { "scx_ring", "scx_ll", "bump", "bump_ll", "stk", "stk_seg", "buddy",
						   "buddy_chunk", "buddy_header", "bmag", "bmag_pool" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (!strncmp(name, own[i], strlen(own[i])))
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(short_names); i++) {
		if (!strcmp(name, short_names[i]))
			return true;
	}
	return false;
}

/* A struct that the kernel has, too; programs have those in their BTF as well. */
static bool is_kernels(const struct kernel *k, const char *name, uint64_t size)
{
	uint32_t id;
	uint64_t theirs;
	struct err *e = types_find(k->types, BTF_KIND_STRUCT, name, &id);

	if (e) {
		bool many = e->code == ERR_CORRUPT; /* of several sizes: it is a kernel's name at any rate */

		err_ignore(e);
		return many;
	}
	return type_size(k->types, id, &theirs) && theirs == size;
}

static struct candidate *find_candidate(struct typing *t, uint32_t type)
{
	for (size_t i = 0; type && i < t->cands.nr; i++) {
		/* Forward declarations and copies of a type go by their names. */
		if (t->cands.data[i].type == type ||
		    !strcmp(t->cands.data[i].name, types_name(t->row->types, type)))
			return &t->cands.data[i];
	}
	return NULL;
}

/*
 * Elements are as large as payload and tag together, rounded up: to 8 bytes, and where the tag follows (2026) to any
 * alignment that was asked for.
 */
static bool fits(const struct sdt_alloc_row *row, uint64_t size, bool *padded)
{
	*padded = false;
	if (align_up(size, 8) == row->elem_size - row->tag_size)
		return true;
	*padded = true;
	for (uint64_t align = 16; align <= PAGE_SIZE && !row->header && row->elem_size % align == 0; align *= 2) {
		if (align_up(size + row->tag_size, align) == row->elem_size)
			return true;
	}
	return false;
}

static struct err *find_candidates(struct typing *t)
{
	const struct types *types = t->row->types;

	for (uint32_t id = types_start_id(types); id < types_count(types); id++) {
		const struct btf_type *type = types_get(types, id);
		const char *name = types_name(types, id);
		bool padded;

		if (!type || !btf_is_struct(type) || !*name || !type->size || !fits(t->row, type->size, &padded))
			continue;
		if (sdt_is_library(name) || find_candidate(t, id) || is_kernels(t->w->k, name, type->size))
			continue;
		struct candidate *c = vec_push(&t->cands);
		if (!c)
			return &err_nomem;
		c->type = id;
		c->name = name;
		c->padded = padded;
		t->exact |= !padded;
	}
	return NULL;
}

/* ---- evidence */

static struct err *on_pointer(void *ctx, const struct value_site *site, bool *into)
{
	struct typing *t = ctx;
	const struct sdt_alloc_row *alloc;
	uint32_t off;
	bool tagged;

	(void)into;
	struct candidate *c = find_candidate(t, value_pointee(site->types, site->type, &tagged));
	if (!c)
		return NULL;
	c->held = true;
	c->tagged |= tagged;
	if (site->len < POINTER_SIZE || !get_le64(site->data))
		return NULL;
	if (!sdt_find(t->r, t->map->own_arena, get_le64(site->data), &alloc, &off))
		alloc = sdt_find_freed(t->r, t->map->own_arena, get_le64(site->data), &off);
	if (alloc == t->row && off == alloc->header)
		c->hits++;
	return NULL;
}

static struct err *look_at(struct typing *t, const uint8_t *data, size_t len)
{
	struct value_scan scan = { .site = on_pointer, .ctx = t, .budget = ARENA_SCAN_PARTS };

	return data ? value_scan(&scan, t->map->types, t->map->value_type, data, len) : NULL;
}

/* Values of maps and variables of the allocator's program. */
static struct err *look_at_map(struct typing *t, const struct map_row *m, uint32_t nr_cpus)
{
	/* Also a map that is empty declares its values. */
	_cleanup_free_ uint8_t *blank = calloc(1, MIN(m->value_size, 1U << 20) + 8);

	t->map = m;
	if (!blank)
		return &err_nomem;
	if (m->body == MAP_BODY_VALUE)
		return look_at(t, m->value, m->value_len);
	TRY(look_at(t, blank, MIN(m->value_size, 1U << 20)));
	for (size_t i = 0; i < m->nr_entries; i++) {
		TRY(look_at(t, m->entries[i].value, m->value_size));
		for (uint32_t cpu = 0; m->entries[i].per_cpu && cpu < nr_cpus; cpu++)
			TRY(look_at(t, m->entries[i].per_cpu[cpu], m->value_size));
	}
	return NULL;
}

static struct err *look_at_maps(struct typing *t)
{
	for (size_t i = 0; i < t->r->maps.nr; i++) {
		const struct map_row *m = &t->r->maps.data[i];

		if (m->types != t->row->types || !m->value_type || !m->own_arena || !m->own_arena->arena ||
		    m->own_arena->id != t->row->arena_id || !value_has_pointers(m->types, m->value_type))
			continue;
		TRY(look_at_map(t, m, t->w->k->nr_cpu_ids));
	}
	return NULL;
}

/* The pointer that a function takes as its argument number `nr`; 0. */
static uint32_t argument(const struct types *types, uint32_t func, int32_t nr)
{
	const struct btf_type *t = types_get(types, func);

	t = t && btf_is_func(t) ? types_get(types, t->type) : NULL;
	if (!t || !btf_is_func_proto(t) || nr < 0 || nr >= btf_vlen(t))
		return 0;
	return btf_params(t)[nr].type;
}

/* Tags on types anywhere in the program, and on arguments of its functions. */
static void look_at_tags(struct typing *t)
{
	const struct types *types = t->row->types;

	for (uint32_t id = types_start_id(types); id < types_count(types); id++) {
		const struct btf_type *type = types_get(types, id);
		struct candidate *c = NULL;
		bool tagged = false;

		if (type && btf_is_ptr(type)) {
			c = find_candidate(t, value_pointee(types, id, &tagged));
		} else if (type && btf_is_decl_tag(type) && !strcmp(types_name(types, id), "arg:arena")) {
			uint32_t arg = argument(types, type->type, btf_decl_tag(type)->component_idx);

			c = find_candidate(t, value_pointee(types, arg, NULL));
			tagged = true;
		}
		if (c) {
			c->tagged |= tagged;
			c->pointed = true;
		}
	}
}

/* ---- verdict */

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

/* "scx_task_allocator" of "task", also of "task_ctx". */
static bool is_namesake(const char *alloc, const char *type, const char *tail)
{
	const char *dot = strrchr(alloc, '.');
	static const char suffix[] = "_allocator";
	size_t len;

	alloc = dot ? dot + 1 : alloc;
	len = strlen(alloc);
	if (has_suffix(alloc, suffix))
		len -= sizeof(suffix) - 1;
	for (unsigned int i = 0; i < 2; i++) {
		if (len && !strncmp(type, alloc, len) && !strcmp(type + len, tail))
			return true;
		if (strncmp(alloc, "scx_", 4) || len < 5)
			break;
		alloc += 4;
		len -= 4;
	}
	return false;
}

enum proof { BY_POINTERS, BY_NAME, BY_NAME_CTX, BY_SIZE, BY_TAG, BY_HOLDER, BY_TASK_CTX, BY_SUFFIX };

/* For the weaker proofs. */
static bool is_eligible(const struct typing *t, const struct candidate *c)
{
	return c->pointed && !c->claimed && !(c->padded && t->exact);
}

static bool speaks_for(const struct typing *t, const struct candidate *c, enum proof proof, const char *arg)
{
	switch (proof) {
	case BY_POINTERS:
		return c->hits;
	case BY_NAME:
	case BY_NAME_CTX:
		return is_namesake(t->row->name, c->name, arg);
	default:
		break;
	}
	if (!is_eligible(t, c))
		return false;
	switch (proof) {
	case BY_TAG:
		return c->tagged;
	case BY_HOLDER:
		return c->held;
	case BY_TASK_CTX:
		return !strcmp(c->name, arg);
	case BY_SUFFIX:
		return has_suffix(c->name, arg);
	default:
		return true;
	}
}

static const struct {
	enum proof proof;
	const char *arg;
	const char *text;
} proofs[] = {
	{ BY_POINTERS, NULL, "pointers to it lead to the elements" },
	{ BY_NAME, "", "named like the allocator" },
	{ BY_NAME_CTX, "_ctx", "named like the allocator" },
	{ BY_SIZE, NULL, "the only struct of this size" },
	{ BY_TAG, NULL, "the only one of this size with pointers tagged as of an arena" },
	{ BY_HOLDER, NULL, "the only one of this size that variables or map values point to" },
	{ BY_TASK_CTX, "task_ctx", "the usual name" },
	{ BY_SUFFIX, "_arena_ctx", "the usual ending of a name" },
	{ BY_SUFFIX, "_task_ctx", "the usual ending of a name" },
	{ BY_SUFFIX, "_ctx", "the usual ending of a name" },
};

/* By proofs up to this one. */
static const struct candidate *judge(const struct typing *t, enum proof last, const char **by)
{
	for (size_t i = 0; i < ARRAY_SIZE(proofs) && proofs[i].proof <= last; i++) {
		const struct candidate *found = NULL;
		size_t nr = 0;

		for (size_t j = 0; j < t->cands.nr; j++) {
			if (speaks_for(t, &t->cands.data[j], proofs[i].proof, proofs[i].arg)) {
				found = &t->cands.data[j];
				nr++;
			}
		}
		if (nr == 1) {
			*by = proofs[i].text;
			return found;
		}
	}
	return NULL;
}

/* Types that other allocators of the program have by now. */
static void look_at_others(struct typing *t)
{
	for (size_t i = 0; i < t->r->sdt_allocs.nr; i++) {
		const struct sdt_alloc_row *other = &t->r->sdt_allocs.data[i];
		struct candidate *c = NULL;

		if (other != t->row && other->types == t->row->types && other->type)
			c = find_candidate(t, other->type);
		if (c)
			c->claimed = true;
	}
}

static struct err *give_up(struct typing *t, struct sdt_alloc_row *row, uint64_t payload)
{
	struct pool *pool = &t->r->pool;
	size_t nr = 0;

	for (size_t i = 0; i < t->cands.nr; i++)
		nr += is_eligible(t, &t->cands.data[i]);
	/* The wording is the format's. */
	row->reason = nr ? pool_printf(pool, "ambiguous: %zu candidates", nr) :
			   pool_printf(pool, "no candidate of size %" PRIu64, payload);
	return row->reason ? NULL : &err_nomem;
}

static struct err *type_one(struct walk *w, struct sdt_alloc_row *row, enum proof last)
{
	struct typing t = { .w = w, .r = w->r, .row = row };
	uint64_t payload = row->elem_size > row->tag_size ? row->elem_size - row->tag_size : 0;
	const struct candidate *found = NULL;
	const char *by = NULL;
	struct err *e;

	if (!payload) {
		row->reason = "payload_size == 0";
		return NULL;
	}
	e = find_candidates(&t);
	if (!e && t.cands.nr)
		e = look_at_maps(&t);
	if (!e) {
		look_at_tags(&t);
		look_at_others(&t);
		found = judge(&t, last, &by);
	}
	if (found) {
		row->type = found->type;
		row->type_name = found->name;
		row->type_by = by;
	} else if (!e && last == BY_SUFFIX) {
		e = give_up(&t, row, payload);
	}
	free(t.cands.data);
	return e;
}

static struct err *long_arrays(struct walk *w)
{
	struct walk_arrays arrays = { 0 };

	for (size_t i = 0; i < w->r->sdt_allocs.nr; i++) {
		const struct sdt_alloc_row *row = &w->r->sdt_allocs.data[i];

		if (row->type && row->nr)
			TRY(walk_add_array(w, row->types, row->type, &arrays));
	}
	return walk_tell_arrays(w, "sdt_alloc", "allocators", &arrays);
}

struct err *sdt_types(struct walk *w)
{
	/* What is good for one allocator may be a guess for another, and its type is then taken. */
	static const enum proof steps[] = { BY_POINTERS, BY_NAME_CTX, BY_SUFFIX };

	for (size_t step = 0; step < ARRAY_SIZE(steps); step++) {
		for (size_t i = 0; i < w->r->sdt_allocs.nr; i++) {
			struct sdt_alloc_row *row = &w->r->sdt_allocs.data[i];

			if (!row->type)
				TRY(type_one(w, row, steps[step]));
		}
	}
	return long_arrays(w);
}
