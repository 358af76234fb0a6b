/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One trouble, one root: what follows from what, by models of hangs that have had time to spread. */
#include "config.h"

#include "triage-model.h"

/* The commonest of all: who holds the lock waits for a disk. */
static void test_holder_hangs(void)
{
	struct report *r = new_report();
	struct kva holder = add_in(r, 1, 30, 'D', "folio_wait_bit_common"), other = add_in(r, 3, 40, 'D', "folio_wait_bit_common"),
		   waiter = add_sleeper(r, 2, 25, 'D');

	(void)other; /* the worst of them gives the finding its name */
	add_wait(r, waiter, 0x1000, holder, WAIT_RECORDED);
	judge(r);
	EXPECT(r, "hung-task@pid3", NULL);
	EXPECT(r, "lock-held@pid1", "hung-task@pid3");
	CU_ASSERT_EQUAL(nr_roots(r), 1);
	report_destroy(r);
}

/* A CPU that does not schedule, with a mutex, and half a minute later. */
static void test_softlockup_spreads(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	add_cpu(r, 1);
	struct cpu_row *c = &r->cpus.rows.data[1];
	c->softlockup_age.v = 25;
	c->rcu_holdout = c->rcu_exp_holdout = true;
	r->cpus.rcu.running = r->cpus.rcu.exp_running = true;
	r->cpus.rcu.gp_age = (struct opt_u64){ true, 22 * HZ };
	struct kva holder = add_curr(r, 1)->kva;
	add_wait(r, add_sleeper(r, 5, 22, 'D'), 0x1000, holder, WAIT_RECORDED);
	add_in(r, 6, 130, 'D', "__flush_work");
	add_in(r, 7, 22, 'D', "synchronize_rcu_expedited");
	struct worker_row k = { .task = holder, .pid = 1001, .comm = "kworker", .func = "fn" };
	struct pool_row *p = PUSH(&r->cpus.pools);
	*p = (struct pool_row){ .id = 4, .cpu = 1, .nr_pending = 5, .idle_for = { true, 24 * HZ }, .workers = &k,
				.nr_rows = 1 };
	judge(r);
	EXPECT(r, "softlockup@cpu1", NULL);
	EXPECT(r, "rcu-stall@cpu1", "softlockup@cpu1");
	EXPECT(r, "lock-held@pid1001", "softlockup@cpu1");
	EXPECT(r, "hung-task@pid6", "softlockup@cpu1");
	EXPECT(r, "hung-task@pid7", "softlockup@cpu1");
	EXPECT(r, "workqueue-stuck@cpu1", "softlockup@cpu1");
	CU_ASSERT_EQUAL(nr_roots(r), 1);

	/* It is as bad as what it leads to, and stands before that. */
	CU_ASSERT_STRING_EQUAL(r->findings.rows.data[0]->key, "softlockup@cpu1");
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->severity, SEVERITY_ERROR);
	report_destroy(r);
}

