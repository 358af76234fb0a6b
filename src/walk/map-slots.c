/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps of file descriptors.  User space puts descriptors in and gets ids out; the kernel keeps pointers, each
 * type of map in a structure of its own: in the map itself (PROG_ARRAY and the like, XSKMAP,
 * REUSEPORT_SOCKARRAY), in a table that the map points to (DEVMAP, CPUMAP, SOCKMAP), or in buckets (DEVMAP_HASH,
 * SOCKHASH, HASH_OF_MAPS).
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/addr-set.h"
#include "base/cleanup.h"
#include "kernel/containers.h"
#include "walk/map-locks.h"

enum {
	PROG_ARRAY = 3,
	PERF_EVENT_ARRAY = 4,
	CGROUP_ARRAY = 8,
	ARRAY_OF_MAPS = 12,
	HASH_OF_MAPS = 13,
	DEVMAP = 14,
	SOCKMAP = 15,
	CPUMAP = 16,
	XSKMAP = 17,
	SOCKHASH = 18,
	REUSEPORT_SOCKARRAY = 20,
	DEVMAP_HASH = 25,

	KEY_MAX = 4096, /* bytes of a SOCKHASH's key; the kernel has MAX_BPF_STACK 512 */
};

static const struct layout_member members[] = {
	LAYOUT(struct slots_layout, array_map, "bpf_array", "map"),
	LAYOUT(struct slots_layout, array_ptrs, "bpf_array", "ptrs"),
	LAYOUT(struct slots_layout, event_entry_event, "bpf_event_entry", "event"),
	LAYOUT_OPT(struct slots_layout, dtab_map, "bpf_dtab", "map"),
	LAYOUT_OPT(struct slots_layout, dtab_slots, "bpf_dtab", "netdev_map"),
	LAYOUT_OPT(struct slots_layout, dtab_heads, "bpf_dtab", "dev_index_head"),
	LAYOUT_OPT(struct slots_layout, dtab_nr_heads, "bpf_dtab", "n_buckets"),
	LAYOUT_OPT(struct slots_layout, netdev_dev, "bpf_dtab_netdev", "dev"),
	LAYOUT_OPT(struct slots_layout, netdev_hlist, "bpf_dtab_netdev", "index_hlist"),
	LAYOUT_OPT(struct slots_layout, netdev_idx, "bpf_dtab_netdev", "idx"),
	LAYOUT_OPT(struct slots_layout, netdev_prog, "bpf_dtab_netdev", "xdp_prog"),
	LAYOUT_OPT(struct slots_layout, cpumap_map, "bpf_cpu_map", "map"),
	LAYOUT_OPT(struct slots_layout, cpumap_slots, "bpf_cpu_map", "cpu_map"),
	LAYOUT_OPT(struct slots_layout, cpu_cpu, "bpf_cpu_map_entry", "cpu"),
	LAYOUT_OPT(struct slots_layout, cpu_qsize, "bpf_cpu_map_entry", "value.qsize"),
	LAYOUT_OPT(struct slots_layout, cpu_prog, "bpf_cpu_map_entry", "prog"),
	LAYOUT_OPT(struct slots_layout, xsk_map, "xsk_map", "map"),
	LAYOUT_OPT(struct slots_layout, xsk_slots, "xsk_map", "xsk_map"),
	LAYOUT_OPT(struct slots_layout, xsk_dev, "xdp_sock", "dev"),
	LAYOUT_OPT(struct slots_layout, xsk_queue, "xdp_sock", "queue_id"),
	LAYOUT_OPT(struct slots_layout, stab_map, "bpf_stab", "map"),
	LAYOUT_OPT(struct slots_layout, stab_slots, "bpf_stab", "sks"),
	LAYOUT_OPT(struct slots_layout, shtab_map, "bpf_shtab", "map"),
	LAYOUT_OPT(struct slots_layout, shtab_buckets, "bpf_shtab", "buckets"),
	LAYOUT_OPT(struct slots_layout, shtab_nr_buckets, "bpf_shtab", "buckets_num"),
	LAYOUT_OPT(struct slots_layout, shtab_bucket, "bpf_shtab_bucket", ""),
	LAYOUT_OPT(struct slots_layout, shtab_bucket_head, "bpf_shtab_bucket", "head"),
	LAYOUT_OPT(struct slots_layout, shelem_node, "bpf_shtab_elem", "node"),
	LAYOUT_OPT(struct slots_layout, shelem_sk, "bpf_shtab_elem", "sk"),
	LAYOUT_OPT(struct slots_layout, shelem_key, "bpf_shtab_elem", "key"),
	LAYOUT_OPT(struct slots_layout, reuse_map, "reuseport_array", "map"),
	LAYOUT_OPT(struct slots_layout, reuse_slots, "reuseport_array", "ptrs"),
};

