/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * waits: tasks that wait for each other, for as long as the guest runs. Who holds a lock sleeps in a page fault
 * that nobody answers, with the lock held. Prints the addresses of the futexes, then "ready".
 *
 *	pipe-holds   a pipe's mutex               <- pipe-waits
 *	dir-reads    a directory's rwsem          <- dir-writes <- dir-waits
 *	pi-holds     a futex with inheritance     <- pi-waits
 *	             a plain futex                <- futex-waits
 *	pthread-holds a mutex of the C library    <- pthread-waits
 *	             a futex in a file            <- shared-waits
 *	flock-holds  a file, by flock()           <- flock-waits
 *	fcntl-holds  a file, by fcntl()           <- fcntl-waits
 *	vfork-waits  a completion (vfork's)       <- its parent, of the same name
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

/* A page that whoever touches it never gets. */
static void *trap(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)page, 4096 },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };

	must(fd >= 0, "userfaultfd");
	must(page != MAP_FAILED, "mmap");
	must(!ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");
	must(!ioctl(fd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER");
	return page;
}

/* A process of this name that runs fn, and has had time to get where it sleeps. */
static void start(const char *name, void (*fn)(void))
{
	if (fork()) {
		usleep(300000);
		return;
	}
	prctl(PR_SET_NAME, name);
	fn();
	fprintf(stderr, "%s came back\n", name);
	exit(1);
}

static int ends[2];

static void pipe_holds(void)
{
	(void)!write(ends[1], trap(), 4096);
}

static void pipe_waits(void)
{
	(void)!write(ends[1], "x", 1);
}

static void list(void *buf)
{
	int fd = open("/run/waits", O_RDONLY | O_DIRECTORY);

	must(fd >= 0, "/run/waits");
	syscall(SYS_getdents64, fd, buf, 4096);
}

static void dir_reads(void)
{
	list(trap());
}

static void dir_writes(void)
{
	mkdir("/run/waits/b", 0755);
}

static void dir_waits(void)
{
	static char buf[4096];

	list(buf);
}

static uint32_t pi, plain;

static void *pi_waits(void *arg)
{
	prctl(PR_SET_NAME, "pi-waits");
	syscall(SYS_futex, &pi, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return arg;
}

static void *futex_waits(void *arg)
{
	prctl(PR_SET_NAME, "futex-waits");
	syscall(SYS_futex, &plain, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return arg;
}

static void pi_holds(void)
{
	pthread_t thread;

	syscall(SYS_futex, &pi, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	must(!pthread_create(&thread, NULL, pi_waits, NULL), "pthread_create");
	must(!pthread_create(&thread, NULL, futex_waits, NULL), "pthread_create");
	for (;;)
		pause();
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *pthread_waits(void *arg)
{
	prctl(PR_SET_NAME, "pthread-waits");
	pthread_mutex_lock(&mutex);
	return arg;
}

/* The owner is not the process's first thread. */
static void *pthread_holds(void *arg)
{
	pthread_t thread;

	prctl(PR_SET_NAME, "pthread-holds");
	pthread_mutex_lock(&mutex);
	must(!pthread_create(&thread, NULL, pthread_waits, NULL), "pthread_create");
	for (;;)
		pause();
	return arg;
}

static void has_threads(void)
{
	pthread_t thread;

	must(!pthread_create(&thread, NULL, pthread_holds, NULL), "pthread_create");
	for (;;)
		pause();
}

/* The second page of a file. */
static uint32_t *shared;

static void map_shared(void)
{
	int fd = open("/run/waits/futex", O_RDWR | O_CREAT, 0644);
	char *page;

	must(fd >= 0 && !ftruncate(fd, 8192), "/run/waits/futex");
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	must(page != MAP_FAILED, "mmap");
	shared = (uint32_t *)(page + 0x40);
	*shared = 77;
}

static void shared_waits(void)
{
	syscall(SYS_futex, shared, FUTEX_WAIT, 77, NULL, NULL, 0);
}

static void lock_file(const char *path, int whole)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	must(fd >= 0, path);
	must(whole ? !flock(fd, LOCK_EX) : !fcntl(fd, F_SETLKW, &lock), path);
}

static void flock_holds(void)
{
	lock_file("/run/waits.flock", 1);
	for (;;)
		pause();
}

static void flock_waits(void)
{
	lock_file("/run/waits.flock", 1);
}

static void fcntl_holds(void)
{
	lock_file("/run/waits.fcntl", 0);
	for (;;)
		pause();
}

static void fcntl_waits(void)
{
	lock_file("/run/waits.fcntl", 0);
}

static void vfork_waits(void)
{
	if (!vfork())
		for (;;)
			pause();
}

int main(void)
{
	if (fork()) /* stays in the background */
		return 0;
	setsid();
	must(!pipe(ends), "pipe");
	mkdir("/run/waits", 0755);
	mkdir("/run/waits/a", 0755);
	map_shared();
	start("pipe-holds", pipe_holds);
	start("pipe-waits", pipe_waits);
	start("dir-reads", dir_reads);
	start("dir-writes", dir_writes);
	start("dir-waits", dir_waits);
	start("pi-holds", pi_holds);
	start("vfork-waits", vfork_waits);
	start("has-threads", has_threads);
	start("shared-waits", shared_waits);
	start("flock-holds", flock_holds);
	start("flock-waits", flock_waits);
	start("fcntl-holds", fcntl_holds);
	start("fcntl-waits", fcntl_waits);
	printf("pi %llu\nplain %llu\nmutex %llu\nshared %llu\nready\n", (unsigned long long)(uintptr_t)&pi,
	       (unsigned long long)(uintptr_t)&plain, (unsigned long long)(uintptr_t)&mutex,
	       (unsigned long long)(uintptr_t)shared);
	fflush(stdout);
	for (;;)
		pause();
}
