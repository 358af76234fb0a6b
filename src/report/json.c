/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "report/number.h"
#include "report/utf8.h"

void json_init(struct json *j, FILE *out, bool pretty)
{
	/* Not a compound literal: that would clear the buffer, and need a copy of it on the stack. */
	memset(j, 0, offsetof(struct json, buf));
	j->out = out;
	j->pretty = pretty;
}

static void fail(struct json *j, struct err *e)
{
	if (j->e)
		err_ignore(e);
	else
		j->e = e;
}

bool json_failed(const struct json *j)
{
	return j->e != NULL;
}

unsigned int json_depth(const struct json *j)
{
	return j->depth;
}

static void flush(struct json *j)
{
	if (j->used && !j->e) {
		errno = 0;
		if (fwrite(j->buf, 1, j->used, j->out) != j->used)
			fail(j, err_sys(errno ? errno : EIO, "cannot write the report"));
	}
	j->used = 0;
}

/* At least n bytes to fill at the place returned. */
static char *room(struct json *j, size_t n)
{
	if (n > sizeof(j->buf) - j->used)
		flush(j);
	return j->buf + j->used;
}

static void put(struct json *j, const char *s, size_t n)
{
	while (n) {
		size_t part = MIN(n, sizeof(j->buf));

		memcpy(room(j, part), s, part);
		j->used += part;
		s += part;
		n -= part;
	}
}

static void put_char(struct json *j, char c)
{
	*room(j, 1) = c;
	j->used++;
}

static void new_line(struct json *j)
{
	static const char blanks[] = "                                ";

	put_char(j, '\n');
	for (size_t left = 2 * (size_t)j->depth; left;) {
		size_t part = MIN(left, sizeof(blanks) - 1);

		put(j, blanks, part);
		left -= part;
	}
}

/* Comma and line before a key or an element. */
static void separate(struct json *j)
{
	unsigned int top = j->depth - 1;

	if (j->level[top].filled)
		put_char(j, ',');
	j->level[top].filled = true;
	if (j->pretty && !j->level[top].flat)
		new_line(j);
}

/* Before any value. */
static void begin_value(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
	} else if (!j->depth) {
		if (j->top_done)
			fail(j, err_new(ERR_CORRUPT, "JSON: a second document"));
		j->top_done = true;
	} else if (j->level[j->depth - 1].object) {
		fail(j, err_new(ERR_CORRUPT, "JSON: a value without a key"));
	} else {
		separate(j);
	}
}

static void open_level(struct json *j, bool object, bool flat)
{
	begin_value(j);
	if (j->depth == JSON_MAX_DEPTH) {
		fail(j, err_new(ERR_LIMIT, "JSON: more than %d levels", JSON_MAX_DEPTH));
		return;
	}
	j->level[j->depth].object = object;
	j->level[j->depth].flat = flat || (j->depth && j->level[j->depth - 1].flat);
	j->level[j->depth].filled = false;
	j->level[j->depth].keys = j->keys.len;
	j->depth++;
	put_char(j, object ? '{' : '[');
}

static void close_level(struct json *j, bool object)
{
	if (!j->depth || j->after_key || j->level[j->depth - 1].object != object) {
		fail(j, err_new(ERR_CORRUPT, "JSON: wrong bracket closed"));
		return;
	}
	j->depth--;
	if (j->level[j->depth].filled && j->pretty && !j->level[j->depth].flat)
		new_line(j);
	strbuf_cut(&j->keys, j->level[j->depth].keys);
	put_char(j, object ? '}' : ']');
}

void json_open_object(struct json *j)
{
	open_level(j, true, false);
}

void json_close_object(struct json *j)
{
	close_level(j, true);
}

void json_open_array(struct json *j)
{
	open_level(j, false, false);
}

void json_open_flat_array(struct json *j)
{
	open_level(j, false, true);
}

void json_close_array(struct json *j)
{
	close_level(j, false);
}

static void check_key(struct json *j, const char *key)
{
	size_t at = j->level[j->depth - 1].keys;

	while (at < j->keys.len) {
		const char *old = j->keys.s + at;

		if (!strcmp(old, key))
			fail(j, err_new(ERR_CORRUPT, "JSON: key \"%s\" twice in one object", key));
		at += strlen(old) + 1;
	}
	strbuf_add(&j->keys, key, strlen(key) + 1);
}

static void put_string(struct json *j, const char *s, size_t n);

