/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables that leave out columns until they fit the terminal; with -v nothing is left out. */
#ifndef FDGDB_TEXT_FIT_H
#define FDGDB_TEXT_FIT_H

#include "report/text-parts.h"

struct fit_column {
	const char *title;
	bool left;
	unsigned int drop; /* 0: never; 1 goes first */
};

struct fit_table {
	const struct fit_column *columns;
	size_t nr_columns, nr_rows;
	/* Appends the text of a cell, guest text escaped. */
	void (*cell)(void *ctx, size_t row, size_t col, struct strbuf *sb);
	void *ctx;
};

/* Ends with a newline. */
void text_fit_table(struct text *t, const struct fit_table *f, const char *indent);

#endif
