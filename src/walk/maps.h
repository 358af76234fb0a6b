/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the walkers of map contents share.  Each BPF map is a job, and the jobs run side by side as
 * fibers (mem_each), so that a wave of reads of all maps goes out as one batch.
 */
#ifndef FDGDB_WALK_MAPS_H
#define FDGDB_WALK_MAPS_H

#include "walk/map-slots.h"
#include "walk/objs.h"
#include "walk/walk.h"

enum {
	/* Bytes kept of the contents of one map and of all, and what they become if the user asks for
	 * more entries than the default.  A guest that declares terabytes must not cost us as much. */
	MAP_BYTES = 64 << 20,
	MAPS_BYTES = 512 << 20,
	MAP_BYTES_ASKED = 1 << 30,
	/* Bytes of bucket heads looked at per hash map: 4 Mi buckets of 16 bytes. */
	MAP_BUCKET_BYTES = 64 << 20,
	/* What a range list for kprefetch() holds at a time. */
	MAP_RANGES = 8192,
};

/* Every member is optional: without it what depends on it is missing and says so. */
struct map_layout {
	/* struct bpf_map */
	struct member map, type, key_size, value_size, max_entries, extra, flags, id, name, frozen;
	struct member btf, key_type, value_type, vmlinux_value_type;
	/* struct bpf_array: elements, or per-CPU pointers, at the same place */
	struct member array_map, array_value, array_pptrs;
	/* struct bpf_htab, its buckets and elements */
	struct member htab_map, htab_buckets, htab_n_buckets, htab_seed, htab_lru, htab_locked;
	struct member bucket, bucket_head, bucket_lock;
	struct member elem_next, elem_hash, elem_key;
	/* struct bpf_arena (6.9) */
	struct member arena_map, arena_user_start, arena_kern_vm, arena_scratch;
	struct member vm_addr, page;
	/* struct bpf_struct_ops_map */
	struct member ops_map, ops_kvalue, ops_data, ops_state, ops_state_old, ops_links, ops_nr_links;
	struct member ops_nr_links_old, ops_btf, link_prog;
};

struct map_walk {
	struct walk *w;
	struct kernel *k;
	struct pool *pool;
	struct map_layout l;
	struct slots_layout slots;
	struct objs objs;
	struct err *fatal; /* the first one; ends the walk */
};

struct map_job {
	struct map_walk *mw;
	struct map_row *row;
	uint64_t bytes;	   /* that may still be kept for this map */
	bool out_of_bytes; /* ->bytes did not suffice */
	bool capped;	   /* at walk_opts.max_entries or its default */
	bool pages_cut;	   /* of an arena, contents are left out */
	bool implausible;
	bool undecoded; /* fdgdb does not decode this type of map */
	bool headless;	/* not even struct bpf_map could be read */
	bool typeless;	/* which BTF object its types are of is not known */
	bool skipped;	/* not looked at: the walk ended before */
	bool left_out;	/* not asked for: --map */
	bool aside;	/* not asked for, but what was asked for leads there; of arenas the list of pages is enough */
	/* --key: only this entry is wanted; walkers that know where to look read no other.  NULL: all. */
	const uint8_t *key; /* key_size bytes */
};

