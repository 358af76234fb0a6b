/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --key: the user's words for a key, as the bytes that a map has. */
#ifndef FDGDB_WALK_MAP_KEY_H
#define FDGDB_WALK_MAP_KEY_H

#include "btf/types.h"

/*
 * Writes `size` bytes of a key to buf.  How the text is read depends on the type: integers are decimal, 0x
 * hexadecimal or negative; enums also go by name; arrays of char are strings; other structs and arrays are JSON
 * ({"a": 1, "b": [2, 3]}; members that are not named are zero).  For any type, "hex:" and pairs of digits give
 * the bytes.  Without a type (types NULL or type_id 0) a key of 1, 2, 4 or 8 bytes is an integer, others are
 * pairs of digits.  ERR_USAGE says what does not fit.
 */
struct err *map_key_parse(const struct types *types, uint32_t type_id, const char *text, uint8_t *buf,
			  size_t size) MUST_CHECK;

/* A number as above. */
bool map_key_number(const char *text, uint64_t *ret);

#endif
