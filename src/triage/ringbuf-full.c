/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ring buffer that its consumer has left to fill up: programs that write to it lose their records. */
#include "config.h"

#include "triage/rules.h"

#include <inttypes.h>

enum {
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_F_RB_OVERWRITE = 1 << 19, /* 6.19 */
	RECORD_HEADER = 8, /* BPF_RINGBUF_HDR_SZ */
};

/* What the next record takes if it is like the last one. */
static uint64_t next_size(const struct ringbuf_body *b)
{
	uint64_t len = b->nr_records ? b->records[b->nr_records - 1].len : 0;

	return RECORD_HEADER + ((len + 7) & ~(uint64_t)7);
}

static void judge_map(struct triage *t, size_t i)
{
	const struct map_row *m = &t->r->maps.data[i];
	const struct ringbuf_body *b = m->ringbuf;

	if (m->flags & BPF_F_RB_OVERWRITE)
		return; /* the oldest records are meant to be lost */
	if (m->type != BPF_MAP_TYPE_RINGBUF || !b || !b->capacity || b->producer_pos < b->consumer_pos)
		return;
	uint64_t used = b->producer_pos - b->consumer_pos;
	if (used > b->capacity || b->capacity - used >= next_size(b))
		return;

	bool never = !b->consumer_pos;
	bool busy = b->nr_records && b->records[0].busy;
	struct finding *f = triage_add(t, SEVERITY_WARNING, CONFIDENCE_CERTAIN,
				       "the ring buffer \"%s\" is full, so records are being lost: %s", m->name,
				       busy  ? "its first record was reserved and never submitted" :
				       never ? "nobody has ever read from it" :
					       "its consumer does not keep up, or is gone");
	triage_num(t, f, b->consumer_pos, "maps[%zu].ringbuf.consumer_pos", i);
	triage_num(t, f, b->producer_pos, "maps[%zu].ringbuf.producer_pos", i);
	triage_num(t, f, b->capacity, "maps[%zu].ringbuf.capacity", i);
	triage_next(t, f, "%s", busy ? "the program that holds the record" :
				       "whether the process that should read this map still runs and polls");
}

static void judge(struct triage *t)
{
	for (size_t i = 0; i < t->r->maps.nr; i++)
		judge_map(t, i);
}

const struct triage_rule rule_ringbuf_full = {
	.id = "ringbuf-full",
	.sections = { "maps" },
	.judge = judge,
};
