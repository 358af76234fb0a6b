/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guest bytes as characters. */
#ifndef FDGDB_UTF8_H
#define FDGDB_UTF8_H

#include "base/util.h"

static const uint32_t UTF8_INVALID = UINT32_MAX;

/*
 * Decodes the first character of the n (>= 1) bytes at s and returns how many bytes it takes.  For
 * bytes that are no character *ret is UTF8_INVALID and the result is the length of what one U+FFFD
 * stands for: the longest start of a well-formed sequence, as the Unicode standard recommends and as
 * Rust's from_utf8_lossy does, so that our reports and ktstr's spell the same bytes alike.
 */
size_t utf8_decode(const char *s, size_t n, uint32_t *ret);

/*
 * Characters that act on a terminal or hide in a line instead of being shown: C0, DEL, C1, bidi
 * controls, line and paragraph separators, other invisible format characters.
 */
bool utf8_is_unsafe(uint32_t c);

/* Columns that a string without unsafe characters takes on a terminal. */
size_t utf8_width(const char *s, size_t n);

/* Bytes of the longest start of such a string that takes no more columns than these. */
size_t utf8_fit(const char *s, size_t n, size_t columns);

#endif
