/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/index.h"

static int compare(const void *a, const void *b)
{
	const struct index_slot *x = a, *y = b;

	if (x->kva != y->kva)
		return x->kva < y->kva ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

struct err *index_init(struct index *ix, const struct report *r)
{
	*ix = (struct index){ .r = r };
	/* One more: an empty report is no lack of memory. */
	ix->tasks = calloc(r->tasks.nr + 1, sizeof(*ix->tasks));
	ix->dsqs = calloc(r->scx.dsqs.nr + 1, sizeof(*ix->dsqs));
	if (!ix->tasks || !ix->dsqs) {
		index_deinit(ix);
		return &err_nomem;
	}
	for (size_t i = 0; i < r->tasks.nr; i++)
		ix->tasks[i] = (struct index_slot){ r->tasks.data[i].kva.v, i };
	for (size_t i = 0; i < r->scx.dsqs.nr; i++)
		ix->dsqs[i] = (struct index_slot){ r->scx.dsqs.data[i].kva.v, i };
	qsort(ix->tasks, r->tasks.nr, sizeof(*ix->tasks), compare);
	qsort(ix->dsqs, r->scx.dsqs.nr, sizeof(*ix->dsqs), compare);
	return NULL;
}

void index_deinit(struct index *ix)
{
	free(ix->tasks);
	free(ix->dsqs);
	*ix = (struct index){ 0 };
}

/* The first of equal addresses; SIZE_MAX if there is none. */
static size_t find(const struct index_slot *slots, size_t nr, uint64_t kva)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (slots[mid].kva < kva)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nr && slots[low].kva == kva ? slots[low].row : SIZE_MAX;
}

const struct task_row *index_task(const struct index *ix, struct kva kva)
{
	size_t i = find(ix->tasks, ix->r->tasks.nr, kva.v);

	return i == SIZE_MAX ? NULL : &ix->r->tasks.data[i];
}

const struct dsq_row *index_dsq(const struct index *ix, struct kva kva)
{
	size_t i = find(ix->dsqs, ix->r->scx.dsqs.nr, kva.v);

	return i == SIZE_MAX ? NULL : &ix->r->scx.dsqs.data[i];
}