struct err *slots_layout(struct kernel *k, struct slots_layout *l)
{
	uint32_t id;

	TRY(klayout(k, members, ARRAY_SIZE(members), l, NULL));
	l->shtab_bucket_lock.present = false;
	_cleanup_err_ struct err *e = types_find(k->types, BTF_KIND_STRUCT, "bpf_shtab_bucket", &id);
	if (e)
		return walk_is_fatal(e) ? take_ptr(e) : NULL;
	return lock_member(k->types, id, "lock", &l->shtab_bucket_lock);
}

/* ---- what a slot's pointer leads to */

static struct err *opt_prog(struct map_job *job, struct kva obj, const struct member *m, struct facts *facts)
{
	struct kva prog;

	if (!m->present)
		return NULL;
	TRY(kget_kva(job->mw->k, obj, m, &prog));
	return prog.v ? objs_prog(&job->mw->objs, prog, facts) : NULL;
}

static struct err *describe_event(struct map_job *job, struct map_slot *slot)
{
	struct kva event;

	TRY(kget_kva(job->mw->k, slot->kva, &job->mw->slots.event_entry_event, &event));
	return objs_event(&job->mw->objs, event, &slot->facts);
}

static struct err *describe_dev(struct map_job *job, struct map_slot *slot)
{
	const struct slots_layout *l = &job->mw->slots;
	struct kva dev;

	TRY(kget_kva(job->mw->k, slot->kva, &l->netdev_dev, &dev));
	TRY(objs_dev(&job->mw->objs, dev, &slot->facts));
	return opt_prog(job, slot->kva, &l->netdev_prog, &slot->facts);
}

static struct err *describe_cpu(struct map_job *job, struct map_slot *slot)
{
	const struct slots_layout *l = &job->mw->slots;
	uint64_t v;

	TRY(kget(job->mw->k, slot->kva, &l->cpu_cpu, &v));
	TRY(facts_num(&slot->facts, job->mw->pool, "cpu", v));
	TRY(kget(job->mw->k, slot->kva, &l->cpu_qsize, &v));
	TRY(facts_num(&slot->facts, job->mw->pool, "qsize", v));
	return opt_prog(job, slot->kva, &l->cpu_prog, &slot->facts);
}

/* struct xdp_sock begins with its struct sock. */
static struct err *describe_xsk(struct map_job *job, struct map_slot *slot)
{
	const struct slots_layout *l = &job->mw->slots;
	struct kva dev;
	uint64_t v;

	TRY(objs_sock(&job->mw->objs, slot->kva, &slot->facts));
	TRY(kget(job->mw->k, slot->kva, &l->xsk_queue, &v));
	TRY(facts_num(&slot->facts, job->mw->pool, "queue_id", v));
	TRY(kget_kva(job->mw->k, slot->kva, &l->xsk_dev, &dev));
	return dev.v ? objs_dev(&job->mw->objs, dev, &slot->facts) : NULL;
}

static struct err *describe(struct map_job *job, struct map_slot *slot)
{
	struct objs *o = &job->mw->objs;

