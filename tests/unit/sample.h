/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report made by hand that has everything in it: each map body, each kind of value, hostile strings, parts
 * that are missing.  It stands on types of its own (value_render and its kin are defined in sample-types.c), so
 * that what is tested here is the writing alone.
 */
#ifndef FDGDB_TEST_SAMPLE_H
#define FDGDB_TEST_SAMPLE_H

#include "model/report.h"

enum sample_type {
	SAMPLE_NONE,
	SAMPLE_U32,
	SAMPLE_U64,
	SAMPLE_KEY,	   /* struct cell_key, 8 bytes */
	SAMPLE_STAT,	   /* struct cell_stat, 16 bytes */
	SAMPLE_TASK_CTX,   /* struct task_ctx, 24 bytes: not a row of a table */
	SAMPLE_CPU_CTX,	   /* struct cpu_ctx, 24 bytes */
	SAMPLE_EVERYTHING, /* one member of each kind */
	SAMPLE_BSS,
};

struct types *sample_types(void);

/* Small, and every field set or left out on purpose. */
struct report *sample_report(void);

/* Nothing could be collected: the least a report can hold. */
struct report *sample_empty_report(void);

/* A map of many entries, for the caps of the text. */
struct report *sample_long_report(void);

void sample_destroy(struct report *r);

#endif
