/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "scx-image.h"
#include "unit.h"

static void test_order(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t c = image_task(im, 12, "c"), a = image_task(im, 10, "a"), b = image_task(im, 11, "b");
	uint64_t dsq = image_user_dsq(im, 0, 1);

	/* Reached many times, listed once. */
	image_dsq_push(im, dsq, a);
	image_list_add(im, image_rq(0) + RQ_SCX + R_RUNNABLE, a + T_SCX + E_RUNNABLE);
	image_put64(im, image_rq(1) + RQ_CURR, b);
	image_walk(im);

	/* The idle tasks of four CPUs, then by pid. */
	const struct task_row *t = im->r->tasks.data;
	CU_ASSERT_EQUAL_FATAL(im->r->tasks.nr, IMAGE_CPUS + 3);
	CU_ASSERT_STRING_EQUAL(t[0].comm, "swapper/0");
	CU_ASSERT_STRING_EQUAL(t[1].comm, "swapper/1");
	CU_ASSERT_STRING_EQUAL(t[3].comm, "swapper/3");
	CU_ASSERT_EQUAL(t[4].kva.v, a);
	CU_ASSERT_EQUAL(t[5].kva.v, b);
	CU_ASSERT_EQUAL(t[6].kva.v, c);
	CU_ASSERT_TRUE(t[5].running && t[5].cpu == 1);
	CU_ASSERT_TRUE(t[3].running && t[3].cpu == 3 && t[3].x.idle);
	CU_ASSERT_FALSE(t[1].running);
	CU_ASSERT_FALSE(t[4].running);
	CU_ASSERT_FALSE(t[0].x.unlisted || t[4].x.unlisted);
	CU_ASSERT_PTR_NULL(im->r->tasks_unavailable);
	CU_ASSERT_STRING_EQUAL(image_detail(im, "tasks"), "");
	scx_image_free(im);
}

static void test_fields(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t p = image_task(im, 1, "init"), t = image_task(im, 42, "a name of 16 by");
	uint64_t dsq = image_user_dsq(im, 0, 1), sig = image_get64(im, t + T_SIGNAL);

	image_put64(im, t + T_LEADER, p);
	image_put64(im, t + T_PARENT, p);
	image_put32(im, t + T_TGID, 1);
	image_put64(im, sig + 8 + 8 * 3, image_get64(im, image_get64(im, p + T_SIGNAL) + 8));
	image_put32(im, sig, 5);
	image_put64(im, sig + 56, 1000);
	image_put32(im, t + T_PRIO, (uint32_t)-1);
	image_put32(im, t + T_STATE, 0x402);
	image_put64(im, t + T_UTIME, 1ull << 63);
	image_put64(im, t + T_NVCSW, 8);
	image_put32(im, t + T_CPU, 3);
	image_put64(im, t + T_CLASS, image_var("ext_sched_class"));
	image_dsq_push(im, dsq, t);
	image_put64(im, t + T_SCX + E_RUNNABLE_AT, 4000);
	image_put64(im, t + T_SCX + E_SLICE, 20000000);
	image_put64(im, t + T_SCX + E_VTIME, 99);
	image_put32(im, t + T_SCX + E_FLAGS, 0x301);
	image_walk(im);

	const struct task_row *r = image_find_task(im, t);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(r->pid, 42);
	CU_ASSERT_EQUAL(r->tgid, 1);
	CU_ASSERT_STRING_EQUAL(r->comm, "a name of 16 by");
	CU_ASSERT_TRUE(r->group_leader_pid.has && r->group_leader_pid.v == 1);
	CU_ASSERT_TRUE(r->real_parent_pid.has && r->real_parent_pid.v == 1);
	CU_ASSERT_TRUE(r->has_parent_comm);
	CU_ASSERT_STRING_EQUAL(r->real_parent_comm, "init");
	CU_ASSERT_TRUE(r->pgid.has && r->pgid.v == 42);
	CU_ASSERT_TRUE(r->sid.has && r->sid.v == 1);
	CU_ASSERT_TRUE(r->nr_threads.has && r->nr_threads.v == 5);
	CU_ASSERT_EQUAL(r->weight, 100);
	CU_ASSERT_EQUAL(r->prio, -1);
	CU_ASSERT_EQUAL(r->static_prio, 120);
	CU_ASSERT_STRING_EQUAL(r->sched_class, "ext");
	CU_ASSERT_FALSE(r->core_cookie.has);
	CU_ASSERT_EQUAL(r->nvcsw, 8);
	CU_ASSERT_EQUAL(r->utime, 1ull << 63);
	CU_ASSERT_TRUE(r->signal_utime.has && r->signal_utime.v == 1000);
	CU_ASSERT_TRUE(r->signal_nvcsw.has && r->signal_nvcsw.v == 0);
	CU_ASSERT_EQUAL(r->cpu, 3);
	CU_ASSERT_TRUE(r->state.has && r->state.v == 0x402);
	CU_ASSERT_TRUE(r->dsq_kva.has && r->dsq_kva.v == dsq);
	CU_ASSERT_TRUE(r->runnable_at.has && r->runnable_at.v == 4000);
	CU_ASSERT_EQUAL(r->slice.v, 20000000);
	CU_ASSERT_EQUAL(r->vtime.v, 99);
	CU_ASSERT_EQUAL(r->scx_flags.v, 0x301);
	CU_ASSERT_FALSE(r->unreadable);
	scx_image_free(im);
}

