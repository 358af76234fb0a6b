/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --var: a global variable of the scheduler's BPF object, or a part of it.
 *
 * Global variables lie in the one value of an array map for each section (.bss, .data, .rodata and those that a
 * program names), whose type is a BTF_KIND_DATASEC: a list of variables with their offsets.  Only the bytes that
 * are asked for are read.  Where the path leads through a pointer, the pointer is read and the renderer follows.
 */
#include "config.h"

#include "walk/view.h"

#include <bpf/btf.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/nearest.h"

enum { ARRAY = 2 }; /* enum bpf_map_type */

/* A variable whose name the path begins with. */
struct hit {
	size_t job;
	const char *name;
	uint32_t type_id;
	uint32_t off, size; /* in the section */
};

struct var_view {
	struct maps_walk *m;
	struct walk *w;
	const char *path;
	size_t name_len; /* of the hits' names: the longest that fits, for names of statics have dots */
	VEC(struct hit) hits;
	struct nearest near;
	size_t sections;
	const struct map_row *untyped; /* a section whose variables are not known; NULL: none */
};

static void var_view_deinit(struct var_view *v)
{
	free(v->hits.data);
}

/* ---- which maps */

static bool is_section(const struct map_row *row)
{
	return row->type == ARRAY && row->max_entries == 1 && row->value_type && strchr(row->name, '.');
}

/* With --map these; else the running scheduler's; else, as long as that leaves no doubt, all. */
static struct err *choose(struct var_view *v)
{
	struct maps_walk *m = v->m;
	bool any = false;

	TRY(err_prefix(walk_active(v->w), "which scheduler is active"));
	if (v->w->opts->nr_maps)
		TRY(maps_select(m));
	for (size_t i = 0; i < m->found.nr; i++)
		any |= m->jobs[i].row->sched != NULL;
	for (size_t i = 0; i < m->found.nr; i++) {
		struct map_job *job = &m->jobs[i];

		if (!v->w->opts->nr_maps && any && !job->row->sched)
			job->left_out = true;
		job->left_out |= !is_section(job->row);
		v->sections += !job->left_out;
	}
	return NULL;
}

/* ---- the variable */

/* How much of the path is this name; 0: it does not begin with it. */
static size_t matches(const char *path, const char *name)
{
	size_t len = strlen(name);

	if (!len || strncmp(path, name, len))
		return 0;
	return !path[len] || path[len] == '.' || path[len] == '[' || !strncmp(path + len, "->", 2) ? len : 0;
}

static struct err *look_in(struct var_view *v, size_t at)
{
	const struct map_row *row = v->m->jobs[at].row;
	const struct btf_type *sec = row->types ? types_get(row->types, types_peel(row->types, row->value_type)) : NULL;

	if (!row->types)
		v->untyped = row;
	if (!sec || !btf_is_datasec(sec))
		return NULL;
	for (uint32_t i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *info = &btf_var_secinfos(sec)[i];
		const struct btf_type *var = types_get(row->types, info->type);
		const char *name = types_name(row->types, info->type);
		size_t len = matches(v->path, name);

		nearest_offer(&v->near, name);
		if (!len || len < v->name_len || !var || !btf_is_var(var))
			continue;
		if (len > v->name_len)
			v->hits.nr = 0;
		v->name_len = len;
		struct hit *hit = vec_push(&v->hits);
		if (!hit)
			return &err_nomem;
		*hit = (struct hit){ at, name, var->type, info->offset, info->size };
	}
	return NULL;
}

static const char *whose(const struct var_view *v)
{
	if (v->w->opts->nr_maps)
		return "the maps of --map";
	return v->w->r->nr_active && v->w->r->active[0].nr_maps ? "the running scheduler" : "the BPF objects in the guest";
}

static struct err *not_found(const struct var_view *v)
{
	_cleanup_free_ char *hint = nearest_text(&v->near);

	if (!hint)
		return &err_nomem;
	if (!v->sections)
		return err_new(ERR_NOT_FOUND, "--var %s: no sections of global variables in %s", v->path, whose(v));
	if (v->untyped)
		return err_new(ERR_NOT_FOUND, "--var %s: not in %s as far as their types are known (map %s, id %" PRIu32
			       ": %s)%s", v->path, whose(v), v->untyped->name, v->untyped->id,
			       v->untyped->error ? v->untyped->error : "no types", hint);
	return err_new(ERR_NOT_FOUND, "--var %s: no such global variable in %s%s%s", v->path, whose(v), hint,
		       v->w->opts->nr_maps ? "" : "; --map looks into that of another object");
}

