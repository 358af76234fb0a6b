/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <inttypes.h>

#include "kernel/containers-internal.h"
#include "kernel/internal.h"

/* A red-black tree of n nodes is at most 2 log2(n + 1) high. */
enum { MAX_HEIGHT = 96 };

static struct err *read_node(struct kernel *k, uint64_t addr, uint64_t *left, uint64_t *right)
{
	const struct container_layout *l = k->containers;

	TRY(kget(k, (struct kva){ addr }, &l->rb_left, left));
	return kget(k, (struct kva){ addr }, &l->rb_right, right);
}

static bool push_children(struct kernel *k, uint64_t node, struct tree_level *next)
{
	uint64_t child[2];
	struct err *e = read_node(k, node, &child[0], &child[1]);

	if (e) {
		err_free(e);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(child); i++) {
		uint64_t *n = child[i] ? vec_push(&next->nodes) : NULL;

		if (n)
			*n = child[i];
		else if (child[i])
			return false;
	}
	return true;
}

struct rb_walk {
	struct kernel *k;
	size_t max, nr;
	struct addr_set seen;
	walk_fn *fn;
	void *ctx;
	struct err **why;
};

static enum walk_end walk(struct rb_walk *w, uint64_t root)
{
	struct {
		uint64_t addr, right;
	} stack[MAX_HEIGHT];
	size_t depth = 0;

	for (uint64_t node = root; node || depth;) {
		bool is_new;
		struct err *e;

		if (node) {
			if (depth == MAX_HEIGHT)
				return walk_broken(w->why, err_new(ERR_CORRUPT,
						   "rb_node 0x%016" PRIx64 ": deeper than any tree",
						   node));
			e = addr_set_add(&w->seen, node, &is_new);
			if (!e && !is_new)
				return WALK_LOOP;
			stack[depth].addr = node;
			if (!e)
				e = read_node(w->k, node, &node, &stack[depth].right);
			if (e)
				return walk_broken(w->why, e);
			depth++;
			continue;
		}
		depth--;
		if (w->nr == w->max)
			return WALK_CAPPED;
		w->nr++;
		node = stack[depth].right;
		if (!w->fn(w->ctx, (struct kva){ stack[depth].addr }))
			return WALK_STOPPED;
	}
	return WALK_COMPLETE;
}

enum walk_end krbtree_walk(struct kernel *k, struct kva root, size_t max, walk_fn *fn, void *ctx,
			   struct err **why)
{
	struct rb_walk w = { .k = k, .max = max, .fn = fn, .ctx = ctx, .why = why };
	const struct container_layout *l = k->containers;
	uint64_t node;

	if (!l->rb_root.present || !l->rb_left.present || !l->rb_right.present)
		return walk_broken(why, err_new(ERR_MISSING, "this kernel has no rb_node"));
	struct err *e = kget(k, root, &l->rb_root, &node);
	if (e)
		return walk_broken(why, e);
	if (!node)
		return WALK_COMPLETE;
	warm_tree(k, node, 24, max, push_children);
	enum walk_end end = walk(&w, node);
	addr_set_deinit(&w.seen);
	return end;
}

bool klatch_tree(struct kernel *k, struct kva root, struct kva *tree, uint64_t *node_off)
{
	const struct container_layout *l = k->containers;
	uint64_t seq;

	if (!l->latch_seq.present || !l->latch_tree.present || !l->latch_node.present)
		return false;
	struct err *e = kget(k, root, &l->latch_seq, &seq);
	if (e) {
		err_free(e);
		return false;
	}
	/* The writer changes one after the other and says by the low bit which one to read. */
	tree->v = kmember(root, &l->latch_tree).v + (seq & 1) * (l->latch_tree.size / 2);
	*node_off = (seq & 1) * (l->latch_node.size / 2);
	return true;
}
