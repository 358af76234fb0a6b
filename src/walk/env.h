/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the pointers in values lead to in the kernel, for value_env's callbacks of the same names. */
#ifndef FDGDB_WALK_ENV_H
#define FDGDB_WALK_ENV_H

#include "btf/value.h"
#include "walk/walk.h"

struct env_objects;

/* In the report's pool. */
struct err *env_objects_create(struct walk *w, struct env_objects **ret) MUST_CHECK;

/* Before the guest is let go: from here on only what has been asked for is known. */
void env_objects_seal(struct env_objects *eo);

const struct value_kernel *env_objects_layout(const struct env_objects *eo);
bool env_is_kernels(struct env_objects *eo, const char *type);
bool env_percpu(const struct env_objects *eo, uint64_t addr, unsigned int cpu, uint64_t *ret);
const char *env_describe(struct env_objects *eo, const char *type, uint64_t addr, struct pool *pool);

#endif
