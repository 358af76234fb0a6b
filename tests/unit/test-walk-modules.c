/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which modules use which: three of them, of which two use the first. */
#include "config.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "unit.h"
#include "walk/walk.h"

enum {
	MODULES = 3,
	/* struct module */
	M_STATE = 0, M_LIST = 8, M_NAME = 24, M_TAINTS = 88, M_REFS = 96, M_SOURCES = 104, M_INIT = 120, M_EXIT = 128,
	M_MEM = 136, M_SIZE = 256,
	/* struct module_use */
	U_SOURCES = 0, U_SOURCE = 32, U_SIZE = 64,
};

static const uint64_t head = 0xffffffff9d400000, mods = 0xffffffffc0100000, uses = 0xffff888004000000;

struct image {
	struct fake_kernel *fk;
	struct report *r;
};

static void put(struct image *im, uint64_t at, uint64_t v, size_t n)
{
	fake_kernel_write(im->fk, at, &v, n);
}

static uint64_t module_at(uint32_t i)
{
	return mods + 0x1000 * (uint64_t)i;
}

static uint64_t use_at(uint32_t i)
{
	return uses + U_SIZE * (uint64_t)i;
}

static void put_list(struct image *im, uint64_t at, uint64_t next, uint64_t prev)
{
	put(im, at, next, 8);
	put(im, at + 8, prev, 8);
}

static struct image *image_new(bool unload)
{
	struct image *im = calloc(1, sizeof(*im));
	struct fake_kernel *fk = im->fk = fake_kernel_new();
	const struct fake_field link[] = { { "next", fk->ptr, 0 }, { "prev", fk->ptr, 8 } };
	int list = fake_kernel_struct(fk, "list_head", 16, link, 2);
	const struct fake_field counter[] = { { "counter", fk->u32, 0 } };
	int atomic = fake_kernel_struct(fk, "atomic", 4, counter, 1);
	const struct fake_field memory[] = { { "base", fk->ptr, 0 }, { "size", fk->u32, 8 } };
	int mem = fake_kernel_array(fk, fake_kernel_struct(fk, "module_memory", 16, memory, 2), 1);
	const struct fake_field module[] = {
		{ "state", fk->u32, M_STATE },	     { "list", list, M_LIST },
		{ "name", fake_kernel_array(fk, fk->u8, 56), M_NAME }, { "taints", fk->u64, M_TAINTS },
		{ "init", fk->ptr, M_INIT },	     { "exit", fk->ptr, M_EXIT },
		{ "mem", mem, M_MEM },
		{ "refcnt", atomic, M_REFS },	     { "source_list", list, M_SOURCES },
	};
	const struct fake_field use[] = { { "source_list", list, U_SOURCES }, { "source", fk->ptr, U_SOURCE } };

	fake_kernel_struct(fk, "module", M_SIZE, module, unload ? 9 : 7);
	if (unload)
		fake_kernel_struct(fk, "module_use", U_SIZE, use, 2);
	btf__add_enum(fk->btf, "mod_mem_type", 4);
	btf__add_enum_value(fk->btf, "MOD_TEXT", 0);
	btf__add_enum(fk->btf, "module_state", 4);
	btf__add_enum_value(fk->btf, "MODULE_STATE_LIVE", 0);
	fake_kernel_symbol(fk, "modules", head);
	fake_kernel_ready(fk);
	put_list(im, head, module_at(0) + M_LIST, module_at(MODULES - 1) + M_LIST);
	for (uint32_t i = 0; i < MODULES; i++) {
		char name[] = "mod_\x1b?";
		uint64_t m = module_at(i), sources = m + M_SOURCES;

		name[5] = (char)('a' + i);
		for (size_t n = 0; n < M_SIZE; n += 8)
			put(im, m + n, 0, 8);
		put_list(im, m + M_LIST, i + 1 < MODULES ? module_at(i + 1) + M_LIST : head,
			 i ? module_at(i - 1) + M_LIST : head);
		fake_kernel_write(fk, m + M_NAME, name, sizeof(name));
		put(im, m + M_REFS, i ? 1 : 3, 4);
		put_list(im, sources, sources, sources);
		put(im, m + M_MEM, m, 8);
		put(im, m + M_MEM + 8, 0x1000, 4);
		put(im, m + M_INIT, m + 0x800, 8);
		put(im, m + M_EXIT, i == 1 ? 0 : m + 0x900, 8);
	}
	/* The first is used by the third and the second. */
	put_list(im, module_at(0) + M_SOURCES, use_at(0), use_at(1));
	put_list(im, use_at(0) + U_SOURCES, use_at(1), module_at(0) + M_SOURCES);
	put_list(im, use_at(1) + U_SOURCES, module_at(0) + M_SOURCES, use_at(0));
	put(im, use_at(0) + U_SOURCE, module_at(2), 8);
	put(im, use_at(1) + U_SOURCE, module_at(1), 8);
	return im;
}

