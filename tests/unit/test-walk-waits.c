/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-kernel.h"
#include "walk/walk.h"

static const uint64_t tasks_at = 0xffff888000100000, stacks_at = 0xffffc90000100000,
		      locks_at = 0xffff888000300000, text = 0xffffffff81000000;

enum {
	TASKS = 6, STACK = 0x4000,
	/* struct task_struct */
	T_MM = 0, T_PI = 8, T_BLOCKED_ON = 16, T_BLOCKER = 24, T_SIZE = 64,
	/* locks */
	MUTEX_LIST = 24, RWSEM_LIST = 24, SEM_LIST = 8, SEM_HOLDER = 24,
	W_TASK = 16, /* of all kinds of waiters: list, then task */
	PERCPU_READERS = 0, PERCPU_WRITER = 8, PERCPU_WAITERS = 24,
	Q_TASK = 40, Q_LOCK = 48, Q_MM = 64, Q_ADDRESS = 72, Q_OFFSET = 80, /* struct futex_q */
	MMAP_LOCK = 128,
};

enum generation {
	LISTS,	/* to 7.0: a lock is on the list of its waiters; nothing in the task */
	FIRST,	/* 7.1+: a lock points to its first waiter */
	RECORDS, /* the task knows its lock */
};

struct fixture {
	struct fake_kernel *fk;
	struct kernel *k;
	struct report *r;
	struct walk w;
	struct walk_opts opts;
	enum generation gen;
};

static uint64_t task_at(size_t i)
{
	return tasks_at + 0x1000 * i;
}

/* Where a task sleeps. */
static uint64_t sp_of(size_t i)
{
	return stacks_at + STACK * i + 0x3000;
}

static void add_types(struct fake_kernel *fk, enum generation gen)
{
	struct fake_field head[] = { { "next", fk->ptr, 0 }, { "prev", fk->ptr, 8 } };
	int list = fake_kernel_struct(fk, "list_head", 16, head, 2);
	struct fake_field task[] = {
		{ "mm", fk->ptr, T_MM }, { "pi_blocked_on", fk->ptr, T_PI },
		{ "blocked_on", fk->ptr, T_BLOCKED_ON }, { "blocker", fk->u64, T_BLOCKER },
	};
	fake_kernel_struct(fk, "task_struct", T_SIZE, task, gen == RECORDS ? 4 : 2);
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
	struct fake_field wqh[] = { { "head", list, 8 } };
	int wqh_t = fake_kernel_struct(fk, "wait_queue_head", 24, wqh, 1);
	struct fake_field percpu[] = { { "read_count", fk->ptr, PERCPU_READERS },
				       { "writer", wait_t, PERCPU_WRITER },
				       { "waiters", wqh_t, PERCPU_WAITERS - 8 } };
	fake_kernel_struct(fk, "percpu_rw_semaphore", 64, percpu, 3);
	struct fake_field wq[] = { { "private", fk->ptr, 8 }, { "func", fk->ptr, 16 }, { "entry", list, 24 } };
	fake_kernel_struct(fk, "wait_queue_entry", 40, wq, 3);
	struct fake_field swait[] = { { "task", fk->ptr, 0 }, { "task_list", list, 8 } };
	fake_kernel_struct(fk, "swait_queue", 24, swait, 2);
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

/* Tasks 0 ... 5, of which none sleeps yet. */
static void setup(struct fixture *f, enum generation gen)
{
	memset(f, 0, sizeof(*f));
	f->gen = gen;
	f->fk = fake_kernel_new();
	add_types(f->fk, gen);
	fake_kernel_symbol(f->fk, "some_mutex", 0xffffffff83000000);
	for (size_t i = 0; i < TASKS; i++) {
		fake_kernel_map(f->fk, task_at(i));
		for (uint64_t at = 0; at < STACK; at += PAGE_SIZE)
			fake_kernel_map(f->fk, stacks_at + STACK * i + at);
		fake_kernel_put64(f->fk, task_at(i) + T_MM, locks_at + 0x8000 + 0x1000 * i);
	}
	for (uint64_t at = 0; at < 0x10000; at += PAGE_SIZE)
		fake_kernel_map(f->fk, locks_at + at);
	fake_kernel_map(f->fk, 0xffffffff83000000);
	f->k = fake_kernel_ready(f->fk);
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = f->k, .r = f->r, .opts = &f->opts };
	for (size_t i = 0; i < TASKS; i++) {
		struct task_row *t = vec_push(&f->r->tasks);

		t->kva.v = task_at(i);
		t->pid = t->tgid = 10 + (int32_t)i;
		snprintf(t->comm, sizeof(t->comm), "task-%zu", i);
		t->state = (struct opt_u64){ true, 0 };
	}
	ASSERT_OK(report_index_tasks(f->r));
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	fake_kernel_destroy(f->fk);
}

