/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * arena: a sched_ext scheduler whose task contexts lie in an arena, in the structures of the scx
 * library's allocators, and which prints each one that it gives out or takes back. It also has a list and a
 * tree in the arena. What it schedules, it schedules first in, first out.
 *
 * The programs fill_few and fill_more put something else into an arena of another copy of this object, at the
 * same addresses.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define __arena __attribute__((address_space(1)))

extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, u32 pages, int node,
					   u64 flags) __ksym;

char _license[] SEC("license") = "GPL";

/* ---- the library's types: names and members are its, all else is ours */

enum {
	FANOUT = 512,
	PAGE = 4096,
	LEAVES = 2,	 /* used ones, of a node of 512 */
	LEAF_SLOTS = 256, /* used ones, of 512 */
	FAR_LEAF = 37,	 /* where the second leaf hangs */
};

union sdt_id {
	s64 val;
	struct {
		s32 idx;
		s32 genn;
	};
};

struct sdt_chunk;

struct sdt_desc {
	u64 allocated[FANOUT / 64];
	u64 nr_free;
	struct sdt_chunk __arena *chunk;
};

#ifdef TAIL /* since 2026 it follows what it tells about */
struct sdt_data {
	union sdt_id tid;
	u64 urcu_link;
};
typedef void __arena *elem_ptr;
#else
struct sdt_data {
	union sdt_id tid;
	u64 payload[];
};
typedef struct sdt_data __arena *elem_ptr;
#endif

struct sdt_chunk {
	union {
		struct sdt_desc __arena *descs[FANOUT];
		elem_ptr data[FANOUT];
	};
};

struct sdt_pool {
	void __arena *slab;
	u64 elem_size;
	u64 max_elems;
	u64 idx;
};

struct scx_allocator {
	struct sdt_pool pool;
	struct sdt_desc __arena *root;
};

#ifdef TAIL
struct scx_static {
	size_t max_contig_bytes;
	void __arena *memory;
	size_t off;
	size_t lim_memusage;
	size_t cur_memusage;
};
#else
struct scx_static {
	size_t max_alloc_bytes;
	void __arena *memory;
	size_t off;
};
#endif

struct scx_task_map_val {
	union sdt_id tid;
	u64 tptr;
	elem_ptr data;
};

/* ---- what is allocated: three structs of one size, which is no multiple of 8 */

struct task_ctx {
	u32 seq;
	s32 pid;
	u32 weight;
	u32 salt;
	char comm[16];
	u32 fill[17]; /* seq * 31 + i: an element may lie on two pages */
};

struct node_ctx {
	u32 node;
	u32 magic;
	char name[12];
	u32 counts[20];
};

struct stray_ctx {
	u32 words[25];
};

/* Used through local pointers alone: its type is not in the object's BTF. */
struct hidden {
	u32 nr;
	u32 words[24];
};

struct work_item {
	u32 nr;
	u32 salt;
	struct work_item __arena *next;
	char tag[16];
};

struct tree_node {
	s64 key;
	struct tree_node __arena *left;
	struct tree_node __arena *right;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__ulong(map_extra, 1ull << 44);
} arena SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct scx_task_map_val);
} scx_task_map SEC(".maps");

struct scx_allocator scx_task_allocator;
struct scx_allocator node_allocator;
struct scx_allocator hidden_allocator;
struct scx_allocator idle_allocator; /* never used */
struct scx_static scx_static;

struct task_ctx __arena *last_ctx;
struct task_ctx __arena *stale_ctx; /* the last one that was taken back */
struct work_item __arena *work_head;
struct tree_node __arena *tree_root;
struct node_ctx __arena *spare_node; /* NULL */
struct stray_ctx stray;
u64 events;
u32 salt;
u32 live;

enum {
	NR_ITEMS = 40,
	NR_NODES = 15,
	NR_NODE_CTXS = 6,
	STATIC_BYTES = 2 * PAGE,
	STATIC_USED = 1000,
};

