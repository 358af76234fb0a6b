/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How each CPU, RCU and the workqueues fare: what the kernel's own detectors of lockups look at. */
#ifndef FDGDB_MODEL_CPUS_H
#define FDGDB_MODEL_CPUS_H

#include "base/vec.h"
#include "model/tasks.h"

/* One possible CPU that is online. */
struct cpu_row {
	uint32_t cpu;
	const char *why; /* NULL, or the first thing that could not be read */

	/* struct rq */
	bool has_curr;
	struct kva curr;
	int32_t curr_pid;
	char curr_comm[17];
	bool idle;		/* curr is the idle task */
	struct opt_u64 clock;	/* rq->clock, ns: brought up to date when the scheduler looks at the queue */
	struct opt_u64 clock_age; /* ns behind the latest clock of all queues */
	struct opt_u64 nr_running, nr_switches, nr_rt, nr_dl, nr_ext;
	struct opt_u64 curr_for; /* ns that curr has had the CPU for, up to clock_age ago */

	/* Soft lockup detector: seconds of the scheduler's clock, as 2^30 ns. */
	struct opt_u64 softlockup_touch;
	struct opt_u64 softlockup_age; /* seconds since then */

	/* Timer interrupt: when the next event is due, ns of the monotonic clock, and how long that has
	 * been over; 0: it is not. */
	struct opt_u64 timer_due, timer_late;
	bool timer_hung; /* hrtimer_cpu_base.hang_detected */

	/* Of the vCPU that it is, in registers and per-CPU data. */
	struct opt_u64 vcpu;
	bool has_irqs, irqs_on; /* the interrupt flag */
	struct opt_u64 preempt_count; /* without the bit that says need_resched */
	bool has_need_resched, need_resched;
	bool calls_pending; /* other CPUs wait for it to run a function, or only have asked for one */

	/* RCU: the grace period waits for it. */
	bool rcu_holdout;
};

struct rcu_state_row {
	bool collected;
	const char *name; /* "rcu_preempt", guest bytes */
	int64_t gp_seq; /* starts below 0, so that it wraps early; the kernel prints it with its sign */
	bool running;		    /* a grace period is */
	struct opt_u64 gp_age;	    /* jiffies since it began; only if one is running */
	struct opt_u64 gp_state;
	const char *gp_state_name;  /* "WAIT_FQS"; NULL */
	struct opt_u64 stall_timeout; /* s */
	struct opt_u64 kthread_kva; /* that runs grace periods */
	struct kva *blocked;	    /* tasks preempted within a reader that it waits for */
	size_t nr_blocked;
	bool blocked_cut;
};

/* struct worker that has something to do. */
struct worker_row {
	struct kva task; /* 0: none (softirq pools) */
	int32_t pid;
	char comm[17];
	const char *func;     /* of the work, "name", "name [module]" or address; guest bytes; NULL: none */
	const char *wq;	      /* name of the workqueue, guest bytes; NULL: unknown */
	struct opt_u64 busy;  /* jiffies with this work; 7.0 */
	struct opt_u64 waiting; /* works of the same workqueue held back behind it */
	bool waiting_cut;
};

/* struct worker_pool */
struct pool_row {
	uint64_t id;
	int32_t cpu; /* -1: of none */
	uint32_t flags;
	uint64_t nr_workers, nr_idle, nr_running;
	uint64_t nr_pending; /* works on its list */
	bool pending_cut;
	const char *next_func;	/* of the first of them; NULL */
	struct opt_u64 idle_for; /* jiffies since it last made progress */
	struct worker_row *workers; /* busy ones */
	size_t nr_rows;
	const char *why;
};

/* Limits of the kernel's own detectors, and its clocks. */
struct detectors {
	struct opt_u64 monotonic;	   /* ns, at the last update of the timekeeper */
	struct opt_u64 jiffies;
	struct opt_u64 watchdog_thresh;	   /* s; a soft lockup is twice that */
	struct opt_u64 watchdog_enabled;   /* bits: 0 hard, 1 soft */
	struct opt_u64 hung_task_timeout;  /* s; 0: off */
	struct opt_u64 wq_watchdog_thresh; /* s; 0: off */
};

struct cpu_state {
	bool collected;
	struct detectors detectors;
	VEC(struct cpu_row) rows;
	struct rcu_state_row rcu;
	VEC(struct pool_row) pools; /* with works or busy workers, by id */
};

/* NULL if there is no such row. */
const struct cpu_row *cpu_state_find(const struct cpu_state *s, uint32_t cpu);

#endif
