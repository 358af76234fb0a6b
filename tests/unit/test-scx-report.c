/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a reader sees of sched_ext: text and JSON of whole walks. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/json-report.h"
#include "report/text.h"
#include "scx-image.h"
#include "triage/triage.h"
#include "unit.h"

static char *to_text(const struct scx_image *im, bool verbose)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	ASSERT_OK(report_text(im->r, f, &(struct text_opts){ .verbose = verbose }));
	fclose(f);
	return text;
}

static char *to_json(const struct scx_image *im)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	ASSERT_OK(report_json(im->r, f, &(struct json_opts){ 0 }));
	fclose(f);
	return text;
}

static void contains(const char *text, const char *part, unsigned int line)
{
	if (!strstr(text, part))
		fprintf(stderr, "# line %u: no \"%s\" in\n%s\n", line, part, text);
	CU_assertImplementation(strstr(text, part) != NULL, line, part, __FILE__, "", CU_FALSE);
}
#define CONTAINS(part) contains(text, part, __LINE__)

static void lacks(const char *text, const char *part, unsigned int line)
{
	if (strstr(text, part))
		fprintf(stderr, "# line %u: \"%s\" in\n%s\n", line, part, text);
	CU_assertImplementation(strstr(text, part) == NULL, line, part, __FILE__, "", CU_FALSE);
}
#define LACKS(part) lacks(text, part, __LINE__)

/* ---- how schedulers ended, by the kernel's log */

static struct scx_image *without_sched(enum image_kind kind)
{
	struct scx_image *im = scx_image_new(kind, NULL);

	if (kind == IMAGE_STATIC) {
		image_put32(im, image_var("scx_ops_enable_state_var"), 3);
	} else {
		image_put64(im, image_var("scx_root"), 0);
		image_put32(im, image_var("scx_enable_state_var"), 3);
	}
	image_put64(im, image_var("scx_enable_seq"), 2);
	return im;
}

static void test_log_exit(void)
{
	struct scx_image *im = without_sched(IMAGE_ROOT);

	image_log(im, 6, 9, "sched_ext: BPF scheduler \"old\" disabled (unregistered from user space)");
	image_log(im, 6, 9, "sched_ext: BPF scheduler \"zoo\" enabled");
	image_log(im, 3, 7, "sched_ext: BPF scheduler \"zoo\" disabled (runnable task stall)");
	image_log(im, 4, 8, "   somebody_else+0x1/0x2");
	image_log(im, 3, 7, "sched_ext: zoo: x[1] failed to run for 5.0s");
	image_log(im, 4, 7, "   check_rq_for_timeouts+0xdf/0x120");
	image_log(im, 4, 8, "another line");
	image_log(im, 4, 7, "   scx_watchdog_workfn+0x64/0x90");
	image_log(im, 4, 7, "the end");
	image_log(im, 4, 7, "   not_of_it+0x64/0x90");
	image_walk(im);

	CU_ASSERT_EQUAL_FATAL(im->r->scx.log_exits.nr, 2);
	const struct scx_log_exit *x = scx_last_log_exit(&im->r->scx);
	CU_ASSERT_PTR_EQUAL_FATAL(x, &im->r->scx.log_exits.data[1]);
	CU_ASSERT_EQUAL(x->record, 2);
	CU_ASSERT_TRUE(x->error && !x->sub && !x->recorded);
	CU_ASSERT_EQUAL_FATAL(x->nr_frames, 2);
	CU_ASSERT_STRING_EQUAL(x->frames[1], "scx_watchdog_workfn+0x64/0x90");

	char *text = to_text(im, false);
	CONTAINS("  the last scheduler zoo, by the kernel's log: ejected 4.500 s after boot, runnable task stall\n"
		 "    message: x[1] failed to run for 5.0s\n"
		 "    backtrace:\n"
		 "      check_rq_for_timeouts+0xdf/0x120\n"
		 "      scx_watchdog_workfn+0x64/0x90\n"
		 "  \u2026 1 more end of schedulers in the log (-v shows all)\n");
	free(text);
	text = to_text(im, true);
	CONTAINS("  a former scheduler old, by the kernel's log: ended 1.500 s after boot, unregistered from user space\n");
	free(text);
	text = to_json(im);
	CONTAINS("\"log_exits\":[{\"seq\":101,\"ts_ns\":1500000000,\"ops_name\":\"old\",\"error\":false,"
		 "\"reason\":\"unregistered from user space\"},");
	CONTAINS("\"ops_name\":\"zoo\",\"error\":true,\"reason\":\"runnable task stall\",\"msg\":\"x[1] failed to run for "
		 "5.0s\",\"backtrace\":[\"check_rq_for_timeouts+0xdf/0x120\",");
	free(text);
	scx_image_free(im);
}

