/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs, links, BTF objects; maps of file descriptors; struct_ops. */
#include "config.h"

#include "unit.h"

#include <stdio.h>

#include "map-image.h"
#include "walk/walk.h"

enum { PROG_ARRAY = 3, DEVMAP = 14, DEVMAP_HASH = 25, STRUCT_OPS = 26 };

static const uint64_t nowhere = 0xffffc9000fff0000;

struct fixture {
	struct map_image *im;
	struct fake_kernel *fk;
	struct walk_opts opts;
	struct report *r;
	struct walk w;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .im = map_image_new() };
	f->fk = f->im->fk;
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = f->fk->k, .r = f->r, .opts = &f->opts };
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	map_image_destroy(f->im);
}

static enum section_status status(const struct fixture *f, const char *section)
{
	return report_find_section(f->r, section)->status;
}

static uint64_t put(struct fixture *f, const void *data, size_t len, size_t offset)
{
	uint64_t at = map_image_room(f->im, len, offset);

	fake_kernel_write(f->fk, at, data, len);
	return at;
}

#define PUT(f, object) put(f, &(object), sizeof(object), 0)

static uint64_t put_prog(struct fixture *f, uint32_t id, const char *name, struct img_prog prog)
{
	struct img_aux aux = { .id = id, .load_time = 5 };

	snprintf(aux.name, sizeof(aux.name), "%s", name);
	if (!prog.aux)
		prog.aux = PUT(f, aux);
	return PUT(f, prog);
}

static uint64_t put_dev(struct fixture *f, uint32_t ifindex, const char *name)
{
	struct img_net_device dev = { .ifindex = ifindex };

	snprintf(dev.name, sizeof(dev.name), "%s", name);
	return PUT(f, dev);
}

static struct img_map map_of(uint32_t type, uint32_t max_entries)
{
	return (struct img_map){ .type = type, .key_size = 4, .value_size = 4,
				 .max_entries = max_entries, .id = 7, .name = "a_map" };
}

/* Walks a single map with id 7. */
static const struct map_row *walk_one(struct fixture *f, uint64_t at)
{
	uint32_t id = 7;

	map_image_idr(f->im, &id, &at, 1);
	ASSERT_OK(walk_maps(&f->w));
	CU_ASSERT_EQUAL_FATAL(f->r->maps.nr, 1);
	return &f->r->maps.data[0];
}

static bool has_fact(const struct facts *facts, const char *key)
{
	const struct fact *fact = facts->first;

	while (fact && strcmp(fact->key, key))
		fact = fact->next;
	return fact;
}

static const struct fact *fact(const struct facts *facts, const char *key)
{
	static const struct fact none = { .text = "" };

	for (const struct fact *f = facts->first; f; f = f->next) {
		if (!strcmp(f->key, key))
			return f;
	}
	CU_FAIL("no such fact");
	return &none;
}

/* ---- maps of file descriptors */

/* Slots over two pages, the second of which is not there; what one program hangs on is not there either. */
static void test_prog_array(void)
{
	struct fixture f;
	setup(&f);
	enum { NR = 6, ON_FIRST = 4 };
	size_t head = offsetof(struct img_array, value);
	struct img_map map = map_of(PROG_ARRAY, NR);
	uint64_t at = put(&f, &map, sizeof(map), PAGE_SIZE - head - ON_FIRST * 8);
	uint64_t slots[ON_FIRST] = { 0, put_prog(&f, 21, "target", (struct img_prog){ 0 }), 0,
				     put_prog(&f, 22, "", (struct img_prog){ .aux = nowhere }) };

	fake_kernel_write(f.fk, at + head, slots, sizeof(slots));
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_SLOTS);
	CU_ASSERT_EQUAL(row->slots->scanned, NR);
	CU_ASSERT_EQUAL(row->slots->unread, NR - ON_FIRST);
	CU_ASSERT_FALSE(row->slots->truncated);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 2);
	const struct map_slot *slot = row->slots->slots;
	CU_ASSERT_EQUAL(slot[0].index, 1);
	CU_ASSERT_EQUAL(slot[0].kva.v, slots[1]);
	CU_ASSERT_EQUAL(fact(&slot[0].facts, "prog_id")->num, 21);
	CU_ASSERT_STRING_EQUAL(fact(&slot[0].facts, "prog_name")->text, "target");
	CU_ASSERT_PTR_NULL(slot[0].error);
	CU_ASSERT_EQUAL(slot[1].index, 3);
	CU_ASSERT_PTR_NOT_NULL(slot[1].error);
	CU_ASSERT(row->unreadable && strstr(row->error, "2 slots unreadable"));
	CU_ASSERT_EQUAL(status(&f, "maps"), SECTION_NOT_READABLE);
	teardown(&f);
}

