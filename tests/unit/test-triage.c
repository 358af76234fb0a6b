/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Triage over models made by hand: what is found, how it is linked and sorted, what is not examined. */
#include "config.h"

#include "triage-model.h"

static void test_healthy(void)
{
	struct report *r = new_report();

	enqueue(add_dsq(r, 0x1000, 7, DSQ_USER), add_task(r, 5, 0.5, 0x1000));
	add_task(r, 6, 20, 0)->running = true;
	add_task(r, 7, 20, 0)->sched_class = "fair";
	add_task(r, 8, 20, 0)->scx_flags.v = 0x304; /* its stamp is an old one */
	judge(r);
	CU_ASSERT_TRUE(r->findings.ran);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	report_destroy(r);
}

static void test_dsq(void)
{
	struct report *r = new_report();

	add_dsq(r, 0x500, 9, DSQ_REJECT); /* not where the others stand in the JSON */
	struct dsq_row *d = add_dsq(r, 0x1000, 7, DSQ_USER);
	enqueue(d, add_task(r, 5, 16, 0x1000));
	enqueue(d, add_task(r, 6, 23, 0x1000));
	judge(r);

	const struct finding *f = find(r, "scx-dsq-not-consumed@dsq0x7");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_ERROR);
	CU_ASSERT_EQUAL(f->confidence, CONFIDENCE_CERTAIN);
	CU_ASSERT_PTR_NULL(f->caused_by);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "task[6] and 1 other have been waiting for up to 23.0 s"));
	CU_ASSERT_EQUAL(evidence(f, "dsq_states[0].id")->num, 7);
	CU_ASSERT_EQUAL(evidence(f, "task_enrichments[1].runnable_s")->seconds, 23);

	/* The watchdog would come at 30 s, because of the same. */
	const struct finding *near = find(r, "scx-watchdog-near@pid6");
	CU_ASSERT_PTR_NOT_NULL_FATAL(near);
	CU_ASSERT_STRING_EQUAL(near->caused_by, f->key);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 2);
	CU_ASSERT_PTR_EQUAL(r->findings.rows.data[0], f);
	report_destroy(r);
}

/* The first of the queue is young: somebody takes tasks, only not this one. */
static void test_dsq_passed_over(void)
{
	struct report *r = new_report();
	struct dsq_row *d = add_dsq(r, 0x1000, 7, DSQ_USER);

	enqueue(d, add_task(r, 5, 0.1, 0x1000));
	enqueue(d, add_task(r, 6, 9, 0x1000));
	judge(r);
	const struct finding *f = find(r, "scx-dsq-not-consumed@dsq0x7");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_WARNING);
	CU_ASSERT_EQUAL(f->confidence, CONFIDENCE_LIKELY);
	report_destroy(r);
}

static void test_held(void)
{
	struct report *r = new_report();

	add_task(r, 5, 10, 0);
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-held-by-bpf@pid5"));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);
	report_destroy(r);
}

/* Nothing else wants to run: then a second is long. */
static void test_all_idle(void)
{
	struct report *r = new_report();

	add_task(r, 5, 2, 0);
	struct scx_rq_row *rq = PUSH(&r->scx.rqs);
	rq->has_curr = true;
	rq->curr_pid = 9;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	rq->curr_pid = 0;
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-held-by-bpf@pid5"));
	report_destroy(r);
}

static void test_local(void)
{
	struct report *r = new_report();
	struct dsq_row *d = add_dsq(r, 0x1000, 1ull << 63 | 2, DSQ_LOCAL);

	d->index = 3;
	enqueue(d, add_task(r, 5, 10, 0x1000));
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-local-blocked@cpu3"));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);
	report_destroy(r);
}

