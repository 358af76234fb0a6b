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
#include "walk/map-locks.h"

enum { RING_MAX = 256 }; /* values of one cgroup looked at for the cgroup itself */

struct cgroup_layout {
	struct member map, list;
	struct member node, key, buf, percpu_buf, data;
	struct member of_cgroup, key_id, key_attach, storages;
};

static const struct layout_member cgroup_members[] = {
	LAYOUT(struct cgroup_layout, map, "bpf_cgroup_storage_map", "map"),
	LAYOUT(struct cgroup_layout, list, "bpf_cgroup_storage_map", "list"),
	LAYOUT(struct cgroup_layout, node, "bpf_cgroup_storage", "list_map"),
	LAYOUT(struct cgroup_layout, key, "bpf_cgroup_storage", "key"),
	LAYOUT(struct cgroup_layout, buf, "bpf_cgroup_storage", "buf"),
	LAYOUT(struct cgroup_layout, percpu_buf, "bpf_cgroup_storage", "percpu_buf"),
	LAYOUT(struct cgroup_layout, data, "bpf_storage_buffer", "data"),
	LAYOUT_OPT(struct cgroup_layout, of_cgroup, "bpf_cgroup_storage", "list_cg"), /* 5.9 */
	LAYOUT_OPT(struct cgroup_layout, key_id, "bpf_cgroup_storage_key", "cgroup_inode_id"),
	LAYOUT_OPT(struct cgroup_layout, key_attach, "bpf_cgroup_storage_key", "attach_type"),
	LAYOUT_OPT(struct cgroup_layout, storages, "cgroup", "bpf.storages"),
};

struct cgroup_walk {
	struct map_job *job;
	struct cgroup_layout l;
	uint64_t cap, cost;
	VEC(struct kva) found; /* struct bpf_cgroup_storage */
	size_t nameless;       /* of which the cgroup was not found */
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

/* Whether this is the struct cgroup that has the id. */
static struct err *has_id(struct map_job *job, struct kva cgroup, uint64_t id, bool *ret)
{
	const struct objs_layout *l = &job->mw->objs.l;
	struct kernel *k = job->mw->k;
	struct kva kn;
	uint64_t v = 0;
	_cleanup_err_ struct err *e = kget_kva(k, cgroup, &l->cgroup_kn, &kn);

	if (!e)
		e = kget(k, kn, &l->kn_id, &v);
	*ret = !e && v == id;
	return walk_is_fatal(e) ? take_ptr(e) : NULL;
}

/*
 * The values of a cgroup are on a list whose head is in the cgroup. A head looks like any other link, but only
 * around the head there is an object with the very id.
 */
static struct err *find_cgroup(struct cgroup_walk *c, struct kva storage, uint64_t id, struct kva *ret)
{
	struct kva first = kmember(storage, &c->l.of_cgroup), at = first;

	*ret = (struct kva){ 0 };
	for (int i = 0; i < RING_MAX; i++) {
		bool same;
		_cleanup_err_ struct err *e = kread_kva(c->job->mw->k, at, &at);

		if (e)
			return walk_is_fatal(e) ? take_ptr(e) : NULL;
		if (at.v == first.v)
			return NULL;
		TRY(has_id(c->job, (struct kva){ at.v - c->l.storages.off }, id, &same));
		if (!same)
			continue;
		ret->v = at.v - c->l.storages.off;
		return NULL;
	}
	return NULL;
}

/* What the key's numbers stand for. */
static struct err *explain_key(struct cgroup_walk *c, struct kva storage, struct map_entry *entry)
{
	const struct cgroup_layout *l = &c->l;
	struct objs *o = &c->job->mw->objs;
	uint32_t size = c->job->row->key_size;
	struct facts *facts = pool_calloc(o->pool, 1, sizeof(*facts));
	struct kva cgroup = { 0 };
	const char *name;

	if (!facts)
		return &err_nomem;
	entry->facts = facts;
	if (member_fits(&l->key_id, size) && l->of_cgroup.present && l->storages.present)
		TRY(find_cgroup(c, storage, member_get(&l->key_id, entry->key), &cgroup));
	struct err *e = cgroup.v ? objs_cgroup(o, cgroup, facts) : NULL;
	if (walk_is_fatal(e))
		return e;
	c->nameless += !cgroup.v || e;
	err_free(e);
	if (!member_fits(&l->key_attach, size))
		return NULL;
	TRY(objs_enum(o, "bpf_attach_type", "BPF_", member_get(&l->key_attach, entry->key), &name));
	return facts_text(facts, o->pool, "attach_type_name", name);
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
	TRY(explain_key(c, storage, entry));
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
	if (c->nameless)
		TRY(map_note(job, "%zu cgroups are known by their id only", c->nameless));
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

	struct held_lock where = { .what = "list of cgroups", .kva.v = row->kva.v - l->map.off };
	TRY(map_lock_check(job, &where, "bpf_cgroup_storage_map", "lock"));

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
