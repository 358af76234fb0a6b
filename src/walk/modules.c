/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded modules, from what kernel/modules.h has read. */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/containers.h"
#include "kernel/modules.h"

enum { USERS_MAX = MODULES_MAX };

struct use_layout {
	struct member source_list, use_list, source, init, exit;
};

/* Not without CONFIG_MODULE_UNLOAD. */
static const struct layout_member use_members[] = {
	LAYOUT_OPT(struct use_layout, source_list, "module", "source_list"),
	LAYOUT_OPT(struct use_layout, use_list, "module_use", "source_list"),
	LAYOUT_OPT(struct use_layout, source, "module_use", "source"),
	LAYOUT_OPT(struct use_layout, init, "module", "init"),
	LAYOUT_OPT(struct use_layout, exit, "module", "exit"),
};

struct users {
	struct walk *w;
	const struct modules *mods;
	struct use_layout l;
	VEC(const char *) names; /* of one module */
	struct err *e;
};

/* ---- which modules use a module */

static const struct kmodule *find(const struct modules *mods, uint64_t kva)
{
	for (size_t i = 0; i < mods->nr; i++) {
		if (mods->data[i].kva.v == kva)
			return &mods->data[i];
	}
	return NULL;
}

static bool add_user(void *ctx, struct kva node)
{
	struct users *u = ctx;
	struct kva use = { node.v - u->l.use_list.off }, source;

	u->e = kget_kva(u->w->k, use, &u->l.source, &source);
	if (u->e)
		return false;
	const struct kmodule *mod = find(u->mods, source.v);
	const char **name = vec_push(&u->names);
	const char *text = mod ? pool_strndup(&u->w->r->pool, mod->name, sizeof(mod->name)) :
				 pool_printf(&u->w->r->pool, "0x%016" PRIx64, source.v);
	if (!name || !text) {
		u->e = &err_nomem;
		return false;
	}
	*name = text;
	return true;
}

/* struct module_use of those that depend on this one: target_list of theirs, source_list of its own. */
static struct err *read_users(struct users *u, const struct kmodule *mod, struct module_row *row)
{
	struct err *why = NULL;
	uint64_t init, end_fn;

	if (!row->refs.has || !u->l.source_list.present || !u->l.use_list.present || !u->l.source.present)
		return NULL;
	u->names.nr = 0;
	enum walk_end end = klist_walk(u->w->k, kmember(mod->kva, &u->l.source_list), USERS_MAX, add_user, u, &why);
	if (!u->e && end == WALK_BROKEN)
		u->e = why;
	else
		err_free(why);
	TRY(err_prefix(take_ptr(u->e), "its users"));
	if (end != WALK_COMPLETE)
		return err_new(ERR_CORRUPT, "its users: %s", walk_end_text(end));
	row->users = u->names.nr ? pool_memdup(&u->w->r->pool, u->names.data, u->names.nr * sizeof(*u->names.data)) :
				   NULL;
	row->nr_users = u->names.nr;
	row->users_known = true;
	if (!row->users && row->nr_users)
		return &err_nomem;
	if (!u->l.init.present || !u->l.exit.present)
		return NULL;
	TRY(kget(u->w->k, mod->kva, &u->l.init, &init));
	TRY(kget(u->w->k, mod->kva, &u->l.exit, &end_fn));
	row->permanent = init && !end_fn;
	return NULL;
}

/* What could not be read costs the row only that. */
static struct err *add_users(struct users *u, const struct kmodule *mod, struct module_row *row)
{
	struct err *e = read_users(u, mod, row);

	if (!e || walk_is_fatal(e))
		return e;
	row->error = row->error ? pool_printf(&u->w->r->pool, "%s; %s", row->error, e->msg) :
				  pool_printf(&u->w->r->pool, "%s", e->msg);
	err_free(e);
	return row->error ? NULL : &err_nomem;
}

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
	struct users users = { .w = w, .mods = mods };
	struct err *e = klayout(w->k, use_members, ARRAY_SIZE(use_members), &users.l, NULL);
	for (size_t i = 0; !e && i < mods->nr; i++) {
		struct module_row *row = vec_push(&w->r->modules);

		e = row ? fill(w, &mods->data[i], row) : &err_nomem;
		if (!e)
			e = add_users(&users, &mods->data[i], row);
		odd += !e && row->error;
	}
	free(users.names.data);
	TRY(e);
	if (mods->why)
		TRY(report_section(w->r, "modules", SECTION_NOT_READABLE, "%s", mods->why));
	if (odd)
		TRY(report_section(w->r, "modules", SECTION_NOT_READABLE,
				   "%zu of %zu modules could not all be read", odd, mods->nr));
	return NULL;
}
