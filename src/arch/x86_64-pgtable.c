/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64 page tables of four and five levels, walked table by table over physical memory. */
#include "config.h"

#include "arch/x86_64.h"

#include <inttypes.h>

enum {
	ENTRIES = 512,
	INDEX_BITS = 9,
	MAX_TABLES = 1 << 18, /* visited by one walk: enough for 512 GiB in 4 KiB pages */
};

static const uint64_t PRESENT = 1 << 0, WRITE = 1 << 1, USER = 1 << 2, HUGE = 1 << 7,
		      NX = 1ull << 63, ADDR = 0x000ffffffffff000;

/* Bits of the address below a table's entry; level 1 is the table of 4 KiB pages. */
static unsigned int level_shift(unsigned int level)
{
	return PAGE_SHIFT + INDEX_BITS * (level - 1);
}

static bool canonical(const struct pgtable *pt, uint64_t va)
{
	unsigned int bits = level_shift(pt->levels + 1);

	return (uint64_t)sign_extend(va, bits) == va;
}

static unsigned int entry_flags(uint64_t e)
{
	return (e & WRITE ? PG_WRITE : 0) | (e & NX ? 0 : PG_EXEC) | (e & USER ? PG_USER : 0);
}

/* Bit 7 means a huge page at 1 GiB and 2 MiB; higher up it is reserved, so the entry is no table. */
static bool is_leaf(uint64_t e, unsigned int level)
{
	return level == 1 || (e & HUGE);
}

static bool is_valid(uint64_t e, unsigned int level)
{
	return (e & PRESENT) && !(level > 3 && (e & HUGE));
}

/* Below the address bits of a huge page lie PAT and reserved bits. */
static uint64_t leaf_addr(uint64_t e, unsigned int level)
{
	return align_down(e & ADDR, 1ull << level_shift(level));
}

struct err *x86_64_translate(struct mem *mem, const struct pgtable *pt, uint64_t va,
			     struct gpa *ret, uint64_t *ret_len)
{
	uint64_t table = pt->root.v;

	if (!canonical(pt, va))
		return err_fault(va, "not a canonical address");

	for (unsigned int level = pt->levels; level > 0; level--) {
		unsigned int shift = level_shift(level);
		uint64_t at = table + (va >> shift) % ENTRIES * 8;
		uint8_t raw[8];
		struct err *e = mem_read(mem, (struct gpa){ at }, raw, sizeof(raw));

		if (e) {
			if (e->code == ERR_FAULT)
				e->addr = va;
			return err_prefix(e, "page table at 0x%" PRIx64, align_down(at, PAGE_SIZE));
		}

		uint64_t entry = get_le64(raw);
		if (!is_valid(entry, level))
			return err_fault(va, "not mapped");
		if (is_leaf(entry, level)) {
			uint64_t size = 1ull << shift, off = va & (size - 1);

			*ret = (struct gpa){ leaf_addr(entry, level) + off };
			*ret_len = size - off;
			return NULL;
		}
		table = entry & ADDR;
	}
	return err_fault(va, "not mapped"); /* not reached: level 1 is always a leaf */
}

struct walk {
	struct mem *mem;
	uint64_t first, last; /* inclusive: the last byte of the address space is mapped too */
	bool (*fn)(void *ctx, const struct mapping *m);
	void *ctx;
	size_t unreadable, tables;
	bool stopped;
	unsigned int address_bits;
};

/* Fetches the tables below this one together, so that the walk costs one round trip per table. */
static struct err *prefetch_below(struct walk *w, const uint8_t *table, unsigned int level,
				  unsigned int from, unsigned int to)
{
	struct gpa below[ENTRIES];
	size_t nr = 0;

	for (unsigned int i = from; i <= to; i++) {
		uint64_t entry = get_le64(table + 8 * i);

		if (is_valid(entry, level) && !is_leaf(entry, level))
			below[nr++] = (struct gpa){ entry & ADDR };
	}
	return nr > 1 ? mem_prefetch(w->mem, below, nr) : NULL;
}

static struct err *walk_table(struct walk *w, uint64_t table, unsigned int level, uint64_t base,
			      unsigned int flags)
{
	const uint8_t *page;
	struct err *e = mem_page(w->mem, (struct gpa){ table }, &page);

	if (e) {
		if (e->code != ERR_FAULT)
			return e;
		err_free(e);
		w->unreadable++;
		return NULL;
	}
	/* Tables that refer to each other end at level 1, but 512^4 steps are no end either. */
	if (w->tables++ >= MAX_TABLES)
		return err_new(ERR_LIMIT, "more than %d page tables", MAX_TABLES);

	unsigned int shift = level_shift(level);
	uint64_t span = 1ull << shift, table_last = base + (span * ENTRIES - 1);
	unsigned int from = (unsigned int)((MAX(w->first, base) - base) >> shift);
	unsigned int to = (unsigned int)((MIN(w->last, table_last) - base) >> shift);

	TRY(prefetch_below(w, page, level, from, to));
	for (unsigned int i = from; i <= to && !w->stopped; i++) {
		uint64_t entry = get_le64(page + 8 * i), va = base + (uint64_t)i * span;
		unsigned int own = entry_flags(entry) & flags;

		if (!is_valid(entry, level))
			continue;
		if (is_leaf(entry, level)) {
			struct mapping m = {
				.va = (uint64_t)sign_extend(va, w->address_bits),
				.pa = leaf_addr(entry, level),
				.len = span,
				.flags = own,
			};
			w->stopped = !w->fn(w->ctx, &m);
		} else {
			TRY(walk_table(w, entry & ADDR, level - 1, va, own));
		}
	}
	return NULL;
}

struct err *x86_64_walk(struct mem *mem, const struct pgtable *pt, uint64_t start, uint64_t end,
			bool (*fn)(void *ctx, const struct mapping *m), void *ctx,
			size_t *unreadable)
{
	unsigned int bits = level_shift(pt->levels + 1);
	uint64_t mask = (1ull << bits) - 1, half = 1ull << (bits - 1);
	uint64_t last = end - 1; /* end 0: up to the top of the address space */
	struct walk w = {
		.mem = mem,
		.fn = fn,
		.ctx = ctx,
		.address_bits = bits,
	};
	struct err *e = NULL;

	if (start > last)
		return NULL;
	/* The two canonical halves lie side by side in the tables; what is between is nowhere. */
	struct {
		uint64_t first, last;
	} halves[] = { { 0, half - 1 }, { ~(half - 1), ~0ull } };
	for (size_t i = 0; !e && i < ARRAY_SIZE(halves) && !w.stopped; i++) {
		if (start > halves[i].last || last < halves[i].first)
			continue;
		w.first = MAX(start, halves[i].first) & mask;
		w.last = MIN(last, halves[i].last) & mask;
		e = walk_table(&w, pt->root.v, pt->levels, 0, PG_WRITE | PG_EXEC | PG_USER);
	}
	if (unreadable)
		*unreadable = w.unreadable;
	return e;
}
