/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks of vCPUs and of tasks that do not run: the frames from kernel/unwind.c, with names. */
#include "config.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/prog-lines.h"
#include "kernel/unwind.h"
#include "walk/walk.h"

enum {
	/* Each costs at least a page; blocked tasks come first. */
	TASKS_MAX = 8192,
};

struct job {
	struct walk *w;
	struct kernel *k;
	struct unwinder *uw;
	struct kstack_row *rows; /* vCPUs, then tasks */
	size_t nr_vcpus, nr;
	struct krange *used; /* of tasks' stacks, by row */
	size_t *task_rows;   /* rows of report.tasks, by row; of vCPUs meaningless */
	bool *gone;	     /* tasks without a stack */
	size_t broken, unreadable;
	const char *why; /* of the first broken one */
	struct prog_lines lines;
	size_t lost_lines, unreadable_lines;
	const char *line_error; /* of the first lost one */
	struct {
		uint64_t start, end;
	} sched[2]; /* code of the scheduler and of locks */
	struct err *fatal;
};

static void failed(struct job *j, struct err *e)
{
	if (walk_is_fatal(e) && !j->fatal)
		j->fatal = e;
	else
		err_free(e);
}

/* ---- names */

static const char *module_of(const struct sym *sym)
{
	switch (sym->owner) {
	case SYM_MODULE:
		return sym->module->name;
	case SYM_BPF_PROG:
	case SYM_BPF_IMAGE:
		return "bpf";
	case SYM_FTRACE:
		return "__builtin__ftrace";
	case SYM_KPROBE:
		return "__builtin__kprobes";
	default:
		return NULL;
	}
}

/* "bpf_prog_<tag>_<function>", or without the last if the program has no types. */
static const char *function_of(const struct sym *sym)
{
	enum { TAG_LEN = sizeof("bpf_prog_0123456789abcdef") - 1 };

	return strlen(sym->name) > TAG_LEN + 1 ? sym->name + TAG_LEN + 1 : sym->name;
}

/* A line that cannot be had is no loss of the frame. */
static struct err *lost_line(struct job *j, struct kstack_frame *f, struct err *e)
{
	if (walk_is_fatal(e) || e->code == ERR_MISSING) {
		bool fatal = walk_is_fatal(e);

		if (!fatal)
			err_free(e);
		return fatal ? e : NULL;
	}
	f->line_error = pool_printf(&j->w->r->pool, "%s", e->msg);
	j->lost_lines++;
	j->unreadable_lines += e->code == ERR_FAULT;
	if (!j->line_error)
		j->line_error = f->line_error;
	err_free(e);
	return f->line_error ? NULL : &err_nomem;
}

static struct err *add_line(struct job *j, struct kstack_frame *f, const struct sym *sym, enum sym_lookup how)
{
	struct pool *pool = &j->w->r->pool;
	struct prog_line at;
	struct err *e = prog_line_at(&j->lines, sym, how, pool, &at);

	if (e)
		return lost_line(j, f, e);
	struct frame_source *source = pool_alloc(pool, sizeof(*source));
	struct frame_line *line = pool_alloc(pool, sizeof(*line));
	if (!source || !line)
		return &err_nomem;
	*line = (struct frame_line){ .func = function_of(sym), .file = at.file, .line = at.line,
				     .column = at.column, .text = at.text };
	*source = (struct frame_source){ .lines = line, .nr_lines = 1 };
	f->source = source;
	return NULL;
}

/* As the kernel prints it: the function is that of the call, the offset that of the address behind it. */
static struct err *name_frame(struct job *j, struct kstack_frame *f)
{
	enum sym_lookup how = f->kind == FRAME_EXACT ? SYM_EXACT : SYM_RETURN;
	struct sym sym;

	if (f->kind == FRAME_USER)
		return NULL;
	TRY(ksymbolize(j->k, (struct kva){ f->ip }, how, &sym));
	f->symbol = sym.name;
	f->offset = sym.offset;
	f->size = sym.size;
	f->module = module_of(&sym);
	f->prog_id = sym.prog_id;
	return sym.owner == SYM_BPF_PROG ? add_line(j, f, &sym, how) : NULL;
}

static bool in_scheduler(const struct job *j, uint64_t ip)
{
	for (size_t i = 0; i < ARRAY_SIZE(j->sched); i++) {
		if (ip >= j->sched[i].start && ip < j->sched[i].end)
			return true;
	}
	return false;
}

