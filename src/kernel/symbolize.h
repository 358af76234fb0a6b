/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From an address to a name, for all code there is: the kernel, modules, BPF programs with their
 * trampolines and dispatchers, trampolines of ftrace, instruction slots of kprobes.  Reads the guest, so it
 * has to happen during the stop; what has been read is kept.  May be called from fibers.
 */
#ifndef FDGDB_SYMBOLIZE_H
#define FDGDB_SYMBOLIZE_H

#include "base/pool.h"
#include "kernel/modules.h"

enum sym_owner {
	SYM_NONE,	/* no name: not code or data of anybody we know */
	SYM_KERNEL,	/* the kernel's image */
	SYM_MODULE,
	SYM_BPF_PROG,	/* a JITed program or subprogram: bpf_prog_<tag>_<name> */
	SYM_BPF_IMAGE,	/* a trampoline, dispatcher or struct_ops trampoline of BPF */
	SYM_FTRACE,	/* a trampoline of an ftrace_ops */
	SYM_KPROBE,	/* instructions a kprobe executes out of line */
};

struct sym {
	enum sym_owner owner;
	const char *name; /* as the guest has it: to be escaped; lives as long as the kernel.  NULL for
			   * SYM_NONE, and for a module whose symbols could not be read */
	uint64_t addr;	  /* what was asked for */
	uint64_t offset;  /* of addr from the symbol's start */
	uint64_t size;	  /* up to the next symbol, or the end */

	const struct kmodule *module; /* SYM_MODULE */

	/* SYM_BPF_PROG */
	struct kva prog_aux; /* struct bpf_prog_aux of the (sub)program */
	uint32_t prog_id;    /* 0: a subprogram, or could not be read */
	const char *prog_name; /* bpf_prog_aux.name, up to 15 bytes; "" if it could not be read */
	/* Where the frame pointer is set up, as offsets into the program (6.19+); both 0: unknown. */
	uint32_t fp_start, fp_end;
};

enum sym_lookup {
	SYM_EXACT,  /* the address itself: function pointers, the first frame's ip (%pS) */
	SYM_RETURN, /* a return address: of the call before it, which may end its function (%pB) */
};

/*
 * Which symbol holds the address, as the kernel would print it.  No name is no error: ret->owner is
 * SYM_NONE then.  Fails only where nothing further can work (memory, deadline, target lost).
 */
struct err *ksymbolize(struct kernel *k, struct kva addr, enum sym_lookup how,
		       struct sym *ret) MUST_CHECK;

/*
 * "name+0x12/0x34", "name+0x12/0x34 [module]", "ftrace_trampoline+0x0/0x9e [__builtin__ftrace]"; without a
 * name "0xffffffffc0001234", with a module behind it if that is known.  NULL if there is no memory.
 */
const char *sym_text(struct pool *pool, const struct sym *sym);

/*
 * Why an address may have gone without a name though something lies there: a list that could not be
 * followed.  NULL: no reason so far.
 */
const char *ksymbolize_why(const struct kernel *k);

#endif
