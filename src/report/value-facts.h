/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a text writer asks of a value before it decides on a layout. */
#ifndef FDGDB_VALUE_FACTS_H
#define FDGDB_VALUE_FACTS_H

#include "btf/value.h"

/*
 * 0, false, NUL, 0.0, a null pointer, enum 0, an empty CPU list, and structs and arrays of nothing else, looking
 * 16 levels down.  Bytes, truncated and unsupported values never count as zero.
 */
bool value_is_zero(const struct value *v);

/* One word on one line: everything but structs, arrays, CPU lists, truncated values and followed pointers. */
bool value_is_scalar(const struct value *v);

bool value_equal(const struct value *a, const struct value *b);

/* Structs of one type name with the same member names. */
bool value_same_shape(const struct value *a, const struct value *b);

/* An 8-bit integer or a character, as in the elements of char arrays. */
bool value_is_byte(const struct value *v, uint8_t *ret);

#endif
