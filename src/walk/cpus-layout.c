/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/cpus.h"

#include <bpf/btf.h>

static const struct layout_member cpu_members[] = {
	LAYOUT(struct cpus_layout, rq_curr, "rq", "curr"),
	LAYOUT(struct cpus_layout, rq_idle, "rq", "idle"),
	LAYOUT(struct cpus_layout, rq_clock, "rq", "clock"),
	LAYOUT(struct cpus_layout, rq_nr_running, "rq", "nr_running"),
	LAYOUT(struct cpus_layout, rq_nr_switches, "rq", "nr_switches"),
	LAYOUT(struct cpus_layout, rq_rt, "rq", "rt.rt_nr_running"),
	LAYOUT(struct cpus_layout, rq_dl, "rq", "dl.dl_nr_running"),
	LAYOUT_OPT(struct cpus_layout, rq_ext, "rq", "scx.nr_running"), /* 6.12 */
	LAYOUT(struct cpus_layout, pid, "task_struct", "pid"),
	LAYOUT(struct cpus_layout, comm, "task_struct", "comm"),
	LAYOUT_OPT(struct cpus_layout, last_arrival, "task_struct", "sched_info.last_arrival"),
	LAYOUT(struct cpus_layout, hrt_expires, "hrtimer_cpu_base", "expires_next"),
	LAYOUT(struct cpus_layout, hrt_hres, "hrtimer_cpu_base", "hres_active"),
	LAYOUT_OPT(struct cpus_layout, hrt_hang, "hrtimer_cpu_base", "hang_detected"),
	LAYOUT_OPT(struct cpus_layout, hot_preempt, "pcpu_hot", "preempt_count"),
};

static const struct layout_member limit_members[] = {
	LAYOUT_OPT(struct cpus_layout, rq_resched, "rq", "last_seen_need_resched_ns"), /* CONFIG_SCHED_DEBUG */
	LAYOUT_OPT(struct cpus_layout, rq_resched_ticks, "rq", "ticks_without_resched"),
	LAYOUT_OPT(struct cpus_layout, rq_tick_stopped, "rq", "nohz_tick_stopped"),
	/* From 6.12 on only of groups (CONFIG_RT_GROUP_SCHED); then there are servers. */
	LAYOUT_OPT(struct cpus_layout, rq_rt_time, "rq", "rt.rt_time"),
	LAYOUT_OPT(struct cpus_layout, rq_rt_runtime, "rq", "rt.rt_runtime"),
	LAYOUT_OPT(struct cpus_layout, rq_rt_throttled, "rq", "rt.rt_throttled"),
	LAYOUT_OPT(struct cpus_layout, rq_fair_server, "rq", "fair_server"), /* 6.12 */
	LAYOUT_OPT(struct cpus_layout, rq_ext_server, "rq", "ext_server"),   /* 7.0 */
	LAYOUT_OPT(struct cpus_layout, dl_runtime, "sched_dl_entity", "dl_runtime"),
	LAYOUT_OPT(struct cpus_layout, dl_period, "sched_dl_entity", "dl_period"),
	LAYOUT_OPT(struct cpus_layout, dl_left, "sched_dl_entity", "runtime"),
	LAYOUT_OPT(struct cpus_layout, dl_active, "sched_dl_entity", "dl_server_active"),
	LAYOUT_OPT(struct cpus_layout, dl_throttled, "sched_dl_entity", "dl_throttled"),
	LAYOUT_OPT(struct cpus_layout, dl_defer, "sched_dl_entity", "dl_defer"),
	LAYOUT_OPT(struct cpus_layout, dl_running, "sched_dl_entity", "dl_defer_running"),
	LAYOUT_OPT(struct cpus_layout, rq_cpu, "rq", "cpu"),
	LAYOUT_OPT(struct cpus_layout, tg_list, "task_group", "list"),
	LAYOUT_OPT(struct cpus_layout, tg_css, "task_group", "css"),
	LAYOUT_OPT(struct cpus_layout, tg_bw, "task_group", "cfs_bandwidth"),
	LAYOUT_OPT(struct cpus_layout, bw_quota, "cfs_bandwidth", "quota"),
	LAYOUT_OPT(struct cpus_layout, bw_period, "cfs_bandwidth", "period"),
	LAYOUT_OPT(struct cpus_layout, bw_throttled, "cfs_bandwidth", "throttled_cfs_rq"),
	LAYOUT_OPT(struct cpus_layout, cfs_rq, "cfs_rq", "rq"),
	LAYOUT_OPT(struct cpus_layout, cfs_list, "cfs_rq", "throttled_list"),
	LAYOUT_OPT(struct cpus_layout, cfs_clock, "cfs_rq", "throttled_clock"),
	LAYOUT_OPT(struct cpus_layout, css_cgroup, "cgroup_subsys_state", "cgroup"),
};

