/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_htab (kernel/bpf/hashtab.c): HASH, LRU_HASH and their per-CPU forms.
 *
 * Only what hangs on a bucket is in the map: preallocated elements and those on the LRU's lists may be
 * free or on their way in or out.  Chains are walked in waves, the first elements of many buckets
 * together, then the second ones, so that a wave is one batch of reads.
 *
 * The guest may have been stopped in the middle of an update, and its memory may be damaged.  So an
 * element counts only if its hash belongs to the bucket it hangs on, no element is visited twice, the
 * end mark of each chain must name the bucket, and of two elements with one key the first counts: an
 * update links the new element at the head of the chain before it unlinks the old one.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/addr-set.h"
#include "base/cleanup.h"
#include "base/jhash.h"
#include "walk/map-locks.h"

enum {
	LRU_HASH = 9, /* enum bpf_map_type */
	LRU_PERCPU_HASH = 10,
	BUCKETS_AT_ONCE = 16384,
	CHAINS_AT_ONCE = 4096,
};

/* A bucket whose list is being followed. */
struct chain {
	uint32_t bucket, depth;
	struct kva next;
};

/* An element found. */
struct elem {
	uint32_t bucket, depth;
	uint8_t *data; /* the whole struct htab_elem with key and value, in the pool */
};

struct hash_walk {
	struct map_job *job;
	uint32_t n_buckets;
	struct kva buckets;
	uint32_t bucket_size;
	uint32_t key_at, value_at; /* in the element */
	uint64_t elem_len;
	uint64_t cap; /* entries to collect */
	bool percpu;
	struct addr_set seen;
	VEC(struct chain) chains;
	VEC(struct elem) elems;	       /* of the buckets at hand */
	VEC(struct map_entry) entries; /* the result so far */
	VEC(struct percpu_words) words; /* of entries: in place of the value */
	struct krange *ranges;

	/* With job->key: whether elements showed that hash() is the function of this kernel, and that it is not. */
	uint32_t seed;
	bool hash_proved, hash_refuted;

	size_t lost_buckets, lost_elems, lost_cpus;
	size_t strays; /* chains that ran into another bucket, a loop or nowhere */
};

static void hash_walk_deinit(struct hash_walk *h)
{
	addr_set_deinit(&h->seen);
	free(h->chains.data);
	free(h->elems.data);
	free(h->entries.data);
	free(h->words.data);
	free(h->ranges);
}

/*
 * htab_map_hash(): jhash() of the key with the map's seed.  Nobody relies on it being so: each element stores
 * its own hash, and one whose key gives another proves that this kernel does it otherwise.
 */
static uint32_t hash(const struct hash_walk *h, const uint8_t *key)
{
	return jhash(key, h->job->row->key_size, h->seed);
}

/* An end mark carries the index of its bucket (INIT_HLIST_NULLS_HEAD in prealloc_init and friends). */
static bool is_nulls(struct kva link)
{
	return link.v & 1;
}

static struct err *chain_start(struct hash_walk *h, uint32_t bucket, struct kva first)
{
	if (is_nulls(first)) {
		h->strays += first.v >> 1 != bucket;
		return NULL;
	}
	if (!first.v) { /* no list that the kernel has made ever holds NULL */
		h->strays++;
		return NULL;
	}

	struct chain *c = vec_push(&h->chains);
	if (!c)
		return &err_nomem;
	*c = (struct chain){ .bucket = bucket, .next = first };
	return NULL;
}

static void prefetch_chains(struct hash_walk *h)
{
	struct kernel *k = h->job->mw->k;

	for (size_t i = 0; i < h->chains.nr; i++)
		h->ranges[i] = (struct krange){ h->chains.data[i].next, h->elem_len };
	kprefetch(k, h->ranges, h->chains.nr);
}

/* Takes the element a chain has come to and moves on; *go is false at the chain's end. */
static struct err *chain_step(struct hash_walk *h, struct chain *c, bool *go)
{
	const struct map_layout *l = &h->job->mw->l;
	struct kernel *k = h->job->mw->k;
	bool fresh;

	*go = false;
	if (!map_take(h->job, h->elem_len + sizeof(struct map_entry)))
		return NULL;

	uint8_t *data = pool_alloc(h->job->mw->pool, h->elem_len);
	if (!data)
		return &err_nomem;

