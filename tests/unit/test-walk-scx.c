/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "scx-image.h"
#include "unit.h"

static void assert_text(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fprintf(stderr, "# \"%s\" is not in \"%s\"\n", part, text ? text : "(null)");
	CU_ASSERT_TRUE(text && strstr(text, part));
}

static enum section_status status(const struct scx_image *im)
{
	const struct section *s = report_find_section(im->r, "scx");

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s->status;
}

static size_t count_dsqs(const struct scx_image *im, enum dsq_origin origin)
{
	size_t n = 0;

	for (size_t i = 0; i < im->r->scx.dsqs.nr; i++)
		n += im->r->scx.dsqs.data[i].origin == origin;
	return n;
}

/* ---- lists */

static void test_dsq(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), c = image_task(im, 12, "c");
	uint64_t user = image_user_dsq(im, 0, 0x5e7), other = image_user_dsq(im, 0, 0x10);
	uint64_t third = image_user_dsq(im, 0, 0x11);

	image_dsq_push(im, user, b);
	image_dsq_push(im, user, a);
	image_dsq_push(im, image_local_dsq(1), c);
	image_walk(im);

	const struct scx_state *scx = &im->r->scx;
	CU_ASSERT_TRUE(scx->in_kernel);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	CU_ASSERT_STRING_EQUAL(image_detail(im, "scx"), "");
	CU_ASSERT_PTR_NULL(scx->unavailable);

	const struct dsq_row *d = image_find_dsq(im, user);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->origin, DSQ_USER);
	CU_ASSERT_EQUAL(d->id, 0x5e7);
	CU_ASSERT_EQUAL(d->nr, 2);
	CU_ASSERT_EQUAL_FATAL(d->nr_tasks, 2);
	CU_ASSERT_EQUAL(d->tasks[0].v, b);
	CU_ASSERT_EQUAL(d->tasks[1].v, a);
	CU_ASSERT_FALSE(d->truncated);

	d = image_find_dsq(im, image_local_dsq(1));
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->origin, DSQ_LOCAL);
	CU_ASSERT_EQUAL(d->index, 1);
	CU_ASSERT_EQUAL(d->id, 1ull << 63 | 2);
	CU_ASSERT_EQUAL_FATAL(d->nr_tasks, 1);
	CU_ASSERT_EQUAL(d->tasks[0].v, c);

	/* Local, bypass, global, user by id. */
	CU_ASSERT_EQUAL_FATAL(scx->dsqs.nr, IMAGE_CPUS + IMAGE_CPUS + 2 + 3);
	for (uint32_t cpu = 0; cpu < IMAGE_CPUS; cpu++) {
		CU_ASSERT_EQUAL(scx->dsqs.data[cpu].kva.v, image_local_dsq(cpu));
		CU_ASSERT_EQUAL(scx->dsqs.data[IMAGE_CPUS + cpu].origin, DSQ_BYPASS);
		CU_ASSERT_EQUAL(scx->dsqs.data[IMAGE_CPUS + cpu].index, cpu);
	}
	CU_ASSERT_EQUAL(scx->dsqs.data[8].origin, DSQ_GLOBAL);
	CU_ASSERT_EQUAL(scx->dsqs.data[8].index, 0);
	CU_ASSERT_EQUAL(scx->dsqs.data[9].index, 2);
	CU_ASSERT_EQUAL(scx->dsqs.data[10].kva.v, other);
	CU_ASSERT_EQUAL(scx->dsqs.data[11].kva.v, third);
	CU_ASSERT_EQUAL(scx->dsqs.data[12].kva.v, user);
	scx_image_free(im);
}

static void test_cursor(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b");
	uint64_t dsq = image_user_dsq(im, 0, 1);

	/* As near to the start of mapped memory as can be: there is no task around it to be read. */
	image_dsq_cursor(im, dsq, 0xffff888003000000);
	image_dsq_push(im, dsq, a);
	image_dsq_cursor(im, dsq, image_alloc(im, 24));
	image_dsq_push(im, dsq, b);
	image_walk(im);

	const struct dsq_row *d = image_find_dsq(im, dsq);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL_FATAL(d->nr_tasks, 2);
	CU_ASSERT_EQUAL(d->tasks[0].v, a);
	CU_ASSERT_EQUAL(d->tasks[1].v, b);
	CU_ASSERT_FALSE(d->truncated);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	scx_image_free(im);
}

