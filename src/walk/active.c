/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which BPF object is the scheduler that runs.
 *
 * Several may be loaded, even two copies of one object, and other subsystems have struct_ops as well.
 * The kernel copies the ops table it enables (scx_sched.ops from 6.16 on, the static scx_ops before),
 * but the functions in it are trampolines that belong to one struct_ops map alone: so the map whose
 * functions stand in the enabled table is it.  From the map its links lead to its programs and they to
 * the maps they use.
 */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	STRUCT_OPS = 26,	 /* BPF_MAP_TYPE_STRUCT_OPS */
	OPS_MAX = 4096,		 /* bytes of struct sched_ext_ops; some 400 */
	FUNCS_MAX = 512,	 /* in an ops table */
	USED_MAPS_MAX = 1024,	 /* of a program; the kernel has MAX_USED_MAPS 64 */
};

struct active_layout {
	/* The enabled table */
	struct member sched_ops; /* scx_sched.ops; absent: the static scx_ops */
	struct member ops, ops_name;
	/* struct bpf_map and the struct_ops map around it */
	struct member vmlinux_value_type;
	struct member map, links, funcs_cnt, links_cnt, kvalue;
	/* What leads on from a link */
	struct member link_prog, prog_aux, used_maps, used_map_cnt;
};

static const struct layout_member active_members[] = {
	LAYOUT_OPT(struct active_layout, sched_ops, "scx_sched", "ops"), /* 6.16 */
	LAYOUT_OPT(struct active_layout, ops, "sched_ext_ops", ""),	 /* 6.12 */
	LAYOUT_OPT(struct active_layout, ops_name, "sched_ext_ops", "name"),
	LAYOUT(struct active_layout, vmlinux_value_type, "bpf_map", "btf_vmlinux_value_type_id"),
	LAYOUT(struct active_layout, map, "bpf_struct_ops_map", "map"),
	LAYOUT(struct active_layout, links, "bpf_struct_ops_map", "links"), /* 6.0 */
	LAYOUT_OPT(struct active_layout, funcs_cnt, "bpf_struct_ops_map", "funcs_cnt"),
	LAYOUT_OPT(struct active_layout, links_cnt, "bpf_struct_ops_map", "links_cnt"),
	LAYOUT(struct active_layout, kvalue, "bpf_struct_ops_map", "kvalue"),
	LAYOUT(struct active_layout, link_prog, "bpf_link", "prog"),
	LAYOUT(struct active_layout, prog_aux, "bpf_prog", "aux"),
	LAYOUT(struct active_layout, used_maps, "bpf_prog_aux", "used_maps"),
	LAYOUT(struct active_layout, used_map_cnt, "bpf_prog_aux", "used_map_cnt"),
};

/* A struct_ops map that may be the scheduler's. */
struct candidate {
	const struct map_row *row;
	bool is_sched;	    /* made for sched_ext_ops */
	size_t data_off;    /* of the ops in the map's kvalue */
	uint8_t *ops;	    /* OPS bytes, as the enabled table; NULL: not read */
	size_t same, other; /* functions that stand in the enabled table; that differ from it */
	bool name_same;
};

/* One program of the map. */
struct prog_maps {
	struct kva maps[USED_MAPS_MAX];
	size_t nr;
};

struct active_walk {
	struct walk *w;
	struct kernel *k;
	struct active_layout l;
	uint32_t ops_type;
	uint8_t *ops; /* the enabled table */
	size_t len;
	bool *is_func; /* [len / 8]: the word is a function pointer */
	VEC(struct candidate) cands;
	struct kva links;
	struct prog_maps **progs; /* [nr_progs], NULL: none */
	size_t nr_progs;
	size_t lost;
	struct err *fatal;
};

static void active_walk_deinit(struct active_walk *a)
{
	for (size_t i = 0; i < a->cands.nr; i++)
		free(a->cands.data[i].ops);
	for (size_t i = 0; a->progs && i < a->nr_progs; i++)
		free(a->progs[i]);
	free(a->progs);
	free(a->cands.data);
	free(a->ops);
	free(a->is_func);
	err_free(a->fatal);
}