	_cleanup_err_ struct err *e = kread(k, c->next, data, h->elem_len);
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e) {
		h->lost_elems++;
		/* The rest of the chain may still hang on the part that is there. */
		if (kread_some(k, c->next, data, h->key_at) < h->key_at)
			return NULL;
	}
	/* Only those that belong here count as seen: whoever strays must not take others' elements away. */
	fresh = (member_get(&l->elem_hash, data) & (h->n_buckets - 1)) == c->bucket;
	if (fresh)
		TRY(addr_set_add(&h->seen, c->next.v, &fresh));
	if (!fresh) {
		h->strays++;
		return NULL;
	}
	if (!e && h->job->key) {
		bool same = hash(h, data + h->key_at) == (uint32_t)member_get(&l->elem_hash, data);

		h->hash_proved |= same;
		h->hash_refuted |= !same;
	}
	if (!e) {
		struct elem *elem = vec_push(&h->elems);

		if (!elem)
			return &err_nomem;
		*elem = (struct elem){ c->bucket, c->depth, data };
	}

	c->next.v = member_get(&l->elem_next, data);
	c->depth++;
	*go = !is_nulls(c->next) && c->next.v;
	if (!*go)
		h->strays += !c->next.v || c->next.v >> 1 != c->bucket;
	return NULL;
}

static int elem_cmp(const void *a, const void *b)
{
	const struct elem *x = a, *y = b;

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return x->depth < y->depth ? -1 : x->depth > y->depth;
}

/* The elements of the buckets at hand become entries, in the order of their buckets. */
static struct err *take_elems(struct hash_walk *h)
{
	const struct map_row *row = h->job->row;
	const struct elem *first = NULL;

	if (h->elems.nr)
		qsort(h->elems.data, h->elems.nr, sizeof(*h->elems.data), elem_cmp);
	for (size_t i = 0; i < h->elems.nr; i++) {
		const struct elem *elem = &h->elems.data[i];
		const uint8_t *key = elem->data + h->key_at, *value = elem->data + h->value_at;

		if (!first || first->bucket != elem->bucket)
			first = elem;
		else if (!memcmp(first->data + h->key_at, key, row->key_size))
			continue; /* replaced, but not yet unlinked */
		if (h->job->key && memcmp(h->job->key, key, row->key_size))
			continue;

		if (h->entries.nr == h->cap) {
			h->job->capped = true;
			break;
		}
		struct map_entry *entry = vec_push(&h->entries);
		struct percpu_words *words = vec_push(&h->words);
		if (!entry || !words)
			return &err_nomem;
		entry->key = key;
		if (h->percpu)
			*words = (struct percpu_words){ get_le64(key + row->key_size), get_le64(value) };
		else
			entry->value = value;
	}
	h->elems.nr = 0;
	return NULL;
}

/* Follows all chains at hand to their ends. */
static struct err *walk_chains(struct hash_walk *h)
{
	while (h->chains.nr && !h->job->out_of_bytes) {
		size_t live = 0;

		prefetch_chains(h);
		for (size_t i = 0; i < h->chains.nr && !h->job->out_of_bytes; i++) {
			struct chain *c = &h->chains.data[i];
			bool go;

			TRY(chain_step(h, c, &go));
			if (go)
				h->chains.data[live++] = *c;
		}
		h->chains.nr = live;
	}
	h->chains.nr = 0;
	return take_elems(h);
}

/* The heads of buckets [from, from + nr); ok[i] says whether head i could be read. */
static struct err *read_heads(struct hash_walk *h, uint32_t from, uint32_t nr, uint8_t *buf, bool *ok)
{
	struct kernel *k = h->job->mw->k;
	struct kva addr = { h->buckets.v + (uint64_t)from * h->bucket_size };
	size_t len = (size_t)nr * h->bucket_size;

	kprefetch(k, &(struct krange){ addr, len }, 1);
	_cleanup_err_ struct err *e = kread(k, addr, buf, len);
	if (walk_is_fatal(e))
		return take_ptr(e);
	for (uint32_t i = 0; i < nr; i++) {
		ok[i] = !e;
		if (ok[i])
			continue;
		uint64_t at = (uint64_t)i * h->bucket_size;
		ok[i] = kread_some(k, (struct kva){ addr.v + at }, buf + at, h->bucket_size) ==
			h->bucket_size;
		h->lost_buckets += !ok[i];
	}
	return NULL;
}

