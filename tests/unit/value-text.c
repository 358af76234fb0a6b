/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "value-text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void put(FILE *f, const struct value *v)
{
	switch (v->kind) {
	case VALUE_INT:
		fprintf(f, "i%u:%" PRId64, v->bits, v->i);
		break;
	case VALUE_UINT:
		fprintf(f, "u%u:%" PRIu64, v->bits, v->u);
		break;
	case VALUE_BOOL:
		fputs(v->b ? "true" : "false", f);
		break;
	case VALUE_CHAR:
		fprintf(f, "c%u", v->c);
		break;
	case VALUE_FLOAT:
		fprintf(f, "f%u:%g", v->bits, v->f);
		break;
	case VALUE_ENUM:
		fprintf(f, "e%u%s:%" PRId64 " %s", v->bits, v->en.is_signed ? "s" : "", v->en.value,
			v->en.variant ? v->en.variant : "?");
		break;
	case VALUE_STRUCT:
		fprintf(f, "%s{", v->st.type_name ? v->st.type_name : "");
		for (size_t i = 0; i < v->st.nr; i++) {
			fprintf(f, "%s%s=", i ? " " : "", v->st.members[i].name);
			put(f, v->st.members[i].value);
		}
		fputc('}', f);
		break;
	case VALUE_ARRAY:
		fprintf(f, "[%" PRIu64 "|", v->arr.len);
		for (size_t i = 0; i < v->arr.nr; i++) {
			fputc(' ', f);
			put(f, v->arr.elements[i]);
		}
		fputc(']', f);
		break;
	case VALUE_CPU_LIST:
		fprintf(f, "cpus(%s)", v->cpus);
		break;
	case VALUE_PTR:
		fprintf(f, "p%#" PRIx64, v->ptr.value);
		if (v->ptr.annotation)
			fprintf(f, "(%s)", v->ptr.annotation);
		if (v->ptr.deref) {
			fputs("->", f);
			put(f, v->ptr.deref);
		}
		if (v->ptr.skipped)
			fprintf(f, "!(%s)", v->ptr.skipped);
		break;
	case VALUE_BYTES:
		fputs(v->bytes.text ? "text(" : "x(", f);
		for (size_t i = 0; i < v->bytes.len; i++)
			fprintf(f, "%s%02x", i ? " " : "", v->bytes.data[i]);
		fputc(')', f);
		break;
	case VALUE_TRUNCATED:
		fprintf(f, "cut(%" PRIu64 ",%" PRIu64 " ", v->trunc.needed, v->trunc.had);
		put(f, v->trunc.partial);
		fputc(')', f);
		break;
	case VALUE_UNSUPPORTED:
		fprintf(f, "!(%s)", v->reason);
		break;
	}
}

char *value_text(const struct value *v)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	put(f, v);
	if (fclose(f))
		abort();
	return text;
}

size_t value_count(const struct value *v)
{
	size_t n = 1;

	switch (v->kind) {
	case VALUE_STRUCT:
		for (size_t i = 0; i < v->st.nr; i++)
			n += value_count(v->st.members[i].value);
		return n;
	case VALUE_ARRAY:
		for (size_t i = 0; i < v->arr.nr; i++)
			n += value_count(v->arr.elements[i]);
		return n;
	case VALUE_PTR:
		return v->ptr.deref ? 1 + value_count(v->ptr.deref) : 1;
	case VALUE_TRUNCATED:
		return 1 + value_count(v->trunc.partial);
	default:
		return 1;
	}
}

unsigned int value_levels(const struct value *v)
{
	unsigned int n = 0;

	switch (v->kind) {
	case VALUE_STRUCT:
		for (size_t i = 0; i < v->st.nr; i++)
			n = MAX(n, value_levels(v->st.members[i].value));
		return n + 3;
	case VALUE_ARRAY:
		for (size_t i = 0; i < v->arr.nr; i++)
			n = MAX(n, value_levels(v->arr.elements[i]));
		return n + 2;
	case VALUE_PTR:
		return 1 + (v->ptr.deref ? value_levels(v->ptr.deref) : 0);
	case VALUE_TRUNCATED:
		return 1 + value_levels(v->trunc.partial);
	default:
		return 1;
	}
}
