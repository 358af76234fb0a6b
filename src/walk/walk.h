/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walkers fill the report from a stopped guest.  One file per thing collected; none knows whether its
 * bytes come from a socket or a file.  A walker that fails in part records the cause in its section
 * (report_section, map_row.error, *_unavailable) and the rest goes on; it returns an error only if
 * nothing further can work: no memory, target lost, deadline passed.
 */
#ifndef FDGDB_WALK_H
#define FDGDB_WALK_H

#include "kernel/kernel.h"
#include "model/report.h"

enum {
	WALK_ENTRIES_DEFAULT = 4096,	   /* entries of a map collected, see walk_opts */
	WALK_PERCPU_KEYS_DEFAULT = 256,	   /* keys of a per-CPU array */
	WALK_LIST_MAX = 65536,		   /* tasks on a list */
};

struct walk_opts {
	/* --section: names; NULL: all. */
	const char *const *sections;
	size_t nr_sections;
	/* --task: pids, names and patterns of names; none: all. */
	const char *const *tasks;
	size_t nr_tasks;
	/* --dsq: ids and origins ("local cpu 3"); none: all. */
	const char *const *dsqs;
	size_t nr_dsqs;
	/* --max-entries: 0 is the default caps above, UINT64_MAX all. */
	uint64_t max_entries;
	/* --arena-bytes: bytes kept of an arena's pages; 0 is the default, UINT64_MAX all. */
	uint64_t arena_bytes;
	/* --log-bytes: 0 is the default of 1 MiB, UINT64_MAX all. */
	uint64_t log_bytes;
	/* --map: id, 0x address or name of the maps that are wanted; none: all. */
	const char *const *maps;
	size_t nr_maps;
	/* A view instead of a report: --var, a path; --key, of the one map in `maps`.  NULL: none. */
	const char *var, *key;
};

struct walk {
	struct kernel *k;
	struct report *r;
	const struct walk_opts *opts;
};

/* The i-th of the sections that can be asked for, in the order in which they are collected; NULL behind the last. */
const char *walk_section_name(size_t i);

/* How many elements of an array in a value are shown: views show all of what they were asked for. */
uint64_t walk_max_elements(const struct walk_opts *opts);

/* Types of values with arrays longer than that, and the longest of them all. */
struct walk_arrays {
	size_t nr;
	uint64_t longest;
};
struct err *walk_add_array(struct walk *w, const struct types *types, uint32_t type,
			   struct walk_arrays *arrays) MUST_CHECK;
/* Says in a section that arrays in so many of `what` ("maps") are cut, if any are. */
struct err *walk_tell_arrays(struct walk *w, const char *section, const char *what,
			     const struct walk_arrays *arrays) MUST_CHECK;

/* Whether the user wants this section; if not, it is noted as not asked for. */
bool walk_wants(struct walk *w, const char *section);

/* Whether only some maps are collected: those of --map, or what tells of the tasks of --task. */
bool maps_are_narrowed(const struct walk *w);

/* True for errors after which no walker can go on (see above). */
bool walk_is_fatal(const struct err *e);

/* "0-3,8" of the CPUs for which there is true; "" for none; on the pool, NULL without memory. */
const char *walk_cpu_list(struct pool *pool, const bool *cpus, uint32_t nr);
/*
 * Flags by the names that an enum of this kernel has for the bits, without the prefix: "A|B|0x4000". *ret is NULL
 * if no bit is set, or if there is no such enum.
 */
struct err *walk_flag_names(const struct kernel *k, struct pool *pool, const char *type, const char *prefix,
			    uint64_t flags, const char **ret) MUST_CHECK;

/* Everything, in an order in which each finds what it depends on. */
struct err *walk_all(struct kernel *k, const struct walk_opts *opts, struct report *r) MUST_CHECK;

/*
 * The variable or entry that opts->var or ->key name, and what rendering it needs: report.view.  ERR_NOT_FOUND
 * or ERR_USAGE if the guest has no such thing.
 */
struct err *walk_view(struct kernel *k, const struct walk_opts *opts, struct report *r) MUST_CHECK;

/* ---- the parts */

/* What kernel it is: report.kernel. */
struct err *walk_kernel(struct walk *w) MUST_CHECK;

/* Registers of each vCPU and which CPU it is: report.vcpus.  Needs no kernel but for `cpu`. */
struct err *walk_vcpus(struct walk *w) MUST_CHECK;

/* The kernel's log: report.log. */
struct err *walk_log(struct walk *w) MUST_CHECK;

/* Clocks, load, memory and zones, command line: the rest of report.system. */
struct err *walk_system(struct walk *w) MUST_CHECK;

/* What each CPU spent its time on: report.system.cpu_times. */
struct err *walk_cpu_time(struct walk *w) MUST_CHECK;

/* Interrupts, and who handles them: report.irqs. */
struct err *walk_irqs(struct walk *w) MUST_CHECK;

/* Where pages were allocated: report.system.numa. */
struct err *walk_numa(struct walk *w) MUST_CHECK;

/* Pressure stall information of the system and all cgroups: report.system.psi. */
struct err *walk_psi(struct walk *w) MUST_CHECK;

/* Every BPF map with its contents: report.maps, by id. */
struct err *walk_maps(struct walk *w) MUST_CHECK;

/* BPF programs, links and BTF objects: report.progs, .links, .btfs, by id. */
struct err *walk_progs(struct walk *w) MUST_CHECK;
struct err *walk_links(struct walk *w) MUST_CHECK;
struct err *walk_btfs(struct walk *w) MUST_CHECK;

/* Loaded modules: report.modules. */
struct err *walk_modules(struct walk *w) MUST_CHECK;

/* The BPF object of the enabled scheduler among report.maps: report.active_*. */
struct err *walk_active(struct walk *w) MUST_CHECK;

/* Typed objects in the arenas of report.maps: report.sdt_*, .scx_static*, .arena_objects, .task_objects.  After
 * walk_active() and walk_progs(), which tell what arena is whose. */
struct err *walk_arena(struct walk *w) MUST_CHECK;

/* sched_ext: report.scx. */
struct err *walk_scx(struct walk *w) MUST_CHECK;

/* All tasks and threads, idle ones too: report.tasks, by pid; those that opts asks for before the others. */
struct err *walk_tasks(struct walk *w) MUST_CHECK;

/* Stacks of vCPUs and of the tasks in the report: report.stacks. */
struct err *walk_stacks(struct walk *w) MUST_CHECK;
/* From these stacks, which running tasks try to get a lock: completes report.tasks. */
void walk_task_locks(struct walk *w);
/* How CPUs, RCU and workqueues fare: report.cpus. */
struct err *walk_cpus(struct walk *w) MUST_CHECK;

/* What the tasks with a stack wait for, and who holds it: report.waits. */
struct err *walk_waits(struct walk *w) MUST_CHECK;

/* Reads what rendering the collected values will follow pointers to, so that it is kept from the stop,
 * and sets report.env. */
struct err *walk_env(struct walk *w) MUST_CHECK;

#endif
