/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"
#include "report/parts.h"

/* Keys that the format wants, with a 0 that stands for nothing. */
static void write_unknown(struct json_report *w, const struct task_row *t)
{
	static const struct {
		enum task_unknown bit;
		const char *key;
	} keys[] = {
		{ TASK_TGID, "tgid" },
		{ TASK_WEIGHT, "weight" },
		{ TASK_PRIO, "prio" },
		{ TASK_STATIC_PRIO, "static_prio" },
		{ TASK_NORMAL_PRIO, "normal_prio" },
		{ TASK_RT_PRIORITY, "rt_priority" },
		{ TASK_NVCSW, "nvcsw" },
		{ TASK_NIVCSW, "nivcsw" },
		{ TASK_UTIME, "utime" },
		{ TASK_STIME, "stime" },
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		/* Without sched_ext no task has a weight. */
		if (task_knows(t, keys[i].bit) || (keys[i].bit == TASK_WEIGHT && !w->r->scx.in_kernel))
			continue;
		if (!any) {
			json_key(&w->j, "unknown");
			json_open_array(&w->j);
		}
		any = true;
		json_string(&w->j, keys[i].key);
	}
	if (any)
		json_close_array(&w->j);
}

/* What the format does not know; at the end of the row. */
static void write_extra(struct json_report *w, const struct task_row *t)
{
	struct json *j = &w->j;

	json_key_u64(j, "task_kva", t->kva.v);
	if (task_knows(t, TASK_CPU))
		json_key_u64(j, "cpu", t->cpu);
	json_key_bool(j, "running", t->running);
	json_opt_u64(j, "state", &t->state);
	json_opt_u64(j, "scx_flags", &t->scx_flags);
	json_opt_u64(j, "dsq_kva", &t->dsq_kva);
	if (t->dsq_kva.has && t->dsq_kva.v) {
		const struct dsq_row *d = index_dsq(&w->index, (struct kva){ t->dsq_kva.v });

		if (d)
			json_key_u64(j, "dsq_id", d->id);
	}
	json_opt_u64(j, "sched_kva", &t->sched_kva);
	json_opt_u64(j, "runnable_at", &t->runnable_at);

	double seconds;
	if (report_runnable_for(w->r, t, &seconds)) {
		json_key(j, "runnable_s");
		json_double(j, seconds);
	}
	json_opt_u64(j, "slice", &t->slice);
	json_opt_u64(j, "dsq_vtime", &t->vtime);
	json_opt_true(j, "unreadable", t->unreadable);
	write_unknown(w, t);
}

static void write_task(struct json_report *w, const struct task_row *t)
{
	struct json *j = &w->j;

	json_open_object(j);
	json_key_i64(j, "pid", t->pid);
	json_key_i64(j, "tgid", t->tgid);
	json_key_string(j, "comm", t->comm);
	json_opt_i32(j, "group_leader_pid", &t->group_leader_pid);
	json_opt_i32(j, "real_parent_pid", &t->real_parent_pid);
	if (t->has_parent_comm)
		json_key_string(j, "real_parent_comm", t->real_parent_comm);
	json_opt_i32(j, "pgid", &t->pgid);
	json_opt_i32(j, "sid", &t->sid);
	json_opt_i32(j, "nr_threads", &t->nr_threads);
	json_key_u64(j, "weight", t->weight);
	json_key_i64(j, "prio", t->prio);
	json_key_i64(j, "static_prio", t->static_prio);
	json_key_i64(j, "normal_prio", t->normal_prio);
	json_key_u64(j, "rt_priority", t->rt_priority);
	json_opt_string(j, "sched_class", t->sched_class);
	json_opt_u64(j, "core_cookie", &t->core_cookie);
	json_key_bool(j, "pi_boosted_out_of_scx", t->pi_boosted_out_of_scx);
	json_key_u64(j, "nvcsw", t->nvcsw);
	json_key_u64(j, "nivcsw", t->nivcsw);
	json_opt_u64(j, "signal_nvcsw", &t->signal_nvcsw);
	json_opt_u64(j, "signal_nivcsw", &t->signal_nivcsw);
	json_key_u64(j, "utime", t->utime);
	json_key_u64(j, "stime", t->stime);
	json_opt_u64(j, "signal_utime", &t->signal_utime);
	json_opt_u64(j, "signal_stime", &t->signal_stime);
	json_opt_string(j, "lock_slowpath_match", t->lock_slowpath);
	write_extra(w, t);
	json_close_object(j);
}

void json_write_tasks(struct json_report *w)
{
	const struct report *r = w->r;

	if (report_nr_tasks_shown(r)) {
		json_key(&w->j, "task_enrichments");
		json_open_array(&w->j);
		for (size_t i = 0; i < report_nr_tasks_shown(r) && !json_failed(&w->j); i++)
			write_task(w, &r->tasks.data[i]);
		json_close_array(&w->j);
	}
	json_opt_string(&w->j, "task_enrichments_unavailable", r->tasks_unavailable);
}
