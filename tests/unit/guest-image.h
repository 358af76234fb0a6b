/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's virtual memory written in code: page tables over a fake target. */
#ifndef FDGDB_GUEST_IMAGE_H
#define FDGDB_GUEST_IMAGE_H

#include "fake-target.h"
#include "kernel/kernel.h"

enum {
	IMAGE_RAM = 256 << 20,	  /* guest RAM: [0, IMAGE_RAM) */
	IMAGE_TABLES = 1 << 20,	  /* where page tables are put, one after the other */
	IMAGE_PAGES = 16 << 20,	  /* where image_alloc() takes pages from */
};

struct guest_image {
	struct fake_target *ft;
	struct pgtable pt;
	uint64_t (*tables)[512];
	size_t nr_tables;
	uint64_t next_page;
};

/* With one empty root table of 4 or 5 levels, in registers of vCPUs in kernel mode. */
struct guest_image *image_new(size_t nr_vcpus, unsigned int levels);
/* The target goes with it. */
void image_free(struct guest_image *g);

/* Points a vCPU's registers to a root table. */
void image_set_vcpu(struct guest_image *g, size_t vcpu, uint64_t cr3, bool user);

/* A further, empty root; image_map() and image_write() use g->pt. */
uint64_t image_new_root(struct guest_image *g);

/* Maps one page of 4 KiB or 2 MiB; flags are PG_*. */
void image_map(struct guest_image *g, uint64_t va, uint64_t pa, uint64_t size, unsigned int flags);

/* Maps fresh, zeroed, consecutive pages for [va, va + len), 4 KiB each. */
void image_alloc(struct guest_image *g, uint64_t va, uint64_t len, unsigned int flags);

/* Writes through the page table; aborts where nothing is mapped. */
void image_write(struct guest_image *g, uint64_t va, const void *data, size_t len);
void image_put64(struct guest_image *g, uint64_t va, uint64_t v);
void image_put32(struct guest_image *g, uint64_t va, uint32_t v);

#endif
