/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps whose contents are not in arrays and hashes. */
#include "config.h"

#include "unit.h"

#include <stdlib.h>

#include "map-fixture.h"

enum {
	STACK_TRACE = 7, LPM_TRIE = 11, CGROUP_STORAGE = 19, PERCPU_CGROUP_STORAGE = 21, QUEUE = 22,
	STACK = 23, SK_STORAGE = 24,
	INODE_STORAGE = 28, TASK_STORAGE = 29, BLOOM = 30, CGRP_STORAGE = 32, INSN_ARRAY = 34,
};

/* ---- queues and stacks */

/* Slots hold 100, 101, ... */
static uint64_t new_queue(struct fixture *f, uint32_t type, uint32_t max_entries, uint32_t head,
			  uint32_t tail)
{
	struct img_queue q = { .map = map_of(type, 0, 8, max_entries), .head = head, .tail = tail,
			       .size = max_entries + 1 };
	uint64_t at = map_image_room(f->im, sizeof(q) + 8 * (max_entries + 1), 4096 - sizeof(q) - 20);

	fake_kernel_write(f->fk, at, &q, sizeof(q));
	for (uint64_t i = 0; i <= max_entries; i++)
		fake_kernel_put64(f->fk, at + sizeof(q) + 8 * i, 100 + i);
	return at;
}

static void check_values(const struct map_row *row, const uint64_t *want, size_t nr)
{
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ARRAY);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, nr);
	for (size_t i = 0; i < nr; i++) {
		CU_ASSERT_EQUAL(row->entries[i].index, i);
		CU_ASSERT_PTR_NOT_NULL_FATAL(row->entries[i].value);
		CU_ASSERT_EQUAL(get_le64(row->entries[i].value), want[i]);
	}
}

static void test_queue(void)
{
	static const struct {
		uint32_t type, head, tail;
		uint64_t want[5];
		size_t nr;
	} cases[] = {
		{ QUEUE, 3, 0, { 100, 101, 102 }, 3 },
		{ QUEUE, 1, 3, { 103, 104, 100 }, 3 }, /* wraps */
		{ QUEUE, 2, 3, { 103, 104, 100, 101 }, 4 }, /* full */
		{ QUEUE, 4, 4, { 0 }, 0 },
		{ STACK, 3, 0, { 102, 101, 100 }, 3 },
		{ STACK, 1, 3, { 100, 104, 103 }, 3 }, /* has lost its oldest */
		{ STACK, 0, 2, { 104, 103, 102 }, 3 },
		{ STACK, 0, 0, { 0 }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		setup(&f);
		const struct map_row *row =
			walk_one(&f, new_queue(&f, cases[i].type, 4, cases[i].head, cases[i].tail));

		check_values(row, cases[i].want, cases[i].nr);
		CU_ASSERT_PTR_NULL(row->error);
		teardown(&f);
	}
}

/* What is left out is what would be popped last. */
static void test_queue_cap(void)
{
	for (int stack = 0; stack < 2; stack++) {
		struct fixture f;
		setup(&f);
		f.opts.max_entries = 2;
		const struct map_row *row = walk_one(&f, new_queue(&f, stack ? STACK : QUEUE, 4, 1, 3));
		static const uint64_t want[2][2] = { { 103, 104 }, { 100, 104 } };

		check_values(row, want[stack], 2);
		ERROR_HAS(row, "truncated at 2 of 3 entries (max_entries=4)");
		CU_ASSERT(report_find_section(f.r, "maps")->cut != NULL);
		teardown(&f);
	}
}

static void test_queue_bad(void)
{
	static const uint32_t heads[] = { 5, 0, UINT32_MAX }, tails[] = { 0, 5, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		struct fixture f;
		setup(&f);
		const struct map_row *row = walk_one(&f, new_queue(&f, QUEUE, 4, heads[i], tails[i]));

		CU_ASSERT_EQUAL(row->nr_entries, 0);
		ERROR_HAS(row, "of 5 slots");
		CU_ASSERT_EQUAL(status(&f), SECTION_IMPLAUSIBLE);
		teardown(&f);
	}
}

/* ---- longest-prefix matches */

static uint64_t new_lpm(struct fixture *f, uint64_t root)
{
	struct img_lpm trie = { .map = map_of(LPM_TRIE, 8, 8, 16), .root = root, .max_prefixlen = 32,
				.data_size = 4 };
	uint64_t at = map_image_room(f->im, sizeof(trie), 0);

	fake_kernel_write(f->fk, at, &trie, sizeof(trie));
	return at;
}

/* The value is the prefix length; addr in the order of the network, a fork if `fork`. */
static uint64_t lpm_node(struct fixture *f, uint32_t addr, uint32_t prefixlen, bool fork, uint64_t left,
			 uint64_t right)
{
	struct img_lpm_node n = { .left = left, .right = right, .prefixlen = prefixlen, .flags = fork };
	uint64_t at = map_image_room(f->im, sizeof(n), 4096 - 34);

	for (int i = 0; i < 4; i++)
		n.data[i] = (uint8_t)(addr >> (24 - 8 * i));
	n.value[0] = (uint8_t)prefixlen;
	/* Of a fork there is nothing behind the data. */
	fake_kernel_write(f->fk, at, &n, fork ? offsetof(struct img_lpm_node, value) : sizeof(n));
	return at;
}

struct prefix {
	uint32_t addr, len;
};

static void check_prefixes(const struct map_row *row, const struct prefix *want, size_t nr)
{
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ENTRIES);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, nr);
	for (size_t i = 0; i < nr; i++) {
		const struct map_entry *e = &row->entries[i];
		const uint8_t *k = e->key;

		CU_ASSERT_EQUAL(get_le32(k), want[i].len);
		CU_ASSERT_EQUAL((uint32_t)k[4] << 24 | k[5] << 16 | k[6] << 8 | k[7], want[i].addr);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e->value);
		CU_ASSERT_EQUAL(get_le64(e->value), want[i].len);
	}
}

