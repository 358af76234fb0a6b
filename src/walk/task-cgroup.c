/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A task's cgroup in the default hierarchy: task_struct.cgroups->dfl_cgrp.  Thousands of tasks share a few
 * css_sets, and these fewer cgroups: each is followed once.
 */
#include "config.h"

#include "walk/tasks.h"

#include "base/cleanup.h"
#include "walk/objs.h"

struct ref {
	struct kva css_set, cgroup;
	const char *path;
	uint64_t id;
	struct err *e; /* why there is no path */
};

struct refs {
	struct task_walk *t;
	struct objs objs;
	VEC(struct ref) refs; /* by css_set */
};

static void refs_deinit(struct refs *r)
{
	for (size_t i = 0; i < r->refs.nr; i++)
		err_free(r->refs.data[i].e);
	free(r->refs.data);
}

static int by_css_set(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	return x->css_set.v < y->css_set.v ? -1 : x->css_set.v > y->css_set.v;
}

static int by_cgroup(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	return x->cgroup.v < y->cgroup.v ? -1 : x->cgroup.v > y->cgroup.v;
}

/* Each css_set once. */
static struct err *collect(struct refs *r)
{
	const struct report *report = r->t->w->r;
	size_t nr = 0;

	for (size_t i = 0; i < report->tasks.nr; i++) {
		struct kva css_set = report->tasks.data[i].x.css_set;

		/* Neighbours mostly share it. */
		if (!css_set.v || (r->refs.nr && r->refs.data[r->refs.nr - 1].css_set.v == css_set.v))
			continue;
		struct ref *ref = vec_push(&r->refs);
		if (!ref)
			return &err_nomem;
		ref->css_set = css_set;
	}
	if (r->refs.nr)
		qsort(r->refs.data, r->refs.nr, sizeof(*r->refs.data), by_css_set);
	for (size_t i = 0; i < r->refs.nr; i++) {
		if (!nr || r->refs.data[i].css_set.v != r->refs.data[nr - 1].css_set.v)
			r->refs.data[nr++] = r->refs.data[i];
	}
	r->refs.nr = nr;
	return NULL;
}

static void find_cgroup(void *ctx, size_t i)
{
	struct refs *r = ctx;
	struct ref *ref = &r->refs.data[i];

	ref->e = kget_kva(r->t->k, ref->css_set, &r->t->l.dfl_cgrp, &ref->cgroup);
	if (!ref->e && !ref->cgroup.v)
		ref->e = err_new(ERR_CORRUPT, "a css_set without a cgroup");
}

static void find_path(void *ctx, size_t i)
{
	struct refs *r = ctx;
	struct ref *ref = &r->refs.data[i];
	struct facts facts = { 0 };

	/* The same as the one before: filled in afterwards. */
	if (ref->e || (i && ref->cgroup.v == ref[-1].cgroup.v))
		return;
	ref->e = objs_cgroup(&r->objs, ref->cgroup, &facts);
	for (const struct fact *f = facts.first; f; f = f->next) {
		if (!strcmp(f->key, "cgroup_id"))
			ref->id = f->num;
		else if (!strcmp(f->key, "cgroup_path"))
			ref->path = f->text;
	}
}

/* Copies what was found to those of the same cgroup; the first fatal error, or NULL. */
static struct err *spread(struct refs *r)
{
	for (size_t i = 0; i < r->refs.nr; i++) {
		struct ref *ref = &r->refs.data[i];

		if (walk_is_fatal(ref->e))
			return take_ptr(ref->e);
		if (!ref->e && i && ref->cgroup.v == ref[-1].cgroup.v) {
			ref->path = ref[-1].path;
			ref->id = ref[-1].id;
		}
	}
	return NULL;
}

static struct err *fill(struct refs *r)
{
	struct report *report = r->t->w->r;
	const char *why = NULL;
	size_t lost = 0;

	for (size_t i = 0; i < report->tasks.nr; i++) {
		struct task_extra *x = &report->tasks.data[i].x;
		struct ref key = { .css_set = x->css_set }, *ref = NULL;

		if (x->css_set.v && r->refs.nr)
			ref = bsearch(&key, r->refs.data, r->refs.nr, sizeof(key), by_css_set);
		if (!ref)
			continue;
		x->cgroup = ref->path;
		x->cgroup_id = ref->id;
		lost += !ref->path;
		if (ref->e && !why)
			why = ref->e->msg;
	}
	if (!lost)
		return NULL;
	return report_section(report, "tasks", SECTION_NOT_READABLE, "cgroups of %zu tasks; first: %s", lost,
			      why ? why : "?");
}

struct err *task_cgroups(struct task_walk *t)
{
	_cleanup_(refs_deinit) struct refs r = {
		.t = t,
		.objs = { .k = t->k, .pool = &t->w->r->pool },
	};

	if (!t->l.dfl_cgrp.present)
		return NULL;
	TRY(objs_layout(t->k, &r.objs.l));
	TRY(collect(&r));
	mem_each(t->k->mem, r.refs.nr, find_cgroup, &r);
	if (r.refs.nr)
		qsort(r.refs.data, r.refs.nr, sizeof(*r.refs.data), by_cgroup);
	mem_each(t->k->mem, r.refs.nr, find_path, &r);
	TRY(spread(&r));
	if (r.refs.nr)
		qsort(r.refs.data, r.refs.nr, sizeof(*r.refs.data), by_css_set);
	return fill(&r);
}
