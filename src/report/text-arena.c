/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed objects in arenas: after the maps, and nothing where there are none. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-parts.h"

enum { SHOWN = 64 };

void text_sub_sched(struct text *t, const struct active_sched *s)
{
	if (!s || !s->is_sub)
		return;
	strbuf_puts(&t->sb, " (of sub-scheduler ");
	text_guest(t, *s->ops_name ? s->ops_name : "without a name");
	strbuf_putc(&t->sb, ')');
}

/* Whose it is, if not the root scheduler's. */
static void write_sched(struct text *t, const struct active_sched *s)
{
	if (!s)
		strbuf_puts(&t->sb, " (not of the active scheduler)");
	else
		text_sub_sched(t, s);
}

static void write_task(struct text *t, const struct map_owner *o)
{
	strbuf_puts(&t->sb, "  task ");
	if (o->comm) {
		strbuf_printf(&t->sb, "%" PRId32 " (", o->pid);
		text_guest(t, o->comm);
		strbuf_putc(&t->sb, ')');
	} else {
		strbuf_printf(&t->sb, "at 0x%" PRIx64, o->kva.v);
	}
}

static struct err *write_slot(struct text *t, const struct sdt_alloc_row *row, const struct sdt_slot *slot)
{
	struct value *v;

	text_line(&t->sb, 1);
	if (slot->unreadable)
		strbuf_printf(&t->sb, "[slot %" PRIu32 "]", slot->position);
	else
		strbuf_printf(&t->sb, "[%" PRId32 "]", slot->idx);
	strbuf_printf(&t->sb, " 0x%" PRIx64, slot->user_addr);
	if (!slot->unreadable && slot->genn)
		strbuf_printf(&t->sb, " genn=%" PRId32, slot->genn);
	if (slot->owner && slot->owner->kind == OWNER_TASK) {
		write_task(t, slot->owner);
	} else if (slot->owner) {
		strbuf_puts(&t->sb, "  of ");
		text_owner(t, slot->owner);
	}
	text_line(&t->sb, 2);
	if (!slot->data) {
		strbuf_puts(&t->sb, slot->not_kept ? "<not kept>" : "<unreadable>");
		return NULL;
	}
	TRY(render_slot(&t->render, row, slot, &v));
	text_value(&t->sb, v, 2, &t->style);
	render_reset(&t->render);
	return NULL;
}

static struct err *write_allocator(struct text *t, const struct sdt_alloc_row *row)
{
	size_t shown = text_shown(t, row->nr, SHOWN);

	strbuf_putc(&t->sb, '\n');
	text_bold(t, true);
	strbuf_puts(&t->sb, "sdt_alloc ");
	text_guest(t, row->name);
	text_bold(t, false);
	strbuf_printf(&t->sb, " (elem_size=%" PRIu64 ", target_type_id=%" PRIu32, row->elem_size, row->type);
	if (row->type_name) {
		strbuf_puts(&t->sb, " struct ");
		text_guest(t, row->type_name);
	}
	if (row->reason) {
		strbuf_puts(&t->sb, ", reason=");
		text_guest(t, row->reason);
	}
	if (row->type_by) {
		strbuf_puts(&t->sb, ": ");
		text_guest(t, row->type_by);
	}
	strbuf_printf(&t->sb, "): %zu live", row->nr);
	if (row->truncated)
		strbuf_puts(&t->sb, " (truncated)");
	if (row->skipped)
		strbuf_printf(&t->sb, " (%" PRIu32 " subtrees skipped)", row->skipped);
	if (row->skipped_not_kept)
		strbuf_printf(&t->sb, " (%" PRIu32 " subtrees not kept)", row->skipped_not_kept);
	write_sched(t, row->sched);
	if (t->opts->verbose)
		strbuf_printf(&t->sb, " map_id=%" PRIu32 " arena_id=%" PRIu32, row->map_id, row->arena_id);
	for (size_t i = 0; i < shown && !t->e; i++) {
		TRY(write_slot(t, row, &row->slots[i]));
		text_flush(t);
	}
	text_more(t, 1, row->nr - shown);
	strbuf_putc(&t->sb, '\n');
	return NULL;
}

