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

	if (rows) {
		fill(&tab, f, rows, shown);
		limit = table_widths(&tab);
	}
	if (limit && width) {
		size_t *widths = table_widths(&tab);

		if (widths)
			fit(f, widths, limit, width > margin ? width - margin : 1);
		t->sb.nomem |= !widths;
		free(widths);
	}
	tab.limit = limit;
	if (limit)
		table_write(&tab, &t->sb, indent);
	else
		t->sb.nomem = true;
	strbuf_putc(&t->sb, '\n');
	if (shown < f->nr_rows && f->more)
		strbuf_printf(&t->sb, "%s\u2026 %zu more%s (-v shows all)\n", indent, f->nr_rows - shown, f->more);
	table_deinit(&tab);
	free(limit);
	free(rows);
}

/* ---- sentences */

/* Bytes of an escape sequence that sets a colour; 0: there is none at s. */
static size_t colour_len(const char *s, size_t n)
{
	size_t len = 2;

	if (n < 3 || s[0] != '\033')
		return 0;
	while (len < n && s[len] != 'm')
		len++;
	return len < n ? len + 1 : 0;
}

/* "30 s", "5 ms" */
static bool splits_unit(const char *line, size_t at, size_t len)
{
	size_t word = 0;

	while (at + 1 + word < len && line[at + 1 + word] >= 'a' && line[at + 1 + word] <= 'z')
		word++;
	return at && line[at - 1] >= '0' && line[at - 1] <= '9' && word && word <= 2;
}

/* The blank at which this line is to be broken; 0: it fits, or has none. */
static size_t break_point(const char *line, size_t len, size_t width, size_t hang)
{
	size_t column = 0, best = 0, start = 0;

	while (start < len && line[start] == ' ')
		start++;
	for (size_t i = 0; i < len;) {
		size_t skip = colour_len(line + i, len - i);
		uint32_t c;

		if (skip) {
			i += skip;
			continue;
		}
		if (column > width && best)
			return best;
		/* Not in the indent, and no line that is all indent. */
		if (line[i] == ' ' && i > start && column > hang && !splits_unit(line, i, len) &&
		    (column <= width || !best))
			best = i;
		skip = utf8_decode(line + i, len - i, &c);
		column += utf8_width(line + i, skip);
		i += skip;
	}
	return column > width ? best : 0;
}

void text_fold(struct text *t, size_t begin, size_t hang)
{
	struct strbuf *sb = &t->sb;
	char *rest;
	size_t len;

	if (!t->opts->width || sb->nomem || begin >= sb->len)
		return;
	len = sb->len - begin;
	rest = malloc(len);
	if (!rest) {
		sb->nomem = true;
		return;
	}
	memcpy(rest, sb->s + begin, len);
	strbuf_cut(sb, begin);
	for (size_t at = 0, indent = 0; at < len;) {
		const char *newline = memchr(rest + at, '\n', len - at);
		size_t line = newline ? (size_t)(newline - rest) - at : len - at;
		size_t width = t->opts->width - MIN((size_t)t->opts->width - 1, indent);
		size_t cut = break_point(rest + at, line, width, hang - MIN(hang, indent));

		strbuf_add(sb, rest + at, cut ? cut : line);
		at += cut ? cut + 1 : line;
		indent = 0;
		if (cut) {
			strbuf_putc(sb, '\n');
			strbuf_fill(sb, ' ', hang);
			indent = hang;
		} else if (newline) {
			strbuf_putc(sb, '\n');
			at++;
		}
	}
	free(rest);
}
