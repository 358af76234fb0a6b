/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes BTF blobs word by word, good ones and bad ones alike; nothing is checked.
 *
 *	struct btf_build b;
 *	btf_build_init(&b, NULL);
 *	uint32_t u32 = btf_build_int(&b, "unsigned int", 4, 0);
 *	btf_build_struct(&b, "pair", 8);
 *	btf_build_member(&b, "left", u32, 0);
 *	btf_build_member(&b, "right", u32, 32);
 *	struct types *types = btf_build_types(&b);
 *
 * Each btf_build_KIND() begins a type and returns its id; members, enumerators, parameters and
 * variables go to the type begun last.  Aborts for lack of memory.
 */
#ifndef FDGDB_TEST_BTF_BUILD_H
#define FDGDB_TEST_BTF_BUILD_H

#include "btf/types.h"

struct btf_build {
	const struct types *base;
	uint8_t *types;
	size_t types_len;
	char *strs;
	size_t strs_len;
	uint32_t next_id;
	size_t last; /* offset of the type begun last */
};

/* base may be NULL; the blob is then laid upon it. */
void btf_build_init(struct btf_build *b, const struct types *base);

/* The blob, malloc'd, with a header of 24 bytes.  The builder is empty afterwards. */
void *btf_build_finish(struct btf_build *b, size_t *len);

/* The blob validated and indexed; aborts if it is refused: nothing in a test can go on from there. */
struct types *btf_build_types(struct btf_build *b);

/* Offset of a (new) string; 0 for "" and NULL. */
uint32_t btf_build_str(struct btf_build *b, const char *s);

/* Any 32-bit word behind what is there. */
void btf_build_word(struct btf_build *b, uint32_t word);

/* The three words of a type; `info` may be any. */
uint32_t btf_build_raw(struct btf_build *b, const char *name, uint32_t info, uint32_t size_or_type);

/* Any kind that is three words and refers to a type: PTR, TYPEDEF, CONST, FUNC ... */
uint32_t btf_build_ref(struct btf_build *b, unsigned int kind, const char *name, uint32_t type);

uint32_t btf_build_int(struct btf_build *b, const char *name, uint32_t size, unsigned int encoding);
uint32_t btf_build_float(struct btf_build *b, const char *name, uint32_t size);
uint32_t btf_build_ptr(struct btf_build *b, uint32_t type);
uint32_t btf_build_typedef(struct btf_build *b, const char *name, uint32_t type);
uint32_t btf_build_array(struct btf_build *b, uint32_t type, uint32_t index_type, uint32_t nr);
uint32_t btf_build_fwd(struct btf_build *b, const char *name, bool is_union);

uint32_t btf_build_struct(struct btf_build *b, const char *name, uint32_t size);
uint32_t btf_build_union(struct btf_build *b, const char *name, uint32_t size);
void btf_build_member(struct btf_build *b, const char *name, uint32_t type, uint32_t bit_off);
/* Sets the kind flag of the struct: all its offsets are then of the newer form. */
void btf_build_bitfield(struct btf_build *b, const char *name, uint32_t type, uint32_t bit_off,
			uint32_t bits);

uint32_t btf_build_enum(struct btf_build *b, const char *name, uint32_t size, bool is_signed);
uint32_t btf_build_enum64(struct btf_build *b, const char *name, uint32_t size, bool is_signed);
void btf_build_enumerator(struct btf_build *b, const char *name, int64_t value);

uint32_t btf_build_func_proto(struct btf_build *b, uint32_t returns);
void btf_build_param(struct btf_build *b, const char *name, uint32_t type);

uint32_t btf_build_var(struct btf_build *b, const char *name, uint32_t type, uint32_t linkage);
uint32_t btf_build_datasec(struct btf_build *b, const char *name, uint32_t size);
void btf_build_secvar(struct btf_build *b, uint32_t var, uint32_t off, uint32_t size);

uint32_t btf_build_decl_tag(struct btf_build *b, const char *name, uint32_t type, int32_t idx);

#endif
