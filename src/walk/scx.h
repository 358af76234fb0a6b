/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the parts of the sched_ext walker.
 *
 * They run side by side (mem_each), so nobody may write to a section while they do: the report must not
 * depend on whose page came first.  Each leaves its failure in its own job; walk_scx() puts them together.
 */
#ifndef FDGDB_WALK_SCX_H
#define FDGDB_WALK_SCX_H

#include "kernel/containers.h"
#include "walk/walk.h"

/* What one CPU may have asked another one for. */
enum { SCX_KICKS = 4 };

/* Where the members are that are looked at; see scx-layout.c for their releases. */
struct scx_layout {
	/* struct rq */
	struct member rq_scx, rq_curr, rq_lock, rq_idle, rq_clock;
	/* struct scx_rq */
	struct member nr_running, flags, cpu_released, ops_qseq, kick_sync, pnt_seq, nr_immed, clock;
	struct member runnable_list, local_dsq, rq_bypass_dsq, rq_reject_dsq, rq_rescue_dsq, rq_rescue_curr;
	struct member deferred_locals; /* list of tasks, by their dsq_list */
	struct member rq_kicks[SCX_KICKS]; /* to 7.2, then in scx_sched_pcpu */
	/* struct task_struct */
	struct member scx, pid, comm, sched_class, last_arrival;
	/* struct sched_ext_entity */
	struct member runnable_node, dsq_list, ent_flags, tasks_node, dsq_priq, ent_ops_qseq, ddsp_dsq_id;
	/* struct scx_dsq_list_node */
	struct member dsq_node, dsq_node_flags;
	/* struct scx_dispatch_q */
	struct member dsq_id, dsq_nr, dsq_seq, dsq_tasks, dsq_hash_node, dsq_lock, dsq_first, dsq_tree;
	/* struct scx_sched */
	struct member exit_kind, exit_info, aborting, bypass_depth, watchdog_timeout;
	struct member event_stats_cpu, sched_id, level, ancestors, cgrp_path;
	struct member dsq_hash, global_dsqs, pnode, pcpu, all;
	struct member is_cid_type, cid_name, cid_flags, cid_timeout;
	struct member sched_name, sched_flags, sched_timeout;
	/* struct sched_ext_ops, where it is not in a scx_sched */
	struct member ops_name, ops_flags, ops_timeout;
	/* struct scx_sched_pnode, scx_sched_pcpu */
	struct member pnode_global_dsq, pcpu_size, pcpu_bypass_dsq, pcpu_events, pcpu_flags, pcpu_dsp_ctx;
	struct member pcpu_kicks[SCX_KICKS];
	/* struct scx_exit_info */
	struct member ei_kind, ei_code, ei_flags, ei_cpu, ei_reason, ei_bt, ei_bt_len, ei_msg, ei_dump;
	/* struct rhashtable and what it is made of */
	struct member rht_tbl, bucket_size, bucket_future, bucket_heads, rhash_next;
	/* struct scx_dsp_ctx, scx_dsp_buf_ent */
	struct member dsp_cursor, dsp_buf, buf_size, buf_task, buf_qseq, buf_dsq_id;
};

struct scx_walk {
	struct walk *w;
	struct kernel *k;
	struct pool *pool; /* the report's */
	struct scx_layout l;
	/* "rq, scx_rq": names of groups of which something is missing, in ktstr's words and order, and
	 * the members; NULL: nothing is. */
	const char *missing_groups, *missing_members;
	uint32_t task_cursor, dsq_cursor; /* flags that tell an iterator from a task */
	uint32_t pcpu_bypassing;	  /* of scx_sched_pcpu.flags */
	uint32_t rq_bypassing;		  /* of scx_rq.flags; 0: there is none (7.1) */
	bool has_aborting;		  /* this kernel can say that a scheduler is being aborted */
	size_t nodes_left;		  /* of all lists together */
	struct err *fatal;		  /* first of those after which nothing works */
};

/*
 * Resolves the layout.  `have_sched`: there is a scx_root, so what scx_sched holds is not in
 * symbols of its own.
 */
struct err *scx_layout(struct scx_walk *s, bool have_sched) MUST_CHECK;

/* Notes a member or variable that this kernel lacks, and its group. */
struct err *scx_missing(struct scx_walk *s, const char *group, const char *name) MUST_CHECK;

/* ---- scx-expect.c: notes what is in none of the forms that this kernel could have it in */
struct err *scx_expect(struct scx_walk *s, bool have_sched) MUST_CHECK;

/* Whether a kernel has sched_ext: by its types, or else by its symbols. */
bool scx_in_kernel(const struct kernel *k);

