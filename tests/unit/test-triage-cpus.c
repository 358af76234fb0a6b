/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules about CPUs, clocks, grace periods and sched_ext's own machinery, over models made by hand. */
#include "config.h"

#include "triage-model.h"

/* Interrupts off everywhere: the clocks tell nothing. */
static void all_off(struct report *r)
{
	for (size_t i = 0; i < r->cpus.rows.nr; i++) {
		r->cpus.rows.data[i].irqs_on = false;
		r->cpus.rows.data[i].place = CPU_IN_KERNEL;
	}
}

/* That is no proof, but silence proves nothing either. */
static void test_clocks_stand(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	add_cpu(r, 1);
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	CU_ASSERT_EQUAL(r->findings.unexamined.nr, 0);
	all_off(r);
	judge(r);
	EXPECT(r, "clocks-stand", NULL);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->severity, SEVERITY_INFO);
	CU_ASSERT_EQUAL(nr_roots(r), 0);
	CU_ASSERT_TRUE(is_unexamined(r, "softlockup", "no CPU took interrupts"));
	CU_ASSERT_TRUE(is_unexamined(r, "hung-task", "no CPU took interrupts"));
	CU_ASSERT_FALSE(is_unexamined(r, "panic", ""));

	/* Where a program may loop, it is named. */
	struct kstack_frame *frames = add_vcpu_stack(r, 1, "bpf_loop", "bpf_prog_x_dispatch", NULL);
	frames[1].prog_id = 9;
	judge(r);
	EXPECT_SAYS(r, "clocks-stand", "; CPU 1 is in the BPF program bpf_prog_x_dispatch (id 9)");
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->severity, SEVERITY_INFO);
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "clocks-stand"), "fdgdb.stacks[0].frames[1].prog_id"));
	/* It had been late by so much when the other one stopped, too. */
	r->cpus.rows.data[1].timer_late = (struct opt_u64){ true, SECOND / 4 };
	judge(r);
	CU_ASSERT_PTR_NULL(find(r, "bpf-loop@cpu1"));
	r->cpus.rows.data[1].timer_late.v = 2ull * SECOND;
	judge(r);
	EXPECT(r, "bpf-loop@cpu1", NULL);
	EXPECT_SAYS(r, "bpf-loop@cpu1", "(id 9) for at least 2.0 s: at bpf_prog_x_dispatch");
	EXPECT(r, "clocks-stand", "bpf-loop@cpu1");
	r->cpus.rows.data[1].timer_late.has = false;

	/* One that is idle may wait for interrupts with the flag off. */
	r->cpus.rows.data[1].idle = true;
	r->cpus.rows.data[1].place = CPU_HALTED;
	judge(r);
	CU_ASSERT_PTR_NULL(find(r, "clocks-stand"));

	/* One that halts otherwise does not come back. */
	r->cpus.rows.data[1].idle = false;
	judge(r);
	EXPECT(r, "clocks-stand", NULL);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->severity, SEVERITY_ERROR);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->confidence, CONFIDENCE_CERTAIN);
	report_destroy(r);
}

/* Four CPUs are not so by chance, unless they only wait for one of them. */
static void test_many_off(void)
{
	struct report *r = new_report();

	for (uint32_t i = 0; i < 4; i++)
		add_cpu(r, i);
	all_off(r);
	judge(r);
	EXPECT(r, "clocks-stand", NULL);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->severity, SEVERITY_ERROR);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->confidence, CONFIDENCE_LIKELY);
	add_vcpu_stack(r, 1, "native_queued_spin_lock_slowpath", NULL);
	judge(r);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->severity, SEVERITY_INFO);
	report_destroy(r);
}

