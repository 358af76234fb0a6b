/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One task: what is in its task_struct, and what that points to. */
#include "config.h"

#include "walk/tasks.h"

#include "base/cleanup.h"

void task_lost(struct task_reading *r, struct err *e)
{
	r->lost = true;
	if (walk_is_fatal(e)) {
		if (r->t->fatal)
			err_free(e);
		else
			r->t->fatal = e;
		return;
	}
	if (!r->why)
		r->why = pool_printf(&r->t->w->r->pool, "%s", e->msg);
	err_free(e);
}

bool task_get(struct task_reading *r, struct kva obj, const struct member *m, uint64_t *ret)
{
	if (!m->present || !obj.v || r->t->fatal)
		return false;
	/* The object may be this task by mistake, and the member one of another struct. */
	if (r->data && obj.v == r->kva.v && m->size <= 8 && m->off >= r->t->lo &&
	    (uint64_t)m->off + m->size <= r->t->hi) {
		struct member in_data = *m;

		in_data.off -= (uint32_t)r->t->lo;
		*ret = member_get(&in_data, r->data);
		return true;
	}
	struct err *e = kget(r->t->k, obj, m, ret);
	if (e)
		task_lost(r, e);
	return !e;
}

static uint64_t get_or_0(struct task_reading *r, struct kva obj, const struct member *m)
{
	uint64_t v = 0;

	task_get(r, obj, m, &v);
	return v;
}

static void get_opt(struct task_reading *r, struct kva obj, const struct member *m, struct opt_u64 *ret)
{
	ret->has = task_get(r, obj, m, &ret->v);
}

static void get_opt_i32(struct task_reading *r, struct kva obj, const struct member *m, struct opt_i32 *ret)
{
	uint64_t v;

	ret->has = task_get(r, obj, m, &v);
	if (ret->has)
		ret->v = (int32_t)v;
}

void task_get_opt(struct task_reading *r, const struct member *m, struct opt_u64 *ret)
{
	get_opt(r, r->kva, m, ret);
}

void task_get_opt_i32(struct task_reading *r, const struct member *m, struct opt_i32 *ret)
{
	get_opt_i32(r, r->kva, m, ret);
}

static bool get_comm(struct task_reading *r, struct kva task, char comm[17])
{
	const struct member *m = &r->t->l.comm;

	if (!m->present || !task.v || r->t->fatal)
		return false;
	struct err *e = kget_str(r->t->k, task, m, comm, 17);
	if (e)
		task_lost(r, e);
	return !e;
}

/* The number of a struct pid in the initial namespace. */
static void get_pid_nr(struct task_reading *r, struct kva signal, uint32_t type, struct opt_i32 *ret)
{
	const struct task_layout *l = &r->t->l;
	struct member slot = l->pids;
	struct kva pid = { 0 };

	if (type >= l->pids.nr)
		return;
	slot.off += 8 * type;
	slot.size = 8;
	if (task_get(r, signal, &slot, &pid.v))
		get_opt_i32(r, pid, &l->pid_nr, ret);
}

static void read_signal(struct task_reading *r, struct task_row *row)
{
	const struct task_layout *l = &r->t->l;
	struct kva signal = { get_or_0(r, r->kva, &l->signal) };

	/* NULL: the last of a task's life. */
	get_pid_nr(r, signal, r->t->pgid, &row->pgid);
	get_pid_nr(r, signal, r->t->sid, &row->sid);
	get_opt_i32(r, signal, &l->nr_threads, &row->nr_threads);
	get_opt(r, signal, &l->sig_nvcsw, &row->signal_nvcsw);
	get_opt(r, signal, &l->sig_nivcsw, &row->signal_nivcsw);
	get_opt(r, signal, &l->sig_utime, &row->signal_utime);
	get_opt(r, signal, &l->sig_stime, &row->signal_stime);
}

static void read_relatives(struct task_reading *r, struct task_row *row)
{
	const struct task_layout *l = &r->t->l;
	struct kva leader = { get_or_0(r, r->kva, &l->group_leader) };
	struct kva parent = { get_or_0(r, r->kva, &l->real_parent) };

	get_opt_i32(r, leader, &l->pid, &row->group_leader_pid);
	get_opt_i32(r, parent, &l->pid, &row->real_parent_pid);
	row->has_parent_comm = get_comm(r, parent, row->real_parent_comm);
}

