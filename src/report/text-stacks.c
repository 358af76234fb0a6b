/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks: each vCPU's, those of blocked tasks, with -v all. Equal ones of several tasks stand once. */
#include "config.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/parts.h"
#include "report/text-parts.h"

enum { TASKS_SHOWN = 8 };

static void position(struct text *t, const struct frame_line *l)
{
	if (!l->file)
		return;
	strbuf_puts(&t->sb, "  ");
	/* A BPF program knows where its source was built, in full. */
	text_guest(t, l->text && !t->opts->verbose ? frame_line_base(l) : l->file);
	if (l->line)
		strbuf_printf(&t->sb, ":%" PRIu32, l->line);
	if (l->line && l->column && t->opts->verbose)
		strbuf_printf(&t->sb, ":%" PRIu32, l->column);
}

static void source_line(struct text *t, const struct frame_line *l, size_t indent)
{
	const char *text = frame_line_text(l);

	if (!text[0])
		return;
	strbuf_fill(&t->sb, ' ', indent + 4);
	text_guest(t, text);
	strbuf_putc(&t->sb, '\n');
}

/* What the compiler put into the function of the frame. */
static void inlined_lines(struct text *t, const struct frame_source *f, size_t indent)
{
	for (size_t i = 0; i < f->nr_lines && f->lines[i].inlined; i++) {
		strbuf_fill(&t->sb, ' ', indent);
		text_guest(t, f->lines[i].func);
		strbuf_puts(&t->sb, " (inlined)");
		position(t, &f->lines[i]);
		strbuf_putc(&t->sb, '\n');
	}
}

static void args_line(struct text *t, const struct frame_source *f, size_t indent)
{
	size_t known = 0;

	for (size_t i = 0; i < f->nr_args; i++)
		known += f->args[i].known;
	if (!known)
		return;
	strbuf_fill(&t->sb, ' ', indent + 4);
	for (size_t i = 0; i < f->nr_args; i++) {
		const struct frame_arg *a = &f->args[i];

		if (i)
			strbuf_puts(&t->sb, ", ");
		text_guest(t, a->name);
		if (!a->known)
			strbuf_puts(&t->sb, "=<unavailable>");
		else if (a->is_pointer)
			strbuf_printf(&t->sb, "=0x%" PRIx64, a->value);
		else if (a->is_signed)
			strbuf_printf(&t->sb, "=%" PRId64, (int64_t)a->value);
		else
			strbuf_printf(&t->sb, "=%" PRIu64, a->value);
	}
	strbuf_putc(&t->sb, '\n');
}

/* Where what is known ends. */
static void why_line(struct text *t, const char *what, const char *why, size_t indent)
{
	strbuf_fill(&t->sb, ' ', indent);
	text_alarm(t, true);
	strbuf_puts(&t->sb, what);
	text_guest(t, why);
	text_alarm(t, false);
	strbuf_putc(&t->sb, '\n');
}

static void frame_line(struct text *t, const struct kstack_frame *f, const char *stack, size_t indent)
{
	struct strbuf *sb = &t->sb;

	if (f->source)
		inlined_lines(t, f->source, indent);
	strbuf_fill(sb, ' ', indent);
	if (f->kind == FRAME_USER) {
		strbuf_printf(sb, "user space: ip=0x%" PRIx64 " sp=0x%" PRIx64 "\n", f->ip, f->sp);
		return;
	}
	if (f->kind == FRAME_GUESS)
		strbuf_puts(sb, "? ");
	if (f->symbol) {
		escape_append(sb, f->symbol, strlen(f->symbol));
		strbuf_printf(sb, "+0x%" PRIx64, f->offset);
		if (f->size)
			strbuf_printf(sb, "/0x%" PRIx64, f->size);
	} else {
		strbuf_printf(sb, "0x%" PRIx64, f->ip);
	}
	if (f->module) {
		strbuf_puts(sb, " [");
		escape_append(sb, f->module, strlen(f->module));
		strbuf_putc(sb, ']');
	}
	/* Where the stack changes. */
	if (f->stack && strcmp(f->stack, stack))
		strbuf_printf(sb, "  <%s stack>", f->stack);
	if (f->source && f->source->nr_lines)
		position(t, &f->source->lines[f->source->nr_lines - 1]);
	strbuf_putc(sb, '\n');
	if (f->source && f->source->nr_lines)
		source_line(t, &f->source->lines[f->source->nr_lines - 1], indent);
	if (f->source)
		args_line(t, f->source, indent);
	if (f->line_error)
		why_line(t, "no line: ", f->line_error, indent + 4);
}

void text_frames(struct text *t, const struct kstack_row *s, size_t indent)
{
	const char *stack = "task";
	bool told = false;

	for (size_t i = 0; i < s->nr_frames; i++) {
		const struct kstack_frame *f = &s->frames[i];

		if (s->why && !told && f->kind == FRAME_GUESS) {
			why_line(t, "not further, only guesses: ", s->why, indent);
			told = true;
		}
		frame_line(t, f, stack, indent);
		if (f->stack)
			stack = f->stack;
	}
	if (s->why && !told)
		why_line(t, s->nr_frames ? "not further: " : "no frames: ", s->why, indent);
}

static void task_name(struct text *t, const struct task_row *task)
{
	strbuf_printf(&t->sb, "%" PRId32 " ", task->pid);
	text_guest(t, task->comm);
}

