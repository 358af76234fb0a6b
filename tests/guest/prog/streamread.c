/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* streamread PATH STREAM N: takes N bytes from a stream (1: output, 2: errors) of the pinned BPF program; prints them. */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STREAM_READ_BY_FD = 37 }; /* of enum bpf_cmd, 6.17 */

int main(int argc, char **argv)
{
	union bpf_attr get = { 0 };
	struct {
		uint64_t buf;
		uint32_t len, id, fd;
	} read = { 0 };
	char buf[4096];
	int n;

	if (argc != 4)
		return 2;
	get.pathname = (uintptr_t)argv[1];
	read.buf = (uintptr_t)buf;
	read.id = atoi(argv[2]);
	read.len = atoi(argv[3]);
	read.fd = syscall(SYS_bpf, BPF_OBJ_GET, &get, sizeof(get));
	n = read.len > sizeof(buf) ? -1 : syscall(SYS_bpf, STREAM_READ_BY_FD, &read, sizeof(read));
	if (n < 0) {
		perror("streamread");
		return 1;
	}
	return fwrite(buf, 1, n, stdout) != (size_t)n;
}
