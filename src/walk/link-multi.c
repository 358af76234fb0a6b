/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links to several functions, or places in a file, at once. */
#include "config.h"

#include "walk/links.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	NAMES_SHOWN = 64, /* in one word: "funcs" */
	RETURN = 1,	  /* BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN */
};

/* As many rows as are told of; nr is what the guest says. */
static struct err *make_rows(struct links_walk *l, struct link_row *row, uint64_t nr, struct facts **ret, size_t *ret_nr)
{
	size_t room = MIN((size_t)LINK_PLACES_MAX, l->places), shown = nr < room ? (size_t)nr : room;

	l->places -= shown;
	*ret = pool_calloc(l->objs.pool, shown, sizeof(**ret));
	*ret_nr = shown;
	row->left_out = (size_t)(nr - shown);
	return *ret ? NULL : &err_nomem;
}

/*
 * Flags are the link's own from 6.17 on, and before that its container's.  Older kernels keep none, but have a
 * handler for returns.
 */
static struct err *add_retprobe(struct links_walk *l, struct link_row *row, struct kva obj, const struct member *old,
				struct kva probe, const struct member *handler)
{
	uint64_t flags = 0;

	if (l->l.flags.present) {
		TRY(kget(l->k, row->kva, &l->l.flags, &flags));
	} else if (old->present) {
		TRY(kget(l->k, obj, old, &flags));
	} else if (probe.v) {
		TRY(kget(l->k, probe, handler, &flags));
		flags = flags ? RETURN : 0;
	}
	return flags & RETURN ? facts_flag(&row->target, l->objs.pool, "retprobe") : NULL;
}

/* nr words of an array, or NULL if there is none. */
static struct err *read_words(struct links_walk *l, struct kva at, size_t nr, uint8_t **ret)
{
	*ret = NULL;
	if (!at.v || !nr)
		return NULL;
	_cleanup_free_ uint8_t *raw = malloc(8 * nr);
	if (!raw)
		return &err_nomem;
	TRY(kread(l->k, at, raw, 8 * nr));
	*ret = take_ptr(raw);
	return NULL;
}

/* "vfs_read, vfs_write, …": of those that have no name the addresses. */
static struct err *add_names(struct links_walk *l, struct link_row *row, const struct facts *rows, size_t nr, uint64_t all)
{
	enum { ADDR_LEN = 20 };
	size_t shown = MIN(nr, (size_t)NAMES_SHOWN), room = 1, at = 0;

	for (size_t i = 0; i < shown; i++)
		room += 2 + (rows[i].first->text ? strlen(rows[i].first->text) : ADDR_LEN);
	char *text = pool_alloc(l->objs.pool, room);
	if (!text)
		return &err_nomem;
	for (size_t i = 0; i < shown; i++) {
		const struct fact *name = rows[i].first;
		const char *sep = i ? ", " : "";

		at += (size_t)(name->text ? snprintf(text + at, room - at, "%s%s", sep, name->text) :
					    snprintf(text + at, room - at, "%s0x%" PRIx64, sep, name->num));
	}
	return facts_add(&row->target, l->objs.pool, (struct fact){ .key = shown < all ? "first_funcs" : "funcs",
								    .text = text, .json_only = true });
}

struct err *link_kprobe_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	_cleanup_free_ uint8_t *addrs = NULL, *cookies = NULL;
	const struct link_layout *m = &l->l;
	struct pool *pool = l->objs.pool;
	struct facts *rows;
	struct kva obj, at;
	uint64_t nr, v;
	size_t shown;

	(void)attach;
	TRY(link_need(&m->kmulti_link, "bpf_kprobe_multi_link"));
	obj = link_container(row, &m->kmulti_link);
	TRY(kget(l->k, obj, &m->kmulti_nr, &nr));
	TRY(facts_num(&row->target, pool, "func_cnt", nr));
	TRY(add_retprobe(l, row, obj, &m->kmulti_flags, obj, &m->kmulti_exit));
	if (m->kmulti_missed.present) {
		TRY(kget(l->k, obj, &m->kmulti_missed, &v));
		TRY(facts_num(&row->target, pool, "missed", v));
	}
	TRY(make_rows(l, row, nr, &rows, &shown));
	TRY(kget_kva(l->k, obj, &m->kmulti_addrs, &at));
	TRY(read_words(l, at, shown, &addrs));
	TRY(kget_kva(l->k, obj, &m->kmulti_cookies, &at));
	TRY(read_words(l, at, shown, &cookies));
	for (size_t i = 0; i < shown && addrs; i++) {
		TRY(link_function(l, &rows[i], "function", (struct kva){ get_le64(addrs + 8 * i) }));
		v = cookies ? get_le64(cookies + 8 * i) : 0;
		if (v)
			TRY(facts_num(&rows[i], pool, "cookie", v));
	}
	TRY(add_names(l, row, rows, addrs ? shown : 0, nr));
	return facts_rows(&row->target, pool, "functions", rows, addrs ? shown : 0);
}

