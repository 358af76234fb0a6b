/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fibers: many straight-line walkers on one thread, each on a stack of its own, that sleep
 * together until one call (`idle`) has fetched what all of them wait for.
 */
#ifndef FDGDB_FIBER_H
#define FDGDB_FIBER_H

#include "base/err.h"

struct fiber_sched;

/*
 * At most `window` fibers live at a time.  idle(ctx) is called, on the caller's own stack, when
 * nothing but sleepers is left; after it all of them are woken.
 */
struct err *fiber_sched_create(size_t window, void (*idle)(void *ctx), void *ctx,
			       struct fiber_sched **ret) MUST_CHECK;
void fiber_sched_destroy(struct fiber_sched *s);

/*
 * Runs fn(ctx, i) for all i in [0, nr); returns when all have ended.  May be called inside a
 * fiber.  Where no further fiber can be had (window full, no memory), the caller runs them itself.
 */
void fiber_each(struct fiber_sched *s, size_t nr, void (*fn)(void *ctx, size_t i), void *ctx);

/* Whether the caller is a fiber, and so may sleep. */
bool fiber_inside(const struct fiber_sched *s);

/* Until idle() has returned once.  Inside a fiber only. */
void fiber_sleep(struct fiber_sched *s);

/* How many stacks were ever needed at one time. */
size_t fiber_nr_stacks(const struct fiber_sched *s);

#endif
