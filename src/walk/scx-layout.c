/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What sched_ext's structs look like in this kernel.  Releases in comments are those that brought a
 * member, or had it last; the code asks what is there.
 */
#include "config.h"

#include "walk/scx.h"

static const struct layout_member rq_members[] = {
	LAYOUT(struct scx_layout, rq_scx, "rq", "scx"),
	LAYOUT(struct scx_layout, rq_curr, "rq", "curr"),
	LAYOUT_OPT(struct scx_layout, rq_lock, "rq", "__lock.raw_lock"),
	LAYOUT(struct scx_layout, rq_idle, "rq", "idle"),
	LAYOUT(struct scx_layout, rq_clock, "rq", "clock"),
};

static const struct layout_member scx_rq_members[] = {
	LAYOUT(struct scx_layout, nr_running, "scx_rq", "nr_running"),
	LAYOUT(struct scx_layout, flags, "scx_rq", "flags"),
	LAYOUT(struct scx_layout, cpu_released, "scx_rq", "cpu_released"),
	LAYOUT(struct scx_layout, runnable_list, "scx_rq", "runnable_list"),
	LAYOUT(struct scx_layout, local_dsq, "scx_rq", "local_dsq"),
	LAYOUT(struct scx_layout, deferred_locals, "scx_rq", "ddsp_deferred_locals"),
	LAYOUT_OPT(struct scx_layout, ops_qseq, "scx_rq", "ops_qseq"),	     /* to 7.1 */
	LAYOUT_OPT(struct scx_layout, kick_sync, "scx_rq", "kick_sync"),     /* 6.19 */
	LAYOUT_OPT(struct scx_layout, pnt_seq, "scx_rq", "pnt_seq"),	     /* to 6.18 */
	LAYOUT_OPT(struct scx_layout, nr_immed, "scx_rq", "nr_immed"),	     /* 7.1 */
	LAYOUT_OPT(struct scx_layout, clock, "scx_rq", "clock"),	     /* 6.14 */
	LAYOUT_OPT(struct scx_layout, rq_bypass_dsq, "scx_rq", "bypass_dsq"), /* 6.19 to 7.0 */
	LAYOUT_OPT(struct scx_layout, rq_reject_dsq, "scx_rq", "reject_dsq"), /* 7.3 */
	LAYOUT_OPT(struct scx_layout, rq_rescue_dsq, "scx_rq", "rescue.dsq"), /* 7.3 */
	LAYOUT_OPT(struct scx_layout, rq_rescue_curr, "scx_rq", "rescue.curr"), /* 7.3 */
	LAYOUT_OPT(struct scx_layout, rq_kicks[0], "scx_rq", "cpus_to_kick"), /* these to 7.2 */
	LAYOUT_OPT(struct scx_layout, rq_kicks[1], "scx_rq", "cpus_to_kick_if_idle"),
	LAYOUT_OPT(struct scx_layout, rq_kicks[2], "scx_rq", "cpus_to_preempt"),
	LAYOUT_OPT(struct scx_layout, rq_kicks[3], "scx_rq", "cpus_to_wait"),
};

static const struct layout_member task_members[] = {
	LAYOUT(struct scx_layout, scx, "task_struct", "scx"),
	LAYOUT(struct scx_layout, pid, "task_struct", "pid"),
	LAYOUT(struct scx_layout, comm, "task_struct", "comm"),
	LAYOUT(struct scx_layout, sched_class, "task_struct", "sched_class"),
	/* SCHED_INFO */
	LAYOUT_OPT(struct scx_layout, last_arrival, "task_struct", "sched_info.last_arrival"),
};

static const struct layout_member entity_members[] = {
	LAYOUT(struct scx_layout, runnable_node, "sched_ext_entity", "runnable_node"),
	LAYOUT(struct scx_layout, dsq_list, "sched_ext_entity", "dsq_list"),
	LAYOUT(struct scx_layout, ent_flags, "sched_ext_entity", "flags"),
	LAYOUT(struct scx_layout, tasks_node, "sched_ext_entity", "tasks_node"),
	LAYOUT(struct scx_layout, dsq_priq, "sched_ext_entity", "dsq_priq"),
	LAYOUT(struct scx_layout, ddsp_dsq_id, "sched_ext_entity", "ddsp_dsq_id"),
	LAYOUT_OPT(struct scx_layout, ent_ops_qseq, "sched_ext_entity", "ops_qseq"), /* 7.2 */
};

