/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"
#include "report/parts.h"

static void write_cpu_time(struct json *j, const struct cpu_time_row *c)
{
	static const char *const keys[] = {
		[TIME_USER] = "cpustat_user_ns",     [TIME_NICE] = "cpustat_nice_ns",
		[TIME_SYSTEM] = "cpustat_system_ns", [TIME_SOFTIRQ] = "cpustat_softirq_ns",
		[TIME_IRQ] = "cpustat_irq_ns",	     [TIME_IDLE] = "cpustat_idle_ns",
		[TIME_IOWAIT] = "cpustat_iowait_ns", [TIME_STEAL] = "cpustat_steal_ns",
	};

	json_open_object(j);
	json_key_u64(j, "cpu", c->cpu);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_key_u64(j, keys[i], c->ns[i]);
	json_key(j, "softirqs");
	json_open_flat_array(j);
	for (size_t i = 0; i < NR_SOFTIRQS; i++)
		json_u64(j, c->softirqs[i]);
	json_close_array(j);
	json_key_u64(j, "irqs_sum", c->irqs);
	json_opt_u64(j, "iowait_sleeptime_ns", &c->iowait_sleeptime);
	/* Ours. */
	json_opt_true(j, "offline", c->offline);
	json_key_u64(j, "cpustat_guest_ns", c->ns[TIME_GUEST]);
	json_key_u64(j, "cpustat_guest_nice_ns", c->ns[TIME_GUEST_NICE]);
	json_opt_u64(j, "idle_sleeptime_ns", &c->idle_sleeptime);
	json_opt_u64(j, "idle_since_ns", &c->idle_since);
	json_opt_u64(j, "idle_for_ns", &c->idle_for);
	json_close_object(j);
}

static void write_cpu_times(struct json_report *w)
{
	const struct system *s = &w->r->system;

	if (!s->cpu_times.nr)
		return;
	json_key(&w->j, "per_cpu_time");
	json_open_array(&w->j);
	for (size_t i = 0; i < s->cpu_times.nr; i++)
		write_cpu_time(&w->j, &s->cpu_times.data[i]);
	json_close_array(&w->j);
}

static void write_node(struct json *j, const struct numa_row *n)
{
	static const char *const keys[NR_NUMA_EVENTS] = { "numa_hit",		 "numa_miss",  "numa_foreign",
							  "numa_interleave_hit", "numa_local", "numa_other" };

	json_open_object(j);
	json_key_u64(j, "node", n->node);
	for (size_t i = 0; i < NR_NUMA_EVENTS; i++)
		json_key_u64(j, keys[i], n->events[i]);
	json_key(j, "not_folded"); /* ours */
	json_open_object(j);
	for (size_t i = 0; i < NR_NUMA_EVENTS; i++)
		json_key_u64(j, keys[i], n->deltas[i]);
	json_close_object(j);
	json_close_object(j);
}

static void write_numa(struct json_report *w)
{
	const struct system *s = &w->r->system;

	if (s->numa.nr) {
		json_key(&w->j, "per_node_numa");
		json_open_array(&w->j);
		for (size_t i = 0; i < s->numa.nr; i++)
			write_node(&w->j, &s->numa.data[i]);
		json_close_array(&w->j);
	}
	/* Also if the walk ended before it came to this. */
	const struct section *section = report_find_section(w->r, "per_node_numa");
	const char *why = s->numa_unavailable;
	if (!why && !s->numa.nr && section && section->status == SECTION_NOT_READABLE)
		why = numa_unavailable;
	json_opt_string(&w->j, "per_node_numa_unavailable", why);
}

static void write_value(struct json *j, const char *key, const struct psi_value *v)
{
	static const char *const keys[] = { "avg10", "avg60", "avg300" };

	if (!v->has)
		return;
	json_key(j, key);
	json_open_object(j);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_key(j, keys[i]);
		json_double(j, fixed_point(v->avg[i]));
	}
	json_key_u64(j, "total_ns", v->total);
	json_close_object(j);
}

static void write_pressure(struct json *j, const struct psi_row *p)
{
	static const char *const keys[NR_PSI] = { "cpu", "memory", "io", "irq" };

	for (size_t i = 0; i < NR_PSI; i++) {
		if (!p->some[i].has && !p->full[i].has)
			continue;
		json_key(j, keys[i]);
		json_open_object(j);
		write_value(j, "some", &p->some[i]);
		write_value(j, "full", &p->full[i]);
		json_close_object(j);
	}
}

/* The format has cgroups without children, and of them the pressure by interrupts. */
static void write_cgroup_psi(struct json_report *w)
{
	const struct system *s = &w->r->system;
	struct json *j = &w->j;
	bool any = false;

	for (size_t i = 0; i < s->psi.nr; i++) {
		const struct psi_row *p = &s->psi.data[i];

		if (!p->cgroup.v || !p->leaf || !p->full[PSI_IRQ].has)
			continue;
		if (!any) {
			json_key(j, "cgroup_psi");
			json_open_array(j);
		}
		any = true;
		json_open_object(j);
		json_key_u64(j, "cgroup_kva", p->cgroup.v);
		json_key_u64(j, "total_ns", p->full[PSI_IRQ].total);
		json_key_u64(j, "avg10_raw", p->full[PSI_IRQ].avg[0]);
		json_close_object(j);
	}
	if (any)
		json_close_array(j);
}