/* What is no end, and what everybody may write to the log. */
static void test_log_no_exit(void)
{
	struct scx_image *im = without_sched(IMAGE_STATIC);

	image_log(im, 3, 7, "sched_ext: BPF scheduler \"a\" disabled");
	image_log(im, 3, 7, "sched_ext: BPF scheduler a disabled (x)");
	image_log(im, 3, 7, "sched_ext: BPF scheduler \"a");
	image_log(im, 3, 7, "sched_ext: BPF scheduler \"user\" disabled (x)")->facility = 1;
	image_log(im, 3, 7, "sched_ext: BPF scheduler \"half\" disabled (x)")->state = LOG_RESERVED;
	image_log(im, 3, 7, "")->text = NULL;
	image_walk(im);
	CU_ASSERT_EQUAL(im->r->scx.log_exits.nr, 0);
	CU_ASSERT_PTR_NULL(scx_last_log_exit(&im->r->scx));
	char *text = to_text(im, false);
	CONTAINS("a scheduler ran and has ended; why is not known: the kernel's log has nothing of it\n");
	free(text);
	im->r->log.overwritten = 1;
	text = to_text(im, false);
	CONTAINS("why is not known: the kernel's log no longer reaches back so far\n");
	free(text);
	im->r->log.collected = false;
	text = to_text(im, false);
	CONTAINS("why is not known: the kernel's log, which tells, was not looked at\n");
	free(text);
	scx_image_free(im);

	/* None has ever run. */
	im = without_sched(IMAGE_ROOT);
	image_put64(im, image_var("scx_enable_seq"), 0);
	image_walk(im);
	text = to_text(im, false);
	LACKS("why is not known");
	free(text);
	scx_image_free(im);
}

/* The end of one whose record is there is told once. */
static void test_log_recorded(void)
{
	struct scx_image *im = scx_image_new(IMAGE_SUBS, NULL);
	uint64_t ended = image_ended_sched(im);

	image_exit(im, ended, 1026);
	image_put64(im, image_var("scx_root"), 0);
	image_log(im, 3, 7, "sched_ext: BPF scheduler \"ended\" disabled (runnable task stall)");
	image_log(im, 3, 7, "sched_ext: ended: x[1] failed");
	image_log(im, 3, 7, "sched_ext: BPF scheduler \"ended\" disabled (runnable task stall)");
	image_log(im, 3, 7, "sched_ext: ended: x[1] failed to run"); /* the log may have cut it */
	image_log(im, 3, 7, "sched_ext: BPF sub-scheduler \"sub\" disabled (parent exiting)");
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->scx.log_exits.nr, 3);
	CU_ASSERT_FALSE(im->r->scx.log_exits.data[0].recorded);
	CU_ASSERT_TRUE(im->r->scx.log_exits.data[1].recorded);
	CU_ASSERT_TRUE(im->r->scx.log_exits.data[2].sub);
	CU_ASSERT_PTR_NULL(scx_last_log_exit(&im->r->scx));
	char *text = to_text(im, true);
	LACKS("the last scheduler");
	CONTAINS("a former sub-scheduler sub, by the kernel's log: ejected");
	free(text);
	scx_image_free(im);
}

/* ---- schedulers below the root */

/* A task of the ext class that has been waiting for so many jiffies. */
static uint64_t waiting(struct scx_image *im, uint32_t pid, const char *comm, uint64_t sched, uint64_t jiffies)
{
	uint64_t task = image_task(im, pid, comm);

	image_put64(im, task + T_CLASS, image_var("ext_sched_class"));
	image_put32(im, task + T_SCX + E_FLAGS, 1);
	image_put64(im, task + T_SCX + E_RUNNABLE_AT, 5000 - jiffies);
	if (sched)
		image_put64(im, task + T_SCX + E_SCHED, sched);
	return task;
}

static const struct finding *find(const struct scx_image *im, const char *id)
{
	for (size_t i = 0; i < im->r->findings.rows.nr; i++) {
		if (!strcmp(im->r->findings.rows.data[i]->id, id))
			return im->r->findings.rows.data[i];
	}
	return NULL;
}

/* Each scheduler is ejected by its own watchdog (7.1), and what is wrong with it is no fault of the root's. */
static void test_subs(void)
{
	struct scx_image *im = scx_image_new(IMAGE_SUBS, NULL);
	uint64_t sub = image_sub_sched(im), leaf = image_sub_sched(im);
	uint64_t a = waiting(im, 10, "a", sub, 1200), b = waiting(im, 11, "b", 0, 1200), c = waiting(im, 12, "c", leaf, 10);
	uint64_t dsq = image_user_dsq(im, sub + S_HASH, 7);

	image_put32(im, leaf + S_LEVEL, 2);
	image_put64(im, leaf + S_ANCESTORS + 8, sub);
	image_put64(im, im->sched + S_WATCHDOG, 7500);
	image_put64(im, sub + S_WATCHDOG, 1250);
	image_put64(im, leaf + S_WATCHDOG, 2500);
	image_dsq_push(im, dsq, a);
	image_walk(im);
	im->r->kernel.hz = 250;
	ASSERT_OK(triage_run(im->r));

	CU_ASSERT_EQUAL(image_find_task(im, a)->sched_kva.v, sub);
	CU_ASSERT_PTR_EQUAL(report_sched_of(im->r, image_find_task(im, b)), &im->r->scx.sched);
	CU_ASSERT_EQUAL(report_sched_of(im->r, image_find_task(im, c))->kva.v, leaf);

	/* 4.8 s are much for the one and little for the other. */
	char *text = to_text(im, false);
	CONTAINS("ready to run for 4.800 s (96 % of the watchdog's timeout)");
	CONTAINS("ready to run for 4.800 s (16 % of the watchdog's timeout)");
	CONTAINS("of sub-scheduler sub at 0x");
	CONTAINS("\n  scheduler test: ");
	CONTAINS("\n    sub-scheduler sub at 0x");
	CONTAINS(", level 1 below test, cgroup /batch: ");
	CONTAINS("\n      sub-scheduler sub at 0x");
	CONTAINS(", level 2 below sub, cgroup /batch: ");
	CONTAINS("\n        exit kind SCX_EXIT_NONE (0)");
	CONTAINS("  empty DSQs of sub at 0x");
	free(text);
	text = to_json(im);
	CONTAINS("\"watchdog_share\":0.96");
	CONTAINS("\"watchdog_share\":0.16");
	CONTAINS("\"sched_kva\":");
	free(text);

	const struct finding *f = find(im, "scx-watchdog-near");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	text = (char *)f->summary;
	CONTAINS("ejects \"sub\" soon: a[10] has waited for 4.8 s of 5.0 s");
	f = find(im, "scx-dsq-not-consumed");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->severity, SEVERITY_ERROR);
	scx_image_free(im);
}

