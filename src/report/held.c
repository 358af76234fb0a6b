/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/held.h"

#include <stdlib.h>

/* The longest first; of equal ones the order of the report. */
static int by_wait(const void *a, const void *b)
{
	const struct held_task *x = a, *y = b;

	if (x->seconds < y->seconds || x->seconds > y->seconds)
		return x->seconds > y->seconds ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

struct err *held_tasks(const struct report *r, struct held *ret)
{
	ret->known = false;
	for (size_t i = 0; i < r->tasks.nr; i++) {
		const struct task_row *t = &r->tasks.data[i];

		ret->known |= t->x.ops_state_name && t->dsq_kva.has;
		if (!task_is_held(t))
			continue;

		struct held_task *h = vec_push(&ret->tasks);
		if (!h)
			return &err_nomem;
		h->task = t;
		if (!report_runnable_for(r, t, &h->seconds))
			h->seconds = -1;
	}
	if (ret->tasks.nr)
		qsort(ret->tasks.data, ret->tasks.nr, sizeof(*ret->tasks.data), by_wait);
	return NULL;
}
