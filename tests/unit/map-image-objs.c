/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs, links, devices, and the maps of devices. */
#include "config.h"

#include <bpf/btf.h>

#include "map-image.h"

const uint64_t map_image_prog_idr_at = 0xffffffff82a00400, map_image_link_idr_at = 0xffffffff82a00440,
	       map_image_btf_idr_at = 0xffffffff82a00480;

#define F(type, member, id) { #member, id, offsetof(struct type, member) }

static int add_enum(struct fake_kernel *fk, const char *name, const char *value, int number)
{
	int id = btf__add_enum(fk->btf, name, 4);

	btf__add_enum_value(fk->btf, value, number);
	return id;
}

/* An array of two; the elements point to each other's nodes. */
static int add_streams(struct fake_kernel *fk)
{
	int head = fake_kernel_struct(fk, "llist_head", 8, (struct fake_field[]){ { "first", fk->ptr, 0 } }, 1),
	    node = fake_kernel_struct(fk, "llist_node", 8, (struct fake_field[]){ { "next", fk->ptr, 0 } }, 1),
	    owner = fake_kernel_struct(fk, "atomic64_t", 8, (struct fake_field[]){ { "counter", fk->u64, 0 } }, 1),
	    lock = fake_kernel_struct(fk, "mutex", 8, (struct fake_field[]){ { "owner", owner, 0 } }, 1);
	const struct fake_field stream[] = {
		F(img_stream, log, head), { "lock", lock, offsetof(struct img_stream, owner) },
		F(img_stream, backlog_head, fk->ptr),
	};
	const struct fake_field elem[] = {
		{ "node", node, offsetof(struct img_stream_elem, next) },
		F(img_stream_elem, total_len, fk->u32), F(img_stream_elem, consumed_len, fk->u32),
		F(img_stream_elem, str, fake_kernel_array(fk, fk->u8, 0)),
	};

	fake_kernel_struct(fk, "bpf_stream_elem", offsetof(struct img_stream_elem, str), elem, ARRAY_SIZE(elem));
	return fake_kernel_array(fk, fake_kernel_struct(fk, "bpf_stream", sizeof(struct img_stream), stream, 3), 2);
}

static void add_progs(struct fake_kernel *fk)
{
	int name = fake_kernel_array(fk, fk->u8, 16), tag = fake_kernel_array(fk, fk->u8, 8);
	int type = add_enum(fk, "bpf_prog_type", "BPF_PROG_TYPE_XDP", 6),
	    attach = add_enum(fk, "bpf_attach_type", "BPF_XDP", 37);
	const struct fake_field prog[] = {
		F(img_prog, aux, fk->ptr), F(img_prog, stats, fk->ptr), F(img_prog, bpf_func, fk->ptr),
		F(img_prog, type, type), F(img_prog, expected_attach_type, attach),
		F(img_prog, len, fk->u32), F(img_prog, jited_len, fk->u32), F(img_prog, tag, tag),
		F(img_prog, jited, fk->u8),
	};
	const struct fake_field aux[] = {
		F(img_aux, used_maps, fk->ptr), F(img_aux, used_map_cnt, fk->u32), F(img_aux, id, fk->u32),
		F(img_aux, name, name), F(img_aux, func, fk->ptr), F(img_aux, load_time, fk->u64),
		F(img_aux, btf, fk->ptr), F(img_aux, attach_func_name, fk->ptr),
		F(img_aux, func_cnt, fk->u32), F(img_aux, attach_btf_id, fk->u32),
		F(img_aux, stream, add_streams(fk)),
	};
	const struct fake_field stats[] = {
		F(img_prog_stats, cnt, fk->u64), F(img_prog_stats, nsecs, fk->u64),
		F(img_prog_stats, misses, fk->u64),
	};

	fake_kernel_struct(fk, "bpf_prog", sizeof(struct img_prog), prog, ARRAY_SIZE(prog));
	fake_kernel_struct(fk, "bpf_prog_aux", sizeof(struct img_aux), aux, ARRAY_SIZE(aux));
	fake_kernel_struct(fk, "bpf_prog_stats", sizeof(struct img_prog_stats), stats, ARRAY_SIZE(stats));
}

/* Paths and what is at them. */
static int add_files(struct fake_kernel *fk)
{
	const struct fake_field hash[] = { { "pprev", fk->ptr, 0 } }, qstr[] = { { "name", fk->ptr, 0 } },
				path[] = { { "mnt", fk->ptr, 0 }, { "dentry", fk->ptr, 8 } },
				vfsmount[] = { { "mnt_root", fk->ptr, 0 } };
	const struct fake_field dentry[] = {
		{ "d_hash", fake_kernel_struct(fk, "hlist_bl_node", 8, hash, 1), offsetof(struct img_dentry, pprev) },
		F(img_dentry, d_parent, fk->ptr),
		{ "d_name", fake_kernel_struct(fk, "qstr", 8, qstr, 1), offsetof(struct img_dentry, name) },
	};
	const struct fake_field mount[] = {
		F(img_mount, mnt_parent, fk->ptr), F(img_mount, mnt_mountpoint, fk->ptr),
		{ "mnt", fake_kernel_struct(fk, "vfsmount", 8, vfsmount, 1), offsetof(struct img_mount, mnt_root) },
	};

	fake_kernel_struct(fk, "dentry", sizeof(struct img_dentry), dentry, ARRAY_SIZE(dentry));
	fake_kernel_struct(fk, "mount", sizeof(struct img_mount), mount, ARRAY_SIZE(mount));
	return fake_kernel_struct(fk, "path", 16, path, 2);
}

