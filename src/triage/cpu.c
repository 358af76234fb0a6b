/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/cpu.h"
#include "triage/sleep.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

static const double NS = 1e9;

const struct kstack_row *triage_cpu_stack(const struct report *r, const struct cpu_row *c)
{
	for (size_t i = 0; i < r->stacks.nr && c->vcpu.has; i++) {
		const struct kstack_row *s = &r->stacks.data[i];

		if (s->has_vcpu && s->vcpu == c->vcpu.v)
			return s;
	}
	return NULL;
}

const struct kstack_frame *triage_bpf_frame(const struct kstack_row *s, size_t *ret)
{
	const struct kstack_frame *found = NULL;

	for (size_t i = 0; i < s->nr_frames; i++) {
		if (!s->frames[i].prog_id)
			continue;
		found = &s->frames[i];
		*ret = i;
	}
	return found;
}

double triage_cpu_stuck_for(const struct report *r, const struct cpu_row *c)
{
	const struct detectors *d = &r->cpus.detectors;
	double late = c->timer_late.has ? (double)c->timer_late.v / NS : 0;

	if (late < TRIAGE_CPU_LATE_S)
		late = 0;
	if (c->softlockup_age.has && d->watchdog_thresh.v && c->softlockup_age.v > d->watchdog_thresh.v)
		return MAX(late, (double)c->softlockup_age.v);
	return late;
}

/* Functions in which a CPU waits for another one without letting go of itself. */
static const char *const spins_in[] = {
	"queued_spin_lock_slowpath", "native_queued_spin_lock_slowpath", "__pv_queued_spin_lock_slowpath",
	"resilient_queued_spin_lock_slowpath", "resilient_tas_spin_lock",
	"queued_read_lock_slowpath", "queued_write_lock_slowpath",
	"csd_lock_wait", "__csd_lock_wait", "smp_call_function_*", /* with the wait inlined */
	"multi_cpu_stop", /* until all CPUs have come */
	"watchdog_check_skew", /* 7.3's check of the clock source: another CPU has to answer */
	NULL,
};

static bool find_spin(const struct kstack_row *s, size_t *frame)
{
	return s && triage_has_frame(s, spins_in, frame);
}

const struct wait_row *triage_spin_row(struct triage *t, const struct cpu_row *c, size_t *ret)
{
	size_t row = c->has_curr ? wait_row_of(t, c->curr) : WAIT_NONE;

	if (row == WAIT_NONE || !wait_kind_spins(t->r->waits.data[row].kind))
		return NULL;
	*ret = row;
	return &t->r->waits.data[row];
}

bool triage_cpu_spins(struct triage *t, const struct cpu_row *c)
{
	size_t i;

	return triage_spin_row(t, c, &i) || find_spin(triage_cpu_stack(t->r, c), &i);
}

static void needs_another(struct triage *t, struct finding *f, const struct cpu_row *c)
{
	size_t row;
	const struct wait_row *w = triage_spin_row(t, c, &row);
	const struct task_row *holder = w && w->has_holder ? report_task(t->r, w->holder.task) : NULL;

	if (w)
		wait_evidence(t, f, row);
	if (holder)
		triage_needs_task(t, f, holder);
	for (size_t i = 0; w && i < w->nr_cpus; i++)
		triage_needs(t, f, THING_CPU, w->cpus[i]);
	if (holder || (w && w->nr_cpus))
		return;
	triage_needs(t, f, THING_CULPRIT, 0);
	/* Nobody has it: maybe a task that an oops has ended. */
	triage_needs(t, f, THING_DEAD, 0);
}

void triage_about_stuck_cpu(struct triage *t, struct finding *f, const struct cpu_row *c)
{
	const struct kstack_row *s = triage_cpu_stack(t->r, c);
	size_t frame;

	triage_about_cpu(t, f, c->cpu);
	if (c->has_curr)
		triage_stuck(t, f, THING_TASK, c->curr.v);
	triage_needs(t, f, THING_CPU, c->cpu);
	if (find_spin(s, &frame))
		triage_text(t, f, s->frames[frame].symbol, "fdgdb.stacks[%zu].frames[%zu].symbol",
			    (size_t)(s - t->r->stacks.data), frame);
	else if (!triage_spin_row(t, c, &frame)) {
		triage_stuck(t, f, THING_CULPRIT, 0);
		return;
	}
	needs_another(t, f, c);
}

const char *triage_spin_text(struct triage *t, const struct cpu_row *c)
{
	const struct kstack_row *s = triage_cpu_stack(t->r, c);
	size_t frame, row;
	const struct wait_row *w = triage_spin_row(t, c, &row);

	if (!w)
		return find_spin(s, &frame) ? triage_printf(t, "; it waits for another CPU, in %s", s->frames[frame].symbol) :
					      "";
	if (!w->has_holder || !w->holder.comm)
		return triage_printf(t, "; it spins for %s", wait_lock_text(t, w));
	return triage_printf(t, "; it spins for %s, %sheld by %s[%" PRId32 "]", wait_lock_text(t, w),
			     w->holder.basis == WAIT_RECORDED ? "" : "probably ", w->holder.comm, w->holder.pid);
}

void triage_cpu_evidence(struct triage *t, struct finding *f, const struct cpu_row *c)
{
	size_t i = triage_cpu_index(t, c);

	if (c->has_curr) {
		triage_int(t, f, c->curr_pid, "fdgdb.cpus[%zu].curr_pid", i);
		triage_text(t, f, c->curr_comm, "fdgdb.cpus[%zu].curr_comm", i);
	}
	if (c->vcpu.has && c->vcpu.v < t->r->vcpus.nr && t->r->vcpus.data[c->vcpu.v].ok)
		triage_hex(t, f, t->r->vcpus.data[c->vcpu.v].ip,
			   "vcpu_regs[%" PRIu64 "].instruction_pointer", c->vcpu.v);
}

const char *triage_where_text(struct triage *t, const struct cpu_row *c)
{
	if (!c->vcpu.has)
		return triage_printf(t, "where CPU %" PRIu32 " is (which vCPU that is, is not known)", c->cpu);
	return triage_printf(t, "where vCPU %" PRIu64 " is", c->vcpu.v);
}
