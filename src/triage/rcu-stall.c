/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A grace period that does not end, or does not begin, and who holds it up. */
#include "config.h"

#include "triage/log.h"
#include "triage/rules.h"
#include "triage/sleep.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

enum { DEFAULT_TIMEOUT = 21 };

/* Those that a grace period waits for. */
struct holdouts {
	const struct cpu_row *cpu; /* the first */
	size_t nr_cpus;
	const struct kva *readers;
	size_t nr_readers;
};

static bool holds_out(const struct cpu_row *c, bool expedited)
{
	return expedited ? c->rcu_exp_holdout : c->rcu_holdout;
}

static struct holdouts find_holdouts(const struct report *r, bool expedited)
{
	const struct rcu_state_row *rcu = &r->cpus.rcu;
	struct holdouts h = {
		.readers = expedited ? rcu->exp_blocked : rcu->blocked,
		.nr_readers = expedited ? rcu->nr_exp_blocked : rcu->nr_blocked,
	};

	for (size_t i = 0; i < r->cpus.rows.nr; i++) {
		const struct cpu_row *c = &r->cpus.rows.data[i];

		if (!holds_out(c, expedited))
			continue;
		if (!h.nr_cpus++)
			h.cpu = c;
	}
	return h;
}

static const char *say_whom(struct triage *t, const struct holdouts *h)
{
	const struct task_row *task = h->nr_readers ? report_task(t->r, h->readers[0]) : NULL;

	if (h->cpu)
		return triage_printf(t, "CPU %" PRIu32 " (%s[%" PRId32 "])%s", h->cpu->cpu, h->cpu->curr_comm,
				     h->cpu->curr_pid, h->nr_cpus > 1 ? " and others" : "");
	if (task)
		return triage_printf(t, "%s[%" PRId32 "]%s, which does not end its read side", task->comm, task->pid,
				     h->nr_readers > 1 ? " and others" : "");
	return h->nr_readers ? "a task that does not end its read side" : "nobody that is known";
}

/* The finding follows from what keeps those, and says why readers that sleep do so. */
static void needs_holdouts(struct triage *t, struct finding *f, const struct holdouts *h, bool expedited)
{
	for (size_t i = 0; i < t->r->cpus.rows.nr; i++) {
		if (holds_out(&t->r->cpus.rows.data[i], expedited))
			triage_needs(t, f, THING_CPU, t->r->cpus.rows.data[i].cpu);
	}
	for (size_t i = 0; i < h->nr_readers; i++) {
		const struct task_row *reader = report_task(t->r, h->readers[i]);

		if (reader)
			triage_needs_task(t, f, reader);
		triage_stuck(t, f, THING_TASK, h->readers[i].v);
	}
}

static void about_holdouts(struct triage *t, struct finding *f, const struct holdouts *h, bool expedited)
{
	const struct task_row *task = h->nr_readers ? report_task(t->r, h->readers[0]) : NULL;

	if (h->cpu) {
		triage_name_cpu(f, h->cpu->cpu);
		triage_bool(t, f, true, "fdgdb.cpus[%zu].%s", triage_cpu_index(t, h->cpu),
			    expedited ? "rcu_exp_holdout" : "rcu_holdout");
		triage_int(t, f, h->cpu->curr_pid, "fdgdb.cpus[%zu].curr_pid", triage_cpu_index(t, h->cpu));
	}
	if (h->nr_readers)
		triage_hex(t, f, h->readers[0].v, "fdgdb.rcu.%sblocked_task_kvas[0]", expedited ? "exp_" : "");
	if (task) {
		triage_name_pid(f, task->pid);
		triage_text(t, f, task->comm, "task_enrichments[%zu].comm", triage_task_index(t, task));
	}
	needs_holdouts(t, f, h, expedited);
	triage_next(t, f, "%s", h->cpu ? "what that CPU does, and since when" :
				task   ? "the stack of that task: where it is since it began to read" :
					 "whether the task that runs grace periods gets to run");
}

