/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU time, NUMA nodes: on an image of four CPUs, the third not possible, the fourth offline. */
#include "config.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake-kernel.h"
#include "unit.h"
#include "walk/walk.h"

enum {
	CPUS = 4,
	NOT_POSSIBLE = 2,
	OFFLINE = 3,
	/* struct tick_sched, struct timekeeper */
	TS_FLAGS = 0, TS_ENTRY = 8, TS_IDLE = 16, TS_IOWAIT = 24, TS_SIZE = 32,
	TK_CLOCK = 0, TK_MULT = 8, TK_SHIFT = 12, TK_NSEC = 16, TK_BASE = 24, TK_REAL = 32, TK_BOOT = 40,
	TK_SIZE = 48,
	/* struct zone, struct pglist_data */
	ZONES = 2,
	Z_WMARK = 0, Z_NAME = 32, Z_MANAGED = 40, Z_PRESENT = 48, Z_STAT = 56, Z_NUMA = 80, Z_PCP = 128,
	Z_SIZE = 136,
	/* struct per_cpu_zonestat */
	P_STAT = 0, P_NUMA = 8, P_SIZE = 56,
	HSTATE_SIZE = 64,
	NODE_ITEMS = 19,
};

static const uint64_t vars = 0xffffffff9d400000, percpu = 0xffffffff9d600000,
		      percpu_base = 0xffff888dd0000000 - 0xffffffff9d600000, stride = 0x10000,
		      nodes = 0xffff888004000000, zonestats = 0xffffffff9d602000;

/* Which kernel it is. */
struct kind {
	bool moved;  /* 7.2: idle times in kernel_cpustat */
	bool old_tk; /* up to 6.12: an unnamed struct around the timekeeper */
	bool no_numa;
	const char *lacks; /* a variable that it does not have */
	const char *drop; /* a member or enumerator that is called something else */
};

struct image {
	struct fake_kernel *fk;
	struct report *r;
	struct kind kind;
};

static const char *const var_names[] = { "timekeeper_data", "tick_nohz_active", "node_data", "nr_node_ids",
					 "node_states", "contig_page_data", "jiffies_64", "avenrun",
					 "nr_threads", "total_forks", "saved_command_line", "_totalram_pages",
					 "totalreserve_pages", "total_swap_pages", "nr_swap_pages",
					 "vm_zone_stat", "vm_node_stat", "blockdev_superblock",
					 "vm_committed_as", "sysctl_overcommit_kbytes",
					 "sysctl_overcommit_ratio", "nr_vmalloc_pages", "pcpu_nr_populated",
					 "pcpu_nr_units", "num_poisoned_pages", "hstates", "hugetlb_max_hstate",
					 "default_hstate_idx", "direct_pages_count", "direct_gbpages",
					 "vmstat_text", "vm_numa_event", "nr_memmap_pages",
					 "transparent_hugepage_flags" };

static uint64_t var(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(var_names); i++) {
		if (!strcmp(var_names[i], name))
			return vars + 4096 * i;
	}
	abort();
}

static void put(struct image *im, uint64_t at, uint64_t v, size_t n)
{
	fake_kernel_write(im->fk, at, &v, n);
}

static const char *name(const struct image *im, const char *s)
{
	return im->kind.drop && !strcmp(im->kind.drop, s) ? "dropped" : s;
}

static int add_struct(struct image *im, const char *type, size_t size, const struct fake_field *fields,
		      size_t nr)
{
	struct fake_field kept[32];
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		if (fields[i].name && !(im->kind.drop && !strcmp(im->kind.drop, fields[i].name)))
			kept[n++] = fields[i];
	}
	return fake_kernel_struct(im->fk, type, size, kept, n);
}

#define STRUCT(type, size, ...)                                                                    \
	add_struct(im, type, size, (const struct fake_field[]){ __VA_ARGS__ },                     \
		   sizeof((const struct fake_field[]){ __VA_ARGS__ }) / sizeof(struct fake_field))

static void add_enum(struct image *im, const char *type, const char *const *names, size_t nr)
{
	btf__add_enum(im->fk->btf, type, 4);
	for (size_t i = 0; i < nr; i++)
		btf__add_enum_value(im->fk->btf, name(im, names[i]), (int64_t)i);
}

