/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The allocators of the scx library, which schedulers link: struct scx_allocator (lib/sdt_alloc.bpf.c), a
 * tree of three levels with 512 slots each, and struct scx_static (later struct bump), a region of which
 * only the end of what was handed out is known.  Both are variables of the program; trees and elements lie
 * in its arena.
 *
 * An inner node's bits say "nothing free below", not "there": all its children are visited.  The last level's
 * bits are the live elements.
 */
#include "config.h"

#include "walk/arena.h"

#include <bpf/btf.h>
#include <inttypes.h>

#include "base/addr-set.h"
#include "base/cleanup.h"

enum {
	LEVELS = 3,
	FANOUT = 512,
	BITS_SIZE = FANOUT / 8,
	ELEM_MIN = 16,
	ELEM_MAX = 1 << 20,   /* the library gives out elements of more than a page as well */
	HEADER = 8,	      /* union sdt_id */
	DESC_MAX = 4096,
	SLOTS_MAX = 1 << 22, /* of one allocator, whatever the user asks */
	SLOT_BYTES = 256 << 20,
};

/* The library's types as the program has them. */
struct sdt_layout {
	uint32_t allocator, region, id; /* 0: the program does not have it */
	struct member elem_size, root;
	struct member bits, nr_free, chunk;
	uint32_t desc_size; /* the part of it that matters */
	uint32_t children; /* in struct sdt_chunk */
	uint32_t header, idx, genn; /* of struct sdt_data */
	struct member max_bytes, memory, off;
	const char *missing; /* why trees cannot be followed; NULL */
};

struct sdt_walk {
	struct walk *w;
	struct report *r;
	const struct map_row *section;
	const struct arena_body *arena; /* NULL: not known which */
	const struct types *types;	/* whose layout l is */
	struct sdt_layout l;
	size_t sections, declared, unknown;
	size_t skipped, unreadable;
	const char *missing; /* of some program's types */
	bool scan_cut;
};

/* One allocator's tree. */
struct sdt_tree {
	struct sdt_walk *s;
	struct sdt_alloc_row *row;
	VEC(struct sdt_slot) slots;
	VEC(uint32_t) freed;
	struct addr_set seen; /* nodes, by their low halves */
	uint64_t cap, bytes;
};

/* ---- types */

static uint32_t find_type(const struct types *types, const char *name)
{
	uint32_t id = 0;
	struct err *e = types_find(types, BTF_KIND_STRUCT, name, &id);

	if (!e)
		return id;
	err_ignore(e);
	return 0;
}

static bool find_member(const struct types *types, uint32_t type, const char *path, struct member *ret)
{
	*ret = (struct member){ 0 };
	struct err *e = type ? types_member(types, type, path, ret) : &err_nomem;

	if (!e)
		return ret->present;
	if (type)
		err_ignore(e);
	*ret = (struct member){ 0 };
	return false;
}

/*
 * An element's header: what comes before its payload.  What a program has but pointers to, in other structs, is
 * a mere declaration in its BTF; then it is as it always was.
 */
static void data_layout(const struct types *types, struct sdt_layout *l)
{
	uint32_t data = find_type(types, "sdt_data");
	struct member m;

	l->header = HEADER;
	l->idx = 0;
	l->genn = 4;
	/* 2026: elements that wait to be freed are linked by another word. */
	if (find_member(types, data, "payload", &m) && m.off >= HEADER && m.off < ELEM_MAX)
		l->header = m.off;
	else if (find_type(types, "scx_urcu"))
		l->header = 2 * HEADER;
	if (find_member(types, data, "tid.idx", &m) && m.size == 4 && m.off <= l->header - 4)
		l->idx = m.off;
	if (find_member(types, data, "tid.genn", &m) && m.size == 4 && m.off <= l->header - 4)
		l->genn = m.off;
}

static const char *desc_layout(const struct types *types, struct sdt_layout *l)
{
	uint32_t desc = find_type(types, "sdt_desc"), chunk = find_type(types, "sdt_chunk");
	struct member m;

	if (find_member(types, chunk, "data", &m) && m.off < PAGE_SIZE)
		l->children = m.off;
	if (!desc) {
		l->bits = (struct member){ .present = true, .size = BITS_SIZE };
		l->nr_free = (struct member){ .present = true, .off = BITS_SIZE, .size = 8 };
		l->chunk = (struct member){ .present = true, .off = BITS_SIZE + 8, .size = 8 };
		l->desc_size = BITS_SIZE + 16;
		return NULL;
	}
	if (!find_member(types, desc, "allocated", &l->bits) || l->bits.size != BITS_SIZE)
		return "sdt_desc.allocated";
	if (!find_member(types, desc, "nr_free", &l->nr_free) || l->nr_free.size > 8)
		return "sdt_desc.nr_free";
	if (!find_member(types, desc, "chunk", &l->chunk) || l->chunk.size != 8)
		return "sdt_desc.chunk";
	if (!find_member(types, desc, "", &m) || m.size > DESC_MAX)
		return "sdt_desc";
	l->desc_size = m.size;
	return NULL;
}

