/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_TASKS_H
#define FDGDB_MODEL_TASKS_H

#include "model/scx.h"

struct opt_i32 {
	bool has;
	int32_t v;
};

/* One struct task_struct. */
struct task_row {
	struct kva kva;
	int32_t pid, tgid;
	char comm[17]; /* guest bytes */
	struct opt_i32 group_leader_pid, real_parent_pid;
	bool has_parent_comm;
	char real_parent_comm[17];
	struct opt_i32 pgid, sid, nr_threads;
	uint32_t weight;
	int32_t prio, static_prio, normal_prio;
	uint32_t rt_priority;
	const char *sched_class; /* "fair", "ext" ...; NULL: matches none */
	struct opt_u64 core_cookie;
	bool pi_boosted_out_of_scx;
	uint64_t nvcsw, nivcsw;
	struct opt_u64 signal_nvcsw, signal_nivcsw;
	uint64_t utime, stime; /* ns */
	struct opt_u64 signal_utime, signal_stime;
	const char *lock_slowpath; /* of a running task; NULL */

	/* Beyond the wire format */
	bool running;
	uint32_t cpu;		  /* thread_info.cpu, or the CPU it runs on */
	struct opt_u64 state;	  /* __state */
	struct opt_u64 scx_flags; /* sched_ext_entity.flags */
	struct opt_u64 dsq_kva;	  /* scx.dsq, 0: on none */
	struct opt_u64 runnable_at; /* jiffies; only meaningful while queued */
	struct opt_u64 slice, vtime;
	bool unreadable; /* fields after comm could not all be read */
	size_t stack;	 /* 1 + its row in report.stacks; 0: none */
};

#endif
