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

/* Widths of all columns, to be freed. */
static size_t *widths(const struct table *t)
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
	if (!column)
		return "";
	return t->all_bars || column == t->bar ? " | " : "  ";
}

size_t table_width(const struct table *t)
{
	size_t *w = widths(t), total = 0;

	for (size_t col = 0; w && col < t->columns; col++)
		total += w[col] + strlen(separator(t, col));
	free(w);
	return total;
}

void table_write(const struct table *t, struct strbuf *sb, const char *indent)
{
	size_t *w = t->text.nomem ? NULL : widths(t);

	if (!w) {
		sb->nomem = true;
		return;
	}
	for (size_t i = 0; i < t->cells.nr; i++) {
		size_t col = i % t->columns, len = cell_len(t, i);
		size_t blanks = w[col] - utf8_width(cell_text(t, i), len);
		bool left = col < 64 && t->left >> col & 1;

		if (!col && i)
			strbuf_putc(sb, '\n');
		strbuf_puts(sb, col ? separator(t, col) : indent);
		if (!left)
			strbuf_fill(sb, ' ', blanks);
		strbuf_add(sb, cell_text(t, i), len);
		if (left)
			strbuf_fill(sb, ' ', blanks);
		/* No blanks at the end of a line. */
		while (col + 1 == t->columns && sb->len && sb->s[sb->len - 1] == ' ')
			strbuf_cut(sb, sb->len - 1);
	}
	free(w);
}
