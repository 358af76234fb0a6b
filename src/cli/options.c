/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/analyse.h"
#include "cli/exit.h"
#include "cli/verbs.h"
#include "report/json-report.h"

enum {
	OPT_SECTION = 256,
	OPT_MAP,
	OPT_VAR,
	OPT_KEY,
	OPT_TASK,
	OPT_DSQ,
	OPT_MAX_ENTRIES,
	OPT_LOG_BYTES,
	OPT_ARENA_BYTES,
	OPT_NO_ARENA_BYTES,
	OPT_VMLINUX,
	OPT_KEEP_HALTED,
	OPT_DEADLINE,
	OPT_STATS,
	OPT_COLOR,
	OPT_NO_PAGER,
	OPT_FAIL_ON,
};

static const struct option longopts[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "output", required_argument, NULL, 'o' },
	{ "section", required_argument, NULL, OPT_SECTION },
	{ "map", required_argument, NULL, OPT_MAP },
	{ "var", required_argument, NULL, OPT_VAR },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "task", required_argument, NULL, OPT_TASK },
	{ "dsq", required_argument, NULL, OPT_DSQ },
	{ "max-entries", required_argument, NULL, OPT_MAX_ENTRIES },
	{ "log-bytes", required_argument, NULL, OPT_LOG_BYTES },
	{ "arena-bytes", required_argument, NULL, OPT_ARENA_BYTES },
	{ "no-arena-bytes", no_argument, NULL, OPT_NO_ARENA_BYTES },
	{ "vmlinux", required_argument, NULL, OPT_VMLINUX },
	{ "keep-halted", no_argument, NULL, OPT_KEEP_HALTED },
	{ "deadline", required_argument, NULL, OPT_DEADLINE },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "fail-on", required_argument, NULL, OPT_FAIL_ON },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "no-pager", no_argument, NULL, OPT_NO_PAGER },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* All sections with `sep` between them, in lines of 90 columns that begin at `indent`. */
static void section_list(FILE *out, const char *sep, size_t indent)
{
	enum { WIDTH = 90 };
	size_t col = WIDTH;
	const char *name;

	for (size_t i = 0; (name = walk_section_name(i)); i++) {
		size_t len = strlen(name) + strlen(sep);

		if (col + len > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			col = indent;
		}
		fprintf(out, "%s%s", name, walk_section_name(i + 1) ? sep : "");
		col += len;
	}
}

void options_help(FILE *out, bool live)
{
	fputs("Options:\n"
	      "  -j, --json               write JSON instead of text\n"
	      "  -p, --pretty             write JSON, indented\n"
	      "  -o, --output FILE        write the report to FILE; an old one stays until the new one is whole\n"
	      "      --section LIST       only these sections, separated by commas:",
	      out);
	section_list(out, ",", 27);
	fputs("\n"
	      "      --map NAME|ID|ADDR   only this map (may be given several times)\n"
	      "      --var PATH           nothing but this global variable of the running scheduler, or a\n"
	      "                           part of it: nr_events, stats.nr_queued, cpu_ctx[2].load\n"
	      "      --key KEY            nothing but the entry with this key in the map of --map\n"
	      "      --task PID|COMM      only these tasks, in every detail; a process's pid is all its\n"
	      "                           threads, COMM may be a pattern; may be repeated\n"
	      "      --dsq ID             only this sched_ext queue and the tasks on it: a number, or\n"
	      "                           \"local cpu 3\", \"global node 0\" ...; may be repeated\n"
	      "      --max-entries N|all  entries collected from each map (default 4096; 256 for\n"
	      "                           per-CPU arrays), elements shown of arrays in them\n"
	      "      --log-bytes N|all    bytes of the kernel's log, the newest (default 1M)\n"
	      "      --arena-bytes N|all|none\n"
	      "                           bytes of arena pages in the JSON (default 4M)\n"
	      "      --no-arena-bytes     the same as --arena-bytes none\n"
	      "      --vmlinux FILE       lines, inlined functions and arguments for stacks, from the\n"
	      "                           debug information of this very kernel\n",
	      out);
	if (live)
		fputs("      --keep-halted        leave the guest stopped\n"
		      "      --deadline MS        let the guest go after MS milliseconds (or 2s), finished or not\n",
		      out);
	fputs("      --fail-on SEVERITY   exit status 10 if there are findings: warning (or worse), error\n"
	      "      --stats              tell on stderr what was read, and how long it took\n"
	      "      --color WHEN         auto, always or never\n"
	      "      --no-pager           text straight to the terminal\n"
	      "  -v, --verbose            show everything\n"
	      "  -h, --help               this text\n"
	      "  -V, --version            version and libraries\n",
	      out);
}