/*
 * Until 6.14 nothing tells who holds a bucket's lock, but each CPU counts, for a few groups of buckets, those whose
 * lock it has or waits for: htab_lock_bucket() against recursion.
 */
static struct err *find_lockers(struct hash_walk *h, struct held_lock *lock)
{
	const struct member *locked = &h->job->mw->l.htab_locked;
	struct kernel *k = h->job->mw->k;
	uint32_t group = (uint32_t)lock->index & (MIN(locked->nr, h->n_buckets) - 1);
	struct kva htab = { h->job->row->kva.v - h->job->mw->l.htab_map.off }, ptr;

	if (!locked->present || !locked->nr || locked->nr & (locked->nr - 1) || locked->size != 8 * locked->nr)
		return NULL;
	lock->cpus = pool_calloc(h->job->mw->pool, k->nr_cpu_ids, sizeof(*lock->cpus));
	if (!lock->cpus)
		return &err_nomem;
	_cleanup_err_ struct err *e = kread_kva(k, (struct kva){ kmember(htab, locked).v + 8 * group }, &ptr);
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids && !e; cpu++) {
		struct kva at;
		uint32_t count = 0;

		if (!k->possible[cpu])
			continue;
		e = kpercpu(k, ptr, cpu, &at);
		if (!e)
			e = kread_u32(k, at, &count);
		if (!e && count)
			lock->cpus[lock->nr_cpus++] = cpu;
	}
	return walk_is_fatal(e) ? take_ptr(e) : NULL;
}

static struct err *look_at_lock(struct hash_walk *h, uint32_t bucket, const uint8_t *head)
{
	const struct member *m = &h->job->mw->l.bucket_lock;

	if (!member_fits(m, h->bucket_size) || !member_get(m, head))
		return NULL;

	struct held_lock lock = {
		.what = "bucket",
		.has_index = true,
		.index = bucket,
		.kva.v = h->buckets.v + (uint64_t)bucket * h->bucket_size + m->off,
	};
	TRY(find_lockers(h, &lock));
	return map_lock_add(h->job, &lock, (uint32_t)member_get(m, head));
}

/* Buckets [from, from + nr), `nr` at most BUCKETS_AT_ONCE. */
static struct err *walk_buckets(struct hash_walk *h, uint32_t from, uint32_t nr)
{
	const struct map_layout *l = &h->job->mw->l;
	_cleanup_free_ uint8_t *heads = malloc((size_t)nr * h->bucket_size);
	_cleanup_free_ bool *ok = malloc(nr);

	if (!heads || !ok)
		return &err_nomem;
	TRY(read_heads(h, from, nr, heads, ok));
	for (uint32_t i = 0; i < nr; i++) {
		const uint8_t *head = heads + (size_t)i * h->bucket_size;

		if (ok[i])
			TRY(look_at_lock(h, from + i, head));
		if (ok[i])
			TRY(chain_start(h, from + i, (struct kva){ member_get(&l->bucket_head, head) }));
		/* Each chain yields at least one entry, so more of them than one past the cap are of no
		 * use; the one past it tells that something is left out. */
		if (h->chains.nr == CHAINS_AT_ONCE ||
		    (h->chains.nr && h->chains.nr > h->cap - h->entries.nr))
			TRY(walk_chains(h));
		if (h->job->capped || h->job->out_of_bytes)
			return NULL;
	}
	return walk_chains(h);
}

static struct err *hash_init(struct hash_walk *h, struct map_job *job, bool percpu, bool *usable)
{
	const struct map_layout *l = &job->mw->l;
	const struct map_row *row = job->row;
	struct kernel *k = job->mw->k;
	uint64_t n_buckets = 0, seed = 0;

	*usable = false;
	h->job = job;
	h->percpu = percpu;
	if (!l->htab_map.present || !l->htab_buckets.present || !l->htab_n_buckets.present ||
	    !l->bucket.present || !l->bucket_head.present || !l->elem_next.present ||
	    !l->elem_hash.present || !l->elem_key.present)
		return map_no_layout(job, "struct bpf_htab, bucket or htab_elem");

