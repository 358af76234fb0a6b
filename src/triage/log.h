/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel itself has said. */
#ifndef FDGDB_TRIAGE_LOG_H
#define FDGDB_TRIAGE_LOG_H

#include "triage/triage.h"

/* No record. */
static const size_t LOG_NONE = SIZE_MAX;

/* The text of a record if the kernel wrote it, and not user space; NULL. */
const char *triage_log_text(const struct triage *t, size_t record);

/* The first record of the kernel's from `from` on with one of these words in it (a list that ends with NULL). */
size_t triage_log_find(const struct triage *t, size_t from, const char *const *words);

/* Seconds since a record was written, by the clocks of the guest; below 0: unknown. */
double triage_log_age(const struct triage *t, size_t record);

/* What the kernel's own detectors complain of. */
enum complaint {
	SAID_SOFT_LOCKUP, /* of a CPU */
	SAID_HARD_LOCKUP, /* of a CPU */
	SAID_HUNG_TASK,	  /* of a task */
	SAID_RCU_STALL,
	SAID_WORKQUEUE,
};

/* The last complaint of this kind before a record (LOG_NONE: of all), and what it is of, where it is of one. */
size_t triage_log_complaint(const struct triage *t, enum complaint what, size_t before, int64_t *ret_number);

/* The last complaint of this kind about this CPU or task, no older than so many seconds (below 0: however old),
 * as evidence. */
void triage_log_confirm(struct triage *t, struct finding *f, enum complaint what, int64_t number, double seconds);

void triage_log_evidence(struct triage *t, struct finding *f, size_t record);

#endif
