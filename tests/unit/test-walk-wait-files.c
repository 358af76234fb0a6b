/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tasks wait for of files: folios, locks, the end of a freeze; and other queues. */
#include "config.h"

#include "unit.h"

#include <bpf/btf.h>
#include <string.h>

#include "fake-sleepers.h"

enum {
	WQ_PRIVATE = 8, WQ_ENTRY = 24,			 /* struct wait_queue_entry */
	PW_FOLIO = 0, PW_BIT = 8, PW_WAIT = 16,		 /* struct wait_page_queue */
	F_MAPPING = 0x18, F_INDEX = 0x20,		 /* struct folio */
	A_HOST = 0x8,					 /* struct address_space */
	I_NO = 0x40, I_SB = 0x28,			 /* struct inode */
	SB_LIST = 0, SB_WRITERS = 0x40, SB_ID = 0x100, SB_SIZE = 0x200, /* struct super_block */
	FL_BLOCKER = 0x8, FL_FLAGS = 0x10, FL_PID = 0x14, FL_WAIT = 0x18, FL_FILE = 0x30, /* struct file_lock_core */
	FILE_INODE = 0x20,
	P_WRITER = 8, P_WAITERS = 0x10, P_SIZE = 0x40,	 /* struct percpu_rw_semaphore */
	FREEZE_COMPLETE = 4,
	PG_LOCKED = 0, PG_WRITEBACK = 1,
};

/* In sleepers_room. */
static const uint64_t folio = 0xffff888000301000, mapping = 0xffff888000302000, inode = 0xffff888000303000,
		      sb = 0xffff888000304000, held = 0xffff888000305000, own = 0xffff888000306000,
		      file = 0xffff888000307000, queue_at = 0xffffffff83000000, super_blocks = 0xffffffff83000100;

static void setup_locks(struct sleepers *s, bool core)
{
	struct fake_kernel *fk = s->fk;
	struct fake_field flc[] = { { "flc_blocker", fk->ptr, FL_BLOCKER }, { "flc_flags", fk->u32, FL_FLAGS },
				    { "flc_pid", fk->u32, FL_PID }, { "flc_wait", s->wait_head, FL_WAIT },
				    { "flc_file", fk->ptr, FL_FILE } };
	struct fake_field fl[] = { { "fl_blocker", fk->ptr, FL_BLOCKER }, { "fl_flags", fk->u32, FL_FLAGS },
				   { "fl_pid", fk->u32, FL_PID }, { "fl_wait", s->wait_head, FL_WAIT },
				   { "fl_file", fk->ptr, FL_FILE } };

	if (core)
		fake_kernel_struct(fk, "file_lock_core", 0x40, flc, 5);
	else
		fake_kernel_struct(fk, "file_lock", 0x80, fl, 5);
}

