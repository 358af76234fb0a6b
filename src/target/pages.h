/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pages held of a guest, by frame number.  Where they come from is target/mem.c's business. */
#ifndef FDGDB_PAGES_H
#define FDGDB_PAGES_H

#include "base/err.h"

enum page_state {
	PAGE_UNKNOWN, /* wanted once and not had, for a cause that was not the page's */
	PAGE_WANTED,  /* in the next batch */
	PAGE_PRESENT,
	PAGE_REFUSED, /* the target would not give it */
};

struct page {
	uint64_t frame;
	uint8_t *data; /* PAGE_PRESENT: PAGE_SIZE bytes that stay where they are */
	enum page_state state;
	bool used;
};

struct slab;

/* Zeroed is empty. */
struct pages {
	struct page *table; /* open addressing; never more than half full */
	size_t nr, room;    /* room: a power of two */
	struct slab *slabs;
	size_t slab_used;   /* pages given out of the newest slab */
	uint8_t *spare;	    /* single pages given back, linked through their first bytes */
};

void pages_deinit(struct pages *p);

/* NULL if nothing is known of this frame.  Valid until the next pages_add(). */
struct page *pages_find(const struct pages *p, uint64_t frame);

/* The entry, made as PAGE_UNKNOWN if there was none; NULL without memory. */
struct page *pages_add(struct pages *p, uint64_t frame);

/* Memory for up to `nr` adjoining pages; *got (at least 1) says how many.  NULL without memory. */
uint8_t *pages_alloc(struct pages *p, size_t nr, size_t *got);

/* Gives one page of pages_alloc() back. */
void pages_give_back(struct pages *p, uint8_t *page);

#endif
