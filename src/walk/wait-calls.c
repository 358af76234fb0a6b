/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs that wait for others (kernel/smp.c, kernel/stop_machine.c): until these have run a function that they were sent,
 * which the lock in each entry of their queues tells, or until all of them have come to stop_machine().
 */
#include "config.h"

#include "walk/waits.h"

#include "base/cleanup.h"

enum {
	CSD_FLAG_LOCK = 1, CSD_TYPE_SYNC = 0x10,
	CSD_ALIGN = 32,
};

struct calls {
	struct walk *w;
	struct kernel *k;
	const struct waits_layout *l;
	size_t stack;		/* of report.stacks: who waits */
	const struct vcpu_row *vcpu;
	VEC(uint32_t) cpus;
};

enum how { ONE, MANY, STOP };

static const struct {
	const char *name;
	enum how how;
} sites[] = {
	{ "smp_call_function_single", ONE },
	{ "__smp_call_function_single", ONE }, /* 7.3 */
	{ "smp_call_function_many_cond", MANY },
	{ "multi_cpu_stop", STOP },
};

/* In the order of frames: csd_lock_wait() may be inlined, or stand on its own. */
static bool find_site(const struct kstack_row *s, enum how *how, const char **function)
{
	const struct kstack_frame *f;
	size_t exact = 0;

	for (size_t i = 0; (f = wait_top_frame(s, &i, &exact)); i++) {
		for (size_t n = 0; f->symbol && n < ARRAY_SIZE(sites); n++) {
			if (wait_is_function(f->symbol, sites[n].name)) {
				*how = sites[n].how;
				*function = f->symbol;
				return true;
			}
		}
	}
	return false;
}

static struct err *add_cpu(struct calls *c, uint32_t cpu)
{
	uint32_t *to = vec_push(&c->cpus);

	if (!to)
		return &err_nomem;
	*to = cpu;
	return NULL;
}

/* ---- many: an entry per CPU, locked until that has run the function */

/* Where it stands whom was asked: with the CPU, or with the task if that may be preempted while it waits (7.3). */
static struct err *find_masks(struct calls *c, struct kva cfd, struct kva masks[2])
{
	enum { WORD_BITS = 64 };
	const struct waits_layout *l = c->l;
	struct kva task = c->w->r->stacks.data[c->stack].task;

	/* cpumask_var_t is a pointer with CONFIG_CPUMASK_OFFSTACK, else the mask itself. */
	masks[0] = kmember(cfd, &l->cfd_mask);
	masks[1].v = 0;
	if (!l->cfd_mask.nr && l->cfd_mask.size == 8)
		TRY(kread_kva(c->k, masks[0], &masks[0]));
	if (!l->ipi_mask.present || !task.v)
		return NULL;
	masks[1] = kmember(task, &l->ipi_mask);
	return c->k->nr_cpu_ids > WORD_BITS ? kread_kva(c->k, masks[1], &masks[1]) : NULL;
}

static struct err *is_in(struct calls *c, const struct kva masks[2], uint32_t cpu, bool *ret)
{
	*ret = false;
	for (size_t i = 0; i < 2 && !*ret; i++) {
		uint8_t byte = 0;

		if (masks[i].v)
			TRY(kread_u8(c->k, (struct kva){ masks[i].v + cpu / 8 }, &byte));
		*ret = byte >> cpu % 8 & 1;
	}
	return NULL;
}

static struct err *of_many(struct calls *c)
{
	const struct waits_layout *l = c->l;
	struct kva at, csds, masks[2];

	if (!l->cfd_csd.present || !l->cfd_mask.present || !l->csd_flags.present || !khas_sym(c->k, "cfd_data"))
		return NULL;
	TRY(kpercpu_sym(c->k, "cfd_data", c->vcpu->cpu, &at));
	TRY(kget_kva(c->k, at, &l->cfd_csd, &csds));
	TRY(find_masks(c, at, masks));
	if (!csds.v)
		return NULL;
	for (uint32_t cpu = 0; cpu < c->k->nr_cpu_ids; cpu++) {
		uint64_t flags;
		struct kva csd;
		bool asked;

		if (!c->k->possible[cpu])
			continue;
		TRY(is_in(c, masks, cpu, &asked));
		if (!asked)
			continue;
		TRY(kpercpu(c->k, csds, cpu, &csd));
		TRY(kget(c->k, csd, &l->csd_flags, &flags));
		if (flags & CSD_FLAG_LOCK)
			TRY(add_cpu(c, cpu));
	}
	return NULL;
}

