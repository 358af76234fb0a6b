/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workqueues: pools with works to do, their busy workers, and what is held back behind those. */
#include "config.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/symbolize.h"
#include "walk/cpus.h"

enum {
	POOLS_MAX = 16384,
	WORKERS_MAX = 4096, /* of a pool */
	WORKS_MAX = 65536,  /* of a list */
};

struct pools {
	struct cpus_walk *c;
	VEC(struct kva) kvas;
	struct pool_row *rows;
	bool *busy; /* worth a row */
	bool nomem;
};

static bool add_pool(void *ctx, uint64_t id, struct kva entry)
{
	struct pools *p = ctx;
	struct kva *kva = vec_push(&p->kvas);

	(void)id;
	if (!kva) {
		p->nomem = true;
		return false;
	}
	*kva = entry;
	return true;
}

struct err *cpus_func_name(struct cpus_walk *c, uint64_t addr, const char **ret)
{
	struct pool *pool = &c->w->r->pool;
	struct sym sym;

	TRY(ksymbolize(c->k, (struct kva){ addr }, SYM_EXACT, &sym));
	if (!sym.name || sym.offset)
		*ret = sym_text(pool, &sym);
	else if (sym.module)
		*ret = pool_printf(pool, "%s [%s]", sym.name, sym.module->name);
	else
		*ret = pool_printf(pool, "%s", sym.name);
	return *ret ? NULL : &err_nomem;
}

static bool count_node(void *ctx, struct kva node)
{
	uint64_t *nr = ctx;

	(void)node;
	++*nr;
	return true;
}

/* Works on a list; *cut if there are more, or it is broken. */
static void count_list(struct cpus_walk *c, struct kva head, uint64_t *nr, bool *cut)
{
	*cut = klist_walk(c->k, head, WORKS_MAX, count_node, nr, NULL) != WALK_COMPLETE;
}

/* ---- workers */

struct workers {
	struct cpus_walk *c;
	struct pool_row *pool;
	VEC(struct worker_row) rows;
	size_t nr;
	bool nomem;
};

static struct err *read_worker(struct cpus_walk *c, struct kva worker, struct worker_row *row, bool *busy)
{
	const struct cpus_layout *l = &c->l;
	const struct opt_u64 *now = &c->w->r->cpus.detectors.jiffies;
	struct opt_u64 start = { 0 };
	struct kva work, pwq, wq;
	uint64_t func, pid;
	char name[33];

	TRY(kget_kva(c->k, worker, &l->w_work, &work));
	*busy = work.v;
	if (!work.v)
		return NULL;
	TRY(kget(c->k, worker, &l->w_func, &func));
	TRY(cpus_func_name(c, func, &row->func));
	row->kva = worker;
	row->work = work;
	TRY(kget_kva(c->k, worker, &l->w_task, &row->task));
	if (row->task.v && l->pid.present && l->comm.present) {
		TRY(kget(c->k, row->task, &l->pid, &pid));
		TRY(kget_str(c->k, row->task, &l->comm, row->comm, sizeof(row->comm)));
		row->pid = (int32_t)pid;
	}
	TRY(cpus_get(c, worker, &l->w_start, &start));
	if (start.has && now->has)
		row->busy = (struct opt_u64){ true, now->v - start.v };
	TRY(kget_kva(c->k, worker, &l->w_pwq, &pwq));
	if (!pwq.v)
		return NULL;
	TRY(kget_kva(c->k, pwq, &l->pwq_wq, &wq));
	TRY(kget_str(c->k, wq, &l->wq_name, name, sizeof(name)));
	row->wq = pool_printf(&c->w->r->pool, "%s", name);
	if (l->pwq_inactive.present) {
		row->waiting.has = true;
		count_list(c, kmember(pwq, &l->pwq_inactive), &row->waiting.v, &row->waiting_cut);
	}
	return row->wq ? NULL : &err_nomem;
}

static bool add_worker(void *ctx, struct kva node)
{
	struct workers *w = ctx;
	struct worker_row row = { 0 };
	bool busy = false;

	if (cpus_failed(w->c, read_worker(w->c, (struct kva){ node.v - w->c->l.w_node.off }, &row, &busy),
			&w->pool->why) &&
	    w->c->fatal)
		return false;
	if (!busy)
		return true;

	struct worker_row *slot = vec_push(&w->rows);
	if (!slot) {
		w->nomem = true;
		return false;
	}
	*slot = row;
	return true;
}

static struct err *read_workers(struct cpus_walk *c, struct kva pool, struct pool_row *row)
{
	struct workers w = { .c = c, .pool = row };
	_cleanup_err_ struct err *why = NULL;
	enum walk_end end = klist_walk(c->k, kmember(pool, &c->l.wp_workers), WORKERS_MAX, add_worker, &w,
				       &why);
	struct err *e = NULL;

