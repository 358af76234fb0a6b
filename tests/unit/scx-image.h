/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel with sched_ext, written in code: types, run queues of four CPUs, tasks, queues.
 *
 *	struct scx_image *im = scx_image_new(IMAGE_ROOT, NULL);
 *	uint64_t a = image_task(im, 42, "worker");
 *	image_dsq_push(im, image_local_dsq(im, 1), a);
 *	image_walk(im);
 *	... im->r->scx ...
 *	scx_image_free(im);
 */
#ifndef FDGDB_TEST_SCX_IMAGE_H
#define FDGDB_TEST_SCX_IMAGE_H

#include "fake-kernel.h"
#include "walk/walk.h"

/* Which kernel it looks like. */
enum image_kind {
	IMAGE_STATIC, /* 6.12 to 6.14: variables */
	IMAGE_COUNTS, /* 6.15: likewise, and counters */
	IMAGE_ROOT,   /* 6.16 to 7.0: scx_root, global_dsqs; bypass DSQs in scx_rq */
	IMAGE_SUBS,   /* 7.1 on: pnode, pcpu, schedulers below the root */
	IMAGE_NO_SCX,
};

enum {
	IMAGE_CPUS = 4,
	IMAGE_NODES = 3, /* the second is not there */
	/* Offsets in struct task_struct. */
	T_STATE = 16, T_PRIO = 20, T_STATIC_PRIO = 24, T_NORMAL_PRIO = 28, T_RT_PRIORITY = 32,
	T_POLICY = 36, T_CLASS = 160, T_PID = 168, T_TGID = 172, T_PARENT = 176,
	T_LEADER = 184, T_SIGNAL = 192, T_NVCSW = 200, T_NIVCSW = 208, T_UTIME = 216, T_STIME = 224,
	T_PID_LINKS = 248, T_CPU = 312, T_STACK = 320, T_FLAGS = 328,
	T_ON_CPU = 332, T_ON_RQ = 336, T_IOWAIT = 340, T_EXIT_STATE = 344, T_EXIT_CODE = 348, T_MM = 352,
	T_CPUS_MASK = 360, T_CGROUPS = 376, T_START = 384, T_START_BOOT = 392, T_EXEC_START = 400,
	T_SUM_EXEC = 408, T_PCOUNT = 416, T_RUN_DELAY = 424, T_LAST_ARRIVAL = 432, T_LAST_QUEUED = 440,
	T_TASKS = 448, T_THREAD_NODE = 464, T_SCX = 480, T_COMM = 640, T_BPF_STORAGE = 656, T_SIZE = 664,
	/* struct bpf_local_storage_elem */
	L_SNODE = 16, L_SMAP = 32, L_DATA = 40,
	/* struct signal_struct */
	G_THREAD_HEAD = 72, G_SIZE = 88,
	/* struct sched_ext_entity, struct scx_dsq_list_node */
	E_DSQ = 0, E_DSQ_LIST = 8, E_FLAGS = 32, E_WEIGHT = 36, E_RUNNABLE = 40, E_RUNNABLE_AT = 56,
	E_SLICE = 64, E_VTIME = 72, E_TASKS = 80, E_OPS_STATE = 96,
	E_DDSP = 104, E_STICKY = 112, E_HOLDING = 116, E_PRIQ = 120, E_SCHED = 144, E_OPS_QSEQ = 152, E_SIZE = 160,
	N_FLAGS = 16,
	/* struct scx_dispatch_q */
	D_LOCK = 0, D_LIST = 8, D_NR = 24, D_SEQ = 28, D_ID = 32, D_HASH = 40, D_PRIQ = 48, D_FIRST = 56,
	D_SIZE = 64,
	/* struct scx_rq, struct rq */
	R_LOCAL = 0, R_RUNNABLE = 64, R_NR_RUNNING = 80, R_FLAGS = 84, R_RELEASED = 88, R_CLOCK = 96,
	R_KICK_SYNC = 104, R_BYPASS = 112, R_REJECT = 176, R_KICK = 240, R_WAIT = 248, R_KICK_IDLE = 256, R_PREEMPT = 264,
	R_DEFERRED = 272, R_OPS_QSEQ = 288, R_NR_IMMED = 296, R_RESCUE = 304, R_RESCUE_CURR = R_RESCUE + 64, R_SIZE = 376,
	RQ_LOCK = 0, RQ_CURR = 8, RQ_IDLE = 16, RQ_CLOCK = 24, RQ_CLOCK_TASK = 32, RQ_SCX = 64, RQ_SIZE = RQ_SCX + R_SIZE,
	/* struct scx_sched */
	S_NAME = 0, S_OPS_FLAGS = 128, S_TIMEOUT = 136, S_HASH = 144, S_GLOBAL = 160, S_PCPU = 168,
	S_EXIT_KIND = 176, S_BYPASS = 180, S_ABORTING = 184, S_WATCHDOG = 192, S_ALL = 200, S_EXIT = 216,
	S_EVENTS = 224, S_LEVEL = 232, S_IS_CID = 236, S_CGRP = 240, S_ANCESTORS = 248, S_ID = 264, S_SIZE = 272,
	/* struct sched_ext_ops_cid, in the place of the other ops */
	C_FLAGS = 0, C_TIMEOUT = 8, C_NAME = 16,
	/* struct scx_exit_info, scx_event_stats, scx_sched_pcpu */
	X_KIND = 0, X_CPU = 4, X_CODE = 8, X_FLAGS = 16, X_REASON = 24, X_BT = 32, X_BT_LEN = 40, X_MSG = 48,
	X_DUMP = 56, X_SIZE = 64,
	EV_FALLBACK = 0, EV_KEEP = 8, EV_NEW = 16, EV_SIZE = 24,
	P_EVENTS = 8, P_BYPASS = 32, P_FLAGS = 96, P_PREEMPT = 104, P_KICK = 112, P_KICK_IDLE = 120, P_WAIT = 128,
	P_DSP = 136, P_SIZE = 248,
	/* struct scx_dsp_ctx, scx_dsp_buf_ent */
	B_CURSOR = 8, B_BUF = 16, B_TASK = 0, B_QSEQ = 8, B_DSQ_ID = 16, B_SIZE = 24,
};

