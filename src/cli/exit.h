/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exit statuses: documented in fdgdb(1), stable. */
#ifndef FDGDB_EXIT_H
#define FDGDB_EXIT_H

#include "base/err.h"

enum {
	EXIT_COMPLETE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_PARTIAL = 3,      /* parts unreadable, or cut by a limit the user set */
	EXIT_TARGET = 4,       /* target unreachable or lost */
	EXIT_NOT_LINUX = 5,    /* no Linux kernel with BTF found */
	EXIT_NOT_RESTORED = 6, /* the guest could not be put back into its former state */
	EXIT_FINDINGS = 10,    /* --fail-on, and there is such a finding */
};

int exit_of(const struct err *e);

/* Of two statuses the one the user must hear of: 6, 4, 1, 5, 10, 3, 0. */
int exit_worse(int a, int b);

#endif
