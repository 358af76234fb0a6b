/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entry tables, per-CPU groups and caps of the text report. */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"
#include "report/text.h"
#include "report/utf8.h"
#include "sample.h"

static struct report *report;
static uint8_t *data; /* 64-bit words */

enum { WORDS = 4096 };

static struct map_row *begin(enum map_body body, uint32_t nr_cpu_ids, enum sample_type key,
			     enum sample_type value, uint32_t value_size, size_t nr)
{
	if (report_create(&report))
		abort();
	data = pool_alloc(&report->pool, WORDS * 8);
	struct map_row *m = vec_push(&report->maps);
	if (!data || !m)
		abort();
	strcpy(m->name, "m");
	m->type_name = "t";
	m->types = sample_types();
	m->body = body;
	m->key_type = key;
	m->key_size = 8;
	m->value_type = value;
	m->value_size = value_size;
	m->nr_entries = nr;
	m->entries = pool_calloc(&report->pool, nr, sizeof(*m->entries));
	report->kernel.nr_cpu_ids = nr_cpu_ids;
	return m;
}

static const uint8_t *word(size_t i, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t v[] = { a, b, c };

	for (size_t k = 0; k < sizeof(v); k++)
		data[24 * i + k] = (uint8_t)(v[k / 8] >> 8 * (k % 8));
	return data + 24 * i;
}

static void set_cpus(struct map_entry *e, size_t nr, const uint64_t (*v)[3])
{
	e->per_cpu = pool_calloc(&report->pool, report->kernel.nr_cpu_ids, sizeof(*e->per_cpu));
	for (size_t i = 0; i < nr; i++)
		e->per_cpu[i] = word(i, v[i][0], v[i][1], v[i][2]);
}

/* Writes the report and expects `part` in it. */
static void expect(const struct text_opts *opts, const char *part, bool there, unsigned int line)
{
	char *text = NULL, what[4096];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ASSERT_OK(report_text(report, f, opts));
	fclose(f);
	snprintf(what, sizeof(what), "%s\n%s\nin\n%s", there ? "wanted" : "did not want", part, text);
	CU_assertImplementation((strstr(text, part) != NULL) == there, line, what, __FILE__, "",
				CU_FALSE);
	free(text);
}
#define EXPECT(part) expect(&(struct text_opts){ 0 }, part, true, __LINE__)
#define EXPECT_WITH(part, ...) expect(&(struct text_opts){ __VA_ARGS__ }, part, true, __LINE__)
#define EXPECT_NOT(part) expect(&(struct text_opts){ 0 }, part, false, __LINE__)

static void end(void)
{
	sample_destroy(report);
	report = NULL;
}

static void test_table(void)
{
	struct map_row *m = begin(MAP_BODY_ENTRIES, 0, SAMPLE_KEY, SAMPLE_STAT, 16, 2);

	m->entries[0].key = word(0, 1 | 7ULL << 32, 0, 0);
	m->entries[0].value = word(1, 120, 4, 0);
	m->entries[1].key = word(2, 12, 0, 0);
	m->entries[1].value = word(3, 3, 0, 0);
	/* Zeros are shown here: a cell must hold something. */
	EXPECT("\n  node  slot | hits  miss\n"
	       "     1     7 |  120     4\n"
	       "    12     0 |    3     0\n");
	/* Too wide for the terminal. */
	EXPECT_WITH("\nentry: key=cell_key{node=1, slot=7}\n  value: cell_stat{hits=120, miss=4}\n",
		    .width = 20);

	/* One is no table. */
	m->nr_entries = 1;
	EXPECT("\nentry: key=cell_key{node=1, slot=7}\n  value: cell_stat{hits=120, miss=4}\n");
	/* Nor if one cannot be read. */
	m->nr_entries = 2;
	m->entries[1].value = NULL;
	EXPECT("\nentry: key=cell_key{node=12}\n  value: <unreadable>\n");
	end();

	/* A nested struct is no cell, a plain integer no row. */
	m = begin(MAP_BODY_ENTRIES, 0, SAMPLE_KEY, SAMPLE_TASK_CTX, 24, 2);
	for (size_t i = 0; i < 2; i++) {
		m->entries[i].key = word(2 * i, i, 0, 0);
		m->entries[i].value = word(2 * i + 1, i, 1, 2);
	}
	EXPECT("entry: key=cell_key{node=1}\n  value: task_ctx{nr=1, stat=cell_stat{hits=1, miss=2}}\n");
	m->value_type = SAMPLE_U64;
	EXPECT("entry: key=cell_key{node=1}\n  value: 1\n");
	end();
}

