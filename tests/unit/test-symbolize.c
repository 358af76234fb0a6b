/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

#include "fake-kernel.h"
#include "kernel/internal.h"

static const uint64_t data = 0xffff888000100000, text = 0xffffffffc0000000;
static const uint64_t vars = 0xffffffff83000000; /* of the kernel */

enum {
	/* struct module, of both generations */
	M_STATE = 0, M_LIST = 8, M_NAME = 24, M_MEM = 80, M_CORE = 80, M_INIT = 128, M_TAINTS = 256,
	M_KALLSYMS = 264, M_REFCNT = 272, M_BUILD_ID = 276, M_ARCH = 296, M_NOTES = 320, M_SIZE = 384,
	MEM_SIZE = 24, /* of struct module_memory */
	HEAD = 0x8000, TABLE = 0x9000, STRINGS = 0xa000, OBJECTS = 0x10000,
	MODULES = 3,
	BPF_TREE = 0xb000, FTRACE = 0xb400, SLOTS = 0xb800,
	K_NAME = 16, K_LNODE = 144, K_TNODE = 160, K_PROG = 208, K_FP = 212, K_SIZE = 224,
	AUX_ID = 0, AUX_NAME = 8, AUX_MAIN = 24, AUX_KSYM = 32, AUX_SIZE = 256,
};

enum generation { LAYOUTS /* <= 6.3 */, MEMORY /* 6.4+ */ };

static uint64_t module_at(size_t i)
{
	return data + 0x1000 * i;
}

static void add_enum(struct fake_kernel *fk, const char *name, const char *const values[], size_t nr)
{
	if (btf__add_enum(fk->btf, name, 4) < 0)
		abort();
	for (size_t i = 0; i < nr; i++)
		if (btf__add_enum_value(fk->btf, values[i], (int)i))
			abort();
}