/* ---- one: the entry lies on the stack of who waits */

/* A CPU that has it on its queue has not seen it.  Without waiting, the last one must have been taken first. */
static bool is_queued(const struct calls *c, uint32_t *ret)
{
	const struct cpu_state *s = &c->w->r->cpus;
	size_t nr = 0;

	for (size_t i = 0; i < s->rows.nr; i++) {
		const struct cpu_row *row = &s->rows.data[i];
		bool found = false;

		for (size_t n = 0; n < row->nr_calls; n++)
			found |= row->calls[n].from.has && row->calls[n].from.v == c->vcpu->cpu;
		if (found) {
			*ret = row->cpu;
			nr++;
		}
	}
	return nr == 1;
}

/* One that has taken it, and runs the function, has its address at hand. */
static struct err *has_word(struct calls *c, const struct kstack_row *s, uint64_t csd, bool *ret)
{
	enum { WORDS = 512 };
	uint8_t raw[8 * WORDS];

	*ret = false;
	for (size_t i = 0; i < s->nr_frames && !*ret; i++) {
		const struct kstack_frame *f = &s->frames[i];

		if (f->kind != FRAME_EXACT)
			continue;
		for (size_t n = 0; f->regs && n < FRAME_REGS_MAX; n++)
			*ret |= (f->regs->has >> n & 1) && f->regs->v[n] == csd;
		size_t len = kread_some(c->k, (struct kva){ align_up(f->sp, 8) }, raw, sizeof(raw));
		for (size_t at = 0; at + 8 <= len; at += 8)
			*ret |= get_le64(raw + at) == csd;
	}
	return NULL;
}

static struct err *find_runner(struct calls *c, uint64_t csd)
{
	const struct report *r = c->w->r;
	uint32_t cpu = 0;
	size_t nr = 0;

	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *s = &r->stacks.data[i];
		bool has = false;

		if (!s->has_vcpu || i == c->stack || s->vcpu >= r->vcpus.nr || !r->vcpus.data[s->vcpu].has_cpu)
			continue;
		TRY(has_word(c, s, csd, &has));
		if (!has)
			continue;
		cpu = r->vcpus.data[s->vcpu].cpu;
		nr++;
	}
	return nr == 1 ? add_cpu(c, cpu) : NULL;
}

/* Entries on a stack that are locked, and waited for. */
static struct err *of_one(struct calls *c)
{
	enum { WORDS = 128 };
	const struct waits_layout *l = c->l;
	const struct kstack_row *s = &c->w->r->stacks.data[c->stack];
	uint8_t raw[8 * WORDS];
	uint32_t cpu;

	if (is_queued(c, &cpu))
		return add_cpu(c, cpu);
	if (!l->csd_flags.present || !l->csd_func.present)
		return NULL;
	for (size_t i = 0; i < s->nr_frames && !c->cpus.nr; i++) {
		if (s->frames[i].kind != FRAME_EXACT)
			continue;
		uint64_t from = align_up(s->frames[i].sp, CSD_ALIGN);
		size_t len = kread_some(c->k, (struct kva){ from }, raw, sizeof(raw));

		for (size_t at = 0; at + CSD_ALIGN <= len && !c->cpus.nr; at += CSD_ALIGN) {
			uint64_t flags = member_get(&l->csd_flags, raw + at);
			uint64_t func = member_get(&l->csd_func, raw + at);

			if ((flags & 0xffffffff) == (CSD_FLAG_LOCK | CSD_TYPE_SYNC) && func >> 56 == 0xff)
				TRY(find_runner(c, from + at));
		}
	}
	return NULL;
}

/* ---- stop_machine(): those that are not there yet */

