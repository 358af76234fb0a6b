/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_ringbuf (kernel/bpf/ringbuf.c): RINGBUF and USER_RINGBUF.
 *
 * Positions count bytes since the buffer was made.  Each record has a header of eight bytes and is padded
 * to eight; the data pages are mapped twice in a row, so that none is split.  One of the positions is
 * on a page that user space can write: nothing here is trusted.
 *
 * pending_pos is the kernel's own note for reserving: it moves when a record is reserved, so it may lag behind
 * what has been submitted since, and it never moves where user space is the producer.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/vec.h"
#include "walk/map-locks.h"

static const uint32_t BUSY = 1u << 31, DISCARD = 1u << 30; /* BPF_RINGBUF_*_BIT of the kernel's API */

enum {
	USER_RINGBUF = 31, /* enum bpf_map_type */
	HEADER = 8,		   /* BPF_RINGBUF_HDR_SZ */
	PAYLOAD_DEFAULT = 1 << 20, /* bytes of records kept unless more entries are asked for */
};

struct ring_layout {
	struct member map, rb, consumer, producer, pending, overwrite, overwrite_mode, mask, data, busy;
};

static const struct layout_member ring_members[] = {
	LAYOUT(struct ring_layout, map, "bpf_ringbuf_map", "map"),
	LAYOUT(struct ring_layout, rb, "bpf_ringbuf_map", "rb"),
	LAYOUT(struct ring_layout, consumer, "bpf_ringbuf", "consumer_pos"),
	LAYOUT(struct ring_layout, producer, "bpf_ringbuf", "producer_pos"),
	LAYOUT_OPT(struct ring_layout, pending, "bpf_ringbuf", "pending_pos"),	     /* 6.11 */
	LAYOUT_OPT(struct ring_layout, overwrite, "bpf_ringbuf", "overwrite_pos"),   /* 6.19 */
	LAYOUT_OPT(struct ring_layout, overwrite_mode, "bpf_ringbuf", "overwrite_mode"),
	LAYOUT(struct ring_layout, mask, "bpf_ringbuf", "mask"),
	LAYOUT(struct ring_layout, data, "bpf_ringbuf", "data"),
	LAYOUT_OPT(struct ring_layout, busy, "bpf_ringbuf", "busy.counter"), /* 6.1 */
};

struct ring_walk {
	struct map_job *job;
	struct ringbuf_body *body;
	struct kva data;
	uint64_t first;	  /* position of the oldest record */
	uint64_t payload; /* bytes of records that may still be kept */
	bool has_pending;
	VEC(struct ring_record) records;
};

static struct err *ring_positions(struct ring_walk *r, const struct ring_layout *l, struct kva rb, bool *ok)
{
	struct ringbuf_body *b = r->body;
	uint64_t mask, mode = 0;

	/* They lie on pages of their own. */
	const struct krange ranges[] = {
		{ kmember(rb, &l->mask), 8 }, { kmember(rb, &l->consumer), 8 },
		{ kmember(rb, &l->producer), 8 },
	};
	kprefetch(r->job->mw->k, ranges, ARRAY_SIZE(ranges));
	TRY(map_get(r->job, "mask", rb, &l->mask, &mask, ok));
	if (*ok)
		TRY(map_get(r->job, "consumer_pos", rb, &l->consumer, &b->consumer_pos, ok));
	if (*ok)
		TRY(map_get(r->job, "producer_pos", rb, &l->producer, &b->producer_pos, ok));
	if (*ok && l->pending.present && r->job->row->type != USER_RINGBUF) {
		TRY(map_get(r->job, "pending_pos", rb, &l->pending, &b->pending_pos, ok));
		r->has_pending = true;
	}
	if (*ok && l->overwrite_mode.present && l->overwrite.present) {
		TRY(map_get(r->job, "overwrite_mode", rb, &l->overwrite_mode, &mode, ok));
		if (*ok)
			TRY(map_get(r->job, "overwrite_pos", rb, &l->overwrite, &b->overwrite_pos, ok));
	}
	if (!*ok)
		return NULL;

	b->capacity = mask + 1;
	b->overwrites = mode;
	r->data = kmember(rb, &l->data);
	r->first = b->producer_pos - ringbuf_unread(b);
	return NULL;
}

/* *len is 0 at the end: the records that follow cannot be found. */
static struct err *ring_record(struct ring_walk *r, uint64_t pos, uint64_t *len)
{
	struct map_job *job = r->job;
	struct kva at = { r->data.v + (pos & (r->body->capacity - 1)) };
	const uint8_t *header;
	uint64_t left = r->body->producer_pos - pos;

	*len = 0;
	TRY(map_copy(job, at, HEADER, &header));
	if (!header)
		return map_unreadable(job, "record at position %" PRIu64 " unreadable", pos);

	uint32_t word = get_le32(header), payload = word & ~(BUSY | DISCARD);
	uint64_t total = align_up((uint64_t)payload + HEADER, 8);
	if (total > left)
		return map_implausible(job, "record at position %" PRIu64 " is %" PRIu32
				       " bytes long, %" PRIu64 " are in the buffer", pos, payload, left);
	if (payload > r->payload) {
		job->out_of_bytes = r->body->truncated = true;
		return NULL;
	}
	if (!map_take(job, total + sizeof(struct ring_record))) {
		r->body->truncated = true;
		return NULL;
	}

