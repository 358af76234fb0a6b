/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * stress: maps that are large, many or on the move. Each word of a value says which map, key and place it belongs
 * to, so that whoever reads one that is torn, old or another's notices; see word_of() in test_stress.py.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

enum {
	NR_LARGE = 100000,
	NR_BUSY = 48,
	WORDS = 8,
	MIB_WORDS = (1 << 20) / 8,
	ROUNDS = 20000, /* updates in one run of `busy` */
};

/* The byte in each word that says which map it is of. */
enum tag {
	TAG_HASH = 1, TAG_NOPRE, TAG_LRU, TAG_ARRAY, TAG_LARGE, TAG_LARGE_ARRAY, TAG_MIB, TAG_PERCPU, TAG_LPM, TAG_TASK,
	TAG_RHASH, TAG_RING,
};

struct value {
	u64 words[WORDS];
};

struct pair {
	u64 a, b;
};

struct mib {
	u64 words[MIB_WORDS];
};

struct lpm_key {
	u32 prefixlen;
	u8 addr[4];
};

struct guarded {
	u64 n;
	struct bpf_spin_lock lock;
	u32 loops;
};

#define MAP(NAME, TYPE, FLAGS, ENTRIES, KEY, VALUE) \
	struct { \
		__uint(type, TYPE); \
		__uint(map_flags, FLAGS); \
		__uint(max_entries, ENTRIES); \
		__type(key, KEY); \
		__type(value, VALUE); \
	} NAME SEC(".maps")

MAP(large, BPF_MAP_TYPE_HASH, 0, NR_LARGE, u32, struct pair);
MAP(large_array, BPF_MAP_TYPE_ARRAY, 0, NR_LARGE, u32, struct pair);
MAP(no_entries, BPF_MAP_TYPE_HASH, 0, NR_LARGE, u32, struct pair);
MAP(single, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, NR_LARGE, u32, struct pair);
MAP(mib_array, BPF_MAP_TYPE_ARRAY, 0, 2, u32, struct mib);
MAP(mib_hash, BPF_MAP_TYPE_HASH, BPF_F_ZERO_SEED, 2, u32, struct mib);
MAP(busy_hash, BPF_MAP_TYPE_HASH, 0, NR_BUSY, u32, struct value);
MAP(busy_nopre, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, NR_BUSY, u32, struct value);
MAP(busy_lru, BPF_MAP_TYPE_LRU_HASH, 0, NR_BUSY, u32, struct value);
MAP(busy_array, BPF_MAP_TYPE_ARRAY, 0, NR_BUSY, u32, struct value);
MAP(busy_percpu, BPF_MAP_TYPE_PERCPU_HASH, 0, NR_BUSY, u32, struct value);
MAP(busy_lpm, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, NR_BUSY, struct lpm_key, struct value);
MAP(busy_task, BPF_MAP_TYPE_TASK_STORAGE, BPF_F_NO_PREALLOC, 0, int, struct value);
#ifdef HAVE_RHASH
MAP(busy_rhash, BPF_MAP_TYPE_RHASH, BPF_F_NO_PREALLOC, 4 * NR_BUSY, u32, struct value);
#endif
MAP(guards, BPF_MAP_TYPE_ARRAY, 0, 4, u32, struct guarded);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} busy_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} busy_user_ring SEC(".maps");

u64 generation;
u64 failed;

static __always_inline u64 word_of(u64 gen, u32 tag, u32 key, u32 place)
{
	return gen << 32 | (u64)tag << 24 | (u64)key << 8 | place;
}

/* ---- filled once */

static long fill_one(u32 i, void *ctx)
{
	struct pair v = { .a = word_of(i, TAG_LARGE, 7, 0), .b = ~(u64)i * 3 };
	struct pair *e = bpf_map_lookup_elem(&large_array, &i);

	/* Keys that are no indices: odd ones all over the range. */
	u32 key = i * 2654435761u;
	if (bpf_map_update_elem(&large, &key, &v, BPF_NOEXIST))
		failed++;
	if (e) {
		e->a = word_of(i, TAG_LARGE_ARRAY, 7, 0);
		e->b = ~(u64)i * 3;
	}
	return 0;
}

static long fill_mib(u32 i, void *ctx)
{
	u32 zero = 0, one = 1;
	struct mib *a = bpf_map_lookup_elem(&mib_array, &zero), *b = bpf_map_lookup_elem(&mib_array, &one);

	if (!a || !b || i >= MIB_WORDS)
		return 1;
	a->words[i] = word_of(i, TAG_MIB, 0, 0);
	b->words[i] = word_of(i, TAG_MIB, 1, 0);
	return 0;
}

SEC("raw_tp")
int fill(void *ctx)
{
	u32 key = 0x5151;
	struct pair v = { .a = 51, .b = 15 };

	failed = 0;
	bpf_loop(NR_LARGE, fill_one, NULL, 0);
	bpf_loop(MIB_WORDS, fill_mib, NULL, 0);
	for (u32 i = 0; i < 2; i++) {
		u32 k = i;
		struct mib *m = bpf_map_lookup_elem(&mib_array, &k);

		if (!m || bpf_map_update_elem(&mib_hash, &k, m, BPF_ANY))
			failed++;
	}
	if (bpf_map_update_elem(&single, &key, &v, BPF_ANY))
		failed++;
	return failed != 0;
}

/* ---- on the move */

