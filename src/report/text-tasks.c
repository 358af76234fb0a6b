/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPUs and tasks. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/text-parts.h"

void text_cpus(struct text *t)
{
	text_bold(t, true);
	strbuf_puts(&t->sb, "vcpu_regs:");
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	text_section_notes(t, "vcpus");
	for (size_t i = 0; i < t->r->vcpus.nr; i++) {
		const struct vcpu_row *v = &t->r->vcpus.data[i];

		strbuf_printf(&t->sb, "  vcpu %zu: ", i);
		if (!v->ok) {
			strbuf_puts(&t->sb, "<unavailable>");
			if (v->why) {
				strbuf_puts(&t->sb, " ");
				text_guest(t, v->why);
			}
		} else {
			strbuf_printf(&t->sb,
				      "ip=0x%016" PRIx64 " sp=0x%016" PRIx64 " ptroot=0x%016" PRIx64
				      " (%s",
				      v->ip, v->sp, v->ptroot, v->in_kernel ? "kernel" : "user");
			if (v->has_cpu)
				strbuf_printf(&t->sb, ", CPU %" PRIu32, v->cpu);
			strbuf_putc(&t->sb, ')');
		}
		strbuf_putc(&t->sb, '\n');
	}
}

/* The letters of ps for what has been the same bits of __state for decades; other bits as they are. */
static void state_cell(struct table *tab, const struct task_row *task)
{
	enum { INTERRUPTIBLE = 1, UNINTERRUPTIBLE = 2, STOPPED = 4, TRACED = 8, NOLOAD = 0x400 };

	if (!task->state.has)
		table_cell(tab, "?");
	else if (!task->state.v)
		table_cell(tab, task->running ? "running" : "R");
	else if (task->state.v & INTERRUPTIBLE)
		table_cell(tab, "S");
	else if (task->state.v & UNINTERRUPTIBLE)
		table_cell(tab, task->state.v & NOLOAD ? "I" : "D");
	else if (task->state.v & STOPPED)
		table_cell(tab, "T");
	else if (task->state.v & TRACED)
		table_cell(tab, "t");
	else
		table_cell(tab, "0x%" PRIx64, task->state.v);
}

static void dsq_cell(struct text *t, struct table *tab, const struct task_row *task)
{
	if (!task->dsq_kva.has || !task->dsq_kva.v) {
		table_cell(tab, "%s", "-");
		return;
	}
	const struct dsq_row *d = index_dsq(&t->index, (struct kva){ task->dsq_kva.v });
	char origin[32];

	if (!d) {
		table_cell(tab, "at 0x%" PRIx64, task->dsq_kva.v);
		return;
	}
	dsq_origin_text(d, origin);
	if (d->origin == DSQ_USER)
		table_cell(tab, "0x%" PRIx64, d->id);
	else
		table_cell(tab, "%s", origin);
}

static void task_cells(struct text *t, struct table *tab, const struct task_row *task)
{
	double seconds;

	table_cell(tab, "%" PRId32, task->pid);
	table_cell(tab, "%" PRId32, task->tgid);
	escape_append(table_open(tab), task->comm, strlen(task->comm));
	table_cell(tab, "%s", task->sched_class ? task->sched_class : "?");
	table_cell(tab, "%" PRIu32, task->cpu);
	state_cell(tab, task);
	table_cell(tab, "%" PRId32, task->prio);
	table_cell(tab, "%" PRIu32, task->weight);
	if (report_runnable_for(t->r, task, &seconds))
		table_cell(tab, "%.3f s", seconds);
	else
		table_cell(tab, "-");
	dsq_cell(t, tab, task);
	struct strbuf *notes = table_open(tab);
	if (task->unreadable)
		strbuf_puts(notes, "partly unreadable ");
	if (task->pi_boosted_out_of_scx)
		strbuf_puts(notes, "boosted out of scx ");
	if (task->lock_slowpath)
		strbuf_printf(notes, "in %s ", task->lock_slowpath);
	if (notes->len && strbuf_str(notes)[notes->len - 1] == ' ')
		strbuf_cut(notes, notes->len - 1);
}

void text_tasks(struct text *t)
{
	static const char *const titles[] = { "pid",  "tgid",	"comm",		"class", "CPU", "state",
					      "prio", "weight", "runnable for", "DSQ",	 "" };
	struct table tab = { .columns = ARRAY_SIZE(titles), .left = 1 << 2 | 1 << 3 | 1 << 5 | 3 << 9 };
	size_t nr = t->r->tasks.nr, shown = text_shown(t, nr, TEXT_MAX_TASKS);

	text_counted_title(t, "tasks", nr, "tasks");
	if (t->r->tasks_unavailable) {
		strbuf_puts(&t->sb, "  ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, "unavailable: ");
		text_guest(t, t->r->tasks_unavailable);
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
	if (!nr)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		table_cell(&tab, "%s", titles[i]);
	for (size_t i = 0; i < shown; i++)
		task_cells(t, &tab, &t->r->tasks.data[i]);
	table_write(&tab, &t->sb, "  ");
	table_deinit(&tab);
	text_more(t, 1, nr - shown);
	strbuf_putc(&t->sb, '\n');
}
