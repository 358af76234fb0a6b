/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --task: which tasks the user asked for. */
#include "config.h"

#include "walk/tasks.h"

#include <errno.h>
#include <fnmatch.h>

#include "base/cleanup.h"
#include "base/nearest.h"

/* A number is a pid, or a process with all its threads; whatever it is, it may also be a name. */
static bool matches(const struct task_row *row, const char *want)
{
	char *end;

	errno = 0;
	long pid = strtol(want, &end, 10);
	if (*want && !*end && !errno && (row->pid == pid || row->tgid == pid) && (pid || row->x.idle))
		return true;
	return !strcmp(row->comm, want) || !fnmatch(want, row->comm, 0);
}

static struct err *no_such_task(struct report *r, const char *want)
{
	struct nearest near = { .word = want };

	for (size_t i = 0; i < r->tasks.nr; i++)
		nearest_offer(&near, r->tasks.data[i].comm);
	_cleanup_free_ char *hint = nearest_text(&near);
	if (!hint)
		return &err_nomem;
	return report_cut(r, "--task", true, "no task is \"%s\"%s", want, hint);
}

/* --dsq: who is on a queue that is shown. */
static bool is_on_dsq(const struct report *r, const struct task_row *row)
{
	for (size_t i = 0; r->scx.dsqs_narrowed && i < r->scx.nr_dsqs_wanted; i++) {
		if (row->dsq_kva.has && row->dsq_kva.v == r->scx.dsqs.data[i].kva.v)
			return true;
	}
	return false;
}

struct err *task_select(struct walk *w)
{
	const struct walk_opts *opts = w->opts;
	struct report *r = w->r;
	size_t nr = r->tasks.nr, at = 0;

	if ((!opts->nr_tasks && !r->scx.dsqs_narrowed) || !nr)
		return NULL;
	_cleanup_free_ struct task_row *rows = calloc(nr, sizeof(*rows));
	_cleanup_free_ bool *wanted = calloc(nr, sizeof(*wanted));
	if (!rows || !wanted)
		return &err_nomem;
	for (size_t i = 0; i < opts->nr_tasks; i++) {
		bool any = false;

		for (size_t j = 0; j < nr; j++) {
			if (!matches(&r->tasks.data[j], opts->tasks[i]))
				continue;
			wanted[j] = any = true;
		}
		if (!any)
			TRY(no_such_task(r, opts->tasks[i]));
	}
	for (size_t j = 0; j < nr; j++)
		wanted[j] |= is_on_dsq(r, &r->tasks.data[j]);
	/* Those asked for come first, so that rows written and rows collected have the same numbers. */
	for (int pass = 1; pass >= 0; pass--) {
		for (size_t j = 0; j < nr; j++) {
			if (wanted[j] == (pass == 1))
				rows[at++] = r->tasks.data[j];
		}
		if (pass == 1)
			r->nr_tasks_wanted = at;
	}
	memcpy(r->tasks.data, rows, nr * sizeof(*rows));
	r->tasks_narrowed = true;
	/* The tasks are all there, and rules look at all of them: no cut of that section. */
	return report_cut(r, opts->nr_tasks ? "--task" : "--dsq", false, "%zu of %zu tasks are shown", r->nr_tasks_wanted, nr);
}
