/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the JSON report among themselves; for others there is json-report.h. */
#ifndef FDGDB_JSON_PARTS_H
#define FDGDB_JSON_PARTS_H

#include "report/index.h"
#include "report/json-report.h"
#include "report/json.h"
#include "report/render.h"

struct json_report {
	const struct report *r;
	const struct json_opts *opts;
	struct index index;
	struct render render;
	uint64_t arena_pages;	   /* readable pages of all arenas */
	uint64_t arena_pages_left; /* whose bytes may still be written */
	struct json j;
};

/* Each writes its keys into the open top-level object; an error is a lack of memory, or a fault while
 * rendering. */
struct err *json_write_maps(struct json_report *w) MUST_CHECK;
/* What a map is, without its contents, into an open object. */
void json_map_head(struct json *j, const struct map_row *m);
/* The one entry that is left of a map, into an open object. */
struct err *json_the_entry(struct json_report *w, const struct map_row *m) MUST_CHECK;
void json_write_tasks(struct json_report *w);
/* "tasks" into the open "fdgdb". */
struct err *json_write_task_details(struct json_report *w) MUST_CHECK;
void json_write_scx(struct json_report *w);
/* event_counter_timeline. */
void json_write_event_sample(struct json_report *w);
/* Tasks that the scheduler holds, into the open "scx" of "fdgdb". */
struct err *json_write_held(struct json_report *w) MUST_CHECK;
/* in_transit, into the open "scx" of "fdgdb". */
void json_write_transit(struct json_report *w);
/* All schedulers, into the open "scx" of "fdgdb". */
void json_write_scheds(struct json_report *w);
void json_write_log_exits(struct json_report *w);
/* Queues that the format has no origin for, into the open "scx" of "fdgdb". */
void json_write_other_dsqs(struct json_report *w);
/* sdt_allocations, scx_static_ranges and why there are none. */
struct err *json_write_arena(struct json_report *w) MUST_CHECK;
/* arena_objects and task_objects, into the open "fdgdb". */
struct err *json_write_objects(struct json_report *w) MUST_CHECK;
void json_write_prog_stats(struct json_report *w);
/* progs, links and btfs, into the open "fdgdb". */
void json_write_progs(struct json_report *w);
/* modules, into the open "fdgdb". */
void json_write_modules(struct json_report *w);
/* detectors, cpus, rcu, worker_pools, into the open "fdgdb". */
void json_write_cpus(struct json_report *w);
/* waits, into the open "fdgdb". */
void json_write_waits(struct json_report *w);
/* findings and not_examined, into the open "fdgdb". */
void json_write_findings(struct json_report *w);
/* per_cpu_time, per_node_numa and cgroup_psi, in the order of the format. */
void json_write_system(struct json_report *w);
/* system and psi, into the open "fdgdb". */
void json_write_fdgdb_system(struct json_report *w);
/* "log", into the open "fdgdb". */
void json_write_irqs(struct json_report *w);
void json_write_log(struct json_report *w);
/* stacks, into the same. */
void json_write_stacks(struct json_report *w);
struct err *json_write_fdgdb(struct json_report *w) MUST_CHECK;
/* The part of it that a view has: versions, target, kernel, capture. */
void json_write_short_fdgdb(struct json_report *w);

/* An object of the facts. */
void json_facts(struct json *j, const struct facts *facts);
/* The same into an open one. */
void json_facts_members(struct json *j, const struct facts *facts);

/* Bodies of maps other than entries: a value each, after its key. */
void json_ringbuf(struct json *j, const struct ringbuf_body *b);
void json_stacks(struct json *j, const struct stacks_body *b);
void json_bloom(struct json *j, const struct bloom_body *b);
void json_owner(struct json *j, const struct map_owner *o);

/* Whose scheduler's something is; nothing if it is no scheduler's. */
void json_sched_of(struct json *j, const struct active_sched *s);
/* "active": enabled schedulers and their BPF objects, into the open "fdgdb". */
void json_write_active(struct json_report *w);

/* Address arrays, on one line. */
void json_kvas(struct json *j, const struct kva *kvas, size_t nr);

static inline void json_opt_u64(struct json *j, const char *key, const struct opt_u64 *v)
{
	if (v->has)
		json_key_u64(j, key, v->v);
}

static inline void json_opt_i32(struct json *j, const char *key, const struct opt_i32 *v)
{
	if (v->has)
		json_key_i64(j, key, v->v);
}

#endif
