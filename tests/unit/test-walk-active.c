/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdio.h>

#include "map-image.h"
#include "walk/walk.h"

enum { ARRAY = 2, STRUCT_OPS = 26, FUNCS = 2 };

struct fixture {
	struct map_image *im;
	struct walk_opts opts;
	struct report *r;
	struct walk w;
	uint64_t maps[16];
	uint32_t ids[16];
	size_t nr;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .im = map_image_new() };
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = f->im->fk->k, .r = f->r, .opts = &f->opts };
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	map_image_destroy(f->im);
}

static uint64_t put_map(struct fixture *f, const struct img_map *header, const char *name, size_t room)
{
	uint64_t at = map_image_room(f->im, room, 0);
	struct img_map map = *header;

	map.id = (uint32_t)f->nr + 1;
	snprintf(map.name, sizeof(map.name), "%s", name);
	fake_kernel_write(f->im->fk, at, &map, sizeof(map));
	f->ids[f->nr] = map.id;
	f->maps[f->nr++] = at;
	return at;
}

static uint64_t put_array(struct fixture *f, const char *name)
{
	struct img_map map = { .type = ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1 };

	return put_map(f, &map, name, sizeof(struct img_array) + 8);
}

/* A program that uses these maps; its bpf_link. */
static uint64_t put_prog(struct fixture *f, const uint64_t *maps, size_t nr)
{
	struct fake_kernel *fk = f->im->fk;
	uint64_t list = map_image_room(f->im, nr * 8, 0), aux = map_image_room(f->im, 64, 0),
		 prog = map_image_room(f->im, 64, 0), link = map_image_room(f->im, 64, 0);

	fake_kernel_write(fk, list, maps, nr * 8);
	struct img_aux used = { .used_maps = list, .used_map_cnt = (uint32_t)nr };
	fake_kernel_write(fk, aux, &used, sizeof(used));
	fake_kernel_write(fk, prog, &(struct img_prog){ .aux = aux }, sizeof(struct img_prog));
	fake_kernel_write(fk, link, &(struct img_link){ .prog = prog }, sizeof(struct img_link));
	return link;
}

/* A struct_ops map with these functions and, per function, a link (0: not implemented). */
static uint64_t put_ops(struct fixture *f, uint32_t wrapper, const struct img_ops *ops,
			const uint64_t *links)
{
	struct fake_kernel *fk = f->im->fk;
	bool cid = wrapper == f->im->cid_wrapper;
	struct img_map map = {
		.type = STRUCT_OPS, .key_size = 4, .value_size = 8 + (cid ? IMG_CID_SIZE : sizeof(*ops)),
		.max_entries = 1, .vmlinux_value_type = wrapper,
	};
	uint64_t at = put_map(f, &map, "ops", sizeof(struct img_struct_ops_map));
	struct img_struct_ops_map body = { .funcs_cnt = FUNCS, .data = *ops };
	size_t head = sizeof(struct img_map);

	body.links = map_image_room(f->im, FUNCS * 8, 0);
	fake_kernel_write(fk, body.links, links, FUNCS * 8);
	fake_kernel_write(fk, at + head, (const uint8_t *)&body + head, sizeof(body) - head);
	return at;
}

/* Copies the table as the kernel does, and writes into the copy what it writes. */
static uint64_t put_sched(struct fixture *f, const struct img_ops *ops, bool cid)
{
	struct img_sched sched = { .ops = *ops, .is_cid_type = cid };
	uint64_t at = map_image_room(f->im, sizeof(sched), 0);

	sched.ops.priv = at;
	fake_kernel_write(f->im->fk, at, &sched, sizeof(sched));
	return at;
}

static void enable(struct fixture *f, const struct img_ops *ops)
{
	fake_kernel_put64(f->im->fk, map_image_root_at, put_sched(f, ops, false));
}

/* The list of all schedulers, in this order. */
static void link_all(struct fixture *f, const uint64_t *scheds, size_t nr)
{
	uint64_t at = map_image_all_at;

	for (size_t i = 0; i <= nr; i++) {
		uint64_t next = i < nr ? scheds[i] + offsetof(struct img_sched, next) : map_image_all_at;

		fake_kernel_put64(f->im->fk, at, next);
		fake_kernel_put64(f->im->fk, next + 8, at);
		at = next;
	}
}

static void walk(struct fixture *f)
{
	map_image_idr(f->im, f->ids, f->maps, f->nr);
	ASSERT_OK(walk_maps(&f->w));
	ASSERT_OK(walk_active(&f->w));
}

