/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <string.h>

#include "fake-sleepers.h"

static const uint64_t some_mutex = 0xffffffff83000000;

enum {
	/* struct task_struct */
	T_MM = 0, T_PI = 8, T_BLOCKED_ON = 16, T_BLOCKER = 24, T_WAKEE = 32, T_SIZE = 64,
	/* locks */
	MUTEX_LIST = 24, RWSEM_LIST = 24, SEM_LIST = 8, SEM_HOLDER = 24,
	W_TASK = 16, /* of all kinds of waiters: list, then task */
	PERCPU_READERS = 0, PERCPU_WRITER = 8, PERCPU_WAITERS = 24, PERCPU_BLOCK = 48,
	Q_TASK = 40, Q_LOCK = 48, Q_MM = 64, Q_ADDRESS = 72, Q_OFFSET = 80, /* struct futex_q */
	MMAP_LOCK = 128,
};

enum generation {
	LISTS,	/* to 7.0: a lock is on the list of its waiters; nothing in the task */
	FIRST,	/* 7.1+: a lock points to its first waiter */
	RECORDS, /* the task knows its lock */
};

struct fixture {
	struct sleepers s;
	enum generation gen;
};

static void put(struct fixture *f, uint64_t va, uint64_t v)
{
	sleepers_put(&f->s, va, v);
}

static void add_types(struct sleepers *s, enum generation gen)
{
	struct fake_kernel *fk = s->fk;
	int list = s->list;
	struct fake_field task[] = {
		{ "mm", fk->ptr, T_MM }, { "pi_blocked_on", fk->ptr, T_PI }, { "last_wakee", fk->ptr, T_WAKEE },
		{ "blocked_on", fk->ptr, T_BLOCKED_ON }, { "blocker", fk->u64, T_BLOCKER },
	};
	fake_kernel_struct(fk, "task_struct", T_SIZE, task, gen == RECORDS ? 5 : 3);
	const char *waiters = gen == LISTS ? "wait_list" : "first_waiter";
	int what = gen == LISTS ? list : fk->ptr;
	struct fake_field mutex[] = { { "owner", fk->u64, 0 }, { waiters, what, MUTEX_LIST } };
	fake_kernel_struct(fk, "mutex", 40, mutex, 2);
	struct fake_field rwsem[] = { { "count", fk->u64, 0 }, { "owner", fk->u64, 8 },
				      { waiters, what, RWSEM_LIST } };
	int rwsem_t = fake_kernel_struct(fk, "rw_semaphore", 40, rwsem, 3);
	struct fake_field mm[] = { { "mmap_lock", rwsem_t, MMAP_LOCK } };
	fake_kernel_struct(fk, "mm_struct", 256, mm, 1);
	struct fake_field sem[] = { { "count", fk->u32, 4 }, { waiters, what, SEM_LIST },
				    { "last_holder", fk->u64, SEM_HOLDER } };
	fake_kernel_struct(fk, "semaphore", 32, sem, gen == LISTS ? 2 : 3);
	struct fake_field waiter[] = { { "list", list, 0 }, { "task", fk->ptr, W_TASK } };
	fake_kernel_struct(fk, "mutex_waiter", 32, waiter, 2);
	fake_kernel_struct(fk, "rwsem_waiter", 48, waiter, 2);
	fake_kernel_struct(fk, "semaphore_waiter", 32, waiter, 2);
	struct fake_field rt[] = { { "owner", fk->ptr, 24 } };
	fake_kernel_struct(fk, "rt_mutex_base", 32, rt, 1);
	struct fake_field rt_waiter[] = { { "lock", fk->ptr, 88 } };
	fake_kernel_struct(fk, "rt_mutex_waiter", 104, rt_waiter, 1);
	struct fake_field rcuwait[] = { { "task", fk->ptr, 0 } };
	int wait_t = fake_kernel_struct(fk, "rcuwait", 8, rcuwait, 1);
	struct fake_field percpu[] = { { "read_count", fk->ptr, PERCPU_READERS },
				       { "writer", wait_t, PERCPU_WRITER },
				       { "waiters", s->wait_head, PERCPU_WAITERS - 8 },
				       { "block", fk->u32, PERCPU_BLOCK } };
	fake_kernel_struct(fk, "percpu_rw_semaphore", 64, percpu, 4);
	struct fake_field swh[] = { { "task_list", list, 8 } };
	int swh_t = fake_kernel_struct(fk, "swait_queue_head", 24, swh, 1);
	struct fake_field completion[] = { { "done", fk->u32, 0 }, { "wait", swh_t, 8 } };
	fake_kernel_struct(fk, "completion", 32, completion, 2);
	struct fake_field private[] = { { "mm", fk->ptr, 0 }, { "address", fk->u64, 8 },
					{ "offset", fk->u32, 16 } };
	int private_t = fake_kernel_struct(fk, "private", 24, private, 3);
	struct fake_field key[] = { { "private", private_t, 0 } };
	int key_t = fake_kernel_struct(fk, "futex_key", 24, key, 1);
	struct fake_field q[] = { { "task", fk->ptr, Q_TASK }, { "lock_ptr", fk->ptr, Q_LOCK },
				  { "key", key_t, Q_MM } };
	fake_kernel_struct(fk, "futex_q", 128, q, 3);
}