static void add_types(struct fake_kernel *fk, enum generation gen)
{
	static const char *const states[] = {
		"MODULE_STATE_LIVE", "MODULE_STATE_COMING", "MODULE_STATE_GOING",
		"MODULE_STATE_UNFORMED",
	}, *const kinds[] = {
		"MOD_TEXT", "MOD_DATA", "MOD_RODATA", "MOD_RO_AFTER_INIT", "MOD_INIT_TEXT",
	};
	struct fake_field list[] = { { "next", fk->ptr, 0 }, { "prev", fk->ptr, 8 } };
	int list_head = fake_kernel_struct(fk, "list_head", 16, list, 2);
	struct fake_field memory[] = { { "base", fk->ptr, 0 }, { "size", fk->u32, 8 } };
	int mem = fake_kernel_struct(fk, "module_memory", MEM_SIZE, memory, 2);
	struct fake_field layout[] = {
		{ "base", fk->ptr, 0 }, { "size", fk->u32, 8 }, { "text_size", fk->u32, 12 },
		{ "ro_size", fk->u32, 16 }, { "ro_after_init_size", fk->u32, 20 },
	};
	int lay = fake_kernel_struct(fk, "module_layout", 24, layout, ARRAY_SIZE(layout));
	struct fake_field arch[] = {
		{ "num_orcs", fk->u32, 0 }, { "orc_unwind_ip", fk->ptr, 8 },
		{ "orc_unwind", fk->ptr, 16 },
	};
	int arch_t = fake_kernel_struct(fk, "mod_arch_specific", 24, arch, ARRAY_SIZE(arch));
	struct fake_field module[] = {
		{ "state", fk->u32, M_STATE },
		{ "list", list_head, M_LIST },
		{ "name", fake_kernel_array(fk, fk->u8, 56), M_NAME },
		{ "taints", fk->u64, M_TAINTS },
		{ "kallsyms", fk->ptr, M_KALLSYMS },
		{ "refcnt", fk->u32, M_REFCNT },
		{ "build_id", fake_kernel_array(fk, fk->u8, 20), M_BUILD_ID },
		{ "arch", arch_t, M_ARCH },
		{ "notes_attrs", fk->ptr, M_NOTES },
		{ gen == MEMORY ? "mem" : "core_layout",
		  gen == MEMORY ? fake_kernel_array(fk, mem, 7) : lay, M_MEM },
		{ "init_layout", lay, M_INIT },
	};
	fake_kernel_struct(fk, "module", M_SIZE, module, ARRAY_SIZE(module) - (gen == MEMORY));
	struct fake_field kallsyms[] = {
		{ "symtab", fk->ptr, 0 }, { "num_symtab", fk->u32, 8 }, { "strtab", fk->ptr, 16 },
	};
	fake_kernel_struct(fk, "mod_kallsyms", 24, kallsyms, ARRAY_SIZE(kallsyms));
	struct fake_field attr[] = { { "size", fk->u64, 16 }, { "private", fk->ptr, 24 } };
	int bin = fake_kernel_struct(fk, "bin_attribute", 64, attr, ARRAY_SIZE(attr));
	struct fake_field notes[] = {
		{ "notes", fk->u32, 8 }, { "attrs", fake_kernel_array(fk, bin, 0), 16 },
	};
	fake_kernel_struct(fk, "module_notes_attrs", 16, notes, 2);
	add_enum(fk, "module_state", states, ARRAY_SIZE(states));
	add_enum(fk, "mod_mem_type", kinds, ARRAY_SIZE(kinds));

	struct fake_field node[] = {
		{ "__rb_parent_color", fk->u64, 0 }, { "rb_right", fk->ptr, 8 },
		{ "rb_left", fk->ptr, 16 },
	};
	int rb_node = fake_kernel_struct(fk, "rb_node", 24, node, 3);
	struct fake_field root[] = { { "rb_node", fake_kernel_pointer(fk, rb_node), 0 } };
	int rb_root = fake_kernel_struct(fk, "rb_root", 8, root, 1);
	struct fake_field sequence[] = { { "sequence", fk->u32, 0 } };
	struct fake_field seqcount[] = {
		{ "seqcount", fake_kernel_struct(fk, "seqcount", 4, sequence, 1), 0 },
	};
	int latch = fake_kernel_struct(fk, "seqcount_latch", 4, seqcount, 1);
	struct fake_field latch_root[] = {
		{ "seq", latch, 0 }, { "tree", fake_kernel_array(fk, rb_root, 2), 8 },
	};
	fake_kernel_struct(fk, "latch_tree_root", 24, latch_root, 2);
	struct fake_field latch_node[] = { { "node", fake_kernel_array(fk, rb_node, 2), 0 } };
	int latch_t = fake_kernel_struct(fk, "latch_tree_node", 48, latch_node, 1);
	struct fake_field ksym[] = {
		{ "start", fk->u64, 0 }, { "end", fk->u64, 8 },
		{ "name", fake_kernel_array(fk, fk->u8, 128), K_NAME },
		{ "lnode", list_head, K_LNODE }, { "tnode", latch_t, K_TNODE },
		{ "prog", fk->u8, K_PROG }, { "fp_start", fk->u32, K_FP }, { "fp_end", fk->u32, K_FP + 4 },
	};
	int ksym_t = fake_kernel_struct(fk, "bpf_ksym", K_SIZE, ksym, ARRAY_SIZE(ksym));
	struct fake_field aux[] = {
		{ "id", fk->u32, AUX_ID }, { "name", fake_kernel_array(fk, fk->u8, 16), AUX_NAME },
		{ "main_prog_aux", fk->ptr, AUX_MAIN }, { "ksym", ksym_t, AUX_KSYM },
	};
	fake_kernel_struct(fk, "bpf_prog_aux", AUX_SIZE, aux, ARRAY_SIZE(aux));
	struct fake_field ops[] = {
		{ "list", list_head, 0 }, { "trampoline", fk->u64, 16 },
		{ "trampoline_size", fk->u64, 24 },
	};
	fake_kernel_struct(fk, "ftrace_ops", 32, ops, 3);
	struct fake_field cache[] = { { "pages", list_head, 16 } };
	fake_kernel_struct(fk, "kprobe_insn_cache", 64, cache, 1);
	struct fake_field page[] = { { "list", list_head, 0 }, { "insns", fk->ptr, 16 } };
	fake_kernel_struct(fk, "kprobe_insn_page", 32, page, 2);
}

