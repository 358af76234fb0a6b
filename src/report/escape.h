/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest strings for terminals and text files: a task must not repaint a developer's screen by its
 * name.  Every guest byte that fdgdb shows as text passes through here.
 *
 * Printable characters stay; a backslash becomes \\, so that the result can be read back; newline, tab
 * and carriage return become \n, \t, \r; other control characters and bytes that are not UTF-8 become
 * \xHH, invisible and bidi characters \uHHHH or \UHHHHHHHH.
 */
#ifndef FDGDB_ESCAPE_H
#define FDGDB_ESCAPE_H

#include <stdio.h>

#include "report/strbuf.h"

void escape_puts(const char *s, FILE *out);

void escape_append(struct strbuf *sb, const char *s, size_t n);

/* Like escape_append, for text that stands between double quotes. */
void escape_append_quoted(struct strbuf *sb, const char *s, size_t n);

#endif
