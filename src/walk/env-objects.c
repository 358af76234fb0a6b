/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What values have of the kernel's: where it is in the kernel's structures, and in a few words what a pointer leads to.
 * All that is read for that is read in the touch pass (env.c), and found again when the values are rendered.
 */
#include "config.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/symbolize.h"
#include "walk/btfs.h"
#include "walk/env.h"
#include "walk/idrs.h"
#include "walk/objs.h"

enum { BTFS_MAX = 1 << 18 };

struct env_objects {
	struct walk *w; /* NULL: the guest has been let go */
	struct kernel *k;
	const struct types **modules;
	size_t nr_modules;
	enum { NOT_LOADED, LOADED, NOT_LOADABLE } state; /* of modules */
	struct objs o;
	struct member pid, comm; /* struct task_struct */
	struct value_kernel l;
};

static const struct layout_member members[] = {
	LAYOUT_OPT(struct value_kernel, list_next, "bpf_list_node_kern", "list_head.next"), /* 6.2 */
	LAYOUT_OPT(struct value_kernel, list_prev, "bpf_list_node_kern", "list_head.prev"),
	LAYOUT_OPT(struct value_kernel, list_owner, "bpf_list_node_kern", "owner"),
	LAYOUT_OPT(struct value_kernel, tree_left, "bpf_rb_node_kern", "rb_node.rb_left"), /* 6.3 */
	LAYOUT_OPT(struct value_kernel, tree_right, "bpf_rb_node_kern", "rb_node.rb_right"),
	LAYOUT_OPT(struct value_kernel, tree_owner, "bpf_rb_node_kern", "owner"),
	LAYOUT_OPT(struct value_kernel, timer_queued, "bpf_hrtimer", "timer.is_queued"), /* 7.3 */
	LAYOUT_OPT(struct value_kernel, timer_expires, "bpf_hrtimer", "timer.node.expires"),
	LAYOUT_OPT(struct value_kernel, timer_base, "bpf_hrtimer", "timer.base"),
	LAYOUT_OPT(struct value_kernel, timer_fn, "bpf_hrtimer", "cb.callback_fn"), /* 6.10 */
	LAYOUT_OPT(struct value_kernel, timer_prog, "bpf_hrtimer", "cb.prog"),
	LAYOUT_OPT(struct value_kernel, timer_map, "bpf_hrtimer", "cb.map"),
	LAYOUT_OPT(struct value_kernel, clock_id, "hrtimer_clock_base", "clockid"),
	LAYOUT_OPT(struct value_kernel, work_data, "bpf_work", "work.data.counter"),
	LAYOUT_OPT(struct value_kernel, work_fn, "bpf_work", "cb.callback_fn"),
	LAYOUT_OPT(struct value_kernel, work_prog, "bpf_work", "cb.prog"),
	LAYOUT_OPT(struct value_kernel, work_map, "bpf_work", "cb.map"),
	LAYOUT_OPT(struct value_kernel, tw_state, "bpf_task_work_ctx", "state"), /* 6.18 */
	LAYOUT_OPT(struct value_kernel, tw_task, "bpf_task_work_ctx", "task"),
	LAYOUT_OPT(struct value_kernel, tw_fn, "bpf_task_work_ctx", "callback_fn"),
	LAYOUT_OPT(struct value_kernel, tw_prog, "bpf_task_work_ctx", "prog"),
	LAYOUT_OPT(struct value_kernel, tw_map, "bpf_task_work_ctx", "map"),
};

static const struct layout_member task_members[] = {
	LAYOUT(struct env_objects, pid, "task_struct", "pid"),
	LAYOUT(struct env_objects, comm, "task_struct", "comm"),
};

/* Before 6.10 a timer has for itself what it shares with a work since; before 7.3 its state is a number. */
static const struct layout_member older[] = {
	LAYOUT_OPT(struct value_kernel, timer_queued, "bpf_hrtimer", "timer.state"),
	LAYOUT_OPT(struct value_kernel, timer_fn, "bpf_hrtimer", "callback_fn"),
	LAYOUT_OPT(struct value_kernel, timer_prog, "bpf_hrtimer", "prog"),
	LAYOUT_OPT(struct value_kernel, timer_map, "bpf_hrtimer", "map"),
};

static struct err *resolve_older(const struct types *types, struct value_kernel *l)
{
	struct value_kernel old;

	TRY(layout_resolve(types, older, ARRAY_SIZE(older), &old, NULL));
	if (!l->timer_queued.present)
		l->timer_queued = old.timer_queued;
	if (!l->timer_fn.present) {
		l->timer_fn = old.timer_fn;
		l->timer_prog = old.timer_prog;
		l->timer_map = old.timer_map;
	}
	return NULL;
}

struct err *env_objects_create(struct walk *w, struct env_objects **ret)
{
	struct env_objects *eo = pool_alloc(&w->r->pool, sizeof(*eo));

	if (!eo)
		return &err_nomem;
	eo->w = w;
	eo->k = w->k;
	eo->o.k = w->k;
	TRY(objs_layout(w->k, &eo->o.l));
	TRY(layout_resolve(w->k->types, members, ARRAY_SIZE(members), &eo->l, NULL));
	TRY(layout_resolve(w->k->types, task_members, ARRAY_SIZE(task_members), eo, NULL));
	TRY(resolve_older(w->k->types, &eo->l));
	eo->l.types = w->k->types;
	*ret = eo;
	return NULL;
}

const struct value_kernel *env_objects_layout(const struct env_objects *eo)
{
	return &eo->l;
}

void env_objects_seal(struct env_objects *eo)
{
	eo->w = NULL;
}

/* ---- types of modules: read only if somebody asks for a name that the kernel itself does not have */

