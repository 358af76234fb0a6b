/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dispatch queues: a table of those with tasks, then these one by one. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/text-fit.h"

double text_longest_wait(const struct text *t, const struct kva *tasks, size_t nr)
{
	double longest = -1, seconds;

	for (size_t i = 0; i < nr; i++) {
		const struct task_row *task = index_task(&t->index, tasks[i]);

		if (task && report_runnable_for(t->r, task, &seconds))
			longest = MAX(longest, seconds);
	}
	return longest;
}

/* ---- tasks of a list by name, and how long each has been waiting */

enum list_column { LIST_PID, LIST_COMM, LIST_CLASS, LIST_FOR, NR_LIST_COLUMNS };

static const struct fit_column list_columns[NR_LIST_COLUMNS] = {
	[LIST_PID] = { .title = "pid" },
	[LIST_COMM] = { .title = "comm", .left = true, .cut = 16 },
	[LIST_CLASS] = { .title = "class", .left = true },
	[LIST_FOR] = { .title = "runnable for" },
};

struct task_list {
	const struct text *t;
	const struct kva *tasks;
};

static void list_cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct task_list *list = ctx;
	const struct task_row *task = index_task(&list->t->index, list->tasks[row]);
	double seconds;

	if (!task) {
		if (col == LIST_COMM)
			strbuf_printf(sb, "task_struct 0x%" PRIx64 ", not read", list->tasks[row].v);
		else
			strbuf_putc(sb, '?');
		return;
	}
	switch ((enum list_column)col) {
	case LIST_PID:
		strbuf_printf(sb, "%" PRId32, task->pid);
		return;
	case LIST_COMM:
		escape_append(sb, task->comm, strlen(task->comm));
		return;
	case LIST_CLASS:
		strbuf_puts(sb, task->sched_class ? task->sched_class : "?");
		return;
	case LIST_FOR:
		if (report_runnable_for(list->t->r, task, &seconds))
			strbuf_printf(sb, "%.3f s", seconds);
		else
			strbuf_putc(sb, '?');
		return;
	case NR_LIST_COLUMNS:
		break;
	}
}

/* In the order of the list, which is what matters of one. */
void text_task_list(struct text *t, const struct kva *tasks, size_t nr)
{
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = list_columns, .nr_columns = NR_LIST_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_QUEUED, .cell = list_cell,
					    .ctx = &(struct task_list){ t, tasks }, .more = "" },
		       "    ");
}

void text_list_cut(struct text *t, const char *why)
{
	strbuf_puts(&t->sb, "    ");
	text_alarm(t, true);
	strbuf_puts(&t->sb, "list cut: ");
	text_guest(t, why ? why : "a cap was reached");
	text_alarm(t, false);
	strbuf_putc(&t->sb, '\n');
}

static void write_dsq(struct text *t, const struct dsq_row *d)
{
	char origin[32], id[32] = "?";

	dsq_origin_text(d, origin);
	if (d->has_id)
		dsq_id_text(d->id, id);
	text_bold(t, true);
	strbuf_printf(&t->sb, "  DSQ %s (%s): ", id, origin);
	if (d->has_nr)
		strbuf_printf(&t->sb, "%" PRIu32 " queued", d->nr);
	else
		strbuf_printf(&t->sb, "%zu on its list", d->nr_tasks);
	text_bold(t, false);
	if (d->has_nr && d->nr != d->nr_tasks)
		strbuf_printf(&t->sb, ", but %zu on its list", d->nr_tasks);
	strbuf_putc(&t->sb, '\n');
	text_task_list(t, d->tasks, d->nr_tasks);
	if (d->truncated)
		text_list_cut(t, d->why);
	text_flush(t);
}

static bool is_empty(const struct dsq_row *d)
{
	return !d->nr && !d->nr_tasks && !d->truncated;
}

/* ---- the table */

enum column { COL_ID, COL_ORIGIN, COL_SCHED, COL_NR, COL_WAITS, COL_ORDER, COL_FIRST, NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_ID] = { .title = "DSQ", .left = true },
	[COL_ORIGIN] = { .title = "of", .left = true },
	[COL_SCHED] = { .title = "scheduler", .left = true, .drop = 1 },
	[COL_NR] = { .title = "queued" },
	[COL_WAITS] = { .title = "longest for" },
	[COL_ORDER] = { .title = "order", .left = true, .drop = 3 },
	[COL_FIRST] = { .title = "first", .left = true, .drop = 2 },
};

struct ranked {
	const struct dsq_row *d;
	double waits; /* s, the longest of its tasks; < 0: unknown */
};

struct dsq_table {
	struct text *t;
	struct ranked *rows;
};

