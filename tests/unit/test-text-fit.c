/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables that fit the terminal, in the order of trouble; sentences that do. */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/text-fit.h"

static struct text_opts opts;
static struct text text;

static void begin(unsigned int width, bool verbose)
{
	opts = (struct text_opts){ .width = width, .verbose = verbose };
	text = (struct text){ .opts = &opts };
}

static void expect(const char *want, unsigned int line)
{
	bool same = !strcmp(strbuf_str(&text.sb), want);

	if (!same)
		printf("# line %u: got\n%s\n# instead of\n%s\n", line, strbuf_str(&text.sb), want);
	CU_assertImplementation(same, line, want, __FILE__, "", CU_FALSE);
	CU_ASSERT_FALSE(text.sb.nomem);
	strbuf_deinit(&text.sb);
}
#define EXPECT(want) expect(want, __LINE__)

/* ---- tables: rows of texts, and how bad each is */

struct rows {
	const char *const (*cells)[4];
	const int *trouble;
};

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	strbuf_puts(sb, ((struct rows *)ctx)->cells[row][col]);
}

static int by_trouble(const void *ctx, size_t a, size_t b)
{
	const struct rows *rows = ctx;

	return rows->trouble[b] - rows->trouble[a];
}

static const struct fit_column columns[] = {
	{ .title = "CPU" },
	{ .title = "running", .left = true, .drop = 2 },
	{ .title = "for", .drop = 1 },
	{ .title = "", .left = true, .cut = 8 },
};

static void table(const char *const (*cells)[4], const int *trouble, size_t nr, size_t cap, const char *more)
{
	struct rows rows = { cells, trouble };

	text_fit_table(&text,
		       &(struct fit_table){ .columns = columns, .nr_columns = ARRAY_SIZE(columns), .nr_rows = nr,
					    .cap = cap, .cell = cell, .order = trouble ? by_trouble : NULL,
					    .ctx = &rows, .more = more },
		       "  ");
}

static const char *const cells[][4] = {
	{ "0", "swapper/0", "1.5 s", "" },
	{ "1", "hog", "-", "interrupts off, need_resched" },
	{ "10", "x", "100.25 s", "hangs" },
};
static const int trouble[] = { 1, 7, 1 };

static void test_order_and_cap(void)
{
	begin(0, false);
	table(cells, trouble, 3, 0, NULL);
	EXPECT("  CPU  running         for\n"
	       "    1  hog               -  interrupts off, need_resched\n"
	       "    0  swapper/0     1.5 s\n"
	       "   10  x          100.25 s  hangs\n");
	begin(0, false);
	table(cells, NULL, 3, 0, NULL);
	EXPECT("  CPU  running         for\n"
	       "    0  swapper/0     1.5 s\n"
	       "    1  hog               -  interrupts off, need_resched\n"
	       "   10  x          100.25 s  hangs\n");
	/* The cap takes the least troubled, whose cells then widen nothing. */
	begin(0, false);
	table(cells, trouble, 3, 2, " CPUs, less troubled");
	EXPECT("  CPU  running      for\n"
	       "    1  hog            -  interrupts off, need_resched\n"
	       "    0  swapper/0  1.5 s\n"
	       "  \u2026 1 more CPUs, less troubled (-v shows all)\n");
	begin(0, true);
	table(cells, trouble, 3, 2, " CPUs, less troubled");
	EXPECT("  CPU  running         for\n"
	       "    1  hog               -  interrupts off, need_resched\n"
	       "    0  swapper/0     1.5 s\n"
	       "   10  x          100.25 s  hangs\n");
}

static void test_fits(void)
{
	/* What may be cut gets what room there is. */
	begin(50, false);
	table(cells, trouble, 3, 0, NULL);
	EXPECT("  CPU  running         for\n"
	       "    1  hog               -  interrupts off, need_\u2026\n"
	       "    0  swapper/0     1.5 s\n"
	       "   10  x          100.25 s  hangs\n");
	/* Columns go before it has less than its 8, in their order. */
	begin(35, false);
	table(cells, trouble, 3, 0, NULL);
	EXPECT("  CPU  running\n"
	       "    1  hog        interrupts off, \u2026\n"
	       "    0  swapper/0\n"
	       "   10  x          hangs\n");
	begin(26, false);
	table(cells, trouble, 3, 0, NULL);
	EXPECT("  CPU  running\n"
	       "    1  hog        interru\u2026\n"
	       "    0  swapper/0\n"
	       "   10  x          hangs\n");
	begin(25, false);
	table(cells, trouble, 3, 0, NULL);
	EXPECT("  CPU\n"
	       "    1  interrupts off, n\u2026\n"
	       "    0\n"
	       "   10  hangs\n");
	/* Then it has less, but something. */
	begin(13, false);
	table(cells, trouble, 3, 0, NULL);
	EXPECT("  CPU\n"
	       "    1  inter\u2026\n"
	       "    0\n"
	       "   10  hangs\n");
	begin(3, false);
	table(cells, trouble, 3, 0, NULL);
	EXPECT("  CPU\n"
	       "    1  int\u2026\n"
	       "    0\n"
	       "   10  han\u2026\n");
	/* With -v nothing is left out. */
	begin(13, true);
	table(cells + 2, trouble, 1, 0, NULL);
	EXPECT("  CPU  running       for\n"
	       "   10  x        100.25 s  hangs\n");
}