/* Who has been waiting in state D for longest for a grace period of this kind, of one domain if lock is not 0. */
static const struct wait_row *longest_waiting(struct triage *t, const char *rcu, struct kva lock, double *ret)
{
	const struct wait_row *worst = NULL;
	double seconds;

	*ret = 0;
	for (size_t i = 0; i < t->r->waits.nr; i++) {
		const struct wait_row *w = &t->r->waits.data[i];
		const struct task_row *task = report_task(t->r, w->task);

		if (w->kind != WAIT_RCU || !w->rcu || strcmp(w->rcu, rcu) || (lock.v && w->lock.v != lock.v))
			continue;
		if (task && triage_sleeps_long(t->r, task, &seconds) && seconds > *ret) {
			worst = w;
			*ret = seconds;
		}
	}
	return worst;
}

static void say_waiter(struct triage *t, struct finding *f, const struct wait_row *w, double seconds)
{
	const struct task_row *task = report_task(t->r, w->task);

	triage_seconds(t, f, seconds, "fdgdb.tasks[%zu].last_ran_s", triage_task_index(t, task));
	triage_text(t, f, w->rcu, "fdgdb.waits[%zu].rcu", (size_t)(w - t->r->waits.data));
}

/* Normal ones; an expedited one that waits for the same is part of the same trouble. */
static struct finding *judge_normal(struct triage *t, double limit)
{
	const struct rcu_state_row *rcu = &t->r->cpus.rcu;
	struct holdouts h = find_holdouts(t->r, false);
	double age = (double)rcu->gp_age.v / t->r->kernel.hz;

	if (!rcu->running || !rcu->gp_age.has || age < limit / 2)
		return NULL;

	struct finding *f = triage_add(t, age >= limit ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "a grace period of RCU has been running for %.1f s; it waits for %s", age,
				       say_whom(t, &h));
	triage_lasts(t, f, age, limit / 2);
	triage_stuck(t, f, THING_RCU, RCU_NORMAL);
	triage_num(t, f, rcu->gp_age.v, "fdgdb.rcu.gp_age_jiffies");
	triage_int(t, f, rcu->gp_seq, "fdgdb.rcu.gp_seq");
	if (rcu->stall_timeout.has)
		triage_num(t, f, rcu->stall_timeout.v, "fdgdb.rcu.stall_timeout_s");
	about_holdouts(t, f, &h, false);
	triage_log_confirm(t, f, SAID_RCU_STALL, -1, age);
	return f;
}

/* One that is wanted, and that the thread for it does not begin. */
static struct finding *judge_wanted(struct triage *t, double limit)
{
	const struct rcu_state_row *rcu = &t->r->cpus.rcu;
	double age = (double)MIN(rcu->requested_for.v, rcu->activity_age.v) / t->r->kernel.hz;

	if (rcu->running || !rcu->requested || !rcu->requested_for.has || !rcu->activity_age.has || age < limit / 2)
		return NULL;

	struct finding *f = triage_add(t, age >= limit ? SEVERITY_ERROR : SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "a grace period of RCU has been wanted for %.1f s and has not begun", age);
	triage_lasts(t, f, age, limit / 2);
	triage_stuck(t, f, THING_RCU, RCU_NORMAL);
	triage_num(t, f, rcu->requested_for.v, "fdgdb.rcu.gp_requested_jiffies");
	triage_num(t, f, rcu->activity_age.v, "fdgdb.rcu.activity_age_jiffies");
	triage_next(t, f, "the thread that runs grace periods: whether it gets to run");
	return f;
}

static void judge_expedited(struct triage *t, struct finding *normal)
{
	const struct rcu_state_row *rcu = &t->r->cpus.rcu;
	struct holdouts h = find_holdouts(t->r, true);
	const struct wait_row *w;
	double seconds;

	if (!rcu->exp_running)
		return;
	if (normal) {
		triage_stuck(t, normal, THING_RCU, RCU_EXPEDITED);
		triage_bool(t, normal, true, "fdgdb.rcu.exp_running");
		needs_holdouts(t, normal, &h, true);
		return;
	}
	w = longest_waiting(t, "expedited", (struct kva){ 0 }, &seconds);
	if (!w)
		return;

	struct finding *f = triage_add(t, seconds >= DEFAULT_TIMEOUT ? SEVERITY_ERROR : SEVERITY_WARNING,
				       CONFIDENCE_CERTAIN,
				       "%s[%" PRId32 "] has been waiting for %.1f s for an expedited grace period of RCU; "
				       "that waits for %s",
				       w->comm, w->pid, seconds, say_whom(t, &h));
	triage_lasts(t, f, seconds, TRIAGE_LONG_S);
	triage_name_pid(f, w->pid);
	triage_stuck(t, f, THING_RCU, RCU_EXPEDITED);
	triage_bool(t, f, true, "fdgdb.rcu.exp_running");
	say_waiter(t, f, w, seconds);
	about_holdouts(t, f, &h, true);
	triage_log_confirm(t, f, SAID_RCU_STALL, -1, seconds);
}

