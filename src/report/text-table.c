/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/text-table.h"

#include <stdio.h>

#include "report/utf8.h"

void table_deinit(struct table *t)
{
	strbuf_deinit(&t->text);
	free(t->cells.data);
	*t = (struct table){ 0 };
}

struct strbuf *table_open(struct table *t)
{
	size_t *at = vec_push(&t->cells);

	if (at)
		*at = t->text.len;
	else
		t->text.nomem = true;
	return &t->text;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char buf[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	strbuf_puts(table_open(t), buf);
}

static size_t cell_len(const struct table *t, size_t i)
{
	size_t end = i + 1 < t->cells.nr ? t->cells.data[i + 1] : t->text.len;

	return end - t->cells.data[i];
}

static const char *cell_text(const struct table *t, size_t i)
{
	return strbuf_str(&t->text) + t->cells.data[i];
}

size_t *table_widths(const struct table *t)
{
	size_t *w = calloc(t->columns + 1, sizeof(*w));

	for (size_t i = 0; w && i < t->cells.nr; i++) {
		size_t width = utf8_width(cell_text(t, i), cell_len(t, i));

		w[i % t->columns] = MAX(w[i % t->columns], width);
	}
	return w;
}

static const char *separator(const struct table *t, size_t column)
{
	return t->all_bars || (t->bar && column == t->bar) ? " | " : "  ";
}

size_t table_width(const struct table *t)
{
	size_t *w = table_widths(t), total = 0;

	for (size_t col = 0; w && col < t->columns; col++)
		total += w[col] + (col ? strlen(separator(t, col)) : 0);
	free(w);
	return total;
}

/* Adds a cell of at most `room` columns and returns how many it takes. */
static size_t add_cell(const struct table *t, struct strbuf *sb, size_t i, size_t room)
{
	size_t len = cell_len(t, i), width = utf8_width(cell_text(t, i), len), fits;

	if (width <= room) {
		strbuf_add(sb, cell_text(t, i), len);
		return width;
	}
	fits = utf8_fit(cell_text(t, i), len, room - 1);
	strbuf_add(sb, cell_text(t, i), fits);
	strbuf_puts(sb, "\u2026");
	return utf8_width(cell_text(t, i), fits) + 1;
}

static void write_row(const struct table *t, const size_t *w, size_t row, struct strbuf *sb, const char *indent)
{
	bool first = true;

	for (size_t col = 0; col < t->columns; col++) {
		size_t i = row * t->columns + col, width = t->limit ? MIN(w[col], t->limit[col]) : w[col];
		bool left = col < 64 && t->left >> col & 1;

		if (t->limit && !t->limit[col])
			continue;
		strbuf_puts(sb, first ? indent : separator(t, col));
		first = false;
		if (!left)
			strbuf_fill(sb, ' ', width - MIN(width, utf8_width(cell_text(t, i), cell_len(t, i))));
		size_t used = add_cell(t, sb, i, width);
		if (left)
			strbuf_fill(sb, ' ', width - used);
	}
	/* No blanks at the end of a line. */
	while (sb->len && sb->s[sb->len - 1] == ' ')
		strbuf_cut(sb, sb->len - 1);
}

void table_write(const struct table *t, struct strbuf *sb, const char *indent)
{
	size_t *w = t->text.nomem ? NULL : table_widths(t);

	if (!w) {
		sb->nomem = true;
		return;
	}
	for (size_t row = 0; row * t->columns < t->cells.nr; row++) {
		if (row)
			strbuf_putc(sb, '\n');
		write_row(t, w, row, sb, indent);
	}
	free(w);
}
