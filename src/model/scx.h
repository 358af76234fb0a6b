/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_SCX_H
#define FDGDB_MODEL_SCX_H

#include "base/vec.h"
#include "target/target.h"

struct opt_u64 {
	bool has;
	uint64_t v;
};

/* One CPU's struct scx_rq. */
struct scx_rq_row {
	uint32_t cpu;
	uint32_t nr_running, flags;
	const char *flag_names; /* "ONLINE|CAN_STOP_TICK", by this kernel's enum; NULL: it has none */
	bool cpu_released;
	uint64_t ops_qseq; /* 0 where the kernel has none (7.2) */
	struct opt_u64 kick_sync, nr_immed, clock;
	bool has_curr;
	struct kva curr;
	int32_t curr_pid;
	char curr_comm[17];
	struct kva *runnable; /* runnable_list in order, the running task is not on it */
	size_t nr_runnable;
	bool truncated;
	const char *why; /* truncated: how the walk ended */
};

enum dsq_origin {
	DSQ_LOCAL,  /* of a CPU */
	DSQ_BYPASS, /* of a CPU */
	DSQ_GLOBAL, /* of a NUMA node */
	DSQ_USER,
	DSQ_REJECT, /* of a CPU, 7.3: tasks of sub-schedulers that may not run where they were put; a row
		       only if something is on it */
	DSQ_RESCUE, /* of a CPU, 7.3; likewise */
};

/* One struct scx_dispatch_q. */
struct dsq_row {
	struct kva kva;
	uint64_t id;
	enum dsq_origin origin;
	uint32_t index; /* CPU or node */
	struct kva sched; /* the sub-scheduler it belongs to; 0: the root's, or a CPU's */
	uint32_t nr, seq;
	struct kva *tasks; /* in order, iterator cursors left out */
	size_t nr_tasks;
	bool truncated;
	const char *why; /* truncated: how the walk ended */
};

/* *scx_root, or the static symbols of 6.12 to 6.15. */
struct scx_sched_row {
	struct kva kva; /* 0 with static symbols */
	bool aborting;
	int32_t bypass_depth;
	uint32_t exit_kind;
	const char *exit_kind_name; /* "SCX_EXIT_NONE"; NULL: not in this kernel's enum */
	struct opt_u64 watchdog_timeout; /* jiffies */
	char ops_name[129];		 /* sched_ext_ops.name */
	uint64_t ops_flags;
	struct opt_u64 timeout_ms;
};

struct scx_state {
	bool in_kernel;		  /* this kernel has sched_ext */
	const char *enable_state; /* "enabled", "disabled" ...; NULL: unknown */
	bool has_sched;
	struct scx_sched_row sched;
	size_t nr_subs; /* schedulers below the root (7.1) */
	VEC(struct scx_rq_row) rqs;
	VEC(struct dsq_row) dsqs; /* local, bypass, global, user; user by id */
	const char *unavailable;  /* scx_walker_unavailable, may stand beside data */
	uint64_t jiffies;	  /* jiffies_64 at the stop; 0: unknown */
};

#endif
