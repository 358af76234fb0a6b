/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/triage.h"

#include <inttypes.h>

/* ---- what rules call */

struct finding *triage_add(struct triage *t, enum severity severity, enum confidence confidence,
			   const char *fmt, ...)
{
	struct finding *f = pool_alloc(&t->out->pool, sizeof(*f));
	struct finding **slot = f ? vec_push(&t->out->findings.rows) : NULL;
	va_list ap;

	if (!slot) {
		t->nomem = true;
		return NULL;
	}
	*slot = f;
	f->id = triage_rules[t->rule]->id;
	f->rule = t->rule;
	f->severity = severity;
	f->confidence = confidence;
	va_start(ap, fmt);
	f->summary = pool_vprintf(&t->out->pool, fmt, ap);
	va_end(ap);
	if (!f->summary)
		t->nomem = true;
	return f;
}

void triage_next(struct triage *t, struct finding *f, const char *fmt, ...)
{
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	f->look_next = pool_vprintf(&t->out->pool, fmt, ap);
	va_end(ap);
	if (!f->look_next)
		t->nomem = true;
}

void triage_about_cpu(struct finding *f, uint64_t cpu)
{
	if (f)
		f->cpu = (struct opt_u64){ true, cpu };
}

/* Parts of names of functions in which a CPU waits for another one without letting go of itself. */
static const char *const spins_in[] = {
	"spin_lock_slowpath", /* native_queued_..., __pv_queued_..., resilient_queued_... */
	"queued_read_lock_slowpath",
	"queued_write_lock_slowpath",
	"csd_lock_wait",
	"smp_call_function_", /* _single, _many_cond: with the wait inlined */
	"watchdog_check_skew", /* 7.3's check of the clock source: another CPU has to answer */
};

static bool is_spin(const struct kstack_frame *frame)
{
	if (frame->kind == FRAME_GUESS || frame->kind == FRAME_USER || !frame->symbol)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(spins_in); i++) {
		if (strstr(frame->symbol, spins_in[i]))
			return true;
	}
	return false;
}

void triage_about_stuck_cpu(struct triage *t, struct finding *f, const struct cpu_row *c)
{
	triage_about_cpu(f, c->cpu);
	for (size_t i = 0; i < t->r->stacks.nr && f && c->vcpu.has; i++) {
		const struct kstack_row *s = &t->r->stacks.data[i];

		if (!s->has_vcpu || s->vcpu != c->vcpu.v)
			continue;
		for (size_t k = 0; k < s->nr_frames && !f->spins; k++) {
			const struct kstack_frame *frame = &s->frames[k];

			if (!is_spin(frame))
				continue;
			f->spins = true;
			triage_text(t, f, frame->symbol, "fdgdb.stacks[%zu].frames[%zu].symbol", i, k);
		}
	}
}

void triage_about_pid(struct finding *f, int32_t pid)
{
	if (f)
		f->pid = (struct opt_i32){ true, pid };
}

void triage_about_dsq(struct finding *f, uint64_t id)
{
	if (f)
		f->dsq = (struct opt_u64){ true, id };
}

static void add_evidence(struct triage *t, struct finding *f, struct evidence v, const char *fmt,
			 va_list ap)
{
	if (!f)
		return;
	v.path = pool_vprintf(&t->out->pool, fmt, ap);
	struct evidence *e = (struct evidence *)pool_memdup(&t->out->pool, &v, sizeof(v));
	if (!v.path || !e) {
		t->nomem = true;
		return;
	}
	if (f->last_evidence)
		f->last_evidence->next = e;
	else
		f->evidence = e;
	f->last_evidence = e;
}

#define EVIDENCE(value)                                                                            \
	va_list ap;                                                                                \
	va_start(ap, fmt);                                                                         \
	add_evidence(t, f, (struct evidence)value, fmt, ap);                                       \
	va_end(ap)
#define VALUE(...) { __VA_ARGS__ }

void triage_num(struct triage *t, struct finding *f, uint64_t v, const char *fmt, ...)
{
	EVIDENCE(VALUE(.kind = EVIDENCE_NUM, .num = v));
}

void triage_hex(struct triage *t, struct finding *f, uint64_t v, const char *fmt, ...)
{
	EVIDENCE(VALUE(.kind = EVIDENCE_HEX, .num = v));
}

void triage_int(struct triage *t, struct finding *f, int64_t v, const char *fmt, ...)
{
	EVIDENCE(VALUE(.kind = EVIDENCE_INT, .num = (uint64_t)v));
}

void triage_bool(struct triage *t, struct finding *f, bool v, const char *fmt, ...)
{
	EVIDENCE(VALUE(.kind = EVIDENCE_BOOL, .num = v));
}

void triage_seconds(struct triage *t, struct finding *f, double v, const char *fmt, ...)
{
	EVIDENCE(VALUE(.kind = EVIDENCE_SECONDS, .seconds = v));
}

void triage_text(struct triage *t, struct finding *f, const char *v, const char *fmt, ...)
{
	EVIDENCE(VALUE(.kind = EVIDENCE_TEXT, .text = v));
}

