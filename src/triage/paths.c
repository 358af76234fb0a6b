/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/triage.h"

/* As the writer of the JSON splits them: the format has no place for queues of these origins. */
bool triage_dsq_in_format(const struct dsq_row *d)
{
	return d->origin != DSQ_REJECT && d->origin != DSQ_RESCUE;
}

const char *triage_dsq_path(struct triage *t, const struct dsq_row *d)
{
	size_t index = 0;

	for (const struct dsq_row *p = t->r->scx.dsqs.data; p != d; p++)
		index += triage_dsq_in_format(p) == triage_dsq_in_format(d);

	const char *path = pool_printf(&t->out->pool, "%s[%zu]",
				       triage_dsq_in_format(d) ? "dsq_states" : "fdgdb.scx.other_dsqs", index);
	if (!path)
		t->nomem = true;
	return path ? path : "";
}
