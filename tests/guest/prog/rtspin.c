/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtspin NAME CPU: runs in user mode for ever on that CPU, at a real-time priority. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	struct sched_param param = { .sched_priority = 50 };
	static volatile unsigned long turns;
	cpu_set_t set;

	if (argc != 3) {
		fprintf(stderr, "usage: rtspin NAME CPU\n");
		return 2;
	}
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[2]), &set);
	if (prctl(PR_SET_NAME, argv[1]) || sched_setaffinity(0, sizeof(set), &set) ||
	    sched_setscheduler(0, SCHED_FIFO, &param)) {
		perror("rtspin");
		return 1;
	}
	for (;;)
		turns++;
}
