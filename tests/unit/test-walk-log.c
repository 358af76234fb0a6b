/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The printk ring buffer: whole, wrapped, half-written, lying. */
#include "config.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "unit.h"
#include "walk/walk.h"

enum {
	COUNT_BITS = 3,
	COUNT = 1 << COUNT_BITS,
	SIZE_BITS = 8,
	SIZE = 1 << SIZE_BITS,
	DESC_SIZE = 24,
	INFO_SIZE = 112,
	RESERVED = 0, COMMITTED = 1, FINALIZED = 2, REUSABLE = 3,
};

static const uint64_t prb = 0xffffffff9d400000, ring = 0xffffffff9d400100, clear_seq = 0xffffffff9d400200,
		      descs = 0xffff888004000000, infos = 0xffff888004010000, data = 0xffff888004020ff0;

/* Not a name: a member lies outside of its struct. */
#define OUTSIDE "(outside)"

struct image {
	struct fake_kernel *fk;
	struct report *r;
	uint64_t lpos; /* where the next text goes */
	bool old;      /* a block that would just fit starts over */
};

static void put(struct image *im, uint64_t at, uint64_t v, size_t n)
{
	fake_kernel_write(im->fk, at, &v, n);
}

#define STRUCT(name, size, ...)                                                                    \
	fake_kernel_struct(fk, name, size, (const struct fake_field[]){ __VA_ARGS__ },             \
			   sizeof((const struct fake_field[]){ __VA_ARGS__ }) /                    \
				   sizeof(struct fake_field))

static void add_types(struct fake_kernel *fk, const char *drop)
{
	int a64 = STRUCT("atomic64", 8, { "counter", fk->u64, 0 });
	int lpos = STRUCT("prb_data_blk_lpos", 16, { "begin", fk->u64, 0 }, { "next", fk->u64, 8 });
	int u16 = btf__add_int(fk->btf, "unsigned short", 2, 0);
	int s48 = fake_kernel_array(fk, fk->u8, 48), s16 = fake_kernel_array(fk, fk->u8, 16);

	STRUCT("prb_desc", DESC_SIZE, { "state_var", a64, 0 },
	       { "text_blk_lpos", lpos, drop && !strcmp(drop, OUTSIDE) ? 16 : 8 });
	int desc_ring = STRUCT("prb_desc_ring", 40, { "count_bits", fk->u32, 0 }, { "descs", fk->ptr, 8 },
			       { "infos", fk->ptr, 16 }, { "head_id", a64, 24 }, { "tail_id", a64, 32 });
	int data_ring = STRUCT("prb_data_ring", 32, { "size_bits", fk->u32, 0 }, { "data", fk->ptr, 8 },
			       { "head_lpos", a64, 16 }, { "tail_lpos", a64, 24 });
	STRUCT("printk_ringbuffer", 80, { "desc_ring", desc_ring, 0 }, { "text_data_ring", data_ring, 40 },
	       { "fail", a64, 72 });
	int dev = STRUCT("dev_printk_info", 64, { "subsystem", s16, 0 }, { "device", s48, 16 });
	STRUCT("printk_info", INFO_SIZE, { drop && strcmp(drop, OUTSIDE) ? drop : "seq", fk->u64, 0 }, { "ts_nsec", fk->u64, 8 },
	       { "text_len", u16, 16 }, { "facility", fk->u8, 18 }, { "caller_id", fk->u32, 20 },
	       { "caller_id2", fk->u32, 24 }, { "comm", s16, 28 }, { "dev_info", dev, 48 });
	btf__add_field(fk->btf, "flags", fk->u8, 19 * 8, 5);
	btf__add_field(fk->btf, "level", fk->u8, 19 * 8 + 5, 3);
	btf__add_enum(fk->btf, "printk_info_flags", 4);
	btf__add_enum_value(fk->btf, "LOG_FORCE_CON", 1);
	btf__add_enum_value(fk->btf, "LOG_NEWLINE", 2);
	btf__add_enum_value(fk->btf, "LOG_CONT", 8);
	int seqcount = STRUCT("seqcount", 4, { "sequence", fk->u32, 0 });
	int latch = STRUCT("latch", 4, { "seqcount", seqcount, 0 });
	STRUCT("latched_seq", 24, { "latch", latch, 0 }, { "val", fake_kernel_array(fk, fk->u64, 2), 8 });
}

static uint64_t first_id(void)
{
	return (0 - (uint64_t)(COUNT + 1)) & ((1ull << 62) - 1);
}

