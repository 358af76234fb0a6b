/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-value.h"

#include <math.h>

#include "report/strbuf.h"

static void write_kind(struct json *j, const char *kind)
{
	json_open_object(j);
	json_key_string(j, "kind", kind);
}

static void write_unsupported(struct json *j, const char *reason)
{
	write_kind(j, "unsupported");
	json_key_string(j, "reason", reason);
	json_close_object(j);
}

static void write_struct(struct json *j, const struct value *v)
{
	write_kind(j, "struct");
	json_key(j, "type_name");
	if (v->st.type_name)
		json_string(j, v->st.type_name);
	else
		json_null(j);
	json_key(j, "members");
	json_open_array(j);
	for (size_t i = 0; i < v->st.nr; i++) {
		json_open_object(j);
		json_key_string(j, "name", v->st.members[i].name);
		json_key(j, "value");
		json_value(j, v->st.members[i].value);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_array(struct json *j, const struct value *v)
{
	write_kind(j, "array");
	json_key_u64(j, "len", v->arr.len);
	json_key(j, "elements");
	json_open_array(j);
	for (size_t i = 0; i < v->arr.nr; i++)
		json_value(j, v->arr.elements[i]);
	json_close_array(j);
	json_close_object(j);
}

static void write_ptr(struct json *j, const struct value *v)
{
	write_kind(j, "ptr");
	json_key_u64(j, "value", v->ptr.value);
	if (v->ptr.deref) {
		json_key(j, "deref");
		json_value(j, v->ptr.deref);
	} else {
		json_opt_string(j, "deref_skipped_reason", v->ptr.skipped);
	}
	json_opt_string(j, "cast_annotation", v->ptr.annotation);
	json_opt_string(j, "freed_element_of", v->ptr.freed);
	json_close_object(j);
}

/* A string section's bytes stand in the hex field as text: printable ASCII as is, the rest \xHH. */
static void write_text_bytes(struct json *j, const uint8_t *data, size_t len)
{
	struct strbuf sb = { 0 };

	for (size_t i = 0; i < len; i++) {
		if (data[i] >= 0x20 && data[i] < 0x7f)
			strbuf_putc(&sb, (char)data[i]);
		else
			strbuf_printf(&sb, "\\x%02x", data[i]);
	}
	json_string_n(j, strbuf_str(&sb), sb.len);
	strbuf_deinit(&sb);
}

static void write_bytes(struct json *j, const struct value *v)
{
	write_kind(j, "bytes");
	json_key(j, "hex");
	if (v->bytes.text)
		write_text_bytes(j, v->bytes.data, v->bytes.len);
	else
		json_hex(j, v->bytes.data, v->bytes.len);
	json_close_object(j);
}

static void write_float(struct json *j, const struct value *v)
{
	if (isfinite(v->f)) {
		write_kind(j, "float");
		json_key_u64(j, "bits", v->bits);
		json_key(j, "value");
		json_double(j, v->f);
		json_close_object(j);
		return;
	}

	/* The tree should hold bytes then; a document nobody can parse is no way to say that it did not. */
	uint8_t raw[8];
	float f = (float)v->f;

	write_kind(j, "bytes");
	json_key(j, "hex");
	if (v->bits == 32)
		memcpy(raw, &f, sizeof(f));
	else
		memcpy(raw, &v->f, sizeof(v->f));
	json_hex(j, raw, v->bits == 32 ? sizeof(f) : sizeof(v->f));
	json_close_object(j);
}

void json_value(struct json *j, const struct value *v)
{
	/* A struct opens three levels before its members' values; a leaf opens one. */
	if (json_depth(j) + 4 > JSON_MAX_DEPTH) {
		write_unsupported(j, "nested too deeply for the report");
		return;
	}

	switch (v->kind) {
	case VALUE_INT:
		write_kind(j, "int");
		json_key_u64(j, "bits", v->bits);
		json_key_i64(j, "value", v->i);
		json_close_object(j);
		return;
	case VALUE_UINT:
		write_kind(j, "uint");
		json_key_u64(j, "bits", v->bits);
		json_key_u64(j, "value", v->u);
		json_close_object(j);
		return;
	case VALUE_BOOL:
		write_kind(j, "bool");
		json_key_bool(j, "value", v->b);
		json_close_object(j);
		return;
	case VALUE_CHAR:
		write_kind(j, "char");
		json_key_u64(j, "value", v->c);
		json_close_object(j);
		return;
	case VALUE_FLOAT:
		write_float(j, v);
		return;
	case VALUE_ENUM:
		write_kind(j, "enum");
		json_key_u64(j, "bits", v->bits);
		json_key_i64(j, "value", v->en.value);
		json_key(j, "variant");
		if (v->en.variant)
			json_string(j, v->en.variant);
		else
			json_null(j);
		json_key_bool(j, "is_signed", v->en.is_signed);
		json_close_object(j);
		return;
	case VALUE_STRUCT:
		write_struct(j, v);
		return;
	case VALUE_ARRAY:
		write_array(j, v);
		return;
	case VALUE_CPU_LIST:
		write_kind(j, "cpu_list");
		json_key_string(j, "cpus", v->cpus);
		json_close_object(j);
		return;
	case VALUE_PTR:
		write_ptr(j, v);
		return;
	case VALUE_BYTES:
		write_bytes(j, v);
		return;
	case VALUE_TRUNCATED:
		write_kind(j, "truncated");
		json_key_u64(j, "needed", v->trunc.needed);
		json_key_u64(j, "had", v->trunc.had);
		json_key(j, "partial");
		json_value(j, v->trunc.partial);
		json_close_object(j);
		return;
	case VALUE_UNSUPPORTED:
		write_unsupported(j, v->reason);
		return;
	}
}
