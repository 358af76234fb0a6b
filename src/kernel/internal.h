/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of kernel/: the steps of kernel_find(), in their order. */
#ifndef FDGDB_KERNEL_INTERNAL_H
#define FDGDB_KERNEL_INTERNAL_H

#include "base/pool.h"
#include "kernel/symbolize.h"

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

/* The GNU build id among ELF notes: how long it is; 0: there is none. */
size_t notes_build_id(const uint8_t *notes, size_t len, const uint8_t **ret);

/* CONFIG_HZ; 0 if unknown. */
uint32_t kernel_find_hz(struct kernel *k);

/* Where the containers' members are; every walk needs it.  Fails only for lack of memory. */
struct container_layout;
struct err *containers_create(const struct kernel *k, struct container_layout **ret) MUST_CHECK;
void containers_destroy(struct container_layout *l);

/* Keeps a fatal error, turns another into "; "-joined text at *why.  NULL for NULL. */
struct err *kernel_lost(struct pool *pool, struct err *e, const char **why) MUST_CHECK;

/*
 * struct latch_tree_root (include/linux/rbtree_latch.h): the struct rb_root of the two that nobody writes
 * at the moment, and where in a struct latch_tree_node its struct rb_node lies.  False if this kernel has
 * none, or it cannot be read.
 */
bool klatch_tree(struct kernel *k, struct kva root, struct kva *tree, uint64_t *node_off);

/* ---- code: see modules.h and symbolize.h */

/*
 * The symbols of a module, read when first asked for and kept.  *offset and *size as in ksymbolize();
 * *name is NULL if no symbol of the range holds the address, or they cannot be read: mod->symbols_why.
 */
struct err *module_symbol_at(struct kernel *k, const struct kmodule *mod, uint64_t addr,
			     const char **name, uint64_t *offset, uint64_t *size) MUST_CHECK;
void module_symbols_destroy(struct module_symbols *syms);

/* Code that is made at run time: BPF's, ftrace's, kprobes'. */
struct codes;
struct code {
	uint64_t start, end; /* [start, end) */
	enum sym_owner owner;
	const char *name;
	struct kva prog_aux;
	uint32_t prog_id;
	const char *prog_name;
	uint32_t fp_start, fp_end;
};
/* Read once; *ret is NULL if the address is in none. */
struct err *kcodes(struct kernel *k, const struct code **ret, size_t *nr) MUST_CHECK; /* all, by start */
struct err *kcode_at(struct kernel *k, uint64_t addr, const struct code **ret) MUST_CHECK;
void codes_destroy(struct codes *codes);

#endif