/* Three loads of one object and a struct_ops of another kind before them; the second load is enabled. */
static void test_copies(void)
{
	struct fixture f;
	setup(&f);
	uint64_t bss[4], other[4], trash[4];

	for (size_t i = 0; i < 4; i++) {
		trash[i] = put_array(&f, "a_queue");
		other[i] = put_array(&f, "sched.rodata");
		bss[i] = put_array(&f, "sched.bss");
		uint64_t one[] = { other[i], bss[i] }, two[] = { bss[i], trash[i] };
		uint64_t links[FUNCS] = { put_prog(&f, one, 2), put_prog(&f, two, 2) };
		struct img_ops ops = { .select_cpu = 0xffffffffc0001000 + 64 * i,
				       .enqueue = 0xffffffffc0002000 + 64 * i, .name = "sched" };

		put_ops(&f, i ? f.im->sched_wrapper : f.im->other_wrapper, &ops, links);
		if (i == 2)
			enable(&f, &ops);
	}
	walk(&f);
	CU_ASSERT_EQUAL_FATAL(f.r->nr_active, 1);
	const struct active_sched *s = f.r->active;
	CU_ASSERT_STRING_EQUAL(s->obj_name, "sched");
	CU_ASSERT_STRING_EQUAL(s->ops_name, "sched");
	CU_ASSERT_EQUAL_FATAL(s->nr_maps, 3); /* by id, each once */
	CU_ASSERT_EQUAL(s->maps[0].v, trash[2]);
	CU_ASSERT_EQUAL(s->maps[1].v, other[2]);
	CU_ASSERT_EQUAL(s->maps[2].v, bss[2]);
	for (size_t i = 0; i < f.r->maps.nr; i++) {
		uint64_t kva = f.r->maps.data[i].kva.v;
		bool is = kva == trash[2] || kva == other[2] || kva == bss[2];

		CU_ASSERT_PTR_EQUAL(f.r->maps.data[i].sched, is ? s : NULL);
	}
	teardown(&f);
}

static void test_none(void)
{
	struct fixture f;
	setup(&f);
	uint64_t map = put_array(&f, "sched.bss");
	uint64_t links[FUNCS] = { put_prog(&f, &map, 1), 0 };
	struct img_ops ops = { .select_cpu = 0xffffffffc0001000, .name = "sched" };

	put_ops(&f, f.im->sched_wrapper, &ops, links);
	walk(&f);
	CU_ASSERT_EQUAL(f.r->nr_active, 0);
	CU_ASSERT_EQUAL(report_find_section(f.r, "active")->status, SECTION_COMPLETE);
	teardown(&f);
}

/* A scheduler that implements nothing is told by its name, if that is its alone. */
static void test_by_name(void)
{
	for (size_t copies = 1; copies <= 2; copies++) {
		struct fixture f;
		setup(&f);
		uint64_t map = put_array(&f, "lazy.data");
		uint64_t links[FUNCS] = { put_prog(&f, &map, 1), 0 };
		struct img_ops ops = { .name = "lazy" }, noise = { .name = "other" };

		put_ops(&f, f.im->sched_wrapper, &noise, links);
		for (size_t i = 0; i < copies; i++)
			put_ops(&f, f.im->sched_wrapper, &ops, links);
		enable(&f, &ops);
		walk(&f);
		CU_ASSERT_EQUAL_FATAL(f.r->nr_active, 1);
		if (copies == 1) {
			CU_ASSERT_STRING_EQUAL(f.r->active[0].obj_name, "lazy");
			CU_ASSERT_EQUAL(f.r->active[0].nr_maps, 1);
		} else {
			CU_ASSERT_EQUAL(f.r->active[0].nr_maps, 0);
			CU_ASSERT_EQUAL(report_find_section(f.r, "active")->status,
					SECTION_IMPLAUSIBLE);
		}
		teardown(&f);
	}
}

/* A program that cannot be read takes nothing from the others; the object has no global section. */
static void test_damaged(void)
{
	struct fixture f;
	setup(&f);
	uint64_t map = put_array(&f, "plain");
	uint64_t links[FUNCS] = { 0xffffc9f000000000, put_prog(&f, &map, 1) };
	struct img_ops ops = { .select_cpu = 0xffffffffc0001000, .enqueue = 0xffffffffc0002000 };

	put_ops(&f, f.im->sched_wrapper, &ops, links);
	enable(&f, &ops);
	walk(&f);
	CU_ASSERT_EQUAL_FATAL(f.r->nr_active, 1);
	CU_ASSERT_PTR_NULL(f.r->active[0].obj_name);
	CU_ASSERT_EQUAL_FATAL(f.r->active[0].nr_maps, 1);
	CU_ASSERT_EQUAL(f.r->active[0].maps[0].v, map);
	CU_ASSERT_EQUAL(report_find_section(f.r, "active")->status, SECTION_NOT_READABLE);
	teardown(&f);
}

