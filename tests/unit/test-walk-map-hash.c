/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hashes and per-CPU hashes. */
#include "config.h"

#include "unit.h"

#include "map-fixture.h"

enum { HASH = 1, PERCPU_HASH = 5, LRU_HASH = 9 };

enum { BUCKETS = 8 };

static uint32_t key_of(const struct map_row *row, size_t i)
{
	return get_le32(row->entries[i].key);
}

static void test_hash(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, HASH, 8, BUCKETS);
	/* Two in bucket 5, the second across a page boundary; one in bucket 2. */
	uint64_t a = elem_room(&h, 0), b = elem_room(&h, 4096 - sizeof(struct img_elem) - 2),
		 c = elem_room(&h, 16);

	put_head(&h, 5, a);
	put_elem(&h, a, b, 5, 100, 1);
	put_elem(&h, b, nulls(5), 13, 0x01020304, 0x1122334455667788);
	put_head(&h, 2, c);
	put_elem(&h, c, nulls(2), 2, 102, 3);

	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ENTRIES);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL(row->id, 7);
	CU_ASSERT_STRING_EQUAL(row->name, "a_map");
	CU_ASSERT_STRING_EQUAL(row->type_name, "hash");
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 3);
	CU_ASSERT_EQUAL(key_of(row, 0), 102); /* in the order of buckets */
	CU_ASSERT_EQUAL(key_of(row, 1), 100);
	CU_ASSERT_EQUAL(key_of(row, 2), 0x01020304);
	CU_ASSERT_EQUAL(get_le64(row->entries[2].value), 0x1122334455667788);
	CU_ASSERT_EQUAL(status(&f), SECTION_COMPLETE);
	teardown(&f);
}

static void test_hash_empty(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, LRU_HASH, 8, BUCKETS);

	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ENTRIES);
	CU_ASSERT_EQUAL(row->nr_entries, 0);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

/* The new element is linked before the old one of the same key is unlinked. */
static void test_hash_update(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, HASH, 8, BUCKETS);
	uint64_t new = elem_room(&h, 0), other = elem_room(&h, 0), old = elem_room(&h, 0);

	put_head(&h, 1, new);
	put_elem(&h, new, other, 1, 42, 2);
	put_elem(&h, other, old, 9, 43, 7);
	put_elem(&h, old, nulls(1), 1, 42, 1);

	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 2);
	CU_ASSERT_EQUAL(key_of(row, 0), 42);
	CU_ASSERT_EQUAL(get_le64(row->entries[0].value), 2);
	CU_ASSERT_EQUAL(key_of(row, 1), 43);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

/* An element that was taken away and put into another chain leads a reader astray. */
static void test_hash_moved(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, HASH, 8, BUCKETS);
	uint64_t a = elem_room(&h, 0), moved = elem_room(&h, 0), b = elem_room(&h, 0);

	put_head(&h, 0, moved);
	put_head(&h, 1, a);
	put_elem(&h, a, moved, 1, 10, 0);
	put_head(&h, 3, moved);
	put_elem(&h, moved, b, 3, 30, 0);
	put_elem(&h, b, nulls(3), 11, 31, 0);

	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 3);
	CU_ASSERT_EQUAL(key_of(row, 0), 10);
	CU_ASSERT_EQUAL(key_of(row, 1), 30);
	CU_ASSERT_EQUAL(key_of(row, 2), 31);
	ERROR_HAS(row, "2 bucket chains loop, end in nothing or run into another bucket");
	CU_ASSERT_EQUAL(status(&f), SECTION_IMPLAUSIBLE);
	teardown(&f);
}

static void test_hash_loops(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, HASH, 8, BUCKETS);
	uint64_t a = elem_room(&h, 0), b = elem_room(&h, 0), c = elem_room(&h, 0);

	put_head(&h, 1, a);
	put_elem(&h, a, b, 1, 1, 0);
	put_elem(&h, b, a, 1, 2, 0); /* and round again */
	put_head(&h, 2, c);
	put_elem(&h, c, 0, 2, 3, 0); /* no end mark */
	put_head(&h, 3, nulls(4));   /* another bucket's */
	put_head(&h, 4, 0);

	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->nr_entries, 3);
	ERROR_HAS(row, "4 bucket chains loop");
	CU_ASSERT_FALSE(row->unreadable);
	teardown(&f);
}

