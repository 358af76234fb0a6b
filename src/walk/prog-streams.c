/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/prog-streams.h"

#include <inttypes.h>

#include "base/addr-set.h"
#include "base/cleanup.h"
#include "base/vec.h"

enum {
	STREAM_BYTES = 128 << 10, /* the kernel takes no more than 100,000 (BPF_STREAM_MAX_CAPACITY) */
	ALL_BYTES = 4 << 20,
	PIECES_MAX = 1 << 16,
	PIECE_MAX = PAGE_SIZE,
};

struct err *prog_streams_init(struct prog_streams *ps, struct kernel *k, struct pool *pool)
{
	static const struct layout_member members[] = {
		LAYOUT_OPT(struct prog_streams, streams, "bpf_prog_aux", "stream"), /* 6.17 */
		LAYOUT(struct prog_streams, stream, "bpf_stream", ""),
		LAYOUT(struct prog_streams, log, "bpf_stream", "log.first"),
		LAYOUT(struct prog_streams, backlog, "bpf_stream", "backlog_head"),
		LAYOUT(struct prog_streams, lock, "bpf_stream", "lock.owner.counter"),
		LAYOUT(struct prog_streams, elem, "bpf_stream_elem", ""),
		LAYOUT(struct prog_streams, next, "bpf_stream_elem", "node.next"),
		LAYOUT(struct prog_streams, node, "bpf_stream_elem", "node"),
		LAYOUT(struct prog_streams, total, "bpf_stream_elem", "total_len"),
		LAYOUT(struct prog_streams, consumed, "bpf_stream_elem", "consumed_len"),
		LAYOUT(struct prog_streams, str, "bpf_stream_elem", "str"),
	};

	*ps = (struct prog_streams){ .k = k, .pool = pool, .room = ALL_BYTES };
	return klayout(k, members, ARRAY_SIZE(members), ps, NULL);
}

/* What was written at once, less what of it was read. */
struct piece {
	struct kva at;
	size_t len;
};

struct pieces {
	struct piece *data;
	size_t nr, room;
	size_t bytes;
	struct addr_set seen;
};

static struct err *read_piece(struct prog_streams *ps, struct kva elem, struct piece *ret)
{
	uint64_t total, consumed;

	TRY(kget(ps->k, elem, &ps->total, &total));
	TRY(kget(ps->k, elem, &ps->consumed, &consumed));
	if (total > PIECE_MAX || consumed > total)
		return err_new(ERR_CORRUPT, "%" PRIu64 " of %" PRIu64 " bytes have been read", consumed, total);
	ret->at.v = elem.v + ps->str.off + consumed;
	ret->len = total - consumed;
	return NULL;
}

/* From this node to the end; in the order of the list. */
static struct err *read_list(struct prog_streams *ps, struct kva node, struct pieces *pieces)
{
	while (node.v) {
		struct kva elem = { node.v - ps->node.off };
		struct piece *piece;
		bool is_new;

		TRY(addr_set_add(&pieces->seen, node.v, &is_new));
		if (!is_new)
			return err_new(ERR_CORRUPT, "the list loops");
		if (pieces->nr == PIECES_MAX)
			return err_new(ERR_CORRUPT, "more than %d pieces", PIECES_MAX);
		piece = vec_push(pieces);
		if (!piece)
			return &err_nomem;
		TRY(read_piece(ps, elem, piece));
		pieces->bytes += piece->len;
		TRY(kget_kva(ps->k, elem, &ps->next, &node));
	}
	return NULL;
}

static void reverse(struct piece *pieces, size_t nr)
{
	for (size_t i = 0; i < nr / 2; i++) {
		struct piece swap = pieces[i];

		pieces[i] = pieces[nr - 1 - i];
		pieces[nr - 1 - i] = swap;
	}
}

/* The newest are kept, whole pieces. */
static struct err *read_text(struct prog_streams *ps, const struct pieces *pieces, struct prog_stream *stream)
{
	size_t room = MIN((size_t)STREAM_BYTES, ps->room), first = 0, bytes = pieces->bytes;

	while (first < pieces->nr && bytes > room)
		bytes -= pieces->data[first++].len;
	stream->left_out = pieces->bytes - bytes;
	ps->room -= bytes;
	char *text = pool_alloc(ps->pool, bytes + 1);
	if (!text)
		return &err_nomem;
	stream->text = text;
	for (size_t i = first; i < pieces->nr; i++) {
		TRY(kread(ps->k, pieces->data[i].at, text + stream->len, pieces->data[i].len));
		stream->len += pieces->data[i].len;
	}
	return NULL;
}

static struct err *read_stream(struct prog_streams *ps, struct kva at, struct pieces *pieces,
			       struct prog_stream *stream)
{
	struct kva backlog, log;
	uint64_t owner;
	struct err *e;

	TRY(kget_kva(ps->k, at, &ps->backlog, &backlog));
	TRY(kget_kva(ps->k, at, &ps->log, &log));
	TRY(kget(ps->k, at, &ps->lock, &owner));
	/* Then some of it may be on its way from the one list to the other, and in neither. */
	stream->being_read = owner;
	/* Readers take what was written into the backlog, oldest first; the newest is the log's first. */
	e = read_list(ps, backlog, pieces);
	if (!e) {
		size_t old = pieces->nr;

		e = read_list(ps, log, pieces);
		reverse(pieces->data + old, pieces->nr - old);
	}
	if (walk_is_fatal(e))
		return e;
	/* Without the piece that it failed at, whose length is unknown. */
	struct err *text = read_text(ps, pieces, stream);
	if (!e)
		return text;
	if (!walk_is_fatal(text)) {
		err_free(text);
		return e;
	}
	err_free(e);
	return text;
}

struct err *prog_streams_read(struct prog_streams *ps, struct kva aux, struct prog_row *row)
{
	static const char *const names[] = { "stdout", "stderr" }; /* BPF_STDOUT is 1 */
	size_t size = ps->stream.present ? ps->stream.size : 0;
	struct err *lost = NULL;

	if (!ps->streams.present || !size || !ps->elem.present)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names) && (i + 1) * size <= ps->streams.size; i++) {
		struct kva at = { kmember(aux, &ps->streams).v + i * size };
		struct prog_stream stream = { .name = names[i] };
		struct pieces pieces = { 0 };
		struct err *e = err_prefix(read_stream(ps, at, &pieces, &stream), "what it wrote to %s", names[i]);

		addr_set_deinit(&pieces.seen);
		free(pieces.data);
		if (stream.len || stream.left_out || stream.being_read)
			row->streams[row->nr_streams++] = stream;
		if (walk_is_fatal(e)) {
			err_free(lost);
			return e;
		}
		if (lost)
			err_free(e);
		else
			lost = e;
	}
	return lost;
}
