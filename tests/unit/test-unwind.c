/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ORC tables of every format there has been, and stacks made for them. */
#include "config.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "kernel/unwind.h"
#include "unit.h"

/* How struct orc_entry has been written; the last has a hash that nobody knows. */
enum format { ORC_6_1, ORC_6_3, ORC_6_4, ORC_7_1, ORC_UNKNOWN, NR_FORMATS };

/* Code: functions of 64 bytes, as the fake kernel's fillers. */
#define FUNC(n) (0xffffffff81000000 + 64 * (uint64_t)(n))
enum { F_START = 10, F_A, F_B, F_INTR, F_ENTRY, F_SWITCH, F_NOTHING, F_FP, F_GRAPH, F_RETHOOK, F_FTRACE,
       F_IRQ_CALL, F_REG, F_IRET, F_END = 40 };

#define TEXT_END FUNC(300)
#define TABLE_IP 0xffffffff83000000
#define TABLE 0xffffffff83010000
#define LOOKUP 0xffffffff83020000
#define HEADER 0xffffffff83030000
#define TASK 0xffff888003000000
#define STACK 0xffffc90000100000
#define STACK_END (STACK + 0x4000)
#define IRQ_STACK 0xffffc90000200000
#define IRQ_TOP (IRQ_STACK + 0x4000)
#define CEA 0xfffffe0000001000 /* struct cpu_entry_area: entry stack, exceptions' stacks */
#define ENTRY_STACK (CEA + 0x1000)
#define ESTACKS (CEA + 0x3000)
#define NMI_STACK (ESTACKS + 0x2000)
#define PERCPU 0xffff888010000000
#define PERCPU_VARS 0x1000
#define JIT 0xffffffffc0001000

enum { T_STACK = 32, T_RET_STACK = 48, T_CURR = 56, T_RETHOOKS = 64, T_THREAD = 128, T_SIZE = 256 };
enum { V_IRQ = 0x10, V_CURRENT = 0x18, V_ESTACKS = 0x20 };

struct rule {
	uint64_t at;
	enum unwind_type type;
	enum unwind_base sp, fp;
	int sp_off, fp_off;
	bool exact;
};

struct image {
	struct fake_kernel *fk;
	struct kernel *k;
	struct unwinder *uw;
	enum format format;
};

/* ---- the table */

static unsigned int reg_code(enum format f, enum unwind_base base)
{
	static const unsigned int old[UNWIND_NR_BASES] = {
		[UNWIND_PREV_SP] = 1, [UNWIND_DX] = 2, [UNWIND_DI] = 3, [UNWIND_FP] = 4, [UNWIND_SP] = 5,
		[UNWIND_R10] = 6, [UNWIND_R13] = 7, [UNWIND_FP_IND] = 8, [UNWIND_SP_IND] = 9,
	};
	static const unsigned int new[UNWIND_NR_BASES] = {
		[UNWIND_AX] = 1, [UNWIND_DX] = 2, [UNWIND_SP] = 3, [UNWIND_FP] = 4, [UNWIND_DI] = 5,
		[UNWIND_R10] = 6, [UNWIND_R13] = 7, [UNWIND_PREV_SP] = 8, [UNWIND_SP_IND] = 9,
		[UNWIND_FP_IND] = 10,
	};

	return (f >= ORC_7_1 ? new : old)[base];
}

static uint64_t encode(enum format f, const struct rule *r)
{
	uint64_t v = (uint16_t)r->sp_off | (uint64_t)(uint16_t)r->fp_off << 16 |
		     (uint64_t)reg_code(f, r->sp) << 32 | (uint64_t)reg_code(f, r->fp) << 36;
	unsigned int type = r->type; /* UNDEFINED, END, CALL, REGS, IRET are the codes of 6.4 */

	if (f >= ORC_6_4)
		return v | (uint64_t)type << 40 | (uint64_t)r->exact << 43;
	type = type < UNWIND_CALL ? 0 : type - UNWIND_CALL;
	v |= (uint64_t)type << 40;
	if (f == ORC_6_3)
		v |= (uint64_t)r->exact << 42;
	return v | (uint64_t)(r->type == UNWIND_END) << (f == ORC_6_3 ? 43 : 42);
}

static void add_type(struct fake_kernel *fk, enum format f)
{
	int s16 = btf__add_int(fk->btf, "short", 2, BTF_INT_SIGNED);

	btf__add_struct(fk->btf, "orc_entry", 6);
	btf__add_field(fk->btf, "sp_offset", s16, 0, 0);
	btf__add_field(fk->btf, "bp_offset", s16, 16, 0);
	btf__add_field(fk->btf, "sp_reg", fk->u32, 32, 4);
	btf__add_field(fk->btf, "bp_reg", fk->u32, 36, 4);
	btf__add_field(fk->btf, "type", fk->u32, 40, f >= ORC_6_4 ? 3 : 2);
	if (f >= ORC_6_4)
		btf__add_field(fk->btf, "signal", fk->u32, 43, 1);
	else if (f == ORC_6_3)
		btf__add_field(fk->btf, "signal", fk->u32, 42, 1);
	if (f < ORC_6_4)
		btf__add_field(fk->btf, "end", fk->u32, f == ORC_6_3 ? 43 : 42, 1);
}

