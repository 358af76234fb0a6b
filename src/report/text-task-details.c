/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One task in every detail, a line for each subject. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "report/escape.h"
#include "report/parts.h"
#include "report/task-names.h"
#include "report/text-parts.h"

enum { INDENT = 4 + 9 };

static void begin(struct text *t, const char *label)
{
	strbuf_printf(&t->sb, "    %-9s", label);
}

/* Nothing known of the subject: no line. */
static void end(struct text *t)
{
	if (text_column(&t->sb) <= INDENT)
		strbuf_cut(&t->sb, t->sb.len - text_column(&t->sb));
	else
		strbuf_putc(&t->sb, '\n');
}

/* One fact, on a new line if it no longer fits on this one; names in it may be the guest's. */
static void PRINTF_LIKE(2, 3) item(struct text *t, const char *fmt, ...)
{
	struct strbuf escaped = { 0 };
	char *raw = NULL;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (len < 0) {
		t->sb.nomem = true;
		return;
	}
	escape_append(&escaped, raw, (size_t)len);
	free(raw);
	if (text_column(&t->sb) > INDENT) {
		bool fits = text_column(&t->sb) + 2 + escaped.len < text_style_width(&t->style);

		strbuf_puts(&t->sb, fits ? ", " : ",\n");
		if (!fits)
			strbuf_fill(&t->sb, ' ', INDENT);
	}
	strbuf_puts(&t->sb, strbuf_str(&escaped));
	t->sb.nomem |= escaped.nomem;
	strbuf_deinit(&escaped);
}

static void write_title(struct text *t, const struct task_row *task)
{
	const char *sep = ": ";

	text_bold(t, true);
	strbuf_printf(&t->sb, "  task %" PRId32 " ", task->pid);
	text_guest(t, task->comm);
	text_bold(t, false);
	if (task->x.idle)
		strbuf_printf(&t->sb, ": idle task of CPU %" PRIu32, task->cpu);
	else if (task_knows(task, TASK_TGID) && task->tgid != task->pid)
		strbuf_printf(&t->sb, ": thread of process %" PRId32, task->tgid);
	else if (task->nr_threads.has && task->nr_threads.v > 1)
		strbuf_printf(&t->sb, ": process of %" PRId32 " threads", task->nr_threads.v);
	else
		sep = NULL;
	if (task->real_parent_pid.has) {
		strbuf_printf(&t->sb, "%s parent %" PRId32, sep ? "," : ":", task->real_parent_pid.v);
		if (task->has_parent_comm) {
			strbuf_putc(&t->sb, ' ');
			text_guest(t, task->real_parent_comm);
		}
	}
	strbuf_printf(&t->sb, ", task_struct 0x%" PRIx64 "\n", task->kva.v);
}

static void write_state(struct text *t, const struct task_row *task)
{
	const struct task_extra *x = &task->x;
	const char *name = task_state_name(x->state_letter);
	double seconds, share;
	enum task_rank rank = task_rank(t->r, task, &seconds);
	bool blocked = rank == TASK_RANK_BLOCKED || rank == TASK_RANK_BLOCKED_BRIEFLY;

	begin(t, "state");
	if (task->running)
		item(t, "running on CPU %" PRIu32, task->cpu);
	else if (name)
		item(t, "%c (%s)", x->state_letter, name);
	if (seconds >= 0 && task_watchdog_share(t->r, task, &share))
		item(t, "ready to run for %.3f s (%.0f %% of the watchdog's timeout)", seconds, share * 100);
	else if (seconds >= 0)
		item(t, "%s for %.3f s", blocked ? "blocked" : "ready to run", seconds);
	else if (!task->running && x->last_ran.has)
		item(t, "last ran %.3f s ago", (double)x->last_ran.v / 1e9);
	if (x->in_iowait.has && x->in_iowait.v)
		item(t, "in iowait");
	if (x->exit_code.has && x->exit_code.v)
		item(t, "exit code 0x%" PRIx64, x->exit_code.v);
	if (x->unlisted)
		item(t, "on no list of processes");
	if (x->lock_symbol)
		item(t, "in %s", x->lock_symbol);
	end(t);
}

