/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is about a CPU but not of its run queue alone: kicks from others, bypass, for how long its task runs. */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

#include "base/cleanup.h"

struct err *scx_read_mask(struct scx_walk *s, struct kva at, uint32_t type, uint8_t bit, uint8_t *cpus)
{
	const struct btf_type *t = types_get(s->k->types, types_peel(s->k->types, type));
	size_t len = (s->k->nr_cpu_ids + 63) / 64 * 8;
	_cleanup_free_ uint8_t *raw = malloc(len + 1);

	if (!raw)
		return &err_nomem;
	if (t && BTF_INFO_KIND(t->info) == BTF_KIND_PTR)
		TRY(kread_kva(s->k, at, &at));
	if (!at.v)
		return NULL;
	TRY(kread(s->k, at, raw, len));
	for (uint32_t cpu = 0; cpu < s->k->nr_cpu_ids; cpu++) {
		if (raw[cpu / 8] >> cpu % 8 & 1)
			cpus[cpu] |= bit;
	}
	return NULL;
}

struct err *scx_read_kicks(struct scx_walk *s, struct kva obj, const struct member masks[SCX_KICKS],
			   uint8_t *kicks)
{
	for (unsigned int i = 0; i < SCX_KICKS; i++) {
		if (masks[i].present)
			TRY(err_prefix(scx_read_mask(s, kmember(obj, &masks[i]), masks[i].type_id, (uint8_t)(1u << i), kicks),
				       "CPUs to kick"));
	}
	return NULL;
}

static const char *kick_names(struct scx_walk *s, uint8_t kicks)
{
	static const char *const names[SCX_KICKS] = { "KICK", "KICK_IF_IDLE", "PREEMPT", "WAIT" };
	const char *text = NULL;

	for (unsigned int i = 0; i < SCX_KICKS; i++) {
		if (!(kicks >> i & 1))
			continue;
		text = text ? pool_printf(s->pool, "%s|%s", text, names[i]) : names[i];
		if (!text)
			return NULL;
	}
	return text;
}

struct err *scx_finish_rqs(struct scx_walk *s, struct scx_rqs *rqs, const struct scx_sched *sched)
{
	uint64_t now = 0;

	if (!s->l.rq_scx.present)
		return NULL;
	/* A CPU's own clock stands still while it does not come to schedule: just when it matters. */
	for (uint32_t cpu = 0; cpu < s->k->nr_cpu_ids; cpu++) {
		if (rqs->ok[cpu] && rqs->rows[cpu].rq_clock.has)
			now = MAX(now, rqs->rows[cpu].rq_clock.v);
	}
	for (uint32_t cpu = 0; cpu < s->k->nr_cpu_ids; cpu++) {
		struct scx_rq_row *row = &rqs->rows[cpu];
		uint8_t kicks = rqs->kicks[cpu] | (sched->kicks ? sched->kicks[cpu] : 0);

		if (!rqs->ok[cpu])
			continue;
		if (row->curr_since.has && now >= row->curr_since.v)
			row->curr_ran = (struct opt_u64){ true, now - row->curr_since.v };
		row->bypassed = row->flags.v & s->rq_bypassing || (sched->bypassed && sched->bypassed[cpu]);
		if (sched->idle.known)
			row->in_idle_mask = (struct opt_u64){ true, sched->idle.cpus[cpu] };
		TRY(scx_set_transit(s, row, &rqs->deferred[cpu], &sched->buffers));
		row->kicks = kick_names(s, kicks);
		if (kicks && !row->kicks)
			return &err_nomem;
	}
	return NULL;
}
