/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "map-fixture.h"

enum { HASH = 1, ARRAY = 2, PERCPU_ARRAY = 6, ARENA = 33 };

/* ---- arrays */

static void test_array(void)
{
	struct fixture f;
	setup(&f);
	/* Values of 12 bytes, padded to 16, over two pages that do not adjoin physically. */
	uint64_t at = map_image_room(f.im, 8192, 4096 - sizeof(struct img_array) - 40);

	put_map(&f, at, 7, ARRAY, 4, 12, 5);
	fake_kernel_map(f.im->fk, at + 0x100000);
	for (uint32_t i = 0; i < 5; i++)
		fake_kernel_put64(f.im->fk, at + sizeof(struct img_array) + 16 * i, 0x1000 + i);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ARRAY);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 5);
	for (uint32_t i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(row->entries[i].index, i);
		CU_ASSERT_EQUAL(get_le64(row->entries[i].value), 0x1000 + i);
	}
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

static void test_array_holes(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = map_image_room(f.im, 3 * 4096, 0);

	put_map(&f, at, 7, ARRAY, 4, 1024, 9); /* 9 KiB behind the header: three pages */
	fake_kernel_map(f.im->fk, at);
	fake_kernel_map(f.im->fk, at + 0x2000);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 9);
	CU_ASSERT_PTR_NOT_NULL(row->entries[0].value);
	CU_ASSERT_PTR_NULL(row->entries[3].value);
	CU_ASSERT_PTR_NULL(row->entries[7].value);
	CU_ASSERT_PTR_NOT_NULL(row->entries[8].value);
	ERROR_HAS(row, "5 keys unreadable");
	CU_ASSERT_TRUE(row->unreadable);
	teardown(&f);
}

static void test_array_single(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = map_image_room(f.im, 3 * 4096, 4096 - sizeof(struct img_array));

	/* As BPF_F_MMAPABLE has it: the value begins with a page. */
	put_map(&f, at, 7, ARRAY, 4, 5000, 1);
	fake_kernel_put64(f.im->fk, at + sizeof(struct img_array), 0x42);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_VALUE);
	CU_ASSERT_EQUAL(row->value_len, 4096);
	CU_ASSERT_EQUAL(get_le64(row->value), 0x42);
	ERROR_HAS(row, "904 of 5000 bytes of the value");
	CU_ASSERT_TRUE(row->unreadable);
	teardown(&f);
}

static void test_percpu_array(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = map_image_room(f.im, 4096, 0), area = map_image_room(f.im, 0x4000, 0);

	fake_kernel_cpus(f.im->fk, 2, area - 0x1000000, 0x1000);
	put_map(&f, at, 7, PERCPU_ARRAY, 4, 8, 3);
	fake_kernel_put64(f.im->fk, at + sizeof(struct img_array), 0x1000000);
	fake_kernel_put64(f.im->fk, at + sizeof(struct img_array) + 8, 0);
	fake_kernel_put64(f.im->fk, at + sizeof(struct img_array) + 16, 0x1000010);
	fake_kernel_put64(f.im->fk, area, 11);
	fake_kernel_put64(f.im->fk, area + 0x1000, 12);
	fake_kernel_put64(f.im->fk, area + 0x1010, 13);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_PERCPU_ARRAY);
	CU_ASSERT_EQUAL_FATAL(row->nr_entries, 3);
	CU_ASSERT_EQUAL(get_le64(row->entries[0].per_cpu[0]), 11);
	CU_ASSERT_EQUAL(get_le64(row->entries[0].per_cpu[1]), 12);
	CU_ASSERT_PTR_NULL(row->entries[1].per_cpu);
	CU_ASSERT_EQUAL(row->entries[2].index, 2);
	CU_ASSERT_EQUAL(get_le64(row->entries[2].per_cpu[1]), 13);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

/* A map that declares more than there can be costs no more than its budget. */
static void test_huge(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = map_image_room(f.im, 4096, 0);

	f.opts.max_entries = UINT64_MAX;
	put_map(&f, at, 7, ARRAY, 4, UINT32_MAX, UINT32_MAX);
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(row->nr_entries, 0);
	ERROR_HAS(row, "ARRAY truncated at 0 keys (max_entries=4294967295)");
	CU_ASSERT(report_find_section(f.r, "maps")->cut != NULL);
	teardown(&f);
}

