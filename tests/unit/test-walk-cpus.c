/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUs, RCU and worker pools of a kernel written in code, also of one that lies. */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>
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
	N_QSMASK = 0, N_LO = 8, N_HI = 12, N_BLKD = 16, N_TASKS = 32, N_NEEDED = 40, N_EXP = 48, N_EXP_TASKS = 56,
	N_SIZE = 64,
	S_NODE = 0, S_LEVEL = 4 * N_SIZE, S_SEQ = S_LEVEL + 32, S_START = S_SEQ + 8, S_STATE = S_SEQ + 16,
	S_FLAGS = S_SEQ + 20, S_NAME = S_SEQ + 24, S_THREAD = S_SEQ + 32, S_REQ = S_SEQ + 40, S_ACTIVITY = S_SEQ + 48,
	S_EXP = S_SEQ + 56, S_SIZE = S_SEQ + 64,
	/* worker_pool, worker, work_struct, pool_workqueue, workqueue_struct */
	P_ID = 0, P_CPU = 4, P_FLAGS = 8, P_TS = 16, P_WORKERS_NR = 24, P_IDLE_NR = 28, P_RUNNING_NR = 32,
	P_LIST = 40, P_WORKERS = 56,
	/* the rest of struct rq: limits; sched_dl_entity; cfs_bandwidth, task_group, cfs_rq */
	RQ_RESCHED = 64, RQ_TICKS = 72, RQ_NOTICK = 76, RQ_CPU = 80, RQ_RT_THROTTLED = 84, RQ_RT_TIME = 88,
	RQ_RT_RUNTIME = 96, RQ_FAIR = 104, RQ_EXT = 144, RQ_SIZE = 184,
	DL_BUDGET = 0, DL_PERIOD = 8, DL_LEFT = 16, DL_BITS = 24, DL_SIZE = 40,
	BW_PERIOD = 0, BW_QUOTA = 8, BW_LIST = 16, TG_LIST = 0, TG_CSS = 16, TG_BW = 24,
	C_RQ = 0, C_NR = 8, C_CLOCK = 16, C_LIST = 24,
	/* timer_base, timer_list, tick_sched; __call_single_data, call_function_data */
	B_RUNNING = 0, B_NEXT = 8, B_RECALC = 16, B_PENDING = 17, B_SIZE = 24, L_FUNC = 16, TS_STALLED = 8,
	CSD_FLAGS = 8, CSD_FUNC = 16, T_STACK = 48,
	/* srcu_struct, srcu_usage, srcu_data; rcu_tasks */
	SS_SDA = 0, SS_SUP = 8, SU_SEQ = 0, SU_START = 8, SD_CTRS = 0, SD_SSP = 32,
	RT_STATE = 0, RT_JIFFIES = 8, RT_START = 16, RT_SEQ = 24, RT_THREAD = 32,
	W_WORK = 0, W_FUNC = 8, W_PWQ = 16, W_TASK = 24, W_NODE = 32, W_START = 48,
	WORK_ENTRY = 8, WORK_FUNC = 24,
	Q_WQ = 0, Q_INACTIVE = 8,
};

static const uint64_t VARS = 0xffffffff82000000, HEAP = 0xffff888001000000,
		      AREAS = 0xffff888002000000, STRIDE = 0x10000;
/* Variables, at VARS. */
static const uint64_t JIFFIES_64 = 0, THRESH = 8, ENABLED = 16, TK = 32, RCU = 0x100, LEVELS = 0x400,
		      NODES = 0x408, TIMEOUT = 0x410, IDR = 0x420, WATCHED = 0x440, RT_RUNTIME = 0x448,
		      RT_PERIOD = 0x44c, DO_TIMER = 0x450, SOURCE = 0x458, BANDWIDTH = 0x460, GROUPS = 0x468,
		      RCU_TASKS = 0x480, NAME = 0x500, SOURCE_NAME = 0x510, INIT_STACK = 0x10000;
/* Per-CPU variables, as offsets. */
static const uint64_t RQ = 0x100, HRT = 0x200, TOUCH = 0x300, CALLS = 0x308, PREEMPT = 0x310, INTR = 0x318,
		      SAVED = 0x31c, TOUCHED = 0x320, WARNED = 0x321, SOFTIRQ = 0x322, CSD = 0x340, CFD = 0x360,
		      TICK = 0x380, DATA = 0x3a0, BASES = 0x3b0, SRCU = 0x400, CFD_CSD = 0x480, END = 0x500;
