/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the renderer share.  Each render function returns a value in the pool, NULL only
 * for lack of memory.
 */
#ifndef FDGDB_VALUE_IMPL_H
#define FDGDB_VALUE_IMPL_H

#include "btf/value.h"

enum {
	/*
	 * Levels of JSON below a value.  Readers stop at 128 (serde_json), and the report around a value
	 * takes up to eight of them.  A struct costs three, an array two, what is truncated or pointed at
	 * one.
	 */
	VALUE_MAX_LEVELS = 112,
	/* Calls within calls: unnamed structs cost neither depth nor levels, but stack. */
	VALUE_MAX_FRAMES = 192,
	/* Values, members and every sixteen bytes in one tree: a few types can unfold into any number. */
	VALUE_BUDGET = 1 << 20,
	/* What it becomes if more elements of arrays are asked for: so much for each byte, but not without end. */
	VALUE_BUDGET_BYTE = 4,
	VALUE_BUDGET_MAX = 1 << 25,
};

/* The bytes that a type has; they may be fewer than it needs. */
struct span {
	const uint8_t *p;
	size_t len;
};

/* Where in the tree. */
struct nest {
	unsigned int depth;  /* structs, arrays and followed pointers around */
	unsigned int levels; /* of JSON around */
};

struct render {
	const struct types *types;
	const struct value_env *env; /* or NULL */
	struct pool *pool;
	uint32_t budget;
	struct value *spent; /* stands where the budget ran out; made once */
	uint32_t owner; /* the struct or variable, and its member, that declares the value at hand; 0: none */
	int32_t component; /* as in struct btf_decl_tag */
	uint64_t path[VALUE_MAX_DEPTH]; /* addresses of the pointers being followed */
	unsigned int path_len;
	unsigned int frames;
};

/* Up to len bytes at off; none if that is behind the end. */
static inline struct span span_part(struct span s, uint64_t off, uint64_t len)
{
	if (off >= s.len)
		return (struct span){ s.p, 0 };
	return (struct span){ s.p + off, (size_t)MIN(len, s.len - off) };
}

static inline void render_spend(struct render *r, size_t n)
{
	r->budget = n < r->budget ? r->budget - (uint32_t)n : 0;
}

static inline struct nest nest_in(struct nest n, unsigned int depth, unsigned int levels)
{
	return (struct nest){ n.depth + depth, n.levels + levels };
}

struct value *render_type(struct render *r, uint32_t id, struct span s, struct nest n);
struct value *render_new(struct render *r, enum value_kind kind);
struct value *render_unsupported(struct render *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct value *render_bytes(struct render *r, struct span s);

/* Wraps `partial` (NULL: the bytes themselves). */
struct value *render_truncated(struct render *r, uint64_t needed, struct span s,
			       struct value *partial);

/* A type that needs `size` bytes, for who must see if it got fewer: wrapped in truncated then. */
struct value *render_sized(struct render *r, uint32_t id, uint64_t size, struct span s,
			   struct nest n);

/* t is peeled and of the kind in the name; id is its id. */
struct value *render_int(struct render *r, const struct btf_type *t, struct span s);
struct value *render_float(struct render *r, const struct btf_type *t, struct span s);
struct value *render_enum(struct render *r, uint32_t id, const struct btf_type *t, struct span s);
struct value *render_struct(struct render *r, uint32_t id, const struct btf_type *t, struct span s,
			    struct nest n);
struct value *render_datasec(struct render *r, uint32_t id, const struct btf_type *t,
			     struct span s, struct nest n);
struct value *render_array(struct render *r, const struct btf_type *t, struct span s,
			   struct nest n);
struct value *render_ptr(struct render *r, const struct btf_type *t, struct span s, struct nest n);

/* `bits` bits from bit `bit` of s, which has them all; `base` is the peeled type, NULL if none. */
struct value *render_bitfield(struct render *r, const struct btf_type *base, struct span s,
			      uint64_t bit, uint32_t bits);

/* The full type of a forward declaration's name; 0 if there is none, or several that differ. */
uint32_t find_full_type(const struct types *types, const struct btf_type *fwd);

/* ---- what is the kernel's */

enum kernels {
	KERNELS_NOT,
	KERNELS_TIMER, KERNELS_WQ, KERNELS_TASK_WORK,
	KERNELS_LIST, KERNELS_TREE, KERNELS_LIST_NODE, KERNELS_TREE_NODE,
};

/* By its name, a struct that the kernel has another idea of than programs. */
enum kernels value_is_kernels(const struct types *types, const struct btf_type *t);

/* True: *ret is the struct as the kernel sees it (NULL for lack of memory).  False: it is to be shown like any other. */
bool render_kernels(struct render *r, const struct btf_type *t, struct span s, struct nest n, struct value **ret);

/* The same of a list or tree with its objects. */
bool render_chain(struct render *r, enum kernels what, const char *name, struct span s, struct nest n,
		  struct value **ret);

/* A struct of members that no type has. */
struct fields {
	struct value_member m[8];
	size_t nr;
	bool failed;
};

/* v is NULL for lack of memory. */
void fields_add(struct render *r, struct fields *f, const char *name, struct value *v);
/* `type` for value_env.describe(), or NULL. */
struct value *fields_ptr(struct render *r, struct fields *f, const char *name, uint64_t addr, const char *type);
struct value *fields_finish(struct render *r, const struct fields *f, const char *type_name);

/* ---- CPU masks */

/* Where the words of a mask are in a struct of such a name; false if it is none. */
bool cpus_layout(const struct types *types, const struct btf_type *t, uint64_t *off, uint64_t *len);

/* A pointer to this type leads to a mask even in kernel memory. */
bool cpus_pointee(const struct types *types, const struct btf_type *t);

/* How many bytes of a mask mean something with so many CPUs; 0: nobody knows how many. */
uint64_t cpus_bytes(unsigned int nr_cpus);

/* A word that is rather a kernel pointer: the mask has been freed, or ended before. */
bool cpus_word_is_garbage(uint64_t word, uint64_t first_cpu, unsigned int nr_cpus);

struct value *render_cpus(struct render *r, struct span words);

#endif
