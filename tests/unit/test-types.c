/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdio.h>

#include "btf-build.h"

static void test_find(void)
{
	struct btf_build b;
	uint32_t id = 0;
	int64_t v = 0;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t s = btf_build_struct(&b, "thing", 4);
	uint32_t u = btf_build_union(&b, "thing", 8);
	uint32_t t = btf_build_typedef(&b, "thing", s);
	btf_build_fwd(&b, "thing", false);
	uint32_t twin = btf_build_struct(&b, "twin", 4);
	btf_build_struct(&b, "twin", 4);
	btf_build_struct(&b, "odd", 4);
	btf_build_struct(&b, "odd", 8);
	uint32_t e64 = btf_build_enum64(&b, "wide", 8, false);
	btf_build_enumerator(&b, "TOP", (int64_t)(1ull << 63));
	btf_build_struct(&b, NULL, 4);
	struct types *types = btf_build_types(&b);

	CU_ASSERT_EQUAL(types_start_id(types), 1);
	CU_ASSERT_EQUAL(types_count(types), 12);
	ASSERT_OK(types_find(types, BTF_KIND_INT, "u32", &id));
	CU_ASSERT_EQUAL(id, u32);
	ASSERT_OK(types_find(types, BTF_KIND_STRUCT, "thing", &id));
	CU_ASSERT_EQUAL(id, s);
	ASSERT_OK(types_find(types, BTF_KIND_UNION, "thing", &id));
	CU_ASSERT_EQUAL(id, u);
	ASSERT_OK(types_find(types, BTF_KIND_TYPEDEF, "thing", &id));
	CU_ASSERT_EQUAL(id, t);
	ASSERT_OK(types_find(types, BTF_KIND_STRUCT, "twin", &id));
	CU_ASSERT_EQUAL(id, twin);
	ASSERT_OK(types_find(types, BTF_KIND_ENUM, "wide", &id));
	CU_ASSERT_EQUAL(id, e64);
	ASSERT_OK(types_enumerator(types, id, "TOP", &v));
	CU_ASSERT_EQUAL((uint64_t)v, 1ull << 63);
	ASSERT_ERR(types_find(types, BTF_KIND_STRUCT, "odd", &id), ERR_CORRUPT, "several sizes");
	ASSERT_ERR(types_find(types, BTF_KIND_STRUCT, "thin", &id), ERR_MISSING,
		   "no struct thin in BTF");
	ASSERT_ERR(types_find(types, BTF_KIND_STRUCT, "", &id), ERR_MISSING, NULL);
	CU_ASSERT_PTR_NULL(types_get(types, 0));
	CU_ASSERT_PTR_NULL(types_get(types, 12));
	CU_ASSERT_STRING_EQUAL(types_name(types, 12), "");
	CU_ASSERT_STRING_EQUAL(types_str(types, 0xffffffff), "");

	/* Own types hide the base's. */
	struct types *split, *third;
	btf_build_init(&b, types);
	uint32_t own = btf_build_struct(&b, "twin", 16);
	split = btf_build_types(&b);
	CU_ASSERT_EQUAL(types_start_id(split), 12);
	ASSERT_OK(types_find(split, BTF_KIND_STRUCT, "twin", &id));
	CU_ASSERT_EQUAL(id, own);
	ASSERT_OK(types_find(split, BTF_KIND_STRUCT, "thing", &id));
	CU_ASSERT_EQUAL(id, s);
	ASSERT_ERR(types_find(split, BTF_KIND_STRUCT, "odd", &id), ERR_CORRUPT, "several sizes");

	/* A third upon the two. */
	btf_build_init(&b, split);
	uint32_t top = btf_build_typedef(&b, "top_t", own);
	third = btf_build_types(&b);
	CU_ASSERT_STRING_EQUAL(types_name(third, top), "top_t");
	CU_ASSERT_STRING_EQUAL(types_name(third, own), "twin");
	CU_ASSERT_STRING_EQUAL(types_name(third, u32), "u32");
	CU_ASSERT_PTR_NULL(types_get(third, top + 1));
	CU_ASSERT_PTR_NULL(types_get(third, 0));
	types_destroy(third);
	types_destroy(split);
	types_destroy(types);
	types_destroy(NULL);
}

