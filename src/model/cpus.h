/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How each CPU, RCU and the workqueues fare: what the kernel's own detectors of lockups look at. */
#ifndef FDGDB_MODEL_CPUS_H
#define FDGDB_MODEL_CPUS_H

#include "base/vec.h"
#include "model/tasks.h"

/* Where a CPU is, by the registers of its vCPU. */
enum cpu_place {
	CPU_PLACE_UNKNOWN,
	CPU_IN_USER,
	CPU_HALTED, /* in the kernel, behind an instruction that waits for an interrupt */
	CPU_IN_KERNEL,
};

/* A server of deadline scheduling, for tasks that real-time ones would keep from the CPU (6.8). */
struct cpu_server {
	const char *name;	   /* "fair_server", "ext_server" (7.0) */
	uint64_t runtime, period;  /* ns; a runtime of 0: it is off, and real-time tasks may keep the CPU for good */
	int64_t left;		   /* of the runtime */
	bool active, throttled, deferred /* until the class really starves */;
};

/* What other CPUs want it to run, on its call_single_queue. */
struct cpu_call {
	const char *func;    /* "name", "name [module]" or an address; guest bytes; NULL: no function, as a wake-up */
	struct opt_u64 from; /* CPU, where the queue's entry is that CPU's own */
	bool waited_for;     /* the other one does nothing else until it has run */
};

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
	bool has_watched, watched; /* by the detectors: watchdog_cpumask */

	/* Hard lockup detector: timer interrupts counted by the CPU, and how many there were when it was last
	 * looked at; equal for longer than watchdog_thresh is a lockup. */
	struct opt_u64 hard_interrupts, hard_saved;
	struct opt_u64 hard_missed; /* how often they were equal (7.0) */
	bool hard_touched; /* told not to look the next time */
	bool hard_warned;  /* it was found locked up, and the kernel's log says so */

	/* Timer interrupt: when the next event is due, ns of the monotonic clock, and how long that has
	 * been over; 0: it is not. */
	struct opt_u64 timer_due, timer_late;
	bool timer_hung; /* hrtimer_cpu_base.hang_detected */
	/* Timers of jiffies: for how many of these the next one has been due, 0: it is not; whose function runs. */
	struct opt_u64 wheel_late;
	const char *running_timer; /* guest bytes; NULL: none */
	struct opt_u64 stalled_ticks; /* for how many of its ticks in a row jiffies have not gone on */
	bool has_tick_stopped, tick_stopped; /* it is idle (or alone with one task) and does without */
	struct opt_u64 softirqs; /* bits of those that are due, as in /proc/softirqs */

	/* Of the vCPU that it is, in registers and per-CPU data. */
	struct opt_u64 vcpu;
	enum cpu_place place;
	bool has_irqs, irqs_on; /* the interrupt flag */
	struct opt_u64 preempt_count; /* without the bit that says need_resched */
	bool has_need_resched, need_resched;
	/* Where the scheduler's feature LATENCY_WARN is on: how long need_resched has been so, ns and ticks. */
	struct opt_u64 resched_for, resched_ticks;
	bool calls_pending; /* other CPUs wait for it to run a function, or only have asked for one */
	struct cpu_call *calls; /* the oldest first */
	size_t nr_calls;
	bool calls_cut;

	/* Throttling of real-time tasks (to 6.11, and of groups): ns used, and allowed, of the period. */
	struct opt_u64 rt_time, rt_runtime;
	bool rt_throttled;
	struct cpu_server servers[2];
	size_t nr_servers;

	/* RCU: the grace period, or the expedited one, waits for it; callbacks that wait for one. */
	bool rcu_holdout, rcu_exp_holdout;
	struct opt_u64 rcu_callbacks;
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
	/* A grace period that is wanted and has not begun: how long ago it was asked for. */
	bool requested;
	struct opt_u64 requested_for; /* jiffies; only if it is */
	struct opt_u64 activity_age;  /* jiffies since the thread last did something */
	/* Expedited ones. */
	bool exp_running;
	struct opt_u64 exp_seq;
	struct kva *exp_blocked; /* tasks preempted within a reader that it waits for */
	size_t nr_exp_blocked;
	bool exp_blocked_cut;
};