static const struct layout_member dsq_node_members[] = {
	LAYOUT(struct scx_layout, dsq_node, "scx_dsq_list_node", "node"),
	LAYOUT(struct scx_layout, dsq_node_flags, "scx_dsq_list_node", "flags"),
};

static const struct layout_member dsq_members[] = {
	LAYOUT(struct scx_layout, dsq_id, "scx_dispatch_q", "id"),
	LAYOUT(struct scx_layout, dsq_nr, "scx_dispatch_q", "nr"),
	LAYOUT(struct scx_layout, dsq_seq, "scx_dispatch_q", "seq"),
	LAYOUT(struct scx_layout, dsq_tasks, "scx_dispatch_q", "list"),
	LAYOUT(struct scx_layout, dsq_hash_node, "scx_dispatch_q", "hash_node"),
	LAYOUT_OPT(struct scx_layout, dsq_lock, "scx_dispatch_q", "lock.raw_lock"),
	LAYOUT(struct scx_layout, dsq_tree, "scx_dispatch_q", "priq"),
	LAYOUT_OPT(struct scx_layout, dsq_first, "scx_dispatch_q", "first_task"), /* 6.19 */
};

/* 6.16 on; before, all of this is in symbols. */
static const struct layout_member sched_members[] = {
	LAYOUT(struct scx_layout, exit_kind, "scx_sched", "exit_kind"),
	LAYOUT(struct scx_layout, exit_info, "scx_sched", "exit_info"),
	LAYOUT(struct scx_layout, dsq_hash, "scx_sched", "dsq_hash"),
	LAYOUT(struct scx_layout, sched_name, "scx_sched", "ops.name"),
	LAYOUT(struct scx_layout, sched_flags, "scx_sched", "ops.flags"),
	LAYOUT(struct scx_layout, sched_timeout, "scx_sched", "ops.timeout_ms"),
	LAYOUT_OPT(struct scx_layout, is_cid_type, "scx_sched", "is_cid_type"), /* 7.2 */
	LAYOUT_OPT(struct scx_layout, cid_name, "scx_sched", "ops_cid.name"),
	LAYOUT_OPT(struct scx_layout, cid_flags, "scx_sched", "ops_cid.flags"),
	LAYOUT_OPT(struct scx_layout, cid_timeout, "scx_sched", "ops_cid.timeout_ms"),
	LAYOUT_OPT(struct scx_layout, aborting, "scx_sched", "aborting"),     /* 7.1 */
	LAYOUT_OPT(struct scx_layout, bypass_depth, "scx_sched", "bypass_depth"),
	LAYOUT_OPT(struct scx_layout, watchdog_timeout, "scx_sched", "watchdog_timeout"),
	LAYOUT_OPT(struct scx_layout, all, "scx_sched", "all"),
	LAYOUT_OPT(struct scx_layout, pnode, "scx_sched", "pnode"),
	LAYOUT_OPT(struct scx_layout, global_dsqs, "scx_sched", "global_dsqs"), /* to 7.0 */
	LAYOUT_OPT(struct scx_layout, pcpu, "scx_sched", "pcpu"),	     /* 6.17 */
	LAYOUT_OPT(struct scx_layout, event_stats_cpu, "scx_sched", "event_stats_cpu"), /* 6.16 */
	LAYOUT_OPT(struct scx_layout, level, "scx_sched", "level"),	     /* 7.1 */
	LAYOUT_OPT(struct scx_layout, ancestors, "scx_sched", "ancestors"),
	LAYOUT_OPT(struct scx_layout, cgrp_path, "scx_sched", "cgrp_path"),
	LAYOUT_OPT(struct scx_layout, sched_id, "scx_sched", "id"),	     /* 7.3 */
};

/* 6.12 to 6.15 have one in scx_ops. */
static const struct layout_member ops_members[] = {
	LAYOUT(struct scx_layout, ops_name, "sched_ext_ops", "name"),
	LAYOUT(struct scx_layout, ops_flags, "sched_ext_ops", "flags"),
	LAYOUT(struct scx_layout, ops_timeout, "sched_ext_ops", "timeout_ms"),
};

static const struct layout_member pnode_members[] = {
	LAYOUT(struct scx_layout, pnode_global_dsq, "scx_sched_pnode", "global_dsq"), /* 7.1 */
};