	struct kva htab = { row->kva.v - l->htab_map.off };
	struct err *e = kget_kva(k, htab, &l->htab_buckets, &h->buckets);
	if (!e)
		e = kget(k, htab, &l->htab_n_buckets, &n_buckets);
	if (!e && l->htab_seed.present)
		e = kget(k, htab, &l->htab_seed, &seed);
	if (walk_is_fatal(e))
		return e;
	if (e) {
		struct err *failed = map_unreadable(job, "hash map: %s", e->msg);

		err_free(e);
		return failed;
	}
	/* htab_map_alloc(): max_entries rounded up to a power of two. */
	if (!n_buckets || n_buckets & (n_buckets - 1) || n_buckets > UINT32_MAX)
		return map_implausible(job, "hash map with %" PRIu64 " buckets", n_buckets);

	h->n_buckets = (uint32_t)n_buckets;
	h->seed = (uint32_t)seed;
	h->bucket_size = l->bucket.size;
	h->key_at = l->elem_key.off;
	h->cap = map_cap(job, WALK_ENTRIES_DEFAULT);
	/* The head of an element must hold what decides about it. */
	if (!h->bucket_size || !member_fits(&l->bucket_head, h->bucket_size) ||
	    !member_fits(&l->elem_hash, h->key_at) || !member_fits(&l->elem_next, h->key_at))
		return map_implausible(job, "struct htab_elem or bucket of this kernel's BTF");

	/* htab_elem_value(), and htab_elem_get_ptr() where the value is a __percpu pointer. */
	uint64_t value_at = h->key_at + align_up(row->key_size, 8);
	h->elem_len = value_at + (percpu ? sizeof(uint64_t) : row->value_size);
	if (value_at > UINT32_MAX || h->elem_len > job->bytes) {
		job->out_of_bytes = true;
		return map_note(job, "one entry is bigger than the %" PRIu64 " bytes kept of a map",
				job->bytes);
	}
	h->value_at = (uint32_t)value_at;
	h->ranges = calloc(CHAINS_AT_ONCE + 1, sizeof(*h->ranges));
	*usable = true;
	return h->ranges ? NULL : &err_nomem;
}

/* Per-CPU values of the first nr entries. */
static struct err *fill_from(struct hash_walk *h, size_t nr)
{
	_cleanup_free_ uint64_t *pptrs = calloc(nr + 1, sizeof(*pptrs));
	enum percpu_place place;

	if (!pptrs)
		return &err_nomem;
	TRY(map_percpu_place(h->job, h->words.data, nr, &place));
	if (place == PERCPU_NOWHERE)
		return map_unreadable(h->job, "per-CPU values: the words behind the keys lead nowhere");
	for (size_t i = 0; i < nr; i++)
		pptrs[i] = place == PERCPU_PACKED ? h->words.data[i].packed : h->words.data[i].padded;
	return map_percpu_fill(h->job, h->entries.data, pptrs, nr, &h->lost_cpus);
}

/* Per-CPU values of as many entries as the budget allows. */
static struct err *fill_percpu(struct hash_walk *h)
{
	uint64_t cost = map_percpu_cost(h->job);

	if (h->entries.nr > h->job->bytes / cost) {
		h->entries.nr = h->job->bytes / cost;
		h->job->out_of_bytes = true;
	}
	h->job->bytes -= h->entries.nr * cost;
	return fill_from(h, h->entries.nr);
}

/* Whether the rest of the buckets need not be looked at for the one entry that is asked for. */
static bool found_key(const struct hash_walk *h)
{
	return h->job->key && (h->entries.nr || (h->hash_proved && !h->hash_refuted));
}

/* How many buckets are looked at at most. */
static uint64_t bucket_limit(const struct hash_walk *h)
{
	return MIN((uint64_t)h->n_buckets, (uint64_t)MAP_BUCKET_BYTES / h->bucket_size);
}

/* In the words of ktstr where it has some. */
static struct err *notes(struct hash_walk *h, uint64_t buckets_seen)
{
	struct map_job *job = h->job;

	if (job->capped || job->out_of_bytes) {
		TRY(map_note(job, "%shash map truncated at %zu entries", h->percpu ? "percpu " : "",
			     h->entries.nr));
		TRY(map_note(job, "max_entries=%" PRIu32, job->row->max_entries));
	}
	if (buckets_seen < h->n_buckets && !job->capped && !job->out_of_bytes && !found_key(h)) {
		job->out_of_bytes = true;
		TRY(map_note(job, "only %" PRIu64 " of %" PRIu32 " buckets were looked at", buckets_seen,
			     h->n_buckets));
	}
	if (h->lost_buckets)
		TRY(map_unreadable(job, "%zu buckets unreadable", h->lost_buckets));
	if (h->lost_elems)
		TRY(map_unreadable(job, "%zu entries unreadable", h->lost_elems));
	if (h->lost_cpus)
		TRY(map_unreadable(job, "%zu per-CPU values unreadable", h->lost_cpus));
	if (h->strays)
		TRY(map_implausible(job,
				    "%zu bucket chains loop, end in nothing or run into another bucket",
				    h->strays));
	return NULL;
}

