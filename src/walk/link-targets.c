/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a link links a program to.  struct bpf_link lies in a container that its type tells; each reader
 * here mirrors the type's .fill_link_info in the kernel.
 */
#include "config.h"

#include "walk/links.h"

#include <inttypes.h>

#include "kernel/symbolize.h"

enum {
	TRAMP_ID_IS_BTF = 1 << 31, /* bpf_trampoline_compute_key() */
	/* enum bpf_iter_task_type */
	ITER_TID = 1,
	ITER_TGID = 2,
};

struct err *link_need(const struct member *link, const char *name)
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

/* 0 is the cookie of who has none. */
struct err *link_cookie(struct links_walk *l, struct facts *facts, struct kva obj, const struct member *m)
{
	uint64_t v;

	if (!m->present)
		return NULL;
	TRY(kget(l->k, obj, m, &v));
	return v ? facts_num(facts, l->objs.pool, "cookie", v) : NULL;
}

static struct err *raw_tp(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj, event, tp;
	const char *name;

	(void)attach;
	TRY(link_need(&l->l.raw_tp_link, "bpf_raw_tp_link"));
	obj = link_container(row, &l->l.raw_tp_link);
	TRY(kget_kva(l->k, obj, &l->l.raw_tp_event, &event));
	TRY(kget_kva(l->k, event, &l->l.raw_event_tp, &tp));
	TRY(objs_string(&l->objs, tp, &l->l.tracepoint_name, &name));
	TRY(facts_text(&row->target, l->objs.pool, "tp_name", name));
	return link_cookie(l, &row->target, obj, &l->l.raw_tp_cookie);
}

struct err *link_function(struct links_walk *l, struct facts *facts, const char *key, struct kva addr)
{
	struct pool *pool = l->objs.pool;
	struct sym sym;

	TRY(ksymbolize(l->k, addr, SYM_EXACT, &sym));
	/* Sites of ftrace lie behind what marks the target of an indirect branch. */
	if (sym.name && sym.offset) {
		const char *text = pool_printf(pool, "%s+0x%" PRIx64, sym.name, sym.offset);

		if (!text)
			return &err_nomem;
		TRY(facts_add(facts, pool, (struct fact){ .key = key, .text = text }));
	} else {
		TRY(facts_text(facts, pool, key, sym.name));
	}
	if (sym.owner == SYM_MODULE)
		TRY(facts_text(facts, pool, "module", sym.module->name));
	return facts_add(facts, pool, (struct fact){ .key = "addr", .num = addr.v, .hex = true,
						     .json_only = sym.name });
}

struct err *link_trampoline(struct links_walk *l, struct facts *facts, struct kva tramp)
{
	struct pool *pool = l->objs.pool;
	struct kva addr;
	uint64_t key;

	if (l->l.tramp_addr.present) {
		TRY(kget_kva(l->k, tramp, &l->l.tramp_addr, &addr));
		if (addr.v)
			TRY(link_function(l, facts, "function", addr));
	}
	/* The id of a BTF object, or of a program, and of a type in its BTF. */
	TRY(kget(l->k, tramp, &l->l.tramp_key, &key));
	TRY(facts_num(facts, pool, (uint32_t)key & TRAMP_ID_IS_BTF ? "target_btf" : "target_prog", key >> 32));
	return facts_num(facts, pool, "target_btf_id", (uint32_t)key & ~(uint32_t)TRAMP_ID_IS_BTF);
}

static struct err *tracing(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	const struct link_layout *m = &l->l;
	struct kva obj, tramp, prog = { 0 };
	char name[17];
	uint32_t id;

	TRY(link_need(&m->tracing_link, "bpf_tracing_link"));
	obj = link_container(row, &m->tracing_link);
	TRY(get_attach(l, obj, &m->tracing_attach, attach));
	TRY(kget_kva(l->k, obj, &m->tracing_tramp, &tramp));
	if (tramp.v)
		TRY(link_trampoline(l, &row->target, tramp));
	if (m->tracing_prog.present)
		TRY(kget_kva(l->k, obj, &m->tracing_prog, &prog));
	if (prog.v) {
		TRY(objs_prog_ident(&l->objs, prog, &id, name));
		TRY(facts_text(&row->target, l->objs.pool, "target_prog_name", name));
	}
	return link_cookie(l, &row->target, obj, m->tracing_cookie.present ? &m->tracing_cookie : &m->tracing_cookie_old);
}

