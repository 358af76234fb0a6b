/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completions, works and grace periods: who will bring about what a task waits for. */
#include "config.h"

#include "unit.h"

#include <string.h>

#include "fake-sleepers.h"

enum {
	T_VFORK = 0, T_WORKER = 8, T_HOLDOUT = 16, T_NESTING = 20,	/* struct task_struct */
	C_LIST = 16,						/* struct completion: its list_head */
	K_EXITED = 0x20,					/* struct kthread */
	STOP_DONE = 8,						/* struct cpu_stop_done: completion */
	S_THREAD = 0, S_WORKS = 0x10,				/* struct cpu_stopper */
	SW_LIST = 0, SW_DONE = 0x20,				/* struct cpu_stop_work */
	W_ENTRY = 8, W_FUNC = 24,				/* struct work_struct */
	B_WORK = 0, B_DONE = 32, B_TASK = 64,			/* struct wq_barrier */
	F_DONE = 24,						/* struct wq_flusher */
	WQ_FIRST = 0x40, WQ_NAME = 0x50,			/* struct workqueue_struct */
	WORKER_SCHEDULED = 0x30,				/* struct worker */
	SSP_SUP = 0x10, SUP_SSP = 0x8,				/* struct srcu_struct, srcu_usage */
	CPUS = 2, STRIDE = 0x1000,
};

static const uint64_t percpu_at = 0xffff888000500000, stopper_sym = 0xffffffff83000000, slow_fn = 0xffffffff81010000,
		      barrier_fn = 0xffffffff81010100, lock = 0xffff888000302000;

static void setup(struct sleepers *s)
{
	sleepers_new(s);
	struct fake_kernel *fk = s->fk;
	struct fake_field task[] = { { "vfork_done", fk->ptr, T_VFORK }, { "worker_private", fk->ptr, T_WORKER },
				     { "rcu_tasks_holdout", fk->u8, T_HOLDOUT },
				     { "trc_reader_nesting", fk->u32, T_NESTING } };
	fake_kernel_struct(fk, "task_struct", 64, task, 4);
	struct fake_field swh[] = { { "task_list", s->list, 8 } };
	struct fake_field completion[] = { { "done", fk->u32, 0 },
					   { "wait", fake_kernel_struct(fk, "swait_queue_head", 24, swh, 1), 8 } };
	int completion_t = fake_kernel_struct(fk, "completion", 32, completion, 2);
	struct fake_field kthread[] = { { "exited", completion_t, K_EXITED } };
	fake_kernel_struct(fk, "kthread", 0x60, kthread, 1);
	struct fake_field stop_done[] = { { "nr_todo", fk->u32, 0 }, { "completion", completion_t, STOP_DONE } };
	fake_kernel_struct(fk, "cpu_stop_done", 40, stop_done, 2);
	struct fake_field stop_work[] = { { "list", s->list, SW_LIST }, { "done", fk->ptr, SW_DONE } };
	fake_kernel_struct(fk, "cpu_stop_work", 48, stop_work, 2);
	struct fake_field stopper[] = { { "thread", fk->ptr, S_THREAD }, { "works", s->list, S_WORKS } };
	fake_kernel_struct(fk, "cpu_stopper", 64, stopper, 2);
	struct fake_field work[] = { { "data", fk->u64, 0 }, { "entry", s->list, W_ENTRY }, { "func", fk->ptr, W_FUNC } };
	int work_t = fake_kernel_struct(fk, "work_struct", 32, work, 3);
	struct fake_field barrier[] = { { "work", work_t, B_WORK }, { "done", completion_t, B_DONE },
					{ "task", fk->ptr, B_TASK } };
	fake_kernel_struct(fk, "wq_barrier", 72, barrier, 3);
	struct fake_field flusher[] = { { "list", s->list, 0 }, { "done", completion_t, F_DONE } };
	fake_kernel_struct(fk, "wq_flusher", 56, flusher, 2);
	struct fake_field wq[] = { { "first_flusher", fk->ptr, WQ_FIRST },
				   { "name", fake_kernel_array(fk, fk->u8, 32), WQ_NAME } };
	fake_kernel_struct(fk, "workqueue_struct", 0x80, wq, 2);
	struct fake_field worker[] = { { "scheduled", s->list, WORKER_SCHEDULED } };
	fake_kernel_struct(fk, "worker", 0x60, worker, 1);
	struct fake_field ssp[] = { { "srcu_sup", fk->ptr, SSP_SUP } };
	fake_kernel_struct(fk, "srcu_struct", 0x20, ssp, 1);
	struct fake_field sup[] = { { "srcu_ssp", fk->ptr, SUP_SSP } };
	fake_kernel_struct(fk, "srcu_usage", 0x20, sup, 1);
	fake_kernel_symbol(fk, "slow_fn", slow_fn);
	fake_kernel_symbol(fk, "wq_barrier_func", barrier_fn);
	fake_kernel_symbol(fk, "cpu_stopper", stopper_sym);
	sleepers_ready(s);
	fake_kernel_cpus(fk, CPUS, percpu_at - stopper_sym, STRIDE);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		uint64_t works = percpu_at + STRIDE * cpu + S_WORKS;

		fake_kernel_map(fk, works);
		sleepers_link(s, &works, 1);
	}
	s->r->cpus.collected = true;
}

