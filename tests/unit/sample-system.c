/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sample says of the system as a whole. */
#include "config.h"

#include "sample-system.h"

#include <stdlib.h>

static void *alloc(struct report *r, size_t nr, size_t size)
{
	void *p = pool_calloc(&r->pool, nr, size);

	if (!p)
		abort();
	return p;
}

static void set_text(struct log_record *rec, const char *text)
{
	rec->text = text;
	rec->len = strlen(text);
}

static void add_log(struct report *r)
{
	enum { NR = 40 };
	struct log_record *recs = r->log.records = alloc(r, NR, sizeof(*recs));

	r->log.collected = true;
	r->log.nr = NR;
	r->log.overwritten = 1000;
	r->log.failed = (struct opt_u64){ true, 2 };
	r->log.clear_seq = (struct opt_u64){ true, 0 };
	for (size_t i = 0; i < NR; i++) {
		recs[i].seq = 1000 + i;
		recs[i].ts_nsec = 1234567891 * (i + 1);
		recs[i].level = 6;
		recs[i].flags = 2;
		recs[i].flag_names = "NEWLINE";
		recs[i].caller = (struct opt_u64){ true, i };
		set_text(&recs[i], "quiet");
	}
	recs[1].level = 4;
	set_text(&recs[1], "a warning from long ago");
	recs[4].level = 3;
	set_text(&recs[4], "evil\x1b[2J\xff\\\xe2\x80\xae");
	recs[30].level = 0;
	recs[30].facility = 3;
	recs[30].caller_is_cpu = true;
	set_text(&recs[30], "two\nlines");
	recs[31].subsystem = "usb";
	recs[31].device = "+usb:1\x1b";
	recs[31].cpu = (struct opt_u64){ true, 3 };
	recs[31].comm = "khubd\x1b";
	recs[31].cont = true;
	recs[31].flags = 8;
	recs[31].flag_names = "CONT";
	recs[33].facility = 17;
	recs[33].flags = 3;
	recs[33].flag_names = "FORCE_CON|NEWLINE";
	recs[32].text = NULL;
	recs[32].why = "its text belongs to another record";
	recs[38].state = LOG_COMMITTED;
	recs[39].state = LOG_RESERVED;
	recs[39].level = 1;
	set_text(&recs[39], "not yet wh");
	if (report_section(r, "log", SECTION_IMPLAUSIBLE, "record with id 5: its text belongs to another record"))
		abort();
}

static void add_cpu_times(struct report *r)
{
	for (uint32_t cpu = 0; cpu < 3; cpu++) {
		struct cpu_time_row *c = vec_push(&r->system.cpu_times);

		if (!c)
			abort();
		c->cpu = cpu;
		c->offline = cpu == 2;
		for (uint64_t i = 0; i < NR_CPU_TIMES; i++)
			c->ns[i] = 1234567890 * (i + 1);
		for (uint64_t i = 0; i < NR_SOFTIRQS; i++)
			c->softirqs[i] = 100 * cpu + i;
		c->irqs = 4711;
	}
	r->system.cpu_times.data[1].idle_sleeptime = (struct opt_u64){ true, 99000000000 };
	r->system.cpu_times.data[1].iowait_sleeptime = (struct opt_u64){ true, 10000000 };
	r->system.cpu_times.data[1].idle_since = (struct opt_u64){ true, 5000000000 };
	r->system.cpu_times.data[1].idle_for = (struct opt_u64){ true, 20000000 };
	if (report_section(r, "per_cpu_time", SECTION_COMPLETE, NULL))
		abort();
}

static void add_nodes(struct report *r)
{
	struct numa_row *n = vec_push(&r->system.numa);

	if (!n)
		abort();
	n->node = 1;
	for (uint64_t i = 0; i < NR_NUMA_EVENTS; i++) {
		n->events[i] = 1000 + i;
		n->deltas[i] = i;
	}
	if (report_section(r, "per_node_numa", SECTION_NOT_READABLE, "node 0: cannot read 0x1000"))
		abort();
}

static void add_item(struct report *r, const char *name, uint64_t kb)
{
	struct mem_item *m = vec_push(&r->system.meminfo);

	if (!m)
		abort();
	*m = (struct mem_item){ name, kb };
}

static void add_stat(struct report *r, const char *name, uint64_t v)
{
	struct stat_item *s = vec_push(&r->system.vmstat);

	if (!s)
		abort();
	*s = (struct stat_item){ name, v };
}

