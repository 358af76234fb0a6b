/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/wait-chain.h"

#include <inttypes.h>

/* Of a row while the edges are followed. */
enum colour { NEW, ON_THE_WAY, KNOWN };

struct wait_graph {
	size_t *row_of; /* [tasks.nr]: 1 + row of waits, 0: none */
	size_t *next;	/* [waits.nr]: row, WAIT_NONE */
	struct wait_chain *chains; /* [waits.nr] */
	uint8_t *colours;
	size_t *way;
};

bool wait_is_lock(const struct wait_row *w)
{
	return w->lock.v && w->kind != WAIT_COMPLETION && w->kind != WAIT_FUTEX;
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
static void close_circle(struct wait_graph *g, const struct report *r, size_t first, size_t nr)
{
	struct wait_chain c = { .end = g->way[first], .cycle = true, .nr = nr - first, .basis = WAIT_RECORDED };

	for (size_t i = first; i < nr; i++) {
		c.end = MIN(c.end, g->way[i]);
		c.basis = weaker(c.basis, r->waits.data[g->way[i]].holder.basis);
	}
	for (size_t i = first; i < nr; i++) {
		g->chains[g->way[i]] = c;
		g->colours[g->way[i]] = KNOWN;
	}
}

/* From one row to where its edges lead, or to what is known already; then back, so that each is visited once. */
static void follow(struct wait_graph *g, const struct report *r, size_t row)
{
	size_t nr = 0, at = row;

	while (at != WAIT_NONE && g->colours[at] == NEW) {
		g->colours[at] = ON_THE_WAY;
		g->way[nr++] = at;
		at = g->next[at];
	}
	if (at != WAIT_NONE && g->colours[at] == ON_THE_WAY) {
		size_t first = nr;

		while (g->way[--first] != at)
			;
		close_circle(g, r, first, nr);
		nr = first;
	}
	while (nr) {
		const struct wait_row *w;
		struct wait_chain c;

		row = g->way[--nr];
		w = &r->waits.data[row];
		if (g->next[row] == WAIT_NONE) {
			c = (struct wait_chain){ .end = row, .basis = WAIT_RECORDED };
			if (w->has_holder)
				c.basis = w->holder.basis;
		} else {
			c = g->chains[g->next[row]];
			if (!c.cycle)
				c.basis = weaker(c.basis, w->holder.basis);
		}
		g->chains[row] = c;
		g->colours[row] = KNOWN;
	}
}

static struct wait_graph *make_graph(struct triage *t)
{
	const struct report *r = t->r;
	struct pool *pool = &t->out->pool;
	struct wait_graph *g = pool_alloc(pool, sizeof(*g));

	if (!g)
		return NULL;
	g->row_of = pool_calloc(pool, r->tasks.nr + 1, sizeof(*g->row_of));
	g->next = pool_calloc(pool, r->waits.nr + 1, sizeof(*g->next));
	g->chains = pool_calloc(pool, r->waits.nr + 1, sizeof(*g->chains));
	g->colours = pool_calloc(pool, r->waits.nr + 1, sizeof(*g->colours));
	g->way = pool_calloc(pool, r->waits.nr + 1, sizeof(*g->way));
	if (!g->row_of || !g->next || !g->chains || !g->colours || !g->way)
		return NULL;

	for (size_t i = 0; i < r->waits.nr; i++) {
		const struct task_row *task = report_task(r, r->waits.data[i].task);

		if (task && !g->row_of[triage_task_index(t, task)])
			g->row_of[triage_task_index(t, task)] = i + 1;
	}
	for (size_t i = 0; i < r->waits.nr; i++) {
		const struct wait_row *w = &r->waits.data[i];
		size_t next = w->has_holder ? row_of(g, r, w->holder.task) : WAIT_NONE;

		/* A holder that waits for an event is where the chain of locks ends. */
		g->next[i] = next != WAIT_NONE && wait_is_lock(&r->waits.data[next]) ? next : WAIT_NONE;
	}
	for (size_t i = 0; i < r->waits.nr; i++)
		follow(g, r, i);
	return g;
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

	return g ? g->next[row] : WAIT_NONE;
}

struct wait_chain wait_follow(struct triage *t, size_t row)
{
	const struct wait_graph *g = graph(t);

	return g ? g->chains[row] : (struct wait_chain){ .end = row };
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
	default:
		return wait_kind_text(kind);
	}
}

bool wait_is_users(const struct wait_row *w)
{
	return w->kind == WAIT_RT_MUTEX && w->uaddr.has;
}

const char *wait_lock_text(struct triage *t, const struct wait_row *w)
{
	if (wait_is_users(w))
		return triage_printf(t, "the PI futex 0x%" PRIx64 " of its process", w->uaddr.v);
	if (w->lock_name)
		return triage_printf(t, "%s %s", kind_word(w->kind), w->lock_name);
	return triage_printf(t, "%s 0x%" PRIx64, kind_word(w->kind), w->lock.v);
}

void wait_evidence(struct triage *t, struct finding *f, size_t row)
{
	const struct wait_row *w = &t->r->waits.data[row];

	triage_int(t, f, w->pid, "fdgdb.waits[%zu].pid", row);
	triage_text(t, f, wait_kind_text(w->kind), "fdgdb.waits[%zu].kind", row);
	if (w->lock.v)
		triage_hex(t, f, w->lock.v, "fdgdb.waits[%zu].lock_kva", row);
	if (w->has_holder) {
		triage_hex(t, f, w->holder.task.v, "fdgdb.waits[%zu].holder.task_kva", row);
		triage_text(t, f, wait_basis_text(w->holder.basis), "fdgdb.waits[%zu].holder.basis", row);
	}
}
