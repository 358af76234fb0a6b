/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include "arena-image.h"

static const uint64_t user = 0x100000000000;

/* Elements lie from page 8 on. */
static const uint64_t elems = 8 * PAGE_SIZE;

static struct img_data *elem_at(uint8_t *mem, uint64_t addr)
{
	return (struct img_data *)(void *)(mem + (addr - user));
}

static void put_elem(uint8_t *mem, uint64_t addr, int32_t idx, uint32_t pid)
{
	struct img_task_ctx ctx = { .pid = pid, .seq = pid * 10 };

	*elem_at(mem, addr) = (struct img_data){ .idx = idx };
	memcpy(mem + (addr - user) + 8, &ctx, sizeof(ctx));
}

static enum section_status status(const struct arena_image *im, const char *section)
{
	const struct section *s = report_find_section(im->r, section);

	return s ? s->status : SECTION_NOT_ASKED;
}

static uint32_t pid_of(const struct sdt_slot *slot)
{
	return slot->data ? get_le32(slot->data) : 0;
}

/* One arena (1), one section (2), a tree with no elements. */
static uint8_t *with_tree(struct arena_image *im, unsigned int flags, struct img_bss **bss)
{
	arena_image_init(im, flags);
	uint8_t *mem = arena_image_arena(im, 1, user);

	*bss = arena_image_bss(im, 2);
	arena_image_tree(*bss, mem, user);
	arena_image_prog(im, 1, 2);
	return mem;
}

static const struct sdt_alloc_row *walk(struct arena_image *im)
{
	ASSERT_OK(walk_arena(&im->w));
	CU_ASSERT_FATAL(im->r->sdt_allocs.nr > 0);
	return &im->r->sdt_allocs.data[0];
}

/* ---- trees */

static void check_tree(unsigned int flags)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, flags, &bss);
	/* The second lies on two pages; the third's address is one of the kernel's. */
	const uint64_t a = user + elems, b = user + elems + PAGE_SIZE - 16, c = user + elems + 3 * PAGE_SIZE;

	put_elem(mem, a, 3, 30);
	put_elem(mem, b, 511, 31);
	put_elem(mem, c, 5 << 9 | 64, 32);
	elem_at(mem, c)->genn = 9;
	arena_image_slot(mem, 0, 3, a);
	arena_image_slot(mem, 0, 511, b);
	arena_image_slot(mem, 1, 64, 0xffffc90000008000 + (1ULL << 34) + (uint32_t)c);
	/* Being given out: live, but without an address. Given back: an address, but not live. */
	arena_image_slot(mem, 0, 100, 0);
	img_chunk_at(mem, 2)->child[101] = a;
	bss->last_ctx = b + 8;

	const struct sdt_alloc_row *row = walk(&im);
	CU_ASSERT_EQUAL(im.r->sdt_allocs.nr, 1); /* the other has never been initialized */
	CU_ASSERT_STRING_EQUAL(row->name, "scx_task_allocator");
	CU_ASSERT_EQUAL(row->map_id, 2);
	CU_ASSERT_EQUAL(row->arena_id, 1);
	CU_ASSERT_PTR_NULL(row->sched);
	CU_ASSERT_EQUAL(row->skipped, 0);
	CU_ASSERT_FALSE(row->truncated);
	CU_ASSERT_EQUAL_FATAL(row->nr, 3);
	CU_ASSERT_EQUAL(row->slots[0].user_addr, a);
	CU_ASSERT_EQUAL(row->slots[1].user_addr, b);
	CU_ASSERT_EQUAL(row->slots[2].user_addr, c);
	CU_ASSERT_EQUAL(row->slots[2].position, 5 << 9 | 64);
	CU_ASSERT_EQUAL(row->slots[2].idx, 5 << 9 | 64);
	CU_ASSERT_EQUAL(row->slots[2].genn, 9);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(pid_of(&row->slots[i]), 30 + i);
		CU_ASSERT_EQUAL(row->slots[i].len, 24);
		CU_ASSERT_EQUAL(get_le32(row->slots[i].data + 4), 10 * (30 + i));
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(row->type_name);
	CU_ASSERT_STRING_EQUAL(row->type_name, "task_ctx");
	CU_ASSERT_STRING_EQUAL(row->type_by, "pointers to it lead to the elements");
	CU_ASSERT_EQUAL(status(&im, "sdt_alloc"), SECTION_COMPLETE);
	CU_ASSERT_PTR_NULL(im.r->sdt_unavailable);
	arena_image_deinit(&im);
}

static void test_tree(void)
{
	check_tree(0);
	check_tree(IMG_FORWARD);
}