static void write_sched(struct text *t, const struct task_row *task)
{
	const struct task_extra *x = &task->x;
	int nice;

	begin(t, "sched");
	item(t, "class %s", task->sched_class ? task->sched_class : "unknown");
	if (x->policy.has && task_policy_name(x->policy.v))
		item(t, "%s", task_policy_name(x->policy.v));
	else if (x->policy.has)
		item(t, "policy %" PRId32, x->policy.v);
	if (task_nice(task, &nice))
		item(t, "nice %d", nice);
	if (!task_knows(task, TASK_PRIO))
		item(t, "prio unknown");
	else if (task_knows(task, TASK_NORMAL_PRIO) && task->prio != task->normal_prio)
		item(t, "prio %" PRId32 " (normally %" PRId32 ")", task->prio, task->normal_prio);
	else
		item(t, "prio %" PRId32, task->prio);
	if (task->rt_priority)
		item(t, "rt priority %" PRIu32, task->rt_priority);
	if (!task->running && task_knows(task, TASK_CPU))
		item(t, "on CPU %" PRIu32, task->cpu);
	if (x->cpus_allowed && *x->cpus_allowed)
		item(t, "may run on CPUs %s", x->cpus_allowed);
	else if (x->cpus_allowed)
		item(t, "may run on no CPU");
	if (task->pi_boosted_out_of_scx)
		item(t, "boosted out of scx");
	end(t);
}

static void write_times(struct text *t, const struct task_row *task)
{
	const struct task_extra *x = &task->x;

	begin(t, "times");
	if (task_knows(task, TASK_UTIME))
		item(t, "user %.3f s", (double)task->utime / 1e9);
	if (task_knows(task, TASK_STIME))
		item(t, "system %.3f s", (double)task->stime / 1e9);
	if (x->sum_exec_runtime.has && x->pcount.has)
		item(t, "ran %.3f s in %" PRIu64 " turns", (double)x->sum_exec_runtime.v / 1e9, x->pcount.v);
	else if (x->sum_exec_runtime.has)
		item(t, "ran %.3f s", (double)x->sum_exec_runtime.v / 1e9);
	if (x->run_delay.has)
		item(t, "waited %.3f s for a CPU", (double)x->run_delay.v / 1e9);
	if (task_knows(task, TASK_NVCSW | TASK_NIVCSW))
		item(t, "switched %" PRIu64 " times by itself, %" PRIu64 " times not", task->nvcsw, task->nivcsw);
	if (x->start_boottime.has)
		item(t, "started %.3f s after boot", (double)x->start_boottime.v / 1e9);
	end(t);
}

static void write_dsq(struct text *t, const struct task_row *task)
{
	const struct dsq_row *d = index_dsq(&t->index, (struct kva){ task->dsq_kva.v });
	char origin[32], id[32] = "?";

	if (d) {
		dsq_origin_text(d, origin);
		if (d->has_id)
			dsq_id_text(d->id, id);
		item(t, "on DSQ %s (%s)", id, origin);
	} else if (task->dsq_kva.v) {
		item(t, "on a DSQ at 0x%" PRIx64, task->dsq_kva.v);
	} else {
		item(t, "on no DSQ");
	}
}

