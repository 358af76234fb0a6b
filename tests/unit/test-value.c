/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf-build.h"
#include "value-text.h"

static void expect(const struct types *types, uint32_t id, const void *data, size_t len,
		   const struct value_env *env, const char *want, unsigned int line)
{
	/* An exact copy, for ASan to guard its ends. */
	_cleanup_free_ void *copy = malloc(len ? len : 1);
	struct pool pool = { 0 };
	struct value *v = NULL;

	if (len)
		memcpy(copy, data, len);
	ASSERT_OK(value_render(types, id, copy, len, env, &pool, &v));
	_cleanup_free_ char *text = value_text(v);
	char what[1024];
	snprintf(what, sizeof(what), "wanted %s, got %s", want, text);
	CU_assertImplementation(!strcmp(text, want), line, what, __FILE__, "", CU_FALSE);
	pool_deinit(&pool);
}

#define EXPECT_ENV(id, data, len, env, want) expect(types, id, data, len, env, want, __LINE__)
#define EXPECT(id, data, len, want) EXPECT_ENV(id, data, len, NULL, want)
/* Of a string literal, all its bytes but the last NUL. */
#define EXPECT_LIT(id, lit, want) EXPECT(id, lit, sizeof(lit) - 1, want)

static void test_ints(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t s32 = btf_build_int(&b, "int", 4, BTF_INT_SIGNED);
	uint32_t u64 = btf_build_int(&b, "u64", 8, 0);
	uint32_t s8 = btf_build_int(&b, "char", 1, BTF_INT_SIGNED);
	uint32_t chr = btf_build_int(&b, "char", 1, BTF_INT_CHAR);
	uint32_t flag = btf_build_int(&b, "_Bool", 1, BTF_INT_BOOL);
	uint32_t flag4 = btf_build_int(&b, "bool4", 4, BTF_INT_BOOL);
	uint32_t i128 = btf_build_int(&b, "__int128", 16, BTF_INT_SIGNED);
	uint32_t odd = btf_build_int(&b, "u24", 3, 0);
	uint32_t part = btf_build_raw(&b, "part", BTF_KIND_INT << 24, 4);
	btf_build_word(&b, BTF_INT_SIGNED << 24 | 4 << 16 | 5);
	uint32_t none = btf_build_raw(&b, "none", BTF_KIND_INT << 24, 0);
	btf_build_word(&b, 0);
	uint32_t tdef = btf_build_typedef(&b, "t", btf_build_ref(&b, BTF_KIND_VOLATILE, NULL, s32));
	uint32_t var = btf_build_var(&b, "v", tdef, 0);
	struct types *types = btf_build_types(&b);

	EXPECT_LIT(s32, "\xf9\xff\xff\xff", "i32:-7");
	EXPECT_LIT(s32, "\1\2\3\4\5", "i32:67305985");
	EXPECT_LIT(u64, "\xff\xff\xff\xff\xff\xff\xff\xff", "u64:18446744073709551615");
	EXPECT_LIT(s8, "A", "i8:65");
	EXPECT_LIT(chr, "\xe4", "c228");
	EXPECT_LIT(flag, "\0", "false");
	EXPECT_LIT(flag, "\x80", "true");
	EXPECT_LIT(flag4, "\0\0\1\0", "true");
	EXPECT_LIT(i128, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17",
		   "x(00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f)");
	EXPECT_LIT(odd, "\1\2\3", "u24:197121");
	EXPECT_LIT(part, "\xff\1\0\0", "i5:-1");
	EXPECT_LIT(none, "", "!(integer of no bits)");
	EXPECT_LIT(tdef, "\xff\xff\xff\xff", "i32:-1");
	EXPECT_LIT(var, "\xff\xff\xff\xff", "i32:-1");
	EXPECT_LIT(s32, "\1\2", "cut(4,2 x(01 02))");
	EXPECT_LIT(flag, "", "cut(1,0 x())");
	EXPECT_LIT(i128, "\1\2", "cut(16,2 x(01 02))");
	EXPECT(s32, NULL, 0, "cut(4,0 x())");
	types_destroy(types);
}

static void test_floats(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t f32 = btf_build_float(&b, "float", 4);
	uint32_t f64 = btf_build_float(&b, "double", 8);
	uint32_t f80 = btf_build_float(&b, "long double", 16);
	struct types *types = btf_build_types(&b);

	EXPECT(f64, &(double){ 2.5 }, 8, "f64:2.5");
	EXPECT(f32, &(float){ -0.25f }, 4, "f32:-0.25");
	EXPECT_LIT(f32, "\0\0\x80\x7f", "x(00 00 80 7f)");
	EXPECT_LIT(f64, "\0\0\0\0\0\0\xf8\xff", "x(00 00 00 00 00 00 f8 ff)");
	EXPECT_LIT(f64, "\0\0\0\0", "cut(8,4 x(00 00 00 00))");
	EXPECT_LIT(f80, "\0", "!(floating point number of 16 bytes)");
	types_destroy(types);
}

