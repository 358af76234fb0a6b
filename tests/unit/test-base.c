/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include "base/addr-set.h"

#include <errno.h>
#include <string.h>

static void test_prefix(void)
{
	struct err *e = err_fault(0x1000, "not in guest RAM");

	e = err_prefix(e, "task list");
	e = err_prefix(e, "DSQ %#x", 0x12);
	CU_ASSERT_STRING_EQUAL(e->msg, "DSQ 0x12: task list: not in guest RAM");
	CU_ASSERT_EQUAL(e->addr, 0x1000);
	CU_ASSERT_EQUAL(e->code, ERR_FAULT);

	struct err *copy = err_dup(e);
	err_free(e);
	CU_ASSERT_STRING_EQUAL(copy->msg, "DSQ 0x12: task list: not in guest RAM");
	CU_ASSERT_EQUAL(copy->addr, 0x1000);
	err_free(copy);
}

static void test_sys(void)
{
	struct err *e = err_sys(ENOENT, "open %s", "x");

	CU_ASSERT_STRING_EQUAL(e->msg, "open x: No such file or directory");
	err_free(e);
}

static void test_null(void)
{
	CU_ASSERT_PTR_NULL(err_prefix(NULL, "x"));
	CU_ASSERT_PTR_NULL(err_dup(NULL));
	err_free(NULL);
	CU_ASSERT_PTR_EQUAL(err_prefix(&err_nomem, "x"), &err_nomem);
	err_free(&err_nomem);
}

static void test_loads(void)
{
	static const uint8_t b[] = { 1, 2, 3, 4, 5, 6, 7, 0x88 };

	CU_ASSERT_EQUAL(get_le16(b), 0x0201);
	CU_ASSERT_EQUAL(get_le32(b), 0x04030201);
	CU_ASSERT_EQUAL(get_le64(b), 0x8807060504030201);
	CU_ASSERT_EQUAL(get_le(b, 3), 0x030201);
	CU_ASSERT_EQUAL(get_le(b, 0), 0);
	CU_ASSERT_EQUAL(sign_extend(0x1f, 5), -1);
	CU_ASSERT_EQUAL(sign_extend(0x0f, 5), 15);
	CU_ASSERT_EQUAL(sign_extend(0x8807060504030201, 64), (int64_t)0x8807060504030201);
	CU_ASSERT_EQUAL(align_up(0x1001, 0x1000), 0x2000);
	CU_ASSERT_EQUAL(align_down(0x1fff, 0x1000), 0x1000);
}

static void test_addr_set(void)
{
	struct addr_set set = { 0 };
	bool is_new;

	CU_ASSERT_EQUAL(addr_set_number(&set, 0x1000), SIZE_MAX);
	for (uint64_t i = 0; i < 1000; i++) {
		ASSERT_OK(addr_set_add(&set, 0xffff888000000000 + i * 64, &is_new));
		CU_ASSERT_TRUE(is_new);
	}
	ASSERT_OK(addr_set_add(&set, 0xffff888000000000 + 7 * 64, &is_new));
	CU_ASSERT_FALSE(is_new);
	CU_ASSERT_EQUAL(set.nr, 1000);
	for (uint64_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(addr_set_number(&set, 0xffff888000000000 + i * 64), i);
	CU_ASSERT_EQUAL(addr_set_number(&set, 0xffff888000000001), SIZE_MAX);
	CU_ASSERT_EQUAL(addr_set_number(&set, 0), SIZE_MAX);
	addr_set_deinit(&set);
}

UNIT_MAIN("base", { "errors gather context", test_prefix }, { "system errors", test_sys },
	  { "NULL is no error", test_null }, { "loads and alignment", test_loads },
	  { "addresses once each, by number", test_addr_set })