/* An iterator's entry is a bare sched_ext_entity: here there is nothing before it. */
static void test_scx_tasks_cursor(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), ent = 0xffff888003000000;

	image_list_add(im, image_var("scx_tasks"), ent + E_TASKS);
	image_put32(im, ent + E_FLAGS, 1u << 31);
	uint64_t b = image_task(im, 11, "b");
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->tasks.nr, 2 + IMAGE_CPUS);
	CU_ASSERT_PTR_NOT_NULL(image_find_task(im, a));
	CU_ASSERT_PTR_NOT_NULL(image_find_task(im, b));
	CU_ASSERT_STRING_EQUAL(image_detail(im, "tasks"), "");
	scx_image_free(im);
}

static void test_scx_tasks_broken(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b"), c = image_task(im, 12, "c");

	image_put64(im, a + T_SCX + E_TASKS, 0xffff8880deadb000);
	image_walk(im);
	/* The other lists have the others. */
	CU_ASSERT_EQUAL(im->r->tasks.nr, 3 + IMAGE_CPUS);
	CU_ASSERT_PTR_NOT_NULL(image_find_task(im, a));
	CU_ASSERT_PTR_NOT_NULL(image_find_task(im, b));
	CU_ASSERT_PTR_NOT_NULL(image_find_task(im, c));
	CU_ASSERT_EQUAL(report_find_section(im->r, "tasks")->status, SECTION_NOT_READABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), "scx_tasks, after 1: cannot read"));
	scx_image_free(im);
}

static void test_unreadable(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a, b = image_task(im, 11, "b");

	image_put64(im, b + T_SIGNAL, 0xffff8880deadb000);
	/* A task whose name is on a page that is not there. */
	im->next = align_up(im->next, PAGE_SIZE) + PAGE_SIZE - T_COMM;
	a = im->next;
	image_put32(im, a + T_PID, 10);
	image_list_add(im, image_var("scx_tasks"), a + T_SCX + E_TASKS);
	image_walk(im);

	CU_ASSERT_PTR_NULL(image_find_task(im, a));
	const struct task_row *r = image_find_task(im, b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_TRUE(r->unreadable);
	CU_ASSERT_EQUAL(r->prio, 120);
	CU_ASSERT_TRUE(r->real_parent_pid.has);
	CU_ASSERT_FALSE(r->sid.has);
	CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), "1 of 6 tasks, parts of 1"));
	scx_image_free(im);
}

