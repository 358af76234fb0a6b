/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF maps as a kernel has them in memory, for tests that walk them. */
#ifndef FDGDB_MAP_IMAGE_H
#define FDGDB_MAP_IMAGE_H

#include "fake-kernel.h"

/* The kernel's structures as far as the walkers know them; the order is ours, the names are not. */
struct img_map {
	uint64_t ops, extra, btf;
	uint32_t type, key_size, value_size, max_entries, flags, id;
	uint32_t key_type, value_type, vmlinux_value_type;
	char name[16];
	uint8_t frozen;
};

struct img_array {
	struct img_map map;
	uint32_t elem_size, index_mask;
	uint64_t value[];
};

struct img_htab {
	struct img_map map;
	uint64_t buckets, elems;
	uint32_t n_buckets, elem_size;
};

struct img_bucket {
	uint64_t first, lock;
};

struct img_elem {
	uint64_t next, pprev, lru, spare;
	uint32_t hash, pad;
	uint8_t key[];
};

struct img_arena {
	struct img_map map;
	uint64_t user_vm_start, kern_vm, scratch_page;
};

struct img_vm_struct {
	uint64_t next, addr, size;
};

struct img_btf {
	uint64_t data, base;
	uint32_t size, id;
	uint8_t kernel_btf;
};

/* struct sched_ext_ops, the struct_ops map it comes from and where it is copied to. */
struct img_ops {
	uint64_t select_cpu, enqueue, priv;
	char name[16];
};

struct img_struct_ops_map {
	struct img_map map;
	uint64_t links;
	uint32_t funcs_cnt, pad;
	uint64_t refcnt_and_state;
	struct img_ops data;
};

struct img_sched {
	uint64_t pad;
	struct img_ops ops;
};

struct img_link {
	uint64_t id, prog;
};

struct img_prog {
	uint64_t len, aux;
};

struct img_aux {
	uint64_t used_maps;
	uint32_t used_map_cnt;
};

struct map_image {
	struct fake_kernel *fk;
	uint64_t next; /* free kernel addresses */
	uint32_t sched_wrapper, other_wrapper; /* type ids of struct_ops values */
};

/* An empty map_idr in a kernel that knows the structures above; fk->k is ready. */
struct map_image *map_image_new(void);
void map_image_destroy(struct map_image *im);

/* Kernel addresses of their own, from a page boundary plus `offset` on. */
uint64_t map_image_room(struct map_image *im, size_t len, size_t offset);

/* Makes map_idr hold these maps; ids ascend. */
void map_image_idr(struct map_image *im, const uint32_t *ids, const uint64_t *maps, size_t nr);

/* Where map_idr and scx_root are. */
extern const uint64_t map_image_idr_at, map_image_root_at;

#endif
