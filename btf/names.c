/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "btf/names.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <sys/random.h>

#include "btf/size.h"

/* Longer names are left out, lest millions of types share one of megabytes. The kernel's own limit. */
enum { NAME_MAX_INDEXED = 511 };

static uint32_t hash_name(const struct names *names, unsigned int kind, const char *name, size_t len)
{
	uint64_t h = names->seed ^ kind;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9;
	return (uint32_t)(h >> 32);
}

/* Enums of either width are of one kind to who asks. */
static unsigned int name_kind(unsigned int kind)
{
	return kind == BTF_KIND_ENUM64 ? BTF_KIND_ENUM : kind;
}

/* The slot that has this name or that it would take. */
static struct name_slot *probe(const struct names *names, const struct types *types,
			       unsigned int kind, const char *name, uint32_t hash)
{
	for (uint32_t i = hash;; i++) {
		struct name_slot *s = &names->slots[i & names->mask];

		if (!s->id)
			return s;
		if (s->hash == hash && name_kind(btf_kind(types_get(types, s->id))) == kind &&
		    !strcmp(types_name(types, s->id), name))
			return s;
	}
}

static bool same_size(const struct types *types, uint32_t a, uint32_t b)
{
	uint64_t size_a = 0, size_b = 0;

	return type_size(types, a, &size_a) == type_size(types, b, &size_b) && size_a == size_b;
}

struct err *names_init(struct names *names, const struct types *types)
{
	uint32_t nr = types_count(types) - types_start_id(types), room = 16;

	while (room < nr * 2ull)
		room *= 2;

	struct name_slot *slots = calloc(room, sizeof(*slots));
	if (!slots)
		return &err_nomem;
	*names = (struct names){ slots, room - 1, 0 };
	if (getrandom(&names->seed, sizeof(names->seed), GRND_NONBLOCK) < 0)
		names->seed = (uintptr_t)slots;

	for (uint32_t id = types_start_id(types); id < types_count(types); id++) {
		unsigned int kind = name_kind(btf_kind(types_get(types, id)));
		const char *name = types_name(types, id);
		size_t len = strnlen(name, NAME_MAX_INDEXED + 1);

		if (!len || len > NAME_MAX_INDEXED || kind == BTF_KIND_DECL_TAG ||
		    kind == BTF_KIND_TYPE_TAG)
			continue;

		uint32_t hash = hash_name(names, kind, name, len);
		struct name_slot *s = probe(names, types, kind, name, hash);
		if (!s->id)
			*s = (struct name_slot){ id, hash, false };
		else if (!same_size(types, s->id, id))
			s->ambiguous = true;
	}
	return NULL;
}

void names_deinit(struct names *names)
{
	free(names->slots);
	*names = (struct names){ 0 };
}

const struct name_slot *names_find(const struct names *names, const struct types *types,
				   unsigned int kind, const char *name)
{
	size_t len = strnlen(name, NAME_MAX_INDEXED + 1);

	kind = name_kind(kind);
	if (!len || len > NAME_MAX_INDEXED)
		return NULL;

	const struct name_slot *s =
		probe(names, types, kind, name, hash_name(names, kind, name, len));
	return s->id ? s : NULL;
}
