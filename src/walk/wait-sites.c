/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a sleeping task waits for, by the functions on its stack.  The innermost one that is known tells; but what sleeps
 * for a completion, or on a queue, is told better by who called it, so for those the callers are asked as well.
 */
#include "config.h"

#include "walk/waits.h"

enum {
	INNER_FRAMES = 12, OUTER_FRAMES = 20, /* looked at */
	/* task_struct.__state */
	UNINTERRUPTIBLE = 2, NOLOAD = 0x400, FROZEN = 0x8000,
};

struct site {
	const char *name;
	enum wait_kind kind;
	const char *rcu;
};

/* Functions that sleep. */
static const struct site sleepers[] = {
	{ "__mutex_lock", WAIT_MUTEX, NULL },
	{ "__mutex_lock_slowpath", WAIT_MUTEX, NULL },
	{ "__mutex_lock_killable_slowpath", WAIT_MUTEX, NULL },
	{ "__mutex_lock_interruptible_slowpath", WAIT_MUTEX, NULL },
	{ "__ww_mutex_lock", WAIT_MUTEX, NULL },
	{ "rwsem_down_read_slowpath", WAIT_RWSEM_READ, NULL },
	{ "rwsem_down_write_slowpath", WAIT_RWSEM_WRITE, NULL },
	{ "__down", WAIT_SEMAPHORE, NULL },
	{ "__down_common", WAIT_SEMAPHORE, NULL },
	{ "___down_common", WAIT_SEMAPHORE, NULL },
	{ "__down_interruptible", WAIT_SEMAPHORE, NULL },
	{ "__down_killable", WAIT_SEMAPHORE, NULL },
	{ "__down_timeout", WAIT_SEMAPHORE, NULL },
	{ "rt_mutex_slowlock_block", WAIT_RT_MUTEX, NULL },
	{ "__rt_mutex_slowlock", WAIT_RT_MUTEX, NULL },
	{ "__rt_mutex_slowlock_locked", WAIT_RT_MUTEX, NULL },
	{ "rt_mutex_slowlock", WAIT_RT_MUTEX, NULL },
	{ "rt_mutex_wait_proxy_lock", WAIT_RT_MUTEX, NULL },
	/* PREEMPT_RT: spin locks, mutexes and rwsems are of this kind. */
	{ "rtlock_slowlock_locked", WAIT_RT_MUTEX, NULL },
	{ "rtlock_slowlock", WAIT_RT_MUTEX, NULL },
	{ "__rwbase_read_lock", WAIT_RT_MUTEX, NULL },
	{ "rwbase_write_lock", WAIT_RT_MUTEX, NULL },
	{ "percpu_rwsem_wait", WAIT_PERCPU_READ, NULL },
	{ "percpu_down_write", WAIT_PERCPU_WRITE, NULL },
	{ "__wait_for_common", WAIT_COMPLETION, NULL },
	{ "wait_for_completion", WAIT_COMPLETION, NULL },
	{ "wait_for_completion_timeout", WAIT_COMPLETION, NULL },
	{ "wait_for_completion_killable", WAIT_COMPLETION, NULL },
	{ "wait_for_completion_interruptible", WAIT_COMPLETION, NULL },
	{ "wait_for_completion_state", WAIT_COMPLETION, NULL },
	{ "futex_do_wait", WAIT_FUTEX, NULL }, /* 6.14+ */
	{ "futex_wait_queue", WAIT_FUTEX, NULL },
	{ "futex_wait_queue_me", WAIT_FUTEX, NULL },
	{ "futex_wait_multiple", WAIT_FUTEX, NULL },
	{ "folio_wait_bit_common", WAIT_FOLIO, NULL },
};

/* Those that call them, or wait for an event of their own. */
static const struct site callers[] = {
	/* The inner one may be inlined. */
	{ "__flush_work", WAIT_WORK, NULL },
	{ "flush_work", WAIT_WORK, NULL },
	{ "__cancel_work_sync", WAIT_WORK, NULL },
	{ "__cancel_work_timer", WAIT_WORK, NULL }, /* to 6.9 */
	{ "flush_workqueue", WAIT_WORK, NULL },
	{ "__flush_workqueue", WAIT_WORK, NULL }, /* 6.1 */
	{ "do_lock_file_wait", WAIT_FILE_LOCK, NULL },
	{ "fcntl_setlk", WAIT_FILE_LOCK, NULL },
	{ "fcntl_setlk64", WAIT_FILE_LOCK, NULL },
	{ "locks_lock_inode_wait", WAIT_FILE_LOCK, NULL },
	{ "flock_lock_inode_wait", WAIT_FILE_LOCK, NULL },
	{ "posix_lock_inode_wait", WAIT_FILE_LOCK, NULL },
	{ "__break_lease", WAIT_FILE_LOCK, NULL },
	{ "__wait_rcu_gp", WAIT_RCU, "rcu" },
	{ "synchronize_rcu_normal", WAIT_RCU, "rcu" }, /* 6.10 */
	{ "synchronize_rcu", WAIT_RCU, "rcu" },
	{ "synchronize_rcu_expedited", WAIT_RCU, "expedited" },
	{ "rcu_barrier", WAIT_RCU, "barrier" },
	{ "__synchronize_srcu", WAIT_RCU, "srcu" },
	{ "synchronize_srcu", WAIT_RCU, "srcu" },
	{ "synchronize_srcu_expedited", WAIT_RCU, "srcu" },
	{ "srcu_barrier", WAIT_RCU, "srcu" },
	{ "synchronize_rcu_tasks_generic", WAIT_RCU, "tasks" },
	{ "synchronize_rcu_tasks", WAIT_RCU, "tasks" },
	{ "synchronize_rcu_tasks_rude", WAIT_RCU, "tasks_rude" },
	{ "synchronize_rcu_tasks_trace", WAIT_RCU, "tasks_trace" },
	{ "rcu_barrier_tasks", WAIT_RCU, "tasks" },
	{ "rcu_barrier_tasks_trace", WAIT_RCU, "tasks_trace" },
};

