/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fdgdb.waits */
#include "config.h"

#include "report/json-parts.h"

static void write_holder(struct json *j, const struct wait_holder *h)
{
	json_key(j, "holder");
	json_open_object(j);
	json_key_u64(j, "task_kva", h->task.v);
	if (h->comm) {
		json_key_i64(j, "pid", h->pid);
		json_key_string(j, "comm", h->comm);
	}
	json_key_string(j, "basis", wait_basis_text(h->basis));
	json_close_object(j);
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
	if (r->lock.v)
		json_key_u64(j, "lock_kva", r->lock.v);
	json_opt_string(j, "lock_name", r->lock_name);
	json_opt_string(j, "found_by", r->found_by);
	json_opt_u64(j, "owner", &r->owner);
	json_opt_u64(j, "count", &r->count);
	json_opt_u64(j, "readers", &r->readers);
	json_opt_u64(j, "uaddr", &r->uaddr);
	if (r->has_holder)
		write_holder(j, &r->holder);
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