static void test_enums(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t uns = btf_build_enum(&b, "uns", 4, false);
	btf_build_enumerator(&b, "SCX_EXIT_ERROR_STALL", 1026);
	btf_build_enumerator(&b, "ALL", 0xffffffff);
	uint32_t sig8 = btf_build_enum(&b, "sig8", 1, true);
	btf_build_enumerator(&b, "MINUS", -2);
	uint32_t uns8 = btf_build_enum(&b, "uns8", 1, false);
	btf_build_enumerator(&b, "MINUS", -2);
	uint32_t sig16 = btf_build_enum(&b, "sig16", 2, true);
	btf_build_enumerator(&b, "ONE", 1);
	uint32_t wide = btf_build_enum64(&b, "wide", 8, false);
	btf_build_enumerator(&b, "TOP", (int64_t)(1ull << 63));
	uint32_t wides = btf_build_enum64(&b, "wides", 8, true);
	btf_build_enumerator(&b, "MIN", INT64_MIN);
	uint32_t long8 = btf_build_enum(&b, "long8", 8, true);
	btf_build_enumerator(&b, "MINUS", -1);
	struct types *types = btf_build_types(&b);

	EXPECT_LIT(uns, "\2\4\0\0", "e32:1026 SCX_EXIT_ERROR_STALL");
	EXPECT_LIT(uns, "\xff\xff\xff\xff", "e32:4294967295 ALL");
	EXPECT_LIT(uns, "\11\0\0\0", "e32:9 ?");
	EXPECT_LIT(sig8, "\xfe", "e8s:-2 MINUS");
	EXPECT_LIT(uns8, "\xfe", "e8:254 MINUS");
	EXPECT_LIT(sig16, "\1\0", "e16s:1 ONE");
	EXPECT_LIT(sig16, "\xff\xff", "e16s:-1 ?");
	EXPECT_LIT(wide, "\0\0\0\0\0\0\0\x80", "e64:-9223372036854775808 TOP");
	EXPECT_LIT(wides, "\0\0\0\0\0\0\0\x80", "e64s:-9223372036854775808 MIN");
	EXPECT_LIT(long8, "\xff\xff\xff\xff\xff\xff\xff\xff", "e64s:-1 MINUS");
	EXPECT_LIT(wide, "\0\0\0\0", "cut(8,4 x(00 00 00 00))");
	types_destroy(types);
}

static void test_structs(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u8 = btf_build_int(&b, "u8", 1, 0);
	uint32_t u16 = btf_build_int(&b, "u16", 2, 0);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t inner = btf_build_struct(&b, "inner", 4);
	btf_build_member(&b, "lo", u16, 0);
	btf_build_member(&b, "hi", u16, 16);
	uint32_t deep = btf_build_struct(&b, NULL, 4);
	btf_build_member(&b, "x", u8, 8);
	uint32_t deep_t = btf_build_typedef(&b, "deep_t", deep);
	uint32_t un = btf_build_union(&b, NULL, 4);
	btf_build_member(&b, "word", u32, 0);
	btf_build_member(&b, NULL, deep_t, 0);
	uint32_t s = btf_build_struct(&b, "outer", 12);
	btf_build_member(&b, "a", u32, 0);
	btf_build_member(&b, NULL, un, 32);
	btf_build_member(&b, "in", inner, 64);
	uint32_t named_un = btf_build_union(&b, "either", 4);
	btf_build_member(&b, "word", u32, 0);
	btf_build_member(&b, "half", u16, 0);
	uint32_t empty = btf_build_struct(&b, NULL, 0);
	uint32_t nameless = btf_build_struct(&b, "nameless", 4);
	btf_build_member(&b, NULL, u32, 0);
	uint32_t askew = btf_build_struct(&b, "askew", 8);
	btf_build_member(&b, "m", u32, 3);
	uint32_t liar = btf_build_struct(&b, "liar", 2);
	btf_build_member(&b, "m", u32, 0);
	btf_build_member(&b, "n", u32, 16);
	struct types *types = btf_build_types(&b);

	EXPECT_LIT(s, "\1\0\0\0\2\3\0\0\4\0\5\0",
		   "outer{a=u32:1 word=u32:770 x=u8:3 in=inner{lo=u16:4 hi=u16:5}}");
	/* Behind the end: left out; across it: cut; and so is the whole. */
	EXPECT_LIT(s, "\1\0\0\0\2\3\0\0\4",
		   "cut(12,9 outer{a=u32:1 word=u32:770 x=u8:3 "
		   "in=cut(4,1 inner{lo=cut(2,1 x(04))})})");
	EXPECT_LIT(s, "\1\0\0\0\2", "cut(12,5 outer{a=u32:1 word=cut(4,1 x(02))})");
	EXPECT_LIT(s, "", "cut(12,0 outer{})");
	EXPECT_LIT(named_un, "\1\2\3\4", "either{word=u32:67305985 half=u16:513}");
	EXPECT_LIT(empty, "", "{}");
	EXPECT_LIT(nameless, "\1\0\0\0", "nameless{=u32:1}");
	EXPECT_LIT(askew, "\1\0\0\0\0\0\0\0", "askew{m=!(member at bit 3 of a byte)}");
	EXPECT_LIT(liar, "\1\2", "liar{m=cut(4,2 x(01 02))}");
	types_destroy(types);
}