static const uint64_t CODE = 0xffffffff81000000;

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
	int rt = STRUCT(fk, "rt_rq", 96, { "rt_nr_running", u32, 0 }, { "rt_throttled", u32, RQ_RT_THROTTLED - RQ_RT },
			{ "rt_time", u64, RQ_RT_TIME - RQ_RT }, { "rt_runtime", u64, RQ_RT_RUNTIME - RQ_RT });
	int dl = STRUCT(fk, "dl_rq", 4, { "dl_nr_running", u32, 0 });
	int info = STRUCT(fk, "sched_info", 8, { "last_arrival", u64, 0 });
	int server = STRUCT(fk, "sched_dl_entity", DL_SIZE, { "dl_runtime", u64, DL_BUDGET },
			    { "dl_period", u64, DL_PERIOD }, { "runtime", u64, DL_LEFT },
			    { "dl_throttled", fk->u8, DL_BITS }, { "dl_server_active", fk->u8, DL_BITS + 1 },
			    { "dl_defer", fk->u8, DL_BITS + 2 }, { "dl_defer_running", fk->u8, DL_BITS + 3 });

	STRUCT(fk, "rq", RQ_SIZE, { "nr_running", u32, RQ_NR }, { "rt", rt, RQ_RT }, { "dl", dl, RQ_RT + 4 },
	       { "nr_switches", u64, RQ_SWITCHES }, { "curr", ptr, RQ_CURR }, { "idle", ptr, RQ_IDLE },
	       { "clock", u64, RQ_CLOCK }, { "last_seen_need_resched_ns", u64, RQ_RESCHED },
	       { "ticks_without_resched", u32, RQ_TICKS }, { "nohz_tick_stopped", u32, RQ_NOTICK },
	       { "cpu", u32, RQ_CPU }, { "fair_server", server, RQ_FAIR }, { "ext_server", server, RQ_EXT });
	STRUCT(fk, "task_struct", 64, { "pid", u32, T_PID }, { "sched_info", info, T_ARRIVAL },
	       { "rcu_node_entry", list, T_RCU }, { "comm", fake_kernel_array(fk, fk->u8, 16), T_COMM },
	       { "stack", ptr, T_STACK });
	int bw = STRUCT(fk, "cfs_bandwidth", 32, { "period", u64, BW_PERIOD }, { "quota", u64, BW_QUOTA },
			{ "throttled_cfs_rq", list, BW_LIST });
	int css = STRUCT(fk, "cgroup_subsys_state", 8, { "cgroup", ptr, 0 });
	STRUCT(fk, "task_group", 64, { "list", list, TG_LIST }, { "css", css, TG_CSS },
	       { "cfs_bandwidth", bw, TG_BW });
	STRUCT(fk, "cfs_rq", 40, { "rq", ptr, C_RQ }, { "h_nr_running", u32, C_NR },
	       { "throttled_clock", u64, C_CLOCK }, { "throttled_list", list, C_LIST });
	STRUCT(fk, "cgroup", 8, { "kn", ptr, 0 });
	STRUCT(fk, "kernfs_node", 32, { "__parent", ptr, 0 }, { "name", ptr, 8 }, { "id", u64, 16 });
	STRUCT(fk, "timer_base", B_SIZE, { "running_timer", ptr, B_RUNNING }, { "next_expiry", u64, B_NEXT },
	       { "next_expiry_recalc", fk->u8, B_RECALC }, { "timers_pending", fk->u8, B_PENDING });
	STRUCT(fk, "timer_list", 24, { "function", ptr, L_FUNC });
	STRUCT(fk, "tick_sched", 16, { "stalled_jiffies", u32, TS_STALLED });
	STRUCT(fk, "clocksource", 16, { "name", ptr, 8 });
	int llist = STRUCT(fk, "llist_node", 8, { "next", ptr, 0 });
	int csd = STRUCT(fk, "__call_single_node", 16, { "llist", llist, 0 }, { "u_flags", u32, CSD_FLAGS });
	STRUCT(fk, "__call_single_data", 32, { "node", csd, 0 }, { "func", ptr, CSD_FUNC });
	STRUCT(fk, "call_function_data", 24, { "csd", ptr, 0 });
	int ctr = STRUCT(fk, "srcu_ctr", 16, { "srcu_locks", u64, 0 }, { "srcu_unlocks", u64, 8 });
	STRUCT(fk, "srcu_data", 40, { "srcu_ctrs", fake_kernel_array(fk, ctr, 2), SD_CTRS },
	       { "ssp", ptr, SD_SSP });
	STRUCT(fk, "srcu_struct", 16, { "sda", ptr, SS_SDA }, { "srcu_sup", ptr, SS_SUP });
	STRUCT(fk, "srcu_usage", 16, { "srcu_gp_seq", u64, SU_SEQ }, { "srcu_gp_start", u64, SU_START });
	STRUCT(fk, "rcu_tasks", 40, { "gp_state", u32, RT_STATE }, { "gp_jiffies", u64, RT_JIFFIES },
	       { "gp_start", u64, RT_START }, { "tasks_gp_seq", u64, RT_SEQ }, { "kthread_ptr", ptr, RT_THREAD });
	int cblist = STRUCT(fk, "rcu_segcblist", 8, { "len", u64, 0 });
	STRUCT(fk, "rcu_data", 8, { "cblist", cblist, 0 });
	STRUCT(fk, "hrtimer_cpu_base", 16, { "expires_next", u64, H_EXPIRES }, { "hres_active", fk->u8, H_HRES });
	int base = STRUCT(fk, "tk_read_base", 24, { "shift", u32, 0 }, { "xtime_nsec", u64, 8 },
			  { "base", u64, 16 });
	int tk = STRUCT(fk, "timekeeper", 24, { "tkr_mono", base, 0 });
	STRUCT(fk, "tk_data", 32, { "timekeeper", tk, 8 });
	int node = STRUCT(fk, "rcu_node", N_SIZE, { "qsmask", u64, N_QSMASK }, { "grplo", u32, N_LO },
			  { "grphi", u32, N_HI }, { "blkd_tasks", list, N_BLKD }, { "gp_tasks", ptr, N_TASKS },
			  { "gp_seq_needed", u64, N_NEEDED }, { "expmask", u64, N_EXP },
			  { "exp_tasks", ptr, N_EXP_TASKS });
	STRUCT(fk, "rcu_state", S_SIZE, { "node", fake_kernel_array(fk, node, 4), S_NODE },
	       { "level", fake_kernel_array(fk, ptr, 4), S_LEVEL }, { "gp_seq", u64, S_SEQ },
	       { "gp_start", u64, S_START }, { "gp_state", u32, S_STATE }, { "name", ptr, S_NAME },
	       { "gp_kthread", ptr, S_THREAD }, { "gp_flags", fake_kernel_array(fk, fk->u8, 2), S_FLAGS },
	       { "gp_req_activity", u64, S_REQ }, { "gp_activity", u64, S_ACTIVITY },
	       { "expedited_sequence", u64, S_EXP });
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

