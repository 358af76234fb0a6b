/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF programs and links, a table each. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-parts.h"

enum { IDS_SHOWN = 8 };

static void guest_cell(struct table *tab, const char *s)
{
	escape_append(table_open(tab), s, strlen(s));
}

void text_facts(struct strbuf *sb, const struct facts *facts)
{
	for (const struct fact *f = facts->first; f; f = f->next) {
		if (f != facts->first)
			strbuf_putc(sb, ' ');
		strbuf_printf(sb, "%s=", f->key);
		if (f->text)
			escape_append(sb, f->text, strlen(f->text));
		else
			strbuf_printf(sb, f->hex ? "0x%" PRIx64 : "%" PRIu64, f->num);
	}
}

/* "[error]", in its own last column. */
static void error_cell(struct table *tab, const char *error)
{
	struct strbuf *sb = table_open(tab);

	if (!error)
		return;
	strbuf_puts(sb, "[error: ");
	escape_append(sb, error, strlen(error));
	strbuf_putc(sb, ']');
}

static void maps_cell(struct text *t, struct table *tab, const struct prog_row *p)
{
	size_t shown = text_shown(t, p->nr_maps, IDS_SHOWN);
	struct strbuf *sb = table_open(tab);

	for (size_t i = 0; i < shown; i++)
		strbuf_printf(sb, "%s%" PRIu32, i ? "," : "", p->map_ids[i]);
	if (shown < p->nr_maps)
		strbuf_printf(sb, ",\u2026 (%zu)", p->nr_maps);
	if (!p->nr_maps)
		strbuf_putc(sb, '-');
}

static void attach_cell(struct table *tab, const struct prog_row *p)
{
	struct strbuf *sb = table_open(tab);

	if (p->attach_name)
		escape_append(sb, p->attach_name, strlen(p->attach_name));
	if (p->attach_name && p->attach_func)
		strbuf_putc(sb, ' ');
	if (p->attach_func)
		escape_append(sb, p->attach_func, strlen(p->attach_func));
	if (p->owner_map)
		strbuf_printf(sb, " of map %" PRIu32, p->owner_map);
	if (!p->attach_name && !p->attach_func)
		strbuf_putc(sb, '-');
}

static void prog_cells(struct text *t, struct table *tab, const struct prog_row *p)
{
	table_cell(tab, "%" PRIu32, p->id);
	guest_cell(tab, p->name);
	if (p->type_name)
		guest_cell(tab, p->type_name);
	else
		table_cell(tab, "%" PRIu32, p->type);
	attach_cell(tab, p);
	if (p->jited)
		table_cell(tab, "0x%" PRIx64 "+%" PRIu32, p->code.v, p->code_size);
	else
		table_cell(tab, "%s", p->insns_size ? "interpreted" : "?");
	if (p->has_stats) {
		table_cell(tab, "%" PRIu64, p->cnt);
		table_cell(tab, "%" PRIu64, p->nsecs);
		table_cell(tab, "%" PRIu64, p->misses);
	} else {
		for (unsigned int i = 0; i < 3; i++)
			table_cell(tab, "%s", "?");
	}
	maps_cell(t, tab, p);
	if (p->btf_id)
		table_cell(tab, "%" PRIu32, p->btf_id);
	else
		table_cell(tab, "%s", "-");
	error_cell(tab, p->error);
}

static void titles(struct table *tab, const char *const *names)
{
	for (size_t i = 0; i < tab->columns; i++)
		table_cell(tab, "%s", names[i]);
}

static void finish(struct text *t, struct table *tab, size_t left_out)
{
	table_write(tab, &t->sb, "  ");
	table_deinit(tab);
	text_more(t, 1, left_out);
	strbuf_putc(&t->sb, '\n');
}

void text_progs(struct text *t)
{
	static const char *const names[] = { "id", "name", "type",   "for",  "code", "runs",
					     "ns", "misses", "maps", "BTF", "" };
	struct table tab = { .columns = ARRAY_SIZE(names), .left = 15 << 1 | 1 << 8 | 1 << 10 };
	size_t nr = t->r->progs.nr, shown = text_shown(t, nr, TEXT_MAX_ENTRIES);

	text_counted_title(t, "progs", nr, "progs");
	if (!nr)
		return;
	titles(&tab, names);
	for (size_t i = 0; i < shown; i++)
		prog_cells(t, &tab, &t->r->progs.data[i]);
	finish(t, &tab, nr - shown);
}

static void link_cells(struct table *tab, const struct link_row *l)
{
	table_cell(tab, "%" PRIu32, l->id);
	if (l->type_name)
		guest_cell(tab, l->type_name);
	else
		table_cell(tab, "%" PRIu32, l->type);
	struct strbuf *prog = table_open(tab);
	if (l->prog_id) {
		escape_append(prog, l->prog_name, strlen(l->prog_name));
		strbuf_printf(prog, " (%" PRIu32 ")", l->prog_id);
	} else {
		strbuf_putc(prog, '-');
	}
	guest_cell(tab, l->attach_name ? l->attach_name : "-");
	text_facts(table_open(tab), &l->target);
	error_cell(tab, l->error);
}

void text_links(struct text *t)
{
	static const char *const names[] = { "id", "type", "program", "attached as", "target", "" };
	struct table tab = { .columns = ARRAY_SIZE(names), .left = 31 << 1 };
	size_t nr = t->r->links.nr, shown = text_shown(t, nr, TEXT_MAX_ENTRIES);

	text_counted_title(t, "links", nr, "links");
	if (!nr)
		return;
	titles(&tab, names);
	for (size_t i = 0; i < shown; i++)
		link_cells(&tab, &t->r->links.data[i]);
	finish(t, &tab, nr - shown);
}
