/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fusedead DIR: mounts a FUSE file system there, answers the kernel's greeting and reads what comes after it, but
 * answers nothing more.  Two tasks ask it for files; once it has their requests they are killed, which they can
 * not be any more: they are in state D.
 *
 * fusedead DIR map: answers whatever it takes to map a file of that file system, but not what reading it takes.
 * "mem_reader" reads the memory of "mmap_writer" there, by /proc: in a page fault that it may not begin anew, so
 * that it keeps that one's mmap_lock.  "mmap_writer" wants to map more, and "mem_second" to read as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_NODE = 2, FILE_SIZE = 4096 };

static char buf[1 << 17];

static int reply(int fd, uint64_t unique, int error, const void *data, size_t len)
{
	char out[512];
	struct fuse_out_header head = { .len = sizeof(head) + len, .error = error, .unique = unique };

	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), data, len);
	return write(fd, out, head.len) != (ssize_t)head.len;
}

static int greet(int fd)
{
	struct fuse_in_header *in = (void *)buf;
	struct fuse_init_in *init = (void *)(in + 1);
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .max_write = 4096 };

	if (read(fd, buf, sizeof(buf)) < (ssize_t)sizeof(*in) || in->opcode != FUSE_INIT)
		return 1;
	out.minor = init->minor < FUSE_KERNEL_MINOR_VERSION ? init->minor : FUSE_KERNEL_MINOR_VERSION;
	return reply(fd, in->unique, 0, &out, sizeof(out));
}

static struct fuse_attr attr_of(uint64_t node)
{
	struct fuse_attr a = { .ino = node, .nlink = 1, .blksize = 4096 };

	a.mode = node == FILE_NODE ? S_IFREG | 0644 : S_IFDIR | 0755;
	a.size = node == FILE_NODE ? FILE_SIZE : 0;
	return a;
}

/* All but what reads. */
static int answer(int fd, const struct fuse_in_header *in)
{
	struct fuse_entry_out entry = { .nodeid = FILE_NODE, .entry_valid = 1000, .attr_valid = 1000,
					.attr = attr_of(FILE_NODE) };
	struct fuse_attr_out attr = { .attr_valid = 1000, .attr = attr_of(in->nodeid) };
	struct fuse_open_out open = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_LOOKUP:
		return reply(fd, in->unique, 0, &entry, sizeof(entry));
	case FUSE_GETATTR:
		return reply(fd, in->unique, 0, &attr, sizeof(attr));
	case FUSE_OPEN:
		return reply(fd, in->unique, 0, &open, sizeof(open));
	case FUSE_READ:
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
		return 0;
	default:
		return reply(fd, in->unique, -ENOSYS, "", 0);
	}
}

static int serve(int fd, int map, const pid_t *askers)
{
	const struct fuse_in_header *in = (void *)buf;
	int nr = 0;

	if (greet(fd))
		return 1;
	while (read(fd, buf, sizeof(buf)) >= (ssize_t)sizeof(*in)) {
		if (map && answer(fd, in))
			return 1;
		if (!map && in->opcode != FUSE_INTERRUPT && ++nr == 2) {
			kill(askers[0], SIGKILL);
			kill(askers[1], SIGKILL);
		}
	}
	return 1;
}

/* The n-th task that asks; never comes back. */
static int ask(const char *dir, int n)
{
	char path[256];
	struct stat st;

	prctl(PR_SET_NAME, n ? "fuse_second" : "fuse_first");
	sleep(1);
	snprintf(path, sizeof(path), "%s/file%d", dir, n);
	return stat(path, &st) && errno != ENOTCONN;
}

/* What others are to read of the memory of mmap_writer. */
struct target {
	pid_t pid;
	const volatile void *file, *other;
};

static int read_memory(const char *name, pid_t pid, const volatile void *at, unsigned int after)
{
	char path[64], c;
	int fd;

	prctl(PR_SET_NAME, name);
	sleep(after);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	return pread(fd, &c, 1, (uintptr_t)at) != 1;
}

/* All its pages are there, so that it has no page faults of its own: only mem_reader was the lock's last reader. */
static int map_file(const char *dir, int tell)
{
	static volatile char here;
	struct target target = { .pid = getpid(), .other = &here };
	char path[256];
	int fd;

	prctl(PR_SET_NAME, "mmap_writer");
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDONLY);
	if (fd < 0 || mlockall(MCL_CURRENT)) {
		perror(path);
		return 1;
	}
	target.file = mmap(NULL, FILE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	if (target.file == MAP_FAILED || write(tell, &target, sizeof(target)) != sizeof(target))
		return 1;
	sleep(2);
	return mmap(NULL, FILE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int read_and_map(const char *dir)
{
	struct target target;
	int ends[2];

	if (pipe(ends))
		return 1;
	if (!fork())
		return map_file(dir, ends[1]);
	if (read(ends[0], &target, sizeof(target)) != sizeof(target))
		return 1;
	if (!fork())
		return read_memory("mem_reader", target.pid, target.file, 1);
	return read_memory("mem_second", target.pid, target.other, 3);
}

int main(int argc, char **argv)
{
	int fd = open("/dev/fuse", O_RDWR), map = argc == 3 && !strcmp(argv[2], "map");
	pid_t askers[2] = { 0 };
	char options[128];

	if (argc != 2 + map || fd < 0) {
		perror("fusedead");
		return 1;
	}
	mkdir(argv[1], 0700);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("fusedead", argv[1], "fuse", 0, options)) {
		perror("mount");
		return 1;
	}
	for (int i = 0; i < (map ? 1 : 2); i++) {
		askers[i] = fork();
		if (askers[i])
			continue;
		close(fd);
		return map ? read_and_map(argv[1]) : ask(argv[1], i);
	}
	return serve(fd, map, askers);
}