/* Interrupts off, and what comes of it: one root. */
static void test_irqs_off(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	struct cpu_row *c = add_cpu(r, 3);
	c->timer_late.v = 23000000000;
	c->softlockup_age.v = 22;
	c->irqs_on = false;
	c->rcu_holdout = true;
	r->cpus.rcu.running = true;
	r->cpus.rcu.gp_age = (struct opt_u64){ true, 22 * HZ };
	judge(r);

	const struct finding *root = find(r, "irqs-off@cpu3"), *soft = find(r, "softlockup@cpu3"),
			     *rcu = find(r, "rcu-stall@cpu3");
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	CU_ASSERT_PTR_NOT_NULL_FATAL(soft);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rcu);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 3);
	CU_ASSERT_PTR_NULL(root->caused_by);
	CU_ASSERT_EQUAL(root->severity, SEVERITY_ERROR);
	CU_ASSERT_EQUAL(root->confidence, CONFIDENCE_CERTAIN);
	CU_ASSERT_STRING_EQUAL(soft->caused_by, root->key);
	CU_ASSERT_STRING_EQUAL(rcu->caused_by, root->key);
	CU_ASSERT_EQUAL(evidence(root, "fdgdb.cpus[1].timer_late_ns")->num, 23000000000);
	CU_ASSERT_PTR_EQUAL(r->findings.rows.data[0], root);
	report_destroy(r);
}

static void test_softlockup_off(void)
{
	struct report *r = new_report();

	add_cpu(r, 0)->softlockup_age.v = 100;
	add_cpu(r, 1);
	r->cpus.detectors.watchdog_enabled.v = 1;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	CU_ASSERT_TRUE(is_unexamined(r, "softlockup", "detector is off"));
	report_destroy(r);
}

static void test_hogged(void)
{
	struct report *r = new_report();

	add_cpu(r, 0);
	struct cpu_row *c = add_cpu(r, 1);
	struct task_row *t = add_task(r, 1001, 0, 0);
	t->kva = c->curr;
	t->running = true;
	t->sched_class = "rt";
	t->cpu = 1;
	t = add_task(r, 50, 0, 0);
	t->sched_class = "fair";
	t->cpu = 1;
	t->x.waiting = (struct opt_u64){ true, 30000000000 };
	c->nr_running = c->nr_rt = (struct opt_u64){ true, 1 };
	c->curr_for = (struct opt_u64){ true, 500000000 };
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0); /* nobody else wants it */
	c->nr_running.v = 3;
	judge(r);
	const struct finding *f = find(r, "cpu-hogged@cpu1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "keeps CPU 1 from 2 tasks of lower classes; task[50] has"));
	CU_ASSERT_EQUAL(evidence(f, "fdgdb.tasks[1].waiting_s")->seconds, 30);
	report_destroy(r);
}

static void test_rcu_reader(void)
{
	struct report *r = new_report();
	struct kva reader = add_sleeper(r, 77, 20, 'S');

	add_cpu(r, 0);
	add_cpu(r, 1);
	r->cpus.rcu.running = true;
	r->cpus.rcu.gp_age = (struct opt_u64){ true, 15 * HZ };
	r->cpus.rcu.blocked = &reader;
	r->cpus.rcu.nr_blocked = 1;
	judge(r);
	const struct finding *f = find(r, "rcu-stall@pid77");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_WARNING);
	r->cpus.rcu.stall_timeout = (struct opt_u64){ true, 3 };
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->severity, SEVERITY_ERROR);
	report_destroy(r);
}

static void test_workqueue(void)
{
	struct report *r = new_report();
	struct worker_row k = { .task = { 1 }, .pid = 9, .comm = "kworker", .func = "slow_fn", .wq = "events",
				.busy = { true, 40 * HZ }, .waiting = { true, 2 } };

	add_cpu(r, 0);
	struct pool_row *p = PUSH(&r->cpus.pools);
	*p = (struct pool_row){ .id = 2, .cpu = -1, .workers = &k, .nr_rows = 1 };
	p = PUSH(&r->cpus.pools);
	*p = (struct pool_row){ .id = 4, .cpu = 0, .nr_pending = 5, .idle_for = { true, 31 * HZ } };
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "workqueue-stuck@pid9"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(find(r, "workqueue-stuck@cpu0"));
	CU_ASSERT_EQUAL(find(r, "workqueue-stuck@cpu0")->severity, SEVERITY_ERROR);
	report_destroy(r);
}

