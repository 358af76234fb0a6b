/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct lpm_trie (kernel/bpf/lpm_trie.c): LPM_TRIE, a binary trie of prefixes.
 *
 * Below a node are only prefixes that are longer than the node's and agree with it as far as it goes;
 * the next bit decides between child[0] and child[1].  A node that does not fit its place ends its
 * branch, and so the trie cannot loop, nor can a node be met twice.  The trie is read level by level,
 * each a batch of reads, and listed afterwards in the order of the keys.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "walk/map-locks.h"

enum {
	INTERMEDIATE = 1, /* LPM_TREE_NODE_FLAG_IM: a fork, not an entry */
	DATA_MAX = 256,	  /* LPM_DATA_SIZE_MAX */
	NODES_AT_ONCE = MAP_RANGES,
};

struct lpm_layout {
	struct member map, root, max_prefixlen, data_size;
	struct member left, right, prefixlen, flags, data;
};

static const struct layout_member lpm_members[] = {
	LAYOUT(struct lpm_layout, map, "lpm_trie", "map"),
	LAYOUT(struct lpm_layout, root, "lpm_trie", "root"),
	LAYOUT(struct lpm_layout, max_prefixlen, "lpm_trie", "max_prefixlen"),
	LAYOUT(struct lpm_layout, data_size, "lpm_trie", "data_size"),
	LAYOUT(struct lpm_layout, left, "lpm_trie_node", "child[0]"),
	LAYOUT(struct lpm_layout, right, "lpm_trie_node", "child[1]"),
	LAYOUT(struct lpm_layout, prefixlen, "lpm_trie_node", "prefixlen"),
	LAYOUT(struct lpm_layout, flags, "lpm_trie_node", "flags"),
	LAYOUT(struct lpm_layout, data, "lpm_trie_node", "data"),
};

struct node {
	struct kva kva;
	size_t parent; /* in nodes; itself for the root */
	bool right;    /* which of the parent's children it is */
	bool entry;    /* it is no fork */
	size_t child[2]; /* in nodes; 0, which is the root, for none */
	uint32_t prefixlen;
	uint8_t *data;	      /* data_size bytes, in the pool; NULL: not there, or does not fit */
	const uint8_t *value; /* NULL: unreadable, or a fork */
};

struct lpm_walk {
	struct map_job *job;
	struct lpm_layout l;
	uint64_t data_size, max_prefixlen;
	uint64_t entries, cap;
	VEC(struct node) nodes;
	struct krange *ranges; /* [NODES_AT_ONCE] */
	size_t lost, lost_values, strays;
};

static void lpm_walk_deinit(struct lpm_walk *t)
{
	free(t->nodes.data);
	free(t->ranges);
}

/* extract_bit() */
static bool bit(const uint8_t *data, uint32_t i)
{
	return data[i / 8] & 1 << (7 - i % 8);
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
	uint32_t whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	return !memcmp(a, b, whole) && !(bits % 8 && (a[whole] ^ b[whole]) & mask);
}

/* Whether a node may be where it was found. */
static bool fits(const struct lpm_walk *t, size_t i)
{
	const struct node *n = &t->nodes.data[i], *p = &t->nodes.data[n->parent];

	if (n->prefixlen > t->max_prefixlen)
		return false;
	return !i || (n->prefixlen > p->prefixlen && same_prefix(n->data, p->data, p->prefixlen) &&
		      bit(n->data, p->prefixlen) == n->right);
}

static struct err *add_node(struct lpm_walk *t, struct kva kva, size_t parent, bool right)
{
	if (!kva.v || !map_take(t->job, sizeof(struct node) + sizeof(struct map_entry)))
		return NULL;

	struct node *n = vec_push(&t->nodes);
	if (!n)
		return &err_nomem;
	*n = (struct node){ .kva = kva, .parent = parent, .right = right };
	if (t->nodes.nr > 1)
		t->nodes.data[parent].child[right] = t->nodes.nr - 1;
	return NULL;
}

static struct err *take_value(struct lpm_walk *t, struct node *n)
{
	uint32_t value_size = t->job->row->value_size;

	/* One past the cap tells that something is left out. */
	if (t->entries == t->cap) {
		t->job->capped = true;
		return NULL;
	}
	if (!map_take(t->job, (uint64_t)value_size + t->job->row->key_size + 32))
		return NULL;
	TRY(map_copy(t->job, (struct kva){ n->kva.v + t->l.data.off + t->data_size }, value_size,
		     &n->value));
	t->lost_values += !n->value;
	n->entry = true;
	t->entries++;
	return NULL;
}

/* Reads node i and puts its children on the list. */
static struct err *read_node(struct lpm_walk *t, size_t i)
{
	const struct lpm_layout *l = &t->l;
	struct kernel *k = t->job->mw->k;
	uint8_t head[64 + DATA_MAX];
	size_t len = l->data.off + t->data_size;

	_cleanup_err_ struct err *e = kread(k, t->nodes.data[i].kva, head, len);
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e) {
		t->lost++;
		return NULL;
	}
	if (!map_take(t->job, t->data_size))
		return NULL;

	struct node *n = &t->nodes.data[i];
	n->prefixlen = (uint32_t)member_get(&l->prefixlen, head);
	n->data = pool_memdup(t->job->mw->pool, head + l->data.off, t->data_size);
	if (!n->data)
		return &err_nomem;
	if (!fits(t, i)) {
		n->data = NULL;
		t->strays++;
		return NULL;
	}
	if (!(member_get(&l->flags, head) & INTERMEDIATE))
		TRY(take_value(t, n));
	/* Adding moves the list: n is stale from here on. */
	TRY(add_node(t, (struct kva){ member_get(&l->left, head) }, i, false));
	return add_node(t, (struct kva){ member_get(&l->right, head) }, i, true);
}

