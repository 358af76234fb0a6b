/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_SCX_H
#define FDGDB_MODEL_SCX_H

#include "base/vec.h"
#include "target/target.h"

struct opt_u64 {
	bool has;
	uint64_t v;
};

/* A task that is runnable and on no queue, because it is on its way to one. */
struct scx_transit {
	struct kva task;
	uint64_t dsq_id; /* where to */
	bool buffered;	 /* a dispatch() that has not returned has inserted it; else it waits for another CPU's lock, to be
			    put on that one's local DSQ */
	uint64_t qseq;	 /* buffered: of its enqueue, as in sched_ext_entity.ops_state; if that is another one by now, the
			    task has been taken out again */
	struct kva sched; /* buffered: whose dispatch() that is; 0: the root's */
};

/* One CPU's struct scx_rq.  What this kernel's types do not tell is no 0: see .has. */
struct scx_rq_row {
	uint32_t cpu;
	bool offline;
	struct opt_u64 nr_running, flags;
	const char *flag_names; /* "ONLINE|CAN_STOP_TICK", by this kernel's enum; NULL: it has none */
	bool cpu_released;
	struct opt_u64 ops_qseq; /* to 7.1 */
	struct opt_u64 kick_sync, nr_immed, clock;
	bool has_curr;
	struct kva curr;
	int32_t curr_pid;
	char curr_comm[17];
	const char *curr_class;	   /* "ext" ...; NULL: matches none */
	struct opt_u64 curr_since; /* rq clock (ns) when it got the CPU; none of the idle task */
	struct opt_u64 curr_ran;   /* ns since then, by the latest clock of any CPU: at least */
	struct opt_u64 rq_clock;   /* ns, of its own; it stands still while the CPU does not schedule */
	bool is_idle;		   /* the idle task runs, on a CPU that is there */
	bool has_idle;		   /* is_idle is known */
	struct opt_u64 in_idle_mask; /* the kernel's own search for idle CPUs may find it; only while that is in use */
	struct kva rescued;	   /* who runs because its scheduler could not run it, 7.3; 0: nobody */
	bool bypassed;		   /* the scheduler is bypassed here */
	const char *kicks;	   /* "KICK|PREEMPT": asked for and not yet delivered; NULL: none */
	struct kva *runnable; /* runnable_list in order, the running task is not on it */
	size_t nr_runnable;
	bool truncated;
	const char *why; /* truncated: how the walk ended */
	struct scx_transit *transit; /* deferred ones first */
	size_t nr_transit;
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

/* "local cpu 0", "global node 1", "user": dsq_states[].origin. */
struct dsq_row;
void dsq_origin_text(const struct dsq_row *d, char buf[32]);

/* "0x42"; what the kernel has names for by these: "LOCAL", "LOCAL_ON|3", "GLOBAL". */
void dsq_id_text(uint64_t id, char buf[32]);

/* One struct scx_dispatch_q. */
struct dsq_row {
	struct kva kva;
	uint64_t id;
	bool has_id;
	enum dsq_origin origin;
	uint32_t index; /* CPU or node */
	struct kva sched; /* the sub-scheduler it belongs to; 0: the root's, or a CPU's */
	uint32_t nr, seq;
	bool has_nr, has_seq;
	bool by_vtime;	   /* a priority queue: its tasks are in a tree too */
	struct kva *tasks; /* in order, iterator cursors left out */
	size_t nr_tasks;
	bool truncated;
	const char *why; /* truncated: how the walk ended */
	const char *contradiction; /* between its list, its tree and its first task; NULL: none */
};

/* struct scx_exit_info: why a scheduler ended, in its kernel's words. */
struct scx_exit_row {
	bool has; /* it ended, or is about to */
	struct kva kva;
	uint32_t kind;
	const char *kind_name; /* "SCX_EXIT_ERROR_STALL"; NULL: not in this kernel's enum */
	struct opt_u64 code;   /* an s64: the program's own number in the low half */
	const char *code_names; /* "RSN_HOTPLUG|ACT_RESTART"; NULL: nothing of the kernel's in it */
	struct opt_u64 flags;
	const char *flag_names;
	bool has_cpu; /* 7.2; and it is one */
	int32_t cpu;
	const char *reason, *msg, *dump; /* guest text; NULL: none */
	bool dump_cut;			 /* it is longer than what was read */
	uint64_t *bt;			 /* innermost first */
	const char **symbols;		 /* [nr_bt] "name+0x12/0x340 [module]", NULL where there is none */
	size_t nr_bt;
	const char *why; /* some of it could not be read: the first cause */
};

/* struct scx_event_stats, by the names that this kernel's types give. */
struct scx_events {
	size_t nr;
	const char **names; /* [nr] "SELECT_CPU_FALLBACK" */
	int64_t *sums;	    /* [nr] over the CPUs below, saturating */
	size_t nr_cpus;	    /* that could be read; 0: nothing is known */
	uint32_t *cpus;
	int64_t *counts; /* [nr_cpus * nr], CPU by CPU */
};

enum scx_role {
	SCX_ROOT,
	SCX_SUB,    /* below the root, 7.1 */
	SCX_EXITED, /* ended; whoever loaded it holds what is left */
	SCX_STARTING, /* not yet the root */
};

/* *scx_root, or the static symbols of 6.12 to 6.15; others: see scx_state.others. */
struct scx_sched_row {
	struct kva kva; /* 0 with static symbols */
	enum scx_role role;
	bool aborting, has_aborting; /* 6.19 */
	bool aborting_unknown;	     /* the kernel knows, but its types do not tell where */
	int32_t bypass_depth;
	bool has_bypass_depth; /* of others than the root: 7.1 */
	uint32_t exit_kind;
	bool has_exit_kind;
	const char *exit_kind_name; /* "SCX_EXIT_NONE"; NULL: not in this kernel's enum */
	struct opt_u64 watchdog_timeout; /* jiffies */
	char ops_name[129];		 /* sched_ext_ops.name */
	bool has_ops_name;
	struct opt_u64 ops_flags;
	const char *ops_flag_names; /* "ENQ_LAST|SWITCH_PARTIAL"; NULL: none */
	struct opt_u64 timeout_ms;
	struct opt_u64 id, level; /* 7.3, 7.1: its depth below the root */
	struct kva parent;	  /* of a sub-scheduler */
	const char *cgroup_path;  /* that a sub-scheduler is for; NULL */
	struct scx_exit_row exit;
	struct scx_events events;
};

/*
 * How a scheduler ended, as the kernel told its log: once whoever loaded it is gone, that is all there is (to 6.15 it
 * always is).
 */
struct scx_log_exit {
	size_t record;	  /* row of report.log.records */
	uint64_t ts_nsec; /* that record's: since boot */
	bool sub;	  /* one below the root, 7.1 */
	bool error;	  /* the kernel ejected it; else it left, or was told to */
	bool recorded;	  /* one of the schedulers below has the same in its exit record */
	const char *name, *reason; /* guest text: "zoo", "runnable task stall" */
	const char *msg;	   /* NULL: none */
	const char **frames;	   /* [nr_frames] "function+0x12/0x340", innermost first */
	size_t nr_frames;
};

struct scx_state {
	bool in_kernel;		  /* this kernel has sched_ext */
	const char *enable_state; /* "enabled", "disabled" ...; NULL: unknown */
	bool has_sched;
	struct scx_sched_row sched;
	size_t nr_subs; /* schedulers below the root (7.1) */
	VEC(struct scx_sched_row) others; /* subs in the kernel's order, then SCX_EXITED and STARTING */
	VEC(struct scx_rq_row) rqs;
	VEC(struct dsq_row) dsqs; /* local, bypass, global, user; user by id; those asked for before the others */
	bool dsqs_narrowed;	  /* --dsq: only the first nr_dsqs_wanted are to be shown */
	size_t nr_dsqs_wanted;
	const char *unavailable;  /* scx_walker_unavailable, may stand beside data */
	uint64_t jiffies;	  /* jiffies_64 at the stop; 0: unknown */
	/* jiffies: when the watchdog last looked, and how often it does (7.1) */
	struct opt_u64 watchdog_timestamp, watchdog_interval;
	/* CPUs are held back because one cannot get at its queue, and whether a soft lockup is why (6.13 to 6.18); the
	 * CPU for whose hard lockup the scheduler is ejected (7.1), an int32_t, -1: none */
	struct opt_u64 breather_depth, in_softlockup, hardlockup_cpu;
	struct opt_u64 switched_all;		    /* not 0: all tasks of the fair class are its */
	struct opt_u64 enable_seq, nr_rejected, hotplug_seq; /* as in /sys/kernel/sched_ext */
	VEC(struct scx_log_exit) log_exits;		      /* oldest first; the last ones if there are many */
};

/* The row of a running scheduler, the root's for 0; NULL: there is none. */
const struct scx_sched_row *scx_find_sched(const struct scx_state *scx, struct kva kva);

/* The end of the last scheduler, if only the log tells of it; NULL: one runs, or it is told elsewhere or nowhere. */
const struct scx_log_exit *scx_last_log_exit(const struct scx_state *scx);

/* Rows of dsqs that a writer shows. */
static inline size_t scx_nr_dsqs_shown(const struct scx_state *scx)
{
	return scx->dsqs_narrowed ? scx->nr_dsqs_wanted : scx->dsqs.nr;
}

#endif