/* A pool of no CPU has one as long as any of them schedules. */
static void test_unbound_pool(void)
{
	for (int both = 0; both < 2; both++) {
		struct report *r = new_report();

		for (uint32_t cpu = 0; cpu < 2; cpu++) {
			add_cpu(r, cpu);
			if (cpu || both)
				r->cpus.rows.data[cpu].softlockup_age.v = 25;
			add_curr(r, cpu);
		}
		struct pool_row *p = PUSH(&r->cpus.pools);
		*p = (struct pool_row){ .id = 8, .cpu = -1, .nr_pending = 1, .idle_for = { true, 24 * HZ } };
		judge(r);
		EXPECT(r, "softlockup@cpu1", NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(find(r, "workqueue-stuck"));
		CU_ASSERT_EQUAL(!find(r, "workqueue-stuck")->caused_by, !both);
		report_destroy(r);
	}
}

/* A grace period that nobody begins: who should wake its thread is on a CPU that takes no interrupts. */
static void test_wanted_grace_period(void)
{
	for (int stuck = 0; stuck <= 1; stuck++) {
		struct report *r = new_report();

		add_cpu(r, 0);
		r->cpus.rows.data[0].softlockup_age.v = stuck ? 25 : 0;
		add_curr(r, 0);
		r->cpus.rcu = (struct rcu_state_row){ .collected = true, .requested = true,
						      .requested_for = { true, 24 * HZ }, .activity_age = { true, 24 * HZ } };
		judge(r);
		EXPECT(r, "rcu-stall", stuck ? "softlockup@cpu0" : NULL);
		report_destroy(r);
	}
}

/* A warning that makes others hang for minutes is an error; roots stand before what follows from another one. */
static void test_severity(void)
{
	struct report *r = new_report();
	struct kva server = add_in(r, 5, 100, 'D', "request_wait_answer");

	r->cpus.detectors.hung_task_timeout = (struct opt_u64){ true, 60 };
	add_wait(r, add_sleeper(r, 6, 70, 'D'), 0x1000, server, WAIT_RECORDED);
	add_in(r, 7, 15, 'D', "blk_wait");
	judge(r);
	CU_ASSERT_EQUAL_FATAL(r->findings.rows.nr, 3);
	CU_ASSERT_STRING_EQUAL(r->findings.rows.data[0]->key, "fuse@pid5");
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->severity, SEVERITY_ERROR);
	CU_ASSERT_STRING_EQUAL(r->findings.rows.data[1]->key, "lock-held@pid5");
	CU_ASSERT_STRING_EQUAL(r->findings.rows.data[2]->key, "hung-task@pid7");

	/* Without a limit of the kernel's it is two minutes. */
	r->cpus.detectors.hung_task_timeout.v = 0;
	judge(r);
	CU_ASSERT_EQUAL(find(r, "fuse@pid5")->severity, SEVERITY_WARNING);
	r->tasks.data[0].x.last_ran.v = 121ull * SECOND;
	judge(r);
	CU_ASSERT_EQUAL(find(r, "fuse@pid5")->severity, SEVERITY_ERROR);
	report_destroy(r);
}

/* All CPUs of a stop_machine() wait for the one that does not come. */
static void test_stop_machine(void)
{
	struct report *r = new_report();

	for (uint32_t i = 0; i < 4; i++)
		add_cpu(r, i);
	add_vcpu_stack(r, 1, "multi_cpu_stop", "cpu_stopper_thread", NULL);
	add_vcpu_stack(r, 2, "multi_cpu_stop", "cpu_stopper_thread", NULL);
	add_vcpu_stack(r, 3, "some_loop", NULL);
	stop_cpu(r, 1, 20);
	stop_cpu(r, 2, 20);
	r->cpus.rows.data[3].softlockup_age.v = 26;
	add_in(r, 7, 15, 'D', "stop_two_cpus");
	judge(r);
	EXPECT(r, "softlockup@cpu3", NULL);
	EXPECT(r, "irqs-off@cpu1", "softlockup@cpu3");
	EXPECT(r, "irqs-off@cpu2", "softlockup@cpu3");
	EXPECT(r, "hung-task@pid7", "softlockup@cpu3");
	CU_ASSERT_EQUAL(nr_roots(r), 1);
	report_destroy(r);
}

/* Who spins follows from who is known to hold the lock, not from just any CPU. */
static void test_spin_holder(void)
{
	struct report *r = new_report();

	for (uint32_t i = 0; i < 3; i++)
		add_cpu(r, i);
	struct kva spinner = add_curr(r, 2)->kva, holder = add_curr(r, 1)->kva;
	for (uint32_t i = 0; i < 3; i++)
		stop_cpu(r, i, 20);
	add_vcpu_stack(r, 0, "another_loop", NULL);
	add_vcpu_stack(r, 1, "some_loop", NULL);
	add_vcpu_stack(r, 2, "native_queued_spin_lock_slowpath", "_raw_spin_lock", NULL);
	struct wait_row *w = add_wait(r, spinner, 0x1000, holder, WAIT_INFERRED);
	w->kind = WAIT_SPINLOCK;
	w->holder.comm = "spin";
	judge(r);
	EXPECT(r, "irqs-off@cpu0", NULL);
	EXPECT(r, "irqs-off@cpu1", NULL);
	EXPECT(r, "irqs-off@cpu2", "irqs-off@cpu1");
	EXPECT_SAYS(r, "irqs-off@cpu2", "it spins for spin lock 0x1000, probably held by spin[1001]");
	report_destroy(r);
}

