/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BTF objects: everything in btf_idr; what they hold is read where it is needed (btfs.c). */
#include "config.h"

#include "walk/idrs.h"
#include "walk/objs.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum { BTFS_MAX = 1 << 18 };

struct list_layout {
	struct member id, size, base, kernel, name;
};

struct list_walk {
	struct walk *w;
	struct kernel *k;
	struct list_layout l;
	struct objs objs;
	struct err *fatal;
};

static const struct layout_member list_members[] = {
	LAYOUT(struct list_layout, id, "btf", "id"),
	LAYOUT(struct list_layout, size, "btf", "data_size"),
	LAYOUT(struct list_layout, base, "btf", "base_btf"),
	LAYOUT(struct list_layout, kernel, "btf", "kernel_btf"),
	LAYOUT(struct list_layout, name, "btf", "name"),
};

static struct err *read_btf(struct list_walk *b, struct btf_row *row)
{
	const struct list_layout *l = &b->l;
	struct kva base;
	uint64_t v;

	TRY(kget(b->k, row->kva, &l->id, &v));
	if (v != row->id)
		return err_new(ERR_CORRUPT, "struct btf has id %" PRIu64, v);
	TRY(kget(b->k, row->kva, &l->size, &v));
	row->size = (uint32_t)v;
	TRY(kget(b->k, row->kva, &l->kernel, &v));
	row->kernel = v;
	TRY(kget_str(b->k, row->kva, &l->name, row->name, sizeof(row->name)));
	TRY(kget_kva(b->k, row->kva, &l->base, &base));
	if (!base.v)
		return NULL;
	TRY(kget(b->k, base, &l->id, &v));
	row->base_id = (uint32_t)v;
	return NULL;
}

static void btf_fiber(void *ctx, size_t i)
{
	struct list_walk *b = ctx;
	struct btf_row *row = &b->w->r->btfs.data[i];

	if (b->fatal)
		return;
	struct err *e = objs_lost(&b->objs, read_btf(b, row), &row->error, &row->unreadable);
	if (b->fatal)
		err_free(e);
	else
		b->fatal = e;
}

struct err *walk_btfs(struct walk *w)
{
	struct report *r = w->r;
	struct list_walk b = { .w = w, .k = w->k, .objs = { .k = w->k, .pool = &r->pool } };
	_cleanup_(idr_rows_deinit) struct idr_rows rows = { 0 };
	size_t unreadable = 0, odd = 0;

	TRY(klayout(w->k, list_members, ARRAY_SIZE(list_members), &b.l, NULL));
	TRY(idr_rows(w, "btf_idr", "btfs", BTFS_MAX, &rows));
	for (size_t i = 0; i < rows.nr; i++) {
		struct btf_row *row = vec_push(&r->btfs);

		if (!row)
			return &err_nomem;
		row->kva = rows.data[i].kva;
		row->id = rows.data[i].id;
	}
	mem_each(w->k->mem, r->btfs.nr, btf_fiber, &b);
	if (b.fatal)
		return b.fatal;

	TRY(report_section(r, "btfs", SECTION_COMPLETE, NULL));
	for (size_t i = 0; i < r->btfs.nr; i++) {
		unreadable += r->btfs.data[i].unreadable;
		odd += r->btfs.data[i].error && !r->btfs.data[i].unreadable;
	}
	if (unreadable)
		TRY(report_section(r, "btfs", SECTION_NOT_READABLE, "%zu of %zu could not all be read",
				   unreadable, r->btfs.nr));
	if (odd)
		TRY(report_section(r, "btfs", SECTION_IMPLAUSIBLE, "%zu contradict themselves", odd));
	return NULL;
}
