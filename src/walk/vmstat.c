/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/vmstat (mm/vmstat.c): the counters of zones and nodes, allocations by node, memory that describes memory, and
 * the events that each CPU counts for itself. Their names are the kernel's own, vmstat_text[], in this order.
 */
#include "config.h"

#include "walk/meminfo-internal.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	NAMES_MAX = 1024,
	NAME_LEN = 64,
};

struct vmstat_layout {
	struct member event;
};

static const struct layout_member vmstat_members[] = {
	LAYOUT_OPT(struct vmstat_layout, event, "vm_event_state", "event"), /* CONFIG_VM_EVENT_COUNTERS */
};

struct vmstat {
	struct meminfo *m;
	struct kernel *k;
	struct vmstat_layout l;
	uint64_t *names; /* vmstat_text[] */
	size_t nr, done; /* of these; those whose values have been told */
};

/* How many items an enum counts, by its last enumerator; 0: this kernel has no such enum. */
static struct err *count_items(struct vmstat *v, const char *type, const char *last, size_t *ret)
{
	int64_t nr;
	struct err *e = kenum(v->k, type, last, &nr);

	*ret = 0;
	if (e && e->code == ERR_MISSING) {
		err_free(e);
		return NULL;
	}
	TRY(e);
	if (nr < 0 || nr > ITEMS_MAX)
		return err_new(ERR_CORRUPT, "%s is %" PRId64, last, nr);
	*ret = (size_t)nr;
	return NULL;
}

/*
 * Each group must begin with the name that it always had: if the kernel has come to count otherwise than its enums say,
 * every name after that would be another one's.
 */
static struct err *begin(struct vmstat *v, const char *name)
{
	char buf[NAME_LEN] = "";

	if (v->done < v->nr && v->names[v->done])
		TRY(err_prefix(kread_str(v->k, (struct kva){ v->names[v->done] }, buf, sizeof(buf)), "vmstat_text"));
	if (strcmp(buf, name))
		return err_new(ERR_CORRUPT, "vmstat_text has no %s where it should be", name);
	return NULL;
}

/* The next line; not if `has` is false, but its name is used up. */
static struct err *add(struct vmstat *v, bool has, uint64_t value)
{
	struct kva name = { v->done < v->nr ? v->names[v->done] : 0 };
	char buf[NAME_LEN];

	if (v->done == v->nr)
		return err_new(ERR_CORRUPT, "vmstat_text: more counters than names");
	v->done++;
	if (!has || !name.v)
		return NULL;
	TRY(err_prefix(kread_str(v->k, name, buf, sizeof(buf)), "vmstat_text"));
	/* They become keys, which must differ. */
	for (size_t i = 0; i < v->m->w->r->system.vmstat.nr; i++) {
		if (!strcmp(v->m->w->r->system.vmstat.data[i].name, buf))
			return err_new(ERR_CORRUPT, "vmstat_text: a name comes twice");
	}
	struct stat_item *item = vec_push(&v->m->w->r->system.vmstat);
	if (!item)
		return &err_nomem;
	item->v = value;
	item->name = pool_strndup(&v->m->w->r->pool, buf, sizeof(buf));
	return item->name ? NULL : &err_nomem;
}

static struct err *add_zones(struct vmstat *v)
{
	const struct counters *c = &v->m->zone;

	TRY(begin(v, "nr_free_pages"));
	for (size_t i = 0; i < c->nr; i++)
		TRY(add(v, true, c->v[i]));
	return NULL;
}

/* ---- counted in huge pages */

/* vmstat_item_print_in_thp(): by what to divide the node's counter. */
static struct err *thp_pages(const struct vmstat *v, size_t item, uint64_t *ret)
{
	static const char *const names[] = { "NR_ANON_THPS", "NR_FILE_THPS", "NR_SHMEM_THPS", "NR_SHMEM_PMDMAPPED",
					     "NR_FILE_PMDMAPPED" };
	enum { HPAGE_PMD_NR = 512 };

	*ret = 1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int64_t n;
		struct err *e = kenum(v->k, "node_stat_item", names[i], &n);

		if (!e && n >= 0 && (size_t)n == item)
			*ret = HPAGE_PMD_NR;
		if (e && e->code != ERR_MISSING)
			return e;
		err_ignore(e);
	}
	return NULL;
}

