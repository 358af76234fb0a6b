/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/walk.h"

bool walk_wants(struct walk *w, const char *section)
{
	/* Who names maps wants to see those, unless other sections are named too. */
	if (!w->opts->sections && w->opts->nr_maps && strcmp(section, "maps")) {
		err_ignore(report_section(w->r, section, SECTION_NOT_ASKED, NULL));
		return false;
	}
	if (!w->opts->sections)
		return true;
	for (size_t i = 0; i < w->opts->nr_sections; i++) {
		const char *asked = w->opts->sections[i];

		/* A queue of tasks without names would be of no use, and stacks are theirs. */
		if (!strcmp(asked, section) || (!strcmp(section, "tasks") && (!strcmp(asked, "scx") ||
									      !strcmp(asked, "stacks"))))
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