/* Task i sleeps in schedule(), called by this, called by that. */
static void sleeps(struct fixture *f, size_t i, uint64_t state, const char *function, const char *caller)
{
	struct kstack_row *s = vec_push(&f->r->stacks);
	struct kstack_frame *frames = pool_calloc(&f->r->pool, 4, sizeof(*frames));

	frames[0] = (struct kstack_frame){ .ip = text + 0x10, .sp = sp_of(i), .symbol = "schedule" };
	frames[1] = (struct kstack_frame){ .ip = text + 0x50, .sp = sp_of(i) + 0x20, .symbol = function };
	frames[2] = (struct kstack_frame){ .ip = text + 0x90, .sp = sp_of(i) + 0x200, .symbol = caller };
	frames[3] = (struct kstack_frame){ .ip = 0x401000, .sp = 0x7ffe0000, .kind = FRAME_USER };
	*s = (struct kstack_row){ .task = { task_at(i) }, .frames = frames, .nr_frames = 4 };
	f->r->tasks.data[i].state.v = state;
	f->r->tasks.data[i].stack = f->r->stacks.nr;
}

static void put(struct fixture *f, uint64_t va, uint64_t v)
{
	fake_kernel_put64(f->fk, va, v);
}

static void put32(struct fixture *f, uint64_t va, uint32_t v)
{
	fake_kernel_write(f->fk, va, &v, sizeof(v));
}

/* The waiter of task i: list, task; its address. */
static uint64_t waiter(struct fixture *f, size_t i)
{
	uint64_t at = sp_of(i) + 0x80;

	put(f, at + W_TASK, task_at(i));
	return at;
}

/* A ring of these. */
static void link_ring(struct fixture *f, const uint64_t *nodes, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		put(f, nodes[i], nodes[(i + 1) % nr]);
		put(f, nodes[i] + 8, nodes[(i + nr - 1) % nr]);
	}
}

/* Tasks 1 ... nr wait for the lock, whose list or pointer is at off. */
static void queue(struct fixture *f, uint64_t lock, uint64_t off, size_t nr)
{
	uint64_t nodes[TASKS + 1];

	for (size_t i = 0; i < nr; i++) {
		nodes[i] = waiter(f, i + 1);
		put(f, sp_of(i + 1) + 0x110, lock); /* the caller's copy */
	}
	nodes[nr] = lock + off;
	link_ring(f, nodes, nr + (f->gen == LISTS));
	if (f->gen != LISTS)
		put(f, lock + off, nodes[0]);
}

static const struct wait_row *row_of(struct fixture *f, size_t task)
{
	for (size_t i = 0; i < f->r->waits.nr; i++) {
		if (f->r->waits.data[i].task.v == task_at(task))
			return &f->r->waits.data[i];
	}
	CU_FAIL_FATAL("the task does not wait");
	return NULL;
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
	CU_ASSERT_EQUAL(r->holder.task.v, task_at(holder));
	CU_ASSERT_EQUAL(r->holder.pid, 10 + (int32_t)holder);
	CU_ASSERT_EQUAL(r->holder.basis, basis);
}

