/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The page-table half of arch_x86_64; see arch.h for what they do. */
#ifndef FDGDB_ARCH_X86_64_H
#define FDGDB_ARCH_X86_64_H

#include "arch/arch.h"

struct err *x86_64_translate(struct mem *mem, const struct pgtable *pt, uint64_t va,
			     struct gpa *ret, uint64_t *ret_len) MUST_CHECK;
struct err *x86_64_walk(struct mem *mem, const struct pgtable *pt, uint64_t start, uint64_t end,
			bool (*fn)(void *ctx, const struct mapping *m), void *ctx,
			size_t *unreadable) MUST_CHECK;

#endif