static void add_var(struct fake_kernel *fk, const char *name, int type)
{
	CU_ASSERT_TRUE_FATAL(btf__add_var(fk->btf, name, BTF_VAR_GLOBAL_ALLOCATED, type) > 0);
}

static struct image *image_new(void)
{
	static const struct {
		const char *name;
		uint64_t off;
	} vars[] = { { "jiffies_64", JIFFIES_64 }, { "watchdog_thresh", THRESH },
		     { "watchdog_enabled", ENABLED }, { "timekeeper_data", TK }, { "rcu_state", RCU },
		     { "rcu_num_lvls", LEVELS }, { "rcu_num_nodes", NODES },
		     { "rcu_cpu_stall_timeout", TIMEOUT }, { "worker_pool_idr", IDR },
		     { "watchdog_cpumask", WATCHED }, { "sysctl_sched_rt_runtime", RT_RUNTIME },
		     { "sysctl_sched_rt_period", RT_PERIOD }, { "tick_do_timer_cpu", DO_TIMER },
		     { "curr_clocksource", SOURCE }, { "__cfs_bandwidth_used", BANDWIDTH },
		     { "task_groups", GROUPS }, { "rcu_tasks", RCU_TASKS },
		     /* How long stacks are. */
		     { "__start_init_stack", INIT_STACK }, { "__end_init_stack", INIT_STACK + 0x4000 } },
	  percpus[] = { { "runqueues", RQ }, { "hrtimer_bases", HRT }, { "watchdog_touch_ts", TOUCH },
			{ "call_single_queue", CALLS }, { "__preempt_count", PREEMPT },
			{ "hrtimer_interrupts", INTR }, { "hrtimer_interrupts_saved", SAVED },
			{ "watchdog_hardlockup_touched", TOUCHED }, { "watchdog_hardlockup_warned", WARNED },
			{ "__softirq_pending", SOFTIRQ }, { "csd_data", CSD }, { "cfd_data", CFD },
			{ "tick_cpu_sched", TICK }, { "rcu_data", DATA }, { "timer_bases", BASES },
			{ "my_srcu_srcu_data", SRCU } };
	struct image *im = calloc(1, sizeof(*im));