static void test_exit(void)
{
	struct report *r = new_report();
	struct scx_sched_row *old = PUSH(&r->scx.others);

	r->scx.has_sched = false;
	r->scx.enable_state = "disabled";
	old->role = SCX_EXITED;
	old->exit_kind = 1026;
	old->exit = (struct scx_exit_row){ .has = true, .kind = 1026, .msg = "victim[7] failed to run" };
	judge(r);
	const struct finding *f = find(r, "scx-exit");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_ERROR);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "victim[7] failed to run"));
	CU_ASSERT_PTR_NOT_NULL(evidence(f, "fdgdb.scx.schedulers[0].exit.msg"));

	/* One that works has taken its place. */
	r->scx.has_sched = true;
	r->scx.enable_state = "enabled";
	judge(r);
	CU_ASSERT_EQUAL_FATAL(r->findings.rows.nr, 1);
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->severity, SEVERITY_INFO);
	CU_ASSERT_PTR_NOT_NULL(evidence(r->findings.rows.data[0], "fdgdb.scx.schedulers[1].exit.msg"));
	report_destroy(r);
}

/* Whoever loaded it is gone, and the exit record with it: the log is what is left. */
static void test_exit_in_log(void)
{
	struct report *r = new_report();

	r->scx.has_sched = false;
	r->scx.in_kernel = true;
	add_cpu(r, 0); /* now is 5000 s */
	add_log(r, 4988ull * SECOND, "sched_ext: BPF scheduler \"zoo\" disabled (runnable task stall)");
	struct scx_log_exit *x = PUSH(&r->scx.log_exits);
	*x = (struct scx_log_exit){ .error = true, .name = "zoo", .reason = "runnable task stall", .msg = "victim[7] failed" };
	judge(r);
	EXPECT(r, "scx-exit", NULL);
	EXPECT_SAYS(r, "scx-exit", "scheduler \"zoo\" 12 s ago: runnable task stall (victim[7] failed)");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "scx-exit"), "fdgdb.scx.log_exits[0].msg"));
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "scx-exit"), "fdgdb.log.records[0].text"));
	x->error = false; /* it was told to */
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	x->error = x->recorded = true;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);

	ASSERT_OK(report_section(r, "log", SECTION_NOT_READABLE, "no log"));
	judge(r);
	CU_ASSERT_TRUE(is_unexamined(r, "scx-exit", "no log"));
	report_destroy(r);
}

static void test_affinity(void)
{
	struct report *r = new_report();
	struct dsq_row *d = add_dsq(r, 0x1000, 7, DSQ_USER);

	r->kernel.nr_online = 4;
	enqueue(d, add_task(r, 5, 16, 0x1000));
	enqueue(d, add_task(r, 6, 17, 0x1000));
	r->tasks.data[0].x.cpus_allowed = "3";
	r->tasks.data[1].x.cpus_allowed = "0-3";
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-dsq-not-consumed@dsq0x7")); /* not even for who may run anywhere */
	r->tasks.data[1].x.cpus_allowed = "1-3"; /* whoever consumes would come by */
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-dsq-not-consumed@dsq0x7"));
	r->tasks.data[1].x.cpus_allowed = "1,3";
	judge(r);
	CU_ASSERT_EQUAL_FATAL(r->findings.rows.nr, 1);
	CU_ASSERT_STRING_EQUAL(r->findings.rows.data[0]->key, "scx-affinity@dsq0x7");
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->confidence, CONFIDENCE_LIKELY);
	d->nr_tasks = 1;
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-affinity@cpu3"));
	report_destroy(r);
}

static void test_deadlock(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 20, 'D'), b = add_sleeper(r, 2, 20, 'D'),
		   c = add_sleeper(r, 3, 20, 'D');

	add_wait(r, c, 0x1000, a, WAIT_RECORDED); /* behind the two */
	add_wait(r, a, 0x2000, b, WAIT_RECORDED);
	add_wait(r, b, 0x1000, a, WAIT_RECORDED)->lock_name = "some_mutex";
	judge(r);
	CU_ASSERT_EQUAL_FATAL(r->findings.rows.nr, 1);
	const struct finding *f = r->findings.rows.data[0];
	CU_ASSERT_STRING_EQUAL(f->id, "deadlock");
	CU_ASSERT_EQUAL(f->severity, SEVERITY_ERROR);
	CU_ASSERT_EQUAL(f->confidence, CONFIDENCE_CERTAIN);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "2 tasks wait for each other, and 1 other waits behind"));
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "task[2] waits for mutex some_mutex"));

	/* With a holder that is only a hint it is no more than a suspicion. */
	r->waits.data[1].holder.basis = WAIT_HINTED;
	judge(r);
	CU_ASSERT_EQUAL_FATAL(r->findings.rows.nr, 1);
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->severity, SEVERITY_WARNING);
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->confidence, CONFIDENCE_POSSIBLE);

	/* And while one of them has only begun to wait not even that. */
	r->tasks.data[1].x.last_ran.v = 1000000;
	judge(r);
	CU_ASSERT_PTR_NULL(find(r, "deadlock@pid1"));
	report_destroy(r);
}

