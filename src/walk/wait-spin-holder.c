/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who holds a lock that a CPU spins for.  But for BPF's resilient ones no lock records that, so it is inferred: whoever
 * holds a lock mostly has its address at hand, and has disabled preemption, which the kernel counts.
 */
#include "config.h"

#include "walk/wait-spin.h"

#include "base/cleanup.h"

enum {
	HOLDER_WORDS = 512,  /* of the stack of who may hold it */
	NEAR = 512,	     /* bytes that a lock is into its object, whose address is what is at hand */
	PREEMPT_MASK = 0xff, /* of a preempt count: how often preemption is disabled */
};

/* How a CPU may be the one. */
enum claim {
	NO_CLAIM,
	MAY_HOLD, /* it has disabled preemption for something */
	HAS_NEAR, /* and has an address that the lock lies behind */
	HAS_LOCK, /* or the lock's own */
};

static const char *const reasons[] = {
	[MAY_HOLD] = "no other CPU can hold a spin lock now",
	[HAS_NEAR] = "its registers or stack have the address of what the lock is part of",
	[HAS_LOCK] = "its registers or stack have the lock's address",
};

static const struct spinner *spinner_of(const struct spin *s, size_t stack)
{
	for (size_t i = 0; i < s->spinners.nr; i++) {
		if (s->spinners.data[i].stack == stack)
			return &s->spinners.data[i];
	}
	return NULL;
}

static const struct cpu_row *cpu_of(const struct spin *s, const struct kstack_row *stack)
{
	const struct report *r = s->w->r;

	for (size_t i = 0; i < r->cpus.rows.nr; i++) {
		if (r->cpus.rows.data[i].vcpu.has && r->cpus.rows.data[i].vcpu.v == stack->vcpu)
			return &r->cpus.rows.data[i];
	}
	return NULL;
}

/* How often the CPU has disabled preemption, but for the lock that it has not got yet; false if that is unknown. */
static bool depth_of(const struct spin *s, const struct kstack_row *stack, bool spins, int *ret)
{
	const struct cpu_row *c = cpu_of(s, stack);

	if (!c || !c->preempt_count.has)
		return false;
	/* The idle task has it disabled from the start. */
	*ret = (int)(c->preempt_count.v & PREEMPT_MASK) - c->idle - spins;
	return true;
}

/* A kernel that does not count (CONFIG_PREEMPT_COUNT) shows it where somebody spins. */
static bool counts(const struct spin *s, const struct spinner *sp)
{
	int depth;

	return depth_of(s, &s->w->r->stacks.data[sp->stack], true, &depth) && depth >= 0;
}

static enum claim has_address(const struct spin_words *words, uint64_t lock)
{
	enum claim claim = NO_CLAIM;

	for (size_t i = 0; i < words->v.nr && claim != HAS_LOCK; i++) {
		uint64_t v = words->v.data[i];

		if (v == lock)
			claim = HAS_LOCK;
		else if (v < lock && lock - v <= NEAR && !(v & 7))
			claim = HAS_NEAR;
	}
	return claim;
}

static struct err *claim_of_cpu(struct spin *s, size_t stack, const struct wait_row *row, bool counted,
				enum claim *ret)
{
	const struct report *r = s->w->r;
	const struct kstack_row *other = &r->stacks.data[stack];
	const struct spinner *sp = spinner_of(s, stack);
	uint64_t lock = sp ? r->waits.data[sp->row].lock.v : 0;
	_cleanup_(spin_words_deinit) struct spin_words words = { 0 };
	int depth;

	*ret = NO_CLAIM;
	if (!other->nr_frames || !other->task.v || (sp && lock == row->lock.v))
		return NULL;
	if (other->frames[0].kind == FRAME_USER)
		return NULL;
	if (counted && depth_of(s, other, sp, &depth)) {
		if (depth <= 0)
			return NULL;
		*ret = MAY_HOLD;
	}
	/* One that spins for a lock that was not found may have the address because it is this one. */
	if (sp && !lock)
		return NULL;
	/* An interrupt may have gone to another stack. */
	for (size_t i = 0; i < other->nr_frames; i++) {
		if (other->frames[i].kind == FRAME_EXACT)
			TRY(spin_read_words(s, other, i, HOLDER_WORDS, &words));
	}
	enum claim claim = has_address(&words, row->lock.v);
	if (claim != NO_CLAIM)
		*ret = claim;
	return NULL;
}

/* Whether the CPU itself holds it, and an interrupt came in between: then what was interrupted has the address. */
static struct err *claim_of_interrupted(struct spin *s, const struct spinner *sp, const struct wait_row *row,
					enum claim *ret)
{
	const struct kstack_row *stack = &s->w->r->stacks.data[sp->stack];
	_cleanup_(spin_words_deinit) struct spin_words words = { 0 };
	size_t exact = sp->frame + 1;

	*ret = NO_CLAIM;
	while (exact < stack->nr_frames && stack->frames[exact].kind != FRAME_EXACT)
		exact++;
	if (exact >= stack->nr_frames)
		return NULL;
	TRY(spin_read_words(s, stack, exact, HOLDER_WORDS, &words));
	*ret = has_address(&words, row->lock.v);
	return NULL;
}

