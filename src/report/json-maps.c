/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"
#include "report/json-value.h"

static struct err *write_key(struct json_report *w, const struct map_row *m, const uint8_t *key)
{
	if (key && render_has_key_type(m)) {
		struct value *v;

		TRY(render_key(&w->render, m, key, &v));
		json_key(&w->j, "key");
		json_value(&w->j, v);
	}
	json_key(&w->j, "key_hex");
	json_hex(&w->j, key, key ? m->key_size : 0);
	return NULL;
}

static void write_key_facts(struct json *j, const struct map_entry *entry)
{
	if (entry->facts)
		json_facts_members(j, entry->facts);
}

static struct err *write_per_cpu(struct json_report *w, const struct map_row *m,
				 const struct map_entry *entry)
{
	json_key(&w->j, "per_cpu");
	json_open_array(&w->j);
	for (uint32_t cpu = 0; entry->per_cpu && cpu < w->r->kernel.nr_cpu_ids; cpu++) {
		struct value *v;

		if (!entry->per_cpu[cpu]) {
			json_null(&w->j);
			continue;
		}
		TRY(render_value(&w->render, m, entry->per_cpu[cpu], &v));
		json_value(&w->j, v);
		render_reset(&w->render);
	}
	json_close_array(&w->j);
	if (!entry->cpu_lost)
		return NULL;
	json_key(&w->j, "unreadable_cpus");
	json_open_flat_array(&w->j);
	for (uint32_t cpu = 0; cpu < w->r->kernel.nr_cpu_ids; cpu++) {
		if (entry->cpu_lost[cpu])
			json_u64(&w->j, cpu);
	}
	json_close_array(&w->j);
	return NULL;
}

/* Storage maps: the key is a pointer to the owner. */
static void write_owner_key(struct json *j, const struct map_owner *o)
{
	uint8_t raw[8];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(o->kva.v >> 8 * i);
	json_key(j, "key");
	json_open_object(j);
	json_key_string(j, "kind", "ptr");
	json_key_u64(j, "value", o->kva.v);
	json_close_object(j);
	json_key(j, "key_hex");
	json_hex(j, raw, sizeof(raw));
	json_key(j, "owner");
	json_owner(j, o);
}

static struct err *write_entry(struct json_report *w, const struct map_row *m,
			       const struct map_entry *entry)
{
	struct json *j = &w->j;
	struct value *v;

	switch (m->body) {
	case MAP_BODY_ENTRIES:
		if (entry->owner)
			write_owner_key(j, entry->owner);
		else
			TRY(write_key(w, m, entry->key));
		write_key_facts(j, entry);
		if (entry->value && (entry->owner || render_has_value_type(m))) {
			TRY(render_value(&w->render, m, entry->value, &v));
			json_key(j, "value");
			json_value(j, v);
		}
		json_key(j, "value_hex");
		json_hex(j, entry->value, entry->value ? m->value_size : 0);
		json_opt_true(j, "value_unreadable", !entry->value);
		if (entry->payload) {
			TRY(render_payload(&w->render, m, entry->payload, &v));
			json_key(j, "payload");
			json_value(j, v);
		}
		return NULL;
	case MAP_BODY_ARRAY:
		json_key_u64(j, "key", entry->index);
		if (entry->insn)
			json_key_u64(j, "ip", entry->insn->ip);
		if (entry->insn)
			json_opt_string(j, "symbol", entry->insn->symbol);
		if (!entry->value)
			return NULL;
		TRY(render_value(&w->render, m, entry->value, &v));
		json_key(j, "value");
		json_value(j, v);
		return NULL;
	case MAP_BODY_PERCPU_ARRAY:
		json_key_u64(j, "key", entry->index);
		return write_per_cpu(w, m, entry);
	case MAP_BODY_PERCPU_HASH:
		TRY(write_key(w, m, entry->key));
		write_key_facts(j, entry);
		return write_per_cpu(w, m, entry);
	case MAP_BODY_NONE:
	case MAP_BODY_VALUE:
	case MAP_BODY_ARENA:
	case MAP_BODY_RINGBUF:
	case MAP_BODY_STACKS:
	case MAP_BODY_BLOOM:
	case MAP_BODY_SLOTS:
		break;
	}
	return NULL;
}

static struct err *write_entries(struct json_report *w, const struct map_row *m, const char *key)
{
	if (!m->nr_entries)
		return NULL;
	json_key(&w->j, key);
	json_open_array(&w->j);
	for (size_t i = 0; i < m->nr_entries && !json_failed(&w->j); i++) {
		json_open_object(&w->j);
		TRY(write_entry(w, m, &m->entries[i]));
		json_close_object(&w->j);
		render_reset(&w->render);
	}
	json_close_array(&w->j);
	return NULL;
}