static void test_cursor_unreadable(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), dsq = image_user_dsq(im, 0, 1);
	uint64_t node = 0xffff888003000ff0; /* its flags are on the next page */

	image_dsq_push(im, dsq, a);
	image_list_add(im, dsq + D_LIST, node);
	image_walk(im);

	const struct dsq_row *d = image_find_dsq(im, dsq);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->nr_tasks, 1);
	CU_ASSERT_TRUE(d->truncated);
	assert_text(d->why, "1 entries left out");
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_READABLE);
	scx_image_free(im);
}

static void test_loop(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), dsq = image_user_dsq(im, 0, 7);

	image_dsq_push(im, dsq, a);
	image_dsq_push(im, dsq, b);
	/* b leads back to a, not to the head. */
	image_put64(im, b + T_SCX + E_DSQ_LIST, a + T_SCX + E_DSQ_LIST);
	image_walk(im);

	const struct dsq_row *d = image_find_dsq(im, dsq);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->nr_tasks, 2);
	CU_ASSERT_TRUE(d->truncated);
	assert_text(d->why, "after 2 tasks: ");
	CU_ASSERT_EQUAL(status(im), SECTION_IMPLAUSIBLE);
	assert_text(image_detail(im, "scx"), "DSQ 0x7: after 2 tasks: ");
	scx_image_free(im);
}

static void test_broken(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), dsq = image_user_dsq(im, 0, 7);

	image_dsq_push(im, dsq, a);
	image_put64(im, a + T_SCX + E_DSQ_LIST, 0xffff8880deadbee0);
	image_list_add(im, image_rq(2) + RQ_SCX + R_RUNNABLE, a + T_SCX + E_RUNNABLE);
	image_put64(im, a + T_SCX + E_RUNNABLE, 0xffff8880deadbee0);
	image_walk(im);

	const struct dsq_row *d = image_find_dsq(im, dsq);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->nr_tasks, 1);
	assert_text(d->why, "after 1 tasks: cannot read 0xffff8880deadbee0");
	CU_ASSERT_EQUAL_FATAL(im->r->scx.rqs.nr, IMAGE_CPUS);
	CU_ASSERT_TRUE(im->r->scx.rqs.data[2].truncated);
	CU_ASSERT_EQUAL(im->r->scx.rqs.data[2].nr_runnable, 1);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_READABLE);
	assert_text(image_detail(im, "scx"), "runnable tasks of CPU 2: after 1 tasks");
	scx_image_free(im);
}

static void test_count(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t dsq = image_user_dsq(im, 0, 7);

	image_put32(im, dsq + D_NR, 3);
	image_walk(im);
	CU_ASSERT_EQUAL(status(im), SECTION_IMPLAUSIBLE);
	assert_text(image_detail(im, "scx"), "DSQ 0x7: nr is 3, but 0 tasks are on its list");
	scx_image_free(im);

	/* Somebody was about to change it. */
	im = scx_image_new(IMAGE_ROOT, NULL);
	dsq = image_user_dsq(im, 0, 7);
	image_put32(im, dsq + D_NR, 3);
	image_put32(im, dsq + D_LOCK, 1);
	image_put32(im, image_local_dsq(3) + D_NR, 1);
	image_put32(im, image_rq(3) + RQ_LOCK, 1);
	image_walk(im);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	assert_text(image_detail(im, "scx"), "on its list; it was being changed");
	assert_text(image_detail(im, "scx"), "local DSQ of CPU 3: nr is 1");
	scx_image_free(im);
}

/* ---- CPUs */