static void test_many_names(void)
{
	struct btf_build b;
	char name[16];
	uint32_t id = 0;

	btf_build_init(&b, NULL);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		btf_build_struct(&b, name, (uint32_t)i);
	}
	struct types *types = btf_build_types(&b);
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		struct err *e = types_find(types, BTF_KIND_STRUCT, name, &id);
		if (e || id != i + 1)
			ASSERT_OK(e ? e : err_new(ERR_CORRUPT, "%s is %u", name, id));
	}
	types_destroy(types);
}

static void test_sizes(void)
{
	struct btf_build b;
	uint64_t size = 0;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t ptr = btf_build_ptr(&b, 0);
	uint32_t arr = btf_build_array(&b, ptr, u32, 10);
	uint32_t mat = btf_build_array(&b, arr, u32, 3);
	uint32_t tdef = btf_build_typedef(&b, "mat_t", mat);
	uint32_t var = btf_build_var(&b, "v", tdef, 0);
	uint32_t cv = btf_build_ref(&b, BTF_KIND_CONST, NULL, 0);
	uint32_t fwd = btf_build_fwd(&b, "f", false);
	uint32_t huge = btf_build_array(&b, u32, u32, 0xffffffff);
	huge = btf_build_array(&b, huge, u32, 0xffffffff);
	uint32_t flex = btf_build_array(&b, u32, u32, 0);
	uint32_t proto = btf_build_func_proto(&b, 0);
	struct types *types = btf_build_types(&b);

	ASSERT_OK(types_size(types, u32, &size));
	CU_ASSERT_EQUAL(size, 4);
	ASSERT_OK(types_size(types, ptr, &size));
	CU_ASSERT_EQUAL(size, 8);
	ASSERT_OK(types_size(types, var, &size));
	CU_ASSERT_EQUAL(size, 240);
	ASSERT_OK(types_size(types, flex, &size));
	CU_ASSERT_EQUAL(size, 0);
	ASSERT_ERR(types_size(types, 0, &size), ERR_CORRUPT, "has no size");
	ASSERT_ERR(types_size(types, cv, &size), ERR_CORRUPT, "has no size");
	ASSERT_ERR(types_size(types, fwd, &size), ERR_CORRUPT, "(f) has no size");
	ASSERT_ERR(types_size(types, proto, &size), ERR_CORRUPT, "has no size");
	ASSERT_ERR(types_size(types, huge, &size), ERR_CORRUPT, "has no size");
	ASSERT_ERR(types_size(types, 999, &size), ERR_CORRUPT, "has no size");
	CU_ASSERT_EQUAL(types_peel(types, tdef), mat);
	CU_ASSERT_EQUAL(types_peel(types, cv), 0);
	CU_ASSERT_EQUAL(types_peel(types, 999), 0);
	types_destroy(types);
}

static void test_peel(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t id = btf_build_int(&b, "u32", 4, 0);
	for (int i = 0; i < 33; i++)
		id = btf_build_ref(&b, i % 2 ? BTF_KIND_CONST : BTF_KIND_TYPE_TAG, NULL, id);
	struct types *types = btf_build_types(&b);
	CU_ASSERT_EQUAL(types_peel(types, id - 1), 1);
	CU_ASSERT_EQUAL(types_peel(types, id), 0);
	types_destroy(types);
}