/* Two CPUs that spin for each other's lock. */
static void test_spin_abba(void)
{
	struct report *r = new_report();

	for (uint32_t i = 0; i < 3; i++)
		add_cpu(r, i);
	for (uint32_t i = 0; i < 2; i++)
		add_vcpu_stack(r, i, "native_queued_spin_lock_slowpath", NULL);
	struct kva a = add_curr(r, 0)->kva, b = add_curr(r, 1)->kva;
	add_wait(r, a, 0x1000, b, WAIT_INFERRED)->kind = WAIT_SPINLOCK;
	add_wait(r, b, 0x2000, a, WAIT_INFERRED)->kind = WAIT_SPINLOCK;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0); /* for a moment it may look so */
	stop_cpu(r, 0, 20);
	stop_cpu(r, 1, 20);
	judge(r);
	EXPECT(r, "deadlock@pid1000", NULL);
	EXPECT(r, "irqs-off@cpu0", "deadlock@pid1000");
	EXPECT(r, "irqs-off@cpu1", "deadlock@pid1000");
	EXPECT(r, "softlockup@cpu1", "deadlock@pid1000");
	CU_ASSERT_EQUAL(find(r, "deadlock@pid1000")->confidence, CONFIDENCE_LIKELY);
	CU_ASSERT_EQUAL(find(r, "deadlock@pid1000")->severity, SEVERITY_ERROR);
	CU_ASSERT_EQUAL(nr_roots(r), 1);

	/* A lock that a CPU has already. */
	r->waits.data[0].holder.task = a;
	r->waits.nr = 1;
	judge(r);
	EXPECT_SAYS(r, "deadlock@pid1000", "task[1000] waits for spin lock 0x1000, which it probably holds itself");
	report_destroy(r);
}

/* A panic that a detector asked for, or an oops, comes of what that saw. */
static void test_panic(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 200, 'D'), b = add_sleeper(r, 2, 200, 'D');

	add_cpu(r, 0);
	add_cpu(r, 1);
	add_wait(r, a, 0x2000, b, WAIT_RECORDED);
	add_wait(r, b, 0x1000, a, WAIT_RECORDED);
	add_in(r, 3, 60, 'D', "blk_wait"); /* for 15 s when the panic came */
	add_in(r, 4, 50, 'D', "nfs_wait"); /* for 5 */
	stop_cpu(r, 1, 45);
	add_log(r, 4900ull * SECOND, "INFO: task some:thing:2 blocked for more than 120 seconds.");
	add_log(r, 4955ull * SECOND, "Kernel panic - not syncing: hung_task: blocked tasks");
	add_log(r, 4956ull * SECOND, "Kernel panic - not syncing: said by user space")->facility = 1;
	r->kernel.panic_cpu = (struct opt_u64){ true, 0 };
	judge(r);
	EXPECT(r, "deadlock@pid1", NULL);
	EXPECT(r, "panic@cpu0", "deadlock@pid1");
	EXPECT_SAYS(r, "panic@cpu0", "on CPU 0: hung_task: blocked tasks");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "panic@cpu0"), "fdgdb.log.records[0].text"));
	EXPECT(r, "irqs-off@cpu1", "deadlock@pid1");
	EXPECT(r, "hung-task@pid4", "deadlock@pid1");
	EXPECT(r, "hung-task@pid3", NULL);

	/* One that somebody has asked for comes of nothing, and leaves alone what was there before. */
	r->log.records[1].text = "Kernel panic - not syncing: sysrq triggered crash";
	judge(r);
	EXPECT(r, "panic@cpu0", NULL);
	EXPECT(r, "deadlock@pid1", NULL);
	EXPECT(r, "irqs-off@cpu1", "panic@cpu0");
	EXPECT(r, "softlockup@cpu1", "panic@cpu0");
	EXPECT(r, "hung-task@pid4", "panic@cpu0");
	EXPECT(r, "hung-task@pid3", NULL);

	/* A CPU that was stuck when it came. */
	r->cpus.rows.data[1].timer_late.v = 60ull * SECOND;
	r->log.records[0].text = "watchdog: Watchdog detected hard LOCKUP on cpu 1";
	r->log.records[1].text = "Kernel panic - not syncing: Hard LOCKUP";
	judge(r);
	EXPECT(r, "irqs-off@cpu1", NULL);
	EXPECT(r, "panic@cpu0", "irqs-off@cpu1");
	report_destroy(r);
}

