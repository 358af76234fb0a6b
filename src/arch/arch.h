/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What differs between processors: page tables and the meaning of registers. */
#ifndef FDGDB_ARCH_H
#define FDGDB_ARCH_H

#include "target/mem.h"

struct unwind_ops;

/* A top-level page table. */
struct pgtable {
	struct gpa root;
	unsigned int levels; /* 4, 5 */
};

enum {
	PG_WRITE = 1,
	PG_EXEC = 2,
	PG_USER = 4,
};

/* A run of virtual addresses mapped to consecutive physical ones with equal flags. */
struct mapping {
	uint64_t va, pa, len; /* bytes */
	unsigned int flags;   /* PG_* */
};

enum { ARCH_WAIT_LEN = 3 };

struct arch {
	const char *name; /* "x86_64", as uname -m says */

	/*
	 * The page table to see the kernel with from this vCPU's registers, as the CPU uses it now;
	 * `alternative` counts from 0 through further guesses (x86: the kernel half of a KPTI
	 * pair); ERR_MISSING when there are no more.  ERR_NOT_LINUX, with a cause for the user, if
	 * the vCPU is in no mode a 64-bit Linux kernel runs in (firmware, paging off).
	 */
	struct err *(*pgtable)(const struct target *t, size_t vcpu, unsigned int alternative,
			       struct pgtable *ret);

	/*
	 * ERR_FAULT (of va) if not mapped, or if a table cannot be read.  *ret_len: bytes from va to
	 * the end of the (huge) page.
	 */
	struct err *(*translate)(struct mem *mem, const struct pgtable *pt, uint64_t va,
				 struct gpa *ret, uint64_t *ret_len);

	/*
	 * Calls fn for every mapped (huge) page in [start, end), end 0 being the top of the address
	 * space, ascending, a huge page that begins before start with all of itself, descending only into
	 * tables that exist; fn returns false to stop.  Tables that cannot be read are skipped and
	 * counted in *unreadable (may be NULL).
	 */
	struct err *(*walk)(struct mem *mem, const struct pgtable *pt, uint64_t start, uint64_t end,
			    bool (*fn)(void *ctx, const struct mapping *m), void *ctx,
			    size_t *unreadable);

	/* The window that the kernel image lies in, with any KASLR: [start, end); link address of
	 * _text. */
	uint64_t image_start, image_end, image_link;

	/* Registers for the report. */
	const char *ip, *sp, *ptroot;
	/* All that it shows: general ones, segments and their bases, control registers; of each kind of target. */
	const char *const *regs;
	size_t nr_regs;

	/* Their names by the numbers that DWARF has for them; NULL: none of that number. */
	const char *const *dwarf_regs;
	size_t nr_dwarf_regs;
	unsigned int dwarf_arg; /* of a function's first argument, and a system call's */

	/* In kernel mode (privileged) or not. */
	struct err *(*in_kernel)(const struct target *t, size_t vcpu, bool *ret);

	/*
	 * Base of this CPU's per-CPU area as the registers know it (x86: gs_base or k_gs_base);
	 * `alternative` as with pgtable.  Who matches it against the kernel's own array wants
	 * kvcpu_cpu().
	 */
	struct err *(*percpu_base)(const struct target *t, size_t vcpu, unsigned int alternative,
				   uint64_t *ret);

	/* Whether these bytes, behind which a vCPU was stopped, end with an instruction that waits for an
	 * interrupt. */
	bool (*waits)(const uint8_t before[ARCH_WAIT_LEN]);

	const struct unwind_ops *unwind; /* see arch/unwind.h */
};

extern const struct arch arch_x86_64;

/* The architecture of a target, from the registers it has; ERR_UNSUPPORTED names what it is. */
struct err *arch_detect(const struct target *t, const struct arch **ret) MUST_CHECK;

#endif