	switch (job->row->type) {
	case PROG_ARRAY:
		return objs_prog(o, slot->kva, &slot->facts);
	case PERF_EVENT_ARRAY:
		return describe_event(job, slot);
	case CGROUP_ARRAY:
		return objs_cgroup(o, slot->kva, &slot->facts);
	case ARRAY_OF_MAPS:
	case HASH_OF_MAPS:
		return objs_map(o, slot->kva, &slot->facts);
	case DEVMAP:
	case DEVMAP_HASH:
		return describe_dev(job, slot);
	case CPUMAP:
		return describe_cpu(job, slot);
	case XSKMAP:
		return describe_xsk(job, slot);
	case SOCKMAP:
	case SOCKHASH:
	case REUSEPORT_SOCKARRAY:
		return objs_sock(o, slot->kva, &slot->facts);
	}
	return NULL;
}

struct describe_ctx {
	struct map_job *job;
	struct err *fatal;
};

static void describe_fiber(void *ctx, size_t i)
{
	struct describe_ctx *c = ctx;
	struct map_slot *slot = &c->job->row->slots->slots[i];
	bool unreadable = false;

	if (c->fatal)
		return;
	struct err *e = objs_lost(&c->job->mw->objs, describe(c->job, slot), &slot->error, &unreadable);
	if (c->fatal)
		err_free(e);
	else
		c->fatal = e;
}

struct err *map_slots_describe(struct map_job *job)
{
	const struct slots_body *s = job->row->slots;
	struct describe_ctx c = { .job = job };
	size_t lost = 0;

	mem_each(job->mw->k->mem, s->nr, describe_fiber, &c);
	if (c.fatal)
		return c.fatal;
	for (size_t i = 0; i < s->nr; i++)
		lost += s->slots[i].error != NULL;
	return lost ? map_unreadable(job, "what %zu slots hold is not all readable", lost) : NULL;
}

/* ---- arrays */

/* Where the pointers are: in the map, or where the map points. */
struct slots_at {
	const struct member *map, *slots;
	bool behind_pointer;
	const char *what;
};

static bool find_slots(const struct map_job *job, struct slots_at *at)
{
	const struct slots_layout *l = &job->mw->slots;

	switch (job->row->type) {
	case DEVMAP:
		*at = (struct slots_at){ &l->dtab_map, &l->dtab_slots, true, "struct bpf_dtab" };
		break;
	case SOCKMAP:
		*at = (struct slots_at){ &l->stab_map, &l->stab_slots, true, "struct bpf_stab" };
		break;
	case CPUMAP:
		*at = (struct slots_at){ &l->cpumap_map, &l->cpumap_slots, true, "struct bpf_cpu_map" };
		break;
	case XSKMAP:
		*at = (struct slots_at){ &l->xsk_map, &l->xsk_slots, false, "struct xsk_map" };
		break;
	case REUSEPORT_SOCKARRAY:
		*at = (struct slots_at){ &l->reuse_map, &l->reuse_slots, false, "struct reuseport_array" };
		break;
	default:
		*at = (struct slots_at){ &l->array_map, &l->array_ptrs, false, "struct bpf_array" };
		break;
	}
	return at->map->present && at->slots->present;
}

/* Fills ptrs[nr]; those that cannot be read are 0 and counted. */
static struct err *read_pointers(struct map_job *job, struct kva addr, uint64_t *ptrs, size_t nr,
				 uint64_t *unread)
{
	struct kernel *k = job->mw->k;

	kprefetch(k, &(struct krange){ addr, nr * 8 }, 1);
	for (size_t i = 0; i < nr; i++) {
		struct err *e = kread_u64(k, (struct kva){ addr.v + 8 * i }, &ptrs[i]);

		if (walk_is_fatal(e))
			return e;
		if (e) {
			ptrs[i] = 0;
			++*unread;
		}
		err_free(e);
	}
	return NULL;
}

/* How many slots to look at; what that leaves out is noted. */
static struct err *count_slots(struct map_job *job, uint64_t *ret)
{
	uint64_t nr = job->row->max_entries, cap = map_cap(job, WALK_ENTRIES_DEFAULT);
	uint64_t cost = 2 * sizeof(uint64_t) + sizeof(struct map_slot);