/*
 * Takes an error in a fiber: a fatal one ends the walk, another one's message goes to *failed
 * (if that is still NULL).  True if there was an error.
 */
bool scx_failed(struct scx_walk *s, struct err *e, const char **failed);

/* ---- scx-select.c: puts the DSQs that --dsq asks for before the others */
struct err *scx_select(struct walk *w) MUST_CHECK;

/* ---- scx-log.c: ends of schedulers in report.log, which has been read before */
struct err *scx_read_log(struct walk *w) MUST_CHECK;

/* ---- scx-list.c */

/* How the nodes of a list are turned into tasks. */
struct scx_list {
	uint32_t node_off; /* of the node in task_struct */
	uint32_t flags_off; /* of the flags in task_struct; only if .cursor */
	uint32_t cursor;    /* a node with this flag is no task but an iterator's place */
};

struct scx_tasks {
	struct kva *tasks; /* in order; on the report's pool */
	size_t nr;
	bool truncated;
	enum section_status status; /* truncated: what to say; SECTION_COMPLETE if there are just too many */
	const char *why;
};

/* Why a list was not walked: a member it takes is missing. */
extern const char scx_no_types[];

struct err *scx_read_list(struct scx_walk *s, struct kva head, const struct scx_list *list,
			  struct scx_tasks *ret) MUST_CHECK;

/* ---- scx-transit.c: runnable tasks that are on no queue, but on their way to one */

/* Those that wait for another CPU's lock. */
struct scx_deferred {
	struct scx_tasks list;
	uint64_t *dsq_ids; /* [list.nr], where to; on the report's pool */
};

/* `scx` is a CPU's struct scx_rq. */
struct err *scx_read_deferred(struct scx_walk *s, struct kva scx, struct scx_deferred *ret) MUST_CHECK;

/* Those that dispatch() calls under way have inserted, by CPU. */
struct scx_buffers {
	struct {
		VEC(struct scx_transit) tasks;
	} *cpus; /* [nr_cpu_ids] */
};

/*
 * Adds those of a scheduler: `sched` as the rows have it, `ctx` the per-CPU pointer of its struct scx_dsp_ctx.
 */
struct err *scx_read_buffers(struct scx_walk *s, struct kva sched, struct kva ctx, struct scx_buffers *to) MUST_CHECK;
void scx_buffers_deinit(struct scx_walk *s, struct scx_buffers *b);

/* Puts both into a CPU's row. */
struct err *scx_set_transit(struct scx_walk *s, struct scx_rq_row *row, const struct scx_deferred *deferred,
			    const struct scx_buffers *buffers) MUST_CHECK;

/* ---- scx-idle.c: which CPUs the kernel's own search for idle ones may find */

struct scx_idle {
	bool known;    /* else the kernel does not keep book, or it could not be read */
	uint8_t *cpus; /* [nr_cpu_ids] 1: it is in a mask */
};

struct err *scx_read_idle(struct scx_walk *s, struct scx_idle *ret) MUST_CHECK;

/* ---- scx-rq.c */

struct scx_rqs {
	struct scx_walk *s;
	struct scx_rq_row *rows; /* [nr_cpu_ids] */
	const char **failed;	 /* [nr_cpu_ids]: NULL or what could not be read */
	bool *ok;		 /* [nr_cpu_ids]: there is a row */
	enum section_status *status; /* [nr_cpu_ids]: of its runnable list, see struct scx_tasks */
	uint8_t *kicks;		     /* [nr_cpu_ids], a bit for each of SCX_KICKS */
	struct scx_deferred *deferred; /* [nr_cpu_ids] */
};

struct err *scx_read_rqs(struct scx_walk *s, struct scx_rqs *rqs) MUST_CHECK;
void scx_rqs_deinit(struct scx_rqs *rqs);

/*
 * The cpumask_var_t at `at`, of this type: a pointer, or with few CPUs the mask itself.  cpus[] gets `bit` for each
 * CPU in it.
 */
struct err *scx_read_mask(struct scx_walk *s, struct kva at, uint32_t type, uint8_t bit, uint8_t *cpus) MUST_CHECK;

/*
 * Which CPUs the masks in this object name: kicks[cpu] gets a bit for each of `masks`.  From several fibers
 * at once: bits are only ever set.
 */
struct err *scx_read_kicks(struct scx_walk *s, struct kva obj, const struct member masks[SCX_KICKS],
			   uint8_t *kicks) MUST_CHECK;

/* What only all rows together tell, such as how long each CPU's task has run, and what is not in the run queue. */
struct scx_sched;
struct err *scx_finish_rqs(struct scx_walk *s, struct scx_rqs *rqs, const struct scx_sched *sched) MUST_CHECK;

