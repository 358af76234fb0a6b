/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Schedulers: all that is known of each, why it ended, its event counters. */
#include "config.h"

#include "report/json-parts.h"
#include "report/parts.h"

static void write_backtrace(struct json *j, const struct scx_exit_row *x)
{
	if (!x->nr_bt)
		return;
	json_key(j, "backtrace");
	json_open_array(j);
	for (size_t i = 0; i < x->nr_bt; i++) {
		json_open_object(j);
		json_key_u64(j, "addr", x->bt[i]);
		json_opt_string(j, "symbol", x->symbols ? x->symbols[i] : NULL);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_exit(struct json *j, const struct scx_exit_row *x)
{
	if (!x->has)
		return;
	json_key(j, "exit");
	json_open_object(j);
	json_key_u64(j, "info_kva", x->kva.v);
	json_key_u64(j, "kind", x->kind);
	json_opt_string(j, "kind_name", x->kind_name);
	if (x->code.has)
		json_key_i64(j, "code", (int64_t)x->code.v);
	json_opt_string(j, "code_names", x->code_names);
	json_opt_u64(j, "flags", &x->flags);
	json_opt_string(j, "flag_names", x->flag_names);
	if (x->has_cpu)
		json_key_i64(j, "cpu", x->cpu);
	json_opt_string(j, "reason", x->reason);
	json_opt_string(j, "msg", x->msg);
	write_backtrace(j, x);
	json_opt_string(j, "dump", x->dump);
	json_opt_true(j, "dump_truncated", x->dump_cut);
	json_opt_string(j, "unreadable", x->why);
	json_close_object(j);
}

static void write_counts(struct json *j, const struct scx_events *ev, const int64_t *counts)
{
	json_open_object(j);
	for (size_t i = 0; i < ev->nr; i++)
		json_key_i64(j, ev->names[i], counts[i]);
	json_close_object(j);
}

static void write_events(struct json *j, const struct scx_events *ev)
{
	if (!ev->nr_cpus)
		return;
	json_key(j, "events");
	json_open_object(j);
	json_key(j, "sum");
	write_counts(j, ev, ev->sums);
	json_key(j, "per_cpu");
	json_open_array(j);
	for (size_t i = 0; i < ev->nr_cpus; i++) {
		json_open_object(j);
		json_key_u64(j, "cpu", ev->cpus[i]);
		json_key(j, "counts");
		write_counts(j, ev, ev->counts + i * ev->nr);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_sched(struct json *j, const struct scx_sched_row *s)
{
	json_open_object(j);
	json_key_string(j, "role", scx_role_text(s->role));
	if (s->kva.v)
		json_key_u64(j, "sched_kva", s->kva.v);
	json_opt_u64(j, "id", &s->id);
	json_opt_u64(j, "level", &s->level);
	if (s->parent.v)
		json_key_u64(j, "parent_kva", s->parent.v);
	json_opt_string(j, "cgroup_path", s->cgroup_path);
	if (s->has_ops_name)
		json_key_string(j, "ops_name", s->ops_name);
	json_opt_u64(j, "ops_flags", &s->ops_flags);
	json_opt_string(j, "ops_flag_names", s->ops_flag_names);
	json_opt_u64(j, "timeout_ms", &s->timeout_ms);
	json_opt_u64(j, "watchdog_timeout", &s->watchdog_timeout);
	if (s->has_exit_kind)
		json_key_u64(j, "exit_kind", s->exit_kind);
	json_opt_string(j, "exit_kind_name", s->exit_kind_name);
	if (s->has_aborting)
		json_key_bool(j, "aborting", s->aborting);
	if (s->has_bypass_depth)
		json_key_i64(j, "bypass_depth", s->bypass_depth);
	write_exit(j, &s->exit);
	write_events(j, &s->events);
	json_close_object(j);
}

void json_write_scheds(struct json_report *w)
{
	const struct scx_state *scx = &w->r->scx;
	struct json *j = &w->j;

	if (!scx->has_sched && !scx->others.nr)
		return;
	json_key(j, "schedulers");
	json_open_array(j);
	if (scx->has_sched)
		write_sched(j, &scx->sched);
	for (size_t i = 0; i < scx->others.nr; i++)
		write_sched(j, &scx->others.data[i]);
	json_close_array(j);
}

void json_write_log_exits(struct json_report *w)
{
	const struct scx_state *scx = &w->r->scx;
	struct json *j = &w->j;

	if (!scx->log_exits.nr)
		return;
	json_key(j, "log_exits");
	json_open_array(j);
	for (size_t i = 0; i < scx->log_exits.nr; i++) {
		const struct scx_log_exit *x = &scx->log_exits.data[i];

		json_open_object(j);
		json_key_u64(j, "seq", w->r->log.records[x->record].seq);
		json_key_u64(j, "ts_ns", x->ts_nsec);
		json_opt_true(j, "sub_scheduler", x->sub);
		json_key_string(j, "ops_name", x->name);
		json_key_bool(j, "error", x->error);
		json_key_string(j, "reason", x->reason);
		json_opt_string(j, "msg", x->msg);
		if (x->nr_frames) {
			json_key(j, "backtrace");
			json_open_array(j);
			for (size_t f = 0; f < x->nr_frames; f++)
				json_string(j, x->frames[f]);
			json_close_array(j);
		}
		json_opt_true(j, "recorded", x->recorded);
		json_close_object(j);
	}
	json_close_array(j);
}

void json_write_event_sample(struct json_report *w)
{
	/* The format's keys, and the kernel's names of which one has changed. */
	static const struct {
		const char *key, *names[2];
	} counters[] = {
		{ "select_cpu_fallback", { "SELECT_CPU_FALLBACK" } },
		{ "dispatch_local_dsq_offline", { "DISPATCH_LOCAL_DSQ_OFFLINE" } },
		{ "dispatch_keep_last", { "DISPATCH_KEEP_LAST" } },
		{ "enq_skip_exiting", { "ENQ_SKIP_EXITING" } },
		{ "enq_skip_migration_disabled", { "ENQ_SKIP_MIGRATION_DISABLED" } },
		{ "reenq_immed", { "REENQ_IMMED" } },
		{ "reenq_local_repeat", { "REENQ_LOCAL_REPEAT", "REENQ_REPEAT" } }, /* to 7.2, 7.3 */
		{ "refill_slice_dfl", { "REFILL_SLICE_DFL", "ENQ_SLICE_DFL" } },	/* 6.16, to 6.15 */
		{ "bypass_duration", { "BYPASS_DURATION" } },
		{ "bypass_dispatch", { "BYPASS_DISPATCH" } },
		{ "bypass_activate", { "BYPASS_ACTIVATE" } },
		{ "insert_not_owned", { "INSERT_NOT_OWNED" } },
		{ "sub_bypass_dispatch", { "SUB_BYPASS_DISPATCH" } },
	};
	const struct scx_events *ev = &w->r->scx.sched.events;
	struct json *j = &w->j;

	if (!w->r->scx.has_sched || !ev->nr_cpus)
		return;
	json_key(j, "event_counter_timeline");
	json_open_array(j);
	json_open_object(j);
	json_key_u64(j, "elapsed_ms", 0);
	for (size_t c = 0; c < ARRAY_SIZE(counters); c++) {
		int64_t v = 0;

		for (size_t i = 0; i < ev->nr; i++) {
			for (size_t n = 0; n < 2 && counters[c].names[n]; n++) {
				if (!strcmp(ev->names[i], counters[c].names[n]))
					v = ev->sums[i];
			}
		}
		json_key_i64(j, counters[c].key, v);
	}
	json_close_object(j);
	json_close_array(j);
}