	if (nr > cap) {
		nr = cap;
		job->capped = true;
	}
	if (nr > job->bytes / cost) {
		nr = job->bytes / cost;
		job->out_of_bytes = true;
	}
	job->bytes -= nr * cost;
	*ret = nr;
	if (nr < job->row->max_entries)
		return map_note(job, "truncated at %" PRIu64 " slots (max_entries=%" PRIu32 ")", nr,
				job->row->max_entries);
	return NULL;
}

static struct err *new_body(struct map_job *job, size_t room, bool hash)
{
	struct slots_body *s = pool_alloc(job->mw->pool, sizeof(*s));

	if (!s)
		return &err_nomem;
	s->slots = pool_calloc(job->mw->pool, room, sizeof(*s->slots));
	if (!s->slots)
		return &err_nomem;
	s->hash = hash;
	job->row->body = MAP_BODY_SLOTS;
	job->row->slots = s;
	return NULL;
}

/* Eats an error that only this map has. */
static struct err *lost(struct map_job *job, const char *what, struct err *e)
{
	if (walk_is_fatal(e))
		return e;
	struct err *failed = map_unreadable(job, "%s: %s", what, e->msg);
	err_free(e);
	return failed;
}

/* Which programs may be called from the map, or run by its devices and CPUs. */
static struct err *tell_prog_owner(struct map_job *job)
{
	switch (job->row->type) {
	case PROG_ARRAY:
	case DEVMAP:
	case DEVMAP_HASH:
	case CPUMAP:
		break;
	default:
		return NULL;
	}
	struct err *e = objs_map_owner(&job->mw->objs, job->row->kva, &job->row->prog_owner);
	return e ? lost(job, "owner", e) : NULL;
}

/* The lock that a map of such a type has for all of it, if it has one. */
static struct err *look_at_lock(struct map_job *job)
{
	const struct slots_layout *l = &job->mw->slots;
	struct held_lock where = { .what = "map" };

	switch (job->row->type) {
	case SOCKMAP:
		where.kva.v = job->row->kva.v - l->stab_map.off;
		return l->stab_map.present ? map_lock_check(job, &where, "bpf_stab", "lock") : NULL;
	case XSKMAP:
		where.kva.v = job->row->kva.v - l->xsk_map.off;
		return l->xsk_map.present ? map_lock_check(job, &where, "xsk_map", "lock") : NULL;
	case DEVMAP_HASH:
		where.kva.v = job->row->kva.v - l->dtab_map.off;
		return l->dtab_map.present ? map_lock_check(job, &where, "bpf_dtab", "index_lock") : NULL;
	}
	return NULL;
}

struct err *map_slots(struct map_job *job)
{
	struct slots_at at;
	uint64_t nr;

	TRY(tell_prog_owner(job));
	TRY(look_at_lock(job));

	if (!find_slots(job, &at))
		return map_no_layout(job, at.what);
	struct kva base = { job->row->kva.v - at.map->off + at.slots->off };
	if (at.behind_pointer) {
		struct err *e = kread_kva(job->mw->k, base, &base);

		if (e)
			return lost(job, at.what, e);
	}
	TRY(count_slots(job, &nr));
	_cleanup_free_ uint64_t *ptrs = calloc(nr + 1, sizeof(*ptrs));
	if (!ptrs)
		return &err_nomem;
	uint64_t unread = 0;
	TRY(read_pointers(job, base, ptrs, nr, &unread));

	size_t used = 0;
	for (size_t i = 0; i < nr; i++)
		used += ptrs[i] != 0;
	TRY(new_body(job, used, false));
	struct slots_body *s = job->row->slots;
	s->scanned = nr;
	s->unread = unread;
	s->truncated = nr < job->row->max_entries;
	for (size_t i = 0; i < nr; i++) {
		if (ptrs[i])
			s->slots[s->nr++] = (struct map_slot){ .index = (uint32_t)i,
							       .kva = { ptrs[i] } };
	}
	if (unread)
		TRY(map_unreadable(job, "%" PRIu64 " slots unreadable", unread));
	return map_slots_describe(job);
}

