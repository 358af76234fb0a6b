/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "map-image.h"

#include <bpf/btf.h>
#include <stdlib.h>

/* struct xa_node and idr. */
struct img_xa_node {
	uint8_t shift, offset, count, nr_values;
	uint64_t slots[64];
};

struct img_xarray {
	uint32_t lock, flags;
	uint64_t head;
};

struct img_idr {
	struct img_xarray rt;
	uint32_t base, next;
};

const uint64_t map_image_idr_at = 0xffffffff82a00040, map_image_root_at = 0xffffffff82a01000,
	       map_image_all_at = 0xffffffff82a01010;
const uint64_t map_image_held_at = 0xffffffff82b00000;

#define F(type, member, id) { #member, id, offsetof(struct type, member) }
#define N(type, member, name, id) { name, id, offsetof(struct type, member) }

static void define(struct fake_kernel *fk, const char *name, size_t size,
		   const struct fake_field *fields, size_t nr)
{
	fake_kernel_struct(fk, name, size, fields, nr);
}

static int add_map_type(struct fake_kernel *fk)
{
	int type = btf__add_enum(fk->btf, "bpf_map_type", 4);

	btf__add_enum_value(fk->btf, "BPF_MAP_TYPE_UNSPEC", 0);
	btf__add_enum_value(fk->btf, "BPF_MAP_TYPE_HASH", 1);
	btf__add_enum_value(fk->btf, "BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED", 19);
	btf__add_enum_value(fk->btf, "BPF_MAP_TYPE_CGROUP_STORAGE", 19);
	btf__add_enum_value(fk->btf, "BPF_MAP_TYPE_FUTURE_THING", 99);
	btf__add_enum_value(fk->btf, "__MAX_BPF_MAP_TYPE", 100);

	int name = fake_kernel_array(fk, fk->u8, 16);
	const struct fake_field owner[] = { { "type", fk->u32, 0 }, { "jited", fk->u8, 4 },
					    { "xdp_has_frags", fk->u8, 5 } };
	const struct fake_field map[] = {
		F(img_map, elem_count, fk->ptr),
		N(img_map, owner_type, "owner", fake_kernel_struct(fk, "", 8, owner, 3)),
		F(img_map, ops, fk->ptr), N(img_map, extra, "map_extra", fk->u64),
		F(img_map, btf, fk->ptr), N(img_map, type, "map_type", type),
		F(img_map, key_size, fk->u32), F(img_map, value_size, fk->u32),
		F(img_map, max_entries, fk->u32), N(img_map, flags, "map_flags", fk->u32),
		F(img_map, id, fk->u32), N(img_map, key_type, "btf_key_type_id", fk->u32),
		N(img_map, value_type, "btf_value_type_id", fk->u32),
		N(img_map, vmlinux_value_type, "btf_vmlinux_value_type_id", fk->u32),
		F(img_map, name, name), F(img_map, frozen, fk->u8),
	};
	return fake_kernel_struct(fk, "bpf_map", sizeof(struct img_map), map, ARRAY_SIZE(map));
}

static void add_arrays(struct fake_kernel *fk, int map)
{
	int flex = fake_kernel_array(fk, fk->u8, 0), pptrs = fake_kernel_array(fk, fk->ptr, 0);
	const struct fake_field array[] = {
		F(img_array, map, map), F(img_array, elem_size, fk->u32),
		F(img_array, index_mask, fk->u32), F(img_array, value, flex),
	};
	int id = fake_kernel_struct(fk, "bpf_array", sizeof(struct img_array), array,
				    ARRAY_SIZE(array));

	(void)id;
	btf__add_field(fk->btf, "pptrs", pptrs, offsetof(struct img_array, value) * 8, 0);
	btf__add_field(fk->btf, "ptrs", pptrs, offsetof(struct img_array, value) * 8, 0);
}