static void test_rqs(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "busy"), scx = image_rq(3) + RQ_SCX;

	image_list_add(im, scx + R_RUNNABLE, a + T_SCX + E_RUNNABLE);
	image_put64(im, image_rq(3) + RQ_CURR, b);
	image_put32(im, scx + R_NR_RUNNING, 2);
	image_put32(im, scx + R_FLAGS, 0x4011);
	image_put32(im, scx + R_RELEASED, 1);
	image_put64(im, scx + R_KICK_SYNC, 77);
	/* A hole, and a CPU that is not possible; its slot of the array is that of CPU 0. */
	im->fk->k->possible[2] = false;
	im->fk->k->percpu_off[2] = im->fk->k->percpu_off[0];
	image_walk(im);

	const struct scx_state *s = &im->r->scx;
	CU_ASSERT_EQUAL_FATAL(s->rqs.nr, 3);
	CU_ASSERT_EQUAL(s->rqs.data[0].cpu, 0);
	CU_ASSERT_EQUAL(s->rqs.data[1].cpu, 1);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_LOCAL), 3);

	const struct scx_rq_row *rq = &s->rqs.data[2];
	CU_ASSERT_EQUAL(rq->cpu, 3);
	CU_ASSERT_EQUAL(rq->nr_running.v, 2);
	CU_ASSERT_EQUAL(rq->flags.v, 0x4011);
	CU_ASSERT_STRING_EQUAL(rq->flag_names, "ONLINE|BYPASSING|0x4000");
	CU_ASSERT_TRUE(rq->cpu_released);
	CU_ASSERT_TRUE(rq->kick_sync.has && rq->kick_sync.v == 77);
	CU_ASSERT_TRUE(rq->clock.has && rq->clock.v == 1003);
	CU_ASSERT_FALSE(rq->nr_immed.has);
	CU_ASSERT_TRUE(rq->has_curr);
	CU_ASSERT_EQUAL(rq->curr_pid, 11);
	CU_ASSERT_STRING_EQUAL(rq->curr_comm, "busy");
	CU_ASSERT_EQUAL_FATAL(rq->nr_runnable, 1);
	CU_ASSERT_EQUAL(rq->runnable[0].v, a);
	scx_image_free(im);
}

static void test_curr_unreadable(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

	image_put64(im, image_rq(1) + RQ_CURR, 0xffff8880deadb000);
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->scx.rqs.nr, IMAGE_CPUS);
	CU_ASSERT_FALSE(im->r->scx.rqs.data[1].has_curr);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_READABLE);
	assert_text(image_detail(im, "scx"), "CPU 1: running task: cannot read 0xffff8880deadb");
	scx_image_free(im);
}

/* ---- schedulers */

static void test_root(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

	image_put32(im, im->sched + S_EXIT_KIND, 1026);
	image_put32(im, image_var("scx_bypass_depth"), 1);
	image_put32(im, image_var("scx_aborting"), 1);
	image_walk(im);

	const struct scx_state *s = &im->r->scx;
	CU_ASSERT_TRUE_FATAL(s->has_sched);
	CU_ASSERT_EQUAL(s->sched.kva.v, im->sched);
	CU_ASSERT_STRING_EQUAL(s->sched.ops_name, "test");
	CU_ASSERT_EQUAL(s->sched.exit_kind, 1026);
	CU_ASSERT_STRING_EQUAL(s->sched.exit_kind_name, "SCX_EXIT_ERROR_STALL");
	CU_ASSERT_TRUE(s->sched.aborting);
	CU_ASSERT_EQUAL(s->sched.bypass_depth, 1);
	CU_ASSERT_TRUE(s->sched.watchdog_timeout.has);
	CU_ASSERT_EQUAL(s->sched.watchdog_timeout.v, 7500);
	CU_ASSERT_TRUE(s->sched.timeout_ms.has && s->sched.timeout_ms.v == 30000);
	CU_ASSERT_STRING_EQUAL(s->enable_state, "enabled");
	CU_ASSERT_EQUAL(s->jiffies, 5000);
	scx_image_free(im);
}

static void test_none(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

	image_put64(im, image_var("scx_root"), 0);
	image_put32(im, image_var("scx_enable_state_var"), 3);
	image_walk(im);
	CU_ASSERT_FALSE(im->r->scx.has_sched);
	CU_ASSERT_STRING_EQUAL(im->r->scx.enable_state, "disabled");
	CU_ASSERT_STRING_EQUAL(im->r->scx.unavailable, "scx_root is NULL (no scheduler attached)");
	CU_ASSERT_EQUAL(im->r->scx.rqs.nr, IMAGE_CPUS);
	CU_ASSERT_EQUAL(im->r->scx.dsqs.nr, 2 * IMAGE_CPUS);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	scx_image_free(im);
}

