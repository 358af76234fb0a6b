/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/map-types.h"

#include <ctype.h>

static const struct map_type map_types[] = {
	{ 1, "hash", NULL, map_hash },
	{ 2, "array", NULL, map_array },
	{ 3, "prog_array", NULL, map_slots },
	{ 4, "perf_event_array", NULL, map_slots },
	{ 5, "percpu_hash", NULL, map_percpu_hash },
	{ 6, "percpu_array", NULL, map_percpu_array },
	{ 7, "stack_trace", NULL, map_stacks },
	{ 8, "cgroup_array", NULL, map_slots },
	{ 9, "lru_hash", NULL, map_hash },
	{ 10, "lru_percpu_hash", NULL, map_percpu_hash },
	{ 11, "lpm_trie", NULL, map_lpm },
	{ 12, "array_of_maps", NULL, map_slots },
	{ 13, "hash_of_maps", NULL, map_hash_of_maps },
	{ 14, "devmap", NULL, map_slots },
	{ 15, "sockmap", NULL, map_slots },
	{ 16, "cpumap", NULL, map_slots },
	{ 17, "xskmap", NULL, map_slots },
	{ 18, "sockhash", NULL, map_slots_hash },
	{ 19, "cgroup_storage", NULL, map_cgroup_storage },
	{ 20, "reuseport_sockarray", NULL, map_slots },
	{ 21, "percpu_cgroup_storage", NULL, map_percpu_cgroup_storage },
	{ 22, "queue", NULL, map_queue },
	{ 23, "stack", NULL, map_stack },
	{ 24, "sk_storage", NULL, map_sk_storage },
	{ 25, "devmap_hash", NULL, map_slots_hash },
	{ 26, "struct_ops", NULL, map_struct_ops },
	{ 27, "ringbuf", NULL, map_ringbuf },
	{ 28, "inode_storage", NULL, map_inode_storage },
	{ 29, "task_storage", NULL, map_task_storage },
	{ 30, "bloom_filter", NULL, map_bloom },
	{ 31, "user_ringbuf", NULL, map_ringbuf },
	{ 32, "cgrp_storage", NULL, map_cgrp_storage },
	{ 33, "arena", NULL, map_arena },
	{ 34, "insn_array", "instruction addresses of a program", NULL },
	{ 35, "rhash", NULL, map_rhash },
};

const struct map_type *map_type_find(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(map_types); i++) {
		if (map_types[i].type == type)
			return &map_types[i];
	}
	return NULL;
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
