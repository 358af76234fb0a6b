/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/text-parts.h"

static const struct dsq_row *local_dsq(const struct text *t, uint32_t cpu)
{
	for (size_t i = 0; i < t->r->scx.dsqs.nr; i++) {
		const struct dsq_row *d = &t->r->scx.dsqs.data[i];

		if (d->origin == DSQ_LOCAL && d->index == cpu)
			return d;
	}
	return NULL;
}

static void rq_cells(struct text *t, struct table *tab, const struct scx_rq_row *rq)
{
	const struct dsq_row *d = local_dsq(t, rq->cpu);

	table_cell(tab, "%" PRIu32, rq->cpu);
	if (rq->has_curr) {
		escape_append(table_open(tab), rq->curr_comm, strlen(rq->curr_comm));
		table_cell(tab, "%" PRId32, rq->curr_pid);
	} else {
		table_cell(tab, "?");
		table_cell(tab, "?");
	}
	table_cell(tab, "%" PRIu32, rq->nr_running);
	table_cell(tab, "%zu%s", rq->nr_runnable, rq->truncated ? "+" : "");
	if (d)
		table_cell(tab, "%" PRIu32, d->nr);
	else
		table_cell(tab, "?");
	struct strbuf *sb = table_open(tab);
	strbuf_printf(sb, "0x%" PRIx32, rq->flags);
	if (rq->flag_names) {
		strbuf_putc(sb, ' ');
		escape_append(sb, rq->flag_names, strlen(rq->flag_names));
	}
	if (rq->cpu_released)
		strbuf_puts(sb, " (released)");
}

static void write_rqs(struct text *t)
{
	static const char *const titles[] = { "CPU",	   "running",	"pid",	"scx tasks",
					      "runnable", "local DSQ", "flags" };
	struct table tab = { .columns = ARRAY_SIZE(titles), .left = 1 << 1 | 1 << 6 };

	if (!t->r->scx.rqs.nr)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_cell(&tab, "%s", titles[i]);
	for (size_t i = 0; i < t->r->scx.rqs.nr; i++)
		rq_cells(t, &tab, &t->r->scx.rqs.data[i]);
	strbuf_putc(&t->sb, '\n');
	table_write(&tab, &t->sb, "  ");
	strbuf_putc(&t->sb, '\n');
	table_deinit(&tab);
}

/* Tasks of a list by name, and how long each has been waiting. */
static void write_list(struct text *t, const struct kva *tasks, size_t nr)
{
	struct table tab = { .columns = 4, .left = 1 << 1 | 1 << 2 };
	size_t shown = text_shown(t, nr, TEXT_MAX_QUEUED);

	if (!nr)
		return;
	table_cell(&tab, "pid");
	table_cell(&tab, "comm");
	table_cell(&tab, "class");
	table_cell(&tab, "runnable for");
	for (size_t i = 0; i < shown; i++) {
		const struct task_row *task = index_task(&t->index, tasks[i]);
		double seconds;

		if (!task) {
			table_cell(&tab, "?");
			table_cell(&tab, "task_struct 0x%" PRIx64 ", not read", tasks[i].v);
			table_cell(&tab, "?");
			table_cell(&tab, "?");
			continue;
		}
		table_cell(&tab, "%" PRId32, task->pid);
		escape_append(table_open(&tab), task->comm, strlen(task->comm));
		table_cell(&tab, "%s", task->sched_class ? task->sched_class : "?");
		if (report_runnable_for(t->r, task, &seconds))
			table_cell(&tab, "%.3f s", seconds);
		else
			table_cell(&tab, "?");
	}
	table_write(&tab, &t->sb, "    ");
	table_deinit(&tab);
	text_more(t, 2, nr - shown);
	strbuf_putc(&t->sb, '\n');
}

static void write_why(struct text *t, const char *why)
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
	char origin[32];

	dsq_origin_text(d, origin);
	text_bold(t, true);
	strbuf_printf(&t->sb, "  DSQ 0x%" PRIx64 " (%s): %" PRIu32 " queued", d->id, origin, d->nr);
	text_bold(t, false);
	if (d->nr != d->nr_tasks)
		strbuf_printf(&t->sb, ", but %zu on its list", d->nr_tasks);
	strbuf_putc(&t->sb, '\n');
	write_list(t, d->tasks, d->nr_tasks);
	if (d->truncated)
		write_why(t, d->why);
	text_flush(t);
}

static bool is_empty(const struct dsq_row *d)
{
	return !d->nr && !d->nr_tasks && !d->truncated;
}

/* Queues with tasks one by one; of the empty ones, which may be thousands, the names. */
static void write_dsqs(struct text *t)
{
	size_t empty = 0, cap = text_shown(t, t->r->scx.dsqs.nr, TEXT_MAX_QUEUED), user = 0;

	if (t->r->scx.dsqs.nr)
		strbuf_putc(&t->sb, '\n');
	for (size_t i = 0; i < t->r->scx.dsqs.nr; i++) {
		const struct dsq_row *d = &t->r->scx.dsqs.data[i];

		user += d->origin == DSQ_USER;
		empty += is_empty(d);
		if (!is_empty(d))
			write_dsq(t, d);
	}
	if (empty) {
		size_t shown = 0;

		strbuf_puts(&t->sb, "  empty DSQs: ");
		for (size_t i = 0; i < t->r->scx.dsqs.nr && shown < cap; i++) {
			const struct dsq_row *d = &t->r->scx.dsqs.data[i];
			char origin[32];

			if (!is_empty(d))
				continue;
			dsq_origin_text(d, origin);
			strbuf_puts(&t->sb, shown++ ? ", " : "");
			if (d->origin == DSQ_USER)
				strbuf_printf(&t->sb, "0x%" PRIx64 " (user)", d->id);
			else
				strbuf_puts(&t->sb, origin);
		}
		if (shown < empty)
			strbuf_printf(&t->sb, ", \u2026 %zu more (-v shows all)", empty - shown);
		strbuf_putc(&t->sb, '\n');
	}
	if (t->r->scx.dsqs.nr && !user)
		strbuf_puts(&t->sb, "  no DSQs of the scheduler's own\n");
}

static void write_runnable(struct text *t)
{
	for (size_t i = 0; i < t->r->scx.rqs.nr; i++) {
		const struct scx_rq_row *rq = &t->r->scx.rqs.data[i];

		if (!rq->nr_runnable && !rq->truncated)
			continue;
		strbuf_printf(&t->sb, "  runnable list of CPU %" PRIu32 ": %zu\n", rq->cpu,
			      rq->nr_runnable);
		write_list(t, rq->runnable, rq->nr_runnable);
		if (rq->truncated)
			write_why(t, rq->why);
	}
}

void text_scx(struct text *t)
{
	const struct scx_state *scx = &t->r->scx;

	text_bold(t, true);
	strbuf_puts(&t->sb, "sched_ext:");
	if (scx->enable_state)
		strbuf_printf(&t->sb, " %s", scx->enable_state);
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	text_section_notes(t, "scx");
	if (scx->unavailable) {
		strbuf_puts(&t->sb, "  ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, "unavailable: ");
		text_guest(t, scx->unavailable);
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
	text_scheds(t);
	write_rqs(t);
	write_dsqs(t);
	write_runnable(t);
}
