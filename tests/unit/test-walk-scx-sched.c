/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Schedulers: why they ended, what they counted, which there are. */
#include "config.h"

#include <stdio.h>

#include "scx-image.h"
#include "unit.h"

static enum section_status status(const struct scx_image *im, const char *section)
{
	const struct section *s = report_find_section(im->r, section);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s->status;
}

static void assert_text(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fprintf(stderr, "# \"%s\" is not in \"%s\"\n", part, text ? text : "(null)");
	CU_ASSERT_TRUE(text && strstr(text, part));
}

/* What image_exit() makes. */
static void check_exit(const struct scx_exit_row *x, uint64_t info, bool has_cpu)
{
	CU_ASSERT_TRUE_FATAL(x->has);
	CU_ASSERT_PTR_NULL(x->why);
	CU_ASSERT_EQUAL(x->kva.v, info);
	CU_ASSERT_EQUAL(x->kind, 1026);
	CU_ASSERT_STRING_EQUAL(x->kind_name, "SCX_EXIT_ERROR_STALL");
	CU_ASSERT_EQUAL(x->code.v, 1ull << 48 | 1ull << 32 | 7);
	CU_ASSERT_STRING_EQUAL(x->code_names, "RSN_HOTPLUG|ACT_RESTART");
	CU_ASSERT_TRUE(x->has_cpu == has_cpu && x->cpu == (has_cpu ? 2 : 0)); /* 7.2 */
	CU_ASSERT_STRING_EQUAL(x->reason, "runnable task stall");
	CU_ASSERT_STRING_EQUAL(x->msg, "x[1] failed to run");
	CU_ASSERT_STRING_EQUAL(x->dump, "line\nline");
	CU_ASSERT_FALSE(x->dump_cut);
	CU_ASSERT_EQUAL_FATAL(x->nr_bt, 1);
	CU_ASSERT_EQUAL(x->bt[0], 0xffffffff81100010);
	assert_text(x->symbols[0], "native_queued_spin_lock_slowpath+0x10/0x");
}

static void test_exit(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t info = image_exit(im, im->sched, 1026);

	image_put32(im, im->sched + S_EXIT_KIND, 1026);
	image_put64(im, im->sched + S_OPS_FLAGS, 0x400a);
	image_put64(im, image_var("scx_watchdog_timestamp"), 4900);
	image_put64(im, image_var("scx_enable_seq"), 3);
	image_walk(im);
	check_exit(&im->r->scx.sched.exit, info, false);
	CU_ASSERT_STRING_EQUAL(im->r->scx.sched.ops_flag_names, "ENQ_LAST|SWITCH_PARTIAL|0x4000");
	CU_ASSERT_EQUAL(im->r->scx.watchdog_timestamp.v, 4900);
	CU_ASSERT_EQUAL(im->r->scx.enable_seq.v, 3);
	CU_ASSERT_EQUAL(im->r->scx.sched.role, SCX_ROOT);
	CU_ASSERT_EQUAL(im->r->scx.others.nr, 0);
	CU_ASSERT_EQUAL(status(im, "scx"), SECTION_COMPLETE);
	scx_image_free(im);

	im = scx_image_new(IMAGE_SUBS, NULL);
	info = image_exit(im, im->sched, 1026);
	image_put32(im, im->sched + S_EXIT_KIND, 1026);
	image_walk(im);
	check_exit(&im->r->scx.sched.exit, info, true);
	scx_image_free(im);

	/* To 6.15 a variable leads to it. */
	im = scx_image_new(IMAGE_STATIC, NULL);
	info = image_exit(im, 0, 1026);
	image_walk(im);
	check_exit(&im->r->scx.sched.exit, info, false);
	scx_image_free(im);
}

