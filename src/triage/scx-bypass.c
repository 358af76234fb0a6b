/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The BPF scheduler is loaded, but does not decide: the kernel runs its tasks in the order in which they come. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

enum { EXIT_NONE = 0 }; /* SCX_EXIT_NONE */

static void judge(struct triage *t)
{
	const struct scx_state *scx = &t->r->scx;
	const struct scx_sched_row *s = &scx->sched;
	bool enabled = scx->enable_state && !strcmp(scx->enable_state, "enabled"), ends = s->exit_kind != EXIT_NONE;
	size_t nr = 0, first = 0;

	for (size_t i = 0; i < scx->rqs.nr; i++) {
		if (!scx->rqs.data[i].bypassed)
			continue;
		if (!nr++)
			first = i;
	}
	if (!scx->has_sched || (s->bypass_depth <= 0 && !nr))
		return;

	/* It is so for moments while a scheduler comes and goes; while one is enabled only until a suspend is over. */
	struct finding *f = triage_add(t, enabled && !ends ? SEVERITY_WARNING : SEVERITY_INFO, CONFIDENCE_LIKELY,
				       "the sched_ext scheduler \"%s\" is bypassed: %s", s->ops_name,
				       ends	 ? "it is being ended" :
				       enabled ? "the kernel runs its tasks in their order" :
						 "it is being started or ended");
	triage_int(t, f, s->bypass_depth, "scx_sched_state.bypass_depth");
	if (nr && scx->rqs.data[first].flags.has)
		triage_hex(t, f, scx->rqs.data[first].flags.v, "rq_scx_states[%zu].flags", first);
	if (scx->enable_state)
		triage_text(t, f, scx->enable_state, "fdgdb.scx.enable_state");
	triage_needs(t, f, THING_SCX, 0);
	triage_needs(t, f, THING_PROGRAM, 0);
	triage_next(t, f, "who asked for it and has not let go: a suspend, or the start or end of a scheduler");
}

const struct triage_rule rule_scx_bypass = {
	.id = "scx-bypass",
	.sections = { "scx" },
	.judge = judge,
};