static struct bpf_spin_lock lock SEC(".data.lock");

/* A program's arena is the one that its instructions name; not all of ours have a reason to. */
static __always_inline void name_arena(void)
{
	asm volatile("" ::"r"(&arena));
}

/* ---- the allocator */

static __always_inline u64 round8(u64 n)
{
	return (n + 7) & ~7ull;
}

static __always_inline struct sdt_data __arena *tag_of(struct scx_allocator *a, elem_ptr elem)
{
#ifdef TAIL
	return (struct sdt_data __arena *)((char __arena *)elem + a->pool.elem_size - sizeof(struct sdt_data));
#else
	return elem;
#endif
}

static __always_inline void __arena *payload_of(elem_ptr elem)
{
#ifdef TAIL
	return elem;
#else
	return elem->payload;
#endif
}

/* The whole tree at once: a root, a node below it, and two leaves. */
static __always_inline int tree_init(struct scx_allocator *a, u64 payload)
{
	struct sdt_desc __arena *descs = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	struct sdt_chunk __arena *chunks = bpf_arena_alloc_pages(&arena, NULL, 2 + LEAVES, -1, 0);
	u64 elem = sizeof(struct sdt_data) + round8(payload);
	u32 pages = (elem * LEAVES * LEAF_SLOTS + PAGE - 1) / PAGE;

	a->pool.slab = bpf_arena_alloc_pages(&arena, NULL, pages, -1, 0);
	if (!descs || !chunks || !a->pool.slab)
		return -12;
	for (int i = 0; i < 2 + LEAVES; i++) {
		descs[i].nr_free = FANOUT;
		descs[i].chunk = &chunks[i];
	}
	chunks[0].descs[0] = &descs[1];
	chunks[1].descs[0] = &descs[2];
	chunks[1].descs[FAR_LEAF] = &descs[3];
	a->pool.elem_size = elem;
	a->pool.max_elems = LEAVES * LEAF_SLOTS;
	a->root = descs;
	return 0;
}

/* In the lock. */
static __always_inline elem_ptr slot_get(struct scx_allocator *a, u32 which)
{
	struct sdt_desc __arena *leaf = a->root->chunk->descs[0];
	elem_ptr data;
	u32 pos = LEAF_SLOTS, at = which ? FAR_LEAF : 0;

	leaf = leaf->chunk->descs[at];
#pragma unroll
	for (int w = 0; w < LEAF_SLOTS / 64; w++) {
		u64 holes = ~leaf->allocated[w];

		if (holes && pos == LEAF_SLOTS) {
			u64 low = holes & -holes;

			pos = 64 * w + (low >> 32 ? 32 : 0);
			low |= low >> 32;
			pos += (low & 0xffff0000 ? 16 : 0) + (low & 0xff00ff00 ? 8 : 0) +
			       (low & 0xf0f0f0f0 ? 4 : 0) + (low & 0xcccccccc ? 2 : 0) +
			       (low & 0xaaaaaaaa ? 1 : 0);
			leaf->allocated[w] |= holes & -holes;
		}
	}
	if (pos >= LEAF_SLOTS)
		return NULL;
	leaf->nr_free--;
	data = leaf->chunk->data[pos];
	if (!data) {
		data = (elem_ptr)((char __arena *)a->pool.slab +
				  (pos + (which ? LEAF_SLOTS : 0)) * a->pool.elem_size);
		leaf->chunk->data[pos] = data;
		a->pool.idx++;
	}
	tag_of(a, data)->tid.idx = at << 9 | pos;
	return data;
}

static __always_inline elem_ptr slot_put(struct scx_allocator *a, u32 idx)
{
	struct sdt_desc __arena *leaf = a->root->chunk->descs[0];
	elem_ptr data;
	u32 pos = idx & (FANOUT - 1);

	leaf = leaf->chunk->descs[idx >> 9 & (FANOUT - 1)];
	data = leaf->chunk->data[pos];
	tag_of(a, data)->tid.genn++;
	leaf->allocated[pos / 64] &= ~(1ull << pos % 64);
	leaf->nr_free++;
	return data;
}

