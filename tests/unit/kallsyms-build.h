/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes kallsyms tables as scripts/kallsyms.c of several releases does. */
#ifndef FDGDB_KALLSYMS_BUILD_H
#define FDGDB_KALLSYMS_BUILD_H

#include <stddef.h>
#include <stdint.h>

struct ks_symbol {
	char type;
	const char *name;
	uint64_t addr;
};

enum ks_layout {
	KS_6_1,	 /* addresses first, relative with absolute per-CPU symbols */
	KS_6_3,	 /* the same with seqs_of_names between markers and tokens */
	KS_6_4,	 /* addresses last, same coding */
	KS_6_15, /* plain relative */
	KS_7_0,	 /* PC-relative, aligned to 4 */
	KS_LAYOUTS,
};

/*
 * Writes the tables for symbols sorted by address to buf, which lies at `addr` in the guest (8-byte
 * aligned); the number of bytes.  Aborts if `room` is not enough.
 */
size_t kallsyms_build(uint8_t *buf, size_t room, uint64_t addr, enum ks_layout layout,
		      const struct ks_symbol *syms, size_t nr);

/*
 * Into zeros: tokens and their index at the very end of buf, with offsets that rise to behind it and come
 * back with the last one.
 */
void kallsyms_build_beyond(uint8_t *buf, size_t len);

/* Tokens and their index without anything else, into `len` zeros, of which there must be enough. */
void kallsyms_build_tokens(uint8_t *buf, size_t len);

#endif
