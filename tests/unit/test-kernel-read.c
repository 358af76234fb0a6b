/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "guest-image.h"
#include "kernel/internal.h"

static const uint64_t vmalloc = 0xffffc90000000000, direct = 0xffff888000000000;

struct env {
	struct guest_image *img;
	struct mem *mem;
	struct kernel *k;
};

static struct env env_new(void)
{
	struct env v = { .img = image_new(1, 4) };

	ASSERT_OK(mem_create(&v.img->ft->t, &v.mem));
	ASSERT_OK(kernel_new(&v.img->ft->t, v.mem, &arch_x86_64, &v.img->pt, &v.k));
	return v;
}

static void env_free(struct env *v)
{
	kernel_destroy(v->k);
	mem_destroy(v->mem);
	image_free(v->img);
}

static struct kva kva(uint64_t v)
{
	return (struct kva){ v };
}

/* Neighbours in vmalloc space lie anywhere. */
static void test_pages(void)
{
	struct env v = env_new();
	static uint8_t in[10000], out[10000];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	image_map(v.img, vmalloc, 0x5000000, PAGE_SIZE, PG_WRITE);
	image_map(v.img, vmalloc + 0x1000, 0x4000000, PAGE_SIZE, PG_WRITE);
	image_map(v.img, vmalloc + 0x2000, 0x6000000, PAGE_SIZE, PG_WRITE);
	image_write(v.img, vmalloc + 100, in, sizeof(in));
	ASSERT_OK(kread(v.k, kva(vmalloc + 100), out, sizeof(out)));
	CU_ASSERT_EQUAL(memcmp(in, out, sizeof(in)), 0);
	CU_ASSERT_EQUAL(v.img->ft->outside, 0);
	env_free(&v);
}

static void test_errors(void)
{
	struct env v = env_new();
	uint8_t buf[8192];
	struct gpa pa;

	image_alloc(v.img, vmalloc, PAGE_SIZE, PG_WRITE);
	image_map(v.img, vmalloc + 0x10000, 0xfe000000, PAGE_SIZE, PG_WRITE);

	/* The first address that cannot be read, not the first of the range. */
	struct err *e = kread(v.k, kva(vmalloc + 0x800), buf, 4096);
	CU_ASSERT_EQUAL(e->addr, vmalloc + 0x1000);
	CU_ASSERT_PTR_NOT_NULL(strstr(e->msg, "0xffffc90000001000"));
	ASSERT_ERR(e, ERR_FAULT, "not mapped");
	CU_ASSERT_EQUAL(kread_some(v.k, kva(vmalloc + 0x800), buf, 4096), 0x800);
	CU_ASSERT_EQUAL(kread_some(v.k, kva(vmalloc), buf, 100), 100);
	CU_ASSERT_EQUAL(kread_some(v.k, kva(0x123), buf, 100), 0);

	e = kread(v.k, kva(vmalloc + 0x10010), buf, 8);
	CU_ASSERT_EQUAL(e->addr, vmalloc + 0x10010);
	ASSERT_ERR(e, ERR_FAULT, "mapped to 0xfe000010, which is not in guest RAM");
	CU_ASSERT_EQUAL(v.img->ft->outside, 0);

	ASSERT_ERR(ktranslate(v.k, kva(vmalloc + 0x5000), &pa), ERR_FAULT, "not mapped");
	ASSERT_ERR(kread(v.k, kva(~0ull - 3), buf, 8), ERR_FAULT, "end of the address space");
	ASSERT_OK(kread(v.k, kva(0), buf, 0));
	env_free(&v);
}

