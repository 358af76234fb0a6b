/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code that is made at run time and named in no symbol table: BPF programs, trampolines and dispatchers
 * (struct bpf_ksym, kernel/bpf/core.c), trampolines of ftrace (struct ftrace_ops on
 * ftrace_ops_trampoline_list), instruction slots of kprobes (struct kprobe_insn_page).  These are the
 * sources of what /proc/kallsyms shows as [bpf], [__builtin__ftrace] and [__builtin__kprobes].
 */
#include "config.h"

#include <stdlib.h>

#include "base/vec.h"
#include "kernel/containers.h"
#include "kernel/internal.h"

enum { CODES_MAX = 1 << 17, KSYM_NAME_MAX = 512 };

struct codes_layout {
	struct member start, end, name, lnode, tnode, prog, fp_start, fp_end;
	struct member aux_ksym, aux_id, aux_name, aux_main;
	struct member ops_list, ops_tramp, ops_tramp_size;
	struct member cache_pages, cache_sym, page_list, page_insns;
};

static const struct layout_member members[] = {
	LAYOUT_OPT(struct codes_layout, start, "bpf_ksym", "start"),
	LAYOUT_OPT(struct codes_layout, end, "bpf_ksym", "end"),
	LAYOUT_OPT(struct codes_layout, name, "bpf_ksym", "name"),
	LAYOUT_OPT(struct codes_layout, lnode, "bpf_ksym", "lnode"),
	LAYOUT_OPT(struct codes_layout, tnode, "bpf_ksym", "tnode"),
	LAYOUT_OPT(struct codes_layout, prog, "bpf_ksym", "prog"),
	LAYOUT_OPT(struct codes_layout, fp_start, "bpf_ksym", "fp_start"), /* 6.19+ */
	LAYOUT_OPT(struct codes_layout, fp_end, "bpf_ksym", "fp_end"),
	LAYOUT_OPT(struct codes_layout, aux_ksym, "bpf_prog_aux", "ksym"),
	LAYOUT_OPT(struct codes_layout, aux_id, "bpf_prog_aux", "id"),
	LAYOUT_OPT(struct codes_layout, aux_name, "bpf_prog_aux", "name"),
	LAYOUT_OPT(struct codes_layout, aux_main, "bpf_prog_aux", "main_prog_aux"), /* 6.18+ */
	LAYOUT_OPT(struct codes_layout, ops_list, "ftrace_ops", "list"),
	LAYOUT_OPT(struct codes_layout, ops_tramp, "ftrace_ops", "trampoline"),
	LAYOUT_OPT(struct codes_layout, ops_tramp_size, "ftrace_ops", "trampoline_size"),
	LAYOUT_OPT(struct codes_layout, cache_pages, "kprobe_insn_cache", "pages"),
	LAYOUT_OPT(struct codes_layout, cache_sym, "kprobe_insn_cache", "sym"),
	LAYOUT_OPT(struct codes_layout, page_list, "kprobe_insn_page", "list"),
	LAYOUT_OPT(struct codes_layout, page_insns, "kprobe_insn_page", "insns"),
};

struct codes {
	struct pool pool;
	VEC(struct code) all; /* by start */
	const char *why;      /* NULL, or why some may be missing */
};

struct codes_read {
	struct kernel *k;
	struct codes_layout l;
	struct codes *codes;
	uint64_t node_off; /* of what is walked, in its object */
	const char *page_name;
	struct err *fatal;
};

static const char unreadable[] = "some code made at run time could not be read";

static struct err *add(struct codes_read *c, const struct code *code)
{
	struct code *row;

	if (!code->start || code->end < code->start)
		return NULL;
	row = vec_push(&c->codes->all);
	if (!row)
		return &err_nomem;
	*row = *code;
	return NULL;
}

/* Goes on unless nothing further can work. */
static bool keep_going(struct codes_read *c, struct err *e)
{
	if (err_is_fatal(e))
		c->fatal = e;
	else if (e) {
		c->codes->why = unreadable;
		err_free(e);
	}
	return !c->fatal;
}

/* ---- BPF */