	im->fk = fake_kernel_new_smp(CPUS);
	im->next = HEAP;
	make_types(im->fk);
	/* As the kernel's types tell of variables of each CPU, and of no others. */
	add_var(im->fk, "hrtimer_interrupts", im->fk->u32);
	add_var(im->fk, "hrtimer_interrupts_saved", im->fk->u32);
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
	list_init(im, VARS + GROUPS);
	put32(im, VARS + RCU + N_HI, CPUS - 1);
	put64(im, VARS + RCU + N_NEEDED, 1284);
	put32(im, VARS + RT_RUNTIME, 950000);
	put32(im, VARS + RT_PERIOD, 1000000);
	put32(im, VARS + DO_TIMER, 1);
	put64(im, VARS + SOURCE, HEAP + 0x100000);
	put64(im, HEAP + 0x100008, VARS + SOURCE_NAME);
	fake_kernel_write(im->fk, VARS + SOURCE_NAME, "tsc", 4);
	put64(im, VARS + WATCHED, 1);
	for (uint64_t off = 0; off < 0x200; off += 8)
		put64(im, CODE + off, 0x9090909090909090);

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		uint64_t idle = add_task(im, 0, "swapper");

		for (uint64_t off = RQ; off < END; off += 8)
			put64(im, percpu(off, cpu), 0);
		fake_target_set_reg(im->fk->ft, cpu, "gs_base", percpu(0, cpu));
		fake_target_set_reg(im->fk->ft, cpu, "k_gs_base", 0);
		fake_target_set_reg(im->fk->ft, cpu, "cs", 0x10);
		fake_target_set_reg(im->fk->ft, cpu, "eflags", 0x202);
		fake_target_set_reg(im->fk->ft, cpu, "rip", CODE + 0x40);
		put32(im, percpu(RQ + RQ_CPU, cpu), cpu);
		put64(im, percpu(RQ + RQ_FAIR + DL_BUDGET, cpu), 50000000);
		put64(im, percpu(RQ + RQ_FAIR + DL_PERIOD, cpu), 1000000000);
		put64(im, percpu(CFD, cpu), CFD_CSD);
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
		CU_ASSERT_FALSE(c->rcu_holdout || c->rcu_exp_holdout);
		CU_ASSERT_PTR_NULL(c->why);
		CU_ASSERT_EQUAL(c->place, CPU_IN_KERNEL);
		CU_ASSERT_TRUE(c->wheel_late.has && !c->wheel_late.v);
		CU_ASSERT_TRUE(c->softirqs.has && !c->softirqs.v);
		CU_ASSERT_TRUE(c->has_watched && c->watched == !cpu);
		CU_ASSERT_FALSE(c->calls_pending || c->nr_calls || c->resched_for.has || c->rt_throttled);
		CU_ASSERT_EQUAL(c->nr_servers, 2);
		CU_ASSERT_STRING_EQUAL(c->servers[0].name, "fair_server");
		CU_ASSERT_EQUAL(c->servers[0].runtime, 50000000);
		CU_ASSERT_TRUE(c->has_tick_stopped && !c->tick_stopped);
	}
	CU_ASSERT_EQUAL(s->detectors.rt_runtime.v, 950000);
	CU_ASSERT_EQUAL(s->detectors.jiffies_cpu.v, 1);
	CU_ASSERT_STRING_EQUAL(s->detectors.clocksource, "tsc");
	CU_ASSERT_FALSE(cpu_state_clocks_stand(s));
	CU_ASSERT_FALSE(s->rcu.requested || s->rcu.exp_running);
	CU_ASSERT_EQUAL(s->srcus.nr + s->throttled.nr, 0);
	CU_ASSERT_EQUAL_FATAL(s->rcu_tasks.nr, 1);
	CU_ASSERT_FALSE(s->rcu_tasks.data[0].running);
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

