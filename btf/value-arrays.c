/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long the arrays in values of a type are: whether rendering them cuts something off. */
#include "config.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf/value-impl.h"

struct search {
	const struct types *types;
	uint8_t *seen; /* a bit per id */
	unsigned int depth;
	uint64_t longest;
};

/* What pointers lead to has limits of its own. */
static void search(struct search *s, uint32_t id)
{
	const struct btf_type *t;

	for (;;) {
		t = types_get(s->types, id);
		if (!t)
			return;
		if (!btf_is_mod(t) && !btf_is_typedef(t) && !btf_is_var(t))
			break;
		id = t->type;
	}
	if (s->seen[id / 8] & 1u << id % 8 || s->depth == VALUE_MAX_FRAMES)
		return;
	s->seen[id / 8] |= (uint8_t)(1u << id % 8);
	s->depth++;
	if (btf_is_array(t)) {
		s->longest = MAX(s->longest, (uint64_t)btf_array(t)->nelems);
		search(s, btf_array(t)->type);
	} else if (btf_is_composite(t)) {
		for (uint32_t i = 0, n = btf_vlen(t); i < n; i++)
			search(s, btf_members(t)[i].type);
	} else if (btf_is_datasec(t)) {
		for (uint32_t i = 0, n = btf_vlen(t); i < n; i++)
			search(s, btf_var_secinfos(t)[i].type);
	}
	s->depth--;
}

bool value_longest_array(const struct types *types, uint32_t type_id, uint64_t *ret)
{
	_cleanup_free_ uint8_t *seen = calloc(types_count(types) / 8 + 1, 1);
	struct search s = { .types = types, .seen = seen };

	if (seen)
		search(&s, type_id);
	*ret = s.longest;
	return seen;
}
