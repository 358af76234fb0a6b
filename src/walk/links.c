/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF links: everything in link_idr (kernel/bpf/syscall.c). */
#include "config.h"

#include "walk/links.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "walk/idrs.h"

enum {
	LINKS_MAX = 1 << 18,
	/* enum bpf_link_type */
	LINK_CGROUP = 3,
	LINK_STRUCT_OPS = 9,
};

static const struct layout_member link_members[] = {
	LAYOUT(struct link_layout, type, "bpf_link", "type"),
	LAYOUT(struct link_layout, id, "bpf_link", "id"),
	LAYOUT(struct link_layout, prog, "bpf_link", "prog"),
	LAYOUT_OPT(struct link_layout, attach_type, "bpf_link", "attach_type"), /* 6.17 */
	LAYOUT_OPT(struct link_layout, flags, "bpf_link", "flags"),		/* 6.17 */
	LAYOUT_OPT(struct link_layout, raw_tp_link, "bpf_raw_tp_link", "link"),
	LAYOUT_OPT(struct link_layout, raw_tp_event, "bpf_raw_tp_link", "btp"),
	LAYOUT_OPT(struct link_layout, raw_tp_cookie, "bpf_raw_tp_link", "cookie"), /* 6.10 */
	LAYOUT_OPT(struct link_layout, raw_event_tp, "bpf_raw_event_map", "tp"),
	LAYOUT_OPT(struct link_layout, tracepoint_name, "tracepoint", "name"),
	LAYOUT_OPT(struct link_layout, tracing_link, "bpf_tracing_link", "link.link"),
	LAYOUT_OPT(struct link_layout, tracing_attach, "bpf_tracing_link", "attach_type"),
	LAYOUT_OPT(struct link_layout, tracing_tramp, "bpf_tracing_link", "trampoline"),
	LAYOUT_OPT(struct link_layout, tracing_prog, "bpf_tracing_link", "tgt_prog"),
	LAYOUT_OPT(struct link_layout, tracing_cookie, "bpf_tracing_link", "link.node.cookie"), /* 7.2 */
	LAYOUT_OPT(struct link_layout, tracing_cookie_old, "bpf_tracing_link", "link.cookie"),
	LAYOUT_OPT(struct link_layout, tramp_key, "bpf_trampoline", "key"),
	LAYOUT_OPT(struct link_layout, tramp_addr, "bpf_trampoline", "func.addr"),
	LAYOUT_OPT(struct link_layout, tmulti_link, "bpf_tracing_multi_link", "link"), /* 7.2 */
	LAYOUT_OPT(struct link_layout, tmulti_nr, "bpf_tracing_multi_link", "nodes_cnt"),
	LAYOUT_OPT(struct link_layout, tmulti_nodes, "bpf_tracing_multi_link", "nodes"),
	LAYOUT_OPT(struct link_layout, tmulti_node, "bpf_tracing_multi_node", ""),
	LAYOUT_OPT(struct link_layout, tmulti_node_tramp, "bpf_tracing_multi_node", "trampoline"),
	LAYOUT_OPT(struct link_layout, tmulti_node_cookie, "bpf_tracing_multi_node", "node.cookie"),
	LAYOUT_OPT(struct link_layout, cgroup_link, "bpf_cgroup_link", "link"),
	LAYOUT_OPT(struct link_layout, cgroup_cgroup, "bpf_cgroup_link", "cgroup"),
	LAYOUT_OPT(struct link_layout, cgroup_attach, "bpf_cgroup_link", "type"),
	LAYOUT_OPT(struct link_layout, iter_link, "bpf_iter_link", "link"),
	LAYOUT_OPT(struct link_layout, iter_info, "bpf_iter_link", "tinfo"),
	LAYOUT_OPT(struct link_layout, iter_reg, "bpf_iter_target_info", "reg_info"),
	LAYOUT_OPT(struct link_layout, iter_target, "bpf_iter_reg", "target"),
	LAYOUT_OPT(struct link_layout, iter_map, "bpf_iter_link", "aux.map"),
	LAYOUT_OPT(struct link_layout, iter_cgroup, "bpf_iter_link", "aux.cgroup.start"), /* 6.1 */
	LAYOUT_OPT(struct link_layout, iter_order, "bpf_iter_link", "aux.cgroup.order"),
	LAYOUT_OPT(struct link_layout, iter_type, "bpf_iter_link", "aux.task.type"),
	LAYOUT_OPT(struct link_layout, iter_pid, "bpf_iter_link", "aux.task.pid"),
	LAYOUT_OPT(struct link_layout, netns_link, "bpf_netns_link", "link"),
	LAYOUT_OPT(struct link_layout, netns_net, "bpf_netns_link", "net"),
	LAYOUT_OPT(struct link_layout, netns_attach, "bpf_netns_link", "type"),
	LAYOUT_OPT(struct link_layout, net_inum, "net", "ns.inum"),
	LAYOUT_OPT(struct link_layout, xdp_link, "bpf_xdp_link", "link"),
	LAYOUT_OPT(struct link_layout, xdp_dev, "bpf_xdp_link", "dev"),
	LAYOUT_OPT(struct link_layout, xdp_flags, "bpf_xdp_link", "flags"),
	LAYOUT_OPT(struct link_layout, perf_link, "bpf_perf_link", "link"),
	LAYOUT_OPT(struct link_layout, perf_file, "bpf_perf_link", "perf_file"),
	LAYOUT_OPT(struct link_layout, file_private, "file", "private_data"),
	LAYOUT_OPT(struct link_layout, kmulti_link, "bpf_kprobe_multi_link", "link"),
	LAYOUT_OPT(struct link_layout, kmulti_addrs, "bpf_kprobe_multi_link", "addrs"),
	LAYOUT_OPT(struct link_layout, kmulti_cookies, "bpf_kprobe_multi_link", "cookies"),
	LAYOUT_OPT(struct link_layout, kmulti_flags, "bpf_kprobe_multi_link", "flags"), /* 6.6 to 6.16 */
	LAYOUT_OPT(struct link_layout, kmulti_exit, "bpf_kprobe_multi_link", "fp.exit_handler"),
	LAYOUT_OPT(struct link_layout, kmulti_missed, "bpf_kprobe_multi_link", "fp.nmissed"),
	LAYOUT_OPT(struct link_layout, kmulti_nr, "bpf_kprobe_multi_link", "cnt"),
	LAYOUT_OPT(struct link_layout, umulti_link, "bpf_uprobe_multi_link", "link"),
	LAYOUT_OPT(struct link_layout, umulti_nr, "bpf_uprobe_multi_link", "cnt"),
	LAYOUT_OPT(struct link_layout, umulti_flags, "bpf_uprobe_multi_link", "flags"), /* 6.8 to 6.16 */
	LAYOUT_OPT(struct link_layout, umulti_uprobes, "bpf_uprobe_multi_link", "uprobes"),
	LAYOUT_OPT(struct link_layout, umulti_mnt, "bpf_uprobe_multi_link", "path.mnt"),
	LAYOUT_OPT(struct link_layout, umulti_dentry, "bpf_uprobe_multi_link", "path.dentry"),
	LAYOUT_OPT(struct link_layout, umulti_task, "bpf_uprobe_multi_link", "task"),
	LAYOUT_OPT(struct link_layout, uprobe, "bpf_uprobe", ""),
	LAYOUT_OPT(struct link_layout, uprobe_offset, "bpf_uprobe", "offset"),
	LAYOUT_OPT(struct link_layout, uprobe_ref, "bpf_uprobe", "ref_ctr_offset"),
	LAYOUT_OPT(struct link_layout, uprobe_cookie, "bpf_uprobe", "cookie"),
	LAYOUT_OPT(struct link_layout, uprobe_return, "bpf_uprobe", "consumer.ret_handler"),
	LAYOUT_OPT(struct link_layout, task_pid, "task_struct", "pid"),
	LAYOUT_OPT(struct link_layout, ops_link, "bpf_struct_ops_link", "link"),
	LAYOUT_OPT(struct link_layout, ops_map, "bpf_struct_ops_link", "map"),
	LAYOUT_OPT(struct link_layout, nf_link, "bpf_nf_link", "link"),
	LAYOUT_OPT(struct link_layout, nf_pf, "bpf_nf_link", "hook_ops.pf"),
	LAYOUT_OPT(struct link_layout, nf_hook, "bpf_nf_link", "hook_ops.hooknum"),
	LAYOUT_OPT(struct link_layout, nf_priority, "bpf_nf_link", "hook_ops.priority"),
	LAYOUT_OPT(struct link_layout, nf_defrag, "bpf_nf_link", "defrag_hook"), /* 6.6 */
	LAYOUT_OPT(struct link_layout, tcx_link, "tcx_link", "link"),
	LAYOUT_OPT(struct link_layout, tcx_dev, "tcx_link", "dev"),
	LAYOUT_OPT(struct link_layout, tcx_attach, "tcx_link", "location"),
	LAYOUT_OPT(struct link_layout, netkit_link, "netkit_link", "link"),
	LAYOUT_OPT(struct link_layout, netkit_dev, "netkit_link", "dev"),
	LAYOUT_OPT(struct link_layout, netkit_attach, "netkit_link", "location"),
	LAYOUT_OPT(struct link_layout, sockmap_link, "sockmap_link", "link"),
	LAYOUT_OPT(struct link_layout, sockmap_map, "sockmap_link", "map"),
	LAYOUT_OPT(struct link_layout, sockmap_attach, "sockmap_link", "attach_type"),
};

