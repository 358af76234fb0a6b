/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks of tasks and vCPUs, frame by frame, from what is in the guest's memory: ORC tables, registers that
 * interrupts saved, frame pointers in generated code.  Where that ends in the middle, what is left of the
 * stack is searched for return addresses, and frames found so are guesses.
 */
#ifndef FDGDB_UNWIND_H
#define FDGDB_UNWIND_H

#include "arch/unwind.h"
#include "kernel/kstack.h"
#include "kernel/orc.h"

struct unwinder;

enum {
	UNWIND_FRAMES_MAX = 128,
	UNWIND_GUESSES_MAX = 48,
	UNWIND_SAVED_MAX = 8, /* sets of registers: interrupts do not nest deeper */
};

struct kframe {
	uint64_t ip, sp; /* sp of a guess: where it was found */
	bool exact;	 /* ip is what runs next, not the address behind a call */
	bool user, guess;
	uint8_t saved; /* 1 + the set in unwound.saved; 0: none */
	enum kstack_kind stack;
};

enum unwound_end {
	UNWOUND_START,	/* where the kernel begins: a thread's or a CPU's first function, an entry */
	UNWOUND_USER,	/* user space: the last frame */
	UNWOUND_BROKEN, /* see why; frames after that are guesses */
	UNWOUND_CAPPED, /* more than UNWIND_FRAMES_MAX */
	UNWOUND_NOT_STARTED, /* a vCPU that the kernel has not started: no frames */
};

struct unwound {
	struct kframe frames[UNWIND_FRAMES_MAX];
	size_t nr;
	struct unwind_regs saved[UNWIND_SAVED_MAX];
	size_t nr_saved;
	enum unwound_end end;
	struct err *why; /* BROKEN: owned by the caller */
};

/* Code outside of the kernel's image; that of modules, BPF and ftrace is known already. */
struct unwind_code {
	uint64_t start, end;
	struct orc_table orc; /* a module's; .nr 0: none, it keeps frame pointers */
	uint64_t copy_of;     /* code of the kernel's image that this is a copy of; 0: none */
};

/* ERR_MISSING where nobody can unwind: a kernel without ORC tables, an architecture without unwinder. */
struct err *unwinder_create(struct kernel *k, struct unwinder **ret) MUST_CHECK;
void unwinder_destroy(struct unwinder *uw);

/* All of it before the first walk. */
struct err *unwinder_add_code(struct unwinder *uw, const struct unwind_code *code) MUST_CHECK;

/* Whether there is code that runs in the kernel. */
bool unwinder_is_code(struct unwinder *uw, uint64_t addr);

/*
 * The part of a task's stack that is in use while it does not run: what its walk will read.  ERR_MISSING for
 * the dead, whose stack is gone.
 */
struct err *unwinder_used(struct unwinder *uw, struct kva task, struct krange *ret) MUST_CHECK;

/* A task that does not run.  This and the next may run in fibers (see mem_each). */
void unwinder_task(struct unwinder *uw, struct kva task, struct unwound *ret);

/* What a vCPU does.  *task is the one it does it for, by the CPU's own record, 0 if unknown. */
void unwinder_vcpu(struct unwinder *uw, size_t vcpu, struct kva *task, struct unwound *ret);

#endif
