/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel has given up. */
#include "config.h"

#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

static const char said[] = "Kernel panic - not syncing: ";

/* A panic that a detector asked for, or an oops, comes of the trouble that it saw. */
static const struct {
	const char *reason;
	bool oops;
	enum complaint complaint;
	enum thing any; /* what stands for it if it is not known which */
} reasons[] = {
	{ "hung_task: ", false, SAID_HUNG_TASK, THING_HUNG },
	{ "softlockup: ", false, SAID_SOFT_LOCKUP, THING_CULPRIT },
	{ "Hard LOCKUP", false, SAID_HARD_LOCKUP, THING_CULPRIT },
	{ "RCU Stall", false, SAID_RCU_STALL, THING_RCU },
	{ "workqueue", false, SAID_WORKQUEUE, THING_WORK },
	{ "Fatal exception", true, 0, THING_DEAD },
	{ "Oopsed too often", true, 0, THING_DEAD },
	{ "Attempted to kill ", true, 0, THING_DEAD },
	{ "Aiee, killing interrupt handler", true, 0, THING_DEAD },
};

static const struct task_row *by_pid(const struct report *r, int64_t pid)
{
	for (size_t i = 0; i < r->tasks.nr; i++) {
		if (r->tasks.data[i].pid == pid && !r->tasks.data[i].x.unlisted)
			return &r->tasks.data[i];
	}
	return NULL;
}

static void find_reason(struct triage *t, struct finding *f, size_t record, const char *reason)
{
	size_t i = 0;
	int64_t of = -1;

	while (i < ARRAY_SIZE(reasons) && strncmp(reason, reasons[i].reason, strlen(reasons[i].reason)))
		i++;
	if (i == ARRAY_SIZE(reasons))
		return;
	size_t at = reasons[i].oops ? LOG_NONE : triage_log_complaint(t, reasons[i].complaint, record, &of);
	if (at != LOG_NONE) {
		const struct task_row *task = reasons[i].complaint == SAID_HUNG_TASK ? by_pid(t->r, of) : NULL;

		triage_log_evidence(t, f, at);
		if (task)
			triage_needs(t, f, THING_TASK, task->kva.v);
		else if (of >= 0 && reasons[i].complaint != SAID_HUNG_TASK)
			triage_needs(t, f, THING_CPU, (uint64_t)of);
	}
	triage_needs(t, f, reasons[i].any, 0);
}

static void judge(struct triage *t)
{
	static const char *const words[] = { said, NULL };
	const struct kernel_info *k = &t->r->kernel;

	if (!k->panic_known) {
		triage_unexamined(t, "whether a CPU panics is not known");
		return;
	}
	if (!k->panic_cpu.has)
		return;

	size_t at = triage_log_find(t, 0, words);
	const char *reason = at == LOG_NONE ? NULL : strstr(triage_log_text(t, at), said) + strlen(said);
	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel has panicked on CPU %" PRIu64 "%s%s", k->panic_cpu.v,
				       reason ? ": " : "", reason ? reason : "");

	triage_name_cpu(f, k->panic_cpu.v);
	triage_ends_all(t, f, at == LOG_NONE ? -1 : triage_log_age(t, at));
	triage_num(t, f, k->panic_cpu.v, "fdgdb.kernel.panic_cpu");
	if (reason) {
		triage_log_evidence(t, f, at);
		find_reason(t, f, at, reason);
	}
	if (k->nr_oopses.v)
		triage_num(t, f, k->nr_oopses.v, "fdgdb.kernel.nr_oopses");
	triage_next(t, f, "%s", reason ? "the log before the panic, and the stack of that CPU" :
					 "the stack of that CPU, and the kernel's log, where it is to be had");
}

const struct triage_rule rule_panic = {
	.id = "panic",
	.judge = judge,
};
