/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * stall: a sched_ext scheduler with a bug. Every task goes through a shared queue, but those whose
 * name begins with "starved" go to one that nobody consumes.
 *
 * With SERVE_MS each starved task is run for one slice after that time and put back, so that the
 * kernel's watchdog (30 s at most) never has a reason to eject the scheduler.
 *
 * Some kernels do not let a program create queues (HAVE_CREATE_DSQ unset). There the starved tasks
 * are in no queue at all: enqueue() keeps them and never inserts them anywhere. The others go through
 * the global queue.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#ifndef SERVE_MS
#define SERVE_MS 0
#endif

#include "scx.h"

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

char _license[] SEC("license") = "GPL";

enum {
	SHARED_DSQ = 0x5e7,
	STARVED_DSQ = 0x5ca1ab1e,
	NAME_LEN = 7,
	MAX_STARVED = 16,
	SLICE_NS = 5000000,
};

enum fate {
	FATE_NORMAL = 1,
	FATE_STARVED = -1,
};

enum counter {
	CNT_SELECT_IDLE,
	CNT_ENQUEUE,
	CNT_STARVE,
	CNT_DISPATCH,
	CNT_SERVE,
	NR_COUNTERS,
};

/* What the scheduler remembers of a task. */
struct task_ctx {
	enum fate fate;
	u32 enqueues;
	u64 enqueued_at;
	u16 weight;
	bool kthread;
	char comm[16];
};

/* One line for every task starved so far, by pid. */
struct victim {
	u64 since;
	u32 times;
	s32 last_cpu;
	char comm[16];
};

struct totals {
	u64 enqueued;
	u64 starved;
	u64 served;
};

const volatile char starve_name[NAME_LEN + 1] = "starved";
const volatile u64 serve_after_ns = SERVE_MS * 1000000ull;

/* .data */
u64 slice_ns = SLICE_NS;
s32 starved_limit = MAX_STARVED;
/* .bss */
struct totals totals;
u64 next_serve_at;
s32 to_serve;
u32 exit_kind;
char exit_reason[64];

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_ctx);
} task_ctxs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_STARVED);
	__type(key, s32);
	__type(value, struct victim);
} victims SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NR_COUNTERS);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

#ifndef HAVE_CREATE_DSQ
/* Pids of the tasks kept out of every queue, first in, first out. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, MAX_STARVED);
	__type(value, s32);
} held SEC(".maps");
u32 nr_held;
#endif

static void count(u32 which)
{
	u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		(*n)++;
}

static bool to_be_starved(struct task_struct *p)
{
	for (int i = 0; i < NAME_LEN; i++)
		if (p->comm[i] != starve_name[i])
			return false;
	return true;
}

static bool starve(struct task_struct *p, u64 now)
{
	s32 pid = p->pid;
	struct victim *v = bpf_map_lookup_elem(&victims, &pid);

	if (!v) {
		struct victim fresh = { .since = now };

		__builtin_memcpy(fresh.comm, p->comm, sizeof(fresh.comm));
		bpf_map_update_elem(&victims, &pid, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&victims, &pid);
		if (!v)
			return false;
	}
#ifdef HAVE_CREATE_DSQ
	scx_bpf_dsq_insert(p, STARVED_DSQ, slice_ns, 0);
#else
	if (bpf_map_push_elem(&held, &pid, 0))
		return false;
	__sync_fetch_and_add(&nr_held, 1);
#endif
	if (!next_serve_at)
		next_serve_at = now + serve_after_ns;
	v->times++;
	v->last_cpu = bpf_get_smp_processor_id();
	__sync_fetch_and_add(&totals.starved, 1);
	count(CNT_STARVE);
	return true;
}

SEC("struct_ops/stall_select_cpu")
s32 BPF_PROG(stall_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool idle = false;
	s32 cpu;

	if (to_be_starved(p))
		return prev_cpu;
	cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);
	if (idle) {
		count(CNT_SELECT_IDLE);
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0);
	}
	return cpu;
}

SEC("struct_ops/stall_enqueue")
void BPF_PROG(stall_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_ctx *tc = bpf_task_storage_get(&task_ctxs, p, NULL, 0);
	u64 now = bpf_ktime_get_ns();
	bool starved = to_be_starved(p);

	if (tc) {
		tc->enqueues++;
		tc->enqueued_at = now;
		tc->fate = starved ? FATE_STARVED : FATE_NORMAL;
		__builtin_memcpy(tc->comm, p->comm, sizeof(tc->comm));
	}
	if (starved && starve(p, now))
		return;
	__sync_fetch_and_add(&totals.enqueued, 1);
	count(CNT_ENQUEUE);
	/* With SCX_OPS_ENQ_LAST a task that nobody contends with comes here too: it may go on. */
	if (enq_flags & SCX_ENQ_LAST || p->nr_cpus_allowed == 1)
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags);
	else
