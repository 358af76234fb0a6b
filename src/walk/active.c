/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which BPF objects are the schedulers that run.
 *
 * Several may be loaded, even two copies of one object, and other subsystems have struct_ops as well.
 * The kernel copies the ops table it enables (scx_sched.ops from 6.16 on, the static scx_ops before),
 * but the functions in it are trampolines that belong to one struct_ops map alone: so the map whose
 * functions stand in the enabled table is it.  A table has one of two forms (7.2): that of
 * sched_ext_ops_cid has other members, and fewer.  From 7.1 on there may be schedulers below the root.
 */
#include "config.h"

#include "walk/active.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/containers.h"

enum {
	STRUCT_OPS = 26,   /* BPF_MAP_TYPE_STRUCT_OPS */
	OPS_MAX = 4096,	   /* bytes of struct sched_ext_ops; some 500 */
	SCHEDS_MAX = 4096,
	NR_FORMS = 2,
};

/* A form of the ops table. */
struct ops_form {
	const char *type, *wrapper; /* of the table, and around it in a map's value */
	uint32_t id;		    /* of the table's type; 0: this kernel does not have the form */
	uint32_t nr_members;
	size_t len;
	struct member name;
	bool is_func[OPS_MAX / 8]; /* the word is a function pointer */
};

struct active_layout {
	struct member sched_ops, sched_ops_cid, is_cid_type, all; /* struct scx_sched */
	struct member ops, ops_cid; /* the tables' sizes */
	struct member vmlinux_value_type, kvalue;
};

static const struct layout_member active_members[] = {
	LAYOUT_OPT(struct active_layout, sched_ops, "scx_sched", "ops"), /* 6.16 */
	LAYOUT_OPT(struct active_layout, sched_ops_cid, "scx_sched", "ops_cid"), /* 7.2, with the next */
	LAYOUT_OPT(struct active_layout, is_cid_type, "scx_sched", "is_cid_type"),
	LAYOUT_OPT(struct active_layout, all, "scx_sched", "all"), /* 7.1 */
	LAYOUT_OPT(struct active_layout, ops, "sched_ext_ops", ""), /* 6.12 */
	LAYOUT_OPT(struct active_layout, ops_cid, "sched_ext_ops_cid", ""),
	LAYOUT(struct active_layout, vmlinux_value_type, "bpf_map", "btf_vmlinux_value_type_id"),
	LAYOUT(struct active_layout, kvalue, "bpf_struct_ops_map", "kvalue"),
};

static const struct layout_member object_members[] = {
	LAYOUT(struct object_layout, map, "bpf_struct_ops_map", "map"),
	LAYOUT(struct object_layout, links, "bpf_struct_ops_map", "links"), /* 6.0 */
	LAYOUT_OPT(struct object_layout, funcs_cnt, "bpf_struct_ops_map", "funcs_cnt"),
	LAYOUT_OPT(struct object_layout, links_cnt, "bpf_struct_ops_map", "links_cnt"),
	LAYOUT(struct object_layout, link_prog, "bpf_link", "prog"),
	LAYOUT(struct object_layout, prog_aux, "bpf_prog", "aux"),
	LAYOUT(struct object_layout, used_maps, "bpf_prog_aux", "used_maps"),
	LAYOUT(struct object_layout, used_map_cnt, "bpf_prog_aux", "used_map_cnt"),
};

/* A struct_ops map that may be a scheduler's. */
struct candidate {
	const struct map_row *row;
	const struct ops_form *form; /* NULL: it is for something else */
	uint8_t *ops;		     /* NULL: not read */
};

/* A scheduler that is enabled. */
struct enabled {
	struct kva sched; /* 0 with static variables */
	struct kva ops;	  /* the kernel's copy of the table */
	const struct ops_form *form;
	uint8_t *table;
};

struct active_walk {
	struct walk *w;
	struct kernel *k;
	struct active_layout l;
	struct object_layout object;
	struct ops_form forms[NR_FORMS];
	VEC(struct enabled) scheds; /* the root first */
	VEC(struct candidate) cands;
	size_t lost;
	struct err *fatal;
};

