/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/zones.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	NODES_MAX = 1024, /* CONFIG_NODES_SHIFT is 10 at most */
	ZONES_MAX = 16,	  /* of a node */
};

static const struct layout_member zones_members[] = {
	LAYOUT(struct zones_layout, node_zones, "pglist_data", "node_zones"),
	LAYOUT(struct zones_layout, zone, "zone", ""),
	LAYOUT(struct zones_layout, name, "zone", "name"),
	LAYOUT(struct zones_layout, managed, "zone", "managed_pages.counter"),
	LAYOUT(struct zones_layout, present, "zone", "present_pages"),
	LAYOUT(struct zones_layout, vm_stat, "zone", "vm_stat"),
	LAYOUT(struct zones_layout, numa_event, "zone", "vm_numa_event"),
	LAYOUT(struct zones_layout, watermark, "zone", "_watermark"),
	LAYOUT_OPT(struct zones_layout, boost, "zone", "watermark_boost"),
	LAYOUT(struct zones_layout, percpu, "zone", "per_cpu_zonestats"),
	LAYOUT(struct zones_layout, pcp, "per_cpu_zonestat", ""),
	LAYOUT(struct zones_layout, pcp_stat, "per_cpu_zonestat", "vm_stat_diff"),
	LAYOUT(struct zones_layout, pcp_numa, "per_cpu_zonestat", "vm_numa_event"),
};

void zones_deinit(struct zones *z)
{
	missing_deinit(&z->missing);
	free(z->nodes.data);
	free(z->zones.data);
	*z = (struct zones){ 0 };
}

/* ---- nodes */

/* Bits of node_states[N_ONLINE], a nodemask_t. */
static struct err *read_online(struct zones *z, uint32_t nr_ids)
{
	uint64_t words[NODES_MAX / 64], size;
	int64_t online;
	uint32_t mask;
	struct kva states;

	TRY(ksym(z->k, "node_states", &states));
	TRY(kenum(z->k, "node_states", "N_ONLINE", &online));
	TRY(types_find(z->k->types, BTF_KIND_TYPEDEF, "nodemask_t", &mask));
	TRY(types_size(z->k->types, mask, &size));
	if (online < 0 || online > 16 || !size || size > sizeof(words) || size % 8 || nr_ids > size * 8)
		return err_new(ERR_CORRUPT, "a mask of nodes has %" PRIu64 " bytes", size);
	TRY(err_prefix(kread(z->k, (struct kva){ states.v + (uint64_t)online * size }, words, size),
		       "node_states"));
	for (uint32_t node = 0; node < nr_ids; node++) {
		if (!(get_le64(&words[node / 64]) >> node % 64 & 1))
			continue;
		uint32_t *p = vec_push(&z->nodes);
		if (!p)
			return &err_nomem;
		*p = node;
	}
	return NULL;
}

static struct err *add_zones(struct zones *z, uint32_t node, struct kva pgdat)
{
	const struct member *m = &z->l.node_zones;

	for (uint32_t i = 0; i < m->nr; i++) {
		struct zone *zone = vec_push(&z->zones);

		if (!zone)
			return &err_nomem;
		zone->node = node;
		zone->at.v = kmember(pgdat, m).v + (uint64_t)i * z->l.zone.size;
	}
	return NULL;
}

/* CONFIG_NUMA=n: no node_data, one node in a variable. */
static struct err *find_nodes(struct zones *z)
{
	uint32_t nr_ids = 1;
	struct kva table, sym, pgdat;

	if (!khas_sym(z->k, "node_data")) {
		uint32_t *node = vec_push(&z->nodes);

		TRY(ksym(z->k, "contig_page_data", &pgdat));
		return node ? add_zones(z, 0, pgdat) : &err_nomem;
	}
	TRY(ksym(z->k, "node_data", &table));
	if (khas_sym(z->k, "nr_node_ids")) {
		TRY(ksym(z->k, "nr_node_ids", &sym));
		TRY(err_prefix(kread_u32(z->k, sym, &nr_ids), "nr_node_ids"));
	}
	if (!nr_ids || nr_ids > NODES_MAX)
		return err_new(ERR_CORRUPT, "nr_node_ids is %" PRIu32, nr_ids);
	TRY(read_online(z, nr_ids));
	for (size_t i = 0; i < z->nodes.nr; i++) {
		uint32_t node = z->nodes.data[i];

		TRY(err_prefix(kread_kva(z->k, (struct kva){ table.v + 8ull * node }, &pgdat), "node_data"));
		if (!pgdat.v)
			return err_new(ERR_CORRUPT, "node %" PRIu32 " is online and has no node_data", node);
		TRY(add_zones(z, node, pgdat));
	}
	return NULL;
}

