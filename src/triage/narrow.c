/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --task and --dsq: findings that rest on rows which the report leaves out are left out too, so that all evidence
 * stands where its path says.  What caused a finding that is shown stays, with the evidence that is there.
 */
#include "config.h"

#include <stdlib.h>

#include "triage/triage.h"

/* How many rows of an array are written. */
static size_t nr_written(const struct report *r, const char *name, size_t len)
{
	const struct scx_state *scx = &r->scx;
	size_t nr = 0;

	if ((len == strlen("task_enrichments") && !strncmp(name, "task_enrichments", len)) ||
	    (len == strlen("fdgdb.tasks") && !strncmp(name, "fdgdb.tasks", len)))
		return report_nr_tasks_shown(r);
	if (len == strlen("rq_scx_states") && !strncmp(name, "rq_scx_states", len))
		return scx->dsqs_narrowed ? 0 : scx->rqs.nr;
	bool format = len == strlen("dsq_states") && !strncmp(name, "dsq_states", len);
	if (!format && (len != strlen("fdgdb.scx.other_dsqs") || strncmp(name, "fdgdb.scx.other_dsqs", len)))
		return SIZE_MAX;
	for (size_t i = 0; i < scx_nr_dsqs_shown(scx); i++)
		nr += triage_dsq_in_format(&scx->dsqs.data[i]) == format;
	return nr;
}

static bool is_written(const struct report *r, const char *path)
{
	const char *bracket = path ? strchr(path, '[') : NULL;

	return !bracket || strtoull(bracket + 1, NULL, 10) < nr_written(r, path, (size_t)(bracket - path));
}

static void drop_unwritten(const struct report *r, struct finding *f)
{
	struct evidence **at = &f->evidence;

	f->last_evidence = NULL;
	while (*at) {
		if (is_written(r, (*at)->path)) {
			f->last_evidence = *at;
			at = &(*at)->next;
		} else {
			*at = (*at)->next;
		}
	}
}

void triage_narrow(struct report *r)
{
	struct findings *fs = &r->findings;

	if (!r->tasks_narrowed && !r->scx.dsqs_narrowed)
		return;
	for (size_t i = 0; i < fs->rows.nr; i++) {
		struct finding *f = fs->rows.data[i];

		for (const struct evidence *e = f->evidence; e; e = e->next)
			f->left_out |= !is_written(r, e->path);
	}
	for (size_t i = 0; i < fs->rows.nr; i++) {
		struct finding *f = fs->rows.data[i];

		if (f->left_out)
			continue;
		for (struct finding *c = f->cause; c; c = c->cause) {
			if (c->left_out)
				drop_unwritten(r, c);
			c->left_out = false;
		}
	}
	for (size_t i = 0; i < fs->rows.nr; i++)
		fs->nr_left_out += fs->rows.data[i]->left_out;
}