/* Task i waits for a completion, alone. */
static void completes(struct sleepers *s, size_t i, uint64_t completion, const char *const *functions)
{
	uint64_t waiter = sleeper_sp(i) + 0x80;

	sleepers_put(s, waiter, sleeper_at(i));
	sleepers_put32(s, completion, 0);
	sleepers_link(s, (uint64_t[]){ waiter + 8, completion + C_LIST }, 2);
	sleepers_sleep(s, i, 2, functions);
}

static const char *const vfork[] = { "__wait_for_common", "wait_for_completion_state", "kernel_clone", NULL },
		  *const thread[] = { "__wait_for_common", "wait_for_completion", "kthread_stop", NULL },
		  *const stop[] = { "__wait_for_common", "wait_for_completion", "__stop_cpus", "stop_machine", NULL },
		  *const flush[] = { "__wait_for_common", "__flush_work.isra.0", "drain", NULL },
		  *const flush_all[] = { "__wait_for_common", "__flush_workqueue", "drain", NULL };

static void check(struct sleepers *s, enum wait_kind kind, size_t holder, enum wait_basis basis)
{
	const struct wait_row *r = sleeper_wait(s, 1);

	CU_ASSERT_EQUAL(r->kind, kind);
	CU_ASSERT_PTR_NULL(r->why);
	CU_ASSERT_TRUE_FATAL(r->has_holder);
	CU_ASSERT_EQUAL(r->holder.task.v, sleeper_at(holder));
	CU_ASSERT_EQUAL(r->holder.basis, basis);
	CU_ASSERT_PTR_NULL(report_find_section(s->r, "waits")->cut);
}

/* A child that has the parent's memory, a thread that should end. */
static void test_endings(void)
{
	struct sleepers s;

	setup(&s);
	completes(&s, 1, lock, vfork);
	sleepers_put(&s, sleeper_at(4) + T_VFORK, lock);
	sleepers_put(&s, sleeper_at(5) + T_VFORK, lock + 0x40);
	ASSERT_OK(walk_waits(&s.w));
	check(&s, WAIT_COMPLETION, 4, WAIT_RECORDED);
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->lock.v, lock);
	sleepers_destroy(&s);

	setup(&s);
	completes(&s, 1, lock + K_EXITED, thread);
	sleepers_put(&s, sleeper_at(3) + T_WORKER, lock);
	ASSERT_OK(walk_waits(&s.w));
	check(&s, WAIT_COMPLETION, 3, WAIT_RECORDED);
	sleepers_destroy(&s);

	/* Nobody's. */
	setup(&s);
	completes(&s, 1, lock, vfork);
	sleepers_put(&s, sleeper_at(4) + T_VFORK, lock + 0x40);
	ASSERT_OK(walk_waits(&s.w));
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->lock.v, lock);
	CU_ASSERT_FALSE(sleeper_wait(&s, 1)->has_holder);
	CU_ASSERT_PTR_NULL(sleeper_wait(&s, 1)->why);
	sleepers_destroy(&s);
}

