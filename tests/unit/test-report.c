/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports as JSON.  With an argument this program writes a sample report to stdout instead of testing it, for
 * tests/report-schema.sh and tests/report-golden.sh.
 */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/json-report.h"
#include "report/text.h"
#include "report/utf8.h"
#include "sample.h"

static char *to_json(const struct report *r, const struct json_opts *opts)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	ASSERT_OK(report_json(r, f, opts));
	fclose(f);
	return text;
}

static void contains(const char *text, const char *part, unsigned int line)
{
	CU_assertImplementation(strstr(text, part) != NULL, line, part, __FILE__, "", CU_FALSE);
}
#define CONTAINS(part) contains(text, part, __LINE__)
#define LACKS(part) CU_ASSERT_PTR_NULL(strstr(text, part))

static void test_least(void)
{
	struct report *r = sample_empty_report();
	char *text = to_json(r, &(struct json_opts){ 0 });

	CONTAINS("{\"schema\":\"single\",");
	CONTAINS("\"maps\":[],");
	CONTAINS("\"task_enrichments_unavailable\":\"no task walker available\"");
	CONTAINS("\"scx_walker_unavailable\":\"no scx walker capture\"");
	CONTAINS("\"prog_runtime_stats_unavailable\":\"prog accessor unavailable\"");
	CONTAINS("\"sdt_alloc_unavailable\":\"dump deadline exceeded before sdt_alloc pre-pass could run\"");
	CONTAINS("\"dump_truncated_at_us\":250000,\"maps_truncated\":4}");
	CONTAINS("{\"name\":\"scx\",\"status\":\"not in this kernel\",");
	CONTAINS("{\"name\":\"event_counters\",\"status\":\"not implemented\"}");
	LACKS("task_enrichments\":");
	LACKS("vcpu_regs");
	LACKS("scx_sched_state");
	free(text);
	sample_destroy(r);
}

/* A walker that comes to be takes its part off the list of what is missing. */
static void test_walker_replaces_missing(void)
{
	struct report *r = sample_empty_report();

	ASSERT_OK(report_section(r, "event_counters", SECTION_COMPLETE, NULL));
	char *text = to_json(r, &(struct json_opts){ 0 });
	LACKS("{\"name\":\"event_counters\",\"status\":\"not implemented\"}");
	CONTAINS("{\"name\":\"event_counters\",\"status\":\"complete\"}");
	free(text);
	sample_destroy(r);
}

/* The deadline passed before the nodes were looked at. */
static void test_numa_not_reached(void)
{
	struct report *r = sample_empty_report();

	r->system.numa_unavailable = NULL;
	ASSERT_OK(report_section(r, "per_node_numa", SECTION_NOT_READABLE, "the deadline passed"));
	char *text = to_json(r, &(struct json_opts){ 0 });
	CONTAINS("\"per_node_numa_unavailable\":\"no NUMA walker (host-side walker pending)\"");
	free(text);
	sample_destroy(r);

	r = sample_report();
	text = to_json(r, &(struct json_opts){ 0 });
	LACKS("per_node_numa_unavailable");
	free(text);
	sample_destroy(r);
}

static void test_arena_cap(void)
{
	struct report *r = sample_report();
	char *text = to_json(r, &(struct json_opts){ .arena_bytes = UINT64_MAX });

	CONTAINS("{\"user_addr\":17592186048512,\"bytes\":[255,10,0,");
	CONTAINS("{\"user_addr\":17592186064896,\"bytes\":[],\"unreadable\":true}");
	CONTAINS("{\"user_addr\":17592186073088,\"bytes\":[0,0,");
	/* Not the two pages of which there is no copy, nor the one beyond what is read of an arena. */
	CONTAINS("\"bytes_cut\":{\"pages_with_bytes\":2,\"pages_without_bytes\":3,\"cap\":12288}");
	LACKS("arena pages, by the cap");
	free(text);

	/* A page that does not fit in whole is left out in whole. */
	text = to_json(r, &(struct json_opts){ .arena_bytes = 2 * PAGE_SIZE - 1 });
	CONTAINS("{\"user_addr\":17592186048512,\"bytes\":[255,10,0,");
	CONTAINS("{\"user_addr\":17592186073088,\"bytes\":[]}");
	CONTAINS("\"bytes_cut\":{\"pages_with_bytes\":1,\"pages_without_bytes\":4,\"cap\":8191}");
	CONTAINS("(--max-entries); bytes of 1 of 2 arena pages, by the cap of 8191 bytes\"");
	free(text);

	text = to_json(r, &(struct json_opts){ .arena_bytes = 0 });
	CONTAINS("{\"user_addr\":17592186048512,\"bytes\":[]}");
	CONTAINS("\"bytes_cut\":{\"pages_with_bytes\":0,\"pages_without_bytes\":5,\"cap\":0}");
	free(text);
	sample_destroy(r);
}

