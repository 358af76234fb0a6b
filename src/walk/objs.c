/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/objs.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>

#include "base/cleanup.h"

enum {
	STRING_MAX = 256,
	FAMILY_INET = 2, /* the guest's AF_INET and AF_INET6: the same on all of Linux */
	FAMILY_INET6 = 10,
};

static const struct layout_member members[] = {
	LAYOUT(struct objs_layout, prog_aux, "bpf_prog", "aux"),
	LAYOUT(struct objs_layout, prog_id, "bpf_prog_aux", "id"),
	LAYOUT(struct objs_layout, prog_name, "bpf_prog_aux", "name"),
	LAYOUT(struct objs_layout, prog_attach, "bpf_prog", "expected_attach_type"),
	LAYOUT(struct objs_layout, map_id, "bpf_map", "id"),
	LAYOUT(struct objs_layout, map_name, "bpf_map", "name"),
	LAYOUT_OPT(struct objs_layout, map_owner, "bpf_map", "owner"),
	/* Before 6.17 and the stable releases that took the change over (6.1.149, 6.12.42): */
	LAYOUT_OPT(struct objs_layout, own_type, "bpf_map", "owner.type"),
	LAYOUT_OPT(struct objs_layout, own_jited, "bpf_map", "owner.jited"),
	LAYOUT_OPT(struct objs_layout, own_frags, "bpf_map", "owner.xdp_has_frags"),
	LAYOUT_OPT(struct objs_layout, owner_type, "bpf_map_owner", "type"),
	LAYOUT_OPT(struct objs_layout, owner_jited, "bpf_map_owner", "jited"),
	LAYOUT_OPT(struct objs_layout, owner_frags, "bpf_map_owner", "xdp_has_frags"),
	LAYOUT_OPT(struct objs_layout, owner_sleepable, "bpf_map_owner", "sleepable"), /* 7.3 */
	LAYOUT_OPT(struct objs_layout, owner_attach, "bpf_map_owner", "expected_attach_type"),
	LAYOUT_OPT(struct objs_layout, owner_proto, "bpf_map_owner", "attach_func_proto"),
	LAYOUT(struct objs_layout, cgroup_kn, "cgroup", "kn"),
	LAYOUT_OPT(struct objs_layout, kn_parent, "kernfs_node", "__parent"),   /* 6.15 */
	LAYOUT_OPT(struct objs_layout, kn_parent_old, "kernfs_node", "parent"), /* before */
	LAYOUT(struct objs_layout, kn_name, "kernfs_node", "name"),
	LAYOUT(struct objs_layout, kn_id, "kernfs_node", "id"),
	LAYOUT(struct objs_layout, dev_name, "net_device", "name"),
	LAYOUT(struct objs_layout, dev_ifindex, "net_device", "ifindex"),
	LAYOUT(struct objs_layout, sk_family, "sock", "__sk_common.skc_family"),
	LAYOUT(struct objs_layout, sk_state, "sock", "__sk_common.skc_state"),
	LAYOUT(struct objs_layout, sk_type, "sock", "sk_type"),
	LAYOUT(struct objs_layout, sk_protocol, "sock", "sk_protocol"),
	LAYOUT(struct objs_layout, sk_num, "sock", "__sk_common.skc_num"),
	LAYOUT(struct objs_layout, sk_dport, "sock", "__sk_common.skc_dport"),
	LAYOUT(struct objs_layout, sk_rcv, "sock", "__sk_common.skc_rcv_saddr"),
	LAYOUT(struct objs_layout, sk_peer, "sock", "__sk_common.skc_daddr"),
	LAYOUT_OPT(struct objs_layout, sk_rcv6, "sock", "__sk_common.skc_v6_rcv_saddr"), /* IPV6 */
	LAYOUT_OPT(struct objs_layout, sk_peer6, "sock", "__sk_common.skc_v6_daddr"),
	LAYOUT(struct objs_layout, event_type, "perf_event", "attr.type"),
	LAYOUT(struct objs_layout, event_config, "perf_event", "attr.config"),
	LAYOUT(struct objs_layout, event_cpu, "perf_event", "cpu"),
	LAYOUT_OPT(struct objs_layout, event_call, "perf_event", "tp_event"), /* EVENT_TRACING */
	LAYOUT_OPT(struct objs_layout, event_name, "trace_event_call", "name"),
	LAYOUT_OPT(struct objs_layout, event_cookie, "perf_event", "bpf_cookie"), /* 5.15 */
	LAYOUT_OPT(struct objs_layout, event_class, "trace_event_call", "class"),
	LAYOUT_OPT(struct objs_layout, class_reg, "trace_event_class", "reg"),
	LAYOUT_OPT(struct objs_layout, probe_call, "trace_probe_event", "call"),
	LAYOUT_OPT(struct objs_layout, probe_first, "trace_probe_event", "probes.next"),
	LAYOUT_OPT(struct objs_layout, probe_list, "trace_probe", "list"),
	LAYOUT_OPT(struct objs_layout, kprobe_tp, "trace_kprobe", "tp"), /* KPROBE_EVENTS */
	LAYOUT_OPT(struct objs_layout, kprobe_symbol, "trace_kprobe", "symbol"),
	LAYOUT_OPT(struct objs_layout, kprobe_ret, "trace_kprobe", "rp.handler"),
	LAYOUT_OPT(struct objs_layout, kprobe_offset, "trace_kprobe", "rp.kp.offset"),
	LAYOUT_OPT(struct objs_layout, kprobe_addr, "trace_kprobe", "rp.kp.addr"),
	LAYOUT_OPT(struct objs_layout, kprobe_missed, "trace_kprobe", "rp.kp.nmissed"),
	LAYOUT_OPT(struct objs_layout, kretprobe_missed, "trace_kprobe", "rp.nmissed"),
	LAYOUT_OPT(struct objs_layout, uprobe_tp, "trace_uprobe", "tp"), /* UPROBE_EVENTS */
	LAYOUT_OPT(struct objs_layout, uprobe_file, "trace_uprobe", "filename"),
	LAYOUT_OPT(struct objs_layout, uprobe_ret, "trace_uprobe", "consumer.ret_handler"),
	LAYOUT_OPT(struct objs_layout, uprobe_offset, "trace_uprobe", "offset"),
	LAYOUT_OPT(struct objs_layout, uprobe_ref, "trace_uprobe", "ref_ctr_offset"),
	LAYOUT_OPT(struct objs_layout, mount_mnt, "mount", "mnt"),
	LAYOUT_OPT(struct objs_layout, mount_root, "mount", "mnt.mnt_root"),
	LAYOUT_OPT(struct objs_layout, mount_parent, "mount", "mnt_parent"),
	LAYOUT_OPT(struct objs_layout, mount_point, "mount", "mnt_mountpoint"),
	LAYOUT_OPT(struct objs_layout, dentry_parent, "dentry", "d_parent"),
	LAYOUT_OPT(struct objs_layout, dentry_name, "dentry", "d_name.name"),
	LAYOUT_OPT(struct objs_layout, dentry_hashed, "dentry", "d_hash.pprev"),
};