#define ENUM(type, ...)                                                                            \
	add_enum(im, type, (const char *const[]){ __VA_ARGS__ },                                   \
		 sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* Where kernel_cpustat.cpustat is. */
static size_t cpustat_off(const struct image *im)
{
	return im->kind.moved ? 32 : 0;
}

static void add_types(struct image *im)
{
	struct fake_kernel *fk = im->fk;
	bool moved = im->kind.moved;
	int u64 = fk->u64, u32 = fk->u32, ptr = fk->ptr;
	int times = fake_kernel_array(fk, u64, 10), softirqs = fake_kernel_array(fk, u32, 10);

	STRUCT("kernel_cpustat", 112, { moved ? "idle_elapse" : NULL, fk->u8, 1 },
	       { moved ? "idle_entrytime" : NULL, u64, 8 }, { "cpustat", times, cpustat_off(im) });
	STRUCT("kernel_stat", 48, { "irqs_sum", u64, 0 }, { "softirqs", softirqs, 8 });
	STRUCT("tick_sched", TS_SIZE, { "flags", u64, TS_FLAGS }, { "idle_entrytime", u64, TS_ENTRY },
	       { moved ? NULL : "idle_sleeptime", u64, TS_IDLE },
	       { moved ? NULL : "iowait_sleeptime", u64, TS_IOWAIT });
	int base = STRUCT("tk_read_base", 32, { "clock", ptr, TK_CLOCK }, { "mult", u32, TK_MULT },
			  { "shift", u32, TK_SHIFT }, { "xtime_nsec", u64, TK_NSEC }, { "base", u64, TK_BASE });
	int tk = STRUCT("timekeeper", TK_SIZE, { "tkr_mono", base, 0 }, { "offs_real", u64, TK_REAL },
			{ "offs_boot", u64, TK_BOOT });
	if (!im->kind.old_tk)
		STRUCT("tk_data", 64, { "seq", u32, 0 }, { "timekeeper", tk, 16 });

	int a64 = STRUCT("atomic64", 8, { "counter", u64, 0 });
	int bits = STRUCT("bits", 16, { "bits", fake_kernel_array(fk, u64, 2), 0 });
	btf__add_typedef(fk->btf, "nodemask_t", bits);
	int zone = STRUCT("zone", Z_SIZE, { "_watermark", fake_kernel_array(fk, u64, 4), Z_WMARK },
			  { "name", ptr, Z_NAME }, { "managed_pages", a64, Z_MANAGED },
			  { "present_pages", u64, Z_PRESENT }, { "vm_stat", fake_kernel_array(fk, a64, 3), Z_STAT },
			  { "vm_numa_event", fake_kernel_array(fk, a64, 6), Z_NUMA },
			  { "per_cpu_zonestats", ptr, Z_PCP });
	STRUCT("pglist_data", ZONES * Z_SIZE, { "node_zones", fake_kernel_array(fk, zone, ZONES), 0 });
	STRUCT("per_cpu_zonestat", P_SIZE, { "vm_stat_diff", fake_kernel_array(fk, fk->u8, 3), P_STAT },
	       { "vm_numa_event", fake_kernel_array(fk, u64, 6), P_NUMA });
	ENUM("cpu_usage_stat", "CPUTIME_USER", "CPUTIME_NICE", "CPUTIME_SYSTEM", "CPUTIME_SOFTIRQ",
	     "CPUTIME_IRQ", "CPUTIME_IDLE", "CPUTIME_IOWAIT", "CPUTIME_STEAL", "CPUTIME_GUEST",
	     "CPUTIME_GUEST_NICE");
	ENUM("numa_stat_item", "NUMA_HIT", "NUMA_MISS", "NUMA_FOREIGN", "NUMA_INTERLEAVE_HIT", "NUMA_LOCAL",
	     "NUMA_OTHER", im->kind.no_numa ? "none" : "NR_VM_NUMA_EVENT_ITEMS");
	ENUM("vm_stat_item", "NR_DIRTY_THRESHOLD", "NR_DIRTY_BG_THRESHOLD", "NR_MEMMAP_PAGES",
	     "NR_MEMMAP_BOOT_PAGES", "NR_VM_STAT_ITEMS");
	ENUM("vm_event_item", "PGPGIN", "PGPGOUT", "PGFAULT", "NR_VM_EVENT_ITEMS");
	ENUM("pg_level", "PG_LEVEL_NONE", "PG_LEVEL_4K", "PG_LEVEL_2M", "PG_LEVEL_1G");
	STRUCT("vm_event_state", 32, { "event", fake_kernel_array(fk, u64, 4), 0 });
	STRUCT("percpu_counter", 24, { "count", u64, 8 }, { "counters", ptr, 16 });
	STRUCT("hstate", HSTATE_SIZE, { "order", u32, 4 }, { "nr_huge_pages", u64, 8 },
	       { "free_huge_pages", u64, 16 }, { "resv_huge_pages", u64, 24 },
	       { "surplus_huge_pages", u64, 32 });
	ENUM("zone_stat_item", "NR_FREE_PAGES", "NR_MLOCK", "NR_VM_ZONE_STAT_ITEMS");
	ENUM("node_stat_item", "NR_INACTIVE_ANON", "NR_ACTIVE_ANON", "NR_INACTIVE_FILE", "NR_ACTIVE_FILE",
	     "NR_UNEVICTABLE", "NR_SLAB_RECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE_B", "NR_ANON_MAPPED",
	     "NR_FILE_MAPPED", "NR_FILE_PAGES", "NR_FILE_DIRTY", "NR_WRITEBACK", "NR_SHMEM",
	     "NR_KERNEL_MISC_RECLAIMABLE", "NR_KERNEL_STACK_KB", "NR_PAGETABLE", "NR_SECONDARY_PAGETABLE",
	     "NR_SWAPCACHE", "NR_ANON_THPS", "NR_VM_NODE_STAT_ITEMS");
	ENUM("zone_watermarks", "WMARK_MIN", "WMARK_LOW", "WMARK_HIGH");
	int a32 = STRUCT("atomic", 4, { "counter", u32, 0 });
	STRUCT("rq", 32, { "nr_running", u32, 0 }, { "nr_switches", u64, 8 }, { "nr_iowait", a32, 16 });
	int list = STRUCT("list_head", 16, { "next", ptr, 0 }, { "prev", ptr, 8 });
	STRUCT("super_block", 16, { "s_inodes", list, 0 });
	STRUCT("inode", 24, { "i_mapping", ptr, 0 }, { "i_sb_list", list, 8 });
	STRUCT("address_space", 8, { "nrpages", u64, 0 });
	ENUM("node_states", "N_POSSIBLE", "N_ONLINE");
}

static uint64_t on_cpu(uint64_t sym, uint32_t cpu)
{
	return sym + percpu_base + cpu * stride;
}

static uint64_t zone_at(uint32_t node, uint32_t zone)
{
	return nodes + 0x1000 * node + Z_SIZE * zone;
}

static void put_cpu(struct image *im, uint32_t cpu)
{
	uint64_t stat = on_cpu(percpu, cpu), kstat = on_cpu(percpu + 0x200, cpu), ts = on_cpu(percpu + 0x400, cpu);

	for (uint64_t i = 0; i < 10; i++) {
		put(im, stat + cpustat_off(im) + 8 * i, 1000 * cpu + i, 8);
		put(im, kstat + 8 + 4 * i, 500 * cpu + i, 4);
	}
	put(im, kstat, 77 + cpu, 8);
	/* All but the first are idle. */
	put(im, ts + TS_FLAGS, cpu ? 4 : 2, 8);
	put(im, ts + TS_ENTRY, 4000 + cpu, 8);
	put(im, ts + TS_IDLE, 300 + cpu, 8);
	put(im, ts + TS_IOWAIT, 400 + cpu, 8);
	if (im->kind.moved) {
		put(im, stat + 1, cpu != 0, 1);
		put(im, stat + 8, 4500 + cpu, 8);
	}
}

/* Nodes 0 and 2 of three are online; the second zone of each is empty and shares a dummy. */
static void put_nodes(struct image *im)
{
	put(im, var("nr_node_ids"), 3, 4);
	put(im, var("node_states") + 16, 5, 8);
	put(im, var("node_states"), 7, 8);
	for (uint32_t node = 0; node < 3; node++) {
		put(im, var("node_data") + 8ull * node, node == 1 ? 0 : zone_at(node, 0), 8);
		for (uint32_t zone = 0; zone < ZONES; zone++) {
			for (uint64_t i = 0; i < 6; i++)
				put(im, zone_at(node, zone) + Z_NUMA + 8 * i, zone ? 1 : 1000 * node + i, 8);
			put(im, zone_at(node, zone) + Z_PRESENT, zone ? 0 : 5000, 8);
			put(im, zone_at(node, zone) + Z_PCP, zone ? zonestats : zonestats + 0x100 * (node + 1), 8);
		}
	}
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		for (uint64_t which = 0; which < 4; which++) {
			for (uint64_t i = 0; i < 6; i++)
				put(im, on_cpu(zonestats, cpu) + 0x100 * which + P_NUMA + 8 * i,
				    which == 0 ? 999999 : 10 * (cpu + 1), 8);
		}
	}
}

