/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU that does not come back from a BPF program. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

static const double NS = 1e9, LONG_S = 5;

/* For how long the CPU has done nothing else: no timer interrupt, or no scheduling. */
static double stuck_for(const struct report *r, const struct cpu_row *c)
{
	double late = (double)c->timer_late.v / NS;
	const struct detectors *d = &r->cpus.detectors;

	if (late >= LONG_S)
		return late;
	if (d->watchdog_thresh.v && c->softlockup_age.v > d->watchdog_thresh.v)
		return (double)c->softlockup_age.v;
	return 0;
}

static const struct prog_row *find_prog(const struct report *r, uint32_t id, size_t *ret)
{
	for (size_t i = 0; i < r->progs.nr; i++) {
		if (r->progs.data[i].id == id) {
			*ret = i;
			return &r->progs.data[i];
		}
	}
	return NULL;
}

/* The outermost program: what it called is part of the loop. */
static void judge_stack(struct triage *t, size_t row, const struct cpu_row *c, double seconds)
{
	const struct kstack_row *s = &t->r->stacks.data[row];
	const struct kstack_frame *in = NULL;
	size_t at = 0, prog = 0;

	for (size_t i = 0; i < s->nr_frames; i++) {
		if (s->frames[i].prog_id) {
			in = &s->frames[i];
			at = i;
		}
	}
	if (!in)
		return;

	const struct prog_row *p = find_prog(t->r, in->prog_id, &prog);
	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "CPU %" PRIu32 " has been in the BPF program %s (id %" PRIu32
				       ") for %.1f s: at %s+0x%" PRIx64,
				       c->cpu, p ? p->name : "?", in->prog_id, seconds,
				       in->symbol ? in->symbol : "?", in->offset);
	triage_about_cpu(f, c->cpu);
	if (c->timer_late.has)
		triage_num(t, f, c->timer_late.v, "fdgdb.cpus[%zu].timer_late_ns",
			   (size_t)(c - t->r->cpus.rows.data));
	triage_num(t, f, in->prog_id, "fdgdb.stacks[%zu].frames[%zu].prog_id", row, at);
	triage_hex(t, f, in->ip, "fdgdb.stacks[%zu].frames[%zu].ip", row, at);
	if (p)
		triage_text(t, f, p->name, "fdgdb.progs[%zu].name", prog);
	triage_next(t, f, "the loops of that program around this place, and what ends them");
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->stacks.nr; i++) {
		const struct kstack_row *s = &t->r->stacks.data[i];
		const struct cpu_row *c = NULL;

		if (!s->has_vcpu || s->vcpu >= t->r->vcpus.nr || !t->r->vcpus.data[s->vcpu].has_cpu)
			continue;
		c = cpu_state_find(&t->r->cpus, t->r->vcpus.data[s->vcpu].cpu);
		if (c && stuck_for(t->r, c) > 0)
			judge_stack(t, i, c, stuck_for(t->r, c));
	}
}

const struct triage_rule rule_bpf_loop = {
	.id = "bpf-loop",
	.sections = { "stacks", "cpus", "progs" },
	.causes = { { "panic", LINK_ANY } },
	.judge = judge,
};
