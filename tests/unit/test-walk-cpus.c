/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUs, RCU and worker pools of a kernel written in code, also of one that lies. */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "fake-kernel.h"
#include "walk/walk.h"

enum {
	CPUS = 2,
	JIFFIES = 100000,
	/* struct rq, task_struct, hrtimer_cpu_base */
	RQ_NR = 0, RQ_RT = 4, RQ_SWITCHES = 16, RQ_CURR = 24, RQ_IDLE = 32, RQ_CLOCK = 40,
	T_PID = 0, T_ARRIVAL = 8, T_RCU = 16, T_COMM = 32,
	H_EXPIRES = 0, H_HRES = 8,
	/* rcu_node, rcu_state */
	N_QSMASK = 0, N_LO = 8, N_HI = 12, N_BLKD = 16, N_TASKS = 32, N_SIZE = 64,
	S_NODE = 0, S_LEVEL = 4 * N_SIZE, S_SEQ = S_LEVEL + 32, S_START = S_SEQ + 8, S_STATE = S_SEQ + 16,
	S_NAME = S_SEQ + 24, S_THREAD = S_SEQ + 32, S_SIZE = S_SEQ + 40,
	/* worker_pool, worker, work_struct, pool_workqueue, workqueue_struct */
	P_ID = 0, P_CPU = 4, P_FLAGS = 8, P_TS = 16, P_WORKERS_NR = 24, P_IDLE_NR = 28, P_RUNNING_NR = 32,
	P_LIST = 40, P_WORKERS = 56,
	W_WORK = 0, W_FUNC = 8, W_PWQ = 16, W_TASK = 24, W_NODE = 32, W_START = 48,
	WORK_ENTRY = 8, WORK_FUNC = 24,
	Q_WQ = 0, Q_INACTIVE = 8,
};

static const uint64_t VARS = 0xffffffff82000000, HEAP = 0xffff888001000000,
		      AREAS = 0xffff888002000000, STRIDE = 0x10000;
/* Variables, at VARS. */
static const uint64_t JIFFIES_64 = 0, THRESH = 8, ENABLED = 16, TK = 32, RCU = 0x100, LEVELS = 0x400,
		      NODES = 0x408, TIMEOUT = 0x410, IDR = 0x420, NAME = 0x500;
/* Per-CPU variables, as offsets. */
static const uint64_t RQ = 0x100, HRT = 0x200, TOUCH = 0x300, CALLS = 0x308, PREEMPT = 0x310;

struct image {
	struct fake_kernel *fk;
	struct report *r;
	uint64_t next;
};

#define STRUCT(fk, name, size, ...)                                                                \
	fake_kernel_struct(fk, name, size, (const struct fake_field[]){ __VA_ARGS__ },             \
			   ARRAY_SIZE(((const struct fake_field[]){ __VA_ARGS__ })))

