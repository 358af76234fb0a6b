/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pressure: the system's, and a tree of cgroups. */
#include "config.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "unit.h"
#include "walk/walk.h"

enum {
	/* struct cgroup, kernfs_node */
	C_CHILDREN = 0, C_SIBLING = 16, C_FLAGS = 32, C_KN = 40, C_PSI = 48, C_SIZE = 56,
	K_NAME = 0, K_ID = 8,
	/* struct psi_group: total[2][7], avg[7][3] */
	STATES = 7, G_ENABLED = 0, G_TOTAL = 8, G_AVG = G_TOTAL + 2 * STATES * 8, G_SIZE = G_AVG + STATES * 24,
	ROOT_OFF = 64, /* cgroup_root.cgrp */
};

static const uint64_t vars = 0xffffffff9d400000, objects = 0xffff888004000000;

struct image {
	struct fake_kernel *fk;
	struct report *r;
	uint64_t next, root;
	const char *drop;
};

static void put(struct image *im, uint64_t at, uint64_t v, size_t n)
{
	fake_kernel_write(im->fk, at, &v, n);
}

/* Past the cache, which must not see the image before it is done. */
static uint64_t get(struct image *im, uint64_t at)
{
	struct target_read r = { .addr = { align_down(fake_kernel_map(im->fk, at), PAGE_SIZE) }, .len = PAGE_SIZE };
	uint8_t page[PAGE_SIZE];

	r.buf = page;
	CU_ASSERT_PTR_NULL_FATAL(im->fk->ft->t.ops->read(&im->fk->ft->t, &r, 1));
	return get_le64(page + (at & (PAGE_SIZE - 1)));
}

static int add_struct(struct image *im, const char *type, size_t size, const struct fake_field *fields,
		      size_t nr)
{
	struct fake_field kept[16];
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		if (!im->drop || strcmp(im->drop, fields[i].name))
			kept[n++] = fields[i];
	}
	return fake_kernel_struct(im->fk, type, size, kept, n);
}

#define STRUCT(type, size, ...)                                                                    \
	add_struct(im, type, size, (const struct fake_field[]){ __VA_ARGS__ },                     \
		   sizeof((const struct fake_field[]){ __VA_ARGS__ }) / sizeof(struct fake_field))

static void add_types(struct image *im)
{
	static const char *const states[STATES] = { "PSI_IO_SOME",  "PSI_IO_FULL",  "PSI_MEM_SOME", "PSI_MEM_FULL",
						    "PSI_CPU_SOME", "PSI_CPU_FULL", "PSI_IRQ_FULL" };
	struct fake_kernel *fk = im->fk;
	int u64 = fk->u64, ptr = fk->ptr;
	int list = STRUCT("list_head", 16, { "next", ptr, 0 }, { "prev", ptr, 8 });
	int css = STRUCT("cgroup_subsys_state", 40, { "children", list, C_CHILDREN },
			 { "sibling", list, C_SIBLING }, { "flags", fk->u32, C_FLAGS });
	int cgroup = STRUCT("cgroup", C_SIZE, { "self", css, 0 }, { "kn", ptr, C_KN }, { "psi", ptr, C_PSI });

	STRUCT("cgroup_root", ROOT_OFF + C_SIZE, { "cgrp", cgroup, ROOT_OFF });
	STRUCT("kernfs_node", 16, { "name", ptr, K_NAME }, { "id", u64, K_ID });
	STRUCT("psi_group", G_SIZE, { "enabled", fk->u8, G_ENABLED },
	       { "total", fake_kernel_array(fk, u64, 2 * STATES), G_TOTAL },
	       { "avg", fake_kernel_array(fk, u64, 3 * STATES), G_AVG });
	btf__add_enum(fk->btf, "psi_states", 4);
	for (size_t i = 0; i < STATES; i++)
		btf__add_enum_value(fk->btf, im->drop && !strcmp(im->drop, states[i]) ? "dropped" : states[i],
				    (int64_t)i);
}

static uint64_t alloc(struct image *im, size_t size)
{
	uint64_t at = im->next;

	for (size_t i = 0; i < size; i += 8)
		put(im, at + i, 0, 8);
	im->next += align_up(size, 64);
	return at;
}

static void fill_group(struct image *im, uint64_t group, uint64_t seed)
{
	put(im, group + G_ENABLED, 1, 1);
	for (uint64_t i = 0; i < STATES; i++) {
		put(im, group + G_TOTAL + 8 * i, seed + i, 8);
		put(im, group + G_TOTAL + 8 * (STATES + i), 999999, 8);
		for (uint64_t n = 0; n < 3; n++)
			put(im, group + G_AVG + 8 * (3 * i + n), seed + 100 * i + n, 8);
	}
}

