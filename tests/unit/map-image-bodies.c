/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "map-image.h"

#define F(type, member, id) { #member, id, offsetof(struct type, member) }
#define N(type, member, name, id) { name, id, offsetof(struct type, member) }

static int define(struct fake_kernel *fk, const char *name, size_t size, const struct fake_field *fields,
		  size_t nr)
{
	return fake_kernel_struct(fk, name, size, fields, nr);
}

static void add_queue_lpm(struct fake_kernel *fk, int map)
{
	int flex = fake_kernel_array(fk, fk->u8, 0), two = fake_kernel_array(fk, fk->ptr, 2);
	const struct fake_field queue[] = {
		F(img_queue, map, map), F(img_queue, head, fk->u32), F(img_queue, tail, fk->u32),
		F(img_queue, size, fk->u32), F(img_queue, elements, flex),
	};
	const struct fake_field lpm[] = {
		F(img_lpm, map, map), F(img_lpm, root, fk->ptr), F(img_lpm, n_entries, fk->u64),
		F(img_lpm, max_prefixlen, fk->u64), F(img_lpm, data_size, fk->u64),
	};
	const struct fake_field node[] = {
		N(img_lpm_node, left, "child", two), F(img_lpm_node, prefixlen, fk->u32),
		F(img_lpm_node, flags, fk->u32), F(img_lpm_node, data, flex),
	};

	define(fk, "bpf_queue_stack", sizeof(struct img_queue), queue, ARRAY_SIZE(queue));
	define(fk, "lpm_trie", sizeof(struct img_lpm), lpm, ARRAY_SIZE(lpm));
	define(fk, "lpm_trie_node", offsetof(struct img_lpm_node, data), node, ARRAY_SIZE(node));
}

static void add_ring_bloom(struct fake_kernel *fk, int map)
{
	int flex = fake_kernel_array(fk, fk->u8, 0);
	const struct fake_field counter[] = { { "counter", fk->u32, 0 } };
	int atomic = fake_kernel_struct(fk, "atomic_t", 4, counter, 1);
	const struct fake_field ring_map[] = { F(img_ring_map, map, map), F(img_ring_map, rb, fk->ptr) };
	const struct fake_field ring[] = {
		F(img_ring, mask, fk->u64), F(img_ring, consumer_pos, fk->u64),
		F(img_ring, producer_pos, fk->u64), F(img_ring, pending_pos, fk->u64),
		F(img_ring, overwrite_pos, fk->u64), F(img_ring, overwrite_mode, fk->u8),
		F(img_ring, data, flex), F(img_ring, busy, atomic),
	};
	const struct fake_field bloom[] = {
		F(img_bloom, map, map), F(img_bloom, bitset_mask, fk->u32),
		F(img_bloom, hash_seed, fk->u32), F(img_bloom, nr_hash_funcs, fk->u32),
		F(img_bloom, bitset, flex),
	};

	define(fk, "bpf_ringbuf_map", sizeof(struct img_ring_map), ring_map, ARRAY_SIZE(ring_map));
	define(fk, "bpf_ringbuf", sizeof(struct img_ring), ring, ARRAY_SIZE(ring));
	define(fk, "bpf_bloom_filter", sizeof(struct img_bloom), bloom, ARRAY_SIZE(bloom));
}

static void add_stacks(struct fake_kernel *fk, int map)
{
	int flex = fake_kernel_array(fk, fk->u64, 0);
	const struct fake_field stacks[] = {
		F(img_stacks, map, map), F(img_stacks, n_buckets, fk->u32), F(img_stacks, buckets, flex),
	};
	const struct fake_field bucket[] = { F(img_stack_bucket, hash, fk->u32),
					     F(img_stack_bucket, nr, fk->u32),
					     F(img_stack_bucket, data, flex) };

	define(fk, "bpf_stack_map", sizeof(struct img_stacks), stacks, ARRAY_SIZE(stacks));
	define(fk, "stack_map_bucket", sizeof(struct img_stack_bucket), bucket, ARRAY_SIZE(bucket));
}