static void resolve(const struct types *types, struct sdt_layout *l)
{
	*l = (struct sdt_layout){ .allocator = find_type(types, "scx_allocator") };
	if (l->allocator)
		l->missing = desc_layout(types, l);
	if (!find_member(types, l->allocator, "pool.elem_size", &l->elem_size) || l->elem_size.size > 8)
		l->missing = "scx_allocator.pool.elem_size";
	if (!find_member(types, l->allocator, "root", &l->root) || l->root.size != 8)
		l->missing = "scx_allocator.root";
	data_layout(types, l);

	l->region = find_type(types, "scx_static");
	if (l->region) {
		find_member(types, l->region, "max_alloc_bytes", &l->max_bytes);
	} else {
		l->region = find_type(types, "bump");
		find_member(types, l->region, "max_contig_bytes", &l->max_bytes);
	}
	find_member(types, l->region, "memory", &l->memory);
	find_member(types, l->region, "off", &l->off);
	if (!l->max_bytes.present || !l->memory.present || !l->off.present || l->max_bytes.size > 8 ||
	    l->memory.size != 8 || l->off.size > 8)
		l->region = 0;
}

/* ---- a tree */

/* The header first: it may be readable where the payload is not. */
static struct err *add_slot(struct sdt_tree *t, uint64_t addr, uint32_t position)
{
	const struct sdt_layout *l = &t->s->l;
	struct sdt_alloc_row *row = t->row;
	size_t len = row->elem_size - l->header, had;
	const uint8_t *header;

	if (t->slots.nr == t->cap || t->bytes < len) {
		row->truncated = true;
		return NULL;
	}
	struct sdt_slot *slot = vec_push(&t->slots);
	if (!slot)
		return &err_nomem;
	slot->position = position;
	slot->user_addr = arena_user_addr(t->s->arena, addr);
	TRY(arena_bytes(t->s->arena, addr, l->header, &t->s->r->pool, &header, &had));
	slot->unreadable = had < l->header;
	if (!slot->unreadable) {
		slot->idx = (int32_t)get_le32(header + l->idx);
		slot->genn = (int32_t)get_le32(header + l->genn);
	}
	TRY(arena_bytes(t->s->arena, addr + l->header, len, &t->s->r->pool, &slot->data, &slot->len));
	t->bytes -= len;
	t->s->unreadable += slot->unreadable || slot->len < len;
	return NULL;
}

/* Its payload is nobody's, but a pointer may still lead there. */
static struct err *add_freed(struct sdt_tree *t, uint64_t addr)
{
	uint32_t *low;

	if (t->freed.nr == SLOTS_MAX)
		return NULL;
	low = vec_push(&t->freed);
	if (!low)
		return &err_nomem;
	*low = (uint32_t)addr;
	return NULL;
}

static struct err *walk_node(struct sdt_tree *t, uint64_t addr, unsigned int level, uint32_t position);

static struct err *walk_children(struct sdt_tree *t, const uint8_t *bits, const uint8_t *ptrs,
				 unsigned int level, uint32_t position)
{
	for (uint32_t i = 0; i < FANOUT && !t->row->truncated; i++) {
		uint64_t child = get_le64(ptrs + 8 * i);

		/* A live element without an address is being given out: it has none yet. */
		if (!child)
			continue;
		if (level + 1 < LEVELS)
			TRY(walk_node(t, child, level + 1, position << 9 | i));
		else if (bits[i / 8] & 1u << i % 8)
			TRY(add_slot(t, child, position << 9 | i));
		else
			TRY(add_freed(t, child));
	}
	return NULL;
}

static struct err *walk_node(struct sdt_tree *t, uint64_t addr, unsigned int level, uint32_t position)
{
	const struct sdt_layout *l = &t->s->l;
	_cleanup_free_ uint8_t *copy = malloc(FANOUT * 8);
	struct pool scratch = { 0 };
	const uint8_t *desc, *ptrs;
	struct err *e = NULL;
	uint8_t bits[BITS_SIZE];
	uint64_t chunk = 0;
	size_t had = 0;
	bool is_new;

