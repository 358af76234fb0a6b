/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/waits.h"

static const struct layout_member members[] = {
	LAYOUT_OPT(struct waits_layout, mm, "task_struct", "mm"),
	LAYOUT_OPT(struct waits_layout, blocker, "task_struct", "blocker"), /* 6.16+, if configured */
	LAYOUT_OPT(struct waits_layout, blocked_on, "task_struct", "blocked_on"), /* 6.17+ */
	LAYOUT_OPT(struct waits_layout, pi_blocked_on, "task_struct", "pi_blocked_on"),
	LAYOUT_OPT(struct waits_layout, mmap_lock, "mm_struct", "mmap_lock"),
	LAYOUT_OPT(struct waits_layout, mutex_owner, "mutex", "owner"),
	LAYOUT_OPT(struct waits_layout, mutex_list, "mutex", "wait_list"), /* to 7.0 */
	LAYOUT_OPT(struct waits_layout, mutex_first, "mutex", "first_waiter"), /* 7.1+ */
	LAYOUT_OPT(struct waits_layout, mutex_waiter_task, "mutex_waiter", "task"),
	LAYOUT_OPT(struct waits_layout, mutex_waiter_list, "mutex_waiter", "list"),
	LAYOUT_OPT(struct waits_layout, rwsem_count, "rw_semaphore", "count"),
	LAYOUT_OPT(struct waits_layout, rwsem_owner, "rw_semaphore", "owner"),
	LAYOUT_OPT(struct waits_layout, rwsem_list, "rw_semaphore", "wait_list"), /* to 7.0 */
	LAYOUT_OPT(struct waits_layout, rwsem_first, "rw_semaphore", "first_waiter"), /* 7.1+ */
	LAYOUT_OPT(struct waits_layout, rwsem_waiter_task, "rwsem_waiter", "task"),
	LAYOUT_OPT(struct waits_layout, rwsem_waiter_list, "rwsem_waiter", "list"),
	LAYOUT_OPT(struct waits_layout, sem_count, "semaphore", "count"),
	LAYOUT_OPT(struct waits_layout, sem_holder, "semaphore", "last_holder"), /* 6.16+ */
	LAYOUT_OPT(struct waits_layout, sem_list, "semaphore", "wait_list"), /* to 7.0 */
	LAYOUT_OPT(struct waits_layout, sem_first, "semaphore", "first_waiter"), /* 7.1+ */
	LAYOUT_OPT(struct waits_layout, sem_waiter_task, "semaphore_waiter", "task"),
	LAYOUT_OPT(struct waits_layout, sem_waiter_list, "semaphore_waiter", "list"),
	LAYOUT_OPT(struct waits_layout, rt_waiter_lock, "rt_mutex_waiter", "lock"),
	LAYOUT_OPT(struct waits_layout, rt_owner, "rt_mutex_base", "owner"),
	LAYOUT_OPT(struct waits_layout, percpu_readers, "percpu_rw_semaphore", "read_count"),
	LAYOUT_OPT(struct waits_layout, percpu_writer, "percpu_rw_semaphore", "writer.task"),
	LAYOUT_OPT(struct waits_layout, percpu_head, "percpu_rw_semaphore", "waiters.head"),
	LAYOUT_OPT(struct waits_layout, wq_private, "wait_queue_entry", "private"),
	LAYOUT_OPT(struct waits_layout, wq_func, "wait_queue_entry", "func"),
	LAYOUT_OPT(struct waits_layout, wq_entry, "wait_queue_entry", "entry"),
	LAYOUT_OPT(struct waits_layout, swait_task, "swait_queue", "task"),
	LAYOUT_OPT(struct waits_layout, swait_list, "swait_queue", "task_list"),
	LAYOUT_OPT(struct waits_layout, done, "completion", "done"),
	LAYOUT_OPT(struct waits_layout, completion_list, "completion", "wait.task_list"),
	LAYOUT_OPT(struct waits_layout, futex_task, "futex_q", "task"),
	LAYOUT_OPT(struct waits_layout, futex_lock_ptr, "futex_q", "lock_ptr"),
	LAYOUT_OPT(struct waits_layout, futex_mm, "futex_q", "key.private.mm"),
	LAYOUT_OPT(struct waits_layout, futex_address, "futex_q", "key.private.address"),
	LAYOUT_OPT(struct waits_layout, futex_offset, "futex_q", "key.private.offset"),
	LAYOUT_OPT(struct waits_layout, mutex_rt, "mutex", "rtmutex"), /* PREEMPT_RT */
	LAYOUT_OPT(struct waits_layout, vfork_done, "task_struct", "vfork_done"),
	LAYOUT_OPT(struct waits_layout, worker_private, "task_struct", "worker_private"),
	LAYOUT_OPT(struct waits_layout, last_wakee, "task_struct", "last_wakee"),
	LAYOUT_OPT(struct waits_layout, percpu_block, "percpu_rw_semaphore", "block"),
	LAYOUT_OPT(struct waits_layout, wq_head, "wait_queue_head", "head"),
	LAYOUT_OPT(struct waits_layout, futex_inode, "futex_q", "key.shared.i_seq"),
	LAYOUT_OPT(struct waits_layout, futex_pgoff, "futex_q", "key.shared.pgoff"),
	LAYOUT_OPT(struct waits_layout, mm_pgd, "mm_struct", "pgd"),
	LAYOUT_OPT(struct waits_layout, thread_pid, "task_struct", "thread_pid"),
	LAYOUT_OPT(struct waits_layout, pid_level, "pid", "level"),
	LAYOUT_OPT(struct waits_layout, pid_numbers, "pid", "numbers"),
	LAYOUT_OPT(struct waits_layout, upid, "upid", ""),
	LAYOUT_OPT(struct waits_layout, upid_nr, "upid", "nr"),
	/* works, threads, stoppers */
	LAYOUT_OPT(struct waits_layout, barrier_work, "wq_barrier", "work"),
	LAYOUT_OPT(struct waits_layout, barrier_done, "wq_barrier", "done"),
	LAYOUT_OPT(struct waits_layout, barrier_task, "wq_barrier", "task"),
	LAYOUT_OPT(struct waits_layout, work_entry, "work_struct", "entry"),
	LAYOUT_OPT(struct waits_layout, work_func, "work_struct", "func"),
	LAYOUT_OPT(struct waits_layout, worker_scheduled, "worker", "scheduled"),
	LAYOUT_OPT(struct waits_layout, flusher_done, "wq_flusher", "done"),
	LAYOUT_OPT(struct waits_layout, wq_first_flusher, "workqueue_struct", "first_flusher"),
	LAYOUT_OPT(struct waits_layout, wq_name, "workqueue_struct", "name"),
	LAYOUT_OPT(struct waits_layout, kthread_exited, "kthread", "exited"),
	LAYOUT_OPT(struct waits_layout, stop_done, "cpu_stop_done", "completion"),
	LAYOUT_OPT(struct waits_layout, stop_list, "cpu_stop_work", "list"),
	LAYOUT_OPT(struct waits_layout, stop_work_done, "cpu_stop_work", "done"),
	LAYOUT_OPT(struct waits_layout, stopper_thread, "cpu_stopper", "thread"),
	LAYOUT_OPT(struct waits_layout, stopper_works, "cpu_stopper", "works"),
	/* grace periods */
	LAYOUT_OPT(struct waits_layout, ssp_sup, "srcu_struct", "srcu_sup"), /* 6.4 */
	LAYOUT_OPT(struct waits_layout, ssp_sda, "srcu_struct", "sda"),
	LAYOUT_OPT(struct waits_layout, sup_ssp, "srcu_usage", "srcu_ssp"),
	LAYOUT_OPT(struct waits_layout, sd_ssp, "srcu_data", "ssp"),
	LAYOUT_OPT(struct waits_layout, tasks_holdout, "task_struct", "rcu_tasks_holdout"),
	LAYOUT_OPT(struct waits_layout, trc_nesting, "task_struct", "trc_reader_nesting"), /* to 6.19 */
	/* files */
	LAYOUT_OPT(struct waits_layout, page_wait, "wait_page_queue", "wait"),
	LAYOUT_OPT(struct waits_layout, page_folio, "wait_page_queue", "folio"),
	LAYOUT_OPT(struct waits_layout, page_bit, "wait_page_queue", "bit_nr"),
	LAYOUT_OPT(struct waits_layout, folio_mapping, "folio", "mapping"),
	LAYOUT_OPT(struct waits_layout, folio_index, "folio", "index"),
	LAYOUT_OPT(struct waits_layout, mapping_host, "address_space", "host"),
	LAYOUT_OPT(struct waits_layout, inode_no, "inode", "i_ino"),
	LAYOUT_OPT(struct waits_layout, inode_sb, "inode", "i_sb"),
	LAYOUT_OPT(struct waits_layout, file_inode, "file", "f_inode"),
	LAYOUT_OPT(struct waits_layout, sb, "super_block", ""),
	LAYOUT_OPT(struct waits_layout, sb_id, "super_block", "s_id"),
	LAYOUT_OPT(struct waits_layout, sb_list, "super_block", "s_list"),
	LAYOUT_OPT(struct waits_layout, sb_frozen, "super_block", "s_writers.frozen"),
	LAYOUT_OPT(struct waits_layout, sb_kernel, "super_block", "s_writers.freeze_kcount"), /* 6.8 */
	LAYOUT_OPT(struct waits_layout, sb_user, "super_block", "s_writers.freeze_ucount"),
	LAYOUT_OPT(struct waits_layout, csd_flags, "__call_single_data", "node.u_flags"),
	LAYOUT_OPT(struct waits_layout, csd_func, "__call_single_data", "func"),
	LAYOUT_OPT(struct waits_layout, cfd_csd, "call_function_data", "csd"),
	LAYOUT_OPT(struct waits_layout, cfd_mask, "call_function_data", "cpumask"),
	LAYOUT_OPT(struct waits_layout, ipi_mask, "task_struct", "ipi_mask"), /* 7.3 */
};

