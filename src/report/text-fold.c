/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sentences that are folded where the terminal ends. */
#include "config.h"

#include <stdlib.h>

#include "report/text-parts.h"
#include "report/utf8.h"

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

/* "30 s", "5 ms", "80 %", "nr = 3" */
static bool belongs_together(const char *line, size_t at, size_t len)
{
	size_t word = 0;
	char before = at ? line[at - 1] : 0, after = at + 1 < len ? line[at + 1] : 0;

	while (at + 1 + word < len && line[at + 1 + word] >= 'a' && line[at + 1 + word] <= 'z')
		word++;
	return before == '=' || after == '=' ||
	       (before >= '0' && before <= '9' && (after == '%' || (word && word <= 2)));
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
		if (line[i] == ' ' && i > start && column > hang && !belongs_together(line, i, len) &&
		    (column <= width || !best))
			best = i;
		skip = utf8_decode(line + i, len - i, &c);
		column += utf8_width(line + i, skip);
		i += skip;
	}
	return column > width ? best : 0;
}

void text_keep(struct text *t)
{
	t->whole = t->sb.len;
}

/* Adds a line, of which the newline may be missing, in as many as it takes. */
static void fold_line(struct text *t, const char *line, size_t len, size_t hang)
{
	size_t indent = 0, width = t->opts->width;

	while (indent < len && line[indent] == ' ')
		indent++;
	hang = hang ? hang : indent + 2;
	for (size_t begin = 0; ; begin = hang) {
		size_t room = width - MIN(width - 1, begin);
		size_t cut = break_point(line, len, room, hang - begin);

		strbuf_add(&t->sb, line, cut ? cut : len);
		if (!cut)
			return;
		while (t->sb.len && t->sb.s[t->sb.len - 1] == ' ')
			strbuf_cut(&t->sb, t->sb.len - 1);
		while (cut < len && line[cut] == ' ')
			cut++;
		strbuf_putc(&t->sb, '\n');
		strbuf_fill(&t->sb, ' ', hang);
		line += cut;
		len -= cut;
	}
}

void text_fold(struct text *t, size_t hang)
{
	size_t len = t->sb.len - MIN(t->sb.len, t->whole);
	char *rest;

	if (!t->opts->width || t->values || t->sb.nomem || !len) {
		text_keep(t);
		return;
	}
	rest = malloc(len);
	if (!rest) {
		t->sb.nomem = true;
		return;
	}
	memcpy(rest, t->sb.s + t->whole, len);
	strbuf_cut(&t->sb, t->whole);
	for (size_t at = 0; at < len;) {
		const char *newline = memchr(rest + at, '\n', len - at);
		size_t line = newline ? (size_t)(newline - rest) - at : len - at;

		fold_line(t, rest + at, line, hang);
		if (newline)
			strbuf_putc(&t->sb, '\n');
		at += line + 1;
	}
	free(rest);
	text_keep(t);
}

void text_begin_values(struct text *t)
{
	text_fold(t, 0);
	t->values = true;
}

void text_end_values(struct text *t)
{
	text_keep(t);
	t->values = false;
}
