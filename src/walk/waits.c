/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What blocked tasks wait for, and who holds it.  That a task waits for a lock at all is told by its stack;
 * which lock, by what the kernel records in the task, or by the waiter that lies on its stack.
 */
#include "config.h"

#include "walk/waits.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "kernel/symbolize.h"

enum { WAITS_MAX = 65536 };

/* ---- names */

static struct err *name_lock(struct walk *w, struct wait_row *row)
{
	struct sym sym;

	if (!row->lock.v)
		return NULL;
	TRY(ksymbolize(w->k, row->lock, SYM_EXACT, &sym));
	if (!sym.name)
		return NULL;
	const char *in = sym.module ? sym.module->name : NULL;
	char offset[24] = "";
	if (sym.offset)
		snprintf(offset, sizeof(offset), "+0x%" PRIx64, sym.offset);
	row->lock_name = pool_printf(&w->r->pool, "%s%s%s%s%s", sym.name, offset, in ? " [" : "", in ? in : "",
				     in ? "]" : "");
	return row->lock_name ? NULL : &err_nomem;
}

/* ---- one task */

static struct err *read_words(struct wait_job *j)
{
	uint64_t end = align_up(j->from + 1, PAGE_SIZE) + 3 * PAGE_SIZE;
	uint8_t raw[8 * 64];

	/* A task's stack ends where its last frame does, at the latest. */
	for (size_t i = 0; i < j->stack->nr_frames; i++) {
		if (j->stack->frames[i].kind != FRAME_USER && j->stack->frames[i].sp > j->from)
			end = j->stack->frames[i].sp;
	}
	size_t nr = MIN((size_t)(end - j->from) / 8, (size_t)WAIT_WORDS);
	for (size_t done = 0; done < nr;) {
		size_t n = MIN(nr - done, sizeof(raw) / 8);

		TRY(kread(j->k, (struct kva){ j->from + 8 * done }, raw, 8 * n));
		for (size_t i = 0; i < n; i++)
			j->words[done + i] = get_le64(raw + 8 * i);
		done += n;
	}
	j->nr_words = nr;
	return NULL;
}

static struct err *examine(struct wait_job *j)
{
	j->from = align_down(j->stack->frames[0].sp + 7, 8);
	TRY(read_words(j));
	switch (j->row->kind) {
	case WAIT_COMPLETION:
		TRY(wait_find_completion(j));
		if (!j->row->lock.v)
			j->row->why = "the completion was not found";
		return j->row->lock.v ? wait_read_completion(j) : NULL;
	case WAIT_FUTEX:
		return wait_find_futex(j, false);
	case WAIT_WORK:
		return wait_find_work(j);
	case WAIT_FOLIO:
		return wait_find_folio(j);
	case WAIT_FILE_LOCK:
		return wait_find_file_lock(j);
	case WAIT_RCU:
		if (!strcmp(j->row->rcu, "srcu") || !strcmp(j->row->rcu, "tasks_trace"))
			TRY(wait_find_srcu(j));
		return wait_read_grace_period(j);
	case WAIT_QUEUE:
		return wait_find_queue(j);
	default:
		TRY(wait_find_lock(j));
		return j->row->lock.v ? wait_read_lock(j) : NULL;
	}
}

struct waits_walk {
	struct walk *w;
	struct waits_layout l;
	struct wait_shared shared;
	struct err *fatal;
};

static void wait_fiber(void *ctx, size_t i)
{
	struct waits_walk *ww = ctx;
	struct wait_row *row = &ww->w->r->waits.data[i];
	struct wait_job j = {
		.w = ww->w, .k = ww->w->k, .l = &ww->l, .shared = &ww->shared, .row = row,
		.stack = &ww->w->r->stacks.data[row->stack - 1],
	};

	if (ww->fatal)
		return;
	struct err *e = examine(&j);
	if (e && !walk_is_fatal(e)) {
		row->why = pool_printf(&ww->w->r->pool, "%s", e->msg);
		err_free(e);
		e = row->why ? NULL : &err_nomem;
	}
	if (ww->fatal)
		err_free(e);
	else
		ww->fatal = e;
}

/* ---- all */

static bool may_be_mmap_lock(const struct wait_row *r)
{
	return r->lock.v && !r->lock_name && (r->kind == WAIT_RWSEM_READ || r->kind == WAIT_RWSEM_WRITE);
}

/* "mmap_lock of cat[12]" for a lock in an address space that a task has. */
static struct err *name_mmap_lock(struct report *r, struct wait_row *row, const uint64_t *locks)
{
	for (size_t i = 0; i < r->tasks.nr; i++) {
		if (locks[i] != row->lock.v)
			continue;
		row->lock_name = pool_printf(&r->pool, "mmap_lock of %s[%" PRId32 "]", r->tasks.data[i].comm,
					     r->tasks.data[i].tgid);
		return row->lock_name ? NULL : &err_nomem;
	}
	return NULL;
}

