/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/scx-stall.h"

#include <inttypes.h>

enum { WATCHDOG_MAX_SECONDS = 30 }; /* SCX_WATCHDOG_MAX_TIMEOUT */

double scx_watchdog_limit(const struct report *r)
{
	const struct scx_sched_row *s = &r->scx.sched;

	if (s->watchdog_timeout.has && s->watchdog_timeout.v && r->kernel.hz)
		return (double)s->watchdog_timeout.v / r->kernel.hz;
	if (s->timeout_ms.has && s->timeout_ms.v)
		return (double)s->timeout_ms.v / 1000;
	return WATCHDOG_MAX_SECONDS;
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
	if (seconds < 1 || (seconds < scx_watchdog_limit(r) / 4 && !all_idle(r)))
		return false;
	*ret = seconds;
	return true;
}

enum severity scx_stall_severity(const struct report *r, double seconds)
{
	return seconds >= scx_watchdog_limit(r) / 2 ? SEVERITY_ERROR : SEVERITY_WARNING;
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