/* Two CPUs that spin for each other's lock, and no third: no clock tells for how long. */
static void test_all_spin(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	add_cpu(r, 1);
	struct kva a = add_curr(r, 0)->kva, b = add_curr(r, 1)->kva;
	all_off(r);
	for (uint32_t i = 0; i < 2; i++) {
		struct wait_row *w = add_wait(r, i ? b : a, 0x1000 * (i + 1), i ? a : b, WAIT_INFERRED);

		add_vcpu_stack(r, i, "native_queued_spin_lock_slowpath", NULL);
		w->kind = WAIT_SPINLOCK;
		w->count = (struct opt_u64){ true, 1 };
		w->cpu = (struct opt_u64){ true, i };
	}
	judge(r);
	EXPECT(r, "deadlock@pid1000", NULL);
	EXPECT(r, "clocks-stand", "deadlock@pid1000");
	CU_ASSERT_EQUAL(nr_roots(r), 1);

	/* If it is not known who holds the locks, it is a hang all the same: all locks are held, and everybody spins. */
	r->waits.data[0].has_holder = r->waits.data[1].has_holder = false;
	judge(r);
	EXPECT(r, "clocks-stand", NULL);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->severity, SEVERITY_ERROR);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->confidence, CONFIDENCE_LIKELY);

	/* A lock that has just been let go of is about to be taken. */
	r->waits.data[1].count.v = 0x40000;
	judge(r);
	CU_ASSERT_EQUAL(find(r, "clocks-stand")->severity, SEVERITY_INFO);

	/* What the kernel has found stays found. */
	r->cpus.rows.data[0].hard_warned = true;
	add_log(r, 4000ull * SECOND, "watchdog: Watchdog detected hard LOCKUP on cpu 0");
	judge(r);
	EXPECT(r, "hardlockup@cpu0", NULL);
	EXPECT(r, "clocks-stand", "hardlockup@cpu0");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "hardlockup@cpu0"), "fdgdb.log.records[0].text"));
	r->cpus.rows.data[0].irqs_on = true; /* it has gone on since */
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	report_destroy(r);
}

/* A call that another CPU does not answer. */
static void test_call(void)
{
	static const uint32_t other = 2;
	static struct cpu_call call = { .func = "do_sync_core", .from = { true, 1 }, .waited_for = true };
	struct report *r = new_report();

	for (uint32_t i = 0; i < 3; i++)
		add_cpu(r, i);
	struct kva curr = add_curr(r, 1)->kva;
	struct wait_row *w = add_wait(r, curr, 0, (struct kva){ 0 }, WAIT_RECORDED);
	w->kind = WAIT_CALL;
	w->cpu = (struct opt_u64){ true, 1 };
	w->cpus = &other;
	w->nr_cpus = 1;
	r->cpus.rows.data[2].calls = &call;
	r->cpus.rows.data[2].nr_calls = 1;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0); /* it has only just asked */

	r->cpus.rows.data[1].softlockup_age.v = 21;
	judge(r);
	EXPECT(r, "csd-wait@cpu1", NULL);
	EXPECT_SAYS(r, "csd-wait@cpu1", "CPU 1 has been waiting for 21.0 s for an answer of CPU 2, which has yet to run "
					"do_sync_core, though that takes interrupts");
	EXPECT(r, "softlockup@cpu1", "csd-wait@cpu1");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "csd-wait@cpu1"), "fdgdb.waits[0].waits_for_cpus[0]"));
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "csd-wait@cpu1"), "fdgdb.cpus[2].calls[0].func"));

	stop_cpu(r, 2, 25);
	judge(r);
	EXPECT(r, "irqs-off@cpu2", NULL);
	EXPECT(r, "csd-wait@cpu1", "irqs-off@cpu2");
	EXPECT(r, "softlockup@cpu1", "irqs-off@cpu2");
	CU_ASSERT_EQUAL(nr_roots(r), 1);

	/* One that may be preempted meanwhile: its CPU is not stuck. */
	r->cpus.rows.data[1].softlockup_age.v = 0;
	judge(r);
	EXPECT(r, "csd-wait@cpu1", "irqs-off@cpu2");
	EXPECT_SAYS(r, "csd-wait@cpu1", "on CPU 1 waits for an answer of CPU 2, where no interrupt has been taken for 25.0 s");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "csd-wait@cpu1"), "fdgdb.waits[0].waits_for_cpus[0]"));
	CU_ASSERT_EQUAL(nr_roots(r), 1);
	report_destroy(r);
}