/* struct qspinlock, which is all kinds of locks; what holds them. */
static int add_locks(struct fake_kernel *fk)
{
	const struct fake_field counter[] = { { "counter", fk->u32, 0 } };
	const struct fake_field val[] = { { "val", fake_kernel_struct(fk, "atomic_t", 4, counter, 1), 0 } };
	const struct fake_field held[] = { F(img_held, cnt, fk->u32),
					   F(img_held, locks, fake_kernel_array(fk, fk->ptr, 31)) };

	define(fk, "rqspinlock_held", sizeof(struct img_held), held, 2);
	fake_kernel_symbol(fk, "rqspinlock_held_locks", map_image_held_at);
	return fake_kernel_struct(fk, "qspinlock", 4, val, 1);
}

static int add_lru(struct fake_kernel *fk, int lock)
{
	const struct fake_field list[] = { { "lock", lock, 0 } };
	const struct fake_field local[] = { F(img_local_list, lock, lock) };
	int id = fake_kernel_struct(fk, "bpf_lru_list", 8, list, 1);

	define(fk, "bpf_lru_locallist", sizeof(struct img_local_list), local, 1);
	const struct fake_field common[] = { { "lru_list", id, 8 }, { "local_list", fk->ptr, 16 } };
	int common_id = fake_kernel_struct(fk, "bpf_common_lru", 24, common, 2);
	const struct fake_field lru[] = { { "common_lru", common_id, 0 }, F(img_lru, percpu_lru, fk->ptr),
					  F(img_lru, percpu, fk->u8) };
	return fake_kernel_struct(fk, "bpf_lru", sizeof(struct img_lru), lru, 3);
}

static void add_hashes(struct fake_kernel *fk, int map)
{
	int lock = add_locks(fk), lru = add_lru(fk, lock);
	const struct fake_field first[] = { { "first", fk->ptr, 0 } };
	int head = fake_kernel_struct(fk, "hlist_nulls_head", 8, first, 1);
	const struct fake_field links[] = { { "next", fk->ptr, 0 }, { "pprev", fk->ptr, 8 } };
	int node = fake_kernel_struct(fk, "hlist_nulls_node", 16, links, 2);
	const struct fake_field bucket_fields[] = { { "head", head, 0 },
						    N(img_bucket, lock, "raw_lock", lock) };
	int bucket = fake_kernel_struct(fk, "bucket", sizeof(struct img_bucket), bucket_fields, 2);
	const struct fake_field pcount[] = { { "count", fk->u64, 0 }, { "counters", fk->ptr, 8 } };
	const struct fake_field counter[] = { { "counter", fk->u32, 0 } };
	/* Another thing of that name, as in some kernels. */
	fake_kernel_struct(fk, "bucket", 72, first, 1);
	const struct fake_field htab[] = {
		F(img_htab, map, map), F(img_htab, buckets, fake_kernel_pointer(fk, bucket)),
		F(img_htab, elems, fk->ptr), F(img_htab, n_buckets, fk->u32),
		F(img_htab, elem_size, fk->u32), N(img_htab, seed, "hashrnd", fk->u32),
		F(img_htab, map_locked, fake_kernel_array(fk, fk->ptr, 8)), F(img_htab, lru, lru),
		N(img_htab, percpu_count, "pcount", fake_kernel_struct(fk, "percpu_counter", 16, pcount, 2)),
		N(img_htab, count, "count", fake_kernel_struct(fk, "atomic_t", 4, counter, 1)),
		N(img_htab, uses_percpu, "use_percpu_counter", fk->u8),
	};
	int flex = fake_kernel_array(fk, fk->u8, 0);
	const struct fake_field elem[] = {
		{ "hash_node", node, 0 }, F(img_elem, lru, fk->u64), F(img_elem, hash, fk->u32),
		F(img_elem, key, flex),
	};

	define(fk, "bpf_htab", sizeof(struct img_htab), htab, ARRAY_SIZE(htab));
	define(fk, "htab_elem", sizeof(struct img_elem), elem, ARRAY_SIZE(elem));
}

static void add_arenas(struct fake_kernel *fk, int map)
{
	const struct fake_field arena[] = {
		F(img_arena, map, map), F(img_arena, user_vm_start, fk->u64),
		F(img_arena, kern_vm, fk->ptr), F(img_arena, scratch_page, fk->ptr),
	};
	const struct fake_field vm[] = { F(img_vm_struct, addr, fk->ptr) };
	const struct fake_field page[] = { { "flags", fk->u64, 0 } };

	define(fk, "bpf_arena", sizeof(struct img_arena), arena, ARRAY_SIZE(arena));
	define(fk, "vm_struct", sizeof(struct img_vm_struct), vm, ARRAY_SIZE(vm));
	define(fk, "page", 64, page, 1);
}

