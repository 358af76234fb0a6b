/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_MAPS_H
#define FDGDB_MODEL_MAPS_H

#include "btf/value.h"
#include "target/target.h"

/* Which body a map's row has; decides the key in the JSON. */
enum map_body {
	MAP_BODY_NONE,		/* only ->error, or nothing to show */
	MAP_BODY_VALUE,		/* value: one-element arrays, global sections */
	MAP_BODY_ENTRIES,	/* entries: key and value */
	MAP_BODY_ARRAY,		/* array_entries: index and value */
	MAP_BODY_PERCPU_ARRAY,	/* percpu_entries: index and a value per CPU */
	MAP_BODY_PERCPU_HASH,	/* percpu_hash_entries: key and a value per CPU */
	MAP_BODY_ARENA,
};

struct map_entry {
	uint32_t index;		 /* arrays */
	const uint8_t *key;	 /* hashes: key_size bytes */
	const uint8_t *value;	 /* value_size bytes; NULL: unreadable */
	const uint8_t **per_cpu; /* [nr_cpu_ids], value_size bytes each; NULL element: not mapped or no
				    such CPU; NULL array: the per-CPU pointer itself is null */
};

struct arena_page {
	uint64_t user_addr;
	const uint8_t *bytes; /* PAGE_SIZE bytes, kept from the stop; NULL: mapped but unreadable */
};

struct arena_body {
	struct arena_page *pages; /* ascending */
	size_t nr_pages;
	uint64_t declared_pages;
	uint64_t kern_vm_start, user_vm_start; /* 0: unknown */
	bool span_capped;
	bool truncated;
};

struct map_row {
	struct kva kva; /* struct bpf_map */
	uint32_t id;
	char name[17]; /* guest bytes: escape on output */
	uint32_t type; /* enum bpf_map_type */
	const char *type_name; /* "hash"; of this kernel's enum, so new types have names too; NULL: not in it */
	uint32_t key_size, value_size, max_entries, flags;
	uint64_t extra;
	bool frozen;

	const struct types *types;	/* what key_type and value_type are ids of; NULL: raw bytes only */
	uint32_t key_type, value_type;	/* 0: none */
	uint32_t btf_id;		/* id of the BTF object in the guest; 0: none */

	enum map_body body;
	const uint8_t *value; /* MAP_BODY_VALUE */
	size_t value_len;
	bool value_text; /* a string section */
	struct map_entry *entries;
	size_t nr_entries;
	struct arena_body *arena;

	const char *error; /* contents missing or partial, and why; "; "-joined */
	bool unreadable;   /* the error is one of reading: exit status 3 */
};

#endif