static const struct layout_member pcpu_members[] = {
	LAYOUT(struct scx_layout, pcpu_size, "scx_sched_pcpu", ""),
	LAYOUT_OPT(struct scx_layout, pcpu_bypass_dsq, "scx_sched_pcpu", "bypass_dsq"), /* 7.1 */
	LAYOUT(struct scx_layout, pcpu_events, "scx_sched_pcpu", "event_stats"),
	LAYOUT_OPT(struct scx_layout, pcpu_flags, "scx_sched_pcpu", "flags"), /* 7.1 */
	LAYOUT_OPT(struct scx_layout, pcpu_dsp_ctx, "scx_sched_pcpu", "dsp_ctx"), /* 7.1 */
	LAYOUT_OPT(struct scx_layout, pcpu_kicks[0], "scx_sched_pcpu", "cpus_to_kick"), /* these in 7.3 */
	LAYOUT_OPT(struct scx_layout, pcpu_kicks[1], "scx_sched_pcpu", "cpus_to_kick_if_idle"),
	LAYOUT_OPT(struct scx_layout, pcpu_kicks[2], "scx_sched_pcpu", "cpus_to_preempt"),
	LAYOUT_OPT(struct scx_layout, pcpu_kicks[3], "scx_sched_pcpu", "cpus_to_wait"),
};

static const struct layout_member exit_members[] = {
	LAYOUT(struct scx_layout, ei_kind, "scx_exit_info", "kind"),
	LAYOUT(struct scx_layout, ei_code, "scx_exit_info", "exit_code"),
	LAYOUT(struct scx_layout, ei_reason, "scx_exit_info", "reason"),
	LAYOUT(struct scx_layout, ei_bt, "scx_exit_info", "bt"),
	LAYOUT(struct scx_layout, ei_bt_len, "scx_exit_info", "bt_len"),
	LAYOUT(struct scx_layout, ei_msg, "scx_exit_info", "msg"),
	LAYOUT(struct scx_layout, ei_dump, "scx_exit_info", "dump"),
	LAYOUT_OPT(struct scx_layout, ei_flags, "scx_exit_info", "flags"),     /* 6.18 */
	LAYOUT_OPT(struct scx_layout, ei_cpu, "scx_exit_info", "exit_cpu"), /* 7.2 */
};

/* kernel/rhashtable.c walks them; asked for here so that the format's group is named if they are not there. */
static const struct layout_member rhashtable_members[] = {
	LAYOUT(struct scx_layout, rht_tbl, "rhashtable", "tbl"),
	LAYOUT(struct scx_layout, bucket_size, "bucket_table", "size"),
	LAYOUT(struct scx_layout, bucket_future, "bucket_table", "future_tbl"),
	LAYOUT(struct scx_layout, bucket_heads, "bucket_table", "buckets"),
	LAYOUT(struct scx_layout, rhash_next, "rhash_head", "next"),
};

static const struct layout_member dsp_ctx_members[] = {
	LAYOUT(struct scx_layout, dsp_cursor, "scx_dsp_ctx", "cursor"),
	LAYOUT(struct scx_layout, dsp_buf, "scx_dsp_ctx", "buf"),
};

static const struct layout_member dsp_buf_members[] = {
	LAYOUT(struct scx_layout, buf_size, "scx_dsp_buf_ent", ""),
	LAYOUT(struct scx_layout, buf_task, "scx_dsp_buf_ent", "task"),
	LAYOUT(struct scx_layout, buf_qseq, "scx_dsp_buf_ent", "qseq"),
	LAYOUT(struct scx_layout, buf_dsq_id, "scx_dsp_buf_ent", "dsq_id"),
};

static bool always(const struct scx_layout *l, bool have_sched)
{
	(void)l;
	(void)have_sched;
	return true;
}

static bool with_sched(const struct scx_layout *l, bool have_sched)
{
	(void)l;
	return have_sched;
}

static bool without_sched(const struct scx_layout *l, bool have_sched)
{
	(void)l;
	return !have_sched;
}

/* A kernel that keeps its global DSQs in an array has no pnode. */
static bool with_pnode(const struct scx_layout *l, bool have_sched)
{
	return have_sched && !l->global_dsqs.present;
}

static bool with_pcpu(const struct scx_layout *l, bool have_sched)
{
	return have_sched && l->pcpu.present;
}

