/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel has made an error that cost a task its life, and maybe left locks held. */
#include "config.h"

#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

enum { TAINT_DIE = 1 << 7 };

static void judge(struct triage *t)
{
	/* As the kernel begins: page faults, and what goes through die(). */
	static const char *const words[] = { "BUG: ", "Oops: ", "general protection fault",
					     "kernel BUG at ", "divide error: ", "invalid opcode: ", NULL };
	const struct kernel_info *k = &t->r->kernel;
	const char *said;
	size_t at;

	if (!k->tainted.has && !k->nr_oopses.has) {
		triage_unexamined(t, "whether the kernel has oopsed is not known");
		return;
	}
	if (!(k->tainted.v & TAINT_DIE) && !k->nr_oopses.v)
		return;

	/* The lockup detectors begin with BUG as well: what came with the oops is what is not theirs. */
	bool has = triage_log_find(t, words, true, &at, &said);
	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel has oopsed since it was started; what the task that died "
				       "held it still holds%s%s",
				       has ? ": " : "", has ? said : "");
	if (k->nr_oopses.has)
		triage_num(t, f, k->nr_oopses.v, "fdgdb.kernel.nr_oopses");
	if (k->tainted.has)
		triage_num(t, f, k->tainted.v, "fdgdb.kernel.tainted");
	if (has)
		triage_log_evidence(t, f, at);
	triage_next(t, f, "the log from there on: where it happened, and in which task");
}

const struct triage_rule rule_oops = {
	.id = "oops",
	.causes = { { "panic", LINK_ANY } },
	.judge = judge,
};
