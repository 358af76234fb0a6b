/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocators of the scx library that are not read.  A stack allocator knows its free elements alone; a buddy
 * allocator (which serves arena_malloc() in newer libraries) has pieces of any size without a type.
 */
#include "config.h"

#include "walk/sdt.h"

#include <bpf/btf.h>

/* The names are short: a member tells them from others' structs. */
static const struct {
	const char *type, *member, *what;
} others[] = {
	{ "scx_stk", "nr_pages_per_alloc", "stack" },
	{ "stk", "nr_pages_per_alloc", "stack" },
	{ "scx_buddy", "first_chunk", "buddy" },
	{ "buddy", "first_chunk", "buddy" },
};

static const char *what_is(const struct types *types, uint32_t type)
{
	const char *name = types_name(types, type);
	struct member m = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (strcmp(name, others[i].type))
			continue;
		err_ignore(types_member(types, type, others[i].member, &m));
		return m.present ? others[i].what : NULL;
	}
	return NULL;
}

bool sdt_has_others(const struct types *types)
{
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		uint32_t id = 0;

		err_ignore(types_find(types, BTF_KIND_STRUCT, others[i].type, &id));
		if (id && what_is(types, id))
			return true;
	}
	return false;
}

const char *sdt_other(const struct value_site *site)
{
	const struct btf_type *t = types_get(site->types, site->type);
	const char *what = t && btf_is_struct(t) ? what_is(site->types, site->type) : NULL;

	for (size_t i = 0; what && i < site->len; i++) {
		if (site->data[i])
			return what;
	}
	return NULL;
}

const char *sdt_other_in_arena(const struct types *types)
{
	for (uint32_t id = types_start_id(types); id < types_count(types); id++) {
		const struct btf_type *sec = types_get(types, id);

		/* Where libbpf puts variables that the compiler has in address space 1. */
		if (!sec || !btf_is_datasec(sec) || strcmp(types_name(types, id), ".addr_space.1"))
			continue;
		for (uint32_t i = 0; i < btf_vlen(sec); i++) {
			const struct btf_type *var = types_get(types, btf_var_secinfos(sec)[i].type);
			const char *what = var && btf_is_var(var) ? what_is(types, types_peel(types, var->type)) : NULL;

			if (what)
				return what;
		}
	}
	return NULL;
}