static void add_storage(struct fake_kernel *fk, int map)
{
	const struct fake_field first[] = { { "first", fk->ptr, 0 } };
	int head = define(fk, "hlist_head", 8, first, 1);
	const struct fake_field links[] = { { "next", fk->ptr, 0 }, { "pprev", fk->ptr, 8 } };
	int node = define(fk, "hlist_node", 16, links, 2);
	const struct fake_field bucket[] = { { "list", head, 0 }, { "lock", fk->u32, 8 } };
	const struct fake_field sdata[] = { { "smap", fk->ptr, 0 },
					    { "data", fake_kernel_array(fk, fk->u8, 0), 8 } };
	int data = define(fk, "bpf_local_storage_data", 8, sdata, 2);
	const struct fake_field elem[] = {
		N(img_storage_elem, next, "map_node", node), N(img_storage_elem, snode, "snode", node),
		F(img_storage_elem, local_storage, fk->ptr), N(img_storage_elem, smap, "sdata", data),
	};
	const struct fake_field smap[] = {
		F(img_storage_map, map, map), F(img_storage_map, buckets, fk->ptr),
		F(img_storage_map, bucket_log, fk->u32),
	};
	const struct fake_field storage[] = { F(img_local_storage, owner, fk->ptr) };

	define(fk, "bpf_local_storage_map_bucket", 16, bucket, ARRAY_SIZE(bucket));
	define(fk, "bpf_local_storage_elem", sizeof(struct img_storage_elem), elem, ARRAY_SIZE(elem));
	define(fk, "bpf_local_storage_map", sizeof(struct img_storage_map), smap, ARRAY_SIZE(smap));
	define(fk, "bpf_local_storage", sizeof(struct img_local_storage), storage, ARRAY_SIZE(storage));
}

static void add_cgroup_storage(struct fake_kernel *fk, int map)
{
	const struct fake_field links[] = { { "next", fk->ptr, 0 }, { "prev", fk->ptr, 8 } };
	int list = define(fk, "list_head", 16, links, 2);
	const struct fake_field cgroup_map[] = { F(img_cgroup_map, map, map),
						 N(img_cgroup_map, next, "list", list) };
	const struct fake_field key[] = { { "cgroup_inode_id", fk->u64, 0 }, { "attach_type", fk->u32, 8 } };
	int key_id = define(fk, "bpf_cgroup_storage_key", 16, key, 2);
	const struct fake_field value[] = {
		F(img_cgroup_value, buf, fk->ptr), N(img_cgroup_value, buf, "percpu_buf", fk->ptr),
		N(img_cgroup_value, inode_id, "key", key_id), N(img_cgroup_value, next, "list_map", list),
		N(img_cgroup_value, cg_next, "list_cg", list),
	};
	const struct fake_field buf[] = { { "data", fake_kernel_array(fk, fk->u8, 0), 16 } };

	define(fk, "bpf_cgroup_storage_map", sizeof(struct img_cgroup_map), cgroup_map, 2);
	define(fk, "bpf_cgroup_storage", sizeof(struct img_cgroup_value), value, ARRAY_SIZE(value));
	define(fk, "bpf_storage_buffer", 16, buf, 1);
}

