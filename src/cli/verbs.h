/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file per verb, a table of verbs. */
#ifndef FDGDB_VERBS_H
#define FDGDB_VERBS_H

#include <stdbool.h>
#include <stdio.h>

struct verb {
	const char *name, *args, *summary;
	int (*main)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
	bool live;
};

int attach_main(int argc, char **argv);
int core_main(int argc, char **argv);

/* Usage of one verb. */
void verb_help(FILE *out, const char *name);
void print_version(FILE *out);

#endif