static void test_cap(void)
{
	struct fixture f;
	setup(&f);
	enum { NR = 5 };
	struct img_map map = map_of(PROG_ARRAY, NR);
	size_t head = offsetof(struct img_array, value);
	uint64_t slots[NR], at = map_image_room(f.im, head + sizeof(slots), 0);

	for (uint32_t i = 0; i < NR; i++)
		slots[i] = put_prog(&f, 30 + i, "p", (struct img_prog){ 0 });
	fake_kernel_write(f.fk, at, &map, sizeof(map));
	fake_kernel_write(f.fk, at + head, slots, sizeof(slots));
	f.opts.max_entries = 2;
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(row->slots->nr, 2);
	CU_ASSERT_EQUAL(row->slots->scanned, 2);
	CU_ASSERT(row->slots->truncated && !row->unreadable);
	CU_ASSERT(row->error && strstr(row->error, "max_entries=5"));
	CU_ASSERT(report_find_section(f.r, "maps")->user_cut);
	teardown(&f);
}

/* The table is behind a pointer, not in the map. */
static void test_devmap(void)
{
	struct fixture f;
	setup(&f);
	struct img_dtab_netdev netdev = { .dev = put_dev(&f, 3, "eth0"), .idx = 1 };
	netdev.xdp_prog = put_prog(&f, 40, "redirected", (struct img_prog){ 0 });
	uint64_t table[3] = { 0, PUT(&f, netdev), 0 };
	struct img_dtab dtab = { .map = map_of(DEVMAP, 3), .netdev_map = PUT(&f, table) };

	const struct map_row *row = walk_one(&f, PUT(&f, dtab));
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 1);
	CU_ASSERT_EQUAL(row->slots->slots[0].index, 1);
	CU_ASSERT_EQUAL(fact(&row->slots->slots[0].facts, "ifindex")->num, 3);
	CU_ASSERT_STRING_EQUAL(fact(&row->slots->slots[0].facts, "ifname")->text, "eth0");
	CU_ASSERT_EQUAL(fact(&row->slots->slots[0].facts, "prog_id")->num, 40);
	teardown(&f);
}

static void test_devmap_nowhere(void)
{
	struct fixture f;
	setup(&f);
	struct img_dtab dtab = { .map = map_of(DEVMAP, 3), .netdev_map = nowhere };

	const struct map_row *row = walk_one(&f, PUT(&f, dtab));
	CU_ASSERT_EQUAL(row->slots->nr, 0);
	CU_ASSERT_EQUAL(row->slots->unread, 3);
	CU_ASSERT(row->unreadable);
	teardown(&f);
}