static void test_bitfields(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t s32 = btf_build_int(&b, "int", 4, BTF_INT_SIGNED);
	uint32_t u64 = btf_build_int(&b, "u64", 8, 0);
	uint32_t flag = btf_build_int(&b, "_Bool", 1, BTF_INT_BOOL);
	uint32_t sig = btf_build_enum(&b, "sig", 4, true);
	btf_build_enumerator(&b, "MINUS", -1);
	uint32_t ptr = btf_build_ptr(&b, 0);
	uint32_t i128 = btf_build_int(&b, "i128", 16, 0);
	uint32_t cint = btf_build_ref(&b, BTF_KIND_CONST, NULL, s32);
	uint32_t s = btf_build_struct(&b, "bits", 4);
	btf_build_bitfield(&b, "one", u32, 0, 1);
	btf_build_bitfield(&b, "neg", cint, 1, 4);
	btf_build_bitfield(&b, "flag", flag, 5, 1);
	btf_build_bitfield(&b, "en", sig, 6, 2);
	btf_build_bitfield(&b, "across", u32, 12, 12);
	btf_build_bitfield(&b, "plain", flag, 24, 0);
	uint32_t wide = btf_build_struct(&b, "wide", 24);
	btf_build_bitfield(&b, "all", u64, 4, 64);
	btf_build_bitfield(&b, "ptr", ptr, 68, 4);
	btf_build_bitfield(&b, "more", i128, 72, 65);
	uint32_t old_int = btf_build_raw(&b, "int", BTF_KIND_INT << 24, 4);
	btf_build_word(&b, BTF_INT_SIGNED << 24 | 2 << 16 | 3);
	uint32_t old = btf_build_struct(&b, "old", 4);
	btf_build_member(&b, "f", old_int, 8);
	btf_build_member(&b, "g", flag, 16);
	struct types *types = btf_build_types(&b);

	EXPECT_LIT(s, "\xfd\x50\xab\1",
		   "bits{one=u1:1 neg=i4:-2 flag=u1:1 en=i2:-1 across=u12:2741 plain=true}");
	EXPECT_LIT(s, "\xfd\x50",
		   "cut(4,2 bits{one=u1:1 neg=i4:-2 flag=u1:1 en=i2:-1 across=cut(2,1 x(50))})");
	EXPECT_LIT(wide, "\x10\x32\x54\x76\x98\xba\xdc\xfe\xf1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		   "wide{all=u64:2300718913637663521 ptr=u4:15 more=!(bitfield of 65 bits)}");
	EXPECT_LIT(old, "\0\x1c\1\0", "old{f=i3:-1 g=true}");
	types_destroy(types);
}

static void test_arrays(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u8 = btf_build_int(&b, "u8", 1, 0);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t three = btf_build_array(&b, u32, u32, 3);
	uint32_t row = btf_build_array(&b, u8, u32, 2);
	uint32_t mat = btf_build_array(&b, row, u32, 3);
	uint32_t flex = btf_build_array(&b, u32, u32, 0);
	uint32_t tail = btf_build_struct(&b, "tail", 4);
	btf_build_member(&b, "nr", u32, 0);
	btf_build_member(&b, "list", flex, 32);
	uint32_t voids = btf_build_array(&b, btf_build_ref(&b, BTF_KIND_CONST, NULL, 0), u32, 3);
	uint32_t empty = btf_build_struct(&b, "empty", 0);
	uint32_t empties = btf_build_array(&b, empty, u32, 2);
	uint32_t pair = btf_build_struct(&b, "pair", 6);
	btf_build_member(&b, "m", row, 0);
	btf_build_member(&b, "n", u32, 16);
	uint32_t pairs = btf_build_array(&b, pair, u32, 2);
	uint32_t many = btf_build_array(&b, u8, u32, 5000);
	uint32_t huge = btf_build_array(&b, btf_build_array(&b, u32, u32, 0xffffffff), u32, 2);
	uint32_t over = btf_build_array(&b, huge, u32, 0xffffffff);
	over = btf_build_array(&b, over, u32, 0xffffffff);
	struct types *types = btf_build_types(&b);

	EXPECT_LIT(three, "\1\0\0\0\2\0\0\0\3\0\0\0", "[3| u32:1 u32:2 u32:3]");
	EXPECT_LIT(three, "\1\0\0\0\2\0", "[3| u32:1 cut(4,2 x(02 00))]");
	EXPECT_LIT(three, "\1\0\0\0", "[3| u32:1 cut(4,0 x())]");
	EXPECT_LIT(three, "", "[3| cut(4,0 x())]");
	EXPECT_LIT(mat, "\1\2\3\4\5\6", "[3| [2| u8:1 u8:2] [2| u8:3 u8:4] [2| u8:5 u8:6]]");
	EXPECT_LIT(mat, "\1\2\3", "[3| [2| u8:1 u8:2] cut(2,1 [2| u8:3 cut(1,0 x())])]");
	EXPECT_LIT(flex, "", "[0|]");
	EXPECT_LIT(flex, "\1", "!(flexible array, length unknown)");
	EXPECT_LIT(tail, "\1\0\0\0", "tail{nr=u32:1 list=[0|]}");
	EXPECT_LIT(tail, "\1\0\0\0\2\0\0\0",
		   "tail{nr=u32:1 list=!(flexible array, length unknown)}");
	EXPECT_LIT(tail, "\1\0", "cut(4,2 tail{nr=cut(4,2 x(01 00))})");
	EXPECT_LIT(voids, "\1", "!(array of a type without size)");
	EXPECT_LIT(empties, "", "[2| empty{} empty{}]");
	EXPECT_LIT(pairs, "\1\2\3\0\0\0\7",
		   "[2| pair{m=[2| u8:1 u8:2] n=u32:3} cut(6,1 pair{m=cut(2,1 [2| u8:7 cut(1,0 "
		   "x())])})]");
	EXPECT_LIT(over, "\1", "!(array of a type without size)");
	EXPECT_LIT(huge, "", "[2| cut(17179869180,0 x())]");

	struct pool pool = { 0 };
	struct value *v = NULL;
	_cleanup_free_ uint8_t *bytes = calloc(1, 5000);
	bytes[4095] = 9;
	ASSERT_OK(value_render(types, many, bytes, 5000, NULL, &pool, &v));
	CU_ASSERT(v->kind == VALUE_ARRAY && v->arr.len == 5000 && v->arr.nr == 4096);
	CU_ASSERT_EQUAL(v->arr.elements[4095]->u, 9);
	pool_deinit(&pool);
	types_destroy(types);
}

static void test_datasecs(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u16 = btf_build_int(&b, "u16", 2, 0);
	uint32_t arr = btf_build_array(&b, u16, u16, 2);
	uint32_t first = btf_build_var(&b, "first", u16, 0);
	uint32_t second = btf_build_var(&b, "second", arr, 0);
	uint32_t far = btf_build_var(&b, "far", u16, 0);
	uint32_t func = btf_build_ref(&b, BTF_KIND_FUNC, "func", btf_build_func_proto(&b, 0));
	uint32_t sec = btf_build_datasec(&b, ".bss", 16);
	btf_build_secvar(&b, second, 4, 4);
	btf_build_secvar(&b, first, 0, 2);
	btf_build_secvar(&b, far, 8, 2);
	btf_build_secvar(&b, func, 12, 4);
	struct types *types = btf_build_types(&b);

	EXPECT_LIT(sec, "\1\0\0\0\2\0\3\0\4\0\0\0\0\0\0\0",
		   ".bss{second=[2| u16:2 u16:3] first=u16:1 far=u16:4 "
		   "func=!(function type: no value bytes to render)}");
	EXPECT_LIT(sec, "\1\0\0\0\2\0\3",
		   ".bss{second=cut(4,3 [2| u16:2 cut(2,1 x(03))]) first=u16:1 far=cut(2,0 x()) "
		   "func=!(function type: no value bytes to render)}");
	types_destroy(types);
}

static void test_none(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t proto = btf_build_func_proto(&b, 0);
	uint32_t func = btf_build_ref(&b, BTF_KIND_FUNC, "f", proto);
	uint32_t tag = btf_build_decl_tag(&b, "tag", func, -1);
	uint32_t cv = btf_build_ref(&b, BTF_KIND_CONST, NULL, 0);
	uint32_t lone = btf_build_fwd(&b, "lone", false);
	uint32_t either = btf_build_fwd(&b, "either", true);
	uint32_t known = btf_build_fwd(&b, "known", false);
	uint32_t u8 = btf_build_int(&b, "u8", 1, 0);
	btf_build_union(&b, "known", 2);
	btf_build_struct(&b, "known", 1);
	btf_build_member(&b, "x", u8, 0);
	uint32_t var = btf_build_var(&b, "v", cv, 0);
	uint32_t deep = u8;
	for (int i = 0; i < 33; i++)
		deep = btf_build_ref(&b, BTF_KIND_CONST, NULL, deep);
	struct types *types = btf_build_types(&b);

	EXPECT_LIT(0, "\1", "!(void type: no value bytes to render)");
	EXPECT_LIT(cv, "\1", "!(void type: no value bytes to render)");
	EXPECT_LIT(var, "\1", "!(void type: no value bytes to render)");
	EXPECT_LIT(proto, "\1", "!(function type: no value bytes to render)");
	EXPECT_LIT(func, "\1", "!(function type: no value bytes to render)");
	EXPECT_LIT(tag, "\1", "!(declaration tag: no value bytes to render)");
	EXPECT_LIT(lone, "\1", "!(forward declaration of struct lone)");
	EXPECT_LIT(either, "\1", "!(forward declaration of union either)");
	EXPECT_LIT(known, "\1", "known{x=u8:1}");
	EXPECT_LIT(deep, "\1", "!(too many modifiers, one upon another)");
	EXPECT_LIT(12345, "\1", "!(no type 12345)");
	types_destroy(types);
}

static void test_masks(void)
{
	static const char *const names[] = { "cpumask", "cpumask_t", "llc_cpumask" };
	struct value_env env = { .nr_cpus = 100 }, small = { .nr_cpus = 4 };
	struct btf_build b;
	uint32_t ids[3];

	btf_build_init(&b, NULL);
	uint32_t u64 = btf_build_int(&b, "u64", 8, 0);
	uint32_t words = btf_build_array(&b, u64, u64, 2);
	for (size_t i = 0; i < 3; i++) {
		ids[i] = btf_build_struct(&b, names[i], 16);
		btf_build_member(&b, "bits", words, 0);
	}
	uint32_t bpf = btf_build_struct(&b, "bpf_cpumask", 24);
	btf_build_member(&b, "cpumask", ids[0], 0);
	btf_build_member(&b, "usage", u64, 128);
	uint32_t bitmap = btf_build_struct(&b, "scx_bitmap", 24);
	btf_build_member(&b, "tid", u64, 0);
	btf_build_member(&b, "bits", words, 64);
	uint32_t tiny = btf_build_struct(&b, "cpumask", 4);
	uint32_t holder = btf_build_struct(&b, "holder", 24);
	btf_build_member(&b, "id", u64, 0);
	btf_build_member(&b, "mask", ids[0], 64);
	struct types *types = btf_build_types(&b);

	static const uint64_t mask[] = { 0x8000000000000d0f, 0xffffffffffffffff, 5 };
	for (size_t i = 0; i < 3; i++) {
		EXPECT_ENV(ids[i], mask, 16, &env, "cpus(0-3,8,10-11,63-99)");
		EXPECT_ENV(ids[i], mask, 16, &small, "cpus(0-3)");
	}
	EXPECT_ENV(ids[0], mask, 16, NULL, "cpus(0-3,8,10-11,63-127)");
	EXPECT_ENV(bpf, mask, 24, NULL, "cpus(0-3,8,10-11,63-127)");
	EXPECT_ENV(bitmap, mask, 24, &env, "cpus(0-64,66)");
	EXPECT_ENV(holder, mask, 24, &env,
		   "holder{id=u64:9223372036854779151 mask=cpus(0-64,66)}");

	/* No CPU at all; fewer bytes than CPUs; none of the words. */
	EXPECT_ENV(ids[0], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, &env, "cpus()");
	EXPECT_ENV(ids[0], mask, 8, &small, "cpus(0-3)");
	EXPECT_ENV(ids[0], mask, 8, &env, "cut(16,8 cpus(0-3,8,10-11,63))");
	EXPECT_ENV(ids[0], "\1\2\3", 3, &env,
		   "cut(16,3 cpumask{bits=cut(16,3 [2| cut(8,3 x(01 02 03))])})");
	EXPECT_ENV(tiny, "\1\2\3\4", 4, &env, "cpumask{}");

	/* What looks like a pointer ends the mask; ones up to the top are CPUs if there are so many. */
	static const uint64_t slab[] = { 3, 0xffff888003c60000 };
	static const uint64_t top[] = { 0xffff000000000000, 1 };
	EXPECT_ENV(ids[0], slab, 16, &env, "cpus(0-1)");
	EXPECT_ENV(ids[0], slab + 1, 8, &small, "cpus()");
	EXPECT_ENV(ids[0], top, 16, &env, "cpus(48-64)");
	EXPECT_ENV(ids[0], top, 16, &small, "cpus()");
	EXPECT_ENV(ids[0], top, 16, NULL, "cpus()");
	types_destroy(types);
}

/* ---- pointers: an arena of two pages, and a kernel of one mask */

static const uint64_t arena_at = 0x100000001000, kernel_at = 0xffff888003c60000;

struct memory {
	uint8_t arena[4096 + 512]; /* of two pages; what follows is not there */
	uint8_t kernel[64];
	size_t longest; /* read */
};

static bool mem_in_arena(void *ctx, uint64_t addr)
{
	(void)ctx;
	return addr >= arena_at && addr < arena_at + 8192;
}

static size_t mem_read_arena(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct memory *m = ctx;

	m->longest = MAX(m->longest, len);
	if (addr - arena_at >= sizeof(m->arena))
		return 0;
	len = MIN(len, sizeof(m->arena) - (size_t)(addr - arena_at));
	memcpy(buf, m->arena + (addr - arena_at), len);
	return len;
}

/* What is said of one address. */
static const char *mem_shown(void *ctx, uint64_t addr)
{
	(void)ctx;
	return addr == arena_at + 320 ? "elsewhere" : NULL;
}

static size_t mem_read_kernel(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct memory *m = ctx;

	if (addr != kernel_at)
		return 0;
	len = MIN(len, sizeof(m->kernel));
	memcpy(buf, m->kernel, len);
	return len;
}

struct world {
	struct memory mem;
	struct value_env env;
	struct types *types;
	uint32_t node_ptr, u32_ptr, void_ptr, func_ptr, big_ptr, arr_ptr, mask_ptr, task_ptr, lost_ptr,
		known_ptr, fwd_mask_ptr, empty_ptr;
};

static void world_init(struct world *w)
{
	struct btf_build b;

	memset(w, 0, sizeof(*w));
	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);	     /* 1 */
	uint32_t node = btf_build_struct(&b, "node", 16);	     /* 2 */
	btf_build_member(&b, "v", u32, 0);
	btf_build_member(&b, "next", 4, 64);
	uint32_t tag = btf_build_ref(&b, BTF_KIND_TYPE_TAG, "arena", node); /* 3 */
	w->node_ptr = btf_build_ptr(&b, tag);			     /* 4 */
	w->u32_ptr = btf_build_ptr(&b, u32);
	w->void_ptr = btf_build_ptr(&b, 0);
	w->func_ptr = btf_build_ptr(&b, btf_build_func_proto(&b, 0));
	uint32_t page = btf_build_array(&b, u32, u32, 2000);
	uint32_t big = btf_build_struct(&b, "big", 8000);
	btf_build_member(&b, "m", u32, 0);
	w->big_ptr = btf_build_ptr(&b, big);
	w->arr_ptr = btf_build_ptr(&b, page);
	uint32_t mask = btf_build_struct(&b, "bpf_cpumask", 1032);
	w->mask_ptr = btf_build_ptr(&b, mask);
	w->task_ptr = btf_build_ptr(&b, btf_build_struct(&b, "task_struct", 64));
	w->lost_ptr = btf_build_ptr(&b, btf_build_fwd(&b, "lost", false));
	w->known_ptr = btf_build_ptr(&b, btf_build_fwd(&b, "node", false));
	w->fwd_mask_ptr = btf_build_ptr(&b, btf_build_fwd(&b, "cpumask", false));
	w->empty_ptr = btf_build_ptr(&b, btf_build_struct(&b, "empty", 0));
	w->types = btf_build_types(&b);
	w->env = (struct value_env){ .nr_cpus = 70, .in_arena = mem_in_arena, .read_arena = mem_read_arena,
				     .skip_arena = mem_shown, .read_kernel = mem_read_kernel, .ctx = &w->mem };
}