/* Zero is BPF_CGROUP_INET_INGRESS, which only links to cgroups have; all others say none by it. */
static struct err *attach_name(struct links_walk *l, struct link_row *row, const struct opt_u64 *attach)
{
	if (!attach->has || (!attach->v && row->type != LINK_CGROUP))
		return NULL;
	return objs_enum(&l->objs, "bpf_attach_type", "BPF_", attach->v, &row->attach_name);
}

static struct err *read_head(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	struct kva prog;
	uint64_t v;

	TRY(kget(l->k, row->kva, &l->l.type, &v));
	row->type = (uint32_t)v;
	TRY(objs_enum(&l->objs, "bpf_link_type", "BPF_LINK_TYPE_", v, &row->type_name));
	TRY(kget(l->k, row->kva, &l->l.id, &v));
	if (v != row->id)
		return err_new(ERR_CORRUPT, "struct bpf_link has id %" PRIu64, v);
	if (l->l.attach_type.present) {
		TRY(kget(l->k, row->kva, &l->l.attach_type, &attach->v));
		attach->has = true;
	}
	TRY(kget_kva(l->k, row->kva, &l->l.prog, &prog));
	return prog.v ? objs_prog_ident(&l->objs, prog, &row->prog_id, row->prog_name) : NULL;
}