/* For fibers: fatal errors end everything, others are counted. */
static void fiber_end(struct active_walk *a, struct err *e)
{
	if (!e)
		return;
	if (walk_is_fatal(e) && !a->fatal) {
		a->fatal = e;
		return;
	}
	a->lost++;
	err_free(e);
}

/* ---- the enabled table */

/* Marks the words of struct sched_ext_ops that point to functions; its private data may be pointers too. */
static void mark_funcs(struct active_walk *a)
{
	const struct types *types = a->k->types;
	const struct btf_type *t = types_get(types, a->ops_type);
	const struct btf_member *m = (const void *)(t + 1);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++, m++) {
		const struct btf_type *ptr = types_get(types, types_peel(types, m->type));
		uint32_t bit = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;

		if (!ptr || BTF_INFO_KIND(ptr->info) != BTF_KIND_PTR || bit % 64)
			continue;
		ptr = types_get(types, types_peel(types, ptr->type));
		if (ptr && BTF_INFO_KIND(ptr->info) == BTF_KIND_FUNC_PROTO && bit / 64 < a->len / 8)
			a->is_func[bit / 64] = true;
	}
}

/* *enabled is false if no scheduler is. */
static struct err *read_enabled(struct active_walk *a, bool *enabled)
{
	struct kva sym, sched, ops;
	bool any = false;

	*enabled = false;
	if (a->l.sched_ops.present) {
		TRY(ksym(a->k, "scx_root", &sym));
		TRY(kread_kva(a->k, sym, &sched));
		if (!sched.v)
			return NULL;
		ops = kmember(sched, &a->l.sched_ops);
	} else {
		/* Cleared when the scheduler has been disabled. */
		TRY(ksym(a->k, "scx_ops", &ops));
	}

	a->len = MIN(a->l.ops.size, (uint32_t)OPS_MAX);
	a->ops = malloc(a->len + 8);
	a->is_func = calloc(a->len / 8 + 1, sizeof(bool));
	if (!a->ops || !a->is_func)
		return &err_nomem;
	TRY(kread(a->k, ops, a->ops, a->len));
	for (size_t i = 0; i < a->len; i++)
		any |= a->ops[i];
	*enabled = any;
	mark_funcs(a);
	return NULL;
}

/* ---- the map it was copied from */

/* Whether a struct_ops map is one for sched_ext_ops, and where in its value the ops are. */
static struct err *candidate_type(struct active_walk *a, struct candidate *c)
{
	static const char wrapper[] = "bpf_struct_ops_sched_ext_ops";
	const struct types *types = a->k->types;
	uint64_t id;
	struct member data;

	TRY(kget(a->k, c->row->kva, &a->l.vmlinux_value_type, &id));
	/* Also a later variant of the table (sched_ext_ops_cid, 7.3). */
	if (id > UINT32_MAX || strncmp(types_name(types, (uint32_t)id), wrapper, sizeof(wrapper) - 1))
		return NULL;
	TRY(types_member(types, (uint32_t)id, "data", &data));
	c->data_off = a->l.kvalue.off + data.off;
	c->is_sched = data.size >= a->len;
	return NULL;
}

static struct err *candidate_read(struct active_walk *a, struct candidate *c)
{
	TRY(candidate_type(a, c));
	if (!c->is_sched)
		return NULL;

	struct kva base = { c->row->kva.v - a->l.map.off + c->data_off };
	_cleanup_free_ uint8_t *ops = malloc(a->len + 8);
	if (!ops)
		return &err_nomem;
	TRY(kread(a->k, base, ops, a->len));
	for (size_t i = 0; i < a->len / 8; i++) {
		uint64_t mine = get_le64(ops + 8 * i), live = get_le64(a->ops + 8 * i);

		if (!a->is_func[i] || !mine)
			continue;
		c->same += mine == live;
		c->other += mine != live;
	}
	c->name_same = member_fits(&a->l.ops_name, a->len) &&
		       !memcmp(ops + a->l.ops_name.off, a->ops + a->l.ops_name.off, a->l.ops_name.size);
	c->ops = take_ptr(ops);
	return NULL;
}

