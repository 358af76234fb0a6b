/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the scheduler keeps from running: real-time tasks and cgroups that have had their share. */
#include "config.h"

#include "walk/cpus.h"
#include "walk/objs.h"

enum {
	GROUPS_MAX = 65536,
	THROTTLED_MAX = 1024,
};

/* ---- one CPU */

static struct err *read_server(struct cpus_walk *c, struct kva rq, const struct member *m, const char *name,
			       struct cpu_row *row)
{
	const struct cpus_layout *l = &c->l;
	struct opt_u64 active = { 0 }, defer = { 0 }, running = { 0 };
	struct kva se;
	uint64_t left, throttled;

	if (!m->present || !l->dl_runtime.present || !l->dl_period.present || !l->dl_left.present ||
	    !l->dl_throttled.present || row->nr_servers == ARRAY_SIZE(row->servers))
		return NULL;
	struct cpu_server s = { .name = name };
	se = kmember(rq, m);
	TRY(kget(c->k, se, &l->dl_runtime, &s.runtime));
	TRY(kget(c->k, se, &l->dl_period, &s.period));
	TRY(kget(c->k, se, &l->dl_left, &left));
	TRY(kget(c->k, se, &l->dl_throttled, &throttled));
	TRY(cpus_get(c, se, &l->dl_active, &active));
	TRY(cpus_get(c, se, &l->dl_defer, &defer));
	TRY(cpus_get(c, se, &l->dl_running, &running));
	s.left = (int64_t)left;
	s.throttled = throttled;
	s.active = active.v;
	s.deferred = defer.v && !running.v;
	row->servers[row->nr_servers++] = s;
	return NULL;
}

struct err *cpus_read_limits(struct cpus_walk *c, struct kva rq, struct cpu_row *row)
{
	const struct cpus_layout *l = &c->l;
	struct opt_u64 stopped = { 0 }, throttled = { 0 };

	TRY(cpus_get(c, rq, &l->rq_tick_stopped, &stopped));
	row->has_tick_stopped = stopped.has;
	row->tick_stopped = stopped.v;
	TRY(cpus_get(c, rq, &l->rq_rt_time, &row->rt_time));
	TRY(cpus_get(c, rq, &l->rq_rt_runtime, &row->rt_runtime));
	TRY(cpus_get(c, rq, &l->rq_rt_throttled, &throttled));
	row->rt_throttled = throttled.v;
	TRY(read_server(c, rq, &l->rq_fair_server, "fair_server", row));
	return read_server(c, rq, &l->rq_ext_server, "ext_server", row);
}

/* ---- cgroups */

struct throttled_walk {
	struct cpus_walk *c;
	struct objs objs;
	struct kva group; /* whose queues are walked */
	struct throttled_row row; /* of the group */
	bool nomem;
	const char *why; /* of the first that could not be read */
};

static struct err *add_queue(struct throttled_walk *t, struct kva cfs)
{
	struct cpus_walk *c = t->c;
	const struct cpus_layout *l = &c->l;
	struct cpu_state *s = &c->w->r->cpus;
	struct throttled_row row = t->row;
	struct opt_u64 clock = { 0 };
	uint64_t cpu, now = 0;
	struct kva rq;

	TRY(kget_kva(c->k, cfs, &l->cfs_rq, &rq));
	TRY(kget(c->k, rq, &l->rq_cpu, &cpu));
	TRY(cpus_get(c, cfs, &l->cfs_nr, &row.nr_tasks));
	TRY(cpus_get(c, cfs, &l->cfs_clock, &clock));
	row.cpu = (uint32_t)cpu;
	for (size_t i = 0; i < s->rows.nr; i++)
		now = MAX(now, s->rows.data[i].clock.v);
	if (clock.v && clock.v <= now)
		row.age = (struct opt_u64){ true, now - clock.v };
	if (s->throttled.nr == THROTTLED_MAX) {
		s->throttled_cut = true;
		return NULL;
	}
	struct throttled_row *to = vec_push(&s->throttled);
	if (!to)
		return &err_nomem;
	*to = row;
	return NULL;
}

static bool each_queue(void *ctx, struct kva node)
{
	struct throttled_walk *t = ctx;

	return !cpus_failed(t->c, add_queue(t, (struct kva){ node.v - t->c->l.cfs_list.off }), &t->why) ||
	       !t->c->fatal;
}

/* Path and limits of a group, if any of its queues is throttled. */
static struct err *read_group(struct throttled_walk *t, struct kva group)
{
	struct cpus_walk *c = t->c;
	const struct cpus_layout *l = &c->l;
	struct kva bw = kmember(group, &l->tg_bw), head = kmember(bw, &l->bw_throttled), first, cgroup = { 0 };
	uint64_t quota, id;

	TRY(kget(c->k, bw, &l->bw_quota, &quota));
	if (quota == UINT64_MAX) /* RUNTIME_INF */
		return NULL;
	TRY(kread_kva(c->k, head, &first));
	if (first.v == head.v)
		return NULL;
	t->row = (struct throttled_row){ .quota = { true, quota } };
	TRY(cpus_get(c, bw, &l->bw_period, &t->row.period));
	if (l->css_cgroup.present && l->tg_css.present)
		TRY(kget_kva(c->k, kmember(group, &l->tg_css), &l->css_cgroup, &cgroup));
	if (cgroup.v)
		cpus_failed(c, objs_cgroup_read(&t->objs, cgroup, &id, &t->row.cgroup), &t->why);
	if (klist_walk(c->k, head, THROTTLED_MAX, each_queue, t, NULL) != WALK_COMPLETE)
		c->w->r->cpus.throttled_cut = true;
	return NULL;
}

static bool each_group(void *ctx, struct kva node)
{
	struct throttled_walk *t = ctx;

	return !cpus_failed(t->c, read_group(t, (struct kva){ node.v - t->c->l.tg_list.off }), &t->why) ||
	       !t->c->fatal;
}

struct err *cpus_read_throttled(struct cpus_walk *c)
{
	const struct cpus_layout *l = &c->l;
	struct throttled_walk t = { .c = c, .objs = { .k = c->k, .pool = &c->w->r->pool } };
	struct opt_u64 used = { 0 };
	struct kva groups;

	if (!l->tg_list.present || !l->tg_bw.present || !l->bw_quota.present || !l->bw_throttled.present ||
	    !l->cfs_list.present || !l->cfs_rq.present || !l->rq_cpu.present || !khas_sym(c->k, "task_groups"))
		return NULL; /* CONFIG_CFS_BANDWIDTH */
	/* A static key's count: there may be thousands of groups, and none with a limit. */
	TRY(cpus_var(c, "__cfs_bandwidth_used", 4, &used));
	if (used.has && !used.v)
		return NULL;
	TRY(objs_layout(c->k, &t.objs.l));
	TRY(ksym(c->k, "task_groups", &groups));
	enum walk_end end = klist_walk(c->k, groups, GROUPS_MAX, each_group, &t, NULL);
	if (c->fatal)
		return NULL; /* the caller looks */
	if (end == WALK_CAPPED)
		c->w->r->cpus.throttled_cut = true;
	else if (end != WALK_COMPLETE && end != WALK_STOPPED)
		return err_new(ERR_CORRUPT, "task groups: %s", walk_end_text(end));
	return t.why ? err_new(ERR_FAULT, "throttled task group: %s", t.why) : NULL;
}
