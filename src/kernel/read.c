/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading by virtual address.  Runs in many fibers at once: whatever may sleep (translate, mem_read)
 * may let others in, so nothing here keeps state across it.
 */
#include "config.h"

#include "kernel/kernel.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "kernel/internal.h"

/* Translations by page size; direct-mapped, so it cannot grow, and a clash costs a cached walk. */
enum { TLB_SIZES = 3 };
static const unsigned int tlb_shift[TLB_SIZES] = { 12, 21, 30 };
static const size_t tlb_slots[TLB_SIZES] = { 16384, 2048, 128 };

struct tlb_entry {
	uint64_t tag; /* page number + 1; 0: empty */
	uint64_t pa;  /* of the page */
};

struct kernel_tlb {
	struct tlb_entry *entries[TLB_SIZES];
};

struct err *tlb_create(struct kernel_tlb **ret)
{
	struct kernel_tlb *tlb = calloc(1, sizeof(*tlb));

	if (!tlb)
		return &err_nomem;
	for (size_t i = 0; i < TLB_SIZES; i++) {
		tlb->entries[i] = calloc(tlb_slots[i], sizeof(struct tlb_entry));
		if (!tlb->entries[i]) {
			tlb_destroy(tlb);
			return &err_nomem;
		}
	}
	*ret = tlb;
	return NULL;
}

void tlb_destroy(struct kernel_tlb *tlb)
{
	if (!tlb)
		return;
	for (size_t i = 0; i < TLB_SIZES; i++)
		free(tlb->entries[i]);
	free(tlb);
}

static struct tlb_entry *tlb_slot(const struct kernel_tlb *tlb, size_t i, uint64_t va)
{
	return &tlb->entries[i][(va >> tlb_shift[i]) % tlb_slots[i]];
}

static bool tlb_lookup(const struct kernel_tlb *tlb, uint64_t va, struct gpa *ret)
{
	for (size_t i = 0; i < TLB_SIZES; i++) {
		const struct tlb_entry *entry = tlb_slot(tlb, i, va);

		if (entry->tag != (va >> tlb_shift[i]) + 1)
			continue;
		*ret = (struct gpa){ entry->pa + (va & ((1ull << tlb_shift[i]) - 1)) };
		return true;
	}
	return false;
}

/* `len` is from va to the end of its page, so the page's size is the next power of two that fits. */
static void tlb_insert(struct kernel_tlb *tlb, uint64_t va, struct gpa pa, uint64_t len)
{
	for (size_t i = TLB_SIZES; i-- > 0;) {
		uint64_t size = 1ull << tlb_shift[i], off = va & (size - 1);

		if (off + len != size && i > 0)
			continue;
		/* The last 4 KiB of a huge page look like a small one; entering that is no mistake. */
		if (i > 0 && len <= 1ull << tlb_shift[i - 1])
			continue;
		*tlb_slot(tlb, i, va) = (struct tlb_entry){
			.tag = (va >> tlb_shift[i]) + 1,
			.pa = pa.v - off,
		};
		return;
	}
}

static struct err *translate(struct kernel *k, uint64_t va, struct gpa *ret)
{
	uint64_t len;

	if (tlb_lookup(k->tlb, va, ret))
		return NULL;
	TRY(k->arch->translate(k->mem, &k->pt, va, ret, &len));
	tlb_insert(k->tlb, va, *ret, len);
	return NULL;
}

struct err *ktranslate(struct kernel *k, struct kva addr, struct gpa *ret)
{
	return err_prefix(translate(k, addr.v, ret), "cannot read 0x%016" PRIx64, addr.v);
}

/* Bytes from va to the end of its 4 KiB page. */
static size_t page_rest(uint64_t va)
{
	return PAGE_SIZE - (va & (PAGE_SIZE - 1));
}

/* One piece that does not cross a page. */
static struct err *read_piece(struct kernel *k, uint64_t va, void *buf, size_t len)
{
	struct gpa pa;
	struct err *e;

	TRY(ktranslate(k, (struct kva){ va }, &pa));
	e = mem_read(k->mem, pa, buf, len);
	if (!e || e->code != ERR_FAULT)
		return e;
	if (!target_is_ram(k->target, pa, len)) {
		err_free(e);
		return err_fault(va, "cannot read 0x%016" PRIx64 ": mapped to 0x%" PRIx64
				 ", which is not in guest RAM", va, pa.v);
	}
	e->addr = va;
	return err_prefix(e, "cannot read 0x%016" PRIx64 ": mapped to 0x%" PRIx64, va, pa.v);
}

/* Pages are fetched together before they are read one by one; so much at a time. */
enum { READ_AHEAD = 16 << 20 };

static struct err *read_pages(struct kernel *k, uint64_t va, uint8_t *buf, size_t len, size_t *done)
{
	uint64_t end;

	if (add_overflows(va, (uint64_t)len, &end) && end)
		return err_fault(va, "cannot read %zu bytes at 0x%016" PRIx64 ": beyond the end of "
				 "the address space", len, va);
	for (*done = 0; *done < len;) {
		size_t n = MIN(page_rest(va + *done), len - *done);

		if (*done % READ_AHEAD < PAGE_SIZE && len - *done > n) {
			struct krange r = {
				{ va + *done }, MIN(len - *done, (size_t)READ_AHEAD + PAGE_SIZE)
			};
			kprefetch(k, &r, 1);
		}
		TRY(read_piece(k, va + *done, buf + *done, n));
		*done += n;
	}
	return NULL;
}

