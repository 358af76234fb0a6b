/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model/scx.h"

#include <inttypes.h>
#include <stdio.h>

const struct scx_sched_row *scx_find_sched(const struct scx_state *scx, struct kva kva)
{
	if (scx->has_sched && (!kva.v || kva.v == scx->sched.kva.v))
		return &scx->sched;
	for (size_t i = 0; i < scx->others.nr; i++) {
		const struct scx_sched_row *s = &scx->others.data[i];

		if (s->kva.v == kva.v && s->role == SCX_SUB)
			return s;
	}
	return NULL;
}

const struct scx_log_exit *scx_last_log_exit(const struct scx_state *scx)
{
	if (scx->has_sched)
		return NULL;
	for (size_t i = scx->log_exits.nr; i-- > 0;) {
		const struct scx_log_exit *x = &scx->log_exits.data[i];

		if (!x->sub)
			return x->recorded ? NULL : x;
	}
	return NULL;
}

void dsq_id_text(uint64_t id, char buf[32])
{
	/* enum scx_dsq_id_flags, part of the BPF interface. */
	static const uint64_t builtin = 1ull << 63, local_on = 1ull << 62;
	static const char *const names[] = { "INVALID", "GLOBAL", "LOCAL", "BYPASS", "REJECT", "RESCUE" };
	uint64_t nr = id & ~(builtin | local_on);

	if (!(id & builtin) || (id & local_on ? nr > UINT32_MAX : nr >= sizeof(names) / sizeof(*names)))
		snprintf(buf, 32, "0x%" PRIx64, id);
	else if (id & local_on)
		snprintf(buf, 32, "LOCAL_ON|%" PRIu64, nr);
	else
		snprintf(buf, 32, "%s", names[nr]);
}

void dsq_origin_text(const struct dsq_row *d, char buf[32])
{
	switch (d->origin) {
	case DSQ_LOCAL:
		snprintf(buf, 32, "local cpu %" PRIu32, d->index);
		return;
	case DSQ_BYPASS:
		snprintf(buf, 32, "bypass cpu %" PRIu32, d->index);
		return;
	case DSQ_GLOBAL:
		snprintf(buf, 32, "global node %" PRIu32, d->index);
		return;
	case DSQ_REJECT:
		snprintf(buf, 32, "reject cpu %" PRIu32, d->index);
		return;
	case DSQ_RESCUE:
		snprintf(buf, 32, "rescue cpu %" PRIu32, d->index);
		return;
	case DSQ_USER:
		break;
	}
	snprintf(buf, 32, "user");
}