/* 10.0.0.0/8 with 10.1.0.0/16 and 10.1.2.3/32 below, a fork, and 192.168.0.0/16 with no left child. */
static void test_lpm(void)
{
	struct fixture f;
	setup(&f);
	uint64_t host = lpm_node(&f, 0x0a010203, 32, false, 0, 0);
	uint64_t net = lpm_node(&f, 0x0a010000, 16, false, host, 0);
	uint64_t ten = lpm_node(&f, 0x0a000000, 8, false, net, 0);
	uint64_t high = lpm_node(&f, 0xc0a88000, 17, false, 0, 0);
	uint64_t home = lpm_node(&f, 0xc0a80000, 16, false, 0, high);
	uint64_t root = lpm_node(&f, 0, 0, true, ten, home);
	static const struct prefix want[] = {
		{ 0x0a000000, 8 }, { 0x0a010000, 16 }, { 0x0a010203, 32 }, { 0xc0a80000, 16 },
		{ 0xc0a88000, 17 },
	};

	uint64_t map = new_lpm(&f, root);
	fake_kernel_put64(f.fk, map + offsetof(struct img_lpm, n_entries), 5); /* forks do not count */
	const struct map_row *row = walk_one(&f, map);
	check_prefixes(row, want, ARRAY_SIZE(want));
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_TRUE(row->has_count);
	CU_ASSERT_EQUAL(row->count, 5);
	teardown(&f);
}

static void test_lpm_small(void)
{
	struct fixture f;
	setup(&f);
	const struct map_row *row = walk_one(&f, new_lpm(&f, 0));
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ENTRIES);
	CU_ASSERT_EQUAL(row->nr_entries, 0);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);

	setup(&f);
	static const struct prefix any = { 0, 0 };
	check_prefixes(walk_one(&f, new_lpm(&f, lpm_node(&f, 0, 0, false, 0, 0))), &any, 1);
	teardown(&f);
}

