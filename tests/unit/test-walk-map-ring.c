/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ring buffers of both directions. */
#include "config.h"

#include "unit.h"

#include "map-fixture.h"

enum { RINGBUF = 27, USER_RINGBUF = 31 };

struct ring {
	struct fixture *f;
	uint64_t map, rb;
};

enum { RING = 4096 };
static const uint32_t busy = 1u << 31, discard = 1u << 30;

/* One page of data, mapped twice as the kernel does. */
static struct ring new_ring(struct fixture *f, uint64_t consumer, uint64_t producer)
{
	struct img_ring rb = { .mask = RING - 1, .consumer_pos = consumer, .producer_pos = producer,
			       .pending_pos = consumer };
	struct img_ring_map m = { .map = map_of(RINGBUF, 0, 0, RING) };
	struct ring r = { .f = f, .map = map_image_room(f->im, sizeof(m), 0),
			  .rb = map_image_room(f->im, sizeof(rb) + 2 * RING, 0) };
	uint64_t data = r.rb + sizeof(rb);

	m.rb = r.rb;
	fake_kernel_write(f->fk, r.map, &m, sizeof(m));
	fake_kernel_write(f->fk, r.rb, &rb, sizeof(rb));
	fake_kernel_map_to(f->fk, data + RING, fake_kernel_map(f->fk, data));
	return r;
}

/* The record at a position; its payload are `len` bytes of `fill`. */
static void put_record(const struct ring *r, uint64_t pos, uint32_t len, uint32_t flags, uint8_t fill)
{
	uint64_t at = r->rb + sizeof(struct img_ring) + (pos & (RING - 1));
	uint32_t header[2] = { len | flags, 0 };
	uint8_t data[RING];

	memset(data, fill, sizeof(data));
	fake_kernel_write(r->f->fk, at, header, sizeof(header));
	fake_kernel_write(r->f->fk, at + 8, data, len);
}

static void check_record(const struct map_row *row, size_t i, uint64_t pos, uint32_t len, uint32_t flags,
			 uint8_t fill)
{
	CU_ASSERT_FATAL(i < row->ringbuf->nr_records);
	const struct ring_record *rec = &row->ringbuf->records[i];

	CU_ASSERT_EQUAL(rec->pos, pos);
	CU_ASSERT_EQUAL_FATAL(rec->len, len);
	CU_ASSERT_EQUAL(rec->busy, !!(flags & busy));
	CU_ASSERT_EQUAL(rec->discard, !!(flags & discard));
	CU_ASSERT_PTR_NOT_NULL_FATAL(rec->data);
	for (uint32_t j = 0; j < len; j++)
		CU_ASSERT_EQUAL(rec->data[j], fill);
}

/* A record across the end of the buffer, one discarded, one reserved, one of odd length. */
static void test_ring(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = 5 * RING - 24;
	struct ring r = new_ring(&f, at, at + 112);

	put_record(&r, at, 40, 0, 0x11); /* 24 bytes before the end, and as many after */
	put_record(&r, at + 48, 8, discard, 0x22);
	put_record(&r, at + 64, 17, busy, 0x33);
	put_record(&r, at + 96, 3, 0, 0x44);
	const struct map_row *row = walk_one(&f, r.map);

	CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_RINGBUF);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL(row->ringbuf->capacity, RING);
	CU_ASSERT_EQUAL(row->ringbuf->consumer_pos, at);
	CU_ASSERT_EQUAL(row->ringbuf->producer_pos, at + 112);
	CU_ASSERT_EQUAL(row->ringbuf->nr_records, 4);
	check_record(row, 0, at, 40, 0, 0x11);
	check_record(row, 1, at + 48, 8, discard, 0x22);
	check_record(row, 2, at + 64, 17, busy, 0x33);
	check_record(row, 3, at + 96, 3, 0, 0x44);
	CU_ASSERT_FALSE(row->ringbuf->truncated);
	CU_ASSERT_EQUAL(row->ringbuf->pending_pos, at); /* as the kernel has it */
	CU_ASSERT_TRUE(row->ringbuf->has_busy);
	CU_ASSERT_EQUAL(row->ringbuf->busy_pos, at + 64);
	CU_ASSERT_EQUAL(ringbuf_unread(row->ringbuf), 112);
	CU_ASSERT_EQUAL(row->nr_locks, 0);
	teardown(&f);
}

