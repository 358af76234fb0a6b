/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other kinds of RCU: SRCU, of which everybody may have a domain, and those whose grace periods wait for tasks (for
 * tracers' trampolines, and for BPF programs that may sleep).
 */
#include "config.h"

#include <string.h>

#include "walk/cpus.h"

enum { SEQ_STATE_MASK = 3 /* RCU_SEQ_STATE_MASK */, DOMAINS_MAX = 4096 };

/* ---- SRCU */

/* Readers that are in, by which of the two indices they took: what all CPUs have counted. */
static struct err *count_readers(struct cpus_walk *c, struct kva sda, int index, struct opt_i32 *ret)
{
	const struct cpus_layout *l = &c->l;
	uint64_t sum = 0;

	if (!(l->sd_locks.present && l->sd_unlocks.present) &&
	    !(l->sd_ctrs.present && l->ctr_locks.present && l->ctr_unlocks.present))
		return NULL;
	for (uint32_t cpu = 0; cpu < c->k->nr_cpu_ids; cpu++) {
		uint64_t in, out, step = 8;
		struct kva at, locks, unlocks;

		if (!c->k->possible[cpu])
			continue;
		TRY(kpercpu(c->k, sda, cpu, &at));
		if (l->sd_ctrs.present) {
			step = l->sd_ctrs.size / 2;
			locks = (struct kva){ kmember(at, &l->sd_ctrs).v + l->ctr_locks.off };
			unlocks = (struct kva){ kmember(at, &l->sd_ctrs).v + l->ctr_unlocks.off };
		} else {
			locks = kmember(at, &l->sd_locks);
			unlocks = kmember(at, &l->sd_unlocks);
		}
		TRY(kread_u64(c->k, (struct kva){ locks.v + (uint64_t)index * step }, &in));
		TRY(kread_u64(c->k, (struct kva){ unlocks.v + (uint64_t)index * step }, &out));
		sum += in - out;
	}
	*ret = (struct opt_i32){ true, (int32_t)sum };
	return NULL;
}

static struct err *read_domain(struct cpus_walk *c, struct srcu_row *row)
{
	const struct cpus_layout *l = &c->l;
	const struct opt_u64 *now = &c->w->r->cpus.detectors.jiffies;
	struct opt_u64 seq = { 0 }, start = { 0 };
	struct kva sup, sda;

	if (l->ssp_sup.present) {
		TRY(kget_kva(c->k, row->kva, &l->ssp_sup, &sup));
		TRY(cpus_get(c, sup, &l->sup_seq, &seq));
		TRY(cpus_get(c, sup, &l->sup_start, &start));
	} else {
		TRY(cpus_get(c, row->kva, &l->ssp_seq, &seq));
		TRY(cpus_get(c, row->kva, &l->ssp_start, &start));
	}
	row->gp_seq = seq.v;
	if (!(seq.v & SEQ_STATE_MASK))
		return NULL;
	if (start.has && now->has && now->v - start.v < INT64_MAX)
		row->gp_age = (struct opt_u64){ true, now->v - start.v };
	if (!l->ssp_sda.present)
		return NULL;
	TRY(kget_kva(c->k, row->kva, &l->ssp_sda, &sda));
	for (int i = 0; i < 2; i++)
		TRY(count_readers(c, sda, i, &row->readers[i]));
	return NULL;
}

static bool is_there(const struct cpu_state *s, struct kva domain)
{
	for (size_t i = 0; i < s->srcus.nr; i++) {
		if (s->srcus.data[i].kva.v == domain.v)
			return true;
	}
	return false;
}

struct err *cpus_add_srcu(struct cpus_walk *c, struct kva domain, const char *name, bool always)
{
	struct cpu_state *s = &c->w->r->cpus;
	struct srcu_row row = { .kva = domain, .name = name };

	if (is_there(s, domain))
		return NULL;
	cpus_failed(c, read_domain(c, &row), &row.why);
	/* Fatal: the caller looks.  And another fiber may have been here while this one read. */
	if (c->fatal || is_there(s, domain))
		return NULL;
	if (!always && !row.why && !(row.gp_seq & SEQ_STATE_MASK))
		return NULL;
	struct srcu_row *to = vec_push(&s->srcus);
	if (!to)
		return &err_nomem;
	*to = row;
	return NULL;
}

struct err *cpus_note_srcu(struct walk *w, struct kva domain)
{
	struct cpus_walk c = { .w = w, .k = w->k };
	struct err *e = NULL;

	if (!w->r->cpus.collected)
		return NULL;
	e = cpus_members(&c);
	if (!e)
		e = cpus_add_srcu(&c, domain, NULL, true);
	missing_deinit(&c.missing);
	if (!e)
		return c.fatal;
	err_free(c.fatal);
	return e;
}

/* Domains that are variables have per-CPU data of a name that a macro makes of theirs. */
static struct err *read_domains(struct cpus_walk *c)
{
	static const char suffix[] = "_srcu_data";
	const size_t len = sizeof(suffix) - 1;
	size_t found = 0;

	if (!c->l.sd_ssp.present || !c->k->nr_cpu_ids)
		return NULL;
	for (size_t i = 0; i < symbols_count(c->k->symbols) && found < DOMAINS_MAX && !c->fatal; i++) {
		const struct symbol *sym = symbols_get(c->k->symbols, i);
		size_t n = strlen(sym->name);
		struct kva data, domain;

		if (n <= len || strcmp(sym->name + n - len, suffix))
			continue;
		found++;
		TRY(kpercpu(c->k, (struct kva){ sym->addr }, 0, &data));
		TRY(err_prefix(kget_kva(c->k, data, &c->l.sd_ssp, &domain), "%s", sym->name));
		if (!domain.v) /* nobody has used it yet */
			continue;
		const char *name = pool_strndup(&c->w->r->pool, sym->name, n - len);
		if (!name)
			return &err_nomem;
		TRY(cpus_add_srcu(c, domain, name, false));
	}
	return NULL;
}

/* ---- of tasks */

/* As gp_state counts; the kernel has these as macros (RTGS_INIT ...). */
static const char *const states[] = {
	"INIT",		      "WAIT_WAIT_CBS",	    "WAIT_GP",	     "PRE_WAIT_GP", "SCAN_TASKLIST",
	"POST_SCAN_TASKLIST", "WAIT_SCAN_HOLDOUTS", "SCAN_HOLDOUTS", "POST_GP",	    "WAIT_READERS",
	"INVOKE_CBS",	      "WAIT_CBS",
};

static struct err *read_tasks_kind(struct cpus_walk *c, const char *name)
{
	const struct cpus_layout *l = &c->l;
	const struct opt_u64 *now = &c->w->r->cpus.detectors.jiffies;
	struct rcu_tasks_row row = { .name = name };
	struct opt_u64 jiffies = { 0 }, start = { 0 }, kthread = { 0 };
	struct kva at;

	TRY(ksym(c->k, name, &at));
	TRY(kget(c->k, at, &l->rt_gp_seq, &row.gp_seq));
	TRY(kget(c->k, at, &l->rt_gp_state, &row.gp_state));
	TRY(cpus_get(c, at, &l->rt_gp_jiffies, &jiffies));
	TRY(cpus_get(c, at, &l->rt_gp_start, &start));
	TRY(cpus_get(c, at, &l->rt_kthread, &kthread));
	row.running = row.gp_seq & SEQ_STATE_MASK;
	row.kthread.v = kthread.v;
	if (row.gp_state < ARRAY_SIZE(states))
		row.gp_state_name = states[row.gp_state];
	if (now->has && jiffies.has && now->v - jiffies.v < INT64_MAX)
		row.state_age = (struct opt_u64){ true, now->v - jiffies.v };
	if (row.running && now->has && start.has && now->v - start.v < INT64_MAX)
		row.gp_age = (struct opt_u64){ true, now->v - start.v };
	struct rcu_tasks_row *to = vec_push(&c->w->r->cpus.rcu_tasks);
	if (!to)
		return &err_nomem;
	*to = row;
	return NULL;
}

static struct err *read_tasks(struct cpus_walk *c)
{
	/* From 7.0 on the last one is a domain of SRCU. */
	static const char *const names[] = { "rcu_tasks", "rcu_tasks_rude", "rcu_tasks_trace" };

	if (!c->l.rt_gp_seq.present || !c->l.rt_gp_state.present)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (khas_sym(c->k, names[i]))
			TRY(err_prefix(read_tasks_kind(c, names[i]), "%s", names[i]));
	}
	return NULL;
}

struct err *cpus_read_other_rcus(struct cpus_walk *c)
{
	struct cpu_state *s = &c->w->r->cpus;

	TRY(read_domains(c));
	for (size_t i = 0; i < s->srcus.nr; i++) {
		if (s->srcus.data[i].why)
			TRY(report_section(c->w->r, "cpus", SECTION_NOT_READABLE, "SRCU %s: %s",
					   s->srcus.data[i].name, s->srcus.data[i].why));
	}
	return read_tasks(c);
}