static void put32(struct fake_kernel *fk, uint64_t va, uint32_t v)
{
	fake_kernel_write(fk, va, &v, sizeof(v));
}

/* A list of nr nodes at these addresses behind the head. */
static void link_list(struct fake_kernel *fk, uint64_t head, const uint64_t *nodes, size_t nr)
{
	uint64_t prev = head;

	for (size_t i = 0; i < nr; i++) {
		fake_kernel_put64(fk, prev, nodes[i]);
		fake_kernel_put64(fk, nodes[i] + 8, prev);
		prev = nodes[i];
	}
	fake_kernel_put64(fk, prev, head);
	fake_kernel_put64(fk, head + 8, prev);
}

static void put_sym(struct fake_kernel *fk, size_t i, uint32_t name, uint16_t section, uint64_t value)
{
	uint64_t at = data + TABLE + 24 * i;

	put32(fk, at, name);
	fake_kernel_write(fk, at + 6, &section, 2);
	fake_kernel_put64(fk, at + 8, value);
}

/* "\0first\0second\0alias\0.Lmark\0thing\0" */
static void put_symbols(struct fake_kernel *fk)
{
	static const char strings[] = "\0first\0second\0alias\0.Lmark\0thing";

	fake_kernel_write(fk, data + STRINGS, strings, sizeof(strings));
	put_sym(fk, 0, 0, 0, 0);
	put_sym(fk, 1, 7, 1, text + 0x100);  /* second */
	put_sym(fk, 2, 14, 1, text + 0x100); /* alias */
	put_sym(fk, 3, 1, 1, text + 0x10);   /* first */
	put_sym(fk, 4, 20, 1, text + 0x40);  /* .Lmark */
	put_sym(fk, 5, 1, 0, text + 0x50);   /* undefined */
	put_sym(fk, 6, 0, 1, text + 0x60);   /* no name */
	put_sym(fk, 7, 27, 1, data + 0xa800); /* thing, in the data */
	put_sym(fk, 8, 27, 1, text + 0xf00); /* thing again */
}

static void put_module(struct fake_kernel *fk, enum generation gen, size_t i, const char *name)
{
	uint64_t m = module_at(i);

	fake_kernel_map(fk, m);
	fake_kernel_write(fk, m + M_NAME, name, strlen(name) + 1);
	fake_kernel_put64(fk, m + M_TAINTS, i << 12);
	fake_kernel_put64(fk, m + M_KALLSYMS, m + 0x800);
	fake_kernel_put64(fk, m + 0x800, data + TABLE);
	put32(fk, m + 0x808, 9);
	fake_kernel_put64(fk, m + 0x810, data + STRINGS);
	put32(fk, m + M_REFCNT, 1 + (uint32_t)i);
	put32(fk, m + M_ARCH, 5);
	fake_kernel_put64(fk, m + M_ARCH + 8, m + 0x900);
	fake_kernel_put64(fk, m + M_ARCH + 16, m + 0xa00);
	if (gen == MEMORY) {
		fake_kernel_put64(fk, m + M_MEM, text + 0x10000 * i);
		put32(fk, m + M_MEM + 8, 0x2000);
		fake_kernel_put64(fk, m + M_MEM + MEM_SIZE, data + HEAD + 0x100000 * i);
		put32(fk, m + M_MEM + MEM_SIZE + 8, 0x4000);
		return;
	}
	/* All in one piece: text, rodata up to 0x3000, the rest up to 0x5000; init freed. */
	fake_kernel_put64(fk, m + M_CORE, text + 0x10000 * i);
	put32(fk, m + M_CORE + 8, 0x5000);
	put32(fk, m + M_CORE + 12, 0x2000);
	put32(fk, m + M_CORE + 16, 0x3000);
	put32(fk, m + M_CORE + 20, 0x3000);
}