struct err *kread(struct kernel *k, struct kva addr, void *buf, size_t len)
{
	size_t done;

	return read_pages(k, addr.v, buf, len, &done);
}

size_t kread_some(struct kernel *k, struct kva addr, void *buf, size_t len)
{
	size_t done = 0;

	err_ignore(read_pages(k, addr.v, buf, len, &done));
	return done;
}

struct err *kread_u8(struct kernel *k, struct kva addr, uint8_t *ret)
{
	return kread(k, addr, ret, 1);
}

struct err *kread_u32(struct kernel *k, struct kva addr, uint32_t *ret)
{
	uint8_t raw[4];

	TRY(kread(k, addr, raw, sizeof(raw)));
	*ret = get_le32(raw);
	return NULL;
}

struct err *kread_u64(struct kernel *k, struct kva addr, uint64_t *ret)
{
	uint8_t raw[8];

	TRY(kread(k, addr, raw, sizeof(raw)));
	*ret = get_le64(raw);
	return NULL;
}

struct err *kread_kva(struct kernel *k, struct kva addr, struct kva *ret)
{
	return kread_u64(k, addr, &ret->v);
}

struct err *kread_str(struct kernel *k, struct kva addr, char *buf, size_t size)
{
	size_t done = 0;

	while (done + 1 < size) {
		size_t n = MIN(page_rest(addr.v + done), size - 1 - done);
		struct err *e = read_piece(k, addr.v + done, buf + done, n);

		if (e) {
			buf[done] = '\0';
			return e;
		}
		if (memchr(buf + done, '\0', n))
			return NULL;
		done += n;
	}
	if (size)
		buf[done] = '\0';
	return NULL;
}

struct err *kget(struct kernel *k, struct kva obj, const struct member *m, uint64_t *ret)
{
	struct member at_zero = *m;
	uint8_t raw[8];

	if (!m->present)
		return err_new(ERR_MISSING, "this kernel has no such member");
	if (m->size > sizeof(raw))
		return err_new(ERR_CORRUPT, "a member of %u bytes is no number", m->size);
	TRY(kread(k, kmember(obj, m), raw, m->size));
	at_zero.off = 0;
	*ret = member_get(&at_zero, raw);
	return NULL;
}

struct err *kget_kva(struct kernel *k, struct kva obj, const struct member *m, struct kva *ret)
{
	return kget(k, obj, m, &ret->v);
}

struct err *kget_str(struct kernel *k, struct kva obj, const struct member *m, char *buf,
		     size_t size)
{
	if (!m->present)
		return err_new(ERR_MISSING, "this kernel has no such member");
	/* An array that is full has no NUL; what is behind it is another member. */
	return kread_str(k, kmember(obj, m), buf, MIN(size, (size_t)m->size + 1));
}

/* ---- Prefetching: first the tables, then the pages, each in one batch per level. */

/* A range may be as long as a guest's pointer says; whoever wants more asks again. */
enum { MAX_PREFETCH_PAGES = 65536 };

struct prefetch {
	struct kernel *k;
	uint64_t *regions; /* one address in each 2 MiB that is not translated yet */
};

/* All pages of 2 MiB share one lowest table: one of them fetches the tables for all. */
static void fetch_tables(void *ctx, size_t i)
{
	struct prefetch *p = ctx;
	struct gpa pa;

	err_ignore(translate(p->k, p->regions[i], &pa));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void kprefetch(struct kernel *k, const struct krange *ranges, size_t nr)
{
	VEC(uint64_t) pages = { 0 }, regions = { 0 };
	VEC(struct gpa) phys = { 0 };

	for (size_t i = 0; i < nr && pages.nr < MAX_PREFETCH_PAGES; i++) {
		uint64_t first = align_down(ranges[i].addr.v, PAGE_SIZE), last;

		if (!ranges[i].len ||
		    add_overflows(ranges[i].addr.v, (uint64_t)ranges[i].len - 1, &last))
			continue;
		for (uint64_t va = first; va <= last && va >= first &&
		     pages.nr < MAX_PREFETCH_PAGES; va += PAGE_SIZE) {
			uint64_t *page = vec_push(&pages);

			if (!page)
				goto out;
			*page = va;
		}
	}
	if (!pages.nr)
		goto out;
	qsort(pages.data, pages.nr, sizeof(*pages.data), by_value);

	for (size_t i = 0; i < pages.nr; i++) {
		struct gpa pa;

		if (tlb_lookup(k->tlb, pages.data[i], &pa) ||
		    (regions.nr && regions.data[regions.nr - 1] >> 21 == pages.data[i] >> 21))
			continue;
		uint64_t *region = vec_push(&regions);
		if (!region)
			goto out;
		*region = pages.data[i];
	}
	if (regions.nr > 1)
		mem_each(k->mem, regions.nr, fetch_tables,
			 &(struct prefetch){ .k = k, .regions = regions.data });

	for (size_t i = 0; i < pages.nr; i++) {
		struct gpa pa;

		if (i && pages.data[i] == pages.data[i - 1])
			continue;
		struct err *e = translate(k, pages.data[i], &pa);
		if (e) {
			err_free(e);
			continue;
		}
		struct gpa *page = vec_push(&phys);
		if (!page)
			goto out;
		*page = pa;
	}
	if (phys.nr)
		err_ignore(mem_prefetch(k->mem, phys.data, phys.nr));
out:
	free(pages.data);
	free(regions.data);
	free(phys.data);
}