static void test_percpu_plain(void)
{
	struct map_row *m = begin(MAP_BODY_PERCPU_ARRAY, 3, SAMPLE_U32, SAMPLE_U64, 8, 1);

	/* No structs: a line each. */
	set_cpus(&m->entries[0], 2, (const uint64_t[][3]){ { 5 }, { 5 } });
	EXPECT("\nkey 0:\n  cpu 0: 5\n  cpu 1: 5\n  cpu 2: <unmapped>\n");
	m->entries[0].per_cpu = NULL;
	EXPECT("\nkey 0: <no per-CPU values>\n");
	end();
}

static void test_percpu_groups(void)
{
	struct map_row *m = begin(MAP_BODY_PERCPU_ARRAY, 5, SAMPLE_U32, SAMPLE_CPU_CTX, 24, 1);

	set_cpus(&m->entries[0], 5, (const uint64_t[][3]){ { 1 }, { 1 }, { 1 }, { 1 }, { 1 } });
	EXPECT("\nkey 0: struct cpu_ctx (5 CPUs)\n  all CPUs: cpu_ctx{nr_run=1}\n");
	set_cpus(&m->entries[0], 5, (const uint64_t[][3]){ { 1 }, { 2 }, { 1 }, { 3 }, { 3 } });
	EXPECT("\n  cpus [0, 2]: cpu_ctx{nr_run=1}\n  cpu 1: cpu_ctx{nr_run=2}\n"
	       "  cpus 3-4: cpu_ctx{nr_run=3}\n");
	set_cpus(&m->entries[0], 2, (const uint64_t[][3]){ { 1 }, { 2 } });
	EXPECT("\n  cpu 0: cpu_ctx{nr_run=1}\n  cpu 1: cpu_ctx{nr_run=2}\n"
	       "  cpus [2, 3, 4]: <unmapped>\n");
	/* One struct alone is no group. */
	set_cpus(&m->entries[0], 1, (const uint64_t[][3]){ { 1 } });
	EXPECT("\nkey 0:\n  cpu 0: cpu_ctx{nr_run=1}\n  cpu 1: <unmapped>\n");
	end();
}

static void test_percpu_columns(void)
{
	struct map_row *m = begin(MAP_BODY_PERCPU_ARRAY, 4, SAMPLE_U32, SAMPLE_CPU_CTX, 24, 1);

	set_cpus(&m->entries[0], 3,
		 (const uint64_t[][3]){ { 1, 20, 0 }, { 2, 20, 0 }, { 300, 20, 1 } });
	EXPECT("\nkey 0: struct cpu_ctx (4 CPUs)\n"
	       "  common:\n"
	       "    slice: 20\n"
	       "  per-cpu:\n"
	       "    cpu | nr_run |  idle\n"
	       "      0 |      1 | false\n"
	       "      1 |      2 | false\n"
	       "      2 |    300 |  true\n"
	       "  cpus [3]: <unmapped>\n");
	/* Two equal ones make groups of it. */
	set_cpus(&m->entries[0], 3, (const uint64_t[][3]){ { 1 }, { 2 }, { 1 } });
	EXPECT("\n  cpus [0, 2]: cpu_ctx{nr_run=1}\n  cpu 1: cpu_ctx{nr_run=2}\n");
	end();
}

static void test_percpu_many(void)
{
	struct map_row *m = begin(MAP_BODY_PERCPU_ARRAY, 65, SAMPLE_U32, SAMPLE_CPU_CTX, 24, 1);
	uint64_t v[65][3] = { { 0 } };

	for (size_t i = 0; i < 65; i++)
		v[i][0] = 7;
	set_cpus(&m->entries[0], 65, (const uint64_t(*)[3])v);
	EXPECT("\nkey 0: struct cpu_ctx (65 CPUs)\n  cpu 0: cpu_ctx{nr_run=7}\n");
	EXPECT("\n  cpu 64: cpu_ctx{nr_run=7}\n");
	end();
}