/* As the kernel's own initializer leaves it: head and tail on a descriptor that was never used. */
static struct image *image_new(const char *drop)
{
	struct image *im = calloc(1, sizeof(*im));
	struct fake_kernel *fk = im->fk = fake_kernel_new();
	uint64_t id = first_id();

	im->lpos = 0 - (uint64_t)SIZE;
	add_types(fk, drop);
	fake_kernel_symbol(fk, "prb", prb);
	fake_kernel_symbol(fk, "clear_seq", clear_seq);
	fake_kernel_ready(fk);
	put(im, prb, ring, 8);
	put(im, ring, COUNT_BITS, 4);
	put(im, ring + 8, descs, 8);
	put(im, ring + 16, infos, 8);
	put(im, ring + 24, id, 8);
	put(im, ring + 32, id, 8);
	put(im, ring + 40, SIZE_BITS, 4);
	put(im, ring + 48, data, 8);
	put(im, ring + 56, im->lpos, 8);
	put(im, ring + 64, im->lpos, 8);
	put(im, ring + 72, 0, 8);
	for (size_t i = 0; i < COUNT * DESC_SIZE; i += 8)
		put(im, descs + i, 0, 8);
	for (size_t i = 0; i < COUNT * INFO_SIZE; i += 8)
		put(im, infos + i, 0, 8);
	for (size_t i = 0; i < SIZE; i += 8)
		put(im, data + i, 0xaaaaaaaaaaaaaaaa, 8);
	put(im, descs + (COUNT - 1) * DESC_SIZE, (uint64_t)REUSABLE << 62 | id, 8);
	put(im, descs + (COUNT - 1) * DESC_SIZE + 8, 1, 8);
	put(im, descs + (COUNT - 1) * DESC_SIZE + 16, 1, 8);
	put(im, clear_seq, 1, 4);
	put(im, clear_seq + 8, 77, 8);
	put(im, clear_seq + 16, 3, 8);
	return im;
}

static uint64_t id_of(uint64_t seq)
{
	return (first_id() + 1 + seq) & ((1ull << 62) - 1);
}

static uint64_t desc_of(uint64_t seq)
{
	return descs + id_of(seq) % COUNT * DESC_SIZE;
}

static uint64_t info_of(uint64_t seq)
{
	return infos + id_of(seq) % COUNT * INFO_SIZE;
}

/* The next block of the text ring, as data_alloc() places it. */
static void add_text(struct image *im, uint64_t seq, const char *text)
{
	uint64_t len = (8 + strlen(text) + 7) & ~7ull, begin = im->lpos, next = begin + len;
	uint64_t at = begin & (SIZE - 1);

	if (begin >> SIZE_BITS != (next - (im->old ? 0 : 1)) >> SIZE_BITS) {
		at = 0;
		next = ((begin >> SIZE_BITS) + 1) * SIZE + len;
	}
	put(im, data + at, id_of(seq), 8);
	fake_kernel_write(im->fk, data + at + 8, text, strlen(text));
	put(im, desc_of(seq) + 8, begin, 8);
	put(im, desc_of(seq) + 16, next, 8);
	im->lpos = next;
	put(im, ring + 56, next, 8);
}

/* level and facility vary with seq, to be told apart. */
static void add(struct image *im, uint64_t seq, unsigned int state, const char *text)
{
	uint64_t info = info_of(seq);

	put(im, ring + 24, id_of(seq), 8);
	if (seq + 1 >= COUNT)
		put(im, ring + 32, id_of(seq + 1 - COUNT), 8);
	put(im, desc_of(seq), (uint64_t)state << 62 | id_of(seq), 8);
	put(im, info, seq, 8);
	put(im, info + 8, 1000000000 * seq + 123456789, 8);
	put(im, info + 16, strlen(text), 2);
	put(im, info + 18, seq % 3, 1);
	put(im, info + 19, seq % 8 << 5 | 2, 1);
	put(im, info + 20, seq % 2 ? 0x80000000 + seq : 100 + seq, 4);
	put(im, info + 24, 0x80000003, 4);
	add_text(im, seq, text);
}