/* ---- buckets */

struct bucket_walk {
	struct map_job *job;
	uint64_t cap;
	struct addr_set seen;
	VEC(struct kva) nodes;
	size_t strays; /* chains that run into another */
	struct err *e; /* fatal, met in a callback */
};

static void bucket_walk_deinit(struct bucket_walk *b)
{
	addr_set_deinit(&b->seen);
	free(b->nodes.data);
	err_free(b->e);
}

static bool bucket_node(void *ctx, struct kva node)
{
	struct bucket_walk *b = ctx;
	bool is_new;

	b->e = addr_set_add(&b->seen, node.v, &is_new);
	if (b->e)
		return false;
	if (!is_new) {
		b->strays++;
		return false;
	}
	if (b->nodes.nr == b->cap) {
		b->job->capped = true;
		return false;
	}
	if (!map_take(b->job, sizeof(struct kva) + sizeof(struct map_slot) + b->job->row->key_size))
		return false;
	struct kva *slot = vec_push(&b->nodes);
	if (slot)
		*slot = node;
	else
		b->e = &err_nomem;
	return slot;
}

static struct err *look_at_bucket_lock(struct map_job *job, struct kva bucket, uint64_t index)
{
	const struct member *m = &job->mw->slots.shtab_bucket_lock;
	struct held_lock where = { .what = "bucket", .has_index = true, .index = index };
	uint64_t word;

	if (!m->present)
		return NULL;
	TRY(kget(job->mw->k, bucket, m, &word));
	where.kva = kmember(bucket, m);
	return map_lock_add(job, &where, (uint32_t)word);
}

/* The nodes of hlist heads `stride` bytes apart, the head `off` into each. */
static struct err *walk_buckets(struct bucket_walk *b, struct kva heads, uint64_t nr, uint64_t stride,
				uint64_t off)
{
	struct kernel *k = b->job->mw->k;
	size_t unread = 0, broken = 0;

	kprefetch(k, &(struct krange){ heads, nr * stride }, 1);
	for (uint64_t i = 0; i < nr && !b->job->capped && !b->job->out_of_bytes; i++) {
		struct kva head = { heads.v + i * stride + off }, first;
		struct err *why = kread_kva(k, head, &first);

		if (!why && b->job->row->type == SOCKHASH)
			why = look_at_bucket_lock(b->job, (struct kva){ heads.v + i * stride }, i);
		if (walk_is_fatal(why))
			return why;
		if (why || !first.v) {
			unread += why != NULL;
			err_free(why);
			continue;
		}
		enum walk_end end = khlist_walk(k, head, b->cap + 1, bucket_node, b, &why);
		if (walk_is_fatal(why))
			return why;
		err_free(why);
		if (b->e)
			return take_ptr(b->e);
		broken += end == WALK_BROKEN || end == WALK_LOOP;
	}
	broken += b->strays;
	if (unread)
		TRY(map_unreadable(b->job, "%zu buckets unreadable", unread));
	if (broken)
		return map_implausible(b->job, "%zu bucket chains loop, end in nothing or run into another bucket", broken);
	return NULL;
}

/* A slot of DEVMAP_HASH, whose key is the index, or of SOCKHASH. */
static struct err *hash_slot(struct map_job *job, struct kva node, struct map_slot *slot)
{
	const struct slots_layout *l = &job->mw->slots;
	struct kernel *k = job->mw->k;
	bool dev = job->row->type == DEVMAP_HASH;
	struct kva elem = { node.v - (dev ? l->netdev_hlist.off : l->shelem_node.off) };
	size_t len = dev ? 4 : MIN(job->row->key_size, (uint32_t)KEY_MAX);
	uint8_t *key = pool_alloc(job->mw->pool, MAX(len, (size_t)job->row->key_size));

