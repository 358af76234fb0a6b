/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who waits for a work, or for all of a workqueue (kernel/workqueue.c).  Behind the work that is waited for, a barrier is
 * queued, which lies on the waiter's stack: its neighbours on the list are the work, or the worker that runs it.
 */
#include "config.h"

#include "walk/waits.h"

#include "base/cleanup.h"
#include "kernel/symbolize.h"

/* "name", "name [module]"; NULL: no function begins there. */
static struct err *func_text(struct wait_job *j, uint64_t func, const char **ret)
{
	struct sym sym;

	*ret = NULL;
	TRY(ksymbolize(j->k, (struct kva){ func }, SYM_EXACT, &sym));
	if (!sym.name || sym.offset)
		return NULL;
	*ret = pool_printf(&j->w->r->pool, "%s%s%s%s", sym.name, sym.module ? " [" : "",
			   sym.module ? sym.module->name : "", sym.module ? "]" : "");
	return *ret ? NULL : &err_nomem;
}

/* ---- a work that runs */

static const struct worker_row *worker_on(const struct wait_job *j, const struct wait_ring *ring)
{
	const struct cpu_state *s = &j->w->r->cpus;

	for (size_t p = 0; p < s->pools.nr && j->l->worker_scheduled.present; p++) {
		for (size_t i = 0; i < s->pools.data[p].nr_rows; i++) {
			const struct worker_row *w = &s->pools.data[p].workers[i];

			for (size_t n = 0; w->kva.v && n < ring->nodes.nr; n++) {
				if (ring->nodes.data[n] == w->kva.v + j->l->worker_scheduled.off)
					return w;
			}
		}
	}
	return NULL;
}

static struct err *set_worker(struct wait_job *j, const struct worker_row *w, enum wait_basis basis)
{
	j->row->work = w->work;
	TRY(wait_set_object(j, "work %s%s%s", w->func ? w->func : "?", w->wq ? " of " : "", w->wq ? w->wq : ""));
	return wait_set_holder(j, w->task.v, basis);
}

/* ---- one that does not */

/*
 * What stands before the barrier, and other barriers, is the work.  Not so before that of a work that runs, of which the
 * worker may be unknown: there it is the list's head, and what lies behind that begins no function.
 */
static struct err *set_pending(struct wait_job *j, uint64_t node, uint64_t barrier_func)
{
	enum { BARRIERS_MAX = 1024 };

	for (size_t i = 0; i < BARRIERS_MAX; i++) {
		uint64_t func, work;
		const char *text;
		bool ok;

		TRY(wait_try_word(j, node + 8, &node, &ok));
		work = node - j->l->work_entry.off;
		if (ok)
			TRY(wait_try_member(j, work, &j->l->work_func, &func, &ok));
		if (!ok)
			return NULL;
		if (func == barrier_func)
			continue;
		TRY(func_text(j, func, &text));
		if (!text)
			return NULL;
		j->row->work.v = work;
		j->row->why = "no worker has begun with it";
		return wait_set_object(j, "work %s", text);
	}
	return NULL;
}

static struct err *by_barrier(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	uint64_t barrier = j->row->lock.v - l->barrier_done.off, task = 0, func = 0;
	_cleanup_(wait_ring_deinit) struct wait_ring ring = { 0 };
	bool ok;

	if (!l->barrier_done.present || !l->barrier_work.present || !l->work_entry.present || !l->work_func.present)
		return NULL;
	TRY(wait_try_member(j, barrier, &l->barrier_task, &task, &ok));
	if (!ok || task != j->row->task.v)
		return NULL;
	uint64_t work = barrier + l->barrier_work.off;
	TRY(wait_try_member(j, work, &l->work_func, &func, &ok));
	if (ok)
		TRY(wait_read_ring(j, work + l->work_entry.off, &ring));
	if (!ring.nodes.nr)
		return NULL;
	const struct worker_row *worker = worker_on(j, &ring);
	return worker ? set_worker(j, worker, WAIT_RECORDED) : set_pending(j, work + l->work_entry.off, func);
}

/* ---- all of a workqueue */

/* Its name, if the word is the address of the workqueue that this one flushes. */
static struct err *is_flushed(struct wait_job *j, uint64_t wq, uint64_t flusher, const char **ret)
{
	uint64_t first;
	char name[33];
	bool ok;

	*ret = NULL;
	TRY(wait_try_member(j, wq, &j->l->wq_first_flusher, &first, &ok));
	if (!ok || first != flusher)
		return NULL;
	struct err *e = kget_str(j->k, (struct kva){ wq }, &j->l->wq_name, name, sizeof(name));
	if (walk_is_fatal(e))
		return e;
	*ret = e ? NULL : pool_printf(&j->w->r->pool, "%s", name);
	bool failed = !e && !*ret;
	err_free(e);
	return failed ? &err_nomem : NULL;
}

/* Of those that work for it, if it is one; which of them the flush waits for, is known of one alone. */
static struct err *set_only_worker(struct wait_job *j, const char *wq)
{
	const struct cpu_state *s = &j->w->r->cpus;
	const struct worker_row *found = NULL;
	size_t nr = 0;

	for (size_t p = 0; p < s->pools.nr; p++) {
		for (size_t i = 0; i < s->pools.data[p].nr_rows; i++) {
			const struct worker_row *w = &s->pools.data[p].workers[i];

			if (!w->wq || strcmp(w->wq, wq))
				continue;
			found = w;
			nr++;
		}
	}
	if (nr == 1)
		TRY(wait_set_holder(j, found->task.v, WAIT_HINTED));
	else
		j->row->why = nr ? "several workers are at works of it" : "no worker is at a work of it";
	return NULL;
}

static struct err *by_flusher(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	uint64_t flusher = j->row->lock.v - l->flusher_done.off;

	if (!l->flusher_done.present || !l->wq_first_flusher.present || !l->wq_name.present)
		return NULL;
	for (size_t i = 0; i < j->nr_words; i++) {
		const char *name;

		TRY(is_flushed(j, j->words[i], flusher, &name));
		if (!name)
			continue;
		TRY(wait_set_object(j, "all works of %s", name));
		return set_only_worker(j, name);
	}
	return NULL;
}

struct err *wait_find_work(struct wait_job *j)
{
	TRY(wait_find_completion(j));
	if (!j->row->lock.v) {
		j->row->why = "its barrier was not found";
		return NULL;
	}
	TRY(by_barrier(j));
	if (!j->row->object)
		TRY(by_flusher(j));
	/* The completion is its own: two that wait for one work have two. */
	j->row->lock.v = 0;
	if (!j->row->object)
		j->row->why = "the work was not found";
	return NULL;
}
