/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kallsyms-build.h"
#include "kernel/symbols.h"

enum { NR = 1500, ROOM = 256 << 10, TABLES = 0x3004, RODATA_OFF = 0x1000000 };
static const uint64_t text = 0xffffffff9a200000;

struct built {
	struct ks_symbol syms[NR];
	char names[NR][24];
	uint8_t data[ROOM];
	uint64_t addr;
};

static const char long_name[] =
	"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	"0123456789ABCDEFGHIJKLMNOPQRSUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* A table of NR symbols somewhere in read-only data, with a banner and noise before it. */
static struct built *build(enum ks_layout layout)
{
	struct built *b = calloc(1, sizeof(*b));
	uint64_t addr = text;

	b->addr = text + RODATA_OFF;
	for (size_t i = 0; i < NR; i++) {
		snprintf(b->names[i], sizeof(b->names[i]), "sym_%zu", i);
		b->syms[i] = (struct ks_symbol){ i % 3 ? 't' : 'T', b->names[i], addr };
		addr += 16 * (i % 5);
	}
	if (layout <= KS_6_4) {
		b->syms[0] = (struct ks_symbol){ 'A', "__per_cpu_start", 0 };
		b->syms[1] = (struct ks_symbol){ 'A', "percpu_runqueues", 0x2f40 };
		b->syms[2] = (struct ks_symbol){ 'T', "_stext", text };
		b->syms[3] = (struct ks_symbol){ 'T', "_text", text };
	} else {
		b->syms[0] = (struct ks_symbol){ 'T', "_text", text };
	}
	b->syms[600].name = long_name;
	b->syms[700].name = "sym_699"; /* many names repeat */
	b->syms[NR - 2] = (struct ks_symbol){ 'D', "linux_banner", b->addr + 0x100 };
	b->syms[NR - 1] = (struct ks_symbol){ 'D', "_end", b->addr + (4 << 20) };

	for (size_t i = 0; i < ROOM; i++)
		b->data[i] = (uint8_t)(i * 2654435761u >> 13);
	strcpy((char *)b->data + 0x100, "Linux version 6.18.0 (me)\n");
	size_t at = layout == KS_7_0 ? TABLES : TABLES + 4;
	kallsyms_build(b->data + at, ROOM - at, b->addr + at, layout, b->syms, NR);
	return b;
}

static void test_layouts(void)
{
	for (enum ks_layout layout = 0; layout < KS_LAYOUTS; layout++) {
		struct built *b = build(layout);
		struct symbols *s = NULL;
		size_t differ = 0;

		ASSERT_OK(symbols_decode(b->data, ROOM, (struct kva){ b->addr }, &s));
		CU_ASSERT_EQUAL_FATAL(symbols_count(s), NR);
		for (size_t i = 0; i < NR; i++) {
			const struct symbol *sym = symbols_get(s, i);

			differ += strcmp(sym->name, b->syms[i].name) != 0 ||
				  sym->addr != b->syms[i].addr || sym->type != b->syms[i].type;
		}
		CU_ASSERT_EQUAL(differ, 0);
		CU_ASSERT_PTR_NULL(symbols_get(s, NR));
		symbols_destroy(s);
		free(b);
	}
}

static void test_find(void)
{
	struct built *b = build(KS_6_15);
	struct symbols *s = NULL;

	ASSERT_OK(symbols_decode(b->data, ROOM, (struct kva){ b->addr }, &s));
	CU_ASSERT_PTR_NULL(symbols_find(s, "sym_99999"));
	CU_ASSERT_PTR_NULL(symbols_find(s, ""));
	CU_ASSERT_PTR_EQUAL(symbols_find(s, "sym_699"), symbols_get(s, 699));
	CU_ASSERT_PTR_EQUAL(symbols_find(s, long_name), symbols_get(s, 600));
	symbols_destroy(s);
	free(b);
}

static void test_at(void)
{
	struct built *b = build(KS_6_4);
	struct symbols *s = NULL;
	uint64_t off, size;

	b->syms[10] = (struct ks_symbol){ 't', "__pfx_f", text + 0x200 };
	b->syms[11] = (struct ks_symbol){ 't', "f_local", text + 0x210 };
	b->syms[12] = (struct ks_symbol){ 'T', "f", text + 0x210 };
	b->syms[13] = (struct ks_symbol){ 'T', "f_alias", text + 0x210 };
	b->syms[14] = (struct ks_symbol){ 't', "__pfx_g", text + 0x260 };
	for (size_t i = 15; i < 30; i++)
		b->syms[i].addr = text + 0x270;
	for (size_t i = 4; i < 10; i++)
		b->syms[i].addr = text + 0x100;
	for (size_t i = 30; i < NR - 2; i++)
		b->syms[i].addr += 0x1000;
	kallsyms_build(b->data + TABLES + 4, ROOM - TABLES - 4, b->addr + TABLES + 4, KS_6_4,
		       b->syms, NR);
	ASSERT_OK(symbols_decode(b->data, ROOM, (struct kva){ b->addr }, &s));

	const struct symbol *sym = symbols_at(s, text + 0x230, &off, &size);
	CU_ASSERT_STRING_EQUAL(sym->name, "f_local");
	CU_ASSERT_EQUAL(off, 0x20);
	CU_ASSERT_EQUAL(size, 0x50);
	sym = symbols_at(s, text + 0x268, &off, &size); /* in the padding before g */
	CU_ASSERT_STRING_EQUAL(sym->name, "f_local");
	CU_ASSERT_EQUAL(off, 0x58);
	sym = symbols_at(s, text, NULL, NULL);
	CU_ASSERT_STRING_EQUAL(sym->name, "_stext");
	CU_ASSERT_PTR_NULL(symbols_at(s, text - 1, &off, &size));
	CU_ASSERT_PTR_NULL(symbols_at(s, 0x2f40, &off, &size));
	sym = symbols_at(s, b->addr + (4 << 20), &off, &size);
	CU_ASSERT_STRING_EQUAL(sym->name, "_end");
	CU_ASSERT_EQUAL(size, 0);
	CU_ASSERT_PTR_NULL(symbols_at(s, b->addr + (4 << 20) + 1, &off, &size));
	symbols_destroy(s);
	free(b);
}