static void setup(struct fixture *f, enum generation gen)
{
	sleepers_new(&f->s);
	f->gen = gen;
	add_types(&f->s, gen);
	fake_kernel_symbol(f->s.fk, "some_mutex", some_mutex);
	fake_kernel_map(f->s.fk, some_mutex);
	sleepers_ready(&f->s);
	for (size_t i = 0; i < SLEEPERS; i++)
		put(f, sleeper_at(i) + T_MM, sleepers_room + 0x8000 + 0x1000 * i);
}

/* Task i sleeps in schedule(), called by this, called by that. */
static void sleeps(struct fixture *f, size_t i, uint64_t state, const char *function, const char *caller)
{
	sleepers_sleep(&f->s, i, state, (const char *const[]){ function, caller, NULL });
}

/* The waiter of task i: list, task; its address. */
static uint64_t waiter(struct fixture *f, size_t i)
{
	uint64_t at = sleeper_sp(i) + 0x80;

	put(f, at + W_TASK, sleeper_at(i));
	return at;
}

/* Tasks 1 ... nr wait for the lock, whose list or pointer is at off. */
static void queue(struct fixture *f, uint64_t lock, uint64_t off, size_t nr)
{
	uint64_t nodes[SLEEPERS + 1];

	for (size_t i = 0; i < nr; i++) {
		nodes[i] = waiter(f, i + 1);
		put(f, sleeper_sp(i + 1) + 0x110, lock); /* the caller's copy */
	}
	nodes[nr] = lock + off;
	sleepers_link(&f->s, nodes, nr + (f->gen == LISTS));
	if (f->gen != LISTS)
		put(f, lock + off, nodes[0]);
}

static const struct wait_row *row_of(struct fixture *f, size_t task)
{
	return sleeper_wait(&f->s, task);
}

static void check(struct fixture *f, size_t task, enum wait_kind kind, uint64_t lock, const char *by,
		  size_t holder, enum wait_basis basis)
{
	const struct wait_row *r = row_of(f, task);

	CU_ASSERT_EQUAL(r->kind, kind);
	CU_ASSERT_EQUAL(r->lock.v, lock);
	CU_ASSERT_EQUAL(r->pid, 10 + (int32_t)task);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->found_by);
	CU_ASSERT_STRING_EQUAL(r->found_by, by);
	CU_ASSERT_PTR_NULL(r->why);
	CU_ASSERT_TRUE_FATAL(r->has_holder);
	CU_ASSERT_EQUAL(r->holder.task.v, sleeper_at(holder));
	CU_ASSERT_EQUAL(r->holder.pid, 10 + (int32_t)holder);
	CU_ASSERT_EQUAL(r->holder.basis, basis);
}

