/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/analyse.h"
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
	int status = options_parse(argc, argv, true, &o);

	return status < 0 ? analyse(&o, open_gdb) : status;
}