/* Two devices in one bucket; in another a chain that loops. */
static void test_devmap_hash(void)
{
	struct fixture f;
	setup(&f);
	size_t node = offsetof(struct img_dtab_netdev, next);
	struct img_dtab_netdev second = { .dev = put_dev(&f, 4, "eth1"), .idx = 78 };
	struct img_dtab_netdev first = { .dev = put_dev(&f, 3, "eth0"), .idx = 77 };
	first.next = PUT(&f, second) + node;
	struct img_dtab_netdev loop = { .dev = first.dev, .idx = 79 };
	uint64_t at = map_image_room(f.im, sizeof(loop), 0);
	loop.next = at + node;
	fake_kernel_write(f.fk, at, &loop, sizeof(loop));
	uint64_t heads[4] = { 0, PUT(&f, first) + node, at + node, 0 };
	struct img_dtab dtab = { .map = map_of(DEVMAP_HASH, 4), .dev_index_head = PUT(&f, heads),
				 .n_buckets = 4 };

	const struct map_row *row = walk_one(&f, PUT(&f, dtab));
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 3);
	CU_ASSERT_EQUAL(get_le32(row->slots->slots[0].key), 77);
	CU_ASSERT_EQUAL(get_le32(row->slots->slots[1].key), 78);
	CU_ASSERT_EQUAL(get_le32(row->slots->slots[2].key), 79);
	CU_ASSERT_STRING_EQUAL(fact(&row->slots->slots[1].facts, "ifname")->text, "eth1");
	CU_ASSERT_EQUAL(status(&f, "maps"), SECTION_IMPLAUSIBLE);
	teardown(&f);
}

/* ---- struct_ops */

/* A table with two functions, one of a program that is for this member. */
static const struct map_row *walk_ops(struct fixture *f, uint32_t member, uint32_t value_size)
{
	struct img_struct_ops_map m = {
		.map = map_of(STRUCT_OPS, 1),
		.funcs_cnt = 2,
		.data = { .select_cpu = 0xffffffffc0001000, .enqueue = 0xffffffffc0001040, .priv = 5,
			  .name = "sched" },
	};
	struct img_link link = { .prog = put_prog(f, 50, "pick", (struct img_prog){
								 .expected_attach_type = member }) };
	uint64_t links[2] = { PUT(f, link), 0 };

	m.map.value_size = value_size;
	m.map.vmlinux_value_type = f->im->sched_wrapper;
	m.links = PUT(f, links);
	return walk_one(f, PUT(f, m));
}

enum { OPS_HEAD = 8 };

static void test_struct_ops(void)
{
	struct fixture f;
	setup(&f);
	const struct map_row *row = walk_ops(&f, 0, OPS_HEAD + sizeof(struct img_ops));

	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_VALUE);
	CU_ASSERT_EQUAL(row->value_len, sizeof(struct img_ops)); /* without the head */
	CU_ASSERT_EQUAL(get_le64(row->value), 0xffffffffc0001000);
	CU_ASSERT_STRING_EQUAL(types_name(row->types, row->value_type), "sched_ext_ops");
	CU_ASSERT_PTR_NOT_NULL_FATAL(row->ops);
	CU_ASSERT_STRING_EQUAL(row->ops->type_name, "sched_ext_ops");
	/* Its private data is a pointer too, but to no function. */
	CU_ASSERT_EQUAL_FATAL(row->ops->nr_funcs, 2);
	const struct ops_func *func = row->ops->funcs;
	CU_ASSERT_STRING_EQUAL(func[0].member, "select_cpu");
	CU_ASSERT_EQUAL(func[0].addr, 0xffffffffc0001000);
	CU_ASSERT_EQUAL(func[0].prog_id, 50);
	CU_ASSERT_STRING_EQUAL(func[0].prog_name, "pick");
	CU_ASSERT_STRING_EQUAL(func[1].member, "enqueue");
	CU_ASSERT_EQUAL(func[1].addr, 0xffffffffc0001040);
	CU_ASSERT_EQUAL(func[1].prog_id, 0);
	teardown(&f);
}

/* A program for a member that is no function; a value that has no room for its own head. */
static void test_struct_ops_odd(void)
{
	struct fixture f;
	setup(&f);
	const struct map_row *row = walk_ops(&f, 2, OPS_HEAD + sizeof(struct img_ops));

	CU_ASSERT_EQUAL(row->ops->nr_funcs, 1); /* what the links say stays */
	CU_ASSERT_PTR_NOT_NULL(row->error);
	CU_ASSERT_EQUAL(status(&f, "maps"), SECTION_IMPLAUSIBLE);
	teardown(&f);

	setup(&f);
	row = walk_ops(&f, 0, OPS_HEAD - 1);
	CU_ASSERT_PTR_NULL(row->value);
	CU_ASSERT_PTR_NOT_NULL(row->error);
	CU_ASSERT_EQUAL(status(&f, "maps"), SECTION_IMPLAUSIBLE);
	teardown(&f);
}

