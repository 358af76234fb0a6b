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
	LAYOUT_OPT(struct container_layout, ma_root, "maple_tree", "ma_root"),
	LAYOUT_OPT(struct container_layout, ma_node, "maple_node", ""),
	LAYOUT_OPT(struct container_layout, ma_pivot, "maple_range_64", "pivot"),
	LAYOUT_OPT(struct container_layout, ma_slot, "maple_range_64", "slot"),
	LAYOUT_OPT(struct container_layout, ma_apivot, "maple_arange_64", "pivot"),
	LAYOUT_OPT(struct container_layout, ma_aslot, "maple_arange_64", "slot"),
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
		ranges[i] = (struct krange){ { level->nodes.data[i] }, size };
	kprefetch(k, ranges, level->nodes.nr);
	free(ranges);
}

/*
 * The children of a level, each once: nodes may share them, and then every level would be as many times as
 * long as the last one as a node has slots.  False at the end of memory or of `max`.
 */
static bool next_level(struct kernel *k, const struct tree_level *level, size_t max, struct addr_set *seen,
		       struct tree_level *next,
		       bool (*children)(struct kernel *k, uint64_t node, struct tree_level *next))
{
	for (size_t i = 0; i < level->nodes.nr; i++) {
		size_t before = next->nodes.nr, nr = before;

		if (!children(k, level->nodes.data[i], next))
			return false;
		for (size_t n = before; n < next->nodes.nr; n++) {
			uint64_t node = next->nodes.data[n];
			bool is_new = false;
			struct err *e = node ? addr_set_add(seen, node, &is_new) : NULL;

			if (e || seen->nr > max) {
				err_ignore(e);
				return false;
			}
			if (is_new)
				next->nodes.data[nr++] = node;
		}
		next->nodes.nr = nr;
	}
	return true;
}

void warm_tree(struct kernel *k, uint64_t root, size_t size, size_t max,
	       bool (*children)(struct kernel *k, uint64_t node, struct tree_level *next))
{
	enum { MAX_LEVELS = 128 };
	struct tree_level level = { 0 };
	struct addr_set seen = { 0 };
	uint64_t *first = vec_push(&level.nodes);
	bool good = first;

	if (first)
		*first = root;
	for (unsigned int depth = 0; good && depth < MAX_LEVELS && level.nodes.nr; depth++) {
		struct tree_level next = { 0 };

		prefetch_level(k, &level, size);
		good = next_level(k, &level, max, &seen, &next, children);
		free(level.nodes.data);
		level = next;
	}
	free(level.nodes.data);
	addr_set_deinit(&seen);
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
