/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel has made an error that cost a task its life, and maybe left locks held. */
#include "config.h"

#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

enum {
	TAINT_DIE = 1 << 7,
	LINES_BEFORE = 12, /* from what went wrong to the line with the number */
	LINES_AFTER = 80,  /* to where it was */
};

/* What the log says of one. */
struct said {
	size_t oops, what, where, at; /* records: "Oops: ... [#1]", "BUG: ...", "CPU: ...", "RIP: ..." */
};

static bool same_writer(const struct triage *t, size_t a, size_t b)
{
	const struct log_record *x = &t->r->log.records[a], *y = &t->r->log.records[b];

	return !x->caller.has || !y->caller.has ||
	       (x->caller.v == y->caller.v && x->caller_is_cpu == y->caller_is_cpu);
}

/* The first record from the oops on that begins so; all that one writes comes in one piece. */
static size_t find_line(const struct triage *t, size_t oops, const char *word)
{
	for (size_t i = oops; i < t->r->log.nr && i < oops + LINES_AFTER; i++) {
		const char *text = triage_log_text(t, i);

		if (text && !strncmp(text, word, strlen(word)) && same_writer(t, oops, i))
			return i;
	}
	return LOG_NONE;
}

/* "Oops: Oops: 0002 [#1] SMP", and before 6.10 the kind of error alone: "invalid opcode: 0000 [#1] SMP". */
static bool is_oops(const char *text)
{
	const char *at = strstr(text, " [#");

	return at && strspn(at + 3, "0123456789") && at[3 + strspn(at + 3, "0123456789")] == ']' &&
	       strchr(text, ':') && strchr(text, ':') < at;
}

static struct said find_said(const struct triage *t)
{
	/* As the kernel begins: page faults, and what else goes before the line with the number. */
	static const char *const begins[] = { "BUG: ", "kernel BUG at ", "Unable to handle kernel " };
	struct said s = { LOG_NONE, LOG_NONE, LOG_NONE, LOG_NONE };

	for (size_t i = 0; i < t->r->log.nr && s.oops == LOG_NONE; i++) {
		const char *text = triage_log_text(t, i);

		if (text && is_oops(text))
			s.oops = i;
	}
	if (s.oops == LOG_NONE)
		return s;
	s.what = s.oops;
	for (size_t i = s.oops; i-- && i + LINES_BEFORE >= s.oops && s.what == s.oops;) {
		const char *text = triage_log_text(t, i);

		for (size_t w = 0; text && w < ARRAY_SIZE(begins); w++) {
			if (!strncmp(text, begins[w], strlen(begins[w])) && same_writer(t, s.oops, i))
				s.what = i;
		}
	}
	s.where = find_line(t, s.oops, "CPU: ");
	s.at = find_line(t, s.oops, "RIP: ");
	return s;
}

/* ", on CPU 1 in foo[123]": of "CPU: 1 UID: 0 PID: 123 Comm: foo Not tainted ..." */
static const char *say_where(struct triage *t, const struct said *s)
{
	const char *text = s->where == LOG_NONE ? NULL : triage_log_text(t, s->where);
	const char *pid = text ? strstr(text, " PID: ") : NULL, *comm = pid ? strstr(pid, " Comm: ") : NULL;

	if (!comm)
		return "";
	comm += strlen(" Comm: ");
	const char *end = strstr(comm, " Tainted: ");
	if (!end)
		end = strstr(comm, " Not tainted");
	return triage_printf(t, ", on CPU %lu in %.*s[%lu]", strtoul(text + strlen("CPU: "), NULL, 10),
			     (int)(end ? end - comm : (long)strcspn(comm, " ")), comm,
			     strtoul(pid + strlen(" PID: "), NULL, 10));
}

/* ", at foo+0x12/0x34 [module]": of "RIP: 0010:foo+0x12/0x34 [module]" */
static const char *say_at(struct triage *t, const struct said *s)
{
	const char *text = s->at == LOG_NONE ? NULL : triage_log_text(t, s->at);
	const char *at = text ? strchr(text + strlen("RIP: "), ':') : NULL;

	return at ? triage_printf(t, ", at %s", at + 1) : "";
}

static void judge(struct triage *t)
{
	const struct kernel_info *k = &t->r->kernel;

	if (!k->tainted.has && !k->nr_oopses.has) {
		triage_unexamined(t, "whether the kernel has oopsed is not known");
		return;
	}
	if (!(k->tainted.v & TAINT_DIE) && !k->nr_oopses.v)
		return;

	struct said s = find_said(t);
	const char *times = k->nr_oopses.v > 1 ? triage_printf(t, " %" PRIu64 " times, first", k->nr_oopses.v) : "";
	const char *what = s.what == LOG_NONE ? "" :
						triage_printf(t, ": %s%s%s", triage_log_text(t, s.what),
							      say_where(t, &s), say_at(t, &s));
	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel has oopsed%s%s; what the task that died held it still holds", times,
				       what);

	triage_since(f, s.oops == LOG_NONE ? -1 : triage_log_age(t, s.oops));
	triage_stuck(t, f, THING_DEAD, 0);
	if (k->nr_oopses.has)
		triage_num(t, f, k->nr_oopses.v, "fdgdb.kernel.nr_oopses");
	if (k->tainted.has)
		triage_num(t, f, k->tainted.v, "fdgdb.kernel.tainted");
	if (s.what != LOG_NONE)
		triage_log_evidence(t, f, s.what);
	if (s.where != LOG_NONE)
		triage_log_evidence(t, f, s.where);
	if (s.at != LOG_NONE)
		triage_log_evidence(t, f, s.at);
	triage_next(t, f, "%s", s.what != LOG_NONE ? "the log from there on, and who waits for what that task held" :
						     "the kernel's log, where it is to be had, for where it happened");
}

const struct triage_rule rule_oops = {
	.id = "oops",
	.judge = judge,
};
