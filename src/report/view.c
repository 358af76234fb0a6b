/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/view.h"

#include "base/cleanup.h"
#include "report/json-parts.h"
#include "report/json-value.h"
#include "report/text-parts.h"

/* The value of a variable, or what the rest of its path leads to. */
static struct err *var_value(struct render *rd, const struct value **ret)
{
	const struct view *v = &rd->r->view;
	struct value *whole;

	TRY(render_single(rd, &v->row, &whole));
	return err_prefix(value_follow(whole, v->rest, ret), "--var %s", v->asked);
}

/* ---- text */

static struct err *write_text(struct text *t)
{
	const struct view *v = &t->r->view;
	const struct value *value;

	if (v->kind == VIEW_VAR) {
		TRY(var_value(&t->render, &value));
		text_bold(t, true);
		text_guest(t, v->asked);
		text_bold(t, false);
		strbuf_puts(&t->sb, " = ");
		text_value(&t->sb, value, 0, &t->style);
	} else {
		text_bold(t, true);
		strbuf_puts(&t->sb, "map ");
		text_guest(t, v->row.name);
		text_bold(t, false);
		strbuf_printf(&t->sb, " (id %u), ", v->row.id);
		TRY(text_the_entry(t, &v->row));
	}
	if (v->row.error) {
		text_alarm(t, true);
		strbuf_puts(&t->sb, " [error: ");
		text_guest(t, v->row.error);
		strbuf_putc(&t->sb, ']');
		text_alarm(t, false);
	}
	strbuf_putc(&t->sb, '\n');
	text_flush(t);
	return NULL;
}

struct err *view_text(const struct report *r, FILE *out, const struct text_opts *opts)
{
	return text_write(r, out, opts, write_text);
}

/* ---- JSON */

static void write_map(struct json *j, const struct map_row *m)
{
	json_key(j, "map");
	json_open_object(j);
	json_map_head(j, m);
	json_close_object(j);
}

static void write_var(struct json_report *w, const struct value *value)
{
	const struct view *v = &w->r->view;
	struct json *j = &w->j;

	json_key_string(j, "kind", "var");
	json_key_string(j, "asked", v->asked);
	json_key_string(j, "var", v->var);
	json_key_bool(j, "active", v->row.sched);
	json_key_u64(j, "offset", v->offset);
	write_map(j, &v->row);
	json_key(j, "value");
	json_value(j, value);
}

static struct err *write_entry(struct json_report *w)
{
	const struct view *v = &w->r->view;
	struct json *j = &w->j;

	json_key_string(j, "kind", "entry");
	json_key_string(j, "asked", v->asked);
	write_map(j, &v->row);
	json_key(j, "entry");
	json_open_object(j);
	TRY(json_the_entry(w, &v->row));
	json_close_object(j);
	return NULL;
}

static struct err *write_document(struct json_report *w, const struct value *value)
{
	const struct view *v = &w->r->view;
	struct json *j = &w->j;

	json_open_object(j);
	json_key_string(j, "schema", "view");
	json_write_short_fdgdb(w);
	if (value)
		write_var(w, value);
	else
		TRY(write_entry(w));
	json_opt_string(j, "error", v->row.error);
	json_opt_true(j, "unreadable", v->row.unreadable);
	json_close_object(j);
	return NULL;
}

struct err *view_json(const struct report *r, FILE *out, bool pretty)
{
	static const struct json_opts none;
	_cleanup_free_ struct json_report *w = calloc(1, sizeof(*w)); /* the writer's buffer is large */
	const struct value *value = NULL;

	if (!w)
		return &err_nomem;
	w->r = w->render.r = r;
	w->opts = &none;
	/* Before anything is written: a path that leads nowhere has no document. */
	struct err *e = r->view.kind == VIEW_VAR ? var_value(&w->render, &value) : NULL;
	if (!e) {
		json_init(&w->j, out, pretty);
		e = write_document(w, value);
		struct err *written = json_finish(&w->j);
		if (e)
			err_ignore(written);
		else
			e = written;
	}
	render_deinit(&w->render);
	return e;
}
