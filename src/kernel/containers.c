/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/containers-internal.h"

#include <stdlib.h>

#include "kernel/internal.h"

/* All optional here: a kernel that lacks one is told to whoever walks such a container. */
static const struct layout_member members[] = {
	LAYOUT_OPT(struct container_layout, xa_head, "xarray", "xa_head"),
	LAYOUT_OPT(struct container_layout, xa_node, "xa_node", ""),
	LAYOUT_OPT(struct container_layout, xa_shift, "xa_node", "shift"),
	LAYOUT_OPT(struct container_layout, xa_slots, "xa_node", "slots"),
	LAYOUT_OPT(struct container_layout, idr_rt, "idr", "idr_rt"),
	LAYOUT_OPT(struct container_layout, idr_base, "idr", "idr_base"),
	LAYOUT_OPT(struct container_layout, rht_tbl, "rhashtable", "tbl"),
	LAYOUT_OPT(struct container_layout, rht_rhlist, "rhashtable", "rhlist"),
	LAYOUT_OPT(struct container_layout, bkt, "bucket_table", ""),
	LAYOUT_OPT(struct container_layout, bkt_size, "bucket_table", "size"),
	LAYOUT_OPT(struct container_layout, bkt_nest, "bucket_table", "nest"),
	LAYOUT_OPT(struct container_layout, bkt_future, "bucket_table", "future_tbl"),
	LAYOUT_OPT(struct container_layout, bkt_buckets, "bucket_table", "buckets"),
	LAYOUT_OPT(struct container_layout, rb_root, "rb_root", "rb_node"),
	LAYOUT_OPT(struct container_layout, rb_left, "rb_node", "rb_left"),
	LAYOUT_OPT(struct container_layout, rb_right, "rb_node", "rb_right"),
	LAYOUT_OPT(struct container_layout, latch_seq, "latch_tree_root", "seq.seqcount.sequence"),
	LAYOUT_OPT(struct container_layout, latch_tree, "latch_tree_root", "tree"),
	LAYOUT_OPT(struct container_layout, latch_node, "latch_tree_node", "node"),
};

struct err *containers_create(const struct kernel *k, struct container_layout **ret)
{
	struct container_layout *l = calloc(1, sizeof(*l));

	if (!l)
		return &err_nomem;
	struct err *e = klayout(k, members, ARRAY_SIZE(members), l, NULL);
	if (e) {
		free(l);
		return e;
	}
	*ret = l;
	return NULL;
}

void containers_destroy(struct container_layout *l)
{
	free(l);
}

struct err *read_link(struct kernel *k, uint64_t addr, uint64_t *ret)
{
	return kread_u64(k, (struct kva){ addr }, ret);
}

static void prefetch_level(struct kernel *k, const struct tree_level *level, size_t size)
{
	struct krange *ranges = calloc(level->nodes.nr, sizeof(*ranges));

	if (!ranges)
		return; /* then it takes longer */
	for (size_t i = 0; i < level->nodes.nr; i++)
		ranges[i] = (struct krange){ { level->nodes.data[i].addr }, size };
	kprefetch(k, ranges, level->nodes.nr);
	free(ranges);
}

void warm_tree(struct kernel *k, uint64_t root, size_t size, size_t max,
	       bool (*children)(struct kernel *k, const struct tree_node *node,
				struct tree_level *next))
{
	enum { MAX_LEVELS = 128 };
	struct tree_level level = { 0 };
	size_t seen = 1;

	struct tree_node *first = vec_push(&level.nodes);
	if (!first)
		return;
	first->addr = root;

	for (unsigned int depth = 0; depth < MAX_LEVELS && level.nodes.nr; depth++) {
		struct tree_level next = { 0 };
		bool good = true;

		prefetch_level(k, &level, size);
		for (size_t i = 0; good && i < level.nodes.nr; i++) {
			level.nodes.data[i].level = depth;
			good = children(k, &level.nodes.data[i], &next);
		}
		free(level.nodes.data);
		level = next;
		seen += next.nodes.nr;
		if (!good || seen > max)
			break;
	}
	free(level.nodes.data);
}

const char *walk_end_text(enum walk_end end)
{
	switch (end) {
	case WALK_COMPLETE:
		return "complete";
	case WALK_STOPPED:
		return "stopped";
	case WALK_CAPPED:
		return "cut at the limit of nodes";
	case WALK_LOOP:
		return "a node comes twice";
	case WALK_BROKEN:
		return "a link cannot be followed";
	}
	return "?";
}
