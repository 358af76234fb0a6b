/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest-image.h"

#include <stdlib.h>

enum { P = 1, W = 2, U = 4, PS = 0x80, TABLES_ROOM = 32 };

static void set_entry(struct guest_image *g, uint64_t table, unsigned int i, uint64_t v)
{
	g->tables[(table - IMAGE_TABLES) / PAGE_SIZE][i] = v;
	fake_target_put64(g->ft, table + 8 * i, v);
}

static uint64_t get_entry(struct guest_image *g, uint64_t table, unsigned int i)
{
	return g->tables[(table - IMAGE_TABLES) / PAGE_SIZE][i];
}

uint64_t image_new_root(struct guest_image *g)
{
	if (g->nr_tables % TABLES_ROOM == 0) {
		g->tables = realloc(g->tables, (g->nr_tables + TABLES_ROOM) * sizeof(*g->tables));
		if (!g->tables)
			abort();
		memset(g->tables + g->nr_tables, 0, TABLES_ROOM * sizeof(*g->tables));
	}
	return IMAGE_TABLES + PAGE_SIZE * g->nr_tables++;
}

struct guest_image *image_new(size_t nr_vcpus, unsigned int levels)
{
	struct guest_image *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	g->ft = fake_target_new(nr_vcpus);
	fake_target_add_ram(g->ft, 0, IMAGE_RAM);
	g->next_page = IMAGE_PAGES;
	g->pt.levels = levels;
	g->pt.root.v = image_new_root(g);
	for (size_t v = 0; v < nr_vcpus; v++)
		image_set_vcpu(g, v, g->pt.root.v, false);
	return g;
}

void image_free(struct guest_image *g)
{
	target_destroy(&g->ft->t);
	free(g->tables);
	free(g);
}

void image_set_vcpu(struct guest_image *g, size_t vcpu, uint64_t cr3, bool user)
{
	fake_target_set_reg(g->ft, vcpu, "rip", user ? 0x401000 : 0xffffffff81000010);
	fake_target_set_reg(g->ft, vcpu, "rsp", 0);
	fake_target_set_reg(g->ft, vcpu, "cs", user ? 0x33 : 0x10);
	fake_target_set_reg(g->ft, vcpu, "cr0", 0x80050033);
	fake_target_set_reg(g->ft, vcpu, "cr3", cr3);
	fake_target_set_reg(g->ft, vcpu, "cr4", g->pt.levels == 5 ? 0x16f0 : 0x6f0);
	fake_target_set_reg(g->ft, vcpu, "efer", 0xd01);
	fake_target_set_reg(g->ft, vcpu, "gs_base", 0);
	fake_target_set_reg(g->ft, vcpu, "k_gs_base", 0);
}

void image_map(struct guest_image *g, uint64_t va, uint64_t pa, uint64_t size, unsigned int flags)
{
	uint64_t table = g->pt.root.v, entry = pa | P | (flags & PG_WRITE ? W : 0) |
		(flags & PG_USER ? U : 0) | (flags & PG_EXEC ? 0 : 1ull << 63);
	unsigned int leaf = size == PAGE_SIZE ? 1 : 2;

	for (unsigned int level = g->pt.levels; level > leaf; level--) {
		unsigned int i = va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;

		if (!get_entry(g, table, i))
			set_entry(g, table, i, image_new_root(g) | P | W | U);
		table = get_entry(g, table, i) & 0x000ffffffffff000;
	}
	set_entry(g, table, va >> (PAGE_SHIFT + 9 * (leaf - 1)) & 511,
		  leaf == 2 ? entry | PS : entry);
}

void image_alloc(struct guest_image *g, uint64_t va, uint64_t len, unsigned int flags)
{
	for (uint64_t at = va; at < va + len; at += PAGE_SIZE) {
		image_map(g, at, g->next_page, PAGE_SIZE, flags);
		g->next_page += PAGE_SIZE;
	}
}

static uint64_t lookup(struct guest_image *g, uint64_t va)
{
	uint64_t table = g->pt.root.v;

	for (unsigned int level = g->pt.levels; level > 0; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * (level - 1);
		uint64_t e = get_entry(g, table, va >> shift & 511);

		if (!(e & P))
			abort();
		if (level == 1 || e & PS)
			return (e & 0x000ffffffffff000) + (va & ((1ull << shift) - 1));
		table = e & 0x000ffffffffff000;
	}
	abort();
}

void image_write(struct guest_image *g, uint64_t va, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		size_t n = MIN(len, PAGE_SIZE - (va & (PAGE_SIZE - 1)));

		fake_target_write(g->ft, lookup(g, va), p, n);
		va += n;
		p += n;
		len -= n;
	}
}

void image_put64(struct guest_image *g, uint64_t va, uint64_t v)
{
	uint8_t raw[8];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(v >> 8 * i);
	image_write(g, va, raw, sizeof(raw));
}

void image_put32(struct guest_image *g, uint64_t va, uint32_t v)
{
	uint8_t raw[4];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(v >> 8 * i);
	image_write(g, va, raw, sizeof(raw));
}