static const struct log *walk_some(struct image *im, uint64_t log_bytes)
{
	const struct walk_opts opts = { .log_bytes = log_bytes };
	struct walk w = { .k = im->fk->k, .opts = &opts };

	ASSERT_OK(report_create(&im->r));
	w.r = im->r;
	struct err *e = walk_log(&w);
	if (e) {
		CU_ASSERT_FALSE(walk_is_fatal(e));
		ASSERT_OK(report_section(im->r, "log", SECTION_IMPLAUSIBLE, "%s", e->msg));
		err_free(e);
	}
	return &im->r->log;
}

static const struct log *walk(struct image *im)
{
	return walk_some(im, 0);
}

static const char *detail(const struct image *im)
{
	const struct section *s = report_find_section(im->r, "log");

	return s && s->detail ? s->detail : "";
}

static enum section_status status(const struct image *im)
{
	return report_find_section(im->r, "log")->status;
}

static void image_free(struct image *im)
{
	report_destroy(im->r);
	fake_kernel_destroy(im->fk);
	free(im);
}

static bool text_is(const struct log_record *rec, const char *text)
{
	return rec->text && rec->len == strlen(text) && !memcmp(rec->text, text, rec->len);
}

static void test_empty(void)
{
	struct image *im = image_new(NULL);
	const struct log *log = walk(im);

	CU_ASSERT_TRUE(log->collected);
	CU_ASSERT_EQUAL(log->nr, 0);
	CU_ASSERT_EQUAL(log->overwritten, 0);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	CU_ASSERT_STRING_EQUAL(detail(im), "");
	image_free(im);
}

static void test_fields(void)
{
	struct image *im = image_new(NULL);

	put(im, ring + 72, 9, 8);
	add(im, 0, FINALIZED, "Linux version");
	add(im, 1, FINALIZED, "usb 1-1: reset");
	fake_kernel_write(im->fk, info_of(1) + 48, "usb", 4);
	fake_kernel_write(im->fk, info_of(1) + 64, "+usb:1-1", 9);
	fake_kernel_write(im->fk, info_of(1) + 28, "swapper/3", 10);
	put(im, info_of(1) + 19, 7 << 5 | 8, 1);
	const struct log *log = walk(im);

	CU_ASSERT_EQUAL_FATAL(log->nr, 2);
	CU_ASSERT_TRUE(text_is(&log->records[0], "Linux version"));
	CU_ASSERT_EQUAL(log->records[0].seq, 0);
	CU_ASSERT_EQUAL(log->records[0].ts_nsec, 123456789);
	CU_ASSERT_EQUAL(log->records[0].state, LOG_FINALIZED);
	CU_ASSERT_FALSE(log->records[0].caller_is_cpu);
	CU_ASSERT_EQUAL(log->records[0].caller.v, 100);
	CU_ASSERT_FALSE(log->records[0].cont);
	CU_ASSERT_PTR_NULL(log->records[0].subsystem);
	CU_ASSERT_PTR_NULL(log->records[0].comm);
	CU_ASSERT_TRUE(log->records[0].cpu.has && log->records[0].cpu.v == 3);

	const struct log_record *rec = &log->records[1];
	CU_ASSERT_TRUE(text_is(rec, "usb 1-1: reset"));
	CU_ASSERT_EQUAL(rec->level, 7);
	CU_ASSERT_EQUAL(rec->facility, 1);
	CU_ASSERT_TRUE(rec->cont);
	CU_ASSERT_TRUE(rec->caller_is_cpu);
	CU_ASSERT_EQUAL(rec->caller.v, 1);
	CU_ASSERT_STRING_EQUAL(rec->subsystem, "usb");
	CU_ASSERT_STRING_EQUAL(rec->device, "+usb:1-1");
	CU_ASSERT_STRING_EQUAL(rec->comm, "swapper/3");
	CU_ASSERT_EQUAL(log->failed.v, 9);
	CU_ASSERT_EQUAL(log->clear_seq.v, 3);
	CU_ASSERT_STRING_EQUAL(detail(im), "");
	image_free(im);
}

/* Twice round both rings, with texts of all sizes that end on the boundary, before and behind it. */
static void wrapped(bool old)
{
	for (size_t shift = 0; shift < 64; shift += 8) {
		struct image *im = image_new(NULL);
		char texts[64][64];
		uint64_t seq = 0;

		im->old = old;
		im->lpos += shift;
		for (; seq < 40; seq++) {
			snprintf(texts[seq], sizeof(texts[seq]), "%.*s%u", (int)(seq * 7 % 23),
				 "abcdefghijklmnopqrstuvwxyz", (unsigned int)seq);
			add(im, seq, FINALIZED, texts[seq]);
		}
		const struct log *log = walk(im);

		/* 8 descriptors, but their texts may have been more than the ring had room for. */
		CU_ASSERT_EQUAL(log->nr, COUNT);
		CU_ASSERT_EQUAL(log->overwritten, 40 - COUNT);
		CU_ASSERT_STRING_EQUAL(detail(im), "");
		for (size_t i = 0; i < log->nr; i++) {
			CU_ASSERT_EQUAL(log->records[i].seq, 40 - COUNT + i);
			CU_ASSERT_TRUE(text_is(&log->records[i], texts[40 - COUNT + i]));
		}
		image_free(im);
	}
}

