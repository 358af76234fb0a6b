/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_bloom_filter (kernel/bpf/bloom_filter.c).  Its members cannot be listed; how full it is tells
 * how often it answers yes for what was never put in.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum { CHUNK = 1 << 20 };

struct bloom_layout {
	struct member map, mask, seed, nr_hashes, bitset;
};

static const struct layout_member bloom_members[] = {
	LAYOUT(struct bloom_layout, map, "bpf_bloom_filter", "map"),
	LAYOUT(struct bloom_layout, mask, "bpf_bloom_filter", "bitset_mask"),
	LAYOUT(struct bloom_layout, seed, "bpf_bloom_filter", "hash_seed"),
	LAYOUT(struct bloom_layout, nr_hashes, "bpf_bloom_filter", "nr_hash_funcs"),
	LAYOUT(struct bloom_layout, bitset, "bpf_bloom_filter", "bitset"),
};

static uint64_t count_bits(const uint8_t *data, size_t len)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < len; i++)
		nr += (uint64_t)__builtin_popcount(data[i]);
	return nr;
}

/* Nothing of the bits is kept, but reading them costs time: no more than the map's budget. */
static struct err *count(struct map_job *job, struct kva bitset, struct bloom_body *b)
{
	_cleanup_free_ uint8_t *buf = malloc(CHUNK);
	uint64_t all = (b->bits + 7) / 8, bytes = MIN(all, job->bytes);

	if (!buf)
		return &err_nomem;
	if (bytes < all) {
		job->out_of_bytes = true;
		b->bits_unread = (all - bytes) * 8;
		TRY(map_note(job, "only %" PRIu64 " of %" PRIu64 " bytes of bits were looked at", bytes,
			     all));
	}
	size_t lost = 0;
	for (uint64_t at = 0; at < bytes; at += CHUNK) {
		size_t len = MIN(bytes - at, (uint64_t)CHUNK);
		struct kva addr = { bitset.v + at };

		kprefetch(job->mw->k, &(struct krange){ addr, len }, 1);
		for (size_t page = 0; page < len; page += PAGE_SIZE) {
			size_t n = MIN(len - page, (size_t)PAGE_SIZE);
			_cleanup_err_ struct err *e =
				kread(job->mw->k, (struct kva){ addr.v + page }, buf, n);

			if (walk_is_fatal(e))
				return take_ptr(e);
			if (e)
				lost += n;
			else
				b->bits_set += count_bits(buf, n);
		}
	}
	b->bits_unread += 8 * lost;
	return lost ? map_unreadable(job, "%zu bytes of bits unreadable", lost) : NULL;
}

struct err *map_bloom(struct map_job *job)
{
	struct bloom_layout l;
	uint64_t mask, seed = 0, nr_hashes = 0;
	bool ok;

	TRY(klayout(job->mw->k, bloom_members, ARRAY_SIZE(bloom_members), &l, NULL));
	if (!l.map.present || !l.mask.present || !l.seed.present || !l.nr_hashes.present ||
	    !l.bitset.present)
		return map_no_layout(job, "struct bpf_bloom_filter");

	struct kva bloom = { job->row->kva.v - l.map.off };
	TRY(map_get(job, "bitset_mask", bloom, &l.mask, &mask, &ok));
	if (ok)
		TRY(map_get(job, "hash_seed", bloom, &l.seed, &seed, &ok));
	if (ok)
		TRY(map_get(job, "nr_hash_funcs", bloom, &l.nr_hashes, &nr_hashes, &ok));
	if (!ok)
		return NULL;
	/* bloom_map_alloc() */
	if (mask & (mask + 1) || mask > UINT32_MAX || nr_hashes - 1 > 14)
		return map_implausible(job, "Bloom filter with mask 0x%" PRIx64 " and %" PRIu64
				       " hash functions", mask, nr_hashes);

	struct bloom_body *b = pool_calloc(job->mw->pool, 1, sizeof(*b));
	if (!b)
		return &err_nomem;
	b->bits = mask + 1;
	b->nr_hashes = (uint32_t)nr_hashes;
	b->seed = (uint32_t)seed;
	job->row->body = MAP_BODY_BLOOM;
	job->row->bloom = b;
	return count(job, kmember(bloom, &l.bitset), b);
}
