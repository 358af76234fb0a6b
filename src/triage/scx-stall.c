/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/scx-stall.h"

#include <inttypes.h>

enum { WATCHDOG_MAX_SECONDS = 30 }; /* SCX_WATCHDOG_MAX_TIMEOUT */

double scx_watchdog_limit(const struct report *r, const struct task_row *task)
{
	/* Each scheduler is ejected by its own (7.1). */
	const struct scx_sched_row *s = report_sched_of(r, task);
	double seconds;

	if (s && report_watchdog_timeout(r, s, &seconds))
		return seconds;
	if (s && s->timeout_ms.has && s->timeout_ms.v)
		return (double)s->timeout_ms.v / 1000;
	return WATCHDOG_MAX_SECONDS;
}

const char *scx_sched_name(const struct report *r, const struct task_row *task)
{
	const struct scx_sched_row *s = report_sched_of(r, task);

	return s ? s->ops_name : "?";
}

/* No scheduler lets a task wait for long while nothing else wants to run. */
static bool all_idle(const struct report *r)
{
	for (size_t i = 0; i < r->scx.rqs.nr; i++) {
		const struct scx_rq_row *rq = &r->scx.rqs.data[i];

		if (!rq->has_curr || rq->curr_pid)
			return false;
	}
	return r->scx.rqs.nr;
}

bool scx_is_stalled(const struct report *r, const struct task_row *task, double *ret)
{
	double seconds;

	if (!r->scx.has_sched || task->running || !task->sched_class || strcmp(task->sched_class, "ext"))
		return false;
	if (!report_runnable_for(r, task, &seconds))
		return false;
	if (seconds < 1 || (seconds < scx_watchdog_limit(r, task) / 4 && !all_idle(r)))
		return false;
	*ret = seconds;
	return true;
}

enum severity scx_stall_severity(const struct report *r, const struct task_row *task, double seconds)
{
	return seconds >= scx_watchdog_limit(r, task) / 2 ? SEVERITY_ERROR : SEVERITY_WARNING;
}

const struct dsq_row *scx_dsq_of(const struct report *r, const struct task_row *task)
{
	if (!task->dsq_kva.has || !task->dsq_kva.v)
		return NULL;
	for (size_t i = 0; i < r->scx.dsqs.nr; i++) {
		if (r->scx.dsqs.data[i].kva.v == task->dsq_kva.v)
			return &r->scx.dsqs.data[i];
	}
	return NULL;
}

void scx_stall_evidence(struct triage *t, struct finding *f, const struct task_row *task, double seconds)
{
	size_t i = triage_task_index(t, task);

	triage_seconds(t, f, seconds, "task_enrichments[%zu].runnable_s", i);
	triage_int(t, f, task->pid, "task_enrichments[%zu].pid", i);
	triage_text(t, f, task->comm, "task_enrichments[%zu].comm", i);
}

const char *scx_stall_who(struct triage *t, const struct task_row *task, size_t nr)
{
	const char *who;

	if (nr < 2)
		who = pool_printf(&t->out->pool, "%s[%" PRId32 "] has", task->comm, task->pid);
	else
		who = pool_printf(&t->out->pool, "%s[%" PRId32 "] and %zu other%s have", task->comm,
				  task->pid, nr - 1, nr > 2 ? "s" : "");
	if (!who)
		t->nomem = true;
	return who ? who : "";
}

/* CPUs in a list like "0-3,8"; 0: none, or it is no list. */
static uint64_t count_cpus(const char *list)
{
	uint64_t nr = 0;

	while (list && *list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return 0;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (last < first)
			return 0;
		nr += last - first + 1;
		list = *end == ',' ? end + 1 : end;
		if (*end && *end != ',')
			return 0;
	}
	return nr;
}

/* One that may run nearly everywhere would meet whoever consumes. */
static bool is_restricted(const struct report *r, const struct task_row *task)
{
	uint64_t nr = count_cpus(task->x.cpus_allowed);

	return nr && nr <= r->kernel.nr_online / 2;
}

struct scx_stalled scx_stalled_on(const struct report *r, const struct dsq_row *d)
{
	struct scx_stalled q = { .all_restricted = true };

	for (size_t i = 0; i < d->nr_tasks; i++) {
		const struct task_row *task = report_task(r, d->tasks[i]);
		double seconds;

		if (!task || !scx_is_stalled(r, task, &seconds))
			continue;
		q.nr++;
		q.head |= !i;
		q.all_restricted &= is_restricted(r, task);
		if (seconds > q.worst_s) {
			q.worst = task;
			q.worst_s = seconds;
		}
	}
	return q;
}

void scx_stall_lasts(struct triage *t, struct finding *f, const struct task_row *task, double seconds)
{
	triage_lasts(t, f, seconds, scx_watchdog_limit(t->r, task) / 4);
}

void scx_about_stalled(struct triage *t, struct finding *f, const struct dsq_row *d)
{
	double seconds;

	for (size_t i = 0; i < d->nr_tasks; i++) {
		const struct task_row *task = report_task(t->r, d->tasks[i]);

		if (task && scx_is_stalled(t->r, task, &seconds))
			triage_stuck(t, f, THING_TASK, task->kva.v);
	}
	triage_stuck(t, f, THING_SCX, 0);
}

bool scx_is_shared(const struct dsq_row *d)
{
	return d->origin != DSQ_LOCAL && d->origin != DSQ_BYPASS;
}

bool scx_single_cpu(const struct task_row *task, uint32_t *ret)
{
	if (count_cpus(task->x.cpus_allowed) != 1)
		return false;
	*ret = (uint32_t)strtoul(task->x.cpus_allowed, NULL, 10);
	return true;
}