	if (w.nomem)
		e = &err_nomem;
	else if (end != WALK_COMPLETE && end != WALK_STOPPED)
		e = err_new(ERR_CORRUPT, "workers: %s", why ? why->msg : walk_end_text(end));
	if (!e && w.rows.nr) {
		row->nr_rows = w.rows.nr;
		row->workers = pool_memdup(&c->w->r->pool, w.rows.data, w.rows.nr * sizeof(*w.rows.data));
		if (!row->workers)
			e = &err_nomem;
	}
	free(w.rows.data);
	return e;
}

/* ---- pools */

static struct err *read_next(struct cpus_walk *c, struct kva head, struct pool_row *row)
{
	struct kva node;
	uint64_t func;

	TRY(kread_kva(c->k, head, &node));
	TRY(kget(c->k, (struct kva){ node.v - c->l.ws_entry.off }, &c->l.ws_func, &func));
	return cpus_func_name(c, func, &row->next_func);
}

static struct err *read_pool_row(struct cpus_walk *c, struct kva pool, struct pool_row *row)
{
	const struct cpus_layout *l = &c->l;
	const struct opt_u64 *now = &c->w->r->cpus.detectors.jiffies;
	struct opt_u64 ts = { 0 };
	uint64_t cpu, flags;

	row->kva = pool;
	TRY(kget(c->k, pool, &l->wp_id, &row->id));
	TRY(kget(c->k, pool, &l->wp_cpu, &cpu));
	TRY(kget(c->k, pool, &l->wp_flags, &flags));
	row->cpu = (int32_t)cpu;
	row->flags = (uint32_t)flags;
	TRY(kget(c->k, pool, &l->wp_nr_workers, &row->nr_workers));
	TRY(kget(c->k, pool, &l->wp_nr_idle, &row->nr_idle));
	TRY(kget(c->k, pool, &l->wp_nr_running, &row->nr_running));
	TRY(cpus_get(c, pool, l->wp_ts.present ? &l->wp_ts : &l->wp_progress, &ts));
	count_list(c, kmember(pool, &l->wp_worklist), &row->nr_pending, &row->pending_cut);
	if (row->nr_pending)
		TRY(read_next(c, kmember(pool, &l->wp_worklist), row));
	/* The stamp is kept only while there are works. */
	if (row->nr_pending && ts.has && now->has && now->v - ts.v < INT64_MAX)
		row->idle_for = (struct opt_u64){ true, now->v - ts.v };
	/* Pools of the softirq kind have no workers of their own. */
	return row->nr_workers == row->nr_idle ? NULL : read_workers(c, pool, row);
}

static void read_pool(void *ctx, size_t i)
{
	struct pools *p = ctx;
	struct pool_row *row = &p->rows[i];

	if (p->c->fatal)
		return;
	cpus_failed(p->c, read_pool_row(p->c, p->kvas.data[i], row), &row->why);
	p->busy[i] = row->nr_pending || row->nr_rows || row->why;
}

static struct err *read_all(struct pools *p)
{
	struct cpus_walk *c = p->c;
	struct report *r = c->w->r;
	_cleanup_free_ struct pool_row *rows = calloc(p->kvas.nr + 1, sizeof(*rows));
	_cleanup_free_ bool *busy = calloc(p->kvas.nr + 1, sizeof(*busy));

	if (!rows || !busy)
		return &err_nomem;
	p->rows = rows;
	p->busy = busy;
	mem_each(c->k->mem, p->kvas.nr, read_pool, p);
	if (c->fatal)
		return take_ptr(c->fatal);
	for (size_t i = 0; i < p->kvas.nr; i++) {
		if (!busy[i])
			continue;

		struct pool_row *row = vec_push(&r->cpus.pools);
		if (!row)
			return &err_nomem;
		*row = rows[i];
		if (row->why)
			TRY(report_section(r, "cpus", SECTION_NOT_READABLE, "worker pool %" PRIu64 ": %s",
					   row->id, row->why));
	}
	return NULL;
}

struct err *cpus_read_pools(struct cpus_walk *c)
{
	const struct cpus_layout *l = &c->l;
	struct pools p = { .c = c };
	_cleanup_err_ struct err *why = NULL;
	struct kva idr;

	if (!l->wp_id.present || !l->wp_worklist.present || !l->wp_workers.present || !l->w_node.present ||
	    !l->w_work.present || !l->ws_entry.present || !l->pwq_wq.present || !l->wq_name.present)
		return NULL; /* said already: missing members */
	TRY(ksym(c->k, "worker_pool_idr", &idr));
	enum walk_end end = kidr_walk(c->k, idr, POOLS_MAX, add_pool, &p, &why);
	struct err *e = p.nomem ? &err_nomem : NULL;
	if (!e && end != WALK_COMPLETE)
		e = report_section(c->w->r, "cpus", SECTION_NOT_READABLE, "worker pools: %s",
				   why ? why->msg : walk_end_text(end));
	if (!e)
		e = read_all(&p);
	free(p.kvas.data);
	return e;
}