/* ---- programs */

/* A program with two functions on two CPUs; one that is not there; one that is not who prog_idr says. */
static void test_progs(void)
{
	struct fixture f;
	setup(&f);
	static const uint64_t per_cpu = 0xffff888001000000, stride = 0x10000, stats_at = 0x800;
	struct img_map map = map_of(PROG_ARRAY, 0);
	uint64_t maps[1] = { PUT(&f, map) };
	struct img_prog sub[2] = { { .jited_len = 100 }, { .jited_len = 23 } };
	uint64_t funcs[2] = { PUT(&f, sub[0]), PUT(&f, sub[1]) };
	char attach[] = "do_something";
	struct img_aux aux = { .id = 60, .name = "one", .used_map_cnt = 1, .used_maps = PUT(&f, maps),
			       .func = PUT(&f, funcs), .func_cnt = 2, .load_time = 99,
			       .attach_func_name = PUT(&f, attach) };
	struct img_prog prog = { .aux = PUT(&f, aux), .type = 6, .expected_attach_type = 37, .len = 10,
				 .jited = 1, .jited_len = 100, .bpf_func = 0xffffffffc0001234,
				 .stats = stats_at, .tag = { 0xab } };
	struct img_prog_stats stats[2] = { { 5, UINT64_MAX - 1, 0 }, { 6, 7, 1 } };
	uint32_t ids[3] = { 60, 61, 62 };
	uint64_t progs[3] = { PUT(&f, prog), nowhere, put_prog(&f, 99, "", (struct img_prog){ 0 }) };

	fake_kernel_cpus(f.fk, 2, per_cpu, stride);
	for (size_t i = 0; i < 2; i++)
		fake_kernel_write(f.fk, per_cpu + i * stride + stats_at, &stats[i], sizeof(stats[i]));
	map_image_idr_put(f.im, map_image_prog_idr_at, ids, progs, 3);
	ASSERT_OK(walk_progs(&f.w));

	CU_ASSERT_EQUAL_FATAL(f.r->progs.nr, 3);
	const struct prog_row *p = f.r->progs.data;
	CU_ASSERT_PTR_NULL(p->error);
	CU_ASSERT_EQUAL(p->id, 60);
	CU_ASSERT_STRING_EQUAL(p->name, "one");
	CU_ASSERT_STRING_EQUAL(p->type_name, "xdp");
	CU_ASSERT_STRING_EQUAL(p->attach_name, "xdp");
	CU_ASSERT_STRING_EQUAL(p->attach_func, attach);
	CU_ASSERT_EQUAL(p->tag[0], 0xab);
	CU_ASSERT_EQUAL(p->code.v, 0xffffffffc0001234);
	CU_ASSERT_EQUAL(p->code_size, 123); /* of the functions; the main one is the first */
	CU_ASSERT_EQUAL(p->insns_size, 80);
	CU_ASSERT_EQUAL(p->cnt, 11);
	CU_ASSERT_EQUAL(p->nsecs, UINT64_MAX); /* saturated */
	CU_ASSERT_EQUAL(p->misses, 1);
	CU_ASSERT_EQUAL_FATAL(p->nr_maps, 1);
	CU_ASSERT_EQUAL(p->map_ids[0], 7);
	CU_ASSERT(p[1].unreadable && p[1].error);
	CU_ASSERT(p[2].error && strstr(p[2].error, "has id 99"));
	CU_ASSERT_EQUAL(status(&f, "progs"), SECTION_NOT_READABLE);
	teardown(&f);
}

