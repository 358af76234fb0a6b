/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bpfrun PATH: runs a pinned BPF program of type syscall or raw_tracepoint once, and ends with what
 * the program returned. bpftool cannot: it asks for the context back, which these types refuse.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	uint64_t ctx[8] = { 0 };
	union bpf_attr attr;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: bpfrun PATH\n");
		return 200;
	}
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)argv[1];
	fd = syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 201;
	}
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.ctx_in = (uintptr_t)ctx;
	attr.test.ctx_size_in = sizeof(ctx);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0) {
		fprintf(stderr, "%s: run: %s\n", argv[1], strerror(errno));
		return 202;
	}
	printf("\"retval\":%u\n", attr.test.retval);
	return attr.test.retval > 199 ? 199 : attr.test.retval;
}
