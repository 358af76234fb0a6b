/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files about CPUs that spin. */
#ifndef FDGDB_WAIT_SPIN_H
#define FDGDB_WAIT_SPIN_H

#include <stdlib.h>

#include "walk/waits.h"

struct spinner {
	size_t row;   /* of report.waits */
	size_t stack; /* of report.stacks */
	size_t cpu;
	bool has_cpu;
	size_t frame; /* of function */
	size_t exact; /* the frame that runs, or was interrupted, in which function is the innermost */
	enum wait_kind kind;
	const char *function;
};

struct spin {
	struct walk *w;
	bool has_tail; /* a lock's word has the parts that are known here */
	size_t first;  /* row of report.waits of the first that spins */
	struct member tail, rw_cnts, rw_wait, held_cnt, held_locks;
	VEC(struct spinner) spinners;
};

/* What looks like kernel addresses. */
struct spin_words {
	VEC(uint64_t) v;
};

static inline void spin_words_deinit(struct spin_words *words)
{
	free(words->v.data);
}

/* Registers of an exact frame of a vCPU's stack, and up to `max` words of the stack from there on. */
struct err *spin_read_words(struct spin *s, const struct kstack_row *row, size_t exact, size_t max,
			    struct spin_words *words) MUST_CHECK;

/* Who may hold the lock that this one spins for: rows of all that spin are there, with their locks. */
struct err *spin_infer_holder(struct spin *s, const struct spinner *sp, struct wait_row *row) MUST_CHECK;

#endif
