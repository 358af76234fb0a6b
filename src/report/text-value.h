/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as text for eyes: what is zero is left out, small structs stand on one line, equal neighbours in
 * arrays are shown once.  Nothing marks what was left out as zero; the JSON is complete.
 */
#ifndef FDGDB_TEXT_VALUE_H
#define FDGDB_TEXT_VALUE_H

#include "btf/value.h"
#include "report/strbuf.h"

struct text_style {
	size_t width; /* columns that inline forms and lists may take; 0 stands for 120 */
	bool verbose; /* show long byte strings in full */
};

static inline size_t text_style_width(const struct text_style *style)
{
	return style->width ? style->width : 120;
}

/*
 * Appends the value where the cursor stands, without a newline at its end; further lines are indented by
 * two blanks per depth.
 */
void text_value(struct strbuf *sb, const struct value *v, unsigned int depth,
		const struct text_style *style);

/* ---- for the files that share the work */

void text_struct(struct strbuf *sb, const struct value *v, unsigned int depth,
		 const struct text_style *style);

/* The lines of a struct's long form that come after "Type:", for these members only. */
void text_members(struct strbuf *sb, const struct value_member *members, size_t nr, unsigned int depth,
		  const struct text_style *style);

/* "Type{a=1, b=2}" if it fits into max columns; false, and nothing added, if it has no such form. */
bool text_struct_inline(struct strbuf *sb, const struct value *v, size_t max);

void text_array(struct strbuf *sb, const struct value *v, unsigned int depth,
		const struct text_style *style);

/* value_is_scalar(v) */
void text_scalar(struct strbuf *sb, const struct value *v);

/* Whether a struct's member is shown at all. */
bool text_member_visible(const struct value *st, const struct value_member *m);

/* A newline and the indent of this depth. */
void text_line(struct strbuf *sb, unsigned int depth);

/* Columns since the last newline, taking each byte for one. */
size_t text_column(const struct strbuf *sb);

/* Guest text of any length; "<anon>" for "". */
void text_name(struct strbuf *sb, const char *name);

#endif