static void test_enums(void)
{
	struct btf_build b;
	int64_t v = 0;

	btf_build_init(&b, NULL);
	uint32_t sig = btf_build_enum(&b, "sig", 4, true);
	btf_build_enumerator(&b, "MINUS", -1);
	btf_build_enumerator(&b, "PLUS", 1);
	uint32_t uns = btf_build_enum(&b, "uns", 4, false);
	btf_build_enumerator(&b, "ALL", 0xffffffff);
	uint32_t narrow = btf_build_enum(&b, "narrow", 1, true);
	btf_build_enumerator(&b, "MINUS", -2);
	btf_build_enumerator(&b, "ALSO", 0xfd);
	uint32_t wide = btf_build_enum64(&b, "wide", 8, false);
	btf_build_enumerator(&b, "LOW", 1);
	btf_build_enumerator(&b, "HIGH", 1ll << 32 | 1);
	uint32_t tdef = btf_build_typedef(&b, "sig_t", sig);
	struct types *types = btf_build_types(&b);

	ASSERT_OK(types_enumerator(types, sig, "MINUS", &v));
	CU_ASSERT_EQUAL(v, -1);
	ASSERT_OK(types_enumerator(types, tdef, "PLUS", &v));
	CU_ASSERT_EQUAL(v, 1);
	ASSERT_OK(types_enumerator(types, uns, "ALL", &v));
	CU_ASSERT_EQUAL(v, 0xffffffff);
	ASSERT_OK(types_enumerator(types, wide, "HIGH", &v));
	CU_ASSERT_EQUAL(v, 0x100000001);
	ASSERT_ERR(types_enumerator(types, wide, "HIG", &v), ERR_MISSING, "enum wide has no HIG");
	ASSERT_ERR(types_enumerator(types, 0, "X", &v), ERR_MISSING, NULL);

	CU_ASSERT_STRING_EQUAL(types_enum_name(types, sig, -1), "MINUS");
	CU_ASSERT_STRING_EQUAL(types_enum_name(types, sig, 0xffffffff), "MINUS");
	CU_ASSERT_STRING_EQUAL(types_enum_name(types, uns, -1), "ALL");
	CU_ASSERT_STRING_EQUAL(types_enum_name(types, narrow, -2), "MINUS");
	CU_ASSERT_STRING_EQUAL(types_enum_name(types, narrow, 0xfe), "MINUS");
	CU_ASSERT_STRING_EQUAL(types_enum_name(types, narrow, -3), "ALSO");
	CU_ASSERT_STRING_EQUAL(types_enum_name(types, wide, 0x100000001), "HIGH");
	CU_ASSERT_STRING_EQUAL(types_enum_name(types, wide, 1), "LOW");
	CU_ASSERT_PTR_NULL(types_enum_name(types, wide, 2));
	CU_ASSERT_PTR_NULL(types_enum_name(types, 0, 2));
	types_destroy(types);
}

/* struct outer {
 *	u32 a; u32 lone;
 *	union { u64 b; struct { u32 c; s16 d[3][2]; }; };	at 8
 *	struct inner { u32 x; s32 f:5, g:3; u64 h:64 } in;	at 32
 *	struct inner arr[4];					at 64
 *	struct inner flex[];					at 160
 * };
 */
struct world {
	struct types *types;
	uint32_t outer, s16;
};

static struct world make_world(void)
{
	struct world w;
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t s32 = btf_build_int(&b, "int", 4, BTF_INT_SIGNED);
	uint32_t u64 = btf_build_int(&b, "u64", 8, 0);
	w.s16 = btf_build_int(&b, "short", 2, BTF_INT_SIGNED);
	uint32_t row = btf_build_array(&b, w.s16, u32, 2);
	uint32_t mat = btf_build_array(&b, row, u32, 3);
	uint32_t deep = btf_build_struct(&b, NULL, 16);
	btf_build_member(&b, "c", u32, 0);
	btf_build_member(&b, "d", mat, 32);
	uint32_t un = btf_build_union(&b, NULL, 16);
	btf_build_member(&b, "b", u64, 0);
	btf_build_member(&b, NULL, deep, 0);
	uint32_t inner = btf_build_struct(&b, "inner", 24);
	btf_build_member(&b, "x", u32, 0);
	btf_build_bitfield(&b, "f", s32, 32, 5);
	btf_build_bitfield(&b, "g", s32, 37, 3);
	btf_build_bitfield(&b, "h", u64, 68, 64);
	uint32_t inner_t = btf_build_typedef(&b, "inner_t", inner);
	uint32_t arr = btf_build_array(&b, inner_t, u32, 4);
	uint32_t flex = btf_build_array(&b, inner_t, u32, 0);
	w.outer = btf_build_struct(&b, "outer", 160);
	btf_build_member(&b, "a", u32, 0);
	btf_build_member(&b, "lone", u32, 32);
	btf_build_member(&b, NULL, un, 64);
	btf_build_member(&b, "in", inner_t, 256);
	btf_build_member(&b, "arr", arr, 512);
	btf_build_member(&b, "flex", flex, 1280);
	w.types = btf_build_types(&b);
	return w;
}