#ifdef HAVE_CREATE_DSQ
		scx_bpf_dsq_insert(p, SHARED_DSQ, slice_ns, enq_flags);
#else
		scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, slice_ns, enq_flags);
#endif
}

/* Whether one of the starved tasks was put on this CPU's queue. */
static bool serve_one(void)
{
#ifdef HAVE_CREATE_DSQ
	return scx_bpf_dsq_move_to_local(STARVED_DSQ);
#else
	struct task_struct *p;
	s32 pid;

	if (bpf_map_pop_elem(&held, &pid))
		return false;
	__sync_fetch_and_sub(&nr_held, 1);
	p = bpf_task_from_pid(pid);
	if (!p)
		return false;
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, slice_ns, 0);
	bpf_task_release(p);
	return true;
#endif
}

SEC("struct_ops/stall_dispatch")
void BPF_PROG(stall_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 now;

	count(CNT_DISPATCH);
#ifdef HAVE_CREATE_DSQ
	if (scx_bpf_dsq_move_to_local(SHARED_DSQ))
		return;
#endif
	if (!serve_after_ns || !next_serve_at)
		return;
	now = bpf_ktime_get_ns();
	if (now < next_serve_at)
		return;
	/* Those that wait now, once each: they come back to the end of the queue. */
#ifdef HAVE_CREATE_DSQ
	to_serve = scx_bpf_dsq_nr_queued(STARVED_DSQ);
#else
	to_serve = nr_held;
#endif
	next_serve_at = now + serve_after_ns;
	for (int i = 0; i < MAX_STARVED && i < to_serve; i++) {
		if (!serve_one())
			break;
		__sync_fetch_and_add(&totals.served, 1);
		count(CNT_SERVE);
	}
}

SEC("struct_ops/stall_init_task")
s32 BPF_PROG(stall_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task_ctx *tc = bpf_task_storage_get(&task_ctxs, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!tc)
		return -12; /* ENOMEM */
	tc->weight = p->scx.weight;
	tc->kthread = p->flags & 0x00200000; /* PF_KTHREAD */
	return 0;
}

SEC("struct_ops.s/stall_init")
s32 BPF_PROG(stall_init)
{
#ifdef HAVE_CREATE_DSQ
	s32 ret = scx_bpf_create_dsq(SHARED_DSQ, -1);

	return ret ?: scx_bpf_create_dsq(STARVED_DSQ, -1);
#else
	return 0;
#endif
}

SEC("struct_ops/stall_exit")
void BPF_PROG(stall_exit, struct scx_exit_info *info)
{
	exit_kind = info->kind;
	bpf_probe_read_kernel_str(exit_reason, sizeof(exit_reason), info->reason);
}

SEC(".struct_ops.link")
struct sched_ext_ops stall_ops = {
	.select_cpu = (void *)stall_select_cpu,
	.enqueue = (void *)stall_enqueue,
	.dispatch = (void *)stall_dispatch,
	.init_task = (void *)stall_init_task,
	.init = (void *)stall_init,
	.exit = (void *)stall_exit,
	/* Without this a task alone on its CPU is never enqueued again, and so never starved. */
	.flags = SCX_OPS_ENQ_LAST,
	.timeout_ms = 30000,
	.name = "stall",
};
