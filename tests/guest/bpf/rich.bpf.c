/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * rich: maps of every kind, with values of every type. They are filled once, by running the programs
 * here from outside, and never change after: what bpftool reads of them in the guest must be what
 * fdgdb reads of them from outside.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "rich.h"

char _license[] SEC("license") = "GPL";

#define MAP(NAME, TYPE, FLAGS, ENTRIES, KEY, VALUE) \
	struct { \
		__uint(type, TYPE); \
		__uint(map_flags, FLAGS); \
		__uint(max_entries, ENTRIES); \
		__type(key, KEY); \
		__type(value, VALUE); \
	} NAME SEC(".maps")

enum {
	NR_ARRAY = 7,
	NR_HASH = 40,
	NR_NOPRE = 100,
	NR_LRU = 20,
	NR_PERCPU = 6,
	NR_BIG = 3,
	MAX_CPUS = 64,
};

MAP(one, BPF_MAP_TYPE_ARRAY, 0, 1, u32, struct rich);
MAP(many, BPF_MAP_TYPE_ARRAY, 0, NR_ARRAY, u32, struct rich);
MAP(mmapable, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 9, u32, struct small);
MAP(odd, BPF_MAP_TYPE_ARRAY, 0, 6, u32, struct odd);
MAP(ints, BPF_MAP_TYPE_ARRAY, 0, 300, u32, s32);
MAP(big_array, BPF_MAP_TYPE_ARRAY, 0, 3, u32, struct big);
MAP(hash, BPF_MAP_TYPE_HASH, 0, 64, u32, struct rich);
MAP(hash_key, BPF_MAP_TYPE_HASH, 0, 64, struct rich_key, struct small);
MAP(hash_nopre, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 128, struct rich_key, struct rich);
MAP(hash_big, BPF_MAP_TYPE_HASH, 0, 8, struct big_key, struct big);
MAP(hash_long, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 8, u64, struct long_value);
MAP(hash_enum, BPF_MAP_TYPE_HASH, 0, 8, enum temper, enum wide);
MAP(hash_float, BPF_MAP_TYPE_HASH, 0, 8, u32, struct float_value);
MAP(hash_empty, BPF_MAP_TYPE_HASH, 0, 8, u32, u64);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, 0, 256, u32, struct rich);
MAP(lru_percore, BPF_MAP_TYPE_LRU_HASH, BPF_F_NO_COMMON_LRU, 4096, u64, struct small);
MAP(pcpu_one, BPF_MAP_TYPE_PERCPU_ARRAY, 0, 1, u32, struct small);
MAP(pcpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 0, NR_PERCPU, u32, struct rich);
MAP(pcpu_odd, BPF_MAP_TYPE_PERCPU_ARRAY, 0, 3, u32, struct odd);
MAP(pcpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 0, 32, struct rich_key, struct rich);
MAP(pcpu_nopre, BPF_MAP_TYPE_PERCPU_HASH, BPF_F_NO_PREALLOC, 32, u32, u64);
MAP(pcpu_lru, BPF_MAP_TYPE_LRU_PERCPU_HASH, 0, 64, u32, struct small);
MAP(locks, BPF_MAP_TYPE_ARRAY, 0, 3, u32, struct locked);
MAP(timers, BPF_MAP_TYPE_HASH, 0, 8, u32, struct timed);
MAP(stacks, BPF_MAP_TYPE_STACK_TRACE, 0, 64, u32, u64[20]);
MAP(stacks_build_id, BPF_MAP_TYPE_STACK_TRACE, BPF_F_STACK_BUILD_ID, 64, u32, u8[20 * 32]);
MAP(lpm, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, 16, struct lpm_key, struct small);
MAP(lpm_forks, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, 64, struct lpm_key, struct small);
MAP(lpm_long, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, 64, struct long_lpm_key, u64);
MAP(task_store, BPF_MAP_TYPE_TASK_STORAGE, BPF_F_NO_PREALLOC, 0, int, struct small);
MAP(inode_store, BPF_MAP_TYPE_INODE_STORAGE, BPF_F_NO_PREALLOC, 0, int, struct small);
MAP(sk_store, BPF_MAP_TYPE_SK_STORAGE, BPF_F_NO_PREALLOC, 0, int, struct small);
#ifdef HAVE_CGRP_STORAGE
MAP(cgrp_store, BPF_MAP_TYPE_CGRP_STORAGE, BPF_F_NO_PREALLOC, 0, int, struct small);
#endif
MAP(old_cgrp_store, BPF_MAP_TYPE_CGROUP_STORAGE, 0, 0, struct bpf_cgroup_storage_key, struct small);
MAP(pcpu_cgrp_store, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 0, 0, struct bpf_cgroup_storage_key, u64);
#ifdef HAVE_RHASH
MAP(rhash, BPF_MAP_TYPE_RHASH, BPF_F_NO_PREALLOC, 256, struct rich_key, struct rich);
#endif
MAP(inner, BPF_MAP_TYPE_ARRAY, 0, 4, u32, u64);

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, struct small);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__type(value, struct small);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 16);
	__uint(map_extra, 3);
	__type(value, u32);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, u32);
	__array(values, typeof(inner));
} array_maps SEC(".maps") = { .values = { [2] = &inner } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, u32);
	__array(values, typeof(inner));
} hash_maps SEC(".maps") = { .values = { [3] = &inner } };