static void find_scheduler(struct job *j)
{
	static const char *const ends[][2] = {
		{ "__sched_text_start", "__sched_text_end" },
		{ "__lock_text_start", "__lock_text_end" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct kva start, end;
		struct err *e = ksym(j->k, ends[i][0], &start);

		if (!e)
			e = ksym(j->k, ends[i][1], &end);
		if (!e) {
			j->sched[i].start = start.v;
			j->sched[i].end = end.v;
		}
		err_ignore(e);
	}
}

/* ---- one stack */

static const struct frame_regs *copy_regs(struct pool *pool, const struct unwind_regs *from)
{
	struct frame_regs *to = pool_calloc(pool, 1, sizeof(*to));

	_Static_assert((int)FRAME_REGS_MAX == (int)UNWIND_REGS_MAX, "both count as DWARF does");
	if (to) {
		memcpy(to->v, from->v, sizeof(to->v));
		to->has = from->has;
	}
	return to;
}

/* `sleeps`: a task that waits to be woken; who is ready to run waits for nothing but a CPU. */
static struct err *fill_row(struct job *j, struct kstack_row *row, const struct unwound *u, bool sleeps)
{
	struct pool *pool = &j->w->r->pool;
	struct kstack_frame *frames = pool_calloc(pool, u->nr, sizeof(*frames));

	if (!frames)
		return &err_nomem;
	for (size_t i = 0; i < u->nr; i++) {
		const struct kframe *from = &u->frames[i];
		struct kstack_frame *f = &frames[i];

		f->ip = from->ip;
		f->sp = from->sp;
		f->kind = from->user ? FRAME_USER : from->guess ? FRAME_GUESS :
			  from->exact ? FRAME_EXACT : FRAME_CALL;
		f->stack = from->stack != KSTACK_NONE ? kstack_name(from->stack) : NULL;
		if (from->saved)
			f->regs = copy_regs(pool, &u->saved[from->saved - 1]);
		if (from->saved && !f->regs)
			return &err_nomem;
		TRY(name_frame(j, f));
		if (sleeps && !row->wchan && f->kind != FRAME_USER && !in_scheduler(j, f->ip))
			row->wchan = i + 1;
	}
	row->frames = frames;
	row->nr_frames = u->nr;
	row->not_started = u->end == UNWOUND_NOT_STARTED;
	if (u->end == UNWOUND_CAPPED)
		row->why = pool_printf(pool, "more than %d frames", UNWIND_FRAMES_MAX);
	else if (u->why)
		row->why = pool_printf(pool, "%s", u->why->msg);
	if ((u->end == UNWOUND_CAPPED || u->why) && !row->why)
		return &err_nomem;
	return NULL;
}

static void finish(struct job *j, struct kstack_row *row, struct unwound *u, bool sleeps)
{
	struct err *e = fill_row(j, row, u, sleeps);

	if (row->why) {
		j->broken++;
		j->unreadable += u->why && u->why->code == ERR_FAULT;
		if (!j->why)
			j->why = row->why;
	}
	failed(j, e);
	failed(j, u->why);
}

static void do_vcpu(void *ctx, size_t i)
{
	struct job *j = ctx;
	struct kstack_row *row = &j->rows[i];
	struct unwound u;

	if (j->fatal)
		return;
	row->has_vcpu = true;
	row->vcpu = i;
	unwinder_vcpu(j->uw, i, &row->task, &u);
	finish(j, row, &u, false);
}

static void find_used(void *ctx, size_t i)
{
	struct job *j = ctx;
	size_t at = j->nr_vcpus + i;

	if (j->fatal)
		return;
	struct err *e = unwinder_used(j->uw, j->rows[at].task, &j->used[i]);
	j->gone[at] = e && e->code == ERR_MISSING;
	failed(j, e); /* the walk will run into it again */
}

static void do_task(void *ctx, size_t i)
{
	struct job *j = ctx;
	struct kstack_row *row = &j->rows[j->nr_vcpus + i];
	const struct task_row *t = &j->w->r->tasks.data[j->task_rows[j->nr_vcpus + i]];
	struct unwound u;

	if (j->fatal || j->gone[j->nr_vcpus + i])
		return;
	unwinder_task(j->uw, row->task, &u);
	finish(j, row, &u, t->state.has && t->state.v);
}

/* ---- all of them */

static bool is_blocked(const struct task_row *t)
{
	enum { UNINTERRUPTIBLE = 2, NOLOAD = 0x400 };

	return t->state.has && (t->state.v & UNINTERRUPTIBLE) && !(t->state.v & NOLOAD);
}

static bool on_vcpu(const struct job *j, struct kva task)
{
	for (size_t i = 0; i < j->nr_vcpus; i++) {
		if (j->rows[i].task.v == task.v)
			return true;
	}
	return false;
}

/* The tasks that no vCPU runs; those that the cap leaves out are not the blocked ones. */
static size_t choose(struct job *j)
{
	const struct report *r = j->w->r;
	size_t blocked = 0, others = 0, left_out = 0;

	for (size_t i = 0; i < report_nr_tasks_shown(r); i++)
		blocked += is_blocked(&r->tasks.data[i]);
	for (size_t i = 0; i < report_nr_tasks_shown(r); i++) {
		const struct task_row *t = &r->tasks.data[i];

		if (on_vcpu(j, t->kva))
			continue;
		if (j->nr == j->nr_vcpus + TASKS_MAX ||
		    (!is_blocked(t) && blocked + others++ >= TASKS_MAX)) {
			left_out++;
			continue;
		}
		j->task_rows[j->nr] = i;
		j->rows[j->nr++].task = t->kva;
	}
	return left_out;
}

static struct err *keep(struct job *j)
{
	struct report *r = j->w->r;

	for (size_t i = 0; i < j->nr; i++) {
		if (j->gone[i])
			continue;
		struct kstack_row *row = vec_push(&r->stacks);
		if (!row)
			return &err_nomem;
		*row = j->rows[i];
		struct task_row *t = row->has_vcpu ? (struct task_row *)report_task(r, row->task) :
						     &r->tasks.data[j->task_rows[i]];
		if (t)
			t->stack = r->stacks.nr;
	}
	return NULL;
}

static struct err *tell(struct job *j, size_t left_out)
{
	struct report *r = j->w->r;

	if (j->unreadable)
		TRY(report_section(r, "stacks", SECTION_NOT_READABLE, "%zu of %zu stacks; first: %s",
				   j->unreadable, r->stacks.nr, j->why));
	else if (j->broken)
		TRY(report_cut(r, "stacks", false, "%zu of %zu stacks end in guesses; first: %s", j->broken,
			       r->stacks.nr, j->why));
	if (left_out)
		TRY(report_cut(r, "stacks", false, "stacks of %zu more tasks", left_out));
	if (j->lost_lines)
		TRY(report_section(r, "stacks", j->unreadable_lines ? SECTION_NOT_READABLE : SECTION_IMPLAUSIBLE,
				   "source lines of %zu frames of BPF programs; first: %s", j->lost_lines,
				   j->line_error));
	if (!r->tasks.nr && r->tasks_unavailable)
		return report_section(r, "stacks", SECTION_NOT_READABLE, "only of vCPUs: tasks: %s",
				      r->tasks_unavailable);
	return report_section(r, "stacks", SECTION_COMPLETE, NULL);
}

static struct err *run(struct job *j)
{
	TRY(unwinder_create(j->k, &j->uw));
	TRY(prog_lines_init(&j->lines, j->k));
	find_scheduler(j);

	mem_each(j->k->mem, j->nr_vcpus, do_vcpu, j);
	if (j->fatal)
		return take_ptr(j->fatal);

	size_t left_out = choose(j), nr_tasks = j->nr - j->nr_vcpus;
	mem_each(j->k->mem, nr_tasks, find_used, j);
	kprefetch(j->k, j->used, nr_tasks);
	mem_each(j->k->mem, nr_tasks, do_task, j);
	if (j->fatal)
		return take_ptr(j->fatal);
	TRY(keep(j));
	return tell(j, left_out);
}

struct err *walk_stacks(struct walk *w)
{
	size_t nr_vcpus = w->k->target->nr_vcpus, room = nr_vcpus + w->r->tasks.nr + 1;
	_cleanup_free_ struct kstack_row *rows = calloc(room, sizeof(*rows));
	_cleanup_free_ struct krange *used = calloc(room, sizeof(*used));
	_cleanup_free_ size_t *task_rows = calloc(room, sizeof(*task_rows));
	_cleanup_free_ bool *gone = calloc(room, sizeof(*gone));
	struct job j = {
		.w = w, .k = w->k, .rows = rows, .used = used, .task_rows = task_rows, .gone = gone,
		.nr_vcpus = nr_vcpus, .nr = nr_vcpus,
	};

	if (!rows || !used || !task_rows || !gone)
		return &err_nomem;
	struct err *e = run(&j);
	unwinder_destroy(j.uw);
	err_free(j.fatal);
	walk_task_locks(w);
	return e;
}
