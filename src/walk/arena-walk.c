/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lies in arenas: from pages that were collected with the maps, so it costs the guest next to nothing. */
#include "config.h"

#include "walk/arena.h"

static struct err *note_all(struct walk *w, enum section_status status)
{
	static const char *const sections[] = { "sdt_alloc", "scx_static", "arena_objects" };

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		TRY(report_section(w->r, sections[i], status, NULL));
	return NULL;
}

/* With several arenas only their programs tell which is whose. */
static struct err *assign(struct walk *w)
{
	const struct section *asked = report_find_section(w->r, "progs");
	size_t nr = 0;

	for (size_t i = 0; i < w->r->maps.nr; i++)
		nr += w->r->maps.data[i].arena != NULL;
	if (nr > 1 && asked && asked->status == SECTION_NOT_ASKED)
		return arena_assign_quietly(w);
	arena_assign(w->r, w->r);
	return NULL;
}

/* Of some maps, or of what tells of some tasks: no more than their values lead to. */
static struct err *walk_aside(struct walk *w)
{
	w->r->sdt_unavailable = w->opts->nr_maps ? "only some maps were asked for" : "only some tasks were asked for";
	TRY(note_all(w, SECTION_NOT_ASKED));
	TRY(arena_aside(w));
	return w->opts->nr_maps ? arena_tasks(w) : NULL;
}

struct err *arena_aside(struct walk *w)
{
	w->r->sdt_aside = true;
	arena_link(w->r);
	TRY(sdt_walk(w));
	TRY(sdt_index(w->r));
	return sdt_types(w);
}

struct err *walk_arena(struct walk *w)
{
	const struct section *maps = report_find_section(w->r, "maps");

	if (maps && maps->status == SECTION_NOT_ASKED) {
		w->r->sdt_unavailable = "maps were not asked for";
		return note_all(w, SECTION_NOT_ASKED);
	}
	if (maps_are_narrowed(w))
		return walk_aside(w);
	TRY(assign(w));
	TRY(sdt_walk(w));
	TRY(sdt_index(w->r));
	TRY(sdt_types(w));
	TRY(arena_objects(w));
	return arena_tasks(w);
}
