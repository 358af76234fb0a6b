/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler was ejected, or is just leaving. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

/* enum scx_exit_kind: below are voluntary ends, above are errors. */
enum { EXIT_ERROR = 1024, EXIT_ERROR_STALL = 1026 };

static void judge(struct triage *t)
{
	const struct scx_sched_row *s = &t->r->scx.sched;

	if (!t->r->scx.has_sched || s->exit_kind < EXIT_ERROR)
		return;

	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel has ejected the sched_ext scheduler \"%s\": %s",
				       s->ops_name,
				       s->exit_kind == EXIT_ERROR_STALL ?
					       "a runnable task was not run within the watchdog's limit" :
					       "it made an error");
	triage_num(t, f, s->exit_kind, "scx_sched_state.exit_kind");
	triage_text(t, f, s->exit_kind_name, "fdgdb.scx.exit_kind_name");
}

const struct triage_rule rule_scx_exit = {
	.id = "scx-exit",
	.sections = { "scx" },
	.judge = judge,
};