	if (!copy)
		return &err_nomem;
	/* A node that is in the tree twice would give every element twice. */
	TRY(addr_set_add(&t->seen, (uint32_t)addr | 1ULL << 32, &is_new));
	if (is_new)
		e = arena_bytes(t->s->arena, addr, l->desc_size, &scratch, &desc, &had);
	if (!e && had == l->desc_size && had && member_get(&l->nr_free, desc) <= FANOUT) {
		memcpy(bits, desc + l->bits.off, sizeof(bits));
		chunk = member_get(&l->chunk, desc);
	}
	had = 0;
	if (!e && chunk)
		e = arena_bytes(t->s->arena, chunk + l->children, FANOUT * 8, &scratch, &ptrs, &had);
	if (!e && had == FANOUT * 8)
		memcpy(copy, ptrs, had);
	else
		t->row->skipped++;
	pool_deinit(&scratch);
	if (e || had < FANOUT * 8)
		return e;
	return walk_children(t, bits, copy, level, position);
}

static int compare_low(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct err *walk_tree(struct sdt_walk *s, struct sdt_alloc_row *row, uint64_t root)
{
	uint64_t asked = s->w->opts->max_entries;
	struct sdt_tree t = {
		.s = s, .row = row, .bytes = SLOT_BYTES,
		.cap = MIN(asked ? asked : (uint64_t)WALK_ENTRIES_DEFAULT, (uint64_t)SLOTS_MAX),
	};
	struct err *e = walk_node(&t, root, 0, 0);

	if (t.freed.nr)
		qsort(t.freed.data, t.freed.nr, sizeof(*t.freed.data), compare_low);
	row->slots = pool_memdup(&s->r->pool, t.slots.data, t.slots.nr * sizeof(*t.slots.data));
	row->freed = pool_memdup(&s->r->pool, t.freed.data, t.freed.nr * sizeof(*t.freed.data));
	if (!e && (!row->slots || !row->freed))
		e = &err_nomem;
	row->nr = row->slots ? t.slots.nr : 0;
	row->nr_freed = row->freed ? t.freed.nr : 0;
	free(t.slots.data);
	free(t.freed.data);
	addr_set_deinit(&t.seen);
	s->skipped += row->skipped;
	return e;
}

/* ---- variables */

static struct err *add_allocator(struct sdt_walk *s, const struct value_site *site)
{
	const struct sdt_layout *l = &s->l;
	uint64_t elem_size = 0, root = 0;

	if (member_fits(&l->elem_size, site->len))
		elem_size = member_get(&l->elem_size, site->data);
	if (member_fits(&l->root, site->len))
		root = member_get(&l->root, site->data);
	/* Never initialized: there is nothing to say about it. */
	if (!elem_size && !root && l->elem_size.present && l->root.present)
		return NULL;

	struct sdt_alloc_row *row = vec_push(&s->r->sdt_allocs);
	if (!row)
		return &err_nomem;
	row->name = value_path_text(site->path, &s->r->pool);
	if (!row->name)
		return &err_nomem;
	row->map_id = s->section->id;
	row->sched = s->section->sched;
	row->elem_size = elem_size;
	row->header = l->header;
	row->types = s->types;
	if (l->missing || !s->arena) {
		row->skipped = 1;
		s->skipped++;
		s->unknown += !l->missing;
		s->missing = l->missing ? l->missing : s->missing;
		return NULL;
	}
	row->arena_id = s->section->own_arena->id;
	if (!root)
		return NULL;
	if (elem_size < MAX((uint32_t)ELEM_MIN, l->header) || elem_size > ELEM_MAX) {
		row->skipped = 1;
		s->skipped++;
		return NULL;
	}
	return walk_tree(s, row, root);
}

static struct err *add_region(struct sdt_walk *s, const struct value_site *site)
{
	const struct sdt_layout *l = &s->l;

	if (!member_fits(&l->max_bytes, site->len) || !member_fits(&l->memory, site->len) ||
	    !member_fits(&l->off, site->len)) {
		s->r->scx_static_skipped++;
		return NULL;
	}
	uint64_t capacity = member_get(&l->max_bytes, site->data), used = member_get(&l->off, site->data),
		 memory = member_get(&l->memory, site->data);
	if (!capacity && !memory && !used)
		return NULL; /* never initialized */

	/* The last bytes handed out may end at the end of what 32 bits can tell apart. */
	if (!memory || used > capacity || capacity >= ARENA_WINDOW || !s->arena ||
	    (uint32_t)memory + capacity > ARENA_WINDOW) {
		s->r->scx_static_skipped++;
		return NULL;
	}
	struct scx_static_row *row = vec_push(&s->r->scx_statics);
	if (!row)
		return &err_nomem;
	*row = (struct scx_static_row){
		.name = value_path_text(site->path, &s->r->pool),
		.map_id = s->section->id, .arena_id = s->section->own_arena->id,
		.sched = s->section->sched,
		.user_addr = arena_user_addr(s->arena, memory),
		.used = used, .capacity = capacity,
	};
	return row->name ? NULL : &err_nomem;
}

static struct err *on_site(void *ctx, const struct value_site *site, bool *into)
{
	struct sdt_walk *s = ctx;

	if (s->l.allocator && site->type == s->l.allocator) {
		*into = false;
		return add_allocator(s, site);
	}
	if (s->l.region && site->type == s->l.region) {
		*into = false;
		return add_region(s, site);
	}
	return NULL;
}

static bool is_section(const struct map_row *row)
{
	const struct btf_type *t = row->types ? types_get(row->types, row->value_type) : NULL;

	return row->body == MAP_BODY_VALUE && row->value && t && btf_is_datasec(t) && row->own_arena != row;
}

static struct err *walk_section(struct sdt_walk *s, const struct map_row *row)
{
	struct value_scan scan = { .site = on_site, .ctx = s, .budget = ARENA_SCAN_PARTS };

	s->section = row;
	s->arena = row->own_arena && row->own_arena->arena && row->own_arena->arena->kern_vm_start ?
			   row->own_arena->arena : NULL;
	if (s->types != row->types) {
		s->types = row->types;
		resolve(s->types, &s->l);
	}
	s->sections++;
	s->declared += s->l.allocator != 0;
	if (!s->l.allocator && !s->l.region)
		return NULL;
	TRY(value_scan(&scan, row->types, row->value_type, row->value, row->value_len));
	s->scan_cut |= !scan.budget;
	return NULL;
}

/* ---- */

/* The reasons are the format's own, word for word: readers compare them. */
static const char *unavailable(const struct sdt_walk *s)
{
	const struct report *r = s->r;
	bool arena = false;

	for (size_t i = 0; i < r->maps.nr; i++)
		arena |= r->maps.data[i].arena && r->maps.data[i].arena->kern_vm_start;
	if (!s->sections)
		return "no scheduler .bss map (or .bss has no program BTF)";
	if (!arena)
		return "no arena map captured (kern_vm_start unavailable)";
	if (!s->declared)
		return "scheduler BTF does not declare struct scx_allocator";
	return "no scx_allocator instance in .bss";
}

static struct err *report_walk(struct sdt_walk *s)
{
	struct report *r = s->r;
	size_t cut = 0;

	for (size_t i = 0; i < r->sdt_allocs.nr; i++)
		cut += r->sdt_allocs.data[i].truncated;
	TRY(report_section(r, "sdt_alloc", SECTION_COMPLETE, NULL));
	if (s->unreadable)
		TRY(report_section(r, "sdt_alloc", SECTION_NOT_READABLE, "%zu elements unreadable",
				   s->unreadable));
	if (s->unknown)
		TRY(report_section(r, "sdt_alloc", SECTION_NOT_READABLE,
				   "of %zu allocators it is not known which arena is theirs", s->unknown));
	if (s->missing)
		TRY(report_section(r, "sdt_alloc", SECTION_NOT_READABLE, "%s is not in the program's types",
				   s->missing));
	if (s->skipped && !s->unknown && !s->missing)
		TRY(report_section(r, "sdt_alloc", SECTION_IMPLAUSIBLE,
				   "%zu parts of allocators' trees cannot be followed", s->skipped));
	if (cut)
		TRY(report_cut(r, "sdt_alloc", s->w->opts->max_entries, "elements of %zu allocators", cut));
	if (s->scan_cut)
		TRY(report_cut(r, "sdt_alloc", false, "variables of a large section"));
	TRY(report_section(r, "scx_static", SECTION_COMPLETE, NULL));
	if (r->scx_static_skipped)
		TRY(report_section(r, "scx_static", SECTION_IMPLAUSIBLE, "%" PRIu32 " regions of no use",
				   r->scx_static_skipped));
	return NULL;
}

struct err *sdt_walk(struct walk *w)
{
	struct sdt_walk s = { .w = w, .r = w->r };

	/* Of each enabled scheduler, then of nobody's. */
	for (size_t a = 0; a <= w->r->nr_active; a++) {
		const struct active_sched *sched = a < w->r->nr_active ? &w->r->active[a] : NULL;

		for (size_t i = 0; i < w->r->maps.nr; i++) {
			const struct map_row *row = &w->r->maps.data[i];

			if (is_section(row) && row->sched == sched)
				TRY(walk_section(&s, row));
		}
	}
	if (!w->r->sdt_allocs.nr)
		w->r->sdt_unavailable = unavailable(&s);
	return report_walk(&s);
}
