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
	write_runnable(t);
}
