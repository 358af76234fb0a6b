/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/* ring: writes to a ring buffer that nobody reads until no record has room any more. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} unread SEC(".maps");

SEC("syscall")
int fill(void *ctx)
{
	u64 record[4] = { 1, 2, 3, 4 };

	for (int i = 0; i < 200; i++)
		if (bpf_ringbuf_output(&unread, record, sizeof(record), 0))
			return 0;
	return 1;
}
