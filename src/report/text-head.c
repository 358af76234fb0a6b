/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first lines (what this is a report of) and the last (what is not in it). */
#include "config.h"

#include <inttypes.h>

#include "report/parts.h"
#include "report/text-parts.h"

enum { LABEL = 10 };

static void label(struct text *t, const char *name)
{
	strbuf_printf(&t->sb, "%-*s ", LABEL, name);
}

static void write_kernel(struct text *t)
{
	const struct kernel_info *k = &t->r->kernel;

	label(t, "kernel");
	if (k->release) {
		strbuf_puts(&t->sb, "Linux ");
		text_guest(t, k->release);
	} else {
		strbuf_puts(&t->sb, "unknown");
	}
	if (k->arch)
		strbuf_printf(&t->sb, ", %s", k->arch);
	if (k->text) {
		if (k->slide)
			strbuf_printf(&t->sb, ", KASLR slide 0x%" PRIx64, k->slide);
		else
			strbuf_puts(&t->sb, ", no KASLR slide");
		if (k->has_kpti)
			strbuf_puts(&t->sb, k->kpti ? ", KPTI" : ", no KPTI");
	}
	strbuf_putc(&t->sb, '\n');
	if (k->nr_cpu_ids) {
		label(t, "CPUs");
		strbuf_printf(&t->sb, "%" PRIu32 " online, nr_cpu_ids %" PRIu32 "\n", k->nr_online,
			      k->nr_cpu_ids);
	}
	if (t->opts->verbose && k->build_id) {
		label(t, "build id");
		strbuf_printf(&t->sb, "%s\n", k->build_id);
	}
	if (t->opts->verbose && k->banner) {
		label(t, "banner");
		text_guest(t, k->banner);
		strbuf_putc(&t->sb, '\n');
	}
}

/* Nothing if nothing is known to have gone wrong. */
static void write_trouble(struct text *t)
{
	const struct kernel_info *k = &t->r->kernel;
	bool dead = k->panic_cpu.has || (k->oops_in_progress.has && k->oops_in_progress.v);
	const char *sep = "";

	if (!dead && !(k->tainted.has && k->tainted.v) && !(k->nr_oopses.has && k->nr_oopses.v) &&
	    !(k->nr_warnings.has && k->nr_warnings.v))
		return;
	label(t, "trouble");
	if (dead)
		text_alarm(t, true);
	if (k->panic_cpu.has) {
		strbuf_printf(&t->sb, "panic on CPU %" PRIu64, k->panic_cpu.v);
		sep = ", ";
	}
	if (k->oops_in_progress.has && k->oops_in_progress.v) {
		strbuf_printf(&t->sb, "%san oops or panic is being printed", sep);
		sep = ", ";
	}
	if (dead)
		text_alarm(t, false);
	if (k->nr_oopses.has && k->nr_oopses.v) {
		strbuf_printf(&t->sb, "%s%" PRIu64 " oops%s", sep, k->nr_oopses.v,
			      k->nr_oopses.v == 1 ? "" : "es");
		sep = ", ";
	}
	if (k->nr_warnings.has && k->nr_warnings.v) {
		strbuf_printf(&t->sb, "%s%" PRIu64 " warning%s", sep, k->nr_warnings.v,
			      k->nr_warnings.v == 1 ? "" : "s");
		sep = ", ";
	}
	if (k->tainted.has && k->tainted.v) {
		strbuf_printf(&t->sb, "%stainted ", sep);
		if (k->taint_letters) {
			text_guest(t, k->taint_letters);
			strbuf_putc(&t->sb, ' ');
		}
		strbuf_printf(&t->sb, "(%" PRIu64 ")", k->tainted.v);
	}
	strbuf_putc(&t->sb, '\n');
}

