/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <string.h>

#include "arch/arch.h"
#include "fake-target.h"

enum { P = 1, W = 2, U = 4, PS = 0x80 };
static const uint64_t NX = 1ull << 63;

struct guest {
	struct fake_target *ft;
	struct mem *mem;
};

static struct guest guest_new(size_t vcpus)
{
	struct guest g = { .ft = fake_target_new(vcpus) };

	fake_target_add_ram(g.ft, 0, 0x200000);
	ASSERT_OK(mem_create(&g.ft->t, &g.mem));
	return g;
}

static void guest_free(struct guest *g)
{
	mem_destroy(g->mem);
	target_destroy(&g->ft->t);
}

static void entry(struct guest *g, uint64_t table, unsigned int i, uint64_t value)
{
	fake_target_put64(g->ft, table + 8 * i, value);
}

static void regs(struct guest *g, size_t vcpu, uint64_t cr0, uint64_t cr3, uint64_t cr4,
		 uint64_t efer, uint64_t cs)
{
	fake_target_set_reg(g->ft, vcpu, "rip", 0);
	fake_target_set_reg(g->ft, vcpu, "cr0", cr0);
	fake_target_set_reg(g->ft, vcpu, "cr3", cr3);
	fake_target_set_reg(g->ft, vcpu, "cr4", cr4);
	fake_target_set_reg(g->ft, vcpu, "efer", efer);
	fake_target_set_reg(g->ft, vcpu, "cs", cs);
}

/* 0xffffffff81000000 is 511/510/8/0, 0xffff888000000000 is 273/0/0/0. */
static void four_levels(struct guest *g)
{
	entry(g, 0x1000, 511, 0x2000 | P | W);
	entry(g, 0x2000, 510, 0x3000 | P | W);
	entry(g, 0x3000, 8, 0x40000000 | P | PS);		 /* 2 MiB, read-only, executable */
	entry(g, 0x3000, 9, 0x40200000 | P | PS | W | NX | 1 << 12); /* PAT is no address */
	entry(g, 0x3000, 10, 0x4000 | P | W);
	entry(g, 0x4000, 3, 0x50003000 | P | NX);
	entry(g, 0x4000, 4, 0x50004000);			  /* not present */
	entry(g, 0x1000, 273, 0x5000 | P | W | U);
	entry(g, 0x5000, 0, 0x80000000 | P | W | PS | NX);	  /* 1 GiB */
}

static void test_translate(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt = { { 0x1000 }, 4 };
	struct gpa pa;
	uint64_t len;

	four_levels(&g);
	ASSERT_OK(arch_x86_64.translate(g.mem, &pt, 0xffffffff81012345, &pa, &len));
	CU_ASSERT_EQUAL(pa.v, 0x40012345);
	CU_ASSERT_EQUAL(len, 0x200000 - 0x12345);
	ASSERT_OK(arch_x86_64.translate(g.mem, &pt, 0xffffffff81200001, &pa, &len));
	CU_ASSERT_EQUAL(pa.v, 0x40200001);
	ASSERT_OK(arch_x86_64.translate(g.mem, &pt, 0xffffffff81403fff, &pa, &len));
	CU_ASSERT_EQUAL(pa.v, 0x50003fff);
	CU_ASSERT_EQUAL(len, 1);
	ASSERT_OK(arch_x86_64.translate(g.mem, &pt, 0xffff888012345678, &pa, &len));
	CU_ASSERT_EQUAL(pa.v, 0x92345678);
	CU_ASSERT_EQUAL(len, 0x40000000 - 0x12345678);

	struct err *e = arch_x86_64.translate(g.mem, &pt, 0xffffffff81404000, &pa, &len);
	CU_ASSERT_EQUAL(e->addr, 0xffffffff81404000);
	ASSERT_ERR(e, ERR_FAULT, "not mapped");
	ASSERT_ERR(arch_x86_64.translate(g.mem, &pt, 0, &pa, &len), ERR_FAULT, "not mapped");
	ASSERT_ERR(arch_x86_64.translate(g.mem, &pt, 0x0000800000000000, &pa, &len), ERR_FAULT,
		   "canonical");
	ASSERT_ERR(arch_x86_64.translate(g.mem, &pt, 0xff11000000000000, &pa, &len), ERR_FAULT,
		   "canonical");
	guest_free(&g);
}

