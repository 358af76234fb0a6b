/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that wait for each other in a circle. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

enum { NAMED = 4 };

/* A hint of long ago and a wait of just now make no circle. */
static bool all_sleep_long(struct triage *t, const struct wait_chain *c)
{
	size_t row = c->end;
	double seconds;

	for (size_t i = 0; i < c->nr; i++, row = wait_next(t, row)) {
		const struct task_row *task = report_task(t->r, t->r->waits.data[row].task);

		if (!task || !triage_sleeps_long(t->r, task, &seconds))
			return false;
	}
	return true;
}

static void judge_cycle(struct triage *t, const struct wait_chain *c, size_t behind)
{
	const struct report *r = t->r;
	bool certain = c->basis == WAIT_RECORDED;
	const char *who = "";
	size_t row = c->end;

	for (size_t i = 0; i < c->nr && i < NAMED && who; i++, row = wait_next(t, row)) {
		const struct wait_row *w = &r->waits.data[row];

		who = pool_printf(&t->out->pool, "%s%s%s[%" PRId32 "] waits for %s", who, i ? ", " : "",
				  w->comm ? w->comm : "?", w->pid, wait_lock_text(t, w));
	}
	if (!who) {
		t->nomem = true;
		return;
	}

	struct finding *f = triage_add(t, certain ? SEVERITY_ERROR : SEVERITY_WARNING,
				       certain ? CONFIDENCE_CERTAIN : CONFIDENCE_POSSIBLE,
				       "%s: %zu tasks wait for each other%s: %s%s%s",
				       certain ? "deadlock" : "maybe a deadlock", c->nr,
				       behind ? ", and others behind them" : "", who,
				       c->nr > NAMED ? " ..." : "",
				       certain ? "" : "; not every holder is recorded by its lock");
	triage_about_pid(f, r->waits.data[c->end].pid);
	row = c->end;
	for (size_t i = 0; i < c->nr && i < NAMED; i++, row = wait_next(t, row))
		wait_evidence(t, f, row);
	triage_next(t, f, "the stacks of these tasks: in which order each took its locks");
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->waits.nr; i++) {
		struct wait_chain c = wait_follow(t, i);
		size_t behind = 0;

		if (!c.cycle || c.end != i)
			continue;
		if (c.basis != WAIT_RECORDED && !all_sleep_long(t, &c))
			continue;
		for (size_t k = 0; k < t->r->waits.nr; k++) {
			struct wait_chain other = wait_follow(t, k);

			behind += other.cycle && other.end == i;
		}
		judge_cycle(t, &c, behind - c.nr);
	}
}

const struct triage_rule rule_deadlock = {
	.id = "deadlock",
	.sections = { "waits", "tasks" },
	.causes = { { "panic", LINK_ANY } },
	.judge = judge,
};
