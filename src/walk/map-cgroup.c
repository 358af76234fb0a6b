/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_cgroup_storage_map (kernel/bpf/local_storage.c): CGROUP_STORAGE and PERCPU_CGROUP_STORAGE, the
 * values that programs attached to a cgroup share.  The key is the cgroup's id, alone or with the
 * type of the attachment.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "kernel/containers.h"

struct cgroup_layout {
	struct member map, list;
	struct member node, key, buf, percpu_buf, data;
};

static const struct layout_member cgroup_members[] = {
	LAYOUT(struct cgroup_layout, map, "bpf_cgroup_storage_map", "map"),
	LAYOUT(struct cgroup_layout, list, "bpf_cgroup_storage_map", "list"),
	LAYOUT(struct cgroup_layout, node, "bpf_cgroup_storage", "list_map"),
	LAYOUT(struct cgroup_layout, key, "bpf_cgroup_storage", "key"),
	LAYOUT(struct cgroup_layout, buf, "bpf_cgroup_storage", "buf"),
	LAYOUT(struct cgroup_layout, percpu_buf, "bpf_cgroup_storage", "percpu_buf"),
	LAYOUT(struct cgroup_layout, data, "bpf_storage_buffer", "data"),
};

struct cgroup_walk {
	struct map_job *job;
	struct cgroup_layout l;
	uint64_t cap, cost;
	VEC(struct kva) found; /* struct bpf_cgroup_storage */
	bool nomem;
};

static bool on_storage(void *ctx, struct kva node)
{
	struct cgroup_walk *c = ctx;

	if (c->found.nr == c->cap) {
		c->job->capped = true;
		return false;
	}
	if (!map_take(c->job, c->cost))
		return false;

	struct kva *storage = vec_push(&c->found);
	c->nomem = !storage;
	if (storage)
		storage->v = node.v - c->l.node.off;
	return !c->nomem;
}

static struct err *find_storages(struct cgroup_walk *c)
{
	struct map_job *job = c->job;
	struct kva head = { job->row->kva.v - c->l.map.off + c->l.list.off };
	_cleanup_err_ struct err *why = NULL;

	/* One more than the cap, so that it is on_storage() that says stop. */
	uint64_t max = c->cap == UINT64_MAX ? c->cap : c->cap + 1;
	enum walk_end end = klist_walk(job->mw->k, head, max, on_storage, c, &why);
	if (c->nomem)
		return &err_nomem;
	if (walk_is_fatal(why))
		return take_ptr(why);
	if (end == WALK_BROKEN)
		return map_unreadable(job, "list of cgroups: %s", why ? why->msg : walk_end_text(end));
	if (end == WALK_LOOP)
		return map_implausible(job, "list of cgroups: %s", walk_end_text(end));
	return NULL;
}

/* Adds an entry with its key; *buf is where its value is, 0 if that cannot be told. */
static struct err *read_entry(struct cgroup_walk *c, struct kva storage, bool percpu, struct kva *buf)
{
	struct map_job *job = c->job;
	struct map_row *row = job->row;
	struct map_entry *entry = &row->entries[row->nr_entries];

	TRY(map_copy(job, kmember(storage, &c->l.key), row->key_size, &entry->key));
	struct err *e = kget_kva(job->mw->k, storage, percpu ? &c->l.percpu_buf : &c->l.buf, buf);
	if (walk_is_fatal(e))
		return e;
	if (e || !entry->key) {
		err_free(e);
		return map_unreadable(job, "the entry at 0x%" PRIx64 " is unreadable", storage.v);
	}
	if (!percpu)
		TRY(map_copy(job, kmember(*buf, &c->l.data), row->value_size, &entry->value));
	row->nr_entries++;
	if (!percpu && !entry->value)
		return map_unreadable(job, "a value is unreadable");
	return NULL;
}

static struct err *read_storages(struct cgroup_walk *c, bool percpu)
{
	struct map_job *job = c->job;
	struct map_row *row = job->row;
	size_t nr = c->found.nr, lost = 0;
	uint64_t *pptrs = pool_calloc(job->mw->pool, nr, sizeof(*pptrs));

	row->body = percpu ? MAP_BODY_PERCPU_HASH : MAP_BODY_ENTRIES;
	row->entries = pool_calloc(job->mw->pool, nr, sizeof(*row->entries));
	if (!row->entries || !pptrs)
		return &err_nomem;
	for (size_t i = 0; i < nr; i++) {
		size_t at = row->nr_entries;
		struct kva buf = { 0 };

		TRY(read_entry(c, c->found.data[i], percpu, &buf));
		if (row->nr_entries > at)
			pptrs[at] = buf.v;
	}
	if (percpu)
		TRY(map_percpu_fill(job, row->entries, pptrs, row->nr_entries, &lost));
	return lost ? map_unreadable(job, "%zu per-CPU values unreadable", lost) : NULL;
}

static struct err *cgroup_read(struct map_job *job, bool percpu)
{
	struct cgroup_walk c = { .job = job, .cap = map_cap(job, WALK_ENTRIES_DEFAULT) };
	const struct cgroup_layout *l = &c.l;
	const struct map_row *row = job->row;

	TRY(klayout(job->mw->k, cgroup_members, ARRAY_SIZE(cgroup_members), &c.l, NULL));
	if (!l->map.present || !l->list.present || !l->node.present || !l->key.present ||
	    !l->buf.present || !l->percpu_buf.present || !l->data.present)
		return map_no_layout(job, "struct bpf_cgroup_storage_map");
	/* cgroup_storage_map_alloc() takes two kinds of key. */
	if (row->key_size > l->key.size)
		return map_implausible(job, "keys of %" PRIu32 " bytes", row->key_size);
	c.cost = row->key_size + sizeof(struct map_entry) +
		 (percpu ? map_percpu_cost(job) : row->value_size);

	struct err *e = find_storages(&c);
	if (!e)
		e = read_storages(&c, percpu);
	if (!e && (job->capped || job->out_of_bytes))
		e = map_note(job, "truncated at %zu cgroups", row->nr_entries);
	free(c.found.data);
	return e;
}

struct err *map_cgroup_storage(struct map_job *job)
{
	return cgroup_read(job, false);
}

struct err *map_percpu_cgroup_storage(struct map_job *job)
{
	return cgroup_read(job, true);
}
