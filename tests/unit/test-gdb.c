/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live target on the fake stub, and the RAM ranges it takes from QEMU's monitor. */
#include "config.h"

#include "target/gdb.h"

#include <stdlib.h>

#include "fake-stub.h"
#include "target/mtree.h"
#include "unit.h"

/* As QEMU 7.2 prints it for -m 6G; shortened. */
static const char qemu_6g[] =
	"FlatView #0\r\n AS \"I/O\", root: io\r\n Root memory region: io\r\n"
	"  0000000000000000-0000000000000007 (prio 0, i/o): dma-chan\r\n"
	"\r\n"
	"FlatView #1\r\n AS \"memory\", root: system\r\n AS \"cpu-memory-0\", root: system\r\n"
	" AS \"cpu-memory-1\", root: system\r\n Root memory region: system\r\n"
	"  0000000000000000-000000000009ffff (prio 0, ram): pc.ram\r\n"
	"  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem\r\n"
	"  00000000000c0000-00000000000e7fff (prio 0, rom): pc.ram @00000000000c0000\r\n"
	"  00000000000e8000-00000000bfffffff (prio 0, ram): pc.ram @00000000000e8000 KVM\r\n"
	"  00000000fd000000-00000000fdffffff (prio 1, ramd): a passed-through device\r\n"
	"  00000000fe000000-00000000fe0007ff (prio 1, ram): less than a page\r\n"
	"  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic\r\n"
	"  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios\r\n"
	"  0000000100000000-00000001bfffffff (prio 0, ram): pc.ram @00000000c0000000\r\n"
	"  00000001c0000000-00000001c0ffffff (prio 0, nv-ram): pmem\r\n"
	"\r\n"
	"FlatView #2\r\n AS \"cpu-smm-0\", root: smm\r\n"
	"  0000000000000000-00000000ffffffff (prio 0, ram): smram\r\n";

static void test_mtree(void)
{
	static const struct ram_range want[] = { { 0, 0xa0000 },
						 { 0xc0000, 0xc0000000 },
						 { 0xfffc0000, 0x1c1000000 } };
	struct ram_range *ram = NULL;
	size_t nr = 0;

	ASSERT_OK(mtree_ram(qemu_6g, &ram, &nr));
	CU_ASSERT_EQUAL(nr, ARRAY_SIZE(want));
	for (size_t i = 0; i < nr && i < ARRAY_SIZE(want); i++) {
		CU_ASSERT_EQUAL(ram[i].start, want[i].start);
		CU_ASSERT_EQUAL(ram[i].end, want[i].end);
	}
	free(ram);
}

static void test_mtree_odd(void)
{
	struct ram_range *ram = NULL;
	size_t nr = 0;

	/* Only the common view; out of order; overlapping. */
	ASSERT_OK(mtree_ram("FlatView #0\n AS \"memory\", root: system\n"
			    "  0000000000004000-0000000000007fff (prio 0, ram): b\n"
			    "  0000000000000800-00000000000047ff (prio 0, ram): a\n",
			    &ram, &nr));
	CU_ASSERT(nr == 1 && ram[0].start == 0x1000 && ram[0].end == 0x8000);
	free(ram);
	ASSERT_ERR(mtree_ram("", &ram, &nr), ERR_MISSING, "no address space");
	ASSERT_ERR(mtree_ram("unknown command: 'info mtree'\n", &ram, &nr), ERR_MISSING, "no address");
	ASSERT_ERR(mtree_ram("FlatView #0\n AS \"memory\"\n  No rendered FlatView\n", &ram, &nr),
		   ERR_MISSING, "no RAM");
	ASSERT_ERR(mtree_ram("FlatView #0\n AS \"memory\"\n"
			     "  0000000000001000-0000000000000fff (prio 0, ram): x\n",
			     &ram, &nr),
		   ERR_CORRUPT, "RAM from");
	ASSERT_ERR(mtree_ram("FlatView #0\n AS \"memory\"\n"
			     "  0000000000001000-ffffffffffffffff (prio 0, ram): x\n",
			     &ram, &nr),
		   ERR_CORRUPT, "RAM from");
}

