/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lock that its holder keeps for long, with others waiting for it. */
#include "config.h"

#include "base/addr-set.h"
#include "triage/rules.h"
#include "triage/sleep.h"
#include "triage/wait-chain.h"

#include <inttypes.h>

/* Those whose chains end with the same lock. */
struct queue {
	uint64_t lock;
	size_t row; /* one that waits for the lock itself */
	size_t nr;
	double worst_s;	 /* in state D: others may wait for as long as they like */
	double patient_s; /* the others */
	size_t first;	 /* 1 + the first of its rows; queues.next leads on */
};

struct queues {
	VEC(struct queue) rows;
	size_t *next; /* [waits.nr]: 1 + row; 0: the last */
};

static int by_lock(const void *a, const void *b)
{
	const struct queue *x = a, *y = b;

	if (x->lock != y->lock)
		return x->lock < y->lock ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* The queue of a lock; all are sorted. */
static struct queue *find_queue(const struct queues *queues, uint64_t lock)
{
	const struct queue *rows = queues->rows.data;
	size_t lo = 0, hi = queues->rows.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rows[mid].lock < lock)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < queues->rows.nr && rows[lo].lock == lock ? &queues->rows.data[lo] : NULL;
}

/* The lock at the end of the chain from a row; 0: it waits for no lock, or in a circle. */
static uint64_t end_of(struct triage *t, size_t row)
{
	size_t end = wait_last_lock(t, row);

	return end == WAIT_NONE ? 0 : t->r->waits.data[end].lock.v;
}

static void count(struct triage *t, struct queues *queues, size_t row)
{
	const struct wait_row *w = &t->r->waits.data[row];
	const struct task_row *task = report_task(t->r, w->task);
	struct queue *q = find_queue(queues, end_of(t, row));
	double seconds;

	if (!q)
		return;
	q->nr++;
	queues->next[row] = q->first;
	q->first = row + 1;
	if (!task || !triage_sleeps_long(t->r, task, &seconds))
		return;
	if (w->uninterruptible && !wait_is_users(w))
		q->worst_s = MAX(q->worst_s, seconds);
	else
		q->patient_s = MAX(q->patient_s, seconds);
}

/* One queue for each lock that a chain ends with. */
static void find_queues(struct triage *t, struct queues *queues)
{
	struct addr_set seen = { 0 };

	for (size_t i = 0; i < t->r->waits.nr; i++) {
		uint64_t lock = end_of(t, i);
		bool is_new = false;

		if (!lock || lock != t->r->waits.data[i].lock.v)
			continue;
		struct err *e = addr_set_add(&seen, lock, &is_new);
		struct queue *q = !e && is_new ? vec_push(&queues->rows) : NULL;
		t->nomem |= e || (is_new && !q);
		err_ignore(e);
		if (q)
			*q = (struct queue){ .lock = lock, .row = i };
	}
	addr_set_deinit(&seen);
	if (queues->rows.nr)
		qsort(queues->rows.data, queues->rows.nr, sizeof(*queues->rows.data), by_lock);
	for (size_t i = 0; i < t->r->waits.nr; i++)
		count(t, queues, i);
}

/* Whether a task's cgroup, or one above it, has used up what it may have of the task's CPU. */
static bool is_throttled(const struct report *r, const struct task_row *task)
{
	for (size_t i = 0; task->x.cgroup && i < r->cpus.throttled.nr; i++) {
		const struct throttled_row *row = &r->cpus.throttled.data[i];
		size_t len = row->cgroup ? strlen(row->cgroup) : 0;

		if (len && row->cpu == task->cpu && !strncmp(task->x.cgroup, row->cgroup, len) &&
		    (!task->x.cgroup[len] || task->x.cgroup[len] == '/'))
			return true;
	}
	return false;
}