/* One block device with 50 pages. */
static void put_memory(struct image *im)
{
	uint64_t sb = nodes + 0x10000, inode = sb + 0x100, mapping = sb + 0x200, name = sb + 0x300;

	put(im, var("blockdev_superblock"), sb, 8);
	put(im, sb, inode + 8, 8);
	put(im, sb + 8, inode + 8, 8);
	put(im, inode + 8, sb, 8);
	put(im, inode + 16, sb, 8);
	put(im, inode, mapping, 8);
	put(im, mapping, 50, 8);
	put(im, var("vm_zone_stat"), 2000, 8);
	put(im, var("vm_zone_stat") + 8, (uint64_t)-3, 8);
	for (uint64_t i = 0; i < NODE_ITEMS; i++)
		put(im, var("vm_node_stat") + 8 * i, 100 * (i + 1), 8);
	put(im, var("_totalram_pages"), 10000, 8);
	put(im, var("totalreserve_pages"), 500, 8);
	put(im, var("total_swap_pages"), 64, 8);
	put(im, var("nr_swap_pages"), 60, 8);
	put(im, name, 0x414d44, 8); /* "DMA" */
	for (uint32_t node = 0; node < 4; node++) {
		/* The last is the one of a kernel without nodes. */
		uint64_t zone = node < 3 ? zone_at(node, 0) : var("contig_page_data");

		if (node == 3) {
			for (size_t i = 0; i < 2 * Z_SIZE; i += 8)
				put(im, zone + i, 0, 8);
			put(im, zone + Z_PRESENT, 5000, 8);
			put(im, zone + Z_PCP, zonestats + 0x100, 8);
		}
		put(im, zone + Z_NAME, name, 8);
		put(im, zone + Z_MANAGED, 4000, 8);
		put(im, zone + Z_STAT, 1000, 8);
		for (uint64_t i = 0; i < 3; i++)
			put(im, zone + Z_WMARK + 8 * i, 40 + i, 8);
	}
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		/* Two's complement: each has given away five pages. */
		for (uint64_t which = 1; which < 4; which++)
			put(im, on_cpu(zonestats, cpu) + 0x100 * which + P_STAT, 0xfb, 1);
		put(im, on_cpu(percpu + 0x800, cpu), cpu + 1, 4);
		put(im, on_cpu(percpu + 0x800, cpu) + 8, 1000 * (cpu + 1), 8);
		put(im, on_cpu(percpu + 0x800, cpu) + 16, 1, 4);
	}
	put(im, var("jiffies_64"), 4294967296ull, 8);
	for (uint64_t i = 0; i < 3; i++)
		put(im, var("avenrun") + 8 * i, 2048 + i, 8);
	put(im, var("nr_threads"), 87, 4);
	put(im, var("total_forks"), 148, 8);
	put(im, var("saved_command_line"), var("saved_command_line") + 8, 8);
	fake_kernel_write(im->fk, var("saved_command_line") + 8, "ro quiet", 9);
}

/* What /proc/vmstat calls its counters, group by group. */
static void put_vmstat(struct image *im)
{
	static const struct {
		const char *first;
		size_t nr;
	} groups[] = {
		{ "nr_free_pages", 2 }, { "numa_hit", 6 }, { "nr_inactive_anon", NODE_ITEMS },
		{ "nr_dirty_threshold", 4 }, { "pgpgin", 3 },
	};
	uint64_t table = var("vmstat_text"), text = table + 0x400;

	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		if (im->kind.no_numa && g == 1)
			continue;
		for (size_t i = 0; i < groups[g].nr; i++, table += 8, text += 32) {
			char buf[32];
			int len = snprintf(buf, sizeof(buf), i ? "%s_%zu" : "%s", groups[g].first, i);

			fake_kernel_write(im->fk, text, buf, (size_t)len + 1);
			put(im, table, text, 8);
		}
	}
	for (uint64_t i = 0; i < 6; i++)
		put(im, var("vm_numa_event") + 8 * i, 7000 + i, 8);
	put(im, var("nr_memmap_pages"), 321, 8);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		for (uint64_t i = 0; i < 3; i++)
			put(im, on_cpu(percpu + 0xa00, cpu) + 8 * i, 10 * (cpu + 1) + i, 8);
	}
}