static void put_node(struct world *w, size_t at, uint32_t v, uint64_t next)
{
	memcpy(w->mem.arena + at, &v, 4);
	memcpy(w->mem.arena + at + 8, &next, 8);
}

static void test_arena_pointers(void)
{
	struct world w;

	world_init(&w);
	const struct types *types = w.types;
	put_node(&w, 0, 1, arena_at + 64);
	put_node(&w, 64, 2, 0);
	put_node(&w, 128, 3, arena_at + 128);
	put_node(&w, 256, 4, arena_at + 512);
	put_node(&w, 512, 5, arena_at + 256);
	put_node(&w, 4088, 6, 0);
	put_node(&w, 320, 7, 0);
	memcpy(w.mem.arena + 4600, "\7", 1);

	EXPECT_ENV(w.node_ptr, &(uint64_t){ 0 }, 8, &w.env, "p0");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at }, 4, &w.env, "cut(8,4 x(00 10 00 00))");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at }, 8, NULL, "p0x100000001000");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at }, 8, &w.env,
		   "p0x100000001000->node{v=u32:1 next=p0x100000001040->node{v=u32:2 next=p0}}");
	EXPECT_ENV(w.known_ptr, &(uint64_t){ arena_at + 64 }, 8, &w.env,
		   "p0x100000001040->node{v=u32:2 next=p0}");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at + 128 }, 8, &w.env,
		   "p0x100000001080->node{v=u32:3 next=p0x100000001080!(cycle \xe2\x86\x92 "
		   "0x100000001080)}");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at + 256 }, 8, &w.env,
		   "p0x100000001100->node{v=u32:4 next=p0x100000001200->node{v=u32:5 "
		   "next=p0x100000001100!(cycle \xe2\x86\x92 0x100000001100)}}");

	/* Across the page's end; to where nothing is; shown elsewhere; nothing to follow. */
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at + 4088 }, 8, &w.env,
		   "p0x100000001ff8->node{v=u32:6 next=p0}");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at + 4600 }, 8, &w.env,
		   "p0x1000000021f8->cut(16,8 node{v=u32:7})");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at + 4608 }, 8, &w.env,
		   "p0x100000002200!(cannot read arena address 0x100000002200)");
	EXPECT_ENV(w.node_ptr, &(uint64_t){ arena_at + 320 }, 8, &w.env, "p0x100000001140!(elsewhere)");
	EXPECT_ENV(w.void_ptr, &(uint64_t){ arena_at }, 8, &w.env, "p0x100000001000");
	EXPECT_ENV(w.func_ptr, &(uint64_t){ arena_at }, 8, &w.env, "p0x100000001000");
	EXPECT_ENV(w.u32_ptr, &(uint64_t){ arena_at }, 8, &w.env, "p0x100000001000->u32:1");
	EXPECT_ENV(w.u32_ptr, &(uint64_t){ 0x1234 }, 8, &w.env, "p0x1234");
	EXPECT_ENV(w.empty_ptr, &(uint64_t){ arena_at }, 8, &w.env, "p0x100000001000->empty{}");
	EXPECT_ENV(w.lost_ptr, &(uint64_t){ arena_at }, 8, &w.env,
		   "p0x100000001000!(only a forward declaration of struct lost)");

	/* What is larger than a page. */
	EXPECT_ENV(w.big_ptr, &(uint64_t){ arena_at }, 8, &w.env,
		   "p0x100000001000->cut(8000,4096 big{m=u32:1})");
	struct pool pool = { 0 };
	struct value *v = NULL;
	ASSERT_OK(value_render(w.types, w.arr_ptr, &(uint64_t){ arena_at }, 8, &w.env, &pool, &v));
	CU_ASSERT(v->ptr.deref->kind == VALUE_TRUNCATED && v->ptr.deref->trunc.had == 4096);
	CU_ASSERT(v->ptr.deref->trunc.partial->arr.nr == 1025);
	CU_ASSERT(v->ptr.deref->trunc.partial->arr.elements[1024]->kind == VALUE_TRUNCATED);
	CU_ASSERT_EQUAL(w.mem.longest, 4096);
	pool_deinit(&pool);
	types_destroy(w.types);
}

