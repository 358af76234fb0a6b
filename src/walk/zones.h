/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory nodes and their zones, for whoever sums up what they count. */
#ifndef FDGDB_WALK_ZONES_H
#define FDGDB_WALK_ZONES_H

#include "walk/walk.h"

struct zones_layout {
	/* struct pglist_data */
	struct member node_zones;
	/* struct zone */
	struct member zone, name, managed, present, vm_stat, numa_event, watermark, boost, percpu;
	/* struct per_cpu_zonestat; before 5.14 there was none */
	struct member pcp, pcp_stat, pcp_numa;
};

struct zone {
	uint32_t node;
	struct kva at;	   /* struct zone */
	struct kva percpu; /* its per_cpu_zonestats */
	bool populated;	   /* has pages at all; else percpu is a dummy that all share */
};

struct zones {
	struct kernel *k;
	struct zones_layout l;
	struct missing missing; /* members that this kernel lacks, for the caller to name */
	VEC(uint32_t) nodes;	/* online */
	VEC(struct zone) zones; /* of all nodes, in order */
};

/*
 * Finds the zones of all online nodes and fetches them with their per-CPU counters, in three batches.  On
 * failure too zones_deinit() is called.  ERR_MISSING for a kernel without nodes (CONFIG_NUMA=n is one node).
 */
struct err *zones_find(struct kernel *k, struct zones *ret) MUST_CHECK;
void zones_deinit(struct zones *z);

/*
 * A zone's counter of long[] `m` by index, and what the online CPUs have counted in `pcp` besides, elements
 * of pcp_size bytes.
 */
struct err *zone_counter(struct zones *z, const struct zone *zone, const struct member *m, uint64_t index,
			 int64_t *ret) MUST_CHECK;
struct err *zone_deltas(struct zones *z, const struct zone *zone, const struct member *pcp, size_t pcp_size,
			uint64_t index, int64_t *ret) MUST_CHECK;

#endif