/* ", which sleeps in foo()": what the holder does. */
static const char *doing(struct triage *t, const struct task_row *holder)
{
	const char *where = triage_wchan(t->r, holder);

	if (holder->running)
		return triage_printf(t, ", which runs on CPU %" PRIu32, holder->cpu);
	if (triage_is_runnable(holder))
		return triage_printf(t, ", which waits for CPU %" PRIu32 "%s", holder->cpu,
				     is_throttled(t->r, holder) ? ": its cgroup is throttled" : "");
	return where ? triage_printf(t, ", which sleeps in %s", where) : "";
}

static const char *say_holder(struct triage *t, const struct wait_row *w, const struct task_row *holder)
{
	const char *sure = w->holder.basis == WAIT_RECORDED ? "" : "probably ";

	if (w->frozen)
		return triage_printf(t, "the file system %s is frozen", w->frozen);
	if (w->handed_over)
		return "it is being handed over to one of them that has not run since";
	if (!w->has_holder)
		return "who holds it is not known";
	if (!holder)
		return triage_printf(t, "it is %sheld by a task that %s", sure,
				     w->holder.gone ? "no longer exists" : "is not in the report");
	return triage_printf(t, "it is %sheld by %s[%" PRId32 "]%s", sure, w->holder.comm, w->holder.pid,
			     doing(t, holder));
}

static void judge_queue(struct triage *t, const struct queues *queues, const struct queue *q)
{
	const struct wait_row *w = &t->r->waits.data[q->row];
	const struct task_row *holder = w->has_holder ? report_task(t->r, w->holder.task) : NULL;
	bool recorded = w->has_holder && w->holder.basis == WAIT_RECORDED;
	double seconds = MAX(q->worst_s, q->patient_s);
	enum severity severity = SEVERITY_INFO;

	if (seconds < TRIAGE_LONG_S)
		return;
	if (q->worst_s >= TRIAGE_LONG_S)
		severity = q->worst_s >= triage_hung_limit(t->r) ? SEVERITY_ERROR : SEVERITY_WARNING;

	struct finding *f = triage_add(t, severity, recorded ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				       "%zu task%s ha%s been waiting for up to %.1f s for %s; %s", q->nr,
				       q->nr > 1 ? "s" : "", q->nr > 1 ? "ve" : "s", seconds,
				       wait_lock_text(t, w), say_holder(t, w, holder));
	triage_lasts(t, f, seconds, TRIAGE_LONG_S);
	triage_name_pid(f, holder ? w->holder.pid : w->pid);
	if (severity != SEVERITY_INFO)
		triage_stuck(t, f, THING_HUNG, 0);
	for (size_t i = q->first; i; i = queues->next[i - 1])
		triage_stuck(t, f, THING_TASK, t->r->waits.data[i - 1].task.v);
	if (holder)
		triage_needs_task(t, f, holder);
	else if (w->has_holder && w->holder.gone)
		triage_needs(t, f, THING_DEAD, 0);
	wait_evidence(t, f, q->row);
	if (w->has_holder && w->holder.gone)
		triage_bool(t, f, true, "fdgdb.waits[%zu].holder.gone", q->row);
	if (w->frozen)
		triage_text(t, f, w->frozen, "fdgdb.waits[%zu].frozen", q->row);
	if (holder)
		triage_sleep_evidence(t, f, holder);
	triage_next(t, f, "%s",
		    holder	  ? "the stack of the holder: why it does not let go" :
		    w->frozen	  ? "who froze the file system, and should thaw it" :
		    w->has_holder ? "what ended the holder while it had the lock" :
				    "the stacks of those who wait: which lock that is, and who else takes it");
}

static void judge(struct triage *t)
{
	struct queues queues = { .next = pool_calloc(&t->out->pool, t->r->waits.nr + 1, sizeof(*queues.next)) };

	if (!queues.next) {
		t->nomem = true;
		return;
	}
	triage_wants_sleep(t);
	find_queues(t, &queues);
	for (size_t i = 0; i < queues.rows.nr; i++)
		judge_queue(t, &queues, &queues.rows.data[i]);
	free(queues.rows.data);
}

const struct triage_rule rule_lock_held = {
	.id = "lock-held",
	.sections = { "waits", "tasks" },
	.by_clocks = true,
	.judge = judge,
};