struct err *objs_layout(struct kernel *k, struct objs_layout *l)
{
	return klayout(k, members, ARRAY_SIZE(members), l, NULL);
}

struct err *objs_string(struct objs *o, struct kva obj, const struct member *ptr, const char **ret)
{
	char buf[STRING_MAX];
	struct kva at;

	*ret = NULL;
	TRY(kget_kva(o->k, obj, ptr, &at));
	if (!at.v)
		return NULL;
	TRY(kread_str(o->k, at, buf, sizeof(buf)));
	*ret = pool_strndup(o->pool, buf, strlen(buf));
	return *ret ? NULL : &err_nomem;
}

struct err *objs_enum(struct objs *o, const char *type, const char *prefix, uint64_t value,
		      const char **ret)
{
	size_t len = strlen(prefix);
	uint32_t id;

	*ret = NULL;
	_cleanup_err_ struct err *e = types_find(o->k->types, BTF_KIND_ENUM, type, &id);
	if (walk_is_fatal(e))
		return take_ptr(e);
	const char *name = e ? NULL : types_enum_name(o->k->types, id, (int64_t)value);
	/* The enums of BPF end with __MAX_..., which names nothing. */
	if (!name || strncmp(name, prefix, len))
		return NULL;
	char *lower = pool_strndup(o->pool, name + len, strlen(name + len));
	if (!lower)
		return &err_nomem;
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	*ret = lower;
	return NULL;
}