static void test_target(void)
{
	static uint8_t low[0x8000], high[0x4000];
	static uint8_t regs[2][FAKE_REGS];
	const struct fake_segment segments[] = { { 0, low, sizeof(low) },
						 { 0x100000000, high, sizeof(high) } };
	const struct fake_opts o = { .segments = segments, .nr_segments = 2, .regs = regs };
	struct target *t = NULL;
	struct target_stats stats;
	uint64_t v = 0;

	memset(low, 0x11, sizeof(low));
	memset(high, 0x22, sizeof(high));
	CU_ASSERT(fake_set_reg(regs[1], "cr3", 0x123456789abcd000));
	CU_ASSERT(fake_set_reg(regs[1], "eflags", 0x246));

	struct fake *f = fake_start(&o);
	ASSERT_OK(gdb_open(fake_target(f), NULL, &t));
	CU_ASSERT_STRING_EQUAL(t->name, fake_target(f));
	CU_ASSERT(t->ops->live);
	CU_ASSERT_EQUAL(t->nr_vcpus, 2);
	ASSERT_OK(target_reg(t, 1, "cr3", &v));
	CU_ASSERT_EQUAL(v, 0x123456789abcd000);
	ASSERT_OK(target_reg(t, 1, "eflags", &v));
	CU_ASSERT_EQUAL(v, 0x246);
	ASSERT_ERR(target_reg(t, 1, "xmm0", &v), ERR_MISSING, "xmm0");
	CU_ASSERT_EQUAL(t->nr_ram, 2);
	CU_ASSERT_EQUAL(t->ram[1].start, 0x100000000);
	CU_ASSERT_EQUAL(t->ram[1].end, 0x100004000);
	CU_ASSERT_PTR_NULL(t->note);

	uint8_t a[4096], b[4096], c[4096];
	struct target_read r[] = {
		{ { 0x7000 }, 4096, a, false },
		{ { 0xfee00000 }, 4096, b, true }, /* a device; 7.2 would read it */
		{ { 0x100003000 }, 4096, c, false },
	};
	unsigned long before = fake_nr_reads(f);
	ASSERT_OK(t->ops->read(t, r, 3));
	CU_ASSERT(r[0].ok && a[0] == 0x11 && a[4095] == 0x11);
	CU_ASSERT(!r[1].ok);
	CU_ASSERT(r[2].ok && c[0] == 0x22 && c[4095] == 0x22);
	CU_ASSERT_EQUAL(fake_nr_reads(f) - before, 4);
	ASSERT_OK(t->ops->release(t, false));
	CU_ASSERT(fake_restored(f));
	ASSERT_ERR(t->ops->read(t, r, 1), ERR_LOST, "let go");
	t->ops->stats(t, &stats);
	CU_ASSERT_EQUAL(stats.bytes, 8192);
	CU_ASSERT(stats.pause_us > 0);
	target_destroy(t);
	CU_ASSERT(fake_ended_well(f));
	CU_ASSERT_EQUAL(fake_forbidden(f), 0);
	fake_stop(f);
}

static void test_halted(void)
{
	static uint8_t low[0x1000];
	const struct fake_segment segments[] = { { 0, low, sizeof(low) } };
	const struct fake_opts o = { .segments = segments,
				     .nr_segments = 1,
				     .status = "paused (guest-panicked)" };
	struct fake *f = fake_start(&o);
	struct target *t = NULL;

	ASSERT_OK(gdb_open(fake_target(f), NULL, &t));
	CU_ASSERT_STRING_EQUAL(t->note, "the guest had halted before: paused (guest-panicked)");
	target_destroy(t);
	CU_ASSERT(!fake_is_running(f));
	CU_ASSERT(!fake_is_physical(f));
	fake_stop(f);
}

static void test_no_ram(void)
{
	const struct fake_opts o = { 0 };
	struct fake *f = fake_start(&o);
	struct target *t = NULL;

	ASSERT_ERR(gdb_open(fake_target(f), NULL, &t), ERR_UNSUPPORTED, "which addresses are RAM");
	CU_ASSERT(fake_restored(f));
	fake_stop(f);
}

UNIT_MAIN("gdb", { "RAM ranges", test_mtree }, { "odd RAM ranges", test_mtree_odd },
	  { "a target", test_target }, { "halted before", test_halted },
	  { "no RAM ranges", test_no_ram })