static void read_class(struct task_reading *r, struct task_row *row)
{
	static const char *const names[NR_CLASSES] = {
		[CLASS_FAIR] = "fair", [CLASS_RT] = "rt",     [CLASS_DL] = "dl",
		[CLASS_IDLE] = "idle", [CLASS_STOP] = "stop", [CLASS_EXT] = "ext",
	};
	const struct task_walk *t = r->t;
	uint64_t sched_class = get_or_0(r, r->kva, &t->l.sched_class);
	uint64_t policy = 0;

	for (size_t i = 0; i < NR_CLASSES; i++) {
		if (t->classes[i].v && t->classes[i].v == sched_class)
			row->sched_class = names[i];
	}

	/*
	 * A task that inherits the priority of a waiter on a lock leaves the ext class for as long.  The
	 * format speaks of a task on a runnable list that is not in the class, but the kernel takes it
	 * off the list with the change.
	 */
	enum { MAX_RT_PRIO = 100 };
	bool known = task_get(r, r->kva, &t->l.policy, &policy) && task_knows(row, TASK_PRIO) &&
		     task_knows(row, TASK_NORMAL_PRIO);
	row->pi_boosted_out_of_scx =
		known && t->w->r->scx.has_sched && row->sched_class && t->classes[CLASS_EXT].v &&
		strcmp(row->sched_class, "ext") != 0 && row->normal_prio >= MAX_RT_PRIO &&
		row->prio < row->normal_prio && (policy == t->policy_ext || t->scx_all);
}

/* A member that the format has a number for, whatever is known of it. */
static uint64_t get_known(struct task_reading *r, struct task_row *row, const struct member *m, enum task_unknown what)
{
	uint64_t v = 0;

	if (!task_get(r, r->kva, m, &v))
		row->unknown |= what;
	return v;
}

static void read_all(struct task_reading *r, struct task_row *row)
{
	const struct task_layout *l = &r->t->l;

	row->tgid = (int32_t)get_known(r, row, &l->tgid, TASK_TGID);
	row->prio = (int32_t)get_known(r, row, &l->prio, TASK_PRIO);
	row->static_prio = (int32_t)get_known(r, row, &l->static_prio, TASK_STATIC_PRIO);
	row->normal_prio = (int32_t)get_known(r, row, &l->normal_prio, TASK_NORMAL_PRIO);
	row->rt_priority = (uint32_t)get_known(r, row, &l->rt_priority, TASK_RT_PRIORITY);
	row->nvcsw = get_known(r, row, &l->nvcsw, TASK_NVCSW);
	row->nivcsw = get_known(r, row, &l->nivcsw, TASK_NIVCSW);
	row->utime = get_known(r, row, &l->utime, TASK_UTIME);
	row->stime = get_known(r, row, &l->stime, TASK_STIME);
	row->cpu = (uint32_t)get_known(r, row, &l->cpu, TASK_CPU);
	row->weight = (uint32_t)get_known(r, row, &l->weight, TASK_WEIGHT);
	get_opt(r, r->kva, &l->core_cookie, &row->core_cookie);
	get_opt(r, r->kva, &l->state, &row->state);
	get_opt(r, r->kva, &l->scx_flags, &row->scx_flags);
	get_opt(r, r->kva, &l->dsq, &row->dsq_kva);
	get_opt(r, r->kva, &l->sched, &row->sched_kva);
	get_opt(r, r->kva, &l->runnable_at, &row->runnable_at);
	get_opt(r, r->kva, &l->slice, &row->slice);
	get_opt(r, r->kva, &l->vtime, &row->vtime);
	task_read_extra(r, row);
	read_class(r, row);
	read_relatives(r, row);
	read_signal(r, row);
}

bool task_read(struct task_walk *t, struct kva kva, struct task_row *row, const char **why)
{
	struct task_reading r = { .t = t, .kva = kva };
	_cleanup_free_ uint8_t *data = malloc(t->hi - t->lo + 1);
	uint64_t pid;

	if (!data) {
		task_lost(&r, &err_nomem);
		return false;
	}
	/* A page of it may be missing from a core; then member by member. */
	struct err *e = kread(t->k, (struct kva){ kva.v + t->lo }, data, t->hi - t->lo);
	if (!e && t->hi > t->lo)
		r.data = data;
	err_ignore(e);

	row->kva = kva;
	bool ok = task_get(&r, kva, &t->l.pid, &pid) && get_comm(&r, kva, row->comm);
	if (ok) {
		row->pid = (int32_t)pid;
		read_all(&r, row);
		row->unreadable = r.lost;
	}
	*why = r.why;
	return ok;
}
