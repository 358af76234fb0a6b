/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_SAMPLE_BODIES_H
#define FDGDB_SAMPLE_BODIES_H

#include "model/report.h"

/* Adds the maps of sample-bodies.c to the report. */
void sample_bodies(struct report *r);

/* Adds stacks of the tasks that the report has. */
void sample_stacks(struct report *r);

#endif
