/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BTF blobs, and values of their types.  An input is
 *
 *	u16 picks types, u8 length of the value, u8 unused, u32 length of the base
 *	base blob, split blob (may be empty), value
 *
 * What the validator lets pass must pass again unchanged, name and measure every type of it, and render
 * any bytes as any of them within bounds.
 */
#include "config.h"

#include "fuzz.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf/layout.h"
#include "btf/validate.h"
#include "btf/value-scan.h"
#include "btf/value.h"
#include "tests/unit/btf-build.h"
#include "tests/unit/value-text.h"

enum { CONTROL = 8, RENDERED = 4 };

/* The value's own bytes lie behind each pointer, too. */
struct memory {
	const uint8_t *data;
	size_t len;
	bool used;
};

static bool in_arena(void *ctx, uint64_t addr)
{
	struct memory *m = ctx;

	m->used = true;
	return addr && addr < 1ull << 32;
}

static size_t read_all(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct memory *m = ctx;
	size_t off = m->len ? addr % m->len : 0, n = MIN(len, m->len - off);

	m->used = true;
	if (n)
		memcpy(buf, m->data + off, n);
	return n;
}

static bool is_kernels(void *ctx, const char *type)
{
	(void)ctx;
	return *type == 't';
}

static const char *describe(void *ctx, const char *type, uint64_t addr, struct pool *pool)
{
	((struct memory *)ctx)->used = true;
	return addr % 3 ? pool_printf(pool, "%s", type) : NULL;
}

static bool percpu(void *ctx, uint64_t addr, unsigned int cpu, uint64_t *ret)
{
	((struct memory *)ctx)->used = true;
	*ret = addr + cpu;
	return cpu % 5;
}

#define MEMBER(o) { .present = true, .off = o, .size = 8 }

static const struct value_kernel kernel = {
	.list_next = MEMBER(0), .list_prev = MEMBER(8), .list_owner = MEMBER(16),
	.tree_right = MEMBER(8), .tree_left = MEMBER(16), .tree_owner = MEMBER(24),
	.timer_queued = MEMBER(0), .timer_base = MEMBER(8), .timer_fn = MEMBER(16), .timer_map = MEMBER(1020),
	.clock_id = MEMBER(4), .work_data = MEMBER(0), .work_prog = MEMBER(40), .tw_task = MEMBER(8),
};

/* An enormous value costs a second here and proves no more than a large one. */
static bool is_modest(const struct types *types, uint32_t id)
{
	uint64_t size;
	struct err *e = types_size(types, id, &size);

	err_ignore(e);
	return e || size < 1 << 20;
}

static void render(const struct types *types, uint32_t id, const uint8_t *data, size_t len)
{
	struct memory m = { data, len, false };
	struct value_env env = { .nr_cpus = len % 3 ? 100 : 0, .in_arena = in_arena, .read_arena = read_all,
				 .read_kernel = read_all, .read_chain = read_all, .kernel = &kernel,
				 .is_kernels = is_kernels, .describe = describe, .percpu = percpu, .ctx = &m };
	bool may_follow = value_has_pointers(types, id);
	struct pool pool = { 0 };
	struct value *v;

	struct err *e = value_render(types, id, data, len, &env, &pool, &v);
	if (e) {
		if (e->code != ERR_NOMEM)
			abort();
		err_free(e);
	} else {
		if (m.used && !may_follow)
			abort();
		/* 128 less what surrounds a value. */
		if (value_levels(v) > 120 || value_count(v) > 1200000)
			abort();
	}
	pool_deinit(&pool);
}

/* Every part of a value lies in it, and there are no more than were allowed. */
struct bounds {
	const uint8_t *data;
	size_t len, sites;
	struct pool pool;
};

static struct err *check_site(void *ctx, const struct value_site *site, bool *into)
{
	struct bounds *b = ctx;
	bool tagged;

	if (site->data < b->data || site->len > b->len - (size_t)(site->data - b->data))
		abort();
	if (!value_path_text(site->path, &b->pool))
		abort();
	if (value_pointee(site->types, site->type, &tagged) >= types_count(site->types))
		abort();
	*into = ++b->sites % 16;
	return NULL;
}

static void scan(const struct types *types, uint32_t id, const uint8_t *data, size_t len)
{
	struct bounds b = { .data = data, .len = len };
	struct value_scan scan = { .site = check_site, .ctx = &b, .budget = 2000 };

	err_ignore(value_scan(&scan, types, id, data, len));
	if (b.sites + scan.budget > 2000)
		abort();
	pool_deinit(&b.pool);
}