/* Where the task does not tell, its queue does; and nobody is taken for the root's without cause. */
static void test_owner_unknown(void)
{
	struct scx_image *im = scx_image_new(IMAGE_SUBS, "sched_ext_entity.sched");
	uint64_t sub = image_sub_sched(im), a = image_task(im, 10, "a"), b = image_task(im, 11, "b");

	image_dsq_push(im, image_user_dsq(im, sub + S_HASH, 7), a);
	image_walk(im);
	CU_ASSERT_EQUAL(report_sched_of(im->r, image_find_task(im, a))->kva.v, sub);
	CU_ASSERT_PTR_NULL(report_sched_of(im->r, image_find_task(im, b)));
	scx_image_free(im);

	im = scx_image_new(IMAGE_ROOT, NULL);
	b = image_task(im, 11, "b");
	image_walk(im);
	CU_ASSERT_PTR_EQUAL(report_sched_of(im->r, image_find_task(im, b)), &im->r->scx.sched);
	scx_image_free(im);
}

/* ---- --dsq and --task */

static struct scx_image *narrowed(const char *dsq, const char *task)
{
	static const char *dsqs[1], *tasks[1];
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	uint64_t a = waiting(im, 10, "alpha", 0, 2000), b = waiting(im, 11, "beta", 0, 2500), c = waiting(im, 12, "gamma", 0, 3000);

	dsqs[0] = dsq;
	tasks[0] = task;
	image_dsq_push(im, image_user_dsq(im, 0, 7), a);
	image_dsq_push(im, image_user_dsq(im, 0, 8), b);
	image_user_dsq(im, 0, 9);
	image_put64(im, c + T_SCX + E_OPS_STATE, 2);
	im->opts.dsqs = dsqs;
	im->opts.nr_dsqs = dsq != NULL;
	im->opts.tasks = tasks;
	im->opts.nr_tasks = task != NULL;
	image_walk(im);
	im->r->kernel.hz = 250;
	ASSERT_OK(triage_run(im->r));
	return im;
}

/* Every finding's evidence stands in the document. */
static void check_paths(const struct scx_image *im)
{
	for (size_t i = 0; i < im->r->findings.rows.nr; i++) {
		const struct finding *f = im->r->findings.rows.data[i];

		for (const struct evidence *e = f->left_out ? NULL : f->evidence; e; e = e->next) {
			unsigned int row;

			CU_ASSERT_PTR_NULL(strstr(e->path, "rq_scx_states"));
			if (sscanf(e->path, "task_enrichments[%u]", &row) == 1 || sscanf(e->path, "fdgdb.tasks[%u]", &row) == 1)
				CU_ASSERT_TRUE(row < report_nr_tasks_shown(im->r));
			if (im->r->scx.dsqs_narrowed && sscanf(e->path, "dsq_states[%u]", &row) == 1)
				CU_ASSERT_TRUE(row < scx_nr_dsqs_shown(&im->r->scx));
		}
	}
}

static void test_dsq(void)
{
	struct scx_image *im = narrowed("7", NULL);
	char *text = to_text(im, false);

	CONTAINS("  DSQ  of    scheduler  queued  longest for  order  first\n"
		 "  0x7  user  root            1      8.000 s  fifo   alpha[10]\n");
	CONTAINS("  DSQ 0x7 (user): 1 queued\n");
	CONTAINS("\n  task 10 alpha: parent");
	CONTAINS("everything but these queues and the tasks on them is left out (--dsq)\n");
	CONTAINS("cut: 1 of 13 DSQs are shown; 1 of 7 tasks are shown\n");
	CONTAINS("scx-dsq-not-consumed@dsq0x7 ");
	LACKS("not examined\n");
	LACKS("--task)");
	LACKS("beta[11] has");
	LACKS("gamma[12] has");
	CONTAINS(" about others, left out");
	free(text);
	text = to_json(im);
	CONTAINS("\"findings_left_out\":");
	LACKS("scx-held-by-bpf\",\"key");
	free(text);
	check_paths(im);
	scx_image_free(im);

	/* Nothing on it is an answer too. */
	im = narrowed("9", NULL);
	text = to_text(im, false);
	CONTAINS("  empty DSQs: 0x9 (user)\n");
	CONTAINS("findings: none about these by ");
	free(text);
	check_paths(im);
	scx_image_free(im);

	im = narrowed("0x99", NULL);
	text = to_text(im, false);
	CONTAINS("cut: no DSQ is \"0x99\"; there is 0x7, 0x8, 0x9; 0 of 13 DSQs are shown");
	LACKS("empty DSQs");
	free(text);
	CU_ASSERT_TRUE(report_is_partial(im->r));
	scx_image_free(im);

	im = narrowed("7", "gamma");
	text = to_text(im, false);
	CONTAINS("everything but these is left out (--dsq, --task)\n");
	CONTAINS("  DSQ 0x7 (user): 1 queued\n");
	CONTAINS("\n  task 12 gamma: parent");
	CONTAINS("scx-held-by-bpf@pid12 ");
	LACKS("scx-dsq-not-consumed@dsq0x8 ");
	free(text);
	check_paths(im);
	scx_image_free(im);

	im = narrowed(NULL, "beta");
	text = to_text(im, false);
	CONTAINS("everything but these tasks is left out (--task)\n");
	CONTAINS("scx-dsq-not-consumed@dsq0x8 ");
	LACKS("scx-held-by-bpf@");
	free(text);
	check_paths(im);
	scx_image_free(im);
}