int tail_target(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__array(values, int (struct __sk_buff *));
} progs SEC(".maps") = { .values = { [1] = &tail_target } };

/* Global sections, among them such as have names of their own. */
const volatile struct small konst = { .n = 0xdeadbeefcafef00dull, .minus = -1, .temper = COLD };
const volatile char greeting[24] = "read only, \"quoted\"\n";
const volatile u32 konst_list[4] = { 1, 0, 3, 0xffffffff };
struct small tuned = { .n = 77, .minus = -77, .temper = HOT };
s64 minus_one = -1;
struct inner inners[2] = { { -5, 250, STINY_NEG }, { 5, 0, STINY_POS } };
struct rich scratch;
struct cpumask online;
u64 filled;
u8 bytes_of_bss[40];
struct small extra SEC(".data.extra") = { .n = 1, .minus = -2, .temper = MILD };
const volatile u64 more_konst SEC(".rodata.more") = 0x1122334455667788ull;
/* A section of their own, because bpftool gives up on a value with a float in it. */
struct floats floats SEC(".data.float") = {
	.f = 1.5f, .d = -2.25, .negative = -0.0f, .tiny = 4.9406564584124654e-324,
	.list = { 0.1f, 3.4028234663852886e+38f, 16777216.0f },
};

extern const void init_task __ksym;
extern const void __cpu_online_mask __ksym;

