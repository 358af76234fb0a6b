/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What text and JSON say alike about a task. */
#ifndef FDGDB_REPORT_TASK_NAMES_H
#define FDGDB_REPORT_TASK_NAMES_H

#include "model/report.h"
#include "report/strbuf.h"

/* "disk sleep" for 'D', as /proc/PID/status; NULL for a letter that is none. */
const char *task_state_name(char letter);

/* "SCHED_NORMAL"; NULL for one that fdgdb does not know. */
const char *task_policy_name(int32_t policy);

/* "KTHREAD|NOFREEZE|0x40": task_struct.flags without PF_; bits whose meaning has changed between 6.1 and
 * 7.3 are numbers. */
void task_flag_names(struct strbuf *sb, uint64_t flags);

/* -20 to 19, from static_prio; false if the task's class knows no such thing. */
bool task_nice(const struct task_row *t, int *ret);

/* How much a task needs a look; the lower the more. */
enum task_rank {
	TASK_RANK_BLOCKED, /* in uninterruptible sleep for a second or more */
	TASK_RANK_STARVED, /* ready to run for a second or more */
	TASK_RANK_BLOCKED_BRIEFLY,
	TASK_RANK_WAITING,
	TASK_RANK_RUNNING,
	TASK_RANK_REST,
	TASK_RANK_KERNEL,  /* the rest of the kernel's own */
	TASK_RANK_IDLE,	   /* idle tasks */
};

/*
 * The rank, and in *seconds for how long: blocked, or ready to run without running.  Negative: that does not
 * apply or cannot be told.
 */
enum task_rank task_rank(const struct report *r, const struct task_row *t, double *seconds);

/* The function that a sleeping task waits in: the first of its stack that is not the scheduler's; NULL. */
const char *task_wchan(const struct report *r, const struct task_row *t);

/* Share of the watchdog's timeout that a task has been waiting, 1 is all of it; false if either is unknown. */
bool task_watchdog_share(const struct report *r, const struct task_row *t, double *ret);

#endif