static struct err *read_link(struct links_walk *l, struct link_row *row)
{
	struct opt_u64 attach = { 0 };

	TRY(objs_lost(&l->objs, read_head(l, row, &attach), &row->error, &row->unreadable));
	TRY(objs_lost(&l->objs, err_prefix(link_target(l, row, &attach), "target"), &row->error,
		      &row->unreadable));
	return attach_name(l, row, &attach);
}

static void link_fiber(void *ctx, size_t i)
{
	struct links_walk *l = ctx;

	if (l->fatal)
		return;
	struct err *e = read_link(l, &l->w->r->links.data[i]);
	if (l->fatal)
		err_free(e);
	else
		l->fatal = e;
}

static struct err *summarize(struct report *r)
{
	size_t unreadable = 0, odd = 0, unknown = 0, cut = 0;

	TRY(report_section(r, "links", SECTION_COMPLETE, NULL));
	for (size_t i = 0; i < r->links.nr; i++) {
		const struct link_row *l = &r->links.data[i];

		unreadable += l->unreadable;
		odd += l->error && !l->unreadable && !l->unknown;
		unknown += l->unknown;
		cut += l->left_out;
	}
	if (unknown)
		TRY(report_section(r, "links", SECTION_NOT_IMPLEMENTED, "what %zu of %zu links link to", unknown,
				   r->links.nr));
	if (cut)
		TRY(report_cut(r, "links", false, "%zu functions or places beyond the first %d of a link, %d of all", cut,
			       LINK_PLACES_MAX, LINK_PLACES_ALL));
	if (unreadable)
		TRY(report_section(r, "links", SECTION_NOT_READABLE,
				   "%zu of %zu links could not all be read", unreadable, r->links.nr));
	if (odd)
		TRY(report_section(r, "links", SECTION_IMPLAUSIBLE, "%zu links contradict themselves", odd));
	return NULL;
}

static void set_ops_links(struct report *r)
{
	for (size_t i = 0; i < r->links.nr; i++) {
		const struct fact *map = r->links.data[i].target.first;

		if (r->links.data[i].type != LINK_STRUCT_OPS || !map)
			continue;
		for (size_t m = 0; m < r->maps.nr; m++) {
			struct map_row *row = &r->maps.data[m];

			if (row->ops && row->id == map->num)
				row->ops->link_id = r->links.data[i].id;
		}
	}
}

struct err *walk_links(struct walk *w)
{
	struct report *r = w->r;
	struct links_walk l = { .w = w, .k = w->k, .objs = { .k = w->k, .pool = &r->pool },
				.places = LINK_PLACES_ALL };

	TRY(klayout(w->k, link_members, ARRAY_SIZE(link_members), &l.l, NULL));
	TRY(objs_layout(w->k, &l.objs.l));

	_cleanup_(idr_rows_deinit) struct idr_rows rows = { 0 };
	TRY(idr_rows(w, "link_idr", "links", LINKS_MAX, &rows));
	for (size_t i = 0; i < rows.nr; i++) {
		struct link_row *row = vec_push(&r->links);

		if (!row)
			return &err_nomem;
		row->kva = rows.data[i].kva;
		row->id = rows.data[i].id;
	}
	mem_each(w->k->mem, r->links.nr, link_fiber, &l);
	if (l.fatal)
		return l.fatal;
	set_ops_links(r);
	return summarize(r);
}
