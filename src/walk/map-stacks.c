/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct bpf_stack_map (kernel/bpf/stackmap.c): STACK_TRACE.  A bucket's index is the id of its trace. */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "kernel/symbolize.h"

enum {
	BUCKETS_MAX = 16384,
	FRAMES_MAX = 128,
	BUILD_ID = 1 << 5, /* BPF_F_STACK_BUILD_ID */
	STATUS_IP = 2,	   /* BPF_STACK_BUILD_ID_IP */
	BUILD_ID_IP = 24,  /* where it is in struct bpf_stack_build_id */
	/* Bytes kept of "name+0x12/0x340 [module]", and of these behind the name: C names are shorter,
	 * Rust's may not be. */
	SYMBOL_MAX = 192,
	TAIL_MAX = 104,
};

struct stacks_layout {
	struct member map, n_buckets, buckets, bucket_nr, bucket_data;
};

static const struct layout_member stacks_members[] = {
	LAYOUT(struct stacks_layout, map, "bpf_stack_map", "map"),
	LAYOUT(struct stacks_layout, n_buckets, "bpf_stack_map", "n_buckets"),
	LAYOUT(struct stacks_layout, buckets, "bpf_stack_map", "buckets"),
	LAYOUT(struct stacks_layout, bucket_nr, "stack_map_bucket", "nr"),
	LAYOUT(struct stacks_layout, bucket_data, "stack_map_bucket", "data"),
};

struct stacks_walk {
	struct map_job *job;
	struct stacks_layout l;
	struct stacks_body *body;
	uint32_t looked_at; /* buckets */
	bool nameless;	    /* an address of the kernel's has no name */
	VEC(struct stack_row) rows;
	VEC(struct krange) buckets; /* of rows */
};

static void stacks_walk_deinit(struct stacks_walk *s)
{
	free(s->rows.data);
	free(s->buckets.data);
}

/* The buckets that hold a trace. */
static struct err *find_rows(struct stacks_walk *s, struct kva table)
{
	struct kernel *k = s->job->mw->k;

	kprefetch(k, &(struct krange){ table, (size_t)s->looked_at * 8 }, 1);
	for (uint32_t i = 0; i < s->looked_at; i++) {
		struct kva bucket;
		_cleanup_err_ struct err *e = kread_kva(k, (struct kva){ table.v + i * 8ULL }, &bucket);

		if (walk_is_fatal(e))
			return take_ptr(e);
		if (e) {
			s->body->unreadable++;
			continue;
		}
		if (!bucket.v)
			continue;

		struct stack_row *row = vec_push(&s->rows);
		struct krange *range = vec_push(&s->buckets);
		if (!row || !range)
			return &err_nomem;
		row->bucket = i;
		*range = (struct krange){ bucket, s->l.bucket_data.off + FRAMES_MAX * 8 };
	}
	return NULL;
}

static struct err *read_row(struct stacks_walk *s, size_t i, bool *keep)
{
	struct map_job *job = s->job;
	struct stack_row *row = &s->rows.data[i];
	struct kva bucket = s->buckets.data[i].addr;
	uint64_t nr;

	_cleanup_err_ struct err *e = kget(job->mw->k, bucket, &s->l.bucket_nr, &nr);
	*keep = !e;
	if (walk_is_fatal(e))
		return take_ptr(e);
	if (e) {
		s->body->unreadable++;
		return NULL;
	}

	uint32_t frames = (uint32_t)MIN(nr, (uint64_t)FRAMES_MAX);
	size_t len = (size_t)frames * s->body->frame_size;
	row->nr = (uint32_t)nr;
	s->body->truncated |= nr > FRAMES_MAX;
	if (!map_take(job, len + frames * (sizeof(char *) + SYMBOL_MAX))) {
		*keep = false;
		return NULL;
	}
	TRY(map_copy(job, (struct kva){ bucket.v + s->l.bucket_data.off }, len, &row->data));
	row->frames = row->data ? frames : 0;
	return row->data ? NULL : map_unreadable(job, "bucket %" PRIu32 " unreadable", row->bucket);
}

/* An instruction pointer; false for frames that are an offset in a file, and for empty ones. */
static bool frame_ip(const struct stacks_body *body, const uint8_t *frame, uint64_t *ip)
{
	*ip = get_le64(body->frame_size == 8 ? frame : frame + BUILD_ID_IP);
	return body->frame_size == 8 || get_le32(frame) == STATUS_IP;
}

