/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that all verbs which make a report share. */
#ifndef FDGDB_OPTIONS_H
#define FDGDB_OPTIONS_H

#include <stdio.h>

#include "walk/walk.h"

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	bool json, pretty, stats, keep_halted;
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
	const char *sections[16];
	const char *maps[64];
	const char *tasks[64];
	const char *dsqs[64];
	const char *target;
};

/*
 * Parses argv[1] ... of a verb.  `live`: also the options that make sense for a guest only.
 * ERR_USAGE says what is wrong; --help prints and sets *ret_done.
 */
struct err *options_parse(int argc, char **argv, const char *verb, bool live, struct options *ret,
			  bool *ret_done) MUST_CHECK;

/* The option part of the usage text. */
void options_help(FILE *out, bool live);

#endif
