/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/lines.h"

#include <string.h>

#include "dwarf/dwarf-args.h"

struct lines {
	struct report *r;
	struct kernel *k;
	struct dwarf_file *f;
};

/* ---- what is known of one frame */

struct at {
	struct kernel *k;
	const struct kstack_row *row;
	size_t i;
};

/*
 * All registers are known where a vCPU was stopped, and where an interrupt came in, which saved them.  The frames in
 * between tell nothing but the stack pointer: ORC has no rules for the others.
 */
static bool frame_reg(void *ctx, unsigned int nr, uint64_t *ret)
{
	const struct at *at = ctx;
	const struct arch *arch = at->k->arch;
	const struct kstack_frame *f = &at->row->frames[at->i];
	const char *name = nr < arch->nr_dwarf_regs ? arch->dwarf_regs[nr] : NULL;

	if (!name)
		return false;
	if (!strcmp(name, arch->sp)) {
		*ret = f->sp;
		return true;
	}
	if (f->regs && nr < FRAME_REGS_MAX && f->regs->has >> nr & 1) {
		*ret = f->regs->v[nr];
		return true;
	}
	if (!at->row->has_vcpu || at->i)
		return false;
	struct err *e = target_reg(at->k->target, at->row->vcpu, name, ret);
	bool ok = !e;
	err_ignore(e);
	return ok;
}

/* Only a caller's stack pointer is that from before a call. */
static bool frame_cfa(void *ctx, uint64_t *ret)
{
	const struct at *at = ctx;

	if (at->i + 1 >= at->row->nr_frames || at->row->frames[at->i + 1].kind != FRAME_CALL)
		return false;
	*ret = at->row->frames[at->i + 1].sp;
	return true;
}

static bool frame_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct at *at = ctx;
	struct err *e = kread(at->k, (struct kva){ addr }, buf, len);
	bool ok = !e;

	err_ignore(e);
	return ok;
}

/* ---- frames */

static struct err *add_args(struct lines *l, const struct kstack_row *row, size_t i, uint64_t addr,
			    struct frame_source *source)
{
	struct pool *pool = &l->r->pool;
	struct at at = { l->k, row, i };
	struct dwarf_frame known = { frame_reg, frame_cfa, frame_read, &at, l->k->slide };
	struct dwarf_arg *args;

	TRY(dwarf_args_at(l->f, addr, &known, pool, &args, &source->nr_args));
	struct frame_arg *copy = pool_calloc(pool, source->nr_args, sizeof(*copy));
	if (!copy)
		return &err_nomem;
	for (size_t n = 0; n < source->nr_args; n++)
		copy[n] = (struct frame_arg){ args[n].name, args[n].known, args[n].is_signed,
					      args[n].is_pointer, args[n].value };
	source->args = copy;
	return NULL;
}

static struct err *add_frame(struct lines *l, const struct kstack_row *row, size_t i,
			     struct kstack_frame *frame)
{
	struct pool *pool = &l->r->pool;
	struct dwarf_func *funcs;
	size_t nr;
	/* Behind a call that never returns lies another function. */
	uint64_t addr = frame->ip - l->k->slide - (frame->kind == FRAME_EXACT ? 0 : 1);

	TRY(dwarf_funcs_at(l->f, addr, pool, &funcs, &nr));
	if (!nr)
		return NULL;
	struct frame_source *source = pool_alloc(pool, sizeof(*source));
	struct frame_line *copy = pool_calloc(pool, nr, sizeof(*copy));
	if (!source || !copy)
		return &err_nomem;
	for (size_t n = 0; n < nr; n++)
		copy[n] = (struct frame_line){ .func = funcs[n].name, .file = funcs[n].file,
					       .line = funcs[n].line, .inlined = funcs[n].inlined };
	*source = (struct frame_source){ .lines = copy, .nr_lines = nr, .has_args = true };
	frame->source = source;
	return frame->kind == FRAME_GUESS ? NULL : add_args(l, row, i, addr, source);
}

static struct err *add_row(struct lines *l, struct kstack_row *row)
{
	struct kstack_frame *frames = pool_calloc(&l->r->pool, row->nr_frames, sizeof(*frames));

	if (!frames)
		return &err_nomem;
	for (size_t i = 0; i < row->nr_frames; i++) {
		frames[i] = row->frames[i];
		if (frames[i].symbol && !frames[i].module && frames[i].kind != FRAME_USER)
			TRY(add_frame(l, row, i, &frames[i]));
	}
	row->frames = frames;
	return NULL;
}

struct err *lines_add(struct report *r, struct kernel *k, struct dwarf_file *f, const char *path,
		      bool *ret_refused)
{
	struct lines l = { r, k, f };
	const char *theirs = dwarf_build_id(f), *ours = r->kernel.build_id;

	*ret_refused = !theirs || !ours || strcmp(theirs, ours);
	if (*ret_refused)
		return report_section(r, "lines", SECTION_IMPLAUSIBLE,
				      "%s is of another kernel: build ID %s, the guest's is %s", path,
				      theirs ? theirs : "(none)", ours ? ours : "(unknown)");
	for (size_t i = 0; i < r->stacks.nr; i++)
		TRY(add_row(&l, &r->stacks.data[i]));
	return report_section(r, "lines", SECTION_COMPLETE, NULL);
}
