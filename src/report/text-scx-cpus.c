/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sched_ext's CPUs: who runs and for how long, who waits. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-fit.h"

enum column { COL_CPU, COL_TASK, COL_PID, COL_CLASS, COL_FOR, COL_SCX, COL_RUNNABLE, COL_WAITS, COL_LOCAL, COL_STATE,
	      COL_FLAGS, NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_CPU] = { .title = "CPU" },
	[COL_TASK] = { .title = "running", .left = true, .cut = 16 },
	[COL_PID] = { .title = "pid" },
	[COL_CLASS] = { .title = "class", .left = true, .drop = 3 },
	[COL_FOR] = { .title = "runs for", .drop = 2 },
	[COL_SCX] = { .title = "scx tasks", .drop = 4 },
	[COL_RUNNABLE] = { .title = "runnable" },
	[COL_WAITS] = { .title = "longest for" },
	[COL_LOCAL] = { .title = "local DSQ" },
	[COL_STATE] = { .title = "", .left = true, .cut = 20 },
	[COL_FLAGS] = { .title = "flags", .left = true, .drop = 1 },
};

struct scx_cpu {
	const struct scx_rq_row *rq;
	const struct dsq_row *local; /* NULL: could not be read */
	double waits;		     /* s, the longest of its runnable tasks; < 0: none, or unknown */
};

struct cpu_table {
	const struct text *t;
	struct scx_cpu *rows;
};

/* What a reader looks for first, in words. */
static void marks(const struct text *t, struct strbuf *sb, const struct scx_rq_row *rq)
{
	const struct task_row *rescued = rq->rescued.v ? index_task(&t->index, rq->rescued) : NULL;
	size_t start = sb->len, buffered = 0;

	for (size_t i = 0; i < rq->nr_transit; i++)
		buffered += rq->transit[i].buffered;
	if (rq->offline)
		strbuf_puts(sb, ", offline");
	if (rq->has_idle && rq->is_idle)
		strbuf_puts(sb, ", idle");
	/* Who has claimed it is about to wake it. */
	if (rq->is_idle && rq->in_idle_mask.has && !rq->in_idle_mask.v)
		strbuf_puts(sb, " but claimed");
	else if (rq->has_idle && !rq->is_idle && rq->in_idle_mask.v)
		strbuf_puts(sb, ", passes for idle");
	if (rq->bypassed)
		strbuf_puts(sb, ", bypassed");
	if (rq->kicks) {
		strbuf_puts(sb, ", to be kicked: ");
		escape_append(sb, rq->kicks, strlen(rq->kicks));
	}
	if (rq->nr_transit > buffered)
		strbuf_printf(sb, ", %zu deferred", rq->nr_transit - buffered);
	if (buffered)
		strbuf_printf(sb, ", %zu being dispatched", buffered);
	if (rq->cpu_released)
		strbuf_puts(sb, ", released");
	if (rescued) {
		strbuf_puts(sb, ", rescues ");
		escape_append(sb, rescued->comm, strlen(rescued->comm));
	} else if (rq->rescued.v) {
		strbuf_puts(sb, ", rescues somebody");
	}
	if (sb->len > start) { /* without the first comma */
		memmove(sb->s + start, sb->s + start + 2, sb->len - start - 2);
		strbuf_cut(sb, sb->len - 2);
	}
}

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct scx_cpu *c = &((struct cpu_table *)ctx)->rows[row];
	const struct scx_rq_row *rq = c->rq;

	switch ((enum column)col) {
	case COL_CPU:
		strbuf_printf(sb, "%" PRIu32, rq->cpu);
		return;
	case COL_TASK:
		if (rq->has_curr)
			escape_append(sb, rq->curr_comm, strlen(rq->curr_comm));
		else
			strbuf_putc(sb, '?');
		return;
	case COL_PID:
		if (rq->has_curr)
			strbuf_printf(sb, "%" PRId32, rq->curr_pid);
		else
			strbuf_putc(sb, '?');
		return;
	case COL_CLASS:
		strbuf_puts(sb, rq->curr_class ? rq->curr_class : "?");
		return;
	case COL_FOR:
		if (rq->curr_ran.has)
			strbuf_printf(sb, "%.3f s", (double)rq->curr_ran.v / 1e9);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_SCX:
		if (rq->nr_running.has)
			strbuf_printf(sb, "%" PRIu64, rq->nr_running.v);
		else
			strbuf_putc(sb, '?');
		return;
	case COL_RUNNABLE:
		strbuf_printf(sb, "%zu%s", rq->nr_runnable, rq->truncated ? "+" : "");
		return;
	case COL_WAITS:
		if (c->waits >= 0)
			strbuf_printf(sb, "%.3f s", c->waits);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_LOCAL:
		if (c->local && c->local->has_nr)
			strbuf_printf(sb, "%" PRIu32, c->local->nr);
		else
			strbuf_putc(sb, '?');
		return;
	case COL_STATE:
		marks(((struct cpu_table *)ctx)->t, sb, rq);
		return;
	case COL_FLAGS:
		if (!rq->flags.has) {
			strbuf_putc(sb, '?');
			return;
		}
		strbuf_printf(sb, "0x%" PRIx64, rq->flags.v);
		if (rq->flag_names) {
			strbuf_putc(sb, ' ');
			escape_append(sb, rq->flag_names, strlen(rq->flag_names));
		}
		return;
	case NR_COLUMNS:
		break;
	}
}

/* Who has kept somebody waiting longest first; of equal ones the order of their numbers. */
static int by_trouble(const void *ctx, size_t a, size_t b)
{
	const struct cpu_table *table = ctx;
	const struct scx_cpu *x = &table->rows[a], *y = &table->rows[b];

	if (x->waits < y->waits || x->waits > y->waits)
		return x->waits > y->waits ? -1 : 1;
	if (x->rq->nr_runnable != y->rq->nr_runnable)
		return x->rq->nr_runnable > y->rq->nr_runnable ? -1 : 1;
	return 0;
}

void text_scx_cpus(struct text *t)
{
	const struct scx_state *scx = &t->r->scx;
	size_t nr = scx->rqs.nr, seen = 0;
	struct cpu_table table = { t, calloc(nr + 1, sizeof(*table.rows)) };

	if (!nr || !table.rows) {
		t->sb.nomem |= nr && !table.rows;
		free(table.rows);
		return;
	}
	for (size_t i = 0; i < nr; i++) {
		const struct scx_rq_row *rq = &scx->rqs.data[i];

		table.rows[i] = (struct scx_cpu){ rq, NULL, text_longest_wait(t, rq->runnable, rq->nr_runnable) };
		/* Both are by CPU. */
		while (seen < scx->dsqs.nr && scx->dsqs.data[seen].origin == DSQ_LOCAL &&
		       scx->dsqs.data[seen].index < rq->cpu)
			seen++;
		if (seen < scx->dsqs.nr && scx->dsqs.data[seen].origin == DSQ_LOCAL &&
		    scx->dsqs.data[seen].index == rq->cpu)
			table.rows[i].local = &scx->dsqs.data[seen];
	}
	strbuf_putc(&t->sb, '\n');
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_CPUS, .cell = cell, .order = by_trouble, .ctx = &table,
					    .more = " CPUs, where nobody waits longer" },
		       "  ");
	free(table.rows);
}