static void write_arena(struct json_report *w, const struct arena_body *a)
{
	struct json *j = &w->j;
	uint64_t shown = 0, cut = a->mapped_pages > a->nr_pages ? a->mapped_pages - a->nr_pages : 0;

	json_open_object(j);
	if (a->nr_pages) {
		json_key(j, "pages");
		json_open_array(j);
		for (size_t i = 0; i < a->nr_pages && !json_failed(j); i++) {
			const struct arena_page *p = &a->pages[i];
			bool show = p->bytes && w->arena_pages_left;

			json_open_object(j);
			json_key_u64(j, "user_addr", p->user_addr);
			json_key(j, "bytes");
			json_byte_array(j, p->bytes, show ? PAGE_SIZE : 0);
			json_opt_true(j, "unreadable", !p->bytes && !p->not_kept);
			json_opt_true(j, "not_kept", p->not_kept);
			json_close_object(j);
			shown += show;
			cut += p->not_kept || (p->bytes && !show);
			w->arena_pages_left -= show;
		}
		json_close_array(j);
	}
	json_opt_true(j, "truncated", a->truncated);
	json_key_u64(j, "declared_pages", a->declared_pages);
	json_key_u64(j, "mapped_pages", a->mapped_pages);
	json_opt_true(j, "span_capped", a->span_capped);
	json_key_u64(j, "kern_vm_start", a->kern_vm_start);
	json_key_u64(j, "user_vm_start", a->user_vm_start);
	if (cut) {
		json_key(j, "bytes_cut");
		json_open_object(j);
		json_key_u64(j, "pages_with_bytes", shown);
		json_key_u64(j, "pages_without_bytes", cut);
		json_key_u64(j, "cap", a->truncated ? MIN(w->opts->arena_bytes, a->bytes_kept) : w->opts->arena_bytes);
		json_close_object(j);
	}
	json_close_object(j);
}

static struct err *write_slot(struct json_report *w, const struct map_row *m, const struct map_slot *slot)
{
	struct json *j = &w->j;

	if (m->slots->hash)
		TRY(write_key(w, m, slot->key));
	else
		json_key_u64(j, "index", slot->index);
	json_key_u64(j, "kva", slot->kva.v);
	json_facts_members(j, &slot->facts);
	json_opt_string(j, "error", slot->error);
	return NULL;
}

/* The format has the indices of the first slots alone; what stands in them is ours. */
static struct err *write_slots(struct json_report *w, const struct map_row *m)
{
	enum { INDICES_MAX = 1024 };
	const struct slots_body *s = m->slots;
	size_t nr = s->hash ? 0 : MIN(s->nr, (size_t)INDICES_MAX);
	struct json *j = &w->j;

	json_key(j, "fd_array");
	json_open_object(j);
	json_key_u64(j, "populated", s->nr);
	json_key_u64(j, "scanned", s->scanned);
	if (nr) {
		json_key(j, "indices");
		json_open_flat_array(j);
		for (size_t i = 0; i < nr; i++)
			json_u64(j, s->slots[i].index);
		json_close_array(j);
	}
	json_opt_true(j, "truncated", s->truncated);
	json_opt_true(j, "indices_truncated", nr < s->nr && !s->hash);
	if (s->unread)
		json_key_u64(j, "unreadable", s->unread);
	json_close_object(j);
	if (!s->nr)
		return NULL;

	json_key(j, "slots");
	json_open_array(j);
	for (size_t i = 0; i < s->nr && !json_failed(j); i++) {
		json_open_object(j);
		TRY(write_slot(w, m, &s->slots[i]));
		json_close_object(j);
		render_reset(&w->render);
	}
	json_close_array(j);
	return NULL;
}

