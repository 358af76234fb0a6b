/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * lines: programs that stay where they are for long, so that their stacks can be looked at. The tests find the
 * lines by the remarks behind them.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lines.h"

char _license[] SEC("license") = "GPL";

u64 turns;

static long turn(u32 i, void *ctx)
{
	turns++;
	return 0;
}

static long turn_again(u32 i, void *ctx)
{
	bpf_loop(1 << 23, turn, 0, 0); /* inner loop */
	return 0;
}

static __noinline int twice(u64 *ctx)
{
	u64 sum = ctx[1];

	sum += bpf_loop(8, turn_again, 0, 0); /* outer loop */
	return sum > 1 ? 0 : 1;
}

SEC("syscall")
int spinner(u64 *ctx)
{
	turns = 0;
	return twice(ctx); /* called */
}

static __noinline int sleep_at(u64 *ctx)
{
	u64 word = 0;

	if (fetch(&word, sizeof(word), (void *)ctx[0]))
		return 2;
	return word & 1;
}

SEC("syscall")
int sleeper(u64 *ctx)
{
	turns = 1;
	return sleep_at(ctx); /* asleep */
}
