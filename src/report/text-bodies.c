/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps that have other contents than entries, and the owners of values in storage maps. */
#include "config.h"

#include <inttypes.h>

#include "report/text-parts.h"

enum {
	RECORD_BYTES = 32, /* of a ring buffer's record on a line */
	STACK_FRAMES = 8,  /* of a stack trace on its line */
};

static void write_record(struct text *t, const struct ring_record *r)
{
	size_t shown = r->data ? text_shown(t, r->len, RECORD_BYTES) : 0;

	text_line(&t->sb, 1);
	strbuf_printf(&t->sb, "record %" PRIu64 ": len=%" PRIu32 "%s%s", r->pos, r->len,
		      r->busy ? " busy" : "", r->discard ? " discarded" : "");
	if (!r->data) {
		strbuf_puts(&t->sb, " <unreadable>");
		return;
	}
	for (size_t i = 0; i < shown; i++)
		strbuf_printf(&t->sb, i ? " %02x" : " bytes=%02x", r->data[i]);
	if (shown < r->len)
		strbuf_printf(&t->sb, " +%zu more", r->len - shown);
}

void text_ringbuf(struct text *t, const struct ringbuf_body *b)
{
	uint64_t pending = ringbuf_unread(b);
	uint64_t percent = pending >= b->capacity ? 100 : pending * 100 / b->capacity;
	size_t shown = text_shown(t, b->nr_records, TEXT_MAX_ENTRIES);

	strbuf_printf(&t->sb, "\nringbuf: capacity=%" PRIu64 "B, pending=%" PRIu64 "B (%" PRIu64
		      "%%), consumer_pos=%" PRIu64 ", producer_pos=%" PRIu64 ", pending_pos=%" PRIu64,
		      b->capacity, pending, percent, b->consumer_pos, b->producer_pos, b->pending_pos);
	if (b->overwrites)
		strbuf_printf(&t->sb, ", overwrite_pos=%" PRIu64, b->overwrite_pos);
	if (b->has_busy)
		strbuf_printf(&t->sb, ", first busy record at %" PRIu64, b->busy_pos);
	for (size_t i = 0; i < shown; i++) {
		write_record(t, &b->records[i]);
		text_flush(t);
	}
	text_more(t, 1, b->nr_records - shown);
	if (b->truncated) {
		text_line(&t->sb, 1);
		strbuf_puts(&t->sb, "\u2026 and more that were not collected");
	}
}

static void write_frame(struct text *t, const struct stacks_body *b, const struct stack_row *r,
			uint32_t i)
{
	const uint8_t *frame = r->data + (size_t)i * b->frame_size;
	bool plain = b->frame_size != STACK_BUILD_ID_SIZE;

	/* BPF_STACK_BUILD_ID_VALID; anything else but an IP is an empty frame. */
	uint32_t status = plain ? 2 : get_le32(frame);
	if (status == 1) {
		for (size_t j = 4; j < 24; j++)
			strbuf_printf(&t->sb, "%02x", frame[j]);
		strbuf_printf(&t->sb, "+0x%" PRIx64, get_le64(frame + 24));
	} else if (status == 2) {
		strbuf_printf(&t->sb, "0x%" PRIx64, get_le64(plain ? frame : frame + 24));
		if (r->symbols && r->symbols[i]) {
			strbuf_putc(&t->sb, ' ');
			text_guest(t, r->symbols[i]);
		}
	} else {
		strbuf_puts(&t->sb, "-");
	}
}

void text_stacks(struct text *t, const struct stacks_body *b)
{
	size_t shown = text_shown(t, b->nr, TEXT_MAX_ENTRIES);

	strbuf_printf(&t->sb, "\nstack_trace: %zu of %" PRIu32 " buckets populated%s", b->nr, b->n_buckets,
		      b->truncated ? " (truncated)" : "");
	if (b->unreadable)
		strbuf_printf(&t->sb, " (%" PRIu32 " unreadable)", b->unreadable);
	for (size_t i = 0; i < shown; i++) {
		const struct stack_row *r = &b->rows[i];
		uint32_t frames = r->data ? (uint32_t)text_shown(t, r->frames, STACK_FRAMES) : 0;

		text_line(&t->sb, 1);
		strbuf_printf(&t->sb, "bucket %" PRIu32 ": nr=%" PRIu32, r->bucket, r->nr);
		if (!r->data)
			strbuf_puts(&t->sb, " <unreadable>");
		for (uint32_t f = 0; f < frames; f++) {
			strbuf_puts(&t->sb, f ? ", " : " pcs=[");
			write_frame(t, b, r, f);
		}
		if (frames && frames < r->nr)
			strbuf_printf(&t->sb, ", +%" PRIu32 " more", r->nr - frames);
		if (frames)
			strbuf_putc(&t->sb, ']');
		text_flush(t);
	}
	text_more(t, 1, b->nr - shown);
}

void text_bloom(struct text *t, const struct bloom_body *b)
{
	strbuf_printf(&t->sb, "\nbloom: %" PRIu64 " of %" PRIu64 " bits set, %" PRIu32
		      " hash functions, seed=0x%" PRIx32, b->bits_set, b->bits, b->nr_hashes, b->seed);
	if (b->bits_unread)
		strbuf_printf(&t->sb, " (%" PRIu64 " unreadable)", b->bits_unread);
}

static void write_socket(struct text *t, const struct map_owner *o)
{
	strbuf_printf(&t->sb, " socket family=%u type=%u protocol=%u", o->family, o->sock_type,
		      o->protocol);
	if (o->local_addr)
		strbuf_printf(&t->sb, " [%s]:%u -> [%s]:%u", o->local_addr, o->local_port, o->remote_addr,
			      o->remote_port);
}

void text_owner(struct text *t, const struct map_owner *o)
{
	strbuf_printf(&t->sb, "0x%" PRIx64, o->kva.v);
	switch (o->kind) {
	case OWNER_TASK:
		strbuf_puts(&t->sb, " task");
		if (!o->why)
			strbuf_printf(&t->sb, " pid=%" PRId32, o->pid);
		if (o->comm) {
			strbuf_puts(&t->sb, " comm=");
			text_guest(t, o->comm);
		}
		break;
	case OWNER_CGROUP:
		strbuf_puts(&t->sb, " cgroup");
		if (o->path) {
			strbuf_puts(&t->sb, " path=");
			text_guest(t, o->path);
		}
		break;
	case OWNER_INODE:
		strbuf_printf(&t->sb, " inode ino=%" PRIu64, o->ino);
		if (o->sb_id) {
			strbuf_puts(&t->sb, " sb=");
			text_guest(t, o->sb_id);
			strbuf_printf(&t->sb, " dev=%" PRIu32 ":%" PRIu32, o->dev_major, o->dev_minor);
		}
		break;
	case OWNER_SOCKET:
		write_socket(t, o);
		break;
	}
	if (o->why) {
		strbuf_puts(&t->sb, " (");
		text_guest(t, o->why);
		strbuf_putc(&t->sb, ')');
	}
}
