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

UNIT_MAIN("scx-report",
	  { "how the last scheduler ended, by the log", test_log_exit },
	  { "what tells of no end", test_log_no_exit },
	  { "an end that is recorded elsewhere", test_log_recorded },
	  { "schedulers below the root", test_subs },
	  { "whose a task is", test_owner_unknown },
	  { "only a queue, only a task", test_dsq },
	  { "a queue of a kernel that has none", test_dsq_without_scx })