static void test_need_resched(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	add_curr(r, 0);
	struct task_row *t = add_task(r, 50, 0, 0);
	struct cpu_row *c = &r->cpus.rows.data[0];

	t->sched_class = "fair";
	t->x.waiting = (struct opt_u64){ true, 7ull * SECOND };
	c->has_need_resched = c->need_resched = true;
	c->curr_for = (struct opt_u64){ true, 3ull * SECOND };
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	c->curr_for.v = 9ull * SECOND;
	judge(r);
	EXPECT(r, "need-resched@cpu0", NULL);
	EXPECT_SAYS(r, "need-resched@cpu0", "should have switched to another task up to 7.0 s ago: spin[1000]");
	CU_ASSERT_EQUAL(find(r, "need-resched@cpu0")->confidence, CONFIDENCE_LIKELY);

	/* As a kernel for tests notes it. */
	c->resched_for = (struct opt_u64){ true, 12ull * SECOND };
	judge(r);
	EXPECT_SAYS(r, "need-resched@cpu0", "should have switched to another task 12.0 s ago");
	CU_ASSERT_EQUAL(find(r, "need-resched@cpu0")->confidence, CONFIDENCE_CERTAIN);
	c->softlockup_age.v = 12;
	judge(r);
	EXPECT(r, "need-resched@cpu0", "softlockup@cpu0");

	/* What the BPF scheduler leaves waiting is another matter. */
	c->resched_for.has = false;
	c->softlockup_age.v = 2;
	r->tasks.data[1].sched_class = "ext";
	judge(r);
	CU_ASSERT_PTR_NULL(find(r, "need-resched@cpu0"));
	r->tasks.data[1].sched_class = "fair";

	/* On the way out of an interrupt it is about to. */
	c->softlockup_age.v = 2;
	c->place = CPU_IN_USER;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	report_destroy(r);
}

static void test_timers(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	add_cpu(r, 1);
	struct cpu_row *c = &r->cpus.rows.data[1];
	c->wheel_late = (struct opt_u64){ true, 4 * HZ };
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	c->wheel_late.v = 7 * HZ;
	c->running_timer = "my_timer";
	judge(r);
	EXPECT(r, "timers-late@cpu1", NULL);
	EXPECT_SAYS(r, "timers-late@cpu1", "have been due for 7.0 s; it is in the timer my_timer");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "timers-late@cpu1"), "fdgdb.cpus[1].running_timer"));
	c->softlockup_age.v = 25;
	judge(r);
	EXPECT(r, "timers-late@cpu1", "softlockup@cpu1");

	/* The thread that should run them waits for the BPF scheduler. */
	c->softlockup_age.v = 2;
	strcpy(add_task(r, 20, 12, 0)->comm, "ksoftirqd/1");
	judge(r);
	EXPECT(r, "timers-late@cpu1", "scx-held-by-bpf@pid20");
	report_destroy(r);
}