	if (!key)
		return &err_nomem;
	slot->kva = elem;
	TRY(kread(k, kmember(elem, dev ? &l->netdev_idx : &l->shelem_key), key, len));
	slot->key = key;
	if (!dev)
		TRY(kget_kva(k, elem, &l->shelem_sk, &slot->kva));
	return NULL;
}

static struct err *bucket_slots(struct bucket_walk *b, struct kva heads, uint64_t nr, uint64_t stride,
				uint64_t off)
{
	struct map_job *job = b->job;
	size_t gone = 0;

	TRY(walk_buckets(b, heads, nr, stride, off));
	TRY(new_body(job, b->nodes.nr, true));
	struct slots_body *s = job->row->slots;
	for (size_t i = 0; i < b->nodes.nr; i++) {
		struct err *e = hash_slot(job, b->nodes.data[i], &s->slots[s->nr]);
		if (walk_is_fatal(e))
			return e;
		if (e)
			gone++;
		else
			s->nr++;
		err_free(e);
	}
	s->scanned = b->nodes.nr;
	s->unread = gone;
	s->truncated = job->capped || job->out_of_bytes;
	if (s->truncated)
		TRY(map_note(job, "truncated at %zu entries (max_entries=%" PRIu32 ")", s->nr,
			     job->row->max_entries));
	if (gone)
		TRY(map_unreadable(job, "%zu entries unreadable", gone));
	return map_slots_describe(job);
}

static struct err *buckets_of(struct map_job *job, const struct member *map, const struct member *list,
			      const struct member *count, struct kva *heads, uint64_t *nr)
{
	struct kva obj = { job->row->kva.v - map->off };

	TRY(kget_kva(job->mw->k, obj, list, heads));
	TRY(kget(job->mw->k, obj, count, nr));
	return NULL;
}

struct err *map_slots_hash(struct map_job *job)
{
	const struct slots_layout *l = &job->mw->slots;
	_cleanup_(bucket_walk_deinit) struct bucket_walk b = { .job = job, .cap = map_cap(job, WALK_ENTRIES_DEFAULT) };
	bool dev = job->row->type == DEVMAP_HASH;
	const struct member *map = dev ? &l->dtab_map : &l->shtab_map;
	const struct member *node = dev ? &l->netdev_hlist : &l->shelem_node;
	uint64_t nr, stride = dev ? 8 : l->shtab_bucket.size, off = dev ? 0 : l->shtab_bucket_head.off;
	struct kva heads;

	TRY(tell_prog_owner(job));
	TRY(look_at_lock(job));
	if (!map->present || !node->present || !stride)
		return map_no_layout(job, dev ? "struct bpf_dtab" : "struct bpf_shtab");
	struct err *e = dev ? buckets_of(job, map, &l->dtab_heads, &l->dtab_nr_heads, &heads, &nr) :
			      buckets_of(job, map, &l->shtab_buckets, &l->shtab_nr_buckets, &heads, &nr);
	if (e)
		return lost(job, "buckets", e);
	if (nr > MAP_BUCKET_BYTES / stride) {
		job->out_of_bytes = true;
		TRY(map_note(job, "only %" PRIu64 " of %" PRIu64 " buckets were looked at",
			     MAP_BUCKET_BYTES / stride, nr));
		nr = MAP_BUCKET_BYTES / stride;
	}
	return bucket_slots(&b, heads, nr, stride, off);
}

struct err *map_hash_of_maps(struct map_job *job)
{
	struct map_entry *entries;
	uint64_t *maps;
	size_t nr;

	TRY(map_hash_pointers(job, &entries, &maps, &nr));
	TRY(new_body(job, nr, true));
	struct slots_body *s = job->row->slots;
	s->nr = nr;
	s->scanned = nr;
	s->truncated = job->capped || job->out_of_bytes;
	for (size_t i = 0; i < nr; i++)
		s->slots[i] = (struct map_slot){ .key = entries[i].key, .kva = { maps[i] } };
	return map_slots_describe(job);
}