static void candidate_fiber(void *ctx, size_t i)
{
	struct active_walk *a = ctx;

	fiber_end(a, candidate_read(a, &a->cands.data[i]));
}

/*
 * The map with functions in the enabled table.  A table without any function is told by name, if one
 * map alone has it.
 */
static struct err *find_map(struct active_walk *a, const struct candidate **ret)
{
	const struct report *r = a->w->r;
	const struct candidate *best = NULL, *named = NULL;
	size_t names = 0;

	for (size_t i = 0; i < r->maps.nr; i++) {
		if (r->maps.data[i].type != STRUCT_OPS)
			continue;
		struct candidate *c = vec_push(&a->cands);
		if (!c)
			return &err_nomem;
		c->row = &r->maps.data[i];
	}
	mem_each(a->k->mem, a->cands.nr, candidate_fiber, a);
	if (a->fatal)
		return take_ptr(a->fatal);

	for (size_t i = 0; i < a->cands.nr; i++) {
		const struct candidate *c = &a->cands.data[i];

		if (!c->ops)
			continue;
		if (c->same > c->other && (!best || c->same > best->same))
			best = c;
		if (c->name_same && !c->same && !c->other) {
			named = c;
			names++;
		}
	}
	*ret = best ? best : names == 1 ? named : NULL;
	return NULL;
}

/* ---- its programs and their maps */

static struct err *prog_read(struct active_walk *a, size_t i)
{
	const struct active_layout *l = &a->l;
	struct kva link, prog, aux, list;
	uint64_t nr;

	TRY(kread_kva(a->k, (struct kva){ a->links.v + 8 * i }, &link));
	if (!link.v)
		return NULL; /* the scheduler does not implement this one */
	TRY(kget_kva(a->k, link, &l->link_prog, &prog));
	TRY(kget_kva(a->k, prog, &l->prog_aux, &aux));
	TRY(kget_kva(a->k, aux, &l->used_maps, &list));
	TRY(kget(a->k, aux, &l->used_map_cnt, &nr));
	if (!list.v || !nr)
		return NULL;
	if (nr > USED_MAPS_MAX)
		return err_new(ERR_CORRUPT, "program with %" PRIu64 " maps", nr);

	_cleanup_free_ struct prog_maps *p = malloc(sizeof(*p));
	_cleanup_free_ uint8_t *raw = malloc(nr * 8);
	if (!p || !raw)
		return &err_nomem;
	TRY(kread(a->k, list, raw, nr * 8));
	p->nr = nr;
	for (size_t j = 0; j < nr; j++)
		p->maps[j].v = get_le64(raw + 8 * j);
	a->progs[i] = take_ptr(p);
	return NULL;
}

static void prog_fiber(void *ctx, size_t i)
{
	struct active_walk *a = ctx;

	fiber_end(a, prog_read(a, i));
}

static struct err *read_progs(struct active_walk *a, const struct candidate *c)
{
	const struct active_layout *l = &a->l;
	struct kva map = { c->row->kva.v - l->map.off };
	const struct member *count = l->funcs_cnt.present ? &l->funcs_cnt : &l->links_cnt;
	uint64_t nr = a->len / 8; /* before there was a count, one slot per member */

	if (count->present)
		TRY(kget(a->k, map, count, &nr));
	else if (types_get(a->k->types, a->ops_type))
		nr = BTF_INFO_VLEN(types_get(a->k->types, a->ops_type)->info);
	if (nr > FUNCS_MAX)
		return err_new(ERR_CORRUPT, "struct_ops map with %" PRIu64 " functions", nr);
	TRY(kget_kva(a->k, map, &l->links, &a->links));
	a->progs = calloc(nr + 1, sizeof(struct prog_maps *));
	if (!a->progs)
		return &err_nomem;
	a->nr_progs = nr;
	mem_each(a->k->mem, nr, prog_fiber, a);
	return take_ptr(a->fatal);
}