/* A CPU's stopper has the work on its list, on the second CPU. */
static void test_stopper(void)
{
	for (int there = 0; there < 2; there++) {
		const uint64_t done = lock, work = lock + 0x100, stopper = percpu_at + STRIDE;
		struct sleepers s;

		setup(&s);
		completes(&s, 1, done + STOP_DONE, stop);
		sleepers_put(&s, stopper + S_THREAD, sleeper_at(5));
		sleepers_put(&s, work + SW_DONE, there ? done : done + 8);
		sleepers_link(&s, (uint64_t[]){ stopper + S_WORKS, work + SW_LIST }, 2);
		ASSERT_OK(walk_waits(&s.w));
		if (there)
			check(&s, WAIT_COMPLETION, 5, WAIT_RECORDED);
		else
			CU_ASSERT_FALSE(sleeper_wait(&s, 1)->has_holder);
		sleepers_destroy(&s);
	}
}

/* Busy workers, as the walk over CPUs finds them. */
static void workers(struct sleepers *s, const struct worker_row *rows, size_t nr)
{
	struct pool_row *pool = vec_push(&s->r->cpus.pools);

	pool->workers = pool_memdup(&s->r->pool, rows, nr * sizeof(*rows));
	pool->nr_rows = nr;
}

/* Task 1 waits with a barrier on its stack, which is on a list with these. */
static void barrier(struct sleepers *s, const uint64_t *before, size_t nr)
{
	uint64_t at = sleeper_sp(1) + 0x200, nodes[4];

	completes(s, 1, at + B_DONE, flush);
	sleepers_put(s, at + B_TASK, sleeper_at(1));
	sleepers_put(s, at + B_WORK + W_FUNC, barrier_fn);
	for (size_t i = 0; i < nr; i++)
		nodes[i] = before[i];
	nodes[nr] = at + B_WORK + W_ENTRY;
	sleepers_link(s, nodes, nr + 1);
}

static void test_work(void)
{
	const uint64_t worker = lock, work = lock + 0x100, worklist = lock + 0x200, other = lock + 0x300;
	const struct worker_row busy[] = {
		{ .task = { sleeper_at(2) }, .pid = 12, .kva = { worker + 0x1000 }, .func = "other_fn", .wq = "events" },
		{ .task = { sleeper_at(4) }, .pid = 14, .kva = { worker }, .work = { work }, .func = "slow_fn",
		  .wq = "hang_ordered" },
	};
	struct sleepers s;

	/* It runs. */
	setup(&s);
	workers(&s, busy, 2);
	barrier(&s, (uint64_t[]){ worker + WORKER_SCHEDULED }, 1);
	ASSERT_OK(walk_waits(&s.w));
	check(&s, WAIT_WORK, 4, WAIT_RECORDED);
	CU_ASSERT_STRING_EQUAL(sleeper_wait(&s, 1)->object, "work slow_fn of hang_ordered");
	CU_ASSERT_STRING_EQUAL(sleeper_wait(&s, 1)->function, "__flush_work.isra.0");
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->work.v, work);
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->lock.v, 0);
	sleepers_destroy(&s);

	/* It runs, and the workers are unknown. */
	setup(&s);
	barrier(&s, (uint64_t[]){ worker + WORKER_SCHEDULED }, 1);
	sleepers_put(&s, worker + WORKER_SCHEDULED + 16, sleeper_at(4));
	ASSERT_OK(walk_waits(&s.w));
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->work.v, 0);
	CU_ASSERT_PTR_NULL(sleeper_wait(&s, 1)->object);
	CU_ASSERT_PTR_NOT_NULL(sleeper_wait(&s, 1)->why);
	sleepers_destroy(&s);

	/* It is queued, with another one behind the barrier, and another's barrier between it and this one. */
	setup(&s);
	workers(&s, busy, 1);
	barrier(&s, (uint64_t[]){ other + W_ENTRY, worklist, work + W_ENTRY }, 3);
	sleepers_put(&s, work + W_FUNC, slow_fn);
	sleepers_put(&s, other + W_FUNC, barrier_fn + 0x40);
	ASSERT_OK(walk_waits(&s.w));
	const struct wait_row *r = sleeper_wait(&s, 1);
	CU_ASSERT_FALSE(r->has_holder);
	CU_ASSERT_STRING_EQUAL(r->object, "work slow_fn");
	CU_ASSERT_EQUAL(r->work.v, work);
	CU_ASSERT_PTR_NOT_NULL(r->why);
	CU_ASSERT_PTR_NULL(report_find_section(s.r, "waits")->cut);
	sleepers_destroy(&s);

	setup(&s);
	barrier(&s, (uint64_t[]){ worklist, work + W_ENTRY, other + W_ENTRY }, 3);
	sleepers_put(&s, work + W_FUNC, slow_fn);
	sleepers_put(&s, other + W_FUNC, barrier_fn);
	ASSERT_OK(walk_waits(&s.w));
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->work.v, work);
	sleepers_destroy(&s);

	/* A barrier of somebody else's, and none. */
	for (int none = 0; none < 2; none++) {
		setup(&s);
		barrier(&s, (uint64_t[]){ worklist, work + W_ENTRY }, 2);
		sleepers_put(&s, work + W_FUNC, slow_fn);
		if (none)
			sleepers_put(&s, sleeper_sp(1) + 0x80, 0);
		else
			sleepers_put(&s, sleeper_sp(1) + 0x200 + B_TASK, sleeper_at(3));
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->work.v, 0);
		CU_ASSERT_PTR_NULL(sleeper_wait(&s, 1)->object);
		CU_ASSERT_PTR_NOT_NULL(sleeper_wait(&s, 1)->why);
		CU_ASSERT_PTR_NOT_NULL(report_find_section(s.r, "waits")->cut);
		sleepers_destroy(&s);
	}
}

