/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where nobody records a holder: whose stack has the lock's address, who woke the waiter last, what was frozen. */
#include "config.h"

#include "walk/waits.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum { LOCKS_MAX = 16, WORDS_MAX = 2048 };

/* ---- the lock's address on another task's stack */

struct claim {
	uint64_t lock;
	size_t nr;	/* tasks that do not wait for it and have its address */
	struct kva task; /* the last one */
};

struct claims {
	struct walk *w;
	struct claim of[LOCKS_MAX];
	size_t nr;
	struct err *fatal;
};

/* Held, and nothing says by whom. */
static bool is_open(const struct wait_row *r)
{
	if (!r->lock.v || r->has_holder || r->handed_over || r->frozen)
		return false;
	switch (r->kind) {
	case WAIT_SEMAPHORE:
		return r->count.has && !r->count.v;
	case WAIT_PERCPU_READ:
		return !r->count.has || r->count.v; /* whether readers are kept out */
	case WAIT_PERCPU_WRITE:
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
		return r->readers.has && r->readers.v;
	default:
		return false;
	}
}

static struct claim *claim_of(struct claims *c, uint64_t lock)
{
	for (size_t i = 0; i < c->nr; i++) {
		if (c->of[i].lock == lock)
			return &c->of[i];
	}
	return NULL;
}

static bool waits_for(const struct report *r, struct kva task, uint64_t lock)
{
	for (size_t i = 0; i < r->waits.nr; i++) {
		if (r->waits.data[i].task.v == task.v && r->waits.data[i].lock.v == lock)
			return true;
	}
	return false;
}

/* What lies between the task's innermost frame and its last one; that has been read for the frames. */
static void read_stack(struct claims *c, const struct kstack_row *s)
{
	uint64_t from = align_up(s->frames[0].sp, 8), to = from;
	uint8_t raw[8 * 64];
	bool seen[LOCKS_MAX] = { false };

	for (size_t i = 0; i < s->nr_frames; i++) {
		if (s->frames[i].kind != FRAME_USER)
			to = MAX(to, s->frames[i].sp);
	}
	to = MIN(to, from + 8 * WORDS_MAX);
	while (from < to) {
		size_t len = kread_some(c->w->k, (struct kva){ from }, raw, MIN(to - from, sizeof(raw)));

		for (size_t at = 0; at + 8 <= len; at += 8) {
			struct claim *claim = claim_of(c, get_le64(raw + at));

			if (!claim || seen[claim - c->of] || waits_for(c->w->r, s->task, claim->lock))
				continue;
			seen[claim - c->of] = true;
			claim->nr++;
			claim->task = s->task;
		}
		if (len < 8)
			return;
		from += len;
	}
}

static struct err *take_claim(struct claims *c, struct wait_row *row)
{
	const struct claim *claim = claim_of(c, row->lock.v);
	const struct task_row *t = claim && claim->nr == 1 ? report_task(c->w->r, claim->task) : NULL;

	if (!t)
		return NULL;
	row->has_holder = true;
	row->holder = (struct wait_holder){ .task = t->kva, .pid = t->pid, .basis = WAIT_INFERRED,
					    .comm = pool_strndup(&c->w->r->pool, t->comm, sizeof(t->comm)),
					    .by = "its stack has the lock's address" };
	row->why = NULL;
	return row->holder.comm ? NULL : &err_nomem;
}

struct err *waits_infer(struct walk *w)
{
	struct report *r = w->r;
	struct claims c = { .w = w };

	for (size_t i = 0; i < r->waits.nr && c.nr < LOCKS_MAX; i++) {
		if (is_open(&r->waits.data[i]) && !claim_of(&c, r->waits.data[i].lock.v))
			c.of[c.nr++].lock = r->waits.data[i].lock.v;
	}
	for (size_t i = 0; i < r->stacks.nr && c.nr; i++) {
		const struct kstack_row *s = &r->stacks.data[i];

		if (s->nr_frames && s->frames[0].kind != FRAME_USER && s->task.v)
			read_stack(&c, s);
	}
	for (size_t i = 0; i < r->waits.nr && c.nr; i++) {
		if (is_open(&r->waits.data[i]))
			TRY(take_claim(&c, &r->waits.data[i]));
	}
	return NULL;
}

/* ---- who woke it last */

static bool wants_waker(const struct wait_row *r)
{
	return r->uninterruptible && !r->has_holder && !wait_kind_is_lock(r->kind) && !wait_kind_spins(r->kind);
}

