/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks that sleep in a made kernel: what the tests of src/walk/wait-*.c have in common.
 *
 *	struct sleepers s;
 *	sleepers_new(&s);		the types that all need; now add others, and symbols
 *	sleepers_ready(&s);		tasks 0 ... 5, of which none sleeps yet
 *	sleepers_sleep(&s, 1, 2, (const char *[]){ "__mutex_lock", "pipe_write", NULL });
 *	walk_waits(&s.w);
 */
#ifndef FDGDB_FAKE_SLEEPERS_H
#define FDGDB_FAKE_SLEEPERS_H

#include "fake-kernel.h"
#include "walk/walk.h"

enum { SLEEPERS = 6, SLEEPER_STACK = 0x4000 };

/* Where their structs are; there is room for 16 pages of others at sleepers_room. */
static const uint64_t sleepers_room = 0xffff888000300000, sleepers_text = 0xffffffff81000000;

struct sleepers {
	struct fake_kernel *fk;
	struct kernel *k;
	struct report *r;
	struct walk w;
	struct walk_opts opts;
	int list, wait_head; /* types: list_head, wait_queue_head */
};

void sleepers_new(struct sleepers *s);
void sleepers_ready(struct sleepers *s);
void sleepers_destroy(struct sleepers *s);

uint64_t sleeper_at(size_t task);
/* Where it sleeps; 0x400 bytes above that are its last frame. */
uint64_t sleeper_sp(size_t task);

/* It sleeps in schedule(), called by these (the innermost first, NULL at the end), called from user mode. */
struct kstack_row *sleepers_sleep(struct sleepers *s, size_t task, uint64_t state, const char *const *functions);
/* It runs on a CPU, in these. */
struct kstack_row *sleepers_run(struct sleepers *s, size_t task, uint32_t cpu, const char *const *functions);

void sleepers_put(struct sleepers *s, uint64_t va, uint64_t v);
void sleepers_put32(struct sleepers *s, uint64_t va, uint32_t v);
/* A ring of these list_heads. */
void sleepers_link(struct sleepers *s, const uint64_t *nodes, size_t nr);
/* All tasks are known: who is not among them is gone. */
void sleepers_complete(struct sleepers *s);

/* The row of its wait; the test ends if it has none. */
const struct wait_row *sleeper_wait(struct sleepers *s, size_t task);

#endif
