/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --map, --var and --key: what is chosen, what is read, what is said where there is no such thing. */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/jhash.h"
#include "base/nearest.h"
#include "btf-build.h"
#include "map-image.h"
#include "walk/map-key.h"
#include "walk/walk.h"

enum { HASH = 1, ARRAY = 2, STACK = 23, RINGBUF = 27, NR_BUCKETS = 8, SEED = 0x1234 };

struct fixture {
	struct map_image *im;
	struct walk_opts opts;
	const char *words[4];
	struct report *r;
	uint64_t maps[16];
	uint32_t ids[16];
	size_t nr;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .im = map_image_new() };
	f->opts.maps = f->words;
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	map_image_destroy(f->im);
}

static uint64_t put_map(struct fixture *f, const char *name, const struct img_map *header, size_t room)
{
	uint64_t at = map_image_room(f->im, sizeof(struct img_htab) + room, 0);
	struct img_map map = *header;

	snprintf(map.name, sizeof(map.name), "%s", name);
	map.id = f->ids[f->nr] = (uint32_t)f->nr + 3;
	fake_kernel_write(f->im->fk, at, &map, sizeof(map));
	f->maps[f->nr++] = at;
	return at;
}

static uint64_t put_array(struct fixture *f, const char *name, const uint64_t *values, uint32_t nr)
{
	struct img_map map = { .type = ARRAY, .key_size = 4, .value_size = 8, .max_entries = nr };
	uint64_t at = put_map(f, name, &map, 8 * nr);

	fake_kernel_write(f->im->fk, at + offsetof(struct img_array, value), values, 8 * nr);
	return at;
}

/* Walks with the words of --map, up to the first NULL. */
static struct err *walk(struct fixture *f)
{
	struct walk w = { .k = f->im->fk->k, .opts = &f->opts };

	report_destroy(f->r);
	f->r = NULL;
	TRY(report_create(&f->r));
	w.r = f->r;
	map_image_idr(f->im, f->ids, f->maps, f->nr);
	for (f->opts.nr_maps = 0; f->words[f->opts.nr_maps];)
		f->opts.nr_maps++;
	if (f->opts.var || f->opts.key)
		return walk_view(f->im->fk->k, &f->opts, f->r);
	return walk_maps(&w);
}

static const struct section *maps_section(const struct fixture *f)
{
	return report_find_section(f->r, "maps");
}

/* ---- --map */

static void test_map(void)
{
	static const uint64_t values[] = { 7, 8 };
	struct fixture f;
	char addr[32];

	setup(&f);
	put_array(&f, "alpha", values, 2);
	uint64_t beta = put_array(&f, "beta", values, 2);
	put_array(&f, "alpha", values, 2);
	/* Whoever reads contents that nobody asked for is told that they are unreadable. */
	fake_target_refuse(f.im->fk->ft, fake_kernel_map(f.im->fk, map_image_room(f.im, 8, 0)));

	f.words[0] = "beta";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL_FATAL(f.r->maps.nr, 1);
	CU_ASSERT_EQUAL(f.r->maps.data[0].id, 4);
	CU_ASSERT_EQUAL(f.r->maps.data[0].nr_entries, 2);
	CU_ASSERT_EQUAL(f.r->maps_skipped, 0);
	CU_ASSERT_EQUAL(maps_section(&f)->status, SECTION_COMPLETE);
	CU_ASSERT_STRING_EQUAL(maps_section(&f)->cut, "1 of 3 maps (--map)");
	CU_ASSERT_FALSE(report_is_partial(f.r));

	snprintf(addr, sizeof(addr), "%#" PRIx64, beta);
	f.words[0] = addr;
	f.words[1] = "5";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL_FATAL(f.r->maps.nr, 2);
	CU_ASSERT_EQUAL(f.r->maps.data[0].kva.v, beta);
	CU_ASSERT_EQUAL(f.r->maps.data[1].id, 5);

	f.words[0] = "alpha";
	f.words[1] = NULL;
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(f.r->maps.nr, 2);
	CU_ASSERT_STRING_EQUAL(maps_section(&f)->cut, "--map alpha means 2 maps: ids 3 and 5; 2 of 3 maps (--map)");
	teardown(&f);
}

