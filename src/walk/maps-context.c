/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where values of maps lead that are shown alone (--map, --key, --var, --task): into the arena of the programs that use
 * the map, and to elements of the allocators that are variables of these programs.  Of such an arena it is found
 * out which pages it has; a page is read when something in it is wanted.
 */
#include "config.h"

#include "walk/maps-walk.h"

#include <bpf/btf.h>

#include "base/cleanup.h"
#include "walk/arena.h"
#include "walk/sdt.h"

enum { ARRAY = 2, TASK_STORAGE = 29, ARENA = 33 }; /* enum bpf_map_type */

struct context {
	struct maps_walk *m;
	VEC(size_t) jobs; /* to be read */
};

static struct err *take_in(struct context *c, size_t i)
{
	struct map_job *job = &c->m->jobs[i];
	size_t *slot;

	if (!job->left_out) /* asked for, or taken in before */
		return NULL;
	slot = vec_push(&c->jobs);
	if (!slot)
		return &err_nomem;
	*slot = i;
	job->left_out = false;
	job->aside = true;
	return NULL;
}

static void read_fiber(void *ctx, size_t i)
{
	struct context *c = ctx;
	size_t at = c->jobs.data[i];

	if (!c->m->mw.fatal)
		map_job_end(&c->m->jobs[at], maps_read_one(c->m, at));
}

static struct err *read_jobs(struct context *c)
{
	mem_each(c->m->mw.k->mem, c->jobs.nr, read_fiber, c);
	return take_ptr(c->m->mw.fatal);
}

/* Of a map that no program uses it is not known which arena its values mean: that there are several must be known then. */
static struct err *take_arenas(struct context *c, const size_t *wanted, size_t nr)
{
	struct maps_walk *m = c->m;

	for (size_t i = 0; i < m->found.nr; i++) {
		const struct map_row *row = m->jobs[i].row;
		bool takes = false;

		if (row->type != ARENA)
			continue;
		for (size_t j = 0; j < nr && !takes; j++) {
			uint32_t own = m->jobs[wanted[j]].row->own_arena_id;

			takes = !own || own == row->id;
		}
		if (takes)
			TRY(take_in(c, i));
	}
	return NULL;
}

static bool is_section_of(const struct map_row *row, const struct map_row *wanted)
{
	return row->type == ARRAY && row->max_entries == 1 && row->value_type && strchr(row->name, '.') &&
	       row->own_arena_id && row->own_arena_id == wanted->own_arena_id;
}

/* Sections of variables of the same programs, if their types have allocators. */
static struct err *take_sections(struct context *c, const size_t *wanted, size_t nr)
{
	struct maps_walk *m = c->m;
	size_t nr_btfs = m->btfs.objs.nr;

	for (size_t i = 0; i < m->found.nr; i++) {
		bool takes = false;

		for (size_t j = 0; j < nr && !takes; j++)
			takes = is_section_of(m->jobs[i].row, m->jobs[wanted[j]].row);
		if (!takes || !m->jobs[i].left_out || !m->found.data[i].btf.v)
			continue;
		TRY(btfs_add(&m->btfs, m->found.data[i].btf, &m->found.data[i].btf_index));
		TRY(take_in(c, i));
	}
	for (; nr_btfs < m->btfs.objs.nr; nr_btfs++)
		btfs_read(&m->btfs, nr_btfs);
	TRY(btfs_parse(&m->btfs));

	size_t kept = 0;
	for (size_t i = 0; i < c->jobs.nr; i++) {
		size_t at = c->jobs.data[i];
		const struct types *types = m->btfs.objs.data[m->found.data[at].btf_index].types;
		struct sdt_layout l = { 0 };

		if (types)
			sdt_layout_resolve(types, &l);
		if (l.allocator) {
			c->jobs.data[kept++] = at;
		} else {
			m->jobs[at].left_out = true;
			m->jobs[at].aside = false;
		}
	}
	c->jobs.nr = kept;
	return NULL;
}

static struct err *take_all(struct context *c, const size_t *wanted, size_t nr)
{
	TRY(take_arenas(c, wanted, nr));
	TRY(read_jobs(c));
	c->jobs.nr = 0;
	TRY(take_sections(c, wanted, nr));
	TRY(read_jobs(c));
	for (size_t i = 0; i < c->jobs.nr; i++)
		TRY(maps_put_types(c->m, c->jobs.data[i]));
	return NULL;
}

static bool any_arena(const struct maps_walk *m)
{
	for (size_t i = 0; i < m->found.nr; i++) {
		if (m->jobs[i].row->type == ARENA)
			return true;
	}
	return false;
}

struct err *maps_context(struct maps_walk *m, const size_t *wanted, size_t nr)
{
	struct context c = { .m = m };

	if (!nr || !any_arena(m))
		return NULL;
	TRY(arena_assign_quietly(m->mw.w));
	struct err *e = take_all(&c, wanted, nr);
	free(c.jobs.data);
	return e;
}

/* ---- of a report of some maps */

bool maps_lead_on(const struct map_row *row)
{
	return (row->types && row->value_type && value_has_pointers(row->types, row->value_type)) ||
	       (row->types && row->key_type && value_has_pointers(row->types, row->key_type));
}

struct err *maps_context_selected(struct maps_walk *m)
{
	struct walk *w = m->mw.w;

	if (!maps_are_narrowed(w))
		return NULL;
	_cleanup_free_ size_t *wanted = calloc(m->found.nr + 1, sizeof(*wanted));
	size_t nr = 0;
	if (!wanted)
		return &err_nomem;
	for (size_t i = 0; i < m->found.nr; i++) {
		const struct map_job *job = &m->jobs[i];

		/* Of the others --task needs no more than what they say themselves. */
		if (job->left_out || job->skipped || (!w->opts->nr_maps && job->row->type != TASK_STORAGE))
			continue;
		if (maps_lead_on(job->row))
			wanted[nr++] = i;
	}
	return maps_context(m, wanted, nr);
}
