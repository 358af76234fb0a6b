/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What values of maps have in an arena: the payload behind a struct sdt_data __arena *, and of task storage
 * the task's object, found by its address or else by its element's id.
 */
#include "config.h"

#include "walk/arena.h"

#include "btf/size.h"

/* What one value tells. */
struct lead {
	const struct report *r;
	const struct map_row *map;

	struct sdt_slot *slot;
	const struct sdt_alloc_row *alloc;
	bool as_data;	    /* the pointer to it is one to struct sdt_data */
	bool has_id;
	int32_t idx, genn;
	uint64_t object;    /* a typed pointer into the arena; 0: none */
	const char *type_name;
};

static void on_address(struct lead *l, const struct value_site *site)
{
	uint64_t addr = get_le64(site->data);
	const struct sdt_alloc_row *alloc;
	uint32_t off, type = value_pointee(site->types, site->type, NULL);
	const char *name = types_name(site->types, type);

	if (!addr || !arena_has(l->map->own_arena->arena, addr))
		return;
	const struct sdt_slot *slot = sdt_find(l->r, l->map->own_arena, addr, &alloc, &off);
	bool as_data = !strcmp(name, "sdt_data");
	if (slot && (!l->slot || (as_data && !l->as_data))) {
		l->slot = (struct sdt_slot *)slot;
		l->alloc = alloc;
		l->as_data = as_data;
	}
	if (!slot && type && !l->object && !sdt_is_library(name)) {
		l->object = arena_user_addr(l->map->own_arena->arena, addr);
		l->type_name = name;
	}
}

static struct err *on_site(void *ctx, const struct value_site *site, bool *into)
{
	struct lead *l = ctx;
	const char *name = types_name(site->types, site->type);

	(void)into;
	if (!strcmp(name, "sdt_id") && site->len >= 8) {
		l->has_id = true;
		l->idx = (int32_t)get_le32(site->data);
		l->genn = (int32_t)get_le32(site->data + 4);
	} else if (!*name && site->len >= POINTER_SIZE && value_pointee(site->types, site->type, NULL)) {
		on_address(l, site);
	}
	return NULL;
}

/* The one slot with this id among the allocators of the map's program. */
static void find_by_id(struct lead *l)
{
	size_t nr = 0;

	for (size_t i = 0; i < l->r->sdt_allocs.nr; i++) {
		const struct sdt_alloc_row *row = &l->r->sdt_allocs.data[i];

		if (row->types != l->map->types || row->arena_id != l->map->own_arena->id)
			continue;
		for (size_t j = 0; j < row->nr; j++) {
			if (row->slots[j].unreadable || row->slots[j].idx != l->idx ||
			    row->slots[j].genn != l->genn)
				continue;
			l->slot = &row->slots[j];
			l->alloc = row;
			nr++;
		}
	}
	if (nr != 1)
		l->slot = NULL;
}

static struct err *add_payload(struct report *r, struct map_entry *entry, const struct lead *l)
{
	struct map_payload *p = pool_alloc(&r->pool, sizeof(*p));

	if (!p)
		return &err_nomem;
	*p = (struct map_payload){ l->alloc->type, l->slot->data, l->slot->len };
	entry->payload = p;
	return NULL;
}

static struct err *add_task(struct report *r, const struct map_row *m, const struct map_entry *entry,
			    const struct lead *l)
{
	struct task_object *row = vec_push(&r->task_objects);

	if (!row)
		return &err_nomem;
	*row = (struct task_object){ .task = entry->owner, .map_id = m->id, .arena_id = m->own_arena->id };
	if (!l->slot) {
		row->user_addr = l->object;
		row->type_name = l->type_name;
		return NULL;
	}
	row->user_addr = l->slot->user_addr;
	row->allocator = l->alloc->name;
	row->idx = l->slot->idx;
	row->type_name = l->alloc->type_name;
	if (!l->slot->task)
		l->slot->task = entry->owner;
	return NULL;
}

static struct err *walk_entry(struct report *r, const struct map_row *m, struct map_entry *entry)
{
	bool is_task = entry->owner && entry->owner->kind == OWNER_TASK;
	struct lead l = { .r = r, .map = m };
	struct value_scan scan = { .site = on_site, .ctx = &l, .budget = ARENA_SCAN_PARTS };
	bool by_id = false;

	if (!entry->value)
		return NULL;
	TRY(value_scan(&scan, m->types, m->value_type, entry->value, m->value_size));
	if (!l.slot && !l.object && l.has_id) {
		find_by_id(&l);
		by_id = true;
	}
	if (l.slot && l.as_data && l.slot->data)
		TRY(add_payload(r, entry, &l));
	if (!is_task || (!l.slot && !l.object))
		return NULL;
	TRY(add_task(r, m, entry, &l));
	r->task_objects.data[r->task_objects.nr - 1].by_id = by_id;
	return NULL;
}

struct err *arena_tasks(struct walk *w)
{
	struct report *r = w->r;

	for (size_t i = 0; i < r->maps.nr; i++) {
		const struct map_row *m = &r->maps.data[i];

		if (m->body != MAP_BODY_ENTRIES || !m->types || !m->value_type || !m->own_arena ||
		    !m->own_arena->arena)
			continue;
		for (size_t j = 0; j < m->nr_entries; j++)
			TRY(walk_entry(r, m, &m->entries[j]));
	}
	return NULL;
}
