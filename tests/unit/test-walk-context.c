/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --map, --key, --var and --task: what values lead to in arenas, of which no more is read than that takes. */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "arena-image.h"
#include "btf-build.h"
#include "map-image.h"
#include "walk/tasks.h"

enum { ARRAY = 2, TASK_STORAGE = 29, ARENA = 33, COPIES = 2, NR_TASKS = 3 };

static const uint64_t user = 0x100000000000;

/* Elements lie from page 8 on, an object on page 20, a page that nothing leads to is the next. */
static const uint64_t elems = 8 * PAGE_SIZE, node_at = 20 * PAGE_SIZE;

/* Two loads of one object, each with an arena at the same addresses; the first ids are the arenas'. */
struct fixture {
	struct map_image *im;
	struct walk_opts opts;
	const char *words[4];
	struct report *r;
	struct walk w;
	uint64_t maps[16];
	uint32_t ids[16];
	size_t nr;
	uint32_t arena[COPIES], bss[COPIES], tasks[COPIES], lost;
	uint64_t kern[COPIES], task_kva[NR_TASKS];
	uint64_t btf;
	uint32_t bss_type, val_type;
	bool second_has_no_tasks;
};

static uint64_t put(struct fixture *f, const void *data, size_t len)
{
	uint64_t at = map_image_room(f->im, len, 0);

	fake_kernel_write(f->im->fk, at, data, len);
	return at;
}

static uint32_t put_map(struct fixture *f, const char *name, struct img_map *map, uint64_t at)
{
	snprintf(map->name, sizeof(map->name), "%s", name);
	map->id = (uint32_t)f->nr + 3;
	fake_kernel_write(f->im->fk, at, map, sizeof(*map));
	f->ids[f->nr] = map->id;
	f->maps[f->nr++] = at;
	return map->id;
}

static uint64_t put_btf(struct fixture *f)
{
	struct btf_build b;
	size_t len;

	btf_build_init(&b, NULL);
	arena_image_btf(&b, 0, &f->bss_type, &f->val_type);
	void *raw = btf_build_finish(&b, &len);
	struct img_btf obj = { .size = (uint32_t)len, .id = 50, .data = put(f, raw, len) };
	free(raw);
	return put(f, &obj, sizeof(obj));
}

static uint32_t put_arena(struct fixture *f, size_t c, const uint8_t *mem)
{
	struct img_vm_struct area = { .addr = 0xffffc98000000000 + ((uint64_t)c << 34) };
	struct img_arena arena = { .user_vm_start = user, .kern_vm = put(f, &area, sizeof(area)) };
	struct img_map map = { .type = ARENA, .max_entries = 1 << 20 };
	uint64_t at = put(f, &arena, sizeof(arena));

	f->kern[c] = area.addr + 0x8000;
	for (size_t p = 0; p < IMG_PAGES; p++)
		fake_kernel_write(f->im->fk, f->kern[c] + p * PAGE_SIZE, mem + p * PAGE_SIZE, PAGE_SIZE);
	return put_map(f, "arena", &map, at);
}

static uint32_t put_bss(struct fixture *f, const char *name, const struct img_bss *bss)
{
	struct img_map map = { .type = ARRAY, .key_size = 4, .value_size = sizeof(*bss), .max_entries = 1,
			       .btf = f->btf, .value_type = f->bss_type };
	uint64_t at = map_image_room(f->im, sizeof(struct img_array) + sizeof(*bss), 0);

	fake_kernel_write(f->im->fk, at + offsetof(struct img_array, value), bss, sizeof(*bss));
	return put_map(f, name, &map, at);
}