static void active_walk_deinit(struct active_walk *a)
{
	for (size_t i = 0; i < a->cands.nr; i++)
		free(a->cands.data[i].ops);
	for (size_t i = 0; i < a->scheds.nr; i++)
		free(a->scheds.data[i].table);
	free(a->cands.data);
	free(a->scheds.data);
	err_free(a->fatal);
}

/* ---- the forms of tables */

/* Marks the words that point to functions; private data may be pointers too. */
static void mark_funcs(const struct types *types, struct ops_form *f)
{
	const struct btf_type *t = types_get(types, f->id);
	const struct btf_member *m = (const void *)(t + 1);

	f->nr_members = BTF_INFO_VLEN(t->info);
	for (uint32_t i = 0; i < f->nr_members; i++, m++) {
		const struct btf_type *ptr = types_get(types, types_peel(types, m->type));
		uint32_t bit = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;

		if (!ptr || BTF_INFO_KIND(ptr->info) != BTF_KIND_PTR || bit % 64)
			continue;
		ptr = types_get(types, types_peel(types, ptr->type));
		if (ptr && BTF_INFO_KIND(ptr->info) == BTF_KIND_FUNC_PROTO && bit / 64 < f->len / 8)
			f->is_func[bit / 64] = true;
	}
}

static struct err *resolve_forms(struct active_walk *a)
{
	static const struct {
		const char *type, *wrapper;
	} names[NR_FORMS] = {
		{ "sched_ext_ops", "bpf_struct_ops_sched_ext_ops" },
		{ "sched_ext_ops_cid", "bpf_struct_ops_sched_ext_ops_cid" }, /* 7.2 */
	};
	const struct member *const sizes[NR_FORMS] = { &a->l.ops, &a->l.ops_cid };
	const struct types *types = a->k->types;

	for (size_t i = 0; i < NR_FORMS; i++) {
		struct ops_form *f = &a->forms[i];

		f->type = names[i].type;
		f->wrapper = names[i].wrapper;
		if (!sizes[i]->present)
			continue;
		TRY(types_find(types, BTF_KIND_STRUCT, f->type, &f->id));
		f->len = MIN(sizes[i]->size, (uint32_t)OPS_MAX);
		mark_funcs(types, f);
		err_ignore(types_member(types, f->id, "name", &f->name));
	}
	return NULL;
}

/* ---- what is enabled */

static struct err *add_sched(struct active_walk *a, struct kva sched)
{
	uint64_t cid = 0;

	if (a->l.is_cid_type.present)
		TRY(kget(a->k, sched, &a->l.is_cid_type, &cid));
	const struct ops_form *form = &a->forms[cid ? 1 : 0];
	const struct member *m = cid ? &a->l.sched_ops_cid : &a->l.sched_ops;
	if (!form->id || !m->present)
		return err_new(ERR_MISSING, "this kernel's types do not tell where scx_sched has its %s", form->type);

	struct enabled *en = vec_push(&a->scheds);
	if (!en)
		return &err_nomem;
	*en = (struct enabled){ .sched = sched, .ops = kmember(sched, m), .form = form };
	return NULL;
}

struct subs {
	struct active_walk *a;
	struct kva root;
	VEC(struct kva) scheds;
	bool no_memory;
};

static bool add_sub(void *ctx, struct kva node)
{
	struct subs *s = ctx;
	struct kva sched = { node.v - s->a->l.all.off };
	struct kva *sub = sched.v == s->root.v ? NULL : vec_push(&s->scheds);

	if (sub)
		*sub = sched;
	else if (sched.v != s->root.v)
		s->no_memory = true;
	return !s->no_memory;
}

/* Those below the root; one that cannot be read is counted. */
static struct err *find_subs(struct active_walk *a, struct kva root)
{
	struct subs s = { .a = a, .root = root };
	struct err *e = NULL, *why = NULL;
	struct kva head;

	if (!a->l.all.present || !khas_sym(a->k, "scx_sched_all"))
		return NULL;
	TRY(ksym(a->k, "scx_sched_all", &head));
	enum walk_end end = klist_walk(a->k, head, SCHEDS_MAX, add_sub, &s, &why);
	if (s.no_memory)
		e = &err_nomem;
	else if (walk_is_fatal(why))
		e = take_ptr(why);
	a->lost += end != WALK_COMPLETE;
	err_free(why);
	for (size_t i = 0; i < s.scheds.nr && !e; i++) {
		e = add_sched(a, s.scheds.data[i]);
		if (!e || walk_is_fatal(e))
			continue;
		err_free(e);
		e = NULL;
		a->lost++;
	}
	free(s.scheds.data);
	return e;
}