/* Nor does one entry of it; nor does a bucket list for the sake of one key. */
static void test_huge_key(void)
{
	static const struct { uint32_t type, key_size; } cases[] = { { ARRAY, 4 }, { PERCPU_ARRAY, 4 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		setup(&f);
		uint64_t at = map_image_room(f.im, 4096, 0);
		const char *const name = "a_map";
		uint32_t id = 7;

		f.opts.maps = &name;
		f.opts.nr_maps = 1;
		f.opts.key = "1";
		put_map(&f, at, 7, cases[i].type, 4, UINT32_MAX, UINT32_MAX);
		map_image_idr(f.im, &id, &at, 1);
		ASSERT_ERR(walk_view(f.fk->k, &f.opts, f.r), ERR_NOT_FOUND, "one entry is bigger than the");
		teardown(&f);
	}
}

/* ---- arenas */

static const uint64_t kern_vm = 0xffffc98000000000;

static uint64_t new_arena(struct fixture *f, uint64_t user_vm_start, uint32_t max_entries)
{
	uint64_t at = map_image_room(f->im, sizeof(struct img_arena), 0),
		 vm = map_image_room(f->im, sizeof(struct img_vm_struct), 0);
	struct img_arena arena = { .user_vm_start = user_vm_start, .kern_vm = vm };
	struct img_vm_struct area = { .addr = kern_vm };

	fake_kernel_write(f->im->fk, at, &arena, sizeof(arena));
	fake_kernel_write(f->im->fk, vm, &area, sizeof(area));
	put_map(f, at, 7, ARENA, 0, 0, max_entries);
	return at;
}

static void put_page(struct fixture *f, uint64_t user, uint64_t mark)
{
	fake_kernel_put64(f->im->fk, kern_vm + 0x8000 + (uint32_t)user, mark);
}

static void test_arena(void)
{
	struct fixture f;
	setup(&f);
	static const uint64_t user = 0x100000000000;
	uint64_t at = new_arena(&f, user, 1 << 20);
	/* Front, just before and after a page table's end, and the last page of 4 GiB. */
	static const uint64_t pages[] = { 0, 0x1000, 0x1f7000, 0x1f8000, 0x40000000, 0xfffff000 };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		put_page(&f, user + pages[i], 100 + i);
	fake_kernel_map(f.im->fk, kern_vm);			/* the guards' */
	fake_kernel_map(f.im->fk, kern_vm + (1ULL << 32) + 0x8000);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(row->body, MAP_BODY_ARENA);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL(row->arena->declared_pages, 1 << 20);
	CU_ASSERT_EQUAL(row->arena->kern_vm_start, kern_vm + 0x8000);
	CU_ASSERT_EQUAL(row->arena->user_vm_start, user);
	CU_ASSERT_EQUAL_FATAL(row->arena->nr_pages, ARRAY_SIZE(pages));
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		CU_ASSERT_EQUAL(row->arena->pages[i].user_addr, user + pages[i]);
		CU_ASSERT_EQUAL(get_le64(row->arena->pages[i].bytes), 100 + i);
	}
	CU_ASSERT_FALSE(row->arena->truncated || row->arena->span_capped);
	teardown(&f);
}

/* The scratch page of 7.2 stands where nothing was allocated; a start that is not 4 GiB-aligned. */
static void test_arena_scratch(void)
{
	struct fixture f;
	setup(&f);
	static const uint64_t user = 0x7fff12345000, vmemmap = 0xffffea0000000000;
	uint64_t at = new_arena(&f, user, 512), scratch = 0x777000;

	f.im->fk->k->vmemmap = vmemmap;
	put_page(&f, user + 0x3000, 1);
	for (uint64_t p = 0x10000; p < 0x20000; p += 0x1000)
		fake_kernel_map_to(f.im->fk, kern_vm + 0x8000 + (uint32_t)(user + p), scratch);
	fake_kernel_put64(f.im->fk, at + offsetof(struct img_arena, scratch_page),
			  vmemmap + (scratch >> 12) * 64);

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL_FATAL(row->arena->nr_pages, 1);
	CU_ASSERT_EQUAL(row->arena->pages[0].user_addr, user + 0x3000);
	CU_ASSERT_PTR_NULL(row->error);
	teardown(&f);
}

/*
 * More pages than are kept by default: the rest are listed, counted as cut and not as unreadable, and kept if the
 * user asks for them.
 */