static void test_caps(void)
{
	report = sample_long_report();
	EXPECT("\n    63     0 | 3969   937\n\xe2\x80\xa6 236 more (-v shows all)\n");
	EXPECT("\nkey 63: 63\n\xe2\x80\xa6 136 more (-v shows all)\n");
	EXPECT_NOT("key 64:");
	EXPECT_WITH("\nkey 199: 199\n", .verbose = true);
	end();
}

static void test_silence(void)
{
	/* No rows is not the same as no problem. */
	report = sample_empty_report();
	EXPECT("scheduler  this kernel has no sched_ext\n");
	EXPECT("\ntasks:\n  not examined\n  unavailable: no task walker available\n");
	EXPECT("\n  not asked for: maps\n");
	EXPECT_NOT("\nmaps:");
	EXPECT("the deadline passed after 250.000 ms, 4 maps were not looked at");
	EXPECT_NOT("\x1b");
	end();

	report = sample_report();
	report->scx.has_sched = false;
	report->scx.enable_state = NULL;
	EXPECT("\nscheduler  unknown: scx walker partial");
	report->scx.enable_state = "disabled";
	EXPECT("\nscheduler  no sched_ext scheduler (disabled)\n");
	EXPECT("\n    321  victim ");
	end();
}

static void test_ages(void)
{
	report = sample_report();
	struct task_row *t = &report->tasks.data[0];

	report->cpus.rcu.requested = false; /* it has times of its own */
	EXPECT("24.000 s");
	/* What cannot be told is not made up. */
	report->kernel.hz = 0;
	EXPECT_NOT("24.000 s");
	report->kernel.hz = 250;
	/* Then what the run queue's clock says, of which the watchdog knows nothing. */
	t->runnable_at.v = report->scx.jiffies + 1;
	EXPECT_NOT("of the watchdog's timeout");
	EXPECT("ready to run for 23.000 s");
	t->x.waiting.has = false;
	EXPECT_NOT("ready to run");
	t->runnable_at.v = report->scx.jiffies - 777;
	EXPECT("3.108 s");
	t->scx_flags.v = 0x305; /* the stamp is an old one */
	EXPECT_NOT("3.108 s");
	t->scx_flags.v = 0x300; /* not queued */
	EXPECT_NOT("3.108 s");
	end();
}

static void test_full_disk(void)
{
	FILE *f = fopen("/dev/full", "w");

	report = sample_long_report();
	ASSERT_ERR(report_text(report, f, &(struct text_opts){ .verbose = true }), ERR_SYS,
		   "No space left");
	fclose(f);
	end();
}

/* Wherever a guest's text is shown, it is shown as text. */
static void test_hostile(void)
{
	struct report *r = sample_report();

	hostile_make(r);
	for (int verbose = 0; verbose < 2; verbose++) {
		char *text = NULL;
		size_t len, line = 1, bad = 0;
		FILE *f = open_memstream(&text, &len);

		ASSERT_OK(report_text(r, f, &(struct text_opts){ .verbose = verbose }));
		fclose(f);
		for (size_t at = 0, n; at < len; at += n) {
			uint32_t c;

			n = utf8_decode(text + at, len - at, &c);
			line += c == '\n';
			if (c != '\n' && (c == UTF8_INVALID || utf8_is_unsafe(c)) && bad++ < 20)
				printf("# line %zu: character 0x%x\n", line, c);
		}
		CU_ASSERT_EQUAL(bad, 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "\\x1b[2J"));
		if (bad && getenv("HOSTILE_TEXT"))
			fputs(text, stderr);
		free(text);
	}
	sample_destroy(r);
}

UNIT_MAIN("text-maps", { "entry tables", test_table }, { "per-CPU values without structs", test_percpu_plain },
	  { "per-CPU groups", test_percpu_groups }, { "per-CPU columns", test_percpu_columns },
	  { "many CPUs", test_percpu_many }, { "caps are told", test_caps },
	  { "silence is not health", test_silence }, { "how long a task waits", test_ages },
	  { "guest text does not act on a terminal", test_hostile },
	  { "a full disk is an error", test_full_disk })
