/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enumerators by name and by value. */
#include "config.h"

#include <bpf/btf.h>

#include "btf/types.h"

/* The enum behind id; NULL if it is none. */
static const struct btf_type *get_enum(const struct types *types, uint32_t id)
{
	const struct btf_type *t = types_get(types, types_peel(types, id));

	return t && btf_is_any_enum(t) ? t : NULL;
}

static int64_t enum_value(const struct btf_type *t, uint32_t i)
{
	if (btf_is_enum64(t))
		return (int64_t)btf_enum64_value(&btf_enum64(t)[i]);
	return btf_kflag(t) ? btf_enum(t)[i].val : (int64_t)(uint32_t)btf_enum(t)[i].val;
}

static uint32_t enum_name_off(const struct btf_type *t, uint32_t i)
{
	return btf_is_enum64(t) ? btf_enum64(t)[i].name_off : btf_enum(t)[i].name_off;
}

struct err *types_enumerator(const struct types *types, uint32_t id, const char *name,
			     int64_t *ret)
{
	const struct btf_type *t = get_enum(types, id);

	for (uint32_t i = 0, n = t ? btf_vlen(t) : 0; i < n; i++) {
		if (!strcmp(types_str(types, enum_name_off(t, i)), name)) {
			*ret = enum_value(t, i);
			return NULL;
		}
	}
	return err_new(ERR_MISSING, "enum %s has no %s", types_name(types, id), name);
}

const char *types_enum_name(const struct types *types, uint32_t id, int64_t value)
{
	const struct btf_type *t = get_enum(types, id);

	for (uint32_t i = 0, n = t ? btf_vlen(t) : 0; i < n; i++) {
		unsigned int unused = 64 - 8 * MIN(t->size, 8u);
		uint64_t differ = (uint64_t)enum_value(t, i) ^ (uint64_t)value;

		if (!(differ << unused))
			return types_str(types, enum_name_off(t, i));
	}
	return NULL;
}
