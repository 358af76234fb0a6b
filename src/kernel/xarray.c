/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct xarray, include/linux/xarray.h.  An entry's low bits tell: 00 a pointer, x1 a value, 10 internal:
 * above 4096 a node, else a sibling (of an entry that spans several slots), retry or zero entry.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "kernel/containers-internal.h"

enum {
	MAX_SLOTS = 64, /* XA_CHUNK_SIZE; 16 with CONFIG_BASE_SMALL */
	SLOT = 8,
};

struct xa_walk {
	struct kernel *k;
	size_t max, nr;		  /* entries */
	size_t max_nodes;
	struct addr_set seen;	  /* nodes */
	unsigned int chunk_shift; /* log2 of the slots per node */
	uint64_t base;		  /* added to all indices */
	bool (*fn)(void *ctx, uint64_t index, struct kva entry);
	void *ctx;
	struct err **why;
};

struct xa_node {
	unsigned int shift;
	uint64_t slots[MAX_SLOTS];
};

static bool is_node(uint64_t entry)
{
	return (entry & 3) == 2 && entry > 4096;
}

static bool is_pointer(uint64_t entry)
{
	return entry && (entry & 3) == 0;
}

static struct err *read_node(struct kernel *k, uint64_t addr, struct xa_node *ret)
{
	const struct container_layout *l = k->containers;
	uint64_t shift;

	TRY(kget(k, (struct kva){ addr }, &l->xa_shift, &shift));
	TRY(kread(k, kmember((struct kva){ addr }, &l->xa_slots), ret->slots,
		  (size_t)l->xa_slots.nr * SLOT));
	ret->shift = (unsigned int)shift;
	for (uint32_t i = 0; i < l->xa_slots.nr; i++)
		ret->slots[i] = get_le64(&ret->slots[i]);
	return NULL;
}

static bool push_children(struct kernel *k, uint64_t node, struct tree_level *next)
{
	struct xa_node n;
	struct err *e = read_node(k, node, &n);

	if (e) {
		err_free(e);
		return true;
	}
	if (!n.shift)
		return true; /* a leaf: what it points to is the caller's */
	for (uint32_t i = 0; i < k->containers->xa_slots.nr; i++) {
		if (!is_node(n.slots[i]))
			continue;
		uint64_t *child = vec_push(&next->nodes);
		if (!child)
			return false;
		*child = n.slots[i] - 2;
	}
	return true;
}

static enum walk_end visit(struct xa_walk *w, uint64_t index, uint64_t entry)
{
	if (w->nr == w->max)
		return WALK_CAPPED;
	w->nr++;
	return w->fn(w->ctx, w->base + index, (struct kva){ entry }) ? WALK_COMPLETE : WALK_STOPPED;
}

static enum walk_end walk_node(struct xa_walk *w, uint64_t addr, uint64_t index, int want_shift)
{
	struct xa_node *n = malloc(sizeof(*n)); /* eleven levels would be much for a fiber's stack */
	enum walk_end end = WALK_COMPLETE;
	bool is_new = true;

	if (!n)
		return walk_broken(w->why, &err_nomem);
	struct err *e = read_node(w->k, addr, n);
	/* Each level's shift follows from the one above, so a node cannot be below itself. */
	if (!e && (n->shift >= 64 || n->shift % w->chunk_shift ||
		   (want_shift >= 0 && n->shift != (unsigned int)want_shift)))
		e = err_new(ERR_CORRUPT, "xa_node 0x%016" PRIx64 ": shift is %u", addr, n->shift);
	/* But nodes that share one below them would have it walked as often as there are ways to it. */
	if (!e)
		e = addr_set_add(&w->seen, addr, &is_new);
	if (e)
		end = walk_broken(w->why, e);
	else if (!is_new)
		end = WALK_LOOP;
	else if (w->seen.nr > w->max_nodes)
		end = WALK_CAPPED;

	for (uint32_t i = 0; end == WALK_COMPLETE && i < w->k->containers->xa_slots.nr; i++) {
		uint64_t at = index + ((uint64_t)i << n->shift), entry = n->slots[i];

		/* The topmost node has more slots than 64 bits of index. */
		if ((uint64_t)i << n->shift >> n->shift != i)
			break;
		if (is_pointer(entry)) {
			end = visit(w, at, entry);
		} else if (is_node(entry)) {
			if (n->shift)
				end = walk_node(w, entry - 2, at, (int)(n->shift - w->chunk_shift));
			else
				end = walk_broken(w->why, err_new(ERR_CORRUPT, "xa_node 0x%016"
						  PRIx64 ": a node below the lowest", addr));
		}
	}
	free(n);
	return end;
}

static struct err *prepare(struct xa_walk *w)
{
	const struct container_layout *l = w->k->containers;

	if (!l->xa_head.present || !l->xa_node.present || !l->xa_shift.present ||
	    !l->xa_slots.present)
		return err_new(ERR_MISSING, "this kernel has no xarray that is known");
	uint32_t nr = l->xa_slots.nr;
	if (nr < 2 || nr > MAX_SLOTS || nr & (nr - 1))
		return err_new(ERR_CORRUPT, "xa_node has %" PRIu32 " slots", nr);
	while (1u << w->chunk_shift < nr)
		w->chunk_shift++;
	return NULL;
}

static enum walk_end walk(struct xa_walk *w, struct kva xarray)
{
	uint64_t head;
	struct err *e = prepare(w);

	if (!e)
		e = kget(w->k, xarray, &w->k->containers->xa_head, &head);
	if (e)
		return walk_broken(w->why, e);
	if (is_pointer(head))
		return visit(w, 0, head);
	if (!is_node(head))
		return WALK_COMPLETE;

	uint64_t shift;
	e = kget(w->k, (struct kva){ head - 2 }, &w->k->containers->xa_shift, &shift);
	if (e)
		return walk_broken(w->why, e);
	/* No node is without entries, so there are no more than one per entry and level. */
	if (mul_overflows(w->max, MIN(shift, (uint64_t)64) / w->chunk_shift + 1, &w->max_nodes))
		w->max_nodes = SIZE_MAX;
	warm_tree(w->k, head - 2, w->k->containers->xa_node.size, w->max_nodes, push_children);
	enum walk_end end = walk_node(w, head - 2, 0, -1);
	addr_set_deinit(&w->seen);
	return end;
}

enum walk_end kxarray_walk(struct kernel *k, struct kva xarray, size_t max,
			   bool (*fn)(void *ctx, uint64_t index, struct kva entry), void *ctx,
			   struct err **why)
{
	struct xa_walk w = { .k = k, .max = max, .fn = fn, .ctx = ctx, .why = why };

	return walk(&w, xarray);
}

enum walk_end kidr_walk(struct kernel *k, struct kva idr, size_t max,
			bool (*fn)(void *ctx, uint64_t id, struct kva entry), void *ctx,
			struct err **why)
{
	struct xa_walk w = { .k = k, .max = max, .fn = fn, .ctx = ctx, .why = why };
	const struct container_layout *l = k->containers;

	if (!l->idr_rt.present)
		return walk_broken(why, err_new(ERR_MISSING, "this kernel has no idr"));
	if (l->idr_base.present) {
		struct err *e = kget(k, idr, &l->idr_base, &w.base);

		if (e)
			return walk_broken(why, e);
	}
	return walk(&w, kmember(idr, &l->idr_rt));
}
