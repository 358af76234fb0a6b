/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/view.h"

#include "base/cleanup.h"
#include "walk/arena-lead.h"

/* What the scheduler has in its arena for the owner of the value: the entry's, as in a report. */
static struct err *add_payload(struct walk *w)
{
	struct map_row *row = &w->r->view.row;
	struct arena_lead lead;

	if (row->body != MAP_BODY_ENTRIES || row->nr_entries != 1)
		return NULL;
	TRY(arena_lead(w, row, row->entries[0].value, &lead));
	if (!lead.slot || !lead.as_data)
		return NULL;
	TRY(arena_read_leads(w, &lead, 1));
	return arena_lead_payload(w->r, &lead, &row->entries[0].payload);
}

struct err *walk_view(struct kernel *k, const struct walk_opts *opts, struct report *r)
{
	struct walk w = { .k = k, .r = r, .opts = opts };
	_cleanup_(maps_walk_deinit) struct maps_walk m = { 0 };

	TRY(walk_kernel(&w));
	TRY(maps_open(&m, &w));
	if (m.mw.fatal)
		return take_ptr(m.mw.fatal);
	TRY(opts->var ? view_var(&m) : view_entry(&m));
	if (m.mw.fatal)
		return take_ptr(m.mw.fatal);
	TRY(maps_close(&m));
	TRY(arena_aside(&w));
	TRY(add_payload(&w));
	return walk_env(&w);
}
