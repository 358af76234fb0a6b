/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lies in arenas: from pages that were collected with the maps, so it costs the guest nothing. */
#include "config.h"

#include "walk/arena.h"

static const char *const sections[] = { "sdt_alloc", "scx_static", "arena_objects" };

static struct err *note_all(struct walk *w, enum section_status status, const char *detail)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		TRY(report_section(w->r, sections[i], status, detail ? "%s" : NULL, detail));
	return NULL;
}

struct err *walk_arena(struct walk *w)
{
	const struct section *maps = report_find_section(w->r, "maps");
	bool asked = !maps || maps->status != SECTION_NOT_ASKED;

	arena_assign(w->r);
	/* Variables, trees and tasks lie in maps of their own: with some of them left out much would seem broken. */
	if (!asked || w->opts->nr_maps) {
		w->r->sdt_unavailable = asked ? "only some maps were asked for" : "maps were not asked for";
		return note_all(w, SECTION_NOT_ASKED, NULL);
	}
	TRY(sdt_walk(w));
	TRY(sdt_index(w->r));
	TRY(sdt_types(w));
	TRY(arena_objects(w));
	return arena_tasks(w);
}
