/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where things are in trees of names: cgroups, files. */
#include "config.h"

#include "walk/objs.h"

#include "base/cleanup.h"

enum {
	NAME_MAX_LEN = 256,
	DEPTH_MAX = 256, /* cgroup.max.depth has no limit by default */
	PATH_BYTES = 4096,
};

/* A path is written from its end, which is the end of the buffer. */
struct path_buf {
	char *buf;
	size_t start;
	unsigned int depth;
};

static struct err *path_begin(struct path_buf *p, const char *end)
{
	p->buf = malloc(PATH_BYTES);
	if (!p->buf)
		return &err_nomem;
	p->depth = 0;
	p->start = PATH_BYTES - 1 - strlen(end);
	strcpy(p->buf + p->start, end);
	return NULL;
}

/* Puts "/name" before it. */
static struct err *path_add(struct objs *o, struct path_buf *p, struct kva name_at)
{
	char name[NAME_MAX_LEN];
	size_t len;

	TRY(kread_str(o->k, name_at, name, sizeof(name)));
	len = strlen(name);
	if (++p->depth > DEPTH_MAX || len + 1 > p->start)
		return err_new(ERR_LIMIT, "a path of more than %d names or %d bytes", DEPTH_MAX, PATH_BYTES);
	p->start -= len;
	memcpy(p->buf + p->start, name, len);
	p->buf[--p->start] = '/';
	return NULL;
}

static struct err *path_end(struct objs *o, const struct path_buf *p, const char **ret)
{
	const char *path = p->buf + p->start;

	*ret = path[0] == '/' ? pool_strndup(o->pool, path, strlen(path)) : pool_printf(o->pool, "/%s", path);
	return *ret ? NULL : &err_nomem;
}

/* ---- cgroups */

/* As kernfs_path() has it: from the root of the hierarchy, which is "/". */
static struct err *kernfs_path(struct objs *o, struct kva kn, struct path_buf *p)
{
	const struct objs_layout *l = &o->l;
	const struct member *up = l->kn_parent.present ? &l->kn_parent : &l->kn_parent_old;
	struct kva parent, at;

	for (;; kn = parent) {
		TRY(kget_kva(o->k, kn, up, &parent));
		if (!parent.v)
			return NULL;
		TRY(kget_kva(o->k, kn, &l->kn_name, &at));
		TRY(path_add(o, p, at));
	}
}

struct err *objs_cgroup_read(struct objs *o, struct kva cgroup, uint64_t *id, const char **path)
{
	struct path_buf p;
	struct kva kn;

	*path = NULL;
	TRY(kget_kva(o->k, cgroup, &o->l.cgroup_kn, &kn));
	TRY(kget(o->k, kn, &o->l.kn_id, id));
	TRY(path_begin(&p, ""));
	struct err *e = kernfs_path(o, kn, &p);
	if (!e)
		e = path_end(o, &p, path);
	free(p.buf);
	return e;
}

struct err *objs_cgroup(struct objs *o, struct kva cgroup, struct facts *facts)
{
	const char *path;
	uint64_t id = 0;
	struct err *e = objs_cgroup_read(o, cgroup, &id, &path), *failed = NULL;

	if (id)
		failed = facts_num(facts, o->pool, "cgroup_id", id);
	if (!failed)
		failed = facts_text(facts, o->pool, "cgroup_path", path);
	if (!failed)
		return e;
	err_free(e);
	return failed;
}

/* ---- files */

/* Names up to the root of the mount, then from where that is mounted on, as d_path() goes. */
static struct err *dentry_path(struct objs *o, struct kva mnt, struct kva dentry, struct path_buf *p)
{
	const struct objs_layout *l = &o->l;
	struct kva mount = { mnt.v - l->mount_mnt.off };
	struct kva root, parent, name;

	for (;;) {
		TRY(kget_kva(o->k, mount, &l->mount_root, &root));
		if (dentry.v == root.v) {
			TRY(kget_kva(o->k, mount, &l->mount_parent, &parent));
			if (parent.v == mount.v)
				return NULL;
			TRY(kget_kva(o->k, mount, &l->mount_point, &dentry));
			mount = parent;
			/* A mount takes no name, but the guest may say that each is mounted on the next. */
			if (++p->depth > DEPTH_MAX)
				return err_new(ERR_LIMIT, "more than %d mounts and names", DEPTH_MAX);
			continue;
		}
		TRY(kget_kva(o->k, dentry, &l->dentry_parent, &parent));
		if (parent.v == dentry.v)
			return NULL;
		TRY(kget_kva(o->k, dentry, &l->dentry_name, &name));
		TRY(path_add(o, p, name));
		dentry = parent;
	}
}

struct err *objs_path(struct objs *o, struct kva mnt, struct kva dentry, const char **ret)
{
	const struct objs_layout *l = &o->l;
	struct path_buf p;
	struct kva hashed;

	*ret = NULL;
	if (!l->mount_mnt.present || !l->dentry_parent.present)
		return err_new(ERR_MISSING, "no struct mount or dentry");
	TRY(kget_kva(o->k, dentry, &l->dentry_hashed, &hashed));
	TRY(path_begin(&p, hashed.v ? "" : " (deleted)"));
	struct err *e = dentry_path(o, mnt, dentry, &p);
	if (!e)
		e = path_end(o, &p, ret);
	free(p.buf);
	return e;
}