static void write_regions(struct text *t)
{
	const struct report *r = t->r;

	if (r->scx_statics.nr || r->scx_static_skipped)
		strbuf_putc(&t->sb, '\n');
	for (size_t i = 0; i < r->scx_statics.nr; i++) {
		const struct scx_static_row *row = &r->scx_statics.data[i];

		strbuf_puts(&t->sb, "scx_static ");
		text_guest(t, row->name);
		strbuf_printf(&t->sb, " [0x%" PRIx64 "..0x%" PRIx64 ") cap=%" PRIu64, row->user_addr,
			      row->user_addr + row->used, row->capacity);
		if (row->nr_earlier)
			strbuf_printf(&t->sb, ", after %zu%s earlier of the same size", row->nr_earlier,
				      row->earlier_not_kept ? " or more" : "");
		write_sched(t, row->sched);
		strbuf_putc(&t->sb, '\n');
	}
	if (r->scx_static_skipped)
		strbuf_printf(&t->sb, "scx_static: %" PRIu32 " instance(s) skipped\n", r->scx_static_skipped);
}

static struct err *write_object(struct text *t, const struct arena_object *obj)
{
	struct value *v;

	text_line(&t->sb, 1);
	strbuf_printf(&t->sb, "0x%" PRIx64 " from ", obj->user_addr);
	if (obj->from_map)
		strbuf_printf(&t->sb, "map %" PRIu32 " ", obj->from_map);
	else
		strbuf_printf(&t->sb, "0x%" PRIx64 " ", obj->from_addr);
	text_guest(t, obj->from);
	text_sub_sched(t, obj->sched);
	if (obj->freed) {
		strbuf_puts(&t->sb, " [freed element of ");
		text_guest(t, obj->freed);
		strbuf_putc(&t->sb, ']');
	}
	strbuf_puts(&t->sb, ": ");
	if (!obj->data) {
		strbuf_puts(&t->sb, obj->not_kept ? "<not kept>" : "<unreadable>");
		return NULL;
	}
	TRY(render_object(&t->render, obj, &v));
	text_value(&t->sb, v, 1, &t->style);
	render_reset(&t->render);
	return NULL;
}

static struct err *write_objects(struct text *t)
{
	size_t nr = t->r->arena_objects.nr, shown = text_shown(t, nr, SHOWN);

	if (!nr)
		return NULL;
	strbuf_putc(&t->sb, '\n');
	text_bold(t, true);
	strbuf_printf(&t->sb, "arena objects: %zu", nr);
	text_bold(t, false);
	for (size_t i = 0; i < shown && !t->e; i++) {
		TRY(write_object(t, &t->r->arena_objects.data[i]));
		text_flush(t);
	}
	text_more(t, 1, nr - shown);
	strbuf_putc(&t->sb, '\n');
	return NULL;
}

/* Those that are not named at an allocator's element. */
static void write_tasks(struct text *t)
{
	size_t nr = 0, done = 0;

	for (size_t i = 0; i < t->r->task_objects.nr; i++)
		nr += !t->r->task_objects.data[i].allocator;
	if (!nr)
		return;
	strbuf_puts(&t->sb, "\ntasks' arena objects:");
	for (size_t i = 0; i < t->r->task_objects.nr && done < text_shown(t, nr, SHOWN); i++) {
		const struct task_object *o = &t->r->task_objects.data[i];

		if (o->allocator)
			continue;
		done++;
		text_line(&t->sb, 0);
		write_task(t, o->task);
		strbuf_printf(&t->sb, ": 0x%" PRIx64, o->user_addr);
		if (o->type_name) {
			strbuf_puts(&t->sb, " struct ");
			text_guest(t, o->type_name);
		}
		text_flush(t);
	}
	text_more(t, 1, nr - done);
	strbuf_putc(&t->sb, '\n');
}

struct err *text_arena(struct text *t)
{
	static const char *const sections[] = { "sdt_alloc", "scx_static", "arena_objects" };
	const struct report *r = t->r;

	for (size_t i = 0; i < r->sdt_allocs.nr && !r->sdt_aside && !t->e; i++)
		TRY(write_allocator(t, &r->sdt_allocs.data[i]));
	if (!r->sdt_aside)
		write_regions(t);
	TRY(write_objects(t));
	write_tasks(t);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct section *s = report_find_section(r, sections[i]);

		if (s && (s->status != SECTION_COMPLETE || s->cut) && s->status != SECTION_NOT_ASKED) {
			strbuf_printf(&t->sb, "\n%s:\n", sections[i]);
			text_section_notes(t, sections[i]);
		}
	}
	return NULL;
}
