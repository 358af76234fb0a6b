/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/cpus.h"

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

struct err *cpus_members(struct cpus_walk *c)
{
	TRY(klayout(c->k, cpu_members, ARRAY_SIZE(cpu_members), &c->l, &c->missing));
	TRY(klayout(c->k, rcu_members, ARRAY_SIZE(rcu_members), &c->l, &c->missing));
	return klayout(c->k, pool_members, ARRAY_SIZE(pool_members), &c->l, &c->missing);
}
