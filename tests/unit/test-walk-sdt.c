/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scx library's allocators as they were and as they became. */
#include "config.h"

#include "unit.h"

#include "arena-image.h"
#include "btf-build.h"

static const uint64_t user = 0x100000000000;

/* Elements lie from page 8 on. */
static const uint64_t elems = 8 * PAGE_SIZE;

enum { PAYLOAD = 24, TAG = 16 };

static uint8_t *with_tree(struct arena_image *im, unsigned int flags, struct img_bss **bss)
{
	arena_image_init(im, flags);
	uint8_t *mem = arena_image_arena(im, 1, user);

	*bss = arena_image_bss(im, 2);
	arena_image_tree(*bss, mem, user);
	arena_image_prog(im, 1, 2);
	return mem;
}

static const struct section *section(const struct arena_image *im, const char *name)
{
	const struct section *s = report_find_section(im->r, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

/* An element whose tag follows its payload, in a place of so many bytes. */
static void put_tailed(uint8_t *mem, uint64_t addr, uint32_t size, int32_t idx, uint32_t pid)
{
	struct img_task_ctx ctx = { .pid = pid, .seq = pid * 10 };
	struct img_data tag = { .idx = idx, .genn = 3 };

	memcpy(mem + (addr - user), &ctx, sizeof(ctx));
	memcpy(mem + (addr - user) + size - TAG, &tag, sizeof(tag));
}

static uint32_t pid_of(const struct sdt_slot *slot)
{
	return slot->data ? get_le32(slot->data) : 0;
}

/*
 * The tag behind the payload, by the types or else by what stands in the elements; sizes that are multiples of what
 * was asked for as alignment.
 */
static void test_tail(void)
{
	static const struct {
		unsigned int flags;
		uint32_t elem_size;
	} cases[] = {
		{ IMG_TAIL, PAYLOAD + TAG },
		{ IMG_TAIL, 64 },
		{ IMG_FORWARD | IMG_ABSENT, PAYLOAD + TAG },
		{ IMG_FORWARD | IMG_ABSENT, 64 },
		{ IMG_FORWARD, 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, cases[i].flags, &bss);
		struct img_map_val *values = arena_image_tasks(&im, 3, 3);
		uint32_t size = cases[i].elem_size;

		arena_image_prog(&im, 1, 3);
		bss->elem_size = size;
		for (uint32_t e = 0; e < 3; e++) {
			put_tailed(mem, user + elems + size * e, size, (int32_t)e, 100 + e);
			arena_image_slot(mem, 0, e, user + elems + size * e);
			values[e].data = user + elems + size * e;
		}
		values[2].data = 0; /* by its id alone */
		values[2].tid = (struct img_data){ 2, 3 };
		bss->last_ctx = user + elems + size;

		ASSERT_OK(walk_arena(&im.w));
		CU_ASSERT_EQUAL_FATAL(im.r->sdt_allocs.nr, 1);
		const struct sdt_alloc_row *row = im.r->sdt_allocs.data;
		CU_ASSERT_EQUAL(row->header, 0);
		CU_ASSERT_EQUAL(row->tag_size, TAG);
		CU_ASSERT_EQUAL_FATAL(row->nr, 3);
		for (uint32_t e = 0; e < 3; e++) {
			CU_ASSERT_EQUAL(row->slots[e].idx, (int32_t)e);
			CU_ASSERT_EQUAL(row->slots[e].genn, 3);
			CU_ASSERT_EQUAL(row->slots[e].len, size - TAG);
			CU_ASSERT_EQUAL(pid_of(&row->slots[e]), 100 + e);
		}
		CU_ASSERT_PTR_NOT_NULL_FATAL(row->type_name);
		CU_ASSERT_STRING_EQUAL(row->type_name, "task_ctx");
		CU_ASSERT_STRING_EQUAL(row->type_by, "pointers to it lead to the elements");

		CU_ASSERT_EQUAL_FATAL(im.r->task_objects.nr, 3);
		CU_ASSERT_TRUE(im.r->task_objects.data[2].by_id);
		const struct map_entry *entries = im.r->maps.data[2].entries;
		CU_ASSERT_PTR_NOT_NULL_FATAL(entries[1].payload);
		CU_ASSERT_EQUAL(entries[1].payload->type, row->type);
		CU_ASSERT_EQUAL(get_le32(entries[1].payload->data), 101);
		CU_ASSERT_EQUAL(section(&im, "sdt_alloc")->status, SECTION_COMPLETE);
		arena_image_deinit(&im);
	}
}

/* Elements as they were, in a program that does not tell; a single one at place 0 tells nothing either. */
static void test_untold(void)
{
	for (uint32_t place = 0; place < 2; place++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, IMG_FORWARD | IMG_ABSENT, &bss);
		struct img_data tag = { .idx = (int32_t)place };

		memcpy(mem + elems, &tag, sizeof(tag));
		arena_image_slot(mem, 0, place, user + elems);
		ASSERT_OK(walk_arena(&im.w));
		CU_ASSERT_EQUAL_FATAL(im.r->sdt_allocs.nr, 1);
		CU_ASSERT_EQUAL(im.r->sdt_allocs.data[0].header, place ? 8 : 0);
		CU_ASSERT_EQUAL(im.r->sdt_allocs.data[0].tag_size, place ? 8 : TAG);
		arena_image_deinit(&im);
	}
}

/* Of two structs the one that fills its place goes before one that may have been aligned to it. */
static void test_padding(void)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, IMG_TAIL | IMG_NO_CTX, &bss);

	/* 20 bytes at 16 of alignment are 48 with the tag: task_ctx might be it, but the usual name alone says so. */
	memcpy(bss->other, &bss->slab, sizeof(bss->other));
	memset(&bss->slab, 0, sizeof(bss->other));
	bss->other[1] = 48;
	put_tailed(mem, user + elems, 48, 0, 7);
	arena_image_slot(mem, 0, 0, user + elems);
	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_EQUAL_FATAL(im.r->sdt_allocs.nr, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(im.r->sdt_allocs.data[0].type_name);
	CU_ASSERT_STRING_EQUAL(im.r->sdt_allocs.data[0].type_name, "task_ctx");
	arena_image_deinit(&im);
}

