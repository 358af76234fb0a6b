/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "guest-image.h"
#include "kernel/containers-internal.h"
#include "kernel/internal.h"

static const uint64_t base = 0xffff888000000000;

enum {
	ARENA = 8 << 20,
	XA_SHIFT = 0, XA_SLOTS = 40, /* as on x86-64 */
	IDR_BASE = 16,
	RHT_TBL = 0, RHT_RHLIST = 8,
	/* struct maple_tree, maple_range_64, maple_arange_64 */
	MA_ROOT = 8, MA_PIVOT = 8, MA_SLOT = 128, MA_ASLOT = 80,
	BKT_SIZE = 0, BKT_NEST = 4, BKT_FUTURE = 48, BKT_BUCKETS = 64,
};

struct env {
	struct guest_image *img;
	struct mem *mem;
	struct kernel *k;
	uint64_t next;
	uint64_t nodes[8192];
	uint64_t indices[8192], lasts[8192];
	size_t nr, nr_locked, stop_at;
	struct err *why;
};

static struct member at(uint32_t off, uint32_t size, uint32_t nr)
{
	return (struct member){ .present = true, .off = off, .size = size, .nr = nr };
}

static struct env *env_new(void)
{
	struct env *v = calloc(1, sizeof(*v));
	struct container_layout *l = calloc(1, sizeof(*l));

	v->img = image_new(1, 4);
	image_alloc(v->img, base, ARENA, PG_WRITE);
	v->next = base;
	ASSERT_OK(mem_create(&v->img->ft->t, &v->mem));
	ASSERT_OK(kernel_new(&v->img->ft->t, v->mem, &arch_x86_64, &v->img->pt, &v->k));
	l->xa_head = at(8, 8, 0);
	l->xa_node = at(0, 576, 0);
	l->xa_shift = at(XA_SHIFT, 1, 0);
	l->xa_slots = at(XA_SLOTS, 512, 64);
	l->idr_rt = at(0, 16, 0);
	l->idr_base = at(IDR_BASE, 4, 0);
	l->rht_tbl = at(RHT_TBL, 8, 0);
	l->rht_rhlist = at(RHT_RHLIST, 1, 0);
	l->bkt_size = at(BKT_SIZE, 4, 0);
	l->bkt_nest = at(BKT_NEST, 4, 0);
	l->bkt_future = at(BKT_FUTURE, 8, 0);
	l->bkt_buckets = at(BKT_BUCKETS, 0, 0);
	l->ma_root = at(MA_ROOT, 8, 0);
	l->ma_node = at(0, 256, 0);
	l->ma_pivot = at(MA_PIVOT, 120, 15);
	l->ma_slot = at(MA_SLOT, 128, 16);
	l->ma_apivot = at(MA_PIVOT, 72, 9);
	l->ma_aslot = at(MA_ASLOT, 80, 10);
	l->rb_root = at(0, 8, 0);
	l->rb_right = at(8, 8, 0);
	l->rb_left = at(16, 8, 0);
	v->k->containers = l;
	return v;
}

static void env_free(struct env *v)
{
	err_free(v->why);
	kernel_destroy(v->k);
	mem_destroy(v->mem);
	image_free(v->img);
	free(v);
}

static uint64_t alloc(struct env *v, size_t len)
{
	uint64_t p = v->next;

	v->next += align_up(len, 64);
	if (v->next > base + ARENA)
		abort();
	return p;
}

static void put(struct env *v, uint64_t va, uint64_t value)
{
	image_put64(v->img, va, value);
}

static bool on_node(void *ctx, struct kva node)
{
	struct env *v = ctx;

	v->nodes[v->nr++] = node.v;
	return v->nr != v->stop_at;
}

static bool on_entry(void *ctx, uint64_t index, struct kva entry)
{
	struct env *v = ctx;

	v->indices[v->nr] = index;
	return on_node(ctx, entry);
}

/* ---- list_head: node i is at nodes + 64 i, the head at 0 */

static uint64_t make_list(struct env *v, size_t nr)
{
	uint64_t head = alloc(v, 64 * (nr + 1));

	for (size_t i = 0; i <= nr; i++) {
		put(v, head + 64 * i, head + 64 * ((i + 1) % (nr + 1)));
		put(v, head + 64 * i + 8, head + 64 * ((i + nr) % (nr + 1)));
	}
	return head;
}

