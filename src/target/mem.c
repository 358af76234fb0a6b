/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/mem.h"

#include <stdlib.h>

#include "base/vec.h"
#include "target/fiber.h"
#include "target/pages.h"

enum {
	WINDOW = 256,	 /* fibers alive at one time */
	READ_PAGES = 16, /* in one read: what the packets of a new QEMU take */
};

/* A guest can be walked in circles through all of its memory; the host's must outlive that. */
static const uint64_t DEFAULT_LIMIT = 4ULL << 30;
/*
 * Nor may a guest stand still because of what lies in it: each walk has its own limits, and this one ends
 * what their products may come to, within a minute or so.  Reports take some ten million.
 */
static const uint64_t DEFAULT_LOOKUPS = 1ULL << 30;

struct mem {
	struct target *t;
	struct pages pages;
	struct fiber_sched *sched;
	struct mem_stats stats;
	uint64_t limit, lookups;
	VEC(uint64_t) wanted; /* frames of the next batch */
	VEC(struct target_read) reads;
	struct err *dead; /* why no read will work any more */
	bool frozen;
};

static void fetch_wanted(struct mem *mem);

static void fetch_for_fibers(void *ctx)
{
	fetch_wanted(ctx);
}

struct err *mem_create(struct target *t, struct mem **ret)
{
	struct mem *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return &err_nomem;
	struct err *e = fiber_sched_create(WINDOW, fetch_for_fibers, mem, &mem->sched);
	if (e) {
		free(mem);
		return e;
	}
	mem->t = t;
	mem_set_limits(mem, DEFAULT_LIMIT, DEFAULT_LOOKUPS);
	*ret = mem;
	return NULL;
}

void mem_destroy(struct mem *mem)
{
	if (!mem)
		return;
	fiber_sched_destroy(mem->sched);
	pages_deinit(&mem->pages);
	free(mem->wanted.data);
	free(mem->reads.data);
	err_free(mem->dead);
	free(mem);
}

void mem_set_limits(struct mem *mem, uint64_t bytes, uint64_t lookups)
{
	mem->limit = bytes;
	mem->lookups = lookups;
}

void mem_freeze(struct mem *mem)
{
	mem->frozen = true;
}

void mem_get_stats(const struct mem *mem, struct mem_stats *ret)
{
	*ret = mem->stats;
}

static void die(struct mem *mem, struct err *e)
{
	if (mem->dead)
		err_free(e);
	else
		mem->dead = e;
}

static int cmp_frame(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool push_read(struct mem *mem, uint64_t frame, size_t nr, uint8_t *buf)
{
	struct target_read *r = vec_push(&mem->reads);

	if (!r)
		return false;
	r->addr.v = frame << PAGE_SHIFT;
	r->len = (uint32_t)nr * PAGE_SIZE;
	r->buf = buf;
	return true;
}

/* Adjoining frames become one read, as far as one slab and READ_PAGES go. */
static struct err *plan_reads(struct mem *mem)
{
	const uint64_t *w = mem->wanted.data;
	size_t nr = mem->wanted.nr;

	mem->reads.nr = 0;
	for (size_t i = 0, run; i < nr; i += run) {
		for (run = 1; run < READ_PAGES && i + run < nr && w[i + run] == w[i] + run;)
			run++;
		uint8_t *buf = pages_alloc(&mem->pages, run, &run);
		if (!buf || !push_read(mem, w[i], run, buf))
			return &err_nomem; /* the slabs still own buf */
	}
	return NULL;
}

/* Sends the reads [first, ...) as one batch. */
static struct err *send_reads(struct mem *mem, size_t first)
{
	mem->stats.batches++;
	return mem->t->ops->read(mem->t, mem->reads.data + first, mem->reads.nr - first);
}

static void settle(struct mem *mem, const struct target_read *r)
{
	for (size_t i = 0; i < r->len / PAGE_SIZE; i++) {
		uint64_t frame = (r->addr.v >> PAGE_SHIFT) + i;
		struct page *page = pages_find(&mem->pages, frame);

		if (r->ok) {
			page->state = PAGE_PRESENT;
			page->data = (uint8_t *)r->buf + i * PAGE_SIZE;
			mem->stats.bytes += PAGE_SIZE;
		} else {
			page->state = PAGE_REFUSED;
			pages_give_back(&mem->pages, (uint8_t *)r->buf + i * PAGE_SIZE);
		}
	}
}

/*
 * A read of several pages is refused as a whole when one of them is; asked for one by one, the
 * others can still be had.
 */
static struct err *split_refused(struct mem *mem, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct target_read r = mem->reads.data[i]; /* by value: the array grows */

		for (size_t p = 0; !r.ok && r.len > PAGE_SIZE && p < r.len / PAGE_SIZE; p++) {
			if (!push_read(mem, (r.addr.v >> PAGE_SHIFT) + p, 1,
				       (uint8_t *)r.buf + p * PAGE_SIZE))
				return &err_nomem;
		}
	}
	return NULL;
}

