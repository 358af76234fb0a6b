/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "btf-build.h"
#include "btf/validate.h"

/* Finishes, validates, and drops the result. */
static struct err *check_on(struct btf_build *b, const struct types *base)
{
	size_t len, out_len;
	_cleanup_free_ void *blob = btf_build_finish(b, &len), *out = NULL;

	return btf_validate(blob, len, base, &out, &out_len);
}

static struct err *check(struct btf_build *b)
{
	return check_on(b, NULL);
}

/* An int (1) to refer to. */
static void begin(struct btf_build *b)
{
	btf_build_init(b, NULL);
	btf_build_int(b, "int", 4, BTF_INT_SIGNED);
}

#define BAD(part) ASSERT_ERR(check(&b), ERR_CORRUPT, part)

static void test_header(void)
{
	struct btf_build b;
	size_t len, out_len;
	void *out = NULL;

	begin(&b);
	_cleanup_free_ uint8_t *good = btf_build_finish(&b, &len);
	ASSERT_OK(btf_validate(good, len, NULL, &out, &out_len));
	CU_ASSERT_EQUAL(out_len, len);
	CU_ASSERT(!memcmp(out, good, len));
	free(out);
	out = NULL;

	/* No prefix of a good blob is good, and none is read beyond its end. */
	for (size_t n = 0; n < len; n++) {
		_cleanup_free_ void *cut = malloc(n ? n : 1);

		memcpy(cut, good, n);
		ASSERT_ERR(btf_validate(cut, n, NULL, &out, &out_len), ERR_CORRUPT, "BTF: ");
	}
	CU_ASSERT_PTR_NULL(out);

	static const struct {
		size_t at;
		uint32_t word;
		const char *says;
	} faults[] = {
		{ 0, 0x01009feb, "magic" },    { 0, 0x0002eb9f, "version" },
		{ 4, 23, "header length" },    { 4, 0xffffffff, "header length" },
		{ 8, 0xfffffff0, "types of" }, { 8, 2, "types" },
		{ 12, 0xfffffff0, "types of" }, { 12, 14, "" },
		{ 16, 0xfffffff0, "strings" }, { 16, 4, "overlap" },
		{ 20, 0xfffffff0, "strings" }, { 20, 0, "no strings" },
		{ 20, 3, "NUL" },	       { 16, 18, "begin" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_free_ uint8_t *bad = malloc(len);

		memcpy(bad, good, len);
		memcpy(bad + faults[i].at, &faults[i].word, 4);
		if (faults[i].at == 16 && faults[i].word == 18)
			bad[20] = 3; /* the strings then begin within a name and end with its NUL */
		ASSERT_ERR(btf_validate(bad, len, NULL, &out, &out_len), ERR_CORRUPT,
			   faults[i].says);
	}
}

static void test_gaps(void)
{
	struct btf_build b;
	size_t len, out_len;
	void *out = NULL;

	begin(&b);
	_cleanup_free_ uint8_t *good = btf_build_finish(&b, &len);
	_cleanup_free_ uint8_t *wide = calloc(1, len + 24);
	size_t types_len = get_le32(good + 12), strs_len = get_le32(good + 20);

	/* A header we do not know, a gap before the strings, bytes behind the end. */
	memcpy(wide, good, 24);
	wide[4] = 28;
	wide[16] = (uint8_t)(types_len + 8);
	memcpy(wide + 28, good + 24, types_len);
	memcpy(wide + 28 + types_len + 8, good + 24 + types_len, strs_len);
	ASSERT_OK(btf_validate(wide, len + 24, NULL, &out, &out_len));
	CU_ASSERT_EQUAL(out_len, len);
	CU_ASSERT(!memcmp(out, good, len));
	free(out);
}

/* The wider header of 7.1 with a layout section for kinds up to `nr` - 1. */
static void *with_layout(void *blob, size_t *len, unsigned int nr, uint8_t info, uint8_t elem)
{
	static const uint8_t known[NR_BTF_KINDS][2] = {
		{ 0, 0 }, { 4, 0 },  { 0, 0 }, { 12, 0 }, { 0, 12 }, { 0, 12 }, { 0, 8 },
		{ 0, 0 }, { 0, 0 },  { 0, 0 }, { 0, 0 },  { 0, 0 },  { 0, 0 },	{ 0, 8 },
		{ 4, 0 }, { 0, 12 }, { 0, 0 }, { 4, 0 },  { 0, 0 },  { 0, 12 },
	};
	size_t body = *len - 24;
	uint8_t *wide = calloc(1, *len + 8 + nr * 4);

	memcpy(wide, blob, 24);
	wide[4] = 32;
	memcpy(wide + 24, &(uint32_t){ (uint32_t)body }, 4);
	memcpy(wide + 28, &(uint32_t){ nr * 4 }, 4);
	memcpy(wide + 32, (uint8_t *)blob + 24, body);
	for (unsigned int i = 0; i < nr; i++) {
		uint8_t *l = wide + 32 + body + (size_t)i * 4;

		l[0] = i < NR_BTF_KINDS ? known[i][0] : info;
		l[1] = i < NR_BTF_KINDS ? known[i][1] : elem;
	}
	*len += 8 + (size_t)nr * 4;
	free(blob);
	return wide;
}

static void test_layout_section(void)
{
	struct btf_build b;
	size_t len;

	/* Kind 25: 4 bytes and 8 for each of two. */
	begin(&b);
	uint32_t odd = btf_build_raw(&b, "novelty", 25u << 24 | 2, 7);
	for (int i = 0; i < 5; i++)
		btf_build_word(&b, 0xffffffff);
	uint32_t ptr = btf_build_ptr(&b, odd);
	_cleanup_free_ uint8_t *blob = btf_build_finish(&b, &len);

	struct types *types = NULL;
	ASSERT_ERR(types_create(blob, len, NULL, &types), ERR_CORRUPT, "unknown kind 25");
	blob = with_layout(blob, &len, 26, 4, 8);
	ASSERT_OK(types_create(blob, len, NULL, &types));
	CU_ASSERT_EQUAL(types_count(types), 4);
	CU_ASSERT_STRING_EQUAL(types_name(types, odd), "novelty");
	CU_ASSERT_EQUAL(types_get(types, odd)->info, BTF_KIND_FWD << 24);
	CU_ASSERT_EQUAL(types_get(types, ptr)->info, BTF_KIND_PTR << 24);
	types_destroy(types);

	/* The section ends before kind 25; its sizes are odd; it denies what we know. */
	blob[28] = 25 * 4;
	ASSERT_ERR(types_create(blob, len, NULL, &types), ERR_CORRUPT, "unknown kind 25");
	blob[28] = 26 * 4;
	blob[len - 4] = 3;
	ASSERT_ERR(types_create(blob, len, NULL, &types), ERR_CORRUPT, "odd size");
	blob[len - 4] = 4;
	blob[len - 26 * 4 + BTF_KIND_INT * 4] = 8;
	ASSERT_ERR(types_create(blob, len, NULL, &types), ERR_CORRUPT, "layout of kind int");
	blob[24] = 0xff;
	ASSERT_ERR(types_create(blob, len, NULL, &types), ERR_CORRUPT, "layout of");
}

/* 24 bits count members since 7.1; libbpf is shown 16. */
static void test_many_members(void)
{
	struct btf_build b;
	uint32_t n = 70000;

	begin(&b);
	btf_build_raw(&b, "many", BTF_KIND_ENUM << 24 | n, 4);
	uint32_t name = btf_build_str(&b, "E");
	for (uint32_t i = 0; i < n; i++) {
		btf_build_word(&b, name);
		btf_build_word(&b, i);
	}
	uint32_t after = btf_build_typedef(&b, "after", 1);
	struct types *types = btf_build_types(&b);
	CU_ASSERT_EQUAL(types_get(types, 2)->info, BTF_KIND_ENUM << 24 | 0xffff);
	CU_ASSERT_STRING_EQUAL(types_name(types, after), "after");
	types_destroy(types);
}

static void test_records(void)
{
	struct btf_build b;

	begin(&b);
	btf_build_raw(&b, "x", 0, 0);
	BAD("type 2: unknown kind 0");
	begin(&b);
	btf_build_raw(&b, "x", 20u << 24, 0);
	BAD("type 2: unknown kind 20");
	begin(&b);
	btf_build_raw(&b, "x", 0x7f000000, 0);
	BAD("unknown kind 127");
	begin(&b);
	btf_build_word(&b, 0);
	BAD("type 2: cut after 4 bytes");
	begin(&b);
	btf_build_raw(&b, "x", BTF_KIND_INT << 24, 4);
	BAD("16 bytes where 12 are left");
	begin(&b);
	btf_build_raw(&b, "x", BTF_KIND_STRUCT << 24 | 0xffffff, 4);
	BAD("bytes where 12 are left");
	begin(&b);
	btf_build_struct(&b, "x", 4);
	*(uint32_t *)(b.types + b.last) = 0x1000;
	BAD("type 2 (struct): name at 0x1000");
	begin(&b);
	btf_build_struct(&b, "x", 4);
	btf_build_member(&b, "m", 1, 0);
	*(uint32_t *)(b.types + b.last + 12) = 0xffffffff;
	BAD("type 2 (struct): name at 0xffffffff");
	begin(&b);
	btf_build_enum(&b, "x", 4, false);
	btf_build_enumerator(&b, "m", 1);
	*(uint32_t *)(b.types + b.last + 12) = 0xffffff;
	BAD("name at");
	begin(&b);
	btf_build_func_proto(&b, 0);
	btf_build_param(&b, "m", 1);
	*(uint32_t *)(b.types + b.last + 12) = 0xffffff;
	BAD("name at");
}

static void test_sizes(void)
{
	struct btf_build b;

	static const uint32_t enum_sizes[] = { 0, 3, 16, 0x80000000 };
	for (size_t i = 0; i < ARRAY_SIZE(enum_sizes); i++) {
		begin(&b);
		btf_build_enum(&b, "e", enum_sizes[i], false);
		BAD("type 2 (enum): size is");
		begin(&b);
		btf_build_enum64(&b, "e", enum_sizes[i], false);
		BAD("type 2 (enum64): size is");
	}
	begin(&b);
	btf_build_float(&b, "f", 5);
	BAD("type 2 (float): size is 5");

	static const struct {
		uint32_t size, desc;
	} ints[] = { { 4, 33 }, { 4, 16 << 16 | 17 }, { 32, 129 }, { 16, 255 << 16 | 1 }, { 0, 1 } };
	for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
		begin(&b);
		btf_build_raw(&b, "i", BTF_KIND_INT << 24, ints[i].size);
		btf_build_word(&b, ints[i].desc);
		BAD("do not fit");
	}

	begin(&b);
	btf_build_struct(&b, "s", 4);
	btf_build_member(&b, "m", 1, 33);
	BAD("member 0 lies at bit 33 of 4 bytes");
	begin(&b);
	uint32_t var = btf_build_var(&b, "v", 1, 0);
	btf_build_datasec(&b, ".data", 4);
	btf_build_secvar(&b, var, 0xfffffffe, 4);
	BAD("variable 0 takes 4 bytes at 4294967294 of 4");
}

