/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of the system as a whole, as /proc and /sys show it. */
#ifndef FDGDB_MODEL_SYSTEM_H
#define FDGDB_MODEL_SYSTEM_H

#include "model/scx.h"

/* The format's order of softirqs, which is the kernel's. */
enum { NR_SOFTIRQS = 10 };

/* enum cpu_usage_stat, as far as the format has it and two more. */
enum cpu_time {
	TIME_USER, TIME_NICE, TIME_SYSTEM, TIME_SOFTIRQ, TIME_IRQ, TIME_IDLE, TIME_IOWAIT, TIME_STEAL,
	TIME_GUEST, TIME_GUEST_NICE,
	NR_CPU_TIMES,
};

/* What one CPU spent its time on since boot. */
struct cpu_time_row {
	uint32_t cpu;
	bool offline;
	uint64_t ns[NR_CPU_TIMES]; /* kernel_cpustat */
	uint64_t softirqs[NR_SOFTIRQS];
	uint64_t irqs; /* of devices */
	/*
	 * Without its periodic tick an idle CPU's times stand still: completed idle periods are in
	 * tick_sched up to 7.1, in kernel_cpustat from 7.2 on, and the running one is in neither.
	 */
	struct opt_u64 idle_sleeptime, iowait_sleeptime; /* ns; none from 7.2 on */
	struct opt_u64 idle_since; /* CLOCK_MONOTONIC, ns; none: it is not idle */
	struct opt_u64 idle_for;   /* ns, up to the guest's last tick */
};

/* enum numa_stat_item: allocations of pages, since boot. */
enum numa_event {
	NUMA_HIT, NUMA_MISS, NUMA_FOREIGN, NUMA_INTERLEAVE_HIT, NUMA_LOCAL, NUMA_OTHER,
	NR_NUMA_EVENTS,
};

/* Of one online node, all its zones together; with what CPUs had counted and not yet handed over. */
struct numa_row {
	uint32_t node;
	uint64_t events[NR_NUMA_EVENTS];
	uint64_t deltas[NR_NUMA_EVENTS]; /* part of events: not yet handed over */
};

/* One populated struct zone; all in pages. */
struct zone_row {
	uint32_t node;
	char name[17]; /* guest bytes */
	uint64_t managed, present;
	uint64_t free;		       /* with what CPUs have not yet handed over */
	uint64_t min, low, high;       /* watermarks, boost included */
};

/* What is waited for: pressure stall information. */
enum psi_resource { PSI_CPU, PSI_MEMORY, PSI_IO, PSI_IRQ, NR_PSI };

/* Some of the tasks stalled, or all of them. */
struct psi_value {
	bool has;
	uint64_t total; /* ns since boot */
	uint64_t avg[3]; /* over 10, 60 and 300 s: percent times 2^11 */
};

/* Of a cgroup, or of the whole system. */
struct psi_row {
	struct kva cgroup; /* 0: the system */
	uint64_t id;
	const char *path; /* guest bytes, from the root of the hierarchy */
	bool leaf, dying;
	bool disabled; /* cgroup.pressure is 0: the numbers are old */
	struct psi_value some[NR_PSI], full[NR_PSI];
};

/* A line of /proc/meminfo. */
struct mem_item {
	const char *name; /* as there: "MemFree" */
	uint64_t kb;
};

/* A line of /proc/vmstat. */
struct stat_item {
	const char *name; /* as there: guest bytes */
	uint64_t v;
};

/* Huge pages of one size, set aside for who asks for them (hugetlbfs). */
struct huge_row {
	uint64_t size_kb;
	bool is_default; /* the one that /proc/meminfo shows */
	uint64_t total, free, reserved, surplus; /* pages of that size */
};

/* The format's words for per_node_numa_unavailable, whatever the cause; that stands in the section. */
static const char numa_unavailable[] UNUSED = "no NUMA walker (host-side walker pending)";

struct system {
	/* Clocks lag behind by up to one tick of the guest, see walk/clock.h. */
	struct opt_u64 uptime, realtime; /* ns: CLOCK_BOOTTIME, CLOCK_REALTIME */
	struct opt_u64 jiffies;		 /* from 2^32 - 300 * HZ on */
	bool has_load;
	uint64_t load[3]; /* over 1, 5 and 15 minutes: times 2^11 */
	struct opt_u64 nr_threads, nr_forks;
	struct opt_u64 nr_running, nr_iowait, nr_switches; /* of online CPUs, online CPUs, all CPUs */
	const char *cmdline;		    /* guest bytes; NULL: unknown */
	const char *online, *possible;	    /* CPUs: "0-3,8" */
	VEC(struct mem_item) meminfo;	    /* in the order of /proc/meminfo */
	VEC(struct stat_item) vmstat;	    /* in the order of /proc/vmstat */
	VEC(struct huge_row) huge_pages;
	VEC(struct cpu_time_row) cpu_times; /* possible CPUs */
	VEC(struct numa_row) numa;
	VEC(struct zone_row) zones;	    /* by node, then as the kernel has them */
	const char *numa_unavailable;	    /* per_node_numa_unavailable */
	VEC(struct psi_row) psi;	    /* the system, then cgroups from the root on, level by level */
};

#endif
