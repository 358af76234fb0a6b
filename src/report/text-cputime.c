/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What CPUs spent their time on, and where memory was allocated. */
#include "config.h"

#include <inttypes.h>

#include "report/parts.h"
#include "report/text-fit.h"

static void seconds(struct strbuf *sb, uint64_t ns)
{
	strbuf_printf(sb, "%" PRIu64 ".%02u", ns / 1000000000, (unsigned int)(ns / 10000000 % 100));
}

/* As /proc/stat does: where the tick stops, tick_sched knows better. */
static uint64_t idle_ns(const struct cpu_time_row *c)
{
	return c->idle_sleeptime.has && !c->offline ? c->idle_sleeptime.v : c->ns[TIME_IDLE];
}

static uint64_t iowait_ns(const struct cpu_time_row *c)
{
	return c->iowait_sleeptime.has && !c->offline ? c->iowait_sleeptime.v : c->ns[TIME_IOWAIT];
}

/* Guest time is part of user time. */
static uint64_t busy_ns(const struct cpu_time_row *c)
{
	return c->ns[TIME_USER] + c->ns[TIME_NICE] + c->ns[TIME_SYSTEM] + c->ns[TIME_SOFTIRQ] + c->ns[TIME_IRQ] +
	       c->ns[TIME_STEAL];
}

enum column { COL_CPU, COL_USER, COL_NICE, COL_SYSTEM, COL_SOFTIRQ, COL_IRQ, COL_STEAL, COL_GUEST, COL_GUEST_NICE,
	      COL_IDLE, COL_IOWAIT, COL_IDLE_FOR, COL_IRQS, COL_SOFTIRQS, COL_NOTES, NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_CPU] = { .title = "CPU" },
	[COL_USER] = { .title = "user" },
	[COL_NICE] = { .title = "nice", .drop = 3 },
	[COL_SYSTEM] = { .title = "system" },
	[COL_SOFTIRQ] = { .title = "softirq" },
	[COL_IRQ] = { .title = "irq" },
	[COL_STEAL] = { .title = "steal", .drop = 4 },
	[COL_GUEST] = { .title = "guest", .verbose = true },
	[COL_GUEST_NICE] = { .title = "guest nice", .verbose = true },
	[COL_IDLE] = { .title = "idle" },
	[COL_IOWAIT] = { .title = "iowait" },
	[COL_IDLE_FOR] = { .title = "idle for", .drop = 2 },
	[COL_IRQS] = { .title = "irqs", .drop = 5 },
	[COL_SOFTIRQS] = { .title = "softirqs", .drop = 1 },
	[COL_NOTES] = { .title = "", .left = true },
};

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	static const enum cpu_time times[NR_COLUMNS] = {
		[COL_USER] = TIME_USER,	      [COL_NICE] = TIME_NICE,	[COL_SYSTEM] = TIME_SYSTEM,
		[COL_SOFTIRQ] = TIME_SOFTIRQ, [COL_IRQ] = TIME_IRQ,	[COL_STEAL] = TIME_STEAL,
		[COL_GUEST] = TIME_GUEST,     [COL_GUEST_NICE] = TIME_GUEST_NICE,
	};
	const struct cpu_time_row *c = &((struct text *)ctx)->r->system.cpu_times.data[row];
	uint64_t softirqs = 0;

	switch ((enum column)col) {
	case COL_CPU:
		strbuf_printf(sb, "%" PRIu32, c->cpu);
		return;
	case COL_USER:
	case COL_NICE:
	case COL_SYSTEM:
	case COL_SOFTIRQ:
	case COL_IRQ:
	case COL_STEAL:
	case COL_GUEST:
	case COL_GUEST_NICE:
		seconds(sb, c->ns[times[col]]);
		return;
	case COL_IDLE:
		seconds(sb, idle_ns(c));
		return;
	case COL_IOWAIT:
		seconds(sb, iowait_ns(c));
		return;
	case COL_IDLE_FOR:
		if (c->idle_for.has)
			seconds(sb, c->idle_for.v);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_IRQS:
		strbuf_printf(sb, "%" PRIu64, c->irqs);
		return;
	case COL_SOFTIRQS:
		for (size_t i = 0; i < NR_SOFTIRQS; i++)
			softirqs += c->softirqs[i];
		strbuf_printf(sb, "%" PRIu64, softirqs);
		return;
	case COL_NOTES:
		strbuf_puts(sb, c->offline ? "offline" : "");
		return;
	case NR_COLUMNS:
		break;
	}
}

