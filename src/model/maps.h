/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_MAPS_H
#define FDGDB_MODEL_MAPS_H

#include "btf/value.h"
#include "model/active.h"
#include "model/facts.h"
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
	MAP_BODY_RINGBUF,
	MAP_BODY_STACKS, /* stack_trace */
	MAP_BODY_BLOOM,
	MAP_BODY_SLOTS, /* fd_array and slots: maps of file descriptors */
};

struct map_entry {
	uint32_t index;		 /* arrays */
	const uint8_t *key;	 /* hashes: key_size bytes */
	const uint8_t *value;	 /* value_size bytes; NULL: unreadable */
	const uint8_t **per_cpu; /* [nr_cpu_ids], value_size bytes each; NULL element: no such CPU, or
				    unreadable; NULL array: the per-CPU pointer itself is null or not known */
	const bool *cpu_lost;	 /* [nr_cpu_ids]: unreadable; NULL: none is */
	const struct map_insn *insn;   /* arrays of instructions: where the one is */
	const struct map_owner *owner; /* storage maps: what it is a value of, in place of a key */
	const struct facts *facts;     /* what the key stands for; NULL: nothing is known */
	const struct map_payload *payload; /* what an allocator gave out for the value; NULL: nothing */
};

/* An allocator's payload in an arena. */
struct map_payload {
	uint32_t type; /* 0: not known */
	const uint8_t *data;
	size_t len;
};

/* The native instruction that one of a program became. */
struct map_insn {
	uint64_t ip;
	const char *symbol; /* "bpf_prog_0123456789abcdef_main+0x12/0x40"; guest bytes */
};

/* Whose value it is in a map of values by task, cgroup, inode or socket. */
enum map_owner_kind { OWNER_TASK, OWNER_CGROUP, OWNER_INODE, OWNER_SOCKET };

struct map_owner {
	struct kva kva;
	enum map_owner_kind kind;
	const char *why; /* NULL, or why part of the following is missing */

	int32_t pid, tgid; /* tasks: 0 also stands for unknown */
	const char *comm;  /* guest bytes */

	const char *path;    /* cgroups: from the root of the hierarchy; guest bytes */
	uint64_t cgroup_id;  /* 0: unknown */

	uint64_t ino; /* inodes */
	const char *sb_id; /* name of the super block's device or file system; guest bytes */
	uint32_t dev_major, dev_minor;

	uint16_t family, sock_type, protocol; /* sockets */
	uint16_t local_port, remote_port;
	uint8_t sock_state;
	const char *local_addr, *remote_addr; /* NULL: of a family without */
};

struct arena_page {
	uint64_t user_addr;
	const uint8_t *bytes; /* PAGE_SIZE bytes, kept from the stop; NULL: not kept, or unreadable */
	bool not_kept;	      /* nobody tried to read it: there were too many */
	bool unread;	      /* nobody asked for anything in it yet: of arenas that are looked into only */
};

struct arena_body {
	struct arena_page *pages; /* ascending */
	size_t nr_pages;
	uint64_t declared_pages, mapped_pages; /* mapped: more than nr_pages if even the list was cut */
	uint64_t bytes_kept;	      /* at most, of the pages' contents; if any were not kept */
	uint64_t kern_vm_start, user_vm_start; /* 0: unknown */
	bool span_capped;
	bool truncated;
	bool looked_into; /* nobody asked for the arena itself: pages are read when what asked-for values lead to is */
};

/* A record between the consumer's and the producer's position of a ring buffer. */
struct ring_record {
	uint64_t pos;	     /* of its header, as consumer_pos counts */
	uint32_t len;	     /* of its payload */
	bool busy, discard;  /* reserved and not yet submitted; given up */
	const uint8_t *data; /* len bytes; NULL: unreadable */
};

struct ringbuf_body {
	uint64_t capacity;
	uint64_t consumer_pos, producer_pos;
	uint64_t pending_pos; /* oldest record that is not submitted, by the kernel's word if it keeps one */
	bool overwrites;      /* new records go over old ones that nobody has consumed */
	uint64_t overwrite_pos; /* then: of the oldest record that is still there */
	bool has_busy;
	uint64_t busy_pos; /* of the first busy one among the records */
	struct ring_record *records; /* ascending */
	size_t nr_records;
	bool truncated; /* there are more records */
};

/* Bytes that a consumer would find: what was overwritten before it was consumed is lost to it. */
static inline uint64_t ringbuf_unread(const struct ringbuf_body *b)
{
	uint64_t all = b->producer_pos - b->consumer_pos, kept = b->producer_pos - b->overwrite_pos;

	return b->overwrites && kept < all ? kept : all;
}

