/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the kernel's stacks are: a task's, and those that a CPU changes to for interrupts, exceptions and the
 * way in from user space (arch/x86/kernel/dumpstack_64.c). */
#ifndef FDGDB_KSTACK_H
#define FDGDB_KSTACK_H

#include "kernel/kernel.h"

enum kstack_kind {
	KSTACK_NONE, /* on none that is known */
	KSTACK_TASK,
	KSTACK_IRQ,
	KSTACK_ENTRY,
	KSTACK_DF,
	KSTACK_NMI,
	KSTACK_DB,
	KSTACK_MCE,
	KSTACK_VC,
	KSTACK_VC2,
	NR_KSTACKS,
};

/* "task", "irq" ... */
const char *kstack_name(enum kstack_kind kind);

struct kstack {
	enum kstack_kind kind;
	uint64_t start, end; /* [start, end) */
	uint64_t link;	     /* where the stack pointer from before the change to it lies; 0: nowhere */
};

/* A task's and a CPU's; two tasks', while the CPU goes from one to the other. */
enum { KSTACKS_MAX = NR_KSTACKS + 1 };
struct kstacks {
	struct kstack stacks[KSTACKS_MAX];
	size_t nr;
};

/* NULL if addr lies on none of them. */
const struct kstack *kstack_at(const struct kstacks *s, uint64_t addr);

/* Bytes of a task's stack (THREAD_SIZE), by what the image reserves for the first task's; 0: unknown. */
uint64_t kstack_task_size(const struct kernel *k);

void kstack_add_task(struct kstacks *s, struct kva stack, uint64_t size);

/* Members that the next needs. */
struct kstack_layout {
	struct member irq_stack, hot_irq, hot_task;
	struct member estacks, entry_page, entry_stack;
	struct member exception[NR_KSTACKS];
};
struct err *kstack_layout(const struct kernel *k, struct kstack_layout *l) MUST_CHECK;

/* Adds a CPU's own stacks; what this kernel has not set up, or what cannot be read, is left out. Only lasting
 * errors (target lost) are returned. */
struct err *kstack_add_cpu(struct kernel *k, const struct kstack_layout *l, uint32_t cpu,
			   struct kstacks *s) MUST_CHECK;

/* The task that a CPU considers as current. */
struct err *kstack_current(struct kernel *k, const struct kstack_layout *l, uint32_t cpu,
			   struct kva *ret) MUST_CHECK;

#endif
