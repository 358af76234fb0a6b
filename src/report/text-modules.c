/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded modules: those in trouble first, the others in the list's order. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-fit.h"

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

enum column { COL_NAME, COL_STATE, COL_BASE, COL_SIZE, COL_REFS, COL_USERS, COL_TAINTS, COL_BUILD_ID, COL_ERROR, NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_NAME] = { .title = "name", .left = true, .cut = 20 },
	[COL_STATE] = { .title = "state", .left = true },
	[COL_BASE] = { .title = "text", .left = true, .drop = 2 },
	[COL_SIZE] = { .title = "size", .drop = 1 },
	[COL_REFS] = { .title = "refs" },
	[COL_USERS] = { .title = "used by", .left = true, .cut = 16 },
	[COL_TAINTS] = { .title = "taints", .left = true },
	[COL_BUILD_ID] = { .title = "build id", .left = true, .verbose = true },
	[COL_ERROR] = { .title = "", .left = true, .cut = 20 },
};

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct module_row *m = &((struct text *)ctx)->r->modules.data[row];

	switch ((enum column)col) {
	case COL_NAME:
		escape_append(sb, m->name, strlen(m->name));
		return;
	case COL_STATE:
		strbuf_puts(sb, m->state);
		return;
	case COL_BASE:
		if (m->base.v)
			strbuf_printf(sb, "0x%" PRIx64, m->base.v);
		else
			strbuf_putc(sb, '-');
		return;
	case COL_SIZE:
		strbuf_printf(sb, "%" PRIu64, m->size);
		return;
	case COL_REFS:
		if (m->refs.has)
			strbuf_printf(sb, "%" PRIu64, m->refs.v);
		else
			strbuf_putc(sb, '?');
		return;
	case COL_USERS:
		for (size_t i = 0; i < m->nr_users; i++) {
			strbuf_puts(sb, i ? "," : "");
			escape_append(sb, m->users[i], strlen(m->users[i]));
		}
		if (!m->nr_users)
			strbuf_putc(sb, m->users_known ? '-' : '?');
		return;
	case COL_TAINTS:
		if (m->taint_letters)
			escape_append(sb, m->taint_letters, strlen(m->taint_letters));
		else
			strbuf_printf(sb, m->taints ? "0x%" PRIx64 : "-", m->taints);
		return;
	case COL_BUILD_ID:
		strbuf_puts(sb, m->build_id ? m->build_id : "-");
		return;
	case COL_ERROR:
		if (m->error) {
			strbuf_puts(sb, "[error: ");
			escape_append(sb, m->error, strlen(m->error));
			strbuf_putc(sb, ']');
		}
		return;
	case NR_COLUMNS:
		break;
	}
}

static int by_rank(const void *ctx, size_t a, size_t b)
{
	const struct module_row *rows = ((const struct text *)ctx)->r->modules.data;

	return (int)rank(&rows[a]) - (int)rank(&rows[b]);
}

void text_modules(struct text *t)
{
	size_t nr = t->r->modules.nr;

	text_counted_title(t, "modules", nr, "modules");
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS, .nr_rows = nr,
					    .cap = MODULES_SHOWN, .cell = cell, .order = by_rank, .ctx = t, .more = "" },
		       "  ");
}
