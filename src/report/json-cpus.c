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
	json_opt_i32(j, "rt_runtime_us", &d->rt_runtime);
	json_opt_i32(j, "rt_period_us", &d->rt_period);
	json_opt_i32(j, "jiffies_cpu", &d->jiffies_cpu);
	json_opt_string(j, "clocksource", d->clocksource);
	json_close_object(j);
}

static void write_server(struct json *j, const struct cpu_server *s)
{
	json_open_object(j);
	json_key_string(j, "name", s->name);
	json_key_u64(j, "runtime_ns", s->runtime);
	json_key_u64(j, "period_ns", s->period);
	json_key_i64(j, "left_ns", s->left);
	json_key_bool(j, "active", s->active);
	json_key_bool(j, "throttled", s->throttled);
	json_key_bool(j, "deferred", s->deferred);
	json_close_object(j);
}

/* Real-time tasks and what bounds them. */
static void write_rt(struct json *j, const struct cpu_row *c)
{
	json_opt_u64(j, "rt_time_ns", &c->rt_time);
	json_opt_u64(j, "rt_runtime_ns", &c->rt_runtime);
	json_opt_true(j, "rt_throttled", c->rt_throttled);
	if (!c->nr_servers)
		return;
	json_key(j, "servers");
	json_open_array(j);
	for (size_t i = 0; i < c->nr_servers; i++)
		write_server(j, &c->servers[i]);
	json_close_array(j);
}

static void write_calls(struct json *j, const struct cpu_row *c)
{
	json_key_bool(j, "calls_pending", c->calls_pending);
	if (!c->nr_calls)
		return;
	json_key(j, "calls");
	json_open_array(j);
	for (size_t i = 0; i < c->nr_calls; i++) {
		json_open_object(j);
		json_opt_string(j, "func", c->calls[i].func);
		json_opt_u64(j, "from_cpu", &c->calls[i].from);
		json_key_bool(j, "waited_for", c->calls[i].waited_for);
		json_close_object(j);
	}
	json_close_array(j);
	json_opt_true(j, "calls_truncated", c->calls_cut);
}

static void write_timers(struct json *j, const struct cpu_row *c)
{
	json_opt_u64(j, "timer_due_ns", &c->timer_due);
	json_opt_u64(j, "timer_late_ns", &c->timer_late);
	json_opt_true(j, "timer_hung", c->timer_hung);
	json_opt_u64(j, "wheel_late_jiffies", &c->wheel_late);
	json_opt_string(j, "running_timer", c->running_timer);
	json_opt_u64(j, "stalled_ticks", &c->stalled_ticks);
	if (c->has_tick_stopped)
		json_key_bool(j, "tick_stopped", c->tick_stopped);
	json_opt_u64(j, "softirqs_pending", &c->softirqs);
}

static void write_watchdogs(struct json *j, const struct cpu_row *c)
{
	json_opt_u64(j, "softlockup_touch_s", &c->softlockup_touch);
	json_opt_u64(j, "softlockup_age_s", &c->softlockup_age);
	if (c->has_watched)
		json_key_bool(j, "watched", c->watched);
	json_opt_u64(j, "hard_interrupts", &c->hard_interrupts);
	json_opt_u64(j, "hard_saved", &c->hard_saved);
	json_opt_u64(j, "hard_missed", &c->hard_missed);
	json_opt_true(j, "hard_touched", c->hard_touched);
	json_opt_true(j, "hard_warned", c->hard_warned);
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
	write_watchdogs(j, c);
	write_timers(j, c);
	json_opt_string(j, "place", cpu_place_text(c->place));
	if (c->has_irqs)
		json_key_bool(j, "irqs_on", c->irqs_on);
	json_opt_u64(j, "preempt_count", &c->preempt_count);
	if (c->has_need_resched)
		json_key_bool(j, "need_resched", c->need_resched);
	json_opt_u64(j, "need_resched_ns", &c->resched_for);
	json_opt_u64(j, "need_resched_ticks", &c->resched_ticks);
	write_calls(j, c);
	write_rt(j, c);
	json_key_bool(j, "rcu_holdout", c->rcu_holdout);
	json_opt_true(j, "rcu_exp_holdout", c->rcu_exp_holdout);
	json_opt_u64(j, "rcu_callbacks", &c->rcu_callbacks);
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
	json_opt_true(j, "gp_requested", rcu->requested);
	json_opt_u64(j, "gp_requested_jiffies", &rcu->requested_for);
	json_opt_u64(j, "activity_age_jiffies", &rcu->activity_age);
	json_key_bool(j, "exp_running", rcu->exp_running);
	json_opt_u64(j, "exp_seq", &rcu->exp_seq);
	if (rcu->nr_exp_blocked) {
		json_key(j, "exp_blocked_task_kvas");
		json_kvas(j, rcu->exp_blocked, rcu->nr_exp_blocked);
	}
	json_opt_true(j, "exp_blocked_truncated", rcu->exp_blocked_cut);
	json_close_object(j);
}