/* ---- task contexts */

static __always_inline elem_ptr ctx_get(s32 pid, u32 weight, const u64 comm[2])
{
	elem_ptr data;
	struct task_ctx __arena *ctx;
	u64 ev = 0;

	bpf_spin_lock(&lock);
	data = slot_get(&scx_task_allocator, pid & 1);
	if (data) {
		ctx = payload_of(data);
		ev = ++events;
		live++;
		ctx->seq = ev;
		ctx->pid = pid;
		ctx->weight = weight;
		ctx->salt = salt;
		/* clang-19 loses the address space of what it makes a memcpy() or memset(). */
		((volatile u64 __arena *)ctx->comm)[0] = comm[0];
		((volatile u64 __arena *)ctx->comm)[1] = comm[1];
#pragma unroll
		for (int i = 0; i < 17; i++)
			ctx->fill[i] = (u32)ev * 31 + i;
		last_ctx = ctx;
	}
	bpf_spin_unlock(&lock);
	if (data)
		bpf_printk("fdgdb ev=%llu alloc idx=%d genn=%d pid=%d weight=%u salt=%u", ev,
			   tag_of(&scx_task_allocator, data)->tid.idx, tag_of(&scx_task_allocator, data)->tid.genn,
			   pid, weight, salt);
	return data;
}

static __always_inline void ctx_put(s32 idx)
{
	u64 ev;

	bpf_spin_lock(&lock);
	stale_ctx = payload_of(slot_put(&scx_task_allocator, idx));
	live--;
	ev = ++events;
	bpf_spin_unlock(&lock);
	bpf_printk("fdgdb ev=%llu free idx=%d salt=%u", ev, idx, salt);
}

/* ---- all that does not depend on tasks */

static __always_inline int build_hidden(void)
{
	elem_ptr data;

	bpf_spin_lock(&lock);
	data = slot_get(&hidden_allocator, 1);
	bpf_spin_unlock(&lock);
	if (!data)
		return -12;
	((struct hidden __arena *)payload_of(data))->nr = 0x11223344;
	return 0;
}

static __always_inline int build(u32 new_salt)
{
	struct work_item __arena *items = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	struct tree_node __arena *nodes = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	int ret;

	salt = new_salt;
	ret = tree_init(&scx_task_allocator, sizeof(struct task_ctx));
	if (!ret)
		ret = tree_init(&node_allocator, sizeof(struct node_ctx));
	if (!ret)
		ret = tree_init(&hidden_allocator, sizeof(struct hidden));
	scx_static.memory = bpf_arena_alloc_pages(&arena, NULL, STATIC_BYTES / PAGE, -1, 0);
#ifdef TAIL
	scx_static.max_contig_bytes = scx_static.cur_memusage = STATIC_BYTES;
#else
	scx_static.max_alloc_bytes = STATIC_BYTES;
#endif
	scx_static.off = STATIC_USED;
	if (ret || !items || !nodes || !scx_static.memory)
		return -12;
	for (int i = 0; i < NR_ITEMS; i++) {
		items[i].nr = i;
		items[i].salt = new_salt;
		items[i].tag[0] = 'i';
		/* A ring: whoever follows it comes round. */
		items[i].next = i + 1 < NR_ITEMS ? &items[i + 1] : &items[0];
	}
	work_head = items;
	for (int i = 0; i < NR_NODES; i++) {
		nodes[i].key = (s64)i - 7;
		if (2 * i + 2 < NR_NODES) {
			nodes[i].left = &nodes[2 * i + 1];
			nodes[i].right = &nodes[2 * i + 2];
		}
	}
	tree_root = nodes;
	for (int i = 0; i < NR_NODE_CTXS; i++) {
		elem_ptr data;
		struct node_ctx __arena *ctx;

		bpf_spin_lock(&lock);
		data = slot_get(&node_allocator, 0);
		bpf_spin_unlock(&lock);
		if (!data)
			return -12;
		ctx = payload_of(data);
		ctx->node = i;
		ctx->magic = new_salt + i;
		ctx->name[0] = 'n';
	}
	bpf_spin_lock(&lock);
	slot_put(&node_allocator, 3);
	bpf_spin_unlock(&lock);
	return build_hidden();
}

