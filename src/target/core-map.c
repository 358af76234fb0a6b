/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/core-map.h"

#include <stdlib.h>

void core_map_deinit(struct core_map *map)
{
	free(map->extents.data);
	*map = (struct core_map){ 0 };
}

struct err *core_map_add(struct core_map *map, uint64_t gpa, uint64_t len, uint64_t offset,
			 uint64_t size)
{
	uint64_t end, file_end;

	if (add_overflows(offset, len, &file_end))
		return err_new(ERR_FORMAT,
			       "damaged: a segment lies at offset %#llx of the file and is %#llx long",
			       (unsigned long long)offset, (unsigned long long)len);
	if (file_end > size)
		return err_new(ERR_FORMAT, "truncated: needs %llu bytes, has %llu",
			       (unsigned long long)file_end, (unsigned long long)size);
	/* The top page is left out, so that addresses never wrap when rounded up. */
	if (add_overflows(gpa, len, &end) || end > ~(uint64_t)0 - PAGE_SIZE)
		return err_new(ERR_FORMAT, "damaged: a segment at %#llx of memory is %#llx long",
			       (unsigned long long)gpa, (unsigned long long)len);

	uint64_t start = align_up(gpa, PAGE_SIZE);
	end = align_down(end, PAGE_SIZE);
	if (start >= end)
		return NULL;
	struct core_extent *x = vec_push(&map->extents);
	if (!x)
		return &err_nomem;
	*x = (struct core_extent){ start, end, offset + (start - gpa) };
	return NULL;
}

static int cmp_extent(const void *a, const void *b)
{
	const struct core_extent *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

void core_map_finish(struct core_map *map)
{
	struct core_extent *x = map->extents.data;
	size_t nr = 0;

	if (!map->extents.nr)
		return;
	qsort(x, map->extents.nr, sizeof(*x), cmp_extent);
	for (size_t i = 0; i < map->extents.nr; i++) {
		struct core_extent add = x[i];
		struct core_extent *last = nr ? &x[nr - 1] : NULL;

		/* All below the highest end so far is covered, as starts ascend. */
		if (last && add.start < last->end) {
			if (add.end <= last->end)
				continue;
			add.offset += last->end - add.start;
			add.start = last->end;
		}
		if (last && last->end == add.start &&
		    last->offset + (last->end - last->start) == add.offset)
			last->end = add.end;
		else
			x[nr++] = add;
	}
	map->extents.nr = nr;
}

struct err *core_map_ram(const struct core_map *map, struct ram_range **ret, size_t *nr)
{
	const struct core_extent *x = map->extents.data;
	struct ram_range *ram = calloc(map->extents.nr + 1, sizeof(*ram));
	size_t n = 0;

	if (!ram)
		return &err_nomem;
	for (size_t i = 0; i < map->extents.nr; i++) {
		if (n && ram[n - 1].end == x[i].start)
			ram[n - 1].end = x[i].end;
		else
			ram[n++] = (struct ram_range){ x[i].start, x[i].end };
	}
	*ret = ram;
	*nr = n;
	return NULL;
}

const struct core_extent *core_map_find(const struct core_map *map, uint64_t gpa)
{
	size_t low = 0, high = map->extents.nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (map->extents.data[mid].end <= gpa)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == map->extents.nr || map->extents.data[low].start > gpa)
		return NULL;
	return &map->extents.data[low];
}