static struct err *cgroup(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj, cgrp;

	TRY(link_need(&l->l.cgroup_link, "bpf_cgroup_link"));
	obj = link_container(row, &l->l.cgroup_link);
	TRY(get_attach(l, obj, &l->l.cgroup_attach, attach));
	TRY(kget_kva(l->k, obj, &l->l.cgroup_cgroup, &cgrp));
	return cgrp.v ? objs_cgroup(&l->objs, cgrp, &row->target) : NULL; /* the cgroup is gone */
}

/* The cgroup to begin at, and which way to go from there. */
static struct err *iter_cgroup(struct links_walk *l, struct link_row *row, struct kva obj)
{
	struct kva cgrp;
	const char *order;
	uint64_t v;

	TRY(kget_kva(l->k, obj, &l->l.iter_cgroup, &cgrp));
	if (!cgrp.v)
		return NULL;
	TRY(objs_cgroup(&l->objs, cgrp, &row->target));
	TRY(kget(l->k, obj, &l->l.iter_order, &v));
	TRY(objs_enum(&l->objs, "bpf_cgroup_iter_order", "BPF_CGROUP_ITER_", v, &order));
	return facts_text(&row->target, l->objs.pool, "order", order);
}

static struct err *iter_task(struct links_walk *l, struct link_row *row, struct kva obj)
{
	uint64_t type, pid;

	TRY(kget(l->k, obj, &l->l.iter_type, &type));
	if (type != ITER_TID && type != ITER_TGID)
		return NULL;
	TRY(kget(l->k, obj, &l->l.iter_pid, &pid));
	return facts_num(&row->target, l->objs.pool, type == ITER_TID ? "tid" : "pid", pid);
}

static struct err *iter(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj, info, reg, map = { 0 };
	const char *name;

	(void)attach;
	TRY(link_need(&l->l.iter_link, "bpf_iter_link"));
	obj = link_container(row, &l->l.iter_link);
	TRY(kget_kva(l->k, obj, &l->l.iter_info, &info));
	TRY(kget_kva(l->k, info, &l->l.iter_reg, &reg));
	TRY(objs_string(&l->objs, reg, &l->l.iter_target, &name));
	TRY(facts_text(&row->target, l->objs.pool, "target_name", name));
	if (l->l.iter_map.present)
		TRY(kget_kva(l->k, obj, &l->l.iter_map, &map));
	if (map.v)
		TRY(objs_map(&l->objs, map, &row->target));
	if (l->l.iter_cgroup.present)
		TRY(iter_cgroup(l, row, obj));
	return l->l.iter_type.present ? iter_task(l, row, obj) : NULL;
}

static struct err *netns(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva obj, net;
	uint64_t ino;

	TRY(link_need(&l->l.netns_link, "bpf_netns_link"));
	obj = link_container(row, &l->l.netns_link);
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
	struct kva obj;
	uint64_t v;

	(void)attach;
	TRY(link_need(&l->l.xdp_link, "bpf_xdp_link"));
	obj = link_container(row, &l->l.xdp_link);
	TRY(dev(l, row, obj, &l->l.xdp_dev));
	if (!l->l.xdp_flags.present)
		return NULL;
	TRY(kget(l->k, obj, &l->l.xdp_flags, &v));
	return (uint32_t)v ? facts_hex(&row->target, l->objs.pool, "xdp_flags", (uint32_t)v) : NULL;
}

