/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest-physical memory through a cache of pages, and the way to read much of it in few round trips.
 *
 * Latency is the enemy: one round trip to a gdbstub costs as much as 10 KiB of transfer.  So
 * walkers that could run side by side are started with mem_each(): each runs as a fiber, and one
 * that misses the cache sleeps while the others go on; when all sleep, all misses go out as one
 * pipelined batch.  A walker is thus written as straight code that just reads.
 *
 * Nothing changes while the machine is stopped, so pages stay cached and pointers to them stay
 * valid until mem_destroy(); after the guest has been let go the cache is the snapshot, and a
 * miss is an error.
 */
#ifndef FDGDB_MEM_H
#define FDGDB_MEM_H

#include "target/target.h"

struct mem;

struct mem_stats {
	uint64_t hits, misses; /* pages looked up */
	uint64_t batches;      /* times that misses went out together */
	uint64_t bytes;	       /* held in the cache */
};

/* The target must outlive the memory. */
struct err *mem_create(struct target *t, struct mem **ret) MUST_CHECK;
void mem_destroy(struct mem *mem);

/*
 * Reads across pages.  ERR_FAULT with the first address that is not there: never zeros in its
 * place.  ERR_DEADLINE, ERR_LOST: nothing more will come.
 */
struct err *mem_read(struct mem *mem, struct gpa addr, void *buf, size_t len) MUST_CHECK;

/* The page that holds addr, PAGE_SIZE bytes, valid until mem_destroy(). */
struct err *mem_page(struct mem *mem, struct gpa addr, const uint8_t **ret) MUST_CHECK;

/* Fetches what is missing of these pages (any address in the page) in one go.  Pages that cannot be
 * had are no error here: whoever reads them is told. */
struct err *mem_prefetch(struct mem *mem, const struct gpa *pages, size_t nr) MUST_CHECK;

/*
 * Runs fn(ctx, i) for every i in [0, nr) as fibers, many at a time, and returns when all have
 * ended.  fn may call mem_read() and mem_each() itself.  Indices start in order; nothing is
 * said about the order in which they end, so fn writes its results to slot i.
 * Inside a fiber the stack has 128 KiB: no big arrays on it.  Where waiting together wins nothing
 * (a file, a frozen cache), fn just runs for one index after the other.
 */
void mem_each(struct mem *mem, size_t nr, void (*fn)(void *ctx, size_t i), void *ctx);

/*
 * How much the cache may hold, in bytes (default 4 GiB), and how often pages may be looked up (default
 * 2^30): a miss or a look-up beyond is ERR_LIMIT.  They guard the host's memory, and the time for which
 * the guest is stopped, against a guest whose pointers lead everywhere.
 */
void mem_set_limits(struct mem *mem, uint64_t bytes, uint64_t lookups);

/* No further reads from the target: a miss is ERR_FAULT "not read while the guest was stopped". */
void mem_freeze(struct mem *mem);

void mem_get_stats(const struct mem *mem, struct mem_stats *ret);

#endif
