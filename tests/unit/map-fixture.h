/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test's world: an image with maps, a walk over it and what that yielded. */
#ifndef FDGDB_MAP_FIXTURE_H
#define FDGDB_MAP_FIXTURE_H

#include "map-image.h"
#include "walk/walk.h"

struct fixture {
	struct map_image *im;
	struct fake_kernel *fk;
	struct walk_opts opts;
	struct report *r;
	struct walk w;
};

void setup(struct fixture *f);
void teardown(struct fixture *f);

/* A map "a_map" with id 7. */
struct img_map map_of(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries);

/* The same, at this address and with this id. */
void put_map(struct fixture *f, uint64_t at, uint32_t id, uint32_t type, uint32_t key_size, uint32_t value_size,
	     uint32_t max_entries);

/* Walks a single map with id 7. */
const struct map_row *walk_one(struct fixture *f, uint64_t at);

/* What became of the section. */
enum section_status status(const struct fixture *f);

/* A hash map without elements, of u32 keys and u64 values. */
struct hash {
	struct fixture *f;
	uint64_t map, buckets;
};

struct hash new_hash(struct fixture *f, uint32_t type, uint32_t max_entries, uint32_t n_buckets);

/* The end mark of a bucket's chain, and the beginning of the chain. */
uint64_t nulls(uint32_t bucket);
void put_head(struct hash *h, uint32_t bucket, uint64_t first);

/* Room for an element, and one of bucket `hash % n_buckets` with this key and value. */
uint64_t elem_room(struct hash *h, size_t offset);
void put_elem(struct hash *h, uint64_t at, uint64_t next, uint32_t hash, uint32_t key, uint64_t value);

#define ERROR_HAS(row, part) CU_ASSERT((row)->error && strstr((row)->error, part))

#endif
