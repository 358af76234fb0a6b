/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue from which nobody takes tasks. */
#include "config.h"

#include "triage/rules.h"
#include "triage/scx-stall.h"

#include <inttypes.h>

static void judge_dsq(struct triage *t, const struct dsq_row *d)
{
	struct scx_stalled q = scx_stalled_on(t->r, d);

	if (!q.worst || q.all_restricted) /* the latter: scx-affinity */
		return;

	/* Who consumes takes the first task that may run on his CPU; the rest only waits its turn. */
	struct finding *f = triage_add(t, scx_stall_severity(t->r, q.worst, q.worst_s),
				       q.head ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "%s been waiting for up to %.1f s in DSQ 0x%" PRIx64
				       ", from which nobody has taken %s",
				       scx_stall_who(t, q.worst, q.nr), q.worst_s, d->id,
				       q.nr > 1 ? "them" : "it");
	const char *path = triage_dsq_path(t, d);

	triage_name_dsq(f, d->id);
	scx_stall_lasts(t, f, q.worst, q.worst_s);
	scx_about_stalled(t, f, d);
	triage_needs(t, f, THING_PROGRAM, 0);
	scx_stall_evidence(t, f, q.worst, q.worst_s);
	triage_hex(t, f, d->id, "%s.id", path);
	if (d->has_nr)
		triage_num(t, f, d->nr, "%s.nr", path);
	triage_next(t, f,
		    "does dispatch() of \"%s\" move tasks of this DSQ to a CPU's queue, and on which CPUs?",
		    scx_sched_name(t->r, q.worst));
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->scx.dsqs.nr; i++) {
		if (scx_is_shared(&t->r->scx.dsqs.data[i]))
			judge_dsq(t, &t->r->scx.dsqs.data[i]);
	}
}

const struct triage_rule rule_scx_dsq_not_consumed = {
	.id = "scx-dsq-not-consumed",
	.sections = { "scx", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
