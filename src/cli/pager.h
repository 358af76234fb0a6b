/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pager between us and the terminal, as git has it: $PAGER, or less with $LESS=FRX unless that is set. */
#ifndef FDGDB_PAGER_H
#define FDGDB_PAGER_H

#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

struct pager {
	pid_t pid; /* 0: none */
	void (*old_int)(int), (*old_quit)(int), (*old_pipe)(int);
};

/*
 * Where to write what it shows.  NULL if standard output is no terminal that could show it, if nobody wants a pager,
 * or if there can be none.  Until its end nothing that the terminal sends ends us, for it would leave the pager alone.
 */
FILE *pager_start(struct pager *p);

/* Closes f and waits for its user. */
struct err *pager_end(struct pager *p, FILE *f) MUST_CHECK;

#endif
