/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The system as a whole: CPU time, memory, pressure. */
#include "config.h"

#include <inttypes.h>

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
