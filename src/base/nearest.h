/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "Did you mean": of many names the few that are nearest to a word.
 *
 *	struct nearest n = { .word = "tset" };
 *	nearest_offer(&n, "test"); ...
 *	char *hint = nearest_text(&n);	// " (near: test)", "" if nothing is
 *
 * The names must live until then; equal ones count once.
 */
#ifndef FDGDB_NEAREST_H
#define FDGDB_NEAREST_H

#include "base/util.h"

enum { NEAREST_MAX = 5 };

struct nearest {
	const char *word;
	struct near_name {
		const char *name;
		unsigned int distance;
	} best[NEAREST_MAX]; /* nearest first; of equal ones the first offered */
	size_t nr;
};

void nearest_offer(struct nearest *n, const char *name);

/* On the heap; NULL if there is no memory. */
char *nearest_text(const struct nearest *n);

#endif
