/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include "map-fixture.h"

void setup(struct fixture *f)
{
	*f = (struct fixture){ .im = map_image_new() };
	f->fk = f->im->fk;
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = f->fk->k, .r = f->r, .opts = &f->opts };
}

void teardown(struct fixture *f)
{
	report_destroy(f->r);
	map_image_destroy(f->im);
}

struct img_map map_of(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries)
{
	return (struct img_map){ .type = type, .key_size = key_size, .value_size = value_size,
				 .max_entries = max_entries, .id = 7, .name = "a_map" };
}

void put_map(struct fixture *f, uint64_t at, uint32_t id, uint32_t type, uint32_t key_size, uint32_t value_size,
	     uint32_t max_entries)
{
	struct img_map map = map_of(type, key_size, value_size, max_entries);

	map.id = id;
	fake_kernel_write(f->fk, at, &map, sizeof(map));
}

const struct map_row *walk_one(struct fixture *f, uint64_t at)
{
	uint32_t id = 7;

	map_image_idr(f->im, &id, &at, 1);
	ASSERT_OK(walk_maps(&f->w));
	CU_ASSERT_EQUAL_FATAL(f->r->maps.nr, 1);
	return &f->r->maps.data[0];
}

enum section_status status(const struct fixture *f)
{
	return report_find_section(f->r, "maps")->status;
}

/* ---- hashes */

uint64_t nulls(uint32_t bucket)
{
	return (uint64_t)bucket << 1 | 1;
}

void put_head(struct hash *h, uint32_t bucket, uint64_t first)
{
	fake_kernel_put64(h->f->fk, h->buckets + bucket * sizeof(struct img_bucket), first);
}

struct hash new_hash(struct fixture *f, uint32_t type, uint32_t max_entries, uint32_t n_buckets)
{
	struct img_htab htab = { .n_buckets = n_buckets };
	struct hash h = { .f = f };

	h.map = map_image_room(f->im, sizeof(htab), 0x100);
	h.buckets = map_image_room(f->im, n_buckets * sizeof(struct img_bucket), 0);
	htab.buckets = h.buckets;
	fake_kernel_write(f->fk, h.map, &htab, sizeof(htab));
	put_map(f, h.map, 7, type, 4, 8, max_entries);
	for (uint32_t b = 0; b < n_buckets; b++)
		put_head(&h, b, nulls(b));
	return h;
}

void put_elem(struct hash *h, uint64_t at, uint64_t next, uint32_t hash, uint32_t key, uint64_t value)
{
	struct img_elem e = { .next = next, .hash = hash };

	fake_kernel_write(h->f->fk, at, &e, sizeof(e));
	fake_kernel_write(h->f->fk, at + sizeof(e), &key, sizeof(key));
	fake_kernel_put64(h->f->fk, at + sizeof(e) + 8, value);
}

uint64_t elem_room(struct hash *h, size_t offset)
{
	return map_image_room(h->f->im, sizeof(struct img_elem) + 16, offset);
}
