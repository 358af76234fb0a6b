/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/text-value.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/number.h"
#include "report/value-facts.h"

void text_line(struct strbuf *sb, unsigned int depth)
{
	strbuf_putc(sb, '\n');
	strbuf_fill(sb, ' ', 2 * (size_t)depth);
}

size_t text_column(const struct strbuf *sb)
{
	const char *nl = sb->len ? memrchr(sb->s, '\n', sb->len) : NULL;

	return nl ? (size_t)(sb->s + sb->len - nl - 1) : sb->len;
}

void text_name(struct strbuf *sb, const char *name)
{
	if (*name)
		escape_append(sb, name, strlen(name));
	else
		strbuf_puts(sb, "<anon>");
}

static void write_enum(struct strbuf *sb, const struct value *v)
{
	if (v->en.variant) {
		escape_append(sb, v->en.variant, strlen(v->en.variant));
		strbuf_puts(sb, " (");
	}
	if (v->en.is_signed)
		strbuf_printf(sb, "%" PRId64, v->en.value);
	else
		strbuf_printf(sb, "%" PRIu64, (uint64_t)v->en.value);
	if (v->en.variant)
		strbuf_putc(sb, ')');
}

static void write_hex(struct strbuf *sb, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		strbuf_printf(sb, i ? " %02x" : "%02x", data[i]);
}

static void write_bytes(struct strbuf *sb, const struct value *v, size_t max)
{
	size_t len = MIN(v->bytes.len, max);

	if (!v->bytes.text) {
		write_hex(sb, v->bytes.data, len);
	} else {
		for (size_t i = 0; i < len; i++) {
			uint8_t c = v->bytes.data[i];

			strbuf_printf(sb, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
		}
	}
	if (len < v->bytes.len)
		strbuf_printf(sb, " \u2026 %zu more bytes (-v shows all)", v->bytes.len - len);
}

static void write_ptr(struct strbuf *sb, const struct value *v)
{
	strbuf_printf(sb, "0x%" PRIx64, v->ptr.value);
	if (v->ptr.annotation) {
		strbuf_puts(sb, " (");
		escape_append(sb, v->ptr.annotation, strlen(v->ptr.annotation));
		strbuf_putc(sb, ')');
	}
	if (v->ptr.freed) {
		strbuf_puts(sb, " [freed element of ");
		escape_append(sb, v->ptr.freed, strlen(v->ptr.freed));
		strbuf_putc(sb, ']');
	}
	if (v->ptr.deref || !v->ptr.skipped)
		return;
	if (!strncmp(v->ptr.skipped, "cycle ", 6)) {
		strbuf_puts(sb, " [cycle]");
		return;
	}
	strbuf_puts(sb, " [chase: ");
	escape_append(sb, v->ptr.skipped, strlen(v->ptr.skipped));
	strbuf_putc(sb, ']');
}

static void write_scalar(struct strbuf *sb, const struct value *v, size_t max_bytes)
{
	switch (v->kind) {
	case VALUE_INT:
		strbuf_printf(sb, "%" PRId64, v->i);
		return;
	case VALUE_UINT:
		strbuf_printf(sb, "%" PRIu64, v->u);
		return;
	case VALUE_BOOL:
		strbuf_puts(sb, v->b ? "true" : "false");
		return;
	case VALUE_CHAR:
		strbuf_printf(sb, v->c >= 0x20 && v->c < 0x7f ? "'%c'" : "0x%02x", v->c);
		return;
	case VALUE_FLOAT:
		number_plain(sb, v->f, v->bits);
		return;
	case VALUE_ENUM:
		write_enum(sb, v);
		return;
	case VALUE_PTR:
		write_ptr(sb, v);
		return;
	case VALUE_BYTES:
		write_bytes(sb, v, max_bytes);
		return;
	case VALUE_UNSUPPORTED:
		strbuf_puts(sb, "<unsupported: ");
		escape_append(sb, v->reason, strlen(v->reason));
		strbuf_putc(sb, '>');
		return;
	case VALUE_STRUCT:
	case VALUE_ARRAY:
	case VALUE_CPU_LIST:
	case VALUE_TRUNCATED:
		break;
	}
}

enum { SHORT_BYTES = 256 };

void text_scalar(struct strbuf *sb, const struct value *v)
{
	write_scalar(sb, v, SHORT_BYTES);
}

void text_value(struct strbuf *sb, const struct value *v, unsigned int depth,
		const struct text_style *style)
{
	switch (v->kind) {
	case VALUE_STRUCT:
		text_struct(sb, v, depth, style);
		return;
	case VALUE_ARRAY:
		text_array(sb, v, depth, style);
		return;
	case VALUE_CPU_LIST:
		strbuf_printf(sb, "cpus={%s}", v->cpus);
		return;
	case VALUE_PTR:
		write_ptr(sb, v);
		if (v->ptr.deref) {
			strbuf_puts(sb, " \u2192 ");
			text_value(sb, v->ptr.deref, depth, style);
		}
		return;
	case VALUE_TRUNCATED:
		/* Also with nothing had, where ktstr prints nothing: silence could be taken for a zero. */
		strbuf_printf(sb, "<truncated needed=%" PRIu64 " had=%" PRIu64 ">", v->trunc.needed,
			      v->trunc.had);
		if (v->trunc.had) {
			strbuf_putc(sb, ' ');
			text_value(sb, v->trunc.partial, depth, style);
		}
		return;
	default:
		write_scalar(sb, v, style->verbose ? SIZE_MAX : SHORT_BYTES);
		return;
	}
}
