/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/exit.h"

int exit_of(const struct err *e)
{
	if (!e)
		return EXIT_COMPLETE;
	switch (e->code) {
	case ERR_USAGE:
		return EXIT_USAGE;
	case ERR_UNREACHABLE:
	case ERR_LOST:
	case ERR_TIMEOUT:
	case ERR_PROTOCOL:
		return EXIT_TARGET;
	case ERR_NOT_LINUX:
		return EXIT_NOT_LINUX;
	case ERR_NOT_RESTORED:
		return EXIT_NOT_RESTORED;
	case ERR_DEADLINE:
	case ERR_SUSPENDED:
	case ERR_LIMIT:
		return EXIT_PARTIAL;
	default:
		return EXIT_FAILED;
	}
}

static int rank(int status)
{
	static const int order[] = { EXIT_COMPLETE,	EXIT_PARTIAL, EXIT_FINDINGS,	EXIT_NOT_LINUX,
				     EXIT_FAILED,	EXIT_TARGET,  EXIT_NOT_RESTORED };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (order[i] == status)
			return (int)i;
	}
	return ARRAY_SIZE(order); /* usage: nothing was done at all */
}

int exit_worse(int a, int b)
{
	return rank(a) >= rank(b) ? a : b;
}
