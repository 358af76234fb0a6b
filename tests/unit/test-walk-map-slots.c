/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps of file descriptors, each by its own layout; maps of functions. */
#include "config.h"

#include "unit.h"

#include "map-fixture.h"

enum {
	PROG_ARRAY = 3, PERF_EVENT_ARRAY = 4, CGROUP_ARRAY = 8, SOCKMAP = 15, CPUMAP = 16, XSKMAP = 17, SOCKHASH = 18,
	REUSEPORT_SOCKARRAY = 20, STRUCT_OPS = 26,
};

static const uint64_t nowhere = 0xffffc9f000000000;

static uint64_t put(struct fixture *f, const void *data, size_t len)
{
	uint64_t at = map_image_room(f->im, len, 0);

	fake_kernel_write(f->fk, at, data, len);
	return at;
}

#define PUT(f, object) put(f, &(object), sizeof(object))

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

#define FACT_IS(slot, key, value) CU_ASSERT_EQUAL(fact(&(slot)->facts, key)->num, value)
#define FACT_SAYS(slot, key, value) CU_ASSERT_STRING_EQUAL(fact(&(slot)->facts, key)->text, value)

/* A TCP socket on this port of 127.0.0.1, connected to 10.0.0.1:80. */
static struct img_sock sock_of(uint16_t port)
{
	return (struct img_sock){ .family = 2, .state = 1, .type = 1, .protocol = 6, .num = port,
				  .dport = 80 << 8, .rcv_saddr = 0x0100007f, .daddr = 0x0100000a };
}

/* ---- arrays */

static void test_cpumap(void)
{
	struct fixture f;
	setup(&f);
	struct img_prog prog = { .type = 6 };
	struct img_aux aux = { .id = 44, .name = "redirect" };
	prog.aux = PUT(&f, aux);
	struct img_cpu_entry one = { .cpu = 1, .qsize = 192, .prog = PUT(&f, prog) }, two = { .cpu = 2, .qsize = 64 };
	uint64_t table[4] = { 0, PUT(&f, one), PUT(&f, two), nowhere };
	struct img_cpu_map m = { .map = map_of(CPUMAP, 4, 8, 4), .cpu_map = PUT(&f, table) };

	const struct map_row *row = walk_one(&f, PUT(&f, m));
	CU_ASSERT_EQUAL_FATAL(row->body, MAP_BODY_SLOTS);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 3);
	const struct map_slot *s = row->slots->slots;
	CU_ASSERT_EQUAL(s[0].index, 1);
	FACT_IS(&s[0], "cpu", 1);
	FACT_IS(&s[0], "qsize", 192);
	FACT_IS(&s[0], "prog_id", 44);
	FACT_SAYS(&s[0], "prog_name", "redirect");
	CU_ASSERT_EQUAL(s[1].index, 2);
	FACT_IS(&s[1], "qsize", 64);
	CU_ASSERT_EQUAL(s[2].kva.v, nowhere);
	CU_ASSERT_PTR_NOT_NULL(s[2].error);
	ERROR_HAS(row, "what 1 slots hold is not all readable");
	teardown(&f);

	setup(&f);
	m.cpu_map = nowhere;
	row = walk_one(&f, PUT(&f, m));
	ERROR_HAS(row, "4 slots unreadable");
	CU_ASSERT_EQUAL(row->slots->nr, 0);
	CU_ASSERT_EQUAL(row->slots->unread, 4);
	teardown(&f);
}

static void test_xskmap(void)
{
	struct fixture f;
	setup(&f);
	struct img_net_device dev = { .ifindex = 3, .name = "veth0" };
	struct img_xdp_sock bound = { .sk = { .family = 44, .type = 3 }, .queue_id = 5 },
			    fresh = { .sk = { .family = 44, .type = 3 } };
	bound.dev = PUT(&f, dev);
	struct img_slot_array m = { .map = map_of(XSKMAP, 4, 4, 3) };
	uint64_t at = map_image_room(f.im, sizeof(m) + 3 * 8, 0);

	fake_kernel_write(f.fk, at, &m, sizeof(m));
	fake_kernel_put64(f.fk, at + sizeof(m), PUT(&f, bound));
	fake_kernel_put64(f.fk, at + sizeof(m) + 8, 0);
	fake_kernel_put64(f.fk, at + sizeof(m) + 16, PUT(&f, fresh));
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 2);
	const struct map_slot *s = row->slots->slots;
	FACT_IS(&s[0], "family", 44);
	FACT_IS(&s[0], "queue_id", 5);
	FACT_IS(&s[0], "ifindex", 3);
	FACT_SAYS(&s[0], "ifname", "veth0");
	CU_ASSERT_EQUAL(s[1].index, 2);
	FACT_IS(&s[1], "queue_id", 0);
	teardown(&f);
}