static __always_inline int fill(u32 new_salt, u32 nr)
{
	static const u64 comm[2] = { 0x79646f626f6e }; /* "nobody" */
	int ret = build(new_salt);

	/* One more than shall live. */
	for (u32 i = 0; !ret && i <= nr; i++) {
		elem_ptr data = ctx_get(900000 + i, new_salt, comm);

		if (!data)
			ret = 1;
		else if (i == nr)
			ctx_put(tag_of(&scx_task_allocator, data)->tid.idx);
	}
	return ret;
}

SEC("syscall")
int fill_few(void *ctx)
{
	return fill(0xaaaa, 3);
}

SEC("syscall")
int fill_more(void *ctx)
{
	return fill(0xcccc, 5);
}

/* ---- the scheduler */

#ifdef HAVE_SCX
extern void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 flags) __ksym;

SEC("struct_ops/arena_enqueue")
void BPF_PROG(arena_enqueue, struct task_struct *p, u64 enq_flags)
{
	scx_bpf_dsq_insert(p, SCX_DSQ_GLOBAL, 20000000, enq_flags);
}

SEC("struct_ops.s/arena_init_task")
s32 BPF_PROG(arena_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct scx_task_map_val *v = bpf_task_storage_get(&scx_task_map, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	elem_ptr data;
	u64 comm[2];

	name_arena();
	if (!v)
		return -12;
	bpf_probe_read_kernel(comm, sizeof(comm), p->comm);
	data = ctx_get(p->pid, p->scx.weight, comm);
	if (!data)
		return -12;
	v->tid.idx = tag_of(&scx_task_allocator, data)->tid.idx;
	v->tid.genn = tag_of(&scx_task_allocator, data)->tid.genn;
	v->tptr = (u64)p;
	v->data = data;
	return 0;
}

SEC("struct_ops/arena_exit_task")
void BPF_PROG(arena_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	struct scx_task_map_val *v = bpf_task_storage_get(&scx_task_map, p, NULL, 0);

	name_arena();
	if (!v)
		return;
	ctx_put(v->tid.idx);
	bpf_task_storage_delete(&scx_task_map, p);
}

SEC("struct_ops.s/arena_init")
s32 BPF_PROG(arena_init)
{
#ifdef SUB_ID
	return build(0xdddd);
#else
	return build(0xbbbb);
#endif
}

#ifdef CID
#ifndef SUB_ID
SEC("struct_ops.s/arena_sub_attach")
s32 BPF_PROG(arena_sub_attach, struct scx_sub_attach_args *args)
{
	return 0;
}
#endif

SEC(".struct_ops.link")
struct sched_ext_ops_cid arena_ops = {
	.enqueue = (void *)arena_enqueue,
	.init_task = (void *)arena_init_task,
	.exit_task = (void *)arena_exit_task,
	.init = (void *)arena_init,
	.timeout_ms = 30000,
#ifdef SUB_ID
	.sub_cgroup_id = SUB_ID, /* stands for the id of a cgroup: prog/putnum.c */
	.name = "arena_sub",
#else
	.sub_attach = (void *)arena_sub_attach,
	.name = "arena_cid",
#endif
};
#else
SEC(".struct_ops.link")
struct sched_ext_ops arena_ops = {
	.enqueue = (void *)arena_enqueue,
	.init_task = (void *)arena_init_task,
	.exit_task = (void *)arena_exit_task,
	.init = (void *)arena_init,
	.timeout_ms = 30000,
	.name = "arena",
};
#endif
#endif
