/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct bpf_rhtab (kernel/bpf/hashtab.c, 7.2): RHASH, keys and values in a resizable hash. */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "kernel/containers.h"
#include "walk/map-locks.h"

struct rhash_layout {
	struct member map, ht, node, data;
};

static const struct layout_member rhash_members[] = {
	LAYOUT(struct rhash_layout, map, "bpf_rhtab", "map"),
	LAYOUT(struct rhash_layout, ht, "bpf_rhtab", "ht"),
	LAYOUT(struct rhash_layout, node, "rhtab_elem", "node"),
	LAYOUT(struct rhash_layout, data, "rhtab_elem", "data"),
};

struct rhash_walk {
	struct map_job *job;
	struct rhash_layout l;
	uint64_t cap, value_at, len; /* in the element's data */
	VEC(struct krange) elems;    /* their data */
	struct err *e; /* fatal, met in a callback */
};

static bool on_node(void *ctx, struct kva node)
{
	struct rhash_walk *h = ctx;

	if (h->elems.nr == h->cap) {
		h->job->capped = true;
		return false;
	}
	if (!map_take(h->job, h->len + sizeof(struct map_entry)))
		return false;

	struct krange *elem = vec_push(&h->elems);
	if (elem)
		*elem = (struct krange){ { node.v - h->l.node.off + h->l.data.off }, h->len };
	else if (!h->e)
		h->e = &err_nomem;
	return elem;
}

/* The kernel does not tell who holds it: it is but a bit. */
static void on_lock(void *ctx, uint64_t bucket, struct kva word, bool future)
{
	struct rhash_walk *h = ctx;
	struct held_lock where = {
		.what = future ? "bucket of the table being filled" : "bucket",
		.has_index = true, .index = bucket, .kva = word,
	};

	if (!h->e)
		h->e = map_lock_add(h->job, &where, 1);
}

static struct err *find_elems(struct rhash_walk *h)
{
	struct map_job *job = h->job;
	struct kva table = { job->row->kva.v - h->l.map.off + h->l.ht.off };
	_cleanup_err_ struct err *why = NULL;

	/* One more than the cap, so that it is on_node() that says stop. */
	uint64_t max = h->cap == UINT64_MAX ? h->cap : h->cap + 1;
	enum walk_end end = krhashtable_walk_locks(job->mw->k, table, max, on_node, on_lock, h, &why);
	if (h->e)
		return take_ptr(h->e);
	if (walk_is_fatal(why))
		return take_ptr(why);
	if (end == WALK_BROKEN)
		return map_unreadable(job, "resizable hash: %s", why ? why->msg : walk_end_text(end));
	if (end == WALK_LOOP)
		return map_implausible(job, "resizable hash: %s", walk_end_text(end));
	return NULL;
}

static struct err *read_elems(struct rhash_walk *h)
{
	struct map_job *job = h->job;
	struct map_row *row = job->row;
	size_t lost = 0;

	row->body = MAP_BODY_ENTRIES;
	row->entries = pool_calloc(job->mw->pool, h->elems.nr, sizeof(*row->entries));
	if (!row->entries)
		return &err_nomem;
	for (size_t i = 0; i < h->elems.nr; i += MAP_RANGES)
		kprefetch(job->mw->k, h->elems.data + i, MIN(h->elems.nr - i, (size_t)MAP_RANGES));
	for (size_t i = 0; i < h->elems.nr; i++) {
		const uint8_t *data;

		TRY(map_copy(job, h->elems.data[i].addr, h->len, &data));
		lost += !data;
		if (data)
			row->entries[row->nr_entries++] = (struct map_entry){
				.key = data, .value = data + h->value_at,
			};
	}
	return lost ? map_unreadable(job, "%zu entries unreadable", lost) : NULL;
}

struct err *map_rhash(struct map_job *job)
{
	struct rhash_walk h = { .job = job, .cap = map_cap(job, WALK_ENTRIES_DEFAULT) };
	const struct map_row *row = job->row;

	TRY(klayout(job->mw->k, rhash_members, ARRAY_SIZE(rhash_members), &h.l, NULL));
	if (!h.l.map.present || !h.l.ht.present || !h.l.node.present || !h.l.data.present)
		return map_no_layout(job, "struct bpf_rhtab");
	h.value_at = align_up(row->key_size, 8);
	h.len = h.value_at + row->value_size;

	struct err *e = find_elems(&h);
	if (!e)
		e = read_elems(&h);
	if (!e && (job->capped || job->out_of_bytes))
		e = map_note(job, "resizable hash truncated at %zu entries (max_entries=%" PRIu32 ")",
			     row->nr_entries, row->max_entries);
	free(h.elems.data);
	return e;
}
