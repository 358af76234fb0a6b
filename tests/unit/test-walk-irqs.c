/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interrupts: on an image of four CPUs, the third not possible. */
#include "config.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "unit.h"
#include "walk/walk.h"

enum {
	CPUS = 4,
	NOT_POSSIBLE = 2,
	/* struct irq_desc */
	D_STATE = 0, D_IRQ = 12, D_HWIRQ = 16, D_CHIP = 24, D_KSTAT = 32, D_ACTION = 40, D_ISTATE = 48, D_DEPTH = 52,
	D_SEEN = 56, D_UNHANDLED = 60, D_THREADS = 64, D_SIZE = 128,
	/* struct irqaction */
	A_NEXT = 8, A_NAME = 16,
	/* struct irqstat */
	S_CNT = 4,
};

static const uint64_t vars = 0xffffffff9d400000, percpu = 0xffffffff9d600000,
		      percpu_base = 0xffff888dd0000000 - 0xffffffff9d600000, stride = 0x10000,
		      descs = 0xffff888004000000, objs = 0xffff888005000000;

/* Which kernel it is. */
struct kind {
	bool radix;   /* up to 6.4 */
	bool numbers; /* up to 6.9: kstat_irqs is no struct */
	bool array;   /* 7.2: irq_stat counts in one */
	const char *drop;
};

struct image {
	struct fake_kernel *fk;
	struct report *r;
	struct kind kind;
};

static void put(struct image *im, uint64_t at, uint64_t v, size_t n)
{
	fake_kernel_write(im->fk, at, &v, n);
}

static int add_struct(struct image *im, const char *type, size_t size, const struct fake_field *fields, size_t nr)
{
	struct fake_field kept[16];
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		if (!im->kind.drop || strcmp(im->kind.drop, fields[i].name) != 0)
			kept[n++] = fields[i];
	}
	return fake_kernel_struct(im->fk, type, size, kept, n);
}

#define STRUCT(type, size, ...)                                                                    \
	add_struct(im, type, size, (const struct fake_field[]){ __VA_ARGS__ },                     \
		   sizeof((const struct fake_field[]){ __VA_ARGS__ }) / sizeof(struct fake_field))

static void add_types(struct image *im)
{
	struct fake_kernel *fk = im->fk;
	int u32 = fk->u32, u64 = fk->u64, ptr = fk->ptr;

	int common = STRUCT("irq_common_data", 8, { "state_use_accessors", u32, 0 });
	int atomic = STRUCT("atomic", 4, { "counter", u32, 0 });
	int irq_data = STRUCT("irq_data", 24, { "irq", u32, 4 }, { "hwirq", u64, 8 }, { "chip", ptr, 16 });
	STRUCT("irq_desc", D_SIZE, { "irq_common_data", common, D_STATE }, { "irq_data", irq_data, D_IRQ - 4 },
	       { "kstat_irqs", ptr, D_KSTAT }, { "action", ptr, D_ACTION },
	       { "core_internal_state__do_not_mess_with_it", u32, D_ISTATE }, { "depth", u32, D_DEPTH },
	       { "irq_count", u32, D_SEEN }, { "irqs_unhandled", u32, D_UNHANDLED },
	       { "threads_active", atomic, D_THREADS });
	STRUCT("irqaction", 24, { "next", ptr, A_NEXT }, { "name", ptr, A_NAME });
	STRUCT("irq_chip", 8, { "name", ptr, 0 });
	if (!im->kind.numbers)
		STRUCT("irqstat", 8, { "cnt", u32, S_CNT });
	int stat = im->kind.array ?
			   STRUCT("", 64, { "counts", fake_kernel_array(fk, u32, 12), 4 }) :
			   STRUCT("", 64, { "__nmi_count", u32, 4 }, { "irq_call_count", u32, 36 });
	btf__add_typedef(fk->btf, "irq_cpustat_t", stat);
	btf__add_enum(fk->btf, "irq_stat_counts", 4);
	btf__add_enum_value(fk->btf, "IRQ_COUNT_NMI", 0);
	btf__add_enum_value(fk->btf, "IRQ_COUNT_CALL_FUNCTION", 8);
	btf__add_enum_value(fk->btf, "IRQ_COUNT_TLB", 99);
	/* Trees. */
	STRUCT("xarray", 16, { "xa_head", ptr, 8 });
	STRUCT("xa_node", 64, { "shift", fk->u8, 0 }, { "slots", fake_kernel_array(fk, ptr, 4), 16 });
	STRUCT("maple_tree", 16, { "ma_root", ptr, 8 });
	STRUCT("maple_node", 256, { "parent", ptr, 0 });
	STRUCT("maple_range_64", 256, { "pivot", fake_kernel_array(fk, u64, 15), 8 },
	       { "slot", fake_kernel_array(fk, ptr, 16), 128 });
	STRUCT("maple_arange_64", 256, { "pivot", fake_kernel_array(fk, u64, 9), 8 },
	       { "slot", fake_kernel_array(fk, ptr, 10), 80 });
}

