/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a table of the text report looks: aligned, the rows in trouble first and no more of them than a cap, no wider
 * than the terminal. Columns that may go are left out first, then those that may be cut are. With -v nothing is left
 * out, cut or capped.
 *
 *	static const struct fit_column columns[] = {
 *		{ .title = "CPU" },
 *		{ .title = "running", .left = true },
 *		{ .title = "last ran", .drop = 1 },
 *		{ .title = "", .left = true, .cut = 28 },
 *	};
 *	text_fit_table(t, &(struct fit_table){ .columns = columns, .nr_columns = ARRAY_SIZE(columns),
 *					       .nr_rows = nr, .cap = 32, .cell = cell, .order = by_trouble,
 *					       .ctx = &ctx, .more = " CPUs, where nobody waits longer" }, "  ");
 */
#ifndef FDGDB_TEXT_FIT_H
#define FDGDB_TEXT_FIT_H

#include "report/text-parts.h"

struct fit_column {
	const char *title;
	bool left;	   /* aligned to the left */
	unsigned int drop; /* 0: never left out; 1 goes first */
	/*
	 * 0: never cut. Otherwise columns are left out until this one has so much room; then it gets what room there
	 * is, more or less. A column of names or notes.
	 */
	size_t cut;
	bool verbose; /* with -v only */
};

/* A column in which no row has anything, title included, is left out, with -v too. */
struct fit_table {
	const struct fit_column *columns;
	size_t nr_columns, nr_rows;
	size_t cap; /* rows shown without -v; 0: all */
	/* Appends the text of a cell, guest text escaped. */
	void (*cell)(void *ctx, size_t row, size_t col, struct strbuf *sb);
	/* Negative if row a comes before row b; of equal ones the one with the lower number does. NULL: by number. */
	int (*order)(const void *ctx, size_t a, size_t b);
	void *ctx;
	const char *more; /* what the rows beyond the cap are, after "... 7 more"; NULL: nothing is said of them */
};

/* Ends with a newline. */
void text_fit_table(struct text *t, const struct fit_table *f, const char *indent);

#endif