static void test_arena_big(void)
{
	enum { PAGES = 17000, FRAME = 0x777000 };
	static const uint64_t user = 0x100000000000;

	for (int all = 0; all < 2; all++) {
		struct fixture f;
		setup(&f);
		uint64_t at = new_arena(&f, user, 1 << 20);
		size_t kept = 0, not_kept = 0;

		fake_target_put64(f.fk->ft, FRAME, 42);
		for (uint64_t i = 0; i < PAGES; i++)
			fake_kernel_map_to(f.fk, kern_vm + 0x8000 + i * PAGE_SIZE, FRAME);
		f.opts.arena_bytes = all ? UINT64_MAX : 0;
		const struct map_row *row = walk_one(&f, at);
		CU_ASSERT_EQUAL(row->arena->mapped_pages, PAGES);
		CU_ASSERT_EQUAL_FATAL(row->arena->nr_pages, PAGES);
		for (size_t i = 0; i < PAGES; i++) {
			const struct arena_page *p = &row->arena->pages[i];

			kept += p->bytes && get_le64(p->bytes) == 42 && !p->not_kept;
			not_kept += !p->bytes && p->not_kept;
			CU_ASSERT_EQUAL(p->user_addr, user + i * PAGE_SIZE);
		}
		CU_ASSERT_EQUAL(kept + not_kept, PAGES);
		CU_ASSERT_FALSE(row->unreadable);
		CU_ASSERT_EQUAL(status(&f), SECTION_COMPLETE);
		CU_ASSERT_FALSE(report_is_partial(f.r));
		CU_ASSERT_EQUAL(row->arena->truncated, !all);
		if (all) {
			CU_ASSERT_EQUAL(not_kept, 0);
			CU_ASSERT_PTR_NULL(row->error);
		} else {
			CU_ASSERT(not_kept > 0 && kept > 16000);
			CU_ASSERT_EQUAL(row->arena->bytes_kept, kept * PAGE_SIZE);
			ERROR_HAS(row, "of 17000 pages were kept");
			CU_ASSERT_PTR_NOT_NULL(report_find_section(f.r, "maps")->cut);
		}
		teardown(&f);
	}
}

/* Low halves that wrap, more pages than an arena can have, one that is refused. */
static void test_arena_odd(void)
{
	struct fixture f;
	setup(&f);
	static const uint64_t user = 0x1fffff000;
	uint64_t at = new_arena(&f, user, UINT32_MAX);

	put_page(&f, user, 1);
	put_page(&f, user + 0x1000, 2);
	put_page(&f, user + 0x5000, 3);
	fake_target_refuse(f.im->fk->ft,
			   fake_kernel_map(f.im->fk, kern_vm + 0x8000 + (uint32_t)(user + 0x5000)));

	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_TRUE(row->arena->span_capped);
	CU_ASSERT_EQUAL_FATAL(row->arena->nr_pages, 3);
	CU_ASSERT_EQUAL(row->arena->pages[0].user_addr, user);
	CU_ASSERT_EQUAL(get_le64(row->arena->pages[1].bytes), 2);
	CU_ASSERT_EQUAL(row->arena->pages[2].user_addr, user + 0x5000);
	CU_ASSERT_PTR_NULL(row->arena->pages[2].bytes);
	ERROR_HAS(row, "arena: 1 pages unreadable");
	teardown(&f);
}

static void test_arena_unmapped(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = new_arena(&f, 0x100000000000, 16);

	fake_kernel_put64(f.im->fk, at + offsetof(struct img_arena, kern_vm), 0);
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(row->arena->user_vm_start, 0x100000000000);
	CU_ASSERT_EQUAL(row->arena->kern_vm_start, 0);
	CU_ASSERT_TRUE(row->unreadable);
	teardown(&f);
}

/* ---- types */

/* A program's BTF with struct pair { u32 a, b; } as type 2. */
static uint64_t put_btf(struct fixture *f, uint32_t id, bool broken)
{
	struct btf *btf = btf__new_empty();
	uint32_t len;

	btf__add_int(btf, "unsigned int", 4, 0);
	btf__add_struct(btf, "pair", 8);
	btf__add_field(btf, "a", 1, 0, 0);
	btf__add_field(btf, "b", 1, 32, 0);
	const void *raw = btf__raw_data(btf, &len);

	struct img_btf obj = { .size = len, .id = id };
	obj.data = map_image_room(f->im, len, 4090);
	uint64_t at = map_image_room(f->im, sizeof(obj), 0);
	fake_kernel_write(f->im->fk, obj.data, raw, len);
	if (broken)
		fake_kernel_write(f->im->fk, obj.data, "\1\2\3\4", 4);
	fake_kernel_write(f->im->fk, at, &obj, sizeof(obj));
	btf__free(btf);
	return at;
}

static void set_types(struct fixture *f, uint64_t map, uint64_t btf, uint32_t key, uint32_t value)
{
	fake_kernel_put64(f->im->fk, map + offsetof(struct img_map, btf), btf);
	fake_kernel_write(f->im->fk, map + offsetof(struct img_map, key_type), &key, 4);
	fake_kernel_write(f->im->fk, map + offsetof(struct img_map, value_type), &value, 4);
}

