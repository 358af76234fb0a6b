/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fdgdb.waits */
#include "config.h"

#include "report/json-parts.h"

static void write_holder(struct json *j, const char *key, const struct wait_holder *h)
{
	json_key(j, key);
	json_open_object(j);
	json_key_u64(j, "task_kva", h->task.v);
	if (h->comm) {
		json_key_i64(j, "pid", h->pid);
		json_key_string(j, "comm", h->comm);
	}
	json_key_string(j, "basis", wait_basis_text(h->basis));
	json_opt_string(j, "by", h->by);
	json_opt_true(j, "gone", h->gone);
	json_close_object(j);
}

static void write_cpus(struct json *j, const struct wait_row *r)
{
	if (!r->nr_cpus)
		return;
	json_key(j, "waits_for_cpus");
	json_open_flat_array(j);
	for (size_t i = 0; i < r->nr_cpus; i++)
		json_u64(j, r->cpus[i]);
	json_close_array(j);
}

static void write_futex(struct json *j, const struct wait_row *r)
{
	json_opt_u64(j, "uaddr", &r->uaddr);
	json_opt_u64(j, "futex_inode", &r->futex_inode);
	json_opt_u64(j, "futex_pgoff", &r->futex_pgoff);
	json_opt_u64(j, "futex_offset", &r->futex_offset);
	json_opt_u64(j, "futex_word", &r->futex_word);
	json_opt_u64(j, "futex_owner", &r->futex_owner);
}

static void write_wait(struct json *j, const struct wait_row *r)
{
	json_open_object(j);
	json_key_u64(j, "task_kva", r->task.v);
	json_key_i64(j, "pid", r->pid);
	json_key_i64(j, "tgid", r->tgid);
	json_key_string(j, "comm", r->comm);
	json_key_bool(j, "uninterruptible", r->uninterruptible);
	json_key_string(j, "kind", wait_kind_text(r->kind));
	if (r->stack)
		json_key_u64(j, "stack", r->stack - 1);
	json_opt_string(j, "function", r->function);
	json_opt_u64(j, "cpu", &r->cpu);
	if (r->lock.v)
		json_key_u64(j, "lock_kva", r->lock.v);
	json_opt_string(j, "lock_name", r->lock_name);
	json_opt_string(j, "object", r->object);
	json_opt_string(j, "found_by", r->found_by);
	json_opt_u64(j, "owner", &r->owner);
	json_opt_u64(j, "count", &r->count);
	json_opt_u64(j, "readers", &r->readers);
	write_futex(j, r);
	if (r->work.v)
		json_key_u64(j, "work_kva", r->work.v);
	json_opt_string(j, "rcu", r->rcu);
	json_opt_string(j, "frozen", r->frozen);
	write_cpus(j, r);
	if (r->has_holder)
		write_holder(j, "holder", &r->holder);
	json_opt_true(j, "handed_over", r->handed_over);
	if (r->has_waker)
		write_holder(j, "waker", &r->waker);
	json_opt_string(j, "why", r->why);
	json_close_object(j);
}

void json_write_waits(struct json_report *w)
{
	struct json *j = &w->j;

	json_key(j, "waits");
	json_open_array(j);
	for (size_t i = 0; i < w->r->waits.nr && !json_failed(j); i++)
		write_wait(j, &w->r->waits.data[i]);
	json_close_array(j);
}
