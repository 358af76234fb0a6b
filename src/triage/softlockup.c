/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU on which not even the highest scheduling class gets to run. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

enum { SOFT_ENABLED = 1 << 1 /* WATCHDOG_SOFTOCKUP_ENABLED */ };

static void judge_cpu(struct triage *t, const struct cpu_row *c, uint64_t thresh)
{
	size_t i = triage_cpu_index(t, c);

	/* A healthy CPU renews the stamp every 2/5 of the threshold, which is half the limit. */
	if (!c->softlockup_age.has || c->softlockup_age.v <= thresh)
		return;

	bool over = c->softlockup_age.v > 2 * thresh;
	struct finding *f = triage_add(t, over ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "CPU %" PRIu32 " has not scheduled for %" PRIu64 " s: %s[%" PRId32
				       "] does not let go of it%s",
				       c->cpu, c->softlockup_age.v, c->curr_comm, c->curr_pid,
				       triage_spin_text(t, c));

	triage_lasts(t, f, (double)c->softlockup_age.v, (double)thresh);
	triage_num(t, f, c->softlockup_age.v, "fdgdb.cpus[%zu].softlockup_age_s", i);
	triage_num(t, f, thresh, "fdgdb.detectors.watchdog_thresh_s");
	triage_about_stuck_cpu(t, f, c);
	triage_cpu_evidence(t, f, c);
	triage_log_confirm(t, f, SAID_SOFT_LOCKUP, c->cpu, (double)c->softlockup_age.v);
	if (c->preempt_count.has)
		triage_num(t, f, c->preempt_count.v, "fdgdb.cpus[%zu].preempt_count", i);
	if (c->has_need_resched)
		triage_bool(t, f, c->need_resched, "fdgdb.cpus[%zu].need_resched", i);
	triage_next(t, f, "%s: what it waits for there without sleeping", triage_where_text(t, c));
}

static void judge(struct triage *t)
{
	const struct detectors *d = &t->r->cpus.detectors;

	if (!t->r->cpus.collected)
		return;
	if (!d->watchdog_enabled.has || !d->watchdog_thresh.has) {
		triage_unexamined(t, "this kernel has no soft lockup detector");
		return;
	}
	if (!(d->watchdog_enabled.v & SOFT_ENABLED) || !d->watchdog_thresh.v) {
		triage_unexamined(t, "the guest's soft lockup detector is off");
		return;
	}
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		judge_cpu(t, &t->r->cpus.rows.data[i], d->watchdog_thresh.v);
}

const struct triage_rule rule_softlockup = {
	.id = "softlockup",
	.sections = { "cpus" },
	.by_clocks = true,
	.judge = judge,
};
