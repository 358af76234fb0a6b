/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was collected from one stop of a guest: plain data, filled by walk/, judged by triage/, written
 * by report/.  Nobody above this line touches the guest.
 *
 * Everything hangs on the report's pool, so there is nothing to free one by one.  A row holds raw bytes
 * with their types; they are rendered when they are written, after the guest has been let go.
 */
#ifndef FDGDB_MODEL_REPORT_H
#define FDGDB_MODEL_REPORT_H

#include "base/vec.h"
#include "model/irqs.h"
#include "model/active.h"
#include "model/cpus.h"
#include "model/findings.h"
#include "model/log.h"
#include "model/arena.h"
#include "model/maps.h"
#include "model/modules.h"
#include "model/progs.h"
#include "model/scx.h"
#include "model/stacks.h"
#include "model/system.h"
#include "model/tasks.h"
#include "model/view.h"
#include "model/waits.h"

/* How a part of the report fared.  A reader must never take silence for health. */
enum section_status {
	SECTION_COMPLETE,
	SECTION_NOT_IN_KERNEL,	 /* this kernel has no such thing */
	SECTION_NOT_READABLE,	 /* all or part of it could not be read */
	SECTION_IMPLAUSIBLE,	 /* what was read contradicts itself */
	SECTION_NOT_IMPLEMENTED, /* fdgdb cannot do this yet */
	SECTION_NOT_ASKED,	 /* left out by --section or --map */
};

struct section {
	const char *name; /* "maps", "scx" ... */
	enum section_status status;
	const char *detail; /* cause, in words; NULL if complete */
	const char *cut;    /* what a cap or the deadline left out; NULL if nothing */
	bool user_cut;	    /* a limit the user set cut it: exit status 3 */
};

struct vcpu_row {
	bool ok;
	const char *why; /* !ok */
	uint64_t ip, sp, ptroot;
	bool in_kernel;
	bool has_cpu;
	uint32_t cpu; /* which CPU of the guest it is */
	bool offline; /* and that was unplugged; the vCPU is there all the same */
	const struct reg *regs; /* general ones, segments and their bases, control registers */
	size_t nr_regs;
};

/* How and from where; these keys differ between attach and core, all others must not. */
struct capture_info {
	const char *target_kind; /* target_ops.kind */
	const char *target_name;
	const char *target_note; /* or NULL */
	bool is_live;		 /* the guest goes on afterwards */
	bool kept_halted; /* it has been left so, because it was asked for */
	uint64_t pause_us; /* filled in after the guest has been let go */
	uint64_t bytes, packets, round_trips;
	uint64_t cache_hits, cache_misses;
	const char *cut_short; /* what ended the collecting before its end: a deadline, a lost target ...; NULL */
	bool deadline_hit;     /* it was the deadline */
	uint64_t cut_us;       /* when that was, since the stop; 0: unknown */
};

struct kernel_info {
	const char *release, *banner, *arch;
	const char *build_id; /* hex, or NULL */
	uint64_t text, slide, phys_base;
	unsigned int pt_levels;
	bool has_kpti, kpti; /* page-table isolation is on */
	uint32_t nr_cpu_ids, nr_online;
	uint32_t hz; /* 0: unknown */
	size_t nr_symbols, nr_types;

	/* What has gone wrong in it so far. */
	struct opt_u64 tainted;	   /* bits of TAINT_*; 0 is a clean kernel */
	const char *taint_letters; /* of the bits set, as an oops prints them: "DW"; NULL if none or unknown */
	struct opt_u64 panic_cpu;  /* CPU that panics; none: no panic, or unknown */
	bool panic_known;	   /* whether panic_cpu could be read */
	struct opt_u64 oops_in_progress; /* depth: somebody is printing an oops or a panic */
	struct opt_u64 nr_oopses, nr_warnings; /* since boot */
};

struct report {
	struct pool pool;

	struct capture_info capture;
	struct kernel_info kernel;
	VEC(struct section) sections;

	VEC(struct vcpu_row) vcpus;

	struct log log;
	struct irqs irqs;
	struct system system;

	VEC(struct map_row) maps; /* by id */
	uint32_t maps_skipped;	  /* not looked at because the deadline had passed */
	size_t nr_maps_aside;	  /* the last rows of maps: nobody asked for them, but values lead there */
	bool arenas_left_out;	  /* nobody asked for some arenas, and they are not among the rows */

