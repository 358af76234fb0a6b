/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded modules: those in trouble first, the others in the list's order. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-parts.h"

enum { MODULES_SHOWN = 16 };

/* One that is not (or no more) live hangs in its init or exit function, or is about to. */
static bool is_troubled(const struct module_row *m)
{
	return m->error || strcmp(m->state, "live") != 0;
}

static unsigned int rank(const struct module_row *m)
{
	return is_troubled(m) ? 0 : m->taints ? 1 : 2;
}

static void module_cells(struct text *t, struct table *tab, const struct module_row *m)
{
	escape_append(table_open(tab), m->name, strlen(m->name));
	table_cell(tab, "%s", m->state);
	if (m->base.v)
		table_cell(tab, "0x%" PRIx64, m->base.v);
	else
		table_cell(tab, "-");
	table_cell(tab, "%" PRIu64, m->size);
	if (m->refs.has)
		table_cell(tab, "%" PRIu64, m->refs.v);
	else
		table_cell(tab, "?");
	struct strbuf *taints = table_open(tab);
	if (m->taint_letters)
		escape_append(taints, m->taint_letters, strlen(m->taint_letters));
	else
		strbuf_printf(taints, m->taints ? "0x%" PRIx64 : "-", m->taints);
	if (t->opts->verbose)
		table_cell(tab, "%s", m->build_id ? m->build_id : "-");
	struct strbuf *error = table_open(tab);
	if (m->error) {
		strbuf_puts(error, "[error: ");
		escape_append(error, m->error, strlen(m->error));
		strbuf_putc(error, ']');
	}
}

void text_modules(struct text *t)
{
	bool verbose = t->opts->verbose;
	struct table tab = { .columns = 7 + verbose };
	size_t nr = t->r->modules.nr, shown = text_shown(t, nr, MODULES_SHOWN), done = 0;

	tab.left = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 7;
	text_counted_title(t, "modules", nr, "modules");
	if (!nr)
		return;
	table_cell(&tab, "name");
	table_cell(&tab, "state");
	table_cell(&tab, "text");
	table_cell(&tab, "size");
	table_cell(&tab, "refs");
	table_cell(&tab, "taints");
	if (verbose)
		table_cell(&tab, "build id");
	table_cell(&tab, "%s", "");
	for (unsigned int r = 0; r < 3; r++) {
		for (size_t i = 0; i < nr && done < shown; i++) {
			const struct module_row *m = &t->r->modules.data[i];

			if (rank(m) != r)
				continue;
			module_cells(t, &tab, m);
			done++;
		}
	}
	table_write(&tab, &t->sb, "  ");
	table_deinit(&tab);
	text_more(t, 1, nr - shown);
	strbuf_putc(&t->sb, '\n');
}