static void test_kernel_pointers(void)
{
	struct world w;

	world_init(&w);
	const struct types *types = w.types;
	uint64_t at = kernel_at;

	w.mem.kernel[0] = 0x0f;
	w.mem.kernel[8] = 0xff; /* 70 CPUs: six of these bits are beyond them */
	EXPECT_ENV(w.mask_ptr, &at, 8, &w.env, "p0xffff888003c60000->cpus(0-3,64-69)");
	EXPECT_ENV(w.fwd_mask_ptr, &at, 8, &w.env, "p0xffff888003c60000->cpus(0-3,64-69)");
	EXPECT_ENV(w.task_ptr, &at, 8, &w.env, "p0xffff888003c60000");
	EXPECT_ENV(w.mask_ptr, &(uint64_t){ 0x1000 }, 8, &w.env, "p0x1000");
	EXPECT_ENV(w.mask_ptr, &(uint64_t){ at + 8 }, 8, &w.env,
		   "p0xffff888003c60008!(cannot read 0xffff888003c60008)");
	w.env.nr_cpus = 0;
	w.mem.kernel[8] = 0;
	EXPECT_ENV(w.mask_ptr, &at, 8, &w.env, "p0xffff888003c60000->cpus(0-3)");
	memcpy(w.mem.kernel, &at, 8);
	EXPECT_ENV(w.mask_ptr, &at, 8, &w.env,
		   "p0xffff888003c60000!(no CPU mask at 0xffff888003c60000: it begins with "
		   "0xffff888003c60000)");
	types_destroy(w.types);
}