/* ---- what keeps a CPU from getting on, and others */

static void test_places(void)
{
	struct image *im = image_new();

	/* One halted with interrupts off, and not by the idle task; one in user mode. */
	put64(im, percpu(RQ + RQ_CURR, 0), add_task(im, 42, "dead"));
	put64(im, CODE + 0x38, 0xf490909090909090);
	fake_target_set_reg(im->fk->ft, 0, "eflags", 2);
	fake_target_set_reg(im->fk->ft, 1, "cs", 0x33);
	fake_target_set_reg(im->fk->ft, 1, "gs_base", 0);
	fake_target_set_reg(im->fk->ft, 1, "k_gs_base", percpu(0, 1));
	image_walk(im);
	const struct cpu_state *s = &im->r->cpus;
	CU_ASSERT_EQUAL(cpu_state_find(s, 0)->place, CPU_HALTED);
	CU_ASSERT_FALSE(cpu_takes_interrupts(cpu_state_find(s, 0)));
	CU_ASSERT_EQUAL(cpu_state_find(s, 1)->place, CPU_IN_USER);
	CU_ASSERT_TRUE(cpu_takes_interrupts(cpu_state_find(s, 1)));
	CU_ASSERT_FALSE(cpu_state_clocks_stand(s));
	image_free(im);

	/* Both with interrupts off. */
	im = image_new();
	for (size_t cpu = 0; cpu < CPUS; cpu++)
		fake_target_set_reg(im->fk->ft, cpu, "eflags", 2);
	image_walk(im);
	CU_ASSERT_TRUE(cpu_state_clocks_stand(&im->r->cpus));
	image_free(im);

	/* The idle task may wait with the flag off (mwait); code that cannot be read says nothing. */
	im = image_new();
	for (size_t cpu = 0; cpu < CPUS; cpu++)
		fake_target_set_reg(im->fk->ft, cpu, "eflags", 2);
	put64(im, CODE + 0x38, 0xc9010f9090909090);
	image_walk(im);
	CU_ASSERT_EQUAL(cpu_state_find(&im->r->cpus, 0)->place, CPU_HALTED);
	CU_ASSERT_FALSE(cpu_state_clocks_stand(&im->r->cpus));
	image_free(im);

	im = image_new();
	fake_target_set_reg(im->fk->ft, 0, "rip", 0xffffffff91000000);
	image_walk(im);
	CU_ASSERT_EQUAL(cpu_state_find(&im->r->cpus, 0)->place, CPU_PLACE_UNKNOWN);
	image_free(im);
}

static void test_limits(void)
{
	struct image *im = image_new();

	put64(im, percpu(RQ + RQ_RESCHED, 1), 50ull << 30);
	put32(im, percpu(RQ + RQ_TICKS, 1), 2500);
	put32(im, percpu(RQ + RQ_NOTICK, 1), 1);
	put32(im, percpu(RQ + RQ_RT_THROTTLED, 1), 1);
	put64(im, percpu(RQ + RQ_RT_TIME, 1), 950000000);
	put64(im, percpu(RQ + RQ_RT_RUNTIME, 1), 950000001);
	put64(im, percpu(RQ + RQ_EXT + DL_LEFT, 1), (uint64_t)-5);
	put32(im, percpu(RQ + RQ_EXT + DL_BITS, 1), 0x00010101);
	put32(im, percpu(INTR, 1), 7);
	put32(im, percpu(SAVED, 1), 7);
	put32(im, percpu(TOUCHED, 1), 0x02820001); /* warned is the next byte, softirqs those after it */
	put32(im, percpu(TICK + TS_STALLED, 1), 3);
	put64(im, percpu(DATA, 1), 99);
	image_walk(im);

	const struct cpu_row *c = cpu_state_find(&im->r->cpus, 1);
	CU_ASSERT_EQUAL(c->resched_for.v, 10ull << 30);
	CU_ASSERT_EQUAL(c->resched_ticks.v, 2500);
	CU_ASSERT_TRUE(c->tick_stopped);
	CU_ASSERT_TRUE(c->rt_throttled);
	CU_ASSERT_EQUAL(c->rt_time.v, 950000000);
	CU_ASSERT_EQUAL(c->rt_runtime.v, 950000001);
	const struct cpu_server *ext = &c->servers[1];
	CU_ASSERT_STRING_EQUAL(ext->name, "ext_server");
	CU_ASSERT_EQUAL(ext->runtime, 0);
	CU_ASSERT_EQUAL(ext->left, -5);
	CU_ASSERT_TRUE(ext->active && ext->throttled && ext->deferred);
	/* Four bytes each, and one behind the other. */
	CU_ASSERT_EQUAL(c->hard_interrupts.v, 7);
	CU_ASSERT_EQUAL(c->hard_saved.v, 7);
	CU_ASSERT_FALSE(c->hard_missed.has);
	CU_ASSERT_TRUE(c->hard_touched && !c->hard_warned);
	CU_ASSERT_EQUAL(c->softirqs.v, 0x282);
	CU_ASSERT_STRING_EQUAL(cpu_softirq_name(1), "TIMER");
	CU_ASSERT_EQUAL(c->stalled_ticks.v, 3);
	CU_ASSERT_EQUAL(c->rcu_callbacks.v, 99);
	image_free(im);
}

