/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tiny-kernel.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	BANNER = 0x200,
	NOTES = 0x400,
	PAGE_OFFSET_BASE = 0x500,
	OFFSETS = 0x1000,
	POSSIBLE = 0x1100,
	ONLINE = 0x1108,
	BTF = 0x2004,
	BTF_ROOM = 0x1000,
	TABLES = 0x4000,
	/* in .data */
	NR_CPU_IDS = 0x10,
	CLOCKSOURCE = 0x100,
	JIFFIES_MULT = 1024000000, /* 4 ms << 8 */
};

static const char banner[] = "Linux version 6.18.99-tiny (me@here) (cc) #1 SMP\n";

struct blob {
	uint8_t buf[BTF_ROOM];
	size_t len;
};

static void put(struct blob *b, uint64_t v, size_t n)
{
	if (b->len + n > sizeof(b->buf))
		abort();
	for (size_t i = 0; i < n; i++)
		b->buf[b->len++] = (uint8_t)(v >> 8 * i);
}

/* struct clocksource { unsigned int mult, shift; } */
static struct blob make_btf(void)
{
	static const char strings[] = "\0unsigned int\0clocksource\0mult\0shift";
	enum { S_UINT = 1, S_CLOCKSOURCE = 14, S_MULT = 26, S_SHIFT = 31, TYPE_LEN = 16 + 36 };
	struct blob b = { .len = 0 };

	put(&b, 0xeb9f, 2);
	put(&b, 1, 2);
	put(&b, 24, 4);
	put(&b, 0, 4);
	put(&b, TYPE_LEN, 4);
	put(&b, TYPE_LEN, 4);
	put(&b, sizeof(strings), 4);

	put(&b, S_UINT, 4); /* [1] INT, 32 bits */
	put(&b, 1u << 24, 4);
	put(&b, 4, 4);
	put(&b, 32, 4);
	put(&b, S_CLOCKSOURCE, 4); /* [2] STRUCT of two members */
	put(&b, 4u << 24 | 2, 4);
	put(&b, 8, 4);
	put(&b, S_MULT, 4);
	put(&b, 1, 4);
	put(&b, 0, 4);
	put(&b, S_SHIFT, 4);
	put(&b, 1, 4);
	put(&b, 32, 4);
	for (size_t i = 0; i < sizeof(strings); i++)
		put(&b, (uint8_t)strings[i], 1);
	return b;
}

uint64_t tiny_percpu_off(enum ks_layout layout, uint32_t cpu)
{
	if (cpu == 2)
		return layout > KS_6_4 ? 0 : 0xffffffff83c13000;
	return (layout > KS_6_4 ? 0xff3ee374723ed000 : 0xffff88801fc00000) + 0x80000ull * cpu;
}