/* Values of tasks 100 ...: by pointer, by pointer, by id alone. */
static uint32_t put_tasks(struct fixture *f)
{
	struct img_storage_map m = { .map = { .type = TASK_STORAGE, .key_size = 4, .btf = f->btf,
					      .value_size = sizeof(struct img_map_val), .value_type = f->val_type },
				     .bucket_log = 1 };
	uint64_t at = map_image_room(f->im, sizeof(m), 0), next = 0;

	m.buckets = map_image_room(f->im, 32, 0);
	fake_kernel_put64(f->im->fk, m.buckets, 0);
	for (size_t i = NR_TASKS; i-- > 0;) {
		struct img_local_storage storage = { .owner = f->task_kva[i] };
		struct img_storage_elem e = { .next = next, .smap = at };
		struct img_map_val val = { .tid = { (int32_t)i, 0 }, .data = i < 2 ? user + elems + 32 * i : 0 };

		e.local_storage = put(f, &storage, sizeof(storage));
		next = map_image_room(f->im, sizeof(e) + sizeof(val), 0);
		fake_kernel_write(f->im->fk, next, &e, sizeof(e));
		fake_kernel_write(f->im->fk, next + offsetof(struct img_storage_elem, value), &val, sizeof(val));
	}
	fake_kernel_put64(f->im->fk, m.buckets + 16, next);
	fake_kernel_write(f->im->fk, at, &m, sizeof(m));
	return put_map(f, "tasks", &m.map, at);
}

static uint64_t put_prog(struct fixture *f, uint32_t id, const uint64_t *maps, uint32_t nr)
{
	struct img_aux aux = { .id = id, .used_maps = put(f, maps, 8 * nr), .used_map_cnt = nr };
	struct img_prog prog = { .aux = put(f, &aux, sizeof(aux)) };

	return put(f, &prog, sizeof(prog));
}

static void put_copy(struct fixture *f, size_t c, uint64_t *prog)
{
	uint8_t *mem = calloc(IMG_PAGES, PAGE_SIZE);
	struct img_node node = { .nr = 1000 + c };
	struct img_bss bss = { .head = user + node_at, .last_ctx = user + elems + 8 };
	uint64_t used[3];

	if (!mem)
		abort();
	arena_image_tree(&bss, mem, user);
	for (uint32_t i = 0; i < NR_TASKS; i++) {
		struct img_task_ctx ctx = { .pid = 100 + i, .seq = (uint32_t)c };
		struct img_data tag = { .idx = (int32_t)i };

		memcpy(mem + elems + 32 * i, &tag, sizeof(tag));
		memcpy(mem + elems + 32 * i + 8, &ctx, sizeof(ctx));
		arena_image_slot(mem, 0, i, user + elems + 32 * i);
	}
	memcpy(mem + node_at, &node, sizeof(node));
	f->arena[c] = put_arena(f, c, mem);
	used[0] = f->maps[f->nr - 1];
	f->bss[c] = put_bss(f, c ? "two.bss" : "one.bss", &bss);
	used[1] = f->maps[f->nr - 1];
	bool tasks = !c || !f->second_has_no_tasks;
	if (tasks) {
		f->tasks[c] = put_tasks(f);
		used[2] = f->maps[f->nr - 1];
	}
	*prog = put_prog(f, 60 + (uint32_t)c, used, 2 + tasks);
	free(mem);
}

static void setup_with(struct fixture *f, bool second_has_no_tasks)
{
	uint64_t progs[COPIES];
	uint32_t ids[COPIES];
	struct img_bss bss = { .head = user + node_at };

	*f = (struct fixture){ .im = map_image_new(), .second_has_no_tasks = second_has_no_tasks };
	f->opts.maps = f->words;
	f->btf = put_btf(f);
	for (size_t i = 0; i < NR_TASKS; i++) {
		struct img_task task = { .pid = 100 + (uint32_t)i, .tgid = 100 + (uint32_t)i, .comm = "task" };

		f->task_kva[i] = put(f, &task, sizeof(task));
	}
	for (size_t c = 0; c < COPIES; c++) {
		ids[c] = 60 + (uint32_t)c;
		put_copy(f, c, &progs[c]);
	}
	f->lost = put_bss(f, "lost.bss", &bss); /* of no program */
	map_image_idr(f->im, f->ids, f->maps, f->nr);
	map_image_idr_put(f->im, map_image_prog_idr_at, ids, progs, COPIES);
}

static void setup(struct fixture *f)
{
	setup_with(f, false);
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	map_image_destroy(f->im);
}

static void renew(struct fixture *f)
{
	report_destroy(f->r);
	f->r = NULL;
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = f->im->fk->k, .r = f->r, .opts = &f->opts };
	for (f->opts.nr_maps = 0; f->words[f->opts.nr_maps];)
		f->opts.nr_maps++;
}

static struct err *view(struct fixture *f, uint32_t map, const char *var, const char *key)
{
	static char word[16];

