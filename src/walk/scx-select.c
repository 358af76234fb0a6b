/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --dsq: which queues the user asked for. */
#include "config.h"

#include "walk/scx.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* A number is an id, which all local queues share; words are an origin. */
static bool matches(const struct dsq_row *d, const char *want)
{
	char origin[32], *end;

	errno = 0;
	uint64_t id = strtoull(want, &end, 0);
	if (*want && !*end && !errno)
		return d->has_id && d->id == id;
	dsq_origin_text(d, origin);
	return !strcmp(origin, want);
}

/* What there is instead: ids of the scheduler's own queues. */
static struct err *no_such_dsq(struct report *r, const char *want)
{
	enum { NAMED = 8 };
	const char *names = NULL;
	size_t nr = 0;

	for (size_t i = 0; i < r->scx.dsqs.nr; i++) {
		const struct dsq_row *d = &r->scx.dsqs.data[i];

		if (d->origin != DSQ_USER || nr++ >= NAMED)
			continue;
		names = pool_printf(&r->pool, "%s%s0x%" PRIx64, names ? names : "", names ? ", " : "", d->id);
		if (!names)
			return &err_nomem;
	}
	if (!r->scx.in_kernel)
		return report_cut(r, "--dsq", true, "no DSQ is \"%s\": this kernel has no sched_ext", want);
	if (!nr)
		return report_cut(r, "--dsq", true, "no DSQ is \"%s\"; the scheduler has none of its own", want);
	return report_cut(r, "--dsq", true, "no DSQ is \"%s\"; there is %s%s", want, names, nr > NAMED ? " ..." : "");
}

struct err *scx_select(struct walk *w)
{
	const struct walk_opts *opts = w->opts;
	struct scx_state *scx = &w->r->scx;
	size_t nr = scx->dsqs.nr, at = 0;

	if (!opts->nr_dsqs)
		return NULL;
	_cleanup_free_ struct dsq_row *rows = calloc(nr + 1, sizeof(*rows));
	_cleanup_free_ bool *wanted = calloc(nr + 1, sizeof(*wanted));
	if (!rows || !wanted)
		return &err_nomem;
	for (size_t i = 0; i < opts->nr_dsqs; i++) {
		bool any = false;

		for (size_t j = 0; j < nr; j++) {
			if (matches(&scx->dsqs.data[j], opts->dsqs[i]))
				wanted[j] = any = true;
		}
		if (!any)
			TRY(no_such_dsq(w->r, opts->dsqs[i]));
	}
	/* Those asked for come first, so that rows written and rows collected have the same numbers. */
	for (int pass = 1; pass >= 0; pass--) {
		for (size_t j = 0; j < nr; j++) {
			if (wanted[j] == (pass == 1))
				rows[at++] = scx->dsqs.data[j];
		}
		if (pass == 1)
			scx->nr_dsqs_wanted = at;
	}
	if (nr)
		memcpy(scx->dsqs.data, rows, nr * sizeof(*rows));
	scx->dsqs_narrowed = true;
	return report_cut(w->r, "--dsq", false, "%zu of %zu DSQs are shown", scx->nr_dsqs_wanted, nr);
}
