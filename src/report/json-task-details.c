/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fdgdb.tasks: what task_enrichments has no keys for, a row for each of its rows. */
#include "config.h"

#include "report/json-parts.h"
#include "report/json-value.h"
#include "report/task-names.h"

static void opt_bool(struct json *j, const char *key, const struct opt_u64 *v)
{
	if (v->has)
		json_key_bool(j, key, v->v != 0);
}

static void seconds(struct json *j, const char *key, const struct opt_u64 *ns)
{
	if (!ns->has)
		return;
	json_key(j, key);
	json_double(j, (double)ns->v / 1e9);
}

static void write_state(struct json *j, const struct task_row *t)
{
	const struct task_extra *x = &t->x;
	char letter[2] = { x->state_letter, 0 };

	if (x->state_letter) {
		json_key_string(j, "state", letter);
		json_opt_string(j, "state_name", task_state_name(x->state_letter));
	}
	json_opt_u64(j, "exit_state", &x->exit_state);
	json_opt_u64(j, "exit_code", &x->exit_code);
	json_opt_true(j, "unlisted", x->unlisted);
	json_opt_true(j, "idle_task", x->idle);
	opt_bool(j, "on_cpu", &x->on_cpu);
	json_opt_u64(j, "on_rq", &x->on_rq);
	opt_bool(j, "in_iowait", &x->in_iowait);
}

static void write_flags(struct json_report *w, const struct task_extra *x)
{
	struct strbuf names = { 0 };

	if (!x->flags.has)
		return;
	json_key_u64(&w->j, "flags", x->flags.v);
	task_flag_names(&names, x->flags.v);
	json_key_string(&w->j, "flag_names", strbuf_str(&names));
	strbuf_deinit(&names);
}

static void write_times(struct json_report *w, const struct task_row *t)
{
	const struct task_extra *x = &t->x;
	struct json *j = &w->j;
	double blocked;

	json_opt_u64(j, "start_time", &x->start_time);
	json_opt_u64(j, "start_boottime", &x->start_boottime);
	json_opt_u64(j, "sum_exec_runtime", &x->sum_exec_runtime);
	json_opt_u64(j, "run_count", &x->pcount);
	json_opt_u64(j, "run_delay", &x->run_delay);
	json_opt_u64(j, "last_arrival", &x->last_arrival);
	json_opt_u64(j, "last_queued", &x->last_queued);
	seconds(j, "last_ran_s", &x->last_ran);
	seconds(j, "waiting_s", &x->waiting);
	task_rank(w->r, t, &blocked);
	if (x->state_letter == 'D' && blocked >= 0) {
		json_key(j, "blocked_s");
		json_double(j, blocked);
	}
}

static void write_scx(struct json_report *w, const struct task_row *t)
{
	const struct task_extra *x = &t->x;
	struct json *j = &w->j;
	double share;

	if (!t->scx_flags.has)
		return;
	json_key(j, "scx");
	json_open_object(j);
	json_opt_string(j, "flag_names", x->scx_flag_names);
	json_opt_string(j, "state", x->scx_state);
	json_opt_u64(j, "ops_state", &x->ops_state);
	json_opt_string(j, "ops_state_name", x->ops_state_name);
	json_opt_u64(j, "ddsp_dsq_id", &x->ddsp_dsq_id);
	if (x->transit) {
		json_key_string(j, "in_transit", x->transit == TRANSIT_BUFFERED ? "dispatch buffer" : "deferred");
		json_key_u64(j, "to_dsq_id", x->transit_dsq);
	}
	json_opt_i32(j, "sticky_cpu", &x->sticky_cpu);
	json_opt_i32(j, "holding_cpu", &x->holding_cpu);
	if (task_watchdog_share(w->r, t, &share)) {
		json_key(j, "watchdog_share");
		json_double(j, share);
	}
	json_close_object(j);
}

static struct err *write_storage(struct json_report *w, const struct task_extra *x)
{
	struct json *j = &w->j;

	if (!x->nr_storage)
		return NULL;
	json_key(j, "storage");
	json_open_array(j);
	for (size_t i = 0; i < x->nr_storage; i++) {
		const struct map_row *m = &w->r->maps.data[x->storage[i].map];
		const uint8_t *data = x->storage[i].value;
		struct value *v;

		json_open_object(j);
		json_key_u64(j, "map_id", m->id);
		json_key_string(j, "map_name", m->name);
		json_opt_true(j, "value_unreadable", !data);
		if (data && render_has_value_type(m)) {
			TRY(render_value(&w->render, m, data, &v));
			json_key(j, "value");
			json_value(j, v);
			render_reset(&w->render);
		} else if (data) {
			json_key(j, "value_hex");
			json_hex(j, data, m->value_size);
		}
		if (x->storage[i].payload) {
			TRY(render_payload(&w->render, m, x->storage[i].payload, &v));
			json_key(j, "payload");
			json_value(j, v);
			render_reset(&w->render);
		}
		json_close_object(j);
	}
	json_close_array(j);
	return NULL;
}

static struct err *write_task(struct json_report *w, const struct task_row *t)
{
	const struct task_extra *x = &t->x;
	struct json *j = &w->j;
	const char *policy = x->policy.has ? task_policy_name(x->policy.v) : NULL;
	int nice;

	json_open_object(j);
	json_key_u64(j, "task_kva", t->kva.v);
	json_key_i64(j, "pid", t->pid);
	json_key_string(j, "comm", t->comm);
	write_state(j, t);
	json_opt_i32(j, "policy", &x->policy);
	json_opt_string(j, "policy_name", policy);
	if (task_nice(t, &nice))
		json_key_i64(j, "nice", nice);
	json_opt_string(j, "cpus_allowed", x->cpus_allowed);
	write_flags(w, x);
	write_times(w, t);
	json_opt_u64(j, "mm", &x->mm);
	json_opt_u64(j, "stack", &x->stack);
	json_opt_u64(j, "stack_end", &x->stack_end);
	json_opt_string(j, "cgroup", x->cgroup);
	if (x->cgroup_id)
		json_key_u64(j, "cgroup_id", x->cgroup_id);
	json_opt_string(j, "lock_slowpath", x->lock_symbol);
	json_opt_string(j, "wchan", task_wchan(w->r, t));
	write_scx(w, t);
	TRY(write_storage(w, x));
	json_close_object(j);
	return NULL;
}

struct err *json_write_task_details(struct json_report *w)
{
	const struct report *r = w->r;

	if (!report_nr_tasks_shown(r))
		return NULL;
	json_key(&w->j, "tasks");
	json_open_array(&w->j);
	for (size_t i = 0; i < report_nr_tasks_shown(r) && !json_failed(&w->j); i++)
		TRY(write_task(w, &r->tasks.data[i]));
	json_close_array(&w->j);
	return NULL;
}
