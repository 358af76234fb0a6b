/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of kernel/: the steps of kernel_find(), in their order. */
#ifndef FDGDB_KERNEL_INTERNAL_H
#define FDGDB_KERNEL_INTERNAL_H

#include "kernel/kernel.h"

/*
 * A kernel around an architecture's page table, with nothing found yet: enough for kread() and
 * ktranslate().  The target and memory must outlive it.
 */
struct err *kernel_new(struct target *t, struct mem *mem, const struct arch *arch,
		       const struct pgtable *pt, struct kernel **ret) MUST_CHECK;

struct err *tlb_create(struct kernel_tlb **ret) MUST_CHECK;
void tlb_destroy(struct kernel_tlb *tlb);

/*
 * Sets k->types from the BTF blob: where the symbols say, else by its signature in the copy of the
 * read-only data.  ERR_MISSING: none.
 */
struct err *kernel_find_btf(struct kernel *k, const uint8_t *rodata, size_t len) MUST_CHECK;

/*
 * nr_cpu_ids, per-CPU offsets, masks.  A kernel that has not set up its per-CPU areas yet, or whose
 * variables make no sense, is ERR_CORRUPT or ERR_FAULT; k then has no CPUs.
 */
struct err *kernel_find_cpus(struct kernel *k) MUST_CHECK;

/* CONFIG_HZ; 0 if unknown. */
uint32_t kernel_find_hz(struct kernel *k);

/* Where the containers' members are; every walk needs it.  Fails only for lack of memory. */
struct container_layout;
struct err *containers_create(const struct kernel *k, struct container_layout **ret) MUST_CHECK;
void containers_destroy(struct container_layout *l);

#endif
