/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What triage/ concluded from the rest of the report: docs/findings.md. */
#ifndef FDGDB_MODEL_FINDINGS_H
#define FDGDB_MODEL_FINDINGS_H

#include "base/vec.h"
#include "model/tasks.h"

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };

/* How sure: the guest's own records say so; they fit nothing else that is likely; they fit. */
enum confidence { CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY, CONFIDENCE_CERTAIN };

enum evidence_kind {
	EVIDENCE_NUM,
	EVIDENCE_HEX, /* a number that text shows as an address or a set of flags */
	EVIDENCE_INT, /* .num as int64_t */
	EVIDENCE_SECONDS,
	EVIDENCE_BOOL,
	EVIDENCE_TEXT, /* guest bytes */
};

/* A value of the report and where it stands in the JSON: "task_enrichments[3].runnable_s". */
struct evidence {
	struct evidence *next;
	const char *path;
	enum evidence_kind kind;
	uint64_t num;
	double seconds;
	const char *text;
};

struct finding {
	const char *id;	 /* of the rule: "scx-dsq-not-consumed" */
	const char *key; /* of this finding, no other has it: "scx-dsq-not-consumed@dsq0x42" */
	enum severity severity;
	enum confidence confidence;
	const char *summary;   /* one sentence; guest bytes may be in it */
	const char *look_next; /* what to look at next; NULL: nothing to add */
	const char *caused_by; /* key of the root that this follows from; NULL: it is a root itself */
	struct opt_i32 pid;    /* what it is about, as far as it is about one */
	struct opt_u64 cpu, dsq;
	struct evidence *evidence, *last_evidence; /* in order */

	bool left_out; /* it rests on rows that --task or --dsq leave out: not written */

	/* For triage alone. */
	size_t rule, nr;    /* order of its rule, and its own */
	bool has_lasted;
	double lasted;	    /* s: for how long the trouble has been going on */
	double grace;	    /* s: for how long of that it was none yet */
	bool ends_all;	    /* after it nothing gets on any more: a panic */
	struct finding *cause; /* the direct one */
	struct finding *root;  /* itself, if it is one */
};

/* A rule that could not look, or not at everything, so that its silence proves nothing. */
struct unexamined {
	const char *id;
	const char *why; /* may hold guest bytes */
};

struct findings {
	bool ran; /* triage was done at all */
	VEC(struct finding *) rows; /* roots, worst and surest first, each with what follows from it behind it */
	VEC(struct unexamined) unexamined;
	size_t nr_rules;
	size_t nr_left_out;
};

const char *severity_text(enum severity severity);
const char *confidence_text(enum confidence confidence);

#endif
