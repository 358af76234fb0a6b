/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/text-fit.h"

#include <stdlib.h>

#include "report/utf8.h"

enum {
	GAP = 2,     /* between columns */
	MIN_CUT = 4, /* less than this of a cell tells nothing */
};

/* ---- which rows */

static int by_order(const void *a, const void *b, void *arg)
{
	const struct fit_table *f = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = f->order ? f->order(f->ctx, x, y) : 0;

	return order ? order : x < y ? -1 : x > y;
}

/* The numbers of all rows in the order in which they are shown, to be freed. */
static size_t *sorted(const struct fit_table *f)
{
	size_t *rows = calloc(f->nr_rows + 1, sizeof(*rows));

	for (size_t i = 0; rows && i < f->nr_rows; i++)
		rows[i] = i;
	if (rows && f->order)
		qsort_r(rows, f->nr_rows, sizeof(*rows), by_order, (void *)f);
	return rows;
}

static void fill(struct table *tab, const struct fit_table *f, const size_t *rows, size_t nr)
{
	*tab = (struct table){ .columns = f->nr_columns };
	for (size_t col = 0; col < f->nr_columns; col++) {
		tab->left |= (uint64_t)f->columns[col].left << col;
		strbuf_puts(table_open(tab), f->columns[col].title);
	}
	for (size_t i = 0; i < nr; i++) {
		for (size_t col = 0; col < f->nr_columns; col++)
			f->cell(f->ctx, rows[i], col, table_open(tab));
	}
}

/* ---- how wide */

static size_t total(const size_t *w, size_t nr)
{
	size_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += w[i] ? w[i] + (sum ? GAP : 0) : 0;
	return sum;
}

/* The widths with these columns left out, and no cell wider than what it may be cut to. */
static void shorten(const struct fit_table *f, const size_t *widths, unsigned int dropped, size_t *w)
{
	for (size_t i = 0; i < f->nr_columns; i++) {
		const struct fit_column *c = &f->columns[i];

		w[i] = c->cut ? MIN(widths[i], c->cut) : widths[i];
		if (c->drop && c->drop <= dropped)
			w[i] = 0;
	}
}

/* Takes from the last columns what is too much. */
static void shrink(const struct fit_table *f, size_t *w, size_t width)
{
	for (size_t i = f->nr_columns; i-- > 0 && total(w, f->nr_columns) > width;) {
		size_t excess = total(w, f->nr_columns) - width;

		if (!f->columns[i].cut || w[i] <= MIN_CUT)
			continue;
		w[i] -= MIN(excess, w[i] - MIN_CUT);
	}
}

/* Gives the columns that are cut what room is left, one after the other a little. */
static void stretch(const struct fit_table *f, const size_t *widths, size_t *w, size_t width)
{
	size_t room = width - total(w, f->nr_columns);
	bool any = true;

	while (room && any) {
		any = false;
		for (size_t i = 0; i < f->nr_columns && room; i++) {
			if (!w[i] || w[i] == widths[i])
				continue;
			w[i]++;
			room--;
			any = true;
		}
	}
}

/* Only without -v. */
static void leave_out_verbose(const struct fit_table *f, size_t *widths)
{
	for (size_t i = 0; i < f->nr_columns; i++)
		widths[i] = f->columns[i].verbose ? 0 : widths[i];
}

static void fit(const struct fit_table *f, const size_t *widths, size_t *w, size_t width)
{
	unsigned int last = 0, dropped = 0;

	for (size_t i = 0; i < f->nr_columns; i++)
		last = MAX(last, f->columns[i].drop);
	shorten(f, widths, dropped, w);
	while (total(w, f->nr_columns) > width && dropped < last)
		shorten(f, widths, ++dropped, w);
	if (total(w, f->nr_columns) > width)
		shrink(f, w, width);
	else
		stretch(f, widths, w, width);
}

void text_fit_table(struct text *t, const struct fit_table *f, const char *indent)
{
	size_t width = t->opts->verbose ? 0 : t->opts->width, margin = strlen(indent);
	size_t shown = f->cap ? text_shown(t, f->nr_rows, f->cap) : f->nr_rows;
	size_t *rows = sorted(f), *limit = NULL;
	struct table tab = { 0 };

	text_fold(t, 0);
	if (rows) {
		fill(&tab, f, rows, shown);
		limit = table_widths(&tab);
	}
	if (limit && !t->opts->verbose)
		leave_out_verbose(f, limit);
	if (limit && width) {
		size_t *widths = table_widths(&tab);

		if (widths) {
			leave_out_verbose(f, widths);
			fit(f, widths, limit, width > margin ? width - margin : 1);
		}
		t->sb.nomem |= !widths;
		free(widths);
	}
	tab.limit = limit;
	if (limit)
		table_write(&tab, &t->sb, indent);
	else
		t->sb.nomem = true;
	strbuf_putc(&t->sb, '\n');
	text_keep(t);
	if (shown < f->nr_rows && f->more)
		strbuf_printf(&t->sb, "%s\u2026 %zu more%s (-v shows all)\n", indent, f->nr_rows - shown, f->more);
	table_deinit(&tab);
	free(limit);
	free(rows);
}
