/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct maple_tree, include/linux/maple_tree.h: ranges of indices, each with an entry. Nodes are aligned to 256 bytes;
 * a pointer to one has its type in bits 3 to 6. A node's slot i ends at pivot i, the last one in use at the end of
 * the node's own range; a pivot of 0 that is not the first ends the node, too.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "kernel/containers-internal.h"

enum {
	NODE_MASK = 255,
	TYPE_SHIFT = 3,
	TYPE_MASK = 15,
	/* enum maple_type, which none of its users names in BTF; 0 is "dense", and not in use. */
	LEAF_64 = 1,
	RANGE_64 = 2,
	ARANGE_64 = 3,
	MAX_SLOTS = 32,
	MAX_DEPTH = 31, /* MAPLE_HEIGHT_MAX */
};

struct maple_walk {
	struct kernel *k;
	size_t max, nr;	      /* entries */
	struct addr_set seen; /* nodes */
	maple_fn *fn;
	void *ctx;
	struct err **why;
};

/* What a node holds, whatever its type. */
struct node {
	bool leaf;
	uint32_t nr; /* slots */
	uint64_t pivots[MAX_SLOTS], slots[MAX_SLOTS];
};

static bool is_node(uint64_t entry)
{
	return (entry & 3) == 2 && entry > 4096;
}

static struct err *read_node(struct kernel *k, uint64_t enode, struct node *ret)
{
	const struct container_layout *l = k->containers;
	struct kva at = { enode & ~(uint64_t)NODE_MASK };
	unsigned int type = enode >> TYPE_SHIFT & TYPE_MASK;
	const struct member *pivot = type == ARANGE_64 ? &l->ma_apivot : &l->ma_pivot;
	const struct member *slot = type == ARANGE_64 ? &l->ma_aslot : &l->ma_slot;

	if (type != LEAF_64 && type != RANGE_64 && type != ARANGE_64)
		return err_new(ERR_CORRUPT, "maple node 0x%016" PRIx64 ": its type is %u", at.v, type);
	ret->leaf = type == LEAF_64;
	ret->nr = slot->nr;
	TRY(kread(k, kmember(at, slot), ret->slots, (size_t)slot->nr * 8));
	TRY(kread(k, kmember(at, pivot), ret->pivots, (size_t)pivot->nr * 8));
	for (uint32_t i = 0; i < slot->nr; i++)
		ret->slots[i] = get_le64(&ret->slots[i]);
	for (uint32_t i = 0; i < pivot->nr; i++)
		ret->pivots[i] = get_le64(&ret->pivots[i]);
	for (uint32_t i = pivot->nr; i < slot->nr; i++)
		ret->pivots[i] = 0;
	return NULL;
}

/* Where slot i of a node ends whose own range ends at `last`. */
static uint64_t slot_end(const struct node *n, uint32_t i, uint64_t last)
{
	return i && !n->pivots[i] ? last : MIN(n->pivots[i], last);
}

static bool push_children(struct kernel *k, uint64_t enode, struct tree_level *next)
{
	struct node *n = malloc(sizeof(*n));
	struct err *e = n ? read_node(k, enode, n) : NULL;
	bool good = n;

	for (uint32_t i = 0; good && !e && !n->leaf && i < n->nr; i++) {
		uint64_t *child = vec_push(&next->nodes);

		good = child;
		if (child)
			*child = n->slots[i];
		if (!n->pivots[i] && i)
			break;
	}
	err_ignore(e);
	free(n);
	return good;
}

static enum walk_end visit(struct maple_walk *w, uint64_t first, uint64_t last, uint64_t entry)
{
	/* Nothing, a number, or a mark of the tree's own. */
	if (!entry || entry & 3)
		return WALK_COMPLETE;
	if (w->nr == w->max)
		return WALK_CAPPED;
	w->nr++;
	return w->fn(w->ctx, first, last, (struct kva){ entry }) ? WALK_COMPLETE : WALK_STOPPED;
}

static enum walk_end walk_node(struct maple_walk *w, uint64_t enode, uint64_t first, uint64_t last, unsigned int depth)
{
	struct node *n = malloc(sizeof(*n)); /* too big for a fiber's stack at any depth */
	enum walk_end end = WALK_COMPLETE;
	bool is_new = true;
	struct err *e = n ? read_node(w->k, enode, n) : &err_nomem;

	if (!e && depth > MAX_DEPTH)
		e = err_new(ERR_CORRUPT, "maple node 0x%016" PRIx64 ": too deep", enode & ~(uint64_t)NODE_MASK);
	if (!e)
		e = addr_set_add(&w->seen, enode & ~(uint64_t)NODE_MASK, &is_new);
	if (e)
		end = walk_broken(w->why, e);
	else if (!is_new)
		end = WALK_LOOP;

	for (uint32_t i = 0; end == WALK_COMPLETE && i < n->nr; i++) {
		uint64_t stop = slot_end(n, i, last);

		if (stop < first) {
			end = walk_broken(w->why, err_new(ERR_CORRUPT, "maple node 0x%016" PRIx64 ": slot %" PRIu32
							  " ends before it begins", enode & ~(uint64_t)NODE_MASK, i));
			break;
		}
		end = n->leaf ? visit(w, first, stop, n->slots[i]) :
				walk_node(w, n->slots[i], first, stop, depth + 1);
		if (stop == last)
			break;
		first = stop + 1;
	}
	free(n);
	return end;
}

static bool sane(const struct member *pivot, const struct member *slot)
{
	return pivot->present && slot->present && slot->nr && slot->nr <= MAX_SLOTS && pivot->nr <= slot->nr &&
	       pivot->nr + 1 >= slot->nr && slot->size == slot->nr * 8 && pivot->size == pivot->nr * 8;
}

enum walk_end kmaple_walk(struct kernel *k, struct kva tree, size_t max, maple_fn *fn, void *ctx, struct err **why)
{
	const struct container_layout *l = k->containers;
	struct maple_walk w = { .k = k, .max = max, .fn = fn, .ctx = ctx, .why = why };
	uint64_t root;

	if (!l->ma_root.present || !l->ma_node.present || !sane(&l->ma_pivot, &l->ma_slot) ||
	    !sane(&l->ma_apivot, &l->ma_aslot))
		return walk_broken(why, err_new(ERR_MISSING, "this kernel has no maple tree that is known"));
	struct err *e = kget(k, tree, &l->ma_root, &root);
	if (e)
		return walk_broken(why, e);
	/* One entry, of index 0, needs no node. */
	if (!is_node(root))
		return visit(&w, 0, 0, root);
	warm_tree(k, root, l->ma_node.size, max, push_children);
	enum walk_end end = walk_node(&w, root, 0, UINT64_MAX, 0);
	addr_set_deinit(&w.seen);
	return end;
}
