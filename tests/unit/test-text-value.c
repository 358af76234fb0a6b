/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "report/text-value.h"
#include "report/value-facts.h"
#include "values.h"

static void value_is(const struct value *v, size_t width, bool verbose, const char *want,
		     unsigned int line)
{
	struct strbuf sb = { 0 };
	struct text_style style = { .width = width, .verbose = verbose };
	char what[2048];

	text_value(&sb, v, 0, &style);
	snprintf(what, sizeof(what), "wanted\n%s\ngot\n%s", want, strbuf_str(&sb));
	CU_assertImplementation(!strcmp(strbuf_str(&sb), want), line, what, __FILE__, "", CU_FALSE);
	CU_ASSERT_FALSE(sb.nomem);
	strbuf_deinit(&sb);
	values_free();
}
#define TEXT(v, want) value_is(v, 0, false, want, __LINE__)
#define NARROW(v, width, want) value_is(v, width, false, want, __LINE__)

#define ARROW "\xe2\x86\x92"

static void test_scalars(void)
{
	TEXT(v_int(32, -7), "-7");
	TEXT(v_uint(64, UINT64_MAX), "18446744073709551615");
	TEXT(v_bool(true), "true");
	TEXT(v_bool(false), "false");
	TEXT(v_char('A'), "'A'");
	TEXT(v_char(7), "0x07");
	TEXT(v_char(0xff), "0xff");
	TEXT(v_float(64, 2), "2");
	TEXT(v_float(64, 0.1), "0.1");
	TEXT(v_float(32, (double)0.1f), "0.1");
	TEXT(v_float(64, 1e22), "10000000000000000000000");
	TEXT(v_enum(32, 3, "THREE", false), "THREE (3)");
	TEXT(v_enum(32, 9, NULL, false), "9");
	TEXT(v_enum(8, -3, "NEG", true), "NEG (-3)");
	TEXT(v_enum(64, -1, NULL, false), "18446744073709551615");
	TEXT(v_cpus("0-3,6"), "cpus={0-3,6}");
	TEXT(v_bytes("\0\1\xfe", 3, false), "00 01 fe");
	TEXT(v_bytes("a\n\x1b", 3, true), "a\\x0a\\x1b");
	TEXT(v_unsupported("no \x1b such"), "<unsupported: no \\x1b such>");
	TEXT(v_truncated(16, 4, v_bytes("\1\0", 2, false)), "<truncated needed=16 had=4> 01 00");
	TEXT(v_truncated(16, 0, v_bytes("", 0, false)), "<truncated needed=16 had=0>");
}

static void test_long_bytes(void)
{
	uint8_t data[300] = { 0 };
	struct strbuf sb = { 0 };
	struct text_style style = { .verbose = true };

	text_value(&sb, v_bytes(data, sizeof(data), false), 0, &style);
	CU_ASSERT_EQUAL(sb.len, 899);
	strbuf_reset(&sb);
	style.verbose = false;
	text_value(&sb, v_bytes(data, sizeof(data), false), 0, &style);
	CU_ASSERT_PTR_NOT_NULL(strstr(sb.s, "00 00 \xe2\x80\xa6 44 more bytes (-v shows all)"));
	strbuf_deinit(&sb);
	values_free();
}

static void test_pointers(void)
{
	TEXT(v_ptr(0, NULL, NULL, NULL), "0x0");
	TEXT(v_ptr(0xffff888003c60000, NULL, NULL, NULL), "0xffff888003c60000");
	TEXT(v_ptr(0x1000, NULL, "cycle " ARROW " 0x1000", NULL), "0x1000 [cycle]");
	TEXT(v_ptr(0x1000, NULL, "page not mapped", "sdt_alloc"),
	     "0x1000 (sdt_alloc) [chase: page not mapped]");
	TEXT(v_ptr(0x1000, v_struct("t", "a", v_int(32, 1), NULL), NULL, NULL),
	     "0x1000 " ARROW " t{a=1}");
}

