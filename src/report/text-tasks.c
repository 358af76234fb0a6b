/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPUs and tasks. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/task-names.h"
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

static const struct {
	const char *title;
	bool left;
	unsigned int drop; /* the lowest goes first where the terminal is too narrow; 0: stays */
} columns[NR_COLUMNS] = {
	[COL_PID] = { "pid", false, 0 },	     [COL_TGID] = { "tgid", false, 4 },
	[COL_COMM] = { "comm", true, 0 },	     [COL_STATE] = { "state", true, 0 },
	[COL_CPU] = { "CPU", false, 0 },	     [COL_FOR] = { "waiting for", false, 0 },
	[COL_LAST_RAN] = { "last ran", false, 5 },   [COL_CLASS] = { "class", true, 6 },
	[COL_PRIO] = { "prio", false, 3 },	     [COL_WEIGHT] = { "weight", false, 2 },
	[COL_DSQ] = { "DSQ", true, 7 },		     [COL_CGROUP] = { "cgroup", true, 1 },
	[COL_NOTES] = { "", true, 0 },
};

/* A task and what decides where it stands. */
struct ranked {
	const struct task_row *task;
	enum task_rank rank;
	double seconds;
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
		strbuf_putc(sb, '-');
		return;
	}
	d = index_dsq(&t->index, (struct kva){ task->dsq_kva.v });
	if (!d) {
		strbuf_printf(sb, "at 0x%" PRIx64, task->dsq_kva.v);
		return;
	}
	dsq_origin_text(d, origin);
	if (d->origin == DSQ_USER)
		strbuf_printf(sb, "0x%" PRIx64, d->id);
	else
		strbuf_puts(sb, origin);
}

static void notes_cell(struct text *t, struct strbuf *sb, const struct task_row *task)
{
	const char *held = task->x.ops_state_name, *wchan = task_wchan(t->r, task);
	size_t start = sb->len;
	double share;

	if (task->unreadable)
		strbuf_puts(sb, ", partly unreadable");
	if (task_watchdog_share(t->r, task, &share) && share >= 0.1)
		strbuf_printf(sb, ", %.0f %% of the watchdog's timeout", share * 100);
	if (held && !strcmp(held, "QUEUED") && !(task->dsq_kva.has && task->dsq_kva.v))
		strbuf_puts(sb, ", held by the scheduler");
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

/* What a table looks like that fits the terminal. */
struct fit {
	unsigned int dropped; /* columns with .drop up to this are left out */
	size_t notes;	      /* bytes of the notes at most; they are ASCII */
};

static void cell(struct text *t, struct table *tab, enum column col, const struct ranked *ranked,
		 const struct fit *fit)
{
	const struct task_row *task = ranked->task;
	struct strbuf *sb = table_open(tab);
	size_t start = sb->len;

	switch (col) {
	case COL_PID:
		strbuf_printf(sb, "%" PRId32, task->pid);
		return;
	case COL_TGID:
		strbuf_printf(sb, "%" PRId32, task->tgid);
		return;
	case COL_COMM:
		escape_append(sb, task->comm, strlen(task->comm));
		return;
	case COL_STATE:
		state_cell(sb, task);
		return;
	case COL_CPU:
		strbuf_printf(sb, "%" PRIu32, task->cpu);
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
		strbuf_printf(sb, "%" PRId32, task->prio);
		return;
	case COL_WEIGHT:
		strbuf_printf(sb, "%" PRIu32, task->weight);
		return;
	case COL_DSQ:
		dsq_cell(t, sb, task);
		return;
	case COL_CGROUP:
		if (task->x.cgroup)
			escape_append(sb, task->x.cgroup, strlen(task->x.cgroup));
		else
			strbuf_putc(sb, '?');
		return;
	case COL_NOTES:
		notes_cell(t, sb, task);
		if (sb->len - start > fit->notes) {
			strbuf_cut(sb, start + (fit->notes ? fit->notes - 1 : 0));
			if (fit->notes)
				strbuf_puts(sb, "\u2026");
		}
		return;
	case NR_COLUMNS:
		break;
	}
}

static void fill_table(struct text *t, struct table *tab, const struct fit *fit, const struct ranked *rows,
		       size_t nr)
{
	*tab = (struct table){ 0 };
	for (enum column col = 0; col < NR_COLUMNS; col++) {
		if (columns[col].drop && columns[col].drop <= fit->dropped)
			continue;
		tab->left |= (uint64_t)columns[col].left << tab->columns++;
		strbuf_puts(table_open(tab), columns[col].title);
	}
	for (size_t i = 0; i < nr; i++) {
		for (enum column col = 0; col < NR_COLUMNS; col++) {
			if (!columns[col].drop || columns[col].drop > fit->dropped)
				cell(t, tab, col, &rows[i], fit);
		}
	}
}

/* Columns go until some room is left for the notes; these are then cut to the room there is. */
static struct fit fit_terminal(struct text *t, const struct ranked *rows, size_t nr)
{
	enum { LAST_DROP = 7, INDENT = 2, NOTES = 28 };
	struct fit fit = { 0, SIZE_MAX };
	size_t width = t->opts->width, need;

	/* With -v nothing is left out, however wide. */
	if (!width || t->opts->verbose)
		return fit;
	for (;; fit.dropped++) {
		struct table tab;

		fit.notes = NOTES;
		fill_table(t, &tab, &fit, rows, nr);
		need = table_width(&tab) + INDENT;
		table_deinit(&tab);
		if (need <= width || fit.dropped == LAST_DROP)
			break;
	}
	fit.notes = need <= width ? NOTES + (width - need) : NOTES - MIN((size_t)NOTES, need - width);
	return fit;
}

static void write_table(struct text *t, const struct ranked *rows, size_t nr)
{
	struct fit fit = fit_terminal(t, rows, nr);
	struct table tab;

	fill_table(t, &tab, &fit, rows, nr);
	table_write(&tab, &t->sb, "  ");
	table_deinit(&tab);
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
	size_t nr = report_nr_tasks_shown(r), shown = text_shown(t, nr, TEXT_MAX_TASKS);
	struct ranked *rows;

	text_counted_title(t, "tasks", nr, "tasks");
	if (r->tasks_narrowed)
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
	write_table(t, rows, shown);
	text_more(t, 1, nr - shown);
	strbuf_putc(&t->sb, '\n');
	write_details(t, rows, nr);
	free(rows);
}