/* Loops, a child on the wrong side, one with another prefix, one that is too long, one that is nowhere. */
static void test_lpm_bad(void)
{
	struct fixture f;
	setup(&f);
	uint64_t loop = map_image_room(f.im, 64, 0);
	uint64_t side = lpm_node(&f, 0x0a800000, 16, false, 0, 0);
	uint64_t ten = lpm_node(&f, 0x0a000000, 8, false, side, loop);
	uint64_t alien = lpm_node(&f, 0xe0000000, 24, false, 0, 0);
	uint64_t longer = lpm_node(&f, 0xc1800000, 33, false, 0, 0);
	uint64_t home = lpm_node(&f, 0xc0000000, 8, false, alien, longer);
	uint64_t root = lpm_node(&f, 0, 0, true, ten, home);
	struct img_lpm_node back = { .left = root, .right = 0xffffc9f000000000, .prefixlen = 9,
				     .data = { 0x0a, 0x80 }, .value = { 9 } };
	static const struct prefix want[] = {
		{ 0x0a000000, 8 }, { 0x0a800000, 9 }, { 0xc0000000, 8 },
	};

	fake_kernel_write(f.fk, loop, &back, sizeof(back));
	const struct map_row *row = walk_one(&f, new_lpm(&f, root));
	check_prefixes(row, want, ARRAY_SIZE(want));
	ERROR_HAS(row, "1 branches unreadable");
	ERROR_HAS(row, "4 nodes are not where their prefix belongs");
	CU_ASSERT_EQUAL(status(&f), SECTION_NOT_READABLE);
	teardown(&f);
}

static void test_lpm_cap(void)
{
	struct fixture f;
	setup(&f);
	uint64_t deep = lpm_node(&f, 0x01000000, 24, false, 0, 0);
	uint64_t left = lpm_node(&f, 0x01000000, 8, false, deep, 0);
	uint64_t right = lpm_node(&f, 0x80000000, 1, false, 0, 0);

	f.opts.max_entries = 2;
	const struct map_row *row = walk_one(&f, new_lpm(&f, lpm_node(&f, 0, 0, true, left, right)));
	static const struct prefix want[] = { { 0x01000000, 8 }, { 0x80000000, 1 } };
	check_prefixes(row, want, 2);
	ERROR_HAS(row, "trie truncated at 2 entries");
	teardown(&f);
}

/* ---- Bloom filters */

static void test_bloom(void)
{
	struct fixture f;
	setup(&f);
	struct img_bloom b = { .map = map_of(BLOOM, 0, 4, 16), .bitset_mask = 65535, .hash_seed = 9,
			       .nr_hash_funcs = 3 };
	uint64_t at = map_image_room(f.im, sizeof(b) + 8192, 4096 - sizeof(b)), bits = at + sizeof(b);

	fake_kernel_write(f.fk, at, &b, sizeof(b));
	fake_kernel_put64(f.fk, bits, 0x8000000000000001);
	fake_kernel_put64(f.fk, bits + 8184, 7);
	fake_kernel_put64(f.fk, bits + 8192, UINT64_MAX); /* not of the filter any more */
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_BLOOM);
	CU_ASSERT_EQUAL(row->bloom->bits, 65536);
	CU_ASSERT_EQUAL(row->bloom->bits_set, 5);
	CU_ASSERT_EQUAL(row->bloom->nr_hashes, 3);
	CU_ASSERT_EQUAL(row->bloom->seed, 9);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

/* ---- stack traces */