static struct err *fetch_reads(struct mem *mem)
{
	TRY(plan_reads(mem));

	size_t whole = mem->reads.nr;
	struct err *e = send_reads(mem, 0);
	if (!e)
		e = split_refused(mem, whole);
	if (!e && mem->reads.nr > whole)
		e = send_reads(mem, whole);
	/* What came before an error is good; what did not come was not refused by anybody. */
	for (size_t i = 0; i < mem->reads.nr; i++) {
		const struct target_read *r = &mem->reads.data[i];

		if (r->ok || (!e && r->len == PAGE_SIZE))
			settle(mem, r);
	}
	return e;
}

/* Gets all that is wanted, or leaves the reason in ->dead. */
static void fetch_wanted(struct mem *mem)
{
	if (!mem->wanted.nr)
		return;
	qsort(mem->wanted.data, mem->wanted.nr, sizeof(*mem->wanted.data), cmp_frame);

	struct err *e = fetch_reads(mem);
	for (size_t i = 0; e && i < mem->wanted.nr; i++) {
		struct page *page = pages_find(&mem->pages, mem->wanted.data[i]);

		if (page->state == PAGE_WANTED)
			page->state = PAGE_UNKNOWN;
	}
	if (e)
		die(mem, e);
	mem->wanted.nr = 0;
}

/* Waits until what this caller wants is in (or ->dead says why not). */
static void fetch(struct mem *mem)
{
	if (fiber_inside(mem->sched))
		fiber_sleep(mem->sched);
	else
		fetch_wanted(mem);
}

/* Puts a frame into the next batch. */
static struct err *want(struct mem *mem, uint64_t frame)
{
	if (mem->wanted.nr >= (mem->limit - MIN(mem->limit, mem->stats.bytes)) >> PAGE_SHIFT)
		return err_new(ERR_LIMIT, "more than %llu MiB of guest memory read",
			       (unsigned long long)mem->limit >> 20);

	struct page *page = pages_add(&mem->pages, frame);
	if (!page)
		return &err_nomem;
	if (page->state == PAGE_WANTED)
		return NULL;
	uint64_t *w = vec_push(&mem->wanted);
	if (!w)
		return &err_nomem;
	*w = frame;
	page->state = PAGE_WANTED;
	return NULL;
}

static bool have(const struct mem *mem, uint64_t frame)
{
	const struct page *page = pages_find(&mem->pages, frame);

	return page && page->state == PAGE_PRESENT;
}

/* Why a frame will never be had, or NULL. */
static const char *hopeless(const struct mem *mem, uint64_t frame)
{
	const struct page *page = pages_find(&mem->pages, frame);

	if (page && page->state == PAGE_PRESENT)
		return NULL;
	if (page && page->state == PAGE_REFUSED)
		return "refused by the target";
	if (!target_is_ram(mem->t, (struct gpa){ frame << PAGE_SHIFT }, PAGE_SIZE))
		return "not in guest RAM";
	if (!mem->dead && mem->frozen)
		return "not read while the guest was stopped";
	return NULL;
}

/* The first byte of the caller's range that lies in this frame. */
static struct err *fault(struct gpa addr, uint64_t frame, const char *why)
{
	uint64_t at = MAX(addr.v, frame << PAGE_SHIFT);

	return err_fault(at, "cannot read physical %#llx: %s", (unsigned long long)at, why);
}