static enum walk_end list(struct env *v, uint64_t head, size_t max)
{
	v->nr = 0;
	return klist_walk(v->k, (struct kva){ head }, max, on_node, v, &v->why);
}

static void test_list(void)
{
	struct env *v = env_new();
	uint64_t empty = make_list(v, 0), head = make_list(v, 5);

	CU_ASSERT_EQUAL(list(v, empty, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 0);
	CU_ASSERT_EQUAL(list(v, head, 5), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 5);
	CU_ASSERT_EQUAL(v->nodes[4], head + 64 * 5);
	CU_ASSERT_EQUAL(list(v, head, 4), WALK_CAPPED);
	CU_ASSERT_EQUAL(v->nr, 4);
	v->stop_at = 2;
	CU_ASSERT_EQUAL(list(v, head, 10), WALK_STOPPED);
	CU_ASSERT_EQUAL(v->nr, 2);
	env_free(v);
}

static void test_list_damaged(void)
{
	struct env *v = env_new();
	uint64_t head = make_list(v, 8);

	/* Node 4 leads back to node 2, not to the head. */
	put(v, head + 64 * 4, head + 64 * 2);
	CU_ASSERT_EQUAL(list(v, head, 100), WALK_LOOP);
	CU_ASSERT_EQUAL(v->nr, 4);
	env_free(v);

	v = env_new();
	head = make_list(v, 8);
	put(v, head + 64 * 3, 0xdead000000000100); /* LIST_POISON1 */
	CU_ASSERT_EQUAL(list(v, head, 100), WALK_BROKEN);
	CU_ASSERT_EQUAL(v->nr, 3);
	CU_ASSERT_EQUAL(v->why->code, ERR_FAULT);
	CU_ASSERT_EQUAL(v->why->addr, 0xdead000000000100);
	env_free(v);

	v = env_new();
	head = make_list(v, 8);
	put(v, head + 64 * 3, 0);
	CU_ASSERT_EQUAL(list(v, head, 100), WALK_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "NULL"));
	env_free(v);

	/* Stopped in list_add(): one prev points elsewhere, and that is all. */
	v = env_new();
	head = make_list(v, 8);
	put(v, head + 64 * 3 + 8, head + 64 * 20);
	CU_ASSERT_EQUAL(list(v, head, 100), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 8);
	env_free(v);

	v = env_new();
	head = make_list(v, 8);
	put(v, head + 64 * 3 + 8, 1);
	put(v, head + 64 * 4 + 8, 1);
	CU_ASSERT_EQUAL(list(v, head, 100), WALK_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "point back"));
	CU_ASSERT_EQUAL(v->nr, 3);
	env_free(v);
}

static void test_hlist(void)
{
	struct env *v = env_new();
	uint64_t head = alloc(v, 64 * 4);

	for (size_t i = 0; i < 3; i++)
		put(v, head + 64 * i, head + 64 * (i + 1));
	CU_ASSERT_EQUAL(khlist_walk(v->k, (struct kva){ head }, 10, on_node, v, &v->why),
			WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 3);
	env_free(v);

	/* It ends as a bucket of a hash table does. */
	v = env_new();
	head = alloc(v, 64 * 4);
	for (size_t i = 0; i < 3; i++)
		put(v, head + 64 * i, head + 64 * (i + 1));
	put(v, head + 64 * 3, 77 << 1 | 1);
	CU_ASSERT_EQUAL(khlist_walk(v->k, (struct kva){ head }, 10, on_node, v, &v->why),
			WALK_BROKEN);
	CU_ASSERT_EQUAL(v->nr, 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "instead of NULL"));
	env_free(v);

	v = env_new();
	head = alloc(v, 64 * 4);
	put(v, head, head + 64);
	put(v, head + 64, head + 128);
	put(v, head + 128, head + 64);
	CU_ASSERT_EQUAL(khlist_walk(v->k, (struct kva){ head }, 10, on_node, v, &v->why), WALK_LOOP);
	CU_ASSERT_EQUAL(v->nr, 2);
	env_free(v);
}

/* ---- xarray */

static uint64_t xa_node(struct env *v, unsigned int shift)
{
	uint64_t n = alloc(v, 576);
	uint8_t s = (uint8_t)shift;

	image_write(v->img, n + XA_SHIFT, &s, 1);
	return n;
}

static void xa_slot(struct env *v, uint64_t node, unsigned int i, uint64_t entry)
{
	put(v, node + XA_SLOTS + 8 * i, entry);
}

