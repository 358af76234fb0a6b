/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel over a memory image written in code: four levels of x86-64 page tables, types made from
 * tables of members, symbols.  Enough for kread(), klayout(), ksym() and the containers.
 *
 *	struct fake_kernel *fk = fake_kernel_new();
 *	fake_kernel_struct(fk, "list_head", 16, fields, ARRAY_SIZE(fields));
 *	fake_kernel_symbol(fk, "scx_tasks", va);
 *	fake_kernel_write(fk, va, &head, sizeof(head));
 *	struct kernel *k = fake_kernel_ready(fk);
 *
 * Running out of memory, or misuse, ends the program.
 */
#ifndef FDGDB_FAKE_KERNEL_H
#define FDGDB_FAKE_KERNEL_H

#include "fake-target.h"
#include "kernel/kernel.h"

struct btf;

struct fake_kernel {
	struct fake_target *ft;
	struct kernel *k; /* after fake_kernel_ready() */
	struct btf *btf;  /* types so far; more may be added with libbpf */
	int u8, u32, u64, ptr; /* ids of basic types; ptr is void * */
	uint64_t next_pa;
	struct fake_table *tables;
	size_t nr_tables;
	struct fake_symbol *symbols;
	size_t nr_symbols;
	uint64_t root;
};

struct fake_field {
	const char *name;
	int type; /* id */
	size_t off;
};

struct fake_kernel *fake_kernel_new(void); /* of one vCPU */
struct fake_kernel *fake_kernel_new_smp(size_t nr_vcpus);
void fake_kernel_destroy(struct fake_kernel *fk);

/* All return the new type's id. */
int fake_kernel_struct(struct fake_kernel *fk, const char *name, size_t size,
		       const struct fake_field *fields, size_t nr);
int fake_kernel_array(struct fake_kernel *fk, int type, size_t nr);
int fake_kernel_pointer(struct fake_kernel *fk, int type);

void fake_kernel_symbol(struct fake_kernel *fk, const char *name, uint64_t va);

/* Maps the page around va to a frame of its own unless it is mapped; where in physical memory va is. */
uint64_t fake_kernel_map(struct fake_kernel *fk, uint64_t va);
/* Maps it to this frame. */
void fake_kernel_map_to(struct fake_kernel *fk, uint64_t va, uint64_t pa);

/* Across pages, mapping what is not. */
void fake_kernel_write(struct fake_kernel *fk, uint64_t va, const void *data, size_t len);
void fake_kernel_put64(struct fake_kernel *fk, uint64_t va, uint64_t v);

/* CPUs [0, nr), each with its per-CPU area at base + cpu * stride. */
void fake_kernel_cpus(struct fake_kernel *fk, uint32_t nr, uint64_t base, uint64_t stride);

/* Ends the making of types and symbols. */
struct kernel *fake_kernel_ready(struct fake_kernel *fk);

#endif
