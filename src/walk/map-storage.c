/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_local_storage_map (kernel/bpf/bpf_local_storage.c): TASK_STORAGE, CGRP_STORAGE,
 * INODE_STORAGE, SK_STORAGE.
 *
 * All values of a map hang on its few buckets.  An element that is on its way out has no local_storage any
 * more, or one without an owner; one whose smap is another map has been freed and used again.  Neither
 * is an entry of this map.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/addr-set.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "walk/map-locks.h"
#include "walk/map-owner.h"

enum {
	BUCKET_LOG_MAX = 16, /* the kernel takes one per possible CPU, but at least two */
	ELEM_MAX = 1 << 12,  /* bytes of struct bpf_local_storage_elem before the value; some 100 */
};

struct storage_layout {
	struct member map, buckets, bucket_log;
	struct member bucket, bucket_first;
	struct member next, local_storage, smap, data;
	struct member owner;
};

static const struct layout_member storage_members[] = {
	LAYOUT(struct storage_layout, map, "bpf_local_storage_map", "map"),
	LAYOUT(struct storage_layout, buckets, "bpf_local_storage_map", "buckets"),
	LAYOUT(struct storage_layout, bucket_log, "bpf_local_storage_map", "bucket_log"),
	LAYOUT(struct storage_layout, bucket, "bpf_local_storage_map_bucket", ""),
	LAYOUT(struct storage_layout, bucket_first, "bpf_local_storage_map_bucket", "list.first"),
	LAYOUT(struct storage_layout, next, "bpf_local_storage_elem", "map_node.next"),
	LAYOUT(struct storage_layout, local_storage, "bpf_local_storage_elem", "local_storage"),
	LAYOUT(struct storage_layout, smap, "bpf_local_storage_elem", "sdata.smap"),
	LAYOUT(struct storage_layout, data, "bpf_local_storage_elem", "sdata.data"),
	LAYOUT(struct storage_layout, owner, "bpf_local_storage", "owner"),
};

/* An element found. */
struct elem {
	struct kva local_storage;
	const uint8_t *value; /* in the pool; NULL: unreadable */
};

struct storage_walk {
	struct map_job *job;
	struct storage_layout l;
	enum map_owner_kind kind;
	struct kva map; /* struct bpf_local_storage_map */
	uint64_t cap;
	struct addr_set seen;
	VEC(struct kva) chains; /* the next node of each list being followed */
	VEC(struct elem) elems;
	struct krange *ranges; /* [MAP_RANGES] */
	size_t lost, lost_values, lost_owners, strays, leaving;
};

static void storage_walk_deinit(struct storage_walk *s)
{
	addr_set_deinit(&s->seen);
	free(s->chains.data);
	free(s->elems.data);
	free(s->ranges);
}

static bool full(const struct storage_walk *s)
{
	return s->job->capped || s->job->out_of_bytes;
}

/* kprefetch() of nr ranges, range i as fn has it. */
static void prefetch_all(struct storage_walk *s, size_t nr,
			 struct krange (*fn)(const struct storage_walk *s, size_t i))
{
	for (size_t i = 0, n; i < nr; i += n) {
		n = MIN(nr - i, (size_t)MAP_RANGES);
		for (size_t j = 0; j < n; j++)
			s->ranges[j] = fn(s, i + j);
		kprefetch(s->job->mw->k, s->ranges, n);
	}
}

/* The nodes are map_node, the first member, but nobody promises that: next.off is where it is. */
static struct kva elem_of(const struct storage_walk *s, struct kva node)
{
	return (struct kva){ node.v - s->l.next.off };
}

static struct err *take_elem(struct storage_walk *s, struct kva elem, const uint8_t *head)
{
	const struct storage_layout *l = &s->l;
	struct map_job *job = s->job;
	uint32_t value_size = job->row->value_size;
	struct kva storage = { member_get(&l->local_storage, head) };

	if (member_get(&l->smap, head) != s->map.v) {
		s->leaving++;
		return NULL;
	}
	if (!storage.v) {
		s->leaving++;
		return NULL;
	}
	if (s->elems.nr == s->cap) {
		job->capped = true;
		return NULL;
	}
	if (!map_take(job, (uint64_t)value_size + sizeof(struct map_entry) + sizeof(struct map_owner)))
		return NULL;

	struct elem *e = vec_push(&s->elems);
	if (!e)
		return &err_nomem;
	e->local_storage = storage;
	TRY(map_copy(job, kmember(elem, &l->data), value_size, &e->value));
	s->lost_values += !e->value;
	return NULL;
}