const struct kstack_frame *wait_top_frame(const struct kstack_row *s, size_t *i, size_t *exact)
{
	enum { LOOKED_AT = 4 };

	for (; *i < s->nr_frames; ++*i) {
		const struct kstack_frame *f = &s->frames[*i];

		if (f->kind == FRAME_GUESS || f->kind == FRAME_USER)
			return NULL;
		if (f->kind == FRAME_EXACT)
			*exact = *i;
		if (*i - *exact < LOOKED_AT)
			return f;
	}
	return NULL;
}

bool wait_is_function(const char *symbol, const char *name)
{
	size_t len = strcspn(symbol, ".");

	return strlen(name) == len && !strncmp(symbol, name, len);
}

static const struct site *site_of(const struct kstack_frame *f, const struct site *sites, size_t nr)
{
	for (size_t i = 0; f->symbol && i < nr; i++) {
		if (wait_is_function(f->symbol, sites[i].name))
			return &sites[i];
	}
	return NULL;
}

static bool is_certain(const struct kstack_frame *f)
{
	return f->kind != FRAME_GUESS && f->kind != FRAME_USER;
}

static bool find_sleeper(const struct kstack_row *s, struct wait_site *ret)
{
	for (size_t i = 0; i < MIN(s->nr_frames, (size_t)INNER_FRAMES) && is_certain(&s->frames[i]); i++) {
		const struct site *site = site_of(&s->frames[i], sleepers, ARRAY_SIZE(sleepers));

		if (!site)
			continue;
		*ret = (struct wait_site){ .kind = site->kind, .function = s->frames[i].symbol, .frame = i };
		/* One writer waits for another as a reader does. */
		if (ret->kind == WAIT_PERCPU_READ && i + 1 < s->nr_frames && s->frames[i + 1].symbol &&
		    wait_is_function(s->frames[i + 1].symbol, "percpu_down_write"))
			ret->kind = WAIT_PERCPU_WRITE;
		return true;
	}
	return false;
}

/* Of functions for grace periods the outermost says of which kind it is. */
static bool find_caller(const struct kstack_row *s, struct wait_site *ret)
{
	bool found = false;

	for (size_t i = 0; i < MIN(s->nr_frames, (size_t)OUTER_FRAMES) && is_certain(&s->frames[i]); i++) {
		const struct site *site = site_of(&s->frames[i], callers, ARRAY_SIZE(callers));

		if (!site || (found && (site->kind != WAIT_RCU || ret->kind != WAIT_RCU)))
			continue;
		if (!found)
			ret->frame = i;
		ret->kind = site->kind;
		ret->function = s->frames[i].symbol;
		ret->rcu = site->rcu;
		found = true;
	}
	return found;
}

/* State D, and neither an idle thread of the kernel nor frozen on purpose. */
static bool should_not_take_long(uint64_t state)
{
	return (state & UNINTERRUPTIBLE) && !(state & (NOLOAD | FROZEN));
}

bool wait_find_site(const struct kstack_row *s, uint64_t state, struct wait_site *ret)
{
	struct wait_site outer = { 0 };
	bool known = find_sleeper(s, ret);

	if (!known || ret->kind == WAIT_COMPLETION) {
		if (find_caller(s, &outer)) {
			if (known)
				outer.frame = ret->frame;
			*ret = outer;
			return true;
		}
	}
	if (known)
		return true;
	if (!should_not_take_long(state) || !s->wchan || !is_certain(&s->frames[s->wchan - 1]))
		return false;
	*ret = (struct wait_site){ .kind = WAIT_QUEUE, .function = s->frames[s->wchan - 1].symbol,
				   .frame = s->wchan - 1 };
	return ret->function;
}
