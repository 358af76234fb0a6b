/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header, sections and records of a BTF blob.  What is refused here the kernel refuses too when it
 * checks its own BTF at boot; where the kernel is lenient (a member that ends behind its struct) so
 * are we, as long as nothing below can be led astray by it.  Refusing vmlinux BTF means no report.
 */
#include "config.h"

#include "btf/validate.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf/blob.h"

/* Records are used in place, so host and guest agree on the byte order. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "BTF of little-endian guests only");

enum { HDR_LEN = 24, HDR_LEN_LAYOUT = 32, REC_LEN = 12, LAYOUT_LEN = 4 };

struct record_size {
	uint8_t info; /* behind struct btf_type */
	uint8_t elem; /* per vlen */
};

static const struct record_size record_sizes[NR_BTF_KINDS] = {
	[BTF_KIND_INT] = { 4, 0 },
	[BTF_KIND_ARRAY] = { sizeof(struct btf_array), 0 },
	[BTF_KIND_STRUCT] = { 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { 0, sizeof(struct btf_enum) },
	[BTF_KIND_FUNC_PROTO] = { 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { sizeof(struct btf_var), 0 },
	[BTF_KIND_DATASEC] = { 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_DECL_TAG] = { sizeof(struct btf_decl_tag), 0 },
	[BTF_KIND_ENUM64] = { 0, sizeof(struct btf_enum64) },
};

const char *btf_kind_text(unsigned int kind)
{
	static const char *const texts[NR_BTF_KINDS] = {
		"void",	    "int",	"pointer",  "array",	"struct",     "union",	  "enum",
		"forward",  "typedef",	"volatile", "const",	"restrict",   "function", "prototype",
		"variable", "section",	"float",    "decl tag", "type tag",   "enum64",
	};

	return kind < NR_BTF_KINDS ? texts[kind] : "unknown kind";
}

const struct btf_type *blob_get(const struct btf_blob *b, uint32_t id)
{
	if (id < b->start_id)
		return b->base ? types_get(b->base, id) : NULL;
	if (id - b->start_id >= b->nr)
		return NULL;
	return (const struct btf_type *)(b->types + b->at[id - b->start_id]);
}

struct err *blob_err(const struct btf_blob *b, uint32_t id, const char *fmt, ...)
{
	const struct btf_type *t = blob_get(b, id);
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_new(ERR_CORRUPT, "type %u (%s): %s", id,
		       btf_kind_text(t ? btf_kind(t) : BTF_KIND_UNKN), what);
}

/* Bytes of a record's parts; false for a kind that nobody tells us about. */
static bool record_size(const struct btf_blob *b, unsigned int kind, struct record_size *ret)
{
	if (kind && kind < NR_BTF_KINDS) {
		*ret = record_sizes[kind];
		return true;
	}
	if (!kind || kind >= b->nr_sizes)
		return false;
	*ret = (struct record_size){ b->sizes[kind * LAYOUT_LEN], b->sizes[kind * LAYOUT_LEN + 1] };
	return true;
}

static struct err *check_name(const struct btf_blob *b, uint32_t id, uint32_t off)
{
	if (off < b->base_strs)
		return NULL;
	off -= b->base_strs;
	if (off >= b->strs_len)
		return blob_err(b, id, "name at %#x is outside the strings", off + b->base_strs);
	if (b->long_names && strnlen(b->strs + off, BTF_MAX_NAME + 1) > BTF_MAX_NAME)
		return blob_err(b, id, "name is longer than %d bytes", BTF_MAX_NAME);
	return NULL;
}

static struct err *check_int(const struct btf_blob *b, uint32_t id, const struct btf_type *t)
{
	unsigned int bits = btf_int_offset(t) + btf_int_bits(t);

	if (btf_int_bits(t) > 128 || bits > 128 || (bits + 7) / 8 > t->size)
		return blob_err(b, id, "%u bits at bit %u do not fit into %u bytes",
				btf_int_bits(t), btf_int_offset(t), t->size);
	return NULL;
}

static struct err *check_members(const struct btf_blob *b, uint32_t id, const struct btf_type *t)
{
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0, n = btf_vlen(t); i < n; i++) {
		TRY(check_name(b, id, m[i].name_off));
		if (btf_member_bit_offset(t, i) > (uint64_t)t->size * 8)
			return blob_err(b, id, "member %u lies at bit %u of %u bytes", i,
					btf_member_bit_offset(t, i), t->size);
	}
	return NULL;
}

static struct err *check_enum(const struct btf_blob *b, uint32_t id, const struct btf_type *t)
{
	if (!t->size || t->size > 8 || (t->size & (t->size - 1)))
		return blob_err(b, id, "size is %u", t->size);
	for (uint32_t i = 0, n = btf_vlen(t); i < n; i++)
		TRY(check_name(b, id,
			       btf_kind(t) == BTF_KIND_ENUM ? btf_enum(t)[i].name_off
							    : btf_enum64(t)[i].name_off));
	return NULL;
}

static struct err *check_params(const struct btf_blob *b, uint32_t id, const struct btf_type *t)
{
	for (uint32_t i = 0, n = btf_vlen(t); i < n; i++)
		TRY(check_name(b, id, btf_params(t)[i].name_off));
	return NULL;
}

static struct err *check_datasec(const struct btf_blob *b, uint32_t id, const struct btf_type *t)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t);

	for (uint32_t i = 0, n = btf_vlen(t); i < n; i++) {
		if ((uint64_t)v[i].offset + v[i].size > t->size)
			return blob_err(b, id, "variable %u takes %u bytes at %u of %u", i,
					v[i].size, v[i].offset, t->size);
	}
	return NULL;
}

