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

enum { FRAMES_LOOKED_AT = 12, WAITS_MAX = 65536 };

static const struct layout_member members[] = {
	LAYOUT_OPT(struct waits_layout, mm, "task_struct", "mm"),
	LAYOUT_OPT(struct waits_layout, blocker, "task_struct", "blocker"), /* 6.16+, if configured */
	LAYOUT_OPT(struct waits_layout, blocked_on, "task_struct", "blocked_on"), /* 6.17+ */
	LAYOUT_OPT(struct waits_layout, pi_blocked_on, "task_struct", "pi_blocked_on"),
	LAYOUT_OPT(struct waits_layout, mmap_lock, "mm_struct", "mmap_lock"),
	LAYOUT_OPT(struct waits_layout, mutex_owner, "mutex", "owner"),
	LAYOUT_OPT(struct waits_layout, mutex_list, "mutex", "wait_list"), /* to 7.0 */
	LAYOUT_OPT(struct waits_layout, mutex_first, "mutex", "first_waiter"), /* 7.1+ */
	LAYOUT_OPT(struct waits_layout, mutex_waiter_task, "mutex_waiter", "task"),
	LAYOUT_OPT(struct waits_layout, mutex_waiter_list, "mutex_waiter", "list"),
	LAYOUT_OPT(struct waits_layout, rwsem_count, "rw_semaphore", "count"),
	LAYOUT_OPT(struct waits_layout, rwsem_owner, "rw_semaphore", "owner"),
	LAYOUT_OPT(struct waits_layout, rwsem_list, "rw_semaphore", "wait_list"), /* to 7.0 */
	LAYOUT_OPT(struct waits_layout, rwsem_first, "rw_semaphore", "first_waiter"), /* 7.1+ */
	LAYOUT_OPT(struct waits_layout, rwsem_waiter_task, "rwsem_waiter", "task"),
	LAYOUT_OPT(struct waits_layout, rwsem_waiter_list, "rwsem_waiter", "list"),
	LAYOUT_OPT(struct waits_layout, sem_count, "semaphore", "count"),
	LAYOUT_OPT(struct waits_layout, sem_holder, "semaphore", "last_holder"), /* 6.16+ */
	LAYOUT_OPT(struct waits_layout, sem_list, "semaphore", "wait_list"), /* to 7.0 */
	LAYOUT_OPT(struct waits_layout, sem_first, "semaphore", "first_waiter"), /* 7.1+ */
	LAYOUT_OPT(struct waits_layout, sem_waiter_task, "semaphore_waiter", "task"),
	LAYOUT_OPT(struct waits_layout, sem_waiter_list, "semaphore_waiter", "list"),
	LAYOUT_OPT(struct waits_layout, rt_waiter_lock, "rt_mutex_waiter", "lock"),
	LAYOUT_OPT(struct waits_layout, rt_owner, "rt_mutex_base", "owner"),
	LAYOUT_OPT(struct waits_layout, percpu_readers, "percpu_rw_semaphore", "read_count"),
	LAYOUT_OPT(struct waits_layout, percpu_writer, "percpu_rw_semaphore", "writer.task"),
	LAYOUT_OPT(struct waits_layout, percpu_head, "percpu_rw_semaphore", "waiters.head"),
	LAYOUT_OPT(struct waits_layout, wq_private, "wait_queue_entry", "private"),
	LAYOUT_OPT(struct waits_layout, wq_func, "wait_queue_entry", "func"),
	LAYOUT_OPT(struct waits_layout, wq_entry, "wait_queue_entry", "entry"),
	LAYOUT_OPT(struct waits_layout, swait_task, "swait_queue", "task"),
	LAYOUT_OPT(struct waits_layout, swait_list, "swait_queue", "task_list"),
	LAYOUT_OPT(struct waits_layout, done, "completion", "done"),
	LAYOUT_OPT(struct waits_layout, completion_list, "completion", "wait.task_list"),
	LAYOUT_OPT(struct waits_layout, futex_task, "futex_q", "task"),
	LAYOUT_OPT(struct waits_layout, futex_lock_ptr, "futex_q", "lock_ptr"),
	LAYOUT_OPT(struct waits_layout, futex_mm, "futex_q", "key.private.mm"),
	LAYOUT_OPT(struct waits_layout, futex_address, "futex_q", "key.private.address"),
	LAYOUT_OPT(struct waits_layout, futex_offset, "futex_q", "key.private.offset"),
};

struct err *waits_layout(struct kernel *k, struct waits_layout *l)
{
	return klayout(k, members, ARRAY_SIZE(members), l, NULL);
}

/* ---- who waits */

