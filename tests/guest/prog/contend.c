/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contend THREADS [WHAT]: so many threads "contend" that do nothing but take one lock of the kernel's from each other:
 *
 *	files	the spin lock of their common table of open files (the default)
 *	pipe	the mutex of a pipe
 *	inode	the rwsem of a file, for writing
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *what = "files";
static int pipe_fds[2], file;

static void *contend(void *arg)
{
	char c = 0;

	(void)arg;
	for (;;) {
		if (*what == 'f')
			close(dup(0));
		else if (*what == 'i' && ftruncate(file, 1))
			continue;
		else if (*what == 'p' && (write(pipe_fds[1], &c, 1) < 0 || read(pipe_fds[0], &c, 1) < 0))
			continue;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = argc >= 2 ? atol(argv[1]) : 0;

	if (argc > 2)
		what = argv[2];
	if (threads < 1 || argc > 3 || (strcmp(what, "files") && strcmp(what, "pipe") && strcmp(what, "inode"))) {
		fprintf(stderr, "usage: contend THREADS [files|pipe|inode]\n");
		return 2;
	}
	file = open("/contended", O_RDWR | O_CREAT, 0600);
	if (pipe2(pipe_fds, O_NONBLOCK) || file < 0) {
		perror("contend");
		return 1;
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