static void test_wheel(void)
{
	struct image *im = image_new();
	uint64_t base = percpu(BASES, 1), timer = alloc(im, 24);

	put64(im, base + B_NEXT, JIFFIES - 5000);
	put32(im, base + B_RECALC, 0x100); /* pending */
	put64(im, base + B_RUNNING, timer);
	put64(im, timer + L_FUNC, 0xffffffffc0001234);
	/* The deferrable ones may be late. */
	put64(im, base + B_SIZE + B_NEXT, JIFFIES - 90000);
	put32(im, base + B_SIZE + B_RECALC, 0x100);
	/* Not due, or no longer next. */
	put64(im, percpu(BASES, 0) + B_NEXT, JIFFIES - 5000);
	put32(im, percpu(BASES, 0) + B_RECALC, 0x101);
	image_walk(im);
	CU_ASSERT_EQUAL(cpu_state_find(&im->r->cpus, 1)->wheel_late.v, 5000);
	CU_ASSERT_STRING_EQUAL(cpu_state_find(&im->r->cpus, 1)->running_timer, "0xffffffffc0001234");
	CU_ASSERT_EQUAL(cpu_state_find(&im->r->cpus, 0)->wheel_late.v, 0);
	CU_ASSERT_PTR_NULL(cpu_state_find(&im->r->cpus, 0)->running_timer);
	image_free(im);
}

/* CPU 0 has sent four calls, CPU 1 has taken none. */
static void test_calls(void)
{
	struct image *im = image_new();
	uint64_t t = add_task(im, 42, "caller"), stack = HEAP + 0x200000, foreign = alloc(im, 32),
		 nodes[] = { percpu(CSD, 0), percpu(CFD_CSD, 1), stack + 0x3000, foreign };

	put64(im, t + T_STACK, stack);
	put64(im, percpu(RQ + RQ_CURR, 0), t);
	put64(im, percpu(CALLS, 1), nodes[0]);
	for (size_t i = 0; i < 4; i++) {
		put64(im, nodes[i], i < 3 ? nodes[i + 1] : 0);
		put64(im, nodes[i] + CSD_FUNC, 0xffffffffc0001000 + i);
	}
	put32(im, nodes[0] + CSD_FLAGS, 0x01); /* nobody waits */
	put32(im, nodes[1] + CSD_FLAGS, 0x11);
	put32(im, nodes[2] + CSD_FLAGS, 0x11);
	put32(im, nodes[3] + CSD_FLAGS, 0x30); /* a task to be woken */
	image_walk(im);

	const struct cpu_row *c = cpu_state_find(&im->r->cpus, 1);
	CU_ASSERT_TRUE(c->calls_pending);
	CU_ASSERT_EQUAL_FATAL(c->nr_calls, 4);
	/* The oldest first. */
	CU_ASSERT_PTR_NULL(c->calls[0].func);
	CU_ASSERT_FALSE(c->calls[0].from.has);
	CU_ASSERT_STRING_EQUAL(c->calls[1].func, "0xffffffffc0001002");
	for (size_t i = 1; i < 4; i++) {
		CU_ASSERT_TRUE(c->calls[i].from.has && c->calls[i].from.v == 0);
		CU_ASSERT_EQUAL(c->calls[i].waited_for, i < 3);
	}
	CU_ASSERT_FALSE(c->calls_cut);
	image_free(im);

	/* A list without end. */
	im = image_new();
	put64(im, percpu(CALLS, 1), percpu(CSD, 0));
	put64(im, percpu(CSD, 0), percpu(CSD, 0));
	image_walk(im);
	CU_ASSERT_TRUE(cpu_state_find(&im->r->cpus, 1)->calls_cut);
	CU_ASSERT_PTR_NULL(cpu_state_find(&im->r->cpus, 1)->why);
	image_free(im);
}