void triage_unexamined(struct triage *t, const char *fmt, ...)
{
	const char *id = triage_rules[t->rule]->id;
	struct findings *fs = &t->out->findings;
	va_list ap;

	va_start(ap, fmt);
	const char *why = pool_vprintf(&t->out->pool, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < fs->unexamined.nr && why; i++) {
		const struct unexamined *u = &fs->unexamined.data[i];

		if (u->id == id && !strcmp(u->why, why))
			return;
	}
	struct unexamined *u = why ? vec_push(&fs->unexamined) : NULL;
	if (!u) {
		t->nomem = true;
		return;
	}
	*u = (struct unexamined){ id, why };
}

/* ---- before and after the rules */

/* What the rule cannot see because it was not collected. */
static void check_sections(struct triage *t, const struct triage_rule *rule)
{
	for (size_t i = 0; rule->sections[i]; i++) {
		const char *name = rule->sections[i];
		const struct section *s = report_find_section(t->r, name);

		if (!s)
			triage_unexamined(t, "%s: not collected", name);
		else if (s->status != SECTION_COMPLETE && s->status != SECTION_NOT_IN_KERNEL)
			triage_unexamined(t, "%s: %s%s%s", name, section_status_text(s->status),
					  s->detail ? ": " : "", s->detail ? s->detail : "");
		else if (s->cut)
			triage_unexamined(t, "%s: cut: %s", name, s->cut);
	}
}

/* The rule's id and what the finding is about, and a number should that not do. */
static void set_key(struct triage *t, size_t which)
{
	struct findings *fs = &t->out->findings;
	struct finding *f = fs->rows.data[which];
	struct pool *pool = &t->out->pool;

	if (f->cpu.has)
		f->key = pool_printf(pool, "%s@cpu%" PRIu64, f->id, f->cpu.v);
	else if (f->dsq.has)
		f->key = pool_printf(pool, "%s@dsq0x%" PRIx64, f->id, f->dsq.v);
	else if (f->pid.has)
		f->key = pool_printf(pool, "%s@pid%" PRId32, f->id, f->pid.v);
	else
		f->key = f->id;
	for (size_t i = 0; i < which && f->key; i++) {
		if (!strcmp(fs->rows.data[i]->key, f->key)) {
			f->key = pool_printf(pool, "%s#%zu", f->key, which);
			break;
		}
	}
	if (!f->key) {
		t->nomem = true;
		f->key = f->id;
	}
}

static bool agree(const struct finding *a, const struct finding *b, enum triage_link link)
{
	switch (link) {
	case LINK_ANY:
		return true;
	case LINK_CPU:
		return a->cpu.has && b->cpu.has && a->cpu.v == b->cpu.v;
	case LINK_ANYWHERE:
		return !a->cpu.has && b->cpu.has;
	case LINK_PID:
		return a->pid.has && b->pid.has && a->pid.v == b->pid.v;
	case LINK_SPIN:
		return a->spins && b->cpu.has && !b->spins;
	case LINK_NONE:
		break;
	}
	return false;
}

static bool follows_from(const struct finding *f, const struct finding *maybe_cause)
{
	for (; f; f = f->cause) {
		if (f == maybe_cause)
			return true;
	}
	return false;
}

static void link_cause(const struct findings *fs, struct finding *f)
{
	const struct triage_cause *c = triage_rules[f->rule]->causes;

	for (; c->id && !f->cause; c++) {
		for (size_t i = 0; i < fs->rows.nr && !f->cause; i++) {
			struct finding *other = fs->rows.data[i];

			/* What follows from f can not be its cause, whatever the tables say. */
			if (!strcmp(other->id, c->id) && agree(f, other, c->link) &&
			    !follows_from(other, f))
				f->cause = other;
		}
	}
}

static const struct finding *root_of(const struct finding *f)
{
	while (f->cause)
		f = f->cause;
	return f;
}

static int by_weight(const void *a, const void *b)
{
	const struct finding *x = *(struct finding *const *)a, *y = *(struct finding *const *)b;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->confidence != y->confidence)
		return x->confidence > y->confidence ? -1 : 1;
	if (!x->cause != !y->cause)
		return x->cause ? 1 : -1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return strcmp(x->key, y->key);
}

struct err *triage_run(struct report *r)
{
	struct triage t = { .r = r, .out = r };
	struct findings *fs = &r->findings;

	for (t.rule = 0; t.rule < nr_triage_rules; t.rule++) {
		const struct triage_rule *rule = triage_rules[t.rule];

		check_sections(&t, rule);
		rule->judge(&t);
	}
	for (size_t i = 0; i < fs->rows.nr; i++)
		set_key(&t, i);
	for (size_t i = 0; i < fs->rows.nr; i++)
		link_cause(fs, fs->rows.data[i]);
	for (size_t i = 0; i < fs->rows.nr; i++) {
		struct finding *f = fs->rows.data[i];

		f->caused_by = f->cause ? root_of(f)->key : NULL;
	}
	if (fs->rows.nr)
		qsort(fs->rows.data, fs->rows.nr, sizeof(*fs->rows.data), by_weight);
	triage_narrow(r);
	fs->nr_rules = nr_triage_rules;
	if (t.nomem)
		return &err_nomem;
	fs->ran = true;
	return report_section(r, "findings", SECTION_COMPLETE, NULL);
}
