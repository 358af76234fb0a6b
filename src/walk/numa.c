/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allocations by node, as /sys/devices/system/node/node*\/numastat; and the state of the zones. */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "walk/zones.h"

static struct err *find_events(struct kernel *k, uint64_t index[NR_NUMA_EVENTS])
{
	static const char *const names[NR_NUMA_EVENTS] = {
		"NUMA_HIT", "NUMA_MISS", "NUMA_FOREIGN", "NUMA_INTERLEAVE_HIT", "NUMA_LOCAL", "NUMA_OTHER",
	};

	for (size_t i = 0; i < NR_NUMA_EVENTS; i++) {
		int64_t v;

		TRY(kenum(k, "numa_stat_item", names[i], &v));
		if (v < 0)
			return err_new(ERR_CORRUPT, "%s is %" PRId64, names[i], v);
		index[i] = (uint64_t)v;
	}
	return NULL;
}

static struct err *read_node(struct zones *z, uint32_t node, const uint64_t index[NR_NUMA_EVENTS],
			     struct numa_row *row)
{
	row->node = node;
	for (size_t i = 0; i < z->zones.nr; i++) {
		const struct zone *zone = &z->zones.data[i];

		for (size_t n = 0; zone->node == node && n < NR_NUMA_EVENTS; n++) {
			int64_t v, delta;

			TRY(zone_counter(z, zone, &z->l.numa_event, index[n], &v));
			TRY(zone_deltas(z, zone, &z->l.pcp_numa, 8, index[n], &delta));
			row->deltas[n] += (uint64_t)delta;
			row->events[n] += (uint64_t)v + (uint64_t)delta;
		}
	}
	return NULL;
}

static struct err *read_nodes(struct walk *w, struct zones *z)
{
	uint64_t index[NR_NUMA_EVENTS];

	TRY(find_events(w->k, index));
	for (size_t i = 0; i < z->nodes.nr; i++) {
		struct numa_row row = { 0 };
		struct err *e = read_node(z, z->nodes.data[i], index, &row);

		if (e && e->code != ERR_FAULT)
			return e;
		if (e) {
			struct err *failed = report_section(w->r, "per_node_numa", SECTION_NOT_READABLE,
							    "node %" PRIu32 ": %s", z->nodes.data[i], e->msg);
			err_free(e);
			TRY(failed);
			continue;
		}
		struct numa_row *copy = vec_push(&w->r->system.numa);
		if (!copy)
			return &err_nomem;
		*copy = row;
	}
	return NULL;
}

static struct err *run(struct walk *w, struct zones *z)
{
	TRY(report_section(w->r, "per_node_numa", SECTION_COMPLETE, NULL));
	if (!khas_sym(w->k, "node_data"))
		return report_section(w->r, "per_node_numa", SECTION_NOT_IN_KERNEL, "no node_data (CONFIG_NUMA=n)");
	if (w->k->cpus_why)
		return report_section(w->r, "per_node_numa", SECTION_NOT_READABLE, "no CPUs: %s",
				      w->k->cpus_why);
	TRY(zones_find(w->k, z));
	if (!z->l.numa_event.present || !z->l.percpu.present || !z->l.pcp_numa.present)
		return report_section(w->r, "per_node_numa", SECTION_NOT_IMPLEMENTED,
				      "not in this kernel's types: %s", z->missing.names[0]);
	return read_nodes(w, z);
}

struct err *walk_numa(struct walk *w)
{
	struct zones z = { 0 };
	struct err *e = run(w, &z);

	zones_deinit(&z);
	if (!w->r->system.numa.nr)
		w->r->system.numa_unavailable = numa_unavailable;
	return e;
}
