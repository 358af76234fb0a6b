/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/map-types.h"

#include <ctype.h>

static const struct map_type map_types[] = {
	{ 1, "hash", map_hash },
	{ 2, "array", map_array },
	{ 3, "prog_array", map_slots },
	{ 4, "perf_event_array", map_slots },
	{ 5, "percpu_hash", map_percpu_hash },
	{ 6, "percpu_array", map_percpu_array },
	{ 7, "stack_trace", map_stacks },
	{ 8, "cgroup_array", map_slots },
	{ 9, "lru_hash", map_hash },
	{ 10, "lru_percpu_hash", map_percpu_hash },
	{ 11, "lpm_trie", map_lpm },
	{ 12, "array_of_maps", map_slots },
	{ 13, "hash_of_maps", map_hash_of_maps },
	{ 14, "devmap", map_slots },
	{ 15, "sockmap", map_slots },
	{ 16, "cpumap", map_slots },
	{ 17, "xskmap", map_slots },
	{ 18, "sockhash", map_slots_hash },
	{ 19, "cgroup_storage", map_cgroup_storage },
	{ 20, "reuseport_sockarray", map_slots },
	{ 21, "percpu_cgroup_storage", map_percpu_cgroup_storage },
	{ 22, "queue", map_queue },
	{ 23, "stack", map_stack },
	{ 24, "sk_storage", map_sk_storage },
	{ 25, "devmap_hash", map_slots_hash },
	{ 26, "struct_ops", map_struct_ops },
	{ 27, "ringbuf", map_ringbuf },
	{ 28, "inode_storage", map_inode_storage },
	{ 29, "task_storage", map_task_storage },
	{ 30, "bloom_filter", map_bloom },
	{ 31, "user_ringbuf", map_ringbuf },
	{ 32, "cgrp_storage", map_cgrp_storage },
	{ 33, "arena", map_arena },
	{ 34, "insn_array", map_insn },
	{ 35, "rhash", map_rhash },
};

const struct map_type *map_type_find(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(map_types); i++) {
		if (map_types[i].type == type)
			return &map_types[i];
	}
	return NULL;
}

bool map_is_hash(uint32_t type)
{
	const struct map_type *t = map_type_find(type);

	return t && (t->read == map_hash || t->read == map_percpu_hash || t->read == map_hash_of_maps);
}

static const char prefix[] = "BPF_MAP_TYPE_", deprecated[] = "_DEPRECATED";

struct err *map_type_name(const struct types *types, uint32_t type, struct pool *pool, const char **ret)
{
	const struct map_type *known = map_type_find(type);
	const char *name = NULL;
	uint32_t id;

	_cleanup_err_ struct err *e = types_find(types, BTF_KIND_ENUM, "bpf_map_type", &id);
	if (!e)
		name = types_enum_name(types, id, type);
	/* The enum ends with __MAX_BPF_MAP_TYPE, which names no type. */
	if (!name || strncmp(name, prefix, sizeof(prefix) - 1)) {
		*ret = known ? known->name : NULL;
		return NULL;
	}

	/* CGROUP_STORAGE_DEPRECATED and its like stand for the same number as the name without. */
	size_t len = strlen(name) - (sizeof(prefix) - 1), tail = sizeof(deprecated) - 1;
	name += sizeof(prefix) - 1;
	if (len > tail && !strcmp(name + len - tail, deprecated))
		len -= tail;
	char *lower = pool_strndup(pool, name, len);
	if (!lower)
		return &err_nomem;
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	*ret = lower;
	return NULL;
}
