/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "btf/value-scan.h"

#include <bpf/btf.h>
#include <inttypes.h>

#include "btf/size.h"
#include "btf/value-impl.h"

enum {
	SCAN_DEPTH = 64, /* structs and arrays around; types may be nested without end */
	TAG_HOPS = 32,
};

struct scan {
	struct value_scan *req;
	const struct types *types;
	unsigned int depth;
};

static struct err *scan_type(struct scan *s, uint32_t id, struct span data,
			     const struct value_path *path);

static struct err *scan_part(struct scan *s, uint32_t id, struct span data,
			     const struct value_path *path)
{
	if (!s->req->budget || s->depth == SCAN_DEPTH || !data.len)
		return NULL;
	s->req->budget--;
	s->depth++;
	struct err *e = scan_type(s, id, data, path);
	s->depth--;
	return e;
}

static struct err *scan_members(struct scan *s, const struct btf_type *t, struct span data,
				const struct value_path *path)
{
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0, n = btf_vlen(t); i < n; i++) {
		uint32_t bit = btf_member_bit_offset(t, i);
		struct value_path at = { path, types_str(s->types, m[i].name_off), 0 };

		if (btf_member_bitfield_size(t, i) || bit % 8)
			continue;
		/* Members of an unnamed struct are its parent's. */
		TRY(scan_part(s, m[i].type, span_part(data, bit / 8, UINT64_MAX), *at.name ? &at : path));
	}
	return NULL;
}

static struct err *scan_array(struct scan *s, const struct btf_type *t, struct span data,
			      const struct value_path *path)
{
	uint32_t elem = btf_array(t)->type;
	struct value_path at = { path, NULL, 0 };
	uint64_t size;

	if (!type_size(s->types, elem, &size) || !size || !value_has_pointers(s->types, elem))
		return NULL;
	for (uint64_t n = btf_array(t)->nelems; at.index < n && at.index * size < data.len; at.index++) {
		if (!s->req->budget)
			break;
		TRY(scan_part(s, elem, span_part(data, at.index * size, size), &at));
	}
	return NULL;
}

static struct err *scan_datasec(struct scan *s, const struct btf_type *t, struct span data)
{
	const struct btf_var_secinfo *info = btf_var_secinfos(t);

	for (uint32_t i = 0, n = btf_vlen(t); i < n; i++) {
		const struct btf_type *var = types_get(s->types, info[i].type);
		struct value_path at = { NULL, types_name(s->types, info[i].type), 0 };

		if (var && btf_is_var(var))
			TRY(scan_part(s, var->type, span_part(data, info[i].offset, info[i].size), &at));
	}
	return NULL;
}

static struct err *scan_type(struct scan *s, uint32_t id, struct span data, const struct value_path *path)
{
	bool into = true;

	id = types_peel(s->types, id);
	const struct btf_type *t = types_get(s->types, id);
	if (!t)
		return NULL;

	struct value_site site = { s->types, id, data.p, data.len, path };
	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
		site.len = MIN(site.len, (size_t)POINTER_SIZE);
		return s->req->site(s->req->ctx, &site, &into);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		site.len = MIN(site.len, (size_t)t->size);
		TRY(s->req->site(s->req->ctx, &site, &into));
		return into ? scan_members(s, t, (struct span){ data.p, site.len }, path) : NULL;
	case BTF_KIND_ARRAY:
		return scan_array(s, t, data, path);
	case BTF_KIND_DATASEC:
		return scan_datasec(s, t, data);
	default:
		return NULL;
	}
}

struct err *value_scan(struct value_scan *scan, const struct types *types, uint32_t type_id,
		       const void *data, size_t len)
{
	struct scan s = { .req = scan, .types = types };

	return scan_part(&s, type_id, (struct span){ data, len }, NULL);
}

const char *value_path_text(const struct value_path *path, struct pool *pool)
{
	if (!path)
		return "";

	const char *up = value_path_text(path->up, pool);
	if (!up)
		return NULL;
	if (!path->name)
		return pool_printf(pool, "%s[%" PRIu64 "]", up, path->index);
	return pool_printf(pool, "%s%s%s", up, *up ? "." : "", path->name);
}

/* What compilers write for pointers into address space 1, and what programs tag them with. */
static bool is_arena_tag(const char *tag)
{
	return !strcmp(tag, "arena") || !strcmp(tag, "address_space(1)");
}

uint32_t value_pointee(const struct types *types, uint32_t ptr_type, bool *tagged)
{
	const struct btf_type *t = types_get(types, types_peel(types, ptr_type));
	bool tag = false;

	if (tagged)
		*tagged = false;
	if (!t || !btf_is_ptr(t))
		return 0;

	uint32_t id = t->type;
	for (unsigned int hops = 0; hops < TAG_HOPS; hops++) {
		t = types_get(types, id);
		if (!t || !(btf_is_mod(t) || btf_is_typedef(t)))
			break;
		if (btf_kind(t) == BTF_KIND_TYPE_TAG)
			tag |= is_arena_tag(types_str(types, t->name_off));
		id = t->type;
	}
	if (tagged)
		*tagged = tag;
	if (t && btf_is_fwd(t)) {
		uint32_t full = find_full_type(types, t);

		return full ? full : id;
	}
	return t && btf_is_composite(t) ? id : 0;
}