static void test_names(void)
{
	struct btf_build b;
	char name[1025];

	memset(name, 'x', sizeof(name));
	name[1024] = 0;
	begin(&b);
	btf_build_struct(&b, name, 4);
	BAD("name is longer than 1023 bytes");
	begin(&b);
	btf_build_struct(&b, name + 1, 4);
	ASSERT_OK(check(&b));

	/* Long strings that name nothing are source lines of a program. */
	begin(&b);
	btf_build_str(&b, name);
	ASSERT_OK(check(&b));
}

static void test_refs(void)
{
	struct btf_build b;

	begin(&b);
	btf_build_ptr(&b, 3);
	BAD("type 2 (pointer): refers to type 3 of 3");
	begin(&b);
	btf_build_ptr(&b, 0xffffffff);
	BAD("refers to type 4294967295");
	begin(&b);
	btf_build_func_proto(&b, 0);
	btf_build_ref(&b, BTF_KIND_FUNC, "f", 2);
	btf_build_ptr(&b, 3);
	BAD("type 4 (pointer): refers to type 3, which is a function");
	begin(&b);
	btf_build_array(&b, 0, 1, 1);
	BAD("refers to type 0, which is a void");
	begin(&b);
	btf_build_array(&b, 1, 0, 1);
	BAD("refers to type 0, which is a void");
	begin(&b);
	btf_build_struct(&b, "s", 4);
	btf_build_member(&b, "m", 0, 0);
	BAD("type 2 (struct): refers to type 0");
	begin(&b);
	btf_build_ref(&b, BTF_KIND_FUNC, "f", 1);
	BAD("type 2 (function): refers to type 1, which is a int");
	begin(&b);
	btf_build_datasec(&b, ".data", 4);
	btf_build_secvar(&b, 1, 0, 4);
	BAD("type 2 (section): refers to type 1");
	begin(&b);
	btf_build_func_proto(&b, 0);
	btf_build_param(&b, "p", 77);
	BAD("type 2 (prototype): refers to type 77");

	/* Every kind where it may stand. */
	begin(&b);
	btf_build_ptr(&b, 0);
	btf_build_ref(&b, BTF_KIND_CONST, NULL, 0);
	uint32_t proto = btf_build_func_proto(&b, 0);
	btf_build_param(&b, "a", 1);
	btf_build_param(&b, NULL, 0);
	btf_build_ptr(&b, proto);
	uint32_t func = btf_build_ref(&b, BTF_KIND_FUNC, "f", proto);
	btf_build_decl_tag(&b, "tag", func, -1);
	btf_build_decl_tag(&b, "tag", func, 1);
	uint32_t var = btf_build_var(&b, "v", 1, 1);
	btf_build_datasec(&b, ".ksyms", 8);
	btf_build_secvar(&b, var, 0, 4);
	btf_build_secvar(&b, func, 4, 4);
	uint32_t fwd = btf_build_fwd(&b, "later", false);
	btf_build_struct(&b, "s", 4);
	btf_build_member(&b, "m", fwd, 32);
	ASSERT_OK(check(&b));
}