static void test_rows(void)
{
	struct report *r = sample_report();
	char *text = to_json(r, &(struct json_opts){ 0 });

	/* Without BTF a hash has hex only, an array bytes. */
	CONTAINS("\"name\":\"raw\\u001b[31m\"");
	CONTAINS("\"entries\":[{\"key_hex\":\"01 02 03 04\",\"value_hex\":\"de ad be ef 00 00 00 00\"}]");
	/* Text sections hold text where others hold hex. */
	CONTAINS("{\"kind\":\"bytes\",\"hex\":\"pid %d\\\\x0a\\\\x00\\\\xff ok\"}");
	/* Unreadable: the key alone. */
	CONTAINS("{\"key\":1},{\"key\":2,\"value\":");
	CONTAINS("\"value_hex\":\"\",\"value_unreadable\":true}");
	/* One element per possible CPU; none if the pointer itself is null. */
	CONTAINS("\"per_cpu\":[{\"kind\":\"uint\",\"bits\":64,\"value\":1},null,"
		 "{\"kind\":\"uint\",\"bits\":64,\"value\":3},null],\"unreadable_cpus\":[1]}");
	CONTAINS("\"key_hex\":\"06 00 00 00\",\"per_cpu\":[]}");
	/* vCPUs that could not be read keep their place. */
	CONTAINS("\"in_kernel\":true},null]");
	/* The starved task, by name, in its queue. */
	CONTAINS("\"origin\":\"user\",\"nr\":3,\"seq\":9,"
		 "\"task_kvas\":[18446612682137141248,18446612682147205120],\"truncated\":true");
	CONTAINS("{\"task_kva\":18446612682137141248,\"pid\":321,\"comm\":\"victim\"},"
		 "{\"task_kva\":18446612682147205120}");
	CONTAINS("\"dsq_id\":66,\"runnable_at\":4294940000,\"runnable_s\":24.0");
	free(text);
	sample_destroy(r);
}

/* dsq_states has only queues of origins that the format lists. */
static void test_other_dsqs(void)
{
	struct report *r = sample_empty_report();

	r->scx.in_kernel = true;
	r->scx.nr_subs = 1;
	struct dsq_row *d = vec_push(&r->scx.dsqs);
	*d = (struct dsq_row){ .kva = { 16 }, .origin = DSQ_BYPASS, .index = 3, .sched = { 99 } };
	d = vec_push(&r->scx.dsqs);
	*d = (struct dsq_row){ .kva = { 17 }, .origin = DSQ_REJECT, .index = 2, .nr = 1 };

	char *text = to_json(r, &(struct json_opts){ 0 });
	CONTAINS("\"dsq_states\":[{\"id\":0,\"origin\":\"bypass cpu 3\",\"nr\":0,\"seq\":0,\"task_kvas\":[],"
		 "\"dsq_kva\":16,\"sched_kva\":99}]");
	CONTAINS("\"sub_schedulers\":1,\"other_dsqs\":[{\"id\":0,\"origin\":\"reject cpu 2\",\"nr\":1,");
	free(text);
	sample_destroy(r);
}

static void test_full_disk(void)
{
	struct report *r = sample_report();
	FILE *f = fopen("/dev/full", "w");

	ASSERT_ERR(report_json(r, f, &(struct json_opts){ .arena_bytes = UINT64_MAX }), ERR_SYS,
		   "No space left");
	fclose(f);
	sample_destroy(r);
}

static char *to_text(const struct report *r, const struct text_opts *opts)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	ASSERT_OK(report_text(r, f, opts));
	fclose(f);
	return text;
}

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

/* Lines wider than the terminal, of those that are neither values nor the guest's log. */
static void check_width(const struct report *r, unsigned int width)
{
	char *text = to_text(r, &(struct text_opts){ .width = width }), *save = NULL;
	bool values = false;
	size_t lines = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (begins(line, "log:") || begins(line, "map ") || begins(line, "sdt_alloc "))
			values = true;
		if (begins(line, "system:") || begins(line, "progs:"))
			values = false;
		if (values && !begins(line, "map "))
			continue;
		lines++;
		if (utf8_width(line, strlen(line)) > width) {
			printf("# %zu columns of %u: %s\n", utf8_width(line, strlen(line)), width, line);
			CU_FAIL("a line is too long");
		}
	}
	CU_ASSERT(lines > 100);
	free(text);
}

static void test_fits_terminal(void)
{
	static const unsigned int widths[] = { 72, 80, 100, 132, 200 };
	struct report *r = sample_report();

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		check_width(r, widths[i]);
	sample_destroy(r);
}

static const struct unit_test tests[] = {
	{ "no line leaves the terminal", test_fits_terminal },
	{ "the least a report can hold", test_least },
	{ "a walker replaces a missing part", test_walker_replaces_missing },
	{ "arena bytes are capped by pages", test_arena_cap },
	{ "nodes that were not reached", test_numa_not_reached },
	{ "rows", test_rows },
	  { "queues of other origins", test_other_dsqs },
	{ "a full disk is an error", test_full_disk },
	{ NULL, NULL },
};

static int emit(const char *which, const char *form)
{
	struct report *r = !strcmp(which, "empty") ? sample_empty_report()
			   : !strcmp(which, "long") ? sample_long_report()
						    : sample_report();
	struct err *e;

	if (!strcmp(form, "json") || !strcmp(form, "pretty"))
		e = report_json(r, stdout,
				&(struct json_opts){ .pretty = *form == 'p',
						     .arena_bytes = PAGE_SIZE });
	else if (!strncmp(form, "text", 4))
		/* text, text-v, text-72, text-color */
		e = report_text(r, stdout,
				&(struct text_opts){ .verbose = !strcmp(form, "text-v"),
						     .width = !strcmp(form, "text-72") ? 72 : 0,
						     .color = !strcmp(form, "text-color") });
	else
		e = err_new(ERR_USAGE, "no form %s", form);
	sample_destroy(r);
	if (e)
		fprintf(stderr, "%s\n", e->msg);
	err_free(e);
	return e ? 1 : 0;
}

int main(int argc, char **argv)
{
	return argc == 3 ? emit(argv[1], argv[2]) : unit_main("report", tests);
}