static void test_members(void)
{
	struct world w = make_world();
	struct member m = { 0 };

	ASSERT_OK(types_member(w.types, w.outer, "", &m));
	CU_ASSERT(m.present && m.off == 0 && m.size == 160 && m.type_id == w.outer);
	ASSERT_OK(types_member(w.types, w.outer, "lone", &m));
	CU_ASSERT(m.present && m.off == 4 && m.size == 4 && !m.bit_size && !m.nr && !m.is_signed);
	ASSERT_OK(types_member(w.types, w.outer, "b", &m));
	CU_ASSERT(m.off == 8 && m.size == 8);
	ASSERT_OK(types_member(w.types, w.outer, "d", &m));
	CU_ASSERT(m.off == 12 && m.size == 12 && m.nr == 3);
	ASSERT_OK(types_member(w.types, w.outer, "d[2]", &m));
	CU_ASSERT(m.off == 20 && m.size == 4 && m.nr == 2);
	ASSERT_OK(types_member(w.types, w.outer, "d[2][1]", &m));
	CU_ASSERT(m.off == 22 && m.size == 2 && m.is_signed && m.type_id == w.s16);
	ASSERT_OK(types_member(w.types, w.outer, "in.f", &m));
	CU_ASSERT(m.off == 36 && m.size == 1 && m.bit_off == 0 && m.bit_size == 5 && m.is_signed);
	ASSERT_OK(types_member(w.types, w.outer, "arr[3].g", &m));
	CU_ASSERT(m.off == 64 + 72 + 4 && m.size == 1 && m.bit_off == 5 && m.bit_size == 3);
	ASSERT_OK(types_member(w.types, w.outer, "in.h", &m));
	CU_ASSERT(m.off == 40 && m.size == 9 && m.bit_off == 4 && m.bit_size == 64);
	ASSERT_OK(types_member(w.types, w.outer, "flex", &m));
	CU_ASSERT(m.off == 160 && m.size == 0 && m.nr == 0);
	ASSERT_OK(types_member(w.types, w.outer, "flex[10].x", &m));
	CU_ASSERT(m.off == 400 && m.size == 4);

	ASSERT_ERR(types_member(w.types, w.outer, "in.y.z", &m), ERR_MISSING,
		   "outer.in.y.z: struct inner has no member y");
	ASSERT_ERR(types_member(w.types, w.outer, "lon", &m), ERR_MISSING, "no member lon");
	ASSERT_ERR(types_member(w.types, w.outer, "lonely", &m), ERR_MISSING, "no member lonely");
	ASSERT_ERR(types_member(w.types, w.outer, "a.b", &m), ERR_MISSING, "what is no struct");
	ASSERT_ERR(types_member(w.types, w.outer, "a[0]", &m), ERR_MISSING, "what is no array");
	ASSERT_ERR(types_member(w.types, w.outer, "in.f.x", &m), ERR_MISSING, "what is no struct");
	ASSERT_ERR(types_member(w.types, w.outer, "arr[4]", &m), ERR_MISSING, "an array of 4");
	ASSERT_ERR(types_member(w.types, w.outer, "flex[4294967295]", &m), ERR_CORRUPT, "too far");
	ASSERT_ERR(types_member(w.types, w.outer, "flex[99999999999999999999]", &m), ERR_USAGE, NULL);
	static const char *const bad[] = { ".", ".a", "a.", "a..b", "arr[]", "arr[1", "arr[x]", "[0]",
					   "arr[1]x" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERR(types_member(w.types, w.outer, bad[i], &m), ERR_USAGE, "bad ");
	ASSERT_ERR(types_member(w.types, 0, "a", &m), ERR_MISSING, "no struct");
	ASSERT_ERR(types_member(w.types, 0, "", &m), ERR_CORRUPT, "no size");
	types_destroy(w.types);
}

static void test_get(void)
{
	struct world w = make_world();
	struct member m = { 0 };
	uint8_t obj[160] = { 0 };

	for (size_t i = 0; i < sizeof(obj); i++)
		obj[i] = (uint8_t)i;
	ASSERT_OK(types_member(w.types, w.outer, "b", &m));
	CU_ASSERT_EQUAL(member_get(&m, obj), 0x0f0e0d0c0b0a0908);
	CU_ASSERT(member_fits(&m, 16) && !member_fits(&m, 15));
	obj[22] = 0xfe;
	obj[23] = 0xff;
	ASSERT_OK(types_member(w.types, w.outer, "d[2][1]", &m));
	CU_ASSERT_EQUAL((int64_t)member_get(&m, obj), -2);
	obj[36] = 0xf1; /* f = 10001, g = 111 */
	ASSERT_OK(types_member(w.types, w.outer, "in.f", &m));
	CU_ASSERT_EQUAL((int64_t)member_get(&m, obj), -15);
	ASSERT_OK(types_member(w.types, w.outer, "in.g", &m));
	CU_ASSERT_EQUAL((int64_t)member_get(&m, obj), -1);
	for (int i = 0; i < 9; i++)
		obj[40 + i] = (uint8_t)(0x11 * (i + 1));
	ASSERT_OK(types_member(w.types, w.outer, "in.h", &m));
	CU_ASSERT_EQUAL(member_get(&m, obj), 0x9887766554433221);
	ASSERT_OK(types_member(w.types, w.outer, "flex", &m));
	CU_ASSERT_EQUAL(member_get(&m, obj), 0);
	types_destroy(w.types);
}

/* Bitfields before kind_flag: ints with fewer bits than bytes, at an offset of their own. */
static void test_old_bitfields(void)
{
	struct btf_build b;
	struct member m = { 0 };

	btf_build_init(&b, NULL);
	uint32_t five = btf_build_raw(&b, "int", BTF_KIND_INT << 24, 4);
	btf_build_word(&b, BTF_INT_SIGNED << 24 | 3 << 16 | 5);
	uint32_t full = btf_build_int(&b, "u32", 4, 0);
	uint32_t s = btf_build_struct(&b, "s", 8);
	btf_build_member(&b, "f", five, 8);
	btf_build_member(&b, "askew", full, 33);
	struct types *types = btf_build_types(&b);
	ASSERT_OK(types_member(types, s, "f", &m));
	CU_ASSERT(m.off == 1 && m.size == 1 && m.bit_off == 3 && m.bit_size == 5 && m.is_signed);
	CU_ASSERT_EQUAL((int64_t)member_get(&m, "\0\xf0"), -2);
	ASSERT_ERR(types_member(types, s, "askew", &m), ERR_CORRUPT, "at bit 1 of a byte");
	types_destroy(types);
}

/* Unnamed structs that share their parts: 2^60 ways through, none with the name. */
static void test_unfolding(void)
{
	struct btf_build b;
	struct member m;

	btf_build_init(&b, NULL);
	uint32_t id = btf_build_struct(&b, NULL, 0);
	for (int i = 0; i < 60; i++) {
		uint32_t outer = btf_build_struct(&b, i < 59 ? NULL : "top", 0);

		btf_build_member(&b, NULL, id, 0);
		btf_build_member(&b, NULL, id, 0);
		id = outer;
	}
	struct types *types = btf_build_types(&b);
	ASSERT_ERR(types_member(types, id, "x", &m), ERR_MISSING, "struct top has no member x");
	types_destroy(types);
}

UNIT_MAIN("types", { "by name", test_find }, { "many names", test_many_names },
	  { "sizes", test_sizes }, { "peeling", test_peel }, { "enums", test_enums },
	  { "members", test_members }, { "member values", test_get },
	  { "old bitfields", test_old_bitfields }, { "unfolding structs", test_unfolding })