/* Three modules, the second unformed, the third coming. */
static struct fake_kernel *modules_new(enum generation gen)
{
	static const char *const names[MODULES] = { "mod_a", "half_made", "mod_c" };
	struct fake_kernel *fk = fake_kernel_new();
	uint64_t nodes[MODULES];

	add_types(fk, gen);
	fake_kernel_symbol(fk, "modules", vars + HEAD);
	fake_kernel_symbol(fk, "bpf_tree", vars + BPF_TREE);
	fake_kernel_symbol(fk, "ftrace_ops_trampoline_list", vars + FTRACE);
	fake_kernel_symbol(fk, "kprobe_insn_slots", vars + SLOTS);
	for (size_t i = 0; i < MODULES; i++) {
		put_module(fk, gen, i, names[i]);
		nodes[i] = module_at(i) + M_LIST;
	}
	put32(fk, module_at(1) + M_STATE, 3);
	put32(fk, module_at(2) + M_STATE, 1);
	link_list(fk, vars + HEAD, nodes, MODULES);
	put_symbols(fk);
	fake_kernel_put64(fk, vars + BPF_TREE, 0);
	fake_kernel_put64(fk, vars + BPF_TREE + 8, 0);
	fake_kernel_put64(fk, vars + BPF_TREE + 16, 0);
	link_list(fk, vars + FTRACE, NULL, 0);
	link_list(fk, vars + SLOTS + 16, NULL, 0);
	return fk;
}

static void check_text(struct kernel *k, uint64_t addr, enum sym_lookup how, const char *want)
{
	struct pool pool = { 0 };
	struct sym sym;

	ASSERT_OK(ksymbolize(k, (struct kva){ addr }, how, &sym));
	CU_ASSERT_STRING_EQUAL(sym_text(&pool, &sym), want);
	CU_ASSERT_EQUAL(sym.addr, addr);
	pool_deinit(&pool);
}

static void test_modules(void)
{
	struct fake_kernel *fk = modules_new(MEMORY);
	uint8_t id[20] = { 1, 2, 3 };
	const struct modules *mods = NULL, *again = NULL;

	fake_kernel_write(fk, module_at(0) + M_BUILD_ID, id, sizeof(id));
	struct kernel *k = fake_kernel_ready(fk);
	ASSERT_OK(kmodules(k, &mods));
	ASSERT_OK(kmodules(k, &again));
	CU_ASSERT_PTR_EQUAL(mods, again);
	CU_ASSERT_EQUAL_FATAL(mods->nr, 3);
	CU_ASSERT_PTR_NULL(mods->why);

	const struct kmodule *a = &mods->data[0], *b = a + 1, *c = a + 2;
	CU_ASSERT_STRING_EQUAL(a->name, "mod_a");
	CU_ASSERT_EQUAL(a->kva.v, module_at(0));
	CU_ASSERT_EQUAL(a->state, KMODULE_LIVE);
	CU_ASSERT_EQUAL(a->base.v, text);
	CU_ASSERT_EQUAL(a->size, 0x6000);
	CU_ASSERT_EQUAL(a->nr_ranges, 2);
	CU_ASSERT_STRING_EQUAL(a->ranges[1].what, "data");
	CU_ASSERT_TRUE(a->has_refs && a->refs == 0);
	CU_ASSERT_EQUAL(a->build_id_len, 20);
	CU_ASSERT_EQUAL(memcmp(a->build_id, id, 20), 0);
	CU_ASSERT_EQUAL(a->num_orcs, 5);
	CU_ASSERT_EQUAL(a->orc_unwind_ip.v, module_at(0) + 0x900);
	CU_ASSERT_EQUAL(a->orc_unwind.v, module_at(0) + 0xa00);
	CU_ASSERT_PTR_NULL(a->why);
	CU_ASSERT_EQUAL(b->state, KMODULE_UNFORMED);
	CU_ASSERT_EQUAL(b->nr_ranges, 0);
	CU_ASSERT_EQUAL(c->state, KMODULE_COMING);
	CU_ASSERT_EQUAL(c->taints, 2 << 12);
	CU_ASSERT_EQUAL(c->refs, 2);
	CU_ASSERT_EQUAL(c->build_id_len, 0);

	const struct kmodule *found;
	ASSERT_OK(kmodule_at(k, text + 0x1fff, &found));
	CU_ASSERT_PTR_EQUAL(found, a);
	ASSERT_OK(kmodule_at(k, text + 0x2000, &found));
	CU_ASSERT_PTR_NULL(found);
	ASSERT_OK(kmodule_at(k, text + 0x10000, &found)); /* the unformed one's */
	CU_ASSERT_PTR_NULL(found);
	ASSERT_OK(kmodule_at(k, text + 0x20000, &found));
	CU_ASSERT_PTR_EQUAL(found, c);
	fake_kernel_destroy(fk);
}

