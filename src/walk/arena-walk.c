/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lies in arenas: from pages that were collected with the maps, so it costs the guest next to nothing. */
#include "config.h"

#include "walk/arena.h"

static const char *const sections[] = { "sdt_alloc", "scx_static", "arena_objects" };

static struct err *note_all(struct walk *w, enum section_status status, const char *detail)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		TRY(report_section(w->r, sections[i], status, detail ? "%s" : NULL, detail));
	return NULL;
}

/*
 * With several arenas only their programs tell which is whose.  If those were not asked for they are looked at all
 * the same, but for this alone.
 */
static struct err *assign(struct walk *w)
{
	const struct section *asked = report_find_section(w->r, "progs");
	struct report *quiet;
	size_t nr = 0;

	for (size_t i = 0; i < w->r->maps.nr; i++)
		nr += w->r->maps.data[i].arena != NULL;
	if (nr < 2 || !asked || asked->status != SECTION_NOT_ASKED) {
		arena_assign(w->r, w->r);
		return NULL;
	}

	TRY(report_create(&quiet));
	struct walk progs = { .k = w->k, .r = quiet, .opts = w->opts };
	struct err *e = walk_progs(&progs);
	arena_assign(w->r, quiet);
	report_destroy(quiet);
	if (!walk_is_fatal(e)) {
		err_free(e);
		return NULL;
	}
	return e;
}

struct err *walk_arena(struct walk *w)
{
	const struct section *maps = report_find_section(w->r, "maps");
	bool asked = !maps || maps->status != SECTION_NOT_ASKED;

	TRY(assign(w));
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