/* What is read of a task at once is not all of it, and less than all that its pointers may lead to. */
static void test_own_signal(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a");

	image_put64(im, a + T_SIGNAL, a);
	image_put32(im, a, 77); /* before the first member of a task; signal_struct.nr_threads */
	image_walk(im);

	const struct task_row *r = image_find_task(im, a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_TRUE(r->nr_threads.has && r->nr_threads.v == 77);
	CU_ASSERT_STRING_EQUAL(r->comm, "a");
	scx_image_free(im);
}

static void test_without_scx(void)
{
	struct scx_image *im = scx_image_new(IMAGE_NO_SCX, NULL);
	uint64_t a = image_task(im, 10, "a");

	image_walk(im);
	CU_ASSERT_EQUAL(im->r->tasks.nr, 1 + IMAGE_CPUS);
	const struct task_row *r = image_find_task(im, a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_STRING_EQUAL(r->sched_class, "fair");
	CU_ASSERT_EQUAL(r->weight, 0);
	CU_ASSERT_FALSE(r->dsq_kva.has);
	CU_ASSERT_EQUAL(report_find_section(im->r, "tasks")->status, SECTION_COMPLETE);
	scx_image_free(im);
}

static void test_threads(void)
{
	struct scx_image *im = scx_image_new(IMAGE_NO_SCX, "pid_namespace.idr");
	uint64_t a = image_task(im, 10, "a"), b = image_thread(im, a, 12, "b"), c = image_task(im, 11, "c");

	/* Without the table of pids. */
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->tasks.nr, IMAGE_CPUS + 3);
	const struct task_row *t = im->r->tasks.data + IMAGE_CPUS;
	CU_ASSERT_EQUAL(t[0].kva.v, a);
	CU_ASSERT_EQUAL(t[1].kva.v, c);
	CU_ASSERT_EQUAL(t[2].kva.v, b);
	CU_ASSERT_EQUAL(t[2].tgid, 10);
	CU_ASSERT_TRUE(t[2].group_leader_pid.has && t[2].group_leader_pid.v == 10);
	CU_ASSERT_FALSE(t[2].x.unlisted);
	scx_image_free(im);
}

/* Lists of processes and threads that lead nowhere, in circles, or into each other. */
static void test_broken_lists(void)
{
	static const struct {
		uint64_t to;
		const char *why;
	} broken[] = {
		{ 0xffff8880deadb000, "list of processes, after 1: cannot read" },
		{ 0, "list of processes, after 1: list node" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct scx_image *im = scx_image_new(IMAGE_NO_SCX, NULL);
		uint64_t a = image_task(im, 10, "a"), b = image_thread(im, a, 12, "b");

		image_task(im, 11, "c");
		/* `a` comes twice on its way: as process and as thread. */
		image_put64(im, a + T_TASKS, broken[i].to);
		image_walk(im);
		CU_ASSERT_EQUAL(im->r->tasks.nr, IMAGE_CPUS + 3);
		CU_ASSERT_PTR_NOT_NULL(image_find_task(im, b));
		CU_ASSERT_EQUAL(report_find_section(im->r, "tasks")->status, SECTION_NOT_READABLE);
		CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), i ? "is NULL" : "cannot read"));
		CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), "list of processes, after"));
		scx_image_free(im);
	}

	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b");

	image_put64(im, a + T_THREAD_NODE, a + T_THREAD_NODE);
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->tasks.nr, IMAGE_CPUS + 2);
	CU_ASSERT_PTR_NOT_NULL(image_find_task(im, b));
	CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), "threads of 1 processes; first: "));
	scx_image_free(im);
}

/* On scx_tasks, but on no list of the living. */
static void test_unlisted(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b");
	uint64_t node = image_get64(im, image_var("init_pid_ns") + 8) & ~3ull;

	image_put64(im, node + 40 + 8 * 11, 0);
	image_put64(im, a + T_TASKS, image_var("init_task") + T_TASKS);
	image_put64(im, image_var("init_task") + T_TASKS + 8, a + T_TASKS);
	image_put32(im, b + T_STATE, 0x80);
	image_put32(im, b + T_EXIT_STATE, 0x10);
	image_walk(im);
	CU_ASSERT_FALSE(image_find_task(im, a)->x.unlisted);
	CU_ASSERT_TRUE(image_find_task(im, b)->x.unlisted);
	CU_ASSERT_EQUAL(image_find_task(im, b)->x.state_letter, 'X');
	scx_image_free(im);
}

