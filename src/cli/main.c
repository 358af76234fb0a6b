/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwfl.h>
#include <libxml/xmlversion.h>

#include "base/util.h"
#include "cli/exit.h"
#include "cli/options.h"
#include "cli/verbs.h"

static const struct verb verbs[] = {
	{ "attach", "[HOST]:PORT | unix:PATH", "read a running guest through its gdbstub",
	  attach_main, true },
	{ "core", "FILE", "read a dump of QEMU's dump-guest-memory", core_main, false },
};

static void usage(FILE *out)
{
	fputs("Usage: fdgdb VERB [options] TARGET\n"
	      "\n"
	      "Says what a Linux guest was doing when it was stopped: BPF maps with their contents,\n"
	      "sched_ext state, tasks. Needs nothing of the guest but its memory.\n"
	      "\n"
	      "Verbs:\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-7s %-26s %s\n", verbs[i].name, verbs[i].args, verbs[i].summary);
	fputs("  help    [VERB]                     this text, or that of a verb\n\n", out);
	options_help(out, true);
	fputs("\n"
	      "Exit status: 0 complete, 1 failed, 2 usage, 3 partial, 4 target unreachable or lost,\n"
	      "5 no Linux kernel with BTF found, 6 guest state could not be restored, 10 findings (--fail-on).\n",
	      out);
}

static const struct verb *find_verb(const char *name)
{
	const struct verb *found = NULL;
	size_t nr = 0;

	/* Like ip and bpftool: any unambiguous prefix will do. */
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
		if (*name && !strncmp(verbs[i].name, name, strlen(name))) {
			found = &verbs[i];
			nr++;
		}
	}
	return nr == 1 ? found : NULL;
}

void verb_help(FILE *out, const char *name)
{
	const struct verb *v = find_verb(name);

	fprintf(out, "Usage: fdgdb %s [options] %s\n\n%s.\n\n", v->name, v->args, v->summary);
	options_help(out, v->live);
}

void print_version(FILE *out)
{
	fprintf(out, "fdgdb %s (elfutils %s, libxml2 %s)\n", PACKAGE_VERSION, dwfl_version(NULL),
		LIBXML_DOTTED_VERSION);
}

/* A full disk behind stdout is an error, not a short report. */
static int close_stdout(int status)
{
	bool failed = ferror(stdout);
	bool told = failed && status != EXIT_COMPLETE; /* by whoever wrote the report */

	errno = 0;
	if (fclose(stdout))
		failed = true;
	if (!failed || told)
		return status;
	fprintf(stderr, "fdgdb: cannot write to stdout%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
	return exit_worse(status, EXIT_FAILED);
}

/*
 * Whoever closed one of them before we started would have the next file that is opened in its place, and messages in
 * that.  Opened the wrong way round, they are as good as closed.
 */
static void fill_std(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) != fd)
			_exit(EXIT_FAILED);
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	fill_std();
	if (!name) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(name, "-V") || !strcmp(name, "--version")) {
		print_version(stdout);
		return close_stdout(EXIT_COMPLETE);
	}
	if (!strcmp(name, "-h") || !strcmp(name, "--help") || !strcmp(name, "help")) {
		if (argc > 2 && !find_verb(argv[2])) {
			fprintf(stderr, "fdgdb: no verb \"%s\"; see fdgdb --help\n", argv[2]);
			return EXIT_USAGE;
		}
		if (argc > 2)
			verb_help(stdout, argv[2]);
		else
			usage(stdout);
		return close_stdout(EXIT_COMPLETE);
	}

	const struct verb *v = find_verb(name);
	if (!v) {
		fprintf(stderr, "fdgdb: no verb \"%s\"; see fdgdb --help\n", name);
		return EXIT_USAGE;
	}
	return close_stdout(v->main(argc - 1, argv + 1));
}