static void test_oops(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	add_log(r, 100, "BUG: scheduling while atomic: foo/1/0x00000002");
	for (int i = 0; i < 14; i++)
		add_log(r, 200, "something else");
	add_log(r, 300, "BUG: kernel NULL pointer dereference, address: 0000000000000010");
	add_log(r, 300, "#PF: supervisor write access in kernel mode");
	add_log(r, 300, "Oops: Oops: 0002 [#1] SMP NOPTI");
	add_log(r, 300, "CPU: 1 UID: 0 PID: 123 Comm: a task of mine Tainted: G           OE");
	add_log(r, 300, "RIP: 0010:oops+0x5/0x10 [hang]");
	add_log(r, 300, "RIP: 0033:0x4ae3f7");
	r->kernel.nr_oopses.v = 1;
	judge(r);
	EXPECT(r, "oops", NULL);
	EXPECT_SAYS(r, "oops", "oopsed: BUG: kernel NULL pointer dereference, address: 0000000000000010, on CPU 1 in "
			       "a task of mine[123], at oops+0x5/0x10 [hang]; what");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "oops"), "fdgdb.log.records[15].text"));

	/* Before 6.10 */
	r->log.records[15].text = "more of it";
	r->log.records[17].text = "general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP";
	r->kernel.nr_oopses.v = 3;
	judge(r);
	EXPECT_SAYS(r, "oops", "oopsed 3 times, first: general protection fault, probably for");

	/* The panic that follows it, and the lock that it left. */
	add_wait(r, add_sleeper(r, 5, 30, 'D'), 0x1000, (struct kva){ 0xffff8880deadbee8 }, WAIT_RECORDED);
	r->waits.data[0].holder.comm = NULL;
	r->waits.data[0].holder.pid = 0;
	r->waits.data[0].holder.gone = true;
	judge(r);
	EXPECT(r, "lock-held@pid5", "oops");
	EXPECT_SAYS(r, "lock-held@pid5", "mutex 0x1000; it is held by a task that no longer exists");
	add_log(r, 4999ull * SECOND, "Kernel panic - not syncing: Fatal exception");
	r->kernel.panic_cpu = (struct opt_u64){ true, 0 };
	judge(r);
	EXPECT(r, "panic@cpu0", "oops");
	EXPECT(r, "oops", NULL);
	EXPECT(r, "lock-held@pid5", "oops");
	report_destroy(r);
}

/* Without a log there is less to say, but the same to find. */
static void test_oops_without_log(void)
{
	struct report *r = new_report();

	r->kernel.tainted.v = 1 << 7;
	r->kernel.panic_cpu = (struct opt_u64){ true, 1 };
	judge(r);
	EXPECT(r, "oops", NULL);
	EXPECT(r, "panic@cpu1", NULL);
	report_destroy(r);
}

/* Threads of one process in faults that one process should answer: one finding. */
static void test_userfault_group(void)
{
	struct report *r = new_report();

	for (int32_t i = 0; i < 6; i++) {
		add_in(r, 10 + i, 20 + (uint64_t)i, 'S', "handle_userfault");
		r->tasks.data[i].x.mm = (struct opt_u64){ true, i < 5 ? 0xffff888000aaa000 : 0xffff888000bbb000 };
	}
	add_wait(r, add_sleeper(r, 5, 15, 'D'), 0x1000, r->tasks.data[1].kva, WAIT_RECORDED);
	judge(r);
	EXPECT(r, "userfault@pid14", NULL);
	EXPECT_SAYS(r, "userfault@pid14", "task[14] and 4 others of its address space have been in a page fault for up to 24.0 s");
	EXPECT(r, "userfault@pid15", NULL);
	EXPECT(r, "lock-held@pid11", "userfault@pid14");
	CU_ASSERT_EQUAL(r->findings.rows.nr, 3);
	report_destroy(r);
}

