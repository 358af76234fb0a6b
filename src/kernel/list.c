/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list_head and hlist: the next pointer is the first word of a node in both. */
#include "config.h"

#include <inttypes.h>

#include "kernel/containers-internal.h"

enum { PTR = 8 };

struct list_walk {
	struct kernel *k;
	size_t max, nr;
	struct addr_set seen;
	walk_fn *fn;
	void *ctx;
	struct err **why;
};

/* Counts and hands out one node whose links have been read; WALK_COMPLETE to go on. */
static enum walk_end visit(struct list_walk *w, uint64_t node)
{
	bool is_new;
	struct err *e;

	if (w->nr == w->max)
		return WALK_CAPPED;
	e = addr_set_add(&w->seen, node, &is_new);
	if (e)
		return walk_broken(w->why, e);
	if (!is_new)
		return WALK_LOOP;
	w->nr++;
	return w->fn(w->ctx, (struct kva){ node }) ? WALK_COMPLETE : WALK_STOPPED;
}

static struct err *bad_link(uint64_t node, const char *what)
{
	return err_new(ERR_CORRUPT, "list node 0x%016" PRIx64 ": %s", node, what);
}

static enum walk_end walk_list(struct list_walk *w, uint64_t head)
{
	uint64_t node, prev = head, next;
	bool suspicious = false;
	struct err *e = read_link(w->k, head, &node);

	if (e)
		return walk_broken(w->why, e);
	while (node != head) {
		uint8_t raw[2 * PTR];

		if (!node)
			return walk_broken(w->why, bad_link(prev, "next is NULL"));
		e = kread(w->k, (struct kva){ node }, raw, sizeof(raw));
		if (e)
			return walk_broken(w->why, e);

		/*
		 * A guest stopped in list_add() or list_del() leaves one prev that is not up to
		 * date; two in a row, and these are no list nodes.
		 */
		bool mismatch = get_le64(raw + PTR) != prev;
		if (mismatch && suspicious)
			return walk_broken(w->why, bad_link(node, "prev does not point back"));
		suspicious = mismatch;

		next = get_le64(raw);
		enum walk_end end = visit(w, node);
		if (end != WALK_COMPLETE)
			return end;
		prev = node;
		node = next;
	}
	return WALK_COMPLETE;
}

enum walk_end klist_walk(struct kernel *k, struct kva head, size_t max, walk_fn *fn, void *ctx,
			 struct err **why)
{
	struct list_walk w = { .k = k, .max = max, .fn = fn, .ctx = ctx, .why = why };
	enum walk_end end = walk_list(&w, head.v);

	addr_set_deinit(&w.seen);
	return end;
}

static enum walk_end walk_hlist(struct list_walk *w, uint64_t head)
{
	uint64_t node, next = 0;
	struct err *e = read_link(w->k, head, &node);

	while (!e && node) {
		/* As a chain of a hash table ends. */
		if (node & 1)
			e = err_new(ERR_CORRUPT, "hlist ends in 0x%016" PRIx64 " instead of NULL", node);
		else
			e = read_link(w->k, node, &next);
		if (e)
			break;
		enum walk_end end = visit(w, node);
		if (end != WALK_COMPLETE)
			return end;
		node = next;
	}
	return e ? walk_broken(w->why, e) : WALK_COMPLETE;
}

enum walk_end khlist_walk(struct kernel *k, struct kva head, size_t max, walk_fn *fn, void *ctx,
			  struct err **why)
{
	struct list_walk w = { .k = k, .max = max, .fn = fn, .ctx = ctx, .why = why };
	enum walk_end end = walk_hlist(&w, head.v);

	addr_set_deinit(&w.seen);
	return end;
}
