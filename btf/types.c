/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "btf/types.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "btf/blob.h"
#include "btf/names.h"
#include "btf/size.h"

enum { MAX_HOPS = 32 }; /* modifiers, one after another */

struct types {
	uint8_t *blob;	     /* canonical */
	const uint8_t *recs; /* its own type records */
	uint32_t *at;	     /* offset of record start_id + i in recs */
	const char *strs;    /* its own strings */
	const struct types *base;
	uint32_t start_id, count;	/* ids: first own, one more than the last */
	uint32_t start_str, str_len; /* string offsets: first own, end */
	struct names names;
};

struct err *types_create(const void *data, size_t len, const struct types *base,
			 struct types **ret)
{
	struct types *t = calloc(1, sizeof(*t));
	if (!t)
		return &err_nomem;

	uint32_t nr;
	struct err *e = btf_validate_index(data, len, base, &t->blob, &t->at, &nr);
	if (!e) {
		const struct btf_header *hdr = (const struct btf_header *)t->blob;

		t->recs = t->blob + sizeof(*hdr);
		t->strs = (const char *)t->recs + hdr->str_off;
		t->base = base;
		t->start_id = base ? base->count : 1;
		t->count = t->start_id + nr;
		t->start_str = base ? base->str_len : 0;
		t->str_len = t->start_str + hdr->str_len;
		e = names_init(&t->names, t);
	}
	if (e) {
		types_destroy(t);
		return e;
	}
	*ret = t;
	return NULL;
}

void types_destroy(struct types *types)
{
	if (!types)
		return;
	names_deinit(&types->names);
	free(types->at);
	free(types->blob);
	free(types);
}

uint32_t types_count(const struct types *types)
{
	return types->count;
}

uint32_t types_start_id(const struct types *types)
{
	return types->start_id;
}

uint32_t types_str_len(const struct types *types)
{
	return types->str_len;
}

const struct btf_type *types_get(const struct types *types, uint32_t id)
{
	while (id < types->start_id && types->base)
		types = types->base;
	if (id < types->start_id || id >= types->count)
		return NULL;
	return (const struct btf_type *)(types->recs + types->at[id - types->start_id]);
}

const char *types_str(const struct types *types, uint32_t off)
{
	while (off < types->start_str)
		types = types->base;
	return off < types->str_len ? types->strs + (off - types->start_str) : "";
}

const char *types_name(const struct types *types, uint32_t id)
{
	const struct btf_type *t = types_get(types, id);

	return t ? types_str(types, t->name_off) : "";
}

static const char *find_kind_text(unsigned int kind)
{
	switch (kind) {
	case BTF_KIND_STRUCT:
		return "struct";
	case BTF_KIND_UNION:
		return "union";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "enum";
	case BTF_KIND_DATASEC:
		return "data section";
	case BTF_KIND_VAR:
		return "variable";
	case BTF_KIND_FUNC:
		return "function";
	default:
		return "type";
	}
}

struct err *types_find(const struct types *types, unsigned int kind, const char *name,
		       uint32_t *ret)
{
	for (; types; types = types->base) {
		const struct name_slot *s = names_find(&types->names, types, kind, name);

		if (s && s->ambiguous)
			return err_new(ERR_CORRUPT, "%s %s is defined in several sizes",
				       find_kind_text(kind), name);
		if (s) {
			*ret = s->id;
			return NULL;
		}
	}
	return err_new(ERR_MISSING, "no %s %s in BTF", find_kind_text(kind), name);
}

static bool is_modifier(const struct btf_type *t)
{
	return btf_is_mod(t) || btf_is_typedef(t); /* btf_is_mod() knows no typedefs */
}

uint32_t types_peel(const struct types *types, uint32_t id)
{
	for (int i = 0; i <= MAX_HOPS; i++) {
		const struct btf_type *t = types_get(types, id);

		if (!t || !is_modifier(t))
			return t ? id : 0;
		id = t->type;
	}
	return 0;
}

bool type_size(const struct types *types, uint32_t id, uint64_t *ret)
{
	uint64_t nr = 1, size;

	/* The validator has seen to it that this ends. */
	for (;;) {
		const struct btf_type *t = types_get(types, id);

		switch (t ? btf_kind(t) : BTF_KIND_UNKN) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_CONST:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
		case BTF_KIND_VAR:
			id = t->type;
			continue;
		case BTF_KIND_ARRAY:
			if (mul_overflows(nr, btf_array(t)->nelems, &nr))
				return false;
			id = btf_array(t)->type;
			continue;
		case BTF_KIND_PTR:
			size = POINTER_SIZE;
			break;
		case BTF_KIND_INT:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_FLOAT:
		case BTF_KIND_DATASEC:
			size = t->size;
			break;
		default:
			return false;
		}
		return !mul_overflows(nr, size, ret);
	}
}

struct err *types_size(const struct types *types, uint32_t id, uint64_t *ret)
{
	uint64_t size;

	if (!type_size(types, id, &size))
		return err_new(ERR_CORRUPT, "type %u (%s) has no size", id, types_name(types, id));
	*ret = size;
	return NULL;
}