/* A chain: one root, the lock whose holder does not wait for a lock itself, and why it does not go on. */
static void test_lock_held(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 30, 'S'), b = add_sleeper(r, 2, 25, 'D'),
		   c = add_sleeper(r, 3, 12, 'D');

	r->cpus.detectors.hung_task_timeout = (struct opt_u64){ true, 120 };
	add_wait(r, b, 0x1000, a, WAIT_RECORDED);
	add_wait(r, c, 0x2000, b, WAIT_RECORDED);
	/* The holder waits, too, but for an event. */
	add_wait(r, a, 0x3000, (struct kva){ 0 }, WAIT_RECORDED)->kind = WAIT_COMPLETION;
	judge(r);
	CU_ASSERT_EQUAL_FATAL(r->findings.rows.nr, 1);
	const struct finding *f = find(r, "lock-held@pid1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_WARNING);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "2 tasks have been waiting for up to 25.0 s for mutex 0x1000"));

	add_stack(r, a, "schedule", "handle_userfault", NULL);
	r->stacks.data[0].wchan = 2;
	r->cpus.detectors.hung_task_timeout.v = 20;
	judge(r);
	f = find(r, "lock-held@pid1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_ERROR);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "which sleeps in handle_userfault"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->caused_by);
	CU_ASSERT_STRING_EQUAL(f->caused_by, "userfault@pid1");
	report_destroy(r);
}

/* Holders that hold themselves, rows without tasks: nothing to trip over. */
static void test_waits_lie(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 30, 'D'), nobody = { 0xdead };

	add_wait(r, a, 0x1000, a, WAIT_RECORDED);
	add_wait(r, nobody, 0x1000, nobody, WAIT_RECORDED);
	add_wait(r, nobody, 0, a, WAIT_INFERRED);
	judge(r);
	CU_ASSERT_PTR_NOT_NULL(find(r, "deadlock@pid1")); /* a mutex taken twice is one */
	report_destroy(r);
}

static void test_hung(void)
{
	struct report *r = new_report();
	struct kva a = add_sleeper(r, 1, 30, 'D'), b = add_sleeper(r, 2, 130, 'D');

	add_sleeper(r, 3, 500, 'S');
	add_sleeper(r, 4, 5, 'D');
	r->cpus.detectors.hung_task_timeout = (struct opt_u64){ true, 120 };
	add_stack(r, a, "io_schedule", NULL);
	add_stack(r, b, "io_schedule", NULL);
	judge(r);
	CU_ASSERT_EQUAL_FATAL(r->findings.rows.nr, 1); /* they wait in the same place */
	const struct finding *f = find(r, "hung-task@pid2");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_ERROR);
	CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "and 1 other have been in state D for up to 130.0 s, in io_schedule"));
	CU_ASSERT_PTR_NOT_NULL(evidence(f, "fdgdb.stacks[1].wchan"));
	report_destroy(r);
}

