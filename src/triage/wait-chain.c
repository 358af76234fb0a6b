/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/wait-chain.h"

#include <inttypes.h>

/* Of a row while the edges are followed. */
enum colour { NEW, ON_THE_WAY, KNOWN };

/* Rows and where the edges lead to: all, or those from one lock to the next. */
struct edges {
	size_t *next;		   /* [waits.nr]: row, WAIT_NONE */
	struct wait_chain *chains; /* [waits.nr] */
};

struct wait_graph {
	size_t *row_of; /* [tasks.nr]: 1 + row of waits, 0: none */
	struct edges all, locks;
	/* Only while it is made. */
	uint8_t *colours;
	size_t *way;
};

bool wait_is_lock(const struct wait_row *w)
{
	return w->lock.v && wait_kind_is_lock(w->kind);
}

static size_t row_of(const struct wait_graph *g, const struct report *r, struct kva kva)
{
	const struct task_row *task = report_task(r, kva);

	return task && g->row_of[task - r->tasks.data] ? g->row_of[task - r->tasks.data] - 1 : WAIT_NONE;
}

/* The weaker of two bases is the one with the higher number. */
static enum wait_basis weaker(enum wait_basis a, enum wait_basis b)
{
	return MAX(a, b);
}

/* All rows from `way[first]` on are a circle. */
static void close_circle(struct wait_graph *g, struct edges *e, const struct report *r, size_t first, size_t nr)
{
	struct wait_chain c = { .end = g->way[first], .cycle = true, .nr = nr - first, .basis = WAIT_RECORDED };

	for (size_t i = first; i < nr; i++) {
		c.end = MIN(c.end, g->way[i]);
		c.basis = weaker(c.basis, r->waits.data[g->way[i]].holder.basis);
	}
	for (size_t i = first; i < nr; i++) {
		e->chains[g->way[i]] = c;
		g->colours[g->way[i]] = KNOWN;
	}
}

/* From one row to where its edges lead, or to what is known already; then back, so that each is visited once. */
static void follow(struct wait_graph *g, struct edges *e, const struct report *r, size_t row)
{
	size_t nr = 0, at = row;

	while (at != WAIT_NONE && g->colours[at] == NEW) {
		g->colours[at] = ON_THE_WAY;
		g->way[nr++] = at;
		at = e->next[at];
	}
	if (at != WAIT_NONE && g->colours[at] == ON_THE_WAY) {
		size_t first = nr;

		while (g->way[--first] != at)
			;
		close_circle(g, e, r, first, nr);
		nr = first;
	}
	while (nr) {
		const struct wait_row *w;
		struct wait_chain c;

		row = g->way[--nr];
		w = &r->waits.data[row];
		if (e->next[row] == WAIT_NONE) {
			c = (struct wait_chain){ .end = row, .basis = WAIT_RECORDED };
			if (w->has_holder)
				c.basis = w->holder.basis;
		} else {
			c = e->chains[e->next[row]];
			if (!c.cycle)
				c.basis = weaker(c.basis, w->holder.basis);
		}
		e->chains[row] = c;
		g->colours[row] = KNOWN;
	}
}

static bool make_edges(struct wait_graph *g, struct edges *e, struct triage *t, bool locks)
{
	const struct report *r = t->r;

	e->next = pool_calloc(&t->out->pool, r->waits.nr + 1, sizeof(*e->next));
	e->chains = pool_calloc(&t->out->pool, r->waits.nr + 1, sizeof(*e->chains));
	if (!e->next || !e->chains)
		return false;
	for (size_t i = 0; i < r->waits.nr; i++) {
		const struct wait_row *w = &r->waits.data[i];
		size_t next = w->has_holder ? row_of(g, r, w->holder.task) : WAIT_NONE;

		/* A holder that waits for an event is where a chain of locks ends. */
		if (next != WAIT_NONE && locks && !(wait_is_lock(w) && wait_is_lock(&r->waits.data[next])))
			next = WAIT_NONE;
		e->next[i] = next;
	}
	memset(g->colours, NEW, r->waits.nr);
	for (size_t i = 0; i < r->waits.nr; i++)
		follow(g, e, r, i);
	return true;
}

static struct wait_graph *make_graph(struct triage *t)
{
	const struct report *r = t->r;
	struct pool *pool = &t->out->pool;
	struct wait_graph *g = pool_alloc(pool, sizeof(*g));

	if (!g)
		return NULL;
	g->row_of = pool_calloc(pool, r->tasks.nr + 1, sizeof(*g->row_of));
	g->colours = pool_calloc(pool, r->waits.nr + 1, sizeof(*g->colours));
	g->way = pool_calloc(pool, r->waits.nr + 1, sizeof(*g->way));
	if (!g->row_of || !g->colours || !g->way)
		return NULL;
	for (size_t i = 0; i < r->waits.nr; i++) {
		const struct task_row *task = report_task(r, r->waits.data[i].task);

		if (task && !g->row_of[triage_task_index(t, task)])
			g->row_of[triage_task_index(t, task)] = i + 1;
	}
	return make_edges(g, &g->all, t, false) && make_edges(g, &g->locks, t, true) ? g : NULL;
}

