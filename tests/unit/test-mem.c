/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdlib.h>

#include "fake-target.h"
#include "target/mem.h"

static const uint64_t MIB = 1 << 20;

struct world {
	struct fake_target *ft;
	struct mem *mem;
};

static void setup(struct world *w)
{
	*w = (struct world){ .ft = fake_target_new(1) };
	ASSERT_OK(mem_create(&w->ft->t, &w->mem));
}

/* RAM in [0, 16 MiB) and [32 MiB, 48 MiB). */
static void setup_ram(struct world *w)
{
	setup(w);
	fake_target_add_ram(w->ft, 0, 8 * MIB);
	fake_target_add_ram(w->ft, 8 * MIB, 16 * MIB);
	fake_target_add_ram(w->ft, 32 * MIB, 48 * MIB);
}

static void teardown(struct world *w)
{
	mem_destroy(w->mem);
	target_destroy(&w->ft->t);
}

static struct gpa gpa(uint64_t v)
{
	return (struct gpa){ v };
}

static void fill(struct world *w, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fake_target_put8(w->ft, addr + i, (uint8_t)(((addr + i) >> 8 ^ (addr + i)) * 31));
}

static bool as_filled(const uint8_t *buf, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (buf[i] != (uint8_t)(((addr + i) >> 8 ^ (addr + i)) * 31))
			return false;
	}
	return true;
}

static void test_across_pages(void)
{
	static uint8_t buf[600 * PAGE_SIZE];
	struct world w;
	uint64_t at = MIB + 100;

	setup_ram(&w);
	fill(&w, at, 599 * PAGE_SIZE);
	ASSERT_OK(mem_read(w.mem, gpa(at), buf, 599 * PAGE_SIZE));
	CU_ASSERT(as_filled(buf, at, 599 * PAGE_SIZE));
	CU_ASSERT_EQUAL(w.ft->batches, 1);
	CU_ASSERT(w.ft->reads <= 600 / 16 + 4); /* runs of 64 KiB, cut where a slab ends */
	CU_ASSERT_EQUAL(w.ft->bytes, 600 * PAGE_SIZE);

	/* All held now. */
	memset(buf, 0, sizeof(buf));
	ASSERT_OK(mem_read(w.mem, gpa(at + 5000), buf, 10000));
	CU_ASSERT(as_filled(buf, at + 5000, 10000));
	ASSERT_OK(mem_read(w.mem, gpa(at), buf, 0));
	CU_ASSERT_EQUAL(w.ft->batches, 1);

	struct mem_stats s;
	mem_get_stats(w.mem, &s);
	CU_ASSERT_EQUAL(s.misses, 600);
	CU_ASSERT_EQUAL(s.hits, 3);
	CU_ASSERT_EQUAL(s.batches, 1);
	CU_ASSERT_EQUAL(s.bytes, 600 * PAGE_SIZE);
	CU_ASSERT_EQUAL(w.ft->outside, 0);
	teardown(&w);
}

