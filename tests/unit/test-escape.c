/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "report/escape.h"
#include "report/number.h"
#include "report/utf8.h"

static void check(const char *in, size_t n, bool quoted, const char *want, unsigned int line)
{
	struct strbuf sb = { 0 };
	char what[256];

	if (quoted)
		escape_append_quoted(&sb, in, n);
	else
		escape_append(&sb, in, n);
	snprintf(what, sizeof(what), "wanted %s got %s", want, strbuf_str(&sb));
	CU_assertImplementation(!strcmp(strbuf_str(&sb), want), line, what, __FILE__, "", CU_FALSE);
	strbuf_deinit(&sb);
}
#define ESCAPED(in, want) check(in, sizeof(in) - 1, false, want, __LINE__)
#define QUOTED(in, want) check(in, sizeof(in) - 1, true, want, __LINE__)

static void test_plain(void)
{
	ESCAPED("", "");
	ESCAPED("kworker/0:1-events", "kworker/0:1-events");
	ESCAPED("caf\xc3\xa9 \xe2\x86\x92 \xe6\xbc\xa2", "caf\xc3\xa9 \xe2\x86\x92 \xe6\xbc\xa2");
	ESCAPED("say \"hi\"", "say \"hi\"");
	QUOTED("say \"hi\"", "say \\\"hi\\\"");
	ESCAPED("a\\b", "a\\\\b");
}

static void test_controls(void)
{
	ESCAPED("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07");
	ESCAPED("a\nb\tc\rd", "a\\nb\\tc\\rd");
	ESCAPED("\x7f\x00\x01", "\\x7f\\x00\\x01");
	/* C1 as a character and as a raw byte. */
	ESCAPED("\xc2\x9b" "31m", "\\u009b31m");
	ESCAPED("\x9b" "31m", "\\x9b31m");
}

static void test_bidi(void)
{
	ESCAPED("a\xe2\x80\xae" "b\xe2\x81\xa6", "a\\u202eb\\u2066");
	ESCAPED("\xe2\x80\xa8\xe2\x80\xa9\xd8\x9c", "\\u2028\\u2029\\u061c");
	ESCAPED("\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x80\x81", "\\u200b\\ufeff\\U000e0001");
}

static void test_invalid(void)
{
	ESCAPED("\xc3(", "\\xc3(");
	ESCAPED("\xe2\x86", "\\xe2\\x86");
	ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80");
	ESCAPED("\xf0\x9f\x90", "\\xf0\\x9f\\x90");
}

static void test_stream(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	escape_puts("a\x1b\xff\xe2\x80\xae", f);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(text, "a\\x1b\\xff\\u202e");
	free(text);
}

static void test_width(void)
{
	CU_ASSERT_EQUAL(utf8_width("abc", 3), 3);
	CU_ASSERT_EQUAL(utf8_width("\xe2\x86\x92", 3), 1);
	CU_ASSERT_EQUAL(utf8_width("\xe6\xbc\xa2\xf0\x9f\x98\x80", 7), 4);
	CU_ASSERT_EQUAL(utf8_width("e\xcc\x81", 3), 1);
	/* What fits is whole characters, with all that combines with the last. */
	CU_ASSERT_EQUAL(utf8_fit("abc", 3, 2), 2);
	CU_ASSERT_EQUAL(utf8_fit("abc", 3, 3), 3);
	CU_ASSERT_EQUAL(utf8_fit("a\xe6\xbc\xa2", 4, 2), 1);
	CU_ASSERT_EQUAL(utf8_fit("e\xcc\x81x", 4, 1), 3);
}

static void plain_number(double v, unsigned int bits, const char *want, unsigned int line)
{
	struct strbuf sb = { 0 };

	number_plain(&sb, v, bits);
	CU_assertImplementation(!strcmp(strbuf_str(&sb), want), line, want, __FILE__, "", CU_FALSE);
	strbuf_deinit(&sb);
}
#define NUMBER(v, bits, want) plain_number(v, bits, want, __LINE__)

static void test_numbers(void)
{
	NUMBER(0, 64, "0");
	NUMBER(-0.0, 64, "-0");
	NUMBER(2, 64, "2");
	NUMBER(-2.5, 64, "-2.5");
	NUMBER(0.1, 64, "0.1");
	NUMBER((double)0.1f, 64, "0.10000000149011612");
	NUMBER((double)0.1f, 32, "0.1");
	NUMBER(1234.5625, 64, "1234.5625");
	NUMBER(1e21, 64, "1000000000000000000000");
	NUMBER(1.5e-7, 64, "0.00000015");
	NUMBER(100, 32, "100");
}

UNIT_MAIN("escape", { "plain text stays", test_plain }, { "terminal controls", test_controls },
	  { "bidi and invisible characters", test_bidi }, { "invalid UTF-8", test_invalid },
	  { "streams", test_stream }, { "display width", test_width }, { "plain numbers", test_numbers })