static struct err *check_record(const struct btf_blob *b, uint32_t id, const struct btf_type *t)
{
	TRY(check_name(b, id, t->name_off));

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return check_int(b, id, t);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return check_members(b, id, t);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return check_enum(b, id, t);
	case BTF_KIND_FUNC_PROTO:
		return check_params(b, id, t);
	case BTF_KIND_DATASEC:
		return check_datasec(b, id, t);
	case BTF_KIND_FLOAT:
		if (t->size != 2 && t->size != 4 && t->size != 8 && t->size != 12 && t->size != 16)
			return blob_err(b, id, "size is %u", t->size);
		return NULL;
	default:
		return NULL;
	}
}

static struct err *add_record(struct btf_blob *b, uint32_t at)
{
	if (b->nr == b->room) {
		uint32_t room = b->room ? b->room * 2 : 1024;
		uint32_t *p = realloc(b->at, room * sizeof(*p));

		if (!p)
			return &err_nomem;
		b->at = p;
		b->room = room;
	}
	b->at[b->nr++] = at;
	return NULL;
}

/*
 * Walks the records and moves each down to its canonical place, which is never behind where it was:
 * records only shrink.
 */
static struct err *canonical_records(struct btf_blob *b, uint32_t len, uint32_t *ret_len)
{
	uint32_t from = 0, to = 0;

	while (from < len) {
		uint32_t id = b->start_id + b->nr;

		if (len - from < REC_LEN)
			return err_new(ERR_CORRUPT, "type %u: cut after %u bytes", id, len - from);

		struct btf_type *t = (struct btf_type *)(b->types + to);
		memmove(t, b->types + from, REC_LEN);

		uint32_t kind = t->info >> 24 & 0x7f, vlen = t->info & 0xffffff;
		struct record_size size;
		if (!record_size(b, kind, &size))
			return err_new(ERR_CORRUPT, "type %u: unknown kind %u", id, kind);

		uint64_t full = REC_LEN + size.info + (uint64_t)size.elem * vlen;
		if (full > len - from)
			return err_new(ERR_CORRUPT, "type %u: %ju bytes where %u are left", id,
				       (uintmax_t)full, len - from);
		if (full % 4)
			return err_new(ERR_CORRUPT, "type %u: of kind %u and odd size %ju", id,
				       kind, (uintmax_t)full);

		uint32_t keep = REC_LEN;
		if (kind >= NR_BTF_KINDS) {
			/* Something of a newer kernel: known by name only. */
			t->info = BTF_KIND_FWD << 24;
			t->type = 0;
		} else {
			vlen = MIN(vlen, (uint32_t)BTF_CANONICAL_VLEN);
			t->info = (t->info & 1u << 31) | kind << 24 | vlen;
			keep += size.info + size.elem * vlen;
			memmove(t + 1, b->types + from + REC_LEN, keep - REC_LEN);
		}
		TRY(add_record(b, to));
		TRY(check_record(b, id, t));
		from += full;
		to += keep;
	}
	*ret_len = to;
	return NULL;
}

static struct err *check_section(const char *name, uint64_t room, uint32_t off, uint32_t len)
{
	if (off > room || len > room - off)
		return err_new(ERR_CORRUPT, "%s of %u bytes at %u of %ju", name, len, off,
			       (uintmax_t)room);
	return NULL;
}

static struct err *check_strings(struct btf_blob *b)
{
	if (!b->strs_len) {
		if (b->base)
			return NULL;
		return err_new(ERR_CORRUPT, "no strings");
	}
	if (b->strs[b->strs_len - 1])
		return err_new(ERR_CORRUPT, "strings do not end with NUL");
	if (!b->base && b->strs[0])
		return err_new(ERR_CORRUPT, "strings do not begin with NUL");

