/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks: those on scx_tasks in its order (every task ever forked and not gone, whatever its class), then
 * by address those that run queues and DSQs refer to, as the boot CPU's idle task.  A kernel without
 * sched_ext has the table of pids instead.
 */
#include "config.h"

#include "walk/tasks.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum { TASKS_MAX = 4 * WALK_LIST_MAX };

/* ---- what runs where */

static void read_cpu(void *ctx, size_t cpu)
{
	struct task_walk *t = ctx;
	struct kva rq;

	if (!t->k->possible[cpu] || t->fatal)
		return;
	struct err *e = kpercpu_sym(t->k, "runqueues", (uint32_t)cpu, &rq);
	if (!e)
		e = kget_kva(t->k, rq, &t->l.curr, &t->cpus[cpu].curr);
	if (!e && t->l.idle.present)
		e = kget_kva(t->k, rq, &t->l.idle, &t->cpus[cpu].idle);
	if (!e)
		return;
	if (walk_is_fatal(e) && !t->fatal)
		t->fatal = e;
	else
		err_free(e);
}

static struct err *read_cpus(struct task_walk *t)
{
	struct kernel *k = t->k;

	t->cpus = calloc(k->nr_cpu_ids + 1, sizeof(*t->cpus));
	if (!t->cpus)
		return &err_nomem;
	for (size_t i = 0; i < k->target->nr_vcpus; i++) {
		uint64_t ip;
		uint32_t cpu;
		struct err *e = kvcpu_cpu(k, i, &cpu);

		if (!e)
			e = target_reg(k->target, i, k->arch->ip, &ip);
		if (!e && cpu < k->nr_cpu_ids) {
			t->cpus[cpu].has_ip = true;
			t->cpus[cpu].ip = ip;
		}
		err_ignore(e); /* told by walk_vcpus() */
	}
	if (t->l.curr.present)
		mem_each(k->mem, k->nr_cpu_ids, read_cpu, t);
	return t->fatal ? take_ptr(t->fatal) : NULL;
}

/* Whether all normal tasks are the scheduler's, not only those with its policy. */
static struct err *read_switched_all(struct task_walk *t)
{
	struct kva key;
	uint32_t enabled = 0;

	if (!khas_sym(t->k, "__scx_switched_all"))
		return NULL;
	TRY(ksym(t->k, "__scx_switched_all", &key));
	/* struct static_key begins with its count. */
	struct err *e = kread_u32(t->k, key, &enabled);
	if (walk_is_fatal(e))
		return e;
	err_ignore(e);
	t->scx_all = (int32_t)enabled > 0;
	return NULL;
}

/* ---- which tasks */

static int by_value(const void *a, const void *b)
{
	const struct kva *x = a, *y = b;

	return x->v < y->v ? -1 : x->v > y->v;
}

static bool contains(const struct task_kvas *sorted, struct kva kva)
{
	return sorted->kvas.nr && bsearch(&kva, sorted->kvas.data, sorted->kvas.nr, sizeof(kva), by_value);
}

static struct err *add(struct task_kvas *to, const struct kva *kvas, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct kva *p = vec_push(&to->kvas);

		if (!p)
			return &err_nomem;
		*p = kvas[i];
	}
	return NULL;
}

/* All that the report refers to. */
static struct err *add_referred(const struct task_walk *t, struct task_kvas *to)
{
	const struct scx_state *scx = &t->w->r->scx;

	for (uint32_t cpu = 0; cpu < t->k->nr_cpu_ids; cpu++)
		TRY(add(to, &t->cpus[cpu].curr, 1));
	for (size_t i = 0; i < scx->rqs.nr; i++)
		TRY(add(to, scx->rqs.data[i].runnable, scx->rqs.data[i].nr_runnable));
	for (size_t i = 0; i < scx->dsqs.nr; i++)
		TRY(add(to, scx->dsqs.data[i].tasks, scx->dsqs.data[i].nr_tasks));
	return NULL;
}