void json_key(struct json *j, const char *key)
{
	if (!j->depth || !j->level[j->depth - 1].object || j->after_key) {
		fail(j, err_new(ERR_CORRUPT, "JSON: key \"%s\" outside of an object", key));
		return;
	}
	if (j->check_keys)
		check_key(j, key);
	separate(j);
	put_string(j, key, strlen(key));
	put_char(j, ':');
	if (j->pretty)
		put_char(j, ' ');
	j->after_key = true;
}

static void put_escape(struct json *j, uint32_t c)
{
	static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	char buf[16];

	for (const char *p = shorts; *p; p += 2) {
		if ((uint32_t)*p == c) {
			put(j, (char[]){ '\\', p[1] }, 2);
			return;
		}
	}
	if (c < 0x10000)
		snprintf(buf, sizeof(buf), "\\u%04" PRIx32, c);
	else
		snprintf(buf, sizeof(buf), "\\u%04" PRIx32 "\\u%04" PRIx32,
			 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
	put(j, buf, strlen(buf));
}

static void put_string(struct json *j, const char *s, size_t n)
{
	put_char(j, '"');
	for (size_t i = 0; i < n;) {
		size_t plain = i;

		while (plain < n && (uint8_t)s[plain] >= 0x20 && (uint8_t)s[plain] < 0x7f &&
		       s[plain] != '"' && s[plain] != '\\')
			plain++;
		put(j, s + i, plain - i);
		i = plain;
		if (i == n)
			break;

		uint32_t c;
		size_t used = utf8_decode(s + i, n - i, &c);

		if (c == UTF8_INVALID)
			put(j, "\xef\xbf\xbd", 3);
		else if (c == '"' || c == '\\' || utf8_is_unsafe(c))
			put_escape(j, c);
		else
			put(j, s + i, used);
		i += used;
	}
	put_char(j, '"');
}

void json_string_n(struct json *j, const char *s, size_t n)
{
	begin_value(j);
	put_string(j, s, n);
}

void json_string(struct json *j, const char *s)
{
	json_string_n(j, s, strlen(s));
}

void json_u64(struct json *j, uint64_t v)
{
	begin_value(j);
	char *p = room(j, 24);
	j->used += (size_t)snprintf(p, 24, "%" PRIu64, v);
}

void json_i64(struct json *j, int64_t v)
{
	begin_value(j);
	char *p = room(j, 24);
	j->used += (size_t)snprintf(p, 24, "%" PRId64, v);
}

void json_bool(struct json *j, bool v)
{
	begin_value(j);
	put(j, v ? "true" : "false", v ? 4 : 5);
}

void json_double(struct json *j, double v)
{
	begin_value(j);
	if (!isfinite(v)) {
		fail(j, err_new(ERR_CORRUPT, "JSON: a number that is not finite"));
		v = 0;
	}
	strbuf_reset(&j->tmp);
	number_json(&j->tmp, v);
	put(j, j->tmp.s, j->tmp.len);
}

void json_null(struct json *j)
{
	begin_value(j);
	put(j, "null", 4);
}

void json_hex(struct json *j, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	begin_value(j);
	put_char(j, '"');
	for (size_t i = 0; i < len; i++) {
		char *p = room(j, 3);

		p[0] = digits[data[i] >> 4];
		p[1] = digits[data[i] & 15];
		p[2] = ' ';
		j->used += i + 1 < len ? 3 : 2;
	}
	put_char(j, '"');
}

void json_byte_array(struct json *j, const uint8_t *data, size_t len)
{
	static struct {
		char text[4];
		uint8_t len;
	} table[256];

	if (!table[0].len) {
		for (unsigned int i = 0; i < 256; i++)
			table[i].len = (uint8_t)snprintf(table[i].text, 4, "%u", i);
	}

	begin_value(j);
	put_char(j, '[');
	for (size_t i = 0; i < len; i++) {
		char *p = room(j, 5);
		size_t n = table[data[i]].len;

		memcpy(p, table[data[i]].text, 4);
		p[n] = ',';
		j->used += i + 1 < len ? n + 1 : n;
	}
	put_char(j, ']');
}

struct err *json_finish(struct json *j)
{
	if (j->depth || !j->top_done)
		fail(j, err_new(ERR_CORRUPT, "JSON: the document is not complete"));
	put_char(j, '\n');
	flush(j);
	if (!j->e) {
		errno = 0;
		if (fflush(j->out) || ferror(j->out))
			fail(j, err_sys(errno ? errno : EIO, "cannot write the report"));
	}
	if (j->keys.nomem || j->tmp.nomem)
		fail(j, &err_nomem);
	strbuf_deinit(&j->keys);
	strbuf_deinit(&j->tmp);

	struct err *e = j->e;
	j->e = NULL;
	return e;
}