static void put_others(struct image *im)
{
	uint64_t huge = var("hstates");

	put(im, var("vm_committed_as") + 8, 1000, 8);
	put(im, var("vm_committed_as") + 16, percpu + 0xc00, 8);
	put(im, on_cpu(percpu + 0xc00, 0), 5, 4);
	put(im, on_cpu(percpu + 0xc00, 1), 0xfffffff9, 4);
	put(im, on_cpu(percpu + 0xc00, OFFLINE), 100, 4);
	put(im, var("sysctl_overcommit_kbytes"), 0, 8);
	put(im, var("sysctl_overcommit_ratio"), 50, 4);
	put(im, var("nr_vmalloc_pages"), 11, 8);
	put(im, var("pcpu_nr_populated"), 3, 8);
	put(im, var("pcpu_nr_units"), 4, 4);
	put(im, var("num_poisoned_pages"), 1, 8);
	put(im, var("hugetlb_max_hstate"), 2, 4);
	put(im, var("default_hstate_idx"), 1, 4);
	for (size_t i = 0; i < 2 * HSTATE_SIZE; i += 8)
		put(im, huge + i, 0, 8);
	put(im, huge + 4, 18, 4);
	put(im, huge + HSTATE_SIZE + 4, 9, 4);
	for (uint64_t i = 0; i < 4; i++)
		put(im, huge + HSTATE_SIZE + 8 + 8 * i, 2 - i % 2, 8);
	put(im, var("direct_pages_count") + 8, 100, 8);
	put(im, var("direct_pages_count") + 16, 5, 8);
	put(im, var("direct_pages_count") + 24, 1, 8);
	put(im, var("direct_gbpages"), 1, 4);
	put(im, var("transparent_hugepage_flags"), 2, 8);
}

static struct image *image_new(struct kind kind)
{
	struct image *im = calloc(1, sizeof(*im));
	struct fake_kernel *fk = im->fk = fake_kernel_new();

	im->kind = kind;
	add_types(im);
	for (size_t i = 0; i < ARRAY_SIZE(var_names); i++) {
		const char *s = var_names[i];

		if (kind.no_numa && (!strncmp(s, "node_", 5) || !strcmp(s, "nr_node_ids") ||
				     !strcmp(s, "vm_numa_event")))
			continue;
		if (kind.lacks && !strcmp(kind.lacks, s))
			continue;
		if (!i && kind.old_tk)
			s = "tk_core";
		fake_kernel_symbol(fk, s, vars + 4096 * i);
	}
	fake_kernel_symbol(fk, "kernel_cpustat", percpu);
	fake_kernel_symbol(fk, "runqueues", percpu + 0x800);
	fake_kernel_symbol(fk, "kstat", percpu + 0x200);
	fake_kernel_symbol(fk, "vm_event_states", percpu + 0xa00);
	fake_kernel_symbol(fk, "tick_cpu_sched", percpu + 0x400);
	fake_kernel_ready(fk);
	fake_kernel_cpus(fk, CPUS, percpu_base, stride);
	fk->k->possible[NOT_POSSIBLE] = fk->k->online[NOT_POSSIBLE] = fk->k->online[OFFLINE] = false;

	uint64_t tk = var("timekeeper_data") + (kind.old_tk ? 8 : 16);
	put(im, tk + TK_CLOCK, 0xffffffff9d000000, 8);
	put(im, tk + TK_MULT, 5, 4);
	put(im, tk + TK_SHIFT, 2, 4);
	put(im, tk + TK_NSEC, 400, 8);
	put(im, tk + TK_BASE, 9900, 8);
	put(im, var("tick_nohz_active"), 1, 8);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		put_cpu(im, cpu);
	put_nodes(im);
	put_memory(im);
	put_vmstat(im);
	put_others(im);
	return im;
}

static struct system *walk(struct image *im, struct err *(*fn)(struct walk *w), const char *section)
{
	static const struct walk_opts opts;
	struct walk w = { .k = im->fk->k, .opts = &opts };

	ASSERT_OK(report_create(&im->r));
	w.r = im->r;
	struct err *e = fn(&w);
	if (e) {
		CU_ASSERT_FALSE(walk_is_fatal(e));
		ASSERT_OK(report_section(im->r, section,
					 e->code == ERR_MISSING ? SECTION_NOT_IN_KERNEL :
					 e->code == ERR_CORRUPT ? SECTION_IMPLAUSIBLE :
								  SECTION_NOT_READABLE,
					 "%s", e->msg));
		err_free(e);
	}
	return &im->r->system;
}

