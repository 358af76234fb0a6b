/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/map-owner.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "base/cleanup.h"

enum {
	DEPTH_MAX = 256, /* cgroups in each other: cgroup.max.depth has no limit by default */
	NAME_MAX_ = 256,
	PATH_MAX_ = 4096,
	FAMILY_INET = 2, /* the guest's AF_INET and AF_INET6: the same on all of Linux */
	FAMILY_INET6 = 10,
};

static const struct layout_member owner_members[] = {
	LAYOUT(struct owner_layout, pid, "task_struct", "pid"),
	LAYOUT(struct owner_layout, tgid, "task_struct", "tgid"),
	LAYOUT(struct owner_layout, comm, "task_struct", "comm"),
	LAYOUT(struct owner_layout, kn, "cgroup", "kn"),
	LAYOUT_OPT(struct owner_layout, kn_parent, "kernfs_node", "__parent"), /* 6.15 */
	LAYOUT(struct owner_layout, kn_name, "kernfs_node", "name"),
	LAYOUT(struct owner_layout, kn_id, "kernfs_node", "id"),
	LAYOUT(struct owner_layout, ino, "inode", "i_ino"),
	LAYOUT(struct owner_layout, sb, "inode", "i_sb"),
	LAYOUT(struct owner_layout, sb_id, "super_block", "s_id"),
	LAYOUT(struct owner_layout, sb_dev, "super_block", "s_dev"),
	LAYOUT(struct owner_layout, common, "sock", "__sk_common"),
	LAYOUT(struct owner_layout, family, "sock", "__sk_common.skc_family"),
	LAYOUT(struct owner_layout, state, "sock", "__sk_common.skc_state"),
	LAYOUT(struct owner_layout, num, "sock", "__sk_common.skc_num"),
	LAYOUT(struct owner_layout, dport, "sock", "__sk_common.skc_dport"),
	LAYOUT(struct owner_layout, saddr, "sock", "__sk_common.skc_rcv_saddr"),
	LAYOUT(struct owner_layout, daddr, "sock", "__sk_common.skc_daddr"),
	LAYOUT_OPT(struct owner_layout, saddr6, "sock", "__sk_common.skc_v6_rcv_saddr"), /* IPv6 */
	LAYOUT_OPT(struct owner_layout, daddr6, "sock", "__sk_common.skc_v6_daddr"),
	LAYOUT(struct owner_layout, protocol, "sock", "sk_protocol"),
	LAYOUT(struct owner_layout, type, "sock", "sk_type"),
};

static const struct layout_member older_parent[] = {
	LAYOUT(struct owner_layout, kn_parent, "kernfs_node", "parent"),
};

struct err *owner_layout(const struct kernel *k, struct owner_layout *l)
{
	TRY(klayout(k, owner_members, ARRAY_SIZE(owner_members), l, NULL));
	if (l->kn_parent.present)
		return NULL;
	return klayout(k, older_parent, ARRAY_SIZE(older_parent), l, NULL);
}

static struct krange range_of(struct kva owner, const struct member *first, const struct member *last)
{
	if (!first->present || !last->present || last->off < first->off)
		return (struct krange){ owner, 0 };
	return (struct krange){ kmember(owner, first), last->off - first->off + last->size };
}

struct krange owner_range(const struct owner_layout *l, enum map_owner_kind kind, struct kva owner)
{
	switch (kind) {
	case OWNER_TASK:
		return range_of(owner, &l->pid, &l->comm);
	case OWNER_CGROUP:
		return range_of(owner, &l->kn, &l->kn);
	case OWNER_INODE:
		return range_of(owner, &l->sb, &l->ino);
	case OWNER_SOCKET:
		return range_of(owner, &l->common, &l->type);
	}
	return (struct krange){ owner, 0 };
}

/* NULL, a fatal error, or NULL with the cause of another in *why. */
static struct err *explain(struct map_job *job, struct err *e, const char **why)
{
	if (!e || walk_is_fatal(e))
		return e;
	*why = pool_printf(job->mw->pool, "%s", e->msg);
	err_free(e);
	return *why ? NULL : &err_nomem;
}

/* A string of the guest in the pool. */
static struct err *get_str(struct map_job *job, struct kva obj, const struct member *m, const char **ret)
{
	char buf[64];

	TRY(kget_str(job->mw->k, obj, m, buf, sizeof(buf)));
	*ret = pool_printf(job->mw->pool, "%s", buf);
	return *ret ? NULL : &err_nomem;
}

static struct err *read_task(struct map_job *job, const struct owner_layout *l, struct map_owner *o)
{
	struct kernel *k = job->mw->k;
	uint64_t pid, tgid;

	TRY(kget(k, o->kva, &l->pid, &pid));
	TRY(kget(k, o->kva, &l->tgid, &tgid));
	TRY(get_str(job, o->kva, &l->comm, &o->comm));
	o->pid = (int32_t)pid;
	o->tgid = (int32_t)tgid;
	return NULL;
}