/* Takes the element that a list has come to; *node becomes the next one, 0 at the end. */
static struct err *chain_step(struct storage_walk *s, struct kva *node)
{
	uint8_t head[ELEM_MAX];
	struct kva elem = elem_of(s, *node);
	bool is_new;

	TRY(addr_set_add(&s->seen, node->v, &is_new));
	node->v = 0;
	if (!is_new) {
		s->strays++;
		return NULL;
	}

	_cleanup_err_ struct err *e = kread(s->job->mw->k, elem, head, s->l.data.off);
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e) {
		s->lost++;
		return NULL;
	}
	node->v = member_get(&s->l.next, head);
	return take_elem(s, elem, head);
}

static struct krange chain_range(const struct storage_walk *s, size_t i)
{
	return (struct krange){ elem_of(s, s->chains.data[i]),
				s->l.data.off + (size_t)s->job->row->value_size };
}

static struct err *walk_chains(struct storage_walk *s)
{
	while (s->chains.nr && !full(s)) {
		size_t live = 0;

		prefetch_all(s, s->chains.nr, chain_range);
		for (size_t i = 0; i < s->chains.nr && !full(s); i++) {
			struct kva node = s->chains.data[i];

			TRY(chain_step(s, &node));
			if (node.v)
				s->chains.data[live++] = node;
		}
		s->chains.nr = live;
	}
	return NULL;
}

static struct err *start_chains(struct storage_walk *s, struct kva buckets, uint64_t nr)
{
	struct kernel *k = s->job->mw->k;
	size_t size = s->l.bucket.size, lost = 0;

	kprefetch(k, &(struct krange){ buckets, nr * size }, 1);
	for (uint64_t i = 0; i < nr; i++) {
		struct kva first;
		_cleanup_err_ struct err *e = kget_kva(k, (struct kva){ buckets.v + i * size },
						       &s->l.bucket_first, &first);

		if (walk_is_fatal(e))
			return take_ptr(e);
		lost += !!e;
		if (e)
			continue;
		struct held_lock where = { .what = "bucket", .has_index = true, .index = i };
		where.kva.v = buckets.v + i * size;
		TRY(map_lock_check(s->job, &where, "bpf_local_storage_map_bucket", "lock"));
		if (!first.v)
			continue;
		struct kva *c = vec_push(&s->chains);
		if (!c)
			return &err_nomem;
		*c = first;
	}
	return lost ? map_unreadable(s->job, "%zu buckets unreadable", lost) : NULL;
}

static struct krange storage_range(const struct storage_walk *s, size_t i)
{
	return (struct krange){ kmember(s->elems.data[i].local_storage, &s->l.owner), 8 };
}

/* Entries in the order of the owners' addresses: that of the buckets is by a hash. */
static int entry_cmp(const void *a, const void *b)
{
	const struct map_entry *x = a, *y = b;

	return x->owner->kva.v < y->owner->kva.v ? -1 : x->owner->kva.v > y->owner->kva.v;
}

static struct err *make_entries(struct storage_walk *s, struct map_owner *owners)
{
	struct map_job *job = s->job;
	struct map_row *row = job->row;

	prefetch_all(s, s->elems.nr, storage_range);
	for (size_t i = 0; i < s->elems.nr; i++) {
		struct kva owner;
		_cleanup_err_ struct err *e =
			kget_kva(job->mw->k, s->elems.data[i].local_storage, &s->l.owner, &owner);

		if (walk_is_fatal(e))
			return take_ptr(e);
		s->lost_owners += !!e;
		/* bpf_task_storage_free() and its like: the owner is going away. */
		s->leaving += !e && !owner.v;
		if (e || !owner.v)
			continue;

		struct map_entry *entry = &row->entries[row->nr_entries];
		struct map_owner *o = &owners[row->nr_entries++];
		*o = (struct map_owner){ .kva = owner, .kind = s->kind };
		entry->owner = o;
		entry->value = s->elems.data[i].value;
	}
	return NULL;
}

static struct err *read_owners(struct storage_walk *s, struct map_owner *owners)
{
	struct map_job *job = s->job;
	size_t nr = job->row->nr_entries;
	struct owner_layout l;