static void test_mutex(void)
{
	for (enum generation gen = LISTS; gen <= RECORDS; gen++) {
		const uint64_t lock = some_mutex;
		struct fixture f;

		setup(&f, gen);
		put(&f, lock, sleeper_at(4) | 1);
		queue(&f, lock, MUTEX_LIST, 3);
		/* Something else that points to the task, in an empty list. */
		sleepers_link(&f.s, (uint64_t[]){ sleeper_sp(1) + 0x40 }, 1);
		put(&f, sleeper_sp(1) + 0x40 + W_TASK, sleeper_at(1));
		for (size_t i = 1; i <= 2; i++)
			sleeps(&f, i, 2, "__mutex_lock.constprop.0", "pipe_write");
		sleeps(&f, 3, 0, "__mutex_lock", "pipe_write"); /* woken */
		sleeps(&f, 4, 1, "do_nanosleep", "pause");
		if (gen == RECORDS) {
			put(&f, sleeper_at(1) + T_BLOCKED_ON, lock);
			put(&f, sleeper_at(2) + T_BLOCKER, lock);
		}
		ASSERT_OK(walk_waits(&f.s.w));
		CU_ASSERT_EQUAL(f.s.r->waits.nr, 2);
		check(&f, 1, WAIT_MUTEX, lock,
		      gen == RECORDS ? "task_struct.blocked_on" : "mutex_waiter on its stack", 4, WAIT_RECORDED);
		check(&f, 2, WAIT_MUTEX, lock,
		      gen == RECORDS ? "task_struct.blocker" : "mutex_waiter on its stack", 4, WAIT_RECORDED);
		CU_ASSERT_STRING_EQUAL(row_of(&f, 1)->lock_name, "some_mutex");
		CU_ASSERT_TRUE(row_of(&f, 1)->uninterruptible);
		CU_ASSERT_STRING_EQUAL(row_of(&f, 1)->function, "__mutex_lock.constprop.0");
		CU_ASSERT_EQUAL(report_find_section(f.s.r, "waits")->status, SECTION_COMPLETE);
		CU_ASSERT_PTR_NULL(report_find_section(f.s.r, "waits")->cut);
		sleepers_destroy(&f.s);
	}
}

static void test_rwsem(void)
{
	for (enum generation gen = LISTS; gen <= FIRST; gen++) {
		const uint64_t mmap_lock = sleepers_room + 0x8000 + 0x5000 + MMAP_LOCK;
		struct fixture f;

		/* Two readers, a writer behind them, a reader behind that. */
		setup(&f, gen);
		put(&f, mmap_lock, 2 << 8 | 2);
		put(&f, mmap_lock + 8, sleeper_at(4) | 1);
		queue(&f, mmap_lock, RWSEM_LIST, 2);
		/* What lies before a waiter may look like a lock, too. */
		put(&f, sleeper_sp(2) + 0x80 - RWSEM_LIST, 0x102);
		put(&f, sleeper_sp(2) + 0x80 - RWSEM_LIST + 8, sleeper_at(3) | 1);
		sleeps(&f, 1, 2, "rwsem_down_write_slowpath", "mmap");
		sleeps(&f, 2, 0x102, "rwsem_down_read_slowpath", "fault");
		ASSERT_OK(walk_waits(&f.s.w));
		check(&f, 1, WAIT_RWSEM_WRITE, mmap_lock, "rwsem_waiter on its stack", 4, WAIT_HINTED);
		check(&f, 2, WAIT_RWSEM_READ, mmap_lock, "rwsem_waiter on its stack", 4, WAIT_HINTED);
		CU_ASSERT_STRING_EQUAL(row_of(&f, 1)->lock_name, "mmap_lock of task-5[15]");
		CU_ASSERT_TRUE(row_of(&f, 1)->readers.has);
		CU_ASSERT_EQUAL(row_of(&f, 1)->readers.v, 2);
		sleepers_destroy(&f.s);

		/* A writer is recorded. */
		setup(&f, gen);
		put(&f, mmap_lock, 3);
		put(&f, mmap_lock + 8, sleeper_at(0));
		queue(&f, mmap_lock, RWSEM_LIST, 1);
		sleeps(&f, 1, 2, "rwsem_down_read_slowpath", "fault");
		ASSERT_OK(walk_waits(&f.s.w));
		check(&f, 1, WAIT_RWSEM_READ, mmap_lock, "rwsem_waiter on its stack", 0, WAIT_RECORDED);
		sleepers_destroy(&f.s);

		/* The last reader has died; the lock remains. */
		setup(&f, gen);
		put(&f, mmap_lock, 1 << 8 | 2);
		put(&f, mmap_lock + 8, (sleeper_at(0) + 0x80000) | 1);
		queue(&f, mmap_lock, RWSEM_LIST, 1);
		sleeps(&f, 1, 2, "rwsem_down_write_slowpath", "mmap");
		ASSERT_OK(walk_waits(&f.s.w));
		CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, mmap_lock);
		CU_ASSERT_PTR_NULL(row_of(&f, 1)->holder.comm);
		CU_ASSERT_PTR_NOT_NULL(row_of(&f, 1)->why);
		sleepers_destroy(&f.s);
	}
}

