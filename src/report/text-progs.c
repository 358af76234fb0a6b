/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF programs and links, a table each. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-fit.h"

enum { IDS_SHOWN = 8, LINES_SHOWN = 20 };

static void add_facts(struct strbuf *sb, const struct facts *facts, size_t cap, bool row);

static void add_rows(struct strbuf *sb, const struct fact *f, size_t cap)
{
	size_t shown = MIN(f->nr_rows, cap);

	strbuf_putc(sb, '[');
	for (size_t i = 0; i < shown; i++) {
		if (i)
			strbuf_puts(sb, ", ");
		add_facts(sb, &f->rows[i], cap, true);
	}
	if (shown < f->nr_rows)
		strbuf_printf(sb, ", \u2026 (%zu)", f->nr_rows);
	strbuf_putc(sb, ']');
}

/* In a list, the first of a row needs no key if it is a name. */
static void add_facts(struct strbuf *sb, const struct facts *facts, size_t cap, bool row)
{
	bool first = true;

	for (const struct fact *f = facts->first; f; f = f->next) {
		if (f->json_only)
			continue;
		if (!first)
			strbuf_putc(sb, ' ');
		if (!row || !first || !f->text)
			strbuf_printf(sb, "%s%s", f->key, f->flag ? "" : "=");
		first = false;
		if (f->list)
			add_rows(sb, f, cap);
		else if (f->text)
			escape_append(sb, f->text, strlen(f->text));
		else if (!f->flag)
			strbuf_printf(sb, f->hex ? "0x%" PRIx64 : "%" PRIu64, f->num);
	}
}

void text_facts(struct strbuf *sb, const struct facts *facts)
{
	add_facts(sb, facts, IDS_SHOWN, false);
}

/* "[error]", in its own last column. */
static void add_error(struct strbuf *sb, const char *error)
{
	if (!error)
		return;
	strbuf_puts(sb, "[error: ");
	escape_append(sb, error, strlen(error));
	strbuf_putc(sb, ']');
}

static void add_guest(struct strbuf *sb, const char *s)
{
	escape_append(sb, s, strlen(s));
}

/* ---- programs */

static void add_maps(const struct text *t, struct strbuf *sb, const struct prog_row *p)
{
	size_t shown = text_shown(t, p->nr_maps, IDS_SHOWN);

	for (size_t i = 0; i < shown; i++)
		strbuf_printf(sb, "%s%" PRIu32, i ? "," : "", p->map_ids[i]);
	if (shown < p->nr_maps)
		strbuf_printf(sb, ",\u2026 (%zu)", p->nr_maps);
	if (!p->nr_maps)
		strbuf_putc(sb, '-');
}

static void add_links(const struct text *t, struct strbuf *sb, const struct prog_row *p)
{
	const char *comma = "";

	for (size_t i = 0; i < t->r->links.nr; i++) {
		if (t->r->links.data[i].prog_id != p->id)
			continue;
		strbuf_printf(sb, "%s%" PRIu32, comma, t->r->links.data[i].id);
		comma = ",";
	}
}

static void add_attached(struct strbuf *sb, const struct prog_row *p)
{
	if (p->attach_name)
		add_guest(sb, p->attach_name);
	if (p->attach_name && p->attach_func)
		strbuf_putc(sb, ' ');
	if (p->attach_func)
		add_guest(sb, p->attach_func);
	if (p->owner_map)
		strbuf_printf(sb, " of map %" PRIu32, p->owner_map);
	if (!p->attach_name && !p->attach_func)
		strbuf_putc(sb, '-');
}

static void add_count(struct strbuf *sb, const struct prog_row *p, uint64_t v)
{
	if (p->has_stats)
		strbuf_printf(sb, "%" PRIu64, v);
	else
		strbuf_putc(sb, '?');
}

enum prog_column { PROG_ID, PROG_NAME, PROG_TYPE, PROG_FOR, PROG_CODE, PROG_RUNS, PROG_NS, PROG_MISSES, PROG_MAPS, PROG_BTF,
		   PROG_LINKS, PROG_TAG, PROG_ERROR, NR_PROG_COLUMNS };

