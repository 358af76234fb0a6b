/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

void strbuf_deinit(struct strbuf *sb)
{
	free(sb->s);
	*sb = (struct strbuf){ 0 };
}

void strbuf_reset(struct strbuf *sb)
{
	strbuf_cut(sb, 0);
}

void strbuf_cut(struct strbuf *sb, size_t len)
{
	sb->len = len;
	if (sb->s)
		sb->s[len] = 0;
}

/* Room for n more bytes and a NUL. */
static bool grow(struct strbuf *sb, size_t n)
{
	if (n < sb->room - sb->len)
		return true;

	size_t want, room = sb->room ? sb->room : 128;
	if (sb->nomem || add_overflows(sb->len, n, &want) || want >= SIZE_MAX / 2) {
		sb->nomem = true;
		return false;
	}
	while (room <= want)
		room *= 2;
	char *s = realloc(sb->s, room);
	if (!s) {
		sb->nomem = true;
		return false;
	}
	sb->s = s;
	sb->room = room;
	return true;
}

void strbuf_add(struct strbuf *sb, const char *s, size_t n)
{
	if (!grow(sb, n))
		return;
	memcpy(sb->s + sb->len, s, n);
	sb->len += n;
	sb->s[sb->len] = 0;
}

void strbuf_puts(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_putc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_fill(struct strbuf *sb, char c, size_t n)
{
	if (!grow(sb, n))
		return;
	memset(sb->s + sb->len, c, n);
	sb->len += n;
	sb->s[sb->len] = 0;
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !grow(sb, (size_t)n)) {
		sb->nomem = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(sb->s + sb->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	sb->len += (size_t)n;
}