/* Once the guest runs again, time is the user's own. */
static bool is_spent(const struct mem *mem)
{
	return !mem->frozen && mem->stats.hits + mem->stats.misses >= mem->lookups;
}

/* Gets all pages of [addr, addr + len), len > 0, into the cache in one batch. */
static struct err *need(struct mem *mem, struct gpa addr, size_t len)
{
	uint64_t last;

	if (is_spent(mem))
		return err_new(ERR_LIMIT, "pages of guest memory looked up more than %llu times",
			       (unsigned long long)mem->lookups);
	if (add_overflows(addr.v, len - 1, &last))
		return fault(addr, addr.v >> PAGE_SHIFT, "runs past the end of all addresses");

	uint64_t first = addr.v >> PAGE_SHIFT;
	size_t missing = 0;
	last >>= PAGE_SHIFT;
	for (uint64_t frame = first; frame <= last; frame++) {
		if (have(mem, frame)) {
			mem->stats.hits++;
			continue;
		}
		const char *why = hopeless(mem, frame);
		if (why)
			return fault(addr, frame, why);
		missing++;
	}
	if (!missing)
		return NULL;
	mem->stats.misses += missing;
	if (mem->dead)
		return err_dup(mem->dead);

	for (uint64_t frame = first; frame <= last; frame++) {
		if (!have(mem, frame))
			TRY(want(mem, frame));
	}
	fetch(mem);
	for (uint64_t frame = first; frame <= last; frame++) {
		if (have(mem, frame))
			continue;
		const char *why = hopeless(mem, frame);
		if (why)
			return fault(addr, frame, why);
		return mem->dead ? err_dup(mem->dead) : &err_nomem;
	}
	return NULL;
}

struct err *mem_page(struct mem *mem, struct gpa addr, const uint8_t **ret)
{
	const struct page *page = pages_find(&mem->pages, addr.v >> PAGE_SHIFT);

	if (page && page->state == PAGE_PRESENT && !is_spent(mem)) {
		mem->stats.hits++;
	} else {
		TRY(need(mem, addr, 1));
		page = pages_find(&mem->pages, addr.v >> PAGE_SHIFT);
	}
	*ret = page->data;
	return NULL;
}

struct err *mem_read(struct mem *mem, struct gpa addr, void *buf, size_t len)
{
	uint64_t in_page = addr.v & (PAGE_SIZE - 1);

	if (!len)
		return NULL;
	if (len <= PAGE_SIZE - in_page) { /* nearly always */
		const uint8_t *page;

		TRY(mem_page(mem, addr, &page));
		memcpy(buf, page + in_page, len);
		return NULL;
	}
	TRY(need(mem, addr, len));
	for (size_t done = 0, n; done < len; done += n) {
		uint64_t at = addr.v + done, offset = at & (PAGE_SIZE - 1);

		n = MIN(len - done, PAGE_SIZE - offset);
		memcpy((uint8_t *)buf + done,
		       pages_find(&mem->pages, at >> PAGE_SHIFT)->data + offset, n);
	}
	return NULL;
}

struct err *mem_prefetch(struct mem *mem, const struct gpa *pages, size_t nr)
{
	size_t missing = 0;

	if (mem->dead)
		return err_dup(mem->dead);
	for (size_t i = 0; i < nr; i++) {
		uint64_t frame = pages[i].v >> PAGE_SHIFT;

		if (have(mem, frame)) {
			mem->stats.hits++;
			continue;
		}
		mem->stats.misses++;
		if (hopeless(mem, frame))
			continue;
		TRY(want(mem, frame));
		missing++;
	}
	if (missing)
		fetch(mem);
	return mem->dead ? err_dup(mem->dead) : NULL;
}

void mem_each(struct mem *mem, size_t nr, void (*fn)(void *ctx, size_t i), void *ctx)
{
	/* A file answers at once: nothing is won by waiting together. */
	if (mem->t->ops->live && !mem->frozen && !mem->dead) {
		fiber_each(mem->sched, nr, fn, ctx);
		return;
	}
	for (size_t i = 0; i < nr; i++)
		fn(ctx, i);
}
