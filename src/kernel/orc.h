/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's own unwind tables (ORC, arch/x86/kernel/unwind_orc.c), where they lie in its memory: for each
 * piece of code where the caller's frame is.  Only the few pages that a lookup needs are read.
 */
#ifndef FDGDB_ORC_H
#define FDGDB_ORC_H

#include "arch/unwind.h"
#include "kernel/kernel.h"

struct orc;

/* Sorted by address: .orc_unwind_ip, offsets of 32 bits each from its own place, and .orc_unwind beside
 * it.  The kernel's, or a module's (struct mod_arch_specific). */
struct orc_table {
	struct kva ips, entries;
	size_t nr;
};

enum {
	/* More entries than any kernel has: Debian's has a million. */
	ORC_MAX_ENTRIES = 1 << 25,
};

/*
 * Finds out how this kernel writes its entries: the bits from its types, the meaning of the codes from the
 * hash in `orc_header`, or where that is none we know from the codes that are there.  ERR_MISSING for a
 * kernel without tables.
 */
struct err *orc_create(struct kernel *k, struct orc **ret) MUST_CHECK;
void orc_destroy(struct orc *orc);

/* The rule for the kernel's code at ip, which lies in its image (_stext ... _etext, or .init.text). */
struct err *orc_find(struct orc *orc, uint64_t ip, struct unwind_rule *ret) MUST_CHECK;

/* The same in another table. */
struct err *orc_find_in(struct orc *orc, const struct orc_table *table, uint64_t ip,
			struct unwind_rule *ret) MUST_CHECK;

#endif
