/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mirrors arch/x86/kernel/unwind_orc.c, and what comes before it: struct inactive_task_frame, pt_regs. */
#include "config.h"

#include "arch/unwind.h"

#include <inttypes.h>

/* struct pt_regs in words; the last five are what the processor pushes (with FRED more follows). */
enum {
	R15,
	R14,
	R13,
	R12,
	BP,
	BX,
	R11,
	R10,
	R9,
	R8,
	AX,
	CX,
	DX,
	SI,
	DI,
	IP = 16, /* behind what the entry pushed: a system call's number, an error code */
	CS,
	FLAGS,
	SP,
	SS,
	NR_REGS,
};

/* struct inactive_task_frame in words: what __switch_to_asm pushes, and its return address. */
enum { FRAME_BP = 5, FRAME_RET, NR_FRAME };

static struct err *stack_words(const struct unwind *u, uint64_t addr, uint64_t *words, size_t nr)
{
	if (!u->env->on_stack(u->ctx, addr, nr * 8))
		return err_new(ERR_CORRUPT, "0x%" PRIx64 " is on no stack", addr);
	TRY(u->env->read(u->ctx, addr, words, nr * 8));
	for (size_t i = 0; i < nr; i++)
		words[i] = get_le64(&words[i]);
	return NULL;
}

static void set_reg(struct unwind *u, enum unwind_base reg, uint64_t value)
{
	u->regs[reg] = value;
	u->has_regs |= 1u << reg;
}

static struct err *x86_64_vcpu(struct unwind *u, const struct target *t, size_t vcpu)
{
	static const struct {
		enum unwind_base base;
		const char *name;
	} regs[] = {
		{ UNWIND_AX, "rax" },  { UNWIND_DX, "rdx" },  { UNWIND_DI, "rdi" },
		{ UNWIND_R10, "r10" }, { UNWIND_R13, "r13" },
	};
	uint64_t cs;

	TRY(target_reg(t, vcpu, "rip", &u->ip));
	TRY(target_reg(t, vcpu, "rsp", &u->sp));
	TRY(target_reg(t, vcpu, "rbp", &u->fp));
	TRY(target_reg(t, vcpu, "cs", &cs));
	set_reg(u, UNWIND_FP, u->fp);
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		uint64_t value;
		struct err *e = target_reg(t, vcpu, regs[i].name, &value);

		if (!e)
			set_reg(u, regs[i].base, value);
		err_ignore(e); /* the few rules that need it will miss it */
	}
	u->exact = true;
	u->user = (cs & 3) == 3;
	return NULL;
}

static struct err *x86_64_switched(struct unwind *u, uint64_t member)
{
	uint64_t sp, frame[NR_FRAME];

	TRY(u->env->read(u->ctx, member, &sp, sizeof(sp)));
	sp = get_le64(&sp);
	TRY(stack_words(u, sp, frame, NR_FRAME));
	u->ip = frame[FRAME_RET];
	u->fp = frame[FRAME_BP];
	u->sp = sp + sizeof(frame);
	return NULL;
}

/* ---- Code that was generated at run time: it keeps frame pointers, but not from its first byte on. */

static const struct unwind_rule by_frame_pointer = {
	.type = UNWIND_CALL,
	.sp_base = UNWIND_FP,
	.sp_off = 16,
	.fp_base = UNWIND_PREV_SP,
	.fp_off = -16,
};

/* Just called, or about to return: nothing is on the stack but the return address. */
static const struct unwind_rule bare = { .type = UNWIND_CALL, .sp_base = UNWIND_SP, .sp_off = 8 };

/* The frame pointer is saved, and not set yet. */
static const struct unwind_rule pushed = {
	.type = UNWIND_CALL,
	.sp_base = UNWIND_SP,
	.sp_off = 16,
	.fp_base = UNWIND_PREV_SP,
	.fp_off = -16,
};

/* Length of an instruction that may come before "push %rbp": endbr64, nops or a call in the place of
 * one, clearing the count of tail calls; 0 for any other. */
static size_t before_push(const uint8_t *code, size_t left)
{
	static const struct {
		uint8_t len, significant, bytes[4];
	} known[] = {
		{ 4, 4, { 0xf3, 0x0f, 0x1e, 0xfa } }, { 5, 4, { 0x0f, 0x1f, 0x44, 0x00 } },
		{ 5, 1, { 0xe8 } },		      { 2, 2, { 0x31, 0xc0 } },
		{ 3, 3, { 0x0f, 0x1f, 0x00 } },	      { 2, 2, { 0x66, 0x90 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].len <= left && !memcmp(code, known[i].bytes, known[i].significant))
			return known[i].len;
	}
	return 0;
}

