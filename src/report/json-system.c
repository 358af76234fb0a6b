/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"

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
	json_opt_string(&w->j, "per_node_numa_unavailable", s->numa_unavailable);
}

void json_write_system(struct json_report *w)
{
	write_cpu_times(w);
	write_numa(w);
}
