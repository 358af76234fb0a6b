/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/wait-chain.h"

#include <inttypes.h>

static bool make_rows(struct triage *t)
{
	const struct report *r = t->r;

	if (t->wait_rows)
		return true;
	t->wait_rows = pool_calloc(&t->out->pool, r->tasks.nr + 1, sizeof(*t->wait_rows));
	if (!t->wait_rows) {
		t->nomem = true;
		return false;
	}
	for (size_t i = 0; i < r->waits.nr; i++) {
		const struct task_row *task = report_task(r, r->waits.data[i].task);

		if (task && !t->wait_rows[triage_task_index(t, task)])
			t->wait_rows[triage_task_index(t, task)] = i + 1;
	}
	return true;
}

size_t wait_row_of(struct triage *t, struct kva kva)
{
	const struct task_row *task = report_task(t->r, kva);

	if (!task || !make_rows(t) || !t->wait_rows[triage_task_index(t, task)])
		return WAIT_NONE;
	return t->wait_rows[triage_task_index(t, task)] - 1;
}

bool wait_is_lock(const struct wait_row *w)
{
	return w->lock.v && w->kind != WAIT_COMPLETION && w->kind != WAIT_FUTEX;
}

size_t wait_next(struct triage *t, size_t row)
{
	const struct wait_row *w = &t->r->waits.data[row];
	size_t next = w->has_holder ? wait_row_of(t, w->holder.task) : WAIT_NONE;

	/* A holder that waits for an event is where the chain of locks ends. */
	return next != WAIT_NONE && wait_is_lock(&t->r->waits.data[next]) ? next : WAIT_NONE;
}

static enum wait_basis weaker(enum wait_basis a, enum wait_basis b)
{
	return MAX(a, b);
}

struct wait_chain wait_follow(struct triage *t, size_t row)
{
	const struct report *r = t->r;
	struct wait_chain c = { .end = row, .basis = WAIT_RECORDED };
	size_t slow = row, fast = row, next;

	/* As many steps as there are rows lead into the cycle, if there is one. */
	for (size_t i = 0; i <= r->waits.nr; i++) {
		next = wait_next(t, slow);
		if (next == WAIT_NONE) {
			c.end = slow;
			if (r->waits.data[slow].has_holder)
				c.basis = weaker(c.basis, r->waits.data[slow].holder.basis);
			return c;
		}
		c.basis = weaker(c.basis, r->waits.data[slow].holder.basis);
		slow = next;
	}
	c.cycle = true;
	c.basis = WAIT_RECORDED;
	c.end = fast = slow;
	do {
		c.nr++;
		c.end = MIN(c.end, fast);
		c.basis = weaker(c.basis, r->waits.data[fast].holder.basis);
		fast = wait_next(t, fast);
	} while (fast != slow && fast != WAIT_NONE);
	return c;
}

static const char *kind_word(enum wait_kind kind)
{
	switch (kind) {
	case WAIT_RWSEM_READ:
	case WAIT_RWSEM_WRITE:
		return "rwsem";
	case WAIT_PERCPU_READ:
	case WAIT_PERCPU_WRITE:
		return "percpu-rwsem";
	default:
		return wait_kind_text(kind);
	}
}

const char *wait_lock_text(struct triage *t, const struct wait_row *w)
{
	const char *text = w->lock_name ? pool_printf(&t->out->pool, "%s %s", kind_word(w->kind), w->lock_name) :
					  pool_printf(&t->out->pool, "%s 0x%" PRIx64, kind_word(w->kind),
						      w->lock.v);

	if (!text)
		t->nomem = true;
	return text ? text : "";
}

void wait_evidence(struct triage *t, struct finding *f, size_t row)
{
	const struct wait_row *w = &t->r->waits.data[row];

	triage_int(t, f, w->pid, "fdgdb.waits[%zu].pid", row);
	triage_text(t, f, wait_kind_text(w->kind), "fdgdb.waits[%zu].kind", row);
	if (w->lock.v)
		triage_hex(t, f, w->lock.v, "fdgdb.waits[%zu].lock_kva", row);
	if (w->has_holder) {
		triage_hex(t, f, w->holder.task.v, "fdgdb.waits[%zu].holder.task_kva", row);
		triage_text(t, f, wait_basis_text(w->holder.basis), "fdgdb.waits[%zu].holder.basis", row);
	}
}