static const struct wait_graph *graph(struct triage *t)
{
	if (!t->waits && !t->nomem) {
		t->waits = make_graph(t);
		t->nomem = !t->waits;
	}
	return t->waits;
}

size_t wait_row_of(struct triage *t, struct kva kva)
{
	const struct wait_graph *g = graph(t);

	return g ? row_of(g, t->r, kva) : WAIT_NONE;
}

size_t wait_next(struct triage *t, size_t row)
{
	const struct wait_graph *g = graph(t);

	return g ? g->all.next[row] : WAIT_NONE;
}

struct wait_chain wait_follow(struct triage *t, size_t row)
{
	const struct wait_graph *g = graph(t);

	return g ? g->all.chains[row] : (struct wait_chain){ .end = row };
}

size_t wait_last_lock(struct triage *t, size_t row)
{
	const struct wait_graph *g = graph(t);

	return !g || !wait_is_lock(&t->r->waits.data[row]) || g->all.chains[row].cycle ? WAIT_NONE :
											 g->locks.chains[row].end;
}

static const char *kind_word(enum wait_kind kind)
{
	switch (kind) {
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
		return "rwsem";
	case WAIT_PERCPU_READ:
	case WAIT_PERCPU_WRITE:
		return "percpu-rwsem";
	case WAIT_SPINLOCK:
		return "spin lock";
	case WAIT_RWLOCK_READ:
	case WAIT_RWLOCK_WRITE:
		return "rwlock";
	case WAIT_FILE_LOCK:
		return "file lock";
	default:
		return wait_kind_text(kind);
	}
}

bool wait_is_users(const struct wait_row *w)
{
	return (w->kind == WAIT_RT_MUTEX && w->uaddr.has) || w->kind == WAIT_FILE_LOCK || w->kind == WAIT_FUTEX;
}

/* "CPU 1, 3" */
static const char *cpus_text(struct triage *t, const struct wait_row *w)
{
	enum { NAMED = 4 };
	const char *text = "another CPU";

	for (size_t i = 0; i < MIN(w->nr_cpus, (size_t)NAMED); i++)
		text = triage_printf(t, "%s%s%" PRIu32, i ? text : "CPU", i ? ", " : " ", w->cpus[i]);
	return w->nr_cpus > NAMED ? triage_printf(t, "%s ...", text) : text;
}

const char *wait_lock_text(struct triage *t, const struct wait_row *w)
{
	if (w->kind == WAIT_RT_MUTEX && w->uaddr.has)
		return triage_printf(t, "the PI futex 0x%" PRIx64 " of its process", w->uaddr.v);
	if (w->kind == WAIT_FUTEX && w->uaddr.has)
		return triage_printf(t, "the futex 0x%" PRIx64 " of its process", w->uaddr.v);
	if (w->kind == WAIT_CALL)
		return triage_printf(t, "an answer of %s", cpus_text(t, w));
	if (w->kind == WAIT_STOP)
		return triage_printf(t, "%s to stop", cpus_text(t, w));
	if (w->object)
		return w->object;
	if (w->lock_name)
		return triage_printf(t, "%s %s", kind_word(w->kind), w->lock_name);
	if (w->lock.v)
		return triage_printf(t, "%s 0x%" PRIx64, kind_word(w->kind), w->lock.v);
	return w->function ? w->function : wait_kind_text(w->kind);
}

void wait_evidence(struct triage *t, struct finding *f, size_t row)
{
	const struct wait_row *w = &t->r->waits.data[row];

	triage_int(t, f, w->pid, "fdgdb.waits[%zu].pid", row);
	triage_text(t, f, wait_kind_text(w->kind), "fdgdb.waits[%zu].kind", row);
	if (w->lock.v)
		triage_hex(t, f, w->lock.v, "fdgdb.waits[%zu].lock_kva", row);
	if (w->work.v)
		triage_hex(t, f, w->work.v, "fdgdb.waits[%zu].work_kva", row);
	for (size_t i = 0; i < w->nr_cpus; i++)
		triage_num(t, f, w->cpus[i], "fdgdb.waits[%zu].waits_for_cpus[%zu]", row, i);
	if (w->has_holder) {
		triage_hex(t, f, w->holder.task.v, "fdgdb.waits[%zu].holder.task_kva", row);
		triage_text(t, f, wait_basis_text(w->holder.basis), "fdgdb.waits[%zu].holder.basis", row);
	}
}
