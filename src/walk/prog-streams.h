/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What BPF programs have written, and the kernel about them, and nobody has read yet: a stream each for output
 * and errors (kernel/bpf/stream.c, 6.17).
 */
#ifndef FDGDB_WALK_PROG_STREAMS_H
#define FDGDB_WALK_PROG_STREAMS_H

#include "walk/objs.h"

struct prog_streams {
	struct kernel *k;
	struct pool *pool;
	/* struct bpf_prog_aux, bpf_stream */
	struct member streams, stream, log, backlog, lock;
	/* struct bpf_stream_elem */
	struct member elem, node, next, total, consumed, str;
	size_t room; /* for text, of all programs together */
};

struct err *prog_streams_init(struct prog_streams *ps, struct kernel *k, struct pool *pool) MUST_CHECK;

/* Fills row->streams; what was read before an error is there. */
struct err *prog_streams_read(struct prog_streams *ps, struct kva aux, struct prog_row *row) MUST_CHECK;

#endif
