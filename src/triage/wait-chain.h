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

/* Whether it is a lock of user space's, which the kernel only keeps the waiters of: a PI futex. */
bool wait_is_users(const struct wait_row *w);

/* The row of a task that waits; WAIT_NONE. */
size_t wait_row_of(struct triage *t, struct kva task);

/* Where the edges from this row lead to. */
struct wait_chain wait_follow(struct triage *t, size_t row);

/* Whether it waits for a lock: something that somebody holds. */
bool wait_is_lock(const struct wait_row *w);

/* The next row; WAIT_NONE if the holder waits for no lock, or is not known. */
size_t wait_next(struct triage *t, size_t row);

/* "mutex cgroup_mutex", "rwsem 0xffff888012345678": on the report's pool. */
const char *wait_lock_text(struct triage *t, const struct wait_row *w);

/* Who waits, for what, held by whom. */
void wait_evidence(struct triage *t, struct finding *f, size_t row);

#endif
