/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arguments of a function in a stack frame, as far as what is known of the frame tells them. */
#ifndef FDGDB_DWARF_ARGS_H
#define FDGDB_DWARF_ARGS_H

#include "dwarf/dwarf-file.h"

/* What is known of a frame.  Callbacks return false for what is not known. */
struct dwarf_frame {
	/* A register by its DWARF number, as it is in this frame. */
	bool (*reg)(void *ctx, unsigned int nr, uint64_t *ret);
	/* The canonical frame address: the caller's stack pointer before its call. */
	bool (*cfa)(void *ctx, uint64_t *ret);
	bool (*read)(void *ctx, uint64_t addr, void *buf, size_t len);
	void *ctx;
	uint64_t slide; /* what to add to an address of the file */
};

struct dwarf_arg {
	const char *name;
	bool known;
	bool is_signed, is_pointer;
	uint64_t value; /* sign-extended if signed */
};

/*
 * The arguments of the real function (not of those inlined into it) at an address of the file, in order.
 * Those that are no scalars, and those whose place cannot be known, are listed as unknown.
 */
struct err *dwarf_args_at(struct dwarf_file *f, uint64_t addr, const struct dwarf_frame *frame,
			  struct pool *pool, struct dwarf_arg **ret, size_t *nr) MUST_CHECK;

#endif
