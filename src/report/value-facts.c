/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/value-facts.h"

static bool is_zero(const struct value *v, unsigned int levels)
{
	switch (v->kind) {
	case VALUE_INT:
		return !v->i;
	case VALUE_UINT:
		return !v->u;
	case VALUE_BOOL:
		return !v->b;
	case VALUE_CHAR:
		return !v->c;
	case VALUE_FLOAT:
		return v->f == 0;
	case VALUE_ENUM:
		return !v->en.value;
	case VALUE_PTR:
		return !v->ptr.value && !v->ptr.deref;
	case VALUE_CPU_LIST:
		return !*v->cpus;
	case VALUE_STRUCT:
		for (size_t i = 0; i < v->st.nr; i++) {
			if (!levels || !is_zero(v->st.members[i].value, levels - 1))
				return false;
		}
		return true;
	case VALUE_ARRAY:
		if (v->arr.nr < v->arr.len) /* who knows of the rest */
			return false;
		for (size_t i = 0; i < v->arr.nr; i++) {
			if (!levels || !is_zero(v->arr.elements[i], levels - 1))
				return false;
		}
		return true;
	case VALUE_BYTES:
	case VALUE_TRUNCATED:
	case VALUE_UNSUPPORTED:
		break;
	}
	return false;
}

bool value_is_zero(const struct value *v)
{
	return is_zero(v, 16);
}

bool value_is_scalar(const struct value *v)
{
	switch (v->kind) {
	case VALUE_STRUCT:
	case VALUE_ARRAY:
	case VALUE_CPU_LIST:
	case VALUE_TRUNCATED:
		return false;
	case VALUE_PTR:
		return !v->ptr.deref;
	default:
		return true;
	}
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool value_same_shape(const struct value *a, const struct value *b)
{
	if (a->kind != VALUE_STRUCT || b->kind != VALUE_STRUCT || a->st.nr != b->st.nr ||
	    !same_text(a->st.type_name, b->st.type_name))
		return false;
	for (size_t i = 0; i < a->st.nr; i++) {
		if (!same_text(a->st.members[i].name, b->st.members[i].name))
			return false;
	}
	return true;
}

static bool arrays_equal(const struct value *a, const struct value *b)
{
	if (a->arr.len != b->arr.len || a->arr.nr != b->arr.nr || a->arr.nr < a->arr.len)
		return false;
	for (size_t i = 0; i < a->arr.nr; i++) {
		if (!value_equal(a->arr.elements[i], b->arr.elements[i]))
			return false;
	}
	return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case VALUE_INT:
		return a->bits == b->bits && a->i == b->i;
	case VALUE_UINT:
		return a->bits == b->bits && a->u == b->u;
	case VALUE_BOOL:
		return a->b == b->b;
	case VALUE_CHAR:
		return a->c == b->c;
	case VALUE_FLOAT:
		return !memcmp(&a->f, &b->f, sizeof(a->f));
	case VALUE_ENUM:
		return a->en.value == b->en.value && same_text(a->en.variant, b->en.variant);
	case VALUE_STRUCT:
		if (!value_same_shape(a, b))
			return false;
		for (size_t i = 0; i < a->st.nr; i++) {
			if (!value_equal(a->st.members[i].value, b->st.members[i].value))
				return false;
		}
		return true;
	case VALUE_ARRAY:
		return arrays_equal(a, b);
	case VALUE_CPU_LIST:
		return same_text(a->cpus, b->cpus);
	case VALUE_PTR:
		return a->ptr.value == b->ptr.value && !a->ptr.deref == !b->ptr.deref &&
		       (!a->ptr.deref || value_equal(a->ptr.deref, b->ptr.deref)) &&
		       same_text(a->ptr.skipped, b->ptr.skipped) &&
		       same_text(a->ptr.annotation, b->ptr.annotation) &&
		       same_text(a->ptr.freed, b->ptr.freed);
	case VALUE_BYTES:
		return a->bytes.len == b->bytes.len &&
		       (!a->bytes.len || !memcmp(a->bytes.data, b->bytes.data, a->bytes.len));
	case VALUE_TRUNCATED:
		return a->trunc.needed == b->trunc.needed && a->trunc.had == b->trunc.had &&
		       value_equal(a->trunc.partial, b->trunc.partial);
	case VALUE_UNSUPPORTED:
		return same_text(a->reason, b->reason);
	}
	return false;
}

bool value_is_byte(const struct value *v, uint8_t *ret)
{
	if (v->kind == VALUE_CHAR)
		*ret = v->c;
	else if (v->kind == VALUE_INT && v->bits == 8)
		*ret = (uint8_t)v->i;
	else if (v->kind == VALUE_UINT && v->bits == 8)
		*ret = (uint8_t)v->u;
	else
		return false;
	return true;
}
