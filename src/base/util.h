/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small things every part needs: sizes, checked arithmetic, alignment. */
#ifndef FDGDB_UTIL_H
#define FDGDB_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define MAX(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args))) /* args is 0 with a va_list */
#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))

/* True if a + b (or a * b) does not fit; *ret is then unspecified. */
#define add_overflows(a, b, ret) __builtin_add_overflow(a, b, ret)
#define mul_overflows(a, b, ret) __builtin_mul_overflow(a, b, ret)

/* align is a power of two; may wrap, so callers bound x first. */
static inline uint64_t align_down(uint64_t x, uint64_t align)
{
	return x & ~(align - 1);
}

static inline uint64_t align_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) & ~(align - 1);
}

/* Unaligned little-endian loads; guests we read are little-endian. */
static inline uint16_t get_le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t get_le32(const void *p)
{
	const uint8_t *b = p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t get_le64(const void *p)
{
	const uint8_t *b = p;

	return get_le32(b) | (uint64_t)get_le32(b + 4) << 32;
}

/* Little-endian unsigned integer of n (0 ... 8) bytes. */
static inline uint64_t get_le(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t v = 0;

	for (size_t i = n > 8 ? 8 : n; i-- > 0;)
		v = v << 8 | b[i];
	return v;
}

/* Sign-extends the low `bits` (1 ... 64) of v. */
static inline int64_t sign_extend(uint64_t v, unsigned int bits)
{
	unsigned int shift = 64 - bits;

	return (int64_t)(v << shift) >> shift;
}

#endif