static const struct map_row *map_at(const struct report *r, struct kva kva)
{
	for (size_t i = 0; i < r->maps.nr; i++) {
		if (r->maps.data[i].kva.v == kva.v)
			return &r->maps.data[i];
	}
	return NULL;
}

static bool is_active(const struct report *r, struct kva kva)
{
	for (size_t i = 0; i < r->nr_active_maps; i++) {
		if (r->active_maps[i].v == kva.v)
			return true;
	}
	return false;
}

/* All maps of all programs, each once, by id; maps that are not in the report come last. */
static struct err *set_maps(struct active_walk *a)
{
	struct report *r = a->w->r;
	size_t room = 0;

	for (size_t i = 0; i < a->nr_progs; i++)
		room += a->progs[i] ? a->progs[i]->nr : 0;
	r->active_maps = pool_calloc(&r->pool, room, sizeof(*r->active_maps));
	if (!r->active_maps)
		return &err_nomem;

	for (size_t m = 0; m <= r->maps.nr; m++) {
		for (size_t i = 0; i < a->nr_progs; i++) {
			for (size_t j = 0; a->progs[i] && j < a->progs[i]->nr; j++) {
				struct kva kva = a->progs[i]->maps[j];
				bool now = m < r->maps.nr ? kva.v == r->maps.data[m].kva.v :
							    !map_at(r, kva);

				if (now && !is_active(r, kva))
					r->active_maps[r->nr_active_maps++] = kva;
			}
		}
	}
	return NULL;
}

/* libbpf names the maps of global sections "object.section", the object's name cut to fit. */
static struct err *set_name(struct report *r)
{
	static const char *const sections[] = { ".bss", ".data", ".rodata" };

	for (size_t s = 0; s < ARRAY_SIZE(sections); s++) {
		for (size_t i = 0; i < r->nr_active_maps; i++) {
			const struct map_row *row = map_at(r, r->active_maps[i]);
			const char *dot = row ? strchr(row->name, '.') : NULL;

			if (!dot || dot == row->name || strcmp(dot, sections[s]))
				continue;
			r->active_obj_name = pool_strndup(&r->pool, row->name,
							  (size_t)(dot - row->name));
			return r->active_obj_name ? NULL : &err_nomem;
		}
	}
	return NULL;
}

struct err *walk_active(struct walk *w)
{
	_cleanup_(active_walk_deinit) struct active_walk a = { .w = w, .k = w->k };
	const struct candidate *c;
	bool enabled;

	TRY(klayout(w->k, active_members, ARRAY_SIZE(active_members), &a.l, NULL));
	if (!a.l.ops.present)
		return report_section(w->r, "active", SECTION_NOT_IN_KERNEL, "no sched_ext");
	TRY(types_find(w->k->types, BTF_KIND_STRUCT, "sched_ext_ops", &a.ops_type));
	TRY(read_enabled(&a, &enabled));
	if (!enabled)
		return report_section(w->r, "active", SECTION_COMPLETE, NULL);
	TRY(find_map(&a, &c));
	if (!c)
		return report_section(w->r, "active", a.lost ? SECTION_NOT_READABLE : SECTION_IMPLAUSIBLE,
				      "no struct_ops map holds the functions of the enabled scheduler");
	TRY(read_progs(&a, c));
	TRY(set_maps(&a));
	TRY(set_name(w->r));
	if (a.lost)
		return report_section(w->r, "active", SECTION_NOT_READABLE,
				      "%zu programs or maps of the scheduler", a.lost);
	return report_section(w->r, "active", SECTION_COMPLETE, NULL);
}
