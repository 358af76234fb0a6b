/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUs that spin: for which lock, and who holds it. */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "fake-kernel.h"
#include "walk/walk.h"

enum { CPUS = 4, STACK = 0x4000, OTHER = 0x20 /* another stack of the same CPU */ };

static const uint64_t tasks_at = 0xffff888000100000, stacks_at = 0xffffc90000100000,
		      locks_at = 0xffff888000300000, text = 0xffffffff81000000,
		      percpu_at = 0xffff888000400000, held_at = 0x100;

static const char *const slowpath = "native_queued_spin_lock_slowpath";

struct fixture {
	struct fake_kernel *fk;
	struct report *r;
	struct walk w;
	struct walk_opts opts;
};

static uint64_t task_at(size_t cpu)
{
	return tasks_at + 0x1000 * cpu;
}

static uint64_t sp_of(size_t cpu)
{
	return stacks_at + STACK * cpu + 0x1000;
}

/* Where an interrupted one was. */
static uint64_t outer_sp_of(size_t cpu)
{
	return stacks_at + STACK * (cpu + OTHER) + 0x1000;
}

static void put(struct fixture *f, uint64_t va, uint64_t v)
{
	fake_kernel_put64(f->fk, va, v);
}

static void put32(struct fixture *f, uint64_t va, uint32_t v)
{
	fake_kernel_write(f->fk, va, &v, sizeof(v));
}

static void add_types(struct fake_kernel *fk, bool queued)
{
	if (queued) {
		int half = fake_kernel_array(fk, fk->u8, 2);
		struct fake_field spin[] = { { "val", fk->u32, 0 }, { "tail", half, 2 } };

		fake_kernel_struct(fk, "qspinlock", 4, spin, 2);
	}
	struct fake_field rw[] = { { "cnts", fk->u32, 0 }, { "wait_lock", fk->u32, 4 } };
	fake_kernel_struct(fk, "qrwlock", 8, rw, 2);
	struct fake_field held[] = { { "cnt", fk->u32, 0 },
				     { "locks", fake_kernel_array(fk, fk->ptr, 31), 8 } };
	fake_kernel_struct(fk, "rqspinlock_held", 256, held, 2);
	struct fake_field task[] = { { "mm", fk->ptr, 0 } };
	fake_kernel_struct(fk, "task_struct", 64, task, 1);
}

/* Four CPUs, idle as yet. */
static void setup(struct fixture *f, bool queued)
{
	memset(f, 0, sizeof(*f));
	f->fk = fake_kernel_new_smp(CPUS);
	add_types(f->fk, queued);
	fake_kernel_symbol(f->fk, "rqspinlock_held_locks", held_at);
	for (size_t cpu = 0; cpu < CPUS; cpu++) {
		for (uint64_t at = 0; at < STACK; at += PAGE_SIZE) {
			fake_kernel_map(f->fk, stacks_at + STACK * cpu + at);
			fake_kernel_map(f->fk, stacks_at + STACK * (cpu + OTHER) + at);
		}
		fake_kernel_map(f->fk, percpu_at + cpu * 0x1000);
	}
	fake_kernel_map(f->fk, locks_at);
	struct kernel *k = fake_kernel_ready(f->fk);
	fake_kernel_cpus(f->fk, CPUS, percpu_at, 0x1000);
	ASSERT_OK(report_create(&f->r));
	f->w = (struct walk){ .k = k, .r = f->r, .opts = &f->opts };
	for (size_t cpu = 0; cpu < CPUS; cpu++) {
		struct task_row *t = vec_push(&f->r->tasks);
		struct kstack_row *s = vec_push(&f->r->stacks);
		struct cpu_row *c = vec_push(&f->r->cpus.rows);
		struct kstack_frame *frames = pool_calloc(&f->r->pool, 1, sizeof(*frames));
		struct vcpu_row *v = vec_push(&f->r->vcpus);

		t->kva.v = task_at(cpu);
		t->pid = t->tgid = 10 + (int32_t)cpu;
		snprintf(t->comm, sizeof(t->comm), "task-%zu", cpu);
		*v = (struct vcpu_row){ .ok = true, .has_cpu = true, .cpu = (uint32_t)cpu };
		frames[0] = (struct kstack_frame){ .ip = text, .sp = sp_of(cpu), .kind = FRAME_EXACT,
						   .symbol = "default_idle" };
		*s = (struct kstack_row){ .has_vcpu = true, .vcpu = cpu, .task = t->kva, .frames = frames,
					  .nr_frames = 1 };
		*c = (struct cpu_row){ .cpu = (uint32_t)cpu, .vcpu = { true, cpu }, .idle = true,
				       .preempt_count = { true, 1 } };
		fake_target_set_reg(f->fk->ft, cpu, "rdi", 0);
	}
	ASSERT_OK(report_index_tasks(f->r));
}