/* Headers grew to 16 bytes; an allocator in a struct in an array. */
static void test_header(void)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, IMG_URCU, &bss);
	const uint64_t a = user + elems;

	bss->elem_size = 40;
	memcpy(bss->other, &bss->slab, sizeof(bss->other));
	memset(&bss->slab, 0, sizeof(bss->other));
	put_elem(mem, a, 0, 0);
	mem[elems + 16] = 77;
	arena_image_slot(mem, 0, 0, a);
	const struct sdt_alloc_row *row = walk(&im);
	CU_ASSERT_STRING_EQUAL(row->name, "per_node[0].allocator");
	CU_ASSERT_EQUAL(row->header, 16);
	CU_ASSERT_EQUAL_FATAL(row->nr, 1);
	CU_ASSERT_EQUAL(pid_of(&row->slots[0]), 77);
	CU_ASSERT_EQUAL(row->slots[0].len, 24);
	arena_image_deinit(&im);
}

/* What of a tree is nonsense is left out and counted; the rest is there. */
static void test_corrupt(void)
{
	static const struct {
		const char *what;
		int node;	   /* whose nr_free is set, or -1 */
		uint64_t nr_free;
		int chunkless;	   /* node without a chunk, or -1 */
		uint64_t child;	   /* of the middle node, as child 9 */
		size_t live;
		uint32_t skipped;
	} cases[] = {
		{ "nothing", -1, 0, -1, 0, 2, 0 },
		{ "nr_free of a leaf", 2, 513, -1, 0, 1, 1 },
		{ "nr_free of the root", 0, UINT64_MAX, -1, 0, 0, 1 },
		{ "no chunk", -1, 0, 3, 0, 1, 1 },
		{ "a child that is its parent", -1, 0, -1, user, 2, 1 },
		{ "a child twice", -1, 0, -1, user + 2 * sizeof(struct img_desc), 2, 1 },
		{ "a child that is not there", -1, 0, -1, user + (uint64_t)IMG_PAGES * PAGE_SIZE, 2, 1 },
		{ "a child on an unreadable page", -1, 0, -1, user + (IMG_PAGES - 1) * PAGE_SIZE, 2, 1 },
		{ "a child that ends on an unreadable page", -1, 0, -1, user + (IMG_PAGES - 1) * PAGE_SIZE - 8, 2,
		  1 },
		{ "a child of text", -1, 0, -1, 0x2020202020202020, 2, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, 0, &bss);

		put_elem(mem, user + elems, 0, 1);
		put_elem(mem, user + elems + 32, 5 << 9, 2);
		arena_image_slot(mem, 0, 0, user + elems);
		arena_image_slot(mem, 1, 0, user + elems + 32);
		if (cases[i].node >= 0)
			img_desc_at(mem, (unsigned int)cases[i].node)->nr_free = cases[i].nr_free;
		if (cases[i].chunkless >= 0)
			img_desc_at(mem, (unsigned int)cases[i].chunkless)->chunk = 0;
		img_chunk_at(mem, 1)->child[9] = cases[i].child;
		const struct sdt_alloc_row *row = walk(&im);
		CU_ASSERT_EQUAL(row->nr, cases[i].live);
		CU_ASSERT_EQUAL(row->skipped, cases[i].skipped);
		CU_ASSERT_EQUAL(status(&im, "sdt_alloc"),
				cases[i].skipped ? SECTION_IMPLAUSIBLE : SECTION_COMPLETE);
		arena_image_deinit(&im);
	}
}

static void test_sizes(void)
{
	static const struct {
		uint64_t elem_size, root;
		const char *reason;
		uint32_t skipped;
	} cases[] = {
		{ 0, user, "payload_size == 0", 1 },
		{ 8, user, "payload_size == 0", 1 },
		{ UINT64_MAX, user, "no candidate of size 18446744073709551607", 1 },
		{ 1 << 21, user, "no candidate of size 2097144", 1 },
		{ 32, 0, NULL, 0 }, /* initialized, but for the root */
		{ 48, user, "no candidate of size 40", 0 },
		{ 32, user + 0xfff00000, NULL, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, 0, &bss);

		put_elem(mem, user + elems, 0, 1);
		arena_image_slot(mem, 0, 0, user + elems);
		bss->elem_size = cases[i].elem_size;
		bss->root = cases[i].root;
		const struct sdt_alloc_row *row = walk(&im);
		CU_ASSERT_EQUAL(row->elem_size, cases[i].elem_size);
		CU_ASSERT_EQUAL(row->nr, cases[i].elem_size == 48);
		CU_ASSERT_EQUAL(row->skipped, cases[i].skipped);
		CU_ASSERT_EQUAL(row->type == 0, cases[i].reason != NULL);
		if (cases[i].reason)
			CU_ASSERT_STRING_EQUAL(row->reason, cases[i].reason);
		arena_image_deinit(&im);
	}
}

