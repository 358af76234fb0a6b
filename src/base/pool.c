/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/pool.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 64 << 10, ALIGN = 16 };

struct pool_chunk {
	struct pool_chunk *next;
	size_t size;
	_Alignas(ALIGN) uint8_t data[];
};

void pool_deinit(struct pool *pool)
{
	for (struct pool_chunk *c = pool->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*pool = (struct pool){ 0 };
}

void pool_reset(struct pool *pool)
{
	struct pool_chunk *keep = pool->chunks;

	/* A chunk of a single big object is not worth keeping. */
	if (!keep || keep->size != CHUNK) {
		pool_deinit(pool);
		return;
	}
	pool->chunks = keep->next;
	pool_deinit(pool);
	keep->next = NULL;
	pool->chunks = keep;
	pool->total = keep->size;
}

void *pool_alloc(struct pool *pool, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = align_up(size ? size : 1, ALIGN);
	if (!pool->chunks || size > pool->chunks->size - pool->used) {
		size_t room = MAX(size, (size_t)CHUNK);
		struct pool_chunk *c = malloc(sizeof(*c) + room);

		if (!c)
			return NULL;
		c->size = room;
		c->next = pool->chunks;
		pool->chunks = c;
		pool->used = 0;
		pool->total += room;
	}

	void *p = pool->chunks->data + pool->used;
	pool->used += size;
	return memset(p, 0, size);
}

void *pool_calloc(struct pool *pool, size_t nr, size_t size)
{
	size_t total;

	if (mul_overflows(nr, size, &total))
		return NULL;
	return pool_alloc(pool, total);
}

void *pool_memdup(struct pool *pool, const void *data, size_t len)
{
	void *p = pool_alloc(pool, len);

	return p && len ? memcpy(p, data, len) : p;
}

char *pool_strndup(struct pool *pool, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = pool_alloc(pool, len + 1);

	return p ? memcpy(p, s, len) : NULL;
}

char *pool_hex(struct pool *pool, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *text = pool_alloc(pool, 2 * len + 1);

	for (size_t i = 0; text && i < len; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	return text;
}

char *pool_vprintf(struct pool *pool, const char *fmt, va_list ap)
{
	va_list copy;

	va_copy(copy, ap);
	int n = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	char *p = n < 0 ? NULL : pool_alloc(pool, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *pool_printf(struct pool *pool, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *p = pool_vprintf(pool, fmt, ap);
	va_end(ap);
	return p;
}
