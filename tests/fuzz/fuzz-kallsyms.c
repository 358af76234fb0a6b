/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * symbols_decode() on tables with damage.  The first byte chooses a layout of tables that are good, and
 * the rest damages them, three bytes a change; or, beyond the layouts, the rest is decoded as it is.
 */
#include "config.h"

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/symbols.h"
#include "tests/unit/kallsyms-build.h"

enum { NR = 600, ROOM = 32 << 10, BANNER = 0x20, TABLES = 0x100 };
static const uint64_t text = 0xffffffff81000000, rodata = 0xffffffff82000000;

static void use(struct symbols *s)
{
	uint64_t off, size, sum = 0;

	for (size_t i = 0; i < symbols_count(s); i++) {
		const struct symbol *sym = symbols_get(s, i), *at;

		if (!symbols_find(s, sym->name))
			abort();
		at = symbols_at(s, sym->addr + 1, &off, &size);
		sum += at ? strlen(at->name) + off + size : 0;
	}
	if (sum == 1)
		puts("never");
}

static size_t build(uint8_t *buf, enum ks_layout layout)
{
	static struct ks_symbol syms[NR];
	static char names[NR][16];

	for (size_t i = 0; i < NR; i++) {
		snprintf(names[i], sizeof(names[i]), "sym_%zu", i);
		syms[i] = (struct ks_symbol){ 'T', i ? names[i] : "_text", text + 16 * i };
	}
	syms[NR - 1] = (struct ks_symbol){ 'D', "linux_banner", rodata + BANNER };
	memset(buf, 0, ROOM);
	strcpy((char *)buf + BANNER, "Linux version 6.18.0\n");
	return TABLES + kallsyms_build(buf + TABLES, ROOM - TABLES, rodata + TABLES, layout, syms,
				       NR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbols *s = NULL;
	uint8_t *buf;
	size_t len;

	if (!size)
		return 0;
	if (data[0] < KS_LAYOUTS) {
		buf = malloc(ROOM);
		if (!buf)
			abort();
		len = build(buf, data[0]);
		for (size_t i = 1; i + 3 <= size; i += 3)
			buf[get_le16(data + i) % len] = data[i + 2];
		buf = realloc(buf, len); /* so that one byte too far is seen */
	} else {
		len = size - 1;
		buf = malloc(len + !len);
		if (buf)
			memcpy(buf, data + 1, len);
	}
	if (!buf)
		abort();

	struct err *e = symbols_decode(buf, len, (struct kva){ rodata }, &s);
	if (!e)
		use(s);
	symbols_destroy(s);
	err_free(e);
	free(buf);
	return 0;
}

bool fuzz_seed(size_t i, uint8_t **data, size_t *len)
{
	if (i > 2 * KS_LAYOUTS)
		return false;
	*data = calloc(1, 1 + ROOM);
	if (!*data)
		abort();
	if (i < KS_LAYOUTS) { /* good tables, and some changes that mutations turn into others */
		*len = 1 + 3 * 4;
		**data = (uint8_t)i;
	} else if (i == 2 * KS_LAYOUTS) {
		*len = 1 + 4096;
		kallsyms_build_beyond(*data + 1, *len - 1);
		**data = 0xff;
	} else { /* the tables themselves */
		*len = 1 + build(*data + 1, i - KS_LAYOUTS);
		**data = 0xff;
	}
	return true;
}