static void write_ops(struct json *j, const struct ops_body *ops)
{
	json_key(j, "struct_ops");
	json_open_object(j);
	json_opt_string(j, "type_name", ops->type_name);
	json_key_u64(j, "state", ops->state);
	json_opt_string(j, "state_name", ops->state_name);
	if (ops->link_id)
		json_key_u64(j, "link_id", ops->link_id);
	json_key(j, "funcs");
	json_open_array(j);
	for (size_t i = 0; i < ops->nr_funcs; i++) {
		const struct ops_func *f = &ops->funcs[i];

		json_open_object(j);
		json_key_u64(j, "index", f->index);
		json_opt_string(j, "member", f->member);
		json_key_u64(j, "addr", f->addr);
		if (f->prog_id) {
			json_key_u64(j, "prog_id", f->prog_id);
			json_key_string(j, "prog_name", f->prog_name);
		}
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static struct err *write_body(struct json_report *w, const struct map_row *m)
{
	struct value *v;

	switch (m->body) {
	case MAP_BODY_NONE:
		return NULL;
	case MAP_BODY_VALUE:
		if (!m->value)
			return NULL;
		TRY(render_single(&w->render, m, &v));
		json_key(&w->j, "value");
		json_value(&w->j, v);
		render_reset(&w->render);
		return NULL;
	case MAP_BODY_ENTRIES:
		return write_entries(w, m, "entries");
	case MAP_BODY_ARRAY:
		return write_entries(w, m, "array_entries");
	case MAP_BODY_PERCPU_ARRAY:
		return write_entries(w, m, "percpu_entries");
	case MAP_BODY_PERCPU_HASH:
		return write_entries(w, m, "percpu_hash_entries");
	case MAP_BODY_ARENA:
		if (!m->arena)
			return NULL;
		json_key(&w->j, "arena");
		write_arena(w, m->arena);
		return NULL;
	case MAP_BODY_RINGBUF:
		json_key(&w->j, "ringbuf");
		json_ringbuf(&w->j, m->ringbuf);
		return NULL;
	case MAP_BODY_STACKS:
		json_key(&w->j, "stack_trace");
		json_stacks(&w->j, m->stacks);
		return NULL;
	case MAP_BODY_BLOOM:
		json_key(&w->j, "bloom");
		json_bloom(&w->j, m->bloom);
		return NULL;
	case MAP_BODY_SLOTS:
		return write_slots(w, m);
	}
	return NULL;
}

struct err *json_the_entry(struct json_report *w, const struct map_row *m)
{
	if (m->body == MAP_BODY_SLOTS)
		return write_slot(w, m, m->slots->slots);
	if (m->body == MAP_BODY_STACKS || m->body == MAP_BODY_VALUE)
		return write_body(w, m);
	return write_entry(w, m, m->entries);
}

void json_map_head(struct json *j, const struct map_row *m)
{
	json_key_string(j, "name", m->name);
	if (m->kva.v)
		json_key_u64(j, "map_kva", m->kva.v);
	json_key_u64(j, "map_type", m->type);
	json_key_u64(j, "value_size", m->value_size);
	json_key_u64(j, "max_entries", m->max_entries);

	/* Ours; before the contents, which may be long. */
	json_key_u64(j, "id", m->id);
	json_opt_string(j, "type_name", m->type_name);
	if (m->has_count)
		json_key_u64(j, "elem_count", m->count);
	json_key_u64(j, "key_size", m->key_size);
	json_key_u64(j, "flags", m->flags);
	json_key_u64(j, "map_extra", m->extra);
	json_key_bool(j, "frozen", m->frozen);
	json_sched_of(j, m->sched);
	if (m->btf_id)
		json_key_u64(j, "btf_id", m->btf_id);
	if (m->key_type)
		json_key_u64(j, "btf_key_type_id", m->key_type);
	if (m->value_type)
		json_key_u64(j, "btf_value_type_id", m->value_type);
}

static void write_locks(struct json *j, const struct map_row *m)
{
	if (!m->nr_locks)
		return;
	json_key(j, "locks");
	json_open_array(j);
	for (size_t i = 0; i < m->nr_locks; i++) {
		const struct held_lock *lock = &m->locks[i];

		json_open_object(j);
		json_key_string(j, "what", lock->what);
		if (lock->has_index)
			json_key_u64(j, "index", lock->index);
		if (lock->key) {
			json_key(j, "key_hex");
			json_hex(j, lock->key, m->key_size);
		}
		if (lock->owner.v)
			json_key_u64(j, "owner_kva", lock->owner.v);
		json_opt_string(j, "member", lock->member);
		if (lock->kva.v)
			json_key_u64(j, "kva", lock->kva.v);
		json_key_bool(j, "held", lock->held);
		json_opt_true(j, "waited", lock->waited);
		if (lock->nr_cpus) {
			json_key(j, "cpus");
			json_open_flat_array(j);
			for (uint32_t c = 0; c < lock->nr_cpus; c++)
				json_u64(j, lock->cpus[c]);
			json_close_array(j);
		}
		json_close_object(j);
	}
	json_close_array(j);
	if (m->locks_cut)
		json_key_u64(j, "locks_cut", m->locks_cut);
}

static struct err *write_map(struct json_report *w, const struct map_row *m)
{
	struct json *j = &w->j;

	json_open_object(j);
	json_map_head(j, m);
	write_locks(j, m);
	if (m->prog_owner.first) {
		json_key(j, "prog_owner");
		json_facts(j, &m->prog_owner);
	}
	if (m->ops)
		write_ops(j, m->ops);
	TRY(write_body(w, m));
	json_opt_string(j, "error", m->error);
	json_opt_true(j, "unreadable", m->unreadable);
	json_close_object(j);
	return NULL;
}

struct err *json_write_maps(struct json_report *w)
{
	json_key(&w->j, "maps");
	json_open_array(&w->j);
	for (size_t i = 0; i < report_nr_maps_shown(w->r) && !json_failed(&w->j); i++) {
		const struct map_row *m = &w->r->maps.data[i];

		TRY(err_prefix(write_map(w, m), "map %s (id %u)", m->name, m->id));
	}
	json_close_array(&w->j);
	return NULL;
}