static uint64_t text(struct image *im, uint64_t at, const char *s)
{
	fake_kernel_write(im->fk, at, s, strlen(s) + 1);
	return at;
}

static uint64_t desc_at(uint32_t irq)
{
	return descs + 0x1000 * (uint64_t)irq;
}

static uint64_t count_at(uint32_t irq, uint32_t cpu)
{
	return percpu + percpu_base + cpu * stride + 16 * irq;
}

static void put_desc(struct image *im, uint32_t irq, uint64_t action)
{
	uint64_t d = desc_at(irq);

	for (size_t i = 0; i < D_SIZE; i += 8)
		put(im, d + i, 0, 8);
	put(im, d + D_IRQ, irq, 4);
	put(im, d + D_HWIRQ, 1000 + irq, 8);
	put(im, d + D_CHIP, objs, 8);
	put(im, d + D_KSTAT, percpu + 16 * irq, 8);
	put(im, d + D_ACTION, action, 8);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		put(im, count_at(irq, cpu), im->kind.numbers ? 10 * irq + cpu : 0xdead, 4);
		put(im, count_at(irq, cpu) + S_CNT, im->kind.numbers ? 0xdead : 10 * irq + cpu, 4);
	}
}

static uint64_t action(struct image *im, unsigned int i, const char *name, uint64_t next)
{
	uint64_t at = objs + 0x100 * (i + 1);

	put(im, at + A_NEXT, next, 8);
	put(im, at + A_NAME, name ? text(im, at + 0x40, name) : 0, 8);
	return at;
}

/* Interrupts 1, 2 and 3: shared, not set up, and in trouble. */
static struct image *image_new(struct kind kind)
{
	struct image *im = calloc(1, sizeof(*im));
	struct fake_kernel *fk = im->fk = fake_kernel_new();
	uint64_t node = objs + 0x10000;

	im->kind = kind;
	add_types(im);
	fake_kernel_symbol(fk, kind.radix ? "irq_desc_tree" : "sparse_irqs", vars);
	fake_kernel_symbol(fk, "irq_stat", percpu + 0x800);
	fake_kernel_ready(fk);
	fake_kernel_cpus(fk, CPUS, percpu_base, stride);
	fk->k->possible[NOT_POSSIBLE] = fk->k->online[NOT_POSSIBLE] = false;

	put(im, objs, text(im, objs + 16, "IO-\x1b""APIC"), 8);
	put_desc(im, 1, action(im, 0, "eth0", action(im, 1, NULL, 0)));
	put_desc(im, 2, 0);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		put(im, count_at(2, cpu), 0, 4);
		put(im, count_at(2, cpu) + S_CNT, 0, 4);
	}
	put_desc(im, 3, action(im, 2, "disk", 0));
	put(im, desc_at(3) + D_STATE, 1 << 17 | 1 << 18, 4);
	put(im, desc_at(3) + D_ISTATE, 0x202, 4);
	put(im, desc_at(3) + D_DEPTH, 1, 4);
	put(im, desc_at(3) + D_SEEN, 100000, 4);
	put(im, desc_at(3) + D_UNHANDLED, 99901, 4);
	put(im, desc_at(3) + D_THREADS, 2, 4);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		uint64_t stat = percpu + 0x800 + percpu_base + cpu * stride;

		put(im, stat + 4, 5 + cpu, 4);
		put(im, stat + 36, 700 + cpu, 4);
	}
	/* A tree of one node. */
	for (size_t i = 0; i < 256; i += 8)
		put(im, node + i, 0, 8);
	if (kind.radix) {
		for (uint32_t i = 1; i <= 3; i++)
			put(im, node + 16 + 8 * i, desc_at(i), 8);
		put(im, vars + 8, node | 2, 8);
	} else {
		for (uint32_t i = 0; i <= 3; i++) {
			put(im, node + 128 + 8 * i, i ? desc_at(i) : 0, 8);
			put(im, node + 8 + 8 * i, i, 8);
		}
		put(im, vars + 8, node | 1 << 3 | 2, 8);
	}
	return im;
}

static const struct irqs *walk(struct image *im)
{
	static const struct walk_opts opts;
	struct walk w = { .k = im->fk->k, .opts = &opts };

	ASSERT_OK(report_create(&im->r));
	w.r = im->r;
	struct err *e = walk_irqs(&w);
	if (e) {
		CU_ASSERT_FALSE(walk_is_fatal(e));
		ASSERT_OK(report_section(im->r, "irqs", SECTION_NOT_READABLE, "%s", e->msg));
		err_free(e);
	}
	return &im->r->irqs;
}

static bool says(const struct image *im, enum section_status status, const char *want)
{
	const struct section *s = report_find_section(im->r, "irqs");

	return s && s->status == status && (want ? s->detail && strstr(s->detail, want) : !s->detail);
}

static void image_free(struct image *im)
{
	report_destroy(im->r);
	fake_kernel_destroy(im->fk);
	free(im);
}