static struct err *of_stop(struct calls *c)
{
	const struct report *r = c->w->r;

	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *s = &r->stacks.data[i];
		const char *function;
		enum how how;

		if (!s->has_vcpu || s->vcpu >= r->vcpus.nr || !r->vcpus.data[s->vcpu].has_cpu)
			continue;
		uint32_t cpu = r->vcpus.data[s->vcpu].cpu;
		if (cpu < c->k->nr_cpu_ids && c->k->online[cpu] && !(find_site(s, &how, &function) && how == STOP))
			TRY(add_cpu(c, cpu));
	}
	return NULL;
}

/* ---- */

static const struct kstack_row *stack_of_cpu(const struct report *r, uint32_t cpu)
{
	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *s = &r->stacks.data[i];

		if (s->has_vcpu && s->vcpu < r->vcpus.nr && r->vcpus.data[s->vcpu].has_cpu &&
		    r->vcpus.data[s->vcpu].cpu == cpu)
			return s;
	}
	return NULL;
}

/* What the CPU does instead is what the other waits for the end of. */
static struct err *set_holder(struct calls *c, struct wait_row *row, enum how how)
{
	struct report *r = c->w->r;
	const struct kstack_row *s = row->nr_cpus == 1 ? stack_of_cpu(r, row->cpus[0]) : NULL;
	const struct task_row *t = s ? report_task(r, s->task) : NULL;

	if (row->nr_cpus > 1)
		row->why = "several CPUs have not answered";
	if (!t)
		return NULL;
	row->has_holder = true;
	row->holder = (struct wait_holder){ .task = s->task, .pid = t->pid,
					    .comm = pool_strndup(&r->pool, t->comm, sizeof(t->comm)),
					    .basis = how == MANY ? WAIT_RECORDED : WAIT_INFERRED };
	if (how != MANY)
		row->holder.by = how == STOP ? "its CPU is not in stop_machine()" :
					       "its CPU has the call on its queue, or at hand";
	return row->holder.comm ? NULL : &err_nomem;
}

static struct err *add_row(struct calls *c, enum how how, const char *function)
{
	struct report *r = c->w->r;
	const struct kstack_row *s = &r->stacks.data[c->stack];
	const struct task_row *t = report_task(r, s->task);
	struct wait_row row = {
		.task = s->task, .kind = how == STOP ? WAIT_STOP : WAIT_CALL, .stack = c->stack + 1,
		.function = function, .comm = "", .pid = t ? t->pid : 0, .tgid = t ? t->tgid : 0,
		.cpu = { true, c->vcpu->cpu }, .nr_cpus = c->cpus.nr,
	};

	if (t)
		row.comm = pool_strndup(&r->pool, t->comm, sizeof(t->comm));
	row.cpus = pool_memdup(&r->pool, c->cpus.data, c->cpus.nr * sizeof(*c->cpus.data));
	if (!row.comm || !row.cpus)
		return &err_nomem;
	TRY(set_holder(c, &row, how));
	struct wait_row *to = vec_push(&r->waits);
	if (!to)
		return &err_nomem;
	*to = row;
	return NULL;
}

static struct err *one_stack(struct calls *c)
{
	const struct report *r = c->w->r;
	const struct kstack_row *s = &r->stacks.data[c->stack];
	const char *function;
	enum how how;

	c->vcpu = s->has_vcpu && s->vcpu < r->vcpus.nr ? &r->vcpus.data[s->vcpu] : NULL;
	if (!c->vcpu || !c->vcpu->has_cpu || !find_site(s, &how, &function))
		return NULL;
	c->cpus.nr = 0;
	TRY(how == MANY ? of_many(c) : how == ONE ? of_one(c) : of_stop(c));
	/* All have answered, or it has not sent it yet: it is about to go on. */
	if (!c->cpus.nr)
		return NULL;
	return add_row(c, how, function);
}

struct err *waits_calls(struct walk *w, const struct waits_layout *l)
{
	struct calls c = { .w = w, .k = w->k, .l = l };
	struct err *e = NULL;

	for (c.stack = 0; c.stack < w->r->stacks.nr && !e; c.stack++)
		e = one_stack(&c);
	free(c.cpus.data);
	return e;
}