/* Names and order are ktstr's; "sched_ext_ops", "scx_exit_info" and those of dispatch buffers are ours. */
static const struct group {
	const char *name;
	const struct layout_member *members;
	size_t nr;
	bool (*needed)(const struct scx_layout *l, bool have_sched);
} groups[] = {
	{ "rq", rq_members, ARRAY_SIZE(rq_members), always },
	{ "scx_rq", scx_rq_members, ARRAY_SIZE(scx_rq_members), always },
	{ "task_struct", task_members, ARRAY_SIZE(task_members), always },
	{ "sched_ext_entity", entity_members, ARRAY_SIZE(entity_members), always },
	{ "scx_dsq_list_node", dsq_node_members, ARRAY_SIZE(dsq_node_members), always },
	{ "scx_dispatch_q", dsq_members, ARRAY_SIZE(dsq_members), always },
	{ "scx_sched", sched_members, ARRAY_SIZE(sched_members), with_sched },
	{ "sched_ext_ops", ops_members, ARRAY_SIZE(ops_members), without_sched },
	{ "scx_sched_pnode", pnode_members, ARRAY_SIZE(pnode_members), with_pnode },
	{ "scx_sched_pcpu", pcpu_members, ARRAY_SIZE(pcpu_members), with_pcpu },
	{ "scx_exit_info", exit_members, ARRAY_SIZE(exit_members), always },
	{ "rhashtable/bucket_table/rhash_head", rhashtable_members, ARRAY_SIZE(rhashtable_members),
	  always },
	{ "scx_dsp_ctx", dsp_ctx_members, ARRAY_SIZE(dsp_ctx_members), always },
	{ "scx_dsp_buf_ent", dsp_buf_members, ARRAY_SIZE(dsp_buf_members), always },
};

/* "a, b" and c: "a, b, c"; each once. */
static struct err *add_name(struct pool *pool, const char **names, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = *names; p; p = strstr(p, ", ") ? strstr(p, ", ") + 2 : NULL) {
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ','))
			return NULL;
	}
	*names = *names ? pool_printf(pool, "%s, %s", *names, name) : pool_printf(pool, "%s", name);
	return *names ? NULL : &err_nomem;
}

struct err *scx_missing(struct scx_walk *s, const char *group, const char *name)
{
	TRY(add_name(s->pool, &s->missing_groups, group));
	return add_name(s->pool, &s->missing_members, name);
}

static struct err *resolve(struct scx_walk *s, const struct group *g, bool have_sched,
			   struct missing *missing)
{
	TRY(klayout(s->k, g->members, g->nr, &s->l, missing));
	if (!missing->nr || !g->needed(&s->l, have_sched))
		return NULL;
	for (size_t i = 0; i < missing->nr; i++)
		TRY(scx_missing(s, g->name, missing->names[i]));
	return NULL;
}

/* A flag by its name, or what it has been so far. */
static struct err *flag(const struct kernel *k, const char *type, const char *name, uint32_t by_default,
			uint32_t *ret)
{
	int64_t v;
	struct err *e = kenum(k, type, name, &v);

	*ret = e ? by_default : (uint32_t)v;
	if (walk_is_fatal(e))
		return e;
	err_ignore(e);
	return NULL;
}

struct err *scx_layout(struct scx_walk *s, bool have_sched)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		struct missing missing = { 0 };
		struct err *e = resolve(s, &groups[i], have_sched, &missing);

		missing_deinit(&missing);
		if (e)
			return e;
	}
	TRY(scx_expect(s, have_sched));
	TRY(flag(s->k, "scx_ent_flags", "SCX_TASK_CURSOR", 1u << 31, &s->task_cursor));
	TRY(flag(s->k, "scx_rq_flags", "SCX_RQ_BYPASSING", 0, &s->rq_bypassing));
	TRY(flag(s->k, "scx_sched_pcpu_flags", "SCX_SCHED_PCPU_BYPASSING", 1, &s->pcpu_bypassing));
	return flag(s->k, "scx_dsq_lnode_flags", "SCX_DSQ_LNODE_ITER_CURSOR", 1, &s->dsq_cursor);
}

bool scx_in_kernel(const struct kernel *k)
{
	uint32_t id;
	_cleanup_err_ struct err *e = types_find(k->types, BTF_KIND_STRUCT, "scx_rq", &id);

	return !e || khas_sym(k, "ext_sched_class") || khas_sym(k, "scx_tasks");
}
