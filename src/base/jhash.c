/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/jhash.h"

static uint32_t rol(uint32_t v, unsigned int bits)
{
	return v << bits | v >> (32 - bits);
}

struct state {
	uint32_t a, b, c;
};

static void mix(struct state *s)
{
	static const unsigned int turns[] = { 4, 6, 8, 16, 19, 4 };

	for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
		uint32_t a = (s->a - s->c) ^ rol(s->c, turns[i]), c = s->c + s->b;

		*s = (struct state){ .a = s->b, .b = c, .c = a };
	}
}

static uint32_t finish(struct state s)
{
	static const unsigned int turns[] = { 14, 11, 25, 16, 4, 14, 24 };

	for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
		uint32_t c = (s.c ^ s.b) - rol(s.b, turns[i]);

		s = (struct state){ .a = s.b, .b = c, .c = s.a };
	}
	return s.b;
}

uint32_t jhash(const void *key, uint32_t len, uint32_t seed)
{
	const uint8_t *p = key;
	uint32_t first = 0xdeadbeef + len + seed;
	struct state s = { first, first, first };

	for (; len > 12; len -= 12, p += 12) {
		s.a += get_le32(p);
		s.b += get_le32(p + 4);
		s.c += get_le32(p + 8);
		mix(&s);
	}
	if (!len)
		return s.c;
	s.a += (uint32_t)get_le(p, MIN(len, 4u));
	if (len > 4)
		s.b += (uint32_t)get_le(p + 4, MIN(len - 4, 4u));
	if (len > 8)
		s.c += (uint32_t)get_le(p + 8, len - 8);
	return finish(s);
}
