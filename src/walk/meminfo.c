/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/meminfo from the global counters of zones and nodes (fs/proc/meminfo.c), and the zones. */
#include "config.h"

#include "walk/meminfo-internal.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/containers.h"

enum { BDEVS_MAX = 4096 }; /* block devices */

struct bdev_layout {
	struct member s_inodes, i_sb_list, i_mapping, nrpages;
};

static const struct layout_member bdev_members[] = {
	LAYOUT(struct bdev_layout, s_inodes, "super_block", "s_inodes"),
	LAYOUT(struct bdev_layout, i_sb_list, "inode", "i_sb_list"),
	LAYOUT(struct bdev_layout, i_mapping, "inode", "i_mapping"),
	LAYOUT(struct bdev_layout, nrpages, "address_space", "nrpages"),
};

struct err *meminfo_note(struct meminfo *m, struct err *e)
{
	if (!e || walk_is_fatal(e))
		return e;
	struct err *failed = report_section(m->w->r, "system",
					    e->code == ERR_MISSING ? SECTION_NOT_IMPLEMENTED :
					    e->code == ERR_CORRUPT ? SECTION_IMPLAUSIBLE :
								     SECTION_NOT_READABLE,
					    "%s", e->msg);
	err_free(e);
	return failed;
}

/* ---- counters */

static struct err *read_counters(struct meminfo *m, const char *name, const char *enum_name, const char *end,
				 struct counters *ret)
{
	struct kva at;
	int64_t nr;

	ret->enum_name = enum_name;
	TRY(ksym(m->k, name, &at));
	TRY(kenum(m->k, enum_name, end, &nr));
	if (nr <= 0 || nr > ITEMS_MAX)
		return err_new(ERR_CORRUPT, "%s has %" PRId64 " counters", name, nr);
	TRY(err_prefix(kread(m->k, at, ret->v, (size_t)nr * 8), "%s", name));
	for (size_t i = 0; i < (size_t)nr; i++) {
		ret->v[i] = get_le64(&ret->v[i]);
		/* Some CPU has counted up what another, which has not handed that over yet, counted down. */
		if ((int64_t)ret->v[i] < 0)
			ret->v[i] = 0;
	}
	ret->nr = (size_t)nr;
	return NULL;
}

struct opt_u64 meminfo_counter(const struct meminfo *m, const struct counters *c, const char *name)
{
	int64_t v = 0;
	struct err *e = c->nr ? kenum(m->k, c->enum_name, name, &v) : err_new(ERR_MISSING, "none");
	bool ok = !e && v >= 0 && (uint64_t)v < c->nr;

	err_ignore(e);
	return ok ? (struct opt_u64){ true, c->v[v] } : (struct opt_u64){ 0 };
}

static struct opt_u64 plus(struct opt_u64 a, struct opt_u64 b)
{
	return (struct opt_u64){ a.has && b.has, a.v + b.v };
}

/* At least 0, as the kernel has it. */
static struct opt_u64 minus(struct opt_u64 a, struct opt_u64 b)
{
	return (struct opt_u64){ a.has && b.has, a.v > b.v ? a.v - b.v : 0 };
}

struct opt_u64 meminfo_variable(struct meminfo *m, const char *name, struct err **e)
{
	struct opt_u64 ret = { 0 };
	struct kva at;

	if (*e || !khas_sym(m->k, name))
		return ret;
	*e = ksym(m->k, name, &at);
	if (!*e)
		*e = err_prefix(kread_u64(m->k, at, &ret.v), "%s", name);
	ret.has = !*e;
	return ret;
}

/* ---- pages of block devices (nr_blockdev_pages) */

struct bdevs {
	struct meminfo *m;
	struct bdev_layout l;
	uint64_t pages;
	struct err *e;
};

static bool add_bdev(void *ctx, struct kva node)
{
	struct bdevs *b = ctx;
	struct kva inode = { node.v - b->l.i_sb_list.off }, mapping;
	uint64_t pages;

	b->e = kget_kva(b->m->k, inode, &b->l.i_mapping, &mapping);
	if (!b->e)
		b->e = kget(b->m->k, mapping, &b->l.nrpages, &pages);
	if (b->e)
		return false;
	b->pages += pages;
	return true;
}

static struct err *read_buffers(struct meminfo *m)
{
	struct bdevs b = { .m = m };
	struct missing missing = { 0 };
	struct err *why = NULL, *e = klayout(m->k, bdev_members, ARRAY_SIZE(bdev_members), &b.l, &missing);
	struct kva sym, sb;

