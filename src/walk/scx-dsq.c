/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dispatch queues: how many they say they hold, and what is on their lists. */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

struct err *scx_add_dsq(struct scx_dsqs *dsqs, struct kva kva, enum dsq_origin origin, uint32_t index,
			struct scx_dsq **ret)
{
	struct scx_dsq *d = vec_push(&dsqs->dsqs);

	if (!d)
		return &err_nomem;
	d->row.kva = kva;
	d->row.origin = origin;
	d->row.index = index;
	*ret = d;
	return NULL;
}

struct err *scx_add_rq_dsqs(struct scx_walk *s, struct scx_dsqs *dsqs)
{
	const struct {
		const struct member *m;
		enum dsq_origin origin;
		bool quiet; /* used only while something is wrong, and by sub-schedulers */
	} kinds[] = {
		{ &s->l.local_dsq, DSQ_LOCAL, false },
		{ &s->l.rq_bypass_dsq, DSQ_BYPASS, false },
		{ &s->l.rq_reject_dsq, DSQ_REJECT, true },
		{ &s->l.rq_rescue_dsq, DSQ_RESCUE, true },
	};

	for (uint32_t cpu = 0; s->l.rq_scx.present && cpu < s->k->nr_cpu_ids; cpu++) {
		struct kva rq;

		if (!s->k->possible[cpu])
			continue;
		TRY(kpercpu_sym(s->k, "runqueues", cpu, &rq));
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct scx_dsq *d;

			if (!kinds[i].m->present)
				continue;
			TRY(scx_add_dsq(dsqs, kmember(kmember(rq, &s->l.rq_scx), kinds[i].m),
					kinds[i].origin, cpu, &d));
			d->quiet = kinds[i].quiet;
			if (kinds[i].origin == DSQ_LOCAL)
				d->rq = rq;
		}
	}
	return NULL;
}

/* ---- reading */

struct dsqs_job {
	struct scx_walk *s;
	struct scx_dsqs *dsqs;
};

static struct err *is_locked(struct scx_walk *s, struct kva obj, const struct member *lock, bool *ret)
{
	uint64_t word;

	/* Not every kernel's lock is a word that is 0 when nobody holds it. */
	if (!lock->present || lock->size != 4)
		return NULL;
	TRY(kget(s->k, obj, lock, &word));
	*ret |= word;
	return NULL;
}

/* ---- what a priority queue says twice */

struct tree_job {
	struct dsq_row *row;
	uint32_t off; /* of the node in task_struct */
	size_t nr;
	bool differs; /* from the list, so far */
};

static bool next_in_tree(void *ctx, struct kva node)
{
	struct tree_job *j = ctx;

	if (j->nr >= j->row->nr_tasks || j->row->tasks[j->nr].v != node.v - j->off)
		j->differs = true;
	j->nr++;
	return !j->differs;
}

/* A queue by vtime is a tree, whose order is that of the list; the list is what is consumed. */
static struct err *check_tree(struct scx_walk *s, struct scx_dsq *d)
{
	const struct scx_layout *l = &s->l;
	struct tree_job j = { .row = &d->row, .off = l->scx.off + l->dsq_priq.off };
	struct kva root = kmember(d->row.kva, &l->dsq_tree), first;
	struct err *why = NULL;

	TRY(kread_kva(s->k, root, &first)); /* struct rb_root is a pointer */
	if (!first.v)
		return NULL;
	d->row.by_vtime = true;
	if (d->row.truncated)
		return NULL;
	enum walk_end end = krbtree_walk(s->k, root, WALK_LIST_MAX, next_in_tree, &j, &why);
	if (walk_is_fatal(why))
		return why;
	if (j.differs)
		d->row.contradiction = pool_printf(s->pool, "its tree by vtime has another order than its list from task %zu on",
						   j.nr);
	else if (end != WALK_COMPLETE)
		d->row.contradiction = pool_printf(s->pool, "its tree by vtime: %s",
						   end == WALK_BROKEN && why ? why->msg : walk_end_text(end));
	else if (j.nr != d->row.nr_tasks)
		d->row.contradiction = pool_printf(s->pool, "%zu tasks in its tree by vtime, %zu on its list", j.nr,
						   d->row.nr_tasks);
	else
		return NULL;
	err_free(why);
	return d->row.contradiction ? NULL : &err_nomem;
}

/* What is looked at without a lock; the kernel keeps it up for queues of the scheduler's own only. */
static struct err *check_first(struct scx_walk *s, struct scx_dsq *d)
{
	uint64_t first, want = d->row.nr_tasks ? d->row.tasks[0].v : 0;