/* Grace periods of all kinds. */
static void test_rcu(void)
{
	struct report *r = new_report();
	struct kva reader = add_sleeper(r, 77, 30, 'S'), waiter = add_in(r, 5, 15, 'D', "synchronize_rcu_expedited");
	struct rcu_state_row *rcu = &r->cpus.rcu;

	add_cpu(r, 0);
	add_cpu(r, 1);
	struct wait_row *w = add_wait(r, waiter, 0, (struct kva){ 0 }, WAIT_RECORDED);
	w->kind = WAIT_RCU;
	w->rcu = "expedited";
	rcu->exp_running = true;
	rcu->exp_blocked = &reader;
	rcu->nr_exp_blocked = 1;
	judge(r);
	EXPECT(r, "rcu-stall@pid77", NULL);
	EXPECT_SAYS(r, "rcu-stall@pid77", "task[5] has been waiting for 15.0 s for an expedited grace period of RCU; that "
					  "waits for task[77], which");
	EXPECT(r, "hung-task@pid5", "rcu-stall@pid77");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "rcu-stall@pid77"), "fdgdb.rcu.exp_blocked_task_kvas[0]"));

	/* One trouble, if a normal one waits for the same. */
	rcu->running = true;
	rcu->gp_age = (struct opt_u64){ true, 30 * HZ };
	rcu->blocked = &reader;
	rcu->nr_blocked = 1;
	judge(r);
	EXPECT_SAYS(r, "rcu-stall@pid77", "a grace period of RCU has been running for 30.0 s");
	EXPECT(r, "hung-task@pid5", "rcu-stall@pid77");
	CU_ASSERT_EQUAL(r->findings.rows.nr, 2);

	/* One that is wanted and does not begin. */
	*rcu = (struct rcu_state_row){ .collected = true, .requested = true, .requested_for = { true, 15 * HZ },
				       .activity_age = { true, HZ } };
	judge(r);
	CU_ASSERT_PTR_NULL(find(r, "rcu-stall")); /* the thread for it is at work */
	rcu->activity_age.v = 18 * HZ;
	judge(r);
	EXPECT(r, "rcu-stall", NULL);
	EXPECT_SAYS(r, "rcu-stall", "has been wanted for 15.0 s and has not begun");

	/* One domain of SRCU is not another one. */
	*rcu = (struct rcu_state_row){ .collected = true };
	struct srcu_row *u = PUSH(&r->cpus.srcus);
	*u = (struct srcu_row){ .kva = { 0xffff888000111000 }, .name = "my_srcu", .gp_seq = 1, .gp_age = { true, 20 * HZ },
				.readers = { { true, 1 }, { true, 0 } } };
	w->rcu = "srcu";
	w->lock.v = 0xffff888000222000;
	judge(r);
	EXPECT(r, "hung-task@pid5", NULL);
	w->lock = u->kva;
	judge(r);
	EXPECT(r, "rcu-stall@pid5", NULL);
	EXPECT_SAYS(r, "rcu-stall@pid5", "for a grace period of SRCU my_srcu, which 1 readers are in");
	EXPECT(r, "hung-task@pid5", "rcu-stall@pid5");

	struct rcu_tasks_row *k = PUSH(&r->cpus.rcu_tasks);
	*k = (struct rcu_tasks_row){ .name = "rcu_tasks_trace", .running = true, .gp_age = { true, 20 * HZ } };
	w->rcu = "tasks_trace";
	w->lock.v = 0;
	judge(r);
	EXPECT_SAYS(r, "rcu-stall@pid5", "for a grace period of rcu_tasks_trace");
	EXPECT(r, "hung-task@pid5", "rcu-stall@pid5");
	report_destroy(r);
}

/* Who flushes a work that wants a lock of his: a deadlock, though one of the edges is no lock. */
static void test_flush(void)
{
	struct report *r = new_report();
	struct kva flusher = add_in(r, 5, 30, 'D', "__flush_work"), worker = add_in(r, 6, 29, 'D', "mutex_lock");
	struct wait_row *w = add_wait(r, flusher, 0, worker, WAIT_RECORDED);

	w->kind = WAIT_WORK;
	w->object = "work slow_fn of events";
	add_wait(r, worker, 0x1000, flusher, WAIT_RECORDED);
	judge(r);
	EXPECT(r, "deadlock@pid5", NULL);
	EXPECT_SAYS(r, "deadlock@pid5", "task[5] waits for work slow_fn of events, task[6] waits for mutex 0x1000");
	CU_ASSERT_EQUAL(find(r, "deadlock@pid5")->confidence, CONFIDENCE_CERTAIN);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);

	/* Without the circle the work is what everything waits for. */
	r->waits.nr = 1;
	add_wait(r, add_sleeper(r, 7, 20, 'D'), 0x2000, flusher, WAIT_RECORDED);
	judge(r);
	EXPECT(r, "hung-task@pid6", NULL);
	EXPECT(r, "hung-task@pid5", "hung-task@pid6");
	EXPECT_SAYS(r, "hung-task@pid5", "it waits for work slow_fn of events, which is task[6]'s to end");
	EXPECT(r, "lock-held@pid5", "hung-task@pid6");
	CU_ASSERT_EQUAL(nr_roots(r), 1);
	report_destroy(r);
}

