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
	add_cpu_times(r);
	add_nodes(r);
}
