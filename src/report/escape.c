/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/escape.h"

#include <inttypes.h>

#include "report/utf8.h"

enum { PIECE = 24 };

/* Escapes the first character into piece (NUL-terminated); returns how many bytes it took. */
static size_t escape_next(const char *s, size_t n, bool quoted, char piece[PIECE])
{
	uint32_t c;
	size_t used = utf8_decode(s, n, &c);

	if (c == UTF8_INVALID) {
		for (size_t i = 0; i < used; i++)
			snprintf(piece + 4 * i, PIECE - 4 * i, "\\x%02x", (uint8_t)s[i]);
	} else if (c == '\\' || (quoted && c == '"')) {
		snprintf(piece, PIECE, "\\%c", (int)c);
	} else if (c == '\n' || c == '\t' || c == '\r') {
		snprintf(piece, PIECE, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
	} else if (!utf8_is_unsafe(c)) {
		memcpy(piece, s, used);
		piece[used] = 0;
	} else if (c < 0x80) {
		snprintf(piece, PIECE, "\\x%02" PRIx32, c);
	} else if (c < 0x10000) {
		snprintf(piece, PIECE, "\\u%04" PRIx32, c);
	} else {
		snprintf(piece, PIECE, "\\U%08" PRIx32, c);
	}
	return used;
}

void escape_puts(const char *s, FILE *out)
{
	char piece[PIECE];

	for (size_t n = strlen(s); n;) {
		size_t used = escape_next(s, n, false, piece);

		fputs(piece, out);
		s += used;
		n -= used;
	}
}

static void append(struct strbuf *sb, const char *s, size_t n, bool quoted)
{
	char piece[PIECE];

	while (n) {
		size_t used = escape_next(s, n, quoted, piece);

		strbuf_puts(sb, piece);
		s += used;
		n -= used;
	}
}

void escape_append(struct strbuf *sb, const char *s, size_t n)
{
	append(sb, s, n, false);
}

void escape_append_quoted(struct strbuf *sb, const char *s, size_t n)
{
	append(sb, s, n, true);
}
