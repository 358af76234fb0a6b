/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "arena-image.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "btf-build.h"
#include "unit.h"

static uint32_t strukt(struct btf_build *b, const char *name, uint32_t size)
{
	return btf_build_struct(b, name, size);
}

/* The nodes of a tree, in full or as declarations; the types are those of pointers to them. */
static uint32_t tree_types(struct btf_build *b, unsigned int flags, uint32_t s32, uint32_t u64, uint32_t *data_ptr)
{
	if (flags & IMG_FORWARD) {
		uint32_t desc = btf_build_fwd(b, "sdt_desc", false);

		*data_ptr = btf_build_ptr(b, flags & IMG_ABSENT ? 0 : btf_build_fwd(b, "sdt_data", false));
		return btf_build_ptr(b, desc);
	}
	bool urcu = flags & (IMG_URCU | IMG_TAIL);
	uint32_t bits = btf_build_array(b, u64, u64, 8), flex = btf_build_array(b, u64, u64, 0);
	uint32_t data = strukt(b, "sdt_data", urcu ? 16 : 8);
	btf_build_member(b, "tid", data + 1, 0);
	if (urcu)
		btf_build_member(b, "urcu_link", u64, 64);
	if (!(flags & IMG_TAIL))
		btf_build_member(b, "payload", flex, urcu ? 128 : 64);
	btf_build_union(b, "sdt_id", 8); /* data + 1 */
	btf_build_member(b, "val", u64, 0);
	btf_build_member(b, "", data + 2, 0);
	strukt(b, NULL, 8); /* data + 2 */
	btf_build_member(b, "idx", s32, 0);
	btf_build_member(b, "genn", s32, 32);
	*data_ptr = btf_build_ptr(b, flags & IMG_TAIL ? 0 : data);
	uint32_t children = btf_build_array(b, *data_ptr, u64, IMG_FANOUT);
	uint32_t chunk = strukt(b, "sdt_chunk", sizeof(struct img_chunk));
	btf_build_member(b, "", chunk + 1, 0);
	btf_build_union(b, NULL, sizeof(struct img_chunk));
	btf_build_member(b, "data", children, 0);
	uint32_t chunk_ptr = btf_build_ptr(b, chunk);
	uint32_t desc = strukt(b, "sdt_desc", sizeof(struct img_desc) - (flags & IMG_BEHIND ? 4 : 0));
	btf_build_member(b, "allocated", bits, 0);
	btf_build_member(b, "nr_free", u64, 512);
	btf_build_member(b, "chunk", chunk_ptr, 576);
	return btf_build_ptr(b, desc);
}

static uint32_t ctx_type(struct btf_build *b, const char *name, uint32_t u32)
{
	uint32_t rest = btf_build_array(b, u32, u32, 3), id = strukt(b, name, sizeof(struct img_task_ctx));

	btf_build_member(b, "pid", u32, 0);
	btf_build_member(b, "seq", u32, 32);
	btf_build_member(b, "rest", rest, 64);
	return id;
}

static void variable(struct btf_build *b, const uint32_t *vars, size_t i, uint32_t off, uint32_t size)
{
	btf_build_secvar(b, vars[i], off, size);
}

