/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_queue_stack (kernel/bpf/queue_stack_maps.c): QUEUE and STACK.
 *
 * Both are a ring of max_entries + 1 slots, filled from `tail` up to but without `head`: a stack that
 * was pushed to with BPF_EXIST while it was full has lost its oldest entry and wraps like a queue.
 */
#include "config.h"

#include "walk/maps.h"
#include "walk/map-locks.h"

#include <inttypes.h>

struct queue_layout {
	struct member map, head, tail, size, elements;
};

static const struct layout_member queue_members[] = {
	LAYOUT(struct queue_layout, map, "bpf_queue_stack", "map"),
	LAYOUT(struct queue_layout, head, "bpf_queue_stack", "head"),
	LAYOUT(struct queue_layout, tail, "bpf_queue_stack", "tail"),
	LAYOUT(struct queue_layout, size, "bpf_queue_stack", "size"),
	LAYOUT(struct queue_layout, elements, "bpf_queue_stack", "elements"),
};

/* The ring as it was found. */
struct ring {
	struct kva elements;
	uint64_t head, tail, size, used;
};

static struct err *ring_read(struct map_job *job, struct ring *ring, bool *usable)
{
	struct queue_layout l;

	*usable = false;
	TRY(klayout(job->mw->k, queue_members, ARRAY_SIZE(queue_members), &l, NULL));
	if (!l.map.present || !l.head.present || !l.tail.present || !l.size.present ||
	    !l.elements.present)
		return map_no_layout(job, "struct bpf_queue_stack");

	struct kva qs = { job->row->kva.v - l.map.off };
	struct held_lock where = { .what = "queue", .kva = qs };
	TRY(map_lock_check(job, &where, "bpf_queue_stack", "lock"));
	bool ok;
	TRY(map_get(job, "head", qs, &l.head, &ring->head, &ok));
	if (ok)
		TRY(map_get(job, "tail", qs, &l.tail, &ring->tail, &ok));
	if (ok)
		TRY(map_get(job, "size", qs, &l.size, &ring->size, &ok));
	if (!ok)
		return NULL;

	/* queue_stack_map_alloc() */
	if (ring->size != (uint64_t)job->row->max_entries + 1 || ring->head >= ring->size ||
	    ring->tail >= ring->size)
		return map_implausible(job, "head %" PRIu64 " and tail %" PRIu64 " of %" PRIu64 " slots",
				       ring->head, ring->tail, ring->size);
	ring->elements = kmember(qs, &l.elements);
	ring->used = (ring->head + ring->size - ring->tail) % ring->size;
	*usable = true;
	return NULL;
}

/* The slot of the entry that pop number i would take. */
static uint64_t slot(const struct ring *ring, bool stack, uint64_t i)
{
	if (stack)
		return (ring->head + ring->size - 1 - i) % ring->size;
	return (ring->tail + i) % ring->size;
}

static struct err *collect(struct map_job *job, const struct ring *ring, bool stack, uint64_t nr)
{
	uint32_t value_size = job->row->value_size;
	struct map_entry *entries = pool_calloc(job->mw->pool, nr, sizeof(*entries));
	size_t lost = 0;

	if (!entries)
		return &err_nomem;
	for (uint64_t i = 0; i < nr; i++) {
		struct kva at = { ring->elements.v + slot(ring, stack, i) * value_size };

		entries[i].index = (uint32_t)i;
		TRY(map_copy(job, at, value_size, &entries[i].value));
		lost += !entries[i].value;
	}
	job->row->body = MAP_BODY_ARRAY;
	job->row->entries = entries;
	job->row->nr_entries = nr;
	return lost ? map_unreadable(job, "%zu entries unreadable", lost) : NULL;
}

static struct err *queue_stack(struct map_job *job, bool stack)
{
	const struct map_row *row = job->row;
	struct ring ring;
	bool usable;

	TRY(ring_read(job, &ring, &usable));
	if (!usable)
		return NULL;

	job->row->has_count = true;
	job->row->count = ring.used;
	uint64_t nr = MIN(ring.used, map_cap(job, WALK_ENTRIES_DEFAULT));
	uint64_t cost = (uint64_t)row->value_size + sizeof(struct map_entry) + 16;
	job->capped = nr < ring.used;
	if (nr > job->bytes / cost) {
		nr = job->bytes / cost;
		job->out_of_bytes = true;
	}
	job->bytes -= nr * cost;
	if (nr < ring.used)
		TRY(map_note(job, "%s truncated at %" PRIu64 " of %" PRIu64 " entries (max_entries=%"
			     PRIu32 ")", stack ? "STACK" : "QUEUE", nr, ring.used, row->max_entries));

	/* The first nr to pop lie together but for one wrap. */
	uint64_t first = stack ? (ring.head + ring.size - nr) % ring.size : ring.tail;
	uint64_t run = MIN(nr, ring.size - first);
	const struct krange runs[] = {
		{ { ring.elements.v + first * row->value_size }, run * row->value_size },
		{ ring.elements, (nr - run) * row->value_size },
	};
	kprefetch(job->mw->k, runs, run < nr ? 2 : 1);
	return collect(job, &ring, stack, nr);
}

struct err *map_queue(struct map_job *job)
{
	return queue_stack(job, false);
}

struct err *map_stack(struct map_job *job)
{
	return queue_stack(job, true);
}
