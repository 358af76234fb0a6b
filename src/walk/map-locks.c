/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which locks of maps were held when the guest was stopped.
 *
 * A qspinlock says that it is taken and, but under some hypervisors, that others wait; not by whom.  Resilient
 * spinlocks (6.15) are listed in a per-CPU table from before they are taken until they are released, so a CPU that
 * lists one holds it or waits for it: if it is the only one, it is the holder.
 */
#include "config.h"

#include "walk/map-locks.h"

#include <bpf/btf.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "walk/maps.h"

enum {
	LOCKS_MAX = 64,	 /* listed of a map */
	HELD_MAX = 31,	 /* RES_NR_HELD */
	LOCKED = 0xff,	 /* _Q_LOCKED_MASK; the rest says that others wait */
};

struct err *lock_member(const struct types *types, uint32_t struct_id, const char *lock, struct member *ret)
{
	static const char *const forms[] = { "raw_lock.val.counter", "val.counter", "rlock.raw_lock.val.counter" };

	*ret = (struct member){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(forms) && !ret->present; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s.%s", lock, forms[i]);
		struct err *e = types_member(types, struct_id, path, ret);
		if (e && e->code == ERR_NOMEM)
			return e;
		err_free(e);
	}
	if (ret->size != sizeof(uint32_t))
		ret->present = false;
	return NULL;
}

/* ---- who */

static bool lists(const uint8_t *table, const struct member *cnt, const struct member *locks, uint64_t lock)
{
	uint64_t nr = MIN(member_get(cnt, table), (uint64_t)HELD_MAX);

	for (uint64_t i = 0; i < nr && (i + 1) * 8 <= locks->size; i++) {
		if (get_le64(table + locks->off + 8 * i) == lock)
			return true;
	}
	return false;
}

/* CPUs that have the lock in their table of resilient spinlocks. */
static struct err *find_cpus(struct map_job *job, struct held_lock *lock)
{
	static const char table_name[] = "rqspinlock_held_locks";
	struct kernel *k = job->mw->k;
	struct member all, cnt, locks;
	uint8_t table[512];
	uint32_t id;

	if (!lock->kva.v || !khas_sym(k, table_name))
		return NULL;
	_cleanup_err_ struct err *e = types_find(k->types, BTF_KIND_STRUCT, "rqspinlock_held", &id);
	if (!e)
		e = types_member(k->types, id, "", &all);
	if (!e)
		e = types_member(k->types, id, "cnt", &cnt);
	if (!e)
		e = types_member(k->types, id, "locks", &locks);
	if (e)
		return walk_is_fatal(e) ? take_ptr(e) : NULL;
	if (all.size > sizeof(table) || !member_fits(&cnt, all.size) || !member_fits(&locks, all.size))
		return NULL;

	lock->cpus = pool_calloc(job->mw->pool, k->nr_cpu_ids, sizeof(*lock->cpus));
	if (!lock->cpus)
		return &err_nomem;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++) {
		struct kva at;

		if (!k->possible[cpu])
			continue;
		e = kpercpu_sym(k, table_name, cpu, &at);
		if (!e)
			e = kread(k, at, table, all.size);
		if (walk_is_fatal(e))
			return take_ptr(e);
		if (!e && lists(table, &cnt, &locks, lock->kva.v))
			lock->cpus[lock->nr_cpus++] = cpu;
		err_free(take_ptr(e)); /* then that CPU is just not named */
	}
	return NULL;
}

struct err *map_lock_add(struct map_job *job, const struct held_lock *where, uint32_t word)
{
	struct map_row *row = job->row;

	if (!word)
		return NULL;
	if (row->nr_locks == LOCKS_MAX) {
		row->locks_cut++;
		return NULL;
	}
	if (!row->locks)
		row->locks = pool_calloc(job->mw->pool, LOCKS_MAX, sizeof(*row->locks));
	if (!row->locks)
		return &err_nomem;

	struct held_lock *lock = &row->locks[row->nr_locks++];
	*lock = *where;
	lock->held = word & LOCKED;
	lock->waited = word & ~(uint32_t)LOCKED;
	return lock->nr_cpus ? NULL : find_cpus(job, lock);
}

struct err *map_lock_check(struct map_job *job, const struct held_lock *where, const char *type, const char *lock)
{
	struct kernel *k = job->mw->k;
	struct held_lock here = *where;
	struct member word;
	uint64_t value;
	uint32_t id;

	_cleanup_err_ struct err *e = types_find(k->types, BTF_KIND_STRUCT, type, &id);
	if (e)
		return walk_is_fatal(e) ? take_ptr(e) : NULL;
	TRY(lock_member(k->types, id, lock, &word));
	if (!word.present)
		return NULL;
	here.kva = kmember(where->kva, &word);
	e = kget(k, where->kva, &word, &value);
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e)
		return map_unreadable(job, "lock of %s: %s", where->what, e->msg);
	return map_lock_add(job, &here, (uint32_t)value);
}

/* ---- LRU */

struct lru_layout {
	struct member percpu, percpu_lru, common, common_list, local_list;
};