/* What was read of one list, more in the other; of another program nothing; lists that lie. */
static void test_streams(void)
{
	struct fixture f;
	setup(&f);
	struct img_stream_elem e[5] = {
		{ .str = "the first\n", .total_len = 10, .consumed_len = 4 }, { .str = "second\n", .total_len = 7 },
		{ .str = "third\n", .total_len = 6 }, { .str = "fourth", .total_len = 6 },
		{ .str = "odd", .total_len = 3, .consumed_len = 4 },
	};
	size_t node = offsetof(struct img_stream_elem, next);
	/* Readers' list begins with the oldest, the writers' with the newest. */
	uint64_t at[5] = { 0 };
	at[1] = PUT(&f, e[1]);
	e[0].next = at[1] + node;
	at[0] = PUT(&f, e[0]);
	at[2] = PUT(&f, e[2]);
	e[3].next = at[2] + node;
	at[3] = PUT(&f, e[3]);
	at[4] = PUT(&f, e[4]);
	struct img_aux aux[2] = { { .id = 60, .load_time = 5 }, { .id = 61, .load_time = 5 } };
	aux[0].stream[0] = (struct img_stream){ .backlog_head = at[0] + node, .log = at[3] + node };
	aux[0].stream[1].owner = 1;
	aux[1].stream[0].log = at[4] + node;
	/* A list that leads back to where it was. */
	struct img_stream_elem loop = { .str = "again\n", .total_len = 6 };
	uint64_t loop_at = PUT(&f, loop);
	loop.next = loop_at + node;
	fake_kernel_write(f.fk, loop_at, &loop, sizeof(loop));
	aux[1].stream[1].backlog_head = loop_at + node;

	struct img_prog p[2] = { { .aux = PUT(&f, aux[0]) }, { .aux = PUT(&f, aux[1]) } };
	uint32_t ids[2] = { 60, 61 };
	uint64_t progs[2] = { PUT(&f, p[0]), PUT(&f, p[1]) };
	map_image_idr_put(f.im, map_image_prog_idr_at, ids, progs, 2);
	ASSERT_OK(walk_progs(&f.w));

	const struct prog_row *row = f.r->progs.data;
	static const char text[] = "first\nsecond\nthird\nfourth";
	CU_ASSERT_PTR_NULL(row[0].error);
	CU_ASSERT_EQUAL_FATAL(row[0].nr_streams, 2);
	CU_ASSERT_STRING_EQUAL(row[0].streams[0].name, "stdout");
	CU_ASSERT(row[0].streams[0].len == sizeof(text) - 1 &&
		  !memcmp(row[0].streams[0].text, text, sizeof(text) - 1));
	CU_ASSERT(!row[0].streams[0].being_read);
	CU_ASSERT(row[0].streams[1].being_read && !row[0].streams[1].len);
	CU_ASSERT(row[1].error && strstr(row[1].error, "4 of 3 bytes have been read"));
	CU_ASSERT_EQUAL_FATAL(row[1].nr_streams, 1);
	CU_ASSERT_STRING_EQUAL(row[1].streams[0].name, "stderr");
	CU_ASSERT_EQUAL(row[1].streams[0].len, 6);
	CU_ASSERT_EQUAL(status(&f, "progs"), SECTION_IMPLAUSIBLE);
	teardown(&f);
}

/* More than is kept: the newest are. */
static void test_stream_cut(void)
{
	enum { NR = 40, LEN = 4096 };
	struct fixture f;
	setup(&f);
	struct img_aux aux = { .id = 60, .load_time = 5 };
	static struct {
		struct img_stream_elem e;
		char more[LEN];
	} big = { .e = { .total_len = LEN } };

	for (size_t i = 0; i < NR; i++) {
		memset(big.e.str, (int)('0' + i), LEN);
		aux.stream[0].log = big.e.next = PUT(&f, big);
	}
	struct img_prog p = { .aux = PUT(&f, aux) };
	uint32_t id = 60;
	uint64_t prog = PUT(&f, p);
	map_image_idr_put(f.im, map_image_prog_idr_at, &id, &prog, 1);
	ASSERT_OK(walk_progs(&f.w));

	const struct prog_stream *s = f.r->progs.data[0].streams;
	CU_ASSERT_EQUAL(s->len, 32 * LEN);
	CU_ASSERT_EQUAL(s->left_out, 8 * LEN);
	CU_ASSERT(s->text[0] == '0' + 8 && s->text[s->len - 1] == '0' + NR - 1);
	CU_ASSERT_PTR_NOT_NULL(report_find_section(f.r, "progs")->cut);
	teardown(&f);
}