/* In whatever function of FUSE's, and whatever the compiler has made of its name. */
static void test_fuse_group(void)
{
	struct report *r = new_report();

	add_in(r, 5, 30, 'D', "request_wait_answer.isra.0");
	add_in(r, 6, 28, 'D', "fuse_get_req.constprop.0");
	add_stack(r, add_sleeper(r, 7, 26, 'D'), "folio_wait_bit_common", "fuse_read_folio", NULL);
	add_in(r, 8, 900, 'S', "fuse_dev_do_read"); /* a server without work */
	judge(r);
	EXPECT(r, "fuse@pid5", NULL);
	EXPECT_SAYS(r, "fuse@pid5", "task[5] and 2 others have been waiting");
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);
	report_destroy(r);
}

/* The kernel's own detector passes over them. */
static void test_not_hung(void)
{
	struct report *r = new_report();

	add_in(r, 5, 3000, 'D', "__refrigerator");
	r->tasks.data[0].state.v = 0x8000;
	add_in(r, 6, 3000, 'D', "hwrng_fillfn");
	r->tasks.data[1].state.v = 0x102;
	add_in(r, 7, 3000, 'D', "kernel_clone");
	judge(r);
	EXPECT(r, "hung-task@pid6", NULL);
	CU_ASSERT_EQUAL(find(r, "hung-task@pid6")->severity, SEVERITY_INFO);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);
	report_destroy(r);
}

/* Two readers of a terminal, and users of a lock of their own: no trouble of the kernel's. */
static void test_patient(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 500, 'S'), b = add_sleeper(r, 2, 400, 'S'), c = add_sleeper(r, 3, 300, 'S');

	add_wait(r, b, 0x1000, a, WAIT_RECORDED)->uninterruptible = false;
	struct wait_row *w = add_wait(r, c, 0x2000, a, WAIT_RECORDED);
	w->kind = WAIT_RT_MUTEX;
	w->uaddr = (struct opt_u64){ true, 0x7f0000001000 };
	judge(r);
	CU_ASSERT_EQUAL(nr_roots(r), 0);
	EXPECT_SAYS(r, "lock-held@pid1", "1 task has been waiting for up to 400.0 s for mutex 0x1000; it is held by task[1]");
	CU_ASSERT_EQUAL(find(r, "lock-held@pid1")->severity, SEVERITY_INFO);

	/* Who can not be woken makes it one. */
	add_wait(r, add_sleeper(r, 4, 20, 'D'), 0x1000, a, WAIT_RECORDED);
	judge(r);
	CU_ASSERT_EQUAL(nr_roots(r), 1);
	report_destroy(r);
}

static void test_words(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 30, 'D'), b = add_sleeper(r, 2, 30, 'D');

	add_wait(r, a, 0x1000, a, WAIT_RECORDED);
	add_wait(r, b, 0x2000, (struct kva){ 0 }, WAIT_RECORDED);
	judge(r);
	EXPECT_SAYS(r, "deadlock@pid1", "deadlock: task[1] waits for mutex 0x1000, which it holds itself");
	EXPECT_SAYS(r, "lock-held@pid2", "for mutex 0x2000; who holds it is not known");

	/* Which vCPU a CPU is may not be known. */
	add_cpu(r, 0);
	stop_cpu(r, 0, 20);
	r->cpus.rows.data[0].vcpu.has = false;
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(strstr(find(r, "irqs-off@cpu0")->look_next, "which vCPU that is, is not known"));
	report_destroy(r);
}

