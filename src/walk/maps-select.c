/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --map: which of the maps are wanted. */
#include "config.h"

#include "walk/maps-walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/nearest.h"

enum { NAME_LEN = 15 }; /* of a name that the kernel keeps: BPF_OBJ_NAME_LEN - 1 */

/* What a word of the user's may stand for. */
struct wish {
	const char *word;
	bool is_number, is_addr;
	uint64_t number;
};

static struct wish wish_of(const char *word)
{
	struct wish w = { .word = word };
	char *end;

	errno = 0;
	w.number = strtoull(word, &end, 0);
	w.is_number = *word >= '0' && *word <= '9' && !*end && !errno;
	w.is_addr = w.is_number && (!strncmp(word, "0x", 2) || !strncmp(word, "0X", 2));
	if (w.is_number && !w.is_addr) { /* ids are decimal: 010 is ten */
		w.number = strtoull(word, &end, 10);
		w.is_number = !*end;
	}
	return w;
}

/*
 * The kernel has but the first 15 bytes of a name.  libbpf, for a section of globals, shortens the object's
 * name and leaves the section's: "scx_lavd_long.bss" is "scx_lavd_lo.bss".
 */
static bool is_name(const char *word, const char *name)
{
	size_t len = strlen(word);

	if (!strcmp(word, name))
		return true;
	if (len <= NAME_LEN || strlen(name) != NAME_LEN)
		return false;
	if (!strncmp(word, name, NAME_LEN))
		return true;
	const char *section = strchr(word, '.'), *own = strchr(name, '.');
	return section && own && !strcmp(section, own) && !strncmp(word, name, (size_t)(own - name));
}

static bool is_meant(const struct wish *w, const struct map_row *row)
{
	if (w->is_addr)
		return row->kva.v == w->number;
	if (w->is_number && row->id == w->number)
		return true;
	return is_name(w->word, row->name);
}

static struct err *no_such_map(const struct maps_walk *m, const char *word)
{
	struct nearest near = { .word = word };

	for (size_t i = 0; i < m->found.nr; i++)
		nearest_offer(&near, m->jobs[i].row->name);
	_cleanup_free_ char *hint = nearest_text(&near);
	if (!hint)
		return &err_nomem;
	return err_new(ERR_NOT_FOUND, "--map %s: none of the %zu maps in the guest has this id, address or name%s",
		       word, m->found.nr, hint);
}

/* "3, 17 and 22" of the maps that a word means. */
static char *list_ids(const struct maps_walk *m, const struct wish *w, size_t nr)
{
	char *text = NULL;
	size_t at = 0;

	for (size_t i = 0; i < m->found.nr; i++) {
		if (!is_meant(w, m->jobs[i].row))
			continue;
		at++;
		text = pool_printf(m->mw.pool, "%s%s%" PRIu32, text ? text : "",
				   at == 1 ? "" : at == nr ? " and " : ", ", m->jobs[i].row->id);
		if (!text)
			return NULL;
	}
	return text;
}

static struct err *select_one(struct maps_walk *m, const char *word)
{
	const struct wish w = wish_of(word);
	size_t nr = 0;

	for (size_t i = 0; i < m->found.nr; i++) {
		if (!is_meant(&w, m->jobs[i].row))
			continue;
		m->jobs[i].left_out = false;
		nr++;
	}
	if (!nr)
		return no_such_map(m, word);
	if (nr == 1)
		return NULL;

	const char *ids = list_ids(m, &w, nr);
	if (!ids)
		return &err_nomem;
	if (m->mw.w->opts->key)
		return err_new(ERR_NOT_FOUND, "--map %s: several maps have this name: ids %s; say which by its id",
			       word, ids);
	return report_cut(m->mw.w->r, "maps", false, "--map %s means %zu maps: ids %s", word, nr, ids);
}

/* --task alone: what BPF keeps of tasks, and the maps by which the scheduler's object is found. */
static bool tells_of_tasks(const struct map_row *row)
{
	enum { ARRAY = 2, STRUCT_OPS = 26, TASK_STORAGE = 29 }; /* enum bpf_map_type */

	return row->type == TASK_STORAGE || row->type == STRUCT_OPS ||
	       (row->type == ARRAY && strchr(row->name, '.'));
}

bool maps_are_narrowed(const struct walk *w)
{
	return w->opts->nr_maps || (w->opts->nr_tasks && !w->opts->sections);
}

struct err *maps_select(struct maps_walk *m)
{
	const struct walk_opts *opts = m->mw.w->opts;
	size_t nr = 0;

	if (!opts->nr_maps && maps_are_narrowed(m->mw.w)) {
		for (size_t i = 0; i < m->found.nr; i++)
			m->jobs[i].left_out = !tells_of_tasks(m->jobs[i].row);
		return report_cut(m->mw.w->r, "maps", false, "only task storage, struct_ops and globals (--task)");
	}
	if (!opts->nr_maps)
		return NULL;
	for (size_t i = 0; i < m->found.nr; i++)
		m->jobs[i].left_out = true;
	for (size_t i = 0; i < opts->nr_maps; i++)
		TRY(select_one(m, opts->maps[i]));
	for (size_t i = 0; i < m->found.nr; i++)
		nr += !m->jobs[i].left_out;
	return report_cut(m->mw.w->r, "maps", false, "%zu of %zu maps (--map)", nr, m->found.nr);
}