enum { PUSH_RBP = 0x55, LEAVE = 0xc9, PROLOGUE = 32 };

static struct unwind_rule generated(const struct unwind *u, uint64_t func)
{
	uint8_t code[PROLOGUE];
	uint64_t in = u->ip - func;
	struct err *e = NULL;

	if (!func)
		return by_frame_pointer;
	/* A tracer of the program is called from before the push too. */
	if (in < sizeof(code)) {
		size_t at = 0, n;

		e = u->env->read(u->ctx, func, code, sizeof(code));
		while (!e && at < in && (n = before_push(code + at, sizeof(code) - at)))
			at += n;
		if (!e && at == in)
			return bare;
		/* Past the push and at the move after it. */
		if (!e && at + 1 == in && code[at] == PUSH_RBP)
			return pushed;
	} else if (u->exact) {
		e = u->env->read(u->ctx, u->ip - 1, code, 1);
		if (!e && code[0] == LEAVE)
			return bare;
	}
	err_ignore(e); /* without the code the usual case it is */
	return by_frame_pointer;
}

/*
 * The table gives up on the thunks that indirect jumps go through (arch/x86/lib/retpoline.S), up to 6.4 as if
 * stacks ended there, but who is stopped at their start, or before they exchange the return address, has it
 * where a called function has.
 */
static void in_thunk(const struct unwind *u, struct unwind_rule *rule)
{
	static const uint8_t call_over_int3[] = { 0xe8, 0x01, 0x00, 0x00, 0x00, 0xcc };
	static const uint8_t lfence[] = { 0x0f, 0xae, 0xe8 };
	enum { CALL_LEN = sizeof(call_over_int3) };
	uint8_t code[2 * CALL_LEN];
	const uint8_t *at = code + CALL_LEN;
	struct err *e = u->env->read(u->ctx, u->ip - CALL_LEN, code, sizeof(code));

	if (e) {
		err_free(e);
		return;
	}
	size_t fence = !memcmp(at, lfence, sizeof(lfence)) ? sizeof(lfence) : 0;
	size_t rex = fence + (at[fence] == 0x41);
	if (!memcmp(code, call_over_int3, CALL_LEN)) {
		*rule = bare;
		rule->sp_off = 16; /* over the address of the int3 */
	} else if (!memcmp(at, call_over_int3, CALL_LEN) ||
		   (at[rex] == 0xff && at[rex + 1] >> 3 == 0xe0 >> 3)) { /* jmp *%reg */
		*rule = bare;
	}
}

/* ---- */

static struct err *find_rule(const struct unwind *u, struct unwind_rule *rule)
{
	uint64_t func = 0;

	/* A call through a null pointer. */
	if (!u->ip) {
		*rule = bare;
		return NULL;
	}
	/* Behind a call that never returns another function may begin: the call itself is asked about. */
	struct err *e = u->env->rule(u->ctx, u->exact ? u->ip : u->ip - 1, rule, &func);
	if (!e && (rule->type == UNWIND_UNDEFINED || rule->type == UNWIND_END) && u->exact)
		in_thunk(u, rule);
	if (!e || e->code != ERR_MISSING)
		return e;
	err_free(e);
	*rule = generated(u, func);
	return NULL;
}

static struct err *find_sp(const struct unwind *u, const struct unwind_rule *rule, uint64_t *ret)
{
	uint64_t off = (uint64_t)(int64_t)rule->sp_off;

	switch (rule->sp_base) {
	case UNWIND_SP:
		*ret = u->sp + off;
		return NULL;
	case UNWIND_FP:
		*ret = u->fp + off;
		return NULL;
	case UNWIND_SP_IND:
		TRY(stack_words(u, u->sp, ret, 1));
		*ret += off;
		return NULL;
	case UNWIND_FP_IND:
		return stack_words(u, u->fp + off, ret, 1);
	case UNWIND_AX:
	case UNWIND_DX:
	case UNWIND_DI:
	case UNWIND_R10:
	case UNWIND_R13:
		if (!(u->has_regs & 1u << rule->sp_base))
			return err_new(ERR_CORRUPT, "needs a register that is not saved");
		*ret = u->regs[rule->sp_base] + off;
		return NULL;
	default:
		return err_new(ERR_CORRUPT, "the table has no way to the stack pointer");
	}
}