static void test_stacks(void)
{
	struct fixture f;
	setup(&f);
	struct img_stacks s = { .map = map_of(STACK_TRACE, 4, 80, 4), .n_buckets = 4 };
	uint64_t at = map_image_room(f.im, sizeof(s) + 32, 0);
	struct img_stack_bucket b = { .nr = 3 }, deep = { .nr = 200 };
	uint64_t one = map_image_room(f.im, sizeof(b) + 24, 4096 - 20),
		 two = map_image_room(f.im, sizeof(b) + 1600, 0);

	fake_kernel_write(f.fk, at, &s, sizeof(s));
	fake_kernel_write(f.fk, one, &b, sizeof(b));
	fake_kernel_write(f.fk, two, &deep, sizeof(deep));
	for (uint64_t i = 0; i < 200; i++) {
		if (i < 3)
			fake_kernel_put64(f.fk, one + sizeof(b) + 8 * i, map_image_idr_at + 16 * i);
		fake_kernel_put64(f.fk, two + sizeof(b) + 8 * i, 0x1000 + i);
	}
	const uint64_t buckets[] = { 0, one, two, 0xffffc9f000000000 };
	for (size_t i = 0; i < 4; i++)
		fake_kernel_put64(f.fk, at + sizeof(s) + 8 * i, buckets[i]);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_STACKS);
	const struct stacks_body *body = row->stacks;
	CU_ASSERT_EQUAL(body->n_buckets, 4);
	CU_ASSERT_EQUAL(body->unreadable, 1);
	CU_ASSERT_TRUE(body->truncated);
	CU_ASSERT_EQUAL_FATAL(body->nr, 2);
	CU_ASSERT_EQUAL(body->rows[0].bucket, 1);
	CU_ASSERT_EQUAL(body->rows[0].nr, 3);
	CU_ASSERT_EQUAL_FATAL(body->rows[0].frames, 3);
	CU_ASSERT_EQUAL(get_le64(body->rows[0].data + 16), map_image_idr_at + 32);
	CU_ASSERT_EQUAL(body->rows[1].nr, 200);
	CU_ASSERT_EQUAL(body->rows[1].frames, 128);
	ERROR_HAS(row, "1 buckets unreadable");
	CU_ASSERT_PTR_NOT_NULL_FATAL(body->rows[0].symbols);
	CU_ASSERT_EQUAL(strncmp(body->rows[0].symbols[0], "map_idr+0x0/", 12), 0);
	CU_ASSERT_EQUAL(strncmp(body->rows[0].symbols[1], "map_idr+0x10/", 13), 0);
	CU_ASSERT_PTR_NULL(body->rows[1].symbols); /* user space */
	teardown(&f);
}

/* Frames that are a file's build id and an offset, and of the kernel's an address again. */
static void test_build_id_stacks(void)
{
	struct fixture f;
	setup(&f);
	struct img_stacks s = { .map = map_of(STACK_TRACE, 4, 320, 1), .n_buckets = 1 };
	uint64_t at = map_image_room(f.im, sizeof(s) + 8, 0);
	struct img_stack_bucket b = { .nr = 3 };
	uint64_t bucket = map_image_room(f.im, sizeof(b) + 96, 0);
	const uint32_t status[] = { 1, 2, 2 };

	s.map.flags = 1 << 5;
	fake_kernel_write(f.fk, at, &s, sizeof(s));
	fake_kernel_put64(f.fk, at + sizeof(s), bucket);
	fake_kernel_write(f.fk, bucket, &b, sizeof(b));
	for (uint64_t i = 0; i < 3; i++) {
		uint64_t frame = bucket + sizeof(b) + 32 * i;

		fake_kernel_write(f.fk, frame, &status[i], 4);
		fake_kernel_put64(f.fk, frame + 24, i == 2 ? 0x1000 : map_image_idr_at);
	}
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_STACKS);
	CU_ASSERT_EQUAL_FATAL(row->stacks->nr, 1);
	const char **symbols = row->stacks->rows[0].symbols;
	CU_ASSERT_PTR_NOT_NULL_FATAL(symbols);
	CU_ASSERT_PTR_NULL(symbols[0]); /* an offset that looks like an address */
	CU_ASSERT_EQUAL(strncmp(symbols[1], "map_idr+0x0/", 12), 0);
	CU_ASSERT_PTR_NULL(symbols[2]);
	teardown(&f);
}

/* ---- values by owner */

struct store {
	struct fixture *f;
	uint64_t map, buckets;
};

