/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/walk.h"

struct err *walk_kernel(struct walk *w)
{
	const struct kernel *k = w->k;
	struct kernel_info *i = &w->r->kernel;
	struct pool *pool = &w->r->pool;

	i->arch = k->arch->name;
	i->text = k->text.v;
	i->slide = k->slide;
	i->phys_base = k->phys_base;
	i->pt_levels = k->pt.levels;
	i->kpti = k->kpti;
	i->nr_cpu_ids = k->nr_cpu_ids;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++)
		i->nr_online += k->online[cpu];
	i->hz = k->hz;
	i->nr_symbols = symbols_count(k->symbols);
	i->nr_types = types_count(k->types);
	if (k->release && !(i->release = pool_strndup(pool, k->release, SIZE_MAX - 1)))
		return &err_nomem;
	if (k->banner && !(i->banner = pool_strndup(pool, k->banner, SIZE_MAX - 1)))
		return &err_nomem;
	if (k->build_id_len) {
		char *hex = pool_alloc(pool, 2 * k->build_id_len + 1);

		if (!hex)
			return &err_nomem;
		for (size_t b = 0; b < k->build_id_len; b++) {
			hex[2 * b] = "0123456789abcdef"[k->build_id[b] >> 4];
			hex[2 * b + 1] = "0123456789abcdef"[k->build_id[b] & 15];
		}
		i->build_id = hex;
	}
	return NULL;
}