static const char *lock_at(uint64_t ip)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a");
	struct fake_target *ft = im->fk->ft;

	image_put64(im, image_rq(2) + RQ_CURR, a);
	fake_target_set_reg(ft, 0, "cs", 0x10);
	fake_target_set_reg(ft, 0, "rip", ip);
	fake_target_set_reg(ft, 0, "k_gs_base", 0);
	fake_target_set_reg(ft, 0, "gs_base", im->fk->k->percpu_off[2]);
	image_walk(im);

	const struct task_row *r = image_find_task(im, a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(r->cpu, 2);
	const char *match = r->lock_slowpath, *symbol = r->x.lock_symbol; /* constants */
	scx_image_free(im);
	/* The format's word is there for no more than what is in some slow path. */
	CU_ASSERT_TRUE(symbol || !match);
	return match ? match : symbol ? symbol : "none";
}

static void test_lock(void)
{
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff81100010), "queued_spin_lock_slowpath");
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff811001ff), "queued_spin_lock_slowpath");
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff81100200), "mutex_lock_slowpath");
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff81100400), "none");
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff81100600), "queued_write_lock_slowpath");
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff81100810), "queued_spin_lock_slowpath");
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff81100a10), "queued_spin_lock_slowpath");
	CU_ASSERT_STRING_EQUAL(lock_at(0xffffffff81100c10), "none");
	CU_ASSERT_STRING_EQUAL(lock_at(0x401000), "none");
}

static bool boosted(uint32_t policy, bool all, uint32_t prio, uint32_t normal_prio, const char *class)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = image_task(im, 10, "a");

	image_put32(im, a + T_POLICY, policy);
	image_put32(im, a + T_PRIO, prio);
	image_put32(im, a + T_NORMAL_PRIO, normal_prio);
	image_put64(im, a + T_CLASS, image_var(class));
	image_put32(im, image_var("__scx_switched_all"), all);
	image_walk(im);
	bool ret = image_find_task(im, a)->pi_boosted_out_of_scx;
	scx_image_free(im);
	return ret;
}

static void test_boosted(void)
{
	CU_ASSERT_TRUE(boosted(7, false, 50, 120, "rt_sched_class"));
	CU_ASSERT_TRUE(boosted(0, true, 50, 120, "rt_sched_class"));
	CU_ASSERT_FALSE(boosted(0, false, 50, 120, "rt_sched_class"));
	CU_ASSERT_FALSE(boosted(7, true, 120, 120, "ext_sched_class"));
	CU_ASSERT_FALSE(boosted(2, true, 50, 50, "rt_sched_class"));
	CU_ASSERT_FALSE(boosted(0, true, 120, 120, "fair_sched_class"));
}

static void test_missing(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, "task_struct.signal");
	uint64_t a = image_task(im, 10, "a");

	image_walk(im);
	const struct task_row *r = image_find_task(im, a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_FALSE(r->nr_threads.has);
	CU_ASSERT_FALSE(r->unreadable);
	CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "tasks"), "task_struct.signal"));
	scx_image_free(im);

	im = scx_image_new(IMAGE_ROOT, "task_struct.comm");
	image_task(im, 10, "a");
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->tasks.nr, 0);
	CU_ASSERT_STRING_EQUAL(im->r->tasks_unavailable, "no task walker available");
	scx_image_free(im);
}

/* Types that lie do not make fdgdb read gigabytes. */
static void test_huge(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, "huge");
	uint64_t a = image_task(im, 10, "a");
	struct mem_stats before, after;

	mem_get_stats(im->fk->k->mem, &before);
	image_walk(im);
	mem_get_stats(im->fk->k->mem, &after);
	CU_ASSERT_TRUE(after.bytes - before.bytes < 1 << 20);
	const struct task_row *r = image_find_task(im, a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_STRING_EQUAL(r->comm, "a");
	CU_ASSERT_EQUAL(r->prio, 120);
	CU_ASSERT_FALSE(r->x.exit_code.has);
	CU_ASSERT_TRUE(r->unreadable);
	scx_image_free(im);
}

static void test_offline(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

	im->fk->k->online[2] = false;
	image_walk(im);
	CU_ASSERT_TRUE(im->r->tasks.data[1].running);
	CU_ASSERT_TRUE(im->r->tasks.data[2].x.idle && im->r->tasks.data[2].cpu == 2);
	CU_ASSERT_FALSE(im->r->tasks.data[2].running);
	scx_image_free(im);
}

