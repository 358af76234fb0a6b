/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system as a whole: clocks, load, memory. */
#include "config.h"

#include <inttypes.h>
#include <time.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/text-fit.h"

enum { ZONES_SHOWN = 32 };

static void write_clocks(struct text *t)
{
	const struct system *s = &t->r->system;
	char when[32];
	struct tm tm;

	if (s->uptime.has)
		strbuf_printf(&t->sb, "  up %" PRIu64 ".%02u s", s->uptime.v / 1000000000,
			      (unsigned int)(s->uptime.v / 10000000 % 100));
	time_t seconds = (time_t)(s->realtime.v / 1000000000);
	if (s->realtime.has && gmtime_r(&seconds, &tm) && strftime(when, sizeof(when), "%F %T", &tm))
		strbuf_printf(&t->sb, ", its clock says %s UTC", when);
	if (s->uptime.has)
		strbuf_putc(&t->sb, '\n');
	if (!t->opts->verbose || !s->jiffies.has)
		return;
	strbuf_printf(&t->sb, "  jiffies %" PRIu64, s->jiffies.v);
	if (t->r->kernel.hz)
		strbuf_printf(&t->sb, ", HZ %" PRIu32, t->r->kernel.hz);
	strbuf_putc(&t->sb, '\n');
}

static void number(struct text *t, const char **sep, const struct opt_u64 *v, const char *what)
{
	if (!v->has)
		return;
	strbuf_printf(&t->sb, "%s%" PRIu64 " %s", *sep, v->v, what);
	*sep = ", ";
}

static void write_load(struct text *t)
{
	const struct system *s = &t->r->system;
	const char *sep = "  ";

	if (s->has_load) {
		strbuf_printf(&t->sb, "  load %.2f %.2f %.2f", fixed_point(s->load[0]), fixed_point(s->load[1]),
			      fixed_point(s->load[2]));
		sep = ", ";
	}
	number(t, &sep, &s->nr_threads, "threads");
	number(t, &sep, &s->nr_running, "running");
	number(t, &sep, &s->nr_iowait, "waiting for I/O");
	number(t, &sep, &s->nr_switches, "context switches");
	number(t, &sep, &s->nr_forks, "forks");
	if (*sep == ',')
		strbuf_putc(&t->sb, '\n');
	if (s->online && s->possible)
		strbuf_printf(&t->sb, "  CPUs online %s, possible %s\n", s->online, s->possible);
	if (s->cmdline) {
		strbuf_puts(&t->sb, "  command line: ");
		text_guest(t, s->cmdline);
		strbuf_putc(&t->sb, '\n');
	}
}

/* What everybody looks at first, on one line; the rest with -v. */
static void write_meminfo(struct text *t)
{
	static const char *const first[] = { "MemTotal", "MemFree",	"MemAvailable", "Buffers", "Cached",
					     "Slab",	 "AnonPages", "Shmem",	"SwapTotal", "SwapFree" };
	const struct system *s = &t->r->system;
	const char *sep = "  memory in kB: ";

	for (size_t i = 0; i < s->meminfo.nr; i++) {
		const struct mem_item *m = &s->meminfo.data[i];
		bool show = t->opts->verbose;

		for (size_t f = 0; !show && f < ARRAY_SIZE(first); f++)
			show = !strcmp(first[f], m->name);
		if (!show)
			continue;
		strbuf_printf(&t->sb, "%s%s %" PRIu64, sep, m->name, m->kb);
		sep = ", ";
	}
	if (*sep == ',')
		strbuf_putc(&t->sb, '\n');
}

static void write_huge_pages(struct text *t)
{
	const struct system *s = &t->r->system;

	for (size_t i = 0; i < s->huge_pages.nr; i++) {
		const struct huge_row *h = &s->huge_pages.data[i];

		if (!h->total && !t->opts->verbose)
			continue;
		strbuf_printf(&t->sb,
			      "  huge pages of %" PRIu64 " kB: %" PRIu64 ", %" PRIu64 " free, %" PRIu64
			      " reserved, %" PRIu64 " surplus\n",
			      h->size_kb, h->total, h->free, h->reserved, h->surplus);
	}
}

/* Nobody reads all of it: with -v, and what is not 0. */
static void write_vmstat(struct text *t)
{
	const struct system *s = &t->r->system;
	const char *sep = "  vmstat: ";
	size_t zeros = 0;

	if (!t->opts->verbose || !s->vmstat.nr)
		return;
	for (size_t i = 0; i < s->vmstat.nr; i++) {
		if (!s->vmstat.data[i].v) {
			zeros++;
			continue;
		}
		strbuf_puts(&t->sb, sep);
		text_guest(t, s->vmstat.data[i].name);
		strbuf_printf(&t->sb, " %" PRIu64, s->vmstat.data[i].v);
		sep = ", ";
	}
	if (zeros)
		strbuf_printf(&t->sb, "%s%zu %s, all 0", *sep == ',' ? "; " : sep, zeros, *sep == ',' ? "more" : "counters");
	strbuf_putc(&t->sb, '\n');
}

/* ---- zones */

enum column { COL_NODE, COL_ZONE, COL_FREE, COL_MIN, COL_LOW, COL_HIGH, COL_MANAGED, COL_PRESENT, COL_NOTES, NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_NODE] = { .title = "node" },
	[COL_ZONE] = { .title = "zone", .left = true, .cut = 16 },
	[COL_FREE] = { .title = "free pages" },
	[COL_MIN] = { .title = "min" },
	[COL_LOW] = { .title = "low" },
	[COL_HIGH] = { .title = "high", .drop = 2 },
	[COL_MANAGED] = { .title = "managed", .drop = 1 },
	[COL_PRESENT] = { .title = "present", .verbose = true },
	[COL_NOTES] = { .title = "", .left = true },
};

static void zone_cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct zone_row *z = &((struct text *)ctx)->r->system.zones.data[row];
	const uint64_t numbers[NR_COLUMNS] = {
		[COL_NODE] = z->node, [COL_FREE] = z->free, [COL_MIN] = z->min,		[COL_LOW] = z->low,
		[COL_HIGH] = z->high, [COL_MANAGED] = z->managed, [COL_PRESENT] = z->present,
	};

	if (col == COL_ZONE)
		escape_append(sb, z->name, strlen(z->name));
	else if (col == COL_NOTES)
		strbuf_puts(sb, z->free < z->min ? "below min" : z->free < z->low ? "below low" : "");
	else
		strbuf_printf(sb, "%" PRIu64, numbers[col]);
}

static unsigned int shortage(const struct zone_row *z)
{
	return z->free < z->min ? 2 : z->free < z->low;
}

static int by_shortage(const void *ctx, size_t a, size_t b)
{
	const struct zone_row *rows = ((const struct text *)ctx)->r->system.zones.data;

	return (int)shortage(&rows[b]) - (int)shortage(&rows[a]);
}

static void write_zones(struct text *t)
{
	if (!t->r->system.zones.nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS,
					    .nr_rows = t->r->system.zones.nr, .cap = ZONES_SHOWN, .cell = zone_cell,
					    .order = by_shortage, .ctx = t, .more = " zones, less short of pages" },
		       "  ");
}

void text_system(struct text *t)
{
	text_bold(t, true);
	strbuf_puts(&t->sb, "system:");
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	text_section_notes(t, "system");
	write_clocks(t);
	write_load(t);
	write_meminfo(t);
	write_huge_pages(t);
	write_vmstat(t);
	write_zones(t);
}
