/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system as a whole: CPU time, memory, pressure. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/text-parts.h"

static void write_table(struct text *t, struct table *tab)
{
	table_write(tab, &t->sb, "  ");
	strbuf_putc(&t->sb, '\n');
	table_deinit(tab);
}

static void seconds_cell(struct table *tab, uint64_t ns)
{
	table_cell(tab, "%" PRIu64 ".%02u", ns / 1000000000, (unsigned int)(ns / 10000000 % 100));
}

static void opt_seconds_cell(struct table *tab, const struct opt_u64 *ns)
{
	if (ns->has)
		seconds_cell(tab, ns->v);
	else
		table_cell(tab, "-");
}

static void time_cells(struct table *tab, const struct cpu_time_row *c)
{
	static const enum cpu_time order[] = { TIME_USER, TIME_NICE, TIME_SYSTEM, TIME_SOFTIRQ, TIME_IRQ,
					       TIME_STEAL };
	uint64_t softirqs = 0;

	table_cell(tab, "%" PRIu32 "%s", c->cpu, c->offline ? " (offline)" : "");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		seconds_cell(tab, c->ns[order[i]]);
	/* As /proc/stat does: where the tick stops, tick_sched knows better. */
	seconds_cell(tab, c->idle_sleeptime.has && !c->offline ? c->idle_sleeptime.v : c->ns[TIME_IDLE]);
	seconds_cell(tab, c->iowait_sleeptime.has && !c->offline ? c->iowait_sleeptime.v :
								   c->ns[TIME_IOWAIT]);
	opt_seconds_cell(tab, &c->idle_for);
	for (size_t i = 0; i < NR_SOFTIRQS; i++)
		softirqs += c->softirqs[i];
	table_cell(tab, "%" PRIu64, c->irqs);
	table_cell(tab, "%" PRIu64, softirqs);
}

static void write_softirqs(struct text *t)
{
	const struct system *s = &t->r->system;
	struct table tab = { .columns = NR_SOFTIRQS + 1 };

	table_cell(&tab, "CPU");
	for (size_t i = 0; i < NR_SOFTIRQS; i++)
		table_cell(&tab, "%s", softirq_names[i]);
	for (size_t i = 0; i < s->cpu_times.nr; i++) {
		table_cell(&tab, "%" PRIu32, s->cpu_times.data[i].cpu);
		for (size_t n = 0; n < NR_SOFTIRQS; n++)
			table_cell(&tab, "%" PRIu64, s->cpu_times.data[i].softirqs[n]);
	}
	strbuf_puts(&t->sb, "  softirqs\n");
	write_table(t, &tab);
}

void text_cpu_time(struct text *t)
{
	static const char *const titles[] = { "CPU",   "user", "nice",	 "system",   "softirq", "irq",
					      "steal", "idle", "iowait", "idle for", "irqs",	"softirqs" };
	const struct system *s = &t->r->system;
	struct table tab = { .columns = ARRAY_SIZE(titles) };
	size_t shown = text_shown(t, s->cpu_times.nr, TEXT_MAX_CPUS);

	text_counted_title(t, "CPU time in seconds", s->cpu_times.nr, "per_cpu_time");
	if (!s->cpu_times.nr)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_cell(&tab, "%s", titles[i]);
	for (size_t i = 0; i < shown; i++)
		time_cells(&tab, &s->cpu_times.data[i]);
	table_write(&tab, &t->sb, "  ");
	table_deinit(&tab);
	text_more(t, 1, s->cpu_times.nr - shown);
	strbuf_putc(&t->sb, '\n');
	if (t->opts->verbose)
		write_softirqs(t);
}

void text_numa(struct text *t)
{
	static const char *const titles[] = { "node", "hit", "miss", "foreign", "interleave", "local", "other" };
	const struct system *s = &t->r->system;
	struct table tab = { .columns = ARRAY_SIZE(titles) };

	text_counted_title(t, "NUMA nodes, allocated pages", s->numa.nr, "per_node_numa");
	if (!s->numa.nr)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_cell(&tab, "%s", titles[i]);
	for (size_t i = 0; i < s->numa.nr; i++) {
		table_cell(&tab, "%" PRIu32, s->numa.data[i].node);
		for (size_t n = 0; n < NR_NUMA_EVENTS; n++)
			table_cell(&tab, "%" PRIu64, s->numa.data[i].events[n]);
	}
	write_table(t, &tab);
}

/* ---- pressure */

/* The highest average over avg[i]'s time. */
static uint64_t worst_avg(const struct psi_row *p, size_t i)
{
	uint64_t worst = 0;

	for (size_t n = 0; n < NR_PSI; n++) {
		worst = MAX(worst, p->some[n].avg[i]);
		worst = MAX(worst, p->full[n].avg[i]);
	}
	return worst;
}

static bool has_pressure(const struct psi_row *p)
{
	return worst_avg(p, 0) || worst_avg(p, 1) || worst_avg(p, 2);
}

