/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A grace period that does not end, and who holds it up. */
#include "config.h"

#include "triage/rules.h"
#include "triage/sleep.h"

#include <inttypes.h>

enum { DEFAULT_TIMEOUT = 21 };

/* CPUs and readers that the grace period waits for; if there are none, the thread that runs it. */
static void needs_holdouts(struct triage *t, struct finding *f)
{
	const struct rcu_state_row *rcu = &t->r->cpus.rcu;
	const struct cpu_state *s = &t->r->cpus;
	const struct task_row *task = rcu->kthread_kva.v ? report_task(t->r, (struct kva){ rcu->kthread_kva.v }) : NULL;

	for (size_t i = 0; i < s->rows.nr; i++) {
		if (s->rows.data[i].rcu_holdout)
			triage_needs(t, f, THING_CPU, s->rows.data[i].cpu);
	}
	for (size_t i = 0; i < rcu->nr_blocked; i++) {
		const struct task_row *reader = report_task(t->r, rcu->blocked[i]);

		if (reader)
			triage_needs_task(t, f, reader);
		/* That it sleeps at all is the trouble. */
		triage_stuck(t, f, THING_TASK, rcu->blocked[i].v);
	}
	if (task)
		triage_needs_task(t, f, task);
}

static void judge(struct triage *t)
{
	const struct rcu_state_row *rcu = &t->r->cpus.rcu;
	const struct cpu_state *s = &t->r->cpus;
	const struct cpu_row *cpu = NULL;
	size_t nr_cpus = 0;

	if (!s->collected)
		return;
	if (!rcu->collected || !t->r->kernel.hz) {
		triage_unexamined(t, "the state of RCU is not known");
		return;
	}
	if (!rcu->running || !rcu->gp_age.has)
		return;
	double age = (double)rcu->gp_age.v / t->r->kernel.hz;
	double limit = rcu->stall_timeout.v ? (double)rcu->stall_timeout.v : DEFAULT_TIMEOUT;
	if (age < limit / 2)
		return;

	for (size_t i = 0; i < s->rows.nr; i++) {
		nr_cpus += s->rows.data[i].rcu_holdout;
		if (s->rows.data[i].rcu_holdout && !cpu)
			cpu = &s->rows.data[i];
	}
	const struct task_row *task = rcu->nr_blocked ? report_task(t->r, rcu->blocked[0]) : NULL;
	const char *who = "nobody that is known";
	if (cpu)
		who = pool_printf(&t->out->pool, "CPU %" PRIu32 " (%s[%" PRId32 "])%s", cpu->cpu,
				  cpu->curr_comm, cpu->curr_pid, nr_cpus > 1 ? " and others" : "");
	else if (task)
		who = pool_printf(&t->out->pool, "%s[%" PRId32 "]%s, which does not end its read side",
				  task->comm, task->pid, rcu->nr_blocked > 1 ? " and others" : "");
	else if (rcu->nr_blocked)
		who = "a task that does not end its read side";
	if (!who) {
		t->nomem = true;
		return;
	}

	struct finding *f = triage_add(t, age >= limit ? SEVERITY_ERROR : SEVERITY_WARNING,
				       CONFIDENCE_CERTAIN,
				       "a grace period of RCU has been running for %.1f s; it waits for %s", age,
				       who);
	triage_lasts(t, f, age, limit / 2);
	triage_stuck(t, f, THING_RCU, 0);
	triage_num(t, f, rcu->gp_age.v, "fdgdb.rcu.gp_age_jiffies");
	triage_int(t, f, rcu->gp_seq, "fdgdb.rcu.gp_seq");
	if (rcu->stall_timeout.has)
		triage_num(t, f, rcu->stall_timeout.v, "fdgdb.rcu.stall_timeout_s");
	if (cpu) {
		triage_name_cpu(f, cpu->cpu);
		triage_bool(t, f, true, "fdgdb.cpus[%zu].rcu_holdout", (size_t)(cpu - s->rows.data));
		triage_int(t, f, cpu->curr_pid, "fdgdb.cpus[%zu].curr_pid", (size_t)(cpu - s->rows.data));
	}
	if (rcu->nr_blocked)
		triage_hex(t, f, rcu->blocked[0].v, "fdgdb.rcu.blocked_task_kvas[0]");
	if (task) {
		triage_name_pid(f, task->pid);
		triage_text(t, f, task->comm, "task_enrichments[%zu].comm", triage_task_index(t, task));
	}
	needs_holdouts(t, f);
	triage_next(t, f, "%s", cpu  ? "what that CPU does, and since when" :
				task ? "the stack of that task: where it is since it began to read" :
				       "whether the task that runs grace periods gets to run");
}

const struct triage_rule rule_rcu_stall = {
	.id = "rcu-stall",
	.sections = { "cpus" },
	.judge = judge,
};