	snprintf(word, sizeof(word), "%u", map);
	f->words[0] = word;
	f->words[1] = NULL;
	f->opts.var = var;
	f->opts.key = key;
	renew(f);
	return walk_view(f->im->fk->k, &f->opts, f->r);
}

/* How many pages of arenas were read, and of how many arenas. */
static size_t pages_read(const struct report *r, size_t *nr_arenas)
{
	size_t nr = 0;

	*nr_arenas = 0;
	for (size_t i = 0; i < r->maps.nr; i++) {
		const struct arena_body *a = r->maps.data[i].arena;

		*nr_arenas += a != NULL;
		for (size_t p = 0; a && p < a->nr_pages; p++)
			nr += a->pages[p].bytes != NULL;
	}
	return nr;
}

/* The value at a path of what a view shows, from the pages kept. */
static const struct value *follow(struct fixture *f, const char *path, struct pool *pool)
{
	const struct map_row *row = &f->r->view.row;
	const struct value *v = NULL;
	struct value *whole;

	mem_freeze(f->im->fk->k->mem);
	ASSERT_OK(value_render(row->types, row->value_type, row->value, row->value_len,
			       row->env ? row->env : &f->r->env, pool, &whole));
	ASSERT_OK(value_follow(whole, path, &v));
	return v;
}

/* A pointer leads into the arena of its own copy, whichever it is. */
static void test_var(void)
{
	for (size_t c = 0; c < COPIES; c++) {
		struct fixture f;
		struct pool pool = { 0 };
		size_t arenas;

		setup(&f);
		ASSERT_OK(view(&f, f.bss[c], "head->nr", NULL));
		CU_ASSERT_EQUAL(follow(&f, f.r->view.rest, &pool)->u, 1000 + c);
		/* The tree: a page of nodes, four of children; the object. The elements are not read. */
		CU_ASSERT_EQUAL(pages_read(f.r, &arenas), 6);
		CU_ASSERT_EQUAL(arenas, 1);
		CU_ASSERT_EQUAL(report_nr_maps_shown(f.r), 0);
		CU_ASSERT_FALSE(report_is_partial(f.r));
		pool_deinit(&pool);
		teardown(&f);
	}
}

/* Of a section that no program uses it is not known which of the two is meant. */
static void test_unknown(void)
{
	struct fixture f;
	struct pool pool = { 0 };

	setup(&f);
	ASSERT_OK(view(&f, f.lost, "head", NULL));
	const struct value *v = follow(&f, "", &pool);
	CU_ASSERT_PTR_NULL(v->ptr.deref);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v->ptr.skipped);
	CU_ASSERT_STRING_EQUAL(v->ptr.skipped, "several arenas have this address, and it is not known which is meant");
	pool_deinit(&pool);
	teardown(&f);
}

/* A variable without pointers costs no arena, no programs. */
static void test_plain(void)
{
	struct fixture f;
	size_t arenas;

	setup(&f);
	ASSERT_OK(view(&f, f.bss[0], "scx_static.off", NULL));
	CU_ASSERT_EQUAL(pages_read(f.r, &arenas), 0);
	CU_ASSERT_EQUAL(f.r->maps.nr, 0);
	teardown(&f);
}

static void test_key(void)
{
	for (size_t c = 0; c < COPIES; c++) {
		for (uint32_t i = 0; i < NR_TASKS; i++) {
			struct fixture f;
			char key[8];

			setup(&f);
			snprintf(key, sizeof(key), "%u", 100 + i);
			ASSERT_OK(view(&f, f.tasks[c], NULL, key));
			CU_ASSERT_EQUAL_FATAL(f.r->view.row.nr_entries, 1);
			const struct map_payload *p = f.r->view.row.entries[0].payload;
			if (i == 2) { /* no pointer to the tag: a row of the report has no payload then either */
				CU_ASSERT_PTR_NULL(p);
				teardown(&f);
				continue;
			}
			CU_ASSERT_PTR_NOT_NULL_FATAL(p);
			CU_ASSERT_EQUAL(p->len, 24);
			CU_ASSERT_EQUAL(get_le32(p->data), 100 + i);
			CU_ASSERT_EQUAL(get_le32(p->data + 4), c);
			CU_ASSERT_STRING_EQUAL(types_name(f.r->view.row.types, p->type), "task_ctx");
			teardown(&f);
		}
	}
}

