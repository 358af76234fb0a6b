/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may leave us.  fdgdb never changes a guest, so the packets that could (M X G P k vKill Z ...)
 * are not in the list, and whatever is not in the list is not sent.
 */
#ifndef FDGDB_GDBSTUB_ALLOW_H
#define FDGDB_GDBSTUB_ALLOW_H

#include "base/err.h"

enum {
	ALLOW_ANNEX_MAX = 64,	/* longest name of a part of target.xml */
	ALLOW_COMMAND_MAX = 64, /* longest monitor command */
};

/* Whether a packet with this body may be sent. */
bool packet_allowed(const char *body, size_t len);

/* Whether this exact text may be sent to QEMU's monitor: it only looks. */
bool monitor_allowed(const char *command);

/* A name that can stand in qXfer:features:read. */
bool annex_allowed(const char *name, size_t len);

#endif
