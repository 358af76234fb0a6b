/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is about a CPU but not of its run queue alone: kicks from others, bypass, for how long its task runs. */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

#include "base/cleanup.h"

/* cpumask_var_t is a pointer, or with few CPUs an array of one. */
static struct err *mask_at(struct scx_walk *s, struct kva obj, const struct member *m, struct kva *ret)
{
	const struct btf_type *t = types_get(s->k->types, types_peel(s->k->types, m->type_id));

	*ret = kmember(obj, m);
	if (t && BTF_INFO_KIND(t->info) == BTF_KIND_PTR)
		return kread_kva(s->k, *ret, ret);
	return NULL;
}

struct err *scx_read_kicks(struct scx_walk *s, struct kva obj, const struct member masks[SCX_KICKS],
			   uint8_t *kicks)
{
	size_t words = (s->k->nr_cpu_ids + 63) / 64;
	_cleanup_free_ uint8_t *raw = malloc(words * 8 + 1);

	if (!raw)
		return &err_nomem;
	for (unsigned int i = 0; i < SCX_KICKS; i++) {
		struct kva at;

		if (!masks[i].present)
			continue;
		TRY(mask_at(s, obj, &masks[i], &at));
		if (!at.v)
			continue;
		TRY(err_prefix(kread(s->k, at, raw, words * 8), "CPUs to kick"));
		for (uint32_t cpu = 0; cpu < s->k->nr_cpu_ids; cpu++) {
			if (get_le64(raw + cpu / 64 * 8) >> (cpu % 64) & 1)
				kicks[cpu] |= (uint8_t)(1u << i);
		}
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

struct err *scx_finish_rqs(struct scx_walk *s, struct scx_rqs *rqs, const uint8_t *pcpu_kicks,
			   const bool *bypassed)
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
		uint8_t kicks = rqs->kicks[cpu] | (pcpu_kicks ? pcpu_kicks[cpu] : 0);

		if (!rqs->ok[cpu])
			continue;
		if (row->curr_since.has && now >= row->curr_since.v)
			row->curr_ran = (struct opt_u64){ true, now - row->curr_since.v };
		row->bypassed = row->flags & s->rq_bypassing || (bypassed && bypassed[cpu]);
		row->kicks = kick_names(s, kicks);
		if (kicks && !row->kicks)
			return &err_nomem;
	}
	return NULL;
}