/* A number with an optional K, M or G; "all" is UINT64_MAX and "none" 0. */
static struct err *parse_amount(const char *opt, const char *s, uint64_t *ret)
{
	char *end;
	unsigned int shift = 0;

	if (!strcmp(s, "all")) {
		*ret = UINT64_MAX;
		return NULL;
	}
	if (!strcmp(s, "none")) {
		*ret = 0;
		return NULL;
	}
	errno = 0;
	unsigned long long v = strtoull(s, &end, 0);
	if (*s < '0' || *s > '9' || errno)
		return err_new(ERR_USAGE, "--%s: \"%s\" is no number", opt, s);
	switch (*end) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	}
	if (end[shift ? 1 : 0] || v > UINT64_MAX >> shift)
		return err_new(ERR_USAGE, "--%s: \"%s\" is no number", opt, s);
	*ret = (uint64_t)v << shift;
	return NULL;
}

/* A span of time: milliseconds, or a number with its unit. */
static struct err *parse_ms(const char *opt, const char *s, uint64_t *ret)
{
	enum { MOST = 3600 * 1000 };
	char *end;

	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	bool seconds = !strcmp(end, "s");
	if (*s < '0' || *s > '9' || errno || (*end && !seconds && strcmp(end, "ms")))
		return err_new(ERR_USAGE, "--%s: \"%s\" is no number of milliseconds (500, 500ms, 2s)", opt, s);
	if (!v || v > MOST || v * (seconds ? 1000 : 1) > MOST)
		return err_new(ERR_USAGE, "--%s: 1 to %d ms", opt, MOST);
	*ret = v * (seconds ? 1000 : 1);
	return NULL;
}

static struct err *no_section(const char *s)
{
	_cleanup_free_ char *all = NULL;
	size_t len;
	FILE *f = open_memstream(&all, &len);
	const char *name;

	if (!f)
		return &err_nomem;
	for (size_t i = 0; (name = walk_section_name(i)); i++)
		fprintf(f, "%s%s", i ? ", " : "", name);
	if (fclose(f))
		return &err_nomem;
	return err_new(ERR_USAGE, "--section: no section \"%s\" (%s)", s, all);
}

static struct err *parse_section(struct options *o, const char *s)
{
	const char *name;

	for (size_t i = 0; i < o->walk.nr_sections; i++) {
		if (!strcmp(o->sections[i], s))
			return NULL;
	}
	for (size_t i = 0; (name = walk_section_name(i)); i++) {
		if (strcmp(name, s))
			continue;
		if (o->walk.nr_sections == ARRAY_SIZE(o->sections))
			return err_new(ERR_USAGE, "--section: too many");
		o->sections[o->walk.nr_sections++] = name;
		return NULL;
	}
	return no_section(s);
}

static struct err *parse_sections(struct options *o, char *list)
{
	for (char *save, *s = strtok_r(list, ",", &save); s; s = strtok_r(NULL, ",", &save))
		TRY(parse_section(o, s));
	if (!o->walk.nr_sections)
		return err_new(ERR_USAGE, "--section: which?");
	o->walk.sections = o->sections;
	return NULL;
}

static struct err *parse_color(const char *s, enum color_when *ret)
{
	if (!strcmp(s, "auto"))
		*ret = COLOR_AUTO;
	else if (!strcmp(s, "always"))
		*ret = COLOR_ALWAYS;
	else if (!strcmp(s, "never"))
		*ret = COLOR_NEVER;
	else
		return err_new(ERR_USAGE, "--color: \"%s\" is none of auto, always, never", s);
	return NULL;
}

static struct err *parse_fail_on(const char *s, struct options *o)
{
	if (!strcmp(s, "warning"))
		o->fail_severity = SEVERITY_WARNING;
	else if (!strcmp(s, "error"))
		o->fail_severity = SEVERITY_ERROR;
	else
		return err_new(ERR_USAGE, "--fail-on: \"%s\" is none of warning, error", s);
	o->fail_on = true;
	return NULL;
}

/* A view is one thing, and nothing else. */
static struct err *check_view(const struct options *o)
{
	const char *view = o->walk.var ? "--var" : "--key";

	if (!o->walk.var && !o->walk.key)
		return NULL;
	if (o->walk.var && o->walk.key)
		return err_new(ERR_USAGE, "--var and --key: one at a time");
	if (o->walk.var && !*o->walk.var)
		return err_new(ERR_USAGE, "--var: empty name");
	if (o->walk.key && o->walk.nr_maps != 1)
		return err_new(ERR_USAGE, "--key: of which map? (one --map)");
	if (o->walk.sections)
		return err_new(ERR_USAGE, "%s and --section: one at a time", view);
	return NULL;
}

