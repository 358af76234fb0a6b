/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/map-key.h"

#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum {
	DEPTH_MAX = 32, /* of structs and arrays in each other */
	WORD_MAX = 256, /* a name or a number in JSON */
};

/* JSON that is being read into the bytes of a value. */
struct reader {
	const struct types *types;
	const char *s; /* what is left */
	uint8_t *buf;
	size_t size;
	unsigned int depth;
};

/* Where in the bytes. */
struct spot {
	uint32_t type_id;
	size_t off;
};

static struct err *put_value(struct reader *r, struct spot at);

/* ---- scalars */

bool map_key_number(const char *text, uint64_t *ret)
{
	bool negative = *text == '-';
	const char *digits = text + negative;
	bool hex = !strncmp(digits, "0x", 2) || !strncmp(digits, "0X", 2);
	char *end;

	if (!isdigit((unsigned char)*digits) || (hex && !isxdigit((unsigned char)digits[2])))
		return false;
	errno = 0;
	uint64_t v = strtoull(digits, &end, hex ? 16 : 10);
	if (*end || errno || (negative && v > 1ULL << 63))
		return false;
	*ret = negative ? -v : v;
	return true;
}

static void put_le(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Whether v, as text had it, can be said in so many bits: 255 and -1 both are one byte. */
static bool in_range(uint64_t v, bool negative, unsigned int bits)
{
	if (bits >= 64)
		return true;
	return negative ? (int64_t)v >= -((int64_t)1 << (bits - 1)) : v >> bits == 0;
}

static struct err *number_of(const struct types *types, uint32_t id, const char *word, uint64_t *ret, bool *negative)
{
	const struct btf_type *t = types ? types_get(types, id) : NULL;

	*negative = *word == '-';
	if (map_key_number(word, ret))
		return NULL;
	if (t && btf_is_any_enum(t)) {
		int64_t v;
		_cleanup_err_ struct err *e = types_enumerator(types, id, word, &v);

		if (!e) {
			*ret = (uint64_t)v;
			*negative = v < 0;
			return NULL;
		}
		return err_new(ERR_USAGE, "\"%s\" is no number and no name in enum %s", word,
			       types_name(types, id));
	}
	if (t && btf_is_int(t) && btf_int_encoding(t) & BTF_INT_BOOL &&
	    (!strcmp(word, "true") || !strcmp(word, "false"))) {
		*ret = *word == 't';
		return NULL;
	}
	return err_new(ERR_USAGE, "\"%s\" is no number", word);
}

static struct err *put_number(const struct types *types, uint32_t id, const char *word, uint8_t *p, size_t size)
{
	uint64_t v;
	bool negative;

	TRY(number_of(types, id, word, &v, &negative));
	if (size > 8 || !in_range(v, negative, (unsigned int)(8 * size)))
		return err_new(ERR_USAGE, "%s does not fit %zu bytes", word, size);
	put_le(p, v, size);
	return NULL;
}

/* ---- bytes and strings */

static struct err *put_hex(const char *text, uint8_t *buf, size_t size)
{
	size_t n = 0;

	for (const char *s = text; *s;) {
		char pair[3] = { s[0], s[1], 0 };

		if (isspace((unsigned char)*s) || *s == ':') {
			s++;
			continue;
		}
		if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
			return err_new(ERR_USAGE, "\"%s\" are no pairs of hexadecimal digits", text);
		if (n < size)
			buf[n] = (uint8_t)strtoul(pair, NULL, 16);
		n++;
		s += 2;
	}
	if (n != size)
		return err_new(ERR_USAGE, "\"%s\" are %zu bytes; the key has %zu", text, n, size);
	return NULL;
}

static bool is_char_array(const struct types *types, const struct btf_type *t)
{
	if (!t || !btf_is_array(t))
		return false;
	const struct btf_type *e = types_get(types, types_peel(types, btf_array(t)->type));
	/* Compilers call char "char", and give it one byte; u8 is "unsigned char". */
	return e && btf_is_int(e) && e->size == 1 && !strcmp(types_str(types, e->name_off), "char");
}

static struct err *put_string(const char *s, size_t len, uint8_t *p, size_t size)
{
	if (len > size)
		return err_new(ERR_USAGE, "a string of %zu bytes does not fit %zu", len, size);
	memcpy(p, s, len);
	return NULL;
}

/* ---- JSON */

static char peek(struct reader *r)
{
	while (isspace((unsigned char)*r->s))
		r->s++;
	return *r->s;
}

static struct err *expect(struct reader *r, char c)
{
	if (peek(r) != c)
		return err_new(ERR_USAGE, "%c expected at \"%.20s\"", c, r->s);
	r->s++;
	return NULL;
}

/* The string at the cursor without its quotes: \" \\ \/ \n \t and \u00XX are understood. */
static struct err *read_string(struct reader *r, char *buf, size_t size, size_t *len)
{
	TRY(expect(r, '"'));
	for (*len = 0; *r->s != '"'; ++*len) {
		char c = *r->s++;

		if (!c)
			return err_new(ERR_USAGE, "a string does not end");
		if (c == '\\') {
			c = *r->s ? *r->s++ : 0;
			if (c == 'u' && strspn(r->s, "0123456789abcdefABCDEF") >= 4 && !strncmp(r->s, "00", 2)) {
				char pair[3] = { r->s[2], r->s[3], 0 };

				c = (char)strtoul(pair, NULL, 16);
				r->s += 4;
			} else if (c == 'n') {
				c = '\n';
			} else if (c == 't') {
				c = '\t';
			} else if (!c || !strchr("\"\\/", c)) {
				return err_new(ERR_USAGE, "\\%c in a string is not understood", c ? c : '0');
			}
		}
		if (*len + 1 >= size)
			return err_new(ERR_USAGE, "a string of more than %zu bytes", size - 1);
		buf[*len] = c;
	}
	buf[*len] = 0;
	r->s++;
	return NULL;
}

/* A word without quotes, or a string. */
static struct err *read_word(struct reader *r, char buf[WORD_MAX])
{
	size_t len = 0;

	if (peek(r) == '"')
		return read_string(r, buf, WORD_MAX, &len);
	for (; *r->s && !strchr(",}] \t\n", *r->s) && len + 1 < WORD_MAX; r->s++)
		buf[len++] = *r->s;
	buf[len] = 0;
	return NULL;
}

static struct err *put_bitfield(struct reader *r, size_t off, const struct member *m)
{
	char word[WORD_MAX];
	uint64_t v;
	bool negative;

	TRY(read_word(r, word));
	TRY(number_of(r->types, types_peel(r->types, m->type_id), word, &v, &negative));
	if (!in_range(v, negative, m->bit_size))
		return err_new(ERR_USAGE, "%s does not fit %u bits", word, m->bit_size);
	for (size_t bit = 0; bit < m->bit_size; bit++) {
		size_t pos = (off + m->off) * 8 + m->bit_off + bit;

		if (pos / 8 >= r->size)
			return err_new(ERR_CORRUPT, "the key's type is bigger than the key");
		r->buf[pos / 8] = (uint8_t)((r->buf[pos / 8] & ~(1u << pos % 8)) | (v >> bit & 1) << pos % 8);
	}
	return NULL;
}

static struct err *put_member(struct reader *r, struct spot at, const char *name)
{
	struct member m;

	if (strpbrk(name, ".["))
		return err_new(ERR_USAGE, "\"%s\" is no name of a member", name);
	struct err *e = types_member(r->types, at.type_id, name, &m);
	if (e) {
		struct err *failed = err_new(ERR_USAGE, "%s", e->msg);

		err_free(e);
		return failed;
	}
	if (m.bit_size)
		return put_bitfield(r, at.off, &m);
	return put_value(r, (struct spot){ m.type_id, at.off + m.off });
}

static struct err *put_object(struct reader *r, struct spot at)
{
	char name[WORD_MAX];
	size_t len;

	TRY(expect(r, '{'));
	if (peek(r) == '}') {
		r->s++;
		return NULL;
	}
	for (;;) {
		TRY(read_string(r, name, sizeof(name), &len));
		TRY(expect(r, ':'));
		TRY(put_member(r, at, name));
		if (peek(r) != ',')
			return expect(r, '}');
		r->s++;
	}
}

static struct err *put_array(struct reader *r, struct spot at, const struct btf_type *t)
{
	uint32_t nr = btf_array(t)->nelems;
	uint64_t size;

	TRY(types_size(r->types, btf_array(t)->type, &size));
	TRY(expect(r, '['));
	if (peek(r) == ']') {
		r->s++;
		return NULL;
	}
	for (uint32_t i = 0;; i++) {
		if (i == nr)
			return err_new(ERR_USAGE, "more than the %" PRIu32 " elements of an array", nr);
		TRY(put_value(r, (struct spot){ btf_array(t)->type, at.off + i * size }));
		if (peek(r) != ',')
			return expect(r, ']');
		r->s++;
	}
}

static struct err *put_kind(struct reader *r, struct spot at, uint32_t id, const struct btf_type *t, uint64_t size)
{
	char text[4096], word[WORD_MAX];
	size_t len;

	if (btf_is_composite(t))
		return put_object(r, (struct spot){ id, at.off });
	if (is_char_array(r->types, t) && peek(r) == '"') {
		TRY(read_string(r, text, sizeof(text), &len));
		return put_string(text, len, r->buf + at.off, size);
	}
	if (btf_is_array(t))
		return put_array(r, at, t);
	if (btf_is_int(t) || btf_is_any_enum(t) || btf_is_ptr(t)) {
		TRY(read_word(r, word));
		return put_number(r->types, id, word, r->buf + at.off, size);
	}
	return err_new(ERR_USAGE, "a value of type \"%s\" cannot be written; give its bytes with hex:",
		       types_str(r->types, t->name_off));
}

static struct err *put_value(struct reader *r, struct spot at)
{
	uint32_t id = types_peel(r->types, at.type_id);
	const struct btf_type *t = types_get(r->types, id);
	uint64_t size;

	if (!t)
		return err_new(ERR_CORRUPT, "no type %" PRIu32, at.type_id);
	TRY(types_size(r->types, id, &size));
	if (at.off > r->size || size > r->size - at.off)
		return err_new(ERR_CORRUPT, "the key's type is bigger than the key");
	if (r->depth == DEPTH_MAX)
		return err_new(ERR_USAGE, "nested too deep");
	r->depth++;
	struct err *e = put_kind(r, at, id, t, size);
	r->depth--;
	return e;
}

/* ---- */

static struct err *parse_typed(const struct types *types, uint32_t id, const char *text, uint8_t *buf, size_t size)
{
	struct reader r = { .types = types, .s = text, .buf = buf, .size = size };
	const struct btf_type *t = types_get(types, id);

	if (is_char_array(types, t) && *text != '"' && *text != '[')
		return put_string(text, strlen(text), buf, size);
	if ((btf_is_composite(t) || btf_is_array(t)) && !strchr("{[\"", *text))
		return put_hex(text, buf, size);
	TRY(put_value(&r, (struct spot){ id, 0 }));
	if (peek(&r))
		return err_new(ERR_USAGE, "\"%s\" after the key", r.s);
	return NULL;
}

struct err *map_key_parse(const struct types *types, uint32_t type_id, const char *text, uint8_t *buf,
			  size_t size)
{
	uint32_t id = types ? types_peel(types, type_id) : 0;

	memset(buf, 0, size);
	if (!*text)
		return err_new(ERR_USAGE, "empty key");
	if (!strncmp(text, "hex:", 4))
		return put_hex(text + 4, buf, size);
	if (id && types_get(types, id))
		return parse_typed(types, id, text, buf, size);
	if (size == 1 || size == 2 || size == 4 || size == 8)
		return put_number(NULL, 0, text, buf, size);
	return put_hex(text, buf, size);
}
