/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks: all that the table of pids, the list of processes with their threads, scx_tasks (which also has the
 * dead that are not freed yet), run queues and DSQs lead to, by pid; idle tasks come first, by CPU.
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
	if (!e && t->l.clock.present && t->l.clock_task.present) {
		e = kget(t->k, rq, &t->l.clock, &t->cpus[cpu].clock);
		if (!e)
			e = kget(t->k, rq, &t->l.clock_task, &t->cpus[cpu].clock_task);
	}
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
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++)
		t->now = MAX(t->now, t->cpus[cpu].clock);
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

/* Ascending, each once, without NULL. */
static void sort_out_twins(struct task_kvas *kvas)
{
	size_t nr = 0;

	if (kvas->kvas.nr)
		qsort(kvas->kvas.data, kvas->kvas.nr, sizeof(*kvas->kvas.data), by_value);
	for (size_t i = 0; i < kvas->kvas.nr; i++) {
		struct kva kva = kvas->kvas.data[i];

		if (kva.v && (!nr || kvas->kvas.data[nr - 1].v != kva.v))
			kvas->kvas.data[nr++] = kva;
	}
	kvas->kvas.nr = nr;
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
	for (size_t i = 0; i < scx->rqs.nr; i++) {
		const struct scx_rq_row *rq = &scx->rqs.data[i];

		TRY(add(to, rq->runnable, rq->nr_runnable));
		for (size_t k = 0; k < rq->nr_transit; k++)
			TRY(add(to, &rq->transit[k].task, 1));
	}
	for (size_t i = 0; i < scx->dsqs.nr; i++)
		TRY(add(to, scx->dsqs.data[i].tasks, scx->dsqs.data[i].nr_tasks));
	return NULL;
}

/*
 * Notes what could not be had of a list.  An error that is not fatal leaves the list empty or shorter; a
 * kernel without the list (ERR_MISSING) sets *missing instead.
 */
static struct err *note(struct task_walk *t, struct err *e, const char *why, bool capped, bool *missing)
{
	struct report *r = t->w->r;

	*missing = e && e->code == ERR_MISSING;
	if (walk_is_fatal(e))
		return e;
	struct err *failed = NULL;
	if (e && !*missing)
		failed = report_section(r, "tasks", SECTION_NOT_READABLE, "%s", e->msg);
	else if (why && capped)
		failed = report_cut(r, "tasks", false, "%s", why);
	else if (why)
		failed = report_section(r, "tasks", SECTION_NOT_READABLE, "%s", why);
	err_free(e);
	return failed;
}

/* The idle tasks of all CPUs but the first are on scx_tasks too, but have no pid. */
static struct err *add_idle(const struct task_walk *t, struct task_kvas *to)
{
	for (uint32_t cpu = 0; cpu < t->k->nr_cpu_ids; cpu++)
		TRY(add(to, &t->cpus[cpu].idle, 1));
	return NULL;
}

/* `listed` gets those that stand where every living task does. */
static struct err *find_tasks(struct task_walk *t, struct task_kvas *tasks, struct task_kvas *listed)
{
	struct report *r = t->w->r;
	const char *why_pids = NULL, *why_procs = NULL, *why = NULL;
	bool no_pids, no_procs, no_scx, capped = false;
	struct err *e;

	e = task_list_pids(t, listed, &why_pids);
	TRY(note(t, e, why_pids, false, &no_pids));
	TRY(add_idle(t, listed));
	task_fetch(t, listed);
	e = task_list_processes(t, listed, &why_procs, &capped);
	TRY(note(t, e, why_procs, capped, &no_procs));
	e = task_list_scx(t, tasks, &why, &capped);
	TRY(note(t, e, why, capped, &no_scx));
	if (no_pids && no_procs && no_scx)
		TRY(report_section(r, "tasks", SECTION_NOT_IMPLEMENTED,
				   "no list of tasks that is known; only what runs"));