/* DWARF's order. */
static void save_regs(struct unwind *u, const uint64_t *regs)
{
	static const uint8_t order[UNWIND_REGS_MAX] = { AX, DX, CX, BX, SI,  DI,  BP,  SP, R8,
							R9, R10, R11, R12, R13, R14, R15, IP };

	for (size_t i = 0; i < UNWIND_REGS_MAX; i++)
		u->saved.v[i] = regs[order[i]];
	u->saved.has = (1u << UNWIND_REGS_MAX) - 1;
}

static void take_regs(struct unwind *u, const uint64_t *regs)
{
	save_regs(u, regs);
	u->has_regs = 0;
	set_reg(u, UNWIND_AX, regs[AX]);
	set_reg(u, UNWIND_DX, regs[DX]);
	set_reg(u, UNWIND_DI, regs[DI]);
	set_reg(u, UNWIND_R10, regs[R10]);
	set_reg(u, UNWIND_R13, regs[R13]);
	set_reg(u, UNWIND_FP, regs[BP]);
}

static struct err *step(struct unwind *u, const struct unwind_rule *rule, uint64_t sp)
{
	uint64_t regs[NR_REGS], slot;

	u->saved.has = 0;
	switch (rule->type) {
	case UNWIND_CALL:
		slot = sp - 8;
		TRY(stack_words(u, slot, &u->ip, 1));
		u->sp = sp;
		u->has_regs = 0;
		break;
	case UNWIND_REGS:
	case UNWIND_IRET:
		if (rule->type == UNWIND_REGS) {
			TRY(stack_words(u, sp, regs, NR_REGS));
			take_regs(u, regs);
		} else {
			/* In an entry that an NMI came into; the registers are those that it found. */
			TRY(stack_words(u, sp, regs + IP, NR_REGS - IP));
		}
		u->ip = regs[IP];
		u->sp = regs[SP];
		u->user = (regs[CS] & 3) == 3;
		if (u->user)
			return NULL;
		/* Caught just after the return into a trampoline. */
		slot = u->sp - 8;
		break;
	default:
		return err_new(ERR_CORRUPT, "the table says nothing about this code");
	}
	return u->env->return_address(u->ctx, slot, &u->ip);
}

static struct err *x86_64_next(struct unwind *u, bool *end)
{
	struct unwind_rule rule;
	struct unwind to = *u;
	uint64_t sp;

	*end = u->user;
	if (*end)
		return NULL;
	TRY(find_rule(u, &rule));
	*end = rule.type == UNWIND_END;
	if (*end)
		return NULL;
	if (rule.type == UNWIND_UNDEFINED)
		return err_new(ERR_CORRUPT, "the table says nothing about this code");
	TRY(find_sp(u, &rule, &sp));
	TRY(step(&to, &rule, sp));
	to.exact = rule.exact;
	if (!to.user) {
		if (rule.fp_base == UNWIND_PREV_SP)
			TRY(stack_words(u, sp + (uint64_t)(int64_t)rule.fp_off, &to.fp, 1));
		else if (rule.fp_base == UNWIND_FP)
			TRY(stack_words(u, u->fp + (uint64_t)(int64_t)rule.fp_off, &to.fp, 1));
		else if (rule.fp_base != UNWIND_NONE)
			return err_new(ERR_CORRUPT, "the table has no way to the frame pointer");
		else if (to.has_regs & 1u << UNWIND_FP)
			to.fp = to.regs[UNWIND_FP];
	}
	*u = to;
	return NULL;
}

static struct err *x86_64_user(struct unwind *u, uint64_t stack_end)
{
	/* TOP_OF_KERNEL_STACK_PADDING is 16 where the kernel is built for FRED (6.9). */
	static const unsigned int paddings[] = { 0, 16 };
	uint64_t regs[NR_REGS];

	for (size_t i = 0; i < ARRAY_SIZE(paddings); i++) {
		TRY(stack_words(u, stack_end - paddings[i] - sizeof(regs), regs, NR_REGS));
		/* __USER_CS, or __USER32_CS; __USER_DS. */
		if ((regs[CS] != 0x33 && regs[CS] != 0x23) || regs[SS] != 0x2b || regs[IP] >> 63)
			continue;
		u->ip = regs[IP];
		u->sp = regs[SP];
		u->user = u->exact = true;
		save_regs(u, regs);
		return NULL;
	}
	return err_new(ERR_MISSING, "no user's registers at the top of the stack");
}

const struct unwind_ops unwind_x86_64 = {
	.vcpu = x86_64_vcpu,
	.thread_member = "thread.sp",
	.switched = x86_64_switched,
	.next = x86_64_next,
	.user = x86_64_user,
};