/* 6.9 took what all kinds of file locks have in common out into a struct, and renamed it. */
static const struct layout_member lock_members[][5] = {
	{
		LAYOUT_OPT(struct waits_layout, lock_wait, "file_lock_core", "flc_wait"),
		LAYOUT_OPT(struct waits_layout, lock_blocker, "file_lock_core", "flc_blocker"),
		LAYOUT_OPT(struct waits_layout, lock_pid, "file_lock_core", "flc_pid"),
		LAYOUT_OPT(struct waits_layout, lock_flags, "file_lock_core", "flc_flags"),
		LAYOUT_OPT(struct waits_layout, lock_file, "file_lock_core", "flc_file"),
	},
	{
		LAYOUT_OPT(struct waits_layout, lock_wait, "file_lock", "fl_wait"),
		LAYOUT_OPT(struct waits_layout, lock_blocker, "file_lock", "fl_blocker"),
		LAYOUT_OPT(struct waits_layout, lock_pid, "file_lock", "fl_pid"),
		LAYOUT_OPT(struct waits_layout, lock_flags, "file_lock", "fl_flags"),
		LAYOUT_OPT(struct waits_layout, lock_file, "file_lock", "fl_file"),
	},
};

struct err *waits_layout(struct kernel *k, struct waits_layout *l)
{
	TRY(klayout(k, members, ARRAY_SIZE(members), l, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(lock_members); i++) {
		TRY(klayout(k, lock_members[i], ARRAY_SIZE(lock_members[i]), l, NULL));
		if (l->lock_wait.present)
			break;
	}
	return NULL;
}
