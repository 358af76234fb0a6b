/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pressure: of the whole system, then of the cgroups under most of it. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/text-fit.h"

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

/* The system stays first; then the most pressed. */
static int by_pressure(const void *ctx, size_t a, size_t b)
{
	const struct psi_row *rows = ((const struct text *)ctx)->r->system.psi.data;

	if (!a || !b)
		return a ? 1 : b ? -1 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows->some[0].avg); i++) {
		uint64_t x = worst_avg(&rows[a], i), y = worst_avg(&rows[b], i);

		if (x != y)
			return x > y ? -1 : 1;
	}
	return 0;
}

/* Two columns for each: the averages and the sum. */
static const struct {
	const char *title;
	enum psi_resource resource;
	bool full, verbose;
} kinds[] = {
	{ "cpu some", PSI_CPU, false, false },	     { "cpu full", PSI_CPU, true, true },
	{ "mem some", PSI_MEMORY, false, false },    { "mem full", PSI_MEMORY, true, false },
	{ "io some", PSI_IO, false, false },	     { "io full", PSI_IO, true, false },
	{ "irq full", PSI_IRQ, true, false },
};

static void write_group(struct strbuf *sb, const struct psi_row *p)
{
	if (p->cgroup.v)
		escape_append(sb, p->path, strlen(p->path));
	else
		strbuf_puts(sb, "whole system");
	strbuf_puts(sb, p->dying ? " (dying)" : p->disabled ? " (disabled)" : "");
}

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct text *t = ctx;
	const struct psi_row *p = &t->r->system.psi.data[row];
	size_t kind = (col - 1) / 2;
	const struct psi_value *v;

	if (!col) {
		write_group(sb, p);
		return;
	}
	v = kinds[kind].full ? &p->full[kinds[kind].resource] : &p->some[kinds[kind].resource];
	if (!v->has)
		/* A kernel without interrupt accounting has no column for it. */
		strbuf_puts(sb, kinds[kind].resource == PSI_IRQ ? "" : "-");
	else if (col % 2 == 0)
		strbuf_printf(sb, "%" PRIu64 ".%02u", v->total / 1000000000,
			      (unsigned int)(v->total / 10000000 % 100));
	else if (t->opts->verbose)
		strbuf_printf(sb, "%.2f/%.2f/%.2f", fixed_point(v->avg[0]), fixed_point(v->avg[1]),
			      fixed_point(v->avg[2]));
	else
		strbuf_printf(sb, "%.2f", fixed_point(v->avg[0]));
}

static void write_table(struct text *t, size_t shown)
{
	struct fit_column columns[1 + 2 * ARRAY_SIZE(kinds)] = { { .title = "", .left = true, .cut = 12 } };
	bool irq = t->r->system.psi.data[0].full[PSI_IRQ].has;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool none = kinds[i].resource == PSI_IRQ && !irq;

		columns[1 + 2 * i] = (struct fit_column){ .title = none ? "" : kinds[i].title,
							  .verbose = kinds[i].verbose };
		columns[2 + 2 * i] = (struct fit_column){ .title = none ? "" : "s", .drop = 1,
							  .verbose = kinds[i].verbose };
	}
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = ARRAY_SIZE(columns),
					    .nr_rows = t->r->system.psi.nr, .cap = shown, .cell = cell,
					    .order = by_pressure, .ctx = t, .more = "" },
		       "  ");
}

void text_psi(struct text *t)
{
	const struct system *s = &t->r->system;
	size_t shown = 1;

	text_counted_title(t, t->opts->verbose ? "pressure, % over 10/60/300 s, and seconds since boot" :
						 "pressure, % over 10 s, and seconds since boot",
			   s->psi.nr, "cgroup_psi");
	if (!s->psi.nr)
		return;
	for (size_t i = 1; i < s->psi.nr; i++)
		shown += has_pressure(&s->psi.data[i]);
	write_table(t, MIN(shown, (size_t)TEXT_MAX_CGROUPS));
}