static void add_header(struct fake_kernel *fk, enum format f)
{
	static const uint8_t hashes[NR_FORMATS][20] = {
		[ORC_6_3] = "\xdb\x84\xae\xd4\x10\x3b\x31\xdd\x51\xe0\x17\xf8\xf7\x97\x83\xca\x98\x5c\x2c\x51",
		[ORC_6_4] = "\xfe\x5d\x32\xbf\x58\x1b\xd6\x3b\x2c\xa9\xa5\xc6\x5b\xa5\xa6\x25\xea\xb3\xfe\x24",
		[ORC_7_1] = "\x13\x7c\x36\xad\x76\x27\xc4\xdd\x55\x93\x21\x76\xbb\x0e\xcd\xbd\x50\x41\xfc\x82",
		[ORC_UNKNOWN] = "a hash of the future",
	};

	if (f == ORC_6_1)
		return;
	fake_kernel_symbol(fk, "orc_header", HEADER);
	fake_kernel_write(fk, HEADER, hashes[f], 20);
}

#define CALL_SP(n, off) { FUNC(n), UNWIND_CALL, UNWIND_SP, UNWIND_NONE, off, 0, false }

static const struct rule rules[] = {
	{ FUNC(0), UNWIND_CALL, UNWIND_SP, UNWIND_NONE, 8, 0, false },
	{ FUNC(F_START), UNWIND_END, UNWIND_NONE, UNWIND_NONE, 0, 0, true },
	CALL_SP(F_A, 24),
	{ FUNC(F_B), UNWIND_CALL, UNWIND_FP, UNWIND_PREV_SP, 16, -16, false },
	{ FUNC(F_INTR), UNWIND_REGS, UNWIND_SP, UNWIND_NONE, 8, 0, true },
	{ FUNC(F_ENTRY), UNWIND_REGS, UNWIND_SP, UNWIND_NONE, 0, 0, true },
	CALL_SP(F_SWITCH, 8),
	{ FUNC(F_NOTHING), UNWIND_UNDEFINED, UNWIND_NONE, UNWIND_NONE, 0, 0, false },
	{ FUNC(F_FP), UNWIND_CALL, UNWIND_FP_IND, UNWIND_NONE, -8, 0, false },
	CALL_SP(F_GRAPH, 8),
	CALL_SP(F_FTRACE, 40),
	{ FUNC(F_IRQ_CALL), UNWIND_CALL, UNWIND_SP_IND, UNWIND_NONE, 8, 0, false },
	{ FUNC(F_REG), UNWIND_CALL, UNWIND_R10, UNWIND_NONE, 0, 0, false },
	{ FUNC(F_IRET), UNWIND_IRET, UNWIND_SP, UNWIND_NONE, 16, 0, true },
	CALL_SP(F_END, 8),
	CALL_SP(F_END + 1, 8), CALL_SP(F_END + 2, 8), CALL_SP(F_END + 3, 8), CALL_SP(F_END + 4, 8),
	CALL_SP(F_END + 5, 8), CALL_SP(F_END + 6, 8), CALL_SP(F_END + 7, 8), CALL_SP(F_END + 8, 8),
};
enum { NR_RULES = ARRAY_SIZE(rules) };

static void add_table(struct fake_kernel *fk, enum format f)
{
	size_t block = 0;
	uint32_t last = 0;

	for (uint32_t i = 0; i < NR_RULES; i++) {
		uint64_t at = TABLE_IP + 4 * i, entry = encode(f, &rules[i]);
		uint32_t off = (uint32_t)(rules[i].at - at);

		fake_kernel_write(fk, at, &off, 4);
		fake_kernel_write(fk, TABLE + 6 * i, &entry, 6);
		for (; FUNC(0) + (block << 8) < rules[i].at; block++)
			fake_kernel_write(fk, LOOKUP + 4 * block, &last, 4);
		last = i;
	}
	for (; block <= (TEXT_END - FUNC(0)) >> 8; block++)
		fake_kernel_write(fk, LOOKUP + 4 * block, &last, 4);
	fake_kernel_symbol(fk, "__start_orc_unwind_ip", TABLE_IP);
	fake_kernel_symbol(fk, "__stop_orc_unwind_ip", TABLE_IP + 4 * NR_RULES);
	fake_kernel_symbol(fk, "__start_orc_unwind", TABLE);
	fake_kernel_symbol(fk, "__stop_orc_unwind", TABLE + 6 * NR_RULES);
	fake_kernel_symbol(fk, "orc_lookup", LOOKUP);
	fake_kernel_symbol(fk, "orc_lookup_end", LOOKUP + 4 * (block + 1));
}

/* ---- the rest of the image */