static void test_exit_none(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

	/* It runs: whatever is in the buffers is of no interest. */
	image_exit(im, im->sched, 0);
	image_walk(im);
	CU_ASSERT_FALSE(im->r->scx.sched.exit.has);
	CU_ASSERT_PTR_NULL(im->r->scx.sched.exit.msg);
	scx_image_free(im);

	/* Claimed, and nothing written yet. */
	im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t info = image_exit(im, im->sched, 0);
	image_put32(im, im->sched + S_EXIT_KIND, 1026);
	image_put64(im, info + X_REASON, 0);
	image_put64(im, info + X_BT_LEN, 0);
	image_put64(im, image_get64(im, info + X_MSG), 0);
	image_walk(im);
	CU_ASSERT_TRUE(im->r->scx.sched.exit.has);
	CU_ASSERT_PTR_NULL(im->r->scx.sched.exit.reason);
	CU_ASSERT_PTR_NULL(im->r->scx.sched.exit.msg);
	CU_ASSERT_EQUAL(im->r->scx.sched.exit.nr_bt, 0);
	CU_ASSERT_EQUAL(status(im, "scx"), SECTION_COMPLETE);
	scx_image_free(im);
}

static void test_exit_unreadable(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t info = image_exit(im, im->sched, 1026);

	/* One part is lost, the others are there. */
	image_put32(im, im->sched + S_EXIT_KIND, 1026);
	image_put64(im, info + X_MSG, 0xffff8880deadb000);
	image_put32(im, info + X_BT_LEN, 0xffffffff);
	image_walk(im);
	const struct scx_exit_row *x = &im->r->scx.sched.exit;
	CU_ASSERT_TRUE(x->has);
	CU_ASSERT_PTR_NULL(x->msg);
	CU_ASSERT_EQUAL(x->nr_bt, 0);
	CU_ASSERT_STRING_EQUAL(x->reason, "runnable task stall");
	CU_ASSERT_STRING_EQUAL(x->dump, "line\nline");
	assert_text(x->why, "message: cannot read 0xffff8880deadb000");
	CU_ASSERT_EQUAL(status(im, "scx"), SECTION_NOT_READABLE);
	assert_text(image_detail(im, "scx"), "exit record: message: cannot read");
	scx_image_free(im);

	/* The record itself; the scheduler's state is known all the same. */
	im = scx_image_new(IMAGE_ROOT, NULL);
	image_put64(im, im->sched + S_EXIT, 0xffff8880deadb000);
	image_walk(im);
	CU_ASSERT_TRUE(im->r->scx.has_sched);
	CU_ASSERT_FALSE(im->r->scx.sched.exit.has);
	CU_ASSERT_EQUAL(status(im, "scx"), SECTION_NOT_READABLE);
	scx_image_free(im);
}

/* A text without an end, over many pages. */
static void test_dump_cut(void)
{
	static uint8_t page[PAGE_SIZE];
	const uint64_t at = 0xffff888005000000;
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t info = image_exit(im, im->sched, 1026);

	memset(page, 'a', sizeof(page));
	for (size_t i = 0; i < 300; i++)
		fake_kernel_write(im->fk, at + i * PAGE_SIZE, page, PAGE_SIZE);
	image_put32(im, im->sched + S_EXIT_KIND, 1026);
	image_put64(im, info + X_DUMP, at + 100);
	image_put64(im, info + X_REASON, at);
	image_walk(im);
	const struct scx_exit_row *x = &im->r->scx.sched.exit;
	CU_ASSERT_TRUE(x->dump_cut);
	CU_ASSERT_EQUAL(strlen(x->dump), 1 << 20);
	CU_ASSERT_EQUAL(strlen(x->reason), 256);
	CU_ASSERT_EQUAL(status(im, "scx"), SECTION_COMPLETE);
	scx_image_free(im);
}

