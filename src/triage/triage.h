/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges a report: one rule per file, each looking for one kind of trouble in the model and never at the
 * guest.  A rule adds findings with the values they rest on; what follows from another finding is
 * linked to it afterwards, so that a user sees one root for one trouble.
 *
 * A lack of memory is remembered and returned at the end: rules need not care.
 */
#ifndef FDGDB_TRIAGE_H
#define FDGDB_TRIAGE_H

#include "model/report.h"

/* Runs all rules and fills report.findings. */
struct err *triage_run(struct report *r) MUST_CHECK;

/* ---- narrow.c */
void triage_narrow(struct report *r);

/* ---- for rules */

struct triage {
	const struct report *r;
	struct report *out; /* the same; only triage.c writes to it */
	size_t rule;
	size_t *wait_rows; /* [tasks.nr]: 1 + row of waits, 0: none; made by wait_row_of() */
	bool nomem;
};

/* By what two findings must agree for one to follow from the other. */
enum triage_link {
	LINK_NONE,
	LINK_ANY,
	LINK_CPU,
	LINK_PID,
	LINK_ANYWHERE, /* the one is about no CPU, the other about one: that may be where the one is served */
	LINK_SPIN, /* the CPU of the one spins on a lock, that of the other does not */
};

/* A rule's findings follow from those of the rule `id`, if there are such. */
struct triage_cause {
	const char *id;
	enum triage_link link;
};

enum { TRIAGE_SECTIONS = 4, TRIAGE_CAUSES = 12 };

struct triage_rule {
	const char *id;
	/* Sections it looks at: if one is not complete, the rule's silence proves nothing. */
	const char *sections[TRIAGE_SECTIONS + 1];
	/* In order of preference. */
	struct triage_cause causes[TRIAGE_CAUSES + 1];
	void (*judge)(struct triage *t);
};

extern const struct triage_rule *const triage_rules[];
extern const size_t nr_triage_rules;

/* A finding of the rule that runs; NULL without memory, which all of the following put up with. */
struct finding *triage_add(struct triage *t, enum severity severity, enum confidence confidence,
			   const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_next(struct triage *t, struct finding *f, const char *fmt, ...) PRINTF_LIKE(3, 4);

void triage_about_cpu(struct finding *f, uint64_t cpu);
/* The same, and whether its vCPU spins on a lock. */
void triage_about_stuck_cpu(struct triage *t, struct finding *f, const struct cpu_row *c);
void triage_about_pid(struct finding *f, int32_t pid);
void triage_about_dsq(struct finding *f, uint64_t id);

/* Values with their paths. */
void triage_num(struct triage *t, struct finding *f, uint64_t v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_hex(struct triage *t, struct finding *f, uint64_t v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_int(struct triage *t, struct finding *f, int64_t v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_bool(struct triage *t, struct finding *f, bool v, const char *fmt, ...) PRINTF_LIKE(4, 5);
void triage_seconds(struct triage *t, struct finding *f, double v, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void triage_text(struct triage *t, struct finding *f, const char *v, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* The rule cannot tell, or not everything; once per rule and reason. */
void triage_unexamined(struct triage *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- paths.c: where rows of the model stand in the JSON */

/* "dsq_states[4]", or in fdgdb.scx.other_dsqs; on the report's pool. */
const char *triage_dsq_path(struct triage *t, const struct dsq_row *d);
/* Whether that is dsq_states. */
bool triage_dsq_in_format(const struct dsq_row *d);
static inline size_t triage_task_index(const struct triage *t, const struct task_row *task)
{
	return (size_t)(task - t->r->tasks.data);
}

#endif
