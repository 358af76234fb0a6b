/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs that spin for a lock (kernel/locking/qspinlock.c, qrwlock.c).  The lock's address is in a register or on the
 * stack of who waits, and its word says whether it is that CPU that waits: by the tail of the queue, or as the one that
 * is next.
 */
#include "config.h"

#include "walk/wait-spin.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	WORDS = 64,	      /* of the stack of who waits */
	TAIL_SHIFT = 16, TAIL_CPU_SHIFT = 18, /* _Q_TAIL_*_OFFSET for less than 16384 CPUs */
	RW_LOCKED = 0xff, RW_READER_SHIFT = 9, RW_READERS_MAX = 4096, /* _QW_LOCKED, _QR_SHIFT */
};

/* Innermost functions that spin.  The arch's spin lock is what rwlocks queue with, so those come first. */
static const struct {
	const char *name;
	enum wait_kind kind;
} sites[] = {
	{ "queued_read_lock_slowpath", WAIT_RWLOCK_READ },
	{ "queued_write_lock_slowpath", WAIT_RWLOCK_WRITE },
	{ "queued_spin_lock_slowpath", WAIT_SPINLOCK },
	{ "native_queued_spin_lock_slowpath", WAIT_SPINLOCK },
	{ "__pv_queued_spin_lock_slowpath", WAIT_SPINLOCK },
	{ "resilient_queued_spin_lock_slowpath", WAIT_SPINLOCK }, /* 6.15 */
	{ "resilient_tas_spin_lock", WAIT_SPINLOCK },
};

static bool find_site(const struct kstack_row *s, struct spinner *sp)
{
	const struct kstack_frame *f;
	size_t exact = 0;

	for (size_t i = 0; (f = wait_top_frame(s, &i, &exact)); i++) {
		for (size_t n = 0; f->symbol && n < ARRAY_SIZE(sites); n++) {
			if (!wait_is_function(f->symbol, sites[n].name))
				continue;
			sp->frame = i;
			sp->exact = exact;
			sp->kind = sites[n].kind;
			sp->function = f->symbol;
			/* The queue of an rwlock is a spin lock within it. */
			if (sp->kind == WAIT_SPINLOCK && i + 1 < s->nr_frames && f[1].symbol) {
				for (size_t rw = 0; rw < 2; rw++) {
					if (wait_is_function(f[1].symbol, sites[rw].name)) {
						sp->kind = sites[rw].kind;
						sp->function = f[1].symbol;
					}
				}
			}
			return true;
		}
	}
	return false;
}

/* ---- what may be addresses of locks */

static bool may_be_lock(uint64_t v)
{
	return v >> 56 == 0xff && !(v & 3); /* with five levels of page tables, too */
}

static bool add_word(struct spin_words *words, uint64_t v)
{
	uint64_t *to = v >> 56 == 0xff ? vec_push(&words->v) : NULL;

	if (to)
		*to = v;
	return to || v >> 56 != 0xff;
}

struct err *spin_read_words(struct spin *s, const struct kstack_row *row, size_t exact, size_t max,
			    struct spin_words *words)
{
	const struct vcpu *v = &s->w->k->target->vcpus[row->vcpu];
	const struct frame_regs *regs = exact < row->nr_frames ? row->frames[exact].regs : NULL;
	uint64_t from = exact < row->nr_frames ? align_up(row->frames[exact].sp, 8) : 0;
	uint8_t raw[8 * WORDS];

	for (size_t i = 0; !exact && v->regs && i < v->nr_regs; i++) {
		if (!add_word(words, v->regs[i].value))
			return &err_nomem;
	}
	for (size_t i = 0; regs && i < FRAME_REGS_MAX; i++) {
		if ((regs->has >> i & 1) && !add_word(words, regs->v[i]))
			return &err_nomem;
	}
	if (exact >= row->nr_frames || row->frames[exact].kind == FRAME_USER)
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

static struct err *try_u32(struct spin *s, uint64_t addr, uint32_t *word, bool *ok)
{
	struct err *e = kread_u32(s->w->k, (struct kva){ addr }, word);