/* ---- zones */

static void fetch_zones(struct zones *z)
{
	_cleanup_free_ struct krange *ranges = calloc(z->zones.nr + 1, sizeof(*ranges));

	for (size_t i = 0; ranges && i < z->zones.nr; i++)
		ranges[i] = (struct krange){ z->zones.data[i].at, z->l.zone.size };
	if (ranges)
		kprefetch(z->k, ranges, z->zones.nr);
}

static void fetch_deltas(struct zones *z)
{
	size_t room = z->zones.nr * z->k->nr_cpu_ids, nr = 0;
	_cleanup_free_ struct krange *ranges = calloc(room + 1, sizeof(*ranges));

	for (size_t i = 0; ranges && i < z->zones.nr; i++) {
		for (uint32_t cpu = 0; z->zones.data[i].populated && cpu < z->k->nr_cpu_ids; cpu++) {
			struct err *e = kpercpu(z->k, z->zones.data[i].percpu, cpu, &ranges[nr].addr);

			ranges[nr].len = z->l.pcp.size;
			nr += !e;
			err_ignore(e);
		}
	}
	if (ranges)
		kprefetch(z->k, ranges, nr);
}

struct err *zones_find(struct kernel *k, struct zones *z)
{
	*z = (struct zones){ .k = k };
	TRY(klayout(k, zones_members, ARRAY_SIZE(zones_members), &z->l, &z->missing));
	if (!z->l.node_zones.present || !z->l.zone.present || !z->l.present.present)
		return err_new(ERR_MISSING, "not in this kernel's types: %s", z->missing.names[0]);
	if (!z->l.node_zones.nr || z->l.node_zones.nr > ZONES_MAX ||
	    z->l.node_zones.size != z->l.node_zones.nr * z->l.zone.size)
		return err_new(ERR_CORRUPT, "a node has %u zones", z->l.node_zones.nr);
	TRY(find_nodes(z));
	fetch_zones(z);
	for (size_t i = 0; i < z->zones.nr; i++) {
		struct zone *zone = &z->zones.data[i];
		uint64_t present;

		TRY(err_prefix(kget(k, zone->at, &z->l.present, &present), "node %" PRIu32, zone->node));
		zone->populated = present;
		if (z->l.percpu.present)
			TRY(kget_kva(k, zone->at, &z->l.percpu, &zone->percpu));
	}
	if (z->l.percpu.present && z->l.pcp.present)
		fetch_deltas(z);
	return NULL;
}

struct err *zone_counter(struct zones *z, const struct zone *zone, const struct member *m, uint64_t index,
			 int64_t *ret)
{
	uint64_t v;

	if (!m->present || index >= m->size / 8)
		return err_new(ERR_MISSING, "zones have no such counter");
	TRY(kread_u64(z->k, (struct kva){ kmember(zone->at, m).v + 8 * index }, &v));
	*ret = (int64_t)v;
	return NULL;
}

struct err *zone_deltas(struct zones *z, const struct zone *zone, const struct member *pcp, size_t pcp_size,
			uint64_t index, int64_t *ret)
{
	*ret = 0;
	if (!z->l.percpu.present || !pcp->present || index >= pcp->size / pcp_size)
		return err_new(ERR_MISSING, "zones have no such per-CPU counter");
	/* A CPU that goes offline hands its counts over. */
	for (uint32_t cpu = 0; zone->populated && cpu < z->k->nr_cpu_ids; cpu++) {
		uint8_t raw[8];
		struct kva at;

		if (!z->k->online[cpu])
			continue;
		TRY(kpercpu(z->k, zone->percpu, cpu, &at));
		TRY(err_prefix(kread(z->k, (struct kva){ kmember(at, pcp).v + pcp_size * index }, raw,
				     pcp_size), "CPU %" PRIu32, cpu));
		*ret = (int64_t)((uint64_t)*ret +
				 (uint64_t)sign_extend(get_le(raw, pcp_size), 8 * (unsigned int)pcp_size));
	}
	return NULL;
}