static void test_throttled(void)
{
	for (int used = 0; used < 2; used++) {
		struct image *im = image_new();
		uint64_t tg = alloc(im, 64), cfs = alloc(im, 40), cgroup = alloc(im, 8), kn = alloc(im, 32),
			 root = alloc(im, 32), name = alloc(im, 16);

		put32(im, VARS + BANDWIDTH, (uint32_t)used);
		list_set(im, VARS + GROUPS, tg + TG_LIST);
		put64(im, tg + TG_CSS, cgroup);
		put64(im, cgroup, kn);
		put64(im, kn, root);
		put64(im, kn + 8, name);
		put64(im, kn + 16, 77);
		put64(im, root + 8, name + 8);
		fake_kernel_write(im->fk, name, "limited", 8);
		put64(im, tg + TG_BW + BW_QUOTA, 10000000);
		put64(im, tg + TG_BW + BW_PERIOD, 100000000);
		list_set(im, tg + TG_BW + BW_LIST, cfs + C_LIST);
		put64(im, cfs + C_RQ, percpu(RQ, 1));
		put32(im, cfs + C_NR, 3);
		put64(im, cfs + C_CLOCK, 58ull << 30);
		image_walk(im);
		CU_ASSERT_EQUAL_FATAL(im->r->cpus.throttled.nr, used);
		if (used) {
			const struct throttled_row *t = &im->r->cpus.throttled.data[0];

			CU_ASSERT_EQUAL(t->cpu, 1);
			CU_ASSERT_EQUAL(t->nr_tasks.v, 3);
			CU_ASSERT_EQUAL(t->age.v, 2ull << 30);
			CU_ASSERT_EQUAL(t->quota.v, 10000000);
			CU_ASSERT_EQUAL(t->period.v, 100000000);
			CU_ASSERT_PTR_NOT_NULL_FATAL(t->cgroup);
			CU_ASSERT_STRING_EQUAL(t->cgroup, "/limited");
		}
		CU_ASSERT_EQUAL(section(im)->status, SECTION_COMPLETE);
		image_free(im);
	}
}

/* One that is wanted and does not begin; an expedited one that waits for a CPU and a task. */
static void test_rcu_wanted(void)
{
	struct image *im = image_new();
	uint64_t t = add_task(im, 42, "reader");

	put64(im, VARS + RCU + N_NEEDED, 1288);
	put64(im, VARS + RCU + S_REQ, JIFFIES - 700);
	put64(im, VARS + RCU + S_ACTIVITY, JIFFIES - 800);
	put64(im, VARS + RCU + S_EXP, 41);
	put64(im, VARS + RCU + N_QSMASK, 3); /* of no grace period that is running */
	put64(im, VARS + RCU + N_EXP, 2);
	list_set(im, VARS + RCU + N_BLKD, t + T_RCU);
	put64(im, VARS + RCU + N_EXP_TASKS, t + T_RCU);
	image_walk(im);
	const struct rcu_state_row *rcu = &im->r->cpus.rcu;
	CU_ASSERT_FALSE(rcu->running);
	CU_ASSERT_TRUE(rcu->requested);
	CU_ASSERT_EQUAL(rcu->requested_for.v, 700);
	CU_ASSERT_EQUAL(rcu->activity_age.v, 800);
	CU_ASSERT_TRUE(rcu->exp_running);
	CU_ASSERT_EQUAL(rcu->exp_seq.v, 41);
	CU_ASSERT_FALSE(cpu_state_find(&im->r->cpus, 1)->rcu_holdout);
	CU_ASSERT_TRUE(cpu_state_find(&im->r->cpus, 1)->rcu_exp_holdout);
	CU_ASSERT_FALSE(cpu_state_find(&im->r->cpus, 0)->rcu_exp_holdout);
	CU_ASSERT_EQUAL_FATAL(rcu->nr_exp_blocked, 1);
	CU_ASSERT_EQUAL(rcu->exp_blocked[0].v, t);
	CU_ASSERT_EQUAL(rcu->nr_blocked, 0);
	image_free(im);
}

