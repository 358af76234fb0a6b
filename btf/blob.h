/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the stages of the validator share: a blob on its way to be canonical.
 *
 * Of libbpf we use the record definitions of bpf/btf.h and nothing else: 1.1 (Debian 12) declares
 * btf__new_split() but does not export it, and checks and indexes less than is needed here anyway.
 */
#ifndef FDGDB_BTF_BLOB_H
#define FDGDB_BTF_BLOB_H

#include "btf/types.h"

enum {
	BTF_MAX_BLOB = 32 << 20,   /* bytes; the largest vmlinux BTF seen has 6 MB */
	BTF_MAX_NAME = 1023,	   /* bytes; the kernel allows 511 */
	BTF_MAX_NESTING = 128,	   /* types within types by value, modifiers counted */
	BTF_CANONICAL_VLEN = 0xffff, /* what BTF_INFO_VLEN() keeps before kernel 7.1 */
};

struct btf_blob {
	const struct types *base; /* or NULL */
	uint32_t start_id;	  /* of the first own type */
	uint32_t base_strs;	  /* string bytes of the base */
	const char *strs;	  /* own string section, not aligned */
	uint32_t strs_len;
	bool long_names;      /* a string exceeds BTF_MAX_NAME: look at each name */
	const uint8_t *sizes; /* layout section: {info size, element size, flags} of each kind */
	uint32_t nr_sizes;
	uint8_t *types;	   /* canonical records */
	uint32_t *at;	   /* offset of record start_id + i in types */
	uint32_t nr, room; /* of at[] */
};

/* btf_validate() that also hands out (malloc'd) where each record lies in the type section
 * of the copy. */
struct err *btf_validate_index(const void *data, size_t len, const struct types *base,
			       uint8_t **ret, uint32_t **ret_at, uint32_t *ret_nr) MUST_CHECK;

/* The record of an own type or one of the base; NULL for void and what is out of range. */
const struct btf_type *blob_get(const struct btf_blob *b, uint32_t id);

/* ERR_CORRUPT "type 5 (struct): ...". */
struct err *blob_err(const struct btf_blob *b, uint32_t id, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;

/* Every reference leads to a type of a kind that may stand there. */
struct err *blob_check_refs(const struct btf_blob *b) MUST_CHECK;

/* No type contains itself by value, none nests deeper than BTF_MAX_NESTING. */
struct err *blob_check_nesting(const struct btf_blob *b) MUST_CHECK;

const char *btf_kind_text(unsigned int kind);

#endif