static void test_none(void)
{
	struct fixture f;
	setup(&f);

	ASSERT_OK(walk_progs(&f.w));
	ASSERT_OK(walk_links(&f.w));
	ASSERT_OK(walk_btfs(&f.w));
	CU_ASSERT_EQUAL(f.r->progs.nr + f.r->links.nr + f.r->btfs.nr, 0);
	CU_ASSERT_EQUAL(status(&f, "progs"), SECTION_COMPLETE);
	CU_ASSERT_EQUAL(status(&f, "links"), SECTION_COMPLETE);
	CU_ASSERT_EQUAL(status(&f, "btfs"), SECTION_COMPLETE);
	teardown(&f);
}

/* ---- links and BTF objects */

static void test_links(void)
{
	struct fixture f;
	setup(&f);
	struct img_xdp_link xdp = { .link = { .type = 6, .id = 1 }, .dev = put_dev(&f, 9, "eth9") };
	xdp.link.prog = put_prog(&f, 70, "filter", (struct img_prog){ 0 });
	struct img_xdp_link gone = { .link = { .type = 6, .id = 2 } };
	struct img_link newer = { .type = 99, .id = 3 }, wrong = { .type = 99, .id = 77 };
	uint32_t ids[4] = { 1, 2, 3, 4 };
	size_t at = offsetof(struct img_xdp_link, link);
	uint64_t links[4] = { PUT(&f, xdp) + at, PUT(&f, gone) + at, PUT(&f, newer), PUT(&f, wrong) };

	map_image_idr_put(f.im, map_image_link_idr_at, ids, links, 4);
	ASSERT_OK(walk_links(&f.w));
	CU_ASSERT_EQUAL_FATAL(f.r->links.nr, 4);
	const struct link_row *l = f.r->links.data;
	CU_ASSERT_STRING_EQUAL(l[0].type_name, "xdp");
	CU_ASSERT_EQUAL(l[0].prog_id, 70);
	CU_ASSERT_STRING_EQUAL(l[0].prog_name, "filter");
	CU_ASSERT_EQUAL(fact(&l[0].target, "ifindex")->num, 9);
	CU_ASSERT_STRING_EQUAL(fact(&l[0].target, "ifname")->text, "eth9");
	CU_ASSERT(!l[1].target.first && !l[1].error); /* its device is gone */
	CU_ASSERT(!l[2].type_name && !l[2].target.first);
	CU_ASSERT(l[2].error && strstr(l[2].error, "type 99 are not known")); /* not as if its target were gone */
	CU_ASSERT(l[3].error && strstr(l[3].error, "has id 77"));
	CU_ASSERT_EQUAL(status(&f, "links"), SECTION_IMPLAUSIBLE);
	teardown(&f);
}

static uint64_t put_text(struct fixture *f, const char *text)
{
	return put(f, text, strlen(text) + 1, 0);
}

