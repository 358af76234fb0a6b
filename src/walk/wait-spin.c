/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs that spin for a queued spin lock (kernel/locking/qspinlock.c).  The lock's address is in a register or
 * on the stack of who waits, and its word says whether it is that CPU that waits: by the tail of the queue,
 * or as the one that is next.  Who holds it is not recorded.
 */
#include "config.h"

#include "walk/waits.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/vec.h"

enum {
	FRAMES_LOOKED_AT = 4,
	WORDS = 64,	     /* of the stack of who waits */
	HOLDER_WORDS = 512,  /* of who may hold it */
	TAIL_SHIFT = 16, TAIL_CPU_SHIFT = 18, /* _Q_TAIL_*_OFFSET for less than 16384 CPUs */
};

struct spin {
	struct walk *w;
	bool has_tail; /* the lock's word has the parts that are known here */
};

struct spinner {
	size_t row;	   /* of report.waits */
	size_t stack, cpu;
};

typedef VEC(uint64_t) words_t;

static bool is_spinning(const struct kstack_row *s, const char **function)
{
	static const char *const names[] = {
		"queued_spin_lock_slowpath", "native_queued_spin_lock_slowpath",
		"__pv_queued_spin_lock_slowpath",
	};

	for (size_t i = 0; i < MIN(s->nr_frames, (size_t)FRAMES_LOOKED_AT); i++) {
		const struct kstack_frame *f = &s->frames[i];

		if (f->kind == FRAME_GUESS || f->kind == FRAME_USER)
			return false;
		for (size_t n = 0; f->symbol && n < ARRAY_SIZE(names); n++) {
			if (!strcmp(f->symbol, names[n])) {
				*function = f->symbol;
				return true;
			}
		}
	}
	return false;
}

static bool may_be_lock(uint64_t v)
{
	return v >> 56 == 0xff && !(v & 3); /* with five levels of page tables, too */
}

static bool add_word(words_t *words, uint64_t v)
{
	uint64_t *to = may_be_lock(v) ? vec_push(words) : NULL;

	if (to)
		*to = v;
	return to || !may_be_lock(v);
}

/* Registers of the vCPU, and what its stack holds: what may be addresses of locks. */
static struct err *read_candidates(struct spin *s, const struct kstack_row *row, size_t max, words_t *words)
{
	const struct vcpu *v = &s->w->k->target->vcpus[row->vcpu];
	uint64_t from = row->nr_frames ? align_up(row->frames[0].sp, 8) : 0;
	uint8_t raw[8 * WORDS];

	for (size_t i = 0; v->regs && i < v->nr_regs; i++) {
		if (!add_word(words, v->regs[i].value))
			return &err_nomem;
	}
	if (!row->nr_frames || row->frames[0].kind == FRAME_USER)
		return NULL;
	for (size_t done = 0; done < max; done += WORDS) {
		size_t len = kread_some(s->w->k, (struct kva){ from + 8 * done }, raw, sizeof(raw));

		for (size_t i = 0; i + 8 <= len; i += 8) {
			if (!add_word(words, get_le64(raw + i)))
				return &err_nomem;
		}
		if (len < sizeof(raw))
			break;
	}
	return NULL;
}

/* The lock's word, if it can be one that is held and that the CPU waits for: as the last of the queue, or
 * (weaker) as the one that is next while nobody queues. */
static struct err *waits_for(struct spin *s, uint64_t lock, size_t cpu, bool as_next, uint32_t *word, bool *ret)
{
	struct err *e = kread_u32(s->w->k, (struct kva){ lock }, word);

	*ret = false;
	if (e) {
		if (walk_is_fatal(e))
			return e;
		err_free(e);
		return NULL;
	}
	bool locked = *word & 0xff, pending = *word >> 8 & 0xff;
	if (as_next)
		*ret = locked && pending == 1 && (*word & 0xff) <= 3 && !(*word >> TAIL_SHIFT);
	else
		*ret = locked && (*word >> TAIL_CPU_SHIFT) == cpu + 1;
	return NULL;
}

static bool is_known_lock(const struct report *r, size_t first, uint64_t lock)
{
	for (size_t i = first; i < r->waits.nr; i++) {
		if (r->waits.data[i].lock.v == lock)
			return true;
	}
	return false;
}

enum pass {
	LAST,  /* of a queue: its tail names the CPU */
	NEXT,  /* nobody queues, so that whoever spins is next */
	AMONG, /* between these: a lock that another CPU waits for */
	ARGUMENT, /* no queue at all, as in virtual machines without help by the hypervisor */
	PASSES,
};

/* The function's first argument, if it is still in its register and the address of a lock that is held. */
static struct err *find_argument(struct spin *s, const struct kstack_row *stack, struct wait_row *row)
{
	static const char *const names[] = { "rdi", "x0" };
	uint64_t lock = 0;
	uint32_t word;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !lock; i++)
		err_ignore(target_reg(s->w->k->target, stack->vcpu, names[i], &lock));
	/* An interrupt on top has registers of its own. */
	if (!may_be_lock(lock) || stack->frames[0].symbol != row->function)
		return NULL;
	struct err *e = kread_u32(s->w->k, (struct kva){ lock }, &word);
	if (e && walk_is_fatal(e))
		return e;
	if (!e && word == 1) {
		row->lock.v = lock;
		row->count = (struct opt_u64){ true, word };
		row->found_by = "the register of its argument";
	}
	err_free(e);
	return NULL;
}