static const struct section *section_of(const struct image *im, const char *section)
{
	const struct section *s = report_find_section(im->r, section);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static bool says(const struct image *im, const char *section, enum section_status status, const char *want)
{
	const struct section *s = section_of(im, section);

	return s->status == status && (want ? s->detail && strstr(s->detail, want) : !s->detail);
}

static void image_free(struct image *im)
{
	report_destroy(im->r);
	fake_kernel_destroy(im->fk);
	free(im);
}

/* ---- CPU time */

static void test_cpu_time(void)
{
	struct image *im = image_new((struct kind){ 0 });
	const struct system *s = walk(im, walk_cpu_time, "per_cpu_time");

	CU_ASSERT_EQUAL_FATAL(s->cpu_times.nr, 3);
	const struct cpu_time_row *c = s->cpu_times.data;
	CU_ASSERT_TRUE(c[0].cpu == 0 && c[1].cpu == 1 && c[2].cpu == 3);
	CU_ASSERT_EQUAL(c[1].ns[TIME_USER], 1000);
	CU_ASSERT_EQUAL(c[1].ns[TIME_SOFTIRQ], 1003);
	CU_ASSERT_EQUAL(c[1].ns[TIME_GUEST_NICE], 1009);
	CU_ASSERT_EQUAL(c[1].softirqs[9], 509);
	CU_ASSERT_EQUAL(c[1].irqs, 78);
	CU_ASSERT_TRUE(c[1].idle_sleeptime.has && c[1].idle_sleeptime.v == 301);
	CU_ASSERT_EQUAL(c[1].iowait_sleeptime.v, 401);
	CU_ASSERT_EQUAL(c[1].idle_since.v, 4001);
	CU_ASSERT_EQUAL(c[1].idle_for.v, 10000 - 4001);
	CU_ASSERT_FALSE(c[0].idle_since.has || c[0].idle_for.has);
	CU_ASSERT_TRUE(c[2].offline);
	CU_ASSERT_FALSE(c[2].idle_for.has);
	CU_ASSERT_TRUE(says(im, "per_cpu_time", SECTION_COMPLETE, NULL));
	image_free(im);
}

static void test_cpu_time_moved(void)
{
	struct image *im = image_new((struct kind){ .moved = true });
	const struct system *s = walk(im, walk_cpu_time, "per_cpu_time");

	CU_ASSERT_EQUAL_FATAL(s->cpu_times.nr, 3);
	CU_ASSERT_EQUAL(s->cpu_times.data[1].ns[TIME_USER], 1000);
	CU_ASSERT_EQUAL(s->cpu_times.data[1].ns[TIME_IDLE], 1005);
	CU_ASSERT_FALSE(s->cpu_times.data[1].idle_sleeptime.has || s->cpu_times.data[1].iowait_sleeptime.has);
	CU_ASSERT_EQUAL(s->cpu_times.data[1].idle_for.v, 10000 - 4501);
	CU_ASSERT_FALSE(s->cpu_times.data[0].idle_for.has);
	image_free(im);
}

static void test_cpu_time_clock(void)
{
	struct image *im = image_new((struct kind){ .old_tk = true });
	const struct system *s = walk(im, walk_cpu_time, "per_cpu_time");
	CU_ASSERT_EQUAL(s->cpu_times.data[1].idle_for.v, 10000 - 4001);
	image_free(im);

	/* Since when is known, for how long not. */
	im = image_new((struct kind){ 0 });
	put(im, var("timekeeper_data") + 16 + TK_CLOCK, 0, 8);
	s = walk(im, walk_cpu_time, "per_cpu_time");
	CU_ASSERT_TRUE(s->cpu_times.data[1].idle_since.has);
	CU_ASSERT_FALSE(s->cpu_times.data[1].idle_for.has);
	image_free(im);

	/* The clock is behind. */
	im = image_new((struct kind){ 0 });
	put(im, var("timekeeper_data") + 16 + TK_BASE, 0, 8);
	s = walk(im, walk_cpu_time, "per_cpu_time");
	CU_ASSERT_TRUE(s->cpu_times.data[1].idle_for.has && s->cpu_times.data[1].idle_for.v == 0);
	image_free(im);

	/* nohz=off: cpustat is right. */
	im = image_new((struct kind){ 0 });
	put(im, var("tick_nohz_active"), 0, 8);
	s = walk(im, walk_cpu_time, "per_cpu_time");
	CU_ASSERT_FALSE(s->cpu_times.data[1].idle_sleeptime.has || s->cpu_times.data[1].idle_for.has);
	image_free(im);
}

static void test_cpu_time_lacks(void)
{
	static const char *const drops[] = { "cpustat", "softirqs", "irqs_sum", "CPUTIME_STEAL" };

	for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
		struct image *im = image_new((struct kind){ .drop = drops[i] });

		CU_ASSERT_EQUAL(walk(im, walk_cpu_time, "per_cpu_time")->cpu_times.nr, 0);
		CU_ASSERT_TRUE(says(im, "per_cpu_time", SECTION_NOT_IMPLEMENTED, drops[i]));
		image_free(im);
	}

	/* What only idle times need costs no more than these. */
	struct image *im = image_new((struct kind){ .drop = "idle_entrytime" });
	CU_ASSERT_EQUAL(walk(im, walk_cpu_time, "per_cpu_time")->cpu_times.nr, 3);
	CU_ASSERT_FALSE(im->r->system.cpu_times.data[1].idle_for.has);
	image_free(im);
}

static void test_cpu_time_unreadable(void)
{
	struct image *im = image_new((struct kind){ 0 });

	fake_target_refuse(im->fk->ft, fake_kernel_map(im->fk, on_cpu(percpu, 1)));
	CU_ASSERT_EQUAL(walk(im, walk_cpu_time, "per_cpu_time")->cpu_times.nr, 2);
	CU_ASSERT_TRUE(says(im, "per_cpu_time", SECTION_NOT_READABLE, "CPU 1: cannot read"));
	image_free(im);
}

/* ---- NUMA */

static void test_numa(void)
{
	struct image *im = image_new((struct kind){ 0 });
	const struct system *s = walk(im, walk_numa, "per_node_numa");

	CU_ASSERT_EQUAL_FATAL(s->numa.nr, 2);
	CU_ASSERT_EQUAL(s->numa.data[0].node, 0);
	CU_ASSERT_EQUAL(s->numa.data[1].node, 2);
	/* Both zones, and what the online CPUs have counted for the populated one. */
	CU_ASSERT_EQUAL(s->numa.data[0].events[NUMA_FOREIGN], 2 + 1 + 10 + 20);
	CU_ASSERT_EQUAL(s->numa.data[1].events[NUMA_OTHER], 2005 + 1 + 10 + 20);
	CU_ASSERT_EQUAL(s->numa.data[1].deltas[NUMA_OTHER], 30);
	CU_ASSERT_PTR_NULL(s->numa_unavailable);
	CU_ASSERT_TRUE(says(im, "per_node_numa", SECTION_COMPLETE, NULL));
	image_free(im);
}

static void test_numa_not(void)
{
	static const char reason[] = "no NUMA walker (host-side walker pending)";
	static const char *const drops[] = { "node_zones", "vm_numa_event", "per_cpu_zonestats", "NUMA_OTHER",
					     "N_ONLINE" };
	struct image *im = image_new((struct kind){ .no_numa = true });
	const struct system *s = walk(im, walk_numa, "per_node_numa");

	CU_ASSERT_STRING_EQUAL(s->numa_unavailable, reason);
	CU_ASSERT_TRUE(says(im, "per_node_numa", SECTION_NOT_IN_KERNEL, "CONFIG_NUMA"));
	image_free(im);

	for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
		im = image_new((struct kind){ .drop = drops[i] });
		s = walk(im, walk_numa, "per_node_numa");
		CU_ASSERT_EQUAL(s->numa.nr, 0);
		CU_ASSERT_STRING_EQUAL(s->numa_unavailable, reason);
		CU_ASSERT_NOT_EQUAL(section_of(im, "per_node_numa")->status, SECTION_COMPLETE);
		CU_ASSERT_PTR_NOT_NULL(strstr(section_of(im, "per_node_numa")->detail, drops[i]));
		image_free(im);
	}
}

