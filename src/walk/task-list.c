/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which tasks there are.  The list of processes and that of sched_ext are long, and a list costs a round trip
 * for each entry.  The table of pids is flat: a few batches for any number of tasks.  So that is read first,
 * what it leads to is fetched at once, and the lists are then walked in the cache.
 */
#include "config.h"

#include "walk/tasks.h"

#include <inttypes.h>

#include "base/cleanup.h"

struct list_job {
	struct task_walk *t;
	struct task_kvas *ret;
	size_t skipped;
	struct err *fatal;
};

static bool push(struct list_job *j, uint64_t kva)
{
	struct kva *p = vec_push(&j->ret->kvas);

	if (!p) {
		j->fatal = &err_nomem;
		return false;
	}
	p->v = kva;
	return true;
}

/* Takes over what a walk left in `why`. */
static struct err *finish(struct list_job *j, enum walk_end end, struct err *why, const char *what,
			  const char **ret)
{
	struct pool *pool = &j->t->w->r->pool;
	const char *text = NULL;

	if (j->fatal || walk_is_fatal(why)) {
		if (!j->fatal)
			return why;
		err_free(why);
		return j->fatal;
	}
	if (end != WALK_COMPLETE)
		text = pool_printf(pool, "%s, after %zu: %s", what, j->ret->kvas.nr,
				   end == WALK_BROKEN && why ? why->msg : walk_end_text(end));
	else if (j->skipped)
		text = pool_printf(pool, "%s: %zu entries could not be read", what, j->skipped);
	err_free(why);
	if ((end != WALK_COMPLETE || j->skipped) && !text)
		return &err_nomem;
	*ret = text;
	return NULL;
}

/* ---- by pid */

static bool add_pid(void *ctx, uint64_t id, struct kva entry)
{
	(void)id;
	return push(ctx, entry.v);
}

/* From struct pid to its task: the only one on its tasks[PIDTYPE_PID]. */
static void pids_to_tasks(struct list_job *j, const struct task_kvas *pids)
{
	const struct task_layout *l = &j->t->l;

	for (size_t i = 0; i < pids->kvas.nr && !j->fatal; i++) {
		uint64_t node;
		struct err *e = kread_u64(j->t->k, kmember(pids->kvas.data[i], &l->pid_tasks), &node);

		if (walk_is_fatal(e)) {
			j->fatal = e;
		} else if (e) {
			err_free(e);
			j->skipped++;
		} else if (node > l->pid_links.off) { /* NULL: only a group or session has this number */
			push(j, node - l->pid_links.off);
		}
	}
}

static void fetch(struct kernel *k, const struct task_kvas *objs, uint64_t from, uint64_t to)
{
	_cleanup_free_ struct krange *ranges = calloc(objs->kvas.nr + 1, sizeof(*ranges));

	if (!ranges)
		return; /* then it takes longer */
	for (size_t i = 0; i < objs->kvas.nr; i++)
		ranges[i] = (struct krange){ { objs->kvas.data[i].v + from }, to - from };
	kprefetch(k, ranges, objs->kvas.nr);
}

void task_fetch_roots(struct task_walk *t)
{
	static const char *const names[] = { "init_pid_ns", "scx_tasks", "init_task",
					     "__scx_switched_all" };
	struct krange ranges[ARRAY_SIZE(names)];
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct kva sym;
		struct err *e = ksym(t->k, names[i], &sym);

		if (!e)
			ranges[nr++] = (struct krange){ sym, i == 2 ? t->hi : 256 };
		err_ignore(e);
	}
	kprefetch(t->k, ranges, nr);
}

void task_fetch(struct task_walk *t, const struct task_kvas *tasks)
{
	_cleanup_free_ struct krange *ranges = calloc(tasks->kvas.nr + 1, sizeof(*ranges));
	size_t nr = 0;

	fetch(t->k, tasks, t->lo, t->hi);
	if (!ranges || !t->l.signal.present)
		return;
	for (size_t i = 0; i < tasks->kvas.nr; i++) {
		struct kva signal;
		struct err *e = kget_kva(t->k, tasks->kvas.data[i], &t->l.signal, &signal);

		if (!e && signal.v)
			ranges[nr++] = (struct krange){ signal, t->l.signal_size.size };
		if (walk_is_fatal(e) && !t->fatal)
			t->fatal = e;
		else
			err_ignore(e);
	}
	kprefetch(t->k, ranges, nr);
}

struct err *task_list_pids(struct task_walk *t, struct task_kvas *ret, const char **why)
{
	const struct task_layout *l = &t->l;
	struct task_kvas pids = { 0 };
	struct list_job j = { .t = t, .ret = &pids };
	struct err *broken = NULL;
	struct kva ns;

	if (!l->ns_idr.present || !l->pid_tasks.present || !l->pid_links.present)
		return err_new(ERR_MISSING, "the types do not tell where pids lead to");
	TRY(ksym(t->k, "init_pid_ns", &ns));