static void test_wrapped(void)
{
	wrapped(false);
}

static void test_wrapped_old(void)
{
	wrapped(true);
}

/* Texts run out before descriptors do: the oldest are marked as free again. */
static void test_overwritten_texts(void)
{
	struct image *im = image_new(NULL);

	for (uint64_t seq = 0; seq < 7; seq++)
		add(im, seq, seq < 4 ? REUSABLE : FINALIZED, "text");
	const struct log *log = walk(im);

	CU_ASSERT_EQUAL_FATAL(log->nr, 3);
	CU_ASSERT_EQUAL(log->records[0].seq, 4);
	CU_ASSERT_EQUAL(log->overwritten, 4);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	image_free(im);
}

static void test_being_written(void)
{
	struct image *im = image_new(NULL);

	add(im, 0, FINALIZED, "done");
	/* Reserved, nothing filled in: numbers of whoever had the slot before. */
	add(im, 1, RESERVED, "secret of old");
	put(im, info_of(1) + 16, 0, 2);
	/* Committed, then opened again to add to it. */
	add(im, 2, RESERVED, "so far");
	add(im, 3, COMMITTED, "maybe more");
	/* Its number is not yet in. */
	add(im, 4, RESERVED, "stale");
	put(im, info_of(4), 0xfffffffffffffffc, 8);
	/* The head is there, the descriptor still free. */
	put(im, ring + 24, id_of(6), 8);
	put(im, desc_of(5), (uint64_t)REUSABLE << 62 | (id_of(5) - COUNT), 8);
	const struct log *log = walk(im);

	CU_ASSERT_EQUAL_FATAL(log->nr, 5);
	CU_ASSERT_EQUAL(log->records[1].state, LOG_RESERVED);
	CU_ASSERT_PTR_NULL(log->records[1].text);
	CU_ASSERT_STRING_EQUAL(log->records[1].why, "it was just being written");
	CU_ASSERT_EQUAL(log->records[2].state, LOG_RESERVED);
	CU_ASSERT_TRUE(text_is(&log->records[2], "so far"));
	CU_ASSERT_EQUAL(log->records[3].state, LOG_COMMITTED);
	CU_ASSERT_TRUE(text_is(&log->records[3], "maybe more"));
	CU_ASSERT_EQUAL(log->records[4].seq, 4);
	CU_ASSERT_PTR_NULL(log->records[4].text);
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	CU_ASSERT_STRING_EQUAL(detail(im), "");
	image_free(im);
}

static void test_no_text(void)
{
	struct image *im = image_new(NULL);

	add(im, 0, FINALIZED, "x");
	put(im, desc_of(0) + 8, 3, 8);
	put(im, desc_of(0) + 16, 3, 8);
	put(im, info_of(0) + 16, 0, 2);
	add(im, 1, FINALIZED, "x");
	put(im, desc_of(1) + 8, 1, 8);
	put(im, desc_of(1) + 16, 1, 8);
	const struct log *log = walk(im);

	CU_ASSERT_EQUAL_FATAL(log->nr, 2);
	CU_ASSERT_TRUE(text_is(&log->records[0], ""));
	CU_ASSERT_PTR_NULL(log->records[1].text);
	CU_ASSERT_STRING_EQUAL(log->records[1].why, "there was no room for its text");
	CU_ASSERT_EQUAL(status(im), SECTION_COMPLETE);
	image_free(im);
}

/* One record lies: it is named, the others are there. */
static void lie(uint64_t at, uint64_t v, size_t n, const char *want)
{
	struct image *im = image_new(NULL);

	for (uint64_t seq = 0; seq < 5; seq++)
		add(im, seq, FINALIZED, "text");
	put(im, at, v, n);
	const struct log *log = walk(im);

	CU_ASSERT_TRUE(log->nr >= 4);
	CU_ASSERT_EQUAL(status(im), SECTION_IMPLAUSIBLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(detail(im), want));
	CU_ASSERT_TRUE(text_is(&log->records[log->nr - 1], "text"));
	image_free(im);
}