/* A device's in order, one that was given up, the processor's own. */
static void add_irqs(struct report *r)
{
	static const uint32_t counts[3][4] = { { 10, 200, 0, 0 }, { 100000, 1, 0, 0 }, { 5, 6, 0, 7 } };
	static const struct irq_row rows[] = {
		{ .irq = 4, .kva = { 0xffff888003300000 }, .hwirq = { true, 4 }, .chip = "IO-\x1b[APIC", .actions = "ttyS0, eth\x1b""0",
		  .depth = { true, 0 }, .seen = { true, 210 }, .unhandled = { true, 0 }, .threads_active = { true, 1 },
		  .in_progress = true, .pending = true },
		{ .irq = 24, .kva = { 0xffff888003300200 }, .hwirq = { true, 786432 }, .chip = "PCI-MSI",
		  .depth = { true, 1 }, .seen = { true, 100000 }, .unhandled = { true, 99901 },
		  .threads_active = { true, 0 }, .masked = true, .nobody_cared = true },
		{ .label = "CAL" },
	};

	r->irqs.collected = true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct irq_row *row = vec_push(&r->irqs.rows);

		if (!row)
			abort();
		*row = rows[i];
		row->counts = counts[i];
		for (size_t cpu = 0; cpu < ARRAY_SIZE(counts[i]); cpu++)
			row->total += counts[i][cpu];
	}
	if (report_section(r, "irqs", SECTION_NOT_READABLE, "1 of 3 interrupts; first: not mapped"))
		abort();
}

static void add_huge(struct report *r)
{
	struct huge_row *h = vec_push(&r->system.huge_pages);

	if (!h)
		abort();
	*h = (struct huge_row){ .size_kb = 2048, .is_default = true, .total = 8, .free = 3, .reserved = 1 };
}

static void add_zone(struct report *r, const char *name, uint64_t free)
{
	struct zone_row *z = vec_push(&r->system.zones);

	if (!z)
		abort();
	*z = (struct zone_row){ .node = 1, .free = free, .min = 100, .low = 125, .high = 150, .managed = 5000,
				.present = 6000 };
	strncpy(z->name, name, sizeof(z->name) - 1);
}

static void add_state(struct report *r)
{
	struct system *s = &r->system;

	s->uptime = (struct opt_u64){ true, 86400123456789 };
	s->realtime = (struct opt_u64){ true, 1795259020000000000 };
	s->jiffies = (struct opt_u64){ true, 4294946000 };
	s->has_load = true;
	s->load[0] = 2048;
	s->load[1] = 1024;
	s->load[2] = 100;
	s->nr_threads = (struct opt_u64){ true, 87 };
	s->nr_forks = (struct opt_u64){ true, 1000 };
	s->nr_running = (struct opt_u64){ true, 3 };
	s->nr_iowait = (struct opt_u64){ true, 0 };
	s->nr_switches = (struct opt_u64){ true, 123456 };
	s->cmdline = "console=ttyS0 evil=\x1b[2J";
	s->online = "0-1";
	s->possible = "0-2";
	add_item(r, "MemTotal", 469868);
	add_item(r, "MemFree", 400);
	add_item(r, "Active(anon)", 15456);
	add_zone(r, "DMA", 10);
	add_zone(r, "evil\x1b", 101);
	add_zone(r, "Normal", 4000);
	if (report_section(r, "system", SECTION_COMPLETE, NULL))
		abort();
}

static void set_psi(struct psi_value *v, uint64_t avg, uint64_t total)
{
	*v = (struct psi_value){ true, total, { avg, avg / 2, avg / 3 } };
}

static struct psi_row *add_psi(struct report *r, const char *path, uint64_t avg)
{
	struct psi_row *p = vec_push(&r->system.psi);

	if (!p)
		abort();
	p->path = path;
	if (path) {
		p->id = 40 + r->system.psi.nr;
		p->cgroup.v = 0xffff888007000000 + 0x1000 * r->system.psi.nr;
		set_psi(&p->full[PSI_CPU], avg / 4, 1);
	}
	set_psi(&p->some[PSI_CPU], avg, 1234567890);
	set_psi(&p->some[PSI_MEMORY], 0, 0);
	set_psi(&p->full[PSI_MEMORY], 0, 0);
	set_psi(&p->some[PSI_IO], 0, 5000000);
	set_psi(&p->full[PSI_IO], 0, 5000000);
	set_psi(&p->full[PSI_IRQ], 3, 7);
	return p;
}

static void add_pressure(struct report *r)
{
	add_psi(r, NULL, 2048);
	add_psi(r, "/quiet", 0)->leaf = true;
	add_psi(r, "/busy", 20480);
	add_psi(r, "/busy/evil\x1b", 204800)->leaf = true;
	add_psi(r, "/gone", 10)->dying = true;
	add_psi(r, "/off", 11)->disabled = true;
	for (size_t i = 0; i < 18; i++)
		add_psi(r, "/many", 1);
	if (report_section(r, "cgroup_psi", SECTION_COMPLETE, NULL))
		abort();
}

void sample_system(struct report *r)
{
	r->kernel.tainted = (struct opt_u64){ true, 640 };
	r->kernel.taint_letters = "DW";
	r->kernel.panic_known = true;
	r->kernel.panic_cpu = (struct opt_u64){ true, 3 };
	r->kernel.oops_in_progress = (struct opt_u64){ true, 1 };
	r->kernel.nr_oopses = (struct opt_u64){ true, 1 };
	r->kernel.nr_warnings = (struct opt_u64){ true, 2 };
	add_log(r);
	add_irqs(r);
	add_huge(r);
	add_stat(r, "nr_free_pages", 100);
	add_stat(r, "numa_miss", 0);
	add_stat(r, "pg\x1b""fault", 123456789);
	add_state(r);
	add_pressure(r);
	add_cpu_times(r);
	add_nodes(r);
}