static const char *sched_name(const struct report *r, struct kva kva)
{
	const struct scx_sched_row *s = scx_find_sched(&r->scx, kva);

	return s ? s->ops_name : "?";
}

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct dsq_table *table = ctx;
	const struct dsq_row *d = table->rows[row].d;
	const struct task_row *task;
	char origin[32], id[32] = "?";

	switch ((enum column)col) {
	case COL_ID:
		if (d->has_id)
			dsq_id_text(d->id, id);
		strbuf_puts(sb, id);
		return;
	case COL_ORIGIN:
		dsq_origin_text(d, origin);
		strbuf_puts(sb, origin);
		return;
	case COL_SCHED:
		if (d->sched.v) {
			const char *name = sched_name(table->t->r, d->sched);

			escape_append(sb, name, strlen(name));
			strbuf_printf(sb, " at 0x%" PRIx64, d->sched.v);
		} else {
			strbuf_puts(sb, d->origin == DSQ_USER || d->origin == DSQ_GLOBAL ? "root" : "-");
		}
		return;
	case COL_NR:
		if (!d->has_nr) {
			strbuf_printf(sb, "%zu", d->nr_tasks);
			return;
		}
		strbuf_printf(sb, "%" PRIu32, d->nr);
		if (d->nr != d->nr_tasks)
			strbuf_printf(sb, " (%zu listed)", d->nr_tasks);
		return;
	case COL_WAITS:
		if (table->rows[row].waits >= 0)
			strbuf_printf(sb, "%.3f s", table->rows[row].waits);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_ORDER:
		strbuf_puts(sb, d->by_vtime ? "vtime" : "fifo");
		return;
	case COL_FIRST:
		task = d->nr_tasks ? index_task(&table->t->index, d->tasks[0]) : NULL;
		if (!task) {
			strbuf_putc(sb, d->nr_tasks ? '?' : '-');
			return;
		}
		escape_append(sb, task->comm, strlen(task->comm));
		strbuf_printf(sb, "[%" PRId32 "]", task->pid);
		return;
	case NR_COLUMNS:
		break;
	}
}

/* Those whose tasks have waited longest first. */
static int by_trouble(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->waits < y->waits || x->waits > y->waits)
		return x->waits > y->waits ? -1 : 1;
	if (x->d->nr != y->d->nr)
		return x->d->nr > y->d->nr ? -1 : 1;
	return x->d < y->d ? -1 : x->d > y->d;
}

static void write_table(struct text *t, struct ranked *rows, size_t nr)
{
	size_t shown = text_shown(t, nr, TEXT_MAX_QUEUED);
	struct dsq_table table = { t, rows };

	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_QUEUED, .cell = cell, .ctx = &table,
					    .more = " DSQs, where nobody waits longer" },
		       "  ");
	strbuf_putc(&t->sb, '\n');
	for (size_t i = 0; i < shown; i++)
		write_dsq(t, rows[i].d);
}

/* Of the empty ones of a scheduler, which may be thousands, the names; 0: of CPUs and of the root. */
static void write_empty(struct text *t, struct kva sched)
{
	size_t nr_dsqs = scx_nr_dsqs_shown(&t->r->scx), nr = 0;
	size_t cap = text_shown(t, nr_dsqs, TEXT_MAX_QUEUED);

	for (size_t i = 0; i < nr_dsqs; i++) {
		const struct dsq_row *d = &t->r->scx.dsqs.data[i];
		char origin[32];

		if (!is_empty(d) || d->sched.v != sched.v || nr++ >= cap)
			continue;
		if (nr == 1 && sched.v) {
			strbuf_puts(&t->sb, "  empty DSQs of ");
			text_guest(t, sched_name(t->r, sched));
			strbuf_printf(&t->sb, " at 0x%" PRIx64 ": ", sched.v);
		} else {
			strbuf_puts(&t->sb, nr == 1 ? "  empty DSQs: " : ", ");
		}
		dsq_origin_text(d, origin);
		if (d->origin == DSQ_USER && d->has_id)
			strbuf_printf(&t->sb, "0x%" PRIx64 " (user)", d->id);
		else if (d->origin == DSQ_USER)
			strbuf_printf(&t->sb, "user DSQ at 0x%" PRIx64, d->kva.v);
		else
			strbuf_puts(&t->sb, origin);
	}
	if (nr > cap)
		strbuf_printf(&t->sb, ", \u2026 %zu more (-v shows all)", nr - cap);
	if (nr)
		strbuf_putc(&t->sb, '\n');
}

void text_scx_dsqs(struct text *t)
{
	size_t nr_dsqs = scx_nr_dsqs_shown(&t->r->scx), user = 0, nr = 0;
	struct ranked *rows = calloc(nr_dsqs + 1, sizeof(*rows));

	if (!rows) {
		t->sb.nomem = true;
		return;
	}
	if (nr_dsqs)
		strbuf_putc(&t->sb, '\n');
	for (size_t i = 0; i < nr_dsqs; i++) {
		const struct dsq_row *d = &t->r->scx.dsqs.data[i];

		user += d->origin == DSQ_USER;
		if (!is_empty(d))
			rows[nr++] = (struct ranked){ d, text_longest_wait(t, d->tasks, d->nr_tasks) };
	}
	qsort(rows, nr, sizeof(*rows), by_trouble);
	write_table(t, rows, nr);
	free(rows);
	write_empty(t, (struct kva){ 0 });
	for (size_t i = 0; i < t->r->scx.others.nr; i++) {
		if (t->r->scx.others.data[i].role == SCX_SUB)
			write_empty(t, t->r->scx.others.data[i].kva);
	}
	if (nr_dsqs && !user && !t->r->scx.dsqs_narrowed)
		strbuf_puts(&t->sb, "  no DSQs of the scheduler's own\n");
}