static struct err *read_prog(struct codes_read *c, struct kva ksym, struct code *code)
{
	const struct codes_layout *l = &c->l;
	char name[32];
	struct kva main;
	uint64_t id;

	code->owner = SYM_BPF_PROG;
	code->prog_name = "";
	if (!l->aux_ksym.present)
		return NULL;
	code->prog_aux.v = ksym.v - l->aux_ksym.off;
	TRY(kget_str(c->k, code->prog_aux, &l->aux_name, name, sizeof(name)));
	code->prog_name = pool_printf(&c->codes->pool, "%s", name);
	if (!code->prog_name)
		return &err_nomem;
	TRY(kget(c->k, code->prog_aux, &l->aux_id, &id));
	/* A subprogram has no id of its own. */
	if (!id && l->aux_main.present) {
		TRY(kget_kva(c->k, code->prog_aux, &l->aux_main, &main));
		if (main.v)
			TRY(kget(c->k, main, &l->aux_id, &id));
	}
	code->prog_id = (uint32_t)id;
	return NULL;
}

static struct err *read_ksym(struct codes_read *c, struct kva ksym)
{
	const struct codes_layout *l = &c->l;
	struct code code = { .owner = SYM_BPF_IMAGE };
	char name[KSYM_NAME_MAX + 1];
	uint64_t is_prog, v;

	TRY(kget(c->k, ksym, &l->start, &code.start));
	TRY(kget(c->k, ksym, &l->end, &code.end));
	TRY(kget(c->k, ksym, &l->prog, &is_prog));
	TRY(kget_str(c->k, ksym, &l->name, name, sizeof(name)));
	code.name = pool_printf(&c->codes->pool, "%s", name);
	if (!code.name)
		return &err_nomem;
	struct err *e = is_prog ? read_prog(c, ksym, &code) : NULL;
	if (!e && l->fp_start.present && l->fp_end.present) {
		e = kget(c->k, ksym, &l->fp_start, &v);
		code.fp_start = e ? 0 : (uint32_t)v;
		if (!e)
			e = kget(c->k, ksym, &l->fp_end, &v);
		code.fp_end = e ? 0 : (uint32_t)v;
	}
	/* The name is worth something alone. */
	if (e && !err_is_fatal(e)) {
		c->codes->why = unreadable;
		err_free(e);
		e = NULL;
	}
	return e ? e : add(c, &code);
}

static bool on_ksym(void *ctx, struct kva node)
{
	struct codes_read *c = ctx;

	return keep_going(c, read_ksym(c, (struct kva){ node.v - c->node_off }));
}

static void ended(struct codes_read *c, enum walk_end end, struct err *why)
{
	if (why)
		(void)keep_going(c, why);
	else if (end != WALK_COMPLETE)
		c->codes->why = unreadable;
}

/* The tree is read a level at a time; the list, an object per round trip, is for kernels that hide it. */
static void read_ksyms(struct codes_read *c)
{
	const struct codes_layout *l = &c->l;
	struct kva root;
	struct err *why = NULL;

	if (!l->start.present || !l->end.present || !l->name.present || !l->prog.present)
		return;
	if (l->tnode.present && khas_sym(c->k, "bpf_tree")) {
		uint64_t off;

		err_ignore(ksym(c->k, "bpf_tree", &root));
		if (klatch_tree(c->k, root, &root, &off)) {
			c->node_off = l->tnode.off + off;
			enum walk_end end =
				krbtree_walk(c->k, root, CODES_MAX, on_ksym, c, &why);
			ended(c, end, why);
			return;
		}
	}
	if (l->lnode.present && khas_sym(c->k, "bpf_kallsyms")) {
		err_ignore(ksym(c->k, "bpf_kallsyms", &root));
		c->node_off = l->lnode.off;
		enum walk_end end = klist_walk(c->k, root, CODES_MAX, on_ksym, c, &why);
		ended(c, end, why);
	}
}

/* ---- ftrace */

static struct err *read_ops(struct codes_read *c, struct kva ops)
{
	struct code code = { .owner = SYM_FTRACE, .name = "ftrace_trampoline" };
	uint64_t size;