static void setup(struct sleepers *s, bool core)
{
	sleepers_new(s);
	struct fake_kernel *fk = s->fk;
	struct fake_field task[] = { { "mm", fk->ptr, 0 } };
	fake_kernel_struct(fk, "task_struct", 64, task, 1);
	int entry = btf__find_by_name_kind(fk->btf, "wait_queue_entry", BTF_KIND_STRUCT);
	struct fake_field page[] = { { "folio", fk->ptr, PW_FOLIO }, { "bit_nr", fk->u32, PW_BIT },
				     { "wait", entry, PW_WAIT } };
	fake_kernel_struct(fk, "wait_page_queue", 56, page, 3);
	struct fake_field folio_fields[] = { { "mapping", fk->ptr, F_MAPPING }, { "index", fk->u64, F_INDEX } };
	fake_kernel_struct(fk, "folio", 0x40, folio_fields, 2);
	struct fake_field space[] = { { "host", fk->ptr, A_HOST } };
	fake_kernel_struct(fk, "address_space", 0x40, space, 1);
	struct fake_field inode_fields[] = { { "i_sb", fk->ptr, I_SB }, { "i_ino", fk->u64, I_NO } };
	fake_kernel_struct(fk, "inode", 0x80, inode_fields, 2);
	struct fake_field writers[] = { { "frozen", fk->u32, 0 }, { "freeze_kcount", fk->u32, 4 },
					{ "freeze_ucount", fk->u32, 8 } };
	struct fake_field super[] = { { "s_list", s->list, SB_LIST },
				      { "s_writers", fake_kernel_struct(fk, "sb_writers", 0x80, writers, 3), SB_WRITERS },
				      { "s_id", fake_kernel_array(fk, fk->u8, 32), SB_ID } };
	fake_kernel_struct(fk, "super_block", SB_SIZE, super, 3);
	struct fake_field file_fields[] = { { "f_inode", fk->ptr, FILE_INODE } };
	fake_kernel_struct(fk, "file", 0x40, file_fields, 1);
	struct fake_field rcuwait[] = { { "task", fk->ptr, 0 } };
	struct fake_field percpu[] = { { "writer", fake_kernel_struct(fk, "rcuwait", 8, rcuwait, 1), P_WRITER },
				       { "waiters", s->wait_head, P_WAITERS } };
	fake_kernel_struct(fk, "percpu_rw_semaphore", P_SIZE, percpu, 2);
	if (btf__add_enum(fk->btf, "pageflags", 4) < 0 || btf__add_enum_value(fk->btf, "PG_locked", PG_LOCKED) ||
	    btf__add_enum_value(fk->btf, "PG_writeback", PG_WRITEBACK))
		CU_FAIL_FATAL("no memory");
	setup_locks(s, core);
	fake_kernel_symbol(fk, "freeze_queue", queue_at);
	fake_kernel_symbol(fk, "super_blocks", super_blocks);
	sleepers_ready(s);
	sleepers_put(s, inode + I_NO, 12);
	sleepers_put(s, inode + I_SB, sb);
	fake_kernel_write(fk, sb + SB_ID, "vda1", 5);
	sleepers_put(s, file + FILE_INODE, inode);
}

/* The entry of task 1 on a queue's list. */
static uint64_t entry_on(struct sleepers *s, uint64_t at, uint64_t head)
{
	sleepers_put(s, at + WQ_PRIVATE, sleeper_at(1));
	sleepers_link(s, (uint64_t[]){ at + WQ_ENTRY, head }, 2);
	return at;
}

static void test_folio(void)
{
	static const struct {
		uint32_t bit;
		bool anonymous;
		const char *object;
	} kinds[] = {
		{ PG_LOCKED, false, "page 3 of inode 12 on vda1, to be unlocked" },
		{ PG_WRITEBACK, false, "page 3 of inode 12 on vda1, to be written back" },
		{ 7, false, "page 3 of inode 12 on vda1, for a bit of its flags" },
		{ PG_LOCKED, true, "a page of anonymous memory, to be unlocked" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t wait = sleeper_sp(1) + 0x100;
		struct sleepers s;

		setup(&s, true);
		sleepers_put(&s, wait + PW_FOLIO, folio);
		sleepers_put32(&s, wait + PW_BIT, kinds[i].bit);
		entry_on(&s, wait + PW_WAIT, queue_at + 8);
		sleepers_put(&s, folio + F_MAPPING, mapping | kinds[i].anonymous);
		sleepers_put(&s, folio + F_INDEX, 3);
		sleepers_put(&s, mapping + A_HOST, inode);
		sleepers_sleep(&s, 1, 2, (const char *const[]){ "folio_wait_bit_common", "filemap_fault", NULL });
		ASSERT_OK(walk_waits(&s.w));
		const struct wait_row *r = sleeper_wait(&s, 1);
		CU_ASSERT_EQUAL(r->kind, WAIT_FOLIO);
		CU_ASSERT_EQUAL(r->lock.v, folio);
		CU_ASSERT_STRING_EQUAL(r->object, kinds[i].object);
		CU_ASSERT_FALSE(r->has_holder);
		CU_ASSERT_PTR_NULL(r->why);
		sleepers_destroy(&s);
	}

	/* No folio in the struct around the entry. */
	struct sleepers s;
	setup(&s, true);
	entry_on(&s, sleeper_sp(1) + 0x100 + PW_WAIT, queue_at + 8);
	sleepers_sleep(&s, 1, 2, (const char *const[]){ "folio_wait_bit_common", "filemap_fault", NULL });
	ASSERT_OK(walk_waits(&s.w));
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->lock.v, 0);
	CU_ASSERT_PTR_NOT_NULL(sleeper_wait(&s, 1)->why);
	CU_ASSERT_PTR_NOT_NULL(report_find_section(s.r, "waits")->cut);
	sleepers_destroy(&s);
}