static void test_zero_suppression(void)
{
	TEXT(v_struct("t", "i", v_int(32, 0), "u", v_uint(32, 0), "b", v_bool(false), "c", v_char(0),
		      "f", v_float(64, 0), "p", v_ptr(0, NULL, NULL, NULL), "e",
		      v_enum(32, 0, "ZERO", false), "m", v_cpus(""), "s",
		      v_struct("in", "a", v_int(32, 0), NULL), "a", v_array(v_int(8, 0), NULL), NULL),
	     "t{}");
	/* Of what is cut off an array nobody knows that it is zero, nor that it is the same. */
	struct value *cut = v_array(v_int(8, 0), v_int(8, 0), NULL), *same = v_array(v_int(8, 0), v_int(8, 0), NULL);
	CU_ASSERT_TRUE(value_equal(cut, same));
	cut->arr.len = same->arr.len = 5000;
	CU_ASSERT_FALSE(value_equal(cut, same));
	TEXT(v_struct("t", "a", cut, NULL), "t:\n  a [all 2 zero] /* 2 of 5000 shown */");
	/* These never count as zero. */
	TEXT(v_struct("t", "b", v_bytes("\0", 1, false), "u", v_unsupported("x"), NULL),
	     "t{b=00, u=<unsupported: x>}");
	/* Format strings of .rodata are left out, elsewhere they are not. */
	TEXT(v_struct(".rodata", "f.___fmt", v_chars("hi %d", 5), "n", v_int(32, 1), NULL),
	     ".rodata{n=1}");
	TEXT(v_struct(".data", "f.___fmt", v_chars("hi %d", 5), NULL), ".data:\n  f.___fmt \"hi %d\"");
	TEXT(v_struct(".rodata", "f.___fmt", v_int(32, 1), NULL), ".rodata{f.___fmt=1}");

	/* Sixteen levels down; what is nested deeper is shown. */
	struct value *v = v_int(32, 0);
	for (int i = 0; i < 16; i++)
		v = v_struct("s", "m", v, NULL);
	TEXT(v_struct("t", "v", v, NULL), "t{}");
	v = v_int(32, 0);
	for (int i = 0; i < 17; i++)
		v = v_struct("s", "m", v, NULL);
	TEXT(v_struct("t", "v", v, NULL), "t{v=s{}}");
}

static void test_inline(void)
{
	TEXT(v_struct("Type", "a", v_int(32, 1), "b", v_uint(32, 2), NULL), "Type{a=1, b=2}");
	TEXT(v_struct(NULL, "a", v_int(32, 1), NULL), "{a=1}");
	TEXT(v_struct("T", "", v_int(32, 1), "n\x1b", v_int(32, 2), NULL), "T{<anon>=1, n\\x1b=2}");
	TEXT(v_struct("T", "in", v_struct("I", "x", v_int(32, 1), NULL), NULL), "T{in=I{x=1}}");

	/* 120 columns are one line, 121 are not. */
	char name[118];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1 - 2] = 0; /* 115 + "T{" "=1" "}" */
	TEXT(v_struct("T", name, v_int(32, 1), NULL),
	     "T{nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	     "nnnnnnnnnnnnnnnnnnnnnnn=1}");
	TEXT(v_struct("T", name, v_int(32, 12), NULL),
	     "T:\n  nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	     "nnnnnnnnnnnnnnnnnnnnnnnn=12");
}

