/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No CPU takes interrupts.  The guest's clocks are kept by interrupts: no rule that asks since when can see such a
 * hang.  But for a moment a healthy guest may be so, too, the sooner the fewer CPUs it has; only who waits for what
 * will not come, or halts for good, does not come back by itself.
 */
#include "config.h"

#include "triage/cpu.h"
#include "triage/rules.h"

#include <inttypes.h>

/* So many CPUs, each for itself, are not all so by chance. */
enum { TOO_MANY = 4 };

/* What is known of those CPUs. */
struct sum {
	size_t nr, nr_spin, nr_halted, nr_found;
	size_t nr_waiting; /* for another one: not for themselves */
};

/* For a spin lock that somebody holds: not one that is just going from hand to hand, and that nobody else waits for. */
static bool spins(struct triage *t, const struct cpu_row *c)
{
	size_t row;
	const struct wait_row *w = triage_spin_row(t, c, &row);

	return w && w->kind == WAIT_SPINLOCK && w->lock.v && (w->count.v & 0xff);
}

static struct sum add_up(struct triage *t)
{
	const struct cpu_state *s = &t->r->cpus;
	struct sum sum = { .nr = s->rows.nr };

	for (size_t i = 0; i < s->rows.nr; i++) {
		const struct cpu_row *c = &s->rows.data[i];

		sum.nr_halted += c->place == CPU_HALTED && !c->idle;
		sum.nr_spin += spins(t, c);
		sum.nr_waiting += triage_cpu_spins(t, c);
		sum.nr_found += c->hard_warned;
	}
	return sum;
}

static const char *say_why(const struct sum *sum)
{
	return sum->nr_halted > 1   ? "; some have halted for good" :
	       sum->nr_halted	      ? "; one has halted for good" :
	       sum->nr_found	      ? "; the kernel has found it locked up" :
	       sum->nr_spin == sum->nr ? "; each spins for a lock that none of the others can let go of" :
					 "";
}

/* The outermost frame of a BPF program that one of the CPUs is in: if it loops there, the others wait for it. */
struct in_program {
	uint32_t cpu;
	size_t stack, frame;
	const struct kstack_frame *f; /* NULL: none is */
};

static struct in_program find_program(const struct report *r)
{
	struct in_program in = { 0 };

	for (size_t i = 0; i < r->cpus.rows.nr && !in.f; i++) {
		const struct kstack_row *s = triage_cpu_stack(r, &r->cpus.rows.data[i]);

		in.cpu = r->cpus.rows.data[i].cpu;
		in.stack = s ? (size_t)(s - r->stacks.data) : 0;
		in.f = s ? triage_bpf_frame(s, &in.frame) : NULL;
	}
	return in;
}

static const char *say_program(struct triage *t, const struct in_program *in)
{
	if (!in->f)
		return "";
	return triage_printf(t, "; CPU %" PRIu32 " is in the BPF program %s (id %" PRIu32 ")", in->cpu,
			     in->f->symbol ? in->f->symbol : "?", in->f->prog_id);
}

static void judge(struct triage *t)
{
	const struct cpu_state *s = &t->r->cpus;
	struct in_program in;
	struct sum sum;
	bool stuck;
	struct finding *f;

	if (!cpu_state_clocks_stand(s))
		return;
	sum = add_up(t);
	in = find_program(t->r);
	stuck = sum.nr_halted || sum.nr_found || sum.nr_spin == sum.nr || sum.nr - sum.nr_waiting >= TOO_MANY;
	f = triage_add(t, stuck ? SEVERITY_ERROR : SEVERITY_INFO,
		       sum.nr_halted ? CONFIDENCE_CERTAIN : stuck ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
		       "%s interrupts, so the guest's clocks %s%s%s",
		       sum.nr > 1 ? triage_printf(t, "none of the %zu CPUs takes", sum.nr) : "the only CPU takes no",
		       stuck ? "stand" : "may stand: for how long that has been so they do not tell", say_why(&sum), say_program(t, &in));
	triage_needs(t, f, THING_MACHINE, 0);
	for (size_t i = 0; i < s->rows.nr; i++) {
		triage_bool(t, f, false, "fdgdb.cpus[%zu].irqs_on", i);
		triage_needs(t, f, THING_CPU, s->rows.data[i].cpu);
	}
	if (in.f)
		triage_num(t, f, in.f->prog_id, "fdgdb.stacks[%zu].frames[%zu].prog_id", in.stack, in.frame);
	triage_needs(t, f, THING_CULPRIT, 0);
	triage_next(t, f, "%s", stuck ? "the stacks of the vCPUs" :
				      "a second report: if nothing has moved, each CPU hangs where its stack says");
}

const struct triage_rule rule_clocks_stand = {
	.id = "clocks-stand",
	.sections = { "cpus", "waits" },
	.judge = judge,
};
