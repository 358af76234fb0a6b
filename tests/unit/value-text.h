/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value tree in a line, for tests to compare:
 *
 *	int i32:-7	uint u64:7	bool true	char c65	float f64:2.5
 *	enum e32:5 NAME (e32s: if signed, "?" without a name)
 *	struct name{a=u8:1 b=...}	array [3| u8:1 u8:2 ...] (declared length first)
 *	cpu_list cpus(0-3)	ptr p0x10, p0x10(annotation), p0x10->..., p0x10!(reason)
 *	bytes x(00 fe)	truncated cut(16,4 ...)	unsupported !(reason)
 */
#ifndef FDGDB_TEST_VALUE_TEXT_H
#define FDGDB_TEST_VALUE_TEXT_H

#include "btf/value.h"

/* malloc'd */
char *value_text(const struct value *v);

/* Values in the tree, and levels of JSON it takes. */
size_t value_count(const struct value *v);
unsigned int value_levels(const struct value *v);

#endif