struct err *objs_lost(struct objs *o, struct err *e, const char **why, bool *unreadable)
{
	if (!e || walk_is_fatal(e))
		return e;
	*unreadable |= e->code == ERR_FAULT;
	*why = *why ? pool_printf(o->pool, "%s; %s", *why, e->msg) :
		      pool_strndup(o->pool, e->msg, strlen(e->msg));
	err_free(e);
	return *why ? NULL : &err_nomem;
}

/* ---- BPF's own */

struct err *objs_prog_ident(struct objs *o, struct kva prog, uint32_t *id, char name[17])
{
	struct kva aux;
	uint64_t v;

	TRY(kget_kva(o->k, prog, &o->l.prog_aux, &aux));
	TRY(kget(o->k, aux, &o->l.prog_id, &v));
	TRY(kget_str(o->k, aux, &o->l.prog_name, name, 17));
	*id = (uint32_t)v;
	return NULL;
}

struct err *objs_prog(struct objs *o, struct kva prog, struct facts *facts)
{
	uint32_t id;
	char name[17];

	TRY(objs_prog_ident(o, prog, &id, name));
	TRY(facts_num(facts, o->pool, "prog_id", id));
	return facts_text(facts, o->pool, "prog_name", name);
}

struct err *objs_map(struct objs *o, struct kva map, struct facts *facts)
{
	char name[17];
	uint64_t id;

	TRY(kget(o->k, map, &o->l.map_id, &id));
	TRY(kget_str(o->k, map, &o->l.map_name, name, sizeof(name)));
	TRY(facts_num(facts, o->pool, "map_id", id));
	return facts_text(facts, o->pool, "map_name", name);
}

static struct err *add_member(struct objs *o, struct kva obj, const struct member *m, const char *key,
			      struct facts *facts)
{
	uint64_t v;

	if (!m->present)
		return NULL;
	TRY(kget(o->k, obj, m, &v));
	return facts_num(facts, o->pool, key, v);
}

static struct err *add_prog_type(struct objs *o, uint64_t type, struct facts *facts)
{
	const char *name;

	TRY(facts_num(facts, o->pool, "type", type));
	TRY(objs_enum(o, "bpf_prog_type", "BPF_PROG_TYPE_", type, &name));
	return facts_text(facts, o->pool, "type_name", name);
}

/* The owner is in the map: type 0 until there is one. */
static struct err *map_own_owner(struct objs *o, struct kva map, struct facts *facts)
{
	const struct objs_layout *l = &o->l;
	uint64_t type;

	TRY(kget(o->k, map, &l->own_type, &type));
	if (!type)
		return NULL;
	TRY(add_prog_type(o, type, facts));
	TRY(add_member(o, map, &l->own_jited, "jited", facts));
	return add_member(o, map, &l->own_frags, "xdp_has_frags", facts);
}

struct err *objs_map_owner(struct objs *o, struct kva map, struct facts *facts)
{
	const struct objs_layout *l = &o->l;
	struct kva owner;
	const char *name;
	uint64_t v;

	if (l->own_type.present)
		return map_own_owner(o, map, facts);
	if (!l->map_owner.present || l->map_owner.size != 8 || !l->owner_type.present)
		return NULL;
	TRY(kget_kva(o->k, map, &l->map_owner, &owner));
	if (!owner.v)
		return NULL;
	TRY(kget(o->k, owner, &l->owner_type, &v));
	TRY(add_prog_type(o, v, facts));
	TRY(add_member(o, owner, &l->owner_jited, "jited", facts));
	TRY(add_member(o, owner, &l->owner_frags, "xdp_has_frags", facts));
	TRY(add_member(o, owner, &l->owner_sleepable, "sleepable", facts));
	if (l->owner_attach.present) { /* 0 is also said by those that have none */
		TRY(kget(o->k, owner, &l->owner_attach, &v));
		TRY(facts_num(facts, o->pool, "expected_attach_type", v));
		if (v)
			TRY(objs_enum(o, "bpf_attach_type", "BPF_", v, &name));
		TRY(facts_text(facts, o->pool, "attach_type_name", v ? name : NULL));
	}
	if (!l->owner_proto.present)
		return NULL;
	TRY(kget(o->k, owner, &l->owner_proto, &v));
	return v ? facts_hex(facts, o->pool, "attach_func_proto", v) : NULL;
}

