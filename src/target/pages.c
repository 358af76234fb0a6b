/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/pages.h"

#include <stdlib.h>

#include "target/target.h"

enum { SLAB_PAGES = 256, FIRST_ROOM = 1024 };

struct slab {
	struct slab *next;
	uint8_t *data;
};

void pages_deinit(struct pages *p)
{
	for (struct slab *s = p->slabs, *next; s; s = next) {
		next = s->next;
		free(s->data);
		free(s);
	}
	free(p->table);
	*p = (struct pages){ 0 };
}

/* The slot of this frame, or the free one where it would go. */
static struct page *slot(struct page *table, size_t room, uint64_t frame)
{
	/* Neighbouring frames must not pile up in neighbouring slots: Fibonacci hashing. */
	size_t i = (size_t)((frame * 0x9e3779b97f4a7c15ULL) >> 20) & (room - 1);

	while (table[i].used && table[i].frame != frame)
		i = (i + 1) & (room - 1);
	return &table[i];
}

struct page *pages_find(const struct pages *p, uint64_t frame)
{
	if (!p->room)
		return NULL;
	struct page *page = slot(p->table, p->room, frame);
	return page->used ? page : NULL;
}

static bool grow(struct pages *p)
{
	size_t room = p->room ? p->room * 2 : FIRST_ROOM;
	struct page *table = calloc(room, sizeof(*table));

	if (!table)
		return false;
	for (size_t i = 0; i < p->room; i++) {
		if (p->table[i].used)
			*slot(table, room, p->table[i].frame) = p->table[i];
	}
	free(p->table);
	p->table = table;
	p->room = room;
	return true;
}

struct page *pages_add(struct pages *p, uint64_t frame)
{
	struct page *page = pages_find(p, frame);

	if (page)
		return page;
	if (p->nr >= p->room / 2 && !grow(p))
		return NULL;
	page = slot(p->table, p->room, frame);
	*page = (struct page){ .frame = frame, .used = true };
	p->nr++;
	return page;
}

uint8_t *pages_alloc(struct pages *p, size_t nr, size_t *got)
{
	if (nr == 1 && p->spare) {
		uint8_t *page = p->spare;

		memcpy(&p->spare, page, sizeof(p->spare));
		*got = 1;
		return page;
	}
	if (!p->slabs || p->slab_used == SLAB_PAGES) {
		struct slab *s = malloc(sizeof(*s));

		if (!s)
			return NULL;
		s->data = malloc((size_t)SLAB_PAGES * PAGE_SIZE);
		if (!s->data) {
			free(s);
			return NULL;
		}
		s->next = p->slabs;
		p->slabs = s;
		p->slab_used = 0;
	}

	uint8_t *pages = p->slabs->data + p->slab_used * PAGE_SIZE;
	*got = MIN(nr, SLAB_PAGES - p->slab_used);
	p->slab_used += *got;
	return pages;
}

void pages_give_back(struct pages *p, uint8_t *page)
{
	memcpy(page, &p->spare, sizeof(p->spare));
	p->spare = page;
}