static void write_srcu(struct json *j, const struct srcu_row *s)
{
	json_open_object(j);
	json_key_u64(j, "srcu_kva", s->kva.v);
	json_opt_string(j, "name", s->name);
	json_key_u64(j, "gp_seq", s->gp_seq);
	json_opt_u64(j, "gp_age_jiffies", &s->gp_age);
	json_opt_i32(j, "readers_0", &s->readers[0]);
	json_opt_i32(j, "readers_1", &s->readers[1]);
	json_opt_string(j, "why", s->why);
	json_close_object(j);
}

static void write_rcu_tasks(struct json *j, const struct rcu_tasks_row *t)
{
	json_open_object(j);
	json_key_string(j, "name", t->name);
	json_key_bool(j, "gp_running", t->running);
	json_key_u64(j, "gp_seq", t->gp_seq);
	json_key_u64(j, "gp_state", t->gp_state);
	json_opt_string(j, "gp_state_name", t->gp_state_name);
	json_opt_u64(j, "gp_state_jiffies", &t->state_age);
	json_opt_u64(j, "gp_age_jiffies", &t->gp_age);
	if (t->kthread.v)
		json_key_u64(j, "kthread_kva", t->kthread.v);
	json_close_object(j);
}

/* What other kinds of RCU wait for. */
static void write_other_rcus(struct json *j, const struct cpu_state *s)
{
	json_key(j, "srcu");
	json_open_array(j);
	for (size_t i = 0; i < s->srcus.nr; i++)
		write_srcu(j, &s->srcus.data[i]);
	json_close_array(j);
	json_key(j, "rcu_tasks");
	json_open_array(j);
	for (size_t i = 0; i < s->rcu_tasks.nr; i++)
		write_rcu_tasks(j, &s->rcu_tasks.data[i]);
	json_close_array(j);
}

static void write_throttled(struct json *j, const struct cpu_state *s)
{
	json_key(j, "throttled");
	json_open_array(j);
	for (size_t i = 0; i < s->throttled.nr; i++) {
		const struct throttled_row *t = &s->throttled.data[i];

		json_open_object(j);
		json_key_u64(j, "cpu", t->cpu);
		json_opt_string(j, "cgroup", t->cgroup);
		json_opt_u64(j, "nr_tasks", &t->nr_tasks);
		json_opt_u64(j, "age_ns", &t->age);
		json_opt_u64(j, "quota_ns", &t->quota);
		json_opt_u64(j, "period_ns", &t->period);
		json_close_object(j);
	}
	json_close_array(j);
	json_opt_true(j, "throttled_truncated", s->throttled_cut);
}

static void write_worker(struct json *j, const struct worker_row *k)
{
	json_open_object(j);
	if (k->task.v) {
		json_key_u64(j, "task_kva", k->task.v);
		json_key_i64(j, "pid", k->pid);
		json_key_string(j, "comm", k->comm);
	}
	json_key_u64(j, "work_kva", k->work.v);
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
	write_other_rcus(j, s);
	write_throttled(j, s);
	json_key(j, "worker_pools");
	json_open_array(j);
	for (size_t i = 0; i < s->pools.nr; i++)
		write_pool(j, &s->pools.data[i]);
	json_close_array(j);
}
