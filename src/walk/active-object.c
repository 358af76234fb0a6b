/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The BPF object of a scheduler: the links of its struct_ops map lead to its programs, they to their maps. */
#include "config.h"

#include "walk/active.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	FUNCS_MAX = 512,	 /* in an ops table */
	USED_MAPS_MAX = 1024,	 /* of a program; the kernel has MAX_USED_MAPS 64 */
};

/* One program of the map. */
struct prog_maps {
	struct kva maps[USED_MAPS_MAX];
	size_t nr;
};

struct object_walk {
	struct walk *w;
	const struct object_layout *l;
	struct kva links;
	struct prog_maps **progs; /* [nr_progs], NULL: none */
	size_t nr_progs;
	size_t lost;
	struct err *fatal;
};

static void object_walk_deinit(struct object_walk *o)
{
	for (size_t i = 0; o->progs && i < o->nr_progs; i++)
		free(o->progs[i]);
	free(o->progs);
	err_free(o->fatal);
}

static struct err *prog_read(struct object_walk *o, size_t i)
{
	const struct object_layout *l = o->l;
	struct kernel *k = o->w->k;
	struct kva link, prog, aux, list;
	uint64_t nr;

	TRY(kread_kva(k, (struct kva){ o->links.v + 8 * i }, &link));
	if (!link.v)
		return NULL; /* the scheduler does not implement this one */
	TRY(kget_kva(k, link, &l->link_prog, &prog));
	TRY(kget_kva(k, prog, &l->prog_aux, &aux));
	TRY(kget_kva(k, aux, &l->used_maps, &list));
	TRY(kget(k, aux, &l->used_map_cnt, &nr));
	if (!list.v || !nr)
		return NULL;
	if (nr > USED_MAPS_MAX)
		return err_new(ERR_CORRUPT, "program with %" PRIu64 " maps", nr);

	_cleanup_free_ struct prog_maps *p = malloc(sizeof(*p));
	_cleanup_free_ uint8_t *raw = malloc(nr * 8);
	if (!p || !raw)
		return &err_nomem;
	TRY(kread(k, list, raw, nr * 8));
	p->nr = nr;
	for (size_t j = 0; j < nr; j++)
		p->maps[j].v = get_le64(raw + 8 * j);
	o->progs[i] = take_ptr(p);
	return NULL;
}

/* Fatal errors end everything, others are counted. */
static void prog_fiber(void *ctx, size_t i)
{
	struct object_walk *o = ctx;
	struct err *e = prog_read(o, i);

	if (!e)
		return;
	if (walk_is_fatal(e) && !o->fatal) {
		o->fatal = e;
		return;
	}
	o->lost++;
	err_free(e);
}

static struct err *read_progs(struct object_walk *o, struct kva ops_map, uint64_t nr)
{
	const struct object_layout *l = o->l;
	struct kernel *k = o->w->k;
	struct kva map = { ops_map.v - l->map.off };
	const struct member *count = l->funcs_cnt.present ? &l->funcs_cnt : &l->links_cnt;

	if (count->present)
		TRY(kget(k, map, count, &nr));
	if (nr > FUNCS_MAX)
		return err_new(ERR_CORRUPT, "struct_ops map with %" PRIu64 " functions", nr);
	TRY(kget_kva(k, map, &l->links, &o->links));
	o->progs = calloc(nr + 1, sizeof(struct prog_maps *));
	if (!o->progs)
		return &err_nomem;
	o->nr_progs = nr;
	mem_each(k->mem, nr, prog_fiber, o);
	return take_ptr(o->fatal);
}

/* ---- all maps of all programs */

/* A map, and where it stands: its row in the report, or behind all of them in the order of discovery. */
struct used {
	struct kva kva;
	size_t row, order;
};

static int by_kva(const void *a, const void *b)
{
	const struct used *x = a, *y = b;

	if (x->kva.v != y->kva.v)
		return x->kva.v < y->kva.v ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_row(const void *a, const void *b)
{
	const struct used *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Both lists are by address. */
static void find_rows(struct used *used, size_t nr, const struct used *rows, size_t nr_rows)
{
	size_t at = 0;

	for (size_t i = 0; i < nr; i++) {
		while (at < nr_rows && rows[at].kva.v < used[i].kva.v)
			at++;
		used[i].row = at < nr_rows && rows[at].kva.v == used[i].kva.v ? rows[at].order : SIZE_MAX;
	}
}

static struct err *set_maps(struct object_walk *o, struct active_sched *s)
{
	struct report *r = o->w->r;
	size_t room = 0, nr = 0;

	for (size_t i = 0; i < o->nr_progs; i++)
		room += o->progs[i] ? o->progs[i]->nr : 0;
	_cleanup_free_ struct used *used = calloc(room + 1, sizeof(*used));
	_cleanup_free_ struct used *rows = calloc(r->maps.nr + 1, sizeof(*rows));
	s->maps = pool_calloc(&r->pool, room, sizeof(*s->maps));
	if (!used || !rows || !s->maps)
		return &err_nomem;
	for (size_t i = 0; i < o->nr_progs; i++) {
		for (size_t j = 0; o->progs[i] && j < o->progs[i]->nr; j++, nr++)
			used[nr] = (struct used){ o->progs[i]->maps[j], 0, nr };
	}
	for (size_t i = 0; i < r->maps.nr; i++)
		rows[i] = (struct used){ r->maps.data[i].kva, 0, i };
	qsort(rows, r->maps.nr, sizeof(*rows), by_kva);
	qsort(used, nr, sizeof(*used), by_kva);
	/* Each once: the first of equal ones. */
	size_t kept = 0;
	for (size_t i = 0; i < nr; i++) {
		if (!i || used[i].kva.v != used[i - 1].kva.v)
			used[kept++] = used[i];
	}
	find_rows(used, kept, rows, r->maps.nr);
	qsort(used, kept, sizeof(*used), by_row);
	for (size_t i = 0; i < kept; i++)
		s->maps[i] = used[i].kva;
	s->nr_maps = kept;
	return NULL;
}

static const struct map_row *map_at(const struct report *r, struct kva kva)
{
	for (size_t i = 0; i < r->maps.nr; i++) {
		if (r->maps.data[i].kva.v == kva.v)
			return &r->maps.data[i];
	}
	return NULL;
}

/* libbpf names the maps of global sections "object.section", the object's name cut to fit. */
static struct err *set_name(struct report *r, struct active_sched *s)
{
	static const char *const sections[] = { ".bss", ".data", ".rodata" };

	for (size_t sec = 0; sec < ARRAY_SIZE(sections); sec++) {
		for (size_t i = 0; i < s->nr_maps; i++) {
			const struct map_row *row = map_at(r, s->maps[i]);
			const char *dot = row ? strchr(row->name, '.') : NULL;

			if (!dot || dot == row->name || strcmp(dot, sections[sec]))
				continue;
			s->obj_name = pool_strndup(&r->pool, row->name, (size_t)(dot - row->name));
			return s->obj_name ? NULL : &err_nomem;
		}
	}
	return NULL;
}

struct err *active_object(struct walk *w, const struct object_layout *l, struct kva ops_map, uint64_t nr_members,
			  struct active_sched *s, size_t *lost)
{
	_cleanup_(object_walk_deinit) struct object_walk o = { .w = w, .l = l };

	TRY(read_progs(&o, ops_map, nr_members));
	*lost += o.lost;
	TRY(set_maps(&o, s));
	return set_name(w->r, s);
}