static void test_long_form(void)
{
	/* A list forces it; scalars first, three to a row, then compounds. */
	TEXT(v_struct("Type", "list", v_array(v_int(32, 1), v_int(32, 2), v_int(32, 3), NULL), "name",
		      v_int(32, 1), "b", v_int(32, 200), "c", v_int(32, 3), "other", v_int(32, 4), "e",
		      v_int(32, 5), "child", v_struct("Inner", "x", v_int(32, 1), NULL), NULL),
	     "Type:\n"
	     "  name=1    b=200   c=3\n"
	     "  other=4   e=5\n"
	     "  list [1, 2, 3]\n"
	     "  child Inner{x=1}");
	TEXT(v_struct("T", "m", v_cpus("0-1"), NULL), "T:\n  m cpus={0-1}");
	TEXT(v_struct("T", "p", v_ptr(16, v_int(32, 1), NULL, NULL), NULL), "T:\n  p 0x10 " ARROW " 1");
	/* Depth. */
	TEXT(v_struct("A", "b", v_struct("B", "c", v_struct("C", "m", v_cpus("1"), NULL), NULL), NULL),
	     "A:\n  b B:\n    c C:\n      m cpus={1}");
	TEXT(v_struct(NULL, "b", v_struct(NULL, "m", v_cpus("1"), NULL), NULL),
	     "struct:\n  b struct:\n    m cpus={1}");
	/* A pointer's target stands at the pointer's depth. */
	TEXT(v_struct("A", "p", v_ptr(16, v_struct("C", "m", v_cpus("1"), NULL), NULL, NULL), NULL),
	     "A:\n  p 0x10 " ARROW " C:\n    m cpus={1}");
}

static void test_aligned_columns(void)
{
	/* Three rows, and names that differ by four or more in the first column only. */
	TEXT(v_struct("T", "a", v_int(32, 1), "b", v_int(32, 2), "c", v_int(32, 3), "longer",
		      v_int(32, 4), "bb", v_int(32, 50), "cc", v_int(32, 6), "aa", v_int(32, 7), "b",
		      v_int(32, 8), "m", v_cpus("1"), NULL),
	     "T:\n"
	     "  a      = 1   b=2     c=3\n"
	     "  longer = 4   bb=50   cc=6\n"
	     "  aa     = 7   b=8\n"
	     "  m cpus={1}");
	/* Two rows: not aligned. */
	TEXT(v_struct("T", "a", v_int(32, 1), "b", v_int(32, 2), "c", v_int(32, 3), "longer",
		      v_int(32, 4), "m", v_cpus("1"), NULL),
	     "T:\n"
	     "  a=1        b=2   c=3\n"
	     "  longer=4\n"
	     "  m cpus={1}");
}

static void test_width(void)
{
	struct value *v = v_struct("T", "alpha", v_int(32, 1000000), "beta", v_int(32, 2000000), "gamma",
				   v_int(32, 3000000), NULL);

	/* Fewer columns where three do not fit; one at least. */
	NARROW(v, 40,
	       "T:\n  alpha=1000000   beta=2000000\n  gamma=3000000");
	NARROW(v_struct("T", "alpha", v_int(32, 1000000), "beta", v_int(32, 2000000), "gamma",
			v_int(32, 3000000), NULL),
	       10, "T:\n  alpha=1000000\n  beta=2000000\n  gamma=3000000");
	/* Columns of a terminal, not bytes. */
	TEXT(v_struct("T", "\xc3\xa9\xc3\xa9", v_int(32, 1), "b", v_int(32, 2), "c", v_int(32, 3), "dd",
		      v_int(32, 4), "e", v_int(32, 5), "m", v_cpus("1"), NULL),
	     "T:\n  \xc3\xa9\xc3\xa9=1   b=2   c=3\n  dd=4   e=5\n  m cpus={1}");
}

static void test_anonymous(void)
{
	/* Flattened. */
	TEXT(v_struct("T", "a", v_int(32, 1), "", v_struct(NULL, "x", v_int(32, 2), NULL), NULL),
	     "T{a=1, x=2}");
	/* An arm that only repeats what named siblings show, also one level inside, is dropped. */
	TEXT(v_struct("T", "a", v_int(32, 1), "s", v_struct("S", "b", v_int(32, 2), NULL), "",
		      v_struct(NULL, "x", v_int(32, 1), "y", v_int(32, 2), "z", v_int(32, 0), NULL), NULL),
	     "T{a=1, s=S{b=2}}");
	TEXT(v_struct("T", "a", v_int(32, 1), "",
		      v_struct(NULL, "x", v_int(32, 1), "y", v_int(32, 3), NULL), NULL),
	     "T{a=1, x=1, y=3}");
}

