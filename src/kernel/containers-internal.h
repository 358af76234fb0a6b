/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the container walks share. */
#ifndef FDGDB_CONTAINERS_INTERNAL_H
#define FDGDB_CONTAINERS_INTERNAL_H

#include "base/addr-set.h"
#include "base/vec.h"
#include "kernel/containers.h"

struct container_layout {
	struct member xa_head, xa_node, xa_shift, xa_slots;
	struct member idr_rt, idr_base;
	struct member rht_tbl, rht_rhlist;
	struct member bkt, bkt_size, bkt_nest, bkt_future, bkt_buckets;
	struct member rb_root, rb_left, rb_right;
	struct member ma_root, ma_node, ma_pivot, ma_slot, ma_apivot, ma_aslot;
	struct member latch_seq, latch_tree, latch_node;
};

/* Ends a walk as broken: hands the cause to *why, or drops it. */
static inline enum walk_end walk_broken(struct err **why, struct err *e)
{
	if (why)
		*why = e;
	else
		err_free(e);
	return WALK_BROKEN;
}

/* Reads a pointer that lies at addr. */
struct err *read_link(struct kernel *k, uint64_t addr, uint64_t *ret) MUST_CHECK;

/*
 * Brings a tree into the cache level by level, so that walking it in order afterwards costs no
 * round trip per node.  children() reads a node of `size` bytes and pushes the addresses it refers to;
 * what cannot be read is left to the walk itself to complain about.  Ends after `max` nodes.
 */
struct tree_level {
	VEC(uint64_t) nodes;
};
void warm_tree(struct kernel *k, uint64_t root, size_t size, size_t max,
	       bool (*children)(struct kernel *k, uint64_t node, struct tree_level *next));

#endif