	sort_out_twins(listed);
	t->know_listed = !no_pids && !why_pids && !no_procs && !why_procs;
	TRY(add(tasks, listed->kvas.data, listed->kvas.nr));
	TRY(add_referred(t, tasks));
	sort_out_twins(tasks);
	if (tasks->kvas.nr <= TASKS_MAX)
		return NULL;
	tasks->kvas.nr = TASKS_MAX;
	return report_cut(r, "tasks", false, "only %d", TASKS_MAX);
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

		/* A CPU that is not there has an idle task all the same, and calls it its current one. */
		if (!row || row->running || !t->k->online[cpu])
			continue;
		row->running = true;
		row->cpu = cpu;
		row->unknown &= ~(unsigned int)TASK_CPU;
		if (!c->has_ip)
			continue;
		struct lock_slowpath lock = task_lock_slowpath(t->k, c->ip);
		row->lock_slowpath = lock.match;
		row->x.lock_symbol = lock.symbol;
	}
}

static int by_pid(const void *a, const void *b)
{
	const struct task_row *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->x.idle && y->x.idle && x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->kva.v < y->kva.v ? -1 : x->kva.v > y->kva.v;
}

/* Who is on the way to a queue; one that was inserted and taken out again since is not. */
static void set_transit(struct task_walk *t)
{
	const struct scx_state *scx = &t->w->r->scx;
	uint64_t state_mask = t->flag_fields.ops_shift < 8 ? (1ull << t->flag_fields.ops_shift) - 1 : 0;

	for (size_t i = 0; i < scx->rqs.nr; i++) {
		for (size_t k = 0; k < scx->rqs.data[i].nr_transit; k++) {
			const struct scx_transit *p = &scx->rqs.data[i].transit[k];
			struct task_row *row = (struct task_row *)report_task(t->w->r, p->task);

			if (!row || (p->buffered && row->x.ops_state.has && (row->x.ops_state.v & ~state_mask) != p->qseq))
				continue;
			row->x.transit = p->buffered ? TRANSIT_BUFFERED : TRANSIT_DEFERRED;
			row->x.transit_cpu = scx->rqs.data[i].cpu;
			row->x.transit_dsq = p->dsq_id;
		}
	}
}

/* What can be said of the rows only when all are there. */
static struct err *finish_rows(struct task_walk *t, const struct task_kvas *listed)
{
	struct report *r = t->w->r;

	for (size_t i = 0; i < r->tasks.nr; i++) {
		struct task_row *row = &r->tasks.data[i];

		row->x.unlisted = t->know_listed && !contains(listed, row->kva);
		for (uint32_t cpu = 0; cpu < t->k->nr_cpu_ids && !row->pid; cpu++) {
			if (t->cpus[cpu].idle.v != row->kva.v)
				continue;
			row->x.idle = true;
			row->cpu = cpu;
			row->unknown &= ~(unsigned int)TASK_CPU;
		}
	}
	if (r->tasks.nr)
		qsort(r->tasks.data, r->tasks.nr, sizeof(*r->tasks.data), by_pid);
	TRY(task_select(t->w));
	TRY(report_index_tasks(r));
	set_running(t);
	set_transit(t);
	for (size_t i = 0; i < r->tasks.nr; i++)
		task_ages(t, &r->tasks.data[i]);
	TRY(task_cgroups(t));
	TRY(task_join_storage(r));
	TRY(task_complete_storage(t));
	return task_storage_payloads(t->w);
}

static struct err *run(struct task_walk *t, struct task_kvas *tasks, struct task_kvas *listed)
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
	TRY(find_tasks(t, tasks, listed));
	TRY(read_tasks(t, tasks));
	TRY(finish_rows(t, listed));
	if (!r->tasks.nr)
		r->tasks_unavailable = "task walker yielded zero tasks";
	return NULL;
}

struct err *walk_tasks(struct walk *w)
{
	struct task_walk t = { .w = w, .k = w->k };
	struct task_kvas tasks = { 0 }, listed = { 0 };
	struct err *e = run(&t, &tasks, &listed);

	if (e && !w->r->tasks.nr)
		w->r->tasks_unavailable = "no task walker available";
	free(tasks.kvas.data);
	free(listed.kvas.data);
	free(t.cpus);
	missing_deinit(&t.missing);
	err_free(t.fatal);
	return e;
}