static void test_numa_broken(void)
{
	struct image *im = image_new((struct kind){ 0 });

	put(im, var("nr_node_ids"), 2000, 4);
	CU_ASSERT_EQUAL(walk(im, walk_numa, "per_node_numa")->numa.nr, 0);
	CU_ASSERT_TRUE(says(im, "per_node_numa", SECTION_IMPLAUSIBLE, "nr_node_ids is 2000"));
	image_free(im);

	im = image_new((struct kind){ 0 });
	put(im, var("node_states") + 16, 7, 8);
	CU_ASSERT_EQUAL(walk(im, walk_numa, "per_node_numa")->numa.nr, 0);
	CU_ASSERT_TRUE(says(im, "per_node_numa", SECTION_IMPLAUSIBLE, "node 1 is online"));
	image_free(im);

	/* One CPU's counters of one node cannot be read: that node is left out, the other is there. */
	im = image_new((struct kind){ 0 });
	put(im, zone_at(2, 0) + Z_PCP, 0x1000, 8);
	CU_ASSERT_EQUAL(walk(im, walk_numa, "per_node_numa")->numa.nr, 1);
	CU_ASSERT_TRUE(says(im, "per_node_numa", SECTION_NOT_READABLE, "node 2: CPU 0: cannot read"));
	image_free(im);
}

/* ---- the rest */

/* UINT64_MAX: there is no such line. */
static uint64_t mem_line(const struct system *s, const char *want)
{
	for (size_t i = 0; i < s->meminfo.nr; i++) {
		if (!strcmp(s->meminfo.data[i].name, want))
			return s->meminfo.data[i].kb;
	}
	return UINT64_MAX;
}

static void test_system(void)
{
	struct image *im = image_new((struct kind){ 0 });
	const struct system *s = walk(im, walk_system, "system");

	CU_ASSERT_TRUE(says(im, "system", SECTION_COMPLETE, NULL));
	CU_ASSERT_EQUAL(s->uptime.v, 10000);
	CU_ASSERT_EQUAL(s->jiffies.v, 4294967296);
	CU_ASSERT_TRUE(s->has_load && s->load[0] == 2048 && s->load[2] == 2050);
	CU_ASSERT_EQUAL(s->nr_threads.v, 87);
	CU_ASSERT_EQUAL(s->nr_forks.v, 148);
	/* CPUs 0 and 1 are online, 3 is possible. */
	CU_ASSERT_EQUAL(s->nr_running.v, 1 + 2);
	CU_ASSERT_EQUAL(s->nr_iowait.v, 2);
	CU_ASSERT_EQUAL(s->nr_switches.v, 1000 + 2000 + 4000);
	CU_ASSERT_STRING_EQUAL(s->cmdline, "ro quiet");
	CU_ASSERT_STRING_EQUAL(s->online, "0-1");
	CU_ASSERT_STRING_EQUAL(s->possible, "0-1,3");

	CU_ASSERT_EQUAL(s->meminfo.nr, 28 + 11);
	CU_ASSERT_EQUAL(mem_line(s, "MemTotal"), 40000);
	CU_ASSERT_EQUAL(mem_line(s, "MemFree"), 8000);
	CU_ASSERT_EQUAL(mem_line(s, "Buffers"), 200);
	/* NR_FILE_PAGES is the tenth, NR_SWAPCACHE the last. */
	CU_ASSERT_EQUAL(mem_line(s, "Cached"), 0);
	CU_ASSERT_EQUAL(mem_line(s, "Active"), 4 * (200 + 400));
	CU_ASSERT_EQUAL(mem_line(s, "Mlocked"), 0);
	CU_ASSERT_EQUAL(mem_line(s, "KernelStack"), 1500);
	CU_ASSERT_EQUAL(mem_line(s, "SwapFree"), 240);
	/* Of cache (700) and slab (600 + 1400) all but the low watermarks (82) of both. */
	CU_ASSERT_EQUAL(mem_line(s, "MemAvailable"), 4 * (2000 - 500 + 700 - 82 + 2000 - 82));

	CU_ASSERT_EQUAL_FATAL(s->zones.nr, 2);
	CU_ASSERT_EQUAL(s->zones.data[1].node, 2);
	CU_ASSERT_STRING_EQUAL(s->zones.data[1].name, "DMA");
	CU_ASSERT_EQUAL(s->zones.data[1].free, 1000 - 2 * 5);
	CU_ASSERT_EQUAL(s->zones.data[1].low, 41);
	CU_ASSERT_EQUAL(s->zones.data[1].managed, 4000);
	image_free(im);
}

