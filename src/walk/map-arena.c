/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_arena (kernel/bpf/arena.c): memory that BPF programs and user space share.
 *
 * Which pages it has is told by the kernel's page tables alone: they are right in every version, while
 * the allocator's trees changed from a map of what is taken to a map of what is free.  The window is
 * looked at in slices of one page table each, side by side, so that all tables arrive together.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"

static const uint64_t ARENA_SPAN_MAX = 1ULL << 32;
/* GUARD_SZ is 64 KiB (rounded up to two pages), half of it below the window. */
static const uint64_t ARENA_GUARD = 32 << 10;
/* Bytes of address space that one lowest-level page table covers. */
static const uint64_t SLICE = 2 << 20;

enum { SLICES_AT_ONCE = 256 }; /* what they find is held twice for a moment */

/* A page found: where user space sees it, and where it lies. */
struct found {
	uint64_t user;
	struct gpa pa;
};

struct slice {
	uint64_t start, end; /* kernel addresses */
	VEC(struct found) found;
	size_t unreadable; /* page tables */
	struct err *e;
};

struct arena_walk {
	struct map_job *job;
	struct arena_body *body;
	struct slice *slices;
	size_t nr_slices;
	uint64_t skip; /* frame of the scratch page; UINT64_MAX: none */
	VEC(struct found) found; /* in the order of user addresses; the first ->room of all pages */
	size_t room;
	size_t lost_tables;
};

static void arena_walk_deinit(struct arena_walk *a)
{
	for (size_t i = 0; i < a->nr_slices; i++) {
		free(a->slices[i].found.data);
		err_free(a->slices[i].e);
	}
	free(a->slices);
	free(a->found.data);
}

/* What a mapping callback works on. */
struct slice_walk {
	struct arena_walk *a;
	struct slice *slice;
};

static bool add_mapping(void *ctx, const struct mapping *m)
{
	struct slice_walk *sw = ctx;
	const struct arena_body *body = sw->a->body;
	uint64_t end = MIN(m->va + m->len, sw->slice->end);

	for (uint64_t va = MAX(m->va, sw->slice->start); va < end; va += PAGE_SIZE) {
		uint64_t pa = m->pa + (va - m->va);

		if (pa >> PAGE_SHIFT == sw->a->skip)
			continue;
		struct found *f = vec_push(&sw->slice->found);
		if (!f) {
			sw->slice->e = &err_nomem;
			return false;
		}
		/* The low half of both addresses is the same: kern_vm_start + (u32)user. */
		uint32_t low = (uint32_t)(va - body->kern_vm_start);
		f->user = body->user_vm_start + (uint32_t)(low - (uint32_t)body->user_vm_start);
		f->pa.v = pa;
	}
	return true;
}

static void walk_slice(struct arena_walk *a, size_t i)
{
	struct slice *s = &a->slices[i];
	struct kernel *k = a->job->mw->k;
	struct slice_walk sw = { a, s };

	struct err *e = k->arch->walk(k->mem, &k->pt, s->start, s->end, add_mapping, &sw,
				      &s->unreadable);
	if (!s->e)
		s->e = e;
	else
		err_free(e);
}

/* Cuts [start, start + len) of kernel addresses into slices. */
static struct err *add_slices(struct arena_walk *a, uint64_t start, uint64_t len)
{
	uint64_t end = start + len;
	size_t more = (align_up(end, SLICE) - align_down(start, SLICE)) / SLICE;
	struct slice *grown = realloc(a->slices, (a->nr_slices + more) * sizeof(*grown));

	if (!grown)
		return &err_nomem;
	a->slices = grown;
	for (; start < end; a->nr_slices++) {
		uint64_t next = MIN(align_down(start, SLICE) + SLICE, end);

		a->slices[a->nr_slices] = (struct slice){ .start = start, .end = next };
		start = next;
	}
	return NULL;
}

/* The members that say where it is; *mapped is false if the kernel's side is not known. */
static struct err *arena_window(struct arena_walk *a, bool *mapped)
{
	const struct map_layout *l = &a->job->mw->l;
	struct arena_body *body = a->body;
	struct kernel *k = a->job->mw->k;
	struct kva arena = { a->job->row->kva.v - l->arena_map.off }, area, base;
	uint64_t span = (uint64_t)a->job->row->max_entries * PAGE_SIZE;

	*mapped = false;
	body->span_capped = span > ARENA_SPAN_MAX;
	body->declared_pages = MIN(span, ARENA_SPAN_MAX) / PAGE_SIZE;

	_cleanup_err_ struct err *e = kget(k, arena, &l->arena_user_start, &body->user_vm_start);
	if (!e)
		e = kget_kva(k, arena, &l->arena_kern_vm, &area);
	if (!e)
		e = kget_kva(k, area, &l->vm_addr, &base);
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e)
		return map_unreadable(a->job, "arena: %s", e->msg);
	if (base.v & (PAGE_SIZE - 1) || base.v >> 63 == 0 || base.v > UINT64_MAX - 3 * ARENA_SPAN_MAX)
		return map_implausible(a->job, "arena mapped at %#" PRIx64, base.v);
	if (body->user_vm_start & (PAGE_SIZE - 1))
		return map_implausible(a->job, "arena at user address %#" PRIx64, body->user_vm_start);
	body->kern_vm_start = base.v + ARENA_GUARD;
	*mapped = true;

	/*
	 * From 7.2 on a stray access of a BPF program maps this page where nothing was allocated, and
	 * the arena would look full.
	 */
	if (!l->arena_scratch.present)
		return NULL;
	uint64_t scratch = 0;
	e = kget(k, arena, &l->arena_scratch, &scratch);
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e || (scratch && (!k->vmemmap || !l->page.present || !l->page.size)))
		return map_note(a->job, "arena: the scratch page is not known, its mappings are listed");
	if (scratch >= k->vmemmap && scratch)
		a->skip = (scratch - k->vmemmap) / l->page.size;
	return NULL;
}