static void check_sock(const struct map_slot *s)
{
	FACT_IS(s, "family", 2);
	FACT_IS(s, "protocol", 6);
	FACT_SAYS(s, "local", "127.0.0.1:4711");
	FACT_SAYS(s, "remote", "10.0.0.1:80");
}

/* The one has its sockets behind a pointer, the other in itself. */
static void test_sock_arrays(void)
{
	struct fixture f;
	setup(&f);
	struct img_sock sk = sock_of(4711);
	uint64_t sks[3] = { 0, 0, PUT(&f, sk) };
	struct img_stab stab = { .map = map_of(SOCKMAP, 4, 4, 3), .sks = PUT(&f, sks) };

	const struct map_row *row = walk_one(&f, PUT(&f, stab));
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 1);
	CU_ASSERT_EQUAL(row->slots->slots[0].index, 2);
	check_sock(row->slots->slots);
	teardown(&f);

	setup(&f);
	struct img_slot_array m = { .map = map_of(REUSEPORT_SOCKARRAY, 4, 8, 2) };
	uint64_t at = map_image_room(f.im, sizeof(m) + 2 * 8, 0);
	fake_kernel_write(f.fk, at, &m, sizeof(m));
	fake_kernel_put64(f.fk, at + sizeof(m), 0);
	fake_kernel_put64(f.fk, at + sizeof(m) + 8, PUT(&f, sk));
	row = walk_one(&f, at);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 1);
	CU_ASSERT_EQUAL(row->slots->slots[0].index, 1);
	check_sock(row->slots->slots);
	teardown(&f);
}

static uint64_t put_ptrs(struct fixture *f, uint32_t type, const uint64_t *ptrs, uint32_t nr)
{
	struct img_map map = map_of(type, 4, 4, nr);
	uint64_t at = map_image_room(f->im, sizeof(struct img_array) + nr * 8, 0);

	fake_kernel_write(f->fk, at, &map, sizeof(map));
	fake_kernel_write(f->fk, at + sizeof(struct img_array), ptrs, nr * sizeof(*ptrs));
	return at;
}

static void test_events(void)
{
	struct fixture f;
	setup(&f);
	struct img_event on_cpu = { .type = 1, .config = 7, .cpu = 3 }, any = { .type = 4, .config = 0x1c2, .cpu = -1 };
	struct img_event_entry entries[] = { { .event = PUT(&f, on_cpu) }, { .event = PUT(&f, any) } };
	const uint64_t ptrs[3] = { PUT(&f, entries[0]), 0, PUT(&f, entries[1]) };

	const struct map_row *row = walk_one(&f, put_ptrs(&f, PERF_EVENT_ARRAY, ptrs, 3));
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 2);
	const struct map_slot *s = row->slots->slots;
	FACT_IS(&s[0], "event_type", 1);
	FACT_IS(&s[0], "event_config", 7);
	FACT_IS(&s[0], "event_cpu", 3);
	CU_ASSERT_EQUAL(s[1].index, 2);
	FACT_IS(&s[1], "event_config", 0x1c2);
	for (const struct fact *one = s[1].facts.first; one; one = one->next)
		CU_ASSERT_STRING_NOT_EQUAL(one->key, "event_cpu");
	teardown(&f);
}

static void test_cgroups(void)
{
	struct fixture f;
	setup(&f);
	struct img_kernfs_node root = { .id = 1 }, top = { .id = 55 };
	top.parent = PUT(&f, root);
	top.name = put(&f, "top", 4);
	struct img_cgroup cgroup = { .kn = PUT(&f, top) };
	const uint64_t ptrs[2] = { 0, PUT(&f, cgroup) };

	const struct map_row *row = walk_one(&f, put_ptrs(&f, CGROUP_ARRAY, ptrs, 2));
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 1);
	CU_ASSERT_EQUAL(row->slots->slots[0].index, 1);
	FACT_IS(row->slots->slots, "cgroup_id", 55);
	FACT_SAYS(row->slots->slots, "cgroup_path", "/top");
	teardown(&f);
}

