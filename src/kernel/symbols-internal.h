/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the decoder of kallsyms and the index over what it decoded. */
#ifndef FDGDB_SYMBOLS_INTERNAL_H
#define FDGDB_SYMBOLS_INTERNAL_H

#include "kernel/symbols.h"

struct symbols {
	struct symbol *syms;
	size_t nr;
	char *names;	   /* all of them, each ended by NUL */
	uint32_t *hash;	   /* index + 1 into syms; 0: free */
	size_t hash_mask;
	uint32_t *by_addr; /* indices into syms */
};

/* Builds both indices over syms[]. */
struct err *symbols_index(struct symbols *s) MUST_CHECK;

#endif
