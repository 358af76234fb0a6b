/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * many N: makes N hash maps "many0" ..., each with one entry: key i, value i * 1000003; stays in the background,
 * because they last only as long as somebody holds them.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int make(uint32_t i)
{
	uint64_t value = i * 1000003ull;
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 4;
	snprintf(attr.map_name, sizeof(attr.map_name), "many%u", i);
	fd = bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		return fd;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.key = (uintptr_t)&i;
	attr.value = (uintptr_t)&value;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? atoi(argv[1]) : 0;

	for (uint32_t i = 0; i < n; i++) {
		if (make(i) < 0) {
			fprintf(stderr, "map %u: %s\n", i, strerror(errno));
			return 1;
		}
	}
	return daemon(0, 0) || pause() ? 1 : 0;
}