/* Elements whose end, or all of which, cannot be read. */
static void test_unreadable(void)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, 0, &bss);
	const uint64_t hole = user + (IMG_PAGES - 1) * PAGE_SIZE;

	put_elem(mem, hole - 16, 0, 7);
	arena_image_slot(mem, 0, 0, hole - 16);
	arena_image_slot(mem, 0, 1, hole + 64);
	const struct sdt_alloc_row *row = walk(&im);
	CU_ASSERT_EQUAL_FATAL(row->nr, 2);
	CU_ASSERT_EQUAL(row->slots[0].len, 8);
	CU_ASSERT_EQUAL(pid_of(&row->slots[0]), 7);
	CU_ASSERT_FALSE(row->slots[0].unreadable);
	CU_ASSERT_PTR_NULL(row->slots[1].data);
	CU_ASSERT_TRUE(row->slots[1].unreadable);
	CU_ASSERT_EQUAL(row->slots[1].position, 1);
	CU_ASSERT_EQUAL(status(&im, "sdt_alloc"), SECTION_NOT_READABLE);
	arena_image_deinit(&im);
}

/* Of pages that were left out nothing is said to be unreadable, and it is told how much lies there. */
static void test_not_kept(void)
{
	for (int listed = 1; listed >= 0; listed--) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, IMG_LINKED, &bss);
		const uint64_t left_out = user + (IMG_PAGES - 1) * PAGE_SIZE;
		struct arena_body *body = im.r->maps.data[0].arena;

		/* The list of pages may end before, too. */
		body->mapped_pages = IMG_PAGES;
		body->pages[IMG_PAGES - 1].not_kept = true;
		body->nr_pages -= !listed;
		put_elem(mem, left_out - 16, 0, 7);
		arena_image_slot(mem, 0, 0, left_out - 16);
		arena_image_slot(mem, 0, 1, left_out + 64);
		img_chunk_at(mem, 0)->child[9] = left_out + 512;
		bss->head = left_out + 256;
		bss->max_bytes = 4096;
		bss->memory = left_out;
		bss->off = 64;

		const struct sdt_alloc_row *row = walk(&im);
		CU_ASSERT_EQUAL_FATAL(row->nr, 2);
		CU_ASSERT_EQUAL(row->slots[0].len, 8);
		CU_ASSERT_TRUE(row->slots[0].not_kept);
		CU_ASSERT_FALSE(row->slots[0].unreadable);
		CU_ASSERT_PTR_NULL(row->slots[1].data);
		CU_ASSERT_TRUE(row->slots[1].not_kept);
		CU_ASSERT_TRUE(row->slots[1].unreadable);
		CU_ASSERT_EQUAL(row->skipped, 0);
		CU_ASSERT_EQUAL(row->skipped_not_kept, 1);
		CU_ASSERT_EQUAL(status(&im, "sdt_alloc"), SECTION_COMPLETE);
		CU_ASSERT_STRING_EQUAL(report_find_section(im.r, "sdt_alloc")->cut,
				       "2 elements and 1 parts of trees, on arena pages that were not kept (--arena-bytes)");
		CU_ASSERT_EQUAL_FATAL(im.r->scx_statics.nr, 1);
		CU_ASSERT_TRUE(im.r->scx_statics.data[0].earlier_not_kept);
		CU_ASSERT_FALSE(im.r->scx_statics.data[0].earlier_lost);
		CU_ASSERT_EQUAL(status(&im, "scx_static"), SECTION_COMPLETE);
		CU_ASSERT_EQUAL_FATAL(im.r->arena_objects.nr, 1);
		CU_ASSERT_TRUE(im.r->arena_objects.data[0].not_kept);
		CU_ASSERT_EQUAL(status(&im, "arena_objects"), SECTION_COMPLETE);
		CU_ASSERT_STRING_EQUAL(report_find_section(im.r, "arena_objects")->cut,
				       "1 objects on arena pages that were not kept (--arena-bytes)");
		CU_ASSERT_FALSE(report_is_partial(im.r));
		arena_image_deinit(&im);
	}
}

