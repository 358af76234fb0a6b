/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_SAMPLE_SYSTEM_H
#define FDGDB_SAMPLE_SYSTEM_H

#include "model/report.h"

/* Adds the kernel's log and the state of the system to the report. */
void sample_system(struct report *r);

#endif