static void test_lies(void)
{
	lie(data + 32, 12345, 8, "belongs to another record");
	lie(desc_of(2) + 16, 0 - (uint64_t)SIZE + 20, 8, "not aligned");
	lie(desc_of(2) + 16, 0 - (uint64_t)SIZE + 32 + 2 * SIZE, 8, "larger than the ring");
	lie(desc_of(2) + 16, 0 - (uint64_t)SIZE + 32, 8, "larger than the ring");
	lie(info_of(2) + 16, 9, 2, "longer than its text");
	lie(info_of(2), 17, 8, "out of order");
	lie(desc_of(2), 2ull << 62 | 0x1234, 8, "descriptor belongs to another record");
}

static void ring_lie(uint64_t at, uint64_t v, size_t n, const char *want)
{
	struct image *im = image_new(NULL);

	add(im, 0, FINALIZED, "text");
	put(im, at, v, n);
	CU_ASSERT_EQUAL(walk(im)->nr, 0);
	CU_ASSERT_EQUAL(status(im), SECTION_IMPLAUSIBLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(detail(im), want));
	image_free(im);
}

static void test_ring_lies(void)
{
	ring_lie(ring, 0, 4, "2^0 records");
	ring_lie(ring, 99, 4, "2^99 records");
	ring_lie(ring + 40, 63, 4, "2^63");
	ring_lie(ring + 32, 5, 8, "the oldest record has id 5");
	ring_lie(prb, 0xffff8880deadb000, 8, "the ring buffer: cannot read");
}

static void test_unreadable(void)
{
	struct image *im = image_new(NULL);

	add(im, 0, FINALIZED, "here");
	add(im, 1, FINALIZED, "there");
	/* The texts, all but the first 16 bytes, are on a page that is gone. */
	fake_target_refuse(im->fk->ft, fake_kernel_map(im->fk, data + 16));
	const struct log *log = walk(im);

	CU_ASSERT_EQUAL_FATAL(log->nr, 2);
	CU_ASSERT_TRUE(text_is(&log->records[0], "here"));
	CU_ASSERT_PTR_NULL(log->records[1].text);
	CU_ASSERT_PTR_NOT_NULL(strstr(log->records[1].why, "cannot read"));
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_READABLE);
	image_free(im);

	im = image_new(NULL);
	add(im, 0, FINALIZED, "here");
	fake_target_refuse(im->fk->ft, fake_kernel_map(im->fk, infos));
	CU_ASSERT_EQUAL(walk(im)->nr, 1);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_READABLE);
	image_free(im);

	im = image_new(NULL);
	add(im, 0, FINALIZED, "here");
	fake_target_refuse(im->fk->ft, fake_kernel_map(im->fk, descs));
	CU_ASSERT_EQUAL(walk(im)->nr, 0);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_READABLE);
	image_free(im);
}

/* A ring of 4 MiB whose records take 300 KiB each, as it says. */
static struct image *big_image(void)
{
	struct image *im = image_new(NULL);

	for (uint64_t seq = 0; seq < COUNT; seq++)
		add(im, seq, FINALIZED, "text");
	put(im, ring + 40, 22, 4);
	put(im, ring + 56, 0 - (uint64_t)SIZE + 16 * COUNT, 8);
	for (uint64_t seq = 0; seq < COUNT; seq++) {
		put(im, desc_of(seq) + 8, seq * 300 * 1024, 8);
		put(im, desc_of(seq) + 16, (seq + 1) * 300 * 1024, 8);
		put(im, data + seq * 300 * 1024, id_of(seq), 8);
		fake_kernel_write(im->fk, data + seq * 300 * 1024 + 8, "text", 4);
	}
	put(im, ring + 56, COUNT * 300ull * 1024, 8);
	return im;
}

