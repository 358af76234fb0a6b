/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/analyse.h"
#include "cli/exit.h"
#include "cli/verbs.h"
#include "target/gdb.h"

static struct err *open_gdb(const struct options *o, struct target **ret)
{
	struct gdb_opts opts = { .deadline_ms = o->deadline_ms, .keep_halted = o->keep_halted };

	return gdb_open(o->target, &opts, ret);
}

int attach_main(int argc, char **argv)
{
	struct options o;
	bool done = false;
	struct err *e = options_parse(argc, argv, argv[0], true, &o, &done);

	if (e) {
		complain(e);
		err_free(e);
		return EXIT_USAGE;
	}
	return done ? EXIT_COMPLETE : analyse(&o, open_gdb);
}