static struct store new_store(struct fixture *f, uint32_t type)
{
	struct img_storage_map m = { .map = map_of(type, 4, 8, 0), .bucket_log = 1 };
	struct store s = { .f = f, .map = map_image_room(f->im, sizeof(m), 0),
			   .buckets = map_image_room(f->im, 32, 0) };

	m.buckets = s.buckets;
	fake_kernel_write(f->fk, s.map, &m, sizeof(m));
	fake_kernel_put64(f->fk, s.buckets, 0);
	fake_kernel_put64(f->fk, s.buckets + 16, 0);
	return s;
}

/* An element before `next`; without an owner there is no local_storage either. */
static uint64_t put_value(const struct store *s, uint64_t next, uint64_t smap, uint64_t owner, uint64_t value)
{
	struct img_local_storage storage = { .owner = owner };
	struct img_storage_elem e = { .next = next, .smap = smap, .value = value };
	uint64_t at = map_image_room(s->f->im, sizeof(e), 4096 - sizeof(e) + 4);

	if (owner) {
		e.local_storage = map_image_room(s->f->im, sizeof(storage), 0);
		fake_kernel_write(s->f->fk, e.local_storage, &storage, sizeof(storage));
	}
	fake_kernel_write(s->f->fk, at, &e, sizeof(e));
	return at;
}

static uint64_t put_object(struct fixture *f, const void *data, size_t len)
{
	uint64_t at = map_image_room(f->im, len, 0);

	fake_kernel_write(f->fk, at, data, len);
	return at;
}

static void test_task_storage(void)
{
	struct fixture f;
	setup(&f);
	struct store s = new_store(&f, TASK_STORAGE);
	struct img_task init = { .pid = 1, .tgid = 1, .comm = "init" },
			thread = { .pid = 70, .tgid = 60, .comm = "0123456789abcde" };
	uint64_t a = put_object(&f, &init, sizeof(init)), b = put_object(&f, &thread, sizeof(thread));
	uint64_t gone = 0xffffc9f000000000;
	/* One being freed, one of another map; a list that comes back to itself. */
	uint64_t freed = put_value(&s, 0, s.map, 0, 1);
	uint64_t other = put_value(&s, freed, s.map + 64, a, 2);
	uint64_t first = put_value(&s, other, s.map, b, 3);
	uint64_t second = put_value(&s, 0, s.map, a, 4);
	uint64_t third = put_value(&s, second, s.map, gone, 5);

	fake_kernel_put64(f.fk, second, third);
	fake_kernel_put64(f.fk, s.buckets, first);
	fake_kernel_put64(f.fk, s.buckets + 16, third);
	const struct map_row *row = walk_one(&f, s.map);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ENTRIES);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 3);
	const struct map_owner *o = row->entries[0].owner;
	CU_ASSERT_EQUAL(o->kva.v, a);
	CU_ASSERT_EQUAL(o->kind, OWNER_TASK);
	CU_ASSERT_EQUAL(o->pid, 1);
	CU_ASSERT_STRING_EQUAL(o->comm, "init");
	CU_ASSERT_EQUAL(get_le64(row->entries[0].value), 4);
	o = row->entries[1].owner;
	CU_ASSERT_EQUAL(o->pid, 70);
	CU_ASSERT_EQUAL(o->tgid, 60);
	CU_ASSERT_STRING_EQUAL(o->comm, "0123456789abcde");
	CU_ASSERT_EQUAL(get_le64(row->entries[1].value), 3);
	CU_ASSERT_EQUAL(row->entries[2].owner->kva.v, gone);
	CU_ASSERT_PTR_NOT_NULL(row->entries[2].owner->why);
	ERROR_HAS(row, "1 owners are known by their address only");
	ERROR_HAS(row, "2 values left out");
	ERROR_HAS(row, "1 bucket lists loop");
	teardown(&f);
}