/* A link to two functions, of which one has a name; one to more than are told of. */
static void test_kprobe_multi(void)
{
	struct fixture f;
	setup(&f);
	static uint64_t addrs[2000];
	uint64_t cookies[2] = { 0, 5 };
	addrs[0] = 0xffffffff81000000; /* _text */
	addrs[1] = 0xffffc90000001000;
	struct img_kprobe_multi_link two = { .link = { .type = 8, .id = 1 }, .cnt = 2, .flags = 1,
					     .addrs = PUT(&f, addrs), .cookies = PUT(&f, cookies) },
				     many = { .link = { .type = 8, .id = 2 }, .cnt = 2000, .addrs = two.addrs },
				     none = { .link = { .type = 8, .id = 3 } },
				     lies = { .link = { .type = 8, .id = 4 }, .cnt = UINT32_MAX, .addrs = nowhere };
	uint32_t ids[4] = { 1, 2, 3, 4 };
	uint64_t links[4] = { PUT(&f, two), PUT(&f, many), PUT(&f, none), PUT(&f, lies) };

	map_image_idr_put(f.im, map_image_link_idr_at, ids, links, 4);
	ASSERT_OK(walk_links(&f.w));
	const struct link_row *l = f.r->links.data;
	CU_ASSERT_PTR_NULL(l[0].error);
	CU_ASSERT_EQUAL(fact(&l[0].target, "func_cnt")->num, 2);
	CU_ASSERT(fact(&l[0].target, "retprobe")->flag);
	CU_ASSERT_STRING_EQUAL(fact(&l[0].target, "funcs")->text, "_text, 0xffffc90000001000");
	const struct fact *funcs = fact(&l[0].target, "functions");
	CU_ASSERT_EQUAL_FATAL(funcs->nr_rows, 2);
	CU_ASSERT_STRING_EQUAL(fact(&funcs->rows[0], "function")->text, "_text");
	CU_ASSERT_EQUAL(fact(&funcs->rows[0], "addr")->num, addrs[0]);
	CU_ASSERT(!has_fact(&funcs->rows[0], "cookie"));
	CU_ASSERT_EQUAL(fact(&funcs->rows[1], "cookie")->num, 5);
	CU_ASSERT_EQUAL(l[1].left_out, 2000 - 1024);
	CU_ASSERT_EQUAL(fact(&l[1].target, "functions")->nr_rows, 1024);
	CU_ASSERT_PTR_NOT_NULL(fact(&l[1].target, "first_funcs"));
	CU_ASSERT_EQUAL(fact(&l[2].target, "functions")->nr_rows, 0);
	CU_ASSERT(l[3].unreadable && l[3].error);
	CU_ASSERT_EQUAL(l[3].left_out, UINT32_MAX - 1024);
	CU_ASSERT_EQUAL(status(&f, "links"), SECTION_NOT_READABLE);
	CU_ASSERT_PTR_NOT_NULL(report_find_section(f.r, "links")->cut);
	teardown(&f);
}