/* cgroup_path(): names of the kernfs nodes up to the one without a parent, which has none. */
static struct err *build_path(struct map_job *job, const struct owner_layout *l, struct kva kn,
			      const char **ret)
{
	struct kernel *k = job->mw->k;
	char buf[PATH_MAX_], name[NAME_MAX_];
	size_t at = sizeof(buf) - 1;

	buf[at] = 0;
	for (unsigned int depth = 0;; depth++) {
		struct kva parent, text;

		TRY(kget_kva(k, kn, &l->kn_parent, &parent));
		if (!parent.v)
			break;
		TRY(kget_kva(k, kn, &l->kn_name, &text));
		TRY(kread_str(k, text, name, sizeof(name)));

		size_t len = strlen(name);
		if (depth == DEPTH_MAX || len + 1 > at)
			return err_new(ERR_LIMIT, "a path of more than %d cgroups or %d bytes",
				       DEPTH_MAX, PATH_MAX_);
		at -= len;
		memcpy(buf + at, name, len);
		buf[--at] = '/';
		kn = parent;
	}
	*ret = pool_printf(job->mw->pool, "%s", buf[at] ? buf + at : "/");
	return *ret ? NULL : &err_nomem;
}

struct err *owner_cgroup_path(struct map_job *job, const struct owner_layout *l, struct kva cgroup,
			      const char **ret, const char **why)
{
	struct kva kn;

	*ret = *why = NULL;
	struct err *e = kget_kva(job->mw->k, cgroup, &l->kn, &kn);
	if (!e)
		e = build_path(job, l, kn, ret);
	return explain(job, e, why);
}

static struct err *read_cgroup(struct map_job *job, const struct owner_layout *l, struct map_owner *o)
{
	struct kva kn;

	TRY(kget_kva(job->mw->k, o->kva, &l->kn, &kn));
	TRY(kget(job->mw->k, kn, &l->kn_id, &o->cgroup_id));
	return build_path(job, l, kn, &o->path);
}

static struct err *read_inode(struct map_job *job, const struct owner_layout *l, struct map_owner *o)
{
	struct kernel *k = job->mw->k;
	struct kva sb;
	uint64_t dev;

	TRY(kget(k, o->kva, &l->ino, &o->ino));
	TRY(kget_kva(k, o->kva, &l->sb, &sb));
	TRY(kget(k, sb, &l->sb_dev, &dev));
	o->dev_major = (uint32_t)dev >> 20; /* MINORBITS */
	o->dev_minor = (uint32_t)dev & ((1u << 20) - 1);
	return get_str(job, sb, &l->sb_id, &o->sb_id);
}

static struct err *read_addr(struct map_job *job, struct kva sock, int family, const struct member *m,
			     const char **ret)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];
	size_t len = family == FAMILY_INET ? 4 : 16;

	if (!m->present || m->size != len)
		return NULL;
	TRY(kread(job->mw->k, kmember(sock, m), addr, len));
	if (!inet_ntop(family == FAMILY_INET ? AF_INET : AF_INET6, addr, text, sizeof(text)))
		return NULL;
	*ret = pool_printf(job->mw->pool, "%s", text);
	return *ret ? NULL : &err_nomem;
}

static struct err *read_socket(struct map_job *job, const struct owner_layout *l, struct map_owner *o)
{
	struct kernel *k = job->mw->k;
	uint64_t family, type, protocol, state, num, dport;

	TRY(kget(k, o->kva, &l->family, &family));
	TRY(kget(k, o->kva, &l->state, &state));
	TRY(kget(k, o->kva, &l->protocol, &protocol));
	TRY(kget(k, o->kva, &l->type, &type));
	o->family = (uint16_t)family;
	o->sock_type = (uint16_t)type;
	o->protocol = (uint16_t)protocol;
	o->sock_state = (uint8_t)state;
	if (family != FAMILY_INET && family != FAMILY_INET6)
		return NULL;

	bool v4 = family == FAMILY_INET;
	const char *local = NULL, *remote = NULL;
	TRY(kget(k, o->kva, &l->num, &num));
	TRY(kget(k, o->kva, &l->dport, &dport));
	TRY(read_addr(job, o->kva, (int)family, v4 ? &l->saddr : &l->saddr6, &local));
	TRY(read_addr(job, o->kva, (int)family, v4 ? &l->daddr : &l->daddr6, &remote));
	if (!local || !remote)
		return NULL;
	/* skc_num is in the order of the host, skc_dport in that of the network. */
	o->local_port = (uint16_t)num;
	o->remote_port = (uint16_t)((dport & 0xff) << 8 | (dport >> 8 & 0xff));
	o->local_addr = local;
	o->remote_addr = remote;
	return NULL;
}

struct err *owner_read(struct map_job *job, const struct owner_layout *l, struct map_owner *o)
{
	struct err *e = NULL;

	switch (o->kind) {
	case OWNER_TASK:
		e = read_task(job, l, o);
		break;
	case OWNER_CGROUP:
		e = read_cgroup(job, l, o);
		break;
	case OWNER_INODE:
		e = read_inode(job, l, o);
		break;
	case OWNER_SOCKET:
		e = read_socket(job, l, o);
		break;
	}
	return explain(job, e, &o->why);
}
