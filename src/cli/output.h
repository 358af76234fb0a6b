/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a report goes: standard output, perhaps through a pager, or the file of -o.  A file is replaced in one step
 * and only by a whole report, so that neither a failure nor Ctrl-C costs an older one; what is no regular file
 * (a pipe, /dev/stdout) is written to as it is.
 */
#ifndef FDGDB_OUTPUT_H
#define FDGDB_OUTPUT_H

#include <stdio.h>
#include <sys/stat.h>

#include "cli/pager.h"

struct output {
	FILE *f;	  /* after output_begin() */
	const char *path; /* NULL: stdout */
	char *real;	  /* path without symbolic links, if it is to be replaced; else NULL */
	char *temp;	  /* the new file's name until then */
	mode_t mode;	  /* of the new file */
	int fd;		  /* the file to be written in place; -1 */
	bool truncate;	  /* and it is to be emptied first */
	struct pager pager;
};

/*
 * Checks that there is where to write, and touches nothing.  `inputs` are the files that are read, which a report must
 * not replace; ends with NULL.  path: NULL for stdout.
 */
struct err *output_open(struct output *out, const char *path, const char *const *inputs) MUST_CHECK;

/* Makes out->f.  `paged`: standard output, if it is a terminal, goes through a pager. */
struct err *output_begin(struct output *out, bool paged) MUST_CHECK;

/*
 * Closes what output_begin() has opened, and waits for the pager.  `good`: all was written to out->f; only then is a
 * file put in its place.
 */
struct err *output_end(struct output *out, bool good) MUST_CHECK;

/* Forgets a report that was not finished. */
void output_deinit(struct output *out);

#endif