static struct err *add_nodes(struct vmstat *v)
{
	const struct counters *c = &v->m->node;
	uint64_t pages;

	TRY(begin(v, "nr_inactive_anon"));
	for (size_t i = 0; i < c->nr; i++) {
		TRY(thp_pages(v, i, &pages));
		TRY(add(v, true, c->v[i] / pages));
	}
	return NULL;
}

/* ---- allocations by node */

/* What CPUs have counted and not yet handed over; the guest hands it over when this file is read. */
static struct err *numa_deltas(struct vmstat *v, size_t item, uint64_t *ret)
{
	struct zones *z = v->m->z;
	int64_t delta;

	if (!z->zones.nr)
		return err_new(ERR_MISSING, "allocations by node: no zones");
	for (size_t i = 0; i < z->zones.nr; i++) {
		TRY(zone_deltas(z, &z->zones.data[i], &z->l.pcp_numa, 8, item, &delta));
		*ret += (uint64_t)delta;
	}
	return NULL;
}

static struct err *add_numa(struct vmstat *v)
{
	struct kva table;
	uint64_t value;
	size_t nr;

	TRY(count_items(v, "numa_stat_item", "NR_VM_NUMA_EVENT_ITEMS", &nr));
	if (!nr)
		return NULL;
	TRY(begin(v, "numa_hit"));
	TRY(ksym(v->k, "vm_numa_event", &table));
	for (size_t i = 0; i < nr; i++) {
		TRY(err_prefix(kread_u64(v->k, (struct kva){ table.v + 8 * i }, &value), "vm_numa_event"));
		TRY(numa_deltas(v, i, &value));
		TRY(add(v, true, value));
	}
	return NULL;
}

/* ---- neither of these */

/*
 * Thresholds, which the kernel works out when asked, have no counter; memory for struct page has (6.11). The enum was
 * another one before, without an end.
 */
static struct err *add_others(struct vmstat *v)
{
	static const char *const variables[] = { NULL, NULL, "nr_memmap_pages", "nr_memmap_boot_pages" };
	size_t nr, old;

	TRY(count_items(v, "vm_stat_item", "NR_VM_STAT_ITEMS", &nr));
	TRY(count_items(v, "writeback_stat_item", "NR_VM_WRITEBACK_STAT_ITEMS", &old));
	if (!nr && !old)
		return err_new(ERR_MISSING, "not in this kernel's types: NR_VM_STAT_ITEMS");
	TRY(begin(v, "nr_dirty_threshold"));
	for (size_t i = 0; i < (nr ? nr : old); i++) {
		struct err *e = NULL;
		struct opt_u64 value = { 0 };

		if (i < ARRAY_SIZE(variables) && variables[i])
			value = meminfo_variable(v->m, variables[i], &e);
		TRY(e);
		TRY(add(v, value.has, value.v));
	}
	return NULL;
}

/* ---- events */

static void fetch_events(struct vmstat *v)
{
	_cleanup_free_ struct krange *ranges = calloc(v->k->nr_cpu_ids + 1, sizeof(*ranges));
	size_t nr = 0;

	for (uint32_t cpu = 0; ranges && cpu < v->k->nr_cpu_ids; cpu++) {
		struct err *e = kpercpu_sym(v->k, "vm_event_states", cpu, &ranges[nr].addr);

		ranges[nr].len = v->l.event.off + v->l.event.size;
		nr += !e;
		err_ignore(e);
	}
	if (ranges)
		kprefetch(v->k, ranges, nr);
}

/* all_vm_events(): of online CPUs; one that goes offline hands its own over. */
static struct err *sum_events(struct vmstat *v, uint64_t *sums, size_t nr)
{
	_cleanup_free_ uint64_t *raw = calloc(nr, sizeof(*raw));
	struct kva at;

	if (!raw)
		return &err_nomem;
	fetch_events(v);
	for (uint32_t cpu = 0; cpu < v->k->nr_cpu_ids; cpu++) {
		if (!v->k->online[cpu])
			continue;
		TRY(kpercpu_sym(v->k, "vm_event_states", cpu, &at));
		TRY(err_prefix(kread(v->k, kmember(at, &v->l.event), raw, nr * sizeof(*raw)),
			       "vm_event_states of CPU %" PRIu32, cpu));
		for (size_t i = 0; i < nr; i++)
			sums[i] += get_le64(&raw[i]);
	}
	return NULL;
}