/* Who has the lock is runnable, and does not run. */
static void test_throttled_holder(void)
{
	struct report *r = new_report();
	struct task_row *holder = add_task(r, 1, 0, 0);

	holder->sched_class = "fair";
	holder->x.cgroup = "/jobs/one";
	holder->cpu = 1;
	struct kva kva = holder->kva;
	add_wait(r, add_sleeper(r, 5, 20, 'D'), 0x1000, kva, WAIT_RECORDED);
	judge(r);
	EXPECT_SAYS(r, "lock-held@pid1", "it is held by task[1], which waits for CPU 1");
	struct throttled_row *row = PUSH(&r->cpus.throttled);
	*row = (struct throttled_row){ .cpu = 1, .cgroup = "/job" };
	judge(r);
	CU_ASSERT_PTR_NULL(strstr(find(r, "lock-held@pid1")->summary, "throttled"));
	row->cgroup = "/jobs";
	judge(r);
	EXPECT_SAYS(r, "lock-held@pid1", "which waits for CPU 1: its cgroup is throttled");
	report_destroy(r);
}

static void test_frozen_fs(void)
{
	struct report *r = new_report();
	struct wait_row *w = add_wait(r, add_sleeper(r, 5, 20, 'D'), 0x1000, (struct kva){ 0 }, WAIT_RECORDED);

	w->kind = WAIT_PERCPU_READ;
	w->frozen = "vda1";
	judge(r);
	EXPECT_SAYS(r, "lock-held@pid5", "for percpu-rwsem 0x1000; the file system vda1 is frozen");

	/* On its way from one to the next. */
	w->frozen = NULL;
	w->kind = WAIT_MUTEX;
	w->handed_over = true;
	judge(r);
	EXPECT_SAYS(r, "lock-held@pid5", "it is being handed over to one of them");
	report_destroy(r);
}

static void test_scx_watchdog(void)
{
	struct report *r = new_report();

	r->scx.enable_state = "enabled";
	r->scx.watchdog_timestamp = (struct opt_u64){ true, NOW - 14 * HZ };
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	r->scx.watchdog_timestamp.v = NOW - 24 * HZ;
	judge(r);
	EXPECT(r, "scx-watchdog-late", NULL);
	EXPECT_SAYS(r, "scx-watchdog-late", "has not looked for 24.0 s; after 30.0 s");

	/* The worker that should run it is one that the scheduler does not run. */
	strcpy(add_task(r, 30, 20, 0)->comm, "kworker/u8:1");
	judge(r);
	EXPECT(r, "scx-watchdog-late", "scx-held-by-bpf@pid30");
	r->scx.watchdog_timestamp.has = false;
	judge(r);
	CU_ASSERT_TRUE(is_unexamined(r, "scx-watchdog-late", "is not known"));
	report_destroy(r);
}

static void test_scx_bypass(void)
{
	struct report *r = new_report();

	r->scx.enable_state = "enabled";
	r->scx.watchdog_timestamp = (struct opt_u64){ true, NOW };
	r->scx.sched.bypass_depth = 1;
	judge(r);
	EXPECT(r, "scx-bypass", NULL);
	CU_ASSERT_EQUAL(find(r, "scx-bypass")->severity, SEVERITY_WARNING);
	r->scx.enable_state = "enabling";
	judge(r);
	CU_ASSERT_EQUAL(nr_roots(r), 0);
	r->scx.enable_state = "enabled";
	r->scx.sched.exit_kind = 1026; /* what it comes of is told as well */
	judge(r);
	EXPECT(r, "scx-exit", NULL);
	CU_ASSERT_EQUAL(nr_roots(r), 1);
	report_destroy(r);
}

UNIT_MAIN("triage-cpus", { "no CPU takes interrupts", test_clocks_stand }, { "no CPU of four takes interrupts", test_many_off }, { "all CPUs spin", test_all_spin },
	  { "a call that is not answered", test_call }, { "need_resched ignored", test_need_resched },
	  { "timers that do not run", test_timers }, { "grace periods", test_rcu },
	  { "a work that waits for who waits for it", test_flush },
	  { "a holder whose cgroup is throttled", test_throttled_holder },
	  { "a frozen file system, a lock on its way", test_frozen_fs },
	  { "sched_ext's watchdog", test_scx_watchdog }, { "a scheduler that is bypassed", test_scx_bypass })
