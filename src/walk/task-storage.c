/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Joins tasks with what BPF programs keep for them: the values in the TASK_STORAGE maps that were collected.
 * Where a map was not collected to its end (a cap, a broken list), the task itself leads to its values:
 * task_struct.bpf_storage is a list of them, one for each map.
 */
#include "config.h"

#include "walk/tasks.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "walk/arena-lead.h"

enum {
	TASK_STORAGE = 29,   /* enum bpf_map_type */
	ELEMS_MAX = 256,     /* values of one task */
	VALUE_MAX = 1 << 16, /* bytes of one: no more fits into a storage map */
};
static const uint64_t BYTES_MAX = 64 << 20; /* of all that is read here */

/* ---- from the maps */

static void each_entry(struct report *r, void (*fn)(struct task_row *task, size_t map, const uint8_t *value))
{
	for (size_t m = 0; m < r->maps.nr; m++) {
		const struct map_row *map = &r->maps.data[m];

		if (map->body != MAP_BODY_ENTRIES)
			continue;
		for (size_t i = 0; i < map->nr_entries; i++) {
			const struct map_owner *o = map->entries[i].owner;

			if (!o || o->kind != OWNER_TASK)
				continue;
			struct task_row *task = (struct task_row *)report_task(r, o->kva);
			if (task)
				fn(task, m, map->entries[i].value);
		}
	}
}

static void count(struct task_row *task, size_t map, const uint8_t *value)
{
	(void)map;
	(void)value;
	task->x.nr_storage++;
}

static void enter(struct task_row *task, size_t map, const uint8_t *value)
{
	task->x.storage[task->x.nr_storage++] = (struct task_storage){ .map = map, .value = value };
}

struct err *task_join_storage(struct report *r)
{
	each_entry(r, count);
	for (size_t i = 0; i < r->tasks.nr; i++) {
		struct task_extra *x = &r->tasks.data[i].x;

		if (!x->nr_storage)
			continue;
		x->storage = pool_calloc(&r->pool, x->nr_storage, sizeof(*x->storage));
		if (!x->storage)
			return &err_nomem;
		x->nr_storage = 0;
	}
	each_entry(r, enter);
	return NULL;
}

/* ---- what they lead to */

/* Of the tasks that were asked for nobody has told yet what lies in arenas for them. */
static struct err *tell_object(struct report *r, const struct task_row *task, const struct arena_lead *lead)
{
	struct map_owner *o = pool_alloc(&r->pool, sizeof(*o));

	if (!o)
		return &err_nomem;
	*o = (struct map_owner){ .kva = task->kva, .kind = OWNER_TASK, .pid = task->pid, .tgid = task->tgid };
	o->comm = pool_strndup(&r->pool, task->comm, sizeof(task->comm));
	return o->comm ? arena_add_task(r, o, lead) : &err_nomem;
}

struct err *task_storage_payloads(struct walk *w)
{
	struct report *r = w->r;
	size_t nr = 0, at = 0;

	for (size_t i = 0; i < report_nr_tasks_shown(r); i++)
		nr += r->tasks.data[i].x.nr_storage;
	_cleanup_free_ struct arena_lead *leads = calloc(nr + 1, sizeof(*leads));
	if (!leads)
		return &err_nomem;
	for (size_t i = 0; i < report_nr_tasks_shown(r); i++) {
		const struct task_extra *x = &r->tasks.data[i].x;

		for (size_t j = 0; j < x->nr_storage; j++)
			TRY(arena_lead(w, &r->maps.data[x->storage[j].map], x->storage[j].value, &leads[at++]));
	}
	TRY(arena_read_leads(w, leads, nr));
	at = 0;
	for (size_t i = 0; i < report_nr_tasks_shown(r); i++) {
		const struct task_row *task = &r->tasks.data[i];

		for (size_t j = 0; j < task->x.nr_storage; j++, at++) {
			TRY(arena_lead_payload(r, &leads[at], &task->x.storage[j].payload));
			if (r->sdt_aside && !w->opts->nr_maps)
				TRY(tell_object(r, task, &leads[at]));
		}
	}
	return NULL;
}

/* ---- from the tasks */

struct storage_layout {
	struct member bpf_storage, list, snode, smap, data, map;
};

static const struct layout_member storage_members[] = {
	LAYOUT_OPT(struct storage_layout, bpf_storage, "task_struct", "bpf_storage"),
	LAYOUT_OPT(struct storage_layout, list, "bpf_local_storage", "list"),
	LAYOUT_OPT(struct storage_layout, snode, "bpf_local_storage_elem", "snode"),
	LAYOUT_OPT(struct storage_layout, smap, "bpf_local_storage_elem", "sdata.smap"),
	LAYOUT_OPT(struct storage_layout, data, "bpf_local_storage_elem", "sdata.data"),
	LAYOUT_OPT(struct storage_layout, map, "bpf_local_storage_map", "map"),
};

struct complete {
	struct task_walk *t;
	struct storage_layout l;
	size_t *maps; /* rows of report.maps that were not collected to their ends */
	size_t nr_maps;
	uint64_t bytes;
	bool out_of_bytes;
	size_t lost;
	const char *why;
};

/* One task's list while it is walked. */
struct task_list {
	struct complete *c;
	struct task_row *task;
	VEC(struct task_storage) more;
};