static void test_static(void)
{
	struct scx_image *im = scx_image_new(IMAGE_STATIC, NULL);
	uint64_t a = image_task(im, 10, "a"), dsq = image_user_dsq(im, 0, 5);

	image_dsq_push(im, dsq, a);
	image_walk(im);

	const struct scx_state *s = &im->r->scx;
	CU_ASSERT_TRUE_FATAL(s->has_sched);
	CU_ASSERT_EQUAL(s->sched.kva.v, 0);
	CU_ASSERT_STRING_EQUAL(s->sched.ops_name, "old");
	CU_ASSERT_EQUAL(s->sched.bypass_depth, 2);
	CU_ASSERT_EQUAL(s->sched.exit_kind, 1026);
	CU_ASSERT_EQUAL(s->sched.watchdog_timeout.v, 7500);
	CU_ASSERT_STRING_EQUAL(s->enable_state, "enabled");
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_GLOBAL), 2);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_BYPASS), 0);
	CU_ASSERT_EQUAL(image_find_dsq(im, dsq)->nr_tasks, 1);
	CU_ASSERT_PTR_NULL(s->unavailable);
	CU_ASSERT_STRING_EQUAL(image_detail(im, "scx"), "");
	scx_image_free(im);

	im = scx_image_new(IMAGE_STATIC, NULL);
	image_put32(im, image_var("scx_ops_enable_state_var"), 3);
	image_walk(im);
	CU_ASSERT_FALSE(im->r->scx.has_sched);
	CU_ASSERT_STRING_EQUAL(im->r->scx.unavailable, "scx_root is NULL (no scheduler attached)");
	scx_image_free(im);
}

static void test_subs(void)
{
	struct scx_image *im = scx_image_new(IMAGE_SUBS, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b");
	uint64_t sub = image_sub_sched(im), dsq = image_user_dsq(im, sub + S_HASH, 9);

	image_put32(im, im->sched + S_BYPASS, 3);
	image_put32(im, im->sched + S_ABORTING, 1);
	image_put64(im, im->sched + S_WATCHDOG, 2500);
	image_dsq_push(im, dsq, a);
	/* Rows of these only if something is on them. */
	image_dsq_push(im, image_rq(2) + RQ_SCX + R_REJECT, b);
	image_walk(im);

	const struct scx_state *s = &im->r->scx;
	CU_ASSERT_STRING_EQUAL(image_detail(im, "scx"), "");
	CU_ASSERT_EQUAL(s->sched.bypass_depth, 3);
	CU_ASSERT_TRUE(s->sched.aborting);
	CU_ASSERT_EQUAL(s->sched.watchdog_timeout.v, 2500);
	CU_ASSERT_EQUAL(s->nr_subs, 1);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_GLOBAL), 4);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_BYPASS), 2 * IMAGE_CPUS);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_REJECT), 1);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_RESCUE), 0);

	const struct dsq_row *d = image_find_dsq(im, dsq);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_EQUAL(d->sched.v, sub);
	CU_ASSERT_EQUAL(d->nr_tasks, 1);
	/* The root's come first and have no mark. */
	d = &s->dsqs.data[IMAGE_CPUS];
	CU_ASSERT_EQUAL(d->origin, DSQ_BYPASS);
	CU_ASSERT_EQUAL(d->sched.v, 0);
	CU_ASSERT_EQUAL(d[IMAGE_CPUS].sched.v, sub);
	scx_image_free(im);
}

static void test_nodes(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

	image_put32(im, image_var("nr_node_ids"), 0x7fffffff);
	image_walk(im);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_GLOBAL), 0);
	assert_text(image_detail(im, "scx"), "nr_node_ids is 2147483647");
	CU_ASSERT_TRUE(im->r->scx.has_sched);
	scx_image_free(im);
}

/* ---- kernels that lack something */

