/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of /proc/meminfo that are not simply a zone's or a node's counter: what is committed, vmalloc's and
 * per-CPU memory, huge pages, the direct map. Left out: what the kernel always prints as 0 or as the same number
 * (NFS_Unstable, Bounce and WritebackTmp of newer kernels, VmallocTotal, VmallocChunk), and zswap's pools.
 */
#include "config.h"

#include "walk/meminfo-internal.h"

#include <inttypes.h>

enum {
	HSTATES_MAX = 16, /* sizes of huge pages; two on x86-64 */
	LEVELS_MAX = 8,	  /* enum pg_level */
	ORDER_MAX = 30,
};

struct other_layout {
	/* struct percpu_counter */
	struct member count, counters;
	/* struct hstate */
	struct member hstate, order, nr_huge, free_huge, resv_huge, surplus_huge;
};

static const struct layout_member other_members[] = {
	LAYOUT(struct other_layout, count, "percpu_counter", "count"),
	LAYOUT(struct other_layout, counters, "percpu_counter", "counters"),
	/* Not without CONFIG_HUGETLB_PAGE. */
	LAYOUT_OPT(struct other_layout, hstate, "hstate", ""),
	LAYOUT_OPT(struct other_layout, order, "hstate", "order"),
	LAYOUT_OPT(struct other_layout, nr_huge, "hstate", "nr_huge_pages"),
	LAYOUT_OPT(struct other_layout, free_huge, "hstate", "free_huge_pages"),
	LAYOUT_OPT(struct other_layout, resv_huge, "hstate", "resv_huge_pages"),
	LAYOUT_OPT(struct other_layout, surplus_huge, "hstate", "surplus_huge_pages"),
};

struct others {
	struct meminfo *m;
	struct kernel *k;
	struct other_layout l;
	struct opt_u64 huge_pages; /* all of them, in pages of the ordinary size */
};

static struct opt_u64 some(uint64_t v)
{
	return (struct opt_u64){ true, v };
}

/* An int; none: this kernel has no such variable. */
static struct err *read_int(struct others *o, const char *name, struct opt_u64 *ret)
{
	uint32_t v = 0;
	struct kva at;

	*ret = (struct opt_u64){ 0 };
	if (!khas_sym(o->k, name))
		return NULL;
	TRY(ksym(o->k, name, &at));
	TRY(err_prefix(kread_u32(o->k, at, &v), "%s", name));
	*ret = some(v);
	return NULL;
}

static struct err *read_long(struct others *o, const char *name, struct opt_u64 *ret)
{
	struct err *e = NULL;

	*ret = meminfo_variable(o->m, name, &e);
	return e;
}

/* ---- huge pages */

static struct err *read_hstate(struct others *o, struct kva at, struct huge_row *row)
{
	uint64_t order;

	TRY(kget(o->k, at, &o->l.order, &order));
	if (order > ORDER_MAX)
		return err_new(ERR_CORRUPT, "huge pages of order %" PRIu64, order);
	row->size_kb = (uint64_t)PAGE_KB << order;
	TRY(kget(o->k, at, &o->l.nr_huge, &row->total));
	TRY(kget(o->k, at, &o->l.free_huge, &row->free));
	TRY(kget(o->k, at, &o->l.resv_huge, &row->reserved));
	return kget(o->k, at, &o->l.surplus_huge, &row->surplus);
}

static struct err *read_hstates(struct others *o)
{
	struct opt_u64 nr, first;
	struct kva table;

	/* Without huge pages there are none, and that is known. */
	o->huge_pages = some(0);
	if (!khas_sym(o->k, "hstates"))
		return NULL;
	o->huge_pages.has = false;
	TRY(read_int(o, "hugetlb_max_hstate", &nr));
	TRY(read_int(o, "default_hstate_idx", &first));
	if (!nr.has || !o->l.hstate.present || !o->l.order.present || !o->l.nr_huge.present)
		return err_new(ERR_MISSING, "not in this kernel's types: hstate");
	if (nr.v > HSTATES_MAX)
		return err_new(ERR_CORRUPT, "%" PRIu64 " sizes of huge pages", nr.v);
	TRY(ksym(o->k, "hstates", &table));
	uint64_t pages = 0;
	for (uint64_t i = 0; i < nr.v; i++) {
		struct huge_row row = { .is_default = first.has && first.v == i };

		TRY(read_hstate(o, (struct kva){ table.v + i * o->l.hstate.size }, &row));
		pages += row.total * (row.size_kb / PAGE_KB);
		struct huge_row *copy = vec_push(&o->m->w->r->system.huge_pages);
		if (!copy)
			return &err_nomem;
		*copy = row;
	}
	o->huge_pages = some(pages);
	return NULL;
}

