/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU on which not even the highest scheduling class gets to run. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

enum { SOFT_ENABLED = 1 << 1 /* WATCHDOG_SOFTOCKUP_ENABLED */ };

static void judge_cpu(struct triage *t, size_t i, uint64_t thresh)
{
	const struct cpu_row *c = &t->r->cpus.rows.data[i];

	/* A healthy CPU renews the stamp every 2/5 of the threshold, which is half the limit. */
	if (!c->softlockup_age.has || c->softlockup_age.v <= thresh)
		return;

	bool over = c->softlockup_age.v > 2 * thresh;
	struct finding *f = triage_add(t, over ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "CPU %" PRIu32 " has not scheduled for %" PRIu64 " s: %s[%" PRId32
				       "] does not let go of it",
				       c->cpu, c->softlockup_age.v, c->curr_comm, c->curr_pid);
	triage_about_stuck_cpu(t, f, c);
	triage_num(t, f, c->softlockup_age.v, "fdgdb.cpus[%zu].softlockup_age_s", i);
	triage_num(t, f, thresh, "fdgdb.detectors.watchdog_thresh_s");
	if (c->has_curr) {
		triage_int(t, f, c->curr_pid, "fdgdb.cpus[%zu].curr_pid", i);
		triage_text(t, f, c->curr_comm, "fdgdb.cpus[%zu].curr_comm", i);
	}
	if (c->preempt_count.has)
		triage_num(t, f, c->preempt_count.v, "fdgdb.cpus[%zu].preempt_count", i);
	if (c->has_need_resched)
		triage_bool(t, f, c->need_resched, "fdgdb.cpus[%zu].need_resched", i);
	if (c->vcpu.has && c->vcpu.v < t->r->vcpus.nr && t->r->vcpus.data[c->vcpu.v].ok)
		triage_hex(t, f, t->r->vcpus.data[c->vcpu.v].ip,
			   "vcpu_regs[%" PRIu64 "].instruction_pointer", c->vcpu.v);
	triage_next(t, f, "where vCPU %" PRIu64 " is: what it waits for there without sleeping", c->vcpu.v);
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
		judge_cpu(t, i, d->watchdog_thresh.v);
}

const struct triage_rule rule_softlockup = {
	.id = "softlockup",
	.sections = { "cpus" },
	.causes = { { "panic", LINK_ANY }, { "bpf-loop", LINK_CPU }, { "irqs-off", LINK_CPU },
		    { "bpf-loop", LINK_SPIN }, { "irqs-off", LINK_SPIN }, { "softlockup", LINK_SPIN } },
	.judge = judge,
};
