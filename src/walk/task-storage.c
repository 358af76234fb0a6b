/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Joins tasks with what BPF programs keep for them: the values in TASK_STORAGE maps that were collected. */
#include "config.h"

#include "walk/tasks.h"

/* The rows of one task stand together: maps are looked through in the same order twice, first to count. */
static void each_entry(struct report *r, void (*fn)(struct task_row *task, size_t map, size_t entry))
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
				fn(task, m, i);
		}
	}
}

static void count(struct task_row *task, size_t map, size_t entry)
{
	(void)map;
	(void)entry;
	task->x.nr_storage++;
}

static void enter(struct task_row *task, size_t map, size_t entry)
{
	task->x.storage[task->x.nr_storage++] = (struct task_storage){ map, entry };
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