static void test_hash_unreadable(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, HASH, 8, BUCKETS);
	uint64_t a = elem_room(&h, 0), far = 0xffffc9f000000000,
		 cut = elem_room(&h, 4096 - sizeof(struct img_elem)), c = elem_room(&h, 0);

	put_head(&h, 0, a);
	put_elem(&h, a, far, 0, 1, 0);
	/* Key and value of this one are on a page that the target refuses, the next is behind it. */
	put_head(&h, 6, cut);
	put_elem(&h, cut, c, 6, 2, 0);
	put_elem(&h, c, nulls(6), 6, 3, 0);
	fake_target_refuse(f.im->fk->ft, fake_kernel_map(f.im->fk, cut + 4096));

	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 2);
	CU_ASSERT_EQUAL(key_of(row, 0), 1);
	CU_ASSERT_EQUAL(key_of(row, 1), 3);
	ERROR_HAS(row, "2 entries unreadable");
	CU_ASSERT_TRUE(row->unreadable);
	CU_ASSERT_EQUAL(status(&f), SECTION_NOT_READABLE);
	teardown(&f);
}

static void test_hash_nowhere(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, HASH, 8, BUCKETS);
	struct img_htab htab = { .buckets = 0xffffc9f000000000, .n_buckets = BUCKETS };

	fake_kernel_write(f.im->fk, h.map, &htab, sizeof(htab));
	put_map(&f, h.map, 7, HASH, 4, 8, 8);
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->nr_entries, 0);
	ERROR_HAS(row, "8 buckets unreadable");
	teardown(&f);

	setup(&f);
	h = new_hash(&f, HASH, 8, BUCKETS);
	htab = (struct img_htab){ .buckets = h.buckets, .n_buckets = 7 };
	fake_kernel_write(f.im->fk, h.map, &htab, sizeof(htab));
	put_map(&f, h.map, 7, HASH, 4, 8, 8);
	row = walk_one(&f, h.map);
	ERROR_HAS(row, "hash map with 7 buckets");
	CU_ASSERT_EQUAL(status(&f), SECTION_IMPLAUSIBLE);
	teardown(&f);
}

/* Caps: the default is none to fail for, the user's is. */
static void test_hash_cap(void)
{
	for (int user = 0; user < 2; user++) {
		struct fixture f;
		setup(&f);
		struct hash h = new_hash(&f, HASH, 8192, 8192);
		size_t want = user ? 100 : 4096;

		f.opts.max_entries = user ? 100 : 0;
		uint64_t all = map_image_room(f.im, 5000 * 64, 0);
		for (uint32_t i = 0; i < 5000; i++) {
			put_head(&h, i, all + i * 64);
			put_elem(&h, all + i * 64, nulls(i), i, i, i);
		}

		const struct map_row *row = walk_one(&f, h.map);
		CU_ASSERT_EQUAL_FATAL(row->nr_entries, want);
		CU_ASSERT_EQUAL(key_of(row, want - 1), want - 1);
		ERROR_HAS(row, user ? "hash map truncated at 100 entries; max_entries=8192" :
				      "hash map truncated at 4096 entries; max_entries=8192");
		CU_ASSERT_EQUAL(report_is_partial(f.r), user);
		teardown(&f);
	}
}

/* Exactly as many as the cap: nothing is left out. */
static void test_hash_full(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, HASH, 8, BUCKETS);
	uint64_t a = elem_room(&h, 0), b = elem_room(&h, 0);

	f.opts.max_entries = 2;
	put_head(&h, 0, a);
	put_elem(&h, a, nulls(0), 0, 1, 0);
	put_head(&h, 1, b);
	put_elem(&h, b, nulls(1), 1, 2, 0);
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->nr_entries, 2);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

static void test_percpu_hash(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, PERCPU_HASH, 8, BUCKETS);
	uint64_t a = elem_room(&h, 0), b = elem_room(&h, 0), area = map_image_room(f.im, 0x4000, 0);

	fake_kernel_cpus(f.im->fk, 3, area, 0x1000);
	f.im->fk->k->possible[1] = false;
	put_head(&h, 0, a);
	put_elem(&h, a, b, 0, 1, 0x80);
	put_elem(&h, b, nulls(0), 8, 2, 0);
	fake_kernel_put64(f.im->fk, area + 0x80, 1000);
	fake_kernel_put64(f.im->fk, area + 0x2080, 1002);

	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_PERCPU_HASH);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(row->entries[0].per_cpu);
	CU_ASSERT_EQUAL(get_le64(row->entries[0].per_cpu[0]), 1000);
	CU_ASSERT_PTR_NULL(row->entries[0].per_cpu[1]);
	CU_ASSERT_EQUAL(get_le64(row->entries[0].per_cpu[2]), 1002);
	CU_ASSERT_PTR_NULL(row->entries[1].per_cpu);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

