/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Triage over models made by hand: what is found, how it is linked and sorted, what is not examined. */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "triage/triage.h"

enum { HZ = 250, NOW = 1000000 };

static struct report *new_report(void)
{
	static const char *const sections[] = { "scx", "tasks", "maps", "cpus" };
	struct report *r;

	ASSERT_OK(report_create(&r));
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		ASSERT_OK(report_section(r, sections[i], SECTION_COMPLETE, NULL));
	r->kernel.hz = HZ;
	r->scx.has_sched = true;
	r->scx.jiffies = NOW;
	strcpy(r->scx.sched.ops_name, "sched");
	r->scx.sched.watchdog_timeout = (struct opt_u64){ true, 30 * HZ };
	return r;
}

/* A task of sched_ext that has been runnable for so many seconds, on the queue at dsq (0: none). */
static struct task_row *add_task(struct report *r, int32_t pid, double seconds, uint64_t dsq)
{
	struct task_row *t = vec_push(&r->tasks);

	t->kva.v = 0xffff888000000000 + (uint64_t)pid;
	t->pid = t->tgid = pid;
	strcpy(t->comm, "task");
	t->sched_class = "ext";
	t->scx_flags = (struct opt_u64){ true, 0x301 };
	t->dsq_kva = (struct opt_u64){ true, dsq };
	t->runnable_at = (struct opt_u64){ true, NOW - (uint64_t)(seconds * HZ) };
	return t;
}

static struct dsq_row *add_dsq(struct report *r, uint64_t kva, uint64_t id, enum dsq_origin origin)
{
	struct dsq_row *d = vec_push(&r->scx.dsqs);

	d->kva.v = kva;
	d->id = id;
	d->origin = origin;
	d->tasks = pool_alloc(&r->pool, 16 * sizeof(*d->tasks));
	return d;
}

static void enqueue(struct dsq_row *d, const struct task_row *t)
{
	d->tasks[d->nr_tasks++] = t->kva;
	d->nr++;
}

static const struct finding *find(const struct report *r, const char *key)
{
	for (size_t i = 0; i < r->findings.rows.nr; i++) {
		if (!strcmp(r->findings.rows.data[i]->key, key))
			return r->findings.rows.data[i];
	}
	return NULL;
}

static const struct evidence *evidence(const struct finding *f, const char *path)
{
	for (const struct evidence *e = f->evidence; e; e = e->next) {
		if (!strcmp(e->path, path))
			return e;
	}
	return NULL;
}

static bool is_unexamined(const struct report *r, const char *id, const char *why)
{
	for (size_t i = 0; i < r->findings.unexamined.nr; i++) {
		const struct unexamined *u = &r->findings.unexamined.data[i];

		if (!strcmp(u->id, id) && strstr(u->why, why))
			return true;
	}
	return false;
}

static void test_healthy(void)
{
	struct report *r = new_report();

	enqueue(add_dsq(r, 0x1000, 7, DSQ_USER), add_task(r, 5, 0.5, 0x1000));
	add_task(r, 6, 20, 0)->running = true;
	add_task(r, 7, 20, 0)->sched_class = "fair";
	add_task(r, 8, 20, 0)->scx_flags.v = 0x304; /* its stamp is an old one */
	ASSERT_OK(triage_run(r));
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
	ASSERT_OK(triage_run(r));

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
	ASSERT_OK(triage_run(r));
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
	ASSERT_OK(triage_run(r));
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-held-by-bpf@pid5"));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);
	report_destroy(r);
}

/* Nothing else wants to run: then a second is long. */
static void test_all_idle(void)
{
	struct report *r = new_report();

	add_task(r, 5, 2, 0);
	struct scx_rq_row *rq = vec_push(&r->scx.rqs);
	rq->has_curr = true;
	rq->curr_pid = 9;
	ASSERT_OK(triage_run(r));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	rq->curr_pid = 0;
	ASSERT_OK(triage_run(r));
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-held-by-bpf@pid5"));
	report_destroy(r);
}

static void test_local(void)
{
	struct report *r = new_report();
	struct dsq_row *d = add_dsq(r, 0x1000, 1ull << 63 | 2, DSQ_LOCAL);

	d->index = 3;
	enqueue(d, add_task(r, 5, 10, 0x1000));
	ASSERT_OK(triage_run(r));
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-local-blocked@cpu3"));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 1);
	report_destroy(r);
}

static struct cpu_row *add_cpu(struct report *r, uint32_t cpu)
{
	struct cpu_row *c = vec_push(&r->cpus.rows);

	r->cpus.collected = true;
	r->cpus.detectors.watchdog_thresh = (struct opt_u64){ true, 10 };
	r->cpus.detectors.watchdog_enabled = (struct opt_u64){ true, 2 };
	r->cpus.rcu.collected = true;
	c->cpu = cpu;
	c->has_curr = true;
	c->curr.v = 0xffff888000000000 + 1000 + cpu;
	c->curr_pid = 1000 + (int32_t)cpu;
	strcpy(c->curr_comm, "spin");
	c->softlockup_age = (struct opt_u64){ true, 3 };
	c->timer_late = (struct opt_u64){ true, 40000000 };
	c->has_irqs = c->irqs_on = true;
	return c;
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
	ASSERT_OK(triage_run(r));

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
	ASSERT_OK(triage_run(r));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0);
	CU_ASSERT_TRUE(is_unexamined(r, "softlockup", "detector is off"));
	report_destroy(r);
}