/* struct srcu_struct whose grace period is running, or that somebody waits for. */
struct srcu_row {
	struct kva kva;
	const char *name;	 /* guest bytes; NULL: none of a symbol */
	uint64_t gp_seq;	 /* the low two bits: 0 idle, 1 and 2 the phases of a grace period */
	struct opt_u64 gp_age;	 /* jiffies since it began; only if it is running */
	struct opt_i32 readers[2]; /* in read sections, by the index that they took; a grace period waits for one */
	const char *why;
};

/* struct rcu_tasks: grace periods that wait for tasks to be switched away, or to be out of a BPF program. */
struct rcu_tasks_row {
	const char *name; /* "rcu_tasks"; guest bytes */
	bool running;
	uint64_t gp_seq, gp_state;
	const char *gp_state_name;  /* "WAIT_SCAN_HOLDOUTS"; NULL */
	struct opt_u64 state_age;   /* jiffies in that state */
	struct opt_u64 gp_age;	    /* jiffies since it began; only if it is running */
	struct kva kthread;
};

/* A queue of a group of tasks that has used up what its cgroup may have of the CPUs (cpu.max). */
struct throttled_row {
	uint32_t cpu;
	const char *cgroup;	 /* path, guest bytes; NULL: unknown */
	struct opt_u64 nr_tasks; /* kept from running */
	struct opt_u64 age;	 /* ns */
	struct opt_u64 quota, period; /* ns */
};

/* struct worker that has something to do. */
struct worker_row {
	struct kva task; /* 0: none (softirq pools) */
	int32_t pid;
	char comm[17];
	struct kva kva, work;
	const char *func;     /* of the work, "name", "name [module]" or address; guest bytes; NULL: none */
	const char *wq;	      /* name of the workqueue, guest bytes; NULL: unknown */
	struct opt_u64 busy;  /* jiffies with this work; 7.0 */
	struct opt_u64 waiting; /* works of the same workqueue held back behind it */
	bool waiting_cut;
};

/* struct worker_pool */
struct pool_row {
	struct kva kva;
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
	struct opt_i32 rt_runtime, rt_period; /* us, of all CPUs; a runtime of -1: no limit */
	struct opt_i32 jiffies_cpu; /* whose duty it is to make jiffies go on; -1: nobody's, they stand */
	const char *clocksource; /* guest bytes; NULL: unknown */
};

struct cpu_state {
	bool collected;
	struct detectors detectors;
	VEC(struct cpu_row) rows;
	struct rcu_state_row rcu;
	VEC(struct pool_row) pools; /* with works or busy workers, by id */
	VEC(struct srcu_row) srcus;
	VEC(struct rcu_tasks_row) rcu_tasks;
	VEC(struct throttled_row) throttled;
	bool throttled_cut;
};

/* NULL if there is no such row. */
const struct cpu_row *cpu_state_find(const struct cpu_state *s, uint32_t cpu);

/* Whether an interrupt would reach it; false too if that is not known. */
bool cpu_takes_interrupts(const struct cpu_row *c);

/*
 * No CPU takes interrupts, so nobody moves the guest's own clocks: all ages that are told by them ("late", "since")
 * stay small however long it has hung.  False if that is not known of each CPU.
 */
bool cpu_state_clocks_stand(const struct cpu_state *s);

/* "user", "halted", "kernel"; NULL if unknown. */
const char *cpu_place_text(enum cpu_place place);

/* Of a bit of cpu_row.softirqs, as /proc/softirqs has it; NULL: none of that number. */
const char *cpu_softirq_name(unsigned int bit);

#endif