static void test_types(void)
{
	struct fixture f;
	setup(&f);
	uint64_t a = map_image_room(f.im, 4096, 0), b = map_image_room(f.im, 4096, 0),
		 c = map_image_room(f.im, 4096, 0), d = map_image_room(f.im, 4096, 0);
	uint64_t good = put_btf(&f, 50, false), bad = put_btf(&f, 51, true);
	uint64_t maps[] = { a, b, c, d };
	/* As far apart as a tree with three levels has them. */
	uint32_t ids[] = { 1, 70, 5000, 5001 };

	for (size_t i = 0; i < 4; i++)
		put_map(&f, maps[i], ids[i], ARRAY, 4, 8, 2);
	set_types(&f, a, good, 1, 2);
	set_types(&f, b, good, 0, 2);
	set_types(&f, c, bad, 1, 2);
	set_types(&f, d, good, 1, 77);
	map_image_idr(f.im, ids, maps, 4);
	ASSERT_OK(walk_maps(&f.w));

	CU_ASSERT_EQUAL_FATAL(f.r->maps.nr, 4);
	const struct map_row *rows = f.r->maps.data;
	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(rows[i].id, ids[i]);
		CU_ASSERT_EQUAL(rows[i].nr_entries, 2);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(rows[0].types);
	CU_ASSERT_STRING_EQUAL(types_name(rows[0].types, rows[0].value_type), "pair");
	CU_ASSERT_EQUAL(rows[0].btf_id, 50);
	CU_ASSERT_PTR_EQUAL(rows[1].types, rows[0].types); /* parsed once */
	CU_ASSERT_EQUAL(rows[1].key_type, 0);
	CU_ASSERT_PTR_NULL(rows[2].types);
	CU_ASSERT_EQUAL(rows[2].value_type, 0);
	ERROR_HAS(&rows[2], "raw bytes only: BTF object 51: ");
	CU_ASSERT_EQUAL(rows[3].value_type, 0);
	CU_ASSERT_EQUAL(rows[3].key_type, 1);
	ERROR_HAS(&rows[3], "type 77 is not in BTF object 50");
	teardown(&f);
}

static void test_undecoded(void)
{
	struct fixture f;
	setup(&f);
	static const uint32_t types[] = { 36, 99, 100, 12345 };
	uint64_t maps[ARRAY_SIZE(types)];
	uint32_t ids[ARRAY_SIZE(types)];

	for (uint32_t i = 0; i < ARRAY_SIZE(types); i++) {
		maps[i] = map_image_room(f.im, 4096, 0);
		ids[i] = i + 1;
		put_map(&f, maps[i], ids[i], types[i], 4, 8, 2);
	}
	map_image_idr(f.im, ids, maps, ARRAY_SIZE(types));
	ASSERT_OK(walk_maps(&f.w));
	const struct map_row *rows = f.r->maps.data;
	ERROR_HAS(&rows[0], "map type 36: fdgdb does not know this type");
	CU_ASSERT_STRING_EQUAL(rows[1].type_name, "future_thing");
	ERROR_HAS(&rows[1], "map type 99 (future_thing): fdgdb does not know this type");
	CU_ASSERT_PTR_NULL(rows[2].type_name);
	ERROR_HAS(&rows[3], "map type 12345: ");
	CU_ASSERT_EQUAL(status(&f), SECTION_NOT_IMPLEMENTED);
	CU_ASSERT_FALSE(report_is_partial(f.r));
	teardown(&f);
}

/* A type that has a deprecated name as well. */
static void test_two_names(void)
{
	struct fixture f;
	setup(&f);
	uint64_t at = map_image_room(f.im, 4096, 0);

	put_map(&f, at, 7, 19, 8, 8, 0);
	CU_ASSERT_STRING_EQUAL(walk_one(&f, at)->type_name, "cgroup_storage");
	teardown(&f);
}

/* ---- the list itself */

static void test_no_maps(void)
{
	struct fixture f;
	setup(&f);
	ASSERT_OK(walk_maps(&f.w));
	CU_ASSERT_EQUAL(f.r->maps.nr, 0);
	CU_ASSERT_EQUAL(status(&f), SECTION_COMPLETE);
	teardown(&f);
}

