/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/held.h"
#include "report/index.h"
#include "report/json-parts.h"
#include "report/parts.h"

static void write_rq(struct json_report *w, const struct scx_rq_row *rq)
{
	struct json *j = &w->j;

	json_open_object(j);
	json_key_u64(j, "cpu", rq->cpu);
	json_key_u64(j, "nr_running", rq->nr_running.v);
	json_key_u64(j, "flags", rq->flags.v);
	json_key_bool(j, "cpu_released", rq->cpu_released);
	json_key_u64(j, "ops_qseq", rq->ops_qseq.v);
	json_opt_u64(j, "kick_sync", &rq->kick_sync);
	json_opt_u64(j, "nr_immed", &rq->nr_immed);
	json_opt_u64(j, "rq_clock", &rq->clock);
	if (rq->has_curr) {
		json_key_i64(j, "curr_pid", rq->curr_pid);
		json_key_string(j, "curr_comm", rq->curr_comm);
	}
	json_key(j, "runnable_task_kvas");
	json_kvas(j, rq->runnable, rq->nr_runnable);
	json_opt_true(j, "runnable_truncated", rq->truncated);
	if (rq->has_curr)
		json_key_u64(j, "curr_kva", rq->curr.v);
	json_opt_string(j, "flag_names", rq->flag_names);
	json_opt_string(j, "curr_class", rq->curr_class);
	json_opt_u64(j, "curr_ran_ns", &rq->curr_ran);
	json_opt_u64(j, "clock", &rq->rq_clock);
	json_opt_true(j, "offline", rq->offline);
	json_opt_true(j, "idle", rq->is_idle);
	if (rq->in_idle_mask.has)
		json_key_bool(j, "in_idle_mask", rq->in_idle_mask.v);
	if (rq->rescued.v)
		json_key_u64(j, "rescued_kva", rq->rescued.v);
	json_opt_true(j, "bypassed", rq->bypassed);
	json_opt_string(j, "kicks", rq->kicks);
	json_opt_string(j, "truncated_reason", rq->truncated ? rq->why : NULL);
	json_close_object(j);
}

static void write_dsq(struct json_report *w, const struct dsq_row *d)
{
	struct json *j = &w->j;
	char origin[32];

	dsq_origin_text(d, origin);
	json_open_object(j);
	json_key_u64(j, "id", d->id);
	json_key_string(j, "origin", origin);
	json_key_u64(j, "nr", d->nr);
	json_key_u64(j, "seq", d->seq);
	json_key(j, "task_kvas");
	json_kvas(j, d->tasks, d->nr_tasks);
	json_opt_true(j, "truncated", d->truncated);
	if (d->kva.v)
		json_key_u64(j, "dsq_kva", d->kva.v);
	if (d->sched.v)
		json_key_u64(j, "sched_kva", d->sched.v);
	json_opt_true(j, "by_vtime", d->by_vtime);
	json_opt_string(j, "contradiction", d->contradiction);
	if (d->nr_tasks) {
		json_key(j, "tasks");
		json_open_array(j);
		for (size_t i = 0; i < d->nr_tasks && !json_failed(j); i++) {
			const struct task_row *t = index_task(&w->index, d->tasks[i]);

			json_open_object(j);
			json_key_u64(j, "task_kva", d->tasks[i].v);
			if (t) {
				json_key_i64(j, "pid", t->pid);
				json_key_string(j, "comm", t->comm);
			}
			json_close_object(j);
		}
		json_close_array(j);
	}
	json_opt_string(j, "truncated_reason", d->truncated ? d->why : NULL);
	json_close_object(j);
}

static void write_sched(struct json_report *w, const struct scx_sched_row *s)
{
	struct json *j = &w->j;

	json_key(j, "scx_sched_state");
	json_open_object(j);
	json_key_bool(j, "aborting", s->aborting);
	json_key_i64(j, "bypass_depth", s->bypass_depth);
	json_key_u64(j, "exit_kind", s->exit_kind);
	json_opt_u64(j, "watchdog_timeout", &s->watchdog_timeout);
	json_key_string(j, "source", "live");
	if (s->kva.v)
		json_key_u64(j, "sched_kva", s->kva.v);
	json_close_object(j);
}