static void add_structs(struct fake_kernel *fk, size_t retp)
{
	const struct fake_field thread[] = { { "sp", fk->u64, 8 } };
	int record = fake_kernel_struct(fk, "ftrace_ret_stack", 24, (struct fake_field[]){
		{ "ret", fk->u64, 0 }, { "func", fk->u64, 8 }, { "retp", fk->u64, retp } }, 3);
	(void)record;
	int t = fake_kernel_struct(fk, "thread_struct", 64, thread, 1);
	int words = fake_kernel_pointer(fk, fk->u64);
	int head = fake_kernel_struct(fk, "llist_head", 8, (struct fake_field[]){ { "first", fk->ptr, 0 } }, 1);
	const struct fake_field task[] = {
		{ "stack", fk->ptr, T_STACK }, { "ret_stack", words, T_RET_STACK },
		{ "curr_ret_stack", fk->u32, T_CURR }, { "rethooks", head, T_RETHOOKS },
		{ "thread", t, T_THREAD },
	};
	const struct fake_field node[] = {
		{ "llist", head, 16 }, { "ret_addr", fk->u64, 32 }, { "frame", fk->u64, 40 },
	};
	const struct fake_field ops[] = {
		{ "next", fk->ptr, 0 }, { "flags", fk->u64, 8 }, { "trampoline", fk->u64, 16 },
		{ "trampoline_size", fk->u64, 24 },
	};

	int page = fake_kernel_array(fk, fk->u8, PAGE_SIZE);
	int estacks = fake_kernel_struct(fk, "cea_exception_stacks", 0x4000, (struct fake_field[]){
		{ "DF_stack", page, 0x1000 }, { "NMI_stack", page, 0x2000 } }, 2);
	int entry = fake_kernel_struct(fk, "entry_stack", 512, NULL, 0);
	fake_kernel_struct(fk, "cpu_entry_area", 0x8000, (struct fake_field[]){
		{ "entry_stack_page", entry, 0x1000 }, { "estacks", estacks, 0x3000 } }, 2);

	fake_kernel_struct(fk, "task_struct", T_SIZE, task, ARRAY_SIZE(task));
	fake_kernel_struct(fk, "rethook_node", 48, node, ARRAY_SIZE(node));
	fake_kernel_struct(fk, "ftrace_ops", 64, ops, ARRAY_SIZE(ops));
}

static void put(struct image *im, uint64_t va, uint64_t v)
{
	fake_kernel_put64(im->fk, va, v);
}

/* `retp`: where in a record of the graph tracer the place of the return address is. */
static struct image image_with(enum format f, size_t retp)
{
	struct image im = { .fk = fake_kernel_new(), .format = f };
	struct fake_kernel *fk = im.fk;
	uint8_t zeros[PAGE_SIZE] = { 0 };

	add_type(fk, f);
	add_structs(fk, retp);
	add_header(fk, f);
	add_table(fk, f);
	fake_kernel_symbol(fk, "_stext", FUNC(0));
	fake_kernel_symbol(fk, "_etext", TEXT_END);
	fake_kernel_symbol(fk, "return_to_handler", FUNC(F_GRAPH));
	fake_kernel_symbol(fk, "arch_rethook_trampoline", FUNC(F_RETHOOK));
	fake_kernel_symbol(fk, "ftrace_caller", FUNC(F_FTRACE));
	fake_kernel_symbol(fk, "ftrace_regs_caller", FUNC(F_FTRACE + 1));
	fake_kernel_symbol(fk, "ftrace_ops_list", 0xffffffff83040000);
	fake_kernel_symbol(fk, "ftrace_list_end", 0xffffffff83040100);
	fake_kernel_symbol(fk, "hardirq_stack_ptr", PERCPU_VARS + V_IRQ);
	fake_kernel_symbol(fk, "current_task", PERCPU_VARS + V_CURRENT);
	fake_kernel_symbol(fk, "cea_exception_stacks", PERCPU_VARS + V_ESTACKS);
	fake_kernel_write(fk, NMI_STACK, zeros, PAGE_SIZE);
	for (uint64_t at = 0; at < 0x4000; at += PAGE_SIZE) {
		fake_kernel_write(fk, STACK + at, zeros, PAGE_SIZE);
		fake_kernel_write(fk, IRQ_STACK + at, zeros, PAGE_SIZE);
	}
	/* An ftrace_ops with a trampoline. */
	put(&im, 0xffffffff83040000, 0xffffffff83040200);
	put(&im, 0xffffffff83040200, 0xffffffff83040100);
	put(&im, 0xffffffff83040208, 0);
	put(&im, 0xffffffff83040210, JIT + 0x1000);
	put(&im, 0xffffffff83040218, 64);
	put(&im, TASK + T_STACK, STACK);
	put(&im, PERCPU + PERCPU_VARS + V_IRQ, IRQ_TOP - 8);
	put(&im, PERCPU + PERCPU_VARS + V_CURRENT, TASK);
	put(&im, PERCPU + PERCPU_VARS + V_ESTACKS, ESTACKS);
	im.k = fake_kernel_ready(fk);
	fake_kernel_cpus(fk, 1, PERCPU, 0);
	fake_target_set_reg(fk->ft, 0, "gs_base", PERCPU);
	fake_target_set_reg(fk->ft, 0, "k_gs_base", 0);
	fake_target_set_reg(fk->ft, 0, "cs", 0x10);
	ASSERT_OK(unwinder_create(im.k, &im.uw));
	return im;
}

static struct image image_new(enum format f)
{
	return image_with(f, 16);
}

static void image_free(struct image *im)
{
	unwinder_destroy(im->uw);
	fake_kernel_destroy(im->fk);
}

/* The task was switched away from in F_SWITCH, with this frame pointer; what follows begins at the address
 * returned. */
static uint64_t switched(struct image *im, uint64_t sp, uint64_t fp, uint64_t ret)
{
	put(im, TASK + T_THREAD + 8, sp);
	put(im, sp + 40, fp);
	put(im, sp + 48, ret);
	return sp + 56;
}

static void vcpu(struct image *im, uint64_t ip, uint64_t sp, uint64_t fp)
{
	fake_target_set_reg(im->fk->ft, 0, "rip", ip);
	fake_target_set_reg(im->fk->ft, 0, "rsp", sp);
	fake_target_set_reg(im->fk->ft, 0, "rbp", fp);
}

