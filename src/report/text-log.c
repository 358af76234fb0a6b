/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's log: a line each as dmesg(1) writes it, after the name of the level if it warns. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-parts.h"

enum { LEVEL_ERR = 3, LEVEL_WARN = 4, NEWLINE_FLAG = 2 };

static const char *level_name(unsigned int level)
{
	static const char *const names[] = { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug" };

	return level < ARRAY_SIZE(names) ? names[level] : "?";
}

/* "kern", "daemon" ... as `dmesg -x` has them. */
static void write_facility(struct text *t, unsigned int facility)
{
	static const char *const names[] = { "kern",   "user", "mail", "daemon", "auth",     "syslog",
					     "lpr",    "news", "uucp", "cron",	 "authpriv", "ftp" };
	if (facility < ARRAY_SIZE(names))
		strbuf_printf(&t->sb, "  %-6s:", names[facility]);
	else
		strbuf_printf(&t->sb, "  %-6u:", facility);
}

/* With -v who wrote it, too, as a kernel with CONFIG_PRINTK_CALLER does. */
static void write_prefix(struct text *t, const struct log_record *rec)
{
	if (t->opts->verbose) {
		write_facility(t, rec->facility);
		strbuf_printf(&t->sb, "%-6s ", level_name(rec->level));
	} else {
		strbuf_printf(&t->sb, "  %-5s ", rec->level <= LEVEL_WARN ? level_name(rec->level) : "");
	}
	strbuf_printf(&t->sb, "[%5" PRIu64 ".%06" PRIu64 "]", rec->ts_nsec / 1000000000,
		      rec->ts_nsec / 1000 % 1000000);
	if (t->opts->verbose && rec->caller.has) {
		char caller[24];

		snprintf(caller, sizeof(caller), "%c%" PRIu64, rec->caller_is_cpu ? 'C' : 'T', rec->caller.v);
		strbuf_printf(&t->sb, "[%6s]", caller);
	}
	strbuf_putc(&t->sb, ' ');
}

static void write_fact(struct text *t, size_t *nr, const char *key, const char *value)
{
	if (!value)
		return;
	strbuf_printf(&t->sb, "%s%s=", (*nr)++ ? " " : "\n                ", key);
	text_guest(t, value);
}

/* What no line of dmesg has, under it. */
static void write_facts(struct text *t, const struct log_record *rec)
{
	char cpu[24];
	size_t nr = 0;

	snprintf(cpu, sizeof(cpu), "%" PRIu64, rec->cpu.v);
	write_fact(t, &nr, "COMM", rec->comm);
	write_fact(t, &nr, "CPU", rec->cpu.has ? cpu : NULL);
	write_fact(t, &nr, "SUBSYSTEM", rec->subsystem);
	write_fact(t, &nr, "DEVICE", rec->device);
	write_fact(t, &nr, "FLAGS", rec->flags & ~NEWLINE_FLAG ? rec->flag_names : NULL);
}

static void write_state(struct text *t, const struct log_record *rec)
{
	if (rec->state == LOG_RESERVED && rec->text)
		strbuf_puts(&t->sb, " <still being written>");
	else if (rec->state == LOG_COMMITTED)
		strbuf_puts(&t->sb, " <may be continued>");
}

static void write_record(struct text *t, const struct log_record *rec)
{
	const char *line = rec->text, *end = rec->text ? rec->text + rec->len : NULL;
	bool bad = rec->level <= LEVEL_ERR, warns = rec->level == LEVEL_WARN;

	if (bad)
		text_alarm(t, true);
	else if (warns)
		text_bold(t, true);
	if (!line) {
		/* Nothing is known of it, its level least of all. */
		strbuf_printf(&t->sb, "        <record %" PRIu64 " is lost: ", rec->seq);
		text_guest(t, rec->why ? rec->why : "unknown");
		strbuf_putc(&t->sb, '>');
	}
	while (line) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		write_prefix(t, rec);
		escape_append(&t->sb, line, (size_t)((newline ? newline : end) - line));
		if (!newline)
			break;
		strbuf_putc(&t->sb, '\n');
		line = newline + 1;
	}
	write_state(t, rec);
	if (t->opts->verbose)
		write_facts(t, rec);
	if (bad)
		text_alarm(t, false);
	else if (warns)
		text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
}

static bool is_bad(const struct log_record *rec)
{
	return rec->text && rec->level <= LEVEL_WARN;
}

/* The first of the older records from which on those that warn are shown. */
static size_t first_bad(const struct log *log, size_t tail)
{
	size_t i = tail, nr = 0;

	while (i > 0 && nr < TEXT_MAX_LOG_BAD)
		nr += is_bad(&log->records[--i]);
	return nr < TEXT_MAX_LOG_BAD ? 0 : i;
}

static void write_skipped(struct text *t, size_t nr, bool *told)
{
	if (!nr)
		return;
	strbuf_printf(&t->sb, "  \u2026 %zu more%s\n", nr, *told ? "" : " (-v shows all)");
	*told = true;
}

static void write_records(struct text *t)
{
	const struct log *log = &t->r->log;
	size_t tail = log->nr - text_shown(t, log->nr, TEXT_MAX_LOG), skipped = 0;
	size_t bad = first_bad(log, tail);
	bool told = false;

	for (size_t i = 0; i < log->nr; i++) {
		if (i < tail && (i < bad || !is_bad(&log->records[i]))) {
			skipped++;
			continue;
		}
		write_skipped(t, skipped, &told);
		skipped = 0;
		write_record(t, &log->records[i]);
		text_flush(t);
	}
}

void text_log(struct text *t)
{
	const struct log *log = &t->r->log;

	text_counted_title(t, "log", log->nr, "log");
	if (log->overwritten)
		strbuf_printf(&t->sb, "  older records, overwritten: %" PRIu64 "\n", log->overwritten);
	if (log->failed.has && log->failed.v)
		strbuf_printf(&t->sb, "  records for which there was no room: %" PRIu64 "\n", log->failed.v);
	text_begin_values(t);
	write_records(t);
	text_end_values(t);
}