struct scx_image {
	struct fake_kernel *fk;
	struct report *r;
	enum image_kind kind;
	/* "huge": a member of task_struct is far away; "behind": an event counter behind its struct; or a variable, "struct" or "struct.member" that this kernel lacks; may
	 * be NULL */
	const char *drop;
	uint64_t next;	  /* where the next object goes */
	uint64_t sched;	  /* 0 with IMAGE_STATIC */
	uint64_t dsq_hash; /* struct rhashtable */
	uint32_t wrapper;  /* BTF id of bpf_struct_ops_sched_ext_ops */
	uint64_t map;	   /* struct bpf_struct_ops_map; 0: none */
	uint32_t nr_pids;
	uint64_t root_kn;  /* kernfs_node of the root cgroup, made when it is first asked for */
	struct walk_opts opts;
	struct log_record log[16]; /* what the walk of the log has found, see image_log() */
	size_t nr_log;
};

struct scx_image *scx_image_new(enum image_kind kind, const char *drop);
void scx_image_free(struct scx_image *im);

/* Runtime addresses of variables; their names, NULL behind the last. */
uint64_t image_var(const char *name);
const char *image_var_name(size_t i);

/* Zeroed memory of the kernel, aligned to 64. */
uint64_t image_alloc(struct scx_image *im, size_t size);
void image_put32(struct scx_image *im, uint64_t at, uint32_t v);
void image_put64(struct scx_image *im, uint64_t at, uint64_t v);
uint64_t image_get64(struct scx_image *im, uint64_t at);

/* struct list_head: empty; add at the end. */
void image_list_init(struct scx_image *im, uint64_t head);
void image_list_add(struct scx_image *im, uint64_t head, uint64_t node);

/* A task in the fair class, a process of its own: on init_task's list, on scx_tasks and in the table of pids. */
uint64_t image_task(struct scx_image *im, uint32_t pid, const char *comm);
/* A further thread of a process. */
uint64_t image_thread(struct scx_image *im, uint64_t leader, uint32_t pid, const char *comm);
/* struct css_set of a cgroup /name (of the root for NULL). */
uint64_t image_css_set(struct scx_image *im, const char *name);

uint64_t image_rq(uint32_t cpu);
uint64_t image_local_dsq(uint32_t cpu);

/* An empty DSQ; queues a task and counts it. */
void image_dsq_init(struct scx_image *im, uint64_t dsq, uint64_t id);
void image_dsq_push(struct scx_image *im, uint64_t dsq, uint64_t task);
/* Puts an iterator's place at the end of a DSQ's list: a node of its own, at `at`. */
void image_dsq_cursor(struct scx_image *im, uint64_t dsq, uint64_t at);
/* The tree of a DSQ by vtime: tasks[0] first (three at most). */
void image_dsq_tree(struct scx_image *im, uint64_t dsq, const uint64_t *tasks, size_t nr);
/* A new user DSQ in a scheduler's hash (0: the root's). */
uint64_t image_user_dsq(struct scx_image *im, uint64_t hash, uint64_t id);

/* A further scheduler (IMAGE_SUBS), on scx_sched_all. */
uint64_t image_sub_sched(struct scx_image *im);

/* A string of its own. */
uint64_t image_text(struct scx_image *im, const char *text);
/* An exit record with one frame, for a scheduler or with IMAGE_STATIC (0) the variable. */
uint64_t image_exit(struct scx_image *im, uint64_t sched, uint32_t kind);
/* A scheduler that is the root no longer; a struct_ops map still holds it. */
uint64_t image_ended_sched(struct scx_image *im);
/* Where the counters of the root on a CPU are; IMAGE_SUBS: its struct scx_sched_pcpu. */
uint64_t image_events(struct scx_image *im, uint32_t cpu);
uint64_t image_pcpu(struct scx_image *im, uint32_t cpu);
/* The root's dispatch buffer on a CPU: struct scx_dsp_ctx. */
uint64_t image_dsp_ctx(struct scx_image *im, uint32_t cpu);
/* Puts a task into it. */
void image_buffer(struct scx_image *im, uint32_t cpu, uint64_t task, uint64_t qseq, uint64_t dsq_id);

/* A record of the kernel's log, by a task: errors have level 3. */
struct log_record *image_log(struct scx_image *im, uint8_t level, uint64_t caller, const char *text);

/* Both walkers into a new report. */
void image_walk(struct scx_image *im);

/* NULL if the report has no such row. */
const struct dsq_row *image_find_dsq(const struct scx_image *im, uint64_t kva);
const struct task_row *image_find_task(const struct scx_image *im, uint64_t kva);
const char *image_detail(const struct scx_image *im, const char *section);

#endif
