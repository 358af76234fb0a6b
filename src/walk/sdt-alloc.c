/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The allocators of the scx library, which schedulers link: struct scx_allocator (lib/sdt_alloc.bpf.c), a
 * tree of three levels with 512 slots each (sdt-tree.c), and struct scx_static (later struct bump), a region of
 * which only the end of what was handed out is known.  Both are variables of the program; trees and elements lie
 * in its arena.
 */
#include "config.h"

#include "walk/sdt.h"

#include <bpf/btf.h>
#include <inttypes.h>

enum {
	ELEM_MIN = 16,
	ELEM_MAX = 1 << 20,   /* the library gives out elements of more than a page as well */
	REGIONS_MAX = 4096,   /* of one variable */
};

struct sdt_walk {
	struct walk *w;
	struct report *r;
	const struct map_row *section;
	const struct arena_body *arena; /* NULL: not known which */
	const struct types *types;	/* whose layout l is */
	struct sdt_layout l;
	size_t sections, declared, unknown;
	bool others; /* its program has allocators that are not read */
	size_t skipped, unreadable, regions_lost;
	size_t elements_not_kept, nodes_not_kept, regions_not_kept; /* on pages whose contents were left out */
	const char *missing; /* of some program's types */
	bool scan_cut;
};

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
	row->tag_size = l->elem.size;
	row->header = l->elem.tail ? 0 : l->elem.size;
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
	if (elem_size < MAX((uint32_t)ELEM_MIN, l->elem.size) || elem_size > ELEM_MAX) {
		row->skipped = 1;
		s->skipped++;
		return NULL;
	}
	TRY(sdt_tree(s->w, s->section->own_arena, l, root, row));
	s->skipped += row->skipped;
	s->nodes_not_kept += row->skipped_not_kept;
	return NULL;
}

/* Newer libraries keep filled regions: each begins with the address of the one that was filled before. */
static struct err *earlier_regions(struct sdt_walk *s, struct scx_static_row *row)
{
	struct pool *pool = &s->r->pool;
	uint64_t at = row->user_addr;

	row->earlier = pool_calloc(pool, REGIONS_MAX, sizeof(*row->earlier));
	if (!row->earlier)
		return &err_nomem;
	while (at && !row->earlier_lost) {
		const uint8_t *link;
		size_t had;

		TRY(arena_fetch(s->w, s->section->own_arena, &(struct arena_range){ at, 8 }, 1));
		TRY(arena_bytes(s->arena, at, 8, pool, &link, &had));
		row->earlier_not_kept = had < 8 && arena_not_kept(s->arena, at, 8);
		if (row->earlier_not_kept)
			break;
		at = had == 8 ? get_le64(link) : 0;
		/* What goes round has no end. */
		row->earlier_lost = had < 8 || (at && (!arena_has(s->arena, at) || row->nr_earlier == REGIONS_MAX));
		if (at && !row->earlier_lost)
			row->earlier[row->nr_earlier++] = arena_user_addr(s->arena, at);
	}
	s->regions_lost += row->earlier_lost;
	s->regions_not_kept += row->earlier_not_kept;
	return NULL;
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
	if (!row->name)
		return &err_nomem;
	return l->regions_linked ? earlier_regions(s, row) : NULL;
}

/* Said once for each variable. */
static struct err *add_other(struct sdt_walk *s, const char *what, const char *name)
{
	if (s->r->sdt_aside)
		return NULL;
	return report_section(s->r, "sdt_alloc", SECTION_NOT_IMPLEMENTED, "what the %s allocator %s of map %" PRIu32
			      " gave out is not listed", what, name, s->section->id);
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
	const char *other = s->others ? sdt_other(site) : NULL;
	if (!other)
		return NULL;
	*into = false;
	const char *name = value_path_text(site->path, &s->r->pool);
	return name ? add_other(s, other, name) : &err_nomem;
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
		sdt_layout_resolve(s->types, &s->l);
		s->others = s->arena && sdt_has_others(s->types);
		const char *other = s->others ? sdt_other_in_arena(s->types) : NULL;
		if (other)
			TRY(add_other(s, other, "in the arena beside the section"));
	}
	s->sections++;
	s->declared += s->l.allocator != 0;
	/* The arenas that nobody's values lead to have not been looked at. */
	if (s->r->sdt_aside && !s->arena)
		return NULL;
	if (!s->l.allocator && !s->l.region && !s->others)
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
	/* Nothing that a value leads to is of no interest: what is lost of it is said where it is shown. */
	if (r->sdt_aside)
		return NULL;
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
	if (s->elements_not_kept || s->nodes_not_kept)
		TRY(report_cut(r, "sdt_alloc", s->w->opts->max_entries || s->w->opts->arena_bytes,
			       "%zu elements and %zu parts of trees, on arena pages that were not kept (--arena-bytes)",
			       s->elements_not_kept, s->nodes_not_kept));
	TRY(report_section(r, "scx_static", SECTION_COMPLETE, NULL));
	if (s->regions_not_kept)
		TRY(report_cut(r, "scx_static", s->w->opts->max_entries || s->w->opts->arena_bytes,
			       "earlier regions of %zu, on arena pages that were not kept (--arena-bytes)",
			       s->regions_not_kept));
	if (r->scx_static_skipped)
		TRY(report_section(r, "scx_static", SECTION_IMPLAUSIBLE, "%" PRIu32 " regions of no use",
				   r->scx_static_skipped));
	if (s->regions_lost)
		TRY(report_section(r, "scx_static", SECTION_IMPLAUSIBLE, "earlier regions of %zu cannot be followed",
				   s->regions_lost));
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
	TRY(sdt_elements(w, &s.unreadable, &s.elements_not_kept));
	if (!w->r->sdt_allocs.nr && !w->r->sdt_aside)
		w->r->sdt_unavailable = unavailable(&s);
	return report_walk(&s);
}
