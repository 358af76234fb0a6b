/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uffd FILE: one process writes to FILE from memory whose faults are another's to answer, which never
 * does: it holds the inode's lock in its fault.  A second writer waits for that lock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd, file, ready[2];
	char *mem, c;

	if (argc != 2 || pipe(ready))
		return 2;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	file = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || mem == MAP_FAILED || file < 0 || ioctl(fd, UFFDIO_API, &api)) {
		perror("uffd");
		return 1;
	}
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg)) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	if (!fork()) {
		prctl(PR_SET_NAME, "uffd_second");
		if (read(ready[0], &c, 1) != 1)
			return 1;
		sleep(1);
		/* A file description of its own: the lock of the first one's offset is not the point. */
		file = open(argv[1], O_RDWR);
		return write(file, "x", 1) != 1;
	}
	prctl(PR_SET_NAME, "uffd_writer");
	if (write(ready[1], "x", 1) != 1)
		return 1;
	/* 4096 bytes that are not there. */
	return write(file, mem, 4096) != 4096;
}
