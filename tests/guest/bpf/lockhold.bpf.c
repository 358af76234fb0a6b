/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * lockhold: a CPU that stays for some seconds where it holds the lock of a hash's bucket: in the function by which
 * the kernel counts elements. (Those of the hash itself cannot be traced.)
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* So many that the kernel counts them per CPU. */
enum { NR_HELD = 4096, KEY = 4242 };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_ZERO_SEED | BPF_F_NO_PREALLOC);
	__uint(max_entries, NR_HELD);
	__type(key, u32);
	__type(value, u64);
} held SEC(".maps");

u64 holding;	  /* the thread that is about to add an element, and stays */
u64 spun;
u32 holder = ~0u; /* its CPU */
u64 loops = 1 << 20, laps = 40;

static long spin_one(u32 i, void *ctx)
{
	__sync_fetch_and_add(&spun, 1);
	return 0;
}

static long spin_lap(u32 i, void *ctx)
{
	bpf_loop(loops, spin_one, NULL, 0);
	return 0;
}

SEC("fentry/percpu_counter_add_batch")
int BPF_PROG(stay)
{
	if (!holding || holding != bpf_get_current_pid_tgid())
		return 0;
	holding = 0;
	holder = bpf_get_smp_processor_id();
	bpf_loop(laps, spin_lap, NULL, 0);
	return 0;
}

SEC("raw_tp")
int hold(void *ctx)
{
	u32 key = KEY;
	u64 value = 1;

	bpf_map_delete_elem(&held, &key);
	holding = bpf_get_current_pid_tgid();
	return bpf_map_update_elem(&held, &key, &value, BPF_ANY) != 0;
}