static struct err *ambiguous(const struct var_view *v)
{
	const char *list = "";

	for (size_t i = 0; i < v->hits.nr; i++) {
		const struct hit *h = &v->hits.data[i];
		const struct map_row *row = v->m->jobs[h->job].row;

		list = pool_printf(v->m->mw.pool, "%s%s%s (map id %" PRIu32 ", offset %" PRIu32 "%s%s)", list,
				   i ? ", " : "", row->name, row->id, h->off, row->sched ? ", of scheduler " : "",
				   row->sched ? row->sched->ops_name : "");
		if (!list)
			return &err_nomem;
	}
	return err_new(ERR_NOT_FOUND, "--var %s is ambiguous: there is one in each of %s; say which with --map", v->path,
		       list);
}

/* ---- its bytes */

static struct err *read_value(struct var_view *v, const struct hit *hit, const struct member *part)
{
	const struct map_layout *l = &v->m->mw.l;
	struct map_job *job = &v->m->jobs[hit->job];
	struct map_row *row = &v->w->r->view.row;
	uint64_t off = (uint64_t)hit->off + part->off;

	if (!l->array_map.present || !l->array_value.present)
		return err_new(ERR_MISSING, "this kernel's types do not tell the layout of struct bpf_array");
	if (off > job->row->value_size || part->size > job->row->value_size - off)
		return err_new(ERR_CORRUPT, "%s lies outside of its section %s", hit->name, job->row->name);
	if (part->size > MAP_BYTES_ASKED)
		return err_new(ERR_LIMIT, "%s has %" PRIu32 " bytes", hit->name, part->size);
	uint8_t *buf = pool_alloc(v->m->mw.pool, part->size);
	if (!buf)
		return &err_nomem;

	struct kva addr = { job->row->kva.v - l->array_map.off + l->array_value.off + off };
	kprefetch(v->w->k, &(struct krange){ addr, part->size }, 1);
	_cleanup_err_ struct err *e = kread(v->w->k, addr, buf, part->size);
	if (walk_is_fatal(e))
		return take_ptr(e);

	*row = *job->row;
	row->body = MAP_BODY_VALUE;
	row->value = buf;
	row->value_type = part->type_id;
	row->value_len = e ? kread_some(v->w->k, addr, buf, part->size) : part->size;
	row->unreadable = e;
	if (e) {
		row->error = pool_printf(v->m->mw.pool, "%s", e->msg);
		if (!row->error)
			return &err_nomem;
	}
	v->w->r->view.offset = off;
	return e ? report_section(v->w->r, "maps", SECTION_NOT_READABLE, "%s: %s", hit->name, e->msg) : NULL;
}

static struct err *show(struct var_view *v, const struct hit *hit)
{
	const struct types *types = v->m->jobs[hit->job].row->types;
	struct report *r = v->w->r;
	struct member part;
	const char *rest;

	struct err *e = types_follow(types, hit->type_id, v->path + v->name_len, &part, &rest);
	if (e && e->code == ERR_MISSING)
		e->code = ERR_NOT_FOUND;
	TRY(err_prefix(e, "--var %s", v->path));
	r->view = (struct view){
		.kind = VIEW_VAR,
		.asked = v->path,
		.var = hit->name,
		.rest = rest,
	};
	TRY(err_prefix(read_value(v, hit, &part), "--var %s", v->path));
	for (size_t i = 0; i < v->m->found.nr; i++)
		v->m->jobs[i].left_out = true;
	if (!*rest && !value_has_pointers(types, part.type_id))
		return NULL;
	TRY(maps_context(v->m, &hit->job, 1));
	r->view.row.own_arena_id = v->m->jobs[hit->job].row->own_arena_id;
	return NULL;
}

struct err *view_var(struct maps_walk *m)
{
	_cleanup_(var_view_deinit) struct var_view v = { .m = m, .w = m->mw.w, .path = m->mw.w->opts->var };
	_cleanup_free_ char *word = strndup(v.path, strcspn(v.path, ".[-"));

	if (!word)
		return &err_nomem;
	v.near.word = word;
	TRY(choose(&v));
	TRY(maps_read_types(m));
	for (size_t i = 0; i < m->found.nr; i++) {
		if (m->jobs[i].left_out)
			continue;
		TRY(maps_put_types(m, i));
		TRY(look_in(&v, i));
	}
	if (!v.hits.nr)
		return not_found(&v);
	return v.hits.nr > 1 ? ambiguous(&v) : show(&v, &v.hits.data[0]);
}