static enum walk_end xarray(struct env *v, uint64_t xa, size_t max)
{
	v->nr = 0;
	return kidr_walk(v->k, (struct kva){ xa }, max, on_entry, v, &v->why);
}

static void test_xarray(void)
{
	struct env *v = env_new();
	uint64_t xa = alloc(v, 64);

	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 0);
	env_free(v);

	v = env_new();
	xa = alloc(v, 64);
	put(v, xa + 8, base + 0x100);
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 1);
	CU_ASSERT_EQUAL(v->indices[0], 0);
	CU_ASSERT_EQUAL(v->nodes[0], base + 0x100);
	env_free(v);

	/* Three levels: 5, 64 * 64 * 3 + 64 * 2 + 1, a multi-slot entry at the middle level. */
	v = env_new();
	xa = alloc(v, 64);
	uint64_t top = xa_node(v, 12), mid0 = xa_node(v, 6), mid3 = xa_node(v, 6),
		 leaf0 = xa_node(v, 0), leaf3 = xa_node(v, 0);
	put(v, xa + 8, top + 2);
	xa_slot(v, top, 0, mid0 + 2);
	xa_slot(v, top, 3, mid3 + 2);
	xa_slot(v, mid0, 0, leaf0 + 2);
	xa_slot(v, mid0, 4, base + 0x400);	/* spans slots 4 and 5 */
	xa_slot(v, mid0, 5, 4 << 2 | 2);	/* sibling of 4 */
	xa_slot(v, mid3, 2, leaf3 + 2);
	xa_slot(v, leaf0, 5, base + 0x500);
	xa_slot(v, leaf0, 6, 7 << 1 | 1);	/* value */
	xa_slot(v, leaf0, 7, 0x402);		/* retry */
	xa_slot(v, leaf0, 8, 0x406);		/* zero entry */
	xa_slot(v, leaf3, 1, base + 0x600);
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL_FATAL(v->nr, 3);
	CU_ASSERT_EQUAL(v->indices[0], 5);
	CU_ASSERT_EQUAL(v->indices[1], 64 * 4);
	CU_ASSERT_EQUAL(v->indices[2], 4096 * 3 + 64 * 2 + 1);
	CU_ASSERT_EQUAL(v->nodes[2], base + 0x600);
	CU_ASSERT_EQUAL(xarray(v, xa, 2), WALK_CAPPED);
	CU_ASSERT_EQUAL(v->nr, 2);
	v->stop_at = 1;
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_STOPPED);
	env_free(v);
}

static void test_idr(void)
{
	struct env *v = env_new();
	uint64_t idr = alloc(v, 64), leaf = xa_node(v, 0);

	put(v, idr + 8, leaf + 2);
	image_put32(v->img, idr + IDR_BASE, 1);
	xa_slot(v, leaf, 0, base + 0x100);
	xa_slot(v, leaf, 63, base + 0x200);
	CU_ASSERT_EQUAL(kidr_walk(v->k, (struct kva){ idr }, 10, on_entry, v, &v->why),
			WALK_COMPLETE);
	CU_ASSERT_EQUAL_FATAL(v->nr, 2);
	CU_ASSERT_EQUAL(v->indices[0], 1);
	CU_ASSERT_EQUAL(v->indices[1], 64);
	env_free(v);
}

static void test_xarray_damaged(void)
{
	struct env *v = env_new();
	uint64_t xa = alloc(v, 64), top = xa_node(v, 6);

	/* A node in itself. */
	put(v, xa + 8, top + 2);
	xa_slot(v, top, 1, top + 2);
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "shift"));
	env_free(v);

	v = env_new();
	xa = alloc(v, 64);
	top = xa_node(v, 0);
	put(v, xa + 8, top + 2);
	xa_slot(v, top, 1, top + 2);
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_BROKEN);
	env_free(v);

	v = env_new();
	xa = alloc(v, 64);
	put(v, xa + 8, xa_node(v, 200) + 2);
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_BROKEN);
	env_free(v);

	v = env_new();
	xa = alloc(v, 64);
	put(v, xa + 8, 0xffff900000000002);
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_BROKEN);
	CU_ASSERT_EQUAL(v->why->code, ERR_FAULT);
	env_free(v);

	/* Bits that an index of 64 does not have. */
	v = env_new();
	xa = alloc(v, 64);
	top = xa_node(v, 60);
	put(v, xa + 8, top + 2);
	xa_slot(v, top, 40, base + 0x100);
	CU_ASSERT_EQUAL(xarray(v, xa, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 0);
	env_free(v);
}

