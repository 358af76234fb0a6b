/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * herd NAME N: N threads that take this name and sleep; then all are woken at once, to sleep for ever.  A
 * scheduler that goes by the name may never let them.  Prints "N" when they have been woken.
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *name;
static atomic_int go;
static atomic_long nr_begun;

static void *run(void *arg)
{
	(void)arg;
	nr_begun++;
	prctl(PR_SET_NAME, name);
	while (!go)
		syscall(SYS_futex, &go, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	long nr = argc > 2 ? atol(argv[2]) : 1;
	pthread_attr_t attr;

	if (argc < 2 || nr < 1)
		return 2;
	name = argv[1];
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	for (long i = 0; i < nr; i++) {
		pthread_t t;

		if (pthread_create(&t, &attr, run, NULL)) {
			perror("pthread_create");
			return 1;
		}
	}
	/* Whoever is preempted between its name and its sleep is starved right then: to the same end. */
	while (nr_begun < nr)
		usleep(10000);
	usleep(500000);
	go = 1;
	syscall(SYS_futex, &go, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	printf("%ld\n", nr);
	fflush(stdout);
	for (;;)
		pause();
}