static void test_semaphore(void)
{
	struct fixture f;

	setup(&f, LISTS);
	queue(&f, sleepers_room, SEM_LIST, 2);
	sleeps(&f, 1, 2, "__down", "ioctl");
	sleeps(&f, 2, 1, "__down_interruptible", "ioctl");
	ASSERT_OK(walk_waits(&f.s.w));
	CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, sleepers_room);
	CU_ASSERT_EQUAL(row_of(&f, 2)->lock.v, sleepers_room);
	CU_ASSERT_FALSE(row_of(&f, 1)->has_holder);
	CU_ASSERT_FALSE(row_of(&f, 2)->uninterruptible);
	sleepers_destroy(&f.s);

	setup(&f, FIRST);
	queue(&f, sleepers_room, SEM_LIST, 1);
	put(&f, sleepers_room + SEM_HOLDER, sleeper_at(3));
	sleeps(&f, 1, 2, "__down", "ioctl");
	ASSERT_OK(walk_waits(&f.s.w));
	check(&f, 1, WAIT_SEMAPHORE, sleepers_room, "semaphore_waiter on its stack", 3, WAIT_HINTED);
	sleepers_destroy(&f.s);
}

static void test_futex(void)
{
	struct fixture f;
	uint64_t q = sleeper_sp(1) + 0x100, rt_waiter = sleeper_sp(2) + 0x40;

	setup(&f, LISTS);
	put(&f, sleeper_sp(1) + 0x80, sleeper_at(1)); /* no futex_q, but the same pointer */
	put(&f, q + Q_TASK, sleeper_at(1));
	put(&f, q + Q_LOCK, sleepers_room + 0x40);
	put(&f, q + Q_MM, sleepers_room + 0x8000 + 0x1000);
	put(&f, q + Q_ADDRESS, 0x7f0000001000);
	put(&f, q + Q_OFFSET, 0x124);
	sleeps(&f, 1, 1, "futex_wait_queue", "futex_wait");
	put(&f, sleeper_at(2) + T_PI, rt_waiter);
	put(&f, rt_waiter + 88, sleepers_room + 0x100);
	put(&f, sleepers_room + 0x100 + 24, sleeper_at(5) | 1);
	sleeps(&f, 2, 1, "rt_mutex_slowlock_block.constprop.0", "rt_mutex_wait_proxy_lock");
	ASSERT_OK(walk_waits(&f.s.w));
	CU_ASSERT_EQUAL(row_of(&f, 1)->kind, WAIT_FUTEX);
	CU_ASSERT_TRUE(row_of(&f, 1)->uaddr.has);
	CU_ASSERT_EQUAL(row_of(&f, 1)->uaddr.v, 0x7f0000001124);
	CU_ASSERT_PTR_NULL(row_of(&f, 1)->why);
	check(&f, 2, WAIT_RT_MUTEX, sleepers_room + 0x100, "task_struct.pi_blocked_on", 5, WAIT_RECORDED);
	CU_ASSERT_FALSE(row_of(&f, 2)->uaddr.has);
	CU_ASSERT_PTR_NULL(report_find_section(f.s.r, "waits")->cut);
	sleepers_destroy(&f.s);

	/* A futex in a file has no address in its key. */
	setup(&f, LISTS);
	put(&f, q + Q_TASK, sleeper_at(1));
	put(&f, q + Q_LOCK, sleepers_room + 0x40);
	put(&f, q + Q_MM, 77);
	put(&f, q + Q_ADDRESS, 3);
	put(&f, q + Q_OFFSET, 0x125);
	sleeps(&f, 1, 1, "futex_wait_queue", "futex_wait");
	ASSERT_OK(walk_waits(&f.s.w));
	CU_ASSERT_FALSE(row_of(&f, 1)->uaddr.has);
	CU_ASSERT_PTR_NOT_NULL(row_of(&f, 1)->why);
	CU_ASSERT_PTR_NOT_NULL(report_find_section(f.s.r, "waits")->cut);
	sleepers_destroy(&f.s);
}