static void test_cells(void)
{
	static const char *const none[][4] = { { "0", "a", "", "" } };
	static const char *const wide[][4] = {
		{ "1", "a", "", "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2" },
		{ "2", "b", "", "e\xcc\x81..........." },
	};

	/* No rows, and columns of nothing. */
	begin(0, false);
	table(none, NULL, 0, 0, "");
	EXPECT("  CPU  running  for\n");
	begin(0, false);
	table(none, NULL, 1, 0, "");
	EXPECT("  CPU  running  for\n"
	       "    0  a\n");
	/* Characters are cut, not bytes; one of two columns leaves one free. */
	begin(15, false);
	table(wide, NULL, 2, 0, "");
	EXPECT("  CPU\n"
	       "    1  \xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\u2026\n"
	       "    2  e\xcc\x81......\u2026\n");
}

/* Several columns that are cut share the room. */
static void test_two_cuts(void)
{
	static const struct fit_column names[] = {
		{ .title = "task", .left = true, .cut = 6 },
		{ .title = "n" },
		{ .title = "held by", .left = true, .cut = 6 },
	};
	static const char *const rows[][4] = { { "abcdefghijkl", "1", "mnopqrstuvwx", "" } };
	struct rows ctx = { rows, NULL };
	struct fit_table f = { .columns = names, .nr_columns = 3, .nr_rows = 1, .cell = cell, .ctx = &ctx };

	begin(24, false);
	text_fit_table(&text, &f, "  ");
	EXPECT("  task       n  held by\n"
	       "  abcdefgh\u2026  1  mnopqrs\u2026\n");
	begin(16, false);
	text_fit_table(&text, &f, "");
	EXPECT("task    n  held\u2026\n"
	       "abcde\u2026  1  mnop\u2026\n");
}

/* ---- sentences */

static void fold(unsigned int width, const char *s, size_t hang)
{
	begin(width, false);
	strbuf_puts(&text.sb, "kept as it is, however long\n");
	text_keep(&text);
	strbuf_puts(&text.sb, s);
	text_fold(&text, hang);
}

static void test_fold(void)
{
	fold(0, "  one two three four five six seven\n", 4);
	EXPECT("kept as it is, however long\n  one two three four five six seven\n");
	fold(13, "  one two three four five six seven\n", 4);
	EXPECT("kept as it is, however long\n"
	       "  one two\n"
	       "    three\n"
	       "    four five\n"
	       "    six seven\n");
	/* The last character may stand in the last column; each line counts for itself. */
	fold(10, "abcde fghi\nabcde fghij\n", 2);
	EXPECT("kept as it is, however long\nabcde fghi\nabcde\n  fghij\n");
	/* A number stays with its unit; a name that does not fit stays whole, also the first. */
	fold(12, "runs for 30 ms on\n", 2);
	EXPECT("kept as it is, however long\nruns for\n  30 ms on\n");
	fold(12, "seen: nr = 3, x = 5\n", 2);
	EXPECT("kept as it is, however long\nseen:\n  nr = 3,\n  x = 5\n");
	fold(12, "at 80   % or  more\n", 2);
	EXPECT("kept as it is, however long\nat 80   % or\n  more\n");
	fold(8, "  averylongname and\n", 4);
	EXPECT("kept as it is, however long\n  averylongname\n    and\n");
	/* Colours take no room; nothing is added where there is no newline at the end. */
	fold(9, "\033[31mred\033[0m and blue", 1);
	EXPECT("kept as it is, however long\n\033[31mred\033[0m and\n blue");
	fold(4, "", 1);
	EXPECT("kept as it is, however long\n");
	/* By itself it is two more than that of its line. */
	fold(10, "  aaaa bbbb cc\n    ddd eeeee\n", 0);
	EXPECT("kept as it is, however long\n  aaaa\n    bbbb\n    cc\n    ddd\n      eeeee\n");
	/* No indent that leaves no room. */
	fold(2, "a b c", 9);
	EXPECT("kept as it is, however long\na b c");
}

/* Neither tables nor values, nor what has been folded before. */
static void test_kept(void)
{
	begin(12, false);
	strbuf_puts(&text.sb, "12345678 1234 a table:\n");
	table(cells + 1, NULL, 2, 1, "");
	text_begin_values(&text);
	strbuf_puts(&text.sb, "all of this is a value\n");
	text_end_values(&text);
	strbuf_puts(&text.sb, "and this is none\n");
	text_fold(&text, 0);
	EXPECT("12345678\n  1234 a\n  table:\n"
	       "  CPU\n    1  inte\u2026\n  \u2026 1 more\n    (-v\n    shows\n    all)\n"
	       "all of this is a value\n"
	       "and this is\n  none\n");
}

UNIT_MAIN("text-fit", { "rows in order, up to a cap", test_order_and_cap },
	  { "columns go or are cut until the table fits", test_fits }, { "cells", test_cells },
	  { "two columns that are cut", test_two_cuts }, { "sentences are folded", test_fold },
	  { "and nothing else", test_kept })
