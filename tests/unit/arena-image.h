/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report with arenas in it, as the maps' walker leaves it: a program's variables of the scx library's types, and
 * the trees that they lead to.
 */
#ifndef FDGDB_ARENA_IMAGE_H
#define FDGDB_ARENA_IMAGE_H

#include "fake-kernel.h"
#include "walk/arena.h"

enum {
	IMG_PAGES = 64, /* of an arena; all but the last are there */
	IMG_FANOUT = 512,
};

/* As the program's BTF has them. */
struct img_desc {
	uint64_t allocated[8], nr_free, chunk;
};

struct img_chunk {
	uint64_t child[IMG_FANOUT];
};

struct img_data {
	int32_t idx, genn;
};

/* 20 bytes, so that elements have 24. */
struct img_task_ctx {
	uint32_t pid, seq, rest[3];
};

struct img_node { /* work_item: a list */
	uint64_t nr, next;
};

struct img_map_val {
	struct img_data tid;
	uint64_t data;
};

/* The section's variables. */
struct img_bss {
	uint64_t slab, elem_size, max_elems, pool_idx, root; /* scx_task_allocator */
	uint64_t other[5];				     /* per_node[1].allocator, in a struct in an array */
	uint64_t max_bytes, memory, off, limit, usage;	     /* scx_static; the last two with IMG_LINKED */
	uint64_t last_ctx;				     /* struct task_ctx * */
	uint64_t head;					     /* struct work_item * */
	uint64_t buddy_lock, first_chunk;		     /* "heap", with IMG_BUDDY */
};

enum arena_image_flags {
	IMG_FORWARD = 1,     /* the tree's types are declarations */
	IMG_NO_CTX = 2,	     /* no pointer to struct task_ctx among the variables */
	IMG_TWIN_CTX = 4,    /* another struct of its size with pointers to it: twin_ctx */
	IMG_NO_LIBRARY = 8,  /* no struct scx_allocator */
	IMG_KERNELS = 16,    /* the kernel has a struct task_ctx of that size */
	IMG_TAGGED = 32,     /* pointers to twin_ctx are tagged */
	IMG_URCU = 64,	     /* headers of 16 bytes */
	IMG_TAIL = 128,	     /* tags of 16 bytes that follow the payload; pointers to payloads are void pointers */
	IMG_ABSENT = 256,    /* with IMG_FORWARD: not even a declaration of struct sdt_data */
	IMG_BEHIND = 512,    /* struct sdt_desc ends before its last member does */
	IMG_LINKED = 1024,   /* struct scx_static as it became in 2026 */
	IMG_BUDDY = 2048,    /* a buddy allocator, too */
};

struct arena_image {
	struct fake_kernel *fk;
	struct types *types;
	uint32_t bss_type, val_type;
	struct report *r;
	struct walk_opts opts;
	struct walk w;
};

/* The program's types: what its section and the values of its map of tasks have. */
struct btf_build;
void arena_image_btf(struct btf_build *bb, unsigned int flags, uint32_t *bss_type, uint32_t *val_type);

/* No maps yet. */
void arena_image_init(struct arena_image *im, unsigned int flags);
void arena_image_deinit(struct arena_image *im);

/* An arena with this id at a user address; its pages' bytes are the caller's to fill. */
uint8_t *arena_image_arena(struct arena_image *im, uint32_t id, uint64_t user);

/* A section with this id, whose variables the caller may change until the walk. */
struct img_bss *arena_image_bss(struct arena_image *im, uint32_t id);

/* A task storage map of nr values; entry i is of the task with pid 100 + i. */
struct img_map_val *arena_image_tasks(struct arena_image *im, uint32_t id, size_t nr);

/* A program that uses these maps. */
void arena_image_prog(struct arena_image *im, uint32_t a, uint32_t b);

/*
 * A root, a node below it and its leaves 0 and 5, in pages 0 to 4 of an arena; elements are the caller's.
 * Element `at` of a leaf is live at this address.
 */
void arena_image_tree(struct img_bss *bss, uint8_t *mem, uint64_t user);
void arena_image_slot(uint8_t *mem, unsigned int leaf, uint32_t at, uint64_t addr);

static inline struct img_desc *img_desc_at(uint8_t *mem, unsigned int i)
{
	return (struct img_desc *)(void *)mem + i;
}

static inline struct img_chunk *img_chunk_at(uint8_t *mem, unsigned int i)
{
	return (struct img_chunk *)(void *)(mem + PAGE_SIZE) + i;
}

#endif