/* Which programs it takes, on kernels that keep that in the map. */
static void test_owner(void)
{
	static const uint64_t empty[2] = { 0 };
	static const uint32_t xdp = 6;
	static const uint8_t yes = 1;
	struct fixture f;

	setup(&f);
	uint64_t at = put_ptrs(&f, PROG_ARRAY, empty, 2);
	CU_ASSERT_PTR_NULL(walk_one(&f, at)->prog_owner.first);
	teardown(&f);

	setup(&f);
	at = put_ptrs(&f, PROG_ARRAY, empty, 2);
	fake_kernel_write(f.fk, at + offsetof(struct img_map, owner_type), &xdp, sizeof(xdp));
	fake_kernel_write(f.fk, at + offsetof(struct img_map, owner_jited), &yes, 1);
	const struct map_row *row = walk_one(&f, at);
	CU_ASSERT_EQUAL(fact(&row->prog_owner, "type")->num, 6);
	CU_ASSERT_STRING_EQUAL(fact(&row->prog_owner, "type_name")->text, "xdp");
	CU_ASSERT_EQUAL(fact(&row->prog_owner, "jited")->num, 1);
	CU_ASSERT_EQUAL(fact(&row->prog_owner, "xdp_has_frags")->num, 0);
	teardown(&f);
}

/* ---- sockets by key */

enum { SH_BUCKETS = 8 };

struct sockhash {
	uint64_t map, buckets;
};

static struct sockhash new_sockhash(struct fixture *f, uint32_t count)
{
	struct img_shtab_bucket buckets[SH_BUCKETS] = { 0 };
	struct sockhash h = { .buckets = PUT(f, buckets) };
	struct img_shtab m = { .map = map_of(SOCKHASH, 4, 4, 16), .buckets = h.buckets, .buckets_num = SH_BUCKETS,
			       .count = count };

	h.map = PUT(f, m);
	return h;
}

/* An element, with its node's address in return. */
static uint64_t put_sock(struct fixture *f, uint32_t key, uint64_t sk, uint64_t next)
{
	struct img_shtab_elem e = { .sk = sk, .next = next };
	uint64_t at = map_image_room(f->im, sizeof(e) + 8, 0);

	fake_kernel_write(f->fk, at, &e, sizeof(e));
	fake_kernel_write(f->fk, at + sizeof(e), &key, sizeof(key));
	return at + offsetof(struct img_shtab_elem, next);
}

static void put_chain(struct fixture *f, const struct sockhash *h, uint32_t bucket, uint64_t node)
{
	fake_kernel_put64(f->fk, h->buckets + bucket * sizeof(struct img_shtab_bucket) +
			  offsetof(struct img_shtab_bucket, first), node);
}

static void test_sockhash(void)
{
	struct fixture f;
	setup(&f);
	struct img_sock sk = sock_of(4711);
	uint64_t at = PUT(&f, sk);
	struct sockhash h = new_sockhash(&f, 3);

	put_chain(&f, &h, 2, put_sock(&f, 10, at, put_sock(&f, 11, at, 0)));
	put_chain(&f, &h, 7, put_sock(&f, 12, at, 0));
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_TRUE(row->has_count);
	CU_ASSERT_EQUAL(row->count, 3);
	CU_ASSERT_EQUAL_FATAL(row->slots->nr, 3);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(get_le32(row->slots->slots[i].key), 10 + i);
		check_sock(&row->slots->slots[i]);
	}
	teardown(&f);
}

/* A bucket's lock, and the one of an array. */
static void test_locks(void)
{
	static const uint32_t held = 1;
	struct fixture f;
	setup(&f);
	struct sockhash h = new_sockhash(&f, 0);

	fake_kernel_write(f.fk, h.buckets + 5 * sizeof(struct img_shtab_bucket), &held, sizeof(held));
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_PTR_NULL(row->error);
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 1);
	CU_ASSERT_STRING_EQUAL(row->locks[0].what, "bucket");
	CU_ASSERT_EQUAL(row->locks[0].index, 5);
	teardown(&f);

	setup(&f);
	uint64_t sks[3] = { 0 };
	struct img_stab stab = { .map = map_of(SOCKMAP, 4, 4, 3), .sks = PUT(&f, sks), .lock = 1 };
	row = walk_one(&f, PUT(&f, stab));
	CU_ASSERT_EQUAL_FATAL(row->nr_locks, 1);
	CU_ASSERT_STRING_EQUAL(row->locks[0].what, "map");
	CU_ASSERT_TRUE(row->locks[0].held);
	teardown(&f);
}

