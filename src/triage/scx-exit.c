/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scheduler that the kernel has ejected, and why. */
#include "config.h"

#include "triage/log.h"
#include "triage/rules.h"

#include <inttypes.h>

/* enum scx_exit_kind: below are voluntary ends, above are errors. */
enum { EXIT_ERROR = 1024, EXIT_ERROR_BPF = 1025, EXIT_ERROR_STALL = 1026 };

static const char *explain(uint32_t kind)
{
	switch (kind) {
	case EXIT_ERROR_BPF:
		return "it ended itself by scx_bpf_error()";
	case EXIT_ERROR_STALL:
		return "a runnable task was not run within the watchdog's limit";
	default:
		return "the kernel found an error in what it did";
	}
}

/* `index` is that of fdgdb.scx.schedulers. */
static void judge_sched(struct triage *t, const struct scx_sched_row *s, size_t index)
{
	const struct scx_exit_row *x = &s->exit;
	uint32_t kind = x->has ? x->kind : s->exit_kind;
	const char *state = t->r->scx.enable_state;

	if (kind < EXIT_ERROR)
		return;

	/* One that has ended while another works is history. */
	bool over = s->role == SCX_EXITED && state && !strcmp(state, "enabled");
	bool has_msg = x->has && x->msg && *x->msg;
	struct finding *f = triage_add(t, over ? SEVERITY_INFO : SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel has ejected the sched_ext scheduler \"%s\": %s%s%s%s",
				       s->ops_name, explain(kind), has_msg ? " (" : "", has_msg ? x->msg : "",
				       has_msg ? ")" : "");
	if (!over) {
		triage_needs(t, f, THING_PROGRAM, 0);
		triage_needs(t, f, THING_SCX, 0);
	}
	triage_num(t, f, s->exit_kind, "fdgdb.scx.schedulers[%zu].exit_kind", index);
	if (has_msg)
		triage_text(t, f, x->msg, "fdgdb.scx.schedulers[%zu].exit.msg", index);
	if (x->has && x->reason)
		triage_text(t, f, x->reason, "fdgdb.scx.schedulers[%zu].exit.reason", index);
	if (state)
		triage_text(t, f, state, "fdgdb.scx.enable_state");
	triage_next(t, f, "the scheduler's exit record: its message, backtrace and dump");
}

/* Once whoever loaded it is gone, and up to 6.15 always, only the log knows. */
static void judge_log(struct triage *t, const struct scx_log_exit *x)
{
	size_t index = (size_t)(x - t->r->scx.log_exits.data);
	double age = triage_log_age(t, x->record);
	struct finding *f = triage_add(t, SEVERITY_ERROR, CONFIDENCE_CERTAIN,
				       "the kernel has ejected the sched_ext scheduler \"%s\"%s: %s%s%s%s", x->name,
				       age < 0 ? "" : triage_printf(t, " %.0f s ago", age), x->reason,
				       x->msg ? " (" : "", x->msg ? x->msg : "", x->msg ? ")" : "");

	triage_since(f, age);
	triage_text(t, f, x->reason, "fdgdb.scx.log_exits[%zu].reason", index);
	if (x->msg)
		triage_text(t, f, x->msg, "fdgdb.scx.log_exits[%zu].msg", index);
	triage_log_evidence(t, f, x->record);
	if (t->r->scx.enable_state)
		triage_text(t, f, t->r->scx.enable_state, "fdgdb.scx.enable_state");
	triage_next(t, f, "the kernel's log from there on: its backtrace and dump; its own output, for the rest");
}

static void judge(struct triage *t)
{
	const struct scx_state *scx = &t->r->scx;

	if (scx->has_sched)
		judge_sched(t, &scx->sched, 0);
	for (size_t i = 0; i < scx->others.nr; i++)
		judge_sched(t, &scx->others.data[i], i + scx->has_sched);

	const struct scx_log_exit *last = scx_last_log_exit(scx);
	if (scx->in_kernel && !scx->has_sched && !scx->others.nr)
		triage_wants(t, "log");
	if (last && last->error)
		judge_log(t, last);
}

const struct triage_rule rule_scx_exit = {
	.id = "scx-exit",
	.sections = { "scx" },
	.judge = judge,
};
