/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF maps as a kernel has them in memory, for tests that walk them. */
#ifndef FDGDB_MAP_IMAGE_H
#define FDGDB_MAP_IMAGE_H

#include "fake-kernel.h"

/* The kernel's structures as far as the walkers know them; the order is ours, the names are not. */
struct img_map {
	uint64_t ops, extra, btf, elem_count;
	/* struct { type; jited; xdp_has_frags } owner, as kernels before 6.17 have it */
	uint32_t owner_type;
	uint8_t owner_jited, owner_frags;
	uint32_t type, key_size, value_size, max_entries, flags, id;
	uint32_t key_type, value_type, vmlinux_value_type;
	char name[16];
	uint8_t frozen;
};

struct img_array {
	struct img_map map;
	uint32_t elem_size, index_mask;
	uint64_t value[];
};

/* struct rqspinlock_held, of which each CPU has one. */
struct img_held {
	uint32_t cnt, pad;
	uint64_t locks[31];
};

/* struct bpf_lru, bpf_lru_list and bpf_lru_locallist. */
struct img_lru {
	uint64_t percpu_lru; /* or the list that is common */
	uint32_t list_lock, pad;
	uint64_t local_list;
	uint8_t percpu;
};

struct img_local_list {
	uint64_t pending;
	uint32_t next_steal, lock;
};

struct img_htab {
	struct img_map map;
	uint64_t buckets, elems;
	uint32_t n_buckets, elem_size, seed, pad;
	uint64_t map_locked[8];
	struct img_lru lru;
	/* pcount, count, use_percpu_counter */
	int64_t percpu_count;
	uint64_t percpu_counters;
	uint32_t count;
	uint8_t uses_percpu;
};

/* struct bpf_rhtab, its table and its elements. */
struct img_rhtab {
	struct img_map map;
	uint64_t tbl;
	uint32_t nelems;
	uint8_t rhlist;
};

struct img_bucket_table {
	uint32_t size, nest;
	uint64_t future_tbl;
	uint64_t buckets[];
};

struct img_rhtab_elem {
	uint64_t next;
	uint8_t data[];
};

struct img_bucket {
	uint64_t first;
	uint32_t lock, pad;
};

struct img_elem {
	uint64_t next, pprev, lru, spare;
	uint32_t hash, pad;
	uint8_t key[];
};

struct img_arena {
	struct img_map map;
	uint64_t user_vm_start, kern_vm, scratch_page;
};

struct img_vm_struct {
	uint64_t next, addr, size;
};

struct img_queue {
	struct img_map map;
	uint32_t lock, head, tail, size;
	uint64_t elements[];
};

struct img_lpm {
	struct img_map map;
	uint64_t root, n_entries, max_prefixlen, data_size;
};

/* Of 32-bit prefixes; the value follows the data. */
struct img_lpm_node {
	uint64_t left, right;
	uint32_t prefixlen, flags;
	uint8_t data[4];
	uint8_t value[8];
};

struct img_ring_map {
	struct img_map map;
	uint64_t rb;
};

/* Positions and data are on pages of their own. */
struct img_ring {
	uint64_t waitq, mask;
	uint32_t busy, pad0;
	uint64_t pad[509];
	uint64_t consumer_pos, pad2[511];
	uint64_t producer_pos, pending_pos, overwrite_pos, overwrite_mode, pad3[508];
	uint8_t data[];
};

struct img_bloom {
	struct img_map map;
	uint32_t bitset_mask, hash_seed, nr_hash_funcs, pad;
	uint64_t bitset[];
};

struct img_insn_array {
	struct img_map map;
	uint32_t used, pad;
	uint64_t ips;
	uint32_t values[][4]; /* struct bpf_insn_array_value: orig_off, xlated_off, jitted_off, padding */
};

struct img_stacks {
	struct img_map map;
	uint32_t n_buckets, pad;
	uint64_t buckets[];
};

struct img_stack_bucket {
	uint64_t fnode;
	uint32_t hash, nr;
	uint64_t data[];
};

struct img_storage_map {
	struct img_map map;
	uint64_t buckets;
	uint16_t bucket_log;
};

struct img_storage_elem {
	uint64_t next, pprev, snode[2], local_storage, state;
	uint64_t smap;
	uint64_t value;
};

struct img_local_storage {
	uint64_t cache[16], list, owner;
};

struct img_cgroup_map {
	struct img_map map;
	uint64_t next, prev; /* list */
};

struct img_cgroup_value {
	uint64_t buf; /* or percpu_buf */
	uint64_t inode_id;
	uint32_t attach_type, pad;
	uint64_t next, prev; /* list_map */
	uint64_t cg_next, cg_prev; /* list_cg */
};

struct img_task {
	uint64_t state;
	uint32_t pid, tgid;
	char comm[16];
};

struct img_cgroup {
	uint64_t self[4], kn;
	uint64_t next, prev; /* bpf.storages */
};

struct img_kernfs_node {
	uint64_t count, parent, name, id;
};

struct img_inode {
	uint64_t mode, sb, ino;
};

struct img_super_block {
	uint64_t list;
	uint32_t dev, pad;
	char id[32];
};

struct img_sock {
	uint32_t daddr, rcv_saddr;
	uint16_t dport, num, family;
	uint8_t state, pad;
	uint8_t daddr6[16], saddr6[16];
	uint16_t protocol, type;
};

struct img_xdp_sock {
	struct img_sock sk;
	uint64_t dev;
	uint16_t queue_id;
};

