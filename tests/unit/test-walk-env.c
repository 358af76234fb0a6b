/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "target/mem.h"
#include "walk/walk.h"

static const uint64_t kern_a = 0xffffc98000008000, kern_b = 0xffffc99000008000;

struct fixture {
	struct fake_kernel *fk;
	struct report *r;
	struct walk_opts opts;
	struct walk w;
};

static uint8_t page_bytes[3][PAGE_SIZE];

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .fk = fake_kernel_new() };
	/* struct holder { struct cpumask *mask; } as type ids follow. */
	const struct fake_field bits[] = { { "bits", fake_kernel_array(f->fk, f->fk->u64, 1), 0 } };
	int mask = fake_kernel_struct(f->fk, "cpumask", 8, bits, 1);
	const struct fake_field held[] = { { "mask", fake_kernel_pointer(f->fk, mask), 0 } };

	fake_kernel_struct(f->fk, "holder", 8, held, 1);
	fake_kernel_ready(f->fk);
	fake_kernel_cpus(f->fk, 4, 0, 0);
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = f->fk->k, .r = f->r, .opts = &f->opts };
	for (size_t i = 0; i < ARRAY_SIZE(page_bytes); i++)
		memset(page_bytes[i], 0x10 + (int)i, PAGE_SIZE);
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	fake_kernel_destroy(f->fk);
}

static struct map_row *add_map(struct fixture *f, uint64_t kva)
{
	struct map_row *row = vec_push(&f->r->maps);

	row->kva.v = kva;
	return row;
}

static void add_arena(struct fixture *f, uint64_t kva, uint64_t user, uint64_t kern,
		      struct arena_page *pages, size_t nr)
{
	struct arena_body *body = pool_alloc(&f->r->pool, sizeof(*body));

	*body = (struct arena_body){ .pages = pages, .nr_pages = nr, .user_vm_start = user,
				     .kern_vm_start = kern };
	add_map(f, kva)->arena = body;
}

static size_t read_at(const struct fixture *f, uint64_t addr, size_t len, uint8_t *first)
{
	uint8_t buf[64];
	size_t n = f->r->env.read_arena(f->r->env.ctx, addr, buf, len);

	*first = n ? buf[0] : 0;
	return n;
}

static void test_arena(void)
{
	struct fixture f;
	setup(&f);
	static const uint64_t user = 0x100000000000;
	struct arena_page pages[] = {
		{ .user_addr = user, .bytes = page_bytes[0] },
		{ .user_addr = user + 0x1000, .bytes = page_bytes[1] },
		{ .user_addr = user + 0x3000 },
		{ .user_addr = user + 0x4000, .not_kept = true },
		{ .user_addr = user + 0xfffff000, .bytes = page_bytes[2] },
	};
	uint8_t first;

	add_arena(&f, 1, user, kern_a, pages, ARRAY_SIZE(pages));
	ASSERT_OK(walk_env(&f.w));
	const struct value_env *env = &f.r->env;
	CU_ASSERT_EQUAL(env->nr_cpus, 4);
	CU_ASSERT_TRUE(env->in_arena(env->ctx, user));
	CU_ASSERT_TRUE(env->in_arena(env->ctx, user + 0xffffffff));
	CU_ASSERT_FALSE(env->in_arena(env->ctx, user + (1ULL << 32)));
	CU_ASSERT_FALSE(env->in_arena(env->ctx, user - 1));
	CU_ASSERT_TRUE(env->in_arena(env->ctx, kern_a + 0x1000));

	CU_ASSERT_EQUAL(read_at(&f, user + 0xff0, 32, &first), 32);
	CU_ASSERT_EQUAL(first, 0x10);
	CU_ASSERT_EQUAL(read_at(&f, user + 0x1ff0, 32, &first), 16); /* a hole follows */
	CU_ASSERT_EQUAL(first, 0x11);
	CU_ASSERT_EQUAL(read_at(&f, user + 0x3000, 8, &first), 0);
	CU_ASSERT_EQUAL(read_at(&f, user + 0x5000, 8, &first), 0);
	/* Unreadable is told from what nobody tried to read. */
	CU_ASSERT_PTR_NULL(env->skip_arena(env->ctx, user + 0x3000));
	CU_ASSERT_PTR_NULL(env->skip_arena(env->ctx, user + 0x5000));
	CU_ASSERT_PTR_NOT_NULL_FATAL(env->skip_arena(env->ctx, user + 0x4008));
	CU_ASSERT_STRING_EQUAL(env->skip_arena(env->ctx, user + 0x4008), "its arena page was not kept (--arena-bytes)");
	CU_ASSERT_EQUAL(read_at(&f, user + 0xfffffff0, 32, &first), 16);
	CU_ASSERT_EQUAL(first, 0x12);
	CU_ASSERT_EQUAL(read_at(&f, kern_a + 0x1000, 8, &first), 8); /* the kernel's address of it */
	CU_ASSERT_EQUAL(first, 0x11);
	teardown(&f);
}

