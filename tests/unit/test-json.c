/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/json-value.h"
#include "report/json.h"
#include "values.h"

static struct json j;
static char *text;
static size_t text_len;

static void begin(bool pretty)
{
	FILE *f = open_memstream(&text, &text_len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	json_init(&j, f, pretty);
	j.check_keys = true;
}

/* Ends the document and compares it; the final newline is implied. */
static void expect_line(const char *want, unsigned int line)
{
	struct err *e = json_finish(&j);
	char what[512];

	fclose(j.out);
	if (e) {
		unit_ok(e, "json_finish", __FILE__, line);
	} else {
		if (text_len)
			text[text_len - 1] = 0;
		snprintf(what, sizeof(what), "wanted %s got %s", want, text);
		CU_assertImplementation(!strcmp(text, want), line, what, __FILE__, "", CU_FALSE);
	}
	free(text);
	text = NULL;
}
#define EXPECT(want) expect_line(want, __LINE__)

static void expect_fails(enum err_code code, const char *part, unsigned int line)
{
	struct err *e = json_finish(&j);

	fclose(j.out);
	free(text);
	text = NULL;
	unit_err(e, code, part, "json_finish", __FILE__, line);
}
#define EXPECT_FAILS(code, part) expect_fails(code, part, __LINE__)

static void test_shape(void)
{
	begin(false);
	json_open_object(&j);
	json_key_u64(&j, "a", 1);
	json_key(&j, "b");
	json_open_array(&j);
	json_bool(&j, true);
	json_null(&j);
	json_open_object(&j);
	json_close_object(&j);
	json_open_array(&j);
	json_close_array(&j);
	json_close_array(&j);
	json_close_object(&j);
	EXPECT("{\"a\":1,\"b\":[true,null,{},[]]}");

	begin(true);
	json_open_object(&j);
	json_key_u64(&j, "a", 1);
	json_key(&j, "b");
	json_open_array(&j);
	json_bool(&j, false);
	json_open_object(&j);
	json_close_object(&j);
	json_close_array(&j);
	json_key(&j, "c");
	json_open_flat_array(&j);
	json_u64(&j, 1);
	json_u64(&j, 2);
	json_close_array(&j);
	json_close_object(&j);
	EXPECT("{\n  \"a\": 1,\n  \"b\": [\n    false,\n    {}\n  ],\n  \"c\": [1,2]\n}");
}

static void test_numbers(void)
{
	begin(false);
	json_open_array(&j);
	json_u64(&j, UINT64_MAX);
	json_u64(&j, 0);
	json_i64(&j, INT64_MIN);
	json_i64(&j, INT64_MAX);
	json_i64(&j, -1);
	json_close_array(&j);
	EXPECT("[18446744073709551615,0,-9223372036854775808,9223372036854775807,-1]");
}

static void test_doubles(void)
{
	begin(false);
	json_open_array(&j);
	json_double(&j, 2.5);
	json_double(&j, 0.1);
	json_double(&j, 2);
	json_double(&j, -0.0);
	json_double(&j, 1e300);
	json_double(&j, (double)0.1f);
	json_double(&j, 1.0 / 3);
	json_close_array(&j);
	EXPECT("[2.5,0.1,2.0,-0.0,1e+300,0.10000000149011612,0.3333333333333333]");

	static const double hard[] = { DBL_MAX,	      DBL_MIN,		    5e-324,
				       2.2250738585072011e-308, 9007199254740993.0, 123456789.123456789,
				       -1.7976931348623157e308 };
	for (size_t i = 0; i < ARRAY_SIZE(hard); i++) {
		begin(false);
		json_double(&j, hard[i]);
		CU_ASSERT_PTR_NULL(json_finish(&j));
		fclose(j.out);
		CU_ASSERT_EQUAL(strtod(text, NULL), hard[i]);
		free(text);
	}

	begin(false);
	json_double(&j, INFINITY);
	EXPECT_FAILS(ERR_CORRUPT, "finite");
	begin(false);
	json_double(&j, NAN);
	EXPECT_FAILS(ERR_CORRUPT, "finite");
}

static void string_is(const char *in, size_t n, const char *want, unsigned int line)
{
	begin(false);
	json_string_n(&j, in, n);
	expect_line(want, line);
}
#define STRING_IS(in, want) string_is(in, sizeof(in) - 1, want, __LINE__)
#define BAD "\xef\xbf\xbd"

static void test_utf8(void)
{
	STRING_IS("plain", "\"plain\"");
	STRING_IS("h\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x90\xa7", "\"h\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x90\xa7\"");

	/* Lone continuations and bytes that never occur. */
	STRING_IS("\x80", "\"" BAD "\"");
	STRING_IS("a\xbf" "b", "\"a" BAD "b\"");
	STRING_IS("\xfe\xff", "\"" BAD BAD "\"");
	STRING_IS("\xc0\xc1\xf5", "\"" BAD BAD BAD "\"");
	/* Overlong forms of '/': each byte on its own. */
	STRING_IS("\xc0\xaf", "\"" BAD BAD "\"");
	STRING_IS("\xe0\x80\xaf", "\"" BAD BAD BAD "\"");
	STRING_IS("\xf0\x80\x80\xaf", "\"" BAD BAD BAD BAD "\"");
	/* Surrogates, past the end of Unicode. */
	STRING_IS("\xed\xa0\x80", "\"" BAD BAD BAD "\"");
	STRING_IS("\xed\xbf\xbf", "\"" BAD BAD BAD "\"");
	STRING_IS("\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"");
	/* Cut sequences are one U+FFFD: the longest start of a well-formed one. */
	STRING_IS("\xe2\x86", "\"" BAD "\"");
	STRING_IS("\xf0\x9f\x90", "\"" BAD "\"");
	STRING_IS("\xe2\x86" "A", "\"" BAD "A\"");
	STRING_IS("\xf1\x80\x80\xe1\x80\xc2" "b", "\"" BAD BAD BAD "b\"");
	/* The limits of each length. */
	STRING_IS("\xc2\xa0\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
		  "\"\xc2\xa0\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
}

static void test_controls(void)
{
	STRING_IS("\"\\/", "\"\\\"\\\\/\"");
	STRING_IS("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
	STRING_IS("a\0b\x1b\x7f", "\"a\\u0000b\\u001b\\u007f\"");
	/* C1, line separator, bidi override, a tag character. */
	STRING_IS("\xc2\x9b", "\"\\u009b\"");
	STRING_IS("\xe2\x80\xa8\xe2\x80\xae", "\"\\u2028\\u202e\"");
	STRING_IS("\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"");
}

static void test_every_byte_pair(void)
{
	/* Whatever two bytes come in, what comes out decodes. */
	for (unsigned int a = 0; a < 256; a++) {
		char in[512];
		for (unsigned int b = 0; b < 256; b++) {
			in[2 * b] = (char)a;
			in[2 * b + 1] = (char)b;
		}
		begin(false);
		json_string_n(&j, in, sizeof(in));
		CU_ASSERT_PTR_NULL(json_finish(&j));
		fclose(j.out);
		for (size_t i = 0; i < text_len;) {
			uint8_t c = (uint8_t)text[i];
			size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

			CU_ASSERT(c != 0x7f && (c >= 0x20 || (c == '\n' && i + 1 == text_len)));
			CU_ASSERT(c < 0x80 || c >= 0xc2);
			for (size_t k = 1; k < n; k++)
				CU_ASSERT_EQUAL(text[i + k] & 0xc0, 0x80);
			i += n;
		}
		free(text);
	}
}

static void test_misuse(void)
{
	begin(false);
	json_open_object(&j);
	json_key_u64(&j, "a", 1);
	json_open_object(&j);
	json_close_object(&j);
	json_close_object(&j);
	EXPECT_FAILS(ERR_CORRUPT, "without a key");

	begin(false);
	json_open_object(&j);
	json_close_array(&j);
	EXPECT_FAILS(ERR_CORRUPT, "wrong bracket");

	begin(false);
	json_open_object(&j);
	EXPECT_FAILS(ERR_CORRUPT, "not complete");

	begin(false);
	json_open_object(&j);
	json_key_u64(&j, "a", 1);
	json_key(&j, "b");
	json_open_object(&j);
	json_key_u64(&j, "a", 1); /* another object's */
	json_close_object(&j);
	json_key_u64(&j, "a", 2);
	json_close_object(&j);
	EXPECT_FAILS(ERR_CORRUPT, "\"a\" twice");

	begin(false);
	for (int i = 0; i <= JSON_MAX_DEPTH; i++)
		json_open_array(&j);
	EXPECT_FAILS(ERR_LIMIT, "levels");
}

static void test_full_disk(void)
{
	FILE *f = fopen("/dev/full", "w");
	uint8_t zeros[4096] = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	/* Seen only when stdio's own buffer is flushed at the end. */
	json_init(&j, f, false);
	json_u64(&j, 1);
	ASSERT_ERR(json_finish(&j), ERR_SYS, "No space left");
	fclose(f);

	/* Seen on the way. */
	f = fopen("/dev/full", "w");
	json_init(&j, f, false);
	json_open_array(&j);
	for (int i = 0; i < 100; i++)
		json_byte_array(&j, zeros, sizeof(zeros));
	CU_ASSERT_TRUE(json_failed(&j));
	json_close_array(&j);
	ASSERT_ERR(json_finish(&j), ERR_SYS, "No space left");
	fclose(f);
}

static void test_bulk(void)
{
	static const uint8_t some[] = { 0, 9, 10, 99, 100, 255 };

	begin(false);
	json_open_array(&j);
	json_hex(&j, some, 0);
	json_hex(&j, some, 1);
	json_hex(&j, some, sizeof(some));
	json_byte_array(&j, some, 0);
	json_byte_array(&j, some, sizeof(some));
	json_close_array(&j);
	EXPECT("[\"\",\"00\",\"00 09 0a 63 64 ff\",[],[0,9,10,99,100,255]]");

	/* Larger than the writer's buffer. */
	size_t n = 300000;
	uint8_t *big = malloc(n);
	memset(big, 200, n);
	begin(false);
	json_byte_array(&j, big, n);
	ASSERT_OK(json_finish(&j));
	fclose(j.out);
	CU_ASSERT_EQUAL(text_len, 4 * n + 2);
	CU_ASSERT_STRING_EQUAL(text + text_len - 6, ",200]\n");
	free(text);
	begin(false);
	json_string_n(&j, (const char *)big, n);
	ASSERT_OK(json_finish(&j));
	fclose(j.out);
	CU_ASSERT_EQUAL(text_len, 3 * n + 3);
	free(text);
	free(big);
}

static void value_is(const struct value *v, const char *want, unsigned int line)
{
	begin(false);
	json_value(&j, v);
	expect_line(want, line);
}
#define VALUE_IS(v, want) value_is(v, want, __LINE__)

static void test_values(void)
{
	/* The examples of the format. */
	VALUE_IS(v_int(32, -7), "{\"kind\":\"int\",\"bits\":32,\"value\":-7}");
	VALUE_IS(v_uint(64, UINT64_MAX),
		 "{\"kind\":\"uint\",\"bits\":64,\"value\":18446744073709551615}");
	VALUE_IS(v_bool(true), "{\"kind\":\"bool\",\"value\":true}");
	VALUE_IS(v_char(65), "{\"kind\":\"char\",\"value\":65}");
	VALUE_IS(v_float(64, 2.5), "{\"kind\":\"float\",\"bits\":64,\"value\":2.5}");
	VALUE_IS(v_enum(32, 1026, "SCX_EXIT_ERROR_STALL", false),
		 "{\"kind\":\"enum\",\"bits\":32,\"value\":1026,\"variant\":\"SCX_EXIT_ERROR_STALL\","
		 "\"is_signed\":false}");
	VALUE_IS(v_enum(64, INT64_MIN, NULL, false),
		 "{\"kind\":\"enum\",\"bits\":64,\"value\":-9223372036854775808,\"variant\":null,"
		 "\"is_signed\":false}");
	VALUE_IS(v_struct("cell_stat", "nr", v_uint(32, 3), NULL),
		 "{\"kind\":\"struct\",\"type_name\":\"cell_stat\",\"members\":[{\"name\":\"nr\","
		 "\"value\":{\"kind\":\"uint\",\"bits\":32,\"value\":3}}]}");
	VALUE_IS(v_struct(NULL, NULL), "{\"kind\":\"struct\",\"type_name\":null,\"members\":[]}");
	struct value *a = v_array(v_uint(8, 1), v_uint(8, 0), NULL);
	a->arr.len = 9;
	VALUE_IS(a, "{\"kind\":\"array\",\"len\":9,\"elements\":[{\"kind\":\"uint\",\"bits\":8,"
		    "\"value\":1},{\"kind\":\"uint\",\"bits\":8,\"value\":0}]}");
	VALUE_IS(v_cpus("0-3,6"), "{\"kind\":\"cpu_list\",\"cpus\":\"0-3,6\"}");
	VALUE_IS(v_ptr(0, NULL, NULL, NULL), "{\"kind\":\"ptr\",\"value\":0}");
	VALUE_IS(v_ptr(17592186048512, v_struct("task_ctx", NULL), NULL, "cast\xe2\x86\x92" "arena"),
		 "{\"kind\":\"ptr\",\"value\":17592186048512,\"deref\":{\"kind\":\"struct\","
		 "\"type_name\":\"task_ctx\",\"members\":[]},"
		 "\"cast_annotation\":\"cast\xe2\x86\x92" "arena\"}");
	VALUE_IS(v_ptr(0xffff888003c60000, NULL, "cycle \xe2\x86\x92 0xffff888003c60000", NULL),
		 "{\"kind\":\"ptr\",\"value\":18446612682133340160,"
		 "\"deref_skipped_reason\":\"cycle \xe2\x86\x92 0xffff888003c60000\"}");
	VALUE_IS(v_bytes("\0\1\xfe", 3, false), "{\"kind\":\"bytes\",\"hex\":\"00 01 fe\"}");
	VALUE_IS(v_bytes("a\"\n\xfe", 4, true),
		 "{\"kind\":\"bytes\",\"hex\":\"a\\\"\\\\x0a\\\\xfe\"}");
	VALUE_IS(v_truncated(16, 4, v_bytes("\1\0\0\0", 4, false)),
		 "{\"kind\":\"truncated\",\"needed\":16,\"had\":4,\"partial\":{\"kind\":\"bytes\","
		 "\"hex\":\"01 00 00 00\"}}");
	VALUE_IS(v_unsupported("why"), "{\"kind\":\"unsupported\",\"reason\":\"why\"}");
	/* Never a number that no reader takes. */
	VALUE_IS(v_float(64, INFINITY), "{\"kind\":\"bytes\",\"hex\":\"00 00 00 00 00 00 f0 7f\"}");
	VALUE_IS(v_float(32, -INFINITY), "{\"kind\":\"bytes\",\"hex\":\"00 00 80 ff\"}");
}

static void test_deep_values(void)
{
	struct value *v = v_int(32, 1);

	/* Far deeper than any reader takes: cut, and still a document. */
	for (int i = 0; i < 100; i++)
		v = v_struct("s", "m", v_truncated(8, 4, v), NULL);
	begin(false);
	json_value(&j, v);
	ASSERT_OK(json_finish(&j));
	fclose(j.out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "nested too deeply"));
	free(text);
	values_free();
}

UNIT_MAIN("json", { "objects, arrays, white space", test_shape }, { "integers are exact", test_numbers },
	  { "doubles read back", test_doubles }, { "invalid UTF-8", test_utf8 },
	  { "control characters", test_controls }, { "every pair of bytes", test_every_byte_pair },
	  { "misuse is an error", test_misuse }, { "a full disk is an error", test_full_disk },
	  { "bytes in bulk", test_bulk }, { "the thirteen kinds", test_values },
	  { "depth is bounded", test_deep_values })
