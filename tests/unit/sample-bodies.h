/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_SAMPLE_BODIES_H
#define FDGDB_SAMPLE_BODIES_H

#include "model/report.h"

/* Adds the maps of sample-bodies.c to the report. */
void sample_bodies(struct report *r);

/* Adds stacks of the tasks that the report has. */
void sample_stacks(struct report *r);
/* Locks of a map with entries: one held and waited for, one that a CPU has for itself, one in the first entry. */
void sample_locks(struct report *r, struct map_row *m);

#endif