static const struct layout_member lru_members[] = {
	LAYOUT(struct lru_layout, percpu, "bpf_lru", "percpu"),
	LAYOUT(struct lru_layout, percpu_lru, "bpf_lru", "percpu_lru"),
	LAYOUT(struct lru_layout, common_list, "bpf_lru", "common_lru.lru_list"),
	LAYOUT(struct lru_layout, local_list, "bpf_lru", "common_lru.local_list"),
};

/* One lock in each CPU's part of a per-CPU object. */
static struct err *percpu_locks(struct map_job *job, const char *what, struct kva ptr, const char *type)
{
	struct kernel *k = job->mw->k;

	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids && ptr.v; cpu++) {
		struct held_lock where = { .what = what, .has_index = true, .index = cpu };

		if (!k->possible[cpu])
			continue;
		_cleanup_err_ struct err *e = kpercpu(k, ptr, cpu, &where.kva);
		if (e)
			return walk_is_fatal(e) ? take_ptr(e) : map_unreadable(job, "locks of %s: %s", what, e->msg);
		TRY(map_lock_check(job, &where, type, "lock"));
	}
	return NULL;
}

struct err *map_lru_locks(struct map_job *job, struct kva lru)
{
	struct kernel *k = job->mw->k;
	struct lru_layout l;
	uint64_t percpu, ptr;
	bool ok;

	TRY(klayout(k, lru_members, ARRAY_SIZE(lru_members), &l, NULL));
	if (!l.percpu.present || !l.percpu_lru.present || !l.common_list.present || !l.local_list.present)
		return NULL;
	TRY(map_get(job, "LRU", lru, &l.percpu, &percpu, &ok));
	if (ok)
		TRY(map_get(job, "LRU", lru, percpu ? &l.percpu_lru : &l.local_list, &ptr, &ok));
	if (!ok)
		return NULL;
	if (percpu)
		return percpu_locks(job, "LRU list of CPU", (struct kva){ ptr }, "bpf_lru_list");

	struct held_lock where = { .what = "LRU list", .kva = kmember(lru, &l.common_list) };
	TRY(map_lock_check(job, &where, "bpf_lru_list", "lock"));
	return percpu_locks(job, "local LRU list of CPU", (struct kva){ ptr }, "bpf_lru_locallist");
}

/* ---- in values */

/* Where in a value a lock lies. */
struct value_lock {
	const char *name;
	uint32_t off;
};

static bool is_lock(const struct types *types, uint32_t id)
{
	const char *name = types_name(types, types_peel(types, id));

	return !strcmp(name, "bpf_spin_lock") || !strcmp(name, "bpf_res_spin_lock");
}

/* The verifier lets a lock be a member of the value itself, or a variable, and nothing deeper. */
static size_t find_locks(const struct types *types, uint32_t id, struct value_lock *found, size_t max)
{
	const struct btf_type *t = types_get(types, types_peel(types, id));
	size_t nr = 0;

	if (t && btf_is_datasec(t)) {
		const struct btf_var_secinfo *info = btf_var_secinfos(t);

		for (uint32_t i = 0; i < btf_vlen(t) && nr < max; i++) {
			const struct btf_type *var = types_get(types, info[i].type);

			if (var && is_lock(types, var->type))
				found[nr++] = (struct value_lock){ types_name(types, info[i].type), info[i].offset };
		}
	} else if (t && btf_is_struct(t)) {
		const struct btf_member *m = btf_members(t);

		for (uint32_t i = 0; i < btf_vlen(t) && nr < max; i++) {
			if (is_lock(types, m[i].type) && !btf_member_bitfield_size(t, i))
				found[nr++] = (struct value_lock){ types_str(types, m[i].name_off),
								   btf_member_bit_offset(t, i) / 8 };
		}
	}
	return nr;
}

static struct err *look_at(struct map_job *job, const struct value_lock *locks, size_t nr, const uint8_t *value,
			   size_t len, const struct held_lock *where)
{
	for (size_t i = 0; i < nr && value; i++) {
		struct held_lock lock = *where;

		if (locks[i].off > len || len - locks[i].off < sizeof(uint32_t))
			continue;
		lock.member = locks[i].name;
		TRY(map_lock_add(job, &lock, get_le32(value + locks[i].off)));
	}
	return NULL;
}

struct err *map_value_locks(struct map_job *job)
{
	const struct map_row *row = job->row;
	struct value_lock locks[8];
	struct held_lock where = { .what = "value" };

	if (!row->types || !row->value_type)
		return NULL;
	size_t nr = find_locks(row->types, row->value_type, locks, ARRAY_SIZE(locks));
	if (!nr)
		return NULL;
	if (row->body == MAP_BODY_VALUE)
		return look_at(job, locks, nr, row->value, row->value_len, &where);
	for (size_t i = 0; i < row->nr_entries; i++) {
		const struct map_entry *e = &row->entries[i];

		where.has_index = row->body == MAP_BODY_ARRAY;
		where.index = e->index;
		where.key = e->key;
		where.owner = e->owner ? e->owner->kva : (struct kva){ 0 };
		TRY(look_at(job, locks, nr, e->value, row->value_size, &where));
	}
	return NULL;
}
