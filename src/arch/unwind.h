/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a function's frame to its caller's: what a processor's calling convention, its saved registers
 * and its way of taking interrupts have to do with it.  Where code lies, what tables say about it and which
 * addresses are stacks is the kernel's part, and comes through struct unwind_env.
 */
#ifndef FDGDB_ARCH_UNWIND_H
#define FDGDB_ARCH_UNWIND_H

#include "target/target.h"

enum unwind_type {
	UNWIND_UNDEFINED, /* code that nobody can unwind from */
	UNWIND_END,	  /* the outermost frame */
	UNWIND_CALL,	  /* called: the return address lies below the caller's stack pointer */
	UNWIND_REGS,	  /* interrupted: all registers lie at the stack pointer found */
	UNWIND_IRET,	  /* interrupted: only what the processor itself saves lies there */
};

/* What an offset is added to. */
enum unwind_base {
	UNWIND_NONE,
	UNWIND_SP,
	UNWIND_FP,
	UNWIND_PREV_SP, /* the stack pointer just found */
	UNWIND_SP_IND,	/* the word at the stack pointer */
	UNWIND_FP_IND,	/* the word at frame pointer + offset, the offset not being added again */
	/* Registers as they were in the last full set seen. */
	UNWIND_AX,
	UNWIND_DX,
	UNWIND_DI,
	UNWIND_R10,
	UNWIND_R13,
	UNWIND_NR_BASES,
};

/* What a table (struct orc_entry) says of the code at one address. */
struct unwind_rule {
	enum unwind_type type;
	enum unwind_base sp_base, fp_base; /* of the caller's stack and frame pointer; fp: NONE keeps it */
	int32_t sp_off, fp_off;
	bool exact; /* the caller was interrupted: its ip is the instruction it will go on with */
};

/* Registers by the numbers that DWARF has for them, as far as they are known. */
enum { UNWIND_REGS_MAX = 17 };

struct unwind_regs {
	uint64_t v[UNWIND_REGS_MAX];
	uint32_t has; /* bit per number */
};

struct unwind;

/* Callbacks may sleep in a fiber (see mem_each).  An error ends the walk at this frame. */
struct unwind_env {
	/* Any memory of the guest. */
	struct err *(*read)(void *ctx, uint64_t addr, void *buf, size_t len);
	/* Whether all of this lies on one stack that the walk may be on. */
	bool (*on_stack)(void *ctx, uint64_t addr, size_t len);
	/* The rule for the instruction at `at`.  ERR_MISSING for code that was generated at run time and keeps
	 * frame pointers; *func is its start then, 0 if unknown.  Any other error: no code. */
	struct err *(*rule)(void *ctx, uint64_t at, struct unwind_rule *ret, uint64_t *func);
	/* Where the function really returns to whose return address, found at `slot`, is *ip: tracers put
	 * trampolines of theirs there.  Leaves others alone. */
	struct err *(*return_address)(void *ctx, uint64_t slot, uint64_t *ip);
};

/* A frame. */
struct unwind {
	const struct unwind_env *env;
	void *ctx;
	uint64_t ip, sp, fp;
	bool exact; /* ip is what runs next; otherwise a return address, the call being before it */
	bool user;  /* user space: there is nothing above */
	uint64_t regs[UNWIND_NR_BASES]; /* by enum unwind_base; valid where the bit in has_regs is set */
	uint32_t has_regs;
	struct unwind_regs saved; /* as they were in this frame, where an interrupt or an entry has saved them */
};

struct unwind_ops {
	/* A vCPU as it was stopped. ERR_MISSING without registers. */
	struct err *(*vcpu)(struct unwind *u, const struct target *t, size_t vcpu);

	/* The member of task_struct that the registers of a task are kept in while another one runs. */
	const char *thread_member;
	/* A task that does not run, from the address of that member. */
	struct err *(*switched)(struct unwind *u, uint64_t member);

	/* To the caller; *end: there is none (u is unchanged then). */
	struct err *(*next)(struct unwind *u, bool *end);

	/* The user's registers at the top of a task's stack, as all entries from user space put them there;
	 * ERR_MISSING if what lies there is none. */
	struct err *(*user)(struct unwind *u, uint64_t stack_end);
};

extern const struct unwind_ops unwind_x86_64;

#endif