/* The busiest first. */
static int by_busy(const void *ctx, size_t a, size_t b)
{
	const struct cpu_time_row *rows = ((const struct text *)ctx)->r->system.cpu_times.data;
	uint64_t x = busy_ns(&rows[a]), y = busy_ns(&rows[b]);

	return x > y ? -1 : x < y;
}

/* ---- softirqs */

static void softirq_cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct cpu_time_row *c = &((struct text *)ctx)->r->system.cpu_times.data[row];

	strbuf_printf(sb, "%" PRIu64, col ? c->softirqs[col - 1] : c->cpu);
}

static void write_softirqs(struct text *t)
{
	struct fit_column names[NR_SOFTIRQS + 1] = { { .title = "CPU" } };

	for (size_t i = 0; i < NR_SOFTIRQS; i++)
		names[i + 1].title = softirq_names[i];
	strbuf_puts(&t->sb, "  softirqs\n");
	text_fit_table(t,
		       &(struct fit_table){ .columns = names, .nr_columns = ARRAY_SIZE(names),
					    .nr_rows = t->r->system.cpu_times.nr, .cell = softirq_cell,
					    .order = by_busy, .ctx = t },
		       "  ");
}

void text_cpu_time(struct text *t)
{
	size_t nr = t->r->system.cpu_times.nr;

	text_counted_title(t, "CPU time in seconds", nr, "per_cpu_time");
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_CPUS, .cell = cell, .order = by_busy, .ctx = t,
					    .more = " CPUs, less busy" },
		       "  ");
	if (t->opts->verbose)
		write_softirqs(t);
}

/* ---- NUMA */

enum { COL_NODE, COL_EVENTS, NR_NUMA_COLUMNS = COL_EVENTS + NR_NUMA_EVENTS };

static const struct fit_column numa_columns[NR_NUMA_COLUMNS] = {
	[COL_NODE] = { .title = "node", .left = true },
	[COL_EVENTS + NUMA_HIT] = { .title = "hit" },
	[COL_EVENTS + NUMA_MISS] = { .title = "miss" },
	[COL_EVENTS + NUMA_FOREIGN] = { .title = "foreign" },
	[COL_EVENTS + NUMA_INTERLEAVE_HIT] = { .title = "interleave" },
	[COL_EVENTS + NUMA_LOCAL] = { .title = "local" },
	[COL_EVENTS + NUMA_OTHER] = { .title = "other" },
};

/* Each node's events; with -v a second row for those of them that no CPU has yet handed over. */
static void numa_cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct text *t = ctx;
	const struct numa_row *n = &t->r->system.numa.data[t->opts->verbose ? row / 2 : row];
	bool deltas = t->opts->verbose && row % 2;

	if (col >= COL_EVENTS)
		strbuf_printf(sb, "%" PRIu64, deltas ? n->deltas[col - COL_EVENTS] : n->events[col - COL_EVENTS]);
	else if (deltas)
		strbuf_puts(sb, "  not folded");
	else
		strbuf_printf(sb, "%" PRIu32, n->node);
}

void text_numa(struct text *t)
{
	size_t nr = t->r->system.numa.nr;

	text_counted_title(t, "NUMA nodes, allocated pages", nr, "per_node_numa");
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = numa_columns, .nr_columns = NR_NUMA_COLUMNS,
					    .nr_rows = t->opts->verbose ? 2 * nr : nr, .cell = numa_cell, .ctx = t },
		       "  ");
}
