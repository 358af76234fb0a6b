/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "btf-build.h"

#include <stdio.h>
#include <stdlib.h>

#include "grow.h"

static void append(void *buf_ptr, size_t *len, const void *data, size_t n)
{
	void **buf = buf_ptr;

	*buf = grow(*buf, *len, *len + n);
	memcpy((char *)*buf + *len, data, n);
	*len += n;
}

void btf_build_init(struct btf_build *b, const struct types *base)
{
	*b = (struct btf_build){ .base = base, .next_id = base ? types_count(base) : 1 };
	append(&b->strs, &b->strs_len, "", 1);
}

void *btf_build_finish(struct btf_build *b, size_t *len)
{
	struct btf_header hdr = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(hdr),
		.type_len = (uint32_t)b->types_len,
		.str_off = (uint32_t)b->types_len,
		.str_len = (uint32_t)b->strs_len,
	};
	void *blob = NULL;

	*len = 0;
	append(&blob, len, &hdr, sizeof(hdr));
	if (b->types_len)
		append(&blob, len, b->types, b->types_len);
	append(&blob, len, b->strs, b->strs_len);
	free(b->types);
	free(b->strs);
	*b = (struct btf_build){ 0 };
	return blob;
}

struct types *btf_build_types(struct btf_build *b)
{
	const struct types *base = b->base;
	struct types *types = NULL;
	size_t len;
	void *blob = btf_build_finish(b, &len);
	struct err *e = types_create(blob, len, base, &types);

	free(blob);
	if (e) {
		fprintf(stderr, "btf_build_types: %s\n", e->msg);
		abort();
	}
	return types;
}

uint32_t btf_build_str(struct btf_build *b, const char *s)
{
	if (!s || !*s)
		return 0;

	uint32_t off = (uint32_t)b->strs_len + (b->base ? types_str_len(b->base) : 0);
	append(&b->strs, &b->strs_len, s, strlen(s) + 1);
	return off;
}

void btf_build_word(struct btf_build *b, uint32_t word)
{
	append(&b->types, &b->types_len, &word, sizeof(word));
}

uint32_t btf_build_raw(struct btf_build *b, const char *name, uint32_t info, uint32_t size_or_type)
{
	b->last = b->types_len;
	btf_build_word(b, btf_build_str(b, name));
	btf_build_word(b, info);
	btf_build_word(b, size_or_type);
	return b->next_id++;
}

static uint32_t begin(struct btf_build *b, unsigned int kind, const char *name, uint32_t last)
{
	return btf_build_raw(b, name, kind << 24, last);
}

/* One more part of the type begun last. */
static void count_part(struct btf_build *b)
{
	++*(uint32_t *)(b->types + b->last + 4);
}

static unsigned int last_kind(const struct btf_build *b)
{
	return get_le32(b->types + b->last + 4) >> 24 & 0x1f;
}

uint32_t btf_build_ref(struct btf_build *b, unsigned int kind, const char *name, uint32_t type)
{
	return begin(b, kind, name, type);
}

uint32_t btf_build_int(struct btf_build *b, const char *name, uint32_t size, unsigned int encoding)
{
	uint32_t id = begin(b, BTF_KIND_INT, name, size);

	btf_build_word(b, encoding << 24 | size * 8);
	return id;
}

uint32_t btf_build_float(struct btf_build *b, const char *name, uint32_t size)
{
	return begin(b, BTF_KIND_FLOAT, name, size);
}

uint32_t btf_build_ptr(struct btf_build *b, uint32_t type)
{
	return begin(b, BTF_KIND_PTR, NULL, type);
}

uint32_t btf_build_typedef(struct btf_build *b, const char *name, uint32_t type)
{
	return begin(b, BTF_KIND_TYPEDEF, name, type);
}

uint32_t btf_build_array(struct btf_build *b, uint32_t type, uint32_t index_type, uint32_t nr)
{
	uint32_t id = begin(b, BTF_KIND_ARRAY, NULL, 0);

	btf_build_word(b, type);
	btf_build_word(b, index_type);
	btf_build_word(b, nr);
	return id;
}

uint32_t btf_build_fwd(struct btf_build *b, const char *name, bool is_union)
{
	return btf_build_raw(b, name, (uint32_t)is_union << 31 | BTF_KIND_FWD << 24, 0);
}

uint32_t btf_build_struct(struct btf_build *b, const char *name, uint32_t size)
{
	return begin(b, BTF_KIND_STRUCT, name, size);
}

uint32_t btf_build_union(struct btf_build *b, const char *name, uint32_t size)
{
	return begin(b, BTF_KIND_UNION, name, size);
}

void btf_build_member(struct btf_build *b, const char *name, uint32_t type, uint32_t bit_off)
{
	count_part(b);
	btf_build_word(b, btf_build_str(b, name));
	btf_build_word(b, type);
	btf_build_word(b, bit_off);
}

void btf_build_bitfield(struct btf_build *b, const char *name, uint32_t type, uint32_t bit_off,
			uint32_t bits)
{
	*(uint32_t *)(b->types + b->last + 4) |= 1u << 31;
	btf_build_member(b, name, type, bits << 24 | bit_off);
}

uint32_t btf_build_enum(struct btf_build *b, const char *name, uint32_t size, bool is_signed)
{
	return btf_build_raw(b, name, (uint32_t)is_signed << 31 | BTF_KIND_ENUM << 24, size);
}

uint32_t btf_build_enum64(struct btf_build *b, const char *name, uint32_t size, bool is_signed)
{
	return btf_build_raw(b, name, (uint32_t)is_signed << 31 | BTF_KIND_ENUM64 << 24, size);
}

void btf_build_enumerator(struct btf_build *b, const char *name, int64_t value)
{
	count_part(b);
	btf_build_word(b, btf_build_str(b, name));
	btf_build_word(b, (uint32_t)value);
	if (last_kind(b) == BTF_KIND_ENUM64)
		btf_build_word(b, (uint32_t)((uint64_t)value >> 32));
}

uint32_t btf_build_func_proto(struct btf_build *b, uint32_t returns)
{
	return begin(b, BTF_KIND_FUNC_PROTO, NULL, returns);
}

void btf_build_param(struct btf_build *b, const char *name, uint32_t type)
{
	count_part(b);
	btf_build_word(b, btf_build_str(b, name));
	btf_build_word(b, type);
}

uint32_t btf_build_var(struct btf_build *b, const char *name, uint32_t type, uint32_t linkage)
{
	uint32_t id = begin(b, BTF_KIND_VAR, name, type);

	btf_build_word(b, linkage);
	return id;
}

uint32_t btf_build_datasec(struct btf_build *b, const char *name, uint32_t size)
{
	return begin(b, BTF_KIND_DATASEC, name, size);
}

void btf_build_secvar(struct btf_build *b, uint32_t var, uint32_t off, uint32_t size)
{
	count_part(b);
	btf_build_word(b, var);
	btf_build_word(b, off);
	btf_build_word(b, size);
}

uint32_t btf_build_decl_tag(struct btf_build *b, const char *name, uint32_t type, int32_t idx)
{
	uint32_t id = begin(b, BTF_KIND_DECL_TAG, name, type);

	btf_build_word(b, (uint32_t)idx);
	return id;
}