static void look_up(const struct types *types, uint32_t id)
{
	const struct btf_type *t = types_get(types, id);
	uint64_t size;
	int64_t value;

	err_ignore(types_size(types, id, &size));
	if (types_peel(types, id) >= types_count(types))
		abort();

	uint32_t found;
	struct err *e = types_find(types, btf_kind(t), types_name(types, id), &found);
	if (!e && strcmp(types_name(types, found), types_name(types, id)))
		abort();
	err_ignore(e);

	if (btf_is_composite(t)) {
		for (uint32_t i = 0; i < MIN(btf_vlen(t), 20u); i++) {
			struct member m;
			const struct layout_member lm = { types_name(types, id),
							  types_str(types, btf_members(t)[i].name_off), 0,
							  false };

			err_ignore(types_member(types, id, lm.path, &m));
			if (layout_resolve(types, &lm, 1, &m, NULL))
				abort();
		}
	}
	err_ignore(types_enumerator(types, id, "none", &value));
	types_enum_name(types, id, (int64_t)id);
}

static void check_again(const void *blob, size_t len, const struct types *base)
{
	_cleanup_free_ void *once = NULL, *twice = NULL;
	size_t once_len, twice_len;

	if (btf_validate(blob, len, base, &once, &once_len) ||
	    btf_validate(once, once_len, base, &twice, &twice_len) || once_len != twice_len ||
	    memcmp(once, twice, once_len))
		abort();
}

/* NULL if the blob is refused. */
static struct types *take(const void *blob, size_t len, const struct types *base)
{
	struct types *types;
	struct err *e = types_create(blob, len, base, &types);

	if (e) {
		if (strncmp(e->msg, "BTF: ", 5) || strchr(e->msg, '\n'))
			abort();
		err_free(e);
		return NULL;
	}
	check_again(blob, len, base);
	return types;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < CONTROL)
		return 0;

	uint16_t pick = get_le16(data);
	size_t value_len = MIN(data[2], len - CONTROL), blobs = len - CONTROL - value_len;
	size_t base_len = MIN(get_le32(data + 4), blobs);
	const uint8_t *value = data + len - value_len;
	struct types *base = take(data + CONTROL, base_len, NULL), *split = NULL;

	if (!base)
		return 0;
	if (base_len < blobs)
		split = take(data + CONTROL + base_len, blobs - base_len, base);

	const struct types *types = split ? split : base;
	uint32_t nr = types_count(types);
	for (uint32_t id = 1; id < MIN(nr, 500u); id++)
		look_up(types, id);
	for (uint32_t i = 0; i < RENDERED; i++) {
		uint32_t id = (pick + i * 7u) % (nr + 1);

		if (is_modest(types, id))
			render(types, id, value, value_len);
		if (id)
			scan(types, id, value, value_len);
	}
	types_destroy(split);
	types_destroy(base);
	return 0;
}

/* ---- seeds */

/* What the kernel has another idea of: a list of objects that have a list, a tree, a timer and pointers. */
static uint32_t build_kernels(struct btf_build *b, uint32_t u64)
{
	uint32_t words[3];

	for (uint32_t i = 0; i < 3; i++)
		words[i] = btf_build_array(b, u64, u64, i + 2);
	uint32_t head = btf_build_struct(b, "bpf_list_head", 16);
	btf_build_member(b, "__opaque", words[0], 0);
	uint32_t root = btf_build_struct(b, "bpf_rb_root", 16);
	btf_build_member(b, "__opaque", words[0], 0);
	uint32_t timer = btf_build_struct(b, "bpf_timer", 16);
	btf_build_member(b, "__opaque", words[0], 0);
	uint32_t list_node = btf_build_struct(b, "bpf_list_node", 24);
	btf_build_member(b, "__opaque", words[1], 0);
	uint32_t tree_node = btf_build_struct(b, "bpf_rb_node", 32);
	btf_build_member(b, "__opaque", words[2], 0);
	uint32_t item = btf_build_fwd(b, "item", false);
	uint32_t own = btf_build_ptr(b, btf_build_ref(b, BTF_KIND_TYPE_TAG, "kptr", item));
	uint32_t each = btf_build_ptr(b, btf_build_ref(b, BTF_KIND_TYPE_TAG, "percpu_kptr", timer));
	item = btf_build_struct(b, "item", 120);
	btf_build_member(b, "node", list_node, 0);
	btf_build_member(b, "leaf", tree_node, 192);
	btf_build_member(b, "below", head, 448);
	btf_build_member(b, "tree", root, 576);
	btf_build_member(b, "timer", timer, 704);
	btf_build_member(b, "own", own, 832);
	btf_build_member(b, "each", each, 896);
	btf_build_decl_tag(b, "contains:item:node", item, 2);
	btf_build_decl_tag(b, "contains:item:leaf", item, 3);
	return item;
}

