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
 * in the guest.  All layouts since 6.1 are told apart by what is there.  ERR_MISSING if there are
 * none, ERR_CORRUPT if there are names but no addresses that make sense.
 */
struct err *symbols_decode(const uint8_t *data, size_t len, struct kva addr,
			   struct symbols **ret) MUST_CHECK;
void symbols_destroy(struct symbols *s);

size_t symbols_count(const struct symbols *s);

/* In the order of the tables, which is by address; NULL for i >= symbols_count(). */
const struct symbol *symbols_get(const struct symbols *s, size_t i);

/* First symbol of this exact name; NULL if there is none. */
const struct symbol *symbols_find(const struct symbols *s, const char *name);

/*
 * The symbol an address lies in: the last one at or below it, __pfx_ padding left out; of several at
 * one address the first of the table, which is the one that the kernel itself prints.  *offset is from its start, *size up to the next
 * symbol.  NULL outside of [first, last], and for addresses of the lower half: the zero-based
 * per-CPU symbols of kernels up to 6.14 are offsets, nothing lies "in" them.
 */
const struct symbol *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset,
				uint64_t *size);

#endif