static void test_events(void)
{
	for (int subs = 0; subs < 2; subs++) {
		struct scx_image *im = scx_image_new(subs ? IMAGE_SUBS : IMAGE_ROOT, NULL);

		image_put64(im, image_events(im, 0) + EV_KEEP, 40);
		image_put64(im, image_events(im, 3) + EV_KEEP, 2);
		image_put64(im, image_events(im, 1) + EV_NEW, INT64_MAX);
		image_put64(im, image_events(im, 2) + EV_NEW, INT64_MAX);
		image_put64(im, image_events(im, 3) + EV_FALLBACK, (uint64_t)-5);
		image_walk(im);

		const struct scx_events *ev = &im->r->scx.sched.events;
		CU_ASSERT_EQUAL_FATAL(ev->nr, 3);
		CU_ASSERT_EQUAL_FATAL(ev->nr_cpus, IMAGE_CPUS);
		CU_ASSERT_STRING_EQUAL(ev->names[1], "DISPATCH_KEEP_LAST");
		CU_ASSERT_STRING_EQUAL(ev->names[2], "OF_TOMORROW");
		CU_ASSERT_EQUAL(ev->sums[0], -5);
		CU_ASSERT_EQUAL(ev->sums[1], 42);
		CU_ASSERT_EQUAL(ev->sums[2], INT64_MAX);
		CU_ASSERT_EQUAL(ev->counts[3 * 3 + 1], 2);
		CU_ASSERT_EQUAL(status(im, "event_counters"), SECTION_COMPLETE);
		scx_image_free(im);
	}

	/* A counter that the types put behind the struct is none. */
	struct scx_image *im = scx_image_new(IMAGE_ROOT, "behind");
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.sched.events.nr, 3);
	CU_ASSERT_EQUAL(im->r->scx.sched.events.nr_cpus, IMAGE_CPUS);
	scx_image_free(im);

	/* No such thing, and no scheduler. */
	im = scx_image_new(IMAGE_STATIC, NULL);
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.sched.events.nr_cpus, 0);
	CU_ASSERT_EQUAL(status(im, "event_counters"), SECTION_NOT_IN_KERNEL);
	scx_image_free(im);

	im = scx_image_new(IMAGE_ROOT, NULL);
	image_put64(im, image_var("scx_root"), 0);
	image_walk(im);
	assert_text(image_detail(im, "event_counters"), "no scheduler");
	scx_image_free(im);

	/* Not one CPU's are zeros that were never read. */
	im = scx_image_new(IMAGE_ROOT, NULL);
	image_put64(im, im->sched + S_EVENTS, 0xdead000000);
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.sched.events.nr_cpus, 0);
	CU_ASSERT_EQUAL(status(im, "event_counters"), SECTION_NOT_READABLE);
	assert_text(image_detail(im, "scx"), "event counters of CPU 0: cannot read");
	scx_image_free(im);
}

/* It is gone, but not for him who loaded it. */
static void test_ended(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t ended = image_ended_sched(im), info = image_exit(im, ended, 1026);

	image_put64(im, image_var("scx_root"), 0);
	image_put32(im, image_var("scx_enable_state_var"), 3);
	image_walk(im);
	CU_ASSERT_FALSE(im->r->scx.has_sched);
	CU_ASSERT_EQUAL_FATAL(im->r->scx.others.nr, 1);
	const struct scx_sched_row *row = &im->r->scx.others.data[0];
	CU_ASSERT_EQUAL(row->role, SCX_EXITED);
	CU_ASSERT_EQUAL(row->kva.v, ended);
	CU_ASSERT_STRING_EQUAL(row->ops_name, "ended");
	check_exit(&row->exit, info, false);
	CU_ASSERT_EQUAL(row->events.nr_cpus, IMAGE_CPUS);
	/* These are one for all schedulers, and so say nothing of it. */
	CU_ASSERT_FALSE(row->watchdog_timeout.has);
	CU_ASSERT_EQUAL(status(im, "scx"), SECTION_COMPLETE);
	scx_image_free(im);

	/* The map of the scheduler that runs leads to the root. */
	im = scx_image_new(IMAGE_ROOT, NULL);
	ended = image_ended_sched(im);
	image_put64(im, im->map + 128 + 64 + 144, im->sched);
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.others.nr, 0);
	scx_image_free(im);

	/* Not yet in place. */
	im = scx_image_new(IMAGE_ROOT, NULL);
	ended = image_ended_sched(im);
	image_put32(im, ended + S_EXIT_KIND, 0);
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->scx.others.nr, 1);
	CU_ASSERT_EQUAL(im->r->scx.others.data[0].role, SCX_STARTING);
	scx_image_free(im);

	/* Something else entirely. */
	im = scx_image_new(IMAGE_ROOT, NULL);
	image_ended_sched(im);
	image_put64(im, im->map + 128 + 64 + 144, 0xffff8880deadb000);
	image_walk(im);
	assert_text(image_detail(im, "scx"), "scheduler 0xffff8880deadb000: cannot read");
	scx_image_free(im);
}