static void teardown(struct fixture *f)
{
	report_destroy(f->r);
	fake_kernel_destroy(f->fk);
}

/* The CPU runs a task, in this function, and has preemption disabled so often. */
static struct kstack_frame *runs(struct fixture *f, size_t cpu, const char *function, uint64_t depth)
{
	struct kstack_frame *frames = pool_calloc(&f->r->pool, 4, sizeof(*frames));

	frames[0] = (struct kstack_frame){ .ip = text, .sp = sp_of(cpu), .kind = FRAME_EXACT,
					   .symbol = function };
	frames[1] = (struct kstack_frame){ .ip = text + 0x40, .sp = sp_of(cpu) + 0x20, .kind = FRAME_CALL,
					   .symbol = "_raw_spin_lock" };
	frames[2] = (struct kstack_frame){ .ip = text + 0x80, .sp = sp_of(cpu) + 0x40, .kind = FRAME_CALL,
					   .symbol = "worker_thread" };
	f->r->stacks.data[cpu].frames = frames;
	f->r->stacks.data[cpu].nr_frames = 3;
	f->r->cpus.rows.data[cpu].idle = false;
	f->r->cpus.rows.data[cpu].preempt_count.v = depth;
	return frames;
}

/* It spins for the lock, whose address lies on its stack; `depth` without the spinning. */
static struct kstack_frame *spins(struct fixture *f, size_t cpu, uint64_t lock, uint64_t depth)
{
	put(f, sp_of(cpu) + 0x28, lock);
	return runs(f, cpu, slowpath, depth + 1);
}

/* Locked, and this CPU is the last in its queue. */
static void queue(struct fixture *f, uint64_t lock, size_t cpu)
{
	put32(f, lock, (uint32_t)(cpu + 1) << 18 | 1);
}

static const struct wait_row *row_of(struct fixture *f, size_t cpu)
{
	for (size_t i = 0; i < f->r->waits.nr; i++) {
		if (f->r->waits.data[i].cpu.has && f->r->waits.data[i].cpu.v == cpu)
			return &f->r->waits.data[i];
	}
	CU_FAIL_FATAL("the CPU does not spin");
	return NULL;
}

static void check(struct fixture *f, size_t cpu, uint64_t lock, const char *found_by)
{
	const struct wait_row *r = row_of(f, cpu);

	CU_ASSERT_EQUAL(r->kind, WAIT_SPINLOCK);
	CU_ASSERT_EQUAL(r->lock.v, lock);
	CU_ASSERT_EQUAL(r->pid, 10 + (int32_t)cpu);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->found_by);
	CU_ASSERT_STRING_EQUAL(r->found_by, found_by);
}

static void held_by(struct fixture *f, size_t cpu, size_t holder, const char *by)
{
	const struct wait_row *r = row_of(f, cpu);

	CU_ASSERT_TRUE_FATAL(r->has_holder);
	CU_ASSERT_EQUAL(r->holder.task.v, task_at(holder));
	CU_ASSERT_EQUAL(r->holder.pid, 10 + (int32_t)holder);
	CU_ASSERT_EQUAL(r->holder.basis, WAIT_INFERRED);
	CU_ASSERT_PTR_NULL(r->why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->holder.by);
	CU_ASSERT_PTR_NOT_NULL(strstr(r->holder.by, by));
}

static void held_by_nobody(struct fixture *f, size_t cpu)
{
	CU_ASSERT_FALSE(row_of(f, cpu)->has_holder);
	CU_ASSERT_PTR_NOT_NULL(row_of(f, cpu)->why);
}

/* ---- which lock */