static void test_five_levels(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt = { { 0x8000 }, 5 };
	struct gpa pa;
	uint64_t len;

	four_levels(&g);
	entry(&g, 0x8000, 511, 0x1000 | P | W);
	ASSERT_OK(arch_x86_64.translate(g.mem, &pt, 0xffffffff81000010, &pa, &len));
	CU_ASSERT_EQUAL(pa.v, 0x40000010);
	ASSERT_ERR(arch_x86_64.translate(g.mem, &pt, 0xff11000000000000, &pa, &len), ERR_FAULT,
		   "not mapped");
	ASSERT_ERR(arch_x86_64.translate(g.mem, &pt, 0x0100000000000000, &pa, &len), ERR_FAULT,
		   "canonical");
	guest_free(&g);
}

/* A huge bit where the processor has no huge pages is no mapping, nor a table. */
static void test_reserved(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt = { { 0x1000 }, 4 };
	struct gpa pa;
	uint64_t len;

	entry(&g, 0x1000, 511, 0x2000 | P | W | PS);
	ASSERT_ERR(arch_x86_64.translate(g.mem, &pt, 0xffffffff81000000, &pa, &len), ERR_FAULT,
		   "not mapped");
	guest_free(&g);
}

static void test_unreadable(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt = { { 0x1000 }, 4 };
	struct gpa pa;
	uint64_t len;

	entry(&g, 0x1000, 511, 0x7000000 | P | W); /* not in RAM */
	struct err *e = arch_x86_64.translate(g.mem, &pt, 0xffffffff81000000, &pa, &len);
	CU_ASSERT_EQUAL(e->addr, 0xffffffff81000000);
	ASSERT_ERR(e, ERR_FAULT, "page table at 0x7000000");
	guest_free(&g);
}

struct seen {
	struct mapping m[64];
	size_t nr, stop_at;
};

static bool record(void *ctx, const struct mapping *m)
{
	struct seen *s = ctx;

	if (s->nr < ARRAY_SIZE(s->m))
		s->m[s->nr] = *m;
	return ++s->nr != s->stop_at;
}

static void check(const struct mapping *m, uint64_t va, uint64_t pa, uint64_t len,
		  unsigned int flags)
{
	CU_ASSERT_EQUAL(m->va, va);
	CU_ASSERT_EQUAL(m->pa, pa);
	CU_ASSERT_EQUAL(m->len, len);
	CU_ASSERT_EQUAL(m->flags, flags);
}

static void test_walk(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt = { { 0x1000 }, 4 };
	struct seen s = { 0 };
	size_t unreadable;

	four_levels(&g);
	entry(&g, 0x3000, 11, 0x9000000 | P | W); /* a table that is not there */
	entry(&g, 0x1000, 0, 0x6000 | P | W | U);
	entry(&g, 0x6000, 0, 0 | P | W | U | PS);
	ASSERT_OK(arch_x86_64.walk(g.mem, &pt, 0, 0, record, &s, &unreadable));
	CU_ASSERT_EQUAL_FATAL(s.nr, 5);
	check(&s.m[0], 0, 0, 1 << 30, PG_WRITE | PG_EXEC | PG_USER);
	check(&s.m[1], 0xffff888000000000, 0x80000000, 1 << 30, PG_WRITE);
	check(&s.m[2], 0xffffffff81000000, 0x40000000, 2 << 20, PG_EXEC);
	check(&s.m[3], 0xffffffff81200000, 0x40200000, 2 << 20, PG_WRITE);
	check(&s.m[4], 0xffffffff81403000, 0x50003000, 4096, 0);
	CU_ASSERT_EQUAL(unreadable, 1);

	s = (struct seen){ 0 };
	ASSERT_OK(arch_x86_64.walk(g.mem, &pt, 0xffffffff81200000, 0xffffffff81403000, record, &s,
				   NULL));
	CU_ASSERT_EQUAL(s.nr, 1);
	s = (struct seen){ .stop_at = 2 };
	ASSERT_OK(arch_x86_64.walk(g.mem, &pt, 0, 0, record, &s, NULL));
	CU_ASSERT_EQUAL(s.nr, 2);
	s = (struct seen){ 0 };
	ASSERT_OK(arch_x86_64.walk(g.mem, &pt, 0x0000900000000000, 0xffff000000000000, record, &s,
				   NULL));
	CU_ASSERT_EQUAL(s.nr, 0);

	/* The last page of the address space. */
	entry(&g, 0x2000, 511, 0x7000 | P | W);
	entry(&g, 0x7000, 511, 0x40400000 | P | PS);
	s = (struct seen){ 0 };
	mem_destroy(g.mem);
	ASSERT_OK(mem_create(&g.ft->t, &g.mem));
	ASSERT_OK(arch_x86_64.walk(g.mem, &pt, 0xffffffffffe00000, 0, record, &s, NULL));
	CU_ASSERT_EQUAL(s.nr, 1);
	check(&s.m[0], 0xffffffffffe00000, 0x40400000, 2 << 20, PG_EXEC);
	guest_free(&g);
}

