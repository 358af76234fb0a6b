/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --map M --key K: one entry. */
#include "config.h"

#include "walk/view.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "walk/map-key.h"
#include "walk/map-locks.h"

/* enum bpf_map_type */
enum {
	ARRAY = 2,
	PERCPU_ARRAY = 6,
	QUEUE = 22,
	STACK = 23,
	SK_STORAGE = 24,
	STRUCT_OPS = 26,
	RINGBUF = 27,
	INODE_STORAGE = 28,
	TASK_STORAGE = 29,
	BLOOM = 30,
	USER_RINGBUF = 31,
	CGRP_STORAGE = 32,
	ARENA = 33,
};

struct entry_view {
	struct maps_walk *m;
	size_t i; /* of the job */
	struct map_job *job;
	bool by_number; /* an index, or what is told about an owner */
	uint64_t number;
	uint8_t *key;
};

/* "map foo (id 3)" before the error. */
static struct err *of_map(const struct entry_view *v, struct err *e)
{
	return err_prefix(e, "map %s (id %" PRIu32 ")", v->job->row->name, v->job->row->id);
}

static bool is_storage(uint32_t type)
{
	return type == SK_STORAGE || type == INODE_STORAGE || type == TASK_STORAGE || type == CGRP_STORAGE;
}

/* User space names owners by file descriptors, which mean nothing here; pops have no key at all. */
static bool keys_are_numbers(uint32_t type)
{
	return is_storage(type) || type == QUEUE || type == STACK || type == STRUCT_OPS;
}

static struct err *parse(struct entry_view *v)
{
	const struct map_row *row = v->job->row;
	const char *text = v->m->mw.w->opts->key;

	if (row->type == RINGBUF || row->type == USER_RINGBUF || row->type == BLOOM || row->type == ARENA)
		return err_new(ERR_USAGE, "--key: a %s has no keys", row->type_name ? row->type_name : "map of this type");
	v->by_number = keys_are_numbers(row->type);
	if (v->by_number) {
		if (!map_key_number(text, &v->number))
			return err_new(ERR_USAGE, "--key: \"%s\" is no number", text);
		return NULL;
	}

	v->key = pool_alloc(v->m->mw.pool, row->key_size);
	if (!v->key)
		return &err_nomem;
	TRY(err_prefix(map_key_parse(row->types, row->key_type, text, v->key, row->key_size), "--key"));
	v->number = get_le(v->key, MIN((size_t)row->key_size, (size_t)8));
	if ((row->type == ARRAY || row->type == PERCPU_ARRAY) && v->number >= row->max_entries)
		return err_new(ERR_NOT_FOUND, "no element %" PRIu64 ": there are %" PRIu32, v->number, row->max_entries);
	v->job->key = v->key;
	return NULL;
}

/* ---- the entry among those that were read */

static bool is_owner(const struct map_owner *o, uint64_t number)
{
	if (o->kva.v == number)
		return true;
	switch (o->kind) {
	case OWNER_TASK:
		return o->comm && (uint64_t)o->pid == number;
	case OWNER_CGROUP:
		return o->cgroup_id && o->cgroup_id == number;
	case OWNER_INODE:
		return o->ino && o->ino == number;
	case OWNER_SOCKET:
		break;
	}
	return false;
}

static bool is_entry(const struct entry_view *v, const struct map_entry *e)
{
	const struct map_row *row = v->job->row;

	if (e->owner)
		return is_owner(e->owner, v->number);
	if (row->body == MAP_BODY_ARRAY || row->body == MAP_BODY_PERCPU_ARRAY)
		return e->index == v->number;
	return e->key && v->key && !memcmp(e->key, v->key, row->key_size);
}

static bool take_entry(struct entry_view *v, struct map_row *row, size_t *nr)
{
	struct map_entry *found = NULL;

	for (size_t i = 0; i < row->nr_entries; i++) {
		if (is_entry(v, &row->entries[i]) && !(*nr)++)
			found = &row->entries[i];
	}
	if (!found)
		return false;
	row->entries = found;
	row->nr_entries = 1;
	return true;
}

static bool take_slot(struct entry_view *v, struct slots_body *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		struct map_slot *slot = &s->slots[i];

		if (s->hash ? memcmp(slot->key, v->key, v->job->row->key_size) : slot->index != v->number)
			continue;
		s->slots = slot;
		s->nr = 1;
		return true;
	}
	return false;
}

static bool take_stack(struct entry_view *v, struct stacks_body *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		if (s->rows[i].bucket != v->number)
			continue;
		s->rows = &s->rows[i];
		s->nr = 1;
		return true;
	}
	return false;
}

/* Leaves nothing but the entry in the row. */
static bool take(struct entry_view *v, size_t *nr)
{
	struct map_row *row = v->job->row;

	switch (row->body) {
	case MAP_BODY_ENTRIES:
	case MAP_BODY_ARRAY:
	case MAP_BODY_PERCPU_ARRAY:
	case MAP_BODY_PERCPU_HASH:
		return take_entry(v, row, nr);
	case MAP_BODY_VALUE:
		return !v->number;
	case MAP_BODY_SLOTS:
		return take_slot(v, row->slots);
	case MAP_BODY_STACKS:
		return take_stack(v, row->stacks);
	case MAP_BODY_NONE:
	case MAP_BODY_ARENA:
	case MAP_BODY_RINGBUF:
	case MAP_BODY_BLOOM:
		break;
	}
	return false;
}

static struct err *find(struct entry_view *v)
{
	const struct map_row *row = v->job->row;
	const char *asked = v->m->mw.w->opts->key;
	size_t nr = 0;

	if (!take(v, &nr))
		return err_new(ERR_NOT_FOUND, row->error ? "no entry with key %s among what could be read: %s" :
							   "no entry with key %s%s",
			       asked, row->error ? row->error : "");
	if (nr > 1)
		return err_new(ERR_NOT_FOUND, "%zu entries with key %s; say which by the address of its owner", nr, asked);
	return NULL;
}

static struct err *read_entry(struct entry_view *v)
{
	bool ops = v->job->row->type == STRUCT_OPS; /* its types belong to what is read */

	if (!ops)
		TRY(maps_put_types(v->m, v->i));
	TRY(parse(v));
	TRY(maps_read_one(v->m, v->i));
	if (ops)
		TRY(maps_put_types(v->m, v->i));
	TRY(find(v));
	TRY(map_value_locks(v->job));
	return maps_lead_on(v->job->row) ? maps_context(v->m, &v->i, 1) : NULL;
}

struct err *view_entry(struct maps_walk *m)
{
	struct entry_view v = { .m = m };
	struct report *r = m->mw.w->r;

	TRY(maps_select(m));
	while (m->jobs[v.i].left_out)
		v.i++;
	v.job = &m->jobs[v.i];
	if (v.job->headless)
		return of_map(&v, err_new(ERR_FAULT, "%s", v.job->row->error));
	TRY(maps_read_types(m));
	TRY(of_map(&v, read_entry(&v)));
	r->view = (struct view){
		.kind = VIEW_ENTRY, .asked = m->mw.w->opts->key, .row = *v.job->row, .rest = "",
	};
	return NULL;
}
