/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of which less is shown where the terminal has no room. */
#include "config.h"

#include "report/text-fit.h"

static void fill(struct table *tab, const struct fit_table *f, unsigned int dropped)
{
	*tab = (struct table){ 0 };
	for (size_t col = 0; col < f->nr_columns; col++) {
		if (f->columns[col].drop && f->columns[col].drop <= dropped)
			continue;
		tab->left |= (uint64_t)f->columns[col].left << tab->columns++;
		strbuf_puts(table_open(tab), f->columns[col].title);
	}
	for (size_t row = 0; row < f->nr_rows; row++) {
		for (size_t col = 0; col < f->nr_columns; col++) {
			if (!f->columns[col].drop || f->columns[col].drop > dropped)
				f->cell(f->ctx, row, col, table_open(tab));
		}
	}
}

void text_fit_table(struct text *t, const struct fit_table *f, const char *indent)
{
	size_t width = t->opts->verbose ? 0 : t->opts->width;
	unsigned int last = 0, dropped = 0;
	struct table tab;

	for (size_t col = 0; col < f->nr_columns; col++)
		last = MAX(last, f->columns[col].drop);
	fill(&tab, f, dropped);
	while (width && dropped < last && table_width(&tab) + strlen(indent) > width) {
		table_deinit(&tab);
		fill(&tab, f, ++dropped);
	}
	table_write(&tab, &t->sb, indent);
	strbuf_putc(&t->sb, '\n');
	table_deinit(&tab);
}