/* Appends those of `more` that are not in `tasks` yet, each once and by address. */
static struct err *append_new(struct task_kvas *tasks, struct task_kvas *more)
{
	struct task_kvas had = { 0 };
	uint64_t last = 0;
	struct err *e = add(&had, tasks->kvas.data, tasks->kvas.nr);

	if (had.kvas.nr)
		qsort(had.kvas.data, had.kvas.nr, sizeof(*had.kvas.data), by_value);
	if (more->kvas.nr)
		qsort(more->kvas.data, more->kvas.nr, sizeof(*more->kvas.data), by_value);
	for (size_t i = 0; i < more->kvas.nr && !e; i++) {
		struct kva kva = more->kvas.data[i];

		if (kva.v != last && !contains(&had, kva)) /* nor NULL */
			e = add(tasks, &kva, 1);
		last = kva.v;
	}
	free(had.kvas.data);
	return e;
}

/*
 * What could not be had of an error that is not fatal; the list is then empty or shorter.
 * A kernel without the thing (ERR_MISSING) sets *missing instead.
 */
static struct err *sort_out(struct task_walk *t, struct err *e, bool *missing)
{
	*missing = e && e->code == ERR_MISSING;
	if (!e || walk_is_fatal(e))
		return e;

	struct err *failed = *missing ? NULL :
			     report_section(t->w->r, "tasks", SECTION_NOT_READABLE, "%s", e->msg);
	err_free(e);
	return failed;
}

/* The idle tasks are on scx_tasks too, but have no pid. */
static struct err *fetch_ahead(struct task_walk *t, const struct task_kvas *pids)
{
	struct task_kvas ahead = { 0 };
	struct err *e = add(&ahead, pids->kvas.data, pids->kvas.nr);

	for (uint32_t cpu = 0; cpu < t->k->nr_cpu_ids && !e; cpu++)
		e = add(&ahead, &t->cpus[cpu].idle, 1);
	task_fetch(t, &ahead);
	free(ahead.kvas.data);
	return e;
}

static struct err *find_tasks(struct task_walk *t, struct task_kvas *tasks, struct task_kvas *pids)
{
	struct report *r = t->w->r;
	const char *why_pids = NULL, *why_scx = NULL;
	bool no_pids, no_scx, capped = false;
	struct task_kvas more = { 0 };

	TRY(sort_out(t, task_list_pids(t, pids, &why_pids), &no_pids));
	TRY(fetch_ahead(t, pids));
	TRY(sort_out(t, task_list_scx(t, tasks, &why_scx, &capped), &no_scx));

	if (why_scx && capped)
		TRY(report_cut(r, "tasks", false, "%s", why_scx));
	else if (why_scx)
		TRY(report_section(r, "tasks", SECTION_NOT_READABLE, "%s", why_scx));
	if (no_scx && why_pids)
		TRY(report_section(r, "tasks", SECTION_NOT_READABLE, "%s", why_pids));
	if (no_scx && no_pids)
		TRY(report_section(r, "tasks", SECTION_NOT_IMPLEMENTED,
				   "neither scx_tasks nor the table of pids; only what runs"));

	/* Without a whole list the table of pids has the tasks that the list would have. */
	struct err *e = NULL;
	if (no_scx || (why_scx && !capped))
		e = add(&more, pids->kvas.data, pids->kvas.nr);
	if (!e)
		e = add_referred(t, &more);
	if (!e)
		e = append_new(tasks, &more);
	free(more.kvas.data);
	if (e || tasks->kvas.nr <= TASKS_MAX)
		return e;
	tasks->kvas.nr = TASKS_MAX;
	return report_cut(r, "tasks", false, "only the first %d", TASKS_MAX);
}

/* ---- reading them */

struct rows {
	struct task_walk *t;
	const struct task_kvas *tasks;
	struct task_row *rows;
	bool *ok;
	const char **why;
};