/* A kernel that was stopped before it knew its CPUs has no per-CPU values either. */
static void test_percpu_unknown(void)
{
	struct fixture f;
	setup(&f);
	struct hash h = new_hash(&f, PERCPU_HASH, 8, BUCKETS);
	uint64_t a = elem_room(&h, 0);

	f.im->fk->k->nr_cpu_ids = 0;
	put_head(&h, 0, a);
	put_elem(&h, a, nulls(0), 0, 1, 0x80);
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 1);
	CU_ASSERT_PTR_NULL(row->entries[0].per_cpu);
	ERROR_HAS(row, "per-CPU values: no CPUs known");
	CU_ASSERT_TRUE(row->unreadable);
	teardown(&f);
}

/* ---- where the per-CPU pointer is */

enum { PERCPU_CPUS = 2, PERCPU_UNIT = 0x40000 };

/*
 * Areas as kernels before 6.15 have them: what the linker placed at offsets from 0, and behind it, or 64 GiB
 * above in a chunk of its own, what was allocated. f->fk->k knows both CPUs.
 */
static const uint64_t percpu_base = 0xffff888000000000, percpu_chunk = 0x606800000000;

static void put_areas(struct fixture *f)
{
	fake_kernel_cpus(f->fk, PERCPU_CPUS, percpu_base, PERCPU_UNIT);
	for (uint64_t cpu = 0; cpu < PERCPU_CPUS; cpu++) {
		for (uint64_t page = 0; page < PERCPU_UNIT; page += PAGE_SIZE)
			fake_kernel_put64(f->fk, percpu_base + cpu * PERCPU_UNIT + page, 0xbad);
	}
}

/* An element with its pointer at `at` behind the key, of `key_size` bytes that begin with the number. */
static void put_percpu(struct hash *h, uint64_t elem, uint64_t next, uint32_t hash, uint32_t key_size, uint32_t key,
		       uint64_t at, uint64_t pptr)
{
	struct img_elem e = { .next = next, .hash = hash };
	uint8_t zeros[64] = { 0 };

	fake_kernel_write(h->f->fk, elem, &e, sizeof(e));
	fake_kernel_write(h->f->fk, elem + sizeof(e), zeros, key_size + 16);
	fake_kernel_write(h->f->fk, elem + sizeof(e), &key, sizeof(key));
	fake_kernel_put64(h->f->fk, elem + sizeof(e) + at, pptr);
}

/* Elements 1 to nr with their pointers `at` behind the key, and values cpu * 1000 + number. */
static struct hash percpu_hash(struct fixture *f, uint32_t key_size, uint64_t at, const uint64_t *pptrs, size_t nr)
{
	struct hash h = new_hash(f, PERCPU_HASH, 8, BUCKETS);

	put_map(f, h.map, 7, PERCPU_HASH, key_size, 8, 8);
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t elem = map_image_room(f->im, sizeof(struct img_elem) + 64, 0);

		put_head(&h, i, elem);
		put_percpu(&h, elem, nulls(i), i, key_size, i + 1, at, pptrs[i]);
		for (uint64_t cpu = 0; cpu < PERCPU_CPUS && pptrs[i]; cpu++)
			fake_kernel_put64(f->fk, pptrs[i] + percpu_base + cpu * PERCPU_UNIT, cpu * 1000 + i + 1);
	}
	return h;
}

static void check_percpu(const struct map_row *row, size_t nr)
{
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, nr);
	for (uint32_t i = 0; i < nr; i++) {
		CU_ASSERT_EQUAL(key_of(row, i), i + 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(row->entries[i].per_cpu);
		for (uint32_t cpu = 0; cpu < PERCPU_CPUS; cpu++) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(row->entries[i].per_cpu[cpu]);
			CU_ASSERT_EQUAL(get_le64(row->entries[i].per_cpu[cpu]), cpu * 1000 + i + 1);
		}
	}
}

/*
 * Right behind the key or at the next multiple of eight, in the first chunk or in another: of a pointer in the
 * latter the upper half, 0x6068, is aligned, and on a kernel from before 6.15 there is something at it.
 */
