/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/text-value.h"
#include "report/value-facts.h"

static bool is_printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

/* A text up to its first NUL; bytes after that may be stale, but must be text too. */
static bool write_chars(struct strbuf *sb, const struct value *v, unsigned int depth)
{
	_cleanup_free_ char *s = NULL;
	bool several_lines = false, ended = false;
	size_t len = 0;
	uint8_t c;

	if (v->arr.nr < 2 || !value_is_byte(v->arr.elements[0], &c) || !is_printable(c))
		return false;
	s = malloc(v->arr.nr + 1);
	if (!s) {
		sb->nomem = true;
		return true;
	}
	for (size_t i = 0; i < v->arr.nr; i++) {
		if (!value_is_byte(v->arr.elements[i], &c) || (c && c != '\n' && !is_printable(c)))
			return false;
		ended |= !c;
		if (ended)
			continue;
		s[len++] = (char)c;
		several_lines |= c == '\n';
	}
	s[len] = 0;

	if (!several_lines) {
		strbuf_putc(sb, '"');
		escape_append_quoted(sb, s, len);
		strbuf_putc(sb, '"');
		return true;
	}
	strbuf_putc(sb, '|');
	for (char *line = s; line;) {
		char *end = strchr(line, '\n');
		size_t n = end ? (size_t)(end - line) : strlen(line);

		if (n || end) {
			text_line(sb, depth + 1);
			escape_append(sb, line, n);
		}
		line = end ? end + 1 : NULL;
	}
	return true;
}

static void write_element(struct strbuf *sb, const struct value *v)
{
	if (v->kind == VALUE_UINT && v->bits >= 32)
		strbuf_printf(sb, "0x%" PRIx64, v->u);
	else
		text_scalar(sb, v);
}

/*
 * A list item that was just added at `start`: moved to a line of its own if it went past the width.  `sep` is
 * what stands between items; the blanks at its end do not go to the old line.
 */
static void wrap(struct strbuf *sb, size_t start, const char *sep, unsigned int depth, size_t width)
{
	size_t sep_len = strlen(sep), len = sb->len - start;
	_cleanup_free_ char *item = NULL;

	if (sb->nomem || text_column(sb) <= width || len >= width)
		return;
	item = malloc(len + 1);
	if (!item) {
		sb->nomem = true;
		return;
	}
	memcpy(item, sb->s + start, len);
	strbuf_cut(sb, start - sep_len);
	while (*sep && *sep != ' ')
		strbuf_putc(sb, *sep++);
	text_line(sb, depth + 1);
	strbuf_add(sb, item, len);
}

static void write_dense(struct strbuf *sb, struct value *const *elements, size_t nr, unsigned int depth,
			size_t width)
{
	for (size_t i = 0; i < nr; i++) {
		if (i)
			strbuf_puts(sb, ", ");
		size_t start = sb->len;
		write_element(sb, elements[i]);
		if (i)
			wrap(sb, start, ", ", depth, width);
	}
}

/* Runs of what is not zero: [[1..2]={5, 6}  [4]=-1] */
static void write_sparse(struct strbuf *sb, const struct value *v, unsigned int depth, size_t width)
{
	bool first = true;

	strbuf_putc(sb, '[');
	for (size_t i = 0; i < v->arr.nr; i++) {
		size_t end = i;

		while (end < v->arr.nr && !value_is_zero(v->arr.elements[end]))
			end++;
		if (end == i)
			continue;
		if (!first)
			strbuf_puts(sb, "  ");
		size_t start = sb->len;
		if (end - i == 1) {
			strbuf_printf(sb, "[%zu]=", i);
			write_element(sb, v->arr.elements[i]);
		} else {
			strbuf_printf(sb, "[%zu..%zu]={", i, end - 1);
			if (!first)
				wrap(sb, start, "  ", depth, width);
			start = sb->len;
			write_dense(sb, v->arr.elements + i, end - i, depth, width);
			strbuf_putc(sb, '}');
		}
		if (!first && end - i == 1)
			wrap(sb, start, "  ", depth, width);
		first = false;
		i = end;
	}
	strbuf_putc(sb, ']');
}

/* ---- structs and other compounds */

enum { MERGE_MIN = 3, MERGE_VARYING = 3 };

static bool is_one_line(const struct value *v)
{
	struct strbuf sb = { 0 };
	bool ok = value_is_scalar(v) ||
		  (v->kind == VALUE_STRUCT && text_struct_inline(&sb, v, 40));

	strbuf_deinit(&sb);
	return ok;
}

/*
 * Elements from `first` on that are structs of one shape and differ in a few members with one-line forms: their
 * number, with varies[] saying which members.
 */
