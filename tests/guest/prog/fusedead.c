/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fusedead DIR: mounts a FUSE file system there, answers the kernel's greeting and nothing after it, while
 * two tasks ask for files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static char buf[1 << 17];

static int serve(int fd)
{
	struct fuse_in_header *in = (void *)buf;
	struct fuse_init_in *init = (void *)(in + 1);
	struct {
		struct fuse_out_header head;
		struct fuse_init_out init;
	} out = { 0 };

	if (read(fd, buf, sizeof(buf)) < (ssize_t)sizeof(*in) || in->opcode != FUSE_INIT)
		return 1;
	out.head.len = sizeof(out);
	out.head.unique = in->unique;
	out.init.major = FUSE_KERNEL_VERSION;
	out.init.minor = init->minor < FUSE_KERNEL_MINOR_VERSION ? init->minor : FUSE_KERNEL_MINOR_VERSION;
	out.init.max_write = 4096;
	if (write(fd, &out, sizeof(out)) != sizeof(out))
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	char options[128], path[256];
	int fd = open("/dev/fuse", O_RDWR);
	struct stat st;

	if (argc != 2 || fd < 0) {
		perror("fusedead");
		return 1;
	}
	mkdir(argv[1], 0700);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("fusedead", argv[1], "fuse", 0, options)) {
		perror("mount");
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		if (fork())
			continue;
		close(fd);
		prctl(PR_SET_NAME, i ? "fuse_second" : "fuse_first");
		sleep(1);
		snprintf(path, sizeof(path), "%s/file%d", argv[1], i);
		return stat(path, &st) && errno != ENOTCONN;
	}
	return serve(fd);
}
