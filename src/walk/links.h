/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF links: what their walker and the readers of each type of link share. */
#ifndef FDGDB_WALK_LINKS_H
#define FDGDB_WALK_LINKS_H

#include "walk/objs.h"

/* Every member is optional: containers differ by type of link, and by what the kernel is built with. */
struct link_layout {
	struct member type, id, prog, attach_type;
	struct member raw_tp_link, raw_tp_event, raw_event_tp, tracepoint_name;
	struct member tracing_link, tracing_attach, tracing_tramp, tramp_key;
	struct member cgroup_link, cgroup_cgroup, cgroup_attach;
	struct member iter_link, iter_info, iter_reg, iter_target;
	struct member netns_link, netns_net, netns_attach, net_inum;
	struct member xdp_link, xdp_dev;
	struct member perf_link, perf_file, file_private;
	struct member kmulti_link, kmulti_addrs, kmulti_nr;
	struct member umulti_link, umulti_nr;
	struct member ops_link, ops_map;
	struct member nf_link, nf_pf, nf_hook, nf_priority;
	struct member tcx_link, tcx_dev, tcx_attach;
	struct member netkit_link, netkit_dev, netkit_attach;
	struct member sockmap_link, sockmap_map, sockmap_attach;
};

struct links_walk {
	struct walk *w;
	struct kernel *k;
	struct link_layout l;
	struct objs objs;
	struct err *fatal;
};

/* Fills row->target by row->type, and *attach if the kernel keeps the attach type in the container. */
struct err *link_target(struct links_walk *l, struct link_row *row, struct opt_u64 *attach) MUST_CHECK;

#endif