static void lost(struct complete *c, struct err *e)
{
	if (walk_is_fatal(e) && !c->t->fatal) {
		c->t->fatal = e;
		return;
	}
	c->lost++;
	if (!c->why)
		c->why = pool_printf(&c->t->w->r->pool, "%s", e->msg);
	err_free(e);
}

/* Of which of the maps it is a value that the task has not got yet; SIZE_MAX. */
static size_t wanted_map(const struct task_list *tl, uint64_t smap)
{
	const struct report *r = tl->c->t->w->r;
	const struct task_extra *x = &tl->task->x;

	for (size_t i = 0; i < tl->c->nr_maps; i++) {
		size_t m = tl->c->maps[i];

		if (r->maps.data[m].kva.v - tl->c->l.map.off != smap)
			continue;
		for (size_t j = 0; j < x->nr_storage; j++) {
			if (x->storage[j].map == m)
				return SIZE_MAX;
		}
		return m;
	}
	return SIZE_MAX;
}

static bool take_elem(void *ctx, struct kva node)
{
	struct task_list *tl = ctx;
	struct complete *c = tl->c;
	struct kva elem = { node.v - c->l.snode.off };
	uint64_t smap;
	struct err *e = kget(c->t->k, elem, &c->l.smap, &smap);

	if (e) {
		lost(c, e);
		return !c->t->fatal;
	}
	size_t m = wanted_map(tl, smap);
	if (m == SIZE_MAX)
		return true;

	uint32_t size = c->t->w->r->maps.data[m].value_size;
	if (size > VALUE_MAX || c->bytes + size > BYTES_MAX) {
		c->out_of_bytes = true;
		return true;
	}
	c->bytes += size;
	uint8_t *value = pool_alloc(&c->t->w->r->pool, size);
	struct task_storage *more = vec_push(&tl->more);
	e = value && more ? kread(c->t->k, kmember(elem, &c->l.data), value, size) : &err_nomem;
	if (more)
		*more = (struct task_storage){ .map = m, .value = e ? NULL : value };
	if (e)
		lost(c, e);
	return !c->t->fatal;
}

static int by_map(const void *a, const void *b)
{
	const struct task_storage *x = a, *y = b;

	return x->map < y->map ? -1 : x->map > y->map;
}

static void merge(struct task_list *tl)
{
	struct task_extra *x = &tl->task->x;
	size_t nr = x->nr_storage + tl->more.nr;
	struct task_storage *all = pool_calloc(&tl->c->t->w->r->pool, nr, sizeof(*all));

	if (!all) {
		lost(tl->c, &err_nomem);
		return;
	}
	if (x->nr_storage)
		memcpy(all, x->storage, x->nr_storage * sizeof(*all));
	memcpy(all + x->nr_storage, tl->more.data, tl->more.nr * sizeof(*all));
	qsort(all, nr, sizeof(*all), by_map);
	x->storage = all;
	x->nr_storage = nr;
}

static void complete_task(void *ctx, size_t i)
{
	struct complete *c = ctx;
	struct task_list tl = { .c = c, .task = &c->t->w->r->tasks.data[i] };
	struct err *why = NULL;
	struct kva storage;

	if (c->t->fatal)
		return;
	struct err *e = kget_kva(c->t->k, tl.task->kva, &c->l.bpf_storage, &storage);
	if (!e && storage.v) {
		enum walk_end end = khlist_walk(c->t->k, kmember(storage, &c->l.list), ELEMS_MAX, take_elem,
						&tl, &why);

		if (end != WALK_COMPLETE && end != WALK_STOPPED)
			e = why ? why : err_new(ERR_CORRUPT, "%s", walk_end_text(end));
		else
			err_free(why);
	}
	if (e)
		lost(c, e);
	if (tl.more.nr && !c->t->fatal)
		merge(&tl);
	free(tl.more.data);
}

struct err *task_complete_storage(struct task_walk *t)
{
	struct report *r = t->w->r;
	struct complete c = { .t = t };
	const struct storage_layout *l = &c.l;

	c.maps = pool_calloc(&r->pool, r->maps.nr + 1, sizeof(*c.maps));
	if (!c.maps)
		return &err_nomem;
	for (size_t m = 0; m < r->maps.nr; m++) {
		if (r->maps.data[m].type == TASK_STORAGE && r->maps.data[m].error)
			c.maps[c.nr_maps++] = m;
	}
	if (!c.nr_maps)
		return NULL;
	TRY(klayout(t->k, storage_members, ARRAY_SIZE(storage_members), &c.l, NULL));
	if (!l->bpf_storage.present || !l->list.present || !l->snode.present || !l->smap.present ||
	    !l->data.present || !l->map.present)
		return NULL; /* the maps' own errors say what is missing */

	mem_each(t->k->mem, report_nr_tasks_shown(r), complete_task, &c);
	if (t->fatal)
		return take_ptr(t->fatal);
	if (c.out_of_bytes)
		TRY(report_cut(r, "tasks", false, "task storage beyond %" PRIu64 " MiB", BYTES_MAX >> 20));
	if (c.lost)
		TRY(report_section(r, "tasks", SECTION_NOT_READABLE, "%zu values in task storage; first: %s",
				   c.lost, c.why ? c.why : "?"));
	return NULL;
}