static void test_mutex(void)
{
	for (enum generation gen = LISTS; gen <= RECORDS; gen++) {
		const uint64_t lock = 0xffffffff83000000;
		struct fixture f;

		setup(&f, gen);
		put(&f, lock, task_at(4) | 1);
		queue(&f, lock, MUTEX_LIST, 3);
		/* Something else that points to the task, in an empty list. */
		link_ring(&f, (uint64_t[]){ sp_of(1) + 0x40 }, 1);
		put(&f, sp_of(1) + 0x40 + W_TASK, task_at(1));
		for (size_t i = 1; i <= 2; i++)
			sleeps(&f, i, 2, "__mutex_lock.constprop.0", "pipe_write");
		sleeps(&f, 3, 0, "__mutex_lock", "pipe_write"); /* woken */
		sleeps(&f, 4, 1, "do_nanosleep", "pause");
		if (gen == RECORDS) {
			put(&f, task_at(1) + T_BLOCKED_ON, lock);
			put(&f, task_at(2) + T_BLOCKER, lock);
		}
		ASSERT_OK(walk_waits(&f.w));
		CU_ASSERT_EQUAL(f.r->waits.nr, 2);
		check(&f, 1, WAIT_MUTEX, lock,
		      gen == RECORDS ? "task_struct.blocked_on" : "mutex_waiter on its stack", 4, WAIT_RECORDED);
		check(&f, 2, WAIT_MUTEX, lock,
		      gen == RECORDS ? "task_struct.blocker" : "mutex_waiter on its stack", 4, WAIT_RECORDED);
		CU_ASSERT_STRING_EQUAL(row_of(&f, 1)->lock_name, "some_mutex");
		CU_ASSERT_TRUE(row_of(&f, 1)->uninterruptible);
		CU_ASSERT_STRING_EQUAL(row_of(&f, 1)->function, "__mutex_lock.constprop.0");
		CU_ASSERT_EQUAL(report_find_section(f.r, "waits")->status, SECTION_COMPLETE);
		CU_ASSERT_PTR_NULL(report_find_section(f.r, "waits")->cut);
		teardown(&f);
	}
}

static void test_rwsem(void)
{
	for (enum generation gen = LISTS; gen <= FIRST; gen++) {
		const uint64_t mmap_lock = locks_at + 0x8000 + 0x5000 + MMAP_LOCK;
		struct fixture f;

		/* Two readers, a writer behind them, a reader behind that. */
		setup(&f, gen);
		put(&f, mmap_lock, 2 << 8 | 2);
		put(&f, mmap_lock + 8, task_at(4) | 1);
		queue(&f, mmap_lock, RWSEM_LIST, 2);
		/* What lies before a waiter may look like a lock, too. */
		put(&f, sp_of(2) + 0x80 - RWSEM_LIST, 0x102);
		put(&f, sp_of(2) + 0x80 - RWSEM_LIST + 8, task_at(3) | 1);
		sleeps(&f, 1, 2, "rwsem_down_write_slowpath", "mmap");
		sleeps(&f, 2, 0x102, "rwsem_down_read_slowpath", "fault");
		ASSERT_OK(walk_waits(&f.w));
		check(&f, 1, WAIT_RWSEM_WRITE, mmap_lock, "rwsem_waiter on its stack", 4, WAIT_HINTED);
		check(&f, 2, WAIT_RWSEM_READ, mmap_lock, "rwsem_waiter on its stack", 4, WAIT_HINTED);
		CU_ASSERT_STRING_EQUAL(row_of(&f, 1)->lock_name, "mmap_lock of task-5[15]");
		CU_ASSERT_TRUE(row_of(&f, 1)->readers.has);
		CU_ASSERT_EQUAL(row_of(&f, 1)->readers.v, 2);
		teardown(&f);

		/* A writer is recorded. */
		setup(&f, gen);
		put(&f, mmap_lock, 3);
		put(&f, mmap_lock + 8, task_at(0));
		queue(&f, mmap_lock, RWSEM_LIST, 1);
		sleeps(&f, 1, 2, "rwsem_down_read_slowpath", "fault");
		ASSERT_OK(walk_waits(&f.w));
		check(&f, 1, WAIT_RWSEM_READ, mmap_lock, "rwsem_waiter on its stack", 0, WAIT_RECORDED);
		teardown(&f);

		/* The last reader has died; the lock remains. */
		setup(&f, gen);
		put(&f, mmap_lock, 1 << 8 | 2);
		put(&f, mmap_lock + 8, (tasks_at + 0x80000) | 1);
		queue(&f, mmap_lock, RWSEM_LIST, 1);
		sleeps(&f, 1, 2, "rwsem_down_write_slowpath", "mmap");
		ASSERT_OK(walk_waits(&f.w));
		CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, mmap_lock);
		CU_ASSERT_PTR_NULL(row_of(&f, 1)->holder.comm);
		CU_ASSERT_PTR_NOT_NULL(row_of(&f, 1)->why);
		teardown(&f);
	}
}