/* The newest are kept, and it is said that there were more. */
static void test_cap(void)
{
	struct image *im = big_image();
	const struct log *log = walk(im);

	CU_ASSERT_EQUAL_FATAL(log->nr, 3);
	CU_ASSERT_EQUAL(log->cut, COUNT - 3);
	CU_ASSERT_EQUAL(log->records[0].seq, COUNT - 3);
	CU_ASSERT_EQUAL(log->overwritten, 0);
	CU_ASSERT_TRUE(text_is(&log->records[2], "text"));
	CU_ASSERT_PTR_NOT_NULL(report_find_section(im->r, "log")->cut);
	CU_ASSERT_TRUE(im->fk->ft->bytes < (2 << 20));
	CU_ASSERT_FALSE(report_find_section(im->r, "log")->user_cut);
	image_free(im);

	/* As much as the user says; where that is less than a record, the newest is not left out for it. */
	im = big_image();
	CU_ASSERT_EQUAL(walk_some(im, UINT64_MAX)->nr, COUNT);
	CU_ASSERT_EQUAL(im->r->log.cut, 0);
	CU_ASSERT_PTR_NULL(report_find_section(im->r, "log")->cut);
	image_free(im);
	im = big_image();
	CU_ASSERT_EQUAL(walk_some(im, 700 << 10)->nr, 2);
	CU_ASSERT_TRUE(report_find_section(im->r, "log")->user_cut);
	image_free(im);
	im = big_image();
	CU_ASSERT_EQUAL(walk_some(im, 1)->nr, 1);
	image_free(im);
}

static void test_flags(void)
{
	struct image *im = image_new(NULL);

	add(im, 0, FINALIZED, "forced");
	add(im, 1, FINALIZED, "plain");
	add(im, 2, FINALIZED, "one of a pair");
	add(im, 3, FINALIZED, "a flag that nobody knows");
	put(im, info_of(0) + 19, 3 << 5 | 3, 1);
	put(im, info_of(2) + 19, 3 << 5 | 8, 1);
	put(im, info_of(3) + 19, 3 << 5 | 18, 1);
	const struct log *log = walk(im);
	CU_ASSERT_EQUAL_FATAL(log->nr, 4);
	CU_ASSERT_EQUAL(log->records[0].flags, 3);
	CU_ASSERT_STRING_EQUAL(log->records[0].flag_names, "FORCE_CON|NEWLINE");
	CU_ASSERT_EQUAL(log->records[1].flags, 2);
	CU_ASSERT_STRING_EQUAL(log->records[1].flag_names, "NEWLINE");
	CU_ASSERT_FALSE(log->records[1].cont);
	CU_ASSERT_STRING_EQUAL(log->records[2].flag_names, "CONT");
	CU_ASSERT_TRUE(log->records[2].cont);
	CU_ASSERT_STRING_EQUAL(log->records[3].flag_names, "NEWLINE|0x10");
	image_free(im);
}

static void test_missing(void)
{
	struct image *im = image_new("sequence");

	add(im, 0, FINALIZED, "text");
	const struct log *log = walk(im);
	CU_ASSERT_FALSE(log->collected);
	CU_ASSERT_EQUAL(status(im), SECTION_NOT_IMPLEMENTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(detail(im), "printk_info.seq"));
	image_free(im);

	im = image_new(OUTSIDE);
	add(im, 0, FINALIZED, "text");
	CU_ASSERT_FALSE(walk(im)->collected);
	CU_ASSERT_EQUAL(status(im), SECTION_IMPLAUSIBLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(detail(im), "prb_desc.text_blk_lpos.next lies outside"));
	image_free(im);
}

/* As many batches for a full ring as for one record. */
static void test_round_trips(void)
{
	size_t trips[2];

	for (size_t i = 0; i < 2; i++) {
		struct image *im = image_new(NULL);

		for (uint64_t seq = 0; seq < (i ? 8 : 1); seq++)
			add(im, seq, FINALIZED, "text");
		size_t before = im->fk->ft->batches;
		walk(im);
		trips[i] = im->fk->ft->batches - before;
		image_free(im);
	}
	CU_ASSERT_TRUE(trips[1] <= trips[0] + 1);
	CU_ASSERT_TRUE(trips[0] < 16);
}

UNIT_MAIN("walk-log",
	  { "a ring that was never written to", test_empty },
	  { "all fields", test_fields },
	  { "wrapped rings", test_wrapped },
	  { "wrapped rings of older writers", test_wrapped_old },
	  { "texts that were overwritten", test_overwritten_texts },
	  { "records being written", test_being_written },
	  { "empty lines, no room", test_no_text },
	  { "records that lie", test_lies },
	  { "rings that lie", test_ring_lies },
	  { "unreadable pages", test_unreadable },
	  { "no more than 1 MiB", test_cap },
	  { "flags by name", test_flags },
	  { "missing members", test_missing },
	  { "round trips", test_round_trips })
