/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a kernel must have in one of several forms: a value that has moved from a variable to a struct, or from one
 * struct to another.  Each form alone may be absent; where all are, the value is unknown and named as missing, so
 * that it does not pass for 0.  Which forms a kernel should have is told by what else it has, never by one thing alone:
 * that could be what is missing.
 */
#include "config.h"

#include "walk/scx.h"

/* What this kernel's sched_ext has learned so far; releases are those that brought it. */
struct learned {
	bool sched;   /* schedulers are objects, 6.16 */
	bool bypass;  /* queues for bypass mode, 6.19 */
	bool subs;    /* schedulers have all of their state themselves, and others below them, 7.1 */
	bool cids;    /* CPUs by topology, 7.2 */
	bool rescue;  /* tasks of schedulers below the root are rejected and rescued, 7.3 */
	bool events;  /* events are counted, 6.15 */
};

#define FIELD(field) (offsetof(struct scx_layout, field) + 1)

enum need { SCHED, NO_SCHED, BYPASS, SUBS, NO_SUBS, CIDS, RESCUE, EVENTS, SCHED_EVENTS, VAR_EVENTS, ALWAYS };

/* At least one of these must be there. */
static const struct either {
	const char *group, *name;
	enum need need;
	size_t fields[2];	/* FIELD(); 0: none */
	const char *symbols[2]; /* NULL: none */
} eithers[] = {
	{ "scx_sched", "scx_sched.bypass_depth or scx_bypass_depth", SCHED, { FIELD(bypass_depth) },
	  { "scx_bypass_depth" } },
	{ "scx_sched", "scx_sched.watchdog_timeout or scx_watchdog_timeout", SCHED, { FIELD(watchdog_timeout) },
	  { "scx_watchdog_timeout" } },
	{ "scx_sched", "scx_sched.aborting or scx_aborting", BYPASS, { FIELD(aborting) }, { "scx_aborting" } },
	{ "scx_sched", "scx_sched.pnode or scx_sched.global_dsqs", SCHED, { FIELD(pnode), FIELD(global_dsqs) }, { NULL } },
	{ "scx_sched", "scx_sched.pcpu or scx_sched.event_stats_cpu", SCHED_EVENTS, { FIELD(pcpu), FIELD(event_stats_cpu) },
	  { NULL } },
	{ "scx_sched", "scx_sched.all", SUBS, { FIELD(all) }, { NULL } },
	{ "scx_sched", "scx_sched_all", SUBS, { 0 }, { "scx_sched_all" } },
	{ "scx_sched", "scx_sched.level", SUBS, { FIELD(level) }, { NULL } },
	{ "scx_sched", "scx_sched.ancestors", SUBS, { FIELD(ancestors) }, { NULL } },
	{ "scx_sched", "scx_sched.is_cid_type", CIDS, { FIELD(is_cid_type) }, { NULL } },
	{ "scx_sched", "scx_sched.ops_cid.name", CIDS, { FIELD(cid_name) }, { NULL } },
	{ "scx_sched", "scx_sched.ops_cid.flags", CIDS, { FIELD(cid_flags) }, { NULL } },
	{ "scx_sched", "scx_sched.ops_cid.timeout_ms", CIDS, { FIELD(cid_timeout) }, { NULL } },
	{ "scx_sched", "scx_sched.id", RESCUE, { FIELD(sched_id) }, { NULL } },
	{ "scx_sched_pcpu", "scx_sched_pcpu.bypass_dsq or scx_rq.bypass_dsq", BYPASS,
	  { FIELD(pcpu_bypass_dsq), FIELD(rq_bypass_dsq) }, { NULL } },
	{ "scx_sched_pcpu", "scx_sched_pcpu.flags", SUBS, { FIELD(pcpu_flags) }, { NULL } },
	{ "scx_sched_pcpu", "scx_sched_pcpu.dsp_ctx", SUBS, { FIELD(pcpu_dsp_ctx) }, { NULL } },
	{ "scx_rq", "scx_dsp_ctx", NO_SUBS, { 0 }, { "scx_dsp_ctx" } },
	{ "scx_rq", "scx_rq.cpus_to_kick or scx_sched_pcpu.cpus_to_kick", ALWAYS, { FIELD(rq_kicks[0]), FIELD(pcpu_kicks[0]) },
	  { NULL } },
	{ "scx_rq", "scx_rq.cpus_to_kick_if_idle or scx_sched_pcpu.cpus_to_kick_if_idle", ALWAYS,
	  { FIELD(rq_kicks[1]), FIELD(pcpu_kicks[1]) }, { NULL } },
	{ "scx_rq", "scx_rq.cpus_to_preempt or scx_sched_pcpu.cpus_to_preempt", ALWAYS,
	  { FIELD(rq_kicks[2]), FIELD(pcpu_kicks[2]) }, { NULL } },
	{ "scx_rq", "scx_rq.cpus_to_wait or scx_sched_pcpu.cpus_to_wait", ALWAYS, { FIELD(rq_kicks[3]), FIELD(pcpu_kicks[3]) },
	  { NULL } },
	{ "scx_rq", "scx_rq.kick_sync or scx_rq.pnt_seq", ALWAYS, { FIELD(kick_sync), FIELD(pnt_seq) }, { NULL } },
	{ "scx_rq", "scx_rq.ops_qseq or sched_ext_entity.ops_qseq", ALWAYS, { FIELD(ops_qseq), FIELD(ent_ops_qseq) },
	  { NULL } },
	{ "scx_rq", "scx_rq.clock", EVENTS, { FIELD(clock) }, { NULL } },
	{ "scx_rq", "scx_rq.nr_immed", SUBS, { FIELD(nr_immed) }, { NULL } },
	{ "scx_rq", "scx_rq.reject_dsq", RESCUE, { FIELD(rq_reject_dsq) }, { NULL } },
	{ "scx_rq", "scx_rq.rescue.dsq", RESCUE, { FIELD(rq_rescue_dsq) }, { NULL } },
	{ "scx_rq", "scx_rq.rescue.curr", RESCUE, { FIELD(rq_rescue_curr) }, { NULL } },
	{ "scx_dispatch_q", "scx_dispatch_q.first_task", BYPASS, { FIELD(dsq_first) }, { NULL } },
	{ "scx_exit_info", "scx_exit_info.flags", BYPASS, { FIELD(ei_flags) }, { NULL } },
	{ "scx_exit_info", "scx_exit_info.exit_cpu", CIDS, { FIELD(ei_cpu) }, { NULL } },
	/* To 6.15 there are variables and nothing else. */
	{ "scx_sched", "scx_ops_bypass_depth", NO_SCHED, { 0 }, { "scx_ops_bypass_depth" } },
	{ "scx_sched", "scx_watchdog_timeout", NO_SCHED, { 0 }, { "scx_watchdog_timeout" } },
	{ "scx_sched", "scx_exit_kind", NO_SCHED, { 0 }, { "scx_exit_kind" } },
	{ "scx_sched", "scx_exit_info", NO_SCHED, { 0 }, { "scx_exit_info" } },
	{ "scx_sched", "dsq_hash", NO_SCHED, { 0 }, { "dsq_hash" } },
	{ "scx_sched", "global_dsqs", NO_SCHED, { 0 }, { "global_dsqs" } },
	{ "scx_sched", "event_stats_cpu", VAR_EVENTS, { 0 }, { "event_stats_cpu" } },
	{ "scx_sched", "scx_enable_state_var or scx_ops_enable_state_var", ALWAYS, { 0 },
	  { "scx_enable_state_var", "scx_ops_enable_state_var" } },
};

