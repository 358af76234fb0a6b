/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interrupts: those in trouble first, then those that came most often. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-fit.h"

enum { IRQS_SHOWN = 16 };

/* Then, with -v, a column for each CPU. */
enum column { COL_IRQ, COL_COUNT, COL_BUSIEST, COL_CHIP, COL_HWIRQ, COL_ACTIONS, COL_NOTES, NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_IRQ] = { .title = "irq" },
	[COL_COUNT] = { .title = "count" },
	[COL_BUSIEST] = { .title = "most on", .left = true, .drop = 1 },
	[COL_CHIP] = { .title = "chip", .left = true, .cut = 14 },
	[COL_HWIRQ] = { .title = "hwirq", .verbose = true },
	[COL_ACTIONS] = { .title = "of", .left = true, .cut = 20 },
	[COL_NOTES] = { .title = "", .left = true, .cut = 20 },
};

static bool is_troubled(const struct irq_row *r)
{
	return r->nobody_cared || (r->seen.v && r->unhandled.v * 2 > r->seen.v);
}

static void notes(struct strbuf *sb, const struct irq_row *r)
{
	size_t start = sb->len;

	if (r->nobody_cared)
		strbuf_puts(sb, "off: nobody handled it, ");
	else if (r->depth.v)
		strbuf_puts(sb, "disabled, ");
	if (r->unhandled.v)
		strbuf_printf(sb, "%" PRIu64 " of the last %" PRIu64 " not handled, ", r->unhandled.v, r->seen.v);
	if (r->in_progress)
		strbuf_puts(sb, "being handled, ");
	if (r->pending)
		strbuf_puts(sb, "pending, ");
	if (r->threads_active.v)
		strbuf_printf(sb, "threads at work: %" PRIu64 ", ", r->threads_active.v);
	if (sb->len > start)
		strbuf_cut(sb, sb->len - 2);
}

static void busiest(const struct text *t, struct strbuf *sb, const struct irq_row *r)
{
	uint32_t most = 0;

	for (uint32_t cpu = 1; cpu < t->r->kernel.nr_cpu_ids; cpu++) {
		if (r->counts[cpu] > r->counts[most])
			most = cpu;
	}
	if (r->total)
		strbuf_printf(sb, "CPU %" PRIu32, most);
	else
		strbuf_putc(sb, '-');
}

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct text *t = ctx;
	const struct irq_row *r = &t->r->irqs.rows.data[row];

	if (col >= NR_COLUMNS) {
		strbuf_printf(sb, "%" PRIu32, r->counts[col - NR_COLUMNS]);
		return;
	}
	switch ((enum column)col) {
	case COL_IRQ:
		if (r->label)
			strbuf_puts(sb, r->label);
		else
			strbuf_printf(sb, "%" PRIu32, r->irq);
		return;
	case COL_COUNT:
		strbuf_printf(sb, "%" PRIu64, r->total);
		return;
	case COL_BUSIEST:
		busiest(t, sb, r);
		return;
	case COL_CHIP:
		if (r->chip)
			escape_append(sb, r->chip, strlen(r->chip));
		return;
	case COL_HWIRQ:
		if (r->hwirq.has)
			strbuf_printf(sb, "%" PRIu64, r->hwirq.v);
		return;
	case COL_ACTIONS:
		if (r->actions)
			escape_append(sb, r->actions, strlen(r->actions));
		else if (!r->label)
			strbuf_puts(sb, "nobody");
		return;
	case COL_NOTES:
		notes(sb, r);
		return;
	case NR_COLUMNS:
		break;
	}
}

static int by_trouble(const void *ctx, size_t a, size_t b)
{
	const struct irq_row *rows = ((const struct text *)ctx)->r->irqs.rows.data, *x = &rows[a], *y = &rows[b];

	if (is_troubled(x) != is_troubled(y))
		return is_troubled(x) ? -1 : 1;
	return x->total > y->total ? -1 : x->total < y->total;
}

static void write_table(struct text *t, const struct irqs *irqs)
{
	size_t nr = NR_COLUMNS + (t->opts->verbose ? t->r->kernel.nr_cpu_ids : 0);
	struct fit_column *all = calloc(nr, sizeof(*all));
	char (*titles)[32] = calloc(nr, sizeof(*titles));

	if (!all || !titles) {
		t->sb.nomem = true;
	} else {
		memcpy(all, columns, sizeof(columns));
		for (size_t i = NR_COLUMNS; i < nr; i++) {
			snprintf(titles[i], sizeof(titles[i]), "CPU %zu", i - NR_COLUMNS);
			all[i].title = titles[i];
		}
		text_fit_table(t,
			       &(struct fit_table){ .columns = all, .nr_columns = nr, .nr_rows = irqs->rows.nr,
						    .cap = IRQS_SHOWN, .cell = cell, .order = by_trouble, .ctx = t,
						    .more = ", which came less often" },
			       "  ");
	}
	free(all);
	free(titles);
}

void text_irqs(struct text *t)
{
	const struct irqs *irqs = &t->r->irqs;

	text_counted_title(t, "interrupts since boot", irqs->rows.nr, "irqs");
	if (irqs->rows.nr)
		write_table(t, irqs);
}
