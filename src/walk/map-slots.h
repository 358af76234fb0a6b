/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the maps of file descriptors keep their objects. */
#ifndef FDGDB_WALK_MAP_SLOTS_H
#define FDGDB_WALK_MAP_SLOTS_H

#include "walk/walk.h"

/* Every member is optional: much of it depends on what the kernel is built with. */
struct slots_layout {
	struct member array_map, array_ptrs, event_entry_event;
	struct member dtab_map, dtab_slots, dtab_heads, dtab_nr_heads;
	struct member netdev_dev, netdev_hlist, netdev_idx, netdev_prog;
	struct member cpumap_map, cpumap_slots, cpu_cpu, cpu_qsize, cpu_prog;
	struct member xsk_map, xsk_slots, xsk_dev, xsk_queue;
	struct member stab_map, stab_slots;
	struct member shtab_map, shtab_buckets, shtab_nr_buckets, shtab_bucket, shtab_bucket_head, shtab_bucket_lock;
	struct member shelem_node, shelem_sk, shelem_key;
	struct member reuse_map, reuse_slots;
};

/* Fails only for lack of memory. */
struct err *slots_layout(struct kernel *k, struct slots_layout *l) MUST_CHECK;

#endif