/* A start that is not 4 GiB-aligned: the kernel's window begins at the low half 0 all the same. */
static void test_odd_arena(void)
{
	struct fixture f;
	setup(&f);
	static const uint64_t user = 0x7fff12345000;
	struct arena_page pages[] = { { .user_addr = user, .bytes = page_bytes[0] },
				      { .user_addr = user + 0x2000, .bytes = page_bytes[1] } };
	uint8_t first;

	add_arena(&f, 1, user, kern_a, pages, ARRAY_SIZE(pages));
	ASSERT_OK(walk_env(&f.w));
	CU_ASSERT_EQUAL(read_at(&f, user + 0x2010, 8, &first), 8);
	CU_ASSERT_EQUAL(first, 0x11);
	CU_ASSERT_EQUAL(read_at(&f, kern_a + (uint32_t)(user + 0x2010), 8, &first), 8);
	CU_ASSERT_EQUAL(first, 0x11);
	CU_ASSERT_EQUAL(read_at(&f, kern_a + 0x2010, 8, &first), 0);
	teardown(&f);
}

/* Several arenas: each pointer goes to its own; where two share addresses nobody knows, and nobody guesses. */
static void test_arenas(void)
{
	struct fixture f;
	setup(&f);
	static const uint64_t one = 0x100000000000, two = 0x200000000000;
	struct arena_page a[] = { { .user_addr = one, .bytes = page_bytes[0] } },
			  b[] = { { .user_addr = two, .bytes = page_bytes[1] } },
			  c[] = { { .user_addr = one, .bytes = page_bytes[2] } };
	struct active_sched active = { .ops_name = "sched" };
	uint8_t first;

	add_arena(&f, 1, one, kern_a, a, 1);
	add_arena(&f, 2, two, kern_b, b, 1);
	ASSERT_OK(walk_env(&f.w));
	CU_ASSERT_EQUAL(read_at(&f, two, 8, &first), 8);
	CU_ASSERT_EQUAL(first, 0x11);
	CU_ASSERT_EQUAL(read_at(&f, kern_b, 8, &first), 8);
	CU_ASSERT_EQUAL(first, 0x11);

	/* Nobody can say which of the two is meant. */
	add_arena(&f, 3, one, kern_b + (2ULL << 32), c, 1);
	ASSERT_OK(walk_env(&f.w));
	CU_ASSERT_TRUE(f.r->env.in_arena(f.r->env.ctx, one));
	CU_ASSERT_EQUAL(read_at(&f, one, 8, &first), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f.r->env.skip_arena(f.r->env.ctx, one));
	CU_ASSERT_PTR_NULL(f.r->env.skip_arena(f.r->env.ctx, two));
	/* Not even the running scheduler's, nor the one that alone has such a page. */
	f.r->active = &active;
	f.r->nr_active = 1;
	f.r->maps.data[2].sched = &active;
	c[0].user_addr += PAGE_SIZE;
	ASSERT_OK(walk_env(&f.w));
	CU_ASSERT_EQUAL(read_at(&f, one, 8, &first), 0);
	CU_ASSERT_EQUAL(read_at(&f, one + PAGE_SIZE, 8, &first), 0);
	teardown(&f);
}

/* What values point at is in the cache when the guest has been let go, and came in few batches. */
static void test_touch(void)
{
	struct fixture f;
	setup(&f);
	enum { NR = 64 };
	static const uint64_t masks = 0xffff888000010000;
	uint8_t values[NR][8];
	struct map_entry entries[NR] = { 0 };
	struct map_row *row = add_map(&f, 1);
	uint32_t holder;

	ASSERT_OK(types_find(f.fk->k->types, BTF_KIND_STRUCT, "holder", &holder));
	for (uint32_t i = 0; i < NR; i++) {
		uint64_t at = masks + i * PAGE_SIZE;

		fake_kernel_put64(f.fk, at, 5);
		memcpy(values[i], &at, 8);
		entries[i] = (struct map_entry){ .index = i, .value = values[i] };
	}
	row->types = f.fk->k->types;
	row->value_type = holder;
	row->value_size = 8;
	row->body = MAP_BODY_ARRAY;
	row->entries = entries;
	row->nr_entries = NR;
	ASSERT_OK(walk_env(&f.w));
	CU_ASSERT(f.fk->ft->batches < 10);

	mem_freeze(f.fk->k->mem);
	struct pool pool = { 0 };
	for (uint32_t i = 0; i < NR; i++) {
		struct value *v = NULL;

		ASSERT_OK(value_render(row->types, holder, values[i], 8, &f.r->env, &pool, &v));
		CU_ASSERT_EQUAL_FATAL(v->kind, VALUE_STRUCT);
		CU_ASSERT_EQUAL_FATAL(v->st.nr, 1);
		const struct value *p = v->st.members[0].value;
		CU_ASSERT_EQUAL(p->kind, VALUE_PTR);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p->ptr.deref);
		CU_ASSERT_STRING_EQUAL(p->ptr.deref->cpus, "0,2");
	}
	pool_deinit(&pool);
	teardown(&f);
}

UNIT_MAIN("walk-env", { "pointers into an arena", test_arena },
	  { "arena at an odd address", test_odd_arena }, { "several arenas", test_arenas },
	  { "what values point at is read in time", test_touch })