static void test_cgrp_storage(void)
{
	struct fixture f;
	setup(&f);
	struct store s = new_store(&f, CGRP_STORAGE);
	struct img_kernfs_node root = { .id = 1 };
	uint64_t root_kn = put_object(&f, &root, sizeof(root));
	struct img_kernfs_node slice = { .parent = root_kn, .id = 20,
					 .name = put_object(&f, "system.slice", 13) };
	uint64_t slice_kn = put_object(&f, &slice, sizeof(slice));
	struct img_kernfs_node unit = { .parent = slice_kn, .id = 21, .name = put_object(&f, "a.service", 10) };
	struct img_cgroup top = { .kn = root_kn }, leaf = { .kn = put_object(&f, &unit, sizeof(unit)) };
	uint64_t a = put_object(&f, &top, sizeof(top)), b = put_object(&f, &leaf, sizeof(leaf));

	fake_kernel_put64(f.fk, s.buckets, put_value(&s, put_value(&s, 0, s.map, b, 2), s.map, a, 1));
	const struct map_row *row = walk_one(&f, s.map);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 2);
	CU_ASSERT_STRING_EQUAL(row->entries[0].owner->path, "/");
	CU_ASSERT_STRING_EQUAL(row->entries[1].owner->path, "/system.slice/a.service");
	CU_ASSERT_EQUAL(row->entries[1].owner->cgroup_id, 21);
	teardown(&f);
}

static void test_inode_storage(void)
{
	struct fixture f;
	setup(&f);
	struct store s = new_store(&f, INODE_STORAGE);
	struct img_super_block sb = { .dev = 8 << 20 | 1, .id = "sda1" };
	struct img_inode inode = { .sb = put_object(&f, &sb, sizeof(sb)), .ino = 1234 };

	fake_kernel_put64(f.fk, s.buckets,
			  put_value(&s, 0, s.map, put_object(&f, &inode, sizeof(inode)), 1));
	const struct map_row *row = walk_one(&f, s.map);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 1);
	const struct map_owner *o = row->entries[0].owner;
	CU_ASSERT_EQUAL(o->ino, 1234);
	CU_ASSERT_STRING_EQUAL(o->sb_id, "sda1");
	CU_ASSERT_EQUAL(o->dev_major, 8);
	CU_ASSERT_EQUAL(o->dev_minor, 1);
	teardown(&f);
}

static void test_sk_storage(void)
{
	struct fixture f;
	setup(&f);
	struct store s = new_store(&f, SK_STORAGE);
	struct img_sock v4 = { .family = 2, .type = 1, .protocol = 6, .state = 1, .num = 8080,
			       .dport = 0x5000, .rcv_saddr = 0x0100007f, .daddr = 0x0200000a };
	struct img_sock v6 = { .family = 10, .type = 2, .protocol = 17, .num = 53, .saddr6 = { [15] = 1 } };
	struct img_sock local = { .family = 1, .type = 1, .num = 7, .rcv_saddr = 7 };
	uint64_t e = put_value(&s, 0, s.map, put_object(&f, &v4, sizeof(v4)), 1);

	e = put_value(&s, e, s.map, put_object(&f, &v6, sizeof(v6)), 2);
	e = put_value(&s, e, s.map, put_object(&f, &local, sizeof(local)), 3);
	fake_kernel_put64(f.fk, s.buckets + 16, e);
	const struct map_row *row = walk_one(&f, s.map);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct map_owner *o = row->entries[i].owner;

		switch (get_le64(row->entries[i].value)) {
		case 1:
			CU_ASSERT_EQUAL(o->family, 2);
			CU_ASSERT_EQUAL(o->local_port, 8080);
			CU_ASSERT_EQUAL(o->remote_port, 80);
			CU_ASSERT_STRING_EQUAL(o->local_addr, "127.0.0.1");
			CU_ASSERT_STRING_EQUAL(o->remote_addr, "10.0.0.2");
			break;
		case 2:
			CU_ASSERT_EQUAL(o->protocol, 17);
			CU_ASSERT_STRING_EQUAL(o->local_addr, "::1");
			CU_ASSERT_EQUAL(o->local_port, 53);
			break;
		default:
			CU_ASSERT_EQUAL(o->family, 1);
			CU_ASSERT_PTR_NULL(o->local_addr);
			CU_ASSERT_EQUAL(o->local_port, 0);
		}
	}
	teardown(&f);
}