static void test_decl_tags(void)
{
	static const int32_t bad[] = { -2, 1, 0x7fffffff };
	struct btf_build b;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(&b);
		uint32_t s = btf_build_struct(&b, "s", 4);
		btf_build_member(&b, "m", 1, 0);
		btf_build_decl_tag(&b, "tag", s, bad[i]);
		BAD("is about component");
	}
	begin(&b);
	btf_build_decl_tag(&b, "tag", 1, 0);
	BAD("is about component 0 of type 1");
	begin(&b);
	btf_build_decl_tag(&b, "tag", 2, -1);
	BAD("refers to type 2");
	/* The function that it is about comes later and refers to nothing. */
	begin(&b);
	btf_build_decl_tag(&b, "tag", 3, 0);
	btf_build_ref(&b, BTF_KIND_FUNC, "f", 99);
	BAD("is about component");
}

static void test_loops(void)
{
	struct btf_build b;

	begin(&b);
	btf_build_typedef(&b, "a", 2);
	BAD("type 2 (typedef): contains itself");
	begin(&b);
	btf_build_typedef(&b, "a", 3);
	btf_build_ref(&b, BTF_KIND_CONST, NULL, 4);
	btf_build_ref(&b, BTF_KIND_TYPE_TAG, "t", 2);
	BAD("contains itself");
	begin(&b);
	btf_build_array(&b, 3, 1, 2);
	btf_build_array(&b, 2, 1, 2);
	BAD("contains itself");
	begin(&b);
	btf_build_struct(&b, "s", 4);
	btf_build_member(&b, "m", 3, 0);
	btf_build_array(&b, 4, 1, 0);
	btf_build_typedef(&b, "s_t", 2);
	BAD("contains itself");

	/* A pointer to oneself is how lists are made. */
	begin(&b);
	btf_build_struct(&b, "s", 8);
	btf_build_member(&b, "next", 3, 0);
	btf_build_ptr(&b, 2);
	btf_build_ptr(&b, 4);
	ASSERT_OK(check(&b));
}