/* Of a queue's tasks with those of groups in it; 6.13 gave it the name. */
static const struct layout_member queued_members[][1] = {
	{ LAYOUT_OPT(struct cpus_layout, cfs_nr, "cfs_rq", "h_nr_queued") },
	{ LAYOUT_OPT(struct cpus_layout, cfs_nr, "cfs_rq", "h_nr_running") },
};

static const struct layout_member time_members[] = {
	LAYOUT_OPT(struct cpus_layout, tb, "timer_base", ""),
	LAYOUT_OPT(struct cpus_layout, tb_next, "timer_base", "next_expiry"),
	LAYOUT_OPT(struct cpus_layout, tb_recalc, "timer_base", "next_expiry_recalc"),
	LAYOUT_OPT(struct cpus_layout, tb_pending, "timer_base", "timers_pending"),
	LAYOUT_OPT(struct cpus_layout, tb_running, "timer_base", "running_timer"),
	LAYOUT_OPT(struct cpus_layout, timer_func, "timer_list", "function"),
	LAYOUT_OPT(struct cpus_layout, ts_stalled, "tick_sched", "stalled_jiffies"), /* 6.2 */
	LAYOUT_OPT(struct cpus_layout, hot_softirq, "pcpu_hot", "softirq_pending"), /* 6.2 to 6.14 */
	LAYOUT_OPT(struct cpus_layout, cs_name, "clocksource", "name"),
	LAYOUT_OPT(struct cpus_layout, csd_llist, "__call_single_data", "node.llist"),
	LAYOUT_OPT(struct cpus_layout, csd_flags, "__call_single_data", "node.u_flags"),
	LAYOUT_OPT(struct cpus_layout, csd_func, "__call_single_data", "func"),
	LAYOUT_OPT(struct cpus_layout, cfd_csd, "call_function_data", "csd"),
	LAYOUT_OPT(struct cpus_layout, task_stack, "task_struct", "stack"),
};

static const struct layout_member other_rcu_members[] = {
	LAYOUT_OPT(struct cpus_layout, rs_flags, "rcu_state", "gp_flags"),
	LAYOUT_OPT(struct cpus_layout, rs_req_activity, "rcu_state", "gp_req_activity"),
	LAYOUT_OPT(struct cpus_layout, rs_activity, "rcu_state", "gp_activity"),
	LAYOUT_OPT(struct cpus_layout, rs_exp_seq, "rcu_state", "expedited_sequence"),
	LAYOUT_OPT(struct cpus_layout, rn_needed, "rcu_node", "gp_seq_needed"),
	LAYOUT_OPT(struct cpus_layout, rn_expmask, "rcu_node", "expmask"),
	LAYOUT_OPT(struct cpus_layout, rn_exp_tasks, "rcu_node", "exp_tasks"), /* preemptible RCU */
	LAYOUT_OPT(struct cpus_layout, rd_cblist_len, "rcu_data", "cblist.len"),
	LAYOUT_OPT(struct cpus_layout, rt_gp_state, "rcu_tasks", "gp_state"),
	LAYOUT_OPT(struct cpus_layout, rt_gp_jiffies, "rcu_tasks", "gp_jiffies"),
	LAYOUT_OPT(struct cpus_layout, rt_gp_start, "rcu_tasks", "gp_start"),
	LAYOUT_OPT(struct cpus_layout, rt_gp_seq, "rcu_tasks", "tasks_gp_seq"),
	LAYOUT_OPT(struct cpus_layout, rt_kthread, "rcu_tasks", "kthread_ptr"),
	LAYOUT_OPT(struct cpus_layout, ssp_sup, "srcu_struct", "srcu_sup"), /* 6.4 */
	LAYOUT_OPT(struct cpus_layout, ssp_sda, "srcu_struct", "sda"),
	LAYOUT_OPT(struct cpus_layout, ssp_seq, "srcu_struct", "srcu_gp_seq"),
	LAYOUT_OPT(struct cpus_layout, ssp_start, "srcu_struct", "srcu_gp_start"),
	LAYOUT_OPT(struct cpus_layout, sup_seq, "srcu_usage", "srcu_gp_seq"),
	LAYOUT_OPT(struct cpus_layout, sup_start, "srcu_usage", "srcu_gp_start"),
	LAYOUT_OPT(struct cpus_layout, sd_ssp, "srcu_data", "ssp"),
	LAYOUT_OPT(struct cpus_layout, sd_locks, "srcu_data", "srcu_lock_count"),     /* to 6.14 */
	LAYOUT_OPT(struct cpus_layout, sd_unlocks, "srcu_data", "srcu_unlock_count"),
	LAYOUT_OPT(struct cpus_layout, sd_ctrs, "srcu_data", "srcu_ctrs"),	      /* 6.15 */
	LAYOUT_OPT(struct cpus_layout, ctr_locks, "srcu_ctr", "srcu_locks"),
	LAYOUT_OPT(struct cpus_layout, ctr_unlocks, "srcu_ctr", "srcu_unlocks"),
};

