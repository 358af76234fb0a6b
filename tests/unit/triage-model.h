/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports made by hand for the rules to judge. */
#ifndef FDGDB_TRIAGE_MODEL_H
#define FDGDB_TRIAGE_MODEL_H

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "triage/triage.h"

enum { HZ = 250, NOW = 1000000, SECOND = 1000000000 };

void *must(void *p);
#define PUSH(v) ((typeof((v)->data))must(vec_push(v)))

/* With all sections complete, a scheduler, and nothing wrong. */
struct report *new_report(void);

/* A task of sched_ext that has been runnable for so many seconds, on the queue at dsq (0: none). */
struct task_row *add_task(struct report *r, int32_t pid, double seconds, uint64_t dsq);

struct dsq_row *add_dsq(struct report *r, uint64_t kva, uint64_t id, enum dsq_origin origin);
void enqueue(struct dsq_row *d, const struct task_row *t);

/* A CPU that is well, and is the vCPU of that number; it runs a task of fair class, pid 1000 and up. */
struct cpu_row *add_cpu(struct report *r, uint32_t cpu);

/* What it runs, among the tasks; after all CPUs have been added. */
struct task_row *add_curr(struct report *r, uint32_t cpu);

/* It has taken no interrupt for so many seconds, its interrupts being off. */
void stop_cpu(struct report *r, uint32_t cpu, uint64_t seconds);

/* A task that has been sleeping for so many seconds, in this state. */
struct kva add_sleeper(struct report *r, int32_t pid, uint64_t seconds, char state);

/* The same, with the one function on its stack that it sleeps in. */
struct kva add_in(struct report *r, int32_t pid, uint64_t seconds, char state, const char *function);

/* Stacks by their functions, innermost first, NULL behind the last. */
struct kstack_frame *add_stack(struct report *r, struct kva task, ...);
struct kstack_frame *add_vcpu_stack(struct report *r, size_t vcpu, ...);

struct wait_row *add_wait(struct report *r, struct kva task, uint64_t lock, struct kva holder, enum wait_basis basis);

struct log_record *add_log(struct report *r, uint64_t ts_nsec, const char *text);

/* Runs the rules afresh. */
void judge(struct report *r);

const struct finding *find(const struct report *r, const char *key);
const struct evidence *evidence(const struct finding *f, const char *path);
bool is_unexamined(const struct report *r, const char *id, const char *why);

/* How many findings are no consequence of another one, and no mere information. */
size_t nr_roots(const struct report *r);

/* The one finding of this key is there, and follows from the one of that key (NULL: from none). */
void expect(const struct report *r, const char *key, const char *caused_by, const char *file, unsigned int line);
#define EXPECT(r, key, caused_by) expect(r, key, caused_by, __FILE__, __LINE__)

/* Its summary has these words. */
void expect_says(const struct report *r, const char *key, const char *words, const char *file, unsigned int line);
#define EXPECT_SAYS(r, key, words) expect_says(r, key, words, __FILE__, __LINE__)

#endif
