/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What programs have under a name only (struct bpf_timer { __u64 __opaque[2]; }): shown as the kernel sees it, with
 * what it leads to.  Lists and trees are in value-chain.c.
 */
#include "config.h"

#include <bpf/btf.h>

#include "btf/size.h"
#include "btf/value-impl.h"

enum { WORK_STRUCT_PENDING = 1, HRTIMER_STATE_ENQUEUED = 1 };

static const struct {
	const char *name;
	enum kernels what;
} opaque[] = {
	{ "bpf_timer", KERNELS_TIMER },		{ "bpf_wq", KERNELS_WQ },
	{ "bpf_task_work", KERNELS_TASK_WORK }, { "bpf_list_head", KERNELS_LIST },
	{ "bpf_rb_root", KERNELS_TREE },	{ "bpf_list_node", KERNELS_LIST_NODE },
	{ "bpf_rb_node", KERNELS_TREE_NODE },
};

enum kernels value_is_kernels(const struct types *types, const struct btf_type *t)
{
	const char *name = btf_is_struct(t) ? types_str(types, t->name_off) : "";

	if (strncmp(name, "bpf_", 4))
		return KERNELS_NOT;
	for (size_t i = 0; i < ARRAY_SIZE(opaque); i++) {
		if (!strcmp(name, opaque[i].name))
			return opaque[i].what;
	}
	return KERNELS_NOT;
}

/* ---- members that the program's types do not have */

void fields_add(struct render *r, struct fields *f, const char *name, struct value *v)
{
	if (!v || f->nr == ARRAY_SIZE(f->m)) {
		f->failed = true;
		return;
	}
	render_spend(r, 1);
	f->m[f->nr++] = (struct value_member){ name, v };
}

struct value *fields_finish(struct render *r, const struct fields *f, const char *type_name)
{
	struct value *v = f->failed ? NULL : render_new(r, VALUE_STRUCT);

	if (!v)
		return NULL;
	v->st.type_name = type_name;
	v->st.nr = f->nr;
	v->st.members = pool_memdup(r->pool, f->m, f->nr * sizeof(*f->m));
	return v->st.members ? v : NULL;
}

struct value *fields_ptr(struct render *r, struct fields *f, const char *name, uint64_t addr, const char *type)
{
	struct value *v = render_new(r, VALUE_PTR);

	if (v) {
		v->ptr.value = addr;
		if (addr && type && r->env->describe)
			v->ptr.annotation = r->env->describe(r->env->ctx, type, addr, r->pool);
	}
	fields_add(r, f, name, v);
	return v;
}

static void add_uint(struct render *r, struct fields *f, const char *name, uint64_t n)
{
	struct value *v = render_new(r, VALUE_UINT);

	if (v) {
		v->bits = 64;
		v->u = n;
	}
	fields_add(r, f, name, v);
}

static void add_bool(struct render *r, struct fields *f, const char *name, bool b)
{
	struct value *v = render_new(r, VALUE_BOOL);

	if (v)
		v->b = b;
	fields_add(r, f, name, v);
}

static void add_enum(struct render *r, struct fields *f, const char *name, const struct member *m, uint64_t n)
{
	const struct types *types = r->env->kernel->types;
	struct value *v = render_new(r, VALUE_ENUM);

	if (v) {
		v->bits = 8 * m->size;
		v->en.value = (int64_t)n;
		v->en.variant = types_enum_name(types, types_peel(types, m->type_id), (int64_t)n);
	}
	fields_add(r, f, name, v);
}

/* ---- the objects of the kernel that they lead to */

struct object {
	uint64_t addr;
	uint8_t raw[1024]; /* as far as members may be; struct bpf_hrtimer and the like have some 300 bytes */
	size_t len;
};

static bool read_object(struct render *r, uint64_t addr, struct object *o)
{
	o->addr = addr;
	o->len = r->env->read_kernel ? r->env->read_kernel(r->env->ctx, addr, o->raw, sizeof(o->raw)) : 0;
	return o->len;
}

static bool get(const struct object *o, const struct member *m, uint64_t *ret)
{
	if (!member_fits(m, o->len))
		return false;
	*ret = member_get(m, o->raw);
	return true;
}

static void add_member_ptr(struct render *r, struct fields *f, const struct object *o, const struct member *m,
			   const char *name, const char *type)
{
	uint64_t addr;

	if (get(o, m, &addr))
		fields_ptr(r, f, name, addr, type);
}

/* What is called, the program that it is of, and the map whose value it is for. */
static void add_callback(struct render *r, struct fields *f, const struct object *o, const struct member *fn,
			 const struct member *prog, const struct member *map)
{
	add_member_ptr(r, f, o, fn, "callback_fn", VALUE_CODE);
	add_member_ptr(r, f, o, prog, "prog", "bpf_prog");
	add_member_ptr(r, f, o, map, "map", "bpf_map");
}

