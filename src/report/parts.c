/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/parts.h"

#include <inttypes.h>
#include <stdio.h>

const struct missing_part missing_parts[] = {
	{ "findings", "nothing is judged yet: read the sections", NULL, NULL },
	{ "stacks", NULL, NULL, NULL },
	{ "sdt_alloc", NULL, "sdt_alloc_unavailable", "not implemented in this fdgdb" },
	{ "scx_static", NULL, NULL, NULL },
	{ "per_cpu_time", NULL, NULL, NULL },
	{ "cgroup_psi", NULL, NULL, NULL },
	{ "per_node_numa", NULL, "per_node_numa_unavailable",
	  "no NUMA walker (host-side walker pending)" },
	{ "event_counters", NULL, NULL, NULL },
	{ "log", NULL, NULL, NULL },
};
const size_t nr_missing_parts = ARRAY_SIZE(missing_parts);

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

bool task_runnable_for(const struct report *r, const struct task_row *t, double *ret)
{
	/* Flags of sched_ext_entity that every version has.  The second: the stamp will be set anew when the
	 * task next becomes runnable, so what it holds is old. */
	enum { QUEUED = 1, RESET_RUNNABLE_AT = 4 };
	/* A day at HZ=1000; a difference beyond that is of a stamp that nobody has set. */
	enum { OLDEST = 86400000 };

	if (!t->runnable_at.has || !t->runnable_at.v || !r->scx.jiffies || !r->kernel.hz)
		return false;
	if (t->scx_flags.has && (t->scx_flags.v & (QUEUED | RESET_RUNNABLE_AT)) != QUEUED)
		return false;
	if (!t->scx_flags.has && !(t->dsq_kva.has && t->dsq_kva.v))
		return false;
	uint64_t age = r->scx.jiffies - t->runnable_at.v;
	if (age > OLDEST)
		return false;
	*ret = (double)age / r->kernel.hz;
	return true;
}