static struct err *find_lock(struct spin *s, const struct spinner *sp, size_t first, enum pass pass)
{
	struct report *r = s->w->r;
	const struct kstack_row *stack = &r->stacks.data[sp->stack];
	struct wait_row *row = &r->waits.data[sp->row];
	words_t words = { 0 };

	if (pass == ARGUMENT)
		return find_argument(s, stack, row);
	struct err *e = read_candidates(s, stack, WORDS, &words);

	for (size_t i = 0; !e && i < words.nr && !row->lock.v; i++) {
		uint32_t word = 0;
		bool found = false;

		if (pass != AMONG)
			e = waits_for(s, words.data[i], sp->cpu, pass == NEXT, &word, &found);
		else if (is_known_lock(r, first, words.data[i]))
			e = kread_u32(s->w->k, (struct kva){ words.data[i] }, &word), found = !e;
		if (!e && found) {
			row->lock.v = words.data[i];
			row->count = (struct opt_u64){ true, word };
			row->found_by = pass == LAST ? "the tail of the lock's queue" :
				       pass == NEXT ? "the lock's pending bit" :
						       "another CPU that waits for it";
		}
	}
	free(words.data);
	return e;
}

/* The one other CPU that does not wait for the lock, but has its address at hand. */
static struct err *infer_holder(struct spin *s, struct wait_row *row)
{
	struct report *r = s->w->r;
	const struct kstack_row *holder = NULL;
	size_t nr = 0;

	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *stack = &r->stacks.data[i];
		const char *function;
		words_t words = { 0 };
		bool has = false;

		if (!stack->has_vcpu || is_spinning(stack, &function))
			continue;
		struct err *e = read_candidates(s, stack, HOLDER_WORDS, &words);
		for (size_t n = 0; !e && n < words.nr && !has; n++)
			has = words.data[n] == row->lock.v;
		free(words.data);
		TRY(e);
		if (has && stack->task.v) {
			holder = stack;
			nr++;
		}
	}
	if (nr != 1) {
		row->why = "spin locks do not record their holder";
		return NULL;
	}
	const struct task_row *t = report_task(r, holder->task);
	row->has_holder = true;
	row->holder = (struct wait_holder){ .task = holder->task, .basis = WAIT_INFERRED,
					    .pid = t ? t->pid : 0 };
	if (t && !(row->holder.comm = pool_strndup(&r->pool, t->comm, sizeof(t->comm))))
		return &err_nomem;
	return NULL;
}

static struct err *add_row(struct spin *s, size_t stack, const char *function)
{
	struct report *r = s->w->r;
	const struct task_row *t = report_task(r, r->stacks.data[stack].task);
	struct wait_row *row = vec_push(&r->waits);

	if (!row)
		return &err_nomem;
	*row = (struct wait_row){ .task = r->stacks.data[stack].task, .kind = WAIT_SPINLOCK,
				  .stack = stack + 1, .function = function, .comm = "",
				  .pid = t ? t->pid : 0, .tgid = t ? t->tgid : 0 };
	if (t)
		row->comm = pool_strndup(&r->pool, t->comm, sizeof(t->comm));
	return row->comm ? NULL : &err_nomem;
}

static struct err *find_locks(struct spin *s, const struct spinner *spinners, size_t nr, size_t first)
{
	struct report *r = s->w->r;

	for (enum pass pass = LAST; pass < PASSES && s->has_tail; pass++) {
		for (size_t i = 0; i < nr; i++) {
			if (!r->waits.data[spinners[i].row].lock.v)
				TRY(find_lock(s, &spinners[i], first, pass));
		}
	}
	for (size_t i = 0; i < nr; i++) {
		struct wait_row *row = &r->waits.data[spinners[i].row];

		if (row->lock.v)
			TRY(infer_holder(s, row));
		else
			row->why = s->has_tail ? "the lock was not found" :
						 "spin locks of this kernel are of another kind";
	}
	return NULL;
}

struct err *waits_spin(struct walk *w)
{
	static const struct layout_member tail_member[] = {
		{ "qspinlock", "tail", 0, true },
	};
	struct spin s = { .w = w };
	struct report *r = w->r;
	VEC(struct spinner) spinners = { 0 };
	size_t first = r->waits.nr;
	struct member tail;
	struct err *e;

	TRY(klayout(w->k, tail_member, 1, &tail, NULL));
	s.has_tail = tail.present && tail.off == 2 && tail.size == 2;
	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *stack = &r->stacks.data[i];
		const char *function;

		if (!stack->has_vcpu || !is_spinning(stack, &function))
			continue;
		struct spinner *sp = vec_push(&spinners);
		e = sp ? add_row(&s, i, function) : &err_nomem;
		if (e) {
			free(spinners.data);
			return e;
		}
		const struct vcpu_row *v = stack->vcpu < r->vcpus.nr ? &r->vcpus.data[stack->vcpu] : NULL;
		*sp = (struct spinner){ .row = r->waits.nr - 1, .stack = i,
					.cpu = v && v->has_cpu ? v->cpu : SIZE_MAX - 1 };
	}
	e = find_locks(&s, spinners.data, spinners.nr, first);
	free(spinners.data);
	return e;
}