/* *ret_status stays -1 if there is something to be done. */
static struct err *parse(int argc, char **argv, const char *verb, bool live, struct options *ret, int *ret_status)
{
	struct options o = { .arena_bytes = JSON_ARENA_BYTES_DEFAULT };
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "jpo:vhV", longopts, NULL)) != -1) {
		switch (c) {
		case 'j':
			o.json = true;
			break;
		case 'p':
			o.json = o.pretty = true;
			break;
		case 'o':
			o.output = optarg;
			break;
		case OPT_SECTION:
			TRY(parse_sections(&o, optarg));
			break;
		case OPT_MAP:
			if (o.walk.nr_maps == ARRAY_SIZE(o.maps))
				return err_new(ERR_USAGE, "--map: more than %zu maps", ARRAY_SIZE(o.maps));
			o.maps[o.walk.nr_maps++] = optarg;
			break;
		case OPT_VAR:
			o.walk.var = optarg;
			break;
		case OPT_KEY:
			o.walk.key = optarg;
			break;
		case OPT_TASK:
			if (o.walk.nr_tasks == ARRAY_SIZE(o.tasks))
				return err_new(ERR_USAGE, "--task: more than %zu tasks", ARRAY_SIZE(o.tasks));
			o.tasks[o.walk.nr_tasks++] = optarg;
			break;
		case OPT_DSQ:
			if (o.walk.nr_dsqs == ARRAY_SIZE(o.dsqs))
				return err_new(ERR_USAGE, "--dsq: more than %zu DSQs", ARRAY_SIZE(o.dsqs));
			o.dsqs[o.walk.nr_dsqs++] = optarg;
			break;
		case OPT_MAX_ENTRIES:
			TRY(parse_amount("max-entries", optarg, &o.walk.max_entries));
			if (!o.walk.max_entries)
				return err_new(ERR_USAGE, "--max-entries: at least 1");
			break;
		case OPT_LOG_BYTES:
			TRY(parse_amount("log-bytes", optarg, &o.walk.log_bytes));
			if (!o.walk.log_bytes)
				return err_new(ERR_USAGE, "--log-bytes: at least 1");
			break;
		case OPT_ARENA_BYTES:
			TRY(parse_amount("arena-bytes", optarg, &o.arena_bytes));
			o.arena_limit = o.arena_bytes != 0;
			o.walk.arena_bytes = o.arena_bytes;
			break;
		case OPT_NO_ARENA_BYTES:
			o.arena_bytes = 0;
			break;
		case OPT_VMLINUX:
			o.vmlinux = optarg;
			break;
		case OPT_KEEP_HALTED:
			if (!live)
				return err_new(ERR_USAGE, "--keep-halted: a core does not run");
			o.keep_halted = true;
			break;
		case OPT_DEADLINE:
			if (!live)
				return err_new(ERR_USAGE, "--deadline: a core does not wait");
			TRY(parse_ms("deadline", optarg, &o.deadline_ms));
			break;
		case OPT_STATS:
			o.stats = true;
			break;
		case OPT_COLOR:
			TRY(parse_color(optarg, &o.color));
			break;
		case OPT_NO_PAGER:
			o.no_pager = true;
			break;
		case OPT_FAIL_ON:
			TRY(parse_fail_on(optarg, &o));
			break;
		case 'v':
			o.verbose++;
			break;
		case 'h':
			verb_help(stdout, verb);
			*ret_status = EXIT_COMPLETE;
			return NULL;
		case 'V':
			print_version(stdout);
			*ret_status = EXIT_COMPLETE;
			return NULL;
		default: /* getopt_long() has said what is wrong */
			*ret_status = EXIT_USAGE;
			return NULL;
		}
	}
	if (optind == argc)
		return err_new(ERR_USAGE, "%s what?", verb);
	if (optind + 1 != argc)
		return err_new(ERR_USAGE, "one target at a time, not also \"%s\"", argv[optind + 1]);
	TRY(check_view(&o));
	o.target = argv[optind];
	*ret = o;
	/* The copy must not point into the original. */
	ret->walk.maps = ret->maps;
	if (o.walk.sections)
		ret->walk.sections = ret->sections;
	ret->walk.tasks = ret->tasks;
	ret->walk.dsqs = ret->dsqs;
	return NULL;
}

int options_parse(int argc, char **argv, bool live, struct options *ret)
{
	static char program[] = "fdgdb"; /* whose the messages of getopt_long() are */
	const char *verb = argv[0];
	int status = -1;

	argv[0] = program;
	struct err *e = parse(argc, argv, verb, live, ret, &status);
	if (e) {
		complain(e);
		err_free(e);
		status = EXIT_USAGE;
	}
	return status;
}