static void test_completion(void)
{
	const uint64_t done = sleepers_room + 0x200;
	uint64_t nodes[] = { sleeper_sp(1) + 0x88, sleeper_sp(2) + 0x88, done + 16 };
	struct fixture f;

	setup(&f, LISTS);
	put(&f, sleeper_sp(1) + 0x80, sleeper_at(1));
	put(&f, sleeper_sp(2) + 0x80, sleeper_at(2));
	sleepers_link(&f.s, nodes, 3);
	sleeps(&f, 1, 2, "__wait_for_common", "wait_for_completion");
	sleeps(&f, 2, 2, "__wait_for_common", "wait_for_completion");
	ASSERT_OK(walk_waits(&f.s.w));
	for (size_t i = 1; i <= 2; i++) {
		CU_ASSERT_EQUAL(row_of(&f, i)->kind, WAIT_COMPLETION);
		CU_ASSERT_EQUAL(row_of(&f, i)->lock.v, done);
		CU_ASSERT_FALSE(row_of(&f, i)->has_holder);
		CU_ASSERT_PTR_NULL(row_of(&f, i)->why);
	}
	sleepers_destroy(&f.s);
}

static void test_percpu(void)
{
	const uint64_t sem = sleepers_room + 0x300, func = sleepers_text + 0x40;
	uint64_t nodes[] = { sleeper_sp(1) + 0x98, sleeper_sp(3) + 0x98, sem + PERCPU_WAITERS };
	struct fixture f;

	/* 2 writes and waits for the readers that are in; 1 wants to read, 3 to write. */
	setup(&f, LISTS);
	for (size_t i = 1; i <= 3; i += 2) {
		put(&f, sleeper_sp(i) + 0x88, sleeper_at(i));
		put(&f, sleeper_sp(i) + 0x90, func);
	}
	sleepers_link(&f.s, nodes, 3);
	put(&f, sem + PERCPU_WRITER, sleeper_at(2));
	put(&f, sem + PERCPU_READERS, sleepers_room + 0x400);
	sleepers_put32(&f.s, sleepers_room + 0x400, 7);
	put(&f, sleeper_sp(2) + 0x40, sem);
	sleeps(&f, 1, 2, "percpu_rwsem_wait", "__percpu_down_read");
	sleeps(&f, 2, 2, "percpu_down_write", "cgroup_attach");
	sleeps(&f, 3, 2, "percpu_rwsem_wait", "percpu_down_write");
	ASSERT_OK(walk_waits(&f.s.w));
	check(&f, 1, WAIT_PERCPU_READ, sem, "wait_queue_entry on its stack", 2, WAIT_RECORDED);
	check(&f, 3, WAIT_PERCPU_WRITE, sem, "wait_queue_entry on its stack", 2, WAIT_RECORDED);
	const struct wait_row *r = row_of(&f, 2);
	CU_ASSERT_EQUAL(r->kind, WAIT_PERCPU_WRITE);
	CU_ASSERT_EQUAL(r->lock.v, sem);
	CU_ASSERT_FALSE(r->has_holder);
	CU_ASSERT_EQUAL(r->readers.v, 7);
	sleepers_destroy(&f.s);

	/* The writer is in, and nobody notes it: as long as it is, who has the address at hand may be it. */
	for (int block = 0; block < 2; block++) {
		setup(&f, LISTS);
		put(&f, sleeper_sp(1) + 0x88, sleeper_at(1));
		put(&f, sleeper_sp(1) + 0x90, func);
		sleepers_link(&f.s, (uint64_t[]){ sleeper_sp(1) + 0x98, sem + PERCPU_WAITERS }, 2);
		sleepers_put32(&f.s, sem + PERCPU_BLOCK, block);
		sleeps(&f, 1, 2, "percpu_rwsem_wait", "__percpu_down_read");
		sleeps(&f, 4, 1, "do_nanosleep", "pause");
		put(&f, sleeper_sp(4) + 0x100, sem);
		ASSERT_OK(walk_waits(&f.s.w));
		CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, sem);
		CU_ASSERT_EQUAL(row_of(&f, 1)->count.v, block);
		CU_ASSERT_EQUAL(row_of(&f, 1)->has_holder, block);
		CU_ASSERT_EQUAL(!row_of(&f, 1)->why, block);
		sleepers_destroy(&f.s);
	}
}