static void pt_regs(struct image *im, uint64_t at, uint64_t ip, uint64_t sp, uint64_t fp, bool user)
{
	put(im, at + 8 * 4, fp);
	put(im, at + 8 * 16, ip);
	put(im, at + 8 * 17, user ? 0x33 : 0x10);
	put(im, at + 8 * 19, sp);
	put(im, at + 8 * 20, user ? 0x2b : 0x18);
}

/* What was written since is read: the cache believes that a stopped guest does not change. */
static void forget(struct image *im)
{
	mem_destroy(im->k->mem);
	im->k->mem = NULL;
	ASSERT_OK(mem_create(&im->fk->ft->t, &im->k->mem));
}

static struct unwound walk_task(struct image *im)
{
	struct unwound u;

	forget(im);
	unwinder_task(im->uw, (struct kva){ TASK }, &u);
	return u;
}

static struct unwound walk_vcpu(struct image *im)
{
	struct unwound u;
	struct kva task;

	forget(im);
	unwinder_vcpu(im->uw, 0, &task, &u);
	CU_ASSERT_EQUAL(task.v, TASK);
	return u;
}

static void check(struct unwound *u, enum unwound_end end, size_t nr, const uint64_t *ips)
{
	CU_ASSERT_EQUAL(u->end, end);
	CU_ASSERT_EQUAL(u->nr, nr);
	for (size_t i = 0; i < MIN(nr, u->nr); i++) {
		CU_ASSERT_EQUAL(u->frames[i].ip, ips[i]);
		if (u->frames[i].ip != ips[i])
			printf("# frame %zu: 0x%lx, not 0x%lx\n", i, (long)u->frames[i].ip, (long)ips[i]);
	}
	if (u->why && end != UNWOUND_BROKEN)
		printf("# %s\n", u->why->msg);
	err_free(u->why);
	u->why = NULL;
}
#define CHECK(u, end, ...)                                                                         \
	check(u, end, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8, (uint64_t[]){ __VA_ARGS__ })

/* ---- tests */

static void sleeping(enum format f)
{
	struct image im = image_new(f);
	uint64_t sp = STACK_END - 0x100, at = switched(&im, sp, STACK_END - 0x40, FUNC(F_SWITCH) + 9);

	put(&im, at, FUNC(F_A) + 5);		     /* SWITCH: sp + 8 */
	put(&im, at + 8 + 16, FUNC(F_B) + 5);	     /* A: 24 bytes */
	put(&im, STACK_END - 0x40, 0x1234);	     /* B: by its frame pointer */
	put(&im, STACK_END - 0x38, FUNC(F_START) + 7);
	struct unwound u = walk_task(&im);
	CHECK(&u, UNWOUND_START, FUNC(F_SWITCH) + 9, FUNC(F_A) + 5, FUNC(F_B) + 5, FUNC(F_START) + 7);
	CU_ASSERT_FALSE(u.frames[0].exact || u.frames[3].exact || u.frames[1].guess);
	CU_ASSERT_EQUAL(u.frames[1].sp, at + 8);
	CU_ASSERT_EQUAL(u.frames[3].sp, STACK_END - 0x30);
	CU_ASSERT_EQUAL(u.frames[3].stack, KSTACK_TASK);

	struct krange used;
	ASSERT_OK(unwinder_used(im.uw, (struct kva){ TASK }, &used));
	CU_ASSERT_EQUAL(used.addr.v, sp);
	CU_ASSERT_EQUAL(used.len, 0x100);
	image_free(&im);
}

/* Interrupted in A on the task's stack; the handler runs on the IRQ stack; from there to user space. */
static void interrupted(enum format f)
{
	struct image im = image_new(f);
	uint64_t sp = IRQ_TOP - 0x80, regs = STACK_END - 0x400;

	vcpu(&im, FUNC(F_A), sp, 77);
	put(&im, sp + 16, FUNC(F_IRQ_CALL) + 6);  /* A */
	put(&im, sp + 24, regs - 24);		  /* the stack pointer from before, and the word below its target */
	put(&im, regs - 24, FUNC(F_INTR) + 5);
	pt_regs(&im, regs - 8, FUNC(F_B) + 1, STACK_END - 0x200, STACK_END - 0x100, false);
	put(&im, regs - 8 + 8 * 14, 0xd1); /* di, r15 */
	put(&im, regs - 8, 0xf);
	put(&im, STACK_END - 0x100, 0);
	put(&im, STACK_END - 0xf8, FUNC(F_ENTRY) + 5);
	pt_regs(&im, STACK_END - 0xf0, 0x401000, 0x7ffe0000, 5, true);
	put(&im, STACK_END - 0xf0 + 8 * 12, 0xda7a); /* dx */
	struct unwound u = walk_vcpu(&im);
	CHECK(&u, UNWOUND_USER, FUNC(F_A), FUNC(F_IRQ_CALL) + 6, FUNC(F_INTR) + 5, FUNC(F_B) + 1,
	      FUNC(F_ENTRY) + 5, 0x401000);
	CU_ASSERT_TRUE(u.frames[0].exact && u.frames[3].exact && u.frames[5].user);
	CU_ASSERT_EQUAL(u.frames[0].stack, KSTACK_IRQ);
	CU_ASSERT_EQUAL(u.frames[2].stack, KSTACK_TASK);
	CU_ASSERT_EQUAL(u.frames[5].stack, KSTACK_NONE);
	CU_ASSERT_EQUAL(u.frames[5].sp, 0x7ffe0000);

	/* What the interrupt came into, and user space, had these registers; others are not known. */
	for (size_t i = 0; i < u.nr; i++)
		CU_ASSERT_EQUAL(!u.frames[i].saved, i != 3 && i != 5);
	const struct unwind_regs *saved = &u.saved[u.frames[3].saved - 1];
	CU_ASSERT_EQUAL(saved->has, 0x1ffff);
	CU_ASSERT_EQUAL(saved->v[5], 0xd1); /* rdi */
	CU_ASSERT_EQUAL(saved->v[6], STACK_END - 0x100); /* rbp */
	CU_ASSERT_EQUAL(saved->v[7], STACK_END - 0x200); /* rsp */
	CU_ASSERT_EQUAL(saved->v[15], 0xf);
	CU_ASSERT_EQUAL(saved->v[16], FUNC(F_B) + 1);
	saved = &u.saved[u.frames[5].saved - 1];
	CU_ASSERT_EQUAL(saved->v[1], 0xda7a); /* rdx */
	CU_ASSERT_EQUAL(saved->v[16], 0x401000);
	image_free(&im);
}

