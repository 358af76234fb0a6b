/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resizable hashes. */
#include "config.h"

#include "unit.h"

#include "map-fixture.h"

enum { RHASH = 35, SIZE = 8, KEY = 12, VALUE = 8 };

struct rhash {
	struct fixture *f;
	uint64_t map, table;
};

static uint64_t new_table(struct fixture *f, uint64_t future)
{
	struct img_bucket_table t = { .size = SIZE, .future_tbl = future };
	uint64_t at = map_image_room(f->im, sizeof(t) + SIZE * 8, 0);
	uint64_t empty[SIZE] = { 0 };

	fake_kernel_write(f->fk, at, &t, sizeof(t));
	fake_kernel_write(f->fk, at + sizeof(t), empty, sizeof(empty));
	return at;
}

static struct rhash new_rhash(struct fixture *f, uint32_t nelems, uint64_t future)
{
	struct img_rhtab m = { .map = map_of(RHASH, KEY, VALUE, 100), .nelems = nelems };
	struct rhash h = { .f = f, .map = map_image_room(f->im, sizeof(m), 0), .table = new_table(f, future) };

	m.tbl = h.table;
	fake_kernel_write(f->fk, h.map, &m, sizeof(m));
	return h;
}

static void put_word(struct fixture *f, uint64_t table, uint32_t bucket, uint64_t word)
{
	fake_kernel_put64(f->fk, table + sizeof(struct img_bucket_table) + bucket * 8, word);
}

/* An element whose key begins with this number and whose value is ten times it; next 0: the end of a chain. */
static uint64_t put_elem_of(struct fixture *f, uint32_t number, uint64_t next)
{
	uint64_t at = map_image_room(f->im, sizeof(struct img_rhtab_elem) + 16 + VALUE, 4096 - 20);
	uint8_t key[16] = { (uint8_t)number };

	fake_kernel_put64(f->fk, at, next ? next : 1);
	fake_kernel_write(f->fk, at + sizeof(struct img_rhtab_elem), key, sizeof(key));
	fake_kernel_put64(f->fk, at + sizeof(struct img_rhtab_elem) + 16, 10 * number);
	return at;
}

static void check(const struct map_row *row, size_t nr)
{
	uint64_t seen = 0;

	CU_ASSERT_EQUAL(row->body, MAP_BODY_ENTRIES);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, nr);
	for (size_t i = 0; i < nr; i++) {
		CU_ASSERT_EQUAL(get_le64(row->entries[i].value), 10 * row->entries[i].key[0]);
		seen |= 1ULL << row->entries[i].key[0];
	}
	CU_ASSERT_EQUAL(seen, (2ULL << nr) - 2);
}

/* Keys of odd length, elements across pages. */
static void test_rhash(void)
{
	struct fixture f;
	setup(&f);
	struct rhash h = new_rhash(&f, 3, 0);

	put_word(&f, h.table, 1, put_elem_of(&f, 1, put_elem_of(&f, 2, 0)));
	put_word(&f, h.table, 7, put_elem_of(&f, 3, 0));
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_PTR_NULL(row->error);
	check(row, 3);
	CU_ASSERT_TRUE(row->has_count);
	CU_ASSERT_EQUAL(row->count, 3);
	CU_ASSERT_EQUAL(row->nr_locks, 0);
	teardown(&f);
}

/* Stopped in a resize: entries in both tables, one in both chains, a bucket of each is locked. */
static void test_rhash_resize(void)
{
	struct fixture f;
	setup(&f);
	uint64_t future = new_table(&f, 0);
	struct rhash h = new_rhash(&f, 4, future);
	uint64_t moving = put_elem_of(&f, 1, 0);

	put_word(&f, h.table, 2, put_elem_of(&f, 2, moving) | 1);
	put_word(&f, h.table, 3, put_elem_of(&f, 3, 0));
	put_word(&f, future, 5, moving | 1);
	put_word(&f, future, 6, put_elem_of(&f, 4, 0));
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_PTR_NULL(row->error);
	check(row, 4);
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 2);
	CU_ASSERT_STRING_EQUAL(row->locks[0].what, "bucket");
	CU_ASSERT_EQUAL(row->locks[0].index, 2);
	CU_ASSERT_EQUAL(row->locks[0].kva.v, h.table + sizeof(struct img_bucket_table) + 16);
	CU_ASSERT_TRUE(row->locks[0].held);
	CU_ASSERT_STRING_EQUAL(row->locks[1].what, "bucket of the table being filled");
	CU_ASSERT_EQUAL(row->locks[1].index, 5);
	teardown(&f);
}

static void test_rhash_cap(void)
{
	struct fixture f;
	setup(&f);
	struct rhash h = new_rhash(&f, 5, 0);

	for (uint32_t i = 0; i < 5; i++)
		put_word(&f, h.table, i, put_elem_of(&f, i + 1, 0));
	f.opts.max_entries = 3;
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->nr_entries, 3);
	CU_ASSERT_EQUAL(row->count, 5);
	ERROR_HAS(row, "resizable hash truncated at 3 entries (max_entries=100)");
	teardown(&f);
}

/* An element that is not there, a chain that loops. */
static void test_rhash_bad(void)
{
	struct fixture f;
	setup(&f);
	struct rhash h = new_rhash(&f, 2, 0);
	uint64_t loop = put_elem_of(&f, 2, 0);

	fake_kernel_put64(f.fk, loop, loop);
	put_word(&f, h.table, 0, put_elem_of(&f, 1, 0));
	put_word(&f, h.table, 1, loop);
	put_word(&f, h.table, 2, 0xffffc9f000000000);
	const struct map_row *row = walk_one(&f, h.map);
	check(row, 2);
	ERROR_HAS(row, "resizable hash: ");
	CU_ASSERT_NOT_EQUAL(status(&f), SECTION_COMPLETE);
	teardown(&f);
}

UNIT_MAIN("walk-map-rhash", { "resizable hash", test_rhash }, { "resizable hash in a resize", test_rhash_resize },
	  { "resizable hash, cut", test_rhash_cap }, { "resizable hash, damaged", test_rhash_bad })