/* Who died with a lock is no task any more: the lock says so still. */
static void test_gone(void)
{
	const uint64_t dead = sleeper_at(SLEEPERS) + 0x1000, lock = sleepers_room;

	for (enum generation gen = LISTS; gen <= FIRST; gen++) {
		for (int complete = 0; complete < 2; complete++) {
			struct fixture f;

			setup(&f, gen);
			if (complete)
				sleepers_complete(&f.s);
			put(&f, lock, dead | 1);
			queue(&f, lock, MUTEX_LIST, 1);
			sleeps(&f, 1, 2, "__mutex_lock", "pipe_write");
			ASSERT_OK(walk_waits(&f.s.w));
			const struct wait_row *r = row_of(&f, 1);
			CU_ASSERT_EQUAL(r->lock.v, lock);
			CU_ASSERT_TRUE(r->has_holder);
			CU_ASSERT_EQUAL(r->holder.task.v, dead);
			CU_ASSERT_PTR_NULL(r->holder.comm);
			CU_ASSERT_EQUAL(r->holder.basis, WAIT_RECORDED);
			/* Where tasks are missing, it may be one of those. */
			CU_ASSERT_EQUAL(r->holder.gone, (bool)complete);
			CU_ASSERT_EQUAL(!r->why, (bool)complete);
			sleepers_destroy(&f.s);
		}
	}

	/* Written to by a task that is gone; read by one is no proof: the last reader may have let go in time. */
	for (int reader = 0; reader < 2; reader++) {
		struct fixture f;

		setup(&f, LISTS);
		sleepers_complete(&f.s);
		put(&f, lock, reader ? 1 << 8 | 2 : 3);
		put(&f, lock + 8, dead | reader);
		queue(&f, lock, RWSEM_LIST, 1);
		sleeps(&f, 1, 2, "rwsem_down_write_slowpath", "mmap");
		ASSERT_OK(walk_waits(&f.s.w));
		CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, lock);
		CU_ASSERT_EQUAL(row_of(&f, 1)->holder.gone, !reader);
		CU_ASSERT_EQUAL(!row_of(&f, 1)->why, !reader);
		sleepers_destroy(&f.s);
	}

	struct fixture f;
	setup(&f, FIRST);
	sleepers_complete(&f.s);
	queue(&f, lock, SEM_LIST, 1);
	put(&f, lock + SEM_HOLDER, dead);
	sleeps(&f, 1, 2, "__down", "ioctl");
	ASSERT_OK(walk_waits(&f.s.w));
	CU_ASSERT_FALSE(row_of(&f, 1)->holder.gone);
	CU_ASSERT_PTR_NOT_NULL(row_of(&f, 1)->why);
	sleepers_destroy(&f.s);
}

