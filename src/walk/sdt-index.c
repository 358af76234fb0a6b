/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/arena.h"

static int compare(const void *a, const void *b)
{
	const struct sdt_ref *x = a, *y = b;

	if (x->arena_id != y->arena_id)
		return x->arena_id < y->arena_id ? -1 : 1;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	/* A tree that has a slot twice: the first one counts. */
	if (x->alloc != y->alloc)
		return x->alloc < y->alloc ? -1 : 1;
	return x->slot < y->slot ? -1 : 1;
}

struct err *sdt_index(struct report *r)
{
	size_t nr = 0;

	for (size_t i = 0; i < r->sdt_allocs.nr; i++)
		nr += r->sdt_allocs.data[i].nr;
	r->nr_sdt_index = 0;
	r->sdt_index = pool_calloc(&r->pool, nr, sizeof(*r->sdt_index));
	if (!r->sdt_index)
		return &err_nomem;
	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		const struct sdt_alloc_row *row = &r->sdt_allocs.data[i];

		for (size_t j = 0; j < row->nr; j++)
			r->sdt_index[r->nr_sdt_index++] = (struct sdt_ref){
				row->arena_id, (uint32_t)row->slots[j].user_addr, (uint32_t)i, (uint32_t)j
			};
	}
	qsort(r->sdt_index, nr, sizeof(*r->sdt_index), compare);
	return NULL;
}

const struct sdt_slot *sdt_find(const struct report *r, const struct map_row *arena, uint64_t addr,
				const struct sdt_alloc_row **alloc, uint32_t *off)
{
	uint32_t low = (uint32_t)arena_user_addr(arena->arena, addr);
	size_t first = 0, end = r->nr_sdt_index;

	/* The first one that begins after the address. */
	while (first < end) {
		size_t mid = first + (end - first) / 2;
		const struct sdt_ref *ref = &r->sdt_index[mid];

		if (ref->arena_id < arena->id || (ref->arena_id == arena->id && ref->low <= low))
			first = mid + 1;
		else
			end = mid;
	}
	while (first-- > 0) {
		const struct sdt_ref *ref = &r->sdt_index[first];
		const struct sdt_alloc_row *row = &r->sdt_allocs.data[ref->alloc];
		bool again = first && r->sdt_index[first - 1].arena_id == arena->id &&
			     r->sdt_index[first - 1].low == ref->low;

		if (ref->arena_id != arena->id)
			return NULL;
		*off = low - ref->low;
		if (again)
			continue;
		if (*off && *off != row->header)
			return NULL;
		*alloc = row;
		return &row->slots[ref->slot];
	}
	return NULL;
}

/* The last element that begins at or before it; UINT32_MAX: none. */
static uint32_t freed_before(const struct sdt_alloc_row *row, uint32_t low)
{
	size_t first = 0, end = row->nr_freed;

	while (first < end) {
		size_t mid = first + (end - first) / 2;

		if (row->freed[mid] <= low)
			first = mid + 1;
		else
			end = mid;
	}
	return first ? row->freed[first - 1] : UINT32_MAX;
}

const struct sdt_alloc_row *sdt_find_freed(const struct report *r, const struct map_row *arena, uint64_t addr,
					   uint32_t *off)
{
	uint32_t low = (uint32_t)arena_user_addr(arena->arena, addr);

	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		const struct sdt_alloc_row *row = &r->sdt_allocs.data[i];
		uint32_t start = row->arena_id == arena->id ? freed_before(row, low) : UINT32_MAX;
		const struct sdt_alloc_row *live;

		if (start > low || low - start >= row->elem_size)
			continue;
		/* A tree that has an element twice: live counts. */
		if (sdt_find(r, arena, start, &live, off))
			continue;
		*off = low - start;
		return row;
	}
	return NULL;
}
