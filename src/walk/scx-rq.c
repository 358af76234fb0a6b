/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Per-CPU state: rq->scx, who runs, who waits. */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>
#include <stdio.h>

void scx_rqs_deinit(struct scx_rqs *rqs)
{
	free(rqs->rows);
	free(rqs->failed);
	free(rqs->ok);
	free(rqs->status);
	free(rqs->kicks);
	free(rqs->deferred);
}

/* A member that is in this kernel; one that is not leaves *ret as it is. */
static struct err *get(struct scx_walk *s, struct kva obj, const struct member *m, uint64_t *ret)
{
	return m->present ? kget(s->k, obj, m, ret) : NULL;
}

static struct err *get_opt(struct scx_walk *s, struct kva obj, const struct member *m,
			   struct opt_u64 *ret)
{
	if (!m->present)
		return NULL;
	TRY(kget(s->k, obj, m, &ret->v));
	ret->has = true;
	return NULL;
}

static struct err *read_scalars(struct scx_walk *s, struct kva scx, struct scx_rq_row *row)
{
	const struct scx_layout *l = &s->l;
	uint64_t released = 0;

	/* All of it in one go instead of page by page. */
	kprefetch(s->k, &(struct krange){ scx, l->rq_scx.size }, 1);
	TRY(get_opt(s, scx, &l->nr_running, &row->nr_running));
	TRY(get_opt(s, scx, &l->flags, &row->flags));
	TRY(get(s, scx, &l->cpu_released, &released));
	TRY(get_opt(s, scx, &l->ops_qseq, &row->ops_qseq));
	TRY(get_opt(s, scx, l->kick_sync.present ? &l->kick_sync : &l->pnt_seq, &row->kick_sync));
	TRY(get_opt(s, scx, &l->nr_immed, &row->nr_immed));
	TRY(get_opt(s, scx, &l->clock, &row->clock));
	if (l->rq_rescue_curr.present)
		TRY(kget_kva(s->k, scx, &l->rq_rescue_curr, &row->rescued));
	row->cpu_released = released;
	return scx_flag_names(s, "scx_rq_flags", "SCX_RQ_", row->flags.v, &row->flag_names);
}

static struct err *read_runnable(struct scx_walk *s, struct kva scx, struct scx_rq_row *row,
				 enum section_status *status)
{
	const struct scx_layout *l = &s->l;
	struct scx_tasks tasks = { .truncated = true, .why = scx_no_types };

	if (l->runnable_list.present && l->scx.present && l->runnable_node.present) {
		struct scx_list list = { .node_off = l->scx.off + l->runnable_node.off };

		TRY(scx_read_list(s, kmember(scx, &l->runnable_list), &list, &tasks));
	}
	row->runnable = tasks.tasks;
	row->nr_runnable = tasks.nr;
	row->truncated = tasks.truncated;
	row->why = tasks.why;
	*status = tasks.status;
	return NULL;
}

static struct err *read_class(struct scx_walk *s, struct scx_rq_row *row)
{
	static const char *const classes[] = { "fair", "rt", "dl", "idle", "stop", "ext" };
	struct kva mine, sym;
	char name[32];

	if (!s->l.sched_class.present)
		return NULL;
	TRY(kget_kva(s->k, row->curr, &s->l.sched_class, &mine));
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		snprintf(name, sizeof(name), "%s_sched_class", classes[i]);
		if (!khas_sym(s->k, name))
			continue;
		TRY(ksym(s->k, name, &sym));
		if (sym.v == mine.v)
			row->curr_class = classes[i];
	}
	return NULL;
}

/*
 * Since when the task has the CPU: sched_info.last_arrival, by the run queue's clock.  Not every kernel
 * has it; exec_start would be when its time was last accounted, a tick ago at most.
 */
static struct err *read_turn(struct scx_walk *s, struct kva rq, struct scx_rq_row *row)
{
	const struct scx_layout *l = &s->l;
	struct kva idle;

	TRY(read_class(s, row));
	TRY(get_opt(s, rq, &l->rq_clock, &row->rq_clock));
	if (l->rq_idle.present) {
		TRY(kget_kva(s->k, rq, &l->rq_idle, &idle));
		row->has_idle = true;
		row->is_idle = idle.v == row->curr.v;
	}
	/* A CPU that is not there has an idle task all the same, and calls it its current one. */
	if (row->is_idle && row->offline)
		row->has_idle = row->is_idle = false;
	if (row->is_idle || row->offline)
		return NULL;
	TRY(get_opt(s, row->curr, &l->last_arrival, &row->curr_since));
	if (!row->curr_since.v) /* nobody has set it */
		row->curr_since.has = false;
	return NULL;
}

static struct err *read_curr(struct scx_walk *s, struct kva rq, struct scx_rq_row *row)
{
	const struct scx_layout *l = &s->l;
	uint64_t pid;

	if (!l->rq_curr.present || !l->pid.present || !l->comm.present)
		return NULL;
	TRY(kget_kva(s->k, rq, &l->rq_curr, &row->curr));
	if (!row->curr.v)
		return NULL;
	TRY(err_prefix(kget(s->k, row->curr, &l->pid, &pid), "running task"));
	TRY(err_prefix(kget_str(s->k, row->curr, &l->comm, row->curr_comm, sizeof(row->curr_comm)),
		       "running task"));
	row->curr_pid = (int32_t)pid;
	row->has_curr = true;
	return read_turn(s, rq, row);
}

static void read_rq(void *ctx, size_t cpu)
{
	struct scx_rqs *rqs = ctx;
	struct scx_walk *s = rqs->s;
	struct scx_rq_row *row = &rqs->rows[cpu];
	const char **failed = &rqs->failed[cpu];
	struct kva rq;

	row->cpu = (uint32_t)cpu;
	row->offline = !s->k->online[cpu];
	/* An impossible CPU's slot would lead to another one's data. */
	if (!s->k->possible[cpu] || s->fatal)
		return;
	if (scx_failed(s, kpercpu_sym(s->k, "runqueues", row->cpu, &rq), failed))
		return;
	struct kva scx = kmember(rq, &s->l.rq_scx);
	if (scx_failed(s, read_scalars(s, scx, row), failed))
		return;
	rqs->ok[cpu] = true;
	scx_failed(s, read_curr(s, rq, row), failed);
	scx_failed(s, read_runnable(s, scx, row, &rqs->status[cpu]), failed);
	scx_failed(s, scx_read_deferred(s, scx, &rqs->deferred[cpu]), failed);
	scx_failed(s, scx_read_kicks(s, scx, s->l.rq_kicks, rqs->kicks), failed);
}

struct err *scx_read_rqs(struct scx_walk *s, struct scx_rqs *rqs)
{
	size_t nr = s->k->nr_cpu_ids;

	rqs->s = s;
	rqs->rows = calloc(nr + 1, sizeof(*rqs->rows));
	rqs->failed = calloc(nr + 1, sizeof(*rqs->failed));
	rqs->ok = calloc(nr + 1, sizeof(*rqs->ok));
	rqs->status = calloc(nr + 1, sizeof(*rqs->status));
	rqs->kicks = calloc(nr + 1, sizeof(*rqs->kicks));
	rqs->deferred = calloc(nr + 1, sizeof(*rqs->deferred));
	if (!rqs->rows || !rqs->failed || !rqs->ok || !rqs->status || !rqs->kicks || !rqs->deferred)
		return &err_nomem;
	if (s->l.rq_scx.present)
		mem_each(s->k->mem, nr, read_rq, rqs);
	return NULL;
}