static bool full(const struct lpm_walk *t)
{
	return t->job->capped || t->job->out_of_bytes;
}

static struct err *read_nodes(struct lpm_walk *t)
{
	uint64_t len = t->l.data.off + t->data_size + t->job->row->value_size;

	for (size_t i = 0; i < t->nodes.nr && !full(t);) {
		size_t nr = MIN(t->nodes.nr - i, (size_t)NODES_AT_ONCE);

		for (size_t j = 0; j < nr; j++)
			t->ranges[j] = (struct krange){ t->nodes.data[i + j].kva, len };
		kprefetch(t->job->mw->k, t->ranges, nr);
		for (; nr; nr--, i++) {
			if (!full(t))
				TRY(read_node(t, i));
		}
	}
	return NULL;
}

/* The key of an entry: struct bpf_lpm_trie_key. */
static const uint8_t *make_key(struct lpm_walk *t, const struct node *n)
{
	uint8_t *key = pool_alloc(t->job->mw->pool, sizeof(uint32_t) + t->data_size);

	if (!key)
		return NULL;
	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t)(n->prefixlen >> 8 * i);
	memcpy(key + 4, n->data, t->data_size);
	return key;
}

/* The node after i in the order of the keys: a prefix goes before what is longer. */
static size_t next_node(const struct lpm_walk *t, size_t i)
{
	const struct node *nodes = t->nodes.data;

	if (nodes[i].child[0] || nodes[i].child[1])
		return nodes[i].child[0] ? nodes[i].child[0] : nodes[i].child[1];
	for (; i; i = nodes[i].parent) {
		size_t right = nodes[nodes[i].parent].child[1];

		if (!nodes[i].right && right)
			return right;
	}
	return 0;
}

static struct err *list(struct lpm_walk *t)
{
	struct map_row *row = t->job->row;
	size_t i = 0;

	row->body = MAP_BODY_ENTRIES;
	row->entries = pool_calloc(t->job->mw->pool, t->entries, sizeof(*row->entries));
	if (!row->entries)
		return &err_nomem;
	while (t->nodes.nr && row->nr_entries < t->entries) {
		const struct node *n = &t->nodes.data[i];

		if (n->entry) {
			struct map_entry *entry = &row->entries[row->nr_entries++];

			entry->value = n->value;
			entry->key = make_key(t, n);
			if (!entry->key)
				return &err_nomem;
		}
		i = next_node(t, i);
		if (!i)
			break;
	}
	return NULL;
}

static struct err *lpm_init(struct lpm_walk *t, struct map_job *job, struct kva *root, bool *usable)
{
	const struct lpm_layout *l = &t->l;
	const struct map_row *row = job->row;
	uint64_t first;
	bool ok;

	*usable = false;
	t->job = job;
	t->cap = map_cap(job, WALK_ENTRIES_DEFAULT);
	TRY(klayout(job->mw->k, lpm_members, ARRAY_SIZE(lpm_members), &t->l, NULL));
	if (!l->map.present || !l->root.present || !l->max_prefixlen.present || !l->data_size.present ||
	    !l->left.present || !l->right.present || !l->prefixlen.present || !l->flags.present ||
	    !l->data.present || l->data.off > 64 || !member_fits(&l->left, l->data.off) ||
	    !member_fits(&l->right, l->data.off) || !member_fits(&l->prefixlen, l->data.off) ||
	    !member_fits(&l->flags, l->data.off))
		return map_no_layout(job, "struct lpm_trie");

	struct kva trie = { row->kva.v - l->map.off };
	struct held_lock where = { .what = "trie", .kva = trie };
	TRY(map_lock_check(job, &where, "lpm_trie", "lock"));
	TRY(map_get(job, "root", trie, &l->root, &first, &ok));
	if (ok)
		TRY(map_get(job, "data_size", trie, &l->data_size, &t->data_size, &ok));
	if (ok)
		TRY(map_get(job, "max_prefixlen", trie, &l->max_prefixlen, &t->max_prefixlen, &ok));
	if (!ok)
		return NULL;
	/* trie_alloc() */
	if (!t->data_size || t->data_size > DATA_MAX || row->key_size != t->data_size + 4 ||
	    t->max_prefixlen != t->data_size * 8)
		return map_implausible(job, "keys of %" PRIu32 " bytes with %" PRIu64 " bytes of prefix",
				       row->key_size, t->data_size);
	t->ranges = calloc(NODES_AT_ONCE, sizeof(*t->ranges));
	root->v = first;
	*usable = true;
	return t->ranges ? NULL : &err_nomem;
}

struct err *map_lpm(struct map_job *job)
{
	_cleanup_(lpm_walk_deinit) struct lpm_walk t = { 0 };
	struct kva root;
	bool usable;

	TRY(lpm_init(&t, job, &root, &usable));
	if (!usable)
		return NULL;
	TRY(add_node(&t, root, 0, false));
	TRY(read_nodes(&t));
	TRY(list(&t));
	if (full(&t))
		TRY(map_note(job, "trie truncated at %zu entries, the shortest prefixes (max_entries=%"
			     PRIu32 ")", job->row->nr_entries, job->row->max_entries));
	if (t.lost)
		TRY(map_unreadable(job, "%zu branches unreadable", t.lost));
	if (t.lost_values)
		TRY(map_unreadable(job, "%zu values unreadable", t.lost_values));
	if (t.strays)
		TRY(map_implausible(job, "%zu nodes are not where their prefix belongs", t.strays));
	return NULL;
}