/* All works of a queue: who works for it, is known if it is one. */
static void test_workqueue(void)
{
	const struct worker_row busy[] = {
		{ .task = { sleeper_at(4) }, .kva = { lock }, .func = "slow_fn", .wq = "hang_queue" },
		{ .task = { sleeper_at(2) }, .kva = { lock }, .func = "slow_fn", .wq = "events" },
		{ .task = { sleeper_at(3) }, .kva = { lock }, .func = "slow_fn", .wq = "hang_queue" },
	};

	for (size_t nr = 0; nr <= 3; nr++) {
		const uint64_t wq = lock + 0x400, flusher = sleeper_sp(1) + 0x200;
		struct sleepers s;

		setup(&s);
		workers(&s, busy, nr);
		completes(&s, 1, flusher + F_DONE, flush_all);
		sleepers_put(&s, wq + WQ_FIRST, flusher);
		fake_kernel_write(s.fk, wq + WQ_NAME, "hang_queue", 11);
		sleepers_put(&s, sleeper_sp(1) + 0x300, wq);
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_STRING_EQUAL(sleeper_wait(&s, 1)->object, "all works of hang_queue");
		if (nr == 1 || nr == 2) {
			check(&s, WAIT_WORK, 4, WAIT_HINTED);
		} else {
			CU_ASSERT_FALSE(sleeper_wait(&s, 1)->has_holder);
			CU_ASSERT_PTR_NOT_NULL(sleeper_wait(&s, 1)->why);
		}
		sleepers_destroy(&s);
	}
}

static void cpu(struct sleepers *s, size_t curr, bool holdout, bool exp_holdout)
{
	struct cpu_row *row = vec_push(&s->r->cpus.rows);

	*row = (struct cpu_row){ .has_curr = true, .curr = { sleeper_at(curr) }, .rcu_holdout = holdout,
				 .rcu_exp_holdout = exp_holdout };
}

static void waits_for_gp(struct sleepers *s, const char *inner, const char *outer)
{
	sleepers_sleep(s, 1, 2, (const char *const[]){ "__wait_for_common", "wait_for_completion", inner, outer, NULL });
}