static void test_percpu_place(void)
{
	static const uint64_t first[] = { 0x3c870, 0x3c900, 0x3d000 };
	const uint64_t chunk[] = { percpu_chunk + 0x10, percpu_chunk + 0x4ac8, percpu_chunk + 0x8000 };
	static const uint32_t sizes[] = { 4, 12, 6, 1, 15 };

	for (size_t i = 0; i < 4 * ARRAY_SIZE(sizes); i++) {
		uint32_t key_size = sizes[i / 4] < 4 ? 5 : sizes[i / 4];
		struct fixture f;

		setup(&f);
		put_areas(&f);
		struct hash h = percpu_hash(&f, key_size, i & 1 ? key_size : align_up(key_size, 8),
					    i & 2 ? chunk : first, 3);
		check_percpu(walk_one(&f, h.map), 3);
		CU_ASSERT_EQUAL(status(&f), SECTION_COMPLETE);
		teardown(&f);
	}
}

/* The one entry that is asked for tells as much as many. */
static void test_percpu_place_one(void)
{
	const uint64_t pptr = percpu_chunk + 0x4ac8;
	struct fixture f;

	setup(&f);
	put_areas(&f);
	struct hash h = percpu_hash(&f, 4, 4, &pptr, 1);
	check_percpu(walk_one(&f, h.map), 1);
	teardown(&f);
}

/* No value rather than that of another place: here both words lead nowhere, there one is null. */
static void test_percpu_nowhere(void)
{
	static const uint64_t wild[] = { 0x123456789abcdef0, 0x23456789abcdef00 }, null[] = { 0, 0x3c870 };
	struct fixture f;

	setup(&f);
	put_areas(&f);
	struct hash h = new_hash(&f, PERCPU_HASH, 8, BUCKETS);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t elem = map_image_room(f.im, sizeof(struct img_elem) + 64, 0);

		put_head(&h, i, elem);
		put_percpu(&h, elem, nulls(i), i, 4, i + 1, 4, wild[i]);
	}
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 2);
	CU_ASSERT_PTR_NULL(row->entries[0].per_cpu);
	ERROR_HAS(row, "per-CPU values: the words behind the keys lead nowhere");
	CU_ASSERT_TRUE(row->unreadable);
	teardown(&f);

	setup(&f);
	put_areas(&f);
	h = percpu_hash(&f, 4, 4, null, 2);
	row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 2);
	CU_ASSERT_PTR_NULL(row->entries[0].per_cpu);
	CU_ASSERT_PTR_NOT_NULL_FATAL(row->entries[1].per_cpu);
	CU_ASSERT_EQUAL(get_le64(row->entries[1].per_cpu[1]), 1002);
	teardown(&f);
}

/* One CPU's value is not there: that is not the same as no such CPU. */
static void test_percpu_lost(void)
{
	static const uint64_t pptr = 0x3c870;
	struct fixture f;

	setup(&f);
	put_areas(&f);
	fake_kernel_cpus(f.fk, PERCPU_CPUS + 2, percpu_base, PERCPU_UNIT);
	f.fk->k->possible[3] = false;
	struct hash h = percpu_hash(&f, 8, 8, &pptr, 1); /* CPU 2 is possible, but has no area */
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 1);
	const struct map_entry *e = row->entries;
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->per_cpu);
	CU_ASSERT_PTR_NOT_NULL(e->per_cpu[1]);
	CU_ASSERT_PTR_NULL(e->per_cpu[2]);
	CU_ASSERT_PTR_NULL(e->per_cpu[3]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->cpu_lost);
	CU_ASSERT_FALSE(e->cpu_lost[0] || e->cpu_lost[1] || e->cpu_lost[3]);
	CU_ASSERT_TRUE(e->cpu_lost[2]);
	ERROR_HAS(row, "1 per-CPU values unreadable");
	teardown(&f);
}

/* ---- the kernel's own count */

static void put_int(struct fixture *f, uint64_t at, const void *v, size_t len)
{
	fake_kernel_write(f->fk, at, v, len);
}

#define SET(f, h, type, member, value) \
	put_int(f, (h)->map + offsetof(struct type, member), &(__typeof__(((struct type *)0)->member)){ value }, \
		sizeof(((struct type *)0)->member))

/* nr elements in the first buckets of a map that has the counts of each CPU at `counts`. */
static struct hash counted_hash(struct fixture *f, uint32_t nr, const int64_t counts[PERCPU_CPUS])
{
	setup(f);
	put_areas(f);
	struct hash h = new_hash(f, HASH, 64, 16);

