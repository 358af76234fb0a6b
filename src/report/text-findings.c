/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What triage concluded, on the first screen. */
#include "config.h"

#include <inttypes.h>

#include "report/text-parts.h"

enum {
	SHOWN_FINDINGS = 12, /* roots */
	SHOWN_EVIDENCE = 4,
	SHOWN_FOLLOWING = 4, /* of one root */
};

static void write_value(struct text *t, const struct evidence *e)
{
	switch (e->kind) {
	case EVIDENCE_NUM:
		strbuf_printf(&t->sb, "%" PRIu64, e->num);
		break;
	case EVIDENCE_HEX:
		strbuf_printf(&t->sb, "0x%" PRIx64, e->num);
		break;
	case EVIDENCE_INT:
		strbuf_printf(&t->sb, "%" PRId64, (int64_t)e->num);
		break;
	case EVIDENCE_SECONDS:
		strbuf_printf(&t->sb, "%.3f", e->seconds);
		break;
	case EVIDENCE_BOOL:
		strbuf_puts(&t->sb, e->num ? "true" : "false");
		break;
	case EVIDENCE_TEXT:
		strbuf_putc(&t->sb, '"');
		text_guest(t, e->text ? e->text : "");
		strbuf_putc(&t->sb, '"');
		break;
	}
}

static void write_head(struct text *t, const struct finding *f)
{
	bool alarm = f->severity == SEVERITY_ERROR;

	text_alarm(t, alarm);
	strbuf_printf(&t->sb, "%s ", severity_text(f->severity));
	text_guest(t, f->key);
	text_alarm(t, false);
	strbuf_printf(&t->sb, " (%s): ", confidence_text(f->confidence));
	text_guest(t, f->summary);
	strbuf_putc(&t->sb, '\n');
}

static void write_rest(struct text *t, const struct finding *f, const char *indent)
{
	size_t nr = 0;

	for (const struct evidence *e = f->evidence; e; e = e->next) {
		if (!t->opts->verbose && nr == SHOWN_EVIDENCE) {
			strbuf_puts(&t->sb, ", \u2026 (-v)");
			break;
		}
		if (nr++)
			strbuf_puts(&t->sb, ", ");
		else
			strbuf_printf(&t->sb, "%sevidence: ", indent);
		strbuf_printf(&t->sb, "%s = ", e->path);
		write_value(t, e);
	}
	if (nr)
		strbuf_putc(&t->sb, '\n');
	if (f->look_next) {
		strbuf_printf(&t->sb, "%snext: ", indent);
		text_guest(t, f->look_next);
		strbuf_putc(&t->sb, '\n');
	}
}

/* The next row that is to be shown, from this one on. */
static size_t next_shown(const struct findings *fs, size_t row)
{
	while (row < fs->rows.nr && fs->rows.data[row]->left_out)
		row++;
	return row;
}

/* A root, and the rows behind it that follow from it; where the next root is. */
static size_t write_root(struct text *t, const struct findings *fs, size_t row)
{
	size_t nr = 0, end = next_shown(fs, row + 1), shown;

	strbuf_puts(&t->sb, "  ");
	write_head(t, fs->rows.data[row]);
	write_rest(t, fs->rows.data[row], "    ");
	for (; end < fs->rows.nr && fs->rows.data[end]->caused_by; end = next_shown(fs, end + 1))
		nr++;

	shown = text_shown(t, nr, SHOWN_FOLLOWING);
	for (size_t i = 0; i < shown; i++) {
		row = next_shown(fs, row + 1);
		strbuf_puts(&t->sb, "    leads to ");
		write_head(t, fs->rows.data[row]);
		if (t->opts->verbose)
			write_rest(t, fs->rows.data[row], "      ");
	}
	if (shown < nr)
		strbuf_printf(&t->sb, "    leads to %zu more (-v shows all)\n", nr - shown);
	return end;
}

static size_t count_roots(const struct findings *fs, size_t nr[3])
{
	size_t all = 0;

	for (size_t i = next_shown(fs, 0); i < fs->rows.nr; i = next_shown(fs, i + 1)) {
		if (!fs->rows.data[i]->caused_by) {
			nr[fs->rows.data[i]->severity]++;
			all++;
		}
	}
	return all;
}

static size_t write_title(struct text *t, const struct findings *fs)
{
	size_t nr[3] = { 0 }, shown = 0, roots = count_roots(fs, nr), following = fs->rows.nr - fs->nr_left_out - roots;

	text_bold(t, true);
	strbuf_puts(&t->sb, "findings:");
	for (int s = SEVERITY_ERROR; s >= SEVERITY_INFO; s--) {
		if (!nr[s])
			continue;
		strbuf_printf(&t->sb, "%s %zu %s%s", shown++ ? "," : "", nr[s],
			      s == SEVERITY_INFO ? "for information" : severity_text(s),
			      s != SEVERITY_INFO && nr[s] > 1 ? "s" : "");
	}
	if (!shown)
		strbuf_printf(&t->sb, " none %sby %zu rules", fs->nr_left_out ? "about these " : "", fs->nr_rules);
	if (following)
		strbuf_printf(&t->sb, "; %zu more follow%s from %s", following, following > 1 ? "" : "s",
			      roots > 1 ? "these" : "it");
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	return roots;
}

/* The rules that could not look, by the reason why. */
static void write_unexamined(struct text *t, const struct findings *fs)
{
	for (size_t i = 0; i < fs->unexamined.nr; i++) {
		const struct unexamined *u = &fs->unexamined.data[i];
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = !strcmp(fs->unexamined.data[k].why, u->why);
		if (again)
			continue;
		strbuf_printf(&t->sb, "  not examined: %s", u->id);
		for (size_t k = i + 1; k < fs->unexamined.nr; k++) {
			if (!strcmp(fs->unexamined.data[k].why, u->why))
				strbuf_printf(&t->sb, ", %s", fs->unexamined.data[k].id);
		}
		strbuf_puts(&t->sb, " (");
		text_guest(t, u->why);
		strbuf_puts(&t->sb, ")\n");
	}
}

void text_findings(struct text *t)
{
	const struct findings *fs = &t->r->findings;
	size_t roots, shown, row;

	if (!fs->ran)
		return;
	strbuf_putc(&t->sb, '\n');
	roots = write_title(t, fs);
	shown = text_shown(t, roots, SHOWN_FINDINGS);
	row = next_shown(fs, 0);
	for (size_t i = 0; i < shown; i++)
		row = write_root(t, fs, row);
	if (shown < roots)
		strbuf_printf(&t->sb, "  \u2026 %zu more (-v shows all)\n", roots - shown);
	if (fs->nr_left_out)
		strbuf_printf(&t->sb, "  %zu about others, left out (--task, --dsq)\n", fs->nr_left_out);
	write_unexamined(t, fs);
}