static void test_core_layout(void)
{
	struct fake_kernel *fk = modules_new(LAYOUTS);
	struct kernel *k = fake_kernel_ready(fk);
	const struct modules *mods = NULL;

	ASSERT_OK(kmodules(k, &mods));
	CU_ASSERT_EQUAL_FATAL(mods->nr, 3);
	const struct kmodule *a = &mods->data[0];
	CU_ASSERT_EQUAL(a->size, 0x5000);
	CU_ASSERT_EQUAL(a->base.v, text);
	CU_ASSERT_EQUAL_FATAL(a->nr_ranges, 3);
	CU_ASSERT_STRING_EQUAL(a->ranges[0].what, "text");
	CU_ASSERT_EQUAL(a->ranges[0].len, 0x2000);
	CU_ASSERT_STRING_EQUAL(a->ranges[1].what, "rodata");
	CU_ASSERT_EQUAL(a->ranges[1].start, text + 0x2000);
	CU_ASSERT_STRING_EQUAL(a->ranges[2].what, "data");
	CU_ASSERT_EQUAL(a->ranges[2].start + a->ranges[2].len, text + 0x5000);
	fake_kernel_destroy(fk);
}

/* Without module.build_id: a note of another kind, then the build id's. */
static void test_notes(void)
{
	static const uint8_t note[] = {
		4, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 'G', 'N', 'U', 0, 7, 7, 7, 7,
		4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0xa, 0xb, 0xc, 0,
	};
	struct fake_kernel *fk = modules_new(MEMORY);
	const struct modules *mods = NULL;
	uint64_t attrs = data + OBJECTS;

	for (size_t i = 0; i < MODULES; i++)
		fake_kernel_put64(fk, module_at(i) + M_NOTES, i == 2 ? 8 : attrs);
	put32(fk, attrs + 8, 2);
	fake_kernel_put64(fk, attrs + 16 + 16, 100000); /* no such note */
	fake_kernel_put64(fk, attrs + 16 + 24, data + STRINGS);
	fake_kernel_put64(fk, attrs + 16 + 64 + 16, sizeof(note));
	fake_kernel_put64(fk, attrs + 16 + 64 + 24, data + STRINGS + 0x400);
	fake_kernel_write(fk, data + STRINGS + 0x400, note, sizeof(note));
	ASSERT_OK(kmodules(fake_kernel_ready(fk), &mods));
	CU_ASSERT_EQUAL(mods->data[0].build_id_len, 3);
	CU_ASSERT_EQUAL(memcmp(mods->data[0].build_id, note + 36, 3), 0);
	CU_ASSERT_PTR_NULL(mods->data[0].why);
	/* A bad pointer costs the build id only. */
	CU_ASSERT_STRING_EQUAL(mods->data[2].name, "mod_c");
	CU_ASSERT_EQUAL(mods->data[2].nr_ranges, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(mods->data[2].why, "notes: cannot read"));
	fake_kernel_destroy(fk);
}

