/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the text report among themselves; for others there is text.h. */
#ifndef FDGDB_TEXT_PARTS_H
#define FDGDB_TEXT_PARTS_H

#include "report/index.h"
#include "report/render.h"
#include "report/text-table.h"
#include "report/text-value.h"
#include "report/text.h"

struct text {
	const struct report *r;
	const struct text_opts *opts;
	struct text_style style;
	FILE *out;
	struct strbuf sb; /* what is not yet written */
	size_t whole;	  /* bytes of sb that are not to be folded, or have been */
	bool values;	  /* nothing is folded */
	struct index index;
	struct render render;
	struct err *e; /* the first failed write */
};

/* Everything around `write`, which makes the text: setting up, the last flush, the first error. */
struct err *text_write(const struct report *r, FILE *out, const struct text_opts *opts,
		       struct err *(*write)(struct text *t)) MUST_CHECK;

/* Hands what was built so far, folded, to the file; called after each entry, so memory stays bounded. */
void text_flush(struct text *t);

/*
 * Breaks the lines written since the last call, of this or text_keep(), at blanks where they leave the terminal. What
 * goes on the next line is indented by `hang`, or by two more than its own line was. A number stays with its unit, and
 * what has no blanks, such as a name, in one piece. text_flush() does this: parts write sentences of any length.
 */
void text_fold(struct text *t, size_t hang);

/* What was written since then is not to be folded. text_fit_table() does this. */
void text_keep(struct text *t);

/* Here values begin, or lines of the guest's own, which are not folded; here they end. */
void text_begin_values(struct text *t);
void text_end_values(struct text *t);

/* A section's title or a map's name: bold if there is colour.  Always in pairs. */
void text_bold(struct text *t, bool on);
/* What a reader must not miss. */
void text_alarm(struct text *t, bool on);

/* Guest text. */
void text_guest(struct text *t, const char *s);

/* " (of sub-scheduler NAME)"; nothing of the root's, and of no scheduler's (NULL). */
void text_sub_sched(struct text *t, const struct active_sched *s);

/* "... N more (-v shows all)" on a line of its own. */
void text_more(struct text *t, unsigned int depth, size_t nr);

/* How many of nr rows are shown under a cap that holds without verbose. */
size_t text_shown(const struct text *t, size_t nr, size_t cap);

/*
 * Where a section is not complete or was cut: lines that say so, indented by two.  A section nobody reported on
 * is not a complete one: then it says that too.
 */
void text_section_notes(struct text *t, const char *section);

/* "name: N" and the section's notes.  No 0 where nobody could count: it would read as "none". */
void text_counted_title(struct text *t, const char *name, size_t nr, const char *section);

/* The parts, in their order.  Each ends with a newline. */
void text_head(struct text *t);
void text_findings(struct text *t); /* begins with a newline, or is nothing */
void text_scx(struct text *t);
/* Within it: schedulers, CPUs, queues. */
void text_scheds(struct text *t);
void text_scx_cpus(struct text *t);
void text_scx_dsqs(struct text *t);
/* Tasks of a list by name, and how long each has been waiting. */
void text_task_list(struct text *t, const struct kva *tasks, size_t nr);
/* Why a list ends where it does. */
void text_list_cut(struct text *t, const char *why);
/* For how many seconds the one of these tasks that has waited longest does; < 0: nobody waits, or unknown. */
double text_longest_wait(const struct text *t, const struct kva *tasks, size_t nr);
void text_cpus(struct text *t);
void text_health(struct text *t);
void text_tasks(struct text *t);
void text_log(struct text *t);
void text_kstacks(struct text *t);
void text_system(struct text *t);
void text_cpu_time(struct text *t);
void text_irqs(struct text *t);
void text_numa(struct text *t);
void text_psi(struct text *t);
struct err *text_maps(struct text *t) MUST_CHECK;
/* The one entry that is left of a map. */
struct err *text_the_entry(struct text *t, const struct map_row *m) MUST_CHECK;
struct err *text_arena(struct text *t) MUST_CHECK;
void text_progs(struct text *t);
void text_links(struct text *t);
void text_btfs(struct text *t);
void text_modules(struct text *t);
void text_waits(struct text *t);
void text_missing(struct text *t);

/* A stack's frames, a line each. */
void text_frames(struct text *t, const struct kstack_row *s, size_t indent);

/* "mutex 0xffff888004001000 event_mutex, held by cat[12]" */
void text_wait(struct strbuf *sb, const struct wait_row *r);

/* A task in every detail: lines indented by two and more. */
struct err *text_task_details(struct text *t, const struct task_row *task) MUST_CHECK;

/* "key=text key=1 key=0x10" */
void text_facts(struct strbuf *sb, const struct facts *facts);

/* Bodies of maps other than entries, each beginning with a newline. */
void text_ringbuf(struct text *t, const struct ringbuf_body *b);
void text_stacks(struct text *t, const struct stacks_body *b);
void text_bloom(struct text *t, const struct bloom_body *b);
/* What the owner of a value is, on the same line. */
void text_owner(struct text *t, const struct map_owner *o);

/* What stands in place of a CPU's value that is not there. */
const char *text_no_value(const struct map_entry *entry, size_t cpu);
/* One per-CPU entry from "key N:" on (`key` without the colon); without a newline at its end. */
struct err *text_per_cpu(struct text *t, const struct map_row *m, const struct map_entry *entry,
			 const char *key) MUST_CHECK;

#endif