static struct err *find_enabled(struct active_walk *a)
{
	struct kva sym, root;

	if (!a->l.sched_ops.present) {
		struct enabled *en = vec_push(&a->scheds);

		if (!en)
			return &err_nomem;
		en->form = &a->forms[0];
		return ksym(a->k, "scx_ops", &en->ops);
	}
	TRY(ksym(a->k, "scx_root", &sym));
	TRY(kread_kva(a->k, sym, &root));
	if (!root.v)
		return NULL;
	TRY(add_sched(a, root));
	return find_subs(a, root);
}

/* *ret is false if the table is empty: static ones are, when the scheduler has been disabled. */
static struct err *read_table(struct active_walk *a, struct enabled *en, bool *ret)
{
	size_t len = en->form->len;

	en->table = malloc(len + 8);
	if (!en->table)
		return &err_nomem;
	TRY(kread(a->k, en->ops, en->table, len));
	*ret = false;
	for (size_t i = 0; i < len; i++)
		*ret |= en->table[i] != 0;
	return NULL;
}

/* ---- the maps they were copied from */

/* Whether a struct_ops map is one for schedulers, of which form, and where in the kernel the ops are. */
static struct err *candidate_form(struct active_walk *a, struct candidate *c, struct kva *ops)
{
	const struct types *types = a->k->types;
	struct member data;
	uint64_t id;

	TRY(kget(a->k, c->row->kva, &a->l.vmlinux_value_type, &id));
	for (size_t i = 0; i < NR_FORMS && id <= UINT32_MAX; i++) {
		if (a->forms[i].id && !strcmp(types_name(types, (uint32_t)id), a->forms[i].wrapper))
			c->form = &a->forms[i];
	}
	if (!c->form)
		return NULL;
	TRY(types_member(types, (uint32_t)id, "data", &data));
	if (data.size < c->form->len)
		return err_new(ERR_CORRUPT, "%s holds %u bytes of %s", c->form->wrapper, data.size, c->form->type);
	ops->v = c->row->kva.v - a->object.map.off + a->l.kvalue.off + data.off;
	return NULL;
}

static struct err *candidate_read(struct active_walk *a, struct candidate *c)
{
	struct kva at;

	TRY(candidate_form(a, c, &at));
	if (!c->form)
		return NULL;
	_cleanup_free_ uint8_t *ops = malloc(c->form->len + 8);
	if (!ops)
		return &err_nomem;
	TRY(kread(a->k, at, ops, c->form->len));
	c->ops = take_ptr(ops);
	return NULL;
}

/* Fatal errors end everything, others are counted. */
static void candidate_fiber(void *ctx, size_t i)
{
	struct active_walk *a = ctx;
	struct err *e = candidate_read(a, &a->cands.data[i]);

	if (!e)
		return;
	if (walk_is_fatal(e) && !a->fatal) {
		a->fatal = e;
		return;
	}
	a->lost++;
	err_free(e);
}

static struct err *read_candidates(struct active_walk *a)
{
	const struct report *r = a->w->r;

	for (size_t i = 0; i < r->maps.nr; i++) {
		if (r->maps.data[i].type != STRUCT_OPS)
			continue;
		struct candidate *c = vec_push(&a->cands);
		if (!c)
			return &err_nomem;
		c->row = &r->maps.data[i];
	}
	mem_each(a->k->mem, a->cands.nr, candidate_fiber, a);
	return take_ptr(a->fatal);
}

/* Functions of a map's table that stand in the enabled one; that differ from it. */
static void compare(const struct enabled *en, const struct candidate *c, size_t *same, size_t *other)
{
	*same = *other = 0;
	for (size_t i = 0; i < en->form->len / 8; i++) {
		uint64_t theirs = get_le64(c->ops + 8 * i), live = get_le64(en->table + 8 * i);

		if (!en->form->is_func[i] || !theirs)
			continue;
		*same += theirs == live;
		*other += theirs != live;
	}
}

