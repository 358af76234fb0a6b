/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the parts of the task walker. */
#ifndef FDGDB_WALK_TASKS_H
#define FDGDB_WALK_TASKS_H

#include "base/vec.h"
#include "kernel/containers.h"
#include "walk/walk.h"

struct task_layout {
	/* struct task_struct */
	struct member size, pid, tgid, comm, group_leader, real_parent, signal;
	struct member prio, static_prio, normal_prio, rt_priority, policy, sched_class;
	struct member nvcsw, nivcsw, utime, stime, core_cookie, state, cpu, pid_links;
	/* .scx in it: offsets from the start of task_struct */
	struct member weight, scx_flags, dsq, runnable_at, slice, vtime, tasks_node;
	/* struct signal_struct */
	struct member pids, nr_threads, sig_nvcsw, sig_nivcsw, sig_utime, sig_stime;
	/* struct pid, struct pid_namespace */
	struct member pid_size, pid_tasks, pid_nr, ns_idr;
	/* struct rq */
	struct member curr, idle;
};

enum task_class {
	CLASS_FAIR,
	CLASS_RT,
	CLASS_DL,
	CLASS_IDLE,
	CLASS_STOP,
	CLASS_EXT,
	NR_CLASSES,
};

struct task_kvas {
	VEC(struct kva) kvas;
};

/* What runs on a CPU. */
struct task_cpu {
	struct kva curr; /* 0: unknown */
	struct kva idle; /* its idle task; 0: unknown */
	bool has_ip;
	uint64_t ip;
};

struct task_walk {
	struct walk *w;
	struct kernel *k;
	struct task_layout l;
	struct missing missing;
	uint64_t lo, hi; /* the part of task_struct that the members lie in */
	uint32_t pgid, sid, policy_ext;
	uint32_t cursor; /* flag of an iterator's entry */
	struct kva classes[NR_CLASSES]; /* 0: not in this kernel */
	bool scx_all;	 /* normal tasks are the scheduler's as well */
	struct task_cpu *cpus; /* [nr_cpu_ids] */
	struct err *fatal;     /* first of those after which nothing works */
};

/* ---- task-layout.c: all of the above but what is read from the guest */
struct err *task_layout(struct task_walk *t) MUST_CHECK;

/* ---- task-list.c */

/*
 * Every task with a pid, by pid; in few batches.  ERR_MISSING where the types do not tell how. *why
 * (pool) is set if some may be missing.
 */
struct err *task_list_pids(struct task_walk *t, struct task_kvas *ret, const char **why) MUST_CHECK;

/* scx_tasks, without iterators' entries.  ERR_MISSING without sched_ext. */
struct err *task_list_scx(struct task_walk *t, struct task_kvas *ret, const char **why,
			  bool *capped) MUST_CHECK;

/* Has the variables that all of this begins with fetched in one go. */
void task_fetch_roots(struct task_walk *t);

/* Has the interesting parts of these tasks fetched in one go. */
void task_fetch(struct task_walk *t, const struct task_kvas *tasks);

/* ---- task-read.c */

/* False: not even pid and name could be read, *why (pool) tells the cause. */
bool task_read(struct task_walk *t, struct kva kva, struct task_row *row, const char **why);

/* ---- task-lock.c: the slow path of a lock that an instruction pointer is in; NULL */
const char *task_lock_slowpath(const struct kernel *k, uint64_t ip);

#endif
