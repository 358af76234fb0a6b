/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 *	FlatView #2
 *	 AS "memory", root: system
 *	 AS "cpu-memory-0", root: system
 *	 Root memory region: system
 *	  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
 *	  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem
 *	  00000000000c0000-00000000000dffff (prio 0, rom): pc.ram @00000000000c0000
 *
 * A view can have many address spaces; those of the CPUs are called "cpu-memory-N" (and
 * "cpu-smm-N", which is another one), and a CPU that has none of its own uses "memory".
 */
#include "config.h"

#include "target/mtree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vec.h"

enum { MAX_RANGES = 65536 };

struct ranges {
	struct ram_range *data;
	size_t nr, room;
};

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

static bool starts(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

/* The line after "FlatView" of the view that has this address space, or NULL. */
static const char *find_view(const char *text, const char *space)
{
	const char *view = NULL;

	for (const char *line = text; *line; line = next_line(line)) {
		if (starts(line, "FlatView"))
			view = next_line(line);
		else if (view && starts(line, space))
			return view;
	}
	return NULL;
}

static bool is_memory(const char *kind)
{
	static const char *const kinds[] = { "ram", "rom", "nv-ram", "nv-rom" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kind, kinds[i]))
			return true;
	}
	return false;
}

/* One line of a view; other lines are passed over. */
static struct err *add_line(struct ranges *to, const char *line)
{
	uint64_t first, last;
	char kind[16];

	if (sscanf(line, " %16" SCNx64 "-%16" SCNx64 " (prio %*d, %15[^)])", &first, &last, kind) != 3 ||
	    !is_memory(kind))
		return NULL;
	/* A last page at the very top would end at 0; no machine has RAM there. */
	if (last < first || last >= UINT64_MAX - PAGE_SIZE)
		return err_new(ERR_CORRUPT, "RAM from %#" PRIx64 " to %#" PRIx64, first, last);

	uint64_t start = align_up(first, PAGE_SIZE), end = align_down(last + 1, PAGE_SIZE);
	if (start >= end)
		return NULL;
	if (to->nr == MAX_RANGES)
		return err_new(ERR_LIMIT, "more than %d ranges", MAX_RANGES);
	struct ram_range *r = vec_push(to);
	if (!r)
		return &err_nomem;
	*r = (struct ram_range){ start, end };
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct ram_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void merge(struct ranges *r)
{
	size_t n = 0;

	qsort(r->data, r->nr, sizeof(*r->data), by_start);
	for (size_t i = 0; i < r->nr; i++) {
		if (n && r->data[i].start <= r->data[n - 1].end)
			r->data[n - 1].end = MAX(r->data[n - 1].end, r->data[i].end);
		else
			r->data[n++] = r->data[i];
	}
	r->nr = n;
}

struct err *mtree_ram(const char *text, struct ram_range **ret, size_t *ret_nr)
{
	struct ranges ranges = { 0 };
	const char *view = find_view(text, " AS \"cpu-memory-0\"");
	struct err *e = NULL;

	if (!view)
		view = find_view(text, " AS \"memory\"");
	if (!view)
		return err_new(ERR_MISSING, "info mtree: no address space of a CPU");
	for (const char *line = view; !e && *line && !starts(line, "FlatView");
	     line = next_line(line))
		e = add_line(&ranges, line);
	if (!e && !ranges.nr)
		e = err_new(ERR_MISSING, "no RAM");
	if (e) {
		free(ranges.data);
		return err_prefix(e, "info mtree");
	}
	merge(&ranges);
	*ret = ranges.data;
	*ret_nr = ranges.nr;
	return NULL;
}