/* The lines that are no counters of zones or nodes. */
static void test_other_lines(void)
{
	static const struct {
		const char *name;
		uint64_t kb;
	} lines[] = {
		{ "CommitLimit", 4 * ((10000 - 1024) * 50 / 100 + 64) },
		{ "Committed_AS", 4 * 998 }, { "VmallocUsed", 44 }, { "Percpu", 48 }, { "HardwareCorrupted", 4 },
		{ "AnonHugePages", 4 * 1900 }, { "Hugepagesize", 2048 }, { "Hugetlb", 4096 },
		{ "DirectMap4k", 400 }, { "DirectMap2M", 5 * 2048 }, { "DirectMap1G", 1 << 20 },
		{ "ShmemHugePages", UINT64_MAX }, { "CmaTotal", UINT64_MAX },
	};
	struct image *im = image_new((struct kind){ 0 });
	const struct system *s = walk(im, walk_system, "system");

	CU_ASSERT_TRUE(says(im, "system", SECTION_COMPLETE, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		CU_ASSERT_EQUAL(mem_line(s, lines[i].name), lines[i].kb);
	CU_ASSERT_EQUAL_FATAL(s->huge_pages.nr, 2);
	CU_ASSERT_EQUAL(s->huge_pages.data[0].size_kb, 1 << 20);
	CU_ASSERT_FALSE(s->huge_pages.data[0].is_default);
	const struct huge_row *h = &s->huge_pages.data[1];
	CU_ASSERT_TRUE(h->is_default && h->total == 2 && h->free == 1 && h->reserved == 2 && h->surplus == 1);
	image_free(im);

	/* What is set by kbytes; no transparent huge pages; no huge pages at all; no pages of 1 GiB. */
	im = image_new((struct kind){ .lacks = "transparent_hugepage_flags" });
	put(im, var("sysctl_overcommit_kbytes"), 8000, 8);
	put(im, var("direct_gbpages"), 0, 4);
	s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(mem_line(s, "CommitLimit"), 8000 + 4 * 64);
	CU_ASSERT_EQUAL(mem_line(s, "AnonHugePages"), UINT64_MAX);
	CU_ASSERT_EQUAL(mem_line(s, "DirectMap1G"), UINT64_MAX);
	image_free(im);
	im = image_new((struct kind){ .lacks = "hstates" });
	s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(mem_line(s, "CommitLimit"), 4 * (10000 * 50 / 100 + 64));
	CU_ASSERT_EQUAL(mem_line(s, "Hugetlb"), UINT64_MAX);
	CU_ASSERT_TRUE(says(im, "system", SECTION_COMPLETE, NULL));
	image_free(im);

	/* What cannot be is said, and costs what depends on it. */
	im = image_new((struct kind){ 0 });
	put(im, var("hugetlb_max_hstate"), 1000, 4);
	s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(mem_line(s, "CommitLimit"), UINT64_MAX);
	CU_ASSERT_EQUAL(mem_line(s, "Committed_AS"), 4 * 998);
	CU_ASSERT_TRUE(says(im, "system", SECTION_IMPLAUSIBLE, "1000 sizes of huge pages"));
	image_free(im);
}

/* Of that name; UINT64_MAX: none. */
static uint64_t stat_of(const struct system *s, const char *want)
{
	for (size_t i = 0; i < s->vmstat.nr; i++) {
		if (!strcmp(s->vmstat.data[i].name, want))
			return s->vmstat.data[i].v;
	}
	return UINT64_MAX;
}

static void test_vmstat(void)
{
	struct image *im = image_new((struct kind){ 0 });
	const struct system *s = walk(im, walk_system, "system");

	/* All but the thresholds, and a counter that this kernel does not have. */
	CU_ASSERT_EQUAL(s->vmstat.nr, 2 + 6 + NODE_ITEMS + 1 + 3);
	CU_ASSERT_EQUAL(stat_of(s, "nr_free_pages"), 2000);
	CU_ASSERT_EQUAL(stat_of(s, "nr_free_pages_1"), 0);
	/* With what the online CPUs have not handed over, for either node. */
	CU_ASSERT_EQUAL(stat_of(s, "numa_hit"), 7000 + 60);
	CU_ASSERT_EQUAL(stat_of(s, "numa_hit_5"), 7005 + 60);
	CU_ASSERT_EQUAL(stat_of(s, "nr_inactive_anon_17"), 1800);
	CU_ASSERT_EQUAL(stat_of(s, "nr_inactive_anon_18"), 1900 / 512);
	CU_ASSERT_EQUAL(stat_of(s, "nr_dirty_threshold"), UINT64_MAX);
	CU_ASSERT_EQUAL(stat_of(s, "nr_dirty_threshold_2"), 321);
	CU_ASSERT_EQUAL(stat_of(s, "nr_dirty_threshold_3"), UINT64_MAX);
	/* Of online CPUs, the first two in sectors. */
	CU_ASSERT_EQUAL(stat_of(s, "pgpgin"), 30 / 2);
	CU_ASSERT_EQUAL(stat_of(s, "pgpgin_1"), 32 / 2);
	CU_ASSERT_EQUAL(stat_of(s, "pgpgin_2"), 34);
	image_free(im);

	/* Without nodes, and without events, the rest keeps its names. */
	im = image_new((struct kind){ .no_numa = true });
	s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(stat_of(s, "numa_hit"), UINT64_MAX);
	CU_ASSERT_EQUAL(stat_of(s, "nr_inactive_anon"), 100);
	CU_ASSERT_EQUAL(stat_of(s, "pgpgin_2"), 34);
	image_free(im);
	im = image_new((struct kind){ .drop = "event" });
	s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(stat_of(s, "pgpgin"), UINT64_MAX);
	CU_ASSERT_EQUAL(stat_of(s, "nr_dirty_threshold_2"), 321);
	image_free(im);

	/* A kernel that counts one more, of which its enum knows nothing: no name for the wrong number. */
	im = image_new((struct kind){ .drop = "NR_VM_NUMA_EVENT_ITEMS" });
	s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(stat_of(s, "nr_inactive_anon"), UINT64_MAX);
	CU_ASSERT_EQUAL(stat_of(s, "nr_free_pages"), 2000);
	CU_ASSERT_TRUE(says(im, "system", SECTION_IMPLAUSIBLE, "vmstat: vmstat_text has no nr_inactive_anon"));
	image_free(im);
	im = image_new((struct kind){ .lacks = "vmstat_text" });
	s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(s->vmstat.nr, 0);
	CU_ASSERT_TRUE(says(im, "system", SECTION_NOT_IMPLEMENTED, "vmstat: this kernel has no symbol vmstat_text"));
	image_free(im);
	/* Names become keys. */
	im = image_new((struct kind){ 0 });
	put(im, var("vmstat_text") + 8, var("vmstat_text") + 0x400, 8);
	walk(im, walk_system, "system");
	CU_ASSERT_TRUE(says(im, "system", SECTION_IMPLAUSIBLE, "a name comes twice"));
	image_free(im);
}

static void test_system_one_node(void)
{
	struct image *im = image_new((struct kind){ .no_numa = true });
	const struct system *s = walk(im, walk_system, "system");
	CU_ASSERT_EQUAL(s->zones.nr, 1);
	CU_ASSERT_TRUE(says(im, "system", SECTION_COMPLETE, NULL));
	image_free(im);
}

/* What a missing member or an unreadable page takes away, and what it leaves. */
static void test_system_lacks(void)
{
	static const struct {
		const char *drop, *line, *other;
	} cases[] = {
		{ "NR_SHMEM", "Shmem", "MemFree" },
		{ "nrpages", "Cached", "MemFree" },
		{ "_watermark", "MemAvailable", "MemFree" },
		{ "NR_VM_ZONE_STAT_ITEMS", "MemFree", "Shmem" },
		{ "NR_VM_NODE_STAT_ITEMS", "Shmem", "MemFree" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image *im = image_new((struct kind){ .drop = cases[i].drop });
		const struct system *s = walk(im, walk_system, "system");

		CU_ASSERT_EQUAL(mem_line(s, cases[i].line), UINT64_MAX);
		CU_ASSERT_NOT_EQUAL(mem_line(s, cases[i].other), UINT64_MAX);
		CU_ASSERT_STRING_EQUAL(s->cmdline, "ro quiet");
		if (i)
			CU_ASSERT_NOT_EQUAL(section_of(im, "system")->status, SECTION_COMPLETE);
		image_free(im);
	}

	struct image *im = image_new((struct kind){ .drop = "nr_iowait" });
	CU_ASSERT_FALSE(walk(im, walk_system, "system")->nr_running.has);
	CU_ASSERT_TRUE(says(im, "system", SECTION_NOT_IMPLEMENTED, "nr_iowait"));
	image_free(im);

	im = image_new((struct kind){ 0 });
	put(im, var("saved_command_line"), 0x1000, 8);
	put(im, nodes + 0x10000, 0x2000, 8);
	fake_target_refuse(im->fk->ft, fake_kernel_map(im->fk, on_cpu(percpu + 0x800, 1)));
	const struct system *s = walk(im, walk_system, "system");
	CU_ASSERT_PTR_NULL(s->cmdline);
	CU_ASSERT_FALSE(s->nr_running.has);
	CU_ASSERT_EQUAL(mem_line(s, "Buffers"), UINT64_MAX);
	CU_ASSERT_EQUAL(mem_line(s, "MemFree"), 8000);
	CU_ASSERT_EQUAL(section_of(im, "system")->status, SECTION_NOT_READABLE);
	image_free(im);
}

/* ---- vCPUs */

static void check_reg(const struct vcpu_row *v, size_t i, const char *reg, uint64_t value)
{
	CU_ASSERT_FATAL(i < v->nr_regs);
	CU_ASSERT_STRING_EQUAL(v->regs[i].name, reg);
	CU_ASSERT_EQUAL(v->regs[i].value, value);
}

static void test_vcpus(void)
{
	struct image *im = image_new((struct kind){ 0 });
	struct fake_target *ft = im->fk->ft;

	/* In whatever order the target has them, and with others. */
	fake_target_set_reg(ft, 0, "mxcsr", 0x1f80);
	fake_target_set_reg(ft, 0, "gs_base", percpu_base);
	fake_target_set_reg(ft, 0, "rip", 0xffffffff81000000);
	fake_target_set_reg(ft, 0, "rsp", 0xffffc90000001000);
	fake_target_set_reg(ft, 0, "cs", 0x10);
	fake_target_set_reg(ft, 0, "rax", 0);
	fake_target_set_reg(ft, 0, "r15", UINT64_MAX);
	fake_target_set_reg(ft, 0, "cr3", 0x1e04001);
	walk(im, walk_vcpus, "vcpus");
	CU_ASSERT_EQUAL_FATAL(im->r->vcpus.nr, 1);
	const struct vcpu_row *v = &im->r->vcpus.data[0];
	CU_ASSERT_TRUE(v->ok);
	CU_ASSERT_EQUAL(v->ip, 0xffffffff81000000);
	CU_ASSERT_TRUE(v->has_cpu && !v->offline);
	check_reg(v, 0, "rax", 0);
	check_reg(v, 1, "rsp", 0xffffc90000001000);
	check_reg(v, 2, "r15", UINT64_MAX);
	check_reg(v, 3, "rip", 0xffffffff81000000);
	check_reg(v, 4, "cs", 0x10);
	check_reg(v, 5, "gs_base", percpu_base);
	check_reg(v, 6, "cr3", v->ptroot);
	im->fk->k->online[v->cpu] = false;
	report_destroy(im->r);
	walk(im, walk_vcpus, "vcpus");
	CU_ASSERT_TRUE(im->r->vcpus.data[0].has_cpu && im->r->vcpus.data[0].offline);
	image_free(im);

	/* Without one that says where it is there are still the others; without any, why. */
	im = image_new((struct kind){ 0 });
	fake_target_set_reg(im->fk->ft, 0, "rdi", 7);
	walk(im, walk_vcpus, "vcpus");
	v = &im->r->vcpus.data[0];
	CU_ASSERT_FALSE(v->ok);
	check_reg(v, 0, "rdi", 7);
	CU_ASSERT_TRUE(says(im, "vcpus", SECTION_NOT_READABLE, "registers of 1 of 1 vCPUs"));
	image_free(im);
	im = image_new((struct kind){ 0 });
	fake_target_no_regs(im->fk->ft, 0, "the stub said E22");
	walk(im, walk_vcpus, "vcpus");
	v = &im->r->vcpus.data[0];
	CU_ASSERT_FALSE(v->ok);
	CU_ASSERT_EQUAL(v->nr_regs, 0);
	CU_ASSERT_STRING_EQUAL(v->why, "the stub said E22");
	image_free(im);
}

UNIT_MAIN("walk-system",
	  { "registers of vCPUs", test_vcpus },
	  { "clocks, load, memory", test_system },
	  { "lines of meminfo that are no counters", test_other_lines },
	  { "vmstat", test_vmstat },
	  { "a kernel without nodes", test_system_one_node },
	  { "what is missing", test_system_lacks },
	  { "CPU time", test_cpu_time },
	  { "CPU time of 7.2", test_cpu_time_moved },
	  { "idle CPUs and clocks", test_cpu_time_clock },
	  { "CPU time with members missing", test_cpu_time_lacks },
	  { "CPU time of a CPU that cannot be read", test_cpu_time_unreadable },
	  { "NUMA nodes", test_numa },
	  { "no NUMA nodes", test_numa_not },
	  { "NUMA nodes that lie", test_numa_broken })
