/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The masks of idle CPUs that scx_bpf_pick_idle_cpu() and the default select_cpu() choose from.  A CPU enters them
 * when it goes idle and leaves them when it stops or when somebody claims it: one that idles and is claimed will be
 * kicked at once, or never.
 */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum { NODES_MAX = 1024 };

/* A static_key that is on. */
static struct err *is_on(struct scx_walk *s, const char *name, bool *ret)
{
	struct opt_u64 v = { 0 };

	TRY(scx_get_var(s, name, 4, &v));
	*ret = (int32_t)v.v > 0;
	return NULL;
}

static struct err *read_nodes(struct scx_walk *s, uint32_t type, struct scx_idle *ret)
{
	struct opt_u64 nr = { 0 };
	struct kva sym, array, masks;

	TRY(ksym(s->k, "scx_idle_node_masks", &sym));
	TRY(kread_kva(s->k, sym, &array));
	TRY(scx_get_var(s, "nr_node_ids", 4, &nr));
	if (!array.v || !nr.v || nr.v > NODES_MAX)
		return NULL;
	for (uint64_t node = 0; node < nr.v; node++) {
		TRY(kread_kva(s->k, (struct kva){ array.v + 8 * node }, &masks));
		if (masks.v)
			TRY(scx_read_mask(s, masks, type, 1, ret->cpus));
	}
	ret->known = true;
	return NULL;
}

struct err *scx_read_idle(struct scx_walk *s, struct scx_idle *ret)
{
	/* Struct scx_idle_cpus, which begins with the mask of CPUs; that of whole cores comes second. */
	static const char *const names[] = { "scx_idle_global_masks", "idle_masks" /* to 6.14 */ };
	bool enabled, per_node;
	uint32_t type;
	struct kva sym;

	TRY(is_on(s, "scx_builtin_idle_enabled", &enabled));
	TRY(is_on(s, "scx_builtin_idle_per_node", &per_node)); /* 6.15 */
	if (!enabled)
		return NULL;
	TRY(types_find(s->k->types, BTF_KIND_TYPEDEF, "cpumask_var_t", &type));
	ret->cpus = calloc(s->k->nr_cpu_ids + 1, sizeof(*ret->cpus));
	if (!ret->cpus)
		return &err_nomem;
	if (per_node && khas_sym(s->k, "scx_idle_node_masks"))
		return read_nodes(s, type, ret);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!khas_sym(s->k, names[i]))
			continue;
		TRY(ksym(s->k, names[i], &sym));
		TRY(scx_read_mask(s, sym, type, 1, ret->cpus));
		ret->known = true;
		return NULL;
	}
	return NULL;
}
