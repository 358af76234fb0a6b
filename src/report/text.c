/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/text.h"

#include <errno.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/text-parts.h"

void text_flush(struct text *t)
{
	text_fold(t, 0);
	if (t->sb.len && !t->e) {
		errno = 0;
		if (fwrite(t->sb.s, 1, t->sb.len, t->out) != t->sb.len)
			t->e = err_sys(errno ? errno : EIO, "cannot write the report");
	}
	strbuf_reset(&t->sb);
	t->whole = 0;
}

void text_bold(struct text *t, bool on)
{
	if (t->opts->color)
		strbuf_puts(&t->sb, on ? "\033[1m" : "\033[0m");
}

void text_alarm(struct text *t, bool on)
{
	if (t->opts->color)
		strbuf_puts(&t->sb, on ? "\033[31m" : "\033[0m");
}

void text_guest(struct text *t, const char *s)
{
	escape_append(&t->sb, s, strlen(s));
}

size_t text_shown(const struct text *t, size_t nr, size_t cap)
{
	return t->opts->verbose ? nr : MIN(nr, cap);
}

void text_more(struct text *t, unsigned int depth, size_t nr)
{
	if (!nr)
		return;
	text_line(&t->sb, depth);
	strbuf_printf(&t->sb, "\u2026 %zu more (-v shows all)", nr);
}

/* What is not shown at all: text_missing() names it. */
static bool is_left_out(const struct text *t, const char *section)
{
	const struct section *s = section ? report_find_section(t->r, section) : NULL;

	return s && s->status == SECTION_NOT_ASKED;
}

static void write_part(struct text *t, void (*part)(struct text *t), const char *section)
{
	if (is_left_out(t, section))
		return;
	part(t);
	strbuf_putc(&t->sb, '\n');
	text_flush(t);
}

static struct err *write_parts(struct text *t)
{
	static const struct {
		void (*write)(struct text *t);
		const char *section;
	} parts[] = {
		{ text_scx, "scx" },	       { text_health, "cpus" },	  { text_cpus, "vcpus" },
		{ text_kstacks, "stacks" },    { text_waits, "waits" },	  { text_tasks, "tasks" },
		{ text_log, "log" },	       { text_system, "system" }, { text_cpu_time, "per_cpu_time" },
		{ text_irqs, "irqs" },	       { text_numa, "per_node_numa" }, { text_psi, "cgroup_psi" },
	};

	text_head(t);
	text_findings(t);
	strbuf_putc(&t->sb, '\n');
	bool tasks = t->r->tasks_narrowed, dsqs = t->r->scx.dsqs_narrowed;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if ((!tasks && !dsqs) || (tasks && parts[i].write == text_tasks) || (dsqs && parts[i].write == text_scx))
			write_part(t, parts[i].write, parts[i].section);
	}
	if (tasks || dsqs) {
		const char *what = !dsqs ? "these tasks is left out (--task)" :
				   report_find_section(t->r, "--task") ? "these is left out (--dsq, --task)" :
				   tasks ? "these queues and the tasks on them is left out (--dsq)" :
					   "these queues is left out (--dsq)";

		strbuf_printf(&t->sb, "everything but %s\n", what);
		text_missing(t);
		text_flush(t);
		return NULL;
	}
	if (!is_left_out(t, "maps")) {
		TRY(text_maps(t));
		text_begin_values(t);
		TRY(text_arena(t));
		text_end_values(t);
		strbuf_putc(&t->sb, '\n');
	}
	write_part(t, text_progs, "progs");
	write_part(t, text_links, "links");
	write_part(t, text_btfs, "btfs");
	write_part(t, text_modules, "modules");
	text_missing(t);
	text_flush(t);
	return NULL;
}

struct err *text_write(const struct report *r, FILE *out, const struct text_opts *opts,
		       struct err *(*write)(struct text *t))
{
	struct text t = {
		.r = r,
		.opts = opts,
		.style = { .width = opts->width ? MIN(opts->width, 120U) : 0,
			   .verbose = opts->verbose },
		.out = out,
		.render = { .r = r },
	};
	struct err *e = index_init(&t.index, r);

	if (!e)
		e = write(&t);
	errno = 0;
	if (!e && !t.e && (fflush(out) || ferror(out)))
		t.e = err_sys(errno ? errno : EIO, "cannot write the report");
	if (!e)
		e = take_ptr(t.e);
	if (!e && t.sb.nomem)
		e = &err_nomem;
	err_free(t.e);
	strbuf_deinit(&t.sb);
	index_deinit(&t.index);
	render_deinit(&t.render);
	return e;
}

struct err *report_text(const struct report *r, FILE *out, const struct text_opts *opts)
{
	return text_write(r, out, opts, write_parts);
}