/* Values of a cgroup storage map: the elements are the cgroups'. */
static void test_cgroups(void)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, IMG_TAIL, &bss);
	struct img_map_val *values = arena_image_tasks(&im, 3, 1);
	struct map_owner *owner = (struct map_owner *)im.r->maps.data[2].entries[0].owner;

	arena_image_prog(&im, 1, 3);
	bss->elem_size = PAYLOAD + TAG;
	put_tailed(mem, user + elems, PAYLOAD + TAG, 0, 7);
	arena_image_slot(mem, 0, 0, user + elems);
	values[0].data = user + elems;
	*owner = (struct map_owner){ .kva = { 0xffff888100000000 }, .kind = OWNER_CGROUP, .path = "/a" };
	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_PTR_EQUAL(im.r->sdt_allocs.data[0].slots[0].owner, owner);
	CU_ASSERT_PTR_NOT_NULL(im.r->maps.data[2].entries[0].payload);
	CU_ASSERT_EQUAL(im.r->task_objects.nr, 0);
	arena_image_deinit(&im);
}

/* Members that end behind their struct, as a program's own types may have them, are not read. */
static void test_behind(void)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, IMG_BEHIND, &bss);

	arena_image_slot(mem, 0, 0, user + elems);
	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_EQUAL_FATAL(im.r->sdt_allocs.nr, 1);
	CU_ASSERT_EQUAL(im.r->sdt_allocs.data[0].nr, 0);
	CU_ASSERT_EQUAL(section(&im, "sdt_alloc")->status, SECTION_NOT_READABLE);
	CU_ASSERT_STRING_EQUAL(section(&im, "sdt_alloc")->detail, "sdt_desc.chunk is not in the program's types");
	arena_image_deinit(&im);
}

static void put64(uint8_t *mem, uint64_t addr, uint64_t v)
{
	memcpy(mem + (addr - user), &v, 8);
}