/* Adds to row->error. */
struct err *map_note(struct map_job *job, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* The same for contents that could not be read. */
struct err *map_unreadable(struct map_job *job, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* The same for contents that contradict themselves. */
struct err *map_implausible(struct map_job *job, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* The note for a body whose members this kernel's BTF lacks. */
struct err *map_no_layout(struct map_job *job, const char *what) MUST_CHECK;

/* A member of a kernel object named `what`; if it cannot be read, *ok is false and the row says so. */
struct err *map_get(struct map_job *job, const char *what, struct kva obj, const struct member *m,
		    uint64_t *ret, bool *ok) MUST_CHECK;

/* A copy of guest memory in the pool; *ret is NULL, and nothing noted, if it cannot be read.  The budget
 * is the caller's business. */
struct err *map_copy(struct map_job *job, struct kva addr, size_t len,
		     const uint8_t **ret) MUST_CHECK;

/* Entries to collect at most, by the user's wish or else `by_default`. */
uint64_t map_cap(const struct map_job *job, uint64_t by_default);

/* Takes from the budget; false, and ->out_of_bytes, if it does not suffice. */
bool map_take(struct map_job *job, uint64_t bytes);

/* Fills row->entries[i].per_cpu of n entries from their __percpu pointers, 0 ones left NULL.  The
 * budget is the caller's business: map_percpu_cost() each. */
struct err *map_percpu_fill(struct map_job *job, struct map_entry *entries, const uint64_t *pptrs,
			    size_t n, size_t *unreadable) MUST_CHECK;
uint64_t map_percpu_cost(const struct map_job *job);

/*
 * A hash has the __percpu pointer behind the key: at the next multiple of eight, or, in kernels before 6.15 and
 * before the stable releases of 2025 to 2026 that took the change over (6.1 after 6.1.187), right behind it.
 * No type tells which; the words themselves do.
 */
struct percpu_words {
	uint64_t packed, padded; /* at key_size, at key_size rounded up */
};
enum percpu_place { PERCPU_PADDED, PERCPU_PACKED, PERCPU_NOWHERE };

/* By the words of n elements: PERCPU_NOWHERE if neither leads to per-CPU memory in any of them. */
struct err *map_percpu_place(struct map_job *job, const struct percpu_words *words, size_t n,
			     enum percpu_place *ret) MUST_CHECK;

/* ---- Contents by type.  Errors are fatal ones only; others are noted. */

struct err *map_array(struct map_job *job) MUST_CHECK;
struct err *map_percpu_array(struct map_job *job) MUST_CHECK;
struct err *map_hash(struct map_job *job) MUST_CHECK;
struct err *map_percpu_hash(struct map_job *job) MUST_CHECK;
struct err *map_arena(struct map_job *job) MUST_CHECK;
struct err *map_queue(struct map_job *job) MUST_CHECK;
struct err *map_stack(struct map_job *job) MUST_CHECK;
struct err *map_lpm(struct map_job *job) MUST_CHECK;
struct err *map_ringbuf(struct map_job *job) MUST_CHECK;
struct err *map_bloom(struct map_job *job) MUST_CHECK;
struct err *map_stacks(struct map_job *job) MUST_CHECK;
struct err *map_task_storage(struct map_job *job) MUST_CHECK;
struct err *map_cgrp_storage(struct map_job *job) MUST_CHECK;
struct err *map_inode_storage(struct map_job *job) MUST_CHECK;
struct err *map_sk_storage(struct map_job *job) MUST_CHECK;
struct err *map_cgroup_storage(struct map_job *job) MUST_CHECK;
struct err *map_percpu_cgroup_storage(struct map_job *job) MUST_CHECK;
struct err *map_rhash(struct map_job *job) MUST_CHECK;
struct err *map_insn(struct map_job *job) MUST_CHECK;
struct err *map_slots(struct map_job *job) MUST_CHECK;
struct err *map_slots_hash(struct map_job *job) MUST_CHECK;
struct err *map_hash_of_maps(struct map_job *job) MUST_CHECK;
struct err *map_struct_ops(struct map_job *job) MUST_CHECK;

/* After the contents: the kernel's own count of the entries, if it keeps one, and whether that many were found. */
struct err *map_count(struct map_job *job) MUST_CHECK;

/*
 * Elements of a hash whose values are single pointers: ->key of each entry, and the pointers.  The arrays
 * are the pool's; *ret_nr is 0 if the map could not be read, and its row then says so.
 */
struct err *map_hash_pointers(struct map_job *job, struct map_entry **ret, uint64_t **ret_pointers,
			      size_t *ret_nr) MUST_CHECK;

/* Says what each slot's pointer leads to, by the type of map. */
struct err *map_slots_describe(struct map_job *job) MUST_CHECK;

/* Gives a map of instructions the kernel's type for its values. */
struct err *map_insn_types(struct map_job *job) MUST_CHECK;

/* After the contents: type of the value, and names of the functions; `types` has the wrapper struct. */
struct err *map_struct_ops_types(struct map_job *job, const struct types *types, uint32_t wrapper) MUST_CHECK;

#endif