static void test_bpf_loop(void)
{
	struct report *r = new_report();
	struct kstack_frame *frames = add_vcpu_stack(r, 0, "bpf_loop", "bpf_prog_x_turn", "bpf_prog_x_dispatch", NULL);
	struct prog_row *p = PUSH(&r->progs);

	add_cpu(r, 0);
	frames[1].prog_id = 8;
	frames[2] = (struct kstack_frame){ .ip = 0xc0ff, .symbol = "bpf_prog_x_dispatch", .prog_id = 9, .offset = 31 };
	p->id = 9;
	p->type = 27;
	strcpy(p->name, "dispatch");
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0); /* it has only just got there */
	stop_cpu(r, 0, 12);
	judge(r);
	EXPECT(r, "bpf-loop@cpu0", NULL);
	EXPECT_SAYS(r, "bpf-loop@cpu0", "dispatch (id 9) for 12.0 s: at bpf_prog_x_dispatch+0x1f");
	CU_ASSERT_EQUAL(find(r, "bpf-loop@cpu0")->confidence, CONFIDENCE_CERTAIN);
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "bpf-loop@cpu0"), "fdgdb.stacks[0].frames[2].ip"));
	EXPECT(r, "irqs-off@cpu0", "bpf-loop@cpu0");

	/* Where the program has brought its lines with it, they say more. */
	struct frame_line lines[] = { { .func = "turn", .file = "/src/a.bpf.c", .line = 7, .text = "\treturn 0;" },
				      { .func = "dispatch", .file = "/src/a.bpf.c", .line = 9, .text = "\tloop();" } };
	struct frame_source sources[] = { { .lines = &lines[0], .nr_lines = 1 }, { .lines = &lines[1], .nr_lines = 1 } };
	frames[1].source = &sources[0];
	frames[2].source = &sources[1];
	judge(r);
	EXPECT_SAYS(r, "bpf-loop@cpu0", "for 12.0 s: at a.bpf.c:9: loop();");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "bpf-loop@cpu0"), "fdgdb.stacks[0].frames[2].lines[0].line"));
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "bpf-loop@cpu0"), "fdgdb.stacks[0].frames[2].lines[0].text"));
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "bpf-loop@cpu0"), "fdgdb.stacks[0].frames[1].lines[0].file"));

	/* Another CPU that wants a lock which the loop holds. */
	struct kstack_frame *spin = add_vcpu_stack(r, 1, "native_queued_spin_lock_slowpath", NULL);
	add_cpu(r, 1);
	stop_cpu(r, 1, 11);
	judge(r);
	EXPECT(r, "irqs-off@cpu1", "bpf-loop@cpu0");
	CU_ASSERT_PTR_NOT_NULL(evidence(find(r, "irqs-off@cpu1"), "fdgdb.stacks[1].frames[0].symbol"));

	/* Or an answer from that CPU. */
	spin[0].symbol = "watchdog_check_skew.constprop.0";
	judge(r);
	EXPECT(r, "irqs-off@cpu1", "bpf-loop@cpu0");

	/* Or nothing of it. */
	spin[0].symbol = "my_driver_loop";
	judge(r);
	EXPECT(r, "irqs-off@cpu1", NULL);
	report_destroy(r);
}

/* A profiler's program that came on top of a loop, in an NMI, is not the loop. */
static void test_bpf_on_top(void)
{
	struct report *r = new_report();
	struct kstack_frame *frames = add_vcpu_stack(r, 0, "bpf_prog_x_sample", "exc_nmi", "my_driver_loop", NULL);

	add_cpu(r, 0);
	add_cpu(r, 1);
	r->cpus.rows.data[0].softlockup_age.v = 40;
	frames[0].prog_id = 9;
	frames[0].stack = frames[1].stack = "nmi";
	frames[2].stack = "task";
	frames[2].kind = FRAME_EXACT;
	judge(r);
	EXPECT(r, "softlockup@cpu0", NULL);
	EXPECT(r, "bpf-loop@cpu0", "softlockup@cpu0");
	CU_ASSERT_EQUAL(find(r, "bpf-loop@cpu0")->confidence, CONFIDENCE_POSSIBLE);

	/* Nor is one that a timer's interrupt runs, while such interrupts come; it is while none come. */
	frames[0].stack = frames[1].stack = "irq";
	judge(r);
	EXPECT(r, "bpf-loop@cpu0", "softlockup@cpu0");
	stop_cpu(r, 0, 40);
	judge(r);
	EXPECT(r, "softlockup@cpu0", "bpf-loop@cpu0");

	/* dispatch() on the way back from an interrupt is on the task's stack. */
	r->cpus.rows.data[0].timer_late.v = 0;
	frames[0].stack = frames[1].stack = "task";
	judge(r);
	EXPECT(r, "softlockup@cpu0", "bpf-loop@cpu0");
	report_destroy(r);
}

