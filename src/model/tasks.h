/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_TASKS_H
#define FDGDB_MODEL_TASKS_H

#include <string.h>

#include "model/scx.h"

struct opt_i32 {
	bool has;
	int32_t v;
};

enum scx_transit_kind {
	TRANSIT_NONE,
	TRANSIT_DEFERRED, /* until another CPU's lock can be had */
	TRANSIT_BUFFERED, /* until the dispatch() that inserted it returns */
};

/* What the format has no key for: fdgdb.tasks. */
struct task_extra {
	bool unlisted;	    /* in neither the table of pids nor the list of processes, and no idle task: being
			       made, or dead and not yet freed */
	bool idle;	    /* a CPU's idle task */
	char state_letter;  /* of state and exit_state, as /proc has it: "RSDTtXZPI"; 0: unknown */
	struct opt_u64 exit_state, exit_code, flags /* PF_ */, on_cpu, on_rq, in_iowait;
	struct opt_u64 mm; /* 0: none, as kernel threads and the dead */
	struct opt_i32 policy;
	struct opt_u64 start_time, start_boottime, sum_exec_runtime; /* ns */
	/* sched_info: how often it got a CPU, how long it had waited for one in all (ns), when it last got one
	 * and since when it waits (ns of its CPU's rq->clock; 0: it does not) */
	struct opt_u64 pcount, run_delay, last_arrival, last_queued;
	struct opt_u64 last_ran;   /* ns since it was last seen on a CPU; 0 if it runs */
	struct opt_u64 waiting;	   /* ns since it began to wait for a CPU; only while it does */
	const char *cpus_allowed;  /* "0-3,8", guest's numbers; NULL: unknown */
	struct opt_u64 stack, stack_end; /* lowest address; one past the highest */
	struct kva css_set;
	const char *cgroup; /* path in the default hierarchy, guest bytes; NULL: unknown */
	uint64_t cgroup_id; /* 0: unknown */
	const char *lock_symbol; /* the function of a lock's slow path that it runs in, or has been interrupted in or called
				    from; NULL */

	/* scx */
	const char *scx_flag_names; /* "QUEUED|DEQD_FOR_SLEEP", the fields in it left out; NULL: unknown */
	const char *scx_state;	    /* "ENABLED"; NULL: unknown */
	struct opt_u64 ops_state;   /* sched_ext_entity.ops_state */
	const char *ops_state_name; /* "QUEUED": BPF holds it; NULL: unknown */
	struct opt_u64 ddsp_dsq_id;
	struct opt_i32 sticky_cpu, holding_cpu;
	enum scx_transit_kind transit; /* on its way to a queue, and so on none */
	uint32_t transit_cpu;	       /* from which */
	uint64_t transit_dsq;	       /* to which */

	/* Its values in TASK_STORAGE maps. */
	struct task_storage *storage; /* by map */
	size_t nr_storage;
};

/* A task's value in a map of report.maps. */
struct task_storage {
	size_t map;	      /* row of report.maps */
	const uint8_t *value; /* value_size bytes; NULL: unreadable */
	const struct map_payload *payload; /* of the allocator's element that it leads to; NULL: none */
};

/* Numbers of a row that could not be had: bits of .unknown. */
enum task_unknown {
	TASK_TGID = 1 << 0,
	TASK_PRIO = 1 << 1,
	TASK_STATIC_PRIO = 1 << 2,
	TASK_NORMAL_PRIO = 1 << 3,
	TASK_RT_PRIORITY = 1 << 4,
	TASK_NVCSW = 1 << 5,
	TASK_NIVCSW = 1 << 6,
	TASK_UTIME = 1 << 7,
	TASK_STIME = 1 << 8,
	TASK_CPU = 1 << 9,
	TASK_WEIGHT = 1 << 10, /* there is none without sched_ext */
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
	const char *lock_slowpath; /* of a running task: the lock that it tries to get, in the format's word; NULL */

	/* Beyond the wire format */
	bool running;
	uint32_t cpu;		  /* thread_info.cpu, or the CPU it runs on */
	struct opt_u64 state;	  /* __state */
	struct opt_u64 scx_flags; /* sched_ext_entity.flags */
	struct opt_u64 dsq_kva;	  /* scx.dsq, 0: on none */
	struct opt_u64 sched_kva; /* scx.sched, 7.1: whose it is, see report_sched_of() */
	struct opt_u64 runnable_at; /* jiffies; only meaningful while queued */
	struct opt_u64 slice, vtime;
	bool unreadable; /* fields after comm could not all be read */
	unsigned int unknown; /* of those that stand above without .has: TASK_*; these are 0 */
	size_t stack;	 /* 1 + its row in report.stacks; 0: none */

	struct task_extra x;
};

static inline bool task_knows(const struct task_row *t, unsigned int what)
{
	return !(t->unknown & what);
}

/* enqueue() of a BPF scheduler took it, and it is on no DSQ nor on its way to one: only the program knows of it. */
static inline bool task_is_held(const struct task_row *t)
{
	return t->x.ops_state_name && !strcmp(t->x.ops_state_name, "QUEUED") && t->dsq_kva.has && !t->dsq_kva.v &&
	       !t->x.transit;
}

#endif
