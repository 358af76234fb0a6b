/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that is freed all at once: value trees, what a report holds. */
#ifndef FDGDB_POOL_H
#define FDGDB_POOL_H

#include <stdarg.h>

#include "base/util.h"

struct pool_chunk;

struct pool {
	struct pool_chunk *chunks;
	size_t used; /* in the newest chunk */
	size_t total;
};

/* A zeroed struct pool is an empty pool. */
void pool_deinit(struct pool *pool);

/* Frees everything but keeps one chunk for the next use. */
void pool_reset(struct pool *pool);

/* Zeroed, aligned for any type; NULL if there is no memory.  Size 0 gives a valid pointer. */
void *pool_alloc(struct pool *pool, size_t size);

/* nr * size, overflow-checked. */
void *pool_calloc(struct pool *pool, size_t nr, size_t size);

void *pool_memdup(struct pool *pool, const void *data, size_t len);
char *pool_strndup(struct pool *pool, const char *s, size_t n);
/* Bytes as pairs of hexadecimal digits. */
char *pool_hex(struct pool *pool, const uint8_t *data, size_t len);
char *pool_printf(struct pool *pool, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *pool_vprintf(struct pool *pool, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

#endif
