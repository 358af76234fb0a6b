/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks of maps that were held at the stop. */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>

#include "btf-build.h"
#include "map-image.h"
#include "walk/walk.h"

enum { HASH = 1, ARRAY = 2, LRU_HASH = 9, NR_BUCKETS = 16, CPUS = 3, STRIDE = 0x1000 };

struct fixture {
	struct map_image *im;
	struct walk_opts opts;
	struct report *r;
	uint64_t map, buckets;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .im = map_image_new() };
	ASSERT_OK(report_create(&f->r));
	fake_kernel_cpus(f->im->fk, CPUS, 0, STRIDE);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		const struct img_held none = { 0 };

		fake_kernel_write(f->im->fk, map_image_held_at + cpu * STRIDE, &none, sizeof(none));
	}
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	map_image_destroy(f->im);
}

static const struct map_row *walk(struct fixture *f)
{
	struct walk w = { .k = f->im->fk->k, .r = f->r, .opts = &f->opts };
	uint32_t id = 7;

	map_image_idr(f->im, &id, &f->map, 1);
	ASSERT_OK(walk_maps(&w));
	CU_ASSERT_EQUAL_FATAL(f->r->maps.nr, 1);
	return &f->r->maps.data[0];
}

static void put_hash(struct fixture *f, uint32_t type, const struct img_htab *with)
{
	struct img_htab htab = *with;

	f->map = map_image_room(f->im, sizeof(htab), 0);
	f->buckets = map_image_room(f->im, NR_BUCKETS * sizeof(struct img_bucket), 0);
	htab.map = (struct img_map){ .type = type, .key_size = 4, .value_size = 8, .max_entries = 16, .id = 7 };
	htab.n_buckets = NR_BUCKETS;
	htab.buckets = f->buckets;
	fake_kernel_write(f->im->fk, f->map, &htab, sizeof(htab));
	for (uint32_t b = 0; b < NR_BUCKETS; b++) {
		struct img_bucket bucket = { .first = (uint64_t)b << 1 | 1 };

		fake_kernel_write(f->im->fk, f->buckets + b * sizeof(bucket), &bucket, sizeof(bucket));
	}
}

static uint64_t lock_at(const struct fixture *f, uint32_t bucket)
{
	return f->buckets + bucket * sizeof(struct img_bucket) + offsetof(struct img_bucket, lock);
}

static void set_lock(struct fixture *f, uint32_t bucket, uint32_t word)
{
	fake_kernel_write(f->im->fk, lock_at(f, bucket), &word, sizeof(word));
}

static void list_lock(struct fixture *f, uint32_t cpu, uint32_t slot, uint32_t cnt, uint64_t lock)
{
	uint64_t at = map_image_held_at + cpu * STRIDE;

	fake_kernel_write(f->im->fk, at, &cnt, sizeof(cnt));
	fake_kernel_put64(f->im->fk, at + offsetof(struct img_held, locks) + 8 * slot, lock);
}

static void test_bucket(void)
{
	struct fixture f;

	setup(&f);
	put_hash(&f, HASH, &(struct img_htab){ 0 });
	set_lock(&f, 5, 1);
	list_lock(&f, 1, 1, 2, lock_at(&f, 5));
	/* Held and waited for, by CPUs 0 and 2; and one that is handed over. */
	set_lock(&f, 9, 0x00040101);
	list_lock(&f, 0, 0, 1, lock_at(&f, 9));
	list_lock(&f, 2, 0, 1, lock_at(&f, 9));
	set_lock(&f, 10, 0x00040000);
	/* What was in the table before its end is no lock any more. */
	list_lock(&f, 1, 2, 2, lock_at(&f, 10));

	const struct map_row *row = walk(&f);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL(report_find_section(f.r, "maps")->status, SECTION_COMPLETE);
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 3);
	CU_ASSERT_STRING_EQUAL(row->locks[0].what, "bucket");
	CU_ASSERT_EQUAL(row->locks[0].index, 5);
	CU_ASSERT_EQUAL(row->locks[0].kva.v, lock_at(&f, 5));
	CU_ASSERT_TRUE(row->locks[0].held && !row->locks[0].waited);
	CU_ASSERT_EQUAL_FATAL(row->locks[0].nr_cpus, 1);
	CU_ASSERT_EQUAL(row->locks[0].cpus[0], 1);
	CU_ASSERT_TRUE(row->locks[1].held && row->locks[1].waited);
	CU_ASSERT_EQUAL_FATAL(row->locks[1].nr_cpus, 2);
	CU_ASSERT_EQUAL(row->locks[1].cpus[0], 0);
	CU_ASSERT_EQUAL(row->locks[1].cpus[1], 2);
	CU_ASSERT_TRUE(!row->locks[2].held && row->locks[2].waited);
	CU_ASSERT_EQUAL(row->locks[2].nr_cpus, 0);
	teardown(&f);
}