/* The format lists what "origin" may be. */
static bool in_format(const struct dsq_row *d)
{
	return d->origin != DSQ_REJECT && d->origin != DSQ_RESCUE;
}

/* Those that the format has, or the others; nothing if there are none. */
static void write_dsqs(struct json_report *w, const char *key, bool format)
{
	const struct scx_state *scx = &w->r->scx;
	bool any = false;

	for (size_t i = 0; i < scx_nr_dsqs_shown(scx); i++) {
		if (in_format(&scx->dsqs.data[i]) != format)
			continue;
		if (!any) {
			json_key(&w->j, key);
			json_open_array(&w->j);
		}
		any = true;
		write_dsq(w, &scx->dsqs.data[i]);
	}
	if (any)
		json_close_array(&w->j);
}

struct err *json_write_held(struct json_report *w)
{
	struct json *j = &w->j;
	struct held held = { 0 };
	struct err *e = w->r->scx.has_sched ? held_tasks(w->r, &held) : NULL;

	if (!e && held.known) {
		json_key(j, "held_tasks");
		json_open_array(j);
		for (size_t i = 0; i < held.tasks.nr && !json_failed(j); i++) {
			const struct held_task *h = &held.tasks.data[i];

			json_open_object(j);
			json_key_u64(j, "task_kva", h->task->kva.v);
			json_key_i64(j, "pid", h->task->pid);
			json_key_string(j, "comm", h->task->comm);
			if (task_knows(h->task, TASK_CPU))
				json_key_u64(j, "cpu", h->task->cpu);
			if (h->seconds >= 0) {
				json_key(j, "runnable_s");
				json_double(j, h->seconds);
			}
			json_close_object(j);
		}
		json_close_array(j);
	}
	free(held.tasks.data);
	return e;
}

void json_write_transit(struct json_report *w)
{
	const struct scx_state *scx = &w->r->scx;
	struct json *j = &w->j;
	bool any = false;

	for (size_t i = 0; i < scx->rqs.nr; i++) {
		const struct scx_rq_row *rq = &scx->rqs.data[i];

		for (size_t k = 0; k < rq->nr_transit && !json_failed(j); k++) {
			const struct scx_transit *p = &rq->transit[k];
			const struct task_row *t = index_task(&w->index, p->task);

			if (!any) {
				json_key(j, "in_transit");
				json_open_array(j);
			}
			any = true;
			json_open_object(j);
			json_key_u64(j, "cpu", rq->cpu);
			json_key_string(j, "kind", p->buffered ? "dispatch buffer" : "deferred");
			json_key_u64(j, "task_kva", p->task.v);
			if (t) {
				json_key_i64(j, "pid", t->pid);
				json_key_string(j, "comm", t->comm);
			}
			json_key_u64(j, "dsq_id", p->dsq_id);
			if (p->sched.v)
				json_key_u64(j, "sched_kva", p->sched.v);
			json_close_object(j);
		}
	}
	if (any)
		json_close_array(j);
}

void json_write_other_dsqs(struct json_report *w)
{
	write_dsqs(w, "other_dsqs", false);
}

void json_write_scx(struct json_report *w)
{
	const struct scx_state *scx = &w->r->scx;
	struct json *j = &w->j;

	if (scx->rqs.nr && !scx->dsqs_narrowed) {
		json_key(j, "rq_scx_states");
		json_open_array(j);
		for (size_t i = 0; i < scx->rqs.nr; i++)
			write_rq(w, &scx->rqs.data[i]);
		json_close_array(j);
	}
	write_dsqs(w, "dsq_states", true);
	if (scx->has_sched)
		write_sched(w, &scx->sched);
	json_opt_string(j, "scx_walker_unavailable", scx->unavailable);
}
