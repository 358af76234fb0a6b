/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel has given up. */
#include "config.h"

#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

static void judge(struct triage *t)
{
	static const char *const words[] = { "Kernel panic - not syncing: ", NULL };
	const struct kernel_info *k = &t->r->kernel;

	if (!k->panic_known) {
		triage_unexamined(t, "whether a CPU panics is not known");
		return;
	}
	if (!k->panic_cpu.has)
		return;

	const char *said;
	size_t at;
	bool has = triage_log_find(t, words, false, &at, &said);
	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel has panicked on CPU %" PRIu64 "%s%s", k->panic_cpu.v,
				       has ? ": " : "", has ? said + strlen(words[0]) : "");
	triage_about_cpu(f, k->panic_cpu.v);
	triage_num(t, f, k->panic_cpu.v, "fdgdb.kernel.panic_cpu");
	if (has)
		triage_log_evidence(t, f, at);
	if (k->nr_oopses.v)
		triage_num(t, f, k->nr_oopses.v, "fdgdb.kernel.nr_oopses");
	triage_next(t, f, "the log before the panic, and the stack of that CPU");
}

const struct triage_rule rule_panic = {
	.id = "panic",
	.judge = judge,
};