static const struct module_row *walk(struct image *im)
{
	static const struct walk_opts opts;
	struct walk w = { .k = im->fk->k, .opts = &opts };

	ASSERT_OK(report_create(&im->r));
	w.r = im->r;
	ASSERT_OK(walk_modules(&w));
	CU_ASSERT_EQUAL_FATAL(im->r->modules.nr, MODULES);
	return im->r->modules.data;
}

static void image_free(struct image *im)
{
	report_destroy(im->r);
	fake_kernel_destroy(im->fk);
	free(im);
}

static void test_users(void)
{
	struct image *im = image_new(true);
	const struct module_row *m = walk(im);

	CU_ASSERT_EQUAL(m[0].refs.v, 2);
	CU_ASSERT_EQUAL_FATAL(m[0].nr_users, 2);
	CU_ASSERT_STRING_EQUAL(m[0].users[0], "mod_\x1b" "c");
	CU_ASSERT_STRING_EQUAL(m[0].users[1], "mod_\x1b" "b");
	CU_ASSERT_TRUE(m[0].users_known);
	CU_ASSERT_EQUAL(m[1].nr_users, 0);
	CU_ASSERT_TRUE(m[1].users_known);
	CU_ASSERT_FALSE(m[0].permanent);
	CU_ASSERT_TRUE(m[1].permanent);
	CU_ASSERT_PTR_NULL(m[0].error);
	image_free(im);

	/* CONFIG_MODULE_UNLOAD=n */
	im = image_new(false);
	m = walk(im);
	CU_ASSERT_FALSE(m[0].refs.has);
	CU_ASSERT_EQUAL(m[0].nr_users, 0);
	CU_ASSERT_FALSE(m[0].users_known);
	CU_ASSERT_PTR_NULL(m[0].error);
	image_free(im);
}

static void test_damaged(void)
{
	/* A user that is on no list has an address; one that cannot be read costs this module its users only. */
	struct image *im = image_new(true);
	put(im, use_at(1) + U_SOURCE, 0xffffffffc0900000, 8);
	put_list(im, module_at(1) + M_SOURCES, 0x1000, 0x1000);
	const struct module_row *m = walk(im);
	CU_ASSERT_EQUAL_FATAL(m[0].nr_users, 2);
	CU_ASSERT_STRING_EQUAL(m[0].users[1], "0xffffffffc0900000");
	CU_ASSERT_EQUAL(m[1].nr_users, 0);
	CU_ASSERT_FALSE(m[1].users_known);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m[1].error);
	CU_ASSERT_PTR_NOT_NULL(strstr(m[1].error, "its users: "));
	CU_ASSERT_EQUAL(report_find_section(im->r, "modules")->status, SECTION_NOT_READABLE);
	CU_ASSERT_PTR_NULL(m[2].error);
	image_free(im);

	/* Users without end. */
	im = image_new(true);
	put_list(im, use_at(1) + U_SOURCES, use_at(0), use_at(0));
	m = walk(im);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m[0].error);
	CU_ASSERT_PTR_NOT_NULL(strstr(m[0].error, "twice"));
	image_free(im);
}

UNIT_MAIN("walk-modules", { "who uses a module", test_users }, { "damaged lists", test_damaged })