static void test_queue(void)
{
	const uint64_t lock = locks_at + 0x40;
	struct fixture f;

	setup(&f, true);
	put32(&f, locks_at + 0x80, 1); /* locked, but not waited for */
	put(&f, sp_of(1) + 0x18, locks_at + 0x80);
	/* What has the CPU's number where a lock has it, but is none: the flags of a task may be so. */
	put32(&f, locks_at + 0xc0, 4 << 18 | 0x30);
	put32(&f, locks_at + 0xd0, 4 << 18 | 0x4201);
	put(&f, sp_of(3) + 8, locks_at + 0xc0);
	put(&f, sp_of(3) + 16, locks_at + 0xd0);
	for (size_t cpu = 1; cpu < CPUS; cpu++)
		spins(&f, cpu, lock, 0);
	queue(&f, lock, 3);
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_EQUAL(f.r->waits.nr, 3);
	check(&f, 3, lock, "the tail of the lock's queue");
	check(&f, 2, lock, "another CPU that waits for it");
	check(&f, 1, lock, "another CPU that waits for it");
	CU_ASSERT_EQUAL(row_of(&f, 3)->count.v, 4 << 18 | 1);
	CU_ASSERT_STRING_EQUAL(row_of(&f, 1)->function, slowpath);
	/* All others are idle, and nobody of these holds anything. */
	held_by_nobody(&f, 1);
	teardown(&f);

	/* One alone is next. */
	setup(&f, true);
	spins(&f, 1, lock, 0);
	put32(&f, lock, 0x101);
	ASSERT_OK(walk_waits(&f.w));
	check(&f, 1, lock, "the lock's pending bit");
	teardown(&f);

	/* No queue: only the argument tells, in the register as long as nothing else has been called. */
	for (int frame = 0; frame < 2; frame++) {
		setup(&f, true);
		struct kstack_frame *frames = spins(&f, 1, lock, 0);
		frames[frame].symbol = "__pv_queued_spin_lock_slowpath";
		frames[!frame].symbol = "pv_wait";
		fake_target_set_reg(f.fk->ft, 1, "rdi", lock);
		put32(&f, lock, 1);
		ASSERT_OK(walk_waits(&f.w));
		CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, frame ? 0 : lock);
		if (!frame)
			check(&f, 1, lock, "the register of its argument");
		teardown(&f);
	}

	/* A kernel whose locks are of another kind. */
	setup(&f, false);
	spins(&f, 1, lock, 0);
	queue(&f, lock, 1);
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(row_of(&f, 1)->why, "another kind"));
	teardown(&f);
}

/* An interrupt came in while it span: registers and stack of that time are what counts. */
static void test_interrupted_spin(void)
{
	const uint64_t lock = locks_at + 0x40;
	struct frame_regs regs = { .has = 1 << 5 };
	struct fixture f;

	setup(&f, true);
	struct kstack_frame *frames = runs(&f, 1, "tick_sched_handle", 1);
	for (size_t i = 1; i < 3; i++)
		frames[i].symbol = "handler";
	frames[2] = (struct kstack_frame){ .ip = text + 0x90, .sp = outer_sp_of(1), .kind = FRAME_EXACT,
					   .symbol = slowpath, .regs = &regs };
	regs.v[5] = lock;
	put32(&f, lock, 1);
	ASSERT_OK(walk_waits(&f.w));
	check(&f, 1, lock, "the register of its argument");
	teardown(&f);

	setup(&f, true);
	frames = runs(&f, 1, "tick_sched_handle", 1);
	frames[1].symbol = "handler";
	frames[2] = (struct kstack_frame){ .ip = text + 0x90, .sp = outer_sp_of(1), .kind = FRAME_EXACT,
					   .symbol = slowpath };
	put(&f, outer_sp_of(1) + 0x40, lock);
	queue(&f, lock, 1);
	ASSERT_OK(walk_waits(&f.w));
	check(&f, 1, lock, "the tail of the lock's queue");
	teardown(&f);
}

/* ---- who holds it */