static void test_bad_map(void)
{
	struct fixture f;
	setup(&f);
	uint64_t good = map_image_room(f.im, 4096, 0), maps[] = { 0xffffc9f000000000, good };
	uint32_t ids[] = { 3, 4 };

	put_map(&f, good, 5, ARRAY, 4, 8, 2);
	map_image_idr(f.im, ids, maps, 2);
	ASSERT_OK(walk_maps(&f.w));
	CU_ASSERT_EQUAL_FATAL(f.r->maps.nr, 2);
	ERROR_HAS(&f.r->maps.data[0], "struct bpf_map: ");
	CU_ASSERT_TRUE(f.r->maps.data[0].unreadable);
	CU_ASSERT_EQUAL(f.r->maps.data[0].kva.v, maps[0]);
	ERROR_HAS(&f.r->maps.data[1], "struct bpf_map has id 5");
	CU_ASSERT_EQUAL(f.r->maps.data[1].nr_entries, 2);
	CU_ASSERT_EQUAL(status(&f), SECTION_NOT_READABLE);
	teardown(&f);
}

static void test_broken_idr(void)
{
	struct fixture f;
	setup(&f);
	fake_kernel_put64(f.im->fk, map_image_idr_at + 8, 0xffffc9f000000002);
	ASSERT_OK(walk_maps(&f.w));
	CU_ASSERT_EQUAL(f.r->maps.nr, 0);
	CU_ASSERT_EQUAL(status(&f), SECTION_NOT_READABLE);
	teardown(&f);
}

/* Many maps cost hardly more round trips than one; a lost target ends the walk, and what was read stays. */
static void test_batches(void)
{
	for (int lose = 0; lose < 2; lose++) {
		struct fixture f;
		setup(&f);
		uint64_t maps[100];
		uint32_t ids[100];

		for (uint32_t i = 0; i < 100; i++) {
			struct hash h = new_hash(&f, HASH, 64, 64);
			uint64_t e = elem_room(&h, 0);

			put_head(&h, i % 64, e);
			put_elem(&h, e, nulls(i % 64), i % 64, i, i);
			maps[i] = h.map;
			ids[i] = i + 1;
			fake_kernel_write(f.im->fk, h.map + offsetof(struct img_map, id), &ids[i], 4);
		}
		map_image_idr(f.im, ids, maps, 100);
		if (lose) {
			f.im->fk->ft->lose_after = 20;
			ASSERT_ERR(walk_maps(&f.w), ERR_LOST, NULL);
			CU_ASSERT_EQUAL(f.r->maps_skipped + f.r->maps.nr, 100);
		} else {
			ASSERT_OK(walk_maps(&f.w));
			CU_ASSERT_EQUAL(f.r->maps.nr, 100);
			for (size_t i = 0; i < 100; i++)
				CU_ASSERT_EQUAL(f.r->maps.data[i].nr_entries, 1);
			CU_ASSERT(f.im->fk->ft->batches < 30);
		}
		teardown(&f);
	}
}

/* What the end of the walk left out is no empty section; what was not asked for is neither. */
static void test_lost(void)
{
	static const char *const all[] = { "maps", "active", "scx", "tasks" };
	static const char *const asked[] = { "maps" };

	for (int some = 0; some < 2; some++) {
		struct fixture f;
		setup(&f);
		if (some) {
			f.opts.sections = asked;
			f.opts.nr_sections = ARRAY_SIZE(asked);
		}
		f.im->fk->ft->lose_after = 1;
		ASSERT_ERR(walk_all(f.w.k, &f.opts, f.r), ERR_LOST, NULL);
		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			const struct section *s = report_find_section(f.r, all[i]);

			CU_ASSERT_PTR_NOT_NULL_FATAL(s);
			CU_ASSERT_EQUAL(s->status, some && i >= 2 ? SECTION_NOT_ASKED :
								    SECTION_NOT_READABLE);
		}
		CU_ASSERT_PTR_NOT_NULL(f.r->env.in_arena);
		teardown(&f);
	}
}

UNIT_MAIN("walk-maps", { "array", test_array },
	  { "array with holes", test_array_holes }, { "single value", test_array_single },
	  { "per-CPU array", test_percpu_array }, { "huge array", test_huge },
	  { "one entry of a huge array", test_huge_key },
	  { "arena", test_arena }, { "arena with scratch pages", test_arena_scratch },
	  { "big arena", test_arena_big }, { "odd arena", test_arena_odd }, { "arena without kernel side", test_arena_unmapped },
	  { "types of maps", test_types }, { "types of maps that are not decoded", test_undecoded },
	  { "type with two names", test_two_names },
	  { "no maps", test_no_maps }, { "unreadable map", test_bad_map },
	  { "broken map_idr", test_broken_idr }, { "batches", test_batches }, { "lost target", test_lost })
