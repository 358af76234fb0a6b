/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An allocator's tree of three levels with 512 slots each.  An inner node's bits say "nothing free below", not
 * "there": all its children are visited.  The last level's bits are the live elements.
 */
#include "config.h"

#include "walk/sdt.h"

#include "base/addr-set.h"
#include "base/cleanup.h"

enum {
	LEVELS = 3,
	FREED_MAX = 1 << 22,
	SLOTS_MAX = 1 << 22, /* of one allocator, whatever the user asks */
	SLOT_BYTES = 256 << 20,
};

struct tree {
	struct walk *w;
	const struct map_row *arena;
	const struct sdt_layout *l;
	struct sdt_alloc_row *row;
	VEC(struct sdt_slot) slots;
	VEC(uint32_t) freed;
	struct addr_set seen; /* nodes, by their low halves */
	uint64_t cap, bytes;
};

/* ---- nodes */

static struct err *add_slot(struct tree *t, uint64_t addr, uint32_t position)
{
	struct sdt_alloc_row *row = t->row;

	if (t->slots.nr == t->cap || t->bytes < row->elem_size) {
		row->truncated = true;
		return NULL;
	}
	struct sdt_slot *slot = vec_push(&t->slots);
	if (!slot)
		return &err_nomem;
	t->bytes -= row->elem_size;
	slot->unread = true;
	slot->position = position;
	slot->user_addr = arena_user_addr(t->arena->arena, addr);
	return NULL;
}

/* Its payload is nobody's, but a pointer may still lead there. */
static struct err *add_freed(struct tree *t, uint64_t addr)
{
	uint32_t *low;

	if (t->freed.nr == FREED_MAX)
		return NULL;
	low = vec_push(&t->freed);
	if (!low)
		return &err_nomem;
	*low = (uint32_t)addr;
	return NULL;
}

static struct err *walk_node(struct tree *t, uint64_t addr, unsigned int level, uint32_t position);

static struct err *walk_children(struct tree *t, const uint8_t *bits, const uint8_t *ptrs, unsigned int level,
				 uint32_t position)
{
	for (uint32_t i = 0; i < SDT_FANOUT && !t->row->truncated; i++) {
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

/* What became of a node. */
enum node { NODE_READ, NODE_LOST, NODE_NOT_KEPT };

/* The bits of a node and a copy of its children's addresses. */
static struct err *read_node(struct tree *t, uint64_t addr, uint8_t *bits, uint8_t *children, enum node *ret)
{
	const struct sdt_layout *l = t->l;
	const struct arena_body *a = t->arena->arena;
	struct pool scratch = { 0 };
	const uint8_t *desc, *ptrs;
	uint64_t chunk = 0;
	size_t had = 0;

	*ret = NODE_LOST;
	TRY(arena_fetch(t->w, t->arena, &(struct arena_range){ addr, l->desc_size }, 1));
	struct err *e = arena_bytes(a, addr, l->desc_size, &scratch, &desc, &had);
	if (!e && had == l->desc_size && had && member_get(&l->nr_free, desc) <= SDT_FANOUT) {
		memcpy(bits, desc + l->bits.off, SDT_BITS_SIZE);
		chunk = member_get(&l->chunk, desc);
	}
	had = 0;
	if (!e && chunk)
		e = arena_fetch(t->w, t->arena, &(struct arena_range){ chunk + l->children, SDT_FANOUT * 8 }, 1);
	if (!e && chunk)
		e = arena_bytes(a, chunk + l->children, SDT_FANOUT * 8, &scratch, &ptrs, &had);
	if (!e && had == SDT_FANOUT * 8) {
		memcpy(children, ptrs, had);
		*ret = NODE_READ;
	} else if (arena_not_kept(a, addr, l->desc_size) ||
		   (chunk && arena_not_kept(a, chunk + l->children, SDT_FANOUT * 8))) {
		*ret = NODE_NOT_KEPT;
	}
	pool_deinit(&scratch);
	return e;
}

static struct err *walk_node(struct tree *t, uint64_t addr, unsigned int level, uint32_t position)
{
	_cleanup_free_ uint8_t *children = malloc(SDT_FANOUT * 8);
	uint8_t bits[SDT_BITS_SIZE];
	enum node node = NODE_LOST;
	bool is_new;

	if (!children)
		return &err_nomem;
	/* A node that is in the tree twice would give every element twice. */
	TRY(addr_set_add(&t->seen, (uint32_t)addr | 1ULL << 32, &is_new));
	if (is_new)
		TRY(read_node(t, addr, bits, children, &node));
	t->row->skipped += node == NODE_LOST;
	t->row->skipped_not_kept += node == NODE_NOT_KEPT;
	return node == NODE_READ ? walk_children(t, bits, children, level, position) : NULL;
}

/* ---- */

static int compare_low(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Hands what was found to the row. */
static struct err *keep(struct tree *t)
{
	struct sdt_alloc_row *row = t->row;
	struct pool *pool = &t->w->r->pool;

	if (t->freed.nr)
		qsort(t->freed.data, t->freed.nr, sizeof(*t->freed.data), compare_low);
	row->slots = pool_memdup(pool, t->slots.data, t->slots.nr * sizeof(*t->slots.data));
	row->freed = pool_memdup(pool, t->freed.data, t->freed.nr * sizeof(*t->freed.data));
	if (!row->slots || !row->freed)
		return &err_nomem;
	row->nr = t->slots.nr;
	row->nr_freed = t->freed.nr;
	return NULL;
}

struct err *sdt_tree(struct walk *w, const struct map_row *arena, const struct sdt_layout *l, uint64_t root,
		     struct sdt_alloc_row *row)
{
	uint64_t asked = w->opts->max_entries;
	struct tree t = {
		.w = w, .arena = arena, .l = l, .row = row, .bytes = SLOT_BYTES,
		.cap = MIN(asked ? asked : (uint64_t)WALK_ENTRIES_DEFAULT, (uint64_t)SLOTS_MAX),
	};
	/* A value may lead to any of them; they cost nothing yet. */
	if (arena->arena->looked_into) {
		t.cap = SLOTS_MAX;
		t.bytes = UINT64_MAX;
	}
	struct err *e = walk_node(&t, root, 0, 0);
	if (!e)
		e = keep(&t);

	free(t.slots.data);
	free(t.freed.data);
	addr_set_deinit(&t.seen);
	return e;
}
