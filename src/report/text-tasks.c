/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks, those in trouble first. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/task-names.h"
#include "report/text-fit.h"

/* ---- the table */

enum column {
	COL_PID,
	COL_TGID,
	COL_COMM,
	COL_STATE,
	COL_CPU,
	COL_FOR,
	COL_LAST_RAN,
	COL_CLASS,
	COL_PRIO,
	COL_WEIGHT,
	COL_DSQ,
	COL_CGROUP,
	COL_NOTES,
	NR_COLUMNS,
};

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_PID] = { .title = "pid" },
	[COL_TGID] = { .title = "tgid", .drop = 4 },
	[COL_COMM] = { .title = "comm", .left = true, .cut = 16 },
	[COL_STATE] = { .title = "state", .left = true },
	[COL_CPU] = { .title = "CPU" },
	[COL_FOR] = { .title = "waiting for" },
	[COL_LAST_RAN] = { .title = "last ran", .drop = 5 },
	[COL_CLASS] = { .title = "class", .left = true, .drop = 6 },
	[COL_PRIO] = { .title = "prio", .drop = 3 },
	[COL_WEIGHT] = { .title = "weight", .drop = 2 },
	[COL_DSQ] = { .title = "DSQ", .left = true, .drop = 7 },
	[COL_CGROUP] = { .title = "cgroup", .left = true, .drop = 1 },
	[COL_NOTES] = { .title = "", .left = true, .cut = 28 },
};

/* A task and what decides where it stands. */
struct ranked {
	const struct task_row *task;
	enum task_rank rank;
	double seconds;
};

struct task_table {
	struct text *t;
	const struct ranked *rows;
};

static void state_cell(struct strbuf *sb, const struct task_row *task)
{
	if (task->running)
		strbuf_puts(sb, "running");
	else
		strbuf_putc(sb, task->x.state_letter ? task->x.state_letter : '?');
}

static void dsq_cell(struct text *t, struct strbuf *sb, const struct task_row *task)
{
	const struct dsq_row *d;
	char origin[32];

	if (!task->dsq_kva.has || !task->dsq_kva.v) {
		strbuf_putc(sb, task->dsq_kva.has || !t->r->scx.in_kernel ? '-' : '?');
		return;
	}
	d = index_dsq(&t->index, (struct kva){ task->dsq_kva.v });
	if (!d) {
		strbuf_printf(sb, "at 0x%" PRIx64, task->dsq_kva.v);
		return;
	}
	dsq_origin_text(d, origin);
	if (d->origin == DSQ_USER && d->has_id)
		strbuf_printf(sb, "0x%" PRIx64, d->id);
	else
		strbuf_puts(sb, origin);
}

static void notes_cell(struct text *t, struct strbuf *sb, const struct task_row *task)
{
	const char *wchan = task_wchan(t->r, task);
	size_t start = sb->len;
	double share;

	if (task->unreadable)
		strbuf_puts(sb, ", partly unreadable");
	if (task_watchdog_share(t->r, task, &share) && share >= 0.1)
		strbuf_printf(sb, ", %.0f %% of the watchdog's timeout", share * 100);
	if (task_is_held(task))
		strbuf_puts(sb, ", held by the scheduler");
	if (task->x.transit)
		strbuf_puts(sb, task->x.transit == TRANSIT_BUFFERED ? ", being dispatched" : ", deferred");
	if (task->pi_boosted_out_of_scx)
		strbuf_puts(sb, ", boosted out of scx");
	if (task->x.lock_symbol)
		strbuf_printf(sb, ", in %s", task->x.lock_symbol);
	else if (wchan) {
		strbuf_puts(sb, ", in ");
		escape_append(sb, wchan, strlen(wchan));
	}
	if (task->x.in_iowait.has && task->x.in_iowait.v)
		strbuf_puts(sb, ", in iowait");
	if (task->x.unlisted)
		strbuf_puts(sb, ", on no list of processes");
	if (sb->len > start) { /* without the first comma */
		memmove(sb->s + start, sb->s + start + 2, sb->len - start - 2);
		strbuf_cut(sb, sb->len - 2);
	}
}