static void test_has_pointers(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t plain = btf_build_struct(&b, "plain", 8);
	btf_build_member(&b, "a", u32, 0);
	uint32_t voidp = btf_build_ptr(&b, 0);
	uint32_t funcp = btf_build_ptr(&b, btf_build_func_proto(&b, 0));
	uint32_t ptr = btf_build_ptr(&b, plain);
	uint32_t blind = btf_build_struct(&b, "blind", 16);
	btf_build_member(&b, "v", voidp, 0);
	btf_build_member(&b, "f", funcp, 64);
	uint32_t with = btf_build_struct(&b, "with", 24);
	btf_build_member(&b, "b", blind, 0);
	btf_build_member(&b, "p", ptr, 128);
	uint32_t arr = btf_build_array(&b, with, u32, 2);
	uint32_t fwd = btf_build_fwd(&b, "with", false);
	uint32_t var = btf_build_var(&b, "v", fwd, 0);
	uint32_t sec = btf_build_datasec(&b, ".bss", 24);
	btf_build_secvar(&b, var, 0, 24);
	/* Each leads to the next, by name only. */
	uint32_t chain = b.next_id;
	for (int i = 0; i < 3000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%d", i + 1);
		uint32_t next = btf_build_fwd(&b, name, false);
		snprintf(name, sizeof(name), "c%d", i);
		btf_build_struct(&b, name, 4);
		btf_build_member(&b, "m", next, 0);
	}
	struct types *types = btf_build_types(&b);

	CU_ASSERT(!value_has_pointers(types, 0));
	CU_ASSERT(!value_has_pointers(types, u32));
	CU_ASSERT(!value_has_pointers(types, plain));
	CU_ASSERT(!value_has_pointers(types, voidp));
	CU_ASSERT(!value_has_pointers(types, blind));
	CU_ASSERT(value_has_pointers(types, ptr));
	CU_ASSERT(value_has_pointers(types, with));
	CU_ASSERT(value_has_pointers(types, arr));
	CU_ASSERT(value_has_pointers(types, fwd));
	CU_ASSERT(value_has_pointers(types, sec));
	CU_ASSERT(value_has_pointers(types, chain));
	CU_ASSERT(!value_has_pointers(types, 99999));
	types_destroy(types);
}