static void add_idr(struct fake_kernel *fk)
{
	const struct fake_field xa[] = { { "xa_head", fk->ptr, offsetof(struct img_xarray, head) } };
	int xarray = fake_kernel_struct(fk, "xarray", sizeof(struct img_xarray), xa, 1);
	const struct fake_field idr[] = { { "idr_rt", xarray, 0 },
					  { "idr_base", fk->u32, offsetof(struct img_idr, base) } };
	const struct fake_field node[] = {
		F(img_xa_node, shift, fk->u8),
		{ "slots", fake_kernel_array(fk, fk->ptr, 64), offsetof(struct img_xa_node, slots) },
	};

	define(fk, "idr", sizeof(struct img_idr), idr, ARRAY_SIZE(idr));
	define(fk, "xa_node", sizeof(struct img_xa_node), node, ARRAY_SIZE(node));
}

static void add_btf(struct fake_kernel *fk)
{
	const struct fake_field btf[] = {
		F(img_btf, data, fk->ptr), N(img_btf, base, "base_btf", fk->ptr),
		N(img_btf, size, "data_size", fk->u32), F(img_btf, id, fk->u32),
		F(img_btf, kernel_btf, fk->u8), F(img_btf, name, fake_kernel_array(fk, fk->u8, 16)),
	};

	define(fk, "btf", sizeof(struct img_btf), btf, ARRAY_SIZE(btf));
}

static int add_wrapper(struct fake_kernel *fk, const char *name, int data, size_t size)
{
	const struct fake_field fields[] = { { "refcnt_and_state", fk->u64, 0 }, { "data", data, 8 } };

	return fake_kernel_struct(fk, name, 8 + size, fields, 2);
}

static int add_list_head(struct fake_kernel *fk)
{
	int id = btf__find_by_name_kind(fk->btf, "list_head", BTF_KIND_STRUCT);
	const struct fake_field links[] = { { "next", fk->ptr, 0 }, { "prev", fk->ptr, 8 } };

	return id > 0 ? id : fake_kernel_struct(fk, "list_head", 16, links, 2);
}

static int add_ops(struct fake_kernel *fk, const char *type, const char *first, bool cid)
{
	int func = fake_kernel_pointer(fk, btf__add_func_proto(fk->btf, 0)), name = fake_kernel_array(fk, fk->u8, 16);
	const struct fake_field ops[] = {
		N(img_ops, select_cpu, first, func), F(img_ops, enqueue, func), F(img_ops, priv, fk->ptr),
		F(img_ops, name, name), F(img_ops, cpu_acquire, func), F(img_ops, cpu_release, func),
	};

	return fake_kernel_struct(fk, type, cid ? IMG_CID_SIZE : sizeof(struct img_ops), ops,
				  ARRAY_SIZE(ops) - (cid ? 2 : 0));
}