/* What `seed` stands for is all that differs between two of these. Not static: verified only once. */
__noinline int fill_rich(u32 seed)
{
	struct rich *v = &scratch;

	v->color = seed % 3 == 0 ? RED : seed % 3 == 1 ? GREEN : BLUE;
	v->temper = seed % 2 ? COLD : HOT;
	v->wide = seed % 2 ? WIDE_TOP : WIDE_LOW;
	v->swide = seed % 2 ? SWIDE_NEG : SWIDE_POS;
	v->tiny = seed % 2 ? TINY_Z : TINY_A;
	v->stiny = seed % 2 ? STINY_NEG : STINY_POS;
	v->shorty = seed % 2 ? SHORTY_BIG : SHORTY_ONE;
	v->strange = (enum color)(seed + 1000);
	v->bits.a = seed;
	v->bits.b = seed + 17;
	v->bits.c = -(s32)(seed % 60) - 1;
	v->bits.d = -1000 - (s32)seed;
	v->bits.e = 0xa5a5a5a500ull + seed;
	v->bits.f = -500000 + (s32)seed;
	v->bits.g = seed & 1;
	v->bits.h = !(seed & 1);
	v->bits.i = GREEN;
	v->bits.j = COLD;
	v->bits.k = 0xffff0000u + seed;
	v->view.whole = 0xff80000000000000ull + seed * 0x100000001ull;
	v->named.low = seed + 1;
	v->named.high = -(s16)seed - 1;
	v->in_struct = 60000 + seed;
	v->deeper = -128;
	v->s8 = -(s8)(seed % 100);
	v->s16 = -300 - (s16)seed;
	v->s32 = -70000 - (s32)seed;
	v->s64 = -5000000000ll - seed;
	v->u8 = 200 + seed % 50;
	v->u16 = 65535 - seed;
	v->u32 = 0xfffffff0u - seed;
	v->u64 = 0xffffffffffffff00ull - seed;
	v->letter = 'a' + seed % 26;
	__builtin_memcpy(v->name, "entry \0 hidden", 15);
	v->name[5] = '0' + seed % 10;
	v->raw[0] = (char)0xff;
	v->raw[1] = 0x1b;
	v->raw[2] = '"';
	v->raw[3] = (char)(0x80 + seed);
	v->yes = true;
	v->no = false;
	v->matrix[0][0] = 1;
	v->matrix[0][2] = 3;
	v->matrix[1][1] = seed;
	v->cube[0][0][1] = -1;
	v->cube[1][0][0] = 1000;
	v->cube[1][1][1] = -(s16)seed;
	v->pair[0].x = -(s16)seed;
	v->pair[0].y = 255;
	v->pair[0].z = STINY_NEG;
	v->pair[2].x = 12345;
	v->colors[0] = GREEN;
	v->colors[2] = BLUE;
	*(u32 *)&v->serial = 0x1000 + seed;
	*(u64 *)&v->stamp = 0x123456789abcdef0ull + seed;
	v->pointer = (void *)(0xdead000000000100ull + seed);
	v->task = (struct task_struct *)&init_task;
	v->mask = (struct cpumask *)&__cpu_online_mask;
	v->function = (callback_t)0xffffffff81234560ull;
	v->self = (struct rich *)0x1000;
	v->never = (struct never_defined *)(0xffff888000000000ull + seed);
	v->null = NULL;
	((u64 *)&v->u128)[0] = 0x0123456789abcdefull + seed;
	((u64 *)&v->u128)[1] = 0x8000000000000001ull;
	((u64 *)&v->s128)[0] = (u64)-(s64)seed - 2;
	((u64 *)&v->s128)[1] = ~0ull;
	v->len = seed;
	return 0;
}

static void fill_small(struct small *v, u32 seed)
{
	v->n = 0x8000000000000000ull + seed;
	v->minus = -(s32)seed;
	v->temper = seed % 3 == 0 ? COLD : seed % 3 == 1 ? MILD : (enum temper)(-1000 - (s32)seed);
}

static void fill_key(struct rich_key *k, u32 seed)
{
	k->id = seed * 2654435761u;
	k->level = -(s16)seed;
	k->tiny = seed % 2 ? TINY_A : TINY_Z;
	k->tag[0] = 't';
	k->tag[1] = '0' + seed % 10;
}

SEC("tc")
int fill_arrays(struct __sk_buff *skb)
{
	u32 i, j;

	for (i = 0; i < NR_ARRAY; i++) {
		fill_rich(i);
		if (i == 3)
			bpf_map_update_elem(&one, &(u32){ 0 }, &scratch, 0);
		bpf_map_update_elem(&many, &(u32){ i }, &scratch, 0);
	}
	for (i = 0; i < 9; i++) {
		struct small s = {};

		fill_small(&s, i);
		bpf_map_update_elem(&mmapable, &(u32){ i }, &s, 0);
	}
	for (i = 0; i < 5; i++) {
		struct odd o = { { i, i + 1, 0xff, 0, 5 } };

		bpf_map_update_elem(&odd, &(u32){ i }, &o, 0);
	}
	for (i = 0; i < 300; i++) {
		s32 n = -(s32)(i * i);

		bpf_map_update_elem(&ints, &(u32){ i }, &n, 0);
	}
	for (i = 0; i < 3; i++) {
		struct big *b = bpf_map_lookup_elem(&big_array, &(u32){ i });

		if (!b)
			return 1;
		b->id = i + 1;
		for (j = 0; j < 2998; j++)
			b->words[j] = j * 7 + i;
		b->last = ~(u64)i;
	}
	for (i = 0; i < 3; i++) {
		struct locked *l = bpf_map_lookup_elem(&locks, &(u32){ i });

		if (!l)
			return 2;
		l->before = 0x1111 * (i + 1);
		l->after = ~0ull - i;
	}
	for (i = 1; i < 4; i++)
		bpf_map_update_elem(&inner, &(u32){ i }, &(u64){ i * 1000 }, 0);
	/* The literal makes a .rodata.str1.1 of its own. */
	return !bpf_strncmp(scratch.name, sizeof(scratch.name), "a string literal");
}