static void add_owners(struct fake_kernel *fk)
{
	int bytes16 = fake_kernel_array(fk, fk->u8, 16), bytes32 = fake_kernel_array(fk, fk->u8, 32);
	int u16 = fake_kernel_array(fk, fk->u8, 2);
	const struct fake_field task[] = { F(img_task, pid, fk->u32), F(img_task, tgid, fk->u32),
					   F(img_task, comm, bytes16) };
	const struct fake_field bpf[] = { { "storages", fk->ptr, 0 } };
	const struct fake_field cgroup[] = { F(img_cgroup, kn, fk->ptr),
					     N(img_cgroup, next, "bpf", define(fk, "cgroup_bpf", 16, bpf, 1)) };
	const struct fake_field kn[] = {
		N(img_kernfs_node, parent, "__parent", fk->ptr), F(img_kernfs_node, name, fk->ptr),
		F(img_kernfs_node, id, fk->u64),
	};
	const struct fake_field inode[] = { N(img_inode, sb, "i_sb", fk->ptr),
					    N(img_inode, ino, "i_ino", fk->u64) };
	const struct fake_field sb[] = { N(img_super_block, dev, "s_dev", fk->u32),
					 N(img_super_block, id, "s_id", bytes32) };
	const struct fake_field common[] = {
		N(img_sock, daddr, "skc_daddr", fk->u32), N(img_sock, rcv_saddr, "skc_rcv_saddr", fk->u32),
		N(img_sock, dport, "skc_dport", u16), N(img_sock, num, "skc_num", u16),
		N(img_sock, family, "skc_family", u16), N(img_sock, state, "skc_state", fk->u8),
		N(img_sock, daddr6, "skc_v6_daddr", bytes16),
		N(img_sock, saddr6, "skc_v6_rcv_saddr", bytes16),
	};
	int common_id = define(fk, "sock_common", offsetof(struct img_sock, protocol), common,
			       ARRAY_SIZE(common));
	const struct fake_field sock[] = { { "__sk_common", common_id, 0 },
					   N(img_sock, protocol, "sk_protocol", u16),
					   N(img_sock, type, "sk_type", u16) };

	define(fk, "task_struct", sizeof(struct img_task), task, ARRAY_SIZE(task));
	define(fk, "cgroup", sizeof(struct img_cgroup), cgroup, 2);
	define(fk, "kernfs_node", sizeof(struct img_kernfs_node), kn, ARRAY_SIZE(kn));
	define(fk, "inode", sizeof(struct img_inode), inode, ARRAY_SIZE(inode));
	define(fk, "super_block", sizeof(struct img_super_block), sb, ARRAY_SIZE(sb));
	define(fk, "sock", sizeof(struct img_sock), sock, ARRAY_SIZE(sock));
	const struct fake_field xdp[] = { F(img_xdp_sock, dev, fk->ptr), F(img_xdp_sock, queue_id, u16) };
	define(fk, "xdp_sock", sizeof(struct img_xdp_sock), xdp, 2);
}

static void add_rhash(struct fake_kernel *fk, int map)
{
	const struct fake_field head[] = { { "next", fk->ptr, 0 } };
	const struct fake_field nelems[] = { { "counter", fk->u32, 0 } };
	const struct fake_field ht[] = {
		{ "tbl", fk->ptr, 0 }, { "nelems", define(fk, "atomic_t", 4, nelems, 1), 8 }, { "rhlist", fk->u8, 12 },
	};
	const struct fake_field table[] = {
		F(img_bucket_table, size, fk->u32), F(img_bucket_table, nest, fk->u32),
		F(img_bucket_table, future_tbl, fk->ptr),
		F(img_bucket_table, buckets, fake_kernel_array(fk, fk->ptr, 0)),
	};
	const struct fake_field rhtab[] = { F(img_rhtab, map, map),
					    N(img_rhtab, tbl, "ht", define(fk, "rhashtable", 16, ht, ARRAY_SIZE(ht))) };
	const struct fake_field elem[] = {
		N(img_rhtab_elem, next, "node", define(fk, "rhash_head", 8, head, 1)),
		F(img_rhtab_elem, data, fake_kernel_array(fk, fk->u8, 0)),
	};

	define(fk, "bucket_table", sizeof(struct img_bucket_table), table, ARRAY_SIZE(table));
	define(fk, "bpf_rhtab", sizeof(struct img_rhtab), rhtab, 2);
	define(fk, "rhtab_elem", sizeof(struct img_rhtab_elem), elem, 2);
}

static void add_insns(struct fake_kernel *fk, int map)
{
	const struct fake_field value[] = { { "orig_off", fk->u32, 0 }, { "xlated_off", fk->u32, 4 },
					    { "jitted_off", fk->u32, 8 } };
	int id = define(fk, "bpf_insn_array_value", 16, value, ARRAY_SIZE(value));
	const struct fake_field array[] = {
		F(img_insn_array, map, map), F(img_insn_array, ips, fk->ptr),
		F(img_insn_array, values, fake_kernel_array(fk, id, 0)),
	};

	define(fk, "bpf_insn_array", sizeof(struct img_insn_array), array, ARRAY_SIZE(array));
}

void map_image_bodies(struct fake_kernel *fk, int map)
{
	add_insns(fk, map);
	add_rhash(fk, map);
	add_queue_lpm(fk, map);
	add_ring_bloom(fk, map);
	add_stacks(fk, map);
	add_storage(fk, map);
	add_cgroup_storage(fk, map);
	add_owners(fk);
}
