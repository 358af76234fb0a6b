/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What values of maps have in an arena: the payload behind a struct sdt_data __arena *, and of storage maps
 * the owner's object, found by its address or else by its element's id.
 */
#include "config.h"

#include "walk/arena-lead.h"

#include "base/cleanup.h"
#include "walk/sdt.h"

struct err *arena_add_task(struct report *r, const struct map_owner *owner, const struct arena_lead *l)
{
	if (!l->slot && !l->object)
		return NULL;
	struct task_object *row = vec_push(&r->task_objects);

	if (!row)
		return &err_nomem;
	*row = (struct task_object){ .task = owner, .map_id = l->map->id, .arena_id = l->map->own_arena->id,
				     .by_id = l->by_id };
	if (!l->slot) {
		row->user_addr = l->object;
		row->type_name = l->type_name;
		return NULL;
	}
	row->user_addr = l->slot->user_addr;
	row->allocator = l->alloc->name;
	row->idx = l->slot->idx;
	row->type_name = l->alloc->type_name;
	return NULL;
}

static struct err *take_entry(struct report *r, struct map_entry *entry, const struct arena_lead *l)
{
	const struct map_owner *owner = entry->owner;

	if (l->slot && l->as_data)
		TRY(arena_lead_payload(r, l, &entry->payload));
	if (l->slot && owner && !l->slot->owner)
		l->slot->owner = owner;
	return owner && owner->kind == OWNER_TASK ? arena_add_task(r, owner, l) : NULL;
}

enum { BATCH = 4096 };

static struct err *walk_map(struct walk *w, const struct map_row *m)
{
	_cleanup_free_ struct arena_lead *leads = calloc(BATCH, sizeof(*leads));

	if (!leads)
		return &err_nomem;
	for (size_t done = 0; done < m->nr_entries; done += BATCH) {
		struct map_entry *entries = m->entries + done;
		size_t nr = MIN(m->nr_entries - done, (size_t)BATCH);

		for (size_t i = 0; i < nr; i++)
			TRY(arena_lead(w, m, entries[i].value, &leads[i]));
		TRY(arena_read_leads(w, leads, nr));
		for (size_t i = 0; i < nr; i++)
			TRY(take_entry(w->r, &entries[i], &leads[i]));
	}
	return NULL;
}

struct err *arena_tasks(struct walk *w)
{
	for (size_t i = 0; i < w->r->maps.nr; i++) {
		const struct map_row *m = &w->r->maps.data[i];

		if (m->body == MAP_BODY_ENTRIES && arena_leads_from(m))
			TRY(walk_map(w, m));
	}
	return NULL;
}