/* A tree of six levels without an entry, in which all slots of a node lead to the same one. */
static void test_xarray_shared(void)
{
	enum { LEVELS = 6 };
	struct env *v = env_new();
	uint64_t xa = alloc(v, 64), node[LEVELS];

	for (unsigned int i = 0; i < LEVELS; i++)
		node[i] = xa_node(v, 6 * (LEVELS - 1 - i));
	put(v, xa + 8, node[0] + 2);
	for (unsigned int i = 0; i + 1 < LEVELS; i++) {
		for (unsigned int slot = 0; slot < 64; slot++)
			xa_slot(v, node[i], slot, node[i + 1] + 2);
	}
	CU_ASSERT_EQUAL(xarray(v, xa, 1 << 18), WALK_LOOP);
	CU_ASSERT_EQUAL(v->nr, 0);
	CU_ASSERT(v->img->ft->reads < 100);
	env_free(v);

	/* All different, and still nothing in it: no kernel makes such a tree. */
	v = env_new();
	xa = alloc(v, 64);
	node[0] = xa_node(v, 12);
	put(v, xa + 8, node[0] + 2);
	for (unsigned int i = 0; i < 64; i++) {
		node[1] = xa_node(v, 6);
		xa_slot(v, node[0], i, node[1] + 2);
		for (unsigned int slot = 0; slot < 64; slot++)
			xa_slot(v, node[1], slot, xa_node(v, 0) + 2);
	}
	CU_ASSERT_EQUAL(xarray(v, xa, 100), WALK_CAPPED);
	CU_ASSERT_EQUAL(v->nr, 0);
	env_free(v);
}

/* One round trip per level, not per node. */
static void test_xarray_batches(void)
{
	struct env *v = env_new();
	uint64_t xa = alloc(v, 64), top = xa_node(v, 12);

	put(v, xa + 8, top + 2);
	for (unsigned int i = 0; i < 32; i++) {
		v->next = align_up(v->next, PAGE_SIZE);
		uint64_t mid = xa_node(v, 6);

		xa_slot(v, top, i, mid + 2);
		for (unsigned int j = 0; j < 4; j++) {
			v->next = align_up(v->next, PAGE_SIZE);
			uint64_t leaf = xa_node(v, 0);

			xa_slot(v, mid, j, leaf + 2);
			xa_slot(v, leaf, 9, base + 0x100);
		}
	}
	CU_ASSERT_EQUAL(xarray(v, xa, 1000), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 32 * 4);
	CU_ASSERT(v->img->ft->batches < 20);
	env_free(v);
}

/* ---- rbtree: a balanced tree of nodes at 64 i */

static uint64_t rb_build(struct env *v, uint64_t nodes, size_t lo, size_t hi)
{
	if (lo >= hi)
		return 0;
	size_t mid = lo + (hi - lo) / 2;
	uint64_t n = nodes + 64 * mid;

	put(v, n + 16, rb_build(v, nodes, lo, mid));
	put(v, n + 8, rb_build(v, nodes, mid + 1, hi));
	return n;
}

static enum walk_end rbtree(struct env *v, uint64_t root, size_t max)
{
	v->nr = 0;
	return krbtree_walk(v->k, (struct kva){ root }, max, on_node, v, &v->why);
}

