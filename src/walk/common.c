/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>
#include <stdio.h>

/* --task without --section: what tells something of a task. */
static bool tells_of_tasks(const char *section)
{
	static const char *const parts[] = { "vcpus", "maps", "scx", "tasks", "stacks", "waits" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!strcmp(section, parts[i]))
			return true;
	}
	return false;
}

uint64_t walk_max_elements(const struct walk_opts *opts)
{
	if (opts->var || opts->key)
		return SIZE_MAX;
	return MAX(opts->max_entries, (uint64_t)VALUE_MAX_ELEMENTS);
}

struct err *walk_add_array(struct walk *w, const struct types *types, uint32_t type, struct walk_arrays *arrays)
{
	uint64_t len;

	if (!value_longest_array(types, type, &len))
		return &err_nomem;
	arrays->nr += len > walk_max_elements(w->opts);
	arrays->longest = MAX(arrays->longest, len);
	return NULL;
}

struct err *walk_tell_arrays(struct walk *w, const char *section, const char *what, const struct walk_arrays *arrays)
{
	uint64_t cap = walk_max_elements(w->opts);

	if (!arrays->nr)
		return NULL;
	return report_cut(w->r, section, cap > VALUE_MAX_ELEMENTS,
			  "arrays in values of %zu %s at %" PRIu64 " elements (the longest has %" PRIu64
			  "; --max-entries)", arrays->nr, what, cap, arrays->longest);
}

bool walk_wants(struct walk *w, const char *section)
{
	const struct walk_opts *opts = w->opts;

	if (!opts->sections && !opts->nr_maps && !opts->nr_tasks && !opts->nr_dsqs)
		return true;
	/* Who names maps or tasks wants to see those, unless other sections are named too. */
	if (!opts->sections && ((opts->nr_maps && !strcmp(section, "maps")) ||
				(opts->nr_tasks && tells_of_tasks(section)) ||
				(opts->nr_dsqs && (!strcmp(section, "scx") || !strcmp(section, "tasks")))))
		return true;
	for (size_t i = 0; i < w->opts->nr_sections; i++) {
		const char *asked = w->opts->sections[i];

		/* A queue of tasks without names would be of no use, stacks are theirs, and tell what they
		 * wait for. */
		bool waits = !strcmp(asked, "waits");
		if (!strcmp(asked, section) || (waits && !strcmp(section, "stacks")) ||
		    (!strcmp(section, "tasks") &&
		     (waits || !strcmp(asked, "scx") || !strcmp(asked, "stacks"))))
			return true;
	}
	/* Nothing else is said about a section that is left out; if there is no memory for this, the
	 * next walker to run will notice. */
	err_ignore(report_section(w->r, section, SECTION_NOT_ASKED, NULL));
	return false;
}

bool walk_is_fatal(const struct err *e)
{
	return err_is_fatal(e);
}

struct err *walk_flag_names(const struct kernel *k, struct pool *pool, const char *type, const char *prefix,
			    uint64_t flags, const char **ret)
{
	const char *text = NULL;
	uint32_t id;
	struct err *e = types_find(k->types, BTF_KIND_ENUM, type, &id);

	*ret = NULL;
	if (e) {
		err_ignore(e);
		return NULL;
	}
	for (uint64_t left = flags; left; left &= left - 1) {
		uint64_t bit = left & -left;
		const char *name = types_enum_name(k->types, id, (int64_t)bit);
		char hex[24];

		if (!name) {
			snprintf(hex, sizeof(hex), "0x%" PRIx64, bit);
			name = hex;
		} else if (!strncmp(name, prefix, strlen(prefix))) {
			name += strlen(prefix);
		}
		text = text ? pool_printf(pool, "%s|%s", text, name) :
			      pool_printf(pool, "%s", name);
		if (!text)
			return &err_nomem;
	}
	*ret = text;
	return NULL;
}
