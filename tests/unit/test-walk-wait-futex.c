/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plain futexes: keys, the word in user memory, and who owns it as user space notes it. */
#include "config.h"

#include "unit.h"

#include <string.h>

#include "fake-sleepers.h"

enum {
	T_MM = 0, T_PID = 8,			/* struct task_struct */
	MM_PGD = 0x18,				/* struct mm_struct */
	P_LEVEL = 4, P_NUMBERS = 0x10, UPID = 16, /* struct pid, struct upid */
	Q_TASK = 40, Q_LOCK = 48, Q_KEY = 64,	/* struct futex_q */
	PRIVATE = 0, INODE = 1,			/* bits of the key's offset */
	ARG = 5,				/* rdi */
};

/* In sleepers_room. */
static const uint64_t mm = 0xffff888000300000, pids = 0xffff888000301000, pgd = 0xffff888000400000,
		      word = 0x7f0000001124;

static void setup(struct sleepers *s)
{
	sleepers_new(s);
	struct fake_kernel *fk = s->fk;
	struct fake_field task[] = { { "mm", fk->ptr, T_MM }, { "thread_pid", fk->ptr, T_PID } };
	fake_kernel_struct(fk, "task_struct", 64, task, 2);
	struct fake_field mm_fields[] = { { "pgd", fk->ptr, MM_PGD } };
	fake_kernel_struct(fk, "mm_struct", 64, mm_fields, 1);
	struct fake_field upid[] = { { "nr", fk->u32, 0 }, { "ns", fk->ptr, 8 } };
	int upid_t = fake_kernel_struct(fk, "upid", UPID, upid, 2);
	struct fake_field pid[] = { { "level", fk->u32, P_LEVEL },
				    { "numbers", fake_kernel_array(fk, upid_t, 1), P_NUMBERS } };
	fake_kernel_struct(fk, "pid", P_NUMBERS + UPID, pid, 2);
	struct fake_field private[] = { { "mm", fk->ptr, 0 }, { "address", fk->u64, 8 }, { "offset", fk->u32, 16 } };
	struct fake_field shared[] = { { "i_seq", fk->u64, 0 }, { "pgoff", fk->u64, 8 }, { "offset", fk->u32, 16 } };
	struct fake_field key[] = { { "private", fake_kernel_struct(fk, "private", 24, private, 3), 0 },
				    { "shared", fake_kernel_struct(fk, "shared", 24, shared, 3), 0 } };
	struct fake_field q[] = { { "task", fk->ptr, Q_TASK }, { "lock_ptr", fk->ptr, Q_LOCK },
				  { "key", fake_kernel_struct(fk, "futex_key", 24, key, 2), Q_KEY } };
	fake_kernel_struct(fk, "futex_q", 128, q, 3);
	fake_kernel_map_to(fk, pgd, fk->root);
	sleepers_ready(s);
	/* Tasks 1 to 3 are threads of one process; the others have the same address space, but are none. */
	for (size_t i = 0; i < SLEEPERS; i++) {
		uint64_t p = pids + 0x80 * i;

		sleepers_put(s, sleeper_at(i) + T_MM, mm);
		sleepers_put(s, sleeper_at(i) + T_PID, p);
		sleepers_put32(s, p + P_LEVEL, 0);
		sleepers_put32(s, p + P_NUMBERS, 10 + (uint32_t)i);
		s->r->tasks.data[i].tgid = i >= 1 && i <= 3 ? 11 : 10 + (int32_t)i;
	}
	sleepers_put(s, mm + MM_PGD, pgd);
}

/* Task 1 waits; first and second are the key's words. */
static struct kstack_row *waits(struct sleepers *s, uint64_t first, uint64_t second, uint32_t offset)
{
	uint64_t q = sleeper_sp(1) + 0x100;

