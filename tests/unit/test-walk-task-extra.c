/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks: what is told of them beyond the format, and --task. */
#include "config.h"

#include "scx-image.h"
#include "unit.h"
#include "walk/tasks.h"

static void test_states(void)
{
	static const struct {
		uint32_t state, exit_state;
		char letter;
	} cases[] = {
		{ 0, 0, 'R' },	    { 1, 0, 'S' },	{ 2, 0, 'D' },	   { 4, 0, 'T' },
		{ 8, 0, 't' },	    { 0x402, 0, 'I' },	{ 0x40, 0, 'P' },  { 0x80, 0x10, 'X' },
		{ 0x80, 0x20, 'Z' }, { 0x102, 0, 'D' }, { 0x1000, 0, 'D' }, { 0x8000, 0, 'D' },
		{ 0x200, 0, 'R' },  { 0x2001, 0, 'S' },
	};
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t tasks[ARRAY_SIZE(cases)];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tasks[i] = image_task(im, (uint32_t)i + 1, "state");
		image_put32(im, tasks[i] + T_STATE, cases[i].state);
		image_put32(im, tasks[i] + T_EXIT_STATE, cases[i].exit_state);
	}
	image_walk(im);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CU_ASSERT_EQUAL(image_find_task(im, tasks[i])->x.state_letter, cases[i].letter);
	scx_image_free(im);
}

static void test_extra(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), c = image_task(im, 12, "c");

	image_put64(im, a + T_STACK, 0xffffc90000010000);
	image_put32(im, a + T_FLAGS, 0x200040);
	image_put32(im, a + T_POLICY, 5);
	image_put64(im, a + T_MM, 0xffff888003333000);
	image_put64(im, a + T_CPUS_MASK, 0xd);
	image_put64(im, a + T_START_BOOT, 123);
	image_put64(im, a + T_SUM_EXEC, 456);
	image_put64(im, a + T_PCOUNT, 7);
	image_put64(im, a + T_LAST_ARRIVAL, 6000000000);
	image_put64(im, a + T_EXEC_START, 7000000000 - 100);
	image_put64(im, b + T_LAST_ARRIVAL, 6000000000);
	image_put64(im, b + T_LAST_QUEUED, 6500000000);
	image_put64(im, image_rq(2) + RQ_CURR, c);
	image_walk(im);

	const struct task_extra *x = &image_find_task(im, a)->x;
	CU_ASSERT_TRUE(x->stack.v == 0xffffc90000010000 && x->stack_end.v == 0xffffc90000014000);
	CU_ASSERT_EQUAL(x->flags.v, 0x200040);
	CU_ASSERT_EQUAL(x->policy.v, 5);
	CU_ASSERT_EQUAL(x->mm.v, 0xffff888003333000);
	CU_ASSERT_STRING_EQUAL(x->cpus_allowed, "0,2-3");
	CU_ASSERT_EQUAL(x->start_boottime.v, 123);
	CU_ASSERT_EQUAL(x->sum_exec_runtime.v, 456);
	CU_ASSERT_EQUAL(x->pcount.v, 7);
	/* CPU 0 has slept since 8 s, the latest clock shows 9 s. */
	CU_ASSERT_TRUE(x->last_ran.has && x->last_ran.v == 2000000000);
	CU_ASSERT_FALSE(x->waiting.has);

	/* The stamp of the last tick is gone: when it got the CPU is the next best. */
	x = &image_find_task(im, b)->x;
	CU_ASSERT_TRUE(x->last_ran.has && x->last_ran.v == 3000000000);
	CU_ASSERT_TRUE(x->waiting.has && x->waiting.v == 2500000000);
	CU_ASSERT_STRING_EQUAL(x->cpus_allowed, "");
	x = &image_find_task(im, c)->x;
	CU_ASSERT_TRUE(x->last_ran.has && x->last_ran.v == 0);
	scx_image_free(im);
}