	struct active_sched *active; /* enabled schedulers, the root first */
	size_t nr_active;

	/* What lies in arenas; the active schedulers' first, else in the order of maps. */
	VEC(struct sdt_alloc_row) sdt_allocs;
	const char *sdt_unavailable; /* why there are none */
	bool sdt_aside;		     /* nobody asked for them, but values lead there: not to be shown */
	VEC(struct scx_static_row) scx_statics;
	uint32_t scx_static_skipped; /* found, but of no use */
	VEC(struct arena_object) arena_objects;
	VEC(struct task_object) task_objects; /* by map, in the order of its entries */
	struct sdt_ref *sdt_index;	       /* by arena and address */
	size_t nr_sdt_index;

	VEC(struct prog_row) progs; /* by id, as the next two */
	VEC(struct link_row) links;
	VEC(struct btf_row) btfs;

	VEC(struct module_row) modules; /* in the list's order: the youngest first */

	struct scx_state scx;

	struct view view; /* instead of all other parts */

	VEC(struct task_row) tasks;
	bool tasks_narrowed;	/* only the first nr_tasks_wanted are to be shown; the others are there for what
				   refers to them */
	size_t nr_tasks_wanted;
	const char *tasks_unavailable;
	size_t *task_index; /* rows of tasks by address, first of equal ones first */
	size_t nr_task_index;

	struct cpu_state cpus;

	struct findings findings; /* by triage, after the guest has been let go */
	VEC(struct kstack_row) stacks; /* of vCPUs, then of tasks in their order */

	VEC(struct wait_row) waits; /* by the order of report.tasks; section "waits" */

	/* For rendering: how pointers are followed, in the pages kept from the stop. */
	struct value_env env;
	struct value_env flat_env; /* the same, but that objects in arenas are not followed */

	/* Types of programs' BTF, owned here; the kernel's own belong to struct kernel, which must outlive
	 * the report. */
	VEC(struct types *) types;
};

struct err *report_create(struct report **ret) MUST_CHECK;
void report_destroy(struct report *r);

/*
 * Sets the status of a section, adding it (in order of first mention); a worse status than it
 * has replaces it, and details are joined by "; ".  fmt may be NULL for SECTION_COMPLETE.
 */
struct err *report_section(struct report *r, const char *name, enum section_status status,
			   const char *fmt, ...) PRINTF_LIKE(4, 5) MUST_CHECK;

/* Notes what a cap left out of a section. `user`: the limit was set by the user. */
struct err *report_cut(struct report *r, const char *name, bool user, const char *fmt, ...)
	PRINTF_LIKE(4, 5) MUST_CHECK;

/* Whether anything asks for exit status 3: parts unreadable or implausible, or cut by a user's limit. */
bool report_is_partial(const struct report *r);

/* Makes report_task() fast for the tasks there are now. */
struct err *report_index_tasks(struct report *r) MUST_CHECK;

/* How many of the first rows of tasks are to be shown. */
static inline size_t report_nr_tasks_shown(const struct report *r)
{
	return r->tasks_narrowed ? r->nr_tasks_wanted : r->tasks.nr;
}

/* NULL if there is no such task in the report. */
const struct task_row *report_task(const struct report *r, struct kva task);

/*
 * Seconds since a task became runnable: jiffies - runnable_at, by HZ.  False if that cannot be told: the
 * task is on no queue, a number is missing, or the difference makes no sense.
 */
bool report_runnable_for(const struct report *r, const struct task_row *t, double *ret);

/* The scheduler that runs a task (or will, once it is in the ext class); NULL: none, or it is not known which. */
const struct scx_sched_row *report_sched_of(const struct report *r, const struct task_row *t);

/* Seconds after which the watchdog ejects a scheduler that leaves a task waiting; false if unknown. */
bool report_watchdog_timeout(const struct report *r, const struct scx_sched_row *s, double *ret);

/* How many of the first rows of maps are to be shown. */
static inline size_t report_nr_maps_shown(const struct report *r)
{
	return r->maps.nr - r->nr_maps_aside;
}

/* The enabled scheduler that uses a map, the root before others; NULL: none. */
const struct active_sched *report_map_sched(const struct report *r, struct kva map);

/* NULL if there is no such section. */
const struct section *report_find_section(const struct report *r, const char *name);

const char *section_status_text(enum section_status status);

#endif