static struct err *add_uprobe(struct links_walk *l, struct facts *facts, struct kva at)
{
	const struct link_layout *m = &l->l;
	uint64_t v;

	TRY(kget(l->k, at, &m->uprobe_offset, &v));
	TRY(facts_hex(facts, l->objs.pool, "offset", v));
	TRY(kget(l->k, at, &m->uprobe_ref, &v));
	if (v)
		TRY(facts_hex(facts, l->objs.pool, "ref_ctr_offset", v));
	return link_cookie(l, facts, at, &m->uprobe_cookie);
}

static struct err *add_file(struct links_walk *l, struct link_row *row, struct kva obj)
{
	const struct link_layout *m = &l->l;
	struct kva mnt, dentry, task;
	const char *path;
	uint64_t pid;

	TRY(kget_kva(l->k, obj, &m->umulti_mnt, &mnt));
	TRY(kget_kva(l->k, obj, &m->umulti_dentry, &dentry));
	TRY(objs_path(&l->objs, mnt, dentry, &path));
	TRY(facts_text(&row->target, l->objs.pool, "path", path));
	TRY(kget_kva(l->k, obj, &m->umulti_task, &task));
	if (!task.v)
		return NULL;
	TRY(kget(l->k, task, &m->task_pid, &pid));
	return facts_num(&row->target, l->objs.pool, "pid", pid);
}

struct err *link_uprobe_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	const struct link_layout *m = &l->l;
	struct facts *rows;
	struct kva obj, at;
	size_t shown;
	uint64_t nr;

	(void)attach;
	TRY(link_need(&m->umulti_link, "bpf_uprobe_multi_link"));
	obj = link_container(row, &m->umulti_link);
	TRY(add_file(l, row, obj));
	TRY(kget(l->k, obj, &m->umulti_nr, &nr));
	TRY(facts_num(&row->target, l->objs.pool, "uprobe_cnt", nr));
	TRY(kget_kva(l->k, obj, &m->umulti_uprobes, &at));
	TRY(add_retprobe(l, row, obj, &m->umulti_flags, nr ? at : (struct kva){ 0 }, &m->uprobe_return));
	TRY(make_rows(l, row, nr, &rows, &shown));
	TRY(link_need(&m->uprobe, "bpf_uprobe"));
	for (size_t i = 0; i < shown; i++)
		TRY(add_uprobe(l, &rows[i], (struct kva){ at.v + i * m->uprobe.size }));
	return facts_rows(&row->target, l->objs.pool, "uprobes", rows, shown);
}

struct err *link_tracing_multi(struct links_walk *l, struct link_row *row, struct opt_u64 *attach)
{
	const struct link_layout *m = &l->l;
	struct facts *rows;
	size_t shown;
	uint64_t nr;

	(void)attach;
	TRY(link_need(&m->tmulti_link, "bpf_tracing_multi_link"));
	struct kva obj = link_container(row, &m->tmulti_link);
	TRY(kget(l->k, obj, &m->tmulti_nr, &nr));
	TRY(facts_num(&row->target, l->objs.pool, "func_cnt", (uint32_t)nr));
	TRY(make_rows(l, row, (uint32_t)nr, &rows, &shown));
	TRY(link_need(&m->tmulti_node, "bpf_tracing_multi_node"));
	TRY(link_need(&m->tmulti_nodes, "bpf_tracing_multi_link.nodes"));
	for (size_t i = 0; i < shown; i++) {
		struct kva node = { kmember(obj, &m->tmulti_nodes).v + i * m->tmulti_node.size }, tramp;

		TRY(kget_kva(l->k, node, &m->tmulti_node_tramp, &tramp));
		if (tramp.v)
			TRY(link_trampoline(l, &rows[i], tramp));
		TRY(link_cookie(l, &rows[i], node, &m->tmulti_node_cookie));
	}
	return facts_rows(&row->target, l->objs.pool, "functions", rows, shown);
}
