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
	struct member hot_preempt; /* 6.2 to 6.14 */
	/* RCU */
	struct member rs_node, rs_level, rs_gp_seq, rs_gp_start, rs_gp_state, rs_name, rs_kthread;
	struct member rn, rn_qsmask, rn_grplo, rn_grphi, rn_blkd, rn_gp_tasks, rcu_entry;
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

/* A variable of `size` bytes that it may lack. */
struct err *cpus_var(struct cpus_walk *c, const char *name, size_t size, struct opt_u64 *ret) MUST_CHECK;

struct err *cpus_members(struct cpus_walk *c) MUST_CHECK;
struct err *cpus_read_detectors(struct cpus_walk *c) MUST_CHECK;
struct err *cpus_read_rcu(struct cpus_walk *c) MUST_CHECK;
struct err *cpus_read_pools(struct cpus_walk *c) MUST_CHECK;

#endif
