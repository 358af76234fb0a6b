/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spin NAME: runs in user mode for ever, under that name and no other: it makes no system call once
 * it has its name, so a processor it holds stays in user mode but for interrupts.
 */
#include <stdio.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	static volatile unsigned long turns;

	if (argc != 2 || prctl(PR_SET_NAME, argv[1])) {
		fprintf(stderr, "usage: spin NAME\n");
		return 2;
	}
	for (;;)
		turns++;
}
