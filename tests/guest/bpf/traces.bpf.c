/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/* traces: stack traces of whoever is called "hangwrite" where it completes a completion, as the module does for it. */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64[20]);
} traces SEC(".maps");

SEC("kprobe/complete_all")
int on_complete(struct pt_regs *ctx)
{
	char comm[16];

	if (!bpf_get_current_comm(comm, sizeof(comm)) && !bpf_strncmp(comm, 9, "hangwrite"))
		bpf_get_stackid(ctx, &traces, 0);
	return 0;
}