static struct err *set_holder(struct spin *s, struct wait_row *row, struct kva task, enum wait_basis basis,
			      const char *by)
{
	const struct task_row *t = report_task(s->w->r, task);

	row->has_holder = true;
	row->holder = (struct wait_holder){ .task = task, .basis = basis, .by = by, .pid = t ? t->pid : 0 };
	if (t && !(row->holder.comm = pool_strndup(&s->w->r->pool, t->comm, sizeof(t->comm))))
		return &err_nomem;
	return NULL;
}

/* ---- resilient ones: each CPU notes which it holds, and the one that it waits for */

static struct err *is_noted(struct spin *s, uint32_t cpu, uint64_t lock, bool *ret)
{
	struct kernel *k = s->w->k;
	uint64_t cnt, held;
	struct kva at;

	*ret = false;
	TRY(kpercpu_sym(k, "rqspinlock_held_locks", cpu, &at));
	TRY(kget(k, at, &s->held_cnt, &cnt));
	cnt = MIN(cnt, s->held_locks.size / 8);
	for (uint64_t i = 0; i < cnt && !*ret; i++) {
		TRY(kread_u64(k, (struct kva){ kmember(at, &s->held_locks).v + 8 * i }, &held));
		*ret = held == lock;
	}
	return NULL;
}

static struct err *noted_holder(struct spin *s, struct wait_row *row)
{
	const struct report *r = s->w->r;

	if (!s->held_cnt.present || !s->held_locks.present || !khas_sym(s->w->k, "rqspinlock_held_locks"))
		return NULL;
	for (size_t i = 0; i < r->stacks.nr && !row->has_holder; i++) {
		const struct kstack_row *stack = &r->stacks.data[i];
		const struct vcpu_row *v = stack->has_vcpu && stack->vcpu < r->vcpus.nr ?
						   &r->vcpus.data[stack->vcpu] : NULL;
		const struct spinner *sp = spinner_of(s, i);
		bool noted;

		if (!v || !v->has_cpu || (sp && r->waits.data[sp->row].lock.v == row->lock.v))
			continue;
		TRY(is_noted(s, v->cpu, row->lock.v, &noted));
		if (noted && stack->task.v)
			TRY(set_holder(s, row, stack->task, WAIT_RECORDED, NULL));
	}
	return NULL;
}

/* ---- */

/* The best claim must be the only one of its kind. */
struct candidates {
	size_t nr[HAS_LOCK + 1], stack[HAS_LOCK + 1]; /* the last one */
};

static struct err *find_candidates(struct spin *s, const struct spinner *sp, const struct wait_row *row,
				   bool counted, struct candidates *c)
{
	const struct report *r = s->w->r;

	for (size_t i = 0; i < r->stacks.nr; i++) {
		enum claim claim;

		if (!r->stacks.data[i].has_vcpu || i == sp->stack)
			continue;
		TRY(claim_of_cpu(s, i, row, counted, &claim));
		c->nr[claim]++;
		c->stack[claim] = i;
	}
	return NULL;
}

struct err *spin_infer_holder(struct spin *s, const struct spinner *sp, struct wait_row *row)
{
	const struct report *r = s->w->r;
	struct kva self = r->stacks.data[sp->stack].task;
	bool counted = counts(s, sp);
	struct candidates c = { 0 };
	enum claim own;
	int depth = 0;

	TRY(noted_holder(s, row));
	if (row->has_holder)
		return NULL;
	TRY(find_candidates(s, sp, row, counted, &c));
	TRY(claim_of_interrupted(s, sp, row, &own));
	for (enum claim claim = HAS_LOCK; claim >= HAS_NEAR; claim--) {
		if (c.nr[claim] == 1)
			return set_holder(s, row, r->stacks.data[c.stack[claim]].task, WAIT_INFERRED,
					  reasons[claim]);
		if (!c.nr[claim] && own == claim && self.v)
			return set_holder(s, row, self, WAIT_INFERRED,
					  "it interrupted code that has the address at hand");
		if (c.nr[claim])
			break;
	}
	/* Addresses of variables are constants in the code, and nowhere else: who can hold any lock at all? */
	if (counted && !c.nr[HAS_LOCK] && !c.nr[HAS_NEAR] &&
	    depth_of(s, &r->stacks.data[sp->stack], true, &depth)) {
		/* If this one holds something as well, the other is the one only if they wait for each other. */
		if (c.nr[MAY_HOLD] == 1 && (!depth || spinner_of(s, c.stack[MAY_HOLD])))
			return set_holder(s, row, r->stacks.data[c.stack[MAY_HOLD]].task, WAIT_INFERRED,
					  reasons[MAY_HOLD]);
		if (!c.nr[MAY_HOLD] && depth > 0 && self.v)
			return set_holder(s, row, self, WAIT_INFERRED, reasons[MAY_HOLD]);
	}
	row->why = "spin locks do not record their holder";
	return NULL;
}