/* Chains that share their ends multiply nothing; one loops. */
static void test_sockhash_bad(void)
{
	struct fixture f;
	setup(&f);
	struct img_sock sk = sock_of(4711);
	uint64_t at = PUT(&f, sk), shared = put_sock(&f, 1, at, 0), loop = put_sock(&f, 2, at, 0);
	struct sockhash h = new_sockhash(&f, 0);

	f.opts.max_entries = UINT64_MAX;
	fake_kernel_put64(f.fk, loop, loop);
	for (uint32_t b = 0; b < SH_BUCKETS; b++)
		put_chain(&f, &h, b, b ? shared : loop);
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->slots->nr, 2);
	ERROR_HAS(row, "7 bucket chains loop, end in nothing or run into another bucket");
	CU_ASSERT_EQUAL(status(&f), SECTION_IMPLAUSIBLE);
	teardown(&f);
}

static void test_sockhash_cap(void)
{
	struct fixture f;
	setup(&f);
	struct img_sock sk = sock_of(4711);
	uint64_t at = PUT(&f, sk), chain = 0;
	struct sockhash h = new_sockhash(&f, 5);

	for (uint32_t i = 0; i < 5; i++)
		chain = put_sock(&f, i, at, chain);
	put_chain(&f, &h, 0, chain);
	f.opts.max_entries = 3;
	const struct map_row *row = walk_one(&f, h.map);
	CU_ASSERT_EQUAL(row->slots->nr, 3);
	CU_ASSERT_EQUAL(row->count, 5);
	ERROR_HAS(row, "truncated at 3 entries (max_entries=16)");
	teardown(&f);
}

/* ---- struct_ops */

enum { OPS_HEAD = 8 };

static struct img_struct_ops_map ops_map(const struct fixture *f)
{
	struct img_struct_ops_map m = {
		.map = map_of(STRUCT_OPS, 4, OPS_HEAD + sizeof(struct img_ops), 1),
		.data = { .select_cpu = 0xffffffffc0001000, .enqueue = 0xffffffffc0001040, .name = "sched" },
	};

	m.map.vmlinux_value_type = f->im->sched_wrapper;
	return m;
}

static uint64_t put_link(struct fixture *f, uint32_t member, uint32_t id)
{
	struct img_aux aux = { .id = id, .name = "func" };
	struct img_prog prog = { .expected_attach_type = member, .aux = PUT(f, aux) };
	struct img_link link = { .prog = PUT(f, prog) };

	return PUT(f, link);
}

/* A link that is not there takes no other program with it. */
static void test_struct_ops_link(void)
{
	struct fixture f;
	setup(&f);
	uint64_t links[3] = { nowhere, put_link(&f, 1, 51), put_link(&f, 0, 50) };
	struct img_struct_ops_map m = ops_map(&f);
	m.funcs_cnt = 3;
	m.links = PUT(&f, links);

	const struct map_row *row = walk_one(&f, PUT(&f, m));
	ERROR_HAS(row, "1 programs unreadable");
	CU_ASSERT_TRUE(row->unreadable);
	CU_ASSERT_EQUAL_FATAL(row->ops->nr_funcs, 2);
	CU_ASSERT_EQUAL(row->ops->funcs[0].prog_id, 50);
	CU_ASSERT_STRING_EQUAL(row->ops->funcs[0].member, "select_cpu");
	CU_ASSERT_EQUAL(row->ops->funcs[1].prog_id, 51);
	teardown(&f);
}

UNIT_MAIN("walk-map-slots", { "CPUs", test_cpumap }, { "AF_XDP sockets", test_xskmap },
	  { "arrays of sockets", test_sock_arrays }, { "perf events", test_events }, { "cgroups", test_cgroups },
	  { "programs taken, in the map", test_owner }, { "sockets by key", test_sockhash },
	  { "sockets by key, damaged", test_sockhash_bad }, { "sockets by key, cut", test_sockhash_cap },
	  { "locks", test_locks }, { "functions, one lost", test_struct_ops_link })