static void vcpu_stack(struct text *t, const struct kstack_row *s)
{
	const struct vcpu_row *v = s->vcpu < t->r->vcpus.nr ? &t->r->vcpus.data[s->vcpu] : NULL;
	const struct task_row *task = s->task.v ? index_task(&t->index, s->task) : NULL;

	strbuf_printf(&t->sb, "  vcpu %zu", s->vcpu);
	if (v && v->has_cpu)
		strbuf_printf(&t->sb, ", CPU %" PRIu32, v->cpu);
	strbuf_puts(&t->sb, ": ");
	if (s->not_started)
		strbuf_puts(&t->sb, "not started");
	else if (task)
		task_name(t, task);
	else
		strbuf_puts(&t->sb, "unknown task");
	strbuf_putc(&t->sb, '\n');
	text_frames(t, s, 4);
}

/* ---- tasks: those with equal stacks next to each other */

static bool same_frames(const struct kstack_row *a, const struct kstack_row *b)
{
	if (a->nr_frames != b->nr_frames || !a->why != !b->why)
		return false;
	for (size_t i = 0; i < a->nr_frames; i++) {
		const struct kstack_frame *x = &a->frames[i], *y = &b->frames[i];

		/* Where user space is, is no difference, but is not shown of several then. */
		if (x->kind != y->kind || (x->kind != FRAME_USER && x->ip != y->ip))
			return false;
	}
	return true;
}

static uint64_t hash_frames(const struct kstack_row *s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s->nr_frames; i++) {
		uint64_t ip = s->frames[i].kind == FRAME_USER ? 1 : s->frames[i].ip;

		h = (h ^ ip) * 1099511628211u;
	}
	return h;
}

struct group {
	const struct kstack_row *stack; /* of its first */
	const struct task_row *task;
	uint64_t hash;
	size_t order; /* of its first, then of itself */
	bool blocked;
};

static int by_hash(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->blocked != y->blocked)
		return x->blocked ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void group_title(struct text *t, const struct group *g, size_t nr)
{
	size_t shown = text_shown(t, nr, TASKS_SHOWN);

	strbuf_puts(&t->sb, "  ");
	if (nr > 1)
		strbuf_printf(&t->sb, "%zu tasks: ", nr);
	for (size_t i = 0; i < shown; i++) {
		if (i)
			strbuf_puts(&t->sb, ", ");
		task_name(t, g[i].task);
	}
	if (shown < nr)
		strbuf_printf(&t->sb, ", \u2026 (%zu more)", nr - shown);
	if (g->blocked)
		strbuf_puts(&t->sb, " (blocked)");
	strbuf_putc(&t->sb, '\n');
}

static size_t group_len(const struct group *g, size_t left)
{
	size_t n = 1;

	while (n < left && g[n].hash == g->hash && g[n].blocked == g->blocked &&
	       same_frames(g[n].stack, g->stack))
		n++;
	return n;
}

/* In the order of the tasks, which is the report's; groups where their first is. */
static int by_order(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;

	if ((*x)->blocked != (*y)->blocked)
		return (*x)->blocked ? -1 : 1;
	return (*x)->order < (*y)->order ? -1 : 1;
}

static void group_stack(struct text *t, const struct group *g, size_t nr)
{
	struct kstack_row s = *g->stack;

	group_title(t, g, nr);
	/* Of several only what they have in common. */
	if (nr > 1 && s.nr_frames && s.frames[s.nr_frames - 1].kind == FRAME_USER)
		s.nr_frames--;
	text_frames(t, &s, 4);
	text_flush(t);
}

static void task_stacks(struct text *t)
{
	const struct report *r = t->r;
	_cleanup_free_ struct group *groups = calloc(r->stacks.nr + 1, sizeof(*groups));
	_cleanup_free_ struct group **firsts = calloc(r->stacks.nr + 1, sizeof(*firsts));
	size_t nr = 0, nr_firsts = 0, not_shown = 0;

	if (!groups || !firsts) {
		t->sb.nomem = true;
		return;
	}
	for (size_t i = 0; i < r->stacks.nr; i++) {
		const struct kstack_row *s = &r->stacks.data[i];
		const struct task_row *task = s->has_vcpu ? NULL : index_task(&t->index, s->task);

		if (!task)
			continue;
		bool blocked = task_is_blocked(task);
		if (!blocked && !t->opts->verbose) {
			not_shown++;
			continue;
		}
		groups[nr] = (struct group){ s, task, hash_frames(s), nr, blocked };
		nr++;
	}
	qsort(groups, nr, sizeof(*groups), by_hash);
	for (size_t i = 0; i < nr; i += group_len(&groups[i], nr - i))
		firsts[nr_firsts++] = &groups[i];
	qsort(firsts, nr_firsts, sizeof(struct group *), by_order);
	for (size_t i = 0; i < nr_firsts; i++)
		group_stack(t, firsts[i], group_len(firsts[i], nr - (size_t)(firsts[i] - groups)));
	if (not_shown)
		strbuf_printf(&t->sb, "  of tasks that are not blocked: %zu (-v shows them)\n", not_shown);
}

void text_kstacks(struct text *t)
{
	text_counted_title(t, "stacks", t->r->stacks.nr, "stacks");
	for (size_t i = 0; i < t->r->stacks.nr; i++) {
		if (t->r->stacks.data[i].has_vcpu)
			vcpu_stack(t, &t->r->stacks.data[i]);
	}
	task_stacks(t);
}