/* A kernel without queues must not pass for one on which nothing was asked. */
static void test_dsq_without_scx(void)
{
	static const char *const dsqs[] = { "7" };
	struct scx_image *im = scx_image_new(IMAGE_NO_SCX, NULL);

	im->opts.dsqs = dsqs;
	im->opts.nr_dsqs = 1;
	image_walk(im);
	char *text = to_text(im, false);
	CONTAINS("no DSQ is \"7\": this kernel has no sched_ext");
	free(text);
	CU_ASSERT_TRUE(report_is_partial(im->r));
	scx_image_free(im);
}

/* ---- on the way to a queue */

static void test_transit(void)
{
	static const enum image_kind kinds[] = { IMAGE_STATIC, IMAGE_ROOT, IMAGE_SUBS };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct scx_image *im = scx_image_new(kinds[i], NULL);
		uint64_t a = waiting(im, 10, "alpha", 0, 3000), b = waiting(im, 11, "beta", 0, 3000);
		uint64_t c = waiting(im, 12, "gamma", 0, 3000);

		/* Sent to CPU 3 from CPU 1. */
		image_list_add(im, image_rq(1) + RQ_SCX + R_DEFERRED, a + T_SCX + E_DSQ_LIST);
		image_put64(im, a + T_SCX + E_DDSP, 3ull << 62 | 3);
		/* Inserted by a dispatch() that has not returned; the third has been taken out again since. */
		image_put64(im, b + T_SCX + E_OPS_STATE, 2 | 77 << 2);
		image_put64(im, c + T_SCX + E_OPS_STATE, 2 | 79 << 2);
		image_buffer(im, 2, b, 77 << 2, 0x42);
		image_buffer(im, 2, c, 78 << 2, 0x43);
		image_walk(im);
		im->r->kernel.hz = 250;
		ASSERT_OK(triage_run(im->r));

		CU_ASSERT_EQUAL(image_find_task(im, a)->x.transit, TRANSIT_DEFERRED);
		CU_ASSERT_EQUAL(image_find_task(im, b)->x.transit, TRANSIT_BUFFERED);
		CU_ASSERT_FALSE(task_is_held(image_find_task(im, b)));
		CU_ASSERT_EQUAL(image_find_task(im, c)->x.transit, TRANSIT_NONE);
		CU_ASSERT_TRUE(task_is_held(image_find_task(im, c)));
		char *text = to_text(im, false);
		CONTAINS("  held by the scheduler, on no DSQ: 1\n");
		CONTAINS("  on their way from CPU 1, on no DSQ: 1\n"
			 "    alpha[10] to DSQ LOCAL_ON|3, once its CPU's lock can be had\n");
		CONTAINS("  on their way from CPU 2, on no DSQ: 2\n"
			 "    beta[11] to DSQ 0x42, when the dispatch() under way returns\n");
		CONTAINS(", 1 deferred");
		CONTAINS(", 2 being dispatched");
		CONTAINS("deferred on CPU 1 to DSQ LOCAL_ON|3");
		free(text);
		text = to_json(im);
		CONTAINS("\"in_transit\":[{\"cpu\":1,\"kind\":\"deferred\",\"task_kva\":");
		CONTAINS("{\"cpu\":2,\"kind\":\"dispatch buffer\",\"task_kva\":");
		CONTAINS("\"in_transit\":\"dispatch buffer\",\"to_dsq_id\":66");
		free(text);
		const struct finding *f = find(im, "scx-held-by-bpf");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		CU_ASSERT_PTR_NOT_NULL(strstr(f->summary, "gamma[12] has been"));
		CU_ASSERT_EQUAL(report_find_section(im->r, "scx")->status, SECTION_COMPLETE);
		scx_image_free(im);
	}

	/* What cannot be. */
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	image_put32(im, image_dsp_ctx(im, 2) + B_CURSOR, 5000);
	image_put64(im, image_rq(1) + RQ_SCX + R_DEFERRED, 0xffff8880deadb000);
	image_walk(im);
	const char *detail = image_detail(im, "scx");
	CU_ASSERT_PTR_NOT_NULL(strstr(detail, "dispatch buffer of CPU 2: a dispatch buffer of 5000 tasks"));
	CU_ASSERT_PTR_NOT_NULL(strstr(detail, "deferred tasks of CPU 1: "));
	CU_ASSERT_EQUAL(im->r->scx.rqs.nr, IMAGE_CPUS);
	scx_image_free(im);
}