static void test_rcu(void)
{
	struct sleepers s;

	/* A CPU alone keeps it from ending; the expedited one waits for a preempted task. */
	setup(&s);
	cpu(&s, 3, true, false);
	cpu(&s, 4, false, false);
	s.r->cpus.rcu.exp_blocked = (struct kva[]){ { sleeper_at(5) } };
	s.r->cpus.rcu.nr_exp_blocked = 1;
	waits_for_gp(&s, "__wait_rcu_gp", "synchronize_rcu_normal");
	ASSERT_OK(walk_waits(&s.w));
	check(&s, WAIT_RCU, 3, WAIT_RECORDED);
	CU_ASSERT_STRING_EQUAL(sleeper_wait(&s, 1)->rcu, "rcu");
	sleepers_destroy(&s);

	setup(&s);
	cpu(&s, 3, true, false);
	s.r->cpus.rcu.exp_blocked = (struct kva[]){ { sleeper_at(5) } };
	s.r->cpus.rcu.nr_exp_blocked = 1;
	waits_for_gp(&s, "synchronize_rcu_expedited", "namespace_unlock");
	ASSERT_OK(walk_waits(&s.w));
	check(&s, WAIT_RCU, 5, WAIT_RECORDED);
	CU_ASSERT_STRING_EQUAL(sleeper_wait(&s, 1)->rcu, "expedited");
	sleepers_destroy(&s);

	/* For several, for none, for an idle CPU, and where nobody has looked. */
	for (int i = 0; i < 4; i++) {
		setup(&s);
		cpu(&s, 3, i != 1, false);
		cpu(&s, 4, i == 0, false);
		s.r->cpus.rows.data[0].idle = i == 2;
		s.r->cpus.collected = i != 3;
		waits_for_gp(&s, "__wait_rcu_gp", "synchronize_rcu");
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_FALSE(sleeper_wait(&s, 1)->has_holder);
		CU_ASSERT_EQUAL(!sleeper_wait(&s, 1)->why, i == 1 || i == 2);
		sleepers_destroy(&s);
	}
}

/* Grace periods of tasks: those with a mark, while one is running. */
static void test_rcu_tasks(void)
{
	static const struct {
		const char *function, *kind, *name;
		uint64_t mark;
	} kinds[] = {
		{ "synchronize_rcu_tasks", "tasks", "rcu_tasks", T_HOLDOUT },
		{ "synchronize_rcu_tasks_trace", "tasks_trace", "rcu_tasks_trace", T_NESTING },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		bool running = i % 2;
		struct sleepers s;

		setup(&s);
		struct rcu_tasks_row *row = vec_push(&s.r->cpus.rcu_tasks);
		*row = (struct rcu_tasks_row){ .name = kinds[i / 2].name, .running = running };
		fake_kernel_write(s.fk, sleeper_at(5) + kinds[i / 2].mark, &(uint8_t){ 1 }, 1);
		waits_for_gp(&s, "synchronize_rcu_tasks_generic", kinds[i / 2].function);
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_STRING_EQUAL(sleeper_wait(&s, 1)->rcu, kinds[i / 2].kind);
		CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->has_holder, running);
		if (running)
			check(&s, WAIT_RCU, 5, WAIT_RECORDED);
		sleepers_destroy(&s);
	}
}

/* The domain is found by its address, which its own part points back to; its readers are numbers alone. */
static void test_srcu(void)
{
	const uint64_t ssp = lock, sup = lock + 0x100;
	struct sleepers s;

	setup(&s);
	sleepers_put(&s, ssp + SSP_SUP, sup);
	sleepers_put(&s, sup + SUP_SSP, ssp);
	sleepers_put(&s, sleeper_sp(1) + 0x100, ssp + 0x800); /* no domain */
	sleepers_put(&s, sleeper_sp(1) + 0x108, ssp);
	waits_for_gp(&s, "__synchronize_srcu", "synchronize_srcu");
	ASSERT_OK(walk_waits(&s.w));
	const struct wait_row *r = sleeper_wait(&s, 1);
	CU_ASSERT_STRING_EQUAL(r->rcu, "srcu");
	CU_ASSERT_EQUAL(r->lock.v, ssp);
	CU_ASSERT_PTR_NOT_NULL(r->found_by);
	CU_ASSERT_PTR_NOT_NULL(r->why);
	CU_ASSERT_FALSE(r->has_holder);
	CU_ASSERT_EQUAL_FATAL(s.r->cpus.srcus.nr, 1); /* so its state is in the report */
	CU_ASSERT_EQUAL(s.r->cpus.srcus.data[0].kva.v, ssp);
	sleepers_destroy(&s);
}

UNIT_MAIN("walk-wait-events", { "threads that should end, children", test_endings }, { "stoppers", test_stopper },
	  { "works", test_work }, { "all works of a queue", test_workqueue }, { "grace periods", test_rcu },
	  { "grace periods of tasks", test_rcu_tasks }, { "domains of SRCU", test_srcu })