/* ---- scx-dsq.c */

struct scx_dsq {
	struct dsq_row row;
	size_t order;	     /* of the scheduler it belongs to: the root first */
	struct kva rq;	     /* DSQ_LOCAL: the rq around it, whose lock guards it */
	bool quiet;	     /* not worth a row while it is empty */
	bool ok;
	bool locked;	     /* somebody was changing it */
	enum section_status status; /* of its list, see struct scx_tasks */
	const char *failed;
};

struct scx_dsqs {
	VEC(struct scx_dsq) dsqs;
};

/* Adds a DSQ that is to be read. */
struct err *scx_add_dsq(struct scx_dsqs *dsqs, struct kva kva, enum dsq_origin origin, uint32_t index,
			struct scx_dsq **ret) MUST_CHECK;

/* Adds the DSQs that lie within the run queues. */
struct err *scx_add_rq_dsqs(struct scx_walk *s, struct scx_dsqs *dsqs) MUST_CHECK;

/* Reads them all, side by side. */
void scx_read_dsqs(struct scx_walk *s, struct scx_dsqs *dsqs);

/* Adds the second to the first and puts all into the report's order. */
struct err *scx_merge_dsqs(struct scx_dsqs *to, const struct scx_dsqs *from) MUST_CHECK;

/* ---- scx-text.c */

/* "ONLINE|BYPASSING|0x4000" by this kernel's enum, without the prefix; *ret is NULL for 0 and without one. */
struct err *scx_flag_names(struct scx_walk *s, const char *type, const char *prefix, uint64_t flags,
			   const char **ret) MUST_CHECK;

/* NULL: there is no such enum, or no such value in it. */
const char *scx_enum_name(struct scx_walk *s, const char *type, int64_t value);

/* A text that ends with NUL, of at most `max` bytes (*cut, may be NULL, if there is more); NULL at 0. */
struct err *scx_read_text(struct scx_walk *s, struct kva at, size_t max, const char **ret,
			  bool *cut) MUST_CHECK;

/* ---- scx-exit.c, scx-events.c, scx-state.c */

/* *info may be 0.  `ended`: the scheduler says it has, even if nothing is written there yet. */
struct err *scx_read_exit(struct scx_walk *s, struct kva info, bool ended, struct scx_exit_row *row) MUST_CHECK;

/* sched: 0 with static symbols.  CPUs that could not be read leave the first cause in *failed. */
struct err *scx_read_events(struct scx_walk *s, struct kva sched, struct scx_events *ev,
			    const char **failed) MUST_CHECK;

/* What went wrong, in words. */
struct scx_failures {
	VEC(const char *) failed;
};

/* An error that is not fatal leaves its message among the failures. */
struct err *scx_note(struct scx_walk *s, struct scx_failures *failures, struct err *e) MUST_CHECK;

/* A variable of `size` bytes; *ret stays without one in a kernel that has no such variable. */
struct err *scx_get_var(struct scx_walk *s, const char *name, size_t size, struct opt_u64 *ret) MUST_CHECK;

/* "enabled" ...; *ret stays in a kernel that does not tell. */
struct err *scx_read_enable_state(struct scx_walk *s, const char **ret) MUST_CHECK;

/* All of a row but its DSQs; kva and role say which.  *ok: its state could be read. */
struct err *scx_read_one(struct scx_walk *s, struct scx_sched_row *row, struct scx_failures *failures,
			 bool *ok) MUST_CHECK;

/* ---- scx-sched.c */

struct scx_sched {
	struct scx_sched_row row;
	bool known;    /* whether one is attached could be told */
	bool attached; /* one is */
	bool ok;       /* and its state could be read */
	const char *enable_state;
	struct opt_u64 jiffies, watchdog_timestamp, watchdog_interval;
	struct opt_u64 switched_all, enable_seq, nr_rejected, hotplug_seq;
	struct kva *subs; /* schedulers below the root, in the kernel's order */
	size_t nr_subs;
	VEC(struct scx_sched_row) others;
	uint8_t *kicks; /* [nr_cpu_ids] as in struct scx_rqs; NULL: nothing is known */
	bool *bypassed; /* [nr_cpu_ids]; likewise */
	struct scx_buffers buffers;
	struct scx_idle idle;
	struct opt_u64 breather_depth, in_softlockup, hardlockup_cpu;
	struct scx_failures failed, cuts;
	struct scx_dsqs dsqs; /* those it owns, and of its sub-schedulers */
};

/* State and DSQs of the schedulers. */
struct err *scx_read_sched(struct scx_walk *s, struct scx_sched *sched) MUST_CHECK;
void scx_sched_deinit(struct scx_sched *sched);

#endif