static void test_char_arrays(void)
{
	TEXT(v_chars("init\0\0\0\0", 8), "\"init\"");
	TEXT(v_chars("say \"hi\"\\", 9), "\"say \\\"hi\\\"\\\\\"");
	TEXT(v_struct("T", "t", v_chars("two\nlines\n\0\0", 12), NULL), "T:\n  t |\n    two\n    lines");
	/* Not text: too short, not printable at the start or anywhere. */
	TEXT(v_chars("a", 1), "['a']");
	TEXT(v_chars("\0ab", 3), "[[1..2]={'a', 'b'}]");
	TEXT(v_chars("a\x1b" "b", 3), "['a', 0x1b, 'b']");
	/* Stale bytes behind the NUL are not shown but must be text. */
	TEXT(v_chars("ab\0cd", 5), "\"ab\"");
	TEXT(v_array(v_uint(8, 'o'), v_uint(8, 'k'), v_uint(8, 0), NULL), "\"ok\"");
}

static void test_scalar_arrays(void)
{
	TEXT(v_new(VALUE_ARRAY), "[]");
	TEXT(v_array(v_int(32, 1), v_int(32, 2), NULL), "[1, 2]");
	struct value *v = v_array(v_int(32, 1), v_int(32, 2), NULL);
	v->arr.len = 9000;
	TEXT(v, "[1, 2] /* 2 of 9000 shown */");
	TEXT(v_array(v_int(32, 0), v_int(32, 0), v_int(32, 0), NULL), "[all 3 zero]");
	TEXT(v_array(v_int(16, 0), v_int(16, 5), v_int(16, 6), v_int(16, 0), v_int(16, -1), NULL),
	     "[[1..2]={5, 6}  [4]=-1]");
	TEXT(v_array(v_int(16, 1), v_int(16, 0), NULL), "[[0]=1]");
	/* Unsigned ones of 32 bits and more are addresses or masks more often than counts. */
	TEXT(v_array(v_uint(32, 255), v_uint(32, 16), NULL), "[0xff, 0x10]");
	TEXT(v_array(v_uint(16, 255), v_uint(16, 16), NULL), "[255, 16]");
}

static void test_wrapping(void)
{
	struct value *v = v_array(v_int(32, 1111111), v_int(32, 2222222), v_int(32, 3333333),
				  v_int(32, 4444444), v_int(32, 5555555), NULL);

	NARROW(v, 30, "[1111111, 2222222, 3333333,\n  4444444, 5555555]");
	v = v_array(v_int(32, 1111111), v_int(32, 0), v_int(32, 3333333), v_int(32, 0),
		    v_int(32, 5555555), NULL);
	NARROW(v, 30, "[[0]=1111111  [2]=3333333\n  [4]=5555555]");
}

static void test_compound_arrays(void)
{
	struct value *a = v_struct("S", "x", v_int(32, 1), NULL);
	struct value *b = v_struct("S", "x", v_int(32, 0), NULL);
	struct value *c = v_struct("O", "y", v_int(32, 2), NULL);

	/* Zero elements left out, equal neighbours once. */
	TEXT(v_array(a, b, c, c, c, NULL), "[\n  [0] S{x=1}\n  [2-4] O{y=2}\n]");
	b = v_struct("S", "x", v_int(32, 0), NULL);
	TEXT(v_array(b, b, NULL), "[all 2 zero]");
	/* Rows of a matrix. */
	TEXT(v_array(v_array(v_int(32, 1), v_int(32, 2), NULL), v_array(v_int(32, 3), v_int(32, 4), NULL),
		     NULL),
	     "[\n  [0] [1, 2]\n  [1] [3, 4]\n]");
}

static struct value *cell(int id, int load, int weight)
{
	return v_struct("cell", "id", v_int(32, id), "load", v_int(32, load), "w", v_int(32, weight),
			"v", v_int(32, 7), "z", v_int(32, 0), NULL);
}