	for (const char *s = b->strs, *end = s + b->strs_len; s < end;) {
		const char *nul = memchr(s, 0, end - s);

		if (nul - s > BTF_MAX_NAME) {
			b->long_names = true;
			break;
		}
		s = nul + 1;
	}
	return NULL;
}

static struct err *validate(struct btf_blob *b, const uint8_t *data, size_t len, uint8_t **ret,
			    size_t *ret_len)
{
	if (len < HDR_LEN)
		return err_new(ERR_CORRUPT, "%zu bytes are too few for a header", len);
	if (len > BTF_MAX_BLOB)
		return err_new(ERR_CORRUPT, "%zu bytes are more than %d", len, BTF_MAX_BLOB);
	if (get_le16(data) != BTF_MAGIC)
		return err_new(ERR_CORRUPT, "wrong magic %#x", get_le16(data));
	if (data[2] != BTF_VERSION)
		return err_new(ERR_CORRUPT, "version %u", data[2]);

	uint32_t hdr_len = get_le32(data + 4);
	if (hdr_len < HDR_LEN || hdr_len > len)
		return err_new(ERR_CORRUPT, "header length %u", hdr_len);

	const uint8_t *body = data + hdr_len;
	uint64_t room = len - hdr_len;
	uint32_t type_off = get_le32(data + 8), type_len = get_le32(data + 12);
	uint32_t str_off = get_le32(data + 16), str_len = get_le32(data + 20);
	TRY(check_section("types", room, type_off, type_len));
	TRY(check_section("strings", room, str_off, str_len));
	if (type_off % 4 || type_len % 4)
		return err_new(ERR_CORRUPT, "types of %u bytes at %u are not aligned", type_len,
			       type_off);
	if (type_len && str_len && type_off < str_off + str_len && str_off < type_off + type_len)
		return err_new(ERR_CORRUPT, "types and strings overlap");

	/* Since 7.1: sizes of the records of each kind. */
	if (hdr_len >= HDR_LEN_LAYOUT) {
		uint32_t off = get_le32(data + 24), n = get_le32(data + 28);

		TRY(check_section("layout", room, off, n));
		b->sizes = body + off;
		b->nr_sizes = n / LAYOUT_LEN;
		for (uint32_t kind = 1; kind < NR_BTF_KINDS && kind < b->nr_sizes; kind++) {
			const uint8_t *s = b->sizes + kind * LAYOUT_LEN;

			if (s[0] != record_sizes[kind].info || s[1] != record_sizes[kind].elem)
				return err_new(ERR_CORRUPT, "layout of kind %s: %u + %u bytes",
					       btf_kind_text(kind), s[0], s[1]);
		}
	}

	b->strs = (const char *)body + str_off;
	b->strs_len = str_len;
	TRY(check_strings(b));

	_cleanup_free_ uint8_t *out = malloc(HDR_LEN + (size_t)type_len + str_len);
	if (!out)
		return &err_nomem;
	b->types = out + HDR_LEN;
	memcpy(b->types, body + type_off, type_len);
	TRY(canonical_records(b, type_len, &type_len));
	TRY(blob_check_refs(b));
	TRY(blob_check_nesting(b));

	memcpy(out + HDR_LEN + type_len, b->strs, str_len);
	*(struct btf_header *)out = (struct btf_header){
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = HDR_LEN,
		.type_len = type_len,
		.str_off = type_len,
		.str_len = str_len,
	};
	*ret_len = HDR_LEN + (size_t)type_len + str_len;
	*ret = take_ptr(out);
	return NULL;
}

static struct err *validate_all(const void *data, size_t len, const struct types *base,
				struct btf_blob *b, uint8_t **ret, size_t *ret_len)
{
	*b = (struct btf_blob){
		.base = base,
		.start_id = base ? types_count(base) : 1,
		.base_strs = base ? types_str_len(base) : 0,
	};

	struct err *e = validate(b, data, len, ret, ret_len);
	if (e)
		free(b->at);
	return err_prefix(e, "BTF");
}

struct err *btf_validate(const void *data, size_t len, const struct types *base, void **ret,
			 size_t *ret_len)
{
	struct btf_blob b;
	uint8_t *out;

	TRY(validate_all(data, len, base, &b, &out, ret_len));
	free(b.at);
	*ret = out;
	return NULL;
}

struct err *btf_validate_index(const void *data, size_t len, const struct types *base,
			       uint8_t **ret, uint32_t **ret_at, uint32_t *ret_nr)
{
	struct btf_blob b;
	size_t out_len;

	TRY(validate_all(data, len, base, &b, ret, &out_len));
	*ret_at = b.at;
	*ret_nr = b.nr;
	return NULL;
}
