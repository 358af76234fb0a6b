/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the values of storage maps belong to: tasks, cgroups, inodes, sockets. */
#ifndef FDGDB_WALK_MAP_OWNER_H
#define FDGDB_WALK_MAP_OWNER_H

#include "walk/maps.h"

struct owner_layout {
	/* struct task_struct, inode and its super block; cgroups and sockets are for objs.h */
	struct member pid, tgid, comm;
	struct member ino, sb, sb_id, sb_dev;
};

struct err *owner_layout(const struct kernel *k, struct owner_layout *l) MUST_CHECK;

/* The part of the owner's structure that owner_read() looks at: for kprefetch(). */
struct krange owner_range(struct map_job *job, const struct owner_layout *l, enum map_owner_kind kind,
			  struct kva owner);

/*
 * Fills *o, whose kva and kind are set; what cannot be read is said in o->why.  Fails only for fatal
 * errors.
 */
struct err *owner_read(struct map_job *job, const struct owner_layout *l,
		       struct map_owner *o) MUST_CHECK;

#endif
