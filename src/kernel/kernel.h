/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A Linux kernel found in the memory of a stopped machine, from nothing but registers: its image,
 * symbols, types, CPUs.  Everything above reads the guest through this.
 */
#ifndef FDGDB_KERNEL_H
#define FDGDB_KERNEL_H

#include "arch/arch.h"
#include "btf/layout.h"
#include "btf/types.h"
#include "kernel/symbols.h"

struct kernel_tlb;
struct container_layout;
struct modules;
struct codes;

struct kernel {
	struct target *target;
	struct mem *mem;
	const struct arch *arch;
	struct pgtable pt;
	size_t pt_vcpu;	       /* whose page table it is */
	bool kpti;	       /* the vCPU was found with its user half */
	struct kernel_tlb *tlb;
	struct container_layout *containers;

	struct kva text;    /* _text */
	uint64_t phys_base; /* of the image: pa = va - image_start + phys_base */
	uint64_t slide;	    /* KASLR: runtime minus link-time address */
	struct kva rodata;  /* the read-only, non-executable run */
	uint64_t rodata_len;

	char *banner;	   /* linux_banner without its newline */
	char *release;	   /* "6.18.15+deb13-cloud-amd64" */
	uint8_t build_id[20];
	size_t build_id_len; /* 0: not found */

	struct symbols *symbols;
	struct types *types; /* vmlinux BTF */
	struct modules *modules; /* NULL until kmodules() */
	struct codes *codes;	 /* NULL until ksymbolize() needs them */

	struct missing *lacking; /* "bpf_map.name": members that klayout() found to be absent */

	char *cpus_why;	     /* NULL, or why nothing is known about CPUs: nr_cpu_ids is 0 then */
	uint32_t nr_cpu_ids;
	uint64_t *percpu_off;	     /* [nr_cpu_ids]: __per_cpu_offset[] */
	bool *possible, *online;     /* [nr_cpu_ids] */
	uint64_t page_offset, vmemmap; /* page_offset_base, vmemmap_base; 0 if unknown */
	uint32_t hz;		     /* CONFIG_HZ; 0 if unknown */
};

/*
 * Looks at every vCPU until a kernel is found.  ERR_NOT_LINUX: none, with the cause as far as it
 * can be told (firmware, user half only, dump without kernel, no BTF).  ERR_UNSUPPORTED: another
 * architecture.  A kernel in early boot is found too; what it has not set up yet is unknown then.
 */
struct err *kernel_find(struct target *t, struct mem *mem, struct kernel **ret) MUST_CHECK;
void kernel_destroy(struct kernel *k);

/* ---- Reading.  ERR_FAULT with the first virtual address that cannot be read, page by page. */

struct err *kread(struct kernel *k, struct kva addr, void *buf, size_t len) MUST_CHECK;
struct err *kread_u8(struct kernel *k, struct kva addr, uint8_t *ret) MUST_CHECK;
struct err *kread_u32(struct kernel *k, struct kva addr, uint32_t *ret) MUST_CHECK;
struct err *kread_u64(struct kernel *k, struct kva addr, uint64_t *ret) MUST_CHECK;
struct err *kread_kva(struct kernel *k, struct kva addr, struct kva *ret) MUST_CHECK;

/* How many of the len bytes could be read from the start on. */
size_t kread_some(struct kernel *k, struct kva addr, void *buf, size_t len);

/* A NUL-ended string of less than `size` bytes, cut there if longer; buf is always ended. */
struct err *kread_str(struct kernel *k, struct kva addr, char *buf, size_t size) MUST_CHECK;

/*
 * A member of the object at obj: extended to 64 bits, up to 8 bytes wide.  ERR_MISSING for a member
 * that this kernel lacks.
 */
struct err *kget(struct kernel *k, struct kva obj, const struct member *m, uint64_t *ret) MUST_CHECK;
struct err *kget_kva(struct kernel *k, struct kva obj, const struct member *m,
		     struct kva *ret) MUST_CHECK;
/* A char array member, always ended by NUL: at most size - 1 bytes. */
struct err *kget_str(struct kernel *k, struct kva obj, const struct member *m, char *buf,
		     size_t size) MUST_CHECK;
/* Address of the member; the member must be present. */
static inline struct kva kmember(struct kva obj, const struct member *m)
{
	return (struct kva){ obj.v + m->off };
}

/* Makes the pages behind these ranges present in one or few batches; silent about what is not there. */
struct krange {
	struct kva addr;
	size_t len;
};
void kprefetch(struct kernel *k, const struct krange *ranges, size_t nr);

/* Physical address; ERR_FAULT. */
struct err *ktranslate(struct kernel *k, struct kva addr, struct gpa *ret) MUST_CHECK;

/* ---- Names */

/* Runtime address of a symbol, exact name; ERR_MISSING. */
struct err *ksym(const struct kernel *k, const char *name, struct kva *ret) MUST_CHECK;
bool khas_sym(const struct kernel *k, const char *name);

/*
 * Address of a per-CPU object on a CPU: of a static per-CPU symbol's value or a __percpu pointer
 * alike, in all versions (see percpu.c).  ERR_FAULT for a CPU that is not possible.
 */
struct err *kpercpu(const struct kernel *k, struct kva sym_or_ptr, uint32_t cpu,
		    struct kva *ret) MUST_CHECK;
/* Static per-CPU variable by name on a CPU. */
struct err *kpercpu_sym(const struct kernel *k, const char *name, uint32_t cpu,
			struct kva *ret) MUST_CHECK;

/*
 * A struct or union of vmlinux BTF: resolves a group of members; names absentees in `missing` (may be
 * NULL), and those of structs that are there in ->lacking.
 */
struct err *klayout(const struct kernel *k, const struct layout_member *members, size_t nr,
		    void *layout, struct missing *missing) MUST_CHECK;

/* Enumerator of any enum of vmlinux BTF: kenum(k, "scx_ent_flags", "SCX_TASK_QUEUED", &v). */
struct err *kenum(const struct kernel *k, const char *type, const char *name,
		  int64_t *ret) MUST_CHECK;

/*
 * Letters of the TAINT_* bits set, as an oops prints them ("POE"), from the pool; NULL for no bits.  '?'
 * for a bit that this kernel has no letter for.
 */
struct pool;
struct err *ktaint_letters(struct kernel *k, uint64_t bits, struct pool *pool,
			   const char **ret) MUST_CHECK;

/* The CPU a vCPU is, by its per-CPU base; ERR_MISSING if that matches none. */
struct err *kvcpu_cpu(const struct kernel *k, size_t vcpu, uint32_t *ret) MUST_CHECK;

#endif
