/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/idrs.h"

#include "kernel/containers.h"

struct found {
	struct idr_rows *rows;
	bool nomem;
};

static bool found(void *ctx, uint64_t id, struct kva entry)
{
	struct found *f = ctx;
	struct idr_row *row = vec_push(f->rows);

	f->nomem = !row;
	if (!row)
		return false;
	*row = (struct idr_row){ (uint32_t)id, entry };
	return true;
}

static struct err *note(struct walk *w, const char *symbol, const char *section, size_t max,
			enum walk_end end, const struct err *why)
{
	if (end == WALK_BROKEN)
		return report_section(w->r, section, SECTION_NOT_READABLE, "%s: %s", symbol,
				      why ? why->msg : walk_end_text(end));
	if (end == WALK_LOOP)
		return report_section(w->r, section, SECTION_IMPLAUSIBLE, "%s: %s", symbol,
				      walk_end_text(end));
	if (end == WALK_CAPPED)
		return report_cut(w->r, section, false, "only the first %zu", max);
	return NULL;
}

struct err *idr_rows(struct walk *w, const char *symbol, const char *section, size_t max,
		     struct idr_rows *ret)
{
	struct idr_rows rows = { 0 };
	struct found f = { .rows = &rows };
	struct err *why = NULL, *e = NULL;
	struct kva idr;

	TRY(ksym(w->k, symbol, &idr));
	enum walk_end end = kidr_walk(w->k, idr, max, found, &f, &why);
	if (walk_is_fatal(why))
		e = why;
	else if (f.nomem)
		e = &err_nomem;
	else
		e = note(w, symbol, section, max, end, why);
	if (e != why)
		err_free(why);
	if (e) {
		idr_rows_deinit(&rows);
		return e;
	}
	*ret = rows;
	return NULL;
}