static void test_no_map(void)
{
	static const uint64_t values[] = { 7, 8 };
	struct fixture f;

	setup(&f);
	put_array(&f, "alpha", values, 2);
	put_array(&f, "beta", values, 2);
	f.words[0] = "betta";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "none of the 2 maps in the guest has this id, address or name (near: beta)");
	f.words[0] = "beta";
	f.words[1] = "77";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "--map 77");
	f.words[0] = "0xffffc90000000001";
	f.words[1] = NULL;
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "--map 0xffffc90000000001");
	teardown(&f);
}

/* The kernel keeps 15 bytes of a name, libbpf the end of a section's. */
static void test_long_names(void)
{
	static const uint64_t values[] = { 7 };
	struct fixture f;

	setup(&f);
	put_array(&f, "a_name_of_many_", values, 1);
	put_array(&f, "long_sche.rodata", values, 1);
	put_array(&f, "long_sched.data", values, 1);
	f.words[0] = "a_name_of_many_letters";
	f.words[1] = "long_scheduler.data";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL_FATAL(f.r->maps.nr, 2);
	CU_ASSERT_EQUAL(f.r->maps.data[0].id, 3);
	CU_ASSERT_EQUAL(f.r->maps.data[1].id, 5);
	teardown(&f);
}

/* ---- --key */

struct hash {
	uint64_t map, buckets;
	uint64_t heads[NR_BUCKETS];
};

static struct hash put_hash(struct fixture *f, const char *name)
{
	struct img_map map = { .type = HASH, .key_size = 4, .value_size = 8, .max_entries = 8 };
	struct hash h = { .map = put_map(f, name, &map, 0) };
	struct img_htab htab = { .n_buckets = NR_BUCKETS, .seed = SEED };
	size_t head = sizeof(struct img_map);

	h.buckets = htab.buckets = map_image_room(f->im, NR_BUCKETS * sizeof(struct img_bucket), 0);
	fake_kernel_write(f->im->fk, h.map + head, (uint8_t *)&htab + head, sizeof(htab) - head);
	for (uint32_t b = 0; b < NR_BUCKETS; b++)
		h.heads[b] = (uint64_t)b << 1 | 1;
	return h;
}

static void end_hash(struct fixture *f, const struct hash *h)
{
	for (uint32_t b = 0; b < NR_BUCKETS; b++)
		fake_kernel_put64(f->im->fk, h->buckets + b * sizeof(struct img_bucket), h->heads[b]);
}

/* At the head of the bucket that its hash is for. */
static uint64_t put_elem(struct fixture *f, struct hash *h, uint32_t hash, uint32_t key, uint64_t value)
{
	struct img_elem e = { .next = h->heads[hash % NR_BUCKETS], .hash = hash };
	uint64_t at = map_image_room(f->im, sizeof(e) + 16, 0);

	fake_kernel_write(f->im->fk, at, &e, sizeof(e));
	fake_kernel_write(f->im->fk, at + sizeof(e), &key, sizeof(key));
	fake_kernel_put64(f->im->fk, at + sizeof(e) + 8, value);
	h->heads[hash % NR_BUCKETS] = at;
	return at;
}

static void test_jhash(void)
{
	uint8_t k[40];

	for (unsigned int i = 0; i < sizeof(k); i++)
		k[i] = (uint8_t)(i * 37 + 5);
	/* From the kernel's jhash() over the same bytes. */
	CU_ASSERT_EQUAL(jhash(k, 4, 77), 0x547ce950);
	CU_ASSERT_EQUAL(jhash(k, 13, 77), 0x87b95277);
	CU_ASSERT_EQUAL(jhash(k, 24, 77), 0x7cee30c2);
}