static void test_symbols(void)
{
	struct fake_kernel *fk = modules_new(MEMORY);
	struct kernel *k = fake_kernel_ready(fk);

	check_text(k, text + 0x10, SYM_EXACT, "first+0x0/0xf0 [mod_a]");
	check_text(k, text + 0x60, SYM_EXACT, "first+0x50/0xf0 [mod_a]");
	check_text(k, text + 0x100, SYM_EXACT, "second+0x0/0xe00 [mod_a]");
	/* A call that ends its function returns to the next one. */
	check_text(k, text + 0x100, SYM_RETURN, "first+0xf0/0xf0 [mod_a]");
	check_text(k, text + 0x1fff, SYM_EXACT, "thing+0x10ff/0x1100 [mod_a]");
	check_text(k, data + 0xa801, SYM_EXACT, "thing+0x1/0x1800 [mod_a]");
	/* Before the first symbol, and where none of the data's is. */
	check_text(k, text + 0xf, SYM_EXACT, "0xffffffffc000000f [mod_a]");
	check_text(k, data + HEAD, SYM_EXACT, "0xffff888000108000 [mod_a]");
	check_text(k, text + 0x2000, SYM_EXACT, "0xffffffffc0002000");
	check_text(k, 0xffffffff81000041, SYM_EXACT, "filler_1+0x1/0x40");
	check_text(k, 0x401000, SYM_EXACT, "0x401000");
	check_text(k, 0, SYM_RETURN, "0x0");
	CU_ASSERT_PTR_NULL(ksymbolize_why(k));
	fake_kernel_destroy(fk);
}

/* Tables that lie: the module is known, its symbols are not. */
static void test_bad_symbols(void)
{
	static const struct {
		uint64_t where, value;
	} lies[] = {
		{ 0x800, 8 },			/* symtab: nowhere */
		{ 0x800, data + 0xbf00 },	/* 9 symbols do not fit there */
		{ 0x808, 0xffffffff },		/* num_symtab */
		{ 0x810, data + 0x20000 },	/* strtab: not the module's */
		{ 0x810, data + 0xbffe },	/* names beyond its end */
		{ M_KALLSYMS, 0 },
		{ M_KALLSYMS, 0x1000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct fake_kernel *fk = modules_new(MEMORY);

		fake_kernel_put64(fk, module_at(0) + lies[i].where, lies[i].value);
		struct kernel *k = fake_kernel_ready(fk);
		check_text(k, text + 0x10, SYM_EXACT, "0xffffffffc0000010 [mod_a]");
		CU_ASSERT_PTR_NOT_NULL(k->modules->data[0].symbols_why);
		fake_kernel_destroy(fk);
	}
}

/* What is kept of all modules' symbols has an end. */
static void test_many_symbols(void)
{
	struct fake_kernel *fk = modules_new(MEMORY);
	struct kernel *k = fake_kernel_ready(fk);
	const struct modules *mods;

	ASSERT_OK(kmodules(k, &mods));
	k->modules->symbol_bytes_left = 100;
	check_text(k, text + 0x10, SYM_EXACT, "0xffffffffc0000010 [mod_a]");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mods->data[0].symbols_why);
	CU_ASSERT_PTR_NOT_NULL(strstr(mods->data[0].symbols_why, "too many beside those of other modules"));
	fake_kernel_destroy(fk);
}

