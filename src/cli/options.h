/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that all verbs which make a report share. */
#ifndef FDGDB_OPTIONS_H
#define FDGDB_OPTIONS_H

#include <stdio.h>

#include "walk/walk.h"

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	bool json, pretty, stats, keep_halted, no_pager;
	unsigned int verbose;
	const char *output; /* NULL: stdout */
	const char *vmlinux; /* NULL: none */
	enum color_when color;
	uint64_t arena_bytes; /* in the JSON; UINT64_MAX: all */
	bool arena_limit;     /* the user gave a number of them */
	uint64_t deadline_ms; /* 0: none */
	bool fail_on;	      /* findings of this severity and worse change the exit status */
	enum severity fail_severity;
	struct walk_opts walk;
	const char *sections[32];
	const char *maps[64];
	const char *tasks[64];
	const char *dsqs[64];
	const char *target;
};

/*
 * Parses argv[1] ... of the verb argv[0].  `live`: also the options that make sense for a guest only.
 * An exit status if that is all there is to do: what was wrong has been said, or help shown; else -1.
 */
int options_parse(int argc, char **argv, bool live, struct options *ret);

/* The option part of the usage text. */
void options_help(FILE *out, bool live);

#endif
