/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths through rendered values. */
#include "config.h"

#include "btf/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/nearest.h"

/* What a path goes through without being told to: pointers that were followed, values that were cut. */
static const struct value *open_value(const struct value *v)
{
	while (v->kind == VALUE_TRUNCATED || (v->kind == VALUE_PTR && v->ptr.deref))
		v = v->kind == VALUE_TRUNCATED ? v->trunc.partial : v->ptr.deref;
	return v;
}

static struct err *no_way(const struct value *v, const char *step)
{
	if (v->kind != VALUE_PTR)
		return err_new(ERR_NOT_FOUND, "no \"%s\" in what is no struct or array", step);
	if (!v->ptr.value)
		return err_new(ERR_NOT_FOUND, "\"%s\" behind a null pointer", step);
	return err_new(ERR_NOT_FOUND, "\"%s\" behind a pointer to %#" PRIx64 " that could not be followed%s%s", step,
		       v->ptr.value, v->ptr.skipped ? ": " : "", v->ptr.skipped ? v->ptr.skipped : "");
}

static struct err *step_name(const struct value **v, const char *name, size_t len)
{
	const struct value *st = open_value(*v);
	_cleanup_free_ char *word = strndup(name, len);

	if (!word)
		return &err_nomem;
	if (st->kind != VALUE_STRUCT)
		return no_way(st, word);

	struct nearest near = { .word = word };
	for (size_t i = 0; i < st->st.nr; i++) {
		if (!strcmp(st->st.members[i].name, word)) {
			*v = st->st.members[i].value;
			return NULL;
		}
		nearest_offer(&near, st->st.members[i].name);
	}
	_cleanup_free_ char *hint = nearest_text(&near);
	if (!hint)
		return &err_nomem;
	return err_new(ERR_NOT_FOUND, "struct %s has no member %s%s",
		       st->st.type_name ? st->st.type_name : "(unnamed)", word, hint);
}

static struct err *step_element(const struct value **v, uint64_t index)
{
	const struct value *arr = *v;

	/* p[0] is what p points at. */
	if (arr->kind == VALUE_PTR && arr->ptr.deref && arr->ptr.deref->kind != VALUE_ARRAY) {
		if (index)
			return err_new(ERR_NOT_FOUND, "[%" PRIu64 "]: behind a pointer only [0] is read", index);
		*v = arr->ptr.deref;
		return NULL;
	}
	arr = open_value(arr);
	if (arr->kind != VALUE_ARRAY)
		return no_way(arr, "[]");
	if (index >= arr->arr.nr)
		return err_new(ERR_NOT_FOUND, "no element [%" PRIu64 "]: there are %zu", index, arr->arr.nr);
	*v = arr->arr.elements[index];
	return NULL;
}

static struct err *parse_index(const char **s, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)(*s)[1]))
		return err_new(ERR_USAGE, "bad index in \"%s\"", *s);
	*ret = strtoull(*s + 1, &end, 10);
	if (*end != ']')
		return err_new(ERR_USAGE, "bad index in \"%s\"", *s);
	*s = end + 1;
	return NULL;
}

struct err *value_follow(const struct value *v, const char *path, const struct value **ret)
{
	const char *s = path;

	while (*s) {
		uint64_t index;

		if (*s == '[') {
			TRY(parse_index(&s, &index));
			TRY(step_element(&v, index));
			continue;
		}
		if (*s == '.')
			s++;
		else if (s[0] == '-' && s[1] == '>')
			s += 2;
		size_t len = strcspn(s, ".[-");
		if (!len)
			return err_new(ERR_USAGE, "\"%s\" is neither .member nor [index]", s);
		TRY(step_name(&v, s, len));
		s += len;
	}
	*ret = v;
	return NULL;
}