static void add_multi_links(struct fake_kernel *fk, int link)
{
	const struct fake_field kmulti[] = {
		F(img_kprobe_multi_link, link, link), F(img_kprobe_multi_link, addrs, fk->ptr),
		F(img_kprobe_multi_link, cookies, fk->ptr), F(img_kprobe_multi_link, cnt, fk->u32),
		F(img_kprobe_multi_link, flags, fk->u32),
	};
	const struct fake_field umulti[] = {
		{ "path", add_files(fk), offsetof(struct img_uprobe_multi_link, mnt) },
		F(img_uprobe_multi_link, link, link), F(img_uprobe_multi_link, task, fk->ptr),
		F(img_uprobe_multi_link, uprobes, fk->ptr), F(img_uprobe_multi_link, cnt, fk->u32),
	};
	const struct fake_field consumer[] = { { "ret_handler", fk->ptr, 0 } };
	const struct fake_field uprobe[] = {
		F(img_uprobe, offset, fk->u64), F(img_uprobe, ref_ctr_offset, fk->u64),
		F(img_uprobe, cookie, fk->u64),
		{ "consumer", fake_kernel_struct(fk, "uprobe_consumer", 8, consumer, 1),
		  offsetof(struct img_uprobe, ret_handler) },
	};

	fake_kernel_struct(fk, "bpf_kprobe_multi_link", sizeof(struct img_kprobe_multi_link), kmulti,
			   ARRAY_SIZE(kmulti));
	fake_kernel_struct(fk, "bpf_uprobe_multi_link", sizeof(struct img_uprobe_multi_link), umulti,
			   ARRAY_SIZE(umulti));
	fake_kernel_struct(fk, "bpf_uprobe", sizeof(struct img_uprobe), uprobe, ARRAY_SIZE(uprobe));
}

static void add_links(struct fake_kernel *fk)
{
	int type = add_enum(fk, "bpf_link_type", "BPF_LINK_TYPE_XDP", 6);
	const struct fake_field link[] = {
		F(img_link, prog, fk->ptr), F(img_link, id, fk->u32), F(img_link, type, type),
	};
	int id = fake_kernel_struct(fk, "bpf_link", sizeof(struct img_link), link, ARRAY_SIZE(link));
	const struct fake_field xdp[] = { F(img_xdp_link, link, id), F(img_xdp_link, dev, fk->ptr) };

	fake_kernel_struct(fk, "bpf_xdp_link", sizeof(struct img_xdp_link), xdp, 2);
	add_multi_links(fk, id);
}

static void add_devices(struct fake_kernel *fk, int map)
{
	const struct fake_field links[] = { { "next", fk->ptr, 0 }, { "pprev", fk->ptr, 8 } };
	int node = fake_kernel_struct(fk, "hlist_node", 16, links, 2),
	    name = fake_kernel_array(fk, fk->u8, 16);
	const struct fake_field dtab[] = {
		F(img_dtab, map, map), F(img_dtab, netdev_map, fk->ptr),
		F(img_dtab, dev_index_head, fk->ptr), F(img_dtab, n_buckets, fk->u32), F(img_dtab, items, fk->u32),
	};
	const struct fake_field netdev[] = {
		F(img_dtab_netdev, dev, fk->ptr), F(img_dtab_netdev, xdp_prog, fk->ptr),
		F(img_dtab_netdev, idx, fk->u32),
		{ "index_hlist", node, offsetof(struct img_dtab_netdev, next) },
	};
	const struct fake_field dev[] = { F(img_net_device, ifindex, fk->u32), F(img_net_device, name, name) };

	fake_kernel_struct(fk, "bpf_dtab", sizeof(struct img_dtab), dtab, ARRAY_SIZE(dtab));
	fake_kernel_struct(fk, "bpf_dtab_netdev", sizeof(struct img_dtab_netdev), netdev, ARRAY_SIZE(netdev));
	fake_kernel_struct(fk, "net_device", sizeof(struct img_net_device), dev, ARRAY_SIZE(dev));
}

void map_image_objs(struct fake_kernel *fk, int map)
{
	add_progs(fk);
	add_links(fk);
	add_devices(fk, map);
	fake_kernel_symbol(fk, "prog_idr", map_image_prog_idr_at);
	fake_kernel_symbol(fk, "link_idr", map_image_link_idr_at);
	fake_kernel_symbol(fk, "btf_idr", map_image_btf_idr_at);
}