static void test_nothing(void)
{
	static uint8_t zeros[65536];
	struct symbols *s = NULL;

	ASSERT_ERR(symbols_decode(zeros, 0, (struct kva){ text }, &s), ERR_MISSING, NULL);
	ASSERT_ERR(symbols_decode(zeros, sizeof(zeros), (struct kva){ text }, &s), ERR_MISSING,
		   "no kallsyms");
	CU_ASSERT_PTR_NULL(s);
}

/* Cut anywhere, the tables are found whole or not at all. */
static void test_truncated(void)
{
	for (enum ks_layout layout = 0; layout < KS_LAYOUTS; layout++) {
		struct built *b = build(layout);
		size_t found = 0;

		for (size_t len = TABLES; len < 60 << 10; len += 97) {
			struct symbols *s = NULL;
			uint8_t *copy = malloc(len);

			memcpy(copy, b->data, len);
			struct err *e = symbols_decode(copy, len, (struct kva){ b->addr }, &s);
			if (e) {
				CU_ASSERT(e->code == ERR_MISSING || e->code == ERR_CORRUPT);
				CU_ASSERT_EQUAL(found, 0);
				err_free(e);
			} else {
				found++;
				CU_ASSERT_EQUAL(symbols_count(s), NR);
				symbols_destroy(s);
			}
			free(copy);
		}
		CU_ASSERT(found > 0);
		free(b);
	}
}

static void test_bad_addresses(void)
{
	struct built *b = build(KS_6_15);
	struct symbols *s = NULL;

	/* No coding makes the banner's symbol point to a banner. */
	b->data[0x100] = 'X';
	ASSERT_ERR(symbols_decode(b->data, ROOM, (struct kva){ b->addr }, &s), ERR_CORRUPT,
		   "no table of their addresses");
	free(b);
}

/* With KALLSYMS_ALL=n there is no linux_banner to tell right from wrong. */
static void test_no_banner(void)
{
	for (enum ks_layout layout = 0; layout < KS_LAYOUTS; layout++) {
		struct built *b = build(layout);
		struct symbols *s = NULL;
		size_t at = layout == KS_7_0 ? TABLES : TABLES + 4;

		b->syms[NR - 2].name = "something_else";
		kallsyms_build(b->data + at, ROOM - at, b->addr + at, layout, b->syms, NR);
		ASSERT_OK(symbols_decode(b->data, ROOM, (struct kva){ b->addr }, &s));
		CU_ASSERT_EQUAL(symbols_find(s, "_text")->addr, text);
		CU_ASSERT_EQUAL(symbols_find(s, "_end")->addr, b->addr + (4 << 20));
		symbols_destroy(s);
		free(b);
	}
}

static void test_index_beyond(void)
{
	uint8_t *data = calloc(1, ROOM); /* no longer than that, for ASan to see */
	struct symbols *s = NULL;

	kallsyms_build_beyond(data, ROOM);
	ASSERT_ERR(symbols_decode(data, ROOM, (struct kva){ text }, &s), ERR_MISSING, NULL);
	free(data);
}

/* As many tokens as there is room for, and nothing before them: each may cost little. */
static void test_many_tokens(void)
{
	enum { LEN = 32 << 20, PIECE = 2048 };
	uint8_t *data = calloc(1, LEN);
	struct symbols *s = NULL;
	clock_t start = clock();

	for (size_t at = 0; at < LEN; at += PIECE)
		kallsyms_build_tokens(data + at, PIECE);
	ASSERT_ERR(symbols_decode(data, LEN, (struct kva){ text }, &s), ERR_MISSING, NULL);
	/* It would be minutes, without sanitizers. */
	CU_ASSERT(clock() - start < 20 * CLOCKS_PER_SEC);
	free(data);
}

UNIT_MAIN("kallsyms", { "every layout, every coding, big names", test_layouts },
	  { "by name", test_find }, { "by address", test_at },
	  { "nothing to be found", test_nothing }, { "cut anywhere", test_truncated },
	  { "addresses that make no sense", test_bad_addresses },
	  { "without linux_banner", test_no_banner },
	  { "an index that points beyond the data", test_index_beyond },
	  { "thousands of tables that might be some", test_many_tokens })
