/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-report.h"

#include "report/json-parts.h"
#include "report/parts.h"

void json_kvas(struct json *j, const struct kva *kvas, size_t nr)
{
	json_open_flat_array(j);
	for (size_t i = 0; i < nr; i++)
		json_u64(j, kvas[i].v);
	json_close_array(j);
}

static void write_vcpus(struct json_report *w)
{
	struct json *j = &w->j;

	if (!w->r->vcpus.nr)
		return;
	json_key(j, "vcpu_regs");
	json_open_array(j);
	for (size_t i = 0; i < w->r->vcpus.nr; i++) {
		const struct vcpu_row *v = &w->r->vcpus.data[i];

		if (!v->ok) {
			json_null(j); /* the cause is in fdgdb.vcpus */
			continue;
		}
		json_open_object(j);
		json_key_u64(j, "instruction_pointer", v->ip);
		json_key_u64(j, "stack_pointer", v->sp);
		json_key_u64(j, "page_table_root", v->ptroot);
		if (v->has_cpu)
			json_key_u64(j, "cpu", v->cpu);
		json_key_bool(j, "in_kernel", v->in_kernel);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_truncation(struct json_report *w)
{
	if (w->r->capture.deadline_hit)
		json_key_u64(&w->j, "dump_truncated_at_us", w->r->capture.cut_us);
	if (w->r->maps_skipped)
		json_key_u64(&w->j, "maps_truncated", w->r->maps_skipped);
}

/* The keys in the order of the format's table, ours after the first. */
static struct err *write_document(struct json_report *w)
{
	struct json *j = &w->j;

	json_open_object(j);
	json_key_string(j, "schema", "single");
	TRY(json_write_fdgdb(w));
	TRY(json_write_maps(w));
	write_vcpus(w);
	/* The root's alone: what readers take for the scheduler's object must be one. */
	if (w->r->nr_active && !w->r->active[0].is_sub) {
		json_opt_string(j, "active_obj_name", w->r->active[0].obj_name);
		if (w->r->active[0].nr_maps) {
			json_key(j, "active_map_kvas");
			json_kvas(j, w->r->active[0].maps, w->r->active[0].nr_maps);
		}
	}
	TRY(json_write_arena(w));
	json_write_prog_stats(w);
	json_write_system(w);
	json_write_tasks(w);
	json_write_event_sample(w);
	json_write_scx(w);
	write_truncation(w);
	json_close_object(j);
	return NULL;
}

static void count_arena(struct json_report *w)
{
	for (size_t i = 0; i < report_nr_maps_shown(w->r); i++) {
		const struct arena_body *a = w->r->maps.data[i].arena;

		for (size_t p = 0; a && p < a->nr_pages; p++)
			w->arena_pages += a->pages[p].bytes != NULL;
	}
	w->arena_pages_left = w->opts->arena_bytes / PAGE_SIZE;
}

struct err *report_json(const struct report *r, FILE *out, const struct json_opts *opts)
{
	struct json_report *w = calloc(1, sizeof(*w)); /* the writer's buffer is large */

	if (!w)
		return &err_nomem;
	w->r = w->render.r = r;
	w->opts = opts;
	json_init(&w->j, out, opts->pretty);
	count_arena(w);

	struct err *e = index_init(&w->index, r);
	if (!e)
		e = write_document(w);
	/* A document that ends in the middle has its own complaint about that; the cause is of more use. */
	struct err *written = json_finish(&w->j);
	if (e)
		err_ignore(written);
	else
		e = written;
	index_deinit(&w->index);
	render_deinit(&w->render);
	free(w);
	return e;
}
