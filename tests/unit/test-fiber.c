/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"


#include "target/fiber.h"

struct world {
	struct fiber_sched *s;
	size_t idles, ended, alive, max_alive, deepest;
	size_t order[64];
	size_t nr_order;
};

static void idle(void *ctx)
{
	((struct world *)ctx)->idles++;
}

static void setup(struct world *w, size_t window)
{
	*w = (struct world){ 0 };
	ASSERT_OK(fiber_sched_create(window, idle, w, &w->s));
}

static void enter(struct world *w)
{
	w->alive++;
	w->max_alive = MAX(w->max_alive, w->alive);
}

static void leave(struct world *w)
{
	w->alive--;
	w->ended++;
}

static void sleeps_thrice(void *ctx, size_t i UNUSED)
{
	struct world *w = ctx;

	enter(w);
	for (int n = 0; n < 3; n++) {
		if (fiber_inside(w->s))
			fiber_sleep(w->s);
		else
			w->idles++;
	}
	leave(w);
}

static void test_together(void)
{
	struct world w;

	setup(&w, 16);
	fiber_each(w.s, 10, sleeps_thrice, &w);
	CU_ASSERT_EQUAL(w.ended, 10);
	CU_ASSERT_EQUAL(w.idles, 3);
	CU_ASSERT_EQUAL(w.max_alive, 10);
	fiber_each(w.s, 0, sleeps_thrice, &w);
	CU_ASSERT_EQUAL(w.ended, 10);
	fiber_sched_destroy(w.s);
}

static void test_window(void)
{
	struct world w;

	setup(&w, 16);
	fiber_each(w.s, 1000, sleeps_thrice, &w);
	CU_ASSERT_EQUAL(w.ended, 1000);
	CU_ASSERT_EQUAL(w.max_alive, 16);
	CU_ASSERT_EQUAL(fiber_nr_stacks(w.s), 16);
	CU_ASSERT(w.idles >= 1000 * 3 / 16 && w.idles <= 1000 * 3 / 16 + 4);
	fiber_sched_destroy(w.s);
}

static void notes_order(void *ctx, size_t i)
{
	struct world *w = ctx;

	w->order[w->nr_order++] = i;
}

static void test_one_stack(void)
{
	struct world w;

	setup(&w, 16);
	fiber_each(w.s, 64, notes_order, &w);
	for (size_t i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(w.order[i], i);
	/* Nobody slept, so nobody needed a second stack. */
	CU_ASSERT_EQUAL(fiber_nr_stacks(w.s), 1);
	CU_ASSERT_EQUAL(w.idles, 0);
	fiber_sched_destroy(w.s);
}

struct nested {
	struct world *w;
	size_t depth, width;
};

static void nests(void *ctx, size_t i UNUSED)
{
	struct nested *up = ctx;
	struct nested down = { up->w, up->depth - 1, up->width };

	sleeps_thrice(up->w, 0);
	if (!up->depth)
		return;
	size_t before = up->w->ended;
	fiber_each(up->w->s, up->width, nests, &down);
	/* The parent goes on only when all of its children have ended. */
	CU_ASSERT(up->w->ended >= before + up->width);
	sleeps_thrice(up->w, 0);
}

static size_t nodes(size_t depth, size_t width)
{
	return depth ? 2 + width * nodes(depth - 1, width) : 1;
}

static void test_nested(void)
{
	static const size_t windows[] = { 1, 2, 3, 5, 16, 300 };

	for (size_t n = 0; n < ARRAY_SIZE(windows); n++) {
		struct world w;

		setup(&w, windows[n]);
		struct nested top = { &w, 4, 4 };
		fiber_each(w.s, 3, nests, &top);
		CU_ASSERT_EQUAL(w.ended, 3 * nodes(4, 4));
		CU_ASSERT(fiber_nr_stacks(w.s) <= windows[n]);
		CU_ASSERT(!fiber_inside(w.s));
		fiber_sched_destroy(w.s);
	}
}

static void test_nested_together(void)
{
	struct world w;

	setup(&w, 256);
	struct nested top = { &w, 1, 10 };
	fiber_each(w.s, 10, nests, &top);
	/* 10 parents, then their 100 children, then the parents again: three waits each. */
	CU_ASSERT_EQUAL(w.idles, 9);
	fiber_sched_destroy(w.s);
}

static void test_no_stacks(void)
{
	struct world w;

	/* What is left when mmap() gives nothing: the caller does the work. */
	setup(&w, 0);
	fiber_each(w.s, 10, sleeps_thrice, &w);
	CU_ASSERT_EQUAL(w.ended, 10);
	CU_ASSERT_EQUAL(w.idles, 30);
	struct nested top = { &w, 2, 3 };
	fiber_each(w.s, 2, nests, &top);
	CU_ASSERT_EQUAL(w.ended, 10 + 2 * nodes(2, 3));
	fiber_sched_destroy(w.s);
}

static int sum_down(volatile uint8_t *above, int left)
{
	volatile uint8_t here[1024];

	here[0] = (uint8_t)left;
	here[1023] = above ? above[0] : 0;
	return left ? sum_down(here, left - 1) + here[0] : here[1023];
}

static void uses_stack(void *ctx, size_t i)
{
	struct world *w = ctx;

	for (int n = 0; n < 4; n++) {
		int sum = sum_down(NULL, 60); /* more than 60 KiB */

		CU_ASSERT_EQUAL(sum, 60 * 61 / 2 + 1);
		fiber_sleep(w->s);
	}
	w->order[i % 64]++;
}

static void test_stacks(void)
{
	struct world w;

	setup(&w, 8);
	fiber_each(w.s, 64, uses_stack, &w);
	for (size_t i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(w.order[i], 1);
	fiber_sched_destroy(w.s);
}

UNIT_MAIN("fiber", { "sleepers are woken together", test_together },
	  { "the window bounds what lives", test_window },
	  { "in order, on one stack if nobody sleeps", test_one_stack },
	  { "nested, in windows of all sizes", test_nested },
	  { "nested ones wait together", test_nested_together },
	  { "no stacks at all", test_no_stacks }, { "deep stacks, many times", test_stacks })