static void init_cgroup(struct image *im, uint64_t c, const char *name, uint64_t id)
{
	uint64_t kn = alloc(im, 16), text = alloc(im, 64);

	fake_kernel_write(im->fk, text, name, strlen(name) + 1);
	put(im, kn + K_NAME, text, 8);
	put(im, kn + K_ID, id, 8);
	put(im, c + C_KN, kn, 8);
	put(im, c + C_CHILDREN, c + C_CHILDREN, 8);
	put(im, c + C_CHILDREN + 8, c + C_CHILDREN, 8);
}

static uint64_t add_cgroup(struct image *im, uint64_t parent, const char *name, uint64_t id)
{
	uint64_t c = alloc(im, C_SIZE), group = alloc(im, G_SIZE), head = parent + C_CHILDREN,
		 last = get(im, head + 8), node = c + C_SIBLING;

	init_cgroup(im, c, name, id);
	fill_group(im, group, 1000 * id);
	put(im, c + C_PSI, group, 8);
	put(im, last, node, 8);
	put(im, node, head, 8);
	put(im, node + 8, last, 8);
	put(im, head + 8, node, 8);
	return c;
}

static struct image *image_new(const char *drop)
{
	struct image *im = calloc(1, sizeof(*im));

	im->fk = fake_kernel_new();
	im->next = objects;
	im->drop = drop;
	add_types(im);
	fake_kernel_symbol(im->fk, "psi_system", vars);
	fake_kernel_symbol(im->fk, "psi_disabled", vars + 0x1000);
	fake_kernel_symbol(im->fk, "psi_cgroups_enabled", vars + 0x1100);
	fake_kernel_symbol(im->fk, "cgrp_dfl_root", vars + 0x2000);
	fake_kernel_ready(im->fk);
	fill_group(im, vars, 5);
	put(im, vars + 0x1000, 0, 4);
	put(im, vars + 0x1100, 1, 4);
	im->root = vars + 0x2000 + ROOT_OFF;
	for (size_t i = 0; i < C_SIZE; i += 8)
		put(im, im->root + i, 0, 8);
	init_cgroup(im, im->root, "", 1);
	return im;
}

static const struct system *walk(struct image *im)
{
	static const struct walk_opts opts;
	struct walk w = { .k = im->fk->k, .opts = &opts };

	ASSERT_OK(report_create(&im->r));
	w.r = im->r;
	struct err *e = walk_psi(&w);
	if (e) {
		CU_ASSERT_FALSE(walk_is_fatal(e));
		ASSERT_OK(report_section(im->r, "cgroup_psi", SECTION_NOT_READABLE, "%s", e->msg));
		err_free(e);
	}
	return &im->r->system;
}

static bool says(const struct image *im, enum section_status status, const char *want)
{
	const struct section *s = report_find_section(im->r, "cgroup_psi");

	return s && s->status == status && (want ? s->detail && strstr(s->detail, want) : !s->detail);
}

static void image_free(struct image *im)
{
	report_destroy(im->r);
	fake_kernel_destroy(im->fk);
	free(im);
}

static void test_tree(void)
{
	struct image *im = image_new(NULL);
	uint64_t a = add_cgroup(im, im->root, "a", 2), b = add_cgroup(im, im->root, "b c", 3),
		 deep = add_cgroup(im, a, "deep", 4);

	put(im, b + C_FLAGS, 16, 4);
	put(im, get(im, b + C_PSI) + G_ENABLED, 0, 1);
	const struct system *s = walk(im);

	CU_ASSERT_EQUAL_FATAL(s->psi.nr, 4);
	const struct psi_row *p = s->psi.data;
	CU_ASSERT_EQUAL(p[0].cgroup.v, 0);
	CU_ASSERT_EQUAL(p[0].some[PSI_CPU].total, 5 + 4);
	CU_ASSERT_EQUAL(p[0].some[PSI_CPU].avg[2], 5 + 400 + 2);
	CU_ASSERT_FALSE(p[0].full[PSI_CPU].has);
	CU_ASSERT_FALSE(p[0].some[PSI_IRQ].has);
	CU_ASSERT_EQUAL(p[0].full[PSI_IRQ].total, 5 + 6);
	CU_ASSERT_STRING_EQUAL(p[1].path, "/a");
	CU_ASSERT_STRING_EQUAL(p[2].path, "/b c");
	CU_ASSERT_STRING_EQUAL(p[3].path, "/a/deep");
	CU_ASSERT_TRUE(p[3].cgroup.v == deep && p[3].id == 4);
	CU_ASSERT_TRUE(!p[1].leaf && p[2].leaf && p[3].leaf);
	CU_ASSERT_TRUE(p[2].dying && !p[1].dying && p[2].disabled && !p[1].disabled);
	CU_ASSERT_TRUE(p[3].full[PSI_CPU].has && p[3].full[PSI_CPU].total == 4005);
	CU_ASSERT_EQUAL(p[3].full[PSI_IO].total, 4001);
	CU_ASSERT_EQUAL(p[3].some[PSI_MEMORY].avg[0], 4200);
	CU_ASSERT_TRUE(says(im, SECTION_COMPLETE, NULL));
	image_free(im);
}