static void check_own(const struct irq_row *row, const char *label, uint32_t first)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(row->label);
	CU_ASSERT_STRING_EQUAL(row->label, label);
	CU_ASSERT_EQUAL(row->counts[0], first);
	CU_ASSERT_EQUAL(row->counts[NOT_POSSIBLE], 0);
	CU_ASSERT_EQUAL(row->counts[3], first + 3);
	CU_ASSERT_EQUAL(row->total, 3 * first + 4);
}

static void test_irqs(void)
{
	static const struct kind kinds[] = {
		{ 0 }, { .radix = true, .numbers = true }, { .numbers = true }, { .array = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct image *im = image_new(kinds[i]);
		const struct irqs *irqs = walk(im);

		CU_ASSERT_TRUE(says(im, SECTION_COMPLETE, NULL));
		CU_ASSERT_TRUE(irqs->collected);
		/* Not the one without a handler that never came. */
		CU_ASSERT_EQUAL_FATAL(irqs->rows.nr, 4);
		const struct irq_row *row = &irqs->rows.data[0];
		CU_ASSERT_EQUAL(row->irq, 1);
		CU_ASSERT_EQUAL(row->kva.v, desc_at(1));
		CU_ASSERT_EQUAL(row->hwirq.v, 1001);
		CU_ASSERT_STRING_EQUAL(row->chip, "IO-\x1b""APIC");
		CU_ASSERT_STRING_EQUAL(row->actions, "eth0, ?");
		CU_ASSERT_EQUAL(row->counts[0], 10);
		CU_ASSERT_EQUAL(row->counts[1], 11);
		CU_ASSERT_EQUAL(row->counts[NOT_POSSIBLE], 0);
		CU_ASSERT_EQUAL(row->total, 10 + 11 + 13);
		CU_ASSERT_FALSE(row->nobody_cared || row->in_progress || row->masked || row->pending);
		row = &irqs->rows.data[1];
		CU_ASSERT_EQUAL(row->irq, 3);
		CU_ASSERT_STRING_EQUAL(row->actions, "disk");
		CU_ASSERT_TRUE(row->nobody_cared && row->in_progress && row->masked && row->pending);
		CU_ASSERT_TRUE(row->depth.v == 1 && row->seen.v == 100000 && row->unhandled.v == 99901 &&
			       row->threads_active.v == 2);
		check_own(&irqs->rows.data[2], "NMI", 5);
		check_own(&irqs->rows.data[3], "CAL", 700);
		image_free(im);
	}
}

static void test_damaged(void)
{
	/* Handlers without end: the other interrupt is there. */
	struct image *im = image_new((struct kind){ 0 });
	put(im, objs + 0x300 + A_NEXT, objs + 0x300, 8);
	const struct irqs *irqs = walk(im);
	CU_ASSERT_EQUAL(irqs->rows.nr, 3);
	CU_ASSERT_TRUE(says(im, SECTION_NOT_READABLE, "1 of 3 interrupts; first: irq_desc 0xffff888004003000: more than"));
	image_free(im);

	/* Counters that are not there, a descriptor that is not. */
	im = image_new((struct kind){ 0 });
	put(im, desc_at(1) + D_KSTAT, 0x1000, 8);
	put(im, objs + 0x10000 + 128 + 24, 0xffff888009000000, 8);
	irqs = walk(im);
	CU_ASSERT_EQUAL(irqs->rows.nr, 2);
	CU_ASSERT_TRUE(says(im, SECTION_NOT_READABLE, "2 of 3 interrupts"));
	image_free(im);

	/* A broken tree still leaves the processor's own. */
	im = image_new((struct kind){ 0 });
	put(im, vars + 8, (objs + 0x10000) | 9 << 3 | 2, 8);
	irqs = walk(im);
	CU_ASSERT_EQUAL(irqs->rows.nr, 2);
	CU_ASSERT_TRUE(says(im, SECTION_IMPLAUSIBLE, "its type is 9"));
	image_free(im);
}

static void test_lacks(void)
{
	static const char *const members[] = { "kstat_irqs", "action", "irq_count", "slot", "chip" };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct image *im = image_new((struct kind){ .drop = members[i] });
		const struct irqs *irqs = walk(im);

		CU_ASSERT_EQUAL(irqs->rows.nr, 2);
		CU_ASSERT_TRUE(says(im, SECTION_NOT_IMPLEMENTED, i == 3 ? "maple tree" : members[i]));
		image_free(im);
	}
	/* The processor's own counters may be anything or nothing. */
	struct image *im = image_new((struct kind){ .drop = "irq_call_count" });
	const struct irqs *irqs = walk(im);
	CU_ASSERT_EQUAL(irqs->rows.nr, 3);
	CU_ASSERT_TRUE(says(im, SECTION_COMPLETE, NULL));
	image_free(im);
}

UNIT_MAIN("walk-irqs", { "interrupts", test_irqs }, { "damaged ones", test_damaged }, { "what is missing", test_lacks })