/* ---- the values by cgroup that were before */

/*
 * The cgroup "/top" with id 50, which one finds only by going around the list of its values: the first two of three
 * links, and another map's value between.
 */
static void link_cgroup(struct fixture *f, uint64_t value)
{
	struct img_kernfs_node root = { .id = 1 }, top = { .id = 50 };
	top.parent = put_object(f, &root, sizeof(root));
	top.name = put_object(f, "top", 4);
	struct img_cgroup cgroup = { .kn = put_object(f, &top, sizeof(top)) };
	struct img_cgroup_value other = { .inode_id = 50 };
	uint64_t cg = put_object(f, &cgroup, sizeof(cgroup)), between = put_object(f, &other, sizeof(other));
	uint64_t ring[] = { value + offsetof(struct img_cgroup_value, cg_next),
			    between + offsetof(struct img_cgroup_value, cg_next), cg + offsetof(struct img_cgroup, next) };

	for (size_t i = 0; i < ARRAY_SIZE(ring); i++)
		fake_kernel_put64(f->fk, ring[i], ring[(i + 1) % ARRAY_SIZE(ring)]);
}

static void test_cgroup_storage(void)
{
	for (int percpu = 0; percpu < 2; percpu++) {
		struct fixture f;
		setup(&f);
		struct img_cgroup_map m = { .map = map_of(percpu ? PERCPU_CGROUP_STORAGE : CGROUP_STORAGE, 16,
							 8, 0) };
		uint64_t at = map_image_room(f.im, sizeof(m), 0), area = map_image_room(f.im, 8192, 0);
		uint64_t values[2], head = at + offsetof(struct img_cgroup_map, next);
		uint64_t link = offsetof(struct img_cgroup_value, next);

		fake_kernel_cpus(f.fk, 2, area - 0x1000000, 0x1000);
		fake_kernel_put64(f.fk, area, 30);
		fake_kernel_put64(f.fk, area + 0x1000, 31);
		for (int i = 0; i < 2; i++)
			values[i] = map_image_room(f.im, sizeof(struct img_cgroup_value), 0);
		for (int i = 0; i < 2; i++) {
			uint64_t buf[3] = { 0, 0, 40 + (uint64_t)i };
			struct img_cgroup_value v = {
				.buf = percpu ? 0x1000000 : put_object(&f, buf, sizeof(buf)),
				.inode_id = 50 + (uint64_t)i, .attach_type = i ? 1 : 37,
				/* Alone on the list, as when the cgroup is gone. */
				.cg_next = values[i] + offsetof(struct img_cgroup_value, cg_next),
				.next = i ? head : values[1] + link, .prev = i ? values[0] + link : head,
			};
			fake_kernel_write(f.fk, values[i], &v, sizeof(v));
		}
		link_cgroup(&f, values[0]);
		m.next = values[0] + link;
		m.prev = values[1] + link;
		fake_kernel_write(f.fk, at, &m, sizeof(m));

		const struct map_row *row = walk_one(&f, at);
		CU_ASSERT_STRING_EQUAL(row->error, "1 cgroups are known by their id only");
		CU_ASSERT_FALSE(row->unreadable);
		CU_ASSERT_EQUAL(row->body, percpu ? MAP_BODY_PERCPU_HASH : MAP_BODY_ENTRIES);
		CU_ASSERT_EQUAL_FATAL(row->nr_entries, 2);
		for (size_t i = 0; i < 2; i++) {
			const struct map_entry *e = &row->entries[i];

			CU_ASSERT_EQUAL(get_le64(e->key), 50 + i);
			CU_ASSERT_EQUAL(get_le32(e->key + 8), i ? 1 : 37);
			CU_ASSERT_PTR_NOT_NULL_FATAL(e->facts);
			const struct fact *fact = e->facts->first;
			if (i) { /* the image's enum has one name */
				CU_ASSERT_PTR_NULL(fact);
			} else {
				CU_ASSERT_EQUAL(fact->num, 50);
				CU_ASSERT_STRING_EQUAL(fact->next->key, "cgroup_path");
				CU_ASSERT_STRING_EQUAL(fact->next->text, "/top");
				CU_ASSERT_STRING_EQUAL(fact->next->next->text, "xdp");
			}
			CU_ASSERT_EQUAL(get_le64(percpu ? e->per_cpu[1] : e->value), percpu ? 31 : 40 + i);
		}
		teardown(&f);
	}
}