static void test_huge(void)
{
	struct env v = env_new();
	struct gpa pa;

	image_map(v.img, direct, 0x2000000, 2 << 20, PG_WRITE);
	image_map(v.img, direct + (2 << 20), 0x5000000, PAGE_SIZE, PG_WRITE);
	/* Whichever part of the page is asked for first must not spoil the others. */
	static const uint64_t offs[] = { 0x1ff010, 0x10, 0x1fefff, 0x100000, 0x1ff010 };
	for (size_t i = 0; i < ARRAY_SIZE(offs); i++) {
		ASSERT_OK(ktranslate(v.k, kva(direct + offs[i]), &pa));
		CU_ASSERT_EQUAL(pa.v, 0x2000000 + offs[i]);
	}
	ASSERT_OK(ktranslate(v.k, kva(direct + 0x200010), &pa));
	CU_ASSERT_EQUAL(pa.v, 0x5000010);
	ASSERT_ERR(ktranslate(v.k, kva(direct + 0x201010), &pa), ERR_FAULT, NULL);
	env_free(&v);
}

static void test_strings(void)
{
	struct env v = env_new();
	char buf[64];

	image_alloc(v.img, vmalloc, 2 * PAGE_SIZE, PG_WRITE);
	image_write(v.img, vmalloc + 0xffc, "abcdefgh", 9);
	image_write(v.img, vmalloc + 0x1ffc, "xyz", 4);
	ASSERT_OK(kread_str(v.k, kva(vmalloc + 0xffc), buf, sizeof(buf)));
	CU_ASSERT_STRING_EQUAL(buf, "abcdefgh");
	ASSERT_OK(kread_str(v.k, kva(vmalloc + 0xffc), buf, 6));
	CU_ASSERT_STRING_EQUAL(buf, "abcde");
	ASSERT_OK(kread_str(v.k, kva(vmalloc + 0xffc), buf, 1));
	CU_ASSERT_STRING_EQUAL(buf, "");

	/* The string ends before what cannot be read; or it does not. */
	ASSERT_OK(kread_str(v.k, kva(vmalloc + 0x1ffc), buf, sizeof(buf)));
	CU_ASSERT_STRING_EQUAL(buf, "xyz");
	struct env w = env_new();
	image_alloc(w.img, vmalloc, PAGE_SIZE, PG_WRITE);
	image_write(w.img, vmalloc + 0xffc, "wxyz", 4);
	struct err *e = kread_str(w.k, kva(vmalloc + 0xffc), buf, sizeof(buf));
	CU_ASSERT_EQUAL(e->addr, vmalloc + 0x1000);
	ASSERT_ERR(e, ERR_FAULT, "not mapped");
	CU_ASSERT_STRING_EQUAL(buf, "wxyz");
	env_free(&w);
	env_free(&v);
}

static void test_members(void)
{
	struct env v = env_new();
	uint64_t value = 0;
	char buf[32];

	image_alloc(v.img, vmalloc, PAGE_SIZE, PG_WRITE);
	image_put64(v.img, vmalloc + 0x20, 0x11223344fffffffe);
	image_write(v.img, vmalloc + 0x40, "0123456789abcdefXX", 18);

	struct member m = { .present = true, .off = 0x20, .size = 4 };
	ASSERT_OK(kget(v.k, kva(vmalloc), &m, &value));
	CU_ASSERT_EQUAL(value, 0xfffffffe);
	m.is_signed = true;
	ASSERT_OK(kget(v.k, kva(vmalloc), &m, &value));
	CU_ASSERT_EQUAL((int64_t)value, -2);
	m = (struct member){ .present = true, .off = 0x24, .size = 4, .bit_off = 4, .bit_size = 8 };
	ASSERT_OK(kget(v.k, kva(vmalloc), &m, &value));
	CU_ASSERT_EQUAL(value, 0x34);
	m = (struct member){ .present = true, .off = 0x20, .size = 16 };
	ASSERT_ERR(kget(v.k, kva(vmalloc), &m, &value), ERR_CORRUPT, NULL);
	m.present = false;
	ASSERT_ERR(kget(v.k, kva(vmalloc), &m, &value), ERR_MISSING, NULL);

	/* A full comm has no NUL, and what follows is another member. */
	m = (struct member){ .present = true, .off = 0x40, .size = 16, .nr = 16 };
	ASSERT_OK(kget_str(v.k, kva(vmalloc), &m, buf, sizeof(buf)));
	CU_ASSERT_STRING_EQUAL(buf, "0123456789abcdef");
	ASSERT_OK(kget_str(v.k, kva(vmalloc), &m, buf, 4));
	CU_ASSERT_STRING_EQUAL(buf, "012");
	env_free(&v);
}