/* /mnt/file is on a mount, which is on the root; the other one's mounts and names lead in a circle. */
static void test_uprobe_multi(void)
{
	struct fixture f;
	setup(&f);
	struct img_dentry root = { .pprev = 1 }, mnt = { .pprev = 1, .name = put_text(&f, "mnt") },
			  top = { .pprev = 1 }, file = { .pprev = 1, .name = put_text(&f, "file") };
	struct img_mount base = { .mnt_root = PUT(&f, root) }, on = { .mnt_root = PUT(&f, top) };
	mnt.d_parent = base.mnt_root;
	file.d_parent = on.mnt_root;
	uint64_t base_at = PUT(&f, base);
	base.mnt_parent = base_at;
	fake_kernel_write(f.fk, base_at, &base, sizeof(base));
	on.mnt_parent = base_at;
	on.mnt_mountpoint = PUT(&f, mnt);
	struct img_uprobe probes[2] = { { .offset = 16 }, { .offset = 32, .ref_ctr_offset = 48, .cookie = 9 } };
	struct img_uprobe_multi_link link = {
		.link = { .type = 12, .id = 1 }, .mnt = PUT(&f, on) + offsetof(struct img_mount, mnt_root),
		.dentry = PUT(&f, file), .uprobes = PUT(&f, probes), .cnt = 2,
	};
	struct img_uprobe_multi_link gone = link, circle = link;
	struct img_uprobe at_return = { .offset = 16, .ret_handler = 0xffffffff81000000 };
	gone.uprobes = PUT(&f, at_return);
	gone.cnt = 1;
	file.pprev = 0;
	gone.dentry = PUT(&f, file);
	gone.link.id = 2;
	on.mnt_root = file.d_parent = circle.dentry;
	on.mnt_parent = PUT(&f, on);
	on.mnt_mountpoint = circle.dentry;
	struct img_mount other = on;
	other.mnt_parent = on.mnt_parent;
	fake_kernel_write(f.fk, on.mnt_parent, &on, sizeof(on));
	uint64_t second = PUT(&f, other);
	on.mnt_parent = second;
	fake_kernel_write(f.fk, other.mnt_parent, &on, sizeof(on));
	circle.mnt = second + offsetof(struct img_mount, mnt_root);
	circle.link.id = 3;

	size_t at = offsetof(struct img_uprobe_multi_link, link);
	uint32_t ids[3] = { 1, 2, 3 };
	uint64_t links[3] = { PUT(&f, link) + at, PUT(&f, gone) + at, PUT(&f, circle) + at };
	map_image_idr_put(f.im, map_image_link_idr_at, ids, links, 3);
	ASSERT_OK(walk_links(&f.w));
	const struct link_row *l = f.r->links.data;
	CU_ASSERT_PTR_NULL(l[0].error);
	CU_ASSERT_STRING_EQUAL(fact(&l[0].target, "path")->text, "/mnt/file");
	CU_ASSERT(!has_fact(&l[0].target, "pid"));
	CU_ASSERT(!has_fact(&l[0].target, "retprobe"));
	CU_ASSERT(has_fact(&l[1].target, "retprobe")); /* by its handler */
	const struct fact *places = fact(&l[0].target, "uprobes");
	CU_ASSERT_EQUAL_FATAL(places->nr_rows, 2);
	CU_ASSERT_EQUAL(fact(&places->rows[0], "offset")->num, 16);
	CU_ASSERT(!has_fact(&places->rows[0], "ref_ctr_offset"));
	CU_ASSERT_EQUAL(fact(&places->rows[1], "ref_ctr_offset")->num, 48);
	CU_ASSERT_EQUAL(fact(&places->rows[1], "cookie")->num, 9);
	CU_ASSERT_STRING_EQUAL(fact(&l[1].target, "path")->text, "/mnt/file (deleted)");
	CU_ASSERT(l[2].error && strstr(l[2].error, "mounts and names"));
	teardown(&f);
}

static void test_btfs(void)
{
	struct fixture f;
	setup(&f);
	struct img_btf base = { .id = 1, .size = 1000, .kernel_btf = 1, .name = "vmlinux" };
	uint32_t ids[2] = { 1, 5 };
	uint64_t btfs[2] = { PUT(&f, base), 0 };
	struct img_btf split = { .id = 5, .size = 64, .base = btfs[0], .kernel_btf = 1, .name = "a_module" };

	btfs[1] = PUT(&f, split);
	map_image_idr_put(f.im, map_image_btf_idr_at, ids, btfs, 2);
	ASSERT_OK(walk_btfs(&f.w));
	CU_ASSERT_EQUAL_FATAL(f.r->btfs.nr, 2);
	const struct btf_row *b = f.r->btfs.data;
	CU_ASSERT_STRING_EQUAL(b[0].name, "vmlinux");
	CU_ASSERT_EQUAL(b[0].base_id, 0);
	CU_ASSERT_STRING_EQUAL(b[1].name, "a_module");
	CU_ASSERT_EQUAL(b[1].base_id, 1);
	CU_ASSERT_EQUAL(b[1].size, 64);
	CU_ASSERT_EQUAL(status(&f, "btfs"), SECTION_COMPLETE);
	teardown(&f);
}

UNIT_MAIN("walk-progs", { "program array with holes", test_prog_array }, { "caps", test_cap },
	  { "devmap", test_devmap }, { "devmap without table", test_devmap_nowhere },
	  { "devmap by key", test_devmap_hash }, { "struct_ops", test_struct_ops },
	  { "odd struct_ops", test_struct_ops_odd }, { "programs", test_progs },
	  { "streams", test_streams }, { "more in a stream than is kept", test_stream_cut },
	  { "nothing", test_none }, { "links", test_links }, { "links to functions", test_kprobe_multi },
	  { "links to places in files", test_uprobe_multi }, { "BTF objects", test_btfs })