/* Before 6.15: who is in a section of its group of buckets. */
static void test_older(void)
{
	struct fixture f;
	struct img_htab htab = { 0 };

	setup(&f);
	for (size_t i = 0; i < 8; i++)
		htab.map_locked[i] = map_image_room(f.im, 0x3000, 0);
	put_hash(&f, HASH, &htab);
	for (size_t i = 0; i < 8; i++) {
		for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
			uint32_t count = i == 3 && cpu == 2;

			fake_kernel_write(f.im->fk, htab.map_locked[i] + cpu * STRIDE, &count, sizeof(count));
		}
	}
	set_lock(&f, 11, 1);
	const struct map_row *row = walk(&f);
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 1);
	CU_ASSERT_EQUAL(row->locks[0].index, 11);
	CU_ASSERT_EQUAL_FATAL(row->locks[0].nr_cpus, 1);
	CU_ASSERT_EQUAL(row->locks[0].cpus[0], 2);
	teardown(&f);
}

static void test_lru(void)
{
	struct fixture f;
	struct img_htab htab = { 0 };

	setup(&f);
	htab.lru.local_list = map_image_room(f.im, CPUS * STRIDE, 0);
	htab.lru.list_lock = 1;
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		struct img_local_list local = { .next_steal = 7, .lock = cpu == 2 };

		fake_kernel_write(f.im->fk, htab.lru.local_list + cpu * STRIDE, &local, sizeof(local));
	}
	put_hash(&f, LRU_HASH, &htab);
	const struct map_row *row = walk(&f);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 2);
	CU_ASSERT_STRING_EQUAL(row->locks[0].what, "LRU list");
	CU_ASSERT_FALSE(row->locks[0].has_index);
	CU_ASSERT_STRING_EQUAL(row->locks[1].what, "local LRU list of CPU");
	CU_ASSERT_EQUAL(row->locks[1].index, 2);
	teardown(&f);
}

/* A guest that claims that all of its locks are held, by nobody or by all. */
static void test_all(void)
{
	struct fixture f;

	setup(&f);
	struct img_htab htab = { .n_buckets = 128 };
	f.map = map_image_room(f.im, sizeof(htab), 0);
	f.buckets = htab.buckets = map_image_room(f.im, 128 * sizeof(struct img_bucket), 0);
	htab.map = (struct img_map){ .type = HASH, .key_size = 4, .value_size = 8, .max_entries = 128, .id = 7 };
	fake_kernel_write(f.im->fk, f.map, &htab, sizeof(htab));
	for (uint32_t b = 0; b < 128; b++) {
		struct img_bucket bucket = { .first = (uint64_t)b << 1 | 1, .lock = ~0u };

		fake_kernel_write(f.im->fk, f.buckets + b * sizeof(bucket), &bucket, sizeof(bucket));
	}
	list_lock(&f, 0, 30, ~0u, lock_at(&f, 3));
	const struct map_row *row = walk(&f);
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 64);
	CU_ASSERT_EQUAL(row->locks_cut, 64);
	CU_ASSERT_EQUAL(row->locks[3].nr_cpus, 1);
	CU_ASSERT_EQUAL(row->locks[4].nr_cpus, 0);
	teardown(&f);
}

static void test_values(void)
{
	struct fixture f;
	struct btf_build b;
	size_t len;

	setup(&f);
	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0), lock = btf_build_struct(&b, "bpf_spin_lock", 4);
	btf_build_member(&b, "val", u32, 0);
	uint32_t alias = btf_build_typedef(&b, "lock_t", lock), value = btf_build_struct(&b, "value", 8);
	btf_build_member(&b, "n", u32, 0);
	btf_build_member(&b, "guard", alias, 32);
	void *raw = btf_build_finish(&b, &len);
	struct img_btf obj = { .size = (uint32_t)len, .id = 50, .data = map_image_room(f.im, len, 0) };
	uint64_t btf = map_image_room(f.im, sizeof(obj), 0);
	fake_kernel_write(f.im->fk, obj.data, raw, len);
	fake_kernel_write(f.im->fk, btf, &obj, sizeof(obj));
	free(raw);

	const uint32_t values[] = { 1, 0, 1, 1, 0, 0 };
	struct img_map map = { .type = ARRAY, .key_size = 4, .value_size = 8, .max_entries = 3, .id = 7, .btf = btf,
			       .value_type = value };
	f.map = map_image_room(f.im, sizeof(struct img_array) + sizeof(values), 0);
	fake_kernel_write(f.im->fk, f.map, &map, sizeof(map));
	fake_kernel_write(f.im->fk, f.map + offsetof(struct img_array, value), values, sizeof(values));
	const struct map_row *row = walk(&f);
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 1);
	CU_ASSERT_STRING_EQUAL(row->locks[0].what, "value");
	CU_ASSERT_STRING_EQUAL(row->locks[0].member, "guard");
	CU_ASSERT_EQUAL(row->locks[0].index, 1);
	CU_ASSERT_TRUE(row->locks[0].has_index && row->locks[0].held);
	teardown(&f);
}

UNIT_MAIN("locks", { "buckets' locks and who has them", test_bucket }, { "before resilient spinlocks", test_older },
	  { "lists of an LRU", test_lru }, { "all of them at once", test_all }, { "locks in values", test_values })