static void test_semaphore(void)
{
	struct fixture f;

	setup(&f, LISTS);
	queue(&f, locks_at, SEM_LIST, 2);
	sleeps(&f, 1, 2, "__down", "ioctl");
	sleeps(&f, 2, 1, "__down_interruptible", "ioctl");
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, locks_at);
	CU_ASSERT_EQUAL(row_of(&f, 2)->lock.v, locks_at);
	CU_ASSERT_FALSE(row_of(&f, 1)->has_holder);
	CU_ASSERT_FALSE(row_of(&f, 2)->uninterruptible);
	teardown(&f);

	setup(&f, FIRST);
	queue(&f, locks_at, SEM_LIST, 1);
	put(&f, locks_at + SEM_HOLDER, task_at(3));
	sleeps(&f, 1, 2, "__down", "ioctl");
	ASSERT_OK(walk_waits(&f.w));
	check(&f, 1, WAIT_SEMAPHORE, locks_at, "semaphore_waiter on its stack", 3, WAIT_HINTED);
	teardown(&f);
}

static void test_futex(void)
{
	struct fixture f;
	uint64_t q = sp_of(1) + 0x100, rt_waiter = sp_of(2) + 0x40;

	setup(&f, LISTS);
	put(&f, sp_of(1) + 0x80, task_at(1)); /* no futex_q, but the same pointer */
	put(&f, q + Q_TASK, task_at(1));
	put(&f, q + Q_LOCK, locks_at + 0x40);
	put(&f, q + Q_MM, locks_at + 0x8000 + 0x1000);
	put(&f, q + Q_ADDRESS, 0x7f0000001000);
	put(&f, q + Q_OFFSET, 0x124);
	sleeps(&f, 1, 1, "futex_wait_queue", "futex_wait");
	put(&f, task_at(2) + T_PI, rt_waiter);
	put(&f, rt_waiter + 88, locks_at + 0x100);
	put(&f, locks_at + 0x100 + 24, task_at(5) | 1);
	sleeps(&f, 2, 1, "rt_mutex_slowlock_block.constprop.0", "rt_mutex_wait_proxy_lock");
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_EQUAL(row_of(&f, 1)->kind, WAIT_FUTEX);
	CU_ASSERT_TRUE(row_of(&f, 1)->uaddr.has);
	CU_ASSERT_EQUAL(row_of(&f, 1)->uaddr.v, 0x7f0000001124);
	CU_ASSERT_PTR_NULL(row_of(&f, 1)->why);
	check(&f, 2, WAIT_RT_MUTEX, locks_at + 0x100, "task_struct.pi_blocked_on", 5, WAIT_RECORDED);
	CU_ASSERT_FALSE(row_of(&f, 2)->uaddr.has);
	CU_ASSERT_PTR_NULL(report_find_section(f.r, "waits")->cut);
	teardown(&f);

	/* A futex in a file has no address in its key. */
	setup(&f, LISTS);
	put(&f, q + Q_TASK, task_at(1));
	put(&f, q + Q_LOCK, locks_at + 0x40);
	put(&f, q + Q_MM, 77);
	put(&f, q + Q_ADDRESS, 3);
	put(&f, q + Q_OFFSET, 0x125);
	sleeps(&f, 1, 1, "futex_wait_queue", "futex_wait");
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_FALSE(row_of(&f, 1)->uaddr.has);
	CU_ASSERT_PTR_NOT_NULL(row_of(&f, 1)->why);
	CU_ASSERT_PTR_NOT_NULL(report_find_section(f.r, "waits")->cut);
	teardown(&f);
}

static void test_completion(void)
{
	const uint64_t done = locks_at + 0x200;
	uint64_t nodes[] = { sp_of(1) + 0x88, sp_of(2) + 0x88, done + 16 };
	struct fixture f;

	setup(&f, LISTS);
	put(&f, sp_of(1) + 0x80, task_at(1));
	put(&f, sp_of(2) + 0x80, task_at(2));
	link_ring(&f, nodes, 3);
	sleeps(&f, 1, 2, "__wait_for_common", "wait_for_completion");
	sleeps(&f, 2, 2, "__wait_for_common", "wait_for_completion");
	ASSERT_OK(walk_waits(&f.w));
	for (size_t i = 1; i <= 2; i++) {
		CU_ASSERT_EQUAL(row_of(&f, i)->kind, WAIT_COMPLETION);
		CU_ASSERT_EQUAL(row_of(&f, i)->lock.v, done);
		CU_ASSERT_FALSE(row_of(&f, i)->has_holder);
		CU_ASSERT_PTR_NULL(row_of(&f, i)->why);
	}
	teardown(&f);
}