struct img_btf {
	uint64_t data, base;
	uint32_t size, id;
	uint8_t kernel_btf;
	char name[16];
};

/* struct sched_ext_ops, the struct_ops map it comes from and where it is copied to. */
struct img_ops {
	uint64_t select_cpu, enqueue, priv;
	char name[16];
	uint64_t cpu_acquire, cpu_release; /* not of sched_ext_ops_cid, which is like it up to here */
};

enum { IMG_CID_SIZE = sizeof(struct img_ops) - 16 };

struct img_struct_ops_map {
	struct img_map map;
	uint64_t links;
	uint32_t funcs_cnt, pad;
	uint64_t refcnt_and_state;
	struct img_ops data;
};

struct img_sched {
	uint64_t pad;
	struct img_ops ops;
	uint64_t next, prev; /* all */
	uint8_t is_cid_type;
};

struct img_link {
	uint64_t refcnt, prog;
	uint32_t type, id;
};

struct img_xdp_link {
	uint64_t before;
	struct img_link link;
	uint64_t dev;
};

struct img_kprobe_multi_link {
	struct img_link link;
	uint64_t addrs, cookies;
	uint32_t cnt, flags;
};

struct img_uprobe_multi_link {
	uint64_t mnt, dentry;
	struct img_link link;
	uint64_t task, uprobes;
	uint32_t cnt; /* no flags, as before 6.8 */
};

struct img_uprobe {
	uint64_t offset, ref_ctr_offset, cookie;
	uint64_t ret_handler; /* of the consumer */
};

/* A dentry and a struct mount, with its struct vfsmount inside. */
struct img_dentry {
	uint64_t pprev, d_parent, name;
};

struct img_mount {
	uint64_t mnt_parent, mnt_mountpoint;
	uint64_t mnt_root; /* of the struct vfsmount */
};

struct img_prog {
	uint64_t pages, aux, stats, bpf_func;
	uint32_t type, expected_attach_type, len, jited_len;
	uint8_t tag[8];
	uint8_t jited;
};

struct img_aux {
	uint64_t used_maps;
	uint32_t used_map_cnt, id;
	char name[16];
	uint64_t func, load_time, btf, attach_func_name;
	uint32_t func_cnt, attach_btf_id;
	struct img_stream {
		uint64_t log, owner, backlog_head;
	} stream[2];
};

struct img_stream_elem {
	uint64_t next;
	uint32_t total_len, consumed_len;
	char str[48];
};

struct img_prog_stats {
	uint64_t cnt, nsecs, misses;
};

struct img_dtab {
	struct img_map map;
	uint64_t netdev_map, dev_index_head;
	uint32_t n_buckets, items;
};

struct img_dtab_netdev {
	uint64_t dev, next, pprev, xdp_prog;
	uint32_t idx;
};

/* Maps of CPUs, sockets and events. */
struct img_cpu_map {
	struct img_map map;
	uint64_t cpu_map;
};

struct img_cpu_entry {
	uint32_t cpu, map_id;
	uint64_t queue;
	uint32_t qsize, fd;
	uint64_t prog;
};

struct img_slot_array { /* struct xsk_map, struct reuseport_array */
	struct img_map map;
	uint64_t slots[];
};

struct img_stab {
	struct img_map map;
	uint64_t sks;
	uint32_t lock;
};

struct img_shtab {
	struct img_map map;
	uint64_t buckets;
	uint32_t buckets_num, count;
};

struct img_shtab_bucket {
	uint32_t lock, pad;
	uint64_t first;
};

struct img_shtab_elem {
	uint32_t hash, pad;
	uint64_t sk, next, pprev;
	uint8_t key[];
};

struct img_event_entry {
	uint64_t event, file;
};

struct img_event {
	uint64_t pad;
	uint32_t type, size;
	uint64_t config;
	int32_t cpu, pad2;
};

struct img_net_device {
	uint32_t ifindex;
	char name[16];
};

struct map_image {
	struct fake_kernel *fk;
	uint64_t next; /* free kernel addresses */
	uint32_t sched_wrapper, cid_wrapper, other_wrapper; /* type ids of struct_ops values */
};

/* An empty map_idr in a kernel that knows the structures above; fk->k is ready. */
struct map_image *map_image_new(void);
void map_image_destroy(struct map_image *im);

/* Part of map_image_new(): types of maps whose contents are no entries by key. */
void map_image_bodies(struct fake_kernel *fk, int map);
/* Devices, programs, links. */
void map_image_objs(struct fake_kernel *fk, int map);
/* Maps of CPUs, sockets and events. */
void map_image_slots(struct fake_kernel *fk, int map);

/* Kernel addresses of their own, from a page boundary plus `offset` on. */
uint64_t map_image_room(struct map_image *im, size_t len, size_t offset);

/* Makes the idr at this address hold these objects; ids ascend. */
void map_image_idr_put(struct map_image *im, uint64_t idr, const uint32_t *ids, const uint64_t *objs,
		       size_t nr);

/* Makes map_idr hold these maps. */
void map_image_idr(struct map_image *im, const uint32_t *ids, const uint64_t *maps, size_t nr);

/* Where map_idr, scx_root and scx_sched_all are; the latter are empty. */
extern const uint64_t map_image_idr_at, map_image_root_at, map_image_all_at;
/* The per-CPU table of held locks, as CPU 0 has it unless fake_kernel_cpus() says otherwise. */
extern const uint64_t map_image_held_at;
extern const uint64_t map_image_prog_idr_at, map_image_link_idr_at, map_image_btf_idr_at;

#endif
