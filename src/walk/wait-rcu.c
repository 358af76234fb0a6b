/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits for a grace period, and whom that waits for: what RCU has noted, if it is one alone. */
#include "config.h"

#include "walk/cpus.h"
#include "walk/waits.h"

/* A word of the stack that is the address of a domain: what belongs to it points back. */
static struct err *is_domain(struct wait_job *j, uint64_t at, bool *ret)
{
	const struct waits_layout *l = j->l;
	uint64_t part = 0, back = 0;
	bool ok;

	*ret = false;
	if (l->ssp_sup.present) {
		TRY(wait_try_member(j, at, &l->ssp_sup, &part, &ok));
		if (ok)
			TRY(wait_try_member(j, part, &l->sup_ssp, &back, &ok));
		*ret = ok && back == at;
		return NULL;
	}
	/* Before 6.4 that are only the data of each CPU. */
	TRY(wait_try_member(j, at, &l->ssp_sda, &part, &ok));
	if (!ok || !part || !j->k->nr_cpu_ids)
		return NULL;
	struct kva data;
	TRY(kpercpu(j->k, (struct kva){ part }, 0, &data));
	TRY(wait_try_member(j, data.v, &l->sd_ssp, &back, &ok));
	*ret = ok && back == at;
	return NULL;
}

struct err *wait_find_srcu(struct wait_job *j)
{
	for (size_t i = 0; i < j->nr_words; i++) {
		bool is;

		TRY(is_domain(j, j->words[i], &is));
		if (!is)
			continue;
		j->row->lock.v = j->words[i];
		j->row->found_by = "its address on the stack";
		return cpus_note_srcu(j->w, j->row->lock);
	}
	return NULL;
}

/* ---- */

struct holdouts {
	size_t nr;
	uint64_t task; /* of the last one; 0: unknown */
};

static void add(struct holdouts *h, uint64_t task)
{
	h->nr++;
	h->task = task;
}

static void of_rcu(const struct wait_job *j, bool expedited, struct holdouts *h)
{
	const struct cpu_state *s = &j->w->r->cpus;
	const struct rcu_state_row *rcu = &s->rcu;

	for (size_t i = 0; i < s->rows.nr; i++) {
		const struct cpu_row *c = &s->rows.data[i];

		if (expedited ? c->rcu_exp_holdout : c->rcu_holdout)
			add(h, c->has_curr && !c->idle ? c->curr.v : 0);
	}
	for (size_t i = 0; i < (expedited ? rcu->nr_exp_blocked : rcu->nr_blocked); i++)
		add(h, (expedited ? rcu->exp_blocked : rcu->blocked)[i].v);
}

/* Those that a grace period of tasks waits for have a mark. */
static struct err *count_marked(struct wait_job *j, const struct member *mark, struct holdouts *h)
{
	const struct report *r = j->w->r;

	for (size_t i = 0; i < r->tasks.nr; i++) {
		uint64_t v = 0;
		bool ok;

		TRY(wait_try_member(j, r->tasks.data[i].kva.v, mark, &v, &ok));
		if (ok && v)
			add(h, r->tasks.data[i].kva.v);
	}
	return NULL;
}

static struct err *of_tasks(struct wait_job *j, bool trace, struct holdouts *h)
{
	const struct member *mark = trace ? &j->l->trc_nesting : &j->l->tasks_holdout;
	struct wait_marked *marked = trace ? &j->shared->tasks_trace : &j->shared->tasks;

	if (!marked->known) {
		TRY(count_marked(j, mark, h));
		*marked = (struct wait_marked){ true, h->nr, h->task };
	}
	*h = (struct holdouts){ marked->nr, marked->task };
	return NULL;
}

static bool is_running(const struct wait_job *j, const char *name)
{
	const struct cpu_state *s = &j->w->r->cpus;

	for (size_t i = 0; i < s->rcu_tasks.nr; i++) {
		if (!strcmp(s->rcu_tasks.data[i].name, name))
			return s->rcu_tasks.data[i].running;
	}
	return false;
}

struct err *wait_read_grace_period(struct wait_job *j)
{
	const struct cpu_state *s = &j->w->r->cpus;
	const char *kind = j->row->rcu;
	struct holdouts h = { 0 };

	if (!s->collected) {
		j->row->why = "the state of RCU was not read";
		return NULL;
	}
	if (!strcmp(kind, "expedited"))
		of_rcu(j, true, &h);
	else if (!strcmp(kind, "rcu") || !strcmp(kind, "barrier"))
		of_rcu(j, false, &h);
	else if (!strcmp(kind, "tasks") && is_running(j, "rcu_tasks"))
		TRY(of_tasks(j, false, &h));
	else if (!strcmp(kind, "tasks_trace") && is_running(j, "rcu_tasks_trace"))
		TRY(of_tasks(j, true, &h));
	if (h.nr == 1 && h.task && h.task != j->row->task.v)
		return wait_set_holder(j, h.task, WAIT_RECORDED);
	if (h.nr > 1)
		j->row->why = "the grace period waits for several";
	else if (j->row->lock.v)
		j->row->why = "the readers of SRCU are a number, and nobody records who they are";
	return NULL;
}
