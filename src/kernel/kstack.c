/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/kstack.h"

const char *kstack_name(enum kstack_kind kind)
{
	static const char *const names[NR_KSTACKS] = {
		[KSTACK_NONE] = "none", [KSTACK_TASK] = "task", [KSTACK_IRQ] = "irq",
		[KSTACK_ENTRY] = "entry", [KSTACK_DF] = "double_fault", [KSTACK_NMI] = "nmi",
		[KSTACK_DB] = "debug", [KSTACK_MCE] = "mce", [KSTACK_VC] = "vc",
		[KSTACK_VC2] = "vc2",
	};

	return names[kind];
}

const struct kstack *kstack_at(const struct kstacks *s, uint64_t addr)
{
	for (size_t i = 0; i < s->nr; i++) {
		if (addr >= s->stacks[i].start && addr < s->stacks[i].end)
			return &s->stacks[i];
	}
	return NULL;
}

/* `link`: bytes from its end to the stack pointer from before; 0: it is not there. */
static void add(struct kstacks *s, enum kstack_kind kind, uint64_t start, uint64_t size, unsigned int link)
{
	uint64_t end;

	if (s->nr < KSTACKS_MAX && start && size && !add_overflows(start, size, &end))
		s->stacks[s->nr++] = (struct kstack){ kind, start, end, link ? end - link : 0 };
}

/* The first task's stack has symbols around it. */
uint64_t kstack_task_size(const struct kernel *k)
{
	static const char *const ends[][2] = {
		{ "__start_init_stack", "__end_init_stack" }, /* 6.10 */
		{ "__start_init_task", "__end_init_task" },
	};
	enum { LEAST = 4096, MOST = 1 << 20 };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct kva start, end;
		struct err *e = ksym(k, ends[i][0], &start);

		if (!e)
			e = ksym(k, ends[i][1], &end);
		if (!e) {
			uint64_t size = end.v - start.v;

			if (size >= LEAST && size <= MOST && !(size & (size - 1)))
				return size;
		}
		err_ignore(e);
	}
	return 0;
}

void kstack_add_task(struct kstacks *s, struct kva stack, uint64_t size)
{
	add(s, KSTACK_TASK, stack.v, size, 0);
}

struct err *kstack_layout(const struct kernel *k, struct kstack_layout *l)
{
	static const struct layout_member members[] = {
		LAYOUT_OPT(struct kstack_layout, irq_stack, "irq_stack", ""),
		/* 6.2 to 6.14 */
		LAYOUT_OPT(struct kstack_layout, hot_irq, "pcpu_hot", "hardirq_stack_ptr"),
		LAYOUT_OPT(struct kstack_layout, hot_task, "pcpu_hot", "current_task"),
		LAYOUT_OPT(struct kstack_layout, estacks, "cpu_entry_area", "estacks"),
		LAYOUT_OPT(struct kstack_layout, entry_page, "cpu_entry_area", "entry_stack_page"),
		LAYOUT_OPT(struct kstack_layout, entry_stack, "entry_stack", ""),
		LAYOUT_OPT(struct kstack_layout, exception[KSTACK_DF], "cea_exception_stacks", "DF_stack"),
		LAYOUT_OPT(struct kstack_layout, exception[KSTACK_NMI], "cea_exception_stacks", "NMI_stack"),
		LAYOUT_OPT(struct kstack_layout, exception[KSTACK_DB], "cea_exception_stacks", "DB_stack"),
		LAYOUT_OPT(struct kstack_layout, exception[KSTACK_MCE], "cea_exception_stacks", "MCE_stack"),
		LAYOUT_OPT(struct kstack_layout, exception[KSTACK_VC], "cea_exception_stacks", "VC_stack"),
		LAYOUT_OPT(struct kstack_layout, exception[KSTACK_VC2], "cea_exception_stacks", "VC2_stack"),
	};

	*l = (struct kstack_layout){ 0 };
	return klayout(k, members, ARRAY_SIZE(members), l, NULL);
}

/* A variable of a CPU that was a member of pcpu_hot for some releases. */
static struct err *hot_or_own(struct kernel *k, const struct member *m,
			      const char *name, uint32_t cpu, struct kva *ret)
{
	struct kva at;

	if (m->present && khas_sym(k, "pcpu_hot")) {
		TRY(kpercpu_sym(k, "pcpu_hot", cpu, &at));
		return kget_kva(k, at, m, ret);
	}
	TRY(kpercpu_sym(k, name, cpu, &at));
	return kread_kva(k, at, ret);
}

struct err *kstack_current(struct kernel *k, const struct kstack_layout *l, uint32_t cpu, struct kva *ret)
{
	return hot_or_own(k, &l->hot_task, "current_task", cpu, ret);
}

static struct err *add_irq(struct kernel *k, const struct kstack_layout *l, uint32_t cpu, struct kstacks *s)
{
	enum { DEFAULT = 16384 };
	uint64_t size = l->irq_stack.present ? l->irq_stack.size : DEFAULT;
	struct kva top;

	TRY(hot_or_own(k, &l->hot_irq, "hardirq_stack_ptr", cpu, &top));
	/* It points to the topmost word, which holds the stack pointer from before. */
	if (top.v > size)
		add(s, KSTACK_IRQ, top.v + 8 - size, size, 8);
	return NULL;
}

static struct err *add_exception(struct kernel *k, const struct kstack_layout *l, uint32_t cpu,
				 struct kstacks *s)
{
	struct kva at, base;

	TRY(kpercpu_sym(k, "cea_exception_stacks", cpu, &at));
	TRY(kread_kva(k, at, &base));
	if (!base.v)
		return NULL;
	/* What the processor pushes is at the top; the last but one of it is the stack pointer. */
	for (size_t kind = 0; kind < NR_KSTACKS; kind++) {
		const struct member *m = &l->exception[kind];

		if (m->present)
			add(s, (enum kstack_kind)kind, base.v + m->off, m->size, 16);
	}
	/* They are part of the CPU's entry area, as the trampoline stack is. */
	if (l->estacks.present && l->entry_page.present && l->entry_stack.present)
		add(s, KSTACK_ENTRY, base.v - l->estacks.off + l->entry_page.off, l->entry_stack.size, 0);
	return NULL;
}

static struct err *unless_gone(struct err *e)
{
	if (err_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

struct err *kstack_add_cpu(struct kernel *k, const struct kstack_layout *l, uint32_t cpu, struct kstacks *s)
{
	TRY(unless_gone(add_irq(k, l, cpu, s)));
	return unless_gone(add_exception(k, l, cpu, s));
}