static void read_fiber(void *ctx, size_t i)
{
	struct btfs *b = ctx;

	if (!b->fatal)
		btfs_read(b, i);
}

static struct err *add_modules(struct btfs *b, const struct idr_rows *rows)
{
	struct kernel *k = b->w->k;

	for (size_t i = 0; i < rows->nr; i++) {
		uint64_t of_kernel;
		size_t at;

		TRY(kget(k, rows->data[i].kva, &b->l.kernel_btf, &of_kernel));
		if (of_kernel && rows->data[i].kva.v != b->vmlinux.v)
			TRY(btfs_add(b, rows->data[i].kva, &at));
	}
	return NULL;
}

static struct err *read_modules(struct env_objects *eo, struct btfs *b)
{
	_cleanup_(idr_rows_deinit) struct idr_rows rows = { 0 };

	TRY(idr_rows(eo->w, "btf_idr", "maps", BTFS_MAX, &rows));
	TRY(add_modules(b, &rows));
	mem_each(eo->k->mem, b->objs.nr, read_fiber, b);
	TRY(btfs_parse(b));
	eo->modules = pool_calloc(&eo->w->r->pool, b->objs.nr, sizeof(*eo->modules));
	if (!eo->modules)
		return &err_nomem;
	for (size_t i = 0; i < b->objs.nr; i++) {
		if (!b->objs.data[i].types)
			return err_new(ERR_FAULT, "%s", b->objs.data[i].why);
		if (b->objs.data[i].types != eo->k->types)
			eo->modules[eo->nr_modules++] = b->objs.data[i].types;
	}
	return NULL;
}

static void load_modules(struct env_objects *eo)
{
	struct btfs b;
	struct err *e = btfs_init(&b, eo->w);

	if (!e)
		e = read_modules(eo, &b);
	btfs_deinit(&b);
	eo->state = e ? NOT_LOADABLE : LOADED;
	err_ignore(e);
}

/* One of several of a name is one. */
static bool has_struct(const struct types *types, const char *name)
{
	uint32_t id;
	struct err *e = types_find(types, BTF_KIND_STRUCT, name, &id);
	bool found = !e || e->code != ERR_MISSING;

	err_ignore(e);
	return found;
}

bool env_is_kernels(struct env_objects *eo, const char *type)
{
	if (has_struct(eo->k->types, type))
		return true;
	if (eo->state == NOT_LOADED && eo->w)
		load_modules(eo);
	for (size_t i = 0; i < eo->nr_modules; i++) {
		if (has_struct(eo->modules[i], type))
			return true;
	}
	/* A module's object, taken for the program's, would be shown with members that it does not have. */
	return eo->state != LOADED;
}

bool env_percpu(const struct env_objects *eo, uint64_t addr, unsigned int cpu, uint64_t *ret)
{
	struct kva at;
	struct err *e = kpercpu(eo->k, (struct kva){ addr }, cpu, &at);

	*ret = e ? 0 : at.v;
	err_ignore(e);
	return *ret;
}

/* Also one that is in no list any more: who has a reference may have it for long. */
static const char *say_task(const struct env_objects *eo, struct kva at, struct pool *pool)
{
	uint64_t pid = 0;
	char comm[17];
	struct err *e = kget(eo->k, at, &eo->pid, &pid);

	if (!e)
		e = kget_str(eo->k, at, &eo->comm, comm, sizeof(comm));
	err_ignore(e);
	return !e ? pool_printf(pool, "task %" PRId32 " %s", (int32_t)pid, comm) : NULL;
}

static const char *say_code(struct env_objects *eo, struct kva at, struct pool *pool)
{
	struct sym sym;
	struct err *e = ksymbolize(eo->k, at, SYM_EXACT, &sym);

	err_ignore(e);
	return !e && sym.owner != SYM_NONE ? sym_text(pool, &sym) : NULL;
}

static const char *say_prog(struct env_objects *eo, struct kva at, struct pool *pool)
{
	uint32_t id = 0;
	char name[17];
	struct err *e = objs_prog_ident(&eo->o, at, &id, name);

	err_ignore(e);
	return !e ? pool_printf(pool, "program %" PRIu32 " %s", id, name) : NULL;
}

static const char *say_map(const struct env_objects *eo, struct kva at, struct pool *pool)
{
	uint64_t id = 0;
	char name[17];
	struct err *e = kget(eo->k, at, &eo->o.l.map_id, &id);

	if (!e)
		e = kget_str(eo->k, at, &eo->o.l.map_name, name, sizeof(name));
	err_ignore(e);
	return !e ? pool_printf(pool, "map %" PRIu64 " %s", id, name) : NULL;
}

static const char *say_cgroup(struct env_objects *eo, struct kva at, struct pool *pool)
{
	const char *path = NULL;
	uint64_t id;

	eo->o.pool = pool;
	struct err *e = objs_cgroup_read(&eo->o, at, &id, &path);
	eo->o.pool = NULL;
	err_ignore(e);
	return !e && path ? pool_printf(pool, "cgroup %s", path) : NULL;
}

const char *env_describe(struct env_objects *eo, const char *type, uint64_t addr, struct pool *pool)
{
	struct kva at = { addr };

	if (!strcmp(type, "task_struct"))
		return say_task(eo, at, pool);
	if (!strcmp(type, VALUE_CODE))
		return say_code(eo, at, pool);
	if (!strcmp(type, "bpf_prog"))
		return say_prog(eo, at, pool);
	if (!strcmp(type, "bpf_map"))
		return say_map(eo, at, pool);
	return !strcmp(type, "cgroup") ? say_cgroup(eo, at, pool) : NULL;
}
