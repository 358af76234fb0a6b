/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel itself has said. */
#ifndef FDGDB_TRIAGE_LOG_H
#define FDGDB_TRIAGE_LOG_H

#include "triage/triage.h"

/*
 * The first record of the kernel's that begins with one of these words (a list that ends with NULL); what the
 * lockup detectors say is passed over if not wanted.
 */
bool triage_log_find(struct triage *t, const char *const *words, bool no_lockups, size_t *ret_record,
		     const char **ret_text);

void triage_log_evidence(struct triage *t, struct finding *f, size_t record);

#endif
