/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that sleep, and where. */
#ifndef FDGDB_TRIAGE_SLEEP_H
#define FDGDB_TRIAGE_SLEEP_H

#include "triage/triage.h"

/* For how long a task has not run; false if that is not known, or less than TRIAGE_LONG_S. */
enum { TRIAGE_LONG_S = 10 };
bool triage_sleeps_long(const struct report *r, const struct task_row *task, double *ret);

/* The rule goes by how long tasks have not run: says so if this kernel tells that of none. */
void triage_wants_sleep(struct triage *t);

/* Neither running nor asleep: whoever is to give it a CPU does not. */
bool triage_is_runnable(const struct task_row *task);

/* Its stack while it sleeps; NULL. */
const struct kstack_row *triage_stack(const struct report *r, const struct task_row *task);

/* The function that it sleeps in; NULL if that is not known. */
const char *triage_wchan(const struct report *r, const struct task_row *task);

/* Whether a symbol is that function, or what a compiler made of it ("name.isra.0"); "name*": begins so. */
bool triage_is_function(const char *symbol, const char *name);

/* Whether one of these functions is on a stack, by frames that are not guesses; the innermost. */
bool triage_has_frame(const struct kstack_row *stack, const char *const *names, size_t *ret_frame);

/* Whether it waits for a lock that could be found: other rules tell about those. */
bool triage_waits_for_lock(struct triage *t, const struct task_row *task);

/* The finding follows from whatever keeps this task: what it waits for, or the CPU that it should have. */
void triage_needs_task(struct triage *t, struct finding *f, const struct task_row *task);

/* The same of a task that sleeps, but for what is said of the task itself. */
void triage_needs_sleeper(struct triage *t, struct finding *f, const struct task_row *task);

/* Seconds after which the kernel calls a task hung. */
double triage_hung_limit(const struct report *r);

/* wchan, if there is one. */
void triage_sleep_evidence(struct triage *t, struct finding *f, const struct task_row *task);

#endif
