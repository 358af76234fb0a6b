/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/arena.h"

#include "target/mem.h"

enum { ARENA = 33 }; /* BPF_MAP_TYPE_ARENA */

/* Pages to be read, and where the kernel has them. */
struct page_list {
	VEC(struct arena_page *) pages;
	VEC(struct krange) ranges;
};

bool arena_has(const struct arena_body *a, uint64_t addr)
{
	if (!a->kern_vm_start)
		return false;
	return (a->user_vm_start && addr - a->user_vm_start < ARENA_WINDOW) ||
	       addr - a->kern_vm_start < ARENA_WINDOW;
}

uint64_t arena_user_addr(const struct arena_body *a, uint64_t addr)
{
	/* The kernel's window begins at a low half of 0, user space's need not. */
	if (a->kern_vm_start && addr - a->kern_vm_start < ARENA_WINDOW)
		addr -= a->kern_vm_start;
	return a->user_vm_start + (uint32_t)(addr - a->user_vm_start);
}

const struct arena_page *arena_page(const struct arena_body *a, uint64_t addr)
{
	uint64_t want = arena_user_addr(a, addr) & ~(uint64_t)(PAGE_SIZE - 1);
	size_t low = 0, high = a->nr_pages;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (a->pages[mid].user_addr == want)
			return &a->pages[mid];
		if (a->pages[mid].user_addr < want)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Whether the page of this address would follow all that are listed. */
static bool is_past(const struct arena_body *a, uint64_t addr)
{
	return !a->nr_pages || arena_user_addr(a, addr) > a->pages[a->nr_pages - 1].user_addr;
}

bool arena_not_kept(const struct arena_body *a, uint64_t addr, size_t len)
{
	uint64_t in_page = addr & (PAGE_SIZE - 1);

	for (uint64_t off = 0; off < in_page + len; off += PAGE_SIZE) {
		const struct arena_page *p = arena_page(a, addr - in_page + off);

		/* Past the end of a list that was cut nobody knows which pages there are. */
		if (p ? p->not_kept : a->mapped_pages > a->nr_pages && is_past(a, addr - in_page + off))
			return true;
	}
	return false;
}

struct err *arena_bytes(const struct arena_body *a, uint64_t addr, size_t len, struct pool *pool,
			const uint8_t **ret, size_t *ret_len)
{
	size_t at = addr & (PAGE_SIZE - 1), done = 0;
	uint8_t *copy = NULL;

	*ret = NULL;
	*ret_len = 0;
	while (done < len) {
		const struct arena_page *p = arena_page(a, addr + done);
		size_t n = MIN(len - done, PAGE_SIZE - at);

		if (!p || !p->bytes)
			break;
		if (n == len) {
			*ret = p->bytes + at;
			*ret_len = len;
			return NULL;
		}
		if (!copy)
			copy = pool_alloc(pool, len);
		if (!copy)
			return &err_nomem;
		memcpy(copy + done, p->bytes + at, n);
		done += n;
		at = 0;
	}
	*ret = copy;
	*ret_len = done;
	return NULL;
}

static struct err *add_pages(const struct arena_body *a, const struct arena_range *range, struct page_list *list)
{
	uint64_t first = range->addr & ~(uint64_t)(PAGE_SIZE - 1), end;

	if (!range->len || add_overflows(range->addr, (uint64_t)range->len, &end))
		return NULL;
	for (uint64_t at = first; at < end && arena_has(a, at); at += PAGE_SIZE) {
		struct arena_page *p = (struct arena_page *)arena_page(a, at);

		if (!p || !p->unread)
			continue;
		p->unread = false; /* each is tried once */
		struct arena_page **page = vec_push(&list->pages);
		struct krange *r = vec_push(&list->ranges);
		if (!page || !r)
			return &err_nomem;
		*page = p;
		*r = (struct krange){ { a->kern_vm_start + (uint32_t)p->user_addr }, PAGE_SIZE };
	}
	return NULL;
}

static struct err *read_pages(struct kernel *k, struct page_list *list)
{
	kprefetch(k, list->ranges.data, list->ranges.nr);
	for (size_t i = 0; i < list->pages.nr; i++) {
		struct gpa pa;
		struct err *e = ktranslate(k, list->ranges.data[i].addr, &pa);

		if (!e)
			e = mem_page(k->mem, pa, &list->pages.data[i]->bytes);
		if (walk_is_fatal(e))
			return e;
		err_free(e); /* unreadable: no bytes */
	}
	return NULL;
}

struct err *arena_fetch(struct walk *w, const struct map_row *arena, const struct arena_range *ranges, size_t nr)
{
	struct page_list list = { 0 };
	struct err *e = NULL;

	if (!arena->arena->looked_into)
		return NULL;
	for (size_t i = 0; i < nr && !e; i++)
		e = add_pages(arena->arena, &ranges[i], &list);
	if (!e && list.pages.nr)
		e = read_pages(w->k, &list);
	free(list.pages.data);
	free(list.ranges.data);
	return e;
}

/* Rows are by id, those that nobody asked for as well. */
static struct map_row *search(struct map_row *rows, size_t nr, uint32_t id)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (rows[mid].id == id)
			return &rows[mid];
		if (rows[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static struct map_row *row_by_id(struct report *r, uint32_t id)
{
	size_t shown = report_nr_maps_shown(r);
	struct map_row *row = search(r->maps.data, shown, id);

	return row ? row : search(r->maps.data + shown, r->nr_maps_aside, id);
}

/* A program has one arena at most. */
static const struct map_row *prog_arena(struct report *r, const struct prog_row *p)
{
	for (size_t i = 0; i < p->nr_maps; i++) {
		const struct map_row *row = row_by_id(r, p->map_ids[i]);

		if (row && row->type == ARENA)
			return row;
	}
	return NULL;
}

/* The arena of the scheduler that uses a map; NULL: it has none, or several, or no scheduler uses the map. */
static const struct map_row *sched_arena(const struct report *r, const struct map_row *row)
{
	const struct map_row *found = NULL;
	size_t nr = 0;

	for (size_t i = 0; row->sched && i < r->maps.nr; i++) {
		if (r->maps.data[i].type != ARENA || r->maps.data[i].sched != row->sched)
			continue;
		found = &r->maps.data[i];
		nr++;
	}
	return nr == 1 ? found : NULL;
}

static const uint32_t SEVERAL = UINT32_MAX; /* arenas it is used with: none of them */

static void assign(struct map_row *row, const struct map_row *arena)
{
	if (row->type == ARENA)
		return;
	row->own_arena_id = !row->own_arena_id || row->own_arena_id == arena->id ? arena->id : SEVERAL;
}

void arena_assign(struct report *r, const struct report *progs)
{
	const struct map_row *only = NULL;
	size_t nr = 0;

	for (size_t i = 0; i < r->maps.nr; i++) {
		struct map_row *row = &r->maps.data[i];

		row->own_arena_id = 0;
		if (row->type != ARENA)
			continue;
		row->own_arena_id = row->id;
		only = row;
		nr++;
	}
	for (size_t i = 0; i < progs->progs.nr; i++) {
		const struct prog_row *p = &progs->progs.data[i];
		const struct map_row *arena = prog_arena(r, p);

		for (size_t j = 0; arena && j < p->nr_maps; j++) {
			struct map_row *row = row_by_id(r, p->map_ids[j]);

			if (row)
				assign(row, arena);
		}
	}
	for (size_t i = 0; i < r->maps.nr; i++) {
		struct map_row *row = &r->maps.data[i];
		const struct map_row *arena = nr == 1 ? only : sched_arena(r, row);

		if (row->own_arena_id == SEVERAL)
			row->own_arena_id = 0;
		else if (!row->own_arena_id && arena)
			row->own_arena_id = arena->id;
	}
	arena_link(r);
}

struct err *arena_assign_quietly(struct walk *w)
{
	struct report *quiet;

	TRY(report_create(&quiet));
	struct walk progs = { .k = w->k, .r = quiet, .opts = w->opts };
	struct err *e = walk_progs(&progs);
	arena_assign(w->r, quiet);
	report_destroy(quiet);
	if (walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

void arena_link(struct report *r)
{
	for (size_t i = 0; i < r->maps.nr; i++) {
		struct map_row *row = &r->maps.data[i];

		row->own_arena = row->own_arena_id ? row_by_id(r, row->own_arena_id) : NULL;
	}
	struct map_row *view = &r->view.row;
	view->own_arena = view->own_arena_id ? row_by_id(r, view->own_arena_id) : NULL;
}
