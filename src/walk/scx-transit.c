/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks between two places.  One that is sent to another CPU's local queue waits on its own CPU until that one's lock
 * can be taken: its scx.dsq is NULL and its ops_state NONE, so that it seems to be nowhere.  One that a dispatch()
 * inserts is put on its queue only when that returns: until then its ops_state is QUEUED, as if the program kept it.
 */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum { BATCH_MAX = 4096 /* SCX_DSP_DFL_MAX_BATCH is 32, a program may ask for more */ };

struct err *scx_read_deferred(struct scx_walk *s, struct kva scx, struct scx_deferred *ret)
{
	const struct scx_layout *l = &s->l;
	uint32_t off = l->scx.off + l->dsq_list.off;
	struct scx_list list = {
		.node_off = off + l->dsq_node.off,
		.flags_off = off + l->dsq_node_flags.off,
		.cursor = s->dsq_cursor,
	};

	if (!l->deferred_locals.present || !l->scx.present || !l->dsq_list.present || !l->dsq_node.present ||
	    !l->dsq_node_flags.present || !l->ddsp_dsq_id.present)
		return NULL;
	TRY(scx_read_list(s, kmember(scx, &l->deferred_locals), &list, &ret->list));
	ret->dsq_ids = pool_calloc(s->pool, ret->list.nr, sizeof(*ret->dsq_ids));
	if (!ret->dsq_ids)
		return &err_nomem;
	for (size_t i = 0; i < ret->list.nr; i++)
		TRY(err_prefix(kget(s->k, kmember(ret->list.tasks[i], &l->scx), &l->ddsp_dsq_id, &ret->dsq_ids[i]),
			       "a deferred task"));
	return NULL;
}

static struct err *read_buffer(struct scx_walk *s, struct kva sched, struct kva ctx, uint32_t cpu, struct scx_buffers *to)
{
	const struct scx_layout *l = &s->l;
	uint64_t nr;

	TRY(kget(s->k, ctx, &l->dsp_cursor, &nr));
	if (!nr)
		return NULL;
	if (nr > BATCH_MAX)
		return err_new(ERR_CORRUPT, "a dispatch buffer of %" PRIu64 " tasks", nr);
	for (uint64_t i = 0; i < nr; i++) {
		struct kva ent = { kmember(ctx, &l->dsp_buf).v + i * l->buf_size.size };
		struct scx_transit t = { .buffered = true, .sched = sched };

		TRY(kget_kva(s->k, ent, &l->buf_task, &t.task));
		TRY(kget(s->k, ent, &l->buf_dsq_id, &t.dsq_id));
		TRY(kget(s->k, ent, &l->buf_qseq, &t.qseq));
		struct scx_transit *p = vec_push(&to->cpus[cpu].tasks);
		if (!p)
			return &err_nomem;
		*p = t;
	}
	return NULL;
}

struct err *scx_read_buffers(struct scx_walk *s, struct kva sched, struct kva ctx, struct scx_buffers *to)
{
	const struct scx_layout *l = &s->l;

	if (!ctx.v || !l->dsp_cursor.present || !l->dsp_buf.present || !l->buf_size.present || !l->buf_task.present ||
	    !l->buf_dsq_id.present || !l->buf_qseq.present)
		return NULL;
	if (!to->cpus)
		to->cpus = calloc(s->k->nr_cpu_ids + 1, sizeof(*to->cpus));
	if (!to->cpus)
		return &err_nomem;
	for (uint32_t cpu = 0; cpu < s->k->nr_cpu_ids; cpu++) {
		struct kva here;

		if (!s->k->possible[cpu])
			continue;
		TRY(kpercpu(s->k, ctx, cpu, &here));
		TRY(err_prefix(read_buffer(s, sched, here, cpu, to), "dispatch buffer of CPU %" PRIu32, cpu));
	}
	return NULL;
}

void scx_buffers_deinit(struct scx_walk *s, struct scx_buffers *b)
{
	for (uint32_t cpu = 0; b->cpus && cpu < s->k->nr_cpu_ids; cpu++)
		free(b->cpus[cpu].tasks.data);
	free(b->cpus);
}

struct err *scx_set_transit(struct scx_walk *s, struct scx_rq_row *row, const struct scx_deferred *deferred,
			    const struct scx_buffers *buffers)
{
	size_t nr_buffered = buffers->cpus ? buffers->cpus[row->cpu].tasks.nr : 0;
	size_t nr = (deferred->dsq_ids ? deferred->list.nr : 0) + nr_buffered;

	if (!nr)
		return NULL;
	row->transit = pool_calloc(s->pool, nr, sizeof(*row->transit));
	if (!row->transit)
		return &err_nomem;
	for (size_t i = 0; deferred->dsq_ids && i < deferred->list.nr; i++)
		row->transit[row->nr_transit++] = (struct scx_transit){ .task = deferred->list.tasks[i],
									 .dsq_id = deferred->dsq_ids[i] };
	for (size_t i = 0; i < nr_buffered; i++)
		row->transit[row->nr_transit++] = buffers->cpus[row->cpu].tasks.data[i];
	return NULL;
}
