/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The target description: which registers there are, and where they lie in the reply to "g".
 *
 * It is XML, and parsed as such: QEMU's i386-64bit.xml has three registers in a comment, which a
 * search for "<reg" would take for real and so shift all that follow.
 */
#ifndef FDGDB_GDBSTUB_TARGETXML_H
#define FDGDB_GDBSTUB_TARGETXML_H

#include "base/err.h"

struct xml_reg {
	char name[32];	     /* "" if it has none, or one that does not fit */
	unsigned int number; /* gdb's */
	unsigned int bits;   /* a multiple of 8 */
	unsigned int offset; /* bytes, in "g" */
};

struct xml_layout {
	struct xml_reg *regs; /* by number, hence by offset */
	size_t nr;
	size_t size; /* of "g" */
};

/*
 * Gets one part ("target.xml", "i386-64bit.xml"): *ret is freed by the caller.  The names asked
 * for come from the description itself.
 */
typedef struct err *(*xml_fetch_fn)(void *ctx, const char *annex, char **ret, size_t *ret_len);

/*
 * Reads target.xml and what it includes.  ERR_PROTOCOL: no sound description; ERR_LIMIT: a
 * description beyond all measure; or what fetch said.
 */
struct err *xml_layout_parse(xml_fetch_fn fetch, void *ctx, struct xml_layout *ret) MUST_CHECK;

void xml_layout_deinit(struct xml_layout *layout);

#endif
