/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a link links a program to.  struct bpf_link lies in a container that its type tells; each reader
 * here mirrors the type's .fill_link_info in the kernel.
 */
#include "config.h"

#include "walk/links.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/symbolize.h"

enum {
	MULTI_SHOWN = 64,	 /* functions of a multi link that are told by name */
	TRAMP_ID_IS_BTF = 1 << 31, /* bpf_trampoline_compute_key() */
};

static struct kva container(const struct link_row *row, const struct member *link)
{
	return (struct kva){ row->kva.v - link->off };
}

static struct err *need(const struct member *link, const char *name)
{
	return link->present ? NULL : err_new(ERR_MISSING, "no type %s", name);
}

static struct err *get_attach(struct links_walk *l, struct kva obj, const struct member *m,
			      struct opt_u64 *attach)
{
	if (attach->has || !m->present)
		return NULL;
	TRY(kget(l->k, obj, m, &attach->v));
	attach->has = true;
	return NULL;
}

static struct err *raw_tp(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva event, tp;
	const char *name;

	(void)attach;
	TRY(need(&l->l.raw_tp_link, "bpf_raw_tp_link"));
	TRY(kget_kva(l->k, container(row, &l->l.raw_tp_link), &l->l.raw_tp_event, &event));
	TRY(kget_kva(l->k, event, &l->l.raw_event_tp, &tp));
	TRY(objs_string(&l->objs, tp, &l->l.tracepoint_name, &name));
	return facts_text(&row->target, l->objs.pool, "tp_name", name);
}

static struct err *tracing(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj, tramp;
	uint64_t key;

	TRY(need(&l->l.tracing_link, "bpf_tracing_link"));
	obj = container(row, &l->l.tracing_link);
	TRY(get_attach(l, obj, &l->l.tracing_attach, attach));
	TRY(kget_kva(l->k, obj, &l->l.tracing_tramp, &tramp));
	if (!tramp.v)
		return NULL;
	/* The id of a BTF object, or of a program, and of a type in its BTF. */
	TRY(kget(l->k, tramp, &l->l.tramp_key, &key));
	TRY(facts_num(&row->target, l->objs.pool,
		      (uint32_t)key & TRAMP_ID_IS_BTF ? "target_btf" : "target_prog", key >> 32));
	return facts_num(&row->target, l->objs.pool, "target_btf_id",
			 (uint32_t)key & ~(uint32_t)TRAMP_ID_IS_BTF);
}

static struct err *cgroup(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj, cgrp;

	TRY(need(&l->l.cgroup_link, "bpf_cgroup_link"));
	obj = container(row, &l->l.cgroup_link);
	TRY(get_attach(l, obj, &l->l.cgroup_attach, attach));
	TRY(kget_kva(l->k, obj, &l->l.cgroup_cgroup, &cgrp));
	return cgrp.v ? objs_cgroup(&l->objs, cgrp, &row->target) : NULL; /* the cgroup is gone */
}

static struct err *iter(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva info, reg;
	const char *name;

	(void)attach;
	TRY(need(&l->l.iter_link, "bpf_iter_link"));
	TRY(kget_kva(l->k, container(row, &l->l.iter_link), &l->l.iter_info, &info));
	TRY(kget_kva(l->k, info, &l->l.iter_reg, &reg));
	TRY(objs_string(&l->objs, reg, &l->l.iter_target, &name));
	return facts_text(&row->target, l->objs.pool, "target_name", name);
}

static struct err *netns(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj, net;
	uint64_t ino;

	TRY(need(&l->l.netns_link, "bpf_netns_link"));
	obj = container(row, &l->l.netns_link);
	TRY(get_attach(l, obj, &l->l.netns_attach, attach));
	TRY(kget_kva(l->k, obj, &l->l.netns_net, &net));
	if (!net.v)
		return NULL;
	TRY(kget(l->k, net, &l->l.net_inum, &ino));
	return facts_num(&row->target, l->objs.pool, "netns_ino", ino);
}

/* Links to devices; the device is NULL once it is gone. */
static struct err *dev(struct links_walk *l, struct link_row *row, struct kva obj, const struct member *m)
{
	struct kva dev;

	TRY(kget_kva(l->k, obj, m, &dev));
	return dev.v ? objs_dev(&l->objs, dev, &row->target) : NULL;
}

static struct err *xdp(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	(void)attach;
	TRY(need(&l->l.xdp_link, "bpf_xdp_link"));
	return dev(l, row, container(row, &l->l.xdp_link), &l->l.xdp_dev);
}

static struct err *tcx(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	TRY(need(&l->l.tcx_link, "tcx_link"));
	TRY(get_attach(l, container(row, &l->l.tcx_link), &l->l.tcx_attach, attach));
	return dev(l, row, container(row, &l->l.tcx_link), &l->l.tcx_dev);
}

