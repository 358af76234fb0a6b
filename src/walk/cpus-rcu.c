/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RCU: whether a grace period is running, since when, and who holds it up. */
#include "config.h"

#include <ctype.h>
#include <inttypes.h>

#include "walk/cpus.h"

enum {
	NODES_MAX = 4096,
	BLOCKED_MAX = 1024,
	GP_STATE_MASK = 3, /* RCU_SEQ_STATE_MASK */
};

/* As gp_state counts; the kernel has these as macros (RCU_GP_IDLE ...). */
static const char *const gp_states[] = { "IDLE",	"WAIT_GPS",  "DONE_GPS", "ONOFF", "INIT",
					 "WAIT_FQS", "DOING_FQS", "CLEANUP",  "CLEANED" };

static void set_holdout(struct cpus_walk *c, uint64_t cpu)
{
	struct cpu_state *s = &c->w->r->cpus;

	for (size_t i = 0; i < s->rows.nr; i++) {
		if (s->rows.data[i].cpu == cpu)
			s->rows.data[i].rcu_holdout = true;
	}
}

struct blocked {
	struct cpus_walk *c;
	struct rcu_state_row *rcu;
	uint64_t first; /* the running grace period waits for this entry and those behind it */
	bool from_here;
	bool nomem;
};

static bool add_blocked(void *ctx, struct kva node)
{
	struct blocked *b = ctx;
	struct rcu_state_row *rcu = b->rcu;

	b->from_here |= node.v == b->first;
	if (!b->from_here)
		return true;
	if (rcu->nr_blocked == BLOCKED_MAX) {
		rcu->blocked_cut = true;
		return false;
	}
	rcu->blocked[rcu->nr_blocked++].v = node.v - b->c->l.rcu_entry.off;
	return true;
}

static struct err *read_node(struct cpus_walk *c, struct kva node)
{
	const struct cpus_layout *l = &c->l;
	struct rcu_state_row *rcu = &c->w->r->cpus.rcu;
	struct opt_u64 tasks = { 0 };
	uint64_t mask, lo, hi;

	TRY(kget(c->k, node, &l->rn_qsmask, &mask));
	TRY(kget(c->k, node, &l->rn_grplo, &lo));
	TRY(kget(c->k, node, &l->rn_grphi, &hi));
	if (hi - lo < 64) {
		for (uint64_t cpu = lo; cpu <= hi; cpu++) {
			if (mask >> (cpu - lo) & 1)
				set_holdout(c, cpu);
		}
	}
	TRY(cpus_get(c, node, &l->rn_gp_tasks, &tasks));
	if (!tasks.v || !l->rcu_entry.present || !l->rn_blkd.present)
		return NULL;

	struct blocked b = { c, rcu, tasks.v, false, false };
	_cleanup_err_ struct err *why = NULL;
	enum walk_end end = klist_walk(c->k, kmember(node, &l->rn_blkd), WALK_LIST_MAX, add_blocked, &b, &why);
	if (end != WALK_COMPLETE && end != WALK_STOPPED)
		return err_new(ERR_CORRUPT, "RCU's blocked readers: %s", why ? why->msg : walk_end_text(end));
	return NULL;
}

static struct err *read_leaves(struct cpus_walk *c, struct kva state)
{
	const struct cpus_layout *l = &c->l;
	struct opt_u64 nr_nodes = { 0 }, nr_levels = { 0 };
	uint64_t first;

	TRY(cpus_var(c, "rcu_num_nodes", 4, &nr_nodes));
	TRY(cpus_var(c, "rcu_num_lvls", 4, &nr_levels));
	if (!nr_nodes.has || !nr_levels.has || !l->rn.size)
		return err_new(ERR_MISSING, "rcu_num_nodes or rcu_num_lvls");
	if (!nr_levels.v || nr_levels.v > l->rs_level.size / 8 || nr_nodes.v > NODES_MAX)
		return err_new(ERR_CORRUPT, "rcu_state: %" PRIu64 " levels, %" PRIu64 " nodes", nr_levels.v,
			       nr_nodes.v);
	TRY(kread_u64(c->k, (struct kva){ kmember(state, &l->rs_level).v + 8 * (nr_levels.v - 1) }, &first));

	uint64_t begin = kmember(state, &l->rs_node).v, end = begin + nr_nodes.v * l->rn.size;
	if (first < begin || first >= end || (first - begin) % l->rn.size)
		return err_new(ERR_CORRUPT, "rcu_state: the leaves are not among the nodes");
	for (uint64_t at = first; at < end; at += l->rn.size)
		TRY(read_node(c, (struct kva){ at }));
	return NULL;
}

struct err *cpus_read_rcu(struct cpus_walk *c)
{
	const struct cpus_layout *l = &c->l;
	struct rcu_state_row *rcu = &c->w->r->cpus.rcu;
	const struct opt_u64 *now = &c->w->r->cpus.detectors.jiffies;
	struct opt_u64 start = { 0 };
	struct kva state, name;
	char text[24];

	if (!l->rs_gp_seq.present || !l->rs_level.present || !l->rs_node.present || !l->rn_qsmask.present)
		return NULL; /* said already: missing members */
	TRY(ksym(c->k, "rcu_state", &state));
	uint64_t seq;
	TRY(kget(c->k, state, &l->rs_gp_seq, &seq));
	rcu->gp_seq = (int64_t)seq;
	TRY(cpus_get(c, state, &l->rs_gp_start, &start));
	TRY(cpus_get(c, state, &l->rs_gp_state, &rcu->gp_state));
	TRY(cpus_get(c, state, &l->rs_kthread, &rcu->kthread_kva));
	TRY(cpus_var(c, "rcu_cpu_stall_timeout", 4, &rcu->stall_timeout));
	if (rcu->gp_state.has && rcu->gp_state.v < ARRAY_SIZE(gp_states))
		rcu->gp_state_name = gp_states[rcu->gp_state.v];
	if (l->rs_name.present) {
		TRY(kget_kva(c->k, state, &l->rs_name, &name));
		TRY(kread_str(c->k, name, text, sizeof(text)));
		rcu->name = pool_printf(&c->w->r->pool, "%s", text);
		if (!rcu->name)
			return &err_nomem;
	}
	rcu->blocked = pool_calloc(&c->w->r->pool, BLOCKED_MAX, sizeof(*rcu->blocked));
	if (!rcu->blocked)
		return &err_nomem;
	rcu->running = seq & GP_STATE_MASK;
	rcu->collected = true;
	if (!rcu->running)
		return NULL;
	if (start.has && now->has && now->v - start.v < INT64_MAX)
		rcu->gp_age = (struct opt_u64){ true, now->v - start.v };
	return read_leaves(c, state);
}