static void test_merged_structs(void)
{
	TEXT(v_array(cell(1, 10, 5), cell(2, 10, 5), cell(3, 0, 5), NULL),
	     "[\n"
	     "  [0-2] cell:\n"
	     "    w=5   v=7\n"
	     "    id: [0]=1 [1]=2 [2]=3\n"
	     "    load: [0]=10 [1]=10 [2]=0\n"
	     "]");
	/* Two are not enough. */
	TEXT(v_array(cell(1, 10, 5), cell(2, 10, 5), NULL),
	     "[\n  [0] cell{id=1, load=10, w=5, v=7}\n  [1] cell{id=2, load=10, w=5, v=7}\n]");
	/* Four varying members are too many: the fourth element ends the run. */
	struct value *odd = v_struct("cell", "id", v_int(32, 4), "load", v_int(32, 1), "w", v_int(32, 1),
				     "v", v_int(32, 1), "z", v_int(32, 0), NULL);
	TEXT(v_array(cell(1, 10, 5), cell(2, 10, 5), cell(3, 0, 5), odd, NULL),
	     "[\n"
	     "  [0-2] cell:\n"
	     "    w=5   v=7\n"
	     "    id: [0]=1 [1]=2 [2]=3\n"
	     "    load: [0]=10 [1]=10 [2]=0\n"
	     "  [3] cell{id=4, load=1, w=1, v=1}\n"
	     "]");
}

/* value_follow(): what --var does with the part of a path that leads through pointers. */
static void test_paths(void)
{
	struct value *leaf = v_uint(64, 42), *inner = v_struct("inner", "leaf", leaf, NULL);
	struct value *list = v_array(v_int(32, 1), v_int(32, 2), NULL);
	struct value *root = v_struct("root", "here", v_ptr(0x1000, inner, NULL, NULL), "null", v_ptr(0, NULL, NULL, NULL),
				      "far", v_ptr(0xffff888000001000, NULL, "not mapped", NULL), "list",
				      v_ptr(0x2000, list, NULL, NULL), "cut", v_truncated(16, 8, inner), "n", leaf, NULL);
	const struct value *got;
	static const char *const ways[] = { "here.leaf", ".here->leaf", "here[0].leaf", "cut.leaf", "n" };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		got = NULL;
		ASSERT_OK(value_follow(root, ways[i], &got));
		CU_ASSERT_PTR_EQUAL(got, leaf);
	}
	ASSERT_OK(value_follow(root, "", &got));
	CU_ASSERT_PTR_EQUAL(got, root);
	ASSERT_OK(value_follow(root, "list[1]", &got));
	CU_ASSERT_EQUAL(got->i, 2);
	ASSERT_ERR(value_follow(root, "list[2]", &got), ERR_NOT_FOUND, "no element [2]: there are 2");
	ASSERT_ERR(value_follow(root, "here[1]", &got), ERR_NOT_FOUND, "only [0]");
	ASSERT_ERR(value_follow(root, "null->x", &got), ERR_NOT_FOUND, "null pointer");
	ASSERT_ERR(value_follow(root, "far->x", &got), ERR_NOT_FOUND, "0xffff888000001000 that could not be followed: not mapped");
	ASSERT_ERR(value_follow(root, "here.leav", &got), ERR_NOT_FOUND, "struct inner has no member leav (near: leaf)");
	ASSERT_ERR(value_follow(root, "n.x", &got), ERR_NOT_FOUND, "what is no struct");
	ASSERT_ERR(value_follow(root, "here[x]", &got), ERR_USAGE, "bad index");
	ASSERT_ERR(value_follow(root, "here..leaf", &got), ERR_USAGE, "neither .member nor [index]");
	ASSERT_ERR(value_follow(root, "here-leaf", &got), ERR_USAGE, "neither .member nor [index]");
	values_free();
}

UNIT_MAIN("text-value", { "paths", test_paths }, { "scalars", test_scalars }, { "long bytes", test_long_bytes },
	  { "pointers", test_pointers }, { "zeros are left out", test_zero_suppression },
	  { "structs on one line", test_inline }, { "structs on several lines", test_long_form },
	  { "aligned columns", test_aligned_columns }, { "widths", test_width },
	  { "unnamed members", test_anonymous }, { "char arrays", test_char_arrays },
	  { "arrays of scalars", test_scalar_arrays }, { "lists wrap", test_wrapping },
	  { "arrays of structs", test_compound_arrays }, { "similar structs are merged", test_merged_structs })