static void test_other_rcus(void)
{
	struct image *im = image_new();
	uint64_t ssp = alloc(im, 16), sup = alloc(im, 16);

	put64(im, percpu(SRCU + SD_SSP, 0), ssp);
	put64(im, ssp + SS_SDA, SRCU);
	put64(im, ssp + SS_SUP, sup);
	put64(im, sup + SU_SEQ, 9);
	put64(im, sup + SU_START, JIFFIES - 400);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		put64(im, percpu(SRCU + SD_CTRS, cpu), 10);
		put64(im, percpu(SRCU + SD_CTRS + 8, cpu), 9 + cpu); /* who comes in here may leave there */
		put64(im, percpu(SRCU + SD_CTRS + 16, cpu), 5);
		put64(im, percpu(SRCU + SD_CTRS + 24, cpu), 5);
	}
	put32(im, VARS + RCU_TASKS + RT_STATE, 6);
	put64(im, VARS + RCU_TASKS + RT_JIFFIES, JIFFIES - 50);
	put64(im, VARS + RCU_TASKS + RT_START, JIFFIES - 60);
	put64(im, VARS + RCU_TASKS + RT_SEQ, 5);
	put64(im, VARS + RCU_TASKS + RT_THREAD, HEAP);
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->cpus.srcus.nr, 1);
	const struct srcu_row *s = &im->r->cpus.srcus.data[0];
	CU_ASSERT_EQUAL(s->kva.v, ssp);
	CU_ASSERT_STRING_EQUAL(s->name, "my_srcu");
	CU_ASSERT_EQUAL(s->gp_seq, 9);
	CU_ASSERT_EQUAL(s->gp_age.v, 400);
	CU_ASSERT_TRUE(s->readers[0].has && s->readers[0].v == 1);
	CU_ASSERT_TRUE(s->readers[1].has && s->readers[1].v == 0);
	CU_ASSERT_PTR_NULL(s->why);
	const struct rcu_tasks_row *t = &im->r->cpus.rcu_tasks.data[0];
	CU_ASSERT_TRUE(t->running);
	CU_ASSERT_STRING_EQUAL(t->name, "rcu_tasks");
	CU_ASSERT_STRING_EQUAL(t->gp_state_name, "WAIT_SCAN_HOLDOUTS");
	CU_ASSERT_EQUAL(t->state_age.v, 50);
	CU_ASSERT_EQUAL(t->gp_age.v, 60);
	CU_ASSERT_EQUAL(t->kthread.v, HEAP);
	image_free(im);

	/* One that is nowhere is told, and the rest goes on. */
	im = image_new();
	put64(im, percpu(SRCU + SD_SSP, 0), 0xffff8880deadb000);
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->cpus.srcus.nr, 1);
	CU_ASSERT_PTR_NOT_NULL(im->r->cpus.srcus.data[0].why);
	CU_ASSERT_EQUAL(section(im)->status, SECTION_NOT_READABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(section(im)->detail, "SRCU my_srcu: "));
	CU_ASSERT_EQUAL(im->r->cpus.rcu_tasks.nr, 1);
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
	CU_ASSERT_EQUAL(p->kva.v, pool);
	CU_ASSERT_EQUAL(p->workers[0].kva.v, w);
	CU_ASSERT_EQUAL(p->workers[0].work.v, running);
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
	  { "where CPUs are", test_places }, { "limits of the scheduler, and stamps", test_limits },
	  { "timers of jiffies", test_wheel }, { "calls between CPUs", test_calls },
	  { "cgroups that have to wait", test_throttled },
	  { "grace periods that are wanted, or expedited", test_rcu_wanted },
	  { "SRCU and RCU of tasks", test_other_rcus },
	  { "pools, workers and works", test_pools }, { "pools that lie", test_pools_lie },
	  { "a CPU that cannot be read in full", test_unreadable })