/* Tables of the two forms with the same functions at the same places: each is of its own form alone. */
static void test_cid(void)
{
	for (unsigned int cid = 0; cid < 2; cid++) {
		struct fixture f;
		setup(&f);
		uint64_t maps[2] = { put_array(&f, "cpu.bss"), put_array(&f, "cid.bss") };
		struct img_ops ops = { .select_cpu = 0xffffffffc0001000, .enqueue = 0xffffffffc0002000, .name = "it" };

		for (size_t i = 0; i < 2; i++) {
			uint64_t links[FUNCS] = { put_prog(&f, &maps[i], 1), 0 };

			put_ops(&f, i ? f.im->cid_wrapper : f.im->sched_wrapper, &ops, links);
		}
		/* What follows the shorter table is no part of it. */
		ops.cpu_acquire = ops.cpu_release = cid ? 0x1234567812345678 : 0;
		fake_kernel_put64(f.im->fk, map_image_root_at, put_sched(&f, &ops, cid));
		walk(&f);
		CU_ASSERT_EQUAL_FATAL(f.r->nr_active, 1);
		CU_ASSERT_EQUAL_FATAL(f.r->active[0].nr_maps, 1);
		CU_ASSERT_EQUAL(f.r->active[0].maps[0].v, maps[cid]);
		CU_ASSERT_STRING_EQUAL(f.r->active[0].obj_name, cid ? "cid" : "cpu");
		CU_ASSERT_STRING_EQUAL(f.r->active[0].ops_name, "it");
		CU_ASSERT_EQUAL(report_find_section(f.r, "active")->status, SECTION_COMPLETE);
		teardown(&f);
	}
}

/* A root and two schedulers below it, one of another form; the third has no map. */
static void test_subs(void)
{
	struct fixture f;
	setup(&f);
	uint64_t maps[3], scheds[4], shared = put_array(&f, "shared");

	for (size_t i = 0; i < 3; i++) {
		bool cid = i == 2;
		struct img_ops ops = { .select_cpu = 0xffffffffc0001000 + 64 * i, .name = { 's', (char)('0' + i) } };

		maps[i] = put_array(&f, "sched.bss");
		const uint64_t used[] = { maps[i], shared };
		uint64_t links[FUNCS] = { put_prog(&f, used, 2), 0 };
		put_ops(&f, cid ? f.im->cid_wrapper : f.im->sched_wrapper, &ops, links);
		scheds[i] = put_sched(&f, &ops, cid);
	}
	scheds[3] = put_sched(&f, &(struct img_ops){ .enqueue = 0xffffffffc0009000, .name = "lost" }, false);
	fake_kernel_put64(f.im->fk, map_image_root_at, scheds[0]);
	link_all(&f, scheds, 4);
	walk(&f);
	CU_ASSERT_EQUAL_FATAL(f.r->nr_active, 4);
	for (size_t i = 0; i < 3; i++) {
		const struct active_sched *s = &f.r->active[i];

		CU_ASSERT_EQUAL(s->sched.v, scheds[i]);
		CU_ASSERT_EQUAL(s->is_sub, i > 0);
		CU_ASSERT_EQUAL(s->ops_name[1], (char)('0' + i));
		CU_ASSERT_EQUAL_FATAL(s->nr_maps, 2);
		CU_ASSERT_EQUAL(s->maps[0].v, shared);
		CU_ASSERT_EQUAL(s->maps[1].v, maps[i]);
		CU_ASSERT_PTR_EQUAL(report_map_sched(f.r, (struct kva){ maps[i] }), s);
	}
	CU_ASSERT_PTR_EQUAL(report_map_sched(f.r, (struct kva){ shared }), f.r->active);
	CU_ASSERT_EQUAL(f.r->active[3].nr_maps, 0);
	const struct section *s = report_find_section(f.r, "active");
	CU_ASSERT_EQUAL(s->status, SECTION_IMPLAUSIBLE);
	CU_ASSERT_STRING_EQUAL(s->detail, "no struct_ops map holds the functions of the sub-scheduler \"lost\"");
	teardown(&f);

	/* A list that leads nowhere takes nothing from the root. */
	setup(&f);
	uint64_t map = put_array(&f, "sched.bss"), links[FUNCS] = { put_prog(&f, &map, 1), 0 };
	struct img_ops ops = { .select_cpu = 0xffffffffc0001000 };
	put_ops(&f, f.im->sched_wrapper, &ops, links);
	enable(&f, &ops);
	fake_kernel_put64(f.im->fk, map_image_all_at, 0xffffc9f000000000);
	walk(&f);
	CU_ASSERT_EQUAL_FATAL(f.r->nr_active, 1);
	CU_ASSERT_EQUAL(f.r->active[0].nr_maps, 1);
	CU_ASSERT_EQUAL(report_find_section(f.r, "active")->status, SECTION_NOT_READABLE);
	teardown(&f);
}

UNIT_MAIN("walk-active", { "tables of another form", test_cid }, { "schedulers below the root", test_subs },
	  { "several loads of one object", test_copies },
	  { "no scheduler", test_none }, { "no functions", test_by_name },
	  { "a program that cannot be read", test_damaged })
