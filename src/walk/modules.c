/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded modules, from what kernel/modules.h has read. */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "kernel/modules.h"

static struct err *fill(struct walk *w, const struct kmodule *mod, struct module_row *row)
{
	struct pool *pool = &w->r->pool;

	row->kva = mod->kva;
	row->state = kmodule_state_text(mod->state);
	row->base = mod->base;
	row->size = mod->size;
	row->taints = mod->taints;
	row->refs = (struct opt_u64){ mod->has_refs, mod->refs };
	row->name = pool_strndup(pool, mod->name, sizeof(mod->name));
	row->memory = pool_calloc(pool, mod->nr_ranges, sizeof(*row->memory));
	if (!row->name || !row->memory)
		return &err_nomem;
	for (size_t i = 0; i < mod->nr_ranges; i++)
		row->memory[i] = (struct module_memory){
			mod->ranges[i].what, mod->ranges[i].start, mod->ranges[i].len,
		};
	row->nr_memory = mod->nr_ranges;
	if (mod->build_id_len && !(row->build_id = pool_hex(pool, mod->build_id, mod->build_id_len)))
		return &err_nomem;
	if (mod->why && !(row->error = pool_printf(pool, "%s", mod->why)))
		return &err_nomem;
	/* A module without its letters is still worth having. */
	struct err *e = ktaint_letters(w->k, mod->taints, pool, &row->taint_letters);
	if (!e || walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

struct err *walk_modules(struct walk *w)
{
	const struct modules *mods;
	size_t odd = 0;

	TRY(kmodules(w->k, &mods));
	if (mods->no_modules)
		return report_section(w->r, "modules", SECTION_NOT_IN_KERNEL, "built without modules");
	TRY(report_section(w->r, "modules", SECTION_COMPLETE, NULL));
	for (size_t i = 0; i < mods->nr; i++) {
		struct module_row *row = vec_push(&w->r->modules);

		if (!row)
			return &err_nomem;
		TRY(fill(w, &mods->data[i], row));
		odd += row->error != NULL;
	}
	if (mods->why)
		TRY(report_section(w->r, "modules", SECTION_NOT_READABLE, "%s", mods->why));
	if (odd)
		TRY(report_section(w->r, "modules", SECTION_NOT_READABLE,
				   "%zu of %zu modules could not all be read", odd, mods->nr));
	return NULL;
}