/* The one bucket is read and no other; what hangs there is refused. */
static void test_key(void)
{
	struct fixture f;

	setup(&f);
	struct hash h = put_hash(&f, "a_hash");
	for (uint32_t key = 0; key < 40; key++) {
		uint32_t hash = jhash(&key, 4, SEED);
		uint64_t at = put_elem(&f, &h, hash, key, 100 + key);

		if (hash % NR_BUCKETS != jhash(&(uint32_t){ 17 }, 4, SEED) % NR_BUCKETS)
			fake_target_refuse(f.im->fk->ft, fake_kernel_map(f.im->fk, at));
	}
	end_hash(&f, &h);
	f.words[0] = "a_hash";
	f.opts.key = "17";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(f.r->view.kind, VIEW_ENTRY);
	CU_ASSERT_EQUAL(f.r->view.row.id, 3);
	CU_ASSERT_EQUAL_FATAL(f.r->view.row.nr_entries, 1);
	CU_ASSERT_EQUAL(get_le64(f.r->view.row.entries[0].value), 117);
	CU_ASSERT_PTR_NULL(f.r->view.row.error);

	f.opts.key = "0x11";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(get_le64(f.r->view.row.entries[0].value), 117);
	f.opts.key = "4096";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "map a_hash (id 3): no entry with key 4096");
	f.opts.key = "4294967296";
	ASSERT_ERR(walk(&f), ERR_USAGE, "does not fit 4 bytes");
	teardown(&f);
}

/* A kernel with another hash function: the key is found all the same. */
static void test_other_hash(void)
{
	struct fixture f;

	setup(&f);
	struct hash h = put_hash(&f, "a_hash");
	for (uint32_t key = 0; key < 20; key++)
		put_elem(&f, &h, key * 5 + 1, key, 100 + key);
	end_hash(&f, &h);
	f.words[0] = "a_hash";
	for (unsigned int key = 0; key < 20; key++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", key);
		f.opts.key = text;
		ASSERT_OK(walk(&f));
		CU_ASSERT_EQUAL_FATAL(f.r->view.row.nr_entries, 1);
		CU_ASSERT_EQUAL(get_le64(f.r->view.row.entries[0].value), 100 + key);
	}
	f.opts.key = "20";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "no entry");
	teardown(&f);
}

/* Where all entries are read, the one is picked: pops of a stack, the first of which is the newest. */
static void test_key_of_stack(void)
{
	static const uint64_t values[] = { 10, 11, 12, 13 };
	struct img_map map = { .type = STACK, .value_size = 8, .max_entries = 4 };
	struct img_queue queue = { .head = 4, .tail = 0, .size = 5 };
	struct fixture f;

	setup(&f);
	uint64_t at = put_map(&f, "pile", &map, sizeof(queue) + 40);
	size_t head = sizeof(struct img_map);
	fake_kernel_write(f.im->fk, at + head, (uint8_t *)&queue + head, sizeof(queue) - head);
	fake_kernel_write(f.im->fk, at + offsetof(struct img_queue, elements), values, sizeof(values));
	f.words[0] = "pile";
	for (unsigned int i = 0; i < 4; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%u", i);
		f.opts.key = text;
		ASSERT_OK(walk(&f));
		CU_ASSERT_EQUAL_FATAL(f.r->view.row.nr_entries, 1);
		CU_ASSERT_EQUAL(get_le64(f.r->view.row.entries[0].value), 13 - i);
	}
	f.opts.key = "4";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "no entry with key 4");
	teardown(&f);
}

static void test_key_of_array(void)
{
	static const uint64_t values[] = { 7, 8, 9 };
	struct img_map ring = { .type = RINGBUF, .max_entries = 4096 };
	struct fixture f;

	setup(&f);
	put_array(&f, "list", values, 3);
	put_map(&f, "ring", &ring, 0);
	put_array(&f, "twin", values, 3);
	put_array(&f, "twin", values, 3);
	f.words[0] = "list";
	f.opts.key = "2";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL_FATAL(f.r->view.row.nr_entries, 1);
	CU_ASSERT_EQUAL(f.r->view.row.entries[0].index, 2);
	CU_ASSERT_EQUAL(get_le64(f.r->view.row.entries[0].value), 9);
	f.opts.key = "3";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "no element 3: there are 3");
	f.words[0] = "ring";
	ASSERT_ERR(walk(&f), ERR_USAGE, "has no keys");
	f.words[0] = "twin";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "several maps have this name: ids 5 and 6");
	teardown(&f);
}

/* ---- keys as users write them */

struct key_types {
	struct types *types;
	uint32_t u32, s16, chr, color, name, nums, key, bits;
};

static struct key_types key_types(void)
{
	struct btf_build b;
	struct key_types t;