/*
 * The bucket of the one key that is asked for.  If it is not there, that is an answer only once an element
 * has shown that it would be there: so the buckets behind are looked at until there is one, and all of them if
 * it shows the contrary.
 */
static struct err *walk_to_key(struct hash_walk *h, uint64_t *seen)
{
	uint64_t first = hash(h, h->job->key) & (h->n_buckets - 1), n = 1, limit = bucket_limit(h);

	for (*seen = 0; *seen < limit && !h->job->out_of_bytes; n = MIN(n * 8, (uint64_t)BUCKETS_AT_ONCE)) {
		uint64_t from = (first + *seen) & (h->n_buckets - 1);

		n = MIN(n, h->n_buckets - from); /* the rest begins anew at bucket 0 */
		n = MIN(n, limit - *seen);
		TRY(walk_buckets(h, (uint32_t)from, (uint32_t)n));
		*seen += n;
		if (found_key(h))
			return NULL;
	}
	return NULL;
}

/* All buckets, or as many as the budgets allow; *seen of them. */
static struct err *walk_all_buckets(struct hash_walk *h, uint64_t *seen)
{
	uint64_t nr = bucket_limit(h);

	*seen = 0;
	if (h->job->key)
		return walk_to_key(h, seen);
	while (*seen < nr && !h->job->capped && !h->job->out_of_bytes) {
		uint32_t n = (uint32_t)MIN(nr - *seen, (uint64_t)BUCKETS_AT_ONCE);

		TRY(walk_buckets(h, (uint32_t)*seen, n));
		*seen += n;
	}
	return NULL;
}

/* A map of maps differs from a per-CPU map only in what the pointer in place of the value is. */
struct err *map_hash_pointers(struct map_job *job, struct map_entry **ret, uint64_t **ret_pointers,
			      size_t *ret_nr)
{
	_cleanup_(hash_walk_deinit) struct hash_walk h = { 0 };
	struct pool *pool = job->mw->pool;
	uint64_t seen;
	bool usable;

	*ret_nr = 0;
	TRY(hash_init(&h, job, true, &usable));
	if (!usable)
		return NULL;
	TRY(walk_all_buckets(&h, &seen));
	h.percpu = false;
	TRY(notes(&h, seen));
	*ret = pool_memdup(pool, h.entries.data, h.entries.nr * sizeof(**ret));
	*ret_pointers = pool_calloc(pool, h.entries.nr, sizeof(**ret_pointers));
	if (!*ret || !*ret_pointers)
		return &err_nomem;
	for (size_t i = 0; i < h.entries.nr; i++)
		(*ret_pointers)[i] = h.words.data[i].padded; /* fd_htab_map_lookup_elem() */
	*ret_nr = h.entries.nr;
	return NULL;
}

static struct err *hash_read(struct map_job *job, bool percpu)
{
	_cleanup_(hash_walk_deinit) struct hash_walk h = { 0 };
	struct map_row *row = job->row;
	bool usable;

	TRY(hash_init(&h, job, percpu, &usable));
	if (!usable)
		return NULL;

	uint64_t seen;
	TRY(walk_all_buckets(&h, &seen));
	if ((row->type == LRU_HASH || row->type == LRU_PERCPU_HASH) && job->mw->l.htab_lru.present && !job->key)
		TRY(map_lru_locks(job, (struct kva){ row->kva.v - job->mw->l.htab_map.off + job->mw->l.htab_lru.off }));
	if (percpu)
		TRY(fill_percpu(&h));
	TRY(notes(&h, seen));

	row->body = percpu ? MAP_BODY_PERCPU_HASH : MAP_BODY_ENTRIES;
	row->nr_entries = h.entries.nr;
	row->entries = pool_memdup(job->mw->pool, h.entries.data, h.entries.nr * sizeof(*row->entries));
	return row->entries ? NULL : &err_nomem;
}

struct err *map_hash(struct map_job *job)
{
	return hash_read(job, false);
}

struct err *map_percpu_hash(struct map_job *job)
{
	return hash_read(job, true);
}
