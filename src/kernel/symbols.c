/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/symbols.h"

#include <stdlib.h>

#include "kernel/symbols-internal.h"

static uint32_t hash_name(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

static struct err *index_names(struct symbols *s)
{
	size_t size = 16;

	while (size < s->nr * 2)
		size *= 2;
	s->hash = calloc(size, sizeof(*s->hash));
	if (!s->hash)
		return &err_nomem;
	s->hash_mask = size - 1;

	for (size_t i = 0; i < s->nr; i++) {
		size_t slot = hash_name(s->syms[i].name) & s->hash_mask;

		/* Of several with one name the first in the table is found first. */
		while (s->hash[slot])
			slot = (slot + 1) & s->hash_mask;
		s->hash[slot] = (uint32_t)i + 1;
	}
	return NULL;
}

static int by_address(const void *a, const void *b, void *ctx)
{
	const struct symbol *syms = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;

	if (syms[i].addr != syms[j].addr)
		return syms[i].addr < syms[j].addr ? -1 : 1;
	return i < j ? -1 : i > j;
}

static struct err *index_addresses(struct symbols *s)
{
	bool sorted = true;

	s->by_addr = malloc(s->nr * sizeof(*s->by_addr) + 1);
	if (!s->by_addr)
		return &err_nomem;
	for (size_t i = 0; i < s->nr; i++) {
		s->by_addr[i] = (uint32_t)i;
		if (i && s->syms[i].addr < s->syms[i - 1].addr)
			sorted = false;
	}
	if (!sorted)
		qsort_r(s->by_addr, s->nr, sizeof(*s->by_addr), by_address, s->syms);
	return NULL;
}

struct err *symbols_index(struct symbols *s)
{
	TRY(index_names(s));
	return index_addresses(s);
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	free(s->names);
	free(s->syms);
	free(s->hash);
	free(s->by_addr);
	free(s);
}

size_t symbols_count(const struct symbols *s)
{
	return s->nr;
}

const struct symbol *symbols_get(const struct symbols *s, size_t i)
{
	return i < s->nr ? &s->syms[i] : NULL;
}

const struct symbol *symbols_find(const struct symbols *s, const char *name)
{
	for (size_t slot = hash_name(name) & s->hash_mask; s->hash[slot];
	     slot = (slot + 1) & s->hash_mask) {
		const struct symbol *sym = &s->syms[s->hash[slot] - 1];

		if (!strcmp(sym->name, name))
			return sym;
	}
	return NULL;
}

/* How many symbols lie at or below addr. */
static size_t upper_bound(const struct symbols *s, uint64_t addr)
{
	size_t lo = 0, hi = s->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->syms[s->by_addr[mid]].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_padding(const struct symbol *sym)
{
	return !strncmp(sym->name, "__pfx_", 6);
}

const struct symbol *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset,
				uint64_t *size)
{
	size_t end = upper_bound(s, addr), i = end;
	const struct symbol *best = NULL;

	if (!(addr >> 63) || !end)
		return NULL;
	if (end == s->nr && addr > s->syms[s->by_addr[end - 1]].addr)
		return NULL;

	while (i > 0 && is_padding(&s->syms[s->by_addr[i - 1]]))
		i--;
	if (!i)
		return NULL;
	for (uint64_t at = s->syms[s->by_addr[i - 1]].addr;
	     i > 0 && s->syms[s->by_addr[i - 1]].addr == at; i--) {
		const struct symbol *sym = &s->syms[s->by_addr[i - 1]];

		if (!is_padding(sym))
			best = sym;
	}
	if (!(best->addr >> 63))
		return NULL;

	if (offset)
		*offset = addr - best->addr;
	if (size) {
		/* The padding before the next function belongs to nobody. */
		size_t next = upper_bound(s, best->addr);

		*size = next < s->nr ? s->syms[s->by_addr[next]].addr - best->addr : 0;
	}
	return best;
}