static void make_types(struct fake_kernel *fk)
{
	int u32 = fk->u32, u64 = fk->u64, ptr = fk->ptr;
	int list = STRUCT(fk, "list_head", 16, { "next", ptr, 0 }, { "prev", ptr, 8 });
	int rt = STRUCT(fk, "rt_rq", 4, { "rt_nr_running", u32, 0 });
	int dl = STRUCT(fk, "dl_rq", 4, { "dl_nr_running", u32, 0 });
	int info = STRUCT(fk, "sched_info", 8, { "last_arrival", u64, 0 });

	STRUCT(fk, "rq", 64, { "nr_running", u32, RQ_NR }, { "rt", rt, RQ_RT }, { "dl", dl, RQ_RT + 4 },
	       { "nr_switches", u64, RQ_SWITCHES }, { "curr", ptr, RQ_CURR }, { "idle", ptr, RQ_IDLE },
	       { "clock", u64, RQ_CLOCK });
	STRUCT(fk, "task_struct", 64, { "pid", u32, T_PID }, { "sched_info", info, T_ARRIVAL },
	       { "rcu_node_entry", list, T_RCU }, { "comm", fake_kernel_array(fk, fk->u8, 16), T_COMM });
	STRUCT(fk, "hrtimer_cpu_base", 16, { "expires_next", u64, H_EXPIRES }, { "hres_active", fk->u8, H_HRES });
	int base = STRUCT(fk, "tk_read_base", 24, { "shift", u32, 0 }, { "xtime_nsec", u64, 8 },
			  { "base", u64, 16 });
	int tk = STRUCT(fk, "timekeeper", 24, { "tkr_mono", base, 0 });
	STRUCT(fk, "tk_data", 32, { "timekeeper", tk, 8 });
	int node = STRUCT(fk, "rcu_node", N_SIZE, { "qsmask", u64, N_QSMASK }, { "grplo", u32, N_LO },
			  { "grphi", u32, N_HI }, { "blkd_tasks", list, N_BLKD }, { "gp_tasks", ptr, N_TASKS });
	STRUCT(fk, "rcu_state", S_SIZE, { "node", fake_kernel_array(fk, node, 4), S_NODE },
	       { "level", fake_kernel_array(fk, ptr, 4), S_LEVEL }, { "gp_seq", u64, S_SEQ },
	       { "gp_start", u64, S_START }, { "gp_state", u32, S_STATE }, { "name", ptr, S_NAME },
	       { "gp_kthread", ptr, S_THREAD });
	STRUCT(fk, "worker_pool", 72, { "id", u32, P_ID }, { "cpu", u32, P_CPU }, { "flags", u32, P_FLAGS },
	       { "watchdog_ts", u64, P_TS }, { "nr_workers", u32, P_WORKERS_NR },
	       { "nr_idle", u32, P_IDLE_NR }, { "nr_running", u32, P_RUNNING_NR },
	       { "worklist", list, P_LIST }, { "workers", list, P_WORKERS });
	STRUCT(fk, "worker", 56, { "current_work", ptr, W_WORK }, { "current_func", ptr, W_FUNC },
	       { "current_pwq", ptr, W_PWQ }, { "task", ptr, W_TASK }, { "node", list, W_NODE },
	       { "current_start", u64, W_START });
	STRUCT(fk, "work_struct", 32, { "entry", list, WORK_ENTRY }, { "func", ptr, WORK_FUNC });
	STRUCT(fk, "pool_workqueue", 24, { "wq", ptr, Q_WQ }, { "inactive_works", list, Q_INACTIVE });
	STRUCT(fk, "workqueue_struct", 32, { "name", fake_kernel_array(fk, fk->u8, 32), 0 });
	STRUCT(fk, "xarray", 16, { "xa_head", ptr, 8 });
	STRUCT(fk, "xa_node", 576, { "shift", fk->u8, 0 }, { "slots", fake_kernel_array(fk, ptr, 64), 40 });
	STRUCT(fk, "idr", 24, { "idr_rt", u64, 0 }, { "idr_base", u32, 16 });
}

static uint64_t percpu(uint64_t off, uint32_t cpu)
{
	return AREAS + cpu * STRIDE + off;
}

static void put64(struct image *im, uint64_t at, uint64_t v)
{
	fake_kernel_put64(im->fk, at, v);
}

static void put32(struct image *im, uint64_t at, uint32_t v)
{
	fake_kernel_write(im->fk, at, &v, sizeof(v));
}

static uint64_t alloc(struct image *im, size_t size)
{
	uint64_t at = im->next;

	for (size_t i = 0; i < size; i += 8)
		put64(im, at + i, 0);
	im->next += (size + 255) & ~(size_t)255;
	return at;
}

static void list_init(struct image *im, uint64_t head)
{
	put64(im, head, head);
	put64(im, head + 8, head);
}

/* The list's only element. */
static void list_set(struct image *im, uint64_t head, uint64_t node)
{
	put64(im, head, node);
	put64(im, head + 8, node);
	put64(im, node, head);
	put64(im, node + 8, head);
}

static uint64_t add_task(struct image *im, uint32_t pid, const char *comm)
{
	uint64_t t = alloc(im, 64);

	put32(im, t + T_PID, pid);
	fake_kernel_write(im->fk, t + T_COMM, comm, strlen(comm) + 1);
	return t;
}

static struct image *image_new(void)
{
	static const struct {
		const char *name;
		uint64_t off;
	} vars[] = { { "jiffies_64", JIFFIES_64 }, { "watchdog_thresh", THRESH },
		     { "watchdog_enabled", ENABLED }, { "timekeeper_data", TK }, { "rcu_state", RCU },
		     { "rcu_num_lvls", LEVELS }, { "rcu_num_nodes", NODES },
		     { "rcu_cpu_stall_timeout", TIMEOUT }, { "worker_pool_idr", IDR } },
	  percpus[] = { { "runqueues", RQ }, { "hrtimer_bases", HRT }, { "watchdog_touch_ts", TOUCH },
			{ "call_single_queue", CALLS }, { "__preempt_count", PREEMPT } };
	struct image *im = calloc(1, sizeof(*im));