static size_t similar(const struct value *v, size_t first, bool *varies)
{
	const struct value *a = v->arr.elements[first];
	size_t nr_varying = 0, i;

	for (i = first + 1; i < v->arr.nr; i++) {
		const struct value *b = v->arr.elements[i];
		size_t added[MERGE_VARYING], nr_added = 0;

		if (value_is_zero(b) || !value_same_shape(a, b))
			break;
		bool fits = true;
		for (size_t m = 0; m < a->st.nr && fits; m++) {
			if (varies[m]) {
				fits = is_one_line(b->st.members[m].value);
			} else if (!value_equal(a->st.members[m].value, b->st.members[m].value)) {
				fits = nr_varying + nr_added < MERGE_VARYING &&
				       is_one_line(a->st.members[m].value) &&
				       is_one_line(b->st.members[m].value);
				if (fits)
					added[nr_added++] = m;
			}
		}
		if (!fits)
			break;
		for (size_t k = 0; k < nr_added; k++)
			varies[added[k]] = true;
		nr_varying += nr_added;
	}
	return i - first;
}

/* [i-j] Type: the common members once, then for each varying one its values. */
static void write_merged(struct strbuf *sb, const struct value *v, size_t first, size_t nr,
			 const bool *varies, unsigned int depth, const struct text_style *style)
{
	const struct value *a = v->arr.elements[first];
	_cleanup_free_ struct value_member *common = calloc(a->st.nr + 1, sizeof(*common));
	size_t nr_common = 0;

	if (!common) {
		sb->nomem = true;
		return;
	}
	for (size_t m = 0; m < a->st.nr; m++) {
		if (!varies[m] && text_member_visible(a, &a->st.members[m]))
			common[nr_common++] = a->st.members[m];
	}
	strbuf_printf(sb, "[%zu-%zu] ", first, first + nr - 1);
	if (a->st.type_name)
		escape_append(sb, a->st.type_name, strlen(a->st.type_name));
	else
		strbuf_puts(sb, "struct");
	strbuf_putc(sb, ':');
	text_members(sb, common, nr_common, depth + 1, style);

	for (size_t m = 0; m < a->st.nr; m++) {
		if (!varies[m])
			continue;
		text_line(sb, depth + 1);
		text_name(sb, a->st.members[m].name);
		strbuf_putc(sb, ':');
		for (size_t i = first; i < first + nr; i++) {
			const struct value *x = v->arr.elements[i]->st.members[m].value;

			strbuf_putc(sb, ' ');
			size_t start = sb->len;
			strbuf_printf(sb, "[%zu]=", i);
			if (value_is_scalar(x))
				text_scalar(sb, x);
			else
				text_struct_inline(sb, x, 40);
			wrap(sb, start, " ", depth + 1, text_style_width(style));
		}
	}
}

/* One item of a list of compounds; returns how many elements it covers. */
static size_t write_compound(struct strbuf *sb, const struct value *v, size_t i, unsigned int depth,
			     const struct text_style *style)
{
	const struct value *a = v->arr.elements[i];
	size_t equal = 1;

	while (i + equal < v->arr.nr && value_equal(a, v->arr.elements[i + equal]))
		equal++;
	if (equal == 1 && a->kind == VALUE_STRUCT && a->st.nr) {
		_cleanup_free_ bool *varies = calloc(a->st.nr, sizeof(*varies));
		size_t nr = varies ? similar(v, i, varies) : 1;

		if (nr >= MERGE_MIN) {
			write_merged(sb, v, i, nr, varies, depth, style);
			return nr;
		}
	}
	if (equal == 1)
		strbuf_printf(sb, "[%zu] ", i);
	else
		strbuf_printf(sb, "[%zu-%zu] ", i, i + equal - 1);
	text_value(sb, a, depth, style);
	return equal;
}

static void write_compounds(struct strbuf *sb, const struct value *v, unsigned int depth,
			    const struct text_style *style)
{
	strbuf_putc(sb, '[');
	for (size_t i = 0; i < v->arr.nr;) {
		if (value_is_zero(v->arr.elements[i])) {
			i++;
			continue;
		}
		text_line(sb, depth + 1);
		i += write_compound(sb, v, i, depth + 1, style);
	}
	text_line(sb, depth);
	strbuf_putc(sb, ']');
}

static void write_list(struct strbuf *sb, const struct value *v, unsigned int depth,
		       const struct text_style *style)
{
	size_t zeros = 0, scalars = 0;

	for (size_t i = 0; i < v->arr.nr; i++) {
		zeros += value_is_zero(v->arr.elements[i]);
		scalars += value_is_scalar(v->arr.elements[i]);
	}
	if (zeros == v->arr.nr) {
		strbuf_printf(sb, "[all %zu zero]", v->arr.nr);
	} else if (scalars != v->arr.nr) {
		write_compounds(sb, v, depth, style);
	} else if (zeros) {
		write_sparse(sb, v, depth, text_style_width(style));
	} else {
		strbuf_putc(sb, '[');
		write_dense(sb, v->arr.elements, v->arr.nr, depth, text_style_width(style));
		strbuf_putc(sb, ']');
	}
}

void text_array(struct strbuf *sb, const struct value *v, unsigned int depth,
		const struct text_style *style)
{
	if (!v->arr.nr)
		strbuf_puts(sb, "[]");
	else if (!write_chars(sb, v, depth))
		write_list(sb, v, depth, style);
	if (v->arr.nr < v->arr.len)
		strbuf_printf(sb, " /* %zu of %" PRIu64 " shown */", v->arr.nr, v->arr.len);
}