/* Every kind, each in its place; the id of struct item. */
static uint32_t build_all(struct btf_build *b)
{
	uint32_t u32 = btf_build_int(b, "u32", 4, 0);
	uint32_t s64 = btf_build_int(b, "long", 8, BTF_INT_SIGNED);
	uint32_t flag = btf_build_int(b, "_Bool", 1, BTF_INT_BOOL);
	uint32_t chr = btf_build_int(b, "char", 1, BTF_INT_CHAR);
	uint32_t i128 = btf_build_int(b, "__int128", 16, BTF_INT_SIGNED);
	uint32_t real = btf_build_float(b, "double", 8);
	uint32_t comm = btf_build_array(b, chr, u32, 16);
	uint32_t flex = btf_build_array(b, u32, u32, 0);
	uint32_t mask_words = btf_build_array(b, s64, u32, 2);
	uint32_t mask = btf_build_struct(b, "cpumask", 16);
	btf_build_member(b, "bits", mask_words, 0);
	uint32_t kind = btf_build_enum(b, "kind", 1, true);
	btf_build_enumerator(b, "BAD", -1);
	btf_build_enumerator(b, "GOOD", 0);
	uint32_t wide = btf_build_enum64(b, "wide", 8, false);
	btf_build_enumerator(b, "TOP", INT64_MIN);
	uint32_t later = btf_build_fwd(b, "node", false);
	uint32_t node_ptr = btf_build_ptr(b, btf_build_ref(b, BTF_KIND_TYPE_TAG, "arena", later));
	uint32_t mask_ptr = btf_build_ptr(b, mask);
	uint32_t anon = btf_build_union(b, NULL, 16);
	btf_build_member(b, "wide", wide, 0);
	btf_build_member(b, "i128", i128, 0);
	uint32_t node = btf_build_struct(b, "node", 88);
	btf_build_member(b, "comm", comm, 0);
	btf_build_member(b, NULL, anon, 128);
	btf_build_bitfield(b, "bits", u32, 256, 5);
	btf_build_bitfield(b, "neg", s64, 261, 40);
	btf_build_member(b, "kind", kind, 304);
	btf_build_member(b, "flag", flag, 312);
	btf_build_member(b, "real", real, 320);
	btf_build_member(b, "next", node_ptr, 384);
	btf_build_member(b, "mask", mask_ptr, 448);
	btf_build_member(b, "cpus", mask, 512);
	btf_build_member(b, "tail", flex, 704);
	uint32_t cv = btf_build_ref(b, BTF_KIND_CONST, NULL,
				    btf_build_ref(b, BTF_KIND_VOLATILE, NULL, node));
	uint32_t named = btf_build_typedef(b, "node_t", btf_build_ref(b, BTF_KIND_RESTRICT, NULL, cv));
	uint32_t proto = btf_build_func_proto(b, s64);
	btf_build_param(b, "n", node_ptr);
	btf_build_param(b, NULL, 0);
	uint32_t func = btf_build_ref(b, BTF_KIND_FUNC, "do_it", proto);
	btf_build_decl_tag(b, "tag", func, 0);
	uint32_t var = btf_build_var(b, "nodes", btf_build_array(b, named, u32, 2), 1);
	uint32_t sec = btf_build_datasec(b, ".bss", 184);
	btf_build_secvar(b, var, 0, 176);
	btf_build_secvar(b, func, 176, 8);
	(void)sec;
	return build_kernels(b, s64);
}

/* An item in which all pointers lead to itself, or to itself by another address. */
static void fill_item(uint8_t value[200])
{
	enum { NEXT = 0, WORDS = 15 };
	static const uint64_t at = 200ull << 40;

	for (size_t i = 0; i < WORDS; i++)
		memcpy(value + 8 * i, &at, sizeof(at));
	memcpy(value + NEXT, &(uint64_t){ 2 * at }, sizeof(at));
}

/* The second seed has split BTF, the third the header of 7.1 without a layout, the fourth an item. */
bool fuzz_seed(size_t i, uint8_t **data, size_t *len)
{
	uint8_t value[200] = { 'c', 'o', 'm', 'm', [48] = 0x10, [56] = 8, [63] = 0xff };
	uint8_t control[CONTROL] = { 33, 0, sizeof(value) };
	struct btf_build b;
	size_t base_len, split_len = 0;
	_cleanup_free_ uint8_t *base = NULL, *split = NULL;

	if (i > 3)
		return false;
	btf_build_init(&b, NULL);
	uint32_t item = build_all(&b);
	if (i == 3) {
		fill_item(value);
		control[0] = (uint8_t)item;
	}
	base = btf_build_finish(&b, &base_len);
	if (i == 1) {
		struct types *types;

		if (types_create(base, base_len, NULL, &types))
			abort();
		btf_build_init(&b, types);
		build_all(&b);
		split = btf_build_finish(&b, &split_len);
		types_destroy(types);
	}

	size_t gap = i == 2 ? 8 : 0;
	base_len += gap;
	memcpy(control + 4, &(uint32_t){ (uint32_t)base_len }, 4);
	*data = NULL;
	*len = 0;
	FILE *f = open_memstream((char **)data, len);
	if (!f)
		abort();
	base[4] = (uint8_t)(base[4] + gap);
	fwrite(control, 1, sizeof(control), f);
	fwrite(base, 1, 24, f);
	fwrite("\0\0\0\0\0\0\0", 1, gap, f);
	fwrite(base + 24, 1, base_len - gap - 24, f);
	if (split)
		fwrite(split, 1, split_len, f);
	fwrite(value, 1, sizeof(value), f);
	if (fclose(f))
		abort();
	return true;
}