static void test_rbtree(void)
{
	struct env *v = env_new();
	uint64_t root = alloc(v, 64), nodes = alloc(v, 64 * 1000);

	CU_ASSERT_EQUAL(rbtree(v, root, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 0);
	env_free(v);

	v = env_new();
	root = alloc(v, 64);
	nodes = alloc(v, 64 * 1000);
	put(v, root, rb_build(v, nodes, 0, 1000));
	CU_ASSERT_EQUAL(rbtree(v, root, 1000), WALK_COMPLETE);
	CU_ASSERT_EQUAL_FATAL(v->nr, 1000);
	size_t wrong = 0;
	for (size_t i = 0; i < 1000; i++)
		wrong += v->nodes[i] != nodes + 64 * i;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(rbtree(v, root, 999), WALK_CAPPED);
	v->stop_at = 3;
	CU_ASSERT_EQUAL(rbtree(v, root, 1000), WALK_STOPPED);
	env_free(v);

	v = env_new();
	root = alloc(v, 64);
	nodes = alloc(v, 64 * 100);
	put(v, root, rb_build(v, nodes, 0, 100));
	put(v, nodes + 64 * 99 + 8, nodes);
	CU_ASSERT_EQUAL(rbtree(v, root, 1000), WALK_LOOP);
	put(v, nodes + 64 * 99 + 8, 0x1234567890);
	env_free(v);

	/* A list of left children is no red-black tree. */
	v = env_new();
	root = alloc(v, 64);
	nodes = alloc(v, 64 * 500);
	put(v, root, nodes);
	for (size_t i = 0; i < 499; i++)
		put(v, nodes + 64 * i + 16, nodes + 64 * (i + 1));
	CU_ASSERT_EQUAL(rbtree(v, root, 1000), WALK_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "deeper"));
	env_free(v);
}

/* ---- rhashtable */

static uint64_t rht_table(struct env *v, uint32_t size, uint32_t nest)
{
	uint64_t t = alloc(v, BKT_BUCKETS + 8 * (nest ? 1 : (size_t)size));

	image_put32(v->img, t + BKT_SIZE, size);
	image_put32(v->img, t + BKT_NEST, nest);
	return t;
}

/* A chain of nr nodes from `where` on, ended by bucket i's mark. */
static uint64_t rht_chain(struct env *v, uint64_t where, size_t nr, uint64_t bucket)
{
	uint64_t first = alloc(v, 64 * nr);

	put(v, where, first);
	for (size_t i = 0; i < nr; i++)
		put(v, first + 64 * i, i + 1 < nr ? first + 64 * (i + 1) : bucket << 1 | 1);
	return first;
}

static enum walk_end rht(struct env *v, uint64_t table, size_t max)
{
	v->nr = 0;
	return krhashtable_walk(v->k, (struct kva){ table }, max, on_node, v, &v->why);
}