static bool same_name(const struct enabled *en, const struct candidate *c)
{
	const struct member *m = &en->form->name;

	return member_fits(m, en->form->len) && !memcmp(c->ops + m->off, en->table + m->off, m->size);
}

/*
 * The map with functions in the enabled table; NULL.  A table without any function is told by name, if one map
 * alone has it.
 */
static const struct candidate *find_map(const struct active_walk *a, const struct enabled *en)
{
	const struct candidate *best = NULL, *named = NULL;
	size_t best_same = 0, names = 0;

	for (size_t i = 0; i < a->cands.nr; i++) {
		const struct candidate *c = &a->cands.data[i];
		size_t same, other;

		if (!c->ops || c->form != en->form)
			continue;
		compare(en, c, &same, &other);
		if (same > other && same > best_same) {
			best = c;
			best_same = same;
		}
		if (!same && !other && same_name(en, c)) {
			named = c;
			names++;
		}
	}
	return best ? best : names == 1 ? named : NULL;
}

/* ---- */

static struct err *no_map(struct active_walk *a, const struct active_sched *s)
{
	enum section_status status = a->lost ? SECTION_NOT_READABLE : SECTION_IMPLAUSIBLE;

	if (!s->is_sub)
		return report_section(a->w->r, "active", status,
				      "no struct_ops map holds the functions of the enabled scheduler");
	return report_section(a->w->r, "active", status,
			      "no struct_ops map holds the functions of the sub-scheduler \"%s\"", s->ops_name);
}

static struct err *read_sched(struct active_walk *a, struct enabled *en, struct active_sched *s)
{
	const struct member *name = &en->form->name;

	s->sched = en->sched;
	if (member_fits(name, en->form->len))
		memcpy(s->ops_name, en->table + name->off, MIN((size_t)name->size, sizeof(s->ops_name) - 1));
	const struct candidate *c = find_map(a, en);
	if (!c)
		return no_map(a, s);
	s->ops_map_id = c->row->id;
	return active_object(a->w, &a->object, c->row->kva, en->form->nr_members, s, &a->lost);
}

static struct err *read_scheds(struct active_walk *a)
{
	struct report *r = a->w->r;

	r->active = pool_calloc(&r->pool, a->scheds.nr, sizeof(*r->active));
	if (!r->active)
		return &err_nomem;
	for (size_t i = 0; i < a->scheds.nr; i++) {
		struct enabled *en = &a->scheds.data[i];
		bool enabled = false;

		struct err *e = read_table(a, en, &enabled);
		if (e && (walk_is_fatal(e) || !i))
			return e;
		if (e) {
			err_free(e);
			a->lost++;
			continue;
		}
		if (!enabled)
			continue;
		struct active_sched *s = &r->active[r->nr_active++];
		s->is_sub = i > 0;
		TRY(read_sched(a, en, s));
	}
	return NULL;
}

/* A map's row says which scheduler it is of. */
static void mark_maps(struct report *r)
{
	for (size_t i = 0; i < r->maps.nr; i++)
		r->maps.data[i].sched = report_map_sched(r, r->maps.data[i].kva);
}

struct err *walk_active(struct walk *w)
{
	_cleanup_(active_walk_deinit) struct active_walk a = { .w = w, .k = w->k };

	TRY(klayout(w->k, active_members, ARRAY_SIZE(active_members), &a.l, NULL));
	TRY(klayout(w->k, object_members, ARRAY_SIZE(object_members), &a.object, NULL));
	if (!a.l.ops.present)
		return report_section(w->r, "active", SECTION_NOT_IN_KERNEL, "no sched_ext");
	TRY(resolve_forms(&a));
	TRY(find_enabled(&a));
	if (a.scheds.nr)
		TRY(read_candidates(&a));
	TRY(report_section(w->r, "active", SECTION_COMPLETE, NULL));
	TRY(read_scheds(&a));
	mark_maps(w->r);
	if (a.lost && w->r->nr_active)
		return report_section(w->r, "active", SECTION_NOT_READABLE,
				      "%zu programs, maps or sub-schedulers of the schedulers", a.lost);
	return NULL;
}
