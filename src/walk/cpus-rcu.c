/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RCU: whether a grace period is running or wanted, since when, and who holds it up. */
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

static void set_holdout(struct cpus_walk *c, uint64_t cpu, bool expedited)
{
	struct cpu_state *s = &c->w->r->cpus;

	for (size_t i = 0; i < s->rows.nr; i++) {
		if (s->rows.data[i].cpu != cpu)
			continue;
		if (expedited)
			s->rows.data[i].rcu_exp_holdout = true;
		else
			s->rows.data[i].rcu_holdout = true;
	}
}

struct blocked {
	struct cpus_walk *c;
	uint64_t first; /* the running grace period waits for this entry and those behind it */
	bool from_here;
	struct kva *tasks; /* [BLOCKED_MAX] */
	size_t *nr;
	bool *cut;
};

static bool add_blocked(void *ctx, struct kva node)
{
	struct blocked *b = ctx;

	b->from_here |= node.v == b->first;
	if (!b->from_here)
		return true;
	if (*b->nr == BLOCKED_MAX) {
		*b->cut = true;
		return false;
	}
	b->tasks[(*b->nr)++].v = node.v - b->c->l.rcu_entry.off;
	return true;
}

/* The tasks that a grace period waits for: `first` is a pointer into the list. */
static struct err *read_blocked(struct cpus_walk *c, struct kva node, const struct member *first,
				struct kva *to, size_t *nr, bool *cut)
{
	const struct cpus_layout *l = &c->l;
	struct opt_u64 tasks = { 0 };

	TRY(cpus_get(c, node, first, &tasks));
	if (!tasks.v || !l->rcu_entry.present || !l->rn_blkd.present)
		return NULL;

	struct blocked b = { .c = c, .first = tasks.v, .tasks = to, .nr = nr, .cut = cut };
	_cleanup_err_ struct err *why = NULL;
	enum walk_end end = klist_walk(c->k, kmember(node, &l->rn_blkd), WALK_LIST_MAX, add_blocked, &b, &why);
	if (end != WALK_COMPLETE && end != WALK_STOPPED)
		return err_new(ERR_CORRUPT, "RCU's blocked readers: %s", why ? why->msg : walk_end_text(end));
	return NULL;
}

static void set_holdouts(struct cpus_walk *c, uint64_t mask, uint64_t lo, uint64_t hi, bool expedited)
{
	if (hi - lo >= 64)
		return;
	for (uint64_t cpu = lo; cpu <= hi; cpu++) {
		if (mask >> (cpu - lo) & 1)
			set_holdout(c, cpu, expedited);
	}
}

static struct err *read_node(struct cpus_walk *c, struct kva node)
{
	const struct cpus_layout *l = &c->l;
	struct rcu_state_row *rcu = &c->w->r->cpus.rcu;
	uint64_t mask, lo, hi;

	TRY(kget(c->k, node, &l->rn_grplo, &lo));
	TRY(kget(c->k, node, &l->rn_grphi, &hi));
	if (rcu->running) {
		TRY(kget(c->k, node, &l->rn_qsmask, &mask));
		set_holdouts(c, mask, lo, hi, false);
		TRY(read_blocked(c, node, &l->rn_gp_tasks, rcu->blocked, &rcu->nr_blocked, &rcu->blocked_cut));
	}
	if (rcu->exp_running && l->rn_expmask.present) {
		TRY(kget(c->k, node, &l->rn_expmask, &mask));
		set_holdouts(c, mask, lo, hi, true);
		TRY(read_blocked(c, node, &l->rn_exp_tasks, rcu->exp_blocked, &rcu->nr_exp_blocked,
				 &rcu->exp_blocked_cut));
	}
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

/* For how many jiffies something is so that is a stamp of these. */
static struct err *age(struct cpus_walk *c, struct kva obj, const struct member *stamp, struct opt_u64 *ret)
{
	const struct opt_u64 *now = &c->w->r->cpus.detectors.jiffies;
	struct opt_u64 since = { 0 };

	TRY(cpus_get(c, obj, stamp, &since));
	if (since.has && now->has && now->v - since.v < INT64_MAX)
		*ret = (struct opt_u64){ true, now->v - since.v };
	return NULL;
}

/* A grace period that is wanted, and has not begun: the root's node counts for which it is. */
static struct err *read_request(struct cpus_walk *c, struct kva state, uint64_t seq)
{
	const struct cpus_layout *l = &c->l;
	struct rcu_state_row *rcu = &c->w->r->cpus.rcu;
	struct opt_u64 needed = { 0 }, flags = { 0 };
	enum { FLAG_INIT = 1 }; /* RCU_GP_FLAG_INIT */

	TRY(age(c, state, &l->rs_activity, &rcu->activity_age));
	if (rcu->running)
		return NULL;
	TRY(cpus_get(c, kmember(state, &l->rs_node), &l->rn_needed, &needed));
	TRY(cpus_get(c, state, &l->rs_flags, &flags));
	rcu->requested = (needed.has && (int64_t)(needed.v - seq) > 0) || (flags.v & FLAG_INIT);
	return rcu->requested ? age(c, state, &l->rs_req_activity, &rcu->requested_for) : NULL;
}

struct err *cpus_read_rcu(struct cpus_walk *c)
{
	const struct cpus_layout *l = &c->l;
	struct rcu_state_row *rcu = &c->w->r->cpus.rcu;
	struct kva state, name;
	char text[24];

	if (!l->rs_gp_seq.present || !l->rs_level.present || !l->rs_node.present || !l->rn_qsmask.present)
		return NULL; /* said already: missing members */
	TRY(ksym(c->k, "rcu_state", &state));
	uint64_t seq;
	TRY(kget(c->k, state, &l->rs_gp_seq, &seq));
	rcu->gp_seq = (int64_t)seq;
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
	rcu->exp_blocked = pool_calloc(&c->w->r->pool, BLOCKED_MAX, sizeof(*rcu->exp_blocked));
	if (!rcu->blocked || !rcu->exp_blocked)
		return &err_nomem;
	TRY(cpus_get(c, state, &l->rs_exp_seq, &rcu->exp_seq));
	rcu->running = seq & GP_STATE_MASK;
	rcu->exp_running = rcu->exp_seq.v & GP_STATE_MASK;
	rcu->collected = true;
	TRY(read_request(c, state, seq));
	if (rcu->running)
		TRY(age(c, state, &l->rs_gp_start, &rcu->gp_age));
	return rcu->running || rcu->exp_running ? read_leaves(c, state) : NULL;
}
