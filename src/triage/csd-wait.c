/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU that waits until another one has run a function that it has sent it. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/rules.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

/* The function that one CPU has still to run for the other; NULL: it is not known. */
static const struct cpu_call *find_call(const struct cpu_row *on, uint32_t from, size_t *ret)
{
	for (size_t i = 0; on && i < on->nr_calls; i++) {
		if (on->calls[i].from.has && on->calls[i].from.v == from) {
			*ret = i;
			return &on->calls[i];
		}
	}
	return NULL;
}

/*
 * From 7.3 on the CPU may run others while a task of it waits, and so is not stuck.  Since when that task waits is not
 * known; only that it will, for as long as the other CPU takes no interrupts.
 */
static void judge_task(struct triage *t, const struct cpu_row *c, const struct wait_row *w, const struct cpu_row *other)
{
	double seconds = other && !cpu_takes_interrupts(other) ? triage_cpu_stuck_for(t->r, other) : 0;

	if (seconds < TRIAGE_CPU_LATE_S)
		return;
	struct finding *f = triage_add(t, SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "%s[%" PRId32 "] on CPU %" PRIu32 " waits for %s, where no interrupt has been taken for %.1f s",
				       w->comm, w->pid, c->cpu, wait_lock_text(t, w), seconds);
	triage_name_cpu(f, c->cpu);
	triage_stuck(t, f, THING_TASK, w->task.v);
	for (size_t i = 0; i < w->nr_cpus; i++)
		triage_needs(t, f, THING_CPU, w->cpus[i]);
	wait_evidence(t, f, (size_t)(w - t->r->waits.data));
	triage_next(t, f, "what CPU %" PRIu32 " does, and why it does not take the interrupt", other->cpu);
}

static void judge_cpu(struct triage *t, const struct cpu_row *c)
{
	double seconds = triage_cpu_stuck_for(t->r, c);
	size_t row, at;
	const struct wait_row *w = triage_spin_row(t, c, &row);
	const struct cpu_row *other = w && w->nr_cpus ? cpu_state_find(&t->r->cpus, w->cpus[0]) : NULL;
	const struct cpu_call *call;
	struct finding *f;

	if (!w || w->kind != WAIT_CALL)
		return;
	if (seconds <= 0) {
		judge_task(t, c, w, other);
		return;
	}
	call = find_call(other, c->cpu, &at);
	f = triage_add(t, seconds >= 2 * TRIAGE_CPU_LATE_S ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
		       "CPU %" PRIu32 " has been waiting for %.1f s for %s%s%s%s", c->cpu, seconds, wait_lock_text(t, w),
		       call && call->func ? ", which has yet to run " : "", call && call->func ? call->func : "",
		       other && cpu_takes_interrupts(other) ? ", though that takes interrupts" : "");
	triage_lasts(t, f, seconds, TRIAGE_CPU_LATE_S);
	triage_about_stuck_cpu(t, f, c);
	triage_cpu_evidence(t, f, c);
	if (call && call->func)
		triage_text(t, f, call->func, "fdgdb.cpus[%zu].calls[%zu].func", triage_cpu_index(t, other), at);
	triage_next(t, f, "what that CPU does, and why it does not take the interrupt");
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		judge_cpu(t, &t->r->cpus.rows.data[i]);
}

const struct triage_rule rule_csd_wait = {
	.id = "csd-wait",
	.sections = { "cpus", "waits" },
	.by_clocks = true,
	.judge = judge,
};