	btf_build_init(&b, NULL);
	t.u32 = btf_build_int(&b, "unsigned int", 4, 0);
	t.s16 = btf_build_int(&b, "short", 2, BTF_INT_SIGNED);
	t.chr = btf_build_int(&b, "char", 1, BTF_INT_SIGNED);
	t.color = btf_build_enum(&b, "color", 4, true);
	btf_build_enumerator(&b, "RED", 5);
	btf_build_enumerator(&b, "BLUE", -2);
	t.name = btf_build_array(&b, t.chr, t.u32, 6);
	t.nums = btf_build_array(&b, t.s16, t.u32, 2);
	uint32_t inner = btf_build_struct(&b, NULL, 4);
	btf_build_member(&b, "nums", t.nums, 0);
	t.key = btf_build_struct(&b, "key", 20);
	btf_build_member(&b, "id", t.u32, 0);
	btf_build_member(&b, "name", t.name, 32);
	btf_build_member(&b, NULL, inner, 96);
	btf_build_member(&b, "color", t.color, 128);
	t.bits = btf_build_struct(&b, "bits", 4);
	btf_build_bitfield(&b, "low", t.u32, 0, 3);
	btf_build_bitfield(&b, "high", t.u32, 3, 10);
	t.types = btf_build_types(&b);
	return t;
}

#define KEY_IS(type, text, ...)                                                                    \
	do {                                                                                       \
		static const uint8_t want_[] = { __VA_ARGS__ };                                    \
		uint8_t got_[sizeof(want_)];                                                       \
		ASSERT_OK(map_key_parse(t.types, type, text, got_, sizeof(got_)));                 \
		CU_ASSERT_EQUAL(memcmp(got_, want_, sizeof(want_)), 0);                            \
	} while (0)

