/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Schedulers: what each says of itself, why it ended, its event counters. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/text-parts.h"

enum {
	SHOWN_LINES = 24, /* of a dump */
	SHOWN_FRAMES = 12,
};

static void write_jiffies(struct text *t, uint64_t jiffies)
{
	if (t->r->kernel.hz)
		strbuf_printf(&t->sb, "%.3f s", (double)jiffies / t->r->kernel.hz);
	else
		strbuf_printf(&t->sb, "%" PRIu64 " jiffies", jiffies);
}

static void write_kind(struct text *t, const char *name, uint32_t kind)
{
	if (name) {
		text_guest(t, name);
		strbuf_printf(&t->sb, " (%" PRIu32 ")", kind);
	} else {
		strbuf_printf(&t->sb, "%" PRIu32, kind);
	}
}

/* ---- why it ended */

static void write_lines(struct text *t, const char *text, bool cut)
{
	size_t nr = 0, left = 0;

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (t->opts->verbose || nr < SHOWN_LINES) {
			strbuf_puts(&t->sb, len ? "      " : "");
			escape_append(&t->sb, line, len);
			strbuf_putc(&t->sb, '\n');
			nr++;
		} else {
			left++;
		}
		line += len + (line[len] == '\n');
	}
	if (left)
		strbuf_printf(&t->sb, "      \u2026 %zu more lines (-v shows all)\n", left);
	if (cut)
		strbuf_puts(&t->sb, "      \u2026 it goes on: more than is read\n");
}

static void write_backtrace(struct text *t, const struct scx_exit_row *x)
{
	size_t shown = text_shown(t, x->nr_bt, SHOWN_FRAMES);

	if (!x->nr_bt)
		return;
	strbuf_puts(&t->sb, "    backtrace:\n");
	for (size_t i = 0; i < shown; i++) {
		strbuf_puts(&t->sb, "      ");
		if (x->symbols && x->symbols[i])
			text_guest(t, x->symbols[i]);
		else
			strbuf_printf(&t->sb, "0x%016" PRIx64, x->bt[i]);
		strbuf_putc(&t->sb, '\n');
	}
	if (shown < x->nr_bt)
		strbuf_printf(&t->sb, "      \u2026 %zu more (-v shows all)\n", x->nr_bt - shown);
}

