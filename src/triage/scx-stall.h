/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that sched_ext should have run long ago: what several rules begin with. */
#ifndef FDGDB_TRIAGE_SCX_STALL_H
#define FDGDB_TRIAGE_SCX_STALL_H

#include "triage/triage.h"

/* Seconds after which the kernel's watchdog ejects the scheduler of a task that it leaves runnable. */
double scx_watchdog_limit(const struct report *r, const struct task_row *task);

/* Name of the scheduler that a task belongs to; "?": not known which. */
const char *scx_sched_name(const struct report *r, const struct task_row *task);

/*
 * Seconds that a task has been waiting for its scheduler; false if it is none of sched_ext's, runs, or
 * has not waited for long: for a quarter of the watchdog's limit, or a second while all CPUs are idle.
 */
bool scx_is_stalled(const struct report *r, const struct task_row *task, double *ret);

/* How bad a task's wait is: from half its limit on an error. */
enum severity scx_stall_severity(const struct report *r, const struct task_row *task, double seconds);

/* What is stalled on a queue. */
struct scx_stalled {
	const struct task_row *worst; /* NULL: nothing */
	double worst_s;
	size_t nr;
	bool head;	     /* the first of the queue is */
	bool all_restricted; /* each may run on half of the online CPUs at most */
};

struct scx_stalled scx_stalled_on(const struct report *r, const struct dsq_row *d);

/* Whether a queue is no CPU's own. */
bool scx_is_shared(const struct dsq_row *d);

/* The CPU that a task may run on, if it is only one. */
bool scx_single_cpu(const struct task_row *task, uint32_t *ret);

/* The queue that a task is on; NULL: on none, or it is not known. */
const struct dsq_row *scx_dsq_of(const struct report *r, const struct task_row *task);

/* The finding is about all that is stalled on a queue. */
void scx_about_stalled(struct triage *t, struct finding *f, const struct dsq_row *d);

/* Since when, as triage_lasts(). */
void scx_stall_lasts(struct triage *t, struct finding *f, const struct task_row *task, double seconds);

/* Evidence of one stalled task. */
void scx_stall_evidence(struct triage *t, struct finding *f, const struct task_row *task, double seconds);

/* "starved[123] has", or "starved[123] and 4 others have". */
const char *scx_stall_who(struct triage *t, const struct task_row *task, size_t nr);

#endif
