/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has each CPU, and what queues say twice. */
#include "config.h"

#include <stdio.h>

#include "scx-image.h"
#include "unit.h"

static enum section_status status(const struct scx_image *im)
{
	const struct section *s = report_find_section(im->r, "scx");

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s->status;
}

static void assert_text(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fprintf(stderr, "# \"%s\" is not in \"%s\"\n", part, text ? text : "(null)");
	CU_ASSERT_TRUE(text && strstr(text, part));
}

static void test_turn(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b");

	image_put64(im, a + T_CLASS, image_var("ext_sched_class"));
	image_put64(im, a + T_LAST_ARRIVAL, 7000);
	image_put64(im, image_rq(1) + RQ_CURR, a);
	image_put64(im, image_rq(2) + RQ_CURR, b); /* nobody has set when it came */
	/* The CPU with the task that does not let go has a clock that stands still. */
	for (uint32_t cpu = 0; cpu < IMAGE_CPUS; cpu++)
		image_put64(im, image_rq(cpu) + RQ_CLOCK, 100);
	image_put64(im, image_rq(1) + RQ_CLOCK, 7100);
	image_put64(im, image_rq(3) + RQ_CLOCK, 9000);
	image_walk(im);

	const struct scx_rq_row *rq = im->r->scx.rqs.data;
	CU_ASSERT_TRUE(rq[0].has_idle && rq[0].is_idle);
	CU_ASSERT_STRING_EQUAL(rq[0].curr_class, "idle");
	CU_ASSERT_FALSE(rq[0].curr_ran.has);
	CU_ASSERT_FALSE(rq[1].is_idle);
	CU_ASSERT_STRING_EQUAL(rq[1].curr_class, "ext");
	CU_ASSERT_TRUE(rq[1].curr_ran.has && rq[1].curr_ran.v == 2000);
	CU_ASSERT_EQUAL(rq[1].rq_clock.v, 7100);
	CU_ASSERT_STRING_EQUAL(rq[2].curr_class, "fair");
	CU_ASSERT_FALSE(rq[2].curr_ran.has);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	scx_image_free(im);
}

static void test_marks(void)
{
	/* To 7.0 a flag of the run queue; masks as pointers and as arrays. */
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t mask = image_alloc(im, 8);

	image_put32(im, image_rq(2) + RQ_SCX + R_FLAGS, 0x11);
	image_put64(im, mask, 1 << 3 | 1 << 1 | 1ull << 40);
	image_put64(im, image_rq(0) + RQ_SCX + R_KICK, mask);
	image_put64(im, image_rq(1) + RQ_SCX + R_WAIT, 1 << 3);
	image_walk(im);
	const struct scx_rq_row *rq = im->r->scx.rqs.data;
	CU_ASSERT_FALSE(rq[1].bypassed);
	CU_ASSERT_TRUE(rq[2].bypassed);
	CU_ASSERT_PTR_NULL(rq[0].kicks);
	CU_ASSERT_STRING_EQUAL(rq[1].kicks, "KICK");
	CU_ASSERT_STRING_EQUAL(rq[3].kicks, "KICK|WAIT");
	scx_image_free(im);

	/* 7.1: the scheduler's; 7.3: the masks too. */
	im = scx_image_new(IMAGE_SUBS, NULL);
	image_put64(im, image_pcpu(im, 1) + P_FLAGS, 1);
	image_put64(im, image_pcpu(im, 0) + P_PREEMPT, 1 << 2);
	image_walk(im);
	rq = im->r->scx.rqs.data;
	CU_ASSERT_TRUE(rq[1].bypassed);
	CU_ASSERT_FALSE(rq[2].bypassed);
	CU_ASSERT_STRING_EQUAL(rq[2].kicks, "PREEMPT");
	scx_image_free(im);

	im = scx_image_new(IMAGE_ROOT, NULL);
	image_put64(im, image_rq(0) + RQ_SCX + R_KICK, 0xffff8880deadb000);
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.rqs.nr, IMAGE_CPUS);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_READABLE);
	assert_text(image_detail(im, "scx"), "CPU 0: CPUs to kick: cannot read");
	scx_image_free(im);
}