static void test_holder(void)
{
	const uint64_t lock = locks_at + 0x40;
	struct fixture f;

	/* The one that has the address, not the one that is busy as well. */
	setup(&f, true);
	spins(&f, 1, lock, 0);
	queue(&f, lock, 1);
	runs(&f, 0, "copy_page", 1);
	runs(&f, 2, "soft", 1);
	put(&f, sp_of(2) + 0x800, lock);
	ASSERT_OK(walk_waits(&f.w));
	held_by(&f, 1, 2, "have the lock's address");
	teardown(&f);

	/* Two have it. */
	setup(&f, true);
	spins(&f, 1, lock, 0);
	queue(&f, lock, 1);
	for (size_t cpu = 2; cpu < 4; cpu++) {
		runs(&f, cpu, "soft", 1);
		put(&f, sp_of(cpu) + 0x800, lock);
	}
	ASSERT_OK(walk_waits(&f.w));
	held_by_nobody(&f, 1);
	teardown(&f);

	/* One of them cannot hold a lock: preemption is on. */
	setup(&f, true);
	spins(&f, 1, lock, 0);
	queue(&f, lock, 1);
	for (size_t cpu = 2; cpu < 4; cpu++) {
		runs(&f, cpu, "soft", cpu == 3);
		put(&f, sp_of(cpu) + 0x800, lock);
	}
	ASSERT_OK(walk_waits(&f.w));
	held_by(&f, 1, 3, "have the lock's address");
	teardown(&f);

	/* The address of the object that it is in. */
	setup(&f, true);
	spins(&f, 1, lock, 0);
	queue(&f, lock, 1);
	runs(&f, 2, "soft", 1);
	put(&f, sp_of(2) + 0x40, lock - 0x40);
	runs(&f, 3, "soft", 1);
	ASSERT_OK(walk_waits(&f.w));
	held_by(&f, 1, 2, "what the lock is part of");
	teardown(&f);

	/* A variable: no address anywhere, but nobody else can hold a lock. */
	setup(&f, true);
	spins(&f, 1, lock, 0);
	queue(&f, lock, 1);
	runs(&f, 0, "memcpy", 0);
	runs(&f, 2, "soft", 1);
	ASSERT_OK(walk_waits(&f.w));
	held_by(&f, 1, 2, "no other CPU");
	teardown(&f);

	/* A kernel that does not count. */
	setup(&f, true);
	spins(&f, 1, lock, 0);
	queue(&f, lock, 1);
	f.r->cpus.rows.data[1].preempt_count.v = 0;
	runs(&f, 2, "soft", 0);
	put(&f, sp_of(2) + 0x800, lock);
	ASSERT_OK(walk_waits(&f.w));
	held_by(&f, 1, 2, "have the lock's address");
	teardown(&f);
}

/* Each spins for what the other holds. */
static void test_opposite_orders(void)
{
	const uint64_t a = locks_at + 0x400, b = locks_at + 0x800;

	for (int addresses = 0; addresses < 2; addresses++) {
		struct fixture f;

		setup(&f, true);
		spins(&f, 1, b, 1);
		spins(&f, 2, a, 1);
		queue(&f, b, 1);
		queue(&f, a, 2);
		if (addresses) {
			put(&f, sp_of(1) + 0x400, a);
			put(&f, sp_of(2) + 0x400, b);
			runs(&f, 3, "memcpy", 1);
		}
		ASSERT_OK(walk_waits(&f.w));
		check(&f, 1, b, "the tail of the lock's queue");
		check(&f, 2, a, "the tail of the lock's queue");
		held_by(&f, 1, 2, addresses ? "have the lock's address" : "no other CPU");
		held_by(&f, 2, 1, addresses ? "have the lock's address" : "no other CPU");
		teardown(&f);
	}
}

/* Taken twice on one CPU. */
static void test_twice(void)
{
	const uint64_t lock = locks_at + 0x400;
	struct frame_regs regs = { .has = 1 << 3 };
	struct fixture f;

	setup(&f, true);
	spins(&f, 1, lock, 1);
	queue(&f, lock, 1);
	ASSERT_OK(walk_waits(&f.w));
	held_by(&f, 1, 1, "no other CPU");
	teardown(&f);

	/* Or another CPU has it. */
	setup(&f, true);
	spins(&f, 1, lock, 1);
	queue(&f, lock, 1);
	runs(&f, 2, "memcpy", 1);
	ASSERT_OK(walk_waits(&f.w));
	held_by_nobody(&f, 1);
	teardown(&f);

	/* In an interrupt that came in while it was held. */
	setup(&f, true);
	struct kstack_frame *frames = spins(&f, 1, lock, 1);
	frames[2] = (struct kstack_frame){ .ip = text + 0x90, .sp = outer_sp_of(1), .kind = FRAME_EXACT,
					   .symbol = "holder", .regs = &regs };
	regs.v[3] = lock;
	queue(&f, lock, 1);
	runs(&f, 2, "memcpy", 1);
	ASSERT_OK(walk_waits(&f.w));
	held_by(&f, 1, 1, "interrupted");
	teardown(&f);
}