/* An old trouble does not come of a young one; a task that waits for a CPU from the scheduler does. */
static void test_scx_is_younger(void)
{
	struct report *r = new_report();
	struct kva gp = add_task(r, 17, 16, 0)->kva;

	add_cpu(r, 0);
	add_task(r, 5, 16, 0);
	struct worker_row k = { .task = add_sleeper(r, 9, 4000, 'S'), .pid = 9, .comm = "kworker/u4:1", .func = "slow_fn",
				.wq = "events", .busy = { true, 4000 * HZ }, .waiting = { true, 2 } };
	struct pool_row *p = PUSH(&r->cpus.pools);
	*p = (struct pool_row){ .id = 2, .cpu = -1, .workers = &k, .nr_rows = 1 };
	r->cpus.rcu.running = true;
	r->cpus.rcu.gp_age = (struct opt_u64){ true, 22 * HZ };
	judge(r);
	EXPECT(r, "scx-held-by-bpf@pid17", NULL);
	EXPECT(r, "workqueue-stuck@pid9", NULL);
	EXPECT(r, "rcu-stall", NULL);

	/* The thread of the grace periods is among them. */
	r->cpus.rcu.kthread_kva = (struct opt_u64){ true, gp.v };
	judge(r);
	EXPECT(r, "rcu-stall", "scx-held-by-bpf@pid17");

	/* So is a worker, or a task that has a mutex. */
	struct task_row *worker = add_task(r, 31, 16, 0);
	strcpy(worker->comm, "kworker/0:2");
	p = PUSH(&r->cpus.pools);
	*p = (struct pool_row){ .id = 1, .cpu = 0, .nr_pending = 3, .idle_for = { true, 15 * HZ } };
	add_wait(r, add_sleeper(r, 40, 14, 'D'), 0x1000, r->tasks.data[1].kva, WAIT_RECORDED);
	judge(r);
	EXPECT(r, "workqueue-stuck@cpu0", "scx-held-by-bpf@pid17");
	EXPECT(r, "lock-held@pid5", "scx-held-by-bpf@pid17");
	EXPECT(r, "workqueue-stuck@pid9", NULL);
	report_destroy(r);
}

/* A reader of RCU that sleeps without end is not hung for another reason. */
static void test_reader_hangs(void)
{
	struct report *r = new_report();
	struct kva reader = add_in(r, 77, 40, 'D', "msleep");

	add_cpu(r, 0);
	r->cpus.rcu.running = true;
	r->cpus.rcu.gp_age = (struct opt_u64){ true, 35 * HZ };
	r->cpus.rcu.blocked = &reader;
	r->cpus.rcu.nr_blocked = 1;
	add_in(r, 78, 33, 'D', "synchronize_rcu_normal");
	add_in(r, 79, 33, 'D', "synchronize_rcu_tasks");
	judge(r);
	EXPECT(r, "rcu-stall@pid77", NULL);
	EXPECT(r, "hung-task@pid78", "rcu-stall@pid77");
	EXPECT(r, "hung-task@pid79", NULL); /* that waits for something else */
	CU_ASSERT_EQUAL(r->findings.rows.nr, 3);
	report_destroy(r);
}

/* Time is linear: as many as there can be behind a deadlock, and a chain as long. */
static void test_many(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 20, 'D'), b = add_sleeper(r, 2, 20, 'D'), last = a;
	enum { MANY = 30000 };

	add_wait(r, a, 0x2000, b, WAIT_RECORDED);
	add_wait(r, b, 0x1000, a, WAIT_RECORDED);
	for (int32_t i = 10; i < MANY; i++) {
		struct kva k = add_sleeper(r, i, 20, 'D');

		add_wait(r, k, 0x10000 + (uint64_t)i, last, WAIT_RECORDED);
		last = k;
	}
	ASSERT_OK(report_index_tasks(r));
	judge(r);
	EXPECT_SAYS(r, "deadlock@pid1", "2 tasks wait for each other, and 29990 others wait behind");
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);
	report_destroy(r);
}

UNIT_MAIN("triage-causes", { "the holder of a lock that waits for a disk", test_holder_hangs },
	  { "what a soft lockup leads to", test_softlockup_spreads },
	  { "a pool of no CPU", test_unbound_pool },
	  { "a grace period that is not begun", test_wanted_grace_period },
	  { "roots are as bad as what they lead to, and stand first", test_severity },
	  { "CPUs that wait for one of them", test_stop_machine }, { "who spins for whom", test_spin_holder },
	  { "a deadlock of spin locks", test_spin_abba }, { "a panic, what it comes of and what of it", test_panic },
	  { "an oops, and what it leaves", test_oops }, { "an oops without a log", test_oops_without_log },
	  { "threads in page faults", test_userfault_group }, { "tasks that wait for FUSE", test_fuse_group },
	  { "tasks in state D that do not hang", test_not_hung }, { "locks that may be waited for", test_patient },
	  { "words", test_words }, { "troubles older than the scheduler's", test_scx_is_younger },
	  { "a reader that hangs", test_reader_hangs }, { "many that wait", test_many })
