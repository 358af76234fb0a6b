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

static size_t addr_slot(const struct addr_set *set, uint64_t addr)
{
	/* Objects are aligned, so the low bits say nothing. */
	size_t slot = (size_t)(addr * 0x9e3779b97f4a7c15 >> 20) & (set->size - 1);

	while (set->slots[slot] && set->slots[slot] != addr)
		slot = (slot + 1) & (set->size - 1);
	return slot;
}

struct err *addr_set_add(struct addr_set *set, uint64_t addr, bool *is_new)
{
	if (set->nr * 2 >= set->size) {
		struct addr_set more = { .nr = set->nr, .size = set->size ? set->size * 2 : 64 };

		more.slots = calloc(more.size, sizeof(*more.slots));
		if (!more.slots)
			return &err_nomem;
		for (size_t i = 0; i < set->size; i++) {
			if (set->slots[i])
				more.slots[addr_slot(&more, set->slots[i])] = set->slots[i];
		}
		free(set->slots);
		*set = more;
	}

	size_t slot = addr_slot(set, addr);
	*is_new = !set->slots[slot];
	if (*is_new) {
		set->slots[slot] = addr;
		set->nr++;
	}
	return NULL;
}

void addr_set_deinit(struct addr_set *set)
{
	free(set->slots);
	*set = (struct addr_set){ 0 };
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