	if (!e && missing.nr)
		e = err_new(ERR_MISSING, "Buffers and Cached: not in this kernel's types: %s", missing.names[0]);
	missing_deinit(&missing);
	TRY(e);
	TRY(ksym(m->k, "blockdev_superblock", &sym));
	TRY(err_prefix(kread_kva(m->k, sym, &sb), "blockdev_superblock"));
	enum walk_end end = klist_walk(m->k, kmember(sb, &b.l.s_inodes), BDEVS_MAX, add_bdev, &b, &why);
	if (b.e) {
		err_free(why);
		return err_prefix(b.e, "Buffers and Cached");
	}
	if (end == WALK_BROKEN)
		return err_prefix(why, "Buffers and Cached");
	if (end != WALK_COMPLETE)
		return report_cut(m->w->r, "system", false, "Buffers and Cached: block devices: %s",
				  walk_end_text(end));
	m->buffers = (struct opt_u64){ true, b.pages };
	return NULL;
}

/* ---- zones */

static struct err *read_zone(struct meminfo *m, struct zones *z, const struct zone *zone, struct zone_row *row)
{
	static const char *const names[] = { "WMARK_MIN", "WMARK_LOW", "WMARK_HIGH" };
	uint64_t *const marks[] = { &row->min, &row->low, &row->high };
	int64_t v, delta, item;
	uint64_t boost = 0;
	struct kva name;

	row->node = zone->node;
	TRY(kget_kva(m->k, zone->at, &z->l.name, &name));
	TRY(kread_str(m->k, name, row->name, sizeof(row->name)));
	TRY(kget(m->k, zone->at, &z->l.managed, &row->managed));
	TRY(kget(m->k, zone->at, &z->l.present, &row->present));
	TRY(kenum(m->k, "zone_stat_item", "NR_FREE_PAGES", &item));
	TRY(zone_counter(z, zone, &z->l.vm_stat, (uint64_t)item, &v));
	TRY(zone_deltas(z, zone, &z->l.pcp_stat, 1, (uint64_t)item, &delta));
	row->free = v + delta > 0 ? (uint64_t)(v + delta) : 0;
	if (z->l.boost.present)
		TRY(kget(m->k, zone->at, &z->l.boost, &boost));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		TRY(kenum(m->k, "zone_watermarks", names[i], &item));
		TRY(zone_counter(z, zone, &z->l.watermark, (uint64_t)item, &v));
		*marks[i] = (uint64_t)v + boost;
	}
	return NULL;
}

static struct err *read_zones(struct meminfo *m, struct zones *z)
{
	TRY(zones_find(m->k, z));
	m->low.has = true;
	for (size_t i = 0; i < z->zones.nr; i++) {
		const struct zone *zone = &z->zones.data[i];
		struct zone_row row = { 0 };

		if (!zone->populated)
			continue;
		struct err *e = read_zone(m, z, zone, &row);
		if (e) {
			m->low.has = false;
			TRY(meminfo_note(m, err_prefix(e, "a zone of node %" PRIu32, zone->node)));
			continue;
		}
		m->low.v += row.low;
		struct zone_row *copy = vec_push(&m->w->r->system.zones);
		if (!copy)
			return &err_nomem;
		*copy = row;
	}
	return NULL;
}

/* ---- the lines */

struct err *meminfo_add(struct meminfo *m, const char *name, struct opt_u64 v, unsigned int kb)
{
	struct mem_item *item = v.has ? vec_push(&m->w->r->system.meminfo) : NULL;

	if (!v.has)
		return NULL;
	if (!item)
		return &err_nomem;
	*item = (struct mem_item){ name, v.v * kb };
	return NULL;
}

static struct opt_u64 half_or_low(struct opt_u64 pages, struct opt_u64 low)
{
	return (struct opt_u64){ pages.has && low.has, MIN(pages.v / 2, low.v) };
}

/* si_mem_available(): what could be had without swapping, by the kernel's own estimate. */
static struct opt_u64 available(const struct meminfo *m, struct opt_u64 reserve)
{
	struct opt_u64 cache = plus(meminfo_counter(m, &m->node, "NR_ACTIVE_FILE"),
				    meminfo_counter(m, &m->node, "NR_INACTIVE_FILE"));
	struct opt_u64 slab = plus(meminfo_counter(m, &m->node, "NR_SLAB_RECLAIMABLE_B"),
				   meminfo_counter(m, &m->node, "NR_KERNEL_MISC_RECLAIMABLE"));
	struct opt_u64 v = plus(plus(meminfo_counter(m, &m->zone, "NR_FREE_PAGES"), cache), slab);

	/* Only the end of it all is kept from going below 0. */
	v = minus(v, half_or_low(cache, m->low));
	v = minus(v, half_or_low(slab, m->low));
	return minus(v, reserve);
}

static struct err *add_lines(struct meminfo *m)
{
	static const struct {
		const char *name, *item;
		unsigned int kb;
	} rest[] = {
		{ "Dirty", "NR_FILE_DIRTY", PAGE_KB },	   { "Writeback", "NR_WRITEBACK", PAGE_KB },
		{ "AnonPages", "NR_ANON_MAPPED", PAGE_KB }, { "Mapped", "NR_FILE_MAPPED", PAGE_KB },
		{ "Shmem", "NR_SHMEM", PAGE_KB },
	};
	struct err *e = NULL;
	struct opt_u64 total = meminfo_variable(m, "_totalram_pages", &e),
		       reserve = meminfo_variable(m, "totalreserve_pages", &e),
		       swap = meminfo_variable(m, "total_swap_pages", &e),
		       swap_free = meminfo_variable(m, "nr_swap_pages", &e);

