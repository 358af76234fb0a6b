/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/text-value.h"
#include "report/utf8.h"
#include "report/value-facts.h"

static bool is_char_array(const struct value *v)
{
	uint8_t c;

	return v->kind == VALUE_ARRAY && v->arr.nr && value_is_byte(v->arr.elements[0], &c);
}

/* Format strings of bpf_printk() are of no use to a reader of values. */
static bool is_format(const struct value *st, const struct value_member *m)
{
	return st->st.type_name && !strcmp(st->st.type_name, ".rodata") && strstr(m->name, "___fmt") &&
	       is_char_array(m->value);
}

bool text_member_visible(const struct value *st, const struct value_member *m)
{
	return !value_is_zero(m->value) && !is_format(st, m);
}

static bool is_anonymous(const struct value_member *m)
{
	return !*m->name && m->value->kind == VALUE_STRUCT;
}

/* Whether a named sibling shows this scalar, itself or one level inside. */
static bool shown_by_sibling(const struct value *st, const struct value *scalar)
{
	for (size_t i = 0; i < st->st.nr; i++) {
		const struct value_member *m = &st->st.members[i];

		if (is_anonymous(m))
			continue;
		if (value_equal(m->value, scalar))
			return true;
		for (size_t k = 0; m->value->kind == VALUE_STRUCT && k < m->value->st.nr; k++) {
			if (value_equal(m->value->st.members[k].value, scalar))
				return true;
		}
	}
	return false;
}

/* An unnamed union arm that says nothing new: each of its scalars stands among its named siblings. */
static bool is_repetition(const struct value *st, const struct value *arm)
{
	enum { WORTH_IT = 1024 }; /* the search is quadratic, its sizes are the guest's */
	size_t scalars = 0;

	if (arm->st.nr > WORTH_IT || st->st.nr > WORTH_IT)
		return false;
	for (size_t i = 0; i < arm->st.nr; i++) {
		const struct value *v = arm->st.members[i].value;

		if (value_is_zero(v))
			continue;
		if (!value_is_scalar(v) || !shown_by_sibling(st, v))
			return false;
		scalars++;
	}
	return scalars > 0;
}

/* How many members the struct shows, with those of unnamed structs in their place. */
static size_t collect(const struct value *st, struct value_member *out, size_t nr, unsigned int levels)
{
	for (size_t i = 0; i < st->st.nr; i++) {
		const struct value_member *m = &st->st.members[i];

		if (!text_member_visible(st, m))
			continue;
		if (is_anonymous(m) && levels) {
			if (!is_repetition(st, m->value))
				nr = collect(m->value, out, nr, levels - 1);
			continue;
		}
		if (out)
			out[nr] = *m;
		nr++;
	}
	return nr;
}

/* The visible members, to be freed; NULL with *ret_nr 0 if there are none or no memory. */
static struct value_member *visible(struct strbuf *sb, const struct value *v, size_t *ret_nr)
{
	size_t nr = collect(v, NULL, 0, VALUE_MAX_DEPTH);
	struct value_member *members = nr ? calloc(nr, sizeof(*members)) : NULL;

	*ret_nr = members ? nr : 0;
	if (members)
		collect(v, members, 0, VALUE_MAX_DEPTH);
	else if (nr)
		sb->nomem = true;
	return members;
}

static bool write_inline(struct strbuf *sb, const struct value *v, size_t start, size_t max)
{
	_cleanup_free_ struct value_member *members = NULL;
	size_t nr;

	members = visible(sb, v, &nr);
	if (v->st.type_name)
		escape_append(sb, v->st.type_name, strlen(v->st.type_name));
	strbuf_putc(sb, '{');
	for (size_t i = 0; i < nr; i++) {
		if (i)
			strbuf_puts(sb, ", ");
		text_name(sb, members[i].name);
		strbuf_putc(sb, '=');
		if (value_is_scalar(members[i].value))
			text_scalar(sb, members[i].value);
		else if (members[i].value->kind != VALUE_STRUCT ||
			 !write_inline(sb, members[i].value, start, max))
			return false;
		if (sb->len - start > 4 * max) /* four bytes to a column at most */
			return false;
	}
	strbuf_putc(sb, '}');
	return utf8_width(strbuf_str(sb) + start, sb->len - start) <= max;
}

bool text_struct_inline(struct strbuf *sb, const struct value *v, size_t max)
{
	size_t start = sb->len;

	if (write_inline(sb, v, start, max))
		return true;
	strbuf_cut(sb, MIN(start, sb->len));
	return false;
}

