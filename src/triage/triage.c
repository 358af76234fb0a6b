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
	f->nr = t->out->findings.rows.nr;
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

/* ---- what it is about, and what it waits for */

static void add_tie(struct triage *t, struct finding *f, enum thing what, uint64_t id, bool needs)
{
	struct tie *tie = f ? vec_push(&t->ties) : NULL;

	if (!f)
		return;
	if (!tie) {
		t->nomem = true;
		return;
	}
	*tie = (struct tie){ f, what, id, needs, t->ties.nr };
}

void triage_stuck(struct triage *t, struct finding *f, enum thing what, uint64_t id)
{
	const struct task_row *task = what == THING_TASK ? report_task(t->r, (struct kva){ id }) : NULL;

	add_tie(t, f, what, id, false);
	if (task)
		t->explained[triage_task_index(t, task)] = true;
}

void triage_needs(struct triage *t, struct finding *f, enum thing what, uint64_t id)
{
	add_tie(t, f, what, id, true);
}

bool triage_is_explained(const struct triage *t, const struct task_row *task)
{
	return t->explained[triage_task_index(t, task)];
}

void triage_since(struct finding *f, double seconds)
{
	if (!f || seconds < 0)
		return;
	f->has_lasted = true;
	f->lasted = seconds;
}

void triage_lasts(struct triage *t, struct finding *f, double seconds, double grace)
{
	if (!f)
		return;
	triage_since(f, seconds);
	f->grace = grace;
	triage_needs(t, f, THING_MACHINE, 0);
}

void triage_ends_all(struct triage *t, struct finding *f, double seconds)
{
	if (!f)
		return;
	triage_since(f, seconds);
	f->ends_all = true;
	triage_stuck(t, f, THING_MACHINE, 0);
}

void triage_about_cpu(struct triage *t, struct finding *f, uint64_t cpu)
{
	triage_name_cpu(f, cpu);
	triage_stuck(t, f, THING_CPU, cpu);
}

void triage_name_cpu(struct finding *f, uint64_t cpu)
{
	if (f)
		f->cpu = (struct opt_u64){ true, cpu };
}

void triage_name_pid(struct finding *f, int32_t pid)
{
	if (f)
		f->pid = (struct opt_i32){ true, pid };
}

void triage_name_dsq(struct finding *f, uint64_t id)
{
	if (f)
		f->dsq = (struct opt_u64){ true, id };
}

/* ---- values */

PRINTF_LIKE(4, 0)
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

const char *triage_printf(struct triage *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const char *s = pool_vprintf(&t->out->pool, fmt, ap);
	va_end(ap);
	if (!s)
		t->nomem = true;
	return s ? s : "";
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

void triage_wants(struct triage *t, const char *section)
{
	const struct section *s = report_find_section(t->r, section);

	if (!s)
		triage_unexamined(t, "%s: not collected", section);
	else if (s->status != SECTION_COMPLETE && s->status != SECTION_NOT_IN_KERNEL)
		triage_unexamined(t, "%s: %s%s%s", section, section_status_text(s->status), s->detail ? ": " : "",
				  s->detail ? s->detail : "");
	else if (s->cut)
		triage_unexamined(t, "%s: cut: %s", section, s->cut);
}

/* ---- after the rules */

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

struct err *triage_run(struct report *r)
{
	struct triage t = { .r = r, .out = r };
	struct findings *fs = &r->findings;

	t.explained = pool_calloc(&r->pool, r->tasks.nr + 1, sizeof(*t.explained));
	if (!t.explained)
		return &err_nomem;
	for (t.rule = 0; t.rule < nr_triage_rules; t.rule++) {
		const struct triage_rule *rule = triage_rules[t.rule];

		for (size_t i = 0; rule->sections[i]; i++)
			triage_wants(&t, rule->sections[i]);
		if (rule->by_clocks && cpu_state_clocks_stand(&r->cpus))
			triage_unexamined(&t, "no CPU took interrupts: how long anything has lasted can not be told by "
					      "clocks that nobody keeps");
		rule->judge(&t);
	}
	for (size_t i = 0; i < fs->rows.nr; i++)
		set_key(&t, i);
	triage_link(&t);
	free(t.ties.data);
	triage_narrow(r);
	fs->nr_rules = nr_triage_rules;
	if (t.nomem)
		return &err_nomem;
	fs->ran = true;
	return report_section(r, "findings", SECTION_COMPLETE, NULL);
}
