/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fdgdb.stacks */
#include "config.h"

#include "report/json-parts.h"
#include "report/parts.h"

static void write_source(struct json *j, const struct frame_source *source)
{
	json_key(j, "lines");
	json_open_array(j);
	for (size_t i = 0; i < source->nr_lines; i++) {
		const struct frame_line *l = &source->lines[i];

		json_open_object(j);
		json_key_string(j, "function", l->func);
		json_opt_string(j, "file", l->file);
		if (l->line)
			json_key_u64(j, "line", l->line);
		if (l->column)
			json_key_u64(j, "column", l->column);
		json_opt_string(j, "text", l->text);
		json_key_bool(j, "inlined", l->inlined);
		json_close_object(j);
	}
	json_close_array(j);

	if (!source->has_args)
		return;
	json_key(j, "args");
	json_open_array(j);
	for (size_t i = 0; i < source->nr_args; i++) {
		const struct frame_arg *a = &source->args[i];

		json_open_object(j);
		json_key_string(j, "name", a->name);
		if (a->known && a->is_signed)
			json_key_i64(j, "value", (int64_t)a->value);
		else if (a->known)
			json_key_u64(j, "value", a->value);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_frame(struct json *j, const struct kstack_frame *f)
{
	json_open_object(j);
	json_key_u64(j, "ip", f->ip);
	json_key_u64(j, "sp", f->sp);
	json_key_string(j, "kind", frame_kind_text(f->kind));
	json_opt_string(j, "stack", f->stack);
	json_opt_string(j, "symbol", f->symbol);
	if (f->symbol) {
		json_key_u64(j, "offset", f->offset);
		if (f->size)
			json_key_u64(j, "size", f->size);
	}
	json_opt_string(j, "module", f->module);
	if (f->prog_id)
		json_key_u64(j, "prog_id", f->prog_id);
	if (f->source)
		write_source(j, f->source);
	json_opt_string(j, "line_error", f->line_error);
	json_close_object(j);
}

static void write_stack(struct json_report *w, const struct kstack_row *s)
{
	const struct task_row *t = s->task.v ? index_task(&w->index, s->task) : NULL;
	struct json *j = &w->j;

	json_open_object(j);
	if (s->has_vcpu)
		json_key_u64(j, "vcpu", s->vcpu);
	if (s->task.v)
		json_key_u64(j, "task_kva", s->task.v);
	if (t) {
		json_key_i64(j, "pid", t->pid);
		json_key_string(j, "comm", t->comm);
	}
	json_opt_true(j, "not_started", s->not_started);
	json_key_bool(j, "complete", !s->why);
	json_opt_string(j, "why", s->why);
	if (s->wchan && s->frames[s->wchan - 1].symbol)
		json_key_string(j, "wchan", s->frames[s->wchan - 1].symbol);
	json_key(j, "frames");
	json_open_array(j);
	for (size_t i = 0; i < s->nr_frames; i++)
		write_frame(j, &s->frames[i]);
	json_close_array(j);
	json_close_object(j);
}

void json_write_stacks(struct json_report *w)
{
	const struct report *r = w->r;

	json_key(&w->j, "stacks");
	json_open_array(&w->j);
	for (size_t i = 0; i < r->stacks.nr && !json_failed(&w->j); i++)
		write_stack(w, &r->stacks.data[i]);
	json_close_array(&w->j);
}