static void number(struct strbuf *sb, const struct task_row *task, enum task_unknown what, int64_t v)
{
	if (task_knows(task, what))
		strbuf_printf(sb, "%" PRId64, v);
	else
		strbuf_putc(sb, '?');
}

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct task_table *table = ctx;
	const struct ranked *ranked = &table->rows[row];
	const struct task_row *task = ranked->task;

	switch ((enum column)col) {
	case COL_PID:
		strbuf_printf(sb, "%" PRId32, task->pid);
		return;
	case COL_TGID:
		number(sb, task, TASK_TGID, task->tgid);
		return;
	case COL_COMM:
		escape_append(sb, task->comm, strlen(task->comm));
		return;
	case COL_STATE:
		state_cell(sb, task);
		return;
	case COL_CPU:
		number(sb, task, TASK_CPU, task->cpu);
		return;
	case COL_FOR:
		if (ranked->seconds >= 0)
			strbuf_printf(sb, "%.3f s", ranked->seconds);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_LAST_RAN:
		if (task->x.last_ran.has && !task->running)
			strbuf_printf(sb, "%.3f s", (double)task->x.last_ran.v / 1e9);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_CLASS:
		strbuf_puts(sb, task->sched_class ? task->sched_class : "?");
		return;
	case COL_PRIO:
		number(sb, task, TASK_PRIO, task->prio);
		return;
	case COL_WEIGHT:
		if (table->t->r->scx.in_kernel)
			number(sb, task, TASK_WEIGHT, task->weight);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_DSQ:
		dsq_cell(table->t, sb, task);
		return;
	case COL_CGROUP:
		if (task->x.cgroup)
			escape_append(sb, task->x.cgroup, strlen(task->x.cgroup));
		else
			strbuf_putc(sb, '?');
		return;
	case COL_NOTES:
		notes_cell(table->t, sb, task);
		return;
	case NR_COLUMNS:
		break;
	}
}

/* ---- in order of trouble */

static int by_trouble(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->seconds < y->seconds || x->seconds > y->seconds)
		return x->seconds > y->seconds ? -1 : 1;
	/* Of equal ones the order of the report, which is that of their pids. */
	return x->task < y->task ? -1 : x->task > y->task;
}

/* Those that are worth more than their line: the ones asked for, or those in trouble. */
static void write_details(struct text *t, const struct ranked *rows, size_t nr)
{
	size_t wanted = 0, shown;

	if (t->r->tasks_narrowed)
		wanted = nr;
	while (!t->r->tasks_narrowed && wanted < nr && rows[wanted].rank <= TASK_RANK_STARVED)
		wanted++;
	shown = t->r->tasks_narrowed ? text_shown(t, wanted, TEXT_MAX_TASKS) :
				       text_shown(t, wanted, TEXT_MAX_TASK_DETAILS);
	for (size_t i = 0; i < shown && !t->e; i++) {
		strbuf_putc(&t->sb, '\n');
		t->e = text_task_details(t, rows[i].task);
		text_flush(t);
	}
	if (shown < wanted && !t->r->tasks_narrowed)
		strbuf_printf(&t->sb, "\n  \u2026 %zu more that have been waiting for a second or longer (-v shows all)\n",
			      wanted - shown);
}

void text_tasks(struct text *t)
{
	const struct report *r = t->r;
	size_t nr = report_nr_tasks_shown(r);
	struct ranked *rows;

	text_counted_title(t, "tasks", nr, "tasks");
	if (report_find_section(r, "--task")) /* --dsq narrows them too, and says so with its queues */
		text_section_notes(t, "--task");
	if (r->tasks_unavailable) {
		strbuf_puts(&t->sb, "  ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, "unavailable: ");
		text_guest(t, r->tasks_unavailable);
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
	if (!nr)
		return;
	rows = calloc(nr, sizeof(*rows));
	if (!rows) {
		t->sb.nomem = true;
		return;
	}
	for (size_t i = 0; i < nr; i++) {
		rows[i].task = &r->tasks.data[i];
		rows[i].rank = task_rank(r, rows[i].task, &rows[i].seconds);
	}
	qsort(rows, nr, sizeof(*rows), by_trouble);
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_TASKS, .cell = cell,
					    .ctx = &(struct task_table){ t, rows }, .more = "" },
		       "  ");
	write_details(t, rows, nr);
	free(rows);
}