static void test_ringbuf(void)
{
	struct report *r = new_report();
	struct ring_record record = { .len = 16 };
	struct ringbuf_body b = { .capacity = 4096, .consumer_pos = 0, .producer_pos = 4096 - 24,
				  .records = &record, .nr_records = 1 };
	struct map_row *m = PUSH(&r->maps);

	strcpy(m->name, "events");
	m->type = 27;
	m->ringbuf = &b;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0); /* the next record just fits */
	b.producer_pos += 8;
	judge(r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(find(r, "ringbuf-full"));
	CU_ASSERT_PTR_NOT_NULL(strstr(find(r, "ringbuf-full")->summary, "nobody has ever read"));
	report_destroy(r);
}

static void test_unexamined(void)
{
	struct report *r;

	ASSERT_OK(report_create(&r));
	ASSERT_OK(report_section(r, "maps", SECTION_COMPLETE, NULL));
	ASSERT_OK(report_cut(r, "maps", false, "half of them"));
	ASSERT_OK(report_section(r, "scx", SECTION_NOT_IN_KERNEL, "no sched_ext"));
	ASSERT_OK(report_section(r, "tasks", SECTION_NOT_ASKED, NULL));
	judge(r);
	CU_ASSERT_TRUE(is_unexamined(r, "ringbuf-full", "cut: half of them"));
	CU_ASSERT_TRUE(is_unexamined(r, "scx-held-by-bpf", "tasks: not asked for"));
	CU_ASSERT_FALSE(is_unexamined(r, "scx-exit", "")); /* there can be no such trouble */
	report_destroy(r);
}

/* What a kernel does not note, nobody can judge. */
static void test_no_facts(void)
{
	struct report *r = new_report();

	add_cpu(r, 0)->timer_late.has = false;
	struct cpu_row *c = add_cpu(r, 1);
	c->curr_for.has = false;
	add_sleeper(r, 5, 0, 'D');
	r->tasks.data[0].x.last_ran.has = r->tasks.data[0].x.last_queued.has = false;
	judge(r);
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	CU_ASSERT_FALSE(is_unexamined(r, "irqs-off", "")); /* one that is idle may have none */
	CU_ASSERT_TRUE(is_unexamined(r, "cpu-hogged", "no sched_info"));
	CU_ASSERT_TRUE(is_unexamined(r, "cpu-hogged", "for how long CPU 1 has run"));
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_TRUE(is_unexamined(r, ((const char *[]){ "userfault", "fuse", "lock-held", "hung-task" })[i],
					     "how long tasks have not run"));
	c->timer_late.has = false;
	judge(r);
	CU_ASSERT_TRUE(is_unexamined(r, "irqs-off", "no timers of high resolution"));
	report_destroy(r);
}

/* An id is the name of a file, and of one rule. */
static void test_rules(void)
{
	for (size_t i = 0; i < nr_triage_rules; i++) {
		const struct triage_rule *rule = triage_rules[i];

		CU_ASSERT_EQUAL(strspn(rule->id, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(rule->id));
		for (size_t k = 0; k < nr_triage_rules; k++)
			CU_ASSERT_TRUE(i == k || strcmp(rule->id, triage_rules[k]->id));
	}
}

UNIT_MAIN("triage", { "rules have names of their own", test_rules },
	  { "nothing is found where nothing is wrong", test_healthy },
	  { "a DSQ nobody consumes, and what follows", test_dsq },
	  { "a task passed over in its DSQ", test_dsq_passed_over },
	  { "a task held by the scheduler", test_held },
	  { "a short wait while all CPUs are idle", test_all_idle }, { "a task behind what runs", test_local },
	  { "interrupts off, and what follows", test_irqs_off },
	  { "a soft lockup detector that is off", test_softlockup_off },
	  { "a CPU hogged by a real-time task", test_hogged },
	  { "a reader that does not end", test_rcu_reader }, { "stuck workqueues", test_workqueue },
	  { "an ejected scheduler", test_exit }, { "an ejected scheduler that is gone", test_exit_in_log },
	  { "a DSQ consumed elsewhere", test_affinity },
	  { "a deadlock", test_deadlock },
	  { "a lock that is held, and why", test_lock_held }, { "edges that lie", test_waits_lie },
	  { "tasks in state D", test_hung }, { "a loop in a BPF program", test_bpf_loop },
	  { "a BPF program on top of a loop", test_bpf_on_top }, { "a full ring buffer", test_ringbuf },
	  { "what was not examined is named", test_unexamined },
	  { "a kernel that does not note what rules need", test_no_facts })