/* A table that refers to itself ends at the lowest level, and the whole walk at a budget. */
static void test_self_reference(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt = { { 0x1000 }, 4 };
	struct seen s = { 0 };
	struct gpa pa;
	uint64_t len;

	entry(&g, 0x1000, 511, 0x1000 | P | W);
	ASSERT_OK(arch_x86_64.translate(g.mem, &pt, 0xfffffffffffff123, &pa, &len));
	CU_ASSERT_EQUAL(pa.v, 0x1123);
	ASSERT_OK(arch_x86_64.walk(g.mem, &pt, 0, 0, record, &s, NULL));
	CU_ASSERT_EQUAL(s.nr, 1);

	for (unsigned int i = 0; i < 512; i++)
		entry(&g, 0x9000, i, 0x9000 | P | W);
	pt.root.v = 0x9000;
	ASSERT_ERR(arch_x86_64.walk(g.mem, &pt, 0, 0, record, &s, NULL), ERR_LIMIT, "page tables");
	guest_free(&g);
}

static const uint64_t PAGING = 0x80050033, LONG = 0xd01;

static void test_pgtable(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt;

	/* PCID and flags are no address; bit 12 may be one, or KPTI's user half. */
	regs(&g, 0, PAGING, 0x8000000012345a03, 0x6f0, LONG, 0x10);
	ASSERT_OK(arch_x86_64.pgtable(&g.ft->t, 0, 0, &pt));
	CU_ASSERT_EQUAL(pt.root.v, 0x12345000);
	CU_ASSERT_EQUAL(pt.levels, 4);
	ASSERT_OK(arch_x86_64.pgtable(&g.ft->t, 0, 1, &pt));
	CU_ASSERT_EQUAL(pt.root.v, 0x12344000);
	ASSERT_ERR(arch_x86_64.pgtable(&g.ft->t, 0, 2, &pt), ERR_MISSING, NULL);

	regs(&g, 0, PAGING, 0x12344000, 0x16f0, LONG, 0x10);
	ASSERT_OK(arch_x86_64.pgtable(&g.ft->t, 0, 0, &pt));
	CU_ASSERT_EQUAL(pt.levels, 5);
	ASSERT_ERR(arch_x86_64.pgtable(&g.ft->t, 0, 1, &pt), ERR_MISSING, NULL);
	guest_free(&g);
}