static void test_cap(void)
{
	for (int asked = 0; asked < 2; asked++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, 0, &bss);

		im.opts.max_entries = asked ? 10 : 0;
		for (uint32_t i = 0; i < 20; i++) {
			put_elem(mem, user + elems + 32 * i, (int32_t)i, i);
			arena_image_slot(mem, 0, i, user + elems + 32 * i);
		}
		const struct sdt_alloc_row *row = walk(&im);
		CU_ASSERT_EQUAL(row->nr, asked ? 10 : 20);
		CU_ASSERT_EQUAL(row->truncated, asked);
		CU_ASSERT_EQUAL(report_is_partial(im.r), asked);
		arena_image_deinit(&im);
	}
}

/* ---- types */

static void test_types(void)
{
	static const struct {
		unsigned int flags;
		const char *type, *by, *reason;
	} cases[] = {
		/* The element is pointed at; or there is but one struct, or several. */
		{ 0, "task_ctx", "pointers to it lead to the elements", NULL },
		{ IMG_TWIN_CTX, "task_ctx", "pointers to it lead to the elements", NULL },
		{ IMG_NO_CTX, "task_ctx", "named like the allocator", NULL },
		{ IMG_NO_CTX | IMG_TWIN_CTX, "task_ctx", "named like the allocator", NULL },
		{ IMG_KERNELS | IMG_NO_CTX, NULL, NULL, "no candidate of size 24" },
		{ IMG_KERNELS | IMG_TWIN_CTX, "twin_ctx", "the only struct of this size", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, cases[i].flags, &bss);

		put_elem(mem, user + elems, 0, 7);
		arena_image_slot(mem, 0, 0, user + elems);
		bss->last_ctx = user + elems + 8;
		const struct sdt_alloc_row *row = walk(&im);
		CU_ASSERT_EQUAL(row->type != 0, cases[i].type != NULL);
		if (cases[i].type && row->type_name && row->type_by) {
			CU_ASSERT_STRING_EQUAL(row->type_name, cases[i].type);
			CU_ASSERT_STRING_EQUAL(row->type_by, cases[i].by);
		}
		if (cases[i].reason && row->reason)
			CU_ASSERT_STRING_EQUAL(row->reason, cases[i].reason);
		arena_image_deinit(&im);
	}
}

/* Elements that were given back: their addresses tell the type, and who still points there is told so. */
static void test_freed(void)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, 0, &bss);
	const uint64_t live = user + elems, gone = user + elems + 64, twice = user + elems + 128;
	const struct sdt_alloc_row *alloc;
	uint32_t off;

	put_elem(mem, live, 0, 7);
	arena_image_slot(mem, 0, 0, live);
	img_chunk_at(mem, 2)->child[2] = gone;
	img_chunk_at(mem, 3)->child[9] = twice;
	arena_image_slot(mem, 0, 4, twice);
	bss->last_ctx = gone + 8;

	const struct sdt_alloc_row *row = walk(&im);
	CU_ASSERT_EQUAL(row->nr, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(row->type_by);
	CU_ASSERT_STRING_EQUAL(row->type_by, "pointers to it lead to the elements");

	const struct map_row *arena = &im.r->maps.data[0];
	CU_ASSERT_PTR_NULL(sdt_find(im.r, arena, gone, &alloc, &off));
	for (uint32_t i = 0; i < row->elem_size; i++) {
		CU_ASSERT_PTR_EQUAL(sdt_find_freed(im.r, arena, gone + i, &off), row);
		CU_ASSERT_EQUAL(off, i);
	}
	CU_ASSERT_PTR_NULL(sdt_find_freed(im.r, arena, gone - 1, &off));
	CU_ASSERT_PTR_NULL(sdt_find_freed(im.r, arena, gone + row->elem_size, &off));
	CU_ASSERT_PTR_NULL(sdt_find_freed(im.r, arena, live, &off));
	CU_ASSERT_PTR_NULL(sdt_find_freed(im.r, arena, twice, &off)); /* live counts */

	ASSERT_OK(walk_env(&im.w));
	const struct value_env *env = row->env;
	CU_ASSERT_STRING_EQUAL(env->freed(env->ctx, gone + 8), "scx_task_allocator");
	CU_ASSERT_PTR_NULL(env->freed(env->ctx, live + 8));
	CU_ASSERT_PTR_NULL(env->freed(env->ctx, 0xffff888000000000));

	/* What such pointers lead to is an object of its own, and said to be given back. */
	CU_ASSERT_EQUAL_FATAL(im.r->arena_objects.nr, 1);
	CU_ASSERT_EQUAL(im.r->arena_objects.data[0].user_addr, gone + 8);
	CU_ASSERT_STRING_EQUAL(im.r->arena_objects.data[0].freed, "scx_task_allocator");
	arena_image_deinit(&im);
}