static const struct fit_column prog_columns[NR_PROG_COLUMNS] = {
	[PROG_ID] = { .title = "id" },
	[PROG_NAME] = { .title = "name", .left = true, .cut = 16 },
	[PROG_TYPE] = { .title = "type", .left = true, .cut = 14 },
	[PROG_FOR] = { .title = "for", .left = true, .cut = 20 },
	[PROG_CODE] = { .title = "code", .left = true, .drop = 4 },
	[PROG_RUNS] = { .title = "runs", .drop = 6 },
	[PROG_NS] = { .title = "ns", .drop = 5 },
	[PROG_MISSES] = { .title = "misses", .drop = 3 },
	[PROG_MAPS] = { .title = "maps", .left = true, .drop = 2 },
	[PROG_BTF] = { .title = "BTF", .drop = 1 },
	[PROG_LINKS] = { .title = "links", .left = true, .verbose = true },
	[PROG_TAG] = { .title = "tag", .left = true, .verbose = true },
	[PROG_ERROR] = { .title = "", .left = true, .cut = 20 },
};

static void prog_cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct text *t = ctx;
	const struct prog_row *p = &t->r->progs.data[row];

	switch ((enum prog_column)col) {
	case PROG_ID:
		strbuf_printf(sb, "%" PRIu32, p->id);
		return;
	case PROG_NAME:
		add_guest(sb, p->name);
		return;
	case PROG_TYPE:
		if (p->type_name)
			add_guest(sb, p->type_name);
		else
			strbuf_printf(sb, "%" PRIu32, p->type);
		return;
	case PROG_FOR:
		add_attached(sb, p);
		return;
	case PROG_CODE:
		if (p->jited)
			strbuf_printf(sb, "0x%" PRIx64 "+%" PRIu32, p->code.v, p->code_size);
		else
			strbuf_puts(sb, p->insns_size ? "interpreted" : "?");
		return;
	case PROG_RUNS:
		add_count(sb, p, p->cnt);
		return;
	case PROG_NS:
		add_count(sb, p, p->nsecs);
		return;
	case PROG_MISSES:
		add_count(sb, p, p->misses);
		return;
	case PROG_MAPS:
		add_maps(t, sb, p);
		return;
	case PROG_BTF:
		if (p->btf_id)
			strbuf_printf(sb, "%" PRIu32, p->btf_id);
		else
			strbuf_putc(sb, '-');
		return;
	case PROG_LINKS:
		add_links(t, sb, p);
		return;
	case PROG_TAG:
		for (size_t i = 0; p->has_tag && i < sizeof(p->tag); i++)
			strbuf_printf(sb, "%02x", p->tag[i]);
		return;
	case PROG_ERROR:
		add_error(sb, p->error);
		return;
	case NR_PROG_COLUMNS:
		break;
	}
}

static size_t count_lines(const struct prog_stream *s)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->len; i++)
		nr += s->text[i] == '\n' || i + 1 == s->len;
	return nr;
}

/* The last lines of what a program has written; empty ones between what was written at once are left out. */
static void stream_lines(struct text *t, const struct prog_row *p, const struct prog_stream *s)
{
	size_t nr = count_lines(s), shown = text_shown(t, nr, LINES_SHOWN);
	const char *line = s->text, *end = s->text + s->len;

	strbuf_puts(&t->sb, "  ");
	text_guest(t, p->name);
	strbuf_printf(&t->sb, " (%" PRIu32 ") has written to %s%s:\n", p->id, s->name,
		      s->being_read ? " (somebody was reading from it: some may be missing)" : "");
	if (s->left_out)
		strbuf_printf(&t->sb, "    \u2026 %zu bytes before that\n", s->left_out);
	if (shown < nr)
		strbuf_printf(&t->sb, "    \u2026 %zu more lines (-v shows all)\n", nr - shown);
	for (size_t i = 0; i < nr; i++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line)), *stop = newline ? newline : end;

		if (i + shown >= nr && stop > line) {
			strbuf_puts(&t->sb, "    ");
			escape_append(&t->sb, line, (size_t)(stop - line));
			strbuf_putc(&t->sb, '\n');
		}
		line = stop + 1;
	}
	text_flush(t);
}

void text_progs(struct text *t)
{
	size_t nr = t->r->progs.nr;

	text_counted_title(t, "progs", nr, "progs");
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = prog_columns, .nr_columns = NR_PROG_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_ENTRIES, .cell = prog_cell, .ctx = t, .more = "" },
		       "  ");
	for (size_t i = 0; i < nr; i++) {
		for (size_t s = 0; s < t->r->progs.data[i].nr_streams; s++)
			stream_lines(t, &t->r->progs.data[i], &t->r->progs.data[i].streams[s]);
	}
}