static void test_percpu(void)
{
	const uint64_t sem = locks_at + 0x300, func = text + 0x40;
	uint64_t nodes[] = { sp_of(1) + 0x98, sp_of(3) + 0x98, sem + PERCPU_WAITERS };
	struct fixture f;

	/* 2 writes and waits for the readers that are in; 1 wants to read, 3 to write. */
	setup(&f, LISTS);
	for (size_t i = 1; i <= 3; i += 2) {
		put(&f, sp_of(i) + 0x88, task_at(i));
		put(&f, sp_of(i) + 0x90, func);
	}
	link_ring(&f, nodes, 3);
	put(&f, sem + PERCPU_WRITER, task_at(2));
	put(&f, sem + PERCPU_READERS, locks_at + 0x400);
	put32(&f, locks_at + 0x400, 7);
	put(&f, sp_of(2) + 0x40, sem);
	sleeps(&f, 1, 2, "percpu_rwsem_wait", "__percpu_down_read");
	sleeps(&f, 2, 2, "percpu_down_write", "cgroup_attach");
	sleeps(&f, 3, 2, "percpu_rwsem_wait", "percpu_down_write");
	ASSERT_OK(walk_waits(&f.w));
	check(&f, 1, WAIT_PERCPU_READ, sem, "wait_queue_entry on its stack", 2, WAIT_RECORDED);
	check(&f, 3, WAIT_PERCPU_WRITE, sem, "wait_queue_entry on its stack", 2, WAIT_RECORDED);
	const struct wait_row *r = row_of(&f, 2);
	CU_ASSERT_EQUAL(r->kind, WAIT_PERCPU_WRITE);
	CU_ASSERT_EQUAL(r->lock.v, sem);
	CU_ASSERT_FALSE(r->has_holder);
	CU_ASSERT_EQUAL(r->readers.v, 7);
	teardown(&f);
}

/* Whatever the guest holds, no lock is made up: the rows say that none was found. */
static void test_lies(void)
{
	for (int lie = 0; lie < 6; lie++) {
		struct fixture f;

		setup(&f, lie < 3 ? LISTS : FIRST);
		put(&f, locks_at, task_at(4) | 1);
		queue(&f, locks_at, MUTEX_LIST, 2);
		sleeps(&f, 1, 2, "__mutex_lock", "pipe_write");
		switch (lie) {
		case 0: /* the list goes astray */
		case 3:
			put(&f, waiter(&f, 1), 0xdead000000000000);
			break;
		case 1: /* nobody waits, says the lock */
		case 4:
			put(&f, locks_at, task_at(4));
			break;
		case 2: /* its owner is no task */
		case 5:
			put(&f, locks_at, locks_at | 1);
			break;
		}
		ASSERT_OK(walk_waits(&f.w));
		CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, 0);
		CU_ASSERT_FALSE(row_of(&f, 1)->has_holder);
		CU_ASSERT_PTR_NOT_NULL(row_of(&f, 1)->why);
		CU_ASSERT_PTR_NOT_NULL(report_find_section(f.r, "waits")->cut);
		teardown(&f);
	}

	/* A stack that cannot be read, guesses, and no stack. */
	struct fixture f;
	setup(&f, LISTS);
	sleeps(&f, 1, 2, "__mutex_lock", "pipe_write");
	struct kstack_frame *frames = (struct kstack_frame *)f.r->stacks.data[0].frames;
	frames[0].sp = 0xffffc90000000000;
	sleeps(&f, 2, 2, "__mutex_lock", "pipe_write");
	frames = (struct kstack_frame *)f.r->stacks.data[1].frames;
	frames[1].kind = FRAME_GUESS;
	f.r->tasks.data[3].state.v = 2;
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_EQUAL(f.r->waits.nr, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(row_of(&f, 1)->why, "cannot read"));
	teardown(&f);
}

UNIT_MAIN("walk-waits", { "mutexes, in all three ways to find them", test_mutex },
	  { "rwsems: readers, writers, the last reader gone", test_rwsem },
	  { "semaphores", test_semaphore }, { "futexes, plain and with inheritance", test_futex },
	  { "completions", test_completion }, { "per-CPU rwsems", test_percpu },
	  { "no lock is made up", test_lies })