/* An allocator that no struct is named like: what is another's is not taken for its own. */
static void test_other_allocator(void)
{
	for (unsigned int twin = 0; twin < 2; twin++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, twin ? IMG_TWIN_CTX : 0, &bss);

		put_elem(mem, user + elems, 0, 7);
		arena_image_slot(mem, 0, 0, user + elems);
		bss->last_ctx = user + elems + 8;
		bss->other[1] = 32;
		walk(&im);
		CU_ASSERT_EQUAL_FATAL(im.r->sdt_allocs.nr, 2);
		const struct sdt_alloc_row *row = &im.r->sdt_allocs.data[1];
		CU_ASSERT_STRING_EQUAL(row->name, "per_node[0].allocator");
		if (twin) {
			CU_ASSERT_STRING_EQUAL(row->type_name, "twin_ctx");
			CU_ASSERT_STRING_EQUAL(row->type_by, "the only struct of this size");
		} else {
			CU_ASSERT_EQUAL(row->type, 0);
			CU_ASSERT_STRING_EQUAL(row->reason, "no candidate of size 24");
		}
		arena_image_deinit(&im);
	}
}

/* Several structs, and nothing that leads to an element. */
static void test_choice(void)
{
	static const struct {
		unsigned int flags;
		const char *type, *by;
	} cases[] = {
		{ IMG_TWIN_CTX | IMG_TAGGED, "twin_ctx",
		  "the only one of this size with pointers tagged as of an arena" },
		{ IMG_TWIN_CTX, "task_ctx", "the only one of this size that variables or map values point to" },
		{ IMG_TWIN_CTX | IMG_NO_CTX, "task_ctx", "the usual name" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, cases[i].flags, &bss);

		put_elem(mem, user + elems, 0, 7);
		arena_image_slot(mem, 0, 0, user + elems);
		memcpy(bss->other, &bss->slab, sizeof(bss->other));
		memset(&bss->slab, 0, sizeof(bss->other));
		const struct sdt_alloc_row *row = walk(&im);
		CU_ASSERT_STRING_EQUAL(row->name, "per_node[0].allocator");
		CU_ASSERT_PTR_NOT_NULL_FATAL(row->type_name);
		CU_ASSERT_STRING_EQUAL(row->type_name, cases[i].type);
		CU_ASSERT_STRING_EQUAL(row->type_by, cases[i].by);
		arena_image_deinit(&im);
	}
}

/* ---- why there are none */