static void test_hogged(void)
{
	struct report *r = new_report();
	struct task_row *t = add_task(r, 1001, 0, 0);

	add_cpu(r, 0);
	struct cpu_row *c = add_cpu(r, 1);
	t->kva = c->curr;
	t->running = true;
	t->sched_class = "rt";
	c->curr_for = (struct opt_u64){ true, 30000000000 };
	c->nr_running = c->nr_rt = (struct opt_u64){ true, 1 };
	ASSERT_OK(triage_run(r));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0); /* nobody else wants it */
	c->nr_running.v = 3;
	ASSERT_OK(triage_run(r));
	CU_ASSERT_PTR_NOT_NULL_FATAL(find(r, "cpu-hogged@cpu1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(find(r, "cpu-hogged@cpu1")->summary, "2 tasks of lower classes wait"));
	report_destroy(r);
}

static void test_rcu_reader(void)
{
	struct report *r = new_report();
	struct kva reader = add_task(r, 77, 0, 0)->kva;

	add_cpu(r, 0);
	add_cpu(r, 1);
	r->tasks.data[0].sched_class = "fair";
	r->cpus.rcu.running = true;
	r->cpus.rcu.gp_age = (struct opt_u64){ true, 15 * HZ };
	r->cpus.rcu.blocked = &reader;
	r->cpus.rcu.nr_blocked = 1;
	ASSERT_OK(triage_run(r));
	const struct finding *f = find(r, "rcu-stall@pid77");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_WARNING);
	r->cpus.rcu.stall_timeout = (struct opt_u64){ true, 3 };
	ASSERT_OK(triage_run(r));
	CU_ASSERT_EQUAL(r->findings.rows.data[0]->severity, SEVERITY_ERROR);
	report_destroy(r);
}

static void test_workqueue(void)
{
	struct report *r = new_report();
	struct worker_row k = { .task = { 1 }, .pid = 9, .comm = "kworker", .func = "slow_fn", .wq = "events",
				.busy = { true, 40 * HZ }, .waiting = { true, 2 } };

	add_cpu(r, 0);
	struct pool_row *p = vec_push(&r->cpus.pools);
	*p = (struct pool_row){ .id = 2, .cpu = -1, .workers = &k, .nr_rows = 1 };
	p = vec_push(&r->cpus.pools);
	*p = (struct pool_row){ .id = 4, .cpu = 0, .nr_pending = 5, .idle_for = { true, 31 * HZ } };
	ASSERT_OK(triage_run(r));
	CU_ASSERT_PTR_NOT_NULL(find(r, "workqueue-stuck@pid9"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(find(r, "workqueue-stuck@cpu0"));
	CU_ASSERT_EQUAL(find(r, "workqueue-stuck@cpu0")->severity, SEVERITY_ERROR);
	report_destroy(r);
}

static void test_exit(void)
{
	struct report *r = new_report();

	r->scx.sched.exit_kind = 1026;
	r->scx.sched.exit_kind_name = "SCX_EXIT_ERROR_STALL";
	ASSERT_OK(triage_run(r));
	CU_ASSERT_PTR_NOT_NULL(find(r, "scx-exit"));
	report_destroy(r);
}

static void test_ringbuf(void)
{
	struct report *r = new_report();
	struct ring_record record = { .len = 16 };
	struct ringbuf_body b = { .capacity = 4096, .consumer_pos = 0, .producer_pos = 4096 - 24,
				  .records = &record, .nr_records = 1 };
	struct map_row *m = vec_push(&r->maps);

	strcpy(m->name, "events");
	m->type = 27;
	m->ringbuf = &b;
	ASSERT_OK(triage_run(r));
	CU_ASSERT_EQUAL(r->findings.rows.nr, 0); /* the next record just fits */
	b.producer_pos += 8;
	ASSERT_OK(triage_run(r));
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
	ASSERT_OK(triage_run(r));
	CU_ASSERT_TRUE(is_unexamined(r, "ringbuf-full", "cut: half of them"));
	CU_ASSERT_TRUE(is_unexamined(r, "scx-held-by-bpf", "tasks: not asked for"));
	CU_ASSERT_FALSE(is_unexamined(r, "scx-exit", "")); /* there can be no such trouble */
	report_destroy(r);
}

/* An id is a file, and every cause is the id of a rule. */
static void test_rules(void)
{
	for (size_t i = 0; i < nr_triage_rules; i++) {
		const struct triage_rule *rule = triage_rules[i];

		CU_ASSERT_EQUAL(strspn(rule->id, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(rule->id));
		CU_ASSERT_PTR_NOT_NULL(rule->sections[0]);
		for (size_t k = 0; k < nr_triage_rules; k++)
			CU_ASSERT_TRUE(i == k || strcmp(rule->id, triage_rules[k]->id));
		for (const struct triage_cause *c = rule->causes; c->id; c++) {
			size_t k = 0;

			while (k < nr_triage_rules && strcmp(c->id, triage_rules[k]->id))
				k++;
			CU_ASSERT_TRUE(k < nr_triage_rules);
			CU_ASSERT_TRUE(c->link != LINK_NONE);
		}
	}
}

UNIT_MAIN("triage", { "rules name each other rightly", test_rules },
	  { "nothing is found where nothing is wrong", test_healthy },
	  { "a DSQ nobody consumes, and what follows", test_dsq },
	  { "a task passed over in its DSQ", test_dsq_passed_over },
	  { "a task held by the scheduler", test_held },
	  { "a short wait while all CPUs are idle", test_all_idle }, { "a task behind what runs", test_local },
	  { "interrupts off, and what follows", test_irqs_off },
	  { "a soft lockup detector that is off", test_softlockup_off },
	  { "a CPU hogged by a real-time task", test_hogged },
	  { "a reader that does not end", test_rcu_reader }, { "stuck workqueues", test_workqueue },
	  { "an ejected scheduler", test_exit }, { "a full ring buffer", test_ringbuf },
	  { "what was not examined is named", test_unexamined })