static void test_bad_list(void)
{
	struct fake_kernel *fk = modules_new(MEMORY);
	const struct modules *mods = NULL;

	fake_kernel_put64(fk, module_at(1) + M_LIST, 0);
	struct kernel *k = fake_kernel_ready(fk);
	ASSERT_OK(kmodules(k, &mods));
	CU_ASSERT_EQUAL(mods->nr, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mods->why);
	CU_ASSERT_PTR_NOT_NULL(strstr(mods->why, "next is NULL"));
	CU_ASSERT_PTR_EQUAL(ksymbolize_why(k), mods->why);
	check_text(k, text + 0x10, SYM_EXACT, "first+0x0/0xf0 [mod_a]");
	fake_kernel_destroy(fk);

	/* Memory that would wrap around is none. */
	fk = modules_new(MEMORY);
	fake_kernel_put64(fk, module_at(0) + M_MEM, 0xfffffffffffff800);
	ASSERT_OK(kmodules(fake_kernel_ready(fk), &mods));
	CU_ASSERT_EQUAL(mods->data[0].nr_ranges, 1);
	fake_kernel_destroy(fk);
}

static void test_no_modules(void)
{
	struct fake_kernel *fk = fake_kernel_new();
	struct kernel *k = fake_kernel_ready(fk);
	const struct modules *mods = NULL;

	ASSERT_OK(kmodules(k, &mods));
	CU_ASSERT_TRUE(mods->no_modules);
	CU_ASSERT_EQUAL(mods->nr, 0);
	check_text(k, text, SYM_EXACT, "0xffffffffc0000000");
	CU_ASSERT_PTR_NULL(ksymbolize_why(k));
	fake_kernel_destroy(fk);
}

/* ---- code made at run time */

static const uint64_t jit = 0xffffffffc1000000;

static uint64_t put_aux(struct fake_kernel *fk, size_t i, const char *name, bool prog)
{
	uint64_t aux = data + OBJECTS + 0x200 * i, ksym = aux + AUX_KSYM;
	uint8_t yes = prog;

	fake_kernel_put64(fk, ksym, jit + 0x100 * i);
	fake_kernel_put64(fk, ksym + 8, jit + 0x100 * i + 0x80);
	fake_kernel_write(fk, ksym + K_NAME, name, strlen(name) + 1);
	fake_kernel_write(fk, ksym + K_PROG, &yes, 1);
	fake_kernel_write(fk, aux + AUX_NAME, "short", 6);
	put32(fk, aux + AUX_ID, 10 + (uint32_t)i);
	return ksym;
}