static void read_one(void *ctx, size_t i)
{
	struct rows *rows = ctx;

	if (!rows->t->fatal)
		rows->ok[i] = task_read(rows->t, rows->tasks->kvas.data[i], &rows->rows[i],
					&rows->why[i]);
}

static struct err *add_rows(struct rows *rows)
{
	struct report *r = rows->t->w->r;
	size_t nr = rows->tasks->kvas.nr, lost = 0, partly = 0;
	const char *why = NULL;

	for (size_t i = 0; i < nr; i++) {
		lost += !rows->ok[i];
		partly += rows->ok[i] && rows->rows[i].unreadable;
		if (rows->why[i] && !why)
			why = rows->why[i];
		if (!rows->ok[i])
			continue;
		struct task_row *row = vec_push(&r->tasks);
		if (!row)
			return &err_nomem;
		*row = rows->rows[i];
	}
	if (lost || partly)
		return report_section(r, "tasks", SECTION_NOT_READABLE,
				      "%zu of %zu tasks, parts of %zu; first: %s", lost, nr, partly,
				      why ? why : "?");
	return NULL;
}

static struct err *read_tasks(struct task_walk *t, const struct task_kvas *tasks)
{
	size_t nr = tasks->kvas.nr;
	_cleanup_free_ struct task_row *rows = calloc(nr + 1, sizeof(*rows));
	_cleanup_free_ bool *ok = calloc(nr + 1, sizeof(*ok));
	_cleanup_free_ const char **why = calloc(nr + 1, sizeof(*why));
	struct rows ctx = { t, tasks, rows, ok, why };

	if (!rows || !ok || !why)
		return &err_nomem;
	task_fetch(t, tasks);
	mem_each(t->k->mem, nr, read_one, &ctx);
	if (t->fatal)
		return take_ptr(t->fatal);
	return add_rows(&ctx);
}

/* What runs is on no list that says so: every CPU's current task is looked up. */
static void set_running(struct task_walk *t)
{
	for (uint32_t cpu = 0; cpu < t->k->nr_cpu_ids; cpu++) {
		const struct task_cpu *c = &t->cpus[cpu];
		struct task_row *row = c->curr.v ? (struct task_row *)report_task(t->w->r, c->curr) : NULL;

		if (!row || row->running)
			continue;
		row->running = true;
		row->cpu = cpu;
		if (c->has_ip)
			row->lock_slowpath = task_lock_slowpath(t->k, c->ip);
	}
}

static struct err *run(struct task_walk *t, struct task_kvas *tasks, struct task_kvas *pids)
{
	struct report *r = t->w->r;

	TRY(report_section(r, "tasks", SECTION_COMPLETE, NULL));
	TRY(task_layout(t));
	for (size_t i = 0; i < t->missing.nr; i++)
		TRY(report_section(r, "tasks", SECTION_NOT_IMPLEMENTED, "not in this kernel's types: %s",
				   t->missing.names[i]));
	if (!t->l.pid.present || !t->l.comm.present) {
		r->tasks_unavailable = "no task walker available";
		return NULL;
	}
	task_fetch_roots(t);
	TRY(read_cpus(t));
	TRY(read_switched_all(t));
	TRY(find_tasks(t, tasks, pids));
	TRY(read_tasks(t, tasks));
	TRY(report_index_tasks(r));
	set_running(t);
	if (!r->tasks.nr)
		r->tasks_unavailable = "task walker yielded zero tasks";
	return NULL;
}

struct err *walk_tasks(struct walk *w)
{
	struct task_walk t = { .w = w, .k = w->k };
	struct task_kvas tasks = { 0 }, pids = { 0 };
	struct err *e = run(&t, &tasks, &pids);

	if (e && !w->r->tasks.nr)
		w->r->tasks_unavailable = "no task walker available";
	free(tasks.kvas.data);
	free(pids.kvas.data);
	free(t.cpus);
	missing_deinit(&t.missing);
	err_free(t.fatal);
	return e;
}
