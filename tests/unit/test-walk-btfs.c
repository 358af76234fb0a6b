/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdlib.h>

#include "btf-build.h"
#include "fake-kernel.h"
#include "walk/btfs.h"

enum { B_DATA = 0, B_SIZE = 8, B_ID = 12, B_KERNEL = 16, B_STRIDE = 64 };
#define OBJ(i) (0xffff888001000000 + B_STRIDE * (uint64_t)(i))
#define DATA 0xffff888002000000

struct fixture {
	struct fake_kernel *fk;
	struct report *r;
	struct walk_opts opts;
	struct walk w;
	struct btfs b;
	size_t len;
};

/* Objects that all have the same bytes. */
static void setup(struct fixture *f, uint32_t nr)
{
	struct btf_build build;

	*f = (struct fixture){ .fk = fake_kernel_new() };
	struct fake_kernel *fk = f->fk;
	fake_kernel_struct(fk, "btf", 24, (struct fake_field[]){
		{ "data", fk->ptr, B_DATA }, { "data_size", fk->u32, B_SIZE }, { "id", fk->u32, B_ID },
		{ "kernel_btf", fk->u8, B_KERNEL } }, 4);
	btf_build_init(&build, NULL);
	btf_build_int(&build, "unsigned int", 4, 0);
	void *data = btf_build_finish(&build, &f->len);
	fake_kernel_write(fk, DATA, data, f->len);
	free(data);
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t id = i + 2, len = (uint32_t)f->len;

		fake_kernel_put64(fk, OBJ(i) + B_DATA, DATA);
		fake_kernel_write(fk, OBJ(i) + B_SIZE, &len, 4);
		fake_kernel_write(fk, OBJ(i) + B_ID, &id, 4);
	}
	fake_kernel_ready(fk);
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = fk->k, .r = f->r, .opts = &f->opts };
	ASSERT_OK(btfs_init(&f->b, &f->w));
}

static void teardown(struct fixture *f)
{
	btfs_deinit(&f->b);
	report_destroy(f->r);
	fake_kernel_destroy(f->fk);
}

static void add(struct fixture *f, uint64_t kva, size_t expected)
{
	size_t at = SIZE_MAX;

	ASSERT_OK(btfs_add(&f->b, (struct kva){ kva }, &at));
	CU_ASSERT_EQUAL(at, expected);
}

static void test_once(void)
{
	struct fixture f;

	setup(&f, 3);
	add(&f, OBJ(2), 0);
	add(&f, OBJ(0), 1);
	add(&f, OBJ(2), 0);
	add(&f, OBJ(1), 2);
	CU_ASSERT_EQUAL(f.b.objs.nr, 3);
	for (size_t i = 0; i < f.b.objs.nr; i++)
		btfs_read(&f.b, i);
	ASSERT_OK(btfs_parse(&f.b));
	CU_ASSERT_EQUAL(f.b.objs.data[0].id, 4);
	CU_ASSERT_PTR_NOT_NULL(f.b.objs.data[0].types);
	CU_ASSERT_PTR_NULL(f.b.objs.data[0].why);
	CU_ASSERT_EQUAL(f.r->types.nr, 3);
	teardown(&f);
}

/* Any number of objects may name the same bytes. */
static void test_budget(void)
{
	struct fixture f;

	setup(&f, 3);
	f.b.bytes_left = f.len + f.len / 2;
	for (size_t i = 0; i < 3; i++) {
		add(&f, OBJ(i), i);
		btfs_read(&f.b, i);
	}
	ASSERT_OK(btfs_parse(&f.b));
	CU_ASSERT_PTR_NOT_NULL(f.b.objs.data[0].types);
	for (size_t i = 1; i < 3; i++) {
		const struct btf_obj *o = &f.b.objs.data[i];

		CU_ASSERT_PTR_NULL(o->types);
		CU_ASSERT_TRUE(o->unreadable);
		CU_ASSERT_PTR_NOT_NULL_FATAL(o->why);
		CU_ASSERT_PTR_NOT_NULL(strstr(o->why, "not read, after"));
	}
	teardown(&f);
}

UNIT_MAIN("walk-btfs", { "each object once", test_once }, { "more than can be kept", test_budget })