	enum walk_end end = kidr_walk(t->k, kmember(ns, &l->ns_idr), 4 * WALK_LIST_MAX, add_pid, &j,
				      &broken);
	fetch(t->k, &pids, 0, l->pid_size.size);
	j.ret = ret;
	if (!j.fatal)
		pids_to_tasks(&j, &pids);
	free(pids.kvas.data);
	return finish(&j, end, broken, "table of pids", why);
}

/* ---- by process */

struct proc_job {
	struct list_job j;
	size_t left;	  /* of all lists together */
	struct err *why;  /* the first list of threads that broke off */
	size_t nr_broken; /* how many did */
};

static bool add_thread(void *ctx, struct kva node)
{
	struct proc_job *p = ctx;

	if (!p->left || node.v < p->j.t->l.thread_node.off)
		return false;
	p->left--;
	return push(&p->j, node.v - p->j.t->l.thread_node.off);
}

static void add_threads(struct proc_job *p, struct kva leader)
{
	const struct task_layout *l = &p->j.t->l;
	struct err *why = NULL;
	struct kva signal;

	struct err *e = kget_kva(p->j.t->k, leader, &l->signal, &signal);
	if (!e && !signal.v)
		e = err_new(ERR_CORRUPT, "a process without signal_struct");
	if (!e) {
		enum walk_end end = klist_walk(p->j.t->k, kmember(signal, &l->thread_head), WALK_LIST_MAX,
					       add_thread, p, &why);
		if (end == WALK_COMPLETE || p->j.fatal)
			return;
		e = end == WALK_BROKEN && why ? why : err_new(ERR_CORRUPT, "%s", walk_end_text(end));
	}
	if (walk_is_fatal(e)) {
		p->j.fatal = e;
		return;
	}
	p->nr_broken++;
	if (p->why)
		err_free(e);
	else
		p->why = e;
}

static bool add_process(void *ctx, struct kva node)
{
	struct proc_job *p = ctx;
	const struct task_layout *l = &p->j.t->l;

	if (!p->left || node.v < l->tasks.off)
		return false;
	struct kva leader = { node.v - l->tasks.off };
	p->left--;
	if (!push(&p->j, leader.v))
		return false;
	if (l->signal.present && l->thread_head.present && l->thread_node.present)
		add_threads(p, leader);
	return !p->j.fatal;
}

struct err *task_list_processes(struct task_walk *t, struct task_kvas *ret, const char **why, bool *capped)
{
	struct proc_job p = { .j = { .t = t, .ret = ret }, .left = 4 * WALK_LIST_MAX };
	struct err *broken = NULL;
	struct kva init;

	*capped = false;
	if (!t->l.tasks.present)
		return err_new(ERR_MISSING, "no list of processes");
	TRY(ksym(t->k, "init_task", &init));

	enum walk_end end = klist_walk(t->k, kmember(init, &t->l.tasks), 4 * WALK_LIST_MAX, add_process, &p,
				       &broken);
	_cleanup_err_ struct err *threads = p.why;
	*capped = !p.left || end == WALK_CAPPED;
	TRY(finish(&p.j, end, broken, "list of processes", why));
	if (!*why && threads) {
		*why = pool_printf(&t->w->r->pool, "threads of %zu processes; first: %s", p.nr_broken,
				   threads->msg);
		if (!*why)
			return &err_nomem;
	}
	return NULL;
}

/* ---- scx_tasks */

static bool add_scx(void *ctx, struct kva node)
{
	struct list_job *j = ctx;
	const struct task_layout *l = &j->t->l;
	uint32_t flags;

	if (node.v < l->tasks_node.off) {
		j->skipped++;
		return true;
	}
	/* An iterator puts a bare sched_ext_entity on the list: nothing of a task around it. */
	struct err *e = kread_u32(j->t->k, (struct kva){ node.v - l->tasks_node.off + l->scx_flags.off },
				  &flags);
	if (walk_is_fatal(e)) {
		j->fatal = e;
		return false;
	}
	if (e) {
		err_free(e);
		j->skipped++;
		return true;
	}
	if (flags & j->t->cursor)
		return true;
	return push(j, node.v - l->tasks_node.off);
}

struct err *task_list_scx(struct task_walk *t, struct task_kvas *ret, const char **why, bool *capped)
{
	struct list_job j = { .t = t, .ret = ret };
	struct err *broken = NULL;
	struct kva head;

	if (!t->l.tasks_node.present || !t->l.scx_flags.present)
		return err_new(ERR_MISSING, "no scx_tasks");
	TRY(ksym(t->k, "scx_tasks", &head));

	enum walk_end end = klist_walk(t->k, head, WALK_LIST_MAX, add_scx, &j, &broken);
	*capped = end == WALK_CAPPED;
	return finish(&j, end, broken, "scx_tasks", why);
}