static void test_pages_stay(void)
{
	struct world w;
	static const uint8_t *page[2000];

	setup_ram(&w);
	for (size_t i = 0; i < ARRAY_SIZE(page); i++) {
		fake_target_put64(w.ft, i * PAGE_SIZE + 8, i);
		ASSERT_OK(mem_page(w.mem, gpa(i * PAGE_SIZE + 77), &page[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(page); i++) {
		const uint8_t *again = NULL;

		ASSERT_OK(mem_page(w.mem, gpa(i * PAGE_SIZE), &again));
		CU_ASSERT_PTR_EQUAL(again, page[i]);
		CU_ASSERT_EQUAL(get_le64(page[i] + 8), i);
	}
	teardown(&w);
}

static void expect_fault(struct err *e, uint64_t addr, const char *part)
{
	CU_ASSERT_FATAL(e != NULL);
	CU_ASSERT_EQUAL(e->addr, addr);
	ASSERT_ERR(e, ERR_FAULT, part);
}

static void test_not_ram(void)
{
	static uint8_t buf[16 * PAGE_SIZE];
	struct world w;

	setup_ram(&w);
	expect_fault(mem_read(w.mem, gpa(16 * MIB), buf, 8), 16 * MIB, "0x1000000: not in guest RAM");
	expect_fault(mem_read(w.mem, gpa(16 * MIB - 4), buf, 8), 16 * MIB, "not in guest RAM");
	expect_fault(mem_read(w.mem, gpa(32 * MIB - 4), buf, 8), 32 * MIB - 4, "not in guest RAM");
	expect_fault(mem_read(w.mem, gpa(48 * MIB - 4096), buf, sizeof(buf)), 48 * MIB, "RAM");
	expect_fault(mem_read(w.mem, gpa(UINT64_MAX - 3), buf, 4), UINT64_MAX - 3, "RAM");
	expect_fault(mem_read(w.mem, gpa(UINT64_MAX - 3), buf, 5), UINT64_MAX - 3, "past the end");
	/* Where the end of a read can never be had its start is not asked for either. */
	CU_ASSERT_EQUAL(w.ft->batches, 0);
	ASSERT_OK(mem_read(w.mem, gpa(8 * MIB - 8), buf, 16));
	CU_ASSERT_EQUAL(w.ft->outside, 0);
	teardown(&w);
}

static void test_refused(void)
{
	static uint8_t buf[64 * PAGE_SIZE];
	struct world w;
	uint64_t bad = 2 * MIB + 5 * PAGE_SIZE;

	setup_ram(&w);
	fill(&w, 2 * MIB, 64 * PAGE_SIZE);
	fake_target_refuse(w.ft, bad);
	expect_fault(mem_read(w.mem, gpa(2 * MIB), buf, sizeof(buf)), bad, "refused by the target");
	CU_ASSERT_EQUAL(w.ft->batches, 2); /* all; then the run with the bad page one by one */

	/* The neighbours of the bad page were not lost, and nobody asks for it twice. */
	ASSERT_OK(mem_read(w.mem, gpa(2 * MIB), buf, 5 * PAGE_SIZE));
	CU_ASSERT(as_filled(buf, 2 * MIB, 5 * PAGE_SIZE));
	ASSERT_OK(mem_read(w.mem, gpa(bad + PAGE_SIZE), buf, 58 * PAGE_SIZE));
	CU_ASSERT(as_filled(buf, bad + PAGE_SIZE, 58 * PAGE_SIZE));
	expect_fault(mem_read(w.mem, gpa(bad + 9), buf, 1), bad + 9, "refused");
	CU_ASSERT_EQUAL(w.ft->batches, 2);

	/* Its memory serves another page. */
	ASSERT_OK(mem_read(w.mem, gpa(0), buf, 1));
	fill(&w, 8 * MIB, PAGE_SIZE);
	ASSERT_OK(mem_read(w.mem, gpa(8 * MIB), buf, PAGE_SIZE));
	CU_ASSERT(as_filled(buf, 8 * MIB, PAGE_SIZE));
	ASSERT_OK(mem_read(w.mem, gpa(bad + PAGE_SIZE), buf, 58 * PAGE_SIZE));
	CU_ASSERT(as_filled(buf, bad + PAGE_SIZE, 58 * PAGE_SIZE));
	teardown(&w);
}

static void test_ram_unknown(void)
{
	struct world w;
	uint64_t v = 0;

	setup(&w);
	fake_target_put64(w.ft, 0x5008, 0x1122334455667788);
	ASSERT_OK(mem_read(w.mem, gpa(0x5008), &v, 8));
	CU_ASSERT_EQUAL(v, 0x1122334455667788);
	expect_fault(mem_read(w.mem, gpa(0x6000), &v, 8), 0x6000, "refused");
	expect_fault(mem_read(w.mem, gpa(0x5ffc), &v, 8), 0x6000, "refused");
	teardown(&w);
}

static void test_prefetch(void)
{
	struct world w;
	struct gpa pages[100];
	uint64_t v;

	setup_ram(&w);
	for (size_t i = 0; i < 98; i++)
		pages[i].v = (i * 37 % 98) * 3 * PAGE_SIZE + i;
	pages[98].v = 20 * MIB;		/* not RAM */
	pages[99].v = pages[0].v + 1;	/* twice */
	fake_target_refuse(w.ft, pages[3].v);
	ASSERT_OK(mem_prefetch(w.mem, pages, ARRAY_SIZE(pages)));
	CU_ASSERT_EQUAL(w.ft->batches, 1);
	CU_ASSERT_EQUAL(w.ft->reads, 98);
	CU_ASSERT_EQUAL(w.ft->outside, 0);
	ASSERT_OK(mem_read(w.mem, gpa(pages[5].v), &v, 1));
	expect_fault(mem_read(w.mem, gpa(pages[3].v), &v, 1), pages[3].v, "refused");
	ASSERT_OK(mem_prefetch(w.mem, pages, ARRAY_SIZE(pages)));
	ASSERT_OK(mem_prefetch(w.mem, NULL, 0));
	CU_ASSERT_EQUAL(w.ft->batches, 1);
	teardown(&w);
}

/* A list of nodes that lie one to a page: each holds the address of the next, then a number. */
enum { LISTS = 64, NODES = 100 };

struct lists {
	struct mem *mem;
	uint64_t sum[LISTS];
	enum err_code end[LISTS];
	bool nested;
};

static uint64_t node(size_t list, size_t i)
{
	/* Neither lists nor neighbours in a list adjoin. */
	return 0x100000 + ((i * LISTS + list) * 2) * PAGE_SIZE + 8 * list;
}

static void setup_lists(struct world *w, struct lists *l)
{
	setup(w);
	fake_target_add_ram(w->ft, 0, 512 * MIB);
	*l = (struct lists){ .mem = w->mem };
	for (size_t list = 0; list < LISTS; list++) {
		for (size_t i = 0; i < NODES; i++) {
			fake_target_put64(w->ft, node(list, i),
					  i + 1 < NODES ? node(list, i + 1) : 0);
			fake_target_put64(w->ft, node(list, i) + 8, list + i);
		}
	}
}

static void walk_list(void *ctx, size_t list)
{
	struct lists *l = ctx;
	uint64_t at = node(list, 0);

	while (at) {
		uint8_t buf[16];
		struct err *e = mem_read(l->mem, gpa(at), buf, sizeof(buf));

		if (e) {
			l->end[list] = e->code;
			err_free(e);
			return;
		}
		at = get_le64(buf);
		l->sum[list] += get_le64(buf + 8);
	}
}

static void check_lists(const struct lists *l)
{
	for (size_t list = 0; list < LISTS; list++) {
		CU_ASSERT_EQUAL(l->end[list], 0);
		CU_ASSERT_EQUAL(l->sum[list], NODES * list + NODES * (NODES - 1) / 2);
	}
}

static void test_side_by_side(void)
{
	struct world w;
	struct lists l;

	setup_lists(&w, &l);
	mem_each(w.mem, LISTS, walk_list, &l);
	check_lists(&l);
	/* As many as the longest list has nodes, not as all have. */
	CU_ASSERT_EQUAL(w.ft->batches, NODES);
	CU_ASSERT_EQUAL(w.ft->reads, LISTS * NODES);
	CU_ASSERT_EQUAL(w.ft->max_batch, LISTS);
	CU_ASSERT_EQUAL(w.ft->outside, 0);
	teardown(&w);
}

static void walk_nested(void *ctx, size_t i)
{
	struct lists *l = ctx;
	uint64_t v;

	ASSERT_OK(mem_read(l->mem, gpa(256 * MIB + i * PAGE_SIZE), &v, 8));
	if (i == 0)
		mem_each(l->mem, LISTS, walk_list, l);
	ASSERT_OK(mem_read(l->mem, gpa(300 * MIB + i * PAGE_SIZE), &v, 8));
}

static void test_nested(void)
{
	struct world w;
	struct lists l;

	setup_lists(&w, &l);
	mem_each(w.mem, 8, walk_nested, &l);
	check_lists(&l);
	CU_ASSERT_EQUAL(w.ft->batches, NODES + 2);
	teardown(&w);
}

static void test_file(void)
{
	struct world w;
	struct lists l;

	setup_lists(&w, &l);
	fake_target_set_live(w.ft, false);
	mem_each(w.mem, LISTS, walk_list, &l);
	check_lists(&l);
	CU_ASSERT_EQUAL(w.ft->batches, LISTS * NODES);
	teardown(&w);
}

static void check_loss(enum err_code code)
{
	struct world w;
	struct lists l;
	uint64_t v;

	setup_lists(&w, &l);
	w.ft->lose_after = LISTS * NODES / 2;
	w.ft->lose_with = code;
	mem_each(w.mem, LISTS, walk_list, &l);
	for (size_t list = 0; list < LISTS; list++)
		CU_ASSERT_EQUAL(l.end[list], code);
	size_t batches = w.ft->batches;
	CU_ASSERT_EQUAL(batches, NODES / 2);

	/* Nobody asks again, what is held can be read, and what is not RAM is still just that. */
	ASSERT_ERR(mem_read(w.mem, gpa(400 * MIB), &v, 8), code, "gone");
	ASSERT_ERR(mem_prefetch(w.mem, &(struct gpa){ 400 * MIB }, 1), code, "gone");
	ASSERT_OK(mem_read(w.mem, gpa(node(0, 0)), &v, 8));
	expect_fault(mem_read(w.mem, gpa(600 * MIB), &v, 8), 600 * MIB, "not in guest RAM");
	mem_each(w.mem, LISTS, walk_list, &l);
	CU_ASSERT_EQUAL(w.ft->batches, batches);
	mem_freeze(w.mem);
	ASSERT_ERR(mem_read(w.mem, gpa(400 * MIB), &v, 8), code, "gone");
	teardown(&w);
}

/* A batch of which a part arrives before the connection breaks. */
static void test_lost_halfway(void)
{
	struct gpa want[8];
	struct world w;
	uint64_t v;

	setup_ram(&w);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		want[i] = gpa(i * MIB);
	w.ft->lose_after = 5;
	w.ft->lose_halfway = true;
	ASSERT_ERR(mem_prefetch(w.mem, want, ARRAY_SIZE(want)), ERR_LOST, "gone");
	for (size_t i = 0; i < 4; i++)
		ASSERT_OK(mem_read(w.mem, want[i], &v, 8));
	/* The others were not refused. */
	for (size_t i = 4; i < ARRAY_SIZE(want); i++)
		ASSERT_ERR(mem_read(w.mem, want[i], &v, 8), ERR_LOST, "gone");
	teardown(&w);
}

static void test_lost(void)
{
	check_loss(ERR_LOST);
	check_loss(ERR_DEADLINE);
}

static void test_freeze(void)
{
	struct world w;
	struct lists l;
	uint64_t v;

	setup_lists(&w, &l);
	ASSERT_OK(mem_read(w.mem, gpa(0x3000), &v, 8));
	mem_freeze(w.mem);
	ASSERT_OK(mem_read(w.mem, gpa(0x3010), &v, 8));
	expect_fault(mem_read(w.mem, gpa(0x4000), &v, 8), 0x4000,
		     "not read while the guest was stopped");
	expect_fault(mem_read(w.mem, gpa(600 * MIB), &v, 8), 600 * MIB, "not in guest RAM");
	mem_each(w.mem, LISTS, walk_list, &l);
	CU_ASSERT_EQUAL(l.end[0], ERR_FAULT);
	ASSERT_OK(mem_prefetch(w.mem, &(struct gpa){ 0x4000 }, 1));
	CU_ASSERT_EQUAL(w.ft->batches, 1);
	teardown(&w);
}

static void test_limit(void)
{
	static uint8_t buf[20 * PAGE_SIZE];
	struct world w;

	setup_ram(&w);
	mem_set_limits(w.mem, 16 * PAGE_SIZE, UINT64_MAX);
	ASSERT_OK(mem_read(w.mem, gpa(0), buf, 10 * PAGE_SIZE));
	ASSERT_ERR(mem_read(w.mem, gpa(MIB), buf, 7 * PAGE_SIZE), ERR_LIMIT, "guest memory read");
	mem_set_limits(w.mem, 64 * PAGE_SIZE, UINT64_MAX);
	ASSERT_OK(mem_read(w.mem, gpa(MIB), buf, 20 * PAGE_SIZE));
	mem_set_limits(w.mem, PAGE_SIZE, UINT64_MAX);
	ASSERT_OK(mem_read(w.mem, gpa(0), buf, 10 * PAGE_SIZE));
	ASSERT_ERR(mem_read(w.mem, gpa(8 * MIB), buf, 1), ERR_LIMIT, NULL);
	teardown(&w);

	/* Nor can one page be read for ever; but the snapshot can. */
	setup_ram(&w);
	mem_set_limits(w.mem, MIB, 1000);
	for (int i = 0; i < 1000; i++)
		ASSERT_OK(mem_read(w.mem, gpa(0x1000), buf, 8));
	ASSERT_ERR(mem_read(w.mem, gpa(0x1000), buf, 8), ERR_LIMIT, "more than 1000 times");
	ASSERT_ERR(mem_read(w.mem, gpa(0x1000), buf, 2 * PAGE_SIZE), ERR_LIMIT, NULL);
	mem_freeze(w.mem);
	ASSERT_OK(mem_read(w.mem, gpa(0x1000), buf, 8));
	teardown(&w);
}

static void test_regs(void)
{
	struct fake_target *ft = fake_target_new(2);
	uint64_t v = 1;

	fake_target_set_reg(ft, 0, "rip", 7);
	fake_target_set_reg(ft, 0, "cr3", 0x1000);
	fake_target_set_reg(ft, 0, "cr3", 0x2000);
	fake_target_no_regs(ft, 1, "timed out");
	ASSERT_OK(target_reg(&ft->t, 0, "cr3", &v));
	CU_ASSERT_EQUAL(v, 0x2000);
	ASSERT_ERR(target_reg(&ft->t, 0, "cr", &v), ERR_MISSING, "vCPU 0 has no register cr");
	ASSERT_ERR(target_reg(&ft->t, 1, "cr3", &v), ERR_MISSING, "timed out");
	ASSERT_ERR(target_reg(&ft->t, 2, "cr3", &v), ERR_MISSING, "no vCPU 2");
	CU_ASSERT_EQUAL(v, 0x2000);
	target_destroy(&ft->t);
	target_destroy(NULL);
}

static void test_is_ram(void)
{
	struct fake_target *ft = fake_target_new(0);

	CU_ASSERT(target_is_ram(&ft->t, gpa(~0xfffULL), 0xfff));
	CU_ASSERT(!target_is_ram(&ft->t, gpa(~0xfffULL), 0x1000));
	fake_target_add_ram(ft, 0x1000, 0x3000);
	fake_target_add_ram(ft, 0x5000, 0x6000);
	fake_target_add_ram(ft, 0x8000, 0x9000);
	CU_ASSERT(!target_is_ram(&ft->t, gpa(0), 1));
	CU_ASSERT(!target_is_ram(&ft->t, gpa(0xfff), 2));
	CU_ASSERT(target_is_ram(&ft->t, gpa(0x1000), 0x2000));
	CU_ASSERT(!target_is_ram(&ft->t, gpa(0x1000), 0x2001));
	CU_ASSERT(!target_is_ram(&ft->t, gpa(0x3000), 1));
	CU_ASSERT(target_is_ram(&ft->t, gpa(0x5fff), 1));
	CU_ASSERT(!target_is_ram(&ft->t, gpa(0x5fff), 2));
	CU_ASSERT(target_is_ram(&ft->t, gpa(0x8000), 0x1000));
	CU_ASSERT(!target_is_ram(&ft->t, gpa(0x9000), 1));
	CU_ASSERT(!target_is_ram(&ft->t, gpa(0x8000), UINT64_MAX));
	target_destroy(&ft->t);
}

UNIT_MAIN("mem", { "reads across pages in one batch", test_across_pages },
	  { "pages stay where they are", test_pages_stay },
	  { "what is not RAM is never asked for", test_not_ram },
	  { "a refused page spares its neighbours", test_refused },
	  { "a target that does not know its RAM", test_ram_unknown },
	  { "prefetch", test_prefetch }, { "64 lists take the round trips of one", test_side_by_side },
	  { "nested, all wait together", test_nested }, { "a file needs no fibers", test_file },
	  { "the target is lost, the deadline passes", test_lost },
	  { "lost in the middle of a batch", test_lost_halfway }, { "frozen", test_freeze },
	  { "the limits", test_limit }, { "registers", test_regs }, { "RAM ranges", test_is_ram })
