/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel objects that BPF structures point to, each told in a few facts: programs, maps, cgroups, devices,
 * sockets. */
#ifndef FDGDB_WALK_OBJS_H
#define FDGDB_WALK_OBJS_H

#include "model/facts.h"
#include "walk/walk.h"

/* Every member is optional. */
struct objs_layout {
	/* struct bpf_prog and bpf_map */
	struct member prog_aux, prog_id, prog_name, prog_attach, map_id, map_name;
	/* struct bpf_map_owner: the first program of a map of programs decides which others may be in it */
	struct member map_owner, owner_type, owner_jited, owner_frags, owner_sleepable, owner_attach, owner_proto;
	struct member own_type, own_jited, own_frags; /* where the owner is a part of the map */
	/* struct cgroup, its directory */
	struct member cgroup_kn, kn_parent, kn_parent_old, kn_name, kn_id;
	/* struct net_device */
	struct member dev_name, dev_ifindex;
	/* struct sock */
	struct member sk_family, sk_state, sk_type, sk_protocol, sk_num, sk_dport, sk_rcv, sk_peer;
	struct member sk_rcv6, sk_peer6;
	/* struct mount, dentry */
	struct member mount_mnt, mount_root, mount_parent, mount_point;
	struct member dentry_parent, dentry_name, dentry_hashed;
	/* struct perf_event; of a trace event the call, of a probe the struct around that, or its probes */
	struct member event_type, event_config, event_call, event_name, event_cpu, event_cookie;
	struct member event_class, class_reg, probe_call, probe_first, probe_list;
	struct member kprobe_tp, kprobe_symbol, kprobe_ret, kprobe_offset, kprobe_addr, kprobe_missed;
	struct member kretprobe_missed;
	struct member uprobe_tp, uprobe_file, uprobe_ret, uprobe_offset, uprobe_ref;
};

struct err *objs_layout(struct kernel *k, struct objs_layout *l) MUST_CHECK;

/*
 * Each adds what it finds to the facts.  ERR_FAULT, ERR_MISSING or ERR_CORRUPT if something is missing
 * then; what was found before that is there.  The pool owns the texts.
 */
struct objs {
	struct kernel *k;
	struct pool *pool;
	struct objs_layout l;
};

/* prog_id, prog_name */
struct err *objs_prog(struct objs *o, struct kva prog, struct facts *facts) MUST_CHECK;
/* map_id, map_name */
struct err *objs_map(struct objs *o, struct kva map, struct facts *facts) MUST_CHECK;
/* cgroup_id, cgroup_path */
struct err *objs_cgroup(struct objs *o, struct kva cgroup, struct facts *facts) MUST_CHECK;
/* What programs a map of programs, devices or CPUs takes; nothing if it has none yet. */
struct err *objs_map_owner(struct objs *o, struct kva map, struct facts *facts) MUST_CHECK;
/* Id and path of a cgroup: from the root of its hierarchy, "/" for the root itself; in the pool. */
struct err *objs_cgroup_read(struct objs *o, struct kva cgroup, uint64_t *id, const char **path) MUST_CHECK;
/* ifindex, ifname */
struct err *objs_dev(struct objs *o, struct kva dev, struct facts *facts) MUST_CHECK;
/* family, type, protocol, state and, of IP sockets, local and remote ("127.0.0.1:80") */
struct err *objs_sock(struct objs *o, struct kva sk, struct facts *facts) MUST_CHECK;
/* The same as numbers.  Zeroed first; what was found before an error is there. */
struct obj_sock {
	bool known; /* the first four */
	uint16_t family, type, protocol;
	uint8_t state;
	const char *local, *remote; /* addresses in the pool; NULL: of a family without */
	uint16_t local_port, remote_port;
};
struct err *objs_sock_read(struct objs *o, struct kva sk, struct obj_sock *ret) MUST_CHECK;
/* What d_path() gives: of struct vfsmount and dentry, from the root of the mount namespace; in the pool. */
struct err *objs_path(struct objs *o, struct kva mnt, struct kva dentry, const char **ret) MUST_CHECK;
/* event_type, event_config, event_cpu, event_name, cookie of a struct perf_event; of a probe where it is, too */
struct err *objs_event(struct objs *o, struct kva event, struct facts *facts) MUST_CHECK;

/* id and name of a program; name has room for 17 bytes. */
struct err *objs_prog_ident(struct objs *o, struct kva prog, uint32_t *id, char name[17]) MUST_CHECK;

/* A string that a pointer member points to, in the pool; *ret is NULL for a null pointer. */
struct err *objs_string(struct objs *o, struct kva obj, const struct member *ptr,
			const char **ret) MUST_CHECK;

/*
 * Name of an enumerator of this kernel without the prefix, in lower case ("BPF_LINK_TYPE_XDP": "xdp");
 * *ret is NULL if the enum has no such value.
 */
struct err *objs_enum(struct objs *o, const char *type, const char *prefix, uint64_t value,
		      const char **ret) MUST_CHECK;

/* Keeps a fatal error, turns another into "; "-joined text at *why and sets *unreadable for a fault. */
struct err *objs_lost(struct objs *o, struct err *e, const char **why, bool *unreadable) MUST_CHECK;

#endif
