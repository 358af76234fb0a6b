/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's containers, walked from outside.  Every walk is bounded, survives loops and broken
 * links, and says how it ended: a guest may be stopped in the middle of an update.
 */
#ifndef FDGDB_CONTAINERS_H
#define FDGDB_CONTAINERS_H

#include "kernel/kernel.h"

enum walk_end {
	WALK_COMPLETE, /* came back to the head, or to the end mark */
	WALK_STOPPED,  /* fn said so */
	WALK_CAPPED,   /* more than `max` nodes */
	WALK_LOOP,     /* a node came twice */
	WALK_BROKEN,   /* a link that cannot be followed; the error is in *why */
};

/* fn gets the address of the node (not of the object around it); false stops the walk. */
typedef bool walk_fn(void *ctx, struct kva node);

/* struct list_head: from head.next until head again.  *why (may be NULL) owns the cause of WALK_BROKEN. */
enum walk_end klist_walk(struct kernel *k, struct kva head, size_t max, walk_fn *fn, void *ctx,
			 struct err **why);

/* struct hlist_head: until NULL. */
enum walk_end khlist_walk(struct kernel *k, struct kva head, size_t max, walk_fn *fn, void *ctx,
			  struct err **why);

/*
 * struct xarray (radix_tree_root is another name of it): fn gets index and entry of each present pointer entry, in the
 * order of indices; value and internal entries are left out.
 */
enum walk_end kxarray_walk(struct kernel *k, struct kva xarray, size_t max,
			   bool (*fn)(void *ctx, uint64_t index, struct kva entry), void *ctx,
			   struct err **why);
/* struct idr: the same of the xarray in it, with idr_base added to the indices. */
enum walk_end kidr_walk(struct kernel *k, struct kva idr, size_t max,
			bool (*fn)(void *ctx, uint64_t id, struct kva entry), void *ctx,
			struct err **why);

/*
 * struct maple_tree: fn gets each range of indices with a pointer for an entry, in their order; numbers and the tree's
 * own marks are left out.
 */
typedef bool maple_fn(void *ctx, uint64_t first, uint64_t last, struct kva entry);
enum walk_end kmaple_walk(struct kernel *k, struct kva tree, size_t max, maple_fn *fn, void *ctx, struct err **why);

/* struct rhashtable: fn gets each object's rhash_head; tables of a resize in progress and nested
 * ones included, no node twice. */
enum walk_end krhashtable_walk(struct kernel *k, struct kva table, size_t max, walk_fn *fn, void *ctx,
			       struct err **why);

/*
 * The same, and `locked` gets each bucket whose lock is held: its number, where its word is, and whether it is
 * in the table that the entries are being moved to.
 */
typedef void locked_bucket_fn(void *ctx, uint64_t bucket, struct kva word, bool future);
enum walk_end krhashtable_walk_locks(struct kernel *k, struct kva table, size_t max, walk_fn *fn,
				     locked_bucket_fn *locked, void *ctx, struct err **why);

/* struct rb_root: in order. */
enum walk_end krbtree_walk(struct kernel *k, struct kva root, size_t max, walk_fn *fn, void *ctx,
			   struct err **why);

/* "task list: capped at 4096 nodes": what to tell about a walk that did not complete. */
const char *walk_end_text(enum walk_end end);

#endif