/* 60 tasks cost no more round trips than six. */
static void test_round_trips(void)
{
	size_t trips[2];

	for (size_t i = 0; i < 2; i++) {
		struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

		for (uint32_t n = 0; n < (i ? 60 : 6); n++) {
			image_task(im, n + 1, "many");
			im->next = align_up(im->next + 1, PAGE_SIZE);
		}
		size_t before = im->fk->ft->batches;
		image_walk(im);
		trips[i] = im->fk->ft->batches - before;
		CU_ASSERT_EQUAL(im->r->tasks.nr, (i ? 60 : 6) + IMAGE_CPUS);
		scx_image_free(im);
	}
	CU_ASSERT_TRUE(trips[1] <= trips[0] + 1);
	CU_ASSERT_TRUE(trips[0] < 40);
}

static void test_index(void)
{
	struct report *r;

	ASSERT_OK(report_create(&r));
	CU_ASSERT_PTR_NULL(report_task(r, (struct kva){ 1 }));
	for (uint64_t i = 0; i < 100; i++) {
		struct task_row *row = vec_push(&r->tasks);

		row->kva.v = i * 7919 % 101;
		if (i == 90)
			ASSERT_OK(report_index_tasks(r));
	}
	for (uint64_t i = 0; i < 100; i++)
		CU_ASSERT_PTR_EQUAL(report_task(r, (struct kva){ i * 7919 % 101 }), &r->tasks.data[i]);
	CU_ASSERT_PTR_NULL(report_task(r, (struct kva){ 100 * 7919 % 101 }));
	CU_ASSERT_PTR_NULL(report_task(r, (struct kva){ 1000 }));
	report_destroy(r);
}

/* ---- where the vCPU is does not tell, but its stack does */

struct made_frame {
	const char *symbol;
	enum frame_kind kind;
	const char *module;
};

/* What the task on a vCPU with this stack is told to try to get. */
static void check_stack(const struct made_frame *made, size_t nr, const char *match, const char *symbol)
{
	struct kstack_frame frames[8] = { 0 };
	struct report *r;

	ASSERT_OK(report_create(&r));
	struct walk w = { .r = r };
	for (int i = 0; i < 2; i++) {
		(void)vec_push(&r->tasks);
		(void)vec_push(&r->stacks);
	}
	struct task_row *task = &r->tasks.data[0], *other = &r->tasks.data[1];
	task->kva.v = 0x1000;
	task->running = true;
	other->kva.v = 0x2000;
	for (size_t i = 0; i < nr; i++) {
		frames[i].symbol = made[i].symbol;
		frames[i].kind = made[i].kind;
		frames[i].module = made[i].module;
	}
	r->stacks.data[0] = (struct kstack_row){ .has_vcpu = true, .task = task->kva, .frames = frames, .nr_frames = nr };
	r->stacks.data[1] = (struct kstack_row){ .task = other->kva, .frames = frames, .nr_frames = nr };
	ASSERT_OK(report_index_tasks(r));
	walk_task_locks(&w);
	CU_ASSERT_TRUE(match ? task->lock_slowpath && !strcmp(task->lock_slowpath, match) : !task->lock_slowpath);
	CU_ASSERT_TRUE(symbol ? task->x.lock_symbol && !strcmp(task->x.lock_symbol, symbol) : !task->x.lock_symbol);
	CU_ASSERT_PTR_NULL(other->x.lock_symbol); /* one that sleeps in it has a wait of its own */
	report_destroy(r);
}

#define CHECK_STACK(match, symbol, ...)                                                                          \
	check_stack((const struct made_frame[]){ __VA_ARGS__ },                                                  \
		    sizeof((const struct made_frame[]){ __VA_ARGS__ }) / sizeof(struct made_frame), match, symbol)