/* ---- bounds */

static struct value *render_deep(const struct types *types, uint32_t id, const void *data, size_t len,
				 struct pool *pool)
{
	struct value *v = NULL;

	ASSERT_OK(value_render(types, id, data, len, NULL, pool, &v));
	return v;
}

static void test_depth(void)
{
	struct btf_build b;

	/* Structs within structs; the innermost 40 down. */
	btf_build_init(&b, NULL);
	uint32_t id = btf_build_int(&b, "u32", 4, 0);
	for (int i = 0; i < 40; i++) {
		uint32_t outer = btf_build_struct(&b, NULL, 4);

		btf_build_member(&b, "m", id, 0);
		id = outer;
	}
	struct types *types = btf_build_types(&b);
	struct pool pool = { 0 };
	const struct value *v = render_deep(types, id, "\1\2\3\4", 4, &pool);
	CU_ASSERT_EQUAL(value_levels(v), 32 * 3 + 1);
	for (int i = 0; i < 32; i++)
		v = v->st.members[0].value;
	CU_ASSERT(v->kind == VALUE_UNSUPPORTED);
	CU_ASSERT_STRING_EQUAL(v->reason, "nested deeper than 32 levels");

	/* Each cut takes one level of JSON more. */
	v = render_deep(types, id, "\1\2", 2, &pool);
	CU_ASSERT(value_levels(v) <= 114);
	pool_deinit(&pool);
	types_destroy(types);

	/* Unnamed ones cost no level, but they are not free either. */
	btf_build_init(&b, NULL);
	id = btf_build_int(&b, "u32", 4, 0);
	for (int i = 0; i < 120; i++) {
		uint32_t outer = btf_build_struct(&b, NULL, 4);

		btf_build_member(&b, i ? NULL : "m", id, 0);
		id = outer;
	}
	types = btf_build_types(&b);
	EXPECT_LIT(id, "\1\2\3\4", "{m=u32:67305985}");
	types_destroy(types);
}