	im->fk = fake_kernel_new();
	im->next = HEAP;
	make_types(im->fk);
	for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
		fake_kernel_symbol(im->fk, vars[i].name, VARS + vars[i].off);
	for (size_t i = 0; i < ARRAY_SIZE(percpus); i++)
		fake_kernel_symbol(im->fk, percpus[i].name, percpus[i].off);

	for (uint64_t off = 0; off < 0x600; off += 8)
		put64(im, VARS + off, 0);
	put64(im, VARS + JIFFIES_64, JIFFIES);
	put32(im, VARS + THRESH, 10);
	put64(im, VARS + ENABLED, 2);
	/* seqcount; shift, xtime_nsec, base: 50 s */
	put32(im, VARS + TK + 8, 4);
	put64(im, VARS + TK + 16, 16 * 1000000000ull);
	put64(im, VARS + TK + 24, 49 * 1000000000ull);
	fake_kernel_write(im->fk, VARS + NAME, "rcu_preempt", 12);
	put64(im, VARS + RCU + S_NAME, VARS + NAME);
	put64(im, VARS + RCU + S_SEQ, 1284);
	put32(im, VARS + LEVELS, 1);
	put32(im, VARS + NODES, 1);
	put32(im, VARS + TIMEOUT, 21);
	put64(im, VARS + RCU + S_LEVEL, VARS + RCU + S_NODE);
	list_init(im, VARS + RCU + N_BLKD);
	put32(im, VARS + RCU + N_HI, CPUS - 1);

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		uint64_t idle = add_task(im, 0, "swapper");

		for (uint64_t off = RQ; off < 0x400; off += 8)
			put64(im, percpu(off, cpu), 0);
		put64(im, percpu(RQ + RQ_CURR, cpu), idle);
		put64(im, percpu(RQ + RQ_IDLE, cpu), idle);
		put64(im, percpu(RQ + RQ_CLOCK, cpu), 60ull << 30);
		put64(im, percpu(TOUCH, cpu), 58);
		put64(im, percpu(HRT + H_EXPIRES, cpu), 50500000000);
		put32(im, percpu(HRT + H_HRES, cpu), 1);
		put32(im, percpu(PREEMPT, cpu), 1u << 31);
	}
	return im;
}

static void image_walk(struct image *im)
{
	struct walk_opts opts = { 0 };
	struct walk w = { .opts = &opts };

	ASSERT_OK(report_create(&im->r));
	w.r = im->r;
	w.k = fake_kernel_ready(im->fk);
	fake_kernel_cpus(im->fk, CPUS, AREAS, STRIDE);
	w.k->hz = 250;
	ASSERT_OK(walk_cpus(&w));
}

static void image_free(struct image *im)
{
	report_destroy(im->r);
	fake_kernel_destroy(im->fk);
	free(im);
}

static const struct section *section(const struct image *im)
{
	return report_find_section(im->r, "cpus");
}

static void test_healthy(void)
{
	struct image *im = image_new();

	image_walk(im);
	const struct cpu_state *s = &im->r->cpus;
	CU_ASSERT_EQUAL(section(im)->status, SECTION_COMPLETE);
	CU_ASSERT_TRUE(s->collected);
	CU_ASSERT_EQUAL(s->detectors.monotonic.v, 50000000000);
	CU_ASSERT_EQUAL_FATAL(s->rows.nr, CPUS);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		const struct cpu_row *c = cpu_state_find(s, cpu);

		CU_ASSERT_TRUE(c->idle);
		CU_ASSERT_EQUAL(c->timer_late.v, 0);
		CU_ASSERT_EQUAL(c->softlockup_age.v, 2);
		CU_ASSERT_EQUAL(c->preempt_count.v, 0);
		CU_ASSERT_FALSE(c->need_resched);
		CU_ASSERT_FALSE(c->rcu_holdout);
		CU_ASSERT_PTR_NULL(c->why);
	}
	CU_ASSERT_TRUE(s->rcu.collected);
	CU_ASSERT_FALSE(s->rcu.running);
	CU_ASSERT_STRING_EQUAL(s->rcu.name, "rcu_preempt");
	CU_ASSERT_EQUAL(s->pools.nr, 0);
	image_free(im);
}

