/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clocks, load, threads, command line. */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/clock.h"
#include "walk/meminfo.h"

enum { CMDLINE_MAX = 16384 };

static struct err *note(struct walk *w, struct err *e)
{
	if (!e || walk_is_fatal(e))
		return e;
	struct err *failed = report_section(w->r, "system",
					    e->code == ERR_MISSING ? SECTION_NOT_IMPLEMENTED :
					    e->code == ERR_CORRUPT ? SECTION_IMPLAUSIBLE :
								     SECTION_NOT_READABLE,
					    "%s", e->msg);
	err_free(e);
	return failed;
}

/* Variables that this kernel may lack. */
static const struct {
	const char *name;
	size_t size;
} variables[] = {
	{ "jiffies_64", 8 }, { "avenrun", 24 },	     { "nr_threads", 4 },
	{ "total_forks", 8 }, { "saved_command_line", 8 },
};

/* Where all of it begins, in one batch: the variables, and those that clock.c, zones.c and meminfo.c read. */
static void fetch(struct kernel *k)
{
	static const struct {
		const char *name;
		size_t size;
	} others[] = {
		{ "tk_core", 512 },	      { "timekeeper_data", 512 },   { "node_data", 64 },
		{ "node_states", 512 },	      { "nr_node_ids", 4 },	    { "vm_zone_stat", 128 },
		{ "vm_node_stat", 1024 },     { "_totalram_pages", 8 },     { "totalreserve_pages", 8 },
		{ "total_swap_pages", 8 },    { "nr_swap_pages", 8 },	    { "blockdev_superblock", 8 },
	};
	struct krange ranges[ARRAY_SIZE(variables) + ARRAY_SIZE(others)];
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		bool own = i < ARRAY_SIZE(variables);
		size_t other = i - ARRAY_SIZE(variables);
		struct err *e = ksym(k, own ? variables[i].name : others[other].name, &ranges[nr].addr);

		ranges[nr].len = own ? variables[i].size : others[other].size;
		nr += !e;
		err_ignore(e);
	}
	kprefetch(k, ranges, nr);
}

static struct err *read_var(struct walk *w, size_t i, void *buf, bool *there)
{
	struct kva at;

	*there = khas_sym(w->k, variables[i].name);
	if (!*there)
		return NULL;
	TRY(ksym(w->k, variables[i].name, &at));
	struct err *e = err_prefix(kread(w->k, at, buf, variables[i].size), "%s", variables[i].name);
	*there = !e;
	return note(w, e);
}

static struct err *read_number(struct walk *w, size_t i, struct opt_u64 *ret)
{
	uint8_t raw[8];

	TRY(read_var(w, i, raw, &ret->has));
	if (ret->has)
		ret->v = get_le(raw, variables[i].size);
	return NULL;
}

static struct err *read_cmdline(struct walk *w)
{
	uint8_t raw[8];
	bool there;
	_cleanup_free_ char *buf = malloc(CMDLINE_MAX);

	if (!buf)
		return &err_nomem;
	TRY(read_var(w, 4, raw, &there));
	if (!there)
		return NULL;
	struct err *e = kread_str(w->k, (struct kva){ get_le64(raw) }, buf, CMDLINE_MAX);
	if (e)
		return note(w, err_prefix(e, "the command line"));
	w->r->system.cmdline = pool_strndup(&w->r->pool, buf, CMDLINE_MAX);
	return w->r->system.cmdline ? NULL : &err_nomem;
}

static struct err *read_variables(struct walk *w)
{
	struct system *s = &w->r->system;
	uint8_t load[24];

	fetch(w->k);
	TRY(read_number(w, 0, &s->jiffies));
	TRY(read_var(w, 1, load, &s->has_load));
	for (size_t i = 0; s->has_load && i < ARRAY_SIZE(s->load); i++)
		s->load[i] = get_le64(load + 8 * i);
	TRY(read_number(w, 2, &s->nr_threads));
	TRY(read_number(w, 3, &s->nr_forks));
	return read_cmdline(w);
}

