/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed objects in arenas. */
#include "config.h"

#include "report/json-parts.h"
#include "report/json-value.h"

void json_sched_of(struct json *j, const struct active_sched *s)
{
	if (!s)
		return;
	json_key_string(j, "scheduler", s->ops_name);
	if (s->sched.v)
		json_key_u64(j, "sched_kva", s->sched.v);
}

void json_write_active(struct json_report *w)
{
	const struct report *r = w->r;
	struct json *j = &w->j;

	if (!r->nr_active)
		return;
	json_key(j, "active");
	json_open_array(j);
	for (size_t i = 0; i < r->nr_active; i++) {
		const struct active_sched *s = &r->active[i];

		json_open_object(j);
		json_sched_of(j, s);
		json_key_string(j, "role", s->is_sub ? "sub" : "root");
		if (s->ops_map_id)
			json_key_u64(j, "struct_ops_map_id", s->ops_map_id);
		json_opt_string(j, "object_name", s->obj_name);
		if (s->nr_maps) {
			json_key(j, "map_kvas");
			json_kvas(j, s->maps, s->nr_maps);
		}
		json_close_object(j);
	}
	json_close_array(j);
}

/* The owner as other rows have it, for joining them. */
static void write_task(struct json *j, const struct map_owner *o)
{
	json_open_object(j);
	json_key_u64(j, "task_kva", o->kva.v);
	if (o->comm) {
		json_key_i64(j, "pid", o->pid);
		json_key_string(j, "comm", o->comm);
	}
	json_close_object(j);
}

static void write_lost(struct json *j, const char *reason)
{
	json_open_object(j);
	json_key_string(j, "kind", "unsupported");
	json_key_string(j, "reason", reason);
	json_close_object(j);
}

static struct err *write_slot(struct json_report *w, const struct sdt_alloc_row *row,
			      const struct sdt_slot *slot)
{
	struct json *j = &w->j;
	struct value *v;

	json_open_object(j);
	json_key_i64(j, "idx", slot->idx);
	json_key_i64(j, "genn", slot->genn);
	json_key_u64(j, "user_addr", (uint32_t)slot->user_addr);
	json_key(j, "payload");
	if (slot->data) {
		TRY(render_slot(&w->render, row, slot, &v));
		json_value(j, v);
	} else {
		write_lost(j, slot->not_kept ? "not kept" : "unreadable");
	}
	json_key_u64(j, "addr", slot->user_addr);
	if (slot->unreadable || (uint32_t)slot->idx != slot->position)
		json_key_u64(j, "position", slot->position);
	json_opt_true(j, slot->not_kept ? "header_not_kept" : "header_unreadable", slot->unreadable);
	json_opt_true(j, "not_kept", slot->not_kept);
	if (slot->owner && slot->owner->kind == OWNER_TASK) {
		json_key(j, "task");
		write_task(j, slot->owner);
	} else if (slot->owner) {
		json_key(j, "owner");
		json_owner(j, slot->owner);
	}
	json_close_object(j);
	render_reset(&w->render);
	return NULL;
}

static struct err *write_allocator(struct json_report *w, const struct sdt_alloc_row *row)
{
	struct json *j = &w->j;

	json_open_object(j);
	json_key_string(j, "allocator_name", row->name);
	json_key_u64(j, "skipped_subtrees", row->skipped);
	json_key_u64(j, "elem_size", row->elem_size);
	json_key_u64(j, "target_type_id", row->type);
	json_opt_string(j, "payload_type_reason", row->reason);
	json_opt_true(j, "truncated", row->truncated || row->skipped_not_kept);
	json_key_bool(j, "active", row->sched);
	json_sched_of(j, row->sched);
	json_key_u64(j, "map_id", row->map_id);
	if (row->arena_id)
		json_key_u64(j, "arena_id", row->arena_id);
	if (row->skipped_not_kept)
		json_key_u64(j, "subtrees_not_kept", row->skipped_not_kept);
	json_key_u64(j, "header_size", row->header);
	if (!row->header)
		json_key_u64(j, "trailer_size", row->tag_size);
	json_opt_string(j, "payload_type_name", row->type_name);
	json_opt_string(j, "payload_type_by", row->type_by);
	if (row->nr) {
		json_key(j, "entries");
		json_open_array(j);
		for (size_t i = 0; i < row->nr && !json_failed(j); i++)
			TRY(write_slot(w, row, &row->slots[i]));
		json_close_array(j);
	}
	json_close_object(j);
	return NULL;
}

static void write_u64s(struct json *j, const char *key, const uint64_t *v, size_t nr)
{
	json_key(j, key);
	json_open_flat_array(j);
	for (size_t i = 0; i < nr; i++)
		json_u64(j, v[i]);
	json_close_array(j);
}