static void test_formats(void)
{
	for (unsigned int f = 0; f < NR_FORMATS; f++) {
		sleeping((enum format)f);
		interrupted((enum format)f);
	}
}

/* The lookup table is a help: without it, and beyond it, the whole table is searched. */
static void test_no_lookup(void)
{
	struct image im = image_new(ORC_6_4);
	uint64_t at = switched(&im, STACK_END - 0x100, 0, FUNC(F_SWITCH) + 9);
	uint32_t wild = 0xffffff;

	put(&im, at, FUNC(F_START) + 5);
	fake_kernel_write(im.fk, LOOKUP + 4 * (F_SWITCH * 64 >> 8), &wild, 4);
	struct unwound u = walk_task(&im);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u.why);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.why->msg, "lookup table makes no sense"));
	/* Then what is on the stack is guessed. */
	CHECK(&u, UNWOUND_BROKEN, FUNC(F_SWITCH) + 9, FUNC(F_START) + 5);
	CU_ASSERT_TRUE(u.frames[1].guess);
	image_free(&im);
}

static void test_never_ran(void)
{
	struct image im = image_new(ORC_7_1);

	/* Its first byte: asked about as it is, not as the call before it. */
	switched(&im, STACK_END - 0x100, 0, FUNC(F_START));
	struct unwound u = walk_task(&im);
	CHECK(&u, UNWOUND_START, FUNC(F_START));
	CU_ASSERT_TRUE(u.frames[0].exact);
	image_free(&im);
}

static void test_user_mode(void)
{
	struct image im = image_new(ORC_6_4);

	fake_target_set_reg(im.fk->ft, 0, "cs", 0x33);
	fake_target_set_reg(im.fk->ft, 0, "k_gs_base", PERCPU);
	vcpu(&im, 0x401234, 0x7ffe1234, 0);
	struct unwound u = walk_vcpu(&im);
	CHECK(&u, UNWOUND_USER, 0x401234);
	CU_ASSERT_EQUAL(u.frames[0].sp, 0x7ffe1234);
	image_free(&im);
}

/* Firmware left it in a mode of its own, and the kernel has not taken it from there. */
static void test_not_started(void)
{
	struct image im = image_new(ORC_6_4);
	struct unwound u;
	struct kva task;

	vcpu(&im, 0xfff0, 0, 0);
	fake_target_set_reg(im.fk->ft, 0, "gs_base", 0);
	fake_target_set_reg(im.fk->ft, 0, "cr3", 0);
	fake_target_set_reg(im.fk->ft, 0, "cr4", 0);
	for (uint64_t cr0 = 0x10; cr0 <= 0x11; cr0++) { /* real mode, no paging */
		fake_target_set_reg(im.fk->ft, 0, "cr0", cr0);
		unwinder_vcpu(im.uw, 0, &task, &u);
		CU_ASSERT_EQUAL(u.end, UNWOUND_NOT_STARTED);
		CU_ASSERT_EQUAL(u.nr, 0);
		CU_ASSERT_PTR_NULL(u.why);
		CU_ASSERT_EQUAL(task.v, 0);
	}
	/* In long mode it is the kernel's, and why it is none of its CPUs is told. */
	fake_target_set_reg(im.fk->ft, 0, "cr0", 0x80000011);
	fake_target_set_reg(im.fk->ft, 0, "cr4", 0x20);
	fake_target_set_reg(im.fk->ft, 0, "efer", 0x500);
	unwinder_vcpu(im.uw, 0, &task, &u);
	CU_ASSERT_EQUAL(u.end, UNWOUND_BROKEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u.why);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.why->msg, "none of the kernel's CPUs"));
	err_free(u.why);
	image_free(&im);
}