static void test_no_scx(void)
{
	struct scx_image *im = scx_image_new(IMAGE_NO_SCX, NULL);

	image_walk(im);
	CU_ASSERT_FALSE(im->r->scx.in_kernel);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_IN_KERNEL);
	CU_ASSERT_STRING_EQUAL(im->r->scx.unavailable, "no scx walker capture");
	CU_ASSERT_EQUAL(im->r->scx.rqs.nr, 0);
	scx_image_free(im);
}

static struct scx_image *without(const char *what, const char *unavailable)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, what);
	uint64_t a = image_task(im, 10, "a");

	image_dsq_push(im, image_user_dsq(im, 0, 1), a);
	image_list_add(im, image_rq(0) + RQ_SCX + R_RUNNABLE, a + T_SCX + E_RUNNABLE);
	image_walk(im);
	CU_ASSERT_STRING_EQUAL(im->r->scx.unavailable, unavailable);
	assert_text(image_detail(im, "scx"), what);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_IMPLEMENTED);
	return im;
}

static void test_missing(void)
{
	struct scx_image *im = without("scx_dsq_list_node.flags",
				       "scx walker partial: missing offset groups [scx_dsq_list_node]");
	/* What cannot be told from an iterator is no task. */
	CU_ASSERT_EQUAL(im->r->scx.dsqs.data[im->r->scx.dsqs.nr - 1].nr, 1);
	CU_ASSERT_EQUAL(im->r->scx.dsqs.data[im->r->scx.dsqs.nr - 1].nr_tasks, 0);
	CU_ASSERT_TRUE(im->r->scx.dsqs.data[im->r->scx.dsqs.nr - 1].truncated);
	CU_ASSERT_EQUAL(im->r->scx.rqs.data[0].nr_runnable, 1);
	scx_image_free(im);

	im = without("scx_rq.local_dsq", "scx walker partial: missing offset groups [scx_rq]");
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_LOCAL), 0);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_USER), 1);
	CU_ASSERT_EQUAL(im->r->scx.rqs.nr, IMAGE_CPUS);
	scx_image_free(im);

	im = without("sched_ext_entity.runnable_node",
		     "scx walker partial: missing offset groups [sched_ext_entity]");
	CU_ASSERT_EQUAL(im->r->scx.rqs.data[0].nr_runnable, 0);
	CU_ASSERT_TRUE(im->r->scx.rqs.data[0].truncated);
	CU_ASSERT_EQUAL(im->r->scx.dsqs.data[im->r->scx.dsqs.nr - 1].nr_tasks, 1);
	scx_image_free(im);

	im = without("rq.scx", "scx walker partial: missing offset groups [rq]");
	CU_ASSERT_EQUAL(im->r->scx.rqs.nr, 0);
	CU_ASSERT_TRUE(im->r->scx.has_sched);
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_USER), 1);
	scx_image_free(im);

	im = without("scx_sched.global_dsqs",
		     "scx walker partial: missing offset groups [scx_sched_pnode, scx_sched]");
	CU_ASSERT_EQUAL(count_dsqs(im, DSQ_GLOBAL), 0);
	scx_image_free(im);

	/* A whole struct: all that hangs on it. */
	im = without("scx_sched", "scx walker partial: missing offset groups [scx_sched, scx_sched_pnode]");
	CU_ASSERT_EQUAL(im->r->scx.rqs.nr, IMAGE_CPUS);
	scx_image_free(im);
}

UNIT_MAIN("walk-scx",
	  { "DSQs of all origins, in order", test_dsq },
	  { "iterators are no tasks", test_cursor },
	  { "nor is what may be one", test_cursor_unreadable },
	  { "a list that loops", test_loop },
	  { "a list that breaks off", test_broken },
	  { "a count that is wrong", test_count },
	  { "run queues; CPUs that are not possible", test_rqs },
	  { "a running task that cannot be read", test_curr_unreadable },
	  { "scx_root", test_root },
	  { "no scheduler", test_none },
	  { "static variables", test_static },
	  { "schedulers below the root", test_subs },
	  { "a number of nodes that makes no sense", test_nodes },
	  { "no sched_ext", test_no_scx },
	  { "missing members are named", test_missing })