void text_struct(struct strbuf *sb, const struct value *v, unsigned int depth,
		 const struct text_style *style)
{
	_cleanup_free_ struct value_member *members = NULL;
	size_t nr, max = text_style_width(style), at = style->width ? text_column(sb) : 0;

	/* What would not fit on a terminal's line is better read in the long form. */
	if (text_struct_inline(sb, v, at + 40 < max ? max - at : 40))
		return;
	members = visible(sb, v, &nr);
	if (v->st.type_name)
		escape_append(sb, v->st.type_name, strlen(v->st.type_name));
	else
		strbuf_puts(sb, "struct");
	strbuf_putc(sb, ':');
	text_members(sb, members, nr, depth + 1, style);
}

/* ---- rows of scalars */

struct cell {
	size_t name, value; /* where they start in the text */
	size_t name_width, value_width;
};

enum { COLUMNS = 3, GAP = 3 };

struct rows {
	struct strbuf text; /* name, value, name, value ... */
	struct cell *cells;
	size_t nr, columns;
	size_t name_width[COLUMNS], width[COLUMNS];
	bool aligned[COLUMNS]; /* "name   = value" */
};

static void make_cells(struct rows *r, const struct value_member *members, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct cell *c = &r->cells[r->nr];

		if (!value_is_scalar(members[i].value))
			continue;
		c->name = r->text.len;
		text_name(&r->text, members[i].name);
		c->value = r->text.len;
		text_scalar(&r->text, members[i].value);
		if (r->text.nomem)
			return;
		c->name_width = utf8_width(r->text.s + c->name, c->value - c->name);
		c->value_width = utf8_width(r->text.s + c->value, r->text.len - c->value);
		r->nr++;
	}
}

/* Widths for this number of columns; returns that of a whole row. */
static size_t measure(struct rows *r, size_t columns)
{
	size_t total = 0, nr_rows = (r->nr + columns - 1) / columns;

	r->columns = columns;
	for (size_t col = 0; col < columns; col++) {
		size_t shortest = SIZE_MAX, longest = 0, value = 0, plain = 0;

		for (size_t i = col; i < r->nr; i += columns) {
			const struct cell *c = &r->cells[i];

			shortest = MIN(shortest, c->name_width);
			longest = MAX(longest, c->name_width);
			value = MAX(value, c->value_width);
			plain = MAX(plain, c->name_width + 1 + c->value_width);
		}
		r->aligned[col] = nr_rows >= 3 && longest >= 4 && longest - 4 >= shortest;
		r->name_width[col] = longest;
		r->width[col] = r->aligned[col] ? longest + 3 + value : plain;
		total += r->width[col] + (col ? GAP : 0);
	}
	return total;
}

static void write_cell(struct strbuf *sb, const struct rows *r, size_t i)
{
	const struct cell *c = &r->cells[i];
	size_t col = i % r->columns, end = i + 1 < r->nr ? r->cells[i + 1].name : r->text.len;
	size_t width = c->name_width + 1 + c->value_width;

	strbuf_add(sb, r->text.s + c->name, c->value - c->name);
	if (r->aligned[col]) {
		strbuf_fill(sb, ' ', r->name_width[col] - c->name_width);
		strbuf_puts(sb, " = ");
		width = r->name_width[col] + 3 + c->value_width;
	} else {
		strbuf_putc(sb, '=');
	}
	strbuf_add(sb, r->text.s + c->value, end - c->value);
	if (col + 1 < r->columns && i + 1 < r->nr)
		strbuf_fill(sb, ' ', r->width[col] - width + GAP);
}

void text_members(struct strbuf *sb, const struct value_member *members, size_t nr, unsigned int depth,
		  const struct text_style *style)
{
	struct rows r = { .cells = calloc(nr + 1, sizeof(*r.cells)) };

	if (r.cells)
		make_cells(&r, members, nr);
	if (!r.cells || r.text.nomem) {
		sb->nomem = true;
		r.nr = 0;
	}
	for (size_t columns = COLUMNS; columns; columns--) {
		if (measure(&r, columns) + 2 * (size_t)depth <= style->width || !style->width)
			break;
	}
	for (size_t i = 0; i < r.nr; i++) {
		if (i % r.columns == 0)
			text_line(sb, depth);
		write_cell(sb, &r, i);
	}
	free(r.cells);
	strbuf_deinit(&r.text);

	for (size_t i = 0; i < nr; i++) {
		if (value_is_scalar(members[i].value))
			continue;
		text_line(sb, depth);
		text_name(sb, members[i].name);
		strbuf_putc(sb, ' ');
		text_value(sb, members[i].value, depth, style);
	}
}