/* ---- CPUs */

static void test_cpus(void)
{
	static const enum image_kind kinds[] = { IMAGE_STATIC, IMAGE_ROOT };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct scx_image *im = scx_image_new(kinds[i], NULL);
		uint64_t a = image_task(im, 10, "a");

		image_put64(im, image_rq(1) + RQ_CURR, a);
		image_put32(im, image_var("scx_builtin_idle_enabled"), 1);
		image_put64(im, image_var(i ? "scx_idle_global_masks" : "idle_masks"), 1 << 0 | 1 << 1);
		im->fk->k->online[3] = false;
		image_walk(im);
		const struct scx_rq_row *rq = im->r->scx.rqs.data;
		CU_ASSERT_TRUE(rq[0].is_idle && rq[0].in_idle_mask.v && !rq[0].offline);
		CU_ASSERT_TRUE(rq[3].offline && !rq[3].is_idle && !rq[3].has_idle);
		char *text = to_text(im, false);
		CONTAINS("idle but claimed"); /* 2 */
		CONTAINS("passes for idle");  /* 1 */
		CONTAINS("  offline");
		free(text);
		text = to_json(im);
		CONTAINS("\"offline\":true");
		CONTAINS("\"idle\":true,\"in_idle_mask\":false");
		free(text);
		scx_image_free(im);
	}

	/* Nobody keeps book. */
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
	image_walk(im);
	CU_ASSERT_FALSE(im->r->scx.rqs.data[0].in_idle_mask.has);
	scx_image_free(im);

	im = scx_image_new(IMAGE_SUBS, NULL);
	uint64_t a = image_task(im, 10, "a"), b = image_task(im, 11, "b");
	image_put64(im, image_rq(2) + RQ_SCX + R_RESCUE_CURR, a);
	image_dsq_push(im, image_rq(1) + RQ_SCX + R_RESCUE, b);
	image_put32(im, image_var("scx_hardlockup_cpu"), 1);
	image_walk(im);
	char *text = to_text(im, false);
	CONTAINS("rescues a");
	CONTAINS("  DSQ RESCUE (rescue cpu 1): 1 queued\n");
	CONTAINS("ejected because of a hard lockup of CPU 1");
	free(text);
	scx_image_free(im);

	im = scx_image_new(IMAGE_ROOT, NULL);
	image_put32(im, image_var("scx_breather_depth"), 1);
	image_put64(im, image_var("scx_in_softlockup"), 1);
	image_dsq_push(im, image_local_dsq(1), image_task(im, 10, "a"));
	image_walk(im);
	text = to_text(im, false);
	CONTAINS("CPUs that dispatch are held back because of a soft lockup");
	CONTAINS("  DSQ LOCAL (local cpu 1): 1 queued\n");
	free(text);
	scx_image_free(im);
}

/* With CPU ids by topology (7.2) the ops have another layout. */
static void test_cid(void)
{
	struct scx_image *im = scx_image_new(IMAGE_SUBS, NULL);
	static const uint8_t ops[136];

	fake_kernel_write(im->fk, im->sched + S_NAME, ops, sizeof(ops));
	fake_kernel_write(im->fk, im->sched + S_NAME + C_NAME, "by-cid", 7);
	image_put64(im, im->sched + S_NAME + C_FLAGS, 2);
	image_put32(im, im->sched + S_NAME + C_TIMEOUT, 4000);
	image_put32(im, im->sched + S_IS_CID, 1);
	image_walk(im);
	CU_ASSERT_STRING_EQUAL(im->r->scx.sched.ops_name, "by-cid");
	CU_ASSERT_STRING_EQUAL(im->r->scx.sched.ops_flag_names, "ENQ_LAST");
	CU_ASSERT_EQUAL(im->r->scx.sched.timeout_ms.v, 4000);
	scx_image_free(im);
}

/* 6.15: counters in a per-CPU variable, one of them under a former name. */
static void test_counts(void)
{
	struct scx_image *im = scx_image_new(IMAGE_COUNTS, NULL);

	image_put64(im, image_events(im, 0) + EV_KEEP, 40);
	image_put64(im, image_events(im, 3) + EV_KEEP, 2);
	image_walk(im);
	CU_ASSERT_EQUAL_FATAL(im->r->scx.sched.events.nr_cpus, IMAGE_CPUS);
	CU_ASSERT_STRING_EQUAL(im->r->scx.sched.events.names[1], "ENQ_SLICE_DFL");
	char *text = to_json(im);
	CONTAINS("\"refill_slice_dfl\":42,");
	free(text);
	scx_image_free(im);
}

/* ---- whether there is a scheduler */

