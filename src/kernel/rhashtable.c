/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct rhashtable, lib/rhashtable.c.  A bucket's word is a pointer with a lock in bit 0, a chain ends in
 * an odd pointer.  While it is resized, entries move one by one from tbl to tbl->future_tbl. A big table
 * that could not be allocated in one piece is nested: a tree of pages with the buckets in the lowest.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/containers-internal.h"

enum {
	PTR = 8,
	MAX_BUCKETS = 4 << 20,
	MAX_TABLES = 8, /* a rehash in progress has two */
	NEST_BITS = 9,	/* log2 of the pointers in a page */
};

struct rht_walk {
	struct kernel *k;
	size_t max, nr;
	struct addr_set seen;	  /* in any table: nothing is handed out twice */
	struct addr_set in_table; /* in this table: a chain that comes back here is a loop */
	bool rhlist;
	walk_fn *fn;
	locked_bucket_fn *locked; /* or NULL */
	void *ctx;
	struct err **why;
	bool future; /* not the first table */
	enum walk_end end; /* the first thing that went wrong; the other chains are still walked */
	bool over;	   /* stopped or capped: nothing more */
};

struct node_list {
	VEC(uint64_t) nodes;
};

static void went_wrong(struct rht_walk *w, enum walk_end end, struct err *e)
{
	if (w->end == WALK_COMPLETE) {
		w->end = end;
		if (e && w->why)
			*w->why = take_ptr(e);
	}
	err_free(e);
}

static void broken(struct rht_walk *w, struct err *e)
{
	went_wrong(w, WALK_BROKEN, e);
}

static void visit(struct rht_walk *w, uint64_t node)
{
	bool is_new;
	struct err *e = addr_set_add(&w->seen, node, &is_new);

	if (e) {
		broken(w, e);
		w->over = true;
		return;
	}
	if (!is_new)
		return;
	if (w->nr == w->max || !w->fn(w->ctx, (struct kva){ node })) {
		went_wrong(w, w->nr == w->max ? WALK_CAPPED : WALK_STOPPED, NULL);
		w->over = true;
		return;
	}
	w->nr++;
}

/* rhltable: behind the entry in the chain hang others of the same key (struct rhlist_head.next). */
static void visit_siblings(struct rht_walk *w, uint64_t node)
{
	for (uint64_t next = node; !w->over;) {
		bool is_new;
		struct err *e = read_link(w->k, next + PTR, &next);

		if (!e && !next)
			return;
		if (!e)
			e = addr_set_add(&w->in_table, next, &is_new);
		if (e) {
			broken(w, e);
			return;
		}
		if (!is_new) {
			went_wrong(w, WALK_LOOP, NULL);
			return;
		}
		visit(w, next);
	}
}

static void prefetch_nodes(struct kernel *k, const struct node_list *list, size_t size)
{
	struct krange *ranges = calloc(list->nodes.nr, sizeof(*ranges));

	if (!ranges)
		return; /* then it takes longer */
	for (size_t i = 0; i < list->nodes.nr; i++)
		ranges[i] = (struct krange){ { list->nodes.data[i] }, size };
	kprefetch(k, ranges, list->nodes.nr);
	free(ranges);
}

/* All chains side by side: the first nodes of all, then the second ones ... */
static void walk_chains(struct rht_walk *w, struct node_list *list)
{
	while (list->nodes.nr && !w->over) {
		size_t left = 0;

		prefetch_nodes(w->k, list, 2 * PTR);
		for (size_t i = 0; i < list->nodes.nr && !w->over; i++) {
			uint64_t node = list->nodes.data[i], next;
			bool is_new;
			struct err *e = read_link(w->k, node, &next);

			if (!e)
				e = addr_set_add(&w->in_table, node, &is_new);
			if (e) {
				broken(w, e);
				continue;
			}
			if (!is_new) {
				went_wrong(w, WALK_LOOP, NULL);
				continue;
			}
			visit(w, node);
			if (w->rhlist)
				visit_siblings(w, node);
			if (!next)
				broken(w, err_new(ERR_CORRUPT, "hash chain ends in NULL at 0x%016"
						  PRIx64, node));
			else if (!(next & 1))
				list->nodes.data[left++] = next;
		}
		list->nodes.nr = left;
	}
}

/*
 * Numbers of the buckets in a part of the table: element i is bucket (or, in the upper pages of a nested table, the
 * low bits of buckets) first + (i << shift).
 */
struct numbers {
	uint64_t first;
	unsigned int shift;
};

static uint64_t number(struct numbers n, size_t i)
{
	return n.first + ((uint64_t)i << n.shift);
}

static struct err *read_words(struct rht_walk *w, uint64_t addr, size_t nr, uint8_t **ret)
{
	*ret = malloc(nr * PTR);
	if (!*ret)
		return &err_nomem;
	return kread(w->k, (struct kva){ addr }, *ret, nr * PTR);
}