/* Counted in sectors, shown in kB. */
static struct err *halve(struct vmstat *v, uint64_t *sums, size_t nr, const char *name)
{
	int64_t i;

	TRY(kenum(v->k, "vm_event_item", name, &i));
	if (i >= 0 && (size_t)i < nr)
		sums[i] /= 2;
	return NULL;
}

static struct err *add_events(struct vmstat *v)
{
	size_t nr;

	TRY(count_items(v, "vm_event_item", "NR_VM_EVENT_ITEMS", &nr));
	if (!nr || !v->l.event.present || !khas_sym(v->k, "vm_event_states"))
		return NULL;
	if (v->l.event.size != 8 * v->l.event.nr || nr > v->l.event.nr)
		return err_new(ERR_CORRUPT, "vm_event_state.event has %" PRIu32 " elements for %zu events",
			       v->l.event.nr, nr);
	_cleanup_free_ uint64_t *sums = calloc(nr, sizeof(*sums));
	if (!sums)
		return &err_nomem;
	TRY(begin(v, "pgpgin"));
	TRY(sum_events(v, sums, nr));
	TRY(halve(v, sums, nr, "PGPGIN"));
	TRY(halve(v, sums, nr, "PGPGOUT"));
	for (size_t i = 0; i < nr; i++)
		TRY(add(v, true, sums[i]));
	return NULL;
}

/* ---- names */

static void fetch_names(struct vmstat *v)
{
	_cleanup_free_ struct krange *ranges = calloc(v->nr + 1, sizeof(*ranges));

	for (size_t i = 0; ranges && i < v->nr; i++)
		ranges[i] = (struct krange){ { v->names[i] }, 1 };
	if (ranges)
		kprefetch(v->k, ranges, v->nr);
}

/* How many there are follows from the enums. */
static struct err *read_names(struct vmstat *v)
{
	size_t numa, other, old, events;
	struct kva table;

	TRY(count_items(v, "numa_stat_item", "NR_VM_NUMA_EVENT_ITEMS", &numa));
	TRY(count_items(v, "vm_stat_item", "NR_VM_STAT_ITEMS", &other));
	TRY(count_items(v, "writeback_stat_item", "NR_VM_WRITEBACK_STAT_ITEMS", &old));
	TRY(count_items(v, "vm_event_item", "NR_VM_EVENT_ITEMS", &events));
	if (!v->l.event.present || !khas_sym(v->k, "vm_event_states"))
		events = 0;
	v->nr = v->m->zone.nr + v->m->node.nr + numa + (other ? other : old) + events;
	if (v->nr > NAMES_MAX)
		return err_new(ERR_CORRUPT, "vmstat has %zu counters", v->nr);
	v->names = calloc(v->nr + 1, sizeof(*v->names));
	if (!v->names)
		return &err_nomem;
	TRY(ksym(v->k, "vmstat_text", &table));
	TRY(err_prefix(kread(v->k, table, v->names, v->nr * sizeof(*v->names)), "vmstat_text"));
	for (size_t i = 0; i < v->nr; i++)
		v->names[i] = get_le64(&v->names[i]);
	fetch_names(v);
	return NULL;
}

static struct err *read_all(struct vmstat *v)
{
	TRY(klayout(v->k, vmstat_members, ARRAY_SIZE(vmstat_members), &v->l, NULL));
	TRY(read_names(v));
	TRY(add_zones(v));
	TRY(add_numa(v));
	TRY(add_nodes(v));
	TRY(add_others(v));
	return add_events(v);
}

struct err *vmstat_read(struct meminfo *m)
{
	struct vmstat v = { .m = m, .k = m->k };

	/* Where one of the tables is missing nobody can tell whose name is whose. */
	if (!m->zone.nr || !m->node.nr)
		return NULL;
	struct err *e = meminfo_note(m, err_prefix(read_all(&v), "vmstat"));
	free(v.names);
	return e;
}