/* ---- what may be, and is, committed */

/* vm_commit_limit() */
static struct err *add_commit_limit(struct others *o, struct opt_u64 total, struct opt_u64 swap)
{
	struct opt_u64 kbytes, ratio;

	TRY(read_long(o, "sysctl_overcommit_kbytes", &kbytes));
	TRY(read_int(o, "sysctl_overcommit_ratio", &ratio));
	if (!kbytes.has || !ratio.has || !total.has || !o->huge_pages.has)
		return NULL;
	uint64_t pages = kbytes.v ? kbytes.v / PAGE_KB : (total.v - o->huge_pages.v) * ratio.v / 100;
	return meminfo_add(o->m, "CommitLimit", some(pages + (swap.has ? swap.v : 0)), PAGE_KB);
}

/* percpu_counter_sum_positive(&vm_committed_as) */
static struct err *add_committed(struct others *o)
{
	struct kva at, counters;
	uint64_t count;

	if (!khas_sym(o->k, "vm_committed_as") || !o->l.count.present || !o->l.counters.present)
		return NULL;
	TRY(ksym(o->k, "vm_committed_as", &at));
	TRY(err_prefix(kget(o->k, at, &o->l.count, &count), "vm_committed_as"));
	TRY(err_prefix(kget_kva(o->k, at, &o->l.counters, &counters), "vm_committed_as"));
	for (uint32_t cpu = 0; counters.v && cpu < o->k->nr_cpu_ids; cpu++) {
		uint32_t v;

		/* A CPU that goes offline hands its count over. */
		if (!o->k->online[cpu])
			continue;
		TRY(kpercpu(o->k, counters, cpu, &at));
		TRY(err_prefix(kread_u32(o->k, at, &v), "vm_committed_as of CPU %" PRIu32, cpu));
		count += (uint64_t)(int64_t)(int32_t)v;
	}
	return meminfo_add(o->m, "Committed_AS", some((int64_t)count > 0 ? count : 0), PAGE_KB);
}

/* ---- vmalloc, per-CPU memory */

static struct err *add_vmalloc(struct others *o)
{
	struct opt_u64 pages = meminfo_counter(o->m, &o->m->node, "NR_VMALLOC"); /* 7.0 */

	if (!pages.has)
		TRY(read_long(o, "nr_vmalloc_pages", &pages));
	return meminfo_add(o->m, "VmallocUsed", pages, PAGE_KB);
}

static struct err *add_percpu(struct others *o)
{
	struct opt_u64 populated, units;

	TRY(read_long(o, "pcpu_nr_populated", &populated));
	TRY(read_int(o, "pcpu_nr_units", &units));
	return meminfo_add(o->m, "Percpu", (struct opt_u64){ populated.has && units.has, populated.v * units.v },
			   PAGE_KB);
}

static struct err *add_poisoned(struct others *o)
{
	struct opt_u64 pages;

	TRY(read_long(o, "num_poisoned_pages", &pages));
	return meminfo_add(o->m, "HardwareCorrupted", pages, PAGE_KB);
}

/* ---- counters that depend on the kernel's configuration, though the enumerator may not */

static struct err *add_optional(struct others *o)
{
	static const struct {
		const char *name, *item, *needs;
		bool zone;
	} lines[] = {
		{ "AnonHugePages", "NR_ANON_THPS", "transparent_hugepage_flags", false },
		{ "ShmemHugePages", "NR_SHMEM_THPS", "transparent_hugepage_flags", false },
		{ "ShmemPmdMapped", "NR_SHMEM_PMDMAPPED", "transparent_hugepage_flags", false },
		{ "FileHugePages", "NR_FILE_THPS", "transparent_hugepage_flags", false },
		{ "FilePmdMapped", "NR_FILE_PMDMAPPED", "transparent_hugepage_flags", false },
		{ "CmaFree", "NR_FREE_CMA_PAGES", "cma_area_count", true },
		{ "Unaccepted", "NR_UNACCEPTED", NULL, true },	  /* 6.5 */
		{ "Balloon", "NR_BALLOON_PAGES", NULL, false }, /* 6.16 */
		{ "GPUActive", "NR_GPU_ACTIVE", NULL, false },	/* 7.1 */
		{ "GPUReclaim", "NR_GPU_RECLAIM", NULL, false },
	};
	struct opt_u64 cma;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (lines[i].needs && !khas_sym(o->k, lines[i].needs))
			continue;
		if (!strcmp(lines[i].name, "CmaFree")) {
			TRY(read_long(o, "totalcma_pages", &cma));
			TRY(meminfo_add(o->m, "CmaTotal", cma, PAGE_KB));
		}
		TRY(meminfo_add(o->m, lines[i].name,
				meminfo_counter(o->m, lines[i].zone ? &o->m->zone : &o->m->node, lines[i].item),
				PAGE_KB));
	}
	return NULL;
}