/* ---- others */

static void test_rwlock(void)
{
	const uint64_t lock = locks_at + 0x40;
	struct fixture f;

	/* A writer holds it; another waits at the head of the queue, a reader behind that. */
	setup(&f, true);
	put(&f, sp_of(1) + 0x28, lock);
	runs(&f, 1, "queued_write_lock_slowpath", 1);
	put(&f, sp_of(2) + 0x48, lock);
	struct kstack_frame *frames = runs(&f, 2, slowpath, 1);
	frames[1].symbol = "queued_read_lock_slowpath";
	put32(&f, lock, 0x1ff);
	put32(&f, lock + 4, 3 << 18 | 1);
	runs(&f, 3, "memcpy", 1);
	put(&f, sp_of(3) + 0x300, lock);
	/* Numbers that make no rwlock. */
	put(&f, sp_of(1) + 8, locks_at + 0x80);
	put(&f, locks_at + 0x80, 0x1000001ff);
	put(&f, sp_of(1) + 16, locks_at + 0x90);
	put(&f, locks_at + 0x90, 0x1fffffdff);
	put32(&f, locks_at + 0x80, 0x37);
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_EQUAL(row_of(&f, 1)->kind, WAIT_RWLOCK_WRITE);
	CU_ASSERT_EQUAL(row_of(&f, 2)->kind, WAIT_RWLOCK_READ);
	CU_ASSERT_STRING_EQUAL(row_of(&f, 2)->function, "queued_read_lock_slowpath");
	CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, lock);
	CU_ASSERT_EQUAL(row_of(&f, 2)->lock.v, lock);
	CU_ASSERT_FALSE(row_of(&f, 1)->readers.has);
	held_by(&f, 1, 3, "have the lock's address");
	held_by(&f, 2, 3, "have the lock's address");
	teardown(&f);

	/* Readers hold it. */
	setup(&f, true);
	put(&f, sp_of(1) + 0x28, lock);
	runs(&f, 1, "queued_write_lock_slowpath", 1);
	put32(&f, lock, 2 << 9 | 0x100);
	put32(&f, lock + 4, 1);
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_EQUAL(row_of(&f, 1)->lock.v, lock);
	CU_ASSERT_EQUAL(row_of(&f, 1)->readers.v, 2);
	held_by_nobody(&f, 1);
	teardown(&f);
}

/* BPF's: the CPU that holds one has noted it. */
static void test_resilient(void)
{
	const uint64_t lock = locks_at + 0x40;
	struct fixture f;

	setup(&f, true);
	struct kstack_frame *frames = spins(&f, 1, lock, 0);
	frames[0].symbol = "resilient_queued_spin_lock_slowpath";
	queue(&f, lock, 1);
	put(&f, percpu_at + 0x1000 + held_at, 1);
	put(&f, percpu_at + 0x1000 + held_at + 8, lock);
	put(&f, percpu_at + 0x2000 + held_at, 2);
	put(&f, percpu_at + 0x2000 + held_at + 8, lock + 8);
	put(&f, percpu_at + 0x2000 + held_at + 16, lock);
	put(&f, percpu_at + 0x3000 + held_at, 0xffffffff); /* no lock is read behind the last one */
	ASSERT_OK(walk_waits(&f.w));
	CU_ASSERT_TRUE_FATAL(row_of(&f, 1)->has_holder);
	CU_ASSERT_EQUAL(row_of(&f, 1)->holder.task.v, task_at(2));
	CU_ASSERT_EQUAL(row_of(&f, 1)->holder.basis, WAIT_RECORDED);
	teardown(&f);
}

UNIT_MAIN("walk-spin", { "the lock that a CPU spins for", test_queue },
	  { "an interrupt in between", test_interrupted_spin }, { "who holds it", test_holder },
	  { "two locks in opposite orders", test_opposite_orders }, { "a lock taken twice", test_twice },
	  { "rwlocks", test_rwlock }, { "resilient locks", test_resilient })