/* --map: payloads of the map's own copy; what nobody asked for is not shown, and nothing is missing. */
static void test_map(void)
{
	for (size_t c = 0; c < COPIES; c++) {
		struct fixture f;
		char word[8];
		size_t arenas;

		setup(&f);
		snprintf(word, sizeof(word), "%u", f.tasks[c]);
		f.words[0] = word;
		renew(&f);
		ASSERT_OK(walk_maps(&f.w));
		ASSERT_OK(report_section(f.r, "progs", SECTION_NOT_ASKED, NULL));
		ASSERT_OK(walk_arena(&f.w));
		ASSERT_OK(walk_env(&f.w));
		CU_ASSERT_EQUAL_FATAL(report_nr_maps_shown(f.r), 1);
		CU_ASSERT_EQUAL(f.r->nr_maps_aside, 2); /* arena, section */
		CU_ASSERT_TRUE(f.r->sdt_aside);
		const struct map_row *row = f.r->maps.data;
		CU_ASSERT_EQUAL(row->id, f.tasks[c]);
		CU_ASSERT_EQUAL_FATAL(row->nr_entries, NR_TASKS);
		for (uint32_t i = 0; i < 2; i++) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(row->entries[i].payload);
			CU_ASSERT_EQUAL(get_le32(row->entries[i].payload->data), 100 + i);
			CU_ASSERT_EQUAL(get_le32(row->entries[i].payload->data + 4), c);
		}
		CU_ASSERT_EQUAL(f.r->task_objects.nr, NR_TASKS);
		/* The tree, the elements. */
		CU_ASSERT_EQUAL(pages_read(f.r, &arenas), 6);
		CU_ASSERT_EQUAL(arenas, 1);
		CU_ASSERT_EQUAL(report_find_section(f.r, "sdt_alloc")->status, SECTION_NOT_ASKED);
		CU_ASSERT_FALSE(report_is_partial(f.r));
		teardown(&f);
	}
}

/* --task: what lies in the arenas for the tasks that were asked for, by whatever means it is found. */
static void test_task(void)
{
	static const char *const tasks[] = { "101", "102" };
	struct fixture f;
	size_t arenas;

	setup(&f);
	f.opts.tasks = tasks;
	f.opts.nr_tasks = 2;
	renew(&f);
	ASSERT_OK(walk_maps(&f.w));
	ASSERT_OK(walk_arena(&f.w));
	for (uint32_t i = 0; i < 2; i++) {
		struct task_row *row = vec_push(&f.r->tasks);

		*row = (struct task_row){ .kva = { f.task_kva[i + 1] }, .pid = 101 + (int32_t)i, .comm = "task" };
	}
	ASSERT_OK(report_index_tasks(f.r));
	ASSERT_OK(task_join_storage(f.r));
	ASSERT_OK(task_storage_payloads(&f.w));
	ASSERT_OK(walk_env(&f.w));
	for (uint32_t i = 0; i < 2; i++) {
		const struct task_extra *x = &f.r->tasks.data[i].x;

		CU_ASSERT_EQUAL_FATAL(x->nr_storage, COPIES);
		for (uint32_t c = 0; c < COPIES; c++) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(x->storage[c].payload);
			CU_ASSERT_EQUAL(get_le32(x->storage[c].payload->data), 101 + i);
			CU_ASSERT_EQUAL(get_le32(x->storage[c].payload->data + 4), c);
		}
	}
	CU_ASSERT_EQUAL_FATAL(f.r->task_objects.nr, 2 * COPIES);
	CU_ASSERT_EQUAL(f.r->task_objects.data[0].task->pid, 101);
	/* Of each tree as above, and the object of the section, which is shown. */
	CU_ASSERT_EQUAL(pages_read(f.r, &arenas), 14);
	CU_ASSERT_EQUAL(arenas, COPIES);
	CU_ASSERT_STRING_EQUAL(f.r->sdt_unavailable, "only some tasks were asked for");
	CU_ASSERT_FALSE(report_is_partial(f.r));
	teardown(&f);
}