static void write_scx(struct text *t, const struct task_row *task)
{
	const struct task_extra *x = &task->x;

	if (!task->scx_flags.has)
		return;
	const struct scx_sched_row *owner = report_sched_of(t->r, task);

	begin(t, "scx");
	if (owner && owner->role == SCX_SUB)
		item(t, "of sub-scheduler %s at 0x%" PRIx64, owner->ops_name, owner->kva.v);
	if (x->scx_state)
		item(t, "%s", x->scx_state);
	if (x->scx_flag_names && *x->scx_flag_names)
		item(t, "%s", x->scx_flag_names);
	if (x->ops_state_name && strcmp(x->ops_state_name, "NONE"))
		item(t, "ops state %s%s", x->ops_state_name, task_is_held(task) ? " (held by the scheduler)" : "");
	if (x->transit) {
		char id[32];

		dsq_id_text(x->transit_dsq, id);
		item(t, "%s CPU %" PRIu32 " to DSQ %s", x->transit == TRANSIT_BUFFERED ? "being dispatched by" : "deferred on",
		     x->transit_cpu, id);
	}
	if (task->dsq_kva.has)
		write_dsq(t, task);
	if (task->slice.has)
		item(t, "slice %.3f ms", (double)task->slice.v / 1e6);
	if (task->vtime.has)
		item(t, "vtime %" PRIu64, task->vtime.v);
	if (task_knows(task, TASK_WEIGHT))
		item(t, "weight %" PRIu32, task->weight);
	if (x->sticky_cpu.has && x->sticky_cpu.v >= 0)
		item(t, "sticky CPU %" PRId32, x->sticky_cpu.v);
	if (x->holding_cpu.has && x->holding_cpu.v >= 0)
		item(t, "held for CPU %" PRId32, x->holding_cpu.v);
	end(t);
}

static void write_place(struct text *t, const struct task_row *task)
{
	const struct task_extra *x = &task->x;

	if (x->flags.has) {
		begin(t, "flags");
		task_flag_names(&t->sb, x->flags.v);
		end(t);
	}
	if (x->cgroup) {
		begin(t, "cgroup");
		text_guest(t, x->cgroup);
		end(t);
	}
	if (x->stack.has && x->stack.v) {
		begin(t, "stack");
		if (x->stack_end.has)
			item(t, "0x%" PRIx64 " to 0x%" PRIx64, x->stack.v, x->stack_end.v);
		else
			item(t, "0x%" PRIx64, x->stack.v);
		end(t);
	}
}

static struct err *write_payload(struct text *t, const struct map_row *m, const struct map_payload *p)
{
	struct value *v;

	begin(t, "");
	strbuf_puts(&t->sb, ".data ");
	TRY(render_payload(&t->render, m, p, &v));
	text_value(&t->sb, v, 6, &t->style);
	render_reset(&t->render);
	strbuf_putc(&t->sb, '\n');
	return NULL;
}

static struct err *write_storage(struct text *t, const struct task_extra *x)
{
	for (size_t i = 0; i < x->nr_storage; i++) {
		const struct map_row *m = &t->r->maps.data[x->storage[i].map];
		const uint8_t *data = x->storage[i].value;
		struct value *v;

		begin(t, i ? "" : "storage");
		text_guest(t, m->name);
		strbuf_printf(&t->sb, " (map %" PRIu32 "): ", m->id);
		if (data) {
			TRY(render_value(&t->render, m, data, &v));
			text_value(&t->sb, v, 6, &t->style);
			render_reset(&t->render);
		} else {
			strbuf_puts(&t->sb, "<unreadable>");
		}
		strbuf_putc(&t->sb, '\n');
		if (x->storage[i].payload)
			TRY(write_payload(t, m, x->storage[i].payload));
	}
	return NULL;
}

static void write_waits(struct text *t, const struct task_row *task)
{
	for (size_t i = 0; i < t->r->waits.nr; i++) {
		if (t->r->waits.data[i].task.v != task->kva.v)
			continue;
		begin(t, "waits");
		text_wait(&t->sb, &t->r->waits.data[i]);
		end(t);
	}
}

struct err *text_task_details(struct text *t, const struct task_row *task)
{
	write_title(t, task);
	write_state(t, task);
	write_sched(t, task);
	write_times(t, task);
	write_scx(t, task);
	write_place(t, task);
	write_waits(t, task);
	if (task->stack) {
		strbuf_puts(&t->sb, "    calls\n");
		text_frames(t, &t->r->stacks.data[task->stack - 1], INDENT);
	}
	return write_storage(t, &task->x);
}