static void test_off(void)
{
	struct image *im = image_new(NULL);

	put(im, vars + 0x1000, 1, 4);
	CU_ASSERT_EQUAL(walk(im)->psi.nr, 0);
	CU_ASSERT_TRUE(says(im, SECTION_NOT_IN_KERNEL, "psi=1"));
	image_free(im);

	im = image_new(NULL);
	add_cgroup(im, im->root, "a", 2);
	put(im, vars + 0x1100, 0, 4);
	CU_ASSERT_EQUAL(walk(im)->psi.nr, 1);
	CU_ASSERT_TRUE(says(im, SECTION_COMPLETE, "not counted by cgroup"));
	image_free(im);

	im = image_new("PSI_IRQ_FULL");
	add_cgroup(im, im->root, "a", 2);
	CU_ASSERT_EQUAL(walk(im)->psi.nr, 2);
	CU_ASSERT_FALSE(im->r->system.psi.data[1].full[PSI_IRQ].has);
	CU_ASSERT_TRUE(says(im, SECTION_COMPLETE, "CONFIG_IRQ_TIME_ACCOUNTING"));
	image_free(im);
}

static void test_lacks(void)
{
	static const char *const drops[] = { "total", "avg", "cgrp", "psi", "sibling", "id" };

	for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
		struct image *im = image_new(drops[i]);

		add_cgroup(im, im->root, "a", 2);
		CU_ASSERT_EQUAL(walk(im)->psi.nr, i < 2 ? 0 : 1);
		CU_ASSERT_TRUE(says(im, SECTION_NOT_IMPLEMENTED, drops[i]));
		image_free(im);
	}
}

static void test_broken(void)
{
	/* A group that is not there costs its cgroup, not the others or its children. */
	struct image *im = image_new(NULL);
	uint64_t a = add_cgroup(im, im->root, "a", 2);

	add_cgroup(im, im->root, "b", 3);
	add_cgroup(im, a, "deep", 4);
	put(im, a + C_PSI, 0xffff8880deadb000, 8);
	CU_ASSERT_EQUAL(walk(im)->psi.nr, 3);
	CU_ASSERT_TRUE(says(im, SECTION_NOT_READABLE, "/a: psi_group: cannot read"));
	CU_ASSERT_STRING_EQUAL(im->r->system.psi.data[2].path, "/a/deep");
	image_free(im);

	/* A list of children that comes back to the cgroup's own node. */
	im = image_new(NULL);
	a = add_cgroup(im, im->root, "a", 2);
	put(im, a + C_SIBLING, a + C_SIBLING, 8);
	walk(im);
	CU_ASSERT_PTR_NOT_NULL(report_find_section(im->r, "cgroup_psi")->cut);
	image_free(im);

	/* A cgroup below itself: ends at the limit of levels, and says so. */
	im = image_new(NULL);
	a = add_cgroup(im, im->root, "a", 2);
	put(im, a + C_CHILDREN, a + C_SIBLING, 8);
	put(im, a + C_SIBLING, a + C_CHILDREN, 8);
	walk(im);
	const struct section *s = report_find_section(im->r, "cgroup_psi");
	CU_ASSERT_TRUE(s->cut || s->status != SECTION_COMPLETE);
	CU_ASSERT_TRUE(im->r->system.psi.nr < 300);
	image_free(im);
}

static void test_many(void)
{
	struct image *im = image_new(NULL);
	size_t trips[2];

	for (uint64_t i = 0; i < 1100; i++)
		add_cgroup(im, im->root, "x", 2 + i);
	CU_ASSERT_EQUAL(walk(im)->psi.nr, 1024);
	CU_ASSERT_PTR_NOT_NULL(report_find_section(im->r, "cgroup_psi")->cut);
	image_free(im);

	for (size_t n = 0; n < 2; n++) {
		im = image_new(NULL);
		for (uint64_t i = 0; i < (n ? 60 : 2); i++) {
			add_cgroup(im, im->root, "x", 2 + i);
			im->next = align_up(im->next + 1, PAGE_SIZE);
		}
		size_t before = im->fk->ft->batches;
		walk(im);
		trips[n] = im->fk->ft->batches - before;
		CU_ASSERT_EQUAL(im->r->system.psi.nr, n ? 61 : 3);
		image_free(im);
	}
	/* The list itself is one after the other. */
	CU_ASSERT_TRUE(trips[1] <= trips[0] + 60);
}

UNIT_MAIN("walk-psi",
	  { "a tree of cgroups", test_tree },
	  { "switched off", test_off },
	  { "missing members", test_lacks },
	  { "broken trees", test_broken },
	  { "many cgroups", test_many })
