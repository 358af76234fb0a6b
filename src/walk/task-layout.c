/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/scx.h"
#include "walk/tasks.h"

#include "kernel/kstack.h"

static const struct layout_member task_members[] = {
	LAYOUT(struct task_layout, size, "task_struct", ""),
	LAYOUT(struct task_layout, pid, "task_struct", "pid"),
	LAYOUT(struct task_layout, tgid, "task_struct", "tgid"),
	LAYOUT(struct task_layout, comm, "task_struct", "comm"),
	LAYOUT(struct task_layout, group_leader, "task_struct", "group_leader"),
	LAYOUT(struct task_layout, real_parent, "task_struct", "real_parent"),
	LAYOUT(struct task_layout, signal, "task_struct", "signal"),
	LAYOUT(struct task_layout, prio, "task_struct", "prio"),
	LAYOUT(struct task_layout, static_prio, "task_struct", "static_prio"),
	LAYOUT(struct task_layout, normal_prio, "task_struct", "normal_prio"),
	LAYOUT(struct task_layout, rt_priority, "task_struct", "rt_priority"),
	LAYOUT(struct task_layout, policy, "task_struct", "policy"),
	LAYOUT(struct task_layout, sched_class, "task_struct", "sched_class"),
	LAYOUT(struct task_layout, nvcsw, "task_struct", "nvcsw"),
	LAYOUT(struct task_layout, nivcsw, "task_struct", "nivcsw"),
	LAYOUT(struct task_layout, utime, "task_struct", "utime"),
	LAYOUT(struct task_layout, stime, "task_struct", "stime"),
	LAYOUT(struct task_layout, state, "task_struct", "__state"),
	LAYOUT_OPT(struct task_layout, core_cookie, "task_struct", "core_cookie"), /* core scheduling */
	LAYOUT(struct task_layout, cpu, "task_struct", "thread_info.cpu"),
	LAYOUT(struct task_layout, pid_links, "task_struct", "pid_links"),
	LAYOUT(struct task_layout, tasks, "task_struct", "tasks"),
	LAYOUT(struct task_layout, thread_node, "task_struct", "thread_node"),
	LAYOUT(struct task_layout, flags, "task_struct", "flags"),
	LAYOUT(struct task_layout, on_rq, "task_struct", "on_rq"),
	LAYOUT(struct task_layout, in_iowait, "task_struct", "in_iowait"),
	LAYOUT(struct task_layout, exit_state, "task_struct", "exit_state"),
	LAYOUT(struct task_layout, exit_code, "task_struct", "exit_code"),
	LAYOUT(struct task_layout, mm, "task_struct", "mm"),
	LAYOUT(struct task_layout, stack, "task_struct", "stack"),
	LAYOUT(struct task_layout, cpus_mask, "task_struct", "cpus_mask"),
	LAYOUT(struct task_layout, start_time, "task_struct", "start_time"),
	LAYOUT(struct task_layout, start_boottime, "task_struct", "start_boottime"),
	LAYOUT(struct task_layout, sum_exec, "task_struct", "se.sum_exec_runtime"),
	LAYOUT(struct task_layout, exec_start, "task_struct", "se.exec_start"),
	LAYOUT_OPT(struct task_layout, on_cpu, "task_struct", "on_cpu"), /* SMP */
	LAYOUT_OPT(struct task_layout, cgroups, "task_struct", "cgroups"), /* CGROUPS */
	/* SCHED_INFO */
	LAYOUT_OPT(struct task_layout, pcount, "task_struct", "sched_info.pcount"),
	LAYOUT_OPT(struct task_layout, run_delay, "task_struct", "sched_info.run_delay"),
	LAYOUT_OPT(struct task_layout, last_arrival, "task_struct", "sched_info.last_arrival"),
	LAYOUT_OPT(struct task_layout, last_queued, "task_struct", "sched_info.last_queued"),
};

/* Of kernels with sched_ext, 6.12. */
static const struct layout_member scx_members[] = {
	LAYOUT(struct task_layout, ops_state, "task_struct", "scx.ops_state.counter"),
	LAYOUT(struct task_layout, ddsp_dsq_id, "task_struct", "scx.ddsp_dsq_id"),
	LAYOUT(struct task_layout, sticky_cpu, "task_struct", "scx.sticky_cpu"),
	LAYOUT(struct task_layout, holding_cpu, "task_struct", "scx.holding_cpu"),
	LAYOUT(struct task_layout, weight, "task_struct", "scx.weight"),
	LAYOUT(struct task_layout, scx_flags, "task_struct", "scx.flags"),
	LAYOUT(struct task_layout, dsq, "task_struct", "scx.dsq"),
	LAYOUT_OPT(struct task_layout, sched, "task_struct", "scx.sched"), /* 7.1 */
	LAYOUT(struct task_layout, runnable_at, "task_struct", "scx.runnable_at"),
	LAYOUT(struct task_layout, slice, "task_struct", "scx.slice"),
	LAYOUT(struct task_layout, vtime, "task_struct", "scx.dsq_vtime"),
	LAYOUT(struct task_layout, tasks_node, "task_struct", "scx.tasks_node"),
};