static void test_locks_by_stack(void)
{
	/* KVM's paravirtual spin locks let the vCPU halt. */
	CHECK_STACK("queued_spin_lock_slowpath", "__pv_queued_spin_lock_slowpath", { "pv_native_safe_halt", FRAME_EXACT, NULL },
		    { "kvm_wait", FRAME_CALL, NULL }, { "__pv_queued_spin_lock_slowpath", FRAME_CALL, NULL },
		    { "_raw_spin_lock", FRAME_CALL, NULL });
	/* Optimistic spinning, alone and in its queue. */
	CHECK_STACK("mutex_lock_slowpath", "mutex_spin_on_owner", { "mutex_spin_on_owner", FRAME_EXACT, NULL },
		    { "__mutex_lock.constprop.0", FRAME_CALL, NULL });
	CHECK_STACK("mutex_lock_slowpath", "osq_lock", { "osq_lock", FRAME_EXACT, NULL },
		    { "__mutex_lock.constprop.0", FRAME_CALL, NULL }, { "pipe_write", FRAME_CALL, NULL });
	CHECK_STACK("rwsem_down_write_slowpath", "osq_lock", { "osq_lock", FRAME_EXACT, NULL },
		    { "rwsem_optimistic_spin", FRAME_CALL, NULL }, { "rwsem_down_write_slowpath", FRAME_CALL, NULL });
	CHECK_STACK("rwsem_down_write_slowpath", "rwsem_spin_on_owner", { "rwsem_spin_on_owner", FRAME_EXACT, NULL },
		    { "rwsem_down_write_slowpath", FRAME_CALL, NULL });
	CHECK_STACK(NULL, "osq_lock", { "osq_lock", FRAME_EXACT, NULL }, { "of_tomorrow", FRAME_CALL, NULL });
	/* An interrupt on top; and one that waits for a lock itself. */
	CHECK_STACK("queued_spin_lock_slowpath", "native_queued_spin_lock_slowpath", { "delay_tsc", FRAME_EXACT, NULL },
		    { "asm_sysvec_apic_timer_interrupt", FRAME_CALL, NULL }, { "native_queued_spin_lock_slowpath", FRAME_EXACT, NULL });
	CHECK_STACK(NULL, "queued_read_lock_slowpath", { "queued_read_lock_slowpath", FRAME_EXACT, NULL },
		    { "asm_sysvec_apic_timer_interrupt", FRAME_CALL, NULL }, { "__mutex_lock.constprop.0", FRAME_EXACT, NULL });
	CHECK_STACK("queued_spin_lock_slowpath", "resilient_queued_spin_lock_slowpath",
		    { "resilient_queued_spin_lock_slowpath", FRAME_EXACT, NULL }, { "bpf_res_spin_lock", FRAME_CALL, NULL });
	/* No lock: guesses, user space, and a module's function of that name. */
	CHECK_STACK(NULL, NULL, { "cpu_idle", FRAME_EXACT, NULL }, { "__mutex_lock.constprop.0", FRAME_GUESS, NULL });
	CHECK_STACK(NULL, NULL, { NULL, FRAME_USER, NULL }, { "osq_lock", FRAME_CALL, NULL });
	CHECK_STACK(NULL, NULL, { "osq_lock", FRAME_EXACT, "evil" });
	CHECK_STACK(NULL, NULL, { NULL, FRAME_EXACT, NULL });
}

UNIT_MAIN("walk-tasks",
	  { "each once, in order", test_order },
	  { "all fields", test_fields },
	  { "iterators on scx_tasks", test_scx_tasks_cursor },
	  { "scx_tasks breaks off", test_scx_tasks_broken },
	  { "parts that cannot be read", test_unreadable },
	  { "a task whose pointer leads to itself", test_own_signal },
	  { "a kernel without sched_ext", test_without_scx },
	  { "threads, without the table of pids", test_threads },
	  { "broken lists of processes and threads", test_broken_lists },
	  { "dead and not yet freed", test_unlisted },
	  { "slow paths of locks", test_lock },
	  { "boosted out of the class", test_boosted },
	  { "missing members", test_missing },
	  { "a task_struct of many megabytes", test_huge },
	  { "a CPU that is not there", test_offline },
	  { "round trips do not grow with the tasks", test_round_trips },
	  { "report_task() and its index", test_index },
	  { "locks that only the stack tells of", test_locks_by_stack })
