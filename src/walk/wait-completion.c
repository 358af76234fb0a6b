/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Completions, found by the waiter on the stack, and who will complete them where that is recorded: a child that shares
 * its parent's memory and a thread of the kernel that should end have the completion's address, and so has the work
 * that a CPU's stopper has to do.
 */
#include "config.h"

#include "walk/waits.h"

#include "base/cleanup.h"

static struct err *completion_of(struct wait_job *j, const struct wait_ring *ring)
{
	const struct waits_layout *l = j->l;
	size_t found = 0;

	for (size_t i = 1; i < ring->nodes.nr; i++) {
		uint64_t at = ring->nodes.data[i], task, done;
		bool ok;

		TRY(wait_try_word(j, at + l->swait_task.off - l->swait_list.off, &task, &ok));
		if (ok && wait_is_task(j, task))
			continue;
		TRY(wait_try_member(j, at - l->completion_list.off, &l->done, &done, &ok));
		if (!ok || done)
			continue;
		j->row->lock.v = at - l->completion_list.off;
		found++;
	}
	if (found != 1)
		j->row->lock.v = 0;
	j->row->found_by = found == 1 ? "swait_queue on its stack" : NULL;
	return NULL;
}

struct err *wait_find_completion(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	size_t at = 0;

	while (!j->row->lock.v && l->completion_list.present && l->done.present) {
		_cleanup_(wait_ring_deinit) struct wait_ring ring = { 0 };
		uint64_t node;

		TRY(wait_own_waiter(j, &l->swait_task, &l->swait_list, &at, &node));
		if (!node)
			return NULL;
		TRY(wait_read_ring(j, node, &ring));
		TRY(completion_of(j, &ring));
	}
	return NULL;
}

/* ---- who will complete it */

static int by_completion(const void *a, const void *b)
{
	const struct wait_ending *x = a, *y = b;

	return x->completion < y->completion ? -1 : x->completion > y->completion;
}

static struct err *add_ending(struct wait_shared *shared, uint64_t completion, struct kva task)
{
	struct wait_ending *to = completion ? vec_push(&shared->endings) : NULL;

	if (to)
		*to = (struct wait_ending){ completion, task };
	return to || !completion ? NULL : &err_nomem;
}

/* A task that cannot be read is told by its section. */
static struct err *get(struct kernel *k, struct kva task, const struct member *m, uint64_t *ret)
{
	struct err *e = m->present ? kget(k, task, m, ret) : NULL;

	if (!m->present || e)
		*ret = 0;
	if (walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

/* Children and threads: their task_struct has the address, or that of the struct which the completion is in. */
struct err *waits_endings(struct walk *w, const struct waits_layout *l, struct wait_shared *shared)
{
	for (size_t i = 0; i < w->r->tasks.nr; i++) {
		struct kva task = w->r->tasks.data[i].kva;
		uint64_t v;

		TRY(get(w->k, task, &l->vfork_done, &v));
		TRY(add_ending(shared, v, task));
		TRY(get(w->k, task, &l->worker_private, &v));
		if (v && l->kthread_exited.present)
			TRY(add_ending(shared, v + l->kthread_exited.off, task));
	}
	if (shared->endings.nr)
		qsort(shared->endings.data, shared->endings.nr, sizeof(*shared->endings.data), by_completion);
	return NULL;
}

static struct err *find_ending(struct wait_job *j)
{
	struct wait_ending key = { .completion = j->row->lock.v };
	const struct wait_ending *found = NULL;

	if (j->shared->endings.nr)
		found = bsearch(&key, j->shared->endings.data, j->shared->endings.nr, sizeof(key), by_completion);
	return found ? wait_set_holder(j, found->task.v, WAIT_RECORDED) : NULL;
}

struct stopper {
	struct wait_job *j;
	uint64_t done; /* struct cpu_stop_done */
	bool found;
	struct err *fatal;
};

static bool each_stop(void *ctx, struct kva node)
{
	struct stopper *s = ctx;
	uint64_t done = 0;
	bool ok;

	s->fatal = wait_try_member(s->j, node.v - s->j->l->stop_list.off, &s->j->l->stop_work_done, &done, &ok);
	s->found = !s->fatal && ok && done == s->done;
	return !s->found && !s->fatal;
}

/* Works that CPUs' stoppers (migration/N) have not come to. */
static struct err *find_stopper(struct wait_job *j)
{
	enum { WORKS_MAX = 256 };
	const struct waits_layout *l = j->l;

	if (!l->stop_done.present || !l->stop_list.present || !l->stop_work_done.present ||
	    !l->stopper_works.present || !l->stopper_thread.present || !khas_sym(j->k, "cpu_stopper"))
		return NULL;
	for (uint32_t cpu = 0; cpu < j->k->nr_cpu_ids && !j->row->has_holder; cpu++) {
		struct stopper s = { .j = j, .done = j->row->lock.v - l->stop_done.off };
		struct kva at, thread;

		if (!j->k->possible[cpu] || !j->k->online[cpu])
			continue;
		TRY(kpercpu_sym(j->k, "cpu_stopper", cpu, &at));
		(void)klist_walk(j->k, kmember(at, &l->stopper_works), WORKS_MAX, each_stop, &s, NULL);
		if (s.fatal)
			return s.fatal;
		if (!s.found)
			continue;
		TRY(kget_kva(j->k, at, &l->stopper_thread, &thread));
		TRY(wait_set_holder(j, thread.v, WAIT_RECORDED));
	}
	return NULL;
}

static bool is_called_by(const struct wait_job *j, const char *name)
{
	for (size_t i = 0; i < j->stack->nr_frames; i++) {
		if (j->stack->frames[i].symbol && wait_is_function(j->stack->frames[i].symbol, name))
			return true;
	}
	return false;
}

struct err *wait_read_completion(struct wait_job *j)
{
	static const char *const stops[] = { "__stop_cpus", "stop_one_cpu", "stop_two_cpus", "stop_cpus" };

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		if (is_called_by(j, stops[i]))
			return find_stopper(j);
	}
	return find_ending(j);
}