static void test_key_words(void)
{
	struct key_types t = key_types();
	uint8_t buf[20];

	KEY_IS(t.u32, "258", 2, 1, 0, 0);
	KEY_IS(t.u32, "0x102", 2, 1, 0, 0);
	KEY_IS(t.u32, "hex:02010000", 2, 1, 0, 0);
	KEY_IS(t.s16, "-2", 0xfe, 0xff);
	KEY_IS(t.s16, "65534", 0xfe, 0xff);
	KEY_IS(t.color, "BLUE", 0xfe, 0xff, 0xff, 0xff);
	KEY_IS(t.color, "5", 5, 0, 0, 0);
	KEY_IS(t.name, "abc", 'a', 'b', 'c', 0, 0, 0);
	KEY_IS(t.name, "\"a\\u0001\\\"\"", 'a', 1, '"', 0, 0, 0);
	KEY_IS(t.nums, "[1, -1]", 1, 0, 0xff, 0xff);
	KEY_IS(t.nums, "01 00 ff:FF", 1, 0, 0xff, 0xff);
	KEY_IS(t.key, "{ \"id\": 7, \"name\":\"xy\", \"nums\" : [3],\"color\":\"RED\" }", 7, 0, 0, 0, 'x', 'y', 0, 0, 0,
	       0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0);
	KEY_IS(t.key, "{}", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	KEY_IS(t.bits, "{\"low\": 5, \"high\": 0x3ff}", 0xfd, 0x1f, 0, 0);
	KEY_IS(0, "-1", 0xff, 0xff);
	KEY_IS(0, "010203", 1, 2, 3);

	ASSERT_ERR(map_key_parse(t.types, t.u32, "5x", buf, 4), ERR_USAGE, "no number");
	ASSERT_ERR(map_key_parse(t.types, t.s16, "65536", buf, 2), ERR_USAGE, "does not fit");
	ASSERT_ERR(map_key_parse(t.types, t.s16, "-32769", buf, 2), ERR_USAGE, "does not fit");
	ASSERT_ERR(map_key_parse(t.types, t.color, "GREEN", buf, 4), ERR_USAGE, "no name in enum color");
	ASSERT_ERR(map_key_parse(t.types, t.name, "sevenths", buf, 6), ERR_USAGE, "8 bytes does not fit 6");
	ASSERT_ERR(map_key_parse(t.types, t.nums, "[1,2,3]", buf, 4), ERR_USAGE, "more than the 2");
	ASSERT_ERR(map_key_parse(t.types, t.key, "{\"idd\":1}", buf, 20), ERR_USAGE, "no member idd");
	ASSERT_ERR(map_key_parse(t.types, t.key, "{\"id\":1", buf, 20), ERR_USAGE, "expected");
	ASSERT_ERR(map_key_parse(t.types, t.key, "{\"id\":1} x", buf, 20), ERR_USAGE, "after the key");
	ASSERT_ERR(map_key_parse(t.types, t.key, "{\"id", buf, 20), ERR_USAGE, "does not end");
	ASSERT_ERR(map_key_parse(t.types, t.key, "0102", buf, 20), ERR_USAGE, "2 bytes; the key has 20");
	ASSERT_ERR(map_key_parse(t.types, t.key, "zz", buf, 20), ERR_USAGE, "no pairs");
	ASSERT_ERR(map_key_parse(t.types, t.bits, "{\"low\": 8}", buf, 4), ERR_USAGE, "does not fit 3 bits");
	ASSERT_ERR(map_key_parse(t.types, t.u32, "", buf, 4), ERR_USAGE, "empty");
	/* A type that claims more than there is. */
	ASSERT_ERR(map_key_parse(t.types, t.key, "{\"color\": 1}", buf, 8), ERR_CORRUPT, "bigger than the key");
	types_destroy(t.types);
}

/* ---- --var */

struct object {
	uint32_t section; /* type id of the DATASEC */
	uint64_t btf;
};

/* struct { u32 seen; struct { u32 in; } list[2]; u32 low:3; u64 *ptr; } stats; u32 count; u32 f.count */
static struct object put_object(struct fixture *f)
{
	struct btf_build b;
	struct object o;
	size_t len;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "unsigned int", 4, 0), u64 = btf_build_int(&b, "u64", 8, 0);
	uint32_t in = btf_build_struct(&b, "in", 4);
	btf_build_member(&b, "in", u32, 0);
	uint32_t list = btf_build_array(&b, in, u32, 2), ptr = btf_build_ptr(&b, u64);
	uint32_t stats = btf_build_struct(&b, "stats", 24);
	btf_build_bitfield(&b, "seen", u32, 0, 0);
	btf_build_bitfield(&b, "list", list, 32, 0);
	btf_build_bitfield(&b, "low", u32, 96, 3);
	btf_build_bitfield(&b, "ptr", ptr, 128, 0);
	uint32_t v_stats = btf_build_var(&b, "stats", stats, 1), v_count = btf_build_var(&b, "count", u32, 1),
		 v_static = btf_build_var(&b, "f.count", u32, 0);
	o.section = btf_build_datasec(&b, ".bss", 40);
	btf_build_secvar(&b, v_stats, 0, 24);
	btf_build_secvar(&b, v_count, 24, 4);
	btf_build_secvar(&b, v_static, 28, 4);

	void *raw = btf_build_finish(&b, &len);
	struct img_btf obj = { .size = (uint32_t)len, .id = 50 };
	obj.data = map_image_room(f->im, len, 0);
	o.btf = map_image_room(f->im, sizeof(obj), 0);
	fake_kernel_write(f->im->fk, obj.data, raw, len);
	fake_kernel_write(f->im->fk, o.btf, &obj, sizeof(obj));
	free(raw);
	return o;
}

static uint64_t put_bss(struct fixture *f, const char *name, const struct object *o, uint32_t add)
{
	const struct img_map map = {
		.type = ARRAY, .key_size = 4, .value_size = 40, .max_entries = 1, .btf = o->btf, .value_type = o->section,
	};
	const uint32_t words[10] = { 1 + add, 2 + add, 3 + add, 5, 0, 0, 6 + add, 7 + add };
	uint64_t at = put_map(f, name, &map, 40);

	fake_kernel_write(f->im->fk, at + offsetof(struct img_array, value), words, sizeof(words));
	return at;
}

static uint32_t shown(const struct fixture *f)
{
	const struct map_row *row = &f->r->view.row;

	CU_ASSERT_EQUAL_FATAL(row->value_len, 4);
	return get_le32(row->value);
}

