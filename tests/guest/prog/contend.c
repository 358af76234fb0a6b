/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contend THREADS: so many threads "contend" that do nothing but take one spin lock of the kernel's from each
 * other, the one of their common table of open files. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *contend(void *arg)
{
	(void)arg;
	for (;;)
		close(dup(0));
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = argc == 2 ? atol(argv[1]) : 0;

	if (threads < 1) {
		fprintf(stderr, "usage: contend THREADS\n");
		return 2;
	}
	for (long i = 1; i < threads; i++) {
		pthread_t t;

		if (pthread_create(&t, NULL, contend, NULL)) {
			perror("pthread_create");
			return 1;
		}
	}
	contend(NULL);
}