	TRY(meminfo_note(m, e));
	struct opt_u64 swapcache = meminfo_counter(m, &m->node, "NR_SWAPCACHE");
	struct opt_u64 aa = meminfo_counter(m, &m->node, "NR_ACTIVE_ANON"),
		       ia = meminfo_counter(m, &m->node, "NR_INACTIVE_ANON"),
		       af = meminfo_counter(m, &m->node, "NR_ACTIVE_FILE"),
		       jf = meminfo_counter(m, &m->node, "NR_INACTIVE_FILE"),
		       sr = meminfo_counter(m, &m->node, "NR_SLAB_RECLAIMABLE_B"),
		       su = meminfo_counter(m, &m->node, "NR_SLAB_UNRECLAIMABLE_B");

	TRY(meminfo_add(m, "MemTotal", total, PAGE_KB));
	TRY(meminfo_add(m, "MemFree", meminfo_counter(m, &m->zone, "NR_FREE_PAGES"), PAGE_KB));
	TRY(meminfo_add(m, "MemAvailable", available(m, reserve), PAGE_KB));
	TRY(meminfo_add(m, "Buffers", m->buffers, PAGE_KB));
	TRY(meminfo_add(m, "Cached",
			minus(meminfo_counter(m, &m->node, "NR_FILE_PAGES"), plus(swapcache, m->buffers)), PAGE_KB));
	TRY(meminfo_add(m, "SwapCached", swapcache, PAGE_KB));
	TRY(meminfo_add(m, "Active", plus(aa, af), PAGE_KB));
	TRY(meminfo_add(m, "Inactive", plus(ia, jf), PAGE_KB));
	TRY(meminfo_add(m, "Active(anon)", aa, PAGE_KB));
	TRY(meminfo_add(m, "Inactive(anon)", ia, PAGE_KB));
	TRY(meminfo_add(m, "Active(file)", af, PAGE_KB));
	TRY(meminfo_add(m, "Inactive(file)", jf, PAGE_KB));
	TRY(meminfo_add(m, "Unevictable", meminfo_counter(m, &m->node, "NR_UNEVICTABLE"), PAGE_KB));
	TRY(meminfo_add(m, "Mlocked", meminfo_counter(m, &m->zone, "NR_MLOCK"), PAGE_KB));
	TRY(meminfo_add(m, "SwapTotal", swap, PAGE_KB));
	TRY(meminfo_add(m, "SwapFree", swap_free, PAGE_KB));
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		TRY(meminfo_add(m, rest[i].name, meminfo_counter(m, &m->node, rest[i].item), rest[i].kb));
	TRY(meminfo_add(m, "KReclaimable", plus(sr, meminfo_counter(m, &m->node, "NR_KERNEL_MISC_RECLAIMABLE")), PAGE_KB));
	TRY(meminfo_add(m, "Slab", plus(sr, su), PAGE_KB));
	TRY(meminfo_add(m, "SReclaimable", sr, PAGE_KB));
	TRY(meminfo_add(m, "SUnreclaim", su, PAGE_KB));
	TRY(meminfo_add(m, "KernelStack", meminfo_counter(m, &m->node, "NR_KERNEL_STACK_KB"), 1));
	TRY(meminfo_add(m, "PageTables", meminfo_counter(m, &m->node, "NR_PAGETABLE"), PAGE_KB));
	TRY(meminfo_add(m, "SecPageTables", meminfo_counter(m, &m->node, "NR_SECONDARY_PAGETABLE"), PAGE_KB)); /* 6.1 */
	return meminfo_add_others(m, total, swap);
}

static struct err *read_all(struct meminfo *m)
{
	TRY(meminfo_note(m, read_zones(m, m->z)));
	TRY(meminfo_note(m, read_counters(m, "vm_zone_stat", "zone_stat_item", "NR_VM_ZONE_STAT_ITEMS", &m->zone)));
	TRY(meminfo_note(m, read_counters(m, "vm_node_stat", "node_stat_item", "NR_VM_NODE_STAT_ITEMS", &m->node)));
	TRY(meminfo_note(m, read_buffers(m)));
	TRY(add_lines(m));
	return vmstat_read(m);
}

struct err *meminfo_read(struct walk *w)
{
	_cleanup_free_ struct meminfo *m = calloc(1, sizeof(*m)); /* too big for a fiber's stack */
	struct zones z = { 0 };

	if (!m)
		return &err_nomem;
	m->w = w;
	m->k = w->k;
	m->z = &z;
	struct err *e = read_all(m);
	zones_deinit(&z);
	return e;
}