static void test_var(void)
{
	struct fixture f;

	setup(&f);
	struct object o = put_object(&f);
	put_bss(&f, "one.bss", &o, 0);
	f.opts.var = "count";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(f.r->view.kind, VIEW_VAR);
	CU_ASSERT_STRING_EQUAL(f.r->view.var, "count");
	CU_ASSERT_EQUAL(f.r->view.offset, 24);
	CU_ASSERT_EQUAL(shown(&f), 6);
	f.opts.var = "stats.seen";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(shown(&f), 1);
	f.opts.var = "stats.list[1].in";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(f.r->view.offset, 8);
	CU_ASSERT_EQUAL(shown(&f), 3);
	f.opts.var = "f.count"; /* a static in a function */
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(shown(&f), 7);
	f.opts.var = "stats.low"; /* shown with the struct it is in */
	ASSERT_OK(walk(&f));
	CU_ASSERT_STRING_EQUAL(f.r->view.rest, ".low");
	CU_ASSERT_EQUAL(f.r->view.row.value_len, 24);
	f.opts.var = "stats.ptr[0]";
	ASSERT_OK(walk(&f));
	CU_ASSERT_STRING_EQUAL(f.r->view.rest, "[0]");
	CU_ASSERT_EQUAL(f.r->view.offset, 16);

	f.opts.var = "cuont";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "no such global variable in the BPF objects in the guest (near: count)");
	f.opts.var = "countt";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "(near: count); --map looks into that of another object");
	f.opts.var = "stats.sen";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "struct stats has no member sen (near: seen)");
	f.opts.var = "stats.list[2]";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "no element [2] in an array of 2");
	f.opts.var = "count.x";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "what is no struct");
	f.opts.var = "stats.list[x]";
	ASSERT_ERR(walk(&f), ERR_USAGE, "bad index");
	teardown(&f);
}

static void test_ambiguous_var(void)
{
	struct fixture f;

	setup(&f);
	struct object o = put_object(&f);
	put_bss(&f, "one.bss", &o, 0);
	put_bss(&f, "two.bss", &o, 100);
	f.opts.var = "count";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "one.bss (map id 3, offset 24), two.bss (map id 4, offset 24)");
	f.words[0] = "two.bss";
	ASSERT_OK(walk(&f));
	CU_ASSERT_EQUAL(shown(&f), 106);
	CU_ASSERT_EQUAL(f.r->view.row.id, 4);
	teardown(&f);
}

static void test_unreadable_var(void)
{
	struct fixture f;

	setup(&f);
	struct object o = put_object(&f);
	put_bss(&f, "one.bss", &o, 0);
	/* A map that says that its value is smaller than its type. */
	uint64_t at = put_bss(&f, "two.bss", &o, 0);
	fake_kernel_write(f.im->fk, at + offsetof(struct img_map, value_size), &(uint32_t){ 8 }, 4);
	f.opts.var = "count";
	f.words[0] = "two.bss";
	ASSERT_ERR(walk(&f), ERR_CORRUPT, "outside of its section");
	f.opts.var = "stats.seen";
	ASSERT_OK(walk(&f));
	teardown(&f);
}

static void test_untyped_var(void)
{
	struct fixture f;

	setup(&f);
	struct object o = put_object(&f);
	put_bss(&f, "one.bss", &o, 0);
	fake_target_refuse(f.im->fk->ft, fake_kernel_map(f.im->fk, o.btf));
	f.opts.var = "count";
	ASSERT_ERR(walk(&f), ERR_NOT_FOUND, "as far as their types are known (map one.bss, id 3: ");
	teardown(&f);
}

static void test_nearest(void)
{
	struct nearest n = { .word = "nr_queud" };

	nearest_offer(&n, "something_else");
	nearest_offer(&n, "nr_queued");
	nearest_offer(&n, "nr_queued");
	nearest_offer(&n, "");
	nearest_offer(&n, "NR_QUEUD");
	char *text = nearest_text(&n);
	CU_ASSERT_STRING_EQUAL(text, " (near: nr_queued, NR_QUEUD)");
	free(text);
	n = (struct nearest){ .word = "zzz" };
	nearest_offer(&n, "abc");
	text = nearest_text(&n);
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
}

UNIT_MAIN("view", { "--map", test_map }, { "no such map", test_no_map },
	  { "names longer than the kernel keeps", test_long_names }, { "the kernel's hash", test_jhash },
	  { "an entry of a hash", test_key }, { "an entry, another hash function", test_other_hash },
	  { "the how-manieth pop", test_key_of_stack }, { "an element of an array", test_key_of_array }, { "keys as users write them", test_key_words },
	  { "a variable and its parts", test_var }, { "several variables of one name", test_ambiguous_var },
	  { "a variable outside of its map", test_unreadable_var }, { "a variable whose types are lost", test_untyped_var },
	  { "names that are near", test_nearest })