static void write_target(struct text *t)
{
	const struct capture_info *c = &t->r->capture;

	label(t, "target");
	strbuf_puts(&t->sb, c->target_kind ? c->target_kind : "unknown");
	if (c->target_name) {
		strbuf_putc(&t->sb, ' ');
		text_guest(t, c->target_name);
	}
	if (c->target_note) {
		strbuf_puts(&t->sb, " (");
		text_guest(t, c->target_note);
		strbuf_putc(&t->sb, ')');
	}
	strbuf_putc(&t->sb, '\n');

	label(t, "pause");
	if (!c->is_live)
		strbuf_puts(&t->sb, "none: a core file");
	else
		strbuf_printf(&t->sb, "the guest stood still for %" PRIu64 ".%03u ms%s",
			      c->pause_us / 1000, (unsigned int)(c->pause_us % 1000),
			      c->kept_halted ? ", and was left halted" : "");
	strbuf_putc(&t->sb, '\n');

	if (c->cut_short) {
		label(t, "cut");
		text_alarm(t, true);
		if (c->deadline_hit)
			strbuf_puts(&t->sb, "the deadline passed");
		else
			text_guest(t, c->cut_short);
		if (c->cut_us)
			strbuf_printf(&t->sb, "%s after %" PRIu64 ".%03u ms", c->deadline_hit ? "" : ",",
				      c->cut_us / 1000, (unsigned int)(c->cut_us % 1000));
		if (t->r->maps_skipped)
			strbuf_printf(&t->sb, ", %" PRIu32 " maps were not looked at",
				      t->r->maps_skipped);
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
}

static void write_scheduler(struct text *t)
{
	const struct scx_state *scx = &t->r->scx;
	const struct section *s = report_find_section(t->r, "scx");

	label(t, "scheduler");
	if (scx->has_sched) {
		if (*scx->sched.ops_name)
			text_guest(t, scx->sched.ops_name);
		else
			strbuf_puts(&t->sb, "unnamed");
		strbuf_puts(&t->sb, " (sched_ext");
		if (t->r->nr_active && t->r->active[0].obj_name) {
			strbuf_puts(&t->sb, ", BPF object ");
			text_guest(t, t->r->active[0].obj_name);
		}
		strbuf_puts(&t->sb, "), ");
		text_guest(t, scx->enable_state ? scx->enable_state : "state unknown");
		strbuf_puts(&t->sb, ", exit kind ");
		if (scx->sched.exit_kind_name)
			text_guest(t, scx->sched.exit_kind_name);
		else
			strbuf_printf(&t->sb, "%" PRIu32, scx->sched.exit_kind);
	} else if (s && s->status == SECTION_NOT_IN_KERNEL) {
		strbuf_puts(&t->sb, "this kernel has no sched_ext");
	} else if (scx->in_kernel && scx->enable_state) {
		strbuf_puts(&t->sb, "no sched_ext scheduler (");
		text_guest(t, scx->enable_state);
		strbuf_putc(&t->sb, ')');
	} else {
		strbuf_puts(&t->sb, "unknown");
		if (scx->unavailable) {
			strbuf_puts(&t->sb, ": ");
			text_guest(t, scx->unavailable);
		}
	}
	strbuf_putc(&t->sb, '\n');
}

void text_head(struct text *t)
{
	text_bold(t, true);
	strbuf_puts(&t->sb, "fdgdb " PACKAGE_VERSION);
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	write_kernel(t);
	write_trouble(t);
	write_target(t);
	write_scheduler(t);
	text_fold(t, LABEL + 1);
}

/* ---- how the sections fared */

static void write_status(struct text *t, enum section_status status, const char *detail)
{
	strbuf_puts(&t->sb, section_status_text(status));
	if (detail) {
		strbuf_puts(&t->sb, ": ");
		text_guest(t, detail);
	}
}

void text_section_notes(struct text *t, const char *section)
{
	const struct section *s = report_find_section(t->r, section);

	if (!s || s->status != SECTION_COMPLETE) {
		strbuf_puts(&t->sb, "  ");
		text_alarm(t, true);
		if (s)
			write_status(t, s->status, s->detail);
		else
			strbuf_puts(&t->sb, "not examined");
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
	if (s && s->cut) {
		strbuf_puts(&t->sb, "  ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, "cut: ");
		text_guest(t, s->cut);
		text_alarm(t, false);
		strbuf_putc(&t->sb, '\n');
	}
}

void text_counted_title(struct text *t, const char *name, size_t nr, const char *section)
{
	const struct section *s = report_find_section(t->r, section);

	text_bold(t, true);
	if (nr || (s && s->status == SECTION_COMPLETE))
		strbuf_printf(&t->sb, "%s: %zu", name, nr);
	else
		strbuf_printf(&t->sb, "%s:", name);
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	text_section_notes(t, section);
}

static bool is_unexamined(const struct section *s)
{
	return s->status == SECTION_NOT_IN_KERNEL || s->status == SECTION_NOT_ASKED ||
	       s->status == SECTION_NOT_IMPLEMENTED;
}

static void title(struct text *t, const char *text, bool *done)
{
	if (*done)
		return;
	text_bold(t, true);
	strbuf_printf(&t->sb, "%s:", text);
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	*done = true;
}

static void write_partial(struct text *t)
{
	bool titled = false;

	for (size_t i = 0; i < t->r->sections.nr; i++) {
		const struct section *s = &t->r->sections.data[i];
		bool bad = s->status != SECTION_COMPLETE && !is_unexamined(s);

		if (!bad && !s->cut)
			continue;
		title(t, "partial", &titled);
		strbuf_printf(&t->sb, "  %s: ", s->name);
		if (bad)
			write_status(t, s->status, s->detail);
		if (s->cut) {
			strbuf_puts(&t->sb, bad ? "; cut: " : "cut: ");
			text_guest(t, s->cut);
		}
		strbuf_putc(&t->sb, '\n');
	}
}

void text_missing(struct text *t)
{
	bool titled = false;

	write_partial(t);
	for (size_t i = 0; i < t->r->sections.nr; i++) {
		const struct section *s = &t->r->sections.data[i];

		if (!is_unexamined(s) || (s->status == SECTION_NOT_ASKED && !s->detail))
			continue;
		title(t, "not examined", &titled);
		strbuf_printf(&t->sb, "  %s: ", s->name);
		write_status(t, s->status, s->detail);
		strbuf_putc(&t->sb, '\n');
	}

	bool first = true;
	for (size_t i = 0; i < t->r->sections.nr; i++) {
		const struct section *s = &t->r->sections.data[i];

		if (s->status != SECTION_NOT_ASKED || s->detail)
			continue;
		title(t, "not examined", &titled);
		strbuf_printf(&t->sb, "%s%s", first ? "  not asked for: " : ", ", s->name);
		first = false;
	}
	if (!first)
		strbuf_putc(&t->sb, '\n');
	first = true;
	for (size_t i = 0; i < nr_missing_parts; i++) {
		if (report_find_section(t->r, missing_parts[i].section))
			continue;
		title(t, "not examined", &titled);
		strbuf_printf(&t->sb, "%s%s", first ? "  not implemented in this fdgdb: " : ", ",
			      missing_parts[i].section);
		first = false;
	}
	if (!first)
		strbuf_putc(&t->sb, '\n');
}