static struct err *add_huge(struct others *o)
{
	const struct system *s = &o->m->w->r->system;

	for (size_t i = 0; i < s->huge_pages.nr; i++) {
		if (s->huge_pages.data[i].is_default)
			TRY(meminfo_add(o->m, "Hugepagesize", some(s->huge_pages.data[i].size_kb), 1));
	}
	return s->huge_pages.nr ? meminfo_add(o->m, "Hugetlb", o->huge_pages, PAGE_KB) : NULL;
}

/* ---- the direct map, by the size of its pages (x86) */

static struct err *add_direct_map(struct others *o)
{
	static const struct {
		const char *name, *level;
		unsigned int kb;
	} sizes[] = {
		{ "DirectMap4k", "PG_LEVEL_4K", 4 },
		{ "DirectMap2M", "PG_LEVEL_2M", 2048 },
		{ "DirectMap1G", "PG_LEVEL_1G", 1 << 20 },
	};
	struct opt_u64 gbpages;
	uint64_t count;
	struct kva at;
	int64_t level;

	if (!khas_sym(o->k, "direct_pages_count"))
		return NULL;
	TRY(ksym(o->k, "direct_pages_count", &at));
	TRY(read_int(o, "direct_gbpages", &gbpages));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* The kernel prints no line of a size that the processor lacks. */
		if (i == 2 && !gbpages.v)
			continue;
		TRY(kenum(o->k, "pg_level", sizes[i].level, &level));
		if (level < 0 || level >= LEVELS_MAX)
			return err_new(ERR_CORRUPT, "%s is %" PRId64, sizes[i].level, level);
		TRY(err_prefix(kread_u64(o->k, (struct kva){ at.v + 8 * (uint64_t)level }, &count),
			       "direct_pages_count"));
		TRY(meminfo_add(o->m, sizes[i].name, some(count), sizes[i].kb));
	}
	return NULL;
}

static void fetch(struct kernel *k)
{
	static const char *const names[] = {
		"sysctl_overcommit_kbytes", "sysctl_overcommit_ratio", "vm_committed_as",    "nr_vmalloc_pages",
		"pcpu_nr_populated",	    "pcpu_nr_units",	       "num_poisoned_pages", "totalcma_pages",
		"hugetlb_max_hstate",	    "default_hstate_idx",      "direct_pages_count", "direct_gbpages",
		"hstates",
	};
	struct krange ranges[ARRAY_SIZE(names)];
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct err *e = ksym(k, names[i], &ranges[nr].addr);

		ranges[nr].len = 64;
		nr += !e;
		err_ignore(e);
	}
	kprefetch(k, ranges, nr);
}

struct err *meminfo_add_others(struct meminfo *m, struct opt_u64 total, struct opt_u64 swap)
{
	struct others o = { .m = m, .k = m->k };
	struct missing missing = { 0 };
	struct err *e = klayout(m->k, other_members, ARRAY_SIZE(other_members), &o.l, &missing);

	if (!e && missing.nr)
		e = err_new(ERR_MISSING, "not in this kernel's types: %s", missing.names[0]);
	missing_deinit(&missing);
	TRY(meminfo_note(m, e));
	fetch(m->k);
	TRY(meminfo_note(m, read_hstates(&o)));
	TRY(meminfo_note(m, add_commit_limit(&o, total, swap)));
	TRY(meminfo_note(m, add_committed(&o)));
	TRY(meminfo_note(m, add_vmalloc(&o)));
	TRY(meminfo_note(m, add_percpu(&o)));
	TRY(meminfo_note(m, add_poisoned(&o)));
	TRY(add_optional(&o));
	TRY(add_huge(&o));
	return meminfo_note(m, add_direct_map(&o));
}
