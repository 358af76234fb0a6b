/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/addr-set.h"

#include <stdlib.h>

static size_t addr_slot(const struct addr_set *set, uint64_t addr)
{
	/* Objects are aligned, so the low bits say nothing. */
	size_t slot = (size_t)(addr * 0x9e3779b97f4a7c15 >> 20) & (set->size - 1);

	while (set->slots[slot] && set->slots[slot] != addr)
		slot = (slot + 1) & (set->size - 1);
	return slot;
}

static struct err *grow(struct addr_set *set)
{
	struct addr_set more = { .nr = set->nr, .size = set->size ? set->size * 2 : 64 };

	more.slots = calloc(more.size, sizeof(*more.slots) + sizeof(*more.numbers));
	if (!more.slots)
		return &err_nomem;
	more.numbers = (uint32_t *)(more.slots + more.size);
	for (size_t i = 0; i < set->size; i++) {
		if (!set->slots[i])
			continue;
		size_t slot = addr_slot(&more, set->slots[i]);

		more.slots[slot] = set->slots[i];
		more.numbers[slot] = set->numbers[i];
	}
	free(set->slots);
	*set = more;
	return NULL;
}

struct err *addr_set_add(struct addr_set *set, uint64_t addr, bool *is_new)
{
	if (set->nr * 2 >= set->size)
		TRY(grow(set));

	size_t slot = addr_slot(set, addr);
	*is_new = !set->slots[slot];
	if (*is_new) {
		set->slots[slot] = addr;
		set->numbers[slot] = (uint32_t)set->nr++;
	}
	return NULL;
}

size_t addr_set_number(const struct addr_set *set, uint64_t addr)
{
	size_t slot = set->size ? addr_slot(set, addr) : 0;

	return set->size && addr && set->slots[slot] ? set->numbers[slot] : SIZE_MAX;
}

void addr_set_deinit(struct addr_set *set)
{
	free(set->slots);
	*set = (struct addr_set){ 0 };
}
