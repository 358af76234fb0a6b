/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values: bytes of a known type become a tree, and text and JSON are both written from that tree.
 * The kinds are those of the report format and no others.
 */
#ifndef FDGDB_VALUE_H
#define FDGDB_VALUE_H

#include "base/pool.h"
#include "btf/types.h"

enum value_kind {
	VALUE_INT,
	VALUE_UINT,
	VALUE_BOOL,
	VALUE_CHAR,
	VALUE_FLOAT,
	VALUE_ENUM,
	VALUE_STRUCT, /* structs, unions, data sections */
	VALUE_ARRAY,
	VALUE_CPU_LIST,
	VALUE_PTR,
	VALUE_BYTES,
	VALUE_TRUNCATED,
	VALUE_UNSUPPORTED,
};

struct value_member {
	const char *name; /* "" for an unnamed member that is no struct */
	struct value *value;
};

/* All strings and arrays live in the pool the tree was made in, or in the types. */
struct value {
	enum value_kind kind;
	uint32_t bits; /* INT, UINT, FLOAT, ENUM */
	union {
		int64_t i; /* INT */
		uint64_t u; /* UINT */
		bool b;	   /* BOOL */
		uint8_t c; /* CHAR */
		double f;  /* FLOAT: finite; others become BYTES */
		struct {
			int64_t value;	     /* unsigned 64-bit values keep their bits */
			const char *variant; /* NULL: no enumerator has this value */
			bool is_signed;
		} en;
		struct {
			const char *type_name; /* NULL if it has none */
			struct value_member *members;
			size_t nr;
		} st;
		struct {
			uint64_t len; /* as declared */
			struct value **elements;
			size_t nr; /* rendered, at most value_env.max_elements */
		} arr;
		const char *cpus; /* CPU_LIST: "0-3,8" */
		struct {
			uint64_t value;
			struct value *deref;	/* NULL: not followed */
			const char *skipped;	/* why an attempt failed; never with deref */
			const char *annotation; /* cast_annotation, or NULL */
			const char *freed; /* the allocator that had taken back what it leads to, or NULL */
		} ptr;
		struct {
			const uint8_t *data; /* a copy in the pool */
			size_t len;
			bool text; /* a string section: write as text, not as hex */
		} bytes;
		struct {
			uint64_t needed, had;
			struct value *partial;
		} trunc;
		const char *reason; /* UNSUPPORTED */
	};
};

enum {
	VALUE_MAX_ELEMENTS = 4096, /* array elements rendered unless more are asked for */
	VALUE_MAX_DEPTH = 32,	   /* nesting of structs, arrays and followed pointers */
	VALUE_MAX_CHASE = 4096,	   /* bytes read behind a pointer */
};

/*
 * Where members are in structures of the kernel that values hold under names without members (struct bpf_timer), and
 * in those that they lead to.  Each may be absent.
 */
struct value_kernel {
	const struct types *types; /* the kernel's */
	struct member list_next, list_prev, list_owner; /* struct bpf_list_node_kern */
	struct member tree_left, tree_right, tree_owner; /* struct bpf_rb_node_kern */
	struct member timer_queued, timer_expires, timer_base, timer_fn, timer_prog, timer_map; /* struct bpf_hrtimer */
	struct member clock_id; /* struct hrtimer_clock_base */
	struct member work_data, work_fn, work_prog, work_map; /* struct bpf_work */
	struct member tw_state, tw_task, tw_fn, tw_prog, tw_map; /* struct bpf_task_work_ctx */
};

#define VALUE_CODE "" /* instead of the name of a type: an address of code */

/*
 * Where pointers lead.  The read callbacks read up to `len` bytes into buf and return how many
 * could be had from the start (0: nothing there).
 */
struct value_env {
	unsigned int nr_cpus; /* nr_cpu_ids; CPU masks are cut there. 0: unknown, not cut */
	size_t max_elements;  /* of an array; 0: VALUE_MAX_ELEMENTS */
	bool (*in_arena)(void *ctx, uint64_t addr);
	size_t (*read_arena)(void *ctx, uint64_t addr, void *buf, size_t len);
	/* Why an arena pointer is not to be followed: what it leads to is shown elsewhere, or nobody knows which
	 * arena is meant.  NULL: it is.  The callback itself may be NULL. */
	const char *(*skip_arena)(void *ctx, uint64_t addr);
	/* The name of the allocator to which a pointer's target in an arena has been given back; NULL: it has not.
	 * The callback itself may be NULL. */
	const char *(*freed)(void *ctx, uint64_t addr);
	size_t (*read_kernel)(void *ctx, uint64_t addr, void *buf, size_t len);
	/* The same where the next address is in what is read, as in a list. */
	size_t (*read_chain)(void *ctx, uint64_t addr, void *buf, size_t len);
	const struct value_kernel *kernel; /* NULL: opaque structs stay so, and objects of programs are not followed */
	/* Whether the kernel has a struct of this name: then it is meant, and not the program's, by a kptr. */
	bool (*is_kernels)(void *ctx, const char *type);
	/* In a few words what of this type (VALUE_CODE, "task_struct", ...) is at the address; in the pool.  NULL:
	 * nothing is known. */
	const char *(*describe)(void *ctx, const char *type, uint64_t addr, struct pool *pool);
	/* Where a CPU has its copy of a per-CPU object; false: there is no such CPU. */
	bool (*percpu)(void *ctx, uint64_t addr, unsigned int cpu, uint64_t *ret);
	void *ctx; /* with NULL callbacks pointers are not followed */
};

/*
 * Renders len bytes as the type; never fails but for memory: what cannot be decoded becomes a
 * VALUE_UNSUPPORTED, short input a VALUE_TRUNCATED.  The tree lives in the pool.
 */
struct err *value_render(const struct types *types, uint32_t type_id, const void *data, size_t len,
			 const struct value_env *env, struct pool *pool,
			 struct value **ret) MUST_CHECK;

/*
 * The same for many values that may take no more than so many nodes (values, members, sixteen bytes each) together:
 * *budget is what is left of it.
 */
struct err *value_render_within(const struct types *types, uint32_t type_id, const void *data, size_t len,
				const struct value_env *env, struct pool *pool, uint64_t *budget,
				struct value **ret) MUST_CHECK;

/* Bytes without a type; `text` as in struct value. */
struct err *value_bytes(const void *data, size_t len, bool text, struct pool *pool,
			struct value **ret) MUST_CHECK;

/*
 * Follows a path (see types_follow()) through a rendered value, and what its pointers lead to.  ERR_NOT_FOUND
 * says where it ends.
 */
struct err *value_follow(const struct value *v, const char *path, const struct value **ret) MUST_CHECK;

/* Elements of the longest array in values of this type, not behind pointers; false for lack of memory. */
bool value_longest_array(const struct types *types, uint32_t type_id, uint64_t *ret) MUST_CHECK;

/* True if rendering a value of this type could follow a pointer: then its targets must be read while
 * the guest is stopped. */
bool value_has_pointers(const struct types *types, uint32_t type_id);

#endif