	sleepers_put(s, q + Q_TASK, sleeper_at(1));
	sleepers_put(s, q + Q_LOCK, sleepers_room + 0x2000);
	sleepers_put(s, q + Q_KEY, first);
	sleepers_put(s, q + Q_KEY + 8, second);
	sleepers_put32(s, q + Q_KEY + 16, offset);
	return sleepers_sleep(s, 1, 1, (const char *const[]){ "futex_do_wait", "futex_wait", NULL });
}

static void waits_for_word(struct sleepers *s)
{
	waits(s, mm, word & ~(uint64_t)(PAGE_SIZE - 1), (word & (PAGE_SIZE - 1)) | PRIVATE);
}

/* pthread_mutex_t: lock, count, owner, nusers, kind. */
static void put_mutex(struct sleepers *s, const uint32_t v[5])
{
	fake_kernel_write(s->fk, word, v, 5 * sizeof(*v));
}

static void check_owner(struct sleepers *s, size_t holder, uint32_t tid)
{
	ASSERT_OK(walk_waits(&s->w));
	const struct wait_row *r = sleeper_wait(s, 1);
	CU_ASSERT_EQUAL(r->kind, WAIT_FUTEX);
	CU_ASSERT_TRUE(r->uaddr.has);
	CU_ASSERT_EQUAL(r->uaddr.v, word);
	CU_ASSERT_TRUE(r->futex_word.has);
	CU_ASSERT_TRUE_FATAL(r->has_holder);
	CU_ASSERT_EQUAL(r->holder.task.v, sleeper_at(holder));
	CU_ASSERT_EQUAL(r->holder.basis, WAIT_INFERRED);
	CU_ASSERT_PTR_NOT_NULL(r->holder.by);
	CU_ASSERT_TRUE(r->futex_owner.has);
	CU_ASSERT_EQUAL(r->futex_owner.v, tid);
	sleepers_destroy(s);
}

static void test_owner(void)
{
	struct sleepers s;

	setup(&s);
	put_mutex(&s, (uint32_t[]){ 2, 1, 13, 1, 0 });
	waits_for_word(&s);
	check_owner(&s, 3, 13);

	/* musl, and robust ones: the word itself. */
	setup(&s);
	put_mutex(&s, (uint32_t[]){ 0x8000000d, 0, 0, 0, 0 });
	waits_for_word(&s);
	check_owner(&s, 3, 13);

	/* In a namespace of PIDs it counts otherwise: task 2 is 13 there, and 3 is 2. */
	setup(&s);
	for (size_t i = 1; i <= 3; i++) {
		uint64_t p = pids + 0x80 * i;

		sleepers_put32(&s, p + P_LEVEL, 1);
		sleepers_put32(&s, p + P_NUMBERS + UPID, i == 2 ? 13 : i);
	}
	put_mutex(&s, (uint32_t[]){ 2, 1, 13, 1, 0 });
	waits_for_word(&s);
	check_owner(&s, 2, 13);
}

/* What does not look like a mutex of this process has no owner, but the word is told. */
static void test_no_owner(void)
{
	static const uint32_t words[][5] = {
		{ 1, 1, 13, 1, 0 },	/* nobody waits, by the word */
		{ 2, 1, 0, 1, 0 },	/* no owner */
		{ 2, 1, 13, 0, 0 },	/* no users */
		{ 2, 1, 13, 1, 0x7ffe }, /* no kind */
		{ 2, 1, 14, 1, 0 },	/* a task of another process */
		{ 2, 1, 999, 1, 0 },	/* nobody */
		{ 0x8000000e, 0, 0, 0, 0 },
		{ 13, 0, 0, 0, 0 },	/* a TID without a bit that says so is a number like others */
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct sleepers s;

		setup(&s);
		put_mutex(&s, words[i]);
		waits_for_word(&s);
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->futex_word.v, words[i][0]);
		CU_ASSERT_FALSE(sleeper_wait(&s, 1)->has_holder);
		CU_ASSERT_FALSE(sleeper_wait(&s, 1)->futex_owner.has);
		CU_ASSERT_PTR_NULL(sleeper_wait(&s, 1)->why);
		sleepers_destroy(&s);
	}

	/* Not in memory, at the end of a page, without a page table. */
	for (int i = 0; i < 3; i++) {
		struct sleepers s;

		setup(&s);
		uint64_t at = word & ~(uint64_t)(PAGE_SIZE - 1);
		if (i == 1)
			fake_kernel_write(s.fk, at + PAGE_SIZE - 4, &(uint32_t){ 2 }, 4);
		if (i == 2)
			sleepers_put(&s, mm + MM_PGD, 0x1234567);
		waits(&s, mm, at, i == 1 ? PAGE_SIZE - 4 : 0x124);
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_TRUE(sleeper_wait(&s, 1)->uaddr.has);
		CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->futex_word.has, i == 1);
		CU_ASSERT_FALSE(sleeper_wait(&s, 1)->has_holder);
		sleepers_destroy(&s);
	}
}

