/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "values.h"

#include <stdlib.h>

static struct pool pool;

void values_free(void)
{
	pool_deinit(&pool);
}

struct value *v_new(enum value_kind kind)
{
	struct value *v = pool_alloc(&pool, sizeof(*v));

	if (!v)
		abort();
	v->kind = kind;
	return v;
}

struct value *v_int(uint32_t bits, int64_t i)
{
	struct value *v = v_new(VALUE_INT);

	v->bits = bits;
	v->i = i;
	return v;
}

struct value *v_uint(uint32_t bits, uint64_t u)
{
	struct value *v = v_new(VALUE_UINT);

	v->bits = bits;
	v->u = u;
	return v;
}

struct value *v_bool(bool b)
{
	struct value *v = v_new(VALUE_BOOL);

	v->b = b;
	return v;
}

struct value *v_char(uint8_t c)
{
	struct value *v = v_new(VALUE_CHAR);

	v->c = c;
	return v;
}

struct value *v_float(uint32_t bits, double f)
{
	struct value *v = v_new(VALUE_FLOAT);

	v->bits = bits;
	v->f = f;
	return v;
}

struct value *v_enum(uint32_t bits, int64_t value, const char *variant, bool is_signed)
{
	struct value *v = v_new(VALUE_ENUM);

	v->bits = bits;
	v->en.value = value;
	v->en.variant = variant;
	v->en.is_signed = is_signed;
	return v;
}

struct value *v_cpus(const char *cpus)
{
	struct value *v = v_new(VALUE_CPU_LIST);

	v->cpus = cpus;
	return v;
}

struct value *v_ptr(uint64_t value, struct value *deref, const char *skipped,
		    const char *annotation)
{
	struct value *v = v_new(VALUE_PTR);

	v->ptr.value = value;
	v->ptr.deref = deref;
	v->ptr.skipped = skipped;
	v->ptr.annotation = annotation;
	return v;
}

struct value *v_bytes(const void *data, size_t len, bool text)
{
	struct value *v = v_new(VALUE_BYTES);

	v->bytes.data = pool_memdup(&pool, data, len);
	v->bytes.len = len;
	v->bytes.text = text;
	return v;
}

struct value *v_truncated(uint64_t needed, uint64_t had, struct value *partial)
{
	struct value *v = v_new(VALUE_TRUNCATED);

	v->trunc.needed = needed;
	v->trunc.had = had;
	v->trunc.partial = partial;
	return v;
}

struct value *v_unsupported(const char *reason)
{
	struct value *v = v_new(VALUE_UNSUPPORTED);

	v->reason = reason;
	return v;
}

enum { MAX = 64 };

struct value *v_struct(const char *type_name, ...)
{
	struct value *v = v_new(VALUE_STRUCT);
	const char *name;
	va_list ap;

	v->st.type_name = type_name;
	v->st.members = pool_calloc(&pool, MAX, sizeof(*v->st.members));
	va_start(ap, type_name);
	while ((name = va_arg(ap, const char *))) {
		if (v->st.nr == MAX)
			abort();
		v->st.members[v->st.nr++] =
			(struct value_member){ name, va_arg(ap, struct value *) };
	}
	va_end(ap);
	return v;
}

struct value *v_array(struct value *first, ...)
{
	struct value *v = v_new(VALUE_ARRAY);
	va_list ap;

	v->arr.elements = pool_calloc(&pool, MAX, sizeof(*v->arr.elements));
	va_start(ap, first);
	for (struct value *e = first; e; e = va_arg(ap, struct value *)) {
		if (v->arr.nr == MAX)
			abort();
		v->arr.elements[v->arr.nr++] = e;
	}
	va_end(ap);
	v->arr.len = v->arr.nr;
	return v;
}

struct value *v_chars(const char *s, size_t n)
{
	struct value *v = v_new(VALUE_ARRAY);

	v->arr.elements = pool_calloc(&pool, n, sizeof(*v->arr.elements));
	for (size_t i = 0; i < n; i++)
		v->arr.elements[i] = v_char((uint8_t)s[i]);
	v->arr.nr = v->arr.len = n;
	return v;
}
