/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/map-owner.h"

#include "base/cleanup.h"

static const struct layout_member owner_members[] = {
	LAYOUT(struct owner_layout, pid, "task_struct", "pid"),
	LAYOUT(struct owner_layout, tgid, "task_struct", "tgid"),
	LAYOUT(struct owner_layout, comm, "task_struct", "comm"),
	LAYOUT(struct owner_layout, ino, "inode", "i_ino"),
	LAYOUT(struct owner_layout, sb, "inode", "i_sb"),
	LAYOUT(struct owner_layout, sb_id, "super_block", "s_id"),
	LAYOUT(struct owner_layout, sb_dev, "super_block", "s_dev"),
};

struct err *owner_layout(const struct kernel *k, struct owner_layout *l)
{
	return klayout(k, owner_members, ARRAY_SIZE(owner_members), l, NULL);
}

static struct krange range_of(struct kva owner, const struct member *first, const struct member *last)
{
	if (!first->present || !last->present || last->off < first->off)
		return (struct krange){ owner, 0 };
	return (struct krange){ kmember(owner, first), last->off - first->off + last->size };
}

struct krange owner_range(struct map_job *job, const struct owner_layout *l, enum map_owner_kind kind, struct kva owner)
{
	const struct objs_layout *objs = &job->mw->objs.l;

	switch (kind) {
	case OWNER_TASK:
		return range_of(owner, &l->pid, &l->comm);
	case OWNER_CGROUP:
		return range_of(owner, &objs->cgroup_kn, &objs->cgroup_kn);
	case OWNER_INODE:
		return range_of(owner, &l->sb, &l->ino);
	case OWNER_SOCKET:
		return (struct krange){ owner, objs->sk_type.present ? objs->sk_type.off + objs->sk_type.size : 0 };
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

static struct err *read_socket(struct map_job *job, struct map_owner *o)
{
	struct obj_sock sk;
	struct err *e = objs_sock_read(&job->mw->objs, o->kva, &sk);

	o->family = sk.family;
	o->sock_type = sk.type;
	o->protocol = sk.protocol;
	o->sock_state = sk.state;
	o->local_addr = sk.local;
	o->local_port = sk.local_port;
	o->remote_addr = sk.remote;
	o->remote_port = sk.remote_port;
	return e;
}

struct err *owner_read(struct map_job *job, const struct owner_layout *l, struct map_owner *o)
{
	struct err *e = NULL;

	switch (o->kind) {
	case OWNER_TASK:
		e = read_task(job, l, o);
		break;
	case OWNER_CGROUP:
		e = objs_cgroup_read(&job->mw->objs, o->kva, &o->cgroup_id, &o->path);
		break;
	case OWNER_INODE:
		e = read_inode(job, l, o);
		break;
	case OWNER_SOCKET:
		e = read_socket(job, o);
		break;
	}
	return explain(job, e, &o->why);
}
