/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/fiber.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
/* Redzones make frames a few times bigger. */
enum { STACK_SIZE = 512 << 10 };
#else
enum { STACK_SIZE = 128 << 10 };
#endif

/* One call of fiber_each(); lies on its caller's stack. */
struct group {
	struct group *next; /* in the list of those with indices left to start */
	void (*fn)(void *ctx, size_t i);
	void *ctx;
	size_t nr, started, live;
	struct fiber *parent; /* who waits for it; NULL: the scheduler's own caller */
};

/* What a context needs to be left and come back to. */
struct context {
	ucontext_t uc;
	bool left;	  /* getcontext() returns twice: which time is it? */
	void *fake_stack; /* ASan's */
	const void *stack;
	size_t stack_size;
};

struct fiber {
	struct fiber *next; /* in the ready, sleeping or free list */
	struct fiber_sched *s;
	struct context c;
	uint8_t *map; /* guard page and stack */
	size_t map_size;
	unsigned int valgrind_id;
	struct group *group; /* whose index it runs; NULL: end for good */
	size_t index;
	struct group *waits_for;
};

struct queue {
	struct fiber *head, **tail;
};

struct fiber_sched {
	void (*idle)(void *ctx);
	void *ctx;
	size_t window;
	size_t nr_live;
	size_t nr_stacks;
	struct group *pending; /* newest first: ends what has begun before it starts more */
	struct queue ready, sleeping;
	struct fiber *free;
	struct fiber *current;
	struct context main;
};

static void queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_push(struct queue *q, struct fiber *f)
{
	f->next = NULL;
	*q->tail = f;
	q->tail = &f->next;
}

static struct fiber *queue_pop(struct queue *q)
{
	struct fiber *f = q->head;

	if (f && !(q->head = f->next))
		q->tail = &q->head;
	return f;
}

/*
 * Leaves `from` for `to`; comes back when somebody switches to `from`.
 *
 * getcontext() and setcontext() rather than swapcontext(): ASan replaces the latter by one that
 * warns on stderr and forgets all redzones of the stack it goes to.  No local variables: ASan may
 * keep them on its fake stack, which is gone after the first call.
 */
