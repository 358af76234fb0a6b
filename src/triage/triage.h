/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges a report: one rule per file, each looking for one kind of trouble in the model and never at the
 * guest.  A rule adds findings with the values they rest on, and says of each what does not get on because of
 * it, and what it waits for itself.  From that causes.c tells which finding follows from which, so that a user
 * sees one root for one trouble.
 *
 * A lack of memory is remembered and returned at the end: rules need not care.
 */
#ifndef FDGDB_TRIAGE_H
#define FDGDB_TRIAGE_H

#include "model/report.h"

/* Runs all rules and fills report.findings. */
struct err *triage_run(struct report *r) MUST_CHECK;

/* ---- what does not get on */

enum thing {
	THING_TASK,    /* by its address */
	THING_CPU,     /* by its number */
	THING_RCU,     /* grace periods: enum triage_rcu, or the address of a domain of SRCU */
	THING_WORK,    /* a work of any queue: 0 */
	THING_SCX,     /* what sched_ext should run: 0 */
	THING_MACHINE, /* all of it: 0 */
	/* Not one thing, but any of a kind: who waits for it began after that trouble did. */
	THING_CULPRIT, /* some CPU that waits for no other: 0 */
	THING_PROGRAM, /* some program of the scheduler's: 0 */
	THING_DEAD,    /* what a task held that an oops has killed: 0 */
	THING_HUNG,    /* some task of those that the kernel calls hung: 0 */
};

enum triage_rcu { RCU_NORMAL, RCU_EXPEDITED, RCU_SRCU, RCU_TASKS };

/* That a finding is about a thing that does not get on, or that it waits for one. */
struct tie {
	struct finding *finding;
	enum thing what;
	uint64_t id;
	bool needs;
	size_t nr; /* in the order they were made */
};

/* ---- for rules */

struct wait_graph;

struct triage {
	const struct report *r;
	struct report *out; /* the same; only triage.c and causes.c write to it */
	size_t rule;
	VEC(struct tie) ties;
	bool *explained; /* [tasks.nr] */
	struct wait_graph *waits; /* made by wait-chain.c when it is first asked */
	bool nomem;
};

enum { TRIAGE_SECTIONS = 4 };

struct triage_rule {
	const char *id;
	/* Sections it looks at: if one is not complete, the rule's silence proves nothing. */
	const char *sections[TRIAGE_SECTIONS + 1];
	/* It goes by how long something has lasted: while the guest's clocks stand it is blind. */
	bool by_clocks;
	void (*judge)(struct triage *t);
};

/*
 * Causes before what they cause: of two findings about the same thing the rule that stands first gives the
 * reason of the other one.
 */
extern const struct triage_rule *const triage_rules[];
extern const size_t nr_triage_rules;

/* A finding of the rule that runs; NULL without memory, which all of the following put up with. */
struct finding *triage_add(struct triage *t, enum severity severity, enum confidence confidence,
			   const char *fmt, ...) PRINTF_LIKE(4, 5);

void triage_next(struct triage *t, struct finding *f, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* What the finding is named after: its key tells it from others of its rule. */
void triage_name_cpu(struct finding *f, uint64_t cpu);
void triage_name_pid(struct finding *f, int32_t pid);
void triage_name_dsq(struct finding *f, uint64_t id);

/* Named after a CPU that does not get on. */
void triage_about_cpu(struct triage *t, struct finding *f, uint64_t cpu);

/* Since when the trouble has been going on; below 0: unknown. */
void triage_since(struct finding *f, double seconds);

/* The same of one that comes of anything that stops the machine, and for how long it was none yet. */
void triage_lasts(struct triage *t, struct finding *f, double seconds, double grace);

/* It stops the machine, since so many seconds (below 0: unknown). */
void triage_ends_all(struct triage *t, struct finding *f, double seconds);

/* The finding says why this does not get on. */
void triage_stuck(struct triage *t, struct finding *f, enum thing what, uint64_t id);

/* It follows from whatever says why this does not; what is named first is asked for first. */
void triage_needs(struct triage *t, struct finding *f, enum thing what, uint64_t id);

/* Whether a finding of an earlier rule, or of this one, says why a task does not get on. */
bool triage_is_explained(const struct triage *t, const struct task_row *task);

/* Values with their paths. */
void triage_num(struct triage *t, struct finding *f, uint64_t v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_hex(struct triage *t, struct finding *f, uint64_t v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_int(struct triage *t, struct finding *f, int64_t v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_bool(struct triage *t, struct finding *f, bool v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_seconds(struct triage *t, struct finding *f, double v, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void triage_text(struct triage *t, struct finding *f, const char *v, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* A word or sentence on the report's pool; "" without memory. */
const char *triage_printf(struct triage *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The rule cannot tell, or not everything; once per rule and reason. */
void triage_unexamined(struct triage *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What is not in this section of the report, the rule can not see. */
void triage_wants(struct triage *t, const char *section);

/* ---- causes.c: what triage_run() does when the rules are through */

/* Links each finding to what it follows from, makes roots as bad as what they lead to, and sorts. */
void triage_link(struct triage *t);

/* ---- narrow.c: leaves out what --task and --dsq did not ask for */

void triage_narrow(struct report *r);

/* ---- paths.c: where rows of the model stand in the JSON */

/* "dsq_states[4]", or in fdgdb.scx.other_dsqs; on the report's pool. */
const char *triage_dsq_path(struct triage *t, const struct dsq_row *d);

/* Whether that is dsq_states. */
bool triage_dsq_in_format(const struct dsq_row *d);

static inline size_t triage_task_index(const struct triage *t, const struct task_row *task)
{
	return (size_t)(task - t->r->tasks.data);
}

static inline size_t triage_cpu_index(const struct triage *t, const struct cpu_row *cpu)
{
	return (size_t)(cpu - t->r->cpus.rows.data);
}

#endif
