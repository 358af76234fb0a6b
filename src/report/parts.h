/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What text and JSON say alike about a report. */
#ifndef FDGDB_REPORT_PARTS_H
#define FDGDB_REPORT_PARTS_H

#include "model/report.h"

/*
 * Parts of the format that fdgdb has no walker for yet.  They stand in fdgdb.sections beside those of the
 * report, so that nobody takes their absence for health; a walker that reports on its section
 * (report_section) takes its row's place.
 */
struct missing_part {
	const char *section;
	const char *detail; /* NULL: the status says it all */
};

extern const struct missing_part missing_parts[];
extern const size_t nr_missing_parts;

/* The kernel's load and pressure averages have 11 bits of fraction. */
static inline double fixed_point(uint64_t raw)
{
	return (double)raw / 2048;
}

/* "timer": softirqs by number. */
extern const char *const softirq_names[NR_SOFTIRQS];

/* Sleeps where no signal can wake it: ps' D, not the kernel's idle workers. */
bool task_is_blocked(const struct task_row *t);

/* "call", "exact", "guess", "user" */
const char *frame_kind_text(enum frame_kind kind);

/* "root", "sub", "exited", "starting": fdgdb.scx.schedulers[].role. */
const char *scx_role_text(enum scx_role role);

#endif
