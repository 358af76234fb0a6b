/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel is about to eject the scheduler. */
#include "config.h"

#include "triage/rules.h"
#include "triage/scx-stall.h"

#include <inttypes.h>

enum { EXIT_NONE = 0 }; /* SCX_EXIT_NONE */

static void judge(struct triage *t)
{
	const struct report *r = t->r;
	const struct task_row *worst = NULL;
	double worst_s = 0, seconds, limit = scx_watchdog_limit(r);

	if (!r->scx.has_sched || r->scx.sched.exit_kind != EXIT_NONE)
		return;
	for (size_t i = 0; i < r->tasks.nr; i++) {
		if (scx_is_stalled(r, &r->tasks.data[i], &seconds) && seconds > worst_s) {
			worst = &r->tasks.data[i];
			worst_s = seconds;
		}
	}
	if (!worst || worst_s < limit * 3 / 4)
		return;

	struct finding *f = triage_add(t, SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "the watchdog of sched_ext ejects \"%s\" %s: %s[%" PRId32
				       "] has waited for %.1f s of %.1f s",
				       r->scx.sched.ops_name, worst_s >= limit ? "any moment" : "soon",
				       worst->comm, worst->pid, worst_s, limit);
	triage_about_pid(f, worst->pid);
	scx_stall_evidence(t, f, worst, worst_s);
	if (r->scx.sched.watchdog_timeout.has)
		triage_num(t, f, r->scx.sched.watchdog_timeout.v, "scx_sched_state.watchdog_timeout");
}

const struct triage_rule rule_scx_watchdog_near = {
	.id = "scx-watchdog-near",
	.sections = { "scx", "tasks" },
	.causes = {
		{ "panic", LINK_ANY },
		{ "bpf-loop", LINK_ANY },
		{ "scx-affinity", LINK_ANY },
		{ "scx-held-by-bpf", LINK_ANY },
		{ "scx-dsq-not-consumed", LINK_ANY },
		{ "scx-local-blocked", LINK_ANY },
	},
	.judge = judge,
};
