/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"

static void write_detectors(struct json *j, const struct detectors *d)
{
	json_key(j, "detectors");
	json_open_object(j);
	json_opt_u64(j, "monotonic_ns", &d->monotonic);
	json_opt_u64(j, "jiffies", &d->jiffies);
	json_opt_u64(j, "watchdog_thresh_s", &d->watchdog_thresh);
	json_opt_u64(j, "watchdog_enabled", &d->watchdog_enabled);
	json_opt_u64(j, "hung_task_timeout_s", &d->hung_task_timeout);
	json_opt_u64(j, "wq_watchdog_thresh_s", &d->wq_watchdog_thresh);
	json_close_object(j);
}

static void write_cpu(struct json *j, const struct cpu_row *c)
{
	json_open_object(j);
	json_key_u64(j, "cpu", c->cpu);
	json_opt_u64(j, "vcpu", &c->vcpu);
	if (c->has_curr) {
		json_key_u64(j, "curr_kva", c->curr.v);
		json_key_i64(j, "curr_pid", c->curr_pid);
		json_key_string(j, "curr_comm", c->curr_comm);
	}
	json_opt_u64(j, "curr_for_ns", &c->curr_for);
	json_key_bool(j, "idle", c->idle);
	json_opt_u64(j, "nr_running", &c->nr_running);
	json_opt_u64(j, "nr_rt", &c->nr_rt);
	json_opt_u64(j, "nr_dl", &c->nr_dl);
	json_opt_u64(j, "nr_ext", &c->nr_ext);
	json_opt_u64(j, "nr_switches", &c->nr_switches);
	json_opt_u64(j, "rq_clock", &c->clock);
	json_opt_u64(j, "clock_age_ns", &c->clock_age);
	json_opt_u64(j, "softlockup_touch_s", &c->softlockup_touch);
	json_opt_u64(j, "softlockup_age_s", &c->softlockup_age);
	json_opt_u64(j, "timer_due_ns", &c->timer_due);
	json_opt_u64(j, "timer_late_ns", &c->timer_late);
	json_opt_true(j, "timer_hung", c->timer_hung);
	if (c->has_irqs)
		json_key_bool(j, "irqs_on", c->irqs_on);
	json_opt_u64(j, "preempt_count", &c->preempt_count);
	if (c->has_need_resched)
		json_key_bool(j, "need_resched", c->need_resched);
	json_key_bool(j, "calls_pending", c->calls_pending);
	json_key_bool(j, "rcu_holdout", c->rcu_holdout);
	json_opt_string(j, "why", c->why);
	json_close_object(j);
}

static void write_rcu(struct json_report *w, const struct rcu_state_row *rcu)
{
	struct json *j = &w->j;

	if (!rcu->collected)
		return;
	json_key(j, "rcu");
	json_open_object(j);
	json_opt_string(j, "name", rcu->name);
	json_key_i64(j, "gp_seq", rcu->gp_seq);
	json_key_bool(j, "gp_running", rcu->running);
	json_opt_u64(j, "gp_age_jiffies", &rcu->gp_age);
	json_opt_u64(j, "gp_state", &rcu->gp_state);
	json_opt_string(j, "gp_state_name", rcu->gp_state_name);
	json_opt_u64(j, "stall_timeout_s", &rcu->stall_timeout);
	if (rcu->nr_blocked) {
		json_key(j, "blocked_task_kvas");
		json_kvas(j, rcu->blocked, rcu->nr_blocked);
	}
	json_opt_true(j, "blocked_truncated", rcu->blocked_cut);
	json_close_object(j);
}

static void write_worker(struct json *j, const struct worker_row *k)
{
	json_open_object(j);
	if (k->task.v) {
		json_key_u64(j, "task_kva", k->task.v);
		json_key_i64(j, "pid", k->pid);
		json_key_string(j, "comm", k->comm);
	}
	json_opt_string(j, "func", k->func);
	json_opt_string(j, "workqueue", k->wq);
	json_opt_u64(j, "busy_jiffies", &k->busy);
	json_opt_u64(j, "waiting", &k->waiting);
	json_opt_true(j, "waiting_truncated", k->waiting_cut);
	json_close_object(j);
}

static void write_pool(struct json *j, const struct pool_row *p)
{
	json_open_object(j);
	json_key_u64(j, "id", p->id);
	json_key_i64(j, "cpu", p->cpu);
	json_key_u64(j, "flags", p->flags);
	json_key_u64(j, "nr_workers", p->nr_workers);
	json_key_u64(j, "nr_idle", p->nr_idle);
	json_key_u64(j, "nr_running", p->nr_running);
	json_key_u64(j, "nr_pending", p->nr_pending);
	json_opt_true(j, "pending_truncated", p->pending_cut);
	json_opt_string(j, "next_func", p->next_func);
	json_opt_u64(j, "no_progress_jiffies", &p->idle_for);
	json_key(j, "busy_workers");
	json_open_array(j);
	for (size_t i = 0; i < p->nr_rows; i++)
		write_worker(j, &p->workers[i]);
	json_close_array(j);
	json_opt_string(j, "why", p->why);
	json_close_object(j);
}

void json_write_cpus(struct json_report *w)
{
	const struct cpu_state *s = &w->r->cpus;
	struct json *j = &w->j;

	if (!s->collected)
		return;
	write_detectors(j, &s->detectors);
	json_key(j, "cpus");
	json_open_array(j);
	for (size_t i = 0; i < s->rows.nr; i++)
		write_cpu(j, &s->rows.data[i]);
	json_close_array(j);
	write_rcu(w, &s->rcu);
	json_key(j, "worker_pools");
	json_open_array(j);
	for (size_t i = 0; i < s->pools.nr; i++)
		write_pool(j, &s->pools.data[i]);
	json_close_array(j);
}