	TRY(kget(c->k, ops, &c->l.ops_tramp, &code.start));
	TRY(kget(c->k, ops, &c->l.ops_tramp_size, &size));
	code.end = code.start + size;
	return size ? add(c, &code) : NULL;
}

static bool on_ops(void *ctx, struct kva node)
{
	struct codes_read *c = ctx;

	return keep_going(c, read_ops(c, (struct kva){ node.v - c->l.ops_list.off }));
}

static void read_trampolines(struct codes_read *c)
{
	struct err *why = NULL;
	struct kva head;

	if (c->fatal || !c->l.ops_list.present || !khas_sym(c->k, "ftrace_ops_trampoline_list"))
		return;
	err_ignore(ksym(c->k, "ftrace_ops_trampoline_list", &head));
	enum walk_end end = klist_walk(c->k, head, CODES_MAX, on_ops, c, &why);
	ended(c, end, why);
}

/* ---- kprobes */

static struct err *read_page(struct codes_read *c, struct kva page)
{
	struct code code = { .owner = SYM_KPROBE, .name = c->page_name };

	TRY(kget(c->k, page, &c->l.page_insns, &code.start));
	code.end = code.start + PAGE_SIZE;
	return add(c, &code);
}

static bool on_page(void *ctx, struct kva node)
{
	struct codes_read *c = ctx;

	return keep_going(c, read_page(c, (struct kva){ node.v - c->l.page_list.off }));
}

static void read_kprobes(struct codes_read *c, const char *cache, const char *name)
{
	struct err *why = NULL;
	struct kva at;

	if (c->fatal || !c->l.cache_pages.present || !c->l.page_list.present ||
	    !khas_sym(c->k, cache))
		return;
	err_ignore(ksym(c->k, cache, &at));
	c->page_name = name;
	enum walk_end end = klist_walk(c->k, kmember(at, &c->l.cache_pages), CODES_MAX, on_page, c,
				       &why);
	ended(c, end, why);
}

/* ---- all of it */

static int by_start(const void *a, const void *b)
{
	const struct code *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static struct err *read_codes(struct kernel *k, struct codes *codes)
{
	struct codes_read c = { .k = k, .codes = codes };

	TRY(klayout(k, members, ARRAY_SIZE(members), &c.l, NULL));
	read_ksyms(&c);
	read_trampolines(&c);
	read_kprobes(&c, "kprobe_insn_slots", "kprobe_insn_page");
	read_kprobes(&c, "kprobe_optinsn_slots", "kprobe_optinsn_page");
	if (codes->all.nr)
		qsort(codes->all.data, codes->all.nr, sizeof(*codes->all.data), by_start);
	return c.fatal;
}

void codes_destroy(struct codes *codes)
{
	if (!codes)
		return;
	free(codes->all.data);
	pool_deinit(&codes->pool);
	free(codes);
}

static struct err *load(struct kernel *k)
{
	if (!k->codes) {
		struct codes *codes = calloc(1, sizeof(*codes));

		if (!codes)
			return &err_nomem;
		struct err *e = read_codes(k, codes);
		/* As in kmodules(): another fiber may have been faster. */
		if (e || k->codes)
			codes_destroy(codes);
		else
			k->codes = codes;
		TRY(e);
	}
	return NULL;
}

struct err *kcodes(struct kernel *k, const struct code **ret, size_t *nr)
{
	TRY(load(k));
	*ret = k->codes->all.data;
	*nr = k->codes->all.nr;
	return NULL;
}

struct err *kcode_at(struct kernel *k, uint64_t addr, const struct code **ret)
{
	size_t lo = 0, hi;

	TRY(load(k));
	*ret = NULL;
	hi = k->codes->all.nr;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->codes->all.data[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* The end included, as bpf_tree_comp() does: a return address may be there. */
	if (lo && addr <= k->codes->all.data[lo - 1].end)
		*ret = &k->codes->all.data[lo - 1];
	return NULL;
}

const char *ksymbolize_why(const struct kernel *k)
{
	if (k->codes && k->codes->why)
		return k->codes->why;
	return k->modules && !k->modules->no_modules ? k->modules->why : NULL;
}
