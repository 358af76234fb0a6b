/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types of one BTF blob: the kernel's own, or split BTF of a module or program on top
 * of it.  A blob comes from a guest and may lie, so it is validated (btf/validate.h)
 * before anything else sees it.
 */
#ifndef FDGDB_TYPES_H
#define FDGDB_TYPES_H

#include <linux/btf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct types;

/*
 * Validates and takes over a copy of `len` bytes of BTF.  With a base, ids and string
 * offsets continue behind the base's; the base must outlive the result.  ERR_CORRUPT
 * names what is wrong with the blob.
 */
struct err *types_create(const void *data, size_t len, const struct types *base,
			 struct types **ret) MUST_CHECK;
void types_destroy(struct types *types);

/* One more than the highest id; ids begin at 1, 0 is void.  Includes the base's. */
uint32_t types_count(const struct types *types);

/* First id that is not the base's: 1 without a base. */
uint32_t types_start_id(const struct types *types);

/* Bytes of all strings, the base's included: string offsets of a split blob on top begin there. */
uint32_t types_str_len(const struct types *types);

/* NULL for void and for an id that is out of range. */
const struct btf_type *types_get(const struct types *types, uint32_t id);

/* "" for a type without a name; never NULL.  Lives as long as the types. */
const char *types_name(const struct types *types, uint32_t id);

/* A string by its offset (btf_type.name_off, btf_member.name_off ...); "" if none. */
const char *types_str(const struct types *types, uint32_t off);

/*
 * The type of this kind (BTF_KIND_*) and name, own types before the base's.  BTF_KIND_ENUM
 * also finds ENUM64.  ERR_MISSING if there is none, ERR_CORRUPT if several differ in size (a
 * dozen names in a kernel do): nobody can say which is meant.  Names longer than 511 bytes are not
 * found.
 */
struct err *types_find(const struct types *types, unsigned int kind, const char *name,
		       uint32_t *ret) MUST_CHECK;

/* Follows typedefs, cv-qualifiers and tags, at most 32; 0 if the chain is longer or ends in void. */
uint32_t types_peel(const struct types *types, uint32_t id);

/* Bytes of a value of this type: ERR_CORRUPT for void, functions, forward declarations. */
struct err *types_size(const struct types *types, uint32_t id, uint64_t *ret) MUST_CHECK;

/* Value of an enumerator of the enum (32 or 64 bits) `id`; ERR_MISSING. */
struct err *types_enumerator(const struct types *types, uint32_t id, const char *name,
			     int64_t *ret) MUST_CHECK;

/*
 * Name of the enumerator with this value, NULL if there is none.  Both are cut to the width of the
 * enum first: narrow signed enums may be stored either way.
 */
const char *types_enum_name(const struct types *types, uint32_t id, int64_t value);

/*
 * Where a member lies.  `present` false: this kernel has no such member (nothing else is
 * valid then).  For a plain member bit_size is 0 and `off` says it all; a bitfield is
 * bit_size bits from bit `bit_off` of the little-endian bytes at `off`.
 */
struct member {
	bool present;
	bool is_signed; /* after peeling: signed int or signed enum */
	uint32_t off;	/* bytes from the start of the outermost struct */
	uint32_t size;	/* bytes of the member; of the bytes that hold a bitfield */
	uint8_t bit_off;
	uint8_t bit_size;
	uint32_t nr;	  /* elements, if it is an array; 0 otherwise or if flexible */
	uint32_t type_id; /* as declared, not peeled */
};

/*
 * Finds a member by a dotted path ("scx.local_dsq.nr"); each step descends through unnamed
 * structs and unions.  The path "" is the whole struct (its size).  "a[3]" steps into arrays; a
 * flexible one takes any index.  ERR_MISSING names the first step that is not there.  `struct_id` may
 * be a typedef of a struct.
 */
struct err *types_member(const struct types *types, uint32_t struct_id, const char *path,
			 struct member *ret) MUST_CHECK;

/*
 * Follows a path as users write it (".a[3].b", "[3]", "a->b") from a value of any type, as far as it stays
 * within the value: *rest is what is left, "" if nothing, where it comes to a pointer, a bitfield or an array without length.  *ret is
 * the place it came to, ->off from the start of the value.
 */
struct err *types_follow(const struct types *types, uint32_t type_id, const char *path, struct member *ret,
			 const char **rest) MUST_CHECK;

/* The member's value out of an object's bytes, zero- or sign-extended.  Up to 8 bytes; the object
 * must hold them (see member_fits). */
uint64_t member_get(const struct member *m, const void *obj);

static inline bool member_fits(const struct member *m, size_t obj_len)
{
	return m->present && m->off <= obj_len && m->size <= obj_len - m->off;
}

#endif
