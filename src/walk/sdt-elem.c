/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An element of an allocator: the program's payload, and a tag with the element's index, which comes first or, since
 * 2026, last.  Programs without pointers to tags do not have their type in their BTF; then the elements of all the
 * program's allocators tell where it is, because the index in it is the element's place in the tree.
 */
#include "config.h"

#include "walk/sdt.h"

#include "base/cleanup.h"

enum {
	SAMPLES = 256, /* elements of an allocator that are asked */
	FORMS = 4,
};

/* The first is what the program's types say, or else suggest. */
struct vote {
	struct walk *w;
	struct sdt_elem forms[FORMS];
	size_t nr[FORMS];
};

/* ---- where the tag is */

static const struct map_row *arena_of(const struct report *r, const struct sdt_alloc_row *row)
{
	for (size_t i = 0; i < r->maps.nr; i++) {
		if (r->maps.data[i].id == row->arena_id && r->maps.data[i].arena)
			return &r->maps.data[i];
	}
	return NULL;
}

/* Whether the element has its own place in the tree at this offset. */
static struct err *has_own(struct walk *w, const struct map_row *arena, const struct sdt_slot *slot, uint64_t off,
			   bool *ret)
{
	struct pool scratch = { 0 };
	const uint8_t *p;
	size_t had;

	TRY(arena_fetch(w, arena, &(struct arena_range){ slot->user_addr + off, 4 }, 1));
	struct err *e = arena_bytes(arena->arena, slot->user_addr + off, 4, &scratch, &p, &had);
	*ret = !e && had == 4 && get_le32(p) == slot->position;
	pool_deinit(&scratch);
	return e;
}

static struct err *ask(struct vote *v, const struct sdt_alloc_row *row)
{
	const struct map_row *arena = arena_of(v->w->r, row);

	for (size_t i = 0; arena && i < MIN(row->nr, (size_t)SAMPLES); i++) {
		if (!row->slots[i].position) /* blank memory has a 0, too */
			continue;
		for (size_t f = 0; f < FORMS; f++) {
			const struct sdt_elem *form = &v->forms[f];
			bool own;

			if (row->elem_size <= form->size)
				continue;
			TRY(has_own(v->w, arena, &row->slots[i],
				    form->idx + (form->tail ? row->elem_size - form->size : 0), &own));
			v->nr[f] += own;
		}
	}
	return NULL;
}

static void set_elem(struct sdt_alloc_row *row, const struct sdt_elem *elem)
{
	row->tag_size = elem->size;
	row->header = elem->tail ? 0 : elem->size;
	row->idx_off = elem->idx;
	row->genn_off = elem->genn;
}

/* All allocators of a program are of one library. */
static struct err *settle(struct walk *w, const struct types *types)
{
	struct report *r = w->r;
	struct sdt_layout l;
	struct vote v = { .w = w, .forms = { [1] = { 8, false, 0, 4 }, { 16, true, 0, 4 }, { 8, true, 0, 4 } } };
	size_t best = 0;

	sdt_layout_resolve(types, &l);
	v.forms[0] = l.elem;
	for (size_t i = 0; i < r->sdt_allocs.nr && !l.elem_known; i++) {
		if (r->sdt_allocs.data[i].types == types)
			TRY(ask(&v, &r->sdt_allocs.data[i]));
	}
	for (size_t f = 1; f < FORMS; f++)
		best = v.nr[f] > v.nr[best] ? f : best;
	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		struct sdt_alloc_row *row = &r->sdt_allocs.data[i];

		if (row->types == types && row->elem_size > v.forms[best].size)
			set_elem(row, &v.forms[best]);
	}
	return NULL;
}

/* ---- reading */

static struct err *read_slot(struct walk *w, const struct arena_body *a, const struct sdt_alloc_row *row,
			     struct sdt_slot *slot)
{
	size_t len = row->elem_size - row->tag_size, had;
	uint64_t tag_at = slot->user_addr + (row->header ? 0 : len);
	const uint8_t *tag;

	slot->unread = false;
	/* The tag may be readable where the payload is not. */
	TRY(arena_bytes(a, tag_at, row->tag_size, &w->r->pool, &tag, &had));
	slot->unreadable = had < row->tag_size;
	if (!slot->unreadable) {
		slot->idx = (int32_t)get_le32(tag + row->idx_off);
		slot->genn = (int32_t)get_le32(tag + row->genn_off);
	}
	TRY(arena_bytes(a, slot->user_addr + row->header, len, &w->r->pool, &slot->data, &slot->len));
	slot->not_kept = (slot->unreadable || slot->len < len) && arena_not_kept(a, slot->user_addr, row->elem_size);
	return NULL;
}

struct err *sdt_read_slots(struct walk *w, const struct map_row *arena, struct sdt_alloc_row *row,
			   struct sdt_slot **slots, size_t nr)
{
	_cleanup_free_ struct arena_range *ranges = calloc(nr + 1, sizeof(*ranges));
	size_t unread = 0;

	if (!ranges)
		return &err_nomem;
	for (size_t i = 0; i < nr; i++) {
		if (slots[i]->unread)
			ranges[unread++] = (struct arena_range){ slots[i]->user_addr, row->elem_size };
	}
	if (unread)
		TRY(arena_fetch(w, arena, ranges, unread));
	for (size_t i = 0; i < nr; i++) {
		if (slots[i]->unread)
			TRY(read_slot(w, arena->arena, row, slots[i]));
	}
	return NULL;
}

static struct err *read_all(struct walk *w, struct sdt_alloc_row *row, size_t *unreadable, size_t *not_kept)
{
	const struct map_row *arena = arena_of(w->r, row);

	for (size_t i = 0; arena && !arena->arena->looked_into && i < row->nr; i++) {
		struct sdt_slot *slot = &row->slots[i];

		TRY(read_slot(w, arena->arena, row, slot));
		if (slot->not_kept)
			(*not_kept)++;
		else
			*unreadable += slot->unreadable || slot->len < row->elem_size - row->tag_size;
	}
	return NULL;
}

struct err *sdt_elements(struct walk *w, size_t *unreadable, size_t *not_kept)
{
	struct report *r = w->r;

	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->sdt_allocs.data[j].types == r->sdt_allocs.data[i].types;
		if (!seen)
			TRY(settle(w, r->sdt_allocs.data[i].types));
	}
	for (size_t i = 0; i < r->sdt_allocs.nr; i++)
		TRY(read_all(w, &r->sdt_allocs.data[i], unreadable, not_kept));
	return NULL;
}