/* ---- where instructions went */

static void test_insns(void)
{
	static const uint32_t values[3][4] = { { 0, 0, 16 }, { 2, UINT32_MAX, 0 }, { 5, 7, 40 } };
	struct img_insn_array array = { .map = map_of(INSN_ARRAY, 4, 16, 3) };
	struct fixture f;
	uint64_t at, size;

	setup(&f);
	at = map_image_room(f.im, sizeof(array) + sizeof(values), 4096 - sizeof(array) - 8);
	array.ips = map_image_room(f.im, 24, 0);
	fake_kernel_write(f.fk, at, &array, sizeof(array));
	fake_kernel_write(f.fk, at + sizeof(array), values, sizeof(values));
	fake_kernel_put64(f.fk, array.ips, map_image_root_at);
	fake_kernel_put64(f.fk, array.ips + 8, 0);
	fake_kernel_put64(f.fk, array.ips + 16, map_image_root_at + 3);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ARRAY);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 3);
	CU_ASSERT_PTR_EQUAL(row->types, f.fk->k->types);
	ASSERT_OK(types_size(row->types, row->value_type, &size));
	CU_ASSERT_EQUAL(size, 16);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(row->entries[i].index, i);
		CU_ASSERT_EQUAL(memcmp(row->entries[i].value, values[i], 16), 0);
	}
	CU_ASSERT_PTR_NULL(row->entries[1].insn); /* removed, or not yet compiled */
	CU_ASSERT_EQUAL_FATAL(row->entries[2].insn->ip, map_image_root_at + 3);
	teardown(&f);
}

/* Values behind the end of memory, a list of addresses that is none. */
static void test_insns_bad(void)
{
	struct img_insn_array array = { .map = map_of(INSN_ARRAY, 4, 16, 1000), .ips = 0xffffc9f000000000 };
	struct fixture f;

	setup(&f);
	uint64_t at = map_image_room(f.im, sizeof(array), 0);
	fake_kernel_write(f.fk, at, &array, sizeof(array));
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_TRUE(row->unreadable);
	ERROR_HAS(row, "instructions unreadable");
	CU_ASSERT_EQUAL(row->nr_entries, 1000);
	CU_ASSERT_PTR_NULL(row->entries[999].value);
	CU_ASSERT_EQUAL(status(&f), SECTION_NOT_READABLE);
	teardown(&f);
}

UNIT_MAIN("walk-map-bodies", { "arrays of instructions", test_insns },
	  { "arrays of instructions that lie", test_insns_bad }, { "queues and stacks", test_queue }, { "queues cut", test_queue_cap },
	  { "queues that lie", test_queue_bad }, { "prefixes", test_lpm },
	  { "few prefixes", test_lpm_small }, { "damaged trie", test_lpm_bad },
	  { "trie cut", test_lpm_cap }, { "Bloom filter", test_bloom },
	  { "stack traces", test_stacks },
	  { "stack traces by build id", test_build_id_stacks }, { "values by task", test_task_storage },
	  { "values by cgroup", test_cgrp_storage }, { "values by inode", test_inode_storage },
	  { "values by socket", test_sk_storage },
	  { "values by cgroup, the older kind", test_cgroup_storage })