/* A long read costs a handful of batches, not one per page. */
static void test_bulk(void)
{
	struct env v = env_new();
	enum { LEN = 20 << 20 };
	uint8_t *buf = malloc(LEN);

	image_alloc(v.img, vmalloc, LEN, PG_WRITE);
	for (uint64_t at = 0; at < LEN; at += PAGE_SIZE)
		image_put64(v.img, vmalloc + at, at);
	v.img->ft->batches = 0;
	ASSERT_OK(kread(v.k, kva(vmalloc), buf, LEN));
	size_t wrong = 0;
	for (size_t at = 0; at < LEN; at += PAGE_SIZE)
		wrong += get_le64(buf + at) != at;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(v.img->ft->batches <= 16);
	free(buf);
	env_free(&v);
}

static void test_prefetch(void)
{
	struct env v = env_new();
	struct krange r[302];
	uint64_t value;

	/* 300 pages under 300 different tables, some of them not there. */
	for (size_t i = 0; i < 300; i++) {
		uint64_t at = vmalloc + ((uint64_t)i << 21);

		if (i % 7)
			image_alloc(v.img, at, PAGE_SIZE, PG_WRITE);
		r[i] = (struct krange){ kva(at + 8), 16 };
	}
	r[300] = (struct krange){ kva(vmalloc), 0 };
	r[301] = (struct krange){ kva(~0ull - 10), 4096 };
	v.img->ft->batches = 0;
	kprefetch(v.k, r, ARRAY_SIZE(r));
	CU_ASSERT(v.img->ft->batches <= 10);
	size_t before = v.img->ft->batches;
	for (size_t i = 0; i < 300; i++) {
		if (i % 7)
			ASSERT_OK(kread_u64(v.k, r[i].addr, &value));
	}
	CU_ASSERT_EQUAL(v.img->ft->batches, before);
	kprefetch(v.k, NULL, 0);
	env_free(&v);
}

struct job {
	struct kernel *k;
	uint64_t got[200];
};

static void read_one(void *ctx, size_t i)
{
	struct job *j = ctx;

	/* Each follows a pointer across two pages of its own. */
	struct err *e = kread_u64(j->k, kva(vmalloc + ((uint64_t)i << 24)), &j->got[i]);
	if (!e)
		e = kread_u64(j->k, kva(j->got[i]), &j->got[i]);
	err_ignore(e);
}

static void test_fibers(void)
{
	struct env v = env_new();
	struct job *j = calloc(1, sizeof(*j));

	j->k = v.k;
	for (size_t i = 0; i < 200; i++) {
		uint64_t at = vmalloc + ((uint64_t)i << 24);

		image_alloc(v.img, at, 2 * PAGE_SIZE, PG_WRITE);
		image_put64(v.img, at, at + PAGE_SIZE + 8);
		image_put64(v.img, at + PAGE_SIZE + 8, i * 3 + 1);
	}
	v.img->ft->batches = 0;
	mem_each(v.mem, 200, read_one, j);
	size_t wrong = 0;
	for (size_t i = 0; i < 200; i++)
		wrong += j->got[i] != i * 3 + 1;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(v.img->ft->batches < 30);
	free(j);
	env_free(&v);
}

UNIT_MAIN("kernel-read", { "across pages", test_pages }, { "errors", test_errors },
	  { "huge pages", test_huge }, { "strings", test_strings }, { "members", test_members },
	  { "long reads", test_bulk }, { "prefetch", test_prefetch },
	  { "side by side", test_fibers })
