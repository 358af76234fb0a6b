/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * workday FILE...: what healthy machines do, for as long as it is let: forks without end, talk over TCP, files that are
 * written and synchronised (the FILEs, block devices among them), threads that map memory, a real-time task that comes
 * for moments; and all the waits that may last: for a futex, with and without inheritance, for a file lock, a terminal,
 * a pipe, a child of vfork().
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static void forks(void *arg)
{
	(void)arg;
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
	}
}

static void tcp(void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(to);
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	static char data[8192];

	(void)arg;
	must(!bind(server, (void *)&to, sizeof(to)) && !listen(server, 1), "listen");
	must(!getsockname(server, (void *)&to, &len), "getsockname");
	if (!fork()) {
		must(!connect(client, (void *)&to, sizeof(to)), "connect");
		while (write(client, data, sizeof(data)) > 0)
			;
		_exit(1);
	}
	server = accept(server, NULL, NULL);
	while (read(server, data, sizeof(data)) > 0)
		;
}

static void files(void *arg)
{
	static char data[1 << 16];

	for (;;) {
		int fd = open(arg, O_RDWR | O_CREAT, 0600);

		must(fd >= 0, arg);
		for (int i = 0; i < 16; i++)
			must(write(fd, data, sizeof(data)) == sizeof(data), arg);
		must(!fsync(fd) && !close(fd), arg);
		usleep(1000);
	}
}

static void *map_thread(void *arg)
{
	for (;;) {
		char *mem = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		must(mem != MAP_FAILED, "mmap");
		for (size_t i = 0; i < 1 << 20; i += 4096)
			mem[i] = 1;
		munmap(mem, 1 << 20);
	}
	return arg;
}

static void maps(void *arg)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		must(!pthread_create(&t, NULL, map_thread, NULL), "pthread_create");
	map_thread(arg);
}

/* Every 10 ms, for one. */
static void realtime(void *arg)
{
	struct sched_param param = { .sched_priority = 50 };

	(void)arg;
	must(!sched_setscheduler(0, SCHED_FIFO, &param), "sched_setscheduler");
	for (;;) {
		for (volatile int i = 0; i < 100000; i++)
			;
		usleep(10000);
	}
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, pi;

static void *lock_thread(void *arg)
{
	pthread_mutex_lock(arg);
	pause();
	return NULL;
}

/* One that has it, and two that want it. */
static void locks(void *arg)
{
	pthread_mutexattr_t attr;
	pthread_t t;

	must(!pthread_mutexattr_init(&attr) && !pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) &&
	     !pthread_mutex_init(&pi, &attr), "pthread_mutex_init");
	for (int i = 0; i < 2; i++)
		must(!pthread_create(&t, NULL, lock_thread, arg), "pthread_create");
	lock_thread(arg);
}

static void file_lock(void *arg)
{
	fork();
	int fd = open(arg, O_RDWR | O_CREAT, 0600);
	must(fd >= 0 && !flock(fd, LOCK_EX), arg);
	pause();
}

/* Two readers of one terminal: the second waits for the first one's lock. */
static void terminal(void *arg)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char c;

	(void)arg;
	must(master >= 0 && !grantpt(master) && !unlockpt(master), "posix_openpt");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	must(slave >= 0, "pts");
	fork();
	must(read(slave, &c, 1) == 1, "terminal");
}

static void fifo(void *arg)
{
	int ends[2];
	char c;

	(void)arg;
	must(!pipe(ends), "pipe");
	fork();
	must(read(ends[0], &c, 1) == 1, "pipe");
}

static void vforks(void *arg)
{
	(void)arg;
	if (!vfork()) {
		for (;;)
			pause();
	}
}

static void start(const char *name, void (*fn)(void *), void *arg)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid)
		return;
	prctl(PR_SET_NAME, name);
	fn(arg);
	_exit(1);
}

int main(int argc, char **argv)
{
	start("day_forks", forks, NULL);
	start("day_tcp", tcp, NULL);
	start("day_maps", maps, NULL);
	start("day_rt", realtime, NULL);
	start("day_futex", locks, &mutex);
	start("day_pi", locks, &pi);
	start("day_flock", file_lock, "/tmp/flock");
	start("day_tty", terminal, NULL);
	start("day_pipe", fifo, NULL);
	start("day_vfork", vforks, NULL);
	for (int i = 1; i < argc; i++)
		start("day_files", files, argv[i]);
	for (;;)
		pause();
}