static void test_subs(void)
{
	struct scx_image *im = scx_image_new(IMAGE_SUBS, NULL);
	uint64_t sub = image_sub_sched(im);

	image_put32(im, sub + S_BYPASS, 4);
	image_put64(im, sub + S_WATCHDOG, 99);
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.nr_subs, 1);
	CU_ASSERT_EQUAL_FATAL(im->r->scx.others.nr, 1);
	const struct scx_sched_row *row = &im->r->scx.others.data[0];
	CU_ASSERT_EQUAL(row->role, SCX_SUB);
	CU_ASSERT_STRING_EQUAL(row->ops_name, "sub");
	CU_ASSERT_EQUAL(row->level.v, 1);
	CU_ASSERT_EQUAL(row->parent.v, im->sched);
	CU_ASSERT_STRING_EQUAL(row->cgroup_path, "/batch");
	CU_ASSERT_EQUAL(row->bypass_depth, 4);
	CU_ASSERT_EQUAL(row->watchdog_timeout.v, 99);
	CU_ASSERT_EQUAL(im->r->scx.sched.parent.v, 0);
	scx_image_free(im);

	/* A level that cannot be: no parent is read behind the object. */
	im = scx_image_new(IMAGE_SUBS, NULL);
	sub = image_sub_sched(im);
	image_put32(im, sub + S_LEVEL, 0x7fffffff);
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.others.data[0].parent.v, 0);
	CU_ASSERT_EQUAL(status(im, "scx"), SECTION_COMPLETE);
	scx_image_free(im);
}

/* Of a kernel that nobody has seen the rest is told, and the absentees by name. */
static void test_missing(void)
{
	static const struct {
		const char *drop, *group;
	} cases[] = {
		{ "scx_exit_info.msg", "scx_exit_info" },
		{ "scx_exit_info", "scx_exit_info" },
		{ "scx_sched.exit_info", "scx_sched" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scx_image *im = scx_image_new(IMAGE_ROOT, cases[i].drop);

		image_exit(im, im->sched, 1026);
		image_put32(im, im->sched + S_EXIT_KIND, 1026);
		image_walk(im);
		assert_text(im->r->scx.unavailable, cases[i].group);
		assert_text(image_detail(im, "scx"), cases[i].drop);
		CU_ASSERT_TRUE(im->r->scx.has_sched);
		CU_ASSERT_EQUAL(im->r->scx.sched.exit_kind, 1026);
		CU_ASSERT_PTR_NULL(im->r->scx.sched.exit.msg);
		CU_ASSERT_EQUAL(im->r->scx.sched.events.nr_cpus, IMAGE_CPUS);
		scx_image_free(im);
	}

	struct scx_image *im = scx_image_new(IMAGE_ROOT, "scx_event_stats");
	image_walk(im);
	CU_ASSERT_EQUAL(status(im, "event_counters"), SECTION_NOT_IN_KERNEL);
	scx_image_free(im);
}

UNIT_MAIN("walk-scx-sched",
	  { "the exit record", test_exit },
	  { "none, and one that is not written yet", test_exit_none },
	  { "one of which parts cannot be read", test_exit_unreadable },
	  { "a dump without an end", test_dump_cut },
	  { "event counters", test_events },
	  { "a scheduler that has ended", test_ended },
	  { "schedulers below the root", test_subs },
	  { "missing members are named", test_missing })