static void test_cgroups(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), c = image_task(im, 12, "c"),
		 d = image_task(im, 13, "d"), one = image_css_set(im, "one"), two = image_css_set(im, NULL);

	/* Another css_set of the same cgroup. */
	uint64_t three = image_alloc(im, 16);
	image_put64(im, three + 8, image_get64(im, one + 8));
	image_put64(im, a + T_CGROUPS, one);
	image_put64(im, b + T_CGROUPS, two);
	image_put64(im, c + T_CGROUPS, three);
	image_put64(im, d + T_CGROUPS, 0xffff8880deadb000);
	image_walk(im);
	CU_ASSERT_STRING_EQUAL(image_find_task(im, a)->x.cgroup, "/one");
	CU_ASSERT_EQUAL(image_find_task(im, a)->x.cgroup_id, 2);
	CU_ASSERT_STRING_EQUAL(image_find_task(im, b)->x.cgroup, "/");
	CU_ASSERT_STRING_EQUAL(image_find_task(im, c)->x.cgroup, "/one");
	CU_ASSERT_PTR_NULL(image_find_task(im, d)->x.cgroup);
	CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), "cgroups of 1 tasks; first: cannot read"));
	scx_image_free(im);
}

/* Bits beside numbers; enumerators that describe fields are no flags. */
static void test_scx_names(void)
{
	for (int shifted = 0; shifted < 2; shifted++) {
		struct scx_image *im = scx_image_new(shifted ? IMAGE_SUBS : IMAGE_ROOT, NULL);
		uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b");

		image_put32(im, a + T_SCX + E_FLAGS, shifted ? 0x1405 : 0x305);
		image_put32(im, b + T_SCX + E_FLAGS, 0xa);
		image_put64(im, a + T_SCX + E_OPS_STATE, 1234 << 2 | 2);
		image_put64(im, b + T_SCX + E_OPS_STATE, 3);
		image_put64(im, a + T_SCX + E_DDSP, 5);
		image_put32(im, a + T_SCX + E_STICKY, (uint32_t)-1);
		image_put32(im, a + T_SCX + E_HOLDING, 2);
		image_walk(im);

		const struct task_extra *x = &image_find_task(im, a)->x;
		CU_ASSERT_STRING_EQUAL(x->scx_flag_names, shifted ? "QUEUED|RESET_RUNNABLE_AT|REENQ_KFUNC" :
								    "QUEUED|RESET_RUNNABLE_AT");
		CU_ASSERT_STRING_EQUAL(x->scx_state, "ENABLED");
		CU_ASSERT_EQUAL(x->ops_state.v, 4938);
		CU_ASSERT_STRING_EQUAL(x->ops_state_name, "QUEUED");
		CU_ASSERT_EQUAL(x->ddsp_dsq_id.v, 5);
		CU_ASSERT_EQUAL(x->sticky_cpu.v, -1);
		CU_ASSERT_EQUAL(x->holding_cpu.v, 2);
		/* 8 is the number of bits to shift by. */
		CU_ASSERT_STRING_EQUAL(image_find_task(im, b)->x.scx_flag_names,
				       shifted ? "IN_CUSTODY|0x8" : "0x2|0x8");
		CU_ASSERT_STRING_EQUAL(image_find_task(im, b)->x.scx_state, "NONE");
		scx_image_free(im);
	}
}

static void test_storage(void)
{
	struct report *r;

	ASSERT_OK(report_create(&r));
	for (uint64_t i = 0; i < 3; i++) {
		struct task_row *row = vec_push(&r->tasks);

		row->kva.v = 100 + i;
	}
	struct map_owner owners[] = { { .kva = { 102 } }, { .kva = { 100 } }, { .kva = { 999 } },
				      { .kva = { 102 }, .kind = OWNER_CGROUP } };
	struct map_entry entries[ARRAY_SIZE(owners) + 1] = { 0 };
	const uint8_t values[ARRAY_SIZE(owners)] = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		entries[i] = (struct map_entry){ .owner = &owners[i], .value = values + i };
	for (size_t i = 0; i < 2; i++) {
		struct map_row *m = vec_push(&r->maps);

		m->body = MAP_BODY_ENTRIES;
		m->entries = entries;
		m->nr_entries = i ? ARRAY_SIZE(entries) : 1;
	}
	ASSERT_OK(report_index_tasks(r));
	ASSERT_OK(task_join_storage(r));
	CU_ASSERT_EQUAL(r->tasks.data[0].x.nr_storage, 1);
	CU_ASSERT_EQUAL(r->tasks.data[0].x.storage[0].map, 1);
	CU_ASSERT_PTR_EQUAL(r->tasks.data[0].x.storage[0].value, values + 1);
	CU_ASSERT_EQUAL(r->tasks.data[1].x.nr_storage, 0);
	CU_ASSERT_EQUAL(r->tasks.data[2].x.nr_storage, 2);
	CU_ASSERT_EQUAL(r->tasks.data[2].x.storage[1].map, 1);
	CU_ASSERT_PTR_EQUAL(r->tasks.data[2].x.storage[1].value, values);
	report_destroy(r);
}

