/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crowd PROCESSES THREADS: so many processes "crowd-N" of so many threads "crowd-N.M" each, all asleep, in
 * all states and policies that last. Prints "ready" when they stand, and stays as their parent.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long nr;
static int up[2]; /* a byte for each process that stands */

static void *sleeper(void *arg)
{
	char name[64];

	snprintf(name, sizeof(name), "crowd-%ld.%ld", nr, (long)arg);
	prctl(PR_SET_NAME, name);
	for (;;)
		pause();
	return NULL;
}

static void policy(int policy, int prio)
{
	struct sched_param param = { .sched_priority = prio };

	if (sched_setscheduler(0, policy, &param))
		perror("sched_setscheduler");
}

/* Before the threads are made: they inherit it. */
static void be_special(void)
{
	cpu_set_t one;

	switch (nr % 8) {
	case 1:
		setpriority(PRIO_PROCESS, 0, 5);
		break;
	case 2:
		policy(SCHED_BATCH, 0);
		break;
	case 3:
		policy(SCHED_IDLE, 0);
		break;
	case 4:
		policy(SCHED_FIFO, 10);
		break;
	case 5:
		CPU_ZERO(&one);
		CPU_SET(0, &one);
		sched_setaffinity(0, sizeof(one), &one);
		setsid();
		break;
	}
}

static void process(long threads)
{
	pthread_attr_t attr;
	char name[64];

	snprintf(name, sizeof(name), "crowd-%ld", nr);
	prctl(PR_SET_NAME, name);
	be_special();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (long i = 1; i < threads; i++) {
		pthread_t t;

		if (pthread_create(&t, &attr, sleeper, (void *)i)) {
			perror("pthread_create");
			exit(1);
		}
	}
	if (write(up[1], "", 1) != 1)
		exit(1);
	if (nr % 8 == 6)
		raise(SIGSTOP);
	if (nr % 16 == 7)
		exit(3); /* a zombie, for the parent does not wait */
	if (nr % 16 == 15)
		pthread_exit(NULL); /* the leader alone is one */
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	long processes = argc == 3 ? atol(argv[1]) : 0, threads = argc == 3 ? atol(argv[2]) : 0;
	char c;

	if (processes < 1 || threads < 1 || pipe(up)) {
		fprintf(stderr, "usage: crowd PROCESSES THREADS\n");
		return 2;
	}
	for (nr = 0; nr < processes; nr++) {
		pid_t pid = fork();

		if (!pid)
			process(threads);
		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (read(up[0], &c, 1) != 1)
			return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