static bool has_type(const struct kernel *k, const char *name)
{
	uint32_t id;
	_cleanup_err_ struct err *e = types_find(k->types, BTF_KIND_STRUCT, name, &id);

	return !e;
}

static struct learned learn(const struct scx_walk *s, bool have_sched)
{
	const struct scx_layout *l = &s->l;
	struct learned k = { .sched = have_sched };
	int subs = l->bypass_depth.present + l->watchdog_timeout.present + l->aborting.present + l->all.present +
		   l->pnode.present + l->level.present;
	int bypass = l->rq_bypass_dsq.present + l->dsq_first.present + l->kick_sync.present;
	int rescue = l->rq_reject_dsq.present + l->rq_rescue_dsq.present + l->sched_id.present;

	k.subs = have_sched && subs >= 2;
	k.bypass = k.subs || (have_sched && bypass >= 2);
	k.cids = have_sched && (l->is_cid_type.present || has_type(s->k, "sched_ext_ops_cid"));
	k.rescue = k.subs && rescue >= 2;
	k.events = has_type(s->k, "scx_event_stats");
	return k;
}

static bool is_needed(const struct learned *k, enum need need)
{
	switch (need) {
	case SCHED:
		return k->sched;
	case NO_SCHED:
		return !k->sched;
	case BYPASS:
		return k->bypass;
	case SUBS:
		return k->subs;
	case NO_SUBS:
		return !k->subs;
	case CIDS:
		return k->cids;
	case RESCUE:
		return k->rescue;
	case EVENTS:
		return k->events || k->sched;
	case SCHED_EVENTS:
		return k->events && k->sched;
	case VAR_EVENTS:
		return k->events && !k->sched;
	case ALWAYS:
		return true;
	}
	return false;
}

static bool is_there(const struct scx_walk *s, const struct either *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(e->fields); i++) {
		const struct member *m = (const void *)((const char *)&s->l + e->fields[i] - 1);

		if (e->fields[i] && m->present)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(e->symbols); i++) {
		if (e->symbols[i] && khas_sym(s->k, e->symbols[i]))
			return true;
	}
	return false;
}

struct err *scx_expect(struct scx_walk *s, bool have_sched)
{
	struct learned k = learn(s, have_sched);

	for (size_t i = 0; i < ARRAY_SIZE(eithers); i++) {
		const struct either *e = &eithers[i];

		if (is_needed(&k, e->need) && !is_there(s, e))
			TRY(scx_missing(s, e->group, e->name));
	}
	s->has_aborting = k.bypass;
	return NULL;
}
