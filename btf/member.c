/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Members by a dotted path. */
#include "config.h"

#include <bpf/btf.h>
#include <ctype.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "btf/size.h"
#include "btf/types.h"

enum {
	/* Members looked at in one step: unnamed structs may share their parts, so that a small blob
	 * unfolds into any number of them. */
	MEMBER_BUDGET = 1 << 20,
};

/* A place within the outermost struct. */
struct place {
	uint64_t bit;	      /* from its start */
	uint32_t type_id;
	uint32_t bitfield;    /* bits; 0: not a bitfield */
};

/* A word of a path. */
struct word {
	const char *s;
	size_t len;
};

static bool same_word(const char *name, struct word w)
{
	return !strncmp(name, w.s, w.len) && !name[w.len];
}

/* Before kind_flag bitfields were ints of fewer bits than their bytes have. */
static uint32_t old_bitfield(const struct types *types, uint32_t type_id, uint32_t *off)
{
	const struct btf_type *t = types_get(types, types_peel(types, type_id));

	*off = 0;
	if (!t || !btf_is_int(t))
		return 0;
	*off = btf_int_offset(t);
	return *off || btf_int_bits(t) != (uint64_t)t->size * 8 ? btf_int_bits(t) : 0;
}

/* False if there is no such member, or if the budget ran out. */
static bool find_member(const struct types *types, uint32_t struct_id, struct word name,
			uint64_t bit, uint32_t *budget, struct place *ret)
{
	const struct btf_type *t = types_get(types, struct_id);
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0, n = btf_vlen(t); i < n && *budget; i++) {
		const char *s = types_str(types, m[i].name_off);
		uint64_t at = bit + btf_member_bit_offset(t, i);

		--*budget;
		if (*s) {
			if (!same_word(s, name))
				continue;
			*ret = (struct place){ at, m[i].type, btf_member_bitfield_size(t, i) };
			if (!ret->bitfield) {
				uint32_t off;

				ret->bitfield = old_bitfield(types, m[i].type, &off);
				ret->bit += off;
			}
			return true;
		}

		uint32_t in = types_peel(types, m[i].type);
		const struct btf_type *inner = types_get(types, in);
		if (inner && btf_is_composite(inner) &&
		    find_member(types, in, name, at, budget, ret))
			return true;
	}
	return false;
}

static struct err *step_member(const struct types *types, struct word name, struct place *p)
{
	uint32_t id = types_peel(types, p->type_id), budget = MEMBER_BUDGET;
	const struct btf_type *t = types_get(types, id);

	if (!t || !btf_is_composite(t) || p->bitfield)
		return err_new(ERR_MISSING, "no member %.*s in what is no struct", (int)name.len,
			       name.s);
	if (!find_member(types, id, name, p->bit, &budget, p)) {
		const char *own = types_name(types, id);

		return err_new(ERR_MISSING, "%s %s has no member %.*s",
			       btf_is_struct(t) ? "struct" : "union", *own ? own : "(unnamed)",
			       (int)name.len, name.s);
	}
	return NULL;
}

/* s points behind the bracket; *end behind the closing one. */
static struct err *step_index(const struct types *types, const char *s, struct place *p,
			      const char **end)
{
	uint64_t index = 0, size, at;
	const char *c = s;

	for (; isdigit((unsigned char)*c) && index <= UINT32_MAX; c++)
		index = index * 10 + (unsigned int)(*c - '0');
	if (c == s || *c != ']')
		return err_new(ERR_USAGE, "bad index in a member path: [%s", s);

	const struct btf_type *t = types_get(types, types_peel(types, p->type_id));
	if (!t || !btf_is_array(t) || p->bitfield)
		return err_new(ERR_MISSING, "no element [%ju] in what is no array", (uintmax_t)index);
	if (btf_array(t)->nelems && index >= btf_array(t)->nelems)
		return err_new(ERR_MISSING, "no element [%ju] in an array of %u", (uintmax_t)index,
			       btf_array(t)->nelems);
	TRY(types_size(types, btf_array(t)->type, &size));
	if (mul_overflows(size, index, &at) || mul_overflows(at, 8, &at) ||
	    add_overflows(p->bit, at, &at) || at / 8 > UINT32_MAX)
		return err_new(ERR_CORRUPT, "element [%ju] lies too far off", (uintmax_t)index);
	p->bit = at;
	p->type_id = btf_array(t)->type;
	*end = c + 1;
	return NULL;
}

static struct err *step_all(const struct types *types, const char *path, struct place *p)
{
	for (const char *s = path; *s;) {
		struct word name = { s, strcspn(s, ".[") };

		if (!name.len)
			return err_new(ERR_USAGE, "bad member path: %s", path);
		TRY(step_member(types, name, p));
		s += name.len;
		while (*s == '[')
			TRY(step_index(types, s + 1, p, &s));
		if (*s == '.' && s[1])
			s++;
		else if (*s)
			return err_new(ERR_USAGE, "bad member path: %s", path);
	}
	return NULL;
}