/* Functions that sleep for a lock.  Compilers add suffixes behind a dot. */
static const struct {
	const char *name;
	enum wait_kind kind;
} sites[] = {
	{ "__mutex_lock", WAIT_MUTEX },
	{ "__mutex_lock_slowpath", WAIT_MUTEX },
	{ "__mutex_lock_killable_slowpath", WAIT_MUTEX },
	{ "__mutex_lock_interruptible_slowpath", WAIT_MUTEX },
	{ "__ww_mutex_lock", WAIT_MUTEX },
	{ "rwsem_down_read_slowpath", WAIT_RWSEM_READ },
	{ "rwsem_down_write_slowpath", WAIT_RWSEM_WRITE },
	{ "__down", WAIT_SEMAPHORE },
	{ "__down_common", WAIT_SEMAPHORE },
	{ "___down_common", WAIT_SEMAPHORE },
	{ "__down_interruptible", WAIT_SEMAPHORE },
	{ "__down_killable", WAIT_SEMAPHORE },
	{ "__down_timeout", WAIT_SEMAPHORE },
	{ "rt_mutex_slowlock_block", WAIT_RT_MUTEX },
	{ "__rt_mutex_slowlock", WAIT_RT_MUTEX },
	{ "__rt_mutex_slowlock_locked", WAIT_RT_MUTEX },
	{ "rt_mutex_slowlock", WAIT_RT_MUTEX },
	{ "rt_mutex_wait_proxy_lock", WAIT_RT_MUTEX },
	{ "percpu_rwsem_wait", WAIT_PERCPU_READ },
	{ "percpu_down_write", WAIT_PERCPU_WRITE },
	{ "__wait_for_common", WAIT_COMPLETION },
	{ "wait_for_completion", WAIT_COMPLETION },
	{ "wait_for_completion_timeout", WAIT_COMPLETION },
	{ "wait_for_completion_killable", WAIT_COMPLETION },
	{ "wait_for_completion_interruptible", WAIT_COMPLETION },
	{ "wait_for_completion_state", WAIT_COMPLETION },
	{ "futex_do_wait", WAIT_FUTEX }, /* 6.14+ */
	{ "futex_wait_queue", WAIT_FUTEX },
	{ "futex_wait_queue_me", WAIT_FUTEX },
	{ "futex_wait_multiple", WAIT_FUTEX },
};

bool wait_is_function(const char *symbol, const char *name)
{
	size_t len = strcspn(symbol, ".");

	return strlen(name) == len && !strncmp(symbol, name, len);
}

static bool find_site(const struct kstack_row *s, struct wait_row *row, size_t *frame)
{
	for (size_t i = 0; i < MIN(s->nr_frames, (size_t)FRAMES_LOOKED_AT); i++) {
		const struct kstack_frame *f = &s->frames[i];

		if (f->kind == FRAME_GUESS || f->kind == FRAME_USER)
			return false;
		for (size_t n = 0; f->symbol && n < ARRAY_SIZE(sites); n++) {
			if (!wait_is_function(f->symbol, sites[n].name))
				continue;
			row->kind = sites[n].kind;
			row->function = f->symbol;
			*frame = i;
			/* One writer waits for another as a reader does. */
			if (row->kind == WAIT_PERCPU_READ && i + 1 < s->nr_frames && f[1].symbol &&
			    wait_is_function(f[1].symbol, "percpu_down_write"))
				row->kind = WAIT_PERCPU_WRITE;
			return true;
		}
	}
	return false;
}

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
	TRY(wait_find_lock(j));
	return j->row->lock.v ? wait_read_lock(j) : NULL;
}

struct waits_walk {
	struct walk *w;
	struct waits_layout l;
	size_t *frames; /* by row of report.waits */
	struct err *fatal;
};

static void wait_fiber(void *ctx, size_t i)
{
	struct waits_walk *ww = ctx;
	struct wait_row *row = &ww->w->r->waits.data[i];
	struct wait_job j = {
		.w = ww->w, .k = ww->w->k, .l = &ww->l, .row = row, .frame = ww->frames[i],
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

	for (size_t i = 0; i < r->tasks.nr && r->waits.nr < WAITS_MAX; i++) {
		const struct task_row *t = &r->tasks.data[i];
		struct wait_row row = { .task = t->kva, .pid = t->pid, .tgid = t->tgid };
		size_t frame;

		/* Whoever is runnable has been woken and waits no more. */
		if (!t->stack || !t->state.has || !t->state.v || r->stacks.data[t->stack - 1].has_vcpu)
			continue;
		row.stack = t->stack;
		row.uninterruptible = t->state.v & UNINTERRUPTIBLE;
		if (!find_site(&r->stacks.data[t->stack - 1], &row, &frame))
			continue;
		row.comm = pool_strndup(&r->pool, t->comm, sizeof(t->comm));
		struct wait_row *to = vec_push(&r->waits);
		if (!to || !row.comm)
			return &err_nomem;
		*to = row;
	}

	ww->frames = calloc(r->waits.nr + 1, sizeof(*ww->frames));
	if (!ww->frames)
		return &err_nomem;
	for (size_t i = 0; i < r->waits.nr; i++) {
		struct wait_row *row = &r->waits.data[i];

		(void)find_site(&r->stacks.data[row->stack - 1], row, &ww->frames[i]);
	}
	return NULL;
}

static struct err *tell(struct walk *w)
{
	size_t unknown = 0;

	for (size_t i = 0; i < w->r->waits.nr; i++)
		unknown += !w->r->waits.data[i].lock.v && !w->r->waits.data[i].uaddr.has;
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
	for (size_t i = 0; !e && i < w->r->waits.nr; i++)
		e = name_lock(w, &w->r->waits.data[i]);
	if (!e)
		e = name_mmap_locks(&ww);
	free(ww.frames);
	return e ? e : tell(w);
}