static void test_forward_loop(void)
{
	struct btf_build b;

	/* A contains B contains A, by way of names: no validator sees it. */
	btf_build_init(&b, NULL);
	uint32_t fwd_a = btf_build_fwd(&b, "A", false), fwd_b = btf_build_fwd(&b, "B", false);
	uint32_t a = btf_build_struct(&b, "A", 4);
	btf_build_member(&b, "b", fwd_b, 0);
	btf_build_member(&b, "b2", fwd_b, 0);
	btf_build_struct(&b, "B", 4);
	btf_build_member(&b, "a", fwd_a, 0);
	btf_build_member(&b, "a2", fwd_a, 0);
	struct types *types = btf_build_types(&b);
	struct pool pool = { 0 };
	const struct value *v = render_deep(types, a, "\1\2\3\4", 4, &pool);
	CU_ASSERT(value_levels(v) < 120);
	CU_ASSERT(value_count(v) <= (1 << 20) + 256);
	CU_ASSERT(!value_has_pointers(types, a));
	pool_deinit(&pool);
	types_destroy(types);
}

/* A few types and bytes that ask for billions of values. */
static void test_budget(void)
{
	struct btf_build b;
	struct pool pool = { 0 };

	/* 4096^3 empty structs. */
	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	uint32_t id = btf_build_struct(&b, "empty", 0);
	for (int i = 0; i < 3; i++)
		id = btf_build_array(&b, id, u32, 4096);
	struct types *types = btf_build_types(&b);
	const struct value *v = render_deep(types, id, NULL, 0, &pool);
	CU_ASSERT(value_count(v) <= (1 << 20) + 256);
	const struct value *last = v->arr.elements[v->arr.nr - 1];
	while (last->kind == VALUE_ARRAY)
		last = last->arr.elements[last->arr.nr - 1];
	CU_ASSERT(last->kind == VALUE_UNSUPPORTED);
	CU_ASSERT(pool.total < 256 << 20);
	pool_deinit(&pool);
	types_destroy(types);

	/* A union of unions: 2^30 arms over four bytes. */
	btf_build_init(&b, NULL);
	id = btf_build_int(&b, "u32", 4, 0);
	for (int i = 0; i < 30; i++) {
		uint32_t outer = btf_build_union(&b, "u", 4);

		btf_build_member(&b, "a", id, 0);
		btf_build_member(&b, "b", id, 0);
		id = outer;
	}
	types = btf_build_types(&b);
	v = render_deep(types, id, "\1\2\3\4", 4, &pool);
	CU_ASSERT(value_count(v) <= (1 << 20) + 256);
	pool_deinit(&pool);
	types_destroy(types);

	/* The same unnamed: one struct of 2^30 members. */
	btf_build_init(&b, NULL);
	id = btf_build_int(&b, "u32", 4, 0);
	for (int i = 0; i < 30; i++) {
		uint32_t outer = btf_build_union(&b, NULL, 4);

		btf_build_member(&b, i ? NULL : "a", id, 0);
		btf_build_member(&b, i ? NULL : "b", id, 0);
		id = outer;
	}
	types = btf_build_types(&b);
	v = render_deep(types, id, "\1\2\3\4", 4, &pool);
	CU_ASSERT(value_count(v) <= (1 << 20) + 256);
	pool_deinit(&pool);
	types_destroy(types);

	/* Four thousand arms of a megabyte each. */
	btf_build_init(&b, NULL);
	id = btf_build_raw(&b, "blob", BTF_KIND_INT << 24, 1 << 20);
	btf_build_word(&b, 128);
	uint32_t un = btf_build_union(&b, "u", 1 << 20);
	for (int i = 0; i < 4000; i++)
		btf_build_member(&b, "m", id, 0);
	types = btf_build_types(&b);
	_cleanup_free_ void *mega = calloc(1, 1 << 20);
	v = render_deep(types, un, mega, 1 << 20, &pool);
	CU_ASSERT(v->kind == VALUE_STRUCT);
	CU_ASSERT(pool.total < 64 << 20);
	pool_deinit(&pool);
	types_destroy(types);
}

static void test_bytes(void)
{
	struct pool pool = { 0 };
	struct value *v = NULL;

	ASSERT_OK(value_bytes("ab", 3, true, &pool, &v));
	CU_ASSERT(v->kind == VALUE_BYTES && v->bytes.text && v->bytes.len == 3);
	CU_ASSERT(!memcmp(v->bytes.data, "ab", 3));
	ASSERT_OK(value_bytes(NULL, 0, false, &pool, &v));
	CU_ASSERT(!v->bytes.text && !v->bytes.len);
	pool_deinit(&pool);
}

UNIT_MAIN("value", { "ints", test_ints }, { "floats", test_floats }, { "enums", test_enums },
	  { "structs and unions", test_structs }, { "bitfields", test_bitfields },
	  { "arrays", test_arrays }, { "data sections", test_datasecs },
	  { "types without values", test_none }, { "CPU masks", test_masks },
	  { "arena pointers", test_arena_pointers }, { "kernel pointers", test_kernel_pointers },
	  { "whether there are pointers", test_has_pointers }, { "depth", test_depth },
	  { "loops by forward declarations", test_forward_loop }, { "budget", test_budget },
	  { "untyped bytes", test_bytes })
