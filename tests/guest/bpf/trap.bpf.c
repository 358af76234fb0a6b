/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * trap: a sched_ext scheduler that goes wrong in the way that TRAP names, for tasks whose name begins
 * with "victim"; all others go through the global queue.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define NONE 0	   /* a healthy scheduler */
#define HELD 1	   /* enqueue() keeps the victim and inserts it nowhere */
#define DSQ 2	   /* the victim goes to a queue that nobody consumes */
#define AFFINITY 3 /* the victim's queue is consumed by CPU 0 alone */
#define LOCAL 4	   /* the victim goes to the queue of CPU 1, behind a task with an endless slice */
#define LOOP 5	   /* dispatch() of CPU 1 goes round and round once a victim is there */
#define ERROR 6	   /* scx_bpf_error() */

#ifndef TRAP
#define TRAP NONE
#endif
#ifndef TIMEOUT_MS
#define TIMEOUT_MS 30000
#endif

extern s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym __weak;
extern void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 flags) __ksym;
extern bool scx_bpf_dsq_move_to_local(u64 dsq_id) __ksym;
extern void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym;

char _license[] SEC("license") = "GPL";

enum { VICTIMS_DSQ = 0x7a9, SLICE_NS = 5000000 };

static u64 turns;
static u64 victims;

static bool is_named(const struct task_struct *p, const char *name)
{
	for (int i = 0; i < 6; i++)
		if (p->comm[i] != name[i])
			return false;
	return true;
}

static long turn(u32 i, void *ctx)
{
	turns++;
	return 0;
}

static long turn_again(u32 i, void *ctx)
{
	bpf_loop(1 << 23, turn, 0, 0);
	return 0;
}

SEC("struct_ops/trap_select_cpu")
s32 BPF_PROG(trap_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return prev_cpu;
}

SEC("struct_ops/trap_enqueue")
void BPF_PROG(trap_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (is_named(p, "victim")) {
		victims++;
		switch (TRAP) {
		case HELD:
			return;
		case ERROR: {
			static char text[] = "the victim %d has come";
			unsigned long long data[] = { p->pid };

			scx_bpf_error_bstr(text, data, sizeof(data));
			break;
		}
#ifdef HAVE_CREATE_DSQ
		case DSQ:
		case AFFINITY:
			scx_bpf_dsq_insert(p, VICTIMS_DSQ, SLICE_NS, enq_flags);
			return;
#endif
		case LOCAL:
			scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | 1, SLICE_NS, enq_flags);
			return;
		default:
			break;
		}
	}
	if (TRAP == LOCAL && is_named(p, "endles")) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | 1, SCX_SLICE_INF, enq_flags);
		return;
	}
	scx_bpf_dsq_insert(p, p->nr_cpus_allowed == 1 ? SCX_DSQ_LOCAL : SCX_DSQ_GLOBAL, SLICE_NS, enq_flags);
}

SEC("struct_ops/trap_dispatch")
void BPF_PROG(trap_dispatch, s32 cpu, struct task_struct *prev)
{
#ifdef HAVE_CREATE_DSQ
	if (TRAP == AFFINITY && !cpu)
		scx_bpf_dsq_move_to_local(VICTIMS_DSQ);
#endif
	if (TRAP == LOOP && cpu == 1 && victims)
		bpf_loop(1 << 23, turn_again, 0, 0);
}

SEC("struct_ops.s/trap_init")
s32 BPF_PROG(trap_init)
{
#ifdef HAVE_CREATE_DSQ
	return scx_bpf_create_dsq(VICTIMS_DSQ, -1);
#else
	return 0;
#endif
}

SEC(".struct_ops.link")
struct sched_ext_ops trap_ops = {
	.select_cpu = (void *)trap_select_cpu,
	.enqueue = (void *)trap_enqueue,
	.dispatch = (void *)trap_dispatch,
	.init = (void *)trap_init,
	.flags = SCX_OPS_ENQ_LAST,
	.timeout_ms = TIMEOUT_MS,
	.name = "trap",
};
