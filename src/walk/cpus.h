/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the walk over CPUs among themselves. */
#ifndef FDGDB_WALK_CPUS_H
#define FDGDB_WALK_CPUS_H

#include "kernel/containers.h"
#include "walk/walk.h"

struct cpus_layout {
	struct member rq_curr, rq_idle, rq_clock, rq_nr_running, rq_nr_switches, rq_rt, rq_dl, rq_ext;
	struct member pid, comm, last_arrival;
	struct member hrt_expires, hrt_hres, hrt_hang;
	/* limits of the scheduler */
	struct member rq_resched, rq_resched_ticks, rq_tick_stopped, rq_rt_time, rq_rt_runtime, rq_rt_throttled,
		rq_fair_server, rq_ext_server;
	struct member dl_runtime, dl_period, dl_left, dl_active, dl_throttled, dl_defer, dl_running;
	struct member tg_list, tg_css, tg_bw, bw_quota, bw_period, bw_throttled, cfs_rq, cfs_list, cfs_nr,
		cfs_clock, rq_cpu, css_cgroup;
	/* timers of jiffies, ticks, softirqs */
	struct member tb, tb_next, tb_recalc, tb_pending, tb_running, timer_func, ts_stalled, hot_softirq, stat_softirq;
	struct member cs_name;
	/* calls between CPUs */
	struct member csd_llist, csd_flags, csd_func, cfd_csd, task_stack;
	struct member hot_preempt; /* 6.2 to 6.14 */
	/* RCU */
	struct member rs_node, rs_level, rs_gp_seq, rs_gp_start, rs_gp_state, rs_name, rs_kthread;
	struct member rn, rn_qsmask, rn_grplo, rn_grphi, rn_blkd, rn_gp_tasks, rcu_entry;
	struct member rs_flags, rs_req_activity, rs_activity, rs_exp_seq, rn_needed, rn_expmask, rn_exp_tasks,
		rd_cblist_len;
	struct member rt_gp_state, rt_gp_jiffies, rt_gp_start, rt_gp_seq, rt_kthread;
	struct member ssp_sup, ssp_sda, ssp_seq, ssp_start, sup_seq, sup_start, sd_ssp, sd_locks, sd_unlocks,
		sd_ctrs, ctr_locks, ctr_unlocks;
	/* workqueues */
	struct member wp_cpu, wp_id, wp_flags, wp_ts, wp_progress, wp_nr_workers, wp_nr_idle, wp_nr_running,
		wp_worklist, wp_workers, w_node, w_work, w_func, w_pwq, w_start, w_task, ws_entry, ws_func,
		pwq_wq, pwq_inactive, wq_name;
};

struct cpus_walk {
	struct walk *w;
	struct kernel *k;
	struct cpus_layout l;
	struct missing missing;
	struct err *fatal; /* first of those after which nothing works */
};

/* Takes an error within a fiber: a fatal one ends the walk, another one's text goes to *why if that is
 * still NULL.  True if there was one. */
bool cpus_failed(struct cpus_walk *c, struct err *e, const char **why);

/* A member that this kernel may lack. */
struct err *cpus_get(struct cpus_walk *c, struct kva obj, const struct member *m,
		     struct opt_u64 *ret) MUST_CHECK;

/* Size of a variable of each CPU; `otherwise` where the kernel's types do not tell. */
struct err *cpus_var_size(struct cpus_walk *c, const char *name, uint64_t otherwise, uint64_t *ret) MUST_CHECK;

/* One that this kernel may lack. */
struct err *cpus_percpu_var(struct cpus_walk *c, const char *name, uint32_t cpu, size_t otherwise,
			    struct opt_u64 *ret) MUST_CHECK;

/* "name", "name [module]", or the address of what has none. */
struct err *cpus_func_name(struct cpus_walk *c, uint64_t addr, const char **ret) MUST_CHECK;

/* A variable of `size` bytes that it may lack. */
struct err *cpus_var(struct cpus_walk *c, const char *name, size_t size, struct opt_u64 *ret) MUST_CHECK;

struct err *cpus_members(struct cpus_walk *c) MUST_CHECK;
struct err *cpus_read_detectors(struct cpus_walk *c) MUST_CHECK;
/* Parts of one row; in fibers. */
struct err *cpus_read_timers(struct cpus_walk *c, struct cpu_row *row) MUST_CHECK;
struct err *cpus_read_watchdogs(struct cpus_walk *c, struct cpu_row *row) MUST_CHECK;
struct err *cpus_read_limits(struct cpus_walk *c, struct kva rq, struct cpu_row *row) MUST_CHECK;
struct err *cpus_read_calls(struct cpus_walk *c, struct cpu_row *row) MUST_CHECK;

/* Run queues of cgroups that have to wait. */
struct err *cpus_read_throttled(struct cpus_walk *c) MUST_CHECK;

struct err *cpus_read_rcu(struct cpus_walk *c) MUST_CHECK;
/* Expedited grace periods, those of SRCU, and those of tasks. */
struct err *cpus_read_other_rcus(struct cpus_walk *c) MUST_CHECK;
/* A domain of SRCU that is not there yet, `always` or if a grace period of it is running. */
struct err *cpus_add_srcu(struct cpus_walk *c, struct kva domain, const char *name, bool always) MUST_CHECK;
/* The same for one that a task waits for, after the walk; nothing if CPUs were not asked for. */
struct err *cpus_note_srcu(struct walk *w, struct kva domain) MUST_CHECK;
struct err *cpus_read_pools(struct cpus_walk *c) MUST_CHECK;

#endif