/* Regions that are linked to those before them; a ring of them, one that leads out of the arena. */
static void test_linked(void)
{
	const uint64_t r1 = user + elems, r2 = r1 + 2 * PAGE_SIZE, r3 = r2 + 2 * PAGE_SIZE;
	const struct {
		uint64_t last;
		size_t earlier;
		bool lost;
	} cases[] = { { 0, 2, false }, { r1, 4096, true }, { 0xffff888000000000, 2, true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, IMG_LINKED, &bss);

		bss->max_bytes = bss->usage = 2 * PAGE_SIZE;
		bss->memory = r1;
		bss->off = 100;
		put64(mem, r1, r2);
		put64(mem, r2, r3);
		put64(mem, r3, cases[i].last);
		ASSERT_OK(walk_arena(&im.w));
		CU_ASSERT_EQUAL_FATAL(im.r->scx_statics.nr, 1);
		const struct scx_static_row *row = im.r->scx_statics.data;
		CU_ASSERT_EQUAL(row->capacity, 2 * PAGE_SIZE);
		CU_ASSERT_EQUAL(row->used, 100);
		CU_ASSERT_EQUAL_FATAL(row->nr_earlier, cases[i].earlier);
		CU_ASSERT_EQUAL(row->earlier[0], r2);
		CU_ASSERT_EQUAL(row->earlier[1], r3);
		CU_ASSERT_EQUAL(row->earlier_lost, cases[i].lost);
		CU_ASSERT_EQUAL(section(&im, "scx_static")->status,
				cases[i].lost ? SECTION_IMPLAUSIBLE : SECTION_COMPLETE);
		arena_image_deinit(&im);
	}
}

/* Allocators that are not read are named, once they are in use. */
static void test_others(void)
{
	for (unsigned int used = 0; used < 2; used++) {
		struct arena_image im;
		struct img_bss *bss;

		with_tree(&im, IMG_BUDDY, &bss);
		bss->first_chunk = used ? user + elems : 0;
		ASSERT_OK(walk_arena(&im.w));
		const struct section *s = section(&im, "sdt_alloc");
		CU_ASSERT_EQUAL(s->status, used ? SECTION_NOT_IMPLEMENTED : SECTION_COMPLETE);
		if (used)
			CU_ASSERT_STRING_EQUAL(s->detail, "what the buddy allocator heap of map 2 gave out is not listed");
		CU_ASSERT_FALSE(report_is_partial(im.r));
		arena_image_deinit(&im);
	}

	/* Another's struct of that name, and one of a name like it. */
	struct arena_image im;
	struct img_bss *bss;
	with_tree(&im, 0, &bss);
	bss->first_chunk = user + elems;
	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_EQUAL(section(&im, "sdt_alloc")->status, SECTION_COMPLETE);
	arena_image_deinit(&im);
}

/* What is not shown of long arrays is said, unless it is all asked for. */
static void test_long_arrays(void)
{
	struct arena_image im;
	struct btf_build bb;
	struct walk_arrays arrays = { 0 }, none = { 0 };

	arena_image_init(&im, 0);
	btf_build_init(&bb, NULL);
	uint32_t u8 = btf_build_int(&bb, "u8", 1, 0), array = btf_build_array(&bb, u8, u8, 5000);
	uint32_t id = btf_build_struct(&bb, "buffer", 5000);
	btf_build_member(&bb, "bytes", array, 0);
	struct types *types = btf_build_types(&bb);

	ASSERT_OK(report_section(im.r, "sdt_alloc", SECTION_COMPLETE, NULL));
	ASSERT_OK(walk_add_array(&im.w, types, u8, &arrays));
	ASSERT_OK(walk_tell_arrays(&im.w, "sdt_alloc", "allocators", &arrays));
	CU_ASSERT_PTR_NULL(section(&im, "sdt_alloc")->cut);
	ASSERT_OK(walk_add_array(&im.w, types, id, &arrays));
	ASSERT_OK(walk_tell_arrays(&im.w, "sdt_alloc", "allocators", &arrays));
	CU_ASSERT_STRING_EQUAL(section(&im, "sdt_alloc")->cut,
			       "arrays in values of 1 allocators at 4096 elements (the longest has 5000; --max-entries)");
	im.opts.max_entries = 5000;
	ASSERT_OK(walk_add_array(&im.w, types, id, &none));
	CU_ASSERT_EQUAL(none.nr, 0);
	types_destroy(types);
	arena_image_deinit(&im);
}

UNIT_MAIN("walk-sdt", { "tags behind payloads", test_tail }, { "tags nobody tells of", test_untold }, { "padding", test_padding },
	  { "elements of cgroups", test_cgroups }, { "members behind their struct", test_behind },
	  { "regions that are linked", test_linked }, { "other allocators", test_others },
	  { "long arrays", test_long_arrays })