SEC("tc")
int fill_hashes(struct __sk_buff *skb)
{
	u32 i;

	for (i = 0; i < NR_HASH; i++) {
		u32 k = i * 2654435761u;

		fill_rich(i);
		bpf_map_update_elem(&hash, &k, &scratch, 0);
		if (i < NR_LRU)
			bpf_map_update_elem(&lru, &k, &scratch, 0);
	}
	/* Deleting leaves free elements between those in use. */
	bpf_map_delete_elem(&hash, &(u32){ 5 * 2654435761u });
	bpf_map_delete_elem(&lru, &(u32){ 5 * 2654435761u });
	for (i = 0; i < NR_NOPRE; i++) {
		struct rich_key k = {};

		fill_key(&k, i);
		fill_rich(i + 100);
		bpf_map_update_elem(&hash_nopre, &k, &scratch, 0);
#ifdef HAVE_RHASH
		bpf_map_update_elem(&rhash, &k, &scratch, 0);
#endif
	}
	for (i = 0; i < 30; i++) {
		struct small s = {};
		struct rich_key k = {};
		u64 wide = (u64)i << 33 | i;

		fill_key(&k, i + 1000);
		fill_small(&s, i);
		bpf_map_update_elem(&hash_key, &k, &s, 0);
		bpf_map_update_elem(&lru_percore, &wide, &s, 0);
	}
	for (i = 0; i < 3; i++) {
		enum temper t = i == 0 ? COLD : i == 1 ? HOT : (enum temper)-7;
		enum wide w = i == 0 ? WIDE_TOP : i == 1 ? WIDE_LOW : (enum wide)99;
		struct float_value f = { .id = i };

		bpf_map_update_elem(&hash_enum, &t, &w, 0);
		__builtin_memcpy(&f.f, &floats.list[i], sizeof(f.f));
		__builtin_memcpy(&f.d, i == 1 ? &floats.d : &floats.tiny, sizeof(f.d));
		bpf_map_update_elem(&hash_float, &(u32){ i }, &f, 0);
	}
	for (i = 0; i < 3; i++) {
		struct timed *t, fresh = { .before = i + 1, .after = -(s32)i };

		bpf_map_update_elem(&timers, &(u32){ i }, &fresh, 0);
		t = bpf_map_lookup_elem(&timers, &(u32){ i });
		if (!t || bpf_timer_init(&t->timer, &timers, 1 /* CLOCK_MONOTONIC */))
			return 1;
	}
	for (i = 0; i < 4; i++) {
		struct lpm_key k = { .prefixlen = 8 * (i + 1), .addr = { 10, i, 2, 3 } };
		struct small s = {};

		fill_small(&s, i);
		bpf_map_update_elem(&lpm, &k, &s, 0);
	}
	/* Prefixes apart, within each other, the shortest and the longest there are; some are taken away again. */
	for (i = 0; i < 40; i++) {
		struct lpm_key k = { .prefixlen = i * 7 % 33 };
		struct long_lpm_key l = { .prefixlen = i * 37 % 129 };
		u32 addr = i * 2654435761u;
		u64 n = i;
		struct small s = {};

		for (u32 b = 0; b < 4; b++)
			k.addr[b] = addr >> (24 - 8 * b);
		for (u32 b = 0; b < 16; b++)
			l.addr[b] = addr >> (8 * (b & 3));
		fill_small(&s, i);
		bpf_map_update_elem(&lpm_forks, &k, &s, 0);
		bpf_map_update_elem(&lpm_long, &l, &n, 0);
		if (i % 5 == 4) {
			bpf_map_delete_elem(&lpm_forks, &k);
			bpf_map_delete_elem(&lpm_long, &l);
		}
	}
	for (i = 0; i < 5; i++) {
		struct small s = {};

		fill_small(&s, i);
		bpf_map_push_elem(&queue, &s, 0);
		bpf_map_push_elem(&stack, &s, 0);
		bpf_map_push_elem(&bloom, &(u32){ i }, 0);
		bpf_ringbuf_output(&ring, &s, sizeof(s), 0);
	}

	u64 *given_up = bpf_ringbuf_reserve(&ring, 24, 0);
	if (!given_up)
		return 2;
	given_up[0] = given_up[1] = given_up[2] = 0xd15c;
	bpf_ringbuf_discard(given_up, 0);
	return 0;
}