static void test_tree(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t t[3], dsq = image_user_dsq(im, 0, 7), fifo = image_user_dsq(im, 0, 8);

	for (uint32_t i = 0; i < 3; i++) {
		t[i] = image_task(im, 10 + i, "t");
		image_dsq_push(im, dsq, t[i]);
	}
	image_dsq_push(im, fifo, image_task(im, 20, "f"));
	image_dsq_tree(im, dsq, t, 3);
	image_walk(im);
	CU_ASSERT_TRUE(image_find_dsq(im, dsq)->by_vtime);
	CU_ASSERT_FALSE(image_find_dsq(im, fifo)->by_vtime);
	CU_ASSERT_PTR_NULL(image_find_dsq(im, dsq)->contradiction);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	scx_image_free(im);
}

/* What happens to a queue of three tasks by vtime before it is read. */
static void check(void (*damage)(struct scx_image *im, uint64_t dsq, const uint64_t *t), const char *want,
		  enum section_status expected)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t t[3], dsq = image_user_dsq(im, 0, 7);

	for (uint32_t i = 0; i < 3; i++) {
		t[i] = image_task(im, 10 + i, "t");
		image_dsq_push(im, dsq, t[i]);
	}
	image_dsq_tree(im, dsq, t, 3);
	damage(im, dsq, t);
	image_walk(im);
	CU_ASSERT_EQUAL(image_find_dsq(im, dsq)->nr_tasks, 3);
	assert_text(image_find_dsq(im, dsq)->contradiction, want);
	assert_text(image_detail(im, "scx"), want);
	CU_ASSERT_EQUAL(status(im), expected);
	scx_image_free(im);
}

static void other_order(struct scx_image *im, uint64_t dsq, const uint64_t *t)
{
	const uint64_t order[3] = { t[0], t[2], t[1] };

	for (size_t i = 0; i < 3; i++) {
		image_put64(im, t[i] + T_SCX + E_PRIQ + 8, 0);
		image_put64(im, t[i] + T_SCX + E_PRIQ + 16, 0);
	}
	image_dsq_tree(im, dsq, order, 3);
}

static void one_less(struct scx_image *im, uint64_t dsq, const uint64_t *t)
{
	(void)dsq;
	image_put64(im, t[1] + T_SCX + E_PRIQ + 8, 0);
}

static void broken(struct scx_image *im, uint64_t dsq, const uint64_t *t)
{
	(void)t;
	image_put64(im, dsq + D_PRIQ, 0xffff8880deadb000);
}

static void other_first(struct scx_image *im, uint64_t dsq, const uint64_t *t)
{
	image_put64(im, dsq + D_FIRST, t[1]);
}

static void while_changing(struct scx_image *im, uint64_t dsq, const uint64_t *t)
{
	image_put64(im, dsq + D_FIRST, t[2]);
	image_put32(im, dsq + D_LOCK, 1);
}

static void test_contradictions(void)
{
	check(other_order, "another order than its list from task 2 on", SECTION_IMPLAUSIBLE);
	check(one_less, "2 tasks in its tree by vtime, 3 on its list", SECTION_IMPLAUSIBLE);
	check(broken, "its tree by vtime: cannot read", SECTION_IMPLAUSIBLE);
	check(other_first, "first_task is 0x", SECTION_IMPLAUSIBLE);
	/* Told, but no wonder. */
	check(while_changing, "first_task is 0x", SECTION_COMPLETE);
}

/* Held: taken by enqueue(), and on no queue. */
static void test_held(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), c = image_task(im, 12, "c");

	image_put64(im, a + T_SCX + E_OPS_STATE, 2 | 77 << 2); /* QUEUED, and a sequence number */
	image_put64(im, b + T_SCX + E_OPS_STATE, 3);	       /* on its way */
	image_put64(im, c + T_SCX + E_OPS_STATE, 2);
	image_dsq_push(im, image_user_dsq(im, 0, 1), c);
	image_walk(im);
	CU_ASSERT_TRUE(task_is_held(image_find_task(im, a)));
	CU_ASSERT_FALSE(task_is_held(image_find_task(im, b)));
	CU_ASSERT_FALSE(task_is_held(image_find_task(im, c)));
	scx_image_free(im);
}

