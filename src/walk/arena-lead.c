/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/arena-lead.h"

#include <bpf/btf.h>

#include "base/cleanup.h"
#include "btf/size.h"
#include "walk/sdt.h"

static void on_address(struct arena_lead *l, const struct value_site *site)
{
	uint64_t addr = get_le64(site->data);
	const struct map_row *arena = l->map->own_arena;
	const struct sdt_alloc_row *alloc;
	uint32_t off, type = value_pointee(site->types, site->type, NULL);
	const char *name = types_name(site->types, type);

	if (!addr || !arena_has(arena->arena, addr))
		return;
	const struct sdt_slot *slot = sdt_find(l->r, arena, addr, &alloc, &off);
	/* Newer libraries have void pointers to payloads. */
	bool as_data = !type || !strcmp(name, "sdt_data");
	if (slot && (!l->slot || (as_data && !l->as_data))) {
		l->slot = (struct sdt_slot *)slot;
		l->alloc = alloc;
		l->as_data = as_data;
	}
	if (!slot && type && !l->object && !sdt_is_library(name)) {
		l->object = arena_user_addr(arena->arena, addr);
		l->type_name = name;
	}
}

static struct err *on_site(void *ctx, const struct value_site *site, bool *into)
{
	struct arena_lead *l = ctx;
	const struct btf_type *t = types_get(site->types, site->type);

	(void)into;
	if (t && btf_is_ptr(t)) {
		if (site->len >= POINTER_SIZE)
			on_address(l, site);
	} else if (!strcmp(types_name(site->types, site->type), "sdt_id") && site->len >= 8) {
		l->has_id = true;
		l->idx = (int32_t)get_le32(site->data);
		l->genn = (int32_t)get_le32(site->data + 4);
	}
	return NULL;
}

/* The slot at this place of the tree; they are in its order. */
static struct sdt_slot *slot_at(const struct sdt_alloc_row *row, uint32_t position)
{
	size_t low = 0, high = row->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (row->slots[mid].position == position)
			return &row->slots[mid];
		if (row->slots[mid].position < position)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The one slot with this id among the allocators of the map's program. */
static struct err *find_by_id(struct walk *w, struct arena_lead *l)
{
	const struct map_row *arena = l->map->own_arena;
	size_t nr = 0;

	for (size_t i = 0; i < l->r->sdt_allocs.nr; i++) {
		struct sdt_alloc_row *row = &w->r->sdt_allocs.data[i];

		if (row->types != l->map->types || row->arena_id != arena->id)
			continue;
		struct sdt_slot *slot = slot_at(row, (uint32_t)l->idx);
		if (!slot)
			continue;
		TRY(sdt_read_slots(w, arena, row, &slot, 1));
		if (slot->unreadable || slot->idx != l->idx || slot->genn != l->genn)
			continue;
		l->slot = slot;
		l->alloc = row;
		nr++;
	}
	if (nr != 1)
		l->slot = NULL;
	l->by_id = l->slot;
	return NULL;
}

bool arena_leads_from(const struct map_row *m)
{
	return m->types && m->value_type && m->own_arena && m->own_arena->arena;
}

struct err *arena_lead(struct walk *w, const struct map_row *m, const uint8_t *value, struct arena_lead *ret)
{
	struct value_scan scan = { .site = on_site, .ctx = ret, .budget = ARENA_SCAN_PARTS };

	*ret = (struct arena_lead){ .r = w->r, .map = m };
	if (!value || !arena_leads_from(m))
		return NULL;
	TRY(value_scan(&scan, m->types, m->value_type, value, m->value_size));
	return !ret->slot && !ret->object && ret->has_id ? find_by_id(w, ret) : NULL;
}

struct err *arena_read_leads(struct walk *w, const struct arena_lead *leads, size_t nr)
{
	_cleanup_free_ struct sdt_slot **slots = calloc(nr + 1, sizeof(*slots));

	if (!slots)
		return &err_nomem;
	for (size_t a = 0; a < w->r->sdt_allocs.nr; a++) {
		struct sdt_alloc_row *row = &w->r->sdt_allocs.data[a];
		const struct map_row *arena = NULL;
		size_t n = 0;

		for (size_t i = 0; i < nr; i++) {
			if (!leads[i].slot || leads[i].alloc != row)
				continue;
			slots[n++] = leads[i].slot;
			arena = leads[i].map->own_arena;
		}
		if (n)
			TRY(sdt_read_slots(w, arena, row, slots, n));
	}
	return NULL;
}

struct err *arena_lead_payload(struct report *r, const struct arena_lead *l, const struct map_payload **ret)
{
	*ret = NULL;
	if (!l->slot || !l->slot->data)
		return NULL;
	struct map_payload *p = pool_alloc(&r->pool, sizeof(*p));
	if (!p)
		return &err_nomem;
	/* The map's types are what it is shown by. */
	*p = (struct map_payload){ l->alloc->types == l->map->types ? l->alloc->type : 0, l->slot->data, l->slot->len };
	*ret = p;
	return NULL;
}