/* Keys and values too big for the stack are put together where values live: in an array. */
MAP(big_keys, BPF_MAP_TYPE_ARRAY, 0, 1, u32, struct big_key);
MAP(long_values, BPF_MAP_TYPE_ARRAY, 0, 1, u32, struct long_value);

SEC("tc")
int fill_big(struct __sk_buff *skb)
{
	u32 i, j, zero = 0;
	struct big_key *k = bpf_map_lookup_elem(&big_keys, &zero);
	struct long_value *l = bpf_map_lookup_elem(&long_values, &zero);

	if (!k || !l)
		return 1;
	for (i = 0; i < NR_BIG; i++) {
		struct big *b = bpf_map_lookup_elem(&big_array, &(u32){ i });
		u64 n = ~0ull - i;

		if (!b)
			return 2;
		k->id = i;
		for (j = 0; j < sizeof(k->pad); j++)
			k->pad[j] = j + i;
		bpf_map_update_elem(&hash_big, k, b, 0);
		l->first = i;
		for (j = 0; j < 700; j++)
			l->words[j] = j << i;
		l->last = i + 1;
		bpf_map_update_elem(&hash_long, &n, l, 0);
	}
	return 0;
}

/* One key on one CPU; the verifier of old kernels gives up on nested loops over them. */
static long fill_one_cpu(u32 index, void *unused)
{
	u32 i = index % NR_PERCPU, cpu = index / NR_PERCPU;
	struct rich_key k = {};
	struct rich *r;
	struct small *s;
	struct odd *o;
	u64 *n;

	fill_key(&k, i);
	r = bpf_map_lookup_percpu_elem(&pcpu_array, &(u32){ i }, cpu);
	if (!r)
		return 1;
	fill_rich(i * 100 + cpu);
	__builtin_memcpy(r, &scratch, sizeof(*r));
	r = bpf_map_lookup_percpu_elem(&pcpu_hash, &k, cpu);
	if (r) {
		fill_rich(i * 100 + cpu + 7);
		__builtin_memcpy(r, &scratch, sizeof(*r));
	}
	s = bpf_map_lookup_percpu_elem(&pcpu_lru, &(u32){ i }, cpu);
	if (s)
		fill_small(s, i * 10 + cpu);
	s = bpf_map_lookup_percpu_elem(&pcpu_one, &(u32){ i }, cpu);
	if (s)
		fill_small(s, cpu + 5);
	o = bpf_map_lookup_percpu_elem(&pcpu_odd, &(u32){ i }, cpu);
	if (o) {
		o->five[0] = cpu;
		o->five[4] = i + 1;
	}
	n = bpf_map_lookup_percpu_elem(&pcpu_nopre, &(u32){ i }, cpu);
	if (n)
		*n = (u64)cpu << 32 | i;
	return 0;
}

SEC("tc")
int fill_percpu(struct __sk_buff *skb)
{
	for (u32 i = 0; i < NR_PERCPU; i++) {
		struct rich_key k = {};
		struct small s = {};
		u64 none = 0;

		fill_key(&k, i);
		fill_rich(0);
		bpf_map_update_elem(&pcpu_hash, &k, &scratch, 0);
		bpf_map_update_elem(&pcpu_nopre, &(u32){ i }, &none, 0);
		bpf_map_update_elem(&pcpu_lru, &(u32){ i }, &s, 0);
	}
	/* Ends at the first CPU that is not there. */
	bpf_loop(MAX_CPUS * NR_PERCPU, fill_one_cpu, NULL, 0);
	bpf_probe_read_kernel(&online, 8, &__cpu_online_mask);
	__builtin_memcpy(bytes_of_bss, "\x01\x02\xff", 3);
	filled = 0xf111ed;
	return 0;
}