/* SRCU and those that wait for tasks: whom they wait for is recorded nowhere. */
static void judge_other(struct triage *t, const char *rcu, struct kva lock, const char *what, const char *path,
			const struct opt_u64 *gp_age)
{
	double seconds, age = gp_age->has ? (double)gp_age->v / t->r->kernel.hz : 0;
	const struct wait_row *w = longest_waiting(t, rcu, lock, &seconds);

	if (!w || age < TRIAGE_LONG_S)
		return;

	struct finding *f = triage_add(t, seconds >= triage_hung_limit(t->r) ? SEVERITY_ERROR : SEVERITY_WARNING,
				       CONFIDENCE_CERTAIN, "%s[%" PRId32 "] has been waiting for %.1f s for %s", w->comm,
				       w->pid, seconds, what);
	triage_lasts(t, f, seconds, TRIAGE_LONG_S);
	triage_name_pid(f, w->pid);
	triage_stuck(t, f, THING_RCU, lock.v ? lock.v : RCU_TASKS);
	triage_num(t, f, gp_age->v, "%s.gp_age_jiffies", path);
	say_waiter(t, f, w, seconds);
	triage_next(t, f, "%s", lock.v ? "the stacks of those that read in that domain" :
						   "tasks that run, or are preempted, in the kernel for as long");
}

static void judge_others(struct triage *t)
{
	const struct cpu_state *s = &t->r->cpus;

	for (size_t i = 0; i < s->srcus.nr; i++) {
		const struct srcu_row *u = &s->srcus.data[i];
		const char *what = triage_printf(t, "a grace period of SRCU %s, which %" PRId32 " readers are in",
						 u->name ? u->name : triage_printf(t, "0x%" PRIx64, u->kva.v),
						 (u->readers[0].has ? u->readers[0].v : 0) +
							 (u->readers[1].has ? u->readers[1].v : 0));

		judge_other(t, "srcu", u->kva, what, triage_printf(t, "fdgdb.srcu[%zu]", i), &u->gp_age);
	}
	for (size_t i = 0; i < s->rcu_tasks.nr; i++) {
		const struct rcu_tasks_row *k = &s->rcu_tasks.data[i];
		const char *rcu = strncmp(k->name, "rcu_", strlen("rcu_")) ? k->name : k->name + strlen("rcu_");

		judge_other(t, rcu, (struct kva){ 0 }, triage_printf(t, "a grace period of %s", k->name),
			    triage_printf(t, "fdgdb.rcu_tasks[%zu]", i), &k->gp_age);
	}
}

static void judge(struct triage *t)
{
	const struct rcu_state_row *rcu = &t->r->cpus.rcu;
	const struct task_row *kthread;
	double limit = rcu->stall_timeout.v ? (double)rcu->stall_timeout.v : DEFAULT_TIMEOUT;
	struct finding *f, *wanted;

	if (!t->r->cpus.collected)
		return;
	if (!rcu->collected || !t->r->kernel.hz) {
		triage_unexamined(t, "the state of RCU is not known");
		return;
	}
	f = judge_normal(t, limit);
	wanted = f ? NULL : judge_wanted(t, limit);
	if (wanted)
		f = wanted;
	kthread = rcu->kthread_kva.v ? report_task(t->r, (struct kva){ rcu->kthread_kva.v }) : NULL;
	if (f && kthread)
		triage_needs_task(t, f, kthread);
	/* Who wants it wakes that thread in an interrupt: none comes on a CPU that takes none. */
	triage_needs(t, wanted, THING_CULPRIT, 0);
	judge_expedited(t, f);
	judge_others(t);
}

const struct triage_rule rule_rcu_stall = {
	.id = "rcu-stall",
	.sections = { "cpus", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