/* ---- network */

struct err *objs_dev(struct objs *o, struct kva dev, struct facts *facts)
{
	char name[17];
	uint64_t index;

	TRY(kget(o->k, dev, &o->l.dev_ifindex, &index));
	TRY(kget_str(o->k, dev, &o->l.dev_name, name, sizeof(name)));
	TRY(facts_num(facts, o->pool, "ifindex", index));
	return facts_text(facts, o->pool, "ifname", name);
}

static struct err *sock_addr(struct objs *o, struct kva sk, int family, const struct member *m, const char **ret)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t raw[16];
	size_t len = family == FAMILY_INET ? 4 : 16;

	if (!m->present || m->size != len)
		return NULL;
	TRY(kread(o->k, kmember(sk, m), raw, len));
	if (!inet_ntop(family == FAMILY_INET ? AF_INET : AF_INET6, raw, text, sizeof(text)))
		return NULL;
	*ret = pool_strndup(o->pool, text, sizeof(text));
	return *ret ? NULL : &err_nomem;
}

static struct err *sock_numbers(struct objs *o, struct kva sk, struct obj_sock *ret)
{
	const struct objs_layout *l = &o->l;
	uint64_t family, type, protocol, state;

	TRY(kget(o->k, sk, &l->sk_family, &family));
	TRY(kget(o->k, sk, &l->sk_type, &type));
	TRY(kget(o->k, sk, &l->sk_protocol, &protocol));
	TRY(kget(o->k, sk, &l->sk_state, &state));
	ret->family = (uint16_t)family;
	ret->type = (uint16_t)type;
	ret->protocol = (uint16_t)protocol;
	ret->state = (uint8_t)state;
	ret->known = true;
	return NULL;
}

struct err *objs_sock_read(struct objs *o, struct kva sk, struct obj_sock *ret)
{
	const struct objs_layout *l = &o->l;
	const char *local = NULL, *remote = NULL;
	uint64_t num, dport;

	*ret = (struct obj_sock){ 0 };
	TRY(sock_numbers(o, sk, ret));
	if (ret->family != FAMILY_INET && ret->family != FAMILY_INET6)
		return NULL;

	bool v4 = ret->family == FAMILY_INET;
	TRY(kget(o->k, sk, &l->sk_num, &num));
	TRY(kget(o->k, sk, &l->sk_dport, &dport));
	TRY(sock_addr(o, sk, ret->family, v4 ? &l->sk_rcv : &l->sk_rcv6, &local));
	TRY(sock_addr(o, sk, ret->family, v4 ? &l->sk_peer : &l->sk_peer6, &remote));
	if (!local || !remote)
		return NULL;
	/* skc_num is in the order of the host, skc_dport in that of the network. */
	ret->local = local;
	ret->local_port = (uint16_t)num;
	ret->remote = remote;
	ret->remote_port = (uint16_t)((dport & 0xff) << 8 | (dport >> 8 & 0xff));
	return NULL;
}

static struct err *add_end(struct objs *o, const char *key, bool v4, const char *addr, uint16_t port,
			   struct facts *facts)
{
	char text[INET6_ADDRSTRLEN + 16];

	if (!addr)
		return NULL;
	snprintf(text, sizeof(text), v4 ? "%s:%u" : "[%s]:%u", addr, port);
	return facts_text(facts, o->pool, key, text);
}

static struct err *add_sock(struct objs *o, const struct obj_sock *sk, struct facts *facts)
{
	bool v4 = sk->family == FAMILY_INET;

	if (!sk->known)
		return NULL;
	TRY(facts_num(facts, o->pool, "family", sk->family));
	TRY(facts_num(facts, o->pool, "socket_type", sk->type));
	TRY(facts_num(facts, o->pool, "protocol", sk->protocol));
	TRY(facts_num(facts, o->pool, "state", sk->state));
	TRY(add_end(o, "local", v4, sk->local, sk->local_port, facts));
	return add_end(o, "remote", v4, sk->remote, sk->remote_port, facts);
}

struct err *objs_sock(struct objs *o, struct kva sk, struct facts *facts)
{
	struct obj_sock info;
	struct err *e = objs_sock_read(o, sk, &info), *failed = add_sock(o, &info, facts);

	if (!failed)
		return e;
	err_free(e);
	return failed;
}