static void test_stuck_cpu(void)
{
	struct image *im = image_new();
	uint64_t t = add_task(im, 42, "spin");

	put64(im, percpu(RQ + RQ_CURR, 1), t);
	put64(im, percpu(RQ + RQ_CLOCK, 1), 40ull << 30);
	put64(im, t + T_ARRIVAL, 39ull << 30);
	put64(im, percpu(TOUCH, 1), 38);
	put64(im, percpu(HRT + H_EXPIRES, 1), 30000000000);
	put32(im, percpu(PREEMPT, 1), 1);
	put64(im, percpu(CALLS, 1), HEAP);
	/* A stamp from the future, and no next event: neither says anything. */
	put64(im, percpu(TOUCH, 0), 61);
	put64(im, percpu(HRT + H_EXPIRES, 0), INT64_MAX);
	image_walk(im);

	const struct cpu_row *c = cpu_state_find(&im->r->cpus, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->curr_comm, "spin");
	CU_ASSERT_EQUAL(c->curr_pid, 42);
	CU_ASSERT_EQUAL(c->clock_age.v, 20ull << 30);
	CU_ASSERT_EQUAL(c->curr_for.v, 1ull << 30);
	CU_ASSERT_EQUAL(c->softlockup_age.v, 22);
	CU_ASSERT_EQUAL(c->timer_late.v, 20000000000);
	CU_ASSERT_EQUAL(c->preempt_count.v, 1);
	CU_ASSERT_TRUE(c->need_resched);
	CU_ASSERT_TRUE(c->calls_pending);
	c = cpu_state_find(&im->r->cpus, 0);
	CU_ASSERT_FALSE(c->softlockup_age.has);
	CU_ASSERT_FALSE(c->timer_late.has);
	image_free(im);
}

static void test_rcu(void)
{
	struct image *im = image_new();
	uint64_t t = add_task(im, 42, "reader");

	put64(im, VARS + RCU + S_SEQ, 1285);
	put64(im, VARS + RCU + S_START, JIFFIES - 6000);
	put32(im, VARS + RCU + S_STATE, 5);
	put64(im, VARS + RCU + N_QSMASK, 2);
	list_set(im, VARS + RCU + N_BLKD, t + T_RCU);
	put64(im, VARS + RCU + N_TASKS, t + T_RCU);
	image_walk(im);

	const struct rcu_state_row *rcu = &im->r->cpus.rcu;
	CU_ASSERT_TRUE(rcu->running);
	CU_ASSERT_EQUAL(rcu->gp_age.v, 6000);
	CU_ASSERT_STRING_EQUAL(rcu->gp_state_name, "WAIT_FQS");
	CU_ASSERT_FALSE(cpu_state_find(&im->r->cpus, 0)->rcu_holdout);
	CU_ASSERT_TRUE(cpu_state_find(&im->r->cpus, 1)->rcu_holdout);
	CU_ASSERT_EQUAL_FATAL(rcu->nr_blocked, 1);
	CU_ASSERT_EQUAL(rcu->blocked[0].v, t);
	image_free(im);
}

/* Numbers and links that lead astray. */
static void test_rcu_lies(void)
{
	struct image *im = image_new();

	put64(im, VARS + RCU + S_SEQ, 1285);
	put32(im, VARS + LEVELS, 1000);
	image_walk(im);
	CU_ASSERT_EQUAL(section(im)->status, SECTION_IMPLAUSIBLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(section(im)->detail, "1000 levels"));
	CU_ASSERT_EQUAL(im->r->cpus.rows.nr, CPUS); /* the rest goes on */
	image_free(im);

	im = image_new();
	put64(im, VARS + RCU + S_SEQ, 1285);
	put64(im, VARS + RCU + S_LEVEL, VARS + RCU + S_NODE + 8);
	image_walk(im);
	CU_ASSERT_EQUAL(section(im)->status, SECTION_IMPLAUSIBLE);
	image_free(im);

	im = image_new();
	put64(im, VARS + RCU + S_SEQ, 1285);
	put64(im, VARS + RCU + N_TASKS, HEAP);
	put64(im, VARS + RCU + N_BLKD, 0xdead000000000100);
	image_walk(im);
	CU_ASSERT_EQUAL(section(im)->status, SECTION_IMPLAUSIBLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(section(im)->detail, "blocked readers"));
	image_free(im);
}

static uint64_t add_pool(struct image *im)
{
	uint64_t pool = alloc(im, 72);

	/* An xarray of one entry, at index 0, has it in place of a node. */
	put64(im, VARS + IDR + 8, pool);
	put32(im, pool + P_ID, 7);
	put32(im, pool + P_CPU, (uint32_t)-1);
	list_init(im, pool + P_LIST);
	list_init(im, pool + P_WORKERS);
	return pool;
}