static const struct layout_member other_members[] = {
	LAYOUT(struct task_layout, pids, "signal_struct", "pids"),
	LAYOUT(struct task_layout, nr_threads, "signal_struct", "nr_threads"),
	LAYOUT(struct task_layout, sig_nvcsw, "signal_struct", "nvcsw"),
	LAYOUT(struct task_layout, sig_nivcsw, "signal_struct", "nivcsw"),
	LAYOUT(struct task_layout, sig_utime, "signal_struct", "utime"),
	LAYOUT(struct task_layout, sig_stime, "signal_struct", "stime"),
	LAYOUT(struct task_layout, pid_size, "pid", ""),
	LAYOUT(struct task_layout, pid_tasks, "pid", "tasks"),
	LAYOUT(struct task_layout, pid_nr, "pid", "numbers[0].nr"),
	LAYOUT(struct task_layout, ns_idr, "pid_namespace", "idr"),
	LAYOUT(struct task_layout, curr, "rq", "curr"),
	LAYOUT(struct task_layout, idle, "rq", "idle"),
	LAYOUT(struct task_layout, clock, "rq", "clock"),
	LAYOUT(struct task_layout, clock_task, "rq", "clock_task"),
	LAYOUT(struct task_layout, signal_size, "signal_struct", ""),
	LAYOUT(struct task_layout, thread_head, "signal_struct", "thread_head"),
	LAYOUT_OPT(struct task_layout, dfl_cgrp, "css_set", "dfl_cgrp"), /* CGROUPS */
	LAYOUT_OPT(struct task_layout, info_pcount, "sched_info", "pcount"), /* without SCHED_INFO it is empty */
	LAYOUT_OPT(struct task_layout, sched_level, "scx_sched", "level"), /* 7.1 */
};

/* An enumerator, or the number it has had in every kernel so far. */
static struct err *number(const struct kernel *k, const char *type, const char *name,
			  uint32_t by_default, uint32_t *ret)
{
	int64_t v;
	struct err *e = kenum(k, type, name, &v);

	if (walk_is_fatal(e))
		return e;
	*ret = e ? by_default : (uint32_t)v;
	err_ignore(e);
	return NULL;
}

/* Where in task_struct all that is wanted lies, so that a task costs one read. */
static void add_extent(struct task_walk *t, const struct layout_member *members, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct member *m = (const void *)((const char *)&t->l + members[i].where);

		if (!m->present)
			continue;
		t->lo = MIN(t->lo, (uint64_t)m->off);
		t->hi = MAX(t->hi, (uint64_t)m->off + m->size);
	}
}

static void find_extent(struct task_walk *t)
{
	t->lo = UINT64_MAX;
	add_extent(t, task_members + 1, ARRAY_SIZE(task_members) - 1); /* the first is all of it */
	add_extent(t, scx_members, ARRAY_SIZE(scx_members));
	/* So large a task_struct is a lie; its members are read one by one then. */
	enum { EXTENT_MAX = 1 << 16 };
	if (t->lo > t->hi || t->hi - t->lo > EXTENT_MAX)
		t->lo = t->hi = 0;
}

/* What a kernel may do without, if it does so altogether. */
static struct err *expect(struct task_walk *t)
{
	const struct task_layout *l = &t->l;
	const struct member *const info[] = { &l->pcount, &l->run_delay, &l->last_arrival, &l->last_queued };
	static const char *const info_names[] = { "pcount", "run_delay", "last_arrival", "last_queued" };
	size_t nr = l->info_pcount.present;

	for (size_t i = 0; i < ARRAY_SIZE(info); i++)
		nr += info[i]->present;
	for (size_t i = 0; nr && i < ARRAY_SIZE(info); i++) {
		if (!info[i]->present)
			TRY(missing_add(&t->missing, "task_struct.sched_info.%s", info_names[i]));
	}
	if (!l->on_cpu.present && t->k->nr_cpu_ids > 1)
		TRY(missing_add(&t->missing, "task_struct.on_cpu"));
	if (l->cgroups.present != l->dfl_cgrp.present)
		TRY(missing_add(&t->missing, l->cgroups.present ? "css_set.dfl_cgrp" : "task_struct.cgroups"));
	/* Where there may be several, each has its own tasks. */
	if (l->sched_level.present && !l->sched.present)
		TRY(missing_add(&t->missing, "task_struct.scx.sched"));
	return NULL;
}

struct err *task_layout(struct task_walk *t)
{
	static const char *const classes[NR_CLASSES] = {
		[CLASS_FAIR] = "fair_sched_class", [CLASS_RT] = "rt_sched_class",
		[CLASS_DL] = "dl_sched_class",	   [CLASS_IDLE] = "idle_sched_class",
		[CLASS_STOP] = "stop_sched_class", [CLASS_EXT] = "ext_sched_class",
	};

	TRY(klayout(t->k, task_members, ARRAY_SIZE(task_members), &t->l, &t->missing));
	if (scx_in_kernel(t->k))
		TRY(klayout(t->k, scx_members, ARRAY_SIZE(scx_members), &t->l, &t->missing));
	TRY(klayout(t->k, other_members, ARRAY_SIZE(other_members), &t->l, &t->missing));
	TRY(expect(t));
	find_extent(t);
	TRY(number(t->k, "pid_type", "PIDTYPE_PGID", 2, &t->pgid));
	TRY(number(t->k, "pid_type", "PIDTYPE_SID", 3, &t->sid));
	TRY(number(t->k, "scx_ent_flags", "SCX_TASK_CURSOR", 1u << 31, &t->cursor));
	t->policy_ext = 7; /* SCHED_EXT, a macro of the user's API */
	TRY(task_flag_fields(t));
	t->stack_size = kstack_task_size(t->k);

	for (size_t i = 0; i < NR_CLASSES; i++) {
		if (khas_sym(t->k, classes[i]))
			TRY(ksym(t->k, classes[i], &t->classes[i]));
	}
	return NULL;
}