static void test_nesting(void)
{
	/* 1 is the int: n - 1 of nr types upon it. */
	for (int nr = 128; nr <= 129; nr++) {
		for (int backwards = 0; backwards < 2; backwards++) {
			struct btf_build b;

			if (backwards) {
				btf_build_init(&b, NULL);
				for (int i = 1; i < nr; i++)
					btf_build_array(&b, (uint32_t)i + 1, (uint32_t)nr, 1);
				btf_build_int(&b, "int", 4, 0);
			} else {
				begin(&b);
				for (int i = 1; i < nr; i++)
					btf_build_array(&b, (uint32_t)i, 1, 1);
			}
			if (nr == 128)
				ASSERT_OK(check(&b));
			else
				BAD("nested more than 128 deep");
		}
	}

	/* A chain as long as a blob allows must not cost a stack as long. */
	struct btf_build b;
	btf_build_init(&b, NULL);
	for (uint32_t i = 1; i < 100000; i++)
		btf_build_raw(&b, NULL, BTF_KIND_CONST << 24, i + 1);
	btf_build_int(&b, "int", 4, 0);
	BAD("nested more than 128 deep");
}

static void test_split(void)
{
	struct btf_build b;

	begin(&b);
	btf_build_typedef(&b, "base_t", 1);
	struct types *base = btf_build_types(&b);

	btf_build_init(&b, base);
	uint32_t s = btf_build_struct(&b, "own", 8);
	btf_build_member(&b, "m", 2, 0);
	CU_ASSERT_EQUAL(s, 3);
	ASSERT_OK(check_on(&b, base));

	/* What stands on its base falls without it. */
	btf_build_init(&b, base);
	btf_build_struct(&b, "own", 8);
	btf_build_member(&b, "m", 2, 0);
	ASSERT_ERR(check_on(&b, NULL), ERR_CORRUPT, "name at");

	btf_build_init(&b, base);
	btf_build_typedef(&b, "a", 4);
	btf_build_typedef(&b, "b", 3);
	ASSERT_ERR(check_on(&b, base), ERR_CORRUPT, "contains itself");
	btf_build_init(&b, base);
	btf_build_ptr(&b, 5);
	ASSERT_ERR(check_on(&b, base), ERR_CORRUPT, "refers to type 5 of 4");
	btf_build_init(&b, base);
	btf_build_struct(&b, "own", 8);
	*(uint32_t *)(b.types + b.last) = types_str_len(base) + 5;
	ASSERT_ERR(check_on(&b, base), ERR_CORRUPT, "name at");

	/* No strings of its own; none of them empty. */
	btf_build_init(&b, base);
	btf_build_ptr(&b, 2);
	b.strs_len = 0;
	struct types *split = btf_build_types(&b);
	CU_ASSERT_STRING_EQUAL(types_name(split, 3), "");
	CU_ASSERT_STRING_EQUAL(types_name(split, 2), "base_t");
	types_destroy(split);
	types_destroy(base);
}

UNIT_MAIN("validate", { "header", test_header }, { "wide header and gaps", test_gaps },
	  { "layout section", test_layout_section }, { "many members", test_many_members },
	  { "records", test_records }, { "sizes", test_sizes }, { "names", test_names },
	  { "references", test_refs }, { "decl tags", test_decl_tags }, { "loops", test_loops },
	  { "nesting", test_nesting }, { "split", test_split })