static bool is_signed(const struct btf_type *t)
{
	if (btf_is_int(t))
		return btf_int_encoding(t) & BTF_INT_SIGNED;
	return btf_is_any_enum(t) && btf_kflag(t);
}

static struct err *place_to_member(const struct types *types, const struct place *p,
				   struct member *ret)
{
	const struct btf_type *t = types_get(types, types_peel(types, p->type_id));
	unsigned int bit_off = p->bit % 8;
	uint64_t size;

	if (p->bitfield) {
		if (p->bitfield > 64)
			return err_new(ERR_UNSUPPORTED, "bitfield of %u bits", p->bitfield);
		size = (bit_off + p->bitfield + 7) / 8;
	} else {
		if (bit_off)
			return err_new(ERR_CORRUPT, "member at bit %u of a byte", bit_off);
		TRY(types_size(types, p->type_id, &size));
	}
	if (p->bit / 8 > UINT32_MAX || size > UINT32_MAX)
		return err_new(ERR_CORRUPT, "member of %ju bytes at %ju", (uintmax_t)size,
			       (uintmax_t)(p->bit / 8));

	*ret = (struct member){
		.present = true,
		.is_signed = t && is_signed(t),
		.off = (uint32_t)(p->bit / 8),
		.size = (uint32_t)size,
		.bit_off = p->bitfield ? (uint8_t)bit_off : 0,
		.bit_size = (uint8_t)p->bitfield,
		.nr = t && btf_is_array(t) ? btf_array(t)->nelems : 0,
		.type_id = p->type_id,
	};
	return NULL;
}

struct err *types_member(const struct types *types, uint32_t struct_id, const char *path,
			 struct member *ret)
{
	struct place p = { 0, struct_id, 0 };
	struct err *e = step_all(types, path, &p);

	if (!e)
		e = place_to_member(types, &p, ret);
	return err_prefix(e, "%s.%s", types_name(types, struct_id), path);
}

uint64_t member_get(const struct member *m, const void *obj)
{
	const uint8_t *b = (const uint8_t *)obj + m->off;
	uint64_t v = get_le(b, m->size);
	unsigned int bits = 8 * MIN(m->size, 8u);

	if (m->bit_size) {
		bits = m->bit_size;
		v >>= m->bit_off;
		/* 64 bits that begin within a byte touch nine. */
		if (m->size > 8 && m->bit_off)
			v |= (uint64_t)b[8] << (64 - m->bit_off);
	}
	if (!bits)
		return 0;
	if (m->is_signed)
		return (uint64_t)sign_extend(v, bits);
	return bits < 64 ? v & ((1ull << bits) - 1) : v;
}

/* Puts the names that are near to the error, if there are any. */
static struct err *near_members(const struct types *types, const struct place *p, struct word name,
				struct err *e)
{
	const struct btf_type *t = types_get(types, types_peel(types, p->type_id));
	_cleanup_free_ char *word = strndup(name.s, name.len);
	_cleanup_free_ char *hint = NULL;
	struct nearest near = { .word = word };

	if (!word || !t || !btf_is_composite(t) || e->code != ERR_MISSING)
		return e;
	for (uint32_t i = 0; i < btf_vlen(t); i++)
		nearest_offer(&near, types_str(types, btf_members(t)[i].name_off));
	hint = nearest_text(&near);
	if (!hint || !*hint)
		return e;
	struct err *better = err_new(e->code, "%s%s", e->msg, hint);
	err_free(e);
	return better;
}

static bool is_flexible(const struct types *types, uint32_t id)
{
	const struct btf_type *t = types_get(types, types_peel(types, id));

	return t && btf_is_array(t) && !btf_array(t)->nelems;
}

/* A step to what has no bytes of its own is undone. */
static struct err *follow_member(const struct types *types, const char **path, struct place *p)
{
	struct word name = { *path, strcspn(*path, ".[-") };
	struct place here = *p;

	if (!name.len)
		return err_new(ERR_USAGE, "a member's name is missing");
	struct err *e = step_member(types, name, p);
	if (e)
		return near_members(types, &here, name, e);
	if (p->bitfield || is_flexible(types, p->type_id))
		*p = here;
	else
		*path += name.len;
	return NULL;
}

static const char *skip_dot(const char *s)
{
	if (*s == '.')
		return s + 1;
	return s[0] == '-' && s[1] == '>' ? s + 2 : s;
}

struct err *types_follow(const struct types *types, uint32_t type_id, const char *path, struct member *ret,
			 const char **rest)
{
	struct place p = { 0, type_id, 0 };
	const char *s = path;

	while (*s) {
		const struct btf_type *t = types_get(types, types_peel(types, p.type_id));
		const char *name = skip_dot(s), *at = name;

		if (t && btf_is_ptr(t))
			break;
		if (*s == '[') {
			TRY(step_index(types, s + 1, &p, &s));
			continue;
		}
		if (name == s && s != path)
			return err_new(ERR_USAGE, "\"%s\" is neither .member nor [index]", s);
		TRY(follow_member(types, &at, &p));
		if (at == name)
			break;
		s = at;
	}
	*rest = s;
	return place_to_member(types, &p, ret);
}