/* ---- links */

enum link_column { LINK_ID, LINK_TYPE, LINK_PROG, LINK_ATTACHED, LINK_TARGET, LINK_ERROR, NR_LINK_COLUMNS };

static const struct fit_column link_columns[NR_LINK_COLUMNS] = {
	[LINK_ID] = { .title = "id" },
	[LINK_TYPE] = { .title = "type", .left = true, .cut = 14 },
	[LINK_PROG] = { .title = "program", .left = true, .cut = 16 },
	[LINK_ATTACHED] = { .title = "attached as", .left = true, .drop = 1 },
	[LINK_TARGET] = { .title = "target", .left = true, .cut = 20 },
	[LINK_ERROR] = { .title = "", .left = true, .cut = 20 },
};

static void link_cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct text *t = ctx;
	const struct link_row *l = &t->r->links.data[row];

	switch ((enum link_column)col) {
	case LINK_ID:
		strbuf_printf(sb, "%" PRIu32, l->id);
		return;
	case LINK_TYPE:
		if (l->type_name)
			add_guest(sb, l->type_name);
		else
			strbuf_printf(sb, "%" PRIu32, l->type);
		return;
	case LINK_PROG:
		if (l->prog_id) {
			add_guest(sb, l->prog_name);
			strbuf_printf(sb, " (%" PRIu32 ")", l->prog_id);
		} else {
			strbuf_putc(sb, '-');
		}
		return;
	case LINK_ATTACHED:
		add_guest(sb, l->attach_name ? l->attach_name : "-");
		return;
	case LINK_TARGET:
		add_facts(sb, &l->target, text_shown(t, SIZE_MAX, IDS_SHOWN), false);
		return;
	case LINK_ERROR:
		add_error(sb, l->error);
		return;
	case NR_LINK_COLUMNS:
		break;
	}
}

void text_links(struct text *t)
{
	size_t nr = t->r->links.nr;

	text_counted_title(t, "links", nr, "links");
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = link_columns, .nr_columns = NR_LINK_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_ENTRIES, .cell = link_cell, .ctx = t, .more = "" },
		       "  ");
}

/* ---- BTF objects */

enum btf_column { BTF_ID, BTF_NAME, BTF_SIZE, BTF_BASE, BTF_OF, BTF_ERROR, NR_BTF_COLUMNS };

static const struct fit_column btf_columns[NR_BTF_COLUMNS] = {
	[BTF_ID] = { .title = "id" },
	[BTF_NAME] = { .title = "name", .left = true, .cut = 20 },
	[BTF_SIZE] = { .title = "bytes" },
	[BTF_BASE] = { .title = "base", .drop = 1 },
	[BTF_OF] = { .title = "of", .left = true },
	[BTF_ERROR] = { .title = "", .left = true, .cut = 20 },
};

static void btf_cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct btf_row *b = &((struct text *)ctx)->r->btfs.data[row];

	switch ((enum btf_column)col) {
	case BTF_ID:
		strbuf_printf(sb, "%" PRIu32, b->id);
		return;
	case BTF_NAME:
		add_guest(sb, b->name[0] ? b->name : "-");
		return;
	case BTF_SIZE:
		strbuf_printf(sb, "%" PRIu32, b->size);
		return;
	case BTF_BASE:
		if (b->base_id)
			strbuf_printf(sb, "%" PRIu32, b->base_id);
		else
			strbuf_putc(sb, '-');
		return;
	case BTF_OF:
		strbuf_puts(sb, !b->kernel ? "programs" : b->base_id ? "a module" : "the kernel");
		return;
	case BTF_ERROR:
		add_error(sb, b->error);
		return;
	case NR_BTF_COLUMNS:
		break;
	}
}

void text_btfs(struct text *t)
{
	size_t nr = t->r->btfs.nr;

	text_counted_title(t, "BTF objects", nr, "btfs");
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = btf_columns, .nr_columns = NR_BTF_COLUMNS, .nr_rows = nr,
					    .cap = TEXT_MAX_ENTRIES, .cell = btf_cell, .ctx = t, .more = "" },
		       "  ");
}