/* Between the unlock that hands it over and the waiter's next step, the waiter seems to wait for itself. */
static void test_handed_over(void)
{
	enum { PICKUP = 4 };
	struct fixture f;

	setup(&f, LISTS);
	put(&f, sleepers_room, sleeper_at(1) | 1 | PICKUP);
	queue(&f, sleepers_room, MUTEX_LIST, 2);
	sleeps(&f, 1, 2, "__mutex_lock", "pipe_write");
	sleeps(&f, 2, 2, "__mutex_lock", "pipe_write");
	ASSERT_OK(walk_waits(&f.s.w));
	for (size_t i = 1; i <= 2; i++) {
		CU_ASSERT_EQUAL(row_of(&f, i)->lock.v, sleepers_room);
		CU_ASSERT_TRUE(row_of(&f, i)->handed_over);
		CU_ASSERT_FALSE(row_of(&f, i)->has_holder);
	}
	sleepers_destroy(&f.s);

	setup(&f, FIRST);
	put(&f, sleepers_room, 1 << 8 | 2);
	put(&f, sleepers_room + 8, sleeper_at(1) | 1);
	queue(&f, sleepers_room, RWSEM_LIST, 1);
	sleeps(&f, 1, 2, "rwsem_down_read_slowpath", "fault");
	ASSERT_OK(walk_waits(&f.s.w));
	CU_ASSERT_TRUE(row_of(&f, 1)->handed_over);
	CU_ASSERT_FALSE(row_of(&f, 1)->has_holder);
	sleepers_destroy(&f.s);
}

/* A lock that nobody records the holder of: the only other task that has its address on its stack. */
static void test_inferred(void)
{
	for (size_t nr = 0; nr <= 2; nr++) {
		struct fixture f;

		setup(&f, LISTS);
		queue(&f, sleepers_room, SEM_LIST, 2);
		sleeps(&f, 1, 2, "__down", "ioctl");
		sleeps(&f, 2, 2, "__down", "ioctl");
		for (size_t i = 0; i < nr; i++) {
			sleeps(&f, 3 + i, 1, "do_nanosleep", "pause");
			put(&f, sleeper_sp(3 + i) + 0x200, sleepers_room);
			put(&f, sleeper_sp(3 + i) + 0x208, sleepers_room);
		}
		/* Beyond the last frame is what earlier calls have left. */
		sleeps(&f, 5, 1, "do_nanosleep", "pause");
		put(&f, sleeper_sp(5) + 0x500, sleepers_room);
		ASSERT_OK(walk_waits(&f.s.w));
		for (size_t i = 1; i <= 2; i++) {
			const struct wait_row *r = row_of(&f, i);

			CU_ASSERT_EQUAL(r->lock.v, sleepers_room);
			CU_ASSERT_EQUAL_FATAL(r->has_holder, nr == 1);
			if (nr != 1)
				continue;
			CU_ASSERT_EQUAL(r->holder.task.v, sleeper_at(3));
			CU_ASSERT_EQUAL(r->holder.basis, WAIT_INFERRED);
			CU_ASSERT_PTR_NOT_NULL(r->holder.by);
		}
		sleepers_destroy(&f.s);
	}
}

static uint64_t task_wakee(size_t i)
{
	return sleeper_at(i) + T_WAKEE;
}