/* Sections are shown with --task; one whose arena has nothing of tasks must not lead into another's. */
static void test_task_sections(void)
{
	static const char *const tasks[] = { "100" };
	struct fixture f;
	size_t arenas, seen = 0;

	setup_with(&f, true);
	f.opts.tasks = tasks;
	f.opts.nr_tasks = 1;
	renew(&f);
	ASSERT_OK(walk_maps(&f.w));
	ASSERT_OK(walk_arena(&f.w));
	ASSERT_OK(walk_env(&f.w));
	mem_freeze(f.im->fk->k->mem);
	for (size_t i = 0; i < report_nr_maps_shown(f.r); i++) {
		const struct map_row *row = &f.r->maps.data[i];
		const struct value *head = NULL, *nr = NULL;
		struct pool pool = { 0 };
		struct value *whole;

		if (row->type != ARRAY)
			continue;
		ASSERT_OK(value_render(row->types, row->value_type, row->value, row->value_len,
				       row->env ? row->env : &f.r->env, &pool, &whole));
		ASSERT_OK(value_follow(whole, "head", &head));
		CU_ASSERT_EQUAL(head->ptr.value, user + node_at);
		if (row->id == f.bss[0]) {
			ASSERT_OK(value_follow(whole, "head->nr", &nr));
			CU_ASSERT_EQUAL(nr->u, 1000);
		} else {
			CU_ASSERT_PTR_NULL(head->ptr.deref);
		}
		pool_deinit(&pool);
		seen++;
	}
	CU_ASSERT_EQUAL(seen, 3);
	CU_ASSERT(pages_read(f.r, &arenas) > 0);
	CU_ASSERT_EQUAL(arenas, 1);
	teardown(&f);
}

/* ---- anything at all in the arenas and the variables: what comes out has an end, and no more is read than there is */

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t any_word(uint64_t *state, const struct fixture *f, size_t c)
{
	uint64_t off = rnd(state) % ((uint64_t)IMG_PAGES * PAGE_SIZE);

	switch (rnd(state) % 6) {
	case 0:
		return rnd(state);
	case 1:
		return rnd(state) % 1024;
	case 2:
		return f->kern[c] + off;
	case 3:
		return user + (off & ~(uint64_t)(PAGE_SIZE - 1));
	default:
		return user + off;
	}
}

static void change(struct fixture *f, uint64_t *state)
{
	static const uint64_t pages[] = { 0, 0, 1, 2, 3, 4, 8, 20 };

	for (unsigned int i = 0; i < 24; i++) {
		size_t c = rnd(state) % COPIES;
		uint64_t page = f->kern[c] + pages[rnd(state) % ARRAY_SIZE(pages)] * PAGE_SIZE,
			 bss = f->maps[f->bss[c] - 3] + offsetof(struct img_array, value);

		if (i % 8)
			fake_kernel_put64(f->im->fk, page + 8 * (rnd(state) % (PAGE_SIZE / 8)), any_word(state, f, c));
		else
			fake_kernel_put64(f->im->fk, bss + 8 * (rnd(state) % (sizeof(struct img_bss) / 8)),
					  any_word(state, f, c));
	}
}

static void check_bounds(const struct report *r)
{
	size_t arenas, nr = pages_read(r, &arenas);

	CU_ASSERT(nr <= arenas * IMG_PAGES);
	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		const struct sdt_alloc_row *row = &r->sdt_allocs.data[i];

		for (size_t j = 0; j < row->nr; j++)
			CU_ASSERT(row->slots[j].len <= row->elem_size);
	}
}

static void test_random(void)
{
	enum { RUNS = 20 };
	uint64_t state = 0x9e3779b97f4a7c15;

	for (unsigned int run = 0; run < RUNS; run++) {
		struct fixture f;
		size_t c = run % COPIES;
		struct pool pool = { 0 };

		setup(&f);
		change(&f, &state);
		ASSERT_OK(view(&f, f.tasks[c], NULL, "101"));
		check_bounds(f.r);
		ASSERT_OK(view(&f, f.bss[c], "head", NULL));
		CU_ASSERT_PTR_NOT_NULL(follow(&f, "", &pool));
		check_bounds(f.r);
		pool_deinit(&pool);
		teardown(&f);
	}
}

UNIT_MAIN("walk-context", { "a variable of one of two copies", test_var }, { "a variable of neither", test_unknown },
	  { "a variable without pointers", test_plain }, { "an entry's payload", test_key },
	  { "a map's payloads", test_map }, { "tasks' payloads", test_task },
	  { "sections beside tasks", test_task_sections }, { "anything at all", test_random })