/* A stack trace, by the id that bpf_get_stackid() gave it. */
struct stack_row {
	uint32_t bucket;
	uint32_t nr;	     /* frames, as the kernel counts */
	uint32_t frames;     /* in `data` */
	const uint8_t *data; /* frames * stacks_body.frame_size bytes; NULL: unreadable */
	const char **symbols; /* [frames]: "name+0x12/0x340 [module]", NULL: none; the array is
				 NULL if all are */
};

/* struct bpf_stack_build_id, which frames are with BPF_F_STACK_BUILD_ID. */
enum { STACK_BUILD_ID_SIZE = 32 };

struct stacks_body {
	uint32_t n_buckets;
	uint32_t frame_size; /* 8: instruction pointers; STACK_BUILD_ID_SIZE */
	struct stack_row *rows; /* ascending */
	size_t nr;
	bool truncated;	     /* frames or buckets are left out */
	uint32_t unreadable; /* buckets that are not among the rows */
};

struct bloom_body {
	uint64_t bits, bits_set; /* of the bits that could be read */
	uint64_t bits_unread;
	uint32_t nr_hashes, seed;
};

/* A used slot of a map whose values are file descriptors to user space: what they stand for. */
struct map_slot {
	uint32_t index;	    /* not of the hash forms */
	const uint8_t *key; /* hash forms: key_size bytes; NULL for the others */
	struct kva kva;	    /* the object in the slot */
	struct facts facts;
	const char *error; /* part of the facts is missing, and why */
};

struct slots_body {
	struct map_slot *slots; /* in order of index; of a hash in that of its buckets */
	size_t nr;
	uint64_t scanned; /* slots looked at */
	uint64_t unread;  /* of these, those that could not be read */
	bool truncated;	  /* max_entries is more than was looked at */
	bool hash;
};

/* A function in the table of a struct_ops map. */
struct ops_func {
	uint32_t index;	    /* member of the ops struct */
	const char *member; /* its name; NULL: no such member */
	uint64_t addr;	    /* in the table: the trampoline */
	uint32_t prog_id;   /* 0: not a program's */
	char prog_name[17]; /* guest bytes */
};

struct ops_body {
	const char *type_name;	/* "sched_ext_ops"; NULL: unknown */
	const char *state_name; /* "inuse"; NULL: not in this kernel's enum */
	uint32_t state;
	struct ops_func *funcs; /* by index */
	size_t nr_funcs;
	uint32_t link_id; /* 0: no link, or not looked at */
};

/* A lock of the map, or in one of its values, that was held at the stop. */
struct held_lock {
	const char *what; /* "bucket", "LRU list", "value" ... */
	bool has_index;
	uint64_t index;	     /* of the bucket, element or CPU */
	const uint8_t *key;  /* of the value: key_size bytes; NULL: not by key */
	struct kva owner;    /* of the value of a storage map; 0: none */
	const char *member;  /* of the value: the lock in it; guest bytes */
	struct kva kva;	     /* 0: unknown */
	bool held, waited;   /* not held, but waited for: it is being handed over */
	uint32_t *cpus;	     /* that hold it or wait for it, as far as the kernel tells */
	uint32_t nr_cpus;
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
	bool has_count;
	uint64_t count; /* entries, by the kernel's own count */

	const struct types *types;	/* what key_type and value_type are ids of; NULL: raw bytes only */
	uint32_t key_type, value_type;	/* 0: none */
	uint32_t btf_id;		/* id of the BTF object in the guest; 0: none */
	const struct active_sched *sched; /* the enabled scheduler that uses it; NULL: none, or not known */

	enum map_body body;
	const uint8_t *value; /* MAP_BODY_VALUE */
	size_t value_len;
	bool value_text; /* a string section */
	struct map_entry *entries;
	size_t nr_entries;
	struct arena_body *arena;
	struct ringbuf_body *ringbuf;
	struct stacks_body *stacks;
	struct bloom_body *bloom;
	struct slots_body *slots;
	struct ops_body *ops; /* beside MAP_BODY_VALUE */
	struct facts prog_owner; /* beside MAP_BODY_SLOTS: what programs the map takes */
	/* The arena of the programs that use this map (an arena: itself); NULL: none, or not known. */
	const struct map_row *own_arena;
	uint32_t own_arena_id; /* the same, also while rows move */
	const struct value_env *env; /* where pointers in its values lead; NULL: report.env */

	struct held_lock *locks;
	size_t nr_locks;
	size_t locks_cut; /* held as well, but not listed */

	const char *error; /* contents missing or partial, and why; "; "-joined */
	bool unreadable;   /* the error is one of reading: exit status 3 */
};

#endif