static void test_registers(void)
{
	struct image im = image_new(ORC_7_1);

	vcpu(&im, FUNC(F_REG) + 3, STACK_END - 0x200, 0);
	fake_target_set_reg(im.fk->ft, 0, "r10", STACK_END - 0x80);
	put(&im, STACK_END - 0x88, FUNC(F_REG) + 5);
	struct unwound u = walk_vcpu(&im);
	/* The second time nobody knows what r10 was. */
	CU_ASSERT_PTR_NOT_NULL_FATAL(u.why);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.why->msg, "register that is not saved"));
	CHECK(&u, UNWOUND_BROKEN, FUNC(F_REG) + 3, FUNC(F_REG) + 5);

	/* The frame pointer leads to a word on the stack, and that to the caller. */
	vcpu(&im, FUNC(F_FP) + 3, STACK_END - 0x200, STACK_END - 0x100);
	put(&im, STACK_END - 0x108, STACK_END - 0xc0);
	put(&im, STACK_END - 0xc8, FUNC(F_START) + 5);
	u = walk_vcpu(&im);
	CHECK(&u, UNWOUND_START, FUNC(F_FP) + 3, FUNC(F_START) + 5);
	image_free(&im);
}

static const uint8_t retpoline[] = { 0xe8, 1, 0, 0, 0, 0xcc, 0x48, 0x89, 0x04, 0x24, 0xc3 };

/* Stopped in the thunk of an indirect jump, of which the table says nothing. */
static void thunk_in(enum format f, uint64_t at, const uint8_t *code, size_t len, uint64_t in, uint64_t below)
{
	struct image im = image_new(f);
	uint64_t sp = STACK_END - 0x100;

	fake_kernel_write(im.fk, at, code, len);
	fake_kernel_write(im.fk, at - 16, "\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc", 8);
	vcpu(&im, at + in, sp, 0);
	put(&im, sp, at + 5);
	put(&im, sp + below, FUNC(F_A) + 5);
	put(&im, sp + below + 8 + 16, FUNC(F_START) + 5);
	struct unwound u = walk_vcpu(&im);
	CHECK(&u, UNWOUND_START, at + in, FUNC(F_A) + 5, FUNC(F_START) + 5);
	image_free(&im);
}

/* Up to 6.4 the table says that they are where stacks end. */
static void thunk(const uint8_t *code, size_t len, uint64_t in, uint64_t below)
{
	thunk_in(ORC_6_4, FUNC(F_NOTHING), code, len, in, below);
	thunk_in(ORC_6_1, FUNC(F_START) + 32, code, len, in, below);
}

static void test_thunks(void)
{
	static const uint8_t jmp[] = { 0x41, 0xff, 0xe3 }, lfence[] = { 0x0f, 0xae, 0xe8, 0xff, 0xe0 };

	thunk(retpoline, sizeof(retpoline), 0, 0);
	thunk(retpoline, sizeof(retpoline), 6, 8);
	thunk(jmp, sizeof(jmp), 0, 0);
	thunk(lfence, sizeof(lfence), 0, 0);
	thunk(lfence, sizeof(lfence), 3, 0);
}

/* An NMI on its own stack, into an entry on the trampoline stack that has not saved all registers, from user
 * space. */
static void test_nmi(void)
{
	struct image im = image_new(ORC_7_1);
	uint64_t sp = NMI_STACK + PAGE_SIZE - 0x200, iret = ENTRY_STACK + 0x100;

	vcpu(&im, FUNC(F_A), sp, 0);
	put(&im, sp + 16, FUNC(F_ENTRY) + 5);
	pt_regs(&im, sp + 24, FUNC(F_IRET) + 3, iret - 16, 0, false);
	put(&im, iret, 0x401000);
	put(&im, iret + 8, 0x33);
	put(&im, iret + 24, 0x7ffe0000);
	struct unwound u = walk_vcpu(&im);
	CHECK(&u, UNWOUND_USER, FUNC(F_A), FUNC(F_ENTRY) + 5, FUNC(F_IRET) + 3, 0x401000);
	CU_ASSERT_EQUAL(u.frames[0].stack, KSTACK_NMI);
	CU_ASSERT_EQUAL(u.frames[2].stack, KSTACK_ENTRY);
	CU_ASSERT_EQUAL(u.frames[3].sp, 0x7ffe0000);
	CU_ASSERT_TRUE(u.frames[2].exact);

	/* Guesses go on, on the stack that the NMI came into. */
	vcpu(&im, FUNC(F_NOTHING), sp, 0);
	put(&im, NMI_STACK + PAGE_SIZE - 16, STACK_END - 0x40);
	put(&im, STACK_END - 0x20, FUNC(F_B) + 7);
	u = walk_vcpu(&im);
	CU_ASSERT_EQUAL(u.end, UNWOUND_BROKEN);
	CU_ASSERT_TRUE(u.nr >= 2 && u.frames[u.nr - 1].guess);
	CU_ASSERT_EQUAL(u.frames[u.nr - 1].ip, FUNC(F_B) + 7);
	CU_ASSERT_EQUAL(u.frames[u.nr - 1].stack, KSTACK_TASK);
	err_free(u.why);
	image_free(&im);
}

/* A call through a null pointer. */
static void test_null(void)
{
	struct image im = image_new(ORC_6_4);

	vcpu(&im, 0, STACK_END - 0x100, 0);
	put(&im, STACK_END - 0x100, FUNC(F_START) + 9);
	struct unwound u = walk_vcpu(&im);
	CHECK(&u, UNWOUND_START, 0, FUNC(F_START) + 9);
	image_free(&im);
}