/* The most pressed first; of equals the one that came first. */
static int by_pressure(const void *a, const void *b)
{
	const struct psi_row *x = *(const struct psi_row *const *)a, *y = *(const struct psi_row *const *)b;

	for (size_t i = 0; i < ARRAY_SIZE(x->some[0].avg); i++) {
		if (worst_avg(x, i) != worst_avg(y, i))
			return worst_avg(x, i) > worst_avg(y, i) ? -1 : 1;
	}
	return x < y ? -1 : x > y;
}

static void pressure_cells(struct text *t, struct table *tab, const struct psi_value *v)
{
	if (!v->has) {
		table_cell(tab, "-");
		table_cell(tab, "-");
		return;
	}
	if (t->opts->verbose)
		table_cell(tab, "%.2f/%.2f/%.2f", fixed_point(v->avg[0]), fixed_point(v->avg[1]),
			   fixed_point(v->avg[2]));
	else
		table_cell(tab, "%.2f", fixed_point(v->avg[0]));
	seconds_cell(tab, v->total);
}

static void psi_cells(struct text *t, struct table *tab, const struct psi_row *p)
{
	struct strbuf *sb = table_open(tab);

	if (!p->cgroup.v)
		strbuf_puts(sb, "whole system");
	else
		escape_append(sb, p->path, strlen(p->path));
	strbuf_puts(sb, p->dying ? " (dying)" : p->disabled ? " (disabled)" : "");
	pressure_cells(t, tab, &p->some[PSI_CPU]);
	pressure_cells(t, tab, &p->some[PSI_MEMORY]);
	pressure_cells(t, tab, &p->full[PSI_MEMORY]);
	pressure_cells(t, tab, &p->some[PSI_IO]);
	pressure_cells(t, tab, &p->full[PSI_IO]);
	if (p->full[PSI_IRQ].has)
		pressure_cells(t, tab, &p->full[PSI_IRQ]);
}

static void psi_table(struct text *t, const struct psi_row *const *rows, size_t nr, bool irq)
{
	static const char *const titles[] = { "",	  "cpu some", "s",	 "memory some", "s",	    "memory full",
					      "s",	  "io some",  "s",	 "io full",	"s",	    "irq full",
					      "s" };
	struct table tab = { .columns = irq ? 13 : 11, .left = 1 };

	for (size_t i = 0; i < tab.columns; i++)
		table_cell(&tab, "%s", titles[i]);
	for (size_t i = 0; i < nr; i++)
		psi_cells(t, &tab, rows[i]);
	table_write(&tab, &t->sb, "  ");
	table_deinit(&tab);
}

void text_psi(struct text *t)
{
	const struct system *s = &t->r->system;
	size_t nr = s->psi.nr, shown = 0;
	const struct psi_row **rows = calloc(nr + 1, sizeof(*rows));

	text_counted_title(t, t->opts->verbose ? "pressure, % over 10/60/300 s, and seconds since boot" :
						 "pressure, % over 10 s, and seconds since boot",
			   nr, "cgroup_psi");
	if (!rows)
		t->sb.nomem = true;
	for (size_t i = 0; rows && i < nr; i++)
		rows[i] = &s->psi.data[i];
	if (rows && nr) {
		/* The system stays first. */
		qsort(rows + 1, nr - 1, sizeof(*rows), by_pressure);
		for (shown = 1; shown < nr && has_pressure(rows[shown]);)
			shown++;
		shown = t->opts->verbose ? nr : MIN(shown, (size_t)TEXT_MAX_CGROUPS);
		psi_table(t, rows, shown, s->psi.data[0].full[PSI_IRQ].has);
		text_more(t, 1, nr - shown);
		strbuf_putc(&t->sb, '\n');
	}
	free(rows);
}

/* ---- the rest */

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

static void write_zones(struct text *t)
{
	static const char *const titles[] = { "node", "zone", "free pages", "min", "low", "high", "managed", "" };
	const struct system *s = &t->r->system;
	struct table tab = { .columns = ARRAY_SIZE(titles), .left = 1 << 1 | 1 << 7 };

	if (!s->zones.nr)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_cell(&tab, "%s", titles[i]);
	for (size_t i = 0; i < s->zones.nr; i++) {
		const struct zone_row *z = &s->zones.data[i];

		table_cell(&tab, "%" PRIu32, z->node);
		escape_append(table_open(&tab), z->name, strlen(z->name));
		table_cell(&tab, "%" PRIu64, z->free);
		table_cell(&tab, "%" PRIu64, z->min);
		table_cell(&tab, "%" PRIu64, z->low);
		table_cell(&tab, "%" PRIu64, z->high);
		table_cell(&tab, "%" PRIu64, z->managed);
		table_cell(&tab, "%s", z->free < z->min ? "below min" : z->free < z->low ? "below low" : "");
	}
	write_table(t, &tab);
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
	write_zones(t);
}