static void test_file_lock(void)
{
	static const struct {
		bool core; /* of 6.9 on */
		uint32_t flags, pid;
		const char *object;
		enum wait_basis basis;
		bool known;
	} kinds[] = {
		{ true, 1, 14, "fcntl() lock of inode 12 on vda1", WAIT_RECORDED, true },
		{ false, 1, 14, "fcntl() lock of inode 12 on vda1", WAIT_RECORDED, true },
		{ true, 2, 14, "flock() of inode 12 on vda1", WAIT_HINTED, true }, /* its file may have been passed on */
		{ true, 32, 14, "lease of inode 12 on vda1", WAIT_HINTED, true },
		{ true, 2, 99, "flock() of inode 12 on vda1", WAIT_HINTED, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct sleepers s;

		setup(&s, kinds[i].core);
		entry_on(&s, sleeper_sp(1) + 0x100, own + FL_WAIT + 8);
		sleepers_put(&s, own + FL_BLOCKER, held);
		sleepers_put32(&s, held + FL_FLAGS, kinds[i].flags);
		sleepers_put32(&s, held + FL_PID, kinds[i].pid);
		sleepers_put(&s, held + FL_FILE, file);
		sleepers_sleep(&s, 1, 1, (const char *const[]){ "locks_lock_inode_wait", "__do_sys_flock", NULL });
		ASSERT_OK(walk_waits(&s.w));
		const struct wait_row *r = sleeper_wait(&s, 1);
		CU_ASSERT_EQUAL(r->kind, WAIT_FILE_LOCK);
		CU_ASSERT_EQUAL(r->lock.v, held);
		CU_ASSERT_STRING_EQUAL(r->object, kinds[i].object);
		CU_ASSERT_EQUAL_FATAL(r->has_holder, kinds[i].known);
		CU_ASSERT_EQUAL(!r->why, kinds[i].known);
		if (kinds[i].known) {
			CU_ASSERT_EQUAL(r->holder.task.v, sleeper_at(4));
			CU_ASSERT_EQUAL(r->holder.basis, kinds[i].basis);
		}
		sleepers_destroy(&s);
	}

	/* On no queue of a lock. */
	struct sleepers s;
	setup(&s, true);
	entry_on(&s, sleeper_sp(1) + 0x100, own + FL_WAIT + 8);
	sleepers_sleep(&s, 1, 1, (const char *const[]){ "locks_lock_inode_wait", "__do_sys_flock", NULL });
	ASSERT_OK(walk_waits(&s.w));
	CU_ASSERT_EQUAL(sleeper_wait(&s, 1)->lock.v, 0);
	CU_ASSERT_PTR_NOT_NULL(sleeper_wait(&s, 1)->why);
	sleepers_destroy(&s);
}

/* Behind a percpu-rwsem in a super block that was frozen: nobody holds it, and nobody has to be there. */
static void test_frozen(void)
{
	static const struct {
		uint32_t frozen, kernel, user;
		const char *says;
	} freezes[] = {
		{ FREEZE_COMPLETE, 0, 1, "from user space" }, { FREEZE_COMPLETE, 1, 0, "by the kernel" },
		{ FREEZE_COMPLETE, 1, 1, "and by the kernel" }, { 0, 0, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(freezes); i++) {
		const uint64_t sem = sb + SB_WRITERS + 0x10;
		struct sleepers s;

		setup(&s, true);
		sleepers_link(&s, (uint64_t[]){ super_blocks, sb + SB_LIST }, 2);
		sleepers_put32(&s, sb + SB_WRITERS, freezes[i].frozen);
		sleepers_put32(&s, sb + SB_WRITERS + 4, freezes[i].kernel);
		sleepers_put32(&s, sb + SB_WRITERS + 8, freezes[i].user);
		entry_on(&s, sleeper_sp(1) + 0x100, sem + P_WAITERS + 8);
		sleepers_put(&s, sleeper_sp(1) + 0x100 + 16, sleepers_text);
		/* Whoever has its address is no holder. */
		sleepers_sleep(&s, 3, 1, (const char *const[]){ "do_nanosleep", "pause", NULL });
		if (freezes[i].frozen)
			sleepers_put(&s, sleeper_sp(3) + 0x100, sem);
		sleepers_sleep(&s, 1, 2, (const char *const[]){ "percpu_rwsem_wait", "__percpu_down_read", NULL });
		ASSERT_OK(walk_waits(&s.w));
		const struct wait_row *r = sleeper_wait(&s, 1);
		CU_ASSERT_EQUAL(r->kind, WAIT_PERCPU_READ);
		CU_ASSERT_EQUAL(r->lock.v, sem);
		CU_ASSERT_FALSE(r->has_holder);
		CU_ASSERT_PTR_NOT_NULL_FATAL(r->why);
		CU_ASSERT_EQUAL_FATAL(!r->frozen, !freezes[i].says);
		if (r->frozen) {
			CU_ASSERT_STRING_EQUAL(r->frozen, "vda1");
			CU_ASSERT_PTR_NOT_NULL(strstr(r->why, freezes[i].says));
		}
		sleepers_destroy(&s);
	}
}

/* Anything else, by function; the queue's name, where it is a variable. */
static void test_queue(void)
{
	enum { D = 2, IDLE = 0x402, FROZEN = 0x8002, KILLABLE = 0x102, S = 1 };
	static const struct {
		uint64_t state;
		bool waits;
	} states[] = { { D, true }, { KILLABLE, true }, { IDLE, false }, { FROZEN, false }, { S, false } };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		for (int named = 0; named < 2; named++) {
			uint64_t head = named ? queue_at + 8 : own + 8;
			struct sleepers s;

			setup(&s, true);
			entry_on(&s, sleeper_sp(1) + 0x100, head);
			sleepers_sleep(&s, 1, states[i].state, (const char *const[]){ "wait_for_disk", "ioctl", NULL });
			ASSERT_OK(walk_waits(&s.w));
			CU_ASSERT_EQUAL_FATAL(s.r->waits.nr, states[i].waits);
			if (states[i].waits) {
				const struct wait_row *r = sleeper_wait(&s, 1);

				CU_ASSERT_EQUAL(r->kind, WAIT_QUEUE);
				CU_ASSERT_STRING_EQUAL(r->function, "wait_for_disk");
				CU_ASSERT_EQUAL(r->lock.v, named ? queue_at : 0);
				CU_ASSERT_EQUAL(!r->lock_name, !named);
				CU_ASSERT_FALSE(r->has_holder);
			}
			CU_ASSERT_PTR_NULL(report_find_section(s.r, "waits")->cut);
			sleepers_destroy(&s);
		}
	}
}

UNIT_MAIN("walk-wait-files", { "folios", test_folio }, { "locks on files", test_file_lock },
	  { "frozen file systems", test_frozen }, { "other queues", test_queue })