	struct ring_record *rec = vec_push(&r->records);
	if (!rec)
		return &err_nomem;
	*rec = (struct ring_record){
		.pos = pos, .len = payload, .busy = word & BUSY, .discard = word & DISCARD,
	};
	TRY(map_copy(job, (struct kva){ at.v + HEADER }, payload, &rec->data));
	r->payload -= payload;
	*len = total;
	if (!rec->data)
		return map_unreadable(job, "record at position %" PRIu64 " unreadable", pos);
	return NULL;
}

static struct err *ring_records(struct ring_walk *r)
{
	struct map_job *job = r->job;
	struct ringbuf_body *b = r->body;
	uint64_t cap = map_cap(job, WALK_ENTRIES_DEFAULT), unread = ringbuf_unread(b);
	uint64_t len;

	r->payload = job->mw->w->opts->max_entries ? UINT64_MAX : PAYLOAD_DEFAULT;
	struct krange unread_now = { { r->data.v + (r->first & (b->capacity - 1)) },
				     MIN(unread, (uint64_t)MAP_BYTES) };
	unread_now.len = MIN(unread_now.len, r->payload);
	kprefetch(job->mw->k, &unread_now, 1);
	for (uint64_t pos = r->first; pos != b->producer_pos; pos += len) {
		if (r->records.nr == cap) {
			job->capped = b->truncated = true;
			break;
		}
		TRY(ring_record(r, pos, &len));
		if (!len)
			break;
	}
	if (b->truncated)
		TRY(map_note(job, "ring buffer truncated at %zu records (%" PRIu64 " bytes unread)%s",
			     r->records.nr, unread,
			     r->has_pending ? "" : ", and so is the search for pending_pos"));
	return NULL;
}

/* The oldest record that is not submitted, and pending_pos where the kernel keeps none (before 6.11). */
static void find_busy(struct ring_walk *r)
{
	struct ringbuf_body *b = r->body;
	uint64_t pos = r->first;

	for (size_t i = 0; i < r->records.nr && !b->has_busy; i++) {
		const struct ring_record *rec = &r->records.data[i];

		b->has_busy = rec->busy;
		b->busy_pos = rec->busy ? rec->pos : 0;
		pos = rec->busy ? rec->pos : rec->pos + align_up((uint64_t)rec->len + HEADER, 8);
	}
	if (!r->has_pending)
		b->pending_pos = pos;
}

/*
 * What a CPU holds while it works on the buffer: the kernel's producers a spinlock, its consumer of what
 * user space wrote a flag, because it calls a program for each record.
 */
static struct err *ring_lock(struct map_job *job, const struct ring_layout *l, struct kva rb)
{
	struct held_lock where = { .what = "ring buffer", .kva = rb };
	uint64_t busy;
	bool ok;

	if (job->row->type != USER_RINGBUF)
		return map_lock_check(job, &where, "bpf_ringbuf", "spinlock");
	if (!l->busy.present)
		return NULL;
	TRY(map_get(job, "busy", rb, &l->busy, &busy, &ok));
	where.kva = kmember(rb, &l->busy);
	where.member = "busy";
	return ok && busy ? map_lock_add(job, &where, 1) : NULL;
}

static struct err *ring_read(struct ring_walk *r, const struct ring_layout *l)
{
	struct map_job *job = r->job;
	struct kva map = { job->row->kva.v - l->map.off };
	uint64_t rb = 0;
	bool ok;

	TRY(map_get(job, "rb", map, &l->rb, &rb, &ok));
	if (ok)
		TRY(ring_lock(job, l, (struct kva){ rb }));
	if (ok)
		TRY(ring_positions(r, l, (struct kva){ rb }, &ok));
	if (!ok)
		return NULL;

	struct ringbuf_body *b = r->body;
	if (!b->capacity || b->capacity & (b->capacity - 1) || b->capacity > 1ULL << 32)
		return map_implausible(job, "ring buffer of %" PRIu64 " bytes", b->capacity);
	job->row->body = MAP_BODY_RINGBUF;
	job->row->ringbuf = b;
	if (r->first % 8 || b->producer_pos % 8 || b->producer_pos - r->first > b->capacity)
		TRY(map_implausible(job, "producer at %" PRIu64 ", consumer at %" PRIu64 " of %" PRIu64
				    " bytes: no records can be told", b->producer_pos, r->first,
				    b->capacity));
	else
		TRY(ring_records(r));
	find_busy(r);
	b->nr_records = r->records.nr;
	b->records = pool_memdup(job->mw->pool, r->records.data, r->records.nr * sizeof(*b->records));
	return b->records ? NULL : &err_nomem;
}

struct err *map_ringbuf(struct map_job *job)
{
	struct ring_walk r = { .job = job };
	struct ring_layout l;

	TRY(klayout(job->mw->k, ring_members, ARRAY_SIZE(ring_members), &l, NULL));
	if (!l.map.present || !l.rb.present || !l.consumer.present || !l.producer.present ||
	    !l.mask.present || !l.data.present)
		return map_no_layout(job, "struct bpf_ringbuf");
	r.body = pool_calloc(job->mw->pool, 1, sizeof(*r.body));
	if (!r.body)
		return &err_nomem;

	struct err *e = ring_read(&r, &l);
	free(r.records.data);
	return e;
}
