/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables whose columns are as wide as their widest cell.
 *
 *	struct table tab = { .columns = 2, .left = 1 << 1 };
 *	table_cell(&tab, "pid"); table_cell(&tab, "comm");
 *	table_cell(&tab, "%d", 7); escape_append(table_open(&tab), comm, n);
 *	table_write(&tab, &sb, "  ");
 *	table_deinit(&tab);
 */
#ifndef FDGDB_TEXT_TABLE_H
#define FDGDB_TEXT_TABLE_H

#include "base/vec.h"
#include "report/strbuf.h"

struct table {
	size_t columns;
	uint64_t left; /* bit per column: aligned to the left; columns from 64 on to the right */
	size_t bar;    /* " | " before this column; 0: none */
	bool all_bars; /* " | " between all columns */
	const size_t *limit; /* per column: what is wider is cut, 0: the column is left out; NULL: all in full */

	/* Private. */
	struct strbuf text;
	VEC(size_t) cells; /* where each starts */
};

void table_deinit(struct table *t);

/* Begins the next cell, row by row, and returns what its text is to be added to. */
struct strbuf *table_open(struct table *t);
void table_cell(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Columns that the widest cell of each column takes, to be freed; NULL without memory. */
size_t *table_widths(const struct table *t);

/* Columns that a row takes in full, without the indent. */
size_t table_width(const struct table *t);

/* Appends all rows, each after the indent and with a newline before the next; none at the end. */
void table_write(const struct table *t, struct strbuf *sb, const char *indent);

#endif
