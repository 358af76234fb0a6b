/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of tasks: run queues, DSQs, scx_tasks. */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

#include "base/cleanup.h"

const char scx_no_types[] = "this kernel's types do not tell where its links are";

struct list_job {
	struct scx_walk *s;
	const struct scx_list *list;
	VEC(struct kva) tasks;
	size_t skipped; /* nodes that may be tasks or iterators */
	bool out_of_budget;
	struct err *fatal;
};

/* False if the node is to be left out. */
static bool is_task(struct list_job *j, struct kva node)
{
	const struct scx_list *l = j->list;
	uint32_t flags;

	if (node.v < l->node_off) {
		j->skipped++;
		return false;
	}
	if (!l->cursor)
		return true;
	/* An iterator's node lies in no task: only what is in one struct with the node may be read. */
	struct err *e = kread_u32(j->s->k, (struct kva){ node.v - l->node_off + l->flags_off }, &flags);
	if (e) {
		if (walk_is_fatal(e)) {
			j->fatal = e;
			return false;
		}
		err_free(e);
		j->skipped++;
		return false;
	}
	return !(flags & l->cursor);
}

static bool add_node(void *ctx, struct kva node)
{
	struct list_job *j = ctx;

	if (!j->s->nodes_left) {
		j->out_of_budget = true;
		return false;
	}
	j->s->nodes_left--;
	if (!is_task(j, node))
		return !j->fatal;

	struct kva *task = vec_push(&j->tasks);
	if (!task) {
		j->fatal = &err_nomem;
		return false;
	}
	*task = (struct kva){ node.v - j->list->node_off };
	return true;
}

static const char *explain(struct list_job *j, enum walk_end end, const struct err *why)
{
	struct pool *pool = j->s->pool;

	if (j->out_of_budget)
		return pool_printf(pool, "after %zu tasks: more than can be listed in one report",
				   j->tasks.nr);
	if (end != WALK_COMPLETE)
		return pool_printf(pool, "after %zu tasks: %s", j->tasks.nr,
				   end == WALK_BROKEN && why ? why->msg : walk_end_text(end));
	return pool_printf(pool, "%zu entries left out: cannot tell whether they are tasks", j->skipped);
}

static struct err *finish(struct list_job *j, enum walk_end end, const struct err *why,
			  struct scx_tasks *ret)
{
	struct scx_tasks t = { .nr = j->tasks.nr };

	t.tasks = pool_memdup(j->s->pool, j->tasks.data, j->tasks.nr * sizeof(*t.tasks));
	if (t.nr && !t.tasks)
		return &err_nomem;
	t.truncated = end != WALK_COMPLETE || j->skipped;
	if (end == WALK_CAPPED || j->out_of_budget)
		t.status = SECTION_COMPLETE;
	else if (end == WALK_LOOP || (why && why->code == ERR_CORRUPT))
		t.status = SECTION_IMPLAUSIBLE;
	else
		t.status = SECTION_NOT_READABLE;
	if (t.truncated) {
		t.why = explain(j, end, why);
		if (!t.why)
			return &err_nomem;
	}
	*ret = t;
	return NULL;
}

struct err *scx_read_list(struct scx_walk *s, struct kva head, const struct scx_list *list,
			  struct scx_tasks *ret)
{
	struct list_job j = { .s = s, .list = list };
	struct err *why = NULL, *e;
	enum walk_end end = klist_walk(s->k, head, WALK_LIST_MAX, add_node, &j, &why);

	if (j.fatal)
		e = j.fatal;
	else if (walk_is_fatal(why))
		e = take_ptr(why);
	else
		e = finish(&j, end, why, ret);
	err_free(why);
	free(j.tasks.data);
	return e;
}
