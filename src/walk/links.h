/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF links: what their walker and the readers of each type of link share. */
#ifndef FDGDB_WALK_LINKS_H
#define FDGDB_WALK_LINKS_H

#include "walk/objs.h"

/* Every member is optional: containers differ by type of link, and by what the kernel is built with. */
struct link_layout {
	struct member type, id, prog, attach_type, flags;
	struct member raw_tp_link, raw_tp_event, raw_tp_cookie, raw_event_tp, tracepoint_name;
	struct member tracing_link, tracing_attach, tracing_tramp, tracing_prog, tracing_cookie, tracing_cookie_old;
	struct member tramp_key, tramp_addr;
	struct member tmulti_link, tmulti_nr, tmulti_nodes, tmulti_node, tmulti_node_tramp, tmulti_node_cookie;
	struct member cgroup_link, cgroup_cgroup, cgroup_attach;
	struct member iter_link, iter_info, iter_reg, iter_target, iter_map, iter_cgroup, iter_order, iter_type, iter_pid;
	struct member netns_link, netns_net, netns_attach, net_inum;
	struct member xdp_link, xdp_dev, xdp_flags;
	struct member perf_link, perf_file, file_private;
	struct member kmulti_link, kmulti_addrs, kmulti_cookies, kmulti_nr, kmulti_flags, kmulti_missed;
	struct member kmulti_exit;
	struct member umulti_link, umulti_nr, umulti_flags, umulti_uprobes, umulti_mnt, umulti_dentry, umulti_task;
	struct member uprobe, uprobe_offset, uprobe_ref, uprobe_cookie, uprobe_return, task_pid;
	struct member ops_link, ops_map;
	struct member nf_link, nf_pf, nf_hook, nf_priority, nf_defrag;
	struct member tcx_link, tcx_dev, tcx_attach;
	struct member netkit_link, netkit_dev, netkit_attach;
	struct member sockmap_link, sockmap_map, sockmap_attach;
};

struct links_walk {
	struct walk *w;
	struct kernel *k;
	struct link_layout l;
	struct objs objs;
	size_t places; /* how many functions and places there is room for yet, in all links */
	struct err *fatal;
};

/*
 * Where a link to several functions or places stops being told in full, and where all links together do; the
 * rest is counted in the report's section.
 */
enum { LINK_PLACES_MAX = 1024, LINK_PLACES_ALL = 1 << 16 };

/* Fills row->target by row->type, and *attach if the kernel keeps the attach type in the container. */
struct err *link_target(struct links_walk *l, struct link_row *row, struct opt_u64 *attach) MUST_CHECK;

/* ---- for the readers */

static inline struct kva link_container(const struct link_row *row, const struct member *link)
{
	return (struct kva){ row->kva.v - link->off };
}

/* ERR_MISSING: this kernel's types lack the container. */
struct err *link_need(const struct member *link, const char *name) MUST_CHECK;
/* The function at an address, under this key, and its module; addr. */
struct err *link_function(struct links_walk *l, struct facts *facts, const char *key, struct kva addr) MUST_CHECK;
/* What function a trampoline is for: function, module; target_btf or target_prog, and target_btf_id. */
struct err *link_trampoline(struct links_walk *l, struct facts *facts, struct kva tramp) MUST_CHECK;
/* cookie; nothing if there is none. */
struct err *link_cookie(struct links_walk *l, struct facts *facts, struct kva obj, const struct member *m) MUST_CHECK;

/* link-multi.c */
struct err *link_kprobe_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach) MUST_CHECK;
struct err *link_uprobe_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach) MUST_CHECK;
struct err *link_tracing_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach) MUST_CHECK;

#endif
