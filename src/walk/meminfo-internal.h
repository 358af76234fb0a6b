/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about memory share: meminfo.c, meminfo-other.c, vmstat.c. */
#ifndef FDGDB_MEMINFO_INTERNAL_H
#define FDGDB_MEMINFO_INTERNAL_H

#include "walk/meminfo.h"
#include "walk/zones.h"

enum {
	ITEMS_MAX = 512, /* of a table of counters; some 70 are in use */
	PAGE_KB = 4,
};

/* vm_zone_stat or vm_node_stat. */
struct counters {
	const char *enum_name;
	uint64_t v[ITEMS_MAX];
	size_t nr;
};

struct meminfo {
	struct walk *w;
	struct kernel *k;
	struct zones *z;
	struct counters zone, node;
	struct opt_u64 buffers, low; /* pages: of block devices; sum of low watermarks */
};

/* Keeps the fatal ones; the others cost a part of the section. */
struct err *meminfo_note(struct meminfo *m, struct err *e) MUST_CHECK;

/* By the name of its enumerator; none: this kernel has no such counter. */
struct opt_u64 meminfo_counter(const struct meminfo *m, const struct counters *c, const char *name);

/* An unsigned long; none: this kernel has no such variable. Nothing once there is an error. */
struct opt_u64 meminfo_variable(struct meminfo *m, const char *name, struct err **e);

/* A line, if there is such a number, in units of so many kB. */
struct err *meminfo_add(struct meminfo *m, const char *name, struct opt_u64 v, unsigned int kb) MUST_CHECK;

/* The lines after the page tables: what is neither of zones nor of nodes. Pages. */
struct err *meminfo_add_others(struct meminfo *m, struct opt_u64 total, struct opt_u64 swap) MUST_CHECK;

/* report.system.vmstat, from the counters and the events of CPUs. */
struct err *vmstat_read(struct meminfo *m) MUST_CHECK;

#endif