	if (d->row.origin != DSQ_USER || d->row.truncated || d->row.contradiction)
		return NULL;
	TRY(kget(s->k, d->row.kva, &s->l.dsq_first, &first));
	if (first == want)
		return NULL;
	d->row.contradiction = pool_printf(s->pool, "first_task is 0x%" PRIx64 ", but 0x%" PRIx64 " is the first on its list",
					   first, want);
	return d->row.contradiction ? NULL : &err_nomem;
}

static struct err *check(struct scx_walk *s, struct scx_dsq *d)
{
	const struct scx_layout *l = &s->l;

	if (l->dsq_tree.present && l->dsq_priq.present && l->scx.present)
		TRY(check_tree(s, d));
	return l->dsq_first.present ? check_first(s, d) : NULL;
}

static struct err *read_tasks(struct scx_walk *s, struct scx_dsq *d)
{
	struct dsq_row *row = &d->row;
	const struct scx_layout *l = &s->l;
	struct scx_tasks tasks = { .truncated = true, .why = scx_no_types };

	/* Without the flags an iterator would pass for a task. */
	if (l->dsq_tasks.present && l->scx.present && l->dsq_list.present && l->dsq_node.present &&
	    l->dsq_node_flags.present) {
		uint32_t off = l->scx.off + l->dsq_list.off;
		struct scx_list list = {
			.node_off = off + l->dsq_node.off,
			.flags_off = off + l->dsq_node_flags.off,
			.cursor = s->dsq_cursor,
		};

		TRY(scx_read_list(s, kmember(row->kva, &l->dsq_tasks), &list, &tasks));
	}
	row->tasks = tasks.tasks;
	row->nr_tasks = tasks.nr;
	row->truncated = tasks.truncated;
	row->why = tasks.why;
	d->status = tasks.status;
	return NULL;
}

static struct err *read_dsq(struct scx_walk *s, struct scx_dsq *d)
{
	const struct scx_layout *l = &s->l;
	uint64_t nr = 0, seq = 0;

	if (l->dsq_id.present)
		TRY(kget(s->k, d->row.kva, &l->dsq_id, &d->row.id));
	if (l->dsq_nr.present)
		TRY(kget(s->k, d->row.kva, &l->dsq_nr, &nr));
	if (l->dsq_seq.present)
		TRY(kget(s->k, d->row.kva, &l->dsq_seq, &seq));
	d->row.has_id = l->dsq_id.present;
	d->row.has_nr = l->dsq_nr.present;
	d->row.has_seq = l->dsq_seq.present;
	d->row.nr = (uint32_t)nr;
	d->row.seq = (uint32_t)seq;

	TRY(is_locked(s, d->row.kva, &l->dsq_lock, &d->locked));
	if (d->rq.v)
		TRY(is_locked(s, d->rq, &l->rq_lock, &d->locked));
	TRY(read_tasks(s, d));
	d->ok = true;
	return check(s, d);
}

static void read_one(void *ctx, size_t i)
{
	struct dsqs_job *job = ctx;
	struct scx_dsq *d = &job->dsqs->dsqs.data[i];

	if (!job->s->fatal)
		scx_failed(job->s, read_dsq(job->s, d), &d->failed);
}

/* Local, bypass, global, user; in each the root's first, by CPU, node or id. */
static int compare(const void *a, const void *b)
{
	const struct scx_dsq *x = a, *y = b;

	if (x->row.origin != y->row.origin)
		return x->row.origin < y->row.origin ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->row.index != y->row.index)
		return x->row.index < y->row.index ? -1 : 1;
	if (x->row.id != y->row.id)
		return x->row.id < y->row.id ? -1 : 1;
	return x->row.kva.v < y->row.kva.v ? -1 : x->row.kva.v > y->row.kva.v;
}

void scx_read_dsqs(struct scx_walk *s, struct scx_dsqs *dsqs)
{
	mem_each(s->k->mem, dsqs->dsqs.nr, read_one, &(struct dsqs_job){ s, dsqs });
}

struct err *scx_merge_dsqs(struct scx_dsqs *to, const struct scx_dsqs *from)
{
	for (size_t i = 0; i < from->dsqs.nr; i++) {
		struct scx_dsq *d = vec_push(&to->dsqs);

		if (!d)
			return &err_nomem;
		*d = from->dsqs.data[i];
	}
	if (to->dsqs.nr)
		qsort(to->dsqs.data, to->dsqs.nr, sizeof(*to->dsqs.data), compare);
	return NULL;
}
