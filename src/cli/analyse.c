/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/analyse.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/lines.h"
#include "cli/output.h"
#include "report/escape.h"
#include "report/json-report.h"
#include "report/text.h"
#include "report/view.h"
#include "triage/triage.h"

void complain(const struct err *e)
{
	fputs("fdgdb: ", stderr);
	escape_puts(e->msg, stderr);
	fputc('\n', stderr);
}

/* What the stop yielded; torn down in the order of dependence. */
struct stop {
	struct target *target;
	struct mem *mem;
	struct kernel *kernel;
	struct report *report;
	struct dwarf_file *vmlinux; /* NULL: not asked for */
};

static void stop_deinit(struct stop *s)
{
	report_destroy(s->report);
	dwarf_close(s->vmlinux);
	kernel_destroy(s->kernel);
	mem_destroy(s->mem);
	target_destroy(s->target);
}

static bool is_view(const struct options *o)
{
	return o->walk.var || o->walk.key;
}

/* Everything that needs the guest stopped. */
static struct err *collect(const struct options *o, struct stop *s)
{
	TRY(report_create(&s->report));
	TRY(mem_create(s->target, &s->mem));
	TRY(kernel_find(s->target, s->mem, &s->kernel));
	return is_view(o) ? walk_view(s->kernel, &o->walk, s->report) :
			    walk_all(s->kernel, &o->walk, s->report);
}

static void fill_capture(const struct stop *s)
{
	struct capture_info *c = &s->report->capture;
	struct target_stats t = { 0 };
	struct mem_stats m = { 0 };

	if (s->target->ops->stats)
		s->target->ops->stats(s->target, &t);
	if (s->mem)
		mem_get_stats(s->mem, &m);
	c->target_kind = s->target->ops->kind;
	c->target_name = s->target->name;
	c->target_note = s->target->note;
	c->is_live = s->target->ops->live;
	c->pause_us = t.pause_us;
	c->cut_us = t.cut_us;
	c->bytes = t.bytes;
	c->packets = t.packets;
	c->round_trips = t.round_trips;
	c->cache_hits = m.hits;
	c->cache_misses = m.misses;
}

static void print_stats(const struct stop *s)
{
	const struct capture_info *c = &s->report->capture;
	struct mem_stats m = { 0 };

	if (s->mem)
		mem_get_stats(s->mem, &m);
	fprintf(stderr,
		"fdgdb: read %" PRIu64 " bytes in %" PRIu64 " batches (%" PRIu64 " packets, %" PRIu64
		" round trips), cache %" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64 " KiB held",
		c->bytes, m.batches, c->packets, c->round_trips, c->cache_hits, c->cache_misses,
		m.bytes >> 10);
	if (c->is_live)
		fprintf(stderr, "; the guest was stopped for %" PRIu64 ".%03u ms", c->pause_us / 1000,
			(unsigned int)(c->pause_us % 1000));
	fputc('\n', stderr);
}

/* Of who sees it in the end: behind a pager that is the terminal. */
static int seen_by(const struct output *out)
{
	return out->pager.pid ? STDOUT_FILENO : fileno(out->f);
}

static bool want_color(const struct options *o, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (o->color != COLOR_AUTO)
		return o->color == COLOR_ALWAYS;
	return !(no_color && *no_color) && term && strcmp(term, "dumb") && isatty(fd);
}

static unsigned int terminal_width(int fd)
{
	struct winsize ws;

	return ioctl(fd, TIOCGWINSZ, &ws) || !ws.ws_col ? 0 : ws.ws_col;
}

/* What ended the collecting before its end. */
static void cut_short(struct report *r, const struct err *e)
{
	r->capture.cut_short = pool_printf(&r->pool, "%s", e->msg);
	if (!r->capture.cut_short)
		r->capture.cut_short = "out of memory";
	r->capture.deadline_hit = e->code == ERR_DEADLINE;
}

/* Whether a number of bytes that the user gave cuts arena pages out of the JSON. */
static bool arena_is_cut(const struct options *o, const struct report *r)
{
	uint64_t bytes = 0;

	if (!o->json || !o->arena_limit)
		return false;
	for (size_t i = 0; i < report_nr_maps_shown(r); i++) {
		if (r->maps.data[i].arena)
			bytes += r->maps.data[i].arena->nr_pages * PAGE_SIZE;
	}
	return bytes > o->arena_bytes;
}

/* Whether there is a finding that the user wants to hear of by the exit status. */
static bool is_alarming(const struct options *o, const struct report *r)
{
	for (size_t i = 0; o->fail_on && i < r->findings.rows.nr; i++) {
		if (r->findings.rows.data[i]->severity >= o->fail_severity)
			return true;
	}
	return false;
}