/* Takes what slices [from, to) have found: their order is that of user addresses. */
static struct err *collect(struct arena_walk *a, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct slice *s = &a->slices[i];

		if (walk_is_fatal(s->e))
			return take_ptr(s->e);
		a->lost_tables += s->unreadable + (s->e && !s->unreadable);
		a->body->mapped_pages += s->found.nr;
		for (size_t j = 0; j < s->found.nr && a->found.nr < a->room; j++) {
			struct found *f = vec_push(&a->found);

			if (!f)
				return &err_nomem;
			*f = s->found.data[j];
		}
		free(s->found.data);
		s->found.data = NULL;
		s->found.nr = 0;
	}
	return NULL;
}

/* What a mem_each() over some of the slices works on. */
struct batch {
	struct arena_walk *a;
	size_t from;
};

static void batch_slice(void *ctx, size_t i)
{
	const struct batch *b = ctx;

	walk_slice(b->a, b->from + i);
}

static struct err *find_pages(struct arena_walk *a)
{
	struct map_job *job = a->job;

	/* Neither list may outgrow the budget; half of it and more is for contents. */
	a->room = (size_t)(job->bytes / (4 * sizeof(struct arena_page)));
	for (size_t i = 0, n; i < a->nr_slices; i += n) {
		struct batch b = { a, i };

		n = MIN(a->nr_slices - i, (size_t)SLICES_AT_ONCE);
		mem_each(job->mw->k->mem, n, batch_slice, &b);
		TRY(collect(a, i, i + n));
	}
	return a->lost_tables ? map_unreadable(job, "arena: %zu page tables unreadable", a->lost_tables) : NULL;
}

/* The pages' bytes, as far as the budget goes; they stay in the page cache. */
static struct err *read_pages(struct arena_walk *a)
{
	struct map_job *job = a->job;
	struct mem *mem = job->mw->k->mem;
	struct arena_body *body = a->body;
	size_t nr = a->found.nr, lost = 0;

	job->bytes -= nr * sizeof(struct arena_page);
	body->pages = pool_calloc(job->mw->pool, nr, sizeof(*body->pages));
	size_t keep = job->aside ? 0 : (size_t)MIN((uint64_t)nr, job->bytes / PAGE_SIZE);
	_cleanup_free_ struct gpa *want = calloc(MAX(keep, (size_t)1), sizeof(*want));

	if (!body->pages || !want)
		return &err_nomem;
	for (size_t i = 0; i < keep; i++)
		want[i] = a->found.data[i].pa;
	job->bytes -= keep * PAGE_SIZE;
	TRY(mem_prefetch(mem, want, keep));

	body->nr_pages = nr;
	for (size_t i = 0; i < nr; i++) {
		struct arena_page *p = &body->pages[i];

		p->user_addr = a->found.data[i].user;
		p->unread = job->aside;
		p->not_kept = !job->aside && i >= keep;
		if (i >= keep)
			continue;

		_cleanup_err_ struct err *e = mem_page(mem, a->found.data[i].pa, &p->bytes);
		if (walk_is_fatal(e))
			return take_ptr(e);
		lost += !!e;
	}
	body->looked_into = job->aside;
	if (job->aside)
		return NULL;
	if (keep < body->mapped_pages) {
		job->pages_cut = true;
		body->truncated = true;
		body->bytes_kept = (uint64_t)keep * PAGE_SIZE;
		TRY(map_note(job, "arena: contents of the first %zu of %" PRIu64 " pages were kept", keep,
			     body->mapped_pages));
	}
	return lost ? map_unreadable(job, "arena: %zu pages unreadable", lost) : NULL;
}

struct err *map_arena(struct map_job *job)
{
	const struct map_layout *l = &job->mw->l;
	_cleanup_(arena_walk_deinit) struct arena_walk a = { .job = job, .skip = UINT64_MAX };
	bool mapped;

	if (!l->arena_map.present || !l->arena_user_start.present || !l->arena_kern_vm.present ||
	    !l->vm_addr.present)
		return map_no_layout(job, "struct bpf_arena or vm_struct");
	a.body = pool_alloc(job->mw->pool, sizeof(*a.body));
	if (!a.body)
		return &err_nomem;
	job->row->body = MAP_BODY_ARENA;
	job->row->arena = a.body;
	TRY(arena_window(&a, &mapped));
	if (!mapped)
		return NULL;

	/*
	 * The kernel keeps an arena from crossing 4 GiB in user addresses; if this one does all the
	 * same, its low halves wrap around.
	 */
	uint64_t low = (uint32_t)a.body->user_vm_start, span = a.body->declared_pages * PAGE_SIZE;
	uint64_t first = MIN(span, ARENA_SPAN_MAX - low);
	TRY(add_slices(&a, a.body->kern_vm_start + low, first));
	if (span > first)
		TRY(add_slices(&a, a.body->kern_vm_start, span - first));
	TRY(find_pages(&a));
	return read_pages(&a);
}