static void write_psi_cgroup(struct json *j, const struct psi_row *p)
{
	json_open_object(j);
	json_key_u64(j, "cgroup_kva", p->cgroup.v);
	json_key_u64(j, "cgroup_id", p->id);
	json_opt_string(j, "path", p->path);
	json_opt_true(j, "leaf", p->leaf);
	json_opt_true(j, "dying", p->dying);
	json_opt_true(j, "disabled", p->disabled);
	write_pressure(j, p);
	json_close_object(j);
}

static void write_psi(struct json_report *w)
{
	const struct system *s = &w->r->system;
	struct json *j = &w->j;

	if (!s->psi.nr)
		return;
	json_key(j, "psi");
	json_open_object(j);
	json_key(j, "system");
	json_open_object(j);
	write_pressure(j, &s->psi.data[0]);
	json_close_object(j);
	json_key(j, "cgroups");
	json_open_array(j);
	for (size_t i = 1; i < s->psi.nr; i++)
		write_psi_cgroup(j, &s->psi.data[i]);
	json_close_array(j);
	json_close_object(j);
}

static void write_meminfo(struct json *j, const struct system *s)
{
	if (!s->meminfo.nr)
		return;
	json_key(j, "meminfo_kb");
	json_open_object(j);
	for (size_t i = 0; i < s->meminfo.nr; i++)
		json_key_u64(j, s->meminfo.data[i].name, s->meminfo.data[i].kb);
	json_close_object(j);
}

static void write_vmstat(struct json *j, const struct system *s)
{
	if (!s->vmstat.nr)
		return;
	json_key(j, "vmstat");
	json_open_object(j);
	for (size_t i = 0; i < s->vmstat.nr; i++)
		json_key_u64(j, s->vmstat.data[i].name, s->vmstat.data[i].v);
	json_close_object(j);
}

static void write_huge_pages(struct json *j, const struct system *s)
{
	if (!s->huge_pages.nr)
		return;
	json_key(j, "huge_pages");
	json_open_array(j);
	for (size_t i = 0; i < s->huge_pages.nr; i++) {
		const struct huge_row *h = &s->huge_pages.data[i];

		json_open_object(j);
		json_key_u64(j, "size_kb", h->size_kb);
		json_key_u64(j, "total", h->total);
		json_key_u64(j, "free", h->free);
		json_key_u64(j, "reserved", h->reserved);
		json_key_u64(j, "surplus", h->surplus);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_zones(struct json *j, const struct system *s)
{
	if (!s->zones.nr)
		return;
	json_key(j, "zones");
	json_open_array(j);
	for (size_t i = 0; i < s->zones.nr; i++) {
		const struct zone_row *z = &s->zones.data[i];

		json_open_object(j);
		json_key_u64(j, "node", z->node);
		json_key_string(j, "name", z->name);
		json_key_u64(j, "free", z->free);
		json_key_u64(j, "min", z->min);
		json_key_u64(j, "low", z->low);
		json_key_u64(j, "high", z->high);
		json_key_u64(j, "managed", z->managed);
		json_key_u64(j, "present", z->present);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_system(struct json_report *w)
{
	const struct system *s = &w->r->system;
	const struct section *section = report_find_section(w->r, "system");
	struct json *j = &w->j;

	if (!section || section->status == SECTION_NOT_ASKED)
		return;
	json_key(j, "system");
	json_open_object(j);
	json_opt_u64(j, "uptime_ns", &s->uptime);
	json_opt_u64(j, "realtime_ns", &s->realtime);
	json_opt_u64(j, "jiffies", &s->jiffies);
	if (s->has_load) {
		json_key(j, "load");
		json_open_flat_array(j);
		for (size_t i = 0; i < ARRAY_SIZE(s->load); i++)
			json_double(j, fixed_point(s->load[i]));
		json_close_array(j);
	}
	json_opt_u64(j, "nr_threads", &s->nr_threads);
	json_opt_u64(j, "nr_running", &s->nr_running);
	json_opt_u64(j, "nr_iowait", &s->nr_iowait);
	json_opt_u64(j, "nr_switches", &s->nr_switches);
	json_opt_u64(j, "nr_forks", &s->nr_forks);
	json_opt_string(j, "cmdline", s->cmdline);
	json_opt_string(j, "cpus_online", s->online);
	json_opt_string(j, "cpus_possible", s->possible);
	write_meminfo(j, s);
	write_huge_pages(j, s);
	write_vmstat(j, s);
	write_zones(j, s);
	json_close_object(j);
}

void json_write_fdgdb_system(struct json_report *w)
{
	write_system(w);
	write_psi(w);
}

void json_write_system(struct json_report *w)
{
	write_cpu_times(w);
	write_cgroup_psi(w);
	write_numa(w);
}
