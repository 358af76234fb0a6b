/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/* kptrs: values with what only the kernel has the types of, and objects that they own. */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define OWNS __attribute__((btf_type_tag("kptr")))
#define OWNS_PERCPU __attribute__((btf_type_tag("percpu_kptr")))
#define CONTAINS(type, member) __attribute__((btf_decl_tag("contains:" #type ":" #member)))
#define PRIVATE SEC(".data.kptrs") __hidden __attribute__((aligned(8)))
#define NEW(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), 0))

#define KFUNC(ret, name, ...) extern ret name(__VA_ARGS__) __ksym
KFUNC(void *, bpf_obj_new_impl, u64 type, void *meta);
KFUNC(void, bpf_obj_drop_impl, void *obj, void *meta);
KFUNC(void *, bpf_percpu_obj_new_impl, u64 type, void *meta);
KFUNC(void, bpf_percpu_obj_drop_impl, void *obj, void *meta);
KFUNC(int, bpf_list_push_back_impl, struct bpf_list_head *head, struct bpf_list_node *node, void *meta, u64 off);
KFUNC(int, bpf_rbtree_add_impl, struct bpf_rb_root *root, struct bpf_rb_node *node,
      bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta, u64 off);
KFUNC(struct task_struct *, bpf_task_from_pid, s32 pid);
KFUNC(void, bpf_task_release, struct task_struct *p);
KFUNC(struct cgroup *, bpf_cgroup_from_id, u64 id);
KFUNC(void, bpf_cgroup_release, struct cgroup *c);
KFUNC(struct bpf_cpumask *, bpf_cpumask_create, void);
KFUNC(void, bpf_cpumask_release, struct bpf_cpumask *m);
KFUNC(void, bpf_cpumask_set_cpu, u32 cpu, struct bpf_cpumask *m);
KFUNC(int, bpf_wq_init, struct bpf_wq *wq, void *map, unsigned int flags);
#ifdef HAVE_WQ_SET_CALLBACK
KFUNC(int, bpf_wq_set_callback, struct bpf_wq *wq, int(fn)(void *map, int *key, void *value), unsigned int flags);
#define SET_CALLBACK(wq, fn) bpf_wq_set_callback(wq, fn, 0)
#else
KFUNC(int, bpf_wq_set_callback_impl, struct bpf_wq *wq, int(fn)(void *map, int *key, void *value), unsigned int flags,
      void *aux);
#define SET_CALLBACK(wq, fn) bpf_wq_set_callback_impl(wq, fn, 0, NULL)
#endif
KFUNC(void, bpf_rcu_read_lock, void);
KFUNC(void, bpf_rcu_read_unlock, void);

enum { NR_SLOTS = 4, NR_SHELVES = 3, NR_TWIGS = 40 };

struct own {
	u64 id;
	u32 pair[2];
};

/* The module pktgen has one of this name, too. */
struct pktgen_hdr {
	u64 mine;
};

struct tally {
	u64 n;
};

struct kept {
	u64 before;
	struct bpf_timer timer;
	struct bpf_wq wq;
	struct own OWNS *own;
	struct pktgen_hdr OWNS *hdr;
	struct task_struct OWNS *task;
	struct cgroup OWNS *cgroup;
	struct bpf_cpumask OWNS *mask;
	struct tally OWNS_PERCPU *counts;
	u64 after;
};

struct book {
	u64 n;
	struct bpf_list_node node;
	u32 twice;
};

struct shelf {
	struct bpf_spin_lock lock;
	struct bpf_list_head books CONTAINS(book, node);
};

struct twig {
	struct bpf_rb_node node;
	u64 key;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NR_SLOTS);
	__type(key, u32);
	__type(value, struct kept);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NR_SHELVES);
	__type(key, u32);
	__type(value, struct shelf);
} shelves SEC(".maps");

PRIVATE struct bpf_spin_lock tree_lock;
PRIVATE struct bpf_rb_root tree CONTAINS(twig, node);

u32 failed;

static int tick(void *map, int *key, struct kept *s)
{
	s->after++;
	return 0;
}

static int later(void *map, int *key, void *value)
{
	return 0;
}

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct twig, node)->key < container_of(b, struct twig, node)->key;
}

