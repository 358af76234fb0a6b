/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Source lines out of the kernel's debug information (--vmlinux FILE).  Nothing about guests: addresses
 * are those of the file, so a caller subtracts the KASLR slide.
 */
#ifndef FDGDB_DWARF_FILE_H
#define FDGDB_DWARF_FILE_H

#include "base/err.h"
#include "base/pool.h"

struct dwarf_file;

/* One function at an address: the innermost first, each inlined into the next, the last one real. */
struct dwarf_func {
	const char *name; /* never NULL; "?" where the DIE has none */
	const char *file; /* relative to the directory it was compiled in, if below it; NULL: unknown */
	uint32_t line;	  /* 0: unknown */
	bool inlined;
};

/*
 * Opens an ELF file that has DWARF or whose separate debug file can be found the way gdb does it: by
 * build ID and by .gnu_debuglink, in /usr/lib/debug and beside the file.  ERR_FORMAT says what it lacks.
 */
struct err *dwarf_open(const char *path, struct dwarf_file **ret) MUST_CHECK;
void dwarf_close(struct dwarf_file *f);

/* The build ID in hexadecimal digits; NULL if the file has none. */
const char *dwarf_build_id(const struct dwarf_file *f);

/*
 * The functions at an address.  Lists and texts are on the pool.  *nr is 0 where the debug information
 * knows nothing of the address.
 */
struct err *dwarf_funcs_at(struct dwarf_file *f, uint64_t addr, struct pool *pool,
			   struct dwarf_func **ret, size_t *nr) MUST_CHECK;

#endif
