/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/analyse.h"
#include "cli/exit.h"
#include "cli/verbs.h"
#include "target/core.h"

static struct err *open_core(const struct options *o, struct target **ret)
{
	return core_open(o->target, ret);
}

int core_main(int argc, char **argv)
{
	struct options o;
	bool done = false;
	struct err *e = options_parse(argc, argv, argv[0], false, &o, &done);

	if (e) {
		complain(e);
		err_free(e);
		return EXIT_USAGE;
	}
	return done ? EXIT_COMPLETE : analyse(&o, open_core);
}