static void test_rhashtable(void)
{
	struct env *v = env_new();
	uint64_t ht = alloc(v, 64), t = rht_table(v, 64, 0);

	CU_ASSERT_EQUAL(rht(v, ht, 10), WALK_COMPLETE); /* not set up: tbl is NULL */
	env_free(v);

	v = env_new();
	ht = alloc(v, 64);
	t = rht_table(v, 64, 0);
	put(v, ht, t);
	rht_chain(v, t + BKT_BUCKETS, 1, 0);
	uint64_t second = rht_chain(v, t + BKT_BUCKETS + 8 * 63, 5, 63);
	put(v, t + BKT_BUCKETS + 8 * 63, second | 1); /* locked */
	CU_ASSERT_EQUAL(rht(v, ht, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 6);
	CU_ASSERT_EQUAL(rht(v, ht, 5), WALK_CAPPED);
	CU_ASSERT_EQUAL(v->nr, 5);
	v->stop_at = 2;
	CU_ASSERT_EQUAL(rht(v, ht, 10), WALK_STOPPED);
	env_free(v);
}

/* Stopped in a resize: the last entry of an old chain has just been linked into the new table. */
static void test_rhashtable_resize(void)
{
	struct env *v = env_new();
	uint64_t ht = alloc(v, 64), old = rht_table(v, 4, 0), new = rht_table(v, 8, 0);

	put(v, ht, old);
	put(v, old + BKT_FUTURE, new);
	uint64_t chain = rht_chain(v, old + BKT_BUCKETS, 3, 0);
	rht_chain(v, new + BKT_BUCKETS + 8, 2, 1);
	put(v, new + BKT_BUCKETS + 8 * 2, chain + 64 * 2);
	CU_ASSERT_EQUAL(rht(v, ht, 100), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 5);
	env_free(v);

	v = env_new();
	ht = alloc(v, 64);
	old = rht_table(v, 4, 0);
	put(v, ht, old);
	put(v, old + BKT_FUTURE, old);
	rht_chain(v, old + BKT_BUCKETS, 3, 0);
	CU_ASSERT_EQUAL(rht(v, ht, 100), WALK_LOOP);
	CU_ASSERT_EQUAL(v->nr, 3);
	env_free(v);
}

/* lib/rhashtable.c, nested_bucket_table_alloc(): nest = (ilog2(size) - 1) % 9 + 1. */
static void test_rhashtable_nested(void)
{
	struct env *v = env_new();
	/* 2^11 buckets: nest 2, so 4 pointers on top, below each 512 buckets. */
	uint64_t ht = alloc(v, 64), t = rht_table(v, 1 << 11, 2);
	uint64_t top = alloc(v, 4096), page = alloc(v, 4096);

	put(v, ht, t);
	put(v, t + BKT_BUCKETS, top);
	put(v, top + 8 * 3, page);
	rht_chain(v, page, 2, 3);
	rht_chain(v, page + 8 * 511, 1, 2047);
	CU_ASSERT_EQUAL(rht(v, ht, 100), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 3);
	env_free(v);

	/* 2^20 buckets: nest 2, then 512 pointers, then 512 buckets. */
	v = env_new();
	ht = alloc(v, 64);
	t = rht_table(v, 1 << 20, 2);
	top = alloc(v, 4096);
	uint64_t mid = alloc(v, 4096);
	page = alloc(v, 4096);
	put(v, ht, t);
	put(v, t + BKT_BUCKETS, top);
	put(v, top, mid);
	put(v, mid + 8 * 100, page);
	rht_chain(v, page + 8 * 7, 4, 1);
	CU_ASSERT_EQUAL(rht(v, ht, 100), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 4);
	env_free(v);
}

/* Buckets whose lock was held; which of them, in v->indices. */
static void on_locked(void *ctx, uint64_t bucket, struct kva word, bool future)
{
	struct env *v = ctx;

	CU_ASSERT_EQUAL(word.v & 7, 0);
	v->indices[v->nr_locked++] = bucket | (uint64_t)future << 32;
}

/* Bit 0 of a bucket's word, also of an empty one; of a word that leads to a page of a nested table it means nothing. */
static void test_rhashtable_locks(void)
{
	struct env *v = env_new();
	uint64_t ht = alloc(v, 64), old = rht_table(v, 64, 0), new = rht_table(v, 1 << 20, 2);
	uint64_t top = alloc(v, 4096), mid = alloc(v, 4096), page = alloc(v, 4096);

	put(v, ht, old);
	put(v, old + BKT_FUTURE, new);
	uint64_t chain = rht_chain(v, old + BKT_BUCKETS + 8 * 9, 2, 9);
	put(v, old + BKT_BUCKETS + 8 * 9, chain | 1);
	put(v, old + BKT_BUCKETS + 8 * 10, 1);
	rht_chain(v, old + BKT_BUCKETS + 8 * 11, 1, 11);
	/* Bucket 3 + (100 << 2) + (7 << 11) of the nested one. */
	put(v, new + BKT_BUCKETS, top);
	put(v, top + 8 * 3, mid);
	put(v, mid + 8 * 100, page);
	put(v, page + 8 * 7, 1);

	v->nr = 0;
	CU_ASSERT_EQUAL(krhashtable_walk_locks(v->k, (struct kva){ ht }, 10, on_node, on_locked, v, &v->why),
			WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 3);
	CU_ASSERT_EQUAL_FATAL(v->nr_locked, 3);
	CU_ASSERT_EQUAL(v->indices[0], 9);
	CU_ASSERT_EQUAL(v->indices[1], 10);
	CU_ASSERT_EQUAL(v->indices[2], 1ULL << 32 | (3 + (100 << 2) + (7 << 11)));
	env_free(v);
}

static void test_rhashtable_damaged(void)
{
	struct env *v = env_new();
	uint64_t ht = alloc(v, 64), t = rht_table(v, 16, 0);

	/* One chain that loops, one that leads astray, one that is good. */
	put(v, ht, t);
	uint64_t loop = rht_chain(v, t + BKT_BUCKETS, 2, 0);
	put(v, loop + 64, loop);
	uint64_t lost = rht_chain(v, t + BKT_BUCKETS + 8, 2, 1);
	put(v, lost + 64, 0xdead000000000122);
	rht_chain(v, t + BKT_BUCKETS + 16, 7, 2);
	enum walk_end end = rht(v, ht, 100);
	CU_ASSERT(end == WALK_LOOP || end == WALK_BROKEN);
	CU_ASSERT_EQUAL(v->nr, 11);
	env_free(v);

	static const uint32_t sizes[][2] = {
		{ 0, 0 }, { 3, 0 }, { 1u << 31, 0 }, { 64, 60 }, { 4, 3 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		v = env_new();
		ht = alloc(v, 64);
		t = rht_table(v, 16, 0);
		put(v, ht, t);
		image_put32(v->img, t + BKT_SIZE, sizes[i][0]);
		image_put32(v->img, t + BKT_NEST, sizes[i][1]);
		CU_ASSERT_EQUAL(rht(v, ht, 100), WALK_BROKEN);
		CU_ASSERT_EQUAL(v->why->code, ERR_CORRUPT);
		env_free(v);
	}
}

static void test_rhlist(void)
{
	struct env *v = env_new();
	uint64_t ht = alloc(v, 64), t = rht_table(v, 4, 0), more = alloc(v, 64);
	uint8_t yes = 1;

	put(v, ht, t);
	image_write(v->img, ht + RHT_RHLIST, &yes, 1);
	uint64_t first = rht_chain(v, t + BKT_BUCKETS, 2, 0);
	put(v, first + 8, more);
	CU_ASSERT_EQUAL(rht(v, ht, 100), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 3);
	env_free(v);
}

/* ---- maple trees */

enum { LEAF = 1, RANGE = 2, ARANGE = 3 };

static bool on_range(void *ctx, uint64_t first, uint64_t last, struct kva entry)
{
	struct env *v = ctx;

	v->lasts[v->nr] = last;
	return on_entry(ctx, first, entry);
}

/* Slots and where each ends, up to a last of 0: the rest of the node is not in use. */
static uint64_t make_maple(struct env *v, unsigned int type, const uint64_t (*slots)[2], size_t nr)
{
	uint64_t node = align_up(alloc(v, 512), 256);

	for (size_t i = 0; i < nr; i++) {
		put(v, node + (type == ARANGE ? MA_ASLOT : MA_SLOT) + 8 * i, slots[i][0]);
		if (i < (type == ARANGE ? 9 : 15))
			put(v, node + MA_PIVOT + 8 * i, slots[i][1]);
	}
	return node | type << 3 | 4;
}
#define MAPLE(v, type, ...)                                                                        \
	make_maple(v, type, (const uint64_t[][2]){ __VA_ARGS__ },                                  \
		   sizeof((const uint64_t[][2]){ __VA_ARGS__ }) / sizeof(uint64_t[2]))

static enum walk_end maple(struct env *v, uint64_t root, size_t max)
{
	uint64_t tree = alloc(v, 16);

	/* Pages that were read stay as they are: what is made later goes on others. */
	v->next = align_up(v->next, 4096);
	/* The root's own mark in place of the 4 of the others. */
	put(v, tree + MA_ROOT, root & 4 ? (root & ~(uint64_t)4) | 2 : root);
	v->nr = 0;
	err_free(v->why);
	v->why = NULL;
	return kmaple_walk(v->k, (struct kva){ tree }, max, on_range, v, &v->why);
}

static void check_range(const struct env *v, size_t i, uint64_t first, uint64_t last, uint64_t entry)
{
	CU_ASSERT_FATAL(i < v->nr);
	CU_ASSERT_EQUAL(v->indices[i], first);
	CU_ASSERT_EQUAL(v->lasts[i], last);
	CU_ASSERT_EQUAL(v->nodes[i], entry);
}

static void test_maple(void)
{
	struct env *v = env_new();

	/* Nothing; one entry without a node; a number is none. */
	CU_ASSERT_EQUAL(maple(v, 0, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 0);
	CU_ASSERT_EQUAL(maple(v, base + 64, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 1);
	check_range(v, 0, 0, 0, base + 64);
	CU_ASSERT_EQUAL(maple(v, 3, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 0);

	/* A leaf: holes, a range of several, and an end before the slots do. */
	uint64_t leaf = MAPLE(v, LEAF, { 0x1000, 0 }, { 0x2000, 1 }, { 0, 7 }, { 0x3000, 11 }, { 0, 0 },
			      { 0xdead0000, 99 });
	CU_ASSERT_EQUAL(maple(v, leaf, 10), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 3);
	check_range(v, 0, 0, 0, 0x1000);
	check_range(v, 1, 1, 1, 0x2000);
	check_range(v, 2, 8, 11, 0x3000);
	CU_ASSERT_EQUAL(maple(v, leaf, 2), WALK_CAPPED);
	v->stop_at = 2;
	CU_ASSERT_EQUAL(maple(v, leaf, 10), WALK_STOPPED);
	v->stop_at = 0;

	/* A full one: the last slot has no pivot, and ends where the node does. */
	uint64_t full = MAPLE(v, LEAF, { 0x1000, 100 }, { 0x1000, 101 }, { 0x1000, 102 }, { 0x1000, 103 },
			      { 0x1000, 104 }, { 0x1000, 105 }, { 0x1000, 106 }, { 0x1000, 107 }, { 0x1000, 108 },
			      { 0x1000, 109 }, { 0x1000, 110 }, { 0x1000, 111 }, { 0x1000, 112 }, { 0x1000, 113 },
			      { 0x1000, 114 }, { 0x4000, 0 });
	/* Three levels of both kinds. */
	uint64_t low = MAPLE(v, RANGE, { leaf, 50 }, { MAPLE(v, LEAF, { 0x5000, 60 }, { 0, 99 }), 99 }, { full, 0 });
	uint64_t root = MAPLE(v, ARANGE, { low, 200 }, { MAPLE(v, LEAF, { 0x6000, UINT64_MAX }), UINT64_MAX });
	CU_ASSERT_EQUAL(maple(v, root, 100), WALK_COMPLETE);
	CU_ASSERT_EQUAL(v->nr, 3 + 1 + 16 + 1);
	check_range(v, 3, 51, 60, 0x5000);
	check_range(v, 4, 100, 100, 0x1000);
	check_range(v, 19, 115, 200, 0x4000);
	check_range(v, 20, 201, UINT64_MAX, 0x6000);
	env_free(v);
}

static void test_maple_damaged(void)
{
	struct env *v = env_new();
	uint64_t leaf = MAPLE(v, LEAF, { 0x1000, 5 }, { 0x2000, 3 }, { 0x3000, 9 });

	CU_ASSERT_EQUAL(maple(v, leaf, 10), WALK_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "ends before it begins"));
	CU_ASSERT_EQUAL(v->nr, 1);
	/* A node below itself; one that is not there; of no type. */
	uint64_t loop = MAPLE(v, RANGE, { 0, 5 }, { 0, 9 });
	put(v, (loop & ~(uint64_t)255) + MA_SLOT, loop);
	CU_ASSERT_EQUAL(maple(v, loop, 10), WALK_LOOP);
	CU_ASSERT_EQUAL(maple(v, MAPLE(v, RANGE, { (base + 2 * ARENA) | LEAF << 3 | 4, 9 }), 10), WALK_BROKEN);
	CU_ASSERT_EQUAL(v->why->code, ERR_FAULT);
	CU_ASSERT_EQUAL(maple(v, MAPLE(v, 9, { 0x1000, 5 }), 10), WALK_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "its type is 9"));
	/* Each level alone in its range, for ever. */
	uint64_t deep = MAPLE(v, LEAF, { 0x1000, UINT64_MAX });
	for (unsigned int i = 0; i < 40; i++)
		deep = MAPLE(v, RANGE, { deep, UINT64_MAX });
	CU_ASSERT_EQUAL(maple(v, deep, 10), WALK_BROKEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(v->why->msg, "too deep"));
	v->k->containers->ma_apivot.present = false;
	CU_ASSERT_EQUAL(maple(v, leaf, 10), WALK_BROKEN);
	CU_ASSERT_EQUAL(v->why->code, ERR_MISSING);
	v->k->containers->ma_apivot = at(MA_PIVOT, 72, 12);
	CU_ASSERT_EQUAL(maple(v, leaf, 10), WALK_BROKEN);
	env_free(v);
}

UNIT_MAIN("containers", { "list", test_list }, { "list, damaged", test_list_damaged },
	  { "hlist and hlist_nulls", test_hlist }, { "xarray", test_xarray }, { "idr", test_idr },
	  { "xarray, damaged", test_xarray_damaged }, { "xarray in waves", test_xarray_batches },
	  { "xarray, nodes that share theirs", test_xarray_shared },
	  { "maple tree", test_maple }, { "maple tree, damaged", test_maple_damaged },
	  { "rbtree", test_rbtree }, { "rhashtable", test_rhashtable },
	  { "rhashtable being resized", test_rhashtable_resize },
	  { "rhashtable, nested", test_rhashtable_nested }, { "rhashtable, locked buckets", test_rhashtable_locks },
	  { "rhashtable, damaged", test_rhashtable_damaged }, { "rhlist", test_rhlist })