/* In a file the key has no address; the system call's argument is it, if that can be. */
static void test_shared(void)
{
	const struct {
		uint64_t arg;
		bool has;
	} args[] = { { word, true }, { word + 4, false }, { 0, false }, { 0xffff888000000124, false } };

	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		struct frame_regs regs = { .has = 1u << ARG, .v = { [ARG] = args[i].arg } };
		struct sleepers s;

		setup(&s);
		put_mutex(&s, (uint32_t[]){ 2, 1, 14, 1, 0x80 });
		struct kstack_row *stack = waits(&s, 77, 3, 0x124 | INODE);
		((struct kstack_frame *)stack->frames)[stack->nr_frames - 1].regs = &regs;
		ASSERT_OK(walk_waits(&s.w));
		const struct wait_row *r = sleeper_wait(&s, 1);
		CU_ASSERT_EQUAL(r->futex_inode.v, 77);
		CU_ASSERT_EQUAL(r->futex_pgoff.v, 3);
		CU_ASSERT_EQUAL(r->futex_offset.v, 0x124);
		CU_ASSERT_EQUAL(r->uaddr.has, args[i].has);
		CU_ASSERT_EQUAL(r->has_holder, args[i].has); /* of another process */
		CU_ASSERT_PTR_NULL(r->why);
		if (r->has_holder)
			CU_ASSERT_EQUAL(r->holder.task.v, sleeper_at(4));
		CU_ASSERT_PTR_NULL(report_find_section(s.r, "waits")->cut);
		sleepers_destroy(&s);
	}
}

/* Keys that are none. */
static void test_lies(void)
{
	const struct {
		uint64_t first, second;
		uint32_t offset;
	} keys[] = {
		{ mm, 0x7f0000001000, 0x1124 },		/* beyond a page */
		{ mm, 0x7f0000001008, 0x124 },		/* not the start of one */
		{ mm + 64, 0x7f0000001000, 0x124 },	/* of another address space */
		{ mm, 0xffff888000300000, 0x124 },	/* the kernel's */
		{ 0, 3, 0x125 },			/* no inode */
		{ mm, 3, 0x125 },			/* a pointer where its number should be */
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct sleepers s;

		setup(&s);
		waits(&s, keys[i].first, keys[i].second, keys[i].offset);
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_FALSE(sleeper_wait(&s, 1)->uaddr.has);
		CU_ASSERT_FALSE(sleeper_wait(&s, 1)->futex_inode.has);
		CU_ASSERT_PTR_NOT_NULL(sleeper_wait(&s, 1)->why);
		CU_ASSERT_PTR_NOT_NULL(report_find_section(s.r, "waits")->cut);
		sleepers_destroy(&s);
	}
}

UNIT_MAIN("walk-wait-futex", { "owners", test_owner }, { "no owner", test_no_owner }, { "in files", test_shared },
	  { "keys that lie", test_lies })
