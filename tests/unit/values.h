/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Value trees by hand, in a pool of their own that lives until the test ends. */
#ifndef FDGDB_TEST_VALUES_H
#define FDGDB_TEST_VALUES_H

#include "btf/value.h"

struct value *v_new(enum value_kind kind);
struct value *v_int(uint32_t bits, int64_t i);
struct value *v_uint(uint32_t bits, uint64_t u);
struct value *v_bool(bool b);
struct value *v_char(uint8_t c);
struct value *v_float(uint32_t bits, double f);
struct value *v_enum(uint32_t bits, int64_t value, const char *variant, bool is_signed);
struct value *v_cpus(const char *cpus);
struct value *v_ptr(uint64_t value, struct value *deref, const char *skipped,
		    const char *annotation);
struct value *v_bytes(const void *data, size_t len, bool text);
struct value *v_truncated(uint64_t needed, uint64_t had, struct value *partial);
struct value *v_unsupported(const char *reason);

/* "name", value, "name", value ..., NULL */
struct value *v_struct(const char *type_name, ...) __attribute__((sentinel));

/* value, value ..., NULL; the declared length is the number of them. */
struct value *v_array(struct value *first, ...) __attribute__((sentinel));

/* A char array of n bytes. */
struct value *v_chars(const char *s, size_t n);

void values_free(void);

#endif