/* The first stays as it is, the second has a timer that was never started. */
static void fill_slot(u32 i)
{
	struct kept *s = bpf_map_lookup_elem(&slots, &i);
	struct bpf_cpumask *mask;
	struct task_struct *task;
	struct cgroup *cgroup;
	struct pktgen_hdr *hdr;
	struct own *own;

	if (!s || !i)
		return;
	s->before = 1000 + i;
	if (bpf_timer_init(&s->timer, &slots, i == 2 ? 7 /* CLOCK_BOOTTIME */ : 1 /* CLOCK_MONOTONIC */) ||
	    bpf_timer_set_callback(&s->timer, tick))
		failed++;
	if (i > 1 && bpf_timer_start(&s->timer, 3600ull * i * 1000000000, 0))
		failed++;
	if (bpf_wq_init(&s->wq, &slots, 0) || SET_CALLBACK(&s->wq, later))
		failed++;
	own = NEW(struct own);
	if (own) {
		own->id = 0x1122334455667700 + i;
		own->pair[0] = i;
		own->pair[1] = ~i;
		own = bpf_kptr_xchg(&s->own, own);
		if (own)
			bpf_obj_drop_impl(own, NULL);
	}
	hdr = NEW(struct pktgen_hdr);
	if (hdr) {
		hdr->mine = i;
		hdr = bpf_kptr_xchg(&s->hdr, hdr);
		if (hdr)
			bpf_obj_drop_impl(hdr, NULL);
	}
	task = bpf_task_from_pid(1);
	if (task) {
		task = bpf_kptr_xchg(&s->task, task);
		if (task)
			bpf_task_release(task);
	}
	cgroup = bpf_cgroup_from_id(bpf_get_current_cgroup_id());
	if (cgroup) {
		cgroup = bpf_kptr_xchg(&s->cgroup, cgroup);
		if (cgroup)
			bpf_cgroup_release(cgroup);
	}
	mask = bpf_cpumask_create();
	if (mask) {
		bpf_cpumask_set_cpu(0, mask);
		bpf_cpumask_set_cpu(i, mask);
		mask = bpf_kptr_xchg(&s->mask, mask);
		if (mask)
			bpf_cpumask_release(mask);
	}
}

static void fill_counts(u32 i)
{
	struct kept *s = bpf_map_lookup_elem(&slots, &i);
	struct tally *c;

	if (!s || !i)
		return;
	c = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct tally), NULL);
	if (!c)
		return;
	c = bpf_kptr_xchg(&s->counts, c);
	if (c)
		bpf_percpu_obj_drop_impl(c, NULL);
	bpf_rcu_read_lock();
	c = s->counts;
	if (c) {
		for (u32 cpu = 0; cpu < 4; cpu++) {
			struct tally *of = bpf_per_cpu_ptr(c, cpu);

			if (of)
				of->n = 100 * i + cpu;
		}
	}
	bpf_rcu_read_unlock();
}

static void push(u32 i, u64 n)
{
	struct shelf *b = bpf_map_lookup_elem(&shelves, &i);
	struct book *book;

	if (!b)
		return;
	book = NEW(struct book);
	if (!book)
		return;
	book->n = n;
	book->twice = 2 * n;
	bpf_spin_lock(&b->lock);
	bpf_list_push_back_impl(&b->books, &book->node, NULL, 0);
	bpf_spin_unlock(&b->lock);
}

static void plant(u64 key)
{
	struct twig *twig = NEW(struct twig);

	if (!twig)
		return;
	twig->key = key;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add_impl(&tree, &twig->node, less, NULL, 0);
	bpf_spin_unlock(&tree_lock);
}

SEC("syscall")
int fill_slots(void *ctx)
{
	for (u32 i = 0; i < NR_SLOTS; i++)
		fill_slot(i);
	for (u32 i = 0; i < NR_SLOTS; i++)
		fill_counts(i);
	return failed;
}

/* One, and twenty; the first list is never used. */
SEC("syscall")
int fill_chains(void *ctx)
{
	u32 i;

	push(1, 7);
	for (i = 0; i < 20; i++)
		push(2, 100 + i);
	for (i = 0; i < NR_TWIGS; i++)
		plant(i * 17 % NR_TWIGS);
	return 0;
}