static void test_codes(void)
{
	struct fake_kernel *fk = modules_new(MEMORY);
	uint64_t prog = put_aux(fk, 1, "bpf_prog_0011223344556677_f", true);
	uint64_t tramp = put_aux(fk, 0, "bpf_trampoline_42", false);
	uint64_t sub = put_aux(fk, 2, "bpf_prog_8899aabbccddeeff_sub", true);
	/* The tree that nobody writes is the second one. */
	uint64_t node = K_TNODE + 24, bad = 0x123;

	put32(fk, vars + BPF_TREE, 7);
	fake_kernel_put64(fk, vars + BPF_TREE + 8, bad);
	fake_kernel_put64(fk, vars + BPF_TREE + 16, prog + node);
	fake_kernel_put64(fk, prog + node + 16, tramp + node);
	fake_kernel_put64(fk, prog + node + 8, sub + node);
	for (size_t i = 0; i < 2; i++) {
		fake_kernel_put64(fk, tramp + node + 8 + 8 * i, 0);
		fake_kernel_put64(fk, sub + node + 8 + 8 * i, 0);
	}
	put32(fk, prog + K_FP, 4);
	put32(fk, prog + K_FP + 4, 0x70);
	put32(fk, sub - AUX_KSYM + AUX_ID, 0);
	fake_kernel_put64(fk, sub - AUX_KSYM + AUX_MAIN, prog - AUX_KSYM);

	uint64_t ops = data + OBJECTS + 0x1000, page = data + OBJECTS + 0x2000;
	link_list(fk, vars + FTRACE, &ops, 1);
	fake_kernel_put64(fk, ops + 16, jit + 0x1000);
	fake_kernel_put64(fk, ops + 24, 0x9e);
	link_list(fk, vars + SLOTS + 16, &page, 1);
	fake_kernel_put64(fk, page + 16, jit + 0x2000);

	struct kernel *k = fake_kernel_ready(fk);
	struct sym sym;
	check_text(k, jit + 0x110, SYM_EXACT, "bpf_prog_0011223344556677_f+0x10/0x80");
	check_text(k, jit + 0x3, SYM_EXACT, "bpf_trampoline_42+0x3/0x80");
	check_text(k, jit + 0x80, SYM_EXACT, "bpf_trampoline_42+0x80/0x80");
	check_text(k, jit + 0x81, SYM_EXACT, "0xffffffffc1000081");
	check_text(k, jit + 0x1000, SYM_EXACT, "ftrace_trampoline+0x0/0x9e [__builtin__ftrace]");
	check_text(k, jit + 0x2010, SYM_EXACT, "kprobe_insn_page+0x10/0x1000 [__builtin__kprobes]");
	ASSERT_OK(ksymbolize(k, (struct kva){ jit + 0x101 }, SYM_RETURN, &sym));
	CU_ASSERT_EQUAL(sym.owner, SYM_BPF_PROG);
	CU_ASSERT_EQUAL(sym.offset, 1);
	CU_ASSERT_EQUAL(sym.prog_id, 11);
	CU_ASSERT_STRING_EQUAL(sym.prog_name, "short");
	CU_ASSERT_EQUAL(sym.prog_aux.v, prog - AUX_KSYM);
	CU_ASSERT_EQUAL(sym.fp_start, 4);
	CU_ASSERT_EQUAL(sym.fp_end, 0x70);
	ASSERT_OK(ksymbolize(k, (struct kva){ jit + 0x201 }, SYM_EXACT, &sym));
	CU_ASSERT_EQUAL(sym.prog_id, 11); /* its main program's */
	ASSERT_OK(ksymbolize(k, (struct kva){ jit }, SYM_EXACT, &sym));
	CU_ASSERT_EQUAL(sym.owner, SYM_BPF_IMAGE);
	CU_ASSERT_PTR_NULL(ksymbolize_why(k));
	fake_kernel_destroy(fk);
}

static void test_bad_codes(void)
{
	struct fake_kernel *fk = modules_new(MEMORY);
	uint64_t prog = put_aux(fk, 1, "bpf_prog_0011223344556677_f", true);

	fake_kernel_put64(fk, vars + BPF_TREE + 8, prog + K_TNODE);
	fake_kernel_put64(fk, prog + K_TNODE + 8, 0x123);
	fake_kernel_put64(fk, prog + K_TNODE + 16, 0);
	fake_kernel_put64(fk, vars + FTRACE, 0);
	struct kernel *k = fake_kernel_ready(fk);
	check_text(k, jit + 0x110, SYM_EXACT, "bpf_prog_0011223344556677_f+0x10/0x80");
	CU_ASSERT_PTR_NOT_NULL(ksymbolize_why(k));
	fake_kernel_destroy(fk);
}

UNIT_MAIN("symbolize",
	  { "modules since 6.4: what is read of each, whose memory an address is in", test_modules },
	  { "modules up to 6.3: one allocation, cut into its kinds", test_core_layout },
	  { "a build id out of the notes", test_notes },
	  { "symbols of modules as the kernel finds them", test_symbols },
	  { "symbol tables that lie leave the module", test_bad_symbols },
	  { "symbol tables that are too long together", test_many_symbols },
	  { "a broken list leaves the modules before the break", test_bad_list },
	  { "a kernel without modules", test_no_modules },
	  { "BPF programs, trampolines, ftrace and kprobes", test_codes },
	  { "a broken tree leaves what was found, and a reason", test_bad_codes })
