/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <inttypes.h>

#include "report/held.h"
#include "report/text-parts.h"

static void write_runnable(struct text *t)
{
	for (size_t i = 0; i < t->r->scx.rqs.nr; i++) {
		const struct scx_rq_row *rq = &t->r->scx.rqs.data[i];

		if (!rq->nr_runnable && !rq->truncated)
			continue;
		strbuf_printf(&t->sb, "  runnable list of CPU %" PRIu32 ": %zu\n", rq->cpu,
			      rq->nr_runnable);
		text_task_list(t, rq->runnable, rq->nr_runnable);
		if (rq->truncated)
			text_list_cut(t, rq->why);
	}
}

static void write_held(struct text *t)
{
	struct held held = { 0 };
	struct err *e = held_tasks(t->r, &held);
	struct kva *tasks = e ? NULL : calloc(held.tasks.nr + 1, sizeof(*tasks));

	if (e || !tasks) {
		err_free(e);
		t->sb.nomem = true;
	} else if (held.tasks.nr) {
		for (size_t i = 0; i < held.tasks.nr; i++)
			tasks[i] = held.tasks.data[i].task->kva;
		text_alarm(t, true);
		strbuf_printf(&t->sb, "  held by the scheduler, on no DSQ: %zu\n", held.tasks.nr);
		text_alarm(t, false);
		text_task_list(t, tasks, held.tasks.nr);
	} else {
		strbuf_puts(&t->sb, held.known ? "  no tasks are held by the scheduler\n" :
						 "  which tasks are held by the scheduler is unknown\n");
	}
	free(tasks);
	free(held.tasks.data);
}

/* Who is runnable and on no queue, because on the way to one. */
static void write_transit(struct text *t)
{
	for (size_t i = 0; i < t->r->scx.rqs.nr; i++) {
		const struct scx_rq_row *rq = &t->r->scx.rqs.data[i];
		size_t shown = text_shown(t, rq->nr_transit, TEXT_MAX_QUEUED);

		if (!rq->nr_transit)
			continue;
		strbuf_printf(&t->sb, "  on their way from CPU %" PRIu32 ", on no DSQ: %zu\n", rq->cpu, rq->nr_transit);
		for (size_t k = 0; k < shown; k++) {
			const struct scx_transit *p = &rq->transit[k];
			const struct task_row *task = index_task(&t->index, p->task);
			char id[32];

			dsq_id_text(p->dsq_id, id);
			strbuf_puts(&t->sb, "    ");
			if (task) {
				text_guest(t, task->comm);
				strbuf_printf(&t->sb, "[%" PRId32 "]", task->pid);
			} else {
				strbuf_printf(&t->sb, "task_struct 0x%" PRIx64, p->task.v);
			}
			strbuf_printf(&t->sb, " to DSQ %s, %s\n", id,
				      p->buffered ? "when the dispatch() under way returns" : "once its CPU's lock can be had");
		}
		if (shown < rq->nr_transit)
			strbuf_printf(&t->sb, "    \u2026 %zu more (-v shows all)\n", rq->nr_transit - shown);
	}
}

void text_scx(struct text *t)
{
	const struct scx_state *scx = &t->r->scx;

	text_bold(t, true);
	strbuf_puts(&t->sb, "sched_ext:");
	if (scx->enable_state) {
		strbuf_putc(&t->sb, ' ');
		text_guest(t, scx->enable_state);
	}
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
	if (scx->dsqs_narrowed) {
		text_section_notes(t, "--dsq");
		text_scx_dsqs(t);
		return;
	}
	text_scheds(t);
	text_scx_cpus(t);
	text_scx_dsqs(t);
	if (scx->has_sched)
		write_held(t);
	write_transit(t);
	write_runnable(t);
}