/* A value in a task's own list. */
static uint64_t add_value(struct scx_image *im, uint64_t task, uint64_t map, uint64_t value)
{
	uint64_t elem = image_alloc(im, 64), storage = image_get64(im, task + T_BPF_STORAGE);

	if (!storage) {
		storage = image_alloc(im, 16);
		image_put64(im, task + T_BPF_STORAGE, storage);
	}
	image_put64(im, elem + L_SNODE, image_get64(im, storage + 8));
	image_put64(im, storage + 8, elem + L_SNODE);
	image_put64(im, elem + L_SMAP, map);
	image_put64(im, elem + L_DATA, value);
	return elem;
}

/* A map that a cap has cut: the tasks have its values. */
static void test_cut_storage(void)
{
	struct scx_image *im = scx_image_new(IMAGE_NO_SCX, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), c = image_task(im, 12, "c");
	const uint64_t cut = 0xffff888010000000, whole = 0xffff888010001000;
	const uint8_t had[8] = { 1 };
	struct map_owner owner = { .kva = { a } };
	struct map_entry entry = { .owner = &owner, .value = had };

	add_value(im, a, whole, 5);
	add_value(im, a, cut, 6);
	add_value(im, b, cut, 7);
	/* A list that loops ends where it began; its values are there all the same. */
	uint64_t elem = add_value(im, c, cut, 8);
	image_put64(im, elem + L_SNODE, elem + L_SNODE);

	ASSERT_OK(report_create(&im->r));
	for (int i = 0; i < 2; i++) {
		struct map_row *m = vec_push(&im->r->maps);

		*m = (struct map_row){ .kva = { i ? cut : whole }, .type = 29, .value_size = 8,
				       .body = MAP_BODY_ENTRIES, .error = i ? "truncated" : NULL };
		m->entries = &entry;
		m->nr_entries = i; /* of the cut one there is one entry */
	}
	struct walk w = { .k = im->fk->k, .r = im->r, .opts = &im->opts };
	ASSERT_OK(walk_tasks(&w));

	const struct task_extra *x = &image_find_task(im, a)->x;
	CU_ASSERT_EQUAL_FATAL(x->nr_storage, 1);
	CU_ASSERT_PTR_EQUAL(x->storage[0].value, had);
	x = &image_find_task(im, b)->x;
	CU_ASSERT_EQUAL_FATAL(x->nr_storage, 1);
	CU_ASSERT_EQUAL(x->storage[0].map, 1);
	CU_ASSERT_EQUAL(x->storage[0].value[0], 7);
	x = &image_find_task(im, c)->x;
	CU_ASSERT_EQUAL_FATAL(x->nr_storage, 1);
	CU_ASSERT_EQUAL(x->storage[0].value[0], 8);
	CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), "1 values in task storage; first: "));
	im->r->maps.nr = 0;
	scx_image_free(im);
}

static void test_select(void)
{
	static const char *const wanted[] = { "12", "b*", "nobody" };
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b1"), c = image_task(im, 12, "c"),
		 d = image_thread(im, c, 13, "thread");

	im->opts = (struct walk_opts){ .tasks = wanted, .nr_tasks = ARRAY_SIZE(wanted) };
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->tasks.nr, IMAGE_CPUS + 4);
	CU_ASSERT_EQUAL_FATAL(report_nr_tasks_shown(im->r), 3);
	CU_ASSERT_EQUAL(im->r->tasks.data[0].kva.v, b);
	CU_ASSERT_EQUAL(im->r->tasks.data[1].kva.v, c);
	CU_ASSERT_EQUAL(im->r->tasks.data[2].kva.v, d);
	/* The others are there for those who refer to them. */
	CU_ASSERT_PTR_NOT_NULL(image_find_task(im, a));
	const struct section *s = report_find_section(im->r, "--task");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_PTR_NOT_NULL(strstr(s->cut, "no task is \"nobody\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(s->cut, "3 of 8 tasks"));
	CU_ASSERT_TRUE(report_is_partial(im->r));
	scx_image_free(im);
}

UNIT_MAIN("walk-task-extra",
	  { "letters of states", test_states },
	  { "stack, CPUs, ages", test_extra },
	  { "cgroups", test_cgroups },
	  { "names of sched_ext's flags", test_scx_names },
	  { "values in task storage", test_storage },
	  { "values of maps that were cut", test_cut_storage },
	  { "--task", test_select })