/* Nobody moves pending_pos of a buffer that user space writes to; its lock is a flag. */
static void test_ring_user(void)
{
	for (int step = 0; step < 2; step++) {
		static const uint32_t one = 1;
		struct fixture f;

		setup(&f);
		struct ring r = new_ring(&f, 64, 128);
		struct img_map map = map_of(USER_RINGBUF, 0, 0, RING);

		fake_kernel_write(f.fk, r.map, &map, sizeof(map));
		fake_kernel_put64(f.fk, r.rb + offsetof(struct img_ring, pending_pos), 0);
		put_record(&r, 64, 8, 0, 1);
		put_record(&r, 80, 20, step ? busy : discard, 2);
		put_record(&r, 112, 8, step ? 0 : busy, 3);
		if (step)
			fake_kernel_write(f.fk, r.rb + offsetof(struct img_ring, busy), &one, sizeof(one));
		const struct map_row *row = walk_one(&f, r.map);
		CU_ASSERT_PTR_NULL(row->error);
		CU_ASSERT_EQUAL_FATAL(row->ringbuf->nr_records, 3);
		CU_ASSERT_EQUAL(row->ringbuf->pending_pos, step ? 80 : 112);
		CU_ASSERT_TRUE(row->ringbuf->has_busy);
		CU_ASSERT_EQUAL(row->ringbuf->busy_pos, step ? 80 : 112);
		CU_ASSERT_EQUAL_FATAL(row->nr_locks, step);
		if (step) {
			CU_ASSERT_STRING_EQUAL(row->locks[0].what, "ring buffer");
			CU_ASSERT_STRING_EQUAL(row->locks[0].member, "busy");
			CU_ASSERT_TRUE(row->locks[0].held);
		}
		teardown(&f);
	}
}

static void test_ring_empty(void)
{
	struct fixture f;
	setup(&f);
	const struct map_row *row = walk_one(&f, new_ring(&f, 4000, 4000).map);

	CU_ASSERT_EQUAL(row->body, MAP_BODY_RINGBUF);
	CU_ASSERT_EQUAL(row->ringbuf->nr_records, 0);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

/* In a buffer that overwrites, the consumer may be further behind than there are bytes. */
static void test_ring_overwrite(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = 9 * RING + 16;
	struct ring r = new_ring(&f, 8, at + 32);

	fake_kernel_put64(f.fk, r.rb + offsetof(struct img_ring, overwrite_pos), at);
	fake_kernel_put64(f.fk, r.rb + offsetof(struct img_ring, overwrite_mode), 1);
	put_record(&r, at, 8, 0, 1);
	put_record(&r, at + 16, 8, 0, 2);
	const struct map_row *row = walk_one(&f, r.map);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL(row->ringbuf->nr_records, 2);
	check_record(row, 0, at, 8, 0, 1);
	CU_ASSERT_TRUE(row->ringbuf->overwrites);
	CU_ASSERT_EQUAL(row->ringbuf->overwrite_pos, at);
	CU_ASSERT_EQUAL(ringbuf_unread(row->ringbuf), 32);
	teardown(&f);
}

/* The consumer's position is user space's to write. */
static void test_ring_bad(void)
{
	static const struct {
		uint64_t consumer, producer;
	} cases[] = { { 4, 64 }, { 0, RING + 8 }, { 64, 0 }, { 0, 12 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		setup(&f);
		const struct map_row *row =
			walk_one(&f, new_ring(&f, cases[i].consumer, cases[i].producer).map);

		CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_RINGBUF);
		CU_ASSERT_EQUAL(row->ringbuf->nr_records, 0);
		ERROR_HAS(row, "no records can be told");
		CU_ASSERT_EQUAL(status(&f), SECTION_IMPLAUSIBLE);
		teardown(&f);
	}
}

static void test_ring_long_record(void)
{
	struct fixture f;
	setup(&f);
	struct ring r = new_ring(&f, 0, 64);

	put_record(&r, 0, 8, 0, 1);
	put_record(&r, 16, 41, 0, 2);
	const struct map_row *row = walk_one(&f, r.map);
	CU_ASSERT_EQUAL(row->ringbuf->nr_records, 1);
	ERROR_HAS(row, "record at position 16 is 41 bytes long, 48 are in the buffer");
	teardown(&f);
}

static void test_ring_cap(void)
{
	struct fixture f;
	setup(&f);
	struct ring r = new_ring(&f, 0, 64);

	for (uint64_t at = 0; at < 64; at += 16)
		put_record(&r, at, 8, 0, 1);
	f.opts.max_entries = 3;
	const struct map_row *row = walk_one(&f, r.map);
	CU_ASSERT_EQUAL(row->ringbuf->nr_records, 3);
	CU_ASSERT_TRUE(row->ringbuf->truncated);
	ERROR_HAS(row, "truncated at 3 records (64 bytes unread)");
	teardown(&f);
}

UNIT_MAIN("walk-map-ring", { "ring buffer", test_ring }, { "ring buffer of user space's", test_ring_user },
	  { "empty ring buffer", test_ring_empty }, { "overwriting ring buffer", test_ring_overwrite },
	  { "ring buffer with bad positions", test_ring_bad },
	  { "ring buffer with a bad record", test_ring_long_record }, { "ring buffer cut", test_ring_cap })