static long busy_one(u32 i, void *ctx)
{
	u64 gen = __sync_fetch_and_add(&generation, 1);
	u32 key = (u32)(gen * 7 % NR_BUSY);
	struct value v, *e;

	for (u32 w = 0; w < WORDS; w++)
		v.words[w] = word_of(gen, TAG_HASH, key, w);
	bpf_map_update_elem(&busy_hash, &key, &v, BPF_ANY);
	for (u32 w = 0; w < WORDS; w++)
		v.words[w] = word_of(gen, TAG_NOPRE, key, w);
	bpf_map_update_elem(&busy_nopre, &key, &v, BPF_ANY);
	/* More keys than the map holds: others have to go. */
	u32 many = (u32)(gen * 7 % (4 * NR_BUSY));
	for (u32 w = 0; w < WORDS; w++)
		v.words[w] = word_of(gen, TAG_LRU, many, w);
	bpf_map_update_elem(&busy_lru, &many, &v, BPF_ANY);
	e = bpf_map_lookup_elem(&busy_array, &key);
	if (e) {
		for (u32 w = 0; w < WORDS; w++)
			*(volatile u64 *)&e->words[w] = word_of(gen, TAG_ARRAY, key, w);
	}
	for (u32 w = 0; w < WORDS; w++)
		v.words[w] = word_of(gen, TAG_PERCPU, key, w);
	bpf_map_update_elem(&busy_percpu, &key, &v, BPF_ANY);

	/* Prefixes of all lengths: the same key for the same number, forks between them. */
	u32 bits = key * 2654435761u;
	struct lpm_key prefix = { .prefixlen = 1 + key % 32 };
	bits &= ~0u << (32 - prefix.prefixlen);
	for (u32 b = 0; b < 4; b++)
		prefix.addr[b] = bits >> (24 - 8 * b);
	for (u32 w = 0; w < WORDS; w++)
		v.words[w] = word_of(gen, TAG_LPM, key, w);
	if (gen % 5)
		bpf_map_update_elem(&busy_lpm, &prefix, &v, BPF_ANY);
	else
		bpf_map_delete_elem(&busy_lpm, &prefix);
#ifdef HAVE_RHASH
	/* Fills up and empties again but for some, so that its tables grow and shrink. */
	for (u32 w = 0; w < WORDS; w++)
		v.words[w] = word_of(gen, TAG_RHASH, many, w);
	if (many >= NR_BUSY / 4 && gen / 1000 % 2)
		bpf_map_delete_elem(&busy_rhash, &many);
	else
		bpf_map_update_elem(&busy_rhash, &many, &v, BPF_ANY);
#endif
	if (gen % 5 == 0) {
		u32 gone = (u32)(gen / 5 % NR_BUSY);

		bpf_map_delete_elem(&busy_hash, &gone);
		bpf_map_delete_elem(&busy_nopre, &gone);
		bpf_map_delete_elem(&busy_percpu, &gone);
	}
	return 0;
}

SEC("raw_tp")
int busy(void *ctx)
{
	bpf_loop(ROUNDS, busy_one, NULL, 0);
	return 0;
}

static long busy_task_one(u32 i, void *ctx)
{
	u64 gen = __sync_fetch_and_add(&generation, 1);
	struct task_struct *me = bpf_get_current_task_btf();
	struct value *v;

	if (gen % 7 == 0) {
		bpf_task_storage_delete(&busy_task, me);
		return 0;
	}
	v = bpf_task_storage_get(&busy_task, me, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	for (u32 w = 0; v && w < WORDS; w++)
		*(volatile u64 *)&v->words[w] = word_of(gen, TAG_TASK, 0, w);
	return 0;
}

SEC("raw_tp")
int busy_tasks(void *ctx)
{
	/* The value lasts as long as the task: most of the time should be spent here. */
	bpf_loop(20 * ROUNDS, busy_task_one, NULL, 0);
	return 0;
}

u64 lingered;

static long linger(u32 i, void *ctx)
{
	lingered++;
	return 0;
}

/* Each record is being written for most of the time. */
static long busy_ring_one(u32 i, void *ctx)
{
	u64 gen = __sync_fetch_and_add(&generation, 1);
	struct value *v = bpf_ringbuf_reserve(&busy_ring, sizeof(*v), 0);

	if (!v)
		return 1;
	for (u32 w = 0; w < WORDS; w++)
		v->words[w] = word_of(gen, TAG_RING, 0, w);
	bpf_loop(20000, linger, NULL, 0);
	if (gen % 5)
		bpf_ringbuf_submit(v, BPF_RB_NO_WAKEUP);
	else
		bpf_ringbuf_discard(v, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("raw_tp")
int busy_rings(void *ctx)
{
	bpf_loop(200, busy_ring_one, NULL, 0);
	return 0;
}

/* 0: goes on with the next record. */
static long on_record(struct bpf_dynptr *record, void *ctx)
{
	bpf_loop(100000, linger, NULL, 0);
	return 0;
}

/* The buffer of user space's is held while the program looks at each record. */
SEC("raw_tp")
int drain(void *ctx)
{
	return bpf_user_ringbuf_drain(&busy_user_ring, on_record, NULL, 0) < 0;
}

static long churn_one(u32 i, void *ctx)
{
	u32 one = 1;
	struct mib *m = bpf_map_lookup_elem(&mib_array, &one);

	if (m)
		bpf_map_update_elem(&mib_hash, &one, m, BPF_ANY);
	return 0;
}

/* The value is copied with the bucket locked: that takes nearly all of the time. */
SEC("raw_tp")
int churn(void *ctx)
{
	bpf_loop(100, churn_one, NULL, 0);
	return 0;
}

/* Holds the lock of an element for most of the time that it runs. */
SEC("tc")
int guard(struct __sk_buff *skb)
{
	u32 key = 2;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (!g)
		return 1;
	bpf_spin_lock(&g->lock);
	for (u32 i = 0; i < 50000; i++)
		*(volatile u32 *)&g->loops = i;
	g->n++;
	bpf_spin_unlock(&g->lock);
	return 0;
}