	for (uint32_t i = 0; i < nr; i++) {
		uint64_t e = elem_room(&h, 0);

		put_head(&h, i, e);
		put_elem(&h, e, nulls(i), i, i, i);
	}
	if (counts)
		SET(f, &h, img_map, elem_count, 0x3c870);
	for (uint64_t cpu = 0; cpu < PERCPU_CPUS && counts; cpu++)
		fake_kernel_put64(f->fk, percpu_base + cpu * PERCPU_UNIT + 0x3c870, (uint64_t)counts[cpu]);
	return h;
}

/* What one CPU has added another may have removed. */
static void test_count(void)
{
	static const int64_t counts[] = { 7, -4 };
	struct fixture f;
	struct hash h = counted_hash(&f, 3, counts);
	const struct map_row *row = walk_one(&f, h.map);

	CU_ASSERT_TRUE(row->has_count);
	CU_ASSERT_EQUAL(row->count, 3);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);

	h = counted_hash(&f, 3, NULL); /* preallocated, on a kernel without the count */
	row = walk_one(&f, h.map);
	CU_ASSERT_FALSE(row->has_count);
	teardown(&f);
}

/* Before 6.6 only hashes that allocate as they go have a count, in one of two forms. */
static void test_count_old(void)
{
	for (int percpu = 0; percpu < 2; percpu++) {
		struct fixture f;
		struct hash h = counted_hash(&f, 3, NULL);

		SET(&f, &h, img_map, flags, 1);
		SET(&f, &h, img_htab, count, 3);
		SET(&f, &h, img_htab, uses_percpu, percpu);
		SET(&f, &h, img_htab, percpu_count, 32);
		SET(&f, &h, img_htab, percpu_counters, 0x3c900);
		for (uint64_t cpu = 0; cpu < PERCPU_CPUS; cpu++) {
			const int32_t batch = cpu ? -30 : 1;

			put_int(&f, percpu_base + cpu * PERCPU_UNIT + 0x3c900, &batch, sizeof(batch));
		}
		const struct map_row *row = walk_one(&f, h.map);
		CU_ASSERT_TRUE(row->has_count);
		CU_ASSERT_EQUAL(row->count, 3);
		CU_ASSERT_PTR_NULL(row->error);
		teardown(&f);
	}
}

/* Each CPU may be about to count what it has done; more than that is worth a word, but nothing was unreadable. */
static void test_count_differs(void)
{
	static const int64_t near[] = { 5, 0 }, far[] = { 6, 0 }, negative[] = { -2, 1 };
	struct fixture f;
	struct hash h = counted_hash(&f, 3, near);
	const struct map_row *row = walk_one(&f, h.map);

	CU_ASSERT_EQUAL(row->count, 5);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);

	h = counted_hash(&f, 3, far);
	row = walk_one(&f, h.map);
	ERROR_HAS(row, "3 entries are in it, the kernel counts 6");
	CU_ASSERT_EQUAL(status(&f), SECTION_COMPLETE);
	teardown(&f);

	/* What was cut is not compared. */
	h = counted_hash(&f, 3, far);
	f.opts.max_entries = 2;
	row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->count, 6);
	CU_ASSERT_PTR_NULL(strstr(row->error, "the kernel counts"));
	teardown(&f);

	h = counted_hash(&f, 3, negative);
	row = walk_one(&f, h.map);
	CU_ASSERT_FALSE(row->has_count);
	ERROR_HAS(row, "the kernel counts -1 entries");
	teardown(&f);
}

UNIT_MAIN("walk-map-hash", { "hash", test_hash }, { "empty hash", test_hash_empty },
	  { "hash stopped inside an update", test_hash_update },
	  { "element in another chain", test_hash_moved }, { "chains without end", test_hash_loops },
	  { "unreadable elements", test_hash_unreadable }, { "no buckets", test_hash_nowhere },
	  { "caps", test_hash_cap }, { "as many entries as the cap", test_hash_full },
	  { "per-CPU hash", test_percpu_hash }, { "CPUs unknown", test_percpu_unknown },
	  { "per-CPU pointers, both places", test_percpu_place }, { "of one entry", test_percpu_place_one },
	  { "per-CPU pointers that lead nowhere", test_percpu_nowhere },
	  { "a CPU's value unreadable", test_percpu_lost }, { "count", test_count }, { "count, older kernels", test_count_old },
	  { "count that differs", test_count_differs })