static struct err *tcx(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	TRY(link_need(&l->l.tcx_link, "tcx_link"));
	TRY(get_attach(l, link_container(row, &l->l.tcx_link), &l->l.tcx_attach, attach));
	return dev(l, row, link_container(row, &l->l.tcx_link), &l->l.tcx_dev);
}

static struct err *netkit(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	TRY(link_need(&l->l.netkit_link, "netkit_link"));
	TRY(get_attach(l, link_container(row, &l->l.netkit_link), &l->l.netkit_attach, attach));
	return dev(l, row, link_container(row, &l->l.netkit_link), &l->l.netkit_dev);
}

static struct err *perf(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva file, event;

	(void)attach;
	TRY(link_need(&l->l.perf_link, "bpf_perf_link"));
	TRY(kget_kva(l->k, link_container(row, &l->l.perf_link), &l->l.perf_file, &file));
	TRY(kget_kva(l->k, file, &l->l.file_private, &event));
	return objs_event(&l->objs, event, &row->target);
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
	TRY(link_need(&l->l.ops_link, "bpf_struct_ops_link"));
	return map_of(l, row, link_container(row, &l->l.ops_link), &l->l.ops_map);
}

static struct err *sockmap(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	TRY(link_need(&l->l.sockmap_link, "sockmap_link"));
	TRY(get_attach(l, link_container(row, &l->l.sockmap_link), &l->l.sockmap_attach, attach));
	return map_of(l, row, link_container(row, &l->l.sockmap_link), &l->l.sockmap_map);
}

/* enum nf_inet_hooks, which all families that BPF can be attached to have. */
static const char *hook_name(uint64_t hook)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output", "postrouting" };

	return hook < ARRAY_SIZE(names) ? names[hook] : NULL;
}

static struct err *netfilter(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	enum { IPV4 = 2, IPV6 = 10 };
	struct facts *facts = &row->target;
	struct pool *pool = l->objs.pool;
	struct kva obj;
	uint64_t v;

	(void)attach;
	TRY(link_need(&l->l.nf_link, "bpf_nf_link"));
	obj = link_container(row, &l->l.nf_link);
	TRY(kget(l->k, obj, &l->l.nf_pf, &v));
	TRY(facts_num(facts, pool, "pf", v));
	TRY(facts_text(facts, pool, "pf_name", v == IPV4 ? "ip" : v == IPV6 ? "ip6" : NULL));
	TRY(kget(l->k, obj, &l->l.nf_hook, &v));
	TRY(facts_num(facts, pool, "hook", v));
	TRY(facts_text(facts, pool, "hook_name", hook_name(v)));
	TRY(kget(l->k, obj, &l->l.nf_priority, &v));
	const char *text = pool_printf(pool, "%" PRId32, (int32_t)v);
	if (!text)
		return &err_nomem;
	TRY(facts_text(facts, pool, "priority", text));
	if (!l->l.nf_defrag.present)
		return NULL;
	TRY(kget(l->k, obj, &l->l.nf_defrag, &v));
	return v ? facts_flag(facts, pool, "ip_defrag") : NULL;
}

struct err *link_target(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	/* By enum bpf_link_type, which is part of the kernel's ABI. */
	static struct err *(*const readers[])(struct links_walk *, struct link_row *, struct opt_u64 *) = {
		[1] = raw_tp,
		[2] = tracing,
		[3] = cgroup,
		[4] = iter,
		[5] = netns,
		[6] = xdp,
		[7] = perf,
		[8] = link_kprobe_multi,
		[9] = struct_ops,
		[10] = netfilter,
		[11] = tcx,
		[12] = link_uprobe_multi,
		[13] = netkit,
		[14] = sockmap,
		[15] = link_tracing_multi,
	};

	if (row->type < ARRAY_SIZE(readers) && readers[row->type])
		return readers[row->type](l, row, attach);
	row->unknown = !row->error; /* if that is all that there is to say */
	return err_new(ERR_UNSUPPORTED, "links of type %" PRIu32 " are not known here", row->type);
}
