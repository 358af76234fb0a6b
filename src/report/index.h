/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of a report by their kernel address: lists of 65536 tasks are looked up task by task. */
#ifndef FDGDB_INDEX_H
#define FDGDB_INDEX_H

#include "model/report.h"

struct index_slot {
	uint64_t kva;
	size_t row;
};

struct index {
	const struct report *r;
	struct index_slot *tasks, *dsqs; /* ascending */
};

struct err *index_init(struct index *ix, const struct report *r) MUST_CHECK;
void index_deinit(struct index *ix);

/* NULL if the report has no such row. */
const struct task_row *index_task(const struct index *ix, struct kva kva);
const struct dsq_row *index_dsq(const struct index *ix, struct kva kva);

#endif