static void jit_case(struct image *im, uint64_t in, uint64_t sp, uint64_t fp)
{
	vcpu(im, JIT + in, sp, fp);
	struct unwound u = walk_vcpu(im);

	CHECK(&u, UNWOUND_START, JIT + in, FUNC(F_B) + 5, FUNC(F_START) + 7);
	/* B needs the frame pointer that the program saved. */
}

static void test_jit(void)
{
	/* endbr64; nopl; push %rbp; mov %rsp,%rbp; ... */
	static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0x00, 0x00,
					0x55, 0x48, 0x89, 0xe5, 0x90 };
	static const uint8_t epilogue[] = { 0xc9, 0xc3 };
	struct image im = image_new(ORC_6_4);
	struct unwind_code prog = { .start = JIT, .end = JIT + 100 };
	uint64_t frame = STACK_END - 0x100, b_fp = STACK_END - 0x40;

	fake_kernel_write(im.fk, JIT, code, sizeof(code));
	fake_kernel_write(im.fk, JIT + 98, epilogue, sizeof(epilogue));
	ASSERT_OK(unwinder_add_code(im.uw, &prog));
	put(&im, frame, b_fp);
	put(&im, frame + 8, FUNC(F_B) + 5);
	put(&im, b_fp, 1);
	put(&im, b_fp + 8, FUNC(F_START) + 7);

	jit_case(&im, 0, frame + 8, b_fp);     /* at its first byte */
	jit_case(&im, 9, frame + 8, b_fp);     /* before the push */
	jit_case(&im, 10, frame, b_fp);	       /* between push and mov */
	jit_case(&im, 13, frame, frame);       /* set up */
	jit_case(&im, 60, frame - 64, frame);  /* in the middle */
	jit_case(&im, 99, frame + 8, b_fp);    /* about to return */
	image_free(&im);
}

static void test_trampolines(void)
{
	struct image im = image_new(ORC_6_4);
	uint64_t at = switched(&im, STACK_END - 0x200, 0, FUNC(F_SWITCH) + 9), shadow = 0xffff888005000000,
		 node = 0xffff888005001000;

	/* Three records of the graph tracer: of another place, of a tail call, and ours. */
	put(&im, at, FUNC(F_GRAPH));
	put(&im, shadow, FUNC(F_B) + 1);
	put(&im, shadow + 16, at + 0x40);
	put(&im, shadow + 24, 0x1003); /* what 6.11 put between */
	put(&im, shadow + 32, FUNC(F_A) + 5);
	put(&im, shadow + 48, at);
	put(&im, shadow + 64, FUNC(F_GRAPH));
	put(&im, shadow + 80, at);
	put(&im, TASK + T_RET_STACK, shadow);
	put(&im, TASK + T_CURR, 11);
	/* A's caller is a kretprobe's. */
	put(&im, at + 8 + 16, FUNC(F_RETHOOK));
	put(&im, TASK + T_RETHOOKS, node + 16);
	put(&im, node + 16, node + 16 + 64);
	put(&im, node + 32, FUNC(F_B));
	put(&im, node + 40, at);
	put(&im, node + 64 + 16, 0);
	put(&im, node + 64 + 32, JIT + 0x1000 + 9);
	put(&im, node + 64 + 40, at + 8 + 16);
	/* And that is a trampoline of ftrace: a copy of ftrace_caller, 40 bytes of stack. */
	put(&im, at + 8 + 16 + 8 + 32, FUNC(F_START) + 3);
	struct unwound u = walk_task(&im);
	CHECK(&u, UNWOUND_START, FUNC(F_SWITCH) + 9, FUNC(F_A) + 5, JIT + 0x1009, FUNC(F_START) + 3);

	/* Nobody's record: no frame is made up. */
	put(&im, TASK + T_CURR, 4);
	u = walk_task(&im);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u.why);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.why->msg, "no record of where the trampoline"));
	CU_ASSERT_TRUE(u.nr > 1 && u.frames[1].guess);
	err_free(u.why);
	image_free(&im);
}

/* Types may say that a member lies behind its struct. */
static void test_record_beyond(void)
{
	struct image im = image_with(ORC_6_4, 24);
	uint64_t at = switched(&im, STACK_END - 0x200, 0, FUNC(F_SWITCH) + 9), shadow = 0xffff888005000000;

	put(&im, at, FUNC(F_GRAPH));
	put(&im, shadow, FUNC(F_A) + 5);
	put(&im, shadow + 24, at);
	put(&im, TASK + T_RET_STACK, shadow);
	put(&im, TASK + T_CURR, 3);
	struct unwound u = walk_task(&im);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u.why);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.why->msg, "no record of where the trampoline"));
	err_free(u.why);
	image_free(&im);
}

static void test_guesses(void)
{
	struct image im = image_new(ORC_6_4);
	uint64_t at = switched(&im, STACK_END - 0x200, 0, FUNC(F_NOTHING) + 9);

	put(&im, at + 8, FUNC(F_A) + 5);
	put(&im, at + 16, FUNC(F_B)); /* a function's address, no return address */
	put(&im, at + 24, TEXT_END + 5);
	put(&im, at + 40, FUNC(F_B) + 2);
	pt_regs(&im, STACK_END - 168 - 16, 0x401000, 0x7ffe0000, 0, true);
	struct unwound u = walk_task(&im);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u.why);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.why->msg, "says nothing about this code"));
	CHECK(&u, UNWOUND_BROKEN, FUNC(F_NOTHING) + 9, FUNC(F_A) + 5, FUNC(F_B) + 2, 0x401000);
	CU_ASSERT_TRUE(u.frames[1].guess && u.frames[2].guess && u.frames[3].user);
	CU_ASSERT_EQUAL(u.frames[2].sp, at + 40);
	image_free(&im);
}

