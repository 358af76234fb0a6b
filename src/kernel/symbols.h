/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's symbols, decoded from the kallsyms tables in its memory (scripts/kallsyms.c). */
#ifndef FDGDB_SYMBOLS_H
#define FDGDB_SYMBOLS_H

#include "target/target.h"

struct symbols;

struct symbol {
	const char *name;
	uint64_t addr; /* runtime */
	char type;     /* nm's letter; do not filter by it: data is T from 6.16 on */
};

/*
 * Decodes the tables out of a copy of the kernel's read-only data: `len` bytes that lie at `addr`
 * in the guest.  `image` bounds what an image address can be.  ERR_MISSING if there are none.
 */
struct err *symbols_decode(const uint8_t *data, size_t len, struct kva addr, struct symbols **ret) MUST_CHECK;
void symbols_destroy(struct symbols *s);

size_t symbols_count(const struct symbols *s);

/* First symbol of this exact name; NULL if there is none. */
const struct symbol *symbols_find(const struct symbols *s, const char *name);

/*
 * The symbol an address lies in: the last one at or below it, __pfx_ padding left out; of several
 * at one address the first that is global.  *offset is from its start, *size up to the next
 * symbol.  NULL outside of [first, last].
 */
const struct symbol *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset,
				uint64_t *size);

#endif