/* Return addresses are looked up as they are, as bpftrace and perf script print them. */
static struct err *add_symbols(struct stacks_walk *s, struct stack_row *row)
{
	struct map_walk *mw = s->job->mw;
	const char **symbols = pool_calloc(mw->pool, row->frames, sizeof(*symbols));
	bool any = false;

	if (!symbols)
		return &err_nomem;
	for (uint32_t i = 0; i < row->frames; i++) {
		char name[SYMBOL_MAX - TAIL_MAX];
		struct kva ip;
		struct sym sym;

		if (!frame_ip(s->body, row->data + (size_t)i * s->body->frame_size, &ip.v))
			continue;
		TRY(ksymbolize(mw->k, ip, SYM_EXACT, &sym));
		if (sym.owner == SYM_NONE) {
			s->nameless |= ip.v >> 63;
			continue;
		}
		if (sym.name) {
			snprintf(name, sizeof(name), "%s", sym.name);
			sym.name = name;
		}
		symbols[i] = sym_text(mw->pool, &sym);
		if (!symbols[i])
			return &err_nomem;
		any = true;
	}
	row->symbols = any ? symbols : NULL;
	return NULL;
}

static struct err *read_rows(struct stacks_walk *s)
{
	struct map_job *job = s->job;
	uint64_t cap = map_cap(job, BUCKETS_MAX);
	size_t kept = 0, done = 0, nr = MIN((uint64_t)s->rows.nr, cap);

	job->capped |= s->rows.nr > cap;
	kprefetch(job->mw->k, s->buckets.data, nr);
	for (; done < nr && !job->out_of_bytes; done++) {
		bool keep;

		TRY(read_row(s, done, &keep));
		if (!keep)
			continue;
		s->rows.data[kept] = s->rows.data[done];
		TRY(add_symbols(s, &s->rows.data[kept++]));
	}
	s->body->truncated |= job->capped || job->out_of_bytes;
	s->body->nr = kept;
	s->body->rows = pool_memdup(job->mw->pool, s->rows.data, kept * sizeof(*s->rows.data));
	return s->body->rows ? NULL : &err_nomem;
}

static struct err *stacks_read(struct stacks_walk *s)
{
	const struct stacks_layout *l = &s->l;
	struct map_job *job = s->job;
	struct kva smap = { job->row->kva.v - l->map.off };
	uint64_t n_buckets;
	bool ok;

	TRY(map_get(job, "n_buckets", smap, &l->n_buckets, &n_buckets, &ok));
	if (!ok)
		return NULL;
	/* stack_map_alloc(): max_entries rounded up to a power of two. */
	if (!n_buckets || n_buckets & (n_buckets - 1))
		return map_implausible(job, "stack traces in %" PRIu64 " buckets", n_buckets);
	s->body->n_buckets = (uint32_t)n_buckets;
	s->body->frame_size = job->row->flags & BUILD_ID ? STACK_BUILD_ID_SIZE : 8;
	s->looked_at = (uint32_t)MIN(n_buckets, map_cap(job, BUCKETS_MAX));
	if (s->looked_at < n_buckets)
		job->capped = s->body->truncated = true;
	job->row->body = MAP_BODY_STACKS;
	job->row->stacks = s->body;
	TRY(find_rows(s, kmember(smap, &l->buckets)));
	TRY(read_rows(s));
	if (s->body->truncated)
		TRY(map_note(job, "stack traces truncated: %zu traces of %" PRIu32 " of %" PRIu64
			     " buckets, %d frames at most", s->body->nr, s->looked_at, n_buckets,
			     FRAMES_MAX));
	if (s->nameless && ksymbolize_why(job->mw->k))
		TRY(map_note(job, "names are missing: %s", ksymbolize_why(job->mw->k)));
	if (s->body->unreadable)
		TRY(map_unreadable(job, "%" PRIu32 " buckets unreadable", s->body->unreadable));
	return NULL;
}

struct err *map_stacks(struct map_job *job)
{
	_cleanup_(stacks_walk_deinit) struct stacks_walk s = { .job = job };

	TRY(klayout(job->mw->k, stacks_members, ARRAY_SIZE(stacks_members), &s.l, NULL));
	if (!s.l.map.present || !s.l.n_buckets.present || !s.l.buckets.present ||
	    !s.l.bucket_nr.present || !s.l.bucket_data.present)
		return map_no_layout(job, "struct bpf_stack_map");
	s.body = pool_calloc(job->mw->pool, 1, sizeof(*s.body));
	return s.body ? stacks_read(&s) : &err_nomem;
}
