/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/analyse.h"
#include "cli/verbs.h"
#include "target/core.h"

static struct err *open_core(const struct options *o, struct target **ret)
{
	return core_open(o->target, ret);
}

int core_main(int argc, char **argv)
{
	struct options o;
	int status = options_parse(argc, argv, false, &o);

	return status < 0 ? analyse(&o, open_core) : status;
}