SEC("tc")
int tail_target(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &progs, 3);
	return bpf_map_lookup_elem(&array_maps, &(u32){ 2 }) && bpf_map_lookup_elem(&hash_maps, &(u32){ 3 });
}

/* Makes the maps ready for values; own.c attaches it to a cgroup and puts them there. */
SEC("cgroup_skb/egress")
int with_storage(struct __sk_buff *skb)
{
	struct small *s = bpf_get_local_storage(&old_cgrp_store, 0);
	u64 *n = bpf_get_local_storage(&pcpu_cgrp_store, 0);

	return s && n;
}

SEC("raw_tp/sys_enter")
int fill_stacks(void *ctx)
{
	/* Whether the pages with the build id are there to be read is up to the kernel. */
	bpf_get_stackid(ctx, &stacks_build_id, BPF_F_USER_STACK);
	return bpf_get_stackid(ctx, &stacks, 0) < 0;
}

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *p) __ksym __weak;

#ifdef HAVE_SYSCALL_TASK
SEC("syscall")
int fill_storage(void *ctx)
{
	/* Of init and of a kernel thread: both are there as long as the guest is. */
	for (s32 pid = 1; pid < 3; pid++) {
		struct task_struct *p = bpf_task_from_pid(pid);
		struct small *s;

		if (!p)
			return 1;
		s = bpf_task_storage_get(&task_store, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (s)
			fill_small(s, pid);
		bpf_task_release(p);
	}
	return 0;
}
#endif

#ifdef HAVE_ARENA
#define __arena __attribute__((address_space(1)))

extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, u32 pages, int node,
					   u64 flags) __ksym;
extern void bpf_arena_free_pages(void *map, void __arena *addr, u32 pages) __ksym;

enum {
	ARENA_PAGES = 1 << 20, /* 4 GiB, the most an arena may have */
	NR_NODES = 12,
};
static const u64 ARENA_BASE = 1ull << 44;

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ARENA_PAGES);
	__ulong(map_extra, 1ull << 44);
} arena SEC(".maps");

/* A ring of nodes over several pages, each with a pointer to its peer half a turn away. */
struct ring_node {
	u64 id;
	s32 temper;
	char tag[12];
	struct ring_node __arena *next;
	struct ring_node __arena *peer;
};

struct ring_node __arena *ring_of_nodes;
u32 arena_pages_held;

static struct ring_node __arena *node_at(u32 i)
{
	return (struct ring_node __arena *)(ARENA_BASE + 4096 * (i / 4) + 256 + 512 * (i % 4));
}

SEC("syscall")
int fill_arena(void *ctx)
{
	/* Neighbours, lonely pages in three page tables and more, and the very last page. */
	static const u32 where[] = { 0, 1, 2, 77, 511, 512, 5000, 300000, 700001, ARENA_PAGES - 1 };
	u32 i, j;

	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		u64 __arena *p = bpf_arena_alloc_pages(&arena,
						       (void __arena *)(ARENA_BASE + 4096ull * where[i]),
						       1, -1, 0);

		if (!p)
			return 1 + i;
		for (j = 0; j < 4; j++)
			p[j] = (u64)where[i] << 32 | j;
		p[511] = ~(u64)where[i];
		arena_pages_held++;
	}
	/* One that stays as the kernel made it, and one that is given back: a hole. */
	if (!bpf_arena_alloc_pages(&arena, (void __arena *)(ARENA_BASE + 4096ull * 1000), 1, -1, 0))
		return 20;
	arena_pages_held++;
	if (!bpf_arena_alloc_pages(&arena, (void __arena *)(ARENA_BASE + 4096ull * 1001), 1, -1, 0))
		return 21;
	bpf_arena_free_pages(&arena, (void __arena *)(ARENA_BASE + 4096ull * 1001), 1);
	for (i = 0; i < NR_NODES; i++) {
		struct ring_node __arena *n = node_at(i);

		n->id = i + 1;
		n->temper = i % 2 ? -40 : 45;
		n->tag[0] = 'n';
		n->tag[1] = 'a' + i;
		n->next = node_at((i + 1) % NR_NODES);
		n->peer = node_at((i + NR_NODES / 2) % NR_NODES);
	}
	ring_of_nodes = node_at(0);
	return 0;
}
#endif
