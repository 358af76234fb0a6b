/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all who look for locks need: words that may be anything, lists, and the row's texts. */
#include "config.h"

#include "walk/waits.h"

#include <stdio.h>

#include "base/cleanup.h"

enum { WAITERS_MAX = 1024 };

struct err *wait_try_word(struct wait_job *j, uint64_t addr, uint64_t *ret, bool *ok)
{
	struct err *e = wait_is_pointer(addr & ~7ULL) ? kread_u64(j->k, (struct kva){ addr }, ret) : NULL;

	*ok = wait_is_pointer(addr & ~7ULL) && !e;
	if (walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

struct err *wait_try_member(struct wait_job *j, uint64_t obj, const struct member *m, uint64_t *ret, bool *ok)
{
	struct err *e = m->present && wait_is_pointer(obj) ? kget(j->k, (struct kva){ obj }, m, ret) : NULL;

	*ok = m->present && wait_is_pointer(obj) && !e;
	if (walk_is_fatal(e))
		return e;
	err_free(e);
	return NULL;
}

struct err *wait_own_waiter(struct wait_job *j, const struct member *task, const struct member *list, size_t *at,
			    uint64_t *ret)
{
	*ret = 0;
	if (!task->present || !list->present)
		return NULL;
	while (*at < j->nr_words) {
		size_t i = (*at)++;
		uint64_t node = j->from + 8 * i - task->off + list->off, next, prev, back = 0, forth = 0;
		bool ok;

		if (j->words[i] != j->row->task.v)
			continue;
		TRY(wait_try_word(j, node, &next, &ok));
		if (ok)
			TRY(wait_try_word(j, node + 8, &prev, &ok));
		if (ok)
			TRY(wait_try_word(j, next + 8, &back, &ok));
		if (ok)
			TRY(wait_try_word(j, prev, &forth, &ok));
		if (!ok || back != node || forth != node)
			continue;
		*ret = node;
		return NULL;
	}
	return NULL;
}

struct err *wait_read_ring(struct wait_job *j, uint64_t node, struct wait_ring *ring)
{
	for (uint64_t at = node; ring->nodes.nr < WAITERS_MAX;) {
		uint64_t *to = vec_push(&ring->nodes);
		bool ok;

		if (!to)
			return &err_nomem;
		*to = at;
		TRY(wait_try_word(j, at, &at, &ok));
		if (!ok || at == node)
			return NULL;
	}
	return NULL;
}

/* Whom we do not know, does not exist. */
static bool all_tasks_known(const struct report *r)
{
	const struct section *tasks = report_find_section(r, "tasks");

	return tasks && tasks->status == SECTION_COMPLETE && !tasks->cut;
}

struct err *wait_set_holder(struct wait_job *j, uint64_t task, enum wait_basis basis)
{
	const struct task_row *t = report_task(j->w->r, (struct kva){ task });
	struct wait_row *row = j->row;

	if (!task)
		return NULL;
	row->has_holder = true;
	row->holder = (struct wait_holder){ .task = { task }, .basis = basis };
	if (!t) {
		row->holder.gone = all_tasks_known(j->w->r);
		row->why = row->holder.gone ? NULL : "the holder is not among the tasks";
		return NULL;
	}
	row->holder.pid = t->pid;
	row->holder.comm = pool_strndup(&j->w->r->pool, t->comm, sizeof(t->comm));
	return row->holder.comm ? NULL : &err_nomem;
}

struct err *wait_set_object(struct wait_job *j, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return &err_nomem;
	}
	j->row->object = pool_strndup(&j->w->r->pool, text, (size_t)n);
	return j->row->object ? NULL : &err_nomem;
}