/* Whoever goes by the exit status alone is told what it does not speak of. */
static void tell_unexamined(const struct report *r)
{
	const struct findings *fs = &r->findings;

	if (!fs->ran)
		fputs("fdgdb: --fail-on: nothing was examined\n", stderr);
	if (!fs->ran || !fs->unexamined.nr)
		return;
	fputs("fdgdb: --fail-on: not examined:", stderr);
	for (size_t i = 0; i < fs->unexamined.nr; i++) {
		const char *id = fs->unexamined.data[i].id;
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = !strcmp(fs->unexamined.data[k].id, id);
		if (!again)
			fprintf(stderr, "%s %s", i ? "," : "", id);
	}
	fputs(" (the report says why)\n", stderr);
}

static struct err *write_form(const struct options *o, const struct report *r, const struct output *out)
{
	if (o->json && is_view(o))
		return view_json(r, out->f, o->pretty);
	if (o->json) {
		struct json_opts opts = { .pretty = o->pretty, .arena_bytes = o->arena_bytes };

		return report_json(r, out->f, &opts);
	}
	struct text_opts opts = {
		.width = terminal_width(seen_by(out)),
		.color = want_color(o, seen_by(out)),
		.verbose = o->verbose > 0,
	};
	return is_view(o) ? view_text(r, out->f, &opts) : report_text(r, out->f, &opts);
}

static struct err *write_report(const struct options *o, const struct report *r, struct output *out)
{
	/* One value is no report to be paged through. */
	struct err *e = output_begin(out, !o->json && !o->no_pager && !is_view(o));

	if (!e)
		e = write_form(o, r, out);
	/* Who leaves a pager has seen enough: the report was good. */
	if (e && e->code == ERR_SYS && out->pager.pid) {
		err_free(e);
		e = NULL;
	}
	struct err *ended = output_end(out, !e);
	if (!e)
		return ended;
	err_ignore(ended);
	return e;
}

/* Tells of an error, if it is one, and forgets it; the status that it makes of this one. */
static int tell(struct err *e, int status)
{
	if (!e)
		return status;
	complain(e);
	status = exit_worse(status, exit_of(e));
	err_free(e);
	return status;
}

static struct err *add_lines(const struct options *o, struct stop *s)
{
	bool refused;

	if (!s->vmlinux || is_view(o))
		return NULL;
	TRY(lines_add(s->report, s->kernel, s->vmlinux, o->vmlinux, &refused));
	if (refused) {
		fputs("fdgdb: ", stderr);
		escape_puts(report_find_section(s->report, "lines")->detail, stderr);
		fputc('\n', stderr);
	}
	return NULL;
}

/* What was collected, judged and written. */
static int answer(const struct options *o, struct stop *s, struct output *out, int status)
{
	status = tell(add_lines(o, s), status);
	if (report_is_partial(s->report) || arena_is_cut(o, s->report))
		status = exit_worse(status, EXIT_PARTIAL);
	/* Who asks for a map does not ask what is wrong with the guest. */
	if (o->walk.nr_maps && !o->walk.sections)
		status = tell(report_section(s->report, "findings", SECTION_NOT_ASKED, NULL), status);
	else if (!is_view(o))
		status = tell(triage_run(s->report), status);
	if (o->fail_on)
		tell_unexamined(s->report);
	if (is_alarming(o, s->report))
		status = exit_worse(status, EXIT_FINDINGS);
	return tell(write_report(o, s->report, out), status);
}

int analyse(const struct options *o, struct err *(*open)(const struct options *o, struct target **ret))
{
	const char *const inputs[] = { o->target, o->vmlinux, NULL }; /* an endpoint is no file's name, as a rule */
	_cleanup_(stop_deinit) struct stop s = { 0 };
	_cleanup_(output_deinit) struct output out;
	int status = EXIT_COMPLETE;

	/* Before the guest is stopped: this may take long, and may fail. */
	struct err *e = output_open(&out, o->output, inputs);
	if (!e && o->vmlinux)
		e = dwarf_open(o->vmlinux, &s.vmlinux);
	if (!e)
		e = open(o, &s.target);
	if (e)
		return tell(e, status);

	struct err *failed = collect(o, &s);
	bool answered = s.kernel != NULL;

	/* First of all the guest; whatever went wrong can be told afterwards. */
	e = s.target->ops->release(s.target, o->keep_halted);
	bool kept_halted = o->keep_halted && !e;
	status = tell(e, status);
	if (failed) {
		/* What was asked for is not there; a report without it would look like an answer. */
		answered &= failed->code != ERR_NOT_FOUND && !is_view(o);
		if (answered)
			cut_short(s.report, failed);
		status = tell(failed, status);
	}
	if (s.report)
		s.report->capture.kept_halted = kept_halted;
	if (s.mem)
		mem_freeze(s.mem);
	if (s.report)
		fill_capture(&s);
	if (answered)
		status = answer(o, &s, &out, status);
	if (o->stats && s.report)
		print_stats(&s);
	if (kept_halted)
		fprintf(stderr, "fdgdb: the guest is left halted; attach again, or \"cont\" in its "
				"monitor, to let it run\n");
	return status;
}