/* The base tells by which clock it expires. */
static void add_clock(struct render *r, struct fields *f, uint64_t base)
{
	const struct member *m = &r->env->kernel->clock_id;
	uint8_t raw[8];
	uint64_t at = base + m->off;

	if (base && m->present && m->size <= sizeof(raw) &&
	    r->env->read_kernel(r->env->ctx, at, raw, m->size) == m->size) {
		struct member here = *m;

		here.off = 0;
		add_uint(r, f, "clockid", member_get(&here, raw));
	}
}

static struct value *timer(struct render *r, const struct object *o)
{
	const struct value_kernel *k = r->env->kernel;
	struct fields f = { 0 };
	uint64_t v;

	if (get(o, &k->timer_queued, &v))
		add_bool(r, &f, "queued", v & HRTIMER_STATE_ENQUEUED);
	if (get(o, &k->timer_expires, &v))
		add_uint(r, &f, "expires", v);
	if (get(o, &k->timer_base, &v))
		add_clock(r, &f, v);
	add_callback(r, &f, o, &k->timer_fn, &k->timer_prog, &k->timer_map);
	return fields_finish(r, &f, "bpf_hrtimer");
}

static struct value *work(struct render *r, const struct object *o)
{
	const struct value_kernel *k = r->env->kernel;
	struct fields f = { 0 };
	uint64_t v;

	if (get(o, &k->work_data, &v))
		add_bool(r, &f, "pending", v & WORK_STRUCT_PENDING);
	add_callback(r, &f, o, &k->work_fn, &k->work_prog, &k->work_map);
	return fields_finish(r, &f, "bpf_work");
}

static struct value *task_work(struct render *r, const struct object *o)
{
	const struct value_kernel *k = r->env->kernel;
	struct fields f = { 0 };
	uint64_t v;

	if (get(o, &k->tw_state, &v))
		add_enum(r, &f, "state", &k->tw_state, v);
	add_member_ptr(r, &f, o, &k->tw_task, "task", "task_struct");
	add_callback(r, &f, o, &k->tw_fn, &k->tw_prog, &k->tw_map);
	return fields_finish(r, &f, "bpf_task_work_ctx");
}

/* One pointer, NULL until it is initialized, and a lock that is none of the program's. */
static struct value *async(struct render *r, const char *type_name, const char *member, uint64_t addr,
			   struct value *(*show)(struct render *r, const struct object *o))
{
	struct fields f = { 0 };
	struct value *v = fields_ptr(r, &f, member, addr, NULL);
	struct object o;

	if (v && addr && read_object(r, addr, &o)) {
		v->ptr.deref = show(r, &o);
		f.failed |= !v->ptr.deref;
	} else if (v && addr) {
		v->ptr.skipped = pool_printf(r->pool, "cannot read %#jx", (uintmax_t)addr);
		f.failed |= !v->ptr.skipped;
	}
	return fields_finish(r, &f, type_name);
}

/* ---- nodes: the object around them is in a list or tree if they have an owner */

static struct value *node(struct render *r, const char *type_name, struct span s, const struct member *links,
			  const char *const *names, size_t nr)
{
	struct fields f = { 0 };

	for (size_t i = 0; i < nr; i++) {
		if (member_fits(&links[i], s.len))
			fields_ptr(r, &f, names[i], member_get(&links[i], s.p), NULL);
	}
	return fields_finish(r, &f, type_name);
}

bool render_kernels(struct render *r, const struct btf_type *t, struct span s, struct nest n, struct value **ret)
{
	static const char *const of_list[] = { "next", "prev", "owner" }, *const of_tree[] = { "left", "right", "owner" };
	const struct value_kernel *k = r->env ? r->env->kernel : NULL;
	enum kernels what = k ? value_is_kernels(r->types, t) : KERNELS_NOT;
	const char *name = what ? types_str(r->types, t->name_off) : NULL;

	if (!what || s.len < t->size || n.depth + 4 >= VALUE_MAX_DEPTH || n.levels + 12 >= VALUE_MAX_LEVELS)
		return false;
	switch (what) {
	case KERNELS_TIMER:
		*ret = async(r, name, "timer", get_le64(s.p), timer);
		return true;
	case KERNELS_WQ:
		*ret = async(r, name, "work", get_le64(s.p), work);
		return true;
	case KERNELS_TASK_WORK:
		*ret = async(r, name, "ctx", get_le64(s.p), task_work);
		return true;
	case KERNELS_LIST_NODE: {
		struct member links[] = { k->list_next, k->list_prev, k->list_owner };

		*ret = node(r, name, s, links, of_list, ARRAY_SIZE(links));
		return true;
	}
	case KERNELS_TREE_NODE: {
		struct member links[] = { k->tree_left, k->tree_right, k->tree_owner };

		*ret = node(r, name, s, links, of_tree, ARRAY_SIZE(links));
		return true;
	}
	default:
		return render_chain(r, what, name, s, n, ret);
	}
}