static int by_addr(const void *a, const void *b)
{
	const struct ks_symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void put_symbols(struct guest_image *g, uint64_t text, const struct tiny_options *o,
			size_t btf_len)
{
	uint64_t ro = text + TINY_RODATA, data = text + TINY_DATA;
	struct ks_symbol *syms = calloc(TINY_SYMBOLS, sizeof(*syms));
	char (*names)[16] = calloc(TINY_SYMBOLS, sizeof(*names));
	uint8_t *buf = calloc(1, TINY_RODATA_LEN);
	const struct ks_symbol fixed[] = {
		{ 'T', "_text", text },
		{ 'D', "__start_rodata", ro },
		{ 'D', "__end_rodata", ro + TINY_RODATA_LEN },
		{ 'D', "linux_banner", ro + BANNER },
		{ 'D', "page_offset_base", ro + PAGE_OFFSET_BASE },
		{ 'D', "__per_cpu_offset", ro + OFFSETS },
		{ 'D', "__cpu_possible_mask", ro + POSSIBLE },
		{ 'D', "__cpu_online_mask", ro + ONLINE },
		{ 'D', "nr_cpu_ids", data + NR_CPU_IDS },
		{ 'd', "clocksource_jiffies", data + CLOCKSOURCE },
		{ 'D', "runqueues", o->layout > KS_6_4 ? data + 0x2000 : 0x2f40 },
		{ 'R', o->no_btf_symbols ? "x1" : "__start_BTF", ro + BTF },
		{ 'R', o->no_btf_symbols ? "x2" : "__stop_BTF", ro + BTF + btf_len },
		{ 'R', o->no_btf_symbols ? "x3" : "__start_notes", ro + NOTES },
		{ 'R', o->no_btf_symbols ? "x4" : "__stop_notes", ro + NOTES + 36 },
	};
	size_t nr = sizeof(fixed) / sizeof(fixed[0]), at = TABLES;

	if (!syms || !names || !buf)
		abort();
	memcpy(syms, fixed, sizeof(fixed));
	for (size_t i = nr; i < TINY_SYMBOLS; i++) {
		snprintf(names[i], sizeof(names[i]), "sym_%zu", i);
		syms[i] = (struct ks_symbol){ 'T', names[i], text + 16 * i };
	}
	if (o->no_btf) {
		/* As with CONFIG_DEBUG_INFO_BTF=n: no symbols either. */
		for (size_t i = 0; i < nr; i++) {
			if (strstr(syms[i].name, "_BTF"))
				syms[i].name = "gone";
		}
	}
	qsort(syms, TINY_SYMBOLS, sizeof(*syms), by_addr);
	size_t len = kallsyms_build(buf, TINY_RODATA_LEN - at, ro + at, o->layout, syms,
				    TINY_SYMBOLS);
	image_write(g, ro + at, buf, len);
	free(syms);
	free(names);
	free(buf);
}

void tiny_kernel_put(struct guest_image *g, uint64_t text, const struct tiny_options *o)
{
	static const uint8_t note[] = { 4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0 };
	uint64_t ro = text + TINY_RODATA, data = text + TINY_DATA;
	uint64_t pa = 64 << 20;
	unsigned int any = PG_WRITE | PG_EXEC;

	image_map(g, text, pa, 2 << 20, o->unprotected ? any : PG_EXEC);
	if (o->unprotected) {
		/* One run from _text to _end, in huge pages. */
		for (uint64_t at = 2 << 20; at < TINY_DATA + (2 << 20); at += 2 << 20)
			image_map(g, text + at, pa + at, 2 << 20, any);
	} else {
		for (uint64_t at = 0; at < TINY_RODATA_LEN; at += PAGE_SIZE)
			image_map(g, ro + at, pa + TINY_RODATA + at, PAGE_SIZE, 0);
		for (uint64_t at = 0; !o->no_data && at < TINY_DATA_LEN; at += PAGE_SIZE)
			image_map(g, data + at, pa + TINY_DATA + at, PAGE_SIZE, PG_WRITE);
	}

	struct blob btf = make_btf();
	if (!o->no_btf)
		image_write(g, ro + BTF, btf.buf, btf.len);
	if (!o->no_banner)
		image_write(g, ro + BANNER, banner, sizeof(banner));
	if (!o->no_kallsyms)
		put_symbols(g, text, o, btf.len);
	image_write(g, ro + NOTES, note, sizeof(note));
	for (uint8_t i = 0; i < 20; i++)
		image_write(g, ro + NOTES + sizeof(note) + i, &i, 1);
	image_put64(g, ro + PAGE_OFFSET_BASE, 0xff11000000000000);
	for (uint32_t cpu = 0; cpu < TINY_CPUS; cpu++)
		image_put64(g, ro + OFFSETS + 8 * cpu,
			    o->no_percpu ? 0 : tiny_percpu_off(o->layout, cpu));
	image_put64(g, ro + POSSIBLE, 0xb);
	image_put64(g, ro + ONLINE, 0x3);
	if (o->no_data)
		return;
	image_put32(g, data + NR_CPU_IDS, TINY_CPUS);
	image_put32(g, data + CLOCKSOURCE, JIFFIES_MULT);
	image_put32(g, data + CLOCKSOURCE + 4, 8);
}
