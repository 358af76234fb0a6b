/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kallsyms-build.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct out {
	uint8_t *buf;
	size_t at, room;
	uint64_t addr;
	unsigned int align;
};

static void put(struct out *o, uint64_t v, size_t n)
{
	if (o->room - o->at < n)
		abort();
	for (size_t i = 0; i < n; i++)
		o->buf[o->at++] = (uint8_t)(v >> 8 * i);
}

static void align(struct out *o, unsigned int to)
{
	while (o->at % to)
		put(o, 0, 1);
}

/* Codes that stand for more than themselves, as the compressor would have chosen. */
static const char *const pairs[] = { "task_", "__pfx_", "sym_", "linux", "percpu_", "T" };

static const char *token(unsigned int code, char *buf)
{
	if (code >= 0x80 && code - 0x80 < sizeof(pairs) / sizeof(pairs[0]))
		return pairs[code - 0x80];
	buf[0] = code > ' ' && code < 0x7f ? (char)code : '\0';
	buf[1] = '\0';
	return buf;
}

/* The text as token codes, the longest token first where it fits. */
static size_t compress(const char *text, uint8_t *codes)
{
	size_t n = 0;

	while (*text) {
		unsigned int best = (uint8_t)*text;
		size_t len = 1;

		for (unsigned int i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
			size_t l = strlen(pairs[i]);

			if (l > len && !strncmp(text, pairs[i], l)) {
				best = 0x80 + i;
				len = l;
			}
		}
		codes[n++] = (uint8_t)best;
		text += len;
	}
	return n;
}

static void put_names(struct out *o, const struct ks_symbol *syms, size_t nr)
{
	uint32_t *markers = calloc(nr / 256 + 1, sizeof(*markers));
	size_t nr_markers = 0, start = o->at;

	for (size_t i = 0; i < nr; i++) {
		char text[600] = { syms[i].type };
		uint8_t codes[600];

		if (i % 256 == 0)
			markers[nr_markers++] = (uint32_t)(o->at - start);
		strncat(text, syms[i].name, sizeof(text) - 2);
		size_t n = compress(text, codes);
		if (n > 127) {
			put(o, (n & 0x7f) | 0x80, 1);
			put(o, n >> 7, 1);
		} else {
			put(o, n, 1);
		}
		for (size_t c = 0; c < n; c++)
			put(o, codes[c], 1);
	}
	align(o, o->align);
	for (size_t i = 0; i < nr_markers; i++)
		put(o, markers[i], 4);
	align(o, o->align);
	free(markers);
}

static void put_seqs(struct out *o, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		put(o, i * 7919 % nr, 3);
	align(o, o->align);
}

static void put_tokens(struct out *o)
{
	uint16_t index[256];
	size_t start = o->at;
	char buf[2];

	for (unsigned int c = 0; c < 256; c++) {
		index[c] = (uint16_t)(o->at - start);
		for (const char *s = token(c, buf); *s; s++)
			put(o, (uint8_t)*s, 1);
		put(o, 0, 1);
	}
	align(o, o->align);
	for (unsigned int c = 0; c < 256; c++)
		put(o, index[c], 2);
	align(o, o->align);
}

static void put_addresses(struct out *o, enum ks_layout layout, const struct ks_symbol *syms,
			  size_t nr)
{
	uint64_t base = 0;
	bool percpu = layout <= KS_6_4;

	/* Per-CPU symbols come first and are small; the base is the first that is not. */
	for (size_t i = 0; !base && i < nr; i++)
		base = syms[i].addr >> 63 ? syms[i].addr : 0;

	for (size_t i = 0; i < nr; i++) {
		uint64_t a = syms[i].addr;

		if (layout == KS_7_0)
			put(o, a - (o->addr + o->at), 4);
		else if (!percpu)
			put(o, a - base, 4);
		else
			put(o, a >> 63 ? base - 1 - a : a, 4);
	}
	align(o, o->align);
	if (layout != KS_7_0)
		put(o, base, 8);
}

size_t kallsyms_build(uint8_t *buf, size_t room, uint64_t addr, enum ks_layout layout,
		      const struct ks_symbol *syms, size_t nr)
{
	struct out o = { .buf = buf, .room = room, .addr = addr, .align = layout == KS_7_0 ? 4 : 8 };

	if (layout <= KS_6_3)
		put_addresses(&o, layout, syms, nr);
	put(&o, nr, 4);
	align(&o, o.align);
	put_names(&o, syms, nr);
	if (layout == KS_6_3)
		put_seqs(&o, nr);
	put_tokens(&o);
	if (layout > KS_6_3) {
		put_addresses(&o, layout, syms, nr);
		put_seqs(&o, nr);
	}
	return o.at;
}

void kallsyms_build_beyond(uint8_t *buf, size_t len)
{
	enum { TOKENS = 256, INDEX = 2 * TOKENS, DIGITS = 2 * (TOKENS - '0') };
	struct out o = { .buf = buf + len - INDEX - DIGITS, .room = INDEX + DIGITS };

	for (size_t i = '0'; i < TOKENS; i++)
		put(&o, i <= '9' ? i : 'x', 2);
	for (size_t i = 0; i < TOKENS; i++) {
		/* The first token ends at a zero in the index, the second behind the data. */
		put(&o, i == 1 ? 511 : i == 2 ? 1023 : i == 255 ? 4 : 0, 2);
	}
}

void kallsyms_build_tokens(uint8_t *buf, size_t len)
{
	put_tokens(&(struct out){ .buf = buf, .room = len, .align = 4 });
}