void arena_image_btf(struct btf_build *bb, unsigned int flags, uint32_t *bss_type, uint32_t *val_type)
{
	uint32_t u32 = btf_build_int(bb, "u32", 4, 0), u64 = btf_build_int(bb, "u64", 8, 0),
		 s32 = btf_build_int(bb, "int", 4, BTF_INT_SIGNED), data_ptr,
		 desc_ptr = tree_types(bb, flags, s32, u64, &data_ptr), void_ptr = btf_build_ptr(bb, 0);
	uint32_t pool = strukt(bb, "sdt_pool", 32);
	btf_build_member(bb, "slab", void_ptr, 0);
	btf_build_member(bb, "elem_size", u64, 64);
	btf_build_member(bb, "max_elems", u64, 128);
	btf_build_member(bb, "idx", u64, 192);
	uint32_t alloc = strukt(bb, flags & IMG_NO_LIBRARY ? "an_allocator" : "scx_allocator", 40);
	btf_build_member(bb, "pool", pool, 0);
	btf_build_member(bb, "root", desc_ptr, 256);
	uint32_t region_size = flags & IMG_LINKED ? 40 : 24, region = strukt(bb, "scx_static", region_size);
	btf_build_member(bb, flags & IMG_LINKED ? "max_contig_bytes" : "max_alloc_bytes", u64, 0);
	btf_build_member(bb, "memory", void_ptr, 64);
	btf_build_member(bb, "off", u64, 128);
	if (flags & IMG_LINKED) {
		btf_build_member(bb, "lim_memusage", u64, 192);
		btf_build_member(bb, "cur_memusage", u64, 256);
	}
	uint32_t buddy = strukt(bb, flags & IMG_BUDDY ? "buddy" : "a_buddy", 16);
	btf_build_member(bb, "lock", u64, 0);
	btf_build_member(bb, "first_chunk", void_ptr, 64);
	uint32_t holder = strukt(bb, "holder", 40);
	btf_build_member(bb, "allocator", alloc, 0);
	uint32_t per_node = btf_build_array(bb, holder, u64, 1);
	uint32_t ctx = ctx_type(bb, "task_ctx", u32), ctx_ptr = btf_build_ptr(bb, ctx);
	uint32_t twin_ptr = void_ptr;
	if (flags & IMG_TWIN_CTX) {
		uint32_t twin = ctx_type(bb, "twin_ctx", u32);

		if (flags & IMG_TAGGED)
			twin = btf_build_ref(bb, BTF_KIND_TYPE_TAG, "arena", twin);
		twin_ptr = btf_build_ptr(bb, twin);
	}
	uint32_t item = strukt(bb, "work_item", sizeof(struct img_node));
	btf_build_member(bb, "nr", u64, 0);
	btf_build_member(bb, "next", item + 1, 64);
	uint32_t item_ptr = btf_build_ptr(bb, item);
	uint32_t id = btf_build_union(bb, "sdt_id", 8);
	btf_build_member(bb, "val", u64, 0);
	*val_type = strukt(bb, "scx_task_map_val", sizeof(struct img_map_val));
	btf_build_member(bb, "tid", id, 0);
	btf_build_member(bb, "data", data_ptr, 64);
	(void)twin_ptr;

	const uint32_t vars[] = {
		btf_build_var(bb, "scx_task_allocator", alloc, 1), btf_build_var(bb, "per_node", per_node, 1),
		btf_build_var(bb, "scx_static", region, 1),
		btf_build_var(bb, "last_ctx", flags & IMG_NO_CTX ? u64 : ctx_ptr, 1),
		btf_build_var(bb, "head", item_ptr, 1), btf_build_var(bb, "heap", buddy, 1),
	};
	*bss_type = btf_build_datasec(bb, ".bss", sizeof(struct img_bss));
	variable(bb, vars, 0, offsetof(struct img_bss, slab), 40);
	variable(bb, vars, 1, offsetof(struct img_bss, other), 40);
	variable(bb, vars, 2, offsetof(struct img_bss, max_bytes), region_size);
	variable(bb, vars, 3, offsetof(struct img_bss, last_ctx), 8);
	variable(bb, vars, 4, offsetof(struct img_bss, head), 8);
	variable(bb, vars, 5, offsetof(struct img_bss, buddy_lock), 16);
}

static void program_types(struct arena_image *im, unsigned int flags)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	arena_image_btf(&b, flags, &im->bss_type, &im->val_type);
	im->types = btf_build_types(&b);
}

void arena_image_init(struct arena_image *im, unsigned int flags)
{
	*im = (struct arena_image){ .fk = fake_kernel_new() };
	const struct fake_field f[] = { { "pid", im->fk->u32, 0 } };

	fake_kernel_struct(im->fk, flags & IMG_KERNELS ? "task_ctx" : "something", sizeof(struct img_task_ctx), f, 1);
	fake_kernel_ready(im->fk);
	ASSERT_OK(report_create(&im->r));
	im->w = (struct walk){ .k = im->fk->k, .r = im->r, .opts = &im->opts };
	program_types(im, flags);
}

void arena_image_deinit(struct arena_image *im)
{
	report_destroy(im->r);
	types_destroy(im->types);
	fake_kernel_destroy(im->fk);
}