	*ok = !e;
	if (e && walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

/* ---- rwlocks */

/* What lies there can be an rwlock that is held, and that a CPU waits for in this way. */
static struct err *rwlock_waits(struct spin *s, uint64_t lock, enum wait_kind kind, uint32_t *word, bool *ret)
{
	uint32_t queue;
	bool ok;

	*ret = false;
	TRY(try_u32(s, lock + s->rw_cnts.off, word, &ok));
	if (ok)
		TRY(try_u32(s, lock + s->rw_wait.off, &queue, &ok));
	if (!ok || *word >> RW_READER_SHIFT > RW_READERS_MAX)
		return NULL;
	bool written = (*word & RW_LOCKED) == RW_LOCKED, read = *word >> RW_READER_SHIFT;
	/* The writing bit has no other values than all or nothing. */
	if ((*word & RW_LOCKED) && !written)
		return NULL;
	bool queued = ((queue & 0xff) == 1 || (queue & 0xff) == 3) && (queue >> 8 & 0xff) <= 1 &&
		      (!s->has_tail || queue >> TAIL_CPU_SHIFT <= s->w->k->nr_cpu_ids);
	/* In an interrupt a reader does not queue. */
	*ret = kind == WAIT_RWLOCK_READ ? (written && (read || queued)) : ((written || read) && queued);
	return NULL;
}

static struct err *find_rwlock(struct spin *s, const struct spinner *sp, struct wait_row *row)
{
	const struct kstack_row *stack = &s->w->r->stacks.data[sp->stack];
	_cleanup_(spin_words_deinit) struct spin_words words = { 0 };

	if (!s->rw_cnts.present || !s->rw_wait.present)
		return NULL;
	TRY(spin_read_words(s, stack, sp->exact, WORDS, &words));
	for (size_t i = 0; i < words.v.nr && !row->lock.v; i++) {
		uint64_t lock = words.v.data[i];
		uint32_t word;
		bool found = false;

		if (may_be_lock(lock))
			TRY(rwlock_waits(s, lock, sp->kind, &word, &found));
		if (!found)
			continue;
		row->lock.v = lock;
		row->count = (struct opt_u64){ true, word };
		row->found_by = "its registers or stack";
		if (!(word & RW_LOCKED))
			row->readers = (struct opt_u64){ true, word >> RW_READER_SHIFT };
	}
	return NULL;
}

/* ---- spin locks */

/* The lock's word, if it can be one that is held and that the CPU waits for: as the last of the queue, or
 * (weaker) as the one that is next while nobody queues. */
static struct err *waits_for(struct spin *s, uint64_t lock, size_t cpu, bool as_next, uint32_t *word, bool *ret)
{
	enum { LOCKED = 1, SLOW = 3 }; /* _Q_LOCKED_VAL; _Q_SLOW_VAL, where a hypervisor helps */
	bool ok;

	TRY(try_u32(s, lock, word, &ok));
	uint32_t held = *word & 0xff, pending = *word >> 8 & 0xff;
	*ret = false;
	if (!ok || (held != LOCKED && held != SLOW) || pending > 1)
		return NULL;
	if (as_next)
		*ret = pending && !(*word >> TAIL_SHIFT);
	else
		*ret = (*word >> TAIL_CPU_SHIFT) == cpu + 1;
	return NULL;
}

static bool is_known_lock(const struct spin *s, uint64_t lock)
{
	const struct report *r = s->w->r;

	for (size_t i = s->first; i < r->waits.nr; i++) {
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
static struct err *find_argument(struct spin *s, const struct spinner *sp, struct wait_row *row)
{
	const struct arch *arch = s->w->k->arch;
	const struct kstack_row *stack = &s->w->r->stacks.data[sp->stack];
	const struct frame_regs *regs = stack->frames[sp->exact].regs;
	uint64_t lock = 0;
	uint32_t word;
	bool ok;

	/* What the function calls, and what interrupts it, have registers of their own. */
	if (sp->exact != sp->frame)
		return NULL;
	if (regs && arch->dwarf_arg < FRAME_REGS_MAX && (regs->has >> arch->dwarf_arg & 1))
		lock = regs->v[arch->dwarf_arg];
	else if (!sp->exact && arch->dwarf_arg < arch->nr_dwarf_regs)
		err_ignore(target_reg(s->w->k->target, stack->vcpu, arch->dwarf_regs[arch->dwarf_arg], &lock));
	if (!may_be_lock(lock))
		return NULL;
	TRY(try_u32(s, lock, &word, &ok));
	if (ok && word == 1) {
		row->lock.v = lock;
		row->count = (struct opt_u64){ true, word };
		row->found_by = "the register of its argument";
	}
	return NULL;
}

static struct err *find_lock(struct spin *s, const struct spinner *sp, enum pass pass)
{
	struct report *r = s->w->r;
	const struct kstack_row *stack = &r->stacks.data[sp->stack];
	struct wait_row *row = &r->waits.data[sp->row];
	_cleanup_(spin_words_deinit) struct spin_words words = { 0 };

	if (pass == ARGUMENT)
		return find_argument(s, sp, row);
	TRY(spin_read_words(s, stack, sp->exact, WORDS, &words));
	for (size_t i = 0; i < words.v.nr && !row->lock.v; i++) {
		uint64_t at = words.v.data[i];
		uint32_t word = 0;
		bool found = false;

		if (!may_be_lock(at))
			continue;
		if (pass != AMONG)
			TRY(waits_for(s, at, sp->cpu, pass == NEXT, &word, &found));
		else if (is_known_lock(s, at))
			TRY(try_u32(s, at, &word, &found));
		if (found) {
			row->lock.v = at;
			row->count = (struct opt_u64){ true, word };
			row->found_by = pass == LAST ? "the tail of the lock's queue" :
				       pass == NEXT ? "the lock's pending bit" :
						       "another CPU that waits for it";
		}
	}
	return NULL;
}

/* ---- all */

static struct err *add_row(struct spin *s, const struct spinner *sp)
{
	struct report *r = s->w->r;
	const struct kstack_row *stack = &r->stacks.data[sp->stack];
	const struct task_row *t = report_task(r, stack->task);
	struct wait_row *row = vec_push(&r->waits);

	if (!row)
		return &err_nomem;
	*row = (struct wait_row){ .task = stack->task, .kind = sp->kind, .stack = sp->stack + 1,
				  .function = sp->function, .comm = "", .pid = t ? t->pid : 0,
				  .tgid = t ? t->tgid : 0 };
	if (sp->has_cpu)
		row->cpu = (struct opt_u64){ true, sp->cpu };
	if (t)
		row->comm = pool_strndup(&r->pool, t->comm, sizeof(t->comm));
	return row->comm ? NULL : &err_nomem;
}

static struct err *find_locks(struct spin *s)
{
	struct report *r = s->w->r;

	for (size_t i = 0; i < s->spinners.nr; i++) {
		if (s->spinners.data[i].kind != WAIT_SPINLOCK)
			TRY(find_rwlock(s, &s->spinners.data[i], &r->waits.data[s->spinners.data[i].row]));
	}
	for (enum pass pass = LAST; pass < PASSES && s->has_tail; pass++) {
		for (size_t i = 0; i < s->spinners.nr; i++) {
			const struct spinner *sp = &s->spinners.data[i];

			if (sp->kind == WAIT_SPINLOCK && !r->waits.data[sp->row].lock.v)
				TRY(find_lock(s, sp, pass));
		}
	}
	for (size_t i = 0; i < s->spinners.nr; i++) {
		const struct spinner *sp = &s->spinners.data[i];
		struct wait_row *row = &r->waits.data[sp->row];

		if (row->lock.v)
			TRY(spin_infer_holder(s, sp, row));
		else
			row->why = s->has_tail ? "the lock was not found" :
						 "spin locks of this kernel are of another kind";
	}
	return NULL;
}

static struct err *find_spinners(struct spin *s)
{
	struct report *r = s->w->r;

	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *stack = &r->stacks.data[i];
		struct spinner found = { .stack = i, .cpu = SIZE_MAX - 1 };

		if (!stack->has_vcpu || !find_site(stack, &found))
			continue;
		const struct vcpu_row *v = stack->vcpu < r->vcpus.nr ? &r->vcpus.data[stack->vcpu] : NULL;
		found.has_cpu = v && v->has_cpu;
		if (found.has_cpu)
			found.cpu = v->cpu;
		found.row = r->waits.nr;
		TRY(add_row(s, &found));
		struct spinner *to = vec_push(&s->spinners);
		if (!to)
			return &err_nomem;
		*to = found;
	}
	return NULL;
}

struct err *waits_spin(struct walk *w)
{
	static const struct layout_member members[] = {
		LAYOUT_OPT(struct spin, tail, "qspinlock", "tail"),
		LAYOUT_OPT(struct spin, rw_cnts, "qrwlock", "cnts"),
		LAYOUT_OPT(struct spin, rw_wait, "qrwlock", "wait_lock"),
		LAYOUT_OPT(struct spin, held_cnt, "rqspinlock_held", "cnt"), /* 6.15 */
		LAYOUT_OPT(struct spin, held_locks, "rqspinlock_held", "locks"),
	};
	struct spin s = { .w = w, .first = w->r->waits.nr };
	struct err *e = klayout(w->k, members, ARRAY_SIZE(members), &s, NULL);

	s.has_tail = s.tail.present && s.tail.off == 2 && s.tail.size == 2;
	if (!e)
		e = find_spinners(&s);
	if (!e)
		e = find_locks(&s);
	free(s.spinners.data);
	return e;
}