static void context_switch(struct context *from, struct context *to, bool last UNUSED)
{
	from->left = false;
#ifdef FIBER_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack, to->stack, to->stack_size);
#endif
	if (getcontext(&from->uc))
		abort(); /* fails for an invalid pointer only */
	if (!from->left) {
		from->left = true;
		setcontext(&to->uc);
		abort();
	}
#ifdef FIBER_ASAN
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

static void fiber_leave(struct fiber *f, bool last)
{
	context_switch(&f->c, &f->s->main, last);
}

/* makecontext() passes ints only, so a pointer comes in two halves. */
static void fiber_main(unsigned int high, unsigned int low)
{
	struct fiber *f = (struct fiber *)(uintptr_t)((uint64_t)high << 32 | low);

#ifdef FIBER_ASAN
	/* The one way to learn where the thread's first stack lies. */
	__sanitizer_finish_switch_fiber(NULL, &f->s->main.stack, &f->s->main.stack_size);
#endif
	/* Ended fibers keep their context, so that a stack is set up once and used many times. */
	while (f->group) {
		f->group->fn(f->group->ctx, f->index);
		f->group->live--;
		fiber_leave(f, false);
	}
	fiber_leave(f, true);
}

static void fiber_free(struct fiber *f)
{
	if (f->map) {
#ifdef HAVE_VALGRIND_VALGRIND_H
		VALGRIND_STACK_DEREGISTER(f->valgrind_id);
#endif
#ifdef FIBER_ASAN
		/* Whoever gets these addresses next must not find our poison. */
		__asan_unpoison_memory_region(f->map, f->map_size);
#endif
		munmap(f->map, f->map_size);
	}
	free(f);
}

static bool context_make(struct fiber *f)
{
	uint64_t p = (uintptr_t)f;

	if (getcontext(&f->c.uc))
		return false;
	f->c.uc.uc_stack.ss_sp = (void *)(uintptr_t)f->c.stack;
	f->c.uc.uc_stack.ss_size = f->c.stack_size;
	makecontext(&f->c.uc, (void (*)(void))(uintptr_t)fiber_main, 2, (unsigned int)(p >> 32),
		    (unsigned int)p);
	return true;
}

static struct fiber *fiber_new(struct fiber_sched *s)
{
	struct fiber *f = calloc(1, sizeof(*f));
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);

	if (!f)
		return NULL;
	f->s = s;
	f->map_size = guard + STACK_SIZE;
	f->map = mmap(NULL, f->map_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (f->map == MAP_FAILED) {
		free(f);
		return NULL;
	}
	f->c.stack = f->map + guard;
	f->c.stack_size = STACK_SIZE;
	if (mprotect(f->map, guard, PROT_NONE) || !context_make(f)) {
		munmap(f->map, f->map_size);
		free(f);
		return NULL;
	}
#ifdef HAVE_VALGRIND_VALGRIND_H
	f->valgrind_id = VALGRIND_STACK_REGISTER(f->map + guard, f->map + f->map_size);
#endif
	s->nr_stacks++;
	return f;
}

struct err *fiber_sched_create(size_t window, void (*idle)(void *ctx), void *ctx,
			       struct fiber_sched **ret)
{
	struct fiber_sched *s = calloc(1, sizeof(*s));

	if (!s)
		return &err_nomem;
	s->window = window;
	s->idle = idle;
	s->ctx = ctx;
	queue_init(&s->ready);
	queue_init(&s->sleeping);
	*ret = s;
	return NULL;
}

static void sched_switch(struct fiber_sched *s, struct fiber *f)
{
	s->current = f;
	context_switch(&s->main, &f->c, false);
	s->current = NULL;
}

void fiber_sched_destroy(struct fiber_sched *s)
{
	if (!s)
		return;
	while (s->free) {
		struct fiber *f = s->free;

		s->free = f->next;
		f->group = NULL;
		sched_switch(s, f); /* lets ASan drop what it keeps for this stack */
		fiber_free(f);
	}
	free(s);
}

bool fiber_inside(const struct fiber_sched *s)
{
	return s->current;
}

size_t fiber_nr_stacks(const struct fiber_sched *s)
{
	return s->nr_stacks;
}

void fiber_sleep(struct fiber_sched *s)
{
	queue_push(&s->sleeping, s->current);
	fiber_leave(s->current, false);
}

/* The next index of a group; the group leaves the pending list with its last. */
static size_t group_take(struct fiber_sched *s, struct group *g)
{
	size_t i = g->started++;

	if (g->started == g->nr) {
		struct group **p = &s->pending;

		while (*p != g)
			p = &(*p)->next;
		*p = g->next;
	}
	return i;
}

/* A fiber for the next index of the newest group, or NULL. */
static struct fiber *sched_spawn(struct fiber_sched *s)
{
	if (!s->pending || s->nr_live >= s->window)
		return NULL;
	struct fiber *f = s->free;

	if (f)
		s->free = f->next;
	else if (!(f = fiber_new(s))) {
		s->window = s->nr_live; /* no memory for more: stay with these */
		return NULL;
	}
	f->group = s->pending;
	f->index = group_take(s, f->group);
	f->group->live++;
	s->nr_live++;
	return f;
}

/* Runs one fiber until it sleeps, waits or ends. */
static void sched_run(struct fiber_sched *s, struct fiber *f)
{
	struct group *g = f->group;
	size_t before = g->live;

	sched_switch(s, f);
	if (g->live == before)
		return;
	f->next = s->free;
	s->free = f;
	s->nr_live--;
	if (g->parent && g->parent->waits_for == g && !g->live && g->started == g->nr) {
		g->parent->waits_for = NULL;
		queue_push(&s->ready, g->parent);
	}
}

/* One step; false if it was not possible to go on. */
static bool sched_step(struct fiber_sched *s)
{
	struct fiber *f = queue_pop(&s->ready);

	if (!f)
		f = sched_spawn(s);
	if (f) {
		sched_run(s, f);
		return true;
	}
	if (s->sleeping.head) {
		s->idle(s->ctx);
		s->ready = s->sleeping;
		queue_init(&s->sleeping);
		return true;
	}
	/*
	 * All wait for children that got no stack.  (The window alone cannot do this: who waits has
	 * seen room in it.)  The newest parent does its children's work.
	 */
	if (s->pending && s->pending->parent) {
		f = s->pending->parent;
		f->waits_for = NULL;
		queue_push(&s->ready, f);
		return true;
	}
	return false;
}

void fiber_each(struct fiber_sched *s, size_t nr, void (*fn)(void *ctx, size_t i), void *ctx)
{
	struct fiber *self = s->current;
	struct group g = { .next = s->pending, .fn = fn, .ctx = ctx, .nr = nr, .parent = self };

	if (!nr)
		return;
	/* group_take() has unlinked it by the time we return; gcc cannot see that and would warn. */
	struct group *linked = &g;
	__asm__("" : "+r"(linked));
	s->pending = linked;
	while (g.started < nr || g.live) {
		if (!self) {
			if (!sched_step(s) && g.started < nr)
				fn(ctx, group_take(s, &g));
		} else if (g.started < nr && s->nr_live >= s->window) {
			fn(ctx, group_take(s, &g));
		} else {
			self->waits_for = &g;
			fiber_leave(self, false);
		}
	}
}