static void test_modes(void)
{
	struct guest g = guest_new(1);
	struct pgtable pt;

	regs(&g, 0, 0x60000010, 0, 0, 0, 0xf000);
	ASSERT_ERR(arch_x86_64.pgtable(&g.ft->t, 0, 0, &pt), ERR_NOT_LINUX, "real mode");
	regs(&g, 0, 0x11, 0, 0, 0, 8);
	ASSERT_ERR(arch_x86_64.pgtable(&g.ft->t, 0, 0, &pt), ERR_NOT_LINUX, "without paging");
	regs(&g, 0, PAGING, 0x1000, 0, 0, 8);
	ASSERT_ERR(arch_x86_64.pgtable(&g.ft->t, 0, 0, &pt), ERR_NOT_LINUX, "32-bit");
	regs(&g, 0, PAGING, 0x1000, 0x20, 0x800, 8);
	ASSERT_ERR(arch_x86_64.pgtable(&g.ft->t, 0, 0, &pt), ERR_NOT_LINUX, "32-bit");
	guest_free(&g);

	/* QEMU's dumps have no EFER. */
	g = guest_new(1);
	fake_target_set_reg(g.ft, 0, "cr3", 0x1000);
	fake_target_set_reg(g.ft, 0, "cr4", 0x6f0);
	ASSERT_OK(arch_x86_64.pgtable(&g.ft->t, 0, 0, &pt));
	guest_free(&g);
}

static void test_percpu_base(void)
{
	struct guest g = guest_new(1);
	uint64_t base;
	bool kernel;

	regs(&g, 0, PAGING, 0x1000, 0x6f0, LONG, 0x33);
	fake_target_set_reg(g.ft, 0, "gs_base", 0x7f00);
	fake_target_set_reg(g.ft, 0, "k_gs_base", 0xffff88803fc00000);
	ASSERT_OK(arch_x86_64.in_kernel(&g.ft->t, 0, &kernel));
	CU_ASSERT_FALSE(kernel);
	ASSERT_OK(arch_x86_64.percpu_base(&g.ft->t, 0, 0, &base));
	CU_ASSERT_EQUAL(base, 0xffff88803fc00000);
	ASSERT_OK(arch_x86_64.percpu_base(&g.ft->t, 0, 1, &base));
	CU_ASSERT_EQUAL(base, 0x7f00);
	ASSERT_ERR(arch_x86_64.percpu_base(&g.ft->t, 0, 2, &base), ERR_MISSING, NULL);
	fake_target_set_reg(g.ft, 0, "cs", 0x10);
	ASSERT_OK(arch_x86_64.in_kernel(&g.ft->t, 0, &kernel));
	CU_ASSERT_TRUE(kernel);
	ASSERT_OK(arch_x86_64.percpu_base(&g.ft->t, 0, 0, &base));
	CU_ASSERT_EQUAL(base, 0x7f00);
	guest_free(&g);
}

static void test_detect(void)
{
	struct guest g = guest_new(2);
	const struct arch *arch = NULL;

	fake_target_no_regs(g.ft, 0, "time-out");
	fake_target_no_regs(g.ft, 1, "time-out");
	ASSERT_ERR(arch_detect(&g.ft->t, &arch), ERR_UNSUPPORTED, "time-out");
	fake_target_set_reg(g.ft, 1, "rip", 0);
	ASSERT_OK(arch_detect(&g.ft->t, &arch));
	CU_ASSERT_STRING_EQUAL(arch->name, "x86_64");
	guest_free(&g);

	g = guest_new(1);
	fake_target_set_reg(g.ft, 0, "pc", 0);
	fake_target_set_reg(g.ft, 0, "cpsr", 0);
	ASSERT_ERR(arch_detect(&g.ft->t, &arch), ERR_UNSUPPORTED, "arm64");
	guest_free(&g);
	g = guest_new(1);
	fake_target_set_reg(g.ft, 0, "eip", 0);
	ASSERT_ERR(arch_detect(&g.ft->t, &arch), ERR_UNSUPPORTED, "32-bit x86");
	guest_free(&g);
}

UNIT_MAIN("x86-64", { "translation and huge pages", test_translate },
	  { "five levels", test_five_levels }, { "reserved huge pages", test_reserved },
	  { "tables that are not there", test_unreadable }, { "walk", test_walk },
	  { "self reference", test_self_reference }, { "CR3 and CR4", test_pgtable },
	  { "firmware and other modes", test_modes }, { "per-CPU base", test_percpu_base },
	  { "which architecture", test_detect })
