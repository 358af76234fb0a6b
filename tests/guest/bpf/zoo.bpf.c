/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * zoo: a sched_ext scheduler whose tasks show by their names what it does to them.
 *
 *	prio...		waits in a queue by vtime that nobody consumes, the later the smaller
 *	many...		waits in a queue of the other kind, likewise
 *	held...		is in no queue at all: the program keeps it
 *	error...	makes the program end the scheduler with scx_bpf_error()
 *	leave...	makes it leave by itself, with scx_bpf_exit() and a code
 *	slow...		likewise, but it lets go of its tasks one by one and takes its time: meanwhile the kernel
 *			bypasses it
 *
 * All others go through the global queue.  Who waits does so until the kernel's watchdog ends it all.
 * Kernels that let no program make queues have no `prio' and `many': there these are held too.
 *
 * With SUB_ID it is one for a cgroup, below another one (7.1).
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "scx.h"

#ifdef SUB_ID
#define BELOW 1
#else
#define BELOW 0
#endif

char _license[] SEC("license") = "GPL";

enum {
	PRIO_DSQ = 0x9210,
	MANY_DSQ = 0x3a47,
	SLICE_NS = 5000000,
	EXIT_CODE = 4711,
	SLOW_TASKS = 80,
	SLOW_NS = 200000000,
};

/* .bss */
u64 nr_prio, nr_many, nr_held;
u32 exit_kind;
s64 exit_code;
u32 to_be_slow; /* tasks */

static bool is(const struct task_struct *p, const char *name, int len)
{
	for (int i = 0; i < len; i++)
		if (p->comm[i] != name[i])
			return false;
	return true;
}
#define IS(p, name) is(p, name, sizeof(name) - 1)

static bool is_special(const struct task_struct *p)
{
	return IS(p, "prio") || IS(p, "many") || IS(p, "held") || IS(p, "error") || IS(p, "leave") || IS(p, "slow");
}

SEC("struct_ops/zoo_select_cpu")
s32 BPF_PROG(zoo_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool idle = false;
	s32 cpu;

	if (is_special(p))
		return prev_cpu;
	cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);
	if (idle)
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, SLICE_NS, 0);
	return cpu;
}

SEC("struct_ops/zoo_enqueue")
void BPF_PROG(zoo_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (IS(p, "error") && bpf_ksym_exists(scx_bpf_error_bstr)) {
		static char fmt[] = "told to by %d";
		unsigned long long data[] = { (u32)p->pid };

		scx_bpf_error_bstr(fmt, data, sizeof(data));
	}
	if (IS(p, "slow"))
		to_be_slow = SLOW_TASKS;
	if (IS(p, "leave") || IS(p, "slow")) {
		static char fmt[] = "%d has left";
		unsigned long long data[] = { (u32)p->pid };

#ifdef HAVE_SCX_EXIT
		scx_bpf_exit_bstr(EXIT_CODE, fmt, data, sizeof(data));
#else /* the BTF of 7.1 has it with an argument too many */
		scx_bpf_error_bstr(fmt, data, sizeof(data));
#endif
	}
#ifdef HAVE_CREATE_DSQ
	if (IS(p, "prio")) {
		u64 n = __sync_fetch_and_add(&nr_prio, 1);

		scx_bpf_dsq_insert_vtime(p, PRIO_DSQ, SLICE_NS, 1000000 - n, enq_flags);
		return;
	}
	if (IS(p, "many")) {
		__sync_fetch_and_add(&nr_many, 1);
		scx_bpf_dsq_insert(p, MANY_DSQ, SLICE_NS, enq_flags);
		return;
	}
#endif
	if (IS(p, "held") || IS(p, "prio") || IS(p, "many")) {
		__sync_fetch_and_add(&nr_held, 1);
		return;
	}
	/* The global queue of one below another is consumed only if that one's dispatch() asks for it. */
	if (p->nr_cpus_allowed == 1 || BELOW)
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, SLICE_NS, enq_flags);
	else
		scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, SLICE_NS, enq_flags);
}

static long wait_until(u64 i, u64 *end)
{
	return bpf_ktime_get_ns() >= *end;
}

SEC("struct_ops/zoo_exit_task")
void BPF_PROG(zoo_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	u64 end = bpf_ktime_get_ns() + SLOW_NS;

	if (!to_be_slow)
		return;
	to_be_slow--;
	bpf_loop(1 << 23, wait_until, &end, 0);
}

#if defined(HAVE_SUB_ATTACH) && !defined(SUB_ID)
SEC("struct_ops.s/zoo_sub_attach")
s32 BPF_PROG(zoo_sub_attach, struct scx_sub_attach_args *args)
{
	return 0;
}
#endif

SEC("struct_ops.s/zoo_init")
s32 BPF_PROG(zoo_init)
{
#ifdef HAVE_CREATE_DSQ
	s32 ret = scx_bpf_create_dsq(PRIO_DSQ, -1);

	return ret ?: scx_bpf_create_dsq(MANY_DSQ, -1);
#else
	return 0;
#endif
}

SEC("struct_ops/zoo_exit")
void BPF_PROG(zoo_exit, struct scx_exit_info *info)
{
	exit_kind = info->kind;
	exit_code = info->exit_code;
}

SEC(".struct_ops.link")
struct sched_ext_ops zoo_ops = {
	.select_cpu = (void *)zoo_select_cpu,
	.enqueue = (void *)zoo_enqueue,
	.init = (void *)zoo_init,
	.exit = (void *)zoo_exit,
	.exit_task = (void *)zoo_exit_task,
#ifdef SUB_ID
	.sub_cgroup_id = SUB_ID, /* stands for the id of a cgroup: prog/putnum.c */
	.timeout_ms = 20000,
	.name = "zoo_sub",
#else
#ifdef HAVE_SUB_ATTACH
	.sub_attach = (void *)zoo_sub_attach,
#endif
	.timeout_ms = 30000,
	.name = "zoo",
#endif
};