	TRY(owner_layout(job->mw->k, &l));
	for (size_t i = 0, n; i < nr; i += n) {
		n = MIN(nr - i, (size_t)MAP_RANGES);
		for (size_t j = 0; j < n; j++)
			s->ranges[j] = owner_range(job, &l, s->kind, owners[i + j].kva);
		kprefetch(job->mw->k, s->ranges, n);
	}
	for (size_t i = 0; i < nr; i++)
		TRY(owner_read(job, &l, &owners[i]));
	return NULL;
}

static struct err *notes(struct storage_walk *s)
{
	struct map_job *job = s->job;
	size_t nameless = 0;

	if (full(s))
		TRY(map_note(job, "local_storage map truncated at %zu entries", job->row->nr_entries));
	if (s->lost)
		TRY(map_unreadable(job, "%zu lists end in unreadable entries", s->lost));
	if (s->lost_values)
		TRY(map_unreadable(job, "%zu values unreadable", s->lost_values));
	if (s->lost_owners)
		TRY(map_unreadable(job, "owners of %zu values unreadable", s->lost_owners));
	for (size_t i = 0; i < job->row->nr_entries; i++)
		nameless += job->row->entries[i].owner->why != NULL;
	if (nameless)
		TRY(map_unreadable(job, "%zu owners are known by their address only", nameless));
	if (s->leaving)
		TRY(map_note(job, "%zu values left out: being freed when the guest was stopped", s->leaving));
	if (s->strays)
		TRY(map_implausible(job, "%zu bucket lists loop or run into another", s->strays));
	return NULL;
}

static struct err *storage_init(struct storage_walk *s, struct kva *buckets, uint64_t *nr, bool *usable)
{
	const struct storage_layout *l = &s->l;
	struct map_job *job = s->job;
	uint64_t log;
	bool ok;

	*usable = false;
	TRY(klayout(job->mw->k, storage_members, ARRAY_SIZE(storage_members), &s->l, NULL));
	if (!l->map.present || !l->buckets.present || !l->bucket_log.present || !l->bucket.present ||
	    !l->bucket_first.present || !l->data.present || l->data.off > ELEM_MAX ||
	    !member_fits(&l->next, l->data.off) || !member_fits(&l->local_storage, l->data.off) ||
	    !member_fits(&l->smap, l->data.off) || !l->owner.present)
		return map_no_layout(job, "struct bpf_local_storage_map");

	s->map.v = job->row->kva.v - l->map.off;
	s->cap = map_cap(job, WALK_ENTRIES_DEFAULT);
	TRY(map_get(job, "bucket_log", s->map, &l->bucket_log, &log, &ok));
	if (ok)
		TRY(map_get(job, "buckets", s->map, &l->buckets, &buckets->v, &ok));
	if (!ok)
		return NULL;
	if (log > BUCKET_LOG_MAX)
		return map_implausible(job, "2^%" PRIu64 " buckets", log);
	*nr = 1ULL << log;
	s->ranges = calloc(MAP_RANGES, sizeof(*s->ranges));
	*usable = true;
	return s->ranges ? NULL : &err_nomem;
}

static struct err *storage_read(struct map_job *job, enum map_owner_kind kind)
{
	_cleanup_(storage_walk_deinit) struct storage_walk s = { .job = job, .kind = kind };
	struct map_row *row = job->row;
	struct kva buckets;
	uint64_t nr;
	bool usable;

	TRY(storage_init(&s, &buckets, &nr, &usable));
	if (!usable)
		return NULL;
	TRY(start_chains(&s, buckets, nr));
	TRY(walk_chains(&s));

	struct map_owner *owners = pool_calloc(job->mw->pool, s.elems.nr, sizeof(*owners));
	row->entries = pool_calloc(job->mw->pool, s.elems.nr, sizeof(*row->entries));
	if (!owners || !row->entries)
		return &err_nomem;
	row->body = MAP_BODY_ENTRIES;
	TRY(make_entries(&s, owners));
	TRY(read_owners(&s, owners));
	if (row->nr_entries)
		qsort(row->entries, row->nr_entries, sizeof(*row->entries), entry_cmp);
	return notes(&s);
}

struct err *map_task_storage(struct map_job *job)
{
	return storage_read(job, OWNER_TASK);
}

struct err *map_cgrp_storage(struct map_job *job)
{
	return storage_read(job, OWNER_CGROUP);
}

struct err *map_inode_storage(struct map_job *job)
{
	return storage_read(job, OWNER_INODE);
}

struct err *map_sk_storage(struct map_job *job)
{
	return storage_read(job, OWNER_SOCKET);
}
