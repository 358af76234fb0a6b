/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU that takes no timer interrupt: with its interrupts off, or whatever else keeps it from that. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

static const double NS = 1e9, WARNING_S = 5, ERROR_S = 10;

static void judge_cpu(struct triage *t, size_t i)
{
	const struct cpu_row *c = &t->r->cpus.rows.data[i];
	double late = (double)c->timer_late.v / NS;

	if (!c->timer_late.has || late < WARNING_S)
		return;

	bool off = c->has_irqs && !c->irqs_on;
	struct finding *f = triage_add(t, late >= ERROR_S ? SEVERITY_ERROR : SEVERITY_WARNING,
				       off ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "CPU %" PRIu32 " has taken no timer interrupt for %.1f s%s; it runs "
				       "%s[%" PRId32 "]",
				       c->cpu, late, off ? ": its interrupts are off" : "", c->curr_comm,
				       c->curr_pid);
	triage_about_stuck_cpu(t, f, c);
	triage_num(t, f, c->timer_late.v, "fdgdb.cpus[%zu].timer_late_ns", i);
	if (c->has_irqs)
		triage_bool(t, f, c->irqs_on, "fdgdb.cpus[%zu].irqs_on", i);
	if (c->has_curr) {
		triage_int(t, f, c->curr_pid, "fdgdb.cpus[%zu].curr_pid", i);
		triage_text(t, f, c->curr_comm, "fdgdb.cpus[%zu].curr_comm", i);
	}
	if (c->vcpu.has && c->vcpu.v < t->r->vcpus.nr && t->r->vcpus.data[c->vcpu.v].ok)
		triage_hex(t, f, t->r->vcpus.data[c->vcpu.v].ip,
			   "vcpu_regs[%" PRIu64 "].instruction_pointer", c->vcpu.v);
	triage_next(t, f, "where vCPU %" PRIu64 " is, and who turned the interrupts off", c->vcpu.v);
}

static void judge(struct triage *t)
{
	const struct cpu_state *s = &t->r->cpus;

	for (size_t i = 0; i < s->rows.nr; i++)
		judge_cpu(t, i);
	/* The clock itself is kept by timer interrupts. */
	if (s->rows.nr == 1)
		triage_unexamined(t, "with a single CPU, that it takes no timer interrupt cannot be told "
				     "from time standing still");
}

const struct triage_rule rule_irqs_off = {
	.id = "irqs-off",
	.sections = { "cpus" },
	.causes = { { "panic", LINK_ANY }, { "bpf-loop", LINK_CPU }, { "bpf-loop", LINK_SPIN },
		    { "irqs-off", LINK_SPIN }, { "softlockup", LINK_SPIN } },
	.judge = judge,
};