static void expect_none(struct arena_image *im, const char *why)
{
	ASSERT_OK(walk_arena(&im->w));
	CU_ASSERT_EQUAL(im->r->sdt_allocs.nr, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(im->r->sdt_unavailable);
	CU_ASSERT_STRING_EQUAL(im->r->sdt_unavailable, why);
	arena_image_deinit(im);
}

static void test_unavailable(void)
{
	struct arena_image im;

	arena_image_init(&im, 0);
	arena_image_arena(&im, 1, user);
	expect_none(&im, "no scheduler .bss map (or .bss has no program BTF)");

	arena_image_init(&im, 0);
	arena_image_arena(&im, 1, user);
	arena_image_bss(&im, 2);
	im.r->maps.data[1].types = NULL;
	expect_none(&im, "no scheduler .bss map (or .bss has no program BTF)");

	arena_image_init(&im, 0);
	arena_image_bss(&im, 2);
	expect_none(&im, "no arena map captured (kern_vm_start unavailable)");

	arena_image_init(&im, 0);
	arena_image_arena(&im, 1, user);
	im.r->maps.data[0].arena->kern_vm_start = 0;
	arena_image_bss(&im, 2);
	expect_none(&im, "no arena map captured (kern_vm_start unavailable)");

	arena_image_init(&im, IMG_NO_LIBRARY);
	arena_image_arena(&im, 1, user);
	arena_image_bss(&im, 2);
	expect_none(&im, "scheduler BTF does not declare struct scx_allocator");

	arena_image_init(&im, 0);
	arena_image_arena(&im, 1, user);
	arena_image_bss(&im, 2);
	expect_none(&im, "no scx_allocator instance in .bss");

	arena_image_init(&im, 0);
	ASSERT_OK(report_section(im.r, "maps", SECTION_NOT_ASKED, NULL));
	expect_none(&im, "maps were not asked for");
}

/* ---- regions */

static void test_regions(void)
{
	static const struct {
		uint64_t max, memory, off;
		bool good;
	} cases[] = {
		{ 8192, user + 0x9000, 100, true },
		{ 8192, user + 0x9000, 8192, true },
		{ 8192, 0, 100, false },
		{ 8192, user + 0x9000, 8193, false },
		{ 1ULL << 32, user, 0, false },
		{ 8192, user + 0xfffff000, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena_image im;

		arena_image_init(&im, 0);
		arena_image_arena(&im, 1, user);
		struct img_bss *bss = arena_image_bss(&im, 2);
		bss->max_bytes = cases[i].max;
		bss->memory = cases[i].memory;
		bss->off = cases[i].off;
		ASSERT_OK(walk_arena(&im.w));
		CU_ASSERT_EQUAL(im.r->scx_statics.nr, cases[i].good);
		CU_ASSERT_EQUAL(im.r->scx_static_skipped, !cases[i].good);
		CU_ASSERT_EQUAL(status(&im, "scx_static"),
				cases[i].good ? SECTION_COMPLETE : SECTION_IMPLAUSIBLE);
		if (im.r->scx_statics.nr) {
			CU_ASSERT_STRING_EQUAL(im.r->scx_statics.data[0].name, "scx_static");
			CU_ASSERT_EQUAL(im.r->scx_statics.data[0].user_addr, cases[i].memory);
			CU_ASSERT_EQUAL(im.r->scx_statics.data[0].used, cases[i].off);
			CU_ASSERT_EQUAL(im.r->scx_statics.data[0].capacity, cases[i].max);
		}
		arena_image_deinit(&im);
	}
}

/* ---- objects */

static struct img_node *node_at(uint8_t *mem, uint32_t i)
{
	return (struct img_node *)(void *)(mem + elems + i * PAGE_SIZE / 4);
}

static uint64_t node_addr(uint32_t i)
{
	return user + elems + (uint64_t)i * PAGE_SIZE / 4;
}

/* A ring of 30, and one whose next is not there. */
static void test_objects(void)
{
	struct arena_image im;

	arena_image_init(&im, 0);
	uint8_t *mem = arena_image_arena(&im, 1, user);
	struct img_bss *bss = arena_image_bss(&im, 2);
	bss->head = node_addr(0);
	for (uint32_t i = 0; i < 30; i++)
		*node_at(mem, i) = (struct img_node){ i, node_addr((i + 1) % 30) };
	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_EQUAL_FATAL(im.r->arena_objects.nr, 30);
	for (uint32_t i = 0; i < 30; i++) {
		const struct arena_object *o = &im.r->arena_objects.data[i];

		CU_ASSERT_EQUAL(o->user_addr, node_addr(i));
		CU_ASSERT_STRING_EQUAL(o->type_name, "work_item");
		CU_ASSERT_EQUAL(get_le64(o->data), i);
		CU_ASSERT_STRING_EQUAL(o->from, i ? "next" : "head");
		CU_ASSERT_EQUAL(o->from_map, i ? 0 : 2);
		CU_ASSERT_EQUAL(o->from_addr, i ? node_addr(i - 1) : 0);
	}
	CU_ASSERT_EQUAL(status(&im, "arena_objects"), SECTION_COMPLETE);
	arena_image_deinit(&im);

	arena_image_init(&im, 0);
	mem = arena_image_arena(&im, 1, user);
	bss = arena_image_bss(&im, 2);
	bss->head = node_addr(0);
	*node_at(mem, 0) = (struct img_node){ 5, user + (IMG_PAGES - 1) * PAGE_SIZE };
	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_EQUAL_FATAL(im.r->arena_objects.nr, 2);
	CU_ASSERT_PTR_NULL(im.r->arena_objects.data[1].data);
	arena_image_deinit(&im);

	arena_image_init(&im, 0);
	mem = arena_image_arena(&im, 1, user);
	bss = arena_image_bss(&im, 2);
	bss->head = node_addr(0);
	im.opts.max_entries = 7;
	for (uint32_t i = 0; i < 30; i++)
		*node_at(mem, i) = (struct img_node){ i, node_addr((i + 1) % 30) };
	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_EQUAL(im.r->arena_objects.nr, 7);
	CU_ASSERT_TRUE(report_is_partial(im.r));
	arena_image_deinit(&im);
}

/* ---- several arenas at the same addresses */

static void fill(uint8_t *mem, struct img_bss *bss, uint32_t salt)
{
	arena_image_tree(bss, mem, user);
	put_elem(mem, user + elems, 0, salt);
	arena_image_slot(mem, 0, 0, user + elems);
	bss->last_ctx = user + elems + 8;
	bss->head = node_addr(8);
	*node_at(mem, 8) = (struct img_node){ salt, 0 };
}

static void test_arenas(void)
{
	struct arena_image im;
	struct active_sched active = { .ops_name = "sched" };

	arena_image_init(&im, 0);
	uint8_t *one = arena_image_arena(&im, 1, user);
	struct img_bss *bss = arena_image_bss(&im, 2);
	fill(one, bss, 11);
	uint8_t *two = arena_image_arena(&im, 5, user);
	bss = arena_image_bss(&im, 6);
	fill(two, bss, 22);
	uint8_t *lost = arena_image_arena(&im, 8, user);
	bss = arena_image_bss(&im, 9); /* of no program */
	fill(lost, bss, 33);
	arena_image_prog(&im, 1, 2);
	arena_image_prog(&im, 5, 6);
	im.r->active = &active;
	im.r->nr_active = 1;
	im.r->maps.data[2].sched = im.r->maps.data[3].sched = &active; /* 5 and 6 */

	ASSERT_OK(walk_arena(&im.w));
	CU_ASSERT_EQUAL_FATAL(im.r->sdt_allocs.nr, 3);
	const struct sdt_alloc_row *row = im.r->sdt_allocs.data;
	CU_ASSERT_PTR_EQUAL(row[0].sched, &active);
	CU_ASSERT_EQUAL(row[0].arena_id, 5);
	CU_ASSERT_EQUAL_FATAL(row[0].nr, 1);
	CU_ASSERT_EQUAL(pid_of(&row[0].slots[0]), 22);
	CU_ASSERT_PTR_NULL(row[1].sched);
	CU_ASSERT_EQUAL(row[1].arena_id, 1);
	CU_ASSERT_EQUAL_FATAL(row[1].nr, 1);
	CU_ASSERT_EQUAL(pid_of(&row[1].slots[0]), 11);
	CU_ASSERT_EQUAL(row[2].arena_id, 0);
	CU_ASSERT_EQUAL(row[2].nr, 0);
	CU_ASSERT_EQUAL(status(&im, "sdt_alloc"), SECTION_NOT_READABLE);

	CU_ASSERT_EQUAL_FATAL(im.r->arena_objects.nr, 2);
	CU_ASSERT_EQUAL(get_le64(im.r->arena_objects.data[0].data), 11);
	CU_ASSERT_EQUAL(get_le64(im.r->arena_objects.data[1].data), 22);

	/* Values of each map are followed into its own arena. */
	ASSERT_OK(walk_env(&im.w));
	const uint32_t want[] = { 11, 22 };
	for (size_t i = 0; i < 2; i++) {
		const struct map_row *m = &im.r->maps.data[2 * i + 1];
		uint64_t nr = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(m->env);
		CU_ASSERT_EQUAL(m->env->read_arena(m->env->ctx, node_addr(8), &nr, 8), 8);
		CU_ASSERT_EQUAL(nr, want[i]);
		CU_ASSERT_PTR_NOT_NULL(m->env->skip_arena(m->env->ctx, user + elems + 8));
		CU_ASSERT_PTR_NULL(m->env->skip_arena(m->env->ctx, user + elems + 9));
	}
	/* A section used with both has none. */
	arena_image_prog(&im, 5, 2);
	arena_assign(im.r, im.r);
	CU_ASSERT_PTR_NULL(im.r->maps.data[1].own_arena);
	arena_image_deinit(&im);
}

/* An arena that does not begin at a multiple of 4 GiB. */
static void test_odd(void)
{
	static const uint64_t odd = 0x7fff12345000;
	struct arena_image im;

	arena_image_init(&im, 0);
	uint8_t *mem = arena_image_arena(&im, 1, odd);
	struct img_bss *bss = arena_image_bss(&im, 2);
	struct img_task_ctx ctx = { .pid = 5 };
	arena_image_tree(bss, mem, odd);
	arena_image_slot(mem, 0, 0, odd + elems);
	memcpy(mem + elems + 8, &ctx, sizeof(ctx));
	const struct sdt_alloc_row *row = walk(&im);
	CU_ASSERT_EQUAL_FATAL(row->nr, 1);
	CU_ASSERT_EQUAL(row->slots[0].user_addr, odd + elems);
	CU_ASSERT_EQUAL(pid_of(&row->slots[0]), 5);
	arena_image_deinit(&im);
}

/* ---- tasks */

static void test_tasks(void)
{
	struct arena_image im;
	struct img_bss *bss;
	uint8_t *mem = with_tree(&im, 0, &bss);
	struct img_map_val *values = arena_image_tasks(&im, 3, 5);

	for (uint32_t i = 0; i < 3; i++) {
		put_elem(mem, user + elems + 32 * i, (int32_t)i, 100 + i);
		elem_at(mem, user + elems + 32 * i)->genn = 4;
		arena_image_slot(mem, 0, i, user + elems + 32 * i);
	}
	arena_image_prog(&im, 1, 3);
	bss->last_ctx = user + elems + 8;
	values[0].data = user + elems; /* by its address */
	values[1].tid = (struct img_data){ 1, 4 }; /* by its id */
	values[2].tid = (struct img_data){ 2, 3 }; /* of one that was given back */
	values[3].data = user + elems + 16; /* into the middle of one */
	const struct sdt_alloc_row *row = walk(&im);
	CU_ASSERT_EQUAL_FATAL(row->nr, 3);
	CU_ASSERT_EQUAL_FATAL(im.r->task_objects.nr, 2);
	const struct task_object *o = im.r->task_objects.data;
	for (int32_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(o[i].task->pid, 100 + i);
		CU_ASSERT_EQUAL(o[i].map_id, 3);
		CU_ASSERT_EQUAL(o[i].user_addr, user + elems + 32 * (uint64_t)i);
		CU_ASSERT_STRING_EQUAL(o[i].allocator, "scx_task_allocator");
		CU_ASSERT_EQUAL(o[i].idx, i);
		CU_ASSERT_EQUAL(o[i].by_id, i == 1);
		CU_ASSERT_PTR_EQUAL(row->slots[i].owner, o[i].task);
	}
	CU_ASSERT_PTR_NULL(row->slots[2].owner);
	const struct map_row *m = &im.r->maps.data[2];
	CU_ASSERT_PTR_NOT_NULL_FATAL(m->entries[0].payload);
	CU_ASSERT_EQUAL(m->entries[0].payload->type, row->type);
	CU_ASSERT_EQUAL(get_le32(m->entries[0].payload->data), 100);
	CU_ASSERT_PTR_NULL(m->entries[1].payload);
	CU_ASSERT_PTR_NULL(m->entries[3].payload);
	arena_image_deinit(&im);
}

/* ---- anything at all in the arena and the variables: what comes out lies in the arena and ends */

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_random(void)
{
	enum { RUNS = 150, CHANGES = 40 };
	uint64_t state = 0x9e3779b97f4a7c15;

	for (unsigned int run = 0; run < RUNS; run++) {
		struct arena_image im;
		struct img_bss *bss;
		uint8_t *mem = with_tree(&im, run % 2 ? IMG_FORWARD : 0, &bss);
		struct img_map_val *values = arena_image_tasks(&im, 3, 4);
		uint64_t *words = (uint64_t *)(void *)mem;

		arena_image_prog(&im, 1, 3);
		for (uint32_t i = 0; i < 40; i++)
			arena_image_slot(mem, i % 2, i, user + elems + 32 * (uint64_t)i);
		bss->head = node_addr(2);
		bss->last_ctx = user + elems + 8;
		for (unsigned int i = 0; i < CHANGES; i++) {
			uint64_t r = rnd(&state), addr = user + r % (IMG_PAGES * PAGE_SIZE);

			words[rnd(&state) % (10 * PAGE_SIZE / 8)] = r % 5 ? addr & ~7ULL : r;
			if (!(r % 17))
				((uint64_t *)(void *)bss)[rnd(&state) % (sizeof(*bss) / 8)] = r % 3 ? addr : r >> 40;
			values[r % 4].data = addr;
		}
		ASSERT_OK(walk_arena(&im.w));
		ASSERT_OK(walk_env(&im.w));
		size_t live = 0;
		for (size_t i = 0; i < im.r->sdt_allocs.nr; i++) {
			const struct sdt_alloc_row *row = &im.r->sdt_allocs.data[i];

			live += row->nr;
			for (size_t j = 0; j < row->nr; j++)
				CU_ASSERT(row->slots[j].user_addr - user < 1ULL << 32);
		}
		CU_ASSERT(live <= 2 * 4096 && im.r->arena_objects.nr <= 4096);
		arena_image_deinit(&im);
	}
}

UNIT_MAIN("walk-arena", { "an allocator's tree", test_tree }, { "headers of another size", test_header },
	  { "trees of nonsense", test_corrupt }, { "sizes of nonsense", test_sizes },
	  { "unreadable elements", test_unreadable }, { "what was not kept", test_not_kept }, { "caps", test_cap }, { "types of payloads", test_types },
	  { "elements given back", test_freed }, { "types of other allocators", test_other_allocator }, { "one type of several", test_choice },
	  { "why there are none", test_unavailable },
	  { "regions", test_regions }, { "linked objects", test_objects },
	  { "several arenas at one address", test_arenas }, { "an arena at an odd address", test_odd },
	  { "objects of tasks", test_tasks }, { "anything at all", test_random })
