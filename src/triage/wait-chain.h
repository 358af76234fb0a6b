/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Following the edges of report.waits: from who waits to who holds, and on. */
#ifndef FDGDB_TRIAGE_WAIT_CHAIN_H
#define FDGDB_TRIAGE_WAIT_CHAIN_H

#include "triage/triage.h"

static const size_t WAIT_NONE = SIZE_MAX;

struct wait_chain {
	size_t end;   /* row of the last one that waits; in a cycle its row with the lowest number */
	bool cycle;
	size_t nr;    /* rows of the cycle */
	enum wait_basis basis; /* the weakest of the cycle's edges, or of all up to the end */
};

/* Whether it is a lock of user space's, which the kernel only keeps the waiters of: those may wait for long. */
bool wait_is_users(const struct wait_row *w);

/* The row of a task that waits; WAIT_NONE. */
size_t wait_row_of(struct triage *t, struct kva task);

/* Where the edges from this row lead to, whatever they are. */
struct wait_chain wait_follow(struct triage *t, size_t row);

/* Whether it waits for a lock that could be found: something that somebody holds. */
bool wait_is_lock(const struct wait_row *w);

/* The row of the holder; WAIT_NONE if that waits for nothing, or is not known. */
size_t wait_next(struct triage *t, size_t row);

/* From lock to lock: the row of the last one, whose holder waits for none. WAIT_NONE: it waits for none, or in a circle. */
size_t wait_last_lock(struct triage *t, size_t row);

/* What it waits for: "mutex cgroup_mutex", "rwsem 0xffff888012345678", "an answer of CPU 1". */
const char *wait_lock_text(struct triage *t, const struct wait_row *w);

/* Who waits, for what, held by whom. */
void wait_evidence(struct triage *t, struct finding *f, size_t row);

#endif
