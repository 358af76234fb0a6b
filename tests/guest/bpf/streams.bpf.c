/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/* streams: programs that write to their streams, or about which the kernel does. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

u64 rounds, turns;

#ifdef HAVE_STREAM_VPRINTK
#define WRITE(stream, fmt, args) bpf_stream_vprintk(stream, fmt, args, sizeof(args))
#else /* before 7.0 */
#define WRITE(stream, fmt, args) bpf_stream_vprintk_impl(stream, fmt, args, sizeof(args), 0)
#endif

SEC("syscall")
int writer(void *ctx)
{
	static const char first[] = "round %d of the writer\n", second[] = "no newline %x, ", third[] = "then one\n\n",
			  fourth[] = "%d errors\n";
	u64 args[1] = { ++rounds };

	WRITE(1, first, args);
	for (int i = 0; i < 3; i++)
		WRITE(1, second, args);
	WRITE(1, third, args);
	WRITE(2, fourth, args);
	return 0;
}

/* The kernel gives up on it after a quarter of a second, and says so. */
SEC("syscall")
int endless(void *ctx)
{
	for (;;) {
		turns++; /* without end */
		asm volatile goto("may_goto %l[out]" :::: out);
	}
out:
	return 0;
}