/* Collects the first nodes of `nr` buckets that lie at addr. */
static struct err *add_buckets(struct rht_walk *w, uint64_t addr, size_t nr, struct numbers numbers,
			       struct node_list *list)
{
	_cleanup_free_ uint8_t *raw = NULL;

	TRY(read_words(w, addr, nr, &raw));
	for (size_t i = 0; i < nr; i++) {
		uint64_t word = get_le64(raw + i * PTR);

		if (word & 1 && w->locked)
			w->locked(w->ctx, number(numbers, i), (struct kva){ addr + i * PTR }, w->future);
		if (!(word & ~1ull))
			continue;
		uint64_t *slot = vec_push(&list->nodes);
		if (!slot)
			return &err_nomem;
		*slot = word & ~1ull;
	}
	return NULL;
}

/* A page of the tree: `nr` pointers to pages for `size` buckets each, or the buckets themselves. */
static void add_nested(struct rht_walk *w, uint64_t page, size_t nr, size_t size, struct numbers numbers,
		       struct node_list *list)
{
	_cleanup_free_ uint8_t *raw = NULL;
	struct node_list pages = { 0 };
	struct err *e = read_words(w, page, nr, &raw);

	for (size_t i = 0; i < nr && !e; i++) {
		uint64_t *slot = vec_push(&pages.nodes);

		if (slot)
			*slot = get_le64(raw + i * PTR);
		else
			e = &err_nomem;
	}
	if (!e)
		prefetch_nodes(w->k, &pages, PTR << NEST_BITS);
	for (size_t i = 0; i < pages.nodes.nr && !e; i++) {
		uint64_t at = pages.nodes.data[i];
		struct numbers below = { number(numbers, i), numbers.shift + (unsigned int)__builtin_ctzl(nr) };

		if (!at)
			continue;
		if (size > 1u << NEST_BITS) {
			add_nested(w, at, 1u << NEST_BITS, size >> NEST_BITS, below, list);
			continue;
		}
		struct err *one = add_buckets(w, at, size, below, list);
		if (one)
			broken(w, one);
	}
	if (e)
		broken(w, e);
	free(pages.nodes.data);
}

static void walk_table(struct rht_walk *w, struct kva table, struct kva *future)
{
	const struct container_layout *l = w->k->containers;
	struct node_list list = { 0 };
	uint64_t size, nest = 0;
	struct err *e = kget(w->k, table, &l->bkt_size, &size);

	*future = (struct kva){ 0 };
	if (!e && l->bkt_nest.present)
		e = kget(w->k, table, &l->bkt_nest, &nest);
	if (!e)
		e = kget_kva(w->k, table, &l->bkt_future, future);
	if (!e && (!size || size > MAX_BUCKETS || size & (size - 1) || nest > NEST_BITS ||
		   size >> nest == 0))
		e = err_new(ERR_CORRUPT, "bucket_table 0x%016" PRIx64 ": %" PRIu64 " buckets, nest %"
			    PRIu64, table.v, size, nest);

	uint64_t buckets = kmember(table, &l->bkt_buckets).v, top;
	if (!e && !nest)
		e = add_buckets(w, buckets, size, (struct numbers){ 0, 0 }, &list);
	else if (!e && !(e = read_link(w->k, buckets, &top)) && top)
		add_nested(w, top, 1u << nest, size >> nest, (struct numbers){ 0, 0 }, &list);
	if (e)
		broken(w, e);
	walk_chains(w, &list);
	free(list.nodes.data);
	addr_set_deinit(&w->in_table);
}

enum walk_end krhashtable_walk(struct kernel *k, struct kva table, size_t max, walk_fn *fn, void *ctx,
			       struct err **why)
{
	return krhashtable_walk_locks(k, table, max, fn, NULL, ctx, why);
}

enum walk_end krhashtable_walk_locks(struct kernel *k, struct kva table, size_t max, walk_fn *fn,
				     locked_bucket_fn *locked, void *ctx, struct err **why)
{
	struct rht_walk w = { .k = k, .max = max, .fn = fn, .locked = locked, .ctx = ctx, .why = why };
	const struct container_layout *l = k->containers;
	struct kva tbl;
	uint64_t rhlist = 0;

	if (!l->rht_tbl.present || !l->bkt_size.present || !l->bkt_future.present ||
	    !l->bkt_buckets.present)
		return walk_broken(why, err_new(ERR_MISSING, "this kernel has no rhashtable that is "
						"known"));
	struct err *e = kget_kva(k, table, &l->rht_tbl, &tbl);
	if (!e && l->rht_rhlist.present)
		e = kget(k, table, &l->rht_rhlist, &rhlist);
	if (e)
		return walk_broken(why, e);
	w.rhlist = rhlist;

	for (int n = 0; tbl.v && !w.over; n++) {
		struct kva future;

		w.future = n > 0;
		if (n == MAX_TABLES) {
			went_wrong(&w, WALK_LOOP, NULL);
			break;
		}
		walk_table(&w, tbl, &future);
		tbl = future;
	}
	addr_set_deinit(&w.seen);
	return w.end;
}
