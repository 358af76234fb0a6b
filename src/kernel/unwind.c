/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/unwind.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/vec.h"
#include "kernel/internal.h"
#include "kernel/ret-hooks.h"

struct unwinder {
	struct kernel *k;
	const struct unwind_ops *ops;
	struct orc *orc;
	struct kstack_layout stacks;
	struct ret_hooks hooks;
	struct member stack, thread, curr;
	uint64_t task_size; /* of a task's stack */
	struct {
		uint64_t start, end;
	} image[2]; /* the kernel's code: for good, and for booting */
	VEC(struct unwind_code) code;
	bool sorted;
};

/* One stack while it is walked. */
struct walk {
	struct unwinder *uw;
	struct kva task; /* whose tracers' records count */
	struct kstacks stacks;
	uint32_t visited; /* bit per stack: a chain of them does not come back */
	struct unwind u;
	struct unwound *ret;
};

/* ---- code */

/* Sorted when it is first needed; nothing here sleeps in between. */
static int by_start(const void *a, const void *b)
{
	const struct unwind_code *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static const struct unwind_code *code_at(struct unwinder *uw, uint64_t addr)
{
	size_t lo = 0, hi = uw->code.nr;

	if (!uw->sorted && hi)
		qsort(uw->code.data, hi, sizeof(*uw->code.data), by_start);
	uw->sorted = true;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (uw->code.data[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < uw->code.data[lo - 1].end ? &uw->code.data[lo - 1] : NULL;
}

static bool in_image(const struct unwinder *uw, uint64_t addr)
{
	for (size_t i = 0; i < ARRAY_SIZE(uw->image); i++) {
		if (addr >= uw->image[i].start && addr < uw->image[i].end)
			return true;
	}
	return false;
}

bool unwinder_is_code(struct unwinder *uw, uint64_t addr)
{
	return in_image(uw, addr) || code_at(uw, addr);
}

struct err *unwinder_add_code(struct unwinder *uw, const struct unwind_code *code)
{
	if (code->end <= code->start)
		return NULL;
	struct unwind_code *c = vec_push(&uw->code);
	if (!c)
		return &err_nomem;
	*c = *code;
	uw->sorted = false;
	return NULL;
}

struct ftrace_layout {
	struct member next, flags, trampoline, size;
};

/* Trampolines of ftrace are copies of its two entries, made for one user of it each. */
static struct err *add_ftrace(struct unwinder *uw)
{
	static const struct layout_member members[] = {
		LAYOUT_OPT(struct ftrace_layout, next, "ftrace_ops", "next"),
		LAYOUT_OPT(struct ftrace_layout, flags, "ftrace_ops", "flags"),
		LAYOUT_OPT(struct ftrace_layout, trampoline, "ftrace_ops", "trampoline"),
		LAYOUT_OPT(struct ftrace_layout, size, "ftrace_ops", "trampoline_size"),
	};
	enum { SAVE_REGS = 1 << 2, OPS_MAX = 1024 }; /* FTRACE_OPS_FL_SAVE_REGS */
	struct ftrace_layout l;
	struct kernel *k = uw->k;
	struct kva ops, list, end, plain, with_regs;

	TRY(klayout(k, members, ARRAY_SIZE(members), &l, NULL));
	if (!l.next.present || !l.flags.present || !l.trampoline.present || !l.size.present)
		return NULL;
	TRY(ksym(k, "ftrace_ops_list", &list));
	TRY(ksym(k, "ftrace_list_end", &end));
	TRY(ksym(k, "ftrace_caller", &plain));
	TRY(ksym(k, "ftrace_regs_caller", &with_regs));
	TRY(kread_kva(k, list, &ops));
	for (size_t i = 0; ops.v && ops.v != end.v && i < OPS_MAX; i++) {
		uint64_t flags, at, size, to;

		TRY(kget(k, ops, &l.flags, &flags));
		TRY(kget(k, ops, &l.trampoline, &at));
		TRY(kget(k, ops, &l.size, &size));
		if (at && size && size <= PAGE_SIZE && !add_overflows(at, size, &to))
			TRY(unwinder_add_code(uw, &(struct unwind_code){
				.start = at, .end = to,
				.copy_of = flags & SAVE_REGS ? with_regs.v : plain.v }));
		TRY(kget_kva(k, ops, &l.next, &ops));
	}
	return NULL;
}

static struct err *add_module(struct unwinder *uw, const struct kmodule *mod)
{
	for (size_t i = 0; i < mod->nr_ranges; i++) {
		const struct kmodule_range *r = &mod->ranges[i];
		struct unwind_code code = {
			.start = r->start, .end = r->start + r->len,
			.orc = { mod->orc_unwind_ip, mod->orc_unwind, mod->num_orcs },
		};

		if (!strcmp(r->what, "text") || !strcmp(r->what, "init_text"))
			TRY(unwinder_add_code(uw, &code));
	}
	return NULL;
}

/* Modules have tables of their own; BPF's programs and trampolines keep frame pointers. */
static struct err *add_others(struct unwinder *uw)
{
	const struct modules *mods;
	const struct code *codes;
	size_t nr;

	TRY(kmodules(uw->k, &mods));
	for (size_t i = 0; i < mods->nr; i++)
		TRY(add_module(uw, &mods->data[i]));
	TRY(kcodes(uw->k, &codes, &nr));
	for (size_t i = 0; i < nr; i++) {
		struct unwind_code code = { .start = codes[i].start, .end = codes[i].end };

		if (codes[i].owner == SYM_BPF_PROG || codes[i].owner == SYM_BPF_IMAGE)
			TRY(unwinder_add_code(uw, &code));
	}
	return NULL;
}

/* ---- what the processor's part asks for */

static struct err *env_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct walk *w = ctx;

	return kread(w->uw->k, (struct kva){ addr }, buf, len);
}

static bool env_on_stack(void *ctx, uint64_t addr, size_t len)
{
	const struct walk *w = ctx;
	const struct kstack *s = kstack_at(&w->stacks, addr);

	return s && len <= s->end - addr && !(addr & 7);
}

static struct err *env_rule(void *ctx, uint64_t at, struct unwind_rule *ret, uint64_t *func)
{
	const struct walk *w = ctx;
	struct unwinder *uw = w->uw;

	if (in_image(uw, at))
		return orc_find(uw->orc, at, ret);

	const struct unwind_code *code = code_at(uw, at);
	if (!code)
		return err_new(ERR_CORRUPT, "0x%016" PRIx64 " is no code", at);
	if (code->orc.nr)
		return orc_find_in(uw->orc, &code->orc, at, ret);
	if (code->copy_of)
		return orc_find(uw->orc, code->copy_of + (at - code->start), ret);
	*func = code->start;
	return err_new(ERR_MISSING, "generated code");
}

static struct err *env_return_address(void *ctx, uint64_t slot, uint64_t *ip)
{
	const struct walk *w = ctx;

	return w->task.v ? ret_hooks_resolve(&w->uw->hooks, w->task, slot, ip) : NULL;
}

static const struct unwind_env env = {
	.read = env_read,
	.on_stack = env_on_stack,
	.rule = env_rule,
	.return_address = env_return_address,
};

/* ---- walking */

/* A stack pointer may point just past the end of an empty stack. */
static const struct kstack *stack_of(const struct walk *w, uint64_t sp)
{
	const struct kstack *s = kstack_at(&w->stacks, sp);

	return s ? s : kstack_at(&w->stacks, sp - 8);
}

static struct kframe *push(struct walk *w, uint64_t ip, uint64_t sp)
{
	const struct kstack *s = stack_of(w, sp);

	if (w->ret->nr == UNWIND_FRAMES_MAX)
		return NULL;
	struct kframe *f = &w->ret->frames[w->ret->nr++];
	*f = (struct kframe){ .ip = ip, .sp = sp, .stack = s ? s->kind : KSTACK_NONE };
	return f;
}

static void save_regs(struct walk *w, struct kframe *f, const struct unwind *u)
{
	struct unwound *ret = w->ret;

	if (!u->saved.has || ret->nr_saved == UNWIND_SAVED_MAX)
		return;
	ret->saved[ret->nr_saved++] = u->saved;
	f->saved = (uint8_t)ret->nr_saved;
}

static bool push_frame(struct walk *w)
{
	struct kframe *f = push(w, w->u.ip, w->u.sp);

	if (!f) {
		w->ret->end = UNWOUND_CAPPED;
		return false;
	}
	f->exact = w->u.exact;
	f->user = w->u.user;
	if (f->user)
		f->stack = KSTACK_NONE;
	save_regs(w, f, &w->u);
	return true;
}

/* Upwards on one stack, or on to one that the walk has not been on. */
static struct err *check_progress(struct walk *w, uint64_t from_sp)
{
	const struct kstack *from = stack_of(w, from_sp), *to = stack_of(w, w->u.sp);

	if (!unwinder_is_code(w->uw, w->u.ip))
		return err_new(ERR_CORRUPT, "0x%016" PRIx64 " is no code", w->u.ip);
	if (!to) /* code of the entry, still on the user's stack */
		return NULL;
	if (from == to) {
		if (w->u.sp <= from_sp)
			return err_new(ERR_CORRUPT, "the stack goes the wrong way");
		return NULL;
	}
	uint32_t bit = 1u << (to - w->stacks.stacks);
	if (w->visited & bit)
		return err_new(ERR_CORRUPT, "back to a stack that it came from");
	w->visited |= bit;
	return NULL;
}

static void mark_first(struct walk *w)
{
	const struct kstack *s = stack_of(w, w->u.sp);

	if (s)
		w->visited |= 1u << (s - w->stacks.stacks);
}

/* Return addresses follow calls, so none is the start of a function. */
static bool may_return_to(const struct walk *w, uint64_t addr)
{
	uint64_t offset;

	if (!unwinder_is_code(w->uw, addr))
		return false;
	return !in_image(w->uw, addr) ||
	       (symbols_at(w->uw->k->symbols, addr, &offset, NULL) && offset);
}

static void guess(struct walk *w, uint64_t sp)
{
	size_t guesses = 0;
	const struct kstack *s;

	while ((s = kstack_at(&w->stacks, sp = align_up(sp, 8)))) {
		for (; sp < s->end && guesses < UNWIND_GUESSES_MAX; sp += 8) {
			uint8_t raw[8];
			struct err *e = kread(w->uw->k, (struct kva){ sp }, raw, sizeof(raw));

			if (e) {
				err_free(e);
				return;
			}
			if (!may_return_to(w, get_le64(raw)))
				continue;
			struct kframe *f = push(w, get_le64(raw), sp);
			if (!f)
				return;
			f->guess = true;
			guesses++;
		}
		if (guesses == UNWIND_GUESSES_MAX)
			return;
		if (!s->link) {
			struct unwind top = { .env = &env, .ctx = w };
			struct err *e = s->kind != KSTACK_TASK ? NULL : w->uw->ops->user(&top, s->end);
			struct kframe *f = !e && top.user ? push(w, top.ip, top.sp) : NULL;

			if (f) {
				f->user = f->exact = true;
				f->stack = KSTACK_NONE;
				save_regs(w, f, &top);
			}
			err_ignore(e); /* a kernel thread */
			return;
		}
		/* On to the stack from before, unless that is where it came from. */
		struct err *e = kread_u64(w->uw->k, (struct kva){ s->link }, &sp);
		if (e) {
			err_free(e);
			return;
		}
		const struct kstack *next = kstack_at(&w->stacks, sp);
		uint32_t bit = next ? 1u << (next - w->stacks.stacks) : 0;
		if (!next || w->visited & bit)
			return;
		w->visited |= bit;
	}
}

static void broken(struct walk *w, struct err *why)
{
	w->ret->end = UNWOUND_BROKEN;
	w->ret->why = why;
	if (w->ret->nr)
		guess(w, w->u.sp);
}

static void walk(struct walk *w)
{
	mark_first(w);
	while (push_frame(w)) {
		struct unwind from = w->u;
		bool end;

		if (from.user) {
			w->ret->end = UNWOUND_USER;
			return;
		}
		struct err *e = w->uw->ops->next(&w->u, &end);
		if (!e && end) {
			w->ret->end = UNWOUND_START;
			return;
		}
		if (!e && !w->u.user)
			e = check_progress(w, from.sp);
		if (e) {
			w->u = from;
			broken(w, e);
			return;
		}
	}
}

/* ---- where to begin */

static struct err *add_task_stack(struct walk *w, struct kva task)
{
	struct kva stack;

	TRY(kget_kva(w->uw->k, task, &w->uw->stack, &stack));
	if (!stack.v)
		return err_new(ERR_MISSING, "the task has no stack any more");
	kstack_add_task(&w->stacks, stack, w->uw->task_size);
	return NULL;
}

static struct err *start_task(struct walk *w)
{
	struct unwinder *uw = w->uw;
	uint64_t offset;

	TRY(add_task_stack(w, w->task));
	TRY(uw->ops->switched(&w->u, w->task.v + uw->thread.off));
	if (!unwinder_is_code(uw, w->u.ip))
		return err_new(ERR_CORRUPT, "0x%016" PRIx64 ", where it would go on, is no code", w->u.ip);
	/* A task that never ran will begin there, it was not called from there. */
	w->u.exact = symbols_at(uw->k->symbols, w->u.ip, &offset, NULL) && !offset;
	return NULL;
}

void unwinder_task(struct unwinder *uw, struct kva task, struct unwound *ret)
{
	struct walk w = { .uw = uw, .task = task, .ret = ret, .u = { .env = &env, .ctx = &w } };

	ret->nr = ret->nr_saved = 0;
	ret->why = NULL;
	struct err *e = start_task(&w);
	if (e)
		broken(&w, e);
	else
		walk(&w);
}

struct err *unwinder_used(struct unwinder *uw, struct kva task, struct krange *ret)
{
	struct walk w = { .uw = uw, .u = { .env = &env, .ctx = &w } };

	TRY(add_task_stack(&w, task));
	uint64_t sp, end = w.stacks.nr ? w.stacks.stacks[0].end : 0;
	TRY(kread_u64(uw->k, (struct kva){ task.v + uw->thread.off }, &sp));
	if (!env_on_stack(&w, sp, 8))
		return err_new(ERR_CORRUPT, "the stack pointer is not on the task's stack");
	*ret = (struct krange){ { sp }, (size_t)(end - sp) };
	return NULL;
}

/* While the CPU goes from one task to the next, the run queue's idea of the current one is ahead. */
static struct err *add_vcpu_stacks(struct walk *w, uint32_t cpu)
{
	struct unwinder *uw = w->uw;
	struct kva rq, curr = { 0 };

	TRY(kstack_add_cpu(uw->k, &uw->stacks, cpu, &w->stacks));
	TRY(kstack_current(uw->k, &uw->stacks, cpu, &w->task));
	TRY(add_task_stack(w, w->task));
	if (!uw->curr.present)
		return NULL;
	TRY(kpercpu_sym(uw->k, "runqueues", cpu, &rq));
	TRY(kget_kva(uw->k, rq, &uw->curr, &curr));
	return curr.v && curr.v != w->task.v ? add_task_stack(w, curr) : NULL;
}

/* Whom the kernel has not started (maxcpus=), firmware has left in a mode of its own. */
static bool is_started(const struct unwinder *uw, size_t vcpu)
{
	struct pgtable pt;
	struct err *e = uw->k->arch->pgtable(uw->k->target, vcpu, 0, &pt);
	bool started = !e || e->code != ERR_NOT_LINUX;

	err_ignore(e);
	return started;
}

void unwinder_vcpu(struct unwinder *uw, size_t vcpu, struct kva *task, struct unwound *ret)
{
	struct walk w = { .uw = uw, .ret = ret, .u = { .env = &env, .ctx = &w } };
	uint32_t cpu;

	ret->nr = ret->nr_saved = 0;
	ret->why = NULL;
	*task = (struct kva){ 0 };
	struct err *e = uw->ops->vcpu(&w.u, uw->k->target, vcpu);
	if (e) {
		broken(&w, e);
		return;
	}
	struct err *no_stacks = kvcpu_cpu(uw->k, vcpu, &cpu);
	if (no_stacks && !is_started(uw, vcpu)) {
		err_free(no_stacks);
		ret->end = UNWOUND_NOT_STARTED;
		return;
	}
	if (!no_stacks)
		no_stacks = add_vcpu_stacks(&w, cpu);
	*task = w.task;
	walk(&w);
	/* The cause of the cause. */
	if (ret->end == UNWOUND_BROKEN && no_stacks) {
		err_free(ret->why);
		ret->why = no_stacks;
	} else {
		err_ignore(no_stacks);
	}
}

/* ---- */

static void find_image(struct unwinder *uw)
{
	static const char *const ends[][2] = { { "_stext", "_etext" }, { "_sinittext", "_einittext" } };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct kva start, end;
		struct err *e = ksym(uw->k, ends[i][0], &start);

		if (!e)
			e = ksym(uw->k, ends[i][1], &end);
		if (!e) {
			uw->image[i].start = start.v;
			uw->image[i].end = end.v;
		}
		err_ignore(e);
	}
}

static struct err *find_members(struct unwinder *uw)
{
	const struct layout_member members[] = {
		LAYOUT(struct unwinder, stack, "task_struct", "stack"),
		LAYOUT(struct unwinder, thread, "task_struct", uw->ops->thread_member),
		LAYOUT_OPT(struct unwinder, curr, "rq", "curr"),
	};
	struct missing missing = { 0 };
	struct err *e = klayout(uw->k, members, ARRAY_SIZE(members), uw, &missing);

	if (!e && missing.nr)
		e = err_new(ERR_MISSING, "not in this kernel's types: %s", missing.names[0]);
	missing_deinit(&missing);
	return e;
}

static struct err *fill(struct unwinder *uw)
{
	uw->ops = uw->k->arch->unwind;
	if (!uw->ops)
		return err_new(ERR_MISSING, "no unwinder for this processor");
	TRY(find_members(uw));
	TRY(orc_create(uw->k, &uw->orc));
	TRY(kstack_layout(uw->k, &uw->stacks));
	TRY(ret_hooks_init(uw->k, &uw->hooks));
	uw->task_size = kstack_task_size(uw->k);
	if (!uw->task_size)
		uw->task_size = 16384; /* as without KASAN */
	find_image(uw);

	TRY(add_others(uw));
	/* Without them a walk through one ends there. */
	struct err *e = add_ftrace(uw);
	if (err_is_fatal(e))
		return e;
	err_ignore(e);
	return NULL;
}

struct err *unwinder_create(struct kernel *k, struct unwinder **ret)
{
	struct unwinder *uw = calloc(1, sizeof(*uw));

	if (!uw)
		return &err_nomem;
	uw->k = k;
	struct err *e = fill(uw);
	if (e)
		unwinder_destroy(uw);
	else
		*ret = uw;
	return e;
}

void unwinder_destroy(struct unwinder *uw)
{
	if (!uw)
		return;
	orc_destroy(uw->orc);
	free(uw->code.data);
	free(uw);
}