static const struct layout_member rcu_members[] = {
	LAYOUT(struct cpus_layout, rs_node, "rcu_state", "node"),
	LAYOUT(struct cpus_layout, rs_level, "rcu_state", "level"),
	LAYOUT(struct cpus_layout, rs_gp_seq, "rcu_state", "gp_seq"),
	LAYOUT(struct cpus_layout, rs_gp_start, "rcu_state", "gp_start"),
	LAYOUT(struct cpus_layout, rs_gp_state, "rcu_state", "gp_state"),
	LAYOUT(struct cpus_layout, rs_name, "rcu_state", "name"),
	LAYOUT(struct cpus_layout, rs_kthread, "rcu_state", "gp_kthread"),
	LAYOUT(struct cpus_layout, rn, "rcu_node", ""),
	LAYOUT(struct cpus_layout, rn_qsmask, "rcu_node", "qsmask"),
	LAYOUT(struct cpus_layout, rn_grplo, "rcu_node", "grplo"),
	LAYOUT(struct cpus_layout, rn_grphi, "rcu_node", "grphi"),
	LAYOUT(struct cpus_layout, rn_blkd, "rcu_node", "blkd_tasks"),
	LAYOUT(struct cpus_layout, rn_gp_tasks, "rcu_node", "gp_tasks"),
	LAYOUT_OPT(struct cpus_layout, rcu_entry, "task_struct", "rcu_node_entry"), /* preemptible RCU */
};

static const struct layout_member pool_members[] = {
	LAYOUT(struct cpus_layout, wp_cpu, "worker_pool", "cpu"),
	LAYOUT(struct cpus_layout, wp_id, "worker_pool", "id"),
	LAYOUT(struct cpus_layout, wp_flags, "worker_pool", "flags"),
	LAYOUT_OPT(struct cpus_layout, wp_ts, "worker_pool", "watchdog_ts"),	       /* to 6.19 */
	LAYOUT_OPT(struct cpus_layout, wp_progress, "worker_pool", "last_progress_ts"), /* 7.0 */
	LAYOUT(struct cpus_layout, wp_nr_workers, "worker_pool", "nr_workers"),
	LAYOUT(struct cpus_layout, wp_nr_idle, "worker_pool", "nr_idle"),
	LAYOUT(struct cpus_layout, wp_nr_running, "worker_pool", "nr_running"),
	LAYOUT(struct cpus_layout, wp_worklist, "worker_pool", "worklist"),
	LAYOUT(struct cpus_layout, wp_workers, "worker_pool", "workers"),
	LAYOUT(struct cpus_layout, w_node, "worker", "node"),
	LAYOUT(struct cpus_layout, w_work, "worker", "current_work"),
	LAYOUT(struct cpus_layout, w_func, "worker", "current_func"),
	LAYOUT(struct cpus_layout, w_pwq, "worker", "current_pwq"),
	LAYOUT_OPT(struct cpus_layout, w_start, "worker", "current_start"), /* 7.0 */
	LAYOUT(struct cpus_layout, w_task, "worker", "task"),
	LAYOUT(struct cpus_layout, ws_entry, "work_struct", "entry"),
	LAYOUT(struct cpus_layout, ws_func, "work_struct", "func"),
	LAYOUT(struct cpus_layout, pwq_wq, "pool_workqueue", "wq"),
	LAYOUT_OPT(struct cpus_layout, pwq_inactive, "pool_workqueue", "inactive_works"),
	LAYOUT(struct cpus_layout, wq_name, "workqueue_struct", "name"),
};

/* A struct without a name of its own, up to 6.1 and from 6.15 on. */
static struct err *find_irq_stat(struct cpus_walk *c)
{
	uint32_t id;
	struct err *e = types_find(c->k->types, BTF_KIND_TYPEDEF, "irq_cpustat_t", &id);

	c->l.stat_softirq.present = false;
	if (!e)
		e = types_member(c->k->types, id, "__softirq_pending", &c->l.stat_softirq);
	if (e && err_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

struct err *cpus_members(struct cpus_walk *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(queued_members) && !c->l.cfs_nr.present; i++)
		TRY(klayout(c->k, queued_members[i], 1, &c->l, NULL));
	TRY(klayout(c->k, limit_members, ARRAY_SIZE(limit_members), &c->l, NULL));
	TRY(klayout(c->k, time_members, ARRAY_SIZE(time_members), &c->l, NULL));
	TRY(klayout(c->k, other_rcu_members, ARRAY_SIZE(other_rcu_members), &c->l, NULL));
	TRY(find_irq_stat(c));
	TRY(klayout(c->k, cpu_members, ARRAY_SIZE(cpu_members), &c->l, &c->missing));
	TRY(klayout(c->k, rcu_members, ARRAY_SIZE(rcu_members), &c->l, &c->missing));
	return klayout(c->k, pool_members, ARRAY_SIZE(pool_members), &c->l, &c->missing);
}
