/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arrays longer than is shown of them, and all of them where that is asked for. */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf-build.h"
#include "btf/value.h"

enum { MIB = 1 << 20 };

/* struct { u8 bytes[1 MiB]; u32 last; } whose bytes are the low ones of their places. */
static struct types *mib_types(uint32_t *id)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u8 = btf_build_int(&b, "u8", 1, 0), u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t bytes = btf_build_array(&b, u8, u32, MIB);
	*id = btf_build_struct(&b, "mib", MIB + 4);
	btf_build_member(&b, "bytes", bytes, 0);
	btf_build_member(&b, "last", u32, MIB * 8);
	return btf_build_types(&b);
}

static void test_cap(void)
{
	static const struct { size_t asked, shown; } cases[] = {
		{ 0, 4096 }, { 4096, 4096 }, { 100, 100 }, { 70000, 70000 }, { SIZE_MAX, MIB },
	};
	_cleanup_free_ uint8_t *data = calloc(1, MIB + 4);
	uint32_t id;
	struct types *types = mib_types(&id);

	for (size_t i = 0; i < MIB; i++)
		data[i] = (uint8_t)i;
	data[MIB] = 77;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct value_env env = { .max_elements = cases[i].asked };
		struct pool pool = { 0 };
		struct value *v = NULL;

		ASSERT_OK(value_render(types, id, data, MIB + 4, &env, &pool, &v));
		CU_ASSERT_EQUAL_FATAL(v->kind, VALUE_STRUCT);
		const struct value *arr = v->st.members[0].value;
		CU_ASSERT_EQUAL(arr->arr.len, MIB);
		CU_ASSERT_EQUAL_FATAL(arr->arr.nr, cases[i].shown);
		for (size_t j = 0; j < arr->arr.nr; j++)
			CU_ASSERT_EQUAL_FATAL(arr->arr.elements[j]->u, (uint8_t)j);
		CU_ASSERT_EQUAL(v->st.members[1].value->u, 77); /* what stands behind it has its budget too */
		pool_deinit(&pool);
	}
	types_destroy(types);
}

/* Elements without bytes are no more for being asked for, and a tree has its end. */
static void test_bounds(void)
{
	const struct value_env env = { .max_elements = SIZE_MAX };
	struct btf_build b;
	struct pool pool = { 0 };
	struct value *v = NULL;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0), u8 = btf_build_int(&b, "u8", 1, 0);
	uint32_t empty = btf_build_struct(&b, "empty", 0), none = btf_build_array(&b, empty, u32, UINT32_MAX);
	uint32_t few = btf_build_array(&b, u8, u32, UINT32_MAX);
	struct types *types = btf_build_types(&b);

	ASSERT_OK(value_render(types, none, "", 0, &env, &pool, &v));
	CU_ASSERT(v->kind == VALUE_ARRAY && v->arr.nr == 4096);
	ASSERT_OK(value_render(types, few, "\1\2\3", 3, &env, &pool, &v));
	CU_ASSERT_EQUAL_FATAL(v->kind, VALUE_ARRAY);
	CU_ASSERT_EQUAL_FATAL(v->arr.nr, 4);
	CU_ASSERT_EQUAL(v->arr.elements[3]->kind, VALUE_TRUNCATED);
	pool_deinit(&pool);
	types_destroy(types);
}

static void test_longest(void)
{
	struct btf_build b;
	uint64_t len;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t small = btf_build_array(&b, u32, u32, 10), big = btf_build_array(&b, small, u32, 5000);
	uint32_t far = btf_build_array(&b, u32, u32, 9000);
	uint32_t alias = btf_build_ref(&b, BTF_KIND_TYPEDEF, "big_t", big);
	uint32_t ptr = btf_build_ref(&b, BTF_KIND_PTR, NULL, far);
	uint32_t st = btf_build_struct(&b, "st", 200008);
	btf_build_member(&b, "big", alias, 0);
	btf_build_member(&b, "behind", ptr, 200000 * 8);
	uint32_t var = btf_build_var(&b, "var", st, 0);
	uint32_t sec = btf_build_datasec(&b, ".bss", 200008);
	btf_build_secvar(&b, var, 0, 200008);
	struct types *types = btf_build_types(&b);

	CU_ASSERT(value_longest_array(types, u32, &len) && !len);
	CU_ASSERT(value_longest_array(types, small, &len) && len == 10);
	CU_ASSERT(value_longest_array(types, st, &len) && len == 5000);
	CU_ASSERT(value_longest_array(types, sec, &len) && len == 5000);
	CU_ASSERT(value_longest_array(types, 12345, &len) && !len);
	types_destroy(types);
}

UNIT_MAIN("value-arrays", { "elements asked for", test_cap }, { "bounds", test_bounds }, { "longest array", test_longest })
