/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BPF programs, links and BTF objects. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "report/json-parts.h"

enum { STRUCT_OPS = 27 }; /* BPF_PROG_TYPE_STRUCT_OPS */

void json_facts_members(struct json *j, const struct facts *facts)
{
	for (const struct fact *f = facts->first; f; f = f->next) {
		if (f->list) {
			json_key(j, f->key);
			json_open_array(j);
			for (size_t i = 0; i < f->nr_rows; i++)
				json_facts(j, &f->rows[i]);
			json_close_array(j);
		} else if (f->flag) {
			json_key_bool(j, f->key, true);
		} else if (f->text) {
			json_key_string(j, f->key, f->text);
		} else {
			json_key_u64(j, f->key, f->num);
		}
	}
}

void json_facts(struct json *j, const struct facts *facts)
{
	json_open_object(j);
	json_facts_members(j, facts);
	json_close_object(j);
}

static void write_tag(struct json *j, const uint8_t tag[8])
{
	char text[17];

	for (size_t i = 0; i < 8; i++)
		snprintf(text + 2 * i, 3, "%02x", tag[i]);
	json_key_string(j, "tag", text);
}

static void write_streams(struct json *j, const struct prog_row *p)
{
	if (!p->nr_streams)
		return;
	json_key(j, "streams");
	json_open_array(j);
	for (size_t i = 0; i < p->nr_streams; i++) {
		const struct prog_stream *s = &p->streams[i];

		json_open_object(j);
		json_key_string(j, "name", s->name);
		json_key(j, "text");
		json_string_n(j, s->text ? s->text : "", s->len);
		if (s->left_out)
			json_key_u64(j, "bytes_left_out", s->left_out);
		json_opt_true(j, "being_read", s->being_read);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_prog(struct json *j, const struct prog_row *p)
{
	json_open_object(j);
	json_key_u64(j, "id", p->id);
	json_key_string(j, "name", p->name);
	json_key_u64(j, "prog_kva", p->kva.v);
	json_key_u64(j, "type", p->type);
	json_opt_string(j, "type_name", p->type_name);
	json_key_u64(j, "expected_attach_type", p->attach_type);
	json_opt_string(j, "attach_type_name", p->attach_name);
	json_opt_string(j, "attach_func", p->attach_func);
	if (p->attach_btf_id)
		json_key_u64(j, "attach_btf_id", p->attach_btf_id);
	if (p->has_tag)
		write_tag(j, p->tag);
	json_key_bool(j, "jited", p->jited);
	if (p->jited) {
		json_key_u64(j, "jited_addr", p->code.v);
		json_key_u64(j, "bytes_jited", p->code_size);
	}
	json_key_u64(j, "bytes_xlated", p->insns_size);
	if (p->nr_funcs)
		json_key_u64(j, "nr_funcs", p->nr_funcs);
	json_key_u64(j, "load_time", p->load_time);
	json_opt_u64(j, "verified_insns", &p->verified_insns);
	if (p->has_stats) {
		json_key_u64(j, "run_cnt", p->cnt);
		json_key_u64(j, "run_time_ns", p->nsecs);
		json_key_u64(j, "recursion_misses", p->misses);
	}
	json_key(j, "map_ids");
	json_open_flat_array(j);
	for (size_t i = 0; i < p->nr_maps; i++)
		json_u64(j, p->map_ids[i]);
	json_close_array(j);
	if (p->btf_id)
		json_key_u64(j, "btf_id", p->btf_id);
	if (p->owner_map)
		json_key_u64(j, "struct_ops_map_id", p->owner_map);
	write_streams(j, p);
	json_opt_string(j, "error", p->error);
	json_opt_true(j, "unreadable", p->unreadable);
	json_close_object(j);
}

static void write_link(struct json *j, const struct link_row *l)
{
	json_open_object(j);
	json_key_u64(j, "id", l->id);
	json_key_u64(j, "link_kva", l->kva.v);
	json_key_u64(j, "type", l->type);
	json_opt_string(j, "type_name", l->type_name);
	if (l->prog_id) {
		json_key_u64(j, "prog_id", l->prog_id);
		json_key_string(j, "prog_name", l->prog_name);
	}
	json_opt_string(j, "attach_type_name", l->attach_name);
	json_key(j, "target");
	json_facts(j, &l->target);
	json_opt_string(j, "error", l->error);
	json_opt_true(j, "unreadable", l->unreadable);
	json_close_object(j);
}

static void write_btf(struct json *j, const struct btf_row *b)
{
	json_open_object(j);
	json_key_u64(j, "id", b->id);
	json_key_u64(j, "btf_kva", b->kva.v);
	json_key_string(j, "name", b->name);
	json_key_u64(j, "size", b->size);
	json_key_bool(j, "kernel", b->kernel);
	if (b->base_id)
		json_key_u64(j, "base_id", b->base_id);
	json_opt_string(j, "error", b->error);
	json_opt_true(j, "unreadable", b->unreadable);
	json_close_object(j);
}

void json_write_progs(struct json_report *w)
{
	const struct report *r = w->r;
	struct json *j = &w->j;

	json_key(j, "progs");
	json_open_array(j);
	for (size_t i = 0; i < r->progs.nr && !json_failed(j); i++)
		write_prog(j, &r->progs.data[i]);
	json_close_array(j);
	json_key(j, "links");
	json_open_array(j);
	for (size_t i = 0; i < r->links.nr && !json_failed(j); i++)
		write_link(j, &r->links.data[i]);
	json_close_array(j);
	json_key(j, "btfs");
	json_open_array(j);
	for (size_t i = 0; i < r->btfs.nr && !json_failed(j); i++)
		write_btf(j, &r->btfs.data[i]);
	json_close_array(j);
}

/* The format's own, of struct_ops programs alone; its reasons in its words. */
void json_write_prog_stats(struct json_report *w)
{
	const struct section *s = report_find_section(w->r, "progs");
	const struct report *r = w->r;
	struct json *j = &w->j;
	size_t nr = 0, unread = 0;

	for (size_t i = 0; i < r->progs.nr; i++) {
		const struct prog_row *p = &r->progs.data[i];

		unread += p->type == STRUCT_OPS && !p->has_stats;
		if (p->type != STRUCT_OPS || !p->has_stats)
			continue;
		if (!nr++) {
			json_key(j, "prog_runtime_stats");
			json_open_array(j);
		}
		json_open_object(j);
		json_key_string(j, "name", p->name);
		json_key_u64(j, "cnt", p->cnt);
		json_key_u64(j, "nsecs", p->nsecs);
		json_key_u64(j, "misses", p->misses);
		json_key_u64(j, "prog_id", p->id);
		json_close_object(j);
	}
	if (nr)
		json_close_array(j);
	else if (s && s->status == SECTION_NOT_ASKED)
		return;
	else
		json_key_string(j, "prog_runtime_stats_unavailable",
				unread || !s || (s->status != SECTION_COMPLETE && !r->progs.nr) ?
					"prog accessor unavailable" :
					"no struct_ops programs loaded");
}
