/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the types of a BTF blob refer to each other: kinds and loops. */
#include "config.h"

#include "btf/blob.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "base/cleanup.h"

static const uint32_t value_kinds =
	1u << BTF_KIND_INT | 1u << BTF_KIND_PTR | 1u << BTF_KIND_ARRAY | 1u << BTF_KIND_STRUCT |
	1u << BTF_KIND_UNION | 1u << BTF_KIND_ENUM | 1u << BTF_KIND_FWD | 1u << BTF_KIND_TYPEDEF |
	1u << BTF_KIND_VOLATILE | 1u << BTF_KIND_CONST | 1u << BTF_KIND_RESTRICT |
	1u << BTF_KIND_FLOAT | 1u << BTF_KIND_TYPE_TAG | 1u << BTF_KIND_ENUM64;

/* What a pointer may point to. */
static const uint32_t type_kinds = value_kinds | 1u << BTF_KIND_UNKN | 1u << BTF_KIND_FUNC_PROTO;

static struct err *check_ref(const struct btf_blob *b, uint32_t id, uint32_t to, uint32_t kinds)
{
	const struct btf_type *t = blob_get(b, to);

	if (to && !t)
		return blob_err(b, id, "refers to type %u of %u", to, b->start_id + b->nr);

	unsigned int kind = t ? btf_kind(t) : BTF_KIND_UNKN;
	if (!(kinds & 1u << kind))
		return blob_err(b, id, "refers to type %u, which is a %s", to, btf_kind_text(kind));
	return NULL;
}

static struct err *check_decl_tag(const struct btf_blob *b, uint32_t id, const struct btf_type *t)
{
	TRY(check_ref(b, id, t->type,
		      value_kinds | 1u << BTF_KIND_FUNC | 1u << BTF_KIND_VAR));

	const struct btf_type *what = blob_get(b, t->type);
	int32_t idx = btf_decl_tag(t)->component_idx;
	if (idx == -1)
		return NULL;
	if (btf_is_func(what))
		what = blob_get(b, what->type); /* null or not a prototype: refused in its own turn */
	if (idx < -1 || !what || !(btf_is_composite(what) || btf_is_func_proto(what)) ||
	    idx >= btf_vlen(what))
		return blob_err(b, id, "is about component %d of type %u", idx, t->type);
	return NULL;
}

static struct err *check_type_refs(const struct btf_blob *b, uint32_t id)
{
	const struct btf_type *t = blob_get(b, id);

	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_VAR:
		return check_ref(b, id, t->type, type_kinds);
	case BTF_KIND_ARRAY:
		TRY(check_ref(b, id, btf_array(t)->type, value_kinds));
		return check_ref(b, id, btf_array(t)->index_type, value_kinds);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (uint32_t i = 0, n = btf_vlen(t); i < n; i++)
			TRY(check_ref(b, id, btf_members(t)[i].type, value_kinds));
		return NULL;
	case BTF_KIND_FUNC:
		return check_ref(b, id, t->type, 1u << BTF_KIND_FUNC_PROTO);
	case BTF_KIND_FUNC_PROTO:
		TRY(check_ref(b, id, t->type, type_kinds));
		for (uint32_t i = 0, n = btf_vlen(t); i < n; i++)
			TRY(check_ref(b, id, btf_params(t)[i].type, type_kinds));
		return NULL;
	case BTF_KIND_DATASEC:
		for (uint32_t i = 0, n = btf_vlen(t); i < n; i++)
			TRY(check_ref(b, id, btf_var_secinfos(t)[i].type,
				      1u << BTF_KIND_VAR | 1u << BTF_KIND_FUNC));
		return NULL;
	case BTF_KIND_DECL_TAG:
		return check_decl_tag(b, id, t);
	default:
		return NULL;
	}
}

struct err *blob_check_refs(const struct btf_blob *b)
{
	for (uint32_t i = 0; i < b->nr; i++)
		TRY(check_type_refs(b, b->start_id + i));
	return NULL;
}

/*
 * Height of a type: the longest way down by value (members, elements, what modifiers stand for).
 * Pointers end it.  The base has been through this and cannot refer to us, so it counts as a leaf.
 */
enum { HEIGHT_UNKNOWN = 0, HEIGHT_BUSY = 255 };

struct nesting {
	const struct btf_blob *b;
	uint8_t *heights;
};

static struct err *measure(struct nesting *n, uint32_t id, unsigned int depth);

static struct err *measure_part(struct nesting *n, uint32_t id, unsigned int depth,
				uint32_t part, unsigned int *height)
{
	if (part < n->b->start_id)
		return NULL;

	uint8_t *h = &n->heights[part - n->b->start_id];
	if (*h == HEIGHT_BUSY)
		return blob_err(n->b, id, "contains itself");
	if (*h == HEIGHT_UNKNOWN)
		TRY(measure(n, part, depth + 1));
	*height = MAX(*height, *h + 1u);
	if (*height > BTF_MAX_NESTING)
		return blob_err(n->b, id, "is nested more than %d deep", BTF_MAX_NESTING);
	return NULL;
}

static struct err *measure(struct nesting *n, uint32_t id, unsigned int depth)
{
	const struct btf_type *t = blob_get(n->b, id);
	uint8_t *h = &n->heights[id - n->b->start_id];
	unsigned int height = 1;

	if (depth > BTF_MAX_NESTING)
		return blob_err(n->b, id, "is nested more than %d deep", BTF_MAX_NESTING);
	*h = HEIGHT_BUSY;
	switch (btf_kind(t)) {
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_VAR:
		TRY(measure_part(n, id, depth, t->type, &height));
		break;
	case BTF_KIND_ARRAY:
		TRY(measure_part(n, id, depth, btf_array(t)->type, &height));
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (uint32_t i = 0, nr = btf_vlen(t); i < nr; i++)
			TRY(measure_part(n, id, depth, btf_members(t)[i].type, &height));
		break;
	case BTF_KIND_DATASEC:
		for (uint32_t i = 0, nr = btf_vlen(t); i < nr; i++)
			TRY(measure_part(n, id, depth, btf_var_secinfos(t)[i].type, &height));
		break;
	default:
		break;
	}
	*h = (uint8_t)height;
	return NULL;
}

struct err *blob_check_nesting(const struct btf_blob *b)
{
	_cleanup_free_ uint8_t *heights = calloc(b->nr ? b->nr : 1, 1);
	if (!heights)
		return &err_nomem;

	struct nesting n = { b, heights };
	for (uint32_t i = 0; i < b->nr; i++) {
		if (heights[i] == HEIGHT_UNKNOWN)
			TRY(measure(&n, b->start_id + i, 1));
	}
	return NULL;
}