static void write_regions(struct json_report *w)
{
	const struct report *r = w->r;
	struct json *j = &w->j;

	if ((!r->scx_statics.nr && !r->scx_static_skipped) || r->sdt_aside)
		return;
	json_key(j, "scx_static_ranges");
	json_open_object(j);
	if (r->scx_statics.nr) {
		json_key(j, "ranges");
		json_open_array(j);
		for (size_t i = 0; i < r->scx_statics.nr; i++) {
			const struct scx_static_row *row = &r->scx_statics.data[i];

			json_open_object(j);
			json_key_string(j, "instance_name", row->name);
			json_key_u64(j, "start_low32", (uint32_t)row->user_addr);
			json_key_u64(j, "size", row->used);
			json_key_u64(j, "capacity", row->capacity);
			json_key_u64(j, "addr", row->user_addr);
			json_key_bool(j, "active", row->sched);
			json_sched_of(j, row->sched);
			json_key_u64(j, "map_id", row->map_id);
			json_key_u64(j, "arena_id", row->arena_id);
			if (row->nr_earlier)
				write_u64s(j, "earlier", row->earlier, row->nr_earlier);
			json_opt_true(j, "earlier_not_kept", row->earlier_not_kept);
			json_close_object(j);
		}
		json_close_array(j);
	}
	json_key_u64(j, "skipped", r->scx_static_skipped);
	json_close_object(j);
}

/* Nobody looked: the section says why; for the deadline the format has words of its own. */
static const char *unavailable(const struct report *r)
{
	const struct section *s = report_find_section(r, "sdt_alloc");

	if ((r->sdt_allocs.nr && !r->sdt_aside) || r->sdt_unavailable)
		return r->sdt_unavailable;
	if (r->capture.deadline_hit)
		return "dump deadline exceeded before sdt_alloc pre-pass could run";
	return s && s->detail ? s->detail : "nobody looked";
}

struct err *json_write_arena(struct json_report *w)
{
	const struct report *r = w->r;
	struct json *j = &w->j;

	if (r->sdt_allocs.nr && !r->sdt_aside) {
		json_key(j, "sdt_allocations");
		json_open_array(j);
		for (size_t i = 0; i < r->sdt_allocs.nr && !json_failed(j); i++)
			TRY(write_allocator(w, &r->sdt_allocs.data[i]));
		json_close_array(j);
	}
	write_regions(w);
	json_opt_string(j, "sdt_alloc_unavailable", unavailable(r));
	return NULL;
}

static struct err *write_object(struct json_report *w, const struct arena_object *obj)
{
	struct json *j = &w->j;
	struct value *v;

	json_open_object(j);
	json_key_u64(j, "addr", obj->user_addr);
	json_key_u64(j, "arena_id", obj->arena_id);
	json_sched_of(j, obj->sched);
	json_opt_string(j, "type_name", obj->type_name);
	json_key_u64(j, "btf_type_id", obj->type);
	json_key(j, "from");
	json_open_object(j);
	if (obj->from_map)
		json_key_u64(j, "map_id", obj->from_map);
	else
		json_key_u64(j, "addr", obj->from_addr);
	json_key_string(j, "name", obj->from);
	json_close_object(j);
	if (obj->data) {
		TRY(render_object(&w->render, obj, &v));
		json_key(j, "value");
		json_value(j, v);
	}
	json_opt_true(j, "unreadable", !obj->data && !obj->not_kept);
	json_opt_true(j, "not_kept", obj->not_kept);
	json_opt_string(j, "freed_element_of", obj->freed);
	json_close_object(j);
	render_reset(&w->render);
	return NULL;
}

static void write_task_object(struct json *j, const struct task_object *o)
{
	json_open_object(j);
	json_key(j, "task");
	write_task(j, o->task);
	json_key_u64(j, "map_id", o->map_id);
	json_key_u64(j, "arena_id", o->arena_id);
	json_key_u64(j, "addr", o->user_addr);
	json_opt_string(j, "type_name", o->type_name);
	if (o->allocator) {
		json_key_string(j, "allocator_name", o->allocator);
		json_key_i64(j, "idx", o->idx);
	}
	json_opt_true(j, "by_id", o->by_id);
	json_close_object(j);
}

struct err *json_write_objects(struct json_report *w)
{
	const struct report *r = w->r;
	struct json *j = &w->j;

	if (r->arena_objects.nr) {
		json_key(j, "arena_objects");
		json_open_array(j);
		for (size_t i = 0; i < r->arena_objects.nr && !json_failed(j); i++)
			TRY(write_object(w, &r->arena_objects.data[i]));
		json_close_array(j);
	}
	if (r->task_objects.nr) {
		json_key(j, "task_objects");
		json_open_array(j);
		for (size_t i = 0; i < r->task_objects.nr && !json_failed(j); i++)
			write_task_object(j, &r->task_objects.data[i]);
		json_close_array(j);
	}
	return NULL;
}
