/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A string that grows.  A zeroed struct is an empty one; a lack of memory is remembered, so that only the
 * end of a job needs to ask. */
#ifndef FDGDB_STRBUF_H
#define FDGDB_STRBUF_H

#include <stdarg.h>

#include "base/util.h"

struct strbuf {
	char *s; /* NUL-terminated; NULL while nothing was ever added */
	size_t len, room;
	bool nomem; /* something is missing */
};

void strbuf_deinit(struct strbuf *sb);

/* Empties it and keeps the room. */
void strbuf_reset(struct strbuf *sb);

/* Cuts it back to len, which is at most its length. */
void strbuf_cut(struct strbuf *sb, size_t len);

void strbuf_add(struct strbuf *sb, const char *s, size_t n);
void strbuf_puts(struct strbuf *sb, const char *s);
void strbuf_putc(struct strbuf *sb, char c);
void strbuf_fill(struct strbuf *sb, char c, size_t n);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "" while nothing was ever added. */
static inline const char *strbuf_str(const struct strbuf *sb)
{
	return sb->s ? sb->s : "";
}

#endif