/* --dsq: rows asked for come first, by number or origin, and the tasks on them too. */
static void test_select(void)
{
	static const char *const ids[] = { "0x7", "local cpu 2" }, *const none[] = { "8" };
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), dsq = image_user_dsq(im, 0, 7);

	image_task(im, 9, "other");
	image_dsq_push(im, dsq, b);
	image_dsq_push(im, image_local_dsq(2), a);
	im->opts.dsqs = ids;
	im->opts.nr_dsqs = 2;
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(scx_nr_dsqs_shown(&im->r->scx), 2);
	CU_ASSERT_EQUAL(im->r->scx.dsqs.data[0].kva.v, image_local_dsq(2));
	CU_ASSERT_EQUAL(im->r->scx.dsqs.data[1].kva.v, dsq);
	/* The others are still there, for who judges. */
	CU_ASSERT_TRUE(im->r->scx.dsqs.nr > 2);
	CU_ASSERT_EQUAL_FATAL(report_nr_tasks_shown(im->r), 2);
	CU_ASSERT_EQUAL(im->r->tasks.data[0].kva.v, a);
	CU_ASSERT_EQUAL(im->r->tasks.data[1].kva.v, b);
	CU_ASSERT_FALSE(report_is_partial(im->r));
	scx_image_free(im);

	im = scx_image_new(IMAGE_ROOT, NULL);
	image_user_dsq(im, 0, 7);
	im->opts.dsqs = none;
	im->opts.nr_dsqs = 1;
	image_walk(im);
	CU_ASSERT_EQUAL(scx_nr_dsqs_shown(&im->r->scx), 0);
	CU_ASSERT_TRUE(report_is_partial(im->r));
	assert_text(report_find_section(im->r, "--dsq")->cut, "no DSQ is \"8\"; there is 0x7");
	scx_image_free(im);
}

/* A table that is being replaced by a bigger one: queues are in either. */
static void test_resize(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t old = image_get64(im, im->dsq_hash), a = image_user_dsq(im, 0, 4), b, bigger;

	bigger = image_alloc(im, 64 + 4 * 8);
	image_put32(im, bigger, 4);
	image_put64(im, im->dsq_hash, bigger);
	b = image_user_dsq(im, 0, 5);
	image_put64(im, im->dsq_hash, old);
	image_put64(im, old + 16, bigger);
	image_walk(im);
	CU_ASSERT_PTR_NOT_NULL(image_find_dsq(im, a));
	CU_ASSERT_PTR_NOT_NULL(image_find_dsq(im, b));
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	scx_image_free(im);
}

/* Without these members the rest is told, and nothing is made up. */
static void test_missing(void)
{
	static const char *const drops[] = { "rq.idle", "rq.clock", "scx_rq.cpus_to_kick", "scx_dispatch_q.priq",
					     "scx_dispatch_q.first_task", "sched_ext_entity.dsq_priq",
					     "task_struct.sched_class" };

	for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
		struct scx_image *im = scx_image_new(IMAGE_ROOT, drops[i]);
		uint64_t a = image_task(im, 10, "a"), dsq = image_user_dsq(im, 0, 7);

		image_dsq_push(im, dsq, a);
		image_dsq_tree(im, dsq, &a, 1);
		image_put64(im, a + T_LAST_ARRIVAL, 5);
		image_put64(im, image_rq(1) + RQ_CURR, a);
		image_put64(im, image_rq(1) + RQ_CLOCK, 10);
		image_walk(im);
		CU_ASSERT_EQUAL(status(im), SECTION_NOT_IMPLEMENTED);
		assert_text(image_detail(im, "scx"), drops[i]);
		CU_ASSERT_EQUAL_FATAL(im->r->scx.rqs.nr, IMAGE_CPUS);
		const struct scx_rq_row *rq = &im->r->scx.rqs.data[1];
		CU_ASSERT_EQUAL(rq->curr_ran.has, strcmp(drops[i], "rq.clock") != 0);
		CU_ASSERT_EQUAL(rq->has_idle, strcmp(drops[i], "rq.idle") != 0);
		CU_ASSERT_EQUAL(rq->curr_class != NULL, strcmp(drops[i], "task_struct.sched_class") != 0);
		CU_ASSERT_EQUAL(image_find_dsq(im, dsq)->nr_tasks, 1);
		CU_ASSERT_EQUAL(image_find_dsq(im, dsq)->by_vtime, !strstr(drops[i], "priq"));
		scx_image_free(im);
	}
}

UNIT_MAIN("walk-scx-cpus",
	  { "for how long a task has its CPU", test_turn },
	  { "CPUs that are bypassed, and to be kicked", test_marks },
	  { "a queue by vtime", test_tree },
	  { "what contradicts itself", test_contradictions },
	  { "tasks that are held", test_held },
	  { "only the queues asked for", test_select },
	  { "queues in a table that is being resized", test_resize },
	  { "members that are missing", test_missing })
