/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lock that its holder keeps for long, with others waiting for it. */
#include "config.h"

#include "base/addr-set.h"
#include "triage/rules.h"
#include "triage/sleep.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

/* Those whose chains end with the same lock. */
struct queue {
	size_t nr;
	double worst_s;
};

/* Of each row: the lock at the end of its chain; 0: it waits for no lock, or in a circle. */
static uint64_t *find_ends(struct triage *t)
{
	const struct report *r = t->r;
	uint64_t *ends = pool_calloc(&t->out->pool, r->waits.nr + 1, sizeof(*ends));

	if (!ends) {
		t->nomem = true;
		return NULL;
	}
	for (size_t i = 0; i < r->waits.nr; i++) {
		struct wait_chain c;

		if (!wait_is_lock(&r->waits.data[i]))
			continue;
		c = wait_follow(t, i);
		if (!c.cycle)
			ends[i] = r->waits.data[c.end].lock.v;
	}
	return ends;
}

static struct queue count(struct triage *t, const uint64_t *ends, uint64_t lock)
{
	const struct report *r = t->r;
	struct queue q = { 0 };

	for (size_t i = 0; i < r->waits.nr; i++) {
		const struct task_row *task = report_task(r, r->waits.data[i].task);
		double seconds;

		if (ends[i] != lock)
			continue;
		q.nr++;
		if (task && triage_sleeps_long(r, task, &seconds) && seconds > q.worst_s)
			q.worst_s = seconds;
	}
	return q;
}

/* "; it is in foo()": what the holder does. */
static const char *doing(struct triage *t, const struct task_row *holder)
{
	const char *where = holder ? triage_wchan(t->r, holder) : NULL, *text;

	if (!holder)
		return "";
	if (holder->running)
		text = pool_printf(&t->out->pool, ", which runs on CPU %" PRIu32, holder->cpu);
	else if (where)
		text = pool_printf(&t->out->pool, ", which sleeps in %s", where);
	else
		return "";
	if (!text)
		t->nomem = true;
	return text ? text : "";
}

static void judge_lock(struct triage *t, const uint64_t *ends, size_t row)
{
	const struct wait_row *w = &t->r->waits.data[row];
	const struct opt_u64 *limit = &t->r->cpus.detectors.hung_task_timeout;
	const struct task_row *holder = w->has_holder ? report_task(t->r, w->holder.task) : NULL;
	struct queue q = count(t, ends, w->lock.v);

	if (q.worst_s < TRIAGE_LONG_S)
		return;

	bool over = limit->has && limit->v && q.worst_s >= (double)limit->v;
	bool recorded = w->has_holder && w->holder.basis == WAIT_RECORDED;
	const char *who = w->has_holder ? pool_printf(&t->out->pool, "%s%s[%" PRId32 "]%s",
						      recorded ? "" : "probably ",
						      w->holder.comm ? w->holder.comm : "?", w->holder.pid,
						      doing(t, holder)) :
					  "it is not known whom";
	if (!who) {
		t->nomem = true;
		return;
	}

	struct finding *f = triage_add(t, over ? SEVERITY_ERROR : SEVERITY_WARNING,
				       recorded ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "%zu task%s ha%s been waiting for up to %.1f s for %s, held by %s", q.nr,
				       q.nr > 1 ? "s" : "", q.nr > 1 ? "ve" : "s", q.worst_s,
				       wait_lock_text(t, w), who);
	if (w->has_holder)
		triage_about_pid(f, w->holder.pid);
	else
		triage_about_pid(f, w->pid);
	wait_evidence(t, f, row);
	if (holder)
		triage_sleep_evidence(t, f, holder);
	triage_next(t, f, "the stack of the holder: why it does not let go");
}

static void judge(struct triage *t)
{
	const uint64_t *ends = find_ends(t);
	struct addr_set seen = { 0 };

	/* The first row that waits for a lock itself tells about all whose chains end there. */
	for (size_t i = 0; i < t->r->waits.nr && ends; i++) {
		const struct wait_row *w = &t->r->waits.data[i];
		bool is_new = false;
		struct err *e;

		if (!ends[i] || ends[i] != w->lock.v)
			continue;
		e = addr_set_add(&seen, w->lock.v, &is_new);
		t->nomem |= e != NULL;
		err_ignore(e);
		if (is_new)
			judge_lock(t, ends, i);
	}
	addr_set_deinit(&seen);
}

const struct triage_rule rule_lock_held = {
	.id = "lock-held",
	.sections = { "waits", "tasks" },
	.causes = { { "panic", LINK_ANY }, { "userfault", LINK_PID }, { "fuse", LINK_PID },
		    { "workqueue-stuck", LINK_PID } },
	.judge = judge,
};