static void test_enable_state(void)
{
	/* A number without a name: the key tells. */
	for (uint32_t on = 0; on < 2; on++) {
		struct scx_image *im = scx_image_new(IMAGE_STATIC, NULL);

		image_put32(im, image_var("scx_ops_enable_state_var"), 9);
		image_put32(im, image_var("__scx_ops_enabled"), on);
		image_walk(im);
		CU_ASSERT_EQUAL(im->r->scx.has_sched, on);
		CU_ASSERT_PTR_NOT_NULL(strstr(image_detail(im, "scx"), "scx_ops_enable_state_var is 9, for which enum "
							"scx_ops_enable_state has no name"));
		CU_ASSERT_TRUE(report_is_partial(im->r));
		scx_image_free(im);
	}

	/* Neither tells: nothing is claimed. */
	struct scx_image *im = scx_image_new(IMAGE_STATIC, "__scx_ops_enabled");
	image_put32(im, image_var("scx_ops_enable_state_var"), 9);
	image_walk(im);
	char *text = to_text(im, false);
	LACKS("no scheduler attached");
	CONTAINS("whether a scheduler is enabled cannot be told");
	free(text);
	CU_ASSERT_PTR_NULL(im->r->scx.unavailable);
	scx_image_free(im);
}

/* ---- why there is nothing: the format's words */

static void test_unavailable(void)
{
	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);

	/* A scheduler, and not one byte of it or of a run queue can be read. */
	image_put64(im, image_var("scx_root"), 0xffff8880deadb000);
	for (uint32_t cpu = 0; cpu < IMAGE_CPUS; cpu++)
		im->fk->k->percpu_off[cpu] += 0x100000000;
	image_put64(im, image_var("init_pid_ns") + 8, 0);
	image_list_init(im, image_var("init_task") + T_TASKS);
	image_walk(im);
	CU_ASSERT_PTR_NOT_NULL_FATAL(im->r->scx.unavailable);
	CU_ASSERT_STRING_EQUAL(im->r->scx.unavailable, "scx walker reached no state");
	CU_ASSERT_EQUAL(report_find_section(im->r, "scx")->status, SECTION_NOT_READABLE);
	/* And init_task is the only process, with nothing in it that could be read. */
	if (!im->r->tasks.nr) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(im->r->tasks_unavailable);
		CU_ASSERT_STRING_EQUAL(im->r->tasks_unavailable, "task walker yielded zero tasks");
	}
	CU_ASSERT_EQUAL(im->r->tasks.nr, 0);
	scx_image_free(im);
}

/* ---- kernels that nobody has seen */

/* As much as there can be, so that what is lost shows. */
static void fill(struct scx_image *im)
{
	bool subs = im->kind == IMAGE_SUBS;
	uint64_t a = waiting(im, 10, "alpha", 0, 100), b = waiting(im, 11, "beta", 0, 200), c = image_task(im, 12, "gamma");
	uint64_t d = waiting(im, 13, "delta", 0, 300), scx = image_rq(1) + RQ_SCX, info, mask = image_alloc(im, 8);
	uint64_t dsq = image_user_dsq(im, 0, 7);
	static const uint32_t words[] = { R_NR_RUNNING, R_NR_IMMED };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		image_put32(im, scx + words[i], 3);
	image_put32(im, scx + R_FLAGS, 0x11);
	image_put32(im, scx + R_RELEASED, 1);
	image_put64(im, scx + R_OPS_QSEQ, 5);
	image_put64(im, scx + R_KICK_SYNC, 6);
	image_put64(im, mask, 1 << 2);
	image_put64(im, scx + R_KICK, mask);
	image_put64(im, scx + R_KICK_IDLE, 1 << 2);
	image_put64(im, scx + R_PREEMPT, 1 << 2);
	image_put64(im, scx + R_WAIT, 1 << 2);
	image_put64(im, image_rq(1) + RQ_CURR, c);
	image_put64(im, c + T_CLASS, image_var("ext_sched_class"));
	image_put64(im, c + T_LAST_ARRIVAL, 7000);
	image_list_add(im, scx + R_RUNNABLE, a + T_SCX + E_RUNNABLE);
	image_dsq_push(im, dsq, a);
	image_dsq_tree(im, dsq, &a, 1);
	image_put64(im, dsq + D_FIRST, subs || im->kind == IMAGE_ROOT ? a : 0);
	image_put32(im, dsq + D_SEQ, 4);
	image_put64(im, b + T_SCX + E_OPS_STATE, 2 | 77 << 2);
	image_list_add(im, scx + R_DEFERRED, d + T_SCX + E_DSQ_LIST);
	image_put64(im, d + T_SCX + E_DDSP, 3ull << 62 | 3);
	image_buffer(im, 2, b, 77 << 2, 7);
	image_put32(im, image_var("scx_builtin_idle_enabled"), 1);
	image_put64(im, image_var("scx_idle_global_masks"), 1 << 0);
	image_put64(im, image_var("idle_masks"), 1 << 0);
	image_put64(im, image_var("scx_watchdog_timestamp"), 4900);
	image_put64(im, image_var("scx_watchdog_interval"), 1000);
	image_put64(im, image_var("scx_enable_seq"), 3);
	image_put64(im, image_var("scx_nr_rejected"), 1);
	image_put64(im, image_var("scx_hotplug_seq"), 2);
	image_put64(im, image_var("scx_aborting"), 1);
	image_put32(im, image_var("scx_bypass_depth"), 3);
	image_put32(im, image_var("__scx_switched_all"), 1);
	image_put32(im, image_var("__scx_ops_enabled"), 1);
	if (im->kind != IMAGE_STATIC) {
		for (uint64_t i = 0; i < EV_SIZE; i += 8)
			image_put64(im, image_events(im, 1) + i, 10 + i);
	}
	info = image_exit(im, im->sched, 1026);
	image_put64(im, info + X_FLAGS, 1);
	for (uint64_t i = 0; i < 3; i++)
		image_put64(im, (i ? a : c) + T_PCOUNT + 8 * i, 11 + i);
	for (uint32_t at = T_NVCSW; at <= T_STIME; at += 8)
		image_put64(im, a + at, at);
	image_put32(im, a + T_RT_PRIORITY, 3);
	image_put32(im, a + T_ON_CPU, 1);
	image_put32(im, a + T_CPU, 2);
	image_put64(im, a + T_SCX + E_SLICE, 20);
	image_put64(im, a + T_SCX + E_VTIME, 30);
	image_put64(im, a + T_CGROUPS, image_css_set(im, "x"));
	if (im->sched) {
		image_put32(im, im->sched + S_EXIT_KIND, 1026);
		image_put64(im, im->sched + S_OPS_FLAGS, 2);
	}
	if (subs) {
		uint64_t sub = image_sub_sched(im);

		image_put32(im, im->sched + S_BYPASS, 3);
		image_put32(im, im->sched + S_ABORTING, 1);
		image_put64(im, im->sched + S_WATCHDOG, 7500);
		image_put64(im, im->sched + S_ID, 1);
		image_put64(im, image_pcpu(im, 1) + P_FLAGS, 1);
		for (uint32_t at = P_PREEMPT; at <= P_WAIT; at += 8)
			image_put64(im, image_pcpu(im, 0) + at, 1 << 2);
		image_dsq_push(im, image_pcpu(im, 1) + P_BYPASS, image_task(im, 14, "bypassed"));
		image_dsq_push(im, image_rq(2) + RQ_SCX + R_REJECT, image_task(im, 15, "rejected"));
		image_dsq_push(im, image_rq(2) + RQ_SCX + R_RESCUE, image_task(im, 16, "saved"));
		image_put64(im, image_rq(2) + RQ_SCX + R_RESCUE_CURR, c);
		image_put64(im, b + T_SCX + E_SCHED, sub);
		image_put32(im, a + T_SCX + E_OPS_QSEQ, 9);
	} else if (im->kind == IMAGE_ROOT) {
		image_dsq_push(im, image_rq(2) + RQ_SCX + R_BYPASS, image_task(im, 14, "bypassed"));
	}
}