static struct err *add_waker(struct walk *w, struct wait_row *row, const uint64_t *wakees)
{
	const struct report *r = w->r;
	const struct task_row *found = NULL;

	for (size_t i = 0; i < r->tasks.nr; i++) {
		if (wakees[i] != row->task.v || r->tasks.data[i].kva.v == row->task.v)
			continue;
		if (found)
			return NULL; /* two claim it: that says nothing */
		found = &r->tasks.data[i];
	}
	if (!found)
		return NULL;
	row->has_waker = true;
	row->waker = (struct wait_holder){ .task = found->kva, .pid = found->pid, .basis = WAIT_HINTED,
					   .comm = pool_strndup(&w->r->pool, found->comm, sizeof(found->comm)) };
	return row->waker.comm ? NULL : &err_nomem;
}

struct err *waits_wakers(struct walk *w, const struct waits_layout *l)
{
	struct report *r = w->r;
	bool any = false;

	for (size_t i = 0; i < r->waits.nr; i++)
		any |= wants_waker(&r->waits.data[i]);
	if (!any || !l->last_wakee.present)
		return NULL;

	_cleanup_free_ uint64_t *wakees = calloc(r->tasks.nr + 1, sizeof(*wakees));
	if (!wakees)
		return &err_nomem;
	for (size_t i = 0; i < r->tasks.nr; i++) {
		struct err *e = kget(w->k, r->tasks.data[i].kva, &l->last_wakee, &wakees[i]);

		if (walk_is_fatal(e))
			return e;
		err_free(e); /* a task that cannot be read is told by its section */
	}
	for (size_t i = 0; i < r->waits.nr; i++) {
		if (wants_waker(&r->waits.data[i]))
			TRY(add_waker(w, &r->waits.data[i], wakees));
	}
	return NULL;
}

/* ---- frozen file systems: who writes waits at a percpu-rwsem of theirs, and who froze them has gone */

struct freezes {
	struct walk *w;
	const struct waits_layout *l;
	struct err *e;
};

static struct err *read_frozen(struct freezes *f, struct kva sb)
{
	const struct waits_layout *l = f->l;
	struct report *r = f->w->r;
	uint64_t frozen, kernel = 0, user = 0;
	const char *name = NULL;
	char id[33];

	TRY(kget(f->w->k, sb, &l->sb_frozen, &frozen));
	if (!frozen)
		return NULL;
	for (size_t i = 0; i < r->waits.nr; i++) {
		struct wait_row *row = &r->waits.data[i];

		if (row->kind != WAIT_PERCPU_READ || row->lock.v < sb.v || row->lock.v - sb.v >= l->sb.size)
			continue;
		if (!name) {
			TRY(kget_str(f->w->k, sb, &l->sb_id, id, sizeof(id)));
			if (l->sb_kernel.present)
				TRY(kget(f->w->k, sb, &l->sb_kernel, &kernel));
			if (l->sb_user.present)
				TRY(kget(f->w->k, sb, &l->sb_user, &user));
			name = pool_printf(&r->pool, "%s", id);
			if (!name)
				return &err_nomem;
		}
		row->frozen = name;
		row->has_holder = false;
		row->why = kernel && user ? "frozen from user space and by the kernel" :
			   user		  ? "frozen from user space, and by whom is not recorded" :
			   kernel	  ? "frozen by the kernel" :
					    "frozen, and by whom is not recorded";
	}
	return NULL;
}

static bool each_sb(void *ctx, struct kva node)
{
	struct freezes *f = ctx;
	struct err *e = read_frozen(f, (struct kva){ node.v - f->l->sb_list.off });

	if (walk_is_fatal(e)) {
		f->e = e;
		return false;
	}
	err_free(e); /* not one of those that somebody waits for, or nothing is told of it */
	return true;
}

struct err *waits_frozen(struct walk *w, const struct waits_layout *l)
{
	enum { SUPERS_MAX = 65536 };
	struct freezes f = { .w = w, .l = l };
	struct kva supers;
	bool any = false;

	for (size_t i = 0; i < w->r->waits.nr; i++)
		any |= w->r->waits.data[i].kind == WAIT_PERCPU_READ && w->r->waits.data[i].lock.v;
	if (!any || !l->sb.size || !l->sb_list.present || !l->sb_frozen.present || !l->sb_id.present ||
	    !khas_sym(w->k, "super_blocks"))
		return NULL;
	TRY(ksym(w->k, "super_blocks", &supers));
	(void)klist_walk(w->k, supers, SUPERS_MAX, each_sb, &f, NULL);
	return f.e;
}