static struct err *name_mmap_locks(struct waits_walk *ww)
{
	const struct waits_layout *l = &ww->l;
	struct report *r = ww->w->r;
	bool any = false;

	for (size_t i = 0; i < r->waits.nr; i++)
		any |= may_be_mmap_lock(&r->waits.data[i]);
	if (!any || !l->mm.present || !l->mmap_lock.present)
		return NULL;

	_cleanup_free_ uint64_t *locks = calloc(r->tasks.nr + 1, sizeof(*locks));
	_cleanup_free_ struct krange *ranges = calloc(r->tasks.nr + 1, sizeof(*ranges));
	if (!locks || !ranges)
		return &err_nomem;
	for (size_t i = 0; i < r->tasks.nr; i++)
		ranges[i] = (struct krange){ kmember(r->tasks.data[i].kva, &l->mm), 8 };
	kprefetch(ww->w->k, ranges, r->tasks.nr);
	for (size_t i = 0; i < r->tasks.nr; i++) {
		struct kva mm;
		struct err *e = kget_kva(ww->w->k, r->tasks.data[i].kva, &l->mm, &mm);

		if (walk_is_fatal(e))
			return e;
		locks[i] = e || !mm.v ? 0 : mm.v + l->mmap_lock.off;
		err_free(e);
	}
	for (size_t i = 0; i < r->waits.nr; i++) {
		if (may_be_mmap_lock(&r->waits.data[i]))
			TRY(name_mmap_lock(r, &r->waits.data[i], locks));
	}
	return NULL;
}

static struct err *collect(struct waits_walk *ww)
{
	enum { UNINTERRUPTIBLE = 2 };
	struct report *r = ww->w->r;
	bool completions = false;

	for (size_t i = 0; i < r->tasks.nr && r->waits.nr < WAITS_MAX; i++) {
		const struct task_row *t = &r->tasks.data[i];
		struct wait_row row = { .task = t->kva, .pid = t->pid, .tgid = t->tgid };
		struct wait_site site;

		/* Whoever is runnable has been woken and waits no more. */
		if (!t->stack || !t->state.has || !t->state.v || r->stacks.data[t->stack - 1].has_vcpu)
			continue;
		row.stack = t->stack;
		row.uninterruptible = t->state.v & UNINTERRUPTIBLE;
		if (!wait_find_site(&r->stacks.data[t->stack - 1], t->state.v, &site))
			continue;
		row.kind = site.kind;
		row.function = site.function;
		row.rcu = site.rcu;
		completions |= site.kind == WAIT_COMPLETION;
		row.comm = pool_strndup(&r->pool, t->comm, sizeof(t->comm));
		struct wait_row *to = vec_push(&r->waits);
		if (!to || !row.comm)
			return &err_nomem;
		*to = row;
	}

	return completions ? waits_endings(ww->w, &ww->l, &ww->shared) : NULL;
}

/* Whether what it waits for should have been found, and was not. */
static bool is_unknown(const struct wait_row *r)
{
	switch (r->kind) {
	case WAIT_FUTEX:
		return !r->uaddr.has && !r->futex_inode.has;
	case WAIT_WORK:
		return !r->object;
	case WAIT_RCU:
	case WAIT_QUEUE:
	case WAIT_CALL:
	case WAIT_STOP:
		return false;
	default:
		return !r->lock.v;
	}
}

static struct err *tell(struct walk *w)
{
	size_t unknown = 0;

	for (size_t i = 0; i < w->r->waits.nr; i++)
		unknown += is_unknown(&w->r->waits.data[i]);
	TRY(report_section(w->r, "waits", SECTION_COMPLETE, NULL));
	/* Not earlier: a new section moves the others. */
	const struct section *stacks = report_find_section(w->r, "stacks");
	if (stacks && stacks->status != SECTION_COMPLETE)
		TRY(report_section(w->r, "waits", stacks->status, "stacks: %s",
				   stacks->detail ? stacks->detail : section_status_text(stacks->status)));
	if (unknown)
		TRY(report_cut(w->r, "waits", false, "what %zu of %zu tasks wait for was not found",
			       unknown, w->r->waits.nr));
	return NULL;
}

struct err *walk_waits(struct walk *w)
{
	struct waits_walk ww = { .w = w };
	struct err *e;

	TRY(waits_layout(w->k, &ww.l));
	e = collect(&ww);
	if (!e) {
		mem_each(w->k->mem, w->r->waits.nr, wait_fiber, &ww);
		e = take_ptr(ww.fatal);
	}
	if (!e)
		e = waits_spin(w);
	if (!e)
		e = waits_calls(w, &ww.l);
	for (size_t i = 0; !e && i < w->r->waits.nr; i++)
		e = name_lock(w, &w->r->waits.data[i]);
	if (!e)
		e = name_mmap_locks(&ww);
	if (!e)
		e = waits_frozen(w, &ww.l);
	if (!e)
		e = waits_infer(w);
	if (!e)
		e = waits_wakers(w, &ww.l);
	free(ww.shared.endings.data);
	return e ? e : tell(w);
}
