/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/utf8.h"

size_t utf8_decode(const char *s, size_t n, uint32_t *ret)
{
	const uint8_t *b = (const uint8_t *)s;
	uint8_t lead = b[0];

	if (lead < 0x80) {
		*ret = lead;
		return 1;
	}

	/* Only the second byte has limits that depend on the lead: they exclude overlong forms,
	 * surrogates and what lies past U+10FFFF. */
	uint8_t low = 0x80, high = 0xbf;
	size_t len;
	uint32_t c;

	if (lead >= 0xc2 && lead <= 0xdf) {
		len = 2;
		c = lead & 0x1f;
	} else if (lead >= 0xe0 && lead <= 0xef) {
		len = 3;
		c = lead & 0x0f;
		low = lead == 0xe0 ? 0xa0 : 0x80;
		high = lead == 0xed ? 0x9f : 0xbf;
	} else if (lead >= 0xf0 && lead <= 0xf4) {
		len = 4;
		c = lead & 0x07;
		low = lead == 0xf0 ? 0x90 : 0x80;
		high = lead == 0xf4 ? 0x8f : 0xbf;
	} else {
		*ret = UTF8_INVALID;
		return 1;
	}

	for (size_t i = 1; i < len; i++) {
		if (i >= n || b[i] < low || b[i] > high) {
			*ret = UTF8_INVALID;
			return i;
		}
		c = c << 6 | (b[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*ret = c;
	return len;
}

struct range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *r, size_t nr)
{
	for (size_t i = 0; i < nr && r[i].first <= c; i++) {
		if (c <= r[i].last)
			return true;
	}
	return false;
}

bool utf8_is_unsafe(uint32_t c)
{
	static const struct range unsafe[] = {
		{ 0x00, 0x1f },
		{ 0x7f, 0x9f },
		{ 0xad, 0xad },	      /* soft hyphen */
		{ 0x61c, 0x61c },     /* Arabic letter mark */
		{ 0x180e, 0x180e },   /* Mongolian vowel separator */
		{ 0x200b, 0x200f },   /* zero width, left-to-right and right-to-left marks */
		{ 0x2028, 0x202e },   /* separators, bidi embedding and override */
		{ 0x2060, 0x206f },   /* word joiner, bidi isolates */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xfff9, 0xfffb },   /* interlinear annotation */
		{ 0xe0000, 0xe007f }, /* tags */
	};

	return in_ranges(c, unsafe, ARRAY_SIZE(unsafe));
}

/* Columns of one character. */
static size_t char_width(uint32_t c)
{
	/* wcwidth() wants a locale; these ranges are what matters of it. */
	static const struct range combining[] = {
		{ 0x300, 0x36f },   { 0x483, 0x489 },	{ 0x591, 0x5bd },   { 0x610, 0x61a },
		{ 0x64b, 0x65f },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff },
		{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
	};
	static const struct range wide[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0x303e },	  { 0x3041, 0xa4cf },	{ 0xa960, 0xa97f },
		{ 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },	  { 0xfe30, 0xfe6f },	{ 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};

	if (c < 0x300)
		return 1;
	if (in_ranges(c, combining, ARRAY_SIZE(combining)))
		return 0;
	return in_ranges(c, wide, ARRAY_SIZE(wide)) ? 2 : 1;
}

size_t utf8_width(const char *s, size_t n)
{
	size_t width = 0;
	uint32_t c;

	for (size_t i = 0; i < n;) {
		i += utf8_decode(s + i, n - i, &c);
		width += char_width(c);
	}
	return width;
}

size_t utf8_fit(const char *s, size_t n, size_t columns)
{
	size_t width = 0, i = 0;
	uint32_t c;

	while (i < n) {
		size_t len = utf8_decode(s + i, n - i, &c);

		width += char_width(c);
		if (width > columns)
			break;
		i += len;
	}
	return i;
}