/* Who waits for an event: the one task that is noted to have woken it last. */
static void test_waker(void)
{
	for (size_t nr = 0; nr <= 2; nr++) {
		struct fixture f;

		setup(&f, LISTS);
		sleeps(&f, 1, 2, "read_disk", "vfs_read");
		sleeps(&f, 2, 1, "do_nanosleep", "pause");
		put(&f, task_wakee(1), sleeper_at(1)); /* itself: no news */
		for (size_t i = 0; i < nr; i++)
			put(&f, task_wakee(3 + i), sleeper_at(1));
		ASSERT_OK(walk_waits(&f.s.w));
		CU_ASSERT_EQUAL(f.s.r->waits.nr, 1);
		const struct wait_row *r = row_of(&f, 1);
		CU_ASSERT_EQUAL(r->kind, WAIT_QUEUE);
		CU_ASSERT_STRING_EQUAL(r->function, "read_disk");
		CU_ASSERT_FALSE(r->has_holder);
		CU_ASSERT_EQUAL_FATAL(r->has_waker, nr == 1);
		if (nr == 1) {
			CU_ASSERT_EQUAL(r->waker.task.v, sleeper_at(3));
			CU_ASSERT_EQUAL(r->waker.pid, 13);
			CU_ASSERT_EQUAL(r->waker.basis, WAIT_HINTED);
		}
		sleepers_destroy(&f.s);
	}
}

/* Whatever the guest holds, no lock is made up: the rows say that none was found. */
static void test_lies(void)
{
	for (int lie = 0; lie < 6; lie++) {
		struct fixture f;

		setup(&f, lie < 3 ? LISTS : FIRST);
		put(&f, sleepers_room, sleeper_at(4) | 1);
		queue(&f, sleepers_room, MUTEX_LIST, 2);
		sleeps(&f, 1, 2, "__mutex_lock", "pipe_write");
		switch (lie) {
		case 0: /* the list goes astray */
		case 3:
			put(&f, waiter(&f, 1), 0xdead000000000000);
			break;
		case 1: /* nobody waits, says the lock */
		case 4:
			put(&f, sleepers_room, sleeper_at(4));
			break;
		case 2: /* its owner is where no task can be */
		case 5:
			put(&f, sleepers_room, (sleepers_room + 0x20) | 1);
			break;
		}
		ASSERT_OK(walk_waits(&f.s.w));
		CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, 0);
		CU_ASSERT_FALSE(row_of(&f, 1)->has_holder);
		CU_ASSERT_PTR_NOT_NULL(row_of(&f, 1)->why);
		CU_ASSERT_PTR_NOT_NULL(report_find_section(f.s.r, "waits")->cut);
		sleepers_destroy(&f.s);
	}

	/* A stack that cannot be read, guesses, and no stack. */
	struct fixture f;
	setup(&f, LISTS);
	sleeps(&f, 1, 2, "__mutex_lock", "pipe_write");
	struct kstack_frame *frames = (struct kstack_frame *)f.s.r->stacks.data[0].frames;
	frames[0].sp = 0xffffc90000000000;
	sleeps(&f, 2, 2, "__mutex_lock", "pipe_write");
	frames = (struct kstack_frame *)f.s.r->stacks.data[1].frames;
	frames[1].kind = FRAME_GUESS;
	f.s.r->tasks.data[3].state.v = 2;
	ASSERT_OK(walk_waits(&f.s.w));
	CU_ASSERT_EQUAL(f.s.r->waits.nr, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(row_of(&f, 1)->why, "cannot read"));
	sleepers_destroy(&f.s);
}

UNIT_MAIN("walk-waits", { "mutexes, in all three ways to find them", test_mutex },
	  { "rwsems: readers, writers, the last reader gone", test_rwsem },
	  { "semaphores", test_semaphore }, { "futexes, plain and with inheritance", test_futex },
	  { "completions", test_completion }, { "per-CPU rwsems", test_percpu },
	  { "a holder that is gone", test_gone }, { "locks that are handed over", test_handed_over },
	  { "holders by what lies on stacks", test_inferred }, { "who woke it last", test_waker },
	  { "no lock is made up", test_lies })