static void expect_broken(struct image *im, const char *why)
{
	struct unwound u = walk_task(im);

	CU_ASSERT_EQUAL(u.end, UNWOUND_BROKEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u.why);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.why->msg, why));
	if (!strstr(u.why->msg, why))
		printf("# %s\n", u.why->msg);
	/* It contradicts itself, but all of it could be read. */
	CU_ASSERT_NOT_EQUAL(u.why->code, ERR_FAULT);
	err_free(u.why);
}

static void test_hostile(void)
{
	struct image im = image_new(ORC_6_4);
	uint64_t sp = STACK_END - 0x200, at = switched(&im, sp, sp - 0x100, FUNC(F_SWITCH) + 9);

	/* B's frame pointer leads back down: for ever. */
	put(&im, at, FUNC(F_B) + 5);
	put(&im, sp - 0xf8, FUNC(F_B) + 5);
	put(&im, sp - 0x100, sp - 0x100);
	expect_broken(&im, "wrong way");
	/* Out of all stacks. */
	put(&im, sp + 40, 0x10);
	expect_broken(&im, "is on no stack");
	/* A frame pointer that is not aligned. */
	put(&im, sp + 40, sp + 0x101);
	expect_broken(&im, "is on no stack");
	/* To something that is no code. */
	put(&im, at, 0xffffffff90000000);
	expect_broken(&im, "is no code");
	put(&im, sp + 48, 0x1234);
	expect_broken(&im, "is no code");
	put(&im, TASK + T_THREAD + 8, STACK_END - 8);
	expect_broken(&im, "is on no stack");
	put(&im, TASK + T_THREAD + 8, 0xdead000000000000);
	expect_broken(&im, "is on no stack");
	put(&im, TASK + T_STACK, 0xffffffffffffff00);
	expect_broken(&im, "is on no stack");
	put(&im, TASK + T_STACK, 0);
	expect_broken(&im, "no stack any more");
	image_free(&im);
}

/* As many frames as a stack holds. */
static void test_deep(void)
{
	struct image im = image_new(ORC_6_4);
	uint64_t at = switched(&im, STACK + 0x100, 0, FUNC(F_SWITCH) + 9);

	for (; at + 8 <= STACK_END; at += 8)
		put(&im, at, FUNC(F_SWITCH) + 9);
	struct unwound u = walk_task(&im);
	CU_ASSERT_EQUAL(u.end, UNWOUND_CAPPED);
	CU_ASSERT_EQUAL(u.nr, UNWIND_FRAMES_MAX);
	err_free(u.why);
	image_free(&im);
}

static void test_tables(void)
{
	struct image im = image_new(ORC_UNKNOWN);
	struct orc *orc = NULL;
	uint8_t wild[6 * NR_RULES];

	/* A code that nobody knows is the commonest. */
	memset(wild, 0xcc, sizeof(wild));
	fake_kernel_write(im.fk, TABLE, wild, sizeof(wild));
	forget(&im);
	ASSERT_ERR(orc_create(im.k, &orc), ERR_UNSUPPORTED, "codes that nobody knows");
	image_free(&im);

	/* Tables of nothing but noise end walks, nothing else. */
	im = image_new(ORC_6_4);
	srand(7);
	for (unsigned int round = 0; round < 300; round++) {
		uint8_t noise[4 * NR_RULES];

		for (size_t i = 0; i < sizeof(wild); i++)
			wild[i] = (uint8_t)rand();
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)(round % 2 ? rand() : 0);
		fake_kernel_write(im.fk, TABLE, wild, sizeof(wild));
		if (round % 3 == 2)
			fake_kernel_write(im.fk, TABLE_IP, noise, sizeof(noise));
		for (uint64_t at = STACK; at < STACK_END; at += 8) {
			uint64_t v = (uint64_t)rand();

			put(&im, at, v % 3 ? FUNC(v % 64) + v % 50 : STACK + v % 0x4000);
		}
		switched(&im, STACK + 0x100 + 8 * (uint64_t)(rand() % 1000), STACK + 0x800, FUNC(rand() % 64) + 3);
		unwinder_destroy(im.uw);
		forget(&im);
		ASSERT_OK(unwinder_create(im.k, &im.uw));
		struct unwound u = walk_task(&im);
		CU_ASSERT_TRUE(u.nr <= UNWIND_FRAMES_MAX);
		err_free(u.why);
	}
	image_free(&im);
}

UNIT_MAIN("unwind", { "each format of the tables", test_formats }, { "the lookup table", test_no_lookup },
	  { "a task that never ran", test_never_ran }, { "user mode", test_user_mode },
	  { "a vCPU that was not started", test_not_started },
	  { "registers as a base", test_registers }, { "thunks of indirect jumps", test_thunks }, { "NMI and entry stacks", test_nmi },
	  { "a call through NULL", test_null },
	  { "generated code", test_jit }, { "tracers' trampolines", test_trampolines },
	  { "a tracer's records of strange types", test_record_beyond },
	  { "guesses", test_guesses }, { "hostile stacks", test_hostile }, { "deep stacks", test_deep },
	  { "hostile tables", test_tables })