static void test_pools(void)
{
	struct image *im = image_new();
	uint64_t pool = add_pool(im), t = add_task(im, 9, "kworker"), w = alloc(im, 56), pwq = alloc(im, 24),
		 wq = alloc(im, 32), work = alloc(im, 32), held = alloc(im, 32), running = alloc(im, 32);

	put64(im, pool + P_TS, JIFFIES - 7500);
	put32(im, pool + P_WORKERS_NR, 1);
	list_set(im, pool + P_LIST, work + WORK_ENTRY);
	put64(im, work + WORK_FUNC, 0xffffffffc0001234);
	list_set(im, pool + P_WORKERS, w + W_NODE);
	put64(im, w + W_WORK, running);
	put64(im, w + W_FUNC, 0xffffffffc0005678);
	put64(im, w + W_TASK, t);
	put64(im, w + W_PWQ, pwq);
	put64(im, w + W_START, JIFFIES - 10000);
	put64(im, pwq + Q_WQ, wq);
	fake_kernel_write(im->fk, wq, "slow", 5);
	list_set(im, pwq + Q_INACTIVE, held + WORK_ENTRY);
	image_walk(im);

	CU_ASSERT_EQUAL_FATAL(im->r->cpus.pools.nr, 1);
	const struct pool_row *p = &im->r->cpus.pools.data[0];
	CU_ASSERT_EQUAL(p->id, 7);
	CU_ASSERT_EQUAL(p->cpu, -1);
	CU_ASSERT_EQUAL(p->nr_pending, 1);
	CU_ASSERT_EQUAL(p->idle_for.v, 7500);
	CU_ASSERT_STRING_EQUAL(p->next_func, "0xffffffffc0001234");
	CU_ASSERT_EQUAL_FATAL(p->nr_rows, 1);
	CU_ASSERT_STRING_EQUAL(p->workers[0].comm, "kworker");
	CU_ASSERT_STRING_EQUAL(p->workers[0].func, "0xffffffffc0005678");
	CU_ASSERT_STRING_EQUAL(p->workers[0].wq, "slow");
	CU_ASSERT_EQUAL(p->workers[0].busy.v, 10000);
	CU_ASSERT_EQUAL(p->workers[0].waiting.v, 1);
	CU_ASSERT_EQUAL(section(im)->status, SECTION_COMPLETE);
	image_free(im);
}

static void test_pools_lie(void)
{
	struct image *im = image_new();
	uint64_t pool = add_pool(im), work = alloc(im, 32);

	/* A list that turns in a circle beside its head, and workers that are not there. */
	put64(im, pool + P_LIST, work + WORK_ENTRY);
	put64(im, work + WORK_ENTRY, work + WORK_ENTRY);
	put64(im, work + WORK_ENTRY + 8, work + WORK_ENTRY);
	put32(im, pool + P_WORKERS_NR, 5);
	put64(im, pool + P_WORKERS, 0xffff8880deadb000);
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->cpus.pools.nr, 1);
	CU_ASSERT_TRUE(im->r->cpus.pools.data[0].pending_cut);
	CU_ASSERT_PTR_NOT_NULL(im->r->cpus.pools.data[0].why);
	CU_ASSERT_EQUAL(section(im)->status, SECTION_NOT_READABLE);
	image_free(im);
}

static void test_unreadable(void)
{
	struct image *im = image_new();

	put64(im, percpu(RQ + RQ_CURR, 1), 0xffff8880deadb000);
	image_walk(im);
	CU_ASSERT_EQUAL(section(im)->status, SECTION_NOT_READABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(section(im)->detail, "1 of 2 CPUs; first: running task: cannot read"));
	CU_ASSERT_EQUAL(cpu_state_find(&im->r->cpus, 1)->timer_late.has, true);
	CU_ASSERT_PTR_NULL(cpu_state_find(&im->r->cpus, 0)->why);
	image_free(im);
}

UNIT_MAIN("walk-cpus", { "two idle CPUs", test_healthy }, { "a CPU that is stuck", test_stuck_cpu },
	  { "who holds up a grace period", test_rcu }, { "an RCU state that lies", test_rcu_lies },
	  { "pools, workers and works", test_pools }, { "pools that lie", test_pools_lie },
	  { "a CPU that cannot be read in full", test_unreadable })
