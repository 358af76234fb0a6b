/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report for eyes: head, sched_ext, CPUs, tasks, maps, and what is missing. */
#ifndef FDGDB_TEXT_H
#define FDGDB_TEXT_H

#include <stdio.h>

#include "model/report.h"

struct text_opts {
	unsigned int width; /* columns of the terminal; 0: none, lines of values end at 120 */
	bool color;
	bool verbose; /* nothing is cut: every entry, task and byte */
};

/* Rows shown without verbose; what is left out is counted in its place. */
enum {
	TEXT_MAX_ENTRIES = 64, /* of a map */
	TEXT_MAX_TASKS = 64,   /* of the table of tasks */
	TEXT_MAX_TASK_DETAILS = 3, /* of those in trouble, in every detail */
	TEXT_MAX_QUEUED = 32,  /* of one queue or list */
	TEXT_MAX_CPUS = 64,    /* of a table of CPUs */
	TEXT_MAX_CGROUPS = 20, /* of the table of pressure */
	TEXT_MAX_LOG = 20,     /* newest records of the log */
	TEXT_MAX_LOG_BAD = 10, /* and as many older ones at most that warn */
};

/* Writes and flushes.  ERR_SYS if it could not be written in full. */
struct err *report_text(const struct report *r, FILE *out, const struct text_opts *opts) MUST_CHECK;

#endif
