/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"

static void write_module(struct json *j, const struct module_row *m)
{
	json_open_object(j);
	json_key_string(j, "name", m->name);
	json_key_u64(j, "module_kva", m->kva.v);
	json_key_string(j, "state", m->state);
	if (m->base.v)
		json_key_u64(j, "base", m->base.v);
	json_key_u64(j, "size", m->size);
	json_opt_u64(j, "refs", &m->refs);
	if (m->nr_users) {
		json_key(j, "used_by");
		json_open_array(j);
		for (size_t i = 0; i < m->nr_users; i++)
			json_string(j, m->users[i]);
		json_close_array(j);
	}
	json_opt_true(j, "permanent", m->permanent);
	json_key_u64(j, "taints", m->taints);
	json_opt_string(j, "taint_letters", m->taint_letters);
	json_opt_string(j, "build_id", m->build_id);
	json_key(j, "memory");
	json_open_array(j);
	for (size_t i = 0; i < m->nr_memory; i++) {
		json_open_object(j);
		json_key_string(j, "kind", m->memory[i].kind);
		json_key_u64(j, "addr", m->memory[i].addr);
		json_key_u64(j, "size", m->memory[i].size);
		json_close_object(j);
	}
	json_close_array(j);
	json_opt_string(j, "error", m->error);
	json_close_object(j);
}

void json_write_modules(struct json_report *w)
{
	struct json *j = &w->j;

	json_key(j, "modules");
	json_open_array(j);
	for (size_t i = 0; i < w->r->modules.nr && !json_failed(j); i++)
		write_module(j, &w->r->modules.data[i]);
	json_close_array(j);
}