/* ---- CPUs */

struct rq_layout {
	struct member nr_running, nr_switches, nr_iowait;
};

static const struct layout_member rq_members[] = {
	LAYOUT(struct rq_layout, nr_running, "rq", "nr_running"),
	LAYOUT(struct rq_layout, nr_switches, "rq", "nr_switches"),
	LAYOUT(struct rq_layout, nr_iowait, "rq", "nr_iowait.counter"),
};

struct rqs {
	struct walk *w;
	struct rq_layout l;
	uint64_t (*v)[3];
	struct err *e;
};

static struct err *read_rq(struct rqs *r, uint32_t cpu)
{
	const struct member *const members[] = { &r->l.nr_running, &r->l.nr_switches, &r->l.nr_iowait };
	struct krange ranges[ARRAY_SIZE(members)];
	struct kva rq;

	TRY(kpercpu_sym(r->w->k, "runqueues", cpu, &rq));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		ranges[i] = (struct krange){ kmember(rq, members[i]), members[i]->size };
	kprefetch(r->w->k, ranges, ARRAY_SIZE(ranges));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		TRY(err_prefix(kget(r->w->k, rq, members[i], &r->v[cpu][i]), "run queue of CPU %" PRIu32, cpu));
	return NULL;
}

static void read_one(void *ctx, size_t cpu)
{
	struct rqs *r = ctx;
	struct err *e = r->w->k->possible[cpu] && !r->e ? read_rq(r, (uint32_t)cpu) : NULL;

	if (e && !r->e)
		r->e = e;
	else
		err_free(e);
}

static struct err *read_rqs(struct walk *w)
{
	const struct kernel *k = w->k;
	struct rqs r = { .w = w };
	struct missing missing = { 0 };
	struct system *s = &w->r->system;
	struct err *e = klayout(k, rq_members, ARRAY_SIZE(rq_members), &r.l, &missing);

	if (!e && missing.nr)
		e = err_new(ERR_MISSING, "not in this kernel's types: %s", missing.names[0]);
	missing_deinit(&missing);
	TRY(note(w, e));
	if (!r.l.nr_running.present || !r.l.nr_switches.present || !r.l.nr_iowait.present)
		return NULL;
	r.v = calloc(k->nr_cpu_ids + 1, sizeof(*r.v));
	if (!r.v)
		return &err_nomem;
	mem_each(k->mem, k->nr_cpu_ids, read_one, &r);
	bool ok = !r.e;
	e = note(w, r.e);
	s->nr_running.has = s->nr_switches.has = s->nr_iowait.has = ok && !e;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++) {
		s->nr_switches.v += r.v[cpu][1];
		if (!k->online[cpu])
			continue;
		s->nr_running.v += r.v[cpu][0];
		s->nr_iowait.v += r.v[cpu][2];
	}
	free(r.v);
	return e;
}

struct err *walk_system(struct walk *w)
{
	const struct kernel *k = w->k;
	struct system *s = &w->r->system;
	struct kclocks clocks;

	TRY(report_section(w->r, "system", SECTION_COMPLETE, NULL));
	TRY(read_variables(w));
	struct err *e = kclocks_read(w->k, &clocks);
	if (!e) {
		s->uptime = (struct opt_u64){ true, clocks.boot };
		s->realtime = (struct opt_u64){ true, clocks.real };
	}
	TRY(note(w, e));
	if (k->cpus_why)
		return report_section(w->r, "system", SECTION_NOT_READABLE, "no CPUs: %s", k->cpus_why);
	s->online = walk_cpu_list(&w->r->pool, k->online, k->nr_cpu_ids);
	s->possible = walk_cpu_list(&w->r->pool, k->possible, k->nr_cpu_ids);
	if (!s->online || !s->possible)
		return &err_nomem;
	TRY(read_rqs(w));
	return meminfo_read(w);
}