static void add_struct_ops(struct map_image *im, int map)
{
	struct fake_kernel *fk = im->fk;
	int flex = fake_kernel_array(fk, fk->u8, 0), list = add_list_head(fk),
	    ops_id = add_ops(fk, "sched_ext_ops", "select_cpu", false),
	    cid_id = add_ops(fk, "sched_ext_ops_cid", "select_cid", true);
	const struct fake_field value[] = { { "refcnt_and_state", fk->u64, 0 }, { "data", flex, 8 } };
	int value_id = fake_kernel_struct(fk, "bpf_struct_ops_value", 8, value, 2);
	const struct fake_field ops_map[] = {
		F(img_struct_ops_map, map, map), F(img_struct_ops_map, links, fk->ptr),
		F(img_struct_ops_map, funcs_cnt, fk->u32),
		N(img_struct_ops_map, refcnt_and_state, "kvalue", value_id),
	};
	const struct fake_field sched[] = {
		F(img_sched, ops, ops_id), N(img_sched, ops, "ops_cid", cid_id), N(img_sched, next, "all", list),
		F(img_sched, is_cid_type, fk->u8),
	};

	define(fk, "bpf_struct_ops_map", sizeof(struct img_struct_ops_map), ops_map,
	       ARRAY_SIZE(ops_map));
	define(fk, "scx_sched", sizeof(struct img_sched), sched, ARRAY_SIZE(sched));
	im->sched_wrapper = (uint32_t)add_wrapper(fk, "bpf_struct_ops_sched_ext_ops", ops_id, sizeof(struct img_ops));
	im->cid_wrapper = (uint32_t)add_wrapper(fk, "bpf_struct_ops_sched_ext_ops_cid", cid_id, IMG_CID_SIZE);
	im->other_wrapper = (uint32_t)add_wrapper(fk, "bpf_struct_ops_tcp_congestion_ops", ops_id,
						  sizeof(struct img_ops));
	fake_kernel_symbol(fk, "scx_sched_all", map_image_all_at);
	fake_kernel_put64(fk, map_image_all_at, map_image_all_at);
	fake_kernel_put64(fk, map_image_all_at + 8, map_image_all_at);
	fake_kernel_symbol(fk, "scx_root", map_image_root_at);
	fake_kernel_put64(fk, map_image_root_at, 0);
}

struct map_image *map_image_new(void)
{
	struct map_image *im = calloc(1, sizeof(*im));
	struct fake_kernel *fk = fake_kernel_new();

	if (!im)
		abort();
	im->fk = fk;
	im->next = 0xffffc90000000000;
	int map = add_map_type(fk);
	add_arrays(fk, map);
	add_hashes(fk, map);
	add_arenas(fk, map);
	add_struct_ops(im, map);
	map_image_bodies(fk, map);
	map_image_objs(fk, map);
	map_image_slots(fk, map);
	add_idr(fk);
	add_btf(fk);
	fake_kernel_symbol(fk, "map_idr", map_image_idr_at);
	const uint64_t idrs[] = { map_image_idr_at, map_image_prog_idr_at, map_image_link_idr_at,
				  map_image_btf_idr_at };
	for (size_t i = 0; i < ARRAY_SIZE(idrs); i++)
		fake_kernel_write(fk, idrs[i], &(struct img_idr){ 0 }, sizeof(struct img_idr));
	fake_kernel_ready(fk);
	return im;
}

void map_image_destroy(struct map_image *im)
{
	fake_kernel_destroy(im->fk);
	free(im);
}

uint64_t map_image_room(struct map_image *im, size_t len, size_t offset)
{
	uint64_t at = im->next + offset;

	im->next = align_up(at + len, PAGE_SIZE) + PAGE_SIZE;
	return at;
}

/* Node of this shift for the ids that share the bits above, and all below it. */
static uint64_t make_node(struct map_image *im, unsigned int shift, const uint32_t *ids,
			  const uint64_t *maps, size_t nr)
{
	struct img_xa_node n = { .shift = (uint8_t)shift };
	uint64_t at = map_image_room(im, sizeof(n), 64);

	for (size_t i = 0, run; i < nr; i += run) {
		for (run = 1; i + run < nr && ids[i + run] >> shift == ids[i] >> shift;)
			run++;
		n.slots[ids[i] >> shift & 63] =
			shift ? make_node(im, shift - 6, ids + i, maps + i, run) | 2 : maps[i];
	}
	fake_kernel_write(im->fk, at, &n, sizeof(n));
	return at;
}

void map_image_idr_put(struct map_image *im, uint64_t at, const uint32_t *ids, const uint64_t *objs,
		       size_t nr)
{
	struct img_idr idr = { 0 };
	unsigned int shift = 0;

	while (nr && ids[nr - 1] >> shift > 63)
		shift += 6;
	idr.rt.head = make_node(im, shift, ids, objs, nr) | 2;
	fake_kernel_write(im->fk, at, &idr, sizeof(idr));
}

void map_image_idr(struct map_image *im, const uint32_t *ids, const uint64_t *maps, size_t nr)
{
	map_image_idr_put(im, map_image_idr_at, ids, maps, nr);
}
