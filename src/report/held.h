/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that a BPF scheduler holds: it took them and put them on no DSQ.  The commonest stall. */
#ifndef FDGDB_REPORT_HELD_H
#define FDGDB_REPORT_HELD_H

#include "base/vec.h"
#include "model/report.h"

struct held_task {
	const struct task_row *task;
	double seconds; /* that it has been runnable; < 0: unknown */
};

struct held {
	bool known; /* the tasks' state could be read; else that there is none says nothing */
	VEC(struct held_task) tasks; /* the longest first; to be freed */
};

struct err *held_tasks(const struct report *r, struct held *ret) MUST_CHECK;

#endif
