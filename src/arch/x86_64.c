/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "arch/x86_64.h"

#include <inttypes.h>
#include <string.h>

#include "arch/unwind.h"

static const uint64_t CR0_PE = 1 << 0, CR0_PG = 1ull << 31, CR4_PAE = 1 << 5, CR4_LA57 = 1 << 12,
		      EFER_LMA = 1 << 10;

/*
 * Bits of CR3 that are the address: below are PCID and flags, above LAM's and no-flush.  With KPTI
 * the tables of a process are a pair, and the user's one is the kernel's plus 4096
 * (PTI_USER_PGTABLE_BIT); without, bit 12 is an ordinary bit of the address.
 */
static const uint64_t CR3_ADDR = 0x000ffffffffff000, PTI_USER = 1 << 12;

static struct err *need_long_mode(const struct target *t, size_t vcpu, uint64_t cr4)
{
	uint64_t cr0, efer;
	struct err *e = target_reg(t, vcpu, "cr0", &cr0);

	if (e) {
		err_free(e); /* not every kind of core has it; the rest says enough */
		cr0 = CR0_PE | CR0_PG;
	}
	if (!(cr0 & CR0_PE))
		return err_new(ERR_NOT_LINUX,
			       "vCPU %zu is in real mode: firmware, a boot loader, or not started yet",
			       vcpu);
	if (!(cr0 & CR0_PG))
		return err_new(ERR_NOT_LINUX,
			       "vCPU %zu runs without paging: firmware or early boot", vcpu);

	/* QEMU's dumps leave EFER out; 64-bit mode needs PAE, and who has PAE has long mode. */
	e = target_reg(t, vcpu, "efer", &efer);
	if (e) {
		err_free(e);
		efer = cr4 & CR4_PAE ? EFER_LMA : 0;
	}
	if (!(cr4 & CR4_PAE) || !(efer & EFER_LMA))
		return err_new(ERR_NOT_LINUX,
			       "vCPU %zu is in 32-bit mode: firmware, a boot loader or a 32-bit kernel",
			       vcpu);
	return NULL;
}

static struct err *x86_64_pgtable(const struct target *t, size_t vcpu, unsigned int alternative,
				  struct pgtable *ret)
{
	uint64_t cr3, cr4;

	TRY(target_reg(t, vcpu, "cr3", &cr3));
	TRY(target_reg(t, vcpu, "cr4", &cr4));
	TRY(need_long_mode(t, vcpu, cr4));

	uint64_t root = cr3 & CR3_ADDR;
	if (alternative == 1 && (root & PTI_USER))
		root &= ~PTI_USER;
	else if (alternative > 0)
		return err_new(ERR_MISSING, "vCPU %zu has no further page tables", vcpu);
	*ret = (struct pgtable){
		.root = { root },
		.levels = cr4 & CR4_LA57 ? 5 : 4,
	};
	return NULL;
}

static struct err *x86_64_in_kernel(const struct target *t, size_t vcpu, bool *ret)
{
	uint64_t cs;

	TRY(target_reg(t, vcpu, "cs", &cs));
	*ret = (cs & 3) == 0;
	return NULL;
}

static struct err *x86_64_percpu_base(const struct target *t, size_t vcpu, unsigned int alternative,
				      uint64_t *ret)
{
	bool kernel;

	if (alternative > 1)
		return err_new(ERR_MISSING, "vCPU %zu has no further per-CPU bases", vcpu);
	TRY(x86_64_in_kernel(t, vcpu, &kernel));
	/* Between the kernel's entry and its swapgs (and in NMIs) the two are the other way round. */
	if (alternative)
		kernel = !kernel;
	return target_reg(t, vcpu, kernel ? "gs_base" : "k_gs_base", ret);
}

static bool x86_64_waits(const uint8_t before[ARCH_WAIT_LEN])
{
	static const uint8_t mwait[] = { 0x0f, 0x01, 0xc9 }, mwaitx[] = { 0x0f, 0x01, 0xfb };
	enum { HLT = 0xf4 };

	return before[2] == HLT || !memcmp(before, mwait, sizeof(mwait)) ||
	       !memcmp(before, mwaitx, sizeof(mwaitx));
}

static const char *const dwarf_regs[] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static const char *const regs[] = {
	"rax", "rbx", "rcx", "rdx", "rsi",    "rdi", "rbp", "rsp",     "r8",	   "r9",	"r10",
	"r11", "r12", "r13", "r14", "r15",    "rip", "eflags", "cs",   "ss",	   "ds",	"es",
	"fs",  "gs",  "fs_base", "gs_base", "k_gs_base", "cr0", "cr2", "cr3", "cr4",
};

const struct arch arch_x86_64 = {
	.name = "x86_64",
	.pgtable = x86_64_pgtable,
	.translate = x86_64_translate,
	.walk = x86_64_walk,
	.image_start = 0xffffffff80000000, /* __START_KERNEL_map */
	.image_end = 0xffffffffc0000000,   /* KERNEL_IMAGE_SIZE: 1 GiB with KASLR, 512 MiB without */
	.image_link = 0xffffffff81000000,  /* CONFIG_PHYSICAL_START of 16 MiB, the default */
	.ip = "rip",
	.sp = "rsp",
	.ptroot = "cr3",
	.regs = regs,
	.nr_regs = ARRAY_SIZE(regs),
	.dwarf_regs = dwarf_regs,
	.nr_dwarf_regs = ARRAY_SIZE(dwarf_regs),
	.dwarf_arg = 5, /* rdi */
	.in_kernel = x86_64_in_kernel,
	.percpu_base = x86_64_percpu_base,
	.waits = x86_64_waits,
	.unwind = &unwind_x86_64,
};