static void write_exit(struct text *t, const struct scx_exit_row *x)
{
	if (!x->has)
		return;
	strbuf_puts(&t->sb, "    exit record: ");
	text_alarm(t, true);
	write_kind(t, x->kind_name, x->kind);
	text_alarm(t, false);
	if (x->reason) {
		strbuf_puts(&t->sb, ", ");
		text_guest(t, x->reason);
	}
	if (x->code.has && x->code.v)
		strbuf_printf(&t->sb, ", code 0x%" PRIx64, x->code.v);
	if (x->code_names) {
		strbuf_puts(&t->sb, " ");
		text_guest(t, x->code_names);
	}
	if (x->has_cpu)
		strbuf_printf(&t->sb, ", on CPU %" PRId32, x->cpu);
	strbuf_putc(&t->sb, '\n');
	if (x->why) {
		strbuf_puts(&t->sb, "    ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, "not readable: ");
		text_guest(t, x->why);
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
	if (x->msg) {
		strbuf_puts(&t->sb, "    message: ");
		text_guest(t, x->msg);
		strbuf_putc(&t->sb, '\n');
	}
	write_backtrace(t, x);
	if (x->dump) {
		strbuf_puts(&t->sb, "    the kernel's dump:\n");
		write_lines(t, x->dump, x->dump_cut);
	}
}

/* ---- event counters */

/* "a 1, b 2", in lines of the terminal's width. */
static void write_event_sums(struct text *t, const struct scx_events *ev)
{
	size_t zeros = 0, begin = t->sb.len, width = t->style.width ? t->style.width : 100;
	bool any = false;

	strbuf_puts(&t->sb, "    events:");
	for (size_t i = 0; i < ev->nr; i++) {
		if (!ev->sums[i]) {
			zeros++;
			continue;
		}
		size_t len = strlen(ev->names[i]) + 24;

		if (t->sb.len - begin + len > width) {
			strbuf_puts(&t->sb, any ? ",\n      " : "\n      ");
			begin = t->sb.len - 6;
		} else {
			strbuf_puts(&t->sb, any ? ", " : " ");
		}
		any = true;
		text_guest(t, ev->names[i]);
		strbuf_printf(&t->sb, " %" PRId64, ev->sums[i]);
	}
	if (zeros)
		strbuf_printf(&t->sb, "%s%zu %s 0", any ? "; " : " ", zeros, any ? "others are" : "counters, all");
	strbuf_printf(&t->sb, " (%zu CPUs)\n", ev->nr_cpus);
}

/* A table with a row per counter that is not 0. */
static void write_event_cpus(struct text *t, const struct scx_events *ev)
{
	struct table tab = { .columns = ev->nr_cpus + 1, .left = 1 };
	size_t rows = 0;

	table_cell(&tab, "event");
	for (size_t c = 0; c < ev->nr_cpus; c++)
		table_cell(&tab, "CPU %" PRIu32, ev->cpus[c]);
	for (size_t i = 0; i < ev->nr; i++) {
		bool any = false;

		for (size_t c = 0; c < ev->nr_cpus; c++)
			any |= ev->counts[c * ev->nr + i] != 0;
		if (!any)
			continue;
		escape_append(table_open(&tab), ev->names[i], strlen(ev->names[i]));
		for (size_t c = 0; c < ev->nr_cpus; c++)
			table_cell(&tab, "%" PRId64, ev->counts[c * ev->nr + i]);
		rows++;
	}
	if (rows) {
		text_fold(t, 0);
		table_write(&tab, &t->sb, "      ");
		strbuf_putc(&t->sb, '\n');
		text_keep(t);
	}
	table_deinit(&tab);
}

static void write_events(struct text *t, const struct scx_events *ev)
{
	if (!ev->nr_cpus)
		return;
	write_event_sums(t, ev);
	if (t->opts->verbose)
		write_event_cpus(t, ev);
}

/* ---- schedulers */

static void write_place(struct text *t, const struct scx_sched_row *s)
{
	if (s->role == SCX_ROOT)
		return;
	strbuf_printf(&t->sb, " at 0x%" PRIx64, s->kva.v);
	if (s->id.has)
		strbuf_printf(&t->sb, ", id %" PRIu64, s->id.v);
	if (s->level.has && s->level.v) {
		const struct scx_sched_row *parent = scx_find_sched(&t->r->scx, s->parent);

		strbuf_printf(&t->sb, ", level %" PRIu64 " below ", s->level.v);
		if (parent && s->parent.v)
			text_guest(t, *parent->ops_name ? parent->ops_name : "unnamed");
		else
			strbuf_printf(&t->sb, "0x%" PRIx64, s->parent.v);
	}
	if (s->cgroup_path) {
		strbuf_puts(&t->sb, ", cgroup ");
		text_guest(t, s->cgroup_path);
	}
}

/* Moves the lines from here on to the right. */
static void indent(struct text *t, size_t start, size_t by)
{
	size_t len = t->sb.len - start;
	char *copy = by && len ? malloc(len) : NULL;

	if (!by || !len)
		return;
	if (!copy) {
		t->sb.nomem = true;
		return;
	}
	memcpy(copy, t->sb.s + start, len);
	strbuf_cut(&t->sb, start);
	for (size_t at = 0; at < len;) {
		const char *end = memchr(copy + at, '\n', len - at);
		size_t line = end ? (size_t)(end - copy) + 1 - at : len - at;

		strbuf_fill(&t->sb, ' ', copy[at] == '\n' ? 0 : by);
		strbuf_add(&t->sb, copy + at, line);
		at += line;
	}
	free(copy);
	if (t->whole > start) /* a part is folded already, and longer now */
		text_keep(t);
}

static void write_sched(struct text *t, const struct scx_sched_row *s, size_t depth)
{
	static const char *const titles[] = {
		[SCX_ROOT] = "scheduler",
		[SCX_SUB] = "sub-scheduler",
		[SCX_EXITED] = "scheduler that has ended",
		[SCX_STARTING] = "scheduler that is not yet in place",
	};
	size_t start = t->sb.len;

	strbuf_printf(&t->sb, "  %s ", titles[s->role]);
	text_bold(t, true);
	text_guest(t, *s->ops_name ? s->ops_name : s->has_ops_name ? "unnamed" : "?");
	text_bold(t, false);
	write_place(t, s);
	if (s->ops_flags.has)
		strbuf_printf(&t->sb, ": ops flags 0x%" PRIx64, s->ops_flags.v);
	else
		strbuf_puts(&t->sb, ": ops flags unknown");
	if (s->ops_flag_names) {
		strbuf_putc(&t->sb, ' ');
		text_guest(t, s->ops_flag_names);
	}
	if (s->timeout_ms.has)
		strbuf_printf(&t->sb, ", timeout %" PRIu64 " ms", s->timeout_ms.v);
	if (s->watchdog_timeout.has) {
		strbuf_puts(&t->sb, ", watchdog ");
		write_jiffies(t, s->watchdog_timeout.v);
	}
	strbuf_puts(&t->sb, "\n    exit kind ");
	if (s->has_exit_kind)
		write_kind(t, s->exit_kind_name, s->exit_kind);
	else
		strbuf_puts(&t->sb, "unknown");
	if (s->has_bypass_depth)
		strbuf_printf(&t->sb, ", bypass depth %" PRId32, s->bypass_depth);
	else if (s->role == SCX_ROOT)
		strbuf_puts(&t->sb, ", bypass depth unknown");
	if (s->aborting_unknown)
		strbuf_puts(&t->sb, ", whether it is aborting is unknown");
	if (s->aborting) {
		strbuf_puts(&t->sb, ", ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, "aborting");
		text_alarm(t, false);
	}
	strbuf_putc(&t->sb, '\n');
	write_exit(t, &s->exit);
	write_events(t, &s->events);
	indent(t, start, 2 * depth);
	text_flush(t);
}

/* Each with those below it; a broken parent must not hide one. */
static void write_subs(struct text *t, struct kva parent, size_t depth, bool *written)
{
	enum { DEPTH_MAX = 8 };
	const struct scx_state *scx = &t->r->scx;

	for (size_t i = 0; i < scx->others.nr; i++) {
		const struct scx_sched_row *s = &scx->others.data[i];

		if (written[i] || s->role != SCX_SUB || s->parent.v != parent.v)
			continue;
		written[i] = true;
		write_sched(t, s, depth);
		if (depth < DEPTH_MAX)
			write_subs(t, s->kva, depth + 1, written);
	}
}

/* ---- how schedulers ended, by the log */

static void write_log_exit(struct text *t, const struct scx_log_exit *x, const char *whom, bool whole)
{
	strbuf_printf(&t->sb, "  %s%sscheduler ", whom, x->sub ? "sub-" : "");
	text_bold(t, true);
	text_guest(t, *x->name ? x->name : "unnamed");
	text_bold(t, false);
	strbuf_printf(&t->sb, ", by the kernel's log: %s %.3f s after boot, ", x->error ? "ejected" : "ended",
		      (double)x->ts_nsec / 1e9);
	if (x->error)
		text_alarm(t, true);
	text_guest(t, x->reason);
	if (x->error)
		text_alarm(t, false);
	strbuf_putc(&t->sb, '\n');
	if (!whole)
		return;
	if (x->msg) {
		strbuf_puts(&t->sb, "    message: ");
		text_guest(t, x->msg);
		strbuf_putc(&t->sb, '\n');
	}
	size_t shown = text_shown(t, x->nr_frames, SHOWN_FRAMES);
	if (shown)
		strbuf_puts(&t->sb, "    backtrace:\n");
	for (size_t i = 0; i < shown; i++) {
		strbuf_puts(&t->sb, "      ");
		text_guest(t, x->frames[i]);
		strbuf_putc(&t->sb, '\n');
	}
	if (shown < x->nr_frames)
		strbuf_printf(&t->sb, "      \u2026 %zu more (-v shows all)\n", x->nr_frames - shown);
}

/* Schedulers have run, none does, and nothing tells of their end. */
static void write_unknown_end(struct text *t)
{
	const struct scx_state *scx = &t->r->scx;
	const struct log *log = &t->r->log;
	const char *why = "the kernel's log has nothing of it";

	if (scx->has_sched || scx->others.nr || scx->log_exits.nr || !scx->enable_seq.has || !scx->enable_seq.v)
		return;
	if (!log->collected)
		why = "the kernel's log, which tells, was not looked at";
	else if (log->overwritten || log->cut)
		why = "the kernel's log no longer reaches back so far";
	strbuf_printf(&t->sb, "  a scheduler ran and has ended; why is not known: %s\n", why);
}

static void write_log_exits(struct text *t)
{
	const struct scx_state *scx = &t->r->scx;
	const struct scx_log_exit *last = scx_last_log_exit(scx);
	size_t left = 0;

	if (last)
		write_log_exit(t, last, "the last ", true);
	for (size_t i = scx->log_exits.nr; i-- > 0;) {
		const struct scx_log_exit *x = &scx->log_exits.data[i];

		if (x == last || x->recorded)
			continue;
		if (t->opts->verbose)
			write_log_exit(t, x, "a former ", false);
		else
			left++;
	}
	if (left)
		strbuf_printf(&t->sb, "  \u2026 %zu more end%s of schedulers in the log (-v shows all)\n", left,
			      left > 1 ? "s" : "");
	write_unknown_end(t);
}

static void write_globals(struct text *t)
{
	/* Its initial value, as long as no scheduler was ever loaded, is no time. */
	enum { OLDEST = 86400000 };
	const struct scx_state *scx = &t->r->scx;
	uint64_t age = scx->jiffies - scx->watchdog_timestamp.v;
	const char *sep = "  ";

	if (scx->has_sched && scx->watchdog_timestamp.has && scx->jiffies && age < OLDEST) {
		strbuf_puts(&t->sb, "  watchdog looked ");
		write_jiffies(t, age);
		strbuf_puts(&t->sb, " ago");
		if (scx->watchdog_interval.has) {
			strbuf_puts(&t->sb, " and does so every ");
			write_jiffies(t, scx->watchdog_interval.v);
		}
		sep = "; ";
	}
	if (scx->has_sched && scx->switched_all.has) {
		strbuf_printf(&t->sb, "%s%s", sep,
			      scx->switched_all.v ? "all normal tasks are scheduled by it" :
						    "only tasks of policy SCHED_EXT are scheduled by it");
		sep = "; ";
	}
	if (scx->enable_seq.has) {
		strbuf_printf(&t->sb, "%sschedulers enabled since boot: %" PRIu64, sep, scx->enable_seq.v);
		sep = "; ";
	}
	if (scx->nr_rejected.has && scx->nr_rejected.v) {
		strbuf_printf(&t->sb, "%s%" PRIu64 " tasks rejected", sep, scx->nr_rejected.v);
		sep = "; ";
	}
	if (scx->breather_depth.v) {
		strbuf_printf(&t->sb, "%sCPUs that dispatch are held back%s", sep,
			      scx->in_softlockup.v ? " because of a soft lockup" : "");
		sep = "; ";
	} else if (scx->in_softlockup.v) {
		strbuf_printf(&t->sb, "%sa soft lockup is being dealt with", sep);
		sep = "; ";
	}
	if (scx->hardlockup_cpu.has && (int32_t)scx->hardlockup_cpu.v >= 0) {
		strbuf_printf(&t->sb, "%sejected because of a hard lockup of CPU %" PRId32, sep, (int32_t)scx->hardlockup_cpu.v);
		sep = "; ";
	}
	if (*sep == ';')
		strbuf_putc(&t->sb, '\n');
}

void text_scheds(struct text *t)
{
	const struct scx_state *scx = &t->r->scx;
	bool *written = calloc(scx->others.nr + 1, sizeof(*written));

	if (!written) {
		t->sb.nomem = true;
		return;
	}
	if (scx->has_sched) {
		write_sched(t, &scx->sched, 0);
		write_subs(t, scx->sched.kva, 1, written);
	}
	for (size_t i = 0; i < scx->others.nr; i++) {
		if (!written[i])
			write_sched(t, &scx->others.data[i], 0);
	}
	free(written);
	write_log_exits(t);
	write_globals(t);
}