static struct err *netkit(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	TRY(need(&l->l.netkit_link, "netkit_link"));
	TRY(get_attach(l, container(row, &l->l.netkit_link), &l->l.netkit_attach, attach));
	return dev(l, row, container(row, &l->l.netkit_link), &l->l.netkit_dev);
}

static struct err *perf(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva file, event;

	(void)attach;
	TRY(need(&l->l.perf_link, "bpf_perf_link"));
	TRY(kget_kva(l->k, container(row, &l->l.perf_link), &l->l.perf_file, &file));
	TRY(kget_kva(l->k, file, &l->l.file_private, &event));
	return objs_event(&l->objs, event, &row->target);
}

/* "vfs_read, vfs_write, …": symbols that the addresses are at, or the addresses. */
static struct err *function_names(struct links_walk *l, const uint8_t *addrs, size_t nr, const char **ret)
{
	char *text = pool_strndup(l->objs.pool, "", 0);

	for (size_t i = 0; i < nr && text; i++) {
		struct kva addr = { get_le64(addrs + 8 * i) };
		const char *sep = i ? ", " : "";
		struct sym sym;

		TRY(ksymbolize(l->k, addr, SYM_EXACT, &sym));
		if (sym.name)
			text = pool_printf(l->objs.pool, "%s%s%s", text, sep, sym.name);
		else
			text = pool_printf(l->objs.pool, "%s%s0x%" PRIx64, text, sep, addr.v);
	}
	*ret = text;
	return text ? NULL : &err_nomem;
}

static struct err *kprobe_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	uint8_t raw[8 * MULTI_SHOWN];
	struct kva obj, addrs;
	const char *names;
	uint64_t nr;

	(void)attach;
	TRY(need(&l->l.kmulti_link, "bpf_kprobe_multi_link"));
	obj = container(row, &l->l.kmulti_link);
	TRY(kget(l->k, obj, &l->l.kmulti_nr, &nr));
	TRY(facts_num(&row->target, l->objs.pool, "func_cnt", nr));
	TRY(kget_kva(l->k, obj, &l->l.kmulti_addrs, &addrs));
	size_t shown = (size_t)MIN(nr, (uint64_t)MULTI_SHOWN);
	TRY(kread(l->k, addrs, raw, 8 * shown));
	TRY(function_names(l, raw, shown, &names));
	return facts_text(&row->target, l->objs.pool, shown < nr ? "first_funcs" : "funcs", names);
}

static struct err *uprobe_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	uint64_t nr;

	(void)attach;
	TRY(need(&l->l.umulti_link, "bpf_uprobe_multi_link"));
	TRY(kget(l->k, container(row, &l->l.umulti_link), &l->l.umulti_nr, &nr));
	return facts_num(&row->target, l->objs.pool, "uprobe_cnt", nr);
}

static struct err *map_of(struct links_walk *l, struct link_row *row, struct kva obj, const struct member *m)
{
	struct kva map;

	TRY(kget_kva(l->k, obj, m, &map));
	return map.v ? objs_map(&l->objs, map, &row->target) : NULL; /* detached */
}

static struct err *struct_ops(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	(void)attach;
	TRY(need(&l->l.ops_link, "bpf_struct_ops_link"));
	return map_of(l, row, container(row, &l->l.ops_link), &l->l.ops_map);
}

static struct err *sockmap(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	TRY(need(&l->l.sockmap_link, "sockmap_link"));
	TRY(get_attach(l, container(row, &l->l.sockmap_link), &l->l.sockmap_attach, attach));
	return map_of(l, row, container(row, &l->l.sockmap_link), &l->l.sockmap_map);
}

static struct err *netfilter(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj;
	uint64_t v;

	(void)attach;
	TRY(need(&l->l.nf_link, "bpf_nf_link"));
	obj = container(row, &l->l.nf_link);
	TRY(kget(l->k, obj, &l->l.nf_pf, &v));
	TRY(facts_num(&row->target, l->objs.pool, "pf", v));
	TRY(kget(l->k, obj, &l->l.nf_hook, &v));
	TRY(facts_num(&row->target, l->objs.pool, "hook", v));
	TRY(kget(l->k, obj, &l->l.nf_priority, &v));
	const char *text = pool_printf(l->objs.pool, "%" PRId32, (int32_t)v);
	if (!text)
		return &err_nomem;
	return facts_text(&row->target, l->objs.pool, "priority", text);
}

struct err *link_target(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	/* By enum bpf_link_type, which is part of the kernel's ABI. */
	static struct err *(*const readers[])(struct links_walk *, struct link_row *, struct opt_u64 *) = {
		[1] = raw_tp, [2] = tracing,	   [3] = cgroup,      [4] = iter,	[5] = netns,
		[6] = xdp,    [7] = perf,	   [8] = kprobe_multi, [9] = struct_ops, [10] = netfilter,
		[11] = tcx,   [12] = uprobe_multi, [13] = netkit,      [14] = sockmap,
	};

	if (row->type >= ARRAY_SIZE(readers) || !readers[row->type])
		return NULL;
	return readers[row->type](l, row, attach);
}
