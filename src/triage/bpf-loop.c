/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU that does not come back from a BPF program. */
#include "config.h"

#include "triage/cpu.h"
#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>

/* The others may soon spin for what that CPU holds, and then no clock goes on: what it was late by before, counts. */
static const double NS = 1e9, LATE_S = 5, STANDS_S = 0.5;

enum { STRUCT_OPS = 27 /* BPF_PROG_TYPE_STRUCT_OPS */ };

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

/*
 * How sure it is that it is the program that does not end, and not what it came on top of.  An NMI, and an interrupt
 * if there are such, come on top of any loop.
 */
static enum confidence how_sure(const struct kstack_row *s, size_t frame, bool late)
{
	static const char *const softirq[] = { "handle_softirqs", "__do_softirq", "do_softirq*", NULL };
	const char *stack = s->frames[frame].stack;
	bool on_top = false;

	for (size_t i = frame + 1; i < s->nr_frames; i++)
		on_top |= s->frames[i].kind == FRAME_EXACT || s->frames[i].kind == FRAME_USER;
	if (!on_top || !stack)
		return CONFIDENCE_CERTAIN;
	if (!strcmp(stack, "nmi"))
		return CONFIDENCE_POSSIBLE;
	if (strcmp(stack, "irq") || late)
		return CONFIDENCE_CERTAIN;
	return triage_has_frame(s, softirq, NULL) ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE;
}

/* "trap.bpf.c:105: bpf_loop(...);", or the symbol where the program has no lines. */
static const char *place(const struct triage *t, const struct kstack_frame *f)
{
	const struct frame_line *l = f->source && f->source->nr_lines ? f->source->lines : NULL;
	const char *text = l ? frame_line_text(l) : "";
	struct pool *pool = &t->out->pool;

	if (!l || !l->file || !l->line)
		return pool_printf(pool, "%s+0x%" PRIx64, f->symbol ? f->symbol : "?", f->offset);
	return pool_printf(pool, "%s:%" PRIu32 "%s%s", frame_line_base(l), l->line, text[0] ? ": " : "", text);
}

static void line_evidence(struct triage *t, struct finding *f, size_t row, size_t at)
{
	const struct frame_source *source = t->r->stacks.data[row].frames[at].source;

	if (!source || !source->nr_lines || !source->lines->file)
		return;
	triage_text(t, f, source->lines->file, "fdgdb.stacks[%zu].frames[%zu].lines[0].file", row, at);
	if (source->lines->line)
		triage_num(t, f, source->lines->line, "fdgdb.stacks[%zu].frames[%zu].lines[0].line", row, at);
	if (source->lines->text)
		triage_text(t, f, source->lines->text, "fdgdb.stacks[%zu].frames[%zu].lines[0].text", row, at);
}

/* The outermost program: what it called is part of the loop. */
static void judge_stack(struct triage *t, const struct kstack_row *s, const struct cpu_row *c, double seconds)
{
	size_t at = 0, prog = 0, inner = s->nr_frames, row = (size_t)(s - t->r->stacks.data);
	const struct kstack_frame *in = triage_bpf_frame(s, &at);

	/* Of subprograms older kernels do not say whose they are. */
	for (size_t i = 0; i < s->nr_frames && inner == s->nr_frames; i++) {
		if (s->frames[i].source && s->frames[i].source->lines->text)
			inner = i;
	}
	if (!in)
		return;

	const struct prog_row *p = find_prog(t->r, in->prog_id, &prog);
	bool late = c->timer_late.has && (double)c->timer_late.v / NS >= LATE_S;
	enum confidence sure = how_sure(s, at, late);
	const char *name = p ? p->name : "?", *where = place(t, in);
	struct finding *f;

	if (sure == CONFIDENCE_POSSIBLE)
		f = triage_add(t, SEVERITY_WARNING, sure,
			       "CPU %" PRIu32 " was in the BPF program %s (id %" PRIu32
			       "), on top of what it has been in for %.1f s",
			       c->cpu, name, in->prog_id, seconds);
	else
		f = triage_add(t, SEVERITY_ERROR, sure,
			       "CPU %" PRIu32 " has been in the BPF program %s (id %" PRIu32
			       ") for %s%.1f s: at %s",
			       c->cpu, name, in->prog_id, cpu_state_clocks_stand(&t->r->cpus) ? "at least " : "",
			       seconds, where ? where : "?");
	triage_lasts(t, f, seconds, LATE_S);
	if (sure == CONFIDENCE_POSSIBLE) {
		triage_name_cpu(f, c->cpu);
		triage_needs(t, f, THING_CPU, c->cpu);
	} else {
		triage_about_cpu(t, f, c->cpu);
		triage_stuck(t, f, THING_CULPRIT, 0);
		if (c->has_curr)
			triage_stuck(t, f, THING_TASK, c->curr.v);
		if (p && p->type == STRUCT_OPS)
			triage_stuck(t, f, THING_PROGRAM, 0);
	}
	if (c->timer_late.has)
		triage_num(t, f, c->timer_late.v, "fdgdb.cpus[%zu].timer_late_ns", triage_cpu_index(t, c));
	triage_num(t, f, in->prog_id, "fdgdb.stacks[%zu].frames[%zu].prog_id", row, at);
	triage_hex(t, f, in->ip, "fdgdb.stacks[%zu].frames[%zu].ip", row, at);
	line_evidence(t, f, row, at);
	if (inner < at)
		line_evidence(t, f, row, inner);
	if (p)
		triage_text(t, f, p->name, "fdgdb.progs[%zu].name", prog);
	triage_next(t, f, "the loops of that program around this place, and what ends them");
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++) {
		const struct cpu_row *c = &t->r->cpus.rows.data[i];
		const struct kstack_row *s = triage_cpu_stack(t->r, c);
		double seconds = triage_cpu_stuck_for(t->r, c);

		if (seconds <= 0 && c->timer_late.has && (double)c->timer_late.v / NS >= STANDS_S &&
		    cpu_state_clocks_stand(&t->r->cpus))
			seconds = (double)c->timer_late.v / NS;
		if (s && seconds > 0)
			judge_stack(t, s, c, seconds);
	}
}

const struct triage_rule rule_bpf_loop = {
	.id = "bpf-loop",
	.sections = { "stacks", "cpus", "progs" },
	.by_clocks = true,
	.judge = judge,
};
