/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the parts of the task walker. */
#ifndef FDGDB_WALK_TASKS_H
#define FDGDB_WALK_TASKS_H

#include "base/vec.h"
#include "kernel/containers.h"
#include "walk/walk.h"

enum { TASK_MASK_MAX = 1024 /* bytes of a mask: NR_CPUS is 8192 at most */ };

struct task_layout {
	/* struct task_struct */
	struct member size, pid, tgid, comm, group_leader, real_parent, signal;
	struct member prio, static_prio, normal_prio, rt_priority, policy, sched_class;
	struct member nvcsw, nivcsw, utime, stime, core_cookie, state, cpu, pid_links;
	/* .scx in it: offsets from the start of task_struct */
	struct member weight, scx_flags, dsq, sched, runnable_at, slice, vtime, tasks_node;
	/* struct signal_struct */
	struct member pids, nr_threads, sig_nvcsw, sig_nivcsw, sig_utime, sig_stime;
	/* struct pid, struct pid_namespace */
	struct member pid_size, pid_tasks, pid_nr, ns_idr;
	/* struct rq */
	struct member curr, idle, clock, clock_task;

	/* struct task_struct, what task-extra.c wants of it */
	struct member tasks, thread_node;
	struct member flags, on_cpu, on_rq, in_iowait, exit_state, exit_code, mm, stack, cpus_mask, cgroups;
	struct member start_time, start_boottime, sum_exec, exec_start;
	struct member pcount, run_delay, last_arrival, last_queued;
	struct member ops_state, ddsp_dsq_id, sticky_cpu, holding_cpu;
	/* struct signal_struct, css_set */
	struct member signal_size, thread_head, dfl_cgrp;
	struct member sched_level; /* of struct scx_sched, 7.1 */
	struct member info_pcount; /* of struct sched_info */
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
	uint64_t clock, clock_task; /* ns; 0: unknown */
};

/* How sched_ext_entity.flags is made up in this kernel; the masks are 0 if it does not say. */
struct task_flag_fields {
	uint32_t state_mask, state_shift, reenq_mask;
	uint32_t ops_shift; /* of the sequence number in ops_state */
};

/* Flags that have been named already. */
struct task_named_flags {
	uint64_t flags;
	const char *flag_names; /* NULL: a free slot */
	const char *state;
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
	uint64_t now;	       /* the latest rq->clock; 0: unknown */
	uint64_t stack_size;   /* THREAD_SIZE; 0: unknown */
	struct task_flag_fields flag_fields;
	struct task_named_flags named[16];
	size_t next_named;
	uint8_t mask[TASK_MASK_MAX]; /* the last cpus_mask that was put into words */
	const char *mask_list;	     /* NULL: none yet */
	bool know_listed;      /* the table of pids and the list of processes were read to their ends */
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

/*
 * Every process on init_task.tasks with all its threads; a task that is its process's leader comes twice.
 * Quick only for tasks that were fetched before.
 */
struct err *task_list_processes(struct task_walk *t, struct task_kvas *ret, const char **why,
				bool *capped) MUST_CHECK;

/* scx_tasks, without iterators' entries.  ERR_MISSING without sched_ext. */
struct err *task_list_scx(struct task_walk *t, struct task_kvas *ret, const char **why,
			  bool *capped) MUST_CHECK;

/* Has the variables that all of this begins with fetched in one go. */
void task_fetch_roots(struct task_walk *t);

/* Has the interesting parts of these tasks and of their processes fetched in two goes. */
void task_fetch(struct task_walk *t, const struct task_kvas *tasks);

/* ---- task-read.c */

/* A task while it is read.  Members are independent: what cannot be read takes nothing else with it. */
struct task_reading {
	struct task_walk *t;
	struct kva kva;
	uint8_t *data; /* [lo, hi) of it; NULL: not in one piece */
	bool lost;     /* something that should be there could not be read */
	const char *why;
};

/* A member of any object; false and *ret untouched if this kernel has none or it cannot be read. */
bool task_get(struct task_reading *r, struct kva obj, const struct member *m, uint64_t *ret);
/* The same of the task itself. */
void task_get_opt(struct task_reading *r, const struct member *m, struct opt_u64 *ret);
void task_get_opt_i32(struct task_reading *r, const struct member *m, struct opt_i32 *ret);
/* Keeps what to tell of a member that could not be read; fatal errors for the whole walk. */
void task_lost(struct task_reading *r, struct err *e);

/* False: not even pid and name could be read, *why (pool) tells the cause. */
bool task_read(struct task_walk *t, struct kva kva, struct task_row *row, const char **why);

/* ---- task-extra.c: row->x but for what the following files add, and `running` */
void task_read_extra(struct task_reading *r, struct task_row *row);
/* What can only be told once it is known who runs. */
void task_ages(const struct task_walk *t, struct task_row *row);

/* ---- task-flags.c: names in sched_ext_entity */
struct err *task_flag_fields(struct task_walk *t) MUST_CHECK;
void task_name_flags(struct task_walk *t, struct task_row *row);

/* ---- task-cgroup.c: paths of all tasks' cgroups, each followed once */
struct err *task_cgroups(struct task_walk *t) MUST_CHECK;

/* ---- task-select.c: walk_opts.tasks; call it before the rows are indexed */
struct err *task_select(struct walk *w) MUST_CHECK;

/* ---- task-storage.c */

/* Joins report.tasks with the entries of TASK_STORAGE maps in report.maps. */
struct err *task_join_storage(struct report *r) MUST_CHECK;
/* Then reads, from the tasks themselves, what maps that were not collected to their ends do not have. */
struct err *task_complete_storage(struct task_walk *t) MUST_CHECK;

/* What the allocators of a scheduler's arena gave out for the tasks that are shown; after the two. */
struct err *task_storage_payloads(struct walk *w) MUST_CHECK;

/* ---- task-lock.c */

/* The slow path of a lock that an instruction pointer is in. */
struct lock_slowpath {
	const char *match;  /* the format's word; NULL: it has none for this kind of lock */
	const char *symbol; /* the kernel's; NULL: no slow path */
	bool inner;	    /* of a part of several: who called it tells of which lock */
};
struct lock_slowpath task_lock_slowpath(const struct kernel *k, uint64_t ip);

#endif