static char *report_without(enum image_kind kind, const char *drop, struct scx_image **ret)
{
	struct scx_image *im = scx_image_new(kind, drop);

	fill(im);
	image_walk(im);
	im->r->kernel.hz = 250;
	*ret = im;
	return to_json(im);
}

/* What the missing one is called where it is named: the member alone, of a member in a member the first. */
static bool is_named(const struct scx_image *im, const char *drop)
{
	static const char *const sections[] = { "scx", "tasks", "event_counters" };
	const char *dot = strchr(drop, '.'), *name = dot ? dot + 1 : drop;

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct section *s = report_find_section(im->r, sections[i]);

		if (s && s->status != SECTION_COMPLETE && s->detail && strstr(s->detail, name))
			return true;
	}
	return false;
}

/*
 * Without any one member, struct or variable: either nothing is lost and the report is the very same, or who reads it
 * is told by name what is missing.
 */
static void test_any_missing(void)
{
	static const char *const drops[] = {
		"rq.scx", "rq.curr", "rq.__lock", "rq.idle", "rq.clock", "rq.clock_task",
		"scx_rq", "scx_rq.local_dsq", "scx_rq.runnable_list", "scx_rq.nr_running", "scx_rq.flags",
		"scx_rq.cpu_released", "scx_rq.clock", "scx_rq.kick_sync", "scx_rq.pnt_seq", "scx_rq.bypass_dsq",
		"scx_rq.reject_dsq", "scx_rq.rescue", "scx_rq.ops_qseq", "scx_rq.nr_immed", "scx_rq.ddsp_deferred_locals",
		"scx_rq.cpus_to_kick", "scx_rq.cpus_to_kick_if_idle", "scx_rq.cpus_to_preempt", "scx_rq.cpus_to_wait",
		"scx_rq_rescue.dsq", "scx_rq_rescue.curr",
		"task_struct.scx", "task_struct.sched_class", "task_struct.sched_info", "task_struct.tgid", "task_struct.prio",
		"task_struct.static_prio", "task_struct.normal_prio", "task_struct.rt_priority", "task_struct.policy",
		"task_struct.nvcsw", "task_struct.nivcsw", "task_struct.utime", "task_struct.stime", "task_struct.thread_info",
		"task_struct.pid_links", "task_struct.on_cpu", "task_struct.cgroups", "task_struct.cpus_mask", "task_struct.__state",
		"task_struct.stack", "task_struct.mm", "task_struct.se", "task_struct.group_leader", "task_struct.real_parent",
		"task_struct.signal", "task_struct.flags", "task_struct.on_rq", "task_struct.exit_state",
		"sched_info.pcount", "sched_info.run_delay", "sched_info.last_arrival", "sched_info.last_queued",
		"css_set.dfl_cgrp",
		"sched_ext_entity", "sched_ext_entity.runnable_node", "sched_ext_entity.dsq_list", "sched_ext_entity.flags",
		"sched_ext_entity.tasks_node", "sched_ext_entity.dsq_priq", "sched_ext_entity.ops_state",
		"sched_ext_entity.dsq", "sched_ext_entity.runnable_at", "sched_ext_entity.sched", "sched_ext_entity.ops_qseq",
		"sched_ext_entity.slice", "sched_ext_entity.dsq_vtime", "sched_ext_entity.weight",
		"sched_ext_entity.ddsp_dsq_id", "sched_ext_entity.sticky_cpu", "sched_ext_entity.holding_cpu",
		"scx_dsq_list_node.node", "scx_dsq_list_node.flags",
		"scx_dispatch_q.id", "scx_dispatch_q.nr", "scx_dispatch_q.seq", "scx_dispatch_q.list",
		"scx_dispatch_q.hash_node", "scx_dispatch_q.lock", "scx_dispatch_q.priq", "scx_dispatch_q.first_task",
		"scx_sched", "scx_sched.ops", "scx_sched.dsq_hash", "scx_sched.global_dsqs", "scx_sched.pnode",
		"scx_sched.pcpu", "scx_sched.exit_kind", "scx_sched.exit_info", "scx_sched.bypass_depth",
		"scx_sched.aborting", "scx_sched.watchdog_timeout", "scx_sched.all", "scx_sched.level",
		"scx_sched.ancestors", "scx_sched.event_stats_cpu", "scx_sched.is_cid_type", "scx_sched.ops_cid", "scx_sched.id",
		"sched_ext_ops.name", "sched_ext_ops.flags", "sched_ext_ops.timeout_ms",
		"scx_sched_pnode.global_dsq", "scx_sched_pcpu.event_stats", "scx_sched_pcpu.bypass_dsq", "scx_sched_pcpu.flags",
		"scx_sched_pcpu.dsp_ctx", "scx_sched_pcpu.cpus_to_kick", "scx_sched_pcpu.cpus_to_preempt",
		"scx_dsp_ctx.cursor", "scx_dsp_ctx.buf", "scx_dsp_buf_ent.task", "scx_dsp_buf_ent.qseq", "scx_dsp_buf_ent.dsq_id",
		"scx_exit_info.kind", "scx_exit_info.exit_code", "scx_exit_info.reason", "scx_exit_info.bt",
		"scx_exit_info.bt_len", "scx_exit_info.msg", "scx_exit_info.dump", "scx_exit_info.flags",
		"scx_exit_info.exit_cpu", "rhashtable.tbl", "bucket_table.size", "bucket_table.future_tbl",
		"rhash_head.next",
		/* The variables that hold the same on older kernels. */
		"scx_bypass_depth", "scx_ops_bypass_depth", "scx_aborting", "scx_watchdog_timeout", "scx_exit_kind",
		"scx_exit_info", "dsq_hash", "global_dsqs", "scx_sched_all", "scx_dsp_ctx", "event_stats_cpu",
		"scx_enable_state_var", "scx_ops_enable_state_var",
	};
	static const enum image_kind kinds[] = { IMAGE_STATIC, IMAGE_COUNTS, IMAGE_ROOT, IMAGE_SUBS };
	size_t named = 0;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct scx_image *im, *whole_im;
		char *whole = report_without(kinds[k], NULL, &whole_im);

		CU_ASSERT_EQUAL(report_find_section(whole_im->r, "scx")->status, SECTION_COMPLETE);
		CU_ASSERT_EQUAL(report_find_section(whole_im->r, "tasks")->status, SECTION_COMPLETE);
		for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
			char *json = report_without(kinds[k], drops[i], &im);
			bool is = is_named(im, drops[i]);

			named += is;
			if (!is && strcmp(json, whole)) {
				size_t at = 0;

				while (json[at] == whole[at])
					at++;
				at = at > 60 ? at - 60 : 0;
				fprintf(stderr, "# kernel %zu without %s: \"%s\", but\n#   %.160s\n#   %.160s\n", k, drops[i],
					image_detail(im, "scx"), whole + at, json + at);
			}
			CU_ASSERT_TRUE(is || !strcmp(json, whole));
			free(json);
			scx_image_free(im);
		}
		free(whole);
		scx_image_free(whole_im);
	}
	CU_ASSERT_TRUE(named > 300);
}

UNIT_MAIN("scx-report",
	  { "how the last scheduler ended, by the log", test_log_exit },
	  { "what tells of no end", test_log_no_exit },
	  { "an end that is recorded elsewhere", test_log_recorded },
	  { "schedulers below the root", test_subs },
	  { "whose a task is", test_owner_unknown },
	  { "only a queue, only a task", test_dsq },
	  { "a queue of a kernel that has none", test_dsq_without_scx },
	  { "tasks on their way to a queue", test_transit },
	  { "CPUs that are away, claimed, or rescue somebody", test_cpus },
	  { "ops by topology", test_cid },
	  { "counters of 6.15", test_counts },
	  { "whether there is a scheduler", test_enable_state },
	  { "why there is nothing", test_unavailable },
	  { "any member may be missing", test_any_missing })