static struct map_row *add_map(struct arena_image *im, uint32_t id, uint32_t type)
{
	struct map_row *row = vec_push(&im->r->maps);

	row->id = id;
	row->kva.v = 0xffff888000000000 + id;
	row->type = type;
	return row;
}

uint8_t *arena_image_arena(struct arena_image *im, uint32_t id, uint64_t user)
{
	struct map_row *row = add_map(im, id, 33);
	uint8_t *mem = pool_alloc(&im->r->pool, (size_t)IMG_PAGES * PAGE_SIZE);

	row->body = MAP_BODY_ARENA;
	row->arena = pool_alloc(&im->r->pool, sizeof(*row->arena));
	row->arena->user_vm_start = user;
	row->arena->kern_vm_start = 0xffffc90000008000 + ((uint64_t)id << 34);
	row->arena->pages = pool_calloc(&im->r->pool, IMG_PAGES, sizeof(struct arena_page));
	row->arena->nr_pages = IMG_PAGES;
	for (size_t i = 0; i < IMG_PAGES; i++) {
		row->arena->pages[i].user_addr = user + i * PAGE_SIZE;
		row->arena->pages[i].bytes = i + 1 < IMG_PAGES ? mem + i * PAGE_SIZE : NULL;
	}
	return mem;
}

struct img_bss *arena_image_bss(struct arena_image *im, uint32_t id)
{
	struct map_row *row = add_map(im, id, 2);
	struct img_bss *bss = pool_alloc(&im->r->pool, sizeof(*bss));

	row->body = MAP_BODY_VALUE;
	row->types = im->types;
	row->value_type = im->bss_type;
	row->value = (const uint8_t *)bss;
	row->value_len = row->value_size = sizeof(*bss);
	return bss;
}

struct img_map_val *arena_image_tasks(struct arena_image *im, uint32_t id, size_t nr)
{
	struct map_row *row = add_map(im, id, 29);
	struct img_map_val *values = pool_calloc(&im->r->pool, nr, sizeof(*values));
	struct map_owner *owners = pool_calloc(&im->r->pool, nr, sizeof(*owners));

	row->body = MAP_BODY_ENTRIES;
	row->types = im->types;
	row->value_type = im->val_type;
	row->value_size = sizeof(*values);
	row->entries = pool_calloc(&im->r->pool, nr, sizeof(*row->entries));
	row->nr_entries = nr;
	for (size_t i = 0; i < nr; i++) {
		owners[i] = (struct map_owner){ .kva = { 0xffff888100000000 + i }, .kind = OWNER_TASK,
						.pid = 100 + (int32_t)i, .comm = "task" };
		row->entries[i].owner = &owners[i];
		row->entries[i].value = (const uint8_t *)&values[i];
	}
	return values;
}

void arena_image_prog(struct arena_image *im, uint32_t a, uint32_t b)
{
	struct prog_row *p = vec_push(&im->r->progs);

	p->map_ids = pool_calloc(&im->r->pool, 2, sizeof(*p->map_ids));
	p->map_ids[0] = a;
	p->map_ids[1] = b;
	p->nr_maps = 2;
}

void arena_image_tree(struct img_bss *bss, uint8_t *mem, uint64_t user)
{
	for (unsigned int i = 0; i < 4; i++) {
		img_desc_at(mem, i)->nr_free = IMG_FANOUT;
		img_desc_at(mem, i)->chunk = user + PAGE_SIZE * (i + 1);
	}
	img_chunk_at(mem, 0)->child[0] = user + sizeof(struct img_desc);
	img_chunk_at(mem, 1)->child[0] = user + 2 * sizeof(struct img_desc);
	img_chunk_at(mem, 1)->child[5] = user + 3 * sizeof(struct img_desc);
	bss->root = user;
	bss->elem_size = 32;
}

void arena_image_slot(uint8_t *mem, unsigned int leaf, uint32_t at, uint64_t addr)
{
	unsigned int i = leaf ? 3 : 2;

	img_desc_at(mem, i)->allocated[at / 64] |= 1ULL << at % 64;
	img_desc_at(mem, i)->nr_free--;
	img_chunk_at(mem, i)->child[at] = addr;
}
